"""Independent references: derivatives by other means than the engine under test.

Nothing here uses minigrad. Central differences are extrapolated to step 0 (Richardson), the complex step has no
cancellation at all, and mpmath differentiates with fifty digits.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np


def richardson(curve: Callable[[float], Any], step: float = 0.02, levels: int = 4) -> Any:
    """The derivative of a curve at 0: central differences at halved steps, extrapolated to step 0.

    The error is of order step^(2 levels); rounding adds about 1e-13 of the size of the curve.

    >>> bool(abs(richardson(lambda t: np.exp(2 * t)) - 2.0) < 1e-12)
    True
    """
    row = []
    for k in range(levels):
        h = step / 2**k
        row.append((np.asarray(curve(h)) - np.asarray(curve(-h))) / (2 * h))
    for order in range(1, levels):
        row = [(4**order * fine - coarse) / (4**order - 1) for coarse, fine in pairwise(row)]
    return row[0]


def shifted(args: Sequence[Any], tangents: Sequence[Any], t: float) -> list[Any]:
    """The arguments moved by t along the tangents; each keeps its memory layout."""
    moved = [np.array(x, order="K") for x in args]
    for x, v in zip(moved, tangents):
        x += t * np.asarray(v)
    return list(moved)


def difference_jvp(fun: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any], step: float = 0.02) -> Any:
    """The directional derivative of `fun`, which returns one array, by finite differences."""
    return richardson(lambda t: fun(*shifted(args, tangents, t)), step)


def difference_gradient(fun: Callable[..., Any], args: Sequence[Any], step: float = 0.02) -> list[Any]:
    """The gradients of a scalar function with respect to all entries of all arguments, by finite differences."""
    gradients = []
    for k, x in enumerate(args):
        gradient = np.zeros(np.shape(x))
        for entry in np.ndindex(*np.shape(x)):
            tangents = [np.zeros(np.shape(arg)) for arg in args]
            tangents[k][entry] = 1.0
            gradient[entry] = difference_jvp(fun, args, tangents, step)
        gradients.append(gradient)
    return gradients


def complex_step_gradient(fun: Callable[..., Any], args: Sequence[Any], step: float = 1e-30) -> list[Any]:
    """The gradients of a scalar analytic function: Im f(x + ih) / h, exact to rounding.

    Source: W. Squire and G. Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions",
    SIAM Review 40(1), 1998.
    """
    gradients = []
    for k, x in enumerate(args):
        gradient = np.zeros(np.shape(x))
        for entry in np.ndindex(*np.shape(x)):
            moved = [np.array(arg, dtype=complex) for arg in args]
            moved[k][entry] += 1j * step
            gradient[entry] = np.imag(fun(*moved)) / step
        gradients.append(gradient)
    return gradients


def exact_derivative(fun: Callable[[Any], Any], x: float, order: int, digits: int = 50) -> float:
    """A derivative of a function written with mpmath, by its Taylor coefficients at high precision."""
    with mpmath.workdps(digits):
        return float(mpmath.diff(fun, mpmath.mpf(x), order))


def assert_close(actual: Any, expected: Any, tolerance: float, floor: float = 1e-9) -> None:
    """Equal shapes, and entries that differ by at most `tolerance` times the largest entry."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"shapes {actual.shape} and {expected.shape}"
    if not expected.size:
        return
    scale = max(float(np.max(np.abs(expected))), float(np.max(np.abs(actual))), floor)
    error = float(np.max(np.abs(actual - expected)))
    assert error <= tolerance * scale, f"relative error {error / scale:.2e}\nactual   {actual}\nexpected {expected}"
