"""Gradient descent on a network with one hidden layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn import exact, plots
from nn.arrays import Array
from nn.data import fit_scaling, folds, one_hot
from nn.mlp import accuracy, init, predict
from nn.report import Section
from nn.stations.problem import Problem
from nn.stations.view import method, percent, picture
from nn.train import Gradient, Result, train

HIDDEN = 15  # the width of the hidden layer
FOLDS = 5
FEW = 200  # with fewer held-out samples, cross-validation is worth its time


@dataclass(frozen=True)
class CrossValidation:
    """The accuracy on samples that the network has not seen, each of all samples held out once.

    Attributes:
        samples: how many samples there are.
        accuracy: the share of them classified correctly.
        accuracy_per_fold: the same for each part that was held out together.
    """

    samples: int
    accuracy: float
    accuracy_per_fold: tuple[float, ...]


@dataclass(frozen=True)
class Training:
    """A trained network, and how well it does.

    Attributes:
        widths: of its layers.
        steps: how many steps of gradient descent.
        gradient: how the gradients were computed.
        result: the trained parameters, the history, and the size of a step.
        loss_per_sample: the mean loss before every step and after the last one, shape (steps + 1,).
        least_loss: the mean loss below which no network with this activation can get.
        accuracy: the share of the training samples classified correctly in the end.
        held_out_accuracy: the same for the held-out samples.
        held_out_samples: how many samples were held out.
        all_samples: how many samples there are, held out or not.
        weight_of_one: the share of the held-out samples that is a single one.
        validation: the same network trained and tested by cross-validation; None where enough samples were held out.
    """

    widths: list[int]
    steps: int
    gradient: Gradient
    result: Result
    loss_per_sample: Array
    least_loss: float
    accuracy: float
    held_out_accuracy: float
    held_out_samples: int
    all_samples: int
    weight_of_one: float
    validation: CrossValidation | None


def measure(problem: Problem) -> Training:
    """Train the network; where few samples are held out, train it by cross-validation as well.

    Raises:
        nn.train.DivergedError: if a training diverges.
    """
    data, settings = problem.data, problem.settings
    widths = [data.p, HIDDEN, data.k]
    A, b = init(widths, problem.rng(3))
    result = train(
        A,
        b,
        data.x_train,
        problem.Y,
        steps=settings.training_steps,
        gradient=settings.gradient,
        held_out=(data.x_test, data.y_test),
    )
    n, held_out = data.x_train.shape[1], data.x_test.shape[1]
    is_validated = not problem.is_synthetic and FOLDS <= held_out < FEW
    return Training(
        widths,
        settings.training_steps,
        settings.gradient,
        result,
        loss_per_sample=result.history.loss / n,
        least_loss=exact.least_loss(data.k),
        accuracy=float(result.history.accuracy[-1]),
        held_out_accuracy=accuracy(result.A, result.b, data.x_test, data.y_test),
        held_out_samples=held_out,
        all_samples=n + held_out,
        weight_of_one=1.0 / held_out,
        validation=cross_validate(problem, widths) if is_validated else None,
    )


def cross_validate(problem: Problem, widths: Sequence[int]) -> CrossValidation:
    """Hold out each fifth of all samples in turn, and train on the others.

    Raises:
        nn.train.DivergedError: if a training diverges.
    """
    data, settings = problem.data, problem.settings
    x = np.concatenate([data.x_train, data.x_test], axis=1)
    y = np.concatenate([data.y_train, data.y_test])
    right, sizes = [], []
    for i, held_out in enumerate(folds(y, FOLDS, problem.rng(4))):
        rest = np.setdiff1d(np.arange(y.size), held_out)
        # Scaled anew: the scaling of the problem's own split has seen some of the samples that are held out here.
        centre, factor = fit_scaling(x[:, rest])
        scaled = (x - centre) * factor
        A, b = init(widths, problem.rng(4, i))
        result = train(
            A,
            b,
            scaled[:, rest],
            one_hot(y[rest], data.k),
            settings.training_steps,
            gradient=settings.gradient,
            every=settings.training_steps,
            progress=f"cross-validation, fold {i + 1} of {FOLDS}",
        )
        right.append(int(np.sum(predict(result.A, result.b, scaled[:, held_out]) == y[held_out])))
        sizes.append(held_out.size)
    per_fold = tuple(r / size for r, size in zip(right, sizes, strict=True))
    return CrossValidation(sum(sizes), sum(right) / sum(sizes), per_fold)


def numbers(measured: Training) -> dict[str, Any]:
    """The entry in `report.json`: the accuracy of the cross-validation stands for that of the split, where known."""
    split, history = measured.held_out_accuracy, measured.result.history
    entry = {
        "widths": measured.widths,
        "steps": measured.steps,
        "step": measured.result.step,
        "gradient": measured.gradient,
        "first_loss": float(history.loss[0]),
        "last_loss": float(history.loss[-1]),
        "last_loss_per_sample": float(measured.loss_per_sample[-1]),
        "train_accuracy": measured.accuracy,
        "split": {"held_out_accuracy": split, "samples": measured.held_out_samples},
    }
    if measured.validation is None:
        return entry | {
            "held_out_accuracy": split,
            "held_out_samples": measured.held_out_samples,
            "held_out_by": "split",
        }
    return entry | {
        "held_out_accuracy": measured.validation.accuracy,
        "held_out_samples": measured.validation.samples,
        "held_out_by": f"{FOLDS}-fold cross-validation",
        "held_out_accuracy_per_fold": list(measured.validation.accuracy_per_fold),
    }


def show(problem: Problem, measured: Training) -> Section:
    """The network, the loss, and the curves of both while it was trained."""
    history, validation = measured.result.history, measured.validation
    by = method(measured.gradient, by_hand="backpropagation by hand")
    section = Section("Training by gradient descent")
    section.text(
        f"The network has the widths {measured.widths}: {HIDDEN} hidden coordinates between the features and one score"
        " per class. A layer multiplies, shifts and bends; the parameters start from the standard normal distribution."
        " The loss compares the scores <i>z</i> of each sample with its target and is summed over the samples."
    )
    section.formula(
        "<i>x</i><sub><i>r</i>+1</sub> = &rho;(<i>A<sub>r</sub> x<sub>r</sub></i> + <i>b<sub>r</sub></i>)",
        "<i>&ell;</i> = Σ<sub>samples</sub> ( log Σ<sub><i>i</i></sub> exp <i>z<sub>i</sub></i>"
        " &minus; ⟨<i>z</i>, <i>y</i>⟩ )",
    )
    section.text(
        f"All parameters then move {measured.steps} times against the gradient, with the fixed step"
        f" {measured.result.step:.3g}; the gradient is by {by}. The loss goes from {measured.loss_per_sample[0]:.3f} to"
        f" {measured.loss_per_sample[-1]:.3f} per sample. It cannot reach zero: the last layer is bent too, so a score"
        f" stays within ±π/2 and even a perfect classification costs {measured.least_loss:.3f} per sample."
    )
    fig = plots.training(
        measured.loss_per_sample, history.at, history.accuracy, history.held_out, problem.held_out_name
    )
    alt = "Two curves over the iterations: the loss falls, the accuracy rises."
    caption = (
        f"In the end {percent(measured.accuracy)} of the training samples and {percent(measured.held_out_accuracy)} of"
        f" {problem.held_out_name} are classified correctly."
    )
    section.parts.append(picture(problem, fig, "3-training.png", alt, caption))
    if validation is not None:
        section.text(
            f"{measured.held_out_samples} held-out samples are few: one more or less makes"
            f" {percent(measured.weight_of_one, space='&nbsp;')}. So the same network is also trained {FOLDS} times"
            f" from the start, each time without another fifth of all {measured.all_samples} samples. Of these, each"
            f" judged by the network that has not seen it, <b>{percent(validation.accuracy, space='&nbsp;')}</b> are"
            " classified correctly. This is the held-out accuracy to believe."
        )
    return section
