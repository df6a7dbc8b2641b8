"""Functions of `scipy.special`: high derivatives keep their digits, or it is told that they have not."""

import warnings
from typing import Any

import mpmath
import numpy as np
import pytest

from minigrad import derivatives, grad, jvp
from minigrad.modes.taylor import push

special = pytest.importorskip("scipy.special")
from exact_orders import ROWS, errors  # noqa: E402  # where SciPy is missing the tests are skipped before

import minigrad.scipy.special as own  # noqa: E402  # where SciPy is missing the tests are skipped before

pytestmark = pytest.mark.filterwarnings("ignore:(.|\\n)*lost digits")
ORDER = 12
FAR = [0.3, 1.5, 3.9, 4.1, 9.0, 30.0, 100.0, 600.0]


def over_circle(fun: Any, x: float) -> Any:
    """The derivatives of orders 0 to 13 at x, by Cauchy's integral with enough digits for the division by r^13."""
    n, r = 32, mpmath.mpf(abs(x)) / 8
    with mpmath.workdps(40 if abs(x) > 0.1 else 80):
        roots = [mpmath.expjpi(mpmath.mpf(2) * k / n) for k in range(n)]
        values = [fun(x + r * root) for root in roots]
        sums = [mpmath.fsum(v * roots[-k * i % n] for i, v in enumerate(values)) for k in range(ORDER + 2)]
        return np.array([float((c / n / r**k).real * mpmath.factorial(k)) for k, c in enumerate(sums)])


def hazard_series(x: float) -> Any:
    """The derivatives of log Φ by h' = -h (x + h), with 250 digits."""
    with mpmath.workdps(250):
        z = mpmath.mpf(x)
        h = [mpmath.npdf(z) / mpmath.ncdf(z)]
        total = [z + h[0]]
        for k in range(ORDER + 1):
            h.append(-mpmath.fsum(h[j] * total[k - j] for j in range(k + 1)) / (k + 1))
            total.append(h[-1] + (k == 0))
        return np.array(
            [float(mpmath.log(mpmath.ncdf(z))), *[float(c * mpmath.factorial(k)) for k, c in enumerate(h[: ORDER + 1])]]
        )


EXACT: dict[str, tuple[Any, Any, list[float]]] = {
    "erfcx": (special.erfcx, lambda x: mpmath.exp(x * x) * mpmath.erfc(x), [-3.0, *FAR, 1e4]),
    "dawsn": (special.dawsn, lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x), [*FAR, -9.0]),
    "i0e": (special.i0e, lambda x: mpmath.exp(-x) * mpmath.besseli(0, x), FAR),
    "i1e": (special.i1e, lambda x: mpmath.exp(-x) * mpmath.besseli(1, x), FAR),
    "k0e": (special.k0e, lambda x: mpmath.exp(x) * mpmath.besselk(0, x), FAR),
    "k1e": (special.k1e, lambda x: mpmath.exp(x) * mpmath.besselk(1, x), FAR),
    "ive": (lambda x: special.ive(2.5, x), lambda x: mpmath.exp(-x) * mpmath.besseli(2.5, x), FAR),
    "kve": (lambda x: special.kve(2.5, x), lambda x: mpmath.exp(x) * mpmath.besselk(2.5, x), FAR),
    "hankel1e": (
        lambda x: special.hankel1e(1, x).real,
        lambda x: (mpmath.hankel1(1, x) * mpmath.expj(-x) + mpmath.hankel2(1, x) * mpmath.expj(x)) / 2,
        FAR[:-2],
    ),
    "jv": (lambda x: special.jv(2.5, x), lambda x: mpmath.besselj(2.5, x), FAR[:-2]),
    "y0": (special.y0, lambda x: mpmath.bessely(0, x), FAR[:-2]),
    "k0": (special.k0, lambda x: mpmath.besselk(0, x), FAR[:-2]),
    "struve": (lambda x: special.struve(1.0, x), lambda x: mpmath.struveh(1, x), [1e-3, 0.3, 3.0, 7.0]),
    "modstruve": (lambda x: special.modstruve(0.0, x), lambda x: mpmath.struvel(0, x), [1e-3, 0.3, 3.0, 7.0]),
    "sine integral": (lambda x: special.sici(x)[0], mpmath.si, [0.3, 0.49, 0.6, 1.0, 3.9, 4.1, 30.0]),
    "hyperbolic sine integral": (lambda x: special.shichi(x)[0], mpmath.shi, [0.3, 0.49, 0.6, 1.0, 3.9, 4.1, 30.0]),
}


