"""Of a program or a notebook only what a check needs is run; what cannot be run is told with its line."""

import sys
from pathlib import Path
from typing import Any

import pytest

from minigrad.errors import CommandError
from minigrad.shell.cli import main
from minigrad.shell.programs import is_notebook, program


def test_only_what_is_needed_is_run(tmp_path: Path) -> None:
    """Going backward from the end: later values replace earlier ones, changes in place count, displays do not."""
    path = tmp_path / "n.py"
    path.write_text(
        "# In[1]:\n"
        "import numpy as np\nfrom random import shuffle\nimport matplotlib.pyplot as plt\n"
        "a = 1/0\n"  # replaced below
        "a = [3]\na.append(4)\na[0] = 5\nb = 2\nb += 1\n"
        "class C:\n    k = b\n"
        "def f(x): return x + helper(b) + C.k\n"
        "def helper(b): return a[0] + late\n"
        "late = 10\n"
        "plt.plot(a)\nprint(a)\nother = 1/0\n"
        "h = lambda: late\nsquares = [b*i for i in range(3)]\n"
        "import matplotlib.cm\nif b > 2:\n    c = 7\n"
    )
    variables = program(str(path))
    scope = variables({"f", "a"})
    assert scope["a"] == [5, 4]
    assert scope["f"](1) == 1 + 5 + 10 + 3
    assert "plt" not in scope
    assert "squares" not in scope
    assert variables({"squares"})["squares"] == [0, 3, 6]
    assert variables({"h"})["h"]() == 10
    assert variables({"c"})["c"] == 7
    with pytest.raises(CommandError, match=r"line 18: ZeroDivisionError"):
        variables({"other"})


def test_what_looks_like_a_notebook() -> None:
    """Markers of exports and lines for IPython; an ordinary script, even a broken one, does not."""
    assert is_notebook("# In[3]:\nx = 1\n")
    assert is_notebook("# %%\nx = 1\n")
    assert is_notebook("x = 1\n%timeit x\n")
    assert not is_notebook("x = 1\n")
    assert not is_notebook("x = = 1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import numpy as np\nx = 1/0\n", "line 2: ZeroDivisionError"),
        ("x = = 1\n", "line 1: invalid syntax"),
        ("raise SystemExit(3)\n", "line 1: SystemExit"),
        ("# In[1]:\ndef f(x): return y\ny = 1/0\n", "line 3: ZeroDivisionError"),
        ("# In[1]:\nf = = 1\n", "line 2: invalid syntax"),
    ],
)
def test_files_that_do_not_run(text: str, message: str, tmp_path: Path, capsys: Any) -> None:
    """The line of the file."""
    path = tmp_path / "broken.py"
    path.write_text(text)
    assert main(["check", f"{path}:f", "--manual", "f", "--shapes", "x=()"]) == 2
    assert f"{path}, {message}" in capsys.readouterr().err


def test_a_notebook_of_another_format(tmp_path: Path, capsys: Any) -> None:
    """Not JSON, or without cells."""
    path = tmp_path / "n.ipynb"
    for text in ("x = 1", '{"worksheets": []}'):
        path.write_text(text)
        assert main(["check", f"{path}:f", "--manual", "f", "--shapes", "x=()"]) == 2
        assert "version 4" in capsys.readouterr().err


def test_autograd_is_read_as_minigrad_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script for autograd runs without it, and the import leaves no trace."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    replaced = {name for name in sys.modules if name.split(".")[0] == "autograd"}
    path = tmp_path / "s.py"
    path.write_text("import autograd.numpy as np\nfrom autograd import grad\nf = grad(lambda x: np.sum(x**2))\n")
    assert program(str(path))(set())["f"](3.0) == 6.0
    assert {name for name in sys.modules if name.split(".")[0] == "autograd"} == replaced
