"""Curves of derivatives: zeros, extrema, poles, jumps, and rounding noise that is left out."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.show.curves import Curves, curves, mark, table_of
from minigrad.show.expression import Expression


def marked(text: str, start: float, stop: float, order: int, points: int = 1001) -> Curves:
    found = curves(Expression(text), start, stop, order, points)
    mark(found, Expression(text), ("zeros", "extrema"))
    return found


def test_zeros_and_extrema_are_those_of_hermite_polynomials() -> None:
    """d^k exp(-x^2) = (-1)^k H_k(x) exp(-x^2); its extrema are the zeros of H_{k+1}."""
    found = marked("exp(-x**2)", -5.0, 5.0, 6)
    assert found.zeros is not None
    assert found.extrema is not None
    for k in range(1, 7):
        hermite = np.polynomial.Hermite([0] * k + [1])
        np.testing.assert_allclose(found.zeros[k], np.sort(hermite.roots().real), rtol=1e-12, atol=1e-14)
        expected = np.sort(np.polynomial.Hermite([0] * (k + 1) + [1]).roots().real)
        at, values = np.transpose(found.extrema[k])
        np.testing.assert_allclose(at, expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(values, (-1) ** k * hermite(at) * np.exp(-(at**2)), rtol=1e-10)


def test_zeros_that_only_touch_the_axis() -> None:
    found = marked("(x - 0.3)**2 * (x + 1)", -2.0, 2.0, 1)
    assert found.zeros is not None
    np.testing.assert_allclose(found.zeros[0], [-1.0, 0.3], rtol=1e-7)


@pytest.mark.parametrize("points", [100, 101, 1000, 1001])
def test_a_pole_is_no_zero_and_a_jump_is_none(points: int) -> None:
    found = marked("tan(x)", -7.0, 7.0, 1, points)
    assert found.zeros is not None
    np.testing.assert_allclose(found.zeros[0], np.pi * np.arange(-2, 3), rtol=1e-14, atol=1e-15)
    assert found.zeros[1] == []
    np.testing.assert_allclose(found.singular[0], np.pi * np.array([-1.5, -0.5, 0.5, 1.5]), rtol=1e-6)
    assert marked("where(x > 0.1234, 1, -1)", -1.0, 1.0, 1, points).zeros == [[], []]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/x", [[0.0], [0.0]]),
        ("1/(x - 0.777)**2", [[0.777], [0.777]]),
        ("log(x)", [[], [0.0]]),
        ("sqrt(x)", [[], [0.0]]),
        ("1/(x**2 - 1)", [[-1.0, 1.0], [-1.0, 1.0]]),
        ("1/(x**2 + 0.0001)", [[], []]),
        ("exp(20*x)", [[], []]),
        ("abs(x)", [[], []]),
        ("floor(x)", [[], []]),
        ("sin(x)/x", [[], []]),
        ("(exp(x) - 1)/x", [[], []]),
        ("x**3", [[], []]),
    ],
)
def test_singularities(text: str, expected: list[list[float]]) -> None:
    found = curves(Expression(text), -2.0, 2.0, 1, 801)
    assert [len(poles) for poles in found.singular] == [len(poles) for poles in expected]
    for poles, places in zip(found.singular, expected):
        np.testing.assert_allclose(poles, places, rtol=1e-6)


def test_rounding_noise_is_left_out_and_said() -> None:
    found = curves(Expression("(exp(x) - 1)/x"), -2.0, 2.0, 6, 1001)
    x, values = found.x, found.values
    kept = np.isfinite(values[6])
    assert 0.9 < kept.mean() < 1.0
    assert any("for rounding" in note for note in found.notes)
    # The 6th derivative is the integral of t^6 exp(t x) over t from 0 to 1, here by a Gauss rule.
    t, w = np.polynomial.legendre.leggauss(20)
    t, w = 0.5 * t + 0.5, 0.5 * w
    expected = np.exp(np.outer(x, t)) @ (w * t**6)
    np.testing.assert_allclose(values[6][kept], expected[kept], rtol=1e-2)
    assert not any("rounding" in note for note in curves(Expression("x*abs(x)"), -1.0, 1.0, 3, 201).notes)


def test_a_jump_is_a_gap_in_the_line() -> None:
    found = curves(Expression("floor(x)"), -1.5, 1.5, 1, 301)
    assert found.x[np.flatnonzero(found.breaks[0])].round(2).tolist() == [-1.01, -0.01, 0.99]
    assert not curves(np.tanh, -7.0, 7.0, 6, 101).breaks.any()


@pytest.mark.parametrize(
    ("text", "order", "places", "sides"),
    [
        ("|x|", 1, [0.0], (-1, 1)),
        ("|x - 0.1234|", 1, [0.1234], (-1, 1)),
        ("max(x, 0)", 1, [0.0], (0, 1)),
        ("relu(2x + 1)", 1, [-0.5], (0, 2)),
        ("sign(x)", 0, [0.0], (-1, 1)),
        ("heaviside(x - 1/3)", 0, [1 / 3], (0, 1)),
        ("floor(2x)", 0, [-1.0, -0.5, 0.0, 0.5, 1.0], (-3, -2)),
        ("||x| - 1|", 1, [-1.0, 0.0, 1.0], (-1, 1)),
        ("x|x|", 2, [0.0], (-2, 2)),
        ("where(x > 1, x, 0)", 0, [1.0], (0, 1)),
        ("100 + 0.5 sign(x)", 0, [0.0], (99.5, 100.5)),
    ],
)
@pytest.mark.parametrize("points", [500, 1001])
def test_jumps_and_kinks_are_named(text: str, order: int, places: list[float], sides: Any, points: int) -> None:
    found = curves(Expression(text), -1.45, 1.45, 3, points)
    np.testing.assert_allclose([jump.x for jump in found.jumps], places, rtol=1e-9, atol=1e-12)
    assert {jump.order for jump in found.jumps} == {order}
    np.testing.assert_allclose((found.jumps[0].left, found.jumps[0].right), sides, rtol=1e-9, atol=1e-12)
    name = {0: "f jumps at x = ", 1: "f has a kink at x = ", 2: "f'' jumps at x = "}[order]
    assert any(note.startswith(f"{name}{places[0]:.6g}") for note in found.notes)


@pytest.mark.parametrize(
    "text", ["1/x", "tan(x)", "exp(1/x)", "sin(x)/x", "tanh(20x)", "log|x|", "arccos(cos x)/9", "1/x^2"]
)
def test_nothing_else_is_called_a_jump(text: str) -> None:
    found = curves(Expression(text), -3.0, 3.0, 2, 1001)
    assert all(jump.order == 1 and jump.x == 0.0 for jump in found.jumps), found.jumps
    assert not found.jumps or "arccos" in text


def test_overflow_is_called_overflow() -> None:
    notes = curves(Expression("exp(x)"), 0.0, 1000.0, 2, 1001).notes
    assert notes == ["overflows at 291 of 1001 points, from x = 710 to 1000: values above 1.8e308"]
    assert "not defined" in curves(Expression("log(x)"), -1.0, 1.0, 1, 101).notes[1]
    assert not any("overflow" in note for note in curves(Expression("1/x"), -1.0, 1.0, 1, 101).notes)


def test_what_the_points_do_not_follow_is_said() -> None:
    assert "changes within a step" in curves(Expression("tanh(5000*x)"), -1.0, 1.0, 2, 1001).notes[0]
    assert "changes faster than the points" in curves(Expression("sin(1000*x)"), -5.0, 5.0, 2, 1001).notes[0]


@settings(max_examples=25)
@given(st.floats(0.2, 3.0), st.floats(-1.0, 1.0), st.integers(0, 4))
def test_a_smooth_function_has_all_its_points(a: float, b: float, order: int) -> None:
    found = curves(lambda x: np.exp(-((a * x + b) ** 2)) + np.sin(a * x), -3.0, 3.0, order, 601)
    assert np.isfinite(found.values).all()
    assert not found.breaks.any()
    assert found.notes == []
    assert found.singular == [[]] * (order + 1)


def test_functions_that_take_numbers_only_or_mix_entries() -> None:
    x = np.linspace(0.5, 2.0, 7)
    expected = [x**2, 2 * x]
    np.testing.assert_allclose(table_of(lambda t: t * t if t > 1 else t**2, x, 1), expected)
    np.testing.assert_allclose(table_of(lambda t: t**3 / np.sum(t), x, 1), expected)
    logs = table_of(lambda t: np.log(t) if math.sqrt(float(np.sign(t))) else t, np.array([-1.0, 1.0]), 1)
    np.testing.assert_allclose(logs, [[np.nan, 0.0], [np.nan, 1.0]])
