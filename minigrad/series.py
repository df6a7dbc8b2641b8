"""Arithmetic on truncated Taylor series.

A series is a list of coefficients u[0], u[1], ..., where u[k] = f^(k)(0) / k! of a curve f; what is left out at the end
is zero. Each function below takes the series of the arguments and returns that of the result, up to a given order.

The recurrences are those of A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, section 13.2:
a function v(u) that satisfies a linear differential equation gives v[k] from v[0], ..., v[k-1] by one convolution, so
all orders up to d cost d^2 multiplications, and factorials never appear. They are written with operators and functions
of this package, so that coefficients may be boxes: a gradient of a Taylor coefficient needs no further code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import elementwise as e
from minigrad.tape import peel

Series = list[Any]


def dot(u: Series, v: Series, k: int, start: int = 0, stop: int | None = None) -> Any:
    """The sum of u[j] * v[k - j] for start <= j < stop (by default up to k), where both exist; 0.0 if nothing does."""
    first = max(start, k - len(v) + 1)
    last = min(k if stop is None else stop - 1, len(u) - 1)
    if last < first:
        return 0.0
    total = u[first] * v[k - first]
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


def slope(u: Series) -> Series:
    """The numbers k u[k]: t times the derivative of the curve."""
    return [0.0, *[k * u[k] for k in range(1, len(u))]]


def scaled(u: Series, factor: Any) -> Series:
    """factor * u, for a constant factor."""
    return [factor * c for c in u]


def added(u: Series, v: Series, sign: int = 1) -> Series:
    """u + v, or u - v."""
    short = min(len(u), len(v))
    rest = u[short:] or [c if sign > 0 else -c for c in v[short:]]
    return [a + b if sign > 0 else a - b for a, b in zip(u, v)] + rest


def product(u: Series, v: Series, order: int, start: int = 0) -> Series:
    """u v: the Cauchy product, from the coefficient `start` on."""
    return [dot(u, v, k) for k in range(start, min(order, len(u) + len(v) - 2) + 1)]


def quotient(u: Series, v: Series, order: int, ans: Any = None) -> Series:
    """u / v: from (u / v) v = u."""
    w = [u[0] / v[0] if ans is None else ans]
    if len(v) == 1:
        return w + [c / v[0] for c in u[1:]]
    for k in range(1, order + 1):
        known = dot(v, w, k, 1)
        w.append((u[k] - known) / v[0] if k < len(u) else -known / v[0])
    return w


def integral(ans: Any, u: Series, w: Series, order: int) -> Series:
    """The v with v' = w u' and the value `ans`: w is the derivative of a function at u, to one order less."""
    du, v = slope(u), [ans]
    for k in range(1, order + 1):
        v.append(dot(du, w, k, 1) / k)
    return v


def integral_of_quotient(ans: Any, u: Series, w: Series, order: int) -> Series:
    """The v with v' = u' / w and the value `ans`: inverse functions, whose derivative is the reciprocal of another."""
    v, dv = [ans], [0.0]
    for k in range(1, order + 1):
        term = dot(dv, w, k, 1, k)
        top = k * u[k] if k < len(u) else 0.0
        dv.append((top - term) / w[0])
        v.append(dv[k] / k)
    return v


def exponential(ans: Any, u: Series, order: int) -> Series:
    """exp(u): v' = v u'."""
    du, v = slope(u), [ans]
    for k in range(1, order + 1):
        v.append(dot(du, v, k, 1) / k)
    return v


def logarithm(ans: Any, u: Series, order: int) -> Series:
    """log(u): v' = u' / u."""
    return integral_of_quotient(ans, u, u, order)


def power(ans: Any, u: Series, p: float, order: int) -> Series:
    """u^p for a constant p: u v' = p v u'. Whole powers are products, so that they hold at u = 0 too."""
    if p == int(p) and 0 <= p <= 32:
        return whole_power(u, int(p), order)
    zero = np.equal(peel(u[0]), 0)
    base = e.where(zero, 1.0, u[0]) if np.any(zero) else u[0]
    v = [ans]
    for k in range(1, order + 1):
        total: Any = 0.0
        for j in range(1, min(k, len(u) - 1) + 1):
            total = total + ((p + 1) * j - k) * (u[j] * v[k - j])
        v.append(total / (k * base))
    if np.any(zero):  # t^p has the coefficients 0 below the order p, and infinite ones from there on
        beyond = 1.0 / np.where(zero, 0.0, 1.0) if order >= p else 0.0  # a division by zero, of which the user is told
        v[1:] = [e.where(zero, 0.0 if k < p else beyond, v[k]) for k in range(1, order + 1)]
    return v


def whole_power(u: Series, n: int, order: int) -> Series:
    """u^n by repeated squaring."""
    if n == 0:
        return [u[0] ** 0]
    ans: Series | None = None
    square = u
    while n:
        if n % 2:
            ans = square if ans is None else product(ans, square, order)
        n //= 2
        if n:
            square = product(square, square, order)
    assert ans is not None
    return ans


def sine_and_cosine(u: Series, order: int, s: Any, c: Any, sign: float) -> tuple[Series, Series]:
    """sin and cos (sign -1), or sinh and cosh (sign 1): s' = c u', c' = sign s u'."""
    du, sines, cosines = slope(u), [s], [c]
    for k in range(1, order + 1):
        of_sine = dot(du, cosines, k, 1) / k
        of_cosine = sign * dot(du, sines, k, 1) / k
        sines.append(of_sine)
        cosines.append(of_cosine)
    return sines, cosines


def with_slope(ans: Any, w0: Any, u: Series, order: int, grow: Callable[[Series, Series, int], Any]) -> Series:
    """The v with v' = w u', where `grow(v, w, k)` gives w[k] from v[0..k] and w[0..k-1]."""
    du, v, w = slope(u), [ans], [w0]
    for k in range(1, order + 1):
        v.append(dot(du, w, k, 1) / k)
        if k < order:
            w.append(grow(v, w, k))
    return v


def tangent(ans: Any, u: Series, order: int) -> Series:
    """tan(u): v' = 1 + v^2."""
    return with_slope(ans, 1.0 + ans * ans, u, order, lambda v, w, k: dot(v, v, k))


