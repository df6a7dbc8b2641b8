"""Gradients with the mistakes that people make."""

import numpy as np

from benchmarks.corpus.case import WRONG, Group
from benchmarks.corpus.functions import POINT, black_box, logistic_regression, network, normal, rosenbrock

case = Group("mistakes that people make")


@case(WRONG)
def factor_two_of_a_square():
    """x instead of 2x."""
    return lambda x: np.sum(x * x), lambda x: 1 * x, (POINT,)


@case(WRONG)
def sign_of_everything():
    """The gradient of -f: ascent instead of descent."""
    return lambda x: np.sum(np.exp(x)), lambda x: -np.exp(x), (normal(6),)


@case(WRONG)
def sum_instead_of_mean():
    """1/n is missing in the data term, not in the ridge."""
    return logistic_regression("sum")


@case(WRONG)
def regulariser_is_missing():
    """The ridge term has no gradient."""
    return logistic_regression("ridge")


@case(WRONG)
def regulariser_twice():
    """The ridge term is w'w/2, its gradient that of w'w."""
    return logistic_regression("ridge factor")


@case(WRONG)
def sign_of_the_bias():
    """Only one leaf is wrong, and it is small."""
    return logistic_regression("bias")


@case(WRONG)
def half_of_the_samples():
    """The gradient of another batch than the value."""
    return logistic_regression("half the samples")


@case(WRONG)
def activation_derivative_is_missing():
    """One layer of three lacks 1/(1 + u²), so two layers are wrong and the last is right."""
    return network("activation")


@case(WRONG)
def activation_derivative_at_the_output():
    """1/(1 + u²) is taken at arctan(u) instead of u."""
    return network("activation of the output")


@case(WRONG)
def weights_not_transposed():
    """A instead of A' in a square layer: every shape is right."""
    return network("transpose")


@case(WRONG)
def layer_off_by_one():
    """The gradient of a weight takes the layer's output instead of its input; both have six rows."""
    return network("layer")


@case(WRONG)
def bias_of_one_layer_negated():
    """One leaf of six is wrong."""
    return network("bias sign")


@case(WRONG)
def bias_averaged_over_samples():
    """mean instead of sum."""
    return network("bias mean")


@case(WRONG)
def bias_not_summed_over_samples():
    """The shape tells: (6, 20) instead of (6, 1)."""
    return network("bias not summed")


@case(WRONG)
def branch_is_detached():
    """The lower layers get no gradient at all."""
    return network("detached")


@case(WRONG)
def targets_are_forgotten():
    """softmax(z) instead of softmax(z) - Y."""
    return network("softmax only")


@case(WRONG)
def quadratic_form_taken_as_symmetric():
    """2Qx for x'Qx with Q not symmetric."""
    Q = normal(4, 4, seed=2)
    return lambda x: x @ Q @ x, lambda x: 2 * Q @ x, (normal(4),)


@case(WRONG)
def matrix_gradient_transposed():
    """The gradient of sum((AB - C)²) in a square A, transposed."""
    B, C = normal(3, 3, seed=3), normal(3, 3, seed=4)
    return lambda A: np.sum((A @ B - C) ** 2), lambda A: (2 * (A @ B - C) @ B.T).T, (normal(3, 3),)


@case(WRONG)
def two_entries_swapped():
    """The right numbers in the wrong places."""
    return lambda x: np.sum(x**3), lambda x: (3 * x**2)[[1, 0, 2]], (POINT,)


@case(WRONG)
def rows_in_place_of_columns():
    """A row (1, 3) for a column (3, 1): it would broadcast to (3, 3) in the next update."""
    return lambda b: np.sum(np.exp(b)), lambda b: np.exp(b).reshape(1, 3), (normal(3, 1),)


@case(WRONG)
def one_entry_of_ten_thousand():
    """One entry has the wrong sign; the norm of the difference is a hundredth of the gradient's."""

    def manual(x):
        g = 2 * x
        g[1234] = -g[1234]
        return g

    return lambda x: np.sum(x * x), manual, (normal(10_000),)


@case(WRONG)
def one_entry_of_ten_thousand_in_a_black_box():
    """The same, and only values of the function to tell by."""
    return black_box(one_entry_of_ten_thousand()[0]), *one_entry_of_ten_thousand()[1:]


@case(WRONG)
def inner_derivative_is_missing():
    """cos(3x) for sin(3x)."""
    return lambda x: np.sum(np.sin(3 * x)), lambda x: np.cos(3 * x), (normal(5),)


@case(WRONG)
def product_rule_is_half():
    """The derivative of x sin x without its second term."""
    return lambda x: np.sum(x * np.sin(x)), lambda x: np.sin(x), (normal(5),)


@case(WRONG)
def rosenbrock_index_off_by_one():
    """One term lands at its neighbour."""

    def manual(x):
        g = np.zeros_like(x)
        g[:-1] += 200.0 * (x[1:] - x[:-1] ** 2)
        g[:-1] += -400.0 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2.0 * (1.0 - x[:-1])
        return g

    return rosenbrock, manual, (normal(10),)


@case(WRONG)
def gradient_with_a_nan():
    """0/0 in one entry."""
    return lambda x: np.sum(x**2), lambda x: np.where(x == 0, np.nan, 2 * x), (np.array([1.0, 0.0, 2.0]),)


@case(WRONG)
def gradient_of_zeros():
    """Nobody filled it in."""
    return lambda x: np.sum(np.cos(x)), lambda x: np.zeros_like(x), (normal(4),)


@case(WRONG)
def gradient_in_integers():
    """An array of integers took the numbers and cut them."""
    return lambda x: np.sum(x**2), lambda x: (2 * x).astype(int), (np.array([0.3, 1.2, -2.7]),)


@case(WRONG)
def error_of_a_thousandth():
    """A constant with a mistyped digit: 1e-3 of the gradient."""
    return lambda x: np.sum(np.exp(x)), lambda x: np.exp(x) * 1.001, (normal(4),)


@case(WRONG)
def error_of_a_hundred_thousandth():
    """3.14159 instead of pi: 1e-6 of the gradient."""
    return lambda x: np.sum(np.sin(np.pi * x)), lambda x: 3.14159 * np.cos(3.14159 * x), (normal(4),)


@case(WRONG)
def small_error_in_a_black_box():
    """1e-5 of the gradient, with values alone to tell by."""
    return black_box(lambda x: np.sum(np.exp(x))), lambda x: np.exp(x) * (1 + 1e-5), (normal(4),)
