"""Taylor mode: against fifty digits, against nesting, composed with the other modes, and its errors."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close, richardson
from univariate import FUNCTIONS, PROGRAMS, nested_elementwise, nested_reverse, run

import minigrad.numpy as mnp
from minigrad import grad, hessian, hvp, jvp
from minigrad.modes.taylor.derivatives import derivatives, jet
from minigrad.modes.taylor.push import compositions


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


@pytest.mark.parametrize(
    ("fun", "exact", "x"),
    [
        ("ellipk", mpmath.ellipk, 0.6),
        ("ellipe", mpmath.ellipe, 0.3),
        ("j0", lambda x: mpmath.besselj(0, x), 1.7),
        ("i1", lambda x: mpmath.besseli(1, x), 1.7),
        ("k1", None, 0.8),
        ("gamma", mpmath.gamma, 2.3),
        ("gammaln", mpmath.loggamma, 2.3),
        ("spence", lambda z: mpmath.polylog(2, 1 - z), 0.4),
    ],
)
def test_derived_series_ask_for_each_other_once(
    fun: str, exact: Any, x: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of rules that are recorded grows with the square of the order, not by a factor for each."""
    special = pytest.importorskip("scipy.special")
    push = importlib.import_module("minigrad.modes.taylor.push")
    calls, rule = [], push.velocity
    monkeypatch.setattr(push, "velocity", lambda *args: (calls.append(1), rule(*args))[1])
    f = getattr(special, fun)
    found = derivatives(f, x, 6)
    six = len(calls)
    found = derivatives(f, np.array([x]), 12)[:, 0]
    assert len(calls) - six <= 5 * max(six, 6)
    with mpmath.workdps(60):
        if exact is None:  # DLMF 10.29.5, since differences of this one take mpmath half a minute
            terms = lambda k: [mpmath.binomial(k, j) * mpmath.besselk(1 - k + 2 * j, x) for j in range(k + 1)]
            expected = [float(mpmath.fsum(terms(k)) / (-2) ** k) for k in range(13)]
        else:
            expected = [float(c * mpmath.factorial(k)) for k, c in enumerate(mpmath.taylor(exact, mpmath.mpf(x), 12))]
    assert np.all(np.abs(found - expected) <= 1e-11 * np.abs(expected))


def test_high_orders_in_float32_neither_underflow_nor_overflow() -> None:
    """1/40! is no float32, and the 40th derivative of exp is."""
    x = np.array([0.3, -1.0], np.float32)
    found = derivatives(np.exp, x, 60)
    assert found.dtype == np.float32
    assert_close(found, np.tile(np.exp(x.astype(float)), (61, 1)), 1e-5)
    assert_close(derivatives(lambda x: np.sin(x) * 2.0, x[0], 50)[50], -2.0 * math.sin(0.3), 1e-5)
    assert_close(jet(np.exp, (x,), ([np.ones_like(x), *[0.0] * 44],))[1][-1], np.exp(x), 1e-5)
    assert_close(nested_elementwise(np.sin, 41)(x), np.cos(x), 1e-5)
    z = np.array([0.3 + 0.1j], np.complex64)
    assert derivatives(np.exp, z, 45).dtype == np.complex64
    assert_close(derivatives(np.exp, z, 45)[45], np.exp(z), 1e-5)
