"""Errors of the user's own function pass through, and good programs give no warnings."""

import contextlib
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails

import minigrad
import minigrad.numpy as mnp
from minigrad import LostDerivativeError, elementwise_grad, grad, hessian, hvp, jacobian, jvp
from minigrad.scipy import linalg, special

X = np.array([0.5, -1.0, 2.0])


A = np.ones((3, 2))
B = np.ones((4, 5))
NOTES: list[tuple[Callable[[Any], Any], str, str]] = [  # a mistake, what is said of it, and its line
    (lambda x: np.sum(A @ x), "matmul of the shapes (3, 2) and (3,): ", "x.T @ y fits"),
    (lambda x: np.sum(A @ x.reshape(1, 3)), "matmul of the shapes (3, 2) and (1, 3): ", "these are 2 and 1"),
    (lambda x: np.sum(x.reshape(1, 3) @ x.reshape(1, 3)), "matmul of the shapes (1, 3) and (1, 3): ", "x @ y.T fits"),
    (lambda x: np.sum(x * B), "multiply of the shapes (3,) and (4, 5): ", "x[:, None] adds an axis of length 1"),
    (lambda x: np.sum(np.where(x > 0.0, x, B)), "where of the shapes (3,) and (4, 5): ", "equal, or one of them 1"),
    (lambda x: np.sum(x if x > 0.0 else -x), "To choose entry by entry, write np.where", "np.all or np.any"),
]


@pytest.mark.parametrize(("fun", "what", "advice"), NOTES)
def test_numpys_messages_are_completed_by_a_note(fun: Callable[[Any], Any], what: str, advice: str) -> None:
    """Type and message stay NumPy's own; the note names the operation, the shapes and the line, once."""
    with pytest.raises(ValueError, match=r"shape|dimension|ambiguous") as caught:
        grad(lambda x: grad(fun)(x)[0])(X)
    (note,) = caught.value.__notes__
    assert note.startswith(what)
    assert advice in note
    assert "test_errors.py" in note
    with pytest.raises(ValueError, match=re.escape(str(caught.value))):
        fun(X)


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


OWN_UFUNC = np.frompyfunc(lambda x: x, 1, 1)
REFUSED: dict[str, Callable[[Any], Any]] = {
    "ufunc": lambda x: OWN_UFUNC(x), "function": lambda x: np.histogram2d(x, x),
    "dispatch": lambda x: mnp.histogram2d(x, x),
    "where": lambda x: np.sin(x, where=np.array([True, False])), "einsum": lambda x: np.einsum("i->", x, dtype=float),
    "mode": lambda x: np.linalg.qr(np.stack([x, x]), "raw"), "method": lambda x: x.tobytes(),
    "object": lambda x: x * np.array([1.0, 2.0], object), "masked": lambda x: x * np.ma.masked_array([1.0, 2.0]),
    "at": lambda x: np.add.at(np.zeros(2), [0], x[0]), "out": lambda x: np.sin(x, out=np.zeros(2)),
    "copyto": lambda x: np.copyto(np.zeros(2), x), "complex": lambda x: (x * 1.0).__setitem__(0, 1j),
    "accumulate": lambda x: np.arctan2.reduce(x, axis=(0,)), "scipy": lambda x: linalg.qr(np.stack([x, x]), mode="raw"),
    "special": lambda x: special.logsumexp(x, return_sign=True),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_operation_without_a_rule_whose_error_the_function_caught_is_raised_at_the_end(name: str) -> None:
    """NumPy does the operation, so the handler is a branch that plain values do not take."""

    def fun(x: Any) -> Any:
        try:
            REFUSED[name](x)
        except Exception:
            return np.sum(0.0 * x)
        return np.sum(x**2)

    two = np.array([3.0, 4.0])
    for run in (
        lambda: grad(fun)(two), lambda: minigrad.jvp(fun, (two,), (two,)), lambda: minigrad.hessian(fun)(two),
        lambda: grad(lambda x: grad(lambda y: y * fun(x))(1.0))(two),
        lambda: grad(lambda x: np.sum(grad(fun)(x)))(two), lambda: minigrad.sparse_jacobian(fun, two),
    ):  # fmt: skip
        fails(LostDerivativeError, run, "the function caught this error", "test_errors.py")


def test_a_handler_that_plain_values_take_too_is_a_branch() -> None:
    """The error of an inner transformation, or one that NumPy raises as well."""

    def inner(x: Any) -> Any:
        try:
            return grad(lambda y: float(y) ** 2)(x)
        except TypeError:
            return x**3

    def without_a_rule(x: Any) -> Any:
        try:
            return grad(lambda y: OWN_UFUNC(y))(x)
        except NotImplementedError:
            return x**3

    def by_numpy(x: Any) -> Any:
        y = x * np.ones(2)
        try:
            y *= 1j
        except TypeError:
            return np.sum(y) ** 3
        return x

    for other in ([1.0, None], np.array([1.0, None]), "text", np.array(["a", "b"]), None, object()):

        def by_python(x: Any, other: Any = other) -> Any:
            try:
                return np.sum(x * np.ones(2) * other)
            except (TypeError, np.exceptions.DTypePromotionError):
                return x**3

        assert (by_python(2.0), grad(by_python)(2.0)) == (8.0, 12.0)
    assert (inner(2.0), without_a_rule(2.0), by_numpy(1.0)) == (8.0, 8.0, 8.0)
    assert grad(inner)(2.0) == grad(without_a_rule)(2.0) == 12.0
    assert grad(by_numpy)(1.0) == 24.0


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
