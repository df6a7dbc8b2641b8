"""Dtypes: which go through, and which come out."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

from minigrad import grad, jvp, vjp
from minigrad.numpy.dispatch import UFUNCS

X = np.array([0.5, -1.0, 2.0])


def test_float16_and_longdouble() -> None:
    """Other float types stay what they are."""
    for dtype in (np.float16, np.longdouble):
        g = grad(lambda x: np.sum(x**2 * np.mean(x)))(X.astype(dtype))
        assert g.dtype == dtype
        assert_close(g.astype(float), 2 * X * X.mean() + np.sum(X**2) / 3, 5e-3)


def test_float32_sums_in_the_dtype_asked_for() -> None:
    """np.sum(x, dtype=float) adds up in float64, as NumPy does."""
    x = np.full(100_000, 0.1, np.float32)
    for fun in (np.sum, np.mean):
        assert vjp(lambda x, f=fun: f(x, dtype=np.float64), x)[0] == fun(x, dtype=np.float64)
    g = grad(lambda x: np.sum(x, dtype=np.float64))(x)
    assert g.dtype == np.float32


def test_linspace_of_single_precision_is_single() -> None:
    """As in NumPy, traced or not."""
    ends = np.float32(0.5), np.float32(2.0)
    assert vjp(lambda a, b: np.linspace(a, b, 4), *ends)[0].dtype == np.linspace(*ends, 4).dtype == np.float32
    assert vjp(lambda a: np.linspace(a, 3, 4), np.float64(0.5))[0].dtype == np.float64


def test_geomspace_is_double_at_least() -> None:
    """As in NumPy, which differs from `linspace` and `logspace` in this."""
    ends = np.float32(0.5), np.float32(2.0)
    value, pullback = vjp(lambda a, b: np.geomspace(a, b, 4), *ends)
    assert value.dtype == np.geomspace(*ends, 4).dtype == np.float64
    assert [ct.dtype for ct in pullback(np.ones(4))] == [np.float32] * 2


WEAK: dict[str, Any] = {
    "choose": lambda x: np.choose([0, 1, 0], [x, 0.5]),
    "select": lambda x: np.select([x > 1.0, x > 2.0], [x, 0.5], 1.5),
    "select without default": lambda x: np.select([x > 1.0], [x]),
    "linspace": lambda x: np.linspace(x, 0.5, 3),
    "logspace": lambda x: np.logspace(x, 1.0, 3),
    "where": lambda x: np.where(x > 1.0, x, 0.5),
    "clip": lambda x: np.clip(x, 0.5, 2.5),
    "initial": lambda x: np.max(x, initial=0.5),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_number_of_python_has_no_say_in_the_dtype(name: str) -> None:
    """As in NumPy: 0.5 beside float32 is float32, an array of float64 beside it is not."""
    x = X.astype(np.float32)
    value, pullback = vjp(WEAK[name], x)
    assert value.dtype == WEAK[name](x).dtype == np.float32
    assert pullback(np.ones_like(value))[0].dtype == np.float32


rng = np.random.default_rng(5)
RULES = [
    ufunc
    for ufunc, bind in UFUNCS.items()
    if ufunc.nin <= 2
    and ufunc.nout == 1
    and "d->d" in "".join(ufunc.types)
    and getattr(getattr(bind, "primitive", None), "kind", "") != "constant"
    and getattr(np, ufunc.__name__, None) is ufunc
]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("ufunc", RULES, ids=[ufunc.__name__ for ufunc in RULES])
def test_every_float_type_is_kept(ufunc: Any, dtype: Any) -> None:
    """Values, tangents and cotangents have the dtype that NumPy gives the result, and the argument has."""
    shape = (3, 3) if ufunc.signature else 3
    args = [rng.uniform(0.3, 0.7, shape).astype(dtype) for _ in range(ufunc.nin)]
    if ufunc is np.arccosh:
        args = [x + dtype(1) for x in args]
    expected = ufunc(*args)
    value, pullback = vjp(ufunc, *args)
    assert value.dtype == expected.dtype
    assert np.allclose(value, expected, rtol=4 * float(np.finfo(expected.dtype).eps))
    for ct in pullback(np.ones_like(expected)):
        assert ct.dtype == dtype
    assert jvp(ufunc, tuple(args), tuple(np.ones_like(x) for x in args))[1].dtype == expected.dtype


@pytest.mark.parametrize("number", [2, 2.5, np.float32(2.5), np.float64(2.5), np.int64(2), np.array(2.5), np.array(2)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_numbers_mix_in_both_orders(number: Any, dtype: Any) -> None:
    """The result has NumPy's dtype, the gradient that of the argument, whichever side the number stands on."""
    x = np.array([0.5, 1.5], dtype)
    for op in (lambda a, b: a * b, lambda a, b: a + b, lambda a, b: a / b, lambda a, b: a**b, lambda a, b: a - b):
        for fun in (lambda x, op=op: op(x, number), lambda x, op=op: op(number, x)):
            seen: list[Any] = []
            gradient = grad(lambda x, fun=fun, seen=seen: np.sum(seen.append(fun(x)) or fun(x)))(x)
            assert gradient.dtype == dtype
            assert seen[0].dtype == fun(x).dtype
