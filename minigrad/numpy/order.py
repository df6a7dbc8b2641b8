"""NumPy's rules for whatever depends on the order of the entries: sort, unique, quantiles, medians.

The permutation is found on the plain values, and the traced values are indexed by it. Among equal entries it is that of
a stable sort, which picks one subgradient.
"""

from __future__ import annotations

from typing import Any

import numpy as _np

from minigrad.core.duck_arrays import as_plain
from minigrad.core.lines import located
from minigrad.core.nested import peel_all
from minigrad.core.tape import Box, peel
from minigrad.numpy.arguments import index_along, normalised_axes, spread, with_value
from minigrad.numpy.dispatch import as_array, as_function, axis_index, boxed, check_options, laid_as, shaped
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import shapes as _shapes

# ----- order ----------------------------------------------------------------------------------------------------------


def _take_along(a: Any, index: Any, axis: int) -> Any:
    if len(a.shape) == 1:
        return a[index]
    grid = list(_np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[axis] = index
    return a[tuple(grid)]


def _flat_or(a: Any, axis: Any) -> tuple[Any, int]:
    """The array and the axis along which to go; flat for axis=None."""
    a = as_array(a)
    return (_shapes.reshape(a, shape=(-1,)), 0) if axis is None else (a, axis_index(axis, a))


@as_function(_np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    check_options("sort", order=(order, None))
    if kind is not None and str(kind)[:1].lower() not in ("q", "h", "m", "s"):
        raise ValueError(located(f"sort: kind is 'quicksort', 'heapsort', 'mergesort' or 'stable', not {kind!r}"))
    a, axis = _flat_or(a, axis)
    return laid_as(_take_along(a, _np.argsort(peel(a), axis=axis, kind="stable"), axis), a)


@as_function(_np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    check_options("partition", order=(order, None))
    if kind != "introselect":
        raise ValueError(located(f"partition: kind is 'introselect', not {kind!r}"))
    a, axis = _flat_or(a, axis)
    return laid_as(_take_along(a, _np.argpartition(peel(a), kth, axis=axis), axis), a)


@as_function(_np.sort_complex)
def sort_complex(a: Any) -> Any:
    a = sort(a)
    return _moving.cast(a, _np.sort_complex(_np.empty(0, peel(a).dtype)).dtype)


@as_function(_np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    **options: Any,
) -> Any:
    """As `numpy.unique`; of equal entries the first is the one that is returned, and the one with a derivative."""
    own: Any = _np.unique  # of the array as it is: the inverse has its shape
    _, index, *rest = own(peel(as_array(ar)), True, return_inverse, return_counts, axis, **options)
    ar, along = _flat_or(ar, axis)
    values = ar[index_along(along, index)]
    given = ([index] if return_index else []) + rest
    return (values, *given) if given else values


def _unique_as(own: Any, field: Any) -> Any:
    """The rule of a variant of `unique`, whose values may come in an order of their own."""

    def rule(x: Any) -> Any:
        flat = _shapes.reshape(as_array(x), shape=(-1,))
        result = own(peel(x))
        values = result if field is None else getattr(result, field)
        index = _np.unique(peel(flat), return_index=True, equal_nan=False)[1]
        made = flat[index[_np.argsort(_np.argsort(values, kind="stable"))]]
        return made if field is None else result._replace(**{field: made})

    return as_function(own)(rule)


unique_values, unique_counts = _unique_as(_np.unique_values, None), _unique_as(_np.unique_counts, "values")
unique_inverse, unique_all = _unique_as(_np.unique_inverse, "values"), _unique_as(_np.unique_all, "values")


@as_function(_np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    filt, trim = as_array(filt), trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(located(f"trim_zeros: trim is made of the letters f and b, not {trim!r}"))
    axes = normalised_axes(range(filt.ndim) if axis is None else axis, filt.ndim)
    found = _np.argwhere(peel(filt))
    start = found.min(0) if found.size else _np.zeros(filt.ndim, int)
    stop = found.max(0) + 1 if found.size else start
    part = [
        slice(int(b) if "f" in trim or not found.size else None, int(e) if "b" in trim or not found.size else None)
        for b, e in zip(start, stop)
    ]
    return filt[tuple([part[k] if k in axes else slice(None) for k in range(filt.ndim)])]


# ----- quantiles ------------------------------------------------------------------------------------------------------

# Of the methods that are continuous in q, alpha and beta: the entry of rank n q + alpha + q (1 - alpha - beta) - 1,
# counted from 0 (R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", Am. Stat. 50, 1996).
_CONTINUOUS = {
    "linear": (1.0, 1.0),
    "weibull": (0.0, 0.0),
    "hazen": (0.5, 0.5),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
_STEPS = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")  # always one of the entries


def _between(
    own: Any, a: Any, q: Any, axis: Any, keepdims: bool, moves: bool = False, weights: Any = None, **method: Any
) -> Any:
    """The sorted entries below and above a quantile, where between them it lies, and the shape of the result.

    Asked for the quantile of the numbers 0, 1, 2, ..., NumPy's function says at which position of the sorted entries
    the quantile of any numbers is. A position that `moves` lies within a gap, also at the end. The entries come as
    rows: one per quantile and one column per line of `a`.
    """
    axes = tuple(range(a.ndim)) if axis is None else normalised_axes(axis, a.ndim)
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    shape = _np.shape(q) + tuple(1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i in rest)
    moved = _shapes.transpose(a, axes=rest + axes)
    size = tuple(int(_np.prod(part)) for part in (moved.shape[: len(rest)], moved.shape[len(rest) :]))
    lines, n = _shapes.reshape(moved, shape=size), size[1]
    plain, skips_nan = peel(lines), own.__name__.startswith("nan")
    order = _np.argsort(plain, axis=-1, kind="stable")
    found = n - _np.count_nonzero(_np.isnan(plain), axis=-1)  # the numbers in each line; NaN come after them
    ranks = _np.arange(float(n))[None, :]
    if weights is not None:
        weights = _np.broadcast_to(spread(weights, a, axes), a.shape).transpose(rest + axes).reshape(size)
        method["weights"] = _np.take_along_axis(weights, order, -1)
        ranks = _np.repeat(ranks, size[0], axis=0)
    if skips_nan and _np.any(found < n):
        ranks = _np.where(ranks < found[:, None], ranks, _np.nan)
    at = own(ranks, *(() if q is None else (q,)), axis=-1, **method).reshape(int(_np.prod(_np.shape(q))), len(ranks))
    at = _np.where(_np.isnan(at) | ((found < n) & (not skips_nan)), n - 1, at)  # NaN is the last entry, a NaN
    last = _np.where((found > 0) & skips_nan, found, n) - 1
    low = _np.clip(_np.floor(at), 0, _np.maximum(last - moves, 0)).astype(int)
    high = _np.minimum(low + 1, last)
    columns = _np.arange(size[0])
    return *[lines[columns, order[columns, k]] for k in (low, high)], at - low, found, shape


def _quantile(own: Any, scale: int, a: Any, q: Any, axis: Any, method: str, keepdims: Any, weights: Any) -> Any:
    """The four functions; `scale` is 100 for those that take percents."""
    a, q, weights = as_array(a), boxed(q), peel_all(weights)  # by weights the only method is a step function of them
    if peel(a).dtype.kind == "c":
        raise TypeError(located(f"{own.__name__}: complex numbers have no quantiles; shape {a.shape}, {a.dtype}"))
    options = {} if weights is None else {"weights": weights}
    keepdims = keepdims is not _np._NoValue and bool(keepdims)
    if 0 in a.shape:
        return own(peel(a), peel(q), axis=axis, method=method, keepdims=keepdims, **options)
    dtype = own(_np.ones(1, peel(a).dtype), peel(q), method=method).dtype
    moves = type(q) is Box and method in _CONTINUOUS
    low, high, part, found, shape = _between(own, a, peel(q), axis, keepdims, moves, method=method, **options)
    weight = part.astype(dtype)
    if moves:
        alpha, beta = _CONTINUOUS[method]
        column = _shapes.reshape(q, shape=(-1, 1)) / scale
        at = found * column + alpha + column * (1 - alpha - beta) - 1
        inside = (peel(at) >= 0) & (peel(at) <= found - 1)
        weight = with_value(weight, _moving.cast(_e.where(inside, at, 0.0), dtype))
    if not moves and (method in _STEPS or (scale == 1 and as_plain(peel(q)).dtype.kind in "iub")):
        return shaped(_moving.cast(low, dtype), shape)
    with _np.errstate(invalid="ignore"):
        gap = high - low
        ans = low + gap * weight
        if not _np.all(_np.isfinite(peel(gap))):  # NumPy starts from the nearer end, which matters at infinities
            ans = _e.where(part >= 0.5, high - gap * (1.0 - weight), ans)
    return shaped(ans, shape)


@as_function(_np.quantile)
def quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    check_options("quantile", out)
    return _quantile(_np.quantile, 1, a, q, axis, method, keepdims, weights)


@as_function(_np.percentile)
def percentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    check_options("percentile", out)
    return _quantile(_np.percentile, 100, a, q, axis, method, keepdims, weights)


@as_function(_np.nanquantile)
def nanquantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    check_options("nanquantile", out)
    return _quantile(_np.nanquantile, 1, a, q, axis, method, keepdims, weights)


@as_function(_np.nanpercentile)
def nanpercentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    check_options("nanpercentile", out)
    return _quantile(_np.nanpercentile, 100, a, q, axis, method, keepdims, weights)


def _median(own: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    a, keepdims = as_array(a), keepdims is not _np._NoValue and bool(keepdims)
    if 0 in a.shape:
        return own(peel(a), axis=axis, keepdims=keepdims)
    low, high, part, _, shape = _between(own, a, None, axis, keepdims)
    half = part == 0.5
    lower, upper = _np.where(half, 0.5, part == 0), _np.where(half, 0.5, part == 1)
    dtype = peel(a).real.dtype
    if not _np.all(_np.isfinite(peel(low)) & _np.isfinite(peel(high))):
        low, high = _e.where(lower == 0, 0.0, low), _e.where(upper == 0, 0.0, high)
    return shaped(low * lower.astype(dtype) + high * upper.astype(dtype), shape)


@as_function(_np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    check_options("median", out)
    return _median(_np.median, a, axis, keepdims)


@as_function(_np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    check_options("nanmedian", out)
    return _median(_np.nanmedian, a, axis, keepdims)
