"""The report: its text, its JSON, what it refuses, and the tour's backpropagation as a worked example."""

import dataclasses
import inspect
import json
import math

import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
import nn.backprop
from minigrad import Report, Verdict, check, check_grads
from minigrad.extend import defjvp, defvjp, primitive
from nn.loss import logistic
from nn.mlp import init

x3 = np.array([1.0, -2.0, 0.5])


def wrong_report(**options):
    return check(lambda x: np.sum(x**3), lambda x: 2 * x**2, x3, **options)


def test_verdicts_are_these_four_strings():
    assert [str(v) for v in Verdict] == ["OK", "WRONG", "NOT DIFFERENTIABLE HERE", "INCONCLUSIVE"]
    assert wrong_report().verdict is Verdict.WRONG
    assert wrong_report().verdict == "WRONG"
    assert isinstance(wrong_report(), Report)


def test_a_report_has_no_truth_value():
    with pytest.raises(TypeError, match=r'report.verdict == "OK"'):
        bool(wrong_report())


def test_a_report_cannot_be_changed():
    report = wrong_report()
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.verdict = Verdict.OK
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.leaves[0].verdict = Verdict.OK


def test_the_text_says_what_matters():
    text = str(wrong_report(seed=7))
    assert text.startswith("WRONG: the gradient <lambda>, written by hand, against <lambda>")
    for part in (
        "x of shape (3,)", "float64", "seed 7", "evaluations of f", "worst entry [1]: yours 8, tape 12",
        "looks like: a constant factor of 2/3", "Taylor remainders", "slope 1", "noise of f", "floor",
    ):  # fmt: skip
        assert part in text, part
    assert "worst entry" not in str(check(lambda x: np.sum(x**3), lambda x: 3 * x**2, x3))


def test_the_numbers_of_a_leaf():
    leaf = wrong_report().leaves[0]
    assert (leaf.worst_manual, leaf.worst_tape) == (8.0, 12.0)
    assert leaf.worst_numerical == pytest.approx(12.0, rel=1e-8)
    assert leaf.norm_manual == pytest.approx(np.linalg.norm(2 * x3**2))
    assert leaf.norm_tape == pytest.approx(np.linalg.norm(3 * x3**2))
    assert leaf.norm_numerical == pytest.approx(np.linalg.norm(3 * x3**2), rel=1e-7)
    assert (leaf.max_abs, leaf.size, leaf.shape) == (4.0, 3, (3,))
    assert leaf.max_rel == pytest.approx(1 / 3)
    assert leaf.cosine == pytest.approx(1.0)
    assert 0 < leaf.tolerance < 1e-12


def test_json_is_read_by_every_parser():
    z = np.array([1 + 2j])
    for report in (wrong_report(), check(lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z, z),
                   check(lambda x: np.sum(np.sqrt(x)), lambda x: x + np.inf, np.zeros(2))):  # fmt: skip
        read = json.loads(report.to_json(), parse_constant=lambda text: pytest.fail(text))
        assert read["verdict"] == str(report.verdict)
        assert read["leaves"][0]["path"] in ("x", "z")
        assert len(read["curve"]) == len(read["taylor"]) >= 10


def test_the_slope_is_2_for_a_right_gradient_and_1_for_a_wrong_one():
    right = check(lambda x: np.sum(np.exp(x)), np.exp, x3)
    assert right.slope == pytest.approx(2.0, abs=0.05)
    assert wrong_report().slope == pytest.approx(1.0, abs=0.05)


def test_the_curve_of_error_against_step_has_a_minimum_where_the_model_says():
    report = check(lambda x: np.sum(np.exp(x)), np.exp, x3)
    best = min(report.curve, key=lambda point: abs(point.central - point.complex))
    predicted = min(report.curve, key=lambda point: point.predicted)
    assert abs(math.log10(best.step / predicted.step)) <= 1
    for point in report.curve:
        assert abs(point.central - point.complex) <= 10 * point.predicted


def test_the_same_seed_gives_the_same_report():
    def numbers(report):
        return {key: value for key, value in report.to_dict().items() if key != "seconds"}

    assert numbers(wrong_report(seed=3)) == numbers(wrong_report(seed=3))
    assert numbers(wrong_report(seed=3)) != numbers(wrong_report(seed=4))


def test_many_leaves_are_shown_in_part_with_the_wrong_ones_first():
    def by_hand(xs):
        return [x * (3.0 if k == 70 else 2.0) for k, x in enumerate(xs)]

    text = str(check(lambda xs: sum(np.sum(x**2) for x in xs), by_hand, [x3 + k for k in range(80)]))
    assert "[70]" in text
    assert "and 40 more, all OK" in text


