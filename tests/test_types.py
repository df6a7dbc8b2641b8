"""Which types go through, which come out, and which are refused."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
from minigrad import grad, jvp, vjp
from minigrad.core.tape import Box, LostDerivativeError
from minigrad.numpy.dispatch import UFUNCS

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


UNFIT = [
    np.ma.masked_array([1.0, 2.0], [False, True]), np.array([[1.0, 2.0]]).view(np.matrix),
    np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)]), np.array(["a", "b"]),
    np.array([1.0, None], dtype=object), np.array(["2020-01-01"], dtype="M8[D]"),
]  # fmt: skip


@pytest.mark.parametrize("unfit", UNFIT, ids=["masked", "matrix", "structured", "strings", "objects", "dates"])
@pytest.mark.parametrize(
    "use",
    [
        lambda x, y: x * y, lambda x, y: y + x, np.dot, lambda x, y: mnp.concatenate([x, y]),
        lambda x, y: np.outer(x, y), lambda x, y: np.inner(y, x),
    ],
    ids=["*", "+", "dot", "concatenate", "outer", "inner"],
)  # fmt: skip
def test_what_cannot_be_differentiated_is_refused(unfit: Any, use: Any) -> None:
    """Never a mask dropped or a string converted in silence: a TypeError that says what to pass."""
    with pytest.raises(TypeError, match=r"plain array|Convert it first|np\.asarray"):
        grad(lambda x: np.sum(use(x, unfit)))(np.ones(2))


@pytest.mark.parametrize("unfit", UNFIT, ids=["masked", "matrix", "structured", "strings", "objects", "dates"])
def test_nor_is_it_an_input(unfit: Any) -> None:
    with pytest.raises(TypeError, match=r"plain array|cannot be differentiated"):
        grad(lambda x: np.sum(x))(unfit)


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


@pytest.mark.parametrize(
    "fun",
    [
        lambda np, x: np.sum(a=x), lambda np, x: np.mean(a=x, axis=0), lambda np, x: np.reshape(x, shape=(4,)),
        lambda np, x: np.concatenate(arrays=(x, x)) if np is mnp else np.concatenate((x, x)),
        lambda np, x: np.clip(x, a_min=0.1, a_max=x[0]), lambda np, x: np.dot(a=x, b=x) if np is mnp else np.dot(x, x),
        lambda np, x: np.tensordot(a=x, b=x, axes=1), lambda np, x: np.cumsum(a=x), lambda np, x: np.transpose(a=x),
        lambda np, x: np.stack(arrays=[x, x]), lambda np, x: np.var(a=x), lambda np, x: np.diag(v=x),
        lambda np, x: np.repeat(a=x, repeats=2), lambda np, x: np.moveaxis(a=x, source=0, destination=1),
    ],
)  # fmt: skip
def test_keyword_arguments_are_traced(fun: Any) -> None:
    """A traced value may come by keyword; the gradient is that of the positional call with plain NumPy."""
    x = rng.normal(size=(2, 2))
    gradient = grad(lambda x: mnp.sum(fun(mnp, x) ** 2))(x)
    assert np.allclose(gradient, grad(lambda x: np.sum(fun(np, x) ** 2))(x), rtol=1e-14)
    step = 1e-6 * np.ones_like(x)
    difference = (np.sum(fun(np, x + step) ** 2) - np.sum(fun(np, x - step) ** 2)) / 2
    assert abs(np.sum(gradient * step) - difference) < 1e-12
