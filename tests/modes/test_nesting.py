"""Derivatives within derivatives: perturbation confusion, mixed modes, closures. Bugs by name."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import assert_close, difference_gradient, exact_derivative, richardson

import minigrad.numpy as mnp
from minigrad import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    hessian,
    hvp,
    jacobian,
    jvp,
    make_jvp,
    make_vjp,
    value,
    value_and_grad,
    vjp,
)

# One way each to take the derivative of a function of one number; any two may be nested.
WAYS: dict[str, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "grad": grad,
    "deriv": deriv,
    "elementwise_grad": elementwise_grad,
    "jacobian": jacobian,
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "make_vjp": lambda f: lambda x: make_vjp(f)(x)[0](1.0),
    "make_jvp": lambda f: lambda x: make_jvp(f)(x)(1.0)[1],
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
}
PAIRS = list(itertools.product(WAYS, WAYS))
TRIPLES = list(itertools.product(["grad", "deriv", "vjp", "jvp", "jacobian"], repeat=3))
two_ways = pytest.mark.parametrize(("outer", "inner"), PAIRS)


# ----- perturbation confusion, as published ---------------------------------------------------------------------------


@two_ways
def test_siskind_pearlmutter(outer: str, inner: str) -> None:
    """d/dx (x * d/dy (x + y)) at 1, 1 is 1; confusing x's perturbation with y's gives 2.

    J. M. Siskind and B. A. Pearlmutter, "Perturbation Confusion and Referential Transparency", IFL 2005.
    """
    assert WAYS[outer](lambda x: x * WAYS[inner](lambda y: x + y)(1.0))(1.0) == 1.0


@two_ways
def test_siskind_pearlmutter_product(outer: str, inner: str) -> None:
    """d/dx (x * d/dy (x * y)) at 3 is 2x = 6."""
    assert WAYS[outer](lambda x: x * WAYS[inner](lambda y: x * y)(2.0))(3.0) == 6.0


@two_ways
def test_outer_variable_only(outer: str, inner: str) -> None:
    """The inner function ignores its own argument: the inner derivative is 0 and has derivative 0."""
    assert WAYS[outer](lambda x: x * WAYS[inner](lambda y: x)(1.0))(3.0) == 0.0
    assert WAYS[outer](lambda x: x * WAYS[inner](lambda y: x * x)(x))(3.0) == 0.0


@two_ways
def test_the_argument_of_the_inner_derivative_depends_on_the_outer(outer: str, inner: str) -> None:
    """d/dx f'(x^2) = 2x f''(x^2)."""
    derivative = WAYS[outer](lambda x: WAYS[inner](np.sin)(x * x))(0.7)
    assert_close(derivative, -2 * 0.7 * np.sin(0.49), 1e-14)


@two_ways
def test_manzyuk_amazing(outer: str, inner: str) -> None:
    """A derivative operator that returns a function: the shift s(u) f (x) = f(x + u), differentiated in u at 0.

    Applying D = s'(0) twice must give the second derivative of exp; tagging a perturbation by the call of the operator
    (and not of the function that it returned) gives 0.
    O. Manzyuk, B. A. Pearlmutter, A. A. Radul, D. R. Rush, J. M. Siskind, "Perturbation confusion in forward automatic
    differentiation of higher-order functions", Journal of Functional Programming 29, 2019.
    """

    def shift(u: Any) -> Callable[[Any], Any]:
        return lambda f: lambda x: f(x + u)

    def derivative_of_operator(way: str) -> Callable[[Any], Any]:
        # The derivative of a function-valued function is the function of the derivatives.
        return lambda f: lambda x: WAYS[way](lambda u: shift(u)(f)(x))(0.0)

    d_outer, d_inner = derivative_of_operator(outer), derivative_of_operator(inner)
    assert_close(d_outer(d_inner(np.exp))(1.0), math.e, 1e-15)


def test_closures_that_capture_boxes() -> None:
    """A closure made within one derivative and called within another of the same function keeps its box apart."""

    def outer(x: Any) -> Any:
        made: list[Callable[[Any], Any]] = []

        def inner(y: Any) -> Any:
            made.append(lambda z: y * z * x)  # captures y, whose derivative is being taken
            return made[0](y)  # x y^2

        first = grad(inner)(2.0)  # 2 x y = 4 x
        return first + made[0](3.0)  # y is the constant 2 by now: + 6 x

    assert grad(outer)(5.0) == 10.0
    assert deriv(outer)(5.0) == 10.0


