"""The figures of the tour, each a function that returns a matplotlib `Figure`.

The numbers are handed in; only what concerns the drawing (limits, sizes, ticks, colours) is computed here. Nothing
touches `pyplot`, so there is no global state and no display is needed: save a figure with `Figure.savefig`.
Classes differ in colour and in marker, curves in colour and in dash, so that no figure relies on colour alone.
"""

from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from nn.arrays import Array, Labels
from nn.plane import Plane

# Okabe and Ito, "Color Universal Design", 2008, and two of Paul Tol's "muted" scheme to make ten.
COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"),
    *("#56B4E9", "#F0E442", "#000000", "#999999", "#882255"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", ">", "h", "p")
# For curves and arrows: yellow is too pale for a thin line on white.
LINES = (*COLOURS[:6], "#000000", "#882255")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (12, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (4, 3)),
)
TINT = 0.55  # in a map, the share of the colour of a class; the rest is white, so that the points on top stand out

STYLE: Any = {  # matplotlib types the keys one by one
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.framealpha": 0.92,
    "legend.edgecolor": "#cccccc",
    "lines.linewidth": 1.8,
    "figure.dpi": 150.0,
}


def class_colour(j: int) -> str:
    """The colour of class j. There are ten; class 10 has the colour of class 0 again, but another marker."""
    return COLOURS[j % len(COLOURS)]


def class_edge(j: int) -> str:
    """The colour of the outline of a marker: white, to separate overlapping points, but dark round pale colours."""
    return "#555555" if class_colour(j) in ("#F0E442", "#999999") else "white"


def class_marker(j: int) -> str:
    """The marker of class j. There are twelve, so colour and marker together distinguish sixty classes."""
    return MARKERS[j % len(MARKERS)]


def figure(width: float, height: float, layout: Literal["constrained", "compressed"] = "constrained") -> Figure:
    """An empty figure of this size, in inches, in the common style; "compressed" suits axes of fixed aspect."""
    with mpl.rc_context(STYLE):
        return Figure(figsize=(width, height), layout=layout)


def scatter(ax: Axes, c: Array, y: Labels, k: int, size: float) -> None:
    """Draw the points c, shape (2, n), with the colour and marker of their classes y, shape (n,)."""
    for j in range(k):
        mine = y == j
        ax.scatter(
            c[0, mine],
            c[1, mine],
            s=size,
            marker=class_marker(j),
            color=class_colour(j),
            edgecolors=class_edge(j),
            linewidths=0.1 * np.sqrt(size),
            zorder=3,
        )


def class_handles(classes: Sequence[str]) -> list[Line2D]:
    """The entries of a legend of the classes."""
    return [
        Line2D([], [], ls="", marker=class_marker(j), color=class_colour(j), mec=class_edge(j), ms=8, label=short(name))
        for j, name in enumerate(classes)
    ]


def short(name: str, length: int = 18) -> str:
    """The name of a class in few characters, as matplotlib takes it: a dollar sign would start a formula."""
    return (name if len(name) <= length else name[: length - 1] + "…").replace("$", r"\$")


MOST_IN_LEGEND = 32  # more classes would leave no room for the map


def _width(classes: Sequence[str]) -> float:
    """How wide a square picture is with the legend of the classes beside it, in inches."""
    if len(classes) > MOST_IN_LEGEND:
        return 5.6
    longest = max(len(short(name)) for name in classes)
    return max(5.6, 3.6 + _legend_columns(classes) * (0.35 + 0.085 * longest))


def _legend_columns(classes: Sequence[str]) -> int:
    return 1 + (len(classes) - 1) // 16


def _class_legend(fig: Figure, classes: Sequence[str]) -> None:
    if len(classes) > MOST_IN_LEGEND:
        return
    fig.legend(
        handles=class_handles(classes),
        title="class",
        loc="outside right upper",
        ncols=_legend_columns(classes),
        handletextpad=0.3,
    )


