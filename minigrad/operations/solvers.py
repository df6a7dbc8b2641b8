"""Linear and fixed-point solvers on plain values, which need only products with the matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.tree import flatten
from minigrad.errors import NoConvergenceError


def gave_up(message: str, history: Sequence[float]) -> NoConvergenceError:
    """The error of a solver that stops, with the first and the last sizes of its history and the user's line."""
    shown = [f"{h:.2g}" for h in (history if len(history) <= 8 else [*history[:3], *history[-4:]])]
    if len(history) > 8:
        shown.insert(3, "...")
    return NoConvergenceError(located(f"{message}; sizes by iteration: {', '.join(shown)}"), history)


def largest(x: Any) -> float:
    """The largest absolute value in a tree."""
    return max([float(np.max(np.abs(leaf), initial=0.0)) for leaf in flatten(x)[0]], default=0.0)


def precision(x: Any) -> float:
    """The relative distance of neighbouring numbers, in the coarsest dtype of a tree."""
    return max([float(np.finfo(np.asarray(leaf).dtype).eps) for leaf in flatten(x)[0]])


def gmres(
    product: Callable[[Any], Any], b: Any, name: str = "gmres", tol: float = 1e-12, restart: int = 60, cycles: int = 50
) -> Any:
    """The u with product(u) = b, for a linear map of vectors, by the generalised minimal residual method.

    Each cycle multiplies up to `restart` times and keeps as many vectors.

    SciPy has this method too, in `scipy.sparse.linalg.gmres`, with the same number of products and the same time; but
    this package needs NumPy alone, and where SciPy goes on to the last cycle, with numbers that grow without bound if
    the matrix is singular, this one stops as soon as a cycle makes no progress.

    Args:
        product: the linear map.
        b: the right-hand side, a vector.
        name: how messages call the solver.
        tol: the size of the residual at which it stops, relative to that of u = 0.
        restart: the number of products in a cycle.
        cycles: the number of cycles allowed.

    Raises:
        NoConvergenceError: if the residual is still too large after all cycles.

    Source:
        Y. Saad and M. Schultz, "GMRES", SIAM Journal on Scientific and Statistical Computing 7(3), 1986.

    >>> gmres(lambda u: np.array([[2.0, 1.0], [0.0, 4.0]]) @ u, np.array([4.0, 8.0])).round(10)
    array([1., 2.])
    """
    eps = precision(b)
    target = max(tol, 10 * eps) * float(np.linalg.norm(b))
    u, left, history = np.zeros_like(b), b, [float(np.linalg.norm(b))]
    for _ in range(cycles):
        if history[-1] <= target:
            return u
        basis = [left / history[-1]]
        size = min(restart, b.shape[0])
        hessenberg = np.zeros((size + 1, size), b.dtype)
        for k in range(size):
            w = product(basis[k])
            for _again in range(2):  # the second time removes what rounding left
                for j, v in enumerate(basis):
                    c = np.vdot(v, w)
                    hessenberg[j, k] += c
                    w = w - c * v
            length = float(np.linalg.norm(w))
            hessenberg[k + 1, k] = length
            right = np.zeros(k + 2, b.dtype)
            right[0] = history[-1]
            weights, *_ = np.linalg.lstsq(hessenberg[: k + 2, : k + 1], right, rcond=None)
            reached = float(np.linalg.norm(hessenberg[: k + 2, : k + 1] @ weights - right))
            if reached <= target or length <= 1e-14 * float(np.linalg.norm(hessenberg[: k + 2, k])):
                break
            basis.append(w / length)
        u = u + sum(c * v for c, v in zip(weights, basis))
        left = b - product(u)
        history.append(float(np.linalg.norm(left)))
        if history[-1] > 0.9 * history[-2]:  # no progress: as far as rounding allows, or stuck
            break
    if history[-1] <= max(target, 0.1 * eps**0.5 * history[0]):
        return u
    raise gave_up(f"{name}: GMRES did not solve the linear system; is the derivative in x singular?", history)


def neumann(
    product: Callable[[Any], Any], b: Any, name: str = "neumann", tol: float = 1e-13, limit: int = 10_000
) -> Any:
    """The u with product(u) = b, by u = b + (u - product(u)): the Neumann series, for maps close to the identity.

    Args:
        product: the linear map.
        b: the right-hand side, a vector.
        name: how messages call the solver.
        tol: the relative change of u at which it stops.
        limit: the number of iterations allowed.

    Raises:
        NoConvergenceError: if u still changes after all iterations.

    >>> neumann(lambda u: 0.5 * u, np.array([1.0])).round(10)
    array([2.])
    """
    u, history = b, []
    tol = max(tol, 4 * precision(b))
    for _ in range(limit):
        change = b - product(u)
        u = u + change
        history.append(float(np.linalg.norm(change)))
        if history[-1] <= tol * float(np.linalg.norm(u)):
            return u
        if not history[-1] <= 1e6 * history[0]:
            break
    raise gave_up(f"{name}: the Neumann series does not converge; use linear='dense' or 'gmres'", history)
