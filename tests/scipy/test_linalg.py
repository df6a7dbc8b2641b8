"""scipy.linalg: values as SciPy's, derivatives in both modes at second order."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.stats
from references import assert_close

import minigrad.numpy as mnp
from minigrad import batched, grad, value
from minigrad.scipy import linalg
from minigrad.test_util import check_grads

rng = np.random.default_rng(3)
A = rng.normal(size=(3, 3)) * 0.3 + np.diag([1.0, 2.0, 3.0])
B = rng.normal(size=(3, 3)) * 0.3 + np.diag([4.0, 5.0, 6.0])
S = A @ A.T + np.eye(3)
b, M = rng.normal(size=3), rng.normal(size=(3, 2))
BAND = np.array([[0.0, 1.0, -1.0, 0.5], [3.0, 4.0, 5.0, 6.0], [1.0, -0.5, 0.3, 0.0], [0.2, 0.1, 0.0, 0.0]])
LINALG: list[tuple[str, Any, Any, tuple[Any, ...]]] = [
    ("expm", lambda a: linalg.expm(a), scipy.linalg.expm, (A,)),
    ("expm stacked", lambda a: linalg.expm(a), scipy.linalg.expm, (np.stack([A, B]) * 0.3,)),
    ("expm complex", lambda a: linalg.expm(a), scipy.linalg.expm, (A + 0.3j * B,)),
    ("logm", lambda a: linalg.logm(a), scipy.linalg.logm, (A,)),
    ("sqrtm", lambda a: linalg.sqrtm(a), scipy.linalg.sqrtm, (A,)),
    ("solve_sylvester", linalg.solve_sylvester, scipy.linalg.solve_sylvester, (A, B, A @ B)),
    ("lyapunov", linalg.solve_continuous_lyapunov, scipy.linalg.solve_continuous_lyapunov, (A, S)),
    ("solve", linalg.solve, scipy.linalg.solve, (A, b)),
    ("lu", lambda a: mnp.concatenate(linalg.lu(a)[1:]), lambda a: np.concatenate(scipy.linalg.lu(a)[1:]), (A[::-1],)),
    ("lu permute_l", lambda a: linalg.lu(a, permute_l=True)[0], lambda a: scipy.linalg.lu(a, permute_l=True)[0], (A[::-1],)),
    ("lu_factor", lambda a: linalg.lu_factor(a)[0], lambda a: scipy.linalg.lu_factor(a)[0], (A[::-1],)),
    ("lu_solve", lambda a, y: linalg.lu_solve(linalg.lu_factor(a), y), scipy.linalg.solve, (A[::-1], M)),
    ("lu_solve T", lambda a, y: linalg.lu_solve(linalg.lu_factor(a), y, 1), lambda a, y: np.linalg.solve(a.T, y), (A[::-1], b)),
    ("cholesky", lambda a: linalg.cholesky(a @ a.T), lambda a: scipy.linalg.cholesky(a @ a.T), (A,)),
    ("cho_solve", lambda a, y: linalg.cho_solve(linalg.cho_factor(a @ a.T), y), lambda a, y: np.linalg.solve(a @ a.T, y), (A, M)),
    ("cho_solve lower", lambda a, y: linalg.cho_solve(linalg.cho_factor(a @ a.T, True), y), lambda a, y: np.linalg.solve(a @ a.T, y), (A, b)),
    ("solve_banded", lambda ab, y: linalg.solve_banded((2, 1), ab, y), lambda ab, y: scipy.linalg.solve_banded((2, 1), ab, y), (BAND, rng.normal(size=4))),
    ("solve_banded matrix", lambda ab, y: linalg.solve_banded((2, 1), ab, y), lambda ab, y: scipy.linalg.solve_banded((2, 1), ab, y), (BAND, rng.normal(size=(4, 2)))),
    ("eigh", lambda a: linalg.eigh(a + a.T)[0], lambda a: scipy.linalg.eigh(a + a.T)[0], (A,)),
    ("svd", lambda a: linalg.svd(a)[1], lambda a: scipy.linalg.svd(a)[1], (A,)),
    ("qr", lambda a: mnp.abs(linalg.qr(a, mode="economic")[1]), lambda a: abs(scipy.linalg.qr(a, mode="economic")[1]), (M,)),
    ("toeplitz", linalg.toeplitz, scipy.linalg.toeplitz, (b, M[:, 0])),
    ("hankel", linalg.hankel, scipy.linalg.hankel, (b, np.append(b[-1:], M[:, 0]))),
    ("circulant", linalg.circulant, scipy.linalg.circulant, (b,)),
    ("block_diag", linalg.block_diag, scipy.linalg.block_diag, (A, M)),
]  # fmt: skip
for trans in (0, 1, 2):
    for lower in (False, True):
        for unit in (False, True):
            LINALG.append((
                f"solve_triangular {trans} {lower} {unit}",
                lambda a, y, t=trans, low=lower, u=unit: linalg.solve_triangular(a, y, t, low, u),
                lambda a, y, t=trans, low=lower, u=unit: scipy.linalg.solve_triangular(a, y, trans=t, lower=low, unit_diagonal=u),
                (A + (0.2j * B if trans == 2 else 0), M if unit else b),
            ))  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "args"), [row[1:] for row in LINALG], ids=[row[0] for row in LINALG])
def test_linalg(ours: Any, theirs: Any, args: Any) -> None:
    assert_close(ours(*args), theirs(*args), 1e-12)
    check_grads(ours, range(len(args)))(*args)


def test_linalg_errors() -> None:
    with pytest.raises(NotImplementedError, match="square"):
        grad(lambda a: np.sum(linalg.lu_factor(a)[0]))(M)
    with pytest.raises(NotImplementedError, match="one matrix"):
        grad(lambda a: np.sum(linalg.lu(a)[1]))(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match="one size"):
        grad(lambda a: linalg.eigh(a, S[:2, :2])[0][0])(S)
    with pytest.raises(ValueError, match="type is 1, 2 or 3"):
        grad(lambda a: linalg.eigh(a, S, type=4)[0][0])(S)
    with pytest.raises(ValueError, match="driver is one of"):
        grad(lambda a: linalg.eigh(a, S, driver="evr")[0][0])(S)


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("lower", [True, False])
def test_the_generalised_eigenproblem(kind: int, lower: bool) -> None:
    """Values, signs included, are SciPy's; one triangle of each matrix is read; all modes agree with differences."""
    a, s = A + A.T, S / 3.0
    given: dict[str, Any] = {"type": kind, "lower": lower}
    kept: list[Any] = []
    grad(lambda a: np.sum(kept.extend(map(value, linalg.eigh(a, s, **given))) or a))(a)
    for ours, theirs in zip(kept, scipy.linalg.eigh(a, s, **given)):
        assert_close(ours, theirs, 1e-10)

    def weighed(a: Any, s: Any) -> Any:
        w, v = linalg.eigh(a, s, **given)
        return np.sum(np.sin(w) * np.arange(1.0, 4.0)) + np.sum(v * np.arange(9.0).reshape(3, 3))

    check_grads(weighed, (0, 1))(a, s)
    unread = np.triu(grad(weighed)(a, s), 1) if lower else np.tril(grad(weighed, 1)(a, s), -1)
    assert not unread.any()
    check_grads(lambda a, s: linalg.eigvalsh(a, s, **given), (0, 1))(a, s)
    part = grad(lambda s: np.sum(linalg.eigh(a, s, subset_by_index=[1, 2], eigvals_only=True, **given)))(s)
    assert_close(part, grad(lambda s: np.sum(linalg.eigh(a, s, **given)[0][1:]))(s), 1e-10)
    stack = np.stack([a, 2.0 * a])
    assert_close(batched(grad(lambda a: weighed(a, s)))(stack)[1], grad(weighed)(2.0 * a, s), 1e-10)


