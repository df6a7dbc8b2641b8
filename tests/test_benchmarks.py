"""The contenders of the benchmarks compute the same numbers; how fast they are is no matter for a test."""

import importlib.util
import pathlib
from types import ModuleType

import numpy as np
import pytest

PATH = pathlib.Path(__file__).resolve().parent.parent / "benchmarks" / "run.py"


@pytest.fixture(scope="module")
def run() -> ModuleType:
    """The benchmark script as a module."""
    spec = importlib.util.spec_from_file_location("benchmarks_run", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_contenders_agree(run: ModuleType) -> None:
    """Networks, chains, the quadratic and nested derivatives, for whoever is installed."""
    run.agree(run.network([2, 3, 2], 7, np.float32), 1e-4)
    for contenders in [
        run.network([2, 3, 2], 7),
        run.chain(10, 0.5),
        run.chain(10, np.linspace(0, 1, 4)),
        run.quadratic(),
        run.covariance(5),
        run.nested_tanh(2),
        run.all_orders(3),
    ]:
        assert "minigrad" in contenders
        run.agree(contenders)


def test_a_row_shows_the_reference_in_its_unit_and_ratios_to_it(run: ModuleType) -> None:
    """One line of the table."""
    line = run.row("work", {"hand-written": 2e-6, "minigrad": 3e-6}, "us", 1e6)
    assert line == "| work | 2 us | 1.50 |  |  |  |  |"