def test_pearlmutter_siskind_church_numerals() -> None:
    """Curried derivatives: d/dx d/dy (x^2 y^3) by closures, in every order of evaluation."""

    def f(x: Any) -> Callable[[Any], Any]:
        return lambda y: x**2 * y**3

    assert grad(lambda x: grad(f(x))(2.0))(3.0) == 72.0
    assert deriv(lambda x: grad(f(x))(2.0))(3.0) == 72.0
    assert grad(lambda y: grad(lambda x: f(x)(y))(3.0))(2.0) == 72.0


def test_hips_autograd_nested_gradient_as_step_size() -> None:
    """The gradient through a step of gradient descent: d/da of the loss after a step of length a."""

    def loss(w: Any) -> Any:
        return np.sum((w - 1.0) ** 4)

    def after(a: Any) -> Any:
        w = np.array([3.0, 0.0])
        for _ in range(3):
            w = w - a * grad(loss)(w)
        return loss(w)

    assert_close(grad(after)(0.01), richardson(lambda t: after(0.01 + t), 0.001), 1e-9)
    assert_close(deriv(after)(0.01), grad(after)(0.01), 1e-13)


@two_ways
def test_minimax_of_two_quadratics(outer: str, inner: str) -> None:
    """A derivative in y of a function that itself takes a derivative in x at y, beside a use of both.

    d/dy [ x y d/dx (x^2 y) at x = y ] = d/dy [ 2 y^2 * 3 y ] with x = 3 fixed outside.
    """
    x = 3.0
    assert_close(WAYS[outer](lambda y: x * y * WAYS[inner](lambda x: x * x * y)(y))(2.0), 72.0, 1e-15)


# ----- three levels, in all modes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ways", TRIPLES, ids="-".join)
def test_third_derivatives_in_all_modes(ways: tuple[str, str, str]) -> None:
    """125 ways to the third derivative of a function with products, quotients, branches and indexing."""

    def fun(x: Any) -> Any:
        y = np.stack([x, x * x, np.sin(x)])
        z = np.tanh(y[1] * y[0]) / (1 + y[2] ** 2)
        return z + np.where(x > 0, np.exp(x), 0.0) + np.sum(y[[0, 2, 2]] * y)

    def exact(x: Any) -> Any:
        s = mpmath.sin(x)
        return mpmath.tanh(x**3) / (1 + s**2) + mpmath.exp(x) + x * x + s * x * x + s * s

    a, b, c = (WAYS[way] for way in ways)
    assert_close(a(b(c(fun)))(0.6), exact_derivative(exact, 0.6, 3), 1e-12)


@two_ways
def test_mixed_partials_agree_in_all_modes(outer: str, inner: str) -> None:
    """d2/dx dy = d2/dy dx of x^y y^x, whichever mode is outside."""

    def f(x: Any, y: Any) -> Any:
        return x**y * y**x

    xy = WAYS[outer](lambda x: WAYS[inner](lambda y: f(x, y))(1.3))(0.8)
    yx = WAYS[outer](lambda y: WAYS[inner](lambda x: f(x, y))(0.8))(1.3)
    assert_close(xy, yx, 1e-14)


@given(
    st.floats(0.3, 2.0), st.floats(0.3, 2.0), st.sampled_from(sorted(WAYS)), st.sampled_from(sorted(WAYS)),
    st.sampled_from(["x ** y", "x % y", "arctan2", "hypot", "logaddexp", "matmul", "prod", "einsum", "std"]),
)  # fmt: skip
def test_mixed_partials_are_symmetric(x: float, y: float, outer: str, inner: str, kind: str) -> None:
    """Symmetric second derivatives of functions of two numbers, at random points and in random modes."""
    functions: dict[str, Callable[[Any, Any], Any]] = {
        "x ** y": lambda x, y: x**y,
        "x % y": lambda x, y: (x % 0.7) * y**2 + x * (y % 0.4),
        "arctan2": lambda x, y: np.arctan2(x, y) * x,
        "hypot": lambda x, y: np.hypot(x, y) * y,
        "logaddexp": lambda x, y: np.logaddexp(x * y, y),
        "matmul": lambda x, y: np.stack([x, y, x * y]) @ np.arange(9.0).reshape(3, 3) @ np.stack([y, x * x, y]),
        "prod": lambda x, y: np.prod(np.stack([x, y, x, y * x])),
        "einsum": lambda x, y: np.einsum("i,i,i->", np.stack([x, y]), np.stack([y, y]), np.stack([x * x, y])),
        "std": lambda x, y: np.std(np.stack([x, y, x * y + 3])),
    }
    f = functions[kind]
    xy = WAYS[outer](lambda x: WAYS[inner](lambda y: f(x, y))(y))(x)
    yx = WAYS[inner](lambda y: WAYS[outer](lambda x: f(x, y))(x))(y)
    assert_close(xy, yx, 1e-12, floor=1e-2)


