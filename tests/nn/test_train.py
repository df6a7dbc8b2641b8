"""Gradient descent: it descends, both gradients take the same way, and divergence is reported."""

import sys

import numpy as np
import pytest

from nn.data import load, one_hot, spiral
from nn.mlp import init
from nn.train import DivergedError, _progress, step_size, train


@pytest.fixture
def problem():
    x, y = spiral(30, rng=0)
    A, b = init([2, 8, 3], rng=1)
    return A, b, x, one_hot(y, 3), y


@pytest.mark.parametrize("gradient", ["autodiff", "eager", "backprop"])
def test_training_decreases_the_loss(problem, gradient):
    A, b, x, Y, y = problem
    before = [a.copy() for a in (*A, *b)]
    result = train(A, b, x, Y, steps=300, gradient=gradient, held_out=(x, y), every=50)
    history = result.history
    assert history.loss.shape == (301,)
    assert np.all(np.diff(history.loss) < 0.0)
    assert history.at.tolist() == [0, 50, 100, 150, 200, 250, 300]
    assert history.accuracy[-1] > history.accuracy[0]
    np.testing.assert_array_equal(history.accuracy, history.held_out)
    for now, then in zip((*A, *b), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("last", [True, False])
def test_all_gradients_take_the_same_way(problem, last):
    A, b, x, Y, _ = problem
    one, *others = (train(A, b, x, Y, steps=100, gradient=g, last=last) for g in ("autodiff", "eager", "backprop"))
    for other in others:
        np.testing.assert_allclose(one.history.loss, other.history.loss, rtol=1e-12)
        for ours, theirs in zip((*one.A, *one.b), (*other.A, *other.b), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_one_step_is_the_formula(problem):
    A, b, x, Y, _ = problem
    from nn.backprop import gradient

    _, gA, gb = gradient(A, b, x, Y)
    result = train(A, b, x, Y, steps=1, step=0.01, gradient="backprop")
    for r in range(2):
        np.testing.assert_array_equal(result.A[r], A[r] - 0.01 * gA[r])
        np.testing.assert_array_equal(result.b[r], b[r] - 0.01 * gb[r])


def test_no_steps_return_copies(problem):
    A, b, x, Y, _ = problem
    result = train(A, b, x, Y, steps=0)
    assert result.history.loss.shape == (1,)
    assert result.A[0] is not A[0]
    np.testing.assert_array_equal(result.A[0], A[0])


def test_steps_of_the_tour():
    assert [step_size(r, 300) for r in (2, 3, 5)] == [0.001, 0.000125, 0.0002]
    assert step_size(2, 3000) == pytest.approx(0.0001)


@pytest.mark.parametrize("gradient", ["autodiff", "eager", "backprop"])
def test_divergence_carries_the_last_good_parameters(problem, gradient):
    A, b, x, Y, _ = problem
    with pytest.raises(DivergedError, match="smaller step") as caught:
        train(A, b, x, Y, steps=500, step=5.0, gradient=gradient, last=False)
    error = caught.value
    assert error.history.loss.size == error.iteration + 1
    assert not error.history.loss[-1] <= 100.0 * error.history.loss[0]
    assert all(np.all(np.isfinite(a)) for a in (*error.A, *error.b))
    again = train(error.A, error.b, x, Y, steps=0, last=False)
    assert again.history.loss[0] == pytest.approx(np.nanmin(error.history.loss), rel=1e-12)


@pytest.mark.parametrize("gradient", ["autodiff", "eager", "backprop"])
def test_nan_stops_at_once(problem, gradient):
    A, b, x, Y, _ = problem
    x = x.copy()
    x[0, 0] = np.nan
    with pytest.raises(DivergedError) as caught:
        train(A, b, x, Y, steps=10, gradient=gradient)
    assert caught.value.iteration == 0
    np.testing.assert_array_equal(caught.value.A[0], A[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": -1}, "steps >= 0"),
        ({"step": 0.0}, "step > 0"),
        ({"step": float("nan")}, "step > 0"),
        ({"every": 0}, "every >= 1"),
        ({"gradient": "magic"}, "autodiff, eager, backprop"),
    ],
)
def test_impossible_arguments(problem, arguments, message):
    A, b, x, Y, _ = problem
    with pytest.raises(ValueError, match=message):
        train(A, b, x, Y, **arguments)


def test_no_samples(problem):
    A, b, x, Y, _ = problem
    with pytest.raises(ValueError, match="no samples"):
        train(A, b, x[:, :0], Y[:, :0])


def test_the_bar_is_silent_away_from_a_terminal(problem, capfd):
    A, b, x, Y, _ = problem
    train(A, b, x, Y, steps=3)
    assert capfd.readouterr() == ("", "")


def test_the_bar_may_be_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(_progress(3, "training")) == [0, 1, 2]


@pytest.mark.parametrize("seed", [0, 1])
def test_two_layers_learn_the_spiral(seed):
    data = load("spiral", rng=seed)
    A, b = init([2, 15, 3], rng=seed)
    result = train(A, b, data.x_train, one_hot(data.y_train, 3), gradient="backprop", every=8000)
    assert result.history.accuracy[-1] >= 0.95


def test_iris_is_learnt_in_general():
    data = load("iris", rng=1)
    A, b = init([4, 15, 3], rng=1)
    held_out = data.x_test, data.y_test
    result = train(A, b, data.x_train, one_hot(data.y_train, 3), steps=1500, gradient="backprop", held_out=held_out)
    assert result.history.held_out[-1] >= 0.93
