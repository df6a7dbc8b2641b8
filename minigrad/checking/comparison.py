"""What a check compares: the derivative by hand, the tape's, and differences of f, with what each of them can tell.

The tape is compared entry by entry, which costs nothing. How far it may be off is measured: by what changes when the
point, and every result of f, is moved by one rounding error. Differences of f are taken along lines through the point.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.checking.claim import Claim, Entry, two_norm
from minigrad.checking.deltas import swept
from minigrad.checking.evidence import LADDER, Estimate, Line, estimate, roughness
from minigrad.checking.problem import Probe, Problem, RoundingTape, quiet, traced
from minigrad.checking.records import Kink, Verdict
from minigrad.core.tape import Tape, peel
from minigrad.core.tree import flatten

BUDGET = 40  #: evaluations of f up to the verdict
POWER = 0.05  #: differences confirm only if they would have shown an error of this part of the derivative
COMPLEX_STEP = 1e-20
LOOKS = 3  #: tapes with rounding errors, where it matters whether f cancels digits
UNDERFLOW = 1e-280  #: the least derivative that the complex step sees: its imaginary part must be a normal number
RESERVE = 10  #: evaluations kept for what comes after the main line
LARGEST = 1e305  #: derivatives along a direction are kept below, so that their differences do not overflow
nan, inf = math.nan, math.inf


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
    lost: Any = None  # how far one rounding error in every operation of f moves the tape's entries, without a bound


class Comparison:
    """One check while it runs: the claim beside the tape and differences of f, and what was found so far."""

    main_probe: Probe  #: a random direction
    main: Line  #: f along it
    found: Estimate  #: the derivative along it, by differences of f

    def __init__(self, problem: Problem, manual: Any, kind: str | None, seed: int) -> None:
        self.started = time.perf_counter()
        self.problem, self.seed = problem, seed
        self.claim = Claim(problem, manual, kind, seed)
        self.rng = np.random.default_rng([seed, 2])
        self.findings = [Finding(entry) for entry in self.claim.entries]
        self.manual: list[Any] = []  # all leaves by hand, with something in place of those that do not fit
        self.tape: list[Any] = []
        self.notes: list[str] = [*self.claim.remarks]
        self.kinks: list[Kink] = []
        self.kinked: list[Any] = [None] * len(self.findings)  # for each leaf, the entries at a kink
        self.record: Any = None
        self.again: Any = None  # a second recording, of which everything was moved by a rounding error
        self.beside: list[Any] = []  # without a tape, the outputs at a point that was moved so
        self.is_random = False
        self.looks = 0  # further recordings, to see which digits rounding takes
        self.looked: list[Any] = []  # their outputs
        self.decided: int | None = None  # the evaluations when a wrong leaf was found
        self.rough: tuple[str, float] | None = None  # how f is not smooth along the main direction
        self.by_complex = self.d_manual = self.d_tape = nan  # derivatives along the main direction
        outs = self.claim.outs
        self.eps = max([float(np.finfo(out.dtype).eps) for out in outs if out.dtype.kind in "fc"], default=0.0)
        self.value: Any = complex(outs[0].ravel()[0]) if self.claim.is_scalar else None
        if self.value is not None and outs[0].dtype.kind != "c":
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
        changed = [
            two_norm(moved[k] - tape) > 1e-3 * two_norm(tape) for moved in tapes_moved for k, tape in enumerate(leaves)
        ]
        self.is_random = not all(same_values) and any(changed)
        for k, (finding, tape) in enumerate(zip(self.findings, leaves)):
            finding.tape = tape
            if not finding.entry.fits:
                continue
            manual = finding.entry.manual
            given = np.finfo(finding.entry.dtype).eps
            if manual.dtype.kind in "fc":
                given = max(given, np.finfo(manual.dtype).eps)
            finding.lost = largest_change(tape, [other[k] for other in tapes_moved[:1]])
            noise = largest_change(tape, [other[k] for other in tapes_moved])
            noise = np.maximum(noise, largest_change(manual, [m[k] for m in manual_moved if m[k] is not None]))
            # The size is the tape's: an infinite or a huge entry by hand must not widen what it is compared by.
            size = np.where(np.isfinite(tape), np.abs(tape), 0.0)
            most = 2 * math.sqrt(given) * np.max(size, initial=0.0)
            if k < len(self.problem.scales) and np.shape(self.problem.scales[k]) == np.shape(size):
                most = np.maximum(most, 16 * given * largest_value(self.record.tape) / self.problem.scales[k])
            finding.tolerance = 32 * given * size + np.minimum(10 * noise, most)  # more than that is not rounding
            difference = np.abs(manual - tape)
            same = (manual == tape) | (np.isnan(manual) & np.isnan(tape))
            finding.exceeds = bool(np.any(~same & ~(difference <= finding.tolerance)))

    def look_for_lost_digits(self) -> None:
        """Record f with rounding errors a few times more: those of the one sample so far may cancel by chance."""
        while self.record is not None and self.looks < LOOKS and self.room(1):
            self.looks += 1
            try:
                tape = RoundingTape(float(np.finfo(float).eps), self.rng)
                moved = self.problem.trace(self.problem.leaves, tape)
                leaves = self.claim.by_tape(moved)
            except Exception:  # what was measured before has to do
                return
            self.looked.append([np.asarray(peel(value)) for value in flatten(moved.out)[0]])
            for finding, leaf in zip(self.findings, leaves):
                if finding.lost is not None:
                    finding.lost = np.maximum(finding.lost, largest_change(finding.tape, [leaf]))

    def cotangents(self) -> list[Any]:
        """The cotangents of all nodes of the tape."""
        return swept(self.record, self.claim.c)

    # ----- lines ------------------------------------------------------------------------------------------------------

    def line(self, probe: Probe, steps: Sequence[float], floor: float | None = None) -> Line:
        """phi along a probe."""
        zero = self.at_zero(probe, self.claim.outs)
        floor = self.floor_of(probe) if floor is None else floor
        problem = self.problem  # `self` within the function would be a reference cycle, since the line belongs to it
        line = Line(lambda t: float(problem.along(probe, t).real), zero, floor, self.eps, self.rounding_of(probe))
        line.extend(steps)
        return line

    @staticmethod
    def at_zero(probe: Probe, outs: Sequence[Any]) -> float:
        """phi(0)."""
        return float(sum(np.real(np.sum(c * out)) for c, out in zip(probe.c, outs)))

    def within_range(self, probe: Probe) -> Probe:
        """A probe with the directions shortened, if need be, so that the derivative along them does not overflow."""
        leaves = self.manual if self.record is None else self.tape
        v, c = probe
        for _ in range(16):
            size = self.claim.size(leaves, Probe(v, c))
            if size <= LARGEST or not all(np.all(np.isfinite(leaf)) for leaf in leaves) or self.claim.kind == "jvp":
                break
            v = [w * 2.0**-4 for w in v]
        return Probe(v, c)

    def floor_of(self, probe: Probe) -> float:
        """The noise that is known before any difference is taken: that of rounding f, and of rounding x."""
        outs = self.claim.outs
        floor = self.rounding_of(probe)
        records = [record for record in (self.record, self.again) if record is not None]
        moved = [[np.asarray(peel(value)) for value in flatten(record.out)[0]] for record in records]
        for others in (*moved, *self.looked, self.beside):
            if len(others) == len(outs):
                change = abs(self.at_zero(probe, others) - self.at_zero(probe, outs))
                floor = max(floor, change) if math.isfinite(change) else floor
        return floor

    def rounding_of(self, probe: Probe) -> float:
        """The rounding error of phi, from the size and the precision of the outputs of f."""
        rounding = 0.0
        for c, out in zip(probe.c, self.claim.outs):
            if out.dtype.kind in "fc":  # where a result is subnormal, its rounding error is that of the smallest number
                rounding += float(np.finfo(out.dtype).eps) * two_norm(c * out)
                rounding += float(np.finfo(out.dtype).smallest_subnormal) * two_norm(np.where(out != 0, c, 0.0))
        return rounding

    def room(self, evaluations: int) -> bool:
        """Whether the budget has room for so many evaluations."""
        return evaluations <= self.left()

    def left(self) -> int:
        """The evaluations that are left of the budget; there is none when a wrong leaf was found."""
        return BUDGET - self.problem.calls if self.decided is None else BUDGET

    def line_along(self, probe: Probe) -> None:
        """Evaluate f at a ladder of steps along the main direction, and at longer steps if noise hides all of these."""
        line = self.main = self.line(probe, LADDER)
        self.found = estimate(line)
        for step in (1e1, 1e3, 1e5, 1e7):
            if self.has_power(self.found) or not self.room(2 + RESERVE):
                break
            line.extend([step])
            self.found = estimate(line)
        self.rough = roughness(line, self.found.noise)

    def around(self, step: float) -> tuple[float, ...]:
        """Three steps around the one that was best before."""
        step = step if math.isfinite(step) else 1e-4
        return (10 * step, step, step / 10)

    # ----- what differences can tell ----------------------------------------------------------------------------------

    def scale(self, probe: Probe, line: Line) -> float:
        """The size of the derivative along a direction; at a flat point, a size that it could have."""
        claims = [self.manual] if self.record is None else [self.tape]
        sizes = [self.claim.size([np.nan_to_num(leaf) for leaf in leaves], probe) for leaves in claims]
        changes = [abs(p - line.zero) / h for p, h in zip(line.plus, line.steps)]
        changes = [change for change in changes[:1] if math.isfinite(change)]
        scale = max(sizes + changes)
        return scale if scale > 0 else abs(line.zero)

    def has_power(self, found: Estimate, probe: Probe | None = None, line: Line | None = None) -> bool:
        """Whether an error of a few percent would have been seen."""
        return found.error <= POWER * self.scale(probe or self.main_probe, line or self.main)

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

    def balanced(self, probe: Probe) -> Probe:
        """The direction in which leaves of large influence move less, so that the part of every leaf can be seen."""
        self.main_probe = probe
        shares = [self.share(k) for k in range(len(probe.v))]
        known = [share for share in shares if 0 < share < inf]
        if not known:
            return probe
        least = max(min(known), 1e-5 * max(known))  # differences have digits enough for that
        return Probe([v * min(1.0, least / share) if share else v for v, share in zip(probe.v, shares)], probe.c)

    def share(self, k: int) -> float:
        """The size of the part of leaf k in the derivative along the main direction."""
        leaves = [np.zeros(finding.entry.shape) for finding in self.findings]
        leaves[k] = self.manual[k]
        return self.claim.size(leaves, self.main_probe)

    def parts(self, k: int, leaf: Any, probe: Probe) -> float:
        """What leaf k alone predicts along a probe that moves it alone."""
        leaves = [np.zeros(finding.entry.shape) for finding in self.findings]
        leaves[k] = leaf
        return self.claim.predicted(leaves, probe)

    def complex_step(self, probe: Probe) -> float:
        """Im phi(ih) / h, NaN where f does not take complex numbers."""
        if any(np.asarray(x).dtype.kind == "c" for x in self.problem.leaves) or not self.room(1):
            return nan
        if any(out.dtype.kind == "c" for out in self.claim.outs):
            return nan
        try:
            with quiet():
                value = self.problem.along(probe, complex(0.0, COMPLEX_STEP))
        except Exception:  # a function that refuses complex numbers does so with any exception
            return nan
        zero = self.at_zero(probe, self.claim.outs)
        if not isinstance(value, complex):
            return nan  # the result is real: the imaginary part of the point was dropped
        if not (math.isfinite(value.imag) and abs(value.real - zero) <= 1e-6 * abs(zero) + 10 * self.found.noise):
            return nan
        found = value.imag / COMPLEX_STEP
        if probe is self.main_probe:
            self.by_complex = found
        return found

    def decided_by_complex_step(self, probe: Probe, claimed: float, others: float = nan) -> bool:
        """Whether the complex step has the digits to confirm a derivative (and to tell it from another one).

        It has none where its imaginary part underflows, and where rounding errors within f change the derivative as
        much: the complex step takes the same differences of nearly equal numbers as f and its tape do.
        """
        size = max(self.scale(probe, self.main) if math.isnan(others) else abs(claimed - others), 0.0)
        return size > UNDERFLOW and 10 * self.lost(probe) < size

    def lost(self, probe: Probe) -> float:
        """How far rounding errors within f, one in every operation, move the tape's derivative along a direction."""
        if self.record is None:
            return 0.0
        return self.claim.size([np.zeros(f.entry.shape) if f.lost is None else f.lost for f in self.findings], probe)

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


def largest_change(leaf: Any, others: Sequence[Any]) -> Any:
    """How far each entry of a leaf is from the same entry of others like it; 0 where that is not finite."""
    found = np.zeros(np.shape(leaf))
    with np.errstate(all="ignore"):
        for other in others:
            change = np.abs(other - leaf)
            found = np.maximum(found, np.where(np.isfinite(change), change, 0.0))
    return found


def largest_value(tape: Tape) -> float:
    """The largest number on a tape. What f computes cannot be told from zero below the rounding error of it."""
    sizes = [np.max(np.abs(ans)) for _, _, _, ans, _ in tape.nodes if type(ans) is not tuple and np.size(ans)]
    return float(max((size for size in sizes if np.isfinite(size)), default=0.0))
