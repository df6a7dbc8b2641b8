"""The list of what is measured. An item is one row of the table: contenders that do the same work."""

import dataclasses
import fnmatch
import functools
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import adbench, calculus, footprint, loops, networks, orders, sparse
from benchmarks.measuring import ALONE, Contenders, Sample, in_turns
from minigrad.operations.schedule import default_snapshots

COLUMNS = [
    "hand-written",
    "hand-written, tuned",
    "fused by hand (numba)",
    "row by row",
    "plain way",  # minigrad without what the row is about: one tape for a whole loop, a dense matrix
    "minigrad",
    "minigrad, colouring given",
    "minigrad compiled",
    "minigrad compiled, fast",
    "autograd",
    "torch",
    "JAX jit",
    "JAX eager",
    ALONE,
]
PEERS = ["autograd", "torch", "JAX jit", "JAX eager"]

TIMES = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}  # unit -> how many of it are a second
COUNTS = {"steps": 1.0, "sweeps": 1.0}
SCALES = TIMES | COUNTS | {"MB": 1e-6}

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
    in_table: bool = False  # of docs/benchmarks.md

    @property
    def scale(self) -> float:
        """From seconds, bytes or counts to the unit."""
        return SCALES[self.unit] / self.per


def of_numpy(contenders: Contenders, seconds: float) -> dict[str, Sample]:
    """Peak memory of the contenders that allocate through Python.

    Not of those that numba compiles: what its compiler allocates would be counted.
    """
    fresh = network(LARGE, 1024)  # arrays that a contender allocates in its first call and keeps are counted
    ours = [k for k in contenders if not k.startswith(("torch", "JAX", "fused")) and "fast" not in k]
    return footprint.traced_peaks({name: fresh[name] for name in ours})


def of_process(contenders: Contenders, seconds: float) -> dict[str, Sample]:
    """Peak memory of every contender, each in a separate process."""
    return footprint.resident_peaks(f"network({LARGE}, 1024)", "network([9, 5, 3], 7)", list(contenders))


def imports() -> Contenders:
    """minigrad and the installed peers: a call returns the name of the module, which `import_times` imports."""
    modules = {"minigrad": "minigrad", "autograd": "autograd", "torch": "torch", "JAX jit": "jax"}
    there = {column: module for column, module in modules.items() if importlib.util.find_spec(module) is not None}
    return {column: functools.partial(str, module) for column, module in there.items()}


def import_times(contenders: Contenders, seconds: float) -> dict[str, Sample]:
    """The time of every import, in fresh interpreters."""
    modules = {run(): column for column, run in contenders.items()}
    return {modules[module]: sample for module, sample in footprint.import_times(list(modules)).items()}


SMALL, DEEP, LARGE = [2, 15, 3], [2, 4, 5, 8, 4, 3], [784, 512, 512, 10]
STEPS = 4000  # of a training
EPOCHS = 100  # of one by mini-batches
vector = np.linspace(0.1, 0.9, 10)
network, tiny_network = networks.network, functools.partial(networks.network, [2, 3, 2], 7)

NETWORKS, SMALL_WORK, CALCULUS = "networks and statistics", "small operations", "gradients, Hessians and Jacobians"
ORDERS, OTHER = "derivatives of high order", "first call, import and memory"
SPARSE, LOOPS = "sparse Jacobians and Hessians", "long loops that keep few states"
ADBENCH = "ADBench"

KINDS_OF_INDEX = {
    "positions": "entries of a column",
    "rows": "rows, some repeated",
    "pairs": "pairs of positions",
    "mask": "rows of a mask",
    "column": "entries of one column, kept as a column",
}
THOUSANDS = [1_000, 10_000, 100_000]
PROBLEMS = [  # name, title, problem, numbers of variables
    ("band", "sparse Jacobian, band of width 3", sparse.band, [*THOUSANDS, 1_000_000]),
    ("arrow", "sparse Jacobian, arrow", sparse.arrow, THOUSANDS),
    ("rosenbrock", "sparse Hessian of Rosenbrock", sparse.rosenbrock, THOUSANDS),
]
KEPT = {length: [default_snapshots(length), *few] for length, few in [(1_000, [10, 5]), (10_000, [20, 5])]}


