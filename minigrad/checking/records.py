"""What a check of derivatives found: records that print as text and convert to dicts and JSON."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from typing import Any


class Verdict(enum.StrEnum):
    """What a check came to. The values are strings: `report.verdict == "OK"`."""

    OK = "OK"  #: right, as far as the printed tolerances can tell
    WRONG = "WRONG"  #: refuted by evidence that could have confirmed it
    NOT_DIFFERENTIABLE = "NOT DIFFERENTIABLE HERE"  #: a kink, a jump or an infinite slope lies at this point
    INCONCLUSIVE = "INCONCLUSIVE"  #: the evidence cannot tell, mostly because f is too noisy


#: From the one that decides to the one that gives way, where parts of a check came to different verdicts.
PRECEDENCE = (Verdict.WRONG, Verdict.NOT_DIFFERENTIABLE, Verdict.INCONCLUSIVE, Verdict.OK)


@dataclasses.dataclass(frozen=True)
class LeafReport:
    """One leaf of the parameter (for a jvp: of the output).

    Numbers are NaN or `None` where there is nothing to compare. `tolerance` is absolute, for the entry that differs
    most: the difference from the tape's entry that rounding explains. `norm_numerical` and `worst_numerical` are known
    where f was differenced coordinate by coordinate, for a diagnosis.
    """

    path: str
    verdict: Verdict
    shape: tuple[int, ...]
    dtype: str
    manual_shape: tuple[int, ...] | None
    manual_dtype: str | None
    size: int
    norm_manual: float
    norm_tape: float
    norm_numerical: float
    max_abs: float
    max_rel: float
    worst_index: tuple[int, ...] | None
    worst_manual: float | complex | None
    worst_tape: float | complex | None
    worst_numerical: float | complex | None
    cosine: float
    tolerance: float
    diagnosis: str | None = None
    evidence: tuple[str, ...] = ()
    #: yours, the tape's and the numerical gradient, or `None` for what is not known; for figures, not part of the JSON
    arrays: tuple[Any, Any, Any] | None = dataclasses.field(
        default=None, repr=False, compare=False, metadata={"plain": False}
    )


@dataclasses.dataclass(frozen=True)
class TaylorRow:
    """One step along the random direction: |f(x+hv) - f(x)| and |f(x+hv) - f(x) - h g.v|, with yours as g.

    `slope` is that of the second remainder against the step, between this row and the one before, in logarithms: 2 for
    a right gradient, 1 for a wrong one. It is NaN where rounding or noise hides it.
    """

    step: float
    remainder_zeroth: float
    remainder_first: float
    slope: float


@dataclasses.dataclass(frozen=True)
class CurvePoint:
    """The derivative of f along the random direction, by differences of one step (NaN where there is none).

    `predicted` is the error that the model predicts for the central difference: noise / step + step² |f'''| / 6.
    """

    step: float
    forward: float
    backward: float
    central: float
    richardson: float
    complex: float
    predicted: float


@dataclasses.dataclass(frozen=True)
class Kink:
    """A place where f is not smooth: the operation, the user's line, and what was seen."""

    operation: str
    line: str | None
    detail: str


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """A hand-written delta beside the cotangent of the value that `minigrad.name` gave the same label."""

    name: str
    verdict: Verdict
    max_abs: float
    max_rel: float
    shape: tuple[int, ...]
    manual_shape: tuple[int, ...] | None = None
    line: str | None = None
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcome of `minigrad.check`.

    `functions` names f and what was written by hand; `evaluations` counts the calls of f up to the verdict and
    `diagnosis_evaluations` those after it, that look for the place of a mistake. `slope` is the median of the Taylor
    slopes above the noise; `noise` the measured noise of f, absolute; `floor` the least error that differences of f can
    have by the error model. `layers` are in the order of the backward sweep.

    A report has no truth value, since three of its verdicts are not OK for different reasons: compare
    `report.verdict`.
    """

    verdict: Verdict
    kind: str
    leaves: tuple[LeafReport, ...]
    precision: str
    seed: int
    point: str
    functions: tuple[str, str]
    evaluations: int
    seconds: float
    value: float | complex | None = None
    slope: float = math.nan
    noise: float = math.nan
    floor: float = math.nan
    taylor: tuple[TaylorRow, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    kinks: tuple[Kink, ...] = ()
    layers: tuple[LayerReport, ...] = ()
    first_diverging: str | None = None
    diagnosis_evaluations: int = 0
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        raise TypeError(
            'a report is neither true nor false: compare its verdict, report.verdict == "OK" (the others are "WRONG", '
            '"NOT DIFFERENTIABLE HERE" and "INCONCLUSIVE")'
        )

    def __str__(self) -> str:
        return text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; NaN becomes `None`, infinities and complex numbers strings."""
        found: dict[str, Any] = plain(self)
        return found

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON that every parser reads (no NaN, no Infinity)."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def print(self, file: Any = None) -> None:
        """Print to a terminal with tables and colours (by rich, if it is installed), to other files as plain text."""
        from minigrad.checking import page

        page.print_report(self, file)

    def to_html(self, path: Any) -> None:
        """Write the report as one page that needs nothing else, with figures if matplotlib is installed."""
        from minigrad.checking import page

        page.to_html(self, path)

    def figure(self) -> Any:
        """The evidence as a figure of matplotlib: Taylor remainders, error against step, yours against the tape."""
        from minigrad.checking import page

        return page.figure(self)


def plain(value: Any) -> Any:
    """A record, or a part of one, in what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.metadata.get("plain", True)]
        return {name: plain(getattr(value, name)) for name in fields}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(value) if math.isfinite(value) else str(value)
    return str(value) if isinstance(value, complex) else value


# ----- text -----------------------------------------------------------------------------------------------------------

SHOWN = 40  # leaves in the table of a report; those that are not OK come first


def number(value: Any, digits: int = 4) -> str:
    """A number in a few characters; `-` for one that is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.{digits}g}"


def columns(rows: list[list[str]], indent: str = "  ") -> list[str]:
    """Rows of cells as aligned lines."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def seconds(value: float) -> str:
    """A time in words."""
    return f"{value:.2g} s" if value >= 1 else f"{1e3 * value:.2g} ms"


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
    return "\n".join(lines)


def misfit(kind: str, manual: tuple[int, ...] | None, shape: tuple[int, ...], where: str = "") -> str:
    """What there is to say about a shape that does not fit: `your gradient has shape (4, 4), the parameter (4,)`."""
    gradient = kind not in ("jacobian", "jvp")
    name = f"your {'gradient' if gradient else kind}{where}"
    if manual is None:
        return f"{name} is missing, {'the parameter has' if gradient else 'it should have'} shape {shape}"
    return f"{name} has shape {manual}, {'the parameter' if gradient else 'it should have'} {shape}"


def at(leaf: LeafReport) -> str:
    """The place of a leaf, in a sentence."""
    return f" at {leaf.path}" if leaf.path else ""


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
    return lines


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
