"""Reports for the eye: in the terminal, as a page, as figures.

The terminal table uses rich and the figures matplotlib, where they are installed (`pip install 'minigrad[report]'`);
without rich a report prints as plain text, without matplotlib the page has tables alone.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import math
import sys
from collections.abc import Callable, Collection
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from minigrad.checking.records import PRECEDENCE, SHOWN, LeafReport, Report, Verdict, number, seconds, text

SIGNS = {Verdict.OK: "✓", Verdict.WRONG: "✗", Verdict.NOT_DIFFERENTIABLE: "∧", Verdict.INCONCLUSIVE: "?"}
MEANING = {
    Verdict.OK: "Tape, differences and your formula agree, as far as the tolerances below can tell.",
    Verdict.WRONG: "Your formula is refuted by evidence that could have confirmed it.",
    Verdict.NOT_DIFFERENTIABLE: "The function has a kink, a jump or an infinite slope at this point, so that no "
    "gradient can be right. Check at another point.",
    Verdict.INCONCLUSIVE: "The evidence cannot tell right from wrong here, mostly because the function is too noisy.",
}
STYLES = {
    Verdict.OK: "green",
    Verdict.WRONG: "red",
    Verdict.NOT_DIFFERENTIABLE: "magenta",
    Verdict.INCONCLUSIVE: "yellow",
}


def ordered(report: Report) -> list[LeafReport]:
    """The leaves, those that decide first, and not more than anybody reads."""
    return sorted(report.leaves, key=lambda leaf: PRECEDENCE.index(leaf.verdict))[:SHOWN]


def leaf_cells(leaf: LeafReport) -> list[str]:
    """A row of the table of leaves."""
    shape = f"{leaf.shape} {leaf.dtype}"
    if leaf.manual_shape != leaf.shape:
        shape += f", yours {'missing' if leaf.manual_shape is None else leaf.manual_shape}"
    elif leaf.manual_dtype != leaf.dtype:
        shape += f", yours {leaf.manual_dtype}"
    norms = [number(leaf.norm_manual), number(leaf.norm_tape), number(leaf.norm_numerical)]
    errors = [number(leaf.max_abs, 2), number(leaf.max_rel, 2), number(leaf.cosine, 6), number(leaf.tolerance, 2)]
    return [leaf.path or "(the argument)", f"{SIGNS[leaf.verdict]} {leaf.verdict}", shape, *norms, *errors]


LEAF_TITLES = [
    "leaf", "verdict", "shape and dtype", "|yours|", "|tape|", "|numerical|",
    "largest error", "relative", "cosine", "tolerance",
]  # fmt: skip


def worst_entry(leaf: LeafReport) -> list[tuple[str, str]]:
    """The three values of the entry that differs most, with their names."""
    values = [("yours", leaf.worst_manual), ("tape", leaf.worst_tape), ("numerical", leaf.worst_numerical)]
    return [(name, number(value, 9)) for name, value in values if value is not None]


def diagnoses(report: Report) -> list[tuple[str, list[str]]]:
    """What the mistakes look like, each once, with the leaves that it was seen in."""
    found: dict[str, list[str]] = {}
    for leaf in report.leaves:
        if leaf.diagnosis:
            found.setdefault(leaf.diagnosis, []).append(leaf.path or "the argument")
    return list(found.items())


def place(leaf: LeafReport) -> str:
    """The index of the worst entry as it is written in Python."""
    index = ", ".join(map(str, leaf.worst_index or ()))
    return f"{leaf.path}[{index}]" if index else leaf.path or "the value"


# ----- terminal -------------------------------------------------------------------------------------------------------


def print_report(report: Report, file: TextIO | None = None) -> None:
    """Print with colours and tables to a terminal that has them, as plain text to anything else."""
    file = sys.stdout if file is None else file
    if importlib.util.find_spec("rich") is None or not file.isatty():
        print(text(report), file=file)
        return
    from rich.console import Console

    console = Console(file=file, highlight=False)
    for part in rich_parts(report):
        console.print(part)


def rich_parts(report: Report) -> list[Any]:
    """What `print_report` shows, as renderables of rich."""
    from rich.markup import escape as plain
    from rich.panel import Panel
    from rich.table import Table

    style = STYLES[report.verdict]
    f, manual = report.functions
    head = (
        f"[bold {style}]{SIGNS[report.verdict]} {report.verdict}[/]  the {report.kind} {plain(manual)}, written by "
        f"hand, against {plain(f)}\n{MEANING[report.verdict]}\n[dim]at {plain(report.point)}; {report.precision}; "
        f"seed {report.seed}; {report.evaluations} evaluations of f, {seconds(report.seconds)}[/]"
    )
    for diagnosis, leaves in diagnoses(report):
        head += f"\n[bold]looks like: {plain(diagnosis)}[/]  [dim](in {plain(', '.join(leaves))})[/]"
    parts: list[Any] = [Panel(head, border_style=style)]
    rows = [list(map(plain, leaf_cells(leaf))) for leaf in ordered(report)]
    full = [k for k in range(len(LEAF_TITLES)) if any(row[k] != "-" for row in rows)]
    table = Table(*[LEAF_TITLES[k] for k in full])
    for leaf, cells in zip(ordered(report), rows):
        cells[1] = f"[{STYLES[leaf.verdict]}]{cells[1]}[/]"
        table.add_row(*[cells[k] for k in full])
    parts.append(table)
    for leaf in ordered(report):
        if leaf.verdict is Verdict.OK:
            continue
        lines = [f"[bold]{plain(leaf.path or 'the argument')}[/]: [{STYLES[leaf.verdict]}]{leaf.verdict}[/]"]
        if leaf.worst_index is not None and leaf.max_abs != 0:
            values = ", ".join(f"{name} {value}" for name, value in worst_entry(leaf))
            lines.append(f"  worst entry {plain(place(leaf))}: {values}")
        lines += [f"  {plain(fact)}" for fact in leaf.evidence]
        parts.append("\n".join(lines))
    if report.layers:
        layers = Table("delta", "verdict", "shape", "largest error", "relative", "line", title="going backward")
        for layer in report.layers:
            first = " ← first to differ" if layer.name == report.first_diverging else ""
            numbers = [str(layer.shape), number(layer.max_abs, 2), number(layer.max_rel, 2), layer.line or ""]
            verdict = f"[{STYLES[layer.verdict]}]{SIGNS[layer.verdict]} {layer.verdict}[/]{first}"
            layers.add_row(plain(layer.name), verdict, *map(plain, numbers))
        parts.append(layers)
    for kink in report.kinks:
        parts.append(plain(f"kink: {kink.operation}{f' at {kink.line}' if kink.line else ''}: {kink.detail}"))
    if report.taylor:
        taylor = Table("step", "|f(x+hv) - f(x)|", "|f(x+hv) - f(x) - h g·v|", "slope")
        taylor.title = "Taylor remainders with your gradient g: slope 2 right, 1 wrong, - noise"
        for row in report.taylor:
            remainders = number(row.remainder_zeroth, 3), number(row.remainder_first, 3)
            taylor.add_row(f"{row.step:.0e}", *remainders, number(row.slope, 3))
        parts.append(taylor)
    parts += [f"[dim]note: {plain(note)}[/]" for note in report.notes]
    return parts


# ----- figures --------------------------------------------------------------------------------------------------------


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

    Raises: ImportError without matplotlib.
    """
    from_figure = _matplotlib()
    found = panels(report)
    made = from_figure(figsize=(5 * max(1, len(found)), 4.4), layout="constrained")
    f, manual = report.functions
    made.suptitle(f"{report.verdict}: {manual} against {f}")
    for k, panel in enumerate(found, start=1):
        axes = made.add_subplot(1, len(found), k)
        axes.set_title(panel.title, fontsize=11)
        panel.draw(axes)
    return made


