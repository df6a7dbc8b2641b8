"""Elementwise rules: one row per function, `g * ∂ans/∂arg` for each argument.

The Jacobian of an elementwise operation is diagonal, so the same line pulls cotangents back and pushes tangents
forward. Rules use `ans` where that saves work. The formulas are those of any table of derivatives (NIST Digital Library
of Mathematical Functions, sections 4.4, 4.7, 4.20, 4.24, 4.34, 4.38); a comment marks what is chosen rather than given.

Complex arguments follow the convention of HIPS autograd: rules multiply by the complex derivative without conjugating,
so the gradient of a real function u of z = x + iy is ∂u/∂x - i ∂u/∂y.
"""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.duck_arrays import Duck, anywhere, certainly, serial_of, whole
from minigrad.core.lines import located
from minigrad.core.primitive import constant, elementwise
from minigrad.core.tape import NUMBERS, Box, open_part, peel


def over(g: Any, y: Any) -> Any:
    """g / y, infinite for y = 0 as in NumPy, also where both are numbers of Python, which raise."""
    try:
        return g / y
    except ZeroDivisionError:
        return np.divide(g, y)


# fmt: off

# One row per function. `taylor` is its series by a recurrence with the arithmetic `s`, the module `series`, up to the
# order d; without it the series is derived from the rules. For what else a row may declare see `Primitive`.

# ----- arithmetic -----------------------------------------------------------------------------------------------------
# The functions of the operator module do what NumPy's ufuncs do on arrays, and much faster on scalars.

add      = elementwise("add", operator.add,
                       lambda g, _ans, _x, _y: g,
                       lambda g, _ans, _x, _y: g,
                       taylor=lambda s, d, ans, u, v: s.added(ans, u, v), commutes=True)
subtract = elementwise("subtract", operator.sub,
                       lambda g, _ans, _x, _y: g,
                       lambda g, _ans, _x, _y: -g,
                       taylor=lambda s, d, ans, u, v: s.added(ans, u, v, -1))
multiply = elementwise("multiply", operator.mul,
                       lambda g, _ans, _x, y: g * y,
                       lambda g, _ans, x, _y: g * x,
                       taylor=lambda s, d, ans, u, v: s.product(u, v, d, ans), commutes=True)
divide   = elementwise("divide", operator.truediv,
                       lambda g, _ans, _x, y: over(g, y),
                       lambda g, ans, _x, y: -over(g, y) * ans,
                       taylor=lambda s, d, ans, u, v: s.quotient(u, v, d, ans), pole=lambda _ans, _x, y: y)
remainder = elementwise("remainder", operator.mod,
                        lambda g, _ans, _x, _y: g,
                        lambda g, _ans, x, y: -g * floor_divide(x, y),
                        taylor=lambda s, d, ans, u, v: s.remainder(ans, u, v, floor_divide(u[0], v[0])))
negative   = elementwise("negative", operator.neg, lambda g, _ans, _x: -g,
                         taylor=lambda s, d, ans, u: s.shifted(ans, u, -1))
positive   = elementwise("positive", operator.pos, lambda g, _ans, _x: g, taylor=lambda s, d, ans, u: u)
reciprocal = elementwise("reciprocal", np.reciprocal, lambda g, ans, _x: -g * ans * ans,
                         taylor=lambda s, d, ans, u: s.quotient([1.0], u, d, ans),
                         pole=lambda ans, _x: 1.0 / where(peel(ans) == 0, 1.0, peel(ans)))
square     = elementwise("square", np.square, lambda g, _ans, x: g * 2.0 * x,
                         taylor=lambda s, d, ans, u: s.product(u, u, d, ans))
sqrt       = elementwise("sqrt", np.sqrt, lambda g, ans, _x: g * (0.5 / ans),
                         taylor=lambda s, d, ans, u: s.power(ans, u, 0.5, d), singular=lambda ans, _x: ans == 0,
                     pole=lambda ans, _x: ans)
