"""The losses, stabilised, written with `minigrad.numpy` so that they differentiate.

Classes run along axis 0 and samples along axis 1.
"""

from typing import Any

import numpy

import minigrad.numpy as np
from nn.arrays import Array

Scalar = Any  # a float64, or a box of one while it is being differentiated


def logsumexp(z: Array) -> Array:
    """log sum_i exp z[i] over the classes: shape (k, n) to (n,).

    The maximum of every column is taken out first, so nothing overflows.

    Source:
        Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of
        Numerical Analysis 41(4), 2021.

    >>> logsumexp(numpy.array([[1000.0], [1000.0]])) - 1000.0
    array([0.69314718])
    """
    total: Array = np.logsumexp(z, axis=0)
    return total


def softmax(z: Array) -> Array:
    """exp z[i] / sum_j exp z[j] over the classes: shape (k, n) to (k, n), columns that sum to one.

    >>> softmax(numpy.array([[1000.0], [1000.0]]))
    array([[0.5],
           [0.5]])
    """
    e = np.exp(z - np.max(z, axis=0, keepdims=True))
    probabilities: Array = e / np.sum(e, axis=0, keepdims=True)
    return probabilities


def logistic(z: Array, Y: Array) -> Scalar:
    """The multi-class logistic loss, summed over the samples: sum_j (log sum_i exp z[i, j] - <z[:, j], Y[:, j]>).

    Its gradient in z is softmax(z) - Y.

    Args:
        z: scores, shape (k, n).
        Y: target probabilities (one-hot labels), shape (k, n).

    Returns:
        A scalar.

    Raises:
        ValueError: if the shapes differ; broadcasting would hide a mistake here.

    >>> float(logistic(numpy.zeros((2, 3)), numpy.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])) / numpy.log(2.0))
    3.0
    """
    if z.shape != Y.shape:
        raise ValueError(f"scores {z.shape} and targets {Y.shape} must have the same shape (classes, samples)")
    return np.sum(np.logsumexp(z, axis=0)) - np.vdot(z, Y)


def binary_logistic(z: Array, y: Array) -> Scalar:
    """The binary logistic loss with labels -1 and +1, summed over the samples: sum_j log(1 + exp(-y[j] z[j])).

    `logaddexp(0, -y z)` neither overflows for a confident mistake nor loses the tail of a confident success.
    Equal to `logistic` of two classes with the scores (0, z).

    Args:
        z: scores, shape (n,) or (1, n).
        y: labels -1 or +1, the shape of z (for labels 0 and 1 pass `2 * y - 1`).

    Returns:
        A scalar.

    Raises:
        ValueError: if the shapes differ, or a label is neither -1 nor +1.

    >>> float(binary_logistic(numpy.array([-1000.0, 1000.0]), numpy.array([1, 1])))
    1000.0
    """
    if z.shape != y.shape:
        raise ValueError(f"scores {z.shape} and labels {y.shape} must have the same shape")
    if not numpy.all(numpy.abs(y) == 1):
        raise ValueError("labels must be -1 or +1; for labels 0 and 1 pass 2 * y - 1")
    return np.sum(np.logaddexp(0.0, -y * z))
