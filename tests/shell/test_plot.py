"""`python -m minigrad plot`: what it writes, leaves out and refuses."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.shell.cli import main

pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plot(*arguments: str) -> int:
    return main(["plot", *arguments])


# ----- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "name"),
    [("tanh(x)", "tanh.png"), ("sin(x)/x", "sin_x_x.png"), ("1/(1+x**2)", "1_1_x_2.png"), ("π", "plot.png")],
)
def test_the_picture_is_named_after_the_formula(formula: str, name: str, capsys: Any) -> None:
    assert plot(formula, "--points", "51") == 0
    assert capsys.readouterr().out == f"wrote {name}\n"
    assert Path(name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_kinds_of_pictures(suffix: str, start: bytes) -> None:
    assert plot("tanh(x)", "--points", "51", "--mark", "zeros,extrema", "--out", f"a.{suffix}") == 0
    assert Path(f"a.{suffix}").read_bytes().startswith(start)


def test_a_table_for_the_terminal(capsys: Any) -> None:
    assert plot("sin(x)", "--order", "2", "--range", "-1", "1", "--points", "5", "--csv", "-", "--mark", "zeros") == 0
    told = capsys.readouterr()
    rows = list(csv.reader(told.out.splitlines()))
    assert rows[0] == ["x", "0", "1", "2"]
    x = np.array([float(row[0]) for row in rows[1:]])
    np.testing.assert_array_equal(x, np.linspace(-1, 1, 5))
    table = np.array([[float(y) for y in row[1:]] for row in rows[1:]])
    np.testing.assert_allclose(table, np.stack([np.sin(x), np.cos(x), -np.sin(x)], axis=1), rtol=1e-15)
    assert told.err.splitlines()[0] == "f: zeros at x = 0"
    assert not list(Path().iterdir())


def test_tables_in_files_and_a_picture_beside_them(capsys: Any) -> None:
    assert plot("log(x)", "--range", "-1", "1", "--points", "9", "--csv", "--json", "b.json", "--out", "c.png") == 0
    assert capsys.readouterr().out.splitlines()[-3:] == ["wrote c.png", "wrote log.csv", "wrote b.json"]
    rows = Path("log.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1] == "-1.0,,,,"
    content = json.loads(Path("b.json").read_text(encoding="utf-8"))
    assert content["function"] == "log(x)"
    assert content["derivatives"][1][:6] == [None] * 5 + [4.0]
    assert np.shape(content["derivatives"]) == (4, 9)
    assert content["notes"]


def test_marks_are_in_the_json(capsys: Any) -> None:
    assert plot("x**2 - 1", "--order", "1", "--range", "-2", "3", "--json", "-", "--mark", "zeros,extrema") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["zeros"] == [[-1.0, 1.0], [0.0]]
    assert content["extrema"] == [[[0.0, -1.0]], []]


def columns(told: str) -> dict[str, Any]:
    """A table on the terminal: its columns by their heads."""
    head, *rows = csv.reader(told.splitlines())
    return dict(zip(head, np.array([[float(y) if y else np.nan for y in row] for row in rows]).T))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [(("-1e-3", "1e-3"), (-1e-3, 1e-3)), (("-pi", "pi"), (-np.pi, np.pi)), (("-2pi/3", "1e1"), (-2 * np.pi / 3, 10.0))],
)
def test_ranges_below_zero(bounds: tuple[str, str], expected: Any, capsys: Any) -> None:
    assert plot("x", "--range", *bounds, "--points", "5", "--csv", "-") == 0
    x = columns(capsys.readouterr().out)["x"]
    np.testing.assert_allclose((x[0], x[-1]), expected, rtol=1e-15)


def test_a_formula_that_begins_with_a_minus(capsys: Any) -> None:
    assert plot("-x^2", "--points", "5", "--csv", "-") == 0
    found = columns(capsys.readouterr().out)
    np.testing.assert_array_equal(found["0"], -(found["x"] ** 2))


def test_chosen_orders(capsys: Any) -> None:
    assert plot("sin x", "--orders", "4,0,2", "--range", "0", "1", "--points", "5", "--csv", "-") == 0
    found = columns(capsys.readouterr().out)
    assert list(found) == ["x", "0", "2", "4"]
    np.testing.assert_allclose(found["2"], -np.sin(found["x"]), rtol=1e-14)
    assert plot("sin x", "--orders", "1,3", "--json", "-", "--mark", "zeros", "--points", "101") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["orders"] == [1, 3]
    assert np.shape(content["derivatives"]) == (2, 101)
    assert len(content["zeros"]) == 2


def test_several_formulas_with_parameters(capsys: Any) -> None:
    arguments = ["a sin(b x)", "cos x", "a=2", "b=-pi/2", "--order", "1", "--points", "9"]
    assert plot(*arguments, "--csv", "-") == 0
    found = columns(capsys.readouterr().out)
    assert list(found) == ["x", "a sin(b x) 0", "a sin(b x) 1", "cos x 0", "cos x 1"]
    np.testing.assert_allclose(found["a sin(b x) 1"], -np.pi * np.cos(np.pi / 2 * found["x"]), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(found["cos x 1"], -np.sin(found["x"]), rtol=1e-14)
    assert plot(*arguments, "--json", "-") == 0
    assert [content["function"] for content in json.loads(capsys.readouterr().out)] == ["a sin(b x)", "cos x"]
    assert plot(*arguments, "--mark", "zeros") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("a sin(b x): f: zeros at x = -4, -2, 0, 2, 4")
    assert told[-1] == "wrote a_sin_b_x_cos_x.png"


def test_kinks_are_told_and_are_in_the_json(capsys: Any) -> None:
    assert plot("|x - 1|", "--json", "-") == 0
    told = capsys.readouterr()
    assert told.err == "note: f has a kink at x = 1: the derivatives from order 2 on leave it out\n"
    assert json.loads(told.out)["jumps"] == [{"order": 1, "x": 1.0, "left": -1.0, "right": 1.0}]


@pytest.mark.parametrize(
    ("formula", "note"),
    [
        ("floor(x/4)", "f jumps at x = -4, 0, 4; "),
        ("|x - 0.3|", "f has a kink at x = 0.3: "),
        ("1/(x - 0.123)", "singular at x = 0.123"),
        ("exp(-(1000(x - 0.00321))^2)", "it changes within a step, so derivatives are missed, at x = -0.01"),
    ],
)
def test_what_few_points_would_not_see_is_found(formula: str, note: str, capsys: Any) -> None:
    assert plot(formula, "--order", "1", "--points", "6", "--csv", "-") == 0
    told = capsys.readouterr()
    first, second = told.err.splitlines()
    assert first.startswith(f"note: {note}")
    assert second == "note: this was found at 1001 points, of which 6 are written"
    assert len(told.out.splitlines()) == 7


def test_that_few_points_see_little_is_said(capsys: Any) -> None:
    assert plot("sin x", "--points", "11", "--csv", "-") == 0
    assert capsys.readouterr().err == "note: 11 points show nothing that is narrower than 1\n"


def test_the_functions_are_listed(capsys: Any) -> None:
    assert plot("--functions") == 0
    told = capsys.readouterr().out
    assert all(f" {name}," in told for name in ("besselj", "heaviside", "relu", "tanh"))
    assert "natural" in told


def test_a_file_that_cannot_be_finished_leaves_the_old_one(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.png").write_text("old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device", "x.png")

    monkeypatch.setattr("os.replace", fail)
    assert plot("x", "--points", "51") == 2
    assert Path("x.png").read_text() == "old"
    assert capsys.readouterr().err == "minigrad plot: x.png cannot be written: No space left on device\n"
    assert [path.name for path in Path().iterdir()] == ["x.png"]


PROGRAM = """
import math
import numpy as np
limit = 3.0

