"""Products with Hessians and with Gauss-Newton matrices, which are never formed."""

from typing import Any

import numpy as np
from references import assert_close

from minigrad import batched, ggnvp, grad, hessian, hessian_vector_product, hvp, jacobian

X = np.array([0.5, -1.0, 2.0])


def test_hessian_vector_products() -> None:
    """All forms equal the Hessian times the vector, in the structure of the argument."""
    v = np.array([1.0, 2.0, -1.0])

    def fun(x: Any) -> Any:
        return np.sum(np.sin(x) * x[::-1] ** 2)

    expected = hessian(fun)(X) @ v
    assert_close(hvp(fun, X, v), expected, 1e-14)
    assert_close(hessian_vector_product(fun)(X, v), expected, 1e-14)
    assert_close(hessian_vector_product(lambda c, x: c * fun(x), 1)(2.0, X, v), 2 * expected, 1e-14)
    product = hvp(lambda p: fun(p["x"]) * p["c"], {"x": X, "c": 1.0}, {"x": v, "c": 0.0})
    assert_close(product["x"], expected, 1e-14)
    assert_close(product["c"], grad(fun)(X) @ v, 1e-14)


rng = np.random.default_rng(3)
M = rng.standard_normal((4, 3))


def test_gauss_newton_product() -> None:
    x, v = rng.standard_normal(3), rng.standard_normal(3)
    fun = lambda x: np.tanh(M @ x)
    J = jacobian(fun)(x)
    assert_close(ggnvp(fun, x, v), J.T @ (J @ v), 1e-13)
    g = lambda y: np.sum(np.exp(y))
    assert_close(ggnvp(fun, x, v, g), J.T @ (np.exp(fun(x)) * (J @ v)), 1e-13)
    whole = batched(lambda v: ggnvp(fun, x, v, g))(np.eye(3))
    assert_close(whole, J.T @ np.diag(np.exp(fun(x))) @ J, 1e-13)
