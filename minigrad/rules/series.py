"""Arithmetic on truncated Taylor series.

A series is a list of coefficients u[0], u[1], ..., where u[k] = f^(k)(0) / k! of a curve f; what is left out at the end
is zero. Each function below takes the series of the arguments and returns that of the result, up to a given order.

The recurrences are those of A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, section 13.2:
a function v(u) that satisfies a linear differential equation gives v[k] from v[0], ..., v[k-1] by one convolution, so
all orders up to d cost d^2 multiplications, and factorials never appear. They are written with operators and functions
of this package, so that coefficients may be boxes: a gradient of a Taylor coefficient needs no further code.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import anywhere
from minigrad.core.tape import DUCKS, Box, peel
from minigrad.rules import elementwise as e
from minigrad.rules.expansion import real_part

Series = Any  # a list of coefficients, or an array whose rows they are

FEW = 3  # coefficients up to which a series stays a list
LOW = 7  # orders below which all series stay lists: their sums of a few products are faster term by term


def room(ans: Any, order: int, *series: Series) -> tuple[Any, ...]:
    """Somewhere to put a series that starts with `ans`, and the given series in a form that suits it.

    Where everything is a plain array of one dtype, these are arrays with one row per coefficient, so that each sum of
    products is one call of NumPy. Everywhere else (boxes, numbers, few coefficients) they are lists.
    """
    if type(ans) is not np.ndarray or order < LOW or not all(_is_plain(u, ans.dtype) for u in series):
        return [ans, *[0.0] * order], *series
    v = np.empty((order + 1, *ans.shape), ans.dtype)
    v[0] = ans
    return v, *[stacked(u) for u in series]


def _is_plain(u: Series, dtype: Any) -> bool:
    """Whether these coefficients are numbers of Python or arrays of this dtype."""
    if type(u) is np.ndarray:
        return bool(u.dtype == dtype)
    return all(type(c) is float or (type(c) is np.ndarray and c.dtype == dtype) for c in u)


def stacked(u: Series) -> Series:
    """A series of many coefficients as one array."""
    if type(u) is np.ndarray or len(u) <= FEW:
        return u
    like = next((c for c in u if type(c) is np.ndarray), None)
    if like is None:
        return u
    rows = np.empty((len(u), *np.broadcast_shapes(*[np.shape(c) for c in u])), like.dtype)
    for k, c in enumerate(u):
        rows[k] = c
    return rows


def dot(u: Series, v: Series, k: int, start: int = 0, stop: int | None = None) -> Any:
    """The sum of u[j] * v[k - j] for start <= j < stop (by default up to k), where both exist; 0.0 if nothing does."""
    first, last = k - len(v) + 1, k if stop is None else stop - 1
    if first < start:
        first = start
    if last >= len(u):
        last = len(u) - 1
    if last < first:
        return 0.0
    if last > first + 1 and type(u) is np.ndarray and type(v) is np.ndarray:
        below = k - last - 1
        return _sum_of_products(u[first : last + 1], v[k - first : below if below >= 0 else None : -1])
    total = u[first] * v[k - first]
    if last == first:
        return total
    if type(total) is np.ndarray:
        for j in range(first + 1, last + 1):
            term = u[j] * v[k - j]
            if type(term) is np.ndarray and term.shape == total.shape and term.dtype == total.dtype:
                total += term  # an array of our own
            else:
                total = total + term
        return total
    for j in range(first + 1, last + 1):
        total = total + u[j] * v[k - j]
    return total


def _sum_of_products(u: Any, v: Any) -> Any:
    if u.dtype.kind == "c":  # of which vecdot would take the conjugate
        return np.einsum("k...,k...->...", u, v)
    return np.vecdot(u, v, axis=0)  # type: ignore[call-overload]  # NumPy's own types lack the keyword


def slope(u: Series) -> Series:
    """The numbers k u[k]: t times the derivative of the curve."""
    if type(u) is np.ndarray:
        return u * np.arange(len(u), dtype=u.real.dtype).reshape(-1, *[1] * (u.ndim - 1))
    return [0.0, *[k * u[k] for k in range(1, len(u))]]


def scaled(u: Series, factor: Any) -> Series:
    """factor * u, for a constant factor."""
    return factor * u if type(u) is np.ndarray else [factor * c for c in u]


def divided(ans: Any, u: Series, factor: Any) -> Series:
    """The series with the value `ans` that moves like u / factor."""
    return [ans, *[c / factor for c in u[1:]]]


def shifted(ans: Any, u: Series, sign: int = 1) -> Series:
    """The series with the value `ans` that moves like u, or against it."""
    if type(u) is np.ndarray and type(ans) is np.ndarray and u.shape[1:] == ans.shape and u.dtype == ans.dtype:
        v = u.copy() if sign > 0 else -u
        v[0] = ans
        return v
    return [ans, *u[1:]] if sign > 0 else [ans, *[-c for c in u[1:]]]


def added(ans: Any, u: Series, v: Series, sign: int = 1) -> Series:
    """u + v, or u - v."""
    if len(v) == 1:
        return shifted(ans, u)
    if len(u) == 1:
        return shifted(ans, v, sign)
    if type(u) is np.ndarray and type(v) is np.ndarray and u.shape == v.shape:
        w: Any = u + v if sign > 0 else u - v
        w[0] = ans
        return w
    short = min(len(u), len(v))
    rest = u[short:] if len(u) > short else [c if sign > 0 else -c for c in v[short:]]
    return [ans, *[u[k] + v[k] if sign > 0 else u[k] - v[k] for k in range(1, short)], *rest]


def product(u: Series, v: Series, order: int, ans: Any = None) -> Series:
    """u v: the Cauchy product."""
    ans = u[0] * v[0] if ans is None else ans
    w, u, v = room(ans, min(order, len(u) + len(v) - 2), u, v)
    for k in range(1, len(w)):
        w[k] = dot(u, v, k)
    return w


def resolved_product(u: Series, v: Series, w: Series) -> Series:
    """The product w of u and v, where infinities met zeros: with zero for their product. w itself if none did."""
    if not any(np.any(np.isnan(peel(c))) for c in w):
        return w

    def times(a: Any, b: Any) -> Any:
        p, q = peel(a), peel(b)
        bad = (np.isinf(p) & np.equal(q, 0)) | (np.equal(p, 0) & np.isinf(q))
        return e.where(bad, 0.0, a * b) if np.any(bad) else a * b

    with np.errstate(invalid="ignore"):
        terms = [[times(u[j], v[k - j]) for j in range(k + 1) if j < len(u) and k - j < len(v)] for k in range(len(w))]
        return [w[0], *[sum(row[1:], row[0]) for row in terms[1:]]]


def resolved_constant(us: list[Series], w: Series) -> Series:
    """The series w of an elementwise function of `us`, with 0 for NaN where no argument moves; w if there is none."""
    lost = [np.isnan(peel(c)) for c in w[1:]]
    if not any(map(np.any, lost)):
        return w
    moves: Any = np.False_
    for u in us:
        for c in u[1:]:
            moves = moves | np.not_equal(peel(c), 0)
    return [w[0], *[e.where(bad & ~moves, 0.0, c) for bad, c in zip(lost, w[1:])]]


def quotient(u: Series, v: Series, order: int, ans: Any = None) -> Series:
    """u / v: from (u / v) v = u."""
    ans = u[0] / v[0] if ans is None else ans
    if len(v) == 1:
        return [ans, *[e.over(c, v[0]) for c in u[1:]]]
    w, u, v = room(ans, order, u, v)
    v0, moving = v[0], len(u)
    for k in range(1, order + 1):
        known = dot(v, w, k, 1)
        w[k] = (u[k] - known) / v0 if k < moving else -known / v0
    return w


# ----- quotients whose numerator and denominator vanish together ------------------------------------------------------
#
# sin(x)/x is smooth at 0, yet near 0 its series cannot be had from `quotient`: each order divides the rounding errors
# of the one before by x. The recurrence v[0] w[k] + v[1] w[k-1] = u[k] may also be solved downwards, from a higher
# order on, and then it multiplies them by x instead. This is Miller's algorithm: W. Gautschi, "Computational aspects of
# three-term recurrence relations", SIAM Review 9, 1967.


def loses_digits(w: Series, u: Series, v: Series) -> bool:
    """Whether w = u / v, found by `quotient`, has lost three digits or more near a common zero of u and v."""
    at, by = peel(v[0]), peel(v[1])
    is_duck = type(at) in DUCKS
    is_usual = (is_duck or len(v) > 2) and not anywhere(abs(by) > 2.0 * abs(at))  # told in a few microseconds
    if is_usual or not (is_duck or type(at) in (np.ndarray, np.float64)):
        return False
    if is_duck and len(v) > 2:
        at.needs_numbers("a common zero of numerator and denominator")
    w, u, v = [peel(c) for c in w], [peel(c) for c in u], [peel(c) for c in v]
    with np.errstate(all="ignore"):
        near: Any = _common_root(u, v)[1] if len(v) > 2 else True
        return anywhere(near) and anywhere(near & (_upward_bounds(w[0], u, v, len(w) - 1)[-1] > 1e3 * np.abs(w[-1])))


def _upward_bounds(ans: Any, u: Series, v: Series, order: int) -> list[Any]:
    """The size of the terms that w[k] is made from, counted with all that was cancelled, when it is found upwards."""
    bounds = [np.abs(ans)]
    for k in range(1, order + 1):
        top = np.abs(u[k]) if k < len(u) else 0.0
        bounds.append(sum([np.abs(v[j]) * bounds[k - j] for j in range(1, min(k, len(v) - 1) + 1)], top) / np.abs(v[0]))
    return bounds


def _common_root(u: Series, v: Series) -> tuple[Any, Any]:
    """A zero t of v by Newton's method from 0, and where it is near and a zero of u too, to a digit."""
    first: Any = -v[0] / v[1]
    t: Any = first
    for _ in range(8):
        t = t - _value(v, t) / _value([(k + 1) * c for k, c in enumerate(v[1:])], t)
    p = peel(t)
    at_u, at_v = _value([peel(c) for c in u], p), _value([peel(c) for c in v], p)
    near = np.abs(p - peel(first)) < np.abs(peel(first))
    return t, near & (np.abs(at_v) <= 0.1 * np.abs(peel(v[0]))) & (np.abs(at_u) <= 0.1 * np.abs(peel(u[0])))


