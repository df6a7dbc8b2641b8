"""What the stations measure, without drawing; and that their views only show it."""

import ast
import importlib
import json
import pkgutil
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest

import nn.stations
from nn.loss import logistic
from nn.mlp import forward, parameters
from nn.report import Section
from nn.stations import (
    activation,
    class_map,
    comparison,
    data,
    depth,
    derivatives,
    quadratic,
    recursion,
    tape,
    training,
    view,
)
from nn.stations.problem import Settings, load_problem

SHARED = {"networks", "problem", "view"}
STATIONS = sorted(m.name for m in pkgutil.iter_modules(nn.stations.__path__) if m.name not in SHARED)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return load_problem(Settings(tmp_path_factory.mktemp("out"), seed=1, data="two_arcs", steps=40, quick=True))


@pytest.fixture(scope="module")
def trained(problem):
    return training.measure(problem)


# ----- every station --------------------------------------------------------------------------------------------------


def functions(name):
    """The functions of a station by name."""
    tree = ast.parse(Path(importlib.import_module(f"nn.stations.{name}").__file__).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def reached(name, start):
    """The functions of a station that `start` calls, itself included."""
    known, found, pending = functions(name), set(), [start]
    while pending:
        current = pending.pop()
        if current in known and current not in found:
            found.add(current)
            pending += [node.id for node in ast.walk(known[current]) if isinstance(node, ast.Name)]
    return [known[f] for f in found]


def names(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


@pytest.mark.parametrize("name", STATIONS)
@pytest.mark.parametrize("start", ["show", "numbers"])
def test_a_view_does_no_arithmetic(name, start):
    for function in reached(name, start):
        for node in ast.walk(function):
            # `|` joins dictionaries.
            arithmetic = isinstance(node, ast.BinOp) and not isinstance(node.op, ast.BitOr)
            assert not arithmetic, f"{name}.{function.name}, line {node.lineno}: {ast.unparse(node)}"
        assert not names(function) & {"np", "numpy", "sum", "max", "min", "round"}


@pytest.mark.parametrize("name", STATIONS)
def test_a_measurement_draws_nothing_and_writes_no_section(name):
    for function in reached(name, "measure"):
        assert not names(function) & {"plots", "Section", "Table", "picture"}


def test_the_documentation_lists_every_station():
    listed = [line.split("`")[1] for line in nn.stations.__doc__.splitlines() if line.startswith("| `")]
    assert sorted(listed) == STATIONS


def test_measurements_show_themselves_and_cannot_be_changed(problem, trained):
    measured = {training: trained, class_map: class_map.measure(problem, trained)}
    for station in (data, activation, depth, derivatives, quadratic, comparison, tape, recursion):
        measured[station] = station.measure(problem)
    for station, result in measured.items():
        assert isinstance(station.show(problem, result), Section)
        if hasattr(station, "numbers"):
            json.dumps(station.numbers(result), allow_nan=False)
        with pytest.raises(FrozenInstanceError):
            setattr(result, fields(result)[0].name, None)
    assert len(list(problem.settings.out.glob("*.png"))) == 9


# ----- one by one -----------------------------------------------------------------------------------------------------


def test_samples_are_counted(problem):
    measured = data.measure(problem)
    assert (measured.train, measured.held_out, measured.train_per_class) == (200, 200, (100, 100))
    assert measured.variance_in_plane == 1.0


def test_the_slope_of_the_activation(problem):
    measured = activation.measure(problem)
    assert measured.error <= 1e-15
    np.testing.assert_array_equal(measured.value, np.arctan(measured.t))


def test_training_agrees_with_its_history(problem, trained):
    history = trained.result.history
    assert trained.widths == [2, 15, 2]
    assert trained.loss_per_sample[0] == pytest.approx(history.loss[0] / 200)
    assert trained.accuracy == history.accuracy[-1]
    assert trained.held_out_accuracy == history.held_out[-1]
    assert trained.loss_per_sample.min() > trained.least_loss > 0.0
    assert trained.validation is None
    assert training.numbers(trained)["held_out_by"] == "split"


def test_cross_validation_holds_out_every_sample_once(tmp_path):
    problem = load_problem(Settings(tmp_path, data="wine", steps=30, gradient="backprop"))
    validation = training.measure(problem).validation
    assert validation.samples == 178
    assert len(validation.accuracy_per_fold) == 5
    assert min(validation.accuracy_per_fold) <= validation.accuracy <= max(validation.accuracy_per_fold)


def test_the_class_map_holds_probabilities(problem, trained):
    U = class_map.measure(problem, trained).probabilities
    assert U.shape == (2, 300, 300)
    np.testing.assert_allclose(U.sum(axis=0), 1.0, rtol=1e-14)
    # A row of the map is horizontal, the first one is the lowest.
    corner = np.array([[1.0], [-1.0]])
    scores = forward(trained.result.A, trained.result.b, corner)[-1]
    np.testing.assert_allclose(U[1, 0, -1] / U[0, 0, -1], np.exp(scores[1, 0] - scores[0, 0]), rtol=1e-12)


def test_medians_of_the_depth_study(problem):
    measured = depth.measure(problem)
    assert [kind.hidden for kind in measured.networks] == [1, 2, 3, 4, 5]
    for kind in measured.networks:
        assert kind.parameters == parameters(kind.widths)
        assert kind.loss.shape == (measured.seeds, measured.steps + 1) == (2, 21)
        np.testing.assert_array_equal(kind.final, kind.loss[:, -1])
        assert kind.lowest_final <= kind.median_final <= kind.highest_final
    assert measured.median.shape == (5, measured.at.size)
    assert np.all(measured.lowest <= measured.median)
    assert np.all(measured.median <= measured.highest)


def test_smoothing_keeps_what_is_smooth_and_drops_what_jitters():
    runs = np.stack([np.linspace(3.0, 1.0, 1001), np.where(np.arange(1001) % 5, 1.0, 50.0)])
    at, smooth = depth.smoothed(runs)
    assert smooth.shape == (2, at.size) == (2, 100)
    np.testing.assert_allclose(smooth[0], np.interp(at, np.arange(1001), runs[0]))
    np.testing.assert_array_equal(smooth[1], 1.0)
    few = np.array([[3.0, 2.0, 1.0]])
    np.testing.assert_array_equal(depth.smoothed(few)[1], few)


def test_derivatives_of_tanh_are_accurate(problem):
    measured = derivatives.measure(problem)
    assert [order.order for order in measured.orders] == list(range(7))
    assert all(order.error < 1e-13 for order in measured.orders)
    assert all(order.error <= order.pointwise_error for order in measured.orders)


def test_an_error_in_a_derivative_would_be_seen(problem, monkeypatch):
    monkeypatch.setattr(derivatives, "tanh", lambda x: 1.01 * np.tanh(x / 2.0))
    orders = derivatives.measure(problem).orders
    assert all(0.009 < order.error < 0.011 for order in orders)


def test_the_quadratic_function_and_its_level_lines(problem):
    measured = quadratic.measure(problem)
    assert measured.value == pytest.approx(float(np.sum((measured.M @ measured.x) ** 2)))
    assert measured.relative_error < 1e-14
    np.testing.assert_allclose(np.hypot(*measured.points), np.sqrt(5.0))
    np.testing.assert_allclose(measured.points[:, :1], measured.x)
    np.testing.assert_allclose(measured.autodiff_at_points, measured.formula_at_points)
    point = np.array([measured.side[7], measured.side[100]])
    assert measured.levels[100, 7] == pytest.approx(np.sum((measured.M @ point) ** 2))


def test_both_gradients_agree_leaf_by_leaf(problem):
    measured = comparison.measure(problem)
    assert [leaf.name for leaf in measured.leaves] == [f"{letter}{r}" for letter in "Ab" for r in range(5)]
    assert measured.agreement in ("identical", "rounding")
    assert measured.max_relative_error < comparison.ROUNDING
    assert measured.loss_autodiff == pytest.approx(measured.loss_by_hand, rel=1e-13)


def test_a_wrong_gradient_by_hand_would_be_seen(problem, monkeypatch):
    right = nn.train.backprop.gradient

    def wrong(A, b, x, Y, *, last):
        loss, gA, gb = right(A, b, x, Y, last=last)
        return loss, [gA[0], 1.01 * gA[1], *gA[2:]], gb

    monkeypatch.setattr(nn.train.backprop, "gradient", wrong)
    measured = comparison.measure(problem)
    assert measured.agreement == "wrong"
    assert [leaf.name for leaf in measured.leaves if leaf.relative_error > comparison.ROUNDING] == ["A1"]
    assert "one of the two is wrong" in comparison.show(problem, measured).parts[-1]


def test_the_tape_is_that_of_the_comparison(problem):
    measured = tape.measure(problem)
    widths, A, b = comparison.network(problem)
    assert measured.widths == widths == comparison.measure(problem).widths
    assert measured.inputs == len(A) + len(b)
    assert len(measured.rows) == measured.nodes + 1
    assert f"{float(logistic(forward(A, b, problem.data.x_train)[-1], problem.Y)):.4f}"[:6] in measured.rows[-1][4]


def test_the_recursion_is_found_and_stands_beside_the_one_by_hand(problem):
    measured = recursion.measure(problem)
    assert measured.lines[0] < 0.7 * measured.lines[1]
    assert "for r in reversed(range(R)):" in measured.found
    assert "A_bar[r] = u_bar @ X[r].T" in measured.found
    assert "gA[r] = M @ X[r].T" in measured.by_hand
    html = "".join(map(str, recursion.show(problem, measured).parts))
    assert html.index("found by minigrad") < html.index("by hand, nn/backprop.py")
    assert "<math" in html


# ----- what they share ------------------------------------------------------------------------------------------------


def test_generators_depend_on_seed_and_key_alone(problem):
    first = problem.rng(3).standard_normal()
    assert problem.rng(3).standard_normal() == first
    assert problem.rng(4).standard_normal() != first
    assert problem.rng(3, 0).standard_normal() != problem.rng(3, 1).standard_normal()


@pytest.mark.parametrize(
    ("settings", "steps", "depth_steps", "seeds"),
    [
        (Settings(), 8000, 4000, 5),
        (Settings(quick=True), 1500, 300, 2),
        (Settings(steps=1), 1, 1, 5),
        (Settings(steps=100, quick=True), 100, 50, 2),
    ],
)
def test_steps_and_seeds_of_the_settings(settings, steps, depth_steps, seeds):
    assert (settings.training_steps, settings.depth_steps, settings.depth_seeds) == (steps, depth_steps, seeds)


def test_words(problem):
    assert view.percent(0.12345, 2) == "12.35 %"
    assert view.short([2, 5, 5, 3]) == "2, 2x5, 3"
    assert view.method("eager", by_hand="x") == view.method("autodiff", by_hand="x") == "automatic differentiation"
    assert view.method("backprop", by_hand="x") == "x"
    assert problem.held_out_name == "a second draw of the data"
