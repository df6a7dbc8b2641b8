"""Tables of instructions: the same results as the steps that they stand for, in any order and at any numbers."""

import functools
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import grad
from minigrad.compiler import tabled, vector_math
from minigrad.compiler.meaning import interpret
from minigrad.compiler.passes import optimised
from minigrad.compiler.program import Program
from minigrad.compiler.stage import Trace
from minigrad.core.tree import flatten

OPERATIONS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: 0.5 * x * y, lambda x, y: x / (2.0 + y * y),
    lambda x, y: -x, lambda x, y: np.tanh(x), lambda x, y: np.exp(-x * x), lambda x, y: np.log(1.0 + abs(y)),
    lambda x, y: np.arctan(x) * 2, lambda x, y: np.sqrt(1.0 + x * x), lambda x, y: np.maximum(x, y),
    lambda x, y: np.minimum(x, y), lambda x, y: np.where(x > y, x, 1.0 - y), lambda x, y: np.sum(x) * 0.1 + y,
    lambda x, y: np.max(x) - y, lambda x, y: np.min(y) + x, lambda x, y: 0.1 * np.vdot(x, y) * x,
    lambda x, y: np.reshape(np.reshape(x, (3, 2)), (2, 3)) + y, lambda x, y: np.reshape(x, (3, 2))[1, 1] * y,
    lambda x, y: np.reshape(np.reshape(x, (6,))[1:4], (1, 3))[0, 2] + y, lambda x, y: x * np.where(y <= x, 1.0, 0.0),
]  # fmt: skip


def plainly(source: str) -> Callable[..., Any]:
    """The loop without Numba."""
    functions = {name: getattr(vector_math, name) for name in ("exp", "log", "arctan", "tanh", "tanh_slope")}
    namespace = {"np": np, "math": math, "plus": lambda x, y: x + y, **functions}
    exec(source, namespace)
    return functools.partial(silently, namespace["kernel"])


def silently(loop: Callable[..., Any], *args: Any) -> Any:
    """What a compiled loop computes, which tells of nothing by NumPy's warnings."""
    with np.errstate(all="ignore"):
        return loop(*args)


@pytest.fixture(scope="module")
def short_and_plain() -> Iterator[None]:
    """Short programs become tables, and nothing waits for Numba."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabled, "compiled", plainly)
        patch.setattr(tabled, "LEAST", 2)
        patch.setattr(tabled, "is_long", lambda together, readers: len(together) > 2)
        yield


def program_of(fun: Any, *args: Any) -> Program:
    """The program of a function of arrays."""
    trace = Trace()
    out = fun(*[trace.input(arg) for arg in args])
    return optimised(trace.close(flatten(out)[0]))


def tables_of(program: Program) -> list[Any]:
    """The tables of a program."""
    return [step.function for step in program.steps if isinstance(step.function, tabled.Table)]


def same(found: Any, expected: Any) -> None:
    """Equal values of the same type, dtype and shape, to rounding."""
    for a, b in zip(found, expected, strict=True):
        assert type(a) is type(b)
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


chosen = st.lists(
    st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=25
)


@given(chosen, st.integers(0, 99))
def test_random_programs(short_and_plain: None, steps: list[tuple[int, int, int]], seed: int) -> None:
    """Places are used again and again; a second call finds what the first one left in the arena."""

    def fun(x: Any, y: Any, number: Any) -> Any:
        values = [x * number, x, y]
        for k, i, j in steps:
            values.append(OPERATIONS[k](values[-min(i, len(values))], values[-min(j, len(values))]))
        return values[-1], values[-3], values[len(values) // 2] > 0.1, np.sum(values[-2])

    args = [*np.random.default_rng(seed).uniform(-1, 1, (2, 2, 3)), np.float64(0.7)]
    program = program_of(fun, *args)
    table = tabled.tabled(program)
    assert tables_of(table)
    for factor in (1.0, -0.5, 2.0):
        given_now = [args[0] * factor, args[1] - factor, np.float64(factor)]
        same(interpret(table, given_now), interpret(program, given_now))


def recurrence(x: Any, a: Any) -> Any:
    """Each value depends on two before it, in an order that repeats nothing."""
    rng = np.random.default_rng(0)
    values = [x[0], x[1] * a]
    for _ in range(150):
        i, j = rng.integers(0, len(values), 2)
        values.append(0.7 * values[i] - values[j] if i % 2 else 0.5 * values[i] * values[j] + a)
    return np.sum(mean_of(values[-9:]) / x[0])


def mean_of(values: list[Any]) -> Any:
    """The mean, added up one by one."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total / len(values)