def bump(x):
    return np.exp(-x * x) if abs(x) < limit else 0.0 * x

def lost(x):
    return math.sin(x)

def several(x):
    return [x, x]

def turned(x):
    return x * 1j

class Nested:
    @staticmethod
    def square(x):
        return x ** 2
"""


# ----- functions from files and modules -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "at_half"), [("bump", -math.exp(-0.25)), ("Nested.square", 1.0)])
def test_functions_from_a_file(name: str, at_half: float, capsys: Any) -> None:
    Path("program.py").write_text(PROGRAM)
    assert plot(f"program.py:{name}", "--order", "1", "--range", "0.5", "1", "--points", "5", "--csv", "-") == 0
    first = capsys.readouterr().out.splitlines()[1].split(",")
    assert float(first[2]) == pytest.approx(at_half, rel=1e-14)


def test_functions_from_a_module(capsys: Any) -> None:
    assert plot("numpy:arctan", "--points", "101") == 0
    assert capsys.readouterr().out == "wrote arctan.png\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["program.py:bmp"], "program.py has no function 'bmp'; did you mean bump?"),
        (["program.py:limit"], "program.py:limit is a float, not a function"),
        (["program.py:lost"], "program.py:lost failed: LostDerivativeError: "),
        (["program.py:several"], "program.py:several failed: TypeError: derivatives: the function must return one"),
        (["program.py:turned"], "returns complex numbers, which have no curve"),
        (["absent.py:f"], "absent.py: No such file or directory"),
        (["absent_module:f"], "absent_module: ModuleNotFoundError"),
        (["broken.py:f"], "broken.py, line 1: expected"),
        (["snh(x)"], "there is no function 'snh'; did you mean sinh?"),
        (["log(-1-x**2)"], "log(-1-x**2) is not defined anywhere between -5 and 5"),
        (["x", "--range", "3", "1"], "--range: needs two numbers, the smaller first, not 3 and 1"),
        (["x", "--range", "0", "inf"], "--range: needs two numbers"),
        (["x", "--order", "-1"], "--order: has to be from 0 to 100, not -1"),
        (["x", "--orders", "0,200"], "--order: has to be from 0 to 100, not 200"),
        ([], "what is to be plotted? Such as: "),
        (["a=2"], "what is to be plotted? Such as: "),
        (["a x", "a=b"], "a=b: 'b' is not a number: there is no name 'b'"),
        (["x", "x=2"], "x=2: x is the variable"),
        (["exp(x)", "--range", "800", "900"], "exp(x) overflows everywhere between 800 and 900"),
        (["x", "--points", "2"], "--points: has to be from 5 to 1000000, not 2"),
        (["x", "--csv", "-", "--json", "-"], "only one of the files can go to the terminal"),
        (["x", "--out", "a.doc"], "--out a.doc: the name must end in one of "),
        (["x", "--out", "plot"], "--out plot: the name must end in one of"),
        (["x", "--out", "absent/a.png"], "absent/a.png cannot be written: No such file or directory"),
        (["x", "--csv", "absent/a.csv"], "absent/a.csv cannot be written: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], message: str, capsys: Any) -> None:
    Path("program.py").write_text(PROGRAM)
    Path("broken.py").write_text("def f(x) return x")
    assert plot(*arguments) == 2
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert message in lines[0]
    assert lines[0].startswith("minigrad plot: ")
    assert len(lines) == (3 if "snh(x)" in arguments else 1)
    assert "wrote" not in told.out


def test_the_caret_is_below_the_character(capsys: Any) -> None:
    assert plot("1 + snh(x)") == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["  1 + snh(x)", "      ^"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--order", "2", "--orders", "1,2"], "not allowed with argument --order"),
        (["x", "--orders", "1;2"], "'1;2' is not a list of numbers, such as 0,2,4"),
        (["x", "--range", "0", "2y"], "is not a number: there is no name 'y'"),
        (["x", "--range", "0", "2x"], "'2x' is not a number: it contains x"),
        (["x", "--mark", "poles"], "'poles' is not zeros, extrema or zeros,extrema"),
        (["x", "--layout", "round"], "invalid choice"),
        (["x", "--range", "1"], "expected 2 arguments"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as stopped:
        plot(*arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


# ----- as a program ---------------------------------------------------------------------------------------------------


def run(program: str) -> Any:
    root = Path(minigrad.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {program}"],
        capture_output=True,
        text=True,
    )


def test_without_matplotlib_there_are_numbers_and_the_extra_is_named() -> None:
    hidden = "sys.modules['matplotlib'] = None; from minigrad.shell.cli import main; "
    done = run(hidden + "sys.exit(main(['plot', 'tanh(x)']))")
    assert done.returncode == 2
    assert done.stderr == "minigrad plot: a plot needs matplotlib: pip install matplotlib\n"
    done = run(hidden + "sys.exit(main(['plot', 'tanh(x)', '--csv', '-', '--points', '51']))")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 52)


def test_the_command_does_not_touch_pyplot() -> None:
    done = run(
        "from minigrad.shell.cli import main; main(['plot', 'x']); assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "wrote x.png\n")


NOTEBOOK = """
# In[1]:

