"""scipy.linalg: values as SciPy's, derivatives in both modes at second order."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.stats
from references import assert_close

import minigrad.numpy as mnp
from minigrad import grad
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
    check_grads(ours)(*args)


def test_linalg_errors() -> None:
    with pytest.raises(NotImplementedError, match="square"):
        grad(lambda a: np.sum(linalg.lu(a)[1]))(M)
    with pytest.raises(NotImplementedError, match="b="):
        grad(lambda a: linalg.eigh(a, S)[0][0])(S)
    with pytest.raises(AttributeError, match=r"scipy\.linalg\.funm"):
        linalg.funm  # noqa: B018


def test_a_matrix_that_has_other_uses_than_its_factors() -> None:
    """The pull of `lu` once handed on entries at an index, which could not be added to the other cotangents."""

    def fun(a: Any) -> Any:
        b = a * 1.0
        return np.sum(linalg.lu(b)[1] * linalg.lu(b)[2]) + np.sum(b * b)

    check_grads(fun)(A)
    check_grads(lambda a: np.real(fun(a)))(A + 0.3j * B)