def _value(u: Series, t: Any) -> Any:
    """The value of the curve at t, by Horner's rule."""
    total = u[-1]
    for c in u[-2::-1]:
        total = total * t + c
    return total


def careful_quotient(u: Series, v: Series, order: int, ans: Any) -> tuple[Series, bool]:
    """u / v, where they may vanish together near t = 0; and whether digits were lost nevertheless.

    Where they vanish together, both are divided by (t - root) first. The last `AHEAD` coefficients are less exact.
    """
    with np.errstate(all="ignore"):
        if len(v) == 2:
            w, good, rest = _quotient_by_line(u, v, order, ans)
            near: Any = np.True_
        else:
            w = quotient(u, v, order, ans)
            root, near = _common_root(u, v)
            if not np.any(near):
                return w, False
            line = [-e.where(near, root, 1.0), 1.0]
            top, top_vanishes, rest = _quotient_by_line(u, line, order, u[0] / line[0])
            bottom, bottom_vanishes, _ = _quotient_by_line(v, line, order, v[0] / line[0])
            good = near & top_vanishes & bottom_vanishes
            w = [ans, *[_chosen(good, c, d) for c, d in zip(quotient(top, bottom, order)[1:], w[1:])]]
            near = near & (np.abs(peel(v[1])) > 2.0 * np.abs(peel(v[0])))  # further away Newton may not be done
        if np.all(good | ~near):
            return w, False
        k = order - AHEAD
        bound = _upward_bounds(peel(ans), [peel(c) for c in u], [peel(c) for c in v], k)[k]
        eps = np.finfo(peel(ans).dtype).eps
        cancelled = eps * bound > 1e-4 * np.abs(peel(w[k]))
        by, slope_of_v = np.abs(peel(v[0])), np.abs(peel(v[1]))
        inexact = rest <= 64 * eps * np.abs(peel(u[1]))  # as when the numerator is a difference
        inexact = inexact & (rest * (slope_of_v / by) ** k > 1e-10 * np.abs(by * peel(w[k])))  # and that is to be seen
        return w, bool(np.any(near & ~good & (cancelled | inexact)))


