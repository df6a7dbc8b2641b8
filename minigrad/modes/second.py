"""Second order from one recording: the tape of a function, made one of two levels.

A derivative of a derivative is a tape within a tape: the sweep over the inner one is recorded on the outer one. Both
hold the same operations of the function, with the same values. So the function is recorded once, on plain values. If
there is a program for tapes like this (see `compiler.twice`), it answers, and no second tape is made. Else the
recording is *lifted*: each node is put on the outer tape as it is, without being computed again, and the inner tape
gets the same node with boxes of the outer one as its values. That is what recording on both at once would have given.

What the user's function has kept of its boxes, such as a value that a rule of the user's own closes over, is of the
outer tape from then on: `Once` stands for it. Where a leaf is traced or is not of NumPy, and where somebody looks on,
the function is recorded on both tapes at once, see `recorded_once`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.lined import LinedTape
from minigrad.core.observing import WATCHED, is_observed
from minigrad.core.tape import Box, Tape, serials
from minigrad.core.tree import flatten
from minigrad.modes.checks import Argnum
from minigrad.modes.recording import Recording, recorded_again, select

Call = tuple[str, Sequence[Any], dict[str, Any], Argnum]  #: how a function is recorded

_NUMBERS = {float, np.float64, np.float32}


class Once(Tape):
    """The tape of a function that is recorded once.

    Once it is lifted, it only stands for the outer tape, as a loop over an array does (see `rules.iterated`): who comes
    with one of its boxes gets that of the outer tape.
    """

    __slots__ = ("is_iteration", "values")
    levels = 2

    def __init__(self) -> None:
        super().__init__()
        self.small = sys.maxsize
        self.is_iteration = False
        self.values: list[Any] = []  #: of each node the box of the outer tape; of several results a tuple of them

    def own(self, box: Box) -> None:
        """A box of this tape becomes that of the outer one."""
        found = self.values[box.index] if box.index >= 0 else Box(box.value, self.values[0].tape, -1)
        box.value, box.tape, box.index = found.value, found.tape, found.index

    def detoured(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """An operation on boxes of this tape, which is one on boxes of the outer one."""
        return primitive.bind(*[self.values[i] if i >= 0 else arg for i, arg in zip(parents, args)], **params)


class LinedOnce(LinedTape):
    """The same, with lines."""

    __slots__ = ("is_iteration", "values")
    levels, own, detoured = Once.levels, Once.own, Once.detoured

    def __init__(self) -> None:
        super().__init__()
        self.is_iteration = False
        self.values: list[Any] = []


def recorded_once(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum
) -> Recording | None:
    """The recording of a function whose arguments are plain floats; None, and it was not called, if they are not."""
    if is_observed() or WATCHED.get() is not None:
        return None
    try:
        leaves, _ = flatten(select(operation, args, argnum, fun))
    except (TypeError, ValueError):  # who records it in the usual way tells of it
        return None
    for leaf in leaves:
        if type(leaf) not in _NUMBERS and not (type(leaf) is np.ndarray and leaf.dtype.kind == "f"):
            return None
    return Recording(operation, fun, args, kwargs, argnum, Once()) if leaves else None


def on_two_levels(
    record: Recording,
    fun: Callable[..., Any],
    argnum: Argnum,
    sweep: Callable[[Recording, list[Any]], Any],
    outer: Call,
) -> Callable[..., Any]:
    """A function that is recorded in place of the derivative of `fun`: it lifts the recording, and sweeps over that.

    Args:
        record: of `fun`, from `recorded_once`.
        fun: the function.
        argnum: the position of the argument that is differentiated, or positions.
        sweep: takes the inner recording and the outputs, on the inner tape.
        outer: how the result is recorded: the name of the operation, arguments, keyword arguments and `argnum`.
    """
    tape: Any = record.tape
    outs = [(record.position(out), out) for out in flatten(record.out)[0]]
    record.out = None

    def again() -> Tape:
        operation, args, kwargs, outer_argnum = outer
        other = recorded_again(record.operation, fun, args, kwargs, argnum, LinedOnce)
        derivative = on_two_levels(other, fun, argnum, sweep, outer)
        return recorded_again(operation, derivative, args, kwargs, outer_argnum).tape

    def derivative(*args: Any, **kwargs: Any) -> Any:
        leaves, _ = flatten(select(record.operation, args, argnum, fun))
        leaves[0].tape.retrace = again
        inner, values = lifted(tape, leaves)
        inner.retrace = lambda: recorded_again(record.operation, fun, args, kwargs, argnum).tape
        tape.flat, tape.values = [], values
        tape.serial = next(serials)  # beside a box of the outer tape, one of this tape is no constant
        tape.is_iteration = tape.detours = tape.is_open = True
        try:
            within = [Box(values[i], inner, i) if i >= 0 else out for i, out in outs]
            return sweep(Recording.on(inner, leaves, record.treedef, record.operation), within)
        finally:
            tape.is_iteration = tape.is_open = False
            tape.values = []
            leaves[0].tape.lost = leaves[0].tape.lost or tape.lost

    return derivative


def lifted(tape: Tape, leaves: Sequence[Box]) -> tuple[Tape, list[Any]]:
    """The inner tape of two, whose values are boxes of the outer one, on which everything is recorded as well.

    Args:
        tape: the recording.
        leaves: its leaves as boxes of the outer tape.

    Returns:
        The inner tape, and the value of each of its nodes.
    """
    outer, inner = leaves[0].tape, Tape()
    here = [*zip(tape.origins, tape.places)] if isinstance(tape, LinedTape) else None
    values: list[Any] = [*leaves]
    flat: list[Any] = []
    for i, (primitive, parents, args, ans, params) in enumerate(tape.nodes):
        if i < tape.leaves:
            flat += primitive, parents, args, leaves[i], params
            continue
        value: Any = outer.record(primitive, parents, args, ans, params)
        if here is not None:
            outer.came_from(i, here[i])
        if type(ans) is tuple:  # each of several results has a node of its own, the next ones
            value = tuple([Box(part, outer, i + 1 + k) for k, part in enumerate(ans)])
        values.append(value)
        args = tuple([values[parent] if parent >= 0 else arg for parent, arg in zip(parents, args)])
        flat += primitive, parents, args, value, params
    inner.leaves, inner.flat, inner.captured = tape.leaves, flat, tape.captured
    inner.is_open = False
    outer.captured |= tape.captured
    if tape.memo is not None:  # the function has derivatives within
        outer.memo, outer.detours = {}, True
    return inner, values
