"""Rules for shapes, and for the sum, which undoes broadcasting."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.primitive import Operation, linear
from minigrad.core.tape import NUMBERS, peel
from minigrad.rules.elementwise import conjugate, real

add_reduce: Any = np.add.reduce  # as they are called here (positionally, for speed) their annotations do not fit


normalised: Callable[[int, int], int] = np.lib.array_utils.normalize_axis_index  # or it raises NumPy's AxisError


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """An axis argument as a tuple of axes counted from the front; `None` means all."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if ndim == 0:  # a number has, for NumPy's reductions, the axes 0 and -1
        return tuple(operator.index(a) for a in axes)
    return tuple([normalised(operator.index(a), ndim) for a in axes])


def kept_shape(x: Any, axis: Any) -> tuple[int, ...]:
    """The shape of a reduction of x had it been asked to keep its dimensions."""
    return _kept(x.shape, axis)


@functools.lru_cache(maxsize=1024)
def _kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    axes = axes_of(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def keep(g: Any, x: Any, axis: Any) -> Any:
    """g, of the shape of a reduction of x, as it broadcasts against x."""
    if type(g) in NUMBERS or g.shape == ():
        return g
    shape = kept_shape(x, axis)
    return g if g.shape == shape else reshape(g, shape=shape)


def reduction_by(ufunc: np.ufunc) -> Callable[..., Any]:
    """A reduction by a ufunc, without the microsecond that np.sum spends before it gets there."""
    reduce: Any = ufunc.reduce

    def fun(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
        return reduce(x, axis, dtype, None, keepdims)

    return fun


# ----- reductions -----------------------------------------------------------------------------------------------------

sum_ = linear(
    "sum",
    reduction_by(np.add),
    lambda g, _ans, _x, axis=None, keepdims=False, dtype=None: keep(g, _x, axis),
    takes_scalar=True,
    pattern=lambda p: p.reduced,
)


def conjugate_if_complex(x: Any) -> Any:
    """The conjugate; real values are returned as they are."""
    return conjugate(x) if peel(x).dtype.kind == "c" else x


# ----- shapes ---------------------------------------------------------------------------------------------------------

reshape: Operation = linear(
    "reshape",
    lambda x, shape, order="C": x.reshape(shape, order=order),
    lambda g, _ans, _x, shape, order="C": reshape(g, shape=_x.shape, order=order),
    pattern=lambda p: p.moved,
    view=True,
)


# `np.ravel` copies where `reshape` may make a view: an array that is flipped along all of its axes.
ravel: Operation = linear(
    "reshape",
    lambda x, order="C": x.ravel(order) if type(x) is np.ndarray else x.reshape(-1, order=order),
    lambda g, _ans, _x, order="C": reshape(g, shape=_x.shape, order=order),
    pattern=lambda p: p.moved,
    view=True,
)


def inverse_permutation(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation of axes that undoes this one."""
    back = [0] * len(axes)
    for i, a in enumerate(axes):
        back[a] = i
    return tuple(back)


transpose: Operation = linear(
    "transpose",
    lambda x, axes: x.transpose(axes),
    lambda g, _ans, _x, axes: transpose(g, axes=inverse_permutation(axes)),
    pattern=lambda p: p.moved,
    view=True,
)
flip: Operation = linear(
    "flip",
    lambda x, axis: np.flip(x, axis),
    lambda g, _ans, _x, axis: flip(g, axis=axis),
    pattern=lambda p: p.moved,
    view=True,
)


@functools.lru_cache(maxsize=1024)
def _stretched(wide: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which `shape` is repeated to fill `wide`."""
    lead = len(wide) - len(shape)
    return tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and wide[i + lead] != 1)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum g over the axes along which `shape` was stretched."""
    wide = g.shape
    axes, keepdims = _stretched(wide, shape), len(wide) == len(shape)
    if type(g) is np.ndarray:
        summed = add_reduce(g, axes, None, None, keepdims)
    else:
        summed = sum_(g, axis=axes, keepdims=keepdims)
    return summed if summed.shape == shape else reshape(summed, shape=shape)


broadcast_to = linear(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    lambda g, _ans, _x, shape: unbroadcast(g, _x.shape),
    pattern=lambda p: p.moved,
    view=True,
)


def _astype_transposed(g: Any, _ans: Any, _x: Any, dtype: Any) -> Any:
    real_only = peel(g).dtype.kind == "c" and _x.dtype.kind != "c"
    return astype(real(g) if real_only else g, dtype=_x.dtype)


astype: Operation = linear("astype", lambda x, dtype: x.astype(dtype), _astype_transposed, pattern=lambda p: p.same)

# The same numbers in another order of memory: what `ravel("K")` and `flags` of NumPy see.
layout: Operation = linear(
    "copy", lambda x, order: np.copy(x, order), lambda g, _ans, _x, order: g, pattern=lambda p: p.same
)