def _square(ax: Axes, plane: Plane) -> None:
    ax.set(xlim=(-plane.limit, plane.limit), ylim=(-plane.limit, plane.limit), aspect="equal")


def data(plane: Plane, x: Array, y: Labels, classes: Sequence[str], title: str) -> Figure:
    """The samples x, shape (p, n), with labels y, in a plane."""
    with mpl.rc_context(STYLE):
        fig = figure(_width(classes), 4.6, "compressed")
        ax = fig.subplots()
        scatter(ax, plane.project(x), y, len(classes), 28 if x.shape[1] <= 600 else 16)
        _square(ax, plane)
        ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1], title=title)
        _class_legend(fig, classes)
    return fig


def activation(t: Array, value: Array, slope: Array) -> Figure:
    """The arctangent and its derivative: points, values and slopes, all of shape (m,)."""
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 3.4)
        ax = fig.subplots()
        for level in (-np.pi / 2, np.pi / 2):
            ax.axhline(level, color="#777777", lw=0.9, ls=":")
        ax.annotate(r"$\pi/2$", (t[0], np.pi / 2), (2, -4), textcoords="offset points", va="top", color="#555555")
        ax.annotate(r"$-\pi/2$", (t[-1], -np.pi / 2), (-2, 4), textcoords="offset points", ha="right", color="#555555")
        ax.plot(t, value, color=COLOURS[0], label=r"$\rho(u) = \arctan u$")
        ax.plot(t, slope, color=COLOURS[4], ls=DASHES[1], label=r"$\rho'(u)$ by autodiff")
        ax.set(xlabel="$u$", xlim=(t[0], t[-1]), title="The activation and its derivative")
        ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.88))
    return fig


def training(loss: Array, at: Labels, accuracy: Array, held_out: Array | None, held_out_name: str) -> Figure:
    """The loss per sample above, the accuracies below.

    Args:
        loss: the mean loss at every iteration, shape (steps + 1,).
        at: the iterations at which accuracies were taken, shape (m,).
        accuracy, held_out: on the training samples and on the held-out ones, if any, shape (m,).
        held_out_name: what the legend calls the held-out samples.
    """
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 4.6)
        above, below = fig.subplots(2, 1, sharex=True)
        above.semilogy(np.arange(loss.size), loss, color=COLOURS[0])
        _plain_ticks(above)
        above.set(ylabel="loss per sample", title="Gradient descent")
        below.plot(at, accuracy, color=COLOURS[0], label="training samples")
        if held_out is not None:
            below.plot(at, held_out, color=COLOURS[4], ls=DASHES[1], label=held_out_name)
        below.set(xlabel="iteration", ylabel="accuracy", ylim=(0.0, 1.03), xlim=(0, max(loss.size - 1, 1)))
        below.legend(loc="lower right")
    return fig


def _plain_ticks(ax: Axes) -> None:
    """Label a logarithmic axis without powers of ten, finer where its range is short; call after setting limits."""
    low, high = ax.get_ylim()
    steps = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if high > 4.0 * low else (1.0, 1.25, 1.5, 1.75, *np.arange(2.0, 10.0, 0.5))
    ax.yaxis.set_major_locator(LogLocator(subs=steps, numticks=99))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _class_map(ax: Axes, plane: Plane, probabilities: Array) -> None:
    """Colours mixed by the probabilities of the classes, with thin lines where the most probable one changes."""
    k, resolution, _ = probabilities.shape
    colours = np.array([to_rgb(class_colour(j)) for j in range(k)])
    image = (probabilities.reshape(k, -1).T @ (TINT * colours + (1.0 - TINT))).reshape(resolution, resolution, 3)
    ax.imshow(
        np.clip(image, 0.0, 1.0),
        origin="lower",
        extent=(-plane.limit, plane.limit, -plane.limit, plane.limit),
        interpolation="bilinear",
        zorder=0,
    )
    side = np.linspace(-plane.limit, plane.limit, resolution)
    for j in range(k):
        lead = probabilities[j] - np.delete(probabilities, j, axis=0).max(axis=0)
        if lead.min() < 0.0 < lead.max():
            ax.contour(side, side, lead, levels=[0.0], colors="#333333", linewidths=0.6, zorder=1)
    ax.grid(visible=False)
    _square(ax, plane)


