"""Functions whose values are noisy: by random numbers, by few digits, or by a solver that stops early."""

import numpy as np

from benchmarks.corpus.case import INCONCLUSIVE, OK, WRONG, Group
from benchmarks.corpus.functions import POINT, black_box, normal, rng

case = Group("noise")


def noisy(amplitude, factor=1.0, tape=True):
    """sum x² with noise that is new in every call."""
    draw = rng(11)

    def f(x):
        return np.sum(x * x) + amplitude * draw.standard_normal()

    return (f if tape else black_box(f)), lambda x: factor * 2 * x, (POINT,)


@case(OK)
def noise_of_1e_minus_7():
    """Noise in the seventh digit."""
    return noisy(1e-7)


@case(WRONG)
def noise_of_1e_minus_7_wrong():
    """Noise in the seventh digit, and a gradient that is wrong by half."""
    return noisy(1e-7, 1.5)


@case(OK)
def noise_in_a_black_box():
    """Noise in the seventh digit, with values alone."""
    return noisy(1e-7, tape=False)


@case(WRONG)
def noise_in_a_black_box_wrong():
    """Noise in the seventh digit, with values alone, wrong by half."""
    return noisy(1e-7, 1.5, tape=False)


def drowned(factor=1.0):
    """sum sin x, which is bounded, with noise that is larger at every distance."""
    draw = rng(11)
    f = black_box(lambda x: np.sum(np.sin(x)) + 1e3 * draw.standard_normal())
    return f, lambda x: factor * np.cos(x), (POINT,)


@case(INCONCLUSIVE)
def noise_drowns_everything():
    """The noise is a thousand times the function, at any distance; the gradient happens to be right."""
    return drowned()


@case(INCONCLUSIVE)
def noise_drowns_a_mistake():
    """The noise is a thousand times the function; the gradient is wrong by a tenth, and nobody can know."""
    return drowned(1.1)


@case(INCONCLUSIVE)
def dropout_with_a_new_mask():
    """Every call draws its own mask, so value and gradient are those of different functions."""
    draw = rng(12)
    f = lambda x: np.sum((draw.random(x.shape) < 0.5) * x * x)
    return f, lambda x: 2 * (draw.random(x.shape) < 0.5) * x, (normal(20),)


@case(OK)
def monte_carlo_of_a_fixed_seed():
    """Random numbers, but the same in every call."""
    z = lambda: rng(13).standard_normal(200)
    f = lambda x: np.mean(np.exp(x[0] + 0.3 * x[1] * z()))
    manual = lambda x: np.array(
        [np.mean(np.exp(x[0] + 0.3 * x[1] * z())), np.mean(0.3 * z() * np.exp(x[0] + 0.3 * x[1] * z()))]
    )
    return f, manual, (np.array([0.2, 0.7]),)


@case(OK)
def value_read_with_eight_digits():
    """Another program prints its result with eight digits: a staircase of steps of 1e-8."""
    return black_box(lambda x: float(f"{np.sum(np.exp(x)):.8g}")), np.exp, (normal(4),)


@case(WRONG)
def value_read_with_eight_digits_wrong():
    """The staircase, and the gradient of exp taken as that of exp(2x)."""
    return black_box(lambda x: float(f"{np.sum(np.exp(x)):.8g}")), lambda x: 2 * np.exp(2 * x), (normal(4),)


def bisection(x, tolerance):
    """The root of t³ + t = sum x², to a tolerance: what an iterative solver returns is a little rough."""
    low, high, c = 0.0, 100.0, np.sum(x * x)
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if middle**3 + middle < c else (low, middle)
    return (low + high) / 2


@case(OK)
def solver_that_stops_early():
    """An implicit function by bisection to 1e-8."""
    f = black_box(lambda x: bisection(x, 1e-8))
    return f, lambda x: 2 * x / (3 * bisection(x, 1e-14) ** 2 + 1), (POINT,)


@case(WRONG)
def solver_that_stops_early_wrong():
    """The same without the 1 in 3t² + 1."""
    f = black_box(lambda x: bisection(x, 1e-8))
    return f, lambda x: 2 * x / (3 * bisection(x, 1e-14) ** 2), (POINT,)


@case(OK)
def cancellation():
    """((1e7 + x) - 1e7)²: the digits are gone before anything is differentiated."""
    return lambda x: np.sum(((1e7 + x) - 1e7) ** 2), lambda x: 2 * x, (POINT,)