@given(st.integers(0, 500))
def test_hessians_are_symmetric(seed: int) -> None:
    """The Hessian of a small network is symmetric, and its rows are Hessian-vector products."""
    rng = np.random.default_rng(seed)
    a, b, x = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=3)

    def loss(x: Any) -> Any:
        return mnp.logsumexp(b @ np.arctan(a @ x)) - np.prod(np.cos(x)) + np.max(x) ** 2

    h = hessian(loss)(x)
    assert_close(h, h.T, 1e-13)
    assert_close(jacobian(grad(loss))(x), h, 1e-13)
    for k in range(3):
        assert_close(hvp(loss, x, np.eye(3)[k]), h[k], 1e-13)
        assert_close(grad(lambda x, k=k: jvp(loss, (x,), (np.eye(3)[k],))[1])(x), h[k], 1e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("transform", [elementwise_grad, grad, deriv], ids=["elementwise_grad", "grad", "deriv"])
def test_tanh_of_the_tour(order: int, transform: Callable[..., Any]) -> None:
    """Derivatives 1 to 6 of (1 - e^-x) / (1 + e^-x), by nesting, against 50 digits."""

    def fun(x: Any) -> Any:
        return (1.0 - np.exp(-x)) / (1.0 + np.exp(-x))

    t = np.linspace(-7, 7, 9)
    derivative: Callable[[Any], Any] = fun
    for _ in range(order):
        derivative = transform(derivative)
    ours = derivative(t) if transform is elementwise_grad else np.array([derivative(x) for x in t])
    exact = [exact_derivative(lambda x: (1 - mpmath.exp(-x)) / (1 + mpmath.exp(-x)), x, order) for x in t]
    assert_close(ours, exact, 1e-10 if order == 6 else 1e-11)


def test_auxiliary_values_of_an_inner_derivative() -> None:
    """aux of an inner grad_and_aux and the value of an inner value_and_grad carry the outer derivative."""
    assert grad(lambda x: grad_and_aux(lambda y: (x * y, x * x * y))(2.0)[1])(3.0) == 12.0
    assert grad(lambda x: value_and_grad(lambda y: x * x * y)(2.0)[0])(3.0) == 12.0
    assert grad(lambda x: vjp(lambda y: x * x * y, 2.0)[0])(3.0) == 12.0
    assert grad(lambda x: jvp(lambda y: x * x * y, (2.0,), (1.0,))[0])(3.0) == 12.0


A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])
X = np.array([0.5, -1.0, 2.0])


# ----- pullbacks and pushforwards within derivatives ------------------------------------------------------------------


def test_linear_transpose_by_the_gradient_of_a_pullback() -> None:
    """The pullback is linear in its cotangent; its own transpose is the pushforward (Jv by two reverse sweeps)."""

    def fun(x: Any) -> Any:
        return np.tanh(A @ x)

    _, pullback = vjp(fun, X)
    v = np.array([1.0, -2.0, 0.5])
    _, transpose = vjp(lambda c: pullback(c)[0], np.zeros(2))
    assert_close(transpose(v)[0], jvp(fun, (X,), (v,))[1], 1e-14)
    assert_close(grad(lambda c: pullback(c)[0] @ v)(np.zeros(2)), jvp(fun, (X,), (v,))[1], 1e-14)
    assert_close(jacobian(lambda c: pullback(c)[0])(np.zeros(2)), jacobian(fun)(X).T, 1e-14)


def test_a_pullback_made_outside_and_called_inside_a_derivative() -> None:
    """The cotangent alone is traced; the pullback's point is a constant."""
    _, pullback = vjp(lambda x: x**3, 2.0)
    assert grad(lambda c: pullback(c)[0] ** 2)(3.0) == 2 * 12.0**2 * 3.0
    assert deriv(lambda c: pullback(c)[0] ** 2)(3.0) == 2 * 12.0**2 * 3.0


def test_a_pullback_made_inside_and_called_inside_another_derivative() -> None:
    """A pullback at a traced point, used in a further derivative: everything is differentiated."""

    def fun(x: Any) -> Any:
        _, pullback = vjp(lambda y: y**3, x)
        return grad(lambda c: pullback(c)[0] * c)(2.0)  # d/dc (3 x^2 c^2) = 12 x^2

    assert grad(fun)(5.0) == 120.0
    assert deriv(fun)(5.0) == 120.0