def class_map(plane: Plane, probabilities: Array, x: Array, y: Labels, classes: Sequence[str], title: str) -> Figure:
    """The classification map.

    Args:
        plane: where it is drawn.
        probabilities: of every class at every point of `Plane.grid`, shape (k, resolution, resolution).
        x, y: samples to draw on top, shapes (p, n) and (n,).
        classes: the k names.
        title: above the map.
    """
    with mpl.rc_context(STYLE):
        fig = figure(_width(classes), 4.6, "compressed")
        ax = fig.subplots()
        _class_map(ax, plane, probabilities)
        scatter(ax, plane.project(x), y, len(classes), 24 if x.shape[1] <= 600 else 12)
        ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1], title=title)
        _class_legend(fig, classes)
    return fig


def depth_maps(
    plane: Plane,
    networks: Sequence[tuple[str, Array]],
    x: Array,
    y: Labels,
    classes: Sequence[str],
) -> Figure:
    """A classification map for every network (title, probabilities on the grid), two in a row, then the legend."""
    with mpl.rc_context(STYLE):
        rows = -(-(len(networks) + 1) // 2)
        fig = figure(5.6, 2.95 * rows, "compressed")
        axes = fig.subplots(rows, 2, squeeze=False).ravel()
        for ax, (title, probabilities) in zip(axes, networks, strict=False):
            _class_map(ax, plane, probabilities)
            scatter(ax, plane.project(x), y, len(classes), 7 if x.shape[1] <= 600 else 4)
            ax.set(title=title, xticks=[], yticks=[])
        for ax in axes[len(networks) :]:
            ax.axis("off")
        if len(classes) <= MOST_IN_LEGEND:
            axes[len(networks)].legend(
                handles=class_handles(classes),
                title="class",
                loc="center",
                ncols=1 + (len(classes) - 1) // 8,
            )
    return fig


def depth_losses(
    labels: Sequence[str],
    at: Array,
    lowest: Array,
    median: Array,
    highest: Array,
    final: Sequence[Array],
    median_final: Sequence[float],
    steps: int,
) -> Figure:
    """Losses of networks of several depths over several seeds.

    Args:
        labels: one for every depth.
        at: iterations, shape (m,).
        lowest, median, highest: of the losses over the seeds at these iterations, each of shape (depths, m): the
            curve of a depth is the median, and its band goes from the lowest to the highest.
        final: for every depth the losses after the last iteration, shape (seeds,).
        median_final: their medians.
        steps: the number of the last iteration.
    """
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 6.4)
        above, below = fig.subplots(2, 1, height_ratios=(1.5, 1.0))
        for i, label in enumerate(labels):
            colour = LINES[i % len(LINES)]
            above.fill_between(at, lowest[i], highest[i], color=colour, alpha=0.13, lw=0)
            above.semilogy(at, median[i], color=colour, ls=DASHES[i % len(DASHES)], label=label)
            beside = i + 1 + np.linspace(-0.22, 0.22, final[i].size)
            below.semilogy([i + 0.65, i + 1.35], [median_final[i]] * 2, color=colour, lw=2.2)
            below.plot(beside, final[i], ls="", marker=class_marker(i), color=colour, mec="white", mew=0.6, ms=7)
        below.margins(y=0.12)
        _plain_ticks(above)
        _plain_ticks(below)
        above.set(xlabel="iteration", ylabel="loss per sample", title="Median and range over the seeds")
        above.set_xlim(0, steps)
        above.legend(title="hidden layers", loc="upper right")
        below.set(
            xlabel="hidden layers",
            ylabel="loss per sample",
            title="After the last iteration: every seed, and the median",
            xlim=(0.4, len(labels) + 0.6),
            xticks=range(1, len(labels) + 1),
            xticklabels=labels,
        )
    return fig


