"""Stochastic optimisers with the names and signatures of `autograd.misc.optimizers`.

Each calls `grad(x, i)` for the iterations i = 0, 1, ... and `callback(x, i, gradient)` before each step; x may be any
pytree of float arrays. For deterministic problems `scipy.optimize.minimize` with `minigrad.misc.flatten` is the better
tool.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.modes.made import called_with
from minigrad.operations.vectors import to_vector

_TREES = (dict, list, tuple)


def _fits(gradient: Any, x: Any) -> bool:
    """Whether parts with the same name or place have the same size."""
    if isinstance(gradient, dict) and isinstance(x, dict):
        return gradient.keys() == x.keys() and all(_fits(gradient[key], x[key]) for key in x)
    if isinstance(gradient, (list, tuple)) and isinstance(x, (list, tuple)):
        return len(gradient) == len(x) and all(map(_fits, gradient, x))
    return isinstance(gradient, _TREES) or isinstance(x, _TREES) or np.size(gradient) == np.size(x)


def _sizes(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _sizes(part) for key, part in tree.items()}
    return [_sizes(part) for part in tree] if isinstance(tree, (list, tuple)) else np.size(tree)


def unflatten_optimizer(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """An optimiser of vectors as one of pytrees."""

    @functools.wraps(optimize)
    def optimized(grad: Any, x0: Any, callback: Any = None, *args: Any, **kwargs: Any) -> Any:
        vector, unflatten = to_vector(x0)

        def gradient(x: Any, i: int) -> Any:
            made = grad(unflatten(x), i)
            found, _ = to_vector(made)
            if found.shape != vector.shape:
                raise ValueError(
                    located(
                        f"{optimize.__name__}: the gradient has {found.size} entries, but there are {vector.size} "
                        f"parameters; it needs the structure and shapes of x"
                    )
                )
            if not _fits(made, x0):
                raise ValueError(
                    located(
                        f"{optimize.__name__}: the gradient has the parts {_sizes(made)}, and the parameters have "
                        f"{_sizes(x0)}: entries would be added to others than their own. Give it the structure of x"
                    )
                )
            return found

        wrapped = None if callback is None else lambda x, i, g: callback(unflatten(x), i, unflatten(g))
        with called_with(optimize.__name__, grad, "x", "i"):
            return unflatten(optimize(gradient, np.array(vector), wrapped, *args, **kwargs))

    return optimized


@unflatten_optimizer
def sgd(
    grad: Any, x: Any, callback: Any = None, num_iters: int = 200, step_size: float = 0.1, mass: float = 0.9
) -> Any:
    """Stochastic gradient descent with momentum.

    Args:
        grad: the gradient as a function of x and of the number of the iteration.
        x: where to start, a pytree of float arrays.
        callback: called with x, the number of the iteration and the gradient before each step.
        num_iters: the number of steps.
        step_size: the size of the steps.
        mass: the part of the velocity that is kept from one step to the next.

    Returns:
        The x after the last step.

    Source:
        B. Polyak, "Some methods of speeding up the convergence of iteration methods", USSR Computational Mathematics
        and Mathematical Physics 4(5), 1964.

    >>> bool(abs(sgd(lambda x, i: 2 * x, 1.0, num_iters=500)) < 1e-6)
    True
    """
    velocity = np.zeros_like(x)
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        velocity = mass * velocity - (1.0 - mass) * g
        x = x + step_size * velocity
    return x


@unflatten_optimizer
def rmsprop(
    grad: Any, x: Any, callback: Any = None, num_iters: int = 100, step_size: float = 0.1, gamma: float = 0.9,
    eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Steps divided by the root of a moving average of squared gradients.

    Args:
        grad: the gradient as a function of x and of the number of the iteration.
        x: where to start, a pytree of float arrays.
        callback: called with x, the number of the iteration and the gradient before each step.
        num_iters: the number of steps.
        step_size: the size of the steps.
        gamma: the part of the average that is kept from one step to the next.
        eps: is added to the root.

    Returns:
        The x after the last step.

    Source:
        T. Tieleman and G. Hinton, lecture 6.5 of "COURSERA: Neural Networks for Machine Learning", 2012.

    >>> bool(abs(rmsprop(lambda x, i: 2 * x, 1.0, num_iters=500, step_size=0.01)) < 0.1)
    True
    """
    average = np.ones_like(x)
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        average = average * gamma + g**2 * (1 - gamma)
        x = x - step_size * g / (np.sqrt(average) + eps)
    return x


@unflatten_optimizer
def adam(
    grad: Any, x: Any, callback: Any = None, num_iters: int = 100, step_size: float = 0.001, b1: float = 0.9,
    b2: float = 0.999, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Steps from moving averages of the gradients and of their squares, both without bias.

    Args:
        grad: the gradient as a function of x and of the number of the iteration.
        x: where to start, a pytree of float arrays.
        callback: called with x, the number of the iteration and the gradient before each step.
        num_iters: the number of steps.
        step_size: the size of the steps.
        b1: the part of the average of gradients that is kept from one step to the next.
        b2: the same of the average of squares.
        eps: is added to the root of the average of squares.

    Returns:
        The x after the last step.

    Source:
        D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980, algorithm 1.

    >>> bool(abs(adam(lambda x, i: 2 * x, 1.0, num_iters=500, step_size=0.1)) < 0.1)
    True
    """
    first, second = np.zeros_like(x), np.zeros_like(x)
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        first = (1 - b1) * g + b1 * first
        second = (1 - b2) * g**2 + b2 * second
        unbiased, scale = first / (1 - b1 ** (i + 1)), second / (1 - b2 ** (i + 1))
        x = x - step_size * unbiased / (np.sqrt(scale) + eps)
    return x
