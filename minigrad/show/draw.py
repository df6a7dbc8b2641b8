"""Curves drawn with matplotlib: layouts, styles, labels and marks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.show.curves import Curves
from minigrad.show.notebook import figure_class

# Curves differ in colour and in dash, so that a printer without colour and a reader who sees fewer tell them apart.
DASHES: tuple[Any, ...] = (
    "-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)), (0, (10, 3)), (0, (4, 1.5, 1, 1.5, 1, 1.5)), (0, (1, 1)),
)  # fmt: skip
# Okabe and Ito's colours without yellow, which is too pale for a line on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")
NAMES = "fghpqrsuvw"  #: of functions that are drawn together
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


def draw(found: Curves | Sequence[Curves], layout: str = "auto") -> Any:
    """A matplotlib figure of the curves: on one pair of axes, each divided by its largest value, or in panels.

    Several functions are drawn together, in one panel for each order.
    """
    try:
        import matplotlib as mpl

        Figure = figure_class()
    except ImportError as error:
        raise ImportError("a plot needs matplotlib: pip install matplotlib") from error
    if not isinstance(found, Curves):
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # matplotlib types the keys one by one
            return draw(found[0], layout) if len(found) == 1 else _compared(Figure, found)
    if layout == "auto":
        scales = [found.scales[k] for k in found.shown]
        ratio = max(scales) / min(scales)
        singular = any(found.singular)
        layout = "overlay" if ratio <= 4 and not singular else "normalised" if not singular else "stacked"
        if len(found.shown) > 9 and layout != "overlay":
            layout = "stacked"
        if len(found.shown) == 1:
            layout = "overlay"
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # as above
        # Viridis (perceptually uniform, safe for the colour-blind) without its end that is too pale on white.
        last = max(len(found.shown) - 1, 1)
        colours = {k: mpl.colormaps["viridis"](0.88 * i / last) for i, k in enumerate(found.shown)}
        if layout == "stacked":
            figure = _stacked(Figure, found, colours)
        else:
            figure = _together(Figure, found, colours, layout == "normalised")
        _note(figure, found.notes)
    return figure


def _note(figure: Any, notes: Sequence[str]) -> None:
    if notes:
        figure.supxlabel("; ".join(notes), x=0.01, ha="left", fontsize=8, color="#666666", wrap=True)


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


def _together(figure_type: Any, found: Curves, colours: Mapping[int, Any], normalised: bool) -> Any:
    figure = figure_type(figsize=(8.4, 4.8), layout="constrained", dpi=130)
    axes = figure.add_subplot()
    axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=1)
    for i, k in reversed(list(enumerate(found.shown))):
        scale = found.scales[k] if normalised else 1.0
        name = label(k) if not normalised or scale == 1.0 else rf"{label(k)[:-1]}\;/\;{_in_tex(scale)}$"
        axes.plot(
            *_line(found, k, scale), color=colours[k], label=name, linestyle=DASHES[i % len(DASHES)],
            linewidth=2.6 if i == 0 else 1.7, zorder=3 - k / 999,
        )  # fmt: skip
        _draw_marks(axes, found, k, scale, colours[k])
    for pole in sorted({pole for k in found.shown for pole in found.singular[k]}):
        axes.axvline(pole, color="#999999", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    low, high = _limits(found, found.shown, normalised)
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


def _stacked(figure_type: Any, found: Curves, colours: Mapping[int, Any]) -> Any:
    count = len(found.shown)
    height = min(1.25, 13.0 / count) * count + 1.0
    figure = figure_type(figsize=(7.6, max(height, 3.0)), layout="constrained", dpi=130)
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for k, axes in zip(found.shown, panels):
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
        axes.tick_params(labelsize=8, bottom=axes is panels[-1])
    figure.align_ylabels(panels)
    panels[-1].set_xlim(found.x[0], found.x[-1])
    panels[-1].set_xlabel("$x$")
    panels[0].set_title(**_title(found))
    handles, names = _mark_handles(found)
    if handles:
        figure.legend(handles, names, loc="outside lower right", ncols=2, frameon=False)
    return figure


def _compared(figure_type: Any, all_found: Sequence[Curves]) -> Any:
    """Several functions: a panel for each order, in each of them a curve for each function."""
    orders = all_found[0].shown
    height = min(2.6, 13.0 / len(orders)) * len(orders) + 1.4
    figure = figure_type(figsize=(8.4, max(height, 4.2)), layout="constrained", dpi=130)
    panels = figure.subplots(len(orders), 1, sharex=True, squeeze=False)[:, 0]
    for k, axes in zip(orders, panels):
        axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=1)
        for i, found in enumerate(all_found):
            colour = COLOURS[i % len(COLOURS)]
            name = found.title.replace("f", NAMES[i % len(NAMES)], 1)
            axes.plot(*_line(found, k, 1.0), color=colour, linestyle=DASHES[i % len(DASHES)], linewidth=1.9, label=name)
            _draw_marks(axes, found, k, 1.0, colour)
        limits = [_limits(found, [k], False) for found in all_found]
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        text = "value" if k == 0 else f"derivative {k}"
        axes.set_ylabel(text)
    panels[-1].set_xlim(all_found[0].x[0], all_found[0].x[-1])
    panels[-1].set_xlabel("$x$")
    handles, names = panels[0].get_legend_handles_labels()
    more, more_names = _mark_handles(all_found[0])
    figure.legend(handles + more, names + more_names, loc="outside upper center", frameon=False, ncols=2)
    _note(figure, [f"{NAMES[i % len(NAMES)]}: {note}" for i, found in enumerate(all_found) for note in found.notes])
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
