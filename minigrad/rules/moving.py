"""Rules for operations that move entries: indexing, joining, repeating, rolling; their transposes scatter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import Duck, has_duck, whole
from minigrad.core.lines import located
from minigrad.core.nested import has_box
from minigrad.core.operands import check_plain
from minigrad.core.primitive import Operation, Scatter, linear, linear_in_all
from minigrad.core.tape import SHARED, Box, peel, snapshot
from minigrad.rules.shapes import astype, reshape, sum_

# ----- indexing -------------------------------------------------------------------------------------------------------


def is_basic(index: Any) -> bool:
    """Whether this index makes a view: nothing is named twice, so += may be used for adding."""
    return all(map(_is_basic_part, index if type(index) is tuple else (index,)))


def _is_basic_part(part: Any) -> bool:
    return part is None or part is Ellipsis or type(part) is int or type(part) is slice


def names_once(index: Any) -> bool:
    """Whether no entry is named twice: += may be used for adding, in a fraction of the time of `np.add.at`.

    It is not looked for in long lists of positions, which would have to be sorted.
    """
    parts = [part for part in (index if type(index) is tuple else (index,)) if not _is_basic_part(part)]
    if not parts:
        return True
    positions = parts[0]
    if type(positions) is np.ndarray and positions.ndim == 1 and len(positions) <= FEW and positions.dtype != np.bool_:
        positions = tuple(positions.tolist())
    if len(parts) > 1 or type(positions) is not tuple or len(positions) > FEW:
        return False
    return len(set(positions)) == len(positions) and len({k < 0 for k in positions}) <= 1


FEW = 16  #: positions that are compared with each other


@whole
def scattered_sum(*gs: Any, indices: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """The sum of arrays of zeros of this shape, each with one of `gs` at one of the indices."""
    total = np.zeros(shape, dtype)
    for g, index in zip(gs, indices):
        _add_at(total, index, g)
    return total[()] if shape == () else total


def _add_at(total: np.ndarray, index: Any, g: Any) -> None:
    """Add g to an array at an index, at repeated places repeatedly, in the order of the entries.

    `np.add.at` of vectors is many times as fast as that of a mask, of pairs of positions, or of rows.
    """
    if is_basic(index) or is_basic(index := _as_slice(index)):
        part = total[index]
        part += g
        if type(part) is not np.ndarray:  # a view needs no writing back, which `+=` would do
            total[index] = part
        return
    if names_once(index):
        total[index] += g
        return
    if g.shape and MANY <= g.size <= TOO_MANY:
        places = _places(index, total.shape, g.size)
        if places is not None and places.shape == g.shape:
            total, index, g = total.reshape(-1), places.reshape(-1), g.reshape(-1)
    np.add.at(total, index, g)


def _places(index: Any, shape: tuple[int, ...], count: int) -> Any:
    """Where the `count` entries at an index stand in the flattened array; `None` where finding out does not pay."""
    parts = index if type(index) is tuple else (index,)
    if len(parts) == len(shape) and all(type(part) is np.ndarray and part.dtype == np.intp for part in parts):
        places: Any = 0
        for part, n in zip(parts, shape):
            places = places * n + (part if part.min() >= 0 else part % n)
        return places
    if type(index) is np.ndarray and index.dtype == np.bool_ and index.shape == shape:
        return np.flatnonzero(index)
    size = math.prod(shape)
    return picked(np.arange(size).reshape(shape), index) if len(shape) > 1 and size <= 8 * count else None


MANY, TOO_MANY = 512, 1 << 20  #: entries from which it pays to count places, and whose numbers take 8 MB


def _as_slice(index: Any) -> Any:
    """An index with a single position in a list, `x[:, (3,)]`, as the slice with that position, which makes a view."""
    parts = index if type(index) is tuple else (index,)
    lists = [k for k, part in enumerate(parts) if not _is_basic_part(part)]
    if len(lists) != 1:
        return index
    k, part = lists[0], parts[lists[0]]
    if type(part) is np.ndarray and part.shape == (1,) and part.dtype.kind in "iu":
        part = tuple(part.tolist())
    if type(part) is not tuple or len(part) != 1 or type(part[0]) is not int:
        return index
    return *parts[:k], slice(part[0], part[0] + 1 or None), *parts[k + 1 :]


sum_of_scatters = linear_in_all(
    "scatter",
    scattered_sum,
    lambda g, _ans, *_gs, parents, indices, shape, dtype: [g[index] for index in indices],
    pattern=lambda p: p.scattered,
)


def _moves_axes_only(index: Any) -> bool:
    """Whether an index takes every entry and only adds axes: made of None, `...` and `:`."""
    if type(index) is tuple:
        return all(part is None or part is Ellipsis or (type(part) is slice and part == _ALL) for part in index)
    return index is None or index is Ellipsis or (type(index) is slice and index == _ALL)


_ALL = slice(None)


def picked(x: Any, index: Any) -> Any:
    """`x[index]`; for many rows, or entries of a vector, by `take`, which is up to three times as fast."""
    if type(index) is np.ndarray and index.size >= MANY and index.dtype == np.intp:
        if type(x) is np.ndarray and x.ndim and x.flags.c_contiguous:
            return x.take(index, 0)
    return x[index]


getitem: Operation = linear(
    "getitem",
    picked,
    lambda g, _ans, _x, index: reshape(g, shape=_x.shape) if _moves_axes_only(index) else Scatter(g, index),
    pattern=lambda p: p.moved,
    view=True,
)


@whole
def written(x: Any, *vs: Any, places: Any) -> Any:
    """A copy of x with the entries of `vs`, one after the other, at these places, which are counted in order."""
    new = np.array(x)
    np.put(new, places, np.concatenate([np.reshape(v, -1) for v in vs]))
    return new


@whole
def zeroed_at(x: Any, places: Any) -> Any:
    """A copy of x with zeros at these places, counted in order."""
    new = np.array(x)
    np.put(new, places, 0)
    return new


def _put_pull(g: Any, _ans: Any, _x: Any, *_vs: Any, parents: Any, places: Any) -> list[Any]:
    """Of x what was not overwritten; of `vs` what is at their places, none of which occurs twice."""
    cotangents = [zeroed(g, places=places) if parents[0] >= 0 else None]
    taken: Any = reshape(g, shape=-1)[places] if max(parents[1:]) >= 0 else None
    stop = 0
    for v, parent in zip(_vs, parents[1:]):
        shape = np.shape(peel(v))
        start, stop = stop, stop + math.prod(shape)
        if parent < 0:
            cotangents.append(None)
        elif shape == ():
            cotangents.append(taken[start])
        else:
            cotangents.append(reshape(taken[start:stop], shape=shape))
    return cotangents


put = linear_in_all("put", written, _put_pull, pattern=lambda p: p.moved)
zeroed: Operation = linear(
    "zeroed",
    zeroed_at,
    lambda g, _ans, _x, places: zeroed(g, places=places),
    pattern=lambda p: p.moved,
)


def plain_index(index: Any, x: Any) -> Any:
    """An index as the tape keeps it: boxes within are refused, lists become arrays, arrays are watched."""
    if type(index) is tuple:
        return tuple([plain_index(part, x) for part in index])
    if type(index) is Box:
        if index.tape.is_open and peel(index).dtype.kind in "fc":
            raise TypeError(
                located(
                    "an array was indexed by a value that is being differentiated; an index has no derivative. "
                    "Use a comparison (x > 0) for a mask, np.argsort or np.argmax for positions, or "
                    "minigrad.value(i).astype(int)"
                )
            )
        return peel(index)
    if type(index) is list:
        index = np.asarray(index) if len(index) else np.zeros(0, dtype=int)
    if type(index) is np.ndarray:
        while type(x) is Box:
            x.tape.capture(index)
            x = x.value.memory.held if x.index == SHARED else x.value
    return index


# ----- moving entries -------------------------------------------------------------------------------------------------


def moves(
    name: str, fun: Callable[..., Any], directly: Callable[..., Any] | None = None, view: bool = False
) -> Callable[..., Any]:
    """A linear operation that copies entries of its argument to new places, repeats them, or fills with zeros.

    Its transpose is found by letting it move the numbers 1, 2, 3, ...: where number i arrives, entry i came from;
    where a 0 arrives, nothing did. Where the transpose is a sum or another move, `directly` of the cotangent, the
    argument and the parameters gives it without such a table, or None.
    """

    def transpose_rule(g: Any, _ans: Any, _x: Any, **params: Any) -> Any:
        moved = directly(g, _x, **params) if directly is not None else None
        if moved is not None:
            return moved
        size = int(np.prod(_x.shape))
        sources = fun(np.arange(1, size + 1).reshape(_x.shape), **params)
        flat = reshape(g, shape=(-1,))
        filled = scatter_add(flat, index=np.reshape(sources, -1), size=size + 1)
        return reshape(filled[1:], shape=_x.shape)

    return linear(name, fun, transpose_rule, pattern=lambda p: p.moved, view=view)


@whole
def scattered_add(x: Any, index: Any, size: int) -> Any:
    """A vector of `size` sums: entry k of x is added to entry `index[k]`."""
    if x.dtype == np.float64:
        return np.bincount(index, weights=x, minlength=size)
    total = np.zeros(size, x.dtype)
    np.add.at(total, index, x)
    return total


scatter_add: Operation = linear(
    "scatter_add",
    scattered_add,
    lambda g, _ans, _x, index, size: g[index],
    pattern=lambda p: p.scatter_added,
)

roll: Operation = linear(
    "roll",
    lambda x, shift, axis: np.roll(x, shift, axis),
    lambda g, _ans, _x, shift, axis: roll(
        g, shift=tuple(-s for s in shift) if type(shift) is tuple else -shift, axis=axis
    ),
    pattern=lambda p: p.moved,
)


def _copies_summed(g: Any, x: Any, reps: Any) -> Any:
    """The transpose of tile: the sum over the copies."""
    reps = tuple(reps) if isinstance(reps, (tuple, list, np.ndarray)) else (reps,)
    n = max(len(reps), len(x.shape))
    split: list[int] = []
    axes: list[int] = []
    for size, count in zip((1,) * (n - len(x.shape)) + tuple(x.shape), (1,) * (n - len(reps)) + reps):
        if count != 1:
            axes.append(len(split))
        split += [int(size)] if count == 1 else [int(count)] if size == 1 else [int(count), int(size)]
    return _summed(reshape(g, shape=tuple(split)), tuple(axes), x.shape)


def _repeats_summed(g: Any, x: Any, repeats: Any, axis: Any) -> Any:
    """The transpose of repeat, where every entry is repeated equally often: the sum over the repetitions."""
    if repeats.size != 1:
        return None
    count = int(repeats.reshape(()))
    shape = (math.prod(x.shape),) if axis is None else x.shape
    axis = 0 if axis is None else axis % len(shape)
    split = (*shape[:axis], shape[axis], count, *shape[axis + 1 :])
    return _summed(reshape(g, shape=split), (axis + 1,), x.shape)


def _summed(g: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The sum over axes in this shape, which is kept where it can be."""
    keepdims = tuple([1 if k in axes else n for k, n in enumerate(g.shape)]) == shape
    total = sum_(g, axis=axes, keepdims=keepdims) if axes else g
    return total if total.shape == shape else reshape(total, shape=shape)


