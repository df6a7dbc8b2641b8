"""The activation, the arctangent, and its derivative."""

from dataclasses import dataclass
from typing import Any

import numpy

import minigrad.numpy as np
from minigrad import elementwise_grad
from nn import exact, plots
from nn.arrays import Array
from nn.report import Section
from nn.stations.problem import Problem
from nn.stations.view import picture


@dataclass(frozen=True)
class Activation:
    """The arctangent on a grid.

    Attributes:
        t: the points, shape (m,).
        value: the arctangent there, shape (m,).
        slope: its derivative by autodiff, shape (m,).
        error: the largest absolute difference between `slope` and the formula.
    """

    t: Array
    value: Array
    slope: Array
    error: float


def measure(problem: Problem) -> Activation:
    """Differentiate the arctangent; the same for every problem."""
    t = numpy.linspace(-5.0, 5.0, 401)
    slope = elementwise_grad(np.arctan)(t)
    return Activation(t, numpy.arctan(t), slope, float(numpy.abs(slope - exact.arctan_slope(t)).max()))


def numbers(measured: Activation) -> dict[str, Any]:
    """The entry in `report.json`."""
    return {"max_error_of_derivative": measured.error}


def show(problem: Problem, measured: Activation) -> Section:
    """Why a network needs an activation, and both curves."""
    section = Section("The activation")
    section.text(
        "Without something that bends, layers of matrices would collapse into a single matrix. Here the arctangent"
        " bends every coordinate. Its derivative is largest, 1, at the origin and fades like 1/<i>u</i>² far out,"
        " slower than that of most sigmoids, so a layer that starts far from the origin still learns."
    )
    section.formula("&rho;(<i>u</i>) = arctan <i>u</i>", "&rho;&prime;(<i>u</i>) = 1 / (1 + <i>u</i>²)")
    alt = "The arctangent, rising from minus to plus pi half, and its derivative, a bump of height one at zero."
    where = f"within {measured.error:.1e} of" if measured.error else "the same number as that of"
    caption = f"The derivative is by autodiff; at all points it is {where} the formula."
    fig = plots.activation(measured.t, measured.value, measured.slope)
    section.parts.append(picture(problem, fig, "2-activation.png", alt, caption))
    return section
