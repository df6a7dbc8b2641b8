"""Rules beyond their cells: broadcasting in any shape, derivatives to fifty digits, and special points.

The value and the derivatives of every function, in all modes, are tested by its cells (`test_cells.py`).
"""

import operator
from collections.abc import Callable
from typing import Any

import mpmath
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from references import (
    assert_close,
    complex_step_gradient,
    exact_derivative,
)

import minigrad.numpy
from minigrad import grad, jvp, vjp

# ----- broadcasting, with shapes found by hypothesis ------------------------------------------------------------------

OPERATIONS = {
    "add": numpy.add, "subtract": numpy.subtract, "multiply": numpy.multiply, "divide": numpy.divide,
    "power": numpy.power, "arctan2": numpy.arctan2, "hypot": numpy.hypot, "logaddexp": numpy.logaddexp,
    "maximum": numpy.maximum, "minimum": numpy.minimum, "remainder": numpy.remainder,
}  # fmt: skip


def folded(g: Any, shape: tuple[int, ...]) -> Any:
    """The sum of g over the axes along which `shape` was stretched, one entry at a time."""
    ans = numpy.zeros(shape)
    sources = numpy.broadcast_to(numpy.arange(ans.size).reshape(shape), g.shape)
    for source, entry in zip(sources.ravel(), g.ravel()):
        ans.ravel()[source] += entry
    return ans


@pytest.mark.parametrize("name", OPERATIONS)
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3), seed=st.integers(0, 99))
def test_broadcasting(name: str, shapes: Any, seed: int) -> None:
    """The gradient through broadcasting is that of the operation on full arrays, folded back; and modes agree."""
    op, generator = OPERATIONS[name], numpy.random.default_rng(seed)
    x, y = (numpy.asarray(generator.uniform(0.5, 2.0, s)) for s in shapes.input_shapes)
    c = numpy.asarray(generator.normal(size=shapes.result_shape))
    full = [numpy.array(numpy.broadcast_to(v, c.shape)) for v in (x, y)]
    out, pullback = vjp(op, x, y)
    assert out.shape == shapes.result_shape
    for ct, wide, v in zip(pullback(c), vjp(op, *full)[1](c), (x, y)):
        assert_close(ct, folded(wide, v.shape), 1e-13, floor=1e-2)
    t = tuple(numpy.asarray(generator.normal(size=v.shape)) for v in (x, y))
    _, tangent = jvp(op, (x, y), t)
    assert tangent.shape == c.shape
    assert abs(numpy.sum(c * tangent) - sum(numpy.sum(ct * v) for ct, v in zip(pullback(c), t))) <= 1e-11
    alone = grad(lambda v: numpy.sum(c * op(v, y)))(x)
    assert_close(alone, pullback(c)[0], 1e-13, floor=1e-2)


@given(shapes=mutually_broadcastable_shapes(num_shapes=3, max_dims=3, min_side=0, max_side=3), seed=st.integers(0, 99))
def test_broadcasting_where(shapes: Any, seed: int) -> None:
    """`where` with a condition and two branches of three shapes."""
    generator = numpy.random.default_rng(seed)
    mask, x, y = (numpy.asarray(generator.normal(size=s)) for s in shapes.input_shapes)
    c = numpy.asarray(generator.normal(size=shapes.result_shape))
    out, pullback = vjp(lambda x, y: numpy.where(mask > 0, x, y), x, y)
    assert numpy.array_equal(out, numpy.where(mask > 0, x, y))
    of_x, of_y = pullback(c)
    assert_close(of_x, folded(numpy.where(mask > 0, c, 0), x.shape), 1e-13, floor=1e-2)
    assert_close(of_y, folded(numpy.where(mask > 0, 0, c), y.shape), 1e-13, floor=1e-2)


@given(
    shapes=mutually_broadcastable_shapes(signature="(n,k),(k,m)->(n,m)", max_dims=2, min_side=1, max_side=3),
    seed=st.integers(0, 99),
)
def test_broadcasting_matmul(shapes: Any, seed: int) -> None:
    """Stacks of matrices: both modes are adjoint, and the gradient is that of the sum of products."""
    generator = numpy.random.default_rng(seed)
    x, y = (generator.normal(size=s) for s in shapes.input_shapes)
    c = generator.normal(size=shapes.result_shape)
    expected = complex_step_gradient(lambda x, y: numpy.sum(c * (x @ y)), (x, y))
    for ct, reference in zip(vjp(operator.matmul, x, y)[1](c), expected):
        assert_close(ct, reference, 1e-12, floor=1e-2)