def test_a_pullback_used_after_the_derivative_in_which_it_was_made() -> None:
    """Its point was traced then and is a value now."""
    kept: list[Any] = []
    grad(lambda x: (kept.append(vjp(lambda y: y**3, x)[1]), x)[1])(2.0)
    assert kept[0](1.0)[0] == 12.0


def test_traced_cotangents_and_tangents() -> None:
    """c and t depend on what is differentiated, the point does not; and the other way round; and both."""
    assert grad(lambda c: vjp(lambda x: x**2, 3.0)[1](c)[0] * c)(2.0) == 24.0
    assert grad(lambda t: jvp(lambda x: x**2, (3.0,), (t,))[1] * t)(2.0) == 24.0
    assert deriv(lambda t: jvp(lambda x: x**2, (3.0,), (t,))[1] * t)(2.0) == 24.0
    assert grad(lambda s: jvp(lambda x: x**2, (s,), (s,))[1])(2.0) == 8.0
    assert grad(lambda s: vjp(lambda x: x**2, s)[1](s)[0])(2.0) == 8.0
    gradient = grad(lambda c: np.sum(vjp(lambda x: A @ x, X)[1](c)[0] ** 2))(np.ones(2))
    assert_close(gradient, 2 * A @ (A.T @ np.ones(2)), 1e-14)


def test_jvp_of_vjp_in_point_and_cotangent_at_once() -> None:
    """The full derivative of (x, c) -> J(x)^T c."""

    def fun(x: Any) -> Any:
        return np.exp(A @ x)

    c, dx, dc = np.array([1.0, 2.0]), np.array([1.0, 0.0, -1.0]), np.array([0.5, 1.5])
    _, tangent = jvp(lambda x, c: vjp(fun, x)[1](c)[0], (X, c), (dx, dc))
    e = np.exp(A @ X)
    assert_close(tangent, A.T @ (e * dc + e * (A @ dx) * c), 1e-13)


def test_hessians_of_functions_that_take_gradients() -> None:
    """An energy whose force enters a loss: Hessian of |grad E|^2 against differences of its gradient."""

    def energy(x: Any) -> Any:
        return np.sum(np.sin(x) * x[::-1]) + np.prod(x)

    def loss(x: Any) -> Any:
        return np.sum(grad(energy)(x) ** 2)

    h = hessian(loss)(X)
    expected = np.stack([richardson(lambda t, k=k: grad(loss)(X + t * np.eye(3)[k])) for k in range(3)])
    assert_close(h, expected, 1e-8)
    assert_close(h, h.T, 1e-13)


def test_the_gradient_with_respect_to_an_outer_variable_inside_an_inner_gradient() -> None:
    """Differentiating in x within a function that is being differentiated in y, at the traced x."""

    def fun(x: Any) -> Any:
        return grad(lambda y: grad(lambda z: z * z * y)(x) * y)(2.0)  # d/dy (2 x y^2) = 4 x y = 8 x

    assert grad(fun)(3.0) == 8.0
    assert fun(3.0) == 24.0


def test_a_loss_with_its_own_gradient_as_penalty() -> None:
    """WGAN's gradient penalty: parameters differentiated through a gradient in the inputs."""

    def penalty(w: Any) -> Any:
        def critic(x: Any) -> Any:
            return np.sum(np.tanh(w @ x))

        g = grad(critic)(X)
        return (np.sqrt(np.sum(g**2)) - 1) ** 2

    (expected,) = difference_gradient(penalty, (0.3 * A,))
    assert_close(grad(penalty)(0.3 * A), expected, 1e-8)


def test_ten_levels() -> None:
    """The tenth derivative of x^10 is 10!, and of a linear function 0 from the second on."""
    fun: Callable[[Any], Any] = lambda x: x**10
    for _ in range(10):
        fun = grad(fun)
    with pytest.warns(RuntimeWarning, match=r"nested 8 deep(.|\n)*minigrad\.derivatives(.|\n)*fun\(1\.7\)"):
        assert fun(1.7) == math.factorial(10)
    line: Callable[[Any], Any] = lambda x: 3 * x
    for expected in (3.0, 0.0, 0.0, 0.0):
        line = grad(line)
        assert line(2.0) == expected


