"""Options of `scipy.linalg`: they mean what they mean in SciPy, or are refused by name."""

import inspect

import numpy as np
import pytest
import scipy.linalg as sl
import scipy.special as ss

from minigrad import grad, vjp
from minigrad.scipy import linalg, special
from minigrad.test_util import check_grads

A = np.array([[4.0, 1.0, 0.5], [0.2, 3.0, 0.1], [0.3, 0.4, 5.0]])
B = np.array([1.0, 2.0, 3.0])


def test_the_system_of_the_transposed_matrix() -> None:
    np.testing.assert_allclose(linalg.solve(A, B, transposed=True), sl.solve(A, B, transposed=True))
    slope = grad(lambda a: np.sum(linalg.solve(a, B, transposed=True)))(A)
    by_numpy = grad(lambda a: np.sum(np.linalg.solve(a.T, B)))(A)
    np.testing.assert_allclose(slope, by_numpy)


@pytest.mark.parametrize(
    ("call", "option"),
    [
        (lambda a: linalg.inv(a, assume_a="diagonal"), "assume_a"),
        (lambda a: linalg.qr(a, mode="raw"), "mode"),
        (lambda a: linalg.lu_solve(linalg.lu_factor(a), B, colour="red"), "colour"),
    ],
)
def test_what_has_no_meaning_here_is_refused(call, option: str) -> None:
    with pytest.raises((NotImplementedError, TypeError, ValueError), match=rf"\b{option}\b"):
        grad(lambda a: np.sum(call(a)[0]))(A)


@pytest.mark.parametrize(
    ("call", "own"),
    [
        (lambda a: linalg.qr(a, pivoting=True)[1], lambda a: sl.qr(a, pivoting=True)[1]),
        (lambda a: linalg.lu(a, p_indices=True)[1], lambda a: sl.lu(a, p_indices=True)[1]),
        (lambda a: linalg.eigh(a, subset_by_index=[0, 1])[0], lambda a: sl.eigh(a, subset_by_index=[0, 1])[0]),
    ],
    ids=["pivoting", "p_indices", "subset_by_index"],
)
def test_options_mean_what_they_mean_in_scipy(call, own) -> None:
    np.testing.assert_allclose(call(A), own(A))
    value, _ = vjp(call, A)
    np.testing.assert_allclose(value, own(A))
    check_grads(call, order=1)(A)


@pytest.mark.filterwarnings("ignore:scipy.linalg. the `lwork` keyword:DeprecationWarning")  # from SciPy 1.18 on
def test_options_stand_where_scipy_has_them() -> None:
    """Also those without an effect on the result, which are accepted."""
    np.testing.assert_allclose(linalg.qr(A, False, None, "r")[0], sl.qr(A, False, None, "r")[0])
    np.testing.assert_allclose(linalg.cholesky(A @ A.T, True, False, True), sl.cholesky(A @ A.T, True))
    np.testing.assert_allclose(linalg.solve(A, B, check_finite=False, overwrite_a=True), sl.solve(A, B))
    np.testing.assert_allclose(linalg.eigh(A + A.T, lower=True)[0], sl.eigh(A + A.T)[0])
    np.testing.assert_allclose(linalg.eigh(A + A.T, eigvals_only=True), sl.eigh(A + A.T)[0])
    np.testing.assert_allclose(linalg.solve(A @ A.T, B, assume_a="pos"), sl.solve(A @ A.T, B))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: linalg.cho_solve((a, True), B, True, True, True), "cho_solve"),
        (lambda a: linalg.solve(a), "argument: 'b'"),
        (lambda a: linalg.solve(a, B, a=a), "values .* argument .?a"),
    ],
    ids=["too many", "too few", "twice"],
)
def test_arguments_that_do_not_fit(call, message: str) -> None:
    """The same kind of error for plain and for traced values."""
    for run in (call, grad(lambda a: np.sum(call(a)))):
        with pytest.raises(TypeError, match=message):
            run(A)


@pytest.mark.parametrize("name", ["solve", "cholesky", "eigh", "qr", "expm", "toeplitz", "lu_solve", "solve_banded"])
def test_signatures_are_those_of_scipy(name: str) -> None:
    assert str(inspect.signature(getattr(linalg, name))) == str(inspect.signature(getattr(sl, name)))
    assert getattr(linalg, name).__name__ == name


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "multigammaln", "polygamma", "diric"])
def test_signatures_of_special_functions(name: str) -> None:
    assert str(inspect.signature(getattr(special, name))) == str(inspect.signature(getattr(ss, name)))
