"""Statistics and relatives: values at special points, ties, NaN, and what other packages say."""

from typing import Any

import mpmath
import numpy
import pytest
from references import assert_close

import minigrad.numpy as np
from minigrad import grad, hessian, jacobian, jvp, vjp

nan, inf = numpy.nan, numpy.inf


def array(*values: Any) -> Any:
    return numpy.array(values, dtype=float)


# ----- ties and NaN


def test_ties_follow_a_stable_sort() -> None:
    x = array(2, 1, 1, 2)
    assert grad(lambda x: np.sort(x) @ array(1, 2, 3, 4))(x).tolist() == [3, 1, 2, 4]
    assert grad(np.median)(x).tolist() == [0.5, 0, 0.5, 0]
    assert grad(np.median)(array(1, 1, 1)).tolist() == [0, 1, 0]
    assert grad(lambda x: np.quantile(x, 1.0))(x).tolist() == [0, 0, 0, 1]
    assert grad(np.ptp)(x).tolist() == [0.5, -0.5, -0.5, 0.5]
    assert grad(lambda x: np.sum(np.unique(x)))(x).tolist() == [1, 1, 0, 0]


def test_a_nan_moves_with_the_nan_it_came_from() -> None:
    x = array(3, nan, 1, 2)
    assert grad(np.median)(x).tolist() == [0, 1, 0, 0]
    assert grad(lambda x: np.percentile(x, 30))(x).tolist() == [0, 1, 0, 0]
    assert grad(np.nanmedian)(x).tolist() == [0, 0, 0, 1]
    assert grad(lambda x: np.nanquantile(x, 1.0))(x).tolist() == [1, 0, 0, 0]
    assert grad(np.nansum)(x).tolist() == [1, 0, 1, 1]
    assert grad(np.nanprod)(x).tolist() == [2, 0, 6, 3]
    assert grad(np.nanmax)(x).tolist() == [1, 0, 0, 0]
    assert_close(grad(np.nanmean)(x), array(1, 0, 1, 1) / 3, 1e-15)
    assert_close(grad(np.nanvar)(x), array(2, 0, -2, 0) / 3, 1e-15)
    assert grad(np.nanstd)(array(2, nan, 2)).tolist() == [0, 0, 0]
    assert grad(lambda x: np.nancumsum(x) @ array(1, 1, 1, 1))(x).tolist() == [4, 0, 2, 1]


def test_lines_of_nothing_but_nan() -> None:
    x = numpy.array([[1.0, nan], [nan, nan]])
    value, pullback = vjp(lambda x: np.nanmax(x, axis=1), x)
    numpy.testing.assert_array_equal(value, array(1, nan))
    assert pullback(array(1, 0))[0].tolist() == [[1, 0], [0, 0]]
    value, pullback = vjp(lambda x: np.nanmean(x, axis=1), x)
    numpy.testing.assert_array_equal(value, array(1, nan))
    assert pullback(array(1, 0))[0].tolist() == [[1, 0], [0, 0]]


def test_infinities_in_a_quantile() -> None:
    x = array(1, 2, inf)
    assert grad(np.median)(x).tolist() == [0, 1, 0]
    assert grad(lambda x: np.quantile(x, 0.25))(x).tolist() == [0.5, 0.5, 0]
    assert numpy.isinf(vjp(lambda x: np.quantile(x, 0.7), x)[0])
    assert numpy.isnan(vjp(lambda x: np.quantile(x, 0.75), x)[0])  # as NumPy has it: inf - inf / 2


def test_quantile_in_q() -> None:
    x = array(4, 1, 0, 9)
    assert grad(lambda q: np.quantile(x, q))(0.5) == 3 * 3  # between 1 and 4
    assert grad(lambda q: np.quantile(x, q))(0.0) == 3 * 1  # to the right at a rank, to the left at the end
    assert grad(lambda q: np.quantile(x, q))(1.0) == 3 * 5
    assert_close(grad(lambda q: np.percentile(x, q))(50.0), 0.09, 1e-13)
    assert grad(lambda q: np.quantile(x, q, method="weibull"))(0.01) == 0  # below the smallest
    assert grad(lambda q: np.quantile(x, q, method="nearest"))(0.4) == 0
    mixed = jacobian(grad(lambda x, q: np.quantile(x, q)), 1)(x, 0.5)
    assert mixed.tolist() == [3, -3, 0, 0]


