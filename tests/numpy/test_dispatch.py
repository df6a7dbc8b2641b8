"""How NumPy's functions find their rules: by its two protocols, with the same tables as `minigrad.numpy`."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad import grad, trace, vjp
from minigrad.numpy.dispatch import FUNCTIONS, UFUNCS

X = np.array([0.5, 1.25, 2.0])
UNARY = [u for u in UFUNCS if u.nin == 1 and u.nout == 1 and "d->d" in u.types and getattr(np, u.__name__, None) is u]


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda u: u.__name__)
def test_numpys_ufunc_and_ours_are_the_same_operation(ufunc: Any) -> None:
    """On boxes one primitive; on plain arrays NumPy's own result, to the bit."""
    ours = getattr(mnp, ufunc.__name__)
    point = X + 1.0 if ufunc is np.arccosh else X / 4
    assert np.array_equal(ours(point), ufunc(point), equal_nan=True)

    def operations(fun: Any) -> list[Any]:
        return [node[0] for node in trace(lambda x: x * 1.0 + 0.0 * fun(x), point).nodes[1:]]

    assert operations(ours) == operations(ufunc)


def test_arrays_that_numpy_makes_like_a_traced_one_are_traced() -> None:
    for make in (np.array, np.asarray, np.asanyarray):
        assert grad(lambda x, make=make: np.sum(make([x, 2.0 * x], like=x)))(X).tolist() == [3.0, 3.0, 3.0]
    assert grad(lambda x: np.sum(np.zeros(3, like=x) + x))(X).tolist() == [1.0, 1.0, 1.0]


def test_functions_of_lists_take_what_can_be_iterated() -> None:
    """A map, a generator, the values of a dict: all of autograd's functions of lists do."""
    parts = {"a": X, "b": 2.0 * X}
    assert mnp.stack(parts.values()).shape == (2, 3)
    assert grad(lambda p: mnp.sum(mnp.stack(p.values()) ** 2))(parts)["b"].tolist() == (4.0 * X).tolist()
    assert grad(lambda x: mnp.sum(mnp.stack(map(mnp.exp, x))))(X).tolist() == np.exp(X).tolist()
    assert grad(lambda x: mnp.sum(mnp.hstack(k * x for k in (1.0, 2.0))))(X).tolist() == [3.0, 3.0, 3.0]


def test_every_function_of_the_table_is_numpys_or_scipys() -> None:
    """A misspelt entry would never be called."""
    assert all(callable(function) for function in FUNCTIONS)
    assert {np.sum, np.reshape, np.concatenate, np.where, np.linalg.inv, np.fft.fft} <= set(FUNCTIONS)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (lambda x: np.add.reduce(x), np.ones(3)),
        (lambda x: np.multiply.reduce(x), np.prod(X) / X),
        (lambda x: np.sum(np.add.accumulate(x)), np.array([3.0, 2.0, 1.0])),
        (lambda x: np.sum(np.multiply.outer(x, X)), np.full(3, X.sum())),
        (lambda x: np.sum(np.multiply.outer(X, x)), np.full(3, X.sum())),
    ],
    ids=["add.reduce", "multiply.reduce", "accumulate", "outer", "outer of a constant"],
)
def test_methods_of_ufuncs(method: Any, expected: Any) -> None:
    assert_close(grad(method)(X), expected, 1e-14)


def test_lists_of_boxes_become_arrays_in_our_functions() -> None:
    """NumPy's cannot see into a list; ours do."""
    assert grad(lambda x: mnp.sum([x, 2.0 * x, 1.0]))(3.0) == 3.0
    assert grad(lambda x: mnp.sum(mnp.sin([x, [x][0]])))(0.0) == 2.0
    assert grad(lambda x: mnp.maximum([x, 0.0], [1.0, x])[1])(3.0) == 1.0


def test_options_of_a_ufunc() -> None:
    """Those that change nothing are taken, a dtype casts, others are refused."""
    assert grad(lambda x: np.sum(np.sin(x, order="C")))(X).tolist() == np.cos(X).tolist()
    assert vjp(lambda x: np.exp(x, dtype=np.float32), X)[0].dtype == np.float32
    for options in ({"out": np.zeros(3)}, {"where": X > 1.0}):
        with pytest.raises(TypeError, match="sin: "):
            grad(lambda x, options=options: np.sum(np.sin(x, **options)))(X)


def test_the_fraction_of_infinity_is_zero() -> None:
    """As in NumPy; x - trunc(x) would be NaN."""
    x = np.array([np.inf, -np.inf, np.nan, 2.25, -2.25, -0.0])
    value, pullback = vjp(lambda x: np.modf(x)[0], x)
    assert np.array_equal(value, np.modf(x)[0], equal_nan=True)
    assert np.array_equal(np.signbit(value[:5]), np.signbit(np.modf(x)[0])[:5])
    assert np.array_equal(pullback(np.ones(6))[0][3:], [1.0, 1.0, 1.0])
