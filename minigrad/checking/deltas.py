"""Hand-written deltas beside the cotangents of the tape. The mistake is at the first that differs, going backward."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

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
    size = np.abs(manual) + np.abs(truth)
    # A delta is a sum over what comes after it: its entries are as exact as the largest of them.
    tolerance = 16 * given * (size + np.sqrt(np.mean(size**2))) + 10 * jiggle if truth.size else size
    difference = np.abs(manual - truth)
    wrong = ~(difference <= tolerance)
    if not truth.size:
        return LayerReport(label, Verdict.OK, 0.0, 0.0, truth.shape, manual.shape, line, "it is empty")
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(difference), np.inf, difference))), truth.shape)
    with np.errstate(all="ignore"):
        relative = float(np.max(np.where(difference == 0, 0.0, difference / np.maximum(np.abs(manual), np.abs(truth)))))
    detail = "it agrees with the tape"
    # What rounding does not explain may still be a matter of how the sum was taken: a mistake is larger than that.
    is_wrong = bool(np.any(wrong)) and not two_norm(manual - truth) <= given ** (2 / 3) * two_norm(truth)
    if is_wrong:
        entry = tuple(int(i) for i in worst)
        detail = f"at {list(entry)} yours is {manual[entry]:.6g}, the tape's {truth[entry]:.6g}; shape {truth.shape}"
    verdict = Verdict.WRONG if is_wrong else Verdict.OK
    return LayerReport(label, verdict, float(difference[worst]), relative, truth.shape, manual.shape, line, detail)


def two_norm(x: Any) -> float:
    """The 2-norm of an array of any shape, NaN for none; without overflow."""
    if x is None:
        return math.nan
    size = np.abs(np.asarray(x, dtype=complex if np.asarray(x).dtype.kind == "c" else float)).ravel()
    largest = float(np.max(size, initial=0.0))
    if not largest or not math.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.sum((size / largest) ** 2)))
