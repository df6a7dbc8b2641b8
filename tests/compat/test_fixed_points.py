"""Derivatives of fixed points."""

from typing import Any

import numpy as np
import pytest

from minigrad import value
from minigrad.misc.fixed_points import fixed_point
from minigrad.test_util import check_grads


def test_fixed_points_of_vectors_and_their_error() -> None:
    A = np.array([[0.2, 0.1], [0.0, 0.3]])

    def solve(b: Any) -> Any:
        return fixed_point(
            lambda b: lambda x: A @ np.sin(x) + b, b, np.zeros(2), lambda x, y: np.max(np.abs(value(x - y))), 1e-14
        )

    check_grads(solve)(np.array([0.5, 1.0]))
    with pytest.raises(RuntimeError, match="does the map contract"):
        fixed_point(lambda a: lambda x: -x + a, 1.0, 0.0, lambda x, y: abs(x - y), 1e-12)
