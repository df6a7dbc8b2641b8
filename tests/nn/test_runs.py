"""`python -m nn train`, `resume` and `predict`, end to end: what they write, what they refuse, what they leave."""

import csv
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn import checkpoint, files
from nn.__main__ import main
from nn.checkpoint import CheckpointError
from nn.runs import report, training
from nn.runs.measuring import measure

ROOT = Path(__file__).parents[2]
FILES = ["1-curves.png", "2-confusion.png", "3-calibration.png", "4-map.png"]
FILES += ["curves.csv", "report.html", "report.json", "training.npz"]


def flowers(seed=0, n=120):
    """Three kinds of flowers with three measures, as rows of text."""
    generator = np.random.default_rng(seed)
    kinds = generator.integers(0, 3, n)
    measures = np.array([[1.0, 30.0, 0.0], [2.0, 10.0, 0.1], [3.0, 20.0, 0.0]])[kinds]
    measures = measures + generator.normal(0.0, [0.2, 3.0, 0.05], (n, 3))
    return [[f"{v:.3f}" for v in row] for row in measures], [("iris", "lily <&>", "rose")[j] for j in kinds]


def write_csv(path, rows, labels=None, header=("length", "width", "spots")):
    lines = [[*row, *([] if labels is None else [labels[i]])] for i, row in enumerate(rows)]
    head = [[*header, *([] if labels is None else ["kind"])]] if header else []
    path.write_text("".join(",".join(line) + "\n" for line in [*head, *lines]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a trained network, and the data that it was trained with."""
    folder = tmp_path_factory.mktemp("trained")
    data = write_csv(folder / "flowers.csv", *flowers())
    arguments = ["--layers", "8", "--epochs", "30", "--batch", "16", "--rate", "0.02", "--class-weight", "rose=2"]
    assert main(["train", "--data", str(data), "--out", str(folder / "run"), "--quiet", *arguments]) == 0
    return folder / "run", data


@pytest.fixture
def without_report(monkeypatch):
    """Trainings end without the seconds that drawing takes."""
    monkeypatch.setattr(report, "write", lambda fitted, problem, out: report.Report(out, None, (), {}))


def refused(capsys, arguments, *words, code=2):
    assert main(list(map(str, arguments))) == code
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err, err
    return err


def test_a_training_leaves_a_report_and_the_numbers_in_it(trained):
    out, _ = trained
    assert sorted(os.listdir(out)) == sorted(FILES)
    numbers = json.loads((out / "report.json").read_text(encoding="utf-8"))
    quality, curves = numbers["quality"], numbers["training"]
    assert quality["samples"] == np.sum(quality["confusion"]) == numbers["data"]["test_samples"] == 24
    assert quality["accuracy"] > 0.9
    assert numbers["settings"]["class_weight"] == [1.0, 1.0, 2.0]
    assert len(curves["loss"]) == len(curves["validation_accuracy"]) == 30
    assert curves["validation_loss"][curves["best_epoch"] - 1] == min(curves["validation_loss"])
    with (out / "curves.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "loss", "validation_loss", "accuracy", "validation_accuracy"]
    assert [float(v) for v in rows[30][1:]] == [curves[name][-1] for name in rows[0][1:]]
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html.count("<img ") == html.count('src="data:image/png;base64,') == 4
    assert "lily &lt;&amp;&gt;" in html
    assert "lily <&>" not in html
    assert not re.search(r'(src|href)="(?!data:image/png|#)', html)
    for name in FILES[:4]:
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_predict_answers_with_labels_and_without(trained, tmp_path, capsys):
    out, _ = trained
    rows, labels = flowers(seed=1, n=50)
    told = []
    for name, known in [("labelled.csv", labels), ("plain.csv", None)]:
        table = tmp_path / f"answers-{name}"
        arguments = ["--model", out, "--data", write_csv(tmp_path / name, rows, known), "--out", table, "--json"]
        assert main(["predict", *map(str, arguments)]) == 0
        told.append(json.loads(capsys.readouterr().out))
        with table.open(encoding="utf-8") as file:
            answers = list(csv.DictReader(file))
        assert [answer["line"] for answer in answers] == [str(i + 2) for i in range(50)]
    right = sum(answer["answer"] == label for answer, label in zip(answers, labels, strict=True))
    assert told[0]["right"] == right > 40
    assert told[1] == told[0] | {"right": None, "accuracy": None}
    text = "".join("".join(f"{k + 1}:{v} " for k, v in enumerate(row)) + "\n" for row in rows)
    (tmp_path / "plain.libsvm").write_text(text)
    assert main(["predict", "--model", str(out), "--data", str(tmp_path / "plain.libsvm"), "--probabilities"]) == 0
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["line", "answer", *[f"probability of {name}" for name in ("iris", "lily <&>", "rose")]]
    assert [line[1] for line in lines[1:]] == [answer["answer"] for answer in answers]
    np.testing.assert_allclose(np.array([line[2:] for line in lines[1:]], float).sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "1,2\n3,4\n", "line 1: 1 features and a label, or 2 features; the network was trained with 3"),
        ("a.csv", "1,2,3,4,5\n", "line 1: 4 features and a label, or 5 features; the network was trained with 3"),
        ("a.csv", "1,2,3,tulip\n", "line 1: the label 'tulip' is none of those the network knows: iris"),
        ("a.csv", "1,2,3,rose\n1,2,x,rose\n", "line 2: column 3: 'x' is not a number"),
        ("a.csv", "1,2,3\n1,2,3,rose\n", "line 2: 4 fields, but the first line has 3"),
        ("a.csv", "width,length,spots\n1,2,3\n", "line 1: column 'width' was 'length' when the network was trained"),
        ("a.csv", "", "holds no samples"),
        ("a.csv", "length,width,spots,kind\n", "holds no samples"),
        ("a.svm", "1:1 2:2 4:3\n", "line 1: index 4, which is feature 4; the network was trained with 3 features"),
        ("a.svm", "0:1 2:2\n", "line 1: index 0"),
        ("a.svm", "1:1\n0 1:2\n", "line 2: some lines have a label and others have none"),
        ("a.svm", "7 1:2\n", "line 1: the label '7' is none of those"),
        ("a.csv.gz", "1,2,3\n", "line 1: the compressed data is damaged"),
    ],
)
def test_samples_of_another_kind_are_refused_by_line(trained, tmp_path, capsys, name, text, words):
    (tmp_path / name).write_text(text)
    arguments = ["predict", "--model", trained[0], "--data", tmp_path / name, "--out", tmp_path / "out.csv"]
    refused(capsys, arguments, str(tmp_path / name), words)
    assert not (tmp_path / "out.csv").exists()


def test_what_cannot_be_done_is_said_in_one_line(trained, tmp_path, capsys):
    out, data = trained
    new = tmp_path / "new"
    refused(capsys, ["train", "--data", data, "--out", out], "has a training already", f"python -m nn resume {out}")
    refused(capsys, ["train", "--data", tmp_path / "none.csv", "--out", new], "none.csv: no such file")
    assert not new.exists()
    refused(capsys, ["train", "--data", data, "--out", new, "--rate", "-1"], "rate cannot be -1")
    refused(capsys, ["train", "--data", data, "--out", new, "--patience", "3", "--validation", "0"], "patience")
    weights = ["train", "--data", data, "--out", new, "--class-weight", "tulip=2"]
    refused(capsys, weights, "'tulip' is none of the classes iris")
    refused(capsys, ["train", "--data", data, "--out", new, "--layers", "9000,9000"], "parameters")
    single = tmp_path / "single.csv"
    single.write_text("1,a\n2,a\n3,a\n4,b\n5,b\n")
    refused(capsys, ["train", "--data", single, "--out", new], "single.csv: class b has 2 samples, and 3 are needed")
    refused(capsys, ["train", "--data", data, "--out", data], f"{data}")
    refused(capsys, ["resume", new], "no training in this folder")
    refused(capsys, ["resume", out, "--data", write_csv(tmp_path / "b.csv", *flowers(3))], "begun with other data")
    refused(capsys, ["predict", "--model", out, "--data", data, "--json"], "--out")
    refused(capsys, ["predict", "--model", out, "--data", tmp_path], "a folder, where")
    if Path("/dev/full").exists():
        full = ["predict", "--model", out, "--data", data, "--out", "/dev/full"]
        refused(capsys, full, "/dev/full: No space left on device")
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--data", str(data), "--out", str(new), "--layers", "8,x"])
    assert "invalid list of widths value: '8,x'" in capsys.readouterr().err


def test_ctrl_c_says_what_is_left_and_the_training_goes_on(tmp_path, capsys, monkeypatch, without_report):
    data, out = write_csv(tmp_path / "flowers.csv", *flowers()), tmp_path / "run"
    arguments = ["train", "--data", data, "--layers", "5", "--epochs", "9", "--out"]

    class Bar:
        steps = 0

        def update(self, count):
            self.steps += count
            if self.steps == 4 * 2:  # in an epoch
                raise KeyboardInterrupt

        def refresh(self):
            pass

        close = refresh

    with monkeypatch.context() as patch:
        patch.setattr("minigrad.show.progress._Lines", lambda *_: Bar())
        words = ["interrupted; 4 of 9 epochs are done", f"go on with python -m nn resume {out}"]
        refused(capsys, [*arguments, out], *words, code=130)
        with patch.context() as second:
            second.setattr(report, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            refused(capsys, ["resume", out, "--quiet"], "its report is not written", code=130)
            error = OSError(28, "No space left on device", "4-map.png")
            second.setattr(report, "write", lambda *_: (_ for _ in ()).throw(error))
            refused(capsys, ["resume", out, "--quiet"], "4-map.png: No space left on device; the training is whole")
    assert main(["resume", str(out), "--quiet"]) == 0
    assert main([*map(str, arguments), str(tmp_path / "whole"), "--quiet"]) == 0
    same(out, tmp_path / "whole")


def same(one, other):
    ours, theirs = (checkpoint.load(folder / "training.npz") for folder in (one, other))
    assert ours[1] == theirs[1]
    for name, array in ours[0].items():
        assert array.tobytes() == theirs[0][name].tobytes(), name


def test_a_training_that_is_killed_is_taken_up_to_the_same_bits(tmp_path, without_report):
    data = write_csv(tmp_path / "flowers.csv", *flowers())
    arguments = ["train", "--data", str(data), "--layers", "5", "--epochs", "80", "--every", "5", "--quiet", "--out"]
    command = [sys.executable, "-m", "nn", *arguments, str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment) as process:
        while not (tmp_path / "run" / "training.npz").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(random.Random(os.getpid()).uniform(0.0, 0.15))  # wherever it is then
        process.kill()
    (tmp_path / "run" / ".training.npz.1.part").write_bytes(b"half")  # as when it is killed while it writes
    assert main(["resume", str(tmp_path / "run"), "--quiet"]) == 0
    assert os.listdir(tmp_path / "run") == ["training.npz"]
    assert main([*arguments, str(tmp_path / "whole")]) == 0
    same(tmp_path / "run", tmp_path / "whole")


def test_a_disk_that_is_full_leaves_the_training_as_it_was(tmp_path, capsys, monkeypatch, without_report):
    resource = pytest.importorskip("resource")
    data, out = write_csv(tmp_path / "flowers.csv", *flowers()), tmp_path / "run"
    arguments = ["train", "--data", str(data), "--layers", "5", "--epochs", "5", "--every", "1", "--quiet", "--out"]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(*_):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))

    with monkeypatch.context() as patch:
        patch.setattr("nn.fit._Training.judged", lambda self, state: full() or state)  # after the first epoch
        try:
            words = [str(out / "training.npz"), "File too large", "is whole, make room and go on with"]
            refused(capsys, [*arguments, out], *words)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(out) == ["training.npz"]
    assert main(["resume", str(out), "--quiet"]) == 0
    assert main([*arguments, str(tmp_path / "whole")]) == 0
    same(out, tmp_path / "whole")


def test_data_that_memory_does_not_hold_gives_the_same_network(tmp_path, monkeypatch, without_report):
    rows, labels = flowers()
    data = write_csv(tmp_path / "flowers.csv", rows, labels)
    arguments = ["train", "--data", str(data), "--layers", "4", "--epochs", "3", "--quiet", "--out"]
    assert main([*arguments, str(tmp_path / "inside")]) == 0
    monkeypatch.setattr("nn.runs.problem.MAX_ENTRIES", 10)
    monkeypatch.setattr("nn.files.BLOCK", 17)
    assert main([*arguments, str(tmp_path / "outside")]) == 0
    same(tmp_path / "inside", tmp_path / "outside")
    assert os.listdir(tmp_path / "outside") == ["training.npz"]


def test_sparse_data_stays_sparse(tmp_path, monkeypatch, capsys, without_report):
    pytest.importorskip("scipy.sparse")
    monkeypatch.setattr("nn.runs.problem.MAX_ENTRIES", 1000)
    path = tmp_path / "wide.libsvm"
    lines = [f"{i % 2} {1 + i % 2}:{2 + 0.01 * i} {50 + 7 * i}:1\n" for i in range(60)]
    path.write_text("".join(lines))
    assert main(["train", "--data", str(path), "--layers", "3", "--out", str(tmp_path / "run"), "--quiet"]) == 0
    model = training.load_model(tmp_path / "run")
    assert not model.centre.any()
    assert main(["predict", "--model", str(tmp_path / "run"), "--data", str(path), "--out", os.devnull]) == 0
    assert float(capsys.readouterr().out.split("accuracy ")[1].split()[0]) > 0.9
    path.write_text("".join(f"{i % 2} 1:1 2000000:1\n" for i in range(20)))
    refused(capsys, ["train", "--data", path, "--out", tmp_path / "wide"], "128000194 parameters")


def test_a_damaged_or_foreign_checkpoint_is_refused(trained, tmp_path, capsys):
    arrays, about = checkpoint.load(trained[0] / "training.npz")
    about = {name: value for name, value in about.items() if name not in ("format", "arrays")}
    path = tmp_path / "training.npz"
    for key, value in [("classes", ["a"]), ("names", 3), ("test", 2.0), ("first", None), ("every", 0)]:
        checkpoint.save(path, arrays, {**about, "note": {**about["note"], key: value}})
        refused(capsys, ["predict", "--model", tmp_path, "--data", trained[1]], str(path), "has not written this")
    checkpoint.save(path, {**arrays, "note.factor": np.ones((2, 1))}, about)
    refused(capsys, ["resume", tmp_path], "its parts do not belong together")
    for name in ("theta", "best", "losses", "best_loss"):
        checkpoint.save(path, {**arrays, name: np.full_like(arrays[name], np.nan)}, about)
        refused(capsys, ["resume", tmp_path], f"{name} has NaN")
    checkpoint.save(path, arrays, {**about, "note": {}})
    refused(capsys, ["predict", "--model", tmp_path, "--data", trained[1]], "has not written this checkpoint")
    path.write_bytes(b"PK")
    refused(capsys, ["resume", tmp_path], str(path), "truncated")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_checkpoint_says_it_is_loaded_or_refused_by_name(trained, tmp_path, data):
    arrays, about = checkpoint.load(trained[0] / "training.npz")
    about = {name: value for name, value in about.items() if name not in ("format", "arrays")}
    part = data.draw(st.sampled_from([about, about["settings"], about["note"], arrays]))
    key = data.draw(st.sampled_from(sorted(part)))
    if part is arrays:
        shape = data.draw(st.sampled_from([(), (1,), (3, 1), (0,), (67,)]))
        arrays[key] = np.zeros(shape, data.draw(st.sampled_from(["f8", "f4", "i8", "U2", "c16"])))
    else:
        part[key] = data.draw(JSON)
    checkpoint.save(tmp_path / "training.npz", arrays, about)
    try:
        model = training.load_model(tmp_path)
    except CheckpointError as error:
        assert "training.npz" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert model.fitted.probabilities(model.centre).shape == (3, 1)


@given(
    st.binary(max_size=120) | st.text(alphabet='0123456789.,;:eE+-nai "\n\r\t#_rose', max_size=120).map(str.encode),
    st.sampled_from(["x.csv", "x.libsvm", "x.tsv", "x.gz", "x.csv.bz2"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_a_file_it_is_answered_or_refused_by_name(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    try:
        for x, y, numbers in files.unseen(path, files.Form(2), ("1", "2", "rose")):
            assert x.shape == (2, len(numbers))
            assert np.isfinite(x).all()
            assert y is None or (y.shape == x.shape[1:] and set(y.tolist()) <= {0, 1, 2})
    except files.DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right


def test_the_measures_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    P, y = generator.dirichlet(np.ones(4), 200).T, generator.integers(0, 4, 200)
    quality = measure("samples", [(P[:, :77], y[:77]), (P[:, 77:], y[77:])], 4)
    found = P.argmax(axis=0)
    np.testing.assert_array_equal(quality.confusion, metrics.confusion_matrix(y, found))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(y, found)
    np.testing.assert_allclose([quality.precision, quality.recall, quality.f1], [precision, recall, f1])
    np.testing.assert_allclose(quality.loss, metrics.log_loss(y, P.T))
    np.testing.assert_allclose(quality.brier, np.mean(np.sum((P - np.eye(4)[:, y]) ** 2, axis=0)))
    edges = np.digitize(P.max(axis=0), np.arange(0.1, 1.0, 0.1))
    gaps = [abs(np.mean(P.max(axis=0)[edges == j] - (found == y)[edges == j])) * np.sum(edges == j) for j in set(edges)]
    np.testing.assert_allclose(quality.calibration_error, sum(gaps) / 200)
