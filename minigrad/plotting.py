"""A function and its derivatives as curves: what `python -m minigrad plot` computes, draws and writes.

All orders come from one Taylor pass at all points. The derivatives above the last one drawn are used too: they say
where a curve jumps (the slopes at both ends of a step do not explain it), where rounding has eaten the digits (the
slope does not explain what a tiny step does), and they make zeros and extrema precise (Newton steps within a bracket).
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import itertools
import json
import math
import re
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

import numpy as np

from minigrad.expression import Expression, ExpressionError
from minigrad.taylor import derivatives

Function = Callable[[Any], Any]

# ----- computing ------------------------------------------------------------------------------------------------------


@dataclass
class Curves:
    """The derivatives of orders 0 to `order` of a function at the points x.

    `values[k]` is NaN where order k is not finite or is rounding noise; `breaks[k]` says after which points its curve
    jumps; `scales[k]` is its largest absolute value away from its singularities, `singular[k]`.
    """

    title: str
    x: Any
    order: int
    values: Any
    breaks: Any = None
    scales: list[float] = field(default_factory=list)
    singular: list[list[float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    zeros: list[list[float]] | None = None
    extrema: list[list[tuple[float, float]]] | None = None


def curves(fun: Function, start: float, stop: float, order: int, points: int, title: str = "f(x)") -> Curves:
    """Compute the derivatives of a function of one number, and find out where they can be drawn.

    Args:    fun: maps a number to a number; if it maps arrays entry by entry, all points take one pass.
             start, stop: the range.  order: the highest derivative.  points: how many, equally spaced.
    Raises:  whatever `fun` raises, if it does so at all points.

    >>> found = curves(np.tanh, -7.0, 7.0, 2, points=101)
    >>> found.values.shape, [round(scale, 3) for scale in found.scales]
    ((3, 101), [1.0, 1.0, 0.767])
    """
    x = np.linspace(start, stop, points)
    step = x[1] - x[0]
    table = table_of(fun, x, order + 2)
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
        found.breaks &= np.abs(jumps) > 0.05 * np.array(found.scales)[:, None]
    places = sorted({f"{s:.4g}" for poles in found.singular for s in poles}, key=float)
    undefined = int(np.sum(~np.isfinite(raw).all(axis=0)))
    if places:
        found.notes.append(f"singular at x = {', '.join(places)}")
    if undefined > sum(x[0] <= float(s) <= x[-1] for s in places):
        found.notes.append(f"not defined at {undefined} of {points} points")
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
    return found


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


# ----- drawing --------------------------------------------------------------------------------------------------------

LAYOUTS = ("auto", "overlay", "normalised", "stacked")
STYLE: dict[str, Any] = {
    "font.size": 10.0,
    "axes.titlesize": 14.0,
    "axes.titlepad": 13.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.7,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "lines.solid_capstyle": "round",
    "mathtext.fontset": "cm",
    "svg.fonttype": "path",
    "svg.hashsalt": "minigrad",
    "pdf.fonttype": 42,
}


def label(order: int) -> str:
    """The name of a derivative in mathematics.

    >>> [label(k) for k in (0, 1, 3, 4)]
    ['$f$', "$f'$", "$f'''$", '$f^{(4)}$']
    """
    return f"$f{chr(39) * order}$" if order < 4 else f"$f^{{({order})}}$"


def draw(found: Curves, layout: str = "auto") -> Any:
    """A matplotlib figure of the curves: on one pair of axes, each divided by its largest value, or in panels."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a plot needs matplotlib: pip install 'minigrad[plot]'") from error
    if layout == "auto":
        ratio = max(found.scales) / min(found.scales)
        singular = any(found.singular)
        layout = "overlay" if ratio <= 4 and not singular else "normalised" if not singular else "stacked"
        if found.order > 8 and layout != "overlay":
            layout = "stacked"
        if found.order == 0:
            layout = "overlay"
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        # Viridis (perceptually uniform, safe for the colour-blind) without its end that is too pale on white.
        colours = [mpl.colormaps["viridis"](0.88 * k / max(found.order, 1)) for k in range(found.order + 1)]
        if layout == "stacked":
            figure = _stacked(Figure, found, colours)
        else:
            figure = _together(Figure, found, colours, layout == "normalised")
        if found.notes:
            figure.supxlabel("; ".join(found.notes), x=0.01, ha="left", fontsize=8, color="#777777", wrap=True)
    return figure


