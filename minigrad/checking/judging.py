"""Who is right about a leaf: the hand, the tape, or neither.

Where the tape agrees with the hand to rounding everywhere, differences of f along random directions only have to
confirm both. Where it does not, f is differenced along the very direction in which the two differ most, so that a few
evaluations decide about a single wrong entry among many. Without a tape there are differences of f alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.checking.claim import two_norm
from minigrad.checking.comparison import LOOKS, POWER, Comparison
from minigrad.checking.evidence import LADDER, estimate, roughness
from minigrad.checking.records import Verdict
from minigrad.checking.triangle import confirmed_along_symmetric_directions, triangle_read

LEAVES = 12  #: leaves that are differenced one by one, where there is no tape to tell them apart
inf = math.inf


def conclude(case: Comparison, verdict: Verdict, evidence: str = "") -> None:
    """Give this verdict to all leaves that have none yet."""
    for finding in case.findings:
        if finding.verdict is None:
            finding.verdict = verdict
            if evidence:
                finding.evidence.append(evidence)


def is_kinked(kinked: Any) -> bool:
    """Whether some entry of a leaf is at a kink."""
    return kinked is not None and bool(np.any(kinked))


# ----- with a tape ----------------------------------------------------------------------------------------------------


def judge_by_tape(case: Comparison) -> None:
    """Judge every leaf: f is differenced once for all leaves that agree with the tape, and for each that does not."""
    smooth: list[int] = []
    differing: list[tuple[float, int]] = []
    for k, finding in enumerate(case.findings):
        if finding.verdict is not None:
            continue
        triangle = triangle_read(case, k) if finding.exceeds and case.room(6) else None
        if triangle is not None and confirmed_along_symmetric_directions(case, k, triangle):
            finding.verdict = Verdict.OK
        elif finding.exceeds:
            with np.errstate(all="ignore"):
                part = two_norm(finding.entry.manual - finding.tape) / (two_norm(finding.tape) or 1.0)
            differing.append((-part if math.isfinite(part) else -inf, k))
        elif is_kinked(case.kinked[k]):
            finding.verdict = Verdict.NOT_DIFFERENTIABLE
        else:
            smooth.append(k)
    for _, k in sorted(differing):  # the one that is furthest off decides
        finding = case.findings[k]
        if case.decided is None and not case.room(6):
            finding.verdict = Verdict.INCONCLUSIVE
            finding.evidence.append("yours and the tape differ; no evaluations of f are left to tell who is right")
            continue
        finding.verdict = adjudicate(case, k, case.kinked[k])
        if finding.verdict is Verdict.WRONG and case.decided is None:
            case.decided = case.problem.calls  # what follows only looks for the extent of the mistake
    if not smooth:
        return
    verdict, why = confirm(case, smooth)
    for k in smooth:
        case.findings[k].verdict = verdict
        case.findings[k].evidence.append(f"yours agrees with the tape to rounding; {why}")


def confirm(case: Comparison, smooth: list[int]) -> tuple[Verdict, str]:
    """The verdict on leaves that agree with the tape, by differences of f, and the reason in words."""
    probe, line, found, claimed = case.main_probe, case.main, case.found, case.d_tape
    if any(map(is_kinked, case.kinked)):  # look where it is smooth
        probe = case.within_range(case.claim.probe(only=smooth))
        line = case.line(probe, LADDER[2:7:2])
        found, claimed = estimate(line, case.noise_along(probe)), case.claim.predicted(case.tape, probe)
    # The hand and the tape agree to rounding. Half of the digits of differences are then enough: a solver within f
    # may be differentiated more exactly, or less, than its values are computed.
    half = math.sqrt(max(case.eps, float(np.finfo(float).eps)))
    slack = case.slack(probe) + half * case.scale(probe, line)
    if found.agrees(claimed, slack) and case.has_power(found, probe, line):
        why = f"differences of f confirm it: {found.value:.9g} ± {found.error:.1g}, predicted {claimed:.9g}"
        if not any(f.exceeds for f in case.findings) and probe is case.main_probe and case.room(7):
            second = case.within_range(case.claim.probe(typical=True))
            short = case.line(second, case.around(found.step), case.main.floor)
            other, predicted = estimate(short, case.noise_along(second)), case.claim.predicted(case.tape, second)
            slack = case.slack(second) + half * case.scale(second, short)
            if other.refutes(predicted, slack) and case.room(4):
                short.extend([short.steps[-1] / 10, short.steps[-1] / 100])  # a longer look, before any alarm
                other = estimate(short, case.noise_along(second))
            if other.refutes(predicted, slack):
                rough = roughness(short, other.noise)
                return Verdict.INCONCLUSIVE, "differences along two directions disagree about it" + (
                    f": {rough[0]}" if rough else ""
                )
        return Verdict.OK, why
    by_complex = case.complex_step(probe)
    size = case.scale(probe, line)
    if abs(by_complex - claimed) <= slack:
        case.look_for_lost_digits()
    if abs(by_complex - claimed) <= slack and case.decided_by_complex_step(probe, claimed):
        return Verdict.OK, f"the complex step confirms it: {by_complex:.9g}, predicted {claimed:.9g}"
    if found.refutes_closely(claimed, slack):
        case.look_for_lost_digits()
        line.floor = case.floor_of(probe)
        found = estimate(line, max(found.noise, line.floor))
    if found.refutes_closely(claimed, slack) and abs(claimed - found.value) > max(10 * found.error, 1e-5 * size):
        second = case.within_range(case.claim.probe(only=smooth))
        shorter = (*case.around(found.step), case.main.steps[-1])
        noise = max(case.noise_along(second), case.floor_of(second))
        other = estimate(case.line(second, sorted(set(shorter))), noise)
        predicted = case.claim.predicted(case.tape, second)
        if other.refutes_closely(predicted, case.slack(second)) and abs(predicted - other.value) > 10 * other.error:
            case.notes.append(
                "yours agrees with the tape, but differences of f do not: a part of f reaches its result past the "
                "derivative (minigrad.value, an integer, floor, round or sign, or a rule that is wrong)"
            )
            return Verdict.WRONG, (
                f"but differences of f say {found.value:.9g} ± {found.error:.1g} where it predicts {claimed:.9g}"
            )
    cancelled(case, smooth, case.lost(probe), claimed)
    return Verdict.INCONCLUSIVE, (
        f"but differences of f cannot confirm it: {found.value:.6g} ± {found.error:.1g}, predicted {claimed:.6g} "
        f"(noise of f {found.noise:.1g})"
    )


def adjudicate(case: Comparison, k: int, kinked: Any) -> Verdict:
    """The verdict on a leaf where hand and tape differ: f is differenced in the direction in which they differ."""
    finding, claim = case.findings[k], case.claim
    manual, tape = finding.entry.manual, finding.tape
    with np.errstate(all="ignore"):
        difference = manual - tape
        if not np.all(np.isfinite(difference)):  # only its direction matters
            difference = manual / 4 - tape / 4
    difference = np.where((manual == tape) | (np.abs(difference) <= finding.tolerance), 0.0, difference)
    if is_kinked(kinked):
        difference = np.where(kinked, 0.0, difference)
        if not np.any(difference):
            return Verdict.NOT_DIFFERENTIABLE
    manual, beyond = within_dtype(manual, tape)
    if beyond:
        finding.evidence.append(
            f"{beyond} of its entries are beyond the range of {finding.entry.given}, and infinite in yours: "
            f"that cannot be told from another number of that size"
        )
        difference = np.where(manual == tape, 0.0, difference)
        if not np.any(difference):
            return Verdict.INCONCLUSIVE
    if not np.all(np.isfinite(manual)) and np.all(np.isfinite(tape)):
        finding.evidence.append("your gradient has entries that are not finite; the tape's are")
        return Verdict.WRONG
    if not np.all(np.isfinite(difference)):
        difference = np.where(np.isfinite(difference), 0.0, 1.0)
    probe = case.within_range(claim.towards(k, difference))
    mine, theirs = case.parts(k, manual, probe), case.parts(k, tape, probe)
    steps, by_complex = case.around(case.found.step), math.nan
    if case.room(LOOKS + 7):
        case.look_for_lost_digits()
    elif not case.has_power(case.found):  # then differences along this direction tell little too
        case.look_for_lost_digits()
        by_complex = case.complex_step(probe)
        steps = steps[: case.left() // 2]
    noise = max(case.noise_along(probe), case.floor_of(probe))
    line = case.line(probe, steps)
    found = estimate(line, noise)
    slack = case.slack(probe)
    if not (found.refutes(mine, slack) or found.refutes(theirs, slack)) and case.room(9):
        line.extend([h for h in (1e-1, 1e-3, 1e-5, 1e-7) if h not in line.steps])
        found = estimate(line, noise)
    said = f"yours says {mine:.9g}, the tape {theirs:.9g}, differences of f {found.value:.9g} ± {found.error:.1g}"
    finding.evidence.append(f"where yours and the tape differ most: {said}")
    size = max(abs(mine), abs(theirs))
    both = found.refutes(mine, slack) and found.refutes(theirs, slack)
    misled = both and abs(mine - theirs) <= 1e-3 * abs(
        mine - found.value
    )  # hand and tape nearly agree, and f with neither
    if both and not misled:
        rough = roughness(line, found.noise)
        if rough is not None:
            finding.evidence.append(rough[0])
            return Verdict.NOT_DIFFERENTIABLE
        case.notes.append(f"differences of f agree neither with yours nor with the tape{finding.entry.where}")
        return Verdict.WRONG
    if found.refutes(mine, slack) and not misled:
        return Verdict.WRONG
    if found.refutes(theirs, slack) and not misled:
        by_complex = case.complex_step(probe) if math.isnan(by_complex) else by_complex
        if abs(by_complex - theirs) <= abs(mine - theirs) / 100:
            finding.evidence.append(
                f"but the complex step agrees with the tape, {by_complex:.9g}: f varies within the steps of differences"
            )
            return Verdict.WRONG
        nearby = shortest_difference(case, probe, theirs)
        if abs(nearby - theirs) <= abs(mine - theirs) / 10:
            finding.evidence.append(
                f"but the shortest difference agrees with the tape, {nearby:.4g}: f varies within longer steps"
            )
            return Verdict.INCONCLUSIVE
        finding.evidence.append("so yours is right here, and the tape is wrong: a rule of f's operations must be")
        case.notes.append(f"the tape's own derivative is wrong{finding.entry.where}; please look at its rules")
        return Verdict.OK
    by_complex = case.complex_step(probe) if math.isnan(by_complex) else by_complex
    limit = max(np.finfo(float).eps, case.eps) ** (2 / 3)
    if not case.decided_by_complex_step(probe, theirs, mine):
        by_complex = math.nan
    if abs(mine - theirs) <= 1e-4 * size and is_below_rounding(case, k, difference):
        finding.evidence.append("the difference is rounding: times the whole of x it is less than f is rounded by")
        return Verdict.OK
    if abs(by_complex - theirs) <= abs(mine - theirs) / 100 and abs(mine - theirs) > limit * size:
        finding.evidence.append(f"the complex step agrees with the tape: {by_complex:.9g}")
        return Verdict.WRONG
    if abs(by_complex - mine) <= abs(mine - theirs) / 100 and abs(mine - theirs) > limit * size:
        finding.evidence.append(f"the complex step agrees with yours: {by_complex:.9g}")
        case.notes.append(f"the tape's own derivative is wrong{finding.entry.where}; please look at its rules")
        return Verdict.OK
    if is_kinked(kinked):
        return Verdict.NOT_DIFFERENTIABLE
    given = max(float(np.finfo(x.dtype if x.dtype.kind in "fc" else float).eps) for x in (manual, tape))
    if found.agrees(mine, slack) and abs(mine - theirs) <= math.sqrt(given) * size:
        finding.evidence.append("the difference is more than rounding explains, and less than f can tell")
        return Verdict.OK
    cancelled(case, [k], case.lost(probe), mine - theirs)
    finding.evidence.append(f"f cannot tell which is right: its noise is {found.noise:.1g}")
    return Verdict.INCONCLUSIVE


def shortest_difference(case: Comparison, probe: Any, slope: float) -> float:
    """The central difference of f at the shortest step of which rounding leaves some digits, for a slope of this size.

    A noise of f hides the slope at longer steps, and may be what f itself does on a small scale.
    """
    eps = max(case.eps, float(np.finfo(float).eps))
    most = [max(float(np.max(np.abs(x), initial=0.0)) for x in values) for values in (case.problem.leaves, probe.v)]
    h = 1e3 * eps * max(most[0] / most[1], abs(case.main.zero) / abs(slope)) if slope and most[1] else 0.0
    if not 0 < h < np.inf:
        return math.nan
    values = [case.problem.along(probe, t) for t in (h, -h)]
    return float((values[0].real - values[1].real) / (2 * h))


def is_below_rounding(case: Comparison, k: int, difference: Any) -> bool:
    """Whether a formula by hand loses no more digits than f: 1 - tanh(x)^2 in the tails of tanh, say."""
    change = float(np.sum(np.abs(difference) * np.abs(case.problem.leaves[k])))
    return change <= 16 * max(case.eps, float(np.finfo(float).eps)) * abs(case.main.zero)


def cancelled(case: Comparison, which: list[int], lost: float, size: float) -> None:
    """Say that the program cancels digits, if rounding errors within f move the tape's derivative by this size."""
    if 10 * lost >= abs(size) and lost > 0:
        where = ", ".join([case.findings[k].entry.path for k in which if case.findings[k].entry.path][:5])
        case.notes.append(
            f"f cancels digits at this point (it subtracts numbers that are nearly equal): one rounding error in each "
            f"of its operations changes the tape's derivative{' at ' + where if where else ''} by as much as is in "
            f"question. Write f in a form that keeps its digits, such as expm1, log1p or a series"
        )


