"""Compiled functions against eager ones."""

from typing import Any

import numpy as np

import minigrad
from minigrad.compiler.replay import Compiled
from minigrad.core.tree import flatten


def assert_same(got: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Equal in structure, types, shapes, dtypes, and in numbers up to rounding."""
    got_leaves, got_tree = flatten(got)
    leaves, tree = flatten(expected)
    assert str(got_tree) == str(tree)
    for a, b in zip(got_leaves, leaves):
        assert type(a) is type(b)
        assert np.shape(a) == np.shape(b)
        if hasattr(b, "dtype"):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)
        else:
            assert a == b


def check(fun: Any, *points: tuple[Any, ...]) -> Compiled:
    """A compiled function agrees with the eager one at all points, and answers the second call by its program."""
    compiled = minigrad.compile(fun)
    for args in (points[0], *points):
        assert_same(compiled(*args), fun(*args))
    assert_trusted(compiled)
    return compiled


def assert_trusted(compiled: Compiled) -> None:
    """No program had to be thrown away because it disagreed with the trace that it was made from."""
    assert not any("another result" in reason for reason in compiled.stats()["reasons"])
