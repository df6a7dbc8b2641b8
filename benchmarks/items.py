"""The list of what is measured. An item is one row of the table: contenders that do the same work."""

import fnmatch
import functools
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import calculus, footprint, networks, orders
from benchmarks.measuring import Contenders, Sample, in_turns

COLUMNS = [
    "hand-written",
    "hand-written, tuned",
    "fused by hand (numba)",
    "row by row",
    "minigrad",
    "minigrad compiled",
    "minigrad compiled, fast",
    "autograd",
    "torch",
    "JAX jit",
    "JAX eager",
]

Measure = Callable[[Contenders, float], dict[str, Sample]]


@dataclass(frozen=True)
class Item:
    """One row: how to build its contenders, at full size and tiny for the tests, and how to measure them."""

    name: str
    title: str
    group: str
    build: Callable[[], Contenders]
    tiny: Callable[[], Contenders]
    unit: str = "us"
    per: float = 1.0  # results are divided by this: operations in a call
    rtol: float = 1e-9
    measure: Measure = in_turns
    agrees: bool = True  # whether the contenders return the same numbers; imports return none
    readme: bool = False

    @property
    def scale(self) -> float:
        """From seconds or bytes to the unit."""
        return {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0, "MB": 1e-6}[self.unit] / self.per


def of_numpy(contenders: Contenders, seconds: float) -> dict[str, Sample]:
    """The peak memory of those that allocate through Python; numba's own would be counted as fused work."""
    fresh = network(LARGE, 1024)  # what an earlier call has allocated and kept belongs to its memory
    ours = [k for k in contenders if not k.startswith(("torch", "JAX", "fused")) and "fast" not in k]
    return footprint.traced_peaks({name: fresh[name] for name in ours})


def of_process(contenders: Contenders, seconds: float) -> dict[str, Sample]:
    """The peak memory of all, each in a process of its own."""
    return footprint.resident_peaks(f"network({LARGE}, 1024)", "network([9, 5, 3], 7)", list(contenders))


def imports() -> Contenders:
    """minigrad and the peers, by column; they are imported in fresh interpreters and not by these calls."""
    modules = {"minigrad": "minigrad", "autograd": "autograd", "torch": "torch", "JAX jit": "jax"}
    there = {column: module for column, module in modules.items() if importlib.util.find_spec(module) is not None}
    return {column: functools.partial(str, module) for column, module in there.items()}


def import_times(contenders: Contenders, seconds: float) -> dict[str, Sample]:
    modules = {run(): column for column, run in contenders.items()}
    return {modules[module]: sample for module, sample in footprint.import_times(list(modules)).items()}


SMALL, DEEP, LARGE = [2, 15, 3], [2, 4, 5, 8, 4, 3], [784, 512, 512, 10]
vector = np.linspace(0.1, 0.9, 10)
network, tiny_network = networks.network, functools.partial(networks.network, [2, 3, 2], 7)

NETWORKS, SMALL_WORK, CALCULUS = "networks and statistics", "small operations", "gradients, Hessians and Jacobians"
ORDERS, OTHER = "derivatives of high order", "first call, import and memory"