def of_sparse(name: str, title: str, make: Callable[[int], sparse.Problem], sizes: Sequence[int]) -> Iterator[Item]:
    """A sparse matrix in every size; in the smallest one also against a dense matrix."""
    for n in sizes:
        yield Item(
            f"sparse-{name}-{n}",
            f"{title}, n = {n:,}",
            SPARSE,
            lambda n=n: sparse.compared(make(n)),
            lambda: sparse.compared(make(12)),
            unit="ms",
            rtol=1e-12,
        )
    against_dense = Item(
        f"sparse-dense-{name}",
        f"{title}, n = {sizes[0]:,}, and as a dense matrix",
        SPARSE,
        lambda: sparse.dense(make(sizes[0])),
        lambda: sparse.dense(make(12)),
        unit="ms",
    )
    yield against_dense
    yield dataclasses.replace(
        against_dense,
        name=f"sparse-sweeps-{name}",
        title=f"{title}, n = {sizes[0]:,}: sweeps",
        unit="sweeps",
        measure=lambda contenders, seconds: sparse.sweeps(make(sizes[0])),
    )


def timed_loop(length: int, states: int, size: int = 200) -> Item:
    """The time of a loop; a state is `size` numbers."""
    wide = "" if size == 200 else f" of {size:,} numbers"
    return Item(
        f"loop-time-{length}-{states}",
        f"loop of {length:,} steps, room for {states} states{wide}",
        LOOPS,
        lambda: loops.loop(length, states, size),
        lambda: loops.loop(7, 2, 3),
        unit="ms",
    )


def of_loop(length: int, states: int) -> list[Item]:
    """Time, memory and steps of a loop."""
    time = timed_loop(length, states)
    memory = dataclasses.replace(
        time,
        name=f"loop-memory-{length}-{states}",
        title=f"{time.title}: peak memory",
        unit="MB",
        measure=lambda contenders, seconds: footprint.traced_peaks(contenders),
    )
    steps = dataclasses.replace(
        time,
        name=f"loop-steps-{length}-{states}",
        title=f"{time.title}: steps run",
        unit="steps",
        measure=lambda contenders, seconds: loops.steps_run(contenders, length, states),
    )
    return [time, memory, steps]


def of_adbench(
    make: Callable[..., Contenders], tiny: tuple[Any, ...], **sizes: tuple[str, tuple[Any, ...]]
) -> list[Item]:
    """A problem of ADBench in some sizes: name=(title, arguments of `make`)."""
    return [
        Item(
            f"adbench-{name.replace('_', '-')}",
            title,
            ADBENCH,
            functools.partial(make, *size),
            functools.partial(make, *tiny),
            rtol=1e-8,
        )
        for name, (title, size) in sizes.items()
    ]


PROBLEMS_OF_ADBENCH = [
    *of_adbench(
        adbench.mixture,
        (5, 3, 2),
        mixture_2=("mixture of 5 Gaussians, 1,000 points of R^2", (1000, 2, 5)),
        mixture_10=("mixture of 5 Gaussians, 1,000 points of R^10", (1000, 10, 5)),
        mixture_20=("mixture of 25 Gaussians, 1,000 points of R^20", (1000, 20, 25)),
    ),
    *of_adbench(
        adbench.mixture_by_einsum,
        (5, 3, 2),
        mixture_einsum=("the same by einsum", (1000, 20, 25)),
    ),
    *of_adbench(
        adbench.bundle,
        (2, 3, 4),
        bundle_100=("bundle adjustment, 100 observations: blocks", (5, 30, 100)),
        bundle_3000=("bundle adjustment, 3,000 observations: blocks", (21, 600, 3000)),
    ),
    *of_adbench(
        adbench.bundle_by_observation,
        (3,),
        bundle_each=("bundle adjustment, 100 observations one by one", (100,)),
    ),
    *of_adbench(
        adbench.bundle_sparse,
        (2, 3, 4),
        bundle_sparse=("bundle adjustment, 3,000 observations: sparse matrix", (21, 600, 3000)),
    ),
    *of_adbench(
        adbench.hand,
        (7, 12, False),
        hand_simple=("hand of 544 vertices, 100 points: Jacobian", (544, 100, False)),
        hand_large=("hand of 2,000 vertices, 1,000 points: Jacobian", (2000, 1000, False)),
    ),
    *of_adbench(
        adbench.hand,
        (7, 12, True),
        hand_complicated=("hand, 100 points within triangles: Jacobian", (544, 100, True)),
    ),
    *of_adbench(
        adbench.recurrent,
        (2, 3, 2),
        lstm_20=("LSTM of 2 layers of 14, 20 characters", (2, 14, 20)),
        lstm_100=("LSTM of 2 layers of 14, 100 characters", (2, 14, 100)),
    ),
]

