"""Rows and columns that are swept together can be told apart again."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import sparse_hessian, sparse_jacobian


@settings(max_examples=100)
@given(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_any_matrix_is_read_from_its_groups(m: int, n: int, density: float, seed: int) -> None:
    """The function x -> A x: every way to group it gives A back."""
    random = np.random.default_rng(seed)
    A = np.where(random.random((m, n)) < density, random.integers(1, 9, (m, n)), 0).astype(float)
    x = random.normal(size=n)
    np.testing.assert_array_equal(sparse_jacobian(lambda x: A @ x, x).toarray(), A)
    S = A[: min(m, n), : min(m, n)]
    S = S + S.T
    found = sparse_hessian(lambda x: 0.5 * np.sum(x * (S @ x)), x[: len(S)])
    np.testing.assert_allclose(found.toarray(), S, rtol=1e-15)
