"""A tree of parameters as one flat vector, and back."""

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import grad, jacobian, root
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


def test_equal_dicts_have_equal_vectors() -> None:
    """Keys are sorted at every depth, as autograd does, so that the order in which they were entered means nothing."""
    one = {"b": 1.0, "a": {"y": np.array([2.0, 3.0]), "x": 4.0}, "c": ({2: 5.0, 1: 6.0},)}
    two = {"a": {"x": 4.0, "y": np.array([2.0, 3.0])}, "c": ({1: 6.0, 2: 5.0},), "b": 1.0}
    vector, unflatten = flatten(one)
    assert vector.tolist() == flatten(two)[0].tolist() == [4.0, 2.0, 3.0, 1.0, 6.0, 5.0]
    again = unflatten(vector)
    assert list(again) == ["b", "a", "c"]  # the structure stays that of the first one
    assert again["a"]["x"] == 4.0
    assert again["c"][0] == {2: 5.0, 1: 6.0}
    assert flatten(flatten(two)[1](vector))[0].tolist() == vector.tolist()
    mixed = {"a": 1.0, 2: 2.0, (3,): 3.0, None: 4.0}
    assert flatten(mixed)[0].tolist() == flatten(dict(reversed(mixed.items())))[0].tolist()
    ordered = OrderedDict(b=1.0, a=2.0)
    assert flatten(ordered)[0].tolist() == [2.0, 1.0]
    assert flatten(ordered)[1](np.array([2.0, 1.0])) == ordered


def test_what_is_no_number_keeps_its_place() -> None:
    vector, unflatten = flatten({"b": "text", "a": 1.0, "c": None, "B": [np.tanh, 2.0]})
    assert vector.tolist() == [2.0, 1.0]
    assert unflatten(vector) == {"b": "text", "a": 1.0, "c": None, "B": [np.tanh, 2.0]}


def test_a_flattened_function_takes_its_results_in_any_order() -> None:
    """Which a Jacobian of it depends on."""
    fun, _, start = flatten_func(lambda p: {"b": p["b"] * 3.0, "a": p["a"] * 2.0}, {"a": np.ones(2), "b": 1.0})
    assert fun(start).tolist() == [2.0, 2.0, 3.0]
    assert jacobian(fun)(start).tolist() == np.diag([2.0, 2.0, 3.0]).tolist()


def test_a_residual_may_return_its_parts_in_any_order() -> None:
    """The system for the derivative of a root had its rows exchanged."""

    def residual(p: Any, x: Any) -> Any:
        return {"b": x["b"] - p * x["a"], "a": x["a"] ** 2 - p}

    def at(p: Any) -> Any:
        x = root(residual, p, {"a": 1.0, "b": 1.0})
        return x["a"] + x["b"]  # p**0.5 + p**1.5

    assert_close(grad(at)(4.0), 0.25 + 3.0, 1e-12)
    assert_close(grad(grad(at))(4.0), -0.25 * 4.0**-1.5 + 0.75 * 4.0**-0.5, 1e-11)
