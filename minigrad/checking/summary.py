"""What a finished check tells: the numbers of every leaf, and all of it as a report."""

from __future__ import annotations

import functools
import inspect
import math
import textwrap
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.checking.claim import two_norm
from minigrad.checking.comparison import Comparison, Finding
from minigrad.checking.evidence import curve_points, slope_of, taylor_rows
from minigrad.checking.problem import MISSING
from minigrad.checking.records import PRECEDENCE, LayerReport, LeafReport, Report, Verdict
from minigrad.compiler.reading import source
from minigrad.modes.made import name_of_argument
from minigrad.modes.reverse import grad

LONGEST = 80  #: lines of a program that is shown beside the one by hand

nan, inf = math.nan, math.inf


def finished(case: Comparison, extra: Sequence[Finding], layers: tuple[LayerReport, ...], evaluations: int) -> Report:
    """The report of a check that has run."""
    problem, claim = case.problem, case.claim
    leaves = tuple([leaf_report(finding) for finding in [*case.findings, *extra]])
    verdicts = [leaf.verdict for leaf in leaves] + [layer.verdict for layer in layers]
    if claim.complaints:
        verdicts.append(Verdict.WRONG)
    verdict = next((v for v in PRECEDENCE if v in verdicts), Verdict.OK)
    beside = programs(case) if any(is_a_riddle(leaf) for leaf in leaves) else None
    rows = taylor_rows(case.main, case.d_manual, case.found.noise)
    return Report(
        verdict=verdict,
        kind=claim.kind,
        leaves=leaves,
        precision=precision(case),
        seed=case.seed,
        point=point(case),
        functions=(name_of(problem.f), name_of(claim.manual)),
        evaluations=evaluations,
        seconds=time.perf_counter() - case.started,
        value=case.value,
        slope=slope_of(rows),
        noise=case.found.noise,
        floor=case.found.floor,
        taylor=rows,
        curve=curve_points(case.main, case.found, case.by_complex),
        kinks=tuple(case.kinks),
        layers=layers,
        first_diverging=next((layer.name for layer in layers if layer.verdict is Verdict.WRONG), None),
        diagnosis_evaluations=problem.calls - evaluations,
        notes=tuple(case.claim.complaints + case.notes),
        programs=beside,
    )


def is_a_riddle(leaf: LeafReport) -> bool:
    """Whether a leaf is wrong and nothing says why."""
    return leaf.verdict is Verdict.WRONG and leaf.diagnosis is None and leaf.manual_shape == leaf.shape


def programs(case: Comparison) -> tuple[str, str] | None:
    """What was written by hand and the gradient that the tape writes; None where either has no text, or a long one."""
    problem = case.problem

    @functools.wraps(problem.f)
    def counted(*args: Any, **kwargs: Any) -> Any:
        problem.calls += 1
        return problem.f(*args, **kwargs)

    try:
        by_hand = textwrap.dedent(inspect.getsource(case.claim.manual))
        by_tape = str(source(grad(counted, problem.argnum), *problem.args, **problem.kwargs))
    except Exception:  # a function without a file, or one that cannot be a program
        return None
    return (by_hand, by_tape) if by_tape.count("\n") <= LONGEST else None


def precision(case: Comparison) -> str:
    """At what precision f was evaluated, in words."""
    given = sorted({str(np.asarray(leaf).dtype) for leaf in case.problem.narrow})
    used = sorted({str(out.dtype) for out in case.claim.outs})
    if given == used or not case.problem.is_narrow:
        return f"{', '.join(used)}"
    return f"{', '.join(given)} parameters, f evaluated in {', '.join(used)}"


def point(case: Comparison) -> str:
    """The point in words."""
    shapes = [np.shape(x) for x in case.problem.leaves]
    total = sum(int(np.prod(shape)) for shape in shapes)
    if len(shapes) == 1:
        return f"{case.problem.paths[0] or 'the argument'} of shape {shapes[0]}"
    what = name_of_argument(case.problem.argnum, case.problem.f)
    return f"{what}: {len(shapes)} leaves, {total} numbers"


def name_of(fun: Any) -> str:
    """How a report calls a function."""
    if not callable(fun):
        return "given as numbers"
    return getattr(fun, "__name__", type(fun).__name__)


# ----- a leaf ---------------------------------------------------------------------------------------------------------


def leaf_report(finding: Finding) -> LeafReport:
    """One leaf in numbers."""
    entry = finding.entry
    known = finding.tape if finding.tape is not None else finding.numerical
    manual = entry.manual if entry.manual is not MISSING else None
    worst: tuple[int, ...] | None = None
    max_abs = max_rel = cosine = tolerance = nan
    if entry.fits and known is not None and entry.manual.size:
        with np.errstate(all="ignore"):
            difference = np.where(entry.manual == known, 0.0, np.abs(entry.manual - known))
            worst = worst_entry(finding, known) or ()
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
        manual_dtype=None if manual is None else str(entry.given),
        size=int(np.prod(entry.shape)),
        norm_manual=two_norm(manual),
        norm_tape=two_norm(finding.tape),
        norm_numerical=two_norm(finding.numerical) if finding.numerical is not None else nan,
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


def worst_entry(finding: Finding, known: Any) -> tuple[int, ...] | None:
    """The index of the entry that differs most from the one known to be right."""
    if not finding.entry.manual.size:
        return None
    difference = np.where(finding.entry.manual == known, 0.0, np.abs(finding.entry.manual - known))
    flat = int(np.argmax(np.where(np.isnan(difference), inf, difference)))
    return tuple(int(i) for i in np.unravel_index(flat, finding.entry.shape))


def cosine_of(a: Any, b: Any) -> float:
    """The cosine of the angle between two arrays, NaN where one of them is zero."""
    lengths = two_norm(a), two_norm(b)
    if not all(length and math.isfinite(length) for length in lengths):
        return nan
    return float(np.real(np.vdot(b / lengths[1], a / lengths[0])))