# ----- third derivatives against mpmath -------------------------------------------------------------------------------

EXACT: list[tuple[str, Any, float]] = [
    ("exp", mpmath.exp, 0.7), ("exp2", lambda x: mpmath.mpf(2) ** x, 0.7), ("expm1", mpmath.expm1, 0.3),
    ("log", mpmath.log, 1.7),
    ("log2", lambda x: mpmath.log(x, 2), 1.7), ("log10", mpmath.log10, 1.7), ("log1p", mpmath.log1p, 0.3),
    ("sqrt", mpmath.sqrt, 1.3),
    ("cbrt", mpmath.cbrt, 1.3), ("square", lambda x: x * x, 1.3), ("reciprocal", lambda x: 1 / x, 1.3),
    ("sin", mpmath.sin, 0.4),
    ("cos", mpmath.cos, 0.4), ("tan", mpmath.tan, 0.4), ("arcsin", mpmath.asin, 0.4), ("arccos", mpmath.acos, 0.4),
    ("arctan", mpmath.atan, 0.4), ("sinh", mpmath.sinh, 0.4), ("cosh", mpmath.cosh, 0.4), ("tanh", mpmath.tanh, 0.4),
    ("arcsinh", mpmath.asinh, 0.4), ("arccosh", mpmath.acosh, 1.7), ("arctanh", mpmath.atanh, 0.4),
    ("sinc", lambda x: mpmath.sincpi(x), 0.1), ("sinc", lambda x: mpmath.sincpi(x), 0.6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "exact", "x"), EXACT, ids=[f"{name} at {x}" for name, _, x in EXACT])
