"""The multilayer perceptron: x[r+1] = rho(A[r] x[r] + b[r]), with rho = arctan unless another one is asked for.

Written with `minigrad.numpy`, so the same lines run on plain arrays and under every transformation of `minigrad`.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy

import minigrad.numpy as np
from nn.arrays import Array, Labels, Seed

Activation = Callable[[Any], Any]
arctan: Activation = np.arctan


def relu(u: Any) -> Any:
    """The positive part, entry by entry; its slope at 0 is that of `maximum` at a tie.

    >>> relu(numpy.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return np.maximum(u, 0.0)


ACTIVATIONS: dict[str, Activation] = {"arctan": arctan, "tanh": np.tanh, "relu": relu}


def parameters(widths: Sequence[int]) -> int:
    """How many numbers the weights and biases of a network have.

    >>> parameters([2, 15, 3])
    93
    """
    return sum((d_in + 1) * d_out for d_in, d_out in pairwise(widths))


def widths_for(budget: int, hidden: int, p: int, k: int) -> list[int]:
    """The widths of a network with equally wide hidden layers and about as many parameters as asked for.

    Args:
        budget: how many parameters there should be; of all widths from 2 on, the one that comes closest is taken.
        hidden: how many hidden layers.
        p, k: the numbers of features and of classes.

    >>> [widths_for(147, hidden, 2, 3) for hidden in (1, 5)]
    [[2, 24, 3], [2, 5, 5, 5, 5, 5, 3]]
    """
    candidates = ([p, *[width] * hidden, k] for width in range(2, max(3, budget // (p + k + 1)) + 1))
    return min(candidates, key=lambda widths: abs(parameters(widths) - budget))


def init(widths: Sequence[int], rng: Seed = None) -> tuple[list[Array], list[Array]]:
    """Draw the parameters of a network from the standard normal distribution.

    Args:
        widths: the number of coordinates of x[0], x[1], ..., so R + 1 numbers for R layers.
        rng: a NumPy generator, or a seed for a new one.

    Returns:
        (A, b): lists with A[r] of shape (widths[r + 1], widths[r]) and b[r] of shape (widths[r + 1], 1), float64.

    Raises:
        ValueError: if there are fewer than two widths, or one of them is not positive.

    >>> A, b = init([2, 15, 3], rng=0)
    >>> [a.shape for a in A], [c.shape for c in b]
    ([(15, 2), (3, 15)], [(15, 1), (3, 1)])
    """
    if len(widths) < 2 or min(widths) < 1 or any(int(width) != width for width in widths):
        raise ValueError(f"a network needs at least two widths, all of them positive whole numbers, not {list(widths)}")
    generator = numpy.random.default_rng(rng)
    A, b = [], []
    for d_in, d_out in pairwise(map(int, widths)):
        A.append(generator.standard_normal((d_out, d_in)))
        b.append(generator.standard_normal((d_out, 1)))
    return A, b


def forward(
    A: Sequence[Array], b: Sequence[Array], x: Array, *, last: bool = True, rho: Activation = arctan
) -> list[Array]:
    """Evaluate the network and keep every intermediate.

    Args:
        A: weights, A[r] of shape (d[r + 1], d[r]); or of many networks, shape (m, d[r + 1], d[r]).
        b: biases, b[r] of shape (d[r + 1], 1), or (m, d[r + 1], 1).
        x: samples in columns, shape (d[0], n).
        last: whether the last layer has an activation too; if not, it is affine.
        rho: the activation, entry by entry.

    Returns:
        X: the list x[0], ..., x[R], with X[0] = x and X[r] of shape (d[r], n), or (m, d[r], n).

    Raises:
        ValueError: if A and b differ in length, if x has another number of features, or from NumPy's matmul if the
            shapes do not chain.

    >>> A, b = init([2, 15, 3], rng=0)
    >>> [u.shape for u in forward(A, b, numpy.zeros((2, 7)))]
    [(2, 7), (15, 7), (3, 7)]
    """
    R = len(A)
    if len(b) != R:
        raise ValueError(f"{R} weight matrices but {len(b)} biases")
    if R and x.shape[-2:-1] != A[0].shape[-1:]:
        raise ValueError(f"x of shape {x.shape} for a network of {A[0].shape[-1]} features: samples are columns here")
    X = [x]
    for r in range(R):
        if last or r < R - 1:
            X.append(rho(A[r] @ X[r] + b[r]))
        else:
            X.append(A[r] @ X[r] + b[r])
    return X


def predict(A: Sequence[Array], b: Sequence[Array], x: Array, *, last: bool = True, rho: Activation = arctan) -> Labels:
    """The most probable class of every column of x, shape (n,), integers."""
    classes: Labels = numpy.argmax(forward(A, b, x, last=last, rho=rho)[-1], axis=0)
    return classes


def accuracy(
    A: Sequence[Array], b: Sequence[Array], x: Array, y: Labels, *, last: bool = True, rho: Activation = arctan
) -> float:
    """The share of the samples x, shape (p, n), whose most probable class is their label in y, shape (n,)."""
    return float(numpy.mean(predict(A, b, x, last=last, rho=rho) == y))
