"""Arguments by position, by keyword, and more than there may be, as with NumPy."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad import grad, vjp

X = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("sum", (0, None, None, False, 5.0)),
        ("sum", (0, None, None, True, 5.0, np.array([True, False, True]))),
        ("prod", (0, None, None, False, 5.0)),
        ("max", (0, None, False, 1.0)),
        ("min", (0, None, False, 1.0)),
        ("mean", (0, None, None, True)),
        ("var", (0, None, None, 1)),
        ("std", (0, None, None, 1, True)),
    ],
)
def test_positional_arguments_of_methods(name: str, args: tuple[Any, ...]) -> None:
    """The value is NumPy's, also with `initial` and `where` by position."""
    assert_close(vjp(lambda x: getattr(x, name)(*args), X)[0], getattr(X, name)(*args), 1e-15)


def test_too_many_arguments_of_a_method() -> None:
    """More than NumPy's method takes."""
    with pytest.raises(TypeError, match="mean"):
        grad(lambda x: x.mean(0, None, None, False, True, 9))(X)


def test_maximum_with_an_initial_value() -> None:
    """Where the initial value wins, nothing depends on the array; an empty array has it as its maximum."""
    assert np.array_equal(grad(lambda x: x.max(0, None, False, 5.0))(X), np.zeros(3))
    assert grad(lambda x: np.max(x[:0], initial=0.0) + np.sum(x))(X).tolist() == [1.0, 1.0, 1.0]


def test_accumulate_with_an_output_is_refused() -> None:
    """It used to leave the output unwritten."""
    with pytest.raises(TypeError, match="out="):
        grad(lambda x: np.sum(np.add.accumulate(x, out=np.zeros(3))))(X)


def test_both_forms_of_bounds_at_once() -> None:
    """As NumPy."""
    with pytest.raises(ValueError, match="clip"):
        grad(lambda x: np.sum(np.clip(x, 0.4, 0.5, min=0.1)))(X)


rng = np.random.default_rng(5)


@pytest.mark.parametrize(
    "fun",
    [
        lambda np, x: np.sum(a=x), lambda np, x: np.mean(a=x, axis=0),
        lambda np, x: np.reshape(x, shape=(4,)) if np is mnp else np.reshape(x, (4,)),  # NumPy from 2.1 on
        lambda np, x: np.concatenate(arrays=(x, x)) if np is mnp else np.concatenate((x, x)),
        lambda np, x: np.clip(x, a_min=0.1, a_max=x[0]), lambda np, x: np.dot(a=x, b=x) if np is mnp else np.dot(x, x),
        lambda np, x: np.tensordot(a=x, b=x, axes=1), lambda np, x: np.cumsum(a=x), lambda np, x: np.transpose(a=x),
        lambda np, x: np.stack(arrays=[x, x]), lambda np, x: np.var(a=x), lambda np, x: np.diag(v=x),
        lambda np, x: np.repeat(a=x, repeats=2), lambda np, x: np.moveaxis(a=x, source=0, destination=1),
    ],
)  # fmt: skip
def test_keyword_arguments_are_traced(fun: Any) -> None:
    """A traced value may come by keyword; the gradient is that of the positional call with plain NumPy."""
    x = rng.normal(size=(2, 2))
    gradient = grad(lambda x: mnp.sum(fun(mnp, x) ** 2))(x)
    assert np.allclose(gradient, grad(lambda x: np.sum(fun(np, x) ** 2))(x), rtol=1e-14)
    step = 1e-6 * np.ones_like(x)
    difference = (np.sum(fun(np, x + step) ** 2) - np.sum(fun(np, x - step) ** 2)) / 2
    assert abs(np.sum(gradient * step) - difference) < 1e-12
