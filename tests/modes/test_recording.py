"""What every transformation does first: arguments become leaves, the function runs once, its tape is closed."""

from typing import Any

import numpy as np
import pytest

from minigrad import grad, hvp, jvp, trace, value_and_grad, vjp
from minigrad.core.tape import Box
from minigrad.errors import LostDerivativeError

X = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: grad(f)(X), lambda f: value_and_grad(f)(X), lambda f: vjp(f, X)[1](1.0), lambda f: trace(f, X),
        lambda f: jvp(f, (X,), (X,)), lambda f: hvp(f, X, X),
    ],
    ids=["grad", "value_and_grad", "vjp", "trace", "jvp", "hvp"],
)  # fmt: skip
def test_the_function_runs_once(transform: Any) -> None:
    runs: list[int] = []
    transform(lambda x: np.sum(runs.append(1) or np.sin(x) * x))
    assert runs == [1]


def test_only_the_selected_arguments_are_boxes_and_they_keep_their_places() -> None:
    seen: list[Any] = []

    def fun(a: Any, b: Any, c: Any, *, d: Any) -> Any:
        seen.append(tuple(type(v) is Box for v in (a, b[0], b[1], c, d)))
        return a * np.sum(b[0]) * b[1] * c * d

    grad(fun, (1, -1))(2.0, (X, 3.0), 4.0, d=5.0)
    grad(fun)(2.0, (X, 3.0), 4.0, d=5.0)
    assert seen == [(False, True, True, True, False), (True, False, False, False, False)]


def test_each_number_is_one_leaf_and_what_is_no_number_is_none() -> None:
    tape = trace(lambda p: p["w"] * p["b"][0], {"w": 2.0, "name": "relu", "b": [3.0, None, True]})
    assert tape.leaves == 2
    assert [tape.node(k).ans for k in range(2)] == [2.0, 3.0]


def test_numbers_of_python_become_those_of_numpy() -> None:
    """They divide by zero as arrays do; arrays go on the tape as they are."""
    kinds: list[type] = []
    grad(lambda x: kinds.append(type(x.value)) or x)(2.0)
    grad(lambda x: kinds.append(type(x.value)) or np.real(x))(2.0 + 0j)
    assert kinds == [np.float64, np.complex128]
    with np.errstate(all="ignore"):
        assert grad(lambda x: 1.0 / x)(0.0) == -np.inf
    assert trace(np.sum, X).node(0).ans is X


def test_an_output_that_is_an_input_or_a_constant() -> None:
    assert grad(lambda x: x)(3.0) == 1.0
    assert grad(lambda x: 5.0)(3.0) == 0.0
    out, pullback = vjp(lambda x: (x, 1.0), X)
    assert out[1] == 1.0
    assert np.array_equal(pullback((X, 7.0))[0], X)


def test_an_output_of_an_outer_transformation_is_a_constant_of_the_inner_one() -> None:
    def outer(x: Any) -> Any:
        value, gradient = value_and_grad(lambda y: x * x)(2.0)
        return value + gradient

    assert grad(outer)(3.0) == 6.0


def test_an_error_that_numpy_hides_is_shown_as_itself() -> None:
    """NumPy turns what happens while it builds an array into a ValueError."""
    for fun in (lambda x: np.array([x[0], 1.0]), lambda x: np.asarray([x[0], x[1]])):
        with pytest.raises(LostDerivativeError) as caught:
            grad(lambda x, fun=fun: np.sum(fun(x)))(X)
        assert caught.value.__cause__ is None


def test_results_are_arrays_of_their_own() -> None:
    """Never the seed, a view of an argument, or one array twice."""
    c = np.ones(3)
    a, b = vjp(lambda x, y: x + y, X, X)[1](c)
    assert not any(np.shares_memory(u, v) for u, v in ((a, b), (a, c), (b, c), (a, X)))
    a[0] = 9.0
    assert (b[0], c[0], X[0]) == (1.0, 1.0, 0.5)
    flipped = grad(lambda x: np.sum(x[::-1] * c))(X)
    flipped[0] = 9.0
    assert c.tolist() == [1.0, 1.0, 1.0]
