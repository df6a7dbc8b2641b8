"""How fast is minigrad? Ratios to hand-written NumPy and to its peers, from one run on one core.

    python benchmarks/run.py               # about two minutes; peers take part where they are installed
    python benchmarks/run.py --json out.json

Every contender of a row does the same work and is checked to give the same numbers first. They take turns, one call
each, and the medians are compared: a machine that slows down for a while then slows all of them. Absolute times are
printed in the first column only, for orientation.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import argparse
import importlib.metadata
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import minigrad
import minigrad.numpy as mnp
from nn import backprop, loss, mlp

try:
    import autograd
    import autograd.numpy as anp
except ImportError:
    autograd = None
try:
    import torch

    torch.set_num_threads(1)
except ImportError:
    torch = None
try:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
except ImportError:
    jax = None

Contenders = dict[str, Callable[[], Any]]
COLUMNS = ["hand-written", "minigrad", "autograd", "torch", "JAX jit", "JAX eager"]
SEPARATOR = "|".join(["---"] * (len(COLUMNS) + 1))


# ----- measuring ------------------------------------------------------------------------------------------------------


def in_turns(contenders: Contenders, seconds: float) -> dict[str, float]:
    """The median time of one call of each, in seconds; they take turns until the time is over."""
    for run in contenders.values():
        run(), run()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[next(iter(times))]) < 7:
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_memory(contenders: Contenders) -> dict[str, float]:
    """The most memory allocated at once during a call, in bytes, of the contenders that allocate through Python."""
    peaks = {}
    for name, run in contenders.items():
        if name in ("hand-written", "minigrad", "autograd"):
            run()
            tracemalloc.start()
            run()
            peaks[name] = float(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    return peaks


def agree(contenders: Contenders, rtol: float = 1e-9) -> None:
    """Every contender gives the same numbers, or this is no comparison."""
    results = {name: [np.asarray(part) for part in flat(run())] for name, run in contenders.items()}
    names = list(results)
    for name in names[1:]:
        for a, b in zip(results[names[0]], results[name], strict=True):
            np.testing.assert_allclose(a.ravel(), b.ravel(), rtol=rtol, atol=rtol, err_msg=f"{name}, {names[0]}")


def flat(result: Any) -> list[Any]:
    """The arrays within nested lists and tuples."""
    if isinstance(result, (list, tuple)):
        return [part for item in result for part in flat(item)]
    return [result.detach().numpy() if torch is not None and isinstance(result, torch.Tensor) else result]


# ----- the tour's network: loss and gradient --------------------------------------------------------------------------


def network(widths: list[int], n: int, dtype: Any = np.float64) -> Contenders:
    rng = np.random.default_rng(0)
    A, b = mlp.init(widths, rng)
    A = [(matrix / max(1.0, matrix.shape[1] / 16)).astype(dtype) for matrix in A]
    b = [vector.astype(dtype) for vector in b]
    x = rng.uniform(-1, 1, (widths[0], n)).astype(dtype)
    Y = np.eye(widths[-1], dtype=dtype)[rng.integers(0, widths[-1], n)].T.copy()
    contenders: Contenders = {"hand-written": lambda: backprop.gradient(A, b, x, Y)}

    with_minigrad = minigrad.value_and_grad(lambda P: loss.logistic(mlp.forward(P[0], P[1], x)[-1], Y))
    contenders["minigrad"] = lambda: flat(with_minigrad((A, b)))

    if autograd is not None:

        def loss_autograd(P: Any) -> Any:
            z = x
            for Ar, br in zip(*P, strict=True):
                z = anp.arctan(anp.dot(Ar, z) + br)
            top = anp.max(z, axis=0, keepdims=True)
            return anp.sum(anp.log(anp.sum(anp.exp(z - top), axis=0, keepdims=True)) + top) - anp.sum(z * Y)

        with_autograd = autograd.value_and_grad(loss_autograd)
        contenders["autograd"] = lambda: with_autograd((A, b))
    if torch is not None:
        tA, tb = ([torch.tensor(p, requires_grad=True) for p in part] for part in (A, b))
        tx, tY = torch.tensor(x), torch.tensor(Y)

        def with_torch() -> Any:
            z = tx
            for Ar, br in zip(tA, tb, strict=True):
                z = torch.arctan(Ar @ z + br)
            value = torch.logsumexp(z, 0).sum() - (z * tY).sum()
            return [value, *torch.autograd.grad(value, tA + tb)]

        contenders["torch"] = with_torch
    if jax is not None:

        def loss_jax(P: Any) -> Any:
            z = x
            for Ar, br in zip(*P, strict=True):
                z = jnp.arctan(Ar @ z + br)
            return jnp.sum(jax.scipy.special.logsumexp(z, axis=0)) - jnp.sum(z * Y)

        compiled = jax.jit(jax.value_and_grad(loss_jax))
        jA, jb = [jnp.asarray(p) for p in A], [jnp.asarray(p) for p in b]
        contenders["JAX jit"] = lambda: jax.block_until_ready(compiled((jA, jb)))
    return contenders


# ----- small operations: what the bookkeeping costs -------------------------------------------------------------------


def chain(operations: int, x: Any) -> Contenders:
    """x = x * 1.0001 + 0.1, again and again."""

    def program(x: Any) -> Any:
        for _ in range(operations // 2):
            x = x * 1.0001 + 0.1
        return x

    def by_hand() -> Any:
        value, slope = x, 1.0
        for _ in range(operations // 2):
            value = value * 1.0001 + 0.1
        for _ in range(operations // 2):
            slope = slope * 1.0001
        return slope + 0.0 * x

    contenders: Contenders = {"hand-written": by_hand}
    derivative = minigrad.elementwise_grad(program)
    contenders["minigrad"] = lambda: derivative(x)
    if autograd is not None:
        by_autograd = autograd.elementwise_grad(program)
        contenders["autograd"] = lambda: by_autograd(x)
    if torch is not None:
        tx = torch.tensor(x, requires_grad=True, dtype=torch.float64)
        contenders["torch"] = lambda: torch.autograd.grad(program(tx).sum(), tx)[0]
    return contenders


def quadratic() -> Contenders:
    """The gradient of ||Mx||^2, M of 5 x 2."""
    rng = np.random.default_rng(0)
    M, x = rng.standard_normal((5, 2)), rng.standard_normal((2, 1))
    contenders: Contenders = {"hand-written": lambda: 2 * (M.T @ (M @ x))}
    gradient = minigrad.grad(lambda x: mnp.sum(mnp.square(M @ x)))
    contenders["minigrad"] = lambda: gradient(x)
    if autograd is not None:
        by_autograd = autograd.grad(lambda x: anp.sum(anp.square(anp.dot(M, x))))
        contenders["autograd"] = lambda: by_autograd(x)
    if torch is not None:
        tM, tx = torch.tensor(M), torch.tensor(x, requires_grad=True)
        contenders["torch"] = lambda: torch.autograd.grad(torch.square(tM @ tx).sum(), tx)[0]
    if jax is not None:
        compiled = jax.jit(jax.grad(lambda x: jnp.sum(jnp.square(M @ x))))
        jx = jnp.asarray(x)
        contenders["JAX jit"] = lambda: jax.block_until_ready(compiled(jx))
        eager = jax.grad(lambda x: jnp.sum(jnp.square(M @ x)))
        contenders["JAX eager"] = lambda: jax.block_until_ready(eager(jx))
    return contenders


def covariance(n: int) -> Contenders:
    """The gradient of a Gaussian log-likelihood in its covariance: log det(S) + y^T S^-1 y."""
    rng = np.random.default_rng(0)
    root, y = rng.standard_normal((n, n)), rng.standard_normal(n)
    S = root @ root.T + n * np.eye(n)

    def program(namespace: Any) -> Callable[[Any], Any]:
        return lambda S: namespace.linalg.slogdet(S)[1] + y @ namespace.linalg.solve(S, y)

    def by_hand() -> Any:
        inverse = np.linalg.inv(S).T
        return inverse - np.outer(inverse @ y, inverse.T @ y)

    gradient = minigrad.grad(program(mnp))
    contenders: Contenders = {"hand-written": by_hand, "minigrad": lambda: gradient(S)}
    if autograd is not None:
        by_autograd = autograd.grad(program(anp))
        contenders["autograd"] = lambda: by_autograd(S)
    if torch is not None:
        tS, ty = torch.tensor(S, requires_grad=True), torch.tensor(y)

        def with_torch() -> Any:
            return torch.autograd.grad(torch.linalg.slogdet(tS)[1] + ty @ torch.linalg.solve(tS, ty), tS)[0]

        contenders["torch"] = with_torch
    if jax is not None:
        compiled = jax.jit(jax.grad(lambda S: jnp.linalg.slogdet(S)[1] + y @ jnp.linalg.solve(S, y)))
        jS = jnp.asarray(S)
        contenders["JAX jit"] = lambda: jax.block_until_ready(compiled(jS))
    return contenders


def nested_tanh(order: int) -> Contenders:
    """The derivative of this order of (1 - e^-x) / (1 + e^-x) at 200 points, by nesting."""
    t = np.linspace(-7, 7, 200)

    def program(namespace: Any) -> Callable[[Any], Any]:
        return lambda x: (1.0 - namespace.exp(-x)) / (1.0 + namespace.exp(-x))

    def nest(transform: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
        for _ in range(order):
            function = transform(function)
        return function

    by_minigrad = nest(minigrad.elementwise_grad, program(mnp))
    contenders: Contenders = {"minigrad": lambda: by_minigrad(t)}
    if autograd is not None:
        by_autograd = nest(autograd.elementwise_grad, program(anp))
        contenders["autograd"] = lambda: by_autograd(t)
    return contenders


def all_orders(order: int) -> Contenders:
    """All derivatives of (1 - e^-x) / (1 + e^-x) up to this order, at 200 points, in one pass of Taylor mode."""
    t = np.linspace(-7, 7, 200)

    def program(namespace: Any) -> Callable[[Any], Any]:
        return lambda x: (1.0 - namespace.exp(-x)) / (1.0 + namespace.exp(-x))

    contenders: Contenders = {"minigrad": lambda: minigrad.derivatives(program(np), t, order)}
    if jax is not None and order <= 12:  # compiling takes longer with every order
        from jax.experimental import jet

        jt = jnp.asarray(t)
        line = [jnp.ones_like(jt)] + [jnp.zeros_like(jt)] * (order - 1)

        @jax.jit
        def compiled(x: Any) -> Any:
            value, series = jet.jet(program(jnp), (x,), (line,))
            return jnp.stack([value, *series])

        contenders["JAX jit"] = lambda: jax.block_until_ready(compiled(jt))
    return contenders


def import_time() -> dict[str, float]:
    """Milliseconds that an import takes after NumPy's own, each in a fresh interpreter, in turns."""
    modules = ["minigrad"] + [m for m, there in [("autograd", autograd), ("torch", torch), ("jax", jax)] if there]
    program = "import numpy, time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(8):
        for module in modules:
            run = [sys.executable, "-c", program.format(module)]
            out = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
            times[module].append(1e3 * float(out.stdout))
    return {module: statistics.median(values[1:]) for module, values in times.items()}  # the first compiles


