"""Threads that differentiate at the same time."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from minigrad import grad, hessian, hvp, jvp, vjp

rng = np.random.default_rng(4)


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
