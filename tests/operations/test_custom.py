"""Operations of a user's own: rules given, rules derived, rules checked."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close, difference_gradient, exact_derivative

from minigrad import (
    custom_elementwise,
    custom_primitive,
    derivatives,
    elementwise_grad,
    grad,
    hessian,
    jacobian,
    jet,
    jvp,
    value_and_grad,
    vjp,
)
from minigrad.test_util import check_equivalent, check_grads

X = np.array([0.3, -0.8, 1.2])


def logsumexp(x: Any) -> Any:
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def by_vjp() -> Any:
    return custom_primitive(logsumexp, vjp=lambda g, ans, x: g * np.exp(x - ans))


def by_jvp() -> Any:
    return custom_primitive(logsumexp, jvp=lambda ts, ans, x: np.sum(ts[0] * np.exp(x - ans)))


# ----- modes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [by_vjp, by_jvp])
def test_one_rule_is_enough_for_every_mode_and_order(make: Any) -> None:
    op = make()
    plain = lambda x: np.log(np.sum(np.exp(x)))
    assert op(X) == logsumexp(X)
    assert_close(grad(op)(X), difference_gradient(logsumexp, [X])[0], 1e-10)
    assert_close(jvp(op, (X,), (X,))[1], jvp(plain, (X,), (X,))[1], 1e-14)
    assert_close(hessian(op)(X), hessian(plain)(X), 1e-13)
    assert_close(jacobian(hessian(op))(X), jacobian(hessian(plain))(X), 1e-13)
    assert_close(jvp(grad(op), (X,), (X,))[1], jvp(grad(plain), (X,), (X,))[1], 1e-13)
    assert_close(grad(lambda x: jvp(op, (x,), (X,))[1])(X), grad(lambda x: jvp(plain, (x,), (X,))[1])(X), 1e-13)
    assert_close(derivatives(lambda t: op(t * X), 0.7, 6), derivatives(lambda t: plain(t * X), 0.7, 6), 1e-12)
    check_grads(op)(X)
    op.check(X)


def test_rules_may_be_lists_decorators_and_both_at_once() -> None:
    both = custom_primitive(
        lambda x, y: np.sum(x * y**2),
        vjp=(lambda g, ans, x, y: g * y**2, lambda g, ans, x, y: 2 * g * x * y),
        jvp=(lambda t, ans, x, y: np.sum(t * y**2), lambda t, ans, x, y: np.sum(2 * x * y * t)),
    )
    both.check(X, X + 2.0)
    check_grads(both, (0, 1))(X, X + 2.0)

    @custom_primitive
    def declared(x: Any, y: Any) -> Any:
        """Its docstring."""
        return np.sum(x * y**2)

    @declared.defvjp
    def _(g: Any, ans: Any, x: Any, y: Any) -> Any:
        return g * y**2, None  # a wrong zero

    assert declared.__name__ == "declared"
    assert declared.__doc__ == "Its docstring."
    assert grad(declared, 1)(X, X).tolist() == [0.0, 0.0, 0.0]
    partial = custom_primitive(lambda x, y: x * y, vjp=(lambda g, ans, x, y: g * y,))
    assert grad(partial)(2.0, 3.0) == 3.0
    with pytest.raises(NotImplementedError, match=r"argument 1 \(y\) has no vjp; 1 were given"):
        grad(partial, 1)(2.0, 3.0)


def test_structures_static_arguments_and_several_outputs() -> None:
    @custom_primitive(static=("axis", "mode", "scale"))
    def op(p: Any, x: Any, axis: int = 0, mode: str = "a", *, scale: float = 1.0) -> Any:
        return {"s": np.sum(p["w"] * x, axis=axis) * scale, "n": x.shape[0], "rest": (np.cos(p["b"]), mode)}

    @op.defjvp
    def _(ts: Any, ans: Any, p: Any, x: Any, axis: int, mode: str, scale: float) -> Any:
        dp, dx = ts
        ds = np.sum(dp["w"] * x + p["w"] * dx, axis=axis) * scale
        return {"s": ds, "n": None, "rest": (-np.sin(p["b"]) * dp["b"], None)}

    x, p = np.arange(6.0).reshape(2, 3) + 0.5, {"w": np.full((2, 3), 2.0), "b": 0.3}
    op.check(p, x)
    op.check(p, x, axis=1, scale=2.0)
    assert op(p, x, mode="b")["rest"][1] == "b"

    def own(p: Any, x: Any) -> Any:
        out = op(p, x, scale=3.0)
        assert out["n"] == 2
        return np.sum(out["s"] ** 2) * out["rest"][0]

    def plain(p: Any, x: Any) -> Any:
        return np.sum((np.sum(p["w"] * x, axis=0) * 3.0) ** 2) * np.cos(p["b"])

    check_equivalent(grad(own, (0, 1))(p, x), grad(plain, (0, 1))(p, x))
    check_equivalent(jacobian(grad(own))(p, x), jacobian(grad(plain))(p, x))
    check_equivalent(vjp(own, p, x)[1](1.0), vjp(plain, p, x)[1](1.0))
    with pytest.raises(TypeError, match="argument scale is not differentiated, but was given a traced value"):
        grad(lambda s: np.sum(op(p, x, scale=s)["s"]))(2.0)
    with pytest.raises(ValueError, match=r"static='axes' is none of its arguments, \['x', 'axis'\]"):
        custom_primitive(lambda x, axis: x, static="axes")


def test_rules_do_not_depend_on_which_numbers_are_integers() -> None:
    product = custom_primitive(
        lambda x, y: x * y**2,
        vjp=lambda g, ans, x, y: (g * y**2, 2 * g * x * y),
        jvp=lambda ts, ans, x, y: ts[0] * y**2 + 2 * x * y * ts[1],
    )
    for y in (3, 3.0, np.int64(3)):
        assert grad(product)(2.0, y) == 9.0
        assert jvp(lambda x, y=y: product(x, y), (2.0,), (1.0,))[1] == 9.0
        product.check(2.0, y)
    assert grad(product, 1)(2, 3.0) == 12.0
    by_jvp = custom_primitive(lambda x, y: x * y**2, jvp=lambda ts, ans, x, y: ts[0] * y**2 + 2 * x * y * ts[1])
    assert grad(by_jvp, 1)(2, 3.0) == 12.0
    assert grad(by_jvp)(2.0, 3) == 9.0


def test_the_value_may_do_what_cannot_be_traced() -> None:
    def cumulative(x: Any) -> Any:
        out = np.empty_like(x)
        total = 0.0
        for i in range(len(x)):
            total += float(x[i])
            out[i] = total
        return out

    op = custom_primitive(cumulative, vjp=lambda g, ans, x: np.cumsum(g[::-1])[::-1], check=True)
    assert_close(jacobian(op)(X), np.tril(np.ones((3, 3))), 1e-15)
    assert_close(jvp(op, (X,), (X,))[1], np.cumsum(X), 1e-15)
    assert op(X.astype(np.float32)).dtype == np.float32
    assert grad(lambda x: op(x)[-1])(X.astype(np.float32)).dtype == np.float32
    # a rule that cannot be differentiated itself raises, and does not give zeros
    opaque = custom_primitive(lambda x: math.sin(x), vjp=lambda g, ans, x: g * math.cos(x))
    assert grad(opaque)(0.3) == math.cos(0.3)
    with pytest.raises(TypeError):
        grad(grad(opaque))(0.3)


def test_complex_arguments() -> None:
    op = custom_primitive(lambda z: np.sum(z**3), vjp=lambda g, ans, z: 3 * g * z**2)
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    assert_close(grad(lambda z: np.real(op(z)))(z), grad(lambda z: np.real(np.sum(z**3)))(z), 1e-15)
    op.check(z)
    with pytest.raises(AssertionError, match="wrong sign"):
        custom_primitive(lambda z: np.sum(z**3), vjp=lambda g, ans, z: -3 * g * z**2).check(z)


# ----- Taylor rules ---------------------------------------------------------------------------------------------------


def test_a_taylor_rule_of_ones_own_is_used_and_checked() -> None:
    calls = []

    def series(order: int, ans: Any, x: Any) -> Any:  # exp: k v[k] = sum of j x[j] v[k-j]
        calls.append(order)
        v = [ans]
        for k in range(1, order + 1):
            v.append(sum(j * x[j] * v[k - j] for j in range(1, k + 1)) / k)
        return v

    op = custom_primitive(lambda x: np.exp(x), vjp=lambda g, ans, x: g * ans, taylor=series)
    assert_close(derivatives(lambda t: op(t * t), 0.4, 7), derivatives(lambda t: np.exp(t * t), 0.4, 7), 1e-13)
    assert calls == [7]
    assert_close(jet(op, (X,), ([X, X],))[1], jet(np.exp, (X,), ([X, X],))[1], 1e-14)
    op.check(X)
    times = custom_primitive(
        lambda x, y: x * y,
        vjp=lambda g, ans, x, y: (g * y, g * x),
        taylor=lambda d, ans, x, y: [sum(x[j] * y[k - j] for j in range(k + 1)) for k in range(d + 1)],
    )
    for y in (3.0, 3):  # a constant has a series too
        assert derivatives(lambda t, y=y: times(t * t, y), 2.0, 3).tolist() == [12.0, 12.0, 6.0, 0.0]
    assert derivatives(lambda t: times(t * t, t), 2.0, 3).tolist() == [8.0, 12.0, 12.0, 6.0]
    wrong = custom_primitive(
        lambda x: np.exp(x), vjp=lambda g, ans, x: g * ans, taylor=lambda d, ans, x: [ans, *[ans * c for c in x[1:]]]
    )
    with pytest.raises(AssertionError, match="the Taylor rule is wrong from order 2 on"):
        wrong.check(0.4)
    short = custom_primitive(lambda x: np.exp(x), vjp=lambda g, ans, x: g * ans, taylor=lambda d, ans, x: [ans])
    with pytest.raises(ValueError, match="must return a list of 4 coefficients"):
        derivatives(short, 0.4, 3)


# ----- elementwise ----------------------------------------------------------------------------------------------------


def test_one_formula_serves_all_modes() -> None:
    softsign = custom_elementwise(lambda x: x / (1 + np.abs(x)), lambda ans, x: (1 - np.abs(ans)) ** 2, name="softsign")
    plain = lambda x: x / (1 + np.abs(x))
    for order in range(1, 5):
        own, other = softsign, plain
        for _ in range(order):
            own, other = elementwise_grad(own), elementwise_grad(other)
        assert_close(own(X), other(X), 1e-12)
    assert elementwise_grad(elementwise_grad(softsign)).how(X) == "taylor"
    assert_close(derivatives(softsign, X, 5), derivatives(plain, X, 5), 1e-12)
    check_grads(softsign)(X)
    softsign.check(X)
    hypotenuse = custom_elementwise(np.hypot, lambda ans, x, y: x / ans, lambda ans, x, y: y / ans)
    column, row = np.ones((2, 1)), np.array([1.0, 2.0, 3.0])
    assert_close(grad(lambda x, y: np.sum(hypotenuse(x, y)), 1)(column, row), 2 * row / np.hypot(1, row), 1e-15)
    check_grads(hypotenuse, (0, 1))(column, row)
    hypotenuse.check(column, row)
    three = custom_elementwise(lambda x, y, z: x * y * z, lambda ans, x, y, z: y * z, None, lambda ans, x, y, z: x * y)
    assert grad(three, (0, 1, 2))(2.0, 3.0, 5.0) == (15.0, 0.0, 6.0)
    with pytest.raises(AssertionError, match=r"the vjp of argument 1 \(y\) is wrong: it gives 0"):
        three.check(2.0, 3.0, 5.0)


def test_a_list_of_derivatives_serves_up_to_its_length() -> None:
    sine = custom_elementwise(
        np.sin, derivatives=[np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin], name="sin"
    )
    assert_close(derivatives(lambda x: sine(x * x), X, 4), derivatives(lambda x: np.sin(x * x), X, 4), 1e-13)
    assert_close(grad(grad(grad(grad(sine))))(0.3), math.sin(0.3), 1e-15)
    assert_close(grad(lambda x: derivatives(sine, x, 3)[3])(0.3), math.sin(0.3), 1e-15)
    sine.check(X)
    with pytest.raises(NotImplementedError, match="sin: its derivative of order 5 was not given"):
        derivatives(sine, 0.3, 5)
    with pytest.raises(NotImplementedError, match="sin: its derivative of order 5 was not given"):
        grad(grad(grad(grad(grad(sine)))))(0.3)
    square = custom_elementwise(lambda x: x * x, derivatives=[lambda x: 2 * x, lambda x: 2, lambda x: 0], name="square")
    assert derivatives(square, np.array([1.0, 2.0]), 3).tolist() == [[1.0, 4.0], [2.0, 4.0], [2.0, 2.0], [0.0, 0.0]]
    wrong = custom_elementwise(np.sin, derivatives=[lambda x: 2 * np.cos(x)], name="twice")
    with pytest.raises(AssertionError, match="too large by the factor 2"):
        wrong.check(0.3)


def test_names_that_are_taken_do_not_borrow_rules() -> None:
    add = custom_elementwise(lambda x, y: x - y, lambda ans, x, y: 1.0, lambda ans, x, y: -1.0, name="add")
    assert grad(grad(grad(lambda x: add(x**3, x) * add(x, x**3))))(2.0) == pytest.approx(
        grad(grad(grad(lambda x: (x**3 - x) * (x - x**3))))(2.0)
    )
    own = custom_elementwise(np.tanh, lambda ans, x: 1 - ans * ans, name="sin")
    expected = [exact_derivative(__import__("mpmath").tanh, 0.3, k) for k in range(6)]
    assert_close(derivatives(own, 0.3, 5), expected, 1e-13)


def test_errors_of_elementwise_operations() -> None:
    with pytest.raises(ValueError, match="give one derivative per argument"):
        custom_elementwise(np.sin)
    with pytest.raises(ValueError, match="give one derivative per argument"):
        custom_elementwise(np.sin, lambda ans, x: np.cos(x), derivatives=[np.cos])
    with pytest.raises(ValueError, match=r"shape of its arguments, \(3,\); it returned one of shape \(2,\)"):
        custom_elementwise(lambda x: x[:2], lambda ans, x: 1.0, name="half")(X)


# ----- checking and errors --------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.floats(-4.0, 4.0).filter(lambda f: abs(f - 1) > 1e-3 and abs(f) > 1e-3), st.sampled_from([0, 1]))
def test_the_check_names_the_argument_and_the_factor(factor: float, which: int) -> None:
    factors = [1.0, 1.0]
    factors[which] = factor
    product = custom_primitive(
        lambda x, y: np.sum(x * np.sin(y)),
        vjp=lambda g, ans, x, y: (factors[0] * g * np.sin(y), factors[1] * g * x * np.cos(y)),
        jvp=lambda ts, ans, x, y: np.sum(ts[0] * np.sin(y) + ts[1] * x * np.cos(y)),
    )
    with pytest.raises(AssertionError) as caught:
        product.check(X, X + 1.0)
    message = str(caught.value)
    assert f"the vjp of argument {which} ({'xy'[which]}) is wrong" in message
    found = re.search(r"factor (?:is )?(-?[\d.]+)", message)
    assert found is not None, message
    assert float(found.group(1).rstrip(".")) == pytest.approx(factor, rel=1e-4)


def test_the_check_of_a_wrong_formula_of_the_jvp_and_at_first_use() -> None:
    wrong = custom_primitive(lambda x: np.sum(x**3), vjp=lambda g, ans, x: g * x**2 * np.arange(1.0, 4.0))
    with pytest.raises(AssertionError, match="by no constant factor"):
        wrong.check(X)
    twice = custom_primitive(lambda x: np.sin(x), jvp=lambda ts, ans, x: 2 * ts[0] * np.cos(x))
    with pytest.raises(AssertionError, match=r"the jvp of argument 0 \(x\) is wrong: it is too large by the factor 2"):
        twice.check(X)
    lost = custom_primitive(lambda x: np.sin(x), jvp=lambda ts, ans, x: 0.0 * ts[0])
    with pytest.raises(AssertionError, match="it gives 0 where the derivative is not 0"):
        lost.check(X)
    calls = []

    def rule(g: Any, ans: Any, x: Any) -> Any:
        calls.append(1)
        return -g * np.cos(x)

    careful = custom_primitive(lambda x: np.sin(x), vjp=rule, check=True)
    assert careful(0.3) == np.sin(0.3)  # nothing to differentiate, nothing to check
    assert not calls
    for _ in range(2):
        with pytest.raises(AssertionError, match="wrong sign"):
            grad(careful)(0.3)
    good = custom_primitive(lambda x: np.sin(x), vjp=lambda g, ans, x: g * np.cos(x), check=True)
    assert value_and_grad(lambda x: good(good(x)))(0.3)[0] == np.sin(np.sin(0.3))


def test_errors_name_the_operation_the_argument_and_the_shapes() -> None:
    def op(x: Any, y: Any) -> Any:
        return x * y

    def with_vjp(rule: Any) -> Any:
        return lambda: grad(lambda x: np.sum(custom_primitive(op, vjp=rule)(x, X)))(np.ones(3))

    def with_jvp(rule: Any) -> Any:
        return lambda: jvp(lambda x: custom_primitive(op, jvp=rule)(x, X), (np.ones(3),), (X,))

    cases = [
        (ValueError, r"op: the vjp returned a cotangent of shape \(\) for argument 1 \(y\) of shape \(3,\)",
         with_vjp(lambda g, ans, x, y: (g * y, np.sum(g)))),
        (ValueError, r"shape \(1, 3\) for argument 0 \(x\) of shape \(3,\); .* undoes broadcasting",
         with_vjp(lambda g, ans, x, y: ((g * y)[None], None))),
        (ValueError, r"must return a tuple of 2 cotangents, .*argument 0 \(x\), argument 1 \(y\).* returned a ndarray",
         with_vjp(lambda g, ans, x, y: g * y)),
        (ValueError, "it returned 3 cotangents", with_vjp(lambda g, ans, x, y: (g, g, g))),
        (TypeError, r"for argument 0 \(x\) that is a str", with_vjp(lambda g, ans, x, y: ("text", None))),
        (TypeError, r"for argument 0 \(x\) that is a list, not an array",
         with_vjp(lambda g, ans, x, y: ([g], None))),
        (ValueError, r"op: the jvp returned a tangent of shape \(\) for the result of shape \(3,\)",
         with_jvp(lambda ts, ans, x, y: np.sum(ts[0]))),
        (NotImplementedError, "op: it has no derivative rule. Give custom_primitive a vjp", with_vjp(None)),
        (NotImplementedError, "op: it has no derivative rule", with_jvp(None)),
    ]  # fmt: skip
    for error, message, use in cases:
        with pytest.raises(error, match=message):
            use()
    with pytest.raises(TypeError, match="closes over a traced value"):
        grad(lambda a: custom_primitive(lambda x: x * a, vjp=lambda g, ans, x: g)(a))(2.0)
    with pytest.raises(TypeError, match="closes over a traced value"):
        grad(lambda a: custom_primitive(lambda x: x * a, vjp=lambda g, ans, x: g)(1.0))(2.0)
    with pytest.raises(NotImplementedError, match="no rule to check"):
        custom_primitive(op).check(X, X)
    with pytest.raises(TypeError, match="no float argument to check"):
        custom_primitive(op, vjp=lambda g, ans, x, y: ()).check(1, 2)
