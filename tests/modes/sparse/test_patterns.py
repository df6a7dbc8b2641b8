"""Sparsity patterns are exact for the common operations, and never miss an entry."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_dense import assert_jacobian

import minigrad
import minigrad.numpy as mnp
from minigrad import elementwise_grad, grad, sparsity, trace
from minigrad.core.primitive import Primitive
from minigrad.rules.reductions import log_softmax, softmax

GAPPED = np.array([[2.0, 0.0, -1.0, 0.0], [0.0, 0.0, 0.0, 3.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 1.0]])
KERNEL = np.array([1.0, 0.0, -2.0])
PLACES = np.array([3, 0, 0, 7])


def assigned(x: Any, row: int) -> Any:
    """x with a row from elsewhere, one of whose entries is a sum."""
    h = x * 1.0
    h[row] = x[0]
    h[row, 2] += x[3, 3]
    h[2, 2] = 5.0
    return h


CASES: dict[str, tuple[Callable[[Any], Any], int]] = {
    "copy": (lambda x: np.copy(x, order="F") * 2.0, 16),
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
    "order of memory": (lambda x: np.copy(x, order="F"), 16),
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
    "softmax": (lambda x: softmax(x, axis=1), 64),
    "log_softmax": (lambda x: log_softmax(x, axis=0), 64),
    "norm": (lambda x: np.linalg.norm(x, axis=1), 16),
    "sum in order": (lambda x: sum(x[1:]), 12),
    "product in order": (lambda x: math.prod(x), 16),
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
    "assigned": (lambda x: assigned(x, 1), 16),
    "gradient of what is assigned": (lambda x: grad(lambda y: np.sum(assigned(y, 1) ** 3))(x), 13),
    "sort": (lambda x: np.sort(x[0]), 4),
    "derivative within": (lambda x: elementwise_grad(np.tanh)(x), 16),
    "gradient within": (lambda x: grad(lambda y: np.sum(y[1:] * y[:-1] ** 2))(x), 36),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_patterns_are_exact_for_the_common_operations(name: str) -> None:
    fun, entries = CASES[name]
    assert_jacobian(fun, np.random.default_rng(3).uniform(0.2, 1.4, (4, 4)), entries)


DECLARING = """
    rules.shapes rules.moving rules.reductions rules.products numpy.calculus numpy.fft numpy.linalg numpy.polynomials
    scipy.signal
""".split()  # noqa: SIM905


def declared_patterns() -> set[str]:
    """The operations that declare a pattern, wherever they are declared."""
    modules = [importlib.import_module(f"minigrad.{name}") for name in DECLARING]
    found = [getattr(value, "primitive", None) for module in modules for value in vars(module).values()]
    return {p.name for p in found if isinstance(p, Primitive) and p.pattern is not None}


def test_every_rule_is_among_the_cases() -> None:
    seen = set()
    for fun, _ in CASES.values():
        for primitive, *_ in trace(fun, np.full((4, 4), 0.7) + np.diag(np.arange(4.0))).nodes[1:]:
            seen.add(primitive.name)
    elsewhere = {"ifft", "rfft", "irfft", "fftconvolve", "scatter", "slogdet", "cholesky", "qr", "svd", "svdvals"}
    assert len(declared_patterns()) >= 46
    assert declared_patterns() - seen <= elsewhere | {"pinv", "eigvalsh", "eig", "eigvals"}


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
