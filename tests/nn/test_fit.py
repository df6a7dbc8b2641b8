"""Training by mini-batches: optimisers, stopping, checkpoints that give the same bits, and what is refused."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from minigrad import summed
from nn import checkpoint
from nn.checkpoint import CheckpointError
from nn.data import load as load_data
from nn.fit import OPTIMIZERS, SCHEDULES, Settings, fit, load, loss_per_sample, resume
from nn.train import DivergedError

DATA = load_data("two_arcs", rng=0)
X, Y = DATA.x_train, DATA.y_train
SHORT = Settings(hidden=(6,), epochs=6, batch=32, rate=0.01, validation=0.2, seed=3)


class StoppedError(Exception):
    """Stands for whatever ends a process."""


def same(a, b):
    for name, value in vars(a.state).items():
        assert np.asarray(value).tobytes() == np.asarray(getattr(b.state, name)).tobytes(), name
    for one, other in zip([*a.A, *a.b], [*b.A, *b.b], strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_learns(optimizer):
    rate = {"adam": 0.02, "momentum": 0.2, "sgd": 1.0}.get(optimizer, 1.0)
    fitted = fit(X, Y, Settings(hidden=(10,), optimizer=optimizer, epochs=80, rate=rate, batch=32, l2=1e-4))
    assert np.mean(fitted.probabilities(DATA.x_test).argmax(axis=0) == DATA.y_test) > 0.97
    assert fitted.state.losses[-1] < 0.3 * fitted.state.losses[0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_resumed_training_gives_the_bits_of_an_uninterrupted_one(tmp_path, optimizer, schedule):
    if optimizer not in ("adam", "momentum", "sgd") and schedule != "constant":
        return  # SciPy chooses the steps
    path = tmp_path / "run.npz"
    settings = replace(SHORT, optimizer=optimizer, schedule=schedule)
    whole = fit(X, Y, settings)
    generator = np.random.default_rng(len(optimizer + schedule))
    for _ in range(3):
        path.unlink(missing_ok=True)
        stops = sorted(generator.choice(np.arange(2, whole.state.step), size=2, replace=False))

        def watch(state, stops=stops):
            if stops and state.step == stops[0]:
                stops.pop(0)
                raise StoppedError

        with pytest.raises(StoppedError):
            fit(X, Y, settings, path=path, every=2, watch=watch)
        if stops:
            with pytest.raises(StoppedError):
                resume(path, X, Y, every=3, watch=watch)
        same(resume(path, X, Y), whole)
        same(resume(path, X, Y), whole)  # of a training that has ended: there is nothing to do
        same(load(path), whole)


@pytest.mark.parametrize("optimizer", ["L-BFGS-B", "Newton-CG"])
def test_a_search_that_is_taken_up_computes_nothing_twice(tmp_path, monkeypatch, optimizer):
    calls = [0]

    def counted(fun, **options):
        total = summed(fun, **options)

        def of_all(*args):
            calls[0] += 1
            return total(*args)

        return of_all

    monkeypatch.setattr("nn.fit.summed", counted)
    settings, path = replace(SHORT, optimizer=optimizer), tmp_path / "run.npz"
    whole = fit(X, Y, settings)
    needed, calls[0] = calls[0], 0

    def watch(state):
        if state.step == 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        fit(X, Y, settings, path=path, every=1, watch=watch)
    assert load(path).state.record.size > 4 * whole.state.theta.size

    def interrupted(state):  # while the search is told what it knew, which is no reason to forget it
        if state.step == 2:
            raise KeyboardInterrupt

    assert resume(path, X, Y, every=1, watch=interrupted).state.step == 4
    same(resume(path, X, Y), whole)
    assert calls[0] == needed
    assert load(path).state.record.size == 0  # there is no search any more


KILLED = """
import sys
from nn.data import load
from nn.fit import Settings, fit
data = load("two_arcs", rng=0)
def watch(state):
    print(state.step, flush=True)
