"""What a check of derivatives found: plain records, which convert to dicts and JSON. `views` prints and draws them."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from typing import TYPE_CHECKING, Any


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
    #: where no mistake is named: what was written by hand, and the gradient that the tape writes, as programs
    programs: tuple[str, str] | None = None

    def __bool__(self) -> bool:
        raise TypeError(
            'a report is neither true nor false: compare its verdict, report.verdict == "OK" (the others are "WRONG", '
            '"NOT DIFFERENTIABLE HERE" and "INCONCLUSIVE")'
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; NaN becomes `None`, infinities and complex numbers strings."""
        found: dict[str, Any] = as_json(self)
        return found

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON that every parser reads (no NaN, no Infinity)."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    if TYPE_CHECKING:  # `minigrad.checking.views`, which stands above this module, gives a report these methods

        def print(self, file: Any = None) -> None:
            """See `minigrad.checking.views.print_report`."""

        def to_html(self, path: Any) -> None:
            """See `minigrad.checking.views.to_html`."""

        def figure(self) -> Any:
            """See `minigrad.checking.views.figure`."""


def as_json(value: Any) -> Any:
    """A record, or a part of one, in what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.metadata.get("plain", True)]
        return {name: as_json(getattr(value, name)) for name in fields}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [as_json(part) for part in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(value) if math.isfinite(value) else str(value)
    return str(value) if isinstance(value, complex) else value


def misfit(kind: str, manual: tuple[int, ...] | None, shape: tuple[int, ...], where: str = "") -> str:
    """What there is to say about a shape that does not fit: `your gradient has shape (4, 4), the parameter (4,)`."""
    gradient = kind not in ("jacobian", "jvp")
    name = f"your {'gradient' if gradient else kind}{where}"
    if manual is None:
        return f"{name} is missing, {'the parameter has' if gradient else 'it should have'} shape {shape}"
    return f"{name} has shape {manual}, {'the parameter' if gradient else 'it should have'} {shape}"