def _in_tex(number: float) -> str:
    """A number to three digits, as TeX sets it."""
    mantissa, _, exponent = f"{number:.3g}".partition("e")
    return mantissa if not exponent else rf"{mantissa} \times 10^{{{int(exponent)}}}"


def _title(found: Curves) -> dict[str, Any]:
    title = found.title.replace(r"\frac", r"\dfrac") if found.title.count(r"\frac") == 1 else found.title
    length = len(re.sub(r"\\[A-Za-z]+|[{}]", "", found.title))
    return {
        "pad": 18 if "dfrac" in title else None,
        "label": title,
        "fontsize": 14 if length < 60 else 10 if length < 90 else 7,
    }


def _together(figure_type: Any, found: Curves, colours: list[Any], normalised: bool) -> Any:
    figure = figure_type(figsize=(8.4, 4.8), layout="constrained", dpi=130)
    axes = figure.add_subplot()
    axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=1)
    for k in reversed(range(found.order + 1)):
        scale = found.scales[k] if normalised else 1.0
        name = label(k) if not normalised or scale == 1.0 else rf"{label(k)[:-1]}\;/\;{_in_tex(scale)}$"
        axes.plot(
            *_line(found, k, scale), color=colours[k], label=name, linewidth=2.6 if k == 0 else 1.7, zorder=3 - k / 99
        )
        _draw_marks(axes, found, k, scale, colours[k])
    for pole in sorted({pole for poles in found.singular for pole in poles}):
        axes.axvline(pole, color="#999999", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    low, high = _limits(found, range(found.order + 1), normalised)
    axes.set_ylim(low, high)
    axes.set_xlim(found.x[0], found.x[-1])
    axes.set_xlabel("$x$")
    if normalised:
        axes.set_ylabel("each divided by its largest absolute value")
    axes.set_title(**_title(found))
    handles, labels = axes.get_legend_handles_labels()
    handles, labels = handles[::-1], labels[::-1]
    more, names = _mark_handles(found)
    columns = math.ceil(len(handles + more) / 16)
    figure.legend(handles + more, labels + names, loc="outside right center", frameon=False, ncols=columns)
    return figure


def _stacked(figure_type: Any, found: Curves, colours: list[Any]) -> Any:
    count = found.order + 1
    height = min(1.25, 13.0 / count) * count + 1.0
    figure = figure_type(figsize=(7.6, max(height, 3.0)), layout="constrained", dpi=130)
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for k, axes in enumerate(panels):
        axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=1)
        axes.plot(*_line(found, k, 1.0), color=colours[k], linewidth=1.8, zorder=3)
        _draw_marks(axes, found, k, 1.0, colours[k])
        for pole in found.singular[k]:
            axes.axvline(pole, color="#999999", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        axes.set_ylim(*_limits(found, [k], False))
        axes.set_ylabel(label(k), rotation=0, ha="right", va="center", fontsize=12, color=colours[k])
        axes.locator_params(axis="y", nbins=4)
        axes.ticklabel_format(axis="y", scilimits=(-3, 4), useMathText=True)
        axes.yaxis.get_offset_text().set_fontsize(8)
        axes.tick_params(labelsize=8, bottom=k == count - 1)
    figure.align_ylabels(panels)
    panels[-1].set_xlim(found.x[0], found.x[-1])
    panels[-1].set_xlabel("$x$")
    panels[0].set_title(**_title(found))
    handles, names = _mark_handles(found)
    if handles:
        figure.legend(handles, names, loc="outside lower right", ncols=2, frameon=False)
    return figure


def _line(found: Curves, k: int, scale: float) -> tuple[Any, Any]:
    """The points of a curve, with a gap where it jumps."""
    at = np.flatnonzero(found.breaks[k]) + 1
    return np.insert(found.x, at, np.nan), np.insert(found.values[k] / scale, at, np.nan)


def _limits(found: Curves, orders: Sequence[int], normalised: bool) -> tuple[float, float]:
    """What to show of the axis of values: everything but what lies close to a singularity."""
    low = high = 0.0
    for k in orders:
        y = found.values[k][np.isfinite(found.values[k])] / (found.scales[k] if normalised else 1.0)
        bound = 1.0 if normalised else found.scales[k]
        if y.size:
            low, high = min(low, max(float(y.min()), -bound)), max(high, min(float(y.max()), bound))
    margin = 0.07 * (high - low) or 1.0
    return low - margin, high + margin


def _draw_marks(axes: Any, found: Curves, k: int, scale: float, colour: Any) -> None:
    if found.zeros is not None:
        at = found.zeros[k]
        axes.plot(at, np.zeros(len(at)), "o", color=colour, markerfacecolor="white", markersize=5, zorder=5)
    if found.extrema is not None:
        at = [place for place, _ in found.extrema[k]]
        heights = [value / scale for _, value in found.extrema[k]]
        axes.plot(at, heights, "D", color=colour, markeredgecolor="white", markersize=5.5, zorder=5)


def _mark_handles(found: Curves) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    handles, names = [], []
    if found.zeros is not None:
        handles.append(Line2D([], [], marker="o", color="#555555", markerfacecolor="white", linestyle="", markersize=5))
        names.append("zeros")
    if found.extrema is not None:
        handles.append(
            Line2D([], [], marker="D", color="#555555", markeredgecolor="white", linestyle="", markersize=5.5)
        )
        names.append("extrema")
    return handles, names


# ----- the command ----------------------------------------------------------------------------------------------------

HIGHEST = 100


class PlotError(ValueError):
    """Bad input: the message is for the person at the terminal."""


def add_options(parser: ArgumentParser) -> None:
    """What the command line of `plot` takes."""
    parser.add_argument(
        "function",
        help="a formula in x, such as 'exp(-x**2)'; or module:function; or path/to/file.py:function, also of a "
        "notebook. A formula that begins with a minus goes into parentheses: '(-x**2)'",
    )
    parser.add_argument("--order", type=int, default=3, metavar="K", help="the highest derivative (default: 3)")
    parser.add_argument(
        "--range", type=float, nargs=2, default=(-5.0, 5.0), metavar=("A", "B"), help="of x (default: -5 5)"
    )
    parser.add_argument("--points", type=int, default=1001, metavar="N", help="equally spaced (default: 1001)")
    parser.add_argument(
        "--out", metavar="FILE", help="the picture: .png, .svg, .pdf, ... (default: named after the function)"
    )
    parser.add_argument(
        "--csv", nargs="?", const="", metavar="FILE", help="write a table of x and all orders; - for the terminal"
    )
    parser.add_argument(
        "--json", nargs="?", const="", metavar="FILE", help="write everything that was found; - for the terminal"
    )
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="auto",
        help="all on one pair of axes, each divided by its largest value, or a panel for each (default: as it fits)",
    )
    parser.add_argument(
        "--mark",
        type=_marks,
        default=(),
        metavar="zeros,extrema",
        help="mark these on every curve, and print them; two of them within one step are not found",
    )
    parser.epilog = (
        "With --csv or --json a picture is drawn only if --out is given. Exit codes: 0 done; 2 wrong usage, a formula "
        "that cannot be read, or a file that cannot be written."
    )
    tell = parser.error

    def error(message: str) -> Any:
        if "required: function" in message:
            message += " (a formula that begins with a minus goes into parentheses, '(-x**2)'; options come after it)"
        tell(message)

    parser.error = error  # type: ignore[method-assign]


