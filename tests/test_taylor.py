"""Taylor mode: against fifty digits, against nesting, composed with the other modes, and its errors."""

import importlib
import math
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close, richardson

import minigrad.numpy as mnp
import minigrad.rules.elementwise
from minigrad import elementwise_grad, grad, hessian, hvp, jvp
from minigrad.modes.taylor.derivatives import derivatives, jet
from minigrad.modes.taylor.push import compositions
from minigrad.numpy.dispatch import UFUNCS

GRID = np.linspace(-7, 7, 57)
POSITIVE = np.linspace(0.125, 7, 56)

FUNCTIONS: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any], Any]] = [
    ("tanh of the tour", lambda x: (1 - np.exp(-x)) / (1 + np.exp(-x)), lambda x: mpmath.tanh(x / 2), GRID),
    ("tanh", np.tanh, mpmath.tanh, GRID),
    ("arctan", np.arctan, mpmath.atan, GRID),
    ("exp(-x^2)", lambda x: np.exp(-(x**2)), lambda x: mpmath.exp(-x * x), GRID),
    ("1/(1+x^2)", lambda x: 1 / (1 + x**2), lambda x: 1 / (1 + x**2), GRID),
    ("log(1+e^x)", lambda x: np.log(1 + np.exp(x)), lambda x: mpmath.log(1 + mpmath.exp(x)), GRID),
    ("logaddexp(0, x)", lambda x: np.logaddexp(0.0, x), lambda x: mpmath.log(1 + mpmath.exp(x)), GRID),
    ("x^x", lambda x: x**x, lambda x: x**x, POSITIVE),
    ("x^2.5", lambda x: x**2.5, lambda x: x ** mpmath.mpf("2.5"), POSITIVE),
    ("sqrt", np.sqrt, mpmath.sqrt, POSITIVE),
    ("cbrt", np.cbrt, lambda x: mpmath.cbrt(x), POSITIVE),
    ("log", np.log, mpmath.log, POSITIVE),
    ("log1p", np.log1p, mpmath.log1p, POSITIVE),
    ("log2", np.log2, lambda x: mpmath.log(x, 2), POSITIVE),
    ("log10", np.log10, mpmath.log10, POSITIVE),
    ("exp", np.exp, mpmath.exp, GRID),
    ("exp2", np.exp2, lambda x: mpmath.mpf(2) ** x, GRID),
    ("expm1", np.expm1, mpmath.expm1, GRID),
    ("sin", np.sin, mpmath.sin, GRID),
    ("cos", np.cos, mpmath.cos, GRID),
    ("tan", np.tan, mpmath.tan, np.linspace(-1.2, 1.2, 25)),
    ("sinh", np.sinh, mpmath.sinh, GRID),
    ("cosh", np.cosh, mpmath.cosh, GRID),
    ("arcsin", np.arcsin, mpmath.asin, np.linspace(-0.9, 0.9, 19)),
    ("arccos", np.arccos, mpmath.acos, np.linspace(-0.9, 0.9, 19)),
    ("arcsinh", np.arcsinh, mpmath.asinh, GRID),
    ("arccosh", np.arccosh, mpmath.acosh, np.linspace(1.5, 7, 23)),
    ("arctanh", np.arctanh, mpmath.atanh, np.linspace(-0.9, 0.9, 19)),
    ("reciprocal", np.reciprocal, lambda x: 1 / x, POSITIVE),
    ("x^7", lambda x: x**7, lambda x: x**7, GRID),
    ("3 - x/2", lambda x: 3 - x / 2, lambda x: 3 - x / 2, GRID),
]  # fmt: skip


@pytest.mark.parametrize(("fun", "exact", "x"), [f[1:] for f in FUNCTIONS], ids=[f[0] for f in FUNCTIONS])
def test_orders_1_to_12_against_fifty_digits(fun: Any, exact: Any, x: Any) -> None:
    """The error is at most 1e-13 of the largest value of each derivative."""
    found = derivatives(fun, x, 12)
    assert found.shape == (13, *x.shape)
    with mpmath.workdps(50):
        rows = [mpmath.taylor(exact, mpmath.mpf(v), 12) for v in x]
    expected = np.array([[float(c * math.factorial(k)) for k, c in enumerate(row)] for row in rows]).T
    for k in range(13):
        assert_close(found[k], expected[k], 1e-13)


