"""Duck arrays: operators, methods and conversions end in one method, whatever the kind."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import batched, grad, source
from minigrad.core.duck_arrays import Duck, takes_over
from minigrad.core.tape import Tape
from minigrad.modes.batching.stack import Batched, Level

BINARY = [f for f in Duck.operators if f not in (operator.neg, operator.pos, operator.abs, operator.invert)]
UNARY = [operator.neg, operator.pos, operator.abs]
INTEGERS = (operator.and_, operator.or_, operator.xor)


class Noted(Duck):
    """Notes what it is asked to perform."""

    __slots__ = ("dtype", "serial", "shape", "value")

    def __init__(self, value: Any, serial: int = 0) -> None:
        self.value, self.serial = np.asarray(value), serial
        self.shape, self.dtype = self.value.shape, self.value.dtype

    def perform(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return function, args, kwargs

    def as_number(self, kind: Callable[[Any], Any]) -> Any:
        return kind(self.value)


def values(function: Any) -> tuple[Any, Any]:
    if function in INTEGERS:
        return np.array([[1, 2], [3, 4]]), np.array([[7, 5], [6, 2]])
    if function is operator.matmul:
        return np.arange(8.0).reshape(2, 2, 2), np.arange(1.0, 9.0).reshape(2, 2, 2)
    return np.array([[1.0, -2.0], [0.5, 4.0]]), np.array([[2.0, 3.0], [1.0, 2.0]])


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_every_operator_serves_examples_and_programs_on_both_sides(function: Any) -> None:
    x, y = values(function)
    expected = np.array([function(a, b) for a, b in zip(x, y)])
    found = batched(function)(x, y)
    np.testing.assert_array_equal(np.moveaxis(np.array(found), 1, 0) if type(found) is tuple else found, expected)
    constant = y[0]
    right = batched(lambda a: function(constant, a))(x)
    expected = np.array([function(constant, a) for a in x])
    np.testing.assert_array_equal(np.moveaxis(np.array(right), 1, 0) if type(right) is tuple else right, expected)
    np.testing.assert_array_equal(minigrad.compile(lambda a, b: function(a, b))(x, y), function(x, y))
    np.testing.assert_array_equal(minigrad.compile(lambda a: function(y, a))(x), function(y, x))


@pytest.mark.parametrize("function", UNARY, ids=lambda f: f.__name__)
def test_every_sign_serves_examples_and_programs(function: Any) -> None:
    x = np.array([[1.0, -2.0], [0.5, 4.0]])
    np.testing.assert_array_equal(batched(function)(x), function(x))
    np.testing.assert_array_equal(minigrad.compile(lambda a: function(a))(x), function(x))
    assert batched(operator.invert)(np.array([[1, 2]])).tolist() == [[-2, -3]]


def test_a_kind_without_operators_of_its_own_is_asked_to_perform_ufuncs() -> None:
    x = Noted([1.0, 2.0])
    assert (x + 1.0) == (np.add, (x, 1.0), {})
    assert (1.0 - x)[0] is np.subtract
    assert (1.0 - x)[1][1] is x
    assert (-x)[0] is np.negative
    assert (x < 3.0)[0] is np.less
    assert divmod(x, 2.0)[0] is np.divmod
    assert x.sum(axis=0)[0] is np.sum
    assert x.sum(axis=0)[2] == {"axis": 0}
    assert x.size == 2
    assert x.ndim == 1
    assert x.nbytes == 16
    assert len(x) == 2
    with pytest.raises(TypeError, match="without axes"):
        len(Noted(1.0))


def test_numbers_go_through_one_conversion() -> None:
    assert (float(Noted(2.5)), int(Noted(2.5)), bool(Noted(0.0)), complex(Noted(1.0))) == (2.5, 2, False, 1.0)
    assert operator.index(Noted(3)) == 3
    shared = batched(lambda x, n: x * int(n) * float(n) * bool(n), in_axes=(0, None))
    assert shared(np.arange(3.0), 2.0).tolist() == [0.0, 4.0, 8.0]
    assert batched(lambda x: x if float(x) > 0.5 else -x)(np.array([1.0, 0.0])).tolist() == [1.0, 0.0]


def test_the_operand_with_the_larger_serial_handles_the_operation() -> None:
    tape = Tape()
    box = tape.leaf(np.float64(1.0))
    assert takes_over(box, Noted(1.0))
    assert takes_over(Noted(1.0, tape.serial + 1), Noted(2.0)) is False
    inner = Batched(np.ones((2, 3)), Level(2))
    assert not takes_over(box, inner)
    assert takes_over(inner, Noted(1.0))
    assert not takes_over(1.0, inner)
    tape.is_open = False
    assert takes_over(box, inner)  # a box whose tape is closed hands on its value
    np.testing.assert_array_equal((inner + box).payload, np.full((2, 3), 2.0))


def test_operators_of_examples_within_a_sweep_do_not_grow_the_outer_tape() -> None:
    """A box of an outer tape is an operand of the examples, not the other way round."""
    found = grad(lambda c: np.sum(batched(lambda x: x * c + c)(np.arange(3.0))))(2.0)
    assert found == 6.0


def test_programs_keep_the_operators_of_python() -> None:
    """A power of an operator has other digits than the ufunc; what is written down has those of what was asked for."""
    assert "x * x" in source(lambda x: x**2, np.ones(3))
    assert "**3" in source(lambda x: x**3, np.ones(3))
    assert "np.power" in source(lambda x: np.power(x, 3), np.ones(3))
    rounded = minigrad.compile(lambda x: round(x, 1))
    assert rounded(np.float64(0.26)) == 0.3
    with pytest.raises(TypeError, match="__round__"):  # as NumPy's arrays
        rounded(np.array([0.26]))
