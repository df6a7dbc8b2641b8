"""Cotangents on their way through a sweep: how they add up, what must not leak, and what the user gets in the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.duck_arrays import Duck, anywhere, is_array
from minigrad.core.observing import passing
from minigrad.core.primitive import Scatter
from minigrad.core.tape import Box, peel, snapshot
from minigrad.rules.elementwise import where
from minigrad.rules.expansion import expanded, real_part
from minigrad.rules.moving import sum_of_scatters
from minigrad.rules.shapes import broadcast_to


def accumulate(cotangents: list[Any], index: int, ct: Any, owned: set[int]) -> None:
    """Add `ct` to the cotangent of a node, to which every use of the node contributes.

    Entries scattered by indexing wait in a list until the node's turn comes: taking an array apart entry by entry then
    costs linear time. `owned` holds the nodes whose cotangent is an array made here, to which more is added in place.
    """
    seen = cotangents[index]
    if seen is None:
        cotangents[index] = [ct] if type(ct) is Scatter else ct
    elif type(seen) is list:
        seen.append(ct)
    elif type(ct) is Scatter:
        cotangents[index] = [seen, ct]
    elif index in owned and type(ct) is np.ndarray and ct.shape == seen.shape and ct.dtype == seen.dtype:
        seen += ct
    else:
        cotangents[index] = total = seen + ct
        if type(total) is np.ndarray:
            owned.add(index)
        else:
            owned.discard(index)


def gathered(pending: list[Any], ans: Any) -> Any:
    """The sum of a list of cotangents, some of which are entries at an index.

    For a node with several results, whose entries are the results: a list with the cotangent of each, `None` for zero.
    """
    if type(ans) is tuple:
        parts: list[Any] = [None] * len(ans)
        for part in pending:
            seen = parts[part.index]
            parts[part.index] = part.g if seen is None else seen + part.g
        return [None if g is None else expanded(g, like) for g, like in zip(parts, ans)]
    dense: Any = None
    gs, indices = [], []
    for ct in pending:
        if type(ct) is Scatter:
            gs.append(ct.g)
            indices.append(ct.index)
        else:
            dense = ct if dense is None else dense + ct
    if not gs:
        return dense
    dtype = np.result_type(*{peel(g).dtype for g in gs})
    scattered = sum_of_scatters(*gs, indices=tuple(indices), shape=ans.shape, dtype=dtype)
    return scattered if dense is None else scattered + dense


def without_leaks(rule: Any, g: Any, ans: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """What an elementwise rule makes of `g` below a `where`: zero where `g` is zero, also beside an infinite slope.

    The branch that was not taken gets the cotangent zero; zero times infinity would make it NaN.
    """
    with np.errstate(all="ignore"):
        ct = rule(g, ans, *args, **params)
        bad = ~np.isfinite(peel(ct))
        return where(bad & (peel(g) == 0), 0.0, ct) if anywhere(bad) else ct


def finished(ct: Any, value: Any, taken: set[int]) -> Any:
    """The cotangent (or tangent) of `value` as the user gets it: in its shape and dtype, sharing no memory.

    `taken` holds the ids of the arrays given away before, so that no two results share memory.
    """
    if type(ct) is type(value):  # the usual cases
        if type(ct) is np.float64:
            return ct
        if type(ct) is np.ndarray and ct.shape == value.shape and ct.dtype is value.dtype and ct.base is None:
            if id(ct) not in taken:
                taken.add(id(ct))
                return ct
    if ct is None:
        plain = peel(value)
        return np.zeros_like(plain) if is_array(plain) else plain.dtype.type(0)
    with passing("pullback") as place:
        if place is not None:
            place.argument = value
        if type(ct) is list:
            ct = gathered(ct, value)
        ct = expanded(ct if type(ct) is np.float64 or type(ct) is float else adopted(ct), value)
        dtype = peel(value).dtype
        if dtype.kind != "c":
            ct = real_part(ct)
        if ct.dtype != dtype:
            ct = ct.astype(dtype)
    if type(ct) is not Box and is_array(ct) and not ct.shape and not is_array(peel(value)):
        ct = ct[()]  # that of a number is a number
    if issubclass(type(ct), np.ndarray):
        if ct.base is not None or not ct.flags.writeable or id(ct) in taken:
            ct = ct.copy()
        taken.add(id(ct))
    elif type(ct) is Box:
        if not ct.shape and is_array(peel(value)) and not is_array(peel(ct)):
            ct = broadcast_to(ct, shape=())  # that of an array without axes is one, too
        return snapshot(ct)  # nor do two results share a box
    elif is_array(peel(value)) and not is_array(ct):
        ct = ct.as_array() if isinstance(ct, Duck) else np.asarray(ct)  # an array without axes stays one
    return ct