def test_powers_at_zero() -> None:
    """Whole powers hold at 0; a broken one has the derivatives 0 up to its exponent, and none from there on."""
    assert derivatives(lambda x: x**3, 0.0, 5).tolist() == [0.0, 0.0, 0.0, 6.0, 0.0, 0.0]
    assert derivatives(lambda x: x**2.5, 0.0, 2).tolist() == [0.0, 0.0, 0.0]
    with pytest.warns(RuntimeWarning, match=r"power \(result of shape \(\)\): the derivative is infinite"):
        assert derivatives(lambda x: x**2.5, 0.0, 3).tolist() == [0.0, 0.0, 0.0, np.inf]
    assert derivatives(lambda x: x ** np.array([0.0, 1.0, 2.0]), 0.0, 2).T.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 2]]


PIECES: list[Callable[[Any], Any]] = [
    lambda x: mnp.exp(mnp.sin(x) * 0.5), lambda x: mnp.log(2.0 + mnp.cos(x)), lambda x: mnp.tanh(x) / (1.5 + x * x),
    lambda x: mnp.sqrt(1.0 + x * x), lambda x: mnp.arctan(x - 0.3), lambda x: x**3 - 2.0 * x,
    lambda x: mnp.where(x > 0.1, x, x * x),
    lambda x: mnp.logaddexp(x, 0.5), lambda x: mnp.maximum(x, 0.2) * x, lambda x: mnp.sinc(x), lambda x: mnp.abs(x) + x,
    lambda x: mnp.hypot(x, 1.0), lambda x: mnp.arctan2(x, 2.0), lambda x: (2.0 + mnp.sin(x)) ** x, lambda x: 1.3**x,
]  # fmt: skip


BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - 0.5 * b, lambda a, b: a / (1.5 + b * b),
    lambda a, b: mnp.arctan2(a, 2.0 + b * b), lambda a, b: mnp.logaddexp(a, b), lambda a, b: (1.5 + mnp.sin(a)) ** b,
    lambda a, b: mnp.hypot(a, 1.0 + b * b),
]  # fmt: skip

#: A program of two variables: in each step a piece of one of them, and a combination of both.
PROGRAMS = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(BINARY), st.booleans()), min_size=1, max_size=3)


def run(program: Any, a: Any, b: Any) -> Any:
    for piece, binary, swap in program:
        a, b = piece(a if swap else b), binary(a, b)
    return a * b + a


def nested_reverse(fun: Any, order: int) -> Any:
    """The derivative by nothing but nested reverse mode."""
    for _ in range(order):
        fun = grad(fun)
    return fun


@settings(max_examples=25)
@given(program=PROGRAMS, seed=st.integers(0, 99))
def test_taylor_equals_nesting_to_order_6(program: Any, seed: int) -> None:
    """Random elementwise programs: one Taylor pass, collapsed elementwise_grad, and nested reverse mode."""
    x, c = np.random.default_rng(seed).uniform(-0.8, 0.8, 2)
    fun = lambda x: run(program, x, c * x + 0.1)
    found = derivatives(fun, x, 6)
    for k in range(1, 7):
        expected = nested_reverse(fun, k)(x)
        scale = max(1.0, abs(expected), abs(found[k - 1]))
        assert abs(found[k] - expected) <= 1e-9 * scale, k
        collapsed = nested_elementwise(fun, k)
        assert k == 1 or collapsed.how(x) == "taylor"
        assert abs(collapsed(x) - found[k]) <= 1e-13 * scale


def test_functions_that_are_not_elementwise() -> None:
    """Reductions, products of matrices, indexing, sorting: along the direction of ones."""
    M = np.array([[1.0, 2.0], [3.0, 4.0]])

    def fun(x: Any) -> Any:
        y = M @ mnp.sin(x) * x[0]
        return mnp.prod(y) + mnp.max(y) + mnp.logsumexp(y) + mnp.einsum("i,ij,j->", y, M, y)

    x = np.array([0.3, 0.8])
    found: Any = derivatives(fun, x, 3)
    nested: Any = lambda t: fun(x + t)
    for k in range(4):
        assert_close(found[k], nested(0.0), 1e-11)
        nested = grad(nested)


