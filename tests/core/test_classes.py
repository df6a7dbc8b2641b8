"""Questions about the type of a traced value are answered as for the plain one, in every mode."""

import functools
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from stand_ins import PandasSeries

import minigrad
import minigrad.builtins
from minigrad import batched, grad, source
from minigrad import compile as compiled
from minigrad.extend import Box


@functools.singledispatch
def squared(x: Any) -> Any:
    raise TypeError(f"neither a number nor an array: {type(x).__name__}")


@squared.register
def _(x: float) -> Any:
    return 2.0 * x**2


@squared.register
def _(x: np.ndarray) -> Any:
    return 3.0 * x**2


def matched(x: Any) -> Any:
    match x:
        case float():
            return 2.0 * x**2
        case np.ndarray():
            return 3.0 * x**2
    raise TypeError("neither a number nor an array")


def is_array(x: Any) -> Any:
    return 3.0 * x**2 if isinstance(x, np.ndarray) else 2.0 * x**2


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "isinstance of an array": is_array,
    "isinstance of a number": lambda x: 2.0 * x**2 if isinstance(x, numbers.Number) else 3.0 * x**2,
    "isinstance of a float": lambda x: 2.0 * x**2 if isinstance(x, (int, float)) else 3.0 * x**2,
    "isinstance of a number of NumPy": lambda x: 2.0 * x**2 if isinstance(x, np.floating) else 3.0 * x**2,
    "isscalar": lambda x: 2.0 * x**2 if np.isscalar(x) else 3.0 * x**2,
    "singledispatch": squared,
    "match": matched,
    "__class__": lambda x: 3.0 * x**2 if x.__class__ is np.ndarray else 2.0 * x**2,
}
ARRAY, NUMBER = np.array([1.0, 2.0]), np.float64(1.5)


@pytest.mark.filterwarnings("ignore:compile. the function calls functools")  # it runs as it stands
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_about_the_type_is_answered_as_for_the_plain_value(name: str) -> None:
    fun = QUESTIONS[name]
    assert fun(NUMBER) == 2.0 * NUMBER**2
    assert (fun(ARRAY) == 3.0 * ARRAY**2).all()

    def total(x: Any) -> Any:
        return np.sum(fun(x))

    for x, factor in ((NUMBER, 2.0), (ARRAY, 3.0)):
        one = np.ones_like(x)
        first, second = 2.0 * factor * x, 2.0 * factor * one
        assert np.all(grad(total)(x) == first)
        assert minigrad.jvp(total, (x,), (one,))[1] == np.sum(first)
        assert np.all(grad(lambda x: np.sum(grad(total)(x)))(x) == second)
        assert np.all(minigrad.hvp(total, x, one) == second)
        assert np.all(minigrad.jacobian(fun)(x) == np.diag(np.atleast_1d(first)).reshape(np.shape(x) * 2))
        assert np.all(minigrad.derivatives(total, 1.0 * x, 2)[2] == second) or x is ARRAY
        assert np.allclose(minigrad.jet(total, (x,), ([one, 0.0 * one],))[1][1], np.sum(second))
        assert np.all(compiled(total)(x) == total(x))
        assert np.all(compiled(grad(total))(x) == first)
        both = np.stack([x, 2.0 * x])
        assert np.all(batched(total)(both) == [total(x), total(2.0 * x)])
        assert np.all(batched(grad(total))(both) == [first, 2.0 * first])
        if fun is not squared:  # a program cannot watch the registry of singledispatch
            assert "x" in source(grad(total), x)
        inner = grad(lambda y: np.sum(y) * total(x))  # noqa: B023
        assert inner(1.0) == total(x)
        assert grad(lambda z: grad(lambda y: y * total(z))(1.0))(x) == pytest.approx(first)


def test_an_integer_is_none_and_a_complex_number_is_one() -> None:
    assert grad(lambda z: np.real(z * z) if isinstance(z, complex) else 0.0 * np.real(z))(1.0 + 2.0j) == 2.0 + 4.0j
    assert grad(lambda x: x if isinstance(x, int) else 2.0 * x)(1.0) == 2.0
    assert grad(lambda x: x[0] if isinstance(x[0], np.float32) else 2.0 * x[0])(np.ones(1, np.float32)) == 1.0


def test_the_type_itself_is_that_of_the_box() -> None:
    """Python answers `type(x)` by itself; `minigrad.builtins.type` sees through it."""
    seen: list[Any] = []
    grad(lambda x: seen.extend([type(x), minigrad.builtins.type(x), isinstance(x, Box)]) or x)(1.0)
    assert seen == [Box, np.float64, True]


def test_an_array_is_converted_only_where_it_is_none() -> None:
    """What many functions begin with; without an answer `np.asarray` would lose the derivative, and be refused."""

    def total(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            x = np.asarray(x, dtype=float)
        return np.sum(x**2)

    assert (grad(total)(ARRAY) == 2.0 * ARRAY).all()
    assert (compiled(grad(total))(ARRAY) == 2.0 * ARRAY).all()
    with pytest.raises(minigrad.LostDerivativeError):
        grad(lambda x: np.asarray(PandasSeries(x)).sum())(ARRAY)


def test_a_closure_over_a_traced_number_is_no_constant_of_a_program() -> None:
    def outer(x: Any) -> Any:
        return compiled(lambda y: y * x)(2.0)

    assert grad(outer)(3.0) == 2.0
    assert (batched(outer)(np.array([3.0, 4.0])) == [6.0, 8.0]).all()
