"""Polynomials: zeros, multiple roots, leading and trailing zeros."""

from typing import Any

import numpy
import pytest
from references import assert_close

import minigrad.numpy as np
from minigrad import grad, hessian, jacobian, value, vjp
from minigrad.test_util import check_grads


def array(*values: Any) -> Any:
    return numpy.array(values, dtype=float)


def test_poly_of_a_matrix_with_coinciding_eigenvalues() -> None:
    eye = numpy.eye(2)
    found, pullback = vjp(np.poly, eye)
    assert found.tolist() == [1, -2, 1]
    assert pullback(array(0, 0, 1))[0].tolist() == [[1, 0], [0, 1]]
    assert hessian(lambda A: np.poly(A)[2])(eye)[0, 0, 1, 1] == 1


def test_vander_and_polyval_at_zero() -> None:
    assert jacobian(lambda x: np.vander(x, 4))(array(0))[0, :, 0].tolist() == [0, 0, 1, 0]
    assert grad(grad(lambda x: np.vander(np.reshape(x, 1), 4)[0, 1]))(0.0) == 2
    assert grad(grad(lambda x: np.polyval(array(5, 3, 1), x)))(0.0) == 10


def test_polymul_and_polydiv() -> None:
    u, v = array(0, 1, 2), array(1, 3)
    found, pullback = vjp(np.polymul, u, v)
    assert found.tolist() == [1, 5, 6]
    assert pullback(array(1, 0, 0))[0].tolist() == [0, 3 / 3, 0]
    quotient, rest = vjp(np.polydiv, array(1, 5, 6), v)[0]
    assert quotient.tolist() == [1, 2]
    assert rest.tolist() == [0]


def test_polyfit() -> None:
    x, y = numpy.linspace(-1, 2, 6), numpy.cos(numpy.arange(6.0))
    third = jacobian(jacobian(jacobian(lambda s: np.polyfit(x + s * x**2, y, 2))))(0.1)
    h = 1e-3
    second = jacobian(jacobian(lambda s: np.polyfit(x + s * x**2, y, 2)))
    assert_close(third, (second(0.1 + h) - second(0.1 - h)) / (2 * h), 1e-4)
    with pytest.raises(NotImplementedError, match="not unique"), pytest.warns(numpy.exceptions.RankWarning):
        grad(lambda x: np.polyfit(x, y[:3], 2)[0])(array(1, 1, 1))


@pytest.mark.filterwarnings("ignore::numpy.exceptions.RankWarning")
def test_polyfit_full_and_not_unique() -> None:
    """All that NumPy returns; of the fits that are equally good the shortest, as in NumPy."""
    x, y = numpy.linspace(-1, 2, 6), numpy.cos(numpy.arange(6.0))
    ours, theirs = [], numpy.polyfit(x, y, 2, full=True)
    grad(lambda y: (ours.extend(np.polyfit(x, y, 2, full=True)), np.sum(y))[1])(y)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(value(a), b, 1e-13)
    slope = jacobian(lambda y: np.polyfit(x, y, 2, full=True)[1][0])(y)
    assert_close(slope, 2 * (y - numpy.polyval(theirs[0], x)), 1e-12)
    for points, degree, rcond in ((array(1, 1, 1), 2, None), (x[:3], 2, 0.3)):
        by_y = jacobian(lambda y, p=points, d=degree, r=rcond: np.polyfit(p, y, d, r))(y[:3])
        assert_close(by_y, numpy.polyfit(points, numpy.eye(3), degree, rcond), 1e-12)
    check_grads(lambda x: np.polyfit(x, y[:3], 2, 0.3))(x[:3])


def test_roots_move_with_every_coefficient() -> None:
    """Also with leading and trailing ones that are 0: dx = -dp(x) / p'(x)."""
    p = np.array([0.0, 1.0, -3.0, 2.0])
    x = np.roots(p)
    slope = 2 * x - 3
    for k, root in enumerate(x):
        expected = -(root ** np.arange(3, -1, -1)) / slope[k]
        assert np.allclose(grad(lambda p, k=k: np.roots(p)[k])(p), expected, rtol=1e-13)
    p = np.array([1.0, -3.0, 0.0])
    assert np.allclose(grad(lambda p: np.roots(p)[1])(p), [0.0, 0.0, 1 / 3], rtol=1e-13)