def _quotient_by_line(u: Series, v: Series, order: int, ans: Any) -> tuple[Series, Any, Any]:
    """u / (v[0] + v[1] t), every coefficient by the recurrence that loses less; where the two vanish together; and what
    is left of u where v vanishes.

    They vanish together where the downward recurrence gives back `ans` but for rounding: then u is within rounding of
    a numerator that vanishes with the denominator. It starts at the last coefficients of u.
    """
    v0, v1 = v
    plain, p0, p1 = [peel(c) for c in u], peel(v0), peel(v1)
    down = [0.0 * peel(ans)] * (order + 1)
    eps = np.finfo(peel(ans).dtype).eps
    up_bounds, down_bounds = _upward_bounds(peel(ans), plain, [p0, p1], order), [0.0] * (order + 1)
    bound = down_bounds[order] = (
        (np.abs(plain[-1]) if len(plain) > order else 0.0) / np.abs(p1) / eps
    )  # what is cut off
    for k in range(order, 0, -1):
        top = u[k] if k < len(u) else 0.0
        down[k - 1] = (top - v0 * down[k]) / v1
        bound = down_bounds[k - 1] = (np.abs(peel(top)) + np.abs(p0) * bound) / np.abs(p1)
    vanish = np.abs(peel(down[0]) - peel(ans)) <= 4 * eps * (np.abs(peel(ans)) + down_bounds[0])
    is_down = [vanish & ~(up_bounds[k] <= down_bounds[k]) for k in range(1, order + 1)]
    never = functools.reduce(np.logical_and, is_down)  # is any found upwards: then nothing is divided by what vanishes
    up, below = [_chosen(never, peel(ans), ans)], _chosen(never, np.ones_like(p0), v0)
    for k in range(1, order + 1):
        up.append(((u[k] if k < len(u) else 0.0) - v1 * up[-1]) / below)
    w = [_chosen(mask, down[k], up[k]) for k, mask in enumerate(is_down, 1)]
    return [ans, *w], vanish, np.abs((peel(down[0]) - peel(ans)) * p0)


