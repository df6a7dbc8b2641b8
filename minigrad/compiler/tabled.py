"""Long programs on small arrays become tables of instructions, which one loop works off.

A loop of Python over time steps, or a Taylor series, leaves thousands of different steps. Numba would take minutes for
their text, and NumPy takes half a microsecond for each of them. Here all values of such a program lie in one array, the
arena. A step is a row of a table: what to do, for how many entries, and where result and operands begin. The loop that
works the table off knows a dozen operations, each of them a loop over entries; Numba compiles it once for all programs
with these operations, however long they are. A row takes 3 nanoseconds, and the time of its entries.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.compiler.answers import keeps_off_zero
from minigrad.compiler.canonical import MAX, MIN, SUM, Reduction
from minigrad.compiler.fused import (
    ELEMENTWISE,
    MOST_STEPS,
    REDUCTIONS,
    TOLD,
    Kernel,
    Readers,
    Writer,
    is_fusable,
    suspicion,
)
from minigrad.compiler.numba_loops import compiled
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.render import SCATTER
from minigrad.compiler.rewriting import Fresh, like, shape_of
from minigrad.core import duck_arrays as duck

LEAST = 2 * MOST_STEPS  #: rows of a table that is worth its loop
MOST_ENTRIES = 1 << 12  #: of a value: for longer ones NumPy's time for a call counts little
LARGEST = 1 << 19  #: entries of an arena, which should stay in the cache
LINE = 16  #: values begin at multiples of this many entries, and operations on entries do whole lines

TEXTS: dict[str, str] = {
    "stretch": "x = w[a]\nfor j in range(n):\n    w[o + j] = x",
    "add to": "for j in range(n):\n    w[o + j] += w[a + j]",
    "dot": "x = 0.0\nfor j in range(n):\n    x = plus(x, w[a + j] * w[b + j])\nw[o] = x",
    "least": "x = w[o]\nfor j in range(n):\n    x = min(x, abs(w[a + j]))\nw[o] = x",
    "tell of NaN": f"for j in range(n):\n    finite = plus(finite, {TOLD[1].format('w[a + j]')})",
    "tell of infinity": f"for j in range(n):\n    finite = plus(finite, {TOLD[2].format('w[a + j]')})",
}
TOLD_BY = ("", "tell of NaN", "tell of infinity")
for _function, _text in ELEMENTWISE.items():
    _first = "w[a + j] != 0.0" if _function is np.where else "w[a + j]"
    _text = _text.format(_first, "w[b + j]", "w[c + j]")
    _is_truth = _function in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
    _text = f"1.0 if {_text} else 0.0" if _is_truth else _text
    TEXTS[_function.__name__] = f"for j in range(n):\n    w[o + j] = {_text}"
for _reduction in (SUM, MAX, MIN):
    _start, _update = REDUCTIONS[_reduction.ufunc]
    TEXTS[_reduction.__name__] = (
        f"x = {_start}\nfor j in range(n):\n    x = {_update.format('x', 'w[a + j]')}\nw[o] = x"
    )


def source_of(names: Sequence[str]) -> str:
    """The text of the loop that knows these operations; an operation is a number, its place among them."""
    lines = ["def kernel(code, w):", "    finite = 0.0", "    for k in range(code.shape[0]):"]
    places = [f"{place} = code[k, {column}]" for column, place in enumerate(("does", "n", "o", "a", "b", "c"))]
    lines += [f"        {line}" for line in places]
    for number, name in enumerate(names):
        lines.append(f"        {'el' * (number > 0)}if does == {number}:")
        lines += [f"            {line}" for line in TEXTS[name].split("\n")]
    return "\n".join([*lines, "    return finite"]) + "\n"


# ----- what fits into a table -----------------------------------------------------------------------------------------


def fits(step: Step) -> bool:
    """Whether a step can be a row, or a few of them."""
    out, function = step.out, step.function
    if function is keeps_off_zero:
        return is_small(step.args[0])
    if type(out) is not Var or not is_small(out):
        return False
    if function is SCATTER:
        places = [place_in(index, out.shape) for index in step.kwargs["indices"]]
        parts = zip(step.args, places)
        return all(type(v) is Var and is_small(v) and p is not None and p[1] == size_of(v) for v, p in parts)
    if step.kwargs:
        return False
    if function is duck.reshape:
        return len(step.args) == 2 and type(step.args[0]) is Var and is_small(step.args[0])
    if function is operator.getitem:
        base, index = step.args
        return type(base) is Var and is_small(base) and place_in(index, base.shape) is not None
    if type(function) is Reduction:
        x, axes, _ = step.args
        return function.ufunc in REDUCTIONS and type(x) is Var and is_small(x) and len(axes) == len(x.shape)
    if not all(map(is_small, step.args)):
        return False
    if function is np.vdot:
        return all(type(v) is Var and v.dtype == np.float64 for v in step.args)
    if function not in ELEMENTWISE or (function is np.where and len(step.args) != 3):
        return False
    if function in (operator.add, operator.sub, operator.mul) and out.dtype != np.float64:
        return False
    return all(shape_of(v) == out.shape or size_of(v) == 1 for v in step.args)


def is_small(value: Any) -> bool:
    """Whether a value can lie in an arena: a few float64 numbers, or truths."""
    if type(value) is Var or type(value) is np.ndarray:
        return value.dtype in (np.float64, np.bool_) and 0 < size_of(value) <= MOST_ENTRIES
    return type(value) in (int, float, np.float64)


def size_of(value: Any) -> int:
    """The number of entries."""
    return math.prod(shape_of(value))


def room_of(size: int) -> int:
    """How many entries of the arena a value of this size takes: whole lines, or one number."""
    return size if size == 1 else -(-size // LINE) * LINE


def place_in(index: Any, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Where the entries at an index begin, and how many they are; None unless they lie one after the other."""
    parts = index if type(index) is tuple else (index,)
    start, size = 0, math.prod(shape)
    for k, part in enumerate(parts):
        if k >= len(shape):
            return None
        size //= shape[k]
        if type(part) is int:
            start += part % shape[k] * size
        elif type(part) is slice and part.step in (None, 1) and k == len(parts) - 1:
            first, stop, _ = part.indices(shape[k])
            return (start + first * size, (stop - first) * size) if stop > first else None
        else:
            return None
    return start, size