cbrt       = elementwise("cbrt", np.cbrt, lambda g, ans, _x: g / 3.0 / ans / ans,   # infinite twice at 0
                         taylor=lambda s, d, ans, u: s.power(ans, u, 1 / 3, d), singular=lambda ans, _x: ans == 0,
                     pole=lambda ans, _x: ans)


def _power_x(g: Any, _ans: Any, x: Any, y: Any) -> Any:
    """y x^(y-1), and 0 where y = 0, also at x = 0; elsewhere as it is, since it is differentiated by y, too."""
    if type(y) is int or type(y) is float:
        return g * 2.0 * x if y == 2 else g * (y * x ** (y - 1)) if y else g * 0.0
    return g * (y * x ** where((peel(y) == 0) & (peel(x) == 0), 1.0, y - 1))


def _power_y(g: Any, ans: Any, x: Any, _y: Any) -> Any:
    """x^y log x; at x = 0 the limit for y > 0, which is 0."""
    return g * (ans * log(where(peel(x) == 0, 1.0, x)))


def _power_singular(_ans: Any, x: Any, y: Any) -> Any:
    """At x = 0, unless the power is a whole number of factors."""
    return (x == 0) & ((np.real(y) % 1 != 0) | (np.real(y) < 0))


def _power_pole(_ans: Any, x: Any, y: Any) -> Any:
    """The base of a power whose derivative is infinite at 0, as far as that is known without looking at a box."""
    if type(y) is int or type(y) is float:
        return x if y < 1 and y != 0 else None
    is_plain = isinstance(y, (np.number, np.ndarray)) and type(y) is not Box and not isinstance(y, Duck)
    return x if is_plain and np.any((np.real(y) < 1) & (y != 0)) else None


power       = elementwise("power", operator.pow, _power_x, _power_y, singular=_power_singular, pole=_power_pole,
                          taylor=lambda s, d, ans, u, p: s.power_by(ans, u, p, d))
float_power = elementwise("float_power", np.float_power, _power_x, _power_y, singular=_power_singular,
                          pole=_power_pole,
                          taylor=lambda s, d, ans, u, p: s.power_by(ans, u, p, d))

# ----- exponential and logarithm --------------------------------------------------------------------------------------

exp   = elementwise("exp", np.exp, lambda g, ans, _x: g * ans,
                    taylor=lambda s, d, ans, u: s.exponential(ans, u, d))
exp2  = elementwise("exp2", np.exp2, lambda g, ans, _x: g * (ans * LOG_2),
                    taylor=lambda s, d, ans, u: s.exponential(ans, s.scaled(u, LOG_2), d))
expm1 = elementwise("expm1", np.expm1, lambda g, _ans, x: g * exp(x),
                    taylor=lambda s, d, ans, u: s.shifted(ans, s.exponential(exp(u[0]), u, d)))
log   = elementwise("log", np.log, lambda g, _ans, x: g / x,
                    taylor=lambda s, d, ans, u: s.logarithm(ans, u, d), singular=lambda _ans, x: x == 0,
                    pole=lambda _ans, x: x)
log2  = elementwise("log2", np.log2, lambda g, _ans, x: g / (x * LOG_2),
                    taylor=lambda s, d, ans, u: s.divided(ans, s.logarithm(ans, u, d), LOG_2), pole=lambda _ans, x: x)
log10 = elementwise("log10", np.log10, lambda g, _ans, x: g / (x * LOG_10),
                    taylor=lambda s, d, ans, u: s.divided(ans, s.logarithm(ans, u, d), LOG_10), pole=lambda _ans, x: x)
log1p = elementwise("log1p", np.log1p, lambda g, _ans, x: g / (1.0 + x),
                    taylor=lambda s, d, ans, u: s.inverse(ans, u, s.shifted(1.0 + u[0], u), d))
LOG_2, LOG_10 = float(np.log(2.0)), float(np.log(10.0))