def test_it_composes_with_the_other_modes() -> None:
    """The gradient of a Taylor coefficient, a Taylor series of a gradient, and one within the other."""
    assert_close(grad(lambda x: derivatives(np.sin, x, 3)[3])(0.7), np.sin(0.7), 1e-14)
    assert_close(derivatives(grad(np.sin), 0.7, 3), [np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7)], 1e-14)
    inner = derivatives(lambda a: derivatives(lambda x: np.exp(a * x), 0.0, 2)[2] * a, 1.0, 3)
    assert_close(inner, [1.0, 3.0, 6.0, 6.0], 1e-13)
    tangent = jvp(lambda a: derivatives(lambda x: np.exp(a * x), 0.5, 2)[2], (2.0,), (1.0,))[1]
    assert_close(tangent, np.exp(1.0) * (2 * 2.0 + 4.0 * 0.5), 1e-13)
    power = grad(lambda p: derivatives(lambda x: x**p, 1.5, 2)[2])(2.5)
    assert_close(power, 1.5**0.5 * (2 * 2.5 - 1 + 2.5 * 1.5 * np.log(1.5)), 1e-13)


def test_it_composes_in_every_order_with_every_mode() -> None:
    """A mixed derivative of exp(a x) in a and x, by all pairs of modes, and the mode inside of which both are."""

    def fun(a: Any, x: Any) -> Any:
        return np.exp(a * x) / (1.0 + a * a)

    def second_in_x(a: Any, x: Any) -> Any:
        return derivatives(lambda x: fun(a, x), x, 2)[2]

    a, x = 0.7, 0.4
    h = 1e-3
    expected = derivatives(lambda t: second_in_x(t, x), a, 1)[1]
    exact = np.exp(a * x) * ((2 * a + a * a * x) / (1 + a * a) - 2 * a**3 / (1 + a * a) ** 2)
    assert_close(expected, exact, 1e-14)
    assert_close(grad(second_in_x)(a, x), exact, 1e-14)
    assert_close(jvp(lambda t: second_in_x(t, x), (a,), (1.0,))[1], exact, 1e-14)
    assert_close(derivatives(lambda x: grad(fun)(a, x), x, 2)[2], exact, 1e-13)
    assert_close(derivatives(lambda x: jvp(lambda t: fun(t, x), (a,), (1.0,))[1], x, 2)[2], exact, 1e-13)
    assert_close(
        hessian(second_in_x)(a, x), (grad(second_in_x)(a + h, x) - grad(second_in_x)(a - h, x)) / (2 * h), 1e-4
    )
    v = np.array([0.5, -1.0])
    product = hvp(lambda p: second_in_x(p[0], p[1]), np.array([a, x]), v)
    assert_close(product, hessian(lambda p: second_in_x(p[0], p[1]))(np.array([a, x])) @ v, 1e-13)
    curvature = lambda x: hvp(lambda p: fun(p[0], p[1]) * p[1], mnp.array([a, x]), v)
    assert_close(derivatives(curvature, x, 1)[1], richardson(lambda t: curvature(x + t)), 1e-8)
    line = lambda t: grad(lambda p: fun(p[0], p[1]))(np.array([a, x]) + t * v)
    assert_close(derivatives(line, 0.0, 1)[1], hvp(lambda p: fun(p[0], p[1]), np.array([a, x]), v), 1e-14)


def test_a_gradient_of_coefficients_of_matrices() -> None:
    """Solutions, inverses and factors have recurrences of their own, which are differentiated too."""
    A, B = np.array([[3.0, 1.0], [0.5, 2.0]]), np.array([[0.2, -0.1], [0.4, 0.3]])

    def along(s: Any, function: Any) -> Any:
        return derivatives(lambda t: np.sum(function(A + t * s * B)), 0.1, 4)[4]

    for function in (np.linalg.inv, lambda m: np.linalg.solve(m, B), lambda m: np.linalg.cholesky(m @ m.T)):
        slope = grad(along)(1.3, function)
        assert_close(slope, richardson(lambda t, function=function: along(1.3 + t, function)), 1e-7)


