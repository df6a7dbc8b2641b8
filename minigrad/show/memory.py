"""What a tape keeps for the backward sweep, and which rules read it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.core.tape import Tape, peel
from minigrad.modes.sweeps import needed


class Kept(NamedTuple):
    """What is kept of one node."""

    nbytes: int  #: of memory that no earlier row stands for; 0 for a view of such, and for an input, which the user has
    readers: tuple[int, ...]  #: the nodes whose rule reads the value, in the order of the backward sweep


def kept(tape: Tape, outputs: list[int]) -> list[Kept]:
    """For each node what the backward sweep from these outputs has to keep of it.

    This is what rules read. A tape that is made for one sweep drops of the rest only large values, of 64 KiB and more.
    """
    readers: list[list[int]] = [[] for _ in tape.nodes]
    for i, _ in reversed(needed(tape, [index for index in outputs if index >= 0])):
        primitive, parents, *_ = tape.nodes[i]
        reads_ans, dropped = primitive.residuals(parents)
        if reads_ans:
            readers[i].append(i)
        for k, parent in enumerate(parents):
            if parent >= 0 and k not in dropped and readers[parent][-1:] != [i]:
                readers[parent].append(i)
    counted: set[int] = set()
    found = []
    for i, node in enumerate(tape.nodes):
        new = {id(buffer): buffer for buffer in buffers(node[3])} if readers[i] or i < tape.leaves else {}
        fresh = [buffer for key, buffer in new.items() if key not in counted]
        counted.update(new)
        found.append(Kept(0 if i < tape.leaves else sum(b.nbytes for b in fresh), tuple(readers[i])))
    return found


def buffers(value: Any) -> list[Any]:
    """The arrays that own the memory of a value; of several results of all of them."""
    if type(value) is tuple:
        return [buffer for part in value for buffer in buffers(part)]
    plain = peel(value)
    while issubclass(type(plain), np.ndarray) and isinstance(plain.base, np.ndarray):
        plain = plain.base
    return [plain] if hasattr(plain, "nbytes") else []
