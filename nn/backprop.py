"""Backpropagation derived by hand, on NumPy alone: the reference that automatic differentiation is compared with.

With u[r] = A[r] x[r] + b[r] and x[r+1] = rho(u[r]), the chain rule read from the last layer to the first gives, writing
g[r] for the gradient of the loss in x[r],

    M[r] = rho'(u[r]) * g[r+1],    gA[r] = M[r] x[r]^T,    gb[r] = M[r] 1,    g[r] = A[r]^T M[r].

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323, 1986.
"""

from collections.abc import Sequence

import numpy as np

from nn.arrays import Array


def logistic(z: Array, Y: Array) -> tuple[float, Array]:
    """The multi-class logistic loss of the scores z, and its gradient softmax(z) - Y, shape (k, n), with one exp."""
    highest = z.max(axis=0)
    e = np.exp(z - highest)
    total = e.sum(axis=0)
    loss = np.sum(np.log(total) + highest) - np.vdot(z, Y)
    return float(loss), e / total - Y


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
        U.append(A[r] @ X[r] + b[r])
        X.append(np.arctan(U[r]) if last or r < R - 1 else U[r])
    if X[R].shape != Y.shape:
        raise ValueError(f"scores {X[R].shape} and targets {Y.shape} must have the same shape (classes, samples)")

    loss, g = logistic(X[R], Y)
    gA, gb = [x] * R, [x] * R
    for r in range(R - 1, -1, -1):
        M = g / (1.0 + U[r] * U[r]) if last or r < R - 1 else g  # rho'(u) = 1 / (1 + u^2)
        gA[r] = M @ X[r].T
        gb[r] = M.sum(axis=1, keepdims=True)
        if r:  # g[0], the gradient in the data, is not needed
            g = A[r].T @ M
    return loss, gA, gb
