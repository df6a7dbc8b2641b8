"""Sharing: what nested tapes do twice is done once, and only what is equal is taken for equal."""

import itertools
from typing import Any

import numpy as np
import pytest

import minigrad.core.tape
from minigrad import grad, jvp
from minigrad.core.primitive import elementwise
from minigrad.core.sharing import frozen
from minigrad.core.tape import Tape


def nodes_by_order(fun: Any, highest: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many nodes all tapes together have, for derivatives 1 to `highest` by nesting."""
    tapes: list[Any] = []
    init = minigrad.core.tape.Tape.__init__

    def counted(self: Any) -> None:
        init(self)
        tapes.append(self)

    monkeypatch.setattr(minigrad.core.tape.Tape, "__init__", counted)
    counts = []
    for _ in range(highest):
        fun = grad(fun)
        tapes.clear()
        fun(0.3)
        counts.append(sum(len(tape.nodes) for tape in tapes))
    return counts


@pytest.mark.filterwarnings("ignore:derivatives are nested 8 deep")
def test_nested_derivatives_grow_by_2_2_per_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in operations, not in seconds; without sharing they grow by 3.2 per order."""
    counts = nodes_by_order(lambda x: (1.0 - np.exp(-x)) / (1.0 + np.exp(-x)), 8, monkeypatch)
    assert counts[7] <= 2.2**5 * counts[2]
    counts = nodes_by_order(np.tanh, 8, monkeypatch)
    for before, after in itertools.pairwise(counts[2:]):
        assert after <= 2.2 * before


def test_shared_work_is_equal_work() -> None:
    """Constants that are equal but not the same (0.0 and -0.0, 1 and True, 2 and 2.0), and masks, are told apart."""
    mask, other = np.array([True, False]), np.array([False, True])

    def fun(x: Any) -> Any:
        y = np.where(mask, x, 2.0) * np.where(other, x, 3.0)
        z = np.arctan2(0.0, -x) - np.arctan2(-0.0, -x)
        return np.sum(y * x[0] + x**2 + x**2.0 + x * 2 + x * 2.0 + np.sum(x[:1] * x[1:]) + z)

    x = np.array([0.7, 1.9])
    e = np.ones(2)
    nested: Any = fun
    along: Any = lambda t: fun(x + t * e)
    for _ in range(4):
        nested = lambda x, inner=nested: np.sum(grad(inner)(x))
        along = lambda t, inner=along: jvp(inner, (t,), (1.0,))[1]
        assert abs(nested(x) - along(0.0)) <= 1e-11 * max(1.0, abs(along(0.0)))


def test_large_arrays_on_nested_tapes() -> None:
    """Values and constants above the size that is kept or compared."""
    c = np.linspace(0.5, 1.5, 20_000)
    third = grad(lambda x: np.sum(grad(lambda x: np.sum(grad(lambda x: np.sum(c * x**4))(x)))(x)))(c)
    assert np.allclose(third, 24 * c * c, rtol=1e-13)


# ----- what counts as equal -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.0, -0.0), (1, True), (2, 2.0), (2.0, np.float64(2.0)), (np.float32(2.0), np.float64(2.0)),
        (np.array(0.0), np.array(-0.0)), (np.zeros(2), np.zeros((2, 1))), (np.zeros(2), np.zeros(2, int)),
        ((1, 2), [1, 2][:1]), (slice(0, 2), slice(0, 2, 1)), (None, False), ((0.0,), (-0.0,)), ({"a": 1}, {"a": 1.0}),
    ],
)  # fmt: skip
def test_constants_that_differ_in_type_sign_shape_or_dtype_are_told_apart(a: Any, b: Any) -> None:
    if type(b) is list:
        with pytest.raises(TypeError):
            frozen(b)
    else:
        assert frozen(a) != frozen(b)


@pytest.mark.parametrize(
    "make",
    [
        lambda: 2.5, lambda: (1, (2.0, None)), lambda: {"axis": (0, 1), "keepdims": True}, lambda: slice(None, 3),
        lambda: np.arange(4.0), lambda: np.float32(0.1), lambda: "ij,jk", lambda: np.dtype(float),
    ],
)  # fmt: skip
def test_equal_constants_are_equal_though_they_are_other_objects(make: Any) -> None:
    assert frozen(make()) == frozen(make())
    assert hash(frozen(make())) == hash(frozen(make()))


def test_a_large_array_is_not_compared() -> None:
    """Its content would have to be read at every operation, and its id may come back with other content."""
    with pytest.raises(TypeError):
        frozen(np.zeros(1000))


def test_boxes_are_equal_by_their_place() -> None:
    tape = Tape()
    a, b = tape.leaf(1.0), tape.leaf(1.0)
    assert frozen(a) != frozen(b)


@pytest.mark.parametrize(("levels", "expected"), [(1, 2), (2, 2), (3, 1), (4, 1)])
def test_sharing_begins_at_the_third_level(levels: int, expected: int) -> None:
    """First and second derivatives pay nothing for it; from the third on equal work is done once."""
    calls: list[Any] = []
    op = elementwise("op", lambda x: calls.append(1) or x * x, lambda g, _ans, x: g * 2.0 * x)
    fun: Any = lambda x: op(x) + op(x)
    for _ in range(levels):
        fun = grad(fun)
    fun(3.0)
    assert len(calls) == expected


def test_sums_and_products_commute_and_quotients_do_not() -> None:
    counts = {}
    for name, pair in {
        "+": lambda x, y: (x + y) * (y + x),
        "*": lambda x, y: (x * y) + (y * x),
        "/": lambda x, y: (x / y) + (y / x),
    }.items():
        sizes: list[int] = []

        def fun(x: Any, pair: Any = pair, sizes: list[int] = sizes) -> Any:
            tape = x.value.tape
            y = x * 1.0
            before = len(tape.nodes)
            out = pair(x, y)
            sizes.append(len(tape.nodes) - before)
            return out

        third: Any = grad(grad(grad(fun)))
        third(3.0)
        counts[name] = sizes[0]
    assert counts == {"+": 2, "*": 2, "/": 3}