def tabled(program: Program) -> Program:
    """The program with tables in place of many steps on small arrays, unless these repeat a few of them."""
    if len(program.steps) <= LEAST:
        return program
    stage: dict[int, int] = {}
    plain: dict[int, list[Step]] = {}
    fitting: dict[int, list[Step]] = {}
    for step in program.steps:
        latest = max([stage.get(var.index, 0) for var in reads(step)], default=0)
        does_fit = fits(step)
        place = latest if does_fit else latest + 1
        (fitting if does_fit else plain).setdefault(place, []).append(step)
        for var in made_by(step):
            stage[var.index] = place
    if max(map(len, fitting.values()), default=0) <= LEAST:
        return program
    readers, fresh = Readers(program), Fresh(program)
    steps: list[Step] = []
    for place in range(max([*plain, *fitting]) + 1):
        steps += plain.get(place, [])
        together = fitting.get(place, [])
        made = table_steps(together, readers.outside(together), fresh) if is_long(together, readers) else None
        steps += together if made is None else made
    return program._replace(steps=steps)


def is_long(together: list[Step], readers: Readers) -> bool:
    """Whether steps are many, and do not become a few lines that a kernel repeats."""
    if len(together) <= LEAST:
        return False
    return not all(map(is_fusable, together)) or Writer(together, readers.outside(together)).length > MOST_STEPS