logaddexp  = elementwise("logaddexp", np.logaddexp,
                         lambda g, ans, x, y: g * exp(-logaddexp(0.0, gap(y, x, ans))),
                         lambda g, ans, x, y: g * exp(-logaddexp(0.0, gap(x, y, ans))),
                         taylor=lambda s, d, ans, u, v: s.log_sum_of_exponentials(ans, u, v, d))
logaddexp2 = elementwise("logaddexp2", np.logaddexp2,
                         lambda g, ans, x, y: g * exp2(-logaddexp2(0.0, gap(y, x, ans))),
                         lambda g, ans, x, y: g * exp2(-logaddexp2(0.0, gap(x, y, ans))),
                         taylor=lambda s, d, ans, u, v: s.divided(ans, s.log_sum_of_exponentials(
                             ans * LOG_2, s.scaled(u, LOG_2), s.scaled(v, LOG_2), d), LOG_2))

# ----- trigonometric and hyperbolic functions, and their inverses -----------------------------------------------------
# (1 - x)(1 + x) instead of 1 - x^2: no cancellation near 1.

sin     = elementwise("sin", np.sin, lambda g, _ans, x: g * cos(x),
                      taylor=lambda s, d, ans, u: s.sine_and_cosine(u, d, ans, cos(u[0]), -1.0)[0])
cos     = elementwise("cos", np.cos, lambda g, _ans, x: -g * sin(x),
                      taylor=lambda s, d, ans, u: s.sine_and_cosine(u, d, sin(u[0]), ans, -1.0)[1])
tan     = elementwise("tan", np.tan, lambda g, ans, _x: g * (1.0 + ans * ans),
                      taylor=lambda s, d, ans, u: s.tangent(ans, u, d))
arcsin  = elementwise("arcsin", np.arcsin, lambda g, _ans, x: g / sqrt((1.0 - x) * (1.0 + x)),
                      taylor=lambda s, d, ans, u: s.inverse(ans, u, s.root(s.one_minus_square(u, d), d), d),
                      singular=lambda _ans, x: abs(x) == 1, pole=lambda _ans, x: 1.0 - abs(peel(x)))
arccos  = elementwise("arccos", np.arccos, lambda g, _ans, x: -g / sqrt((1.0 - x) * (1.0 + x)),
                      taylor=lambda s, d, ans, u: s.inverse(ans, u, s.root(s.one_minus_square(u, d), d), d, -1.0),
                      singular=lambda _ans, x: abs(x) == 1, pole=lambda _ans, x: 1.0 - abs(peel(x)))
arctan  = elementwise("arctan", np.arctan, lambda g, _ans, x: g / (1.0 + x * x),
                      taylor=lambda s, d, ans, u: s.inverse(ans, u, s.one_plus_square(u, d), d))
sinh    = elementwise("sinh", np.sinh, lambda g, _ans, x: g * cosh(x),
                      taylor=lambda s, d, ans, u: s.sine_and_cosine(u, d, ans, cosh(u[0]), 1.0)[0])
cosh    = elementwise("cosh", np.cosh, lambda g, _ans, x: g * sinh(x),
                      taylor=lambda s, d, ans, u: s.sine_and_cosine(u, d, sinh(u[0]), ans, 1.0)[1])
tanh    = elementwise("tanh", np.tanh, lambda g, ans, x: g * tanh_slope(ans, peel(x)),
                      taylor=lambda s, d, ans, u: s.hyperbolic_tangent(ans, u, d),
                      spares=lambda ans: ans.dtype.kind == "f" and bool(np.max(np.abs(ans), initial=0) < 0.999))
arcsinh = elementwise("arcsinh", np.arcsinh, lambda g, _ans, x: g / root_of_one_plus_square(x),
                      taylor=lambda s, d, ans, u: s.inverse(
                          ans, u, s.length(root_of_one_plus_square(u[0]), u, [in_dtype_of(1.0, u[0])], d), d))
