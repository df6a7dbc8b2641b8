"""Backpropagation derived by hand, on NumPy alone: the reference that automatic differentiation is compared with.

With u[r] = A[r] x[r] + b[r] and x[r+1] = rho(u[r]), the chain rule read from the last layer to the first gives, writing
g[r] for the gradient of the loss in x[r],

    M[r] = rho'(u[r]) * g[r+1],    gA[r] = M[r] x[r]^T,    gb[r] = M[r] 1,    g[r] = A[r]^T M[r].

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323, 1986.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def logistic(z: Array, Y: Array) -> tuple[float, Array]:
    """The multi-class logistic loss of the scores z, and its gradient softmax(z) - Y, shape (k, n), with one exp."""
    highest = z.max(axis=0)
    g = z - highest
    np.exp(g, out=g)
    total = g.sum(axis=0)
    loss = np.log(total).sum() + highest.sum() - np.vdot(z, Y)
    g /= total
    g -= Y
    return float(loss), g


def gradient(
    A: Sequence[Array], b: Sequence[Array], x: Array, Y: Array, *, last: bool = True
) -> tuple[float, list[Array], list[Array]]:
    """The logistic loss of the network and its gradient in every parameter.

    Args:
        A: weights, A[r] of shape (d[r + 1], d[r]).
        b: biases, b[r] of shape (d[r + 1], 1).
        x: samples in columns, shape (d[0], n).
        Y: one-hot targets, shape (d[R], n).
        last: whether the last layer has its activation too.

    Returns:
        (loss, gA, gb): the loss summed over the samples, and lists shaped like A and b.

    Raises:
        ValueError: if the scores and Y differ in shape, or from NumPy's matmul if the shapes do not chain.

    >>> loss, gA, gb = gradient([np.zeros((3, 2))], [np.zeros((3, 1))], np.ones((2, 1)), np.array([[1.0], [0], [0]]))
    >>> gb[0] * 3
    array([[-2.],
           [ 1.],
           [ 1.]])
    """
    R = len(A)
    X, U = [x], []
    for r in range(R):
        u = A[r] @ X[r]
        u += b[r]
        U.append(u)
        X.append(np.arctan(u) if last or r < R - 1 else u)
    if X[R].shape != Y.shape:
        raise ValueError(f"scores {X[R].shape} and targets {Y.shape} must have the same shape (classes, samples)")

    loss, g = logistic(X[R], Y)
    gA, gb = [x] * R, [x] * R
    for r in range(R - 1, -1, -1):
        M = g
        if last or r < R - 1:
            slope = U[r]  # ours, and not needed again: 1 + u^2 is written over it
            slope *= slope
            slope += 1.0
            M /= slope  # rho'(u) = 1 / (1 + u^2)
        gA[r] = M @ X[r].T
        gb[r] = M.sum(axis=1, keepdims=True)
        if r:  # nobody asks for the gradient in the data
            g = A[r].T @ M
    return loss, gA, gb