get_ipython().run_line_magic('matplotlib', 'inline')
import autograd.numpy as np

# In[2]:

run -i solutions/exo1

# In[3]:

def tanh(x): return (1.0 - np.exp(-x)) / (1.0 + np.exp(-x))
1 / 0
"""


def test_a_function_of_a_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a script exported from a notebook only what the function needs is run, as by `check`."""
    (tmp_path / "a tour.py").write_text(NOTEBOOK, encoding="utf-8")
    place = f"{tmp_path / 'a tour.py'}:tanh"
    assert main(["plot", place, "--order", "1", "--range", "-1", "1", "--points", "5", "--csv", "-"]) == 0
    rows = capsys.readouterr().out.split()
    assert rows[0] == "x,0,1"
    assert [float(n) for n in rows[3].split(",")] == [0.0, 0.0, 0.5]
    assert main(["plot", place.replace("tanh", "sinh"), "--csv", "-"]) == 2
    assert "sinh" in capsys.readouterr().err


def test_a_picture_is_drawn_from_many_points_however_few_are_asked_for() -> None:
    (line,) = [
        line for line in minigrad.plot("floor(x/2)", order=0, points=5).axes[0].lines if len(line.get_xdata()) > 2
    ]
    assert len(line.get_xdata()) >= 1001