def _marks(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if not set(parts) <= {"zeros", "extrema"}:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"{text!r} is not zeros, extrema or zeros,extrema")
    return parts


def run(options: Namespace) -> int:
    """Do what the command line says."""
    try:
        for line in plotted(options):
            print(line, file=sys.stderr if "-" in (options.csv, options.json) else sys.stdout)
    except (PlotError, ExpressionError, ImportError) as error:
        print(f"minigrad: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(f"minigrad: {error.filename or 'the file'} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def plotted(options: Namespace) -> Iterator[str]:
    """Compute, draw and write; yields what there is to say."""
    start, stop = options.range
    if not (math.isfinite(start) and math.isfinite(stop) and start < stop):
        raise PlotError(f"--range needs two numbers, the smaller first; got {start:g} {stop:g}")
    if not 0 <= options.order <= HIGHEST:
        raise PlotError(f"--order must be from 0 to {HIGHEST}, not {options.order}")
    if not 5 <= options.points <= 1_000_000:
        raise PlotError(f"--points must be from 5 to 1000000, not {options.points}")
    if options.csv == options.json == "-":
        raise PlotError("only one of --csv and --json can go to the terminal")
    fun, title, stem = function_of(options.function)
    wants_numbers = options.csv is not None or options.json is not None
    picture = options.out or (None if wants_numbers else f"{stem}.png")
    if picture:
        check_suffix(picture)
    try:
        found = curves(fun, start, stop, options.order, options.points, title)
        mark(found, fun, options.mark)
    except Exception as error:
        raise PlotError(f"{options.function} failed: {_first_line(error)}") from error
    if not np.isfinite(found.values).any():
        raise PlotError(f"{options.function} is not defined anywhere between {start:g} and {stop:g}")
    yield from marks_in_words(found)
    yield from (f"note: {note}" for note in found.notes)
    if picture:
        figure = draw(found, options.layout)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of glyphs that a font lacks, and the like
            figure.savefig(picture)
        yield f"wrote {picture}"
    for path, suffix, write in ((options.csv, "csv", write_csv), (options.json, "json", write_json)):
        if path == "-":
            write(found, options, sys.stdout)
        elif path is not None:
            path = path or f"{stem}.{suffix}"
            with open(path, "w", newline="", encoding="utf-8") as file:
                write(found, options, file)
            yield f"wrote {path}"


def function_of(text: str) -> tuple[Function, str, str]:
    """The function that a text names, its title, and the stem of names of files for it."""
    match = re.fullmatch(r"(?P<place>.*\.(?:py|ipynb)|[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)", text.strip())
    if match is None:
        formula = Expression(text)
        stem = re.sub(r"\(x\)$", "", formula.text)
        stem = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:60] or "plot"
        return formula, f"$f(x) = {formula.mathtext}$", stem
    place, name = match["place"], match["name"]
    with running(text):
        module = _module(place, name)
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            import difflib

            near = difflib.get_close_matches(part, dir(found), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise PlotError(f"{place} has no function {name!r}{hint}") from None
    if not callable(found):
        raise PlotError(f"{text} is a {type(found).__name__}, not a function")
    return found, f"$f$ = {name}", re.sub(r"\W+", "_", name)


@contextmanager
def running(what: str) -> Iterator[None]:
    """Whatever goes wrong in the user's file becomes one line."""
    try:
        yield
    except PlotError:
        raise
    except Exception as error:
        raise PlotError(f"{what} cannot be imported: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _module(place: str, name: str) -> Any:
    from minigrad.checking import programs  # here, since most plots are of formulas

    if not place.endswith((".py", ".ipynb")):
        if str(Path.cwd()) not in sys.path and "" not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(place)
    path = Path(place)
    if not path.is_file():
        raise PlotError(f"there is no file {place}")
    if path.suffix == ".ipynb" or programs.is_notebook(path.read_text(encoding="utf-8")):
        try:
            return SimpleNamespace(**programs.program(place)([name.partition(".")[0]]))
        except programs.ProgramError as error:
            raise PlotError(str(error)) from None
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.resolve().parent))  # as python itself does for a file that it runs
    spec.loader.exec_module(module)
    return module


