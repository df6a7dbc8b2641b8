"""Why an operation made a NaN or an infinity, and what to write instead.

Used where one is met while it is made (`errstate`), and where one is traced back to its origin (`explain_nan`). A cause
is told from the numbers at the first bad entry, so it holds for this entry and need not hold for others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.core.duck_arrays import Duck
from minigrad.core.tape import peel


class Cause(NamedTuple):
    """Why it happened, and what to do."""

    why: str
    cure: str


def plain_array(value: Any) -> np.ndarray:
    """The numbers of a value, without boxes; of a batch those of all examples, along its first axis."""
    value = peel(value)
    while not issubclass(type(value), (np.ndarray, np.generic, int, float, complex)):
        if isinstance(value, Duck) and not value.is_known:
            value.needs_numbers("a look for NaN")
        inner = getattr(value, "payload", getattr(value, "value", None))
        if inner is None:
            return np.asarray(np.nan if value is None else 0.0)
        value = peel(inner)
    return np.asarray(value)


def bad_entries(value: Any) -> np.ndarray | None:
    """Where a value is NaN or infinite; None if nowhere, and for values that are no floating-point numbers."""
    if type(value) is tuple or type(value) is list:
        found = (bad_entries(part) for part in value if part is not None)  # None: a part that nothing depends on
        return next((bad for bad in found if bad is not None), None)
    plain = plain_array(value)
    if plain.dtype.kind not in "fc":
        return None
    with np.errstate(all="ignore"):
        bad: np.ndarray = ~np.isfinite(plain)
    return bad if bad.any() else None


def has_nan(value: Any) -> bool:
    """Whether some entry is NaN."""
    if type(value) is tuple or type(value) is list:
        return any(has_nan(part) for part in value if part is not None)
    plain = plain_array(value)
    return plain.dtype.kind in "fc" and bool(np.isnan(plain).any())


def at_entry(value: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The number of an operand that belongs to one entry of the result; None if there is no such number."""
    plain = plain_array(value)
    try:
        return np.broadcast_to(plain, shape)[index]
    except ValueError:
        return None


_GUARD = "keep away from the point on both sides of the choice: np.where(ok, f(np.where(ok, x, 1.0)), limit)"
_SOFTMAX = "subtract the maximum first, as np.logaddexp and scipy.special.logsumexp do, or stay with logarithms"
_LOG = (
    "keep the argument positive (np.log(np.where(ok, x, 1.0)), np.maximum(x, tiny)), or take the logarithm by a "
    "formula that has it: logaddexp, log1p, log_softmax, xlogy"
)


def cause_of_value(name: str, operands: list[Any], answer: Any) -> Cause:
    """Why an operation made a NaN or infinity of its operands, each given by the number at the entry, or None."""
    known = [operand for operand in operands if operand is not None]
    x = known[0] if known else None
    try:
        with np.errstate(all="ignore"):
            return _cause_of_value(name, known, x, answer)
    except TypeError:  # complex numbers have no order
        return _OTHER


def _cause_of_value(name: str, known: list[Any], x: Any, answer: Any) -> Cause:
    infinite = [operand for operand in known if np.isinf(operand)]
    if infinite and np.isnan(answer):
        if name in ("multiply", "matmul", "dot", "einsum", "tensordot"):
            return Cause("0 times infinity", _GUARD)
        if name in ("subtract", "add", "sum"):
            return Cause("infinity minus infinity", _SOFTMAX)
        if name == "divide":
            return Cause("infinity divided by infinity", _SOFTMAX)
        return Cause(f"{name} does not exist at infinity", "find what made the infinity, see the steps before it")
    if x is None:
        return _OTHER
    domain = _DOMAINS.get(name)
    if domain is not None:
        found = domain(*known)
        if found is not None:
            return found
    if np.isinf(answer):
        largest = np.finfo(answer.dtype).max if answer.dtype.kind == "f" else np.finfo(float).max
        if name in _GROWING:
            text = f"overflow: {name} of {_number(x)} exceeds {largest:.2g}, the largest {answer.dtype}"
            return Cause(text, _SOFTMAX)
        return Cause(
            f"overflow: the result exceeds {largest:.2g}, the largest {answer.dtype}",
            "scale the numbers, or work with their logarithms" + ("; or use float64" if largest < 1e39 else ""),
        )
    return _OTHER


_OTHER = Cause("the operation does not exist, or is infinite, at this point", _GUARD)
_GROWING = {"exp", "exp2", "expm1", "sinh", "cosh", "power", "square", "exp_minus"}


def _number(value: Any) -> str:
    return f"{value:.4g}"


