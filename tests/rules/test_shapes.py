"""Broadcasting is undone: for all shapes, the transpose of a broadcast is a sum."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from references import assert_close

from minigrad import grad, vjp
from minigrad.rules.shapes import unbroadcast

pairs = mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)


@given(pairs, st.integers(0, 99))
def test_unbroadcast_is_the_transpose_of_broadcasting(shapes: Any, seed: int) -> None:
    """<broadcast(x), g> = <x, unbroadcast(g)> for every x and g."""
    rng = np.random.default_rng(seed)
    x, g = rng.normal(size=shapes.input_shapes[0]), rng.normal(size=shapes.result_shape)
    back = unbroadcast(g, x.shape)
    assert np.shape(back) == x.shape
    assert_close(np.sum(x * back), np.sum(np.broadcast_to(x, g.shape) * g), 1e-12)


@given(pairs, st.integers(0, 99))
def test_each_argument_gets_a_gradient_of_its_own_shape(shapes: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.normal(size=shape) for shape in shapes.input_shapes)
    of_x, of_y = grad(lambda x, y: np.sum(x * y), (0, 1))(x, y)
    assert (of_x.shape, of_y.shape) == shapes.input_shapes
    assert_close(of_x, unbroadcast(np.broadcast_to(y, shapes.result_shape), x.shape), 1e-13)


def test_an_axis_of_no_entries_leaves_zeros() -> None:
    pullback = vjp(lambda x: x * np.ones((0, 3)), np.ones(3))[1]
    assert pullback(np.ones((0, 3)))[0].tolist() == [0.0, 0.0, 0.0]
