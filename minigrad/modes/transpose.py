"""The transpose of a linear map that is known as a function: one backward sweep over its recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.tape import Box, Tape, peel, settled
from minigrad.modes.cotangents import gathered
from minigrad.modes.sweeps import backward
from minigrad.rules.expansion import expanded, real_part


def transpose_of(push: Callable[..., Any]) -> Callable[..., list[Any]]:
    """The pull of an operation from its push, which is linear in the tangents: its transpose is one backward sweep."""

    def pull(gs: Sequence[Any], ans: Any, *args: Any, parents: Any, **params: Any) -> list[Any]:
        tape = Tape()
        boxes = [tape.leaf(np.zeros_like(peel(a))) if p >= 0 else None for a, p in zip(args, parents)]
        outs = push(boxes, ans, *args, **params)
        tape.close()
        seeds = []
        for out, g, part in zip(outs, gs, ans):
            if g is not None and type(out) is Box and settled(out).tape is tape:
                g = expanded(g, part)
                seeds.append((out.index, g))
        found = iter(backward(tape, seeds))
        cts: list[Any] = []
        for arg, box in zip(args, boxes):
            ct = next(found) if box is not None else None
            if type(ct) is list:  # entries at an index, which the sweep leaves to the turn of their node
                ct = gathered(ct, arg)
            cts.append(real_part(ct) if ct is not None and peel(arg).dtype.kind != "c" else ct)
        return cts

    return pull