settings = Settings((6,), sys.argv[2], epochs=100_000, batch=32, rate=0.01, validation=0.2, seed=3)
fit(data.x_train, data.y_train, settings, path=sys.argv[1], every=1, watch=watch)
"""


@pytest.mark.parametrize("optimizer", ["adam", "L-BFGS-B"])
def test_a_process_that_is_killed_loses_nothing(tmp_path, optimizer):
    path = tmp_path / "run.npz"
    command = [sys.executable, "-c", KILLED, str(path), optimizer]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == 17:
                break
        process.kill()  # this one process, at whatever it is doing
    arrays, about = checkpoint.load(path)
    assert about["step"] >= 17
    about["settings"]["epochs"] = 100
    checkpoint.save(path, arrays, about)
    same(resume(path, X, Y), fit(X, Y, replace(SHORT, optimizer=optimizer, epochs=100)))


def test_ctrl_c_returns_what_was_learned(tmp_path):
    path = tmp_path / "run.npz"
    whole = fit(X, Y, SHORT)
    for optimizer in ("adam", "L-BFGS-B"):
        settings = replace(SHORT, optimizer=optimizer)

        def watch(state):
            if state.step == 4:
                raise KeyboardInterrupt

        fitted = fit(X, Y, settings, path=path, watch=watch)
        assert fitted.interrupted
        assert fitted.state.step == 4
        assert np.isfinite(fitted.probabilities(X)).all()
        if optimizer == "adam":
            same(resume(path, X, Y), whole)


def test_early_stopping_returns_the_parameters_that_were_best_on_held_out_samples():
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((5, 60)), generator.integers(0, 2, 60)  # there is nothing to learn
    settings = Settings(hidden=(20,), epochs=500, rate=0.05, batch=16, validation=0.3, patience=7)
    fitted = fit(x, y, settings)
    losses = fitted.state.validation_losses
    assert fitted.state.ended == "patience"
    assert losses.size == np.argmin(losses) + 1 + 7 < 500
    again = fit(x, y, replace(settings, epochs=int(np.argmin(losses)) + 1, patience=None))
    np.testing.assert_array_equal(fitted.A[0], again.A[0])


def test_adam_takes_the_steps_of_its_paper():
    settings = Settings(hidden=(), epochs=3, batch=10**6, rate=0.1, l2=0.01)
    A, b = [np.zeros((2, 2))], [np.zeros((2, 1))]
    fitted = fit(X, Y, settings, start=(A, b))
    theta, m, v = np.zeros(6), 0.0, 0.0
    targets = np.eye(2)[Y]
    for t in range(1, 4):
        scores = theta[:4].reshape(2, 2) @ X + theta[4:, None]
        p = np.exp(scores) / np.exp(scores).sum(axis=0)
        difference = (p - targets.T) / Y.size
        g = np.append((difference @ X.T + 0.01 * theta[:4].reshape(2, 2)).ravel(), difference.sum(axis=1))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(np.append(fitted.A[0].ravel(), fitted.b[0].ravel()), theta, rtol=1e-5)
    assert not A[0].any()


def test_l2_shrinks_the_weights_and_class_weights_move_the_border():
    plain = fit(X, Y, SHORT)
    shrunk = fit(X, Y, replace(SHORT, l2=1.0))
    assert np.linalg.norm(shrunk.A[0]) < np.linalg.norm(plain.A[0])
    heavy = fit(X, Y, replace(SHORT, class_weight=(1.0, 20.0)))
    assert np.mean(heavy.probabilities(X)[1]) > np.mean(plain.probabilities(X)[1]) + 0.1
    few = np.concatenate([np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)[:20]])
    balanced = fit(X[:, few], Y[few], replace(SHORT, class_weight="balanced", epochs=0))
    by_hand = fit(X[:, few], Y[few], replace(SHORT, class_weight=(120 / 200, 120 / 40), epochs=0))
    same(balanced, by_hand)
    parameters = (plain.A, plain.b)
    one_by_one = [
        loss_per_sample(parameters, X[:, [i]], np.eye(2)[:, Y[[i]]], np.array([1.0 + Y[i]]), 0.0) for i in range(10)
    ]
    together = loss_per_sample(parameters, X[:, :10], np.eye(2)[:, Y[:10]], 1.0 + Y[:10], 0.0)
    np.testing.assert_allclose(np.mean(one_by_one), together)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_named_before_training(value):
    x = X.copy()
    x[1, 7] = value
    with pytest.raises(ValueError, match=rf"the data has {value} in feature 1 of sample 7, and 1 such"):
        fit(x, Y, SHORT)


def test_a_loss_that_overflows_ends_in_an_error_with_the_last_parameters():
    with pytest.raises(DivergedError) as caught:
        fit(1e150 * X, Y, replace(SHORT, optimizer="sgd", rate=1e160, hidden=()))
    assert np.isfinite(caught.value.A[0]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", (0,)),
        ("optimizer", "adagrad"),
        ("epochs", -1),
        ("batch", 0),
        ("rate", 0.0),
        ("rate", float("nan")),
        ("schedule", "steps"),
        ("momentum", 1.0),
        ("l2", -1.0),
        ("validation", 1.0),
        ("patience", 0),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} cannot be"):
        replace(SHORT, **{name: value})


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="needs a share for validation"):
        Settings(patience=3)
    with pytest.raises(ValueError, match="2 positive numbers"):
        fit(X, Y, replace(SHORT, class_weight=(1.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match="must have the shape"):
        fit(X.T, Y, SHORT)
    with pytest.raises(ValueError, match="must have the shape"):
        fit(X[:, :0], Y[:0], SHORT)
    with pytest.raises(ValueError, match="start has weights of the shapes"):
        fit(X, Y, SHORT, start=([np.zeros((2, 2))], [np.zeros((2, 1))]))
    with pytest.raises(ValueError, match="every must be"):
        fit(X, Y, SHORT, every=0)


def test_checkpoints_of_other_data_or_with_parts_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    fit(X, Y, replace(SHORT, class_weight=(1.0, 2.0)), path=path)
    assert load(path).settings.class_weight == (1.0, 2.0)
    with pytest.raises(CheckpointError, match="begun with other data"):
        resume(path, X + 1e-9, Y)
    arrays, about = checkpoint.load(path)
    about.pop("arrays")
    about.pop("format")
    for wrong in (
        {"settings": {**about["settings"], "hidden": [7]}},
        {"settings": {**about["settings"], "rate": "fast"}},
        {"settings": {"hidden": [6]}},
        {"widths": [2, 7, 2]},
        {"step": None},
    ):
        checkpoint.save(path, arrays, {**about, **wrong})
        with pytest.raises(CheckpointError, match="cannot be taken up"):
            load(path)
    checkpoint.save(path, {**arrays, "theta": arrays["theta"][:-1]}, about)
    with pytest.raises(CheckpointError, match="theta has the shape"):
        load(path)