def _chosen(mask: Any, c: Any, d: Any) -> Any:
    """c where it is true, else d; if one serves everywhere without the other, so that no derivative flows there."""
    is_plain = type(mask) in (np.bool_, np.ndarray)
    return c if is_plain and mask.all() else d if is_plain and not mask.any() else e.where(mask, c, d)


AHEAD = 32  # by how many orders the series of the numerator has to be longer than that of the quotient


def sinc(ans: Any, u: Series, order: int) -> Series:
    """sin(pi u) / (pi u): its series in u - u[0], in which that of u - u[0] is put."""
    z, longer = np.pi * u[0], order + AHEAD
    sines, _ = sine_and_cosine([z, 1.0], longer, e.sin(z), e.cos(z), -1.0)
    outer, _ = careful_quotient(sines, [z, 1.0], longer, ans)
    return composed([outer[k] * np.pi**k for k in range(order + 1)], u, order)


def composed(outer: Series, u: Series, order: int) -> Series:
    """The series of f(u), given that of f at u[0]."""
    if len(u) == 2:
        return [c * u[1] ** k if k else c for k, c in enumerate(outer)]
    step = shifted(0.0 * u[0], u)
    v = [outer[order]]
    for c in outer[order - 1 :: -1] if order else []:
        v = product(step, v, order)
        v = [c + v[0], *v[1:]]
    return v


def remainder(ans: Any, u: Series, v: Series, whole: Any) -> Series:
    """u - whole v, for a constant number of times."""
    return added(ans, u, [c * whole for c in v], -1)


def one_minus_square(u: Series, order: int) -> Series:
    """1 - u^2, as a product, which does not cancel near 1."""
    return product(shifted(1.0 - u[0], u, -1), shifted(1.0 + u[0], u), order)