def test_quotients_near_a_common_zero_within_other_modes() -> None:
    """The gradient of a derivative of sin(x)/x is the next one, also where only the downward recurrence is exact."""
    x = 0.02
    exact = derivatives(lambda x: np.sin(x) / x, x, 6)
    assert_close(exact[6], -1 / 7 + x * x / 18, 1e-6)
    for k in range(1, 5):
        assert_close(grad(lambda x, k=k: derivatives(lambda t: np.sin(t) / t, x, k)[k])(x), exact[k + 1], 1e-9)


def test_jet_of_several_arguments_and_results() -> None:
    """Derivatives of curves, in the structure of the result; a result that does not move has the derivatives 0."""
    value, series = jet(
        lambda x, y: {"product": x * y, "x": x, "none": np.ones(2)},
        (np.array([1.0, 2.0]), 3.0),
        ([np.array([1.0, 0.5]), 2.0], [1.0, 0.0]),
    )
    assert value["product"].tolist() == [3.0, 6.0]
    assert series["product"][0].tolist() == [4.0, 3.5]
    assert series["product"][1].tolist() == [8.0, 7.0]
    assert series["x"][1].tolist() == [2.0, 2.0]
    assert [d.tolist() for d in series["none"]] == [[0.0, 0.0], [0.0, 0.0]]


def test_against_the_jet_of_jax() -> None:
    jax = pytest.importorskip("jax")
    from jax.experimental import jet as jax_jet

    with jax.experimental.enable_x64() if hasattr(jax.experimental, "enable_x64") else jax.enable_x64(True):
        for name in ("sin", "exp", "tanh", "log", "sqrt", "cos"):
            series = ([0.7, -0.2, 0.4],)
            value, theirs = jax_jet.jet(getattr(jax.numpy, name), (1.3,), ([*map(jax.numpy.float64, series[0])],))
            ours = jet(getattr(numpy, name), (1.3,), series)
            assert_close(ours[0], value, 1e-14)
            assert_close(np.array(ours[1]), np.array(theirs), 1e-12)


def test_complex_arguments_and_float32() -> None:
    """Analytic functions at complex points; float32 stays."""
    z = 0.4 + 0.3j
    assert_close(derivatives(np.tanh, z, 1)[1], 1 - np.tanh(z) ** 2, 1e-14)
    assert_close(derivatives(np.log, z, 3)[3], 2 / z**3, 1e-14)
    narrow = derivatives(lambda x: np.exp(np.sin(x)) / (1 + x * x), np.float32([0.5, 1.0]), 3)
    assert narrow.dtype == np.float32
    assert_close(narrow, derivatives(lambda x: np.exp(np.sin(x)) / (1 + x * x), np.array([0.5, 1.0]), 3), 1e-5)


