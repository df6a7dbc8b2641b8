"""Rules that choose, place and repeat entries, and a few that are made of others: grids, joins, products, updates."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad.core.duck_arrays import as_plain, has_duck, is_array
from minigrad.core.lines import located
from minigrad.core.nested import has_box, peel_all
from minigrad.core.primitive import elementwise as _elementwise
from minigrad.core.tape import Box, peel, snapshot
from minigrad.numpy import functions as _f
from minigrad.numpy.dispatch import (
    FLOWS,
    as_array,
    as_function,
    as_ufunc,
    axis_index,
    check_options,
    in_place_of,
    laid_as,
    laid_out,
    refuse,
)
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import products as _l
from minigrad.rules import shapes as _shapes

# ----- ufuncs ---------------------------------------------------------------------------------------------------------


def _sign_change(x: Any, ans: Any) -> Any:
    """1 or -1: how `copysign` turned x."""
    same = _np.equal(_np.signbit(peel(x)), _np.signbit(peel(ans)))
    return _np.where(same, 1.0, -1.0).astype(peel(ans).dtype)


_copysign = _elementwise(
    "copysign", _np.copysign,
    lambda g, ans, x, _y: g * _sign_change(x, ans),
    lambda g, _ans, _x, _y: g * 0.0,
    taylor=lambda s, d, ans, u, _v: [ans, *[c * _sign_change(u[0], ans) for c in u[1:]]],
)  # fmt: skip
_fmod = _elementwise(
    "fmod", _np.fmod,
    lambda g, _ans, _x, _y: g,
    lambda g, _ans, x, y: -g * _np.trunc(_np.divide(peel(x), peel(y))),
    taylor=lambda s, d, ans, u, v: s.remainder(ans, u, v, _np.trunc(_np.divide(peel(u[0]), peel(v[0])))),
)  # fmt: skip
# heaviside(x, y) is y at x = 0, and constant elsewhere.
_heaviside = _elementwise(
    "heaviside", _np.heaviside,
    lambda g, _ans, _x, _y: g * 0.0,
    lambda g, _ans, x, _y: g * _np.equal(peel(x), 0).astype(peel(_ans).dtype),
)  # fmt: skip
_ldexp_by = _elementwise(
    "ldexp", lambda x, exponent: _np.ldexp(x, exponent), lambda g, _ans, _x, exponent: _scaled(g, exponent, _ans)
)


def _scaled(g: Any, exponent: Any, ans: Any) -> Any:
    factor = _np.ldexp(_np.ones((), peel(ans).dtype), exponent)
    return g * factor


def _ldexp(x: Any, exponent: Any) -> Any:
    exponent = as_plain(peel(exponent))
    if not isinstance(x, Box):
        return _np.ldexp(x, exponent)
    shape = _np.broadcast_shapes(x.shape, exponent.shape)
    return _ldexp_by(x if x.shape == shape else _shapes.broadcast_to(x, shape=shape), exponent=exponent)


copysign, fmod = as_ufunc(_np.copysign, _copysign), as_ufunc(_np.fmod, _fmod)
heaviside, ldexp = as_ufunc(_np.heaviside, _heaviside), as_ufunc(_np.ldexp, _ldexp)
nextafter = as_ufunc(
    _np.nextafter, _elementwise("nextafter", _np.nextafter, lambda g, _a, _x, _y: g, lambda g, _a, _x, _y: g * 0.0)
)


def _modf(x: Any) -> Any:
    plain = peel(x)
    whole, endless = _np.trunc(plain), _np.isinf(plain)
    fraction = x - _np.where(endless, 0.0, whole).astype(plain.dtype)
    ans = _e.where(endless, _np.copysign(_np.zeros_like(plain), plain), fraction)  # of infinity it is 0
    return (ans if is_array(plain) else ans[()]), whole


def _frexp(x: Any) -> Any:
    exponent = _np.frexp(peel(x))[1]
    return _ldexp(x, -exponent), exponent


modf, frexp = as_ufunc(_np.modf, _modf), as_ufunc(_np.frexp, _frexp)
vecdot = as_ufunc(_np.vecdot, lambda x, y: _shapes.sum_(_shapes.conjugate_if_complex(x) * y, axis=-1))
if hasattr(_np, "matvec"):  # from NumPy 2.2 on
    matvec = as_ufunc(_np.matvec, lambda x, y: _l.matmul(x, y[..., None])[..., 0])
    vecmat = as_ufunc(_np.vecmat, lambda x, y: _l.matmul(_shapes.conjugate_if_complex(x)[..., None, :], y)[..., 0, :])

# ----- choosing -------------------------------------------------------------------------------------------------------


@as_function(_np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    arr, indices = as_array(arr), as_plain(peel(indices))
    if axis is None:
        return _shapes.reshape(arr, shape=-1)[indices]
    axis = axis_index(axis, arr)
    places: list[Any] = []
    for k, n in enumerate(arr.shape):  # the other axes broadcast against those of the indices
        along = _np.arange(n).reshape((-1,) + (1,) * (len(arr.shape) - 1 - k))
        places.append(indices if k == axis else along)
    return arr[tuple(places)]


@as_function(_np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return _shapes.reshape(as_array(arr), shape=-1)[_np.flatnonzero(peel(condition))]


def _alike(*values: Any) -> list[Any]:
    """The values as arrays. As in NumPy, a number of Python takes the dtype of the others: 0.5 keeps float32."""
    numbers = (bool, int, float, complex)
    arrays = [v if type(v) in numbers else as_array(v) for v in values]
    dtype = _np.result_type(*[v if type(v) in numbers else peel(v).dtype for v in arrays])
    return [_np.asarray(v, dtype) if type(v) in numbers else v for v in arrays]


@as_function(_np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    check_options("choose", out)
    a = as_plain(peel(a))
    parts = _alike(*choices)
    shape = _np.broadcast_shapes(a.shape, *[p.shape for p in parts])
    places = _np.choose(a, list(range(len(parts))), mode=mode)  # type: ignore[call-overload]
    stacked = _moving.stack(*[_shapes.broadcast_to(p, shape=shape) for p in parts], axis=0)
    return take_along_axis(stacked, _np.broadcast_to(places, shape)[None], 0)[0]


@as_function(_np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError(located(f"select: {len(condlist)} conditions and {len(choicelist)} choices; give as many"))
    if as_plain(peel(default)).dtype.kind not in "biufc":
        raise TypeError(located(f"select: default={default!r} is no number"))
    *choices, ans = _alike(*choicelist, default)
    for condition, choice in reversed(list(zip(condlist, choices))):
        ans = _e.where(as_plain(peel(condition), bool), choice, ans)
    return laid_out(ans, "C")


@as_function(_np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = as_array(x)
    masks = [as_plain(peel(c), bool) for c in (condlist if isinstance(condlist, (list, tuple)) else [condlist])]
    if len(masks) == 1 and masks[0].ndim == len(x.shape) + 1:
        masks = list(masks[0])
    pieces = list(funclist)
    if len(pieces) == len(masks) + 1:
        masks.append(~_np.any(masks, axis=0))
    if len(pieces) != len(masks):
        raise ValueError(
            located(f"piecewise: {len(masks)} conditions and {len(pieces)} functions; one more may be given")
        )
    ans: Any = _np.zeros(x.shape, peel(x).dtype)
    for mask, piece in zip(masks, pieces):
        mask = _np.broadcast_to(mask, x.shape)
        if callable(piece):
            flat = (
                piece(_shapes.reshape(x, shape=-1)[_np.flatnonzero(mask)], *args, **kw)
                if x.shape
                else piece(x, *args, **kw)
            )
            ans = set_at(ans, mask, flat) if x.shape else _e.where(mask, flat, ans)
        else:
            ans = _e.where(mask, piece, ans)
    return laid_as(_moving.cast(ans, peel(x).dtype), x)


# ----- functional updates ---------------------------------------------------------------------------------------------


def _updated(x: Any, index: Any, v: Any, adds: bool) -> Any:
    """x with v written to, or added at, an index: both as gathers and sums that differentiate."""
    x, v = as_array(x), as_array(v)
    index = _moving.plain_index(index, x)
    x_plain = peel(x)
    positions = _np.arange(x_plain.size).reshape(x_plain.shape)[index]
    dtype = _np.result_type(x_plain.dtype, peel(v).dtype) if type(v) is Box else x_plain.dtype
    spread = _shapes.broadcast_to(v, shape=_np.shape(positions))
    flat_v, places = _shapes.reshape(spread, shape=-1), _np.reshape(positions, -1)
    if not adds:  # of equal places the last one wins
        _, last = _np.unique(places[::-1], return_index=True)
        keep = places.size - 1 - last
        flat_v, places = flat_v[keep], places[keep]
        mask = _np.zeros(x_plain.size, bool)
        mask[places] = True
        x = _e.where(mask.reshape(x_plain.shape), 0.0, x)
    added = _moving.scatter_add(_moving.cast(flat_v, dtype), index=places, size=x_plain.size)
    return x + _shapes.reshape(added, shape=x_plain.shape)


def set_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of x in which `x[index] = v` has been done.

    Args:
        x: an array, traced or not.
        index: any index that NumPy takes (of repeated places the last one wins).
        v: a number or array that broadcasts to `x[index]`, traced or not.

    Returns:
        A new array of the shape of x.

    >>> import numpy as np
    >>> from minigrad import grad
    >>> float(grad(lambda v: np.sum(set_at(np.ones(3), 1, v) ** 2))(5.0))
    10.0
    >>> set_at(np.zeros(3), [0, 2], [1.0, 2.0])
    array([1., 0., 2.])
    """
    if not has_box((x, v)) and not has_duck((x, v)):
        new = _np.array(peel(x))
        new[index] = v
        return new
    return _updated(x, index, v, adds=False)


