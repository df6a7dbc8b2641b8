"""Sparse Jacobians and Hessians: against formulas by hand, with a colouring that is given, and against dense ones.

A function of this module builds a problem (`band`, `arrow`, `rosenbrock`); `compared`, `first` and `dense` make
contenders of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
import minigrad.numpy as mnp
from benchmarks import calculus
from benchmarks.libraries import Minigrad
from benchmarks.measuring import ALONE, Contenders, MissingError, Sample

try:
    import scipy.sparse as sp
except ImportError:
    sp = None


@dataclass(frozen=True)
class Problem:
    """A function at a point, the sparse matrix of its derivatives by hand, and the functions that compute it."""

    fun: Callable[[Any], Any]
    x: np.ndarray
    by_hand: Callable[[], Any]
    computed: Callable[..., Any]
    dense: Callable[..., Any]
    pattern: Callable[..., Any]
    colouring: Callable[..., Any]

    def plan(self) -> Any:
        """The colouring, which needs the pattern alone."""
        return self.colouring(self.pattern(self.fun, self.x))


def problem(fun: Callable[[Any], Any], n: int, by_hand: Callable[[np.ndarray], Any], hessian: bool = False) -> Problem:
    """A problem in n variables; `by_hand` maps the point to the Jacobian of `fun`, or to its Hessian."""
    if sp is None:
        raise MissingError("scipy")
    names = (
        ("sparse_hessian", "hessian", "hessian_sparsity", "hessian_colouring")
        if hessian
        else ("sparse_jacobian", "jacobian", "sparsity", "jacobian_colouring")
    )
    x = np.random.default_rng(0).uniform(0.5, 1.5, n)
    return Problem(fun, x, lambda: by_hand(x), *(getattr(minigrad, name) for name in names))


def band(n: int) -> Problem:
    """A Jacobian with three entries in a row, side by side."""

    def by_hand(x: np.ndarray) -> Any:
        bands = [np.cos(x[:-2]) * x[1:-1], np.sin(x[:-2]), 2.0 * x[2:]]
        return sp.diags_array(bands, offsets=[0, 1, 2], shape=(n - 2, n)).tocsr()

    return problem(lambda x: mnp.sin(x[:-2]) * x[1:-1] + x[2:] ** 2, n, by_hand)


def arrow(n: int) -> Problem:
    """A Jacobian with entries in its first row, its first column and its diagonal."""

    def by_hand(x: np.ndarray) -> Any:
        row, column, diagonal = 2 * x[None], np.cos(x[1:, None]), sp.diags_array(-x[0] * np.sin(x[1:]))
        return sp.vstack([sp.csr_array(row), sp.hstack([sp.csr_array(column), diagonal])]).tocsr()

    return problem(lambda x: mnp.concatenate([mnp.sum(x**2)[None], x[0] * mnp.cos(x[1:])]), n, by_hand)


def rosenbrock(n: int) -> Problem:
    """A Hessian with a diagonal and its two neighbours."""

    def by_hand(x: np.ndarray) -> Any:
        diagonal, beside = calculus.rosenbrock_bands(x)
        return sp.diags_array([beside, diagonal, beside], offsets=[-1, 0, 1]).tocsr()

    return problem(lambda x: calculus.rosenbrock(Minigrad, x), n, by_hand, hessian=True)


# ----- contenders -----------------------------------------------------------------------------------------------------


def first(p: Problem) -> Contenders:
    """By hand, and by a call that finds pattern and colouring itself."""
    return {"hand-written": p.by_hand, "minigrad": lambda: p.computed(p.fun, p.x)}


def compared(p: Problem) -> Contenders:
    """Also with a colouring that is given, as every call but the first has it, and the function alone."""
    plan = p.plan()
    again = {"minigrad, colouring given": lambda: p.computed(p.fun, p.x, plan, check=False)}
    return first(p) | again | {ALONE: lambda: p.fun(p.x)}


@dataclass(frozen=True)
class Dense:
    """A dense matrix. It becomes sparse where results are compared, so the time of that is not measured."""

    matrix: np.ndarray

    def tocsr(self) -> Any:
        return sp.csr_array(self.matrix)


def dense(p: Problem) -> Contenders:
    """The same derivatives as a dense matrix and as a sparse one."""
    whole = p.dense(p.fun)
    return {"plain way": lambda: Dense(whole(p.x)), "minigrad": lambda: p.computed(p.fun, p.x)}


def sweeps(p: Problem) -> dict[str, Sample]:
    """How many sweeps the matrix takes: one for each row, or one for each colour."""
    return {"plain way": Sample.once(p.by_hand().shape[0]), "minigrad": Sample.once(p.plan().sweeps)}
