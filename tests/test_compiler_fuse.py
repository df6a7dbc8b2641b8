"""Loops fused by numba: the same bits, the same guards, several threads."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from test_compiler_replay import assert_same, assert_trusted
from test_random_programs import inputs, scalar, steps

import minigrad
from minigrad import grad, value_and_grad
from minigrad.compiler.fuse import PARALLEL, Kernel, fused
from minigrad.compiler.passes import optimised
from minigrad.compiler.replay import Traced
from minigrad.compiler.stage import interpret

pytest.importorskip("numba")
rng = np.random.default_rng(3)


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] * x[:-1]) ** 2 + (1.0 - x[:-1]) ** 2)


def test_arithmetic_becomes_one_step() -> None:
    """Operands of other shapes, numbers, constants and several results; the interpreter finds the same bits."""
    column, table = rng.normal(size=(4, 1)), rng.normal(size=(3, 4, 5))

    def fun(x: Any, y: Any, s: Any) -> Any:
        u = (x * column + y) / (1.0 + x * x) - 0.5 * table
        return u, -u * s, np.sin(u * 2.0 + x)

    args = rng.normal(size=(4, 5)), rng.normal(size=5), np.float64(1.5)
    program = optimised(Traced(fun, args, {}).program)
    after = fused(program)
    assert len(after.steps) < len(program.steps) / 2
    assert sum(type(step.function) is Kernel for step in after.steps) >= 2
    for a, b in zip(interpret(after, list(args)), fun(*args)):
        assert np.array_equal(a, b)


@settings(max_examples=6, deadline=None)
@given(steps, inputs, inputs)
def test_random_programs(program: Any, x: Any, other: Any) -> None:
    derived = value_and_grad(scalar(program))
    compiled = minigrad.compile(derived, backend="numba")
    compiled(x)
    assert_same(compiled(other), derived(other))
    assert_trusted(compiled)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_guards_and_exceptional_numbers(dtype: Any) -> None:
    """Other shapes are traced anew, an infinite result is left to the engine, float32 stays float32."""
    fun = grad(lambda x: np.sum((x * 2.0 + 1.0) / (x * x)))
    compiled = minigrad.compile(fun, backend="numba")
    x = np.array([0.5, 2.0, 3.0], dtype)
    for point in (x, x + dtype(1.0), x[:2]):
        assert_same(compiled(point), fun(point), 1e-5 if dtype == np.float32 else 1e-12)
    with pytest.warns(RuntimeWarning):
        compiled(np.array([0.0, 2.0, 3.0], dtype))
    assert compiled.stats()["exceptional"] == 1


def test_large_arrays_on_several_threads() -> None:
    x = rng.normal(size=PARALLEL + 2)
    compiled = minigrad.compile(grad(rosenbrock), backend="numba")
    compiled(x)
    assert_same(compiled(x[::-1].copy()), grad(rosenbrock)(x[::-1].copy()))
    assert compiled.stats()["replays"] == 1


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="neither 'numpy' nor 'numba'"):
        minigrad.compile(rosenbrock, backend="c")
