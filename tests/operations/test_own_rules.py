"""Rules of one's own that forgot something are told so, and are never a derivative of zero in silence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails
from references import assert_close

import minigrad as mg
from minigrad.extend import (
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    primitive,
)

X = np.array([0.3, -0.8])


def total(x: Any) -> Any:
    return np.sum(x**2)


def product(x: Any, y: Any) -> Any:
    return np.sum(x * y)


def declared(fun: Any, declare: Callable[..., None], *rules: Any, **options: Any) -> Any:
    operation = primitive(fun)
    declare(operation, *rules, **options)
    return operation


def forgets(*_: Any) -> None:
    """A rule that computes something, and does not return it."""


BY_PULLBACK: dict[str, Callable[[], Any]] = {
    "pullback": lambda: declared(total, defvjp, lambda ans, x: forgets),
    "maker": lambda: declared(total, defvjp, lambda ans, x: None),
    "maker for all": lambda: declared(total, defvjp_argnums, lambda argnums, ans, args, kwargs: None),
    "pullback for all": lambda: declared(total, defvjp_argnums, lambda argnums, ans, args, kwargs: forgets),
    "maker for one": lambda: declared(total, defvjp_argnum, lambda k, ans, args, kwargs: None),
    "pullback for one": lambda: declared(total, defvjp_argnum, lambda k, ans, args, kwargs: forgets),
    "custom vjp": lambda: mg.custom_primitive(total, vjp=lambda g, ans, x: None),
    "custom vjp of a list": lambda: mg.custom_primitive(total, vjp=[lambda g, ans, x: None]),
}

BY_PUSHFORWARD: dict[str, Callable[[], Any]] = {
    "jvp": lambda: declared(total, defjvp, lambda t, ans, x: None),
    "jvp for all": lambda: declared(total, defjvp_argnums, lambda argnums, ts, ans, args, kwargs: None),
    "jvp for one": lambda: declared(total, defjvp_argnum, lambda k, t, ans, args, kwargs: None),
    "custom jvp": lambda: mg.custom_primitive(total, jvp=lambda ts, ans, x: None),
    "custom jvp of a list": lambda: mg.custom_primitive(total, jvp=[lambda t, ans, x: None]),
}

MODES: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: mg.grad(f)(X),
    "jvp": lambda f: mg.jvp(f, (X,), (X,)),
    "jacobian": lambda f: mg.jacobian(f)(X),
    "hessian": lambda f: mg.hessian(f)(X),
    "derivatives": lambda f: mg.derivatives(f, X, 1),
    "batched": lambda f: mg.batched(mg.grad(f))(np.stack([X, X])),
    "compile": lambda f: mg.compile(mg.grad(f))(X),
    "sparse": lambda f: mg.sparse_jacobian(f, X, pattern=np.ones((1, 2))),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", [*BY_PULLBACK, *BY_PUSHFORWARD])
def test_a_rule_that_forgot_to_return(kind: str, mode: str) -> None:
    """It was a gradient of zeros."""
    operation = (BY_PULLBACK | BY_PUSHFORWARD)[kind]()
    fails(TypeError, lambda: MODES[mode](operation), "total", "returned None", "did it forget its return")


def test_a_formula_that_forgot_to_return() -> None:
    square = mg.custom_elementwise(lambda x: x**2, lambda ans, x: None, name="square")
    for run in (mg.grad(square), lambda x: mg.jvp(square, (x,), (1.0,)), lambda x: mg.derivatives(square, x, 2)):
        fails(TypeError, lambda run=run: run(1.0), "square", "argument 0", "returned None", "forget its return")


def test_zero_by_declaration_stays() -> None:
    for operation in (
        declared(product, defvjp, None, lambda ans, x, y: lambda g: g * x),
        declared(product, defjvp, None, lambda t, ans, x, y: np.sum(t * x)),
        declared(product, defvjp_argnums, lambda argnums, ans, args, kwargs: lambda g: [
            None if k == 0 else g * args[0] for k in argnums]),
        mg.custom_primitive(product, vjp=(None, lambda g, ans, x, y: g * x)),
        mg.custom_primitive(product, vjp=lambda g, ans, x, y: (None, g * x)),
        mg.custom_primitive(product, jvp=(None, lambda t, ans, x, y: np.sum(t * x))),
    ):  # fmt: skip
        gradients = mg.grad(operation, (0, 1))(X, 2 * X)
        assert_close(gradients[0], 0.0 * X, 0.0)
        assert_close(gradients[1], X, 1e-15)
        assert mg.jvp(operation, (X, 2 * X), (X, None))[1] == 0.0
    only = mg.custom_primitive(total, vjp=lambda g, ans, x: (None,))
    assert mg.grad(only)(X).tolist() == [0.0, 0.0]
    assert mg.grad(declared(total, defvjp, None))(X).tolist() == [0.0, 0.0]


# ----- shapes and dtypes ----------------------------------------------------------------------------------------------

WRONG: list[tuple[type[Exception], str, Any]] = [
    (ValueError, "a cotangent of shape (3,) for argument 0 (x) of shape (2,)", lambda g, x: g * np.ones(3)),
    (ValueError, "a cotangent of shape () for argument 0 (x) of shape (2,)", lambda g, x: g * np.sum(x)),
    (ValueError, "a cotangent of shape (2, 1) for argument 0 (x) of shape (2,)", lambda g, x: g * x[:, None]),
    (TypeError, "a cotangent of dtype complex128 for argument 0 (x), which is real", lambda g, x: 1j * g * x),
    (TypeError, "a cotangent of dtype int64 for argument 0 (x) of dtype float64", lambda g, x: np.array([1, 2])),
    (TypeError, "a cotangent for argument 0 (x) that is a list", lambda g, x: [g * x[0], g * x[1]]),
    (TypeError, "a cotangent for argument 0 (x) that is a str", lambda g, x: "text"),
]


@pytest.mark.parametrize(("error", "message", "rule"), WRONG)
def test_a_cotangent_that_does_not_fit(error: Any, message: str, rule: Any) -> None:
    """Some of them broadcast, or lost their imaginary part, to a wrong gradient without a word."""
    for operation in (
        declared(total, defvjp, lambda ans, x: lambda g: rule(g, x)),
        declared(total, defvjp_argnum, lambda k, ans, args, kwargs: lambda g: rule(g, *args)),
        declared(total, defvjp_argnums, lambda argnums, ans, args, kwargs: lambda g: [rule(g, *args)]),
        mg.custom_primitive(total, vjp=lambda g, ans, x: rule(g, x)),
        mg.custom_primitive(total, vjp=[lambda g, ans, x: rule(g, x)]),
    ):
        fails(error, lambda operation=operation: mg.grad(operation)(X), "total: the vjp returned", message)
        fails(error, lambda operation=operation: mg.jvp(operation, (X,), (X,)), "total: the vjp returned", message)


def test_a_tangent_that_does_not_fit() -> None:
    for error, message, rule in (
        (ValueError, "a tangent of shape (2,) for the result of shape ()", lambda t, x: t * x),
        (TypeError, "a tangent of dtype complex128 for the result, which is real", lambda t, x: 1j * np.sum(t * x)),
        (TypeError, "a tangent for the result that is a tuple", lambda t, x: (np.sum(t), np.sum(x))),
    ):
        for operation in (
            declared(total, defjvp, lambda t, ans, x, rule=rule: rule(t, x)),
            mg.custom_primitive(total, jvp=lambda ts, ans, x, rule=rule: rule(ts[0], x)),
        ):
            fails(error, lambda operation=operation: mg.jvp(operation, (X,), (X,)), "total: the jvp returned", message)
            fails(error, lambda operation=operation: mg.grad(operation)(X), "total: the jvp returned", message)


def test_a_complex_cotangent_of_a_real_argument_of_a_complex_function_is_meant() -> None:
    """Its real part is the gradient, as for operations of the table."""
    turned = declared(lambda x: x * 1j, defvjp, lambda ans, x: lambda g: g * 1j)
    plain = mg.grad(lambda x: np.sum(np.imag(x * 1j) ** 2))(X)
    assert_close(mg.grad(lambda x: np.sum(np.imag(turned(x)) ** 2))(X), plain, 1e-15)


def test_a_formula_of_another_shape() -> None:
    square = mg.custom_elementwise(lambda x: x**2, lambda ans, x: np.ones(3), name="square")
    fails(ValueError, lambda: mg.grad(lambda x: np.sum(square(x)))(X), "square", "argument 0", "(3,)", "(2,)")
    square = mg.custom_elementwise(lambda x: x**2, lambda ans, x: 2j * x, name="square")
    fails(TypeError, lambda: mg.grad(lambda x: np.sum(square(x)))(X), "square", "argument 0 is complex", "np.real")


def test_too_few_cotangents() -> None:
    """The last ones were zero."""
    short = declared(product, defvjp_argnums, lambda argnums, ans, args, kwargs: lambda g: [g * args[1]])
    fails(ValueError, lambda: mg.grad(short, (0, 1))(X, X), "product", "1 cotangents for the 2 arguments 0, 1")


# ----- arguments of rules ---------------------------------------------------------------------------------------------


def test_rules_whose_arguments_do_not_fit_are_refused_when_they_are_declared() -> None:
    fails(TypeError, lambda: declared(total, defvjp, lambda g, ans, x: g * x), "total", "(g, ans, x)", "lambda ans, *")
    fails(TypeError, lambda: declared(total, defvjp, lambda ans: lambda g: g), "total", "(ans)")
    fails(TypeError, lambda: declared(product, defvjp, lambda ans, x: lambda g: g), "product", "(ans, x)", "(x, y)")
    fails(TypeError, lambda: declared(total, defjvp, lambda ans, x: x), "total", "(ans, x)", '"same"')
    fails(TypeError, lambda: declared(total, defjvp, "sam"), "'sam'", '"same"')
    fails(TypeError, lambda: declared(total, defvjp, 3.0), "3.0", "no function")
    fails(TypeError, lambda: declared(total, defvjp_argnums, lambda ans, x: 1), "argnums, ans, args, kwargs")
    fails(TypeError, lambda: declared(total, defvjp_argnum, lambda ans, x: 1), "argnum, ans, args, kwargs")
    fails(TypeError, lambda: declared(total, defjvp_argnums, lambda ans, x: 1), "tangents, ans, args, kwargs")
    fails(TypeError, lambda: declared(total, defjvp_argnum, lambda ans, x: 1), "tangent, ans, args, kwargs")
    fails(TypeError, lambda: mg.custom_primitive(total, vjp=lambda g, x: g), "(g, x)", "lambda g, ans, x: ...")
    fails(TypeError, lambda: mg.custom_primitive(total, jvp=[lambda t, x: t]), "(t, x)", "lambda tangent, ans, x: ...")
    fails(TypeError, lambda: mg.custom_primitive(total, taylor=lambda x: x), "Taylor rule", "lambda order, ans, x: ...")
    fails(TypeError, lambda: mg.custom_primitive(total, vjp=3.0), "3.0")
    fails(TypeError, lambda: mg.custom_primitive(total).defvjp(lambda g, x: g), "(g, x)")
    fails(
        TypeError, lambda: mg.custom_elementwise(lambda x: x, lambda x: 1.0, name="same"), "same", "(x)", "lambda ans"
    )


def test_rules_for_arguments_that_do_not_exist() -> None:
    """Those at the end were never asked, and a list that is too short left arguments without a rule."""

    def rule(ans: Any, *args: Any) -> Any:
        return lambda g: g

    fails(ValueError, lambda: declared(total, defvjp, rule, rule), "total", "argument 1", "arguments x")
    fails(ValueError, lambda: declared(total, defvjp, rule, argnums=(3,)), "total", "argument 3")
    fails(ValueError, lambda: declared(total, defvjp, rule, argnums=(-1,)), "total", "argument -1")
    fails(ValueError, lambda: declared(product, defvjp, rule, argnums=(0, 1)), "1 vjps", "argnums=(0, 1)")
    fails(ValueError, lambda: declared(product, defvjp, rule, rule, argnums=(0, 0)), "argnums=(0, 0)")
    fails(ValueError, lambda: declared(total, defjvp, "same", "same"), "a jvp was given for argument 1")
    fails(ValueError, lambda: mg.custom_primitive(total, vjp=[rule, rule]), "a vjp was given for argument 1")
    fails(ValueError, lambda: mg.custom_elementwise(lambda x: x, rule, rule, name="f"), "f: ", "for argument 1")


def test_any_way_to_write_a_rule_that_can_be_called_is_taken() -> None:
    """Defaults, keywords, any number of arguments; functions of C and objects that are called."""

    def scaled(x: Any, power: int = 2, *, scale: float = 1.0) -> Any:
        return scale * np.sum(x**power)

    for rule in (
        lambda ans, x, power=2, scale=1.0: lambda g: g * scale * power * x ** (power - 1),
        lambda ans, x, power=2, *, scale=1.0: lambda g: g * scale * power * x ** (power - 1),
        lambda ans, *args, **kw: lambda g: g * kw.get("scale", 1.0) * 2 * args[0],
        lambda ans, x, **kw: lambda g: g * kw.get("scale", 1.0) * 2 * x,
    ):
        operation = declared(scaled, defvjp, rule)
        assert_close(mg.grad(lambda x, operation=operation: operation(x, scale=3.0))(X), 6 * X, 1e-15)

    class Rule:
        def __call__(self, g: Any, ans: Any, x: Any) -> Any:
            return 2 * g * x

    assert_close(mg.grad(mg.custom_primitive(total, vjp=Rule()))(X), 2 * X, 1e-15)
    assert_close(mg.grad(declared(np.negative, defjvp, "same"))(2.0), -1.0, 0.0)
    pair = declared(lambda *xs: xs[0] * xs[1], defvjp, lambda ans, x, y: lambda g: g * y)
    assert_close(mg.grad(pair)(2.0, 3.0), 3.0, 0.0)
    declared(np.arctan2, defvjp, lambda ans, y, x: lambda g: g * x / (x * x + y * y))


def test_a_masked_array_is_no_cotangent() -> None:
    own = mg.custom_primitive(lambda x: x * x, vjp=lambda g, ans, x: np.ma.masked_array(2 * g * x, [False, True]))
    fails(TypeError, lambda: mg.grad(lambda x: np.sum(own(x)))(np.ones(2)), "MaskedArray", "np.ma.filled")
