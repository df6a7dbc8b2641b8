"""Kinks, told from tapes: what `where`, `max`, `abs`, `sort` and Python's `if` chose at both sides of the point.

A gradient by the tape needs no difference of values, so the two sides can be compared a few thousand units in the last
place away from the point. A smooth gradient changes by as little as that; where it jumps there is a kink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core.tape import Tape, peel


def choice(node: Any) -> list[Any]:
    """What an operation chose: a list of arrays, empty for one that has no choice."""
    primitive, *_, params = node
    if primitive is None:
        return []
    found = [value for value in arrays_in(params.values()) if value.dtype.kind in "bui"]
    if primitive.chooses is not None:
        chosen = declared(primitive.chooses, node)
        if chosen.dtype.kind != "c":  # x / |x|, which is no choice
            found.append(chosen)
    return found


def declared(question: Any, node: Any) -> Any:
    """What a primitive declares about one of its nodes, on plain arrays."""
    _primitive, _parents, args, ans, params = node
    with np.errstate(all="ignore"):
        return np.asarray(question(*[np.asarray(peel(value)) for value in (ans, *args)], **params))


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
    """The nodes at whose argument a slope is infinite or undefined: a root, a length or a logarithm of 0."""
    found = []
    for index, node in enumerate(tape.nodes):
        primitive = node[0]
        if primitive is not None and primitive.singular is not None:
            where = declared(primitive.singular, node)
            if np.any(where):
                single = primitive.kind == "elementwise" and len(node[2]) == 1
                of = f" of {np.asarray(peel(node[2][0]))[where].flat[0]:g}" if single else ""
                found.append((index, f"it is taken{of} where its slope is infinite or undefined"))
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