def _matplotlib() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("figures of reports need matplotlib: pip install 'minigrad[report]'") from None
    return Figure


def picture(panel: Panel) -> str:
    """A panel as an image for a page: SVG within the text of the page."""
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "minigrad", "font.size": 10}):
        made = _matplotlib()(figsize=(5.2, 3.7), layout="constrained")
        panel.draw(made.add_subplot())
        file = io.StringIO()
        made.savefig(file, format="svg", metadata={"Date": None})
    data = base64.b64encode(file.getvalue().encode()).decode()
    return (
        f'<figure><img alt="{escape(panel.title)}. {escape(panel.caption)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption><b>{escape(panel.title)}.</b> {escape(panel.caption)}</figcaption></figure>"
    )


# ----- page -----------------------------------------------------------------------------------------------------------

CSS = """
:root { color-scheme: light; --ink: #1d1d1f; --soft: #5a5a60; --line: #dddcd7; --back: #f6f6f4; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.6rem 1.2rem 3rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 0 0 .7rem; } h3 { font-size: 1rem; margin: 1rem 0 .2rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
section, header { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.3rem;
                  margin: 0 0 1.1rem; }
header { border-left: 10px solid var(--tone); }
.tone-ok { --tone: #00785a; } .tone-wrong { --tone: #b3261e; } .tone-kink { --tone: #6a3d9a; }
.tone-unclear { --tone: #8a6100; }
h1 .sign, .verdict { color: var(--tone); font-weight: 600; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .8rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.wide:focus { outline: 2px solid #0072b2; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child, .text { text-align: left; }
code, td, .mono { font-variant-numeric: tabular-nums; }
code { font: .93em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.looks { border-left: 4px solid var(--tone); padding: .35rem .8rem; background: var(--back); font-weight: 600; }
.looks span { color: var(--soft); font-weight: 400; } dl + .looks { margin-top: .9rem; }
ul { margin: .4rem 0; padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1.2rem; }
figure { margin: 0; } img { width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .92rem; }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 40rem) {
  main { padding: .6rem .6rem 2rem; } section, header { padding: .8rem .9rem; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; }
}
"""
TONES = {
    Verdict.OK: "tone-ok",
    Verdict.WRONG: "tone-wrong",
    Verdict.NOT_DIFFERENTIABLE: "tone-kink",
    Verdict.INCONCLUSIVE: "tone-unclear",
}


