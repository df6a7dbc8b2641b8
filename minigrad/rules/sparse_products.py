"""Products with a constant sparse matrix of SciPy: `M @ x`, `M.dot(x)`, `x @ M`, and `*` of those that mean it.

A product is made of operations that have rules: the entries of x that the stored numbers meet, times these numbers,
added up by rows. So it has derivatives of every order in every mode, in time and memory that are linear in the stored
numbers, and the sums are in SciPy's order. SciPy itself is not imported: whoever has such a matrix has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core.duck_arrays import Duck
from minigrad.core.foreign import as_plain_code, described, is_sparse
from minigrad.core.lines import located
from minigrad.core.tape import refusal
from minigrad.rules.elementwise import multiply
from minigrad.rules.moving import scatter_add
from minigrad.rules.products import matmul
from minigrad.rules.shapes import reshape, transpose


def sparse_product(x: Any, y: Any) -> Any:
    """`x @ y`, one of which is a sparse matrix."""
    if is_sparse(x):
        return _from_the_left(x, y)
    if len(y.shape) != 2 or len(x.shape) not in (1, 2):
        raise _misfit(x, y)
    return _turned(_from_the_left(y.T, _turned(x)))


def _turned(x: Any) -> Any:
    return x if len(x.shape) < 2 else transpose(x, axes=(1, 0))


def _from_the_left(matrix: Any, x: Any) -> Any:
    if len(matrix.shape) != 2 or len(x.shape) not in (1, 2) or matrix.shape[1] != x.shape[0]:
        raise _misfit(matrix, x)
    found = matrix.tocoo()
    rows, columns, numbers = found.row.astype(np.intp), found.col.astype(np.intp), found.data.copy()
    if len(x.shape) == 1:
        return scatter_add(numbers * x[columns], index=rows, size=matrix.shape[0])
    width = x.shape[1]
    parts = reshape(numbers[:, None] * x[columns], shape=(-1,))
    index = (rows[:, None] * width + np.arange(width)).reshape(-1)
    return reshape(scatter_add(parts, index=index, size=matrix.shape[0] * width), shape=(matrix.shape[0], width))


def _misfit(x: Any, y: Any) -> ValueError:
    return ValueError(
        located(
            f"@: the shapes {tuple(x.shape)} and {tuple(y.shape)} do not fit; a sparse matrix is multiplied by vectors "
            f"and matrices"
        )
    )


def _by_star(x: Any, y: Any) -> Any:
    """`x * y`: of SciPy's matrices the product, as `@`; of its arrays that of entries, which would be sparse."""
    sparse, other = (x, y) if is_sparse(x) else (y, x)
    if type(sparse).__name__.endswith("_matrix") and len(other.shape):
        return sparse_product(x, y)
    raise refusal(
        TypeError,
        f"*: {described(sparse)} cannot take part in a differentiated operation, but for products, M @ x and x @ M: "
        f"this one would be a sparse matrix. Multiply by an array, {as_plain_code(sparse)}; or move a number: "
        f"M @ (c * x) for (c * M) @ x",
    )


matmul.primitive.by_sparse = sparse_product
multiply.primitive.by_sparse = _by_star
Duck.by_sparse = staticmethod(sparse_product)
Duck.by_star = staticmethod(_by_star)
