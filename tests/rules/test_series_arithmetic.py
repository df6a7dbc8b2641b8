"""Arithmetic on truncated series: against polynomials, and as lists, as arrays of rows and as boxes alike."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import assert_close

from minigrad import grad
from minigrad.rules import series

lengths = st.integers(1, 9)


def drawn(length: int, seed: int) -> list[Any]:
    """Coefficients of a series at three points; the first is away from 0."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(1.0, 2.0, 3), *rng.normal(size=(length - 1, 3))]


def padded(u: Any, order: int) -> Any:
    return np.array([u[k] if k < len(u) else np.zeros(3) for k in range(order + 1)])


@given(lengths, lengths, st.integers(0, 12), st.integers(0, 99))
def test_a_product_is_that_of_polynomials(m: int, n: int, order: int, seed: int) -> None:
    """What is left out at the end of a series is zero; what lies beyond the order is cut off."""
    u, v = drawn(m, seed), drawn(n, seed + 100)
    found = padded(series.product(u, v, order), order)
    for point in range(3):
        whole = np.convolve([c[point] for c in u], [c[point] for c in v])
        expected = [whole[k] if k < len(whole) else 0.0 for k in range(order + 1)]
        assert_close(found[:, point], expected, 1e-13)


@given(lengths, lengths, st.integers(0, 12), st.integers(0, 99))
def test_a_quotient_times_the_denominator_is_the_numerator(m: int, n: int, order: int, seed: int) -> None:
    u, v = drawn(m, seed), drawn(n, seed + 100)
    w = series.quotient(u, v, order)
    size = float(np.max(np.abs(padded(w, order))))  # a long quotient of random series grows
    assert np.max(np.abs(padded(series.product(list(w), v, order), order) - padded(u, order))) <= 1e-13 * size


@given(lengths, lengths, st.integers(0, 99))
def test_sums_and_differences(m: int, n: int, seed: int) -> None:
    u, v = drawn(m, seed), drawn(n, seed + 100)
    order = max(m, n) - 1
    for sign in (1, -1):
        w = series.added(u[0] + sign * v[0], u, v, sign)
        assert_close(padded(w, order), padded(u, order) + sign * padded(v, order), 1e-15)


@pytest.mark.parametrize("function", ["product", "quotient"])
@pytest.mark.parametrize("order", [series.LOW - 1, series.LOW, 12])
def test_rows_of_one_array_and_lists_give_the_same(function: str, order: int) -> None:
    """From order `LOW` on plain arrays are rows of one array; complex ones are not conjugated on the way."""
    u, v = drawn(order + 1, 1), drawn(order + 1, 2)
    combine = getattr(series, function)
    together = padded(combine(u, v, order), order)
    for point in range(3):
        one = combine([float(c[point]) for c in u], [float(c[point]) for c in v], order)
        assert_close(together[:, point], np.array(one), 1e-12)
    turned = combine([c * 1j for c in u], [c + 0j for c in v], order)
    assert_close(np.array(list(turned)), 1j * together, 1e-12)


def test_coefficients_may_be_boxes() -> None:
    """The derivative of w[2] = u[0] v[2] + u[1] v[1] + u[2] v[0] with respect to u[1] is v[1]."""
    v = [3.0, 5.0, 7.0]
    assert grad(lambda c: series.product([2.0, c, 1.0], v, 2)[2])(4.0) == 5.0
    found = grad(lambda c: series.quotient([c], [2.0, 1.0], 3)[3])(4.0)
    assert_close(found, -1 / 16, 1e-15)


def test_the_slope_of_a_series() -> None:
    """t u'(t) has the coefficients k u[k]."""
    assert series.slope([5.0, 3.0, 2.0]) == [0.0, 3.0, 4.0]
    assert series.slope(np.array([[5.0], [3.0], [2.0]])).tolist() == [[0.0], [3.0], [4.0]]


def test_where_an_infinity_meets_a_zero_their_product_is_taken_as_zero() -> None:
    """As in the sweeps: the derivative of sqrt(x) at 0 is infinite, and 0 times it is 0."""
    u, v = [0.0, 1.0], [0.0, np.inf]
    with np.errstate(invalid="ignore"):
        w = series.product([np.float64(c) for c in u], [np.float64(c) for c in v], 1)
    assert np.isnan(w[1])
    assert series.resolved_product(u, v, w)[1] == 0.0
