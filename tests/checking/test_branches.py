"""Kinks are told of the operation that has them, from what its primitive declares."""

import numpy as np
import pytest

from minigrad import trace
from minigrad.checking.branches import choice, singular


@pytest.mark.parametrize(
    ("fun", "x", "places"),
    [
        (np.arcsin, [0.0, 1.0], 1),
        (np.arccos, [-1.0, 0.3], 1),
        (np.arcsin, [0.0, 0.5], 0),
        (np.sqrt, [0.0, 1.0], 1),
        (lambda x: x**0.5, [0.0, 1.0], 1),
        (lambda x: x**2, [0.0, 1.0], 0),
        (lambda x: x**-1.0, [1.0, 2.0], 0),
        (np.log, [1.0, 2.0], 0),
        (np.linalg.norm, [0.0, 0.0], 1),
        (lambda x: np.std(x, axis=0), [2.0, 2.0], 1),
        (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0], 1),
    ],
)
def test_where_a_slope_is_infinite_or_undefined(fun, x, places):
    assert len(singular(trace(fun, np.array(x)))) == places


def test_the_message_names_the_place():
    assert singular(trace(np.arcsin, np.array([0.0, 1.0])))[0][1].startswith("it is taken of 1 where")


@pytest.mark.parametrize(
    ("fun", "chosen"),
    [
        (np.abs, [-1.0, 0.0, 1.0]),
        (lambda x: np.maximum(x, 1.0), [-1.0, -1.0, 1.0]),
        (np.max, [False, False, True]),
        (lambda x: np.min(x, keepdims=True), [True, False, False]),
        (lambda x: np.where(x > 1, x, -x), [False, False, True]),
    ],
)
def test_what_an_operation_chose(fun, chosen):
    tape = trace(fun, np.array([-3.0, 0.0, 2.0]))
    assert choice(tape.nodes[-1])[-1].tolist() == chosen


def test_a_complex_absolute_value_chooses_nothing():
    assert choice(trace(np.abs, np.array([1.0 + 2.0j])).nodes[-1]) == []
