"""Assertions and hypothesis strategies for test suites; see `minigrad.checking.testing` and `.rule_tester`."""

from minigrad.checking.rule_tester import assert_rule
from minigrad.checking.testing import arrays, assert_grads_match, pytrees
from minigrad.errors import GradientMismatchError

__all__ = [
    "GradientMismatchError",
    "arrays",
    "assert_grads_match",
    "assert_rule",
    "pytrees",
]
