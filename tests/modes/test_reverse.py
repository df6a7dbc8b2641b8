"""Reverse mode: what grad and its relatives return."""

from typing import Any

import numpy as np
from messages import fails
from references import assert_close

from minigrad import deriv, elementwise_grad, grad, grad_and_aux, value_and_grad, vjp

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])


def cubic(x: Any) -> Any:
    """sum x^3."""
    return np.sum(x**3)


def test_grad_of_numbers_and_arrays() -> None:
    """A float gives a NumPy number, an array an array, an array without axes such an array."""
    assert grad(lambda x: x**2)(3.0) == 6.0
    assert isinstance(grad(lambda x: x**2)(3.0), np.float64)
    assert isinstance(grad(lambda x: x**2)(np.float32(3.0)), np.float32)
    assert_close(grad(cubic)(X), 3 * X**2, 1e-15)
    zero_dimensional = grad(lambda x: x**2)(np.array(3.0))
    assert isinstance(zero_dimensional, np.ndarray)
    assert zero_dimensional.shape == ()


def test_value_and_grad() -> None:
    """The value is what the function returns, plain."""
    v, g = value_and_grad(cubic)(X)
    assert v == np.sum(X**3)
    assert type(v) is np.float64
    assert_close(g, 3 * X**2, 1e-15)


def test_grad_and_aux_returns_plain_auxiliary_values() -> None:
    """Whatever comes second is freed of boxes, within its structure."""
    g, aux = grad_and_aux(lambda x: (cubic(x), {"twice": 2 * x, "text": "as it is", "list": [x, None, 3]}))(X)
    assert_close(g, 3 * X**2, 1e-15)
    assert type(aux["twice"]) is np.ndarray
    assert type(aux["list"][0]) is np.ndarray
    assert aux["text"] == "as it is"
    assert aux["list"][1:] == [None, 3]


def test_elementwise_grad() -> None:
    """The derivative entry by entry; of other functions, the gradient of the sum."""
    assert_close(elementwise_grad(np.tanh)(X), 1 / np.cosh(X) ** 2, 1e-14)
    assert_close(elementwise_grad(lambda x: A @ x)(X), A.sum(axis=0), 1e-15)
    assert_close(elementwise_grad(lambda x, y: x * y, 1)(X, 2 * X), X, 1e-15)
    assert elementwise_grad(np.sin)(0.0) == 1.0


def test_deriv() -> None:
    """The derivative of a curve."""
    assert_close(deriv(lambda t: np.stack([t, t**2, np.sin(t)]))(0.5), [1.0, 1.0, np.cos(0.5)], 1e-15)
    assert deriv(deriv(lambda t: t**3))(2.0) == 12.0
    assert deriv(np.sin)(np.float32(0.0)).dtype == np.float32


def test_a_pullback_may_be_called_many_times_and_in_any_order() -> None:
    """Calls do not influence one another, and do not change the cotangents handed in."""
    _, pullback = vjp(lambda x: x[0] * x + x[[0, 0, 2]] * x[1] + np.sum(x), X)
    cs = [np.array(c) for c in ([1.0, 0.0, 0.0], [0.0, 1.0, 2.0], [3.0, 1.0, 2.0])]
    copies = [c.copy() for c in cs]
    first = [pullback(c)[0] for c in cs]
    second = [pullback(c)[0] for c in reversed(cs)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    assert_close(first[2], 3 * first[0] + first[1], 1e-14)
    assert all(np.array_equal(a, b) for a, b in zip(cs, copies))


def test_a_pullback_says_what_it_takes() -> None:
    _, of_two = vjp(lambda x, y: (x * y, {"a": x}), 2.0, 3.0)
    _, of_array = vjp(lambda x: x * 2.0, X)
    fails(TypeError, of_two, "vjp: the pullback takes one cotangent, in the structure of", "was given none")
    fails(TypeError, lambda: of_two(1.0, {"a": 1.0}), "vjp", "was given 2", "pullback((a, b))")
    fails(TypeError, lambda: of_array(ct=X), "vjp", "by position", "(ct=...)")
    fails(ValueError, lambda: of_two(1.0), "vjp", "structure", "zeros for a part that has none", "at ")
    fails(TypeError, lambda: of_two((1.0, {"a": None})), "vjp", "np.zeros(())")
    fails(TypeError, lambda: of_array(1j * X), "complex cotangent of a real output")
    assert of_two((1.0, {"a": 0.0})) == (3.0, 2.0)
