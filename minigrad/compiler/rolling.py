"""Loops found again in a flat program: where the steps repeat, and what changes from one pass to the next.

A trace unrolls every loop. Two steps are *alike* if they call the same function at the same line of the user's program.
What they are given (variables, arrays, numbers within an index) are the *holes* of the step. Where the steps from `t`
on are alike those from `t + p` on, there may be a loop of period `p`. It is one if every hole can be said by a rule
over the passes: the result of a step of this pass or of an earlier one (`Lag`), the same value in all passes (`Same`),
the entry of a list that is an argument (`Leaf`), an integer that goes up or down (`Number`), or what an earlier loop
made in one of its passes (`Ref`). This is anti-unification: the most specific pattern of which all passes are instances
(G. Plotkin, "A note on inductive generalization", Machine Intelligence 5, 1970).

Shapes are no part of a step's likeness: the layers of a network may differ in width.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.normal_form import holes_of, identity, is_view, likeness
from minigrad.compiler.program import Program, Step, Var, made_by, reads

# ----- what a hole holds over the passes ------------------------------------------------------------------------------


class Same(NamedTuple):
    """The same value in all passes."""

    value: Any


class Lag(NamedTuple):
    """Result `which` of step `position`, of this pass (distance 0) or of an earlier one."""

    position: int
    which: int
    distance: int


class Leaf(NamedTuple):
    """An entry of a list among the arguments: `path` with the integer first + slope * pass in it."""

    path: str
    first: int
    slope: int


class Number(NamedTuple):
    """An integer of an index: first + slope * pass."""

    first: int
    slope: int


class Ref(NamedTuple):
    """What an earlier loop made, in its pass first + slope * pass; passes -1, -2 are what it started from."""

    loop: Loop
    position: int
    which: int
    first: int
    slope: int


class Table(NamedTuple):
    """Numbers, one for each pass."""

    values: tuple[Any, ...]


class Loop:
    """Steps that repeat with a period from `start` on; the last pass may leave some of them out.

    `tail` gives, for the positions that the last pass has, the number of the step; it is empty if all passes are whole.
    """

    def __init__(self, start: int, period: int, whole: int, tail: Sequence[int] = ()) -> None:
        self.start, self.period, self.whole = start, period, whole
        self.count = whole * period + len(tail)
        self.passes = whole + bool(tail)
        self.tail = {position: start + whole * period + k for k, position in enumerate(tail)}
        self._positions = dict(zip(self.tail.values(), self.tail))
        self.patterns: list[list[Any]] = []  #: for each step of a pass, what its holes hold
        self.initial: dict[tuple[int, int], list[Any]] = {}  #: what a lagged result was before the first pass
        self.lags: dict[tuple[int, int], int] = {}  #: how far back it is read

    def is_left_out(self, position: int) -> bool:
        """Whether the last pass does without a step."""
        return bool(self.tail) and position not in self.tail

    def steps_of(self, position: int) -> list[int]:
        """The numbers of a step in all passes that have it."""
        steps = list(range(self.start + position, self.start + self.whole * self.period, self.period))
        return [*steps, self.tail[position]] if position in self.tail else steps

    def covers(self, step: int) -> bool:
        """Whether a step of the program is in this loop."""
        return self.start <= step < self.start + self.count

    def spot(self, step: int) -> tuple[int, int]:
        """Position and pass of a step of the program."""
        if step in self._positions:
            return self._positions[step], self.whole
        return (step - self.start) % self.period, (step - self.start) // self.period

    def pass_of(self, position: int, which: int, value: Any, where: dict[int, tuple[int, int]]) -> int | None:
        """The pass in which this result was that value; negative for what the loop started from, None if never."""
        if type(value) is Var:
            step, result = where.get(value.index, (-1, -1))
            if self.covers(step) and self.spot(step)[0] == position and result == which:
                return self.spot(step)[1]
        before = [identity(each) for each in self.initial.get((position, which), ())]
        return before.index(identity(value)) - len(before) if identity(value) in before else None


def progression(numbers: Sequence[int]) -> tuple[int, int] | None:
    """First and slope of an arithmetic progression."""
    slopes = {b - a for a, b in itertools.pairwise(numbers)}
    return (numbers[0], slopes.pop() if slopes else 0) if len(slopes) <= 1 else None


def stretches(steps: Sequence[Step]) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """A number for each step, equal for those that are alike, and the stretches that repeat: start, period, length.

    The longest stretches come first; they do not overlap.
    """
    ids: dict[Any, int] = {}
    tokens = np.array([ids.setdefault(likeness(step), len(ids)) for step in steps])
    n = len(tokens)
    candidates = []
    for period in range(1, min(n // 2, 20_000_000 // max(n, 1)) + 1):
        equal = np.concatenate([[0], (tokens[:-period] == tokens[period:]).view(np.int8), [0]])
        edges = np.flatnonzero(np.diff(equal))
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist()):
            if b - a >= max(1, (period + 1) // 2):
                candidates.append((b - a, period, a))
    found = []
    taken = np.zeros(n, bool)
    for length, period, start in sorted(candidates, key=lambda each: (-each[0], each[1])):
        if not taken[start : start + length + period].any():
            taken[start : start + length + period] = True
            found.append((start, period, length + period))
    return tokens, found


def tail_of(tokens: Sequence[int], start: int, period: int, whole: int, stop: int) -> list[int]:
    """The positions of the steps after the whole passes, as far as they are those of one more."""
    found: list[int] = []
    step, position = start + whole * period, 0
    while step < stop and position < period:
        if tokens[step] == tokens[start + position]:
            found.append(position)
            step += 1
        position += 1
    return found if len(found) < period else []


class Finder:
    """Finds the loops of one program.

    Args:
        program: in normal form.
        leaves: how inputs are reached within lists, by the index of the variable or the `id` of a captured array: pairs
            of a path with `{}` in the place of an integer, and that integer.
        refused: loops (start and period) that could not be written.
        is_table: whether there is a way to write numbers that differ from pass to pass.
    """

    def __init__(
        self,
        program: Program,
        leaves: dict[Any, list[tuple[str, int]]],
        refused: Collection[tuple[int, int]] = (),
        is_table: Callable[[Sequence[Any]], bool] = lambda _: False,
    ) -> None:
        self.steps, self.leaves, self.refused, self.is_table = program.steps, leaves, refused, is_table
        self.holes = [holes_of(step) for step in self.steps]
        self.where = {
            var.index: (t, which) for t, step in enumerate(self.steps) for which, var in enumerate(made_by(step))
        }
        self.readers: dict[int, list[int]] = {}
        for t, step in enumerate(self.steps):
            for var in reads(step):
                self.readers.setdefault(var.index, []).append(t)
        self.found: list[Loop] = []

    def loops(self) -> list[Loop]:
        """The loops, in the order of the program; they do not overlap."""
        tokens, found = stretches(self.steps)
        self.numbers = tokens.tolist()
        for start, period, count in sorted(found):
            begin = max(start, self.found[-1].start + self.found[-1].count if self.found else 0)
            offsets = range(min(2 * period, start + count - begin - period))
            at_lines = [offset for offset in offsets if offset == 0 or self._begins_a_line(begin + offset)]
            best = self._best(at_lines, begin, start, period, count) or self._best(offsets, begin, start, period, count)
            if best is not None:
                self.found.append(best)
        return self.found

    def _best(self, offsets: Sequence[int], begin: int, start: int, period: int, count: int) -> Loop | None:
        """The loop with the fewest lines that begins at one of these offsets; None if none pays."""
        best: tuple[int, Loop] | None = None
        for offset in offsets:
            loop = self._longest(begin + offset, period, start + count - begin - offset)
            if loop is not None and (best is None or self._lines(loop, start, count) < best[0]):
                best = self._lines(loop, start, count), loop
        return best[1] if best is not None and self._pays(best[1]) else None

    def _longest(self, start: int, period: int, count: int) -> Loop | None:
        """The longest loop from here on in which every hole can be said."""
        if (start, period) in self.refused:
            return None
        for whole in range(count // period, 0, -1):
            tail = tail_of(self.numbers, start, period, whole, len(self.steps))
            prefix = [position for k, position in enumerate(tail) if k == position]
            for positions in dict.fromkeys([tuple(tail), tuple(prefix), ()]):
                loop = Loop(start, period, whole, positions)
                if loop.passes > 1 and self._is_said(loop):
                    return loop
        return None

    def _begins_a_line(self, step: int) -> bool:
        return step == 0 or self.steps[step].origin.run != self.steps[step - 1].origin.run

    def _lines(self, loop: Loop, start: int, count: int) -> int:
        """About how many lines a person would have to read, with this loop and what is left beside it."""
        beside = count - loop.count
        left_out = [
            loop.is_left_out(position) and not self._is_within(loop, position) for position in range(loop.period)
        ]
        guards = sum(now and not before for before, now in zip([False, *left_out], left_out))
        begins_late = 0 if self._begins_a_line(loop.start) else 4
        return loop.period + beside + 4 * len(loop.lags) + sum(left_out) + guards + begins_late

    def _is_within(self, loop: Loop, position: int) -> bool:
        """Whether a step that the last pass leaves out is written within another one that it leaves out."""
        made = made_by(self.steps[loop.start + position])
        readers = self.readers.get(made[0].index, []) if len(made) == 1 else []
        return len(readers) == 1 and loop.covers(readers[0]) and loop.is_left_out(loop.spot(readers[0])[0])

    def _pays(self, loop: Loop) -> bool:
        later = self.steps[loop.start + loop.period : loop.start + loop.count]
        enough = loop.whole >= 2
        is_almost = loop.count >= 1.6 * loop.period and self._begins_a_line(loop.start)
        return sum(not is_view(step) for step in later) >= 3 and (enough or is_almost)

    def _is_said(self, loop: Loop) -> bool:
        """Say what each hole holds; false if that is not possible."""
        for position in range(loop.period):
            steps = loop.steps_of(position)
            patterns = []
            for hole in range(len(self.holes[steps[0]])):
                pattern = self._said(loop, [self.holes[t][hole] for t in steps])
                if pattern is None:
                    return False
                if type(pattern) is Lag and pattern.distance:
                    key = pattern.position, pattern.which
                    before = [self.holes[t][hole] for t in steps[: pattern.distance]]
                    known = loop.initial.setdefault(key, before)
                    if loop.lags.setdefault(key, pattern.distance) != pattern.distance:
                        return False
                    if list(map(identity, known)) != list(map(identity, before)):
                        return False
                patterns.append(pattern)
            loop.patterns.append(patterns)
        return True

    def _said(self, loop: Loop, values: list[Any]) -> Any:
        first = values[0]
        keys = list(map(identity, values))
        if all(type(value) in (int, float) or isinstance(value, np.generic) for value in values):
            if len(set(keys)) == 1:
                return Same(first)
            if all(type(value) is int for value in values):
                found = progression(values)
                return Number(*found) if found else None
            return Table(tuple(values)) if self.is_table(values) else None
        lag = self._lag(loop, values)
        if lag is not None:
            return lag
        if any(type(v) is Var and loop.covers(self.where.get(v.index, (-1, 0))[0]) for v in values):
            return None
        if len(set(keys)) == 1 and len(values) > 1:
            return Same(first)
        return self._leaf(loop, values) or self._ref(values) or (Same(first) if len(values) == 1 else None)

    def _lag(self, loop: Loop, values: list[Any]) -> Lag | None:
        """The result of the same step, in this pass or up to two before."""
        spots = [self.where.get(value.index) if type(value) is Var else None for value in values]
        inside = [spot if spot is not None and loop.covers(spot[0]) else None for spot in spots]
        for distance in range(min(len(values), 3)):
            made = inside[distance:]
            if not made or any(spot is None for spot in made) or any(inside[:distance]):
                continue
            found = set()
            for j, spot in enumerate(made):
                assert spot is not None
                position, which_pass = loop.spot(spot[0])
                found.add((position, spot[1], which_pass - j))
            if len(found) == 1 and next(iter(found))[2] == 0:
                position, which, _ = found.pop()
                return Lag(position, which, distance)
        return None

    def _leaf(self, loop: Loop, values: list[Any]) -> Leaf | None:
        """An entry of one list, with an index that goes up or down."""
        paths: list[dict[str, int]] = []
        for value in values:
            key = value.index if type(value) is Var else ("array", id(value))
            if key not in self.leaves:
                return None
            paths.append(dict(self.leaves[key]))
        for path in paths[0]:
            if all(path in each for each in paths):
                found = progression([each[path] for each in paths])
                if found is None or (len(values) > 1 and found[1] == 0):
                    continue
                if len(values) == 1:  # seen once: as the others
                    slopes = {p.slope for ps in loop.patterns for p in ps if type(p) is Leaf}
                    found = found[0], slopes.pop() if len(slopes) == 1 else 0
                return Leaf(path, *found)
        return None

    def _ref(self, values: list[Any]) -> Ref | None:
        """A result of an earlier loop."""
        for other in self.found:
            spots = [self.where.get(value.index) if type(value) is Var else None for value in values]
            keys = {(other.spot(t)[0], which) for t, which in filter(None, spots) if other.covers(t)}
            for position, which in keys:
                passes = [other.pass_of(position, which, value, self.where) for value in values]
                if all(each is not None for each in passes):
                    found = progression([each for each in passes if each is not None])
                    if found:
                        return Ref(other, position, which, *found)
        return None
