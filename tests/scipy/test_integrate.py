"""scipy.integrate: solutions of differential equations."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad import grad
from minigrad.scipy import integrate
from minigrad.test_util import check_grads


def test_odeint_by_the_adjoint() -> None:
    """The pendulum with friction, in the start, the times and a structure of parameters."""

    def pendulum(y: Any, t: Any, p: Any) -> Any:
        return mnp.stack([y[1], -p["g"] * mnp.sin(y[0]) - p["k"][0] * y[1] + 0.1 * t])

    def end(y0: Any, t: Any, g: Any, k: Any) -> Any:
        return integrate.odeint(pendulum, y0, t, ({"g": g, "k": (k,)},))

    point = (np.array([0.5, 0.1]), np.array([0.0, 0.4, 1.0]), 2.0, 0.3)
    check_grads(end, range(len(point)), order=1, modes=["rev"])(*point)
    check_grads(lambda g: end(*point[:2], g, 0.3)[-1, 0], order=2, modes=["rev"])(2.0)
    exact = grad(lambda r: integrate.odeint(lambda y, t, r: -r * y, np.ones(1), np.array([0.0, 2.0]), (r,))[-1, 0])(0.5)
    assert exact == pytest.approx(-2.0 * np.exp(-1.0), rel=1e-8)


def test_solve_ivp() -> None:
    def last(r: Any) -> Any:
        times = np.array([0.5, 1.0])
        return integrate.solve_ivp(lambda t, y, r: r * y, (0.0, 1.0), np.ones(2), times, (r,)).y

    assert_close(last(0.7), np.exp(0.7 * np.array([[0.5, 1.0]] * 2)), 1e-8)
    assert grad(lambda r: last(r)[0, 1])(0.7) == pytest.approx(np.exp(0.7), rel=1e-7)
    assert integrate.solve_ivp(lambda t, y: y, (0.0, 1.0), np.ones(1)).y.shape == (1, 2)


def test_lists_are_vectors() -> None:
    """As in SciPy, the rate may be a list."""
    times = np.linspace(0.0, 1.0, 4)
    end = lambda k, rate: integrate.odeint(rate, np.array([1.0, 0.5]), times, (k,))[-1, 1]
    of_list = grad(lambda k: end(k, lambda y, t, k: [-k * y[0], k * y[0] * t]))(0.7)
    of_array = grad(lambda k: end(k, lambda y, t, k: np.stack([-k * y[0], k * y[0] * t])))(0.7)
    assert of_list == of_array != 0.0


def test_rates_of_another_shape_and_closures_are_refused() -> None:
    times = np.linspace(0.0, 1.0, 4)
    with pytest.raises(
        ValueError, match=r"dy/dt has the shape \(\), for y of shape \(2,\).* called with \(y, t, \*args\)"
    ):
        integrate.odeint(lambda t, y: -y, np.ones(2), times)
    with pytest.raises(TypeError, match="odeint: the function closes over a traced value"):
        grad(lambda k: np.sum(integrate.odeint(lambda y, t: -k * y, np.ones(2), times)))(1.0)
