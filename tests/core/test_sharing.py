"""Sharing: what nested tapes do twice is done once, and only what is equal is taken for equal."""

import itertools
from typing import Any

import numpy as np
import pytest

import minigrad.core.tape
from minigrad import grad, jvp


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
