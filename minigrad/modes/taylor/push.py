"""Taylor mode: one more pass over the tape, which pushes truncated series instead of tangents.

| kind of the primitive   | its series                                                        | cost    |
|-------------------------|-------------------------------------------------------------------|---------|
| `linear`                | the operation itself, coefficient by coefficient                  | order   |
| `bilinear`              | a Cauchy product                                                  | order^2 |
| any that declares one   | a recurrence                                                      | order^2 |
| all others              | derived: dz/dt is the jvp of the primitive, found order by order  | order^3 |

The derived rule solves the differential equation dz/dt = jvp(args(t), z(t)) args'(t): it records the jvp rule on a
separate tape, and each pass over it gives one more coefficient of z. It holds for every primitive that has a jvp.
A recurrence is the function `primitive.taylor`, declared with the other rules of an operation and handed the arithmetic
of `rules.series`; `python -m minigrad coverage` tells which function has which.

Coefficients of plain arrays are kept in one array with a row per order, so that a convolution is one call of NumPy.
Boxes among them take the same recurrences as lists: that is how a gradient of a Taylor coefficient comes about.

**Quotients** near a common zero of numerator and denominator, sin(x)/x near 0, are seen to lose digits, also when they
are written as products with 1/x; then the pass runs once more to a higher order, where both can be divided by what
vanishes (see `series.careful_quotient`). Where the program itself has lost the digits, (exp(x) - 1)/x or
1/tanh(x) - 1/x near 0, a RuntimeWarning says so: wherever something is divided by what nearly vanishes, the series is
compared with that of the same program with rounding errors of our own.

**Special functions** (those declared `noisy`) may lose digits with every order. Their series is compared with that of
a point beside it, and a RuntimeWarning says where it is not exact to some 1e-12.

Source of the method: A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, chapter 13.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import anywhere, innermost_duck
from minigrad.core.observing import Place, passing
from minigrad.core.primitive import ITEM, Primitive
from minigrad.core.tape import NUMBERS, PARTS, Box, Tape, peel, settled
from minigrad.modes.recording import STRAIGHT
from minigrad.modes.sweeps import hidden_by_branches, needed
from minigrad.modes.taylor.rounding import rounded, with_error, without_boxes
from minigrad.modes.trouble import Trouble, largest, least_told, levels, product_of
from minigrad.rules import elementwise as e
from minigrad.rules import series as s
from minigrad.rules.expansion import expanded, real_part
from minigrad.rules.series import Series


class Findings(Trouble):
    """What a pass met: infinities, NaN, and quotients in which digits were lost."""

    __slots__ = ("lost_digits",)

    def __init__(self) -> None:
        super().__init__()
        self.lost_digits = False

    def look_for_pole(self, node: Any, us: list[Series], series: Series, order: int) -> None:
        """Note a division by a number that is nearly 0, in whatever form it is written, or another pole."""
        primitive, _parents, args, ans, params = node
        if primitive.amplifies and primitive.kind == "elementwise" and len(series) > 2:
            # Near a pole the coefficients grow with every order.
            self.is_near_pole = is_near_zero(largest(series[1:-1]), largest(series[-1:]), order)
        elif primitive.amplifies:  # by one argument alone: what the others add may cancel that
            with np.errstate(all="ignore"):
                parts = [velocity(primitive, {k: t}, ans, args, params) for k, t in rates(us, args).items()]
            usual = np.maximum(largest([ans]), 1.0)  # a value may vanish without a pole
            self.is_near_pole = any(is_near_zero(usual, largest([part]), order) for part in parts)
        elif primitive.pole is not None and (distance := primitive.pole(ans, *args)) is not None:
            if primitive is SQRT or primitive is CBRT:  # a lean tape has the root alone, and so that is what they tell
                distance = us[0][0]
            moving = us[1:] if primitive is DIVIDE else us
            self.is_near_pole = any(len(u) > 1 and is_near_zero(distance, u[1], order) for u in moving)
        elif primitive.singular is not None and primitive.kind == "general" and order > 1:  # root of a sum of squares
            self.is_near_pole = is_near_zero(ans, largest([u[1] for u in us if len(u) > 1]), order)

    def watch(self) -> Any:
        """As for a sweep, and overflows too: in a quotient they may come from lost digits, and go with them."""
        events = self.events
        return np.errstate(divide="call", invalid="call", over="call", call=lambda kind, _flag: events.append(kind))


def is_near_zero(distance: Any, slope: Any, order: int) -> bool:
    """Whether a denominator vanishes so near that rounding errors, divided by it once for each order, could be seen."""
    at, by = abs(peel(distance)), abs(peel(slope))
    eps = float(np.finfo(getattr(at, "dtype", float)).eps)
    return anywhere(by > max(1e-8 / eps, 1e2) ** (1.0 / (order + 3)) * at)


def push_series(
    tape: Tape,
    inputs: Sequence[Series],
    outputs: Sequence[int],
    order: int,
    findings: Findings | None = None,
    ahead: bool = False,
    draw: Any = None,
) -> list[Series]:
    """The series of the nodes `outputs`, given those of the leaves, up to `order`. Linear in the number of nodes.

    `ahead` says that the order is higher than asked for by `series.AHEAD`, so that quotients may use the rest. With
    `draw`, a generator of random numbers, every coefficient gets a rounding error.
    """
    known: list[Any] = [*inputs, *([None] * (len(tape.nodes) - tape.leaves))]
    nodes = [i for i, _ in needed(tape, outputs)]
    push_through(tape, known, nodes, order, Memo(ahead), findings, ahead, draw)
    return [known[i] for i in outputs]


class TooFarError(Exception):
    """Internal signal: the orders ahead would take a time that grows exponentially with them."""


class Memo(dict[Any, Series]):
    """Derived series, which many nodes may ask for again. With `may_give_up`, too long a way raises a TooFarError."""

    def __init__(self, may_give_up: bool = False) -> None:
        self.may_give_up = may_give_up


def push_through(
    tape: Tape,
    known: list[Any],
    nodes: Iterable[int],
    order: int,
    memo: Memo,
    findings: Findings | None = None,
    ahead: bool = False,
    draw: Any = None,
) -> None:
    """Fill in the series of these nodes."""
    with passing("series", tape.serial) as place:
        _push_through(tape, known, nodes, order, memo, findings, ahead, draw, place)


def _push_through(
    tape: Tape,
    known: list[Any],
    nodes: Iterable[int],
    order: int,
    memo: Memo,
    findings: Findings | None,
    ahead: bool,
    draw: Any,
    place: Place | None,
) -> None:
    """The Taylor loop: from the first node to the last, each takes the series of its parents."""
    events = findings.events if findings is not None else ()
    first: dict[Any, int] = {}  # the first node with this primitive and these parents
    again: dict[int, int] = {}  # nodes that do what another one did
    erring: dict[int, Series] = {}
    flat = tape.flat
    for i in nodes:
        primitive, parents, args, ans, params = node = flat[PARTS * i : PARTS * (i + 1)]
        if place is not None:
            place.index, place.node = i, tuple(node)
        if not params and -1 not in parents:
            same = tuple([again.get(p, p) for p in parents]) if again else parents
            if (j := first.setdefault((primitive, same), i)) != i:
                again[i], known[i] = j, known[j]
                continue
        us = [known[p] if p >= 0 else [arg] for p, arg in zip(parents, args)]
        if max(map(len, us)) == 1:
            known[i] = [ans]  # nothing moves here
            continue
        pair = quotient_of(tape, known, i, us, order) if primitive is DIVIDE or primitive is MULTIPLY else None
        if pair is not None and ahead:
            known[i], lost = s.careful_quotient(*pair, order, ans)
            if lost and findings is not None:
                findings.note(i, primitive, ans, LOST)
            continue
        known[i] = node_series(primitive, us, args, ans, params, order, memo)
        if draw is not None and primitive.kind == "elementwise" and primitive not in EXACT:
            if id(ans) not in erring:  # what is done twice errs alike, see `rounded`
                erring[id(ans)] = [known[i][0], *[with_error(c, draw, 1.0) for c in known[i][1:]]]
            known[i] = erring[id(ans)]
        if findings is not None:
            if pair is not None and s.loses_digits(known[i], *pair):
                findings.lost_digits = True
            if not findings.is_near_pole:
                findings.look_for_pole(node, us, known[i], order)
            if primitive.noisy and order > 1 and is_noisy(known[i], primitive, us, args, ans, params, order):
                findings.note(i, primitive, ans, NOISY)
        if events:
            assert findings is not None
            what = ""
            if primitive.kind == "elementwise":
                resolved = s.resolved_constant(us, known[i])
                if primitive is MULTIPLY:
                    resolved = s.resolved_product(us[0], us[1], resolved)
                else:
                    resolved = resolved_slope(primitive, us, args, ans, params, resolved)
                if resolved is not known[i]:
                    known[i], what = resolved, "an infinite derivative met a factor of 0; their product is taken as 0"
            findings.note(i, primitive, ans, what)
        if findings is not None and (findings.met or events) and primitive.kind in ("bilinear", "general"):
            if any(anywhere(np.isnan(peel(c))) for c in known[i][1:]):
                if primitive.kind == "bilinear":
                    known[i] = multilinear(primitive, us, args, ans, params, order, product_of)
                else:
                    speed = velocity(primitive, rates(us, args), ans, args, params, product_of)
                    known[i] = [ans, speed if ans.dtype.kind == "c" else real_part(speed), *known[i][2:]]


def resolved_slope(
    primitive: Primitive, us: list[Series], args: tuple[Any, ...], ans: Any, params: dict[str, Any], series: Series
) -> Series:
    """The series of a function of one moving argument, with 0 where an infinite slope met one of 0, as in a sweep."""
    moving = [k for k, u in enumerate(us) if len(u) > 1]
    if len(moving) != 1 or not np.any(bad := np.isnan(peel(series[1]))):
        return series
    with np.errstate(all="ignore"):
        local = peel(primitive.jvps[moving[0]](np.ones_like(peel(ans)), ans, *args, **params))
    inner = peel(us[moving[0]][1])
    zero = bad & e.zero_times_infinity(local, inner)
    return [series[0], *[e.where(zero, 0.0, c) for c in series[1:]]] if np.any(zero) else series


def near(sizes: list[Any], x: Any, one: Any) -> Any:
    """How far from a point to look for the largest value of a derivative, given the sizes of the coefficients there.

    A fifth of the way, in t, in which the slope changes by its own size: at least of that to 0, or of 1; no more than
    of that to 0.
    """
    with np.errstate(all="ignore"):
        ways = [(sizes[1] / c) ** (1.0 / (j - 1)) for j, c in enumerate(sizes) if j > 1]
    return 0.2 * np.maximum(np.minimum(x, one), np.minimum(functools.reduce(np.fmin, ways), x))


def is_noisy(
    series: Series, primitive: Primitive, us: list[Series], args: tuple[Any, ...], ans: Any, params: Any, order: int
) -> bool:
    """Whether a series and that of a point a few units in the last place away differ by more than the distance.

    What differs is rounding, and as much must be expected in the series itself. A coefficient is compared with the
    largest value that it has near the point, see `near`.
    """
    moving = [k for k, u in enumerate(us) if len(u) > 1]
    plain = [[peel(c) for c in u] for u in us]
    if not all(issubclass(type(c), (float, complex, np.ndarray, np.generic)) for u in plain for c in u):
        return False  # the value of many examples
    eps = float(np.finfo(peel(ans).dtype).eps)
    far = {k: np.where(u[0] == 0, 0.01, np.abs(u[0])).astype(np.abs(u[0]).dtype) for k, u in enumerate(plain)}
    beside = [[u[0] + far[k] * (4.0 * eps), *u[1:]] if k in moving else u for k, u in enumerate(plain)]
    points = tuple([u[0] for u in beside])
    with np.errstate(all="ignore"):
        other = node_series(primitive, beside, points, primitive.fun(*points, **params), params, order + 1)
        x, slope = [
            functools.reduce(np.maximum, sizes_of) for sizes_of in zip(*[(far[k], np.abs(plain[k][1])) for k in moving])
        ]
        is_mixed = np.iscomplexobj(peel(ans)) and not any(np.iscomplexobj(c) for u in plain for c in u)
        for part in (np.real, np.imag) if is_mixed else (np.asarray,):  # of real numbers, each part has its size
            sizes = [np.abs(part(peel(c))) for c in other] + [np.zeros(())] * (order + 2 - len(other))
            reach = near(sizes, x / slope, 1.0 / slope)
            for k in range(1, min(len(series), len(other))):
                size = sum(math.comb(j, k) * reach ** (j - k) * sizes[j] for j in range(k, order + 2))
                moved = 8.0 * eps * x / slope * (k + 1) * sizes[k + 1]
                if np.any(np.abs(part(peel(series[k]) - peel(other[k]))) - moved > 8192.0 * eps * size):
                    return True
    return False


def quotient_of(tape: Tape, known: list[Any], i: int, us: list[Series], order: int) -> tuple[Series, Series] | None:
    """The numerator and the denominator of a quotient of two series, which may be written u / v, u * (1/v), u * v**-1.

    As a product its factors are the terms of a pole, and near it they lose what the quotient loses.
    """
    if min(map(len, us)) == 1:
        return None
    primitive, parents, *_ = tape.nodes[i]
    if primitive is DIVIDE:
        return us[0], us[1]
    for k in (0, 1):
        if (inverse := inverse_of(tape, known, parents[k], order)) is not None:
            factor, v = inverse
            u = us[1 - k]
            return (u if factor is None else s.scaled(u, factor)), v
    return None


def inverse_of(tape: Tape, known: list[Any], i: int, order: int) -> tuple[Any, Series] | None:
    """The constant numerator (`None` for 1) and the denominator of a node that is the inverse of something."""
    if i < tape.leaves:
        return None
    primitive, parents, args, _ans, _params = tape.nodes[i]
    if primitive is RECIPROCAL:
        return None, known[parents[0]]
    if primitive is DIVIDE and parents[0] < 0:
        return args[0], known[parents[1]]
    if primitive is POWER and parents[1] < 0 and type(args[1]) in NUMBERS and args[1] in (-1, -2, -3):
        n = -int(args[1])
        return None, s.whole_power(args[0] ** n, known[parents[0]], n, order)
    return None


CANCELLED = (
    "terms cancel that are infinite, or divided by what vanishes, near this point, and rounding errors are all that is "
    "left of a derivative; write it so that nothing cancels, as np.expm1(x) / x for (np.exp(x) - 1) / x, or as a series"
)
NOISY = (
    "its high derivatives have lost digits at this point, to rounding that grows with the order: they are not exact to "
    "1e-12 of their size"
)
LOST = (
    "numerator and denominator nearly vanish together, and rounding errors are all that is left of a high derivative; "
    "make the numerator exact there, as in np.expm1(x) / x for (np.exp(x) - 1) / x"
)
# Those whose series have the care of this module beside them.
DIVIDE, MULTIPLY, RECIPROCAL, POWER = (f.primitive for f in (e.divide, e.multiply, e.reciprocal, e.power))
SQRT, CBRT = e.sqrt.primitive, e.cbrt.primitive
#: Those which do not round what they move.
EXACT = {
    f.primitive for f in (e.negative, e.positive, e.choose_where, e.absolute, e.maximum, e.minimum, e.real, e.conjugate)
}


def node_series(
    primitive: Primitive,
    us: list[Series],
    args: tuple[Any, ...],
    ans: Any,
    params: dict[str, Any],
    order: int,
    memo: Memo | None = None,
) -> Series:
    """The series of one operation."""
    if order == 0:
        return [ans]
    kind = primitive.kind
    v = primitive.taylor(s, order, ans, *us, **params) if primitive.taylor is not None else None
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
        v = derived(primitive, us, args, ans, params, order, Memo() if memo is None else memo)
    if type(ans) is not tuple and ans.dtype.kind != "c":
        v = [v[0], *map(real_part, v[1:])]
    return v


def full(c: Any, like: Any) -> Any:
    """A coefficient in the shape and dtype of its node."""
    if type(like) in NUMBERS:
        return np.float64(c) if type(c) in NUMBERS else c
    return expanded(c, like)


def multilinear(
    primitive: Primitive, us: list[Series], args: tuple[Any, ...], ans: Any, params: Any, order: int, care: Any = None
) -> Series:
    """All products of coefficients whose orders add up to k; `care` is taken of each of them."""
    bind = functools.partial(primitive.bind, **params)
    v = [ans]
    for k in range(1, min(order, sum(len(u) - 1 for u in us)) + 1):
        total: Any = None
        for orders in compositions(k, [len(u) - 1 for u in us]):
            factors = [full(u[j], arg) for u, j, arg in zip(us, orders, args)]
            part = bind(*factors) if care is None else care(bind, factors, bind(*factors))
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
    primitive: Primitive,
    us: list[Series],
    args: tuple[Any, ...],
    ans: Any,
    params: dict[str, Any],
    order: int,
    memo: Memo,
) -> Series:
    """The series of an operation from its jvp alone, see the module.

    What the jvp asks of the arguments only, and not of the result, is pushed once and to the full order. Functions
    whose derivatives lead to each other, as those of Bessel do, would ask for the same series again and again: `memo`
    has them.
    """
    several = type(ans) is tuple
    results = ans if several else (ans,)
    moving = [k for k, u in enumerate(us) if len(u) > 1]
    if order == 1:  # a plain pushforward
        speed = velocity(primitive, rates(us, args), ans, args, params)
        if several:
            speed = tuple([w if result.dtype.kind == "c" else real_part(w) for w, result in zip(speed, results)])
        return [ans, speed]
    key = _key(primitive, us, args, params, order)
    if key is not None and key in memo:
        return memo[key]
    tape = Tape()
    arg_boxes = [tape.leaf(arg) if k in moving else arg for k, arg in enumerate(args)]
    result_boxes = [tape.leaf(result) for result in results]
    tangents = {k: tape.leaf(t) for k, t in rates(us, args).items()}
    speeds = velocity(
        primitive, tangents, tuple(result_boxes) if several else result_boxes[0], tuple(arg_boxes), params
    )
    speeds = speeds if several else (speeds,)
    speeds = [w if result.dtype.kind == "c" else real_part(w) for w, result in zip(speeds, results)]
    tape.close()
    if memo.may_give_up and order > 8:  # two calls of operations of the user's double the work with each order
        if sum("_call" in node[4] and node[4]["_call"].series is None for node in tape.nodes[tape.leaves :]) > 1:
            raise TooFarError
    places = [w.index if type(w) is Box and settled(w).tape is tape else -1 for w in speeds]
    vs: list[Series] = [[result] for result in results]
    on_result = bytearray(len(tape.nodes))
    of_results = range(len(moving), len(moving) + len(results))
    for p in of_results:
        on_result[p] = 1
    for i in range(tape.leaves, len(tape.nodes)):
        on_result[i] = any(on_result[p] for p in tape.nodes[i][1] if p >= 0)
    inner = range(tape.leaves, max(places, default=-1) + 1)
    known: list[Any] = [None] * len(tape.nodes)
    known[: len(moving)] = [us[j][:order] for j in moving]
    known[of_results.stop : tape.leaves] = [[(j + 1) * us[m][j + 1] for j in range(len(us[m]) - 1)] for m in moving]
    push_through(tape, known, [i for i in inner if not on_result[i]], order - 1, memo)
    again = [i for i in inner if on_result[i]]
    for k in range(order):
        so_far = [None if u is None else u[: k + 1] for u in known] if again else known
        so_far[of_results.start : of_results.stop] = [v[: k + 1] for v in vs]
        push_through(tape, so_far, again, k, memo)
        for v, place, w in zip(vs, places, speeds):
            ws: Any = so_far[place] if place >= 0 else [w]
            v.append((ws[k] if k < len(ws) else 0.0) / (k + 1))
    found = [tuple(v[k] for v in vs) for k in range(order + 1)] if several else vs[0]
    return found if key is None else memo.setdefault(key, found)


def _key(primitive: Primitive, us: list[Series], args: tuple[Any, ...], params: dict[str, Any], order: int) -> Any:
    """What a derived series depends on, as a key of a dict; None if something is no number or array, nor a box."""
    try:
        series = [[_key_of(c) for c in u[: order + 1]] if len(u) > 1 else [_key_of(arg)] for u, arg in zip(us, args)]
        return primitive, order, tuple(map(tuple, series)), tuple(map(_key_of, params.values()))
    except TypeError:
        return None


def _key_of(value: Any) -> Any:
    if type(value) is Box:
        return value.tape.serial, value.index
    if type(value) is np.ndarray:
        return value.dtype, value.shape, value.tobytes()
    if issubclass(type(value), (int, float, complex, np.generic, str)):
        return type(value), str(value)
    raise TypeError


def rates(us: list[Series], args: tuple[Any, ...]) -> dict[int, Any]:
    """The tangents of the arguments that move, by position: the first coefficients of their series."""
    return {k: full(u[1], arg) for k, (u, arg) in enumerate(zip(us, args)) if len(u) > 1}


def velocity(
    primitive: Primitive, tangents: dict[int, Any], ans: Any, args: tuple[Any, ...], params: Any, care: Any = None
) -> Any:
    """The jvp of one operation, given the tangents of the arguments that move; `care` is taken of each part."""
    if primitive.push is not None:
        pushed = primitive.push([tangents.get(k) for k in range(len(args))], ans, *args, **params)
        return tuple(pushed) if type(ans) is tuple else pushed
    total: Any = None
    for k, t in tangents.items():
        push = lambda t, jvp=primitive.jvps[k]: jvp(t, ans, *args, **params)
        part = push(t) if care is None else care(push, (t,), push(t))
        total = part if total is None else total + part
    return total


def push_with_trouble(tape: Tape, inputs: list[Series], outputs: list[int], order: int) -> list[Series]:
    """`push_series`, after which the user is told of infinities and NaN; once more where digits were lost."""
    if "series" in STRAIGHT and (swept := STRAIGHT["series"](tape, inputs, outputs, order)) is not None:
        return swept
    found, findings = push_with_findings(tape, inputs, outputs, order)
    if findings is not None:
        findings.tell(tape)
    return found


def push_with_findings(
    tape: Tape, inputs: list[Series], outputs: list[int], order: int
) -> tuple[list[Series], Findings | None]:
    """The same, with what there is to tell instead, if anything."""
    findings = Findings()
    findings.hidden = hidden_by_branches(tape)
    with findings.watch():
        found = push_series(tape, inputs, outputs, order, findings)
    ahead = findings.lost_digits
    if ahead or findings.is_near_pole:
        need_numbers([c for u in inputs for c in u])
    if ahead:
        again = Findings()
        again.hidden = findings.hidden
        try:
            with np.errstate(all="ignore"):
                longer = push_series(tape, inputs, outputs, order + s.AHEAD, again, ahead=True)
            found = [u[: order + 1] for u in longer]
            findings.found = again.found + findings.found
        except TooFarError:  # then it is only looked whether digits are lost, to say so
            ahead, findings.is_near_pole = False, True
    is_lost = any(what is LOST for *_, what in findings.found)
    if findings.is_near_pole or is_lost:
        k = cancelled(tape, inputs, outputs, order, ahead)
        if k is None:  # what a quotient lost is not to be seen in the end
            findings.found = [each for each in findings.found if each[3] is not LOST]
        elif not is_lost:
            primitive, _parents, _args, ans, _params = tape.nodes[outputs[k]]
            findings.found.insert(0, (outputs[k], primitive, ans, CANCELLED))
    is_told = bool(findings.found) and not _is_resolved(findings, found)
    return found, findings if is_told else None


def need_numbers(values: list[Any]) -> None:
    """Where values stand for others, of many examples or in a program, whoever made them has to give numbers."""
    duck = innermost_duck([peel(value) for value in values])
    if duck is not None:
        duck.needs_numbers("digits that are lost near a pole")


def cancelled(tape: Tape, inputs: list[Series], outputs: list[int], order: int, ahead: bool) -> int | None:
    """The first output of which rounding errors, one in the value of every node, leave less than five digits."""
    if any(not issubclass(type(peel(v)), (float, np.ndarray, np.generic)) for u in inputs for v in u):
        return None
    if (depth := levels([v for u in inputs for v in u])) > 0:  # as many orders more are asked for from outside
        inputs, tape, order = [list(map(peel, u)) for u in inputs], without_boxes(tape), order + depth
    with np.errstate(all="ignore"):
        more = order + 1 + s.AHEAD * ahead
        found = [u[: order + 2] for u in push_series(tape, inputs, outputs, more, None, ahead)]
    draw = np.random.default_rng(0)
    reach = _reach(inputs)
    for _ in range(6):  # the errors of one draw may cancel
        with np.errstate(all="ignore"):
            again = rounded(tape, draw)
            other = push_series(again, inputs, outputs, order + s.AHEAD * ahead, None, ahead, draw)
            for k, (u, v) in enumerate(zip(found, other)):
                sizes = [np.abs(peel(c)) for c in u] + [np.zeros(())] * (order + 2 - len(u))
                for j in range(min(len(u), len(v))):  # what is noise says nothing of the others
                    sizes[j] = np.fmax(sizes[j] - np.abs(peel(u[j]) - peel(v[j])), 0.0)
                for j in range(1, min(len(u), len(v), order + 1)):
                    around = sum([sizes[j - 1], reach * sizes[j + 1]], 1e-3 * sizes[j]) * 1e-3
                    off = np.abs(peel(u[j]) - peel(v[j]))
                    if np.any(off > least_told(sizes[j].dtype) * (sizes[j] + around)):
                        return k
    return None


def _reach(inputs: list[Series]) -> float:
    """How far along a direction the next derivative may be felt: as far as any argument is from 0, and no more than 1.

    At a minimum the slope is small for what it is nearby, and that is what rounding is to be compared with.
    """
    with np.errstate(all="ignore"):
        ways = [np.abs(peel(u[0]) / peel(u[1])) for u in inputs if len(u) > 1]
        near = [float(np.min(way, initial=1.0, where=way > 0)) for way in ways]
    return min(near, default=1.0)


def _is_resolved(findings: Findings, found: list[Series]) -> bool:
    """Whether there is nothing to tell: a second pass put it right."""
    if findings.found[0][3] in (LOST, CANCELLED, NOISY) or not findings.lost_digits:
        return False
    return all(np.all(np.isfinite(peel(c))) for u in found for c in u[1:])


def step_for(order: int, leaves: Iterable[Any]) -> float:
    """The unit of t in which the coefficients up to an order are neither too small nor too large for the dtypes.

    In units of 1 the coefficients of exp are 1/k!, and float32 ends below 1/34!. A power of 2 changes no digit.
    """
    narrow = order > 5 and any(np.finfo(peel(leaf).dtype).maxexp < 1000 for leaf in leaves)
    return 2.0 ** round(math.log2(order / math.e)) if narrow else 1.0


def times_factorial(coefficients: Series, k: int, step: float = 1.0) -> Any:
    """The derivative of order k from Taylor coefficients in units of a step; 0 beyond the last one."""
    return coefficients[k] * (float(math.factorial(k)) / step**k) if k < len(coefficients) else 0.0
