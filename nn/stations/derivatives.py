"""Derivatives of derivatives: six of them for tanh, against exact values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy

import minigrad.numpy as np
from minigrad import elementwise_grad
from nn import exact, plots
from nn.arrays import Array
from nn.report import Section, Table
from nn.stations.problem import Problem
from nn.stations.view import picture

HIGHEST = 6


@dataclass(frozen=True)
class Order:
    """The accuracy of one derivative.

    Attributes:
        order: which one; 0 is the function.
        largest_value: the largest absolute value at the points.
        error: the largest error, relative to `largest_value`.
        pointwise_error: the largest error relative to the value at the same point.
    """

    order: int
    largest_value: float
    error: float
    pointwise_error: float


@dataclass(frozen=True)
class Derivatives:
    """A function and its derivatives.

    Attributes:
        t: the points, shape (m,).
        values: the derivatives of order 0, 1, ... by autodiff, each of shape (m,).
        orders: their accuracies.
    """

    t: Array
    values: tuple[Array, ...]
    orders: tuple[Order, ...]


def tanh(x: Array) -> Array:
    """(1 - exp(-x)) / (1 + exp(-x)), which is the hyperbolic tangent of x / 2: any shape, elementwise."""
    value: Array = (1.0 - np.exp(-x)) / (1.0 + np.exp(-x))
    return value


def measure(problem: Problem) -> Derivatives:
    """Nest `elementwise_grad` and compare with exact values; the same for every problem."""
    t = numpy.linspace(-7.0, 7.0, 200)
    fun: Callable[[Array], Array] = tanh
    values = [tanh(t)]
    for _ in range(HIGHEST):
        fun = elementwise_grad(fun)
        values.append(fun(t))
    pairs = zip(values, exact.tanh_derivatives(t, HIGHEST), strict=True)
    return Derivatives(t, tuple(values), tuple(_order(order, *pair) for order, pair in enumerate(pairs)))


def _order(order: int, values: Array, expected: Sequence[Decimal]) -> Order:
    # The difference is taken in Decimal: rounding the exact value first would hide errors of half an ulp.
    errors = [abs(Decimal(float(v)) - e) for v, e in zip(values, expected, strict=True)]
    largest = max(abs(e) for e in expected)
    pointwise = max(error / abs(e) for error, e in zip(errors, expected, strict=True))
    return Order(order, float(largest), float(max(errors) / largest), float(pointwise))


def numbers(measured: Derivatives) -> list[dict[str, Any]]:
    """The entry in `report.json`."""
    return [
        {
            "order": order.order,
            "largest_value": order.largest_value,
            "max_error_relative_to_largest": order.error,
            "max_relative_error": order.pointwise_error,
        }
        for order in measured.orders
    ]


def show(problem: Problem, measured: Derivatives) -> Section:
    """The curves, and a table of the errors."""
    section = Section("Derivatives of derivatives")
    section.text(
        "<code>elementwise_grad(f)</code> is a function like any other, so it can be differentiated again, and again."
        " Here is a hyperbolic tangent, written with exponentials, and its first six derivatives, each from one more"
        " nesting of <code>elementwise_grad</code>."
    )
    section.formula(
        "<i>f</i>(<i>x</i>) = (1 &minus; e<sup>&minus;<i>x</i></sup>) / (1 + e<sup>&minus;<i>x</i></sup>)",
        "<i>f</i> &prime; = (1 &minus; <i>f</i> ²) / 2",
    )
    fig = plots.tanh_derivatives(measured.t, measured.values)
    alt = "The function and six derivatives over [-7, 7]; each derivative has one more extremum than the one before."
    section.parts.append(picture(problem, fig, "6-tanh.png", alt))
    section.text(
        "The second formula turns every derivative into a polynomial in <i>f</i>, whose exact value is easily had with"
        " 60 digits. The table has the largest error at 200 points, relative to the largest value of that order,"
        " and relative to the value at the point itself, which is harsher near a zero."
    )
    rows = [
        (str(order.order), f"{order.largest_value:.4f}", f"{order.error:.1e}", f"{order.pointwise_error:.1e}")
        for order in measured.orders
    ]
    section.parts.append(Table(("order", "largest value", "error / largest value", "error / value"), rows))
    return section