def table_steps(together: Sequence[Step], needed: set[int], fresh: Fresh) -> list[Step] | None:
    """The step that works the table off, and the guards of what it says; None if the arena would be too large."""
    rows = Rows(together, needed, fresh)
    if rows.top > LARGEST:
        return None
    origin = together[-1].origin
    guards = [Step(None, keeps_off_zero, (var, bound), {}, False, origin) for bound, var in rows.bounds.items()]
    return [Step(tuple(rows.outputs), Table(rows), tuple(rows.arguments), {}, False, origin), *guards]


# ----- the table ------------------------------------------------------------------------------------------------------


class Rows:
    """The rows of a table, and where in the arena each value lies."""

    def __init__(self, together: Sequence[Step], needed: set[int], fresh: Fresh) -> None:
        self.rows: list[tuple[str, int, int, int, int, int]] = []
        self.top = 0  #: where the arena ends
        self.free: dict[int, list[int]] = {}  #: places that are not needed any more, by size
        self.at: dict[int, int] = {}  #: where a value begins, by its index
        self.arguments: list[Any] = []
        self.constants: dict[Any, tuple[int, int, Any]] = {}  #: place, size and content
        self.outputs: list[Var] = []
        self.bounds: dict[float, Var] = {}  #: of guarded values the smallest size, by what it must not be below
        self.fresh = fresh
        self.suspect: dict[int, int] = {}
        owner = owners(together)
        last: dict[int, int] = {}
        for position, step in enumerate(together):
            for var in reads(step):
                last[owner.get(var.index, var.index)] = position
        self.expiring: dict[int, list[int]] = {}
        made = {var.index: var for step in together for var in made_by(step)}
        self.outputs += [var for index, var in made.items() if index in needed]
        kept = {owner.get(var.index, var.index) for var in self.outputs}
        self.sizes: dict[int, int] = {}
        for index, position in last.items():
            if index not in kept:
                self.expiring.setdefault(position, []).append(index)
        for position, step in enumerate(together):
            self.write(step)
            if step.out is not None and step.out.index in needed:
                self.tell(step.out)
            for index in self.expiring.get(position, ()):
                self.free.setdefault(self.sizes[index], []).append(self.at[index])
        self.outputs += self.bounds.values()

    def place(self, index: int, size: int, from_start: bool = False) -> int:
        """A place for a value; one that nothing had before, if the value is there `from_start`."""
        size = room_of(size)
        places = self.free.get(size)
        if places and not from_start:
            at = places.pop()
        else:
            at, self.top = self.top, self.top + (size if size > 1 else LINE)
        self.at[index], self.sizes[index] = at, size
        return at

    def row(self, name: str, size: int, out: int, *operands: int) -> None:
        """One more row; operations on entries do whole lines, as their results begin and end with one."""
        a, b, c = (*operands, 0, 0, 0)[:3]
        self.rows.append((name, size, out, a, b, c))

    def operand(self, value: Any, size: int) -> int:
        """Where an operand begins, once it has as many entries as the result."""
        if type(value) is not Var:
            content = np.broadcast_to(np.asarray(value, np.float64).reshape(-1), (size,))
            key = content.tobytes()
            if key not in self.constants:
                self.constants[key] = self.place(-1, size, from_start=True), size, content
            return self.constants[key][0]
        if value.index not in self.at:
            self.arguments.append(value)
            self.place(value.index, size_of(value), from_start=True)
        if size_of(value) == size:
            return self.at[value.index]
        place = self.place(-1, size)
        self.row("stretch", size, place, self.at[value.index])
        return place

    def write(self, step: Step) -> None:
        """The rows of one step."""
        out, function, args = step.out, step.function, step.args
        if function is keeps_off_zero:
            self.guard(*args)
            return
        size = size_of(out)
        before = max([self.suspect.get(var.index, 0) for var in reads(step)], default=0)
        self.suspect[out.index] = suspicion(step, before)
        if function in (duck.reshape, operator.getitem):
            start = place_in(args[1], args[0].shape) if function is operator.getitem else (0, size)
            assert start is not None
            self.at[out.index] = self.operand(args[0], size_of(args[0])) + start[0]
        elif function is SCATTER:
            parts = [self.operand(arg, size_of(arg)) for arg in args]
            at = self.place(out.index, size)
            self.row("stretch", size, at, self.operand(0.0, 1))
            for part, arg, index in zip(parts, args, step.kwargs["indices"]):
                start = place_in(index, out.shape)
                assert start is not None
                self.row("add to", size_of(arg), at + start[0], part)
        elif type(function) is Reduction or function is np.vdot:
            n = size_of(args[0])
            operands = [self.operand(arg, n) for arg in (args if function is np.vdot else args[:1])]
            name = "dot" if function is np.vdot else function.__name__
            self.row(name, n, self.place(out.index, 1), *operands)
        else:
            operands = [self.operand(arg, size) for arg in args]
            self.row(function.__name__, room_of(size), self.place(out.index, size), *operands)

    def guard(self, var: Var, bound: float) -> None:
        """Note how close to zero a value comes."""
        if bound not in self.bounds:
            least = like(var, self.fresh())
            least.shape, least.kind, least.dtype = (), "scalar", np.dtype(np.float64)
            self.bounds[bound] = least
            # Before all rows, as each of them may lower it.
            self.rows.insert(
                0, ("stretch", 1, self.place(least.index, 1, from_start=True), self.operand(math.inf, 1), 0, 0)
            )
        at = self.operand(var, size_of(var))
        self.tell(var)
        self.row("least", size_of(var), self.at[self.bounds[bound].index], at)

    def tell(self, var: Var) -> None:
        """A value that is seen outside tells of NaN, or of infinities by division, on the way to it."""
        name = TOLD_BY[self.suspect.pop(var.index, 0)]
        if name:
            self.row(name, size_of(var), 0, self.at[var.index])


