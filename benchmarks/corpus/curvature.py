"""Functions that curve so much that a usual step is too large."""

import numpy as np

from benchmarks.corpus.case import OK, WRONG, Group
from benchmarks.corpus.functions import POINT, black_box, normal

case = Group("large curvature")


@case(OK)
def sine_of_1e4():
    """sin(1e4 x): a step of 1e-4 crosses a sixth of a wave."""
    return lambda x: np.sum(np.sin(1e4 * x)), lambda x: 1e4 * np.cos(1e4 * x), (POINT,)


@case(OK)
def sine_of_1e6():
    """sin(1e6 x): a step of 1e-6 crosses a sixth of a wave."""
    return lambda x: np.sum(np.sin(1e6 * x)), lambda x: 1e6 * np.cos(1e6 * x), (POINT,)


@case(WRONG)
def sine_of_1e4_wrong():
    """sin(1e4 x), wrong by 1e-3."""
    return lambda x: np.sum(np.sin(1e4 * x)), lambda x: 1.001e4 * np.cos(1e4 * x), (POINT,)


@case(WRONG)
def sine_of_1e6_wrong():
    """sin(1e6 x) without its inner derivative."""
    return lambda x: np.sum(np.sin(1e6 * x)), lambda x: np.cos(1e6 * x), (POINT,)


@case(OK)
def sine_of_1e4_in_a_black_box():
    """The same with values alone: the step has to be found."""
    return black_box(lambda x: np.sum(np.sin(1e4 * x))), lambda x: 1e4 * np.cos(1e4 * x), (POINT,)


@case(OK)
def steep_exponential():
    """exp(300 x) at 1: values of 1e130."""
    return lambda x: np.sum(np.exp(300 * x)), lambda x: 300 * np.exp(300 * x), (np.array([1.0, 0.5]),)


@case(WRONG)
def steep_exponential_wrong():
    """The same, with 301 for 300."""
    return lambda x: np.sum(np.exp(300 * x)), lambda x: 301 * np.exp(300 * x), (np.array([1.0, 0.99]),)


@case(OK)
def reciprocal_near_zero():
    """1/x at 1e-6: a step of 1e-6 reaches the pole."""
    return lambda x: np.sum(1 / x), lambda x: -1 / x**2, (np.array([1e-6, 2e-6]),)


@case(OK)
def logarithm_near_zero():
    """log x at 1e-8: a larger step leaves the domain, and NaN comes back."""
    return lambda x: np.sum(np.log(x)), lambda x: 1 / x, (np.array([1e-8, 1.0]),)


@case(WRONG)
def logarithm_near_zero_wrong():
    """log x at 1e-8 with the derivative of log2."""
    return lambda x: np.sum(np.log(x)), lambda x: 1 / (x * np.log(2)), (np.array([1e-8, 1.0]),)


@case(OK)
def square_root_near_zero():
    """sqrt x at 1e-10."""
    return lambda x: np.sum(np.sqrt(x)), lambda x: 0.5 / np.sqrt(x), (np.array([1e-10, 1.0]),)


@case(OK)
def arcsine_near_one():
    """arcsin at 1 - 1e-9, beside the end of its domain."""
    return lambda x: np.sum(np.arcsin(x)), lambda x: 1 / np.sqrt((1 - x) * (1 + x)), (np.array([1 - 1e-9, 0.2]),)


@case(OK)
def sharp_sigmoid():
    """1/(1 + exp(-1e5 x)) at 1e-5: a step in all but name."""
    s = lambda x: 1 / (1 + np.exp(-1e5 * x))
    return lambda x: np.sum(s(x)), lambda x: 1e5 * s(x) * (1 - s(x)), (np.array([1e-5, -2e-5]),)


@case(OK)
def twentieth_power():
    """x²⁰ at 3: the third derivative is a thousand times the first."""
    return lambda x: np.sum(x**20), lambda x: 20 * x**19, (np.array([3.0, -2.0]),)


@case(OK)
def ill_conditioned_quadratic():
    """Curvatures from 1e-6 to 1e6."""
    c = 10.0 ** np.arange(-6, 7, 3)
    return lambda x: np.sum(c * x * x) / 2, lambda x: c * x, (normal(5),)
