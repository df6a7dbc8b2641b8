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


# ----- traces that come to nothing ------------------------------------------------------------------------------------


def test_a_counter_among_the_arguments_is_not_traced_for_ever() -> None:
    """Nor are ever longer arrays, or functions made for each call; the statistics say what it is."""
    calls: list[Any] = [
        lambda compiled, k: compiled(np.ones(3), k), lambda compiled, k: compiled(np.ones(k + 1), 2),
        lambda compiled, k: compiled(np.ones(3), lambda: k),
    ]  # fmt: skip
    for call in calls:
        compiled = minigrad.compile(lambda x, k: x * (k() if callable(k) else k))
        for k in range(200):
            answer = call(compiled, k)
            assert np.array_equal(answer, call(compiled.fun, k))
        stats = compiled.stats()
        assert stats["traces"] <= 10
        assert stats["eager"] >= 190
        assert stats["signatures"] <= 10
        assert stats["reasons"] == {
            "every call brings another kind of arguments: only one that comes again is traced": stats["eager"]
        }


def test_a_counter_does_not_hide_behind_a_program_that_is_used() -> None:
    compiled = minigrad.compile(lambda x, k: x * k)
    for k in range(100):
        compiled(np.ones(3), 2)
        compiled(np.ones(3), k)
    assert compiled.stats()["traces"] <= 12
    assert compiled.stats()["replays"] >= 98


def test_many_kinds_of_arguments_that_come_again_are_all_traced() -> None:
    compiled = minigrad.compile(lambda x: x * 2.0)
    for _ in range(4):
        for n in range(1, 41):
            assert np.array_equal(compiled(np.ones(n)), np.full(n, 2.0))
    stats = compiled.stats()
    assert (stats["traces"], stats["signatures"]) == (40, 40)
    assert stats["replays"] >= 80


def test_more_kinds_than_are_kept_are_traced_ever_more_seldom() -> None:
    compiled = minigrad.compile(lambda x: x * 2.0)
    for _ in range(40):
        for n in range(1, 101):
            compiled(np.ones(n))
    assert compiled.stats()["traces"] < 700  # of 4000 calls


def test_the_memory_of_programs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.compiler import replay

    captured = np.ones(1000)
    monkeypatch.setattr(replay, "MOST_BYTES", 50_000)
    compiled = minigrad.compile(lambda x: x * captured[: x.size] * np.sum(captured))
    for _ in range(3):
        for n in range(1, 21):
            assert np.array_equal(compiled(np.ones(n)), np.full(n, 1000.0))
    assert compiled.stats()["bytes"] <= 50_000
    assert 1 <= compiled.stats()["programs"] < 20


def test_a_large_captured_array_of_which_little_is_read() -> None:
    """Comparing what was read takes no longer than the function, or the engine answers and says why."""
    large = np.arange(1e6)
    for fun, is_compiled in (
        (lambda x: x * large[3], True),
        (lambda x: x * large[3:6], True),
        (lambda x: x * large.reshape(1000, 1000)[2, :3], None),
        (lambda x: large[np.argmax(x)] * x, False),
    ):
        compiled = minigrad.compile(fun)
        for k in range(6):
            large[3] += 1.0
            large[2002] -= 1.0
            for _ in range(3):
                assert np.array_equal(compiled(np.ones(3) * k), fun(np.ones(3) * k))
        stats = compiled.stats()
        if is_compiled:
            assert stats["eager"] == 0
        elif is_compiled is False:
            assert stats["replays"] == 0
            assert any("comparing captured arrays of 8 MB takes longer" in reason for reason in stats["reasons"])
    large.flags.writeable = False
    compiled = minigrad.compile(lambda x: large[np.argmax(x)] * x)
    for k in range(6):
        assert np.array_equal(compiled(np.ones(3) * k), large[0] * np.ones(3) * k)
    assert compiled.stats()["eager"] == 0
