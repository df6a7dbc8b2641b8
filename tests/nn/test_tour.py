"""The tour end to end, through the command line."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nn import tour
from nn.__main__ import main

ROOT = Path(__file__).parents[2]
FIGURES = [
    "1-data.png",
    "2-activation.png",
    "3-training.png",
    "4-map.png",
    "5-depth-maps.png",
    "5-depth-losses.png",
    "6-tanh.png",
    "7-quadratic.png",
    "8-comparison.png",
]
# What training prints to a log that takes more than five seconds (`minigrad.show.progress`), as on a busy machine.
PROGRESS = re.compile(
    r"^((training|cross-validation, fold \d of \d): \d+ of \d+ steps|depths 1 to 5: \d+ of \d+ networks)"
    r"(, \d+ (s|min) left)?\n",
    re.MULTILINE,
)


def command(*arguments, cwd=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "nn", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run, looked at by several tests."""
    out = tmp_path_factory.mktemp("tour") / "new" / "figures"
    return out, command("tour", "--quick", "--out", out, cwd=out.parents[1])


def test_quick_tour_succeeds_quietly(quick):
    out, done = quick
    assert (done.returncode, PROGRESS.sub("", done.stderr)) == (0, "")
    assert str(out / "report.html") in done.stdout
    assert re.search(r"^A4 +3x4 .* \d\.\de-1\d$|^A4 .* 0\.0e\+00$", done.stdout, re.MULTILINE)
    assert sorted(p.name for p in out.iterdir()) == sorted([*FIGURES, "report.html", "report.json"])
    for name in FIGURES:
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_numbers_of_the_quick_tour(quick):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    numbers = json.loads((quick[0] / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert numbers["settings"] == {"data": "spiral", "seed": 0, "steps": 1500, "quick": True, "gradient": "autodiff"}
    training = numbers["training"]
    assert training["widths"] == [2, 15, 3]
    assert training["last_loss"] < training["first_loss"]
    assert training["train_accuracy"] > 0.9
    assert training["held_out_accuracy"] > 0.9
    assert [n["hidden_layers"] for n in numbers["depth"]["networks"]] == [1, 2, 3, 4, 5]
    assert all(len(n["last_loss_per_sample"]) == 2 for n in numbers["depth"]["networks"])
    assert [n["order"] for n in numbers["tanh"]] == [0, 1, 2, 3, 4, 5, 6]
    assert all(n["max_error_relative_to_largest"] < 1e-13 for n in numbers["tanh"])
    assert numbers["quadratic"]["relative_error"] < 1e-14
    comparison = numbers["comparison"]
    assert comparison["widths"] == [2, 4, 5, 8, 4, 3]
    assert [n["leaf"] for n in comparison["leaves"]] == [f"{letter}{r}" for letter in "Ab" for r in range(5)]
    assert comparison["max_relative_error"] < 1e-12
    assert all(n["norm_by_hand"] > 0.0 for n in comparison["leaves"])


def test_the_page_is_self_contained(quick):
    html = (quick[0] / "report.html").read_text(encoding="utf-8")
    assert html.count("<img ") == html.count('src="data:image/png;base64,') == len(FIGURES)
    assert len(re.findall(r'alt="[^"]{20,}"', html)) == len(FIGURES)
    assert not re.search(r'(src|href)="(?!data:image/png|#)', html)
    assert '<meta name="viewport"' in html
    assert "prefers-color-scheme: dark" in html
    assert re.findall(r"<h(\d)", html) == ["1", *["2"] * 10, *["3"] * 4]  # the recursion comes last, in four parts
    stacked = html.count('<table class="stacked"')
    assert html.count("<caption>") == html.count("<table>") + stacked > 1


def test_real_data_is_validated_on_all_of_it(tmp_path, capsys):
    assert main(["tour", "--quick", "--steps", "400", "--data", "iris", "--out", str(tmp_path)]) == 0
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    training = numbers["training"]
    assert training["held_out_by"] == "5-fold cross-validation"
    assert training["held_out_samples"] == 150
    assert training["held_out_accuracy"] >= 0.93
    assert 0.5 < numbers["data"]["variance_in_plane"] < 1.0
    assert "setosa" in numbers["data"]["classes"]
    assert "each of 150 samples held out once" in capsys.readouterr().out


def test_a_file_with_one_feature_and_odd_names(tmp_path, capsys):
    path = tmp_path / "a $weird$ <name>.libsvm"
    path.write_text("".join(f"{-5 if i % 2 else 12} 1:{i % 2 + 0.1 * (i % 7)}\n" for i in range(20)), encoding="utf-8")
    out = tmp_path / "out"
    assert (
        main(["tour", "--quick", "--steps", "20", "--data", str(path), "--out", str(out), "--gradient", "backprop"])
        == 0
    )
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "&lt;name&gt;" in html
    assert "<name>" not in html
    assert "backpropagation by hand" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    numbers = []
    for gradient in ("autodiff", "backprop"):
        out = tmp_path / gradient
        run = tour.run(tour.Settings(out, seed=3, data="two_arcs", steps=40, quick=True, gradient=gradient))
        numbers.append(run.numbers)
    one, other = numbers
    assert one["comparison"] == other["comparison"]
    assert one["training"]["last_loss"] == pytest.approx(other["training"]["last_loss"], rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("1 1:2\n-1 oops\n", "line 2: 'oops' is not of the form index:value"),
        ("0.5 1:2\n1 1:1\n", "line 1: label 0.5 is not an integer"),
    ],
)
def test_unusable_data_is_one_line_and_exit_code_2(tmp_path, capsys, text, message):
    path = tmp_path / "data.libsvm"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main(["tour", "--data", str(path), "--out", str(tmp_path / "out")]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_one_line_and_exit_code_2(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(["tour", "--out", str(folder)]) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert error.count("\n") == 1
        assert str(tmp_path / "file") in error


def test_exit_codes_without_traceback():
    for arguments in (["tour", "--data", "nowhere"], ["tour", "--steps", "0"], ["tour", "--seed", "x"], ["fly"], []):
        done = command(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


def test_help_explains_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["tour", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for option in ("--out", "--seed", "--data", "--steps", "--quick", "--gradient", "--jobs"):
        assert option in text


def test_missing_plotting_is_said_in_one_line():
    # In a process of its own: here matplotlib, and what imports it, are loaded already.
    program = "import sys; sys.modules['matplotlib'] = None; from nn.__main__ import main; sys.exit(main(['tour']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "pip install matplotlib scikit-learn tqdm" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to a single child")
def test_interruption_is_quiet(tmp_path):
    # As `python -m nn tour`, also in a shell's background job, which ignores the signal unless told otherwise.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('nn', run_name='__main__', alter_sys=True)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, "tour", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    deadline = time.monotonic() + 60.0
    while not (tmp_path / "2-activation.png").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, error = child.communicate(timeout=60)
    assert child.returncode == 130
    assert out == b""
    assert b"interrupted; the figures of the stations that were finished are in the folder" in error
    assert b"Traceback" not in error