def owners(steps: Sequence[Step]) -> dict[int, int]:
    """For views the value in whose place they lie."""
    found: dict[int, int] = {}
    for step in steps:
        if step.function in (duck.reshape, operator.getitem):
            base = step.args[0].index
            found[step.out.index] = found.get(base, base)
    return found


class Table(Kernel):
    """A kernel that works off a table."""

    __slots__ = ()

    def __init__(self, rows: Rows) -> None:
        names = sorted({row[0] for row in rows.rows})
        numbers = {name: number for number, name in enumerate(names)}
        self.__name__, self.rows, self.made = "table", 0, []
        self.source = source_of(names)
        self.cost = 0.3 + 0.08 * len(names)
        self.scalars = tuple([var.kind == "scalar" for var in rows.outputs])
        code = np.array([(numbers[name], *rest) for name, *rest in rows.rows], np.uint64)
        self.run = runner(compiled(self.source), code, rows)


def runner(loop: Callable[..., Any], code: Any, rows: Rows) -> Callable[..., tuple[Any, ...]]:
    """The function from what the table reads to its results. Arenas are kept, one for each thread that is at work."""
    size, constants = rows.top + LINE, list(rows.constants.values())
    given = [(rows.at[var.index], var.shape) for var in rows.arguments]
    results = [(rows.at[var.index], var.shape, var.dtype == np.bool_) for var in rows.outputs]
    idle: list[Any] = []

    def arena() -> Any:
        w = np.zeros(size)
        for at, n, content in constants:
            w[at : at + n] = content
        views = [w[at : at + math.prod(shape)].reshape(shape) for at, shape in given]
        made = [(w[at : at + math.prod(shape)].reshape(shape), is_truth) for at, shape, is_truth in results]
        return w, views, made

    def run(*args: Any) -> tuple[Any, ...]:
        try:
            used = idle.pop()
        except IndexError:
            used = arena()
        w, views, made = used
        for view, arg in zip(views, args):
            view[...] = arg
        finite = loop(code, w)
        found = [view != 0.0 if is_truth else view.copy() for view, is_truth in made]
        idle.append(used)
        return (*found, finite)

    return run
