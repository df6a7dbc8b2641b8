"""The sweeps: one pass over a tape each.

`backward` pulls cotangents from an output back to the leaves, `forward` pushes tangents from the leaves to the outputs.
Both work on values one level down, so an outer tape records what they do; that is how derivatives of derivatives come
about. The chain rule behind them, and their names, are in A. Griewank and A. Walther, "Evaluating Derivatives", 2nd
edition, SIAM 2008, chapter 3.

Three things are taken care of here and nowhere else: broadcasting is undone, thin cotangents are expanded, and where
one side is real and the other complex, the real part is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import Duck, anywhere, is_array
from minigrad.core.primitive import ITEM, Scatter
from minigrad.core.tape import NUMBERS, Box, Tape, peel
from minigrad.modes.trouble import Trouble
from minigrad.rules.elementwise import choose_where, where
from minigrad.rules.moving import sum_of_scatters
from minigrad.rules.shapes import unbroadcast
from minigrad.rules.thin import expanded, real_part


def backward(
    tape: Tape, seeds: Sequence[tuple[int, Any]], *, consume: bool = False, keep: list[Any] | None = None
) -> list[Any]:
    """The cotangents of the leaves, given `seeds`: pairs of a node and its cotangent. `None` is the zero cotangent.

    `consume` lets go of each node when it has been passed, for the last sweep over a tape. `keep`, a list, is given
    the cotangents of all nodes. Linear in the number of nodes; no recursion.
    """
    tape.check_captured()
    trouble = Trouble()
    with trouble.watch():
        cotangents = pull_back(tape, seeds, consume, keep, trouble)
    if trouble.found:
        trouble.tell(tape)
    return cotangents


def pull_back(
    tape: Tape, seeds: Sequence[tuple[int, Any]], consume: bool, keep: list[Any] | None, trouble: Trouble
) -> list[Any]:
    """The backward loop: the last node first, each handing its cotangent to its parents."""
    events = trouble.events
    nodes = tape.nodes
    stop = max([index for index, _ in seeds], default=-1)
    cotangents: list[Any] = [None] * (stop + 1)
    owned: set[int] = set()  # where the cotangent is an array made here, so that more may be added to it in place
    hidden: set[int] = set()  # nodes below a `where`: what its untaken branch does there must not leak
    for index, seed in seeds:
        accumulate(cotangents, index, seed, owned)
    for i in range(stop, tape.leaves - 1, -1):
        g = cotangents[i]
        if g is None:
            continue  # the output does not depend on node i
        primitive, parents, args, ans, params = nodes[i]
        if type(g) is list:
            g = gathered(g, ans) if type(ans) is not tuple else by_position(g, ans)
        cotangents[i] = g if keep is not None else None
        if consume:
            nodes[i] = None
        elementwise, broadcasts, vjps = primitive.sweeping
        if not elementwise and (type(g) in NUMBERS or g.shape != ans.shape):
            if not (primitive.takes_scalar and (type(g) in NUMBERS or g.shape == ())):
                g = expanded(g, ans)
        leaks = i in hidden
        if leaks or vjps is _WHERE:
            hidden.update(parents)
        if vjps is None:
            for parent, arg, ct in zip(parents, args, primitive.pull(g, ans, *args, parents=parents, **params)):
                if parent >= 0 and ct is not None:
                    if type(ct) is not Scatter and arg.dtype.kind != "c":
                        ct = real_part(ct)  # beside a complex argument a real one gets a complex cotangent
                    accumulate(cotangents, parent, ct, owned)
            if events:
                trouble.note(i, primitive, ans)
            continue
        is_complex = ans.dtype.kind == "c"
        for parent, vjp_rule, arg in zip(parents, vjps, args):
            if parent < 0:
                continue
            if leaks and elementwise:
                with np.errstate(all="ignore"):
                    ct = without_leaks(vjp_rule(g, ans, *args, **params), g)
            else:
                ct = vjp_rule(g, ans, *args, **params) if params else vjp_rule(g, ans, *args)
            if events:
                ct = trouble.settle(ct, g, vjp_rule, i, (primitive, parents, args, ans, params))
            if is_complex and arg.dtype.kind != "c":
                ct = real_part(ct)
            if broadcasts and arg.shape != ans.shape:
                if type(ct) in NUMBERS or ct.shape != ans.shape:
                    ct = expanded(ct, ans)
                ct = unbroadcast(ct, arg.shape)
            if cotangents[parent] is None and type(ct) is not Scatter:
                cotangents[parent] = ct
            else:
                accumulate(cotangents, parent, ct, owned)
    if keep is not None:
        keep[:] = [
            g if type(g) is not list else None if type(nodes[i][3]) is tuple else gathered(g, nodes[i][3])
            for i, g in enumerate(cotangents)
        ]
    return cotangents[: tape.leaves] + [None] * (tape.leaves - len(cotangents))


_WHERE = choose_where.primitive.vjps  # type: ignore[attr-defined]


def accumulate(cotangents: list[Any], index: int, ct: Any, owned: set[int]) -> None:
    """Add `ct` to the cotangent of a node, which has several children.

    Entries scattered by indexing wait in a list until the node's turn comes.
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


