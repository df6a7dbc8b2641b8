"""`check`: shapes first, then numbers, then deltas, then what the mistakes look like; and one verdict for all.

The evidence is gathered by `comparison`, and `judging` decides about each leaf.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.checking.branches import flipped, jumps, singular
from minigrad.checking.claim import Entry, as_float, dtype_of, two_norm
from minigrad.checking.comparison import Comparison, Finding
from minigrad.checking.deltas import compare_deltas
from minigrad.checking.diagnosis import diagnose
from minigrad.checking.judging import conclude, is_kinked, judge_by_differences, judge_by_tape
from minigrad.checking.problem import MISSING, Problem, as_plain, quiet
from minigrad.checking.records import Kink, Report, Verdict, misfit
from minigrad.checking.summary import finished, worst_entry
from minigrad.core.lines import located
from minigrad.core.tape import Tape
from minigrad.core.tree import flatten
from minigrad.modes.checks import Argnum
from minigrad.modes.made import check_function, checked_argnum
from minigrad.modes.reverse import grad

COORDINATES = 400  #: evaluations for a diagnosis, after a verdict of WRONG
SMALL = 64  #: entries up to which a wrong leaf is differenced entry by entry
nan = math.nan


def check(
    fun: Callable[..., Any],
    manual: Any,
    *args: Any,
    kind: str | None = None,
    argnum: Argnum | None = None,
    deltas: Any = None,
    seed: int = 0,
    **kwargs: Any,
) -> Report:
    """A verdict on a derivative written by hand, compared with that of the tape and with differences of `fun`.

    Args:
        fun: the function, of arrays or pytrees of them.
        manual: the function with the same arguments that returns the derivative, in the structure of the argument; or
            the derivative at this point itself.
        *args: the point: the arguments of `fun`.
        kind: what `manual` returns: "gradient"; "value_and_gradient", a pair, or `(value, gA, gb)` for `argnum=(0, 1)`;
            "elementwise", the derivative of a function that works entry by entry, at every entry; "jacobian", for each
            output and each leaf an array of the shape of the output followed by that of the leaf; "vjp",
            `manual(*args, c)` for a cotangent `c` of the output; or "jvp", `manual(*args, v)` for a tangent `v` of the
            argument. All but the last two are recognised by what `manual` returns, and need not be given.
        argnum: the position of the argument, or a sequence of positions. By default all arguments, if `manual` returns
            as many parts that fit, and otherwise the first one.
        deltas: cotangents by hand of intermediate values that `fun` labels by `minigrad.name(x, "label")`: a dict from
            labels to arrays (or to functions of the arguments), or a function of the arguments that returns one.
        seed: the seed of the random directions.
        **kwargs: keyword arguments of `fun`, which are constants.

    Returns:
        A `Report`. `report.verdict` is "OK", "WRONG", "NOT DIFFERENTIABLE HERE" or "INCONCLUSIVE", a string;
        `print(report)` says why, per leaf. A gradient that is a valid subgradient at a kink still gives
        "NOT DIFFERENTIABLE HERE".

    Raises:
        TypeError: if the argument cannot be differentiated.
        ValueError: for an unknown kind, for the gradient of a function that does not return one number, and for deltas
            with unknown labels.
        Exception: whatever `fun` raises at the point.

    The verdict takes at most 40 evaluations of `fun`, whatever the number of entries; `report.evaluations` counts them.
    There are no tolerances to set: see `minigrad.checking.evidence` for the error model, whose figures are printed.

    >>> report = check(lambda x: np.sum(x**3), lambda x: 2 * x**2, np.array([1.0, 2.0]))
    >>> report.verdict == "WRONG", report.leaves[0].diagnosis
    (True, 'a constant factor of 2/3')
    """
    check_function("check", fun)
    if not args:
        raise TypeError(located("check: the point is missing: check(f, gradient, x)"))
    with quiet():
        argnum = (
            chosen_arguments(fun, manual, args, kwargs, kind)
            if argnum is None
            else checked_argnum("check", fun, argnum)
        )
        case = Comparison(Problem(fun, args, kwargs, argnum), manual, kind, seed)
        found = report(case, deltas)
        if found.verdict is Verdict.WRONG and are_exchanged(case):
            found = dataclasses.replace(found, notes=(EXCHANGED, *found.notes))
        return found


EXCHANGED = (
    "the function and its derivative are exchanged: the first is the derivative of the second. The function comes "
    "first: check(f, gradient, x)"
)


def are_exchanged(case: Comparison) -> bool:
    """Whether what was given as the function has the values of the derivative of what was given as its derivative."""
    problem, outs = case.problem, case.claim.outs
    if not callable(case.claim.manual):
        return False
    try:
        slopes, _ = flatten(grad(case.claim.manual, problem.argnum)(*problem.args, **problem.kwargs))
    except Exception:  # it was asked out of curiosity: what is no function of the point has no derivative
        return False
    if [np.shape(slope) for slope in slopes] != [out.shape for out in outs]:
        return False
    return any(map(np.any, outs)) and all(np.allclose(a, b, rtol=1e-6, atol=0.0) for a, b in zip(slopes, outs))


def chosen_arguments(
    fun: Callable[..., Any], manual: Any, args: Sequence[Any], kwargs: Any, kind: str | None
) -> Argnum:
    """The arguments to check, unless the user says: all of them if what was written by hand has a part for each."""
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
        elif len(returned) == 2 and (not is_one_number(args[0]) or np.isclose(returned[0], fun(*args, **kwargs))):
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


# ----- the course of a check ------------------------------------------------------------------------------------------


def report(case: Comparison, deltas: Any) -> Report:
    """The report of a check, which runs here: shapes, numbers, deltas, and what the mistakes look like."""
    case.by_tape()
    signature(case)
    numbers(case)
    extra = compare_value(case)
    if math.isnan(case.by_complex):
        case.complex_step(case.main_probe)  # for the curve
    layers = compare_deltas(deltas, case.problem, case.record, case.again, case.claim.c)
    evaluations = case.problem.calls if case.decided is None else case.decided
    describe_mistakes(case)
    if case.problem.trouble:
        case.notes.append(f"next to the point f raises an exception: {case.problem.trouble}")
    return finished(case, extra, layers, evaluations)


def signature(case: Comparison) -> None:
    """Shapes and dtypes come first: a leaf that does not fit is wrong, whatever its numbers."""
    for finding in case.findings:
        entry = finding.entry
        if entry.manual is MISSING:
            finding.verdict, case.decided = Verdict.WRONG, case.problem.calls
            finding.evidence.append(f"there is no gradient for this leaf; one of shape {entry.shape} is expected")
        elif not entry.fits:
            finding.verdict, case.decided = Verdict.WRONG, case.problem.calls
            finding.evidence.append(misfit(case.claim.kind, entry.manual.shape, entry.shape))
        elif entry.manual.dtype.kind == "c" and np.dtype(entry.dtype).kind != "c":
            case.notes.append(f"your gradient{entry.where} is complex ({entry.manual.dtype}), the parameter real")
            largest = two_norm(entry.manual.imag)
            if not math.isfinite(largest) or not largest <= math.sqrt(np.finfo(entry.manual.dtype).eps) * two_norm(
                entry.manual
            ):
                finding.verdict, case.decided = Verdict.WRONG, case.problem.calls
                finding.evidence.append(f"its imaginary part has the norm {largest:.3g}; it should be 0")
            entry.manual = entry.manual.real.copy()
        elif entry.given.kind in "iub":
            case.notes.append(f"your gradient{entry.where} has the integer dtype {entry.given}")
        elif np.finfo(entry.manual.dtype).eps > np.finfo(entry.dtype).eps:
            case.notes.append(
                f"your gradient{entry.where} has the dtype {entry.manual.dtype}, the parameter {entry.dtype}; "
                f"it is held to its own precision"
            )


def numbers(case: Comparison) -> None:
    """Compare the numbers."""
    claim, findings = case.claim, case.findings
    usable = [k for k, finding in enumerate(findings) if finding.entry.fits]
    has_tape = case.record is not None
    case.manual = [f.entry.manual if f.entry.fits else np.zeros(f.entry.shape) for f in findings]
    case.tape = [f.tape for f in findings]
    if has_tape:
        case.manual = [f.entry.manual if f.entry.fits else f.tape for f in findings]
    case.main_probe = case.within_range(claim.probe(only=None if has_tape else usable))
    if not has_tape and claim.kind not in ("jacobian", "jvp"):
        case.main_probe = case.balanced(case.main_probe)
    case.line_along(case.main_probe)
    case.d_manual = claim.predicted(case.manual, case.main_probe)
    case.d_tape = claim.predicted(case.tape, case.main_probe) if has_tape else nan
    if not all(np.all(np.isfinite(out)) for out in claim.outs):
        case.notes.append("f is not finite at this point")
        conclude(case, Verdict.NOT_DIFFERENTIABLE)
        return
    if case.is_random:
        conclude(
            case,
            Verdict.INCONCLUSIVE,
            "f has other values and another gradient each time that it is called at this point: it draws random "
            "numbers. Fix them, such as by a seed within f, to check its gradient",
        )
        return
    sides(case)
    open_findings = [f for f in findings if f.verdict is None]
    if not open_findings:
        return
    if has_tape and math.isfinite(case.d_tape):
        judge_by_tape(case)
    else:
        judge_by_differences(case)


def compare_value(case: Comparison) -> list[Finding]:
    """The value of a value_and_gradient, or of a jvp, beside that of f; a finding if they differ."""
    value = case.claim.value
    if value is None or case.claim.kind == "jvp":
        return []
    plain, own = as_plain(value), case.claim.outs[0]
    if plain is not MISSING and plain.size == 1:
        given = float(np.finfo(plain.dtype if plain.dtype.kind in "fc" else float).eps)
        tolerance = 64 * max(given, case.eps) * float(abs(own.ravel()[0])) + 10 * case.found.noise
        difference = float(abs(plain.ravel()[0] - own.ravel()[0]))
        if difference <= tolerance:
            return []
    else:
        difference = tolerance = nan
    fits = plain is not MISSING and plain.size == 1
    entry = Entry("(value)", as_float(plain), own.shape, own.dtype, fits, dtype_of(plain))
    shown = entry.manual.reshape(own.shape) if fits else MISSING
    finding = Finding(dataclasses.replace(entry, manual=shown), own, np.full(own.shape, tolerance), Verdict.WRONG)
    finding.evidence.append("the value beside the gradient is not that of f")
    return [finding]


# ----- kinks ----------------------------------------------------------------------------------------------------------


def sides(case: Comparison) -> None:
    """Look for kinks: differences from both sides, and the gradient by the tape at both sides."""
    case.kinked = [None] * len(case.findings)
    found: list[tuple[int, str]] = []
    if case.record is not None and case.room(4):
        h = 4096 * max(case.eps, float(np.finfo(float).eps))
        try:
            pairs = [gradients_beside(case, h)]
            gaps = jumps(*pairs[0][1], [0.0 if f.tolerance is None else f.tolerance for f in case.findings])
            if any(np.any(gap) for gap in gaps):
                pairs.append(gradients_beside(case, 16 * h))
                wider = jumps(*pairs[1][1], [0.0] * len(gaps))
                case.kinked = [
                    (gap > 0) & (wide > 0) & ((wide < 4 * gap) | np.isinf(gap)) for gap, wide in zip(gaps, wider)
                ]
            if any(map(is_kinked, case.kinked)) or case.rough is not None:
                found = flipped(*pairs[0][0]) or singular(case.record.tape)
            if not found:  # a jump without a reason is a function that oscillates within the step
                case.kinked = [None] * len(case.findings)
        except Exception:  # beside the point f may be undefined: differences have to tell
            case.kinked = [None] * len(case.findings)
    jumping = [k for k, kink in enumerate(case.kinked) if is_kinked(kink)]
    if case.rough is not None:
        case.kinks.append(Kink("f", None, f"{case.rough[0]} (seen down to {case.rough[1]:.0e} away)"))
    elif jumping:
        paths = ", ".join(case.findings[k].entry.path or "the argument" for k in jumping[:5])
        case.kinks.append(Kink("f", None, f"the gradient by the tape jumps at this point, in {paths}"))
    for index, detail in found[:10]:
        if index < 0:
            case.kinks.append(Kink("if", None, detail))
        else:
            tape = case.record.tape
            case.kinks.append(Kink(tape.nodes[index][0].name, str(tape.lines[index]), detail))
    if case.rough is not None and not jumping:
        case.kinked = [np.ones(finding.entry.shape, bool) for finding in case.findings]


def gradients_beside(case: Comparison, h: float) -> tuple[tuple[Tape, Tape], tuple[list[Any], list[Any]]]:
    """The tapes and the derivatives by the tape at both sides of the point."""
    records = [case.problem.trace(case.problem.moved(case.main_probe.v, t), Tape()) for t in (h, -h)]
    first, second = (case.claim.by_tape(record) for record in records)
    return (records[0].tape, records[1].tape), (first, second)


# ----- what the mistakes look like ------------------------------------------------------------------------------------


def describe_mistakes(case: Comparison) -> None:
    """Look at what is wrong: coordinate by coordinate where that is cheap, and for patterns.

    Takes at most `COORDINATES` evaluations of f: six for the worst entry of a leaf, or two for each entry of a
    small one.
    """
    limit = case.problem.calls + COORDINATES
    for k, finding in enumerate(case.findings):
        if finding.verdict is not Verdict.WRONG or finding.entry.shape is None or 0 in finding.entry.shape:
            continue
        size = math.prod(finding.entry.shape)
        if not finding.entry.fits and finding.tape is not None:
            continue
        if case.problem.calls + 6 > limit:
            break
        if size <= SMALL and case.problem.calls + 6 + 2 * size <= limit:
            whole = [case.entry_by_differences(k, i, short=True) for i in np.ndindex(*finding.entry.shape)]
            finding.numerical = np.array(whole).reshape(finding.entry.shape)
        if finding.tape is not None and finding.entry.fits:
            worst = worst_entry(finding, finding.tape)
            if finding.numerical is None:
                finding.numerical = np.full(finding.entry.shape, nan, np.asarray(finding.tape).dtype)
            if worst is not None:
                finding.numerical[worst] = case.entry_by_differences(k, worst)
    diagnose(case)