def within_dtype(manual: Any, tape: Any) -> tuple[Any, int]:
    """A leaf with the tape's number where it is infinite because its dtype cannot hold that number, and how many."""
    if manual.dtype.kind != "f":
        return manual, 0
    with np.errstate(all="ignore"):
        beyond = np.isinf(manual) & np.isfinite(tape) & (manual == np.asarray(tape).astype(manual.dtype))
    return (np.where(beyond, tape, manual), int(np.sum(beyond))) if np.any(beyond) else (manual, 0)


# ----- without a tape -------------------------------------------------------------------------------------------------


def judge_by_differences(case: Comparison) -> None:
    """Judge all leaves by differences of f: first together, then those that are still open one by one."""
    open_leaves = [k for k, finding in enumerate(case.findings) if finding.verdict is None]
    if case.rough is not None:
        return conclude(case, Verdict.NOT_DIFFERENTIABLE)
    slack = case.slack(case.main_probe)
    for k in open_leaves:
        if not np.all(np.isfinite(case.manual[k])):
            case.findings[k].verdict, case.decided = Verdict.WRONG, case.problem.calls
            case.findings[k].evidence.append("your gradient has entries that are not finite")
            return judge_each(case, [j for j in open_leaves if j != k])
    found, claimed = case.found, case.d_manual
    by_complex = case.complex_step(case.main_probe)
    said = f"yours says {claimed:.9g}, differences of f {found.value:.9g} ± {found.error:.1g}"
    if found.agrees(claimed, slack) and case.has_power(found):
        unclear = [k for k in open_leaves if found.error > POWER * case.share(k)]
        for k in open_leaves:
            if k not in unclear:
                case.findings[k].verdict = Verdict.OK
                case.findings[k].evidence.append(f"along a random direction {said}")
        return judge_each(case, unclear)
    close = abs(by_complex - claimed) <= math.sqrt(np.finfo(float).eps) * abs(by_complex)
    if close and case.decided_by_complex_step(case.main_probe, claimed):
        return conclude(case, Verdict.OK, f"the complex step confirms yours: {by_complex:.9g}, predicted {claimed:.9g}")
    if not found.refutes(claimed, slack):
        return conclude(case, Verdict.INCONCLUSIVE, f"along a random direction {said}")
    if len(open_leaves) == 1:
        return conclude(case, Verdict.WRONG, f"along a random direction {said}")
    case.decided = case.problem.calls  # something is wrong; what follows looks for the leaf
    judge_each(case, open_leaves)
    if not any(case.findings[k].verdict is Verdict.WRONG for k in open_leaves):
        for k in open_leaves:
            if case.findings[k].verdict is not Verdict.OK or len(open_leaves) > LEAVES:
                case.findings[k].verdict = Verdict.WRONG
                case.findings[k].evidence.append(f"along a random direction of all leaves {said}")
    return None