def test_shapes_and_constants() -> None:
    assert derivatives(lambda x: np.sum(x), np.ones((2, 3)), 2).tolist() == [6.0, 6.0, 0.0]
    assert derivatives(lambda x: 3.0 * np.ones(2), 1.0, 2).tolist() == [[3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]
    assert derivatives(np.sin, np.zeros((0, 2)), 3).shape == (4, 0, 2)
    assert compositions(3, [1, 5]) == [(0, 3), (1, 2)]


@pytest.mark.parametrize("order", [-1, 1.5, "2"])
def test_a_bad_order_is_refused(order: Any) -> None:
    with pytest.raises(ValueError, match="whole number of at least 0"):
        derivatives(np.sin, 1.0, order)


def test_orders_up_to_170() -> None:
    assert derivatives(np.exp, 0.0, 170)[170] == pytest.approx(1.0, rel=1e-13)
    assert derivatives(np.exp, np.zeros(3), 170)[170] == pytest.approx(1.0, rel=1e-13)
    for call in (lambda: derivatives(np.exp, 0.0, 171), lambda: jet(np.exp, (0.0,), ([0.0] * 171,))):
        with pytest.raises(ValueError, match="order 171 is too high"):
            call()


def test_other_errors() -> None:
    with pytest.raises(ValueError, match="1 primals and 2 series"):
        jet(np.sin, (1.0,), ([1.0], [1.0]))
    with pytest.raises(TypeError, match="one array or number"):
        derivatives(lambda x: x, [1.0, 2.0], 2)
    with pytest.raises(TypeError, match="must return"):
        derivatives(lambda x: "text", 1.0, 2)
    with pytest.raises(TypeError, match="2; use jet"):
        derivatives(lambda x: (x, x), 1.0, 2)
    with pytest.warns(RuntimeWarning, match=r"sqrt \(result of shape"):
        derivatives(lambda x: np.sqrt(np.log(x)), 1.0, 2)


def test_the_cost_grows_with_the_square_of_the_order() -> None:
    """Counted in array operations, not in seconds: orders 10 and 20 of a product differ by a factor of 4 at most."""
    counts = {}
    for order in (10, 20):
        calls = [0]

        class Counting(np.ndarray):
            """An array that counts the ufuncs it takes part in."""

            def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, calls: Any = calls, **options: Any) -> Any:
                calls[0] += 1
                plain = [np.asarray(a) if isinstance(a, Counting) else a for a in args]
                options = {k: v for k, v in options.items() if k != "out"}
                return np.asarray(getattr(ufunc, method)(*plain, **options)).view(Counting)

        from minigrad.rules.series import exponential

        exponential(np.ones(3).view(Counting), [np.ones(3).view(Counting)] * (order + 1), order)
        counts[order] = calls[0]
    assert 0 < counts[20] <= 4 * counts[10]


# ----- mixed derivatives ----------------------------------------------------------------------------------------------

MIXED: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
    (
        "exp(2x) sin(3y)",
        lambda x, y: np.exp(2 * x) * np.sin(3 * y),
        lambda x, y: mpmath.exp(2 * x) * mpmath.sin(3 * y),
    ),
    ("1/(1 + x^2 + x y)", lambda x, y: 1 / (2 + x**2 + x * y), lambda x, y: 1 / (2 + x**2 + x * y)),
    ("arctan2", np.arctan2, mpmath.atan2),
    ("x^y", lambda x, y: x**y, lambda x, y: x**y),
    ("log(x + e^y)", lambda x, y: np.log(x + np.exp(y)), lambda x, y: mpmath.log(x + mpmath.exp(y))),
    ("polynomial", lambda x, y: x**3 * y**2 - 2 * x * y, lambda x, y: x**3 * y**2 - 2 * x * y),
]


@pytest.mark.parametrize(("fun", "exact"), [m[1:] for m in MIXED], ids=[m[0] for m in MIXED])
def test_mixed_derivatives_up_to_order_5_against_thirty_digits(fun: Any, exact: Any) -> None:
    """The error is at most 1e-12 of the largest derivative of the same total order."""
    x, y = 0.7, 0.4
    found = derivatives(fun, (x, y), 5)
    assert len(found) == 21
    with mpmath.workdps(30):
        expected = {i: float(mpmath.diff(exact, (mpmath.mpf(x), mpmath.mpf(y)), i)) if sum(i) else 0.0 for i in found}
    expected[0, 0] = fun(x, y)
    for index, value in found.items():
        scale = max(abs(v) for i, v in expected.items() if sum(i) == sum(index))
        assert abs(value - expected[index]) <= 1e-12 * scale, index


