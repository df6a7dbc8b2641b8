"""What minigrad promises of dask arrays, and how it is done where dask's answer is not NumPy's.

dask has no `ufunc.reduce`, no assignment that a rule could use, and no floating-point events. Its linear algebra wants
equal square chunks, and its Cholesky factor is the upper one. Cotangents of entries are put in their places by a
gather: every place of the result looks up what arrives there. Nothing here computes, with two exceptions that the user
asks for: derivatives by leaves of NumPy, and `float(x)` in the user's own program.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np

from minigrad.core import duck_arrays
from minigrad.core.adopted import Adapter
from minigrad.core.lines import located
from minigrad.rules.elementwise import tanh_slope_at, zero_times_infinity
from minigrad.rules.entrywise import ENTRYWISE, UFUNCS, reductions
from minigrad.rules.moving import scattered_add, scattered_sum

# ----- entry by entry -------------------------------------------------------------------------------------------------


def _by_blocks(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that works entry by entry, applied to the chunks."""

    def apply(*args: Any, **options: Any) -> Any:
        return da.core.elemwise(functools.partial(function, **options) if options else function, *map(_operand, args))

    return apply


def _operand(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, (list, tuple)) else value


def _zero_times_infinity(x: Any, y: Any) -> Any:
    """The function itself: dask pickles what it applies, by its name if that leads to it."""
    return zero_times_infinity(x, y)


# ----- reductions -----------------------------------------------------------------------------------------------------


