"""Complex numbers: the convention of HIPS autograd, which multiplies by complex derivatives without conjugating.

For real u of z = x + iy the gradient is du/dx - i du/dy. The references are finite differences in x and y, and
autograd itself where installed.
"""

from collections.abc import Callable
from typing import Any

import numpy
import numpy as np
import pytest
from references import assert_close, difference_gradient, richardson

import minigrad.numpy
from minigrad import deriv, elementwise_grad, grad, jacobian, jvp, value_and_grad, vjp

rng = numpy.random.default_rng(8)
Z = rng.uniform(0.4, 1.2, (2, 3)) + 1j * rng.uniform(0.3, 1.1, (2, 3))
W = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
R = rng.uniform(0.5, 1.5, (2, 3))
REAL_OUTPUT: list[tuple[str, Callable[..., Any]]] = [
    ("real", lambda np, z: np.sum(np.real(z * z))),
    ("imag", lambda np, z: np.sum(np.imag(z * z))),
    ("imag of sum", lambda np, z: np.imag(np.sum(z))),
    ("abs", lambda np, z: np.sum(np.abs(z))),
    ("abs squared", lambda np, z: np.sum(np.abs(z) ** 2)),
    ("conj product", lambda np, z: np.real(np.sum(z * np.conj(z)))),
    ("angle", lambda np, z: np.sum(np.angle(z))),
    ("sin", lambda np, z: np.real(np.sum(np.sin(z)))),
    ("cos", lambda np, z: np.imag(np.sum(np.cos(z)))),
    ("exp", lambda np, z: np.real(np.sum(np.exp(z)))),
    ("exp of 1j", lambda np, z: np.real(np.sum(np.exp(1j * z)))),
    ("log", lambda np, z: np.imag(np.sum(np.log(z)))),
    ("sqrt", lambda np, z: np.abs(np.sum(np.sqrt(z)))),
    ("tanh", lambda np, z: np.real(np.sum(np.tanh(z)))),
    ("power", lambda np, z: np.real(np.sum(z**3))),
    ("divide", lambda np, z: np.real(np.sum(1 / z + z / (2 + 1j)))),
    ("divide arrays", lambda np, z: np.imag(np.sum(R / z))),
    ("matmul", lambda np, z: np.sum(np.abs(z @ W) ** 2)),
    ("dot", lambda np, z: np.real(np.sum(np.dot(W, z)))),
    ("einsum", lambda np, z: np.imag(np.einsum("ij,ji->", z, W))),
    ("mean", lambda np, z: np.real(np.mean(z * z, axis=0)[1])),
    ("prod", lambda np, z: np.real(np.prod(z))),
    ("times a real array", lambda np, z: np.real(np.sum(z * R * 1j))),
    ("reshape, index", lambda np, z: np.imag(np.reshape(z, (3, 2))[1, 0] * z[0, 1])),
    ("fancy index", lambda np, z: np.imag(np.sum(z[[0, 0, 1]] ** 2))),
    ("concatenate", lambda np, z: np.imag(np.sum(np.concatenate([z, R * z], axis=0) ** 2))),
    ("where", lambda np, z: np.imag(np.sum(np.where(R > 1.0, z * z, z)))),
    ("times 1j", lambda np, z: np.sum(np.real(z * 1j))),
    ("minus 1j", lambda np, z: np.sum(np.abs(z - 1j))),
    ("tile", lambda np, z: np.imag(np.sum(np.tile(z, (2, 1)) ** 2))),
    ("repeat", lambda np, z: np.imag(np.sum(np.repeat(z, 2, axis=1) ** 2))),
    ("variance", lambda np, z: np.sum(np.var(z, axis=1))),
    ("vdot", lambda np, z: np.real(np.vdot(z, z * z))),
    ("attributes", lambda np, z: np.sum(z.real * z.imag + z.conj().imag)),
    ("cumsum", lambda np, z: np.imag(np.sum(np.cumsum(z, axis=1) ** 2))),
    ("broadcast", lambda np, z: np.imag(np.sum(z[0] * z[:, :1]))),
]
real_output = pytest.mark.parametrize("fun", [f for _, f in REAL_OUTPUT], ids=[name for name, _ in REAL_OUTPUT])


def parts_gradient(fun: Callable[..., Any], z: Any) -> Any:
    """du/dx - i du/dy by finite differences."""
    of_x, of_y = difference_gradient(lambda x, y: fun(numpy, x + 1j * y), (z.real, z.imag))
    return of_x - 1j * of_y


@real_output
def test_gradient_by_parts(fun: Callable[..., Any]) -> None:
    """The gradient of a real function of complex numbers is du/dx - i du/dy, of complex dtype."""
    value, gradient = value_and_grad(lambda z: fun(numpy, z))(Z)
    assert_close(value, fun(numpy, Z), 1e-14)
    assert gradient.dtype == complex
    assert_close(gradient, parts_gradient(fun, Z), 1e-8)


@real_output
def test_jvp_by_differences(fun: Callable[..., Any]) -> None:
    """The tangent is the directional derivative along a complex direction, and pairs with the gradient."""
    v = rng.normal(size=Z.shape) + 1j * rng.normal(size=Z.shape)
    _, tangent = jvp(lambda z: fun(numpy, z), (Z,), (v,))
    assert tangent.dtype == float
    assert_close(tangent, richardson(lambda t: fun(numpy, Z + t * v)), 1e-8)
    assert_close(tangent, numpy.sum(numpy.real(grad(lambda z: fun(numpy, z))(Z) * v)), 1e-12)


