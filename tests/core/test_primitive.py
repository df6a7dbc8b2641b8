"""Primitives: what each kind promises of its rules, and which values a rule says it does not read."""

import operator
from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import grad, jacobian, jvp, trace, vjp
from minigrad.core.primitive import bilinear, constant, elementwise, general, linear, several

X = np.array([0.5, -1.0, 2.0])
V = np.array([1.0, 3.0, -0.5])
M = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 4.0]])


def test_one_elementwise_rule_serves_both_directions() -> None:
    """It is called as rule(g, ans, *args), with a cotangent and with a tangent."""
    given: list[Any] = []
    cube = elementwise("cube", lambda x: x**3, lambda g, _ans, x: given.append(g) or g * 3.0 * x * x)
    assert_close(grad(lambda x: np.sum(cube(x)))(X), 3 * X**2, 1e-15)
    assert_close(jvp(cube, (X,), (V,))[1], 3 * X**2 * V, 1e-15)
    assert np.array_equal(given[-1], V)
    assert_close(grad(grad(grad(cube)))(2.0), 6.0, 1e-15)


def test_an_elementwise_rule_need_not_undo_broadcasting() -> None:
    """The sweep does, so that a rule is one formula."""
    times = elementwise("times", operator.mul, lambda g, _ans, _x, y: g * y, lambda g, _ans, x, _y: g * x)
    column = np.array([[2.0], [3.0]])
    of_x, of_column = grad(lambda x, c: np.sum(times(x, c)), (0, 1))(X, column)
    assert_close(of_x, np.full(3, 5.0), 1e-15)
    assert_close(of_column, np.full((2, 1), X.sum()), 1e-15)


def test_a_linear_operation_pushes_forward_by_applying_itself() -> None:
    calls: list[Any] = []
    apply = linear("apply", lambda x: calls.append(1) or M @ x, lambda g, _ans, _x: M.T @ g)
    assert_close(jvp(apply, (X,), (V,))[1], M @ V, 1e-15)
    assert len(calls) == 2  # the value, and the tangent
    assert_close(jacobian(apply)(X), M, 1e-15)
    assert_close(vjp(apply, X)[1](np.array([1.0, 2.0]))[0], M.T @ [1.0, 2.0], 1e-15)


def test_a_bilinear_operation_pushes_forward_argument_by_argument() -> None:
    dot = bilinear("dot", lambda x, y: x @ y, lambda g, _ans, _x, y: g * y, lambda g, _ans, x, _y: g * x)
    assert_close(jvp(dot, (X, V), (V, X))[1], V @ V + X @ X, 1e-15)
    assert_close(jvp(dot, (X, V), (None, X))[1], X @ X, 1e-15)
    assert_close(grad(dot, (0, 1))(X, V)[1], X, 1e-15)
    assert_close(grad(lambda x: dot(x, x))(X), 2 * X, 1e-15)


def test_a_general_operation_has_a_rule_for_each_direction() -> None:
    norm = general(
        "norm", lambda x: np.sqrt(x @ x),
        [lambda g, ans, x: g * x / ans],
        [lambda t, ans, x: (x @ t) / ans],
    )  # fmt: skip
    length = np.sqrt(X @ X)
    assert_close(grad(norm)(X), X / length, 1e-15)
    assert_close(jvp(norm, (X,), (V,))[1], X @ V / length, 1e-15)


def test_several_results_are_items_of_one_node() -> None:
    """A result that is not used has the cotangent None; the tuple is computed once."""
    seen: list[Any] = []

    def pull(gs: Any, ans: Any, x: Any, parents: Any) -> list[Any]:
        seen.append([g is None for g in gs])
        low, high = gs
        return [(0.0 if low is None else low * np.ones(3)) + (0.0 if high is None else 2.0 * high * x)]

    def push(ts: Any, ans: Any, x: Any) -> list[Any]:
        return [np.sum(ts[0]), 2.0 * (x @ ts[0])]

    both = several("both", lambda x: (np.sum(x), x @ x), pull, push)
    assert_close(grad(lambda x: both(x)[1])(X), 2 * X, 1e-15)
    assert seen == [[True, False]]
    assert_close(grad(lambda x: both(x)[0] * both(x)[1])(X), X @ X + X.sum() * 2 * X, 1e-14)
    assert_close(jvp(lambda x: both(x)[1], (X,), (V,))[1], 2 * X @ V, 1e-15)
    assert [node[0].name for node in trace(lambda x: both(x)[0], X).nodes[1:]] == ["both", "item", "item"]


def test_no_derivative_flows_through_a_constant() -> None:
    step = constant("step", lambda x: (x > 0).astype(float))
    kinds: list[type] = []

    def fun(x: Any) -> Any:
        s = step(x)
        kinds.append(type(s))
        return np.sum(s * x)

    assert grad(fun)(X).tolist() == [1.0, 0.0, 1.0]
    assert kinds == [np.ndarray]
    assert len(trace(lambda x: step(x) * x, X)) == 2


@pytest.mark.parametrize(
    ("rules", "parents", "reads_ans", "dropped"),
    [
        ([lambda g, ans, _x: g * ans], (0,), True, (0,)),
        ([lambda g, _ans, x: g * x], (0,), False, ()),
        ([lambda g, _ans, _x: g], (0,), False, (0,)),
        ([lambda g, _ans, _x, y: g * y, lambda g, _ans, x, _y: g * x], (0, 1), False, ()),
        ([lambda g, _ans, _x, y: g * y, lambda g, _ans, x, _y: g * x], (0, -1), False, (0,)),
        ([lambda g, _ans, _x, y: g / y, lambda g, ans, _x, y: -g * ans / y], (0, 1), True, (0,)),
        ([lambda g, _ans, _x, y: g / y, lambda g, ans, _x, y: -g * ans / y], (0, -1), False, (0,)),
    ],
)
def test_an_underscore_says_that_a_value_is_not_read(
    rules: list[Any], parents: tuple[int, ...], reads_ans: bool, dropped: tuple[int, ...]
) -> None:
    """Only of the arguments that move: the rule of a constant operand is not asked."""
    primitive = elementwise("made_up", lambda *args: args[0], *rules).primitive  # type: ignore[attr-defined]
    assert primitive.residuals(parents) == (reads_ans, dropped)


def test_a_primitive_and_its_function_know_each_other_and_print() -> None:
    twice = linear("twice", lambda x: 2 * x, lambda g, _ans, _x: 2 * g)
    assert twice.__name__ == "twice"
    assert twice.primitive.bind is twice  # type: ignore[attr-defined]
    assert repr(twice.primitive) == "<linear primitive twice>"  # type: ignore[attr-defined]
