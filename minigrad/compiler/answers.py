"""What Python was told of a value while a function was traced, as checks; and why a program did not answer a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


def is_equal(value: Any, expected: Any) -> bool:
    """The guard of a number: the same bits up to the sign of NaN."""
    if value == expected:
        return bool(value) or str(value) == str(expected)  # 0.0 and -0.0 are equal
    return bool(value != value and expected != expected)


def is_true(value: Any, expected: Any) -> bool:
    """The guard of a truth."""
    return bool(value) is expected


def has_shape(value: Any, expected: Any) -> bool:
    """The guard of a shape that depends on the numbers."""
    return bool(value.shape == expected)


def has_dtype(value: Any, expected: Any) -> bool:
    """The guard of a dtype that depends on the numbers: roots may be complex."""
    return bool(value.dtype == expected)


def is_by_rows(value: Any) -> bool:
    """Whether the entries of an array lie in memory row by row, without gaps; of a number there is but one."""
    return bool(getattr(value, "ndim", 0) == 0 or value.flags.c_contiguous)


def lies_in_order(array: np.ndarray, order: str) -> bool:
    """Whether an array lies in memory in this order already: C, F, or A, which is either."""
    flags = array.flags
    return bool(flags.forc if order == "A" else flags.f_contiguous if order == "F" else flags.c_contiguous)


def has_entries(value: Any, expected: Any) -> bool:
    """The guard of a plain array that was made of a value: the same bits."""
    return np.shape(value) == expected.shape and np.asarray(value).tobytes() == expected.tobytes()


def keeps_off_zero(value: Any, bound: float) -> bool:
    """The guard of a denominator, near whose zeros the engine looks closer."""
    return not np.count_nonzero(abs(value) < bound)


def is_finite(value: Any, _: Any) -> bool:
    """The guard of a factor that must not make NaN of the zeros of a matrix."""
    return bool(np.isfinite(value).all())


def has_strides(value: Any, expected: Any) -> bool:
    """The guard of a layout in memory, where the order of entries was asked for."""
    return bool(value.strides == expected)


class Reading(NamedTuple):
    """What a function of Python answered for a value: `int`, `round`, its text."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    text: str  #: the call as an expression, with `{}` for the number
    answer: Any


def gives(value: Any, reading: Reading) -> bool:
    """The guard of what was read from a value: many values may give the same."""
    return is_equal(reading.function(value, *reading.args), reading.answer)


GUARDS = (is_equal, is_true, has_shape, has_dtype, has_entries, has_strides, keeps_off_zero, gives, is_finite)


class Missed:
    """Why a compiled function did not answer."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


OTHER_ARGUMENTS = Missed("other arguments")
CHANGED = Missed("a captured value changed")

BROKEN = {
    is_true: Missed("an `if` that depends on numbers went another way"),
    is_equal: Missed("float(), int(), str(), item() or tolist() took out another number"),
    has_shape: Missed("a shape that depends on numbers is another one"),
    has_dtype: Missed("a dtype that depends on numbers is another one"),
    has_entries: Missed("positions, a mask or another plain array that was made of values is another one"),
    has_strides: Missed("an argument is laid out in memory another way"),
    keeps_off_zero: Missed("a denominator, or another pole of a derivative, is close to 0"),
    is_finite: Missed("a factor is infinite or NaN"),
    gives: Missed("int(), round(), a text or a key was made of another number"),
}
