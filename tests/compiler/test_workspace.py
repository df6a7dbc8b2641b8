"""Arrays that calls of a compiled program use one after the other: nothing of them gets out."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
from minigrad import value_and_grad
from minigrad.compiler import columns, passes, replay, rounding
from minigrad.compiler.meaning import interpret
from minigrad.compiler.traced import Traced
from minigrad.core.tree import flatten

RNG = np.random.default_rng(0)
SHAPES = [(6, 2), (5, 6), (3, 5), (6, 1), (5, 1), (3, 1)]
Y = np.eye(3)[RNG.integers(0, 3, 40)].T


def loss(P: Any, x: Any) -> Any:
    z = x
    for A, b in zip(P[:3], P[3:]):
        z = np.tanh(A @ z + b)
    return np.sum(mnp.logsumexp(z, axis=0)) - np.sum(z * Y)


def point(seed: int) -> tuple[list[Any], Any]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in SHAPES], rng.standard_normal((2, 40))


def text_of(fun: Any, *args: Any, exact: bool = False, monkeypatch: Any) -> tuple[Any, str]:
    """The compiled function, and the text of its program."""
    texts: list[str] = []
    write = replay.written

    def noted(*given: Any) -> Any:
        texts.append(write(*given)[0])
        return write(*given)

    monkeypatch.setattr(replay, "written", noted)
    compiled = minigrad.compile(fun, exact=exact)
    compiled(*args)
    return compiled, texts[-1]


@pytest.mark.usefixtures("in_order")
@pytest.mark.parametrize("exact", [False, True])
def test_results_stay_as_they_were(exact: bool, monkeypatch: Any) -> None:
    eager = value_and_grad(loss)
    compiled, text = text_of(eager, *point(0), exact=exact, monkeypatch=monkeypatch)
    assert "def make():" in text
    assert text.count("ones(") == 0 if exact else text.count("ones(") == 3
    found = [flatten(compiled(*point(seed)))[0] for seed in range(4)]
    expected = [flatten(eager(*point(seed)))[0] for seed in range(4)]
    for ours, theirs in zip(found, expected):
        for a, b in zip(ours, theirs):
            assert np.array_equal(a, b) if exact else np.allclose(a, b, rtol=1e-12, atol=1e-13)
    arrays = [a for results in found for a in results if isinstance(a, np.ndarray)]
    assert all(not np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    assert compiled.stats()["replays"] == 4


def test_threads_have_arrays_of_their_own() -> None:
    compiled = minigrad.compile(value_and_grad(loss))
    points = [point(seed) for seed in range(4)]
    compiled(*points[0])
    alone = [flatten(compiled(*each))[0] for each in points]

    def often(k: int) -> bool:
        return all(all(map(np.array_equal, flatten(compiled(*points[k]))[0], alone[k])) for _ in range(60))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(often, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert compiled.stats()["traces"] == 1


def test_after_an_error_the_next_call_answers() -> None:
    def fun(x: Any) -> Any:
        h = np.exp(x) * x
        return np.sum(np.log(h) * np.sqrt(h * x) * np.exp(-h))

    compiled, x = minigrad.compile(value_and_grad(fun)), np.linspace(0.1, 0.9, 50)
    for point in (x, x, -4.0 * x, x, 2.0 * x):
        with np.errstate(invalid="ignore", divide="ignore"):
            for a, b in zip(compiled(point), value_and_grad(fun)(point)):
                np.testing.assert_allclose(a, b, rtol=1e-12)
    assert compiled.stats()["exceptional"] == 1


def test_large_arrays_are_not_kept() -> None:
    def fun(x: Any) -> Any:
        h = np.exp(x) * x + np.tanh(x)
        return np.sum(h * np.sin(h) * np.cos(x) * np.sqrt(x * x + 1.0))

    sizes = []
    for n in (500, 50_000):
        compiled = minigrad.compile(minigrad.grad(fun))
        compiled(np.linspace(0.1, 0.9, n))
        sizes.append(compiled.stats()["bytes"] - 4 * len(str(n)))
    assert sizes[1] < sizes[0] < 1 << 17


# ----- a column that is added to a product ----------------------------------------------------------------------------


def program_of(fun: Any, *args: Any) -> Any:
    return passes.canonical(Traced(fun, args, {}).program)


@pytest.fixture
def in_order(monkeypatch: Any) -> None:
    """As if BLAS added all terms one after the other."""
    monkeypatch.setattr(columns, "keeps_bits", lambda *shapes: True)


@pytest.mark.usefixtures("in_order")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_column_that_is_added_is_one_of_the_product(dtype: Any) -> None:
    A, x, b = (RNG.standard_normal(shape).astype(dtype) for shape in ((5, 3), (3, 40), (5, 1)))
    for fun in (lambda A, x, b: A @ x + b, lambda A, x, b: b + np.matmul(A, x)):
        program = columns.columns_of_products(program_of(fun, A, x, b))
        assert [step.function for step in program.steps if step.out is not None][-1] is columns.product_plus_column
        assert np.array_equal(interpret(program, [A, x, b])[0], fun(A, x, b))
        rtol = 1e-12 if dtype is np.float64 else 1e-5
        for order in (np.ascontiguousarray, np.asfortranarray):
            compiled = minigrad.compile(fun)
            compiled(A, x, b)
            found = compiled(*map(order, (2 * A, x, -b)))
            np.testing.assert_allclose(found, fun(2 * A, x, -b), rtol=rtol, atol=1e-6)
            assert found.dtype == dtype
            assert compiled.stats()["replays"] == 1


@pytest.mark.usefixtures("in_order")
def test_columns_that_stay_as_they_are() -> None:
    A, x, b = (RNG.standard_normal(shape) for shape in ((5, 3), (3, 40), (5, 1)))
    few, large = x[:, :8], RNG.standard_normal((3, 9000))
    for fun, args in [
        (lambda A, x, b: A @ x + b, (A, few, b)),
        (lambda A, x, b: A @ x + b, (A, large, b)),
        (lambda A, x, b: A @ x + b, (A, x, b[0])),
        (lambda A, x, b: A @ x + b, (A, x, x[0])),
        (lambda A, x, b: A @ x - b, (A, x, b)),
        (lambda A, x, b: (lambda u: u * (u + b))(A @ x), (A, x, b)),
        (lambda A, x, b: A @ x + b, (A, x.astype(np.float32), b)),
        (lambda A, x, b: A @ x + b, (RNG.standard_normal((2, 300)), RNG.standard_normal((300, 20)), b[:2])),
    ]:
        program = program_of(fun, *args)
        assert columns.columns_of_products(program) is program
    assert columns.columns_of_products not in passes.PASSES
    assert columns.columns_of_products in rounding.ROUNDING


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_column_of_the_product_changes_no_bit(dtype: Any) -> None:
    """Some kernels of BLAS add terms in pairs; where they do, the column is added afterwards."""
    kept = 0
    for rows, inner, n in [(4, 2, 40), (3, 15, 300), (5, 7, 60), (15, 2, 300), (1, 3, 40), (8, 32, 64)]:
        A, x, b = (RNG.standard_normal(shape).astype(dtype) for shape in ((rows, inner), (inner, n), (rows, 1)))
        compiled = minigrad.compile(lambda A, x, b: A @ x + b)
        compiled(A, x, b)
        assert np.array_equal(compiled(A, x, b), A @ x + b)
        kept += columns.keeps_bits(rows, inner, n, np.dtype(dtype))
    assert kept >= 2


@pytest.mark.usefixtures("in_order")
def test_constants_stand_in_the_workspace() -> None:
    """Samples and weights that a function reads, and does not take, are copied once; a change is seen."""
    A, x, b = (RNG.standard_normal(shape) for shape in ((5, 3), (3, 40), (5, 1)))

    def of_parameters(A: Any, b: Any) -> Any:
        return np.sum(np.tanh(A @ x + b) ** 2)

    def of_samples(x: Any) -> Any:
        return np.sum(np.tanh(A @ x + b) ** 2)

    for fun, args in ((of_parameters, (A, b)), (of_samples, (x,))):
        compiled = minigrad.compile(value_and_grad(fun))
        for factor in (1.0, 2.0, 3.0):
            found, expected = (
                compiled(*[factor * each for each in args]),
                value_and_grad(fun)(*[factor * each for each in args]),
            )
            for a, b_ in zip(flatten(found)[0], flatten(expected)[0]):
                np.testing.assert_allclose(a, b_, rtol=1e-12, atol=1e-13)
        assert compiled.stats()["replays"] == 2
    compiled = minigrad.compile(value_and_grad(of_parameters))
    compiled(A, b)
    x *= 2.0
    np.testing.assert_allclose(compiled(A, b)[0], of_parameters(A, b), rtol=1e-12)
    np.testing.assert_allclose(compiled(2 * A, b)[0], of_parameters(2 * A, b), rtol=1e-12)
