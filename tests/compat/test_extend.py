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
    check_grads(lambda x, y: fun(x, y, scale=1.5), order=2)(X, y)
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
