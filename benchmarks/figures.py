"""The figures: how cost grows, what an order costs and how exact it is, and all ratios at a glance."""

import io
from collections.abc import Mapping
from typing import Any

from benchmarks.items import COLUMNS
from benchmarks.measuring import need
from benchmarks.tables import seconds

# Okabe and Ito, "Color Universal Design", 2008; greys for what is written by hand. Markers and dashes
# differ as well, for readers and printers without colour.
STYLES: dict[str, dict[str, Any]] = {
    "hand-written": {"color": "#444444", "marker": "o"},
    "hand-written, tuned": {"color": "#777777", "marker": "s", "linestyle": "--"},
    "fused by hand (numba)": {"color": "#9a9a9a", "marker": "^", "linestyle": ":"},
    "row by row": {"color": "#9a9a9a", "marker": "<", "linestyle": "-."},
    "plain way": {"color": "#9a9a9a", "marker": ">"},
    "function alone": {"color": "#9a9a9a", "marker": "*"},
    "minigrad": {"color": "#0072B2", "marker": "o"},
    "minigrad, colouring given": {"color": "#56B4E9", "marker": "p"},
    "minigrad compiled": {"color": "#56B4E9", "marker": "D", "linestyle": "--"},
    "minigrad compiled, fast": {"color": "#003a70", "marker": "P", "linestyle": "-."},
    "autograd": {"color": "#E69F00", "marker": "v", "linestyle": ":"},
    "torch": {"color": "#D55E00", "marker": "X", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    "JAX jit": {"color": "#009E73", "marker": "s", "linestyle": (0, (8, 2))},
    "JAX eager": {"color": "#009E73", "marker": "d", "linestyle": "--"},
    "minigrad, derivatives": {"color": "#0072B2", "marker": "o"},
    "minigrad, nested": {"color": "#56B4E9", "marker": "D", "linestyle": "--"},
    "autograd, nested": {"color": "#E69F00", "marker": "v", "linestyle": ":"},
    "torch, nested": {"color": "#D55E00", "marker": "X", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    "JAX jit, nested": {"color": "#882255", "marker": "s", "linestyle": (0, (8, 2))},
    "JAX jit, jet": {"color": "#009E73", "marker": "d", "linestyle": "-."},
}
LOOK = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.0,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "minigrad",
}


def with_look(draw: Any) -> Any:
    """Draw within this module's style; nothing global changes."""

    def drawn(*args: Any, **kwargs: Any) -> Any:
        with need("matplotlib").rc_context(LOOK):
            return draw(*args, **kwargs)

    return drawn


def svg(figure: Any) -> str:
    """The figure as an SVG element to stand within a page, as wide as its place."""
    out = io.StringIO()
    with need("matplotlib").rc_context(LOOK):
        figure.savefig(out, format="svg", metadata={"Date": None}, bbox_inches="tight", pad_inches=0.05)
    text = out.getvalue()
    return text[text.index("<svg") :]


def _curve(axes: Any, name: str, points: dict[int, float], bars: dict[int, Any] | None = None) -> None:
    """One contender's line, with the quartiles as a band."""
    sizes = sorted(points)
    style = STYLES.get(name, {})
    (line,) = axes.plot(sizes, [points[size] for size in sizes], label=name, **style)
    if bars:
        low, high = ([bars[size][key] for size in sizes] for key in ("low", "high"))
        axes.fill_between(sizes, low, high, color=line.get_color(), alpha=0.15, linewidth=0)


def by_size(curve: Mapping[str, Any], key: str) -> dict[int, Any]:
    return {int(size): value for size, value in curve[key].items()}


def _time_axis(axes: Any) -> None:
    """Ticks that say 10 us and not 10^-5."""
    ticker = need("matplotlib.ticker")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda t, _: seconds(t) if t > 0 else ""))
    axes.yaxis.set_minor_locator(ticker.NullLocator())


