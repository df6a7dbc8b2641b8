"""Fused loops: runs of elementwise operations and sums become one loop each, compiled by Numba.

NumPy goes over memory once per operation. Here the operations that can be done together are written as one kernel, a
Python function of plain loops, in which intermediate values never leave the processor; Numba compiles it. What is no
elementwise operation or reduction (products of matrices, indexing, ...) stays with NumPy. The result is an ordinary
program, some of whose steps are kernels; `kernel.source` is what a person can read.

Numba was chosen over numexpr by measurement: numexpr evaluates one expression per call, has no reductions over some of
the axes together with other results, and costs 10 microseconds per call, a kernel of Numba less than one.

Results are those of NumPy up to rounding: sums are added up in another order, and arctan, exp and tanh are those of
`vector_math`.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from minigrad.compiler.canonical import MAX, MIN, SUM, Reduction
from minigrad.compiler.numba_loops import compiled
from minigrad.compiler.program import Program, Step, Var, made_by, reads, variables
from minigrad.compiler.repeats import WIDTH, Block, blocks_of, loops
from minigrad.core import duck_arrays as duck
from minigrad.rules.elementwise import tanh_slope_at

# ----- what can be fused ----------------------------------------------------------------------------------------------

ELEMENTWISE: dict[Any, str] = {
    operator.add: "{} + {}", operator.sub: "{} - {}", operator.mul: "{} * {}", operator.truediv: "{} / {}",
    operator.neg: "-{}", operator.pos: "{}", np.absolute: "abs({})", np.sqrt: "math.sqrt({})", np.square: "{0} * {0}",
    operator.lt: "{} < {}", operator.le: "{} <= {}", operator.gt: "{} > {}", operator.ge: "{} >= {}",
    operator.eq: "{} == {}", operator.ne: "{} != {}", np.where: "({1} if {0} else {2})",
    np.arctan: "arctan({})", np.exp: "exp({})", np.tanh: "tanh({})", np.log: "log({})",
    tanh_slope_at: "tanh_slope({}, {})",
    np.maximum: "({0} if {0} > {1} or {0} != {0} else {1})", np.minimum: "({0} if {0} < {1} or {0} != {0} else {1})",
}  # fmt: skip
REDUCTIONS: dict[Any, tuple[str, str]] = {
    SUM.ufunc: ("0.0", "plus({0}, {1})"),
    MAX.ufunc: ("-np.inf", "({1} if {1} > {0} or {1} != {1} else {0})"),
    MIN.ufunc: ("np.inf", "({1} if {1} < {0} or {1} != {1} else {0})"),
}
# Where NumPy finds divisions by zero and invalid operations in finite numbers; and invalid ones in infinities, which
# are made of finite numbers without a word: 0 * exp(800).
RISKY = {operator.truediv, np.sqrt, np.log}
INVALID_AT_INFINITY = {operator.add, operator.sub, operator.mul, np.vdot}
TOLD = ("", "1.0 * ({0} != {0})", "{0} * 0.0")  #: what is added up, by suspicion: none, of NaN, of NaN and infinities
MOST_STEPS = 64  #: in one kernel: Numba's time grows faster than the text
BUDGET = 3.0  #: seconds, about, that Numba may take for the kernels and drivers of one program; the rest is NumPy's


def is_plain(value: Any) -> bool:
    """Whether a kernel can read this operand: float64 numbers and arrays, truths, and numbers of Python."""
    if type(value) is Var:
        has_axes = value.shape != () or value.kind != "array"  # an array without axes is no number
        return value.dtype in (np.float64, np.bool_) and 0 not in value.shape and has_axes
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and value.dtype in (np.float64, np.bool_) and value.size > 0 and value.ndim > 0
    return type(value) in (int, float, np.float64)


def is_fusable(step: Step) -> bool:
    """Whether a step can be part of a kernel."""
    out = step.out
    if type(out) is not Var or step.kwargs or out.kind == "python" or not is_plain(out):
        return False
    if out.kind == "array" and out.shape == ():
        return False  # an array without axes, not a number
    if is_view(step):
        return True
    if type(step.function) is Reduction:
        x, axes, _ = step.args
        return (
            step.function.ufunc in REDUCTIONS
            and type(x) is Var
            and x.dtype == np.float64
            and is_plain(x)
            and axes != ()
        )
    if step.function is np.vdot:
        x, y = step.args
        return all(is_plain(v) and getattr(v, "dtype", None) == np.float64 for v in (x, y)) and x.shape == y.shape != ()
    if step.function not in ELEMENTWISE or not all(map(is_plain, step.args)):
        return False
    if step.function is np.where and len(step.args) != 3:
        return False
    return step.function not in (operator.add, operator.sub, operator.mul) or bool(out.dtype == np.float64)


def is_view(step: Step) -> bool:
    """Whether a step only adds or removes axes of length 1: a kernel reads the array beneath instead."""
    if step.function is not duck.reshape or type(step.args[0]) is not Var or type(step.out) is not Var:
        return False
    wide, narrow = step.args[0].shape, step.out.shape
    return [n for n in wide if n != 1] == [n for n in narrow if n != 1] and step.out.kind == "array"


# ----- the pass -------------------------------------------------------------------------------------------------------


def fused(program: Program) -> Program:
    """The program with kernels in place of the steps that they fuse.

    Steps are sorted into stages. A step that stays with NumPy is in the stage after its latest operand, a fusable one
    in that of its latest operand; so all fusable steps of a stage can run together, after the others of that stage.
    """
    stage: dict[int, int] = {}
    plain: dict[int, list[Step]] = {}
    fusable: dict[int, list[Step]] = {}
    for step in program.steps:
        latest = max([stage.get(var.index, 0) for var in reads(step)], default=0)
        fits = is_fusable(step)
        place = latest if fits else latest + 1
        (fusable if fits else plain).setdefault(place, []).append(step)
        for var in made_by(step):
            stage[var.index] = place
    pieces: list[
        tuple[list[Step], list[Step]]
    ] = []  #: steps, and the kernel with its views that could take their place
    readers = Readers(program)
    for place in range(max([*plain, *fusable], default=0) + 1):
        pieces.append((plain.get(place, []), []))
        for part in parts(fusable.get(place, []), readers):
            pieces.append((part, kernel_steps(part, readers.outside(part)) if worthwhile(part) else []))
    affordable = within_budget(pieces)
    steps: list[Step] = []
    for part, made in pieces:
        steps += made if made and made[0].function.source in affordable else part
    return program._replace(steps=steps)


def within_budget(pieces: Sequence[tuple[list[Step], list[Step]]]) -> set[str]:
    """The sources that Numba compiles within `BUDGET`, those first that save the most calls of NumPy for their time."""
    saved: dict[str, int] = {}
    costs: dict[str, float] = {}
    for part, made in pieces:
        if made:
            source = made[0].function.source
            saved[source] = saved.get(source, 0) + len(part)
            costs[source] = made[0].function.cost
    left, found = BUDGET, set[str]()
    for source in sorted(costs, key=lambda source: costs[source] / saved[source]):
        if costs[source] <= left or not found:
            left -= costs[source]
            found.add(source)
    return found


def parts(together: list[Step], readers: Readers) -> list[list[Step]]:
    """The steps, cut into pieces of which each can be a kernel: not at all if they repeat a few."""
    if len(together) > 2 * MOST_STEPS and Writer(together, readers.outside(together)).length <= MOST_STEPS:
        return [together]
    return [together[k : k + MOST_STEPS] for k in range(0, len(together), MOST_STEPS)]


def worthwhile(steps: Sequence[Step]) -> bool:
    """Whether a kernel would do more than one call of NumPy does."""
    work = [step for step in steps if not is_view(step)]
    return len(work) > 1 and any(step.out.shape or type(step.function) is Reduction for step in work)


class Readers:
    """Who reads each variable of a program."""

    def __init__(self, program: Program) -> None:
        self.outputs = {var.index for var in variables(program.outputs)}
        self.steps: dict[int, list[int]] = {}  #: by the index of a variable the `id` of each step that reads it
        for step in program.steps:
            for var in reads(step):
                self.steps.setdefault(var.index, []).append(id(step))

    def outside(self, together: Sequence[Step]) -> set[int]:
        """The variables made by these steps, or read by them, that others read too, or that are results."""
        inside = {id(step) for step in together}
        found = {var.index for step in together for var in (*made_by(step), *reads(step))}
        return {
            index
            for index in found
            if index in self.outputs or any(reader not in inside for reader in self.steps.get(index, ()))
        }


def kernel_steps(steps: Sequence[Step], needed: set[int]) -> list[Step]:
    """One step that calls the kernel, and the views of its results that others need."""
    views = [step for step in steps if is_view(step)]
    needed = needed | {var.index for step in views if step.out.index in needed for var in reads(step)}
    for step in reversed(views):  # a view of a view
        if step.out.index in needed:
            needed.update([var.index for var in reads(step)])
    writer = Writer(steps, needed)
    outs = tuple(writer.outputs)
    call = Step(outs, Kernel(writer), tuple(writer.arguments), {}, False, steps[-1].origin)
    return [call, *[step for step in views if step.out.index in needed]]


class Kernel:
    """A compiled kernel: a function of arrays and numbers that returns a tuple of new ones. It holds no lock of Python.

    Where all of its loops go over the same rows, and large arrays, the rows are shared out among threads, as many as
    `NUMBA_NUM_THREADS` says (by default one per core).

    Raises FloatingPointError where a division (or sqrt, log) gave an infinity or NaN, or another operation a NaN, which
    the engine has to resolve. (So it does where there were NaN among the arguments.)
    """

    __slots__ = ("__name__", "cost", "made", "rows", "run", "scalars", "source")

    LARGE = 1 << 16  #: entries from which a second thread is worth its start

    def __init__(self, writer: Writer) -> None:
        self.rows = writer.rows()
        large = max([math.prod(nest.shape) for nest in writer.nests]) >= self.LARGE
        self.rows = self.rows if large else 0
        self.source = writer.source(by_rows=self.rows > 0)
        self.run = compiled(self.source)
        self.cost = writer.cost()
        self.scalars = tuple([var.kind == "scalar" for var in writer.outputs])
        temporaries = [var for var in writer.arrays() if var not in writer.outputs]
        self.made = [(var.shape, var.dtype) for var in [*writer.outputs, *temporaries]]
        self.__name__ = "kernel"

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        """The results, new arrays and numbers."""
        if self.rows:
            arrays = [np.empty(shape, dtype) for shape, dtype in self.made]
            results, finite = arrays[: len(self.scalars)], self.shared_out([*arrays, *args])
        else:
            *results, finite = self.run(*args)
        if finite != 0.0:
            raise FloatingPointError("a result of a kernel is not finite")
        return tuple([np.float64(r) if scalar else r for r, scalar in zip(results, self.scalars)])

    def shared_out(self, args: Sequence[Any]) -> float:
        """Run on all rows, a part of them in each thread."""
        threads = min(number_of_threads(), self.rows)
        bounds = [self.rows * k // threads for k in range(threads + 1)]
        parts = [pool().submit(self.run, a, b, *args) for a, b in pairwise(bounds[1:])]
        return float(sum([self.run(0, bounds[1], *args), *[part.result() for part in parts]]))


def number_of_threads() -> int:
    """How many threads Numba may use."""
    import numba

    return int(numba.config.NUMBA_NUM_THREADS)


@functools.cache
def pool() -> Any:
    """The threads that wait for work, started when there is some."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max(1, number_of_threads() - 1), thread_name_prefix="minigrad")


