"""Sparse Jacobians and Hessians against the dense ones, and what they cost."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_dense import assert_jacobian, dense
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad.numpy as mnp
from minigrad import (
    grad,
    hessian,
    hessian_colouring,
    hessian_sparsity,
    jacobian_colouring,
    sparse_hessian,
    sparse_jacobian,
    sparsity,
)

sp = pytest.importorskip("scipy.sparse")
GAPPED = np.array([[2.0, 0.0, -1.0, 0.0], [0.0, 0.0, 0.0, 3.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 1.0]])
KERNEL = np.array([1.0, 0.0, -2.0])
PLACES = np.array([3, 0, 0, 7])

STEPS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: np.sin(x),
    lambda x, y: x * y,
    lambda x, y: x - 0.5 * np.roll(y, 1),
    lambda x, y: np.where(np.arange(6) < 3, x, y),
    lambda x, y: np.maximum(x, y),
    lambda x, y: np.abs(x) * x,
    lambda x, y: np.exp(-(y**2)),
    lambda x, y: np.concatenate([x[1:], y[:1]]),
    lambda x, y: np.pad(np.diff(x), (0, 1)),
    lambda x, y: x[::-1],
    lambda x, y: x[PLACES[[0, 1, 2, 0, 1, 2]]],
    lambda x, y: np.reshape(np.reshape(x, (2, 3)).T * np.reshape(y, (3, 2)), -1),
    lambda x, y: np.repeat(np.sum(np.reshape(x, (3, 2)), axis=1), 2),
    lambda x, y: np.reshape(np.reshape(x, (2, 3)) @ GAPPED[:3, :3], -1),
    lambda x, y: np.convolve(x, KERNEL, "same"),
    lambda x, y: np.tanh(x[0]) * y,
    lambda x, y: mnp.set_at(x, [1, 2], y[4:]),
    lambda x, y: mnp.add_at(x, [0, 0], y[2:4]),
    lambda x, y: np.tile(np.einsum("ij,kj->ik", x.reshape(3, 2), y.reshape(3, 2))[0], 2),
    lambda x, y: np.ravel(np.stack([x, y], axis=1)[::2]),
    lambda x, y: np.cumsum(np.reshape(x, (2, 3)), axis=0).ravel() / 2,
    lambda x, y: np.max(np.reshape(x, (2, 3)), axis=1)[[0, 0, 0, 1, 1, 1]] - y,
]


# ----- random programs ------------------------------------------------------------------------------------------------


@st.composite
def programs(draw: Any, length: int = 5) -> Callable[[Any], Any]:
    steps = draw(st.lists(st.tuples(*[st.integers(0, k) for k in (len(STEPS) - 1, 9, 9)]), min_size=1, max_size=length))

    def program(x: Any) -> Any:
        values = [x]
        for step, i, j in steps:
            values.append(STEPS[step](values[i % len(values)], values[j % len(values)]))
        return values[-1]

    return program


POINT = np.random.default_rng(8).uniform(-1.0, 1.0, 6)


@settings(max_examples=150)
@given(programs())
def test_jacobians_of_random_programs(program: Callable[[Any], Any]) -> None:
    assert_jacobian(program, POINT)


@pytest.mark.filterwarnings("ignore:two arguments of a maximum or minimum are equal")
@settings(max_examples=60)
@given(programs(length=4))
def test_hessians_of_random_programs(program: Callable[[Any], Any]) -> None:
    def fun(x: Any) -> Any:
        return np.sum(program(x) * np.arange(1.0, 7.0))

    expected, found = hessian(fun)(POINT), sparse_hessian(fun, POINT)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-11, atol=1e-12)
    assert not expected[~hessian_sparsity(fun, POINT).toarray()].any()
    assert (found != found.T).nnz == 0


# ----- shapes of matrices, and how many sweeps they take --------------------------------------------------------------


def band(x: Any) -> Any:
    return x[2:] * np.sin(x[1:-1]) - x[:-2] ** 2


def arrow(x: Any) -> Any:
    return np.concatenate([np.sum(x**2)[None], x[0] * np.cos(x[1:])])


def stencil(x: Any) -> Any:
    u = x.reshape(12, 12)
    sides = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
    return sides - 4 * np.exp(u)


def blocks(x: Any) -> Any:
    return np.sum(x.reshape(-1, 3, 1) * np.sin(x.reshape(-1, 1, 3)), axis=1)


def tall(x: Any) -> Any:
    return np.repeat(x[:3], 5) * x[3:]


@pytest.mark.parametrize(
    ("fun", "size", "sweeps"),
    [(band, 30, 3), (arrow, 30, 3), (stencil, 144, 9), (blocks, 30, 3), (tall, 18, 2), (np.sum, 40, 1)],
)
def test_few_sweeps_give_the_matrix(fun: Callable[[Any], Any], size: int, sweeps: int) -> None:
    x = np.random.default_rng(9).uniform(0.3, 1.0, size)
    assert_jacobian(fun, x)
    assert jacobian_colouring(sparsity(fun, x)).sweeps <= sweeps


def test_rows_are_grouped_where_that_is_cheaper() -> None:
    def fun(x: Any) -> Any:  # every row reads a block of ten
        return np.sum(np.sin(x.reshape(4, 10)), axis=1)

    colouring = jacobian_colouring(sparsity(fun, np.ones(40)))
    assert colouring.by_rows
    assert colouring.sweeps == 1
    assert_jacobian(fun, np.linspace(0.0, 1.0, 40))


def test_rows_are_grouped_beside_a_dense_column() -> None:
    def fun(x: Any) -> Any:
        return x[0] * np.sum(np.sin(x[1:].reshape(4, 10)), axis=1)

    colouring = jacobian_colouring(sparsity(fun, np.ones(41)))
    assert (colouring.by_rows, colouring.sweeps) == (True, 2)
    assert_jacobian(fun, np.linspace(0.0, 1.0, 41))


@pytest.mark.parametrize(
    ("fun", "sweeps"),
    [
        (lambda x: np.sum(band(x)), 5),
        (lambda x: x[0] * np.sum(np.sin(x)), 2),
        (lambda x: np.sum(x[1:] * x[:-1]) * x[3] + x[7] * np.sum(x), 6),
        (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), 3),
        (lambda x: np.sum(x), 0),
        (lambda x: 3.0, 0),
    ],
)
def test_hessians(fun: Callable[[Any], Any], sweeps: int) -> None:
    x = np.random.default_rng(9).uniform(0.3, 1.0, 20)
    np.testing.assert_allclose(sparse_hessian(fun, x).toarray(), hessian(fun)(x), rtol=1e-12, atol=1e-13)
    assert hessian_colouring(hessian_sparsity(fun, x)).sweeps <= sweeps


def test_a_band_of_100_000_is_found_and_computed() -> None:
    x = np.linspace(0.0, 1.0, 100_000)
    found = sparse_jacobian(band, x)
    assert found.shape == (99_998, 100_000)
    np.testing.assert_allclose(found.diagonal(), -2 * x[:-2], rtol=1e-15)
    np.testing.assert_allclose(found.diagonal(1), x[2:] * np.cos(x[1:-1]), rtol=1e-15)
    np.testing.assert_allclose(found.diagonal(2), np.sin(x[1:-1]), rtol=1e-15)


# ----- a pattern that is given ----------------------------------------------------------------------------------------


def test_a_pattern_and_a_colouring_are_used_again() -> None:
    pattern = sparsity(band, np.ones(9))
    x = np.linspace(0.1, 2.0, 9)
    for given_pattern in (pattern, pattern.toarray(), pattern.tocoo(), jacobian_colouring(pattern), np.ones((7, 9))):
        np.testing.assert_allclose(sparse_jacobian(band, x, given_pattern).toarray(), dense(band, x), rtol=1e-14)

    def fun(x: Any) -> Any:
        return np.sum(band(x) ** 2)

    pattern = hessian_sparsity(fun, np.ones(9))
    for given_pattern in (pattern, np.triu(pattern.toarray()), hessian_colouring(pattern)):
        np.testing.assert_allclose(sparse_hessian(fun, x, given_pattern).toarray(), hessian(fun)(x), rtol=1e-12)


def test_a_given_pattern_is_not_changed_whatever_its_order() -> None:
    pattern = sp.csr_array((np.array([2.0, 0.0, 3.0, 4.0]), np.array([1, 0, 1, 1]), np.array([0, 2, 4])))
    found = sparse_jacobian(lambda x: x[0] * np.array([1.0, 0.0]) + x[1], np.ones(2), pattern)
    assert found.toarray().tolist() == [[1.0, 1.0], [0.0, 1.0]]
    assert pattern.data.tolist() == [2.0, 0.0, 3.0, 4.0]
    assert pattern.indices.tolist() == [1, 0, 1, 1]


def test_matrices_of_one_colouring_share_nothing() -> None:
    plan = jacobian_colouring(np.eye(2))
    first, second = (sparse_jacobian(np.sin, np.zeros(2), plan) for _ in range(2))
    first.data[:], first.indices[:] = 7.0, 0
    assert second.toarray().tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert plan.pattern.indices.tolist() == [0, 1]


def test_a_pattern_that_misses_an_entry_is_found_out() -> None:
    def branches(x: Any) -> Any:
        return x**2 if x[0] > 0 else x[::-1] ** 2

    pattern = sparsity(branches, np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="misses an entry that is not zero, in row 0 and 1 others"):
        sparse_jacobian(branches, np.array([-1.0, 2.0]), pattern)
    with pytest.raises(ValueError, match="sparse_hessian: the given pattern misses"):
        sparse_hessian(lambda x: np.sum(x[1:] * x[:-1]), np.ones(3), np.eye(3))
    unchecked = sparse_jacobian(branches, np.array([-1.0, 2.0]), pattern, check=False)
    assert unchecked.nnz == 2


def test_float32_stays() -> None:
    x = np.linspace(0.0, 1.0, 9, dtype=np.float32)
    found = sparse_jacobian(band, x, sparsity(band, x))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), dense(band, x), rtol=1e-6)
    assert sparse_hessian(lambda x: np.sum(x**3), x).dtype == np.float32


def test_numbers_and_empty_arrays() -> None:
    assert sparse_jacobian(np.sin, 0.0).toarray().tolist() == [[1.0]]
    assert sparse_hessian(lambda x: x**2, 3.0).toarray().tolist() == [[2.0]]
    assert sparse_jacobian(lambda x: x * 2, np.ones(0)).shape == (0, 0)
    assert sparse_jacobian(lambda x: x[:0], np.ones(3)).shape == (0, 3)


def test_an_infinite_entry_stays_in_its_column() -> None:
    with pytest.warns(RuntimeWarning, match="sqrt"):
        found = sparse_jacobian(np.sqrt, np.array([0.0, 4.0])).toarray()
    assert found.tolist() == [[np.inf, 0.0], [0.0, 0.25]]


# ----- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sparse_jacobian(np.sin, np.ones(2) * 1j), TypeError, "x is complex"),
        (lambda: sparse_jacobian(np.sin, np.int64(3)), TypeError, "integers have no derivative"),
        (lambda: sparse_jacobian(lambda x: x[0], [np.ones(2)]), TypeError, "pass one array"),
        (lambda: sparse_jacobian(lambda x: (x, x), np.ones(2)), TypeError, "not a tuple"),
        (lambda: sparsity(lambda x: None, np.ones(2)), TypeError, "not a NoneType"),
        (lambda: sparse_hessian(np.sin, np.ones(2)), ValueError, "returned an array of shape"),
        (lambda: sparse_jacobian(np.sin, np.ones(2), np.ones((3, 2))), ValueError, r"shape \(3, 2\)"),
        (lambda: sparse_jacobian(np.sin, np.ones(2), np.ones(2)), TypeError, "two axes"),
        (lambda: sparse_hessian(np.sum, np.ones(2), np.ones((3, 3))), ValueError, r"shape \(3, 3\)"),
        (lambda: hessian_colouring(np.ones((2, 3))), ValueError, "square"),
        (lambda: sparse_hessian(np.sum, np.ones(2), jacobian_colouring(np.eye(2))), ValueError, "hessian_colouring"),
        (lambda: grad(lambda x: sparse_jacobian(np.sin, x).sum())(np.ones(2)), TypeError, "being differentiated"),
        (lambda: sparsity(lambda x: x / np.sum(x), np.ones(20_000)), ValueError, "divide .*400,0"),
        (lambda: sparsity(np.cumsum, np.ones(20_000)), ValueError, "cumsum .*limit"),
    ],
)
def test_errors_say_what_to_do(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_without_scipy_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['scipy'] = sys.modules['scipy.sparse'] = None; from minigrad import *; import numpy\n"
        "sparse_jacobian(numpy.sin, numpy.ones(2))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ImportError: sparse derivatives need SciPy: pip install scipy")
