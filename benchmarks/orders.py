"""Derivatives of high order, of (1 - e^-x) / (1 + e^-x) at 200 points: how long they take and how exact they are."""

import functools
from typing import Any

import numpy as np

import minigrad
from benchmarks.libraries import Autograd, Jax, Minigrad, Torch, all_of, installed, nest
from benchmarks.measuring import Contenders, Run, need

POINTS = 200


def program(lib: Any, x: Any) -> Any:
    """tanh(x / 2), as the tour writes it."""
    return (1.0 - lib.xp.exp(-x)) / (1.0 + lib.xp.exp(-x))


def grid(points: int = POINTS) -> np.ndarray:
    return np.linspace(-7.0, 7.0, points)


def nested(order: int, points: int = POINTS) -> Contenders:
    """The derivative of this order by nesting first derivatives."""
    contenders = all_of("elementwise", program, grid(points), order)
    if order > 2:
        contenders.pop("JAX eager", None)  # seconds a call
    return contenders


def taylor(order: int, points: int = POINTS) -> Contenders:
    """All derivatives up to this order in one pass: by hand the recurrence of f' = (1 - f^2) / 2."""
    x = grid(points)
    factorials = np.cumprod([1.0, *range(1, order + 1)])[:, None]

    def by_hand() -> np.ndarray:
        c = np.empty((order + 1, points))
        e = np.exp(-x)
        c[0] = (1.0 - e) / (1.0 + e)
        for k in range(order):
            square = np.einsum("kn,kn->n", c[: k + 1], c[k::-1])
            c[k + 1] = ((k == 0) - square) * (0.5 / (k + 1))
        return c * factorials

    fun = functools.partial(program, installed(Minigrad))
    contenders: Contenders = {"hand-written": by_hand}
    contenders |= Minigrad().runs(lambda x: minigrad.derivatives(fun, x, order), x)
    jax = installed(Jax)
    if jax is not None:
        contenders |= jax.runs(functools.partial(jet, jax, order), x)
    return contenders


def jet(jax: Any, order: int, x: Any) -> Any:
    """All derivatives by JAX's Taylor mode."""
    from jax.experimental import jet

    line = [jax.xp.ones_like(x)] + [jax.xp.zeros_like(x)] * (order - 1)
    primal, series = jet.jet(functools.partial(program, jax), (x,), (line,))
    return jax.xp.stack([primal, *series])


def every_way(order: int, points: int = POINTS) -> Contenders:
    """The derivative of this order by every library and in every mode, for the figure."""
    x = grid(points)
    fun = functools.partial(program, installed(Minigrad))
    by_nesting = nest(minigrad.elementwise_grad, fun, order)
    runs: Contenders = {
        "minigrad, derivatives": lambda: minigrad.derivatives(fun, x, order)[order],
        "minigrad, nested": lambda: by_nesting(x),
    }
    for library, name in [(Autograd, "autograd, nested"), (Torch, "torch, nested")]:
        if installed(library) is not None:
            (runs[name],) = installed(library).elementwise(program, x, order).values()
    jax = installed(Jax)
    if jax is not None:
        runs["JAX jit, nested"] = jax.elementwise(program, x, order)["JAX jit"]
        runs["JAX jit, jet"] = jax.runs(lambda x: jet(jax, order, x)[order], x)["JAX jit"]
    return {name: quiet(run) for name, run in runs.items()}


def quiet(run: Run) -> Run:
    """Without NumPy's warnings: autograd overflows from order seven on, and the error is what the figure shows."""

    def call() -> Any:
        with np.errstate(all="ignore"):
            return run()

    return call


@functools.cache
def exact(order: int, points: int = POINTS) -> tuple[np.ndarray, float]:
    """The derivative of this order with 50 digits, rounded, and its largest absolute value.

    With t = tanh(x / 2) every derivative is a polynomial in t, with P[k + 1](t) = P[k]'(t) (1 - t^2) / 2.
    """
    mpmath = need("mpmath")
    with mpmath.workdps(50 + 2 * order):  # the sum cancels where t is near 1
        P = [mpmath.mpf(0), mpmath.mpf(1)]
        for _ in range(order):
            slope = [k * c for k, c in enumerate(P)][1:]
            square = [mpmath.mpf(0), mpmath.mpf(0), *slope]
            P = [(a - b) / 2 for a, b in zip([*slope, 0, 0], square)]
        values = []
        for x in grid(points):
            t = mpmath.tanh(mpmath.mpf(float(x)) / 2)
            values.append(functools.reduce(lambda total, c, t=t: total * t + c, reversed(P)))
        return np.array(values, dtype=object), float(max(abs(value) for value in values))


def error(order: int, result: Any, points: int = POINTS) -> float:
    """The largest error, relative to the largest derivative of this order; infinite where a result is not finite."""
    values, scale = exact(order, points)
    result = np.asarray(result, dtype=float)
    if not np.all(np.isfinite(result)):
        return float("inf")
    return float(max(abs(a - b) for a, b in zip(result.tolist(), values)) / scale)
