"""autograd's checks of gradients."""

import numpy as np
import pytest

from minigrad.extend import defvjp, primitive
from minigrad.test_util import check_equivalent, check_grads, combo_check

X = np.array([0.3, -0.8, 1.2])


def test_the_checks_find_a_wrong_rule() -> None:
    wrong = primitive(lambda x: x**2)
    defvjp(wrong, lambda ans, x: lambda g: g * x)
    with pytest.raises(AssertionError, match="finite differences"):
        check_grads(wrong)(3.0)
    combo_check(lambda x, y, n=1: x * np.sin(y) * n, [0, 1])([1.0, X], [0.5], n=[1, 2])
    with pytest.raises(ValueError, match="modes"):
        check_grads(np.sin, modes=["sideways"])
    with pytest.raises(AssertionError, match="different shapes"):
        check_equivalent(X, X[:2])


def test_equal_dicts_are_equivalent_whatever_the_order_of_their_keys() -> None:
    check_equivalent({"a": 1.0, "b": X}, {"b": X, "a": 1.0})
    with pytest.raises(AssertionError, match="differ"):
        check_equivalent({"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 2.0})
