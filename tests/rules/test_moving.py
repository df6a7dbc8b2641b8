"""Indexing of every kind, by hypothesis; operations that repeat, turn and pad."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices
from references import assert_close

from minigrad import grad, jvp, source, vjp
from minigrad.rules.moving import names_once


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


LARGE: dict[str, Any] = {
    "rows": lambda k, n: k % n,
    "rows, some from the end": lambda k, n: k % n - n // 2,
    "rows in a table": lambda k, n: (k % n).reshape(-1, 2),
    "short integers": lambda k, n: (k % n).astype(np.int16),
    "pairs": lambda k, n: (k % n, k % 3 - 3),
    "rows and a column": lambda k, n: (k % n, 1),
    "rows and a slice": lambda k, n: (k % n, slice(1, None)),
    "columns": lambda k, n: (slice(None), k % 3),
    "mask": lambda k, n: (k[: 3 * n] % 2 == 0).reshape(n, 3),
    "mask of rows": lambda k, n: k[:n] % 2 == 0,
    "mask of columns": lambda k, n: (slice(None), np.array([True, False, True])),
    "the last column, kept": lambda k, n: (slice(None), (-1,)),
    "a row, kept": lambda k, n: np.array([2]),
    "numbers that broadcast": lambda k, n: (k[:60, None] % n, k[None, :20] % 3),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
@pytest.mark.parametrize("n", [5, 700])
@pytest.mark.parametrize("kind", LARGE)
def test_many_entries_add_up_in_the_order_of_numpy(kind: str, n: int, dtype: Any) -> None:
    """Whatever is quickest for an index, its numbers are those of `np.add.at`, to the last bit."""
    index = LARGE[kind](np.random.default_rng(0).integers(0, 2100, 2100), n)
    x = np.random.default_rng(1).normal(size=(n, 3)).astype(dtype)
    out, pullback = vjp(lambda x: x[index], x)
    assert np.array_equal(out, x[index])
    c = np.random.default_rng(2).normal(size=out.shape).astype(dtype)
    expected = np.zeros_like(x)
    np.add.at(expected, index, c)
    assert np.array_equal(pullback(c)[0], expected)


MOVES: dict[str, Any] = {
    "a new axis": lambda x: x[:, None], "axes on both sides": lambda x: x[None, ..., None], "all of it": lambda x: x[:],
    "ellipsis": lambda x: x[...], "tile": lambda x: np.tile(x, 3), "tile to more axes": lambda x: np.tile(x, (2, 1, 3)),
    "tile one of the axes": lambda x: np.tile(x, (1,) * (x.ndim - 1) + (2,)), "repeat": lambda x: np.repeat(x, 3),
    "repeat along an axis": lambda x: np.repeat(x, 2, axis=-1), "repeat by an array": lambda x: np.repeat(x, [2]),
    "rot90": lambda x: np.rot90(np.atleast_2d(x), 3), "pad": lambda x: np.pad(x, (1, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1), (2, 3), (3, 3), (2, 1, 3)])
def test_moving_and_repeating_is_undone_by_moving_and_adding(name: str, shape: tuple[int, ...]) -> None:
    """The transpose is a sum, a reshape or an index: no table says where each entry goes."""
    move = MOVES[name]
    x = np.arange(float(np.prod(shape))).reshape(shape)
    weights = np.cos(np.arange(float(move(x).size))).reshape(move(x).shape)
    unit = np.eye(x.size).reshape(-1, *shape)
    expected = np.array([np.sum(move(e) * weights) for e in unit]).reshape(shape)
    f = grad(lambda x: np.sum(move(x) * weights))
    assert_close(f(x), expected, 1e-13)
    text = source(f, x)
    assert "scatter" not in text
    assert "np.add.at" not in text


@pytest.mark.parametrize("k", [-1, 0, 2])
@pytest.mark.parametrize("shape", [(3,), (3, 3), (2, 3), (2, 3, 3)])
def test_triangles_and_diagonals(k: int, shape: tuple[int, ...]) -> None:
    x = np.arange(float(np.prod(shape))).reshape(shape)
    unit = np.eye(x.size).reshape(-1, *shape)
    for move in (np.tril, np.triu, np.diag) if len(shape) < 3 else (np.tril, np.triu):
        weights = np.cos(np.arange(float(move(x, k).size))).reshape(move(x, k).shape)
        expected = np.array([np.sum(move(e, k) * weights) for e in unit]).reshape(shape)
        assert_close(grad(lambda x, move=move, weights=weights: np.sum(move(x, k) * weights))(x), expected, 1e-13)


@pytest.mark.parametrize(
    ("index", "once"),
    [
        (1, True),
        (np.s_[:, (0,)], True),
        (np.s_[:, (0, 2)], True),
        (np.s_[..., (2, 0, 2)], False),
        (np.s_[:, (0, -3)], False),  # the same entry of three
        (np.array([0, 2]), True),
        (np.array([1, 1]), False),
        (np.array([[0, 1]]), False),
        (np.array([True, True, False]), False),
        ((np.array([0, 1]), np.array([0, 1])), False),
        (np.s_[:, ()], True),
        (np.array(1), False),
    ],
)
def test_entries_that_are_named_once_may_be_added_in_place(index: Any, once: bool) -> None:
    assert names_once(index) is once
    x = np.arange(9.0).reshape(3, 3)
    weights = np.cos(np.arange(np.size(x[index]))).reshape(np.shape(x[index]))
    expected = np.zeros_like(x)
    np.add.at(expected, index, weights)
    assert np.array_equal(grad(lambda x: np.sum(x[index] * weights))(x), expected)