def check_suffix(path: str) -> None:
    """Raise unless matplotlib writes this kind of picture."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        raise ImportError("a plot needs matplotlib: pip install 'minigrad[plot]'") from error
    known = FigureCanvasBase.get_supported_filetypes()
    suffix = Path(path).suffix.removeprefix(".").lower()
    if suffix not in known:
        raise PlotError(f"--out {path}: the name must end in one of {', '.join('.' + s for s in sorted(known))}")


def marks_in_words(found: Curves) -> Iterator[str]:
    """The zeros and extrema, one line for each order."""
    names = ["f", "f'", "f''", "f'''"]
    names += [f"f^({k})" for k in range(4, found.order + 1)]
    for k in range(found.order + 1):
        if found.zeros is not None:
            yield f"{names[k]}: zeros at x = {', '.join(f'{z:.12g}' for z in found.zeros[k]) or 'none'}"
        if found.extrema is not None:
            places = ", ".join(f"({at:.12g}, {value:.12g})" for at, value in found.extrema[k])
            yield f"{names[k]}: extrema (x, value) {places or 'none'}"


def write_csv(found: Curves, options: Namespace, file: TextIO) -> None:
    """A table with the columns x and the orders; empty where there is no value."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["x", *range(found.order + 1)])
    for x, row in zip(found.x.tolist(), found.values.T.tolist()):
        writer.writerow([repr(x), *["" if math.isnan(y) else repr(y) for y in row]])


def write_json(found: Curves, options: Namespace, file: TextIO) -> None:
    """Everything as one object; null where there is no value."""
    content: dict[str, Any] = {
        "function": options.function,
        "order": found.order,
        "x": found.x.tolist(),
        "derivatives": [[None if math.isnan(y) else y for y in row] for row in found.values.tolist()],
        "singular": found.singular,
        "notes": found.notes,
    }
    if found.zeros is not None:
        content["zeros"] = found.zeros
    if found.extrema is not None:
        content["extrema"] = [[list(pair) for pair in pairs] for pairs in found.extrema]
    json.dump(content, file, allow_nan=False)
    file.write("\n")
