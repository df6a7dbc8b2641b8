"""The coverage table cannot lie: what it claims is exercised, and what it does not claim is called to see it raise."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from cells import cases, load

import minigrad
import minigrad.numpy as mnp
from minigrad import grad, trace
from minigrad.core.primitive import ITEM
from minigrad.core.tape import Box, peel
from minigrad.shell.cli import main
from minigrad.show import coverage
from minigrad.show.coverage import series_of

for library in ("scipy", "mpmath"):  # without them some of the cells are not there
    pytest.importorskip(library)
TABLE = coverage.entries()
BY_NAME = {e.name: e for e in TABLE}
CLAIMED = {e.name for e in TABLE if e.status == coverage.RULE}
CELLS = {c.name for c in load() if c.name.rpartition(".")[0] in coverage.MODULES}
PAGE = pathlib.Path(minigrad.__file__).parent / "COVERAGE.md"


def test_every_claim_has_a_cell_that_exercises_it() -> None:
    missing = sorted(CLAIMED - CELLS)
    assert not missing, f"{len(missing)} names are claimed but not exercised by tests/cells: {' '.join(missing)}"


def test_every_cell_is_claimed() -> None:
    unclaimed = sorted(name for name in CELLS - CLAIMED if not BY_NAME.get(name) or BY_NAME[name].note == "")
    assert not unclaimed


def test_cells_of_operators_and_methods_are_named_after_one() -> None:
    names = {c.name.removeprefix("numpy.ndarray.") for c in load() if c.name.startswith("numpy.ndarray.")}
    assert not [name for name in names if not hasattr(np.ndarray, name)]


def test_every_name_is_classified_once_and_with_a_reason() -> None:
    for e in TABLE:
        assert (e.status == coverage.RULE) == (e.note == ""), e
        assert e.note != "no reason given", e
    both = set(coverage.BY_NATURE_REASONS) & set(coverage.NOT_YET_REASONS)
    assert not both
    for name in (*coverage.BY_NATURE_REASONS, *coverage.NOT_YET_REASONS):
        if name in BY_NAME:  # an older NumPy or SciPy may lack it
            assert name not in CLAIMED, f"{name} has a rule: take it off the list"


@pytest.mark.parametrize("name", sorted(CLAIMED))
def test_the_taylor_column(name: str) -> None:
    """Every operation of every cell has a series, and a function that is one operation has the one that is claimed.

    The series themselves are compared with nested jvps in test_cells.py.
    """
    found: set[str] = set()
    for cell in (c for c in load() if c.name == name):
        case = next(cases(cell, "d" if "d" in cell.dtypes else cell.dtypes[0]))
        tape = trace(case.fun, *case.drawn())
        found |= {series_of(node[0]) for node in tape.nodes[tape.leaves :] if node[0] is not ITEM}
    assert "" not in found
    assert BY_NAME[name].taylor in {*found, "composed"}


def dependent(value: Any) -> list[np.ndarray]:
    """The float arrays in what a function returned, that are not boxes."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [part for item in value for part in dependent(item)]
    plain = issubclass(type(value), (np.ndarray, np.generic, float)) and np.asarray(value).dtype.kind in "fc"
    return [np.asarray(value)] if plain else []


def templates(x: Any) -> list[tuple[Any, ...]]:
    """Ways to call a function that takes arrays."""
    return [
        (x,), (x, x), (x, 1), (x, x, x), (x, x, x, x), (1, x), (2, x, x), (1.5, x), ([x, x],), (x, 1.0, x), ("a", x),
        (x, 0, 1),
        (x > 0, x), (x, [0, 1]), (x, np.array([0, 1])), (2, 1, x), (1, 2, 1, x), (x, np.zeros(3), np.ones(3)),
    ]  # fmt: skip


POINTS = [np.array([0.3, 0.8, 1.7]), np.array([[1.3, 0.4], [0.2, 0.9]])]
UNSAFE = {"test", "save", "savetxt", "savez", "savez_compressed", "fromfile", "load", "loadtxt", "genfromtxt", "info"}
UNSAFE |= {"fromregex", "seterrcall", "seterr", "setbufsize", "set_printoptions", "show_config", "show_runtime"}
UNSAFE |= {"divmod"}  # its quotient is a whole number, plain and piecewise constant
DECLARED = {"constant wherever it has a derivative, or a question with a plain answer"}


