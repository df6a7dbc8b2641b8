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


def difference_jacobian(fun: Callable[..., Any], args: Sequence[Any], step: float = 0.02) -> list[Any]:
    """The derivatives of a function along every entry of all arguments, by finite differences.

    One item per argument: its derivatives along the real axis, of the shape of the output and the argument, and, if
    the argument is complex, along the imaginary axis too.
    """
    return [
        [
            along_entries(args, k, lambda tangents, unit=unit: difference_jvp(fun, args, tangents, step), unit)
            for unit in ((1.0, 1j) if np.iscomplexobj(x) else (1.0,))
        ]
        for k, x in enumerate(args)
    ]


def complex_step_jacobian(fun: Callable[..., Any], args: Sequence[Any], step: float = 1e-30) -> list[Any]:
    """The same of an analytic function of real arguments: Im f(x + ih) / h, exact to rounding.

    Source: W. Squire and G. Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions",
    SIAM Review 40(1), 1998.
    """

    def along(tangents: Sequence[Any]) -> Any:
        return np.imag(fun(*[np.asarray(x + 1j * step * t) for x, t in zip(args, tangents)])) / step

    return [[along_entries(args, k, along, 1.0)] for k in range(len(args))]


def difference_gradient(fun: Callable[..., Any], args: Sequence[Any], step: float = 0.02) -> list[Any]:
    """The gradients of a scalar function with respect to all real arguments, by finite differences."""
    return [column[0] for column in difference_jacobian(fun, args, step)]


def complex_step_gradient(fun: Callable[..., Any], args: Sequence[Any], step: float = 1e-30) -> list[Any]:
    """The gradients of a scalar analytic function with respect to all real arguments, by the complex step."""
    return [column[0] for column in complex_step_jacobian(fun, args, step)]


def along_entries(args: Sequence[Any], k: int, derivative: Callable[[list[Any]], Any], unit: complex) -> Any:
    """The derivatives along all entries of argument k, stacked behind the axes of the output."""
    columns = []
    for entry in np.ndindex(*np.shape(args[k])):
        tangents = [np.zeros_like(x) for x in args]
        tangents[k][entry] = unit
        columns.append(np.asarray(derivative(tangents)))
    if not columns:
        out = np.asarray(derivative([np.zeros_like(x) for x in args]))
        return np.zeros((*out.shape, *np.shape(args[k])), out.dtype)
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *np.shape(args[k])))


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


def loop(fun, *args, axes=None):
    """`fun` of each example in turn."""
    axes = axes or (0,) * len(args)
    count = next(x.shape[a] for x, a in zip(args, axes) if a is not None)
    results = [fun(*[x if a is None else np.take(x, i, a) for x, a in zip(args, axes)]) for i in range(count)]
    return np.stack([np.asarray(r) for r in results])