@pytest.mark.parametrize("name", EXACT)
def test_derivatives_up_to_order_12(name: str) -> None:
    """To 1e-9 of each derivative, away from its zeros: a zero is near where Newton's method goes there in 0.02 x."""
    fun, exact, points = EXACT[name]
    found = derivatives(fun, np.array(points), ORDER)
    expected = np.stack([over_circle(exact, x) for x in points], axis=1)
    scale = np.abs(expected[:-1]) + 0.02 * np.minimum(np.abs(points), 1.0) * np.abs(expected[1:])
    assert np.all(np.abs(found - expected[:-1]) <= 1e-9 * scale)


def test_the_logarithm_of_the_normal_distribution() -> None:
    """On both sides, where the value is lost in rounding and where it is close to the point itself."""
    points = [-300.0, -30.0, -10.0, -7.0, -5.0, -3.0, -1.1, -0.9, 0.0, 1.0, 5.0, 30.0]
    found = derivatives(special.log_ndtr, np.array(points), ORDER)
    expected = np.stack([hazard_series(x) for x in points], axis=1)
    scale = np.abs(expected[:-1]) + 0.02 * np.abs(expected[1:])
    assert np.all(np.abs(found - expected[:-1]) <= 1e-9 * scale)


@pytest.mark.parametrize("x", [-0.001, 0.1, 0.41])
def test_the_logarithm_of_the_normal_distribution_near_0(x: float) -> None:
    """The recurrence of the hazard loses digits there, and Cauchy's integral takes its place."""
    found, warned = errors(ROWS["log_ndtr"], x)
    assert not warned
    assert np.max(found) < 1e-12


@pytest.mark.parametrize("z", [0.39 + 0.005j, 0.25 - 0.07j, 0.25 + 0.3j, -0.2 + 0.09j])
def test_the_logarithm_of_the_complex_normal_distribution_near_0(z: complex) -> None:
    """On a circle about 0.25 + 0.3j the logarithm would cross its branch cut."""
    with mpmath.workdps(40):
        slopes = mpmath.taylor(
            lambda t: mpmath.npdf(t) / (mpmath.erfc(-t / mpmath.sqrt(2)) / 2), mpmath.mpmathify(z), 7
        )
        expected = np.array([complex(c * mpmath.factorial(k)) for k, c in enumerate(slopes)])
    assert np.allclose(derivatives(special.log_ndtr, z, 8)[1:], expected, rtol=1e-11, atol=0.0)


@pytest.mark.parametrize("fun", [special.erfcx, special.i0e, special.k1e, special.log_ndtr, special.j0], ids=str)
def test_a_gradient_of_a_high_derivative_is_the_next_one(fun: Any) -> None:
    """Near and far entries together, alone, in float32, and differentiated."""
    x = np.array([0.01, 0.5, 3.0, 30.0])
    found = derivatives(fun, x, 5)
    for k, v in enumerate(x):
        assert np.allclose(derivatives(fun, v, 5), found[:, k], rtol=1e-13, atol=0.0)
    assert derivatives(fun, x.astype(np.float32), 5).dtype == np.float32
    next_one = grad(lambda x: np.sum(derivatives(fun, x, 4)[4]))(x)
    assert np.allclose(next_one, found[5], rtol=1e-12, atol=0.0)


