"""The study of depth: it goes on where it was ended, its sentences follow the numbers, its report is whole."""

import csv
import dataclasses
import json
import math
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nn.__main__ import main
from nn.study import trainings as module
from nn.study.findings import conclusions, findings, kind
from nn.study.trainings import RUNS, Plan, Run, read, save, trainings

ROOT = Path(__file__).parents[2]
SMALL = Plan(depths=(1, 2), widths=(3,), seeds=2, activations=("arctan", "relu"), steps=6)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """One small study, looked at by several tests."""
    out = tmp_path_factory.mktemp("study")
    return out, trainings(SMALL, out, jobs=1)


def files(out):
    return {path.name: path.read_bytes() for path in (out / RUNS).iterdir()}


def trained(monkeypatch):
    """The seeds of every call that trains."""
    calls = []

    def train(plan, *of):
        calls.append(of)
        return original(plan, *of)

    original = module.train
    monkeypatch.setattr(module, "train", train)
    return calls


def test_each_training_is_a_file(study):
    out, runs = study
    assert [(one.activation, one.depth, one.seed) for one in runs] == [
        (name, depth, seed) for name in ("arctan", "relu") for depth in (1, 2) for seed in (0, 1)
    ]
    assert sorted(files(out)) == sorted(one.name for one in runs)
    for one in runs:
        assert read(out / RUNS / one.name, SMALL) == one
        assert np.shape(one.gradients) == (len(one.at), one.depth + 1)
        assert one.at == list(range(7))


def test_only_what_is_missing_is_trained(study, tmp_path, monkeypatch):
    out, runs = study
    (tmp_path / RUNS).mkdir()
    before = files(out)
    for name, content in before.items():
        (tmp_path / RUNS / name).write_bytes(content)
    (tmp_path / RUNS / "relu-depth2-width3-seed1.json").unlink()
    half = before["arctan-depth1-width3-seed0.json"][:200]
    (tmp_path / RUNS / "arctan-depth1-width3-seed0.json").write_bytes(half)
    (tmp_path / RUNS / ".relu-depth2-width3-seed1.json.1.part").write_bytes(half)  # of a study that was killed
    calls = trained(monkeypatch)
    assert trainings(SMALL, tmp_path, jobs=1) == runs
    assert calls == [("arctan", 1, 3, [0]), ("relu", 2, 3, [1])]
    assert files(tmp_path) == before
    # A study may be extended; another number of steps is another study.
    calls.clear()
    trainings(dataclasses.replace(SMALL, seeds=3, activations=("relu",)), tmp_path, jobs=1)
    assert calls == [("relu", 2, 3, [2]), ("relu", 1, 3, [2])]
    assert all(read(tmp_path / RUNS / name, dataclasses.replace(SMALL, steps=7)) is None for name in before)


