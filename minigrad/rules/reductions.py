"""Rules for reductions: means, extrema, products, variances, log-sum-exp, cumulative sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import Duck, anywhere, as_in_a_loop, certainly
from minigrad.core.duck_arrays import sum_in_order as added_in_order
from minigrad.core.primitive import Operation, general, linear
from minigrad.core.tape import Box, open_part, peel
from minigrad.rules.elementwise import length_or_one, nonzero_or_one, warn_of_tie, where
from minigrad.rules.moving import concatenate
from minigrad.rules.shapes import (
    add_reduce,
    axes_of,
    conjugate_if_complex,
    flip,
    inverse_permutation,
    keep,
    kept_shape,
    reduction_by,
    reshape,
    sum_,
    transpose,
)

_maximum: Any = np.maximum.reduce


def count(x: Any, axis: Any) -> int:
    """How many entries of x go into one entry of its reduction."""
    total = 1
    for i in axes_of(axis, len(x.shape)):
        total *= x.shape[i]
    return total


def scaled(g: Any, weights: Any) -> Any:
    """g * weights, where the weights are an array of our own: by the seed 1.0 nothing need be multiplied."""
    return weights if type(g) is float and g == 1.0 else g * weights


def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if x.dtype == np.float16:
        return np.mean(x, axis=axis, keepdims=keepdims)  # sums in float32
    return add_reduce(x, axis, None, None, keepdims) / (count(x, axis) or math.nan)


mean = linear(
    "mean",
    _mean,
    lambda g, _ans, _x, axis=None, keepdims=False: keep(g, _x, axis) / (count(_x, axis) or math.nan),
    takes_scalar=True,
    pattern=lambda p: p.reduced,
)
cumsum: Operation = linear(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda g, _ans, _x, axis: flip(cumsum(flip(g, axis=axis), axis=axis), axis=axis),
    pattern=lambda p: p.accumulated,
)

sum_in_order: Operation = linear(  # of rows, one after the other: what Python's `sum` does
    "sum_in_order",
    lambda x, axis=0: added_in_order(x),
    lambda g, _ans, _x, axis=0: g,  # which broadcasts to all rows
    takes_scalar=True,
    pattern=lambda p: p.reduced,
)


def reduction(name: str, fun: Callable[..., Any], slope: Callable[..., Any], **declared: Any) -> Operation:
    """A reduction along axes whose derivative in an entry of x is `slope(x, ans, axis)` at that entry."""
    return general(
        name,
        fun,
        [lambda g, ans, x, axis=None, keepdims=False, **_: scaled(keep(g, x, axis), slope(x, ans, axis))],
        [lambda t, ans, x, axis=None, keepdims=False, **_: sum_(t * slope(x, ans, axis), axis=axis, keepdims=keepdims)],
        takes_scalar=True,
        pattern=lambda p: p.reduced,
        **declared,
    )


def _attains(x: Any, ans: Any, axis: Any) -> Any:
    """Where entries are equal to their maximum or minimum."""
    return np.equal(x, np.reshape(ans, kept_shape(x, axis)))


def _winners(x: Any, ans: Any, axis: Any) -> Any:
    """The weight of each entry in its maximum or minimum: equal shares for those that attain it."""
    nested = type(open_part(x)) is Box
    x, ans = peel(x), peel(ans)
    attains = _attains(x, ans, axis)
    if anywhere(np.isnan(ans)):
        attains = attains | np.isnan(x)
    number = np.sum(attains, axis=axis, keepdims=True)
    if nested and certainly(number > 1):
        warn_of_tie()
    return (attains / np.maximum(number, 1)).astype(x.dtype)


def _extremum(name: str, ufunc: np.ufunc) -> Operation:
    chooses = lambda ans, x, axis=None, keepdims=False: _attains(x, ans, axis)
    return reduction(name, reduction_by(ufunc), _winners, chooses=chooses)


amax, amin = _extremum("max", np.maximum), _extremum("min", np.minimum)


def _others(x: Any, ans: Any, axis: Any) -> Any:
    """For each entry the product of all the others along the axes.

    ans / x where there is no zero. With zeros (or overflow, or so small a product that it has lost digits) the products
    of all before and of all after are multiplied, each in log2(n) steps of doubling; these are products again, hence
    right for derivatives of any order.
    """
    plain = peel(ans)
    if not anywhere((np.abs(plain) < np.finfo(plain.dtype).tiny) | ~np.isfinite(plain)):
        return keep(ans, x, axis) / x
    axes = axes_of(axis, len(x.shape))
    rest = tuple(i for i in range(len(x.shape)) if i not in axes)
    moved = transpose(x, axes=rest + axes)
    flat = reshape(moved, shape=(*moved.shape[: len(rest)], -1))
    before, after = _products_before(flat), flip(_products_before(flip(flat, axis=-1)), axis=-1)
    back = tuple(int(i) for i in np.argsort(rest + axes))
    others = before * after
    if type(open_part(others)) is not Box and anywhere(np.isnan(others)):  # 0 times what overflowed on the way
        zeros = flat == 0.0
        among_others = np.sum(zeros, axis=-1, keepdims=True) - zeros > 0
        others = np.where(
            among_others & np.isnan(others) & ~np.any(np.isnan(flat), axis=-1, keepdims=True), 0.0, others
        )
        others = others.astype(plain.dtype)
    return transpose(reshape(others, shape=moved.shape), axes=back)


def _products_before(x: Any) -> Any:
    """Along the last axis, the product of all earlier entries."""
    n = x.shape[-1]
    ones = np.ones((*x.shape[:-1], n), dtype=peel(x).dtype)
    products = concatenate(ones[..., :1], x[..., : n - 1], axis=-1) if n else x
    step = 1
    while step < n:
        products = products * concatenate(ones[..., :step], products[..., : n - step], axis=-1)
        step *= 2
    return products


def cumprod(x: Any, axis: int) -> Any:
    """The product of each entry and all before it along one axis: composed, so right at zeros to any order."""
    last = (*(i for i in range(len(x.shape)) if i != axis), axis)
    moved = transpose(x, axes=last)
    return transpose(_products_before(moved) * moved, axes=inverse_permutation(last))


prod = reduction("prod", reduction_by(np.multiply), _others)
prod_in_order = reduction(
    "prod_in_order", lambda x, axis=0, keepdims=False: np.cumprod(x, axis=axis, **as_in_a_loop(x))[-1], _others
)


def _centred(x: Any, axis: Any) -> Any:
    return x - mean(x, axis=axis, keepdims=True)


def _var_vjp(g: Any, _ans: Any, x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
    return keep(g, x, axis) * (
        (2.0 / (max(count(x, axis) - ddof, 0) or math.nan)) * conjugate_if_complex(_centred(x, axis))
    )


def _var_jvp(t: Any, _ans: Any, x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
    weighted = t * conjugate_if_complex(_centred(x, axis))
    return (2.0 / (max(count(x, axis) - ddof, 0) or math.nan)) * sum_(weighted, axis=axis, keepdims=keepdims)


var = general(
    "var",
    lambda x, axis=None, keepdims=False, ddof=0: np.var(x, axis=axis, keepdims=keepdims, ddof=ddof),
    [_var_vjp],
    [_var_jvp],
    takes_scalar=True,
    pattern=lambda p: p.reduced,
)
# d std = d var / (2 std); where all entries are equal the subgradient 0.
std = general(
    "std",
    lambda x, axis=None, keepdims=False, ddof=0: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof),
    [
        lambda g, ans, x, axis=None, keepdims=False, ddof=0: _var_vjp(
            g * (0.5 / length_or_one(ans)), ans, x, axis, keepdims, ddof
        )
    ],
    [
        lambda t, ans, x, axis=None, keepdims=False, ddof=0: (
            _var_jvp(t, ans, x, axis, keepdims, ddof) * (0.5 / length_or_one(ans))
        )
    ],
    takes_scalar=True,
    pattern=lambda p: p.reduced,
    singular=lambda ans, _x, **_: ans == 0,
)


def all_finite(x: Any) -> bool:
    """Whether no entry is infinite or NaN."""
    return x.finite() if isinstance(x, Duck) else math.isfinite(np.vdot(x, x))


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log sum exp x without overflow: the maximum is taken out first (and -inf stays -inf)."""
    top = _maximum(x, axis, None, None, True)
    if not all_finite(top):
        top = np.where(np.isfinite(top), top, 0)
        with np.errstate(divide="ignore"):
            ans = np.log(add_reduce(np.exp(x - top), axis, None, None, keepdims))
    else:
        ans = np.log(add_reduce(np.exp(x - top), axis, None, None, keepdims))
    return ans + top.reshape(ans.shape)


