"""The command `python -m minigrad check`, on modules and on notebooks, right and wrong, and on bad input."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.shell.cli import main
from minigrad.shell.programs import program

MODULE = """\
import numpy as np

X = np.linspace(-1.0, 1.0, 12).reshape(4, 3)

def loss(A, b, x=X):
    return np.sum(np.tanh(x @ A + b) ** 2)

def gradient(A, b):
    t = np.tanh(X @ A + b)
    m = 2 * t * (1 - t * t)
    return X.T @ m, m.sum(axis=0)

def wrong(A, b):
    gA, gb = gradient(A, b)
    return gA, 2 * gb

def distance(w):
    return np.sum(np.abs(w))

def count(A):
    raise RuntimeError("no such luck")

def noted(w, X):
    return np.sum((X @ w) ** 2)

def noted_gradient(w, X):
    return 2 * X.T @ (X @ w)

print("not part of a report")
if __name__ == "__main__":
    raise SystemExit("this is for running it as a program")
"""
# In the manner of a notebook exported to a script: IPython's lines, drawing, training, names used twice.
NOTEBOOK = """\
# coding: utf-8

# # A title

# In[1]:


get_ipython().run_line_magic('matplotlib', 'inline')
import autograd.numpy as np
import autograd as ag
import matplotlib.pyplot as plt
%autoreload 2


# In[2]:


n = 20
x = np.zeros((2,n))
for j in np.arange(0,2):
    I = np.arange(0,n)
    x[j,I] = np.random.randn(n)
Y = np.double(x[0:1,:] > 0)
Y = np.vstack([Y, 1-Y])
plt.plot(x[0,I], x[1,I], '.')
plt.axis('equal');


# In[3]:


def rho(u): return np.arctan(u)
def rhoG(u): return 1/(1+u**2)
def column(v): return v.reshape(-1,1)


def Forward(A,b,Z,R):
    X = []
    X.append(Z)
    for r in np.arange(0,R):
        X.append( rho( np.dot(A[r],X[r]) + np.tile(b[r],[1,Z.shape[1]]) ) )
    return X


def Loss(P): # A,b
    X = Forward(P[0],P[1],x,R)
    return np.sum((X[-1]-Y)**2)/2


def Backward(A,b,X,R):
    gA = [0]*R
    gb = [0]*R
    g = X[R]-Y
    for r in np.arange(R-1,-1,-1):
        M = rhoG( A[r].dot(X[r]) + np.tile(b[r],[1,n]) ) * g
        g = A[r].transpose().dot(M)
        gA[r] = M.dot(X[r].transpose())
        gb[r] = column(M.sum(axis=1))
    return [gA,gb]


# In[4]:


run -i solutions/exo1


# In[5]:


R = np.zeros((3,3))
raise RuntimeError('the training that nobody waits for')


# In[6]:


D = [2, 4, 3, 2]
R = np.size(D)-1
A = []
b = []
for r in np.arange(0,R):
    A.append(np.random.randn(D[r+1],D[r]))
    b.append(np.random.randn(D[r+1],1))
print( 'a value' )
"""
FORWARD, BACKWARD = "np.sum((Forward(A,b,x,R)[-1]-Y)**2)/2", "Backward(A, b, Forward(A,b,x,R), R)"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A module with a loss and gradients, right and wrong."""
    path = tmp_path / "model.py"
    path.write_text(MODULE)
    return str(path)