def test_the_hazard_has_a_slope_where_its_square_underflows() -> None:
    """The second derivative of log Φ at 30 is 1e-195, and not 0."""
    h = special.erfcx(-30.0 / np.sqrt(2.0)) ** -1 * np.sqrt(2.0 / np.pi)
    assert grad(grad(special.log_ndtr))(30.0) == pytest.approx(-30.0 * h, rel=1e-12)


@pytest.mark.parametrize(("v", "x"), [(1.0, 30.0), (1.0, 100.0), (0.0, 14.5), (0.5, 20.0), (2.5, 40.0), (12.0, 30.0)])
def test_struve_functions_far_out(v: float, x: float) -> None:
    """Y_v and an integral of positive functions: the difference of neighbours loses digits with the order."""
    with mpmath.workdps(40):
        series = mpmath.taylor(lambda t: mpmath.struveh(v, t), mpmath.mpf(x), 13)
        expected = np.array([float(c * mpmath.factorial(k)) for k, c in enumerate(series)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = derivatives(lambda t: special.struve(v, t), x, ORDER)
    assert np.all(np.abs(found - expected[:-1]) <= 1e-12 * (np.abs(expected[:-1]) + np.abs(expected[1:])))
    next_one = grad(lambda t: derivatives(lambda u: special.struve(v, u), t, 4)[4])(x)
    assert next_one == pytest.approx(expected[5], rel=1e-10, abs=1e-12 * abs(expected[4]))


def test_several_orders_at_one_point() -> None:
    """The orders broadcast against the point."""
    v = np.array([0.0, 1.0, 2.5])
    for x in (0.7, 20.0):
        found = derivatives(lambda x: special.kve(v, x), x, 6)
        for k in range(3):
            assert np.allclose(found[:, k], derivatives(lambda x, k=k: special.kve(v[k], x), x, 6), rtol=1e-13)


LOSING = {"it2struve0": 1e-3, "sn, m": 0.3}
TOLD = {"sn, m"}
SLOW = "y1 k0 k1 k0e k1e yn kn hankel1 hankel1e ker kei pbwa expn lpmv gammainccinv betaincinv".split()  # noqa: SIM905


@pytest.mark.parametrize("name", [name for name in ROWS if name not in SLOW])
def test_derivatives_are_exact_to_order_12(name: str) -> None:
    """At one point of each; `exact_orders.py` takes all points."""
    row = ROWS[name]
    found, warned = errors(row, row.points[len(row.points) // 2])
    assert warned == (name in TOLD)
    assert warned or np.max(found) < 2e-12


@pytest.mark.parametrize("name", LOSING)
def test_digits_that_a_recurrence_has_lost_are_told(name: str) -> None:
    """By comparison with the series of a point a few units in the last place away."""
    found, warned = errors(ROWS[name], LOSING[name])
    assert np.max(found) > 1e-9
    assert warned
    with pytest.warns(RuntimeWarning, match="have lost digits at this point"):
        derivatives(ROWS[name].fun, np.array([LOSING[name]]), 12)


@pytest.mark.parametrize("s", [-30.3, -9.5, -4.0, -3.3, -2.0, -1.0, -0.5, 0.5, 4.0])
def test_the_derivatives_of_zeta_left_of_1(s: float) -> None:
    """The sum of Euler and Maclaurin cancels there: it was off by 0.4 percent at -9.5."""
    slope = grad(special.zetac)
    assert slope(s) == pytest.approx(float(mpmath.zeta(mpmath.mpf(s), 1, 1)), rel=1e-13)
    assert grad(slope)(s) == pytest.approx(float(mpmath.zeta(mpmath.mpf(s), 1, 2)), rel=2e-13)


@pytest.mark.parametrize("name", ROWS)
def test_the_work_is_a_power_of_the_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the order takes at most eight times as many series of single operations, in derived series too."""
    row, done, real = ROWS[name], [0], push.node_series

    def counted(*args: Any) -> Any:
        done[-1] += 1
        return real(*args)

    monkeypatch.setattr(push, "node_series", counted)
    for order in (6, 12):
        done.append(0)
        derivatives(row.fun, row.points[len(row.points) // 2], order)
    assert done[2] <= 8 * done[1]


@pytest.mark.parametrize(
    ("fun", "exact", "points"),
    [
        (special.gamma, lambda x: mpmath.diff(mpmath.gamma, x, 1), [-3 + 1e-10, -2 + 1e-5, -1 + 1e-9, -0.5]),
        (special.gammaln, lambda x: mpmath.digamma(x), [-3 + 1e-10, -2 + 1e-14, -1 + 1e-9]),
        (special.rgamma, lambda x: mpmath.diff(mpmath.rgamma, x, 1), [-3 + 1e-10, -2 + 1e-5]),
        (lambda x: special.beta(x, 1.5), lambda x: mpmath.diff(lambda z: mpmath.beta(z, 1.5), x, 1), [-2 + 1e-9]),
        (
            lambda x: own.lambertw(x).real,
            lambda x: lambert_slope(x, 0),
            [-(E1 := float(np.exp(-1.0))) + 2e-16, 1e-5 - E1],
        ),
        (lambda x: own.lambertw(x, -1).real, lambda x: lambert_slope(x, -1), [2e-16 - E1, 1e-5 - E1, -0.01]),
        (lambda x: special.agm(x, 1.0), lambda x: mpmath.diff(lambda t: mpmath.agm(t, 1), x, h=x / 10**20), [1e-12]),
        (special.tandg, lambda x: mpmath.diff(lambda t: mpmath.tan(t * mpmath.pi / 180), x, h=1e-27), [90 + 1e-7]),
    ],
    ids=["gamma", "gammaln", "rgamma", "beta", "lambertw", "the other branch", "agm", "tandg"],
)
def test_slopes_beside_a_pole_or_a_branch_point(fun: Any, exact: Any, points: list[float]) -> None:
    """SciPy's psi loses the digits of the distance to a pole on its right, and lambertw those to -1/e."""
    for x in points:
        with mpmath.workdps(60):
            expected = float(mpmath.re(exact(mpmath.mpf(x))))
        for found in (grad(fun)(x), jvp(fun, (x,), (1.0,))[1], derivatives(fun, x, 2)[1]):
            assert found == pytest.approx(expected, rel=1e-13)


def lambert_slope(x: Any, k: int) -> Any:
    """W' = exp(-W) / (1 + W)."""
    w = mpmath.lambertw(x, k)
    return mpmath.exp(-w) / (1 + w)


def test_lambertw_is_infinitely_steep_at_its_branch_point() -> None:
    """SciPy has no value at the number next to -1/e."""
    with pytest.warns(RuntimeWarning, match="lambertw"):
        assert not np.isfinite(grad(lambda x: own.lambertw(x).real)(-E1))


@pytest.mark.parametrize(
    "second",
    [
        lambda f: grad(grad(f)),
        lambda f: lambda x: jvp(lambda y: jvp(f, (y,), (1.0,))[1], (x,), (1.0,))[1],
        lambda f: lambda x: jvp(grad(f), (x,), (1.0,))[1],
        lambda f: lambda x: derivatives(f, x, 2)[2],
    ],
)
def test_the_part_of_a_complex_function_that_is_lost_in_the_other_one_is_told(second: Any) -> None:
    """The real part of the scaled Hankel function of order 1, near its pole."""
    with pytest.warns(RuntimeWarning, match="lost digits|all that is left"):
        second(lambda x: np.real(special.hankel1e(1.0, x)))(1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second(lambda x: np.real(special.hankel1e(1.0, x)))(2.0)
