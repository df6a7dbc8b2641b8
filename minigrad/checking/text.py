"""A report in words: plain text for any file, and the cells that the tables of the terminal and the page show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.checking.records import PRECEDENCE, LeafReport, Report, Verdict, misfit

WHOLE = 12  # entries of a leaf that are all shown
SHOWN = 40  # leaves in the table of a report; those that are not OK come first
SIGNS = {Verdict.OK: "✓", Verdict.WRONG: "✗", Verdict.NOT_DIFFERENTIABLE: "∧", Verdict.INCONCLUSIVE: "?"}
MEANING = {
    Verdict.OK: "Tape, differences and your formula agree, as far as the tolerances below can tell.",
    Verdict.WRONG: "Your formula is refuted by evidence that could have confirmed it.",
    Verdict.NOT_DIFFERENTIABLE: "The function has a kink, a jump or an infinite slope at this point, so that no "
    "gradient can be right. Check at another point.",
    Verdict.INCONCLUSIVE: "The evidence cannot tell right from wrong here, mostly because the function is too noisy.",
}


def number(value: Any, digits: int = 4) -> str:
    """A number in a few characters; `-` for one that is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.{digits}g}"


def seconds(value: float) -> str:
    """A time in words."""
    return f"{value:.2g} s" if value >= 1 else f"{1e3 * value:.2g} ms"


