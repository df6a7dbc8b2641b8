"""The transpose of a linear map that is given as a function."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad.modes.transpose import transpose_of

rng = np.random.default_rng(2)
M, N = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
X, Y = rng.normal(size=3), rng.normal(size=2)


def push(ts: Any, ans: Any, x: Any, y: Any) -> list[Any]:
    """Two results: M x + N y, and the sum of x."""
    along_x, along_y = ts
    first = sum(part for part in (None if along_x is None else M @ along_x, None if along_y is None else N @ along_y)
                if part is not None)  # fmt: skip
    return [first, None if along_x is None else mnp.sum(along_x)]


ANS = (M @ X + N @ Y, np.sum(X))
G, H = rng.normal(size=4), 3.0


def test_the_pull_is_the_adjoint_of_the_push() -> None:
    """<push(t), g> = <t, pull(g)> for all tangents and cotangents."""
    of_x, of_y = transpose_of(push)([G, H], ANS, X, Y, parents=(0, 1))
    assert_close(of_x, M.T @ G + H, 1e-14)
    assert_close(of_y, N.T @ G, 1e-14)


def test_arguments_that_are_constant_get_none() -> None:
    of_x, of_y = transpose_of(push)([G, H], ANS, X, Y, parents=(0, -1))
    assert_close(of_x, M.T @ G + H, 1e-14)
    assert of_y is None
    of_x, of_y = transpose_of(push)([G, H], ANS, X, Y, parents=(-1, 1))
    assert of_x is None
    assert_close(of_y, N.T @ G, 1e-14)


def test_results_that_nobody_reads_have_no_part() -> None:
    of_x, of_y = transpose_of(push)([None, H], ANS, X, Y, parents=(0, 1))
    assert_close(np.broadcast_to(of_x, 3), np.full(3, H), 1e-15)  # a cotangent may be one number for all entries
    assert of_y is None or not np.any(of_y)


@pytest.mark.parametrize("scale", [1.0, 1.0 + 2.0j])
def test_a_real_argument_gets_a_real_cotangent(scale: complex) -> None:
    """Also where the map goes through complex numbers."""
    (found,) = transpose_of(lambda ts, ans, x: [scale * (M @ ts[0])])([G], (scale * (M @ X),), X, parents=(0,))
    assert found.dtype == float
    assert_close(found, np.real(scale) * (M.T @ G), 1e-14)