@real_output
def test_gradient_against_autograd(fun: Callable[..., Any]) -> None:
    """The same convention as autograd, to rounding."""
    autograd = pytest.importorskip("autograd", reason="autograd is not installed; it is the reference here")
    import autograd.numpy as theirs

    try:
        expected = autograd.grad(lambda z: fun(theirs, z))(Z)
    except (NotImplementedError, TypeError, AttributeError) as error:
        pytest.skip(f"autograd itself cannot: {error}")
    actual = grad(lambda z: fun(minigrad.numpy, z))(Z)
    if not numpy.allclose(expected, parts_gradient(fun, Z), atol=1e-6):
        pytest.skip("autograd itself differs from finite differences here")
    assert_close(actual, expected, 1e-12)


def takes_numbers(fun: Callable[..., Any]) -> bool:
    """Whether the function makes sense for one number."""
    try:
        return numpy.shape(fun(numpy, numpy.array(0.7 + 0.4j))) == ()
    except (ValueError, IndexError):
        return False


NUMBERS = [(name, fun) for name, fun in REAL_OUTPUT if takes_numbers(fun)]


@pytest.mark.parametrize("fun", [f for _, f in NUMBERS], ids=[name for name, _ in NUMBERS])
def test_gradient_of_one_number(fun: Callable[..., Any]) -> None:
    """Python's own complex numbers, and arrays without axes."""
    z = 0.7 + 0.4j
    expected = parts_gradient(fun, numpy.array(z))
    assert_close(grad(lambda z: fun(numpy, z))(z), expected, 1e-8)
    assert_close(grad(lambda z: fun(numpy, z))(numpy.array(z)), expected, 1e-8)


def test_complex_constants_leave_a_real_argument_real() -> None:
    """Real x through complex intermediates: the gradient is real and right."""
    x = R.copy()
    gradient = grad(lambda x: numpy.sum(numpy.abs(numpy.exp(1j * x) + 2.0) ** 2))(x)
    assert gradient.dtype == float
    assert_close(gradient, -4 * numpy.sin(x), 1e-13)
    assert_close(grad(lambda x: numpy.real(x * 1j * 1j))(3.0), -1.0, 1e-15)
    assert_close(grad(lambda x: numpy.imag((x + 2j) ** 2))(3.0), 4.0, 1e-15)
    assert_close(grad(lambda x: numpy.sum(numpy.abs(x @ W) ** 2))(x), 2 * numpy.real((x @ W) @ W.conj().T), 1e-13)


def test_mixed_real_and_complex_arguments() -> None:
    """A real and a complex argument of one product: each gradient has its own dtype."""
    of_x, of_z = grad(lambda x, z: numpy.sum(numpy.real(x * z * z)), (0, 1))(R, Z)
    assert of_x.dtype == float
    assert of_z.dtype == complex
    assert_close(of_x, numpy.real(Z * Z), 1e-14)
    assert_close(of_z, 2 * R * Z, 1e-14)


def test_holomorphic_derivatives() -> None:
    """The elementwise derivative of a holomorphic function is its complex derivative, also when nested."""
    assert_close(elementwise_grad(numpy.sin)(Z), numpy.cos(Z), 1e-14)
    assert_close(elementwise_grad(elementwise_grad(lambda z: z**3))(Z), 6 * Z, 1e-14)


def test_complex_cotangents_and_numbers() -> None:
    """A pullback takes a Python complex; a complex number times a traced one works in both orders."""
    _, pullback = vjp(lambda z: numpy.sum(z * 2), Z)
    assert_close(pullback(1j)[0], numpy.full(Z.shape, 2j), 1e-15)
    assert_close(grad(lambda z: numpy.real(z * 1j))(1 + 2j), 1j, 1e-15)
    assert_close(grad(lambda z: numpy.real(1j * z))(1 + 2j), 1j, 1e-15)
    assert_close(grad(lambda z: abs(z) ** 2)(3 + 4j), 6 - 8j, 1e-14)


def test_complex64_stays() -> None:
    """complex64 in, complex64 out."""
    gradient = grad(lambda z: numpy.sum(numpy.abs(z * (1 + 1j)) ** 2))(Z.astype(numpy.complex64))
    assert gradient.dtype == numpy.complex64
    assert_close(gradient, 4 * Z.conj(), 1e-6)


def test_complex_gradient_at_zero() -> None:
    """|z| at 0 has the subgradient 0."""
    assert grad(lambda z: numpy.sum(numpy.abs(z)))(numpy.zeros(2, complex)).tolist() == [0j, 0j]


X = np.array([0.5, -1.0, 2.0])


def test_a_complex_number_on_the_left_of_a_traced_one() -> None:
    """Python's own product with a NumPy number has no dtype."""
    x = 0.7
    expected = -2.0 * np.sin(x)  # of |exp(ix) + 1|^2 = 2 + 2 cos x
    assert_close(grad(lambda x: np.abs(np.exp(1j * x) + 1.0) ** 2)(x), expected, 1e-14)
    assert_close(grad(lambda x: ((1.0 + 2j) * x).imag + np.real(1j - x))(x), 1.0, 1e-15)
    assert_close(grad(grad(lambda x: np.abs(np.exp(1j * x) + 1.0) ** 2))(x), -2.0 * np.cos(x), 1e-14)


def test_the_derivative_of_a_complex_function_of_a_real_variable_is_complex() -> None:
    """Real and imaginary part, as forward mode has them."""
    assert_close(jacobian(lambda x: x * (1 + 2j))(X), (1 + 2j) * np.eye(3), 1e-15)
    assert_close(elementwise_grad(lambda x: np.exp(1j * x))(X), 1j * np.exp(1j * X), 1e-15)
    assert_close(deriv(lambda x: np.exp(1j * x))(0.3), 1j * np.exp(0.3j), 1e-15)
    assert_close(jacobian(lambda z: z**2)(X + 1j), np.diag(2 * (X + 1j)), 1e-15)
