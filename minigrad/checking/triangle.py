"""A gradient by hand in the symmetric form, of a function that reads one triangle of its matrix.

The derivative of what NumPy computes lies in the triangle that is read: an entry of it stands for two. A textbook's
formula, such as inv(A) for log det A by Cholesky, spreads it over both. The two are the same along all directions that
keep the matrix symmetric, and these are the directions that matter to whoever has a symmetric matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.checking.comparison import Comparison
from minigrad.checking.evidence import estimate


def triangle_read(case: Comparison, k: int) -> str | None:
    """ "lower" or "upper", where the tape's gradient has this triangle alone and the hand's is its symmetric form."""
    if case.claim.kind not in ("gradient", "value_and_gradient"):
        return None
    finding, x = case.findings[k], np.asarray(case.problem.leaves[k])
    manual, tape = finding.entry.manual, finding.tape
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return None
    if not (np.all(np.isfinite(manual)) and np.all(np.isfinite(tape)) and np.array_equal(x, transposed(x))):
        return None
    below, above = np.any(np.tril(tape, -1)), np.any(np.triu(tape, 1))
    if bool(below) == bool(above):
        return None
    tolerance = finding.tolerance + np.swapaxes(finding.tolerance, -1, -2)
    expected = (tape + transposed(tape)) / 2
    return ("lower" if below else "upper") if np.all(np.abs(manual - expected) <= tolerance) else None


def transposed(x: Any) -> Any:
    """The conjugate transpose of each matrix."""
    return np.conj(np.swapaxes(x, -1, -2))


def confirmed_along_symmetric_directions(case: Comparison, k: int, triangle: str) -> bool:
    """Whether differences of f along a symmetric direction agree with both gradients; if so, it is said why."""
    finding = case.findings[k]
    probe = case.claim.towards(k, finding.entry.manual)
    mine = case.parts(k, finding.entry.manual, probe)
    found = estimate(case.line(probe, case.around(case.found.step)), case.noise_along(probe))
    if not found.agrees(mine, case.slack(probe)):
        return False
    finding.evidence.append(
        f"f reads the {triangle} triangle of this matrix only, where an entry stands for two; yours is the symmetric "
        f"form of the same gradient, and agrees along symmetric directions: {mine:.9g}, differences of f "
        f"{found.value:.9g} ± {found.error:.1g}"
    )
    cut = "np.tril" if triangle == "lower" else "np.triu"
    case.notes.append(
        f"f reads the {triangle} triangle only{finding.entry.where}: single entries of your gradient G are not those "
        f"of f, which matters where a step does not keep the matrix symmetric. Entry by entry the gradient is "
        f"{cut}(G + G.T) - np.diag(np.diag(G))"
    )
    return True
