"""Nested elementwise_grad is one Taylor pass where the function works entry by entry, and nesting where not."""

from typing import Any

import numpy as np
import pytest
from references import assert_close
from univariate import FUNCTIONS, nested_elementwise

import minigrad.numpy as mnp
from minigrad import elementwise_grad, grad
from minigrad.modes.taylor.derivatives import derivatives


@pytest.mark.parametrize("fun", [f[1] for f in FUNCTIONS[:8]], ids=[f[0] for f in FUNCTIONS[:8]])
def test_nested_elementwise_grad_is_one_taylor_pass(fun: Any) -> None:
    x = np.linspace(0.5, 2.0, 7)
    expected = derivatives(fun, x, 12)
    for order in (2, 3, 6, 12):
        derivative = nested_elementwise(fun, order)
        assert derivative.how(x) == "taylor"
        assert np.array_equal(derivative(x), expected[order])
        assert derivative(x[0]).shape == ()


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: np.sin(x) * x[0], lambda x: np.cumsum(x**3), lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ np.sin(x),
        lambda x: x**4 * np.ones((3, 1)), lambda x: np.sum(np.exp(x)),
        lambda x: mnp.concatenate([x**3, x]), lambda x: x[::-1] * np.exp(x),
    ],
)  # fmt: skip
def test_what_is_not_elementwise_is_nested(fun: Any) -> None:
    """A sum, an index, a product of matrices, a broadcast that grows the shape: the same numbers as by nesting grad."""
    x = np.array([0.4, 1.2])
    derivative = nested_elementwise(fun, 3)
    assert derivative.how(x) == "nested"
    plain: Any = fun
    for _ in range(3):
        plain = grad(lambda x, inner=plain: np.sum(inner(x)))
    assert_close(derivative(x), plain(x), 1e-13)


def test_collapse_of_other_arguments_and_within_other_modes() -> None:
    """The second argument, keyword constants; a gradient of a collapsed derivative; complex arguments are nested."""
    fun = lambda a, x, power=2: a * x**power
    derivative = nested_elementwise(fun, 2, argnum=1)
    assert derivative.how(3.0, np.ones(2), power=4) == "taylor"
    assert derivative(3.0, np.ones(2), power=4).tolist() == [36.0, 36.0]
    mixed = elementwise_grad(elementwise_grad(fun, 0), 1)
    assert mixed(3.0, 2.0) == 4.0
    slope = grad(lambda a: np.sum(derivative(a, np.array([1.0, 2.0]), power=3)))(2.0)
    assert slope == 6.0 + 12.0
    third = grad(nested_elementwise(np.sin, 2))
    assert_close(third(0.3), -np.cos(0.3), 1e-14)
    assert nested_elementwise(np.exp, 2).how(0.3 + 1j) == "nested"
    assert nested_elementwise(np.exp, 2).how(np.float32(0.5)) == "taylor"
    assert nested_elementwise(np.exp, 2)(np.float32(0.5)).dtype == np.float32


def test_results_of_a_collapse_are_fresh_arrays() -> None:
    x = np.array([1.0, 2.0])
    for order in (2, 3):
        ans = nested_elementwise(lambda x: x * x, order)(x)
        assert ans.flags.writeable
        assert not np.shares_memory(ans, x)
        assert ans.tolist() == ([2.0, 2.0] if order == 2 else [0.0, 0.0])


def test_a_high_order_by_nesting_is_told_its_cost() -> None:
    with pytest.warns(RuntimeWarning, match=r"minigrad\.derivatives"):
        nested_elementwise(lambda x: np.exp(x[::-1]), 8)(np.array([0.1, 0.2]))
