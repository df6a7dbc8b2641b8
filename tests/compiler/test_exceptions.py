"""Errors, and numbers as Python knows them: a compiled function does what the plain one does."""

import contextlib
import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import assert_same, check

import minigrad
from minigrad import grad, value_and_grad
from minigrad.compiler.passes import optimised
from minigrad.compiler.traced import Traced

GOOD, BAD, SINGULAR = np.diag([2.0, 3.0]), np.diag([2.0, -3.0]), np.ones((2, 2))
ONES, TABLE = np.ones(2), np.array([1.0, 4.0, 9.0])


def outcome(fun: Callable[..., Any], x: Any) -> Any:
    """What a function answers, or the type of the error that it raises."""
    try:
        return fun(x)
    except Exception as error:
        return type(error).__name__


def same(fun: Callable[..., Any], *points: Any) -> Any:
    """The compiled function answers, or raises, what the plain one does, at point after point, twice over."""
    compiled = minigrad.compile(fun)
    for x in [*points, *points]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, expected = outcome(compiled, x), outcome(fun, x)
        if isinstance(expected, (float, complex)) and expected != expected:
            assert repr(found) == repr(expected)
        else:
            assert_same(found, expected)
    return compiled


# ----- errors that depend on numbers ----------------------------------------------------------------------------------


def handled(operation: Callable[[Any], Any], error: type[Exception]) -> Callable[[Any], Any]:
    """A function that goes another way where an operation raises."""

    def fun(x: Any) -> Any:
        try:
            y = operation(x)
        except error:
            return np.sum(x) * 3.0
        return np.sum(x * x) + np.sum(y)

    return fun