arccosh = elementwise("arccosh", np.arccosh, lambda g, _ans, x: g / (sqrt(x - 1.0) * sqrt(x + 1.0)),
                      taylor=lambda s, d, ans, u: s.inverse(
                          ans, u, s.power(sqrt(u[0] - 1.0) * sqrt(u[0] + 1.0), s.square_minus_one(u, d), 0.5, d), d),
                      singular=lambda _ans, x: x == 1, pole=lambda _ans, x: peel(x) - 1.0)
arctanh = elementwise("arctanh", np.arctanh, lambda g, _ans, x: g / ((1.0 - x) * (1.0 + x)),
                      taylor=lambda s, d, ans, u: s.inverse(ans, u, s.one_minus_square(u, d), d), amplifies=True)
sinc    = elementwise("sinc", np.sinc, lambda g, ans, x: g * sinc_slope(x, ans),
                      taylor=lambda s, d, ans, u: s.sinc(ans, u, d))
deg2rad = elementwise("deg2rad", np.deg2rad, lambda g, _ans, _x: g * DEGREE,
                      taylor=lambda s, d, ans, u: s.shifted(ans, s.scaled(u, DEGREE)))
rad2deg = elementwise("rad2deg", np.rad2deg, lambda g, _ans, _x: g / DEGREE,
                      taylor=lambda s, d, ans, u: s.divided(ans, u, DEGREE))
DEGREE  = float(np.pi / 180)

arctan2 = elementwise("arctan2", np.arctan2,
                      lambda g, _ans, y, x: g * (x / hypot(x, y) / hypot(x, y)),             # no square overflows
                      lambda g, _ans, y, x: -g * (y / hypot(x, y) / hypot(x, y)),
                      taylor=lambda s, d, ans, v, u: s.angle(ans, v, u, d), amplifies=True)
hypot   = elementwise("hypot", np.hypot,                  # at (0, 0) the subgradient 0
                      lambda g, ans, x, _y: g * ratio(x, ans),
                      lambda g, ans, _x, y: g * ratio(y, ans),
                      taylor=lambda s, d, ans, u, v: s.length(ans, u, v, d), singular=lambda ans, _x, _y: ans == 0)

# ----- piecewise: the derivative of the piece, shared evenly at a tie -------------------------------------------------

absolute = elementwise("absolute", np.absolute, lambda g, ans, x: g * direction(x, ans),     # at 0 the subgradient 0
                       taylor=lambda s, d, ans, u: s.absolute(ans, u, d), chooses=lambda _ans, x: np.sign(x))
fabs     = elementwise("fabs", np.fabs, lambda g, ans, x: g * direction(x, ans),
                       taylor=lambda s, d, ans, u: s.absolute(ans, u, d), chooses=lambda _ans, x: np.sign(x))
maximum  = elementwise("maximum", np.maximum,
                       lambda g, ans, x, y: g * share(x, y, ans, np.greater),
                       lambda g, ans, x, y: g * share(y, x, ans, np.greater),
                       taylor=lambda s, d, ans, u, v: s.chosen(ans, u, v, share(u[0], v[0], ans, np.greater), d),
                       chooses=lambda _ans, x, y: np.sign(x - y))
minimum  = elementwise("minimum", np.minimum,
                       lambda g, ans, x, y: g * share(x, y, ans, np.less),
                       lambda g, ans, x, y: g * share(y, x, ans, np.less),
                       taylor=lambda s, d, ans, u, v: s.chosen(ans, u, v, share(u[0], v[0], ans, np.less), d),
                       chooses=lambda _ans, x, y: np.sign(x - y))
fmax     = elementwise("fmax", np.fmax,
                       lambda g, ans, x, y: g * share(x, y, ans, np.greater, skip_nan=True),
                       lambda g, ans, x, y: g * share(y, x, ans, np.greater, skip_nan=True),
                       taylor=lambda s, d, ans, u, v: s.chosen(ans, u, v, share(u[0], v[0], ans, np.greater, True), d),
                       chooses=lambda _ans, x, y: np.sign(x - y))
