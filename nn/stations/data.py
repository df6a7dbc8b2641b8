"""The samples in their plane."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nn import plots
from nn.report import Section
from nn.stations.problem import Problem
from nn.stations.view import percent, picture, title


@dataclass(frozen=True)
class Data:
    """The size of the data.

    Attributes:
        name: what it is called.
        features: how many there are.
        classes: the name of every class.
        train, held_out: how many samples to learn from, and to test with.
        train_per_class: how many of the training samples are of each class.
        variance_in_plane: the share of the variance that the drawing shows, 0..1.
    """

    name: str
    features: int
    classes: tuple[str, ...]
    train: int
    held_out: int
    train_per_class: tuple[int, ...]
    variance_in_plane: float


def measure(problem: Problem) -> Data:
    """Count the samples."""
    data = problem.data
    counts = np.bincount(data.y_train, minlength=data.k)
    return Data(
        data.name,
        data.p,
        data.classes,
        data.x_train.shape[1],
        data.x_test.shape[1],
        tuple(int(c) for c in counts),
        problem.plane.explained,
    )


def numbers(measured: Data) -> dict[str, Any]:
    """The entry in `report.json`."""
    return asdict(measured)


def show(problem: Problem, measured: Data) -> Section:
    """What the data is, and a scatter plot."""
    data = problem.data
    section = Section("The data")
    if problem.settings.data == "spiral":
        section.text(
            "Three arms wind out of the origin, one per class. On arm <i>j</i> the radius grows from 0 to 1 while the"
            " angle turns from 4<i>j</i> to 4(<i>j</i>+1), and every sample has its own noise ε on the angle. No"
            " straight line separates the arms, so a linear classifier fails here."
        )
        section.formula(
            "<i>x</i> = (<i>r</i> sin <i>t</i>, <i>r</i> cos <i>t</i>)", "<i>t</i> = 4(<i>j</i> + <i>r</i>) + 0.2 ε"
        )
    elif problem.settings.data == "two_arcs":
        section.text("Two half circles reach into each other, one per class; the second is the first, point-reflected.")
    else:
        section.text(
            f"The features are scaled to [&minus;1, 1]; the scale is taken from the {measured.train} training"
            " samples alone, and the held-out ones do not take part in anything but the final check."
        )
    if measured.features > 2:
        section.text(
            f"With {measured.features} features a picture has to leave something out. The plane shown goes through the"
            " mean of the training samples along their two principal directions and holds"
            f" {percent(measured.variance_in_plane, 0, '&nbsp;')} of their variance. Classes that overlap here may well"
            " be apart in the other directions."
        )
    fig = plots.data(problem.plane, data.x_train, data.y_train, data.classes, f"{title(data)}: the training samples")
    alt = f"Scatter plot of the {measured.train} training samples in {len(measured.classes)} classes."
    section.parts.append(picture(problem, fig, "1-data.png", alt))
    return section