def _softmax(x: Any, axis: Any) -> Any:
    """exp(x) / sum(exp(x)), with the maximum taken out first: exp(x - logsumexp(x)) would lose digits for large x."""
    top = _maximum(x, axis, None, None, True)
    if all_finite(top):
        e = np.exp(x - top)
        return e / add_reduce(e, axis, None, None, True)
    e = np.exp(x - np.where(np.isneginf(top), 0, top))
    return e / nonzero_or_one(add_reduce(e, axis, None, None, True))  # all terms zero: so is this


def centred(t: Any, p: Any, axis: Any) -> Any:
    """t less its entry where the share p is above 1/2, if there is one: what a softmax does with t is the same.

    Without this, 1 - p would be all that is left of a sum over t for the greatest p, and it has no digits near p = 1.
    """
    return t - sum_(where(np.real(peel(p)) > 0.5, t, 0.0), axis=axis, keepdims=True)


def _weighted(t: Any, p: Any, axis: Any) -> Any:
    """The Jacobian of a softmax, which is symmetric, times t."""
    t = centred(t, p, axis)
    return p * (t - sum_(p * t, axis=axis, keepdims=True))


def _softmax_series(s: Any, d: int, ans: Any, u: Any, axis: Any) -> Any:
    """p exp(v) / sum(p exp(v)), where v is the motion of u, less that of the entry with the greatest share p."""
    e = s.exponential(ans, [0.0, *[centred(c, ans, axis) for c in u[1:]]], d)
    whole = [sum_(c, axis=axis, keepdims=True) for c in e]
    return s.quotient(e, [nonzero_or_one(whole[0]), *whole[1:]], d, ans)  # 0 if all terms are