def test_derivatives_1_to_4_against_mpmath(name: str, exact: Any, x: float) -> None:
    """Derivatives of orders 1 to 4 of every analytic ufunc, by nesting grad, to near rounding."""
    fun: Callable[..., Any] = getattr(numpy, name)
    for order in range(1, 5):
        fun = grad(fun)
        assert_close(fun(x), exact_derivative(exact, x, order), 2e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_sinc_at_its_removable_singularity(order: int) -> None:
    """Derivatives of sinc at 0: 0 for odd orders, (-1)^m pi^2m / (2m + 1) for order 2m."""
    fun: Callable[..., Any] = numpy.sinc
    for _ in range(order):
        fun = grad(fun)
    m = order // 2
    expected = 0.0 if order % 2 else (-1) ** m * numpy.pi**order / (order + 1)
    assert abs(fun(0.0) - expected) <= 1e-10 * max(1.0, abs(expected))


# ----- special points: the documented subgradients --------------------------------------------------------------------

SPECIAL: list[tuple[str, Callable[..., Any], Any, Any]] = [
    ("abs at 0", lambda x: numpy.abs(x), 0.0, 0.0),
    ("fabs at 0", lambda x: numpy.fabs(x), 0.0, 0.0),
    ("hypot at 0", lambda x: numpy.hypot(x[0], x[1]), [0.0, 0.0], [0.0, 0.0]),
    ("maximum at a tie", lambda x: numpy.maximum(x[0], x[1]), [1.0, 1.0], [0.5, 0.5]),
    ("minimum at a tie", lambda x: numpy.minimum(x[0], x[1]), [1.0, 1.0], [0.5, 0.5]),
    ("max with three ties", lambda x: numpy.max(x), [2.0, 1.0, 2.0, 2.0], [1 / 3, 0.0, 1 / 3, 1 / 3]),
    ("std of equal entries", lambda x: numpy.std(x), [1.0, 1.0], [0.0, 0.0]),
    ("x ** 0 at 0", lambda x: x**0, 0.0, 0.0),
    ("x ** 0.0 at 0", lambda x: x**0.0, 0.0, 0.0),
    ("x ** 1 at 0", lambda x: x**1, 0.0, 1.0),
    ("x ** 2 at 0", lambda x: x**2, 0.0, 0.0),
    ("x ** array at 0", lambda x: numpy.sum(x ** numpy.array([0.0, 1.0, 2.0])), 0.0, 1.0),
    ("0 ** y", lambda y: 0.0**y, 2.0, 0.0),
    ("0.0 array ** y", lambda y: numpy.sum(numpy.array([0.0, 2.0]) ** y), 2.0, 4 * numpy.log(2.0)),
    ("prod with one zero", lambda x: numpy.prod(x), [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    ("prod with two zeros", lambda x: numpy.prod(x), [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ("sinc at 0", lambda x: numpy.sinc(x), 0.0, 0.0),
    ("logsumexp with -inf", lambda x: minigrad.numpy.logsumexp(x), [0.0, -numpy.inf], [1.0, 0.0]),
    ("logsumexp of large", lambda x: minigrad.numpy.logsumexp(x), [-2000.0, 1000.0], [0.0, 1.0]),
    ("logaddexp of large", lambda x: numpy.logaddexp(x[0], x[1]), [-2000.0, 1000.0], [0.0, 1.0]),
    ("nan_to_num", lambda x: numpy.sum(numpy.nan_to_num(x) * x[0]), [2.0, numpy.nan, 3.0], [2 * 2.0 + 3, 0.0, 2.0]),
    ("1.0 % 0.1", lambda y: 1.0 % y, 0.1, -9.0),
    ("relu at 0", lambda x: numpy.maximum(x, 0.0), 0.0, 0.5),
]


@pytest.mark.parametrize(("fun", "x", "expected"), [s[1:] for s in SPECIAL], ids=[s[0] for s in SPECIAL])
def test_special_points(fun: Any, x: Any, expected: Any) -> None:
    """Finite derivatives where a subgradient exists, in both modes, and without a warning."""
    x = numpy.asarray(x)
    assert_close(grad(fun)(x), expected, 1e-14)
    unit = numpy.ones_like(x)
    assert_close(jvp(fun, (x,), (unit,))[1], numpy.sum(expected), 1e-14)


def test_logsumexp_of_large_numbers_keeps_its_digits() -> None:
    """Softmax loses no more than the rounding of its arguments: eps times their size."""
    x = numpy.array([1000.0, 1000.0])
    assert_close(grad(minigrad.numpy.logsumexp)(x), [0.5, 0.5], 1000 * 2.3e-16)


@pytest.mark.parametrize("mode", ["backward", "forward"])
@pytest.mark.parametrize("root", [lambda x: numpy.sqrt(x), lambda x: x**0.5], ids=["sqrt", "power"])
def test_nothing_leaks_from_the_branch_of_where_not_taken(mode: str, root: Any) -> None:
    """sqrt has an infinite slope at 0; behind a `where` that does not take it, the derivative is 0, with no warning."""
    x = numpy.array([0.0, 4.0])

    def guarded(x: Any) -> Any:
        return numpy.where(x > 0, root(x), 0.0)

    if mode == "backward":
        assert_close(grad(lambda x: numpy.sum(guarded(x)))(x), [0.0, 0.25], 1e-15)
        hessian_row = grad(lambda x: numpy.sum(grad(lambda x: numpy.sum(guarded(x)))(x)))(x)
        assert_close(hessian_row, [0.0, -1 / 32], 1e-14)
    else:
        assert_close(jvp(guarded, (x,), (numpy.ones(2),))[1], [0.0, 0.25], 1e-15)
        tangent = jvp(grad(lambda x: numpy.sum(guarded(x))), (x,), (numpy.ones(2),))[1]
        assert_close(tangent, [0.0, -1 / 32], 1e-14)


def test_third_order_of_a_product_with_two_zeros() -> None:
    """d3/dx0 dx1 dx2 of prod(x) is the product of the others, also where it was 0 before."""
    x = numpy.array([0.0, 0.0, 0.0, 5.0])
    e = numpy.eye(4)

    def along(fun: Any, v: Any) -> Any:
        return lambda x: jvp(fun, (x,), (v,))[1]

    assert along(along(along(numpy.prod, e[0]), e[1]), e[2])(x) == 5.0
    reverse = grad(lambda x: grad(lambda x: grad(lambda x: numpy.prod(x))(x)[0])(x)[1])(x)
    assert numpy.array_equal(reverse, [0.0, 0.0, 5.0, 0.0])
