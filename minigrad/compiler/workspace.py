"""Arrays that the calls of a program use one after the other, where each call would make new ones.

A call takes a workspace, which is all of these arrays, from a list of the program's, and puts it back in the end. Where
the list is empty it makes one: another thread has taken the last, or this call is within another one, by a finalizer or
a signal. What may be returned never lies in a workspace, nor does what a user's function is given, which could keep it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.canonical import Reduction
from minigrad.compiler.columns import product_plus_column
from minigrad.compiler.memory import NOBODY, last_reads, only_reads, works_by_entry
from minigrad.compiler.program import Program, Step, Var, reads
from minigrad.compiler.rewriting import key_of

LARGE = 1 << 16  #: bytes of an array from which on it is made anew: time goes into its entries
MOST_BYTES = 1 << 20  #: of a workspace
FEWEST = 4  #: arrays for which a workspace is worth its handing out


class Workspace:
    """Which values of a program lie in a workspace, and in which of its arrays, while the steps are written."""

    def __init__(self) -> None:
        self.size = 0  #: its bytes
        self.parts: dict[str, str] = {}  #: the names of its arrays and of views of these, each with what makes it
        self.filled: list[str] = []  #: lines that write constants into it
        self.fit: set[int] = set()  #: values that may lie in it
        self.above_ones: set[int] = set()  #: those that are to have a row of ones below them
        self.last: dict[int, int] = {}
        self.free: dict[Any, list[str]] = {}  #: names of arrays that hold nothing, by what they are like
        self.holders: dict[int, tuple[Any, str]] = {}  #: what the array of each value is like, and its name
        self.ends: dict[int, list[int]] = {}  #: the values that are read last by a step
        self.whole: dict[str, str] = {}  #: the array with a row of ones below, by that without
        self.columns: dict[tuple[int, ...], str] = {}  #: matrices with a column, and values with a row of ones
        self.views: dict[tuple[str, str], str] = {}

    def plan(
        self, program: Program, root: dict[int, frozenset[int]], in_place: dict[int, Var], ordered: set[int]
    ) -> None:
        """Find what may lie here: what takes the memory of another value `in_place` counts as that."""
        self.last = last_reads(program, root)
        follows = {var.index: program.steps[position].out.index for position, var in in_place.items()}
        shown: set[int] = set()  # those whose memory is returned, or given to functions of which little is known
        products: set[int] = set()
        for step in program.steps:
            if not only_reads(step):
                shown.update(*[root.get(var.index, NOBODY) for var in reads(step)])
            elif step.function is product_plus_column and type(step.args[1]) is Var:
                products.add(step.args[1].index)
        shown.update(*[root.get(output.index, NOBODY) for output in program.outputs if type(output) is Var])
        for step in reversed(program.steps):
            out = step.out
            if type(out) is not Var or out.kind != "array":
                continue
            after = follows.get(out.index)
            if after in shown:
                shown.add(out.index)
            if out.index in products or after in self.above_ones:
                self.above_ones.add(out.index)
            is_apart = root.get(out.index) == {out.index} and out.index not in shown
            if is_apart and out.index in ordered and takes_place(step) and out.dtype.kind in "fciub":
                self.fit.add(out.index)
        if len(self.fit.difference(follows.values())) < FEWEST:
            self.fit.clear()

    def place(self, step: Step, position: int) -> str:
        """The name of an array for the result of the step at a position, or nothing."""
        out = step.out
        if type(out) is not Var or out.index not in self.fit:
            return ""
        has_ones = out.index in self.above_ones
        like = out.shape, out.dtype, has_ones
        if self.free.get(like):
            name = self.free[like].pop()
        elif has_ones:
            name = self.above(out.shape, out.dtype)
        else:
            name = self.made(out.shape, out.dtype)
        if name:
            self._hold(out, (like, name), position)
        return name

    def hand_on(self, var: Var, out: Var, position: int) -> bool:
        """Whether the memory of an operand, which the result of a step was written over, is of this workspace."""
        if var.index not in self.holders:
            return False
        self._hold(out, self.holders.pop(var.index), position)
        return True

    def _hold(self, out: Var, place: tuple[Any, str], position: int) -> None:
        self.holders[out.index] = place
        self.ends.setdefault(max(self.last.get(out.index, 0), position), []).append(out.index)

    def release(self, position: int) -> None:
        """Arrays whose values were read last by this step are free again."""
        for index in self.ends.pop(position, ()):
            if index in self.holders:
                like, name = self.holders.pop(index)
                self.free.setdefault(like, []).append(name)

    def made(self, shape: tuple[int, ...], dtype: Any, function: str = "empty") -> str:
        """The name of one more array; nothing where it is large, or the workspace would be."""
        size = dtype.itemsize * int(np.prod(shape))
        if size > LARGE or self.size + size > MOST_BYTES:
            return ""
        self.size += size
        return self.named(f"{function}({shape}, {dtype.str!r})")

    def above(self, shape: tuple[int, ...], dtype: Any) -> str:
        """The name of one more matrix that has a row of ones below it."""
        whole = self.made((shape[0] + 1, shape[1]), dtype, "ones")
        if not whole:
            return ""
        name = self.view(whole, "[:-1]")
        self.whole[name] = whole
        return name

    def named(self, text: str) -> str:
        """The name of a part of the workspace, which this expression makes."""
        name = f"w{len(self.parts)}"
        self.parts[name] = text
        return name

    def view(self, name: str, way: str) -> str:
        """The name of a view of an array, which is made with the workspace."""
        if (name, way) not in self.views:
            self.views[name, way] = self.named(name + way)
        return self.views[name, way]

    def product(self, step: Step, value: Callable[[Any], str]) -> tuple[list[str], str]:
        """Lines that put a column beside a matrix and ones below another, and their product; "" where is no room.

        Args:
            step: a `product_plus_column`.
            value: the text of an operand.
        """
        matrix, x, column = step.args
        lines: list[str] = []
        name = value(x)
        if name not in self.whole:
            above = self.columns.get((key_of(x),)) or self.above(x.shape, x.dtype)
            if above and (key_of(x),) not in self.columns:
                (lines if type(x) is Var else self.filled).append(f"{above}[...] = {name}")
                self.columns[key_of(x),] = above
            name = above
        key = key_of(matrix), key_of(column)
        wide = self.columns.get(key) or self.made((matrix.shape[0], matrix.shape[1] + 1), matrix.dtype)
        if not (name and wide):
            return lines, ""
        if key not in self.columns:
            for part, way in ((matrix, "[:, :-1]"), (column, "[:, -1:]")):
                place = self.view(wide, way)
                (lines if type(part) is Var else self.filled).append(f"{place}[...] = {value(part)}")
            self.columns[key] = wide
        return lines, f"{wide}.dot({self.whole[name]}"

    def around(self, body: list[str]) -> list[str]:
        """The lines of a function that computes in a workspace, given those that return or raise."""
        names = f"{', '.join(self.parts)},"
        return [
            f"try: {names} = space = take()",
            f"except IndexError: {names} = space = make()",
            "try:",
            *[f"    {line}" for line in body],
            "finally: give(space)",
        ]

    def text(self) -> str:
        """The function that makes a workspace."""
        lines = [f"{name} = {text}" for name, text in self.parts.items()]
        return "\n    ".join(["def make():", *lines, *self.filled, f"return {', '.join(self.parts)},"])


def takes_place(step: Step) -> bool:
    """Whether a step can write its result into an array that it is given, with the same bits."""
    function, out = step.function, step.out
    if step.kwargs:
        return False
    if type(function) is Reduction:
        return step.args[1] != () and step.args[0].dtype == out.dtype and out.dtype.kind == "f"
    return works_by_entry(function) or function is product_plus_column or function is operator.matmul