def gathered(pending: list[Any], node_value: Any) -> Any:
    """The sum of the cotangents in a list, where some are entries at an index."""
    shape, gs, indices = node_value.shape, [], []
    dense: Any = None
    for ct in pending:
        if type(ct) is Scatter:
            gs.append(ct.g)
            indices.append(ct.index)
        else:
            dense = ct if dense is None else dense + ct
    if not gs:
        return dense
    dtype = np.result_type(*{peel(g).dtype for g in gs})
    scattered = sum_of_scatters(*gs, indices=tuple(indices), shape=shape, dtype=dtype)
    return scattered if dense is None else scattered + dense


def by_position(pending: list[Any], results: tuple[Any, ...]) -> list[Any]:
    """The cotangents of several results from the parts that have come in; `None` where none did."""
    parts: list[Any] = [None] * len(results)
    for part in pending:
        seen = parts[part.index]
        parts[part.index] = part.g if seen is None else seen + part.g
    return [None if g is None else expanded(g, like) for g, like in zip(parts, results)]


def without_leaks(ct: Any, g: Any) -> Any:
    """Where the cotangent that came in is zero, zero goes out, though the local derivative be infinite or NaN."""
    bad = ~np.isfinite(peel(ct))
    if not anywhere(bad):
        return ct
    return where(bad & (peel(g) == 0), 0.0, ct)


def forward(tape: Tape, tangents: Sequence[Any], outputs: Sequence[int], *, consume: bool = False) -> list[Any]:
    """The tangents of the nodes `outputs`, given those of the leaves. `None` is the zero tangent.

    An elementwise rule is its own jvp; a linear operation is applied to the tangent, a bilinear one to the tangent of
    each argument in turn. `consume` lets go of each node when it has been passed.
    """
    tape.check_captured()
    trouble = Trouble()
    if any(node[0] is choose_where.primitive for node in tape.nodes):  # type: ignore[attr-defined]
        with np.errstate(all="ignore"):  # the branch not taken may be infinite; `where` leaves it out
            return push_forward(tape, tangents, outputs, consume, trouble)
    with trouble.watch():
        tangents = push_forward(tape, tangents, outputs, consume, trouble)
    if trouble.found:
        trouble.tell(tape)
    return tangents


