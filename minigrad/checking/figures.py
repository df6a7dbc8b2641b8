"""The evidence of a report as pictures: Taylor remainders, error against step, yours against the tape.

They are drawn by matplotlib, where it is installed (`pip install matplotlib`).
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.checking.records import PRECEDENCE, LeafReport, Report
from minigrad.checking.text import number
from minigrad.show.notebook import figure_class


class Panel(NamedTuple):
    """One picture: what it is called, what it shows in words, and how it is drawn into matplotlib's axes."""

    title: str
    caption: str
    draw: Callable[[Any], None]


BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#b35c00", "#00785a", "#b3261e", "#666666"
SCATTERED = 400  # entries in the scatter plot
TILES = 48  # rows and columns of the heatmap


def panels(report: Report) -> list[Panel]:
    """The pictures that a report has data for."""
    found = [taylor_panel(report), curve_panel(report)]
    leaf = worst_leaf(report)
    if leaf is not None:
        found += [scatter_panel(leaf), heat_panel(leaf)]
    return [panel for panel in found if panel is not None]


def worst_leaf(report: Report) -> LeafReport | None:
    """The leaf to look at: one that decides, with both gradients known, and of those the one with the largest error."""
    known = [leaf for leaf in report.leaves if leaf.arrays is not None and leaf.arrays[1] is not None]
    known = [leaf for leaf in known if leaf.manual_shape == leaf.shape and leaf.size]
    key = lambda leaf: (PRECEDENCE.index(leaf.verdict), -leaf.max_rel if math.isfinite(leaf.max_rel) else -math.inf)
    return min(known, key=key) if known else None


def both(leaf: LeafReport) -> tuple[Any, Any]:
    """Your gradient and that of the tape."""
    assert leaf.arrays is not None  # worst_leaf saw to it
    return leaf.arrays[0], leaf.arrays[1]


def taylor_panel(report: Report) -> Panel | None:
    """The remainders of order 0 and 1 against the step, in logarithms."""
    steps = np.array([row.step for row in report.taylor])
    zeroth = np.array([row.remainder_zeroth for row in report.taylor])
    first = np.array([row.remainder_first for row in report.taylor])
    good = np.isfinite(first) & (first > 0)
    if good.sum() < 2:
        return None

    def draw(axes: Any) -> None:
        axes.loglog(steps, zeroth, "o--", color=GREY, label="|f(x+hv) − f(x)|", markersize=4)
        axes.loglog(steps[good], first[good], "s-", color=BLUE, label="|f(x+hv) − f(x) − h g·v|, g yours", markersize=5)
        top, size = steps[good][0], first[good][0]
        for slope, style in ((1, ":"), (2, "-.")):
            axes.loglog(steps, size * (steps / top) ** slope, style, color=ORANGE, lw=1, label=f"slope {slope}")
        if report.noise > 0:
            axes.axhline(report.noise, color=RED, lw=1, ls=(0, (1, 3)), label="noise of f")
            axes.set_ylim(bottom=report.noise / 1e3)
        axes.set_xlabel("step h")
        axes.set_ylabel("remainder")
        axes.legend(fontsize=8)

    slope = number(report.slope, 3)
    caption = (
        f"What is left of f when your gradient has explained its part. It falls with slope 2 for a right gradient and "
        f"with slope 1 for a wrong one, until the noise of f ({number(report.noise, 2)}) hides it. Measured: {slope}."
    )
    return Panel("Taylor remainders", caption, draw)


