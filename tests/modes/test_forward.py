"""Forward mode: tangents of arguments that move and that do not."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import deriv, grad, jvp, vjp

X = np.array([0.5, -1.0, 2.0])


def test_jvp_with_arguments_that_do_not_move() -> None:
    """`None` stands for an argument, or a part of a tuple, that does not move."""
    assert jvp(lambda x, y: x * y, (2.0, 3.0), (None, 1.0))[1] == 2.0
    assert jvp(lambda p, y: p[0] * p[1] * y, ((2.0, 3.0), 4.0), ((1.0, None), None))[1] == 12.0
    assert jvp(lambda x, y: x, (2.0, 3.0), (None, 1.0))[1] == 0.0
    assert jvp(lambda x: x * 0 + 1, (X,), (X,))[1].tolist() == [0.0, 0.0, 0.0]


def fun(p: Any, y: Any) -> Any:
    return {"u": np.tanh(p[0] @ p[1]) * y, "v": (np.sum(p[1] ** 2),)}


P = (np.arange(6.0).reshape(2, 3) / 5, X)
T = (np.ones((2, 3)), np.array([1.0, 2.0, -1.0]))


def test_a_tangent_is_paired_with_a_cotangent() -> None:
    """<c, J t> = <J^T c, t>: forward and reverse mode are transposes of one another."""
    c = {"u": np.array([0.3, -2.0]), "v": (1.5,)}
    out, tangent = jvp(fun, (P, 2.0), (T, 0.5))
    of_p, of_y = vjp(fun, P, 2.0)[1](c)
    forward = np.sum(c["u"] * tangent["u"]) + c["v"][0] * tangent["v"][0]
    backward = np.sum(of_p[0] * T[0]) + np.sum(of_p[1] * T[1]) + of_y * 0.5
    assert_close(forward, backward, 1e-14)
    assert_close(out["u"], fun(P, 2.0)["u"], 1e-15)


def test_a_tangent_is_linear_in_the_direction() -> None:
    def along(t: Any) -> Any:
        return jvp(lambda x: np.sin(x) * x[::-1], (X,), (t,))[1]

    a, b = np.array([1.0, 0.0, 2.0]), np.array([-1.0, 3.0, 0.5])
    assert_close(along(2.0 * a - b), 2.0 * along(a) - along(b), 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_a_tangent_has_the_dtype_of_the_value(dtype: Any) -> None:
    value, tangent = jvp(lambda x: np.exp(x) * 2, (X.astype(dtype),), (np.ones(3, dtype),))
    assert value.dtype == tangent.dtype == dtype


def test_derivatives_of_curves_nest() -> None:
    assert_close(deriv(deriv(deriv(np.sin)))(0.4), -np.cos(0.4), 1e-15)
    assert_close(deriv(lambda t: grad(lambda s: np.sin(s * t))(2.0))(0.3), np.cos(0.6) - 0.6 * np.sin(0.6), 1e-14)