def test_what_has_no_quantile() -> None:
    with pytest.raises(TypeError, match="complex"):
        grad(lambda x: np.real(np.quantile(x + 1j, 0.5)))(array(1, 2))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        grad(lambda x: np.quantile(x, 1.5))(array(1, 2))
    assert grad(lambda x: np.sum(np.median(x, axis=0)))(numpy.zeros((2, 0))).shape == (2, 0)


# ----- reductions with options


def test_options_of_the_moments() -> None:
    x, mask = array(1, 5, nan, 3), numpy.array([True, True, False, True])
    assert_close(grad(lambda x: np.mean(x, where=mask))(x), array(1, 1, 0, 1) / 3, 1e-15)
    assert_close(grad(lambda x: np.var(x, where=mask, ddof=1))(x), array(-2, 2, 0, 0), 1e-15)
    assert grad(lambda x: np.std(x, where=mask))(array(2, 2, 7, 2)).tolist() == [0, 0, 0, 0]
    assert_close(grad(lambda m: np.var(array(1, 2), mean=m))(array(2)), array(1), 1e-15)
    assert grad(lambda x: np.max(x, where=mask, initial=4.0))(array(1, 2, 9, 3)).tolist() == [0, 0, 0, 0]
    assert grad(lambda i: np.max(numpy.zeros(0), initial=i))(1.0) == 1
    assert grad(lambda i: np.sum(np.min(numpy.zeros((3, 0)), axis=1, initial=i)))(1.0) == 3
    narrow = numpy.ones(3, numpy.float32)
    for f in (np.sum, np.prod, np.mean, np.var):
        assert grad(lambda x, f=f: f(x, where=mask[:3]))(narrow).dtype == numpy.float32
        assert vjp(lambda x, f=f: f(x, dtype=float), narrow)[0].dtype == float


def test_nan_to_num_of_infinities() -> None:
    x = array(nan, inf, -inf, 2)
    value, pullback = vjp(lambda x: np.nan_to_num(x, nan=1.0, posinf=5.0, neginf=-6.0), x)
    assert value.tolist() == [1, 5, -6, 2]
    assert pullback(array(1, 1, 1, 1))[0].tolist() == [0, 0, 0, 1]


def test_average() -> None:
    with pytest.raises(ZeroDivisionError, match="weights sum to zero"):
        grad(lambda w: np.average(array(1, 2), weights=w))(array(1, -1))
    with pytest.raises(ValueError, match="weights of shape"):
        grad(lambda w: np.average(numpy.ones((2, 3)), weights=w))(array(1, 1))
    assert_close(grad(lambda w: np.average(array(1, 4), weights=w))(array(1, 2)), array(-2, 1) / 3, 1e-15)
    mean, total = vjp(lambda x: np.average(x, returned=True), array(1, 3, 5))[0]
    assert (float(mean), float(total)) == (3, 3)


def test_corrcoef_of_proportional_rows() -> None:
    x = array(1, 2, 4)
    assert_close(grad(lambda x: np.corrcoef(x, 3 * array(1, 2, 4))[0, 1])(x), numpy.zeros(3), 1e-14, floor=1.0)
    h = hessian(lambda x: np.corrcoef(x, 3 * array(1, 2, 4))[0, 1])(x)
    assert_close(h, hessian(lambda x: np.sum((x - np.mean(x)) * (array(1, 2, 4) - 7 / 3)) / np.sqrt(
        np.sum((x - np.mean(x)) ** 2) * 14 / 3))(x), 1e-12)  # fmt: skip


