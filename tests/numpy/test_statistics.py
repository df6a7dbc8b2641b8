"""Statistics: values at special points, NaN, and what other packages say."""

from typing import Any

import numpy
import pytest
from references import assert_close

import minigrad.numpy as np
from minigrad import grad, hessian, jacobian, vjp

nan, inf = numpy.nan, numpy.inf


def array(*values: Any) -> Any:
    return numpy.array(values, dtype=float)


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
