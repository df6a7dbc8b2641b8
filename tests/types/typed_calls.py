"""What type checkers say of calls: mypy reads this file (see pyproject.toml), and so can pyright; a test runs it.

`assert_type` is an error of the type checker where it infers another type.
"""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import minigrad.numpy as mnp
from minigrad import (
    checkpoint,
    compile,  # noqa: A004
    complex_step,
    custom_primitive,
    deriv,
    elementwise_grad,
    finite_difference,
    grad,
    grad_and_aux,
    hessian,
    holomorphic_grad,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    laplacian,
    make_hvp,
    make_jvp,
    make_vjp,
    summed,
    value_and_grad,
    vjp,
)

Floats = NDArray[np.float64]


def power(x: float, n: int = 2, *, negative: bool = False) -> float:
    return -(x**n) if negative else x**n


def loss(w: Floats, b: float) -> np.float64:
    return np.float64(1.0) * np.sum(w * w) * b


def with_extra(w: Floats, b: float) -> tuple[np.float64, str]:
    return loss(w, b), "extra"


class Model:
    def energy(self, w: Floats) -> np.float64:
        return np.sum(w**3)


@custom_primitive
def cubed(x: Floats) -> Floats:
    return x**3


@custom_primitive(static="n")
def scaled(x: Floats, n: int = 2) -> Floats:
    return x * n


@grad
def decorated(x: float, label: str) -> float:
    return x * x


def check_types() -> None:
    """The gradient of a function takes what the function takes, and returns what its first argument is."""
    w = np.ones(2)
    slope = grad(power)
    assert_type(slope(2.0), float)
    assert_type(slope(2.0, 3, negative=True), float)
    assert_type(grad(slope)(2.0), float)
    assert_type(grad(loss)(w, 1.0), Floats)
    assert_type(value_and_grad(loss)(w, 1.0), tuple[np.float64, Floats])
    assert_type(grad_and_aux(with_extra)(w, 1.0), tuple[Floats, str])
    assert_type(grad(Model().energy)(w), Floats)
    assert_type(elementwise_grad(power)(2.0), float)
    assert_type(decorated(2.0, "x"), float)
    other: Callable[..., Any] = grad(loss, "b")
    assert other(w, 1.0) == 2.0
    several = grad(loss, argnum=(0, 1))
    assert len(several(w, 1.0)) == 2
    assert grad(np.sin)(0.0) == grad(lambda x: mnp.sin(x))(0.0) == 1.0
    assert grad(lambda p: p["a"] * p["b"])({"a": 1.0, "b": 2.0}) == {"a": 2.0, "b": 1.0}
    assert jacobian(loss)(w, 1.0).shape == (2,)
    assert_type(vjp(loss, w, 1.0)[0], np.float64)
    assert_type(checkpoint(loss)(w, 1.0), np.float64)


def check_other_types() -> None:
    """Other transformations keep the parameters, too, and return what the function does where the result is like it."""
    w: Floats = np.ones(2)
    of_loss: Callable[[Floats, float], Any] = jacobian(loss)
    assert of_loss(w, 1.0).shape == jacrev(loss)(w, 1.0).shape == jacfwd(loss)(w, b=1.0).shape == (2,)
    assert hessian(loss, "w")(w, b=1.0).shape == complex_step(loss)(w, b=1.0).shape * 2 == (2, 2)
    assert finite_difference(power)(2.0, n=3, negative=True) < 0.0
    assert_type(jvp(loss, (w, 1.0), (w, 0.0)), tuple[np.float64, np.float64])
    assert_type(hvp(Model().energy, w, w), Floats)
    assert_type(deriv(power)(2.0, n=3), float)
    assert_type(laplacian(loss)(w, 1.0), np.float64)
    assert_type(make_vjp(loss)(w, 1.0)[1], np.float64)
    assert_type(make_jvp(loss)(w, 1.0)(w), tuple[np.float64, np.float64])
    assert make_hvp(loss)(w, 1.0)[0](w).tolist() == [2.0, 2.0]
    assert holomorphic_grad(power)(2.0) == 4.0
    assert_type(compile(loss)(w, b=1.0), np.float64)
    assert_type(compile(grad(loss))(w, 1.0), Floats)
    assert_type(compile(exact=True)(loss)(w, 1.0), np.float64)
    assert_type(summed(loss, in_axes=(0, None))(w, 1.0), np.float64)


def check_that_mistakes_are_found() -> None:
    """`mypy` warns of an `ignore` that it does not need."""
    try:
        jacobian(loss)(w=np.ones(2))  # type: ignore[call-arg]
        hessian(power)(2.0, 3, True)  # type: ignore[call-arg]
        compile(loss)("w", 1.0)  # type: ignore[arg-type]
    except TypeError:
        pass


def taken(fun: Callable[..., Any]) -> Any:
    return fun(2.0)


def check_lambdas() -> None:
    """A lambda has no types; its derivative may be handed on."""
    assert taken(grad(lambda x: x**2)) == taken(elementwise_grad(lambda x: x**2)) == 4.0
    assert taken(value_and_grad(lambda x: x**2)) == (4.0, 4.0)
    assert taken(jacobian(lambda x: x**2)) == taken(checkpoint(lambda x: 2.0 * x)) == 4.0
    assert taken(lambda x: taken(grad(lambda y: x * y**2))) == 8.0
    assert taken(hessian(lambda x: x**2)) == taken(laplacian(lambda x: x**2)) == 2.0
    assert taken(deriv(lambda x: x**2)) == taken(compile(lambda x: 2.0 * x)) == 4.0
    assert taken(make_vjp(lambda x: x**2))[1] == taken(make_jvp(lambda x: x**2))(1.0)[1] == 4.0


def check_primitives() -> None:
    """A primitive keeps the type of its function, however it is declared."""
    w = np.ones(2)
    assert_type(cubed(w), Floats)
    assert_type(scaled(w, n=3), Floats)

    @cubed.defvjp
    def _(g: Floats, ans: Floats, x: Floats) -> Floats:
        return 3 * g * x**2

    assert grad(lambda x: np.sum(cubed(x)))(w).tolist() == [3.0, 3.0]


def check_names() -> None:
    """`minigrad.numpy` is typed as NumPy is."""
    assert_type(mnp.float64(1.0), np.float64)
    assert_type(mnp.zeros_like(np.ones(2)).dtype, np.dtype[np.float64])
    assert mnp.tanh is not np.tanh
    assert mnp.linalg.norm(mnp.ones(4)) == 2.0
