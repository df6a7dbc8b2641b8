"""Operations that are recorded as one node, within outer and inner transformations."""

import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
from minigrad import grad, hessian, jacfwd, jacobian

rng = np.random.default_rng(3)

SQUARE = rng.normal(size=(3, 3))


def _loop(x):
    carry = x
    for shift in (0.1, 0.2, 0.3):
        carry = np.tanh(carry * x + shift)
    return carry


AS_ONE = {
    "checkpoint": (minigrad.checkpoint(lambda x: np.tanh(SQUARE @ x) * x), lambda x: np.tanh(SQUARE @ x) * x),
    "scan": (
        lambda x: minigrad.checkpointed_scan(
            lambda carry, shift, x: (np.tanh(carry * x + shift), None), x, np.array([0.1, 0.2, 0.3]), args=(x,)
        )[0],
        _loop,
    ),
    "root": (lambda x: minigrad.root(lambda p, y: y**3 - p, x, np.ones(3)), np.cbrt),
    "root without a matrix": (
        lambda x: minigrad.root(lambda p, y: y**3 - p, x, np.ones(3), linear="gmres"),
        np.cbrt,
    ),
    "fixed point": (
        lambda x: minigrad.fixed_point(lambda p, y: y - (y**3 - p) / 4.0, x, np.ones(3)),
        np.cbrt,
    ),
    "custom vjp": (
        minigrad.custom_primitive(lambda x: np.array([v**3 for v in x]), vjp=lambda g, ans, x: 3.0 * g * x**2),
        lambda x: x**3,
    ),
    "custom jvp": (
        minigrad.custom_primitive(lambda x: np.array([v**3 for v in x]), jvp=lambda ts, ans, x: 3.0 * ts[0] * x**2),
        lambda x: x**3,
    ),
}


@pytest.mark.parametrize("name", AS_ONE)
def test_operations_recorded_as_one_meet_boxes_of_outer_levels_and_rows_of_inner_ones(name) -> None:
    operation, plain = AS_ONE[name]
    x = np.array([0.5, 0.9, 1.4])
    first, second = _of_rows(plain)(x), _of_rows(_of_rows(plain))(x)
    for derivative in (jacobian, jacfwd):
        np.testing.assert_allclose(derivative(operation)(x), first, rtol=1e-9, atol=1e-9)
        for outer in (jacobian, jacfwd):
            found = outer(derivative(operation))(x)
            np.testing.assert_allclose(found, second, rtol=1e-8, atol=1e-8)
    # The matrix is itself within what is differentiated.
    weighted = grad(lambda x: np.sum(np.sin(hessian(lambda x: np.sum(operation(x)))(x))))(x)
    expected = grad(lambda x: np.sum(np.sin(hessian(lambda x: np.sum(plain(x)))(x))))(x)
    np.testing.assert_allclose(weighted, expected, rtol=1e-8, atol=1e-8)


def _of_rows(fun):
    """The Jacobian of a vector function, by one gradient per entry."""

    def entry(x, i):
        return fun(x).ravel()[i]

    return lambda x: mnp.stack([grad(entry)(x, i) for i in range(fun(x).size)]).reshape((*fun(x).shape, 3))
