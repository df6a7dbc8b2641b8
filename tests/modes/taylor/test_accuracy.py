"""High derivatives hold their digits: orders 1 to 12 against fifty digits, over the whole range and point by point.

Two bounds for every function and every order: the error is at most 1e-13 of the largest value of that derivative on the
range, and at every point, away from zeros of the derivative, at most 1e-9 of the value there.
"""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad import derivatives, elementwise_grad

ORDER = 12
RANGE = np.concatenate([np.linspace(-7, 7, 40), np.random.default_rng(5).uniform(-7, 7, 8)])
POSITIVE = np.concatenate([[1e-3, 0.02], np.linspace(7 / 40, 7, 40)])
NEAR_ZERO = np.array([0.3, -0.1, 0.02, -1e-3, 1e-6, -1e-12, 1e-100])
AROUND = np.concatenate([RANGE, NEAR_ZERO])
WITH_ZERO = np.concatenate([AROUND, [0.0]])


def sinc(x: Any) -> Any:
    return mpmath.sincpi(x / mpmath.pi)


def softplus(x: Any) -> Any:
    return mpmath.log(1 + mpmath.exp(x))


CASES: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any], Any]] = [
    ("tanh of the tour", lambda x: (1 - np.exp(-x)) / (1 + np.exp(-x)), lambda x: mpmath.tanh(x / 2), RANGE),
    ("tanh", np.tanh, mpmath.tanh, WITH_ZERO),
    ("arctan", np.arctan, mpmath.atan, WITH_ZERO),
    ("exp(-x**2)", lambda x: np.exp(-(x**2)), lambda x: mpmath.exp(-x * x), WITH_ZERO),
    ("exp(-x * x)", lambda x: np.exp(-x * x), lambda x: mpmath.exp(-x * x), WITH_ZERO),
    ("1 / (1 + x**2)", lambda x: 1 / (1 + x**2), lambda x: 1 / (1 + x * x), WITH_ZERO),
    ("log(1 + exp(x))", lambda x: np.log(1 + np.exp(x)), softplus, RANGE),
    ("log1p(exp(x))", lambda x: np.log1p(np.exp(x)), softplus, RANGE),
    ("logaddexp(0, x)", lambda x: np.logaddexp(0.0, x), softplus, WITH_ZERO),
    ("sin(x) / x", lambda x: np.sin(x) / x, sinc, AROUND),
    ("sin(x) / x within where", lambda x: mnp.where(x == 0, 1.0, mnp.sin(x) / mnp.where(x == 0, 1.0, x)), sinc, AROUND),
    ("sinc(x / pi)", lambda x: np.sinc(x / np.pi), sinc, WITH_ZERO),
    ("sinc(x)", np.sinc, mpmath.sincpi, WITH_ZERO),
    ("x / sin(x)", lambda x: x / np.sin(x), lambda x: x / mpmath.sin(x), AROUND[np.abs(AROUND) < 2.5]),
    ("x**x", lambda x: x**x, lambda x: x**x, POSITIVE),
    ("exp(x * log(x))", lambda x: np.exp(x * np.log(x)), lambda x: x**x, POSITIVE),
]


@functools.cache
def exact(k: int) -> Any:
    """The derivatives of orders 0 to 13 of case k, rounded from fifty digits."""
    _, _, fun, x = CASES[k]
    with mpmath.workdps(50):
        return of_taylor([mpmath.taylor(fun, mpmath.mpf(v), ORDER + 1) for v in x])


def of_taylor(rows: Any) -> Any:
    """The derivatives, one row per order, from one row of Taylor coefficients per point."""
    return np.array([[float(c * mpmath.factorial(n)) for n, c in enumerate(row)] for row in rows]).T


PARAMETERS = pytest.mark.parametrize("k", range(len(CASES)), ids=[case[0] for case in CASES])


@PARAMETERS
def test_the_error_is_small_against_the_largest_value(k: int) -> None:
    _, fun, _, x = CASES[k]
    found, expected = derivatives(fun, x, ORDER), exact(k)[:-1]
    for order in range(ORDER + 1):
        assert np.max(np.abs(found[order] - expected[order])) <= 1e-13 * np.max(np.abs(expected[order])), order


