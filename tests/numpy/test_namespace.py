"""`minigrad.numpy` has NumPy's names, and on plain values it is NumPy."""

import numpy as np
import pytest

import minigrad.numpy as mnp

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])


def test_the_namespace_has_every_name_of_numpy() -> None:
    """`import minigrad.numpy as np` replaces `import numpy as np`."""
    missing = [n for n in np.__all__ if not hasattr(mnp, n)]
    assert missing == []
    assert mnp.pi == np.pi
    assert mnp.float64 is np.float64
    assert mnp.linalg.LinAlgError is np.linalg.LinAlgError
    assert "sin" in dir(mnp)


@pytest.mark.parametrize(
    "function", ["sum", "exp", "dot", "reshape", "concatenate", "max", "where", "mean", "clip", "size"]
)
def test_the_namespace_on_plain_values_is_numpy(function: str) -> None:
    """Without traced values nothing is different."""
    arguments = {
        "dot": (A, X), "reshape": (A, (3, 2)), "concatenate": ([A, A],), "where": (A > 0, A, 0.0), "clip": (A, 0, 1),
    }.get(function, (A,))  # fmt: skip
    assert np.array_equal(getattr(mnp, function)(*arguments), getattr(np, function)(*arguments))
    assert type(getattr(mnp, function)(*arguments)) is type(getattr(np, function)(*arguments))
