"""The two sweeps: how much work they do, and what they hold on to."""

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import grad, jvp
from minigrad.modes import sweeps


@pytest.mark.parametrize("loop", ["index", "iterate", "unpack"])
def test_taking_an_array_apart_entry_by_entry_is_linear(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """n reads of an array of n entries cost one array of zeros and n additions, not n arrays."""
    made: list[Any] = []
    original = sweeps.gathered
    monkeypatch.setattr(sweeps, "gathered", lambda *a: (made.append(len(a[0])), original(*a))[1])

    def total(x: Any) -> Any:
        entries = [x[i] for i in range(len(x))] if loop == "index" else list(x) if loop == "iterate" else [*x]
        return sum(k * e for k, e in enumerate(entries))

    n = 3000
    assert_close(grad(total)(np.ones(n)), np.arange(float(n)), 1e-15)
    assert made == [n]


def test_a_forward_sweep_passes_only_what_is_needed() -> None:
    """No warning comes from an operation on which the output does not depend."""

    def fun(x):
        np.sqrt(x - 1.0)  # its derivative is infinite, and nobody asks for it
        return x * 2.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jvp(fun, (1.0,), (1.0,))[1] == 2.0


def test_a_forward_sweep_lets_go_of_tangents() -> None:
    """The memory of a long chain does not grow with its length by a tangent for every operation."""

    def chain(x):
        for _ in range(40):
            x = np.sin(x)
        return x

    x = np.ones(1 << 17)
    tracemalloc.start()
    jvp(chain, (x,), (x,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 52 * x.nbytes  # one value per operation, not two