softmax = general(
    "softmax",
    _softmax,
    [lambda g, ans, _x, axis: _weighted(g, ans, axis)],
    [lambda t, ans, _x, axis: _weighted(t, ans, axis)],
    taylor=_softmax_series,
    pattern=lambda p: p.transformed,
)


def _log_softmax_vjp(g: Any, _ans: Any, x: Any, axis: Any) -> Any:
    """g - p sum(g), with 1 - p for the greatest share as the sum of the others."""
    p = softmax(x, axis=axis)
    first = np.real(peel(p)) > 0.5
    rest = where(first, sum_(where(first, 0.0, p), axis=axis, keepdims=True), 1.0 - p)
    others = where(first, sum_(where(first, 0.0, g), axis=axis, keepdims=True), sum_(g, axis=axis, keepdims=True) - g)
    return g * rest - p * others


def _log_softmax_jvp(t: Any, _ans: Any, x: Any, axis: Any) -> Any:
    p = softmax(x, axis=axis)
    t = centred(t, p, axis)
    return t - sum_(p * t, axis=axis, keepdims=True)


def _log_softmax_series(s: Any, d: int, ans: Any, u: Any, axis: Any) -> Any:
    """v' = u' - sum(p u')."""
    p = softmax(u[0], axis=axis)
    moves = [0.0, *[centred(c, p, axis) for c in u[1:]]]
    shares, du = _softmax_series(s, d - 1, p, u[:d], axis), s.slope(moves)
    mean_of = [sum_(s.dot(du, shares, k, 1) / k, axis=axis, keepdims=True) for k in range(1, d + 1)]
    return [ans, *[moves[k] - c if k < len(moves) else -c for k, c in enumerate(mean_of, 1)]]


log_softmax = general(
    "log_softmax",
    lambda x, axis: x - _logsumexp(x, axis, True),
    [_log_softmax_vjp],
    [_log_softmax_jvp],
    taylor=_log_softmax_series,
    pattern=lambda p: p.transformed,
)
logsumexp = general(
    "logsumexp",
    _logsumexp,
    [lambda g, _ans, x, axis=None, keepdims=False: scaled(keep(g, x, axis), softmax(x, axis=axis))],
    [lambda t, ans, x, axis=None, keepdims=False: sum_(t * softmax(x, axis=axis), axis=axis, keepdims=keepdims)],
    takes_scalar=True,
    pattern=lambda p: p.reduced,
)
