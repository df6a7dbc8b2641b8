"""`python -m minigrad plot`: what it computes, draws, writes, marks, leaves out and refuses."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.shell.cli import main
from minigrad.show.curves import Curves, curves, mark, table_of
from minigrad.show.draw import draw, label
from minigrad.show.expression import Expression

pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plot(*arguments: str) -> int:
    return main(["plot", *arguments])


def marked(text: str, start: float, stop: float, order: int, points: int = 1001) -> Curves:
    found = curves(Expression(text), start, stop, order, points)
    mark(found, Expression(text), ("zeros", "extrema"))
    return found


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


# ----- numbers --------------------------------------------------------------------------------------------------------


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
    assert not curves(Expression("x*abs(x)"), -1.0, 1.0, 3, 201).notes


def test_a_jump_is_a_gap_in_the_line() -> None:
    found = curves(Expression("floor(x)"), -1.5, 1.5, 1, 301)
    assert found.x[np.flatnonzero(found.breaks[0])].round(2).tolist() == [-1.01, -0.01, 0.99]
    assert not curves(np.tanh, -7.0, 7.0, 6, 101).breaks.any()


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


# ----- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "order", "layout", "panels"),
    [
        ("tanh(x)", 6, "auto", 1),
        ("tanh(x)", 12, "auto", 13),
        ("tanh(x)", 3, "stacked", 4),
        ("tanh(x)", 3, "overlay", 1),
        ("1/x", 2, "auto", 3),
        ("1/x", 0, "auto", 1),
        ("x", 3, "normalised", 1),
    ],
)
def test_layouts(text: str, order: int, layout: str, panels: int) -> None:
    figure = draw(curves(Expression(text), -2.0, 2.0, order, 101), layout)
    assert len(figure.axes) == panels


def test_curves_are_divided_by_their_largest_values() -> None:
    found = curves(np.tanh, -7.0, 7.0, 6, 501)
    lines = [line for line in draw(found, "normalised").axes[0].lines if len(line.get_xdata()) == 501]
    assert len(lines) == 7
    for line in lines:
        assert np.max(np.abs(line.get_ydata())) == 1.0
    assert len({line.get_color() for line in lines}) == 7


def test_labels() -> None:
    assert [label(k) for k in range(6)] == ["$f$", "$f'$", "$f''$", "$f'''$", "$f^{(4)}$", "$f^{(5)}$"]


def test_the_axis_shows_what_is_away_from_the_pole() -> None:
    low, high = draw(curves(Expression("1/x"), -2.0, 2.0, 1, 1001)).axes[0].get_ylim()
    assert -20 < low < -2
    assert 2 < high < 20


# ----- functions from files and modules -------------------------------------------------------------------------------

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
        (["absent.py:f"], "there is no file absent.py"),
        (["absent_module:f"], "absent_module:f cannot be imported: ModuleNotFoundError"),
        (["broken.py:f"], "broken.py:f cannot be imported: SyntaxError"),
        (["snh(x)"], "there is no function 'snh'; did you mean sinh?"),
        (["log(-1-x**2)"], "log(-1-x**2) is not defined anywhere between -5 and 5"),
        (["x", "--range", "3", "1"], "--range needs two numbers, the smaller first; got 3 1"),
        (["x", "--range", "0", "inf"], "--range needs two numbers"),
        (["x", "--order", "-1"], "--order must be from 0 to 100, not -1"),
        (["x", "--points", "2"], "--points must be from 5 to 1000000, not 2"),
        (["x", "--csv", "-", "--json", "-"], "only one of --csv and --json"),
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
    assert lines[0].startswith("minigrad: ")
    assert len(lines) == (3 if "snh" in arguments[0] else 1)
    assert "wrote" not in told.out


def test_the_caret_is_below_the_character(capsys: Any) -> None:
    assert plot("1 + snh(x)") == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["  1 + snh(x)", "      ^"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-exp(x)"], "begins with a minus goes into parentheses"),
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
    root = Path(__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {program}"],
        capture_output=True,
        text=True,
    )


def test_without_matplotlib_there_are_numbers_and_the_extra_is_named() -> None:
    hidden = "sys.modules['matplotlib'] = None; from minigrad.shell.cli import main; "
    done = run(hidden + "sys.exit(main(['plot', 'tanh(x)']))")
    assert done.returncode == 2
    assert done.stderr == "minigrad: a plot needs matplotlib: pip install 'minigrad[plot]'\n"
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
