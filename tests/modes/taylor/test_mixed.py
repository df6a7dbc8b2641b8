"""Mixed derivatives in several variables."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import assert_close
from univariate import PROGRAMS, run

from minigrad.modes.taylor.derivatives import derivatives

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
    """Random programs of two variables: x first and y first give the same, and together the derivative along (1, 1)."""
    x, y = np.random.default_rng(seed).uniform(-0.8, 0.8, 2)
    i, j = index
    n = i + j

    def fun(x: Any, y: Any) -> Any:
        return run(program, x, y)

    all_of_order_n = [(k, n - k) for k in range(n + 1)]
    x_first = derivatives(fun, (x, y), all_of_order_n)
    y_first = derivatives(lambda y, x: fun(x, y), (y, x), (j, i))
    scale = max(1.0, *map(abs, x_first.values()))
    assert abs(x_first[i, j] - y_first) <= 1e-10 * scale
    diagonal = derivatives(lambda t: fun(x + t, y + t), 0.0, n)[n]
    total = sum(math.comb(n, k) * x_first[k, n - k] for k in range(n + 1))
    assert abs(diagonal - total) <= 1e-9 * scale


SCALES: list[tuple[Any, Any, tuple[Any, ...], tuple[int, ...]]] = [
    (lambda x, y: np.sin(x) * np.sin(1e4 * y), lambda x, y: mpmath.sin(x) * mpmath.sin(1e4 * y), (2.0, 0.1), (3, 1)),
    (
        lambda x, y: np.sin(1e-4 * x) * np.sin(1e4 * y),
        lambda x, y: mpmath.sin(1e-4 * x) * mpmath.sin(1e4 * y),
        (2.0, 0.1),
        (6, 6),
    ),
    (lambda x, y: np.exp(1e3 * x * y), lambda x, y: mpmath.exp(1e3 * x * y), (1e-3, 2e-2), (5, 3)),
    (lambda x, y: 1 / (1e-6 + x + 1e6 * y), lambda x, y: 1 / (1e-6 + x + 1e6 * y), (1e-6, 1e-12), (4, 4)),
    (
        lambda x, y, z: np.log(x * 1e5 + y) * np.cos(z * 1e-3),
        lambda x, y, z: mpmath.log(x * 1e5 + y) * mpmath.cos(z * 1e-3),
        (1e-5, 0.5, 10.0),
        (2, 3, 2),
    ),
]


@pytest.mark.parametrize(("fun", "exact", "at", "index"), SCALES)
def test_variables_of_different_scales_keep_all_digits(fun: Any, exact: Any, at: Any, index: Any) -> None:
    """Each derivative to twelve digits of its own size, whether it is asked for alone or with all others."""
    with mpmath.workdps(120):
        expected = float(mpmath.diff(exact, tuple(map(mpmath.mpf, at)), index, h=mpmath.mpf(10) ** -25))
    assert derivatives(fun, at, index) == pytest.approx(expected, rel=1e-12)
    assert derivatives(fun, at, sum(index) if sum(index) < 8 else [index, (0,) * len(at)])[index] == pytest.approx(
        expected, rel=1e-12
    )
