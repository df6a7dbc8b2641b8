"""Rules that keep their digits at large and small magnitudes."""

import warnings

import numpy as np
from references import assert_close

import minigrad.numpy as mnp
from minigrad import grad


def test_the_derivative_of_logsumexp_sums_to_one_at_any_magnitude() -> None:
    """exp(x - logsumexp(x)) would not: the rounding of the logarithm is absolute."""
    for scale in (1.0, 1e4, 1e10, 1e16, -1e16):
        assert_close(grad(mnp.logsumexp)(np.array([scale, scale])), np.array([0.5, 0.5]), 1e-15)
        assert_close(np.array(grad(np.logaddexp, (0, 1))(scale, scale)), np.array([0.5, 0.5]), 1e-15)
    assert_close(grad(mnp.logsumexp)(np.array([1e4, 1e4], np.float32)), np.array([0.5, 0.5], np.float32), 1e-6)
    assert np.array_equal(grad(mnp.logsumexp)(np.array([-np.inf, 0.0])), [0.0, 1.0])
    assert np.array_equal(grad(mnp.logsumexp)(np.array([-np.inf, -np.inf])), [0.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(np.logaddexp)(0.0, 1000.0) == 0.0


def test_arctan2_and_arcsinh_do_not_overflow() -> None:
    """Squares of 1e200 would."""
    for scale in (1e-200, 1.0, 1e200):
        assert_close(
            np.array(grad(np.arctan2, (0, 1))(scale, scale)), np.array([0.5, -0.5]) / scale, 1e-14, floor=1e-300
        )
    assert_close(grad(np.arcsinh)(1e200), 1e-200, 1e-14, floor=1e-300)


def test_expm1_keeps_its_tail() -> None:
    """The derivative is exp(x), which ans + 1 cannot tell from 0 far to the left."""
    assert_close(grad(np.expm1)(-30.0), np.exp(-30.0), 1e-15, floor=1e-300)


def test_products_that_have_lost_digits():
    """The product 1.5 * 5e-324 has one bit; that of the others is not to be had from it by division."""
    np.testing.assert_array_equal(grad(np.prod)(np.array([1.5, 5e-324, 2.0])), [1e-323, 3.0, 1e-323])
    np.testing.assert_allclose(grad(np.prod)(np.array([1e-200, 1e-120, 3.0])), [3e-120, 3e-200, 1e-320], rtol=1e-3)
