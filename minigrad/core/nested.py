"""Walks over nested arguments: the lists, tuples, dicts and slices in which NumPy's functions take values.

`peel_all`, `has_box` and compiled programs are made of these two walks. The search for the innermost value, which takes
an operation, is in `duck_arrays`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.core.tape import Box, open_part, peel


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """`change` applied to a value, or to each one within lists, tuples, dicts and slices."""
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([mapped(change, part) for part in value])
    if kind is dict:
        return {key: mapped(change, part) for key, part in value.items()}
    if kind is slice:
        return slice(mapped(change, value.start), mapped(change, value.stop), mapped(change, value.step))
    return change(value)


def any_within(holds: Callable[[Any], bool], value: Any) -> bool:
    """Whether `holds` is true of a value, or of any one within lists, tuples and dicts."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not tuple and kind is not list and not isinstance(value, (tuple, list)):
        return holds(value)
    for part in value:  # noqa: SIM110 (any() of a generator takes twice as long)
        if any_within(holds, part):
            return True
    return False


def is_box(value: Any) -> bool:
    """Whether a value is a box, of an open or a closed tape."""
    return type(value) is Box


def is_traced(value: Any) -> bool:
    """Whether a value is being differentiated: a box whose tape is open."""
    return type(open_part(value)) is Box


def peel_all(values: Any) -> Any:
    """`peel`, also within lists, tuples, dicts and slices."""
    return mapped(peel, values)


def has_box(values: Any) -> bool:
    """Whether there is a box among these values, at any depth."""
    return any_within(is_box, values)