def test_cov_without_degrees_of_freedom() -> None:
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"), numpy.errstate(invalid="ignore"):
        vjp(np.cov, array(1))


# ----- histograms, interpolation, differences


def test_histogram_edges_and_densities() -> None:
    x = array(0, 1, 2, 10)
    assert_close(jacobian(lambda x: np.histogram(x, 2)[1])(x), numpy.array([[1, 0, 0, 0], [0.5, 0, 0, 0.5],
                 [0, 0, 0, 1]]), 1e-15)  # fmt: skip
    density = jacobian(lambda x: np.histogram(x, 2, density=True)[0])(x)
    assert_close(density[:, 3], -array(3, 1) / 4 / 5 / 10, 1e-14)
    assert grad(lambda w: np.sum(np.histogram(x, [0, 1, 2], weights=w)[0]))(array(1, 1, 1, 1)).tolist() == [1, 1, 1, 0]
    assert grad(lambda w: np.bincount([1, 0, 1], w)[1])(array(1, 2, 3)).tolist() == [1, 0, 1]


def test_interp_at_knots() -> None:
    xp, fp = array(0, 1, 3), array(0, 2, 2)
    slope = grad(lambda x: np.interp(x, xp, fp))
    assert [float(slope(x)) for x in (-1.0, 0.0, 0.5, 1.0, 3.0, 4.0)] == [0, 2, 2, 0, 0, 0]
    assert grad(lambda fp: np.interp(-1.0, xp, fp))(fp).tolist() == [1, 0, 0]
    assert grad(lambda left: np.interp(-1.0, xp, fp, left=left))(5.0) == 1
    assert grad(lambda fp: np.interp(3.0, xp, fp))(fp).tolist() == [0, 0, 1]
    assert grad(lambda x: np.interp(x, array(0, 1, 1), fp))(1.0) == 0  # of a jump nothing is left
    value, pullback = vjp(lambda x: np.interp(x, xp, fp), nan)
    assert numpy.isnan(value)
    assert float(pullback(1.0)[0]) == 0
    with pytest.raises(ValueError, match="period"):
        grad(lambda x: np.interp(x, xp, fp, period=0))(1.0)


def test_unwrap_is_piecewise_linear() -> None:
    p = array(0, 4, 8, 1)
    assert_close(jacobian(np.unwrap)(p), numpy.eye(4), 0)
    third = jacobian(jacobian(jacobian(lambda p: np.unwrap(p) ** 2)))(p)
    assert not numpy.any(third)
    assert grad(lambda period: np.unwrap(array(0, 4), period=period)[1])(6.0) == -1


def test_gradient_returns_a_tuple() -> None:
    x = numpy.arange(12.0).reshape(3, 4)
    both = vjp(lambda x: np.gradient(x), x)[0]
    assert isinstance(both, tuple)
    assert [part.shape for part in both] == [(3, 4), (3, 4)]
    with pytest.raises(ValueError, match="fewer"):
        grad(lambda x: np.sum(np.gradient(x, edge_order=2)))(array(1, 2))
    with pytest.raises(TypeError, match="spacings"):
        grad(lambda x: np.sum(np.gradient(x, 1.0, 2.0)))(array(1, 2, 3))


def test_ends() -> None:
    assert jacobian(lambda x: np.diff(x, prepend=x[-1]))(array(1, 2)).tolist() == [[1, -1], [-1, 1]]
    assert jacobian(lambda x: np.diff(x, 0))(array(1, 2)).tolist() == [[1, 0], [0, 1]]
    assert jacobian(lambda x: np.ediff1d(x, to_end=x[0]))(array(1, 3)).tolist() == [[-1, 1], [1, 0]]
    with pytest.raises(TypeError, match="to_begin"):
        grad(lambda x: np.sum(np.ediff1d(array(1, 2).astype(int), x)))(1.0)
    assert grad(lambda c: np.sum(np.pad(array(1, 2), 1, constant_values=c)))(3.0) == 2


# ----- polynomials


