"""Kinks, told from tapes: what `where`, `max`, `abs`, `sort` and Python's `if` chose at both sides of the point.

A gradient by the tape needs no difference of values, so the two sides can be compared a few thousand units in the last
place away from the point. A smooth gradient changes by as little as that; where it jumps there is a kink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core.tape import Tape, peel

_SIGNED = {"absolute", "fabs"}
_COMPARED = {"maximum", "minimum", "fmax", "fmin"}
_CHOSEN = {"max": np.equal, "min": np.equal}
_SINGULAR = {"sqrt", "cbrt", "hypot", "power", "log", "norm", "length", "std", "arccos", "arcsin"}


def choice(node: Any) -> list[Any]:
    """What an operation chose: a list of arrays, empty for one that has no choice."""
    primitive, _parents, args, ans, params = node
    if primitive is None:
        return []
    name = primitive.name
    found = [value for value in arrays_in(params.values()) if value.dtype.kind in "bui"]
    plain = [np.asarray(peel(arg)) for arg in args] if name in _SIGNED or name in _COMPARED or name in _CHOSEN else []
    with np.errstate(all="ignore"):
        if name in _SIGNED and plain[0].dtype.kind != "c":
            found.append(np.sign(plain[0]))
        elif name in _COMPARED:
            found.append(np.sign(np.subtract(plain[0], plain[1])))
        elif name in _CHOSEN:
            shape = np.shape(ans)
            top = np.asarray(peel(ans))
            if not params.get("keepdims") and plain[0].ndim != len(shape):
                axis = params.get("axis")
                axes = range(plain[0].ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
                top = np.expand_dims(top, tuple(axes))
            found.append(np.equal(plain[0], top))
    return found


def arrays_in(values: Any) -> list[Any]:
    """The arrays among parameters, also within a tuple of indices."""
    found = []
    for value in values:
        if type(value) is np.ndarray:
            found.append(value)
        elif type(value) is tuple:
            found += arrays_in(value)
    return found


def flipped(one: Tape, other: Tape) -> list[tuple[int, str]]:
    """The nodes whose choice differs between two tapes of the same function, and how; -1 for another path in Python."""
    found: list[tuple[int, str]] = []
    if len(one) != len(other) or any(a[0] is not b[0] for a, b in zip(one.nodes, other.nodes)):
        return [(-1, "the code takes another path on the two sides (an `if`, a loop)")]
    for index, (a, b) in enumerate(zip(one.nodes, other.nodes)):
        for here, there in zip(choice(a), choice(b)):
            if here.shape != there.shape:
                found.append((index, "it chooses other entries on the two sides"))
            elif not np.array_equal(here, there, equal_nan=here.dtype.kind == "f"):
                differ = np.argwhere(here != there)
                places = ", ".join(str(tuple(map(int, place))) for place in differ[:3])
                more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
                entry = f" at {places}{more}" if differ.shape[1] else ""
                found.append((index, f"it chooses differently on the two sides{entry}"))
                break
    return found


def singular(tape: Tape) -> list[tuple[int, str]]:
    """The nodes at whose argument the slope is infinite or undefined: a root, a length or a logarithm of 0."""
    found = []
    for index, (primitive, _parents, args, ans, _params) in enumerate(tape.nodes):
        if primitive is not None and primitive.name in _SINGULAR and type(ans) is not tuple:
            plain = np.asarray(peel(args[0] if primitive.name in ("log",) else ans))
            if np.any(plain == 0):
                found.append((index, "it is taken of 0" if primitive.name != "power" else "a power of 0"))
    return found


def jumps(one: Sequence[Any], other: Sequence[Any], tolerances: Sequence[Any]) -> list[Any]:
    """For each leaf the entries in which two gradients differ more than entries of a smooth gradient could."""
    found = []
    for a, b, tolerance in zip(one, other, tolerances):
        with np.errstate(all="ignore"):
            gap = np.abs(a - b)
            gap = np.where(np.isnan(gap), np.inf, gap)
            gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, gap)
            found.append(np.where((gap > 1e-5 * np.maximum(np.abs(a), np.abs(b))) & (gap > tolerance), gap, 0.0))
    return found
