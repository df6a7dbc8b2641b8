"""Walks over nested arguments."""

from typing import Any

import numpy as np

from minigrad.core.duck_arrays import has_duck, innermost, innermost_duck
from minigrad.core.nested import any_within, has_box, is_traced, mapped, peel_all
from minigrad.core.tape import Tape
from minigrad.modes.batching.stack import Batched, Level


def boxes() -> tuple[Any, Any, Any]:
    """A box of an outer tape, one of an inner tape, and one of a closed tape."""
    outer, inner, closed = Tape(), Tape(), Tape()
    found = outer.leaf(np.float64(1.0)), inner.leaf(np.float64(2.0)), closed.leaf(np.float64(3.0))
    closed.is_open = False
    return found


def test_mapped_changes_values_within_lists_tuples_dicts_and_slices() -> None:
    nested = {"a": [1, (2, 3)], "b": slice(4, None, 5)}
    assert mapped(lambda x: x and -x, nested) == {"a": [-1, (-2, -3)], "b": slice(-4, None, -5)}
    assert mapped(str, 1) == "1"


def test_any_within_looks_at_every_depth_and_at_the_value_itself() -> None:
    assert any_within(lambda x: x == 3, {"a": [1, (2, 3)]})
    assert not any_within(lambda x: x == 3, {"a": [1, (2, [])], "b": {}})
    assert any_within(lambda x: x == 3, 3)


def test_closed_boxes_are_boxes_but_not_traced() -> None:
    outer, _, closed = boxes()
    assert has_box([1.0, (closed,)])
    assert not any_within(is_traced, [1.0, (closed,)])
    assert has_box({"x": outer})
    assert any_within(is_traced, {"x": outer})
    assert not has_box([1.0, "text", None])
    assert peel_all({"x": [outer, (closed, 5)]}) == {"x": [1.0, (3.0, 5)]}


def test_the_innermost_is_the_one_with_the_largest_serial() -> None:
    outer, inner, closed = boxes()
    assert innermost([outer, {"x": (inner, closed)}]) is inner
    assert innermost((closed, 1.0, "text")) is None
    duck = Batched(np.ones((2, 3)), Level(2))  # made after the tapes
    assert innermost([outer, [duck], inner]) is duck
    inside = Tape().leaf(duck)
    assert innermost([duck, inside]) is inside
    assert innermost(closed) is None


def test_the_innermost_duck_array_may_be_nested_or_in_a_closed_box() -> None:
    outer, *_ = boxes()
    first, second = (Batched(np.ones((2, 3)), Level(2)) for _ in range(2))
    assert innermost_duck([first, {"x": (second, outer)}, 1.0]) is second
    closed = Tape()
    box = closed.leaf(second)
    assert innermost_duck([first, box]) is first  # the box is open: its tape takes the operation
    closed.is_open = False
    assert innermost_duck([first, box]) is second
    assert innermost_duck([outer, 1.0, []]) is None
    assert has_duck([[1.0, second]])
    assert has_duck(second)
    assert not has_duck([1.0, outer])
