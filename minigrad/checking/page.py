"""A report as a page of HTML: the verdict, the leaves, the findings, and pictures where matplotlib is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from minigrad.checking import figures
from minigrad.checking.records import LeafReport, Report, Verdict
from minigrad.checking.text import (
    ENTRY_TITLES,
    LEAF_TITLES,
    MEANING,
    SIGNS,
    diagnoses,
    entry_rows,
    leaf_cells,
    next_step,
    number,
    ordered,
    path_of_worst,
    seconds,
    worst_entry,
)
from minigrad.show import page as pages
from minigrad.show.page import Html, element, joined, listing, paragraph, section

STYLE = """
header.card { border-left: 10px solid var(--tone); }
h1 .state { color: var(--tone); }
.looks { border-left: 4px solid var(--tone); padding: .35rem .8rem; background: var(--back); font-weight: 600; }
.looks span { color: var(--soft); font-weight: 400; } dl + .looks { margin-top: .9rem; }
"""
TONES = {
    Verdict.OK: "ok",
    Verdict.WRONG: "wrong",
    Verdict.NOT_DIFFERENTIABLE: "kink",
    Verdict.INCONCLUSIVE: "unclear",
}


def html(report: Report) -> Html:
    """The report as one page that needs nothing else: no server, no network, no script."""
    f, manual = report.functions
    *found, notes = parts(report)
    title = f"{report.verdict}: {manual} against {f}"
    return pages.page(title, *found, figures_section(report), taylor_section(report), notes, style=STYLE)


def parts(report: Report) -> list[Html]:
    """What a report has to say in words and tables."""
    return [
        header(report),
        leaves_section(report),
        section("Findings", *[finding(leaf) for leaf in ordered(report) if leaf.verdict is not Verdict.OK]),
        layers_section(report),
        programs_section(report),
        section(
            "Kinks", listing(f"{k.operation}{f' at {k.line}' if k.line else ''}: {k.detail}" for k in report.kinks)
        ),
        section("Notes", listing(report.notes)),
    ]


def write(report: Report, path: str | Path) -> None:
    """Write the page. Raises: OSError where the file cannot be written."""
    pages.write(path, html(report))


def state(verdict: Verdict) -> Html:
    """A verdict in its colour, with its sign."""
    return element("span", sign(verdict), f" {verdict}", class_=f"state {TONES[verdict]}")


def sign(verdict: Verdict) -> Html:
    """The sign of a verdict, which only repeats the word beside it, so that a screen reader need not say it."""
    return element("span", SIGNS[verdict], aria_hidden="true")


def header(report: Report) -> Html:
    """The verdict, what was compared and where, and what the mistakes look like."""
    f, manual = report.functions
    effort = f"{report.evaluations} evaluations of f"
    if report.diagnosis_evaluations:
        effort += f", {report.diagnosis_evaluations} more for the diagnosis"
    facts = {
        "function": joined([element("code", f), "" if report.value is None else f" = {number(report.value, 9)}"]),
        f"{report.kind.replace('_', ' ')} by hand": element("code", manual),
        "point": report.point,
        "precision": report.precision,
        "effort": f"{effort}, {seconds(report.seconds)}; seed {report.seed}",
    }
    return element(
        "header",
        element("h1", state(report.verdict)),
        paragraph(MEANING[report.verdict]),
        element("dl", *[joined([element("dt", key), element("dd", value)]) for key, value in facts.items()]),
        *[
            paragraph(f"Looks like: {diagnosis} ", element("span", f"(in {', '.join(leaves)})"), class_="looks")
            for diagnosis, leaves in diagnoses(report)
        ],
        class_=f"card {TONES[report.verdict]}",
    )


def full_table(titles: Sequence[str], rows: list[list[Any]], caption: str, texts: Collection[int] = (0,)) -> Html:
    """A table without the columns that are empty."""
    full = [k for k in range(len(titles)) if any(row[k] not in ("-", "") for row in rows)]
    numbers = [j for j, k in enumerate(full) if k not in texts]
    return pages.stacked([titles[k] for k in full], [[row[k] for k in full] for row in rows], caption, numbers=numbers)


def leaves_section(report: Report) -> Html:
    """The table of leaves."""
    rows = []
    for leaf in ordered(report):
        name, _, *numbers = leaf_cells(leaf)
        rows.append([element("code", name), state(leaf.verdict), *numbers])
    hidden = len(report.leaves) - len(rows)
    more = paragraph(f"... and {hidden} more.") if hidden else ""
    return section("Leaves", full_table(LEAF_TITLES, rows, "Leaves", texts=range(3)), more)


def finding(leaf: LeafReport) -> Html:
    """What is known about a leaf that is not OK."""
    parts = [element("h3", element("code", leaf.path or "the argument"), " ", state(leaf.verdict))]
    if leaf.manual_shape != leaf.shape:
        what = "is missing" if leaf.manual_shape is None else f"has shape {leaf.manual_shape}"
        parts.append(paragraph(f"Your gradient {what}, the parameter has shape {leaf.shape}."))
    if leaf.worst_index is not None and leaf.max_abs != 0:
        values = ", ".join(f"{name} {value}" for name, value in worst_entry(leaf))
        parts.append(paragraph("Worst entry ", element("code", path_of_worst(leaf)), f": {values}."))
    parts.append(listing(leaf.evidence))
    if entries := entry_rows(leaf):
        parts.append(pages.table(ENTRY_TITLES, entries, f"All entries of {leaf.path or 'the argument'}"))
    return joined(parts)


def programs_section(report: Report) -> Html:
    """What to do where no mistake is named, with the gradient by hand beside that of the tape."""
    if report.programs is None:
        return Html()
    by_hand, by_tape = report.programs
    beside = [
        element("div", element("h3", title), pages.scrolling(title, element("pre", text)))
        for title, text in (("Yours", by_hand), ("What the tape writes", by_tape))
    ]
    return section("What to do next", *map(paragraph, next_step(report)), element("div", *beside, class_="grid"))


def layers_section(report: Report) -> Html:
    """The deltas in the order of the backward sweep."""
    if not report.layers:
        return Html()
    rows: list[list[Any]] = []
    first = Html()
    for layer in report.layers:
        mark: list[Any] = [state(layer.verdict)]
        if layer.name == report.first_diverging:
            mark += [" ", element("b", "← first to differ")]
            first = paragraph(
                "First diverging layer: ", element("code", layer.name), f": {layer.detail}", class_="looks wrong"
            )
        numbers = [str(layer.shape), number(layer.max_abs, 2), number(layer.max_rel, 2), layer.line or ""]
        rows.append([element("code", layer.name), joined(mark), *numbers])
    titles = ["delta", "verdict", "shape", "largest error", "relative", "line"]
    return section("Layers, going backward", full_table(titles, rows, "Layers", texts=(0, 1, 5)), first)


def figures_section(report: Report) -> Html:
    """The pictures, where matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        hint = paragraph("Figures need matplotlib: ", element("code", "pip install matplotlib"), ".")
        return section("Evidence", hint)
    found = [
        pages.picture(
            figures.svg(panel),
            "svg",
            f"{panel.title}. {panel.caption}",
            joined([element("b", f"{panel.title}."), " ", panel.caption]),
        )
        for panel in figures.panels(report)
    ]
    return section("Evidence", element("div", *found, class_="grid") if found else "")


def taylor_section(report: Report) -> Html:
    """The numbers behind the first two pictures."""
    if not report.taylor:
        return Html()
    points = {point.step: point for point in report.curve}
    rows = []
    for row in report.taylor:
        point = points.get(row.step)
        numbers = [number(row.remainder_zeroth, 3), number(row.remainder_first, 3), number(row.slope, 3)]
        numbers += [number(point.central, 9), number(point.predicted, 2)] if point else ["-", "-"]
        rows.append([f"{row.step:.0e}", *numbers])
    titles = ["step h", "|f(x+hv) − f(x)|", "|f(x+hv) − f(x) − h g·v|", "slope", "central difference", "its error"]
    summary = (
        f"Slope {number(report.slope, 3)}; noise of f {number(report.noise, 2)}; error floor of differences "
        f"{number(report.floor, 2)}."
    )
    shown = full_table(titles, rows, "Taylor remainders along a random direction v, with your gradient g")
    numbers_behind = element(
        "details", element("summary", "The numbers behind these figures"), shown, paragraph(summary)
    )
    return element("section", numbers_behind, class_="card")
