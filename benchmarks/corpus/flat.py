"""Points where the gradient, or more than it, vanishes."""

import numpy as np

from benchmarks.corpus.case import OK, WRONG, Group
from benchmarks.corpus.functions import POINT, normal

case = Group("flat points")


@case(OK)
def fourth_power_at_zero():
    """x⁴ at 0: three derivatives vanish."""
    return lambda x: np.sum(x**4), lambda x: 4 * x**3, (np.zeros(3),)


@case(OK)
def sine_at_zero():
    """sin at 0: value and curvature vanish, so rounding is far below what a fixed noise would be."""
    return lambda x: np.sum(np.sin(x)), np.cos, (np.zeros(2),)


@case(WRONG)
def fourth_power_at_zero_wrong():
    """x⁴ at 0 with a gradient of 1e-3."""
    return lambda x: np.sum(x**4), lambda x: 4 * x**3 + 1e-3, (np.zeros(3),)


@case(OK)
def minimum_of_a_square():
    """At a minimum the gradient is exactly zero and has no direction."""
    return lambda x: np.sum((x - POINT) ** 2), lambda x: 2 * (x - POINT), (POINT,)


@case(WRONG)
def minimum_of_a_square_wrong():
    """At a minimum, with 1e-4 left over."""
    return lambda x: np.sum((x - POINT) ** 2), lambda x: 2 * (x - POINT) + 1e-4, (POINT,)


@case(OK)
def constant():
    """A function that is the same everywhere."""
    return lambda x: 3.0 + 0.0 * np.sum(x), np.zeros_like, (POINT,)


@case(WRONG)
def constant_wrong():
    """A constant function with a gradient of 1e-6."""
    return lambda x: 3.0 + 0.0 * np.sum(x), lambda x: 1e-6 + np.zeros_like(x), (POINT,)


@case(OK)
def independent_of_one_leaf():
    """The function does not use b."""
    return lambda a, b: np.sum(a * a), lambda a, b: (2 * a, np.zeros_like(b)), (POINT, normal(2))


@case(OK)
def saturated_tanh():
    """tanh at 50 is 1 to the last bit; its slope is 1e-43."""
    return lambda x: np.sum(np.tanh(x)), lambda x: 1 / np.cosh(x) ** 2, (np.array([50.0, -40.0]),)


@case(OK)
def top_of_a_large_cosine():
    """1e6 cos(x) at 0: large values, large curvature, no slope."""
    return lambda x: 1e6 * np.sum(np.cos(x)), lambda x: -1e6 * np.sin(x), (np.zeros(2),)