def test_public_functions_are_documented():
    for fun in (check, minigrad.finite_difference, minigrad.richardson, minigrad.complex_step, check_grads):
        assert ">>>" in inspect.getdoc(fun)
    assert {"check", "check_grads", "complex_step", "finite_difference", "richardson"} <= set(minigrad.__all__)


# ----- the tour -------------------------------------------------------------------------------------------------------

A, b = init([2, 15, 3], rng=0)
x = np.random.default_rng(1).uniform(-1, 1, (2, 40))
Y = np.eye(3)[:, np.arange(40) % 3]


def tour_loss(A, b, x, Y):
    X = x
    for r in range(len(A)):
        X = minigrad.name(mnp.arctan(A[r] @ X + b[r]), f"x{r + 1}")
    return logistic(X, Y)


def tour_deltas(A, b, x, Y, forgotten=False):
    """The gradients in x[2] and x[1], as in the tour: g = A^T (rho'(u) g)."""
    X, U = [x], []
    for r in range(2):
        U.append(A[r] @ X[r] + b[r])
        X.append(np.arctan(U[r]))
    e = np.exp(X[2])
    g = e / e.sum(axis=0) - Y
    return {"x2": g, "x1": A[1].T @ (g if forgotten else g / (1 + U[1] ** 2))}


def test_the_backpropagation_of_the_tour():
    report = check(tour_loss, nn.backprop.gradient, A, b, x, Y, argnum=(0, 1), deltas=tour_deltas)
    assert (report.verdict, report.kind) == ("OK", "value_and_gradient")
    assert [leaf.path for leaf in report.leaves] == ["A[0]", "A[1]", "b[0]", "b[1]"]
    assert [layer.name for layer in report.layers] == ["x2", "x1"]


def test_the_backpropagation_of_the_tour_without_the_activation():
    def forgotten(A, b, x, Y):
        g = tour_deltas(A, b, x, Y, forgotten=True)
        u = A[0] @ x + b[0]
        M = [g["x1"] / (1 + u**2), g["x2"]]
        return [M[0] @ x.T, M[1] @ np.arctan(u).T], [m.sum(axis=1, keepdims=True) for m in M]

    report = check(
        tour_loss, forgotten, A, b, x, Y, argnum=(0, 1), deltas=lambda *args: tour_deltas(*args, forgotten=True)
    )
    assert report.verdict == "WRONG"
    assert report.first_diverging == "x1"
    for leaf in report.leaves:
        assert leaf.diagnosis.startswith("the derivative of arctan is missing, at test_report.py")
        assert leaf.diagnosis.endswith("(x2)")


# ----- check_grads ----------------------------------------------------------------------------------------------------


def cube_with(vjp_factor, jvp_factor):
    @primitive
    def cube(x):
        return x**3

    defvjp(cube, lambda ans, x: lambda g: vjp_factor * g * 3 * x**2)
    defjvp(cube, lambda t, ans, x: jvp_factor * t * 3 * x**2)
    return cube


def test_check_grads_finds_wrong_rules():
    check_grads(cube_with(1.0, 1.0))(x3)
    with pytest.raises(AssertionError, match=r"reverse mode \(VJP\) check of cube failed at order 1 .*: WRONG"):
        check_grads(cube_with(1.001, 1.0))(x3)
    with pytest.raises(AssertionError, match=r"forward mode \(JVP\) check of cube failed at order 1 .*: WRONG"):
        check_grads(cube_with(1.0, 0.9))(x3)
    check_grads(cube_with(1.0, 0.9), modes=["rev"])(x3)


def test_check_grads_at_every_scale():
    for scale in (1e-12, 1e-8, 1.0, 1e8, 1e12):
        check_grads(lambda x, s=scale: s * np.sin(x))(x3)
        check_grads(lambda x, s=scale: np.sin(x / s))(s_times(scale))
        wrong = cube_with(2.5, 2.5)
        with pytest.raises(AssertionError, match="WRONG"):
            check_grads(lambda x, s=scale, f=wrong: s * f(x), order=1)(x3)


def s_times(scale):
    return scale * x3


def test_check_grads_takes_the_arguments_of_autograd():
    check_grads(lambda x, y: x * np.sin(y), (0, 1), ["fwd"], 2)(x3, x3)
    check_grads(np.sin, order=1, modes=("rev",))(0.3)
    check_grads(np.sin, 0, ("rev",), 1)(0.3)
    with pytest.raises(AssertionError, match="NOT DIFFERENTIABLE HERE"):
        check_grads(np.abs)(0.0)