def hyperbolic_tangent(ans: Any, u: Series, order: int) -> Series:
    """tanh(u): v' = w u' with w = 1/cosh^2, w' = -2 v w u'. w is not 1 - v^2, which has no digits where v is near 1."""
    w0 = squared_sech(u[0])
    du, v, w, vw = slope(u), [ans], [w0], [ans * w0]
    for k in range(1, order + 1):
        v.append(dot(du, w, k, 1) / k)
        w.append(-2.0 * dot(du, vw, k, 1) / k)
        vw.append(dot(v, w, k))
    return v


def squared_sech(x: Any) -> Any:
    """1 / cosh(x)^2 without overflow, to full relative accuracy."""
    if peel(x).dtype.kind == "c":
        return 1.0 / e.cosh(x) ** 2
    small = e.exp(-2.0 * e.absolute(x))
    return 4.0 * small / (1.0 + small) ** 2


def logistic(ans: Any, u: Series, order: int) -> Series:
    """1 / (1 + exp(-u)): v' = v (1 - v) u', where 1 - v is the logistic function of -u."""
    return _logistic_pair(ans, 1.0 / (1.0 + e.exp(u[0])), u, order)


def _logistic_pair(s: Any, r: Any, u: Series, order: int) -> Series:
    du, v, rest, w = slope(u), [s], [r], [s * r]
    for k in range(1, order + 1):
        v.append(dot(du, w, k, 1) / k)
        rest.append(-v[k])
        w.append(dot(v, rest, k))
    return v


def softplus(ans: Any, u: Series, order: int) -> Series:
    """log(1 + exp(u)): its derivative is the logistic function."""
    s = e.exp(-e.logaddexp(0.0, -u[0]))
    r = e.exp(-e.logaddexp(0.0, u[0]))
    return integral(ans, u, _logistic_pair(s, r, u, order - 1) if order else [s], order)