def one_plus_square(u: Series, order: int) -> Series:
    """1 + u^2."""
    return product(u, u, order, 1.0 + u[0] * u[0])


def square_minus_one(u: Series, order: int) -> Series:
    """u^2 - 1."""
    return scaled(one_minus_square(u, order), -1.0)


# ----- functions with a differential equation -------------------------------------------------------------------------


def integral(ans: Any, u: Series, w: Series, order: int) -> Series:
    """The v with v' = w u' and the value `ans`: w is the derivative of a function at u, to one order less."""
    v, u, w = room(ans, order, u, w)
    du = slope(u)
    for k in range(1, order + 1):
        v[k] = dot(du, w, k, 1) / k
    return v


def integral_of_quotient(ans: Any, du: Series, w: Series, order: int) -> Series:
    """The v with t v' = du / w and the value `ans`; with du = `slope(u)` an inverse function, of derivative 1/w."""
    v, du, w = room(ans, order, du, w)
    dv, *_ = room(ans, order, du, w)  # its first coefficient is not used
    for k in range(1, order + 1):
        term = dot(dv, w, k, 1, k)
        top = du[k] if k < len(du) else 0.0
        dv[k] = (top - term) / w[0]
        v[k] = dv[k] / k
    return v


def inverse(ans: Any, u: Series, w: Series, order: int, sign: float = 1.0) -> Series:
    """The value `ans` of an inverse function at u, whose derivative is sign / w."""
    return integral_of_quotient(ans, scaled(slope(u), sign), w, order)


def exponential(ans: Any, u: Series, order: int) -> Series:
    """exp(u): v' = v u'."""
    is_plain = type(ans) is np.ndarray
    if (is_plain or (type(ans) in DUCKS and ans.is_array)) and len(u) == 2 and type(u[1]) is float:  # of a line
        factors = [1.0]
        for k in range(1, order + 1):
            factors.append(factors[-1] * u[1] / k)
        return np.multiply.outer(np.array(factors, ans.dtype), ans) if is_plain else [f * ans for f in factors]
    v, u = room(ans, order, u)
    du = slope(u)
    for k in range(1, order + 1):
        v[k] = dot(du, v, k, 1) / k
    return v


def logarithm(ans: Any, u: Series, order: int) -> Series:
    """log(u): v' = u' / u."""
    return integral_of_quotient(ans, slope(u), u, order)


def power(ans: Any, u: Series, p: float, order: int) -> Series:
    """u^p for a constant p: u v' = p v u'. Whole powers are products, so that they hold at u = 0 too."""
    if p == int(p) and 0 <= p <= max(32, order):
        return whole_power(ans, u, int(p), order)
    zero = np.equal(peel(u[0]), 0)
    base = e.where(zero, 1.0, u[0]) if np.any(zero) else u[0]
    v, u = room(ans, order, u)
    dv, du = room(ans, order, slope(u))
    for k in range(1, order + 1):
        v[k] = (p * dot(du, v, k, 1) - dot(u, dv, k, 1, k)) / (k * base)
        dv[k] = k * v[k]
    if np.any(zero):  # t^p has the coefficients 0 below the order p, infinite ones from there on; a kink counts as 0
        beyond = 1.0 / np.where(zero, 0.0, 1.0) if order >= p else 0.0  # a division by zero, of which the user is told
        real = all(peel(c).dtype.kind == "f" for c in u[:2] if hasattr(peel(c), "dtype"))
        way = np.sign(peel(u[1])) if real and len(u) > 1 else 0.0  # 0: u touches zero, and the power has a kink
        reached = np.not_equal(way, 0) if real else np.zeros_like(zero)
        sign: Any = 1.0  # of the binomial coefficient of p over k, times that of u' to the power k
        v = [ans, *v[1:]]
        for k in range(1, order + 1):
            if not real:
                reached = reached | np.not_equal(peel(u[k]) if k < len(u) else 0.0, 0)
            sign = np.where(np.equal(way, 0), 1.0, sign * way * (1.0 if p > k - 1 else -1.0))
            v[k] = e.where(zero, 0.0 if k < p else np.where(reached, beyond * sign, 0.0), v[k])
    return v


