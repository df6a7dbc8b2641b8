"""The Taylor recurrences of elementwise operations.

A recurrence takes the order, the value, the series of the arguments and the parameters, and returns the series of the
result; or None at points where it does not hold, and where the series is derived instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.tape import Box, peel
from minigrad.rules import elementwise as e
from minigrad.rules import series as s
from minigrad.rules.expansion import real_part
from minigrad.rules.series import Series

# ----- the rules of elementwise operations ----------------------------------------------------------------------------
#
# A rule takes the order, the value, the series of the arguments and the parameters, and returns the series of the
# result; or None at points where it does not hold, and where the series is derived instead.

Rule = Callable[[int, Any, list[Series], dict[str, Any]], Series | None]


def _power(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    u, p = us
    exponent = peel(p[0])
    if (
        len(p) == 1
        and type(p[0]) is not Box
        and np.ndim(exponent) == 0
        and np.isrealobj(exponent)
        and math.isfinite(float(exponent))
    ):
        return s.power(ans, u, float(exponent), order)
    if len(p) == 1 and type(p[0]) is not Box and np.ndim(exponent) and np.isrealobj(exponent):
        by_value = [(p_value, s.power(ans, u, float(p_value), order)) for p_value in np.unique(exponent)]
        v = by_value[0][1]
        for p_value, other in by_value[1:]:
            short = [*v, *[0.0 * ans] * (order + 1 - len(v))], [*other, *[0.0 * ans] * (order + 1 - len(other))]
            v = [e.where(np.equal(exponent, p_value), b, a) for a, b in zip(*short)]
        return [ans, *v[1:]]
    if len(u) == 1:  # a constant base, which may be 0: then the power is 0 on both sides
        log = [e.log(e.nonzero_or_one(u[0]))]
    else:
        log = s.logarithm(e.log(u[0]), u, order)
    return s.exponential(ans, s.product(p, log, order), order)


def _inverse(root: Callable[[Series, int], Series], sign: float = 1.0) -> Rule:
    """A function whose derivative is sign / root(u)."""

    def rule(order: int, ans: Any, us: list[Series], params: Any) -> Series:
        w = root(us[0], order)
        return s.integral_of_quotient(ans, s.scaled(s.slope(us[0]), sign), w, order)

    return rule


def _one_minus_square(u: Series, order: int) -> Series:
    return s.product(s.shifted(1.0 - u[0], u, -1), s.shifted(1.0 + u[0], u), order)


def _root(inner: Callable[[Series, int], Series]) -> Callable[[Series, int], Series]:
    def rule(u: Series, order: int) -> Series:
        w = inner(u, order)
        return s.power(e.sqrt(w[0]), w, 0.5, order)

    return rule


def _one_plus_square(u: Series, order: int) -> Series:
    return s.product(u, u, order, 1.0 + u[0] * u[0])


def _square_minus_one(u: Series, order: int) -> Series:
    return s.scaled(_one_minus_square(u, order), -1.0)


def _shift(u: Series) -> Series:
    return s.shifted(1.0 + u[0], u)


def _logaddexp(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    """v' = share_x x' + share_y y', where the shares are logistic functions of x - y and of y - x."""
    x, y = us
    share_x = e.exp(-e.logaddexp(0.0, e.gap(y[0], x[0], ans)))
    share_y = e.exp(-e.logaddexp(0.0, e.gap(x[0], y[0], ans)))
    of_x = s.logistic(share_x, share_y, s.added(share_x, x, y, -1), order - 1)  # the difference moves like x - y
    parts = [s.integral(ans, x, of_x, order)] if len(x) > 1 else []
    if len(y) > 1:
        parts.append(s.integral(ans, y, s.shifted(share_y, of_x, -1), order))
    return parts[0] if len(parts) == 1 else s.added(ans, *parts)


