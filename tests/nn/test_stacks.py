"""Stacks of networks take the steps that each network takes alone."""

import numpy as np
import pytest

from nn.data import one_hot, spiral
from nn.mlp import ACTIVATIONS, init
from nn.stacks import in_stacks, train_each, train_stack
from nn.train import DivergedError, train


@pytest.fixture
def problem():
    x, y = spiral(20, rng=0)
    return [init([2, 7, 5, 3], rng=seed) for seed in range(3)], x, one_hot(y, 3)


@pytest.mark.parametrize("last", [True, False])
def test_networks_in_a_stack_have_the_bits_of_networks_alone(problem, last):
    networks, x, Y = problem
    seen = []
    stack = train_stack(networks, x, Y, 60, 0.002, last=last, watch=lambda taken, *_: seen.append(taken))
    assert seen == list(range(61))
    for i, network in enumerate(networks):
        alone = train(*network, x, Y, 60, 0.002, last=last, progress=None)
        for ours, theirs in zip(stack.network(i), (alone.A, alone.b), strict=True):
            for a, c in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(a, c)
        np.testing.assert_allclose(stack.loss[i], alone.history.loss, rtol=1e-14)
    assert not stack.diverged.any()


def test_each_training_is_that_of_train(problem):
    networks, x, Y = problem
    for gradient in ("autodiff", "backprop"):
        for network, found in zip(networks, train_each(networks, x, Y, 30, 0.002, gradient), strict=True):
            alone = train(*network, x, Y, 30, 0.002, gradient, every=30, progress=None)
            np.testing.assert_array_equal(found.A[0], alone.A[0])
            np.testing.assert_array_equal(found.history.at, alone.history.at)
            np.testing.assert_array_equal(found.history.accuracy, alone.history.accuracy)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_every_activation(problem, activation):
    """The gradients that a stack is watched by are those of its losses, by central differences."""
    networks, x, Y = problem
    seen = []
    watch = lambda taken, loss, gA, gb: seen.append((loss.copy(), [g.copy() for g in gA]))
    run = lambda networks: train_stack(networks, x, Y, 0, 1.0, last=False, rho=ACTIVATIONS[activation], watch=watch)
    run(networks)
    for shift in (1e-6, -1e-6):
        run([([A[0] + shift * np.eye(7, 2), *A[1:]], b) for A, b in networks])
    (_, gA), (above, _), (below, _) = seen
    np.testing.assert_allclose((above - below) / 2e-6, np.sum(gA[0] * np.eye(7, 2), axis=(1, 2)), rtol=1e-6)


def test_one_that_diverges_does_not_disturb_the_others(problem):
    networks, x, Y = problem
    A, b = networks[1]
    wild = [A[0] + np.nan, *A[1:]], b
    stack = train_stack([networks[0], wild, networks[2]], x, Y, 20, 0.05, last=False)
    assert stack.diverged.tolist() == [False, True, False]
    for i in (0, 2):
        alone = train(*networks[i], x, Y, 20, 0.05, last=False, progress=None)
        np.testing.assert_array_equal(stack.A[0][i], alone.A[0])


def test_divergence_is_reported_as_by_train(problem):
    networks, x, Y = problem
    x = x.copy()
    x[0, 0] = np.nan
    with pytest.raises(DivergedError, match="after 0 steps"):
        train_each(networks, x, Y, 5, 0.001)


def test_networks_of_other_widths_are_refused(problem):
    networks, x, Y = problem
    for some in ([], [*networks, init([2, 7, 6, 3], rng=0)]):
        with pytest.raises(ValueError, match="same widths"):
            train_stack(some, x, Y, 1, 0.1)


def test_stacks_cover_all_networks():
    assert [i for few in in_stacks(7, [2, 30, 3], 500) for i in few] == list(range(7))
