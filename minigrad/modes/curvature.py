"""Products with the Hessian and with the Gauss-Newton matrix, without forming either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.modes.forward import jvp
from minigrad.modes.recording import insert
from minigrad.modes.reverse import grad, vjp
from minigrad.rules import shapes

# ----- products -------------------------------------------------------------------------------------------------------


def ggnvp(f: Callable[..., Any], x: Any, v: Any, g: Callable[..., Any] | None = None) -> Any:
    """The product with the generalised Gauss-Newton matrix of g(f(x)): J^T H J v, see `make_ggnvp`.

    Args:    f: maps x to an array.  x: the point.  v: the direction, like x.  g: maps f(x) to a number; by default half
             its sum of squares, for which it is J^T J v.
    Returns: the product, like x. The matrix is positive semi-definite if g is convex.

    >>> import numpy as np
    >>> ggnvp(lambda x: x**2, np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 4., 16.])
    """
    return make_ggnvp(f, g)(x)(v)


# ----- products with the matrix of second derivatives -----------------------------------------------------------------


def hvp(fun: Callable[..., Any], x: Any, v: Any) -> Any:
    """The product of the Hessian of a scalar function with a vector, without forming the Hessian.

    One pushforward of `grad(fun)`: a small multiple of the cost of `fun`, whatever the size of x.

    Args:    fun: maps x, an array of shape `S` or a pytree, to one number.  x: the point.  v: the direction, like x.
    Returns: `H @ v`, like x, with `H[i, j] = ∂²fun / ∂x_i ∂x_j`.
    Raises:  ValueError if `fun(x)` is not one number or v is not shaped like x.
    Source:  B. A. Pearlmutter, "Fast Exact Multiplication by the Hessian", Neural Computation 6(1), 1994.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return jvp(grad(fun), (x,), (v,))[1]


def make_ggnvp(
    f: Callable[..., Any], g: Callable[..., Any] | None = None, f_argnum: int = 0
) -> Callable[..., Callable[[Any], Any]]:
    """At a point: v -> J^T H J v, the product with the generalised Gauss-Newton matrix of g(f(x)).

    Args:    f: maps x to an array.  g: maps that array to a number; by default half its sum of squares.
    Returns: a function of the arguments of `f`, which returns the product.
    Source:  N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural
             Computation 14(7), 2002.

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

    return at


def _half_square(x: Any) -> Any:
    return shapes.sum_(x * x) * 0.5
