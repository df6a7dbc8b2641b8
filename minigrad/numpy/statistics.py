"""The rules of NumPy's statistics and its relatives: order, quantiles, averages, differences, polynomials, I_0.

Almost all are composed of operations that have rules, so that they are right at any order in both modes. What depends
on the order of the entries (sort, median, ...) finds the permutation on the plain values and indexes. At a tie the
permutation is that of a stable sort, which picks one subgradient: the median of equal entries moves with one or two of
them. A NaN moves with a NaN entry that it came from, so derivatives stay finite.
"""

from __future__ import annotations

import warnings as _warnings
from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad import elementwise as _e
from minigrad import linalg as _l
from minigrad import structure as _s
from minigrad.numpy import functions as _f
from minigrad.numpy.dispatch import as_array, as_function, axis_index, boxed, check_options, refuse
from minigrad.primitive import bilinear as _bilinear
from minigrad.primitive import elementwise as _elementwise
from minigrad.primitive import general as _general
from minigrad.structure import has_box
from minigrad.tape import Box, located, peel, peel_all

_axes_of: Callable[..., tuple[int, ...]] = _np.lib.array_utils.normalize_axis_tuple


def _with_value(value: Any, x: Any) -> Any:
    """x with this plain value: it has the derivatives of x."""
    return value + (x - peel(x))


def _along(axis: int, *index: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, *index)


def _in_floats(a: Any) -> Any:
    """An array of floating or complex numbers; integers become float64."""
    a = as_array(a)
    return a if peel(a).dtype.kind in "fc" else a.astype(float)


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
    return (_s.reshape(a, shape=(-1,)), 0) if axis is None else (a, axis_index(axis, a))


