"""Python's `isinstance` and `type` for traced values."""

from typing import Any

import numpy as np


def test_isinstance_of_what_stands_in_for_an_array() -> None:
    """Compiled and batched functions take the branch that the value itself would take."""
    from minigrad import batched, compile  # noqa: A004
    from minigrad.builtins import isinstance as sees

    def f(x: Any) -> Any:
        kinds = (float, np.ndarray)
        return sum(2.0**k * x for k, kind in enumerate(kinds) if sees(x, kind))

    compiled = compile(f)
    for x in (1.0, np.float64(1.0), np.ones(2)):
        for _ in range(2):
            assert np.array_equal(compiled(x), f(x))
    assert np.array_equal(batched(f)(np.ones((2, 3))), 2.0 * np.ones((2, 3)))
    assert np.array_equal(batched(f)(np.ones(2)), np.ones(2))
