"""Loss and gradient of the tour's network as fast as we could write them by hand.

`nn/backprop.py` is written to be read. `tuned` computes the same, with the arithmetic in place, in arrays that are
allocated once and used again by every call, and the bias as one more column of the weights, so that a layer is one
product forward and one for its gradient. `fused` writes what is left between products, arctan, exp and log as loops that
numba compiles and that read and write every number once; those functions are NumPy's, whose vector instructions beat
numba's calls of the C library (measured: with `math.atan` in the loops, 1.5 times slower than `tuned`).
"""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
HAS_NUMBA = importlib.util.find_spec("numba") is not None


def tuned(widths: Sequence[int], n: int, dtype: Any = np.float64) -> Callable[[list[Array], Array, Array], list[Any]]:
    """The gradient for networks of these widths and n samples: (parameters, x, Y) -> [loss, *gradients].

    Parameters are A[0], ..., A[R - 1], b[0], ..., b[R - 1]. The gradients are new arrays in every call.
    """
    R = len(widths) - 1
    # A layer's input with a row of ones below it, so that [A b] @ [x; 1] = A x + b.
    X = [np.ones((d + 1, n), dtype) for d in widths]
    U = [np.empty((d, n), dtype) for d in widths[1:]]
    W = [np.empty((d, c + 1), dtype) for c, d in zip(widths, widths[1:])]
    G = [np.empty((d if r else 0, n), dtype) for r, d in enumerate(widths)]  # none in the data
    row, top = np.empty((1, n), dtype), np.empty((1, n), dtype)
    heads = [a[:-1] for a in X]

    def gradient(P: list[Array], x: Array, Y: Array) -> list[Any]:
        heads[0][:] = x
        for r in range(R):
            w, u = W[r], U[r]
            w[:, :-1] = P[r]
            w[:, -1:] = P[R + r]
            w.dot(X[r], out=u)  # half a microsecond less than np.matmul
            np.arctan(u, out=heads[r + 1])
            np.multiply(u, u, out=u)
            u += 1.0

        z, g = heads[R], G[R]
        np.maximum.reduce(z, axis=0, out=top, keepdims=True)
        np.subtract(z, top, out=g)
        np.exp(g, out=g)
        np.add.reduce(g, axis=0, out=row, keepdims=True)
        g /= row
        np.log(row, out=row)
        loss = row.sum() + top.sum() - np.vdot(z, Y)
        g -= Y

        gA, gb = [None] * R, [None] * R
        for r in range(R - 1, -1, -1):
            g = G[r + 1]
            g /= U[r]
            both = g.dot(X[r].T)
            gA[r], gb[r] = both[:, :-1], both[:, -1:]
            if r:
                P[r].T.dot(g, out=G[r])
        return [loss, *gA, *gb]

    return gradient


def fused(widths: Sequence[int], n: int, dtype: Any = np.float64) -> Callable[[list[Array], Array, Array], list[Any]]:
    """The same, with loops that numba compiles."""
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
        """g becomes the cotangent before the activation."""
        for i in range(g.shape[0]):
            for j in range(g.shape[1]):
                g[i, j] /= 1.0 + u[i, j] * u[i, j]

    R = len(widths) - 1
    X = [np.ones((d + 1, n), dtype) for d in widths]
    U = [np.empty((d, n), dtype) for d in widths[1:]]
    W = [np.empty((d, c + 1), dtype) for c, d in zip(widths, widths[1:])]
    G = [np.empty((d if r else 0, n), dtype) for r, d in enumerate(widths)]  # none in the data
    row, top = np.empty(n, dtype), np.empty(n, dtype)
    heads = [a[:-1] for a in X]

    def gradient(P: list[Array], x: Array, Y: Array) -> list[Any]:
        heads[0][:] = x
        for r in range(R):
            W[r][:, :-1] = P[r]
            W[r][:, -1:] = P[R + r]
            W[r].dot(X[r], out=U[r])
            np.arctan(U[r], out=heads[r + 1])

        shift(heads[R], G[R], top)
        np.exp(G[R], out=G[R])
        loss = normalise(heads[R], Y, G[R], row, top)
        loss += np.log(row, out=row).sum()

        gA, gb = [None] * R, [None] * R
        for r in range(R - 1, -1, -1):
            pull(G[r + 1], U[r])
            both = G[r + 1].dot(X[r].T)
            gA[r], gb[r] = both[:, :-1], both[:, -1:]
            if r:
                P[r].T.dot(G[r + 1], out=G[r])
        return [loss, *gA, *gb]

    return gradient
