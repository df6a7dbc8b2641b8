"""Fixed points in the form of autograd; `minigrad.fixed_point` is the one for new programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.core.lines import located
from minigrad.core.tree import tree_map
from minigrad.operations.implicit import solution, start_from

LIMIT = 10_000  #: iterations after which a fixed point is given up


def fixed_point(f: Callable[..., Any], a: Any, x0: Any, distance: Callable[..., Any], tol: float) -> Any:
    """The x with x = f(a)(x), found by iterating from x0 and differentiable in a to any order.

    Names and order of the arguments are autograd's.

    Args:
        f: maps the parameter a to a function of x.
        a: the parameter, a pytree.
        x0: where to start, a pytree of floats.
        distance: maps two values of x to a number.
        tol: the distance of two iterates at which the iteration stops.

    Returns:
        The fixed point.

    Raises:
        RuntimeError: if it is not reached in 10,000 iterations.

    The derivative is that of the implicit function theorem, in every mode, as of `minigrad.fixed_point`.

    >>> from minigrad import grad
    >>> newton = lambda a: lambda x: 0.5 * (x + a / x)
    >>> root = lambda a: fixed_point(newton, a, 1.0, lambda x, y: abs(x - y), 1e-14)
    >>> round(float(root(2.0)), 10), round(float(grad(root)(2.0)), 10)
    (1.4142135624, 0.3535533906)
    """

    def iterate(a: Any, x: Any) -> Any:
        step = f(a)
        for _ in range(LIMIT):
            new = step(x)
            if distance(x, new) <= tol:
                return new
            x = new
        raise RuntimeError(
            located(
                f"fixed_point: the distance of two iterates is still above tol={tol} after {LIMIT} iterations; "
                f"does the map contract? Try another x0, or a larger tol"
            )
        )

    def residual(a: Any, x: Any) -> Any:
        return tree_map(lambda old, new: old - new, x, f(a)(x))

    return solution("fixed_point", residual, a, lambda a: iterate(a, start_from("fixed_point", x0)))
