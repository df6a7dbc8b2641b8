"""The tour as a notebook: `docs/course/15_tour.md` is one for jupytext, and its cells run and say what they should."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").exists())
NOTEBOOK = ROOT / "docs" / "course" / "15_tour.md"


@pytest.fixture(scope="module")
def variables() -> dict[str, Any]:
    """The variables of the notebook after its last cell; `said` has what each cell says."""
    jupytext = pytest.importorskip("jupytext", reason="no jupytext: pip install -e '.[test]'")
    matplotlib = pytest.importorskip("matplotlib", reason="no matplotlib: pip install -e '.[test]'")
    spec = importlib.util.spec_from_file_location("cells", ROOT / "docs" / "cells.py")
    assert spec is not None
    assert spec.loader is not None
    cells = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cells)

    notebook = jupytext.read(NOTEBOOK)
    assert notebook.metadata["kernelspec"]["language"] == "python"
    found: dict[str, Any] = {"said": []}
    with matplotlib.rc_context():
        matplotlib.use("agg")
        from matplotlib import pyplot  # after its backend is chosen

        for i, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                found["said"].append(cells.run(cell.source, f"<cell {i} of the tour>", found))
                assert ("alt" in cell.metadata) == bool(pyplot.get_fignums()), "each figure needs words, and only they"
                pyplot.close("all")
    return found


def test_both_gradients_agree_and_the_check_finds_no_mistake(variables: dict[str, Any]) -> None:
    assert len(variables["errors"]) == 10
    assert max(variables["errors"]) < 1e-13
    assert variables["report"].verdict == "OK"


def test_the_networks_learn(variables: dict[str, Any]) -> None:
    assert variables["losses"][-1] < 0.5 * variables["losses"][0]
    assert variables["accuracy"] > 0.9
    assert variables["value"] < 0.9 * variables["first"]


def test_the_probabilities_and_the_gradient_of_the_square_are_right(variables: dict[str, Any]) -> None:
    z = variables["scores"]
    assert np.allclose(variables["softmax"](z).ravel(), [1.0 / (1.0 + np.e), np.e / (1.0 + np.e)], rtol=1e-14)
    M, point = variables["M"], variables["point"]
    assert np.allclose(variables["grad"](variables["squared_length"])(point), 2.0 * M.T @ M @ point, rtol=1e-14)


def test_the_machine_writes_the_recursion(variables: dict[str, Any]) -> None:
    text = next(text for text in variables["said"] if "pullback" in text)
    assert "for r in reversed(range(R)):" in text
    assert "X_bar = A[r].T @ u_bar" in text
    assert "# pullback of: X.append(rho(A[r] @ X[r] + b[r]))" in text
