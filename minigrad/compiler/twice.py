"""Derivatives of second order as straight-line programs, of functions that were recorded once.

The structure of a tape says what the sweep over it does, and so it says what the sweep over that sweep does. A program
for it is kept like others (see `compiler.swept`): the two sweeps are run once on staged values, over a tape of two
levels that is made of the recording. Where a program answers, neither the second tape nor the sweep over the first one
is ever made.

In a Hessian only those diagonals are computed that may differ from zero, as in `compile`. What is zero beside them is
0.0, where the sweeps may have given -0.0; and the program gives up where a factor is infinite or NaN, which would have
made NaN of a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.swept import LAST, Given, answer
from minigrad.core.tape import Box, Tape
from minigrad.core.tree import flatten
from minigrad.modes import recording
from minigrad.modes.cotangents import finished
from minigrad.modes.jacobians import columns, rows
from minigrad.modes.recording import Recording
from minigrad.modes.second import lifted
from minigrad.modes.trouble import Trouble

MOST_COLUMNS = 512  #: of a Hessian: where there are more, it is large, and time goes into memory


def hessian_blocks(tape: Tape, outputs: Sequence[int]) -> list[Any] | None:
    """The second derivatives of these nodes in all pairs of leaves, node by node; None if there is no program."""
    found = answer(tape, blocks_from, tuple(outputs), ())
    return None if found is None else found[0]


def hessian_product(tape: Tape, output: int, tangents: Sequence[Any]) -> list[Any] | None:
    """The derivatives of the gradient of a node along these tangents of the leaves; None if there is no program."""
    given = [np.float64(t) if type(t) is float else t for t in tangents]
    for t, leaf in zip(given, tape.leaf_values()):
        if type(t) is not type(leaf) or t.dtype is not leaf.dtype or t.shape != leaf.shape:
            return None
    found = answer(tape, product_from, (output,), given)
    return None if found is None else found[0]


def blocks_from(tape: Tape, places: tuple[int, ...], _given: Given, trouble: Trouble | None = None) -> list[Any]:
    """All columns of all rows, as `hessian` finds them."""
    if trouble is not None and sum([leaf.size for leaf in tape.leaf_values()]) > MOST_COLUMNS:
        raise ValueError
    outer, inner, outs = _two_levels(tape, places, trouble)
    gradients, _ = flatten(rows(inner, outs, flatten(outs)[1], None))
    outer.tape.close()
    blocks, _ = flatten(columns(outer, gradients, flatten(gradients)[1], None))
    return [block.copy() if block.shape else block[()] for block in blocks]  # laid out by rows, as all results


def product_from(tape: Tape, places: tuple[int, ...], tangents: Given, trouble: Trouble | None = None) -> list[Any]:
    """The gradient pushed forward, as `hvp` does it."""
    outer, inner, _ = _two_levels(tape, places, trouble)
    gradients = inner.pull([(places[0], 1.0)])
    outer.tape.close()
    reached = outer.push(tangents, [outer.position(gradient) for gradient in gradients])
    taken = {id(t) for t in tangents}
    return [finished(t, leaf, taken) for t, leaf in zip(reached, outer.leaves)]


def _two_levels(tape: Tape, places: tuple[int, ...], trouble: Trouble | None) -> tuple[Recording, Recording, list[Any]]:
    """The tape as an outer and an inner recording, and the boxes of these nodes on the inner one."""
    outer = Tape()
    values = tape.leaf_values()
    _, treedef = flatten(values)
    leaves = [outer.leaf(value) for value in values]
    inner, boxes = lifted(tape, leaves)
    return (
        Recording.on(outer, values, treedef, trouble=trouble),
        Recording.on(inner, leaves, treedef, trouble=trouble),
        [Box(boxes[i], inner, i) for i in places],
    )


def _of_diagonals(program: Any) -> Any:
    from minigrad.compiler.diagonals import diagonals  # start-up

    return diagonals(program, is_guarded=True)


LAST[blocks_from] = _of_diagonals
recording.STRAIGHT.update(hessian=hessian_blocks, hvp=hessian_product)
