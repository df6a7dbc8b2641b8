"""Primitives of one's own with the declarations of autograd."""

from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad
from minigrad import grad, jvp
from minigrad.extend import (
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    notrace_primitive,
    primitive,
)  # fmt: skip
from minigrad.test_util import check_grads

X = np.array([0.3, -0.8, 1.2])


def cube(kind: str) -> Any:
    """x^3 y as an opaque function, its rules declared in one of many ways."""

    @primitive
    def fun(x: Any, y: Any, scale: float = 1.0) -> Any:
        return np.asarray(x) ** 3 * np.asarray(y) * scale

    if kind == "defvjp":
        defvjp(
            fun, lambda ans, x, y, scale=1.0: lambda g: g * 3 * x**2 * y * scale,
            lambda ans, x, y, scale=1.0: lambda g: g * x**3 * scale,
        )  # fmt: skip
    elif kind == "defjvp":
        defjvp(
            fun,
            lambda t, ans, x, y, scale=1.0: t * 3 * x**2 * y * scale,
            lambda t, ans, x, y, scale=1.0: t * x**3 * scale,
        )
    elif kind == "both":
        defjvp(
            fun,
            lambda t, ans, x, y, scale=1.0: t * 3 * x**2 * y * scale,
            lambda t, ans, x, y, scale=1.0: t * x**3 * scale,
        )
        defvjp_argnum(fun, lambda k, ans, args, kw: lambda g: g * _slope(k, args, kw))
    elif kind == "argnums":
        defvjp_argnums(fun, lambda argnums, ans, args, kw: lambda g: [g * _slope(k, args, kw) for k in argnums])
        defjvp_argnums(
            fun, lambda argnums, ts, ans, args, kw: sum(t * _slope(k, args, kw) for k, t in zip(argnums, ts))
        )
    else:
        defjvp_argnum(fun, lambda k, t, ans, args, kw: t * _slope(k, args, kw))
    return fun


def _slope(k: int, args: Any, kw: Any) -> Any:
    x, y = args
    scale = kw.get("scale", 1.0)
    return x**3 * scale if k else 3 * x**2 * y * scale


@pytest.mark.parametrize("kind", ["defvjp", "defjvp", "both", "argnums", "argnum"])
def test_a_primitive_of_ones_own_in_every_mode_and_at_third_order(kind: str) -> None:
    """Each of the two directions is derived from the other where it is not given."""
    fun = cube(kind)
    y = np.array([2.0, -1.0, 0.5])
    check_grads(lambda x, y: fun(x, y, scale=1.5), argnum=(0, 1), order=2)(X, y)
    assert_close(grad(lambda x: np.sum(fun(x, y)))(X), 3 * X**2 * y, 1e-14)
    third = grad(grad(grad(lambda x: fun(x, 2.0))))
    assert third(0.7) == pytest.approx(12.0, rel=1e-13)
    assert_close(minigrad.derivatives(lambda x: fun(x, 2.0), 0.5, 3), [0.25, 1.5, 6.0, 12.0], 1e-13)
    outer = grad(lambda a: np.sum(grad(lambda x: np.sum(fun(x * a, y)))(X)))(2.0)
    assert outer == pytest.approx(float(np.sum(3 * X**2 * y * 3 * 2.0**2)), rel=1e-12)