def test_poly_of_a_matrix_with_coinciding_eigenvalues() -> None:
    eye = numpy.eye(2)
    value, pullback = vjp(np.poly, eye)
    assert value.tolist() == [1, -2, 1]
    assert pullback(array(0, 0, 1))[0].tolist() == [[1, 0], [0, 1]]
    assert hessian(lambda A: np.poly(A)[2])(eye)[0, 0, 1, 1] == 1


def test_vander_and_polyval_at_zero() -> None:
    assert jacobian(lambda x: np.vander(x, 4))(array(0))[0, :, 0].tolist() == [0, 0, 1, 0]
    assert grad(grad(lambda x: np.vander(np.reshape(x, 1), 4)[0, 1]))(0.0) == 2
    assert grad(grad(lambda x: np.polyval(array(5, 3, 1), x)))(0.0) == 10


def test_polymul_and_polydiv() -> None:
    u, v = array(0, 1, 2), array(1, 3)
    value, pullback = vjp(np.polymul, u, v)
    assert value.tolist() == [1, 5, 6]
    assert pullback(array(1, 0, 0))[0].tolist() == [0, 3 / 3, 0]
    quotient, rest = vjp(np.polydiv, array(1, 5, 6), v)[0]
    assert quotient.tolist() == [1, 2]
    assert rest.tolist() == [0]


def test_polyfit() -> None:
    x, y = numpy.linspace(-1, 2, 6), numpy.cos(numpy.arange(6.0))
    third = jacobian(jacobian(jacobian(lambda s: np.polyfit(x + s * x**2, y, 2))))(0.1)
    h = 1e-3
    second = jacobian(jacobian(lambda s: np.polyfit(x + s * x**2, y, 2)))
    assert_close(third, (second(0.1 + h) - second(0.1 - h)) / (2 * h), 1e-4)
    with pytest.raises(NotImplementedError, match="not unique"), pytest.warns(numpy.exceptions.RankWarning):
        grad(lambda y: np.polyfit(array(1, 1, 1), y, 2)[0])(array(1, 2, 3))
    with pytest.raises(TypeError, match="full"):
        grad(lambda y: np.polyfit(x, y, 2, full=True)[0][0])(y)


# ----- I_0


def test_i0_at_zero_to_any_order() -> None:
    f, found = np.i0, []
    for _ in range(6):
        f = grad(f)
        found.append(float(f(0.0)))
    assert_close(numpy.array(found), array(0, 1 / 2, 0, 3 / 8, 0, 5 / 16), 1e-15)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_i0(order: int) -> None:
    points = [-600.0, -30.0, -2.5, -1e-3, 1e-6, 0.3, 5.0, 7.99, 8.01, 19.0, 45.0, 250.0, 690.0]
    f: Any = np.i0
    for _ in range(order):
        f = grad(f)
    with mpmath.workdps(40):
        for x in points:
            if order == 1:
                expected = mpmath.besseli(1, x)
            elif order == 2:
                expected = (mpmath.besseli(0, x) + mpmath.besseli(2, x)) / 2
            else:
                expected = (3 * mpmath.besseli(1, x) + mpmath.besseli(3, x)) / 4
            assert abs(float(f(x)) / float(expected) - 1) < 1e-14


def test_i0_refuses_complex_numbers() -> None:
    with pytest.raises(TypeError, match="complex"):
        jvp(np.i0, (1j,), (1.0,))


# ----- other packages


