"""Derivatives that are infinite or do not exist: what a sweep met, and the warning that names operation and line."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import MAYBE
from minigrad.core.duck_arrays import Duck, anywhere, certainly
from minigrad.core.lines import located, user_line
from minigrad.core.primitive import Scatter
from minigrad.core.tape import DUCKS, NUMBERS, Box, Tape, peel
from minigrad.modes.cotangents import gathered
from minigrad.rules.elementwise import cbrt, log1p, sqrt, where, zero_times_infinity
from minigrad.rules.expansion import expanded

#: What is close to a pole: there, rounding errors of terms that cancel could be seen in a derivative of usual size.
#: In derivatives of derivatives further away, level by level: rounding is divided by the distance once more.
SMALL = [{char: float(np.finfo(char).eps) ** power for char in "efdgFDG"} for power in (0.3, 0.15, 0.11, 0.08)]
ROOTS = {sqrt.primitive: 1, cbrt.primitive: 3}  #: whose value is the vanishing one, and less steep than a pole
LEFT = 1e-4  #: what is left of a term where it cancels
LOST = 1e-5  #: the relative error of a derivative that is to be told


def least_told(dtype: Any) -> float:
    """The same for derivatives of this dtype, of which float32 has fewer digits."""
    return max(LOST, 1e5 * float(np.finfo(dtype).eps))


def largest(values: Iterable[Any]) -> Any:
    """The size of the largest entry in any of these, or of their parts; 0 if there is none."""
    found: Any = None
    for value in values:
        if type(value) is tuple or type(value) is list:
            size = largest(value)
        elif value is None or type(value) is Scatter:
            continue
        else:
            size = abs(peel(value))
            if type(size) not in NUMBERS:
                if not size.size:
                    continue
                size = size.max()
        found = size if found is None else np.maximum(found, size)
    return 0.0 if found is None else found


def product_of(fun: Callable[..., Any], factors: Sequence[Any], product: Any) -> Any:
    """A multilinear function of its factors, in which 0 times infinity is 0, given it as NumPy computes it.

    Whether there are other products with infinities, and of one sign, is counted by the same function of the signs.
    """
    bad = np.isnan(peel(product))
    plain = [peel(x) for x in factors]
    if (isinstance(bad, Duck) and not bad.is_known) or not anywhere(bad):
        return product
    if any(x.dtype.kind == "c" for x in plain if hasattr(x, "dtype")):
        return product
    with np.errstate(all="ignore"):
        infinite, signs = [np.isinf(x) for x in plain], [np.sign(x) for x in plain]
        left = [where(out, 0.0, sign) for out, sign in zip(infinite, signs)]
        number = fun(*map(abs, signs)) - fun(*map(abs, left))
        net = fun(*signs) - fun(*left)
        finite = fun(*[where(out, 0.0, x) if anywhere(out) else x for out, x in zip(infinite, factors)])
        rest = where(abs(net) == abs(number), np.copysign(np.inf, net), np.nan)
        return where(bad, where(number != 0, rest, finite), product)


def levels(value: Any) -> int:
    """In how many boxes a value is: by how many transformations it is differentiated again."""
    if type(value) is list or type(value) is tuple:
        return max(map(levels, value), default=0)
    depth = 0
    while type(value) is Box:
        value, depth = value.value, depth + 1
    return depth


class Trouble:
    """Infinities and NaN that a sweep met. The sweep goes on, and warns at its end.

    And whether digits were lost: near a pole, terms that are much larger than the derivative may cancel, as those of
    numerator and denominator do in log1p(x) / x near 0. What is small, and what is much, is meant for numbers of usual
    size; it decides where to look closer (see `careful`) and nothing else.
    """

    __slots__ = ("events", "found", "has_cancelled", "hidden", "is_near_pole", "looks", "met")
    sees_far = False  #: whether programs hold as far from a pole as the sweeps look, and not nearer

    def __init__(self) -> None:
        self.events: list[str] = []  #: what NumPy found since the last look: divisions by zero, invalid operations
        self.found: list[tuple[int, Any, Any, str]] = []
        self.met = False  #: whether there were infinities or NaN, told of or not
        self.hidden: Any = ()  #: nodes of which nothing is told, below a `where` that may leave it out
        self.is_near_pole = False  #: whether some derivative has a pole nearby, and is used
        self.looks = False  #: whether to look for terms that cancel: after that, and until some do
        self.has_cancelled = False  #: whether terms have cancelled

    def look_at_pole(self, vanishing: Any, moving: Any, primitive: Any = None) -> None:
        """Note that `vanishing` nearly does, where what is `moving` (a tangent or cotangent) is not 0.

        Where it is 0, the derivative is infinite or NaN, and there are no digits to be found.
        """
        value, level = vanishing, ROOTS.get(primitive, 0)
        while type(value) is Box:
            value, level = value.value, level + 1
        small_of = SMALL[min(level, 3)]
        if type(value) in DUCKS:
            # Programs guard it at each call, and do not hold nearer.
            small = (small_of if value.is_known or self.sees_far else SMALL[0]).get(value.dtype.char, 0.0)
            self.is_near_pole = value.without_boxes().is_anywhere_below(small, peel(moving))
        elif hasattr(value, "dtype"):  # no number of Python, which does not come near to anything by rounding
            close = abs(value) < small_of.get(value.dtype.char, 0.0)
            if close if type(close) is np.bool_ else np.count_nonzero(close):  # faster than any
                self.is_near_pole = anywhere(close & (value != 0) & (peel(moving) != 0))
        self.looks = self.is_near_pole

    def look_at_gain(self, out: Any, into: Any, arg: Any, by_entry: bool = False) -> None:
        """The same for a cotangent or tangent `out` that is much larger than `into`, which it is made of.

        Where so much of it comes of the rounding of the argument, whose distance from the pole has few digits, that it
        shows in the result, nothing need cancel after it.
        """
        if self.has_cancelled:
            return
        if by_entry:
            most, given, at = abs(peel(out)), abs(peel(into)), abs(peel(arg))
        else:
            most, given, at = largest([out]), largest([into]), largest([arg])
        if type(most) in NUMBERS:
            return
        if not self.is_near_pole:
            if type(most) in DUCKS or type(given) in DUCKS:
                none = most == 0  # then the quotient is at least 1
                self.look_at_pole((given + none) / (most + none), given)
            else:  # the same, and faster
                gain = most * SMALL[min(levels(out), 3)].get(most.dtype.char, 0.0) > given
                if np.count_nonzero(gain):
                    self.is_near_pole = self.looks = bool(np.any(gain & (given != 0)))
        if self.is_near_pole and certainly(most * at > LOST / np.finfo(most.dtype).eps * given):
            self.looks, self.has_cancelled = False, True

    def look_at_sum(self, total: Any, part: Any, left: float = LEFT) -> None:
        """Note whether the total of several terms is much smaller than one of them."""
        if self.looks and anywhere(abs(peel(total)) < left * abs(peel(part))):  # or possibly, if that is not known
            self.looks, self.has_cancelled = False, True

    def watch(self) -> Any:
        """Let NumPy tell of divisions by zero and invalid operations instead of warning of them itself."""
        events = self.events
        return np.errstate(divide="call", invalid="call", call=lambda kind, _flag: events.append(kind))

    def look_at_entries(self, pending: list[Any], ans: Any) -> None:
        """The same for what came from entries of an array, and waits in a list."""
        if type(ans) is tuple or len(pending) < 2:
            return
        sizes = [Scatter(abs(peel(c.g)), c.index) if type(c) is Scatter else abs(peel(c)) for c in pending]
        plain = [Scatter(peel(c.g), c.index) if type(c) is Scatter else peel(c) for c in pending]
        self.look_at_sum(gathered(plain, ans), gathered(sizes, ans))

    def look_at_difference(self, node: Any) -> None:
        """The same for the values of a sum or difference: what is left of them has fewer digits, also in a slope."""
        primitive, _parents, args, ans, _params = node
        if primitive is log1p.primitive:  # of complex numbers NumPy adds the one; of others it has all digits
            args = (1.0,) if ans.dtype.kind == "c" else ()
        for arg in args:
            self.look_at_sum(ans, arg)

    def look_at_tangent(self, total: Any, node: Any, tangents: list[Any]) -> None:
        """The same for the tangent of a linear or bilinear operation, which may add up terms within."""
        primitive, _parents, args, _ans, params = node
        plain = [peel(arg) for arg in args]
        sizes = [None if t is None else expanded(abs(peel(t)), arg) for t, arg in zip(tangents, plain)]
        if primitive.kind == "linear":
            full = [np.zeros_like(arg) if t is None else t for t, arg in zip(sizes, plain)]
            self.look_at_sum(total, primitive.bind(*full, **params))
            return
        plain = [abs(arg) for arg in plain]
        for k, t in enumerate(sizes):
            if t is not None:
                self.look_at_sum(total, primitive.bind(*plain[:k], t, *plain[k + 1 :], **params))

    def look_at_cotangents(self, cts: list[Any], g: Any, node: Any) -> None:
        """The same for the cotangents of its arguments."""
        primitive, parents, args, ans, params = node
        if type(g) in NUMBERS or type(args[0]) is tuple:
            return
        plain = (abs(peel(g)), peel(ans), *[abs(peel(arg)) for arg in args])
        if primitive.pull is not None:
            sizes = primitive.pull(*plain, parents=parents, **params)
        else:
            sizes = [vjp(*plain, **params) for vjp, ct in zip(primitive.vjps, cts)]
        for ct, size in zip(cts, sizes):
            if ct is not None and type(ct) is not Scatter:
                self.look_at_sum(ct, size)

    def resolve(self, part: Any, moving: Any, rule: Any, index: int, node: Any) -> Any:
        """The result of a rule during which NumPy met an infinity or made a NaN, with 0 times infinity taken as 0.

        That product occurs in x * sqrt(x) at 0, for example. Nothing else is changed.
        """
        primitive, _parents, args, ans, params = node
        what = ""
        if primitive.kind != "elementwise":
            if type(part) is not Scatter:
                factors = (moving, *args) if primitive.kind == "bilinear" else (moving,)
                part = product_of(lambda g, *new: rule(g, ans, *(new or args), **params), factors, part)
        elif anywhere(bad := np.isnan(peel(part))):
            with np.errstate(all="ignore"):
                local = peel(rule(np.ones_like(peel(ans)), ans, *args, **params))
            plain = peel(moving)
            zero = bad & zero_times_infinity(local, plain)
            if anywhere(zero):
                part = where(zero, 0.0, part)
            if certainly(zero):
                what = "an infinite derivative met a factor of 0; their product is taken as 0"
        self.note(index, primitive, ans, what)
        return part

    def note(self, index: int, primitive: Any, ans: Any, what: str = "") -> None:
        """Remember what happened at a node; what may have happened to numbers that are not known is no news."""
        is_news = bool(what) or any(event is not MAYBE for event in self.events)
        self.met = self.met or is_news
        if not is_news or index in self.hidden:
            self.events.clear()
            return
        is_nan = any("invalid" in event for event in self.events)
        what = what or f"the derivative {'does not exist (NaN)' if is_nan else 'is infinite'} at some entry"
        self.events.clear()
        self.found.append((index, primitive, ans, what))

    def tell(self, tape: Tape) -> None:
        """Warn of the first thing found, with the operation and the user's line; or raise, if the user wants that."""
        index, primitive, ans, what = self.found[0]
        state = np.geterr()["invalid" if "NaN" in what else "divide"]
        if state == "ignore":
            return
        shape = tuple((ans[0] if type(ans) is tuple else ans).shape)
        message = (
            f"{primitive.name} (result of shape {shape}): {what}. Keep away from that point, "
            f"e.g. np.where(ok, f(np.where(ok, x, 1.0)), limit)"
        )
        line = tape.line_of(index, primitive) or user_line()
        message = located(message, line)
        if state == "raise":
            raise FloatingPointError(message)
        warnings.warn_explicit(message, RuntimeWarning, line.filename, line.number)
