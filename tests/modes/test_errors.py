"""Errors of the user's own function pass through, and good programs give no warnings."""

import contextlib
import warnings
from typing import Any

import numpy as np
import pytest

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
    """try/except within the differentiated function, around an inner derivative or a conversion."""

    def fun(x: Any) -> Any:
        with contextlib.suppress(ValueError):
            grad(lambda y: y * x * np.ones(2))(1.0)
        try:
            float(x)
        except TypeError:
            return x**2
        return x

    assert grad(fun)(3.0) == 6.0
    assert grad(grad(fun))(3.0) == 2.0


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