@PARAMETERS
def test_the_error_is_small_at_every_point(k: int) -> None:
    """A zero is near where a step of Newton's method reaches it within 0.02."""
    _, fun, _, x = CASES[k]
    found, expected = derivatives(fun, x, ORDER), exact(k)
    away = np.abs(expected[:-1]) > 0.02 * np.abs(expected[1:])
    assert np.mean(away) > 0.75  # nearly everything is tested
    error = np.abs(found - expected[:-1])
    assert np.all(error[away] <= 1e-9 * np.abs(expected[:-1][away]))


@PARAMETERS
def test_nested_elementwise_grad_is_as_exact(k: int) -> None:
    """It is the same pass, and says so."""
    _, fun, _, x = CASES[k]
    nested = fun
    for _ in range(9):
        nested = elementwise_grad(nested)
    assert nested.how(x) == "taylor"  # type: ignore[attr-defined]
    assert np.array_equal(nested(x), derivatives(fun, x, 9)[9])


QUOTIENTS: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("expm1(x) / x", lambda x: np.expm1(x) / x, lambda x: mpmath.expm1(x) / x),
    ("log1p(x) / x", lambda x: np.log1p(x) / x, lambda x: mpmath.log1p(x) / x),
    ("sin(3x) / 2x", lambda x: np.sin(3 * x) / (2 * x), lambda x: mpmath.sin(3 * x) / (2 * x)),
    ("at another point", lambda x: np.sin(x - 0.25) / (x - 0.25), lambda x: sinc(x - 0.25)),
    ("sin(x) / sinh(x)", lambda x: np.sin(x) / np.sinh(x), lambda x: mpmath.sin(x) / mpmath.sinh(x)),
    ("x / expm1(x)", lambda x: x / np.expm1(x), lambda x: x / mpmath.expm1(x)),
    ("x / sin(x)", lambda x: x / np.sin(x), lambda x: x / mpmath.sin(x)),
    ("x**3 / expm1(x)", lambda x: x**3 / np.expm1(x), lambda x: x**3 / mpmath.expm1(x)),
    ("within another function", lambda x: np.exp(np.sin(x) / x), lambda x: mpmath.exp(sinc(x))),
    ("times 1 / x", lambda x: np.sin(x) * (1 / x), lambda x: mpmath.sin(x) / x),
    ("times 3 / x", lambda x: (3 / x) * np.sin(x), lambda x: 3 * mpmath.sin(x) / x),
    ("times x ** -1", lambda x: np.sin(x) * x**-1, lambda x: mpmath.sin(x) / x),
    ("times a reciprocal", lambda x: np.reciprocal(np.sinh(x)) * np.sin(x), lambda x: mpmath.sin(x) / mpmath.sinh(x)),
    ("a true pole as a product", lambda x: np.cos(x) * (1 / x), lambda x: mpmath.cos(x) / x),
    ("true poles", lambda x: np.cos(x) / x, lambda x: mpmath.cos(x) / x),
    ("a pole of all orders", lambda x: 1 / x, lambda x: 1 / x),
]


# ----- numerator and denominator that vanish together -----------------------------------------------------------------


@pytest.mark.parametrize(("fun", "reference"), [q[1:] for q in QUOTIENTS], ids=[q[0] for q in QUOTIENTS])
def test_quotients_near_a_common_zero(fun: Any, reference: Any) -> None:
    """Near the zero every order of the plain recurrence divides the error by the distance; the pass avoids that."""
    x = np.array([1.2, -0.7, 0.4, -0.4, 0.12, -0.03, 1e-3, 1e-5, -1e-8])
    found = derivatives(fun, x, 8)
    with mpmath.workdps(90):
        expected = of_taylor([mpmath.taylor(reference, mpmath.mpf(v), 9) for v in x])
    assert np.all(np.abs(found - expected[:-1]) <= 1e-10 * (np.abs(expected[:-1]) + 0.05 * np.abs(expected[1:])))


