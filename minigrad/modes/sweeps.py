"""The sweeps: one pass over a tape each.

`backward` pulls cotangents from an output back to the leaves, `forward` pushes tangents from the leaves to the outputs.
Both work on values one level down, so an outer tape records what they do; that is how derivatives of derivatives come
about. The chain rule behind them, and their names, are in A. Griewank and A. Walther, "Evaluating Derivatives", 2nd
edition, SIAM 2008, chapter 3.

`by_the_book` is the chain rule with what arrays need: broadcasting undone, entries of an index collected, real parts.
It gives the same numbers, and so does the program that `compiler.swept` writes of a sweep that comes again and again.
What this module does besides, and the test in `tests/modes/test_sweeps.py` (`test_...`) that
fails without it:

| concern                                         | where            | test                                        |
|-------------------------------------------------|------------------|---------------------------------------------|
| a cotangent stays small until a rule needs more | `expanded`       | seeds_stay_numbers                          |
| entries wait until their array's turn           | `gathered`       | taking_an_array_apart_is_linear             |
| uses add up in place                            | `accumulate`     | uses_add_up_in_place                        |
| memory is freed on the way                      | `consume`        | a_consumed_tape_is_freed_on_the_way         |
| 0 times infinity in a branch not taken is 0     | `without_leaks`  | the_untaken_branch_does_not_leak            |
| 0 times infinity elsewhere is 0, with a warning | `Trouble`        | a_zero_cotangent_meets_an_infinite_slope    |
| arrays that were written to are noticed         | `check_captured` | an_array_that_was_written_to_is_noticed     |
| all cotangents, for the printed tape            | `keep`           | cotangents_of_all_nodes_are_kept_on_request |
| whoever looks on is told where the sweep is     | `passing`        | the_sweep_says_where_it_is                  |
| terms that cancel near a pole are noticed       | `looks`          | digits_lost_near_a_pole_are_noticed         |
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from minigrad.core.observing import Place, passing
from minigrad.core.primitive import ITEM, Scatter
from minigrad.core.tape import NUMBERS, PARTS, Tape, peel
from minigrad.modes.cotangents import accumulate, gathered, without_leaks
from minigrad.modes.trouble import LEFT, Trouble, product_of
from minigrad.rules import elementwise as e
from minigrad.rules.expansion import expanded, real_part
from minigrad.rules.shapes import unbroadcast

DIFFERENCES = (e.add.primitive, e.subtract.primitive, e.log1p.primitive)  #: what has fewer digits than its terms
GONE = (None,) * PARTS  #: of a node that was let go of
FEW = 1024  #: entries up to which a difference is kept until a pole comes
SUMMING = ("linear", "bilinear")  #: kinds of operations that may add up what they are given


# ----- backward -------------------------------------------------------------------------------------------------------


def backward(
    tape: Tape, seeds: Sequence[tuple[int, Any]], *, consume: bool = False, keep: list[Any] | None = None,
    trouble: Trouble | None = None,
) -> list[Any]:  # fmt: skip
    """The cotangents of the leaves, given `seeds`: pairs of a node and its cotangent. `None` is the zero cotangent.

    A cotangent may still be a number, or a list with entries at an index: `finished` makes an array of it.

    Args:
        tape: what was recorded.
        seeds: positions of nodes, each with a cotangent that broadcasts to its shape.
        consume: let go of each node when it has been passed, for the last sweep over a tape.
        keep: a list that is filled with the cotangents of all nodes; of a node with several results a list of them.
        trouble: what the sweep met, for whoever wants to know.

    Linear in the number of nodes; no recursion.
    """
    tape.check_captured()
    trouble = Trouble() if trouble is None else trouble
    with passing("pullback", tape.serial) as place, trouble.watch():
        cotangents = _pull_back(tape, seeds, consume, keep is not None, trouble, place)
        if trouble.looks:
            for g, leaf in zip(cotangents, tape.leaf_values()):
                if type(g) is list:
                    trouble.look_at_entries(g, leaf)
    if trouble.found:
        trouble.tell(tape)
    if keep is not None:
        waiting = [i < tape.leaves and type(g) is list for i, g in enumerate(cotangents)]  # of other nodes it was done
        keep[:] = [gathered(g, tape.nodes[i][3]) if waiting[i] else g for i, g in enumerate(cotangents)]
    return cotangents[: tape.leaves] + [None] * (tape.leaves - len(cotangents))


def _pull_back(
    tape: Tape, seeds: Sequence[tuple[int, Any]], consume: bool, keeps: bool, trouble: Trouble, place: Place | None
) -> list[Any]:
    """The backward loop: from the last node to the first, each hands its cotangent on to its parents."""
    flat, events, found, number = tape.flat, trouble.events, trouble.found, np.float64
    stop = max([index for index, _ in seeds], default=-1)
    cotangents: list[Any] = [None] * (stop + 1)
    owned: set[int] = set()  # where the cotangent is an array made here, so that more may be added to it in place
    hidden: set[int] = set()  # nodes below a `where`: what its untaken branch does there must not leak
    looks = False  # whether to look for terms that cancel, after a pole
    for index, seed in seeds:
        accumulate(cotangents, index, seed, owned)
    parts = islice(reversed(flat), len(flat) - PARTS * (stop + 1), None)  # of the nodes, from the last one's params on
    for i, params, ans, args, parents, primitive in zip(range(stop, tape.leaves - 1, -1), *[parts] * PARTS):
        if consume:
            del flat[PARTS * i :]
        g = cotangents[i]
        if g is None:
            continue  # the output does not depend on node i
        if type(g) is list:
            if looks:
                trouble.look_at_entries(g, ans)
            g = gathered(g, ans)
        cotangents[i] = g if keeps else None
        if place is not None:
            place.index, place.node, place.argument = i, (primitive, parents, args, ans, params), None
        as_it_comes, broadcasts, vjps, pole, hides = primitive.sweeping
        if not as_it_comes and (type(g) in NUMBERS or g.shape != ans.shape):
            if not (primitive.takes_scalar and (type(g) in NUMBERS or g.shape == ())):
                g = expanded(g, ans)
        leaks = i in hidden
        if leaks or hides:
            hidden.update(parents)
        if pole is not None:
            if not trouble.is_near_pole and (vanishing := pole(ans, *args)) is not None:
                trouble.look_at_pole(vanishing, g, primitive)
                looks = trouble.looks
        elif looks and primitive in DIFFERENCES:
            trouble.look_at_difference((primitive, parents, args, ans, params))
        if vjps is None:
            _pull_all(cotangents, owned, (primitive, parents, args, ans, params), i, g, trouble, leaks, place)
            looks = trouble.looks
            continue
        if type(ans) is number:  # real, and of real or complex numbers
            is_complex = broadcasts = False
        else:
            is_complex = ans.dtype.kind == "c"
        for parent, vjp, arg in zip(parents, vjps, args):
            if parent < 0:
                continue  # a constant
            if place is not None:
                place.argument = arg
            if leaks and as_it_comes:
                ct = without_leaks(vjp, g, ans, args, params)
            else:
                ct = vjp(g, ans, *args, **params) if params else vjp(g, ans, *args)
            if events or found or (leaks and not as_it_comes):
                ct = trouble.resolve(ct, g, vjp, i, (primitive, parents, args, ans, params))
            if is_complex and arg.dtype.kind != "c":
                if looks and type(ct) is not Scatter:
                    trouble.look_at_sum(real_part(ct), ct)
                ct = real_part(ct)
            if broadcasts and arg.shape != ans.shape:
                full = expanded(ct, ans)
                ct = unbroadcast(full, arg.shape)
                if looks:
                    trouble.look_at_sum(ct, unbroadcast(abs(peel(full)), arg.shape))
            elif looks and primitive.kind in SUMMING:
                node = primitive, parents, args, ans, params
                trouble.look_at_cotangents([ct if vjp is rule else None for rule in vjps], g, node)
            seen = cotangents[parent]
            if seen is None and type(ct) is not Scatter:
                cotangents[parent] = ct
            elif type(ct) is type(seen) is number and not looks:
                cotangents[parent] = seen + ct
            else:
                accumulate(cotangents, parent, ct, owned)
                if looks and type(cotangents[parent]) is not list:
                    trouble.look_at_sum(cotangents[parent], ct)
    return cotangents


def _pull_all(
    cotangents: list[Any], owned: set[int], node: Any, i: int, g: Any, trouble: Trouble, leaks: bool, place: Any
) -> None:
    """The step of the loop for all arguments together; real arguments get real cotangents."""
    primitive, parents, args, ans, params = node
    if primitive.pull is not None:
        cts = primitive.pull(g, ans, *args, parents=parents, **params)
        if primitive.kind == "bilinear" and (trouble.events or trouble.met or leaks):
            rules = [
                lambda g, ans, *args, k=k, **p: primitive.pull(g, ans, *args, parents=parents, **p)[k]
                for k in range(len(cts))
            ]
            cts = [None if ct is None else trouble.resolve(ct, g, rule, i, node) for ct, rule in zip(cts, rules)]
    else:
        cts = [None if p < 0 else _pulled(k, node, i, g, trouble, leaks, place) for k, p in enumerate(parents)]
    if primitive.amplifies and primitive.kind != "elementwise":
        trouble.look_at_gain(cts, g, args[0])
    if trouble.looks and primitive.kind in SUMMING:
        trouble.look_at_cotangents(cts, g, node)
    for parent, arg, ct in zip(parents, args, cts):
        if parent >= 0 and ct is not None:
            if type(ct) is not Scatter and arg.dtype.kind != "c":
                if trouble.looks:
                    trouble.look_at_sum(real_part(ct), ct)
                ct = real_part(ct)
            accumulate(cotangents, parent, ct, owned)
            if trouble.looks and type(cotangents[parent]) is not list:
                trouble.look_at_sum(cotangents[parent], ct)
    if trouble.events:
        trouble.note(i, primitive, ans)


def _pulled(k: int, node: Any, i: int, g: Any, trouble: Trouble, leaks: bool, place: Any) -> Any:
    """The cotangent of one argument of an operation that may amplify it."""
    primitive, _parents, args, ans, params = node
    rule, arg = primitive.vjps[k], args[k]
    if place is not None:
        place.argument = arg
    if primitive.kind != "elementwise":
        return rule(g, ans, *args, **params)
    ct = without_leaks(rule, g, ans, args, params) if leaks else rule(g, ans, *args, **params)
    if trouble.events:
        ct = trouble.resolve(ct, g, rule, i, node)
    trouble.look_at_gain(ct, g, arg, by_entry=True)
    return ct if arg.shape == ans.shape else unbroadcast(expanded(ct, ans), arg.shape)


# ----- forward --------------------------------------------------------------------------------------------------------


def forward(
    tape: Tape, tangents: Sequence[Any], outputs: Sequence[int], *, consume: bool = False,
    trouble: Trouble | None = None,
) -> list[Any]:  # fmt: skip
    """The tangents of the nodes `outputs`, given those of the leaves. `None` is the zero tangent.

    An elementwise rule is its own jvp; a linear operation is applied to the tangent, a bilinear one to the tangent of
    each argument in turn; the other kinds have jvps, or a push for all arguments. `consume` lets go
    of each node when it has been passed; `trouble` is what the sweep met, for whoever wants to know.
    """
    tape.check_captured()
    trouble = Trouble() if trouble is None else trouble
    trouble.hidden = hidden_by_branches(tape)
    with passing("pushforward", tape.serial) as place, trouble.watch():
        reached = _push_forward(tape, tangents, outputs, consume, trouble, place)
    if trouble.found:
        trouble.tell(tape)
    return reached


def _push_forward(
    tape: Tape, tangents: Sequence[Any], outputs: Sequence[int], consume: bool, trouble: Trouble, place: Place | None
) -> list[Any]:
    """The forward loop: from the first node to the last, each takes the tangents of its parents."""
    flat = tape.flat
    dots: list[Any] = [*tangents, *([None] * (len(tape) - tape.leaves))]
    differences: list[Any] = []
    for i, last in needed(tape, outputs, consume):
        node = flat[PARTS * i : PARTS * (i + 1)]
        if consume:
            flat[PARTS * i : PARTS * (i + 1)] = GONE
        ts = [dots[parent] if parent >= 0 else None for parent in node[1]]
        moving = [k for k, t in enumerate(ts) if t is not None]
        if moving:  # else node i does not depend on what moves
            if node[0] in DIFFERENCES and node[3].size <= FEW:
                differences.append(node)
            dots[i] = _pushed(node, i, ts, moving, trouble, place)
            if trouble.looks and differences:  # a pole is near, and what went before may be divided by it
                for each in differences:
                    trouble.look_at_difference(each)
                differences.clear()
        for parent in last:
            dots[parent] = None
    return [dots[i] for i in outputs]


def _pushed(node: Any, i: int, ts: list[Any], moving: list[int], trouble: Trouble, place: Place | None) -> Any:
    """The tangent of one node, given those of its arguments."""
    primitive, _parents, args, ans, params = node
    if place is not None:
        place.index, place.node = i, node
    kind = primitive.kind
    if primitive is ITEM:
        return ts[0][params["position"]]
    if kind == "several":
        full = [None if t is None else expanded(t, arg) for t, arg in zip(ts, args)]
        pushed = primitive.push(full, ans, *args, **params)
        if primitive.amplifies:
            trouble.look_at_gain(pushed, full, args[0])
        return [t if like.dtype.kind == "c" else real_part(t) for t, like in zip(pushed, ans)]
    total: Any = None
    if kind == "joint":
        total = primitive.push(
            [None if t is None else expanded(t, arg) for t, arg in zip(ts, args)], ans, *args, **params
        )
    elif kind == "linear":
        full = [np.zeros_like(peel(arg)) if t is None else expanded(t, arg) for t, arg in zip(ts, args)]
        total = primitive.bind(*full, **params)
    else:
        if primitive.pole is not None and not trouble.is_near_pole:
            if (vanishing := primitive.pole(ans, *args)) is not None:
                trouble.look_at_pole(vanishing, ts[moving[-1]], primitive)
        part: Any = None
        for k in moving:
            t = ts[k]
            if kind == "elementwise":
                part = primitive.jvps[k](t, ans, *args, **params)
                if trouble.events:
                    part = trouble.resolve(part, t, primitive.jvps[k], i, node)
            elif kind == "bilinear":
                factors = (*args[:k], expanded(t, args[k]), *args[k + 1 :])
                part = primitive.bind(*factors, **params)
                if trouble.events or trouble.met:
                    part = product_of(lambda *args: primitive.bind(*args, **params), factors, part)
            else:
                t = expanded(t, args[k])
                part = primitive.jvps[k](t, ans, *args, **params)
                if trouble.events or trouble.met:
                    part = trouble.resolve(part, t, primitive.jvps[k], i, node)
            if primitive.amplifies:
                trouble.look_at_gain(part, t, args[k], by_entry=kind == "elementwise")
            total = part if total is None else total + part
        if trouble.looks and len(moving) > 1:  # what was lost in a numerator before is seen at the pole alone
            has_pole = primitive.pole is not None or primitive.amplifies
            trouble.look_at_sum(total, part, 0.3 if has_pole else LEFT)
    if trouble.looks and kind in SUMMING:
        trouble.look_at_tangent(total, node, ts)
    if trouble.events:
        trouble.note(i, primitive, ans)
    if ans.dtype.kind == "c":
        return total
    if trouble.looks:
        trouble.look_at_sum(real_part(total), total)
    return real_part(total)


def hidden_by_branches(tape: Tape) -> set[int]:
    """The nodes below a `where`: the branch that it did not take may be infinite, and is left out."""
    hidden: set[int] = set()
    primitives, parents = tape.flat[::PARTS], tape.flat[1::PARTS]
    if not any(primitive.hides_branch for primitive in primitives[tape.leaves :]):  # the usual case
        return hidden
    for i in range(len(tape) - 1, tape.leaves - 1, -1):
        if i in hidden or primitives[i].hides_branch:
            hidden.update(parents[i])
    return hidden


def needed(tape: Tape, outputs: Sequence[int], consume: bool = False) -> list[tuple[int, list[int]]]:
    """The nodes that the outputs depend on, in order, each with the parents whose tangents no later node reads.

    In the recording of a gradient, the end of the value itself is not needed. `consume` lets go of what is not.
    """
    parents = tape.flat[1::PARTS]
    wanted = bytearray(max(outputs, default=-1) + 1)
    for i in outputs:
        wanted[i] = 1
    found = []
    for i in range(len(wanted) - 1, tape.leaves - 1, -1):
        if wanted[i]:
            last = []
            for parent in parents[i]:
                if parent >= 0 and not wanted[parent]:
                    wanted[parent] = 1
                    last.append(parent)
            found.append((i, last))
        elif consume:
            tape.flat[PARTS * i : PARTS * (i + 1)] = GONE
    found.reverse()
    return found
