"""Mistakes that people make in their work are named; where none is known, the report says what to do next."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad

pytest.importorskip("scipy", reason="some of the functions are SciPy's")
from benchmarks.corpus.realistic import CASES
from benchmarks.corpus.realistic.case import Case, normal, sigmoid, softmax

# Wrong gradients of functions that no hypothesis makes: the report must not guess.
NOT_NAMED = {
    "adjoint_in_the_forward_order",
    "attention_with_a_sum_over_the_wrong_axis",
    "bodies_with_the_wrong_power",
}


def report_of(case: Case, wrong: bool) -> minigrad.Report:
    f, manual, args = case.build(wrong)
    return minigrad.check(f, manual, *args, argnum=tuple(range(len(args))) if len(args) > 1 else 0)


@pytest.mark.parametrize("name", CASES)
def test_a_realistic_mistake_is_named(name: str) -> None:
    case = CASES[name]
    assert report_of(case, wrong=False).verdict == "OK"
    report = report_of(case, wrong=True)
    assert report.verdict == "WRONG"
    said = [leaf.diagnosis for leaf in report.leaves if leaf.diagnosis]
    if name in NOT_NAMED:
        assert said == []
        assert report.programs is not None
    else:
        assert any(re.search(case.says, diagnosis) for diagnosis in said), said


def test_nine_of_ten_are_named() -> None:
    assert len(CASES) >= 60
    assert len(NOT_NAMED) <= len(CASES) / 10
    assert {case.field for case in CASES.values()} == {"vision", "sequences", "statistics", "physics", "finance"}


# ----- mistakes for which nothing above was written -------------------------------------------------------------------

x, t = normal(6, 4, seed=11), normal(6, 4, seed=12)
W, y = normal(4, 3, seed=13), normal(6, 3, seed=14)
HELD_OUT: dict[str, tuple[Callable[..., Any], Callable[..., Any], Any, str]] = {
    "gelu without its second term": (
        lambda z: np.sum(z * np.tanh(z) * t),
        lambda z: np.tanh(z) * t,
        x,
        "nothing flows back into operand 2 of multiply|derivative of tanh|nothing flows",
    ),
    "softplus with the function for its slope": (
        lambda z: np.sum(np.log(1 + np.exp(z)) * t),
        lambda z: np.exp(z) * t,
        x,
        "derivative of (log|.*log.*) is missing|extra factor",
    ),
    "swish without the sigmoid's derivative": (
        lambda z: np.sum(z / (1 + np.exp(-z)) * t),
        lambda z: sigmoid(z) * t,
        x,
        "nothing flows",
    ),
    "cosine similarity with both lengths constant": (
        lambda u: np.sum(u[0] * u[1]) / np.sqrt(np.sum(u[0] ** 2)) / np.sqrt(np.sum(u[1] ** 2)),
        lambda u: u[::-1] / np.sqrt(np.sum(u[0] ** 2)) / np.sqrt(np.sum(u[1] ** 2)),
        normal(2, 5, seed=3),
        "nothing flows|taken for constants|only what flows",
    ),
    "mean squared error with the mean over one axis": (
        lambda W: np.mean((x @ W - y) ** 2),
        lambda W: 2 * x.T @ (x @ W - y) / 6,
        W,
        "factor of 3",
    ),
    "centred data taken for constant": (
        lambda z: np.sum((z - z.mean(0)) ** 3),
        lambda z: 3 * (z - z.mean(0)) ** 2,
        x,
        "nothing flows.*mean",
    ),
    "the square for its derivative": (
        lambda z: np.sum(np.square(z) * t),
        lambda z: np.square(z) * t,
        x,
        "taken to be square itself|extra factor|derivative of square",
    ),
    "clipping that lets everything through": (
        lambda z: np.sum(np.minimum(np.maximum(z, -0.5), 0.5) * t),
        lambda z: t * (z > -0.5),
        x,
        "derivative of minimum is missing",
    ),
    "columns softmaxed in place of rows": (
        lambda z: -np.sum(t * (z - np.log(np.sum(np.exp(z), axis=1, keepdims=True)))),
        lambda z: -t + softmax(z, axis=0) * np.sum(t, axis=0),
        x,
        "axis",
    ),
    "matrix of the other layer": (
        lambda z: np.sum(np.tanh(np.tanh(z @ A) @ B)),
        lambda z: ((1 - np.tanh(np.tanh(z @ A) @ B) ** 2) @ A.T * (1 - np.tanh(z @ A) ** 2)) @ A.T,
        x,
        "wrong layer|wrong value",
    ),
}
A, B = normal(4, 4, seed=21), normal(4, 4, seed=22)


@pytest.mark.parametrize("name", HELD_OUT)
def test_other_mistakes_are_named(name: str) -> None:
    f, manual, point, says = HELD_OUT[name]
    report = minigrad.check(f, manual, point)
    assert report.verdict == "WRONG"
    assert re.search(says, report.leaves[0].diagnosis or ""), report.leaves[0].diagnosis


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_no_mistake_that_has_a_name(seed: int) -> None:
    """Whatever the program, a gradient of random numbers is not explained."""
    case = list(CASES.values())[seed * 12]
    f, _, args = case.build(False)
    noise = [normal(*np.shape(arg), seed=seed + 50 + k) for k, arg in enumerate(args)]
    several = len(args) > 1
    report = minigrad.check(
        f, tuple(noise) if several else noise[0], *args, argnum=tuple(range(len(args))) if several else 0
    )
    assert [leaf.diagnosis for leaf in report.leaves if leaf.verdict == "WRONG"] == [None] * len(args)


def test_a_factor_is_named_where_it_is_the_same_at_several_points() -> None:
    f = lambda w: np.sum(np.log(1 + np.exp(w * x[:, 0])))
    report = minigrad.check(f, lambda w: 0.25 * np.sum(x[:, 0] * sigmoid(w * x[:, 0])), 0.4)
    assert report.leaves[0].diagnosis == "a constant factor of 1/4"
    report = minigrad.check(f, lambda w: np.sum(x[:, 0] * sigmoid(w * x[:, 0]) ** 2), 0.4)
    assert "factor of" not in (report.leaves[0].diagnosis or "")


# ----- what the report shows ------------------------------------------------------------------------------------------


def by_hand(w: Any) -> Any:
    """A gradient that no mistake explains."""
    return np.array([0.3, w[0] ** 3, 2.0])


def test_small_leaves_are_shown_whole_and_a_riddle_comes_with_the_next_step() -> None:
    report = minigrad.check(lambda w: np.sum(np.sin(w) ** 2), by_hand, np.array([0.5, 1.0, -0.5]))
    shown = str(report)
    assert re.search(r"\[0\] +0\.3 +0\.841471 +0\.3565", shown)
    assert "What to do next: name intermediate values" in shown
    assert "deltas={'u': ...}" in shown
    assert "return np.array([0.3, w[0] ** 3, 2.0])" in shown
    assert "np.cos(" in shown.split("what the tape writes")[1]
    from minigrad.checking.page import html

    page = html(report)
    assert "What to do next" in page
    assert "np.cos(" in page
    assert "All entries of" in page
    assert report.to_dict()["programs"][0].startswith("def by_hand")


def test_what_is_explained_needs_no_next_step() -> None:
    report = minigrad.check(lambda w: np.sum(w**2), lambda w: w, np.ones(3))
    assert report.programs is None
    assert "What to do next" not in str(report)
