"""A program with its loops rolled up again, as text.

`rolling` finds the loops, `keeping` decides how their results are kept; here they are written. Every line is written
for every pass, with what its holes hold filled in: only if the texts are equal there is a loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.keeping import KeepingWriter, Kept, NewPlanError, Plan, Slot
from minigrad.compiler.layout import WIDTH, broken
from minigrad.compiler.naming import Names
from minigrad.compiler.normal_form import holes_of, refilled
from minigrad.compiler.program import Program, Step, Var, made_by
from minigrad.compiler.render import ATOM, SCATTER, Text
from minigrad.compiler.rewriting import like
from minigrad.compiler.rolling import Leaf, Loop, Number, Ref, Same, Table
from minigrad.compiler.traced import Traced
from minigrad.compiler.writer import container, heading_of
from minigrad.core.tree import LEAF, TreeDef

STATEMENTS = -1  #: instead of how tightly an expression binds, for lines that are statements already
SHORT = 12  # characters below which an expression gets no line of its own
MOST_WITHIN = 58  # characters of an expression that is written within another one


class Expression:
    """A text in the place of a number."""

    def __init__(self, text: str, binds: int = ATOM) -> None:
        self.text, self.binds = text, binds


def affine(name: str, factor: int, rest: int, size: str = "") -> Expression:
    """factor * name + rest; `size` is how the rest is written.

    >>> affine("r", 1, -1).text, affine("r", -1, 5).text, affine("t", 2, 0).text
    ('r - 1', '5 - r', '2 * t')
    """
    if factor == 0:
        return Expression(str(rest), ATOM if rest >= 0 else 8)
    if factor == -1 and rest:
        return Expression(f"{size or rest} - {name}", 6)
    text, binds = {1: (name, ATOM), -1: (f"-{name}", 8)}.get(factor, (f"{factor} * {name}", 7))
    return Expression(f"{text} {'+' if rest > 0 else '-'} {abs(rest)}", 6) if rest else Expression(text, binds)


class Line(NamedTuple):
    """A line of the body of a loop."""

    position: int  #: the step of a pass that it belongs to
    origin: Any
    cut: str  #: the condition under which it is left out in no pass, or nothing
    quiet: bool
    text: str


class RolledWriter(KeepingWriter):
    """Writes one function with its loops."""

    def refuse(self, loop: Loop) -> Exception:
        """The exception after which the text is written without a loop."""
        self.plan.refused.add((loop.start, loop.period))
        return NewPlanError()

    def affine(self, kept: Kept, loop: Loop, first: int, slope: int) -> Expression:
        """first + slope * pass, in terms of the loop variable."""
        factor = slope * kept.slope
        rest = first - factor * kept.first
        return affine(kept.variable, factor, rest, kept.size if rest == loop.passes else "")

    def _element(self, of: Loop, slot: Slot, first: int, slope: int, within: Loop) -> str:
        """The entry of a list for the pass first + slope * pass, seen from another loop or from the same one."""
        kept, here = self.kept[of.start], self.kept[within.start]
        if kept.slope == 1:
            index = self.affine(here, within, first + of.lags.get(slot, 0), slope)
        else:
            index = self.affine(here, within, of.passes - 1 - first, -slope)
        return f"{kept.names[slot]}[{index.text}]"

    def _hole(self, loop: Loop, pattern: Any) -> Expression | None:
        """The text of a hole; None for a value that is written as it is."""
        kept = self.kept[loop.start]
        kind = type(pattern)
        if kind is Same:
            return None
        if kind is Number:
            return self.affine(kept, loop, pattern.first, pattern.slope)
        if kind is Leaf:
            base, end = self.list_of(pattern.path), pattern.path.rpartition("[{}]")[2].replace("'", '"')
            self._note_group(pattern, loop)
            return Expression(f"{base}[{self.affine(kept, loop, pattern.first, pattern.slope).text}]{end}")
        if kind is Ref:
            slot = pattern.position, pattern.which
            return Expression(self._element(pattern.loop, slot, pattern.first, pattern.slope, loop))
        if kind is Table:
            return self._table(loop, pattern)
        slot = pattern.position, pattern.which
        if slot in kept.inline:
            text = kept.inline[slot]
            assert text is not None
            self.within.append((len(text[0]), slot))
            return Expression(*text)
        if slot in kept.lists:
            return Expression(self._element(loop, slot, -pattern.distance, 1, loop))
        return Expression(kept.names[slot])

    def _table(self, loop: Loop, pattern: Table) -> Expression:
        """Numbers by pass: the entries of a captured array or list, where there is one that holds them."""
        kept = self.kept[loop.start]
        index = self.affine(kept, loop, 0, 1)
        found = self.entries_of_array(pattern.values)
        if found is not None:
            array, first, slope = found
            return Expression(f"{self.constant(array)[0]}[{self.affine(kept, loop, first, slope).text}]")
        inside = ", ".join([self.renderer.value(value) for value in pattern.values])
        return Expression(f"[{inside}][{index.text}]")

    def _note_group(self, pattern: Leaf, loop: Loop) -> None:
        """A captured list, as an argument of the text."""
        captured = re.match(r"<(\w+)>\[\{\}\]", pattern.path)
        if captured:
            arrays = {k: array for (name, k), array in self._arrays_of_lists.items() if name == captured[1]}
            if sorted(arrays) != list(range(len(arrays))):
                raise self.refuse(loop)
            self.constants[captured[1]] = [arrays[k] for k in range(len(arrays))]

    def constant(self, value: Any) -> Text:
        """A constant; or a text that stands in its place."""
        if type(value) is Expression:
            return value.text, value.binds
        return super().constant(value)

    def _pass_text(self, loop: Loop, position: int, step: int) -> Text:
        """A step of one pass, with texts in its holes."""
        self.within: list[tuple[int, Slot]] = []  # the expressions that are written within it
        values: list[Any] = []
        for pattern, value in zip(loop.patterns[position], holes_of(self.steps[step])):
            text = self._hole(loop, pattern)
            if text is None:
                values.append(value)
            elif type(value) is Var or isinstance(value, np.ndarray):
                stand_in = like(value, self.fresh())
                self.inline[stand_in.index] = text.text, text.binds
                values.append(stand_in)
            else:
                values.append(text)
        new = refilled(self.steps[step], values)
        if new.out is None:
            return "\n".join(self._guard(new)), STATEMENTS
        if new.function is SCATTER:
            kept, slot = self.kept[loop.start], (position, 0)
            left = _local(kept.names[slot]) if slot in kept.lists else kept.names[slot]
            return "\n".join(self._scattered(left, new, WIDTH)), STATEMENTS
        return self.renderer.step(new)

    def _lines_of_loop(self, loop: Loop) -> tuple[list[str], str, list[str]]:
        """The lines before a loop, its head, and its body."""
        kept = self.kept[loop.start]
        found: list[Line] = []
        last = kept.first + kept.slope * (loop.passes - 1)
        for position in range(loop.period):
            self.position = position
            texts = {self._pass_text(loop, position, t) for t in loop.steps_of(position)}
            if len(texts) != 1:
                raise self.refuse(loop)
            text = texts.pop()
            step = self.steps[loop.start + position]
            slots = [(position, which) for which in range(len(made_by(step)))]
            if slots and slots[0] in kept.inline:
                if len(text[0]) > MOST_WITHIN:
                    self._take_out(loop, slots[0])
                    text = "u", ATOM
                kept.inline[slots[0]] = text
                continue
            lines = text[0].split("\n") if text[1] < 0 else self._assigned(loop, slots, text[0])
            if text[1] < 0 and slots and slots[0] in kept.lists:
                lines.append(self._stored(loop, slots[0], _local(kept.names[slots[0]])))
            cut = is_not(kept.variable, last) if loop.is_left_out(position) else ""
            for line in lines:
                indent = self._indent(loop, position) + 4 * (bool(cut) + step.quiet)
                found.append(Line(position, step.origin, cut, step.quiet, self._fitting(loop, line, indent)))
        body = self._body(loop, found)
        return self._before(loop), self._head(loop, body), body

    def _body(self, loop: Loop, lines: list[Line]) -> list[str]:
        """The lines of a pass under their headings."""
        return self._block(lines, None)[0]

    def _block(self, lines: Sequence[Line], heading: str | None) -> tuple[list[str], str | None]:
        """Lines under their headings and conditions, and the last heading."""
        body: list[str] = []
        before = "", False  # the condition and the quietness of the last line
        for line in lines:
            new = heading_of(line.origin, heading)
            if new != heading:
                body.append(new)
                heading, before = new, ("", False)
            if line.cut and line.cut != before[0]:
                body.append(f"if {line.cut}:")
            indent = "    " * bool(line.cut)
            if line.quiet and before != (line.cut, line.quiet):
                body.append(indent + 'with np.errstate(divide="ignore", invalid="ignore"):')
            before = line.cut, line.quiet
            indent += "    " * line.quiet
            inner = line.text[: len(line.text) - len(line.text.lstrip())]
            width = WIDTH - 8 - len(indent + inner)
            text = line.text.lstrip()
            text = text if len(text) <= width else text.partition("  # ")[0]
            body += [indent + inner + part for part in broken(text, width)]
        return body, heading

    def _take_out(self, loop: Loop, slot: Slot) -> None:
        """An expression that is too long within another one gets a line of its own."""
        self.plan.own_line.add((loop.start, slot))
        self.is_stale = True

    def _indent(self, loop: Loop, position: int) -> int:
        """How far a line is indented within the body of a loop."""
        return 0

    def _fitting(self, loop: Loop, line: str, indent: int) -> str:
        """A line of a body, without its comment where it is too long; expressions within it get lines of their own."""
        width = WIDTH - 8 - indent
        if len(line) > width:
            line = line.split("  # ")[0]
        if len(line) > width and self.within and max(self.within)[0] >= SHORT:
            self._take_out(loop, max(self.within)[1])
        return line

    def _assigned(self, loop: Loop, slots: list[Slot], right: str) -> list[str]:
        """The lines that keep the results of a step."""
        kept = self.kept[loop.start]
        shapes = [{made_by(self.steps[t])[which].shape for t in loop.steps_of(slots[0][0])} for _, which in slots]
        comment = ", ".join([str(each.pop() or "scalar") if len(each) == 1 else "..." for each in shapes])
        comment = "" if comment.strip(".") == "" else f"  # {comment}"
        if len(slots) == 1 and slots[0] in kept.lists:
            return [self._stored(loop, slots[0], right) + comment]
        if type(self.steps[loop.start + slots[0][0]].out) is not tuple:
            return [f"{kept.names[slots[0]]} = {right}{comment}"]
        local = {slot: _local(kept.names[slot]) if slot in kept.lists else kept.names[slot] for slot in slots}
        left = ", ".join(local.values()) + ("," if len(slots) == 1 else "")
        return [
            f"{left} = {right}{comment}",
            *[self._stored(loop, slot, local[slot]) for slot in slots if slot in kept.lists],
        ]

    def _stored(self, loop: Loop, slot: Slot, right: str) -> str:
        kept = self.kept[loop.start]
        if kept.slope == 1:
            return f"{kept.names[slot]}.append({right})"
        return f"{kept.names[slot]}[{self.affine(kept, loop, loop.passes - 1, -1).text}] = {right}"

    def _before(self, loop: Loop) -> list[str]:
        """Lists, and what carried variables start from."""
        pairs = self._initial(loop)
        empty = [name for name, text in pairs if text == "[]"]
        lines = []
        while len(empty) > 2:
            several, empty = empty[:8], empty[8:]
            lines.append(f"{', '.join(several)} = {', '.join(['[]'] * len(several))}")
        lines += [f"{name} = []" for name in empty]
        for name, text in pairs:
            if text != "[]":
                lines += broken(f"{name} = {text}", WIDTH - 4)
        return lines

    def _initial(self, loop: Loop) -> list[tuple[str, str]]:
        """Lists, and what carried variables start from: names with expressions."""
        kept = self.kept[loop.start]
        pairs = []
        for slot in sorted(kept.lists):
            initial = [self.renderer.value(value) for value in loop.initial.get(slot, [])]
            if kept.slope == 1:
                pairs.append((kept.names[slot], f"[{', '.join(initial)}]"))
            else:
                rest = f" + [{', '.join(reversed(initial))}]" if initial else ""
                pairs.append((kept.names[slot], f"[None] * {kept.size}{rest}"))
        for slot in sorted(loop.lags):
            if slot not in kept.lists and slot not in kept.joined:
                pairs.append((kept.names[slot], self.renderer.value(loop.initial[slot][0])))
        return pairs

    def _head(self, loop: Loop, body: list[str]) -> str:
        kept = self.kept[loop.start]
        low, high = sorted((kept.first, kept.first + kept.slope * (loop.passes - 1)))
        code = [line.split("  #")[0] for line in body if not line.lstrip().startswith("#")]
        is_used = any(re.search(rf"\b{kept.variable}\b", line) for line in code)
        if not is_used:
            return f"for _ in range({kept.size}):"
        span = f"range({kept.size})" if low == 0 else f"range({low}, {high + 1})"
        return f"for {kept.variable} in {span if kept.slope == 1 else f'reversed({span})'}:"

    def _scattered(self, left: str, step: Step, width: int) -> list[str]:
        """Zeros, and one line for each part that is added; parts that a loop has made are added in a loop."""
        lines = super()._scattered(left, step, width)
        first, added = lines[0], lines[1:]
        parts = [(self._list_spot(part), index) for part, index in zip(step.args, step.kwargs["indices"])]
        if len(added) != len(parts):
            return lines
        short: list[str] = []
        k = 0
        while k < len(parts):
            stop = k + 1
            while stop < len(parts) and self._continues(parts, k, stop):
                stop += 1
            if stop - k > 2:
                short += self._added_in_loop(left, parts[k:stop], added[k])
            else:
                short += added[k:stop]
            k = stop
        return [first, *short]

    def _continues(self, parts: Sequence[Any], start: int, k: int) -> bool:
        """Whether part k goes on where the parts from `start` on have led."""
        (one, i), (two, j), (this, now) = parts[start], parts[start + 1], parts[k]
        if None in (one, two, this) or not one[0] == two[0] == this[0] or not all(map(_is_plain, (i, j, now))):
            return False
        steps = _integers(i), _integers(j), _integers(now)
        if not len(steps[0]) == len(steps[1]) == len(steps[2]):
            return False
        n = k - start
        moves = [b - a for a, b in zip((one[1], *steps[0]), (two[1], *steps[1]))]
        return [a + n * move for a, move in zip((one[1], *steps[0]), moves)] == [this[1], *steps[2]] and any(moves)

    def _added_in_loop(self, left: str, parts: Sequence[Any], example: str) -> list[str]:
        """The loop that adds entries of a list, the entry with the smallest index first."""
        if parts[0][0][1] > parts[-1][0][1]:
            parts = parts[::-1]
        (name, first, _), index = parts[0]
        (_, second, _), other = parts[1]
        moves = {b - a for a, b in zip(_integers(index), _integers(other))} - {0}
        if second - first != 1 or len(moves) != 1 or "np.add.at" in example:
            return [f"{left}[{self.renderer.index(place)}] += {spot[0]}[{spot[1]}]" for spot, place in parts]
        move = moves.pop()
        variable = next(iter(self.kept.values())).variable

        def moved(a: Any, b: Any) -> Any:
            if type(a) is tuple:
                return tuple([moved(p, q) for p, q in zip(a, b)])
            return a if type(a) is not int or a == b else affine(variable, move, a - move * first)

        span = f"{first}, {first + len(parts)}" if first else f"{len(parts)}"
        return [
            f"for {variable} in range({span}):",
            f"    {left}[{self.renderer.index(moved(index, other))}] += {name}[{variable}]",
        ]

    def statements(self) -> list[str]:
        """The lines of the body."""
        lines: list[str] = []
        t = 0
        for loop in [*self.loops, None]:
            stop = loop.start if loop is not None else len(self.steps)
            plain = self.lines_of(self.steps[t:stop])
            lines += plain[1:] if lines and not lines[-1] and plain and not plain[0] else plain
            if loop is not None:
                before, head, body = self._lines_of_loop(loop)
                while lines and not lines[-1]:
                    lines.pop()
                lines += [*([""] if lines else []), *before, head, *[f"    {line}" for line in body], ""]
                t = loop.start + loop.count
        if self.is_stale:
            raise NewPlanError
        while lines and not lines[-1]:
            lines.pop()
        return [*self.heads, *lines]

    def result(self, outdef: TreeDef) -> str:
        """The expression of the result: a list that a loop has made is written as that list."""
        return self._result(outdef, iter(self.program.outputs))

    def _result(self, outdef: TreeDef, outputs: Iterator[Any]) -> str:
        if outdef is LEAF:
            return self.renderer.value(next(outputs))
        if type(outdef.example) is list and outdef.children and all(child is LEAF for child in outdef.children):
            entries = self._entries([next(outputs) for _ in outdef.children])
            is_one_list = len(entries) == 1 and entries[0].startswith("*")
            return entries[0][1:] if is_one_list else f"[{', '.join(entries)}]"
        return container(outdef, [self._result(child, outputs) for child in outdef.children], self.ways)

    def _entries(self, values: list[Any]) -> list[str]:
        """The entries of a list; those that are entries of one list of a loop, in order, as a part of that list."""
        entries: list[str] = []
        k = 0
        while k < len(values):
            spot = self._list_spot(values[k])
            stop = k + 1
            if spot is not None:
                name, first, total = spot
                while stop < len(values) and self._list_spot(values[stop]) == (name, first + stop - k, total):
                    stop += 1
                if stop - k > 1:
                    is_whole = first == 0 and stop - k == total
                    entries.append(f"*{name}" if is_whole else f"*{name}[{first}:{first + stop - k}]")
                    k = stop
                    continue
            entries.append(self.renderer.value(values[k]))
            k += 1
        return entries

    def _list_spot(self, value: Any) -> tuple[str, int, int] | None:
        """The list, the index and the length of the list that a result is kept in."""
        t, which = self.where.get(value.index, (-1, 0)) if type(value) is Var else (-1, 0)
        loop = self.loop_of(t)
        if loop is None:
            return None
        slot = loop.spot(t)[0], which
        kept = self.kept[loop.start]
        if slot not in kept.lists:
            return None
        total = len(loop.steps_of(slot[0])) + loop.lags.get(slot, 0)
        if kept.slope == -1:
            total = loop.passes + loop.lags.get(slot, 0)
        return kept.names[slot], kept.index_in_list(loop, slot, loop.spot(t)[1]), total


def _is_plain(index: Any) -> bool:
    """Whether an index consists of integers and whole axes."""
    parts = index if type(index) is tuple else (index,)
    return all(type(part) is int or part == slice(None) for part in parts)


def _integers(index: Any) -> tuple[int, ...]:
    """The integers of an index."""
    parts = index if type(index) is tuple else (index,)
    return tuple([part for part in parts if type(part) is int])


def is_not(variable: str, value: int) -> str:
    """The condition that a variable of a loop does not have this value."""
    return f"{variable} != {value}" if value else variable


def _local(name: str) -> str:
    """A variable for what will be an entry of a list."""
    return f"{name.partition('[')[0]}_new"


def rolled(traced: Traced, program: Program, parameters: Sequence[str], names: Names) -> tuple[RolledWriter, list[str]]:
    """A writer with the loops that can be written, and its lines: the shorter one of two normal forms."""
    return shortest(RolledWriter, traced, program, parameters, names)


def shortest(
    kind: type[RolledWriter], traced: Traced, program: Program, parameters: Sequence[str], names: Names
) -> tuple[RolledWriter, list[str]]:
    """A writer of this kind and its lines: the shorter one of two normal forms."""
    found = [written(kind, traced, program, parameters, names, Plan(again)) for again in (False, True)]
    return min(found, key=lambda each: code_lines(each[1]))


def code_lines(lines: Sequence[str]) -> int:
    """How many of the lines are code."""
    return len([line for line in lines if line and not line.lstrip().startswith("#")])


def written(
    kind: type[RolledWriter],
    traced: Traced,
    program: Program,
    parameters: Sequence[str],
    names: Names,
    plan: Plan,
) -> tuple[RolledWriter, list[str]]:
    """A writer of this kind that follows a plan, and its lines."""
    while True:
        try:
            writer = kind(traced, program, parameters, Names(names.taken), plan)
            return writer, writer.statements()
        except NewPlanError:
            pass
