"""Sums in which a factor grows from term to term are computed from within, and with the steps that make the terms."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import derivatives, elementwise_grad, grad, value_and_grad
from minigrad.compiler import passes, rounding
from minigrad.compiler.horner import sums_from_within
from minigrad.compiler.meaning import interpret
from minigrad.compiler.traced import Traced

STEPS = 12
X = np.linspace(0.2, 0.9, 5)


def polynomial(x: Any) -> Any:
    y = x
    for _ in range(STEPS):
        y = y * x + 0.1
    return y


def waves(x: Any) -> Any:
    """A step has two factors, one of which is computed on the way back."""
    y = x
    for _ in range(STEPS):
        y = np.sin(y) * x + 0.1
    return y


def logistic_map(r: Any) -> Any:
    """The cotangent of a step is a sum: the program stays as it is."""
    y = 0.3 + 0.0 * r
    for _ in range(STEPS):
        y = r * y * (1.0 - y)
    return y


def growing(u: Any) -> Any:
    """Powers that are written out, in a sum with something before and after."""
    power, total = u, 3.0 + u
    for k in range(1, STEPS):
        power = power * u
        total = total + power * (1.0 / k)
    return total + np.sin(u)


def before(fun: Any, *args: Any) -> Any:
    return passes.optimised(Traced(fun, args, {}).program, rounding.FOR_LOOPS)


def both(fun: Any, *args: Any) -> tuple[Any, Any]:
    """The program before and after the pass."""
    program = before(fun, *args)
    return program, passes.without_dead_code(sums_from_within(program))


@pytest.mark.parametrize("x", [0.7, np.float64(0.7), X, X.astype(np.float32)], ids=["float", "float64", "array", "32"])
@pytest.mark.parametrize("fun", [polynomial, waves])
def test_a_derivative_goes_along_with_the_steps(fun: Any, x: Any) -> None:
    """An operation less for each step, the same derivative, and never many values at once."""
    derivative = elementwise_grad(fun)
    program, after = both(derivative, x)
    assert len(after.steps) <= len(program.steps) - STEPS + 3
    rtol = 1e-5 if getattr(x, "dtype", None) == np.float32 else 1e-12
    np.testing.assert_allclose(interpret(after, [x])[0], derivative(x), rtol=rtol)
    assert most_alive(after) <= 6 < STEPS <= most_alive(program)
    compiled = minigrad.compile(derivative)
    compiled(x)
    found = compiled(0.9 * x)
    np.testing.assert_allclose(found, derivative(0.9 * x), rtol=rtol)
    assert type(found) is type(derivative(x))
    assert compiled.stats()["replays"] == 1


def most_alive(program: Any) -> int:
    """How many values wait to be read at most."""
    last = {var.index: i for i, step in enumerate(program.steps) for var in passes.reads(step)}
    alive, most = 0, 0
    ends = [last.get(step.out.index) for step in program.steps]
    for i in range(len(ends)):
        alive += 1 - ends[:i].count(i)
        most = max(most, alive)
    return most


@pytest.mark.parametrize("x", [0.7, X], ids=["float", "array"])
def test_a_sum_of_powers(x: Any) -> None:
    program, after = both(growing, x)
    assert len(after.steps) < len(program.steps) - STEPS + 4
    np.testing.assert_allclose(interpret(after, [x])[0], growing(x), rtol=1e-13)
    for order in (1, 2, 3):
        fun = lambda x, order=order: derivatives(growing, x, order)[order]
        compiled = minigrad.compile(fun)
        compiled(x)
        np.testing.assert_allclose(compiled(0.5 * x), fun(0.5 * x), rtol=1e-11)


def two_sums(x: Any, y: Any) -> Any:
    for _ in range(STEPS):
        y = y * x + 0.1 * x * x
    return y


@pytest.mark.parametrize(
    ("fun", "args"),
    [
        (value_and_grad(two_sums, (0, 1)), (0.7, 0.3)),  # the factor is a derivative itself
        (lambda u: u * u + u * u * u * 0.5, (X,)),
        (lambda n: (lambda m: n * m + n * m * n * 3 + n * m * n * n * 5)(n + 1), (np.arange(3),)),
        (lambda u: u * 2.0 + np.sin(u) * 3.0 + np.cos(u) * 4.0 + np.exp(u) * 5.0, (X,)),
        (lambda u, v: u * v + (u * v[:, None]) * X + (u * v[:, None] * u) * X, (X, X)),
    ],
    ids=["needed", "short", "integers", "no growth", "shapes"],
)
def test_sums_that_stay_as_they_are(fun: Any, args: Any) -> None:
    program = before(fun, *args)
    assert sums_from_within(program) is program
    found = minigrad.compile(fun)
    found(*args)
    for a, b in zip(np.atleast_1d(found(*args)[0]), np.atleast_1d(fun(*args)[0])):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_what_overflows_is_left_to_the_engine() -> None:
    derivative = elementwise_grad(polynomial)
    compiled = minigrad.compile(derivative)
    compiled(0.7)
    with np.errstate(all="ignore"):
        for x in (1e200, -1e200, np.inf, np.nan, 0.0, -0.0, 1e-300):
            np.testing.assert_array_equal(compiled(x), derivative(x))


def test_two_sums_of_one_program() -> None:
    """The second derivative, whose sums have values of each other."""
    for fun in (polynomial, waves, logistic_map):
        second = grad(grad(fun))
        compiled = minigrad.compile(second)
        compiled(0.7)
        for x in (0.5, 0.9, 1.1):
            np.testing.assert_allclose(compiled(x), second(x), rtol=1e-11)
        assert compiled.stats()["replays"] == 3


def test_long_sums_take_no_longer_for_each_term() -> None:
    """And no recursion as deep as the program."""

    def long(x: Any) -> Any:
        y = x
        for k in range(600):
            y = y * x + 0.1 * (k % 3)
        return y

    _, after = both(elementwise_grad(long), 0.7)
    np.testing.assert_allclose(interpret(after, [0.7])[0], elementwise_grad(long)(0.7), rtol=1e-12)
