"""What a program costs to make: as many steps of the interpreter as it has operations, times a constant."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import grad


def steps_of_python(fun: Callable[[], Any]) -> int:
    """How many instructions Python runs in `fun`, and how many calls: a count, which no other process disturbs."""
    count = 0

    def count_each(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        frame.f_trace_opcodes = True
        return count_each

    before = sys.gettrace()
    sys.settrace(count_each)
    try:
        fun()
    finally:
        sys.settrace(before)
    return count


def chain(n: int) -> tuple[Any, tuple[Any, ...]]:
    def fun(x: Any) -> Any:
        y = x
        for _ in range(n):
            y = np.sin(y) * x
        return np.sum(y)

    return fun, (np.linspace(0.1, 0.9, 3),)


def chain_of_numbers(n: int) -> tuple[Any, tuple[Any, ...]]:
    def fun(x: Any) -> Any:
        y = x
        for _ in range(n):
            y = y * x + 0.5
        return y

    return fun, (0.3,)


def views(n: int) -> tuple[Any, tuple[Any, ...]]:
    def fun(x: Any) -> Any:
        total = 0.0
        for i in range(n):
            total = total + x[i] * 2.0
        return total

    return fun, (np.linspace(0.1, 0.9, n),)


def leaves(n: int) -> tuple[Any, tuple[Any, ...]]:
    def fun(arrays: Any) -> Any:
        total = 0.0
        for array in arrays:
            total = total + np.sum(np.sin(array))
        return total

    return fun, ([np.full(3, i / n) for i in range(n)],)


def captured(n: int) -> tuple[Any, tuple[Any, ...]]:
    arrays = [np.full(12, i / n) for i in range(n)]

    def fun(x: Any) -> Any:
        for array in arrays:
            x = np.sin(x) + array * x
        return np.sum(x)

    return fun, (np.ones(12),)


def clipped(n: int) -> tuple[Any, tuple[Any, ...]]:
    """Functions of which it is not known whether they make new arrays, each of what the last one returned."""

    def fun(x: Any) -> Any:
        y = x
        for _ in range(n):
            y = np.clip(y, x * 0.5, 2.0)
        return np.sum(y)

    return fun, (np.linspace(0.1, 0.9, 3),)


@pytest.mark.parametrize("make", [chain, chain_of_numbers, views, leaves, captured, clipped])
@pytest.mark.parametrize("way", ["compile", "source"])
def test_the_time_to_compile_is_linear_in_the_length_of_the_tape(make: Any, way: str) -> None:
    """Four times the operations take four times the steps, not sixteen times."""
    counts = []
    for n in (40, 160):
        fun, args = make(n)
        gradient = grad(fun)

        def made(gradient: Any = gradient, args: Any = args) -> Any:
            return minigrad.compile(gradient)(*args) if way == "compile" else minigrad.source(gradient, *args)

        made()  # what is done once for a shape or a piece of code
        counts.append(steps_of_python(made))
    assert counts[1] < 4.6 * counts[0]