fmin     = elementwise("fmin", np.fmin,
                       lambda g, ans, x, y: g * share(x, y, ans, np.less, skip_nan=True),
                       lambda g, ans, x, y: g * share(y, x, ans, np.less, skip_nan=True),
                       taylor=lambda s, d, ans, u, v: s.chosen(ans, u, v, share(u[0], v[0], ans, np.less, True), d),
                       chooses=lambda _ans, x, y: np.sign(x - y))
choose_where = elementwise("where", lambda x, y, condition: np.where(condition, x, y),
                           lambda g, _ans, _x, _y, condition: where(condition, in_dtype_of(g, _ans), 0.0),
                           lambda g, _ans, _x, _y, condition: where(condition, 0.0, in_dtype_of(g, _ans)),
                           taylor=lambda s, d, ans, u, v, condition: s.selected(ans, u, v, condition),
                           chooses=lambda _ans, _x, _y, condition: condition, hides_branch=True)
nan_to_num = elementwise("nan_to_num", np.nan_to_num,
                         lambda g, _ans, x, **_: where(np.isfinite(peel(x)), in_dtype_of(g, _ans), 0.0),
                         taylor=lambda s, d, ans, u, **_: s.selected(ans, u, [0.0], np.isfinite(peel(u[0]))))

# ----- complex numbers ------------------------------------------------------------------------------------------------
# Where the result is real, the sweep takes the real part of a complex tangent; likewise for a real argument.

real      = elementwise("real", np.real, lambda g, _ans, _x: g, taylor=lambda s, d, ans, u: s.real(ans, u))
imag      = elementwise("imag", np.imag, lambda g, _ans, x: -1j * g if peel(x).dtype.kind == "c" else g * 0.0)
conjugate = elementwise("conjugate", np.conjugate, lambda g, _ans, _x: conjugate(g),
                        taylor=lambda s, d, ans, u: [ans, *[conjugate(in_dtype_of(c, ans)) for c in u[1:]]])
angle     = elementwise("angle", np.angle,
                        lambda g, _ans, x: g * (conjugate(x) / (1j * real(x * conjugate(x))))
                        if peel(x).dtype.kind == "c" else g * 0.0, amplifies=True)

# ----- no derivative flows --------------------------------------------------------------------------------------------

real_sign, signbit         = constant("sign", np.sign), constant("signbit", np.signbit)
spacing                    = constant("spacing", np.spacing)
floor, ceil, trunc, rint   = (constant(f.__name__, f) for f in (np.floor, np.ceil, np.trunc, np.rint))
floor_divide               = constant("floor_divide", operator.floordiv)
greater, greater_equal     = constant("greater", operator.gt), constant("greater_equal", operator.ge)
less, less_equal           = constant("less", operator.lt), constant("less_equal", operator.le)
equal, not_equal           = constant("equal", operator.eq), constant("not_equal", operator.ne)
isnan, isinf, isfinite     = constant("isnan", np.isnan), constant("isinf", np.isinf), constant("isfinite", np.isfinite)
logical_and, logical_or    = constant("logical_and", np.logical_and), constant("logical_or", np.logical_or)
logical_not, logical_xor   = constant("logical_not", np.logical_not), constant("logical_xor", np.logical_xor)

# fmt: on

# ----- what several rules share ---------------------------------------------------------------------------------------


def where(condition: Any, x: Any, y: Any) -> Any:
    """`np.where` with three arguments. The condition is a constant; nothing leaks from the branch not taken."""
    condition = adopted(peel(condition))
    if isinstance(condition, Duck):  # its level may be inner to that of a box that it chooses from
        x, y = [condition.lift(v) if -1 < serial_of(v) < condition.serial else v for v in (x, y)]
    return choose_where(x, y, condition=condition)


@whole
def zero_times_infinity(x: Any, y: Any) -> Any:
    """Where one of two factors is 0 and the other one infinite."""
    return (np.isinf(x) & np.equal(y, 0)) | (np.equal(x, 0) & np.isinf(y))


