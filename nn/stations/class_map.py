"""The class probabilities of the trained network in the plane."""

from collections.abc import Sequence
from dataclasses import dataclass

from nn import plots
from nn.arrays import Array
from nn.loss import softmax
from nn.mlp import forward
from nn.plane import Plane
from nn.report import Section
from nn.stations.problem import Problem
from nn.stations.training import Training
from nn.stations.view import picture, title

RESOLUTION = 300


@dataclass(frozen=True)
class ClassMap:
    """Class probabilities on a grid.

    Attributes:
        probabilities: of every class at every point of `Plane.grid`, shape (k, resolution, resolution).
    """

    probabilities: Array


def measure(problem: Problem, trained: Training) -> ClassMap:
    """Evaluate the trained network on the grid."""
    return ClassMap(probabilities_in(problem.plane, trained.result.A, trained.result.b, RESOLUTION))


def probabilities_in(plane: Plane, A: Sequence[Array], b: Sequence[Array], resolution: int) -> Array:
    """The class probabilities of a network on the grid of a plane, shape (k, resolution, resolution)."""
    return softmax(forward(A, b, plane.grid(resolution))[-1]).reshape(-1, resolution, resolution)


def show(problem: Problem, measured: ClassMap) -> Section:
    """How scores become probabilities and colours, and the map."""
    data = problem.data
    section = Section("The classification map")
    section.text(
        "The soft-max turns scores into probabilities. At every point the colours of the classes are mixed with these"
        " probabilities, so a clear colour is a confident answer and a muddy one is doubt; the thin lines are where"
        " the most probable class changes."
    )
    section.formula("<i>p<sub>i</sub></i> = exp <i>z<sub>i</sub></i> / Σ<sub><i>j</i></sub> exp <i>z<sub>j</sub></i>")
    if data.p > 2:
        section.text(
            "Points of the plane are mapped back into the space of all features through the mean of the training"
            " samples. The samples on top lie off this plane, so one of them may sit on a foreign colour and still be"
            " classified correctly."
        )
    above = f"{title(data)}: class probabilities"
    fig = plots.class_map(problem.plane, measured.probabilities, data.x_train, data.y_train, data.classes, above)
    alt = "Regions coloured by the most probable class, with the training samples on top."
    section.parts.append(picture(problem, fig, "4-map.png", alt))
    return section