def unread(operation: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that does not read what an operation gives."""

    def fun(x: Any) -> Any:
        operation(x)
        return np.sum(x * x)

    return fun


def unread_and_handled(operation: Callable[[Any], Any], error: type[Exception]) -> Callable[[Any], Any]:
    """A function that asks whether an operation raises."""

    def fun(x: Any) -> Any:
        with contextlib.suppress(error):
            operation(x)
            return np.sum(x * x)
        return np.sum(x) * 3.0

    return fun


def by_entries(x: Any) -> Any:
    return (x * 2.0)[x.astype(int)]


MATRICES = {
    "cholesky": (np.linalg.cholesky, GOOD, BAD),
    "inv": (np.linalg.inv, GOOD, SINGULAR),
    "inv of a product": (lambda A: np.linalg.inv(A @ A + 0.0) * 2.0, GOOD, SINGULAR),
    "solve": (lambda A: np.linalg.solve(A, ONES), GOOD, SINGULAR),
    "eigvals": (np.linalg.eigvals, GOOD, np.full((2, 2), np.nan)),
    "svd": (lambda A: np.linalg.svd(A)[1], GOOD, np.full((2, 2), np.nan)),
}


@pytest.mark.parametrize("transform", [lambda fun: fun, value_and_grad], ids=["value", "gradient"])
@pytest.mark.parametrize("name", list(MATRICES))
def test_errors_of_linear_algebra(name: str, transform: Any) -> None:
    """Where they are caught, where they are not, and where nobody reads the result."""
    operation, good, bad = MATRICES[name]
    for fun in (
        handled(operation, np.linalg.LinAlgError),
        unread(operation),
        unread_and_handled(operation, np.linalg.LinAlgError),
    ):
        same(transform(fun), good, bad, good)
        same(transform(fun), bad, good)


NUMBERS: dict[str, tuple[Callable[[Any], Any], type[Exception], Any, Any]] = {
    "division": (lambda x: 1.0 / x, ZeroDivisionError, 2.0, 0.0),
    "whole division": (lambda x: 1.0 // x, ZeroDivisionError, 2.0, 0.0),
    "remainder": (lambda x: 1.0 % x, ZeroDivisionError, 2.0, 0.0),
    "power": (lambda x: x**2, OverflowError, 2.0, 1e308),
    "power of 3": (lambda x: x**3, OverflowError, 2.0, 1e308),
    "negative power": (lambda x: x**-1, ZeroDivisionError, 2.0, 0.0),
    "math.sqrt": (math.sqrt, ValueError, 2.0, -1.0),
    "math.exp": (math.exp, OverflowError, 2.0, 1e4),
    "math.log": (math.log, ValueError, 2.0, 0.0),
    "int of nan": (int, ValueError, 2.0, math.nan),
    "int of inf": (int, OverflowError, 2.0, math.inf),
    "an index": (by_entries, IndexError, np.array([0.0, 1.0]), np.array([0.0, 7.0])),
    "power of integers": (lambda n: 2**n, ValueError, np.array([0, 1]), np.array([0, -1])),
    "bincount": (lambda n: np.bincount(n, minlength=3), ValueError, np.array([0, 1]), np.array([0, -1])),
    "histogram": (lambda x: np.histogram(x, 2)[0], ValueError, np.array([0.0, 1.0]), np.array([0.0, math.nan])),
}


@pytest.mark.parametrize("name", list(NUMBERS))
def test_errors_that_depend_on_numbers(name: str) -> None:
    operation, error, good, bad = NUMBERS[name]
    for fun in (handled(operation, error), unread(operation), unread_and_handled(operation, error)):
        same(fun, good, bad, good)
        same(fun, bad, good)


def test_errors_that_depend_on_shapes_have_programs_of_their_own() -> None:
    """They are no reason to leave the function to the engine."""

    def fun(x: Any) -> Any:
        try:
            return np.sum(x @ ONES)
        except ValueError:
            return np.sum(x)

    check(fun, (ONES,), (np.ones(3),), (2.0 * ONES,))
    check(grad(fun), (np.ones(3),))


def test_errors_that_the_function_raises_itself() -> None:
    def asserted(x: Any) -> Any:
        assert np.all(x > 0.0), f"{x} is not positive"
        return np.sum(x * x)

    def raised(x: Any) -> Any:
        try:
            if x[0] < 0.0:
                raise ValueError
        except ValueError:
            return np.sum(x)
        return np.sum(x * x)

    for fun in (asserted, raised):
        for transform in (lambda fun: fun, value_and_grad):
            same(transform(fun), ONES, -ONES)
            same(transform(fun), -ONES, ONES)


def test_dead_code_that_cannot_raise_is_still_dead() -> None:
    def fun(x: Any) -> Any:
        np.linalg.det(x), np.exp(x) / x, x[0], np.take(x, [0, 1]), np.linalg.slogdet(x), x**2
        return np.sum(x)

    for each, left in ((fun, 1), (grad(fun), 0)):
        program = optimised(Traced(each, (GOOD + 1.0,), {}).program)
        assert len(program.steps) <= left + 1
        assert not any(name in str(program) for name in ("det", "exp", "getitem", "take", "mul"))


# ----- what NumPy does about errors -----------------------------------------------------------------------------------

EVENTS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "over": (np.exp, np.array([1e4, 1.0])),
    "under": (np.exp, np.array([-1e4, 1.0])),
    "divide": (lambda x: 1.0 / x, np.array([0.0, 1.0])),
    "invalid": (np.sqrt, np.array([-1.0, 1.0])),
}


@pytest.mark.parametrize("transform", [lambda fun: fun, value_and_grad], ids=["value", "gradient"])
@pytest.mark.parametrize("kind", list(EVENTS))
def test_errors_that_the_function_asks_numpy_for(kind: str, transform: Any) -> None:
    """By errstate and as warnings: raised, handled and recorded, read and unread."""
    operation, bad = EVENTS[kind]

    def raising(x: Any) -> Any:
        with np.errstate(**{kind: "raise"}):  # type: ignore[call-overload]
            return operation(x)

    def told(x: Any) -> Any:
        seen: list[str] = []
        with np.errstate(**{kind: "call"}, call=lambda kind, flag: seen.append(kind)):  # type: ignore[call-overload]
            operation(x)
        return np.sum(x) * len(seen)

    def turned(x: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return operation(x)

    def recorded(x: Any) -> Any:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            operation(x)
        return np.sum(x) * len(seen)

    for each, error in ((raising, FloatingPointError), (turned, RuntimeWarning)):
        same(transform(handled(each, error)), ONES, bad, ONES)
        same(transform(unread(each)), ONES, bad, ONES)
        same(transform(unread_and_handled(each, error)), ONES, bad, ONES)
    same(transform(told), ONES, bad, ONES)
    same(transform(recorded), ONES, bad, ONES)


@pytest.mark.parametrize("transform", [lambda fun: fun, value_and_grad], ids=["value", "gradient"])
@pytest.mark.parametrize("kind", list(EVENTS))
def test_errors_that_the_caller_asks_numpy_for(kind: str, transform: Any) -> None:
    """Around the call, read and unread, of arrays and of numbers; without them a program answers again."""
    operation, bad = EVENTS[kind]
    for good, worse in ((ONES, bad), (np.float64(1.0), bad[0])):
        for fun in (lambda x: np.sum(operation(x)), unread(operation)):
            plain, compiled = transform(fun), minigrad.compile(transform(fun))
            for x in (good, good, worse, good):
                with np.errstate(**{kind: "raise"}):  # type: ignore[call-overload]
                    assert_same(outcome(compiled, x), outcome(plain, x))
                with np.errstate(all="ignore"):
                    assert_same(outcome(compiled, x), outcome(plain, x))
            replays = compiled.stats()["replays"]
            for _ in range(70):
                assert_same(compiled(good), plain(good))
            assert compiled.stats()["replays"] > replays


def test_an_overflow_of_a_number_that_is_not_in_the_result() -> None:
    """NumPy warns of it, and where warnings are errors it is one."""
    for fun in (lambda x: 1.0 / (x * x), lambda x: 2.0 / (1.0 + x * x) + x):
        for transform in (lambda fun: fun, value_and_grad):
            plain, compiled = transform(fun), minigrad.compile(transform(fun))
            for x in map(np.float64, (2.0, 3.0, 1e200, 2.0)):
                assert_same(outcome(compiled, x), outcome(plain, x))
            assert compiled.stats()["replays"] == 2
            assert compiled.stats()["exceptional"] == 1


def test_a_compiled_function_within_another_still_replays() -> None:
    """The state in which a program runs is no state that somebody asked for."""
    inner = minigrad.compile(lambda x: x * 2.0 + 1.0)
    outer = minigrad.compile(lambda x: np.sum(operation(x)))
    operation = minigrad.custom_primitive(lambda x: inner(x), vjp=lambda g, ans, x: g * 2.0)
    for k in range(4):
        assert_same(outer(ONES * k), np.sum(ONES * k * 2.0 + 1.0))
    assert inner.stats()["replays"] >= 3
    assert inner.stats()["exceptional"] == 0


# ----- numbers as Python knows them -----------------------------------------------------------------------------------

VALUES = {
    "an array": np.ones(3), "an array of one": np.ones(1), "a matrix of one": np.ones((1, 1)), "no axes": np.array(2.5),
    "a float64": np.float64(2.5), "a float": 2.5, "complex": 2.5 + 1j, "nan": math.nan, "inf": math.inf,
    "an integer without axes": np.array(2), "integers": np.array([2]), "an int64": np.int64(3), "whole": 2.0,
    "negative": -2.5, "a half": 0.5, "a truth": np.bool_(True), "a float32": np.float32(2.5),
}  # fmt: skip
READERS: list[Callable[[Any], Any]] = [
    float, int, complex, bool, operator.index, math.trunc, round, math.floor, math.ceil, len, hash, str, repr, abs,
    math.sqrt, "{:.2}".format, lambda x: x.is_integer(), lambda x: x.as_integer_ratio()[0], lambda x: x.hex(),
    lambda x: x.conjugate(), lambda x: x.real, lambda x: x.imag, lambda x: divmod(x, 2)[1], lambda x: round(x, 1),
]  # fmt: skip


@pytest.mark.parametrize("name", list(VALUES))
def test_what_is_read_from_a_value_is_what_plain_gives(name: str) -> None:
    """The same answer, or an error of the same type."""
    x = VALUES[name]
    for k, read in enumerate(READERS):

        def fun(x: Any, read: Any = read) -> Any:
            found = read(x)
            return x * (len(found) if isinstance(found, str) else found)

        try:
            same(fun, x)
        except AssertionError as error:
            raise AssertionError(f"reader {k}, {read}") from error


KEYS = {1.0: "a", 2.0: "bb", -1.0: "ccc", -2.0: "dddd"}  # the last two have the same hash
PLACES = [1.0, 2.0, 3.0, 4.0]


def counted(x: Any) -> Any:
    for _ in range(int(x) + 1):
        x = x * 1.5
    return x


def matched(x: Any) -> Any:
    match x:
        case 2.0:
            return x * 5.0
        case _:
            return x


def remembered(x: Any) -> Any:
    memo = {x: x * 2.0}
    return memo[x]


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: x * len(KEYS[x]),
        lambda x: x * len(KEYS.get(x, "")),
        lambda x: x * 2.0 if x in KEYS else x,
        lambda x: x * 2.0 if x in {1.0, 3.0} else x,
        lambda x: x * 2.0 if x in (1.0, 3.0) else x,
        lambda x: x * (1.0 + PLACES.index(x)),
        lambda x: x * PLACES[round(x)],
        lambda x: x * PLACES[int(x)],
        lambda x: x * math.trunc(x),
        lambda x: x * 2.0 if x.is_integer() else x,
        lambda x: x * divmod(x, 2.0)[0] + divmod(7.0, x)[1],
        lambda x: x * float(f"{x:.0f}"),
        lambda x: x * float("%.1f" % x),  # noqa: UP031
        lambda x: x * len(str(x)) + len(repr(x)),
        lambda x: x * round(x, 1) + round(x),
        lambda x: sorted([x, 1.5])[0] * min(x, 3.0) * math.fsum([x, 1.0]),
        counted,
        matched,
        remembered,
    ],
)
def test_numbers_in_the_places_where_python_takes_numbers(fun: Any) -> None:
    points = (1.0, 2.0, -1.0, -2.0, 1.7, 2.2, 0.4)
    same(fun, *points)
    same(fun, *map(np.float64, points))
    same(lambda x: fun(x[0]) + x[1], *[np.array([x, 1.0]) for x in points])


@pytest.mark.parametrize(
    ("fun", "points"),
    [
        (lambda x: x * int(x), (1.1, 1.2, 1.9)),
        (lambda x: x * PLACES[round(x)], (0.6, 0.7, 1.4)),
        (lambda x: x * math.trunc(x), (1.1, 1.2, 1.9)),
        (lambda x: x * math.floor(x) + math.ceil(x), (1.1, 1.2, 1.9)),
        (lambda x: x * len(f"{x:.0f}"), (1.1, 1.2, 1.3)),
        (lambda x: x * 2.0 if x.is_integer() else x, (1.1, 1.2, 1.9)),
        (lambda x: x * PLACES[int(x // 0.5)], (0.6, 0.7, 0.9)),
    ],
)
def test_only_what_was_read_is_guarded(fun: Any, points: tuple[float, ...]) -> None:
    """`int(x)` is guarded by its value, and not by x."""
    compiled = minigrad.compile(fun)
    for x in points:
        assert_same(compiled(x), fun(x))
    assert compiled.stats()["traces"] == 1
    assert compiled.stats()["replays"] == len(points) - 1


def test_the_source_says_what_was_read() -> None:
    text = str(minigrad.source(lambda x: x * int(x) + round(x) * len(f"{x:.1f}"), 1.25))
    for guard in ("if int(x) != 1:", "if round(x) != 1:", "if format(x, '.1f') != '1.2':"):
        assert guard in text


class Strict:
    """It raises a KeyError for what it does not have, as careless classes do."""

    def __init__(self) -> None:
        self.__dict__["k"] = 2.0

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)

    def __call__(self, x: Any) -> Any:
        return np.sum(x * x) * self.k


def test_an_object_whose_getattr_raises_a_key_error() -> None:
    """As an argument, and differentiated itself."""
    own = Strict()
    compiled = minigrad.compile(grad(lambda x, o: np.sum(x * x) * o.k))
    assert_same(compiled(ONES, own), 4.0 * ONES)
    assert_same(compiled(ONES, own), 4.0 * ONES)
    assert_same(grad(own)(ONES), 4.0 * ONES)