def tanh_derivatives(t: Array, orders: Sequence[Array]) -> Figure:
    """A function and its derivatives of order 1, 2, ... at the points t, all of shape (m,)."""
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 4.0)
        ax = fig.subplots()
        for order, values in enumerate(orders):
            name = "$f$" if order == 0 else f"$f^{{({order})}}$"
            ax.plot(t, values, color=LINES[order % len(LINES)], ls=DASHES[order % len(DASHES)], label=name)
        ax.set(xlabel="$x$", xlim=(t[0], t[-1]), title=r"$f(x) = (1 - e^{-x})\,/\,(1 + e^{-x})$, differentiated")
        fig.legend(loc="outside right upper", title="derivative")
    return fig


def quadratic(side: Array, levels: Array, points: Array, autodiff: Array, formula: Array) -> Figure:
    """The level lines of ||M x||^2 with both gradients at some points.

    Args:
        side: the coordinates, on either axis, of the grid for the level lines, shape (r,).
        levels: the function on this grid, shape (r, r).
        points: shape (2, m).
        autodiff, formula: the gradients at the points, shape (2, m).
    """
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 4.6, "compressed")
        ax = fig.subplots()
        limit = float(side[-1])
        ax.contour(side, side, levels, levels=12, colors="#9a9a9a", linewidths=0.9)
        scale = 0.3 * limit / float(np.hypot(*formula).max() or 1.0)
        for field, colour, width, name in (
            (formula, LINES[5], 0.014, r"$2 M^\top M x$"),
            (autodiff, "#000000", 0.004, "autodiff"),
        ):
            # Thick arrows with a small head, then thin ones over them: both are visible where they coincide.
            ax.quiver(
                *points,
                *(scale * field),
                angles="xy",
                scale_units="xy",
                scale=1.0,
                color=colour,
                width=width,
                headwidth=1.0 + 0.03 / (width + 0.005),
                headlength=1.0 + 0.03 / (width + 0.005),
                headaxislength=1.0 + 0.03 / (width + 0.005),
                minlength=0.0,
                zorder=3,
            )
            ax.plot([], [], color=colour, lw=400 * width, label=name, solid_capstyle="butt")
        ax.plot(*points, ls="", marker="o", color=COLOURS[4], mec="white", ms=7, zorder=4, label="$x$")
        ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-limit, limit), ylim=(-limit, limit))
        ax.set_title(r"Level lines and gradients of $\|Mx\|^2$")
        fig.legend(loc="outside right upper")
    return fig


def comparison(names: Sequence[str], norms: Sequence[tuple[float, float]], errors: Sequence[float]) -> Figure:
    """Two gradients leaf by leaf.

    Args:
        names: one for every leaf, in mathtext.
        norms: the Euclidean norms of the leaf, by autodiff and by hand.
        errors: the norms of the differences relative to the norm by hand.
    """
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 4.8)
        above, below = fig.subplots(2, 1, sharex=True)
        at = np.arange(len(names))
        above.semilogy(
            at, [n for _, n in norms], ls="", marker="s", ms=11, mfc="none", mec=COLOURS[5], mew=2.4, label="by hand"
        )
        above.semilogy(at, [n for n, _ in norms], ls="", marker="x", ms=7, color="#000000", mew=1.6, label="autodiff")
        above.set(ylabel="norm of the gradient", title="The gradient, leaf by leaf")
        above.margins(y=0.15)
        _plain_ticks(above)
        above.legend(loc="best", ncols=2)

        eps = float(np.finfo(np.float64).eps)
        floor = eps / 30.0
        exact = np.array([e == 0.0 for e in errors])
        shown = np.maximum(errors, floor)
        below.semilogy(
            at[~exact], shown[~exact], ls="", marker="o", ms=8, color=COLOURS[4], mec="white", label="difference"
        )
        if exact.any():
            below.semilogy(
                at[exact], shown[exact], ls="", marker="v", ms=8, color=COLOURS[2], mec="white", label="identical"
            )
        below.axhline(eps, color="#555555", lw=1.1, ls=DASHES[1], label="machine epsilon")
        top = max(1e-14, 30.0 * float(shown.max()))
        below.set(ylabel="relative error", xlabel="leaf", ylim=(floor / 2.0, top), xticks=at, xticklabels=list(names))
        below.legend(loc="upper center", ncols=3)
    return fig


