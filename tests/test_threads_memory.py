"""Threads that differentiate at the same time, and memory that is freed at once, without the garbage collector."""

import gc
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from minigrad import grad, hessian, hvp, jacobian, jvp, trace, value_and_grad, vjp
from minigrad.core.tape import Tape

rng = np.random.default_rng(4)


# ----- threads --------------------------------------------------------------------------------------------------------


def work(seed: int) -> Any:
    """Nested derivatives in both modes, with values that depend on the seed."""
    a = np.random.default_rng(seed).normal(size=(4, 4))

    def loss(x: Any) -> Any:
        y = np.tanh(a @ x)
        return np.sum(y * grad(lambda z: np.sum(np.sin(z) * x))(y)) + np.prod(np.cos(x[[0, 1, 1]]))

    x = np.linspace(-1, 1, 4) * seed
    return np.concatenate(
        [grad(loss)(x), hvp(loss, x, np.ones(4)), jvp(loss, (x,), (x,))[1].reshape(1), hessian(loss)(x)[0]]
    )


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("impatient")
def test_threads_give_the_serial_results() -> None:
    """Many derivatives in eight threads at once equal those computed one after another, to the last bit."""
    serial = [work(seed) for seed in range(24)]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(work, range(24)))
    assert all(np.array_equal(a, b) for a, b in zip(serial, parallel))


def test_threads_interleaved_step_by_step() -> None:
    """Two threads whose transformations open, run and sweep in step with one another."""
    barrier = threading.Barrier(2, timeout=20)
    results: dict[float, Any] = {}

    def run(x: float) -> None:
        def fun(y: Any) -> Any:
            barrier.wait()
            z = y * y
            barrier.wait()
            inner = grad(lambda w: (barrier.wait(), w * z)[1])(y)
            barrier.wait()
            return z * inner

        results[x] = grad(fun)(x)

    threads = [threading.Thread(target=run, args=(x,)) for x in (2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {2.0: 32.0, 3.0: 108.0}  # d/dx x^4


def test_a_pullback_called_in_another_thread() -> None:
    """A pullback belongs to no thread; several may call it at once."""
    x = rng.normal(size=50)
    _, pullback = vjp(lambda x: np.sin(x) * x[::-1], x)
    cs = [rng.normal(size=50) for _ in range(16)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda c: pullback(c)[0], cs))
    assert all(np.array_equal(r, pullback(c)[0]) for r, c in zip(results, cs))


def test_an_exception_in_one_thread_leaves_the_others_alone() -> None:
    """Half of the threads fail in the middle of a nested derivative."""

    def run(seed: int) -> Any:
        if seed % 2:
            try:
                grad(lambda x: grad(lambda y: np.histogram2d(y * x, x)[0])(x))(np.ones(3))
            except NotImplementedError:
                return None
        return work(seed)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, range(12)))
    for seed, result in enumerate(results):
        assert result is None if seed % 2 else np.array_equal(result, work(seed))


# ----- memory ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only reference counts free memory."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def tapes() -> int:
    """How many tapes are alive."""
    return sum(issubclass(type(thing), Tape) for thing in gc.get_objects())


class Watch:
    """Weak references to the arrays that appear in a traced function."""

    def __init__(self) -> None:
        self.references: list[Any] = []

    def __call__(self, x: Any) -> Any:
        plain = x
        while hasattr(plain, "tape"):
            plain = plain.value
        if isinstance(plain, np.ndarray):
            self.references.append(weakref.ref(plain))
        return x

    def alive(self) -> int:
        """How many of them still exist."""
        return sum(reference() is not None for reference in self.references)


RUNS: dict[str, Callable[[Callable[[Any], Any], Any], Any]] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x),
    "vjp": lambda f, x: vjp(f, x)[1](1.0),
    "jvp": lambda f, x: jvp(f, (x,), (x,)),
    "hvp": lambda f, x: hvp(f, x, x),
    "jacobian": lambda f, x: jacobian(f)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "grad of grad": lambda f, x: grad(lambda x: np.sum(grad(f)(x) ** 2))(x),
    "trace": lambda f, x: str(trace(f, x)),
    "trace, cotangents": lambda f, x: trace(f, x).table(cotangents=True),
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_memory_is_freed_at_once(run: Callable[..., Any]) -> None:
    """When a transformation returns, all its intermediates and tapes are gone, though no collector runs."""
    watch, before = Watch(), tapes()

    def fun(x: Any) -> Any:
        y = watch(np.tanh(watch(x * 2.0)))
        z = watch(y[::2] + y[[0, 0, 1]])
        return np.sum(watch(np.where(z > 0, z, 0.0))) + watch(np.stack([z, z]))[0, 1]

    result = run(fun, np.linspace(0.1, 1.0, 6))
    assert len(watch.references) >= 5
    assert watch.alive() == 0
    assert tapes() == before
    assert result is not None


