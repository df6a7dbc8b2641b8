"""A traced value in the place of an array: methods, conversions, copies, writing, and what never loses a derivative."""

import copy
import functools
import math
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad.numpy as mnp
from minigrad import batched, derivatives, elementwise_grad, grad, jvp, value, vjp
from minigrad import value as mg_value
from minigrad.core.tape import Box
from minigrad.errors import LostDerivativeError

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])

METHODS: list[Callable[[Any], Any]] = [
    lambda x: x.shape, lambda x: x.ndim, lambda x: x.size, lambda x: x.dtype, lambda x: len(x),
    lambda x: np.shape(x), lambda x: np.ndim(x), lambda x: np.size(x), lambda x: np.size(x, 1),
    lambda x: x.argmax(), lambda x: x.argmin(axis=1), lambda x: x.argsort(), lambda x: np.argsort(x, axis=0),
    lambda x: x.any(), lambda x: x.all(axis=0), lambda x: np.any(x > 1), lambda x: np.all(x, axis=1),
    lambda x: x.round(1), lambda x: round(x[0, 0], 1), lambda x: np.round(x, 1), lambda x: np.floor(x),
    lambda x: np.sign(x),
    lambda x: np.isnan(x), lambda x: np.isfinite(x), lambda x: x > 0, lambda x: x > 0, lambda x: x == x,
    lambda x: x != 1,
    lambda x: np.greater(x, 0.3), lambda x: np.logical_and(x, 1), lambda x: np.count_nonzero(x),
    lambda x: np.nonzero(x),
    lambda x: np.allclose(x, x), lambda x: np.array_equal(x, x), lambda x: np.isclose(x, 1.0),
    lambda x: np.where(x > 0),
    lambda x: np.zeros_like(x), lambda x: np.ones_like(x), lambda x: np.empty_like(x).shape,
    lambda x: np.result_type(x),
    lambda x: 1.0 in x, lambda x: x[0, 0] in [1.0], lambda x: bool(x[0, 0] > 0), lambda x: str(x),
    lambda x: f"{x[0, 0]:.3f}",
    lambda x: np.argmax(x, axis=1), lambda x: np.searchsorted(np.array([0.0, 1.0]), x), lambda x: x.nonzero(),
    lambda x: x // 1,
    lambda x: np.iscomplexobj(x), lambda x: np.isreal(x), lambda x: np.flatnonzero(x), lambda x: int(value(x)[0, 0]),
    lambda x: x is None,
]  # fmt: skip


# ----- methods and attributes of a traced value -----------------------------------------------------------------------


@pytest.mark.parametrize("fun", METHODS, ids=range(len(METHODS)))
def test_what_has_no_derivative_is_plain(fun: Callable[[Any], Any]) -> None:
    """Shapes, comparisons, positions and rounding work on traced values and give what NumPy gives, unboxed."""
    seen: list[Any] = []
    grad(lambda x: (seen.append(fun(x)), np.sum(x))[1])(A)
    expected = fun(A)
    assert type(seen[0]) is type(expected)
    assert repr(seen[0]) == repr(expected)
    nested: list[Any] = []
    grad(lambda x: grad(lambda y: (nested.append(fun(y)), np.sum(x * y))[1])(A)[0, 0])(A)
    assert repr(nested[0]) == repr(expected)


def test_branches_on_traced_values() -> None:
    """`if`, `while`, min, max and sorted see the plain value, and the derivative is that of the branch taken."""
    assert grad(lambda x: x**2 if x > 0 else -x)(3.0) == 6.0
    assert grad(lambda x: x**2 if x > 0 else -x)(-3.0) == -1.0
    assert grad(lambda x: max(x, 2.0) * 3)(3.0) == 3.0
    assert grad(lambda x: sorted([x[2], x[0], x[1]])[0] ** 2)(X).tolist() == [0.0, -2.0, 0.0]

    def halving(x: Any) -> Any:
        while abs(x) > 1:
            x = x / 2
        return x

    assert grad(halving)(10.0) == 1 / 16


