"""A report in a terminal: tables and colours by rich, where it is installed (`pip install rich`)."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, TextIO

from minigrad.checking.records import Report, Verdict
from minigrad.checking.text import (
    ENTRY_TITLES,
    LEAF_TITLES,
    MEANING,
    SIGNS,
    columns,
    diagnoses,
    entry_rows,
    leaf_cells,
    next_step,
    number,
    ordered,
    path_of_worst,
    seconds,
    side_by_side,
    text,
    worst_entry,
)

STYLES = {
    Verdict.OK: "green",
    Verdict.WRONG: "red",
    Verdict.NOT_DIFFERENTIABLE: "magenta",
    Verdict.INCONCLUSIVE: "yellow",
}


def print_report(report: Report, file: TextIO | None = None) -> None:
    """Print with colours and tables to a terminal that has them, as plain text to anything else."""
    file = sys.stdout if file is None else file
    if importlib.util.find_spec("rich") is None or not file.isatty():
        print(text(report), file=file)
        return
    from rich.console import Console

    console = Console(file=file, highlight=False)
    for part in rich_parts(report, console.width):
        console.print(part)


def rich_parts(report: Report, width: int = 80) -> list[Any]:
    """What `print_report` shows, as renderables of rich for a terminal of this width."""
    from rich import box
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
    narrow = width < 110  # then the norm of the differences gives way: the worst entry tells more of them
    full = [k for k, title in enumerate(LEAF_TITLES) if any(row[k] != "-" for row in rows)]
    full = [k for k in full if not (narrow and LEAF_TITLES[k] == "|numerical|")]
    table = Table(box=box.SIMPLE_HEAD if narrow else box.HEAVY_HEAD, pad_edge=not narrow)
    for k in full:
        longest = max(map(len, LEAF_TITLES[k].split()))
        table.add_column(LEAF_TITLES[k], min_width=longest, overflow="fold")
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
            lines.append(f"  worst entry {plain(path_of_worst(leaf))}: {values}")
        lines += [f"  {plain(fact)}" for fact in leaf.evidence]
        if entries := entry_rows(leaf):
            lines += [plain(line) for line in columns([ENTRY_TITLES, *entries])]
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
    parts += [plain("\n".join([*next_step(report), *side_by_side(report)]))] if report.programs else []
    return parts
