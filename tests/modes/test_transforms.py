"""What all transformations share: argument positions, keywords, structures, constant outputs, names."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    hessian,
    jacobian,
    jvp,
    make_vjp,
    name,
    value,
    value_and_grad,
    vjp,
)

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])


def cubic(x: Any) -> Any:
    """sum x^3."""
    return np.sum(x**3)


# ----- what each returns ----------------------------------------------------------------------------------------------


def test_vjp_and_jvp_of_pytrees() -> None:
    """Cotangents and tangents come in the structure of the arguments and outputs."""

    def fun(p: Any, s: Any) -> Any:
        return {"y": p[0] * s, "z": [np.sum(p[1])]}

    out, pullback = vjp(fun, (X, A), 2.0)
    assert_close(out["y"], 2 * X, 1e-15)
    of_p, of_s = pullback({"y": np.ones(3), "z": [3.0]})
    assert_close(of_p[0], [2.0, 2.0, 2.0], 1e-15)
    assert_close(of_p[1], np.full((2, 3), 3.0), 1e-15)
    assert_close(of_s, X.sum(), 1e-15)
    again, _ = pullback({"y": np.zeros(3), "z": [1]})
    assert_close(again[1], np.ones((2, 3)), 1e-15)
    out, tangent = jvp(fun, ((X, A), 2.0), ((np.ones(3), np.ones((2, 3))), 1.0))
    assert_close(tangent["y"], 2 + X, 1e-15)
    assert_close(tangent["z"][0], 6.0, 1e-15)


@pytest.mark.parametrize("transform", [grad, value_and_grad, elementwise_grad, jacobian, hessian, deriv, make_vjp])
def test_derived_functions_say_what_they_are(transform: Callable[..., Any]) -> None:
    """Name and docstring of the original are carried along; so it goes for lambdas, partials and callables."""
    derived = transform(cubic)
    assert cubic.__name__ in derived.__name__
    assert "sum x^3" in derived.__doc__
    assert derived.__wrapped__ is not None
    assert transform(len).__name__


def test_name_and_value() -> None:
    """`name` returns its argument; `value` the plain number, as a constant."""
    assert name(X, "x") is X
    assert grad(lambda x: name(x, "x") ** 2)(3.0) == 6.0
    assert grad(lambda x: x * value(x))(3.0) == 3.0
    assert grad(lambda x: grad(lambda y: x * y * value(y) * value(x))(2.0))(3.0) == 6.0
    assert value(2.0) == 2.0
    assert type(grad_and_aux(lambda x: (x, value(x)))(3.0)[1]) is np.float64


# ----- argnum and keyword arguments -----------------------------------------------------------------------------------


def three(x: Any, y: Any, z: Any = 2.0, *, scale: float = 1.0) -> Any:
    """A function of three arguments and a keyword."""
    return scale * x * y**2 * z**3


def test_argnum() -> None:
    """An int, a negative int, NumPy's int, a sequence in any order, of one or none."""
    assert grad(three, 1)(2.0, 3.0, 1.0) == 12.0
    assert grad(three, -1)(2.0, 3.0, 1.0) == 54.0
    assert grad(three, np.int64(1))(2.0, 3.0, 1.0) == 12.0
    assert grad(three, argnum=(0, 2))(2.0, 3.0, 1.0) == (9.0, 54.0)
    assert grad(three, [2, 0])(2.0, 3.0, 1.0) == (54.0, 9.0)
    assert grad(three, (-1, 0))(2.0, 3.0, 1.0) == (54.0, 9.0)
    assert grad(three, (1,))(2.0, 3.0, 1.0) == (12.0,)
    assert isinstance(grad(three, [0])(2.0, 3.0), tuple)
    assert jacobian(three, 1)(2.0, 3.0, 1.0) == 12.0
    assert hessian(three, 1)(2.0, 3.0, 1.0) == 4.0


def test_keyword_arguments_are_passed_on() -> None:
    """As constants, through every transformation."""
    assert grad(three)(2.0, 3.0, scale=10.0) == 720.0
    assert grad(three)(2.0, y=3.0, z=1.0) == 9.0
    assert value_and_grad(three)(2.0, 3.0, scale=0.5)[0] == 72.0
    assert vjp(three, 2.0, 3.0, scale=10.0)[0] == 1440.0
    assert jvp(three, (2.0, 3.0), (1.0, 0.0), scale=10.0)[1] == 720.0
    assert hessian(three)(2.0, 3.0, scale=10.0) == 0.0
    assert grad(grad(three, 1), 1)(2.0, 3.0, scale=10.0) == 320.0


# ----- zero, constant and size-1 outputs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: 3.0, lambda x: 3, lambda x: np.float64(2.0), lambda x: np.array([2.0]),
        lambda x: np.sum(np.floor(x)), lambda x: x.shape[0], lambda x: np.sum(value(x)),
        lambda x: np.sum(np.zeros_like(x)), lambda x: np.sum(x[5:]), lambda x: float(len(x)),
    ],
)  # fmt: skip
def test_constant_outputs_have_the_gradient_zero(fun: Callable[..., Any]) -> None:
    """Zeros of the shape and dtype of the argument, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradient = grad(fun)(X)
        assert gradient.tolist() == [0.0, 0.0, 0.0]
        assert gradient.dtype == X.dtype
        assert jvp(fun, (X,), (np.ones(3),))[1] == 0.0
        assert hessian(fun)(X).shape in {(3, 3), (1, 3, 3)}
        assert not np.any(hessian(fun)(X))


def test_unused_arguments_have_the_gradient_zero() -> None:
    """Each in its shape, and each an array of its own."""
    g = grad(lambda p: p["used"] ** 2)({"used": 3.0, "array": A, "other": A, "narrow": A.astype(np.float32)})
    assert g["used"] == 6.0
    assert not np.any(g["array"])
    assert g["array"].shape == A.shape
    assert g["narrow"].dtype == np.float32
    assert not np.shares_memory(g["array"], g["other"])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_outputs_of_one_entry_are_numbers(shape: tuple[int, ...]) -> None:
    """An array with one entry has a gradient."""
    v, g = value_and_grad(lambda x: np.reshape(np.sum(x**2), shape))(X)
    assert np.shape(v) == shape
    assert_close(g, 2 * X, 1e-15)
    assert_close(grad(lambda x: x[:1] ** 2)(X), [1.0, 0.0, 0.0], 1e-15)


def test_identity() -> None:
    """A function that returns its argument, or another's."""
    assert grad(lambda x: x)(2.0) == 1.0
    assert_close(jacobian(lambda x: x)(X), np.eye(3), 1e-15)
    out, pullback = vjp(lambda x: (x, x), X)
    c = np.ones(3)
    assert_close(pullback((c, c))[0], [2.0, 2.0, 2.0], 1e-15)
    assert out[0] is X or np.array_equal(out[0], X)
    assert c.tolist() == [1.0, 1.0, 1.0]


def test_the_same_array_in_two_arguments() -> None:
    """Each position has a gradient of its own."""
    assert_close(grad(lambda x, y: np.sum(x * y**2), (0, 1))(X, X)[1], 2 * X * X, 1e-15)
    gx, gy = grad(lambda p: np.sum(p[0] + p[1]))((X, X))
    assert not np.shares_memory(gx, gy)
