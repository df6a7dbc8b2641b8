"""The tape: one record per operation, in the order in which they were done."""

from typing import Any

import numpy as np
from references import assert_close

from minigrad import grad, trace


def test_a_tape_of_a_million_operations() -> None:
    """No recursion, in recording, sweeping or freeing; one node per operation."""
    n = 1_000_000

    def chain(x: Any) -> Any:
        for _ in range(n // 2):
            x = x * 0.999999 + 1e-6
        return x

    assert_close(grad(chain)(2.0), 0.999999 ** (n // 2), 1e-9)


def test_a_chain_has_one_node_per_operation() -> None:
    """Also where values are used again."""

    def chain(x: Any) -> Any:
        for _ in range(500):
            x = np.sin(x) * x
        return x

    assert len(trace(chain, 0.5)) == 1001


def test_two_thousand_scalar_parameters() -> None:
    """A list of numbers, each its own leaf."""
    p = [float(k) for k in range(2000)]
    g = grad(lambda p: sum(k * x * x for k, x in enumerate(p)))(p)
    assert [float(x) for x in g] == [2.0 * k * k for k in range(2000)]
