"""Indexing of every kind, by hypothesis."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices
from references import assert_close

from minigrad import jvp, vjp


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
