"""Errors of the user's own function pass through, and good programs give no warnings."""

import contextlib
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad
import minigrad.numpy as mnp
from minigrad import elementwise_grad, grad, hessian, hvp, jacobian, jvp

X = np.array([0.5, -1.0, 2.0])


def test_an_error_in_the_users_function_passes_through() -> None:
    """Of its own type and message, also from within nested derivatives; the same function works next time."""

    class OwnError(Exception):
        pass

    switch = [True]

    def fun(x: Any) -> Any:
        y = grad(lambda z: z**3)(x)
        if switch[0]:
            raise OwnError("mine")
        return y

    for transform in (grad, elementwise_grad, jacobian, lambda f: grad(grad(f))):
        switch[0] = True
        with pytest.raises(OwnError, match=r"^mine$"):
            transform(fun)(2.0)
        switch[0] = False
        assert transform(fun)(2.0) in (6.0, 12.0)
    assert grad(fun)(2.0) == 12.0


def test_errors_caught_inside_the_function() -> None:
    """try/except within the differentiated function, around an inner derivative that is refused."""

    def fun(x: Any) -> Any:
        with contextlib.suppress(ValueError):
            grad(lambda y: y * x * np.ones(2))(1.0)
        return x**2

    assert grad(fun)(3.0) == 6.0
    assert grad(grad(fun))(3.0) == 2.0


LOSSY: dict[str, Callable[[Any], Any]] = {
    "float()": float, "math": math.sin, "plain array": np.asarray, "complex()": complex,
    "entry": lambda x: np.zeros(1).__setitem__(0, x), "list": lambda x: np.array([1.0, x]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSY)
def test_a_lost_derivative_that_the_function_caught_is_raised_at_the_end(name: str) -> None:
    """On plain numbers nothing is raised, so what the handler returns is the derivative of another function."""

    def fun(x: Any) -> Any:
        try:
            LOSSY[name](x)
        except Exception:
            return 0.0 * x
        return x**2

    one = np.array(3.0)
    for run in (
        lambda: grad(fun)(3.0), lambda: minigrad.value_and_grad(fun)(3.0), lambda: minigrad.vjp(fun, 3.0),
        lambda: minigrad.jvp(fun, (3.0,), (1.0,)), lambda: minigrad.jacobian(fun)(3.0),
        lambda: minigrad.hessian(fun)(3.0), lambda: minigrad.derivatives(fun, 3.0, 2),
        lambda: minigrad.elementwise_grad(fun)(3.0), lambda: minigrad.laplacian(fun)(3.0),
        lambda: minigrad.sparse_jacobian(fun, one), lambda: grad(minigrad.checkpoint(fun))(3.0),
        lambda: minigrad.trace(fun, 3.0), lambda: grad(lambda x: grad(lambda y: y * fun(x))(1.0))(3.0),
        lambda: grad(lambda x: grad(lambda y: fun(y) * x)(2.0))(3.0), lambda: minigrad.batched(grad(fun))(np.ones(2)),
    ):  # fmt: skip
        fails(TypeError, run, "the function caught this error", "minigrad.value(x)", "test_errors.py")
    assert fun(3.0) == 9.0


def test_a_caught_error_is_about_the_values_that_it_met() -> None:
    """An inner function of a constant loses nothing, and a handler of NumPy's errors stays a branch."""

    def fun(x: Any) -> Any:
        try:
            grad(lambda y: float(y))(1.0)
        except TypeError:
            scale = 2.0
        try:
            np.linalg.inv(np.zeros((2, 2)))
        except np.linalg.LinAlgError:
            scale *= 3.0
        return scale * x**2

    assert grad(fun)(1.0) == 12.0
    assert grad(lambda x: x * float(minigrad.value(x)))(3.0) == 3.0


def test_no_warnings_in_good_cases() -> None:
    """Common programs, in both modes and at second order, with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fun in (
            lambda x: np.sum(np.maximum(x, 0) ** 2),
            lambda x: mnp.logsumexp(x * 1000),
            lambda x: np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0)),
            lambda x: np.sum(np.clip(x, 0, 1)),
            lambda x: np.std(x) + np.var(x) + np.prod(x),
            lambda x: np.sum(np.tile(x, (2, 1)) @ x),
        ):
            grad(fun)(X)
            hessian(fun)(X)
            hvp(fun, X, X)
            assert np.all(np.isfinite(jvp(fun, (X,), (X,))[1]))
