"""Programs written for autograd, with one word changed: the idioms of notebooks, and the tour's own notebook.

The first part is a program of ours in the manner of such notebooks. The second runs a notebook exported by
`jupyter nbconvert --to script` whose path the environment variable TOUR_NOTEBOOK gives, cell by cell, with `autograd`
replaced by `minigrad` in its import lines: meant for the tour on neural networks (ml_6_nn) of the Numerical Tours.
"""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy
import pytest
from references import assert_close, difference_gradient

import minigrad as ag
import minigrad.numpy as np
from minigrad import elementwise_grad as egrad

# ----- helpers in the style of a notebook -----------------------------------------------------------------------------


def column(v: Any) -> Any:
    """A column vector."""
    return v.reshape(-1, 1)


def pairing(u: Any, v: Any) -> Any:
    """A scalar product by Python's own sum, entry by entry."""
    return sum(u.flatten() * v.flatten())


def row_max(s: Any) -> Any:
    """The maximum of each row, tiled to the shape of s."""
    return np.tile(s.max(axis=1, keepdims=1), (1, s.shape[1]))


def log_sum_exp(s: Any) -> Any:
    """Stabilised, row by row."""
    return np.log(np.exp(s - row_max(s)).sum(axis=1, keepdims=1)) + s.max(axis=1, keepdims=1)


def probabilities(s: Any) -> Any:
    """The softmax of each row."""
    e = np.exp(s - row_max(s))
    return e / np.tile(e.sum(axis=1, keepdims=1), (1, s.shape[1]))


def layers(A: Any, b: Any, z: Any) -> Any:
    """All intermediate values of a network with arctan after every layer."""
    values = [z]
    for r in np.arange(0, np.size(A)):  # of a list of arrays with different shapes: how many
        values.append(np.arctan(np.dot(A[r], values[r]) + np.tile(b[r], [1, z.shape[1]])))
    return values


def loss(z: Any, y: Any) -> Any:
    """The logistic loss, summed over samples (the columns)."""
    return log_sum_exp(z.transpose()).sum() - pairing(z, y)


def backpropagation(A: Any, b: Any, values: Any, y: Any) -> tuple[Any, Any]:
    """The gradient derived by hand, in plain NumPy."""
    gA: list[Any] = [None] * len(A)
    gb: list[Any] = [None] * len(A)
    gx = probabilities(values[-1].transpose()).transpose() - y
    for r in np.arange(len(A) - 1, -1, -1):
        slope = 1 / (1 + (A[r].dot(values[r]) + np.tile(b[r], [1, values[r].shape[1]])) ** 2)
        m = slope * gx
        gx = A[r].transpose().dot(m)
        gA[r] = m.dot(values[r].transpose())
        gb[r] = column(m.sum(axis=1))
    return gA, gb


def setting(D: Any, n: int = 30, seed: int = 0) -> Any:
    """Random weights for layers of these widths, data and one-hot labels."""
    rng = numpy.random.default_rng(seed)
    A, b = [], []
    for r in np.arange(0, np.size(D) - 1):
        A.append(rng.normal(size=(D[r + 1], D[r])))
        b.append(rng.normal(size=(D[r + 1], 1)))
    labels = rng.integers(1, D[-1] + 1, (1, n))
    U = np.tile(column(np.arange(1, D[-1] + 1)), (1, n))
    Y = np.double(np.tile(labels, (D[-1], 1)) == U)
    return A, b, rng.normal(size=(D[0], n)), Y


# ----- our own program ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("D", [[2, 15, 3], [2, 4, 5, 8, 4, 3], [2, 3, 3], [1, 1, 2]])
def test_value_and_grad_of_a_tuple_of_lists(D: list[int]) -> None:
    """Autodiff of the whole network against the gradient derived by hand, for deep and shallow networks."""
    A, b, x, Y = setting(D)

    def of_parameters(P: Any) -> Any:
        return loss(layers(P[0], P[1], x)[-1], Y)

    [u, g] = ag.value_and_grad(of_parameters)((A, b))
    gA, gb = g[0], g[1]
    hA, hb = backpropagation(A, b, layers(A, b, x), Y)
    assert_close(u, loss(layers(A, b, x)[-1], Y), 1e-14)
    assert isinstance(g, tuple)
    assert isinstance(gA, list)
    e = 0
    for r in range(np.size(A)):
        e += np.linalg.norm(gA[r] - hA[r]) + np.linalg.norm(gb[r] - hb[r])
    assert e < 1e-10
    assert float(("Error=" + str(e)).split("=")[1]) == e


def test_gradient_of_a_quadratic_form() -> None:
    """np.dot with a captured matrix, str() of value and gradient, inside and outside of a derivative."""
    M = numpy.random.default_rng(1).normal(size=(5, 2))
    seen = []

    def f(x: Any) -> Any:
        u = np.dot(M, x)
        seen.append("f=" + str(np.sum(u * u)))
        return np.sum(u * u)

    u = column(np.array([1.0, 2.0]))
    text = "f=" + str(f(u))
    g = ag.grad(f)
    assert_close(g(u), 2 * M.T @ M @ u, 1e-14)
    assert seen == [text, text]
    assert "nabla f=" + str(g(u)) == "nabla f=" + str(numpy.asarray(g(u)))


