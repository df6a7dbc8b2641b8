"""A tape for one backward sweep keeps what the rules read, and no more."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad import grad


def peak_in_arrays(fun: Callable[[Any], Any], size: int = 100_000) -> float:
    """The peak memory of a gradient at an array of this size, in units of that array."""
    x = np.linspace(0.1, 1.0, size)
    grad(fun)(x)  # so that caches are filled
    tracemalloc.start()
    grad(fun)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / x.nbytes


def repeated(layer: Callable[[Any], Any], n: int) -> Callable[[Any], Any]:
    """A chain of n equal layers, summed."""

    def chain(x: Any) -> Any:
        for _ in range(n):
            x = layer(x)
        return np.sum(x)

    return chain


DEPTH = 40
CHAINS: dict[str, tuple[Callable[[Any], Any], int]] = {
    # the layer, and how many arrays per layer its derivative needs
    "affine": (lambda x: x * 1.01 + 0.5, 0),
    "negate, shift, scale": (lambda x: 2.0 - (-x / 3.0), 0),
    "tanh of affine": (lambda x: np.tanh(x * 0.9 + 0.1), 1),
    "arctan of affine": (lambda x: np.arctan(0.9 * x - 0.1), 1),
    "exp, negative": (lambda x: np.exp(-x), 1),
    "reshape, transpose, flip": (lambda x: (x.reshape(100, -1) * 1.1).T[::-1].reshape(-1), 0),
    "mean added": (lambda x: x + np.mean(x), 0),
}


@pytest.mark.parametrize(("layer", "needed"), CHAINS.values(), ids=CHAINS)
def test_a_lean_tape_keeps_what_rules_read_and_no_more(layer: Callable[[Any], Any], needed: int) -> None:
    """The peak is the needed residuals and a handful of arrays, not every intermediate of the chain."""
    assert peak_in_arrays(repeated(layer, DEPTH)) <= needed * DEPTH + 8


def test_indexing_entry_by_entry_does_not_keep_full_arrays() -> None:
    """n reads of an array of n entries take memory of order n."""
    n = 2000

    def fun(x: Any) -> Any:
        return sum(x[i] * x[i] for i in range(n))

    # A node takes some hundred bytes, an array of n entries 16,000: with one array per read it would be 32 MB.
    x = np.ones(n)
    tracemalloc.start()
    grad(fun)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
