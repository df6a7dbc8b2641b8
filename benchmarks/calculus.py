"""Textbook functions: chains of small operations, the quadratic, Rosenbrock, a log-determinant, Jacobians."""

import functools
from typing import Any

import numpy as np

import minigrad
import minigrad.numpy as mnp
from benchmarks.libraries import all_of
from benchmarks.measuring import Contenders

Array = np.ndarray


# ----- small operations: what the bookkeeping costs -------------------------------------------------------------------


def chain(operations: int, x: Any) -> Contenders:
    """The derivative of a polynomial by Horner's rule, y = y * x + 0.1 again and again, at a number or at an array.

    By hand it is straight-line Python: twice the operations, as the derivative goes along.
    """
    steps = operations // 2
    if steps > 500 and steps % 500:
        raise ValueError(f"the chain has at most 1,000 operations or a multiple of 1,000, not {operations}")

    def program(lib: Any, x: Any) -> Any:
        y = x
        for _ in range(steps):
            y = y * x + 0.1
        return y

    block = min(steps, 500)  # a million lines would take a minute to parse: then a loop over blocks
    lines = ["def by_hand(x):", " y, d = x, 1.0", f" for _ in range({steps // block}):"]
    lines += ["  d = d * x + y; y = y * x + 0.1"] * block + [" return d"]
    namespace: dict[str, Any] = {}
    exec("\n".join(lines), namespace)  # the text above, and nothing that comes from outside
    return all_of("elementwise", program, x, by_hand=lambda: namespace["by_hand"](x))


def eager(contenders: Contenders) -> Contenders:
    """Those that do not compile, which of a long program takes minutes."""
    return {name: run for name, run in contenders.items() if "compiled" not in name and "JAX" not in name}


