"""Ordinary programs: the answers are those of the plain function, and nearly all calls are answered by a program."""

from typing import Any

import more_programs
import pytest
from compiled import assert_same
from known_stale import NO_REPLAYS
from ordinary_programs import PROGRAMS, Program
from state_battery import quiet

import minigrad

assert more_programs  # importing it adds to the programs

SETTLED = 3  #: calls that a function may take until it replays


class Counted:
    """A compiled function that counts its calls, and how many of those after the third were replays."""

    def __init__(self, fun: Any) -> None:
        self.compiled = minigrad.compile(fun)
        self.calls = self.late = self.replays = 0

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else lambda *args: self(instance, *args)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = self.compiled.stats()["replays"]
        result = self.compiled(*args, **kwargs)
        self.calls += 1
        if self.calls > SETTLED:
            self.late += 1
            self.replays += self.compiled.stats()["replays"] - before
        return result


def replays(program: Program) -> tuple[int, int]:
    """How many of the calls after the third were replays, of how many; the results are compared with the plain ones."""
    made: list[Counted] = []

    def compiled(fun: Any) -> Any:
        made.append(Counted(fun))
        return made[-1]

    with quiet():
        expected = list(program.run(lambda fun: fun))
        found = list(program.run(compiled))
    for got, right in zip(found, expected, strict=True):
        assert_same(got, right, rtol=1e-10)
    return sum(each.replays for each in made), sum(each.late for each in made)


@pytest.mark.parametrize("program", PROGRAMS, ids=[each.name for each in PROGRAMS])
def test_results_and_replays(program: Program) -> None:
    answered, late = replays(program)
    enough = answered == late if program.named else answered >= 0.8 * late
    if program.name in NO_REPLAYS:
        assert not enough, f"{program.name} replays now: remove it from the table in known_stale.py"
        pytest.xfail(f"{answered} replays of {late} calls")
    assert enough, f"{answered} replays of {late} calls"


def test_nearly_all_calls_are_replays() -> None:
    """At least 95 percent of the calls after the third, over all programs that are not in the table."""
    assert len(PROGRAMS) >= 100
    assert {each.name for each in PROGRAMS} >= NO_REPLAYS
    figures = [replays(each) for each in PROGRAMS if each.name not in NO_REPLAYS]
    assert sum(answered for answered, _ in figures) >= 0.95 * sum(late for _, late in figures)
