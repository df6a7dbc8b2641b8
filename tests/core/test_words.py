"""Names of other libraries are answered with ours."""

import numpy as np
import pytest
from messages import fails

import minigrad
import minigrad.numpy as mnp
import minigrad.scipy.special
from minigrad import grad
from minigrad.core.words import OF_ARRAYS, OF_NUMPY, OF_PACKAGES

X = np.array([1.0, 2.0])


@pytest.mark.parametrize("name", [*OF_ARRAYS, "exp", "sumn"])
def test_methods_of_other_arrays(name: str) -> None:
    """`x.detach()`: an AttributeError, as of NumPy's arrays, which says what to write."""
    assert not hasattr(X, name) or name == "data"
    known = {"exp": "np.exp(x)", "sumn": "Did you mean 'sum'?"} | OF_ARRAYS
    message = fails(AttributeError, lambda: grad(lambda x: getattr(x, name))(X), repr(name), known[name])
    assert "Box" not in message


def test_a_method_that_numpy_has_not_is_a_branch() -> None:
    assert grad(lambda x: x.detach() if hasattr(x, "detach") else x**2)(1.5) == 3.0


@pytest.mark.parametrize("name", [*OF_PACKAGES, "jacobain", "value_and_gradient"])
def test_names_of_other_packages(name: str) -> None:
    known = {
        "jacobain": "Did you mean 'jacobian'?",
        "value_and_gradient": "Did you mean 'value_and_grad'?",
    } | OF_PACKAGES
    fails(AttributeError, lambda: getattr(minigrad, name), f"'minigrad' has no attribute {name!r}", known[name])


@pytest.mark.parametrize("name", [*OF_NUMPY, "summ"])
def test_functions_that_numpy_has_not(name: str) -> None:
    known = {"summ": "Did you mean 'sum'?"} | OF_NUMPY
    fails(AttributeError, lambda: getattr(mnp, name), f"'minigrad.numpy' has no attribute {name!r}", known[name])


def test_the_names_in_the_answers_exist() -> None:
    for answer in OF_NUMPY.values():
        own = answer.partition(" ")[0].partition("(")[0]
        assert hasattr(minigrad.scipy.special if "special" in answer else mnp, own), answer
    for answer in OF_PACKAGES.values():
        if answer.isidentifier():
            assert hasattr(minigrad, answer)


def test_the_power_is_not_the_exclusive_or() -> None:
    for fun in (lambda x: x ^ 2, lambda x: 2 ^ x):
        with pytest.raises(TypeError):
            fun(1.5)
        fails(TypeError, lambda f=fun: grad(f)(1.5), "the exclusive or of bits", "the power is x**2")


def test_a_view_of_bytes() -> None:
    fails(TypeError, lambda: grad(lambda x: np.sum(x.view(2, 1)))(X), "x.view", "x.reshape(shape)")
