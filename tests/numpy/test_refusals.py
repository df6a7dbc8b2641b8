"""Functions and options without a derivative raise, name themselves, and say what works instead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad.numpy as mnp
from minigrad import grad, hessian, jacobian, jvp

X = np.array([0.5, -1.0, 2.0])

NO_RULE: list[tuple[str, Callable[[Any], Any]]] = [
    ("histogram2d", lambda x: np.histogram2d(x, x)),
    ("histogramdd", lambda x: np.histogramdd(x[:, None])),
    ("pad", lambda x: np.pad(x, 1, mode="empty")),
]


# ----- no rule --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("operation", "fun"), NO_RULE, ids=[f"{k} {o}" for k, (o, _) in enumerate(NO_RULE)])
def test_an_operation_without_a_rule_names_itself(operation: str, fun: Callable[[Any], Any]) -> None:
    """NumPy's functions without a rule raise, under both names of the namespace, and never give wrong zeros."""
    for transform in (grad, jacobian):
        message = fails(NotImplementedError, lambda t=transform: t(lambda x: np.sum(fun(x)))(X), operation, "rule")
        assert "test_refusals.py" in message
        assert "lambda x: np." in message  # the line above, as it is written


def test_an_operation_without_a_rule_says_what_to_do() -> None:
    """The nearest names, and how to take a plain value."""
    message = fails(
        NotImplementedError,
        lambda: grad(lambda x: np.sum(np.histogram2d(x, x)[0]))(X),
        "histogram2d",
        "np.histogram2d(x, x)",
    )
    assert "The nearest names that have one: " in message
    assert "minigrad.value(x)" in message


def test_an_unknown_ufunc() -> None:
    """A ufunc of the user's own making."""
    ufunc = np.frompyfunc(lambda x: x, 1, 1)
    message = fails(
        NotImplementedError, lambda: grad(lambda x: np.sum(ufunc(x)))(X), "no derivative rule", "vmap(f)(x)"
    )
    assert "np.sum(ufunc(x))" in message
    fails(TypeError, lambda: grad(lambda x: np.add.at(np.zeros(3), [0], x[0]))(X), "add.at", "add_at")


def test_lists_of_traced_values_need_the_namespace() -> None:
    """np.array([x, y]) by plain NumPy cannot be seen by the tape; the message names the way out."""
    for fun in (lambda x: np.array([x[0], x[1]]), lambda x: np.sum([x[0], x[1]]), lambda x: np.exp([x[0], 1.0])):
        message = fails(TypeError, lambda f=fun: grad(lambda x: np.sum(f(x)))(X), "minigrad.numpy", "np.stack([x[0], ")
        assert "lambda x: np.array([x[0], x[1]])" in message
    assert grad(lambda x: np.sum(mnp.array([x[0], x[1]])))(X).tolist() == [1.0, 1.0, 0.0]


OPTIONS: list[tuple[str, Callable[[Any], Any]]] = [
    ("out=", lambda x: np.sin(x, out=np.zeros(3))),
    ("out=", lambda x: np.add(x, 1.0, np.zeros(3))),
    ("out=", lambda x: np.sum(x, out=np.zeros(()))),
    ("out=", lambda x: np.dot(x, x, out=np.zeros(()))),
    ("out=", lambda x: np.concatenate([x, x], out=np.zeros(6))),
    ("where=", lambda x: np.sin(x, where=[True, False, True])),
    ("dtype=", lambda x: np.einsum("i,i->", x, x, dtype=float)),
]


@pytest.mark.parametrize(("option", "fun"), OPTIONS, ids=range(len(OPTIONS)))
def test_options_that_cannot_be_differentiated_are_refused(option: str, fun: Callable[[Any], Any]) -> None:
    """Never ignored: an option either works or is named in an error."""
    message = fails(TypeError, lambda: grad(lambda x: np.sum(fun(x)))(X), option)
    assert "lambda x: np." in message


SHAPES: list[tuple[type[BaseException], str, Callable[[Any], Any]]] = [
    (ValueError, "broadcast", lambda x: x + np.ones(2)),
    (ValueError, "broadcast", lambda x: np.ones((3, 2)) * x),
    (ValueError, "matmul", lambda x: np.ones((2, 2)) @ x),
    (ValueError, "matmul", lambda x: x @ np.float64(2.0)),
    (ValueError, "", lambda x: np.dot(np.ones((2, 2)), x)),
    (ValueError, "", lambda x: np.inner(np.ones((2, 2)), x)),
    (ValueError, "tensordot", lambda x: np.tensordot(np.ones((2, 2)), x, 1)),
    (ValueError, "einsum", lambda x: np.einsum("ij,jk", np.ones((2, 2)), x)),
    (ValueError, "", lambda x: np.einsum("ij,j", np.ones((2, 2)), x)),
    (ValueError, "einsum", lambda x: np.einsum("i,i,i", x, x)),
    (ValueError, "reshape", lambda x: x.reshape(2, 2)),
    (ValueError, "concatenate", lambda x: np.concatenate([x, np.ones((2, 2))])),
    (ValueError, "stack", lambda x: np.stack([x, np.ones(2)])),
    (ValueError, "", lambda x: np.split(x, 2)),
    (ValueError, "axis", lambda x: np.sum(x, axis=1)),
    (ValueError, "axis", lambda x: np.cumsum(x, axis=1)),
    (ValueError, "axis", lambda x: np.diff(x, axis=1)),
    (ValueError, "axis", lambda x: np.diff(x, axis=-2)),
    (ValueError, "axis", lambda x: np.flip(x, axis=1)),
    (ValueError, "axis", lambda x: np.max(x, axis=(0, 1))),
    (ValueError, "axis", lambda x: np.swapaxes(x, 0, 1)),
    (ValueError, "", lambda x: np.transpose(x, (0, 1))),
    (ValueError, "", lambda x: np.squeeze(x, axis=0)),
    (ValueError, "broadcast", lambda x: np.broadcast_to(x, (2, 2))),
    (ValueError, "broadcast", lambda x: np.where(np.ones(2) > 0, x, 1.0)),
    (ValueError, "different shapes", lambda x: mnp.array([x, np.ones(2)])),
    (TypeError, "ndmaxi", lambda x: mnp.array([x, x], ndmaxi=1)),
    (ValueError, "nable to avoid copy", lambda x: mnp.array([x, x], copy=False)),
]


# ----- shapes that do not fit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "text", "fun"), SHAPES, ids=range(len(SHAPES)))
def test_shape_errors_are_those_of_numpy(kind: type[BaseException], text: str, fun: Callable[[Any], Any]) -> None:
    """Raised at the operation that does not fit, not later in the sweep; the type is NumPy's."""
    with pytest.raises(kind):
        fun(X)
    fails(kind, lambda: grad(lambda x: np.sum(fun(x)))(X), text)
    fails(kind, lambda: jvp(fun, (X,), (X,)), text)
    fails(kind, lambda: hessian(lambda x: np.sum(fun(x)))(X), text)
