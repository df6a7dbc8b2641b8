"""The rules of NumPy's functions: ufuncs, reductions, shapes, joining, choosing, products."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad.core.duck_arrays import Duck, as_plain, has_duck, is_array
from minigrad.core.foreign import is_sparse
from minigrad.core.lines import located
from minigrad.core.nested import has_box, peel_all
from minigrad.core.primitive import constant as _constant
from minigrad.core.tape import Box, open_part, peel, refusal, snapshot
from minigrad.numpy.dispatch import (
    FLOWS,
    FUNCTIONS,
    as_array,
    as_function,
    as_operand,
    as_ufunc,
    axis_index,
    boxed,
    check_options,
    in_place_of,
    laid_out,
    plain_axis,
    refuse,
    shaped,
    ufuncs_of,
)
from minigrad.numpy.writing import write
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import products as _l
from minigrad.rules import reductions as _reductions
from minigrad.rules import shapes as _shapes
from minigrad.rules.writing import is_number

# ----- ufuncs ---------------------------------------------------------------------------------------------------------

globals().update(ufuncs_of(_e))  # exp, sin, add, floor, ..., and by their other names too: abs, acos, pow, ...
matmul = as_ufunc(_np.matmul, _l.matmul)
divmod = as_ufunc(_np.divmod, lambda x, y: (_e.floor_divide(x, y), _e.remainder(x, y)))
sign = as_ufunc(_np.sign, _e.sign)
radians, degrees = as_ufunc(_np.radians, _e.deg2rad), as_ufunc(_np.degrees, _e.rad2deg)


def _is_scalar(element: Any) -> bool:
    return not element.is_array if isinstance(element, Duck) else bool(_np.isscalar(element))


isscalar = in_place_of(
    _np.isscalar, _constant("isscalar", _is_scalar), "numpy",
    "minigrad: of a traced value, whether it holds a number and not an array.",
)  # fmt: skip

# ----- reductions


def _in(dtype: Any, a: Any) -> Any:
    """The array in the dtype in which it is to be summed; one without derivatives is refused."""
    if dtype is not None and _np.dtype(dtype).kind not in "fc":
        raise refuse("a reduction", f"with dtype={_np.dtype(dtype)} has no derivative; cast the result instead")
    return boxed(a) if dtype is None else _moving.cast(boxed(a), dtype)


def _masked(a: Any, where: Any, neutral: float) -> Any:
    return a if where is True else _e.where(where, a, neutral)


def _initial(initial: Any, a: Any) -> Any:
    """What a reduction starts from, in the dtype of the array."""
    return _moving.cast(as_array(initial), peel(a).dtype) if peel(a).dtype.kind in "fc" else initial


def _counts(a: Any, axis: Any, where: Any, ddof: float = 0) -> Any:
    """How many entries go into each mean, less ddof, dimensions kept; NaN for none."""
    counts = _np.sum(_np.broadcast_to(peel(where), a.shape), axis=plain_axis(axis), keepdims=True)
    return _np.where(counts > ddof, counts - ddof, _np.nan).astype(peel(a).real.dtype)


def _wide(a: Any, dtype: Any) -> tuple[Any, Any]:
    """The array as it is to be added up, and the dtype of the result: float16 is added up in float32."""
    a = as_array(a)
    narrow = dtype is None and peel(a).dtype == _np.float16
    return _in(_np.float32 if narrow else dtype, a), _np.float16 if narrow else None


def _without(a: Any, axis: Any, keepdims: Any) -> Any:
    """A result that kept its dimensions, without them unless they are wanted."""
    if keepdims:
        return a
    axes = range(len(a.shape)) if axis is None else _shapes.axes_of(plain_axis(axis), len(a.shape))
    return shaped(a, tuple(n for i, n in enumerate(a.shape) if i not in axes))


@as_function(_np.sum)
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    if type(a) is Box and axis is None and not keepdims and where is True and initial is dtype is out is None:
        return _shapes.sum_(a)  # the usual case, and the shortest way to it
    check_options("sum", out)
    ans = _shapes.sum_(_masked(_in(dtype, a), where, 0.0), axis=plain_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else ans + _initial(initial, ans)


@as_function(_np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    check_options("mean", out)
    if where is True:
        return _reductions.mean(_in(dtype, a), axis=plain_axis(axis), keepdims=bool(keepdims))
    a, narrow = _wide(a, dtype)
    total = _shapes.sum_(_masked(a, where, 0.0), axis=plain_axis(axis), keepdims=True)
    ans = _without(total / _counts(a, axis, where), axis, keepdims)
    return ans if narrow is None else _moving.cast(ans, narrow)


@as_function(_np.prod)
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    check_options("prod", out)
    ans = _reductions.prod(_masked(_in(dtype, a), where, 1.0), axis=plain_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else ans * _initial(initial, ans)


def _needs_initial(operation: str, where: Any, initial: Any) -> None:
    if where is not True and initial is None:
        raise ValueError(located(f"{operation}: where= needs initial=, the result where nothing is chosen"))


@as_function(_np.max, _np.amax)
def max(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Any:
    check_options("max", out)
    _needs_initial("max", where, initial)
    if initial is not None and 0 in _np.shape(peel(a)):  # of nothing
        ans = _np.max(peel(a), axis=axis, keepdims=bool(keepdims), initial=peel(initial))
        return _shapes.broadcast_to(_initial(initial, a), shape=ans.shape) if type(initial) is Box else ans
    ans = _reductions.amax(_masked(boxed(a), where, -_np.inf), axis=plain_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else _e.maximum(ans, _initial(initial, ans))


@as_function(_np.min, _np.amin)
def min(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Any:
    check_options("min", out)
    _needs_initial("min", where, initial)
    if initial is not None and 0 in _np.shape(peel(a)):
        ans = _np.min(peel(a), axis=axis, keepdims=bool(keepdims), initial=peel(initial))
        return _shapes.broadcast_to(_initial(initial, a), shape=ans.shape) if type(initial) is Box else ans
    ans = _reductions.amin(_masked(boxed(a), where, _np.inf), axis=plain_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else _e.minimum(ans, _initial(initial, ans))


def _of_dtype(ans: Any, dtype: Any) -> Any:
    """A real result in the complex dtype that was asked for."""
    return ans if dtype is None or _np.dtype(dtype).kind != "c" else _moving.cast(ans, dtype)


@as_function(_np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False,
    *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    check_options("var", out)
    ddof = ddof if correction is None else correction
    if where is True and mean is None:
        ans = _reductions.var(_in(dtype, a), axis=plain_axis(axis), keepdims=bool(keepdims), ddof=ddof)
        return _of_dtype(ans, dtype)
    a, narrow = _wide(a, dtype)
    if mean is None:
        mean = _shapes.sum_(_masked(a, where, 0.0), axis=plain_axis(axis), keepdims=True) / _counts(a, axis, where)
    centred = _masked(a - _initial(mean, a), where, 0.0)
    square = _e.real(centred * _e.conjugate(centred)) if peel(a).dtype.kind == "c" else centred * centred
    total = _shapes.sum_(square, axis=plain_axis(axis), keepdims=True)
    ans = _without(total / _counts(a, axis, where, ddof), axis, keepdims)
    return _of_dtype(ans, dtype) if narrow is None else _moving.cast(ans, narrow)


@as_function(_np.std)
def std(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False,
    *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    check_options("std", out)
    ddof = ddof if correction is None else correction
    if where is True and mean is None:
        ans = _reductions.std(_in(dtype, a), axis=plain_axis(axis), keepdims=bool(keepdims), ddof=ddof)
        return _of_dtype(ans, dtype)
    square = _e.real(var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean))
    zero = peel(square) == 0  # all entries are equal: the subgradient 0
    ans = _of_dtype(_e.where(zero, 0.0, _e.sqrt(_e.where(zero, 1.0, square))), dtype)
    return ans if square.shape else ans[()]


@as_function(_np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    check_options("cumsum", out)
    a = _in(dtype, a)
    return _reductions.cumsum(reshape(a, -1), axis=0) if axis is None else _reductions.cumsum(a, axis=axis)


@as_function(_np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    check_options("cumprod", out)
    a = _in(dtype, a)
    return _reductions.cumprod(reshape(a, -1), 0) if axis is None else _reductions.cumprod(a, axis_index(axis, a))


def logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(a))) along `axis`, without overflow; -inf entries count as zero.

    Args:
        a: an array.
        axis: an axis, a tuple of axes, or None for all.
        keepdims: whether reduced axes are kept with size 1.

    Returns:
        An array of the shape that `np.sum(a, axis, keepdims=keepdims)` has.

    >>> float(logsumexp([1000.0, 1000.0]))
    1000.6931471805599
    """
    a = boxed(a)
    return _reductions.logsumexp(
        a if type(a) is Box or has_duck(a) else _np.asarray(a), axis=plain_axis(axis), keepdims=bool(keepdims)
    )


