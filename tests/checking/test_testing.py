"""The assertion for test suites, points for hypothesis, and the plugin for pytest."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.core.tree import flatten
from minigrad.testing import GradientMismatchError, arrays, assert_grads_match, pytrees

pytest_plugins = ["pytester"]
POINT = np.array([1.0, -2.0, 3.0])


# ----- the assertion --------------------------------------------------------------------------------------------------


def test_a_right_gradient_passes_and_returns_its_report() -> None:
    """Options go on to the check."""
    report = assert_grads_match(lambda a, b: np.sum(a * b), lambda a, b: (b, a), POINT, POINT, argnum=(0, 1), seed=3)
    assert report.seed == 3
    assert [leaf.verdict for leaf in report.leaves] == ["OK", "OK"]


def test_the_failure_message_is_the_report() -> None:
    """An AssertionError with the report in it."""
    with pytest.raises(GradientMismatchError) as caught:
        assert_grads_match(lambda x: np.sum(x**2), lambda x: x, POINT)
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value) == str(caught.value.report)
    assert str(caught.value).startswith("WRONG")


def test_other_verdicts_can_be_expected() -> None:
    """At a kink, or where either of two verdicts is fine."""
    f, x = (lambda x: np.sum(np.abs(x))), np.array([0.0, 1.0])
    assert_grads_match(f, np.sign, x, expect="NOT DIFFERENTIABLE HERE")
    assert_grads_match(f, np.sign, x, expect=["OK", "NOT DIFFERENTIABLE HERE"])
    with pytest.raises(GradientMismatchError):
        assert_grads_match(f, np.sign, x)
    with pytest.raises(GradientMismatchError):
        assert_grads_match(f, np.sign, POINT, expect="WRONG")


# ----- strategies -----------------------------------------------------------------------------------------------------


@given(arrays((2, 3), away_from=[0.0, 1.0], margin=0.1))
def test_points_away_from_kinks(x: Any) -> None:
    """No entry is near one, and all are within the bounds."""
    assert x.shape == (2, 3)
    assert x.dtype == np.float64
    assert np.all(np.abs(x) >= 0.1 - 1e-12)
    assert np.all(np.abs(x - 1) >= 0.1 - 1e-12)
    assert np.all(np.abs(x) <= 3)


@given(arrays((6,), distinct=True, margin=0.2))
def test_distinct_points(x: Any) -> None:
    """For max and sort."""
    assert np.all(np.diff(np.sort(x)) >= 0.2 - 1e-9)


@given(arrays(st.sampled_from([(), (3,), (1, 2)]), np.float32))
def test_shapes_from_a_strategy(x: Any) -> None:
    """In single precision."""
    assert x.shape in [(), (3,), (1, 2)]
    assert x.dtype == np.float32


@given(arrays((2,), np.complex128))
def test_complex_points(z: Any) -> None:
    """Both parts are drawn."""
    assert_grads_match(lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * np.conj(z), z)


@given(pytrees(arrays((2,), low=0.5), max_leaves=4))
def test_pytrees_are_trees_of_arrays(tree: Any) -> None:
    """Containers hold the leaves that were asked for."""
    leaves, treedef = flatten(tree)
    assert leaves
    assert all(leaf.shape == (2,) and np.all(leaf >= 0.5) for leaf in leaves)
    assert type(treedef.unflatten(leaves)) is type(tree)


@given(arrays(away_from=[0.0]))
def test_a_layer_of_rectified_units_is_right_wherever_it_is_smooth(x: Any) -> None:
    """What the strategies are for."""
    assert_grads_match(
        lambda x: np.sum(np.maximum(x, 0) ** 2 + np.abs(x)), lambda x: 2 * np.maximum(x, 0) + np.sign(x), x
    )


@given(arrays((5,), distinct=True))
def test_the_maximum_is_right_away_from_ties(x: Any) -> None:
    """Distinct entries."""
    assert_grads_match(np.max, lambda x: np.eye(5)[np.argmax(x)], x)


def test_what_cannot_be_drawn_is_refused() -> None:
    """Before anything is drawn."""
    with pytest.raises(ValueError, match="nothing of"):
        arrays((2,), low=-0.01, high=0.01, away_from=[0.0])
    with pytest.raises(TypeError, match="floats or complex"):
        arrays((2,), np.int64)
    with pytest.raises(TypeError, match="distinct entries are real"):
        arrays((2,), np.complex128, distinct=True)


def test_without_hypothesis_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the assertion does not need it."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ImportError, match=r"pip install hypothesis"):
        arrays((2,))
    with pytest.raises(ImportError, match=r"pip install hypothesis"):
        pytrees()


# ----- the plugin -----------------------------------------------------------------------------------------------------

SUITE = """
import numpy as np

def test_right(grads_match):
    grads_match(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, 2.0]))

def test_wrong(grads_match):
    grads_match(lambda x: np.sum(x**3), lambda x: x**2, np.array([1.0, 2.0]))

def test_kink(grads_match):
    grads_match(lambda x: np.sum(np.abs(x)), np.sign, np.zeros(1), expect="NOT DIFFERENTIABLE HERE")
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """The suite in a process of its own, with the plugin whether or not it is installed."""
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\nfilterwarnings = ['error']\n")
    return pytester.runpytest_subprocess("-p", "pytest_minigrad", "-p", "no:cacheprovider", *arguments)


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of their own find the code that is under test."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parent.parent.parent))


def test_the_fixture_and_the_summary(pytester: pytest.Pytester) -> None:
    """The report is in the failure, without the frames that made it; verdicts are counted at the end."""
    pytester.makepyfile(SUITE)
    result = run(pytester, "--gradient-reports", "pages", "--junit-xml", "junit.xml")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*WRONG: the gradient*", "gradient checks: 1 NOT DIFFERENTIABLE HERE, 1 OK, 1 WRONG"])
    assert "assert_grads_match(f" not in result.stdout.str()
    pages = list((pytester.path / "pages").iterdir())
    assert [page.suffix for page in pages] == [".html"]
    assert "test_wrong" in pages[0].name
    assert "WRONG" in (pytester.path / "junit.xml").read_text()


def test_the_summary_of_several_processes(pytester: pytest.Pytester) -> None:
    """pytest-xdist: the verdicts travel with the reports."""
    pytest.importorskip("xdist")
    pytester.makepyfile(SUITE)
    result = run(pytester, "-n", "1")
    result.stdout.fnmatch_lines(["gradient checks: 1 NOT DIFFERENTIABLE HERE, 1 OK, 1 WRONG"])


def test_a_suite_without_checks_does_not_notice(pytester: pytest.Pytester) -> None:
    """No line in the summary, and neither minigrad nor NumPy is imported."""
    pytester.makepyfile("import sys\ndef test_modules():\n    assert not {'minigrad', 'numpy'} & sys.modules.keys()\n")
    result = run(pytester, "-p", "no:hypothesispytest", "-p", "no:xdist")
    result.assert_outcomes(passed=1)
    assert "gradient checks" not in result.stdout.str()


def test_the_plugin_alone_is_light() -> None:
    """Importing it imports pytest only."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    program = "import sys, pytest_minigrad; print(sorted({'minigrad', 'numpy', 'hypothesis'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
