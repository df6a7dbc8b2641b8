"""Equal work found on a tape instead of done again: what keeps derivatives of derivatives small."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core.operands import watch
from minigrad.core.tape import DUCKS, SHARED, Box, Tape


def detour(tape: Tape, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], params: Any) -> Any:
    """Record an operation on a tape that remembers what it did, or some of whose arrays were written to."""
    if tape.is_iteration:
        return tape.detoured(primitive, parents, args, params)  # type: ignore[attr-defined]  # only such tapes have it
    if SHARED in parents:
        pairs = zip(parents, args)
        now = [arg.current() if i == SHARED else Box(arg, tape, i) if i >= 0 else arg for i, arg in pairs]
        return primitive.bind(*now, **params)
    if tape.memo is not None:
        return shared(tape, primitive, parents, args, params)
    ans = primitive.bind(*args, **params)
    watch(params, tape)
    return tape.record(primitive, parents, args, ans, params)


def shared(tape: Tape, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], params: Any) -> Box:
    """Record an operation on a tape that remembers what it did; equal work is found, not done again.

    Operations are equal if the primitive, the parents (in either order where it commutes), the parameters and the
    constants are. Constants are compared by type and value, boxes of outer tapes by their place, and arrays by their
    content if they are small; never by `id`.
    """
    assert tape.memo is not None
    try:
        constants = tuple([frozen(arg) for arg, parent in zip(args, parents) if parent < 0]) if -1 in parents else ()
        same = parents if constants or not primitive.commutes else tuple(sorted(parents))
        key = (primitive, same, constants, frozen(params) if params else ())
    except TypeError:  # a large array: not compared
        key = None
    found = tape.memo.get(key)
    if found is not None:
        index, ans = found
        return Box(ans, tape, index)
    ans = primitive.bind(*args, **params)
    watch(params, tape)
    box = tape.record(primitive, parents, args, ans, params)
    if key is not None and (type(ans) is not np.ndarray or ans.nbytes <= SMALL):
        tape.memo[key] = (box.index, ans)
    return box


SMALL = 1 << 16  # bytes up to which a value is kept only because it may be needed again


def frozen(value: Any) -> Any:
    """A hashable value that is equal for equal constants. Raises TypeError for large arrays."""
    kind = type(value)
    if kind is float:
        return (kind, value) if value else (kind, str(value))  # 0.0 and -0.0 are equal, and not the same
    if kind is Box:
        return Box, value.tape.serial, value.index
    if kind is tuple:
        return kind, *[frozen(part) for part in value]
    if kind is dict:
        return kind, *[(name, frozen(part)) for name, part in value.items()]
    if kind is slice:
        return kind, value.start, value.stop, value.step
    if issubclass(kind, np.generic) or (kind is np.ndarray and value.nbytes <= 256):
        return kind, value.shape, value.dtype.str, value.tobytes()
    if kind in DUCKS:
        raise TypeError  # a number that is compiled has a hash, which would be read from it
    hash(value)
    return kind, value
