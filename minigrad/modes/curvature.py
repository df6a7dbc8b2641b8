"""Products with the Hessian and with the Gauss-Newton matrix, without forming either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.modes.checks import check_scalar
from minigrad.modes.forward import jvp, jvp_of
from minigrad.modes.made import X, check_function, transformation
from minigrad.modes.recording import STRAIGHT, Recording, insert, named
from minigrad.modes.reverse import grad, vjp
from minigrad.modes.second import on_two_levels, recorded_once
from minigrad.rules import shapes


def ggnvp(fun: Callable[..., Any], x: Any, v: Any, g: Callable[..., Any] | None = None) -> Any:
    """The product of the generalised Gauss-Newton matrix of g(fun(x)) with a vector: J^T H J v.

    J is the Jacobian of `fun` at x, H the Hessian of `g` at fun(x). The matrix is positive semi-definite if `g` is
    convex.

    Args:
        fun: maps x to an array or a pytree.
        x: the point, an array or a pytree.
        v: the direction, in the structure and shapes of x.
        g: maps fun(x) to a number; by default half its sum of squares, for which the product is J^T J v.

    Returns:
        The product, in the structure and shapes of x.

    Source:
        N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural Computation
        14(7), 2002.

    >>> import numpy as np
    >>> ggnvp(lambda x: x**2, np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 4., 16.])
    """
    check_function("ggnvp", fun)
    return make_ggnvp(fun, g)(x)(v)


def hvp(fun: Callable[..., Any], x: X, v: Any) -> X:
    """The product of the Hessian of a scalar function with a vector, without forming the Hessian.

    One pushforward of `grad(fun)`, at a small multiple of the cost of `fun`, whatever the size of x.

    Args:
        fun: maps x to one number.
        x: the point, an array or a pytree.
        v: the direction, in the structure and shapes of x.

    Returns:
        `H @ v` in the structure and shapes of x, with `H[i, j] = ∂²fun / ∂x_i ∂x_j`.

    Raises:
        ValueError: if `fun(x)` is not one number, or v does not have the structure and shapes of x.

    Source:
        B. A. Pearlmutter, "Fast Exact Multiplication by the Hessian", Neural Computation 6(1), 1994.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    check_function("hvp", fun)
    record = recorded_once("grad", fun, (x,), {}, 0)
    if record is None:
        return jvp_of("hvp", grad(fun), (x,), {}, (0,), (v,))[1]
    check_scalar("grad", record.out)
    index, tangents = record.position(record.out), record.treedef.leaves_of(v)
    if index >= 0 and tangents is not None and "hvp" in STRAIGHT:
        found = STRAIGHT["hvp"](record.tape, index, tangents)
        if found is not None:
            return record.treedef.unflatten(found)
    gradient = on_two_levels(record, fun, 0, _gradient, ("hvp", (x,), {}, (0,)))
    return jvp_of("hvp", gradient, (x,), {}, (0,), (v,))[1]


def _gradient(record: Recording, outs: list[Any]) -> Any:
    return record.pull([(record.position(outs[0]), 1.0)], consume=True)


@transformation
def make_ggnvp(
    f: Callable[..., Any], g: Callable[..., Any] | None = None, f_argnum: int = 0
) -> Callable[..., Callable[[Any], Any]]:
    """A function of the point that returns the product with the generalised Gauss-Newton matrix: v -> J^T H J v.

    Names and order of the arguments are autograd's. See `ggnvp` for the matrix and its source.

    Args:
        f: maps x to an array or a pytree.
        g: maps f(x) to a number; by default half its sum of squares.
        f_argnum: the position of x among the arguments of `f`.

    Returns:
        A function of the arguments of `f`, which returns a function of v.

    >>> import numpy as np
    >>> make_ggnvp(lambda x: x**2)(np.array([1.0, 2.0]))(np.array([1.0, 1.0]))
    array([ 4., 16.])
    """

    def at(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        def inner(x: Any) -> Any:
            return f(*insert(args, f_argnum, x), **kwargs)

        x = args[f_argnum]
        value, pullback = vjp(inner, x)
        curvature = vjp(grad(_half_square if g is None else g), value)[1]

        def product(v: Any) -> Any:
            return pullback(curvature(jvp(inner, (x,), (v,))[1])[0])[0]

        return product

    return named(at, "make_ggnvp", f, make_ggnvp, g, f_argnum)


def _half_square(x: Any) -> Any:
    return shapes.sum_(x * x) * 0.5
