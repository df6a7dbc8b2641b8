"""Where operations come from: passes of loops, told from what runs in C."""

import dis
from typing import Any

import numpy as np

from minigrad import trace
from minigrad.core.origins import in_loop


def straight(x: Any) -> Any:
    y = np.sin(x)
    return y * 2.0


def looped(x: Any) -> Any:
    for _ in range(2):
        x = np.sin(x)
    return x * 2.0


def while_looped(x: Any, n: int = 0) -> Any:
    while n < 3:
        x, n = x * 2.0, n + 1
    return x


def instructions(fun: Any, line: int) -> list[int]:
    """Of one line of a function."""
    of_line = lambda step: step.positions.lineno == fun.__code__.co_firstlineno + line
    return [step.offset for step in dis.get_instructions(fun.__code__) if of_line(step)]


def test_which_instructions_are_in_a_loop() -> None:
    assert not any(in_loop(straight.__code__, k) for k in instructions(straight, 1))
    assert all(in_loop(looped.__code__, k) for k in instructions(looped, 2))
    assert not any(in_loop(looped.__code__, k) for k in instructions(looped, 3))
    assert any(in_loop(while_looped.__code__, k) for k in instructions(while_looped, 2))


def test_runs_are_executions_of_a_line() -> None:
    """One number for what a line does at once; another one when it runs again, or another line does."""
    assert [origin.run for origin in trace(straight, 0.5).origins] == [-1, 1, 2]
    assert [origin.run for origin in trace(looped, 0.5).origins] == [-1, 1, 2, 3]
    assert [origin.run for origin in trace(lambda x: while_looped(x), 0.5).origins] == [-1, 1, 2, 3]
    several = trace(lambda x: np.sum(np.sin(x) * x + x), np.ones(3))
    assert {origin.run for origin in several.origins[1:]} == {1}


def test_recursion_and_comprehensions() -> None:
    def deep(x: Any, n: int) -> Any:
        return x if n == 0 else np.sin(deep(x, n - 1))

    assert [origin.run for origin in trace(lambda x: deep(x, 3), 0.5).origins[1:]] == [1, 2, 3]
    listed = trace(lambda x: [np.sin(t) for t in (x, x, x)], 0.5)
    assert [origin.run for origin in listed.origins[1:]] == [1, 2, 3]