def against_depth(
    depths: Sequence[int], panels: Sequence[tuple[str, Sequence[tuple[str, Array]]]], label: str, *, log: bool
) -> Figure:
    """A quantity against the number of hidden layers.

    Args:
        depths: numbers of hidden layers.
        panels: for each a title and its curves: a name, and an array of shape (3, len(depths)) with means, lowest and
            highest values; NaN where there is none.
        label: of the quantity.
        log: whether its axis is logarithmic.
    """
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 0.7 + 2.1 * len(panels))
        axes = fig.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for ax, (title, curves) in zip(axes, panels, strict=True):
            for i, (name, (mean, lowest, highest)) in enumerate(curves):
                colour = LINES[i % len(LINES)]
                ax.fill_between(depths, lowest, highest, color=colour, alpha=0.13, lw=0)
                line = {"ls": DASHES[i % len(DASHES)], "marker": class_marker(i), "ms": 5}
                ax.plot(depths, mean, color=colour, label=name, **line)
            if log:
                ax.set_yscale("log")
            ax.set(title=title, ylabel=label, xticks=depths)
        axes[-1].set_xlabel("hidden layers")
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return fig


def layers_along(rows: Sequence[Sequence[tuple[str, Array, Array]]]) -> Figure:
    """Norms of gradients along trainings.

    Args:
        rows: panels side by side and below each other: a title, numbers of steps of shape (m,), and norms of shape
            (m, layers).
    """
    with mpl.rc_context({**STYLE, "axes.titlesize": 9.0}):
        fig = figure(5.6, 0.4 + 2.2 * len(rows))
        axes = fig.subplots(len(rows), len(rows[0]), sharex=True, sharey=True, squeeze=False)
        shades = mpl.colormaps["viridis"]
        for ax, (title, at, norms) in zip(axes.ravel(), [panel for row in rows for panel in row], strict=True):
            layers = norms.shape[1]
            for r in range(layers):
                ax.semilogy(at, norms[:, r], color=shades(0.9 * r / max(layers - 1, 1)), lw=1.2)
            for r, place in ((0, "first"), (layers - 1, "last")):
                ax.annotate(place, (at[-1], norms[-1, r]), (3, 0), textcoords="offset points", va="center", fontsize=8)
            ax.set_title(title)
            ax.margins(x=0.0)
        for ax in axes[:, 0]:
            ax.set_ylabel("norm")
        for ax in axes[-1]:
            ax.set_xlabel("step")
    return fig


def first_to_last(depths: Sequence[int], curves: Sequence[tuple[str, Array]], steps: int) -> Figure:
    """The gradient in the first layer relative to that in the last.

    Args:
        depths: numbers of hidden layers.
        curves: for each a name, and the ratios before the first step and after the last one, shape (2, len(depths)).
        steps: the number of the last step.
    """
    with mpl.rc_context(STYLE):
        fig = figure(5.6, 3.6)
        axes = fig.subplots(1, 2, sharey=True)
        for ax, time, title in zip(axes, (0, 1), ("at the start", f"after {steps} steps"), strict=True):
            for i, (name, ratios) in enumerate(curves):
                ax.semilogy(
                    depths, ratios[time], color=LINES[i % len(LINES)], ls=DASHES[i % len(DASHES)],
                    marker=class_marker(i), ms=5, label=name,
                )  # fmt: skip
            ax.axhline(1.0, color="#777777", lw=0.9)
            ax.set(title=title, xlabel="hidden layers", xticks=depths)
        axes[0].set_ylabel("norm, first / last layer")
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig
