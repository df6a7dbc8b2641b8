"""Sparse Jacobians and Hessians against the dense ones, and patterns that never miss an entry."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
import minigrad.numpy as mnp
from minigrad import (
    elementwise_grad,
    grad,
    hessian,
    hessian_colouring,
    hessian_sparsity,
    jacobian,
    jacobian_colouring,
    sparse_hessian,
    sparse_jacobian,
    sparsity,
    trace,
)
from minigrad.modes.sparse.patterns import RULES

sp = pytest.importorskip("scipy.sparse")

GAPPED = np.array([[2.0, 0.0, -1.0, 0.0], [0.0, 0.0, 0.0, 3.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 1.0]])
KERNEL = np.array([1.0, 0.0, -2.0])
PLACES = np.array([3, 0, 0, 7])


def dense(fun: Callable[[Any], Any], x: Any) -> Any:
    found = jacobian(fun)(x)
    return np.reshape(found, (-1, np.size(x)))


def assert_jacobian(fun: Callable[[Any], Any], x: Any, entries: int | None = None) -> None:
    """The sparse Jacobian is the dense one, and its pattern has this number of entries."""
    expected = dense(fun, x)
    found = sparse_jacobian(fun, x)
    assert isinstance(found, sp.csr_array)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12, atol=1e-14)
    pattern = sparsity(fun, x).toarray()
    assert np.all(np.abs(expected[~pattern]) <= 1e-15)  # a Fourier transform leaves rounding there
    if entries is not None:
        assert pattern.sum() == entries


# ----- patterns: one function per rule, of an array of shape (4, 4), and how many entries it has ----------------------

CASES: dict[str, tuple[Callable[[Any], Any], int]] = {
    "elementwise": (lambda x: np.sin(x) * x + np.exp(x), 16),
    "broadcast": (lambda x: x[0] * x[:, :1], 32 - 1),
    "where": (lambda x: np.where(GAPPED > 0, x, x.T), 32 - 4),
    "maximum": (lambda x: np.maximum(x, x[::-1]), 32),
    "abs": (lambda x: np.abs(x - 0.5), 16),
    "constant": (lambda x: np.floor(x), 0),
    "no dependence": (lambda x: np.ones(3), 0),
    "slice": (lambda x: x[1:, ::2], 6),
    "index array": (lambda x: x[[0, 0, 2]], 12),
    "mask": (lambda x: x[GAPPED != 0], int((GAPPED != 0).sum())),
    "one entry": (lambda x: x[1, 2], 1),
    "new axis": (lambda x: x[:, None] * np.ones((1, 2, 1)), 32),
    "reshape": (lambda x: np.reshape(x, (2, 8), order="F"), 16),
    "transpose": (lambda x: x.T, 16),
    "flip": (lambda x: np.flip(x, 1), 16),
    "roll": (lambda x: np.roll(x, (1, 2), (0, 1)) - x, 32),
    "rot90": (lambda x: np.rot90(x), 16),
    "tile": (lambda x: np.tile(x, 2), 32),
    "repeat": (lambda x: np.repeat(x, [0, 1, 2, 0], axis=0), 12),
    "tril": (lambda x: np.tril(x), 10),
    "triu": (lambda x: np.triu(x, 1), 6),
    "diag": (lambda x: np.diag(x), 4),
    "diagonal matrix": (lambda x: np.diag(x[0]), 4),
    "pad": (lambda x: np.pad(x, 1), 16),
    "pad by edges": (lambda x: np.pad(x, 1, mode="edge"), 36),
    "diff": (lambda x: np.diff(x, axis=0), 24),
    "gradient": (lambda x: np.gradient(x[0]), 8),
    "concatenate": (lambda x: np.concatenate([x[:1], np.ones((1, 4)), x[2:]]), 12),
    "stack": (lambda x: np.stack([x[0], x[1], np.zeros(4)], axis=1), 8),
    "list": (lambda x: mnp.array([x[0, 0], 1.0, x[1, 1] * x[0, 0]]), 3),
    "cast": (lambda x: x.astype(np.float32).astype(float) + x, 16),
    "sum": (lambda x: np.sum(x, axis=1), 16),
    "sum of all": (lambda x: np.sum(x), 16),
    "sum with axes kept": (lambda x: np.sum(x, axis=0, keepdims=True) * np.ones((2, 1)), 32),
    "mean": (lambda x: np.mean(x, axis=-1), 16),
    "max": (lambda x: np.max(x, axis=0), 16),
    "min": (lambda x: np.min(x, axis=1, keepdims=True), 16),
    "prod": (lambda x: np.prod(x[:2], axis=0), 8),
    "var": (lambda x: np.var(x, axis=1), 16),
    "std": (lambda x: np.std(x, axis=0), 16),
    "logsumexp": (lambda x: mnp.logsumexp(x, axis=1), 16),
    "norm": (lambda x: np.linalg.norm(x, axis=1), 16),
    "cumsum": (lambda x: np.cumsum(x, axis=1), 40),
    "cumsum of all": (lambda x: np.cumsum(x), 136),
    "cumprod": (lambda x: np.cumprod(x, axis=0), 40),
    "matrix of zeros and others": (lambda x: GAPPED @ x, 24),
    "the same from the right": (lambda x: x @ GAPPED, 24),
    "matrix times vector": (lambda x: GAPPED @ x[0], 6),
    "vector times matrix": (lambda x: x[0] @ GAPPED, 6),
    "full matrix": (lambda x: np.ones((2, 4)) @ x, 32),
    "product of what moves": (lambda x: x[:2] @ x[2:].T, 32),
    "its square": (lambda x: x @ x, 16 * 7),
    "stacks of matrices": (lambda x: np.reshape(x, (4, 2, 2)) @ np.reshape(x, (4, 2, 2)), 48),
    "one matrix for a stack": (lambda x: np.reshape(x, (4, 2, 2)) @ GAPPED[:2, ::3], 16),
    "inner product": (lambda x: x[0] @ x[1], 8),
    "dot": (lambda x: np.dot(x[0], KERNEL[[0, 1, 1, 2]]), 2),
    "vdot": (lambda x: np.vdot(x, GAPPED), 6),
    "outer": (lambda x: np.outer(x[0], x[1]), 32),
    "tensordot": (lambda x: np.tensordot(x, GAPPED, ([0], [1])), 24),
    "tensordot of two axes": (lambda x: np.tensordot(x, GAPPED, ([0, 1], [1, 0])), 6),
    "einsum": (lambda x: np.einsum("ij,jk->ik", x, GAPPED), 24),
    "einsum of three": (lambda x: np.einsum("ij,jk,k->i", x, GAPPED, KERNEL[[0, 1, 1, 2]]), 16),
    "einsum diagonal": (lambda x: np.einsum("ii->i", x), 4),
    "einsum trace": (lambda x: np.einsum("ii", x), 4),
    "einsum with a constant diagonal": (lambda x: np.einsum("ii,ij->j", GAPPED, x), 8),
    "einsum elementwise": (lambda x: np.einsum("ij,ij->ij", x, GAPPED), 6),
    "einsum of a number": (lambda x: np.einsum(",ij->ji", 0.0, x), 16),
    "kron": (lambda x: np.kron(x[:2, :2], np.ones((1, 2))), 8),
    "trace": (lambda x: np.trace(x), 4),
    "convolve": (lambda x: np.convolve(x[0], KERNEL), 8),
    "convolve the same": (lambda x: np.convolve(x[0], KERNEL, "same"), 6),
    "convolve what moves": (lambda x: np.convolve(x[0], x[1, :2]), 16),
    "correlate": (lambda x: np.correlate(x[0], KERNEL, "valid"), 4),
    "fourier": (lambda x: np.real(np.fft.fft(x, axis=0)), 64),
    "solve": (lambda x: np.linalg.solve(x + 4 * np.eye(4), np.ones(4)), 64),
    "solve for a stack": (lambda x: np.linalg.solve(x.reshape(4, 2, 2) + 3 * np.eye(2), np.ones((4, 2, 1))), 32),
    "inverses of a stack": (lambda x: np.linalg.inv(x.reshape(4, 2, 2) + 3 * np.eye(2)), 64),
    "determinants": (lambda x: np.linalg.det(x.reshape(4, 2, 2)), 16),
    "eigenvalues": (lambda x: np.linalg.eigh(x + x.T + np.diag(np.arange(4.0)))[0], 64),
    "written in place": (lambda x: mnp.set_at(x, 0, x[1]), 20),
    "added in place": (lambda x: mnp.add_at(np.zeros(9), PLACES, x[0]), 4),
    "sort": (lambda x: np.sort(x[0]), 4),
    "derivative within": (lambda x: elementwise_grad(np.tanh)(x), 16),
    "gradient within": (lambda x: grad(lambda y: np.sum(y[1:] * y[:-1] ** 2))(x), 36),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_patterns_are_exact_for_the_common_operations(name: str) -> None:
    fun, entries = CASES[name]
    assert_jacobian(fun, np.random.default_rng(3).uniform(0.2, 1.4, (4, 4)), entries)


def test_every_rule_is_among_the_cases() -> None:
    seen = set()
    for fun, _ in CASES.values():
        for primitive, *_ in trace(fun, np.full((4, 4), 0.7) + np.diag(np.arange(4.0))).nodes[1:]:
            seen.add(primitive.name)
    elsewhere = {"ifft", "rfft", "irfft", "fftconvolve", "scatter", "slogdet", "cholesky", "qr", "svd", "svdvals"}
    assert set(RULES) - seen <= elsewhere | {"pinv", "eigvalsh", "eig", "eigvals"}


MATRICES: dict[str, Callable[[Any], Any]] = {
    "slogdet": lambda m: np.linalg.slogdet(m)[1],
    "cholesky": lambda m: np.linalg.cholesky(m),
    "qr": lambda m: np.linalg.qr(m)[1],
    "svd": lambda m: np.linalg.svd(m, full_matrices=False)[0][..., 0] ** 2,
    "svdvals": lambda m: np.linalg.svd(m, compute_uv=False),
    "pinv": lambda m: np.linalg.pinv(m),
    "eigvalsh": lambda m: np.linalg.eigvalsh(m),
    "eigvals": lambda m: np.sum(np.real(np.linalg.eigvals(m)), axis=-1),
    "eig": lambda m: np.real(np.linalg.eig(m)[0]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_matrices_of_a_stack_do_not_meet(name: str) -> None:
    stack = np.random.default_rng(0).uniform(0.0, 0.4, (3, 2, 2))
    stack = stack + np.swapaxes(stack, 1, 2) + np.diag([1.0, 2.0])
    x = np.reshape(stack, -1)
    assert_jacobian(lambda x: MATRICES[name](x.reshape(3, 2, 2)), x)
    pattern = sparsity(lambda x: MATRICES[name](x.reshape(3, 2, 2)), x).toarray()
    assert pattern.sum() == pattern.size // 3


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: np.fft.rfft(x.reshape(2, 4), axis=1),
        lambda x: np.abs(np.fft.ifft(x.reshape(2, 4), axis=1)),
        lambda x: np.fft.irfft(x.reshape(2, 4) + 1j * x.reshape(2, 4), axis=0),
        lambda x: x * (1.0 + 2.0j),
    ],
)
def test_complex_values_on_the_way_or_as_the_result(fun: Callable[[Any], Any]) -> None:
    assert_jacobian(fun, np.random.default_rng(4).normal(size=8))


def test_convolution_of_scipy_in_two_axes() -> None:
    from minigrad.scipy import signal

    def fun(x: Any) -> Any:
        return signal.fftconvolve(x.reshape(3, 4), GAPPED[:2, :3], mode="same")

    assert_jacobian(fun, np.random.default_rng(5).normal(size=12))
    assert sparsity(fun, np.ones(12)).nnz < 12 * 4


def test_an_operation_of_the_user_and_a_checkpoint_count_as_dense() -> None:
    double = minigrad.checkpoint(lambda x: 2 * x)
    assert_jacobian(lambda x: double(x[:2]), np.ones(3), entries=4)


# ----- random programs ------------------------------------------------------------------------------------------------

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


@settings(max_examples=60)
@given(programs(length=4))
def test_hessians_of_random_programs(program: Callable[[Any], Any]) -> None:
    def fun(x: Any) -> Any:
        return np.sum(program(x) * np.arange(1.0, 7.0))

    expected, found = hessian(fun)(POINT), sparse_hessian(fun, POINT)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-11, atol=1e-12)
    assert not expected[~hessian_sparsity(fun, POINT).toarray()].any()
    assert (found != found.T).nnz == 0


@settings(max_examples=100)
@given(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_any_matrix_is_read_from_its_groups(m: int, n: int, density: float, seed: int) -> None:
    """The function x -> A x: every way to group it gives A back."""
    random = np.random.default_rng(seed)
    A = np.where(random.random((m, n)) < density, random.integers(1, 9, (m, n)), 0).astype(float)
    x = random.normal(size=n)
    np.testing.assert_array_equal(sparse_jacobian(lambda x: A @ x, x).toarray(), A)
    S = A[: min(m, n), : min(m, n)]
    S = S + S.T
    found = sparse_hessian(lambda x: 0.5 * np.sum(x * (S @ x)), x[: len(S)])
    np.testing.assert_allclose(found.toarray(), S, rtol=1e-15)


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
        (lambda: sparse_jacobian(np.sin, np.arange(3)), TypeError, "integers have no derivative"),
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
    program = "import sys; sys.modules['scipy.sparse'] = None; from minigrad import sparse_jacobian"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ImportError: sparse derivatives need SciPy: pip install 'minigrad[scipy]'")
