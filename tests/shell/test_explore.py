"""The command explore: a function in a file, a point, a page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.shell.cli import main
from minigrad.shell.targets import placed

SOURCE = """
import numpy as np
from minigrad import grad

w0 = np.array([0.5, -1.0])
scale = 3.0


def f(x):
    return np.sin(x) * x


def loss(w, scale):
    h = np.tanh(scale * w)
    return np.sum(h * h)


def deltas(w):
    return {"h": 2.0 * np.tanh(scale * w)}


def fails(x):
    return np.sin(x) @ np.ones(3)
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(SOURCE)
    return "model.py"


def test_a_number_gives_a_page(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", f"{model}:f", "--at", "0.5"]) == 0
    assert capsys.readouterr().out == "wrote tape.html: 3 entries, 1 of them inputs\n"
    html = Path("tape.html").read_text(encoding="utf-8")
    assert "return np.sin(x) * x" in html


@pytest.mark.parametrize("at", ["w=[0.5, -1.0]", "[0.5, -1.0]", "[0.5, -1], scale=3.0", "point.npz"])
def test_points(model: str, at: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By name, in their order, from a file; what is not given comes from the program."""
    np.savez("point.npz", w=np.array([0.5, -1.0]))
    assert main(["explore", f"{model}:loss", "--at", at, "--out", "page.html"]) == 0
    assert f"{2 if 'scale' in at else 1} of them inputs" in capsys.readouterr().out
    assert Path("page.html").exists()


def test_an_expression_variables_shapes_and_deltas(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", f"{model}:grad(f)(x)", "--at", "x=0.5"]) == 0
    assert '"lines":["grad(f)(x)"]' in Path("tape.html").read_text(encoding="utf-8")
    assert main(["explore", f"{model}:loss(w0, scale)", "--wrt", "w0"]) == 0
    assert main(["explore", f"{model}:loss", "--shapes", "w=(3,)", "--deltas", "deltas"]) == 0
    assert '"name":"h"' in Path("tape.html").read_text(encoding="utf-8")
    capsys.readouterr()


def test_a_function_that_raises_has_a_page(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", f"{model}:fails", "--at", "[1.0, 2.0]"]) == 0
    assert "note: the function raised ValueError: matmul" in capsys.readouterr().out
    assert "raised an exception" in Path("tape.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["model.py:g", "--at", "1.0"], "defines no 'g'"),
        (["model.py:f", "--at", "1.0, 2.0"], "f(x) has 1 parameters, not 2"),
        (["model.py:f", "--at", "import os"], "--at is an .npz file, or values"),
        (["model.py:f", "--at", "**{}"], "--at is an .npz file, or values"),
        (["model.py:f", "--at", "none.npz"], "none.npz"),
        (["model.py:sin(x)", "--at", "1.0"], "say which variables of 'sin(x)'"),
        (["model.py:f", "--at", "'text'"], "minigrad explore: "),
        (["model.py:f", "--at", "0.5", "--out", "nowhere/tape.html"], "No such file or directory"),
        (["model.py:f", "--at", "0.5", "--out", "."], "minigrad explore: "),
        (["model.py:f", "--at", "0.5", "--max-entries", "2"], "the tape has 3 entries"),
        (["model.py:f", "--at", "0.5", "--order", "-1"], "order=-1"),
        (["model.py:f", "--at", "0.5", "--seed", "-1"], "--seed"),
        (["model.py:f"], "gives no value to x"),
    ],
)
def test_bad_input_is_one_line(model: str, options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_values_on_the_command_line() -> None:
    """Lists of numbers are arrays; tuples, dicts and lists of unlike shapes are containers."""
    (x,), given = placed("-1, A=[[1, 2], [3, 4]], b=[[1.0], [1.0, 2.0]], p={'W': [1], 'n': 2}, z=1+2j")
    assert x == -1.0
    assert type(x) is float
    np.testing.assert_array_equal(given["A"], [[1.0, 2.0], [3.0, 4.0]])
    assert [part.shape for part in given["b"]] == [(1,), (2,)]
    assert given["p"]["W"].dtype == float
    assert given["z"] == 1 + 2j


def test_the_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> Any:
    with pytest.raises(SystemExit):
        main(["explore", "--help"])
    assert "as a page to step through" in capsys.readouterr().out