def root(u: Series, order: int) -> Series:
    """The square root of u."""
    return power(e.sqrt(u[0]), u, 0.5, order)


def power_by(ans: Any, u: Series, p: Series, order: int) -> Series:
    """u^p, where the exponent may move, or differ from entry to entry."""
    exponent = peel(p[0])
    if len(p) == 1 and type(p[0]) is not Box and np.isrealobj(exponent):
        if not np.size(exponent):
            return [ans]
        if np.ndim(exponent):
            by_value = [(p_value, power(ans, u, float(p_value), order)) for p_value in np.unique(exponent)]
            v = by_value[0][1]
            for p_value, other in by_value[1:]:
                short = [*v, *[0.0 * ans] * (order + 1 - len(v))], [*other, *[0.0 * ans] * (order + 1 - len(other))]
                v = [e.where(np.equal(exponent, p_value), b, a) for a, b in zip(*short)]
            return [ans, *v[1:]]
        if math.isfinite(float(exponent)):
            return power(ans, u, float(exponent), order)
    if len(u) == 1:  # a constant base, which may be 0: then the power is 0 on both sides
        log = [e.log(e.nonzero_or_one(u[0]))]
    else:
        log = logarithm(e.log(u[0]), u, order)
    return exponential(ans, product(p, log, order), order)


def whole_power(ans: Any, u: Series, n: int, order: int) -> Series:
    """u^n by repeated squaring."""
    if n == 0:
        return [ans]
    v: Series | None = None
    square = u
    while n:
        if n % 2:
            v = square if v is None else product(v, square, order)
        n //= 2
        if n:
            square = product(square, square, order)
    assert v is not None
    return v


def sine_and_cosine(u: Series, order: int, s: Any, c: Any, sign: float) -> tuple[Series, Series]:
    """sin and cos (sign -1), or sinh and cosh (sign 1): s' = c u', c' = sign s u'."""
    sines, u = room(s, order, u)
    cosines, du = room(c, order, slope(u))
    for k in range(1, order + 1):
        sines[k] = dot(du, cosines, k, 1) / k
        cosines[k] = sign * dot(du, sines, k, 1) / k
    return sines, cosines


def tangent(ans: Any, u: Series, order: int) -> Series:
    """tan(u): v' = w u' with w = 1 + v^2."""
    v, u = room(ans, order, u)
    w, du = room(1.0 + ans * ans, order, slope(u))
    for k in range(1, order + 1):
        v[k] = dot(du, w, k, 1) / k
        w[k] = dot(v, v, k)
    return v


def hyperbolic_tangent(ans: Any, u: Series, order: int) -> Series:
    """tanh(u): v' = w u' with w = 1/cosh^2, w' = -2 v w u'. w is not 1 - v^2, which has no digits where v is near 1."""
    w0 = e.tanh_slope(ans, peel(u[0]))
    v, u = room(ans, order, u)
    w, du = room(w0, order, slope(u))
    vw, *_ = room(ans * w0, order, u)
    for k in range(1, order + 1):
        v[k] = dot(du, w, k, 1) / k
        w[k] = -2.0 * dot(du, vw, k, 1) / k
        vw[k] = dot(v, w, k)
    return v


def logistic(ans: Any, rest: Any, u: Series, order: int) -> Series:
    """1 / (1 + exp(-u)): v' = v (1 - v) u', with `rest` = 1 - v, the logistic function of -u."""
    v, u = room(ans, order, u)
    w, du = room(ans * rest, order, slope(u))
    complement, *_ = room(rest, order, u)
    for k in range(1, order + 1):
        v[k] = dot(du, w, k, 1) / k
        complement[k] = -v[k]
        w[k] = dot(v, complement, k)
    return v


def linear_equation(ans: Any, u: Series, order: int, a: Any, b: Any) -> Series:
    """The v with v' = (a + b u v) u' for numbers a and b: error functions times exponentials."""
    v, u = room(ans, order, u)
    w, du = room(a + b * (u[0] * ans), order, slope(u))
    for k in range(1, order + 1):
        v[k] = dot(du, w, k, 1) / k
        w[k] = b * dot(u, v, k)
    return v


