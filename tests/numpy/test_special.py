"""The Bessel function i0 to any order."""

from typing import Any

import mpmath
import numpy
import pytest
from references import assert_close

import minigrad.numpy as np
from minigrad import grad, jvp


def array(*values: Any) -> Any:
    return numpy.array(values, dtype=float)


def test_i0_at_zero_to_any_order() -> None:
    f, found = np.i0, []
    for _ in range(6):
        f = grad(f)
        found.append(float(f(0.0)))
    assert_close(numpy.array(found), array(0, 1 / 2, 0, 3 / 8, 0, 5 / 16), 1e-15)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_i0(order: int) -> None:
    points = [-600.0, -30.0, -2.5, -1e-3, 1e-6, 0.3, 5.0, 7.99, 8.01, 19.0, 45.0, 250.0, 690.0]
    f: Any = np.i0
    for _ in range(order):
        f = grad(f)
    with mpmath.workdps(40):
        for x in points:
            if order == 1:
                expected = mpmath.besseli(1, x)
            elif order == 2:
                expected = (mpmath.besseli(0, x) + mpmath.besseli(2, x)) / 2
            else:
                expected = (3 * mpmath.besseli(1, x) + mpmath.besseli(3, x)) / 4
            assert abs(float(f(x)) / float(expected) - 1) < 1e-14


def test_i0_refuses_complex_numbers() -> None:
    with pytest.raises(TypeError, match="complex"):
        jvp(np.i0, (1j,), (1.0,))
