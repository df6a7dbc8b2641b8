"""A function and its derivatives as curves: what `python -m minigrad plot` computes, draws and writes.

All orders come from one Taylor pass at all points. The derivatives above the last one drawn are used too: they say
where a curve jumps (the slopes at both ends of a step do not explain it), where rounding has eaten the digits (the
slope does not explain what a tiny step does), and they make zeros and extrema precise (Newton steps within a bracket).
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minigrad.modes.taylor.derivatives import derivatives
from minigrad.show.expression import Expression

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Jump:
    """Where the derivative of an order jumps, and its values just before and just after."""

    order: int
    x: float
    left: float
    right: float


@dataclass
class Curves:
    """The derivatives of orders 0 to `order` of a function at the points x.

    `values[k]` is NaN where order k is not finite or is rounding noise; `breaks[k]` says after which points its curve
    jumps; `scales[k]` is its largest absolute value away from its singularities, `singular[k]`. `jumps` tells the least
    order that jumps at a place, and its values on both sides: a jump of order 1 is a kink of f. `shown` are the orders
    to be drawn and written.
    """

    title: str
    x: Any
    order: int
    values: Any
    breaks: Any = None
    scales: list[float] = field(default_factory=list)
    singular: list[list[float]] = field(default_factory=list)
    jumps: list[Jump] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    zeros: list[list[float]] | None = None
    extrema: list[list[tuple[float, float]]] | None = None
    shown: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shown = self.shown or list(range(self.order + 1))


def curves(fun: Function, start: float, stop: float, order: int, points: int, title: str = "f(x)") -> Curves:
    """The derivatives of a function of one number on a range, and where they can be drawn.

    Args:
        fun: maps a number to a number; if it maps arrays entry by entry, all points take one pass.
        start: the first point.
        stop: the last point.
        order: the highest derivative.
        points: how many points there are, equally spaced.
        title: the name of the function in a picture.

    Returns:
        The values with their breaks, scales and singularities.

    Raises:
        Exception: whatever `fun` raises, if it does so at all points.

    >>> found = curves(np.tanh, -7.0, 7.0, 2, points=101)
    >>> found.values.shape, [round(scale, 3) for scale in found.scales]
    ((3, 101), [1.0, 1.0, 0.767])
    """
    x = np.linspace(start, stop, points)
    step = x[1] - x[0]
    table = table_of(fun, x, order + 2)
    overflowing = np.isinf(table[: order + 1]).any(axis=0)
    # Where f is not finite it has no derivative, whatever its formula says.
    table = np.where(np.logical_and.accumulate(np.isfinite(table), axis=0), table, np.nan)
    raw = table[: order + 1]
    found = Curves(title, x, order, raw.copy(), singular=[[] for _ in raw])
    shift = 1e-3 * step
    with np.errstate(all="ignore"):
        noise = np.abs(table_of(fun, x + shift, order) - raw - shift * table[1:-1])
        noise = np.where(np.isfinite(noise), noise, 0.0)
        for trial in range(5):  # what is too much depends on the scale, and that on what is left out
            found.scales = [_scale(x, y, poles) for y, poles in zip(found.values, found.singular)]
            noisy = _regions(noise > 1e-3 * np.maximum(np.array(found.scales)[:, None], np.abs(raw)))
            found.values = np.where(np.isfinite(raw) & ~noisy, raw, np.nan)
            if trial == 1:
                found.singular = singularities(fun, x, found.values)
        jumps = np.diff(table[:-1], axis=1)[: order + 1]
        expected = (0.5 * step * (table[1:, 1:] + table[1:, :-1]))[: order + 1]
        found.breaks = np.abs(jumps - expected) > 0.5 * np.maximum(np.abs(jumps), np.abs(expected))
        steepest = (step * np.maximum(np.abs(table[1:, 1:]), np.abs(table[1:, :-1])))[: order + 1]
        scales = np.array(found.scales)[:, None]  # a small jump is one if no slope beside it comes near to it
        found.breaks &= np.abs(jumps) > np.where(np.abs(jumps) > 10.0 * steepest, 1e-3, 0.05) * scales
    places = sorted({f"{s:.4g}" for poles in found.singular for s in poles}, key=float)
    undefined = ~np.isfinite(raw).all(axis=0)
    for pole in places:
        overflowing &= np.abs(x - float(pole)) > 1.5 * step
    if places:
        found.notes.append(f"singular at x = {', '.join(places)}")
    if overflowing.any():
        at = x[overflowing]
        found.notes.append(
            f"overflows at {at.size} of {points} points, from x = {at[0]:.4g} to {at[-1]:.4g}: values above 1.8e308"
        )
    undefined &= ~overflowing
    if np.sum(undefined) > sum(x[0] <= float(s) <= x[-1] for s in places):
        found.notes.append(f"not defined at {np.sum(undefined)} of {points} points")
    if noisy.any():
        orders = ", ".join(str(k) for k in range(order + 1) if noisy[k].any())
        at = x[noisy.any(axis=0)]
        found.notes.append(
            f"left out at {at.size} of {points} points from x = {at[0]:.4g} to {at[-1]:.4g}, for rounding or "
            f"for changes within a step: order {orders}"
        )
    if np.mean(found.breaks) > 0.1:
        found.breaks[:] = False
        found.notes.append(
            "it changes faster than the points follow, so zeros and extrema are missed: use more --points, or a "
            "shorter range"
        )
    else:
        steep = steep_steps(fun, found)
        if steep:
            found.notes.append(
                f"it changes within a step, so derivatives are missed, at x = {', '.join(f'{s:.4g}' for s in steep)}: "
                f"use more --points, or a shorter range"
            )
        found.jumps = jumps_of(fun, found)
        found.notes += jumps_in_words(found.jumps)
    return found


def thinned(found: Curves, points: int) -> Curves:
    """So many of the points, as for a table; what was found at all of them stays, and is said to be of as many."""
    every = (found.x.size - 1) // (points - 1)
    if every == 1:
        return found
    breaks = found.breaks.reshape(found.order + 1, -1, every).any(axis=-1)
    x, notes = found.x[::every], list(found.notes)
    if notes:
        notes.append(f"this was found at {found.x.size} points, of which {x.size} are written")
    elif x.size <= FEW:
        notes.append(f"{x.size} points show nothing that is narrower than {x[1] - x[0]:.4g}")
    return replace(found, x=x, values=found.values[:, ::every], breaks=breaks, notes=notes)


FEW = 50  #: points whose curve is a polygon to the eye


def jumps_of(fun: Function, found: Curves) -> list[Jump]:
    """The places where a curve jumps, each with the least order that does, halved down to neighbouring numbers."""
    jumps: list[Jump] = []
    at = np.flatnonzero(found.breaks.any(axis=0))
    if not at.size:
        return jumps
    a, b = found.x[at], found.x[at + 1]
    orders = np.argmax(found.breaks[:, at], axis=0)
    pick = np.arange(at.size)
    before, after = found.values[orders, at], found.values[orders, at + 1]
    rise = np.abs(after - before)
    for _ in range(60):
        middle = 0.5 * (a + b)
        value = table_of(fun, middle, found.order)[orders, pick]
        with np.errstate(invalid="ignore"):
            left = np.abs(value - before) < np.abs(value - after)
        a, b = np.where(left, middle, a), np.where(left, b, middle)
        before, after = np.where(left, value, before), np.where(left, after, value)
    step = found.x[1] - found.x[0]
    places = 0.5 * (a + b)
    aside = 1e-9 * step + 4 * np.spacing(np.abs(places))  # a place itself may have a value of its own: sign(0) is 0
    low, high = (table_of(fun, places + side, found.order)[orders, pick] for side in (-aside, aside))
    for i in pick[np.abs(high - low) > 0.4 * rise]:
        k, place = int(orders[i]), float(places[i])
        if jumps and place - jumps[-1].x <= 1e-8 * step:  # it jumps to the point and away from it
            continue
        if all(abs(place - pole) > 1.5 * step for pole in found.singular[k]):
            jumps.append(Jump(k, 0.0 if abs(place) < 1e-9 * step else place, float(low[i]), float(high[i])))
    return jumps


def jumps_in_words(jumps: Sequence[Jump]) -> list[str]:
    """One line for each order that jumps: where, and what that is."""
    lines = []
    for order in sorted({jump.order for jump in jumps}):
        places = [f"{jump.x:.6g}" for jump in jumps if jump.order == order]
        shown = ", ".join(places[:6]) + (f" and {len(places) - 6} more" if len(places) > 6 else "")
        if order == 0:
            lines.append(f"f jumps at x = {shown}; its derivatives leave the jump out")
        else:
            name = f"f{chr(39) * order}" if order < 4 else f"f^({order})"
            kink = "f has a kink" if order == 1 else f"{name} jumps"
            lines.append(f"{kink} at x = {shown}: the derivatives from order {order + 1} on leave it out")
    return lines


def steep_steps(fun: Function, found: Curves) -> list[float]:
    """The steps over which a curve seems to jump and does not: it has a steep part there, as a closer look tells."""
    steep = []
    for i in np.flatnonzero(found.breaks.any(axis=0))[:20]:
        k = int(np.argmax(found.breaks[:, i]))
        a, b = found.x[i], found.x[i + 1]
        if any(a - (b - a) <= pole <= b + (b - a) for pole in found.singular[k]):
            continue
        jumps = np.abs(np.diff(table_of(fun, np.linspace(a, b, 401), k)[k]))
        if np.max(jumps) < 0.5 * abs(found.values[k, i + 1] - found.values[k, i]):
            steep.append(float(a))
            found.breaks[:, i] = False
    return steep


def _regions(flags: Any) -> Any:
    """All points about flagged ones, if these are not alone: a single one is at a jump."""
    reach = 3
    near = np.lib.stride_tricks.sliding_window_view(np.pad(flags, ((0, 0), (reach, reach))), 2 * reach + 1, axis=1)
    crowded = flags & (near.sum(axis=-1) > 1)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(crowded, ((0, 0), (reach, reach))), 2 * reach + 1, axis=1)
    return near.any(axis=-1)


def table_of(fun: Function, x: Any, order: int) -> Any:
    """The derivatives of orders 0 to `order` at every point, of shape (order + 1, points).

    Point by point, if the function does not take arrays or mixes their entries.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            table = np.asarray(derivatives(fun, x, order))
            if table.shape == (order + 1, x.size) and (isinstance(fun, Expression) or _is_elementwise(fun, x, table)):
                return _real(table)
        except (TypeError, ValueError, IndexError, ArithmeticError):
            pass
        columns: list[Any] = []
        failed: Exception | None = None
        for point in x:
            try:
                columns.append(np.reshape(derivatives(fun, float(point), order), order + 1))
            except (ValueError, ArithmeticError) as error:  # outside of the domain, as math.log sees it
                failed = error
                columns.append(np.full(order + 1, np.nan))
        if failed is not None and np.isnan(columns).all():
            raise failed
        return _real(np.stack(columns, axis=1))


