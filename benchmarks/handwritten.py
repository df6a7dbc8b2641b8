"""Loss and gradient of the tour's network as fast as we could write them by hand.

`nn/backprop.py` is written to be read. `tuned` computes the same, with the arithmetic in place, in arrays that are
allocated once and used again by every call, and the bias as one more column of the weights, so that a layer is one
product forward and one for its gradient. `fused` writes what is left between products, arctan, exp and log as loops
that numba compiles and that read and write every number once; those functions are NumPy's, whose vector instructions
beat numba's calls of the C library (measured: with `math.atan` in the loops, 1.5 times slower than `tuned`).
"""

import functools
import importlib.util
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray
Gradient = Callable[[list[Array], Array, Array], list[Any]]
HAS_NUMBA = importlib.util.find_spec("numba") is not None


def tuned(widths: Sequence[int], n: int, dtype: Any = np.float64) -> Gradient:
    """The gradient for networks of these widths and n samples: (parameters, x, Y) -> [loss, *gradients].

    Parameters are A[0], ..., A[R - 1], b[0], ..., b[R - 1]. The gradients are new arrays in every call.
    """
    return network(widths, n, dtype, logistic, pull)


def fused(widths: Sequence[int], n: int, dtype: Any = np.float64) -> Gradient:
    """The same, with loops that numba compiles."""
    return network(widths, n, dtype, *loops())


def network(widths: Sequence[int], n: int, dtype: Any, logistic: Any, pull: Any) -> Gradient:
    """The gradient, given the loss with its gradient in the scores and the pullback of the activation."""
    R = len(widths) - 1
    # A layer's input with a row of ones below it, so that [A b] @ [x; 1] = A x + b.
    X = [np.ones((d + 1, n), dtype) for d in widths]
    U = [np.empty((d, n), dtype) for d in widths[1:]]
    W = [np.empty((d, c + 1), dtype) for c, d in pairwise(widths)]
    G = [np.empty((d if r else 0, n), dtype) for r, d in enumerate(widths)]  # none in the data
    row, top = np.empty(n, dtype), np.empty(n, dtype)
    heads = [a[:-1] for a in X]

    def gradient(P: list[Array], x: Array, Y: Array) -> list[Any]:
        heads[0][:] = x
        for r in range(R):
            w = W[r]
            w[:, :-1] = P[r]
            w[:, -1:] = P[R + r]
            w.dot(X[r], out=U[r])  # half a microsecond less than np.matmul
            np.arctan(U[r], out=heads[r + 1])
        loss = logistic(heads[R], Y, G[R], row, top)
        gA, gb = [x] * R, [x] * R
        for r in range(R - 1, -1, -1):
            g = G[r + 1]
            pull(g, U[r])
            both = g.dot(X[r].T)
            gA[r], gb[r] = both[:, :-1], both[:, -1:]
            if r:
                P[r].T.dot(g, out=G[r])
        return [loss, *gA, *gb]

    return gradient


def logistic(z: Array, Y: Array, g: Array, row: Array, top: Array) -> Any:
    """The loss of the scores z, and in g its gradient; row and top are for the sums and maxima of the columns."""
    np.maximum.reduce(z, axis=0, out=top)
    np.subtract(z, top, out=g)
    np.exp(g, out=g)
    np.add.reduce(g, axis=0, out=row)
    g /= row
    np.log(row, out=row)
    g -= Y
    return row.sum() + top.sum() - np.vdot(z, Y)


def pull(g: Array, u: Array) -> None:
    """g becomes the cotangent before the activation, g / (1 + u^2); u is lost."""
    np.multiply(u, u, out=u)
    u += 1.0
    g /= u


def softmax_gradient(P: Sequence[Array], x: Array, Y: Array) -> list[Array]:
    """The gradient of the logistic loss per sample, of a network whose last layer has no activation."""
    R, U, X = len(P) // 2, [], [x]
    for r in range(R):
        u = P[r] @ X[r]
        u += P[R + r]
        U.append(u)
        X.append(np.arctan(u) if r < R - 1 else u)
    g = X.pop()
    g -= np.maximum.reduce(g, axis=0)
    np.exp(g, out=g)
    g /= np.add.reduce(g, axis=0)
    g -= Y
    g /= x.shape[1]
    gA, gb = [x] * R, [x] * R
    for r in range(R - 1, -1, -1):
        gA[r], gb[r] = g @ X[r].T, np.add.reduce(g, axis=1, keepdims=True)
        if r:
            g = P[r].T @ g
            pull(g, U[r - 1])
    return [*gA, *gb]


def adam(P: list[Array], M: list[Array], V: list[Array], gradient: list[Array], t: int, rate: float) -> None:
    """Step t of Adam, in place: parameters, and the means of the gradients and of their squares.

    Source: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, end of section 2.
    """
    for p, m, v, g in zip(P, M, V, gradient):
        scratch = g * g
        scratch *= 0.001
        v *= 0.999
        v += scratch
        g *= 0.1
        m *= 0.9
        m += g
        np.sqrt(v, out=scratch)
        scratch *= 1.0 / (1.0 - 0.999**t) ** 0.5
        scratch += 1e-8
        np.divide(m, scratch, out=scratch)
        scratch *= rate / (1.0 - 0.9**t)
        p -= scratch


@functools.cache
def loops() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The last two functions as loops; numba compiles them once in a process."""
    from numba import njit

    @njit(fastmath=True, error_model="numpy")
    def shift(z: Array, g: Array, top: Array) -> None:
        """g = z - top, the maximum of every column."""
        for j in range(z.shape[1]):
            top[j] = z[0, j]
        for i in range(1, z.shape[0]):
            for j in range(z.shape[1]):
                top[j] = max(top[j], z[i, j])
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                g[i, j] = z[i, j] - top[j]

    @njit(fastmath=True, error_model="numpy")
    def normalise(z: Array, Y: Array, g: Array, row: Array, top: Array) -> float:
        """From g = exp(z - top): the gradient in the scores, the sums of every column, and a part of the loss."""
        loss = 0.0
        row[:] = 0.0
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                row[j] += g[i, j]
        for j in range(z.shape[1]):
            loss += top[j]
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                loss -= z[i, j] * Y[i, j]
                g[i, j] = g[i, j] / row[j] - Y[i, j]
        return loss

    @njit(fastmath=True, error_model="numpy")
    def pull(g: Array, u: Array) -> None:
        for i in range(g.shape[0]):
            for j in range(g.shape[1]):
                g[i, j] /= 1.0 + u[i, j] * u[i, j]

    def logistic(z: Array, Y: Array, g: Array, row: Array, top: Array) -> Any:
        shift(z, g, top)
        np.exp(g, out=g)
        return normalise(z, Y, g, row, top) + np.log(row, out=row).sum()

    return logistic, pull
