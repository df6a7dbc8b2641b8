"""The optimisers of autograd's misc."""

from typing import Any

import numpy as np

from minigrad.misc.optimizers import adam, rmsprop, sgd


def test_optimisers_call_back_with_structures() -> None:
    seen: list[Any] = []
    for optimise in (sgd, rmsprop, adam):
        optimise(lambda p, i: {"a": 2 * p["a"]}, {"a": np.ones(2)}, lambda p, i, g: seen.append((p["a"], i, g["a"])), 3)
    assert [i for _, i, _ in seen] == [0, 1, 2] * 3
    assert np.array_equal(seen[0][2], 2 * seen[0][0])
