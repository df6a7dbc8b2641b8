"""`minigrad.numpy` has NumPy's names, and on plain values it is NumPy."""

import ast
import inspect
import pickle
import pydoc
import re
import runpy
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
import minigrad.numpy.random

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])


def test_the_namespace_has_every_name_of_numpy() -> None:
    """`import minigrad.numpy as np` replaces `import numpy as np`."""
    missing = [n for n in np.__all__ if not hasattr(mnp, n)]
    assert missing == []
    assert mnp.pi == np.pi
    assert mnp.float64 is np.float64
    assert mnp.linalg.LinAlgError is np.linalg.LinAlgError
    assert "sin" in dir(mnp)


@pytest.mark.parametrize(
    "function", ["sum", "exp", "dot", "reshape", "concatenate", "max", "where", "mean", "clip", "size"]
)
def test_the_namespace_on_plain_values_is_numpy(function: str) -> None:
    """Without traced values nothing is different."""
    arguments = {
        "dot": (A, X), "reshape": (A, (3, 2)), "concatenate": ([A, A],), "where": (A > 0, A, 0.0), "clip": (A, 0, 1),
    }.get(function, (A,))  # fmt: skip
    assert np.array_equal(getattr(mnp, function)(*arguments), getattr(np, function)(*arguments))
    assert type(getattr(mnp, function)(*arguments)) is type(getattr(np, function)(*arguments))


# ----- what the namespace shows of itself -----------------------------------------------------------------------------

PLACES = [(mnp, np), (mnp.linalg, np.linalg), (mnp.fft, np.fft), (minigrad.numpy.random, np.random)]


def test_dir_has_the_names_of_numpy_and_no_helpers() -> None:
    assert set(dir(mnp)) - set(dir(np)) == {"logsumexp"}
    for ours, theirs in PLACES:
        assert set(dir(theirs)) <= set(dir(ours))
        assert all(hasattr(ours, name) for name in dir(ours))
    for ours, theirs in PLACES[1:]:
        assert dir(ours) == dir(theirs)
    assert mnp.__name__ == "minigrad.numpy"


def test_a_star_binds_the_names_that_numpy_binds() -> None:
    bound: dict[str, object] = {}
    exec("from minigrad.numpy import *", bound)
    assert bound.keys() - {"__builtins__"} == {*np.__all__, "logsumexp"}


def served(ours: ModuleType, theirs: ModuleType) -> list[tuple[str, FunctionType, Any]]:
    """The functions of a module of NumPy that have a rule: the name, ours, and NumPy's."""
    pairs = [(name, getattr(ours, name), getattr(theirs, name)) for name in dir(theirs) if not name.startswith("_")]
    found = [(name, mine, own) for name, mine, own in pairs if mine is not own and isinstance(mine, FunctionType)]
    assert len(found) > 10
    return found


def signature_of(function: object) -> str:
    """The signature as text, or why there is none: before NumPy 2.4 ufuncs have none."""
    try:
        return str(inspect.signature(function))  # type: ignore[arg-type]
    except ValueError:
        return "none"


@pytest.mark.parametrize(("ours", "theirs"), PLACES[:3], ids=["numpy", "linalg", "fft"])
def test_signatures_are_those_of_numpy(ours: ModuleType, theirs: ModuleType) -> None:
    """Names, modules and signatures, of all functions that have a rule; and they can be pickled."""
    for name, mine, own in served(ours, theirs):
        assert signature_of(mine) == signature_of(own), name
        assert mine.__module__ == ours.__name__, name
        assert name == "row_stack" or getattr(theirs, mine.__name__) is own  # an old name of vstack
        assert pickle.loads(pickle.dumps(mine)) is getattr(ours, mine.__name__), name


def test_help_shows_the_signature_of_numpy() -> None:
    text = pydoc.plain(pydoc.render_doc(mnp.sum))
    assert "function sum in module minigrad.numpy\n" in text
    signature = "sum(a,axis=None,dtype=None,out=None,keepdims=<novalue>"
    assert signature in "".join(text.split())  # later versions of Python write it in several lines


def test_conversions_of_plain_arrays_are_those_of_numpy() -> None:
    """Order and subclass, too."""
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    assert mnp.asfortranarray(A).flags.f_contiguous
    assert mnp.ascontiguousarray(A[:, ::2]).flags.c_contiguous
    assert type(mnp.asanyarray(masked)) is type(masked)
    assert mnp.full((2, 3), 1.0, order="F").flags.f_contiguous


@pytest.mark.parametrize(("ours", "theirs"), PLACES[:3], ids=["numpy", "linalg", "fft"])
def test_docstrings_are_those_of_numpy_with_a_line_on_the_derivative(ours: ModuleType, theirs: ModuleType) -> None:
    """Of all functions that have a rule: behind the first sentence, where an editor shows it."""
    for name, mine, own in served(ours, theirs):
        before, _, after = (inspect.getdoc(mine) or "").partition("minigrad: ")
        after = after.partition("\n\n")[2]
        assert len(before.split("\n\n")) <= 3, name
        if "Array API Standard" in (own.__doc__ or ""):
            continue  # SciPy has added to it since
        assert f"{before} {after}".split() == (inspect.getdoc(own) or f"As `{theirs.__name__}.{name}`.").split(), name


def test_the_line_says_whether_a_derivative_flows() -> None:
    assert "minigrad: differentiable, in every mode and to any order." in mnp.sum.__doc__
    assert "minigrad: differentiable, in every mode and to any order." in mnp.sin.__doc__
    assert "minigrad: of traced values it returns plain ones" in mnp.argmax.__doc__
    assert "minigrad: of traced values it returns plain ones" in mnp.floor.__doc__


def test_the_stub_has_the_names_of_numpy() -> None:
    """Editors complete them, and type checkers know their types; docs/make_stub.py writes it."""
    path = Path(mnp.__file__).with_suffix(".pyi")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    written = re.search(r"the names of NumPy (\d+)\.(\d+)", ast.get_docstring(tree) or "")
    assert written is not None
    installed = tuple(map(int, np.__version__.split(".")[:2]))
    if installed == tuple(map(int, written.groups())):  # each version has names of its own
        assert {*mnp.__all__} <= names
        make_stub = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "make_stub.py"))
        assert make_stub["stub"]() == path.read_text(encoding="utf-8"), "run python docs/make_stub.py"
    assert {"tan", "tanh", "take", "linalg", "fft", "random", "logsumexp", "set_at"} <= names
