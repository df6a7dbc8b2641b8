"""What a mistake in a hand-written derivative looks like.

Two ways lead to a diagnosis. The plain one compares the leaf with the truth (`patterns`): a constant factor, a sign, a
transpose, entries that changed places, the gradient of another leaf. The other (`search`) runs the backward sweep again
with one thing done wrong, on a copy of the tape: the local derivative of one operation left out or taken at the wrong
place, one path cut, one sum taken as a mean (`hypotheses`). If the result is what was written by hand, that is the
mistake, and the tape knows the line. What a few numbers show by chance has to show at a second point, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.checking.patterns import close, looseness, of_numbers, of_shape
from minigrad.checking.problem import MISSING
from minigrad.checking.records import Verdict
from minigrad.checking.search import VAGUE, Search, by_sweeps
from minigrad.core.tape import peel
from minigrad.modes.made import parameter_names

FACTOR = "a constant factor"  #: how a diagnosis begins that holds at other points, too, or is none


def sizes_of(tape: Any, leaves: Sequence[Any], args: Sequence[Any], fun: Any) -> dict[int, str]:
    """The sizes that a factor of n could come from, and what they are the size of."""
    found: dict[int, str] = {}
    names = parameter_names(fun, len(args))
    for k, arg in enumerate(args):
        if isinstance(arg, np.ndarray):
            for axis, n in enumerate(arg.shape):
                found.setdefault(n, f"the length of axis {axis} of {names[k]}")
            found.setdefault(arg.size, f"the size of {names[k]}")
    if tape is not None:
        for primitive, _parents, values, ans, _params in tape.nodes:
            name = "an input" if primitive is None else f"the result of {primitive.name}"
            for value, what in [(ans, name), *[(v, f"an operand of {primitive.name}") for v in values if primitive]]:
                if type(value) is tuple:
                    continue
                shape = np.shape(peel(value))
                for axis, n in enumerate(shape):
                    found.setdefault(n, f"the length of axis {axis} of {what}")
                found.setdefault(math.prod(shape), f"the size of {what}")
    for leaf in leaves:
        found.setdefault(int(np.size(leaf)), "the size of a leaf")
    return found


def fits(check: Any, k: int) -> bool:
    """Whether what was written for a leaf has its shape."""
    return bool(check.findings[k].entry.fits)


def diagnose(check: Any) -> None:
    """Give the wrong leaves of a check a diagnosis, where there is one."""
    wrong = [k for k, f in enumerate(check.findings) if f.verdict is Verdict.WRONG and f.entry.manual is not MISSING]
    # What agrees with the tape to rounding is not the mistake, whatever f says.
    wrong = [k for k in wrong if check.findings[k].tape is None or check.findings[k].exceeds or not fits(check, k)]
    if not wrong:
        return
    problem, findings = check.problem, check.findings
    tape = None if check.record is None else check.record.tape
    sizes = sizes_of(tape, problem.leaves, problem.args, problem.f)
    search = Search(check, [k for k in wrong if findings[k].entry.fits])
    for k in wrong:
        f = findings[k]
        truth = f.tape if f.tape is not None else f.numerical
        if truth is None or not np.all(np.isfinite(truth)):
            continue
        loose = looseness(f.entry.manual, f.tape is None)
        if not f.entry.fits:
            f.diagnosis = of_shape(f.entry.manual, truth, loose)
            continue
        parameter = problem.leaves[k] if check.claim.kind not in ("jacobian", "jvp") else None
        others = [
            (findings[j].entry.path, findings[j].tape)
            for j in range(len(findings))
            if j != k and findings[j].tape is not None and np.shape(findings[j].tape) == f.entry.manual.shape
            and not close(findings[j].tape, truth, loose)
        ]  # fmt: skip
        if f.entry.given.kind in "iub" and np.array_equal(f.entry.manual, np.trunc(truth)):
            f.diagnosis = f"it was cut to integers (dtype {f.entry.given}): make the array float"
            continue
        f.diagnosis = of_numbers(f.entry.manual, truth, parameter, others, sizes, loose)
        if f.diagnosis is not None and f.diagnosis.startswith(FACTOR) and not search.has_same_ratio(k, truth):
            f.diagnosis = None
    if tape is None:
        return
    open_leaves = [k for k in wrong if findings[k].entry.fits]
    diagnoses = {findings[k].diagnosis for k in open_leaves}
    vague = any(d is None or "zero" in d or d.startswith(VAGUE) for d in diagnoses)
    if open_leaves and (vague or len(diagnoses) > 1):
        by_sweeps(search, sizes)
