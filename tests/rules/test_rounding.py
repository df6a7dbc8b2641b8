"""Rules that keep their digits at large and small magnitudes."""

import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
from minigrad import batched, compile, derivatives, elementwise_grad, grad, hvp, jvp  # noqa: A004


def test_the_derivative_of_logsumexp_sums_to_one_at_any_magnitude() -> None:
    """exp(x - logsumexp(x)) would not: the rounding of the logarithm is absolute."""
    for scale in (1.0, 1e4, 1e10, 1e16, -1e16):
        assert_close(grad(mnp.logsumexp)(np.array([scale, scale])), np.array([0.5, 0.5]), 1e-15)
        assert_close(np.array(grad(np.logaddexp, (0, 1))(scale, scale)), np.array([0.5, 0.5]), 1e-15)
    assert_close(grad(mnp.logsumexp)(np.array([1e4, 1e4], np.float32)), np.array([0.5, 0.5], np.float32), 1e-6)
    assert np.array_equal(grad(mnp.logsumexp)(np.array([-np.inf, 0.0])), [0.0, 1.0])
    assert np.array_equal(grad(mnp.logsumexp)(np.array([-np.inf, -np.inf])), [0.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(np.logaddexp)(0.0, 1000.0) == 0.0


def test_arctan2_and_arcsinh_do_not_overflow() -> None:
    """Squares of 1e200 would."""
    for scale in (1e-200, 1.0, 1e200):
        assert_close(
            np.array(grad(np.arctan2, (0, 1))(scale, scale)), np.array([0.5, -0.5]) / scale, 1e-14, floor=1e-300
        )
    assert_close(grad(np.arcsinh)(1e200), 1e-200, 1e-14, floor=1e-300)


def test_expm1_keeps_its_tail() -> None:
    """The derivative is exp(x), which ans + 1 cannot tell from 0 far to the left."""
    assert_close(grad(np.expm1)(-30.0), np.exp(-30.0), 1e-15, floor=1e-300)


def test_products_that_have_lost_digits():
    """The product 1.5 * 5e-324 has one bit; that of the others is not to be had from it by division."""
    np.testing.assert_array_equal(grad(np.prod)(np.array([1.5, 5e-324, 2.0])), [1e-323, 3.0, 1e-323])
    np.testing.assert_allclose(grad(np.prod)(np.array([1e-200, 1e-120, 3.0])), [3e-120, 3e-200, 1e-320], rtol=1e-3)


TAILS = np.array([-400.0, -300.0, -19.5, -18.0, -4.2, -3.9, -1.0, 0.0, 0.3, 3.4, 3.9, 18.0, 19.5, 50.0, 300.0])


def sech(x: Any, k: int) -> Any:
    """The derivative of order k of 1/cosh(x)^2, for k below 3."""
    s, t = 1 / mpmath.cosh(x) ** 2, mpmath.tanh(x)
    return (s, -2 * t * s, (6 * t * t - 2) * s)[k]


@pytest.mark.parametrize("space", [np, mnp])
def test_the_slope_of_tanh_keeps_its_digits_in_the_tails(space: Any) -> None:
    """1 - tanh(x)^2 is 4 percent off at 18, and 0 at 19.5. In every mode, and in every nesting of two."""
    x, ones = TAILS, np.ones_like(TAILS)
    with mpmath.workdps(400):
        first, second, third = [np.array([float(sech(mpmath.mpf(v), k)) for v in x]) for k in range(3)]
    total = lambda x: space.sum(space.tanh(x))
    gradient, slope = grad(total), grad(space.tanh)
    curvature = grad(lambda x: space.sum(gradient(x)))
    found = {
        "reverse": (gradient(x), first),
        "numbers": ([slope(float(v)) for v in x], first),
        "scalars": ([slope(v) for v in x], first),
        "no axes": ([slope(np.array(v)) for v in x], first),
        "forward": (jvp(space.tanh, (x,), (ones,))[1], first),
        "batched": (batched(slope)(x), first),
        "compiled": (compile(gradient)(x), first),
        "reverse over reverse": (curvature(x), second),
        "numbers, twice": ([grad(slope)(float(v)) for v in x], second),
        "forward over reverse": (hvp(total, x, ones), second),
        "reverse over forward": (grad(lambda x: space.sum(jvp(space.tanh, (x,), (ones,))[1]))(x), second),
        "forward over forward": (jvp(lambda x: jvp(space.tanh, (x,), (ones,))[1], (x,), (ones,))[1], second),
        "batched, twice": (batched(grad(slope))(x), second),
        "reverse over batched": (grad(lambda x: space.sum(batched(slope)(x)))(x), second),
        "compiled, twice": (compile(curvature)(x), second),
        "Taylor": (derivatives(space.tanh, x, 3)[1:], np.stack([first, second, third])),
        "Taylor over reverse": (derivatives(elementwise_grad(space.tanh), x, 2), np.stack([first, second, third])),
        "reverse over Taylor": (grad(lambda x: space.sum(derivatives(space.tanh, x, 2)[2]))(x), third),
    }
    for mode, (actual, expected) in found.items():
        np.testing.assert_allclose(actual, expected, rtol=2e-13, atol=1e-305, err_msg=mode)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_the_direction_of_a_complex_number_below_the_smallest_normal_one(dtype: Any) -> None:
    """NumPy's quotient of two such numbers is NaN, though their lengths are what they are."""
    tiny = 2.0 ** (-10) * np.finfo(dtype).tiny * np.array([3 + 4j, -1j])
    z = np.array([*tiny, 0.0, 3 + 4j], dtype)
    for mode in (grad, lambda fun: compile(grad(fun))):
        found = mode(lambda z: np.sum(np.abs(z)))(z)
        np.testing.assert_allclose(found, [0.6 - 0.8j, 1j, 0.0, 0.6 - 0.8j], rtol=1e-5)
        assert found.dtype == dtype


def test_the_slope_of_tanh_of_other_dtypes() -> None:
    """float32 stays float32; complex numbers, nothing, NaN and infinities."""
    narrow = grad(lambda x: np.sum(np.tanh(x)))(np.array([18.0, 1.0], np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, [float(sech(18, 0)), float(sech(1, 0))], rtol=1e-6)
    for z in (18 + 1j, -19.5 - 2j, 0.5j):
        for at in (z, np.array([z, 0.1])):
            slope = np.ravel(grad(lambda z: np.sum(np.tanh(z).real))(at))[0]
            np.testing.assert_allclose(slope, complex(1 / mpmath.cosh(z) ** 2), rtol=1e-13)
    assert grad(lambda x: np.sum(np.tanh(x)))(np.zeros((0, 3))).shape == (0, 3)
    strange = grad(lambda x: np.sum(np.tanh(x)))(np.array([np.nan, 18.0, np.inf, -np.inf]))
    np.testing.assert_allclose(strange, [np.nan, float(sech(18, 0)), 0.0, 0.0], rtol=1e-13)


def the_other(x: Any) -> Any:
    return 1 / (2 + mpmath.exp(x))


special = pytest.importorskip("minigrad.scipy.special")
ONE = np.array([0.0, 0.0, 1.0])
NEARLY_ONE = 1 - 2.0**-53
TAILED: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[float]]] = {
    "expit": (special.expit, lambda x: 1 / (1 + mpmath.exp(-x)), [-700.0, -40.0, 37.0, 500.0]),
    "log_expit": (special.log_expit, lambda x: -mpmath.log1p(mpmath.exp(-x)), [-40.0, 40.0, 500.0]),
    "softplus": (special.softplus, lambda x: mpmath.log1p(mpmath.exp(x)), [-600.0, -40.0, 40.0, 500.0]),
    "logaddexp": (lambda x: np.logaddexp(1.0, x), lambda x: mpmath.log(mpmath.e + mpmath.exp(x)), [-600.0, 40.0]),
    "logaddexp2": (lambda x: np.logaddexp2(x, 0.0), lambda x: mpmath.log(1 + 2**x, 2), [-600.0, 60.0]),
    "erf": (special.erf, mpmath.erf, [-5.0, 6.0, 20.0]),
    "ndtr": (special.ndtr, mpmath.ncdf, [-30.0, 9.0, 30.0]),
    "log_ndtr": (special.log_ndtr, lambda x: mpmath.log(mpmath.ncdf(x)), [-30.0, 9.0, 30.0]),
    "arctanh": (np.arctanh, mpmath.atanh, [0.5, 1 - 1e-10, NEARLY_ONE, -NEARLY_ONE]),
    "arcsin": (np.arcsin, mpmath.asin, [NEARLY_ONE, -NEARLY_ONE]),
    "arccosh": (np.arccosh, mpmath.acosh, [1 + 2.0**-52, 1e100]),
    "arcsinh": (np.arcsinh, mpmath.asinh, [1e-100, -1e8, 1e150]),
    "arctan": (np.arctan, mpmath.atan, [1e8, 1e60]),
    "logit": (special.logit, lambda p: mpmath.log(p / (1 - p)), [1e-100, NEARLY_ONE]),
    "log1p": (np.log1p, mpmath.log1p, [-NEARLY_ONE, 1e100]),
    "expm1": (np.expm1, mpmath.expm1, [-40.0, -700.0]),
    "cosm1": (special.cosm1, lambda x: mpmath.cos(x) - 1, [1e-10, 1e-100]),
    "spence": (special.spence, lambda z: mpmath.polylog(2, 1 - z), [1e-10, 1 + 1e-10, 1e10]),
    "entr": (special.entr, lambda x: -x * mpmath.log(x), [1e-100, 1e-200]),
    "kl_div": (lambda x: special.kl_div(x, 1.0), lambda x: x * mpmath.log(x) - x + 1, [1 + 1e-10, 1e-200]),
    "rel_entr": (lambda x: special.rel_entr(x, 1.0), lambda x: x * mpmath.log(x), [1e-100, 1e-200]),
    "softmax": (lambda x: special.softmax(ONE * x)[2], lambda x: 1 - 2 * the_other(x), [-40.0, 40.0, 300.0]),
    "a small share": (lambda x: special.softmax(ONE * x)[0], the_other, [-40.0, 40.0, 300.0]),
    "log_softmax": (
        lambda x: special.log_softmax(ONE * x)[2],
        lambda x: mpmath.log(1 - 2 * the_other(x)),
        [-40.0, 40.0, 300.0],
    ),
    "logsumexp": (lambda x: special.logsumexp(ONE * x), lambda x: mpmath.log(2 + mpmath.exp(x)), [-40.0, 40.0, 300.0]),
}


@pytest.mark.parametrize("name", TAILED)
def test_first_and_second_derivatives_keep_their_digits_in_the_tails(name: str) -> None:
    """Where the function itself has come to within rounding of a constant, or of an end of its domain."""
    fun, exact, points = TAILED[name]
    for x in points:
        with mpmath.workdps(400):
            step = mpmath.mpf(10) ** -80 * min(abs(mpmath.mpf(x)), 1)
            first, second = [float(mpmath.diff(exact, mpmath.mpf(x), k, h=step)) for k in (1, 2)]
        found = [grad(fun)(x), jvp(fun, (x,), (1.0,))[1], derivatives(fun, x, 2)[1]]
        np.testing.assert_allclose(found, first, rtol=1e-12, err_msg=f"first, at {x}")
        found = [grad(grad(fun))(x), jvp(grad(fun), (x,), (1.0,))[1], derivatives(fun, x, 2)[2]]
        np.testing.assert_allclose(found, second, rtol=1e-11, err_msg=f"second, at {x}")


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("g", [np.eye(6)[1].reshape(2, 3), np.arange(6.0).reshape(2, 3)], ids=["one", "all"])
def test_a_share_near_one_keeps_its_digits(name: str, g: Any, axis: Any) -> None:
    """The Jacobian of a softmax, and of its logarithm, against sums with 60 digits."""
    x = np.array([[0.0, 30.0, -2.0], [80.0, 1.0, 1.0]])
    gradient = grad(lambda x: np.sum(g * getattr(special, name)(x, axis=axis)))
    with mpmath.workdps(60):
        expected = exact_pullback(x, g, axis, name == "log_softmax")
    for found in (gradient(x), batched(gradient)(np.stack([x, x]))[1], compile(gradient)(x)):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-300)


def exact_pullback(x: Any, g: Any, axis: Any, is_log: bool) -> Any:
    """J^T g of a softmax or its logarithm, entry by entry."""
    groups = (
        [np.arange(6)]
        if axis is None
        else list(np.moveaxis(np.arange(6).reshape(2, 3), axis, -1).reshape(-1, (2, 3)[axis]))
    )
    result = np.zeros(6)
    for group in groups:
        e = [mpmath.exp(mpmath.mpf(x.flat[i])) for i in group]
        p = [v / mpmath.fsum(e) for v in e]
        gs = [mpmath.mpf(g.flat[i]) for i in group]
        for k, i in enumerate(group):
            weights = [(k == j) - p[k] if is_log else p[j] * ((k == j) - p[k]) for j in range(len(group))]
            result[i] = float(mpmath.fsum(a * b for a, b in zip(weights, gs)))
    return result.reshape(2, 3)