def test_forms_of_mixed_derivatives() -> None:
    """One multi-index gives an array, several a dict; arrays broadcast; three variables; an unused variable."""
    x, y = np.linspace(0.1, 1, 4), np.array([[0.5], [2.0]])
    fun = lambda x, y: np.exp(x) * y**3
    assert_close(derivatives(fun, (x, y), (2, 1)), np.exp(x) * 3 * y**2, 1e-13)
    several = derivatives(fun, (x, y), [(1, 0), (0, 3)])
    assert list(several) == [(1, 0), (0, 3)]
    assert_close(several[0, 3], np.exp(x) * 6 * np.ones_like(y), 1e-13)
    assert derivatives(fun, (x, y), (0, 4)).shape == (2, 4)
    assert not derivatives(lambda x, y: x * 1.0, (x, y), (0, 1)).any()
    cubic = lambda x, y, z: x * y * z**2 + z
    assert derivatives(cubic, (1.0, 2.0, 3.0), [(1, 1, 2), (0, 0, 0), (0, 0, 1)]) == {
        (1, 1, 2): pytest.approx(2.0, rel=1e-13), (0, 0, 0): 21.0, (0, 0, 1): 13.0,
    }  # fmt: skip
    narrow = derivatives(fun, (x.astype(np.float32), np.float32(2.0)), (1, 1))
    assert narrow.dtype == np.float32
    assert derivatives(np.sum, (x,), (1,)) == 4.0
    assert_close(
        derivatives(lambda z, w: np.exp(z * w), (0.3 + 0.2j, 1.5), (1, 1)), np.exp(0.45 + 0.3j) * (1.45 + 0.3j), 1e-13
    )


@pytest.mark.parametrize("order", [(1,), (1, -1), (1, 1, 1), [(1, 0), (2,)], -1, 1.5, "ab", (True, 1), [2, 1]])
def test_a_bad_multi_index_is_refused(order: Any) -> None:
    with pytest.raises(ValueError, match="is no order of 2 variables"):
        derivatives(lambda x, y: x * y, (1.0, 2.0), order)


@given(program=PROGRAMS, index=st.tuples(st.integers(0, 3), st.integers(0, 2)), seed=st.integers(0, 99))
def test_mixed_derivatives_are_symmetric(program: Any, index: tuple[int, int], seed: int) -> None:
    """Random programs of two variables: x first, y first, and along directions give the same."""
    x, y = np.random.default_rng(seed).uniform(-0.8, 0.8, 2)
    i, j = index

    def fun(x: Any, y: Any) -> Any:
        return run(program, x, y)

    x_first = derivatives(lambda y: derivatives(lambda x: fun(x, y), x, i)[i], y, j)[j]
    y_first = derivatives(lambda x: derivatives(lambda y: fun(x, y), y, j)[j], x, i)[i]
    by_directions = derivatives(fun, (x, y), [(i, j), (i + j, 0), (0, i + j)])
    scale = max(1.0, *map(abs, by_directions.values()))
    assert abs(x_first - y_first) <= 1e-10 * scale
    assert abs(by_directions[i, j] - x_first) <= 1e-9 * scale


# ----- nested elementwise_grad collapses ------------------------------------------------------------------------------


def nested_elementwise(fun: Any, order: int, argnum: int = 0) -> Any:
    for _ in range(order):
        fun = elementwise_grad(fun, argnum)
    return fun


@pytest.mark.parametrize("fun", [f[1] for f in FUNCTIONS[:8]], ids=[f[0] for f in FUNCTIONS[:8]])
def test_nested_elementwise_grad_is_one_taylor_pass(fun: Any) -> None:
    x = np.linspace(0.5, 2.0, 7)
    expected = derivatives(fun, x, 12)
    for order in (2, 3, 6, 12):
        derivative = nested_elementwise(fun, order)
        assert derivative.how(x) == "taylor"
        assert np.array_equal(derivative(x), expected[order])
        assert derivative(x[0]).shape == ()


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: np.sin(x) * x[0], lambda x: np.cumsum(x**3), lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ np.sin(x),
        lambda x: x**4 * np.ones((3, 1)), lambda x: np.sum(np.exp(x)),
        lambda x: mnp.concatenate([x**3, x]), lambda x: x[::-1] * np.exp(x),
    ],
)  # fmt: skip
def test_what_is_not_elementwise_is_nested(fun: Any) -> None:
    """A sum, an index, a product of matrices, a broadcast that grows the shape: the same numbers as by nesting grad."""
    x = np.array([0.4, 1.2])
    derivative = nested_elementwise(fun, 3)
    assert derivative.how(x) == "nested"
    plain: Any = fun
    for _ in range(3):
        plain = grad(lambda x, inner=plain: np.sum(inner(x)))
    assert_close(derivative(x), plain(x), 1e-13)


