"""Values, gradients and coordinates from 1e-12 to 1e12."""

import numpy as np

from benchmarks.corpus.case import OK, WRONG, Group
from benchmarks.corpus.functions import POINT, black_box, normal

case = Group("scales from 1e-12 to 1e12")


def scaled(scale, factor=1.0):
    """sum sin(x) x, times a scale; the gradient may be off by a factor."""
    f = lambda x: scale * np.sum(np.sin(x) * x)
    return f, lambda x: factor * scale * (np.cos(x) * x + np.sin(x)), (normal(5),)


@case(OK)
def scale_1e_minus_12():
    """Right at scale 1e-12."""
    return scaled(1e-12)


@case(WRONG)
def scale_1e_minus_12_wrong():
    """Wrong by a factor of 2.5 at scale 1e-12: smaller than any absolute tolerance."""
    return scaled(1e-12, 2.5)


@case(WRONG)
def scale_1e_minus_8_wrong():
    """Wrong by a factor of 2.5 at scale 1e-8."""
    return scaled(1e-8, 2.5)


@case(OK)
def scale_1e8():
    """Right at scale 1e8."""
    return scaled(1e8)


@case(OK)
def scale_1e12():
    """Right at scale 1e12."""
    return scaled(1e12)


@case(WRONG)
def scale_1e12_wrong():
    """Wrong by 1e-4 at scale 1e12."""
    return scaled(1e12, 1.0001)


@case(OK)
def cubes_at_a_million():
    """sum x³ at 1e6: values of 1e18, gradients of 1e12."""
    return lambda x: np.sum(x**3), lambda x: 3 * x**2, (1e6 * POINT,)


@case(WRONG)
def cubes_at_a_million_wrong():
    """The same, wrong by 1e-4."""
    return lambda x: np.sum(x**3), lambda x: 3.0003 * x**2, (1e6 * POINT,)


@case(OK)
def point_near_1e_minus_9():
    """Coordinates far smaller than any fixed step."""
    return lambda x: np.sum(np.sin(1e9 * x)), lambda x: 1e9 * np.cos(1e9 * x), (1e-9 * POINT,)


@case(WRONG)
def point_near_1e_minus_9_wrong():
    """The same, with 2e9 for 1e9."""
    return lambda x: np.sum(np.sin(1e9 * x)), lambda x: 2e9 * np.cos(1e9 * x), (1e-9 * POINT,)


@case(OK)
def point_near_1e12():
    """Coordinates so large that a small step is lost in them."""
    return lambda x: np.sum(np.sin(1e-12 * x)), lambda x: 1e-12 * np.cos(1e-12 * x), (1e12 * POINT,)


UNITS = np.array([1e-6, 1.0, 1e6])


@case(OK)
def badly_scaled_coordinates():
    """Micrometres, metres and megametres in one array."""
    return lambda x: np.sum(np.sin(x / UNITS)), lambda x: np.cos(x / UNITS) / UNITS, (UNITS * POINT,)


@case(WRONG)
def badly_scaled_coordinates_wrong():
    """The smallest entry of the gradient, 1e-12 of the largest, has the wrong sign."""
    f = lambda x: np.sum(np.sin(x / UNITS))
    return f, lambda x: np.cos(x / UNITS) / UNITS * np.array([1.0, 1.0, -1.0]), (UNITS * POINT,)


@case(WRONG)
def small_leaf_beside_a_large_one():
    """The leaf b has gradients of 1e-6, a of 1e6; b is wrong by a factor of two."""
    f = lambda a, b: 1e6 * np.sum(np.exp(a)) + 1e-6 * np.sum(np.exp(b))
    return f, lambda a, b: (1e6 * np.exp(a), 2e-6 * np.exp(b)), (normal(3), normal(2, seed=1))


@case(OK)
def small_part_on_a_large_offset():
    """1e9 + sum x²: the values keep seven digits of what matters."""
    return lambda x: 1e9 + np.sum(x * x), lambda x: 2 * x, (POINT,)


@case(WRONG)
def small_part_on_a_large_offset_wrong():
    """The same, wrong by a factor of two."""
    return lambda x: 1e9 + np.sum(x * x), lambda x: 4 * x, (POINT,)


@case(OK)
def steep_offset_in_a_black_box():
    """1e6 + sum x² with values alone: rounding of 1e-10 is the noise to reckon with."""
    return black_box(lambda x: 1e6 + np.sum(x * x)), lambda x: 2 * x, (POINT,)
