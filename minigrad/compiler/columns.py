"""A column that is added to a product of matrices, as one more column of the first of them.

NumPy adds a column to a matrix row by row, which takes longer than the product does where that is small. As a column of
the product it is added last, so the bits are the same, unless BLAS adds some terms of its sums apart from the others:
that depends on the shapes, and is tried out.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from minigrad.compiler.canonical import OPERATORS
from minigrad.compiler.program import Program, Step, Var
from minigrad.compiler.rewriting import made_from, read_counts, renamed

_BY_ENTRY = {*OPERATORS.values()} - {operator.matmul}
LARGE = 1 << 16  #: bytes of a matrix from which on the product takes longer than the sum
NARROW = 16  #: columns up to which the sum takes no time
MOST_COPIED = 1 << 12  #: entries of the second matrix that are copied for a result of fewer rows


def product_plus_column(matrix: Any, x: Any, column: Any) -> Any:
    """matrix @ x + column."""
    return matrix @ x + column


def columns_of_products(program: Program) -> Program:
    """Sums of a product and of a column become one step.

    The bits are the same for matrices that lie by rows, and elsewhere up to rounding.
    """
    by = made_from(program)
    readers = read_counts(program)

    def rewrite(step: Step) -> Any:
        if step.function is not operator.add or type(step.out) is not Var:
            return step
        for product, column in (step.args, step.args[::-1]):
            made = by.get(product.index) if type(product) is Var and readers[product.index] == 1 else None
            if made is None or made.function is not operator.matmul or made.quiet != step.quiet:
                continue
            matrix, x = made.args
            writer = by[x.index].function if type(x) is Var and x.index in by else None
            is_copied = not (type(writer) is np.ufunc or writer in _BY_ENTRY)  # others may write it above ones
            values = matrix, x, column, step.out
            if all(map(is_matrix, values)) and is_worthwhile(*values, is_copied):
                return step._replace(function=product_plus_column, args=(matrix, x, column))
        return step

    return renamed(program, rewrite)


def is_matrix(value: Any) -> bool:
    """Whether a variable or constant is a matrix of floats that BLAS knows, and not large."""
    if not (type(value) is Var and value.kind == "array") and type(value) is not np.ndarray:
        return False
    size = value.dtype.itemsize * int(np.prod(value.shape))
    return len(value.shape) == 2 and value.dtype in (np.float64, np.float32) and 0 < size < LARGE


def is_worthwhile(matrix: Any, x: Any, column: Any, out: Var, is_copied: bool) -> bool:
    """Whether shapes fit, and the sum takes longer than putting the operands beside a column and above ones."""
    (rows, inner), n = matrix.shape, x.shape[1]
    is_one_dtype = matrix.dtype == x.dtype == column.dtype == out.dtype
    fits = is_one_dtype and column.shape == (rows, 1) and out.shape == (rows, n) and n >= NARROW
    is_quick = not is_copied or inner <= rows or inner * n <= MOST_COPIED
    return fits and is_quick and keeps_bits(rows, inner, n, out.dtype)


@functools.lru_cache(maxsize=256)
def keeps_bits(rows: int, inner: int, n: int, dtype: Any) -> bool:
    """Whether BLAS adds the terms of its sums one after the other, for matrices of these shapes."""
    wide = np.sin(np.arange(rows * (inner + 1), dtype=dtype)).reshape(rows, inner + 1)
    above = np.cos(np.arange((inner + 1) * n, dtype=dtype)).reshape(inner + 1, n)
    above[-1] = 1.0
    matrix, column = np.ascontiguousarray(wide[:, :-1]), wide[:, -1:]
    return np.array_equal(wide.dot(above), matrix.dot(above[:-1]) + column)