def judge_each(case: Comparison, which: list[int]) -> None:
    """Judge leaves one by one, each along a random direction that moves it alone."""
    for k in which[:LEAVES]:
        finding = case.findings[k]
        if not case.room(6):
            finding.verdict = Verdict.INCONCLUSIVE
            finding.evidence.append("its part is too small to be seen, and no evaluations of f are left")
            continue
        probe = case.within_range(case.claim.probe(only=[k]))
        line = case.line(probe, case.around(case.found.step))
        found, claimed = estimate(line, case.noise_along(probe)), case.claim.predicted(case.manual, probe)
        finding.evidence.append(
            f"along a random direction of this leaf yours says {claimed:.9g}, differences of f {found.value:.9g} "
            f"± {found.error:.1g}"
        )
        size = max(case.claim.size(case.manual, probe), abs(found.value))
        slack = case.slack(probe)
        if found.refutes(claimed, slack):
            finding.verdict = Verdict.WRONG
        elif found.agrees(claimed, slack) and (found.error <= POWER * size or size == 0):
            finding.verdict = Verdict.OK
        else:
            finding.verdict = Verdict.INCONCLUSIVE
    for k in which[LEAVES:]:
        case.findings[k].verdict = Verdict.INCONCLUSIVE
        case.findings[k].evidence.append("its part is too small to be seen in a direction that moves all leaves")
