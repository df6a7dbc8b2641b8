"""The backward pass by the book: the chain rule, read from the last node of the tape to the first.

It has what arrays need (broadcasting is undone, entries of an index are collected, real arguments get real cotangents)
and nothing else. `sweeps.backward` gives the same numbers: a test holds it to that, on every cell. What that does
besides is listed in the docstring of its module.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from minigrad.core.primitive import Scatter
from minigrad.core.tape import Tape
from minigrad.modes.cotangents import gathered
from minigrad.rules.expansion import expanded, real_part
from minigrad.rules.shapes import unbroadcast


def by_the_book(tape: Tape, seeds: Sequence[tuple[int, Any]]) -> list[Any]:
    """The cotangents of the leaves, given `seeds`: pairs of a node and its cotangent. `None` is the zero cotangent.

    >>> import numpy as np
    >>> from minigrad import trace
    >>> tape = trace(lambda x: x * np.sin(x), 2.0)
    >>> by_the_book(tape, [(len(tape) - 1, 1.0)])[0].round(6), (np.sin(2.0) + 2.0 * np.cos(2.0)).round(6)
    (np.float64(0.077004), np.float64(0.077004))
    """
    pending: dict[int, list[Any]] = defaultdict(list)  # for each node, what its uses have handed back so far
    for index, g in seeds:
        pending[index].append(g)
    for i in reversed(range(tape.leaves, len(tape.nodes))):
        if i not in pending:
            continue  # no output depends on node i
        primitive, parents, args, ans, params = tape.nodes[i]
        g = added(pending.pop(i), ans)  # all uses have been seen: this is the cotangent of node i
        if primitive.pull is not None:  # one rule for all arguments
            cts = primitive.pull(g, ans, *args, parents=parents, **params)
        else:  # one rule per argument: g times the local derivative
            cts = [vjp(g, ans, *args, **params) if p >= 0 else None for vjp, p in zip(primitive.vjps, parents)]
        for parent, arg, ct in zip(parents, args, cts):
            if parent >= 0 and ct is not None:
                pending[parent].append(fitted(ct, ans, arg, primitive.kind))
    return [added(pending[i], tape.nodes[i][3]) if i in pending else None for i in range(tape.leaves)]


def added(cts: list[Any], ans: Any) -> Any:
    """The sum of the cotangents of a node, in its shape."""
    total = gathered(cts, ans)
    return total if type(ans) is tuple else expanded(total, ans)


def fitted(ct: Any, ans: Any, arg: Any, kind: str) -> Any:
    """A cotangent in the shape of its argument: broadcasting is undone, and a real argument gets the real part."""
    if type(ct) is Scatter:
        return ct  # entries at an index; `added` writes them into an array
    if kind == "elementwise":
        ct = unbroadcast(expanded(ct, ans), arg.shape)
    return ct if arg.dtype.kind == "c" else real_part(ct)
