"""The network and its losses."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import elementwise_grad, grad
from nn import loss
from nn.data import one_hot
from nn.mlp import accuracy, forward, init, parameters, predict, widths_for


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.integers(0, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_shapes_of_parameters_and_intermediates(widths, n, seed):
    A, b = init(widths, seed)
    assert [a.shape for a in A] == [(o, i) for i, o in pairwise(widths)]
    assert [c.shape for c in b] == [(o, 1) for o in widths[1:]]
    x = np.random.default_rng(seed).standard_normal((widths[0], n))
    X = forward(A, b, x)
    assert X[0] is x
    assert [u.shape for u in X] == [(d, n) for d in widths]
    for r in range(len(A)):
        np.testing.assert_array_equal(X[r + 1], np.arctan(A[r] @ X[r] + b[r]))


def test_the_last_activation_can_be_left_out():
    A, b = init([2, 3, 4], rng=1)
    x = np.random.default_rng(2).standard_normal((2, 5))
    bent, affine = forward(A, b, x), forward(A, b, x, last=False)
    np.testing.assert_array_equal(bent[1], affine[1])
    np.testing.assert_array_equal(bent[2], np.arctan(affine[2]))
    np.testing.assert_array_equal(predict(A, b, x), bent[2].argmax(axis=0))
    np.testing.assert_array_equal(predict(A, b, x), predict(A, b, x, last=False))


def test_a_seed_repeats_and_a_generator_goes_on():
    (A, b), (C, d) = init([2, 3], rng=7), init([2, 3], rng=np.random.default_rng(7))
    np.testing.assert_array_equal(A[0], C[0])
    np.testing.assert_array_equal(b[0], d[0])
    generator = np.random.default_rng(7)
    assert not np.array_equal(init([2, 3], generator)[0][0], init([2, 3], generator)[0][0])


@pytest.mark.parametrize("widths", [[], [3], [2, 0, 3], [2, -1], [2, 1.5, 3]])
def test_impossible_widths_are_refused(widths):
    with pytest.raises(ValueError, match="widths"):
        init(widths)


def test_samples_in_rows_are_refused():
    A, b = init([2, 3, 4], rng=0)
    with pytest.raises(ValueError, match=r"x of shape \(5, 2\) for a network of 2 features: samples are columns"):
        forward(A, b, np.ones((5, 2)))


def test_weights_without_their_biases_are_refused():
    A, b = init([2, 3, 4], rng=0)
    with pytest.raises(ValueError, match="2 weight matrices but 1 biases"):
        forward(A, b[:1], np.zeros((2, 5)))


@pytest.mark.parametrize(("p", "k"), [(2, 3), (1, 2), (64, 10), (30, 2)])
def test_networks_of_the_depth_study_keep_to_the_budget(p, k):
    budget = parameters([p, 24, k])
    for hidden in range(1, 6):
        widths = widths_for(budget, hidden, p, k)
        assert len(widths) == hidden + 2
        assert abs(parameters(widths) - budget) <= 0.25 * budget


def test_the_number_of_parameters_is_that_of_the_arrays():
    A, b = init([3, 5, 4, 2], rng=0)
    assert parameters([3, 5, 4, 2]) == sum(leaf.size for leaf in (*A, *b))


def test_accuracy_is_the_share_of_right_predictions():
    A, b = init([2, 3, 4], rng=1)
    x = np.random.default_rng(2).standard_normal((2, 8))
    y = predict(A, b, x)
    assert accuracy(A, b, x, y) == 1.0
    y[:2] = (y[:2] + 1) % 4
    assert accuracy(A, b, x, y) == 0.75


scores = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6)


@given(scores)
@settings(max_examples=60, deadline=None)
def test_logsumexp_and_softmax_against_many_digits(z):
    with mpmath.workdps(50):
        exponentials = [mpmath.exp(v) for v in z]
        total = mpmath.fsum(exponentials)
        exact = float(mpmath.log(total))
        shares = [float(e / total) for e in exponentials]
    column = np.array(z)[:, None]
    assert loss.logsumexp(column)[0] == pytest.approx(exact, rel=1e-15, abs=4e-16 * max(map(abs, z)) + 1e-15)
    np.testing.assert_allclose(loss.softmax(column)[:, 0], shares, rtol=5e-13, atol=1e-300)
    assert loss.softmax(column).sum() == pytest.approx(1.0, abs=5e-13)


@given(st.integers(2, 5), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_gradient_of_the_logistic_loss_is_softmax_minus_target(k, n, seed):
    rng = np.random.default_rng(seed)
    z, Y = 3.0 * rng.standard_normal((k, n)), one_hot(rng.integers(k, size=n), k)
    np.testing.assert_allclose(grad(loss.logistic)(z, Y), loss.softmax(z) - Y, rtol=0, atol=1e-14)


@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_binary_logistic_is_the_logistic_loss_of_two_classes(n, seed):
    rng = np.random.default_rng(seed)
    z, y = 5.0 * rng.standard_normal(n), rng.integers(2, size=n)
    two = np.stack([np.zeros(n), z])
    assert loss.binary_logistic(z, 2 * y - 1) == pytest.approx(float(loss.logistic(two, one_hot(y, 2))), rel=1e-12)
    np.testing.assert_allclose(grad(loss.binary_logistic)(z, 2 * y - 1), loss.softmax(two)[1] - y, rtol=0, atol=1e-14)


def test_binary_logistic_far_out():
    z = np.array([-1e4, -40.0, 40.0, 1e4])
    values = [float(loss.binary_logistic(z[i : i + 1], np.array([1.0]))) for i in range(4)]
    np.testing.assert_allclose(values, [1e4, 40.0, np.exp(-40.0), 0.0], rtol=1e-15)
    # The derivative is -1 / (1 + exp(z)), also where exp overflows.
    slopes = grad(loss.binary_logistic)(z, np.ones(4))
    np.testing.assert_allclose(slopes, [-1.0, -1.0, -np.exp(-40.0), 0.0], rtol=1e-14)


def test_losses_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 1\)"):
        loss.logistic(np.zeros((2, 3)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"\(3,\).*\(1, 3\)"):
        loss.binary_logistic(np.zeros(3), np.ones((1, 3)))
    with pytest.raises(ValueError, match="2 \\* y - 1"):
        loss.binary_logistic(np.zeros(2), np.array([0, 1]))


def test_the_network_differentiates_in_its_data():
    A, b = init([1, 5, 1], rng=3)
    t = np.linspace(-1.0, 1.0, 7)
    slope = elementwise_grad(lambda x: forward(A, b, x)[-1])(t[None, :])
    u0 = A[0] @ t[None, :] + b[0]
    u1 = A[1] @ np.arctan(u0) + b[1]
    expected = (A[1] * A[0].T) @ (1.0 / (1.0 + u0**2)) / (1.0 + u1**2)
    np.testing.assert_allclose(slope, expected, rtol=1e-13)
