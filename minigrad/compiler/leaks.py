"""Values of a trace that the function put somewhere outside: into a list, a table, an attribute.

A function that changes something outside itself is not compiled, but its first run was the trace's. So when the trace
is over, what it left in the user's containers becomes what it stands for.
"""

from __future__ import annotations

import collections
import gc
import types
from typing import Any

from minigrad.compiler.stage import Staged, Trace, unstaged

_TUPLES_IN_TUPLES = 3


def let_go(trace: Trace) -> None:
    """Put plain values in the place of those of a trace that is over, wherever Python's collector sees them.

    It looks at all objects, which takes milliseconds: it is for functions that are not compiled.
    """
    left: list[Any] = [each for each in gc.get_objects() if type(each) is Staged and each.tracer is trace]
    for _ in range(_TUPLES_IN_TUPLES):
        if not left:
            return
        holders = [holder for holder in gc.get_referrers(*left) if holder is not left]
        for holder in holders:
            _cleared(holder)
        left = [holder for holder in holders if type(holder) is tuple]


def _plain(value: Any) -> Any:
    if type(value) is not tuple:
        return unstaged(value)
    parts = [_plain(each) for each in value]
    return value if all(a is b for a, b in zip(parts, value)) else tuple(parts)


def _cleared(holder: Any) -> None:
    """Plain values in the place of traced ones in a container or object."""
    if isinstance(holder, list):
        list.__setitem__(holder, slice(None), [_plain(each) for each in holder])
    elif isinstance(holder, dict):
        pairs = [(_plain(key), _plain(value)) for key, value in dict.items(holder)]
        if any(type(key) is Staged for key in holder):
            dict.clear(holder)
        dict.update(holder, pairs)
    elif isinstance(holder, set):
        parts = [_plain(each) for each in holder]
        set.clear(holder)
        set.update(holder, parts)
    elif isinstance(holder, collections.deque):
        for i in range(len(holder)):
            holder[i] = _plain(holder[i])
    elif isinstance(holder, types.CellType):
        holder.cell_contents = _plain(holder.cell_contents)
    elif type(getattr(type(holder), "__dict__", {}).get("__dict__")) is types.GetSetDescriptorType:
        _cleared(vars(holder))