def _unpadded(g: Any, x: Any, pad_width: Any, mode: str) -> Any:
    """The transpose of padding with zeros: what is within."""
    if mode != "constant" or type(pad_width) is not np.ndarray:
        return None
    widths = np.broadcast_to(pad_width, (len(x.shape), 2)).tolist()
    return g[tuple([slice(before, before + n) for (before, _), n in zip(widths, x.shape)])]


tile = moves("tile", lambda x, reps: np.tile(x, reps), _copies_summed)
repeat = moves("repeat", lambda x, repeats, axis: np.repeat(x, repeats, axis), _repeats_summed)
rot90: Any = moves(
    "rot90",
    lambda x, k, axes: np.rot90(x, k, axes),
    lambda g, x, k, axes: rot90(g, k=-k, axes=axes),
    view=True,
)
tril: Any = moves("tril", lambda x, k: np.tril(x, k), lambda g, x, k: tril(g, k=k) if len(x.shape) > 1 else None)
triu: Any = moves("triu", lambda x, k: np.triu(x, k), lambda g, x, k: triu(g, k=k) if len(x.shape) > 1 else None)
diag: Any = moves(
    "diag",
    lambda x, k: np.diag(x, k),
    lambda g, x, k: diag(g, k=k) if len(x.shape) == 1 or (x.shape[0] == x.shape[1]) else None,
    view=True,
)
diagonal = moves(
    "diagonal",
    lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    lambda g, x, offset, axis1, axis2: (
        diag(g, k=offset) if len(x.shape) == 2 and x.shape[0] == x.shape[1] and axis1 in (0, -2) else None
    ),
    view=True,
)


