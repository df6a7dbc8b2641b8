"""The equations of a program with its loops: one for every value that has a name.

A loop is written once, with the integers that change from pass to pass as expressions of its index; a sum that grows
from pass to pass is written as a sum.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.cancelling import plain_number
from minigrad.compiler.canonical import MAX, MIN, SUM, Reduction
from minigrad.compiler.normal_form import holes_of
from minigrad.compiler.program import Step, Var, made_by
from minigrad.compiler.render import REDUCED, SCATTER
from minigrad.compiler.rolled import RolledWriter
from minigrad.compiler.rolling import Lag, Loop, Ref
from minigrad.core import duck_arrays as duck
from minigrad.rules.elementwise import tanh_slope_at
from minigrad.show.mathematics import Formula, limit, number, split_name, symbol, with_indices

Slot = tuple[int, int]


class IrregularError(Exception):
    """Internal signal: the equations of the passes of a loop are not one equation."""

    def __init__(self, loop: Loop) -> None:
        super().__init__("the formulas of the passes differ")
        self.loop = loop


class Equation(NamedTuple):
    """One line: what is defined, and by what."""

    left: Formula
    right: Formula
    over: str  #: for which values of the index, as "r = 0, …, R-1"; empty outside of loops
    shapes: tuple[tuple[int, ...], ...]  #: of the value, in the passes of a loop
    phase: str  #: "primal", "pullback", "pushforward" or "series"


_OPERATORS: dict[Any, str] = {operator.add: "plus", operator.sub: "minus"}
_COMPARISONS: dict[Any, str] = {
    operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==", operator.ne: "!=",
}  # fmt: skip
_TRANSPARENT = {duck.astype, np.float64, np.float32, np.asarray, np.broadcast_to, duck.reshape}


class Author:
    """Writes the equations of one program with loops."""

    def __init__(self, writer: RolledWriter, notation: str) -> None:
        self.writer, self.notation = writer, notation
        self.steps = writer.steps
        self.inputs = {var.index for var in writer.program.inputs}
        self.starts = self._starts()
        self.aliases: dict[Any, Formula] = {}  #: what values are called within the step that is being written
        self.loss = next((writer.names.get(var.index, "") for var in writer.program.outputs if type(var) is Var), "")

    def all(self) -> list[Equation]:
        """All equations, in the order of the program."""
        equations: list[Equation] = []
        t = 0
        for loop in [*self.writer.loops, None]:
            stop = loop.start if loop is not None else len(self.steps)
            for step in self.steps[t:stop]:
                equations += self._plain(step)
            if loop is not None:
                equations += self._of_loop(loop)
                t = loop.start + loop.count
        return equations

    def results(self) -> list[Formula]:
        """What the program returns."""
        return [self.value(output) for output in self.writer.program.outputs]

    def _starts(self) -> dict[int, tuple[Loop, Slot]]:
        """The values that carried results of loops start from, where they have their name already."""
        found = {}
        for loop in self.writer.loops:
            for slot in self.writer.kept[loop.start].joined:
                found[loop.initial[slot][0].index] = loop, slot
        return found

    def _plain(self, step: Step) -> list[Equation]:
        if step.out is None:
            return []
        made = made_by(step)
        if not any(var.index in self.writer.names for var in made) or self._is_transparent(step):
            return []
        right = self._with_sizes(self.step(step))
        rights = [right] if len(made) == 1 else [Formula("entry", (right, k)) for k in range(len(made))]
        lefts = [self._with_sizes(self.value(var)) for var in made]
        return [
            Equation(left, each, "", (var.shape,), step.origin.phase) for left, each, var in zip(lefts, rights, made)
        ]

    def _with_sizes(self, formula: Any) -> Any:
        """An index that is the number of passes as such: the last entry of X is X_R."""
        if not isinstance(formula, tuple):
            return formula
        if isinstance(formula, Formula) and formula.kind == "symbol":
            name, index, mark = formula.parts
            size = self.writer.sizes.get(index) if isinstance(index, int) else None
            return symbol(name, Formula("affine", (size, 1, 0, (0, ""))), mark) if size is not None else formula
        parts = [self._with_sizes(part) for part in formula]
        return Formula(parts[0], parts[1]) if isinstance(formula, Formula) else tuple(parts)

    def _is_transparent(self, step: Step) -> bool:
        """Whether a step is the same number in another form, which is no equation."""
        is_same = step.function in _TRANSPARENT and type(step.args[0]) is Var and step.args[0].index in self.inputs
        return is_same and type(step.out) is Var

    # ----- loops ------------------------------------------------------------------------------------------------------

    def _of_loop(self, loop: Loop) -> list[Equation]:
        kept = self.writer.kept[loop.start]
        equations = []
        for slot in sorted(loop.lags):
            if slot in kept.joined or self._is_accumulated(loop, slot):
                continue
            for k, value in enumerate(loop.initial[slot]):
                phase = self.steps[loop.start + slot[0]].origin.phase
                left = symbol(kept.names[slot], self._index_before(loop, slot, k))
                equations.append(Equation(self._marked(left), self.value(value), "", (), phase))
        for position in range(loop.period):
            slots = [(position, which) for which in range(len(made_by(self.steps[loop.start + position])))]
            if not slots or slots[0] in kept.inline:
                continue
            for slot in slots:
                try:
                    equations.append(self._equation(loop, slot))
                except ValueError:
                    raise IrregularError(loop) from None
        return equations

    def _equation(self, loop: Loop, slot: Slot) -> Equation:
        kept = self.writer.kept[loop.start]
        steps = loop.steps_of(slot[0])
        values = [kept.first + kept.slope * loop.spot(t)[1] for t in steps]
        size = loop.passes, kept.size
        is_sum = self._is_accumulated(loop, slot)
        rights = [self._in_pass(loop, t, self._carried_operand(t) if is_sum else -1) for t in steps]
        if len(made_by(self.steps[steps[0]])) > 1:
            rights = [Formula("entry", (right, slot[1])) for right in rights]
        right = with_indices(rights, kept.variable, values, size)
        variables = [made_by(self.steps[t])[slot[1]] for t in steps]
        shapes = tuple(dict.fromkeys([var.shape for var in variables]))
        phase = self.steps[steps[0]].origin.phase
        low, high = limit(min(values), size), limit(max(values), size)
        if is_sum:
            total = Formula("sum over passes", (right, kept.variable, low, high))
            negative = self.steps[steps[0]].function is operator.sub
            left = self._marked(symbol(kept.names[slot]))
            return Equation(left, Formula("negative", (total,)) if negative else total, "", shapes, phase)
        left = with_indices([self.value(var) for var in variables], kept.variable, values, size)
        ends = (low, high) if kept.slope == 1 else (high, low)
        return Equation(left, right, f"{kept.variable} = {ends[0]}, …, {ends[1]}", shapes, phase)

    def _in_pass(self, loop: Loop, t: int, skips: int = -1) -> Formula:
        """The right-hand side of a step of one pass: what the loop started from has the name of what it carries."""
        position, which_pass = loop.spot(t)
        before = self.aliases
        self.aliases = dict(before)
        for pattern, value in zip(loop.patterns[position], holes_of(self.steps[t])):
            of, distance = (loop, which_pass - pattern.distance) if type(pattern) is Lag else (None, 0)
            if type(pattern) is Ref:
                of, distance = pattern.loop, pattern.first + pattern.slope * which_pass
            if of is None or distance >= 0:
                continue
            slot = pattern.position, pattern.which
            name = self.writer.kept[of.start].names[slot]
            index = self._index_before(of, slot, distance + of.lags[slot])
            self.aliases[self._key(value)] = self._marked(symbol(name, index))
        try:
            return self.step(self.steps[t], skips)
        finally:
            self.aliases = before

    def _key(self, value: Any) -> Any:
        return value.index if type(value) is Var else ("constant", id(value))

    def _is_accumulated(self, loop: Loop, slot: Slot) -> bool:
        """Whether a result is a sum over the passes that begins at zero, and of which only the last value is read."""
        step = self.steps[loop.start + slot[0]]
        if step.function not in (operator.add, operator.sub) or loop.lags.get(slot) != 1:
            return False
        kept = self.writer.kept[loop.start]
        is_read = any(
            pattern is not None and getattr(pattern, "position", None) == slot[0] and hasattr(pattern, "distance")
            for position, patterns in enumerate(loop.patterns)
            for pattern in patterns
            if position != slot[0]
        )
        return not is_read and slot not in kept.lists and plain_number(loop.initial[slot][0]) == 0

    def _carried_operand(self, t: int) -> int:
        """Which operand of an addition is the sum so far."""
        for k, arg in enumerate(self.steps[t].args):
            if plain_number(arg) == 0:
                return k
            if type(arg) is Var:
                spot = self.writer.where.get(arg.index)
                loop = self.writer.loop_of(t)
                if spot is not None and loop is not None and loop.covers(spot[0]):
                    if loop.spot(spot[0])[0] == loop.spot(t)[0]:
                        return k
        return 0

    def _index_of(self, loop: Loop, slot: Slot, which_pass: int, var: Var) -> int:
        """The index of a result: where it stands in its list, or that of the value it is the cotangent of."""
        kept = self.writer.kept[loop.start]
        owner = self._owner_index(var)
        if owner is not None:
            return owner
        if slot in kept.lists:
            return kept.index_in_list(loop, slot, which_pass)
        value = kept.first + kept.slope * which_pass
        return value + 1 if slot in loop.lags and kept.slope == 1 else value

    def _index_before(self, loop: Loop, slot: Slot, k: int) -> int:
        """The index of what a result starts from."""
        kept = self.writer.kept[loop.start]
        if slot in kept.lists:
            distance = loop.lags[slot]
            return k if kept.slope == 1 else loop.passes - 1 + distance - k
        t = loop.steps_of(slot[0])[0]
        first = self._index_of(loop, slot, 0, made_by(self.steps[t])[slot[1]])
        return first - kept.slope

    def _owner_index(self, var: Var) -> int | None:
        """The index of the value that a cotangent or tangent belongs to."""
        t, _ = self.writer.where.get(var.index, (-1, 0))
        if t < 0 or self.steps[t].origin.phase == "primal":
            return None
        owner = self.steps[t].origin.owner
        if owner in self.writer.where:
            at, which = self.writer.where[owner]
            loop = self.writer.loop_of(at)
            if loop is None or loop.covers(t):
                return None
            position, which_pass = loop.spot(at)
            return self._index_of(loop, (position, which), which_pass, made_by(self.steps[at])[which])
        return None

    # ----- values -----------------------------------------------------------------------------------------------------

    def _marked(self, formula: Formula) -> Formula:
        name, index, _ = formula.parts
        is_cotangent = split_name(name)[2] == "bar"
        mark = "nabla ℓ" if is_cotangent and self.notation == "nabla" else ""
        return symbol(name, index, mark)

    def value(self, value: Any) -> Formula:
        """A variable or constant."""
        if self.aliases and self._key(value) in self.aliases:
            return self.aliases[self._key(value)]
        if type(value) is not Var:
            return self._constant(value)
        index = value.index
        if index in self.starts:
            loop, slot = self.starts[index]
            kept = self.writer.kept[loop.start]
            return self._marked(symbol(kept.names[slot], self._index_before(loop, slot, 0)))
        if index in self.inputs:
            return self._input(value)
        t, which = self.writer.where[index]
        around = self.writer.loop_of(t)
        if around is not None:
            loop = around
            position, which_pass = loop.spot(t)
            kept = self.writer.kept[loop.start]
            slot = position, which
            if slot in kept.inline:
                return self._in_pass(loop, t)
            if self._is_accumulated(loop, slot):
                return self._marked(symbol(kept.names[slot]))
            return self._marked(symbol(kept.names[slot], self._index_of(loop, slot, which_pass, value)))
        if index in self.writer.names and not self._is_transparent(self.steps[t]):
            return self._marked(symbol(self.writer.names[index]))
        return self.step(self.steps[t])

    def _input(self, var: Var) -> Formula:
        used = [
            pattern.path
            for loop in self.writer.loops
            for patterns in loop.patterns
            for pattern in patterns
            if hasattr(pattern, "path")
        ]
        for path, k in self.writer.leaf_table.get(var.index, []):
            if path in used:
                _, _, after = path.rpartition("[{}]")
                key = after.strip("[]'\"")
                return symbol(key if key.isidentifier() else self.writer.list_of(path), k)
        return symbol(self.writer.names[var.index])

    def _constant(self, value: Any) -> Formula:
        plain = plain_number(value)
        if plain is not None:
            return number(f"{plain:.6g}") if plain >= 0 else Formula("negative", (number(f"{-plain:.6g}"),))
        found = self.writer.leaf_table.get(("array", id(value)))
        if found:
            return symbol(found[0][0].partition(">")[0].lstrip("<"), found[0][1])
        if isinstance(value, np.ndarray):
            text, _ = self.writer.constant(value)
            return symbol(text) if text.isidentifier() else Formula("call", ("array",))
        return Formula("call", (str(value),))

    # ----- steps ------------------------------------------------------------------------------------------------------

    def step(self, step: Step, skips: int = -1) -> Formula:
        """The right-hand side of a step; without operand `skips` of a sum."""
        function, args = step.function, step.args
        if skips >= 0:
            return self.value(args[1 - skips])
        if function in _OPERATORS:
            return Formula(_OPERATORS[function], (self.value(args[0]), self.value(args[1])))
        if function is operator.mul:
            return self._product(args[0], args[1])
        if function is operator.truediv:
            return Formula("fraction", (self.value(args[0]), self.value(args[1])))
        if function is operator.neg:
            return Formula("negative", (self.value(args[0]),))
        if function is operator.pow:
            return Formula("power", (self.value(args[0]), self.value(args[1])))
        if function in (operator.matmul, np.matmul, np.dot):
            return Formula("matrix", (self.value(args[0]), self.value(args[1])))
        if function in (np.vdot, np.inner):
            return Formula("inner", (self.value(args[0]), self.value(args[1])))
        if function in _COMPARISONS:
            return Formula("comparison", (_COMPARISONS[function], self.value(args[0]), self.value(args[1])))
        if function is np.transpose:
            return Formula("transposed", (self.value(args[0]),))
        if function is np.where and len(args) == 3:
            return Formula("cases", tuple(map(self.value, args)))
        if type(function) is Reduction:
            return self._reduction(step)
        if function in _TRANSPARENT:
            return self.value(args[0])
        if function is operator.getitem:
            return self._entry(step)
        if function in _FUNCTIONS:
            kind = _FUNCTIONS[function]
            return Formula(kind, (self.value(args[0]),))
        if function is np.tile:
            return self._tiled(step)
        if function in (np.stack, np.concatenate) and type(args[0]) in (tuple, list):
            return Formula("column", tuple(map(self.value, args[0])))
        if function is SCATTER:
            return self._scattered(step)
        if function is tanh_slope_at:
            return Formula("call", ("tanh'", self.value(args[1])))
        name = getattr(function, "__name__", str(function))
        return Formula("call", (name, *[self.value(arg) for arg in args if _is_shown(arg)]))

    def _number(self, value: Any) -> float | None:
        """The number of which an array consists; None for what a loop starts from, which has a name."""
        return None if self._key(value) in self.aliases else plain_number(value)

    def _product(self, a: Any, b: Any) -> Formula:
        if type(a) is Var and type(b) is Var and a.index == b.index:
            return Formula("power", (self.value(a), number("2")))
        for x, y in ((a, b), (b, a)):
            column = self._definition(x)
            if column is not None and column.function is operator.getitem and len(_shape(y)) == 1:
                if column.args[1] == (Ellipsis, None) and len(_shape(column.args[0])) == 1:
                    return Formula("matrix", (self.value(column.args[0]), Formula("transposed", (self.value(y),))))
        is_number = not _shape(a) or not _shape(b)
        if not _shape(b) and _shape(a):
            a, b = b, a
        if self._number(a) is None and self._number(b) is not None:
            a, b = b, a
        kind = "times" if is_number or self._number(a) is not None else "entrywise"
        return Formula(kind, (self.value(a), self.value(b)))

    def _definition(self, value: Any) -> Step | None:
        if type(value) is not Var or value.index not in self.writer.where:
            return None
        return self.steps[self.writer.where[value.index][0]]

    def _reduction(self, step: Step) -> Formula:
        x, axes, _ = step.args
        n = len(_shape(x))
        if step.function is SUM:
            if len(axes) == n:
                product = self._definition(x)
                if product is not None and product.function is operator.mul and self._is_written_within(x):
                    a, b = product.args
                    if type(a) is Var and type(b) is Var and a.index == b.index:
                        return Formula("power", (Formula("norm", (self.value(a),)), number("2")))
                    if _shape(a) == _shape(b):
                        return Formula("inner", (self.value(a), self.value(b)))
                return Formula("total", (self.value(x), ""))
            if n == 2:
                return Formula("row sums" if axes == (1,) else "column sums", (self.value(x),))
            return Formula("total", (self.value(x), ",".join(f"i{axis}" for axis in axes)))
        name = REDUCED[step.function.ufunc] if step.function in (MAX, MIN) else step.function.__name__
        return Formula("call", (name, self.value(x)))

    def _is_written_within(self, var: Var) -> bool:
        formula = self.value(var)
        return formula.kind != "symbol"

    def _entry(self, step: Step) -> Formula:
        base, index = step.args
        parts = index if type(index) is tuple else (index,)
        if all(part is None or part is Ellipsis or part == slice(None) for part in parts):
            return self.value(base)
        inner = self.value(base)
        if all(type(part) is int or part == slice(None) or part is None for part in parts):
            numbers = [part if type(part) is int else ":" for part in parts if part is not None]
            if len(numbers) == 1 and type(numbers[0]) is int and inner.kind == "symbol" and inner.parts[1] is None:
                return symbol(inner.parts[0], numbers[0], inner.parts[2])
            if inner.kind == "symbol" and inner.parts[1] is None and len(parts) == 2 and parts[0] == slice(None):
                return symbol(inner.parts[0], parts[1])
            return Formula("entry", (inner, ",".join(map(str, numbers))))
        return Formula("entry", (inner, "…"))

    def _tiled(self, step: Step) -> Formula:
        x, times = step.args[0], step.args[1]
        inner = self.value(x)
        times = (times,) if type(times) is int else tuple(times)
        if len(_shape(x)) == 2 and len(times) == 2:
            if times[0] == 1 and _shape(x)[1] == 1:
                return Formula("repeated in columns", (inner,))
            if times[1] == 1 and _shape(x)[0] == 1:
                return Formula("repeated in rows", (inner,))
        return Formula("call", ("tile", inner))

    def _scattered(self, step: Step) -> Formula:
        total: Formula | None = None
        for part, index in zip(step.args, step.kwargs["indices"]):
            numbers = index if type(index) is tuple else (index,)
            is_plain = all(type(each) is int for each in numbers)
            basis = symbol("e", int(numbers[0])) if is_plain and len(numbers) == 1 else Formula("call", ("place",))
            term = Formula("matrix" if len(step.kwargs["shape"]) > 1 else "times", (self.value(part), basis))
            total = term if total is None else Formula("plus", (total, term))
        return total if total is not None else number("0")


_FUNCTIONS: dict[Any, str] = {np.exp: "exponential", np.sqrt: "root", np.absolute: "absolute", operator.abs: "absolute"}


def _shape(value: Any) -> tuple[int, ...]:
    return value.shape if type(value) is Var else np.shape(value)


def _is_shown(value: Any) -> bool:
    return type(value) is Var or isinstance(value, (np.ndarray, np.generic, int, float))