def fill(b: Any, x: Any) -> Any:
    """b with its first entry replaced by x."""
    b[0] = x
    return b


def fill_all(b: Any, x: Any) -> Any:
    """b with every entry replaced by x."""
    b[:] = x
    return b


def fill_part(b: Any, x: Any) -> Any:
    """b with a part replaced by x."""
    b[0:2] = x
    return b


def add_in_place(b: Any, x: Any) -> Any:
    """b += x, where b is a plain array."""
    b += x
    return b


LOSING: list[Callable[[Any], Any]] = [
    lambda x: float(x[0]), lambda x: complex(x[0]), lambda x: math.sin(x[0]), lambda x: np.asarray(x),
    lambda x: fill(np.zeros(3), x[0]), lambda x: fill_all(np.zeros(3), x), lambda x: fill_part(np.zeros(3), x[:2]),
    lambda x: fill_all(np.zeros(3), x[0]), lambda x: np.copyto(np.zeros(3), x),
    lambda x: np.put(np.zeros(3), [0], x[0]),
    lambda x: add_in_place(np.zeros(3), x), lambda x: np.fill_diagonal(np.zeros((3, 3)), x),
    lambda x: operator.imul(np.ones(3), x), lambda x: np.float64(x[0]), lambda x: float(x[1]),
    lambda x: np.array([float(v) for v in x]), lambda x: np.fromiter(x, float), lambda x: np.full(3, x[0]),
]  # fmt: skip


# ----- becoming a plain value -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fun", LOSING, ids=range(len(LOSING)))
def test_a_derivative_is_never_lost_in_silence(fun: Callable[[Any], Any]) -> None:
    """float(), math functions and assignment into plain arrays raise, at first and second order and in both modes."""
    for transform in (grad, lambda f: grad(grad(f)), lambda f: lambda x: jvp(f, (x,), (x,))):
        message = fails(TypeError, lambda t=transform: t(lambda x: np.sum(fun(x)) + np.sum(x))(X))
        assert "derivative" in message or "traced" in message
        assert "np.stack" in message or "a = a + x" in message or "minigrad.value" in message
        assert "test_box.py" in message


ASSIGNMENTS: list[Callable[[Any], Any]] = [lambda x: x.resize(2), lambda x: x.view(int), lambda x: x.byteswap(True)]


@pytest.mark.parametrize("fun", ASSIGNMENTS, ids=range(len(ASSIGNMENTS)))
def test_methods_that_change_memory_otherwise_are_refused(fun: Callable[[Any], Any]) -> None:
    """What gives the memory another size or meaning names a way that returns a new array."""
    message = fails(TypeError, lambda: grad(lambda x: np.sum(fun(x)))(X))
    assert "as they are" in message or "x.reshape" in message or "astype" in message


def test_in_place_operators_write_into_the_array() -> None:
    """`y += 1` changes x too, of which y is another name; the caller's array is left alone."""

    def fun(x: Any) -> Any:
        y = x
        y += 1.0
        y *= x
        return np.sum(y)

    x = X.copy()
    assert np.allclose(grad(fun)(x), 2 * (X + 1))
    assert np.array_equal(x, X)


def test_truth_length_and_iteration() -> None:
    """Where NumPy refuses, so do boxes, with NumPy's types."""
    fails(ValueError, lambda: grad(lambda x: np.sum(x) if x > 0 else x[0])(X), "ambiguous")
    fails(ValueError, lambda: grad(lambda x: np.sum(x) if x else x[0])(X), "truth", "(3,)", "np.any")
    fails(ValueError, lambda: grad(lambda x: x[0] if x == X else 0.0)(X), "ambiguous")
    fails(TypeError, lambda: grad(lambda x: len(x))(2.0), "len", "()")
    fails(TypeError, lambda: grad(lambda x: sum(x))(2.0), "iter", "()")
    fails(TypeError, lambda: grad(lambda x: [*x])(2.0), "iter")
    fails(TypeError, lambda: grad(lambda x: hash(x[0]))(X), "unhashable")
    fails(IndexError, lambda: grad(lambda x: x[3])(X), "out of bounds")
    fails(IndexError, lambda: grad(lambda x: x[0, 0])(X), "too many indices")