def test_a_long_gradient_compiled() -> None:
    """The real loop: gradients like the engine's, in one call; a pole is left to the engine; threads at once."""
    pytest.importorskip("numba")
    derivative = grad(recurrence)
    fast = minigrad.compile(derivative, backend="numba")
    rng = np.random.default_rng(1)
    points = rng.uniform(0.5, 1.5, (8, 2, 14))
    a = np.float64(0.3)
    expected = [derivative(x, a) for x in points]
    same([fast(points[0], a)], expected[:1])
    kept = fast(points[0], a)
    results: list[Any] = [None] * 8

    def run(k: int) -> None:
        for _ in range(20):
            results[k] = fast(points[k], a)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(results, expected)
    same([kept], expected[:1])  # results share no memory with the arena
    assert fast.stats()["replays"] == 161
    bound = fast._replays[0].__globals__.values()
    assert any(getattr(value, "__qualname__", "").startswith("runner.") for value in bound)
    points[0, 0, 3] = 0.0
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(fast(points[0], a), derivative(points[0], a))
    assert fast.stats()["replays"] == 161


@pytest.mark.parametrize(
    ("fun", "good", "bad"),
    [
        (lambda x: 1.0 / x + x - x * 2.0, 1.0, 0.0),
        (lambda x: np.log(x) + x - x * 2.0, 1.0, -1.0),
        (lambda x: np.exp(x) - np.exp(x + 1.0) * 2.0, 1.0, 800.0),
        (lambda x: np.sum(np.exp(x) - np.exp(x + 1.0) * 2.0), 1.0, 800.0),
    ],
    ids=["quotient", "logarithm", "difference", "sum"],
)
def test_infinities_and_nan_are_told(short_and_plain: None, fun: Any, good: float, bad: float) -> None:
    program = tabled.tabled(program_of(fun, np.ones(3)))
    assert tables_of(program)
    x = np.array([0.5, good, 1.0])
    same(interpret(program, [x]), [fun(x)])
    x[1] = bad
    with pytest.raises(FloatingPointError):
        interpret(program, [x])


def test_infinities_without_divisions_are_none_of_the_engines_business(short_and_plain: None) -> None:
    """As with NumPy, which warns of an overflow and goes on."""
    program = tabled.tabled(program_of(lambda x: np.exp(x) * 2.0 + np.exp(x * 0.5), np.ones(3)))
    with np.errstate(over="ignore"):
        (found,) = interpret(program, [np.array([1.0, 800.0, 2.0])])
    assert found[1] == np.inf


def test_guards_of_denominators_stay(short_and_plain: None) -> None:
    """What comes close to zero is looked at within the table, and judged outside of it."""
    pytest.importorskip("numba")
    gradient = minigrad.compile(grad(lambda x: np.sum(np.exp(x) / (x * x + x))), backend="numba")
    with np.errstate(all="ignore"):
        for x in (np.array([1.0, 2.0]), np.array([1e-9, 2.0]), np.array([3.0, 1.0])):
            np.testing.assert_allclose(gradient(x), grad(lambda x: np.sum(np.exp(x) / (x * x + x)))(x), rtol=1e-10)
    assert gradient.stats()["guard failures"] == 1
    assert any("close to 0" in reason for reason in gradient.stats()["reasons"])


def test_where_entries_at_an_index_lie() -> None:
    a = np.arange(24).reshape(2, 3, 4)
    for index in (0, -1, (1, 2), (0, -1, 3), slice(1, 2), (1, slice(1, 3)), (0, slice(None)), (1, 1, slice(2, None))):
        start, size = tabled.place_in(index, a.shape) or (0, 0)
        np.testing.assert_array_equal(a.reshape(-1)[start : start + size], a[index].reshape(-1))
    for index in ((slice(None), 1), slice(None, None, 2), slice(2, 1), None, (0, None), ..., (0, 0, 0, ...), True):
        assert tabled.place_in(index, a.shape) is None


def test_large_values_stay_with_numpy() -> None:
    """A table is for values that the processor's own memory holds."""

    def fun(x: Any) -> Any:
        rng, values = np.random.default_rng(0), [x, 0.5 * x]
        for _ in range(200):
            i, j = rng.integers(0, len(values), 2)
            values.append(values[i] * values[j] - 0.5)
        return values[-1]

    small, large = program_of(fun, np.ones(3)), program_of(fun, np.ones(tabled.MOST_ENTRIES + 1))
    assert tabled.tabled(large) is large
    assert len(tabled.tabled(small).steps) < 10