def test_rules_that_are_none_same_linear_or_missing() -> None:
    half = primitive(lambda x, y: x * 0.5 + 0 * np.asarray(y))
    defvjp(half, lambda ans, x, y: lambda g: g * 0.5, None)
    assert grad(half, 1)(1.0, 2.0) == 0.0
    twice = primitive(lambda x: 2 * x)
    defjvp(twice, "same")
    assert grad(twice)(3.0) == 2.0
    both = primitive(lambda x, y: 2 * x - y)
    def_linear(both)
    assert jvp(both, (1.0, 2.0), (1.0, 1.0))[1] == 1.0
    first = primitive(lambda x, y: x * y)
    defvjp(first, lambda ans, x, y: lambda g: g * y)
    with pytest.raises(NotImplementedError, match=r"argument 1 has no derivative rule.*\n.*test_extend"):
        grad(first, 1)(1.0, 2.0)
    with pytest.raises(NotImplementedError, match="has no derivative rule"):
        grad(primitive(np.sin))(1.0)
    with pytest.raises(TypeError, match="no primitive"):
        defvjp(np.sin, None)
    assert notrace_primitive(lambda x: int(x > 0))(1.0) == 1
    assert grad(lambda x: notrace_primitive(np.floor)(x) * x)(2.5) == 2.0
    import minigrad.extend

    with pytest.raises(AttributeError, match="vspace"):
        minigrad.extend.vspace  # noqa: B018


def test_an_operation_with_several_results() -> None:
    """Its rules get and return tuples, as in autograd."""

    @primitive
    def polar(x: Any, y: Any) -> Any:
        return np.hypot(x, y), np.arctan2(y, x)

    defvjp(
        polar,
        lambda ans, x, y: lambda g: g[0] * x / ans[0] - g[1] * y / ans[0] ** 2,
        lambda ans, x, y: lambda g: g[0] * y / ans[0] + g[1] * x / ans[0] ** 2,
    )

    def both(x: Any, y: Any) -> Any:
        r, angle = polar(x, y)
        return np.sum(r * np.sin(angle) * r)

    def traced(x: Any, y: Any) -> Any:
        r = np.sqrt(x * x + y * y)
        return np.sum(r * np.sin(np.arctan2(y, x)) * r)

    y = np.array([2.0, -1.0, 0.5])
    for k in (0, 1):
        assert_close(grad(both, k)(X, y), grad(traced, k)(X, y), 1e-13)
        assert_close(minigrad.hessian(both, k)(X, y), minigrad.hessian(traced, k)(X, y), 1e-12)
    assert_close(jvp(both, (X, y), (y, X))[1], jvp(traced, (X, y), (y, X))[1], 1e-13)
    assert_close(grad(lambda x: np.sum(polar(x, y)[1]))(X), -y / (X**2 + y**2), 1e-13)  # one cotangent is zero
    assert_close(minigrad.batched(grad(both))(X, y), grad(both)(X, y), 1e-13)
    assert_close(minigrad.compile(grad(both))(X, y), grad(both)(X, y), 1e-13)


def test_several_results_by_a_pushforward() -> None:
    pair = primitive(lambda x: (2.0 * x, np.sin(x)))
    defjvp(pair, lambda t, ans, x: (2.0 * t, t * np.cos(x)))
    assert_close(grad(lambda x: np.sum(pair(x)[0] * pair(x)[1]))(X), 2 * np.sin(X) + 2 * X * np.cos(X), 1e-13)
    products = primitive(lambda x, y: (x * y, -x * y))
    def_linear(products)
    assert jvp(products, (1.0, 2.0), (1.0, 3.0))[1] == (5.0, -5.0)
    assert grad(lambda x: products(x, 2.0)[1])(3.0) == -2.0


def test_an_argument_without_a_rule_may_be_traced_on_an_outer_level() -> None:
    """Only the cotangent that is asked for needs a rule."""
    product = primitive(lambda x, y: x * y)
    defvjp(product, lambda ans, x, y: lambda g: g * y)
    with pytest.raises(NotImplementedError, match="argument 1 has no derivative rule"):
        grad(lambda y: grad(lambda x: product(x, y) * x)(2.0))(3.0)
    shown = []

    @primitive
    def noted(x: Any, y: Any) -> Any:
        return x * y

    def maker(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        shown.append(tuple(argnums))
        return lambda g: [g * args[1 - k] for k in argnums]

    defvjp_argnums(noted, maker)
    assert grad(lambda y: grad(lambda x: noted(x, y))(2.0))(3.0) == 1.0
    assert shown[0] == (0,)
