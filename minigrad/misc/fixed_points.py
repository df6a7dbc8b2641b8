"""Fixed points, differentiated by the implicit function theorem instead of through the iterations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.extend import defvjp_argnums, primitive
from minigrad.tape import located
from minigrad.transforms import vjp
from minigrad.tree import tree_map

LIMIT = 10_000  #: iterations after which a fixed point is given up


def fixed_point(f: Callable[..., Any], a: Any, x0: Any, distance: Callable[..., Any], tol: float) -> Any:
    """The x with x = f(a)(x), found by iterating from x0, differentiable in a to any order.

    Args:    f: maps the parameter a to a function of x.  a: an array or number.  x0: where to start.
             distance: of two values of x, a number.  tol: when to stop.
    Returns: the fixed point.
    Raises:  RuntimeError if it is not reached in 10,000 iterations.

    The cotangent u of the result solves u = g + (df/dx)^T u, a fixed point again, and that of a is (df/da)^T u
    (B. Christianson, "Reverse accumulation and attractive fixed points", 1994).

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

    solved = primitive(lambda a: iterate(a, x0))

    def pull(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Callable[[Any], list[Any]]:
        (a,) = args
        _, back = vjp(lambda a, x: f(a)(x), a, ans)

        def of_a(g: Any) -> list[Any]:
            u = fixed_point(
                lambda a_ans_g: lambda u: a_ans_g + vjp(lambda x: f(a)(x), ans)[1](u)[0], g, g, distance, tol
            )
            return [back(u)[0]]

        return of_a

    defvjp_argnums(solved, pull)
    return tree_map(lambda part: part, solved(a))
