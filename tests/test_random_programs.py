"""Random programs: hypothesis composes operations, and every mode must agree with every other and with differences.

A program is a list of steps. Each takes two earlier values, all of shape (2, 3), and makes another; operations of every
kind are among them, and so are derivatives within the program.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices
from references import assert_close, difference_gradient, richardson

import minigrad.core.lean
import minigrad.numpy as mnp
from minigrad import batched, elementwise_grad, grad, hessian, hvp, jacobian, jvp, laplacian, make_vjp, trace, vjp

MASK = np.array([[True, False, True], [False, False, True]])
C = np.array([[0.3, -0.7, 0.2], [0.9, 0.1, -0.4]])
POSITIONS = np.array([1, 0, 1])

# Smooth operations on two arrays of shape (2, 3) with entries of size 1 or so; the results are of size 1 or so again.
STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "sin": lambda x, y: np.sin(x),
    "tanh of sum": lambda x, y: np.tanh(x + y),
    "arctan": lambda x, y: np.arctan(x - 2 * y),
    "product": lambda x, y: 0.5 * x * y,
    "quotient": lambda x, y: x / (1.5 + np.cos(y)),
    "gauss": lambda x, y: np.exp(-x * x),
    "power": lambda x, y: (1.2 + np.sin(x)) ** (0.5 * np.cos(y)),
    "log": lambda x, y: np.log(1.0 + x * x),
    "hypot": lambda x, y: np.hypot(x, 1.0 + y * y) - 1.0,
    "matmul": lambda x, y: 0.2 * (x @ y.T) @ C,
    "matmul vector": lambda x, y: np.tanh((x @ y[0])[:, None] * C),
    "einsum": lambda x, y: np.einsum("ij,ik,k->ij", 0.3 * x, y, C[0]),
    "tensordot": lambda x, y: 0.3 * np.tensordot(np.tensordot(x, y, ([0], [0])), C, ([1], [1])).T,
    "centre": lambda x, y: x - np.mean(x, axis=0, keepdims=True),
    "sum back": lambda x, y: 0.2 * np.sum(x, axis=1, keepdims=True) * C,
    "total": lambda x, y: x * np.sin(np.sum(y)),
    "var": lambda x, y: y + np.var(x, axis=0),
    "std": lambda x, y: np.std(x * C + C, axis=1)[:, None] + y,
    "logsumexp": lambda x, y: mnp.logsumexp(x, axis=0) - y,
    "softmax": lambda x, y: np.exp(x - mnp.logsumexp(x, axis=1, keepdims=True)),
    "cumsum": lambda x, y: 0.4 * np.cumsum(x, axis=1),
    "prod": lambda x, y: np.prod(x, axis=0) * np.ones((2, 1)),
    "rows exchanged": lambda x, y: x[::-1] * y,
    "repeated rows": lambda x, y: x[POSITIONS][:2] + x[[0, 0]],
    "one entry": lambda x, y: x[1, -1] * y + x[0, 0],
    "columns": lambda x, y: x[:, [2, 2, 0]],
    "masked": lambda x, y: np.where(MASK, x, y),
    "mask picked": lambda x, y: np.sum(x[MASK]) * y * 0.3,
    "reshape": lambda x, y: np.reshape(np.reshape(x, (3, 2)).T, (2, 3)),
    "joined": lambda x, y: np.concatenate([x, y], axis=0)[1:3],
    "stacked": lambda x, y: np.stack([x, y], axis=1)[:, 1],
    "listed": lambda x, y: mnp.array([x[0], y[1]]),
    "entries": lambda x, y: mnp.array([[x[0, 0], 0.5, y[1, 1]], [1.0, x[0, 0] * y[0, 1], 0.1]]),
    "tiled": lambda x, y: np.tile(x[:, :1], (1, 3)) * y,
    "repeated": lambda x, y: np.repeat(x, 2, axis=0)[1:3],
    "rolled": lambda x, y: np.roll(x, 1, axis=1) - y,
    "padded": lambda x, y: np.pad(x, 1)[1:-1, :-2] + y,
    "differences": lambda x, y: np.diff(np.concatenate([x, y[:, :1]], axis=1), axis=1),
    "triangle": lambda x, y: np.tril(x) + np.triu(y, 1),
    "constant": lambda x, y: C + 0.0 * x,
    "same": lambda x, y: x,
    "gradient": lambda x, y: 0.5 * grad(lambda u: np.sum(np.sin(u) * y * u))(x),
    "gradient elsewhere": lambda x, y: grad(lambda u: np.sum(np.cos(u) * x))(C) * y,
    "derivative": lambda x, y: elementwise_grad(np.tanh)(x),
    "pushforward": lambda x, y: jvp(lambda u: np.sin(u) * x, (y,), (x,))[1],
    "pullback": lambda x, y: 0.5 * make_vjp(lambda u: u * np.sin(u @ C.T @ C))(x)[0](y),
    "hvp": lambda x, y: 0.3 * hvp(lambda u: np.sum(np.sin(u) * u[::-1]), x, y),
}

steps = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=7
)
inputs = st.integers(0, 1000).map(lambda seed: np.random.default_rng(seed).uniform(-1, 1, (2, 3)))


def run(program: list[tuple[str, int, int]], x: Any) -> Any:
    """All values of a program: each step counts back to its operands."""
    values = [C, x]
    for name, i, j in program:
        values.append(STEPS[name](values[-min(i, len(values))], values[-min(j, len(values))]))
    return values


def scalar(program: list[tuple[str, int, int]]) -> Callable[[Any], Any]:
    """A number that depends on the last two values."""

    def fun(x: Any) -> Any:
        values = run(program, x)
        return np.sum(values[-1] * C) + np.sum(np.sin(values[-2]))

    return fun


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


@given(basic_indices((3, 2, 4), allow_newaxis=True, allow_ellipsis=True), st.integers(0, 99))
def test_basic_indices(index: Any, seed: int) -> None:
    """Any slice, integer, ellipsis and new axis: the gradient puts the cotangent where the entries came from."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 2, 4))
    out, pullback = vjp(lambda x: x[index], x)
    assert np.array_equal(out, x[index])
    c = rng.normal(size=np.shape(out))
    expected = np.zeros_like(x)
    expected[index] = c
    assert np.array_equal(pullback(c)[0], expected)
    assert np.array_equal(jvp(lambda x: x[index], (x,), (expected,))[1], expected[index])


@given(
    st.lists(st.integers(-3, 2), min_size=0, max_size=5), st.lists(st.booleans(), min_size=2, max_size=2),
    st.sampled_from(["rows", "mask", "rows and column", "last axis", "pairs"]),
)  # fmt: skip
def test_fancy_indices(positions: list[int], mask: list[bool], kind: str) -> None:
    """Repeated positions add up, masks select, in every mixture."""
    rows = np.array(positions, dtype=int)
    index = {
        "rows": rows, "mask": (slice(None), np.array(mask)), "rows and column": (rows, 1), "last axis": (..., rows),
        "pairs": (rows, rows % 2, slice(1, None)),
    }[kind]  # fmt: skip
    x = np.arange(24.0).reshape(3, 2, 4)
    out, pullback = vjp(lambda x: x[index] ** 2, x)
    c = np.sin(np.arange(float(out.size))).reshape(out.shape)
    expected = np.zeros_like(x)
    np.add.at(expected, index, 2 * c * x[index])
    assert_close(pullback(c)[0], expected, 1e-14)