def test_an_index_has_no_derivative() -> None:
    """Indexing by a traced value."""
    message = fails(TypeError, lambda: grad(lambda x: x[x])(X), "index")
    assert "np.argsort" in message
    fails(TypeError, lambda: grad(lambda x: x[x[0]])(X), "index")
    fails(TypeError, lambda: grad(lambda x: x[0, x[1]])(X), "index")
    fails(TypeError, lambda: grad(lambda x: np.sum(x[: x[2]]))(X))
    assert grad(lambda x: x[int(mg_value(x[2]))])(X).tolist() == [0.0, 0.0, 1.0]


def test_pickling_an_open_box_is_refused_and_a_closed_one_is_its_value() -> None:
    """A copy sent to another process would lose its derivative."""
    kept: list[Any] = []
    with pytest.raises(TypeError, match="derivative"):
        grad(lambda x: pickle.loads(pickle.dumps(x)))(1.5)
    grad(lambda x: np.sum(kept.append(x * 2.0) or x))(X)
    assert np.array_equal(pickle.loads(pickle.dumps(kept[0])), 2 * X)


def test_numbers_made_of_an_open_box_are_refused() -> None:
    """Also by an assignment into an array of integers, which asks for an int."""
    with pytest.raises(TypeError, match=r"minigrad\.value"):
        grad(lambda x: x * int(x))(1.5)

    def assign(x: Any) -> Any:
        a = np.zeros(3, int)
        a[0] = x[0] * 10
        return np.sum(a * 1.0)

    with pytest.raises(TypeError, match="derivative"):
        grad(assign)(X)


def test_a_plain_array_whose_method_is_given_a_box() -> None:
    """The advice is the operator or the function."""
    with pytest.raises(TypeError, match=r"np\.dot"):
        grad(lambda x: np.sum(np.eye(3).dot(x)))(X)


def test_a_box_prints_as_its_value() -> None:
    """str, format and f-strings, with format specifications; repr tells that it is a box."""
    seen: list[str] = []

    def fun(x: Any) -> Any:
        seen.extend([str(x), f"{x}", f"{x[0]:.2f}", f"{x[0]:8.3e}", repr(x)])
        return np.sum(x)

    grad(fun)(np.array([1.5, 2.0]))
    assert seen[:4] == ["[1.5 2. ]", "[1.5 2. ]", "1.50", "1.500e+00"]
    assert "array([1.5, 2. ])" in seen[4]


def test_copies_of_a_box_carry_its_derivative() -> None:
    def fun(x: Any) -> Any:
        return np.sum(copy.copy(x) * copy.deepcopy({"a": [x]})["a"][0] * np.copy(x))

    assert grad(fun)(np.array([2.0, 3.0])).tolist() == [12.0, 27.0]


def test_an_open_box_is_not_pickled_and_a_closed_one_is_its_value() -> None:
    kept: list[Any] = []

    def fun(x: Any) -> Any:
        kept.append(x * 2)
        with pytest.raises(LostDerivativeError, match="pickled"):
            pickle.dumps(x)
        return np.sum(x)

    grad(fun)(np.array([2.0, 3.0]))
    assert type(kept[0]) is Box
    again = pickle.loads(pickle.dumps(kept[0]))
    assert type(again) is np.ndarray
    assert again.tolist() == [4.0, 6.0]


