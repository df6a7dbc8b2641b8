"""Python's own functions of the entries of an array: one operation where it can be, and the same bits."""

import functools
import operator
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close

import minigrad as mg
from minigrad import compile, grad, value_and_grad  # noqa: A004

SHAPES = [(1,), (2,), (7,), (40,), (1, 3), (5, 2), (3, 700), (2, 3, 2)]
SPECIAL = [0.0, -0.0, 1.0, 1.0, np.inf, -np.inf, np.nan, 1e-30]


def arrays(dtype: Any, shape: Any, seed: int, special: bool) -> Any:
    """Numbers of very different sizes, or those at which sums and comparisons are special."""
    rng = np.random.default_rng(seed)
    x = rng.choice(SPECIAL, shape) if special else rng.normal(size=shape) * 10.0 ** rng.integers(-3, 3, shape)
    if np.dtype(dtype).kind == "c":
        x = np.stack([x, rng.permutation(x)], axis=-1).view(complex)[..., 0]
    return np.asarray(x if seed % 2 else np.asfortranarray(x), dtype)


def bits(x: Any) -> tuple[Any, ...]:
    """What two equal results agree in; which NaN it is does not count."""
    x = np.asarray(x)
    parts = np.stack([x.real, x.imag])
    return x.dtype, x.shape, np.where(np.isnan(parts), np.nan, parts).tobytes()


def same_value(fun: Any, x: Any) -> None:
    """The value of a function at x, in every mode, has the bits that it has outside of any."""
    seen: list[Any] = []

    def looked_at(x: Any) -> Any:
        out = fun(x)
        seen.append(mg.value(out))
        return out

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = bits(fun(x))
        mg.vjp(looked_at, x)
        mg.vjp(lambda x: mg.vjp(looked_at, x)[0], x)
        mg.jvp(lambda x: mg.vjp(looked_at, x)[0], (x,), (x,))
        mg.vmap(looked_at)(np.stack([x, x]))
        assert [bits(value) for value in seen[:3]] == [expected] * 3
        assert bits(compile(fun)(x)) == expected
        assert bits(compile(value_of(fun))(x)) == expected


def value_of(fun: Any) -> Any:
    """The same, computed on a tape."""
    return lambda x: mg.vjp(fun, x)[0]


@settings(max_examples=50)
@given(st.sampled_from("efdFD"), st.sampled_from(SHAPES), st.integers(0, 999), st.booleans())
def test_sums_have_the_bits_of_pythons_sum(dtype: str, shape: Any, seed: int, special: bool) -> None:
    same_value(lambda x: sum(x), arrays(dtype, shape, seed, special))


@settings(max_examples=50)
@given(st.sampled_from("efd"), st.integers(1, 9), st.integers(0, 999), st.booleans())
def test_extrema_are_those_of_pythons_functions(dtype: str, n: int, seed: int, special: bool) -> None:
    x = arrays(dtype, (n,), seed, special)
    for function in (max, min):
        entries = list(x)
        chosen = next(k for k, entry in enumerate(entries) if entry is function(entries))  # also of equal ones
        derive = grad(lambda x: max(x)) if function is max else grad(lambda x: min(x))
        for each in (derive, compile(derive)):
            assert each(x).tolist() == [float(k == chosen) for k in range(n)]
    same_value(lambda x: max(x), x)
    same_value(lambda x: min(x), x)


def test_a_sum_is_one_operation() -> None:
    """Not two for each entry; nor has a compiled program or its gradient a loop."""
    x = np.arange(900.0)
    assert len(mg.trace(lambda x: sum(x * x), x)) == 4
    assert len(mg.trace(lambda x: max(x), x)) == 2
    text = mg.source(value_and_grad(lambda x: sum(x * x)), x)
    assert text.count("\n") < 15
    assert "cumsum" in text
    assert "scatter" not in text
    assert text.count("x[") == 0


def test_derivatives_of_sums_and_extrema() -> None:
    x, y = np.array([3.0, 1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert_close(mg.hessian(lambda x: sum(x**3))(x), np.diag(6 * x), 1e-15)
    assert_close(mg.jacobian(lambda y: sum(y) ** 2)(y)[0], 2 * sum(y)[0] * np.array([[1, 0]] * 3), 1e-15)
    assert_close(mg.jvp(lambda x: sum(x) * max(x), (x,), (x,))[1], 36.0, 1e-15)
    assert_close(mg.derivatives(lambda t: sum(t * x) ** 2, 1.0, 2), [36.0, 72.0, 72.0], 1e-15)
    assert_close(mg.vmap(lambda r: sum(r) * max(r) - min(r))(y), [5.0, 25.0, 61.0], 1e-15)
    assert_close(mg.vmap(grad(lambda r: sum(r) * max(r)))(y), [[2.0, 5.0], [4.0, 11.0], [6.0, 17.0]], 1e-15)
    assert grad(lambda x: sum(x[:0]) + sum(x))(x).tolist() == [1.0, 1.0, 1.0]
    assert mg.compile(grad(lambda x: max(x) * 2 + min(x)))(x).tolist() == [2.0, 1.0, 0.0]
    largest = mg.compile(grad(lambda x: max(x)))
    assert [largest(a).tolist() for a in (x, x[::-1].copy())] == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    assert largest.stats()["traces"] == 1


def test_other_ways_to_go_through_an_array_are_as_before() -> None:
    """What looks at the entries has them; what Python refuses of rows is refused."""
    x = np.array([3.0, 1.0, 2.0])
    for fun in (
        lambda x: sum(x, 10.0),
        lambda x: functools.reduce(operator.add, x),
        lambda x: sum(v for v in x),
        lambda x: sum([*x, 4.0]),
        lambda x: sorted(x)[0] * max(x, key=lambda v: -v),
    ):
        value, g = value_and_grad(fun)(x)
        assert value == fun(x)
        assert_close(g, mg.value_and_grad(lambda x, fun=fun: fun([x[i] for i in range(3)]))(x)[1], 1e-15)
    with pytest.raises(ValueError, match="ambiguous"):
        grad(lambda X: np.sum(max(X)))(np.ones((2, 2)))