# ----- the table ------------------------------------------------------------------------------------------------------


def row(work: str, values: dict[str, float], unit: str, scale: float, reference: str = "hand-written") -> str:
    """One line of the table: the reference in its unit, all others as multiples of it."""
    cells = []
    for column in COLUMNS:
        if column not in values:
            cells.append("")
        elif column == reference:
            cells.append(f"{values[column] * scale:.3g} {unit}")
        else:
            cells.append(f"{values[column] / values[reference]:.2f}")
    return f"| {work} | " + " | ".join(cells) + " |"


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description="Ratios of minigrad to hand-written NumPy and to its peers.")
    parser.add_argument("--seconds", type=float, default=6.0, help="time for each row (default: 6)")
    parser.add_argument("--json", type=pathlib.Path, help="also write the numbers to this file")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    versions = {"python": platform.python_version()}
    for package, module in [("numpy", np), ("autograd", autograd), ("torch", torch), ("jax", jax)]:
        if module is not None:
            versions[package] = importlib.metadata.version(package)
    print("one core; " + ", ".join(f"{name} {version}" for name, version in versions.items()), end="\n\n")
    print("| work | " + " | ".join(COLUMNS) + " |")
    print("|" + SEPARATOR + "|", flush=True)
    results: dict[str, Any] = {"versions": versions}

    def measured(
        work: str, contenders: Contenders, unit: str, scale: float, reference: str = "hand-written", rtol: float = 1e-9
    ) -> None:
        agree(contenders, rtol)
        results[work] = values = in_turns(contenders, options.seconds)
        print(row(work, values, unit, scale, reference), flush=True)

    measured("network [2, 15, 3], n = 300: loss and gradient", network([2, 15, 3], 300), "us", 1e6)
    measured("network [2, 4, 5, 8, 4, 3], n = 300", network([2, 4, 5, 8, 4, 3], 300), "us", 1e6)
    large = network([784, 512, 512, 10], 1024)
    measured("network [784, 512, 512, 10], n = 1024: time", large, "ms", 1e3)
    results["peak memory"] = peaks = peak_memory(large)
    print(row("its peak memory (NumPy arrays)", peaks, "MB", 1e-6), flush=True)
    narrow = network([784, 512, 512, 10], 1024, np.float32)
    measured("the same in float32: time", narrow, "ms", 1e3, rtol=1e-2)
    both = {
        "float64": network([2, 15, 3], 300)["minigrad"],
        "float32": network([2, 15, 3], 300, np.float32)["minigrad"],
    }
    results["float32 / float64"] = halves = in_turns(both, options.seconds)
    measured("log det S + y' S^-1 y, S of 50 x 50", covariance(50), "us", 1e6)
    measured("gradient of the quadratic, M of 5 x 2", quadratic(), "us", 1e6)
    measured("1,000 operations on a number, each", chain(1000, 0.5), "us", 1e3)
    measured("1,000 operations on 10 numbers, each", chain(1000, np.linspace(0, 1, 10)), "us", 1e3)
    for order in (1, 2, 4, 6):
        work = f"derivative {order} of tanh at 200 points, nested"
        measured(work, nested_tanh(order), "us", 1e6, reference="minigrad")
    for order in (6, 50):
        work = f"derivatives 0 to {order} of tanh at 200 points, in one pass"
        measured(work, all_orders(order), "us", 1e6, reference="minigrad")
    results["import"] = imports = import_time()
    results["chain, us per operation"] = {
        name: value * 1e3 for name, value in results["1,000 operations on a number, each"].items()
    }
    print(
        "\nper operation of the chain on a number: "
        + ", ".join(f"{name} {value:.2f} us" for name, value in results["chain, us per operation"].items())
    )
    print(f"network [2, 15, 3] with minigrad, float32 over float64: {halves['float32'] / halves['float64']:.2f}")
    print("import, beyond NumPy's own: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in imports.items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
