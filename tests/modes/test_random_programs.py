"""Random programs: hypothesis composes operations, and every mode must agree with every other and with differences.

A program is a list of steps. Each takes two earlier values, all of shape (2, 3), and makes another; operations of every
kind are among them, and so are derivatives within the program.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from programs import inputs, run, scalar, steps
from references import assert_close, difference_gradient, richardson

import minigrad.core.lean
from minigrad import batched, grad, hessian, hvp, jacobian, jvp, laplacian, trace, vjp


@settings(max_examples=150)
@given(steps, inputs)
def test_random_programs(program: list[tuple[str, int, int]], x: Any) -> None:
    """Value, gradient, tangent and Hessian-vector product by all modes, and by differences."""
    fun = scalar(program)
    v = np.cos(7 * x)
    gradient = grad(fun)(x)
    assert_close(vjp(fun, x)[0], fun(x), 1e-13)
    differences = difference_gradient(fun, (x,))[0]
    # Where a program bends so much that the step matters, differences are no reference.
    assume(np.allclose(differences, difference_gradient(fun, (x,), step=0.01)[0], rtol=1e-8, atol=1e-8))
    assert_close(gradient, differences, 1e-7, floor=1e-2)
    assert_close(jvp(fun, (x,), (v,))[1], np.sum(gradient * v), 1e-12, floor=1.0)
    product = hvp(fun, x, v)
    assert_close(product, richardson(lambda t: grad(fun)(x + t * v)), 1e-7, floor=1e-2)
    assert_close(grad(lambda x: np.sum(grad(fun)(x) * v))(x), product, 1e-12, floor=1.0)
    assert_close(grad(lambda x: jvp(fun, (x,), (v,))[1])(x), product, 1e-12, floor=1.0)
    twice = jvp(lambda x: jvp(fun, (x,), (v,))[1], (x,), (v,))[1]
    assert_close(twice, np.sum(product * v), 1e-12, floor=1.0)
    tape = trace(fun, x)
    assert_close(tape.cotangents()[0] if tape.cotangents()[0] is not None else 0 * x, gradient, 1e-13, floor=1.0)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, inputs)
def test_random_programs_on_the_leanest_tape(
    monkeypatch: pytest.MonkeyPatch, program: list[tuple[str, int, int]], x: Any
) -> None:
    """Dropping every value that no rule reads changes no bit of gradients and Hessian-vector products."""
    fun = scalar(program)
    expected = grad(fun)(x), hvp(fun, x, x), grad(lambda x: np.sum(grad(fun)(x) ** 2))(x)
    with monkeypatch.context() as context:
        context.setattr(minigrad.core.lean.LeanTape, "LARGE", 0)
        lean = grad(fun)(x), hvp(fun, x, x), grad(lambda x: np.sum(grad(fun)(x) ** 2))(x)
    assert all(np.array_equal(a, b) for a, b in zip(lean, expected))


@settings(max_examples=60)
@given(steps, inputs)
def test_random_programs_for_many_examples(program: list[tuple[str, int, int]], x: Any) -> None:
    """Three examples in one pass, within and around other transformations, and all columns of a Hessian at once."""
    fun = scalar(program)
    xs = np.stack([x, x[::-1], 0.5 * x])
    v = np.cos(7 * x)
    assert_close(batched(fun)(xs), [fun(x) for x in xs], 1e-13, floor=1.0)
    gradients = np.stack([grad(fun)(x) for x in xs])
    assert_close(batched(grad(fun))(xs), gradients, 1e-12, floor=1.0)
    products = np.stack([hvp(fun, x, v) for x in xs])
    assert_close(batched(lambda x: hvp(fun, x, v))(xs), products, 1e-12, floor=1.0)
    squares = grad(lambda xs: np.sum(batched(grad(fun))(xs) ** 2))(xs)
    assert_close(squares, [2 * hvp(fun, x, g) for x, g in zip(xs, gradients)], 1e-11, floor=1.0)
    units = np.eye(6).reshape(6, 2, 3)
    columns = np.stack([hvp(fun, x, e) for e in units])
    assert_close(hessian(fun)(x).reshape(6, 2, 3), columns, 1e-12, floor=1.0)
    assert_close(jacobian(grad(fun))(x).reshape(6, 2, 3), columns, 1e-12, floor=1.0)
    assert_close(laplacian(fun)(x), np.sum(columns * units), 1e-11, floor=1.0)
    many = jacobian(lambda x: run(program, x)[-1])
    rows = np.stack([vjp(lambda x: run(program, x)[-1], x)[1](e)[0] for e in units])
    assert_close(many(x).reshape(6, 2, 3), rows, 1e-12, floor=1.0)


@settings(max_examples=40)
@given(steps, inputs)
def test_random_programs_in_float32(program: list[tuple[str, int, int]], x: Any) -> None:
    """The gradient is float32, near the one in float64."""
    fun = scalar(program)
    gradient = grad(fun)(x.astype(np.float32))
    assert gradient.dtype == np.float32
    assert_close(gradient, grad(fun)(x), 1e-3, floor=1.0)
