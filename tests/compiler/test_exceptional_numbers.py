"""Infinities, NaN and divisions by zero: compiled as eager."""

import sys
import warnings

import numpy as np
import pytest
from compiled import assert_same, check

import minigrad
import minigrad.numpy as mnp
from minigrad import grad, value_and_grad
from minigrad.compiler.stage import strict_state

rng = np.random.default_rng(3)
X, Y = rng.uniform(-1, 1, (2, 2, 3))


def test_infinite_derivatives_are_settled_as_in_the_engine() -> None:
    """x·sqrt(x) at 0: the product of 0 and an infinite derivative is 0, with a warning, compiled or not."""
    fun = grad(lambda x: np.sum(x * np.sqrt(x)))
    compiled = minigrad.compile(fun)
    compiled(np.array([1.0, 2.0]))
    for x in (np.array([0.0, 2.0]), np.array([0.25, 4.0])):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            expected = fun(x)
        with warnings.catch_warnings(record=True) as also:
            warnings.simplefilter("always")
            assert_same(compiled(x), expected)
        assert [str(w.message) for w in caught] == [str(w.message) for w in also]
    assert compiled.stats()["exceptional"] == 1


def test_division_of_numbers_by_zero_is_that_of_numpy() -> None:
    fun = lambda x: 1.0 / (x * x)
    compiled = minigrad.compile(fun)
    compiled(np.float64(2.0))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert compiled(np.float64(0.0)) == np.inf
    with pytest.raises(ZeroDivisionError):
        minigrad.compile(fun)(0.0)
    assert compiled(np.float64(4.0)) == 1.0 / 16.0


def test_numbers_that_overflow_in_python_do_not_lose_what_numpy_says() -> None:
    fun = grad(lambda x: (x * x) * (x * x) * 1e300)
    compiled = minigrad.compile(fun)
    compiled(1.0)
    with np.errstate(all="ignore"):
        for x in (1e80, -1e100, 1e-200, np.inf, np.nan, 0.0):
            assert_same(compiled(x), fun(x))


@pytest.mark.parametrize("is_known", [True, False])
def test_the_strict_state_is_entered_and_left(is_known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By NumPy's context variable, or by `np.errstate` where there is none."""
    if not is_known:
        monkeypatch.setitem(sys.modules, "numpy._core.umath", None)
    enter, leave = strict_state()
    for over in ("ignore", "raise"):
        with np.errstate(divide="ignore", over=over):
            before = np.geterr()
            token = enter()
            assert np.geterr() == before | {"divide": "raise", "invalid": "raise"}
            with pytest.raises(FloatingPointError):
                np.divide(1.0, 0.0)
            leave(token)
            assert np.geterr() == before


def test_infinities_within_logsumexp() -> None:
    """Its shift by the maximum has another form for infinite maxima; programs traced without hold for finite ones."""
    fun = value_and_grad(lambda x: np.sum(mnp.logsumexp(x, axis=0)))
    compiled = minigrad.compile(fun)
    compiled(X)
    for row in ([-np.inf, -np.inf, -np.inf], [np.inf, 0.0, 1.0], [np.nan, 0.0, 1.0], [-np.inf, 0.0, 1.0]):
        x = np.array([row, row])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert_same(compiled(x), fun(x))
    assert_same(compiled(Y), fun(Y))


def test_a_branch_of_where_that_is_not_taken() -> None:
    fun = grad(lambda x: np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0)))
    check(fun, (X,), (Y,), (np.zeros((2, 3)),))
