"""`minigrad.plot`: a function and its derivatives as a figure."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.modes.made import check_function
from minigrad.show.curves import Curves, Function, curves, mark
from minigrad.show.draw import LAYOUTS, draw
from minigrad.show.expression import Expression

HIGHEST = 100  #: derivative
FEWEST, MOST = 5, 1_000_000  #: points
SEEN = 1000  #: steps that are drawn at least, and in which poles, kinks and jumps are looked for
MARKS = {"zeros", "extrema"}  #: what may be marked


def plot(
    *functions: Function | str,
    order: int = 3,
    orders: Sequence[int] | None = None,
    range: tuple[float, float] = (-5.0, 5.0),  # noqa: A002  (as the option of the command)
    points: int = 1001,
    layout: str = "auto",
    marks: Sequence[str] = (),
    **parameters: float,
) -> Any:
    """A figure of functions of one number and of their derivatives, which come from one Taylor pass.

    Args:
        *functions: functions that map a number to a number, or formulas in x, such as "exp(-x^2)". Several are drawn
            together, a panel for each order.
        order: the highest derivative.
        orders: the derivatives to be drawn, if not all up to `order`.
        range: the first and the last point.
        points: how many points there are, equally spaced; at least 1001 are drawn.
        layout: "overlay" for one pair of axes, "normalised" for the same with each curve divided by its largest value,
            "stacked" for a panel for each order; by default as it fits.
        marks: "zeros" and "extrema" to be marked on the curves.
        **parameters: the numbers of a formula besides x: `plot("a x^2", a=2.0)`.

    Returns:
        A figure of matplotlib, which a notebook shows; `figure.savefig("f.png")` writes it.

    Raises:
        TypeError: if a function is none.
        ValueError: if an option does not make sense, a formula cannot be read (ExpressionError), or a function is not
            finite anywhere on the range.
        ImportError: if matplotlib is missing.

    Singularities, kinks and jumps are found and left out of the curves, and named below them.

    >>> import numpy as np
    >>> figure = plot(np.tanh, order=6, range=(-7, 7))
    >>> len(figure.axes[0].lines) >= 7
    True
    """
    start, stop = range
    chosen = sorted({*orders}) if orders is not None else [*builtins.range(order + 1)]
    if not functions:
        raise TypeError(located("plot: which function? plot(f), or a formula in x: plot('sin(x) / x')"))
    if wrong := wrong_option((start, stop), chosen if chosen else [order], points):
        raise ValueError(located(f"plot: {wrong}"))
    if layout not in LAYOUTS:
        raise ValueError(located(f"plot: layout={layout!r} is none of {', '.join(map(repr, LAYOUTS))}"))
    if not {*marks} <= MARKS:
        raise ValueError(located(f"plot: marks={marks!r}: zeros and extrema can be marked"))
    all_found = []
    for fun in functions:
        given: Any = Expression(fun, parameters) if isinstance(fun, str) else fun
        check_function("plot", given)
        name = getattr(fun, "__name__", "f")
        title = f"$f(x) = {given.mathtext}$" if isinstance(fun, str) else "$f$" + (
            f" = {name}" if name.isidentifier() else ""
        )  # fmt: skip
        found = shown_curves(given, range, chosen, points, title, marks)
        if nothing := nothing_to_draw(found):
            raise ValueError(located(f"plot: {fun if isinstance(fun, str) else name} {nothing}"))
        all_found.append(found)
    return draw(all_found, layout)


def wrong_option(ends: tuple[float, float], orders: Sequence[int], points: int) -> str:
    """What is wrong with the numbers of a plot, from the name of the option on; nothing, if they make sense."""
    if not (math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]):
        return f"range: needs two numbers, the smaller first, not {ends[0]:g} and {ends[1]:g}"
    if not orders or min(orders) < 0 or max(orders) > HIGHEST:
        wrong = [k for k in orders if not 0 <= k <= HIGHEST]
        return f"order: has to be from 0 to {HIGHEST}, not {wrong[0] if wrong else 'none'}"
    return "" if FEWEST <= points <= MOST else f"points: has to be from {FEWEST} to {MOST}, not {points}"


def shown_curves(
    fun: Function, ends: tuple[float, float], orders: Sequence[int], points: int, title: str, marks: Sequence[str]
) -> Curves:
    """The curves of these orders, with their marks.

    There are 1001 points at least, of which those that are asked for are some: what is told of a curve does not depend
    on how few are written.
    """
    every = -(-SEEN // (points - 1))
    found = curves(fun, *ends, orders[-1], (points - 1) * every + 1, title)
    mark(found, fun, marks)
    found.shown = list(orders)
    return found


def nothing_to_draw(found: Curves) -> str:
    """Why a function has no curve between the ends; nothing, if it has one."""
    if np.isfinite(found.values).any():
        return ""
    why = "overflows everywhere" if any("overflow" in note for note in found.notes) else "is not defined anywhere"
    return f"{why} between {found.x[0]:g} and {found.x[-1]:g}"