def chosen(ans: Any, x: Series, y: Series, weight: Any, order: int) -> Series:
    """x where the weight is 1, y where it is 0, and their mean where it is 1/2: the greater of two numbers, say."""
    size = max(len(x), len(y))
    x, y = [[u[k] if k < len(u) else 0.0 for k in range(size)] for u in (x, y)]
    tie = np.equal(weight, 0.5)
    if order > 1 and np.any(tie):
        e.warn_of_tie()
    v = [ans]
    for k in range(1, size):
        part = e.where(np.equal(weight, 1.0), e.in_dtype_of(x[k], ans), e.in_dtype_of(y[k], ans))
        v.append(e.where(tie, 0.5 * (x[k] + y[k]), part) if np.any(tie) else part)
    return v


def selected(ans: Any, x: Series, y: Series, condition: Any) -> Series:
    """x where the condition holds, else y."""
    zero = e.in_dtype_of(0.0, ans)  # not 0 times the constant, which may be infinite or NaN
    return [ans] + [
        e.choose_where(
            e.in_dtype_of(x[k], ans) if k < len(x) else zero,
            e.in_dtype_of(y[k], ans) if k < len(y) else zero,
            condition=condition,
        )
        for k in range(1, max(len(x), len(y)))
    ]


def absolute(ans: Any, u: Series, order: int) -> Series | None:
    """|u| for real u."""
    x = peel(u[0])
    if order > 1 and np.any(np.equal(x, 0)):
        e.warn_of_length()
    return None if x.dtype.kind == "c" else [ans, *[c * np.sign(x) for c in u[1:]]]


def real(ans: Any, u: Series) -> Series:
    """The real part of u."""
    return [ans, *map(real_part, u[1:])]


# ----- functions of two arguments -------------------------------------------------------------------------------------


def log_sum_of_exponentials(ans: Any, x: Series, y: Series, order: int) -> Series:
    """v' = share_x x' + share_y y', where the shares are logistic functions of x - y and of y - x."""
    share_x = e.exp(-e.logaddexp(0.0, e.gap(y[0], x[0], ans)))
    share_y = e.exp(-e.logaddexp(0.0, e.gap(x[0], y[0], ans)))
    difference = added(share_x, x, y, -1)
    if not np.all(finite := np.isfinite(peel(ans))):
        difference = [share_x, *[e.where(finite, e.in_dtype_of(c, ans), 0.0) for c in difference[1:]]]
    of_x = logistic(share_x, share_y, difference, order - 1)
    parts = [integral(ans, x, of_x, order)] if len(x) > 1 else []
    if len(y) > 1:
        parts.append(integral(ans, y, shifted(share_y, of_x, -1), order))
    return parts[0] if len(parts) == 1 else added(ans, *parts)


def length(ans: Any, x: Series, y: Series, order: int) -> Series:
    """The root of the sum of squares, in units of itself, so that no square overflows."""
    zero = np.equal(peel(ans), 0)
    if np.any(zero):  # there the subgradient 0
        if order > 1:
            e.warn_of_length()
        x, y = [[e.where(zero, 0.0, e.in_dtype_of(c, ans)) for c in u] for u in (x, y)]
    unit = e.where(zero, 1.0, ans)
    x, y = [[c / unit for c in u] for u in (x, y)]
    one = unit / unit
    squares = added(one, product(x, x, order), product(y, y, order))
    return [ans, *[c * ans for c in power(one, squares, 0.5, order)[1:]]]


def angle(ans: Any, y: Series, x: Series, order: int) -> Series:
    """arctan2(y, x): v' = (x y' - y x') / (x^2 + y^2), in units of the length."""
    unit = e.hypot(y[0], x[0])
    y, x = [[c / unit for c in u] for u in (y, x)]
    top = added(0.0, product(x, slope(y), order), product(y, slope(x), order), -1)
    squares = added(1.0 + 0.0 * unit, product(x, x, order), product(y, y, order))
    return integral_of_quotient(ans, top, squares, order)
