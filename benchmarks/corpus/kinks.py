"""Points at a kink, beside one, and away from it."""

import numpy as np

from benchmarks.corpus.case import KINK, OK, WRONG, Group
from benchmarks.corpus.functions import POINT, black_box, data, normal

case = Group("kinks")


@case(KINK)
def abs_at_zero():
    """sum |x| with a zero: central differences give 0 there, which is the sign that NumPy says."""
    return lambda x: np.sum(np.abs(x)), np.sign, (np.array([1.0, 0.0, -2.0]),)


@case(KINK)
def abs_at_zero_from_the_right():
    """The same with the other popular choice, +1."""
    return lambda x: np.sum(np.abs(x)), lambda x: np.where(x >= 0, 1.0, -1.0), (np.array([1.0, 0.0, -2.0]),)


@case(OK)
def abs_away_from_zero():
    """No kink within reach."""
    return lambda x: np.sum(np.abs(x)), np.sign, (np.array([1.0, 0.5, -2.0]),)


@case(OK)
def abs_near_zero():
    """The kink is 1e-7 away: a larger step jumps across it, but the function is differentiable."""
    return lambda x: np.sum(np.abs(x)), np.sign, (np.array([1.0, 1e-7, -2.0]),)


@case(WRONG)
def abs_near_zero_wrong():
    """The kink is 1e-7 away, and the sign is wrong."""
    return lambda x: np.sum(np.abs(x)), lambda x: np.where(x > 1e-6, 1.0, -1.0), (np.array([1.0, 1e-7, -2.0]),)


@case(KINK)
def relu_at_zero():
    """max(x, 0) with a zero: 0 is the custom, the middle is 1/2."""
    return lambda x: np.sum(np.maximum(x, 0)), lambda x: (x > 0) * 1.0, (np.array([1.0, 0.0, -2.0]),)


@case(OK)
def relu_away_from_zero():
    """A layer of rectified units, none of them at its kink."""
    W = normal(8, 4, seed=3)
    return lambda x: np.sum(np.maximum(W @ x, 0)), lambda x: W.T @ (W @ x > 0), (normal(4),)


@case(WRONG)
def relu_mask_of_the_wrong_sign():
    """The units that are off get the gradient."""
    W = normal(8, 4, seed=3)
    return lambda x: np.sum(np.maximum(W @ x, 0)), lambda x: W.T @ (W @ x < 0), (normal(4),)


@case(OK)
def relu_units_that_are_off():
    """All units are off, so the gradient is zero, and so are all differences."""
    return lambda x: np.sum(np.maximum(x, 0)), lambda x: np.zeros_like(x), (-1 - np.abs(normal(4)),)


@case(KINK)
def maximum_tied():
    """max of an array with two largest entries; the first one gets it all."""
    return np.max, lambda x: np.eye(len(x))[np.argmax(x)], (np.array([1.0, 3.0, 3.0]),)


@case(OK)
def maximum_alone():
    """max of an array with one largest entry."""
    return np.max, lambda x: np.eye(len(x))[np.argmax(x)], (np.array([1.0, 3.0, 2.0]),)


@case(KINK)
def norm_at_zero():
    """The tip of a cone."""
    return np.linalg.norm, lambda x: x / (np.linalg.norm(x) + 1e-12), (np.zeros(3),)


@case(OK)
def norm_away_from_zero():
    """x/|x|, smooth everywhere but at the tip."""
    return np.linalg.norm, lambda x: x / np.linalg.norm(x), (normal(5),)


@case(KINK)
def jump_of_where():
    """A step exactly where it jumps."""
    f = lambda x: np.sum(np.where(x > 0.5, 1.0 + x, x))
    return f, np.ones_like, (np.array([0.1, 0.5, 2.0]),)


@case(KINK)
def bend_of_where():
    """x² on one side and x on the other: continuous at 1, with slopes 2 and 1."""
    f = lambda x: np.sum(np.where(x > 1, x * x, x))
    return f, lambda x: np.where(x > 1, 2 * x, 1.0), (np.array([0.5, 1.0, 2.0]),)


