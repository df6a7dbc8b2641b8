"""A box whose tape is closed is its value, and still carries the derivatives of outer tapes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import deriv, grad, jvp, value_and_grad, vjp


def test_escaped_values_are_values() -> None:
    """Intermediates kept in a list behave as arrays afterwards: printed, plotted, added, converted."""
    kept: list[Any] = []

    def fun(x: Any) -> Any:
        kept.append(np.exp(x))
        return np.sum(kept[-1])

    x = np.array([0.0, 1.0])
    grad(fun)(x)
    box = kept[0]
    assert type(np.asarray(box)) is np.ndarray
    assert np.array_equal(box + 1, np.exp(x) + 1)
    assert type(box * 2) is np.ndarray
    assert float(box[0]) == 1.0
    assert np.array_equal(np.sum(box), np.sum(np.exp(x)))
    assert np.array_equal(np.linalg.norm(np.asarray(box)), np.linalg.norm(np.exp(x)))
    assert np.array_equal(np.array([box[0], 2.0]), [1.0, 2.0])
    b = np.zeros(3)
    b[:2] = box
    b[2] = box[1]
    assert b.tolist() == [1.0, np.e, np.e]
    assert math.sin(box[0]) == math.sin(1.0)
    assert box.shape == (2,)
    assert_close(grad(lambda y: np.sum(y * box))(x), np.exp(x), 1e-15)
    assert_close(grad(fun)(box), np.exp(np.exp(x)), 1e-15)


def test_escaped_values_as_arguments_and_cotangents() -> None:
    """A box of a closed tape may be an argument, a cotangent, a tangent, an index, an output."""
    kept: list[Any] = []
    grad(lambda x: (kept.append(x), x * x)[1])(2.0)
    (box,) = kept
    assert grad(lambda x: x**3)(box) == 12.0
    assert vjp(np.sin, 0.0)[1](box) == (2.0,)
    assert jvp(np.sin, (0.0,), (box,))[1] == 2.0
    assert grad(lambda x: box)(1.0) == 0.0
    assert np.arange(4.0)[int(box)] == 2.0
    assert value_and_grad(lambda x: x * box)(3.0) == (6.0, 2.0)
    assert type(value_and_grad(lambda x: box)(3.0)[0]) is np.float64


def test_a_closed_inner_box_still_carries_the_outer_derivative() -> None:
    """A value kept from an inner derivative is a constant there, and a variable of the outer one."""

    def outer(x: Any) -> Any:
        kept: list[Any] = []
        inner = grad(lambda y: (kept.append(x * y), x * y * y)[1])(2.0)  # 4 x
        return inner * kept[0]  # 4 x * 2 x

    assert grad(outer)(3.0) == 48.0
    assert deriv(outer)(3.0) == 48.0


@pytest.mark.parametrize(
    "lose",
    [
        lambda b: float(b), lambda b: math.sin(b), lambda b: np.asarray(b), lambda b: np.array([b, 1.0]),
        lambda b: complex(b),
        lambda b: np.zeros(1).__setitem__(0, b),
    ],
)  # fmt: skip
def test_a_closed_inner_box_does_not_lose_the_outer_derivative(lose: Callable[[Any], Any]) -> None:
    """Making a plain number of it would drop the outer derivative in silence: refused, as for an open box."""

    def outer(x: Any) -> Any:
        kept: list[Any] = []
        grad(lambda y: (kept.append(x * y), x * y)[1])(1.0)
        lose(kept[0])
        return x

    with pytest.raises(TypeError, match="derivative"):
        grad(outer)(3.0)


X = np.array([0.5, -1.0, 2.0])


def test_a_box_whose_transformation_is_over_is_its_value() -> None:
    """Functions without a rule, in-place operators and methods work on it as on the array."""
    kept: list[Any] = []
    grad(lambda x: np.sum(kept.append(x * 1.0) or x))(X)
    box = kept[0]
    assert np.median(box) == 0.5
    assert np.linalg.norm(box) == np.linalg.norm(X)
    assert np.array_equal(np.heaviside(box, 0.5), np.heaviside(X, 0.5))
    total = np.ones(3)
    total += box
    assert np.array_equal(total, X + 1.0)
    assert np.array_equal(np.histogram(box)[0], np.histogram(X)[0])
    assert box.tobytes() == X.tobytes()
    assert int(box[2]) == 2
