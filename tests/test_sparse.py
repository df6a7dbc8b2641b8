"""Sparse Jacobians and Hessians against the dense ones, and patterns that never miss an entry."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad.numpy as mnp
import minigrad
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
from minigrad.patterns import RULES

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
    assert not (expected[~pattern] != 0).any()
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
