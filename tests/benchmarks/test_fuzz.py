"""Random programs by every mode: none differs, and an error that is planted in a rule is found."""

import os
from typing import Any

import numpy as np
import planted
import pytest

import minigrad.rules.elementwise as elementwise
import minigrad.rules.moving as moving
import minigrad.rules.products as products
import minigrad.rules.shapes as shapes
from benchmarks.fuzz import comparisons, running
from benchmarks.fuzz.__main__ import main, summary

SEED = int(os.environ.get("FUZZ_SEED", "1"))  # the same programs in every run; `python -m benchmarks.fuzz` tries others


@pytest.mark.parametrize("kind", running.KINDS)
def test_modes_agree_on_random_programs(kind: str) -> None:
    """Two hundred in all; what fails is printed as a program, with its seed."""
    number = 20 if kind == "series" else 40
    state = running.run(number, SEED, kinds=(kind,), most_faults=1)
    print(f"--seed {SEED} --kind {kind}\n{summary(state)}")
    assert not state.found, "\n" + state.found[0].fault.text(state.found[0].seed)
    assert state.programs == number
    assert state.counts["series" if kind == "series" else "value"] > number


#: A rule, and within how many programs an error of one percent in it is found.
PLANTED: dict[str, tuple[Any, str, int, int]] = {
    "sin, both modes": (elementwise.sin.primitive, "rule", 0, 200),
    "multiply, both modes": (elementwise.multiply.primitive, "rule", 1, 100),
    "transpose of an index": (moving.getitem.primitive, "vjp", 0, 300),
    "transpose of a sum": (shapes.sum_.primitive, "vjp", 0, 100),
    "transpose of a product of matrices": (products.matmul.primitive, "vjp", 0, 600),
    "second coefficient of a series of products": (elementwise.multiply.primitive, "taylor", 2, 300),
}
CHEAP = [c for c in comparisons.COMPARISONS if c.group in ("first order", "Taylor")]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_found(name: str) -> None:
    primitive, what, k, within = PLANTED[name]
    with planted.Rule(primitive, what, k).planted():
        state = running.run(within, 5, comparisons=CHEAP, kinds=("float64",), most_faults=1, shrinks=False)
    assert state.found, summary(state)


def test_what_is_found_is_a_program_that_runs() -> None:
    """Small, and with both numbers that differ."""
    with planted.Rule(elementwise.sin.primitive, "rule", 0).planted():
        (found,) = running.run(200, 5, kinds=("float64",), most_faults=1).found
        text = found.fault.text(found.seed)
        assert f"--seed {found.seed}" in text
        assert "np.sin" in text
        assert len(found.fault.program.body) <= 3
        exec(compile(text, "<found>", "exec"), {})


def test_the_command_prints_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--programs", "3", "--seed", "2", "--no-progress", "--only", "value*"]) == 0
    assert "| comparisons, value |" in capsys.readouterr().out


def test_differences_that_do_not_settle_are_no_reference() -> None:
    with pytest.raises(comparisons.Rough):
        comparisons.difference(lambda t: np.abs(t))
    assert abs(comparisons.difference(np.sin) - 1.0) < 1e-9
