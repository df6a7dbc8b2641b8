"""Loops within the body of a loop, and what their passes hand on.

What an inner pass gets from the pass before it, the first one gets from elsewhere. `with_handed_on` gives this a name
of its own, as a person does: `x = xs[t]` before the loop over the layers, and in it `x = np.tanh(W[r] @ x)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minigrad.compiler.normal_form import holes_of, identity, is_entry, is_view, refilled
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.render import SAME, given, handed_on, kept
from minigrad.compiler.rewriting import Fresh, like
from minigrad.compiler.rolling import Loop, stretches, tail_of


def inner_loops(steps: Sequence[Step], start: int, period: int) -> list[Loop]:
    """Where the steps of a body repeat, in order."""
    body = steps[start : start + period]
    tokens, found = stretches(body)
    numbers = tokens.tolist()
    loops: list[Loop] = []
    for begin, inner, length in sorted(found):
        whole = length // inner
        tail = tail_of(numbers, begin, inner, whole, period)
        loop = Loop(start + begin, inner, whole, tail)
        work = [step for step in body[begin : begin + inner] if not is_view(step) and not is_entry(step)]
        is_almost = loop.whole > 1 or 4 * len(tail) >= 3 * inner
        is_free = not loops or loops[-1].start + loops[-1].count <= loop.start
        if is_almost and loop.passes > 1 and len(work) > 1 and is_free:
            loops.append(loop)
    return loops


# ----- what is handed on from pass to pass ----------------------------------------------------------------------------


def with_handed_on(program: Program) -> tuple[Program, dict[int, Var]]:
    """What one inner pass hands on to the next one is a value of its own, also what the first pass is given.

    Returns:
        The program, and for each value that is handed on what the first of these passes was given.
    """
    families: dict[int, Var] = {}
    steps, fresh = list(program.steps), Fresh(program)
    by = {var.index: (t, which) for t, step in enumerate(steps) for which, var in enumerate(made_by(step))}
    outputs = list(program.outputs)
    put: dict[int, list[Step]] = {}
    for outer, loop in nests(steps):
        for position, hole, maker in _handed_on(steps, by, loop):
            found = []
            for t in range(outer.passes):
                rows = _in_pass(outer, loop.steps_of(position), t)
                makers = _in_pass(outer, loop.steps_of(maker), t)
                if t == outer.whole and not rows and not makers:
                    continue  # the last pass ends before it
                value = holes_of(steps[rows[0]])[hole] if rows else None
                if type(value) is Var and makers and all(type(steps[row].out) is Var for row in makers):
                    found.append((rows[0], makers, value))
            if len(found) < outer.whole:
                continue
            turns = {steps[made].out.index: outer.spot(made)[1] for _, makers, _ in found for made in makers}
            is_remembered = any(  # by the next pass of the outer loop, as what this one left
                outer.covers(t) and turns.get(var.index, outer.passes) < outer.spot(t)[1]
                for t, step in enumerate(steps)
                for var in reads(step)
            )
            lasts = [steps[makers[-1]].out for _, makers, _ in found]
            goes_on = len(found) > 1 and all(value is last for (_, _, value), last in zip(found[1:], lasts))
            is_remembered = is_remembered and not goes_on
            last: Any = None  # what the last inner pass handed on
            handed: Any = None  # what the pass before has kept
            for row, makers, value in found:
                original = value
                if goes_on and handed is not None:
                    value, original = handed, last
                first = like(value, fresh())
                begins = min(row, loop.start + row - loop.steps_of(position)[0])
                put.setdefault(begins, []).append(Step(first, given, (value,), {}, False, steps[row].origin))
                steps[row] = _with_hole(steps[row], hole, first)
                renamed = {}
                for made in makers:
                    var = steps[made].out
                    new = renamed[var.index] = like(var, fresh())
                    families[new.index] = first
                    step = Step(new, handed_on, (var,), {}, False, steps[made].origin)
                    put.setdefault(made + 1, []).append(step)
                last = new
                if goes_on:
                    handed = like(new, fresh())
                    put[makers[-1] + 1].append(Step(handed, kept, (new,), {}, False, steps[makers[-1]].origin))
                readers = [t for t in range(begins, len(steps)) if any(var.index in renamed for var in reads(steps[t]))]
                for t in readers:
                    if not is_remembered or (outer.covers(t) and outer.spot(t)[1] == outer.spot(row)[1]):
                        own = [renamed.get(v.index, v) if type(v) is Var else v for v in holes_of(steps[t])]
                        steps[t] = refilled(steps[t], own)
                turn = outer.spot(row)[1]
                own_pass = [t for t in range(begins, outer.start + outer.count) if outer.spot(t)[1] == turn]
                is_own = goes_on and original is not value  # what the pass before has left has its name there
                _read_it_as(steps, own_pass if is_own else range(begins, len(steps)), original, first)
                if not is_remembered:
                    outputs = [renamed.get(value.index, value) if type(value) is Var else value for value in outputs]
    whole: list[Step] = []
    for t, step in enumerate(steps):
        whole += [*put.get(t, []), step]
    return program._replace(steps=[*whole, *put.get(len(steps), [])], outputs=outputs), families


def nests(steps: Sequence[Step]) -> list[tuple[Loop, Loop]]:
    """The loops, each with one that is within it."""
    tokens, found = stretches(steps)
    numbers = tokens.tolist()
    found_within = []
    for start, period, length in sorted(found):
        whole = length // period
        outer = Loop(start, period, whole, tail_of(numbers, start, period, whole, len(steps)))
        found_within += [(outer, inner) for inner in inner_loops(steps, start, period)]
    return found_within


def _in_pass(outer: Loop, rows: Sequence[int], t: int) -> list[int]:
    """These steps of the first pass in another pass, as far as it has them."""
    if t < outer.whole:
        return [row + t * outer.period for row in rows]
    return [outer.tail[row - outer.start] for row in rows if row - outer.start in outer.tail]


def _handed_on(steps: Sequence[Step], by: dict[int, tuple[int, int]], loop: Loop) -> Iterator[tuple[int, int, int]]:
    """The holes of an inner pass that hold a result of the pass before, but in the first pass: with what makes it."""
    for position in range(loop.period):
        rows = loop.steps_of(position)
        if len(rows) < 2:
            continue
        columns = [holes_of(steps[row]) for row in rows]
        for hole in range(len(columns[0])):
            spots = [by.get(each[hole].index, (-1, 0)) if type(each[hole]) is Var else (-1, 0) for each in columns]
            later = [(loop.spot(t), j) for j, (t, _) in enumerate(spots) if j and loop.covers(t)]
            if len(later) == len(rows) - 1 and not loop.covers(spots[0][0]):
                makers = {(maker, which_pass - j) for (maker, which_pass), j in later}
                if len(makers) == 1 and next(iter(makers))[1] == -1:
                    yield position, hole, next(iter(makers))[0]


def with_entries_first(program: Program) -> Program:
    """Entries of captured arrays and arguments come first in their statement: one pass may read an entry more."""
    inputs = {var.index for var in program.inputs}
    new: list[Step] = []
    begins = 0
    for step in program.steps:
        if new and step.origin.run != new[-1].origin.run:
            begins = len(new)
        if is_entry(step) and (type(step.args[0]) is not Var or step.args[0].index in inputs):
            new.insert(begins, step)
        else:
            new.append(step)
    return program._replace(steps=new)


def read_alike(program: Program, families: dict[int, Var]) -> Program:
    """Where one pass reads what the first pass was given, the others read what is handed on; and conversely."""
    steps = list(program.steps)
    after = {step.args[0].index: step.out for step in steps if step.function is handed_on}
    firsts = {step.out.index for step in steps if step.function is given}
    by = {step.out.index: step for step in steps if step.function in SAME}
    for outer, loop in nests(steps):
        for position, t in itertools.product(range(loop.period), range(outer.passes)):
            rows = _in_pass(outer, loop.steps_of(position), t)
            columns = [holes_of(steps[row]) for row in rows]
            for hole in range(len(columns[0]) if len(rows) > 1 else 0):
                column = [each[hole].index if type(each[hole]) is Var else -1 for each in columns]
                for end, rest in ((0, column[1:]), (-1, column[:-1])):
                    if column[end] in firsts and all(index in after for index in rest):
                        for row, index in zip(rows, column):
                            if index in after:
                                steps[row] = _with_hole(steps[row], hole, after[index])
                    first = families.get(rest[0])
                    if first is not None and all(families.get(index) is first for index in rest):
                        value = by[first.index].args[0] if first.index in by else None
                        if type(value) is Var and value.index in by and by[value.index].function is kept:
                            value = by[value.index].args[0]
                        if type(value) is Var and value.index == column[end]:
                            steps[rows[end]] = _with_hole(steps[rows[end]], hole, first)
    return program._replace(steps=steps)


def _read_it_as(steps: list[Step], where: Iterable[int], value: Var, new: Var) -> None:
    """Whatever reads a value, or the same entry of an array, in these steps reads it under its new name."""
    made = next((step for step in steps if type(step.out) is Var and step.out.index == value.index), None)
    same = {value.index}
    if made is not None and is_entry(made):
        key = list(map(identity, made.args))
        same |= {step.out.index for step in steps if is_entry(step) and list(map(identity, step.args)) == key}
    for t in where:
        if any(var.index in same for var in reads(steps[t])):
            values = [new if type(v) is Var and v.index in same else v for v in holes_of(steps[t])]
            steps[t] = refilled(steps[t], values)


def _with_hole(step: Step, hole: int, value: Any) -> Step:
    values = holes_of(step)
    values[hole] = value
    return refilled(step, values)
