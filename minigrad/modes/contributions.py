"""The backward sweep taken apart: what every rule sends to every argument, and how that adds up.

`backward` adds contributions up as they come and forgets them. Here each of them is handed over when it is made, for
whoever wants to show them. The cotangents are those of `backward`: what must not leak does not leak, and 0 times
infinity is 0. Nothing here is differentiated again, so cotangents are expanded early.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.tape import Tape, peel
from minigrad.modes.by_the_book import added, fitted
from minigrad.modes.cotangents import without_leaks
from minigrad.modes.trouble import Trouble

#: receive(node, position of the argument, parent, contribution, seconds that the rule took)
Receive = Callable[[int, int, int, Any, float], None]


def contributions(
    tape: Tape, seeds: Sequence[tuple[int, Any]], receive: Receive, clock: Callable[[], float] = lambda: 0.0
) -> list[Any]:
    """The cotangent of every node, `None` for zero; of a node with several results a list of them.

    Args:
        tape: what was recorded.
        seeds: pairs of a node and its cotangent.
        receive: is called with each contribution, in the order of the sweep. Contributions of one position of a node
            with several results (`item`) are `Scatter`, all others arrays in the shape of the argument.
        clock: what tells the time.

    The sum of what a node receives, and of its seed, is its cotangent.
    """
    trouble = Trouble()
    pending: dict[int, list[Any]] = {}
    cotangents: list[Any] = [None] * len(tape.nodes)
    hidden: set[int] = set()
    for index, g in seeds:
        pending.setdefault(index, []).append(g)
    with trouble.watch():
        for i in range(len(tape.nodes) - 1, -1, -1):
            if i not in pending:
                continue  # no output depends on node i
            node = primitive, parents, args, ans, _ = tape.nodes[i]
            g = cotangents[i] = added(pending.pop(i), ans)
            if i < tape.leaves:
                continue
            leaks = i in hidden
            if leaks or primitive.hides_branch:
                hidden.update(parents)
            for k, ct, seconds in _sent(node, g, i, leaks and primitive.kind == "elementwise", trouble, clock):
                ct = fitted(ct, ans, args[k], primitive.kind)
                pending.setdefault(parents[k], []).append(ct)
                if type(args[k]) is not tuple:
                    ct = added([ct], args[k])  # in full
                receive(i, k, parents[k], ct, seconds)
    return cotangents


def _sent(
    node: Any, g: Any, i: int, leaks: bool, trouble: Trouble, clock: Callable[[], float]
) -> list[tuple[int, Any, float]]:
    """What the rules of a node make of its cotangent: for each argument that is on the tape, and how long it took."""
    primitive, parents, args, ans, params = node
    moving = [k for k, parent in enumerate(parents) if parent >= 0]
    start = clock()
    if primitive.pull is not None:
        cts = primitive.pull(g, ans, *args, parents=parents, **params)
        trouble.events.clear()
        seconds = (clock() - start) / max(len(moving), 1)
        return [(k, cts[k], seconds) for k in moving if cts[k] is not None]
    found = []
    for k in moving:
        start, vjp = clock(), primitive.vjps[k]
        ct = without_leaks(vjp, g, ans, args, params) if leaks else vjp(g, ans, *args, **params)
        seconds = clock() - start
        if trouble.events:
            ct = trouble.resolve(ct, g, vjp, i, node)
        found.append((k, ct, seconds))
    return found


def local_derivative(primitive: Any, k: int, args: Any, ans: Any, params: Any, limit: int = 64) -> Any:
    """∂ans/∂arg of one operation in its argument number k, on plain values; None where it is not to be had.

    Of an elementwise operation an array in the shape of the result: the diagonal. Else the Jacobian, a matrix with a
    row for each entry of the result, if it has at most `limit` entries.
    """
    if type(ans) is tuple or any(type(arg) is tuple for arg in args):
        return None
    with np.errstate(all="ignore"):
        if primitive.kind == "elementwise":
            ct = primitive.vjps[k](np.ones_like(peel(ans)), ans, *args, **params)
            return np.broadcast_to(peel(ct), np.shape(peel(ans)))
        rows, columns = np.size(peel(ans)), np.size(peel(args[k]))
        if rows * columns > limit or primitive.pull is not None:
            return None
        found = []
        for row in range(rows):
            unit = np.zeros(rows, np.result_type(peel(ans)))
            unit[row] = 1
            ct = primitive.vjps[k](unit.reshape(np.shape(peel(ans)))[()], ans, *args, **params)
            found.append(np.ravel(peel(added([fitted(ct, ans, args[k], primitive.kind)], args[k]))))
        return np.array(found).reshape(rows, columns)