def cases() -> list[Any]:
    """Functions that the other packages have, and where to try them."""
    x = array(0.3, -1.2, 2.5, 0.7)
    m = numpy.random.default_rng(3).normal(size=(3, 4))
    return [
        ("sort", lambda np, x: np.sort(x) @ array(1, 2, 3, 4), x),
        ("partition", lambda np, x: np.partition(x, 2)[2], x),
        ("var", lambda np, x: np.var(x, ddof=1), x),
        ("diff", lambda np, x: np.sum(np.diff(x, 2, axis=1) ** 3), m),
        ("median", lambda np, x: np.sum(np.median(x, axis=1) ** 2), m),
        ("quantile", lambda np, x: np.sum(np.quantile(x, numpy.array([0.2, 0.55]), axis=0) ** 2), m),
        ("nanvar", lambda np, x: np.nanvar(x), x),
        ("average", lambda np, x: np.average(x, weights=x**2), x),
        ("ptp", lambda np, x: np.ptp(x), x),
        ("cov", lambda np, x: np.sum(np.cov(x) ** 2), m),
        ("corrcoef", lambda np, x: np.sum(np.corrcoef(x) ** 3), m),
        ("convolve", lambda np, x: np.sum(np.convolve(x, x[:2], mode="same") ** 2), x),
        ("interp", lambda np, x: np.sum(np.interp(x, array(-1, 0, 1, 3), x**2)), x),
        ("trapezoid", lambda np, x: np.trapezoid(x**2, x), x),
        ("gradient", lambda np, x: np.sum(np.gradient(x) ** 2), x),
        ("unwrap", lambda np, x: np.sum(np.unwrap(3 * x) ** 2), x),
        ("polyval", lambda np, x: np.polyval(x, x[0]), x),
        ("polymul", lambda np, x: np.sum(np.polymul(x, x[:2]) ** 2), x),
        ("vander", lambda np, x: np.sum(np.vander(x, 3) ** 2), x),
        ("i0", lambda np, x: np.sum(np.i0(x) ** 2), x),
        ("cumulative_sum", lambda np, x: np.sum(np.cumulative_sum(x, include_initial=True) ** 2), x),
    ]


CASES = cases()


@pytest.mark.parametrize(("name", "f", "x"), CASES, ids=[case[0] for case in CASES])
def test_against_jax(name: str, f: Any, x: Any) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        expected = numpy.asarray(jax.grad(lambda x: f(jax.numpy, x))(jax.numpy.asarray(x)))
    assert_close(grad(lambda x: f(np, x))(x), expected, 1e-8 if name == "i0" else 1e-12)


KNOWN = [case for case in CASES if case[0] in ("sort", "partition", "var", "diff", "gradient")]


@pytest.mark.parametrize(("name", "f", "x"), KNOWN, ids=[case[0] for case in KNOWN])
def test_against_autograd(name: str, f: Any, x: Any) -> None:
    autograd = pytest.importorskip("autograd")
    import autograd.numpy as anp

    assert_close(grad(lambda x: f(np, x))(x), autograd.grad(lambda x: f(anp, x))(x), 1e-12)


# ----- every order, also through plain NumPy


def test_lists_of_traced_values() -> None:
    assert grad(lambda a: np.median([a, 3.0, 1.0, a * a]))(2.0) == 0.5
    assert grad(lambda a: np.average([a, 2.0], weights=[a, 1.0]))(1.0) == 0.25
    assert grad(lambda a: np.polyval([a, a], 3.0))(1.0) == 4
    assert grad(lambda a: np.interp(a, [0.0, a + 1], [0.0, a]))(1.0) == 0.75
    assert grad(lambda a: numpy.cov(a * array(1, 2), aweights=array(1, 1), ddof=0))(3.0) == 1.5
    assert grad(lambda a: np.trapezoid(y=[a, a * a]))(3.0) == 3.5


def test_roots_move_with_every_coefficient() -> None:
    """Also with leading and trailing ones that are 0: dx = -dp(x) / p'(x)."""
    p = np.array([0.0, 1.0, -3.0, 2.0])
    x = np.roots(p)
    slope = 2 * x - 3
    for k, root in enumerate(x):
        expected = -(root ** np.arange(3, -1, -1)) / slope[k]
        assert np.allclose(grad(lambda p, k=k: np.roots(p)[k])(p), expected, rtol=1e-13)
    p = np.array([1.0, -3.0, 0.0])
    assert np.allclose(grad(lambda p: np.roots(p)[1])(p), [0.0, 0.0, 1 / 3], rtol=1e-13)
