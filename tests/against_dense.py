"""Sparse Jacobians against the dense ones."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad import jacobian, sparse_jacobian, sparsity

sp = pytest.importorskip("scipy.sparse")


def dense(fun: Callable[[Any], Any], x: Any) -> Any:
    found = jacobian(fun)(x)
    return np.reshape(found, (-1, np.size(x)))


def assert_jacobian(fun: Callable[[Any], Any], x: Any, entries: int | None = None) -> None:
    """The sparse Jacobian is the dense one, and its pattern has this number of entries."""
    expected = dense(fun, x)
    found = sparse_jacobian(fun, x)
    assert isinstance(found, sp.csr_array)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12, atol=1e-14)
    pattern = sparsity(fun, x).toarray()
    assert np.all(np.abs(expected[~pattern]) <= 1e-15)  # a Fourier transform leaves rounding there
    if entries is not None:
        assert pattern.sum() == entries
