"""The tour's backpropagation with a mistake in it: which layer, which parameters, and what the mistake is."""

from typing import Any

import numpy
import pytest

import minigrad.numpy as np
from minigrad import Report, check, name
from nn import loss, mlp

R = 3
WIDTHS = [2, 4, 5, 3]
A0, b0 = mlp.init(WIDTHS, rng=0)
_rng = numpy.random.default_rng(1)
x = _rng.standard_normal((WIDTHS[0], 30))
Y = numpy.eye(WIDTHS[-1])[:, _rng.integers(0, WIDTHS[-1], 30)]


def forward(A: Any, b: Any) -> Any:
    """The loss; the output of every layer has a name, x1 to x3."""
    h = x
    for r in range(R):
        h = name(np.arctan(A[r] @ h + b[r]), f"x{r + 1}")
    return loss.logistic(h, Y)


def backpropagation(A: Any, b: Any, mistake: str = "", layer: int = 1) -> Any:
    """By hand, in NumPy: the gradient in A and b, and in every x, with a mistake in one layer."""
    X, U = [x], []
    for r in range(R):
        U.append(A[r] @ X[r] + b[r])
        X.append(numpy.arctan(U[r]))
    e = numpy.exp(X[R] - X[R].max(axis=0))
    g, gA, gb = {R: e / e.sum(axis=0) - Y}, list(A), list(b)
    for r in range(R - 1, -1, -1):
        here = mistake if r == layer else ""
        M = g[r + 1] if here == "activation" else g[r + 1] / (1 + U[r] ** 2)
        gA[r] = 2 * M @ X[r].T if here == "factor" else M @ X[r].T
        gb[r] = -M.sum(axis=1, keepdims=True) if here == "sign" else M.sum(axis=1, keepdims=True)
        g[r] = numpy.zeros_like(X[r]) if here == "detached" else A[r].T @ M
    return gA, gb, {f"x{r}": g[r] for r in range(1, R + 1)}


def checked(mistake: str = "", layer: int = 1) -> Report:
    """The report, with the gradients in x lined up by name."""
    return check(
        forward,
        lambda A, b: backpropagation(A, b, mistake, layer)[:2],
        A0,
        b0,
        argnum=(0, 1),
        deltas=lambda A, b: backpropagation(A, b, mistake, layer)[2],
    )


def verdicts(report: Report) -> dict[str, str]:
    """By the name of the leaf."""
    return {leaf.path: str(leaf.verdict) for leaf in report.leaves}


def test_backpropagation_is_right() -> None:
    """Every parameter and every layer; nothing is diagnosed."""
    report = checked()
    assert report.verdict == "OK"
    assert report.first_diverging is None
    assert {layer.name: layer.verdict for layer in report.layers} == {"x3": "OK", "x2": "OK", "x1": "OK"}
    assert all(leaf.diagnosis is None for leaf in report.leaves)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_missing_activation_derivative_is_named(layer: int) -> None:
    """The parameters of the layer and of those below it are wrong, the ones above right; x[layer] diverges first."""
    report = checked("activation", layer)
    assert report.verdict == "WRONG"
    expected = {f"{part}[{r}]": "WRONG" if r <= layer else "OK" for part in "Ab" for r in range(R)}
    assert verdicts(report) == expected
    for leaf in report.leaves:
        if leaf.verdict == "WRONG":
            assert leaf.diagnosis is not None
            assert "the derivative of arctan is missing" in leaf.diagnosis
            assert f"x{layer + 1}" in leaf.diagnosis
    assert report.first_diverging == (f"x{layer}" if layer else None)
    if layer:
        assert f"first diverging layer, going backward: x{layer}" in str(report)


def test_a_mistake_in_one_leaf_does_not_accuse_the_layers() -> None:
    """A factor in gA[1] and a sign in gb[1]: the deltas are right, and only that leaf is wrong."""
    for mistake, path, said in (("factor", "A[1]", "factor of 2"), ("sign", "b[1]", "sign")):
        report = checked(mistake)
        assert [leaf for leaf, verdict in verdicts(report).items() if verdict == "WRONG"] == [path]
        assert report.first_diverging is None
        assert said in str(next(leaf.diagnosis for leaf in report.leaves if leaf.path == path))


def test_a_detached_layer() -> None:
    """Nothing flows below layer 1: x1 diverges first, and the parameters below it get zeros."""
    report = checked("detached")
    assert report.first_diverging == "x1"
    assert verdicts(report) == {
        "A[0]": "WRONG", "A[1]": "OK", "A[2]": "OK", "b[0]": "WRONG", "b[1]": "OK", "b[2]": "OK",
    }  # fmt: skip
