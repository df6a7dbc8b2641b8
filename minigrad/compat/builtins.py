"""`list`, `tuple`, `dict`, `isinstance` and `type` as `autograd.builtins` has them.

Containers of traced values need nothing special here, so these are Python's own but for two: a traced value counts as
an instance of `np.ndarray` or `float`, whichever it holds. (Python's own `isinstance` says so too; `type` does not.)

>>> from minigrad import grad
>>> import numpy as np
>>> grad(lambda x: x * 2.0 if isinstance(x, float) else x)(1.0)
np.float64(2.0)
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import Duck
from minigrad.core.nested import is_box
from minigrad.core.tape import peel
from minigrad.core.tree import flatten

list = builtins.list
tuple = builtins.tuple
dict = builtins.dict


def isinstance(value: Any, kinds: Any) -> bool:
    """`isinstance` that sees through a box, and through what stands in for an array in `compile` and `batched`."""
    return builtins.isinstance(value, kinds) or builtins.isinstance(_held(value), kinds)


def type(value: Any) -> Any:
    """The type of the value within a box."""
    return builtins.type(_held(value))


def _held(value: Any) -> Any:
    held = peel(value)
    if builtins.isinstance(held, Duck):  # a value of its kind in its place
        zero = held.dtype.type(0)
        return np.broadcast_to(zero, held.shape) if held.is_array else zero
    return held


# ----- boxes of containers --------------------------------------------------------------------------------------------


class _Traced(builtins.type):
    """A class whose instances are the containers of its kind that hold a traced value."""

    kind: Any

    def __instancecheck__(cls, value: Any) -> bool:
        return builtins.isinstance(value, cls.kind) and any(map(is_box, flatten(value)[0]))


class SequenceBox(metaclass=_Traced):
    """A tuple or list with a traced value in it. It is a plain tuple or list: containers need no box here.

    >>> from minigrad import grad
    >>> grad(lambda pair: pair[0] if isinstance(pair, SequenceBox) else 0.0)((1.0, 2.0))
    (np.float64(1.0), np.float64(0.0))
    """

    kind: Any = (builtins.tuple, builtins.list)


class TupleBox(SequenceBox):
    """A tuple with a traced value in it."""

    kind = builtins.tuple


class ListBox(SequenceBox):
    """A list with a traced value in it."""

    kind = builtins.list


class DictBox(metaclass=_Traced):
    """A dict with a traced value in it."""

    kind: Any = builtins.dict