@pytest.mark.parametrize("options", [{}, {"op_flags": ["readwrite"]}, {"flags": ["multi_index"]}])
def test_an_iterator_of_numpy_is_refused_with_what_to_write(options: Any) -> None:
    """NumPy replaces the message of the refusal by one of its own, about flags."""
    x = np.arange(1.0, 5.0).reshape(2, 2)
    transforms: list[Any] = [grad, lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: lambda x: derivatives(f, x, 2)]
    for transform in [*transforms, lambda f: batched(grad(f))]:
        derivative = transform(lambda x: sum(v * v for v in np.nditer(x, **options)))
        fails(LostDerivativeError, lambda derivative=derivative: derivative(x), "np.nditer", "x.flat", "at ")
    np.testing.assert_allclose(batched(lambda x: sum(v * v for v in np.nditer(x)))(x), [5.0, 25.0])
    np.testing.assert_array_equal(grad(lambda x: sum(v * v for v in x.flat))(x), 2 * x)


def test_a_key_of_a_dict_loses_no_derivative() -> None:
    """An equal number would find what was stored; and the refusal is told where the program has caught it."""

    def stored(x: Any) -> Any:
        try:
            return {x: 2.0 * x}[x]
        except TypeError:
            return 3.0

    def known(x: Any) -> Any:
        try:
            return x if x in {1.0, 2.0} else 5.0 * x
        except TypeError:
            return 3.0 * x

    @functools.cache
    def square(x: Any) -> Any:
        return x * x

    for f in (stored, known):
        for transform in (grad, lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: lambda x: derivatives(f, x, 2)):
            fails(LostDerivativeError, lambda f=f, t=transform: t(f)(2.0), "is no key of a dict", "at ")
        np.testing.assert_array_equal(batched(f)(np.array([2.0, 3.0])), [f(2.0), f(3.0)])
        fails(LostDerivativeError, lambda f=f: batched(grad(f))(np.array([2.0, 3.0])), "is no key of a dict")
    fails(TypeError, lambda: grad(square)(2.0), "functools.cache", "minigrad.value(x)")
    fails(TypeError, lambda: grad(lambda x: np.sum(square(x)))(X), "unhashable type: 'numpy.ndarray'")


WITHOUT_AXES: list[Callable[[Any], Any]] = [
    lambda x: np.copy(np.sin(x)),
    lambda x: x.__imul__(0.5),
    lambda x: (x.__setitem__(..., x * 2), x)[1],
    lambda x: grad(lambda u: np.sum(u * u))(x),
    lambda x: elementwise_grad(lambda u: np.tanh(u) * u)(x),
    lambda x: mnp.asarray(np.sin(x)),
    lambda x: mnp.asanyarray(np.sum(x), dtype=float),
]


def square_of(fun: Any) -> Any:
    return lambda x: np.sum(fun(x) ** 2)


@pytest.mark.parametrize("function", [mnp.ascontiguousarray, mnp.asfortranarray])
@pytest.mark.parametrize("x", [np.array(0.7), np.array([0.7])], ids=["without-axes", "with-one"])
def test_arrays_that_lie_by_rows_or_columns_have_an_axis(function: Any, x: Any) -> None:
    for fun in (lambda x: function(x), lambda x: function(np.sin(x)), lambda x: function(np.sum(x))):
        found = vjp(fun, x)[0]
        assert found.shape == (1,)
        assert found == fun(x)
        assert grad(square_of(fun))(x) == jvp(square_of(fun), (x,), (np.ones_like(x),))[1] != 0.0


@pytest.mark.parametrize("f", WITHOUT_AXES)
def test_an_array_without_axes_stays_one(f: Any) -> None:
    """It may be written to, a number may not."""
    expected = f(np.array(0.7))
    assert type(expected) is np.ndarray
    for found in (vjp(f, np.array(0.7))[0], jvp(f, (np.array(0.7),), (np.ones(()),))[0]):
        assert type(found) is np.ndarray
        assert found == expected
    written = grad(lambda x: np.sum(f(x).__iadd__(x) ** 2))(np.array(0.7))
    np.testing.assert_allclose(written, jvp(lambda x: (f(x) + x) ** 2, (np.array(0.7),), (np.ones(()),))[1])
