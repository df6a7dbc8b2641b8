"""Differences, Richardson extrapolation and the complex step, against closed forms, the tape and other packages."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close

from minigrad import check, complex_step, finite_difference, grad, hessian, jacobian, richardson

x = np.array([0.5, -1.0, 2.0])
M = np.random.default_rng(0).standard_normal((4, 3))
TREE = {"a": np.array([0.3, 1.2]), "b": (np.float64(0.7), None), "name": "first"}


def of_tree(p):
    return np.sum(np.exp(p["a"])) * p["b"][0] ** 3


def layer(x):
    return np.tanh(M @ x)


def two_outputs(x):
    return {"u": np.sin(x), "v": np.sum(x**2)}


METHODS = {
    "forward": (lambda f, **o: finite_difference(f, order=1, **o), 3e-7),
    "central": (finite_difference, 3e-9),
    "order 4": (lambda f, **o: finite_difference(f, order=4, **o), 3e-11),
    "order 6": (lambda f, **o: finite_difference(f, order=6, **o), 3e-12),
    "richardson": (richardson, 3e-12),
    "complex_step": (complex_step, 1e-15),
}


@pytest.mark.parametrize("method", METHODS)
def test_gradients_and_jacobians(method):
    derivative, tolerance = METHODS[method]
    assert_close(derivative(lambda x: np.sum(np.sin(x)))(x), np.cos(x), tolerance)
    assert_close(derivative(layer)(x), jacobian(layer)(x), tolerance)
    tree = derivative(of_tree)(TREE)
    expected = grad(of_tree)(TREE)
    assert_close(tree["a"], expected["a"], tolerance)
    assert_close(tree["b"][0], expected["b"][0], tolerance)
    assert tree["b"][1] is None
    assert tree["name"] == "first"
    outs = derivative(two_outputs)(x)
    assert_close(outs["u"], np.diag(np.cos(x)), tolerance)
    assert_close(outs["v"], 2 * x, tolerance)


@pytest.mark.parametrize(("method", "tolerance"), [(finite_difference, 1e-6), (richardson, 1e-9), (complex_step, 1e-9)])
def test_hessians(method, tolerance):
    def f(x):
        return np.exp(x[0]) * np.sin(x[1]) + x[2] ** 3 * x[0]

    assert_close(method(f, kind="hessian")(x), hessian(f)(x), tolerance)
    blocks, expected = method(of_tree, kind="hessian")(TREE), hessian(of_tree)(TREE)
    assert_close(blocks["a"]["b"][0], expected["a"]["b"][0], tolerance)
    assert_close(blocks["b"][0]["b"][0], expected["b"][0]["b"][0], tolerance)
    assert method(layer, kind="hessian")(x).shape == (4, 3, 3)
    assert_close(method(layer, kind="hessian")(x), jacobian(jacobian(layer))(x), tolerance)


def test_arguments_are_chosen_as_for_grad():
    def f(x, y, scale=1.0):
        return scale * np.sum(x * y**2)

    for method in (finite_difference, richardson, complex_step):
        assert_close(method(f, 1)(x, x, scale=2.0), 4 * x * x, 1e-8)
        both = method(f, (0, 1))(x, x)
        assert_close(both[0], x**2, 1e-8)
        assert_close(both[1], 2 * x * x, 1e-8)
    assert finite_difference(f).__name__ == "finite_difference_jacobian_f"


def test_complex_arguments_follow_the_convention_of_the_tape():
    z = np.array([1.0 + 2.0j, -0.5 + 0.3j])

    def u(z):
        return np.sum(np.abs(z) ** 2) + np.real(np.sum(z**3))

    for method in (finite_difference, richardson):
        assert_close(method(u)(z), grad(u)(z), 1e-8)
        assert_close(method(np.sin)(z), np.diag(np.cos(z)), 1e-8)  # holomorphic
        with pytest.raises(TypeError, match="real arguments"):
            method(u, kind="hessian")(z)


def test_float32_is_differenced_at_double_precision():
    assert_close(finite_difference(lambda x: np.sum(np.sin(x)))(x.astype(np.float32)), np.cos(x), 1e-7)


def test_the_estimated_error_is_a_bound():
    for f, exact in (
        (np.exp, np.exp),
        (np.sin, np.cos),
        (lambda t: 1 / (1 + t**2), lambda t: -2 * t / (1 + t**2) ** 2),
    ):
        for point in (0.3, 1.0, 4.0):
            value, error = richardson(f, with_error=True)(point)
            assert abs(value - exact(point)) <= 3 * error + 1e-14
    value, error = richardson(of_tree, with_error=True)(TREE)
    assert error["a"].shape == value["a"].shape == (2,)
    second, error = richardson(lambda x: np.sum(x**4), kind="hessian", with_error=True)(x)
    assert_close(second, np.diag(12 * x**2), 1e-9)
    assert np.all(np.abs(second - np.diag(12 * x**2)) <= 10 * error + 1e-9)


def test_the_error_falls_by_the_power_of_the_order():
    for order in (1, 2, 4, 6):
        errors = [abs(finite_difference(np.exp, order=order, step=2.0**-k)(1.0) - np.e) for k in (3, 5)]
        assert 0.8 * order < np.log2(errors[0] / errors[1]) / 2 < 1.2 * order + 0.2


def test_the_step_fits_the_scale():
    for scale in (1e-9, 1e-3, 1.0, 1e6):
        y = scale * x
        assert_close(finite_difference(lambda y, s=scale: np.sum(np.sin(y / s)))(y) * scale, np.cos(x), 3e-9)
        assert_close(richardson(lambda y, s=scale: np.sum(np.sin(y / s)))(y) * scale, np.cos(x), 3e-12)
    assert_close(finite_difference(np.sin)(0.0), 1.0, 1e-9)
    # An entry beside much larger ones moves by their size, not by its own.
    assert_close(finite_difference(lambda y: np.sum(y**2))(np.array([1e-12, 1.0])), np.array([2e-12, 2.0]), 1e-9)


@pytest.mark.parametrize("tiny", [5e-324, 1e-300, 1e-280])
def test_entries_next_to_nothing(tiny):
    for method in (finite_difference, richardson, complex_step):
        assert_close(method(lambda x: np.sum(np.sin(x)))(np.array([tiny, -tiny])), np.ones(2), 1e-8)
    assert check(lambda x: np.sum(np.sin(x)), np.cos, np.array([tiny])).verdict == "OK"
    if tiny > 1e-308:
        point = np.array([tiny, 1.0])
        assert check(lambda x: np.sum(np.log(x)), lambda x: 1 / x, point).verdict == "OK"
        assert_close(complex_step(lambda x: np.sum(np.log(x[:1])))(point[:1]) * tiny, np.ones(1), 1e-10)


def test_bad_input():
    with pytest.raises(ValueError, match="kind is 'jacobian' or 'hessian'"):
        finite_difference(np.sin, kind="slope")
    with pytest.raises(ValueError, match="leave kind out"):
        richardson(np.sin, kind="gradient")
    with pytest.raises(ValueError, match="order is 1, 2, 4 or 6"):
        finite_difference(np.sin, order=3)
    with pytest.raises(ValueError, match="at least two levels"):
        richardson(np.sin, levels=1)
    with pytest.raises(TypeError, match="integers have no derivative"):
        finite_difference(np.sin)(3)
    with pytest.raises(TypeError, match="the argument is complex"):
        complex_step(np.sin)(1j)
    with pytest.raises(TypeError, match="dropped the imaginary part"):
        complex_step(np.abs)(1.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=5), st.floats(0.1, 3))
def test_all_three_agree(entries, rate):
    point = np.array(entries)

    def f(x):
        return np.sum(np.sin(rate * x) * np.exp(-x)) + np.prod(x)

    exact = complex_step(f)(point)
    assert_close(richardson(f)(point), exact, 1e-9)
    assert_close(finite_difference(f, order=4)(point), exact, 1e-8)
    assert_close(grad(f)(point), exact, 1e-13)


def test_against_scipy():
    differentiate = pytest.importorskip("scipy.differentiate", reason="SciPy 1.15 has it")
    reference = differentiate.jacobian(lambda x: np.tanh(np.tensordot(M, x, 1)), x)
    assert_close(richardson(layer)(x), reference.df, 1e-10)
    second = differentiate.hessian(lambda x: np.sum(x**3, axis=0) * x[0], x)
    assert_close(richardson(lambda x: np.sum(x**3) * x[0], kind="hessian")(x), second.ddf, 1e-7)
    assert_close(
        finite_difference(lambda x: np.sum(np.sin(x)))(x),
        scipy.optimize.approx_fprime(x, lambda x: np.sum(np.sin(x))), 1e-6,
    )  # fmt: skip


def test_against_numdifftools():
    numdifftools = pytest.importorskip("numdifftools")

    def f(x):
        return np.sum(np.sin(x)) * x[0]

    assert_close(richardson(f)(x), numdifftools.Gradient(f)(x), 1e-10)
    assert_close(richardson(layer)(x), numdifftools.Jacobian(layer)(x), 1e-10)
    assert_close(richardson(f, kind="hessian")(x), numdifftools.Hessian(f)(x), 1e-7)


@pytest.mark.parametrize("derivative", [finite_difference, richardson, complex_step])
def test_bad_input_is_refused_by_name(derivative: Any) -> None:
    """Integers, and steps that are none: the message names the function that was called."""
    name = derivative.__name__
    with pytest.raises(TypeError, match=f"^{name}: argument 0 is 3: integers"):
        derivative(np.sin)(3)
    for step in (0.0, -0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"^{name}: step="):
            derivative(np.sin, step=step)
    if derivative is not complex_step:
        with pytest.raises(ValueError, match=f"^{name}: a step of .* does not change an entry 1.0"):
            derivative(np.sin, step=1e-30)(1.0)


ORDERS = {"1": (1, 1e-4), "2": (2, 1e-5), "4": (4, 1e-5), "6": (6, 1e-5)}


@pytest.mark.parametrize(("order", "tolerance"), ORDERS.values(), ids=ORDERS)
def test_entries_of_one_leaf_may_have_unlike_scales(order: int, tolerance: float) -> None:
    """A small entry beside a large one is a number of its own, or a residue of it: the function tells which."""
    f = lambda p: p[0] + np.sin(p[1])
    for small in (1e-3, 0.0, 1.0, 30.0):
        point = np.array([1e6, small])
        assert_close(finite_difference(f, order=order)(point), np.array([1.0, np.cos(small)]), tolerance)
    residue = np.array([1e-12, 1.0])
    assert_close(finite_difference(lambda y: np.sum(y**2), order=order)(residue), 2 * residue, 1e-7)
    both = finite_difference(lambda p: np.array([np.sin(p[1]), p[0] * p[1] + 1.0]), order=order)(np.array([1e6, 1e-3]))
    assert np.all(np.abs(both - np.array([[0.0, np.cos(1e-3)], [1e-3, 1e6]])) <= np.array([[1e-8, 1e-4], [1e-8, 1.0]]))


def test_an_error_that_is_estimated_is_true_where_scales_are_unlike() -> None:
    """A table of steps that are too long for the function is steady, and contradicted by shorter steps."""
    cases = [
        (lambda p: p[0] + np.sin(p[1]), np.array([1e6, 1e-3]), np.array([1.0, np.cos(1e-3)])),
        (lambda p: p[0] + np.sin(p[1]), np.array([1e6, 0.0]), np.array([1.0, 1.0])),
        (lambda p: np.sum(np.sin(1e6 * p)), np.array([1.0]), 1e6 * np.cos(np.array([1e6]))),
        (lambda p: np.sum(np.log(p)), np.array([1e6, 1e-3]), np.array([1e-6, 1e3])),
        (lambda p: np.log(np.abs(p[1])) + p[0], np.array([1e6, 1.0]), np.array([1.0, 1.0])),
        (lambda p: np.exp(p[0]), np.array([709.0]), np.exp(np.array([709.0]))),
        (lambda p: 1e-310 * p[0], np.array([1.0]), np.array([1e-310])),
        (lambda p: np.exp(p[0]), np.array([-740.0]), np.exp(np.array([-740.0]))),
    ]  # fmt: skip
    for f, point, exact in cases:
        value, error = richardson(f, with_error=True)(point)
        assert np.all(np.abs(value - exact) <= 10 * error + 1e-13 * np.abs(exact)), (point, value, error)
        assert np.all(error <= 1e-5 * np.abs(exact) + 1e-318), (point, value, error)
    f = lambda p: p[0] ** 2 / 1e12 + np.sin(p[1])
    second, error = richardson(f, kind="hessian", with_error=True)(np.array([1e6, 1e-3]))
    assert np.all(np.abs(second - np.diag([2e-12, -np.sin(1e-3)])) <= 10 * error)
    kinked = lambda x: np.abs(x - 1.001)  # a kink within the steps
    value, error = richardson(kinked, with_error=True)(1.0)
    assert abs(value + 1) <= 10 * error + 1e-12
    noisy, draw = np.random.default_rng(0), 1e-6
    value, error = richardson(lambda x: np.sin(x) + draw * noisy.standard_normal(), with_error=True)(1.0)
    assert abs(value - np.cos(1.0)) <= 10 * error


SHAPES = {
    "sin": (np.sin, np.cos),
    "tanh": (np.tanh, lambda t: 1 / np.cosh(t) ** 2),
    "1 / (1 + t^2)": (lambda t: 1 / (1 + t * t), lambda t: -2 * t / (1 + t * t) ** 2),
    "t^3": (lambda t: t**3, lambda t: 3 * t * t),
    "arctan": (np.arctan, lambda t: 1 / (1 + t * t)),
    "log": (lambda t: np.log(np.abs(t)), lambda t: 1 / t),
}
TERM = st.tuples(
    st.sampled_from(sorted(SHAPES)), st.floats(-4, 4), st.floats(-2, 1), st.floats(-3, 3), st.sampled_from([-1.0, 1.0])
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=3), st.sampled_from([0.0, 1.0, -1e4]))
def test_estimated_errors_hold_at_random_scales(terms: Any, offset: float) -> None:
    """|found - exact| <= 10 estimates, and what rounding of f and x hides at the scale of the function."""
    point = np.array([sign * 10.0**size for _, size, _, _, sign in terms])
    scales = np.abs(point) * np.array([10.0**ratio for _, _, ratio, _, _ in terms])
    weights = np.array([10.0**weight for _, _, _, weight, _ in terms])
    names = [name for name, *_ in terms]

    def f(p: Any) -> Any:
        return offset + sum(w * SHAPES[n][0](t / s) for n, w, t, s in zip(names, weights, p, scales))

    exact = np.array([w / s * SHAPES[n][1](t / s) for n, w, t, s in zip(names, weights, point, scales)])
    value, error = richardson(f, with_error=True)(point)
    sizes = [abs(w * SHAPES[n][0](t / s)) for n, w, t, s in zip(names, weights, point, scales)]
    hidden = 2.0**-50 * (abs(offset) + sum(sizes) + np.sum(np.abs(point * exact)))
    rounding = hidden / np.minimum(scales, np.abs(point))
    assert np.all(np.abs(value - exact) <= 10 * error + rounding), (value, exact, error)


LAYOUTS = {
    "Fortran": np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3)),
    "transposed": np.arange(1.0, 7.0).reshape(3, 2).T,
    "strided": np.arange(1.0, 13.0).reshape(2, 6)[:, ::2],
    "reversed": np.arange(1.0, 7.0).reshape(2, 3)[::-1, ::-1],
    "broadcast": np.broadcast_to(np.arange(1.0, 4.0), (2, 3)),
    "broadcast number": np.broadcast_to(2.0, (2, 3)),
    "three axes": np.arange(1.0, 25.0).reshape(2, 3, 4).transpose(1, 2, 0),
    "read-only": np.frombuffer(np.arange(1.0, 7.0).tobytes()).reshape(2, 3),
}


@pytest.mark.parametrize("x", LAYOUTS.values(), ids=LAYOUTS)
def test_any_layout_of_memory(x: Any) -> None:
    """Entries are counted alike whatever the strides, and the point of the caller stays as it is."""
    before = np.array(x)
    weights = np.arange(1.0, x.size + 1).reshape(x.shape)
    f = lambda x: np.sum(weights * x**2)
    for method in (finite_difference, richardson, complex_step):
        assert_close(method(f)(x), 2 * weights * x, 1e-7)
    assert_close(richardson(f, kind="hessian")(x).reshape(x.size, -1), np.diag(2 * weights.ravel()), 1e-7)
    assert check(f, lambda x: 2 * weights * x, x).verdict == "OK"
    assert check(f, lambda x: 2 * weights * x + (x == x[0]), x).verdict == "WRONG"
    assert np.array_equal(x, before)


def test_derivatives_at_the_ends_of_the_range() -> None:
    """Steps are shortened until nothing overflows."""
    for order in (1, 2, 4, 6):
        assert_close(finite_difference(np.exp, order=order)(709.7) / np.exp(709.7), np.ones(()), 1e-4)
    assert_close(
        complex_step(lambda p: p[0] + np.sin(p[1]))(np.array([1e35, 1e-3])), np.array([1.0, np.cos(1e-3)]), 1e-15
    )


NOT_ANALYTIC: list[Callable[[Any], Any]] = [
    lambda x: np.sum(x * np.abs(x)),
    lambda x: np.sum(np.real(x) * x),
    lambda x: np.sum(np.conj(x) * x),
    lambda x: np.linalg.norm(x) * x[0],
    lambda x: np.sum(np.hypot(x.real, 1.0) * x),
]


@pytest.mark.parametrize("f", NOT_ANALYTIC)
@pytest.mark.parametrize("kind", ["jacobian", "hessian"])
def test_a_complex_step_refuses_what_is_not_analytic(f: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=r"complex_step: the function is not analytic: .* use richardson"):
        complex_step(f, kind=kind)(np.array([1.0, 2.0]))


ANALYTIC: list[tuple[Callable[[Any], Any], Any]] = [
    (lambda x: np.sin(1e6 * x), 0.3), (np.sqrt, 1e-12), (np.log, 1e-300), (np.exp, -740.0), (np.exp, 700.0),
    (lambda x: np.sqrt(x - 1), 1 + 1e-13), (np.cos, 1e8), (lambda x: np.sin(1 / x), 1e-3),
    (lambda x: np.exp(-1 / x**2), 0.05), (lambda x: 1e-200 * x, 1.0), (lambda x: np.tanh(50 * x), 0.01),
    (lambda x: np.where(x.real > 0, x, x**2), 1e-9), (lambda p: p["a"] * np.sum(p["b"]), {"a": 1e5, "b": np.ones(2)}),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x"), ANALYTIC)
def test_a_complex_step_takes_what_differences_cannot_tell(f: Any, x: Any) -> None:
    complex_step(f)(x)


@pytest.mark.parametrize(
    "derivative", [finite_difference, richardson, complex_step, lambda f: lambda x: check(f, f, x)]
)
def test_a_function_is_given_arrays_as_they_lie_in_memory(derivative: Any) -> None:
    seen = set()

    def f(x: Any) -> Any:
        seen.add(x.flags.f_contiguous)
        return np.sum(x * x)

    derivative(f)(np.asfortranarray(np.ones((2, 3))))
    assert seen == {True}
