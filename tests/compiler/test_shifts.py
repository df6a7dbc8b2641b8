"""The maximum in a log-sum-exp is left out where its argument is small anyway."""

from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
from minigrad import value_and_grad
from minigrad.compiler import passes, rounding
from minigrad.compiler.canonical import MAX
from minigrad.compiler.shares import shifts_left_out
from minigrad.compiler.traced import Traced

X = np.random.default_rng(0).normal(size=(4, 30)) * 3.0
Y = np.eye(4)[np.random.default_rng(1).integers(0, 4, 30)].T


def before(fun: Any, *args: Any) -> Any:
    return passes.optimised(Traced(fun, args, {}).program, rounding.FOR_LOOPS)


def has_maximum(program: Any) -> bool:
    return any(step.function is MAX for step in passes.without_dead_code(program).steps)


def over_columns(z: Any) -> Any:
    return np.sum(mnp.logsumexp(z, axis=0)) - np.sum(z * Y)


def kept_axes(z: Any) -> Any:
    return np.sum(mnp.logsumexp(z, axis=0, keepdims=True)) - np.sum(z * Y)


def over_rows(z: Any) -> Any:
    return np.sum(mnp.logsumexp(z.T, axis=1)) - np.sum(z * Y)


def over_all(z: Any) -> Any:
    return mnp.logsumexp(z) - np.sum(z * Y)


@pytest.mark.parametrize("activation", [np.tanh, np.arctan, np.sin])
@pytest.mark.parametrize("loss", [over_columns, kept_axes, over_rows, over_all])
def test_small_values_need_no_shift(loss: Any, activation: Any) -> None:
    gradient = value_and_grad(lambda x: loss(activation(x)))
    program = before(gradient, X)
    assert has_maximum(program)
    assert not has_maximum(shifts_left_out(program))
    compiled = minigrad.compile(gradient)
    compiled(X)
    for x in (X, 2.0 * X, 1e6 * X, np.where(X > 4.0, np.nan, X)):
        for a, b in zip(compiled(x), gradient(x)):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert compiled.stats()["replays"] == 4


def shares_alone(z: Any) -> Any:
    e = np.exp(z - np.max(z, axis=0))
    return np.sum(e / np.sum(e, axis=0) * Y)


def test_shares_need_no_shift() -> None:
    fun = lambda x: shares_alone(np.tanh(x))
    assert not has_maximum(shifts_left_out(before(fun, X)))
    compiled = minigrad.compile(fun)
    compiled(X)
    np.testing.assert_allclose(compiled(0.5 * X), fun(0.5 * X), rtol=1e-13)


@pytest.mark.parametrize(
    "fun",
    [
        over_columns,  # of large numbers
        lambda x: over_columns(3.0 * np.tanh(x)),
        lambda x: np.sum(np.exp(np.tanh(x) - np.max(np.tanh(x), axis=0))),
        lambda x: (lambda z: (lambda d: (d, np.log(np.sum(np.exp(d)))))(z - np.max(z)))(np.tanh(x)),
        lambda x: (lambda e: (np.log(np.sum(e, axis=0)), e))(np.exp(np.tanh(x) - np.max(np.tanh(x), axis=0))),
        lambda x: (lambda z: np.log(np.sum(np.exp(z - np.max(z, axis=0)), axis=1)))(np.tanh(x)),
        lambda x: (lambda z: np.log(np.sum(np.exp(z - np.max(z, axis=0)), axis=0)))(np.tanh(x)),
        lambda x: (lambda z: np.log(np.sum(np.exp(z - np.max(z, axis=0)), axis=0)) - np.max(z, axis=0))(np.tanh(x)),
        lambda x: (lambda z: np.log(np.sum(np.exp(z - np.min(z, axis=0)), axis=0)) + np.min(z, axis=0))(np.tanh(x)),
        lambda x: (lambda z: np.sqrt(np.sum(np.exp(z - np.max(z, axis=0)), axis=0)) + np.max(z, axis=0))(np.tanh(x)),
    ],
)
def test_a_shift_that_counts_stays(fun: Any) -> None:
    program = before(fun, X)
    assert shifts_left_out(program) is program
    assert shifts_left_out not in rounding.FOR_LOOPS
