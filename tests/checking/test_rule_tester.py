"""`assert_rule`: right rules pass, and a mistake in any of the things that a rule promises is found."""

from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
from minigrad import custom_primitive, stop_gradient
from minigrad.core.primitive import Primitive
from minigrad.core.tape import Box
from minigrad.modes.batching.stack import Batched
from minigrad.testing import GradientMismatchError, assert_rule

X = np.array([0.3, -1.2, 0.7])
M = np.array([[2.0, 0.3], [0.1, 1.5]])


@pytest.mark.parametrize(
    ("fun", "args", "options"),
    [
        (mnp.tanh, (X,), {}),
        (mnp.tanh, (0.3,), {}),
        (mnp.multiply, (X, 2.0 + X), {}),
        (mnp.maximum, (X, X**2), {"dtypes": "fd"}),
        (mnp.sum, (np.ones((2, 3)),), {"axis": 0}),
        (mnp.matmul, (M, M.T), {"dtypes": "dFD"}),
        (mnp.linalg.inv, (M,), {}),
        (lambda m: mnp.linalg.eigh(m + m.T), (M,), {"dtypes": "fd"}),
        (mnp.linspace, (0.5, 2.0, 4), {}),
        (mnp.concatenate, ([X, X],), {}),
        (mnp.arctan2, (X, 1.0 + X), {}),  # which refuses complex numbers
    ],
)
def test_right_rules_pass(fun: Any, args: Any, options: dict[str, Any]) -> None:
    reports = assert_rule(fun, *args, **options)
    assert {str(report.verdict) for report in reports} == {"OK"}
    assert len(reports) in (6, 12)


def sine(vjp: float = 1.0, jvp: float = 1.0, rule: Any = mnp.cos) -> Primitive:
    """A sine with rules that are wrong by factors, or are no derivative."""

    def factor(c: float) -> Any:
        return lambda g, ans, x: c * g * rule(x)

    return Primitive("sine", "general", np.sin, [factor(vjp)], [factor(jvp)])


def test_a_primitive_is_taken_as_it_is() -> None:
    assert len(assert_rule(sine(), X, orders=1)) == 4


@pytest.mark.parametrize("orders", [1, 2])
def test_an_error_of_one_percent_is_found(orders: int) -> None:
    """In either mode; the message is the report, under a line that names the operation, the mode and the order."""
    for wrong, mode in ((sine(vjp=1.01), "reverse"), (sine(jvp=1.01), "forward")):
        with pytest.raises(GradientMismatchError, match=f"^sine at dtype 'd': {mode} mode, order 1\nWRONG") as caught:
            assert_rule(wrong, X, orders=orders, dtypes="d")
        assert caught.value.report.verdict == "WRONG"


def test_a_rule_that_cannot_be_differentiated_is_found_at_the_second_order() -> None:
    cut = sine(rule=lambda x: mnp.cos(stop_gradient(x)))
    assert_rule(cut, X, orders=1, dtypes="f")
    with pytest.raises(GradientMismatchError, match=r"forward over forward mode, order 2"):
        assert_rule(cut, X, dtypes="d")


def test_a_wrong_taylor_rule_is_found() -> None:
    wrong = sine()

    def series(_s: Any, order: int, ans: Any, u: Any) -> list[Any]:
        return [ans, *[1.01 * np.cos(u[0]) * c for c in u[1:]], *[0.0 * ans] * (order + 1 - len(u))]

    wrong.taylor = series
    with pytest.raises(AssertionError, match="Taylor rule and nested forward mode disagree from order 1 on"):
        assert_rule(wrong, X, dtypes="d")


def test_a_lost_dtype_is_found() -> None:
    def fun(x: Any) -> Any:
        return mnp.sin(x) * (np.float64(1.0) if isinstance(x, Box) else 1.0)

    with pytest.raises(AssertionError, match="fun at dtype 'f': result 0 is another one when it is traced"):
        assert_rule(fun, X)


def test_lost_digits_are_found() -> None:
    """A formula that cancels at single precision."""
    wrong = sine(rule=lambda x: mnp.cos(x) + (x + 1e6) - 1e6 - x)
    with pytest.raises(AssertionError, match="the cotangent of argument 0 has lost its digits"):
        assert_rule(wrong, X, dtypes="f")


def test_a_traced_value_that_differs_is_found() -> None:
    def fun(x: Any) -> Any:
        return mnp.sin(x) * (1.01 if isinstance(x, Box) else 1.0)

    with pytest.raises(AssertionError, match="result 0 is another one when it is traced"):
        assert_rule(fun, X)


def test_a_batch_that_differs_is_found() -> None:
    def fun(x: Any) -> Any:
        inner = x
        while isinstance(inner, Box):
            inner = inner.value
        return mnp.sin(x) * (1.01 if isinstance(inner, Batched) else 1.0)

    with pytest.raises(AssertionError, match="result 0 is another one in a batch"):
        assert_rule(fun, X, dtypes="d")


def test_what_cannot_be_tested_is_refused() -> None:
    with pytest.raises(TypeError, match="no float among the arguments"):
        assert_rule(mnp.sum, np.arange(3))
    with pytest.raises(ValueError, match="dtypes is made of the characters"):
        assert_rule(mnp.sin, X, dtypes="di")
    with pytest.raises(GradientMismatchError, match="NOT DIFFERENTIABLE HERE"):
        assert_rule(mnp.abs, np.array([0.0, 1.0]), dtypes="d")


def test_an_operation_of_ones_own() -> None:
    """With results that have no derivative among them."""
    op = custom_primitive(
        lambda x: (np.sum(x**3), "text", np.argmax(x)),
        vjp=lambda g, ans, x: 3 * g[0] * x**2,
    )
    assert_rule(op, X)