@as_function(_np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    check_options("sort", order=(order, None))
    a, axis = _flat_or(a, axis)
    return _take_along(a, _np.argsort(peel(a), axis=axis, kind="stable"), axis)


@as_function(_np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    check_options("partition", order=(order, None))
    a, axis = _flat_or(a, axis)
    return _take_along(a, _np.argpartition(peel(a), kth, axis=axis), axis)


@as_function(_np.sort_complex)
def sort_complex(a: Any) -> Any:
    a = sort(a)
    return _s.cast(a, _np.sort_complex(_np.empty(0, peel(a).dtype)).dtype)


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
    ar, along = _flat_or(ar, axis)
    axis = None if axis is None else along
    own: Any = _np.unique
    _, index, *rest = own(peel(ar), True, return_inverse, return_counts, axis, **options)
    values = ar[_along(along, index)]
    given = ([index] if return_index else []) + rest
    return (values, *given) if given else values


def _unique_as(own: Any, field: Any) -> Any:
    """The rule of a variant of `unique`, whose values may come in an order of their own."""

    def rule(x: Any) -> Any:
        flat = _s.reshape(as_array(x), shape=(-1,))
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
    axes = _axes_of(range(filt.ndim) if axis is None else axis, filt.ndim)
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
    axes = tuple(range(a.ndim)) if axis is None else _axes_of(axis, a.ndim)
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    shape = _np.shape(q) + tuple(1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i in rest)
    moved = _s.transpose(a, axes=rest + axes)
    size = tuple(int(_np.prod(part)) for part in (moved.shape[: len(rest)], moved.shape[len(rest) :]))
    lines, n = _s.reshape(moved, shape=size), size[1]
    plain, skips_nan = peel(lines), own.__name__.startswith("nan")
    order = _np.argsort(plain, axis=-1, kind="stable")
    found = n - _np.count_nonzero(_np.isnan(plain), axis=-1)  # the numbers in each line; NaN come after them
    ranks = _np.arange(float(n))[None, :]
    if weights is not None:
        weights = _np.broadcast_to(_spread(weights, a, axes), a.shape).transpose(rest + axes).reshape(size)
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
        column = _s.reshape(q, shape=(-1, 1)) / scale
        at = found * column + alpha + column * (1 - alpha - beta) - 1
        inside = (peel(at) >= 0) & (peel(at) <= found - 1)
        weight = _with_value(weight, _s.cast(_e.where(inside, at, 0.0), dtype))
    if not moves and (method in _STEPS or (scale == 1 and _np.asarray(peel(q)).dtype.kind in "iub")):
        return _s.reshape(_s.cast(low, dtype), shape=shape)
    with _np.errstate(invalid="ignore"):
        gap = high - low
        ans = low + gap * weight
        if not _np.all(_np.isfinite(peel(gap))):  # NumPy starts from the nearer end, which matters at infinities
            ans = _e.where(part >= 0.5, high - gap * (1.0 - weight), ans)
    return _s.reshape(ans, shape=shape)


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
    return _s.reshape(low * lower.astype(dtype) + high * upper.astype(dtype), shape=shape)


@as_function(_np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    check_options("median", out)
    return _median(_np.median, a, axis, keepdims)


@as_function(_np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    check_options("nanmedian", out)
    return _median(_np.nanmedian, a, axis, keepdims)


# ----- without the NaN ------------------------------------------------------------------------------------------------


def _filled(a: Any, neutral: float) -> Any:
    a = as_array(a)
    absent = _np.isnan(peel(a))
    return _e.where(absent, neutral, a) if _np.any(absent) else a


def _present(a: Any, where: Any) -> Any:
    return ~_np.isnan(peel(as_array(a))) & (True if where is _np._NoValue else peel(where))


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not _np._NoValue and value is not None}


def _nan_reduction(own: Any, rule: Any, neutral: float) -> Any:
    def without_nan(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _np._NoValue,
        initial: Any = _np._NoValue, where: Any = _np._NoValue,
    ) -> Any:  # fmt: skip
        check_options(own.__name__, out)
        options = _given(dtype=dtype, keepdims=keepdims, initial=initial, where=where)
        return rule(_filled(a, neutral), axis=axis, **options)

    return as_function(own)(without_nan)


nansum, nanprod = _nan_reduction(_np.nansum, _f.sum, 0.0), _nan_reduction(_np.nanprod, _f.prod, 1.0)


def _nan_accumulation(own: Any, rule: Any, neutral: float) -> Any:
    def without_nan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return rule(_filled(a, neutral), axis=axis, dtype=dtype, out=out)

    return as_function(own)(without_nan)


nancumsum = _nan_accumulation(_np.nancumsum, _f.cumsum, 0.0)
nancumprod = _nan_accumulation(_np.nancumprod, _f.cumprod, 1.0)


def _nan_extremum(own: Any, rule: Any, worst: float) -> Any:
    def without_nan(
        a: Any, axis: Any = None, out: Any = None, keepdims: Any = _np._NoValue, initial: Any = _np._NoValue,
        where: Any = _np._NoValue,
    ) -> Any:  # fmt: skip
        check_options(own.__name__, out)
        a, options = as_array(a), _given(keepdims=keepdims, initial=initial, where=where)
        present = _present(a, where)
        # A line of nothing but NaN stays one, and the result is NaN.
        kept = present | (~_np.any(present, axis=_f.plain_axis(axis), keepdims=True) & ("initial" not in options))
        return rule(a if _np.all(kept) else _e.where(kept, a, worst), axis=axis, **options)

    return as_function(own)(without_nan)


nanmax, nanmin = _nan_extremum(_np.nanmax, _f.max, -_np.inf), _nan_extremum(_np.nanmin, _f.min, _np.inf)


@as_function(_np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _np._NoValue,
    *, where: Any = _np._NoValue,
) -> Any:  # fmt: skip
    check_options("nanmean", out)
    return _f.mean(a, axis, where=_present(a, where), **_given(dtype=dtype, keepdims=keepdims))


@as_function(_np.nanvar)
def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = _np._NoValue,
    *, where: Any = _np._NoValue, mean: Any = _np._NoValue, correction: Any = _np._NoValue,
) -> Any:  # fmt: skip
    check_options("nanvar", out)
    options = _given(dtype=dtype, keepdims=keepdims, mean=mean, correction=correction)
    return _f.var(a, axis, ddof=ddof, where=_present(a, where), **options)


@as_function(_np.nanstd)
def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = _np._NoValue,
    *, where: Any = _np._NoValue, mean: Any = _np._NoValue, correction: Any = _np._NoValue,
) -> Any:  # fmt: skip
    check_options("nanstd", out)
    options = _given(dtype=dtype, keepdims=keepdims, mean=mean, correction=correction)
    return _f.std(a, axis, ddof=ddof, where=_present(a, where), **options)


@as_function(_np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    x = boxed(x)
    if peel(x).dtype.kind != "c":
        return _e.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
    parts = [_e.nan_to_num(part(x), nan=nan, posinf=posinf, neginf=neginf) for part in (_e.real, _e.imag)]
    return parts[0] + 1j * parts[1]


# ----- averages and correlations --------------------------------------------------------------------------------------


def _spread(weights: Any, a: Any, axes: tuple[int, ...]) -> Any:
    """Weights in the shape of `a`, or given along some of its axes, as they broadcast against it."""
    weights = as_array(weights)
    if weights.shape == a.shape:
        return weights
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError(
            located(
                f"weights of shape {weights.shape} fit neither the array of shape {a.shape} nor its axes {axes}; "
                f"name the axis that they belong to"
            )
        )
    weights = _s.transpose(weights, axes=tuple(int(i) for i in _np.argsort(axes)))
    return _s.reshape(weights, shape=tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))


@as_function(_np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = _np._NoValue
) -> Any:
    a, options = as_array(a), _given(keepdims=keepdims)
    axes = tuple(range(a.ndim)) if axis is None else _axes_of(axis, a.ndim)
    if weights is None:
        ans = _f.mean(a, axes, **options)
        total: Any = peel(ans).dtype.type(_s.count(a, axes))
    else:
        weights = _spread(weights, a, axes)
        dtype = _np.result_type(peel(a), peel(weights), *(["f8"] if peel(a).dtype.kind in "biu" else []))
        wide = _s.broadcast_to(_s.cast(weights, dtype), shape=a.shape)
        total = _f.sum(wide, axes, **options)
        if _np.any(peel(total) == 0):
            raise ZeroDivisionError(located("average: weights sum to zero, so they cannot be normalized"))
        ans = _f.sum(_s.cast(a, dtype) * wide, axes, **options) / total
    if not returned:
        return ans
    return ans, total if _np.shape(total) == ans.shape else _np.full(ans.shape, total)


@as_function(_np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    check_options("ptp", out)
    return _f.max(a, axis, keepdims=keepdims) - _f.min(a, axis, keepdims=keepdims)


@as_function(_np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    rows = [as_array(each) for each in (m, y) if each is not None]
    if any(each.ndim > 2 for each in rows):
        raise ValueError(located(f"cov: at most 2 axes, got the shapes {[each.shape for each in rows]}"))
    if dtype is None:
        dtype = _np.result_type(*[peel(each).dtype for each in rows], float)
    wide = [_s.cast(each if each.ndim == 2 else _s.reshape(each, shape=(1, -1)), dtype) for each in rows]
    if not rowvar:
        turned = (rows[0].ndim != 1, wide[-1].shape[0] != 1)  # as NumPy decides for m and for y
        wide = [_l.transposed(each) if turn else each for each, turn in zip(wide, turned)]
    if wide[0].shape[0] == 0:
        return _np.zeros((0, 0))
    X = wide[0] if y is None else _s.concatenate(*wide, axis=0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    w: Any = None
    if fweights is not None or aweights is not None:
        _np.cov(_np.zeros(X.shape[1]), fweights=peel_all(fweights), aweights=peel_all(aweights), ddof=0)  # checks them
        factors = [as_array(each) for each in (fweights, aweights) if each is not None]
        w = _s.cast(factors[0], float) if len(factors) == 1 else factors[0] * factors[1]
    mean, total = average(X, 1, w, True)
    total = X.shape[1] if w is None else total[0]
    if w is None or aweights is None or ddof == 0:
        degrees = total - ddof
    else:
        degrees = total - ddof * _f.sum(w * as_array(aweights)) / total
    factor = 1.0 / degrees if peel(degrees) > 0 else _np.inf
    if peel(degrees) <= 0:
        _warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=3)
    X = X - mean[:, None]
    ans = _l.matmul(X, _s.conjugate_if_complex(_l.transposed(X if w is None else X * w))) * factor
    return _s.reshape(ans, shape=tuple(n for n in ans.shape if n != 1))


@as_function(_np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.shape:
        return c / c
    deviations = _e.sqrt(_e.real(_s.diagonal(c, offset=0, axis1=0, axis2=1)))
    c = c / deviations[:, None] / deviations[None, :]
    plain = peel(c)
    clipped = _np.clip(plain.real, -1, 1)
    if plain.dtype.kind == "c":
        clipped = clipped + 1j * _np.clip(plain.imag, -1, 1)
    return _with_value(clipped, c)  # it is rounding that is clipped: the derivative is that of the exact result


# ----- running sums ---------------------------------------------------------------------------------------------------


def _running(accumulate: Any, x: Any, axis: Any, dtype: Any, out: Any, first: float | None) -> Any:
    x = as_array(x)
    if axis is None and x.ndim > 1:
        raise ValueError(located(f"a cumulative function of an array of shape {x.shape} needs an axis"))
    x, axis = (_s.reshape(x, shape=(-1,)), 0) if x.ndim == 0 else (x, axis_index(axis or 0, x))
    ans = accumulate(x, axis=axis, dtype=dtype, out=out)
    if first is None:
        return ans
    return _s.concatenate(_np.full_like(peel(ans)[_along(axis, slice(0, 1))], first, shape=(
        *ans.shape[:axis], 1, *ans.shape[axis + 1 :])), ans, axis=axis)  # fmt: skip


def _cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    return _running(_f.cumsum, x, axis, dtype, out, 0 if include_initial else None)


def _cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    return _running(_f.cumprod, x, axis, dtype, out, 1 if include_initial else None)


if hasattr(_np, "cumulative_sum"):  # from NumPy 2.1 on
    cumulative_sum = as_function(_np.cumulative_sum)(_cumulative_sum)
    cumulative_prod = as_function(_np.cumulative_prod)(_cumulative_prod)

# ----- histograms -----------------------------------------------------------------------------------------------------


def _edges(a: Any, bins: Any, range: Any, weights: Any) -> tuple[Any, Any]:
    """The edges of bins as plain numbers, which say what is where, and as they depend on the arguments."""
    plain = _np.histogram_bin_edges(peel_all(a), peel_all(bins), peel_all(range), peel_all(weights))
    if _np.ndim(peel_all(bins)) == 1:
        return plain, boxed(bins) if has_box(bins) else plain
    if range is not None:
        low, high = range
    elif type(a) is Box and a.size:
        low, high = _s.amin(a), _s.amax(a)
    else:
        return plain, plain
    if not has_box((low, high)):
        return plain, plain
    steps = (_np.arange(len(plain)) / (len(plain) - 1)).astype(plain.dtype)
    return plain, _with_value(plain, low + (high - low) * steps)


@as_function(_np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    return _edges(boxed(a), bins, range, weights)[1]


@as_function(_np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """As `numpy.histogram`: differentiable in the weights and, where they depend on values, in the edges."""
    a, weights = boxed(a), boxed(weights)
    plain, edges = _edges(a, bins, range, weights)
    if type(weights) is Box:
        values = _np.ravel(peel(a))
        k = _np.searchsorted(plain, values, "right") - 1
        k[values == plain[-1]] = len(plain) - 2
        valid = _np.flatnonzero((k >= 0) & (k < len(plain) - 1))
        counts = _s.scatter_add(_s.reshape(weights, shape=(-1,))[valid], index=k[valid], size=len(plain) - 1)
    else:
        counts = _np.histogram(peel(a), plain, weights=weights)[0]
    return (counts / _f.diff(edges) / _f.sum(counts) if density else counts), edges


@as_function(_np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    index = _np.asarray(peel_all(x))
    if weights is None:
        return _np.bincount(index, minlength=minlength)
    size = len(_np.bincount(index, minlength=minlength))
    weights = _s.cast(as_array(weights), float)
    if weights.shape != index.shape:
        raise ValueError(located(f"bincount: weights of shape {weights.shape} for {index.shape} numbers"))
    return _s.scatter_add(weights, index=index, size=size)


# ----- convolution ----------------------------------------------------------------------------------------------------
# Both sums run over all j for which the indices exist:
#   _convolve(x, y)[k] = sum_j x[k - j] y[j],    _slide(x, y)[k] = sum_j x[k + j] y[j]  (x is not shorter than y).
# Each is the transpose of the other.

_convolve: Callable[..., Any] = _bilinear(
    "convolve",
    lambda x, y: _np.convolve(x, y),
    lambda g, _ans, _x, y: _slide(g, y),
    lambda g, _ans, x, _y: _slide(g, x),
)
_slide: Callable[..., Any] = _bilinear(
    "slide",
    lambda x, y: _np.convolve(x, y[::-1], "valid"),
    lambda g, _ans, _x, y: _convolve(g, y),
    lambda g, _ans, x, _y: _slide(x, g),
)


@as_function(_np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    return _convolved("convolve", a, v, mode)


@as_function(_np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    v = _f.atleast_1d(as_array(v))
    return _convolved("correlate", a, _s.conjugate_if_complex(v)[::-1], mode)


def _convolved(name: str, a: Any, v: Any, mode: str) -> Any:
    a, v = (_f.atleast_1d(as_array(each)) for each in (a, v))
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        raise ValueError(located(f"{name}: two vectors that are not empty, not the shapes {a.shape} and {v.shape}"))
    if mode not in ("full", "same", "valid"):
        raise ValueError(located(f"{name}: the mode is 'full', 'same' or 'valid', not {mode!r}"))
    short, long = sorted((a.size, v.size))
    if mode == "valid":
        return _slide(a, v[::-1]) if a.size == long else _slide(v, a[::-1])
    ans = _convolve(a, v)
    if mode == "full":
        return ans
    before = (short - 1) // 2
    if name == "correlate" and a.size < v.size:
        before = short - 1 - before
    return ans[before : before + long]


# ----- piecewise linear functions and differences ---------------------------------------------------------------------


@as_function(_np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """As `numpy.interp`, in x, xp and fp. At a knot the derivative is that of the piece to its right."""
    x, xp, fp = (_s.cast(as_array(each), complex if peel(as_array(each)).dtype.kind == "c" else float) for each in
                 (x, xp, fp))  # fmt: skip
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(located(f"interp: xp and fp are vectors of one size, not of shapes {xp.shape} and {fp.shape}"))
    if period is not None:
        if peel(period) == 0:
            raise ValueError(located("interp: the period must not be zero"))
        period, left, right = _e.absolute(period), None, None
        x, xp = x % period, xp % period
        order = _np.argsort(peel(xp))
        xp, fp = xp[order], fp[order]
        xp = _s.concatenate(xp[-1:] - period, xp, xp[:1] + period, axis=0)
        fp = _s.concatenate(fp[-1:], fp, fp[:1], axis=0)
    plain, knots = peel(x), peel(xp)
    at = _np.clip(_np.searchsorted(knots, plain, "right") - 1, 0, len(knots) - 1)
    ans = fp[at]
    if len(knots) > 1:
        piece = _np.minimum(at, len(knots) - 2)
        inside = (plain >= knots[0]) & (plain <= knots[-1]) | _np.isnan(plain)
        slope = (fp[piece + 1] - fp[piece]) / _e.nonzero_or_one(xp[piece + 1] - xp[piece])
        ans = ans + slope * _e.where(inside, x - xp[at], 0.0)
    if left is not None:
        ans = _e.where(plain < knots[0], left, ans)
    return ans if right is None else _e.where(plain > knots[-1], right, ans)


@as_function(_np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = as_array(y)
    axis = axis_index(axis, y)
    if x is not None:
        x = as_array(x)
        dx = _f.diff(x, axis=-1 if x.ndim == 1 else axis)
        if x.ndim == 1:
            dx = _s.reshape(dx, shape=tuple(-1 if i == axis else 1 for i in range(y.ndim)))
    return _f.sum(dx * (y[_along(axis, slice(1, None))] + y[_along(axis, slice(None, -1))]) / 2.0, axis)


@as_function(_np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = _s.reshape(as_array(ary), shape=(-1,))
    dtype = peel(ary).dtype
    parts = [None if each is None else _s.reshape(as_array(each), shape=(-1,)) for each in (to_begin, to_end)]
    if not all(part is None or _np.can_cast(peel(part).dtype, dtype, "same_kind") for part in parts):
        raise TypeError(located(f"ediff1d: to_begin and to_end do not fit an array of dtype {dtype}; use floats"))
    between = [part if part is None else _s.cast(part, dtype) for part in parts]
    between.insert(1, ary[1:] - ary[:-1])
    return _s.concatenate(*[part for part in between if part is not None], axis=0)


@as_function(_np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """As `numpy.gradient`, in f and in the spacings."""
    f = _in_floats(f)
    axes = tuple(range(f.ndim)) if axis is None else _axes_of(axis, f.ndim)
    spacings = [as_array(each) for each in varargs] or [_np.asarray(1.0)]
    if len(spacings) == 1 and not spacings[0].ndim:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError(located(f"gradient: {len(spacings)} spacings for {len(axes)} axes"))
    if edge_order not in (1, 2):
        raise ValueError(located(f"gradient: edge_order is 1 or 2, not {edge_order}"))
    made = [_gradient_along(f, h, k, edge_order) for h, k in zip(spacings, axes)]
    return made[0] if len(made) == 1 else tuple(made)


def _gradient_along(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(located(f"gradient: axis {axis} of shape {f.shape} has fewer than {edge_order + 1} entries"))
    if h.ndim > 1 or (h.ndim and len(h) != n):
        raise ValueError(located(f"gradient: spacings of shape {h.shape} do not fit axis {axis} of shape {f.shape}"))
    # The widths of the n - 1 gaps as they broadcast; a single one if it is the same for all.
    if h.ndim:
        h = _f.diff(h)
        if type(h) is not Box and _np.all(h == h[0]):
            h = h[0]
    is_uniform = not h.ndim
    if not is_uniform:
        h = _s.reshape(h, shape=tuple(-1 if i == axis else 1 for i in range(f.ndim)))

    def at(start: Any, stop: Any, of: Any = f) -> Any:
        return of[_along(axis, slice(start, stop))]

    def gaps(start: Any, stop: Any) -> Any:
        return h if is_uniform else at(start, stop, h)

    if is_uniform:
        inner = (at(2, None) - at(None, -2)) / (2.0 * h)
    else:  # the slope of the parabola through three points, in its middle
        h1, h2 = gaps(None, -1), gaps(1, None)
        inner = (
            -h2 / (h1 * (h1 + h2)) * at(None, -2)
            + (h2 - h1) / (h1 * h2) * at(1, -1)
            + h1 / (h2 * (h1 + h2)) * at(2, None)
        )
    if edge_order == 1:
        first = (at(1, 2) - at(0, 1)) / gaps(0, 1)
        last = (at(n - 1, n) - at(n - 2, n - 1)) / gaps(n - 2, n - 1)
    else:  # the slope of the same parabola at its end
        h1, h2 = gaps(0, 1), gaps(1, 2)
        first = (
            -(2.0 * h1 + h2) / (h1 * (h1 + h2)) * at(0, 1)
            + (h1 + h2) / (h1 * h2) * at(1, 2)
            - h1 / (h2 * (h1 + h2)) * at(2, 3)
        )
        h1, h2 = gaps(n - 3, n - 2), gaps(n - 2, n - 1)
        last = (
            h2 / (h1 * (h1 + h2)) * at(n - 3, n - 2)
            - (h2 + h1) / (h1 * h2) * at(n - 2, n - 1)
            + (2.0 * h2 + h1) / (h2 * (h1 + h2)) * at(n - 1, n)
        )
    return _s.cast(_s.concatenate(first, inner, last, axis=axis), peel(f).dtype)


@as_function(_np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * _np.pi) -> Any:
    p = as_array(p)
    if not p.size:
        return p
    plain, step = peel(p), peel(period)
    smooth = _np.unwrap(plain, peel(discont), axis, period=step)
    turns = _np.rint(_np.where(smooth == plain, 0.0, smooth - plain) / step)
    return p + turns.astype(_np.result_type(plain, step)) * period  # how many turns there are is piecewise constant


# ----- polynomials ----------------------------------------------------------------------------------------------------


@as_function(_np.polyval)
def polyval(p: Any, x: Any) -> Any:
    p, x = as_array(p), as_array(x)
    y: Any = _np.zeros_like(peel(x))
    for k in range(len(p)):
        y = y * x + p[k]
    return y


@as_function(_np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """As `numpy.poly`; the characteristic polynomial of a matrix comes from traces of powers, not from eigenvalues.

    The algorithm is that of Faddeev and LeVerrier (A. S. Householder, "The Theory of Matrices in Numerical Analysis",
    1964, section 6.7): polynomial in the entries, hence smooth where eigenvalues coincide.
    """
    zeros = _in_floats(_f.atleast_1d(as_array(seq_of_zeros)))
    zeros = _s.cast(zeros, float) if peel(zeros).dtype == _np.float16 else zeros
    dtype = peel(zeros).dtype
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] > 0:
        one = _np.eye(len(zeros), dtype=dtype)
        product, found = zeros, [_np.ones((), dtype)]
        for k in range(1, len(zeros) + 1):
            found.append(-_l.trace(product) / k)
            product = _l.matmul(zeros, product + found[-1] * one)
        return _s.stack(*found, axis=0)
    if zeros.ndim != 1:
        raise ValueError(located(f"poly: a vector of zeros or a square matrix, not an array of shape {zeros.shape}"))
    if not len(zeros):
        return _np.poly([])
    ans: Any = _np.ones(1, dtype)
    none = _np.zeros(1, dtype)
    for k in range(len(zeros)):
        ans = _s.concatenate(ans, none, axis=0) - _s.concatenate(none, zeros[k] * ans, axis=0)
    plain = peel(zeros)
    if dtype.kind == "c" and _np.array_equal(_np.sort(plain), _np.sort(plain.conj())):
        return _e.real(ans)
    return ans


def _padded_sum(a1: Any, a2: Any, sign: float) -> Any:
    a, b = (_f.atleast_1d(as_array(each)) for each in (a1, a2))
    n = max(len(a), len(b))
    a, b = (
        each if len(each) == n else _s.concatenate(_np.zeros(n - len(each), peel(each).dtype), each, axis=0)
        for each in (a, b)
    )
    return a + b if sign > 0 else a - b


@as_function(_np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    return _padded_sum(a1, a2, 1.0)


@as_function(_np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    return _padded_sum(a1, a2, -1.0)


@as_function(_np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """As `numpy.polymul`, which drops leading coefficients that are zero: they have no derivative."""
    factors = [_f.atleast_1d(as_array(each)) for each in (a1, a2)]
    first = [int((peel(a) != 0).argmax()) if _np.any(peel(a)) else -1 for a in factors]
    return convolve(*[a[k:] if len(a) else _np.zeros(1) for a, k in zip(factors, first)])


@as_function(_np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    u, v = (_f.atleast_1d(_in_floats(each)) for each in (u, v))
    if u.ndim != 1 or v.ndim != 1 or not len(u) or not len(v):
        raise ValueError(located(f"polydiv: two vectors of coefficients, not arrays of shapes {u.shape} and {v.shape}"))
    dtype = _np.result_type(peel(u), peel(v))
    rest, n = _s.cast(u, dtype), len(v)
    quotient: list[Any] = []
    for k in range(len(u) - n + 1):
        quotient.append(rest[k] / v[0])
        rest = _s.concatenate(rest[:k], rest[k : k + n] - quotient[-1] * v, rest[k + n :], axis=0)
    plain = peel(rest)
    start = 0
    while start < len(plain) - 1 and _np.allclose(plain[start], 0, rtol=1e-14):
        start += 1
    return _s.stack(*quotient, axis=0) if quotient else _np.zeros(1, dtype), rest[start:]


@as_function(_np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    p = as_array(p)
    if m < 0:
        raise ValueError(located(f"polyder: the order of the derivative is not negative, as {m} is; see polyint"))
    for _ in range(int(m)):
        p = p[:-1] * _np.arange(len(p) - 1, 0, -1)
    return p


@as_function(_np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p, m = as_array(p), int(m)
    if m < 0:
        raise ValueError(located(f"polyint: the order of the integral is not negative, as {m} is; see polyder"))
    k = _np.zeros(m) if k is None else _f.atleast_1d(as_array(k))
    if len(k) < m and len(k) != 1:
        raise ValueError(located(f"polyint: {len(k)} constants of integration for order {m}; one for all, or {m}"))
    for i in range(m):
        constant = k[:1] if len(k) == 1 else k[i : i + 1]
        p = _s.concatenate(p / _np.arange(len(p), 0, -1), constant, axis=0)
    return p


@as_function(_np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError(located(f"vander: a vector, not an array of shape {x.shape}"))
    x = _s.cast(x, _np.promote_types(peel(x).dtype, int))
    powers = _np.arange(len(x) if N is None else N, dtype=peel(x).real.dtype)
    return x[:, None] ** (powers if increasing else powers[::-1])


@as_function(_np.polyfit)
def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """As `numpy.polyfit`, in x, y and w, also with cov.

    With A the Vandermonde matrix and c the solution that NumPy finds, c + (A'A)^-1 A'(y - A c) is the solution whatever
    c is. So c may be taken as a constant, and nothing but rounding is added to it.
    """
    x, y, w = _in_floats(x), _in_floats(y), None if w is None else _in_floats(w)
    if full:
        raise refuse("polyfit", "full=True has no rule; use np.linalg.lstsq(np.vander(x, deg + 1), y)")
    if "c" in (peel(x).dtype.kind, "f" if w is None else peel(w).dtype.kind):
        raise refuse("polyfit", "complex abscissas or weights have no rule; complex ordinates do")
    found: Any = _np.polyfit(peel(x), peel(y), deg, rcond, w=peel(w), cov=cov)
    A, b = vander(x, deg + 1), y if y.ndim == 2 else y[:, None]
    if w is not None:
        A, b = A * w[:, None], b * w[:, None]
    plain = peel(A)
    scale = _np.sqrt(_np.sum(plain * plain, 0))
    limit = len(plain) * _np.finfo(peel(x).dtype).eps if rcond is None else rcond
    if _np.linalg.matrix_rank(plain / scale, rtol=limit) <= deg:
        raise NotImplementedError(
            located(f"polyfit: the fit of degree {deg} to {len(plain)} points is not unique; lower the degree")
        )
    A = A / scale
    transposed = _l.transposed(A)
    H = _l.matmul(transposed, A)
    c = _np.reshape(found[0] if cov else found, (deg + 1, -1)) * scale[:, None]
    residues = b - _l.matmul(A, c)
    step = _solve(H, _l.matmul(transposed, residues))
    ans = _with_value(c, step) / scale[:, None]
    ans = ans if y.ndim == 2 else ans[:, 0]
    if not cov:
        return ans
    residues = residues - _l.matmul(A, step)
    unit = 1.0 if cov == "unscaled" else _f.sum(residues * residues, 0) / (len(plain) - deg - 1)
    inverse = _solve(H, _np.eye(deg + 1)) / scale / scale[:, None]
    return ans, inverse[:, :, None] * unit if y.ndim == 2 else inverse * unit


# The X of A X = B, for matrices: A dX = dB - dA X.
_solve: Callable[..., Any] = _general(
    "solve",
    lambda A, B: _np.linalg.solve(A, B),
    [
        lambda g, ans, A, _B: -_l.matmul(_solve(_l.transposed(A), g), _l.transposed(ans)),
        lambda g, _ans, A, _B: _solve(_l.transposed(A), g),
    ],
    [
        lambda t, ans, A, _B: -_solve(A, _l.matmul(t, ans)),
        lambda t, _ans, A, _B: _solve(A, t),
    ],
)


# ----- modified Bessel functions --------------------------------------------------------------------------------------


def _bessel_i(x: Any, order: int) -> Any:
    """The modified Bessel function I_n of real x, relative to I_0 from NumPy with the accuracy of that: 3e-16.

    The ratios I_k / I_(k-1) come from their recurrence downwards, x / (2k + x I_(k+1) / I_k), which is stable and has
    no cancellation (NIST DLMF 10.29.1, 10.74(iv)). An error at the start decays as exp(-k^2 / |x|); I_0 overflows
    beyond |x| = 714.
    """
    first = _np.i0(x)
    if not order:
        return first
    x = _np.clip(x, -720, 720)
    top = float(_np.max(_np.abs(x), initial=0.0, where=~_np.isnan(x)))
    last = order + 20 + int(6.5 * top**0.5)
    product: Any = 1.0
    ratio = x / (last + 0.5 + _np.sqrt((last + 1.5) ** 2 + x * x))
    for k in range(last, 0, -1):
        ratio = x / (2 * k + x * ratio)
        if k <= order:
            product = product * ratio
    return first * product


bessel_i: Callable[..., Any] = _elementwise(
    "bessel_i",
    _bessel_i,
    lambda g, _ans, x, order: (
        g * (bessel_i(x, order=1) if not order else 0.5 * (bessel_i(x, order=order - 1) + bessel_i(x, order=order + 1)))
    ),
)


@as_function(_np.i0)
def i0(x: Any) -> Any:
    x = boxed(x)
    if peel(x).dtype.kind == "c":
        raise TypeError(located("i0: it is not implemented for complex numbers"))
    return bessel_i(x, order=0)


@as_function(_np.kaiser)
def kaiser(M: int, beta: Any) -> Any:
    beta = boxed(beta)
    if M <= 1:
        return _np.kaiser(peel(M), peel(beta))
    half = (M - 1) / 2.0
    return i0(beta * _np.sqrt(1.0 - ((_np.arange(M) - half) / half) ** 2)) / i0(beta)


# ----- the roots of a polynomial --------------------------------------------------------------------------------------


def _powers(x: Any, n: int) -> Any:
    """The powers n - 1, ..., 0 of each entry in a row."""
    return x[:, None] ** _np.arange(n - 1, -1, -1)


def _slope_at_roots(p: Any, x: Any) -> Any:
    n = p.shape[0]
    return _powers(x, n - 1) @ (p[:-1] * _np.arange(n - 1, 0, -1).astype(peel(p).dtype))


# p(x) = 0 gives dx = -dp(x) / p'(x), for coefficients that are 0 too; infinite at a repeated root.
_roots: Any = _general(
    "roots",
    _np.roots,
    [lambda g, ans, p: -((g / _slope_at_roots(p, ans)) @ _powers(ans, p.shape[0]))],
    [lambda t, ans, p: -(_powers(ans, p.shape[0]) @ t) / _slope_at_roots(p, ans)],
)


@as_function(_np.roots)
def roots(p: Any) -> Any:
    p = as_array(p)
    if len(p.shape) != 1:
        raise ValueError(located(f"roots: the coefficients must be a vector; got shape {p.shape}"))
    return _roots(p)