def table(titles: list[str], rows: list[list[str]], label: str, texts: Collection[int] = (0,)) -> str:
    """A table of cells that are already HTML, some columns of text, aligned to the left; empty columns are left out."""
    full = [k for k in range(len(titles)) if any(row[k] not in ("-", "") for row in rows)]
    titles, rows = [titles[k] for k in full], [[row[k] for k in full] for row in rows]
    kind = lambda k: ' class="text"' if full[k] in texts else ""
    head = "".join(f'<th scope="col"{kind(k)}>{escape(title)}</th>' for k, title in enumerate(titles))
    body = "".join(
        "<tr>" + "".join(f"<td{kind(k)}>{cell}</td>" for k, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def said(verdict: Verdict) -> str:
    """A verdict in its colour, with its sign."""
    return f'<span class="verdict {TONES[verdict]}"><span aria-hidden="true">{SIGNS[verdict]}</span> {verdict}</span>'


def html(report: Report) -> str:
    """The report as one page that needs nothing else: no server, no network, no script."""
    f, manual = report.functions
    facts = {
        "function": f"<code>{escape(f)}</code>" + (f" = {number(report.value, 9)}" if report.value is not None else ""),
        f"{report.kind.replace('_', ' ')} by hand": f"<code>{escape(manual)}</code>",
        "point": escape(report.point),
        "precision": escape(report.precision),
        "effort": f"{report.evaluations} evaluations of f"
        + (f", {report.diagnosis_evaluations} more for the diagnosis" if report.diagnosis_evaluations else "")
        + f", {seconds(report.seconds)}; seed {report.seed}",
    }
    parts = [
        f'<header class="{TONES[report.verdict]}"><h1><span class="sign" aria-hidden="true">'
        f"{SIGNS[report.verdict]}</span> {report.verdict}</h1><p>{MEANING[report.verdict]}</p><dl>"
        + "".join(f"<dt>{escape(key)}</dt><dd>{value}</dd>" for key, value in facts.items())
        + "</dl>"
        + "".join(
            f'<p class="looks">Looks like: {escape(diagnosis)} <span>(in {escape(", ".join(leaves))})</span></p>'
            for diagnosis, leaves in diagnoses(report)
        )
        + "</header>",
        leaves_section(report),
        findings_section(report),
        layers_section(report),
        listed("Kinks", [f"{k.operation}{f' at {k.line}' if k.line else ''}: {k.detail}" for k in report.kinks]),
        figures_section(report),
        taylor_section(report),
        listed("Notes", report.notes),
    ]
    title = f"{report.verdict}: {manual} against {f}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>\n" + "\n".join(filter(None, parts))
    ) + "\n</main></body></html>\n"


def leaves_section(report: Report) -> str:
    """The table of leaves."""
    rows = []
    for leaf in ordered(report):
        name, _, *numbers = leaf_cells(leaf)
        rows.append([f"<code>{escape(name)}</code>", said(leaf.verdict), *map(escape, numbers)])
    hidden = len(report.leaves) - len(rows)
    more = f"<p>... and {hidden} more.</p>" if hidden else ""
    return f"<section><h2>Leaves</h2>{table(LEAF_TITLES, rows, 'Leaves', texts=range(3))}{more}</section>"


def findings_section(report: Report) -> str:
    """What is known about the leaves that are not OK."""
    shown = [leaf for leaf in ordered(report) if leaf.verdict is not Verdict.OK]
    found = "".join(map(finding, shown))
    return f"<section><h2>Findings</h2>{found}</section>" if found else ""


def finding(leaf: LeafReport) -> str:
    """What is known about a leaf."""
    parts = []
    if leaf.manual_shape != leaf.shape:
        what = "is missing" if leaf.manual_shape is None else f"has shape {leaf.manual_shape}"
        parts.append(f"<p>Your gradient {what}, the parameter has shape {leaf.shape}.</p>")
    if leaf.worst_index is not None and leaf.max_abs != 0:
        values = ", ".join(f"{name} {value}" for name, value in worst_entry(leaf))
        parts.append(f"<p>Worst entry <code>{escape(place(leaf))}</code>: {escape(values)}.</p>")
    if leaf.evidence:
        parts.append("<ul>" + "".join(f"<li>{escape(fact)}</li>" for fact in leaf.evidence) + "</ul>")
    title = f"<h3><code>{escape(leaf.path or 'the argument')}</code> {said(leaf.verdict)}</h3>"
    return f'<div class="{TONES[leaf.verdict]}">{title}{"".join(parts)}</div>'


def layers_section(report: Report) -> str:
    """The deltas in the order of the backward sweep."""
    if not report.layers:
        return ""
    rows, first = [], ""
    for layer in report.layers:
        here = layer.name == report.first_diverging
        mark = " <b>← first to differ</b>" if here else ""
        numbers = [str(layer.shape), number(layer.max_abs, 2), number(layer.max_rel, 2), layer.line or ""]
        rows.append([f"<code>{escape(layer.name)}</code>", said(layer.verdict) + mark, *map(escape, numbers)])
        if here:
            first = (
                f'<p class="looks">First diverging layer: <code>{escape(layer.name)}</code>: {escape(layer.detail)}</p>'
            )
    titles = ["delta", "verdict", "shape", "largest error", "relative", "line"]
    shown = table(titles, rows, "Layers", texts=(0, 1, 5))
    return f'<section class="tone-wrong"><h2>Layers, going backward</h2>{shown}{first}</section>'


def listed(title: str, facts: Any) -> str:
    """A section with a list."""
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f"<section><h2>{title}</h2><ul>{items}</ul></section>" if items else ""


def figures_section(report: Report) -> str:
    """The pictures, where matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return "<section><p>Figures need matplotlib: <code>pip install 'minigrad[report]'</code>.</p></section>"
    found = panels(report)
    if not found:
        return ""
    return f'<section><h2>Evidence</h2><div class="figures">{"".join(map(picture, found))}</div></section>'


def taylor_section(report: Report) -> str:
    """The numbers behind the first two pictures."""
    if not report.taylor:
        return ""
    points = {point.step: point for point in report.curve}
    rows = []
    for row in report.taylor:
        point = points.get(row.step)
        numbers = [number(row.remainder_zeroth, 3), number(row.remainder_first, 3), number(row.slope, 3)]
        numbers += [number(point.central, 9), number(point.predicted, 2)] if point else ["-", "-"]
        rows.append([f"{row.step:.0e}", *map(escape, numbers)])
    titles = ["step h", "|f(x+hv) − f(x)|", "|f(x+hv) − f(x) − h g·v|", "slope", "central difference", "its error"]
    return (
        "<section><details><summary>The numbers behind these figures</summary>"
        f"{table(titles, rows, 'Taylor remainders')}<p>Slope {number(report.slope, 3)}; noise of f "
        f"{number(report.noise, 2)}; error floor of differences {number(report.floor, 2)}.</p></details></section>"
    )


def to_html(report: Report, path: str | Path) -> None:
    """Write the page. Raises: OSError where the file cannot be written."""
    Path(path).write_text(html(report), encoding="utf-8")