def curve_panel(report: Report) -> Panel | None:
    """The error of each kind of difference against the step."""
    steps = np.array([point.step for point in report.curve])
    kinds = {
        "forward": ("v:", GREY),
        "central": ("o-", BLUE),
        "richardson": ("s-", GREEN),
        "complex": ("d-", ORANGE),
    }
    series = {kind: np.array([getattr(point, kind) for point in report.curve], float) for kind in kinds}
    predicted = np.array([point.predicted for point in report.curve], float)
    reference = best_derivative(series, predicted)
    if reference is None:
        return None
    known, best = reference

    def draw(axes: Any) -> None:
        for kind, (style, color) in kinds.items():
            error = np.abs(series[kind] - best)
            shown = np.isfinite(error) & (error > 0)
            if shown.any():
                axes.loglog(steps[shown], error[shown], style, color=color, label=kind, markersize=4)
        shown = np.isfinite(predicted) & (predicted > 0)
        axes.loglog(steps[shown], predicted[shown], "--", color=RED, lw=1, label="predicted, central")
        if report.floor > 0:
            axes.axhline(report.floor, color=RED, lw=1, ls=(0, (1, 3)), label="predicted floor")
        axes.set_xlabel("step h")
        axes.set_ylabel("error of the derivative")
        axes.legend(fontsize=8)

    caption = (
        f"Differences of f along a random direction v: truncation on the right, rounding on the left. The error is the "
        f"distance to {known}, {number(best, 9)}. The error model promises no less than {number(report.floor, 2)}."
    )
    return Panel("Error against step", caption, draw)


def best_derivative(series: dict[str, Any], predicted: Any) -> tuple[str, float] | None:
    """What the differences know best, and how it is called: the complex step if the real ones bear it out."""
    if not np.isfinite(predicted).any():
        return None
    k = int(np.nanargmin(predicted))
    found = [(kind, series[kind][at]) for kind, at in (("richardson", max(k - 1, 0)), ("central", k))]
    kind, best = next(((kind, float(value)) for kind, value in found if np.isfinite(value)), ("", math.nan))
    exact = series["complex"][np.isfinite(series["complex"])]
    if exact.size and abs(exact[-1] - best) <= max(predicted[k], 1e-6 * abs(best)) < 1e-2 * abs(best):
        return "the complex step", float(exact[-1])
    return (f"the best difference ({kind})", best) if kind else None