def sign(x: Any) -> Any:
    """`np.sign`: constant for real x; for complex x it is x/|x|, which is not."""
    return x / nonzero_or_one(absolute(x)) if np.iscomplexobj(peel(x)) else real_sign(x)


def sinc_slope(x: Any, ans: Any) -> Any:
    """The derivative of sin(πx)/(πx), with its Taylor polynomial of degree 19 for |x| < 1/4.

    Composed, so that derivatives of any order exist at the removable singularity 0. The first term left out is
    22 (πx)^21/23! < 1e-23.
    """
    z = np.pi * x
    near = np.abs(peel(x)) < 0.25
    small = where(near, z, 0.0)
    series: Any = 1.0
    for n in range(9, 0, -1):
        series = 1.0 - small * small / ((2 * n) * (2 * n + 3)) * series
    far = where(near, 1.0, x)
    return where(near, small * series * (-np.pi / 3), (cos(z) - ans) / far)


def tanh_slope_at(t: Any, x: Any, out: Any = None) -> Any:
    """1 / cosh(x)^2, given t = tanh(x): 1 - t^2, and in the tails, where that has lost its digits, by exponentials.

    Nobody knows from t alone how far it is from 1. An entry in the tails costs an exponential, the others a look.
    """
    if type(t) is not np.ndarray or not t.ndim:
        if isinstance(t, Duck):
            return t.perform(tanh_slope_at, (t, x), {})
        s = 1.0 - t * t
        return s if abs(s) > 0.001 else squared_sech(x)
    if out is x:
        x = x.copy()
    s = np.multiply(t, t, out)
    np.subtract(1.0, s, s)
    if s.dtype.kind == "f" and (not s.size or s.item(s.argmin()) > 0.001):  # the quickest of such questions
        return s
    tails = np.abs(s) < 0.001  # 1 - t^2 is negative only where a check tries another t
    if s.dtype.kind == "f":
        if s.size <= 512:  # to compute all entries is quicker than to pick those in the tails
            np.copyto(s, _squared_sech_of_real(x), where=tails)
        else:
            s[tails] = _squared_sech_of_real(x[tails])
    else:
        s[tails] = squared_sech(x[tails])
    return s


def _squared_sech_of_real(x: Any) -> Any:
    """`squared_sech` of an array of real numbers, with few temporary arrays."""
    small = np.abs(x)
    small *= -2.0
    np.exp(small, small)
    below = small + 1.0
    below *= below
    small *= 4.0
    small /= below
    return small


def squared_sech(x: Any) -> Any:
    """1 / cosh(x)^2 of plain x, away from the imaginary axis: without overflow, to full relative accuracy."""
    small = np.exp(-2 * np.sign(np.real(x)) * x)
    return 4 * small / (1 + small) ** 2


# The derivative of tanh, as a function of t = tanh(x) alone: x is a constant, which tells what the tails are.
tanh_slope = elementwise(
    "tanh_slope",
    tanh_slope_at,
    lambda g, _ans, t, _x: g * (-2.0 * t),
    lambda _g, _ans, _t, _x: 0.0,
    taylor=lambda s, d, ans, v, _u: s.shifted(ans, s.product(v, v, d), -1),
)


def share(x: Any, y: Any, ans: Any, better: Any, skip_nan: bool = False) -> Any:
    """The part of the cotangent that x gets when `ans` is the better of x and y: 1, 0, or 1/2 at a tie.

    A NaN is the better one, since it is the result, unless the function skips it.
    """
    nested = type(open_part(x)) is Box or type(open_part(y)) is Box
    x, y, ans = peel(x), peel(y), peel(ans)
    wins, tie = better(x, y), np.equal(x, y)
    if nested and certainly(tie):
        warn_of_tie()
    x_is_nan, y_is_nan = np.isnan(x), np.isnan(y)
    is_here = type(ans) is np.ndarray  # so that one may look at its entries; a program is written for all
    if not is_here or x_is_nan.any() or y_is_nan.any():
        wins = wins | (y_is_nan & ~x_is_nan if skip_nan else x_is_nan & ~y_is_nan)
        tie = tie | (x_is_nan & y_is_nan)
    if is_here and not tie.any():
        return wins.astype(ans.dtype)
    return np.where(wins, 1.0, np.where(tie, 0.5, 0.0)).astype(ans.dtype)


