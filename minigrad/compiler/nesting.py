"""Loops within loops: where the body of a loop repeats, as the layers of a network do within the steps of time.

A body is first written for all passes of the inner loops, one after the other. The values that these passes make are
called by entries of lists (`h[0]`, `h[1]`, ...), or by one name if each is read only until the next is made. Lines
that then differ in nothing but indices, which go up or down, are one line of an inner loop: the text computes the same
in the same order. `inner` finds these loops.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from minigrad.compiler.inner import inner_loops, nests, read_alike, with_entries_first, with_handed_on
from minigrad.compiler.keeping import Kept, NewPlanError, Plan, Slot
from minigrad.compiler.naming import Names
from minigrad.compiler.passes import without_dead_code
from minigrad.compiler.program import Program, Var, made_by
from minigrad.compiler.render import SAME, given, handed_on
from minigrad.compiler.render import kept as kept_for_next
from minigrad.compiler.rolled import Expression, Line, RolledWriter, affine, code_lines, is_not, shortest
from minigrad.compiler.rolling import Lag, Leaf, Loop, Ref, Same, progression
from minigrad.compiler.traced import Traced

LONGEST = 5000  # steps of a program in which loops within loops are looked for
INDEX = re.compile(r"(?<=[\[ ])(\d+)(?=\])")  # an integer that ends an index


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
        program = super().prepared(program)
        key = "families", frozenset(self.plan.needless)
        if key not in self.plan.known:
            whole, families = with_handed_on(with_entries_first(program))
            self.plan.known[key] = read_alike(without_dead_code(whole), families), families
        program, self.families = self.plan.known[key]
        return program

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
            if (inner.start, inner.period) not in self.plan.refused_within:
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
            if j + 2 == len(slots) and self._function(loop, slots[-1]) is kept_for_next:
                stop = loop.period  # it is the same value under the same name
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

    def _indent(self, loop: Loop, position: int) -> int:
        spot = self._spot(loop, position)
        return 0 if spot is None else 8 if spot[0].loop.is_left_out(spot[1]) else 4

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
                self.plan.refused_within.add((inner.loop.start, inner.loop.period))
                raise NewPlanError
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
    if len(program.steps) > LONGEST or not nests(with_entries_first(flat[0].program).steps):
        return flat
    within = shortest(NestedWriter, traced, program, parameters, names)
    inner = sum(map(len, within[0].inner.values())) if isinstance(within[0], NestedWriter) else 0
    within[0].count += inner
    return within if inner and code_lines(within[1]) <= code_lines(flat[1]) + 1 else flat
