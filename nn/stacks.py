"""Many networks of the same widths, trained together: the weights of each layer are one stack of matrices.

NumPy multiplies a stack of matrices in one call, so Python is paid for once in a step and not once for each network.
Every network takes the steps that it takes in `nn.train`: its matrices are multiplied with the same calls of BLAS, and
the parameters keep their bits. The losses, which are reported but not descended along, agree to rounding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

import minigrad.numpy as np
from minigrad import compile, vjp  # noqa: A004 - it is not Python's compile
from minigrad.operations.summed import keep_freed_memory
from nn.arrays import Array
from nn.mlp import Activation, accuracy, arctan, forward
from nn.train import Gradient, History, Result, growth_limit, scales_of, train

Parameters = tuple[list[Array], list[Array]]
Watch = Callable[[int, Array, list[Array], list[Array]], None]

LARGE = 40_000  #: numbers in the values of a layer: where a network alone has as many, a stack saves nothing


@dataclass(frozen=True)
class Stack:
    """Trained networks.

    Attributes:
        A, b: their parameters, stacked: A[r] of shape (m, d[r + 1], d[r]), b[r] of shape (m, d[r + 1], 1).
        loss: the summed losses before every step and after the last one, shape (m, steps + 1).
        diverged: whether the loss of a network grew beyond bounds or became NaN, shape (m,).
    """

    A: list[Array]
    b: list[Array]
    loss: Array
    diverged: Array

    def network(self, i: int) -> Parameters:
        """The parameters (A, b) of one network."""
        return [a[i] for a in self.A], [c[i] for c in self.b]


def losses(A: Sequence[Array], b: Sequence[Array], x: Array, Y: Array, rho: Activation, *, last: bool) -> Any:
    """The summed logistic loss of every network in a stack, shape (m,), which does not depend on the others."""
    z = forward(A, b, x, last=last, rho=rho)[-1]
    # Sums over two axes stay sums of NumPy in a compiled program. A product with ones would have other last bits in
    # another stack.
    return np.sum(np.logsumexp(z, axis=-2, keepdims=True), axis=(-2, -1)) - np.sum(z * Y, axis=(-2, -1))


def train_stack(
    networks: Sequence[Parameters],
    x: Array,
    Y: Array,
    steps: int,
    step: float,
    *,
    last: bool = True,
    rho: Activation = arctan,
    watch: Watch | None = None,
) -> Stack:
    """Minimise the logistic loss of many networks by gradient descent with a fixed step.

    Args:
        networks: the parameters (A, b) of each, all of the same widths; they are not changed.
        x: samples in columns, shape (p, n), the same for all.
        Y: one-hot targets, shape (k, n).
        steps, step: how many steps, and their size on the loss summed over the samples.
        last: whether the last layer has its activation too.
        rho: the activation of the layers.
        watch: called with the number of steps taken, the losses of shape (m,), and the stacked gradients in A and b,
            before every step and after the last one.

    Returns:
        A `Stack`. A network that diverges does not disturb the others.

    Raises:
        ValueError: if there are no networks, or their widths differ.

    Source:
        the sum of the losses of independent networks has their gradients side by side, so one pullback gives all.

    >>> from nn.mlp import init
    >>> x, Y = numpy.array([[-1.0, 1.0], [0.0, 0.0]]), numpy.eye(2)
    >>> stack = train_stack([init([2, 4, 2], rng=seed) for seed in range(3)], x, Y, steps=200, step=0.1)
    >>> stack.loss.shape, bool(numpy.all(stack.loss[:, -1] < stack.loss[:, 0]))
    ((3, 201), True)
    """
    if len({tuple(a.shape for a in A) for A, _ in networks}) != 1:
        raise ValueError("a stack needs at least one network, and all of its networks the same widths")
    A = [numpy.stack(layer) for layer in zip(*(A for A, _ in networks), strict=True)]
    b = [numpy.stack(layer) for layer in zip(*(b for _, b in networks), strict=True)]
    ones = numpy.ones(len(networks))

    # The samples are arguments, since those that a program captures are compared at every call.
    def evaluate(A: list[Array], b: list[Array], x: Array, Y: Array, ones: Array) -> tuple[Array, Parameters]:
        values, pull = vjp(lambda A, b: losses(A, b, x, Y, rho, last=last), A, b)
        return values, pull(ones)

    evaluate = compile(evaluate)
    keep_freed_memory()
    history = numpy.empty((steps + 1, len(networks)))
    # What overflows has diverged, and is reported as that.
    with numpy.errstate(over="ignore", invalid="ignore"):
        for taken in range(steps + 1):
            history[taken], (gA, gb) = evaluate(A, b, x, Y, ones)
            if watch is not None:
                watch(taken, history[taken], gA, gb)
            if taken == 0:
                scales = scales_of(step, gA), scales_of(step, gb)
            if taken < steps:
                A = [a - s * g for a, s, g in zip(A, scales[0], gA, strict=True)]
                b = [c - s * g for c, s, g in zip(b, scales[1], gb, strict=True)]
    diverged = ~numpy.all(history <= growth_limit(history[0], *Y.shape), axis=0)
    return Stack(A, b, history.T, diverged)


def in_stacks(networks: int, widths: Sequence[int], n: int) -> list[range]:
    """The numbers of networks that are trained together: so many that the values of a layer stay small.

    >>> in_stacks(5, [2, 24, 3], 300), in_stacks(3, [64, 15, 10], 1437)
    ([range(0, 5)], [range(0, 1), range(1, 2), range(2, 3)])
    """
    size = max(1, LARGE // (n * max(widths[1:])))
    return [range(i, min(i + size, networks)) for i in range(0, networks, size)]


def train_each(
    networks: Sequence[Parameters], x: Array, Y: Array, steps: int, step: float, gradient: Gradient = "autodiff"
) -> list[Result]:
    """What `nn.train.train` returns for each of some networks of the same widths, computed in a stack if possible.

    Args:
        networks: the parameters (A, b) of each.
        x, Y, steps, step, gradient: as for `train`. Only "autodiff" goes by stacks.

    Raises:
        nn.train.DivergedError: if a training diverges.
    """
    alone = [gradient != "autodiff"] * len(networks)
    if not alone[0]:
        stack = train_stack(networks, x, Y, steps, step)
        alone = stack.diverged.tolist()
    y = numpy.argmax(Y, axis=0)
    results = []
    for i, (A, b) in enumerate(networks):
        if alone[i]:  # one that has diverged does so again, and says how
            results.append(train(A, b, x, Y, steps, step, gradient, every=max(steps, 1), progress=None))
            continue
        first, (A, b) = accuracy(A, b, x, y), stack.network(i)
        at, accuracies = numpy.array([0, steps], dtype=numpy.intp), numpy.array([first, accuracy(A, b, x, y)])
        results.append(Result(A, b, History(stack.loss[i], at, accuracies), step))
    return results
