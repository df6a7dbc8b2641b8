"""From evidence to verdicts: one per leaf, and one for all.

Three things are compared: what was written by hand, the tape, and differences of f. The tape is compared entry by
entry, which costs nothing. Where it agrees with the hand to rounding everywhere, differences of f along random
directions only have to confirm both. Where it does not, f is differenced along the very direction in which the two
differ most, so that even a single wrong entry among many is decided by a handful of evaluations.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.checking.branches import flipped, jumps, singular
from minigrad.checking.claim import Claim, Entry
from minigrad.checking.deltas import compare_deltas, swept
from minigrad.checking.diagnosis import diagnose
from minigrad.checking.evidence import LADDER, Estimate, Line, curve_points, estimate, roughness, slope_of, taylor_rows
from minigrad.checking.problem import MISSING, Probe, Problem, RoundingTape, as_plain, quiet, traced
from minigrad.checking.records import PRECEDENCE, Kink, LayerReport, LeafReport, Report, Verdict, misfit
from minigrad.core.tape import Tape, peel
from minigrad.core.tree import flatten
from minigrad.modes.checks import Argnum

BUDGET = 40  #: evaluations of f up to the verdict
POWER = 0.05  #: differences confirm only if they would have shown an error of this part of the derivative
COMPLEX_STEP = 1e-20
LEAVES = 12  #: leaves that are differenced one by one, where there is no tape to tell them apart
COORDINATES = 400  #: evaluations for a diagnosis, after a verdict of WRONG
SMALL = 64  #: entries up to which a wrong leaf is differenced entry by entry
RESERVE = 10  #: evaluations kept for what comes after the main line
nan, inf = math.nan, math.inf


def chosen_arguments(f: Callable[..., Any], manual: Any, args: Sequence[Any], kwargs: Any, kind: str | None) -> Argnum:
    """Which arguments are meant, told from what was written by hand: all of them if it has a part for each."""
    if len(args) < 2 or kind in ("vjp", "jvp", "jacobian", "elementwise"):
        return 0
    if any(np.asarray(leaf).dtype.kind not in "fc" for leaf in flatten(tuple(args))[0]):
        return 0  # there is data among them
    returned = manual(*args, **kwargs) if callable(manual) else manual
    if not isinstance(returned, (tuple, list)) or not returned or shapes_of(returned) == shapes_of(args[0]):
        return 0
    parts: Any = returned
    if kind != "gradient" and is_one_number(returned[0]):
        if len(returned) == 1 + len(args) > 2:
            parts = returned[1:]
        elif len(returned) == 2 and isinstance(returned[1], (tuple, list)):
            parts = returned[1] if shapes_of(returned[1]) != shapes_of(args[0]) else ()
        elif len(returned) == 2 and (not is_one_number(args[0]) or np.isclose(returned[0], f(*args, **kwargs))):
            return 0  # the value, and the gradient in the first argument
    if kind == "value_and_gradient" and parts is returned:
        return 0
    return tuple(range(len(args))) if len(parts) == len(args) else 0


def is_one_number(value: Any) -> bool:
    """Whether this is a number, and no structure."""
    return not isinstance(value, (tuple, list, dict)) and np.ndim(value) == 0


def shapes_of(tree: Any) -> list[tuple[int, ...]]:
    """The shapes of all leaves."""
    return [np.shape(leaf) for leaf in flatten(tree)[0]]


def check(
    f: Callable[..., Any],
    manual: Any,
    *args: Any,
    kind: str | None = None,
    argnum: Argnum | None = None,
    deltas: Any = None,
    seed: int = 0,
    **kwargs: Any,
) -> Report:
    """Compare a derivative written by hand with the tape's and with differences of `f`; say whether it is right.

    Args:    f: the function, of arrays or pytrees of them.  manual: the function with the same arguments that returns
             the derivative, in the structure of the argument; or the derivative at this point itself.
             kind: "gradient", "value_and_gradient" (a pair, or `(value, gA, gb)` for `argnum=(0, 1)`), "elementwise"
             (the derivative of a function that works entry by entry, at every entry), "jacobian" (for each output and
             each leaf an array of the shape of the output followed by that of the leaf), "vjp"
             (`manual(*args, c)`, for a cotangent `c` of the output) or "jvp" (`manual(*args, v)`, for a tangent `v` of
             the argument); told from what `manual` returns unless given, but for the last two.
             argnum: which argument, or a sequence of several; unless given, all of them if `manual` returns as many
             parts that fit, and the first one otherwise.  deltas: hand-written cotangents of intermediate values
             that f labels by `minigrad.name(x, "label")`: a dict from labels to arrays (or functions of the arguments),
             or a function of the arguments that returns one.  seed: of the random directions.  Keyword arguments are
             passed on.
    Returns: a `Report`. `report.verdict` is "OK", "WRONG", "NOT DIFFERENTIABLE HERE" or "INCONCLUSIVE", a string;
             `print(report)` says why, per leaf. A gradient that is a valid subgradient at a kink still gives
             "NOT DIFFERENTIABLE HERE".
    Raises:  TypeError if the argument cannot be differentiated (integers); ValueError for an unknown kind, for a
             gradient of a function that does not return one number, or for deltas with unknown labels; and whatever f
             raises at the point.

    The verdict takes at most 40 evaluations of f, whatever the number of entries; `report.evaluations` counts them.
    There are no tolerances to set: see `minigrad.checking.evidence` for the error model, whose figures are printed.

    >>> report = check(lambda x: np.sum(x**3), lambda x: 2 * x**2, np.array([1.0, 2.0]))
    >>> report.verdict == "WRONG", report.leaves[0].diagnosis
    (True, 'a constant factor of 2/3')
    """
    with quiet():
        argnum = chosen_arguments(f, manual, args, kwargs, kind) if argnum is None else argnum
        return Check(Problem(f, args, kwargs, argnum), manual, kind, deltas, seed).report()


def largest_value(tape: Tape) -> float:
    """The largest number on a tape: its rounding is the least that can be told from nothing in what f computes."""
    sizes = [np.max(np.abs(ans)) for _, _, _, ans, _ in tape.nodes if type(ans) is not tuple and np.size(ans)]
    return float(max((size for size in sizes if np.isfinite(size)), default=0.0))


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
        self.is_random = False
        self.rng = np.random.default_rng([seed, 2])
        self.notes: list[str] = [*self.claim.remarks]
        self.kinks: list[Kink] = []
        self.record: Any = None
        self.findings = [Finding(entry) for entry in self.claim.entries]
        self.extra: list[LeafReport] = []
        self.again: Any = None
        self.beside: list[Any] = []
        self.decided: int | None = None  # the evaluations when a wrong leaf was found
        self.by_complex = nan
        self.layers: tuple[LayerReport, ...] = ()
        self.manual: list[Any] = []
        self.tape: list[Any] = []
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
            reason = textwrap.shorten(str(error) or type(error).__name__, 160, placeholder=" ...")
            self.notes.append(f"f cannot be traced ({reason}); the verdict rests on differences of f alone")
            try:
                self.beside = self.problem.outputs(self.problem.jiggled(self.rng, self.problem.leaves))
            except ArithmeticError:
                self.beside = []
            return
        tapes_moved: list[Any] = []
        wide = max(float(np.finfo(np.asarray(leaf).dtype).eps) for leaf in self.problem.leaves)
        narrow = max(float(np.finfo(np.asarray(leaf).dtype).eps) for leaf in self.problem.narrow)
        for eps in dict.fromkeys((wide, narrow)):
            try:
                moved = self.problem.trace(
                    self.problem.jiggled(self.rng, self.problem.leaves), RoundingTape(eps, self.rng)
                )
                tapes_moved.append(self.claim.by_tape(moved))
                if eps == wide:
                    self.again = moved
            except Exception:  # the derivative of f at this point only is known, which is enough
                continue
        manual_moved = [
            self.claim.again(self.problem.jiggled(self.rng, self.problem.narrow)) or [None] * len(leaves)
            for _ in range(2)
        ]
        others = [np.asarray(peel(value)) for value in flatten(self.record.out)[0]]
        same_values = [np.allclose(a, b, rtol=1e-6, atol=0, equal_nan=True) for a, b in zip(others, self.claim.outs)]
        changed = [norm(moved[k] - tape) > 1e-3 * norm(tape) for moved in tapes_moved for k, tape in enumerate(leaves)]
        self.is_random = not all(same_values) and any(changed)
        for k, (finding, tape) in enumerate(zip(self.findings, leaves)):
            finding.tape = tape
            if not finding.entry.fits:
                continue
            manual = finding.entry.manual
            given = np.finfo(finding.entry.dtype).eps
            if manual.dtype.kind in "fc":
                given = max(given, np.finfo(manual.dtype).eps)
            jiggle = [np.zeros(np.shape(tape)), *[np.abs(other[k] - tape) for other in tapes_moved]]
            jiggle += [np.abs(m[k] - manual) for m in manual_moved if m[k] is not None]
            noise = np.max([np.where(np.isfinite(j), j, 0.0) for j in jiggle], axis=0)
            size = np.abs(manual) + np.abs(tape)
            most = math.sqrt(given) * np.max(np.where(np.isfinite(size), size, 0.0), initial=0.0)
            if k < len(self.problem.scales) and np.shape(self.problem.scales[k]) == np.shape(size):
                most = np.maximum(most, 16 * given * largest_value(self.record.tape) / self.problem.scales[k])
            finding.tolerance = 16 * given * size + np.minimum(10 * noise, most)  # more than that is not rounding
            with np.errstate(invalid="ignore"):
                difference = np.abs(manual - tape)
            same = (manual == tape) | (np.isnan(manual) & np.isnan(tape))
            finding.exceeds = bool(np.any(~same & ~(difference <= finding.tolerance)))

    # ----- lines ------------------------------------------------------------------------------------------------------

    def line(self, probe: Probe, steps: Sequence[float], floor: float | None = None) -> Line:
        """phi along a probe."""
        zero = self.at_zero(probe, self.claim.outs)
        floor = self.floor_of(probe) if floor is None else floor
        line = Line(lambda t: float(self.problem.along(probe, t).real), zero, floor, self.eps, self.rounding_of(probe))
        line.extend(steps)
        return line

    @staticmethod
    def at_zero(probe: Probe, outs: Sequence[Any]) -> float:
        """phi(0)."""
        return float(sum(np.real(np.sum(c * out)) for c, out in zip(probe.c, outs)))

    def floor_of(self, probe: Probe) -> float:
        """The noise that is known before any difference is taken: rounding of f, and of x."""
        outs = self.claim.outs
        floor = self.rounding_of(probe)
        for record in (self.record, self.again):
            others = self.beside if record is None else [np.asarray(peel(value)) for value in flatten(record.out)[0]]
            if len(others) == len(outs):
                change = abs(self.at_zero(probe, others) - self.at_zero(probe, outs))
                floor = max(floor, change) if math.isfinite(change) else floor
        return floor

    def rounding_of(self, probe: Probe) -> float:
        """How far off rounding makes f: by its own size, and a little by that of its largest intermediate value."""
        rounding = 0.0
        for c, out in zip(probe.c, self.claim.outs):
            if out.dtype.kind in "fc":
                rounding += float(np.finfo(out.dtype).eps) * float(np.sqrt(np.sum(np.abs(c * out) ** 2)))
        return rounding

    def room(self, evaluations: int) -> bool:
        """Whether the budget has room for so many evaluations."""
        return self.decided is not None or self.problem.calls + evaluations <= BUDGET

    # ----- the verdict ------------------------------------------------------------------------------------------------

    def report(self) -> Report:
        """Run the check."""
        self.by_tape()
        self.signature()
        self.numbers()
        self.compare_value()
        if math.isnan(self.by_complex):
            self.complex_step(self.main_probe)  # for the curve
        self.layers = compare_deltas(self.deltas, self.problem, self.record, self.again, self.claim.c)
        evaluations = self.problem.calls if self.decided is None else self.decided
        self.diagnose()
        if self.problem.trouble:
            self.notes.append(f"next to the point f raises an exception: {self.problem.trouble}")
        return self.finished(evaluations)

    def signature(self) -> None:
        """Shapes and dtypes come first: a leaf that does not fit is wrong, whatever its numbers."""
        for finding in self.findings:
            entry = finding.entry
            if entry.manual is MISSING:
                finding.verdict, self.decided = Verdict.WRONG, self.problem.calls
                finding.evidence.append(f"there is no gradient for this leaf; one of shape {entry.shape} is expected")
            elif not entry.fits:
                finding.verdict, self.decided = Verdict.WRONG, self.problem.calls
                finding.evidence.append(misfit(self.claim.kind, entry.manual.shape, entry.shape))
            elif entry.manual.dtype.kind == "c" and np.dtype(entry.dtype).kind != "c":
                self.notes.append(f"your gradient{place(entry)} is complex ({entry.manual.dtype}), the parameter real")
                largest = norm(entry.manual.imag)
                if not largest <= math.sqrt(np.finfo(entry.manual.dtype).eps) * norm(entry.manual):
                    finding.verdict, self.decided = Verdict.WRONG, self.problem.calls
                    finding.evidence.append(f"its imaginary part has the norm {largest:.3g}; it should be 0")
                entry.manual = entry.manual.real.copy()
            elif entry.manual.dtype.kind in "iub":
                self.notes.append(f"your gradient{place(entry)} has the integer dtype {entry.manual.dtype}")
            elif np.finfo(entry.manual.dtype).eps > np.finfo(entry.dtype).eps:
                self.notes.append(
                    f"your gradient{place(entry)} has the dtype {entry.manual.dtype}, the parameter {entry.dtype}; "
                    f"it is held to its own precision"
                )

    def numbers(self) -> None:
        """Compare the numbers."""
        claim, findings = self.claim, self.findings
        usable = [k for k, finding in enumerate(findings) if finding.entry.fits]
        has_tape = self.record is not None
        self.manual = [f.entry.manual if f.entry.fits else np.zeros(f.entry.shape) for f in findings]
        self.tape = [f.tape for f in findings]
        if has_tape:
            self.manual = [f.entry.manual if f.entry.fits else f.tape for f in findings]
        self.main_probe = claim.probe(only=None if has_tape else usable)
        if not has_tape and claim.kind not in ("jacobian", "jvp"):
            self.main_probe = self.balanced(self.main_probe)
        self.line_along(self.main_probe)
        self.d_manual = claim.predicted(self.manual, self.main_probe)
        self.d_tape = claim.predicted(self.tape, self.main_probe) if has_tape else nan
        if not all(np.all(np.isfinite(out)) for out in claim.outs):
            self.notes.append("f is not finite at this point")
            self.settle(Verdict.NOT_DIFFERENTIABLE)
            return
        if self.is_random:
            self.settle(
                Verdict.INCONCLUSIVE,
                "f has other values and another gradient each time that it is called at this point: it draws random "
                "numbers. Fix them, such as by a seed within f, to check its gradient",
            )
            return
        self.sides()
        open_findings = [f for f in findings if f.verdict is None]
        if not open_findings:
            return
        if has_tape and math.isfinite(self.d_tape):
            self.judge_by_tape()
        else:
            self.judge_by_differences()

    def settle(self, verdict: Verdict, evidence: str = "") -> None:
        """Give all leaves that have no verdict yet the same."""
        for finding in self.findings:
            if finding.verdict is None:
                finding.verdict = verdict
                if evidence:
                    finding.evidence.append(evidence)

    def line_along(self, probe: Probe) -> None:
        """The ladder of steps along the main direction; longer steps if the noise hides everything at these."""
        line = self.main = self.line(probe, LADDER)
        self.found = estimate(line)
        for step in (1e1, 1e3, 1e5, 1e7):
            if self.has_power(self.found) or not self.room(2 + RESERVE):
                break
            line.extend([step])
            self.found = estimate(line)
        self.rough = roughness(line, self.found.noise)

    def scale(self, probe: Probe, line: Line) -> float:
        """How large the derivative along this direction is, or for a flat point could be."""
        claims = [self.manual] if self.record is None else [self.tape]
        sizes = [self.claim.size([np.nan_to_num(leaf) for leaf in leaves], probe) for leaves in claims]
        changes = [abs(p - line.zero) / h for p, h in zip(line.plus, line.steps)]
        changes = [change for change in changes[:1] if math.isfinite(change)]
        scale = max(sizes + changes)
        return scale if scale > 0 else abs(line.zero)

    def has_power(self, found: Estimate, probe: Probe | None = None, line: Line | None = None) -> bool:
        """Whether an error of a few percent would have been seen."""
        return found.error <= POWER * self.scale(probe or self.main_probe, line or self.main)

    # ----- kinks ------------------------------------------------------------------------------------------------------

    def sides(self) -> None:
        """Look for kinks: differences from both sides, and the gradient by the tape at both sides."""
        self.kinked: list[Any] = [None] * len(self.findings)
        found: list[tuple[int, str]] = []
        if self.record is not None and self.room(4):
            h = 4096 * max(self.eps, float(np.finfo(float).eps))
            try:
                pairs = [self.gradients_beside(h)]
                gaps = jumps(*pairs[0][1], [0.0 if f.tolerance is None else f.tolerance for f in self.findings])
                if any(np.any(gap) for gap in gaps):
                    pairs.append(self.gradients_beside(16 * h))
                    wider = jumps(*pairs[1][1], [0.0] * len(gaps))
                    self.kinked = [
                        (gap > 0) & (wide > 0) & ((wide < 4 * gap) | np.isinf(gap)) for gap, wide in zip(gaps, wider)
                    ]
                if any(map(is_kinked, self.kinked)) or self.rough is not None:
                    found = flipped(*pairs[0][0]) or singular(self.record.tape)
                if not found:  # a jump without a reason is a function that oscillates within the step
                    self.kinked = [None] * len(self.findings)
            except Exception:  # beside the point f may be undefined: differences have to tell
                self.kinked = [None] * len(self.findings)
        jumping = [k for k, kink in enumerate(self.kinked) if is_kinked(kink)]
        if self.rough is not None:
            self.kinks.append(Kink("f", None, f"{self.rough[0]} (seen down to {self.rough[1]:.0e} away)"))
        elif jumping:
            paths = ", ".join(self.findings[k].entry.path or "the argument" for k in jumping[:5])
            self.kinks.append(Kink("f", None, f"the gradient by the tape jumps at this point, in {paths}"))
        for index, detail in found[:10]:
            if index < 0:
                self.kinks.append(Kink("if", None, detail))
            else:
                tape = self.record.tape
                self.kinks.append(Kink(tape.nodes[index][0].name, str(tape.lines[index]), detail))
        if self.rough is not None and not jumping:
            self.kinked = [np.ones(finding.entry.shape, bool) for finding in self.findings]

    def gradients_beside(self, h: float) -> tuple[tuple[Tape, Tape], tuple[list[Any], list[Any]]]:
        """The tapes and the derivatives by the tape at both sides of the point."""
        records = [self.problem.trace(self.problem.moved(self.main_probe.v, t), Tape()) for t in (h, -h)]
        first, second = (self.claim.by_tape(record) for record in records)
        return (records[0].tape, records[1].tape), (first, second)

    # ----- with a tape ------------------------------------------------------------------------------------------------

    def judge_by_tape(self) -> None:
        """Each leaf against the tape; f is differenced where they differ, or once for all where they agree."""
        smooth: list[int] = []
        differing: list[tuple[float, int]] = []
        for k, finding in enumerate(self.findings):
            if finding.verdict is not None:
                continue
            if finding.exceeds:
                with np.errstate(all="ignore"):
                    part = norm(finding.entry.manual - finding.tape) / (norm(finding.tape) or 1.0)
                differing.append((-part if math.isfinite(part) else -inf, k))
            elif is_kinked(self.kinked[k]):
                finding.verdict = Verdict.NOT_DIFFERENTIABLE
            else:
                smooth.append(k)
        for _, k in sorted(differing):  # the one that is furthest off decides
            finding = self.findings[k]
            if self.decided is None and not self.room(6):
                finding.verdict = Verdict.INCONCLUSIVE
                finding.evidence.append("yours and the tape differ; no evaluations of f are left to tell who is right")
                continue
            finding.verdict = self.adjudicate(k, self.kinked[k])
            if finding.verdict is Verdict.WRONG and self.decided is None:
                self.decided = self.problem.calls  # what follows only looks for the extent of the mistake
        if not smooth:
            return
        verdict, why = self.confirm(smooth)
        for k in smooth:
            self.findings[k].verdict = verdict
            self.findings[k].evidence.append(f"yours agrees with the tape to rounding; {why}")

    def confirm(self, smooth: list[int]) -> tuple[Verdict, str]:
        """Whether differences of f bear out the tape (and so the leaves that agree with it)."""
        probe, line, found, claimed = self.main_probe, self.main, self.found, self.d_tape
        if any(map(is_kinked, self.kinked)):  # look where it is smooth
            probe = self.claim.probe(only=smooth)
            line = self.line(probe, LADDER[2:7:2])
            found, claimed = estimate(line, self.noise_along(probe)), self.claim.predicted(self.tape, probe)
        # The hand and the tape agree to rounding. Half of the digits of differences are then enough: a solver within f
        # may be differentiated more exactly, or less, than its values are computed.
        half = math.sqrt(max(self.eps, float(np.finfo(float).eps)))
        slack = self.slack(probe) + half * self.scale(probe, line)
        if found.agrees(claimed, slack) and self.has_power(found, probe, line):
            why = f"differences of f confirm it: {found.value:.9g} ± {found.error:.1g}, predicted {claimed:.9g}"
            if not any(f.exceeds for f in self.findings) and probe is self.main_probe and self.room(7):
                second = self.claim.probe(typical=True)
                short = self.line(second, self.around(found.step), self.main.floor)
                other, predicted = estimate(short, self.noise_along(second)), self.claim.predicted(self.tape, second)
                slack = self.slack(second) + half * self.scale(second, short)
                if other.refutes(predicted, slack) and self.room(4):
                    short.extend([short.steps[-1] / 10, short.steps[-1] / 100])  # a longer look, before any alarm
                    other = estimate(short, self.noise_along(second))
                if other.refutes(predicted, slack):
                    rough = roughness(short, other.noise)
                    return Verdict.INCONCLUSIVE, "differences along two directions disagree about it" + (
                        f": {rough[0]}" if rough else ""
                    )
            return Verdict.OK, why
        by_complex = self.complex_step(probe)
        size = self.scale(probe, line)
        if abs(by_complex - claimed) <= slack:
            return Verdict.OK, f"the complex step confirms it: {by_complex:.9g}, predicted {claimed:.9g}"
        if found.refutes_closely(claimed, slack) and abs(claimed - found.value) > max(10 * found.error, 1e-5 * size):
            second = self.claim.probe(only=smooth)
            shorter = (*self.around(found.step), self.main.steps[-1])
            other = estimate(self.line(second, sorted(set(shorter))), self.noise_along(second))
            predicted = self.claim.predicted(self.tape, second)
            if other.refutes_closely(predicted, self.slack(second)) and abs(predicted - other.value) > 10 * other.error:
                self.notes.append(
                    "yours agrees with the tape, but differences of f do not: a part of f reaches its result past the "
                    "derivative (minigrad.value, an integer, floor, round or sign, or a rule that is wrong)"
                )
                return Verdict.WRONG, (
                    f"but differences of f say {found.value:.9g} ± {found.error:.1g} where it predicts {claimed:.9g}"
                )
        return Verdict.INCONCLUSIVE, (
            f"but differences of f cannot confirm it: {found.value:.6g} ± {found.error:.1g}, predicted {claimed:.6g} "
            f"(noise of f {found.noise:.1g})"
        )

    def adjudicate(self, k: int, kinked: Any) -> Verdict:
        """Whether yours or the tape is right about leaf k: f is differenced in the direction in which they differ."""
        finding, claim = self.findings[k], self.claim
        manual, tape = finding.entry.manual, finding.tape
        with np.errstate(invalid="ignore"):
            difference = manual - tape
        difference = np.where((manual == tape) | (np.abs(difference) <= finding.tolerance), 0.0, difference)
        if is_kinked(kinked):
            difference = np.where(kinked, 0.0, difference)
            if not np.any(difference):
                return Verdict.NOT_DIFFERENTIABLE
        if not np.all(np.isfinite(manual)) and np.all(np.isfinite(tape)):
            finding.evidence.append("your gradient has entries that are not finite; the tape's are")
            return Verdict.WRONG
        if not np.all(np.isfinite(difference)):
            difference = np.where(np.isfinite(difference), 0.0, 1.0)
        probe = claim.towards(k, difference)
        mine, theirs = self.parts(k, manual, probe), self.parts(k, tape, probe)
        noise = self.noise_along(probe)
        line = self.line(probe, self.around(self.found.step))
        found = estimate(line, noise)
        slack = self.slack(probe)
        if not (found.refutes(mine, slack) or found.refutes(theirs, slack)) and self.room(8):
            line.extend([h for h in (1e-1, 1e-3, 1e-5, 1e-7) if h not in line.steps])
            found = estimate(line, noise)
        said = f"yours says {mine:.9g}, the tape {theirs:.9g}, differences of f {found.value:.9g} ± {found.error:.1g}"
        finding.evidence.append(f"where yours and the tape differ most: {said}")
        size = max(abs(mine), abs(theirs))
        both = found.refutes(mine, slack) and found.refutes(theirs, slack)
        misled = both and abs(mine - theirs) <= 1e-3 * abs(
            mine - found.value
        )  # these two are nearly one, and not alike
        if both and not misled:
            rough = roughness(line, found.noise)
            if rough is not None:
                finding.evidence.append(rough[0])
                return Verdict.NOT_DIFFERENTIABLE
            self.notes.append(f"differences of f agree neither with yours nor with the tape{place(finding.entry)}")
            return Verdict.WRONG
        if found.refutes(mine, slack) and not misled:
            return Verdict.WRONG
        if found.refutes(theirs, slack) and not misled:
            finding.evidence.append("so yours is right here, and the tape is wrong: a rule of f's operations must be")
            self.notes.append(f"the tape's own derivative is wrong{place(finding.entry)}; please look at its rules")
            return Verdict.OK
        by_complex = self.complex_step(probe)
        limit = max(np.finfo(float).eps, self.eps) ** (2 / 3)
        if abs(by_complex - theirs) <= abs(mine - theirs) / 100 and abs(mine - theirs) > limit * size:
            finding.evidence.append(f"the complex step agrees with the tape: {by_complex:.9g}")
            return Verdict.WRONG
        if abs(by_complex - mine) <= abs(mine - theirs) / 100 and abs(mine - theirs) > limit * size:
            finding.evidence.append(f"the complex step agrees with yours: {by_complex:.9g}")
            self.notes.append(f"the tape's own derivative is wrong{place(finding.entry)}; please look at its rules")
            return Verdict.OK
        if is_kinked(kinked):
            return Verdict.NOT_DIFFERENTIABLE
        given = max(float(np.finfo(x.dtype if x.dtype.kind in "fc" else float).eps) for x in (manual, tape))
        if found.agrees(mine, slack) and abs(mine - theirs) <= math.sqrt(given) * size:
            finding.evidence.append("the difference is more than rounding explains, and less than f can tell")
            return Verdict.OK
        finding.evidence.append(f"f cannot tell which is right: its noise is {found.noise:.1g}")
        return Verdict.INCONCLUSIVE

    def parts(self, k: int, leaf: Any, probe: Probe) -> float:
        """What leaf k alone predicts along a probe that moves it alone."""
        leaves = [np.zeros(finding.entry.shape) for finding in self.findings]
        leaves[k] = leaf
        return self.claim.predicted(leaves, probe)

    # ----- without a tape ---------------------------------------------------------------------------------------------

    def judge_by_differences(self) -> None:
        """All leaves by differences of f: together first, then one by one where that leaves something open."""
        open_leaves = [k for k, finding in enumerate(self.findings) if finding.verdict is None]
        if self.rough is not None:
            return self.settle(Verdict.NOT_DIFFERENTIABLE)
        slack = self.slack(self.main_probe)
        for k in open_leaves:
            if not np.all(np.isfinite(self.manual[k])):
                self.findings[k].verdict, self.decided = Verdict.WRONG, self.problem.calls
                self.findings[k].evidence.append("your gradient has entries that are not finite")
                return self.judge_each([j for j in open_leaves if j != k])
        found, claimed = self.found, self.d_manual
        by_complex = self.complex_step(self.main_probe)
        said = f"yours says {claimed:.9g}, differences of f {found.value:.9g} ± {found.error:.1g}"
        if found.agrees(claimed, slack) and self.has_power(found):
            unclear = [k for k in open_leaves if found.error > POWER * self.share(k)]
            for k in open_leaves:
                if k not in unclear:
                    self.findings[k].verdict = Verdict.OK
                    self.findings[k].evidence.append(f"along a random direction {said}")
            return self.judge_each(unclear)
        if abs(by_complex - claimed) <= math.sqrt(np.finfo(float).eps) * self.scale(self.main_probe, self.main):
            return self.settle(
                Verdict.OK, f"the complex step confirms yours: {by_complex:.9g}, predicted {claimed:.9g}"
            )
        if not found.refutes(claimed, slack):
            return self.settle(Verdict.INCONCLUSIVE, f"along a random direction {said}")
        if len(open_leaves) == 1:
            return self.settle(Verdict.WRONG, f"along a random direction {said}")
        self.decided = self.problem.calls  # something is wrong; what follows looks for the leaf
        self.judge_each(open_leaves)
        if not any(self.findings[k].verdict is Verdict.WRONG for k in open_leaves):
            for k in open_leaves:
                if self.findings[k].verdict is not Verdict.OK or len(open_leaves) > LEAVES:
                    self.findings[k].verdict = Verdict.WRONG
                    self.findings[k].evidence.append(f"along a random direction of all leaves {said}")
        return None

    def balanced(self, probe: Probe) -> Probe:
        """The direction with leaves of much influence moved less, so that no leaf drowns in another."""
        self.main_probe = probe
        shares = [self.share(k) for k in range(len(probe.v))]
        known = [share for share in shares if 0 < share < inf]
        if not known:
            return probe
        least = max(min(known), 1e-5 * max(known))  # differences have digits enough for that
        return Probe([v * min(1.0, least / share) if share else v for v, share in zip(probe.v, shares)], probe.c)

    def share(self, k: int) -> float:
        """How large the part of leaf k in the derivative along the main direction is."""
        leaves = [np.zeros(finding.entry.shape) for finding in self.findings]
        leaves[k] = self.manual[k]
        return self.claim.size(leaves, self.main_probe)

    def judge_each(self, which: list[int]) -> None:
        """Leaves one by one, each along a random direction of its own."""
        for k in which[:LEAVES]:
            finding = self.findings[k]
            if not self.room(6):
                finding.verdict = Verdict.INCONCLUSIVE
                finding.evidence.append("its part is too small to be seen, and no evaluations of f are left")
                continue
            probe = self.claim.probe(only=[k])
            line = self.line(probe, self.around(self.found.step))
            found, claimed = estimate(line, self.noise_along(probe)), self.claim.predicted(self.manual, probe)
            finding.evidence.append(
                f"along a random direction of this leaf yours says {claimed:.9g}, differences of f {found.value:.9g} "
                f"± {found.error:.1g}"
            )
            size = max(self.claim.size(self.manual, probe), abs(found.value))
            slack = self.slack(probe)
            if found.refutes(claimed, slack):
                finding.verdict = Verdict.WRONG
            elif found.agrees(claimed, slack) and (found.error <= POWER * size or size == 0):
                finding.verdict = Verdict.OK
            else:
                finding.verdict = Verdict.INCONCLUSIVE
        for k in which[LEAVES:]:
            self.findings[k].verdict = Verdict.INCONCLUSIVE
            self.findings[k].evidence.append("its part is too small to be seen in a direction that moves all leaves")

    # ----- what these share -------------------------------------------------------------------------------------------

    def around(self, step: float) -> tuple[float, ...]:
        """A short ladder around the step that was best before."""
        step = step if math.isfinite(step) else 1e-4
        return (10 * step, step, step / 10)

    def noise_along(self, probe: Probe) -> float:
        """The noise along another direction: that of the main one, if c is the same, else by its share."""
        if self.claim.kind in ("jvp", "jacobian"):
            return self.floor_of(probe) * max(1.0, self.found.noise / (self.main.floor or 1.0))
        return self.found.noise

    def slack(self, probe: Probe) -> float:
        """What rounding of the entries themselves does to the derivative along a direction."""
        tolerances = [
            16 * float(np.finfo(f.entry.dtype).eps) * np.abs(leaf)
            if f.tolerance is None
            else np.where(np.isfinite(f.tolerance), f.tolerance, 0.0)
            for f, leaf in zip(self.findings, self.manual)
        ]
        return self.claim.size(tolerances, probe)

    def complex_step(self, probe: Probe) -> float:
        """Im phi(ih) / h, NaN where f does not take complex numbers."""
        if any(np.asarray(x).dtype.kind == "c" for x in self.problem.leaves) or not self.room(1):
            return nan
        if any(out.dtype.kind == "c" for out in self.claim.outs):
            return nan
        try:
            with quiet():
                value = complex(self.problem.along(probe, complex(0.0, COMPLEX_STEP)))
        except Exception:  # a function that refuses complex numbers does so with any exception
            return nan
        zero = self.at_zero(probe, self.claim.outs)
        if not (math.isfinite(value.imag) and abs(value.real - zero) <= 1e-6 * abs(zero) + 10 * self.found.noise):
            return nan
        found = value.imag / COMPLEX_STEP
        if probe is self.main_probe:
            self.by_complex = found
        return found

    def compare_value(self) -> None:
        """The value of a value_and_gradient, or of a jvp, beside that of f."""
        value = self.claim.value
        if value is None or self.claim.kind == "jvp":
            return
        plain, own = as_plain(value), self.claim.outs[0]
        if plain is not MISSING and plain.size == 1:
            given = float(np.finfo(plain.dtype if plain.dtype.kind in "fc" else float).eps)
            tolerance = 64 * max(given, self.eps) * float(abs(own.ravel()[0])) + 10 * self.found.noise
            difference = float(abs(plain.ravel()[0] - own.ravel()[0]))
            if difference <= tolerance:
                return
        else:
            difference = tolerance = nan
        entry = Entry("(value)", plain, own.shape, own.dtype, plain is not MISSING and plain.size == 1)
        shown = np.asarray(plain).reshape(own.shape) if entry.fits else MISSING
        finding = Finding(dataclasses.replace(entry, manual=shown), own, np.full(own.shape, tolerance), Verdict.WRONG)
        finding.evidence.append("the value beside the gradient is not that of f")
        self.extra.append(self.leaf_report(finding))

    # ----- what the mistakes look like --------------------------------------------------------------------------------

    def diagnose(self) -> None:
        """Look at what is wrong: coordinate by coordinate where that is cheap, and for patterns.

        Takes at most `COORDINATES` evaluations of f: six for the worst entry of a leaf, or two for each entry of a
        small one.
        """
        limit = self.problem.calls + COORDINATES
        for k, finding in enumerate(self.findings):
            if finding.verdict is not Verdict.WRONG or finding.entry.shape is None or 0 in finding.entry.shape:
                continue
            size = math.prod(finding.entry.shape)
            if not finding.entry.fits and finding.tape is not None:
                continue
            if self.problem.calls + 6 > limit:
                break
            if size <= SMALL and self.problem.calls + 6 + 2 * size <= limit:
                whole = [self.entry_by_differences(k, i, short=True) for i in np.ndindex(*finding.entry.shape)]
                finding.numerical = np.array(whole).reshape(finding.entry.shape)
            if finding.tape is not None and finding.entry.fits:
                worst = self.worst_entry(finding, finding.tape)
                if finding.numerical is None:
                    finding.numerical = np.full(finding.entry.shape, nan, np.asarray(finding.tape).dtype)
                if worst is not None:
                    finding.numerical[worst] = self.entry_by_differences(k, worst)
        diagnose(self)

    def entry_by_differences(self, k: int, index: tuple[int, ...], short: bool = False) -> Any:
        """One entry of the derivative by differences of f, for a complex one of its real and imaginary part."""
        parts = []
        is_complex = np.dtype(self.findings[k].entry.dtype).kind == "c"
        for turn in (1.0, 1j) if is_complex else (1.0,):
            probe, length = self.claim.coordinate(k, index, turn)
            step = self.found.step if math.isfinite(self.found.step) else 1e-5
            line = self.line(probe, (step,) if short else self.around(step), self.main.floor)
            value = line.odd()[0] / step if short else estimate(line, self.noise_along(probe)).value
            parts.append(value / length if length else nan)
        return complex(parts[0], -parts[1]) if is_complex else parts[0]

    def worst_entry(self, finding: Finding, known: Any) -> tuple[int, ...] | None:
        """Where a leaf differs most from what is known to be right."""
        if not finding.entry.manual.size:
            return None
        difference = np.where(finding.entry.manual == known, 0.0, np.abs(finding.entry.manual - known))
        flat = int(np.argmax(np.where(np.isnan(difference), inf, difference)))
        return tuple(int(i) for i in np.unravel_index(flat, finding.entry.shape))

    def cotangents(self) -> list[Any]:
        """The cotangents of all nodes of the tape."""
        return swept(self.record, self.claim.c)

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
                difference = np.where(entry.manual == known, 0.0, np.abs(entry.manual - known))
                worst = self.worst_entry(finding, known) or ()
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
            norm_numerical=norm(finding.numerical) if finding.numerical is not None else nan,
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
        verdicts = [leaf.verdict for leaf in leaves] + [layer.verdict for layer in self.layers]
        if claim.complaints:
            verdicts.append(Verdict.WRONG)
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
            curve=curve_points(self.main, self.found, self.by_complex),
            kinks=tuple(self.kinks),
            layers=self.layers,
            first_diverging=next((layer.name for layer in self.layers if layer.verdict is Verdict.WRONG), None),
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


def is_kinked(kinked: Any) -> bool:
    """Whether some entry of a leaf is at a kink."""
    return kinked is not None and bool(np.any(kinked))


def place(entry: Entry) -> str:
    """Where a leaf is, in a sentence."""
    return f" at {entry.path}" if entry.path else ""


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