def test_collapse_of_other_arguments_and_within_other_modes() -> None:
    """The second argument, keyword constants; a gradient of a collapsed derivative; complex arguments are nested."""
    fun = lambda a, x, power=2: a * x**power
    derivative = nested_elementwise(fun, 2, argnum=1)
    assert derivative.how(3.0, np.ones(2), power=4) == "taylor"
    assert derivative(3.0, np.ones(2), power=4).tolist() == [36.0, 36.0]
    mixed = elementwise_grad(elementwise_grad(fun, 0), 1)
    assert mixed(3.0, 2.0) == 4.0
    slope = grad(lambda a: np.sum(derivative(a, np.array([1.0, 2.0]), power=3)))(2.0)
    assert slope == 6.0 + 12.0
    third = grad(nested_elementwise(np.sin, 2))
    assert_close(third(0.3), -np.cos(0.3), 1e-14)
    assert nested_elementwise(np.exp, 2).how(0.3 + 1j) == "nested"
    assert nested_elementwise(np.exp, 2).how(np.float32(0.5)) == "taylor"
    assert nested_elementwise(np.exp, 2)(np.float32(0.5)).dtype == np.float32


def test_results_of_a_collapse_are_fresh_arrays() -> None:
    x = np.array([1.0, 2.0])
    for order in (2, 3):
        ans = nested_elementwise(lambda x: x * x, order)(x)
        assert ans.flags.writeable
        assert not np.shares_memory(ans, x)
        assert ans.tolist() == ([2.0, 2.0] if order == 2 else [0.0, 0.0])


def test_a_high_order_by_nesting_is_told_its_cost() -> None:
    with pytest.warns(RuntimeWarning, match=r"minigrad\.derivatives"):
        nested_elementwise(lambda x: np.exp(x[::-1]), 8)(np.array([0.1, 0.2]))


# ----- arrays with a row per coefficient ------------------------------------------------------------------------------


def test_high_orders_with_broadcasting_equal_those_of_numbers() -> None:
    """From order 6 on the coefficients of arrays are rows of one array; those of numbers are lists."""
    c, x = np.array([[0.3], [-0.7]]), np.array([0.2, 0.5, 1.1])

    def fun(x: Any, c: Any) -> Any:
        y = mnp.sin(x) * c + mnp.sqrt(1.0 + x * x) / (2.0 - c * x)
        return mnp.tanh(mnp.log(3.0 + y) - x**3 * c) + mnp.arctan2(y, x) + mnp.maximum(x, c) * (2.0 + y) ** c

    for order in (5, 6, 9):
        table = derivatives(lambda x: fun(x, c), x, order)
        assert table.shape == (order + 1, 2, 3)
        for i in range(2):
            for j in range(3):
                one = derivatives(lambda x, i=i: fun(x, c[i, 0]), float(x[j]), order)
                assert np.all(np.abs(table[:, i, j] - one) <= 1e-12 * np.maximum.accumulate(np.abs(one)))
        narrow = derivatives(lambda x: fun(x, c.astype(np.float32)), x.astype(np.float32), order)
        assert narrow.dtype == np.float32
        assert np.all(np.abs(narrow[:4] - table[:4]) <= 1e-4 * np.max(np.abs(table[:4])))
    z = derivatives(lambda z: np.exp(z * z) / (1 + z), np.array([0.1 + 0.2j, 0.3 - 0.1j]), 8)
    assert_close(
        z[8], [derivatives(lambda z: np.exp(z * z) / (1 + z), v, 8)[8] for v in (0.1 + 0.2j, 0.3 - 0.1j)], 1e-12
    )