def direction(x: Any, ans: Any) -> Any:
    """The derivative of |x|: sign(x), and for complex x the conjugate of x/|x|; 0 at 0."""
    if type(open_part(x)) is Box and certainly(peel(x) == 0):
        warn_of_length()
    if peel(x).dtype.kind != "c":
        return sign(x)
    length = nonzero_or_one(ans)
    kind = peel(length).dtype
    small = peel(length) < np.finfo(kind).tiny
    if anywhere(small):  # NumPy's quotient of such complex numbers is NaN: a power of two makes both larger
        scale = where(small, kind.type(2.0**64), kind.type(1.0))
        x, length = x * scale, length * scale
    return conjugate(x) / length


def root_of_one_plus_square(x: Any) -> Any:
    """sqrt(1 + x^2), without overflow for real x."""
    return sqrt(x * x + 1.0) if peel(x).dtype.kind == "c" else hypot(x, 1.0)


def nonzero_or_one(x: Any) -> Any:
    """x, with 1 in place of 0: a denominator where the numerator vanishes too."""
    zero = peel(x) == 0
    return where(zero, 1.0, x) if anywhere(zero) else x


def ratio(x: Any, length: Any) -> Any:
    """x / length, the derivative of a length; at length 0 the subgradient 0.

    The second derivative is infinite there. Whoever asks for it gets 0, and a warning.
    """
    zero = peel(length) == 0
    if not anywhere(zero):
        return x / length
    if type(open_part(length)) is Box and certainly(zero):
        warn_of_length()
    return where(zero, 0.0, x) / where(zero, 1.0, length)


def length_or_one(length: Any) -> Any:
    """A length by which something is divided that vanishes with it; whoever asks for more than the slope is warned."""
    if type(open_part(length)) is Box and certainly(peel(length) == 0):
        warn_of_length()
    return nonzero_or_one(length)


def warn_of_length() -> None:
    """Tell that the second derivative of a length was asked for at 0."""
    warnings.warn(
        located(
            "a length (abs, hypot, norm, std) is 0 at some entry, where its second derivative is infinite; it is taken "
            "as 0. For the square of a length write the sum of squares, np.sum(x * x), x * x for np.abs(x) ** 2"
        ),
        RuntimeWarning,
        stacklevel=3,
    )


def warn_of_tie() -> None:
    """Tell that the second derivative of a maximum or minimum was asked for where two of its arguments are equal."""
    warnings.warn(
        located(
            "two arguments of a maximum or minimum are equal at some entry, where it may have a kink, and its second "
            "derivative none; that of the mean of the two is taken. For an even function of a maximum write it without "
            "one: x * x for np.maximum(x, -x) ** 2"
        ),
        RuntimeWarning,
        stacklevel=3,
    )


def gap(x: Any, y: Any, ans: Any) -> Any:
    """x - y, for the weight of y in `logaddexp`, which decreases with it.

    Of two -inf neither has any weight, as in `logsumexp`; two +inf share it.
    """
    plain = peel(ans)
    if not anywhere(~np.isfinite(plain)):
        return x - y
    lost, tied = np.isneginf(plain), np.isposinf(plain) & (np.equal(peel(x), peel(y)))
    return where(lost, np.inf, where(tied, 0.0, where(lost | tied, 0.0, x) - where(lost | tied, 0.0, y)))


def in_dtype_of(g: Any, ans: Any) -> Any:
    """A cotangent that is a number of Python as a scalar of the dtype of its node, so that float32 stays float32."""
    return peel(ans).dtype.type(g) if type(g) in NUMBERS else g