@pytest.fixture(params=["export.py", "notebook.ipynb"])
def notebook(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same notebook as a script and in its own format."""
    path = tmp_path / request.param
    if path.suffix == ".py":
        path.write_text(NOTEBOOK)
    else:
        cells = NOTEBOOK.split("# In[")[1:]
        made = [{"cell_type": "code", "source": cell.split("]:", 1)[1].strip().splitlines(True)} for cell in cells]
        made.insert(0, {"cell_type": "markdown", "source": ["# A title"]})
        path.write_text(json.dumps({"nbformat": 4, "cells": made}))
    return str(path)


def shapes(text: str = "A=(3,2), b=(2,)") -> list[str]:
    return ["--shapes", text]


# ----- verdicts and exit codes ----------------------------------------------------------------------------------------


def test_a_right_gradient(model: str, capsys: Any) -> None:
    """Exit code 0; the parameters have their names; what the module prints is not in the report."""
    assert main(["check", f"{model}:loss", "--manual", f"{model}:gradient", *shapes()]) == 0
    out = capsys.readouterr().out
    assert out.startswith("OK: the gradient gradient, written by hand, against loss")
    assert "A, b drawn at random: 8 numbers" in out
    assert "not part of a report" not in out


def test_a_wrong_gradient_names_the_leaf(model: str, capsys: Any) -> None:
    """Exit code 1; MANUAL needs no file of its own; b is wrong, A is not."""
    assert main(["check", f"{model}:loss", "--manual", "wrong", *shapes()]) == 1
    rows = {
        line.split()[0]: line for line in capsys.readouterr().out.splitlines() if "(2,)" in line or "(3, 2)" in line
    }
    assert "OK" in rows["A"]
    assert "WRONG" in rows["b"]


def test_a_kink(model: str, tmp_path: Path) -> None:
    """Exit code 3 at a zero of abs."""
    point = tmp_path / "point.npz"
    np.savez(point, w=np.array([1.0, 0.0]))
    assert main(["check", f"{model}:distance", "--manual", f"{model}:np.sign", "--at", str(point)]) == 3


def test_a_point_can_be_written_in_the_command(model: str, capsys: Any) -> None:
    """Values after --at, in order or by name, are as good as a file."""
    for point in ("[0.5, -1.0]", "w=[0.5, -1.0]"):
        assert main(["check", f"{model}:distance", "--manual", f"{model}:np.sign", "--at", point]) == 0
        assert "w as given: 2 numbers" in capsys.readouterr().out
    assert main(["check", f"{model}:distance", "--manual", "gradient", "--at", "[0.5]", "--deltas", "noted"]) == 2
    assert "--manual 'gradient(w, ...)'" in capsys.readouterr().err


def test_constants_of_the_file(model: str) -> None:
    """Arguments that are not parameters are looked up by name; those with a default keep it."""
    path = Path(model)
    path.write_text(MODULE + "\ndef g(w): return noted_gradient(w, X)\n")
    assert main(["check", f"{model}:noted", "--manual", "g", "--shapes", "w=(3,)"]) == 0


def test_files_that_are_written(model: str, tmp_path: Path) -> None:
    """The page and the JSON."""
    html, data = tmp_path / "report.html", tmp_path / "report.json"
    arguments = ["check", f"{model}:loss", "--manual", "wrong", *shapes(), "--html", str(html), "--json", str(data)]
    assert main(arguments) == 1
    assert html.read_text().startswith("<!doctype html>")
    read = json.loads(data.read_text())
    assert read["verdict"] == "WRONG"
    assert [leaf["path"] for leaf in read["leaves"]] == ["A", "b"]


def test_a_point_with_lists_and_dicts(tmp_path: Path) -> None:
    """`A[0]` and `w['b']` in an .npz file."""
    path = tmp_path / "model.py"
    path.write_text("def f(A, w): return (A[0]**2).sum() + A[1]**3 + (w['b']**2).sum()\n"
                    "def g(A, w): return [2*A[0], 3*A[1]**2], {'b': 2*w['b']}\n")  # fmt: skip
    np.savez(tmp_path / "p.npz", **{"A[0]": np.ones(3), "A[1]": np.array(2.0), "w['b']": np.ones((2, 1))})
    assert main(["check", f"{path}:f", "--manual", "g", "--at", str(tmp_path / "p.npz")]) == 0


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_other_dtypes(dtype: str, tmp_path: Path) -> None:
    """--dtype; a nested --shapes."""
    path = tmp_path / "m.py"
    path.write_text("import numpy as np\ndef f(P): return np.sum(np.abs(P['u'][0])**2) + np.sum(np.abs(P['v'])**2)\n"
                    "def g(P): return {'u': (2*np.conj(P['u'][0]),), 'v': 2*np.conj(P['v'])}\n")  # fmt: skip
    shape = ["--shapes", "P={'u': ((2,3),), 'v': ()}", "--dtype", dtype]
    assert main(["check", f"{path}:f", "--manual", "g", *shape]) == 0
    data = tmp_path / "r.json"
    main(["check", f"{path}:f", "--manual", "g", *shape, "--json", str(data)])
    assert {(leaf["path"], leaf["dtype"]) for leaf in json.loads(data.read_text())["leaves"]} == {
        ("P['u'][0]", dtype),
        ("P['v']", dtype),
    }


def test_a_module_by_its_name(capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """package.module:function, found from the current folder."""
    (tmp_path / "some_model_of_ours.py").write_text("def f(x): return (x**3).sum()\ndef g(x): return 3*x**2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "some_model_of_ours", raising=False)
    assert main(["check", "some_model_of_ours:f", "--manual", "g", "--shapes", "x=(2,)"]) == 0
    assert "x" in capsys.readouterr().out


def test_deltas(tmp_path: Path, capsys: Any) -> None:
    """Cotangents by hand of labelled values: the first that differs is named."""
    path = tmp_path / "m.py"
    path.write_text(
        "import numpy as np, minigrad\n"
        "def f(x):\n    h = minigrad.name(np.tanh(x), 'h')\n    return np.sum(h**2)\n"
        "def g(x): return 4*np.tanh(x)*(1-np.tanh(x)**2)\n"
        "def deltas(x): return {'h': 4*np.tanh(x)}\n"
    )
    assert main(["check", f"{path}:f", "--manual", "g", "--deltas", "deltas", "--shapes", "x=(3,)"]) == 1
    assert "first diverging layer" in capsys.readouterr().out


def test_without_tqdm(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The progress bar is a comfort."""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["check", f"{model}:loss", "--manual", "gradient", *shapes()]) == 0


