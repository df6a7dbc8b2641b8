"""A tree of parameters as one flat vector, and back."""

import numpy as np
import pytest

from minigrad import grad
from minigrad.misc.flatten import flatten, flatten_func


def test_flatten_keeps_dtypes_and_differentiates() -> None:
    params = {"a": np.float32([1.0, 2.0]), "n": None, "b": [np.eye(2), 3.0]}
    vector, unflatten = flatten(params)
    again = unflatten(vector)
    assert again["a"].dtype == np.float32
    assert again["n"] is None
    assert again["b"][1] == 3.0
    assert grad(lambda v: np.sum(unflatten(v)["b"][0] ** 2))(vector).tolist() == [0, 0, 2, 0, 0, 2, 0]
    assert grad(lambda p: np.sum(flatten(p)[0] ** 2))({"a": 2.0}) == {"a": 4.0}
    with pytest.raises(ValueError, match=r"shape \(7,\), got \(2,\)"):
        unflatten(np.ones(2))
    fun, _, start = flatten_func(lambda p: {"s": np.sum(p["a"])}, {"a": np.ones(3)})
    assert fun(start).tolist() == [3.0]