ITEMS: list[Item] = [
    Item(
        "network",
        "network [2, 15, 3], n = 300: loss and gradient",
        NETWORKS,
        lambda: network(SMALL, 300),
        tiny_network,
        in_table=True,
    ),
    Item(
        "network-deep",
        "network [2, 4, 5, 8, 4, 3], n = 300",
        NETWORKS,
        lambda: network(DEEP, 300),
        lambda: network([2, 3, 4, 2], 7),
        in_table=True,
    ),
    Item(
        "tour",
        "the tour's own program [2, 4, 5, 8, 4, 3], n = 300",
        NETWORKS,
        lambda: networks.tour(DEEP, 300),
        lambda: networks.tour([2, 3, 4, 2], 7),
        in_table=True,
    ),
    *[
        Item(
            f"training{suffix}",
            f"step of gradient descent by nn.train, network {widths}, n = 300",
            NETWORKS,
            functools.partial(networks.training, widths, 300, STEPS),
            functools.partial(networks.training, [2, 3, 2], 7, 20),
            per=STEPS,
        )
        for suffix, widths in (("", SMALL), ("-deep", DEEP))
    ],
    Item(
        "training-batches",
        "step of Adam on a mini-batch of 64 by nn.fit, network [64, 64, 10], 1,797 samples",
        NETWORKS,
        lambda: networks.mini_batches([64, 64, 10], 1797, EPOCHS),
        lambda: networks.mini_batches([2, 3, 2], 20, 2, 8),
        per=EPOCHS * 29,
    ),
    Item(
        "network-large",
        "network [784, 512, 512, 10], n = 1024",
        NETWORKS,
        lambda: network(LARGE, 1024),
        lambda: network([20, 4, 4, 3], 7),
        unit="ms",
        in_table=True,
    ),
    Item(
        "network-float32",
        "network [784, 512, 512, 10] in float32",
        NETWORKS,
        lambda: network(LARGE, 1024, np.float32),
        lambda: network([20, 4, 4, 3], 7, np.float32),
        unit="ms",
        rtol=1e-2,
        in_table=True,
    ),
    Item(
        "per-sample",
        "gradients of every sample, network [2, 15, 3], n = 300",
        NETWORKS,
        lambda: networks.per_sample(SMALL, 300),
        lambda: networks.per_sample([2, 3, 2], 4),
        unit="ms",
        in_table=True,
    ),
    Item(
        "lstm",
        "LSTM step, 32 units, batch of 16",
        NETWORKS,
        lambda: networks.lstm(32, 32, 16),
        lambda: networks.lstm(2, 3, 4),
        in_table=True,
    ),
    Item(
        "mixture",
        "Gaussian mixture, 5 components, 500 points of R^4",
        NETWORKS,
        lambda: networks.mixture(500, 5, 4),
        lambda: networks.mixture(6, 2, 3),
        in_table=True,
    ),
    Item(
        "covariance",
        "log det S + y' S^-1 y, S of 50 x 50",
        NETWORKS,
        lambda: calculus.covariance(50),
        lambda: calculus.covariance(4),
        in_table=True,
    ),
    Item(
        "chain-number",
        "1,000 operations on a number, each",
        SMALL_WORK,
        lambda: calculus.chain(1000, 0.5),
        lambda: calculus.chain(10, 0.5),
        unit="ns",
        per=1000,
        in_table=True,
    ),
    Item(
        "chain-long",
        "100,000 operations on a number, each",
        SMALL_WORK,
        lambda: calculus.eager(calculus.chain(100_000, 0.5)),
        lambda: calculus.eager(calculus.chain(10, 0.5)),
        unit="ns",
        per=100_000,
    ),
    Item(
        "chain-vector",
        "1,000 operations on 10 numbers, each",
        SMALL_WORK,
        lambda: calculus.chain(1000, vector),
        lambda: calculus.chain(10, vector),
        unit="ns",
        per=1000,
        in_table=True,
    ),
    Item(
        "quadratic",
        "the quadratic, M of 5 x 2: value and gradient",
        SMALL_WORK,
        calculus.quadratic,
        calculus.quadratic,
        in_table=True,
    ),
    Item(
        "rosenbrock",
        "Rosenbrock, N = 1,000: value and gradient",
        CALCULUS,
        lambda: calculus.rosenbrock_gradient(1000),
        lambda: calculus.rosenbrock_gradient(4),
        in_table=True,
    ),
    Item(
        "rosenbrock-hessian",
        "Hessian of Rosenbrock, N = 100",
        CALCULUS,
        lambda: calculus.rosenbrock_hessian(100),
        lambda: calculus.rosenbrock_hessian(4),
        in_table=True,
    ),
    Item(
        "rosenbrock-hvp",
        "Rosenbrock's Hessian times a vector, N = 10,000",
        CALCULUS,
        lambda: calculus.rosenbrock_hvp(10_000),
        lambda: calculus.rosenbrock_hvp(4),
        in_table=True,
    ),
    Item(
        "batched-one",
        "gradients of a batch of one example",
        CALCULUS,
        calculus.batch_of_one,
        calculus.batch_of_one,
    ),
    Item(
        "jacobian",
        "Jacobian of two layers, 100 x 100",
        CALCULUS,
        lambda: calculus.jacobian(100),
        lambda: calculus.jacobian(4),
        in_table=True,
    ),
    Item(
        "jacobian-sparse",
        "sparse Jacobian, 100,000 rows of three entries",
        CALCULUS,
        lambda: sparse.first(sparse.band(100_000)),
        lambda: sparse.first(sparse.band(12)),
        unit="ms",
        in_table=True,
    ),
    *[
        Item(
            f"order-{k}",
            f"derivative {k} of tanh at 200 points, nested",
            ORDERS,
            functools.partial(orders.nested, k),
            functools.partial(orders.nested, min(k, 3), 5),
            rtol=1e-9,
            in_table=k in (1, 2, 6),
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
            in_table=True,
        )
        for k in (6, 50)
    ],
    Item(
        "first-call",
        "compiled gradient of network [2, 15, 3]: first call",
        OTHER,
        lambda: networks.first_call(SMALL, 300),
        lambda: networks.first_call([2, 3, 2], 7),
        in_table=True,
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
        in_table=True,
    ),
    Item(
        "memory",
        "peak memory of network [784, 512, 512, 10]: arrays of NumPy",
        OTHER,
        lambda: network(LARGE, 1024),
        tiny_network,
        unit="MB",
        measure=of_numpy,
        in_table=True,
    ),
    Item(
        "memory-process",
        "peak memory of network [784, 512, 512, 10]: the process",
        OTHER,
        lambda: network(LARGE, 1024),
        tiny_network,
        unit="MB",
        measure=of_process,
        in_table=True,
    ),
    *[
        Item(
            f"index-{kind}-{n}",
            f"gradient through an index of {n:,} {KINDS_OF_INDEX[kind]}",
            CALCULUS,
            functools.partial(calculus.indexed, kind, n),
            functools.partial(calculus.indexed, kind, 12),
        )
        for kind in calculus.INDICES
        for n in (1_000, 50_000)
    ],
    *[
        Item(
            f"index-hazard-{n}",
            f"piecewise hazard at {n:,} times: value and gradient",
            CALCULUS,
            functools.partial(calculus.hazard, n),
            functools.partial(calculus.hazard, 12),
        )
        for n in (5_000, 500_000)
    ],
    *[item for problem in PROBLEMS for item in of_sparse(*problem)],
    *[item for length, kept in KEPT.items() for states in kept for item in of_loop(length, states)],
    *[timed_loop(200, states, 20_000) for states in (default_snapshots(200), 5)],
    *PROBLEMS_OF_ADBENCH,
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
