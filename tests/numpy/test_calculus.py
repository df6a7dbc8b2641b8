"""Interpolation, differences and unwrapping, at their knots and ends."""

from typing import Any

import numpy
import pytest
from references import assert_close

import minigrad.numpy as np
from minigrad import grad, jacobian, vjp

nan, inf = numpy.nan, numpy.inf


def array(*values: Any) -> Any:
    return numpy.array(values, dtype=float)


def test_interp_at_knots() -> None:
    xp, fp = array(0, 1, 3), array(0, 2, 2)
    slope = grad(lambda x: np.interp(x, xp, fp))
    assert [float(slope(x)) for x in (-1.0, 0.0, 0.5, 1.0, 3.0, 4.0)] == [0, 2, 2, 0, 0, 0]
    assert grad(lambda fp: np.interp(-1.0, xp, fp))(fp).tolist() == [1, 0, 0]
    assert grad(lambda left: np.interp(-1.0, xp, fp, left=left))(5.0) == 1
    assert grad(lambda fp: np.interp(3.0, xp, fp))(fp).tolist() == [0, 0, 1]
    assert grad(lambda x: np.interp(x, array(0, 1, 1), fp))(1.0) == 0  # of a jump nothing is left
    value, pullback = vjp(lambda x: np.interp(x, xp, fp), nan)
    assert numpy.isnan(value)
    assert float(pullback(1.0)[0]) == 0
    with pytest.raises(ValueError, match="period"):
        grad(lambda x: np.interp(x, xp, fp, period=0))(1.0)


def test_unwrap_is_piecewise_linear() -> None:
    p = array(0, 4, 8, 1)
    assert_close(jacobian(np.unwrap)(p), numpy.eye(4), 0)
    third = jacobian(jacobian(jacobian(lambda p: np.unwrap(p) ** 2)))(p)
    assert not numpy.any(third)
    assert grad(lambda period: np.unwrap(array(0, 4), period=period)[1])(6.0) == -1


def test_gradient_returns_a_tuple() -> None:
    x = numpy.arange(12.0).reshape(3, 4)
    both = vjp(lambda x: np.gradient(x), x)[0]
    assert isinstance(both, tuple)
    assert [part.shape for part in both] == [(3, 4), (3, 4)]
    with pytest.raises(ValueError, match="fewer"):
        grad(lambda x: np.sum(np.gradient(x, edge_order=2)))(array(1, 2))
    with pytest.raises(TypeError, match="spacings"):
        grad(lambda x: np.sum(np.gradient(x, 1.0, 2.0)))(array(1, 2, 3))


def test_ends() -> None:
    assert jacobian(lambda x: np.diff(x, prepend=x[-1]))(array(1, 2)).tolist() == [[1, -1], [-1, 1]]
    assert jacobian(lambda x: np.diff(x, 0))(array(1, 2)).tolist() == [[1, 0], [0, 1]]
    assert jacobian(lambda x: np.ediff1d(x, to_end=x[0]))(array(1, 3)).tolist() == [[-1, 1], [1, 0]]
    with pytest.raises(TypeError, match="to_begin"):
        grad(lambda x: np.sum(np.ediff1d(array(1, 2).astype(int), x)))(1.0)
    assert grad(lambda c: np.sum(np.pad(array(1, 2), 1, constant_values=c)))(3.0) == 2
