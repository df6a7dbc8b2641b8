"""Gradients that are right, at ordinary points."""

import numpy as np

from benchmarks.corpus.case import OK, Group
from benchmarks.corpus.functions import (
    POINT,
    black_box,
    logistic_regression,
    network,
    normal,
    rosenbrock,
    rosenbrock_gradient,
)

case = Group("right, at ordinary points")


@case(OK)
def square():
    """The plainest gradient there is: sum x² and 2x."""
    return lambda x: np.sum(x * x), lambda x: 2 * x, (POINT,)


@case(OK)
def number():
    """A Python float as the point."""
    return lambda x: np.sin(x) * x, lambda x: np.cos(x) * x + np.sin(x), (0.7,)


@case(OK)
def linear():
    """Differences have no truncation error at all, so every slope of a remainder is rounding."""
    c = normal(5, seed=1)
    return lambda x: np.sum(c * x), lambda x: c + 0 * x, (normal(5),)


@case(OK)
def quadratic_form():
    """x'Qx with Q not symmetric: the gradient is (Q + Q')x."""
    Q = normal(4, 4, seed=2)
    return lambda x: x @ Q @ x, lambda x: (Q + Q.T) @ x, (normal(4),)


@case(OK)
def rosenbrock_in_ten_variables():
    """The classic of optimisation."""
    return rosenbrock, rosenbrock_gradient, (normal(10),)


@case(OK)
def logistic_regression_with_a_ridge():
    """Two leaves, one of them a bias without dimensions."""
    return logistic_regression()


@case(OK)
def network_of_three_layers():
    """Backpropagation by hand, as in the tour."""
    return network()


@case(OK)
def log_determinant():
    """log det S has the gradient inv(S)'."""
    S = normal(4, 4)
    S = S @ S.T + 4 * np.eye(4)
    return lambda S: np.linalg.slogdet(S)[1], lambda S: np.linalg.inv(S).T, (S,)


@case(OK)
def gaussian_likelihood():
    """Mean and log-deviation, with partial derivatives of different size."""
    x = 3 + 0.5 * normal(100, seed=9)

    def f(mu, s):
        return np.sum((x - mu) ** 2) / (2 * np.exp(2 * s)) + len(x) * s

    def manual(mu, s):
        return np.sum(mu - x) / np.exp(2 * s), len(x) - np.sum((x - mu) ** 2) / np.exp(2 * s)

    return f, manual, (np.array(2.5), np.array(-0.3))


@case(OK)
def logsumexp_of_large_numbers():
    """Scores around 1000, where only the stabilised formula survives."""

    def f(z):
        top = np.max(z)
        return np.log(np.sum(np.exp(z - top))) + top

    def manual(z):
        e = np.exp(z - np.max(z))
        return e / np.sum(e)

    return f, manual, (1000.0 + normal(6),)


@case(OK)
def product_of_entries():
    """The gradient of a product, by division; no entry is zero."""
    return np.prod, lambda x: np.prod(x) / x, (np.array([1.5, -2.0, 0.5, 3.0]),)


@case(OK)
def ten_thousand_coordinates():
    """Too many for one difference per coordinate."""
    return lambda x: np.sum(np.sin(x) * x), lambda x: np.cos(x) * x + np.sin(x), (normal(10_000),)


@case(OK)
def black_box_of_fifty():
    """Nothing to trace: only values of the function tell."""
    f = black_box(lambda x: np.sum(np.exp(np.sin(x))))
    return f, lambda x: np.exp(np.sin(x)) * np.cos(x), (normal(50),)
