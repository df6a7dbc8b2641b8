"""Matrices that are zero but on a few diagonals, as the vectors that they are.

Jacobians and Hessians begin with the rows of the identity: an operation entry by entry makes a diagonal of them, a
slice shifts it, and only a product of matrices fills it up. Here such values are kept as their diagonals. Products with
a diagonal matrix become products with its vector, and what is left in the end is written into zeros.

What is zero stays zero: an infinite entry beside the diagonals would have given NaN. Where that matters the program is
made to hold for finite factors alone.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.algebra import simplified
from minigrad.compiler.answers import is_finite
from minigrad.compiler.passes import folded, optimised, shared, without_dead_code
from minigrad.compiler.program import Program, Step, Var, made_by, reads, variables
from minigrad.compiler.render import SCATTER
from minigrad.compiler.rewriting import Fresh, beside, shape_of
from minigrad.core.origins import PLAIN_ORIGIN

Bands = dict[int, Any]  #: diagonals of a matrix by their offsets, as for `np.diagonal`: variables or constants
_TERM_BY_TERM = {operator.add, operator.sub, operator.mul, operator.truediv}
LEAST = 8  #: rows and columns of a matrix, below which nothing is gained
MOST = 4  #: diagonals
CALL = 500  #: numbers that are computed in the time of a call


def banded(*diagonals: np.ndarray, starts: Sequence[tuple[int, int]], shape: tuple[int, int], dtype: Any) -> np.ndarray:
    """The sum of matrices of zeros, each with numbers that go down to the right from an entry.

    >>> banded(np.ones(3), np.full(2, 5.0), starts=[(0, 0), (0, 1)], shape=(3, 3), dtype=np.float64)
    array([[1., 5., 0.],
           [0., 1., 5.],
           [0., 0., 1.]])
    """
    total = np.zeros(shape, dtype)
    flat, step = total.reshape(-1), shape[1] + 1
    for diagonal, (row, column) in zip(diagonals, starts):
        start = row * shape[1] + column
        flat[start : start + (len(diagonal) - 1) * step + 1 : step] += diagonal
    return total


def place(offset: int, shape: Sequence[int]) -> tuple[int, int, int]:
    """The row and the column at which a diagonal begins, and its length."""
    row, column = max(0, -offset), max(0, offset)
    return row, column, min(shape[0] - row, shape[1] - column)


def diagonals(program: Program, *, is_guarded: bool = False) -> Program:
    """Products with diagonal matrices become products with vectors.

    The program stays as it is where that does not spare work. If `is_guarded`, it holds for finite factors only.
    """
    constants = [arg for step in program.steps for arg in step.args if type(arg) is np.ndarray]
    if not any(map(is_candidate, constants)):  # where all diagonals begin
        return program
    after = optimised(_Walk(program, is_guarded).program, (simplified, folded, shared, without_dead_code))
    return after if cost(after) < cost(program) else program


def cost(program: Program) -> int:
    """How many numbers the steps of a program compute, and the calls as so many more."""
    return sum([CALL + sum([math.prod(var.shape) for var in made_by(step)]) for step in program.steps])


def is_candidate(value: Any) -> bool:
    """Whether a value is a matrix of floats that is not small."""
    shape = shape_of(value)
    return len(shape) == 2 and min(shape) >= LEAST and value.dtype in (np.float64, np.float32)


class _Walk:
    """Once through a program."""

    def __init__(self, program: Program, is_guarded: bool) -> None:
        self.is_guarded = is_guarded
        self.finite: set[int] = set()  #: variables that are guarded
        self.known: dict[int, Bands] = {}  #: of variables, by index
        self.constants: dict[int, Bands | None] = {}  #: by id
        self.scattered: dict[int, Any] = {}  #: of matrices made of diagonals: where each one begins, and its vector
        self.unwritten: dict[int, tuple[Var, Step]] = {}  #: matrices that are known by their diagonals only
        self.steps: list[Step] = []
        self.fresh = Fresh(program)
        for step in program.steps:
            if not (type(step.out) is Var and is_candidate(step.out) and self._is_taken(step)):
                self._write(step)
                self.steps.append(step)
        for output in variables(program.outputs):
            self._write_one(output.index)
        self.program = program._replace(steps=self.steps)

    def _write(self, step: Step) -> None:
        """Make the matrices that a step reads."""
        for var in reads(step):
            self._write_one(var.index)

    def _write_one(self, index: int) -> None:
        if index in self.unwritten:
            out, step = self.unwritten.pop(index)
            parts = [(place(offset, out.shape)[:2], vector) for offset, vector in self.known[index].items()]
            self._matrix(step._replace(out=out), parts)

    def _matrix(self, step: Step, parts: Sequence[tuple[tuple[int, int], Any]]) -> None:
        starts, vectors = zip(*constants_joined(parts, step.out.dtype))
        settings = {"starts": starts, "shape": step.out.shape, "dtype": step.out.dtype.type}
        self.steps.append(step._replace(function=banded, args=vectors, kwargs=settings))

    def _make(self, step: Step, function: Any, args: tuple[Any, ...], shape: tuple[int, ...]) -> Var:
        self.steps.append(beside(step, self.fresh(), function, args, shape))
        return self.steps[-1].out

    def _guard(self, factor: Any) -> None:
        """From here on a factor beside zeros is finite."""
        if self.is_guarded and type(factor) is Var and factor.index not in self.finite:
            self.finite.add(factor.index)
            self.steps.append(Step(None, is_finite, (factor, True), {}, False, PLAIN_ORIGIN))

    def _bands(self, value: Any) -> Bands | None:
        """The diagonals of a value, if it is a matrix with a few."""
        if type(value) is Var:
            return self.known.get(value.index)
        if type(value) is not np.ndarray or not is_candidate(value):
            return None
        if id(value) not in self.constants:
            is_sparse = np.count_nonzero(value) <= MOST * max(value.shape)
            offsets = np.unique(np.subtract(*np.nonzero(value)[::-1])).tolist() if is_sparse else []
            bands = {offset: np.diagonal(value, offset).copy() for offset in offsets[: MOST + 1]}
            self.constants[id(value)] = bands if 0 < len(bands) <= MOST else None
        return self.constants[id(value)]

    def _is_taken(self, step: Step) -> bool:
        """Whether the result of a step has diagonals, or is a product with one; then all that it needs is there."""
        function, args, out = step.function, step.args, step.out
        if function is SCATTER:
            return self._is_scattered(step)
        parts = self.scattered.get(args[0].index) if args and type(args[0]) is Var and not step.kwargs else None
        if parts is not None:
            if function is np.transpose and args[1:] == ((1, 0),):
                return self._is_made_of(step, [((column, row), vector) for (row, column), vector in parts])
            if function is np.copy and len(args) == 1:
                return self._is_made_of(step, parts)
        found = [] if step.kwargs else [self._bands(arg) for arg in args]
        k = next((k for k, bands in enumerate(found) if bands is not None), None)
        mine = found[k] if k is not None else None
        if k is None or mine is None:
            return False
        if function is operator.matmul:
            return self._is_product(step, k, mine)
        bands: Bands | None = None
        if function is operator.neg:
            bands = {offset: self._along(step, offset, vector) for offset, vector in mine.items()}
        elif function is np.transpose and args[1:] == ((1, 0),):
            bands = {-offset: vector for offset, vector in mine.items()}
        elif function in _TERM_BY_TERM and shape_of(args[k]) == out.shape:
            bands = self._of_two(step, k, mine, found[1 - k])
        if bands is None or len(bands) > MOST:
            return False
        self.known[out.index] = bands
        self.unwritten[out.index] = out, step
        return True

    def _along(self, step: Step, offset: int, *args: Any) -> Var:
        """The operation along a diagonal."""
        return self._make(step, step.function, args, (place(offset, step.out.shape)[2],))

    def _of_two(self, step: Step, k: int, mine: Bands, other: Bands | None) -> Bands | None:
        """A sum, difference, product or quotient, one of whose operands has diagonals, and perhaps both."""
        function = step.function
        if function in (operator.add, operator.sub):
            if other is None or step.args[0].shape != step.args[1].shape:
                return None
            x, y = (mine, other) if k == 0 else (other, mine)
            bands = dict(x)
            for offset, vector in y.items():
                if offset in x:
                    bands[offset] = self._along(step, offset, x[offset], vector)
                elif function is operator.add:
                    bands[offset] = vector
                else:
                    bands[offset] = self._along(step._replace(function=operator.neg), offset, vector)
            return bands
        if function is operator.truediv and (k == 1 or other is not None):
            return None
        if other is None:
            self._guard(step.args[1 - k])
        bands = {}
        for offset, vector in mine.items():
            factor = self._entries(step, offset, step.args[1 - k]) if other is None else other.get(offset, 0.0)
            if factor is None:
                return None
            if other is None or offset in other:
                bands[offset] = self._along(step, offset, *((vector, factor) if k == 0 else (factor, vector)))
        return bands or None

    def _entries(self, step: Step, offset: int, factor: Any) -> Any:
        """The entries of a factor along a diagonal: of a number, a row or a column."""
        shape = shape_of(factor)
        row, column, length = place(offset, step.out.shape)
        if math.prod(shape) == 1:
            return factor if not shape else self._make(step, operator.getitem, (factor, (0,) * len(shape)), ())
        if shape in ((step.out.shape[1],), (1, step.out.shape[1])):
            index: Any = slice(column, column + length)
            is_whole = shape == (length,)
            return factor if is_whole else self._make(
                step, operator.getitem, (factor, (0, index) if len(shape) == 2 else index), (length,)
            )  # fmt: skip
        if shape == (step.out.shape[0], 1):
            return self._make(step, operator.getitem, (factor, (slice(row, row + length), 0)), (length,))
        return None

    def _is_product(self, step: Step, k: int, mine: Bands) -> bool:
        """A product with a square diagonal matrix scales rows or columns."""
        matrix, other = step.args[k], step.args[1 - k]
        if [*mine] != [0] or matrix.shape[0] != matrix.shape[1] or not is_candidate(other):
            return False
        for var in variables(other):
            self._write_one(var.index)
        self._guard(other)
        args = other, mine[0]
        if k == 0:
            args = self._make(step, operator.getitem, (mine[0], (slice(None), None)), (matrix.shape[0], 1)), other
        self.steps.append(step._replace(function=operator.mul, args=args))
        return True

    def _is_scattered(self, step: Step) -> bool:
        """Diagonals written into slices are diagonals of the whole."""
        parts: list[tuple[tuple[int, int], Any]] = []
        for arg, index in zip(step.args, step.kwargs["indices"]):
            mine, starts = self._bands(arg), _starts(index, step.out.shape)
            if mine is None or starts is None:
                return False
            for offset, vector in mine.items():
                row, column, _ = place(offset, arg.shape)
                parts.append(((row + starts[0], column + starts[1]), vector))
        return self._is_made_of(step, parts)

    def _is_made_of(self, step: Step, parts: Sequence[tuple[tuple[int, int], Any]]) -> bool:
        """The matrix is made of these diagonals."""
        self._matrix(step, parts)
        self.scattered[step.out.index] = parts
        return True


def constants_joined(parts: Sequence[tuple[tuple[int, int], Any]], dtype: Any) -> list[tuple[tuple[int, int], Any]]:
    """The parts of a matrix with one constant, at most, on each diagonal, before the others."""
    constants: dict[int, list[tuple[tuple[int, int], Any]]] = {}
    for start, vector in parts:
        if type(vector) is np.ndarray:
            constants.setdefault(start[1] - start[0], []).append((start, vector))
    joined: list[tuple[tuple[int, int], Any]] = []
    for found in constants.values():
        (row, column), _ = min(found, key=lambda part: part[0])
        total = np.zeros(max([start[0] - row + len(vector) for start, vector in found]), dtype)
        for start, vector in found:
            total[start[0] - row : start[0] - row + len(vector)] += vector
        joined.append(((row, column), total))
    return joined + [part for part in parts if type(part[1]) is not np.ndarray]


def _starts(index: Any, shape: Sequence[int]) -> tuple[int, int] | None:
    """Where slices without steps begin."""
    parts = index if type(index) is tuple else (index,)
    if len(parts) > 2 or not all(type(part) is slice and part.step in (None, 1) for part in parts):
        return None
    starts = [part.indices(n)[0] for part, n in zip(parts, shape)]
    return starts[0], starts[1] if len(starts) == 2 else 0


__all__ = ["banded", "diagonals"]
