"""The rules of NumPy's statistics and its relatives: order, quantiles, averages, differences, polynomials, I_0.

Almost all are composed of operations that have rules, so that they are right at any order in both modes. What depends
on the order of the entries (sort, median, ...) finds the permutation on the plain values and indexes. At a tie the
permutation is that of a stable sort, which picks one subgradient: the median of equal entries moves with one or two of
them. A NaN moves with a NaN entry that it came from, so derivatives stay finite.
"""

from __future__ import annotations

import warnings as _warnings
from typing import Any

import numpy as _np

from minigrad.core.duck_arrays import as_plain
from minigrad.core.lines import located
from minigrad.core.nested import has_box, peel_all
from minigrad.core.tape import Box, peel
from minigrad.numpy import functions as _f
from minigrad.numpy.arguments import index_along, normalised_axes, spread, with_value
from minigrad.numpy.dispatch import as_array, as_function, axis_index, boxed, check_options
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import products as _l
from minigrad.rules import reductions as _reductions
from minigrad.rules import shapes as _shapes

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


@as_function(_np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = _np._NoValue
) -> Any:
    a, options = as_array(a), _given(keepdims=keepdims)
    axes = tuple(range(a.ndim)) if axis is None else normalised_axes(axis, a.ndim)
    if weights is None:
        ans = _f.mean(a, axes, **options)
        total: Any = peel(ans).dtype.type(_reductions.count(a, axes))
    else:
        weights = spread(weights, a, axes)
        dtype = _np.result_type(peel(a), peel(weights), *(["f8"] if peel(a).dtype.kind in "biu" else []))
        wide = _shapes.broadcast_to(_moving.cast(weights, dtype), shape=a.shape)
        total = _f.sum(wide, axes, **options)
        if _np.any(peel(total) == 0):
            raise ZeroDivisionError(located("average: weights sum to zero, so they cannot be normalized"))
        ans = _f.sum(_moving.cast(a, dtype) * wide, axes, **options) / total
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
    elif _np.dtype(dtype).kind not in "fc":
        raise TypeError(located(f"cov: the products are no whole numbers, as dtype={_np.dtype(dtype)} says"))
    wide = [_moving.cast(each if each.ndim == 2 else _shapes.reshape(each, shape=(1, -1)), dtype) for each in rows]
    if not rowvar:
        turned = (rows[0].ndim != 1, wide[-1].shape[0] != 1)  # as NumPy decides for m and for y
        wide = [_l.matrix_transposed(each) if turn else each for each, turn in zip(wide, turned)]
    if wide[0].shape[0] == 0:
        return _np.zeros((0, 0))
    X = wide[0] if y is None else _moving.concatenate(*wide, axis=0)
    if ddof is not None and ddof != int(ddof):
        raise ValueError(located(f"cov: ddof is a whole number, not {ddof!r}"))
    ddof = (0 if bias else 1) if ddof is None else ddof
    w: Any = None
    if fweights is not None or aweights is not None:
        _np.cov(_np.zeros(X.shape[1]), fweights=peel_all(fweights), aweights=peel_all(aweights), ddof=0)  # checks them
        factors = [as_array(each) for each in (fweights, aweights) if each is not None]
        w = _moving.cast(factors[0], float) if len(factors) == 1 else factors[0] * factors[1]
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
    ans = _l.matmul(X, _shapes.conjugate_if_complex(_l.matrix_transposed(X if w is None else X * w))) * factor
    return _shapes.reshape(ans, shape=tuple(n for n in ans.shape if n != 1))


@as_function(_np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.shape:
        return c / c
    deviations = _e.sqrt(_e.real(_moving.diagonal(c, offset=0, axis1=0, axis2=1)))
    c = c / deviations[:, None] / deviations[None, :]
    plain = peel(c)
    clipped = _np.clip(plain.real, -1, 1)
    if plain.dtype.kind == "c":
        clipped = clipped + 1j * _np.clip(plain.imag, -1, 1)
    return with_value(clipped, c)  # it is rounding that is clipped: the derivative is that of the exact result


# ----- running sums ---------------------------------------------------------------------------------------------------


def _running(accumulate: Any, x: Any, axis: Any, dtype: Any, out: Any, first: float | None) -> Any:
    x = as_array(x)
    if axis is None and x.ndim > 1:
        raise ValueError(located(f"a cumulative function of an array of shape {x.shape} needs an axis"))
    x, axis = (_shapes.reshape(x, shape=(-1,)), 0) if x.ndim == 0 else (x, axis_index(axis or 0, x))
    ans = accumulate(x, axis=axis, dtype=dtype, out=out)
    if first is None:
        return ans
    return _moving.concatenate(_np.full_like(peel(ans)[index_along(axis, slice(0, 1))], first, shape=(
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
        low, high = _reductions.amin(a), _reductions.amax(a)
    else:
        return plain, plain
    if not has_box((low, high)):
        return plain, plain
    steps = (_np.arange(len(plain)) / (len(plain) - 1)).astype(plain.dtype)
    return plain, with_value(plain, low + (high - low) * steps)


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
        k = _np.where(values == plain[-1], len(plain) - 2, k)
        valid = _np.flatnonzero((k >= 0) & (k < len(plain) - 1))
        counts = _moving.scatter_add(_shapes.reshape(weights, shape=(-1,))[valid], index=k[valid], size=len(plain) - 1)
    else:
        counts = _np.histogram(peel(a), plain, weights=weights)[0]
    return (counts / _f.diff(edges) / _f.sum(counts) if density else counts), edges


@as_function(_np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    index = as_plain(peel_all(x))
    if weights is None:
        return _np.bincount(index, minlength=minlength)
    size = len(_np.bincount(index, minlength=minlength))
    weights = _moving.cast(as_array(weights), float)
    if weights.shape != index.shape:
        raise ValueError(located(f"bincount: weights of shape {weights.shape} for {index.shape} numbers"))
    return _moving.scatter_add(weights, index=index, size=size)
