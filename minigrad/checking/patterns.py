"""What a wrong gradient looks like beside the true one: a factor, a sign, a transpose, entries in other places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np


def close(a: Any, b: Any, loose: float) -> bool:
    """Whether two arrays are the same up to a part `loose` of their size."""
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(b), initial=0.0))
        return bool(math.isfinite(largest) and np.all(np.abs(a - b) <= loose * np.abs(b) + loose * 1e-3 * largest))


def looseness(manual: Any, numerical: bool) -> float:
    """How far from a pattern a gradient may be and still show it: half of its digits, fewer if f was differenced."""
    eps = float(np.finfo(manual.dtype if manual.dtype.kind in "fc" else float).eps)
    return max(math.sqrt(eps), 1e-4 if numerical else 0.0)


def of_shape(manual: Any, truth: Any, loose: float) -> str | None:
    """What is wrong with a gradient that has another shape than the parameter."""
    if manual.ndim == 2 and close(manual.T, truth, loose):
        return "it is transposed: take .T"
    if manual.size == truth.size and close(manual.reshape(truth.shape), truth, loose):
        return f"the numbers are right, in another shape: .reshape{truth.shape}"
    for axes in subsets(manual.ndim):
        count = math.prod(manual.shape[axis] for axis in axes)
        for keepdims in (True, False):
            for name, summed in (
                ("sum", manual.sum(axes, keepdims=keepdims)),
                ("mean", manual.mean(axes, keepdims=keepdims)),
            ):
                if summed.size == truth.size and close(summed.reshape(truth.shape), truth, loose):
                    along = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"
                    option = ", keepdims=True" if keepdims and truth.ndim == manual.ndim else ""
                    what = axes[0] if len(axes) == 1 else axes
                    return f"a {name} over {along} (of {count} samples) is missing: .{name}(axis={what}{option})"
    for axes in subsets(truth.ndim):
        if manual.size == truth.sum(axes).size and close(manual.reshape(truth.sum(axes).shape), truth.sum(axes), loose):
            return f"it was summed over axis {axes[0] if len(axes) == 1 else axes} too, which the parameter has"
    return None


def subsets(ndim: int) -> list[tuple[int, ...]]:
    """Every choice of one or two axes, and all of them."""
    ones = [(i,) for i in range(ndim)]
    twos = [(i, j) for i in range(ndim) for j in range(i + 1, ndim)]
    return [*ones, *twos] + ([tuple(range(ndim))] if ndim > 2 else [])


def of_numbers(
    manual: Any, truth: Any, parameter: Any, others: Sequence[tuple[str, Any]], sizes: dict[int, str], loose: float
) -> str | None:
    """What a gradient of the right shape looks like beside the true one, judged by itself; `None` for no idea."""
    if not np.all(np.isfinite(manual)):
        bad = np.argwhere(~np.isfinite(manual))
        return f"{len(bad)} of its {manual.size} entries are not finite, the first at {as_index(bad[0])}"
    if not np.any(manual):
        return "it is zero everywhere: not filled in, or the path to this leaf is detached"
    if not np.any(truth):
        return "f does not depend on this leaf: its gradient is zero"
    factor = ratio(manual, truth)
    if factor is not None and abs(factor - 1.0) <= loose and close(manual, truth, loose):
        return None  # it is as it should be, to half of its digits: no pattern
    if factor is not None and close(manual, factor * truth, loose) and (manual.size > 1 or is_telling(factor, sizes)):
        return of_factor(factor, sizes, loose)
    if manual.dtype.kind == "c" or truth.dtype.kind == "c":
        if close(np.conj(manual), truth, loose):
            return "it is conjugated: the convention is du/dx - i du/dy for a real function u of z = x + iy"
        factor = ratio(np.conj(manual), truth)
        if factor is not None and close(np.conj(manual), factor * truth, loose):
            return f"it is conjugated, and {of_factor(factor, sizes, loose)}"
    if manual.ndim == 2 and manual.shape[0] == manual.shape[1] and manual.size > 1:
        if close(manual.T, truth, loose):
            return "it is transposed: take .T"
        if close(-manual.T, truth, loose):
            return "it is transposed, and the sign is flipped"
    for path, other in others:
        if close(manual, other, loose):
            return f"it is the gradient of {path or 'another leaf'}: off by one, or exchanged"
    return of_places(manual, truth, loose) or of_difference(manual, truth, parameter, loose)


def ratio(manual: Any, truth: Any) -> Any:
    """The constant that brings the truth closest to what was written by hand, `None` if there is none."""
    scale = float(np.max(np.abs(truth), initial=0.0)) or 1.0
    t, m = truth / scale, manual / scale
    found = np.vdot(t, m) / np.vdot(t, t)
    if np.abs(found.imag) <= 1e-9 * np.abs(found):
        found = found.real
    return found if np.isfinite(found) and found != 0 else None


def is_telling(factor: Any, sizes: dict[int, str]) -> bool:
    """Whether a factor says something of a single number, of which every other number is some multiple."""
    known = [1.0, *range(2, 5), *[n for n in sizes if n > 2]]
    return any(abs(abs(factor) - value) < 1e-6 * value for n in known for value in (n, 1 / n, 1.5, 2 / 3))


def of_factor(factor: Any, sizes: dict[int, str], loose: float) -> str:
    """A constant factor in words."""
    if isinstance(factor, complex) or np.iscomplexobj(factor):
        return f"a constant factor of {complex(factor):.6g}"
    near = lambda value: abs(factor - value) <= 10 * loose * abs(value)
    if near(-1.0):
        return "the sign is flipped"
    sign = "-" if factor < 0 else ""
    for n in sorted(sizes):
        if n > 2 and near(n * math.copysign(1.0, factor)):
            return f"a constant factor of {sign}{n}, {sizes[n]}: a sum in place of a mean"
        if n > 2 and near(math.copysign(1.0, factor) / n):
            return f"a constant factor of {sign}1/{n}, {n} being {sizes[n]}: a mean in place of a sum"
    simple = Fraction(float(factor)).limit_denominator(12)
    if simple != 0 and near(float(simple)):
        return f"a constant factor of {simple}"
    return f"a constant factor of {float(factor):.6g}"


def of_places(manual: Any, truth: Any, loose: float) -> str | None:
    """The right numbers in other places, or all but a few of them right."""
    if manual.size < 2:
        return None
    for axis in range(manual.ndim):
        if manual.shape[axis] > 1 and close(np.flip(manual, axis), truth, loose):
            return f"it is reversed along axis {axis}"
        for shift in (1, -1):
            if manual.shape[axis] > 2 and close(np.roll(manual, shift, axis), truth, loose):
                return f"it is shifted by one along axis {axis}"
    limit = loose * np.abs(truth) + loose * 1e-3 * float(np.max(np.abs(truth)))
    differ = np.argwhere(np.abs(manual - truth) > limit)
    if manual.dtype.kind != "c" and close(np.sort(manual, axis=None), np.sort(truth, axis=None), loose):
        if len(differ) == 2:
            return f"the entries {as_index(differ[0])} and {as_index(differ[1])} are swapped"
        return f"the numbers are right but {len(differ)} of them are in other places (swapped or permuted)"
    if len(differ) <= max(1, manual.size // 20) and manual.size >= 3:
        if len(differ) == 1:
            return f"only entry {as_index(differ[0])} is wrong"
        return f"only {len(differ)} of {manual.size} entries are wrong, the first at {as_index(differ[0])}"
    for axis in range(manual.ndim):
        rest = tuple(i for i in range(manual.ndim) if i != axis)
        wrong = np.any(np.abs(manual - truth) > limit, axis=rest)
        rows = np.flatnonzero(wrong)
        if manual.shape[axis] > 2 and len(rows) <= manual.shape[axis] // 2:
            empty = not np.any(np.take(manual, rows, axis))
            which = f"{int(rows[0])}" if len(rows) == 1 else f"{int(rows[0])} to {int(rows[-1])}"
            return f"along axis {axis} only {which} {'is zero' if empty else 'is wrong'}, the others are right"
    return None


def of_difference(manual: Any, truth: Any, parameter: Any, loose: float) -> str | None:
    """A term that is missing, or one too many: a regulariser."""
    if parameter is None or np.shape(parameter) != manual.shape or manual.size < 2:
        return None
    difference = manual - truth
    plain = np.asarray(parameter)
    for term, name in ((plain, "the parameter"), (np.ones_like(plain), "ones"), (np.sign(plain), "its sign")):
        if not np.any(term) or (manual.size < 3 and name == "ones"):
            continue
        weight = ratio(difference, term)
        if weight is None or not close(difference, weight * term, max(loose, 1e-6)):
            continue
        value = complex(weight).real
        what = "is missing: the regulariser" if value < 0 else "is there once too often: the regulariser"
        what = "was subtracted or added: a constant shift" if name == "ones" else what
        return f"a term of {abs(value):.6g} times {name} {what}"
    return None


def as_index(index: Any) -> str:
    """An index as `[1, 2]`."""
    return str([int(i) for i in index])
