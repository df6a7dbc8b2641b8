"""Taylor mode: one more pass over the tape, which pushes truncated series instead of tangents.

| kind of the primitive   | its series                                                        | cost    |
|-------------------------|-------------------------------------------------------------------|---------|
| `linear`                | the operation itself, coefficient by coefficient                  | order   |
| `bilinear`              | a Cauchy product                                                  | order^2 |
| any with a rule, below  | a recurrence                                                      | order^2 |
| all others              | derived: dz/dt is the jvp of the primitive, found order by order  | order^3 |

The derived rule solves the differential equation dz/dt = jvp(args(t), z(t)) args'(t): it records the jvp rule on a tape
of its own, and each pass over that tape gives one more coefficient of z. It holds for every primitive that has a jvp.
A recurrence is the function `primitive.taylor`; `python -m minigrad coverage` tells which function has which.

Coefficients of plain arrays are kept in one array with a row per order, so that a convolution is one call of NumPy.
Boxes among them take the same recurrences as lists: that is how a gradient of a Taylor coefficient comes about.

**Quotients** near a common zero of numerator and denominator, sin(x)/x near 0, are seen to lose digits; then the pass
runs once more to a higher order, where both can be divided by what vanishes (see `series.careful_quotient`). Where the
program itself has lost the digits, (exp(x) - 1)/x near 0, a RuntimeWarning says so.

Source of the method: A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, chapter 13.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import elementwise as e
from minigrad import series as s
from minigrad.primitive import ITEM, Primitive
from minigrad.series import Series
from minigrad.structure import stack
from minigrad.sweeps import Trouble, expanded, finished, real_part
from minigrad.tape import NUMBERS, Box, Tape, located, peel
from minigrad.transforms import Recording, is_numeric
from minigrad.tree import flatten

# ----- the pass -------------------------------------------------------------------------------------------------------


class Findings(Trouble):
    """What a pass met: infinities, NaN, and quotients in which digits were lost."""

    __slots__ = ("lost_digits",)

    def __init__(self) -> None:
        super().__init__()
        self.lost_digits = False

    def watch(self) -> Any:
        """As for a sweep, and overflows too: in a quotient they may come from lost digits, and go with them."""
        events = self.events
        call = lambda kind, _flag: events.append(kind)
        return np.errstate(divide="call", invalid="call", over="call", call=call)


def push_series(
    tape: Tape,
    inputs: Sequence[Series],
    outputs: Sequence[int],
    order: int,
    findings: Findings | None = None,
    ahead: bool = False,
) -> list[Series]:
    """The series of the nodes `outputs`, given those of the leaves, up to `order`. Linear in the number of nodes.

    `ahead` says that the order is higher than asked for by `series.AHEAD`, so that quotients may use the rest.
    """
    known: list[Any] = [*inputs, *([None] * (len(tape.nodes) - tape.leaves))]
    events = findings.events if findings is not None else ()
    first: dict[Any, int] = {}  # the first node with this primitive and these parents
    again: dict[int, int] = {}  # nodes that do what another one did
    for i in range(tape.leaves, max(outputs, default=-1) + 1):
        primitive, parents, args, ans, params = tape.nodes[i]
        if not params and -1 not in parents:
            same = tuple([again.get(p, p) for p in parents]) if again else parents
            if (j := first.setdefault((primitive, same), i)) != i:
                again[i], known[i] = j, known[j]
                continue
        us = [known[p] if p >= 0 else [arg] for p, arg in zip(parents, args)]
        if max(map(len, us)) == 1:
            known[i] = [ans]  # nothing moves here
            continue
        by_series = primitive is DIVIDE and min(map(len, us)) > 1
        if by_series and ahead:
            known[i], lost = s.careful_quotient(us[0], us[1], order, ans)
            if lost and findings is not None:
                findings.note(i, primitive, ans, LOST)
            continue
        known[i] = node_series(primitive, us, args, ans, params, order)
        if by_series and findings is not None and order > 1 and s.loses_digits(known[i], us[0], us[1]):
            findings.lost_digits = True
        if events:
            assert findings is not None
            what = ""
            if primitive is MULTIPLY and (settled := s.settled_product(us[0], us[1], known[i])) is not known[i]:
                known[i], what = settled, "an infinite derivative met a factor of 0; their product is taken as 0"
            findings.note(i, primitive, ans, what)
    return [known[i] for i in outputs]


LOST = (
    "numerator and denominator nearly vanish together, and rounding errors are all that is left of a high derivative; "
    "make the numerator exact there, as in np.expm1(x) / x for (np.exp(x) - 1) / x"
)
DIVIDE: Primitive = e.divide.primitive  # type: ignore[attr-defined]
MULTIPLY: Primitive = e.multiply.primitive  # type: ignore[attr-defined]
WHERE: Primitive = e.choose_where.primitive  # type: ignore[attr-defined]


def node_series(
    primitive: Primitive, us: list[Series], args: tuple[Any, ...], ans: Any, params: dict[str, Any], order: int
) -> Series:
    """The series of one operation."""
    if order == 0:
        return [ans]
    kind = primitive.kind
    v = primitive.taylor(order, ans, us, params) if primitive.taylor is not None else None
    if v is not None:
        if type(v) is np.ndarray or (type(v[-1]) is np.ndarray and v[-1].dtype is ans.dtype):
            return v
    elif primitive is ITEM:
        position = params["position"]
        return [c[position] if type(c) is tuple else 0.0 for c in us[0]]
    elif kind == "linear":
        v = [ans]
        for k in range(1, min(order, max(map(len, us)) - 1) + 1):
            parts = [full(u[k] if k < len(u) else 0.0, arg) for u, arg in zip(us, args)]
            v.append(primitive.bind(*parts, **params))
    elif kind == "bilinear":
        v = multilinear(primitive, us, args, ans, params, order)
    else:
        v = derived(primitive, us, args, ans, params, order)
    if type(ans) is not tuple and ans.dtype.kind != "c":
        v = [v[0], *map(real_part, v[1:])]
    return v


def full(c: Any, like: Any) -> Any:
    """A coefficient in the shape and dtype of its node."""
    if type(like) in NUMBERS:
        return np.float64(c) if type(c) in NUMBERS else c
    return expanded(c, like)


def multilinear(
    primitive: Primitive, us: list[Series], args: tuple[Any, ...], ans: Any, params: dict[str, Any], order: int
) -> Series:
    """All products of coefficients whose orders add up to k."""
    v = [ans]
    for k in range(1, min(order, sum(len(u) - 1 for u in us)) + 1):
        total: Any = None
        for orders in compositions(k, [len(u) - 1 for u in us]):
            part = primitive.bind(*[full(u[j], arg) for u, j, arg in zip(us, orders, args)], **params)
            total = part if total is None else total + part
        v.append(total)
    return v


def compositions(total: int, limits: list[int]) -> list[tuple[int, ...]]:
    """All ways to write `total` as a sum of numbers from 0 up to each limit.

    >>> compositions(2, [2, 1])
    [(1, 1), (2, 0)]
    """
    if len(limits) == 1:
        return [(total,)] if total <= limits[0] else []
    return [
        (first, *rest) for first in range(min(total, limits[0]) + 1) for rest in compositions(total - first, limits[1:])
    ]


def derived(
    primitive: Primitive, us: list[Series], args: tuple[Any, ...], ans: Any, params: dict[str, Any], order: int
) -> Series:
    """The series of an operation from its jvp alone, see the module."""
    several = type(ans) is tuple
    results = ans if several else (ans,)
    moving = [k for k, u in enumerate(us) if len(u) > 1]
    if order == 1:  # a plain pushforward
        tangents = {k: full(us[k][1], args[k]) for k in moving}
        speed = _velocity(primitive, tangents, ans, args, params)
        if several:
            speed = tuple([w if result.dtype.kind == "c" else real_part(w) for w, result in zip(speed, results)])
        return [ans, speed]
    tape = Tape()
    arg_boxes = [tape.leaf(arg) if k in moving else arg for k, arg in enumerate(args)]
    result_boxes = [tape.leaf(result) for result in results]
    velocity = {k: tape.leaf(full(us[k][1], args[k])) for k in moving}
    speeds = _velocity(
        primitive, velocity, tuple(result_boxes) if several else result_boxes[0], tuple(arg_boxes), params
    )
    speeds = speeds if several else (speeds,)
    speeds = [w if result.dtype.kind == "c" else real_part(w) for w, result in zip(speeds, results)]
    tape.is_open = False
    places = [w.index if type(w) is Box and w.tape is tape else -1 for w in speeds]
    vs: list[Series] = [[result] for result in results]
    for k in range(order):
        inputs = [us[j][: k + 1] for j in moving] + [v[: k + 1] for v in vs]
        inputs += [[(j + 1) * us[m][j + 1] for j in range(min(k + 1, len(us[m]) - 1))] for m in moving]
        found = iter(push_series(tape, inputs, [p for p in places if p >= 0], k))
        for v, place, w in zip(vs, places, speeds):
            ws = next(found) if place >= 0 else [w]
            v.append((ws[k] if k < len(ws) else 0.0) / (k + 1))
    return [tuple(v[k] for v in vs) for k in range(order + 1)] if several else vs[0]


def _velocity(
    primitive: Primitive, tangents: dict[int, Any], ans: Any, args: tuple[Any, ...], params: dict[str, Any]
) -> Any:
    """The jvp of one operation, given the tangents of the arguments that move."""
    if type(ans) is tuple:
        assert primitive.push is not None
        return tuple(primitive.push([tangents.get(k) for k in range(len(args))], ans, *args, **params))
    total: Any = None
    for k, t in tangents.items():
        part = primitive.jvps[k](t, ans, *args, **params)
        total = part if total is None else total + part
    return total


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


# ----- what users call ------------------------------------------------------------------------------------------------


def derivatives(fun: Callable[..., Any], x: Any, order: Any) -> Any:
    """All derivatives of orders 0 to `order` along the line x + t, in one pass; or mixed ones of several variables.

    Args:
        fun: a function of one number or array that returns one. If it is elementwise, the results are its derivatives
            at every entry of x. In general they are those of fun(x + t) with respect to the number t, at t = 0.
        x: a float or an array of floats (or of complex numbers) of any shape; or a tuple of such, for a function of
            several arguments.
        order: the highest order, 0 or more. For a tuple of variables: a multi-index such as (2, 1), twice in the first
            and once in the second; a list of them; or a whole number, for all up to this order in total.

    Returns:
        An array of shape (order + 1, *shape of fun(x)): entry k is the k-th derivative. For a multi-index an array of
        the shape of fun(x, y), for several a dict from multi-indices to such arrays: the mixed derivatives of
        fun(x + s, y + t) with respect to the numbers s and t, which for an elementwise function are those at every
        entry.

    Raises:
        TypeError: if x is no float array or number, or `fun` returns something else than one array or number.
        ValueError: if the order is negative or above 170, or no order of this number of variables.

    The cost grows with the square of the order, where nesting `grad` multiplies it with every order. The factorials
    come in last, so high orders lose no digits. Mixed derivatives of order d in p
    variables take one pass for each of at most (d + p - 1)! / (d! (p - 1)!) directions, over one recording.

    >>> derivatives(np.sin, 0.0, 4) + 0.0
    array([ 0.,  1.,  0., -1.,  0.])
    >>> derivatives(lambda x: x**3, np.array([1.0, 2.0]), 2)
    array([[ 1.,  8.],
           [ 3., 12.],
           [ 6., 12.]])
    >>> derivatives(lambda x, y: x**3 * y**2, (1.0, 2.0), (2, 1))  # d^3 / dx^2 dy = 6 x * 2 y
    np.float64(24.0)
    """
    if isinstance(x, tuple):
        return _mixed_derivatives(fun, x, order)
    if isinstance(x, (list, dict)) or x is None:
        raise TypeError(
            located(
                f"derivatives: x must be one array or number, np.array(x) of a list, or a tuple with one for each "
                f"argument of the function; it is {'None' if x is None else 'a ' + type(x).__name__}"
            )
        )
    check_order("derivatives", order)
    value, coefficients = Curves("derivatives", fun, (x,)).of_one_result([[1.0]], order)
    if type(coefficients) is np.ndarray and len(coefficients) == order + 1:
        return coefficients * _factorials(order).reshape(-1, *[1] * len(value.shape)).astype(value.dtype)
    if not isinstance(value, (np.ndarray, np.generic)) or any(type(c) is Box for c in coefficients):
        return stack(*[full(_times_factorial(coefficients, k), value) for k in range(order + 1)], axis=0)
    table = np.zeros((order + 1, *value.shape), value.dtype if value.dtype.kind in "fc" else float)
    for k, c in enumerate(coefficients):
        np.multiply(c, float(math.factorial(k)), out=table[k, ...])
    return table


@functools.lru_cache(maxsize=64)
def _factorials(order: int) -> Any:
    return np.array([float(math.factorial(k)) for k in range(order + 1)])


# ----- mixed derivatives ----------------------------------------------------------------------------------------------
#
# A homogeneous polynomial of degree d in p variables is known from its values in all directions j of whole numbers with
# |j| = d, so the mixed derivatives of order d are linear combinations of Taylor coefficients along these: A. Griewank,
# J. Utke and A. Walther, "Evaluating higher derivative tensors by forward propagation of univariate Taylor series",
# Mathematics of Computation 69, 2000, formula (13).


def _mixed_derivatives(fun: Callable[..., Any], xs: tuple[Any, ...], order: Any) -> Any:
    indices, one = _multi_indices(order, len(xs))
    needed: dict[tuple[int, ...], int] = {}  # the highest order asked for along each direction without a common factor
    for index in indices:
        for direction in _weights(index):
            needed[direction] = max(needed.get(direction, 0), sum(index))
    curves = Curves("derivatives", fun, xs)
    value: Any = None
    along: dict[tuple[int, ...], Series] = {}
    for direction, highest in needed.items():
        value, along[direction] = curves.of_one_result([[float(j)] if j else [] for j in direction], highest)
    found: dict[tuple[int, ...], Any] = {}
    for index in indices:
        k, total = sum(index), None
        for direction, weight in _weights(index).items():
            if k < len(along[direction]):
                part = weight * along[direction][k]
                total = part if total is None else total + part
        found[index] = full(0.0 if total is None else total, value)
    return found[indices[0]] if one else found


def _multi_indices(order: Any, p: int) -> tuple[list[tuple[int, ...]], bool]:
    """The multi-indices that are asked for, and whether it is a single one."""

    def is_whole(n: Any) -> bool:
        return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and bool(n >= 0)

    if is_whole(order):
        check_order("derivatives", order)
        return [i for k in range(order + 1) for i in reversed(compositions(int(k), [int(k)] * p))], False
    one = isinstance(order, tuple) and not any(isinstance(part, tuple) for part in order)
    indices = [order] if one else list(order) if isinstance(order, (list, tuple, set, frozenset)) else [()]
    for index in indices:
        if not isinstance(index, tuple) or len(index) != p or not all(map(is_whole, index)):
            raise ValueError(
                located(
                    f"derivatives: {order!r} is no order of {p} variables: give a tuple of {p} whole numbers of at "
                    f"least 0, a list of such tuples, or one number for all up to that order in total"
                )
            )
    return [tuple(map(int, index)) for index in indices], one


@functools.lru_cache(maxsize=4096)
def _weights(index: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """Which combination of Taylor coefficients of order |index| along which directions is this mixed derivative."""
    from fractions import Fraction  # here, since most never need it

    d = sum(index)
    if d == 0:
        return {(0,) * len(index): 1.0}
    exact: dict[tuple[int, ...], Fraction] = {}
    for j in compositions(d, [d if i else 0 for i in index]):
        weight = Fraction(0)
        for k in itertools.product(*[range(i + 1) for i in index]):
            if n := sum(k):
                choices = math.prod(math.comb(i, part) for i, part in zip(index, k))
                shares = math.prod(
                    (Fraction(d * part, n) - i) / (i + 1)
                    for part, m in zip(k, j)
                    for i in range(m)  # binomials
                )
                weight += (-1) ** (d - n) * choices * shares * Fraction(n, d) ** d
        if weight:
            common = math.gcd(*j)
            direction = tuple(m // common for m in j)
            exact[direction] = exact.get(direction, Fraction(0)) + weight * common**d
    return {direction: float(weight) for direction, weight in exact.items()}


# ----- elementwise_grad, and curves -----------------------------------------------------------------------------------


def elementwise_derivative(
    fun: Callable[..., Any], order: int, args: tuple[Any, ...], kwargs: dict[str, Any], argnum: Any
) -> Any:
    """The derivative of this order of an elementwise function of one real argument; None if it is not known to be one.

    It is known if every operation on the way from the argument to the result is elementwise and keeps the shape.
    """
    x = args[argnum] if -len(args) <= argnum < len(args) else None
    if not is_numeric(x) or np.iscomplexobj(peel(x)):
        return None
    record = Recording("elementwise_grad", fun, args, kwargs, argnum, Tape())
    if not is_numeric(record.out) or np.iscomplexobj(peel(record.out)):
        return None
    position = record.position(record.out)
    if position < 0:
        return None
    leaf, nodes = record.leaves[0], record.tape.nodes
    for primitive, _parents, _args, ans, _params in nodes[1 : position + 1]:
        if primitive.kind != "elementwise" or ans.shape != leaf.shape or ans.dtype.kind == "c":
            return None
    series = _push_with_trouble(record.tape, [[leaf, 1.0]], [position], order)[0]
    return finished(_times_factorial(series, order), leaf, {id(leaf)})


def _push_with_trouble(tape: Tape, inputs: list[Series], outputs: list[int], order: int) -> list[Series]:
    """`push_series`, after which the user is told of infinities and NaN; once more where digits were lost."""
    findings = Findings()
    with findings.watch():
        found = push_series(tape, inputs, outputs, order, findings)
    if findings.lost_digits:
        again = Findings()
        with np.errstate(all="ignore"):
            longer = push_series(tape, inputs, outputs, order + s.AHEAD, again, ahead=True)
        found = [u[: order + 1] for u in longer]
        findings.found = again.found + findings.found
    if findings.found and not _is_settled(findings, tape, found):
        findings.tell(tape)
    return found


def _is_settled(findings: Findings, tape: Tape, found: list[Series]) -> bool:
    """Whether there is nothing to tell: a branch of `where` that was not taken, or what a second pass put right."""
    if findings.found[0][3] is LOST or not (findings.lost_digits or any(node[0] is WHERE for node in tape.nodes)):
        return False
    return all(np.all(np.isfinite(peel(c))) for u in found for c in u[1:])


def jet(fun: Callable[..., Any], primals: Sequence[Any], series: Sequence[Sequence[Any]]) -> tuple[Any, Any]:
    """Push the derivatives of curves through a function: those of fun(x(t), y(t), ...) at t = 0.

    Args:
        fun: a function of as many arrays as there are primals, which returns an array or a pytree of them.
        primals: the values of the curves, one float array or number per argument.
        series: for each argument the derivatives of its curve of orders 1, 2, ..., k; each broadcasts to its primal.

    Returns:
        The value of `fun`, and in its structure the lists of the k derivatives of the result, each of the shape and
        dtype of its value.

    Raises:
        TypeError: if primals or series are no sequences, or a primal is no float array or number.
        ValueError: if the numbers of primals and series differ, a series has more than 170 entries, or one of them
            does not broadcast to its primal.

    The name and the convention (derivatives, not normalised coefficients) are those of `jax.experimental.jet`.

    >>> value, (first, second) = jet(lambda x, y: x * y, (2.0, 3.0), ([1.0, 0.0], [1.0, 0.0]))
    >>> float(value), float(first), float(second)
    (6.0, 5.0, 2.0)
    """
    if not isinstance(primals, (list, tuple)) or any(
        not isinstance(part, (list, tuple, np.ndarray)) for part in series
    ):
        raise TypeError(
            located(
                "jet: primals is a tuple with one value per argument, and series one with a list of derivatives for "
                "each of them: jet(f, (x,), ([1.0, 0.0],))"
            )
        )
    if len(primals) != len(series):
        raise ValueError(located(f"jet: {len(primals)} primals and {len(series)} series; give one series per primal"))
    order = max(map(len, series), default=0)
    check_order("jet", order)
    for x, part in zip(primals, series):
        for c in part:
            if not _broadcasts(np.shape(peel(c)), np.shape(peel(x))):
                raise ValueError(
                    located(
                        f"jet: a derivative of shape {np.shape(peel(c))} in series does not fit its primal, of shape "
                        f"{np.shape(peel(x))}"
                    )
                )
    scaled = [[c / math.factorial(k) for k, c in enumerate(derivs, 1)] for derivs in series]
    curves = Curves("jet", fun, tuple(primals))
    found = curves.along(scaled, order)
    values = curves.treedef.unflatten([value for value, _ in found])
    return values, curves.treedef.unflatten(
        [[full(_times_factorial(cs, k), value) for k in range(1, order + 1)] for value, cs in found]
    )


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(to)))


def _times_factorial(coefficients: Series, k: int) -> Any:
    return coefficients[k] * float(math.factorial(k)) if k < len(coefficients) else 0.0


def check_order(operation: str, order: Any) -> None:
    """Raise unless this is an order."""
    if not isinstance(order, (int, np.integer)) or order < 0:
        raise ValueError(located(f"{operation}: the order must be a whole number of at least 0, not {order!r}"))
    if order > 170:
        raise ValueError(located(f"{operation}: order {order} is too high: 171! exceeds the largest float"))


class Curves:
    """A function recorded once at a point, to be pushed along curves through it."""

    __slots__ = ("operation", "outs", "positions", "record", "treedef")

    def __init__(self, operation: str, fun: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.operation = operation
        self.record = record = Recording(operation, fun, args, {}, tuple(range(len(args))), Tape())
        if len(record.leaves) != len(args):
            raise TypeError(
                located(f"{operation}: every argument must be one array or number, not a structure of them")
            )
        outs, self.treedef = flatten(record.out)
        self.outs = [np.asarray(out)[()] if type(out) in (int, float, complex) else out for out in outs]
        for out in self.outs:
            if not hasattr(peel(out), "dtype"):
                raise TypeError(
                    located(f"{operation}: the function must return arrays or numbers, not {type(out).__name__}")
                )
        self.positions = [record.position(out) for out in self.outs]

    def along(self, directions: Sequence[Series], order: int) -> list[tuple[Any, Series]]:
        """For every output its value and its normalised coefficients, as they come: thin, or fewer than the order.

        Each direction lists the coefficients of orders 1, 2, ... of one argument.
        """
        record, nodes = self.record, self.record.tape.nodes
        inputs = [
            [leaf, *[c if type(c) is float else full(c, leaf) for c in direction]]
            for leaf, direction in zip(record.leaves, directions)
        ]
        found = iter(_push_with_trouble(record.tape, inputs, [p for p in self.positions if p >= 0], order))
        return [
            (out, [out]) if p < 0 else (nodes[p][3], next(found)[: order + 1])
            for out, p in zip(self.outs, self.positions)
        ]

    def of_one_result(self, directions: Sequence[Series], order: int) -> tuple[Any, Series]:
        """The same for a function that returns one array."""
        if len(self.outs) != 1:
            what = f"a {type(self.record.out).__name__} of {len(self.outs)}; use jet" if self.outs else "nothing"
            raise TypeError(located(f"{self.operation}: the function must return one array or number, not {what}"))
        return self.along(directions, order)[0]
