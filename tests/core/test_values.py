"""Plain values, constants and labels of what is being differentiated."""

from typing import Any

import numpy as np
import pytest

from minigrad import deriv, derivatives, grad, jvp, name, stop_gradient, trace, value
from minigrad.core.tape import Box

X = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize("constant", [value, stop_gradient])
@pytest.mark.parametrize("derivative", [grad, deriv, lambda f: lambda x: derivatives(f, x, 1)[1]])
def test_no_derivative_flows_through_a_constant_in_any_mode(constant: Any, derivative: Any) -> None:
    assert derivative(lambda x: x * constant(x))(3.0) == 3.0
    assert jvp(lambda x: x * constant(x), (3.0,), (1.0,))[1] == 3.0


def test_a_constant_stops_the_derivatives_of_all_levels() -> None:
    assert grad(grad(lambda x: x**2 * stop_gradient(x)))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: y * value(y * x))(x))(3.0) == 0.0


def test_a_plain_array_is_its_own_value() -> None:
    assert value(X) is X
    assert value({"a": X})["a"] is X
    assert value(X).flags.writeable


def test_the_plain_value_of_nested_boxes_is_an_array_that_cannot_be_written_to() -> None:
    """The sweep will read it again."""
    seen: list[Any] = []

    def fun(x: Any) -> Any:
        plain = value(x)
        seen.append(plain)
        with pytest.raises(ValueError, match="read-only"):
            plain[0] = 1.0
        return np.sum(x * plain)

    grad(lambda x: np.sum(grad(fun)(x)))(X)
    assert type(seen[0]) is np.ndarray
    assert np.array_equal(seen[0], X)
    copy = seen[0].copy()
    copy[0] = 1.0
    assert X[0] == 0.5


def test_the_value_of_a_tree_is_a_tree() -> None:
    """What is no number stays as it is."""
    kinds: list[Any] = []

    def fun(x: Any) -> Any:
        found = value({"a": [x, None], "b": ("text", 2)})
        kinds.append(found)
        return np.sum(x)

    grad(fun)(X)
    assert type(kinds[0]["a"][0]) is np.ndarray
    assert kinds[0]["a"][1] is None
    assert kinds[0]["b"] == ("text", 2)


def test_a_label_stands_on_every_open_tape_and_changes_nothing() -> None:
    labels: list[Any] = []

    def fun(x: Any) -> Any:
        y = x * 2.0
        assert name(y, "twice") is y
        box = y
        while type(box) is Box:
            labels.append(box.tape.labels[box.index])
            box = box.value
        return np.sum(y * y)

    grad(lambda x: np.sum(grad(fun)(x)))(X)
    assert labels == ["twice", "twice"]
    assert name(X, "outside") is X
    assert np.array_equal(trace(lambda x: name(x + 1.0, "h"), X)["h"], X + 1.0)
