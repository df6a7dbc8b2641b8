"""Passes that keep results to rounding only, and are left out for `exact=True`: squares, scalings, sums by BLAS.

| rewrite                         | and what may differ                                                                |
|---------------------------------|------------------------------------------------------------------------------------|
| x**2 to x * x                   | numbers and complex arrays: the last bit                                           |
| c (d x) to (c d) x              | the last bit; -x counts as (-1) x                                                  |
| (c x) y to c (x y), (c x) / y   | underflow comes a factor c earlier, and overflow no earlier: only for |c| >= 1     |
| sum(c x) to c sum(x)            | the same                                                                           |
| sum(x * y) to a scalar product  | the order of a sum, which is the order of BLAS                                     |
| sum over an axis to a product   | the same                                                                           |
| products with diagonal matrices | what is zero stays zero: see `diagonals`                                           |
| einsum to products of matrices  | the same                                                                           |
| x + x to 2 x                    | nothing; 2 x is a scaling                                                          |
| a tile, or a copy, to its array | the order of memory, which that of sums follows                                    |
| sums written as loops to sums   | the order of sums                                                                  |
| sum(e / sum(e)) to 1            | where it meets the places of a maximum only: see `shares`                          |
| exp(x - max(x)) to exp(x)       | in a log-sum-exp of bounded x, and its shares: see `shares`                        |
| maximum over a short last axis  | the sign of a zero: maxima of columns                                              |
| a r + (a f) s to a (r + f s)    | the order of sums, and of products: see `horner`                                   |
| A @ x + b to [A b] @ [x; 1]     | a matrix that lies by columns: the order of sums, see `columns`                    |
| solve(A, b) to A^-1 b           | the order of sums, where A^-1 is made anyway                                       |
| a stretched operand, repeated   | the order of memory: see `long_loops`                                              |
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from typing import Any

import numpy as np

from minigrad.compiler.algebra import Facts, narrowed
from minigrad.compiler.answers import has_strides
from minigrad.compiler.cancelling import sums_in_order
from minigrad.compiler.canonical import MAX, MIN, SUM, Reduction
from minigrad.compiler.columns import columns_of_products
from minigrad.compiler.diagonals import diagonals
from minigrad.compiler.horner import sums_from_within
from minigrad.compiler.memory import works_by_entry
from minigrad.compiler.passes import PASSES, shared, without_dead_code
from minigrad.compiler.program import Program, Step, Var
from minigrad.compiler.rewriting import Fresh, Pass, beside, like, made_from, read_counts, renamed, same_type, shape_of
from minigrad.compiler.shares import maxima_cancelled, shifts_left_out
from minigrad.core import duck_arrays as duck
from minigrad.rules.contractions import computed, planned


def squares(program: Program) -> Program:
    """Squares of numbers, and of complex numbers, become products, whose last bit may differ."""

    def rewrite(step: Step) -> Any:
        if step.function not in (operator.pow, np.power) or step.kwargs or type(step.args[0]) is not Var:
            return step
        x, y = step.args
        if isinstance(y, (int, float, np.integer, np.floating)) and same_type(x, step.out) and x.dtype.kind in "fc":
            if y == 2 and x.kind != "python":  # whose power raises an OverflowError, and whose product does not
                return step._replace(function=operator.mul, args=(x, x))
        return step

    return renamed(program, rewrite, (operator.pow, np.power))


LARGEST_FACTOR = 1e30  #: beyond which, and below whose inverse, factors are not multiplied


def scalings(program: Program) -> Program:
    """Factors wait until they meet: 2 (-(100 x) y) is -200 (x y), and equal multiples are made once.

    The program stays as it is where that does not save a step.
    """
    by_index: dict[int, tuple[float, Var]] = {}  # a value as a multiple of another one
    fresh = Fresh(program)

    def split(value: Any) -> tuple[float, Any]:
        return by_index.get(value.index, (1.0, value)) if type(value) is Var else (1.0, value)

    def multiple(step: Step, factor: float, base: Var) -> Step:
        by_index[step.out.index] = factor, base
        if factor == -1.0:
            return step._replace(function=operator.neg, args=(base,))
        return step._replace(function=operator.mul, args=(factor, base))

    def rewrite(step: Step) -> Any:
        out, function, args = step.out, step.function, step.args
        if type(out) is not Var or out.dtype not in (np.float64, np.float32) or step.kwargs or step.quiet:
            return step
        if function is operator.neg and out.kind == "array":
            factor, base = split(args[0])
            return multiple(step, -factor, base)
        if function is operator.mul and out.kind == "array":
            for number, value in (args, args[::-1]):
                number = as_number(number)
                if type(number) in (int, float, np.float64) and type(value) is Var and same_type(value, out):
                    factor, base = split(value)
                    size = abs(number * factor)
                    return (
                        multiple(step, float(number * factor), base)
                        if 1 / LARGEST_FACTOR < size < LARGEST_FACTOR
                        else step
                    )
        if function is operator.add and out.kind == "array" and type(args[0]) is Var and args[0] is args[1]:
            factor, base = split(args[0])
            return multiple(step, 2.0 * factor, base) if abs(factor) < LARGEST_FACTOR else step
        if function in (operator.mul, operator.truediv) and out.kind == "array":
            operands = [split(arg) if type(arg) is Var and same_type(arg, out) else (1.0, arg) for arg in args]
            if function is operator.truediv:
                operands[1] = 1.0, args[1]
            return outside(step, math.prod([factor for factor, _ in operands]), tuple([base for _, base in operands]))
        if type(function) is Reduction and function.ufunc is np.add and type(args[0]) is Var:
            factor, base = split(args[0])
            return outside(step, factor, (base, *args[1:]))
        return step

    def outside(step: Step, factor: float, args: tuple[Any, ...]) -> Any:
        """The step on what is behind the factors, and then one factor."""
        if not 1.0 <= abs(factor) < LARGEST_FACTOR or args == step.args:
            return step
        inner = step._replace(out=like(step.out, fresh()), args=args)
        return [inner, multiple(step, factor, inner.out)]

    after = without_dead_code(shared(renamed(program, rewrite)))
    return after if len(after.steps) < len(program.steps) else program


def as_number(value: Any) -> Any:
    """The number that all entries of a constant are, or else the constant."""
    if type(value) is np.ndarray and value.dtype == np.float64 and 0 < value.size <= 1 << 12:
        first = value.reshape(-1)[0]
        return first if np.all(value == first) else value
    return value


MOST_TERMS = 4096


def sums_as_products(program: Program) -> Program:
    """Sums of products become scalar products, and sums over an axis of matrices products with ones, for BLAS.

    They add in another order, in half the time, and over a short last axis in a tenth: the results agree to rounding.
    Long sums, for which NumPy's pairwise
    order is more accurate, are left alone.
    """
    by: dict[int, Step] = {}
    readers: Counter[int] = Counter()
    fresh = Fresh(program)

    def rewrite(step: Step) -> Any:
        if step.function is not SUM:
            return step
        if not by:
            by.update(made_from(program))
            readers.update(read_counts(program))
        x, axes, keepdims = step.args
        product = by.get(x.index) if type(x) is Var and readers[x.index] == 1 and x.kind == "array" else None
        if product is not None and product.function is operator.mul and step.out.kind == "scalar":
            u, v = product.args
            is_product = shape_of(u) == shape_of(v) and u.dtype == v.dtype == x.dtype == step.out.dtype
            if is_product and x.dtype in (np.float64, np.float32) and 0 < math.prod(x.shape) <= MOST_TERMS:
                return step._replace(function=np.vdot, args=(u, v), kwargs={}, quiet=step.quiet and product.quiet)
        if len(axes) != 1 or x.dtype not in (np.float64, np.float32) or not 2 <= x.shape[axes[0]] <= MOST_TERMS:
            return step
        n, last, out = x.shape[axes[0]], len(x.shape) - 1, step.out
        if last == 0:
            return step._replace(function=np.vdot, args=(np.ones(n, x.dtype), x)) if out.kind == "scalar" else step
        if last == 1 or (n >= 8 and axes[0] >= last - 1):  # each matrix of a stack alone
            is_first = axes[0] == last - 1
            if not keepdims or last > 1:
                ones = np.ones((1, n) if is_first else (n, 1), x.dtype) if keepdims else np.ones(n, x.dtype)
                return step._replace(function=operator.matmul, args=(ones, x) if is_first else (x, ones))
            ones = np.ones(n, x.dtype)  # by a vector BLAS is faster than by a matrix of one column
            args, shape = ((ones, x), x.shape[1:]) if is_first else ((x, ones), x.shape[:1])
            sums = beside(step, fresh(), operator.matmul, args, shape)
            return [sums, step._replace(function=duck.reshape, args=(sums.out, out.shape))]
        if 0 in x.shape or not (axes[0] == last or (n >= 8 and axes[0] == 0)):
            return step
        ones, rest = np.ones(n, x.dtype), math.prod(x.shape) // n
        shape = (rest, n) if axes[0] == last else (n, rest)
        flat = beside(step, fresh(), duck.reshape, (x, shape), shape)
        sums = beside(
            step, fresh(), operator.matmul, (flat.out, ones) if axes[0] == last else (ones, flat.out), (rest,)
        )
        return [flat, sums, step._replace(function=duck.reshape, args=(sums.out, out.shape))]

    return renamed(program, rewrite, (SUM,))


def in_any_order(program: Program) -> Program:
    """What only puts entries into another order of memory goes: copies, and tiles that broadcasting does without.

    The program stays as it is where something asks for that order.
    """
    ordering = (np.copy, np.ascontiguousarray, np.ravel, np.tile, np.broadcast_to)
    if not any(step.function in ordering for step in program.steps):
        return program
    if any(step.function is has_strides or {"A", "K"} & {*words(step)} for step in program.steps):
        return program

    def rewrite(step: Step) -> Any:
        x = step.args[0] if step.args else None
        is_array = type(x) is Var and x.kind == "array" and type(step.out) is Var and step.out.kind == "array"
        if step.kwargs or not is_array:
            return step
        if step.function in (np.copy, np.ascontiguousarray) and len(step.args) == 1 and same_type(x, step.out):
            return x
        if step.function is np.ravel and step.args[1:] in ((), ("C",)):
            return step._replace(function=duck.reshape, args=(x, step.out.shape))
        return step

    return narrowed(renamed(program, rewrite), in_any_order=True)


def words(step: Step) -> list[str]:
    """The texts among the arguments of a step."""
    return [each for each in (*step.args, *step.kwargs.values()) if type(each) is str]


FEW = 8  #: entries of a last axis, up to which maxima of columns are faster


def maxima_by_columns(program: Program) -> Program:
    """The maximum over a short last axis becomes that of its columns, in a fifth of the time.

    Which of two equal zeros, or of several NaN, is the largest is left open.
    """
    if not any(is_over_few(step) for step in program.steps if step.function in (MAX, MIN)):
        return program
    fresh, facts = Fresh(program), Facts()

    def by_columns(step: Step) -> Any:
        if step.function not in (MAX, MIN) or not is_over_few(step) or not facts.lies_in_rows(step.args[0]):
            return step
        x, _, keepdims = step.args
        n = x.shape[-1]
        steps: list[Step] = []

        def write(function: Any, *args: Any) -> Var:
            shape = (*x.shape[:-1], 1) if keepdims else x.shape[:-1]
            steps.append(beside(step, fresh(), function, args, shape))
            return steps[-1].out

        largest = None
        for k in range(n):
            column = write(operator.getitem, x, (..., slice(k, k + 1) if keepdims else k))
            largest = column if largest is None else write(step.function.ufunc, largest, column)
        return [*steps[:-1], steps[-1]._replace(out=step.out)]

    return renamed(program, facts.noting(by_columns))


LOOPS = 128  #: of an operation, from which on it pays to make them one
SHORT = 16  #: entries that such a loop goes through, at most
MOST_BYTES = 1 << 23  #: of a result: beyond them copies wait for memory


def long_loops(program: Program) -> Program:
    """An operand is repeated where an operation entry by entry would stretch it in many short loops.

    NumPy's innermost loop is as long as the last axes along which all operands go on, or all are stretched: of
    (500, 1, 4) less (5, 4) that are 4 entries. To copy pieces is faster than to begin a loop. The first operand
    repeated, loops of 20 entries take half of the time, copying included. It is guessed that arguments lie by rows.
    """
    if not any(map(short_loops, program.steps)):
        return program
    fresh, facts = Fresh(program), Facts()
    facts.in_rows.update([var.index for var in program.inputs])

    def lengthened(step: Step) -> Any:
        out, shapes = step.out, short_loops(step)
        if not shapes:
            return step
        length, size = loop_length(out.shape, shapes), math.prod(out.shape)
        if any(shape == out.shape and not facts.lies_in_rows(arg) for arg, shape in zip(step.args, shapes)):
            return step
        longest, k = max([
            (loop_length(out.shape, [*shapes[:k], out.shape, *shapes[k + 1 :]]), k)
            for k, arg in enumerate(step.args)
            if type(arg) is Var and arg.dtype == out.dtype and 1 < math.prod(arg.shape) < size
        ], default=(0, 0))  # fmt: skip
        axes = [axis for axis, n in enumerate(out.shape) if n != shapes[k][axis]]
        if longest < 4 * length or axes != list(range(axes[0], axes[-1] + 1)):
            return step
        before, after = shapes[k][: axes[0]], shapes[k][axes[-1] + 1 :]
        steps, value = list[Step](), step.args[k]
        count = math.prod([out.shape[axis] for axis in axes])
        for function, shape, args in (
            (duck.reshape, (*before, 1, *after), ((*before, 1, *after),)),
            (np.repeat, (*before, count, *after), (count, len(before))),
            (duck.reshape, out.shape, (out.shape,)),
        ):
            if value.shape != shape:
                steps.append(beside(step, fresh(), function, (value, *args), shape))
                value = steps[-1].out
        return [*steps, step._replace(args=(*step.args[:k], value, *step.args[k + 1 :]))]

    return renamed(program, facts.noting(lengthened))


def short_loops(step: Step) -> list[tuple[int, ...]]:
    """The shapes of the operands, with all axes, of an operation entry by entry in many short loops; or none."""
    out = step.out
    if type(out) is not Var or out.kind != "array" or step.kwargs or not works_by_entry(step.function):
        return []
    size = math.prod(out.shape)
    if size < LOOPS or size * out.dtype.itemsize > MOST_BYTES:
        return []
    shapes = [(1,) * (len(out.shape) - len(shape_of(arg))) + tuple(shape_of(arg)) for arg in step.args]
    length = loop_length(out.shape, shapes)
    return [] if length > SHORT or size < LOOPS * length else shapes


def loop_length(out: tuple[int, ...], shapes: list[tuple[int, ...]]) -> int:
    """The entries of the innermost loop over operands of these shapes: the axes that all of them stretch, or none."""
    length, stretched = 1, None
    for axis in reversed(range(len(out))):
        if out[axis] != 1:
            now = [shape[axis] == 1 for shape in shapes]
            if stretched not in (None, now):
                break
            length, stretched = length * out[axis], now
    return length


def is_over_few(step: Step) -> bool:
    """Whether a reduction is one over a short last axis, of many rows."""
    x, axes, _ = step.args
    return bool(axes == (len(x.shape) - 1,) and 2 <= x.shape[-1] <= FEW and math.prod(x.shape[:-1]) >= 32)


def inverses_shared(program: Program) -> Program:
    """Where a matrix is inverted, systems with it, or with its transpose, are products with the inverse."""
    inverse_of = {
        step.args[0].index: step
        for step in program.steps
        if step.function is np.linalg.inv and not step.kwargs and type(step.args[0]) is Var
        and len(step.args[0].shape) == 2 and step.args[0].dtype in (np.float64, np.float32)
    }  # fmt: skip
    if not inverse_of:
        return program
    by, fresh, written = made_from(program), Fresh(program), set[int]()

    def first(index: int) -> list[Step]:
        """The inverse, where it is needed for the first time."""
        if index in written:
            return []
        written.add(index)
        return [inverse_of[index]]

    def rewrite(step: Step) -> Any:
        if step.function is np.linalg.inv and type(step.args[0]) is Var and step.args[0].index in inverse_of:
            return first(step.args[0].index)
        if step.function is not np.linalg.solve or step.kwargs or type(step.out) is not Var:
            return step
        matrix, right = step.args
        if type(matrix) is not Var or step.out.dtype != matrix.dtype or len(shape_of(right)) > 2:
            return step
        made = by.get(matrix.index)
        is_transposed = made is not None and made.function is np.transpose and made.args[1:] == ((1, 0),)
        source = made.args[0] if made is not None and is_transposed else matrix
        if source.index not in inverse_of:
            return step
        steps = first(source.index)
        inverse = inverse_of[source.index].out
        if is_transposed:
            steps.append(beside(step, fresh(), np.transpose, (inverse, (1, 0)), matrix.shape))
            inverse = steps[-1].out
        return [*steps, step._replace(function=operator.matmul, args=(inverse, right))]

    return renamed(program, rewrite)


def einsums_as_products(program: Program) -> Program:
    """Einsums of two operands become products of matrices, see `rules.contractions`.

    They add in another order: the results agree to rounding.
    """
    fresh = Fresh(program)

    def rewrite(step: Step) -> Any:
        if step.function is not np.einsum or len(step.args) != 3 or not set(step.kwargs) <= {"optimize"}:
            return step
        subscripts, x, y = step.args
        are_arrays = all((type(v) is Var and v.kind == "array") or type(v) is np.ndarray for v in (x, y))
        if not are_arrays or not isinstance(subscripts, str) or type(step.out) is not Var or "->" not in subscripts:
            return step
        terms, _, out = subscripts.replace(" ", "").partition("->")
        first, _, second = terms.partition(",")
        plan = planned((first, second), out, (x.shape, y.shape), (x.dtype, y.dtype)) if "." not in subscripts else None
        if plan is None or step.out.kind != "array":
            return step
        steps: list[Step] = []

        def write(function: Any, shape: tuple[int, ...], *args: Any) -> Var:
            steps.append(beside(step, fresh(), function, args, shape))
            return steps[-1].out

        computed(
            plan, x, y,
            lambda v, axes: write(np.transpose, tuple([v.shape[a] for a in axes]), v, axes),
            lambda v, shape: write(duck.reshape, shape, v, shape),
            lambda a, b: write(operator.matmul, (*a.shape[:-1], b.shape[-1]), a, b),
        )  # fmt: skip
        return [*steps[:-1], steps[-1]._replace(out=step.out)]

    return renamed(program, rewrite, (np.einsum,))


FOR_LOOPS: tuple[Pass, ...] = (
    squares, sums_in_order, in_any_order, einsums_as_products, *PASSES, maxima_cancelled, inverses_shared,
    without_dead_code, diagonals,
)  # fmt: skip
ROUNDING: tuple[Pass, ...] = (
    *FOR_LOOPS, shifts_left_out, scalings, sums_from_within, sums_as_products, maxima_by_columns, columns_of_products,
    without_dead_code, long_loops,
)  # fmt: skip