def columns(rows: list[list[str]], indent: str = "  ") -> list[str]:
    """Rows of cells as aligned lines."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def at(leaf: LeafReport) -> str:
    """The place of a leaf, in a sentence."""
    return f" at {leaf.path}" if leaf.path else ""


def text(report: Report) -> str:
    """The report for the eye, in plain text."""
    f, manual = report.functions
    lines = [
        f"{report.verdict}: the {report.kind} {manual}, written by hand, against {f}",
        f"  at {report.point}; {report.precision}; seed {report.seed}; f = {number(report.value, 8)}; "
        f"{report.evaluations} evaluations of f"
        + (f" and {report.diagnosis_evaluations} more to place the mistake" if report.diagnosis_evaluations else "")
        + f", {seconds(report.seconds)}",
    ]
    for leaf in report.leaves:
        if leaf.manual_shape != leaf.shape:
            lines.append("  " + misfit(report.kind, leaf.manual_shape, leaf.shape, at(leaf)))
    lines += ["", *leaf_table(report)]
    for leaf in report.leaves:
        lines += leaf_lines(leaf)
    if report.verdict is Verdict.OK:
        reasons = dict.fromkeys(fact for leaf in report.leaves for fact in leaf.evidence)
        lines += [f"  {reason}" for reason in list(reasons)[:3]]
    lines += layer_lines(report)
    for kink in report.kinks:
        where = f" at {kink.line}" if kink.line else ""
        lines.append(f"  kink: {kink.operation}{where}: {kink.detail}")
    lines += taylor_lines(report)
    lines += [f"  note: {note}" for note in report.notes]
    lines += [f"  {line}" for line in next_step(report)] + side_by_side(report)
    return "\n".join(lines)


def leaf_table(report: Report) -> list[str]:
    """One row per leaf."""
    rows = [["leaf", "verdict", "shape", "|yours|", "|tape|", "max abs", "max rel", "cosine", "tolerance"]]
    ordered = sorted(report.leaves, key=lambda leaf: PRECEDENCE.index(leaf.verdict))
    chosen = report.leaves if len(ordered) <= SHOWN else ordered[:SHOWN]
    for leaf in chosen:
        norms = [number(leaf.norm_manual), number(leaf.norm_tape), number(leaf.max_abs, 2), number(leaf.max_rel, 2)]
        name, rest = leaf.path or "(the argument)", [number(leaf.cosine, 6), number(leaf.tolerance, 2)]
        rows.append([name, str(leaf.verdict), str(leaf.shape), *norms, *rest])
    hidden = len(ordered) - len(chosen)
    return columns(rows) + ([f"  ... and {hidden} more, all {ordered[-1].verdict}"] if hidden else [])


def leaf_lines(leaf: LeafReport) -> list[str]:
    """What there is to say about one leaf that is not OK."""
    if leaf.verdict is Verdict.OK:
        return []
    lines = ["", f"  {leaf.path or 'the argument'}: {leaf.verdict}"]
    if leaf.worst_index is not None:
        place = f" {list(leaf.worst_index)}" if leaf.worst_index else ""
        lines.append(
            f"    worst entry{place}: yours {number(leaf.worst_manual, 9)}, tape {number(leaf.worst_tape, 9)}, "
            f"numerical {number(leaf.worst_numerical, 9)}"
        )
    lines += [f"    {fact}" for fact in leaf.evidence]
    if leaf.diagnosis:
        lines.append(f"    looks like: {leaf.diagnosis}")
    if entries := entry_rows(leaf):
        lines += columns([ENTRY_TITLES, *entries], "    ")
    return lines


ENTRY_TITLES = ["entry", "yours", "tape", "ratio"]


def entry_rows(leaf: LeafReport) -> list[list[str]]:
    """All entries of a small leaf that is not OK."""
    manual, tape, _ = leaf.arrays or (None, None, None)
    if leaf.verdict is Verdict.OK or not 1 < leaf.size <= WHOLE or manual is None or tape is None:
        return []
    if manual.shape != tape.shape:
        return []
    rows = []
    for index in np.ndindex(*tape.shape):
        yours, true = manual[index], tape[index]
        ratio = number((yours / true).item(), 5) if true != 0 and np.isfinite(true) else "-"
        place = f"{leaf.path}[{', '.join(map(str, index))}]"
        rows.append([place, number(yours.item(), 7), number(true.item(), 7), ratio])
    return rows


def next_step(report: Report) -> list[str]:
    """What to do where no mistake is named."""
    if report.programs is None:
        return []
    return [
        "no known mistake explains this. What to do next: name intermediate values in your function, "
        "u = minigrad.name(A @ x, 'u'), and hand over your cotangents of them, check(..., deltas={'u': ...}). "
        "The first that differs, going backward, is where the mistake is.",
    ]


def side_by_side(report: Report) -> list[str]:
    """The gradient by hand, and the one that the tape writes."""
    if report.programs is None:
        return []
    by_hand, by_tape = report.programs
    indented = lambda text: [f"    {line}".rstrip() for line in text.rstrip().splitlines()]
    return ["", "  yours:", *indented(by_hand), "", "  what the tape writes, by minigrad.source:", *indented(by_tape)]


def layer_lines(report: Report) -> list[str]:
    """The deltas in the order of the backward sweep, and the first that differs."""
    if not report.layers:
        return []
    rows = [["delta", "verdict", "shape", "max abs", "max rel", "line"]]
    for layer in report.layers:
        differences = [number(layer.max_abs, 2), number(layer.max_rel, 2)]
        rows.append([layer.name, str(layer.verdict), str(layer.shape), *differences, layer.line or ""])
    lines = ["", *columns(rows)]
    for layer in report.layers:
        if layer.name == report.first_diverging:
            lines.append(f"  first diverging layer, going backward: {layer.name}: {layer.detail}")
    return lines


def taylor_lines(report: Report) -> list[str]:
    """The table of Taylor remainders."""
    if not report.taylor:
        return []
    rows = [["step h", "|f(x+hv) - f(x)|", "|f(x+hv) - f(x) - h g.v|", "slope", "central difference", "its error"]]
    central = {point.step: point for point in report.curve}
    for row in report.taylor:
        point = central.get(row.step)
        rows.append(
            [f"{row.step:.0e}", number(row.remainder_zeroth, 3), number(row.remainder_first, 3), number(row.slope, 3)]
            + ([number(point.central, 9), number(point.predicted, 2)] if point else ["-", "-"])
        )
    return [
        "",
        "  Taylor remainders along a random direction v, with your gradient g (slope 2: right, 1: wrong, -: noise)",
        *columns(rows, "    "),
        f"    slope {number(report.slope, 3)}; noise of f {number(report.noise, 2)}; "
        f"error floor of differences {number(report.floor, 2)}",
    ]


# ----- what tables and pages show, cell by cell -----------------------------------------------------------------------


def ordered(report: Report) -> list[LeafReport]:
    """The leaves to show, at most `SHOWN`; those that decide the verdict come first."""
    return sorted(report.leaves, key=lambda leaf: PRECEDENCE.index(leaf.verdict))[:SHOWN]


LEAF_TITLES = [
    "leaf", "verdict", "shape and dtype", "|yours|", "|tape|", "|numerical|",
    "largest error", "relative", "cosine", "tolerance",
]  # fmt: skip


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


def worst_entry(leaf: LeafReport) -> list[tuple[str, str]]:
    """The three values of the entry that differs most, with their names."""
    values = [("yours", leaf.worst_manual), ("tape", leaf.worst_tape), ("numerical", leaf.worst_numerical)]
    return [(name, number(value, 9)) for name, value in values if value is not None]


def diagnoses(report: Report) -> list[tuple[str, list[str]]]:
    """What the mistakes look like, each with the leaves in which it was seen."""
    found: dict[str, list[str]] = {}
    for leaf in report.leaves:
        if leaf.diagnosis:
            found.setdefault(leaf.diagnosis, []).append(leaf.path or "the argument")
    return list(found.items())


def path_of_worst(leaf: LeafReport) -> str:
    """The index of the worst entry as it is written in Python."""
    index = ", ".join(map(str, leaf.worst_index or ()))
    return f"{leaf.path}[{index}]" if index else leaf.path or "the value"
