"""Hand-written deltas beside the cotangents of the tape. The mistake is at the first that differs, going backward."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.checking.claim import as_float, largest_finite, two_norm
from minigrad.checking.problem import MISSING, Problem, as_plain, quiet
from minigrad.checking.records import LayerReport, Verdict
from minigrad.core.lines import located
from minigrad.core.tree import flatten
from minigrad.modes.sweeps import backward
from minigrad.rules.expansion import expanded


def compare_deltas(deltas: Any, problem: Problem, record: Any, again: Any, c: Any) -> tuple[LayerReport, ...]:
    """The deltas in the order of the backward sweep, each with a verdict.

    Raises:
        ValueError: if a delta has a label that f gives to nothing, or if f cannot be traced.
    """
    if deltas is None:
        return ()
    if record is None:
        raise ValueError(located("check: deltas are compared with the tape, but f cannot be traced; see the notes"))
    args = problem.arguments(problem.narrow)
    with quiet():
        given = deltas(*args, **problem.kwargs) if callable(deltas) else dict(deltas)
        given = {label: delta(*args, **problem.kwargs) if callable(delta) else delta for label, delta in given.items()}
    labels = {label: index for index, label in record.tape.labels.items()}
    unknown = [label for label in given if label not in labels]
    if unknown:
        known = ", ".join(map(repr, labels)) or "none: write minigrad.name(x, 'x2') in f"
        raise ValueError(located(f"check: f labels nothing {unknown[0]!r}, which deltas has; its labels: {known}"))
    here, moved = swept(record, c), swept(again, c) if again is not None else []
    reports = []
    for label in sorted(given, key=lambda label: -labels[label]):
        index = labels[label]
        like = record.tape.nodes[index][3]
        truth = np.zeros(like.shape) if here[index] is None else np.asarray(expanded(here[index], like))
        jiggle = np.zeros(truth.shape)
        if index < len(moved) and moved[index] is not None:
            jiggle = np.abs(np.asarray(expanded(moved[index], again.tape.nodes[index][3])) - truth)
        reports.append(layer(label, as_plain(given[label]), truth, jiggle, str(record.tape.lines[index])))
    return tuple(reports)


def swept(record: Any, c: Any) -> list[Any]:
    """The cotangents of all nodes, for cotangents c of the outputs."""
    outs, _ = flatten(record.out)
    kept: list[Any] = []
    with quiet():
        backward(record.tape, [(i, g[()]) for i, g in zip(map(record.position, outs), c) if i >= 0], keep=kept)
    return kept + [None] * (len(record.tape.nodes) - len(kept))


def layer(label: str, manual: Any, truth: Any, jiggle: Any, line: str) -> LayerReport:
    """One delta beside one cotangent."""
    nan = float("nan")
    if manual is MISSING:
        return LayerReport(label, Verdict.WRONG, nan, nan, truth.shape, None, line, "it is not given as an array")
    if manual.shape != truth.shape:
        detail = f"your delta has shape {manual.shape}, the value {truth.shape}"
        return LayerReport(label, Verdict.WRONG, nan, nan, truth.shape, manual.shape, line, detail)
    given = float(np.finfo(manual.dtype if manual.dtype.kind in "fc" else float).eps)
    manual = as_float(manual)
    size = 2 * np.where(np.isfinite(truth), np.abs(truth), 0.0)  # of the tape's alone: a mistake may be infinite
    # A delta is a sum over what comes after it: its entries are as exact as the largest of them.
    noise = np.minimum(10 * np.where(np.isfinite(jiggle), jiggle, 0.0), math.sqrt(given) * largest_finite(truth))
    tolerance = 16 * given * (size + two_norm(size) / math.sqrt(max(truth.size, 1))) + noise
    with np.errstate(invalid="ignore"):
        difference = np.where(manual == truth, 0.0, np.abs(manual - truth))
    wrong = ~(difference <= tolerance)
    if not truth.size:
        return LayerReport(label, Verdict.OK, 0.0, 0.0, truth.shape, manual.shape, line, "it is empty")
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(difference), np.inf, difference))), truth.shape)
    with np.errstate(all="ignore"):
        relative = float(np.max(np.where(difference == 0, 0.0, difference / np.maximum(np.abs(manual), np.abs(truth)))))
    detail = "it agrees with the tape"
    # What rounding does not explain may still be a matter of how the sum was taken: a mistake is larger than that.
    is_wrong = bool(np.any(wrong)) and not two_norm(difference) <= given ** (2 / 3) * two_norm(size / 2)
    if is_wrong:
        entry = tuple(int(i) for i in worst)
        detail = f"at {list(entry)} yours is {manual[entry]:.6g}, the tape's {truth[entry]:.6g}; shape {truth.shape}"
    verdict = Verdict.WRONG if is_wrong else Verdict.OK
    return LayerReport(label, verdict, float(difference[worst]), relative, truth.shape, manual.shape, line, detail)
