"""A compiled function answers what the plain one answers now, whatever changed since the last call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import states_of_containers
import states_of_functions
import states_of_instructions
import states_of_objects
import states_of_other_kinds
import states_of_paths
import states_of_programs
from compiled import assert_same
from known_stale import REFUSED, STALE
from state_battery import CASES, Case, outcomes, quiet

import minigrad
from minigrad import value_and_grad
from minigrad.errors import CannotCompileError

# Importing them fills the table of cases.
FILES = (
    states_of_containers, states_of_functions, states_of_instructions, states_of_objects, states_of_other_kinds,
    states_of_paths, states_of_programs,
)  # fmt: skip


def total(fun: Callable[..., Any]) -> Callable[..., Any]:
    return value_and_grad(lambda *args: np.sum(fun(*args)))


def unchanged(fun: Any) -> Any:
    return fun


MODES: dict[str, Callable[[Any], Any]] = {"value": unchanged, "gradient": total}
TRIED = [(case, mode) for case in CASES for mode in case.modes]


def failure(case: Case, mode: str) -> str | None:
    """What is wrong with the compiled function: "stale", "refused", or nothing."""
    wrapped = MODES[mode]
    with quiet():
        expected = outcomes(wrapped, case.make)
        found = outcomes(lambda fun: minigrad.compile(wrapped(fun)), case.make)
    if any(each is CannotCompileError for each in found):
        return "refused"
    try:
        for got, right in zip(found, expected, strict=True):
            assert_same(got, right)
    except AssertionError as error:
        return f"stale: plain {expected}, compiled {found}: {str(error)[:200]}"
    return None


@pytest.mark.parametrize(("case", "mode"), TRIED, ids=[f"{case.name}-{mode}" for case, mode in TRIED])
def test_state_that_changes(case: Case, mode: str) -> None:
    wrong, name = failure(case, mode), f"{case.name}-{mode}"
    if {case.name, name} & (STALE | REFUSED):
        assert wrong is not None, f"{name} is right now: remove it from the table in known_stale.py"
        pytest.xfail(wrong)
    assert wrong is None, wrong


def test_the_battery_is_large_and_the_table_names_cases() -> None:
    assert len(CASES) >= 180
    names = {case.name for case in CASES} | {f"{case.name}-{mode}" for case, mode in TRIED}
    assert names >= STALE | REFUSED
