"""The gradient by autodiff against backpropagation by hand, for every weight and bias of a network."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nn import plots
from nn.arrays import Array
from nn.mlp import init
from nn.report import Section, Table
from nn.stations.problem import Problem
from nn.stations.view import picture
from nn.train import loss_and_gradient, step_size

HIDDEN = (4, 5, 8, 4)  # the widths of the hidden layers
ROUNDING = 1e-12  # a relative error above it has another cause


@dataclass(frozen=True)
class Leaf:
    """The two gradients in one weight matrix or bias.

    Attributes:
        letter, layer: which one: "A" or "b", and the number of its layer.
        shape: of the leaf.
        norm_autodiff, norm_by_hand: the Euclidean norms of the gradients.
        relative_error: the norm of their difference relative to the norm by hand, or the norm of their difference
            where that is zero.
    """

    letter: str
    layer: int
    shape: tuple[int, ...]
    norm_autodiff: float
    norm_by_hand: float
    relative_error: float

    @property
    def name(self) -> str:
        """The name of the leaf, such as A0."""
        return f"{self.letter}{self.layer}"


@dataclass(frozen=True)
class Comparison:
    """The two gradients of a network at random parameters.

    Attributes:
        widths: of the layers.
        loss_autodiff, loss_by_hand: the loss that came with each gradient.
        leaves: the weights, then the biases.
        max_relative_error: the largest of the leaves.
        agreement: whether all entries are identical, differ by rounding, or differ by more.
        step: the default step of gradient descent for this network.
    """

    widths: list[int]
    loss_autodiff: float
    loss_by_hand: float
    leaves: tuple[Leaf, ...]
    max_relative_error: float
    agreement: Literal["identical", "rounding", "wrong"]
    step: float


def network(problem: Problem) -> tuple[list[int], list[Array], list[Array]]:
    """The network whose gradients are compared: its widths, and random parameters (A, b)."""
    widths = [problem.data.p, *HIDDEN, problem.data.k]
    return widths, *init(widths, problem.rng(8))


def measure(problem: Problem) -> Comparison:
    """Compute both gradients and compare them leaf by leaf."""
    widths, A, b = network(problem)
    x = problem.data.x_train
    loss_autodiff, *by_autodiff = loss_and_gradient("autodiff", x, problem.Y)(A, b)
    loss_by_hand, *by_hand = loss_and_gradient("backprop", x, problem.Y)(A, b)
    leaves = tuple(
        _leaf(letter, layer, ours, reference)
        for letter, gradient, expected in zip("Ab", by_autodiff, by_hand, strict=True)
        for layer, (ours, reference) in enumerate(zip(gradient, expected, strict=True))
    )
    worst = max(leaf.relative_error for leaf in leaves)
    agreement: Literal["identical", "rounding", "wrong"] = (
        "identical" if worst == 0.0 else "rounding" if worst < ROUNDING else "wrong"
    )
    step = step_size(len(A), x.shape[1])
    return Comparison(widths, loss_autodiff, loss_by_hand, leaves, worst, agreement, step)


def _leaf(letter: str, layer: int, ours: Array, reference: Array) -> Leaf:
    norm = float(np.linalg.norm(reference))
    difference = float(np.linalg.norm(ours - reference))
    error = difference / norm if norm > 0.0 else difference
    return Leaf(letter, layer, reference.shape, float(np.linalg.norm(ours)), norm, error)


def numbers(measured: Comparison) -> dict[str, Any]:
    """The entry in `report.json`."""
    return {
        "widths": measured.widths,
        "loss_autodiff": measured.loss_autodiff,
        "loss_by_hand": measured.loss_by_hand,
        "leaves": [
            {
                "leaf": leaf.name,
                "shape": list(leaf.shape),
                "norm_autodiff": leaf.norm_autodiff,
                "norm_by_hand": leaf.norm_by_hand,
                "relative_error": leaf.relative_error,
            }
            for leaf in measured.leaves
        ],
        "max_relative_error": measured.max_relative_error,
        "step_for_this_network": measured.step,
    }


def table(measured: Comparison, digits: int, times: str) -> Table:
    """The gradients leaf by leaf: norms to so many digits, and `times` between the two numbers of a shape."""
    rows = [
        (
            leaf.name,
            times.join(map(str, leaf.shape)),
            f"{leaf.norm_autodiff:.{digits}g}",
            f"{leaf.norm_by_hand:.{digits}g}",
            f"{leaf.relative_error:.1e}",
        )
        for leaf in measured.leaves
    ]
    return Table(("leaf", "shape", "norm, autodiff", "norm, by hand", "relative error"), rows)


def show(problem: Problem, measured: Comparison) -> Section:
    """The formulas of backpropagation, and both gradients as a figure and as a table."""
    worst, leaves = measured.max_relative_error, measured.leaves
    section = Section("Autodiff against backpropagation by hand")
    section.text(
        "The chain rule, read from the last layer to the first, gives the gradient of a network; below it is for the"
        f" widths {measured.widths} at random parameters, with ⊙ for the product entry by entry. One gradient follows"
        " these formulas, written in NumPy by hand. The other comes from <code>minigrad</code>, which was only given"
        " the forward pass and the loss. The two share no code."
    )
    section.formula(
        "<i>M<sub>r</sub></i> = &rho;&prime;(<i>A<sub>r</sub>x<sub>r</sub></i> + <i>b<sub>r</sub></i>)"
        " ⊙ ∇<i>x</i><sub><i>r</i>+1</sub>",
        "∇<i>A<sub>r</sub></i> = <i>M<sub>r</sub> x<sub>r</sub></i><sup>T</sup>",
        "∇<i>b<sub>r</sub></i> = <i>M<sub>r</sub></i> 1",
        "∇<i>x<sub>r</sub></i> = <i>A<sub>r</sub></i><sup>T</sup> <i>M<sub>r</sub></i>",
    )
    fig = plots.comparison(
        [f"${leaf.letter}_{leaf.layer}$" for leaf in leaves],
        [(leaf.norm_autodiff, leaf.norm_by_hand) for leaf in leaves],
        [leaf.relative_error for leaf in leaves],
    )
    alt = (
        f"Norms of both gradients for every weight and bias, and relative errors, all below {worst:.0e} or equal to it."
    )
    section.parts.append(picture(problem, fig, "8-comparison.png", alt))
    section.parts.append(table(measured, digits=6, times=" x "))
    verdicts = {
        "identical": "Here the two agree to the last bit of every entry.",
        "rounding": f"The largest relative error is {worst:.1e}: the two differ by rounding, and by nothing else.",
        "wrong": f"The largest relative error is {worst:.1e}, more than rounding explains: one of the two is wrong.",
    }
    section.text(verdicts[measured.agreement])
    return section