@case(KINK)
def lasso_at_a_zero_weight():
    """Least squares and |w|: what a sparse solution looks like."""
    X, y = data()
    f = lambda w: np.mean((X @ w - y) ** 2) / 2 + 0.1 * np.sum(np.abs(w))
    return f, lambda w: X.T @ (X @ w - y) / len(y) + 0.1 * np.sign(w), (np.array([0.4, 0.0, -0.2]),)


@case(KINK)
def hinge_at_its_margin():
    """max(0, 1 - y x'w) with one sample exactly on the margin."""
    X = np.array([[1.0, 0.0], [0.5, 2.0], [-1.0, 1.0]])
    y = np.array([1.0, -1.0, 1.0])
    f = lambda w: np.sum(np.maximum(0, 1 - y * (X @ w)))
    return f, lambda w: -X.T @ (y * (y * (X @ w) < 1)), (np.array([1.0, 0.25]),)


@case(KINK)
def clip_at_its_bound():
    """clip(x, 0, 1) at 1."""
    f = lambda x: np.sum(np.clip(x, 0.0, 1.0))
    return f, lambda x: ((x > 0) & (x < 1)) * 1.0, (np.array([0.5, 1.0, 3.0]),)


@case(KINK)
def sum_of_the_two_largest_tied():
    """sort, with a tie between what is in and what is out."""

    def manual(x):
        g = np.zeros_like(x)
        g[np.argsort(x, kind="stable")[-2:]] = 1.0
        return g

    return lambda x: np.sum(np.sort(x)[-2:]), manual, (np.array([5.0, 3.0, 3.0, 1.0]),)


@case(OK)
def tie_inside_of_a_sum():
    """sort, with a tie where it does not matter: both are in."""

    def manual(x):
        g = np.zeros_like(x)
        g[np.argsort(x, kind="stable")[-3:]] = 1.0
        return g

    return lambda x: np.sum(np.sort(x)[-3:]), manual, (np.array([5.0, 3.0, 3.0, 1.0]),)


@case(OK)
def huber_at_its_joint():
    """Quadratic inside and linear outside: the slopes agree at the joint, only the curvature jumps."""
    f = lambda x: np.sum(np.where(np.abs(x) <= 1, x * x / 2, np.abs(x) - 0.5))
    return f, lambda x: np.clip(x, -1, 1), (np.array([0.3, 1.0, -2.0]),)


@case(OK)
def smooth_in_spite_of_abs():
    """x|x| at 0: abs has a kink there, the product has none."""
    return lambda x: np.sum(x * np.abs(x)), lambda x: 2 * np.abs(x), (np.array([0.0, 1.0]),)


@case(KINK)
def square_root_at_zero():
    """An infinite slope on one side, nothing on the other."""
    return lambda x: np.sum(np.sqrt(x)), lambda x: 0.5 / np.sqrt(np.maximum(x, 1e-12)), (np.array([0.0, 1.0]),)


@case(KINK)
def cube_root_at_zero():
    """A vertical tangent: the differences grow without end."""
    return lambda x: np.sum(np.cbrt(x)), lambda x: 1 / (3 * np.cbrt(x) ** 2 + 1e-12), (np.array([0.0, 1.0]),)


@case(OK)
def floor_between_integers():
    """Steps, between two of them: constant, so the gradient is zero."""
    return lambda x: np.sum(np.floor(x)), np.zeros_like, (np.array([0.5, 1.3, -2.2]),)


@case(KINK)
def abs_at_zero_in_a_black_box():
    """No branch to read: the two sides must tell."""
    return black_box(lambda x: np.sum(np.abs(x))), np.sign, (np.array([1.0, 0.0, -2.0]),)


@case(WRONG)
def kink_in_one_leaf_and_a_mistake_in_the_other():
    """a is at a kink of abs; b is smooth and wrong, which is what matters."""
    f = lambda a, b: np.sum(np.abs(a)) + np.sum(b * b)
    return f, lambda a, b: (np.sign(a), b), (np.array([0.0, 1.0]), POINT)


@case(KINK)
def float32_relu_at_zero():
    """A kink in single precision."""
    f = lambda x: np.sum(np.maximum(x, 0))
    return f, lambda x: (x > 0).astype(np.float32), (np.array([1.0, 0.0, -2.0], np.float32),)
