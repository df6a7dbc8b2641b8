"""Closed forms."""

import numpy as np
import pytest

from nn import exact
from nn.loss import logistic


def test_exact_derivatives_of_tanh_against_known_ones():
    t = np.array([-2.0, 0.3])
    f = np.tanh(t / 2.0)
    orders = [np.array([float(v) for v in order]) for order in exact.tanh_derivatives(t, 3)]
    np.testing.assert_allclose(orders[0], f, rtol=1e-15)
    np.testing.assert_allclose(orders[1], (1 - f**2) / 2, rtol=1e-15)
    np.testing.assert_allclose(orders[2], -f * (1 - f**2) / 2, rtol=1e-14)
    np.testing.assert_allclose(orders[3], -(1 - f**2) * (1 - 3 * f**2) / 4, rtol=1e-14)


def test_the_slope_of_the_arctangent_and_the_gradient_of_a_quadratic_function_against_differences():
    rng = np.random.default_rng(0)
    u, M, x = rng.standard_normal(5), rng.standard_normal((4, 3)), rng.standard_normal((3, 2))
    h = 1e-6
    np.testing.assert_allclose(exact.arctan_slope(u), (np.arctan(u + h) - np.arctan(u - h)) / (2 * h), rtol=1e-8)
    for i, j in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[i, j] = h
        slope = (np.sum((M @ (x + e)) ** 2) - np.sum((M @ (x - e)) ** 2)) / (2 * h)
        assert exact.quadratic_gradient(M, x)[i, j] == pytest.approx(slope, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_the_least_loss_is_that_of_the_best_scores(k):
    z, Y = np.full((k, 1), -np.pi / 2), np.zeros((k, 1))
    z[0], Y[0] = np.pi / 2, 1.0
    assert exact.least_loss(k) == pytest.approx(float(logistic(z, Y)), rel=1e-12)