def add_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of x to which v has been added at an index, at repeated places repeatedly, as by `np.add.at`.

    Args:
        x: an array, traced or not.
        index: any index that NumPy takes.
        v: a number or array that broadcasts to `x[index]`, traced or not.

    Returns:
        A new array of the shape of x.

    >>> import numpy as np
    >>> add_at(np.zeros(3), [0, 0, 2], [1.0, 2.0, 5.0])
    array([3., 0., 5.])
    """
    if not has_box((x, v)) and not has_duck((x, v)):
        new = _np.array(peel(x))
        _np.add.at(new, index, v)
        return new
    return _updated(x, index, v, adds=True)


# ----- joining, inserting, deleting -----------------------------------------------------------------------------------


@as_function(_np.block)
def block(arrays: Any) -> Any:
    def depth(part: Any) -> int:
        return 1 + builtins.max(map(depth, part), default=0) if isinstance(part, list) else 0

    levels = depth(arrays)
    leaves: list[Any] = []

    def gather(part: Any) -> None:
        if isinstance(part, list):
            for inner in part:
                gather(inner)
        else:
            leaves.append(len(as_array(part).shape))

    gather(arrays)
    ndim = builtins.max(levels, *leaves, 1)

    def joined(part: Any, level: int) -> Any:
        if not isinstance(part, list):
            a = as_array(part)
            return _shapes.reshape(a, shape=(1,) * (ndim - len(a.shape)) + tuple(a.shape))
        return _f.concatenate([joined(inner, level + 1) for inner in part], axis=ndim - levels + level)

    ans = joined(arrays, 0)
    return ans if levels or leaves[0] else _shapes.reshape(ans, shape=())


@as_function(_np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    arr = as_array(arr)
    if axis is None:
        arr, axis = _shapes.reshape(arr, shape=-1), 0
    axis = axis_index(axis, arr)
    kept = _np.delete(_np.arange(arr.shape[axis]), peel(obj))
    ans = arr[(*(slice(None),) * axis, kept)]
    return laid_out(ans, "A", (arr,)) if isinstance(obj, slice) or _np.size(peel(obj)) == 1 else ans


@as_function(_np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    arr, values = as_array(arr), as_array(values)
    if axis is None:
        arr, axis = _shapes.reshape(arr, shape=-1), 0
    axis = axis_index(axis, arr)
    # NumPy inserts the numbers of the new entries, which are negative, among those of the old ones.
    numbers = _np.broadcast_to(
        _np.arange(arr.size).reshape(arr.shape) if arr.size else _np.zeros(arr.shape, int), arr.shape
    )
    new = -1 - _np.arange(values.size).reshape(values.shape) if values.size else _np.zeros(values.shape, int)
    sources = _np.insert(numbers, peel(obj), new, axis)
    both = _moving.concatenate(
        _shapes.reshape(arr, shape=-1), _moving.cast(_shapes.reshape(values, shape=-1), peel(arr).dtype), axis=0
    )
    return laid_out(both[_np.where(sources >= 0, sources, arr.size - 1 - sources)], "A", (arr,))


@as_function(_np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    a = as_array(a)
    return (
        _shapes.reshape(a, shape=-1)[_np.resize(_np.arange(a.size), new_shape)]
        if a.size
        else _np.resize(peel(a), new_shape)
    )


def _unstack(x: Any, /, *, axis: int = 0) -> Any:
    x = as_array(x)
    return tuple(_f.moveaxis(x, axis, 0))


if hasattr(_np, "unstack"):  # from NumPy 2.1 on
    unstack = as_function(_np.unstack)(_unstack)


@as_function(_np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    return _moving.diag(_shapes.reshape(as_array(v), shape=-1), k=k)


@as_function(_np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError(located(f'meshgrid: indexing={indexing!r} is unknown; use "xy" or "ij"'))
    parts = [_shapes.reshape(as_array(x), shape=-1) for x in xi]
    n = len(parts)
    order = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    shape = tuple(parts[k].shape[0] for k in order)
    grids = []
    for k, part in enumerate(parts):
        place = order.index(k)
        along = _shapes.reshape(part, shape=tuple(-1 if j == place else 1 for j in range(n)))
        grid = along if sparse else _shapes.broadcast_to(along, shape=shape)
        grids.append(snapshot(grid) if copy and type(grid) is Box else grid)
    return tuple(grids)


# ----- products, ranges, and the rest ---------------------------------------------------------------------------------


@as_function(_np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _f.moveaxis(as_array(a), axisa, -1), _f.moveaxis(as_array(b), axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(
            located(f"cross: both arguments need 2 or 3 entries along the axis; got shapes {a.shape} and {b.shape}")
        )
    if a.shape[-1] == b.shape[-1] == 2:  # of vectors in the plane, the third entry of the product
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (
        x if x.shape[-1] == 3 else _moving.concatenate(x, _np.zeros((*x.shape[:-1], 1), peel(x).dtype), axis=-1)
        for x in (a, b)
    )
    parts = [a[..., (k + 1) % 3] * b[..., (k + 2) % 3] - a[..., (k + 2) % 3] * b[..., (k + 1) % 3] for k in range(3)]
    return _f.stack(parts, axisc)


@as_function(_np.linspace)
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    if device not in (None, "cpu"):
        raise ValueError(located(f'linspace: device={device!r} is unknown; NumPy has "cpu" alone'))
    start, stop = _alike(start, stop)
    steps = num - 1 if endpoint else num
    kind = _np.result_type(peel(start).dtype, peel(stop).dtype, 1.0)
    fractions = (_np.arange(num) / builtins.max(steps, 1)).astype(kind.type(0).real.dtype)
    span = stop - start
    ans = start + fractions.reshape((-1,) + (1,) * len(span.shape)) * span
    if endpoint and num > 1:  # the last one exactly
        ans = _f.concatenate([ans[:-1], _shapes.broadcast_to(stop, shape=span.shape)[None]], axis=0)
    ans = ans if axis == 0 else _f.moveaxis(ans, 0, axis)
    ans = ans if dtype is None else _moving.cast(ans, dtype)
    return (ans, span / steps if steps > 0 else span * _np.nan) if retstep else ans


@as_function(_np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop, base = _alike(start, stop, base)
    ans = _e.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return ans if dtype is None else _moving.cast(ans, dtype)


@as_function(_np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = as_array(start), as_array(stop)
    wide = _np.result_type(peel(start).dtype, peel(stop).dtype, float)  # NumPy computes in float64 at least
    start, stop = (x if peel(x).dtype == wide else _moving.cast(x, wide) for x in (start, stop))
    if _np.any(peel(start) * peel(stop) <= 0):
        raise ValueError(located("geomspace: both ends must have one sign, and none may be 0"))
    sign = _np.sign(peel(start))
    ans = sign * _e.exp(linspace(_e.log(sign * start), _e.log(sign * stop), num, endpoint))
    ans = ans if axis == 0 else _f.moveaxis(ans, 0, axis)
    return ans if dtype is None else _moving.cast(ans, dtype)


@as_function(_np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    a = as_array(a)
    return _e.real(a) if _np.isrealobj(_np.real_if_close(peel(a), tol)) and peel(a).dtype.kind == "c" else a


@as_function(_np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    arr = as_array(arr)
    axis = axis_index(axis, arr)
    moved = _f.moveaxis(arr, axis, -1)
    lead = moved.shape[:-1]
    if 0 in lead:
        raise ValueError(
            located(f"apply_along_axis: an array of shape {arr.shape} has nothing to apply the function to")
        )
    flat = _shapes.reshape(moved, shape=(int(_np.prod(lead)), moved.shape[-1]))
    results = [as_array(func1d(flat[k], *args, **kwargs)) for k in range(flat.shape[0])]
    shape = results[0].shape
    ans = _shapes.reshape(_moving.stack(*results, axis=0), shape=(*lead, *shape))
    source = list(range(len(lead), len(lead) + len(shape)))
    return _f.moveaxis(ans, source, [axis + k for k in range(len(shape))])


@as_function(_np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    a = as_array(a)
    n = len(a.shape)
    for axis in (axes,) if isinstance(axes, int) else axes:
        made = func(a, axis)
        a = made if len(made.shape) == n else _f.expand_dims(made, axis)
    return a


def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    """`np.asarray_chkfinite`, also of a box."""
    _np.asarray_chkfinite(peel(as_array(a)))
    return _f.asarray(a, dtype)


def require(a: Any, dtype: Any = None, requirements: Any = None, **options: Any) -> Any:
    """`np.require`, also of a box, of which it is a copy anyway."""
    return _f.asarray(a, dtype) if has_box(a) else _np.require(a, dtype, requirements, **options)


asarray_chkfinite = in_place_of(_np.asarray_chkfinite, asarray_chkfinite, "numpy", FLOWS)
require = in_place_of(_np.require, require, "numpy", FLOWS)


class _Joiner:
    """`np.r_` and `np.c_` of boxes; of anything else NumPy's own."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def __getitem__(self, key: Any) -> Any:
        parts = list(key) if isinstance(key, tuple) else [key]
        if not has_box(parts):
            return self._own[key]
        if builtins.any(part in ("r", "c") for part in parts if isinstance(part, str)):
            raise refuse("np.r_, np.c_", "matrices ('r' and 'c') have no rule; use np.concatenate, np.stack")
        # NumPy itself joins the numbers of the entries; what a slice or a plain array stands for is a part like others.
        parts = [part if isinstance(part, str) else self._own[part] if type(part) is slice else part for part in parts]
        dtype = self._own[tuple([part if isinstance(part, str) else peel_all(part) for part in parts])].dtype
        sources: list[Any] = []
        labels: list[Any] = []
        count = 0
        for part in parts:
            if isinstance(part, str):
                labels.append(part)
                continue
            a = as_array(part)
            labels.append(_np.arange(count, count + a.size).reshape(a.shape))
            sources.append(_moving.cast(_shapes.reshape(a, shape=(-1,)), dtype))
            count += a.size
        return _moving.concatenate(*sources, axis=0)[self._own[tuple(labels)]]


r_, c_ = _Joiner(_np.r_), _Joiner(_np.c_)
