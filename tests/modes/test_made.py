"""What is looked at when a derivative is made: the function, `argnum`, and the names of parameters."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad as mg
from minigrad import grad
from minigrad.misc.optimizers import adam
from minigrad.modes.made import parameter_names
from minigrad.scipy.integrate import odeint

X = np.array([1.0, 2.0])

MAKERS: list[Callable[..., Any]] = [
    mg.grad, mg.value_and_grad, mg.grad_and_aux, mg.jacobian, mg.jacrev, mg.jacfwd, mg.hessian, mg.elementwise_grad,
    mg.laplacian, mg.bilaplacian, mg.deriv, mg.make_vjp, mg.make_jvp, mg.make_hvp, mg.holomorphic_grad,
    mg.hessian_vector_product, mg.tensor_jacobian_product, mg.hessian_tensor_product, mg.finite_difference,
    mg.richardson, mg.complex_step,
]  # fmt: skip
WITHOUT_ARGNUM = [mg.multigrad_dict, mg.batched, mg.checkpoint, mg.make_ggnvp, mg.compile, mg.custom_primitive]
CALLERS: dict[str, Callable[[Any], Any]] = {
    "jvp": lambda f: mg.jvp(f, (1.0,), (1.0,)), "vjp": lambda f: mg.vjp(f, 1.0), "hvp": lambda f: mg.hvp(f, X, X),
    "ggnvp": lambda f: mg.ggnvp(f, X, X), "derivatives": lambda f: mg.derivatives(f, 1.0, 2),
    "jet": lambda f: mg.jet(f, (1.0,), ([1.0],)), "trace": lambda f: mg.trace(f, 1.0),
    "source": lambda f: mg.source(f, 1.0), "explore": lambda f: mg.explore(f, 1.0),
    "check": lambda f: mg.check(f, np.cos, 1.0), "derivation": lambda f: mg.derivation(f, 1.0),
    "explain_nan": lambda f: mg.explain_nan(f, 1.0), "root": lambda f: mg.root(f, 1.0, 1.0),
    "fixed_point": lambda f: mg.fixed_point(f, 1.0, 1.0),
    "checkpointed_scan": lambda f: mg.checkpointed_scan(f, 1.0, X),
    "custom_root": lambda f: mg.custom_root(f),
}  # fmt: skip

CALLED: dict[str, tuple[Callable[[], Any], str]] = {  # functions with too few parameters, and what they are called with
    "root": (lambda: mg.root(lambda x: x**2, 1.0, 1.0), "(params, x)"),
    "fixed_point": (lambda: mg.fixed_point(lambda x: x**2, 1.0, 1.0), "(params, x)"),
    "checkpointed_scan": (lambda: mg.checkpointed_scan(lambda c: (c, c), 1.0, X, args=(2.0,)), "(carry, x, args[0])"),
    "odeint": (lambda: odeint(lambda y: -y, X, X), "(y, t)"),
    "adam": (lambda: adam(lambda x: 2 * x, X), "(x, i)"),
}


def f(x: Any, y: Any = 2.0) -> Any:
    return x**2 * y


@pytest.mark.parametrize("make", [*MAKERS, *WITHOUT_ARGNUM], ids=lambda make: make.__name__)
def test_what_is_no_function_is_refused_when_the_derivative_is_made(make: Callable[..., Any]) -> None:
    name = make.__name__
    fails(TypeError, lambda: make(3.0), f"{name} takes a function, and was given the number 3.0", f"{name}(f)(x)")
    fails(
        TypeError, lambda: make(f(X)), "an array of shape (2,), perhaps the value of one", f"in place of {name}(f(x))"
    )
    fails(TypeError, lambda: make("x**2"), "the text 'x**2'", f"Write {name}(lambda x: x**2)", "test_made.py")
    fails(TypeError, lambda: make([f]), f"{name} takes a function", "a list", f"Write {name}(f)(x)")


@pytest.mark.parametrize("name", CALLERS)
def test_what_is_no_function_is_refused_where_one_is_called(name: str) -> None:
    run = CALLERS[name]
    fails(TypeError, lambda: run(3.0), f"{name} takes a function, and was given the number 3.0", "test_made.py")
    fails(TypeError, lambda: run(f(X)), "an array of shape (2,), perhaps the value of one")


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_point_in_the_place_of_argnum_is_refused(make: Callable[..., Any]) -> None:
    name = make.__name__
    fails(TypeError, lambda: make(np.sin, 1.0), "1.0 is given where argnum belongs", f"write {name}(sin)(1.0)")
    fails(TypeError, lambda: make(f, X), "an array of shape (2,) is given where argnum belongs", f"write {name}(f)(x)")
    fails(TypeError, lambda: make(f, argnum=0.5), "argnum", f"write {name}(f)(0.5)")
    fails(TypeError, lambda: make(lambda x: x, X, X), "where argnum belongs", f"write {name}(f)(x, y)")


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_words_of_jax_are_answered_with_ours(make: Callable[..., Any]) -> None:
    fails(TypeError, lambda: make(f, argnums=1), f"{make.__name__}: argnums= is JAX's word", "argnum=(0, 1)")
    fails(TypeError, lambda: make(f, has_aux=True), "grad_and_aux(f)")


def test_argnum_may_be_the_name_of_a_parameter() -> None:
    class Model:
        def loss(self, w: Any, b: Any) -> Any:
            return w * b**2

    assert grad(f, "y")(3.0, 2.0) == grad(f, argnum="y")(3.0, 2.0) == 9.0
    assert grad(f, ("y", "x"))(3.0, 2.0) == (9.0, 12.0)
    assert grad(Model().loss, "b")(3.0, 2.0) == 12.0
    assert mg.jacobian(f, "y")(3.0, 2.0) == mg.elementwise_grad(f, "y")(3.0, 2.0) == 9.0
    assert grad(grad(f, "x"), "y")(3.0, 2.0) == 6.0
    assert mg.finite_difference(f, "y")(3.0, 2.0) == pytest.approx(9.0, rel=1e-8)
    assert mg.check(f, lambda x, y: x**2, 3.0, 2.0, argnum="y").verdict == "OK"


def test_a_name_that_is_no_parameter_is_refused() -> None:
    fails(TypeError, lambda: grad(f, "z"), "no parameter 'z'", "its parameters are: x, y")
    fails(TypeError, lambda: grad(lambda x, *, k: x * k, "k"), "k is given by keyword", "lambda k: f(..., k=k)")
    fails(TypeError, lambda: grad(f, "y")(3.0, y=2.0), "argument y is to be differentiated", "by position")
    fails(TypeError, lambda: grad(f)(x=3.0), "argument x is to be differentiated, but 0 positional arguments")
    fails(TypeError, lambda: grad(dict.pop, "k"), "the names of the parameters", "write argnum=0")


def test_errors_call_leaves_by_the_names_of_parameters() -> None:
    def loss(model: Any, *rest: Any) -> Any:
        return np.sum(model["w"] ** 2)

    fails(TypeError, lambda: grad(loss)({"w": X, "n": 3}), "grad: argument model['n'] is 3")
    fails(TypeError, lambda: grad(loss, (0, 2))({"w": X}, 1.0, 3), "grad: argument rest[1] is 3")
    fails(TypeError, lambda: mg.hessian(loss)({"w": X, "n": 3}), "hessian: argument model['n'] is 3")
    fails(TypeError, lambda: grad(grad(f))(3), "argument x is 3")
    assert parameter_names(np.sin, 1) == ["args[0]"]
    assert [leaf.path for leaf in mg.check(loss, lambda m: {"w": 2 * m["w"]}, {"w": X}).leaves] == ["model['w']"]
    assert mg.trace(loss, {"w": X}).labels[0] == "model['w']"


def test_scalars_in_scalars_out() -> None:
    """At a float the value and the derivative are np.float64, also where NumPy makes an array without axes."""
    for fun in (
        lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 4.0]), lambda x: np.where(x > 0, x, -x),
        lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda t: -t, lambda t: t**2]), lambda x: (x * 1.0).item(),
        lambda x: np.reshape(x, ()), lambda x: (x * np.ones(1)).reshape(()), lambda x: np.select([x > 0], [x], 0.0),
        lambda x: np.squeeze(x * np.ones(1)), lambda x: np.median(x), lambda x: np.where(True, x, 0.0),
        lambda x: np.repeat(x, 2)[0], lambda x: np.nan_to_num(x), lambda x: np.ravel(x)[0], lambda x: np.i0(x),
    ):  # fmt: skip
        value, gradient = mg.value_and_grad(fun)(1.5)
        assert type(value) is type(gradient) is np.float64
        assert type(grad(grad(lambda x, f=fun: f(x) ** 2))(1.5)) is np.float64
        assert [type(part) for part in mg.jvp(fun, (1.5,), (1.0,))] == [np.float64] * 2
        out, pullback = mg.vjp(fun, 1.5)
        assert type(out) is type(pullback(1.0)[0]) is np.float64
    at_an_array = grad(lambda x: np.where(x > 0, x, -x))(np.array(1.5))
    assert type(at_an_array) is np.ndarray
    assert at_an_array.shape == ()


def test_a_check_says_that_the_function_and_its_gradient_are_exchanged() -> None:
    def g(x: Any) -> Any:
        return np.sum(x**3)

    def notes(*call: Any) -> str:
        return " ".join(mg.check(*call).notes)

    assert mg.check(lambda x: 3 * x**2, g, X).verdict == "WRONG"
    assert "exchanged: the first is the derivative of the second" in notes(lambda x: 3 * x**2, g, X)
    assert "check(f, gradient, x)" in notes(np.cos, np.sin, 1.0)
    assert "exchanged" not in notes(np.sin, np.sin, 1.0)
    assert "exchanged" not in notes(g, lambda x: 2 * x**2, X)


def test_a_position_of_no_argument_is_told_from_one_that_was_not_given() -> None:
    fails(
        TypeError, lambda: grad(f, 2)(3.0, 2.0), "argnum=2 is the position of no argument", "x, y, at positions 0 to 1"
    )
    fails(TypeError, lambda: grad(lambda x: x, 1)(3.0), "argnum=1 is the position of no argument", "x, at position 0")
    fails(TypeError, lambda: grad(f, 1)(3.0), "argument y is to be differentiated, but 1 positional argument was given")
    fails(TypeError, lambda: grad(lambda *xs: xs[0], 1)(3.0), "is to be differentiated, but 1 positional")


def test_other_slips_at_the_start() -> None:
    fails(TypeError, lambda: mg.check(f, X), "check: the point is missing: check(f, gradient, x)")
    fails(TypeError, lambda: grad(np.sin, order=2), "derivatives(f, x, order)")
    fails(TypeError, lambda: grad(np), "grad takes a function", "a module. Write grad(f)(x)")
    fails(TypeError, lambda: grad(None), "grad takes a function, and was given None")


@pytest.mark.parametrize("operation", CALLED)
def test_a_function_with_other_parameters_is_told_with_what_it_is_called(operation: str) -> None:
    run, given = CALLED[operation]
    fails(
        TypeError, run, f"{operation} calls the function with {given}, and it takes (", f"Write lambda {given[1:-1]}: "
    )


def test_a_mistake_within_a_function_stays_what_it_is() -> None:
    fails(TypeError, lambda: mg.root(lambda p, x: x + len(3), 1.0, 1.0), "has no len()")


def test_options_of_jax_that_only_some_have() -> None:
    fails(TypeError, lambda: mg.batched(f, out_axes=1), "batched: out_axes= is JAX's word", "np.moveaxis")
    fails(TypeError, lambda: mg.compile(f, static_argnums=1), "compile: static_argnums= is JAX's word", "static here")
