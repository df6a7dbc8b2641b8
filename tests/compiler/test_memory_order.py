"""How entries lie in memory is part of what a compiled program depends on, where views are written to."""

import contextlib
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import grad
from minigrad.errors import CannotCompileError


def view_of_the_argument(x):
    x.ravel()[0] = 5.0 * x[0, 1]
    return np.sum(x * x * x)


def copy_that_would_be_a_view(x):
    x.T.ravel()[0] = 5.0 * x[0, 1]
    return np.sum(x * x * x)


def view_of_a_result(x):
    h = np.sin(x)
    h.reshape(3, 2)[1] *= x[0, :2]
    return np.sum(h * h * x)


def layout_of_a_result(x):
    h = x.T * 1.0
    h.ravel()[0] = 5.0 * x[0, 1]
    return np.sum(h * h * x.T)


def no_new_shape(x):
    h = x * 2.0
    h[0] = h[1] * x[0]
    return np.sum(h * h * x)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "fun", [view_of_the_argument, copy_that_would_be_a_view, view_of_a_result, layout_of_a_result, no_new_shape]
)
def test_a_new_shape_is_a_view_as_the_entries_lie_in_memory(fun: Any, backend: str) -> None:
    """What is written through it is right, or refused."""
    if backend == "numba":
        pytest.importorskip("numba")
    rows = np.array([[0.7, -0.4, 1.1], [0.3, 0.95, -1.2]])
    points = [lambda: rows.copy(), lambda: np.asfortranarray(rows), lambda: np.repeat(rows, 2, axis=1)[:, ::2]]
    for order in ([0, 0, 1, 2, 0, 1], [1, 1, 0, 2, 0]):
        compiled, answered = minigrad.compile(grad(fun), backend=backend), 0
        for k in order:
            with contextlib.suppress(CannotCompileError):
                found = compiled(points[k]())
                assert np.allclose(found, grad(fun)(points[k]()), rtol=1e-12)
                answered += 1
        assert answered == (len(order) if fun is no_new_shape else 0 if fun is layout_of_a_result else order.count(0))
