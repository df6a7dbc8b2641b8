"""Closed forms, derived by hand, that the tour holds its results against. NumPy and decimal arithmetic only."""

from decimal import Decimal, localcontext

import numpy as np

from nn.arrays import Array


def arctan_slope(u: Array) -> Array:
    """The derivative of the arctangent, 1 / (1 + u^2): any shape, elementwise.

    >>> arctan_slope(np.array([0.0, 1.0]))
    array([1. , 0.5])
    """
    return 1.0 / (1.0 + u * u)


def quadratic_gradient(M: Array, x: Array) -> Array:
    """The gradient 2 M^T M x of ||M x||^2, in every column of x: M of shape (m, p), x and the result (p, n).

    >>> quadratic_gradient(np.array([[3.0, 4.0]]), np.array([[1.0], [0.0]]))
    array([[18.],
           [24.]])
    """
    return 2.0 * M.T @ M @ x


def least_loss(classes: int) -> float:
    """The lowest logistic loss of a sample whose scores are arctangents.

    It belongs to the score pi/2 for the sample's own class and -pi/2 for all others.

    >>> round(least_loss(3), 4)
    0.0829
    """
    return float(np.log1p((classes - 1) * np.exp(-np.pi)))


def tanh_derivatives(t: Array, highest: int) -> list[list[Decimal]]:
    """The derivatives of order 0..highest of tanh(x/2) at the points t, with 60 digits.

    With f = tanh(x/2) we have f' = (1 - f^2) / 2, so every derivative is a polynomial in f, and the derivative of the
    polynomial P is P' (1 - f^2) / 2. The coefficients are integers over powers of two.

    Args:
        t: points, shape (m,).
        highest: the highest order.

    Returns:
        For every order the m values.

    >>> [float(values[0]) for values in tanh_derivatives(np.array([0.0]), 3)]
    [0.0, 0.5, 0.0, -0.25]
    """
    with localcontext() as context:
        context.prec = 60
        exponentials = [(-Decimal(float(v))).exp() for v in t]
        f = [(1 - e) / (1 + e) for e in exponentials]
        coefficients = [Decimal(0), Decimal(1)]
        orders = []
        for _ in range(highest + 1):
            orders.append([_horner(coefficients, v) for v in f])
            slope = [i * c / 2 for i, c in enumerate(coefficients)][1:]  # P' / 2
            coefficients = [*slope, Decimal(0), Decimal(0)]
            for i, c in enumerate(slope):
                coefficients[i + 2] -= c  # - f^2 P' / 2
        return orders


def _horner(coefficients: list[Decimal], v: Decimal) -> Decimal:
    """The polynomial with these coefficients, lowest first, at v."""
    total = Decimal(0)
    for c in reversed(coefficients):
        total = total * v + c
    return total