def test_nested_elementwise_derivatives_plotted_over_a_range() -> None:
    """Six derivatives in one expression, each an array of the length of the range."""

    def tanh(x: Any) -> Any:
        return (1.0 - np.exp(-x)) / (1.0 + np.exp(-x))

    t = np.linspace(-7, 7, 200)
    curves = [
        tanh(t), egrad(tanh)(t), egrad(egrad(tanh))(t), egrad(egrad(egrad(tanh)))(t),
        egrad(egrad(egrad(egrad(tanh))))(t), egrad(egrad(egrad(egrad(egrad(tanh)))))(t),
        egrad(egrad(egrad(egrad(egrad(egrad(tanh))))))(t),
    ]  # fmt: skip
    assert all(curve.shape == (200,) and np.all(np.isfinite(curve)) for curve in curves)
    s = np.tanh(t / 2)
    assert_close(curves[1], (1 - s**2) / 2, 1e-14)
    assert_close(curves[2], -s * (1 - s**2) / 2, 1e-13)
    for order in (0, 2, 4, 6):  # odd functions; the odd derivatives are even
        assert_close(curves[order], -curves[order][::-1], 1e-10)


def test_gradient_descent_in_the_manner_of_a_notebook() -> None:
    """Lists updated in place of names, with the gradient of a tuple of lists; the loss falls."""
    A, b, x, Y = setting([2, 6, 3])

    def of_parameters(P: Any) -> Any:
        return loss(layers(P[0], P[1], x)[-1], Y)

    history = []
    gradient = ag.value_and_grad(of_parameters)
    for _ in range(60):
        [u, g] = gradient((A, b))
        history.append(u)
        for r in range(len(A)):
            A[r] = A[r] - 0.01 * g[0][r]
            b[r] -= 0.01 * g[1][r]
    assert history[-1] < 0.8 * history[0]
    assert history == sorted(history, reverse=True)


def test_every_helper_against_differences() -> None:
    """tile, max, keepdims=1, flatten, builtin sum: each helper by itself."""
    rng = numpy.random.default_rng(2)
    S, c = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    for fun in (
        lambda s: pairing(row_max(s), c),
        lambda s: pairing(log_sum_exp(s), c[:, :1]),
        lambda s: pairing(probabilities(s), c),
        lambda s: pairing(column(s) ** 2, column(c)),
        lambda s: np.sum(layers([c.T, c], [c[:3, :1], c[:, :1]], s)[-1] ** 2),
    ):
        assert_close(ag.grad(fun)(S), difference_gradient(fun, (S,))[0], 1e-8)


def test_no_warnings() -> None:
    """Such a program is quiet."""
    A, b, x, Y = setting([2, 4, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        g = ag.grad(lambda P: loss(layers(P[0], P[1], x)[-1], Y))((A, b))
    assert len(g) == 2


# ----- a notebook exported as a script --------------------------------------------------------------------------------


def cells(text: str) -> list[str]:
    """The code cells of `jupyter nbconvert --to script`, which marks them by `# In[3]:`."""
    return re.split(r"^# In\[[\d ]*\]:\s*$", text, flags=re.MULTILINE)[1:]


def ported(cell: str) -> str:
    """A cell with `autograd` replaced in its import lines, and without what only IPython understands."""
    lines = []
    for line in cell.splitlines():
        if re.match(r"\s*(get_ipython\(\)|run -i |%|!)", line):
            continue
        if re.match(r"\s*(import|from)\s", line):
            line = re.sub(r"\bautograd\b", "minigrad", line)
        lines.append(line)
    return "\n".join(lines)


SAMPLE = """#!/usr/bin/env python
# coding: utf-8

# A title
# =======

# In[1]:


get_ipython().run_line_magic('matplotlib', 'inline')
import autograd.numpy as np
from autograd import grad


# Some text with autograd in it.

# In[2]:


run -i solutions/exo1


# In[ ]:


e = grad(lambda x: np.sum(x**2))(np.ones(2)).sum() - 4.0
"""


def test_cells_are_found_and_ported() -> None:
    """The reader of exported notebooks, on a small one."""
    parts = [ported(cell) for cell in cells(SAMPLE)]
    assert len(parts) == 3
    assert "get_ipython" not in parts[0]
    assert "import minigrad.numpy as np" in parts[0]
    assert "# Some text with autograd in it." in parts[0]
    assert "run -i" not in parts[1]
    scope: dict[str, Any] = {}
    for part in parts:
        exec(part, scope)
    assert scope["e"] == 0.0


NOTEBOOK = os.environ.get("TOUR_NOTEBOOK", "")


@pytest.mark.skipif(
    not NOTEBOOK, reason="TOUR_NOTEBOOK does not name an export of the notebook (nbconvert --to script)"
)
@pytest.mark.filterwarnings("default")  # the notebook's own style is not under test
def test_the_notebook_of_the_tour() -> None:
    """Every cell runs, and at the end autodiff and the gradient by hand differ by e < 1e-8."""
    matplotlib = pytest.importorskip("matplotlib", reason="the notebook draws with matplotlib, which is not installed")
    matplotlib.use("Agg")
    numpy.random.seed(0)  # the notebook draws from the global generator
    scope: dict[str, Any] = {"__name__": "__main__"}
    parts = cells(Path(NOTEBOOK).read_text(encoding="utf-8"))
    assert len(parts) > 20
    for number, cell in enumerate(parts, start=1):
        try:
            exec(compile(ported(cell), f"cell {number}", "exec"), scope)
        except Exception as error:
            error.add_note(f"in cell {number} of {NOTEBOOK}:\n{cell}")
            raise
    from matplotlib import pyplot

    pyplot.close("all")
    assert scope["ag"].__name__ == "minigrad"
    assert 0 <= scope["e"] < 1e-8