def _spread_of(reduction: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, ddof=0, keepdims=False: reduction(x, axis=axis, ddof=ddof, keepdims=bool(keepdims))


def _plainly(reduction: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, keepdims=False: reduction(x, axis=axis, keepdims=bool(keepdims))


# ----- shapes ---------------------------------------------------------------------------------------------------------


def _reshape(x: Any, shape: Any, order: str = "C") -> Any:
    shape = shape if isinstance(shape, tuple) else (shape,)
    if -1 in shape:
        known = math.prod(n for n in shape if n != -1)
        shape = tuple([x.size // max(known, 1) if n == -1 else n for n in shape])
    if math.prod(shape) != x.size:
        raise ValueError(located(f"reshape: an array of shape {x.shape} does not fill the shape {shape}"))
    if order == "F":
        return _reshape(x.T, shape[::-1]).T
    try:
        return da.reshape(x, shape)
    except NotImplementedError:  # which merges or splits axes, and not both at once
        return da.reshape(da.reshape(x, (x.size,)), shape)


def _repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    x, axis = (_reshape(x, (-1,)), 0) if axis is None else (x, axis)
    return da.take(x, np.repeat(np.arange(x.shape[axis]), repeats), axis=axis)


def _pad(x: Any, pad_width: Any, mode: str = "constant") -> Any:
    widths = [tuple(map(int, pair)) for pair in np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))]
    if mode != "constant" and any(max(pair) > n - (mode == "reflect") for pair, n in zip(widths, x.shape)):
        raise NotImplementedError(located(f"pad: dask pads by no more than the array has, {x.shape}; pad twice"))
    return da.pad(x, widths, mode)


def _filled(number: Any, like: Any) -> Any:
    return da.full(like.shape, number, dtype=np.asarray(number).dtype, chunks=like.chunks)


def _fitted(array: Any, like: Any) -> Any:
    """An array of dask, or of NumPy, in the chunks of another one."""
    if not isinstance(array, da.Array):
        return da.from_array(np.asarray(array), chunks=like.chunks)
    return array if array.chunks == like.chunks else array.rechunk(like.chunks)


# ----- entries at an index --------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """An index as dask takes it: of an array in the shape `merged`, `parts` with positions along one axis at most.

    `looked_up` is the shape of these positions, and `at` the axis of the result where they are; None if there are none.
    """

    merged: tuple[int, ...]
    parts: tuple[Any, ...]
    looked_up: tuple[int, ...] | None
    at: int


def _place(index: Any, shape: tuple[int, ...]) -> _Place:
    """What an index of NumPy is in these terms: several rows of positions become one, of the axes taken together."""
    given = [_part(part) for part in (index if isinstance(index, tuple) else (index,))]
    named = sum([part.ndim if _is_mask(part) else part is not None and part is not Ellipsis for part in given])
    rest = next((k for k, part in enumerate(given) if part is Ellipsis), len(given))
    given[rest : rest + 1] = [slice(None)] * (len(shape) - named)
    arrays = [k for k, part in enumerate(given) if isinstance(part, np.ndarray)]
    if not arrays:
        return _Place(shape, tuple(given), None, 0)
    first, last = arrays[0], arrays[-1] + 1
    between = any(not isinstance(part, (np.ndarray, int)) for part in given[first:last])
    outside = any(isinstance(part, int) for part in given[:first] + given[last:])
    if between or outside:
        raise NotImplementedError(
            located("x[index]: dask takes positions and numbers of axes side by side; index with one after the other")
        )
    axis = sum(part is not None for part in given[:first])
    positions: list[Any] = []
    for part in given[first:last]:
        positions += np.nonzero(part) if _is_mask(part) else [part]
    sizes = shape[axis : axis + len(positions)]
    for part, n in zip(positions, sizes):
        if np.any((np.asarray(part) < -n) | (np.asarray(part) >= n)):
            raise IndexError(located(f"x[index]: a position is out of bounds for an axis of size {n}"))
    spread = np.broadcast_arrays(*[np.where(np.asarray(part) < 0, part + n, part) for part, n in zip(positions, sizes)])
    flat = np.ravel_multi_index(tuple(part.reshape(-1) for part in spread), sizes)
    merged = (*shape[:axis], math.prod(sizes), *shape[axis + len(positions) :])
    at = sum(not isinstance(part, int) for part in given[:first])
    return _Place(merged, (*given[:first], flat, *given[last:]), spread[0].shape, at)


def _part(part: Any) -> Any:
    if isinstance(part, da.Array):
        raise NotImplementedError(
            located("x[index]: the index is a dask array, so the shape would not be known; use np.where, or compute it")
        )
    if isinstance(part, (bool, np.bool_)):
        raise NotImplementedError(located("x[index]: dask takes no single truth value as an index; use np.where"))
    return int(part) if isinstance(part, np.integer) else np.asarray(part) if isinstance(part, list) else part


def _is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == np.bool_


def _getitem(x: Any, index: Any) -> Any:
    place = _place(index, x.shape)
    x = x if place.merged == x.shape else _reshape(x, place.merged)
    found = x[place.parts]
    if place.looked_up is None or len(place.looked_up) == 1:
        return found
    return _reshape(found, (*found.shape[: place.at], *place.looked_up, *found.shape[place.at + 1 :]))


def _placed(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """An array of zeros of this shape with g at the index: the transpose of `_getitem`."""
    place = _place(index, shape)
    if place.looked_up is not None and len(place.looked_up) != 1:
        after = g.shape[place.at + len(place.looked_up) :]
        g = _reshape(g, (*g.shape[: place.at], math.prod(place.looked_up), *after))
    kept = [0 if part is None else None if isinstance(part, int) else slice(None) for part in place.parts]
    g = g[tuple(kept)]
    for axis, (part, n) in enumerate(zip([part for part in place.parts if part is not None], place.merged)):
        if isinstance(part, int):
            part = slice(part % n, part % n + 1)
        if isinstance(part, slice):
            start, _, step = part.indices(n)
            if step == 1:
                g = _padded(g, axis, start, n - start - g.shape[axis])
                continue
            part = np.arange(n)[part]
        g = _gathered(g, axis, part, n)
    return g if place.merged == shape else _reshape(g, shape)


def _padded(g: Any, axis: int, before: int, after: int) -> Any:
    """Zeros before and after, along one axis: each of the two in one chunk, which takes no memory."""

    def zeros(n: int) -> list[Any]:
        shape = (*g.shape[:axis], n, *g.shape[axis + 1 :])
        chunks = (*g.chunks[:axis], (n,), *g.chunks[axis + 1 :])
        return [da.broadcast_to(da.zeros((), dtype=g.dtype), shape, chunks=chunks)] if n else []

    return da.concatenate([*zeros(before), g, *zeros(after)], axis=axis) if before or after else g


def _gathered(g: Any, axis: int, positions: np.ndarray, n: int) -> Any:
    """The sums, along one axis of n places, of the entries of g that go to each: every place looks up its entries."""
    counts = np.bincount(positions, minlength=n)
    width = int(counts.max(initial=0))
    order = np.argsort(positions, kind="stable")
    rank = np.arange(len(positions)) - (np.cumsum(counts) - counts)[positions[order]]
    table = np.full((n, max(width, 1)), g.shape[axis])  # the place after the last entry of g holds a 0
    table[positions[order], rank] = order
    found = da.take(_padded(g, axis, 0, 1), table.reshape(-1), axis=axis)
    if width <= 1:
        return found
    split = da.reshape(found, (*g.shape[:axis], n, width, *g.shape[axis + 1 :]))
    return da.sum(split, axis=axis + 1)


def _scattered_sum(*gs: Any, indices: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    placed = [_placed(da.asarray(g).astype(dtype), index, shape) for g, index in zip(gs, indices)]
    return functools.reduce(operator.add, placed)


def _scattered_add(x: Any, index: Any, size: int) -> Any:
    return _gathered(x, 0, np.asarray(index), size)


# ----- products and linear algebra ------------------------------------------------------------------------------------


def _einsum(subscripts: str, *args: Any, **options: Any) -> Any:
    return da.einsum(subscripts, *args, **{key: value for key, value in options.items() if key != "optimize"})


def _whole(a: Any) -> bool:
    return a.numblocks == (1, 1)


def _square_chunks(a: Any) -> Any:
    """A square matrix in equal square chunks, extended by the identity if need be."""
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise NotImplementedError(
            located(f"linear algebra of dask is of one square matrix, not of the shape {a.shape}")
        )
    n, size = a.shape[0], max(a.chunks[0], default=1)
    extra = -n % size if size < n else 0
    if extra:
        corner = da.zeros((n, extra), dtype=a.dtype, chunks=size)
        below = da.concatenate([corner.T, da.eye(extra, chunks=size, dtype=a.dtype)], axis=1)
        a = da.concatenate([da.concatenate([a, corner], axis=1), below], axis=0)
    return a.rechunk((min(size, n), min(size, n)))


def _cholesky(a: Any) -> Any:
    """The lower factor, as NumPy's."""
    n, squared = a.shape[0], _square_chunks(a)
    factor = da.linalg.cholesky(squared, lower=True)[:n, :n]
    factor.minigrad_triangle = "lower"
    return factor


def _transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order. That an array is triangular is remembered: it is solved for without a pivot."""
    turned = da.transpose(x, axes)
    triangle = getattr(x, "minigrad_triangle", None)
    if triangle is not None:
        is_turned = axes is None or axes[0] % 2 == 1
        turned.minigrad_triangle = {"lower": "upper", "upper": "lower"}[triangle] if is_turned else triangle
    return turned


def _solve(a: Any, b: Any) -> Any:
    """The solution by blocks, whose residual is looked at: dask exchanges no rows between chunks.

    In one chunk it is NumPy's own.
    """
    a, b = da.asarray(a), da.asarray(b)
    columns = b[:, None] if b.ndim == 1 else b
    if a.ndim != 2 or columns.ndim != 2:
        raise NotImplementedError(
            located(f"solve: dask solves for one matrix, not for the shapes {a.shape} and {b.shape}")
        )
    x = _solved(a, columns)
    return x[:, 0] if b.ndim == 1 else x


def _solved(a: Any, columns: Any) -> Any:
    n, squared = a.shape[0], _square_chunks(a)
    if _whole(squared):
        columns = columns.rechunk((n, columns.chunks[1]))
        dtype = np.result_type(a.dtype, columns.dtype, np.float32)
        return da.map_blocks(np.linalg.solve, squared, columns, chunks=columns.chunks, meta=np.empty((0, 0), dtype))
    size = squared.chunks[0][0]
    right = _padded(columns, 0, 0, squared.shape[0] - n).rechunk((size, columns.chunks[1]))
    triangle = getattr(a, "minigrad_triangle", None)
    if triangle is not None:
        return da.linalg.solve_triangular(squared, right, lower=triangle == "lower")[:n]
    x = da.linalg.solve(squared, right)
    error = da.sqrt(da.sum(da.abs(squared @ x - right) ** 2))
    scale = da.sqrt(da.sum(da.abs(squared) ** 2)) * da.sqrt(da.sum(da.abs(x) ** 2))
    return da.map_blocks(_checked, x, error, scale, chunks=x.chunks, meta=x._meta)[:n]


def _checked(x: Any, error: Any, scale: Any) -> Any:
    """A block of a solution, if its residual is that of a stable one."""
    if not error <= np.finfo(x.dtype).eps ** 0.75 * scale:
        raise np.linalg.LinAlgError(
            "solve: the solution by blocks has lost its digits, since dask exchanges no rows between chunks, or the "
            "matrix is singular. Put the matrix into one chunk: a.rechunk(a.shape)"
        )
    return x


def _inv(a: Any) -> Any:
    return _solve(a, da.eye(a.shape[0], chunks=max(a.chunks[0], default=1), dtype=a.dtype))


# ----- the table ------------------------------------------------------------------------------------------------------


def _accepts(x: Any) -> None:
    if any(math.isnan(n) for n in x.shape):
        raise ValueError(
            located(
                f"a dask array of the shape {x.shape}, which is not known, cannot be differentiated: write "
                "x.compute_chunk_sizes() before"
            )
        )
    if not isinstance(x._meta, np.ndarray):
        kind = type(x._meta)
        raise TypeError(
            located(
                f"a dask array with chunks of {kind.__module__}.{kind.__qualname__} cannot be differentiated; NumPy's "
                "can: x.map_blocks(np.asarray)"
            )
        )


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **{function: _by_blocks(function) for function in (*UFUNCS, *ENTRYWISE)},
    tanh_slope_at: _by_blocks(tanh_slope_at),
    zero_times_infinity.__wrapped__: _by_blocks(_zero_times_infinity),  # type: ignore[attr-defined]
    duck_arrays.astype: lambda x, dtype: x.astype(dtype),
    np.where: da.where,
    **reductions(da),
    np.sum: _plainly(da.sum),
    np.max: _plainly(da.max),
    np.min: _plainly(da.min),
    np.any: _plainly(da.any),
    np.all: _plainly(da.all),
    np.var: _spread_of(da.var),
    np.std: _spread_of(da.std),
    np.mean: _plainly(da.mean),
    np.argmax: lambda x, axis=None: da.argmax(x, axis=axis),
    np.argmin: lambda x, axis=None: da.argmin(x, axis=axis),
    np.cumsum: lambda x, axis: da.cumsum(x, axis=axis),
    duck_arrays.reshape: _reshape,
    np.reshape: _reshape,
    np.ravel: lambda x, order="C": _reshape(x, -1, order),
    np.transpose: _transpose,
    np.flip: lambda x, axis=None: da.flip(x, axis),
    np.roll: lambda x, shift, axis=None: da.roll(x, shift, axis),
    np.rot90: lambda x, k=1, axes=(0, 1): da.rot90(x, k, axes),
    np.tile: lambda x, reps: da.tile(x, reps),
    np.repeat: _repeat,
    np.tril: lambda x, k=0: da.tril(x, k),
    np.triu: lambda x, k=0: da.triu(x, k),
    np.diag: lambda x, k=0: da.diag(x, k),
    np.diagonal: lambda x, offset=0, axis1=0, axis2=1: da.diagonal(x, offset, axis1, axis2),
    np.pad: _pad,
    np.broadcast_to: da.broadcast_to,
    np.concatenate: lambda arrays, axis=0: da.concatenate(list(map(da.asarray, arrays)), axis=axis),
    np.stack: lambda arrays, axis=0: da.stack(list(map(da.asarray, arrays)), axis=axis),
    np.zeros_like: lambda x: da.zeros_like(x),
    np.ones_like: _by_blocks(np.ones_like),
    np.full_like: lambda x, fill_value, dtype=None, shape=None: da.full_like(x, fill_value, dtype=dtype, shape=shape),
    np.copy: lambda x, order="K": x,
    operator.getitem: _getitem,
    scattered_sum.__wrapped__: _scattered_sum,  # type: ignore[attr-defined]
    scattered_add.__wrapped__: _scattered_add,  # type: ignore[attr-defined]
    np.matmul: da.matmul,
    np.dot: da.dot,
    np.vdot: da.vdot,
    np.tensordot: lambda x, y, axes=2: da.tensordot(x, y, axes),
    np.einsum: _einsum,
    np.linalg.cholesky: _cholesky,
    np.linalg.solve: _solve,
    np.linalg.inv: _inv,
    np.linalg.norm: da.linalg.norm,
}

ADAPTER = Adapter(
    library="dask.array",
    kind=da.Array,
    functions=_FUNCTIONS,
    accepts=_accepts,
    filled=_filled,
    fitted=_fitted,
    plain=lambda values: list(dask.compute(*values)),
    passed_on=frozenset({"chunks", "chunksize", "compute", "dask", "name", "numblocks", "persist", "visualize"}),
    advice=(
        "What is, is listed in minigrad/COVERAGE.md. Write it with these; or compute the array before, x.compute(); "
        "for a sum over samples there is minigrad.summed"
    ),
)
