"""autograd's checks of gradients."""

import numpy as np
import pytest

from minigrad.extend import defvjp, primitive
from minigrad.test_util import check_equivalent, check_grads, combo_check

X = np.array([0.3, -0.8, 1.2])


def test_the_checks_find_a_wrong_rule() -> None:
    wrong = primitive(lambda x: x**2)
    defvjp(wrong, lambda ans, x: lambda g: g * x)
    with pytest.raises(AssertionError, match="finite differences"):
        check_grads(wrong)(3.0)
    combo_check(lambda x, y, n=1: x * np.sin(y) * n, [0, 1])([1.0, X], [0.5], n=[1, 2])
    with pytest.raises(ValueError, match="modes"):
        check_grads(np.sin, modes=["sideways"])
    with pytest.raises(AssertionError, match="different shapes"):
        check_equivalent(X, X[:2])


def test_equal_dicts_are_equivalent_whatever_the_order_of_their_keys() -> None:
    check_equivalent({"a": 1.0, "b": X}, {"b": X, "a": 1.0})
    with pytest.raises(AssertionError, match="differ"):
        check_equivalent({"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 2.0})


def test_only_the_arguments_that_are_asked_for_are_checked() -> None:
    check_grads(lambda x, n: x**n, argnum=0)(2.0, 3)
    check_grads(lambda d, n, y: d["a"] * y**n, argnum=(0, 2))({"a": 3.0}, 2, 1.5)
    half_wrong = primitive(lambda x, y: x * y)
    defvjp(half_wrong, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: g * y)
    check_grads(half_wrong, argnum=0, order=1)(2.0, 3.0)
    with pytest.raises(AssertionError, match="finite differences"):
        check_grads(half_wrong, (0, 1), order=1)(2.0, 3.0)
    combo_check(np.sin, order=1)([0.5, X])  # the first argument, if no position is given
    with pytest.raises(AssertionError, match="finite differences"):
        combo_check(half_wrong, 1, order=1)([2.0], [3.0])


def test_a_wrong_derivative_in_the_cotangent_is_found_at_second_order() -> None:
    """The pullback of `double` is right, but its own derivative, in the cotangent, is not."""
    same = primitive(lambda x: x)
    defvjp(same, lambda ans, x: lambda g: 1.001 * g)
    double = primitive(lambda x: 2.0 * x)
    double.__name__ = "double"
    defvjp(double, lambda ans, x: lambda g: 2.0 * same(g))
    check_grads(double, modes=["rev"], order=1)(1.0)
    with pytest.raises(AssertionError, match=r"\(VJP\) check of vjp_double failed at order 2"):
        check_grads(double, modes=["rev"])(1.0)


def test_central_differences_decide_what_check_leaves_open() -> None:
    """At a kink the derivative is the mean of both sides, or it fails; a jump further away does not matter."""
    check_grads(np.abs, order=1)(0.0)
    with pytest.raises(AssertionError, match="NOT DIFFERENTIABLE"):
        check_grads(lambda x: np.where(x > 0.0, x, 0.0), order=1)(0.0)
    x, y = np.sqrt(4.5), np.sqrt(np.random.RandomState(7).randn(1, 4) ** 2 + 0.5)
    check_grads(lambda x, y: x % y, (0, 1))(x, y)
    check_grads(np.imag)(0.4 + 0.1j)
    rows = np.random.RandomState(0).randn(2, 3)
    check_grads(lambda x: np.std(x, axis=0))(rows)
