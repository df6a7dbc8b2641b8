"""A gradient to check with pencil and paper: that of ||Mx||^2 against 2 M^T M x."""

from dataclasses import dataclass
from typing import Any

import numpy

import minigrad.numpy as np
from minigrad import grad
from nn import exact, plots
from nn.arrays import Array
from nn.report import Section, Table
from nn.stations.problem import Problem
from nn.stations.view import picture


@dataclass(frozen=True)
class Quadratic:
    """The function ||Mx||^2, its gradient at one point, and what is drawn around that point.

    Attributes:
        M: the matrix, shape (5, 2).
        x: the point, shape (2, 1).
        value: the function there.
        autodiff, formula: its gradient, computed in these two ways, shape (2, 1).
        relative_error: of `autodiff`, in the Euclidean norm.
        points: points on a circle through x, shape (2, m).
        autodiff_at_points, formula_at_points: the gradients at these points, shape (2, m).
        side: the coordinates, on either axis, of the grid for the level lines, shape (r,).
        levels: the function on this grid, shape (r, r).
    """

    M: Array
    x: Array
    value: float
    autodiff: Array
    formula: Array
    relative_error: float
    points: Array
    autodiff_at_points: Array
    formula_at_points: Array
    side: Array
    levels: Array


def measure(problem: Problem) -> Quadratic:
    """Compute both gradients, with a matrix that depends on the seed alone."""
    M = problem.rng(7).standard_normal((5, 2))

    def f(x: Array) -> Any:
        u = M @ x
        return np.sum(u * u)

    x = numpy.array([[1.0], [2.0]])
    autodiff, formula = grad(f)(x), exact.quadratic_gradient(M, x)
    angles = numpy.arctan2(2.0, 1.0) + numpy.arange(9) * 2.0 * numpy.pi / 9
    points = numpy.sqrt(5.0) * numpy.stack([numpy.cos(angles), numpy.sin(angles)])
    limit = 1.75 * float(numpy.abs(points).max())
    side = numpy.linspace(-limit, limit, 121)
    grid = numpy.stack([axis.ravel() for axis in numpy.meshgrid(side, side)])
    return Quadratic(
        M,
        x,
        float(f(x)),
        autodiff,
        formula,
        float(numpy.linalg.norm(autodiff - formula) / numpy.linalg.norm(formula)),
        points,
        grad(f)(points),  # f of all points is the sum of f of each, so one gradient serves them all
        exact.quadratic_gradient(M, points),
        side,
        numpy.sum((M @ grid) ** 2, axis=0).reshape(side.size, side.size),
    )


def numbers(measured: Quadratic) -> dict[str, Any]:
    """The entry in `report.json`."""
    return {
        "M": measured.M.tolist(),
        "x": measured.x.ravel().tolist(),
        "value": measured.value,
        "autodiff": measured.autodiff.ravel().tolist(),
        "formula": measured.formula.ravel().tolist(),
        "relative_error": measured.relative_error,
    }


def show(problem: Problem, measured: Quadratic) -> Section:
    """Level lines with both gradients, and their entries at one point."""
    section = Section("The gradient of a quadratic function")
    section.text(
        "A case to check with pencil and paper: the squared norm of <i>Mx</i>, with a random matrix <i>M</i> of five"
        " rows and two columns. Its gradient is known, and stands upright on the level lines."
    )
    section.formula("<i>f</i>(<i>x</i>) = ‖<i>Mx</i>‖²", "∇<i>f</i>(<i>x</i>) = 2 <i>M</i><sup>T</sup><i>Mx</i>")
    fig = plots.quadratic(
        measured.side, measured.levels, measured.points, measured.autodiff_at_points, measured.formula_at_points
    )
    alt = "Elliptic level lines with arrows: at nine points the two gradients coincide."
    section.parts.append(picture(problem, fig, "7-quadratic.png", alt))
    rows = [
        ("autodiff", *(f"{v:.12g}" for v in measured.autodiff.ravel())),
        ("2 MᵀMx", *(f"{v:.12g}" for v in measured.formula.ravel())),
    ]
    section.parts.append(Table(("at x = (1, 2)", "∂f/∂x₁", "∂f/∂x₂"), rows))
    section.text(f"The relative error is {measured.relative_error:.1e}.")
    return section
