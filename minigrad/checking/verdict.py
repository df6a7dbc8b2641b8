"""From evidence to verdicts: one per leaf, and one for all.

Three things are compared: what was written by hand, the tape, and differences of f. The tape is compared entry by
entry, which costs nothing. Where it agrees with the hand to rounding everywhere, differences of f along random
directions only have to confirm both. Where it does not, f is differenced along the very direction in which the two
differ most, so that even a single wrong entry among many is decided by a handful of evaluations.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.checking.claim import Claim, Entry
from minigrad.checking.evidence import (
    LADDER,
    Line,
    curve_points,
    estimate,
    roughness,
    slope_of,
    taylor_rows,
)
from minigrad.checking.problem import MISSING, Probe, Problem, traced
from minigrad.checking.report import PRECEDENCE, Kink, LeafReport, Report, Verdict
from minigrad.tape import Tape
from minigrad.transforms import Argnum

BUDGET = 40  #: evaluations of f up to the verdict
POWER = 0.05  #: differences confirm only if they would have shown an error of this part of the derivative
COMPLEX_STEP = 1e-20
nan, inf = math.nan, math.inf


def check(
    f: Callable[..., Any],
    manual: Any,
    *args: Any,
    kind: str | None = None,
    argnum: Argnum = 0,
    deltas: Any = None,
    seed: int = 0,
    **kwargs: Any,
) -> Report:
    """Compare a derivative written by hand with the tape's and with differences of `f`; say whether it is right.

    Args:    f: the function, of arrays or pytrees of them.  manual: the function with the same arguments that returns
             the derivative, in the structure of the argument; or the derivative at this point itself.
             kind: "gradient", "value_and_gradient" (a pair, or `(value, gA, gb)` for `argnum=(0, 1)`), "jacobian" (for
             each output and each leaf an array of the shape of the output followed by that of the leaf), "vjp"
             (`manual(*args, c)`, for a cotangent `c` of the output) or "jvp" (`manual(*args, v)`, for a tangent `v` of
             the argument); told from what `manual` returns unless given, but for the last two.
             argnum: which argument, or a sequence of several.  deltas: hand-written cotangents of intermediate values
             that f labels by `minigrad.name(x, "label")`: a dict from labels to arrays (or functions of the arguments),
             or a function of the arguments that returns one.  seed: of the random directions.  Keyword arguments are
             passed on.
    Returns: a `Report`. `report.verdict` is "OK", "WRONG", "NOT DIFFERENTIABLE HERE" or "INCONCLUSIVE", a string;
             `print(report)` says why, per leaf. A gradient that is a valid subgradient at a kink still gives
             "NOT DIFFERENTIABLE HERE".
    Raises:  TypeError if the argument cannot be differentiated (integers); ValueError for an unknown kind, or a gradient
             of a function that does not return one number; and whatever f raises at the point.

    The verdict takes at most 40 evaluations of f, whatever the number of entries; `report.evaluations` counts them.
    There are no tolerances to set: see `minigrad.checking.evidence` for the error model, whose figures are printed.

    >>> report = check(lambda x: np.sum(x**3), lambda x: 2 * x**2, np.array([1.0, 2.0]))
    >>> report.verdict == "WRONG", report.leaves[0].diagnosis
    (True, 'a constant factor of 2/3')
    """
    return Check(Problem(f, args, kwargs, argnum), manual, kind, deltas, seed).report()


def name_of(fun: Any) -> str:
    """How a report calls a function."""
    if not callable(fun):
        return "given as numbers"
    return getattr(fun, "__name__", type(fun).__name__)


@dataclasses.dataclass
class Finding:
    """What is known about one leaf so far."""

    entry: Entry
    tape: Any = None
    tolerance: Any = None
    verdict: Verdict | None = None
    numerical: Any = None  # the whole leaf by differences, NaN where not done
    diagnosis: str | None = None
    evidence: list[str] = dataclasses.field(default_factory=list)
    exceeds: bool = False  # whether it differs from the tape by more than rounding explains


class Check:
    """One check while it runs."""

    def __init__(self, problem: Problem, manual: Any, kind: str | None, deltas: Any, seed: int) -> None:
        self.started = time.perf_counter()
        self.problem, self.seed, self.deltas = problem, seed, deltas
        self.claim = Claim(problem, manual, kind, seed)
        self.rng = np.random.default_rng([seed, 2])
        self.notes: list[str] = [*self.claim.remarks]
        self.kinks: list[Kink] = []
        self.record: Any = None
        self.findings = [Finding(entry) for entry in self.claim.entries]
        self.extra: list[LeafReport] = []
        self.eps = max(
            [float(np.finfo(out.dtype).eps) for out in self.claim.outs if out.dtype.kind in "fc"], default=0.0
        )
        self.value: Any = complex(self.claim.outs[0].ravel()[0]) if self.claim.is_scalar else None
        if self.value is not None and self.claim.outs[0].dtype.kind != "c":
            self.value = self.value.real

    # ----- the tape ---------------------------------------------------------------------------------------------------

    def by_tape(self) -> None:
        """The tape's derivative, and the tolerance of the comparison with it, entry by entry."""
        try:
            self.record = traced(self.problem)
            leaves = self.claim.by_tape(self.record)
        except Exception as error:  # f calls something that has no rule, or leaves NumPy: then there is no tape
            self.record = None
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            self.notes.append(f"f cannot be traced ({reason}); the verdict rests on differences of f alone")
            return
        self.again = None
        try:
            moved = self.problem.trace(self.problem.jiggled(self.rng, self.problem.leaves), Tape())
            tape_moved = self.claim.by_tape(moved)
            self.again = moved
        except Exception:
            tape_moved = leaves
        manual_moved = [
            self.claim.again(self.problem.jiggled(self.rng, self.problem.narrow)) or [None] * len(leaves)
            for _ in range(2)
        ]
        for k, (finding, tape) in enumerate(zip(self.findings, leaves)):
            finding.tape = tape
            if not finding.entry.fits:
                continue
            manual = finding.entry.manual
            given = np.finfo(finding.entry.dtype).eps
            if manual.dtype.kind in "fc":
                given = max(given, np.finfo(manual.dtype).eps)
            jiggle = [np.abs(tape_moved[k] - tape)] + [np.abs(m[k] - manual) for m in manual_moved if m[k] is not None]
            noise = np.max([np.where(np.isfinite(j), j, 0.0) for j in jiggle], axis=0)
            finding.tolerance = 16 * given * (np.abs(manual) + np.abs(tape)) + 10 * noise
            with np.errstate(invalid="ignore"):
                difference = np.abs(manual - tape)
            same = (manual == tape) | (np.isnan(manual) & np.isnan(tape))
            finding.exceeds = bool(np.any(~same & ~(difference <= finding.tolerance)))

    # ----- lines ------------------------------------------------------------------------------------------------------

    def line(self, probe: Probe, steps: Sequence[float], floor: float | None = None) -> Line:
        """phi along a probe."""
        zero = self.at_zero(probe, self.claim.outs)
        line = Line(
            lambda t: float(self.problem.along(probe, t).real), zero, self.floor_of(probe) if floor is None else floor
        )
        line.extend(steps)
        return line

    @staticmethod
    def at_zero(probe: Probe, outs: Sequence[Any]) -> float:
        """phi(0)."""
        return float(sum(np.real(np.sum(c * out)) for c, out in zip(probe.c, outs)))

    def floor_of(self, probe: Probe) -> float:
        """The noise that is known before any difference is taken: rounding of f, and of x."""
        outs = self.claim.outs
        floor = 0.0
        for c, out in zip(probe.c, outs):
            if out.dtype.kind in "fc":
                floor += float(np.finfo(out.dtype).eps) * float(np.sqrt(np.sum(np.abs(c * out) ** 2)))
        for record, factor in ((self.record, 1.0), (getattr(self, "again", None), 1.0)):
            if record is None:
                continue
            from minigrad.tree import flatten

            others = [np.asarray(value) for value in map(_plain, flatten(record.out)[0])]
            if len(others) == len(outs):
                change = abs(self.at_zero(probe, others) - self.at_zero(probe, outs))
                floor = max(floor, factor * change) if math.isfinite(change) else floor
        return floor

    def room(self, evaluations: int) -> bool:
        """Whether the budget has room for so many evaluations."""
        return self.problem.calls + evaluations <= BUDGET

    # ----- the verdict ------------------------------------------------------------------------------------------------

    def report(self) -> Report:
        """Run the check."""
        self.by_tape()
        self.signature()
        self.numbers()
        evaluations = self.problem.calls
        return self.finished(evaluations)

    def signature(self) -> None:
        """Shapes and dtypes come first: a leaf that does not fit is wrong, whatever its numbers."""
        for finding in self.findings:
            entry = finding.entry
            if entry.manual is MISSING:
                finding.verdict = Verdict.WRONG
                finding.evidence.append(f"there is no gradient for this leaf; one of shape {entry.shape} is expected")
            elif not entry.fits:
                finding.verdict = Verdict.WRONG
                finding.evidence.append(f"your gradient has shape {entry.manual.shape}, the parameter {entry.shape}")

    def numbers(self) -> None:
        """Compare the numbers."""
        claim, problem = self.claim, self.problem
        usable = [k for k, finding in enumerate(self.findings) if finding.entry.fits]
        has_tape = self.record is not None
        probe = self.main_probe = claim.probe(only=None if has_tape else usable)
        line = self.main = self.line(probe, LADDER)
        found = self.found = estimate(line)
        manual = [
            f.entry.manual if f.entry.fits else f.tape if has_tape else np.zeros(f.entry.shape) for f in self.findings
        ]
        self.d_manual = claim.predicted(manual, probe)
        self.d_tape = claim.predicted([f.tape for f in self.findings], probe) if has_tape else nan
        rough = roughness(line, found.noise)
        if rough is not None:
            self.kinks.append(Kink("f", None, f"{rough[0]} (seen {rough[1]:.0e} away)"))
        confirmed = found.agrees(self.d_tape if has_tape else self.d_manual)
        for finding in self.findings:
            if finding.verdict is not None:
                continue
            if rough is not None:
                finding.verdict = Verdict.NOT_DIFFERENTIABLE
            elif has_tape:
                if not finding.exceeds:
                    finding.verdict = Verdict.OK if confirmed else Verdict.INCONCLUSIVE
                else:
                    finding.verdict = Verdict.WRONG if confirmed else Verdict.INCONCLUSIVE
            else:
                finding.verdict = Verdict.OK if confirmed else Verdict.WRONG

    # ----- the report -------------------------------------------------------------------------------------------------

    def leaf_report(self, finding: Finding) -> LeafReport:
        """One leaf in numbers."""
        entry = finding.entry
        known = finding.tape if finding.tape is not None else finding.numerical
        manual = entry.manual if entry.manual is not MISSING else None
        worst: tuple[int, ...] | None = None
        max_abs = max_rel = cosine = tolerance = nan
        if entry.fits and known is not None and entry.manual.size:
            with np.errstate(all="ignore"):
                difference = np.abs(entry.manual - known)
                difference = np.where(entry.manual == known, 0.0, difference)
                flat = int(np.argmax(np.where(np.isnan(difference), inf, difference)))
                worst = tuple(int(i) for i in np.unravel_index(flat, entry.shape))
                max_abs = float(difference[worst])
                largest = np.maximum(np.abs(entry.manual), np.abs(known))
                max_rel = float(np.max(np.where(difference == 0, 0.0, difference / largest)))
            cosine = cosine_of(entry.manual, known)
            if finding.tolerance is not None:
                tolerance = float(finding.tolerance[worst])
        return LeafReport(
            path=entry.path,
            verdict=finding.verdict or Verdict.INCONCLUSIVE,
            shape=entry.shape,
            dtype=str(entry.dtype),
            manual_shape=None if manual is None else manual.shape,
            manual_dtype=None if manual is None else str(manual.dtype),
            size=int(np.prod(entry.shape)),
            norm_manual=norm(manual),
            norm_tape=norm(finding.tape),
            norm_numerical=norm(finding.numerical),
            max_abs=max_abs,
            max_rel=max_rel,
            worst_index=worst,
            worst_manual=None if worst is None or manual is None else manual[worst].item(),
            worst_tape=None if worst is None or finding.tape is None else finding.tape[worst].item(),
            worst_numerical=None if worst is None or finding.numerical is None else finding.numerical[worst].item(),
            cosine=cosine,
            tolerance=tolerance,
            diagnosis=finding.diagnosis,
            evidence=tuple(finding.evidence),
            arrays=(manual, finding.tape, finding.numerical),
        )

    def finished(self, evaluations: int) -> Report:
        """All of it as a report."""
        problem, claim = self.problem, self.claim
        leaves = tuple([self.leaf_report(finding) for finding in self.findings] + self.extra)
        verdicts = [leaf.verdict for leaf in leaves]
        verdict = next((v for v in PRECEDENCE if v in verdicts), Verdict.OK)
        rows = taylor_rows(self.main, self.d_manual, self.found.noise)
        return Report(
            verdict=verdict,
            kind=claim.kind,
            leaves=leaves,
            precision=self.precision(),
            seed=self.seed,
            point=self.point(),
            functions=(name_of(problem.f), name_of(claim.manual)),
            evaluations=evaluations,
            seconds=time.perf_counter() - self.started,
            value=self.value,
            slope=slope_of(rows),
            noise=self.found.noise,
            floor=self.found.floor,
            taylor=rows,
            curve=curve_points(self.main, self.found, nan),
            kinks=tuple(self.kinks),
            diagnosis_evaluations=problem.calls - evaluations,
            notes=tuple(self.claim.complaints + self.notes),
        )

    def precision(self) -> str:
        """At what precision f was evaluated, in words."""
        given = sorted({str(np.asarray(leaf).dtype) for leaf in self.problem.narrow})
        used = sorted({str(out.dtype) for out in self.claim.outs})
        if given == used or not self.problem.is_narrow:
            return f"{', '.join(used)}"
        return f"{', '.join(given)} parameters, f evaluated in {', '.join(used)}"

    def point(self) -> str:
        """The point in words."""
        shapes = [np.shape(x) for x in self.problem.leaves]
        total = sum(int(np.prod(shape)) for shape in shapes)
        what = f"argument {self.problem.argnum}"
        if len(shapes) == 1:
            return f"{what} of shape {shapes[0]}"
        return f"{what}: {len(shapes)} leaves, {total} numbers"


def _plain(value: Any) -> Any:
    from minigrad.tape import peel

    return peel(value)


def norm(x: Any) -> float:
    """The 2-norm of an array of any shape, NaN for none; without overflow."""
    if x is None:
        return nan
    size = np.abs(np.asarray(x, dtype=complex if np.asarray(x).dtype.kind == "c" else float)).ravel()
    largest = float(np.max(size, initial=0.0))
    if not largest or not math.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.sum((size / largest) ** 2)))


def cosine_of(a: Any, b: Any) -> float:
    """The cosine of the angle between two arrays, NaN where one of them is zero."""
    lengths = norm(a), norm(b)
    if not all(length and math.isfinite(length) for length in lengths):
        return nan
    return float(np.real(np.vdot(b / lengths[1], a / lengths[0])))