@pytest.mark.parametrize("module", [m for m in coverage.MODULES if any(e.name.rpartition(".")[0] == m for e in TABLE)])
@pytest.mark.parametrize("point", POINTS, ids=["vector", "matrix"])
def test_nothing_drops_a_derivative_in_silence(module: str, point: Any) -> None:
    """Every public callable, called in many ways with traced values: a plain float result must not depend on them.

    If the call succeeds, it either returns boxes, or something that stays the same when the traced values move.
    """
    silent = []
    for name, function in coverage.public_callables(module):
        e = BY_NAME[f"{module}.{name}"]
        if name in UNSAFE or e.note in DECLARED:
            continue
        for k in range(len(templates(point))):
            kept: list[Any] = []

            def fun(x: Any, function: Any = function, k: int = k, kept: list[Any] = kept) -> Any:
                kept.append(function(*templates(x)[k]))
                return mnp.sum(x)

            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    grad(fun)(point)
                    grad(fun)(point + 0.01)
                except Exception:  # refused: nothing is lost
                    continue
            here, there = dependent(kept[0]), dependent(kept[1])
            if any(a.shape != b.shape or not np.array_equal(a, b, equal_nan=True) for a, b in zip(here, there)):
                silent.append(f"{module}.{name} called as template {k}")
    assert not silent


@pytest.mark.parametrize("e", [e for e in TABLE if e.note in DECLARED], ids=lambda e: e.name)
def test_constants_return_plain_values(e: coverage.Entry) -> None:
    """What is declared constant takes boxes and returns no box."""
    module, _, name = e.name.rpartition(".")
    function = dict(coverage.public_callables(module))[name]
    seen: list[Any] = []

    def fun(x: Any) -> Any:
        for args in [(x,), (x, 1), (x, 0.5), (x, x), ([0.5], x), (x, np.float64)]:
            try:
                seen.append(function(*args))
                break
            except (TypeError, ValueError, IndexError, AttributeError):
                continue
        return mnp.sum(x)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for point in POINTS:
            grad(fun)(point)
    assert seen or name == "broadcast_shapes"  # which takes shapes
    assert not any(type(peel(v)) is Box or type(v) is Box for v in seen)


# ----- the command and the page ---------------------------------------------------------------------------------------


def test_the_page_is_what_the_command_prints() -> None:
    """Made again when it is out of date: python -m minigrad coverage --markdown > minigrad/COVERAGE.md."""
    page = PAGE.read_text(encoding="utf-8")
    new = coverage.as_markdown(TABLE)
    if page.splitlines()[2] != new.splitlines()[2]:
        pytest.skip("the page was made with other versions of NumPy and SciPy")
    assert page == new


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Text, JSON, filters, totals; bad input ends with one line and exit code 2."""
    assert main(["coverage", "tanh", "--module", "numpy"]) == 0
    text = capsys.readouterr().out
    assert "numpy.tanh" in text
    assert "arctanh" in text
    assert "sin" not in text.split("module")[0].replace("since", "")
    assert main(["coverage", "--json", "--missing", "--module", "numpy"]) == 0
    assert all(e["status"] == "not yet" for e in json.loads(capsys.readouterr().out))
    assert main(["coverage", "nosuchthing"]) == 2
    assert "nosuchthing" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["nosuchcommand"])
    assert stopped.value.code == 2
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert minigrad.__version__ in capsys.readouterr().out


def test_the_module_runs() -> None:
    run = [sys.executable, "-m", "minigrad", "coverage", "numpy.fft.fft2"]
    out = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert "numpy.fft.fft2" in out


def test_totals_count_everything() -> None:
    for module, *counts in coverage.totals(TABLE):
        assert sum(map(int, counts[:3])) == int(counts[3]) == sum(1 for _ in coverage.public_callables(module))


def test_a_module_that_is_not_installed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["coverage", "--module", "scipy.special"]) == 2
    assert capsys.readouterr().err == "minigrad: scipy.special needs SciPy: pip install scipy\n"