def chosen(yours: Any, tape: Any) -> tuple[Any, Any]:
    """The entries to draw: all, or those that differ most and some in between. Complex numbers by their parts."""
    if np.iscomplexobj(yours) or np.iscomplexobj(tape):
        yours, tape = (np.concatenate([np.real(a).ravel(), np.imag(a).ravel()]) for a in (yours, tape))
    yours, tape = np.ravel(yours).astype(float), np.ravel(tape).astype(float)
    finite = np.isfinite(yours) & np.isfinite(tape)
    yours, tape = yours[finite], tape[finite]
    if yours.size > SCATTERED:
        far = np.argsort(-np.abs(yours - tape), kind="stable")
        keep = np.concatenate([far[: SCATTERED // 2], far[SCATTERED // 2 :: max(1, far.size // (SCATTERED // 2))]])
        yours, tape = yours[keep], tape[keep]
    return yours, tape


def scatter_panel(leaf: LeafReport) -> Panel | None:
    """Your entries against those of the tape."""
    yours, tape = chosen(*both(leaf))
    if not yours.size:
        return None

    def draw(axes: Any) -> None:
        low, high = float(min(yours.min(), tape.min())), float(max(yours.max(), tape.max()))
        room = 0.05 * (high - low) or 0.5 * abs(high) or 1.0
        span = np.array([low - room, high + room])
        axes.plot(span, span, "-", color=GREY, lw=1, label="equal")
        axes.plot(tape, yours, "o", color=BLUE, alpha=0.7, markersize=5.5, markeredgewidth=0, label="entries")
        axes.set_xlabel("tape")
        axes.set_ylabel("yours")
        axes.legend(fontsize=8)

    name = leaf.path or "the argument"
    how = (
        f"{yours.size} of {leaf.size} entries, those that differ most among them"
        if leaf.size > SCATTERED
        else "every entry"
    )
    caption = (
        f"{how[0].upper()}{how[1:]} of {name}: equal ones lie on the line. A constant factor is another line through "
        f"0, a sign a line downward, a permutation a cloud."
    )
    return Panel(f"Yours against the tape, {name}", caption, draw)


def heat_panel(leaf: LeafReport) -> Panel | None:
    """Where in the array the two differ."""
    yours, tape = both(leaf)
    if len(leaf.shape) < 1 or leaf.size < 2 or leaf.max_abs == 0:
        return None
    error = np.abs(np.asarray(yours) - np.asarray(tape)).reshape(-1, leaf.shape[-1])
    if len(leaf.shape) == 1:
        error = error.reshape(1, -1)
    error = np.where(np.isfinite(error), error, np.nan)
    rows, columns = (math.ceil(n / TILES) for n in error.shape)
    pad = [(0, -error.shape[0] % rows), (0, -error.shape[1] % columns)]
    blocks = np.pad(error, pad, constant_values=0.0)
    blocks = blocks.reshape(blocks.shape[0] // rows, rows, blocks.shape[1] // columns, columns).max(axis=(1, 3))

    def draw(axes: Any) -> None:
        extent = (-0.5, blocks.shape[1] * columns - 0.5, blocks.shape[0] * rows - 0.5, -0.5)
        image = axes.imshow(blocks, aspect="auto", cmap="magma_r", extent=extent, vmin=0.0, interpolation="nearest")
        axes.figure.colorbar(image, ax=axes, label="|yours − tape|")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("column" if len(leaf.shape) > 1 else "entry")
        axes.set_ylabel("row" if len(leaf.shape) > 1 else "")
        if len(leaf.shape) == 1:
            axes.set_yticks([])

    name = leaf.path or "the argument"
    tile = f", the largest of each {rows} x {columns} entries" if rows * columns > 1 else ""
    flat = " (its leading axes in one)" if len(leaf.shape) > 2 else ""
    caption = f"The absolute difference, entry by entry{tile}, of {name}{flat}; tolerance {number(leaf.tolerance, 2)}."
    return Panel(f"Where they differ, {name}", caption, draw)


def figure(report: Report) -> Any:
    """All panels in one figure of matplotlib, which can be shown in a notebook or saved.

    Raises:
        ImportError: if matplotlib is missing.
    """
    make = matplotlib_figure()
    found = panels(report)
    made = make(figsize=(5 * max(1, len(found)), 4.4), layout="constrained")
    f, manual = report.functions
    made.suptitle(f"{report.verdict}: {manual} against {f}")
    for k, panel in enumerate(found, start=1):
        axes = made.add_subplot(1, len(found), k)
        axes.set_title(panel.title, fontsize=11)
        panel.draw(axes)
    return made


def svg(panel: Panel) -> str:
    """A panel as the text of an SVG file.

    Raises:
        ImportError: if matplotlib is missing.
    """
    make = matplotlib_figure()
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "minigrad", "font.size": 10}):
        made = make(figsize=(5.2, 3.7), layout="constrained")
        axes = made.add_subplot()
        panel.draw(axes)
        # matplotlib's labels of such axes are formulas, and who parses these keeps the frames of all callers in a cycle
        # until the garbage collector runs: with them the report.
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_formatter(lambda value, _position: _power_of_ten(value))
                axis.set_minor_formatter(lambda _value, _position: "")
        file = io.StringIO()
        made.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _power_of_ten(value: float) -> str:
    """A label of an axis of logarithms.

    >>> _power_of_ten(1e-12)
    '10⁻¹²'
    """
    return f"10{format(round(math.log10(value)), 'd').translate(_RAISED)}" if value > 0 else ""


def matplotlib_figure() -> Any:
    """The class of figures, those of matplotlib.

    Raises:
        ImportError: if matplotlib is missing.
    """
    try:
        return figure_class()
    except ImportError:
        raise ImportError("figures of reports need matplotlib: pip install matplotlib") from None
