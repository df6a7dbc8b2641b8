"""Random programs that several tests use: lists of steps, each from two earlier values of shape (2, 3) to another."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import minigrad.numpy as mnp
from minigrad import elementwise_grad, grad, hvp, jvp, make_vjp

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