def _writable_diagonal(x: Any, axis1: int, axis2: int) -> Any:
    """`np.diagonal`, as `np.einsum` makes it: entries may be written through it."""
    if type(x) is not np.ndarray:
        return np.diagonal(x, 0, axis1, axis2)
    axes = [axis1 if k == axis2 else k for k in range(x.ndim)]
    return np.einsum(x, axes, [k for k in range(x.ndim) if k not in (axis1, axis2)] + [axis1])


writable_diagonal = moves("diagonal", _writable_diagonal, view=True)
pad = moves("pad", lambda x, pad_width, mode: np.pad(x, pad_width, mode), _unpadded)

# ----- joining --------------------------------------------------------------------------------------------------------


def _concatenate_pull(g: Any, _ans: Any, *_args: Any, parents: Any, axis: int) -> list[Any]:
    start = 0
    cotangents: list[Any] = []
    for arg, parent in zip(_args, parents):
        stop = start + arg.shape[axis]
        index = (slice(None),) * (axis % len(arg.shape)) + (slice(start, stop),)
        cotangents.append(g[index] if parent >= 0 else None)
        start = stop
    return cotangents


def _stack(*args: Any, axis: int) -> Any:
    if axis == 0 and not has_duck(args) and all(type(a) is not np.ndarray or a.flags.c_contiguous for a in args):
        return np.array(args)
    return np.stack(args, axis)