# ----- shapes


def _shape_argument(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, list) else shape


def _order(operation: str, a: Any, order: str) -> str:
    """The order C or F that "A" means for this array: that of its memory."""
    if order in ("C", "F"):
        return order
    if order != "A":
        raise ValueError(located(f"{operation}: order must be C, F or A, not {order!r}"))
    flags = as_plain(peel(a)).flags
    return "F" if flags.f_contiguous and not flags.c_contiguous else "C"


@as_function(_np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    a = boxed(a)
    shape = _shape_argument(shape if shape is not None else newshape)
    ans = _shapes.reshape(a, shape=shape, order=_order("reshape", a, order))
    return copied(ans) if copy else ans


def _axes_in_memory(a: Any) -> list[int]:
    """The axes from the widest stride to the narrowest, as NumPy sorts them; those that repeat entries stay."""
    strides = [0 if n == 1 else builtins.abs(stride) for n, stride in zip(a.shape, a.strides)]
    axes: list[int] = []  # from the narrowest
    for axis in reversed(range(len(strides))):
        place = len(axes)
        for k in reversed(range(len(axes))):
            other = strides[axes[k]]
            if strides[axis] and other:
                if other <= strides[axis]:
                    break
                place = k
        axes.insert(place, axis)
    return axes[::-1]


@as_function(_np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    a = boxed(a)
    if order == "K":
        axes = _axes_in_memory(as_plain(peel(a)))
        return _shapes.ravel(a if axes == list(range(len(axes))) else _shapes.transpose(a, axes=tuple(axes)))
    return _shapes.ravel(a, order=_order("ravel", a, order))


def flatten(a: Any, order: str = "C") -> Any:
    """The method: a copy."""
    return copied(ravel(a, order))


def copied(a: Any) -> Any:
    """An array of its own, also of a traced one; numbers and stacks of examples as they are, being immutable."""
    a = open_part(a)
    return snapshot(a) if type(a) is Box else a.copy("K") if isinstance(a, _np.ndarray) else a


@as_function(_np.transpose, _np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    a = boxed(a)
    n = len(a.shape)
    return _shapes.transpose(a, axes=tuple(range(n))[::-1] if axes is None else _checked_axes(axes, n))


def _checked_axes(axes: Any, n: int) -> tuple[int, ...]:
    axes = tuple(int(a) for a in axes)
    if sorted(a % n if n else a for a in axes) != list(range(n)):
        raise ValueError(located(f"transpose: axes {axes} are not a permutation of the {n} axes of the array"))
    return tuple(a % n for a in axes)


@as_function(_np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    return _l.matrix_transposed(boxed(x))


def _by_positions(a: Any, function: Callable[..., Any], *args: Any) -> Any:
    """A transposition, found by applying NumPy's function to an array without entries whose sizes are all different."""
    n = len(a.shape)
    labels = _np.empty(tuple(range(n)))
    moved = function(labels, *args)
    return _shapes.transpose(a, axes=tuple(int(size) for size in moved.shape))


@as_function(_np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return _by_positions(boxed(a), _np.moveaxis, source, destination)


@as_function(_np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return _by_positions(boxed(a), _np.swapaxes, axis1, axis2)


@as_function(_np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    return _by_positions(boxed(a), _np.rollaxis, axis, start)


def _as_reshaped_by(own: Callable[..., Any]) -> Callable[..., Any]:
    """The rule of a function that only changes the shape; NumPy itself says to which one."""

    def rule(a: Any, *args: Any, **options: Any) -> Any:
        a = boxed(a)
        return _shapes.reshape(a, shape=own(_np.broadcast_to(0.0, a.shape), *args, **options).shape)

    return as_function(own)(rule)


def _at_least(own: Callable[..., Any]) -> Callable[..., Any]:
    def rule(*arrays: Any) -> Any:
        made = tuple(
            [_shapes.reshape(a, shape=own(_np.broadcast_to(0.0, a.shape)).shape) for a in map(as_array, arrays)]
        )
        return made[0] if len(made) == 1 else made

    return as_function(own)(rule)


expand_dims, squeeze = _as_reshaped_by(_np.expand_dims), _as_reshaped_by(_np.squeeze)
atleast_1d, atleast_2d, atleast_3d = _at_least(_np.atleast_1d), _at_least(_np.atleast_2d), _at_least(_np.atleast_3d)


@as_function(_np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return _shapes.broadcast_to(boxed(array), shape=shape)


@as_function(_np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shapes = [_np.shape(peel(a)) for a in args]
    shape = _np.broadcast_shapes(*shapes)
    if len(set(shapes)) == 1:
        return tuple(map(as_array, args))  # as they are: what is written to one is written to the argument
    return tuple([_shapes.broadcast_to(as_array(a), shape=shape) for a in args])


@as_function(_np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    return _shapes.flip(boxed(m), axis=plain_axis(axis))


@as_function(_np.flipud)
def flipud(m: Any) -> Any:
    return _shapes.flip(boxed(m), axis=0)


@as_function(_np.fliplr)
def fliplr(m: Any) -> Any:
    return _shapes.flip(boxed(m), axis=1)


@as_function(_np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return _moving.roll(boxed(a), shift=tuple(shift) if isinstance(shift, list) else shift, axis=plain_axis(axis))


@as_function(_np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return _moving.rot90(boxed(m), k=k, axes=tuple(axes))


@as_function(_np.tile)
def tile(A: Any, reps: Any) -> Any:
    return _moving.tile(boxed(A), reps=_shape_argument(reps))


@as_function(_np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    return _moving.repeat(boxed(a), repeats=_np.array(repeats), axis=axis)


@as_function(_np.tril)
def tril(m: Any, k: int = 0) -> Any:
    return _moving.tril(boxed(m), k=k)


@as_function(_np.triu)
def triu(m: Any, k: int = 0) -> Any:
    return _moving.triu(boxed(m), k=k)


@as_function(_np.diag)
def diag(v: Any, k: int = 0) -> Any:
    return _moving.diag(boxed(v), k=k)


@as_function(_np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return _moving.diagonal(boxed(a), offset=offset, axis1=axis1, axis2=axis2)


@as_function(_np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    check_options("trace", out)
    return _l.trace(_in(dtype, a), offset, axis1, axis2)


@as_function(_np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0, **options: Any) -> Any:
    array = as_array(array)
    if options.get("reflect_type") == "even":
        del options["reflect_type"]
    if mode in _BORDERS or options.get("reflect_type") == "odd":
        return _bordered(array, pad_width, mode, **options)
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap") or options:
        what = f"mode={mode!r}" if not options else f"options {sorted(options)} in mode {mode!r}"
        raise refusal(NotImplementedError, f"pad: {what} has no rule; pad with np.concatenate")
    if not isinstance(pad_width, dict):
        pad_width = _np.array(pad_width)
    ans = _moving.pad(array, pad_width=pad_width, mode=mode)
    if not (type(constant_values) is Box or has_box(constant_values) or _np.any(constant_values)):
        return ans
    if mode != "constant":
        raise ValueError(located(f"pad: constant_values has no meaning in the mode {mode}"))
    # Which of the constants is where: each is given its number, and the array itself the number 0.
    values = _shapes.reshape(as_array(constant_values), shape=(-1,))
    numbers = _np.arange(1, values.size + 1).reshape(_np.shape(peel_all(constant_values)))
    which = _np.pad(_np.zeros(array.shape, int), pad_width, constant_values=numbers)
    filling = _moving.cast(values, peel(ans).dtype)[_np.maximum(which - 1, 0)]
    return _e.where(which > 0, filling, ans)


_BORDERS = {"mean": lambda part, axis: _reductions.mean(part, axis=axis, keepdims=True),
            "maximum": lambda part, axis: _reductions.amax(part, axis=axis, keepdims=True),
            "minimum": lambda part, axis: _reductions.amin(part, axis=axis, keepdims=True),
            "median": lambda part, axis: FUNCTIONS[_np.median](part, axis=axis, keepdims=True),
            "linear_ramp": None}  # fmt: skip


def _bordered(
    a: Any, pad_width: Any, mode: str, stat_length: Any = None, end_values: Any = 0, reflect_type: str = "even"
) -> Any:
    """The modes of `pad` that compute the border: one axis after the other, of what is padded already."""
    n = len(a.shape)
    if isinstance(pad_width, dict):
        given, pad_width = pad_width, _np.zeros((n, 2), int)
        for axis, width in given.items():
            pad_width[axis] = width
    widths = _np.broadcast_to(_np.asarray(pad_width), (n, 2)).tolist()
    lengths = _np.broadcast_to(_np.asarray(stat_length if stat_length is not None else -1), (n, 2)).tolist()
    ends = _shapes.broadcast_to(_moving.cast(as_array(end_values), peel(a).dtype), shape=(n, 2))
    for axis, ((left, right), size) in enumerate(zip(widths, a.shape)):
        first, last = _along(a, axis, 0, 1), _along(a, axis, size - 1, size)
        if mode == "linear_ramp":
            parts = [
                _ramp(ends[axis, 0], first, left, axis),
                _shapes.flip(_ramp(ends[axis, 1], last, right, axis), axis=axis),
            ]
        elif mode in _BORDERS:
            stat: Any = _BORDERS[mode]
            pieces = [size if k < 0 else builtins.min(k, size) for k in lengths[axis]]
            values = stat(_along(a, axis, 0, pieces[0]), axis), stat(_along(a, axis, size - pieces[1], size), axis)
            parts = [_moving.repeat(v, repeats=_np.array(w), axis=axis) for v, w in zip(values, (left, right))]
        elif builtins.max(left, right) <= size - (mode == "reflect"):
            skip = int(mode == "reflect")
            parts = [
                2 * first - _shapes.flip(_along(a, axis, skip, skip + left), axis=axis),
                2 * last - _shapes.flip(_along(a, axis, size - skip - right, size - skip), axis=axis),
            ]
        else:  # reflected again and again: NumPy says what this does to the entries, which is linear
            own: Any = _np.pad
            weights = own(_np.eye(size), ((left, right), (0, 0)), mode, reflect_type=reflect_type)
            columns = _shapes.reshape(moveaxis(a, axis, 0), shape=(size, -1))
            moved = _l.matmul(weights.astype(peel(a).real.dtype), columns)
            rest = a.shape[:axis] + a.shape[axis + 1 :]
            a = moveaxis(_shapes.reshape(moved, shape=(size + left + right, *rest)), 0, axis)
            continue
        a = _moving.concatenate(parts[0], a, parts[1], axis=axis)
    return a


def _along(a: Any, axis: int, start: int, stop: int) -> Any:
    return a[(*(slice(None),) * axis, slice(start, stop))]


def _ramp(end: Any, edge: Any, width: int, axis: int) -> Any:
    """From `end` towards the edge, without it."""
    steps = (_np.arange(width) / builtins.max(width, 1)).astype(peel(edge).dtype)
    return end + (edge - end) * steps.reshape((-1,) + (1,) * (len(edge.shape) - 1 - axis))


@as_function(_np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    a = as_array(a)
    if n < 0:
        raise ValueError(located(f"diff: the order n is not negative, as {n} is"))
    if n == 0:
        return a
    along = axis_index(axis, a)
    ends = [None if end is None or end is _np._NoValue else as_array(end) for end in (prepend, append)]
    edge = (*a.shape[:along], 1, *a.shape[along + 1 :])
    ends = [end if end is None or end.shape else _shapes.broadcast_to(end, shape=edge) for end in ends]
    parts = [part for part in (ends[0], a, ends[1]) if part is not None]
    a = _moving.concatenate(*parts, axis=along) if len(parts) > 1 else a
    before = (slice(None),) * along
    for _ in range(n):
        a = a[(*before, slice(1, None))] - a[(*before, slice(None, -1))]
    return a


# ----- joining and splitting


@as_function(_np.concatenate, _np.concat)
def concatenate(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    check_options("concatenate", out)
    parts = _joined(arrays, dtype, casting)
    if axis is None:
        parts, axis = [_shapes.reshape(a, shape=-1) for a in parts], 0
    _same_dimensions("concatenate", parts)
    return _moving.concatenate(*parts, axis=int(axis))


def _joined(arrays: Any, dtype: Any, casting: str) -> list[Any]:
    """The arrays that are to be joined, in this dtype if one is given."""
    parts = [as_array(a) for a in arrays]
    if dtype is None and casting == "same_kind":
        return parts
    dtype = _np.result_type(*[peel(a).dtype for a in parts]) if dtype is None else _np.dtype(dtype)
    can_cast: Any = _np.can_cast
    if not builtins.all(can_cast(peel(a).dtype, dtype, casting) for a in parts):
        found = ", ".join(sorted({str(peel(a).dtype) for a in parts}))
        raise TypeError(located(f"arrays of {found} cannot be cast to dtype={dtype} with casting={casting!r}"))
    return [_moving.cast(a, dtype) for a in parts]


def _same_dimensions(operation: str, parts: list[Any]) -> None:
    shapes = [a.shape for a in parts]
    if len({len(shape) for shape in shapes}) != 1 or shapes[0] == ():
        raise ValueError(located(f"{operation}: all arrays need the same number of axes, at least 1; got {shapes}"))


@as_function(_np.stack)
def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    check_options("stack", out)
    parts = _joined(arrays, dtype, casting)
    shapes = [a.shape for a in parts]
    if len(set(shapes)) != 1:
        raise ValueError(located(f"stack: all arrays must have the same shape; got {shapes}"))
    return _moving.stack(*parts, axis=int(axis))


@as_function(_np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate((arr, values), axis)


@as_function(_np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([atleast_2d(as_array(a)) for a in tup], 0, dtype=dtype, casting=casting)


@as_function(_np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    parts = [atleast_1d(as_array(a)) for a in tup]
    return concatenate(parts, 0 if len(parts[0].shape) == 1 else 1, dtype=dtype, casting=casting)


@as_function(_np.dstack)
def dstack(tup: Any) -> Any:
    return concatenate([atleast_3d(as_array(a)) for a in tup], 2)


@as_function(_np.column_stack)
def column_stack(tup: Any) -> Any:
    parts = [as_array(a) for a in tup]
    return concatenate([a if len(a.shape) > 1 else _shapes.reshape(a, shape=(-1, 1)) for a in parts], 1)


if hasattr(_np, "row_stack"):  # before NumPy 2.5
    row_stack = vstack


def _splitter(own: Callable[..., Any], axis_of: Callable[[int], int] | None = None) -> Callable[..., Any]:
    """The rule of a way to split: NumPy splits the positions along the axis, then the box is indexed."""
    divide_evenly = own is not _np.array_split

    def rule(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
        ary = boxed(ary)
        axis = axis_index(axis if axis_of is None else axis_of(len(ary.shape)), ary)
        positions = _np.arange(ary.shape[axis])
        pieces = (_np.split if divide_evenly else _np.array_split)(positions, indices_or_sections)
        before = (slice(None),) * axis
        return [ary[(*before, slice(int(p[0]), int(p[-1]) + 1) if p.size else slice(0, 0))] for p in pieces]

    return as_function(own)(rule)


split, array_split = _splitter(_np.split), _splitter(_np.array_split)
vsplit, dsplit = _splitter(_np.vsplit, lambda ndim: 0), _splitter(_np.dsplit, lambda ndim: 2)
hsplit = _splitter(_np.hsplit, lambda ndim: 0 if ndim == 1 else 1)


# ----- choosing


@as_function(_np.where)
def where(condition: Any, *args: Any) -> Any:
    if not args:
        return _np.where(peel(condition))
    x, y = args
    return _e.where(condition, boxed(x), boxed(y))


@as_function(_np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    check_options("take", out)
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(located(f"take: mode is 'raise', 'wrap' or 'clip', not {mode!r}"))
    a, indices = boxed(a), as_plain(peel(indices))
    if mode != "raise":
        n = int(_np.prod(a.shape)) if axis is None else a.shape[axis]
        indices = indices % n if mode == "wrap" else _np.clip(indices, 0, n - 1)
    if axis is None:
        return copied(reshape(a, -1)[indices])
    axis, several = axis_index(axis, a), len(a.shape) + indices.ndim > 2
    if axis and several and isinstance(peel(a), Duck):  # an index for each axis, or examples would not lie by rows
        grid = _np.ogrid[tuple(slice(n) for n in a.shape[:axis])]
        return a[(*[g.reshape(g.shape + (1,) * indices.ndim) for g in grid], indices)]
    ans = copied(a[(*(slice(None),) * axis, indices)])  # also of one row
    return laid_out(ans, "C") if several else ans


@as_function(_np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    check_options("compress", out)
    return take(a, _np.flatnonzero(peel(condition)), axis)


@as_function(_np.clip)
def clip(
    a: Any, a_min: Any = _np._NoValue, a_max: Any = _np._NoValue, out: Any = None, *, min: Any = _np._NoValue,
    max: Any = _np._NoValue, **options: Any,
) -> Any:  # fmt: skip
    check_options("clip", out)
    if options:
        raise refuse(
            "clip", f"the options {', '.join(f'{name}=' for name in sorted(options))} have no rule; leave them out"
        )
    if a_min is a_max is _np._NoValue:
        a_min, a_max = (None if bound is _np._NoValue else bound for bound in (min, max))
    elif min is not _np._NoValue or max is not _np._NoValue:
        raise ValueError(located("clip: bounds are given as a_min and a_max, or as min and max, not as both"))
    if a_min is _np._NoValue or a_max is _np._NoValue:
        raise TypeError(located("clip: give both bounds, a_min and a_max; None is no bound"))
    low, high = a_min, a_max
    ans = boxed(a)
    ans = ans if low is None else _e.maximum(ans, low)
    return ans if high is None else _e.minimum(ans, high)


@as_function(_np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    x = boxed(x)
    if peel(x).dtype.kind != "c":
        ans = _e.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
    else:
        parts = [_e.nan_to_num(part(x), nan=nan, posinf=posinf, neginf=neginf) for part in (_e.real, _e.imag)]
        ans = parts[0] + 1j * parts[1]
    return ans if copy or type(x) is not Box or is_number(x) else write(x, ans, "nan_to_num")


@as_function(_np.sinc)
def sinc(x: Any) -> Any:
    return _e.sinc(boxed(x))


@as_function(_np.real)
def real(val: Any) -> Any:
    val = boxed(val)
    return val.real if type(val) is Box else _e.real(val)


@as_function(_np.imag)
def imag(val: Any) -> Any:
    val = boxed(val)
    return val.imag if type(val) is Box else _e.imag(val)


@as_function(_np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    ans = _e.angle(boxed(z))
    return _e.rad2deg(ans) if deg else ans


@as_function(_np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    a = boxed(a)
    plain = peel(a)
    if order == "K" and type(a) is Box and type(plain) is _np.ndarray and not plain.flags.forc:
        return copied(_shapes.layout(a, order="K"))  # without gaps in memory
    if type(a) is Box and not a.shape and _np.isscalar(plain):
        return copied(_shapes.broadcast_to(a, shape=()))  # of a number NumPy makes an array
    return copied(laid_out(a, order))


@as_function(_np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    _on_cpu("astype", device)
    return x if not copy and peel(x).dtype == dtype else _moving.cast(x, dtype)


def _on_cpu(operation: str, device: Any) -> None:
    if device not in (None, "cpu"):
        raise ValueError(located(f'{operation}: device={device!r} is unknown; NumPy has "cpu" alone'))


# ----- products


@as_function(_np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    check_options("dot", out)
    if is_sparse(a) or is_sparse(b):
        if not any(type(part).__module__.startswith("scipy.") for part in (a, b)):
            return _l.matmul(a, b)
        raise TypeError(located("dot: NumPy's dot takes a sparse matrix for an object without entries; write M @ x"))
    return _l.dot(as_operand(a), as_operand(b))


@as_function(_np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    return _l.vdot(as_operand(a), as_operand(b))


@as_function(_np.inner)
def inner(a: Any, b: Any, /) -> Any:
    return _l.inner(as_operand(a), as_operand(b))


@as_function(_np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    check_options("outer", out)
    return _l.outer(as_operand(a), as_operand(b))


@as_function(_np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = as_operand(a), as_operand(b)
    nx, ny = len(a.shape), len(b.shape)
    if isinstance(axes, (int, _np.integer)):
        of_a, of_b = tuple(range(nx - int(axes), nx)), tuple(range(int(axes)))
    else:
        of_a, of_b = (
            _shapes.axes_of((part,) if isinstance(part, int) else part, n)
            for part, n in zip(axes, (nx, ny), strict=True)
        )
    if [a.shape[i] for i in of_a] != [b.shape[i] for i in of_b]:
        raise ValueError(
            located(f"tensordot: shapes {a.shape} and {b.shape} do not match on the axes {of_a} and {of_b}")
        )
    return _l.tensordot(a, b, axes=(of_a, of_b))


@as_function(_np.einsum)
def einsum(*operands: Any, **options: Any) -> Any:
    return _l.einsum(*operands, **options)


@as_function(_np.kron)
def kron(a: Any, b: Any) -> Any:
    a, b = as_operand(a), as_operand(b)
    n = builtins.max(len(a.shape), len(b.shape))
    shape_a, shape_b = (1,) * (n - len(a.shape)) + a.shape, (1,) * (n - len(b.shape)) + b.shape
    wide_a = _shapes.reshape(a, shape=tuple(s for size in shape_a for s in (size, 1)))
    wide_b = _shapes.reshape(b, shape=tuple(s for size in shape_b for s in (1, size)))
    return _shapes.reshape(wide_a * wide_b, shape=tuple(i * j for i, j in zip(shape_a, shape_b)))


# ----- no derivative flows through these

_CONSTANTS = """
    all any argmax argmin argpartition argsort argwhere array_equal array_equiv allclose around round
    count_nonzero digitize empty_like fix flatnonzero  isclose iscomplex iscomplexobj isin
    isneginf isposinf isreal isrealobj lexsort may_share_memory min_scalar_type ndim nonzero ones_like result_type
    searchsorted shape shares_memory size zeros_like nanargmax nanargmin array_repr array_str array2string can_cast
    common_type broadcast_shapes tril_indices_from triu_indices_from diag_indices_from
""".split()  # noqa: SIM905
for _name in _CONSTANTS:
    globals()[_name] = as_function(getattr(_np, _name))(_constant(_name, getattr(_np, _name)))


def size(a: Any, axis: Any = None) -> int:
    """`np.size`; of a list of arrays with different shapes, how many arrays there are (as NumPy < 1.24 said)."""
    if isinstance(a, (list, tuple)) and axis is None and len({_np.shape(peel(part)) for part in a}) > 1:
        return len(a)
    return int(_np.size(peel(a), axis))


size = in_place_of(_np.size, size, "numpy", "minigrad: of a traced value the number of its entries, a plain one.")


# ----- making arrays


def array(object: Any, dtype: Any = None, **options: Any) -> Any:
    if not (type(object) is Box or has_box(object) or has_duck(object)):
        return _moving.array(object, dtype, **options)
    is_list = isinstance(object, (list, tuple))
    asked = {name: given for name, given in options.items() if name != "like"}
    _np.array([0.0] if is_list else _np.zeros(1, object.dtype), dtype, **asked)  # or NumPy's own error
    order, most = options.pop("order", "K"), options.pop("ndmax", None)
    ordered = copy if type(object) is Box and options.get("copy", True) else laid_out
    order = "C" if is_list and order in ("K", "A") else "K" if order is None else order
    made = ordered(_moving.array(object, dtype, **options), order)
    if most is not None and is_list and made.ndim > most:
        raise ValueError(
            located(
                f"array: the items make an array of shape {made.shape}, and with ndmax={most} they would stay objects, "
                "which have no derivative; leave ndmax out"
            )
        )
    return made


def _conversion(own: Callable[..., Any]) -> Any:
    """A conversion to an array: NumPy's own of plain values, `array` of what is traced, or holds what is traced."""

    def function(a: Any, *args: Any, **options: Any) -> Any:
        if type(a) is Box or has_box(a) or has_duck(a):
            given = dict(zip(("dtype", "order"), args)) | options
            _on_cpu(own.__name__, given.get("device"))
            if given:  # NumPy's own error for a name that it does not know; before 2.3 it shows no signature
                asked = {name: each for name, each in given.items() if name != "like"}
                own(_np.zeros(1, given.get("dtype")), **asked)
            order, dtype = given.get("order") or _MEMORY.get(own, "K"), given.get("dtype")
            if type(a) is Box and not is_array(peel(a)):
                made = copy(_moving.array(a, dtype))  # of a number an array
            elif type(a) is Box and (dtype is None or a.dtype == dtype) and not given.get("copy"):
                made = laid_out(a, order)  # the array itself, if it has this order
            else:
                made = laid_out(_moving.array(a, dtype), order)
            return atleast_1d(made) if own in _MEMORY else made  # which these two are made for
        return own(a, *args, **options)

    return in_place_of(own, function, "numpy", f"{FLOWS} It also takes traced values and lists of them.")


_MEMORY: dict[Any, str] = {_np.ascontiguousarray: "C", _np.asfortranarray: "F"}
array = in_place_of(_np.array, array, "numpy", f"{FLOWS} It also takes lists of traced values.")
asarray, asanyarray = _conversion(_np.asarray), _conversion(_np.asanyarray)
ascontiguousarray, asfortranarray = _conversion(_np.ascontiguousarray), _conversion(_np.asfortranarray)
FUNCTIONS.update({_np.array: array, _np.asarray: asarray, _np.asanyarray: asanyarray})  # with `like=x` NumPy asks x


@as_function(_np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    fill = as_array(fill_value) if has_box(fill_value) else _np.asarray(fill_value)
    ans = _shapes.broadcast_to(fill, shape=_np.shape(peel(a)) if shape is None else shape)
    ans = _moving.cast(ans, peel(a).dtype if dtype is None else dtype)
    if type(ans) is _np.ndarray and not ans.flags.writeable:  # a view, where there is nothing to cast
        ans = ans.copy()
    if order == "K":
        order = "A"
    return laid_out(ans, order, (a,)) if shape is None else laid_out(ans, "F" if order == "F" else "C")


def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    """`np.full`, also with a box as the value."""
    if not has_box(fill_value):
        return _np.full(shape, fill_value, dtype, order, **options)
    _on_cpu("full", options.get("device"))
    ans = broadcast_to(boxed(fill_value), shape)
    return laid_out(ans if dtype is None else _moving.cast(ans, dtype), order)


full = in_place_of(_np.full, full, "numpy", FLOWS)