def _logaddexp2(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    v = _logaddexp(order, ans * e.LOG_2, [s.scaled(u, e.LOG_2) for u in us], params)
    return [ans, *[c / e.LOG_2 for c in v[1:]]]


def _hypot(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    """The root of the sum of squares, in units of itself, so that no square overflows."""
    zero = np.equal(peel(ans), 0)
    if np.any(zero):  # there the subgradient 0
        if order > 1:
            e.warn_of_length()
        us = [[e.where(zero, 0.0, e.typed(c, ans)) for c in u] for u in us]
    unit = e.where(zero, 1.0, ans)
    x, y = [[c / unit for c in u] for u in us]
    one = unit / unit
    squares = s.added(one, s.product(x, x, order), s.product(y, y, order))
    return [ans, *[c * ans for c in s.power(one, squares, 0.5, order)[1:]]]


def _arctan2(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    """v' = (x y' - y x') / (x^2 + y^2), in units of the length."""
    length = e.hypot(us[0][0], us[1][0])
    y, x = [[c / length for c in u] for u in us]
    top = s.added(0.0, s.product(x, s.slope(y), order), s.product(y, s.slope(x), order), -1)
    squares = s.added(1.0 + 0.0 * length, s.product(x, x, order), s.product(y, y, order))
    return s.integral_of_quotient(ans, top, squares, order)


def _remainder(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    whole = e.floor_divide(us[0][0], us[1][0])
    return s.added(ans, us[0], [c * whole for c in us[1]], -1)


def _absolute(order: int, ans: Any, us: list[Series], params: Any) -> Series | None:
    x = peel(us[0][0])
    if x.dtype.kind == "c":
        return None
    sign = np.sign(x)
    return [ans, *[c * sign for c in us[0][1:]]]


def _choice(us: list[Series], ans: Any, better: Any, skip_nan: bool = False) -> Series:
    x, y = us
    return s.chosen(ans, x, y, e.share(x[0], y[0], ans, better, skip_nan))


def _where(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    x, y = us
    size = max(len(x), len(y))
    mask = params["condition"]
    zero = e.typed(0.0, ans)  # not 0 times the constant, which may be infinite or NaN
    return [ans] + [
        e.choose_where(x[k] if k < len(x) else zero, y[k] if k < len(y) else zero, condition=mask)
        for k in range(1, size)
    ]


def _sin(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    return s.sine_and_cosine(us[0], order, ans, e.cos(us[0][0]), -1.0)[0]


def _cos(order: int, ans: Any, us: list[Series], params: Any) -> Series:
    return s.sine_and_cosine(us[0], order, e.sin(us[0][0]), ans, -1.0)[1]


RULES: dict[str, Rule] = {
    "add": lambda d, ans, us, _: s.added(ans, us[0], us[1]),
    "subtract": lambda d, ans, us, _: s.added(ans, us[0], us[1], -1),
    "multiply": lambda d, ans, us, _: s.product(us[0], us[1], d, ans),
    "divide": lambda d, ans, us, _: s.quotient(us[0], us[1], d, ans),
    "negative": lambda d, ans, us, _: s.shifted(ans, us[0], -1),
    "positive": lambda d, ans, us, _: us[0],
    "reciprocal": lambda d, ans, us, _: s.quotient([1.0], us[0], d, ans),
    "square": lambda d, ans, us, _: s.product(us[0], us[0], d, ans),
    "sqrt": lambda d, ans, us, _: s.power(ans, us[0], 0.5, d),
    "cbrt": lambda d, ans, us, _: s.power(ans, us[0], 1.0 / 3.0, d),
    "power": _power,
    "float_power": _power,
    "exp": lambda d, ans, us, _: s.exponential(ans, us[0], d),
    "exp2": lambda d, ans, us, _: s.exponential(ans, s.scaled(us[0], e.LOG_2), d),
    "expm1": lambda d, ans, us, _: [ans, *s.exponential(e.exp(us[0][0]), us[0], d)[1:]],
    "log": lambda d, ans, us, _: s.logarithm(ans, us[0], d),
    "log2": lambda d, ans, us, _: [ans, *[c / e.LOG_2 for c in s.logarithm(ans, us[0], d)[1:]]],
    "log10": lambda d, ans, us, _: [ans, *[c / e.LOG_10 for c in s.logarithm(ans, us[0], d)[1:]]],
    "log1p": lambda d, ans, us, _: s.integral_of_quotient(ans, s.slope(us[0]), _shift(us[0]), d),
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "sin": _sin,
    "cos": _cos,
    "tan": lambda d, ans, us, _: s.tangent(ans, us[0], d),
    "sinh": lambda d, ans, us, _: s.sine_and_cosine(us[0], d, ans, e.cosh(us[0][0]), 1.0)[0],
    "cosh": lambda d, ans, us, _: s.sine_and_cosine(us[0], d, e.sinh(us[0][0]), ans, 1.0)[1],
    "sinc": lambda d, ans, us, _: s.sinc(ans, us[0], d),
    "tanh": lambda d, ans, us, _: s.hyperbolic_tangent(ans, us[0], d),
    "arcsin": _inverse(_root(_one_minus_square)),
    "arccos": _inverse(_root(_one_minus_square), -1.0),
    "arctan": _inverse(_one_plus_square),
    "arcsinh": _inverse(_root(_one_plus_square)),
    "arccosh": _inverse(_root(_square_minus_one)),
    "arctanh": _inverse(_one_minus_square),
    "deg2rad": lambda d, ans, us, _: [ans, *s.scaled(us[0][1:], e.DEGREE)],
    "rad2deg": lambda d, ans, us, _: [ans, *[c / e.DEGREE for c in us[0][1:]]],
    "arctan2": _arctan2,
    "hypot": _hypot,
    "remainder": _remainder,
    "absolute": _absolute,
    "fabs": _absolute,
    "maximum": lambda d, ans, us, _: _choice(us, ans, np.greater),
    "minimum": lambda d, ans, us, _: _choice(us, ans, np.less),
    "fmax": lambda d, ans, us, _: _choice(us, ans, np.greater, skip_nan=True),
    "fmin": lambda d, ans, us, _: _choice(us, ans, np.less, skip_nan=True),
    "where": _where,
    "nan_to_num": lambda d, ans, us, _: s.chosen(ans, us[0], [0.0] * len(us[0]), np.isfinite(peel(us[0][0])) * 1.0),
    "real": lambda d, ans, us, _: [ans, *map(real_part, us[0][1:])],
    "conjugate": lambda d, ans, us, _: [ans, *[e.conjugate(e.typed(c, ans)) for c in us[0][1:]]],
}  # fmt: skip

for _name, _rule in RULES.items():
    getattr(e, "choose_where" if _name == "where" else _name).primitive.taylor = _rule
