"""Sorting and quantiles: ties, NaN, infinities."""

from typing import Any

import numpy
import pytest
from references import assert_close

import minigrad.numpy as np
from minigrad import grad, jacobian, vjp

nan, inf = numpy.nan, numpy.inf


def array(*values: Any) -> Any:
    return numpy.array(values, dtype=float)


def test_ties_follow_a_stable_sort() -> None:
    x = array(2, 1, 1, 2)
    assert grad(lambda x: np.sort(x) @ array(1, 2, 3, 4))(x).tolist() == [3, 1, 2, 4]
    assert grad(np.median)(x).tolist() == [0.5, 0, 0.5, 0]
    assert grad(np.median)(array(1, 1, 1)).tolist() == [0, 1, 0]
    assert grad(lambda x: np.quantile(x, 1.0))(x).tolist() == [0, 0, 0, 1]
    assert grad(np.ptp)(x).tolist() == [0.5, -0.5, -0.5, 0.5]
    assert grad(lambda x: np.sum(np.unique(x)))(x).tolist() == [1, 1, 0, 0]


def test_a_nan_moves_with_the_nan_it_came_from() -> None:
    x = array(3, nan, 1, 2)
    assert grad(np.median)(x).tolist() == [0, 1, 0, 0]
    assert grad(lambda x: np.percentile(x, 30))(x).tolist() == [0, 1, 0, 0]
    assert grad(np.nanmedian)(x).tolist() == [0, 0, 0, 1]
    assert grad(lambda x: np.nanquantile(x, 1.0))(x).tolist() == [1, 0, 0, 0]
    assert grad(np.nansum)(x).tolist() == [1, 0, 1, 1]
    assert grad(np.nanprod)(x).tolist() == [2, 0, 6, 3]
    assert grad(np.nanmax)(x).tolist() == [1, 0, 0, 0]
    assert_close(grad(np.nanmean)(x), array(1, 0, 1, 1) / 3, 1e-15)
    assert_close(grad(np.nanvar)(x), array(2, 0, -2, 0) / 3, 1e-15)
    assert grad(np.nanstd)(array(2, nan, 2)).tolist() == [0, 0, 0]
    assert grad(lambda x: np.nancumsum(x) @ array(1, 1, 1, 1))(x).tolist() == [4, 0, 2, 1]


def test_lines_of_nothing_but_nan() -> None:
    x = numpy.array([[1.0, nan], [nan, nan]])
    value, pullback = vjp(lambda x: np.nanmax(x, axis=1), x)
    numpy.testing.assert_array_equal(value, array(1, nan))
    assert pullback(array(1, 0))[0].tolist() == [[1, 0], [0, 0]]
    value, pullback = vjp(lambda x: np.nanmean(x, axis=1), x)
    numpy.testing.assert_array_equal(value, array(1, nan))
    assert pullback(array(1, 0))[0].tolist() == [[1, 0], [0, 0]]


def test_infinities_in_a_quantile() -> None:
    x = array(1, 2, inf)
    assert grad(np.median)(x).tolist() == [0, 1, 0]
    assert grad(lambda x: np.quantile(x, 0.25))(x).tolist() == [0.5, 0.5, 0]
    assert numpy.isinf(vjp(lambda x: np.quantile(x, 0.7), x)[0])
    assert numpy.isnan(vjp(lambda x: np.quantile(x, 0.75), x)[0])  # as NumPy has it: inf - inf / 2


def test_quantile_in_q() -> None:
    x = array(4, 1, 0, 9)
    assert grad(lambda q: np.quantile(x, q))(0.5) == 3 * 3  # between 1 and 4
    assert grad(lambda q: np.quantile(x, q))(0.0) == 3 * 1  # to the right at a rank, to the left at the end
    assert grad(lambda q: np.quantile(x, q))(1.0) == 3 * 5
    assert_close(grad(lambda q: np.percentile(x, q))(50.0), 0.09, 1e-13)
    assert grad(lambda q: np.quantile(x, q, method="weibull"))(0.01) == 0  # below the smallest
    assert grad(lambda q: np.quantile(x, q, method="nearest"))(0.4) == 0
    mixed = jacobian(grad(lambda x, q: np.quantile(x, q)), 1)(x, 0.5)
    assert mixed.tolist() == [3, -3, 0, 0]


def test_what_has_no_quantile() -> None:
    with pytest.raises(TypeError, match="complex"):
        grad(lambda x: np.real(np.quantile(x + 1j, 0.5)))(array(1, 2))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        grad(lambda x: np.quantile(x, 1.5))(array(1, 2))
    assert grad(lambda x: np.sum(np.median(x, axis=0)))(numpy.zeros((2, 0))).shape == (2, 0)
