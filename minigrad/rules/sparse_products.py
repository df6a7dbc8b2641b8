"""Products with a constant sparse array, of SciPy or of the library `sparse`: `A @ x`, `x @ A`, `A * x`.

A product is made of operations that have rules: the entries of x that the stored numbers meet, times these numbers,
added up by rows. So it has derivatives of every order in every mode, in time and memory that are linear in the stored
numbers, and the sums are in SciPy's order. Neither library is imported: whoever has such an array has it.

`A * x`, entry by entry, is stored where A is: a `TracedSparse`, which can be summed and multiplied again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core.adopted import SPARSE
from minigrad.core.duck_arrays import Duck
from minigrad.core.foreign import as_plain_code, described, is_sparse
from minigrad.core.lines import located
from minigrad.core.tape import refusal
from minigrad.rules.elementwise import divide, multiply
from minigrad.rules.moving import scatter_add
from minigrad.rules.products import matmul
from minigrad.rules.shapes import axes_of, reshape, sum_, transpose


class TracedSparse:
    """A sparse array whose stored numbers are traced. It is made by `A * x`, and lives within the function.

    `data` are the numbers, `stored_at` their positions along each axis. Sums and products with dense factors are dense
    traced arrays; a factor of the same or a smaller shape gives another sparse one.
    """

    __slots__ = ("data", "shape", "stored_at")
    __array_priority__ = 1000.0

    def __init__(self, data: Any, stored_at: tuple[np.ndarray, ...], shape: tuple[int, ...]) -> None:
        self.data, self.stored_at, self.shape = data, stored_at, shape

    @property
    def dtype(self) -> Any:
        """The dtype of the stored numbers."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def T(self) -> TracedSparse:
        """The axes in reverse order."""
        return TracedSparse(self.data, self.stored_at[::-1], self.shape[::-1])

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """The sum over axes, as a dense array."""
        if dtype is not None or out is not None:
            raise refusal(TypeError, "sum: of a sparse array without dtype= and out=")
        axes = axes_of(axis, self.ndim)
        kept = tuple(n for k, n in enumerate(self.shape) if k not in axes)
        if kept:
            rest = tuple(at for k, at in enumerate(self.stored_at) if k not in axes)
            index = np.ravel_multi_index(rest, kept)
            total = reshape(scatter_add(self.data, index=index, size=int(np.prod(kept))), shape=kept)
        else:
            total = sum_(self.data)
        wide = tuple(1 if k in axes else n for k, n in enumerate(self.shape))
        return reshape(total, shape=wide) if keepdims else total

    def todense(self) -> Any:
        """The dense array."""
        return self.sum(())

    toarray = todense

    def dot(self, other: Any) -> Any:
        """The product, as `@`."""
        return sparse_product(self, other)

    def __matmul__(self, other: Any) -> Any:
        return sparse_product(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return sparse_product(other, self)

    def __mul__(self, other: Any) -> Any:
        return _entrywise("*", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return _entrywise("/", self, other)

    def __neg__(self) -> Any:
        return TracedSparse(-self.data, self.stored_at, self.shape)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any) -> Any:
        operator = {np.matmul: sparse_product, np.multiply: _by_star, np.divide: lambda x, y: x / y}.get(ufunc)
        if operator is None or method != "__call__" or options or (ufunc is np.divide and args[0] is not self):
            raise _refused(ufunc.__name__, self)
        return operator(*args)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise _refused("np.asarray", self)


def _no_operator(name: str) -> Any:
    def operate(self: TracedSparse, *_: Any) -> Any:
        raise _refused(name, self)

    return operate


for _name, _sign in {"add": "+", "sub": "-", "pow": "**", "mod": "%", "floordiv": "//"}.items():
    setattr(TracedSparse, f"__{_name}__", _no_operator(_sign))
    setattr(TracedSparse, f"__r{_name}__", _no_operator(_sign))
for _name in ("rtruediv", "abs", "getitem", "iter", "bool", "lt", "gt"):
    setattr(TracedSparse, f"__{_name}__", _no_operator({"rtruediv": "/", "lt": "<", "gt": ">"}.get(_name, _name)))


def _refused(operation: str, value: Any) -> Exception:
    return refusal(
        TypeError,
        f"{operation}: {described(value)} cannot take part in a differentiated operation, but for sums and products, "
        f"A @ x, x @ A and A * x; its numbers can, A.data; or pass an array: {as_plain_code(value)}",
    )


def stored(array: Any) -> TracedSparse:
    """The stored numbers of a sparse array, and where they are."""
    if type(array) is TracedSparse:
        return array
    if hasattr(array, "fill_value"):  # of the library `sparse`
        if array.fill_value != 0:
            raise refusal(
                TypeError,
                f"a sparse array that is {array.fill_value} where nothing is stored cannot take part in a "
                f"differentiated operation; write (A - c) @ x + c * np.sum(x)",
            )
        found = array.asformat("coo")
        return TracedSparse(found.data.copy(), tuple(at.astype(np.intp) for at in found.coords), tuple(found.shape))
    found = array.tocoo()
    at = found.coords if hasattr(found, "coords") else (found.row, found.col)
    return TracedSparse(found.data.copy(), tuple(part.astype(np.intp) for part in at), tuple(found.shape))


def with_numbers(like: Any, numbers: Any) -> Any:
    """A sparse array of the kind of another one, with other numbers where that one has its own."""
    if type(like) is TracedSparse:
        return TracedSparse(numbers, like.stored_at, like.shape)
    if hasattr(like, "fill_value"):
        new = like.asformat("coo").copy()
        new.data = numbers
        return new if type(new) is type(like) else new.asformat(type(like).__name__.lower())
    new = like.tocoo(copy=True)
    new.data = numbers
    return new.asformat(like.format)


# ----- products of matrices -------------------------------------------------------------------------------------------


def sparse_product(x: Any, y: Any) -> Any:
    """`x @ y`, one of which is a sparse array."""
    if is_sparse(x) and is_sparse(y):
        raise refusal(
            TypeError,
            f"@: a product of two sparse arrays, one of them traced; write A @ (B @ x), or {as_plain_code(y, 'B')}",
        )
    if is_sparse(x):
        return _from_the_left(x, y)
    if len(y.shape) != 2 or len(x.shape) not in (1, 2):
        raise _misfit(x, y)
    return _turned(_from_the_left(stored(y).T, _turned(x)))


def _turned(x: Any) -> Any:
    return x if len(x.shape) < 2 else transpose(x, axes=(1, 0))


def _from_the_left(matrix: Any, x: Any) -> Any:
    if len(matrix.shape) != 2 or len(x.shape) not in (1, 2) or matrix.shape[1] != x.shape[0]:
        raise _misfit(matrix, x)
    found = stored(matrix)
    rows, columns, numbers = *found.stored_at, found.data
    if len(x.shape) == 1:
        return scatter_add(multiply(numbers, x[columns]), index=rows, size=matrix.shape[0])
    width = x.shape[1]
    parts = reshape(multiply(numbers[:, None], x[columns]), shape=(-1,))
    index = (rows[:, None] * width + np.arange(width)).reshape(-1)
    return reshape(scatter_add(parts, index=index, size=matrix.shape[0] * width), shape=(matrix.shape[0], width))


def _misfit(x: Any, y: Any) -> ValueError:
    return ValueError(
        located(
            f"@: the shapes {tuple(x.shape)} and {tuple(y.shape)} do not fit; a sparse matrix is multiplied by vectors "
            f"and matrices"
        )
    )


# ----- products of entries --------------------------------------------------------------------------------------------


def _by_star(x: Any, y: Any) -> Any:
    """`x * y`: of SciPy's matrices the product, as `@`; of sparse arrays that of entries."""
    sparse, other = (x, y) if is_sparse(x) else (y, x)
    if type(sparse).__name__.endswith("_matrix") and len(np.shape(other)):
        return sparse_product(x, y)
    return _entrywise("*", sparse, other)


def _entrywise(operator: str, sparse: Any, other: Any) -> TracedSparse:
    """The stored numbers times, or by, the entries of a dense factor that they meet."""
    found = stored(sparse)
    if is_sparse(other):
        raise refusal(
            TypeError,
            f"{operator}: two sparse arrays, one of them traced; make the other dense: {as_plain_code(other)}",
        )
    if not hasattr(other, "shape"):
        other = np.asarray(other)
    shape = tuple(other.shape)
    lead = len(found.shape) - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, found.shape[lead:])):
        raise ValueError(
            located(
                f"{operator}: a factor of shape {shape} does not broadcast to the shape {found.shape} of the sparse "
                f"array"
            )
        )
    if shape:
        index = tuple(at if n > 1 else np.zeros_like(at) for at, n in zip(found.stored_at[lead:], shape))
        other = other[index]
    numbers = multiply(found.data, other) if operator == "*" else divide(found.data, other)
    return TracedSparse(numbers, found.stored_at, found.shape)


def _by_slash(x: Any, y: Any) -> Any:
    """`x / y`: of a sparse array by a dense one."""
    if not is_sparse(x) or is_sparse(y):
        raise _refused("/", y)
    return _entrywise("/", x, y)


SPARSE |= {"stored": stored, "with_numbers": with_numbers}
matmul.primitive.by_sparse = sparse_product
divide.primitive.by_sparse = _by_slash
multiply.primitive.by_sparse = _by_star
Duck.by_sparse = staticmethod(sparse_product)
Duck.by_star, Duck.by_slash = staticmethod(_by_star), staticmethod(_by_slash)
