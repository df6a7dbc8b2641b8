"""The gradient by autodiff, the one derived by hand, the complex step and finite differences: four ways, one answer."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nn.backprop
from nn.data import one_hot
from nn.mlp import init
from nn.train import loss_and_gradient

problems = st.fixed_dictionaries(
    {
        "widths": st.lists(st.integers(1, 7), min_size=1, max_size=5),
        "classes": st.integers(2, 5),
        "n": st.integers(1, 40),
        "seed": st.integers(0, 2**32 - 1),
        "last": st.booleans(),
    }
)


def build(problem):
    rng = np.random.default_rng(problem["seed"])
    A, b = init([*problem["widths"], problem["classes"]], rng)
    x = rng.uniform(-1.0, 1.0, (problem["widths"][0], problem["n"]))
    Y = one_hot(rng.integers(problem["classes"], size=problem["n"]), problem["classes"])
    return A, b, x, Y


def well_conditioned(problem):
    A, b, x, Y = build(problem)
    # Where every sample is classified with near certainty, softmax - Y subtracts almost equal numbers: such a gradient
    # has few correct digits however it is computed, and says nothing about either of the two.
    assume(nn.backprop.gradient(A, b, x, Y, last=problem["last"])[0] > 0.02 * problem["n"])
    return A, b, x, Y


def complex_loss(A, b, x, Y, last):
    """The same loss once more, written so that a complex perturbation passes through unharmed."""
    for r in range(len(A)):
        u = A[r] @ x + b[r]
        x = np.arctan(u) if last or r < len(A) - 1 else u
    m = x.real.max(axis=0)
    return np.sum(m + np.log(np.sum(np.exp(x - m), axis=0))) - np.sum(x * Y)


def complex_step(A, b, x, Y, last, h=1e-30):
    """Im f(theta + i h e_j) / h for every parameter theta_j: a derivative without cancellation.

    Source: Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998.
    """
    parameters = [np.array(leaf, dtype=complex) for leaf in (*A, *b)]
    gradients = []
    for leaf in parameters:
        g = np.empty(leaf.shape)
        for index in np.ndindex(leaf.shape):
            leaf[index] += 1j * h
            g[index] = complex_loss(parameters[: len(A)], parameters[len(A) :], x, Y, last).imag / h
            leaf[index] = leaf[index].real
        gradients.append(g)
    return gradients[: len(A)], gradients[len(A) :]


def assert_leaves_agree(actual, expected, tolerance):
    for ours, theirs in zip((*actual[0], *actual[1]), (*expected[0], *expected[1]), strict=True):
        assert ours.shape == theirs.shape
        assert np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs)


@given(problems)
@settings(max_examples=60, deadline=None)
def test_autodiff_equals_backpropagation_by_hand(problem):
    A, b, x, Y = well_conditioned(problem)
    by_hand = nn.backprop.gradient(A, b, x, Y, last=problem["last"])
    by_autodiff = loss_and_gradient("autodiff", x, Y, last=problem["last"])(A, b)
    assert by_autodiff[0] == pytest.approx(by_hand[0], rel=1e-13)
    assert_leaves_agree(by_autodiff[1:], by_hand[1:], 1e-12)


@given(problems)
@settings(max_examples=25, deadline=None)
def test_both_equal_the_complex_step(problem):
    A, b, x, Y = well_conditioned(problem)
    expected = complex_step(A, b, x, Y, problem["last"])
    assert_leaves_agree(nn.backprop.gradient(A, b, x, Y, last=problem["last"])[1:], expected, 1e-12)
    assert_leaves_agree(loss_and_gradient("autodiff", x, Y, last=problem["last"])(A, b)[1:], expected, 1e-12)


@given(problems)
@settings(max_examples=25, deadline=None)
def test_both_equal_finite_differences(problem):
    A, b, x, Y = well_conditioned(problem)
    rng = np.random.default_rng(problem["seed"])
    vA = [rng.standard_normal(a.shape) for a in A]
    vb = [rng.standard_normal(a.shape) for a in b]

    def along(t):
        moved = [a + t * v for a, v in zip(A, vA, strict=True)], [a + t * v for a, v in zip(b, vb, strict=True)]
        return complex_loss(*moved, x, Y, problem["last"])

    h = 1e-4
    # Fourth order, so that the error is that of rounding: about 1e-16 |f| / h.
    slope = (8.0 * (along(h) - along(-h)) - (along(2.0 * h) - along(-2.0 * h))) / (12.0 * h)
    for gradient in ("autodiff", "backprop"):
        loss, gA, gb = loss_and_gradient(gradient, x, Y, last=problem["last"])(A, b)
        pairs = [*zip(gA, vA, strict=True), *zip(gb, vb, strict=True)]
        size = sum(np.linalg.norm(g) * np.linalg.norm(v) for g, v in pairs)
        assert sum(np.vdot(g, v) for g, v in pairs) == pytest.approx(slope, abs=1e-7 * (size + loss))


def test_arguments_are_left_alone():
    A, b, x, Y = build({"widths": [3, 4], "classes": 3, "n": 6, "seed": 0, "last": True})
    before = [a.copy() for a in (*A, *b, x, Y)]
    for last in (True, False):
        nn.backprop.gradient(A, b, x, Y, last=last)
    for now, then in zip((*A, *b, x, Y), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_huge_scores_do_not_overflow():
    loss, gA, gb = nn.backprop.gradient(
        [np.array([[1e4], [-1e4]])], [np.zeros((2, 1))], np.ones((1, 1)), np.array([[0.0], [1.0]]), last=False
    )
    assert loss == 2e4
    np.testing.assert_array_equal(gb[0], [[1.0], [-1.0]])
    np.testing.assert_array_equal(gA[0], [[1.0], [-1.0]])


@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_targets_of_another_shape_are_refused(gradient):
    A, b = init([2, 3], rng=0)
    with pytest.raises(ValueError, match=r"\(3, 5\).*\(3, 1\)"):
        loss_and_gradient(gradient, np.zeros((2, 5)), np.ones((3, 1)))(A, b)


def imports(module):
    """What a module imports, and what the modules of this package that it imports do."""
    tree = ast.parse(Path(importlib.import_module(module).__file__).read_text(encoding="utf-8"))
    found = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return found.union(*(imports(name) for name in found if name.partition(".")[0] == "nn"))


@pytest.mark.parametrize("module", ["nn.backprop", "nn.exact"])
def test_the_references_use_numpy_and_nothing_of_minigrad(module):
    assert imports(module) <= {"numpy", "numpy.typing", "collections.abc", "decimal", "nn.arrays"}
    program = f"import sys, {module}; assert not any(m.partition('.')[0] == 'minigrad' for m in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=Path(nn.backprop.__file__).parents[1], check=True)