def test_an_interruption(model: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Ctrl-C ends with the exit code of shells, in one line."""

    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("minigrad.check", interrupted)
    assert main(["check", f"{model}:loss", "--manual", "gradient", *shapes()]) == 130
    assert capsys.readouterr().err == "minigrad check: interrupted; nothing was written\n"


# ----- notebooks ------------------------------------------------------------------------------------------------------


def test_a_notebook_as_it_stands(notebook: str, capsys: Any) -> None:
    """Expressions in its names, at its own values: nothing is drawn or trained, IPython's lines are left out."""
    assert main(["check", f"{notebook}:{FORWARD}", "--manual", BACKWARD, "--wrt", "A,b"]) == 0
    out = capsys.readouterr().out
    assert "A[2]" in out
    assert "b[0]" in out
    assert "a value" not in out
    assert "matplotlib" not in str(program(notebook)({"Loss", "R"}).keys())


def test_a_notebook_at_other_shapes(notebook: str) -> None:
    """A network of two layers instead of three; the number of layers is an expression too."""
    f, g = FORWARD.replace("R", "len(A)"), BACKWARD.replace("R", "len(A)")
    assert main(["check", f"{notebook}:{f}", "--manual", g, *shapes("A=[(15,2),(2,15)], b=[(15,1),(2,1)]")]) == 0


def test_a_function_of_one_tuple(notebook: str, capsys: Any) -> None:
    """The function of the notebook, of a pair of lists."""
    g = "Backward(P[0], P[1], Forward(P[0],P[1],x,R), R)"
    P = "P=([(4,2),(3,4),(2,3)], [(4,1),(3,1),(2,1)])"
    assert main(["check", f"{notebook}:Loss", "--manual", g, "--shapes", P]) == 0
    assert "P[0][1]" in capsys.readouterr().out


def test_a_mistake_in_backpropagation_is_found(notebook: str, capsys: Any) -> None:
    """The derivative of the activation is forgotten in one line of the notebook."""
    path = Path(notebook)
    path.write_text(
        path.read_text().replace("* g", "*g").replace("rhoG( A[r].dot(X[r]) + np.tile(b[r],[1,n]) ) *g", "g")
    )
    assert main(["check", f"{notebook}:{FORWARD}", "--manual", BACKWARD, "--wrt", "A,b"]) == 1
    assert capsys.readouterr().out.startswith("WRONG")


BAD = {
    "FILE:NAME or FILE:EXPRESSION": ["loss", "--manual", "g"],
    "missing.py: No such file": ["missing.py:loss", "--manual", "g", *shapes()],
    "no_such_module_here: ModuleNotFoundError": ["no_such_module_here:f", "--manual", "g", *shapes()],
    "defines no 'los'; it has": ["{model}:los", "--manual", "gradient", *shapes()],
    "'X' in": ["{model}:X", "--manual", "gradient", *shapes()],
    "has no parameter C": ["{model}:loss", "--manual", "gradient", *shapes("C=(2,)")],
    "needs 'b', which": ["{model}:loss", "--manual", "gradient", *shapes("A=(3,2)")],
    "gives no value to A, b": ["{model}:loss", "--manual", "gradient"],
    "cannot be called with (w)": ["{model}:distance", "--manual", "noted_gradient", *shapes("w=(2,)")],
    "--shapes is written like": ["{model}:loss", "--manual", "gradient", *shapes("A=(3,2")],
    "is not a shape": ["{model}:loss", "--manual", "gradient", *shapes("A='x', b=()")],
    "is no dtype": ["{model}:loss", "--manual", "gradient", *shapes(), "--dtype", "float33"],
    "not a floating": ["{model}:loss", "--manual", "gradient", *shapes(), "--dtype", "int64"],
    "RuntimeError: no such luck": ["{model}:count", "--manual", "np.sign", *shapes("A=(2,)")],
    "neither a name nor an expression": ["{model}:loss(A", "--manual", "gradient", *shapes()],
    "needs nothing_such": ["{model}:nothing_such + A", "--manual", "np.sign", *shapes("A=(2,)")],
    "say what the parameters": ["{model}:loss(A, b)", "--manual", "gradient"],
    "--seed must not be negative": ["{model}:loss", "--manual", "gradient", *shapes(), "--seed", "-1"],
    "no_folder": ["{model}:loss", "--manual", "gradient", *shapes(), "--html", "{model}/no_folder/r.html"],
    "the parameter X has int64": ["{model}:np.sum(X)", "--manual", "np.ones(3)", "--at", "{integers}"],
    "p.npz: No such file": ["{model}:loss", "--manual", "gradient", "--at", "p.npz"],
}


# ----- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_told_in_one_line(message: str, model: str, tmp_path: Path, capsys: Any) -> None:
    """Exit code 2, nothing on the standard output, one line that says what is wrong."""
    integers = tmp_path / "integers.npz"
    np.savez(integers, X=np.arange(3, dtype=np.int64))
    arguments = [part.format(model=model, integers=integers) if "{m" in part or "{i" in part else part
                 for part in BAD[message]]  # fmt: skip
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_help_runs_as_a_module() -> None:
    """`python -m minigrad check --help` tells the exit codes."""
    root = str(Path(minigrad.__file__).parents[1])
    command = [sys.executable, "-m", "minigrad", "check", "--help"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert "exit codes" in done.stdout