def test_the_generalised_eigenproblem_of_hermitian_matrices() -> None:
    a, s = A + 1j * np.triu(A, 1), S + 0.1j * np.triu(A, 1)
    a, s = a + a.conj().T, s + s.conj().T

    def scaled(a: Any, s: Any) -> Any:
        w, v = linalg.eigh(a, s)
        return np.sum(np.abs(v) * np.arange(9.0).reshape(3, 3)) + np.sum(w**2)

    check_grads(scaled, (0, 1))(a, s)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 1), (1, 4)])
def test_the_lu_factors_of_a_rectangular_matrix(shape: tuple[int, int]) -> None:
    a = np.random.default_rng(2).normal(size=shape)
    kept: list[Any] = []
    grad(lambda a: np.sum(kept.extend(map(value, linalg.lu(a))) or a))(a)
    for ours, theirs in zip(kept, scipy.linalg.lu(a), strict=True):
        assert_close(ours, theirs, 1e-12)
    check_grads(lambda a: linalg.lu(a)[1:])(a)
    check_grads(lambda a: linalg.lu(a, permute_l=True))(a)
    stack = np.stack([a, 2.0 * a])
    slope = grad(lambda a: np.sum(linalg.lu(a)[2] ** 2))
    assert_close(batched(slope)(stack)[1], slope(2.0 * a), 1e-12)


def test_a_matrix_that_has_other_uses_than_its_factors() -> None:
    """The pull of `lu` once handed on entries at an index, which could not be added to the other cotangents."""

    def fun(a: Any) -> Any:
        b = a * 1.0
        return np.sum(linalg.lu(b)[1] * linalg.lu(b)[2]) + np.sum(b * b)

    check_grads(fun)(A)
    check_grads(lambda a: np.real(fun(a)))(A + 0.3j * B)
