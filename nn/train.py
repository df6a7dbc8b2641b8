"""Gradient descent on the summed logistic loss, with the gradient of `minigrad` or with the one derived by hand."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from minigrad import batched, compile, explain_nan, value_and_grad  # noqa: A004
from minigrad.errors import MinigradError
from minigrad.show.progress import progress as progress_of
from nn import backprop
from nn.arrays import Array, Labels
from nn.loss import logistic
from nn.mlp import accuracy, forward

Gradient = Literal["autodiff", "eager", "backprop"]
GRADIENTS: tuple[Gradient, ...] = ("autodiff", "eager", "backprop")

# The step sizes of the tour by the number of layers, for 300 samples.
STEPS_BY_LAYERS = {1: 0.001, 2: 0.001, 3: 0.01 / 80, 5: 0.0002}
OTHER_STEP = 0.0002
GROWTH = 100.0  # a loss that has grown by this factor will not come back


@dataclass(frozen=True)
class History:
    """What happened during a training.

    Attributes:
        loss: the summed loss before every step and after the last one, shape (steps + 1,).
        at: the numbers of the steps at which accuracies were taken, shape (m,); the first is 0 and the last `steps`.
        accuracy: share of the training samples classified correctly at these steps, shape (m,).
        held_out: the same for the held-out samples, shape (m,), or None if there were none.
    """

    loss: Array
    at: Labels
    accuracy: Array
    held_out: Array | None = None


@dataclass(frozen=True)
class Result:
    """A trained network.

    Attributes:
        A, b: the parameters after the last step.
        history: the losses and accuracies on the way.
        step: the size of the steps.
    """

    A: list[Array]
    b: list[Array]
    history: History
    step: float


class DivergedError(MinigradError, ArithmeticError):
    """The loss became NaN or infinite, or grew without bound.

    Attributes:
        iteration: how many steps had been taken when the loss diverged.
        step: the size of the steps.
        history: the losses, the diverged one included, and the accuracies.
        A, b: the parameters with the lowest loss so far.
        origin: if numbers were no longer finite, what `minigrad.explain_nan` says of the first one.
    """

    def __init__(
        self, iteration: int, step: float, history: History, A: list[Array], b: list[Array], origin: str = ""
    ) -> None:
        lowest = np.min(history.loss, where=np.isfinite(history.loss), initial=np.inf)
        super().__init__(
            f"the loss went from {history.loss[0]:.4g} to {history.loss[-1]:.4g} after {iteration} steps of size"
            f" {step:g}: try a smaller step, for instance {step / 10:g}; A and b of this exception are the parameters"
            f" with the lowest loss, {lowest:.4g}"
            + (f"\nWhere it begins (minigrad.explain_nan): {origin}" if origin else "")
        )
        self.iteration = iteration
        self.step = step
        self.history = history
        self.A = A
        self.b = b
        self.origin = origin


def per_sample_gradients(
    A: Sequence[Array], b: Sequence[Array], x: Array, Y: Array, *, last: bool = True
) -> tuple[Array, list[Array], list[Array]]:
    """The loss of every sample and its gradient in every parameter, all in one pass.

    Uses: clip each gradient before they are summed (differential privacy), measure the noise of mini-batches, find
    mislabelled samples.

    Args:
        A, b: weights and biases of the network.
        x: samples in columns, shape (d[0], n).
        Y: one-hot targets, shape (d[R], n).
        last: whether the last layer has its activation too.

    Returns:
        (losses, gA, gb): the n losses; arrays shaped like those of A and b with the samples along a new axis 0.

    >>> from nn.mlp import init
    >>> A, b = init([2, 15, 3], rng=0)
    >>> losses, gA, gb = per_sample_gradients(A, b, np.ones((2, 7)), np.eye(3)[:, [0, 1, 2, 0, 1, 2, 0]])
    >>> losses.shape, [g.shape for g in gA]
    ((7,), [(7, 15, 2), (7, 3, 15)])
    """

    def loss(parameters: tuple[list[Array], list[Array]], sample: Array, target: Array) -> Any:
        return logistic(forward(*parameters, sample[:, None], last=last)[-1], target[:, None])

    losses, (gA, gb) = batched(value_and_grad(loss), in_axes=(None, 1, 1))((list(A), list(b)), x, Y)
    return losses, gA, gb


def step_size(layers: int, n: int) -> float:
    """The default step for a network of `layers` layers trained on n samples.

    The tour gives 0.001 for two layers, 0.01 / 80 for three and 0.0002 for five, on 300 samples. The loss is a sum over
    the samples, so its gradient grows like n; the factor 300 / n makes up for that.

    >>> step_size(2, 300), step_size(2, 600)
    (0.001, 0.0005)
    """
    return STEPS_BY_LAYERS.get(layers, OTHER_STEP) * (300 / n)


def growth_limit(first: float | Array, k: int, n: int, growth: float = GROWTH) -> Any:
    """The loss beyond which a training has diverged: a multiple of its first loss, or of n log k if that is larger.

    n log k is the loss when each of k classes has the same probability for all n samples.

    >>> float(growth_limit(50.0, k=2, n=10))
    5000.0
    """
    return growth * np.maximum(first, n * np.log(max(k, 2)))


def objective(A: Sequence[Array], b: Sequence[Array], x: Array, Y: Array, *, last: bool = True) -> Any:
    """The logistic loss of the network on samples x, shape (d[0], n), with one-hot targets Y, shape (d[R], n)."""
    return logistic(forward(A, b, x, last=last)[-1], Y)


def loss_and_gradient(
    gradient: Gradient, x: Array, Y: Array, *, last: bool = True
) -> Callable[[Sequence[Array], Sequence[Array]], tuple[float, list[Array], list[Array]]]:
    """A function of (A, b) that returns the loss and its gradients gA and gb, computed as `gradient` says.

    Raises:
        ValueError: if `gradient` is none of "autodiff" (traced once and compiled), "eager" (recorded anew at every
            call) and "backprop" (by hand).
    """
    if gradient == "backprop":
        return lambda A, b: backprop.gradient(A, b, x, Y, last=last)
    if gradient not in GRADIENTS:
        raise ValueError(f"gradient must be one of {', '.join(GRADIENTS)}, not {gradient!r}")

    differentiated = value_and_grad(objective, (0, 1))
    if gradient == "autodiff":
        differentiated = compile(differentiated)

    def evaluate(A: Sequence[Array], b: Sequence[Array]) -> tuple[float, list[Array], list[Array]]:
        loss, (gA, gb) = differentiated(list(A), list(b), x, Y, last=last)
        return float(loss), gA, gb

    return evaluate


def train(
    A: Sequence[Array],
    b: Sequence[Array],
    x: Array,
    Y: Array,
    steps: int = 8000,
    step: float | None = None,
    gradient: Gradient = "autodiff",
    *,
    last: bool = True,
    held_out: tuple[Array, Labels] | None = None,
    every: int = 20,
    growth: float = GROWTH,
    progress: str | None = "training",
    watch: Callable[[int, float, list[Array], list[Array]], None] | None = None,
) -> Result:
    """Minimise the logistic loss by gradient descent with a fixed step.

    Args:
        A, b: the parameters to start from (see `nn.mlp.init`); they are not changed.
        x: samples in columns, shape (p, n).
        Y: one-hot targets, shape (k, n).
        steps: how many steps.
        step: the step on the loss summed over the samples; `step_size(len(A), n)` if None.
        gradient: "autodiff" (of `minigrad`, compiled), "eager" (the same, recorded anew at every step) or "backprop"
            (by hand); all take the same steps up to rounding.
        last: whether the last layer has its activation too.
        held_out: (x, y) of samples on which to follow the accuracy as well.
        every: take the accuracies every so many steps.
        growth: the loss has diverged when it exceeds this multiple of its first value; see `growth_limit`.
        progress: the label of the progress bar; None for no bar. Without a terminal, or
            without tqdm, it is a line every few seconds.
        watch: called with the number of steps taken, the loss, A and b, before every step and after the last one.

    Returns:
        A `Result`: new parameters and the history.

    Raises:
        DivergedError: if the loss becomes NaN or grows without bound; it holds the best parameters so far.
        ValueError: if a number is out of range, or the shapes do not fit.

    >>> from nn.mlp import init
    >>> A, b = init([2, 4, 2], rng=0)
    >>> x, Y = np.array([[-1.0, 1.0], [0.0, 0.0]]), np.eye(2)
    >>> result = train(A, b, x, Y, steps=200, step=0.1)
    >>> bool(result.history.loss[-1] < result.history.loss[0]), float(result.history.accuracy[-1])
    (True, 1.0)
    """
    n = x.shape[1]
    if n == 0:
        raise ValueError("there are no samples to train on")
    if step is None:
        step = step_size(len(A), n)
    if steps < 0 or not step > 0.0 or every < 1:
        raise ValueError(f"need steps >= 0, step > 0 and every >= 1, not {steps}, {step} and {every}")
    evaluate = loss_and_gradient(gradient, x, Y, last=last)
    y = np.argmax(Y, axis=0)
    A, b = list(A), list(b)
    best = (np.inf, A, b)
    losses: list[float] = []
    at: list[int] = []
    accuracies: list[float] = []
    held_out_accuracies: list[float] = []
    limit = np.inf

    def history() -> History:
        held = np.array(held_out_accuracies) if held_out is not None else None
        return History(np.array(losses), np.array(at, dtype=np.intp), np.array(accuracies), held)

    # An overflow ends in a DivergedError below, which says more than a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        for iteration in _progress(steps + 1, progress):
            loss, gA, gb = evaluate(A, b)
            losses.append(loss)
            if iteration == 0:
                limit = float(growth_limit(loss, Y.shape[0], n, growth))
                scales = scales_of(step, gA), scales_of(step, gb)
            if not loss <= limit or not math.isfinite(loss):
                origin = "" if math.isfinite(loss) else str(explain_nan(objective, A, b, x, Y, last=last))
                raise DivergedError(iteration, step, history(), best[1], best[2], origin)
            if loss < best[0]:
                best = (loss, A, b)
            if watch is not None:
                watch(iteration, loss, A, b)
            if iteration % every == 0 or iteration == steps:
                at.append(iteration)
                accuracies.append(accuracy(A, b, x, y, last=last))
                if held_out is not None:
                    held_out_accuracies.append(accuracy(A, b, *held_out, last=last))
            if iteration < steps:
                # New arrays, so that `best` and whoever watches keep the old ones.
                A = [a - s * g for a, s, g in zip(A, scales[0], gA, strict=True)]
                b = [a - s * g for a, s, g in zip(b, scales[1], gb, strict=True)]
    return Result([np.array(a) for a in A], [np.array(a) for a in b], history(), step)


def scales_of(step: float, gradients: Sequence[Array]) -> list[Array]:
    """The step as an array of no axes for each gradient, in its dtype: NumPy multiplies by it in half the time.

    >>> scales_of(0.5, [np.ones(2, np.float32)])
    [array(0.5, dtype=float32)]
    """
    return [np.asarray(step, g.dtype) for g in gradients]


def _progress(count: int, description: str | None) -> Iterator[int]:
    """range(count), with a sign of life unless the description is None."""
    with progress_of(description or "", "steps", total=count, show=description is not None) as bar:
        for step in range(count):
            yield step
            bar.update()