def _stack_pull(g: Any, _ans: Any, *_args: Any, parents: Any, axis: int) -> list[Any]:
    before = (slice(None),) * (axis % len(g.shape))
    return [g[(*before, i)] if parent >= 0 else None for i, parent in enumerate(parents)]


concatenate = linear_in_all(
    "concatenate", lambda *args, axis: np.concatenate(args, axis), _concatenate_pull, pattern=lambda p: p.moved
)
stack = linear_in_all("stack", _stack, _stack_pull, pattern=lambda p: p.moved)


def same(x: Any) -> Any:
    """Identity; unpickles a box whose tape is closed."""
    return x


def array(values: Any, dtype: Any = None, **options: Any) -> Any:
    """`np.array`, also of nested lists and tuples that hold boxes."""
    if type(values) is Box or isinstance(values, Duck):
        values = values if dtype is None else cast(values, dtype)
        made = reshape(values, shape=(1,) * (options.get("ndmin", 0) - len(values.shape)) + tuple(values.shape))
        return snapshot(made) if type(made) is Box else made
    if not has_box(values) and not has_duck(values):
        if type(values) is not np.ndarray and issubclass(type(values), np.ndarray):
            check_plain(values)
        return np.array(values, dtype=dtype, **options)
    ndmin = options.pop("ndmin", 0)
    if ndmin:
        made = array(values, dtype)
        return reshape(made, shape=(1,) * (ndmin - len(made.shape)) + tuple(made.shape))
    parts = [array(value) if isinstance(value, (list, tuple)) else value for value in values]
    shapes = {np.shape(peel(part)) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            located(f"array: the items have different shapes {sorted(shapes)}; pad them, or use np.concatenate")
        )
    made = stack(*parts, axis=0)
    return made if dtype is None else cast(made, dtype)


def cast(x: Any, dtype: Any) -> Any:
    """`x.astype(dtype)`; a dtype that cannot carry a derivative gives a plain array."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc":
        return peel(x).astype(dtype)
    if peel(x).dtype == dtype:
        return snapshot(x) if type(x) is Box else x
    return astype(x, dtype=dtype)