def test_coefficients_of_all_rules_equal_the_derived_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recurrence of an elementwise function of one argument against the series derived from its jvp, order 7."""
    points = {"arccosh": np.array([1.3, 2.2]), "logit": np.array([0.2, 0.6])}
    tested = 0
    for name, bind in {**vars(minigrad.rules.elementwise), **dict(by_name_of_special())}.items():
        primitive = getattr(bind, "primitive", None)
        if getattr(primitive, "taylor", None) is None or len(primitive.vjps) != 1 or name in ("positive", "real"):
            continue
        x = points.get(name, np.array([0.2, 0.7]))
        fun = lambda x, bind=bind: bind(x + 0.3 * x * x - 0.1)
        found = derivatives(fun, x, 7)
        with monkeypatch.context() as patch:
            patch.setattr(primitive, "taylor", None)
            expected = derivatives(fun, x, 7)
        assert np.all(np.abs(found - expected) <= 1e-8 * np.max(np.abs(expected), axis=1, keepdims=True)), name
        tested += 1
    assert tested >= 45


def by_name_of_special() -> list[tuple[str, Any]]:
    """The primitives of `scipy.special`, where it is installed."""
    special = pytest.importorskip("scipy.special")
    importlib.import_module("minigrad.scipy.special")
    return [(ufunc.__name__, bind) for ufunc, bind in UFUNCS.items() if hasattr(special, ufunc.__name__)]


@pytest.mark.parametrize(
    ("fun", "expected"),
    [
        (np.sqrt, [0.0, np.inf, -np.inf, np.inf]),
        (lambda x: x**1.5, [0.0, 0.0, np.inf, -np.inf]),
        (lambda x: np.sqrt(-x), [0.0, -np.inf, -np.inf, -np.inf]),
        (lambda x: 3.0 * (2.0 * x) ** 0.25, [0.0, np.inf, -np.inf, np.inf]),
        (lambda x: x**-0.5, [np.inf, -np.inf, np.inf, -np.inf]),
    ],
)
def test_infinite_derivatives_of_powers_have_their_sign(fun: Any, expected: list[float]) -> None:
    """The limit from the side on which the power is defined, as by nesting."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of infinite derivatives, which is the subject
        assert derivatives(fun, 0.0, 3).tolist() == expected
        assert derivatives(fun, np.zeros(2), 3).tolist() == [[e, e] for e in expected]
        assert elementwise_grad(elementwise_grad(fun))(0.0) == expected[2]


def test_whole_powers_of_zero_above_32() -> None:
    """x^40 has its 40th derivative at 0, 40!, and no other."""
    found = derivatives(lambda x: x**40, np.array([0.0, 1.0]), 41)
    assert not found[:40, 0].any()
    assert found[40].tolist() == pytest.approx([math.factorial(40)] * 2, rel=1e-13)
    assert found[41].tolist() == [0.0, 0.0]


def test_constants_have_derivatives_too() -> None:
    """A function that returns a plain number: its derivatives are zero, as those by jacobian."""
    assert derivatives(lambda x: 3.0, 1.0, 2).tolist() == [3.0, 0.0, 0.0]
    assert derivatives(lambda x: 3, np.ones(2), 1).tolist() == [3.0, 0.0]
    assert derivatives(lambda x, y: 3.0, (1.0, 2.0), (1, 1)) == 0.0
    values, series = jet(lambda x: {"a": x, "b": 3.0}, (1.0,), ([1.0, 0.0],))
    assert values == {"a": 1.0, "b": 3.0}
    assert series == {"a": [1.0, 0.0], "b": [0.0, 0.0]}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: derivatives(np.sin, [0.0, 1.0], 2), TypeError, r"np.array\(x\).*it is a list"),
        (lambda: derivatives(lambda x, y: x * y, [1.0, 2.0], (1, 1)), TypeError, "a tuple with one for each"),
        (lambda: derivatives(np.sin, None, 2), TypeError, "it is None"),
        (lambda: derivatives(lambda x: None, 1.0, 2), TypeError, "one array or number, not nothing"),
        (lambda: derivatives(lambda x: (x, x), 1.0, 2), TypeError, "not a tuple of 2; use jet"),
        (lambda: jet(np.sin, 0.5, [[1.0]]), TypeError, "jet: primals is a tuple"),
        (lambda: jet(np.sin, (0.5,), (1.0,)), TypeError, "jet: primals is a tuple"),
        (lambda: jet(np.sin, (np.ones(2),), ([np.ones(3)],)), ValueError, r"shape \(3,\) in series does not fit"),
    ],
)
def test_messages_of_natural_mistakes(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    """Lists for arrays, a number for a tuple of one, and functions that return nothing."""
    with pytest.raises(kind, match=message):
        call()
