"""Arguments, outputs, tangents and cotangents that cannot be differentiated are refused with advice."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails

from minigrad import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    hvp,
    jacobian,
    jvp,
    make_jvp,
    make_vjp,
    trace,
    value_and_grad,
    vjp,
)

X = np.array([0.5, -1.0, 2.0])


# ----- what the function returns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [grad, value_and_grad])
def test_output_that_is_not_one_number(transform: Callable[..., Any]) -> None:
    """An array, a complex number, None, a tuple, a string: each with the way out."""
    fails(ValueError, lambda: transform(lambda x: x**2)(X), "grad", "(3,)", "np.sum", "jacobian", "elementwise_grad")
    fails(ValueError, lambda: transform(lambda x: np.zeros((2, 0)))(X), "(2, 0)")
    fails(TypeError, lambda: transform(lambda x: np.sum(x) * 1j)(X), "complex", "np.real")
    fails(TypeError, lambda: transform(lambda x: np.allclose(x, 2.0 * x))(X), "truth value", "no derivative")
    fails(TypeError, lambda: transform(lambda x: x[0] > 0.0)(X), "truth value", "no derivative")
    fails(TypeError, lambda: transform(lambda x: np.argmax(x))(X), "whole number (int64)", "count or a position")
    fails(TypeError, lambda: transform(lambda x: np.sum(x > 0.0))(X), "whole number (int64)", "no derivative")
    fails(TypeError, lambda: transform(lambda x: None)(X), "None", "return")
    fails(TypeError, lambda: transform(lambda x: (np.sum(x), x))(X), "tuple", "grad_and_aux")
    fails(TypeError, lambda: transform(lambda x: [np.sum(x)])(X), "list")
    fails(TypeError, lambda: transform(lambda x: {"a": np.sum(x)})(X), "dict")
    fails(TypeError, lambda: transform(lambda x: "text")(X), "str")
    fails(TypeError, lambda: transform(lambda x: object())(X), "object")
    message = fails(ValueError, lambda: transform(lambda x: x * 2.0)(X), "transform(lambda x: x * 2.0)")
    assert "test_output_that_is_not_one_number" in message or "lambda" in message


def test_output_of_the_other_transformations() -> None:
    """grad_and_aux needs a pair with a number first, elementwise_grad a number or array."""
    fails(TypeError, lambda: grad_and_aux(lambda x: np.sum(x))(X), "pair")
    fails(TypeError, lambda: grad_and_aux(lambda x: (1.0, 2.0, 3.0))(X), "pair")
    fails(ValueError, lambda: grad_and_aux(lambda x: (x, 2.0))(X), "grad_and_aux", "(3,)")
    fails(TypeError, lambda: elementwise_grad(lambda x: None)(X), "elementwise_grad", "None")
    fails(TypeError, lambda: elementwise_grad(lambda x: (x, x))(X), "elementwise_grad", "tuple")
    fails(ValueError, lambda: hvp(lambda x: x, X, X), "(3,)")
    fails(ValueError, lambda: hvp(np.sum, X, np.ones(4)), "hvp: a tangent of shape (4,)", "the shape of the point")
    fails(ValueError, lambda: jvp(np.add, (X, X), (X,)), "2 primals but 1 tangents", "None for an argument")


TRANSFORMS: list[tuple[str, Callable[[Any], Any]]] = [
    ("grad", lambda x: grad(lambda x: x)(x)),
    ("jacobian", lambda x: jacobian(lambda x: x)(x)),
    ("elementwise_grad", lambda x: elementwise_grad(lambda x: x)(x)),
    ("vjp", lambda x: vjp(lambda x: x, x)),
    ("make_vjp", lambda x: make_vjp(lambda x: x)(x)),
    ("jvp", lambda x: jvp(lambda x: x, (x,), (1.0,))),
    ("trace", lambda x: trace(lambda x: x, x)),
]


# ----- what is to be differentiated -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("operation", "run"), TRANSFORMS, ids=[t[0] for t in TRANSFORMS])
def test_input_that_has_no_derivative(operation: str, run: Callable[[Any], Any]) -> None:
    """Single integers, bools, objects, strings, masked arrays, matrices: refused, with what to pass instead."""
    fails(TypeError, lambda: run(3), operation, "argument", "integers have no derivative", "2.0 instead of 2")
    fails(TypeError, lambda: run(np.int32(3)), operation, "integers")
    fails(TypeError, lambda: run(np.array([True])), operation, "bool", "truth values", "(1,)", "astype(float)")
    fails(TypeError, lambda: run(True), operation)
    fails(TypeError, lambda: run(np.array([1.0, None])), operation, "object")
    fails(TypeError, lambda: run(np.array(["a"])), operation, "<U1")
    fails(TypeError, lambda: run("text"), operation, "str")
    fails(TypeError, lambda: run(object()), operation, "object")
    fails(TypeError, lambda: run(np.ma.masked_array([1.0], [True])), operation, "MaskedArray", "np.asarray")
    fails(TypeError, lambda: run([1.0, {"a": 2}]), operation, "[1]['a']")
    if hasattr(np, "matrix"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            matrices = [np.matrix([[1.0]]), np.matrix([[1]])]
        for matrix in matrices:
            fails(TypeError, lambda matrix=matrix: run(matrix), operation, "matrix", "np.asarray")
    fails(TypeError, lambda: run(np.ma.masked_array([1], [True])), operation, "MaskedArray", "np.asarray")
    message = fails(TypeError, lambda: run(3), "test_checks.py")
    assert "lambda x: " in message


def test_argument_positions() -> None:
    """Too few arguments, or the differentiated one given by keyword."""
    fails(TypeError, lambda: grad(lambda x: x, 1)(2.0), "argument 1", "1 positional argument")
    fails(TypeError, lambda: grad(lambda x: x)(x=2.0), "argument 0", "keyword")
    fails(TypeError, lambda: grad(lambda x, y: x, (0, 2))(2.0, 3.0), "2 positional")
    fails((TypeError, ValueError), lambda: grad(lambda x, y: x * y, (0, 0))(2.0, 3.0), "argument twice")
    fails((TypeError, ValueError), lambda: grad(lambda x, y: x * y, (0, -2))(2.0, 3.0), "argument")


# ----- shapes that do not fit -----------------------------------------------------------------------------------------


def test_cotangents_that_do_not_fit() -> None:
    """A pullback checks shape and structure."""
    _, pullback = vjp(lambda x: (x, np.sum(x)), X)
    fails(ValueError, lambda: pullback((np.ones(2), 1.0)), "(2,)", "(3,)", "vjp")
    fails(ValueError, lambda: pullback((np.ones((1, 3)), 1.0)), "(1, 3)", "(3,)")
    fails(ValueError, lambda: pullback(np.ones(3)), "structure")
    fails(ValueError, lambda: pullback((np.ones(3), 1.0, 1.0)), "structure")
    fails(ValueError, lambda: pullback([np.ones(3), 1.0]), "structure")
    fails(ValueError, lambda: vjp(lambda x: {"a": x}, X)[1]({"b": X}), "structure")
    assert pullback((np.ones(3), 1.0))[0].tolist() == [2.0, 2.0, 2.0]


def test_tangents_that_do_not_fit() -> None:
    """jvp and its relatives check shape, structure and number."""
    fails(ValueError, lambda: jvp(lambda x: x, (X,), (np.ones(2),)), "(2,)", "(3,)", "jvp")
    fails(ValueError, lambda: jvp(lambda x: x, (X,), (1.0,)), "()", "(3,)")
    fails(ValueError, lambda: jvp(lambda x, y: x, (X, X), (X,)), "2 primals", "1 tangent")
    fails(TypeError, lambda: jvp(lambda x: x, X, X), "tuple")
    fails(ValueError, lambda: jvp(lambda p: p["a"], ({"a": X},), ({"b": X},)), "structure")
    fails(ValueError, lambda: jvp(lambda p: p[0], ([X],), ((X,),)), "structure")
    fails(ValueError, lambda: hvp(lambda x: np.sum(x**2), X, np.ones(2)), "(2,)", "(3,)")
    fails(ValueError, lambda: make_jvp(lambda x: x)(X)(np.ones(2)), "make_jvp", "(2,)")


def test_a_complex_direction_of_a_real_argument_is_refused() -> None:
    """Its imaginary part would vanish."""
    with pytest.raises(TypeError, match="complex"):
        jvp(lambda x: x**2, (2.0,), (1j,))


def test_outputs_without_a_derivative_are_refused() -> None:
    """A function that returns a function, or a text, has no derivative."""
    with pytest.raises(TypeError, match="function"):
        deriv(lambda u: lambda y: u * y)(2.0)
    with pytest.raises(TypeError, match="str"):
        jacobian(lambda u: "a")(2.0)
    assert jvp(lambda u: {"value": u, "text": "a"}, (2.0,), (1.0,))[1] == {"value": 1.0, "text": "a"}


def test_tangents_and_cotangents_of_the_wrong_kind() -> None:
    """None stands for a part that does not move, at any depth; a text is refused."""
    point = {"a": 2.0, "b": [3.0]}
    assert jvp(lambda p: p["a"] * p["b"][0], (point,), ({"a": None, "b": [1.0]},))[1] == 2.0
    assert jvp(lambda p: p["a"] * p["b"][0], (point,), ({"a": 1.0, "b": None},))[1] == 3.0
    with pytest.raises(TypeError, match="str"):
        jvp(np.sin, (1.0,), ("up",))
    with pytest.raises(TypeError, match="cotangent"):
        vjp(np.sin, 1.0)[1](None)


def test_the_argument_at_fault_is_named() -> None:
    """Not the tuple of all positions."""
    with pytest.raises(TypeError, match="argument n is 3"):
        trace(lambda x, n: x * n, 2.0, 3)