def _of_log(x: Any, offset: float = 0.0, name: str = "log") -> Cause | None:
    if x == -offset:
        return Cause(f"{name} of {_number(x)} is -infinity", _LOG)
    return Cause(f"{name} of {_number(x)}, a number below {_number(0.0 - offset)}, does not exist", _LOG)


def _of_divide(x: Any, y: Any = 1.0) -> Cause | None:
    if y == 0:
        return Cause("0 divided by 0" if x == 0 else f"{_number(x)} divided by 0", _GUARD)
    return None


def _of_power(x: Any, y: Any = 1.0) -> Cause | None:
    if x == 0:
        return Cause(f"0 to the negative power {_number(y)}", _GUARD)
    if x < 0 and y != np.floor(y):
        return Cause(
            f"a negative number, {_number(x)}, to a fraction, {_number(y)}", "np.abs(x)**p, or complex numbers"
        )
    return None


def _outside(low: float, high: float, name: str) -> Callable[..., Cause | None]:
    def cause(x: Any, *_: Any) -> Cause | None:
        if low < x < high:
            return None
        cure = f"np.clip(x, {low:g}, {high:g}) where only rounding leads outside, else " + _GUARD
        if np.isfinite(high):
            return Cause(f"{name} of {_number(x)}: its values are finite between {low:g} and {high:g} alone", cure)
        return Cause(f"{name} of {_number(x)}: it exists above {low:g} alone", _GUARD)

    return cause


_DOMAINS: dict[str, Callable[..., Cause | None]] = {
    **{name: lambda x, *_, name=name: _of_log(x, name=name) for name in ("log", "log2", "log10")},
    "log1p": lambda x, *_: _of_log(x, 1.0, "log1p"),
    "divide": _of_divide,
    "reciprocal": lambda x, *_: Cause("1 divided by 0", _GUARD) if x == 0 else None,
    "power": _of_power,
    "sqrt": lambda x, *_: Cause(f"the root of a negative number, {_number(x)}", "np.maximum(x, 0.0), or complex x"),
    "arcsin": _outside(-1.0, 1.0, "arcsin"),
    "arccos": _outside(-1.0, 1.0, "arccos"),
    "arctanh": _outside(-1.0, 1.0, "arctanh"),
    "arccosh": _outside(1.0, np.inf, "arccosh"),
    "log_ndtr": lambda x, *_: None,
}  # fmt: skip


_SLOPES: dict[str, tuple[Callable[..., bool], str, str]] = {
    "sqrt": (
        lambda x, *_: x == 0,
        "the slope of sqrt at 0 is infinite",
        "for a length, leave the root out, or np.sqrt(np.sum(x * x) + tiny); else np.where on both sides: "
        "np.where(ok, np.sqrt(np.where(ok, x, 1.0)), 0.0)",
    ),
    "cbrt": (lambda x, *_: x == 0, "the slope of cbrt at 0 is infinite", _GUARD),
    "power": (
        lambda x, *_: x == 0,
        "the slope of this power at 0 is infinite, or (in the exponent) log(0)",
        "np.where on both sides: np.where(ok, np.where(ok, x, 1.0)**p, 0.0)",
    ),
    "log": (lambda x, *_: x == 0, "the slope of log at 0 is infinite", _LOG),
    "arcsin": (lambda x, *_: abs(x) == 1, "the slope of arcsin at -1 and 1 is infinite", "stay within (-1, 1)"),
    "arccos": (lambda x, *_: abs(x) == 1, "the slope of arccos at -1 and 1 is infinite", "stay within (-1, 1)"),
    "arccosh": (lambda x, *_: x == 1, "the slope of arccosh at 1 is infinite", "stay above 1"),
    "arctan2": (lambda y, x=1.0, *_: y == 0 and x == 0, "arctan2 has no slope at the origin", _GUARD),
    "hypot": (lambda x, y=1.0, *_: x == 0 and y == 0, "a length has no slope at 0", "np.sqrt(x * x + y * y + tiny)"),
    "norm": (lambda *_: True, "a norm has no slope at 0", "leave the root out, or add a tiny number under it"),
    "divide": (lambda x, y=1.0, *_: abs(y) < 1e-150, "1 / y**2 overflows where y is that small", _GUARD),
}


NO_SLOPE = Cause("the derivative does not exist here, is infinite, or exceeds the largest number", _GUARD)


def cause_of_slope(name: str, operands: list[Any]) -> Cause | None:
    """Why the derivative of an operation is NaN or infinite where its value is not, if that is a usual cause."""
    known = [operand for operand in operands if operand is not None]
    slope = _SLOPES.get(name)
    try:
        if slope is not None and known and slope[0](*known):
            return Cause(slope[1], slope[2])
    except TypeError:
        pass
    return None