ITEMS: list[Item] = [
    Item(
        "network",
        "network [2, 15, 3], n = 300: loss and gradient",
        NETWORKS,
        lambda: network(SMALL, 300),
        tiny_network,
        readme=True,
    ),
    Item(
        "network-deep",
        "network [2, 4, 5, 8, 4, 3], n = 300",
        NETWORKS,
        lambda: network(DEEP, 300),
        lambda: network([2, 3, 4, 2], 7),
        readme=True,
    ),
    Item(
        "network-large",
        "network [784, 512, 512, 10], n = 1024",
        NETWORKS,
        lambda: network(LARGE, 1024),
        lambda: network([20, 4, 4, 3], 7),
        unit="ms",
        readme=True,
    ),
    Item(
        "network-float32",
        "network [784, 512, 512, 10] in float32",
        NETWORKS,
        lambda: network(LARGE, 1024, np.float32),
        lambda: network([20, 4, 4, 3], 7, np.float32),
        unit="ms",
        rtol=1e-2,
        readme=True,
    ),
    Item(
        "per-sample",
        "gradients of every sample, network [2, 15, 3], n = 300",
        NETWORKS,
        lambda: networks.per_sample(SMALL, 300),
        lambda: networks.per_sample([2, 3, 2], 4),
        unit="ms",
        readme=True,
    ),
    Item(
        "lstm",
        "LSTM step, 32 units, batch of 16",
        NETWORKS,
        lambda: networks.lstm(32, 32, 16),
        lambda: networks.lstm(2, 3, 4),
        readme=True,
    ),
    Item(
        "mixture",
        "Gaussian mixture, 5 components, 500 points of R^4",
        NETWORKS,
        lambda: networks.mixture(500, 5, 4),
        lambda: networks.mixture(6, 2, 3),
        readme=True,
    ),
    Item(
        "covariance",
        "log det S + y' S^-1 y, S of 50 x 50",
        NETWORKS,
        lambda: calculus.covariance(50),
        lambda: calculus.covariance(4),
        readme=True,
    ),
    Item(
        "chain-number",
        "1,000 operations on a number, each",
        SMALL_WORK,
        lambda: calculus.chain(1000, 0.5),
        lambda: calculus.chain(10, 0.5),
        unit="ns",
        per=1000,
        readme=True,
    ),
    Item(
        "chain-vector",
        "1,000 operations on 10 numbers, each",
        SMALL_WORK,
        lambda: calculus.chain(1000, vector),
        lambda: calculus.chain(10, vector),
        unit="ns",
        per=1000,
        readme=True,
    ),
    Item(
        "quadratic",
        "the quadratic, M of 5 x 2: value and gradient",
        SMALL_WORK,
        calculus.quadratic,
        calculus.quadratic,
        readme=True,
    ),
    Item(
        "rosenbrock",
        "Rosenbrock, N = 1,000: value and gradient",
        CALCULUS,
        lambda: calculus.rosenbrock_gradient(1000),
        lambda: calculus.rosenbrock_gradient(4),
        readme=True,
    ),
    Item(
        "rosenbrock-hessian",
        "Hessian of Rosenbrock, N = 100",
        CALCULUS,
        lambda: calculus.rosenbrock_hessian(100),
        lambda: calculus.rosenbrock_hessian(4),
        readme=True,
    ),
    Item(
        "rosenbrock-hvp",
        "Rosenbrock's Hessian times a vector, N = 10,000",
        CALCULUS,
        lambda: calculus.rosenbrock_hvp(10_000),
        lambda: calculus.rosenbrock_hvp(4),
        readme=True,
    ),
    Item(
        "jacobian",
        "Jacobian of two layers, 100 x 100",
        CALCULUS,
        lambda: calculus.jacobian(100),
        lambda: calculus.jacobian(4),
        readme=True,
    ),
    Item(
        "jacobian-sparse",
        "sparse Jacobian, 100,000 rows of three entries",
        CALCULUS,
        lambda: calculus.banded(100_000),
        lambda: calculus.banded(12),
        unit="ms",
        readme=True,
    ),
    *[
        Item(
            f"order-{k}",
            f"derivative {k} of tanh at 200 points, nested",
            ORDERS,
            functools.partial(orders.nested, k),
            functools.partial(orders.nested, min(k, 3), 5),
            rtol=1e-9,
            readme=k in (1, 2, 6),
        )
        for k in (1, 2, 4, 6)
    ],
    *[
        Item(
            f"taylor-{k}",
            f"all derivatives up to {k} of tanh at 200 points",
            ORDERS,
            functools.partial(orders.taylor, k),
            functools.partial(orders.taylor, min(k, 4), 5),
            readme=True,
        )
        for k in (6, 50)
    ],
    Item(
        "first-call",
        "compiled gradient of network [2, 15, 3]: first call",
        OTHER,
        lambda: networks.first_call(SMALL, 300),
        lambda: networks.first_call([2, 3, 2], 7),
        readme=True,
    ),
    Item(
        "import",
        "import, beyond NumPy's own",
        OTHER,
        imports,
        imports,
        unit="ms",
        measure=import_times,
        agrees=False,
        readme=True,
    ),
    Item(
        "memory",
        "peak memory of network [784, 512, 512, 10]: arrays of NumPy",
        OTHER,
        lambda: network(LARGE, 1024),
        tiny_network,
        unit="MB",
        measure=of_numpy,
        readme=True,
    ),
    Item(
        "memory-process",
        "peak memory of network [784, 512, 512, 10]: the process",
        OTHER,
        lambda: network(LARGE, 1024),
        tiny_network,
        unit="MB",
        measure=of_process,
        readme=True,
    ),
]


def matching(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that match one of the patterns, as file names do (`network*`), or contain it; all without patterns.

    Raises:
        ValueError: if a pattern matches nothing.

    >>> matching(["order-*", "hvp"], ["order-1", "rosenbrock-hvp", "import"])
    ['order-1', 'rosenbrock-hvp']
    """
    found = set()
    for pattern in patterns:
        hits = {name for name in names if fnmatch.fnmatch(name, pattern) or pattern in name}
        if not hits:
            raise ValueError(f"no item matches {pattern!r}; --list names them")
        found |= hits
    return [name for name in names if not patterns or name in found]