def push_forward(
    tape: Tape, tangents: Sequence[Any], outputs: Sequence[int], consume: bool, trouble: Trouble
) -> list[Any]:
    """The forward loop: the first node first, each taking the tangents of its parents."""
    events, nodes = trouble.events, tape.nodes
    dots: list[Any] = [*tangents, *([None] * (len(tape.nodes) - tape.leaves))]
    for i, last in needed(tape, outputs, consume):
        primitive, parents, args, ans, params = node = nodes[i]
        if consume:
            nodes[i] = None
        moving = [k for k, parent in enumerate(parents) if parent >= 0 and dots[parent] is not None]
        if not moving:
            continue  # node i does not depend on what moves
        kind = primitive.kind
        total: Any = None
        if kind == "several":
            pushed = [None if p < 0 or dots[p] is None else expanded(dots[p], x) for p, x in zip(parents, args)]
            dots[i] = [
                t if like.dtype.kind == "c" else real_part(t)
                for t, like in zip(primitive.push(pushed, ans, *args, **params), ans)
            ]
            continue
        if primitive is ITEM:
            dots[i] = dots[parents[0]][params["position"]]
            continue
        if kind == "linear":
            total = primitive.bind(*[_tangent(dots, p, arg) for p, arg in zip(parents, args)], **params)
        else:
            for k in moving:
                t = dots[parents[k]]
                if kind == "elementwise":
                    part = primitive.jvps[k](t, ans, *args, **params)
                    if events:
                        part = trouble.settle(part, t, primitive.jvps[k], i, node)
                elif kind == "bilinear":
                    part = primitive.bind(*args[:k], expanded(t, args[k]), *args[k + 1 :], **params)
                else:
                    part = primitive.jvps[k](expanded(t, args[k]), ans, *args, **params)
                total = part if total is None else total + part
        if events:
            trouble.note(i, primitive, ans)
        dots[i] = real_part(total) if ans.dtype.kind != "c" else total
        for parent in last:
            dots[parent] = None
    return [dots[i] for i in outputs]


def needed(tape: Tape, outputs: Sequence[int], consume: bool = False) -> list[tuple[int, list[int]]]:
    """The nodes that the outputs depend on, in order, each with the parents whose tangents no later node reads.

    In the recording of a gradient, the end of the value itself is not needed. `consume` lets go of what is not.
    """
    nodes = tape.nodes
    wanted = bytearray(max(outputs, default=-1) + 1)
    for i in outputs:
        wanted[i] = 1
    found = []
    for i in range(len(wanted) - 1, tape.leaves - 1, -1):
        if wanted[i]:
            last = []
            for parent in nodes[i][1]:
                if parent >= 0 and not wanted[parent]:
                    wanted[parent] = 1
                    last.append(parent)
            found.append((i, last))
        elif consume:
            nodes[i] = None
    found.reverse()
    return found


def _tangent(dots: list[Any], parent: int, arg: Any) -> Any:
    """The tangent of one argument of a linear operation, zeros if it does not move."""
    t = dots[parent] if parent >= 0 else None
    return np.zeros_like(peel(arg)) if t is None else expanded(t, arg)


def finished(ct: Any, value: Any, taken: set[int]) -> Any:
    """The cotangent (or tangent) of `value` as the user gets it: of its shape and dtype, and an array of its own.

    `taken` holds the ids of the arrays given away before, so that no two results share memory.
    """
    if type(ct) is np.ndarray and type(value) is np.ndarray and ct.shape == value.shape and ct.dtype is value.dtype:
        if ct.base is None and id(ct) not in taken:  # the usual case
            taken.add(id(ct))
            return ct
    if ct is None:
        plain = peel(value)
        return np.zeros_like(plain) if is_array(plain) else plain.dtype.type(0)
    if type(ct) is list:
        ct = gathered(ct, value)
    ct = expanded(ct, value)
    dtype = peel(value).dtype
    if dtype.kind != "c":
        ct = real_part(ct)
    if ct.dtype != dtype:
        ct = ct.astype(dtype)
    if isinstance(ct, np.ndarray):
        if ct.base is not None or not ct.flags.writeable or id(ct) in taken:
            ct = ct.copy()
        taken.add(id(ct))
    elif type(ct) is not Box and is_array(value) and not is_array(ct):
        ct = ct.as_array() if isinstance(ct, Duck) else np.asarray(ct)  # an array without axes stays one
    return ct