MANY = Plan(depths=(1, 2, 3, 4), widths=(2,), seeds=1, steps=300)
KILLED = f"""
import sys
from pathlib import Path
from nn.study.trainings import Plan, trainings
trainings({MANY}, Path(sys.argv[1]), jobs=1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_study_loses_what_was_running_only(tmp_path, monkeypatch):
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + 60.0
    while len(list(tmp_path.glob(f"{RUNS}/*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait(60)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob(f"{RUNS}/*.json")}
    assert len(times) >= 2
    calls = trained(monkeypatch)
    assert len(trainings(MANY, tmp_path, jobs=1)) == 12
    assert len(calls) == 12 - len(times)
    assert times == {name: (tmp_path / RUNS / name).stat().st_mtime_ns for name in times}


def test_numbers_that_are_not_finite_pass_through_a_file(tmp_path):
    one = Run("relu", 1, 3, 0, 24, [0, 1], [1.1, math.inf], [[1.0, 2.0], [math.nan, 0.0]], 0.3, 0.3, diverged=True)
    save(one, SMALL, tmp_path)
    found = read(tmp_path / one.name, SMALL)
    assert found.diverged
    assert math.isnan(found.loss[1])
    assert found.gradients[0] == [1.0, 2.0]


# ----- sentences ------------------------------------------------------------------------------------------------------


def made_up(losses, *, ratio=1.0, held_out=0.98):
    """Kinds of networks with these mean losses at the depths 1, 2, ...; their spread over five seeds is a tenth."""
    kinds = {}
    for depth, loss in enumerate(losses, start=1):
        runs = [
            Run("tanh", depth, 4, seed, 30 * depth, [0, 1], [1.0, loss * factor],
                [[ratio, *[1.0] * depth]] * 2, held_out, held_out, diverged=False)
            for seed, factor in enumerate((0.9, 0.95, 1.0, 1.05, 1.1))
        ]  # fmt: skip
        kinds["tanh", depth, 4] = kind(runs)
    plan = Plan(tuple(range(1, len(losses) + 1)), (4,), 5, ("tanh",), steps=1)
    return " ".join(conclusions(plan, kinds))


def test_sentences_follow_the_numbers():
    falling = made_up([0.5, 0.1, 0.02])
    assert "more layers lower the mean loss at every width: from 0.500 with 1 hidden layer to 0.020 with 3" in falling
    assert "nowhere worse" in falling
    assert "do as well" not in falling
    turning = made_up([0.5, 0.1, 0.3])
    assert "too many layers: at width 4 the mean loss is 0.300 with 3 hidden layers, and 0.100 with 2" in turning
    flat = made_up([0.5, 0.5, 0.5])
    assert "more layers lower" not in flat
    assert "do as well as the best depth, within twice the standard error: 1 at width 4" in flat


def test_sentences_about_gradients_and_failures():
    text = made_up([0.5, 0.1], ratio=0.25, held_out=0.5)
    assert "0.25 times that in the last at the start (a factor of 0.50 for each layer on its way back)" in text
    assert "Trainings fail most often (a held-out accuracy below 90 %) with tanh and 1 hidden layer: 5 of 5." in text
    text = made_up([0.5, 0.1])
    assert "factor" not in text
    assert "Every network has a held-out accuracy of at least 90 %." in text


def test_dead_and_diverged_networks_are_counted():
    alive = Run("relu", 1, 3, 0, 24, [0], [0.5], [[1.0, 2.0]], 0.9, 0.95, diverged=False)
    dead = dataclasses.replace(alive, seed=1, gradients=[[0.0, 2.0]], held_out=0.3)
    wild = dataclasses.replace(alive, seed=2, loss=[math.nan], gradients=[[math.nan, math.nan]], diverged=True)
    found = kind([alive, dead, wild])
    assert (found.count, found.diverged, found.dead, found.failed) == (3, 1, 1, 2)
    assert found.loss == 0.5
    assert found.ratio(0) == 0.5


def test_one_network_of_a_kind_makes_no_comparison(study):
    alone = [one for one in study[1] if one.seed == 0]
    assert not [s for s in findings(dataclasses.replace(SMALL, seeds=1), alone).sentences if "standard error" in s]


# ----- the command ----------------------------------------------------------------------------------------------------


def test_the_report(study, capsys):
    out, runs = study
    options = ["--depths", "1-2", "--widths", "3", "--seeds", "2", "--activations", "arctan,relu", "--steps", "6"]
    assert main(["depth", *options, "--out", str(out)]) == 0
    assert str(out / "report.html") in capsys.readouterr().out
    pictures = ["accuracy.png", "gradients.png", "loss.png", "ratio.png"]
    others = [RUNS, "report.html", "runs.csv", "study.json"]
    assert sorted(path.name for path in out.iterdir()) == sorted(pictures + others)
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html.count('src="data:image/png;base64,') == len(re.findall(r'alt="[^"]{20,}"', html)) == len(pictures)
    assert not re.search(r'(src|href)="(?!data:image/png|#)', html)
    numbers = json.loads((out / "study.json").read_text(encoding="utf-8"))
    assert len(numbers["kinds"]) == 4
    assert all(sentence.split(":")[0] in html for sentence in numbers["conclusions"])
    rows = list(csv.DictReader((out / "runs.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(row["loss"]) for row in rows] == [one.loss[-1] for one in runs]
    assert [row["gradient_2_end"] != "" for row in rows] == [one.depth == 2 for one in runs]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--activations", "sine"], "there is no activation 'sine'; there are arctan, tanh, relu"),
        (["--step", "-1"], "the step is positive"),
        (["--client", "tcp://nowhere:1"], "no scheduler of dask answers at tcp://nowhere:1"),
    ],
)
def test_one_clear_error(tmp_path, capsys, monkeypatch, options, message):
    if "--client" in options:
        distributed = pytest.importorskip("distributed")

        def refused(address, timeout):
            raise OSError("timed out")

        monkeypatch.setattr(distributed, "Client", refused)
    assert main(["depth", *options, "--out", str(tmp_path / "out")]) == 2
    _, error = capsys.readouterr()
    assert message in error
    assert error.count("\n") == 1


def test_an_interruption_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", interrupted)
    assert main(["depth", "--jobs", "1", "--out", str(tmp_path)]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


def test_a_cluster_trains_the_same_networks(study, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        assert trainings(SMALL, tmp_path, client=client) == study[1]