@with_look
def growth(study: Mapping[str, Any]) -> Any:
    """Time of a call against the size, both on logarithmic scales."""
    figure = need("matplotlib.figure").Figure(figsize=(4.8, 3.9), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in study["curves"].items():
        times = by_size(curve, "times")
        _curve(axes, name, {size: sample["median"] for size, sample in times.items()}, times)
    axes.set_xscale("log")
    _time_axis(axes)
    axes.set_xlabel(study["axis"])
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _cost(axes: Any, study: Mapping[str, Any]) -> None:
    """Time against order; of a compiled function also how long compiling took."""
    for name, curve in study["curves"].items():
        times = by_size(curve, "times")
        _curve(axes, name, {size: sample["median"] for size, sample in times.items()}, times)
        if name.startswith("JAX jit"):
            axes.lines[-1].set_label(f"{name} (compiling: up to {max(curve['first'].values()):.0f} s)")
    _time_axis(axes)
    axes.set_xlabel("order of the derivative")


def _error(axes: Any, study: Mapping[str, Any], last: int) -> None:
    """Error against order; where a result is infinite or not a number the curve leaves the picture."""
    for name, curve in study["curves"].items():
        errors = {size: error for size, error in by_size(curve, "errors").items() if size <= last}
        _curve(axes, name, {size: max(error, 1e-17) for size, error in errors.items() if error is not None})
        for size, error in errors.items():
            if error is None:
                where = {"xy": (size, 1.0), "xycoords": ("data", "axes fraction"), "ha": "center", "va": "top"}
                axes.annotate("NaN", **where, color=STYLES[name]["color"], fontweight="bold")
    axes.set_yscale("log")
    axes.set_xlabel("order of the derivative")
    axes.axhline(2.2e-16, color="#999999", linewidth=0.8, linestyle=":")
    below = {"xytext": (0, -3), "textcoords": "offset points", "ha": "right", "va": "top"}
    axes.annotate("machine epsilon", (last, 2.2e-16), **below, color="#777777", fontsize=7.5)
    axes.set_xlim(0.7, last + 0.3)


@with_look
def order(study: Mapping[str, Any], last_error: int = 12) -> Any:
    """Left the time of the derivative of every order, right its largest error over the largest value."""
    figure = need("matplotlib.figure").Figure(figsize=(9.33, 4.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    _cost(left, study)
    _error(right, study, last_error)
    left.set_title("time of a call")
    right.set_title("largest error / largest value of the derivative")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@with_look
def order_cost(study: Mapping[str, Any]) -> Any:
    """The left panel alone."""
    figure = need("matplotlib.figure").Figure(figsize=(4.8, 4.1), layout="constrained")
    _cost(figure.add_subplot(), study)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@with_look
def order_error(study: Mapping[str, Any], last_error: int = 12) -> Any:
    """The right panel alone."""
    figure = need("matplotlib.figure").Figure(figsize=(4.8, 4.1), layout="constrained")
    axes = figure.add_subplot()
    _error(axes, study, last_error)
    axes.set_ylabel("largest error / largest value")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@with_look
def ratios(record: Mapping[str, Any]) -> Any:
    """Every contender of every item as a multiple of the first, on one logarithmic scale."""
    items = list(record["items"].values())
    figure = need("matplotlib.figure").Figure(figsize=(9.33, 1.4 + 0.27 * len(items)), layout="constrained")
    axes = figure.add_subplot()
    for column in COLUMNS:
        points = []
        for y, item in enumerate(items):
            first = next(iter(item["results"].values()))["median"]
            if column in item["results"] and first > 0:
                points.append((item["results"][column]["median"] / first, y))
        if points:
            style = {key: value for key, value in STYLES[column].items() if key != "linestyle"}
            hollow = {"markerfacecolor": "white"} if column == "JAX eager" else {}
            axes.plot(*zip(*points), linestyle="", label=column, markersize=6, alpha=0.9, **style, **hollow)
    axes.set_xscale("log")
    axes.axvline(1.0, color="#444444", linewidth=0.8)
    axes.set_yticks(range(len(items)), [item["title"] for item in items])
    axes.set_ylim(len(items) - 0.5, -0.5)
    axes.set_xlabel("multiple of the first contender (by hand, where it is)")
    axes.xaxis.set_major_formatter(need("matplotlib.ticker").FuncFormatter(lambda x, _: f"{x:g}"))
    figure.legend(loc="outside lower center", ncols=5)
    return figure