# ----- writing a kernel -----------------------------------------------------------------------------------------------


class Nest:
    """Loops over one shape: lines at each depth, before and after the loop within."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.before: list[list[str]] = [[] for _ in range(len(shape) + 1)]  #: the last one is the innermost body
        self.after: list[list[str]] = [[] for _ in range(len(shape) + 1)]
        self.loaded: dict[str, str] = {}
        self.blocks: list[Block] = []  #: the innermost body, if it is long and repeats a few lines
        self.values = 0

    def roll(self) -> int:
        """Write a long body as loops, if it can be; returns how many lines it has then."""
        body = self.before[-1]
        if len(body) <= MOST_STEPS or not self.shape or self.after[-1]:
            return len(body)
        blocks, values = blocks_of(body, [line for lines in self.before[:-1] for line in lines])
        length = sum([len(block.lines) for block in blocks])
        if not 0 < length <= len(body) // 4:  # a loop for each line is worth it where lines are few
            return len(body)
        self.blocks, self.values = blocks, values
        return length

    def lines(self, extents: dict[int, str], by_rows: bool) -> list[str]:
        """The loops as text."""
        text: list[str] = []
        depth = len(self.shape)
        for d in range(depth + 1):
            if self.blocks and d == depth - 1:
                start, end = ("lo", "hi") if by_rows and d == 0 else ("0", extents[self.shape[d]])
                text.insert(0, f"w = np.empty(({self.values}, min({WIDTH}, {end} - {start})))")
                inner = [*self.before[d], *loops(self.blocks, start, end, f"i{d}")]
                text += ["    " * d + line for line in inner]
                depth = d
                break
            text += ["    " * d + line for line in self.before[d]]
            if d < depth:
                length = "lo, hi" if by_rows and d == 0 else extents[self.shape[d]]
                text.append("    " * d + f"for i{d} in range({length}):")
        for d in range(depth, -1, -1):
            text += ["    " * d + line for line in self.after[d]]
        return text


class Writer:
    """Writes the kernel of some steps: nests of loops, one after the other."""

    def __init__(self, steps: Sequence[Step], needed: set[int]) -> None:
        self.nests: list[Nest] = []
        self.arguments: list[Any] = []
        self.names: dict[int, str] = {}  #: of arguments, by the index of a variable or the id of a constant
        self.home: dict[int, int] = {}  #: the nest in which each value is made
        self.reduced: set[int] = set()  #: values that are complete after their nest only
        self.below: dict[int, tuple[Any, tuple[int | None, ...]]] = {}  #: views: the array, and its axes in the view
        self.made: dict[int, Var] = {}
        self.numbers: dict[int, int] = {}
        self.suspect: dict[int, int] = {}  #: values that may be NaN (1) or infinite too (2), and have not told
        self.mixes_rows = False  #: whether a reduction goes over the first axis
        work = []
        for step in steps:
            if is_view(step):
                self.note_view(step)
            else:
                work.append(step)
                self.made[step.out.index] = step.out
        self.stored = {step.out.index for step in work if step.out.index in needed}
        self.outputs = [step.out for step in work if step.out.index in needed]
        self.telling = {var.index for var in self.outputs}
        for step in work:
            self.place(step)
        for step in work:
            self.write(step)
        self.length = sum([nest.roll() for nest in self.nests])

    def source(self, by_rows: bool = False) -> str:
        """The text of the function; `by_rows`, of one that does the rows from `lo` to `hi` and is given its results."""
        names = [self.names[self.key(a)] for a in self.arguments]
        arrays = self.arrays()
        lines: list[str] = []
        if by_rows:
            outputs = [var for var in self.outputs if var.shape]
            rest = [var for var in arrays if var not in outputs]
            names = ["lo", "hi", *[f"a{self.number(var)}" for var in [*outputs, *rest]], *names]
        extents, lines = self.extents()
        if not by_rows:
            for var in arrays:
                shape = ", ".join([extents[n] for n in var.shape]) + ("," if len(var.shape) == 1 else "")
                lines.append(f"a{self.number(var)} = np.empty(({shape}), np.{dtype_name(var)})")
        for nest in self.nests:
            lines += nest.lines(extents, by_rows)
        results = [] if by_rows else [f"a{self.number(v)}" if v.shape else f"v{self.number(v)}" for v in self.outputs]
        lines = [
            "finite = 0.0  # something else once a division is by zero, or an operation invalid",
            *lines,
            f"return {', '.join([*results, 'finite'])}",
        ]
        return "\n    ".join([f"def kernel({', '.join(names)}):", *lines]) + "\n"

    def arrays(self) -> list[Var]:
        """The arrays that the kernel makes: results, and what a later nest reads."""
        return [self.made[index] for index in sorted(self.stored) if self.made[index].shape]

    def cost(self) -> float:
        """About how many seconds Numba takes: least squares over the kernels of the benchmarks, on a core of 2024."""
        loops = sum([len(nest.shape) for nest in self.nests])
        return 0.05 + 0.001 * self.length + 0.02 * (len(self.arrays()) + loops) + 0.012 * len(self.arguments)

    def rows(self) -> int:
        """How many rows all loops have in common that do not meet each other; 0 if they do."""
        counts = {nest.shape[0] if nest.shape else 0 for nest in self.nests}
        stored = [self.made[index] for index in self.stored]
        apart = len(counts) == 1 and all(var.shape and var.shape[0] in counts for var in stored)
        return counts.pop() if apart and not self.mixes_rows else 0

    def extents(self) -> tuple[dict[int, str], list[str]]:
        """Names for the lengths of loops, so that kernels for other shapes have the same source, and their lines."""
        names: dict[int, str] = {1: "1"}
        lines = []
        for n in [n for nest in self.nests for n in nest.shape]:
            if n in names:
                continue
            arrays = [a for a in self.arguments if hasattr(a, "shape")]
            found = [(a, axis) for a in arrays for axis, m in enumerate(a.shape) if m == n]
            if found:
                array, axis = found[0]
                names[n] = f"n{len(names) - 1}"
                lines.append(f"{names[n]} = {self.names[self.key(array)]}.shape[{axis}]")
            else:
                names[n] = str(n)
        return names, lines

    def number(self, value: Any) -> int:
        """The number of a value in this kernel, in the order of appearance."""
        return self.numbers.setdefault(self.key(value), len(self.numbers))

    # ----- where each value is made and read --------------------------------------------------------------------------

    def note_view(self, step: Step) -> None:
        """Remember which axis of the array beneath is which of the view."""
        base, view = step.args[0], step.out
        longer = iter([k for k, n in enumerate(view.shape) if n != 1])
        axes: tuple[int | None, ...] = tuple([None if n == 1 else next(longer) for n in base.shape])
        if base.index in self.below:
            lowest, places = self.below[base.index]
            self.below[view.index] = lowest, tuple([None if p is None else axes[p] for p in places])
        else:
            self.below[view.index] = base, axes

    def space(self, step: Step) -> tuple[int, ...]:
        """The shape over which a step loops."""
        if type(step.function) is Reduction or step.function is np.vdot:
            return tuple(step.args[0].shape)
        return tuple(step.out.shape)

    def operands(self, step: Step) -> list[Any]:
        """What a step reads element by element."""
        return [step.args[0]] if type(step.function) is Reduction else list(step.args)

    def place(self, step: Step) -> None:
        """Choose the earliest nest over the right shape in which all operands are known."""
        shape, earliest, stores = self.space(step), 0, []
        for operand in self.operands(step):
            base = self.below[operand.index][0] if type(operand) is Var and operand.index in self.below else operand
            if type(base) is not Var or base.index not in self.home:
                continue
            home = self.home[base.index]
            same = base is operand and base.shape == shape and base.index not in self.reduced
            earliest = max(earliest, home if same else home + 1)
            stores.append((base, home, same))
        fitting = [k for k in range(earliest, len(self.nests)) if self.nests[k].shape == shape]
        if not fitting:
            self.nests.append(Nest(shape))
            fitting = [len(self.nests) - 1]
        self.home[step.out.index] = fitting[0]
        for base, home, same in stores:
            if not same or home != fitting[0]:
                self.stored.add(base.index)
        if type(step.function) is Reduction or step.function is np.vdot:
            self.reduced.add(step.out.index)
            self.stored.add(step.out.index)

    # ----- lines ------------------------------------------------------------------------------------------------------

    def write(self, step: Step) -> None:
        """The lines of one step."""
        k = self.home[step.out.index]
        nest = self.nests[k]
        texts = [self.read(operand, k) for operand in self.operands(step)]
        below = [self.below[v.index][0] if v.index in self.below else v for v in reads(step)]
        before = max([self.suspect.get(var.index, 0) for var in below], default=0)
        self.suspect[step.out.index] = suspicion(step, before)
        index, depth, number = step.out.index, len(nest.shape), self.number(step.out)
        if step.function is np.vdot:
            self.reduce(nest, step, SUM.ufunc, tuple(range(depth)), f"{texts[0]} * {texts[1]}")
        elif type(step.function) is Reduction:
            self.reduce(nest, step, step.function.ufunc, step.args[1], texts[0])
        else:
            nest.before[depth].append(f"v{number} = {ELEMENTWISE[step.function].format(*texts)}")
            if index in self.stored and nest.shape:
                nest.before[depth].append(f"a{number}[{places(range(depth))}] = v{number}")
                self.check(nest, depth, step, nest.before)
            elif index in self.stored:
                self.check(nest, depth, step, nest.before)

    def check(self, nest: Nest, depth: int, step: Step, lines: list[list[str]]) -> None:
        """Let a result that leaves the kernel tell of a NaN, or an infinity by division, on the way to it."""
        if told := self.told(step, f"v{self.number(step.out)}"):
            lines[depth].append(told)

    def told(self, step: Step, name: str) -> str:
        """The line by which a result tells, if it is one and may have something to tell."""
        index = step.out.index
        term = TOLD[self.suspect.pop(index, 0)].format(name) if index in self.telling else ""
        return term and f"finite = plus(finite, {term})"

    def reduce(self, nest: Nest, step: Step, ufunc: Any, axes: tuple[int, ...], text: str) -> None:
        """A reduction: into a number where the innermost axes are reduced, into an array elsewhere."""
        start, update = REDUCTIONS[ufunc]
        out, depth, number = step.out, len(nest.shape), self.number(step.out)
        self.mixes_rows |= 0 in axes
        kept = [axis for axis in range(depth) if axis not in axes]
        keepdims = len(out.shape) == depth
        at = places([axis if axis in kept else None for axis in range(depth)] if keepdims else kept)
        name = f"v{number}"
        if kept == list(range(len(kept))):  # the last axes are reduced
            level = len(kept)
            nest.before[level].append(f"{name} = {start}")
            nest.before[depth].append(f"{name} = {update.format(name, text)}")
            if out.shape:
                nest.after[level].append(f"a{number}[{at}] = {name}")
            self.check(nest, level, step, nest.after)
        else:
            # Only the part that belongs to the outer loops: other threads are at work on other rows.
            level = next(k for k, axis in enumerate([*kept, None]) if axis != k)
            place, heads = f"a{number}[{at}]", list[str]()  # loops over that part: of whole arrays Numba knows too much
            for axis in kept[level:]:
                length = f"a{number}.shape[{axis if keepdims else kept.index(axis)}]"
                heads.append("    " * len(heads) + f"for i{axis} in range({length}):")
            inner = "    " * len(heads)
            nest.before[level] += [*heads, f"{inner}{place} = {start}"]
            nest.before[depth].append(f"{place} = {update.format(place, text)}")
            if told := self.told(step, place):
                nest.after[level] += [*heads, f"{inner}{told}"]

    def read(self, operand: Any, k: int) -> str:
        """How the innermost loop of nest k reads an operand."""
        nest = self.nests[k]
        depth = len(nest.shape)
        if type(operand) is Var and self.home.get(operand.index) == k and operand.index not in self.reduced:
            return f"v{self.number(operand)}"
        if type(operand) in (int, float, np.float64):
            return literal(float(operand))
        shape = operand.shape
        base: Any = operand
        axes: tuple[int | None, ...] = tuple(range(len(shape)))
        if type(operand) is Var and operand.index in self.below:
            base, axes = self.below[operand.index]
        name = self.name(base)
        if not base.shape:
            return name
        lead = depth - len(shape)
        wheres = [None if a is None or (shape[a] == 1) else a + lead for a in axes]
        text = f"{name}[{places(wheres)}]"
        level = max([w + 1 for w in wheres if w is not None], default=0)
        if level == depth:
            return text
        if text not in nest.loaded:  # the same in all turns of the inner loops: read once
            nest.loaded[text] = f"r{len(nest.loaded)}"
            nest.before[level].append(f"{nest.loaded[text]} = {text}")
        return nest.loaded[text]

    def name(self, base: Any) -> str:
        """The name of an array or number that is not made in the nest at hand."""
        if type(base) is Var and base.index in self.made:
            return f"{'a' if base.shape else 'v'}{self.number(base)}"
        key = self.key(base)
        if key not in self.names:
            self.names[key] = f"x{len(self.names)}"
            self.arguments.append(base)
        return self.names[key]

    @staticmethod
    def key(value: Any) -> int:
        """What stands for an argument: the index of a variable, or a number below zero for an array."""
        return value.index if type(value) is Var else -id(value)


def suspicion(step: Step, before: int) -> int:
    """Whether a result may be NaN (1), or infinite too (2), because of an operation that has not told so.

    `before` says the same of its operands.
    """
    if step.out.dtype != np.float64:
        return 0
    if step.quiet:
        return before
    is_sum = type(step.function) is Reduction and step.function.ufunc is SUM.ufunc
    own = 2 if step.function in RISKY else 1 if is_sum or step.function in INVALID_AT_INFINITY else 0
    return max(before, own)


def places(axes: Any) -> str:
    """An index: the loop variables of these axes, 0 for None."""
    return ", ".join(["0" if axis is None else f"i{axis}" for axis in axes])


def literal(number: float) -> str:
    """A number as Python reads it."""
    if math.isfinite(number):
        return repr(number) if number >= 0 and math.copysign(1.0, number) > 0 else f"({number!r})"
    return "np.nan" if number != number else "np.inf" if number > 0 else "(-np.inf)"


def dtype_name(var: Var) -> str:
    """The name of a dtype in NumPy's namespace."""
    return "bool_" if var.dtype == np.bool_ else str(var.dtype.name)
