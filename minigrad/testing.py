"""Assertions and hypothesis strategies for test suites; see `minigrad.checking.testing`."""

from minigrad.checking.testing import (
    GradientMismatchError,
    arrays,
    assert_grads_match,
    pytrees,
)

__all__ = [
    "GradientMismatchError",
    "arrays",
    "assert_grads_match",
    "pytrees",
]