FAILURES: dict[str, Callable[[Any], Any]] = {
    "no rule": lambda y: np.fft.fft(y),
    "float": lambda y: float(y[0]),
    "assignment": lambda y: np.zeros(3).__setitem__(0, y[0]),
    "slice assignment": lambda y: np.zeros(6).__setitem__(slice(None), y),
    "list": lambda y: np.array([y[0], y[1]]),
    "shape": lambda y: y @ np.ones((2, 2)),
    "own": lambda y: {}["missing"],
    "not one number": lambda y: y,
    "none": lambda y: None,
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("nested", [False, True], ids=["first order", "second order"])
def test_memory_is_freed_after_an_exception(fail: Callable[[Any], Any], nested: bool) -> None:
    """Once the traceback is dropped nothing is left, at first and second order."""
    watch, before = Watch(), tapes()

    def fun(x: Any) -> Any:
        return fail(watch(np.exp(watch(x * 2.0))))

    def outer(x: Any) -> Any:
        return np.sum(grad(fun)(x))

    raised = None
    try:
        grad(outer if nested else fun)(np.ones(6))
    except Exception as error:  # any of them: what matters is what it leaves behind
        raised = type(error)
    assert raised is not None
    assert len(watch.references) == 2
    assert watch.alive() == 0
    assert tapes() == before


@pytest.mark.usefixtures("no_collector")
def test_a_pullback_holds_its_tape_and_then_lets_go() -> None:
    """Residuals live as long as the pullback does."""
    watch, before = Watch(), tapes()
    _, pullback = vjp(lambda x: np.sum(watch(np.exp(x))), np.ones(5))
    assert watch.alive() == 1
    del pullback
    assert watch.alive() == 0
    assert tapes() == before


@pytest.mark.usefixtures("no_collector")
def test_inputs_and_results_are_not_kept() -> None:
    """Neither the argument nor the gradient is remembered by the engine."""
    x = np.ones(1000)
    g = grad(lambda x: np.sum(x * x))(x)
    references = weakref.ref(x), weakref.ref(g)
    del x, g
    assert [r() for r in references] == [None, None]


def peak_in_arrays(fun: Callable[[Any], Any], size: int = 100_000) -> float:
    """The peak memory of a gradient at an array of this size, in units of that array."""
    x = np.linspace(0.1, 1.0, size)
    grad(fun)(x)  # so that caches are filled
    tracemalloc.start()
    grad(fun)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / x.nbytes


def repeated(layer: Callable[[Any], Any], n: int) -> Callable[[Any], Any]:
    """A chain of n equal layers, summed."""

    def chain(x: Any) -> Any:
        for _ in range(n):
            x = layer(x)
        return np.sum(x)

    return chain


DEPTH = 40
CHAINS: dict[str, tuple[Callable[[Any], Any], int]] = {
    # the layer, and how many arrays per layer its derivative needs
    "affine": (lambda x: x * 1.01 + 0.5, 0),
    "negate, shift, scale": (lambda x: 2.0 - (-x / 3.0), 0),
    "tanh of affine": (lambda x: np.tanh(x * 0.9 + 0.1), 1),
    "arctan of affine": (lambda x: np.arctan(0.9 * x - 0.1), 1),
    "exp, negative": (lambda x: np.exp(-x), 1),
    "reshape, transpose, flip": (lambda x: (x.reshape(100, -1) * 1.1).T[::-1].reshape(-1), 0),
    "mean added": (lambda x: x + np.mean(x), 0),
}


@pytest.mark.parametrize(("layer", "needed"), CHAINS.values(), ids=CHAINS)
def test_a_lean_tape_keeps_what_rules_read_and_no_more(layer: Callable[[Any], Any], needed: int) -> None:
    """The peak is the needed residuals and a handful of arrays, not every intermediate of the chain."""
    assert peak_in_arrays(repeated(layer, DEPTH)) <= needed * DEPTH + 8


def test_indexing_entry_by_entry_does_not_keep_full_arrays() -> None:
    """n reads of an array of n entries take memory of order n."""
    n = 2000

    def fun(x: Any) -> Any:
        return sum(x[i] * x[i] for i in range(n))

    # A node takes some hundred bytes, an array of n entries 16,000: with one array per read it would be 32 MB.
    x = np.ones(n)
    tracemalloc.start()
    grad(fun)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
