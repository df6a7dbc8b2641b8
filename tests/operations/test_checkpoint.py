"""Checkpoints: the same values and derivatives in less memory."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import checkpoint, checkpointed_scan, grad, jvp, value, vjp
from minigrad.test_util import check_equivalent, check_grads

X = np.array([0.3, -0.8, 1.2])


def test_checkpoint_keeps_values_and_derivatives_and_needs_less_memory() -> None:
    def block(h: Any, p: Any) -> Any:
        for _ in range(10):
            h = np.sin(h * p["a"]) + p["b"]
        return h

    def loss(p: Any, step: Any) -> Any:
        h = x
        for _ in range(8):
            h = step(h, p)
        return np.sum(h * h)

    x = np.linspace(0.0, 1.0, 20_000)
    params = {"a": 1.1, "b": np.float64(0.1)}
    peaks, results = [], []
    for step in (block, checkpoint(block)):
        tracemalloc.start()
        results.append(grad(loss)(params, step))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    check_equivalent(results[0], results[1])
    assert peaks[1] < 0.45 * peaks[0]
    x = x[:5]
    check_grads(lambda a: checkpoint(block)(x, {"a": a, "b": 0.2}))(1.1)
    assert_close(
        grad(grad(lambda a: np.sum(checkpoint(block)(x, {"a": a, "b": a}))))(0.9),
        grad(grad(lambda a: np.sum(block(x, {"a": a, "b": a}))))(0.9), 1e-12,
    )  # fmt: skip


def test_checkpoint_of_structures_and_its_error() -> None:
    pair = checkpoint(lambda x, n, name: {"sum": np.sum(x) * n, "same": (x, name)})
    out, pullback = vjp(lambda x: pair(x, 3, "text")["sum"] + pair(x, 3, "text")["same"][0][0], X)
    assert pullback(1.0)[0].tolist() == [4.0, 3.0, 3.0]
    assert value(out) == pytest.approx(3 * X.sum() + X[0])
    with pytest.raises(TypeError, match="closes over"):
        grad(lambda x: np.sum(checkpoint(lambda y: y * x)(x)))(X)


def test_a_scan_collects_by_key() -> None:
    """Not by the order in which a step entered the keys."""

    def step(c, x):
        return c, ({"a": x, "b": 2 * x} if x > 1 else {"b": 2 * x, "a": x})

    xs = np.array([0.0, 2.0, 1.0])

    def path(xs):
        return checkpointed_scan(step, 0.0, xs)[1]

    assert path(xs)["a"].tolist() == [0.0, 2.0, 1.0]
    tangent = jvp(path, (xs,), (np.ones(3),))[1]
    assert [tangent["a"].tolist(), tangent["b"].tolist()] == [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    assert grad(lambda xs: np.sum(path(xs)["b"]))(xs).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(TypeError, match=r"y was dict.* in a later one"):
        checkpointed_scan(lambda c, x: (c, {"a": x} if x > 1 else {"b": x}), 0.0, xs)
