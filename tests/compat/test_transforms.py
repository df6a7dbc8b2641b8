"""Transformations under the names and in the forms of autograd."""

import numpy as np
import pytest
from references import assert_close

from minigrad import holomorphic_grad, make_jvp, make_vjp, multigrad_dict

X = np.array([0.5, -1.0, 2.0])


def test_make_vjp_and_make_jvp_have_the_form_of_autograd() -> None:
    """make_vjp gives (pullback, value), make_jvp gives (value, tangent)."""
    pullback, v = make_vjp(lambda x, y: x * y, 1)(X, 2 * X)
    assert_close(v, 2 * X * X, 1e-15)
    assert_close(pullback(np.ones(3)), X, 1e-15)
    v, t = make_jvp(lambda x, y: x * y, 1)(X, 2 * X)(np.ones(3))
    assert_close(v, 2 * X * X, 1e-15)
    assert_close(t, X, 1e-15)
    _, t = make_jvp(lambda x, y: x * y, (0, 1))(X, 2 * X)((np.ones(3), np.zeros(3)))
    assert_close(t, 2 * X, 1e-15)


def test_holomorphic_grad_also_of_real_input() -> None:
    z = 0.3 + 0.4j
    assert_close(holomorphic_grad(lambda z: np.exp(1j * z))(z), 1j * np.exp(1j * z), 1e-14)
    assert_close(holomorphic_grad(lambda x: np.exp(1j * x))(0.3), 1j * np.exp(0.3j), 1e-14)
    assert_close(holomorphic_grad(lambda x: x**2 * (1 + 2j))(X), 2 * X * (1 + 2j), 1e-14)
    assert holomorphic_grad(lambda x: 1j * x)(np.float32(1.0)).dtype == np.complex64
    assert_close(holomorphic_grad(lambda y, z: y * z**3, 1)(2.0, z), 6 * z**2, 1e-14)
    with pytest.raises(TypeError):
        holomorphic_grad(lambda z: z)(3)


def test_multigrad_dict_names_everything() -> None:
    found = multigrad_dict(lambda x, *args, k=1.0, **kwargs: x * args[0] * k * kwargs["c"])(2.0, 3.0, c=5.0)
    assert found == {"x": 15.0, "args": (10.0,), "k": 30.0, "kwargs": {"c": 6.0}}
