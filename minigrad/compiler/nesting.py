"""Loops within loops: where the body of a loop repeats, as the layers of a network do within the steps of time.

A body is first written for all passes of the inner loops, one after the other. The values that these passes make are
called by entries of lists (`h[0]`, `h[1]`, ...), or by one name if each is read only until the next is made. Lines
that then differ in nothing but indices, which go up or down, are one line of an inner loop: the text computes the same
in the same order.

What an inner pass gets from the pass before it, the first one gets from elsewhere. `with_handed_on` gives this a name
of its own, as a person does: `x = xs[t]` before the loop over the layers.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from minigrad.compiler.keeping import Kept, Plan, Slot
from minigrad.compiler.naming import Names
from minigrad.compiler.normal_form import Fresh, holes_of, identity, is_entry, is_view, like, refilled
from minigrad.compiler.passes import without_dead_code
from minigrad.compiler.render import SAME, given, handed_on
from minigrad.compiler.render import kept as kept_for_next
from minigrad.compiler.rolled import Expression, Line, RolledWriter, affine, code_lines, is_not, shortest
from minigrad.compiler.rolling import Lag, Leaf, Loop, Ref, Same, progression, stretches, tail_of
from minigrad.compiler.stage import Program, Step, Var, made_by, reads
from minigrad.compiler.traced import Traced

LONGEST = 5000  # steps of a program in which loops within loops are looked for
INDEX = re.compile(r"(?<=[\[ ])(\d+)(?=\])")  # an integer that ends an index


def inner_loops(steps: Sequence[Step], start: int, period: int) -> list[Loop]:
    """Where the steps of a body repeat, in order."""
    body = steps[start : start + period]
    tokens, found = stretches(body)
    numbers = tokens.tolist()
    loops = []
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
    for outer, loop in _nests(steps):
        for position, hole, maker in _handed_on(steps, by, loop):
            found = []
            for t in range(outer.passes):
                rows = _in_pass(outer, loop.steps_of(position), t)
                makers = _in_pass(outer, loop.steps_of(maker), t)
                if t == outer.whole and not rows and not makers:
                    continue  # the last pass ends before it
                value = holes_of(steps[rows[0]])[hole] if rows else None
                is_plain = type(value) is Var and all(type(steps[row].out) is Var for row in makers)
                if is_plain and makers:
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
                    put[makers[-1] + 1].append(Step(handed, kept_for_next, (new,), {}, False, steps[makers[-1]].origin))
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
    new: list[Step] = []
    for t, step in enumerate(steps):
        new += [*put.get(t, []), step]
    return program._replace(steps=[*new, *put.get(len(steps), [])], outputs=outputs), families


def _nests(steps: Sequence[Step]) -> list[tuple[Loop, Loop]]:
    """The loops, each with one that is within it."""
    tokens, found = stretches(steps)
    numbers = tokens.tolist()
    nests = []
    for start, period, length in sorted(found):
        whole = length // period
        outer = Loop(start, period, whole, tail_of(numbers, start, period, whole, len(steps)))
        nests += [(outer, inner) for inner in inner_loops(steps, start, period)]
    return nests


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


def _with_entries_first(program: Program) -> Program:
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


def _read_alike(program: Program, families: dict[int, Var]) -> Program:
    """Where one pass reads what the first pass was given, the others read what is handed on; and conversely."""
    steps = list(program.steps)
    after = {step.args[0].index: step.out for step in steps if step.function is handed_on}
    firsts = {step.out.index for step in steps if step.function is given}
    by = {step.out.index: step for step in steps if step.function in SAME}
    for outer, loop in _nests(steps):
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
                        if type(value) is Var and value.index in by and by[value.index].function is kept_for_next:
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


# ----- the text -------------------------------------------------------------------------------------------------------


class Inner(NamedTuple):
    """An inner loop of a loop, and how it counts."""

    loop: Loop
    variable: str
    first: int
    slope: int
    size: str


class NestedWriter(RolledWriter):
    """Writes one function with its loops, and with loops within these."""

    def __init__(self, traced: Traced, program: Program, parameters: Sequence[str], names: Names, plan: Plan) -> None:
        self.inner: dict[int, list[Inner]] = {}
        self.lengths: dict[str, int] = {}  #: of the lists that inner passes fill
        self.anew: set[str] = set()  #: those that each pass of the outer loop makes anew
        self.ascending: set[str] = set()  #: those that are filled from their beginning
        super().__init__(traced, program, parameters, names, plan)

    def prepared(self, program: Program) -> Program:
        """The program with what inner passes hand on."""
        program, self.families = with_handed_on(_with_entries_first(super().prepared(program)))
        return _read_alike(without_dead_code(program), self.families)

    def _name_values(self, wanted: dict[int, str]) -> None:
        """What is handed on has the name of the value."""
        super()._name_values(wanted)
        for step in self.program.steps:
            if step.function in SAME and type(step.args[0]) is Var:
                name = self.names.get(step.args[0].index)
                if name is None:
                    continue
                if self.uses[step.args[0].index] == 1 and step.args[0] not in self.program.inputs:
                    self.names[step.out.index] = self.names.pop(step.args[0].index)
                else:
                    self.names[step.out.index] = self.names_taken.new(name)

    def _spot(self, loop: Loop, position: int) -> tuple[Inner, int, int] | None:
        """The inner loop that a step of a pass belongs to, with position and pass in it."""
        for inner in self.inner.get(loop.start, ()):
            if inner.loop.covers(loop.start + position):
                return inner, *inner.loop.spot(loop.start + position)
        return None

    def _keep(self, loop: Loop) -> None:
        self.inner[loop.start] = []
        for inner in inner_loops(self.steps, loop.start, loop.period):
            if (inner.start, inner.period) not in self.plan.refused:
                self.inner[loop.start].append(Inner(inner, *self._counted(loop, inner)))
        super()._keep(loop)

    def _counted(self, loop: Loop, inner: Loop) -> tuple[str, int, int, str]:
        """The variable of an inner loop, its first value and slope, and the number of passes as a text."""
        votes: dict[tuple[int, int], int] = {}
        size = str(inner.passes)
        for position in range(inner.period):
            rows = inner.steps_of(position)
            columns = [self._numbers(loop, row) for row in rows]
            for entries in zip(*columns) if len(rows) > 1 else ():
                for path in entries[0]:
                    found = progression([each[path] for each in entries if path in each])
                    if found and abs(found[1]) == 1 and all(path in each for each in entries):
                        votes[found] = votes.get(found, 0) + 1
                        if self.parameter_sizes.get(path[0]) == inner.passes and str(path[0]).endswith("[{}]"):
                            size = self._size_of(inner.passes, path[0])
        first, slope = max(votes, key=lambda key: votes[key]) if votes else (0, 1)
        statement = self.steps[inner.start].origin.statement
        wanted = self._variable_above(statement)
        taken = self.names_taken.taken
        known = {each.variable for several in self.inner.values() for each in several}
        if wanted is None or (wanted in taken and wanted not in known):
            wanted = min(known) if known else self.names_taken.first_of("r", "k", "i", "j")
        taken.add(wanted)
        return wanted, first, slope, size

    def _numbers(self, loop: Loop, row: int) -> list[dict[Any, int]]:
        """For each hole of a step: the integers by which it may be told from those of other inner passes."""
        found: list[dict[Any, int]] = []
        for pattern in loop.patterns[row - loop.start]:
            numbers: dict[Any, int] = {}
            if type(pattern) is Same:
                value = pattern.value
                key = value.index if type(value) is Var else ("array", id(value))
                numbers |= {(path, "leaf"): k for path, k in self.leaf_table.get(key, ())}
            elif type(pattern) in (Ref, Lag):
                spot = self._spot(pattern.loop if type(pattern) is Ref else loop, pattern.position)
                if spot is not None:
                    inner, position, which_pass = spot
                    numbers[inner.loop.start, position, pattern.which] = inner.first + inner.slope * which_pass
            found.append(numbers)
        return found

    # ----- how the results of inner passes are kept -------------------------------------------------------------------

    def _only_reader(self, loop: Loop, position: int, variables: list[Var]) -> int | None:
        target = super()._only_reader(loop, position, variables)
        here = self._spot(loop, position)
        there = self._spot(loop, target) if target is not None else None
        if here is None or target is None:
            is_given = self.steps[loop.start + position].function is given
            return target if there is None or not is_given else None
        return target if there is not None and there[0] is here[0] and there[2] == here[2] else None

    def _take_out(self, loop: Loop, slot: Slot) -> None:
        here = self._spot(loop, slot[0])
        positions = [slot[0]]
        if here is not None:
            positions = [row - loop.start for row in here[0].loop.steps_of(here[1])]
        for position in positions:
            super()._take_out(loop, (position, slot[1]))

    def _name_slots(self, loop: Loop, kept: Kept, slots: dict[Slot, list[Var]]) -> None:
        """Results of inner passes are entries of lists, or have one name where each is read only until the next."""
        for inner in self.inner[loop.start]:
            for position in range(inner.loop.period):
                rows = [row - loop.start for row in inner.loop.steps_of(position)]
                for which in range(len(made_by(self.steps[loop.start + rows[0]]))):
                    same = [(row, which) for row in rows]
                    if all(slot in kept.inline for slot in same):
                        continue
                    for slot in same:
                        kept.inline.pop(slot, None)
                    self._name_alike(loop, kept, inner, same, slots)
        super()._name_slots(loop, kept, slots)

    def _name_alike(self, loop: Loop, kept: Kept, inner: Inner, same: list[Slot], slots: dict[Slot, list[Var]]) -> None:
        variables = [var for slot in same for var in slots[slot]]
        before = self._given_to_first(loop, same) if self._function(loop, same[0]) is handed_on else None
        after = self._kept_for_next(loop, same[-1])
        everything = [*([before] if before is not None else []), *same]
        in_lists = [slot in kept.lists for slot in everything]
        self.names_taken.release([self.names[var.index] for var in variables if var.index in self.names])
        wanted = self._wanted(loop, kept, same[-1], variables)
        with_next = [*everything, *([after] if after is not None else [])]
        if not any(in_lists) and after not in kept.lists and self._is_read_until_next(loop, with_next):
            name = self.names_taken.new(wanted)
            for slot in with_next:
                kept.names[slot] = name
                kept.inline.pop(slot, None)
            return
        if any(in_lists):
            kept.lists |= set(everything)
        if before is not None:
            kept.inline.pop(before, None)
        base = self.names_taken.new(wanted)
        low = min(inner.first, inner.first + inner.slope * (len(same) - 1))
        self.lengths[base] = len(everything)
        for k, slot in enumerate(everything):
            index = k if inner.slope == 1 or before is not None else inner.first + inner.slope * k - low
            kept.names[slot] = f"{base}[{index}]"
        if inner.slope == 1 or before is not None:
            self.ascending.add(base)
        if not any(slot in kept.lists or slot in loop.lags for slot in everything):
            self.anew.add(base)

    def _function(self, loop: Loop, slot: Slot) -> Any:
        return self.steps[loop.start + slot[0]].function

    def _given_to_first(self, loop: Loop, same: list[Slot]) -> Slot | None:
        """The step before an inner loop that gives its first pass what the others hand on."""
        first = self.families.get(made_by(self.steps[loop.start + same[0][0]])[0].index)
        t = self.where.get(first.index, (-1, 0))[0] if first is not None else -1
        return (loop.spot(t)[0], 0) if loop.covers(t) else None

    def _kept_for_next(self, loop: Loop, slot: Slot) -> Slot | None:
        """The step that keeps a result for the next pass of the outer loop."""
        var = made_by(self.steps[loop.start + slot[0]])[slot[1]]
        for t in self.readers.get(var.index, ()):
            if self.steps[t].function is kept_for_next and loop.covers(t):
                return loop.spot(t)[0], 0
        return None

    def _is_read_until_next(self, loop: Loop, slots: list[Slot]) -> bool:
        """Whether each of these results is read only before the next one is made, or by what makes it."""
        position_of = [slot[0] for slot in slots]
        for j, (position, which) in enumerate(slots):
            stop = position_of[j + 1] if j + 1 < len(slots) else loop.period
            for t in loop.steps_of(position):
                var = made_by(self.steps[t])[which]
                turn = loop.spot(t)[1]
                for reader in self.readers.get(var.index, ()):
                    if not loop.covers(reader):
                        if j + 1 < len(slots) or turn + 1 < loop.passes:
                            return False
                        continue
                    at, when = loop.spot(reader)
                    is_last = j + 1 == len(slots)
                    if when == turn and position < at <= stop:
                        continue
                    if when == turn + 1 and is_last and at <= position_of[0]:
                        continue
                    return False
        return True

    # ----- lines ------------------------------------------------------------------------------------------------------

    def _variable(self, loop: Loop) -> str:
        """The variable of an outer loop is that of a line outside of its inner loops."""
        inner = {each.variable for each in self.inner[loop.start]}
        for t in range(loop.start, loop.start + loop.period) if inner else ():
            if self._spot(loop, t - loop.start) is None:
                wanted = self._variable_above(self.steps[t].origin.statement)
                known = {each.variable for each in self.kept.values() if each.variable}
                if (
                    wanted is not None
                    and wanted not in inner
                    and (wanted in known or wanted not in self.names_taken.taken)
                ):
                    self.names_taken.taken.add(wanted)
                    return wanted
        found = super()._variable(loop) if not inner else ""
        known = {each.variable for each in self.kept.values() if each.variable} - inner
        return found or (min(known) if known else self.names_taken.first_of("t", "k", "i", "j", "s"))

    def _hole(self, loop: Loop, pattern: Any) -> Expression | None:
        if type(pattern) is Same and self._spot(loop, self.position) is not None:
            value = pattern.value
            key = value.index if type(value) is Var else ("array", id(value))
            for path, k in self.leaf_table.get(key, ()):
                base, end = self.list_of(path), path.rpartition("[{}]")[2].replace("'", '"')
                self._note_group(Leaf(path, k, 0), loop)
                return Expression(f"{base}[{k}]{end}")
        return super()._hole(loop, pattern)

    def _body(self, loop: Loop, lines: list[Line]) -> list[str]:
        """The lines of a pass, those of inner passes as loops."""
        body: list[str] = []
        k = 0
        heading = None
        while k < len(lines):
            spot = self._spot(loop, lines[k].position)
            within = spot[0] if spot is not None else None
            stop = k + 1
            while stop < len(lines):
                other = self._spot(loop, lines[stop].position)
                if (other[0] if other is not None else None) is not within:
                    break
                stop += 1
            if spot is None:
                more, heading = self._block(lines[k:stop], heading)
                body += more
            else:
                more, heading = self._inner_block(loop, spot[0], lines[k:stop], heading)
                body += more
            k = stop
        return body

    def _inner_block(
        self, loop: Loop, inner: Inner, lines: list[Line], heading: str | None
    ) -> tuple[list[str], str | None]:
        """The lines of an inner loop, and the last heading."""
        by_pass: list[dict[tuple[int, int], Line]] = [{} for _ in range(inner.loop.passes)]
        for line in lines:
            position, which_pass = inner.loop.spot(loop.start + line.position)
            number = sum(key[0] == position for key in by_pass[which_pass])
            by_pass[which_pass][position, number] = line
        values = [inner.first + inner.slope * j for j in range(inner.loop.passes)]
        body: list[Line] = []
        for key in sorted(by_pass[0]):
            same = [each[key] for each in by_pass if key in each]
            is_cut = len(same) == inner.loop.passes - 1 and inner.loop.is_left_out(key[0])
            text = self._one(inner, [line.text for line in same], values)
            is_whole = len(same) == inner.loop.passes or is_cut
            if text is None or not is_whole or len({line.cut for line in same}) > 1:
                raise self.refuse(inner.loop)
            cuts = [same[0].cut, is_not(inner.variable, values[-1]) if is_cut else ""]
            body.append(same[0]._replace(text=text, cut=" and ".join(filter(None, cuts))))
        low, high = sorted((values[0], values[-1]))
        span = f"range({inner.size})" if low == 0 else f"range({low}, {high + 1})"
        head = f"for {inner.variable} in {span if inner.slope == 1 else f'reversed({span})'}:"
        if not any(re.search(rf"\b{inner.variable}\b", line.text.partition("  #")[0]) or line.cut for line in body):
            head = f"for _ in range({inner.size}):"
        inside, heading = self._block(body, heading)
        fresh = self._made_in_body(loop, inner)
        return [*fresh, head, *[f"    {line}" for line in inside]], heading

    def _is_anew(self, loop: Loop, slot: Slot) -> bool:
        """Whether a result is an entry of a list that each pass of the outer loop makes anew."""
        base, _, index = self.kept[loop.start].names.get(slot, "").partition("[")
        return bool(index) and base in self.anew

    def _assigned(self, loop: Loop, slots: list[Slot], right: str) -> list[str]:
        lines = super()._assigned(loop, slots, right)
        if right == self.kept[loop.start].names[slots[0]]:
            return []
        base, _, index = self.kept[loop.start].names[slots[0]].partition("[")
        if len(slots) > 1 or base not in self.ascending or not self._is_anew(loop, slots[0]):
            return lines
        comment = lines[0][len(f"{base}[{index} = {right}") :]
        is_first = self._function(loop, slots[0]) is given
        return [(f"{base} = [{right}]" if is_first else f"{base}.append({right})") + comment]

    def _made_in_body(self, loop: Loop, inner: Inner) -> list[str]:
        """The lists that are filled in each pass of the outer loop anew."""
        kept = self.kept[loop.start]
        lines = []
        for position in range(inner.loop.period):
            row = inner.loop.steps_of(position)[0]
            for which in range(len(made_by(self.steps[row]))):
                slot = row - loop.start, which
                if self._is_anew(loop, slot) and self._function(loop, slot) is not handed_on:
                    base = kept.names[slot].partition("[")[0]
                    lines.append(f"{base} = {'[]' if base in self.ascending else f'[None] * {self.lengths[base]}'}")
        return lines

    def _one(self, inner: Inner, texts: list[str], values: list[int]) -> str | None:
        """The text of all passes, with the integers that differ in terms of the variable; None if there is none."""
        code = [text.partition("  # ") for text in texts]
        comment = "  # " + code[0][2] if code[0][2] and len({each[2] for each in code}) == 1 else ""
        parts = [INDEX.split(each[0]) for each in code]
        if len({tuple(part[::2]) for part in parts}) != 1:
            return None
        found = parts[0][:1]
        for k in range(1, len(parts[0]), 2):
            numbers = [int(part[k]) for part in parts]
            if len(set(numbers)) == 1:
                found.append(str(numbers[0]))
            else:
                line = progression(numbers)
                if line is None or line[1] % inner.slope:
                    return None
                factor = line[1] // inner.slope
                found.append(affine(inner.variable, factor, line[0] - factor * values[0]).text)
            found.append(parts[0][k + 1])
        return "".join(found) + comment

    def _initial(self, loop: Loop) -> list[tuple[str, str]]:
        """Lists of inner passes begin with an entry for each."""
        pairs: list[tuple[str, str]] = []
        entries: dict[str, dict[int, str]] = {}
        for name, text in super()._initial(loop):
            base, _, rest = name.partition("[")
            if rest:
                entries.setdefault(base, {})[int(rest[:-1])] = text
            else:
                pairs.append((name, text))
        for base, found in entries.items():
            texts = [found.get(k, "None") for k in range(self.lengths[base])]
            if len(set(texts)) > 1:
                pairs.append((base, f"[{', '.join(texts)}]"))
            elif texts[0].startswith("["):
                pairs.append((base, f"[{texts[0]} for _ in range({self._size(len(texts))})]"))
            else:
                pairs.append((base, f"[{texts[0]}] * {self._size(len(texts))}"))
        return pairs

    def _size(self, n: int) -> str:
        return self.sizes.get(n) or (f"{self.sizes[n - 1]} + 1" if n - 1 in self.sizes else str(n))

    def _entries(self, values: list[Any]) -> list[str]:
        """The entries of a list: all those that inner passes made, in order, are their list."""
        entries = super()._entries(values)
        base = entries[0].partition("[")[0] if entries else ""
        if self.lengths.get(base) == len(entries) and entries == [f"{base}[{k}]" for k in range(len(entries))]:
            return [f"*{base}"]
        return entries


def nested(traced: Traced, program: Program, parameters: Sequence[str], names: Names) -> tuple[RolledWriter, list[str]]:
    """A writer with the loops, and the loops within loops, that can be written, and its lines."""
    flat = shortest(RolledWriter, traced, program, parameters, names)
    if len(program.steps) > LONGEST or not _nests(flat[0].steps):
        return flat
    within = shortest(NestedWriter, traced, program, parameters, names)
    return min(within, flat, key=lambda each: code_lines(each[1]))