def test_levels_of_different_dtypes_and_shapes() -> None:
    """A float32 array outside, a float64 number inside, and the other way round."""
    x32 = X.astype(np.float32)
    g = grad(lambda x: grad(lambda s: np.sum(np.sin(s * x)))(2.0))(x32)
    assert g.dtype == np.float32
    assert_close(g, np.cos(2 * X) - 2 * X * np.sin(2 * X), 1e-6)
    assert_close(grad(lambda s: np.sum(grad(lambda x: np.sum(s * x * x))(x32)))(2.0), 2 * X.sum(), 1e-6)


# ----- what users of other systems were bitten by ---------------------------------------------------------------------


def test_power_with_nested_jacobians() -> None:
    """Mixed partials of x**y by nested jacobians, in both orders (a bug of pow elsewhere)."""
    f = lambda x, y: x**y
    xy = jacobian(jacobian(f, 0), 1)(2.0, 3.0)
    yx = jacobian(jacobian(f, 1), 0)(2.0, 3.0)
    assert_close(xy, 2.0**2 * (1 + 3 * np.log(2.0)), 1e-15)
    assert_close(yx, xy, 1e-15)


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 5])
def test_polynomials_at_zero(k: int) -> None:
    """x**k at 0, all derivatives: k! at order k and 0 else, never NaN."""
    for exponent in (k, float(k), np.float64(k), np.array(k)):
        fun: Callable[[Any], Any] = lambda x, e=exponent: x**e
        for order in range(1, 7):
            fun = grad(fun)
            assert fun(0.0) == (math.factorial(k) if order == k else 0.0)


def test_the_sixth_derivative_of_a_reciprocal_in_float32() -> None:
    """d^6/dx^6 1/x = 720 / x^7 keeps float32's digits."""
    fun: Callable[[Any], Any] = lambda x: 1 / x
    for _ in range(6):
        fun = grad(fun)
    result = fun(np.float32(3.0))
    assert result.dtype == np.float32
    assert_close(result, 720 / 3.0**7, 1e-6)


def test_where_hides_a_nan_at_every_order() -> None:
    """log(0) and 0/0 behind a where: zeros, not NaN, for the gradient and the Hessian."""
    x = np.array([0.0, 2.0])

    def entropy(x: Any) -> Any:
        safe = np.where(x > 0, x, 1.0)
        return np.sum(np.where(x > 0, x * np.log(safe), 0.0))

    assert_close(grad(entropy)(x), [0.0, 1 + np.log(2.0)], 1e-15)
    assert_close(hessian(entropy)(x), np.diag([0.0, 0.5]), 1e-15)


def test_backward_twice_does_not_accumulate() -> None:
    """Calling a gradient twice gives the same twice (there is no state)."""
    g = grad(lambda x: np.sum(x**2))
    assert np.array_equal(g(X), g(X))
    _, pullback = vjp(lambda x: x * x, X)
    assert np.array_equal(pullback(np.ones(3))[0], pullback(np.ones(3))[0])


def test_third_derivatives_of_normalised_rows() -> None:
    """Third order through mean and standard deviation (batch normalisation, wrong elsewhere)."""

    def norm(x: Any) -> Any:
        return np.sum(np.sin((x - np.mean(x)) / np.std(x)) * np.arange(3.0))

    v = np.array([0.3, -0.5, 1.0])
    third = grad(lambda x: grad(lambda x: grad(norm)(x) @ v)(x) @ v)(X)
    expected = richardson(lambda t: grad(lambda x: grad(norm)(x) @ v)(X + t * v))
    assert_close(third, expected, 1e-8)
    assert_close(jvp(lambda x: jvp(grad(norm), (x,), (v,))[1], (X,), (v,))[1], third, 1e-12)


def test_generators_and_sorting_inside() -> None:
    """Python's own control flow, generators, zip, enumerate, sorted and sum over traced rows."""

    def fun(m: Any) -> Any:
        rows = sorted(m, key=lambda row: value(row[0]))
        return sum(k * (row @ other) for k, (row, other) in enumerate(zip(rows, m), start=1))

    gradient = grad(fun)(A)
    expected = np.zeros_like(A)
    order = np.argsort(A[:, 0])
    for k, (i, j) in enumerate(zip(order, range(2)), start=1):
        expected[i] += k * A[j]
        expected[j] += k * A[i]
    assert_close(gradient, expected, 1e-15)


def test_constants_named_by_the_user_stay_constants() -> None:
    """`value` stops derivatives at its own level and all outer ones."""
    assert grad(lambda x: grad(lambda y: value(y) * y * x)(2.0))(3.0) == 2.0
    assert grad(lambda x: grad(lambda y: value(x) * y * y)(2.0))(3.0) == 0.0
