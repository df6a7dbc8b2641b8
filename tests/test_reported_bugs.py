"""Programs of which a published report says that an engine of derivatives got them wrong, or not at all.

The reports are about autograd, JAX, PyTorch, tinygrad, MLX, Zygote, ForwardDiff and others. Each program is a short one
of our own that does what the reported one did; its gradient is known, or that of differences. It is held to that in
reverse and forward mode, compiled and in a batch.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minigrad
from minigrad import batched, grad, hessian, jacobian, jvp
from minigrad import compile as compiled

inf, nan = np.inf, np.nan


class Report(NamedTuple):
    """A program, the point, and its gradient there; None asks differences."""

    fun: Callable[..., Any]
    at: Any
    gradient: Any = None


def where_branch(x: Any) -> Any:
    return np.sum(np.where(x > 0.0, np.sqrt(x), 0.0))


def polar(p: Any) -> Any:
    angle, length = np.arctan2(p[1::2], p[0::2]), np.sqrt(p[0::2] ** 2 + p[1::2] ** 2)
    turned = np.stack([angle, 2.0 * angle])
    return np.sum(np.sum(length * np.cos(turned), axis=0) ** 2)


def bump(x: Any) -> Any:
    def right(x: Any) -> Any:
        return np.where(x < 0.0, 0.0, np.exp(-1.0 / np.maximum(x, 1e-2)))

    return np.sum(right(x) / (right(x) + right(1.0 - x)))


def lengths_and_logsumexp(p: Any) -> Any:
    x = p["loc"] + p["scale"] * np.array([-1.5, 0.0])
    term = -0.5 * ((x[..., :1] + np.array([-2.0, 2.0])) / 0.6) ** 2
    top = np.max(term)
    return 0.5 * ((np.linalg.norm(x, axis=-1) - 2.0) / 0.4) ** 2 - top - np.log(np.sum(np.exp(term - top), axis=-1))


def by_svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.linalg.norm((u * s) @ vh)


def yield_stress(s: Any) -> Any:
    e = (s[0] - s[1]) ** 2 + (s[1] - s[2]) ** 2 + (s[2] - s[0]) ** 2 + 6.0 * (s[3] ** 2 + s[4] ** 2 + s[5] ** 2)
    return np.sqrt(e / 2.0)


def overwritten(x: Any) -> Any:
    y = 1.0 * x
    y.fill(3.0)
    return np.sum(y * y)


def product_of_sincs(x: Any) -> Any:
    return np.prod(np.sin(x) / x)


def of_a_component(x: Any) -> Any:
    return grad(product_of_sincs)(x)[0]


def columns(k: Any) -> Any:
    beta = np.array([[1.0, -2.0], [0.5, 3.0]])
    return np.sum(grad(lambda v: sum(np.sum(a * a * b) for a, b in zip(v.T, beta.T)))(k))


def symmetric(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda a: fun(0.5 * (a + np.swapaxes(a, -1, -2)))


A = np.array([[2.0, 0.3, 0.6], [0.3, 1.0, -0.9], [0.6, -0.9, 0.5]])
V = np.array([0.7, -1.2, 2.0])
ZEROS = np.array([2.0, 0.0, 3.0, 4.0])
EDGE = {"loc": np.zeros(2), "scale": np.ones(2)}

REPORTS: dict[str, Report] = {
    # ----- branches, and what is not taken ----------------------------------------------------------------------------
    "where: an infinite slope in the branch that is not taken": Report(where_branch, np.array([0.0, 4.0]), [0.0, 0.25]),
    "where: a quotient by zero in the branch that is not taken": Report(
        lambda x: np.sum(np.where(x == 0.0, 1.0, np.sin(x) / np.where(x == 0.0, 1.0, x))), np.array([0.0, 1.0]),
        [0.0, np.cos(1.0) - np.sin(1.0)],
    ),
    "a smooth step that is constant outside of an interval": Report(bump, np.array([-0.5, 0.4, 1.5]), None),
    "a comparison as a factor": Report(lambda x: np.sum(x * (x < 0.0)), np.array([-1.0, 2.0]), [1.0, 0.0]),
    "clip: at a bound and beyond": Report(
        lambda x: np.sum(np.clip(x, 0.0, 1.0) * [1.0, 2.0, 3.0]), np.array([-1.0, 0.5, 2.0]), [0.0, 2.0, 0.0]
    ),
    "floor in the base of a power with exponent 0": Report(
        lambda x: np.sum((x - np.floor(x)) ** np.array([0.0])), np.array([1.0]), [0.0]
    ),
    "isnan as a mask": Report(lambda x: np.sum(np.where(np.isnan(x), 0.0, x) ** 2), np.array([nan, 3.0]), [0.0, 6.0]),
    "nanmean of squares": Report(
        lambda x: np.nanmean(x**2), np.array([nan, 1.0, 2.0, 3.0, 4.0]), [0.0, 0.5, 1.0, 1.5, 2.0]
    ),
    "nansum of a product": Report(lambda x: np.nansum(x * np.array([1.0, nan, 2.0])), V, [1.0, 0.0, 2.0]),
    # ----- powers -----------------------------------------------------------------------------------------------------
    "x**0 at 0": Report(lambda x: x**0, 0.0, 0.0),
    "x**0.0 at 0": Report(lambda x: x**0.0, 0.0, 0.0),
    "x**1 at 0": Report(lambda x: x**1.0, 0.0, 1.0),
    "x**2 at 0": Report(lambda x: x**2.0, 0.0, 0.0),
    "powers with exponents from arange": Report(lambda x: np.sum(x ** np.arange(0, 2)), 1.0, 1.0),
    "powers with many whole exponents": Report(lambda x: np.sum(x ** np.arange(4)), -2.0, 1.0 - 4.0 + 12.0),
    "a negative base and an even float exponent": Report(lambda x: np.sum(x**2.0), np.array([-3.0, 2.0]), [-6.0, 4.0]),
    "0 to a power that moves": Report(lambda p: np.sum((p[0] - p[1]) ** p[1]), np.ones(2), [1.0, -1.0]),
    "inf to the power 1": Report(lambda x: x**1.0, inf, 1.0),
    "a polynomial with fractions": Report(
        lambda x: 1.0 - (96.0 / 25.0) * x**2 + (112.0 / 25.0) * x**4, 0.5, -8.0 / 5.0
    ),
    "a power of a complex number with real and imaginary part": Report(lambda x: np.real((x + 1j * x) ** 3), 0.7, None),
    # ----- lengths and norms ------------------------------------------------------------------------------------------
    "the norm at 0": Report(np.linalg.norm, np.zeros(3), np.zeros(3)),
    "the square of the norm at 0": Report(lambda x: np.linalg.norm(x) ** 2, np.zeros(2), np.zeros(2)),
    "the Frobenius norm at 0": Report(lambda x: np.linalg.norm(x, "fro"), np.zeros((3, 3)), np.zeros((3, 3))),
    "the largest entry as a norm, with ties": Report(
        lambda x: np.linalg.norm(x, np.inf), np.array([9.0, 2.0, -9.0]), [0.5, 0.0, -0.5]
    ),
    "division by the norm 1, with entries 0": Report(
        lambda x: np.sum((x / np.sum(np.abs(x))) ** 2), np.array([0.0, 0.0, 0.2]), [0.0, 0.0, 0.0]
    ),
    "the spectral norm of a column": Report(lambda w: np.linalg.norm(np.outer(V, w) - 1.0, 2), np.array([0.3]), None),
    "hypot": Report(lambda p: np.hypot(p[0], p[1]), np.array([3.0, 4.0]), [0.6, 0.8]),
    "the length of a complex number": Report(lambda p: np.abs(p[0] + 1j * p[1]), np.array([3.0, 4.0]), [0.6, 0.8]),
    "lengths of rows, one of which is 0, and logsumexp": Report(lengths_and_logsumexp, EDGE, None),
    "the yield stress, with entries 0": Report(
        yield_stress, np.array([100.0, 0.0, 0.0, 0.0, 0.0, 0.0]), [1.0, -0.5, -0.5, 0.0, 0.0, 0.0]
    ),
    "the standard deviation of equal numbers": Report(np.std, np.ones(3), np.zeros(3)),
    # ----- products, extrema, order -----------------------------------------------------------------------------------
    "prod with one 0": Report(np.prod, ZEROS, [0.0, 24.0, 0.0, 0.0]),
    "prod with two 0": Report(np.prod, np.array([2.0, 0.0, 0.0]), [0.0, 0.0, 0.0]),
    "prod of a single 0": Report(np.prod, np.array([0.0]), [1.0]),
    "prod of large numbers and 0, which overflows on the way": Report(
        np.prod, np.array([[1e13, 0.0, 0.0], [1e13, 1e13, 0.0], [1e13, 1e13, 1e13]], np.float32), np.zeros((3, 3))
    ),
    "cumprod with 0": Report(
        lambda x: np.sum(np.cumprod(x) * [1.0, 2.0, 3.0, 4.0]), ZEROS, [1.0, 4.0 + 18.0 + 96.0, 0.0, 0.0]
    ),
    "max of many equal numbers": Report(np.max, np.ones(70_000, np.float32), np.full(70_000, 1.0 / 70_000, np.float32)),
    "max close to a tie": Report(np.max, np.array([1e-6, 0.0]), [1.0, 0.0]),
    "sort": Report(lambda x: np.sum(np.sort(x) * np.arange(3.0)), V, [1.0, 0.0, 2.0]),
    "median of an even number of entries": Report(np.median, np.array([4.0, 1.0, 3.0, 2.0]), [0.0, 0.0, 0.5, 0.5]),
    # ----- exponentials -----------------------------------------------------------------------------------------------
    "the logarithm of a sigmoid at 0": Report(lambda x: -np.logaddexp(0.0, -x), 0.0, 0.5),
    "tanh of a large number": Report(np.tanh, 500.0, 0.0),
    "tanh by exponentials": Report(lambda x: (1.0 - np.exp(-x)) / (1.0 + np.exp(-x)), 1.0, None),
    "softplus of large numbers": Report(
        lambda x: np.sum(np.logaddexp(0.0, x)), np.array([-1000.0, 0.0, 1000.0]), [0.0, 0.5, 1.0]
    ),
    "logaddexp of -inf": Report(lambda x: np.logaddexp(x, -inf), 2.0, 1.0),
    "sinc at 0": Report(np.sinc, 0.0, 0.0),
    "an inverse square root as an activation": Report(
        lambda x: np.sum(x / np.sqrt(1.0 + x * x)), V, (1.0 + V * V) ** -1.5
    ),
    "remainders of negative numbers": Report(lambda p: p[0] % p[1], np.array([-5.5, 2.0]), [1.0, 3.0]),
    # ----- shapes -----------------------------------------------------------------------------------------------------
    "broadcast_to": Report(lambda x: np.sum(np.broadcast_to(x, (4, 3))), np.ones(3), np.full(3, 4.0)),
    "einsum with an ellipsis that broadcasts": Report(
        lambda x: np.sum(np.einsum("...ij,...jk->...ik", np.ones((2, 3, 3)), x) ** 2),
        np.arange(12.0).reshape(3, 4),
    ),
    "einsum that sums letters of one operand": Report(
        lambda x: np.sum(np.einsum("abcd->bd", x) ** 2), np.arange(36.0).reshape(3, 2, 3, 2) / 9.0
    ),
    "einsum of an axis of size 1": Report(
        lambda x: np.einsum("i,i", x, np.array([2.0])), np.array([2.0, 2.0]), [2.0, 2.0]
    ),
    "einsum of a diagonal": Report(lambda x: np.sum(np.einsum("ii->i", x) * V), np.eye(3), np.diag(V)),
    "tile": Report(lambda x: np.sum(np.tile(x, (2, 2)) * np.arange(12.0).reshape(2, 6)), V, [18.0, 22.0, 26.0]),
    "repeat by different numbers": Report(lambda x: np.sum(np.repeat(x, [1, 0, 3])), V, [1.0, 0.0, 3.0]),
    "an index that takes an entry twice": Report(
        lambda x: np.sum(x[np.array([0, 0, 2])] * [1.0, 2.0, 3.0]), V, [3.0, 0.0, 3.0]
    ),
    "vectors that are made of parts by angles": Report(polar, np.array([0.3, 0.8, -1.2, 0.5]), None),
    "a number and an array": Report(lambda c: np.sum((c + V) ** 2), 0.5, 2.0 * np.sum(0.5 + V)),
    "an array that is filled with a constant": Report(overwritten, V, np.zeros(3)),
    "rows of a loop": Report(lambda a: sum(np.sum(row**2) * k for k, row in enumerate(a)), A, None),
    # ----- matrices ---------------------------------------------------------------------------------------------------
    "absolute eigenvectors": Report(symmetric(lambda a: np.sum(np.abs(np.linalg.eigh(a)[1]))), A, None),
    "the sum of equal eigenvalues": Report(lambda a: np.sum(np.linalg.eigvalsh(a)), np.eye(3), np.eye(3)),
    "eigenvectors of a matrix with large eigenvalues": Report(
        symmetric(lambda a: np.sum(np.linalg.eigh(a)[1])), np.diag(2.0**53 + np.arange(0.0, 9.0, 4.0)), np.zeros((3, 3))
    ),
    "singular vectors and values put together, two of which are equal": Report(
        by_svd, np.diag([1.0, 1.0, 2.0, 3.0]) , np.diag([1.0, 1.0, 2.0, 3.0]) / np.sqrt(15.0)
    ),
    "det of a matrix without an inverse": Report(
        np.linalg.det, np.array([[1.0, 2.0], [2.0, 4.0]]), [[4.0, -2.0], [-2.0, 1.0]]
    ),
    "slogdet of a negative determinant": Report(lambda a: np.linalg.slogdet(a)[1], -np.eye(3) + 0.1 * A, None),
    "matrix_power 0": Report(lambda a: np.sum(np.linalg.matrix_power(a, 0)), A, np.zeros((3, 3))),
    "a quadratic form": Report(lambda x: 0.5 * x @ (A @ x), V, A @ V),
    # ----- derivatives within derivatives -----------------------------------------------------------------------------
    "an inner derivative that closes over the outer variable": Report(lambda x: x * grad(lambda y: x + y)(x), 5.0, 1.0),
    "the same, with a product in between": Report(lambda x: x * grad(lambda y: x + y)(1.0 * x), 5.0, 1.0),
    "a component of a gradient": Report(of_a_component, np.array([0.1, 0.2, 0.3]), None),
    "a gradient of a sum over columns": Report(columns, A[:2, :2], None),
    "the sum of a gradient": Report(lambda a: np.sum(grad(lambda a: np.sum(np.sin(a @ A)))(a)), A, None),
    "two equal numbers as variables": Report(lambda p: p[0] + p[1], (3.0, 3.0), (1.0, 1.0)),
}  # fmt: skip


def by_differences(fun: Callable[[Any], Any], x: Any) -> Any:
    """Central differences, twice extrapolated."""
    x = np.asarray(x, float)
    found = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[k] = 1e-3 * max(1.0, abs(x[k]) if abs(x[k]) < 1e6 else 1.0)
        rows = [(fun((x + step / 2**j)[()]) - fun((x - step / 2**j)[()])) / (2 * step[k] / 2**j) for j in range(3)]
        once = [(4 * b - a) / 3 for a, b in itertools.pairwise(rows)]
        found[k] = (16 * once[1] - once[0]) / 15
    return found[()]


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_reported_program(name: str) -> None:
    fun, at, expected = REPORTS[name]
    if expected is None and not isinstance(at, dict):
        expected = by_differences(fun, at)
    found = grad(fun)(at)
    if isinstance(at, dict):  # at a kink: the compiled program has to choose as the engine does
        again = compiled(grad(fun))(at)
        assert all(np.array_equal(again[key], found[key]) and np.isfinite(found[key]).all() for key in at)
        return
    tolerance = 1e-5 if np.asarray(at[0] if isinstance(at, tuple) else at).dtype == np.float32 else 1e-8
    leaves = [np.asarray(found, float), np.asarray(compiled(grad(fun))(at), float)]
    if not isinstance(at, tuple):
        leaves.append(np.asarray(batched(grad(fun))(np.stack([at, at]))[1], float))
    for each in leaves:
        np.testing.assert_allclose(each, expected, rtol=tolerance, atol=tolerance)
    if not isinstance(at, tuple):
        v = np.cos(np.arange(np.size(at), dtype=np.asarray(at).dtype)).reshape(np.shape(at))[()]
        slope = jvp(fun, (at,), (v,))[1]
        np.testing.assert_allclose(
            slope,
            np.sum(np.asarray(expected, float) * v),
            rtol=1e-4 if tolerance == 1e-5 else 1e-8,
            atol=10 * tolerance,
        )


def test_second_derivatives_that_were_reported() -> None:
    q = REPORTS["a polynomial with fractions"].fun
    assert grad(grad(q))(0.5) == pytest.approx(144.0 / 25.0)
    quadratic = REPORTS["a quadratic form"].fun
    np.testing.assert_allclose(minigrad.hvp(quadratic, V, V), A @ V)
    np.testing.assert_allclose(hessian(quadratic)(V), A)
    factor = [5.0]
    assert grad(grad(lambda x: 4.0 * x**2 + factor[0] * x + 10.0))(25.0) == 8.0
    assert grad(grad(lambda x: x * x * factor[0]))(1.0) == 10.0


def test_perturbations_are_not_confused() -> None:
    """Mechanics: mixed derivatives of a Lagrangian in positions and velocities, and its Legendre transformation."""
    mass, g = 1.0, 9.8

    def lagrangian(q: Any, speed: Any) -> Any:
        return mass / 2.0 * speed @ speed - mass * g * q[1]

    q, speed, momentum = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])
    assert not jacobian(lambda a: grad(lambda b: lagrangian(a, b))(speed))(q).any()

    def hamiltonian(q: Any, p: Any) -> Any:
        gradient = grad(lambda v: lagrangian(q, v))
        start = np.zeros(2)
        v = np.linalg.solve(jacobian(gradient)(start), p - gradient(start))
        return p @ v - lagrangian(q, v)

    assert hamiltonian(q, momentum) == pytest.approx(0.5 * momentum @ momentum + g * q[1])
    np.testing.assert_allclose(grad(hamiltonian)(q, momentum), [0.0, g], atol=1e-14)
    np.testing.assert_allclose(grad(hamiltonian, 1)(q, momentum), momentum)


def test_a_closure_that_gives_its_variable_another_value() -> None:
    def outer(x: Any) -> Any:
        def inner(y: Any) -> Any:
            nonlocal x
            x = x * y
            return x

        grad(inner)(1.0)
        return grad(inner)(1.0)

    assert grad(outer)(1.0) == 1.0

    def twice() -> Any:
        x = 2.0

        def scaled(y: Any) -> Any:
            nonlocal x
            x = y * x
            return x

        grad(scaled)(1.0)
        return grad(scaled)(1.0)

    assert twice() == 2.0


def test_eigenvalues_of_a_hermitian_matrix_are_real_and_so_are_their_changes() -> None:
    a = A + 1j * (np.triu(A, 1) - np.triu(A, 1).T)
    values, changes = jvp(np.linalg.eigvalsh, (a,), (a,))
    assert values.dtype == changes.dtype == np.float64
    np.testing.assert_allclose(changes, values)
    assert grad(lambda a: np.sum(np.linalg.eigh(a)[0]))(a).dtype == np.complex128
    np.testing.assert_allclose(grad(lambda a: np.real(np.sum(np.linalg.eigvalsh(a))))(np.eye(3) + 0j), np.eye(3))


def test_the_density_of_a_normal_distribution_in_its_covariance_has_the_right_sign() -> None:
    stats = pytest.importorskip("minigrad.scipy.stats")
    cov = A @ A.T + np.eye(3)

    def fun(c: Any) -> Any:
        return stats.multivariate_normal.logpdf(V, np.zeros(3), 0.5 * (c + c.T))

    np.testing.assert_allclose(grad(fun)(cov), by_differences(fun, cov), rtol=1e-7, atol=1e-9)


def test_special_functions_at_the_ends_of_their_domain() -> None:
    special = pytest.importorskip("minigrad.scipy.special")
    assert grad(lambda x: special.gammainc(1.0, x))(inf) == 0.0
    assert grad(lambda x: special.gammainc(1.0, x))(0.5) == pytest.approx(np.exp(-0.5))
    for a, b in ((-1.5, 2.5), (1.5, -0.5), (-2.3, -1.2)):
        assert grad(special.beta)(a, b) == pytest.approx(by_differences(lambda a, b=b: special.beta(a, b), a), rel=1e-7)
    assert grad(lambda x: special.betainc(2.0, 3.0, x))(0.5) == pytest.approx(12.0 * 0.5 * 0.25)
    for k in (0, 1):  # right, or refused; never 0
        try:
            slope = grad(special.betainc, k)(2.0, 3.0, 0.5)
        except NotImplementedError:
            continue
        assert slope == pytest.approx(
            by_differences(lambda t, k=k: special.betainc(*((t, 3.0) if k == 0 else (2.0, t)), 0.5), (2.0, 3.0)[k]),
            rel=1e-6,
        )
