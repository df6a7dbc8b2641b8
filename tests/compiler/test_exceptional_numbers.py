"""Infinities, NaN and divisions by zero: compiled as eager."""

import contextlib
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import assert_same, check

import minigrad
import minigrad.numpy as mnp
from minigrad import grad, value_and_grad
from minigrad.compiler.floating_point import strict_state

rng = np.random.default_rng(3)
X, Y = rng.uniform(-1, 1, (2, 2, 3))


def test_infinite_derivatives_are_resolved_as_in_the_engine() -> None:
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


@pytest.mark.parametrize("warns", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
def test_the_strict_state_is_entered_and_left(is_known: bool, warns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By NumPy's context variable, or by `np.errstate` where there is none."""
    if not is_known:
        monkeypatch.setitem(sys.modules, "numpy._core.umath", None)
    enter, leave, are_heard = strict_state(warns)
    for over in ("ignore", "warn"):
        with np.errstate(divide="ignore", over=over):
            before = np.geterr()
            token = enter()
            told = {"over": "raise"} if over == "warn" and not warns else {}
            assert np.geterr() == before | {"divide": "raise", "invalid": "raise"} | told
            with pytest.raises(FloatingPointError):
                np.divide(1.0, 0.0)
            leave(token)
            assert np.geterr() == before
            assert not are_heard()
    for kind in ("divide", "invalid", "over", "under"):
        with np.errstate(**{kind: "raise"}):  # errors are to be heard: the engine answers
            assert are_heard()
            with pytest.raises(FloatingPointError, match="heard"):
                enter()


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


# ----- exceptions that the function catches ---------------------------------------------------------------------------


def inverse(a: Any) -> Any:
    try:
        return np.sum(np.linalg.inv(a))
    except np.linalg.LinAlgError:
        return 3.0 * np.sum(a)


def logarithm(x: Any) -> Any:
    with np.errstate(all="raise"):
        try:
            return np.log(x)
        except FloatingPointError:
            return 100.0 + x


def reciprocal(x: Any) -> Any:
    """NumPy gives infinity; the exception by which a trace notices that was caught here."""
    try:
        return 1.0 / x
    except Exception:
        return 100.0 + x


def entry(x: Any) -> Any:
    try:
        return x[np.argmax(x) + 1]
    except IndexError:
        return 7.0 * x[0]


CAUGHT: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "LinAlgError": (inverse, np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 7.0]])),
    "FloatingPointError": (logarithm, np.float64(0.0), np.float64(2.0)),
    "infinity": (reciprocal, np.float64(0.0), np.float64(2.0)),
    "IndexError": (entry, np.array([1.0, 2.0]), np.array([2.0, 1.0])),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_an_exception_that_the_function_catches_is_a_branch(name: str) -> None:
    """A program that was traced in the handler answered for all numbers, and one traced outside is not used in it."""
    fun, caught, good = CAUGHT[name]
    with np.errstate(divide="ignore"):
        expected = [fun(caught), fun(good)]
    for first in (0, 1):
        compiled = minigrad.compile(fun)
        for k in (first, 1 - first, first, 1 - first, 1 - first):
            with np.errstate(divide="warn"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert compiled((caught, good)[k]) == expected[k]
    gradient = minigrad.compile(grad(fun))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for point in (caught, good, caught, good):
            np.testing.assert_array_equal(gradient(point), grad(fun)(point))


def test_a_refusal_that_the_function_caught_is_raised_at_the_end() -> None:
    """The handler was what was compiled."""

    def made_plain(x: Any) -> Any:
        try:
            return np.sum(np.asarray(x))
        except Exception:
            return 0.0

    def with_an_error_of_its_own(x: Any) -> Any:
        try:
            return np.sum(np.asarray(x))
        except Exception as error:
            raise ValueError("mine") from error

    def suppressed(x: Any) -> Any:
        with contextlib.suppress(Exception):
            return len(np.asarray(x)) * x
        return x

    for fun in (made_plain, with_an_error_of_its_own, suppressed):
        with pytest.raises(TypeError, match=r"compile: .*\n.*in (made_plain|with_an_error|suppressed)"):
            minigrad.compile(fun)(np.array([1.0, 2.0]))


def overflows(x: Any) -> Any:
    """An overflow, and then a division by zero where the second number is 0."""
    return np.sum(0.5 * np.exp(x)) - np.sum(np.log(x)) + np.sum(np.sqrt(x))


@pytest.mark.parametrize(
    ("make", "backend"),
    [(lambda f: f, "numpy"), (value_and_grad, "numpy"), (minigrad.hessian, "numpy"), (value_and_grad, "numba")],
    ids=["value", "gradient", "hessian", "fast"],
)
def test_numpy_warns_as_often_as_in_the_engine(make: Any, backend: str) -> None:
    """Where a program gives up and where it does not, in the first call and in later ones."""
    if backend == "numba":
        pytest.importorskip("numba")
    fun = make(overflows)
    fits, gives_up, goes_on = np.array([1.0, 2.0]), np.array([800.0, 0.0]), np.array([800.0, 1.0])

    def told(call: Any, x: Any) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(x)
        return sorted([str(warning.message).split("\n")[0] for warning in caught])

    expected = told(fun, gives_up), told(fun, goes_on)
    assert "overflow encountered in exp" in expected[1]
    for first in (fits, gives_up, goes_on):
        compiled = minigrad.compile(fun, backend=backend)
        firstly = told(compiled, first)
        assert first is fits or firstly == expected[first is goes_on]
        told(compiled, fits)
        assert told(compiled, gives_up) == expected[0]
        if backend == "numpy":  # loops of Numba make infinities without a word
            assert told(compiled, goes_on) == expected[1]
    for _ in range(20):  # sweeps become programs, too
        fun(fits)
    assert (told(fun, gives_up), told(fun, goes_on)) == expected


def test_an_overflow_is_told_of_as_numpy_was_asked_to() -> None:
    compiled = minigrad.compile(grad(overflows))
    compiled(np.array([1.0, 2.0]))
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled(np.array([800.0, 1.0]))[0] == np.inf
    assert compiled.stats()["replays"] == 1
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
        compiled(np.array([800.0, 1.0]))
    assert compiled.stats()["replays"] == 2
    for fresh in (compiled, minigrad.compile(grad(overflows))):
        heard: list[str] = []
        with np.errstate(over="call", call=lambda kind, flag, heard=heard: heard.append(kind)):
            fresh(np.array([800.0, 1.0]))
        assert heard == ["overflow"]