def compiling(operations: int) -> Contenders:
    """The first call of a compiled gradient, and that of the text for people, beside the gradient itself."""
    x = np.linspace(0.1, 0.9, 5)

    def program(x: Any) -> Any:
        y = x
        for _ in range(operations // 2):
            y = np.sin(y) * x
        return np.sum(y)

    gradient = minigrad.grad(program)
    return {
        "minigrad": lambda: gradient(x),
        "minigrad compiled": lambda: minigrad.compile(gradient)(x),
        "minigrad source": lambda: minigrad.source(gradient, x).function()(x),
    }


def batch_of_one() -> Contenders:
    """The gradient of a sum of squares, as that of each example of a batch that has one."""
    gradient = minigrad.grad(lambda v: mnp.sum(mnp.tanh(v) ** 2))
    x = np.linspace(-1.0, 1.0, 10)
    return {
        "plain way": lambda: gradient(x),
        "minigrad": functools.partial(minigrad.batched(gradient), x[None]),
    }


def quadratic() -> Contenders:
    """Value and gradient of ||Mx||^2, M of 5 x 2."""
    rng = np.random.default_rng(0)
    M, x = rng.standard_normal((5, 2)), rng.standard_normal((2, 1))

    def by_hand() -> Any:
        y = M @ x
        return [np.vdot(y, y), 2 * (M.T @ y)]

    def loss(lib: Any, P: Any, C: Any) -> Any:
        return lib.xp.sum(lib.xp.square(C[0] @ P[0]))

    return all_of("gradient", loss, [x], [M], by_hand=by_hand)


# ----- first and second order -----------------------------------------------------------------------------------------


def rosenbrock(lib: Any, x: Any) -> Any:
    """The sum of 100 (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2.

    Source: Rosenbrock, "An automatic method for finding the greatest or least value of a function", The Computer
    Journal 3(3), 1960.
    """
    return lib.xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_gradient(n: int) -> Contenders:
    """Value and gradient."""
    x = np.random.default_rng(0).standard_normal(n)

    def by_hand() -> Any:
        a, b = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
        g = np.zeros(n)
        g[1:] = 200.0 * a
        g[:-1] -= 400.0 * x[:-1] * a + 2.0 * b
        return [100.0 * np.vdot(a, a) + np.vdot(b, b), g]

    return all_of("gradient", lambda lib, P, C: rosenbrock(lib, P[0]), [x], [], by_hand=by_hand)


def rosenbrock_bands(x: Array) -> tuple[Array, Array]:
    """The diagonal of the Hessian and the one beside it."""
    diagonal = np.full(x.shape, 200.0)
    diagonal[0] = 0.0
    diagonal[:-1] += 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    return diagonal, -400.0 * x[:-1]


def rosenbrock_hessian(n: int) -> Contenders:
    """The dense Hessian."""
    x = np.random.default_rng(0).standard_normal(n)

    def by_hand() -> Array:
        diagonal, beside = rosenbrock_bands(x)
        H = np.zeros((n, n))
        H.flat[:: n + 1], H.flat[1 :: n + 1], H.flat[n :: n + 1] = diagonal, beside, beside
        return H

    return all_of("hessian", rosenbrock, x, by_hand=by_hand)


def rosenbrock_hvp(n: int) -> Contenders:
    """The product of the Hessian and a vector."""
    x, v = np.random.default_rng(0).standard_normal((2, n))

    def by_hand() -> Array:
        diagonal, beside = rosenbrock_bands(x)
        product = diagonal * v
        product[1:] += beside * v[:-1]
        product[:-1] += beside * v[1:]
        return product

    return all_of("hvp", rosenbrock, x, v, by_hand=by_hand)


def covariance(n: int) -> Contenders:
    """Log-likelihood of a Gaussian and its gradient in the covariance: log det S + y^T S^-1 y."""
    rng = np.random.default_rng(0)
    root, y = rng.standard_normal((n, n)), rng.standard_normal(n)
    S = root @ root.T + n * np.eye(n)

    def by_hand() -> Any:
        inverse = np.linalg.inv(S)
        solved = inverse @ y
        return [np.linalg.slogdet(S)[1] + y @ solved, inverse.T - np.outer(solved, inverse.T @ y)]

    def loss(lib: Any, P: Any, C: Any) -> Any:
        linalg = lib.xp.linalg
        return linalg.slogdet(P[0])[1] + C[0] @ linalg.solve(P[0], C[0])

    return all_of("gradient", loss, [S], [y], by_hand=by_hand)


# ----- parts of arrays ------------------------------------------------------------------------------------------------

INDICES = {  # kind -> the index of an array of n rows of ten, whose cotangents are scattered
    "positions": lambda rng, n: (rng.integers(0, n, n), 3),
    "rows": lambda rng, n: rng.integers(0, n, n),
    "pairs": lambda rng, n: (np.arange(n), rng.integers(0, 10, n)),
    "mask": lambda rng, n: rng.random((n, 10)) < 0.5,
    "column": lambda rng, n: (slice(None), np.array([3])),
}


def indexed(kind: str, n: int) -> Contenders:
    """The sum of the squares of what is at an index, and its gradient: where the cotangent has to be scattered."""
    rng = np.random.default_rng(0)
    x, index = rng.standard_normal((n, 10)), INDICES[kind](rng, n)

    def by_hand() -> Any:
        part, g = x[index], np.zeros_like(x)
        np.add.at(g, index, 2.0 * part)
        return [np.sum(np.square(part)), g]

    return all_of("gradient", lambda lib, P, C: lib.xp.sum(lib.xp.square(P[0][index])), [x], [], by_hand=by_hand)


def hazard(n: int) -> Contenders:
    """A cumulative hazard that is linear between four points in time, summed over n times, and its derivative in them.

    The row of a time holds how long it is within each interval, as in the models of survival that lifelines fits.
    """
    rng = np.random.default_rng(0)
    times, ends, rates = rng.exponential(10.0, (n, 1)), np.array([[2.0, 6.0, 12.0, np.inf]]), 1.0 / np.arange(3.0, 7.0)

    def by_hand() -> Any:
        within = np.diff(np.minimum(ends, times), axis=1, prepend=0.0)
        is_last = (times <= ends) & (times > np.concatenate([[[0.0]], ends[:, :-1]], axis=1))
        return [np.sum(within @ rates), (is_last @ rates)[:, None]]

    def loss(lib: Any, P: Any, C: Any) -> Any:
        until = lib.xp.minimum(C[0], P[0])
        within = lib.xp.concatenate([until[:, np.array([0])], lib.xp.diff(until)], axis=1)
        return lib.xp.sum(within @ C[1])

    return all_of("gradient", loss, [times], [ends, rates], by_hand=by_hand)


# ----- Jacobians ------------------------------------------------------------------------------------------------------


def jacobian(outputs: int) -> Contenders:
    """The Jacobian of two layers with as many inputs and outputs: all rows in one pass, or one pass for each."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((2, outputs, outputs)) / np.sqrt(outputs)
    x = rng.standard_normal(outputs)
    torch_arrays: dict[int, Any] = {}

    def function(lib: Any, x: Any) -> Any:
        if hasattr(lib, "torch"):
            a, b = torch_arrays.setdefault(0, (lib.array(A), lib.array(B)))
        else:
            a, b = A, B
        return lib.xp.tanh(b @ lib.xp.tanh(a @ x))

    def by_hand() -> Array:
        inner = np.tanh(A @ x)
        outer = np.tanh(B @ inner)
        return ((1.0 - outer * outer)[:, None] * B) @ ((1.0 - inner * inner)[:, None] * A)

    seeds = np.eye(outputs)

    def row_by_row() -> Array:
        _, pullback = minigrad.vjp(lambda x: mnp.tanh(B @ mnp.tanh(A @ x)), x)
        return np.stack([pullback(seed)[0] for seed in seeds])

    return all_of("jacobian", function, x, by_hand=by_hand, **{"row by row": row_by_row})