def _real(table: Any) -> Any:
    if np.iscomplexobj(table):
        raise TypeError("the function returns complex numbers, which have no curve; take np.real or np.abs of it")
    return table


def _is_elementwise(fun: Function, x: Any, table: Any) -> bool:
    """Whether entries do not mix: those of a few points alone are the same."""
    at = np.array([0, x.size // 3, x.size - 1])
    alone = np.concatenate([np.asarray(derivatives(fun, x[i : i + 1], len(table) - 1)) for i in at], axis=1)
    return bool(np.allclose(alone, table[:, at], rtol=1e-9, atol=1e-12, equal_nan=True))


def _scale(x: Any, y: Any, poles: Sequence[float]) -> float:
    """The largest absolute value, not too close to a singularity; 1 for a curve that is zero."""
    away = np.isfinite(y)
    distance = min([0.06 * (x[-1] - x[0]), *[0.12 * (b - a) for a, b in itertools.pairwise(poles)]])
    for pole in poles:
        away &= np.abs(x - pole) > distance
    return float(np.max(np.abs(y[away]), initial=0.0)) or 1.0


def singularities(fun: Function, x: Any, values: Any) -> list[list[float]]:
    """Where each order grows without bound: zooming in on a large value finds larger ones, again and again."""
    step = x[1] - x[0]
    found: list[list[float]] = []
    for k, y in enumerate(values):
        poles = list(found[-1]) if found else []  # where f grows without bound, so does f'
        finite = np.isfinite(y)
        size = np.where(finite, np.abs(y), -1.0)
        edges = np.flatnonzero(finite[1:] != finite[:-1])
        padded = np.pad(size, 1, constant_values=-1.0)
        peaks = np.flatnonzero(finite & (size >= padded[:-2]) & (size >= padded[2:]))
        typical = np.median(size[finite]) if finite.any() else 0.0
        peaks = peaks[(size[peaks] > 5 * typical) | (size[peaks] == size.max())]
        peaks = peaks[np.argsort(-size[peaks], kind="stable")]
        for centre in [*(x[edges] + 0.5 * step)[:24], *x[peaks][:24]]:
            if all(abs(centre - pole) > 1.6 * step for pole in poles):
                pole = _zoomed(fun, centre, step, k)
                if pole is not None and x[0] - step < pole < x[-1] + step:
                    poles.append(0.0 if abs(pole) < 1e-3 * step else pole)
        found.append(sorted(poles))
    return found


def _zoomed(fun: Function, centre: float, radius: float, order: int) -> float | None:
    """The place of a pole within the radius, if the values about it keep growing; None if they do not."""
    typical: list[float] = []
    for _ in range(4):
        near = np.linspace(centre - radius, centre + radius, 101)
        shift = 1e-5 * radius
        y, slope = table_of(fun, near, order + 1)[order:]
        with np.errstate(invalid="ignore"):
            size, noise = np.abs(y), np.abs(table_of(fun, near + shift, order)[order] - y - shift * slope)
        finite = np.isfinite(size)
        if not finite.any() or np.nanmedian(noise[finite]) > 0.01 * np.median(size[finite]):
            return None  # there is nothing, or it is rounding that grows
        typical.append(float(np.median(size[finite])))
        centre, radius = float(near[np.argmax(np.where(finite, size, -1.0))]), radius / 40
    return centre if all(b > 1.5 * a > 0 for a, b in itertools.pairwise(typical)) else None


def mark(found: Curves, fun: Function, what: Sequence[str]) -> None:
    """Find the zeros and the extrema of every order, to about the last digit."""
    order = found.order
    table = table_of(fun, found.x, order + 1)
    usable = np.isfinite(found.values)
    if "extrema" in what or "zeros" in what:
        extrema = []
        for k in range(order + 1):
            scale = _scale(found.x, np.where(usable[k], table[k + 1], np.nan), found.singular[k])
            ups = roots(fun, found.x, np.where(usable[k], table[k + 1], np.nan), found.breaks[k], scale, k + 1)
            values = table_of(fun, np.array(ups), k)[k] if ups else []
            extrema.append([(at, float(value)) for at, value in zip(ups, values)])
    if "zeros" in what:
        found.zeros = []
        for k in range(order + 1):
            crossings = roots(fun, found.x, found.values[k], found.breaks[k], found.scales[k], k)
            touching = [at for at, value in extrema[k] if abs(value) <= 1e-13 * found.scales[k]]
            near = 1e-6 * (found.x[1] - found.x[0])
            both = crossings + [t for t in touching if all(abs(t - c) > near for c in crossings)]
            found.zeros.append(sorted(both))
    if "extrema" in what:
        found.extrema = extrema


def roots(fun: Function, x: Any, y: Any, breaks: Any, scale: float, order: int) -> list[float]:
    """The zeros of the derivative of this order: Newton's method, kept within the step in which the sign changes."""
    sign = np.where(np.abs(y) > 0, np.sign(y), 0.0)
    exact = [i for i in np.flatnonzero(y == 0) if np.all(y[max(i - 1, 0) : i + 2][[0, -1]] != 0)]
    exact = [i for i in exact if 0 < i < x.size - 1 and sign[i - 1] * sign[i + 1] < 0]
    found = [float(x[i]) for i in exact]
    large = np.abs(y) > 1e-11 * scale  # smaller ones may have any sign
    at = np.flatnonzero((sign[1:] * sign[:-1] < 0) & ~breaks & (large[1:] | large[:-1]))
    if not at.size:
        return sorted(found)
    a, b, ya, yb = x[at], x[at + 1], y[at], y[at + 1]
    z = a - ya * (b - a) / (yb - ya)
    for _ in range(60):
        value, slope = table_of(fun, z, order + 1)[order:]
        left = np.sign(value) == np.sign(ya)
        a, b = np.where(left, z, a), np.where(left, b, z)
        with np.errstate(all="ignore"):
            newton = z - value / slope
        new = np.where((newton > a) & (newton < b), newton, 0.5 * (a + b))
        new = np.where(value == 0, z, new)
        done = np.abs(new - z) <= 2 * np.finfo(float).eps * np.maximum(np.abs(z), 1e-3 * (x[1] - x[0]))
        z = new
        if done.all():
            break
    value = table_of(fun, z, order)[order]
    is_zero = np.abs(value) <= 1e-3 * np.maximum(np.abs(ya), np.abs(yb))  # at a pole it is not
    z = np.where(np.abs(z) < 1e-13 * (x[1] - x[0]), 0.0, z)
    return sorted(found + [float(root) for root in z[is_zero]])