def test_a_quotient_near_a_common_zero_at_first_order() -> None:
    """A single derivative is as exact as one of many."""
    x = np.array([1e-15, -1e-9, 1e-5])
    assert np.all(np.abs(derivatives(lambda x: np.log1p(x) / x, x, 1)[1] - (-0.5 + 2 * x / 3)) <= 1e-9)
    assert derivatives(lambda x: np.sin(x) / x, 1e-12, 1)[1] == pytest.approx(-1e-12 / 3, abs=1e-20)


@pytest.mark.parametrize(
    ("fun", "x"),
    [
        (lambda x: (np.exp(x) - 1) / x, 1e-5),
        (lambda x: (1 - np.cos(x)) / x**2, np.array([1.0, 1e-3])),
        (lambda x: np.exp((np.exp(x) - 1) / (2 * x)), 1e-7),
    ],
)
def test_digits_that_the_program_has_lost_are_told(fun: Any, x: Any) -> None:
    """A difference that cancels has no derivatives of high order left in it; the warning says what to write instead."""
    with pytest.warns(RuntimeWarning, match=r"nearly vanish together(.|\n)*np\.expm1\(x\) / x"):
        derivatives(fun, x, 8)


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: 1 / np.tanh(x) - 1 / x,
        lambda x: -1 / x + 1 / np.sin(x),
        lambda x: np.reciprocal(np.tanh(x)) - x**-1.0,
        lambda x: 2.0 * (1 / np.sin(x) ** 2) - 2.0 * x**-2,
        lambda x: np.cos(x) / np.sin(x) - 1 / x,
        lambda x: (1 - np.cos(x)) / x**2,
        lambda x: (x - np.sin(x)) / x**3,
        lambda x: (np.tan(x) - np.sin(x)) * x**-3,
        lambda x: np.exp((1 - np.cos(x)) / x**2),
        lambda x: np.log(1 + x) / x,
    ],
)
@pytest.mark.parametrize("order", [1, 4])
def test_poles_that_cancel_are_told(fun: Any, order: int) -> None:
    """Each term is infinite near the point, and their difference is not."""
    for x in (np.array([1.0, 1e-6]), np.array([1e-15]), 1e-6):
        with pytest.warns(RuntimeWarning, match="rounding errors are all that is left"):
            derivatives(fun, x, order)
    derivatives(fun, 1.0, order)  # no warning away from it


def test_poles_that_do_not_cancel_are_not_told() -> None:
    """A difference of poles may be a pole, or nothing at all."""
    x = 1e-3
    assert derivatives(lambda x: 1 / x - 1 / x, x, 3).tolist() == [0.0] * 4
    assert_close(derivatives(lambda x: 3 / x - 1 / x, x, 3), [2e3, -2e6, 4e9, -12e12], 1e-12)


def test_a_quotient_without_a_value_has_no_derivatives() -> None:
    """0/0 is NaN, and so are its derivatives: the program has no value there, though a limit exists."""
    with np.errstate(all="ignore"):
        assert np.isnan(derivatives(lambda x: np.sin(x) / x, np.array([0.0, 1.0]), 3)[:, 0]).all()


def test_a_zero_within_rounding_is_not_taken_for_one_beyond_it() -> None:
    """(sin x + 1e-9) / x has a pole, and it shows."""
    x = 0.01
    found = derivatives(lambda x: (np.sin(x) + 1e-9) / x, x, 4)
    assert abs(found[4] - (0.2 + 24 * 1e-9 / x**5)) <= 1e-4 * found[4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "length", [lambda y: np.std(np.stack([y, y * y])), lambda y: np.linalg.norm(np.stack([y - 1, y * y - y]))]
)
def test_lengths_that_nearly_vanish_are_told(length: Any, dtype: Any) -> None:
    """Near their kink they lose digits with every order, like a root; in float32 after few orders."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        derivatives(length, dtype(1.1), 21)
    assert any("rounding errors are all that is left" in str(w.message) for w in caught)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        derivatives(length, dtype(3.0), 3)
