"""Laplacians in one pass: against closed forms and second derivatives."""

import numpy as np
import pytest
from references import assert_close, richardson

import minigrad
import minigrad.numpy as mnp
from minigrad import batched, bilaplacian, derivatives, grad, hvp, laplacian

rng = np.random.default_rng(3)
M = rng.standard_normal((4, 3))


def gaussian(x):
    return np.exp(-0.5 * np.sum(x * x))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_laplacians_in_closed_form(n) -> None:
    x = rng.standard_normal(n) * 0.5
    r2, g = x @ x, gaussian(x)
    assert_close(laplacian(gaussian)(x), (r2 - n) * g, 1e-12)
    assert_close(bilaplacian(gaussian)(x), (r2**2 - 2 * (n + 2) * r2 + n * (n + 2)) * g, 1e-11)
    for chunk_size in (1, 2):
        assert_close(laplacian(gaussian, chunk_size=chunk_size)(x), (r2 - n) * g, 1e-12)
    harmonic = lambda x: np.log(x[0] ** 2 + x[1] ** 2) if n == 2 else x[0]
    assert abs(laplacian(harmonic)(x)) <= 1e-11 * (1 + 1 / r2)


OPERATIONS = {
    "network": lambda x: np.sum(np.tanh(M @ np.arctan(M.T @ np.sin(M @ x)))),
    "products": lambda x: x[0] * x[1] * x[2] * np.sum(x**4) / (1.0 + x[1] ** 2),
    "powers": lambda x: np.sum((1.0 + x * x) ** 1.5) + np.prod(x),
    "linear algebra": lambda x: np.linalg.det(np.outer(x, x) + np.diag(np.exp(x))),
    "decomposition": lambda x: np.sum(np.linalg.eigh(np.outer(x, x) + np.diag([1.0, 2.0, 4.0]))[0] ** 3),
    "joins and indices": lambda x: np.sum(np.concatenate([x[1:], x[[0, 0]]]) * x[[2, 1, 0, 0]] ** 3),
    "where": lambda x: np.sum(np.where(x > 0, np.sin(x), x**3)),
    "reductions": lambda x: np.logaddexp(x[0], x[1]) + mnp.logsumexp(x * x) + np.max(x) * np.std(x),
    "constant": lambda x: 3.0,
    "linear": lambda x: np.sum(x) + x[0],
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_laplacians_against_second_derivatives(name) -> None:
    fun, x = OPERATIONS[name], np.array([0.7, -0.4, 1.1])
    second = lambda x: sum(hvp(fun, x, e)[i] for i, e in enumerate(np.eye(3)))
    if name == "constant":
        assert laplacian(fun)(x) == bilaplacian(fun)(x) == 0.0
        return
    assert_close(laplacian(fun)(x), second(x), 1e-11)
    fourth = sum(hvp(second, x, e)[i] for i, e in enumerate(np.eye(3))) if name != "linear" else 0.0
    assert_close(bilaplacian(fun)(x), fourth, 1e-8, floor=1e-6)


def test_laplacian_of_many_outputs_and_points() -> None:
    x = rng.standard_normal((2, 2))
    assert_close(laplacian(lambda x: x**3)(x), 6 * x, 1e-13)
    assert laplacian(lambda x: x.astype(np.float32) ** 2)(x).dtype == np.float32
    points = rng.standard_normal((6, 3))
    fun = OPERATIONS["network"]
    assert_close(batched(laplacian(fun))(points), [laplacian(fun)(p) for p in points], 1e-12)
    assert_close(laplacian(lambda s, x: s * np.sum(x**2), 1)(2.0, x), 16.0, 1e-14)


def test_laplacian_differentiates() -> None:
    """The gradient of a residual of Poisson's equation in the parameters of a network."""
    points, w = rng.standard_normal((6, 3)), rng.standard_normal(4)

    def residual(w):
        return np.sum((batched(laplacian(lambda x: w @ np.tanh(M @ x)))(points) - 1.0) ** 2)

    expected = [richardson(lambda t, e=e: residual(w + t * e)) for e in np.eye(4)]
    assert_close(grad(residual)(w), expected, 1e-8)


def test_laplacian_errors() -> None:
    for function in (laplacian, bilaplacian):
        with pytest.raises(TypeError, match="must be one array of real numbers, not a dict"):
            function(lambda p: p["a"])({"a": 1.0})
        with pytest.raises(TypeError, match="must be one array of real numbers, not an array of dtype complex128"):
            function(lambda z: z)(1j)
        with pytest.raises(TypeError, match="integers have no derivative"):
            function(lambda x: x)(np.int64(3))
        with pytest.raises(TypeError, match="must return one array or number, not a tuple"):
            function(lambda x: (x, x))(1.0)


def test_near_a_common_zero_of_a_quotient_digits_are_found_or_told() -> None:
    """Numerator and denominator are divided by what vanishes, as for `derivatives`; also in batches and programs."""
    f = lambda x: np.sum(np.log1p(x) / x)
    x, expected = np.array([1e-15, 0.3]), 2 / 3 + derivatives(f, 0.3, 2)[2]
    for size in (None, 1):
        assert_close(laplacian(f, chunk_size=size)(x), np.asarray(expected), 1e-12)
    assert_close(batched(laplacian(f))(np.stack([x, x + 0.1]))[0], np.asarray(expected), 1e-12)
    compiled = minigrad.compile(laplacian(f))
    assert_close([compiled(y) for y in (x + 0.1, x + 0.2, x)][2], np.asarray(expected), 1e-12)
    assert abs(bilaplacian(f)(x) - 4.8 - derivatives(f, 0.3, 4)[4]) < 1e-9
    with pytest.warns(RuntimeWarning, match="rounding errors are all that is left"):
        laplacian(lambda x: np.sum((np.exp(x) - 1) / x))(np.array([1e-9, 0.3]))
