"""High derivatives of the functions of `scipy.special`: a table of these, and of their exact counterparts in mpmath.

    python tests/exact_orders.py [NAME ...]

compares all derivatives up to order 12 at all points, and prints where one is off by more than 1e-12 of its largest
value near the point without a warning; with -a, where there is one, too. It takes some minutes. A sample runs with
the suite, in `scipy/test_high_orders.py`. An exact derivative is Cauchy's integral over a small circle, and once more
over a smaller one. Both must agree, or there is no reference.
"""

from __future__ import annotations

import functools
import math
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

import minigrad.scipy.special as sp
from minigrad import derivatives
from minigrad.modes.taylor.push import near

ORDER = 12
PHI = lambda x: mp.erfc(-x / mp.sqrt(2)) / 2


class Row(NamedTuple):
    """A function, its exact counterpart or the derivative of that, and where it is tried."""

    fun: Callable[[Any], Any]
    exact: Callable[[Any], Any]
    points: list[float]
    of_slope: bool = False  #: whether `exact` is the derivative
    within: Callable[[float], float] | None = None  #: the distance of the nearest singular point


def over_circle(fun: Callable[[Any], Any], x: float, within: float, orders: int) -> Any:
    """The derivatives at x up to an order; None if two circles disagree."""
    for more in (30, 500):  # the second for values that are lost in a constant, such as erf(30)
        first, second = [_circle(fun, x, mp.mpf(within) / smaller, orders, more) for smaller in (256, 1024)]
        near = [0, *first, 0]
        most = max(abs(c) * within**k / mp.factorial(k) for k, c in enumerate(first))
        scale = [
            abs(near[k + 1]) + within * abs(near[k + 2]) + most * mp.factorial(k) / within**k / 10**8
            for k in range(orders + 1)
        ]
        if all(abs(a - b) <= mp.mpf(10) ** -17 * s for a, b, s in zip(first, second, scale)):
            return second
    return None


def _circle(fun: Callable[[Any], Any], x: float, r: Any, orders: int, more: int) -> list[Any]:
    n = orders + 6
    with mp.workdps(more + int(3.1 * n)):
        roots = [mp.expjpi(mp.mpf(2) * k / n) for k in range(n)]
        half = [fun(mp.mpf(x) + r * root) for root in roots[: n // 2 + 1]]
        values = half + [mp.conj(half[n - k]) for k in range(n // 2 + 1, n)]
        sums = [mp.fsum(v * roots[-k * i % n] for i, v in enumerate(values)).real for k in range(orders + 1)]
        return [c / n / r**k * mp.factorial(k) for k, c in enumerate(sums)]


def exact_derivatives(row: Row, x: float) -> Any:
    """The derivatives of orders 0 to 14, the value as NaN where it is not known; None where they are not had."""
    within = row.within(x) if row.within else (abs(x) or 1.0)
    if row.of_slope:
        found = over_circle(row.exact, x, within, ORDER + 1)
        return found and np.array([np.nan, *map(float, found)])
    found = over_circle(row.exact, x, within, ORDER + 2)
    return found and np.array([*map(float, found)])


def errors(row: Row, x: float) -> tuple[Any, bool]:
    """Of each derivative at x, relative to the largest value of it near x; and whether there was a warning."""
    expected = exact_derivatives(row, x)
    if expected is None:
        raise AssertionError(f"no reference at {x}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = derivatives(row.fun, x, ORDER)
    size, natural = np.abs(expected), row.within(x) if row.within else abs(x) or 1.0
    powers = np.array([math.factorial(k) / natural**k for k in range(size.size)])
    h = near([c / math.factorial(k) for k, c in enumerate(size)], abs(x) or 0.01, 1.0)
    scale = np.array([sum(h**j / math.factorial(j) * c for j, c in enumerate(size[k:])) for k in range(ORDER + 1)])
    scale = scale + 1e-15 * np.nanmax(size / powers) * powers[: ORDER + 1] + 1e-290
    first = 1 if row.of_slope else 0
    off = np.abs(found - expected[: ORDER + 1])
    return np.divide(off, scale, out=np.where(off > 0, np.inf, 0.0), where=scale > 0)[first:], bool(caught)


def inverse(exact: Callable[[Any], Any], near: Callable[[float], float]) -> Callable[[Any], Any]:
    """The inverse of an exact function, given that in double precision."""

    def found(y: Any) -> Any:
        start = mp.mpf(float(near(float(mp.re(y)))))
        return mp.findroot(
            lambda z: exact(z) - y,
            (start, start * (1 + mp.mpf(10) ** -8) + mp.mpf(10) ** -8),
            tol=mp.mpf(10) ** (-1.9 * mp.mp.dps),
            verify=False,
            maxsteps=60,
        )

    return found


@functools.cache
def _mathieu_coefficients(m: int, q: float, odd: bool, _digits: int) -> tuple[int, Any]:
    """The first frequency and the coefficients of the Fourier series of a Mathieu function (DLMF 28.4)."""
    n, first = 24, 1 if m % 2 else 2 if odd else 0
    table = mp.matrix(n, n)
    for k in range(n):
        table[k, k] = mp.mpf(first + 2 * k) ** 2
        if k:
            table[k, k - 1] = table[k - 1, k] = mp.mpf(q)
    if first == 0:
        table[0, 1] = table[1, 0] = mp.sqrt(2) * mp.mpf(q)
    if first == 1:
        table[0, 0] += -mp.mpf(q) if odd else mp.mpf(q)
    found = mp.eigsy(table)[1][:, (m - first) // 2]
    return first, [c / mp.sqrt(2) if first == k == 0 else c for k, c in enumerate(found)]


def mathieu(m: int, q: float, odd: bool, is_radial: bool, value: float, at: float) -> Callable[[Any], Any]:
    """A Mathieu function, of an angle in degrees or radial of the first kind, which has a value at a point."""

    def series(x: Any) -> Any:
        first, coefficients = _mathieu_coefficients(m, q, odd, mp.mp.dps)
        z = x if is_radial else x * mp.pi / 180
        wave = (mp.sinh if odd else mp.cosh) if is_radial else (mp.sin if odd else mp.cos)
        return mp.fsum([c * wave((first + 2 * k) * z) for k, c in enumerate(coefficients)])

    def exact(x: Any) -> Any:
        factor = mp.mpf(value) / series(mp.mpf(at))
        return series(x) * (factor if is_radial else mp.sign(factor))

    return exact


unit = lambda x: min(x, 1.0 - x)
entire = lambda x: 1.0
FEW = [1e-3, 0.3, 1.5, 4.0, 9.0, 30.0, 100.0]
BOTH = [-9.0, -1.5, -1e-3, 0.0, 0.3, 4.0, 30.0]
SMALL = [1e-3, 0.3, 1.5, 4.0, 9.0]
INSIDE = [0.01, 0.2, 0.5, 0.8, 0.99]
TO_ONE = [-30.0, -2.0, -0.4, 0.0, 0.3, 0.6, 0.9, 0.99]
by_one = lambda x: 1.0 - x
Q = lambda x: mp.mpf(x)

ROWS: dict[str, Row] = {
    "erf": Row(sp.erf, mp.erf, BOTH, within=entire),
    "erfc": Row(sp.erfc, mp.erfc, BOTH, within=entire),
    "erfcx": Row(
        sp.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), [-3.0, *BOTH[1:], *FEW, 1e4], within=lambda x: max(x, 1.0)
    ),
    "erfi": Row(sp.erfi, mp.erfi, BOTH[:-1], within=entire),
    "dawsn": Row(sp.dawsn, lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), [*BOTH, 100.0], within=entire),
    "wofz": Row(lambda x: sp.wofz(x).imag, lambda x: mp.exp(-x * x) * mp.erfi(x), [*BOTH, 100.0], within=entire),
    "ndtr": Row(sp.ndtr, PHI, [-30.0, *BOTH], within=entire),
    "log_ndtr": Row(sp.log_ndtr, lambda x: mp.log(PHI(x)), [-300.0, -10.0, *BOTH], within=entire),
    "erfinv": Row(sp.erfinv, inverse(mp.erf, sp.erfinv), [-0.99, 0.0, 0.3, 0.9, 0.999], within=lambda x: 1 - abs(x)),
    "erfcinv": Row(sp.erfcinv, inverse(mp.erfc, sp.erfcinv), [1e-5, 0.1, 0.7, 1.3], within=lambda x: min(x, 2.0 - x)),
    "ndtri": Row(sp.ndtri, inverse(PHI, sp.ndtri), [1e-5, *INSIDE], within=unit),
    "ndtri_exp": Row(sp.ndtri_exp, inverse(lambda x: mp.log(PHI(x)), sp.ndtri_exp), [-40.0, -2.0, -0.3, -1e-3]),
    "owens_t, h": Row(
        lambda h: sp.owens_t(h, 0.7),
        lambda h: -mp.exp(-h * h / 2) * mp.erf(Q(0.7) * h / mp.sqrt(2)) / mp.sqrt(8 * mp.pi),
        BOTH,
        True,
        entire,
    ),
    "owens_t, a": Row(
        lambda a: sp.owens_t(0.7, a),
        lambda a: mp.exp(-(Q(0.7) ** 2) * (1 + a * a) / 2) / (2 * mp.pi * (1 + a * a)),
        BOTH,
        True,
        entire,
    ),
    "voigt, x": Row(
        lambda x: sp.voigt_profile(x, 0.7, 0.4),
        lambda x: (
            (w_of((x + 1j * Q(0.4)) / Q(0.7) / mp.sqrt(2)) + w_of((-x + 1j * Q(0.4)) / Q(0.7) / mp.sqrt(2)))
            / 2
            / Q(0.7)
            / mp.sqrt(2 * mp.pi)
        ),
        BOTH,
        within=lambda x: 0.4 + abs(x),
    ),
    "fresnel S": Row(lambda x: sp.fresnel(x)[0], mp.fresnels, [*SMALL, 30.0], within=entire),
    "fresnel C": Row(lambda x: sp.fresnel(x)[1], mp.fresnelc, [*SMALL, 30.0], within=entire),
    "gamma": Row(
        sp.gamma,
        mp.gamma,
        [-3.3, -0.5, 1e-3, 0.3, 1.5, 9.0, 30.0, 100.0],
        within=(poles := lambda x: abs(x - round(x)) or 0.5 if x < 1 else min(x, 4.0)),
    ),
    "gammaln": Row(sp.gammaln, mp.loggamma, FEW),
    "loggamma": Row(sp.loggamma, mp.loggamma, FEW),
    "rgamma": Row(sp.rgamma, mp.rgamma, [-3.3, -2.0, -0.5, 0.0, 1e-3, 0.3, 1.5, 9.0, 30.0, 100.0], within=entire),
    "psi": Row(sp.psi, mp.psi0 if hasattr(mp, "psi0") else lambda x: mp.psi(0, x), [-3.3, -0.5, *FEW], within=poles),
    "polygamma": Row(lambda x: sp.polygamma(2, x), lambda x: mp.psi(2, x), [-3.3, *FEW], within=poles),
    "beta": Row(lambda x: sp.beta(x, 1.5), lambda x: mp.beta(x, Q(1.5)), FEW),
    "betaln": Row(lambda x: sp.betaln(x, 1.5), lambda x: mp.log(mp.beta(x, Q(1.5))), FEW),
    "poch z": Row(lambda x: sp.poch(x, 1.5), lambda x: mp.rf(x, Q(1.5)), FEW),
    "poch m": Row(lambda x: sp.poch(2.5, x), lambda x: mp.rf(Q(2.5), x), [*SMALL, 30.0]),
    "binom n": Row(lambda x: sp.binom(x, 1.5), lambda x: mp.binomial(x, Q(1.5)), [0.3, 1.5, 4.0, 30.0]),
    "binom k": Row(lambda x: sp.binom(6.5, x), lambda x: mp.binomial(Q(6.5), x), [0.3, 1.5, 4.0, 9.2]),
    "gammainc": Row(lambda x: sp.gammainc(2.5, x), lambda x: mp.gammainc(Q(2.5), 0, x, regularized=True), FEW),
    "gammainc 30": Row(lambda x: sp.gammainc(30.0, x), lambda x: mp.gammainc(Q(30), 0, x, regularized=True), FEW),
    "gammaincc": Row(lambda x: sp.gammaincc(2.5, x), lambda x: mp.gammainc(Q(2.5), x, mp.inf, regularized=True), FEW),
    "gammaincinv": Row(
        lambda x: sp.gammaincinv(2.5, x),
        inverse(lambda x: mp.gammainc(Q(2.5), 0, x, regularized=True), lambda y: sp.gammaincinv(2.5, y)),
        INSIDE,
        within=unit,
    ),
    "gammainccinv": Row(
        lambda x: sp.gammainccinv(2.5, x),
        inverse(lambda x: mp.gammainc(Q(2.5), x, mp.inf, regularized=True), lambda y: sp.gammainccinv(2.5, y)),
        INSIDE,
        within=unit,
    ),
    "betainc": Row(
        lambda x: sp.betainc(2.5, 1.5, x),
        lambda x: mp.betainc(Q(2.5), Q(1.5), 0, x, regularized=True),
        INSIDE,
        within=unit,
    ),
    "betainc 25": Row(
        lambda x: sp.betainc(25.0, 1.5, x),
        lambda x: mp.betainc(Q(25), Q(1.5), 0, x, regularized=True),
        INSIDE,
        within=unit,
    ),
    "betaincc": Row(
        lambda x: sp.betaincc(2.5, 1.5, x),
        lambda x: -(x ** Q(1.5)) * (1 - x) ** Q(0.5) / mp.beta(Q(2.5), Q(1.5)),
        INSIDE,
        True,
        unit,
    ),
    "betaincinv": Row(
        lambda x: sp.betaincinv(2.5, 1.5, x),
        inverse(lambda x: mp.betainc(Q(2.5), Q(1.5), 0, x, regularized=True), lambda y: sp.betaincinv(2.5, 1.5, y)),
        INSIDE,
        within=unit,
    ),
    "zetac": Row(sp.zetac, lambda x: mp.zeta(x) - 1, [-9.5, -3.3, 0.3, 1.5, 4.0, 30.0], within=lambda x: abs(1 - x)),
    "zeta q": Row(lambda q: sp.zeta(2.5, q), lambda q: mp.zeta(Q(2.5), q), FEW),
    "expit": Row(sp.expit, lambda x: 1 / (1 + mp.exp(-x)), [-700.0, *BOTH], within=entire),
    "logit": Row(sp.logit, lambda x: mp.log(x / (1 - x)), [1e-10, *INSIDE], within=unit),
    "log_expit": Row(sp.log_expit, lambda x: -mp.log1p(mp.exp(-x)), [-700.0, *BOTH, 500.0], within=entire),
    "softplus": Row(sp.softplus, lambda x: mp.log1p(mp.exp(x)), [-500.0, *BOTH, 500.0], within=entire),
    "exp2": Row(sp.exp2, lambda x: 2**x, BOTH, within=entire),
    "exp10": Row(sp.exp10, lambda x: mp.mpf(10) ** x, BOTH, within=entire),
    "expm1": Row(sp.expm1, mp.expm1, BOTH, within=entire),
    "log1p": Row(sp.log1p, mp.log1p, [-0.99, -0.5, 0.0, 0.3, 30.0], within=lambda x: 1 + x),
    "cbrt": Row(sp.cbrt, lambda x: x ** (mp.mpf(1) / 3), FEW),
    "cosm1": Row(sp.cosm1, lambda x: mp.cos(x) - 1, BOTH, within=entire),
    "exprel": Row(sp.exprel, lambda x: mp.expm1(x) / x if x else mp.mpf(1), [-50.0, *BOTH, 1e-8], within=entire),
    "powm1 x": Row(lambda x: sp.powm1(x, 1.5), lambda x: x ** Q(1.5) - 1, FEW),
    "powm1 y": Row(lambda x: sp.powm1(1.5, x), lambda x: Q(1.5) ** x - 1, BOTH, within=entire),
    "xlogy": Row(lambda x: sp.xlogy(x, x), lambda x: x * mp.log(x), FEW),
    "xlog1py": Row(lambda x: sp.xlog1py(x, x), lambda x: x * mp.log1p(x), [-0.9, 0.0, *FEW], within=lambda x: 1 + x),
    "entr": Row(sp.entr, lambda x: -x * mp.log(x), FEW),
    "rel_entr x": Row(lambda x: sp.rel_entr(x, 1.5), lambda x: x * mp.log(x / Q(1.5)), FEW),
    "rel_entr y": Row(lambda x: sp.rel_entr(1.5, x), lambda x: Q(1.5) * mp.log(Q(1.5) / x), FEW),
    "kl_div x": Row(lambda x: sp.kl_div(x, 1.5), lambda x: x * mp.log(x / Q(1.5)) - x + Q(1.5), FEW),
    "kl_div both": Row(lambda x: sp.kl_div(x, x * x), lambda x: -x * mp.log(x) - x + x * x, FEW),
    "pseudo_huber": Row(
        lambda x: sp.pseudo_huber(1.5, x),
        lambda x: Q(1.5) ** 2 * (mp.sqrt(1 + (x / Q(1.5)) ** 2) - 1),
        BOTH,
        within=lambda x: 1.5 + abs(x),
    ),
    "pseudo_huber d": Row(
        lambda x: sp.pseudo_huber(x, 1.5), lambda x: x**2 * (mp.sqrt(1 + (Q(1.5) / x) ** 2) - 1), FEW
    ),
    "boxcox": Row(lambda x: sp.boxcox(x, 0.3), lambda x: (x ** Q(0.3) - 1) / Q(0.3), FEW),
    "boxcox k": Row(
        lambda k: sp.boxcox(1.5, k), lambda k: (Q(1.5) ** k - 1) / k if k else mp.log(Q(1.5)), BOTH, within=entire
    ),
    "boxcox1p": Row(
        lambda x: sp.boxcox1p(x, 0.3), lambda x: ((1 + x) ** Q(0.3) - 1) / Q(0.3), [-0.9, *FEW], within=lambda x: 1 + x
    ),
    "inv_boxcox": Row(
        lambda x: sp.inv_boxcox(x, 0.3), lambda x: (1 + Q(0.3) * x) ** (1 / Q(0.3)), FEW, within=lambda x: 1.0
    ),
    "inv_boxcox k": Row(
        lambda k: sp.inv_boxcox(1.5, k),
        lambda k: (1 + k * Q(1.5)) ** (1 / k) if k else mp.exp(Q(1.5)),
        [0.0, 1e-3, 0.3, 1.5, 4.0],
        within=lambda k: 0.6 + k,
    ),
    "wrightomega": Row(
        sp.wrightomega, lambda z: mp.lambertw(mp.exp(z)), [-30.0, -1.5, 0.0, 0.3, 4.0, 30.0], within=entire
    ),
    "lambertw": Row(
        lambda x: sp.lambertw(x).real, mp.lambertw, [-0.3, 0.0, 0.3, 4.0, 30.0], within=lambda x: 0.3678 + x
    ),
    "spence": Row(sp.spence, lambda z: mp.polylog(2, 1 - z) if z != 1 else mp.mpf(0), [*FEW, 0.99, 1.0]),
    "agm": Row(lambda x: sp.agm(x, 1.5), lambda x: mp.agm(x, Q(1.5)), FEW),
    "sindg": Row(sp.sindg, lambda x: mp.sin(x * mp.pi / 180), BOTH, within=lambda x: 57.0),
    "tandg": Row(sp.tandg, lambda x: mp.tan(x * mp.pi / 180), BOTH, within=lambda x: 57.0),
    "cotdg": Row(sp.cotdg, lambda x: mp.cot(x * mp.pi / 180), FEW),
    "j0": Row(sp.j0, lambda x: mp.besselj(0, x), [0.0, *FEW], within=entire),
    "j1": Row(sp.j1, lambda x: mp.besselj(1, x), [0.0, *FEW], within=entire),
    "y0": Row(sp.y0, lambda x: mp.bessely(0, x), FEW),
    "y1": Row(sp.y1, lambda x: mp.bessely(1, x), FEW),
    "i0": Row(sp.i0, lambda x: mp.besseli(0, x), [0.0, *FEW], within=entire),
    "i1": Row(sp.i1, lambda x: mp.besseli(1, x), [0.0, *FEW], within=entire),
    "k0": Row(sp.k0, lambda x: mp.besselk(0, x), SMALL),
    "k1": Row(sp.k1, lambda x: mp.besselk(1, x), SMALL),
    "i0e": Row(sp.i0e, lambda x: mp.exp(-x) * mp.besseli(0, x), FEW),
    "i1e": Row(sp.i1e, lambda x: mp.exp(-x) * mp.besseli(1, x), FEW),
    "k0e": Row(sp.k0e, lambda x: mp.exp(x) * mp.besselk(0, x), FEW),
    "k1e": Row(sp.k1e, lambda x: mp.exp(x) * mp.besselk(1, x), SMALL),
    "jv": Row(lambda x: sp.jv(2.5, x), lambda x: mp.besselj(Q(2.5), x), FEW),
    "yv": Row(lambda x: sp.yv(2.5, x), lambda x: mp.bessely(Q(2.5), x), FEW),
    "iv": Row(lambda x: sp.iv(2.5, x), lambda x: mp.besseli(Q(2.5), x), FEW),
    "kv": Row(lambda x: sp.kv(2.5, x), lambda x: mp.besselk(Q(2.5), x), FEW),
    "yn": Row(lambda x: sp.yn(2, x), lambda x: mp.bessely(2, x), FEW),
    "kn": Row(lambda x: sp.kn(2, x), lambda x: mp.besselk(2, x), SMALL),
    "ive": Row(lambda x: sp.ive(2.5, x), lambda x: mp.exp(-x) * mp.besseli(Q(2.5), x), FEW),
    "kve": Row(lambda x: sp.kve(2.5, x), lambda x: mp.exp(x) * mp.besselk(Q(2.5), x), FEW),
    "hankel1": Row(lambda x: sp.hankel1(1, x).imag, lambda x: mp.bessely(1, x), FEW),
    "hankel1e": Row(
        lambda x: sp.hankel1e(1, x).real,
        lambda x: (mp.hankel1(1, x) * mp.expj(-x) + mp.hankel2(1, x) * mp.expj(x)) / 2,
        FEW,
    ),
    "struve": Row(lambda x: sp.struve(1.0, x), lambda x: mp.struveh(1, x), FEW),
    "modstruve": Row(lambda x: sp.modstruve(0.0, x), lambda x: mp.struvel(0, x), FEW),
    "besselpoly": Row(
        lambda a: sp.besselpoly(a, 1.0, 0.0),
        lambda a: mp.besselj(1, 2 * a) / (2 * a),
        [0.3, 1.5, 4.0, 9.0],
        within=entire,
    ),
    "wright_bessel": Row(
        lambda x: sp.wright_bessel(1.0, 1.5, x), lambda x: mp.besseli(0.5, 2 * mp.sqrt(x)) * x ** Q(-0.25), FEW
    ),
    "log_wright_bessel": Row(
        lambda x: sp.log_wright_bessel(1.0, 1.5, x),
        lambda x: mp.log(mp.besseli(0.5, 2 * mp.sqrt(x)) * x ** Q(-0.25)),
        FEW,
    ),
    "itstruve0": Row(sp.itstruve0, lambda x: mp.struveh(0, x), FEW, True),
    "it2struve0": Row(sp.it2struve0, lambda x: -mp.struveh(0, x) / x, FEW, True),
    "itmodstruve0": Row(sp.itmodstruve0, lambda x: mp.struvel(0, x), FEW, True),
    "itj0": Row(lambda x: sp.itj0y0(x)[0], lambda x: mp.besselj(0, x), FEW, True),
    "ity0": Row(lambda x: sp.itj0y0(x)[1], lambda x: mp.bessely(0, x), FEW, True),
    "iti0": Row(lambda x: sp.iti0k0(x)[0], lambda x: mp.besseli(0, x), FEW, True),
    "itk0": Row(lambda x: sp.iti0k0(x)[1], lambda x: mp.besselk(0, x), SMALL, True),
    "it2j0": Row(lambda x: sp.it2j0y0(x)[0], lambda x: (1 - mp.besselj(0, x)) / x, FEW, True),
    "it2y0": Row(lambda x: sp.it2j0y0(x)[1], lambda x: -mp.bessely(0, x) / x, FEW, True),
    "it2i0": Row(lambda x: sp.it2i0k0(x)[0], lambda x: (mp.besseli(0, x) - 1) / x, FEW, True),
    "it2k0": Row(lambda x: sp.it2i0k0(x)[1], lambda x: -mp.besselk(0, x) / x, SMALL, True),
    "ber": Row(
        sp.ber,
        lambda x: (mp.besselj(0, mp.expjpi(0.75) * x) + mp.besselj(0, mp.expjpi(-0.75) * x)) / 2,
        [0.0, *SMALL, 30.0],
        within=entire,
    ),
    "bei": Row(
        sp.bei,
        lambda x: (mp.besselj(0, mp.expjpi(0.75) * x) - mp.besselj(0, mp.expjpi(-0.75) * x)) / 2j,
        [0.0, *SMALL, 30.0],
        within=entire,
    ),
    "ker": Row(
        sp.ker, lambda x: (mp.besselk(0, mp.expjpi(0.25) * x) + mp.besselk(0, mp.expjpi(-0.25) * x)) / 2, [*SMALL, 30.0]
    ),
    "kei": Row(
        sp.kei,
        lambda x: (mp.besselk(0, mp.expjpi(0.25) * x) - mp.besselk(0, mp.expjpi(-0.25) * x)) / 2j,
        [*SMALL, 30.0],
    ),
    "airy Ai": Row(lambda x: sp.airy(x)[0], mp.airyai, [-30.0, *BOTH], within=entire),
    "airy Ai'": Row(lambda x: sp.airy(x)[1], lambda x: mp.airyai(x, 1), [-30.0, *BOTH], within=entire),
    "airy Bi": Row(lambda x: sp.airy(x)[2], mp.airybi, [-30.0, *BOTH], within=entire),
    "itairy": Row(lambda x: sp.itairy(x)[0], mp.airyai, BOTH, True, entire),
    "pbdv": Row(lambda x: sp.pbdv(1.5, x)[0], lambda x: mp.pcfd(Q(1.5), x), BOTH, within=entire),
    "pbvv": Row(lambda x: sp.pbvv(1.5, x)[0], lambda x: mp.pcfv(Q(-2.0), x), [-1.5, 0.3, 1.5, 4.0], within=entire),
    "pbwa": Row(lambda x: sp.pbwa(1.5, x)[0], lambda x: mp.pcfw(Q(1.5), x), [-1.5, 0.3, 1.5, 4.0], within=entire),
    "exp1": Row(sp.exp1, mp.e1, FEW),
    "expi": Row(sp.expi, lambda x: mp.exp(x) / x, [-9.0, -0.3, *FEW], True),
    "expn": Row(lambda x: sp.expn(3, x), lambda x: mp.expint(3, x), FEW),
    "expn 0": Row(lambda x: sp.expn(0, x), lambda x: mp.exp(-x) / x, FEW),
    "Si": Row(lambda x: sp.sici(x)[0], mp.si, FEW),
    "Ci": Row(lambda x: sp.sici(x)[1], mp.ci, FEW),
    "Shi": Row(lambda x: sp.shichi(x)[0], mp.shi, FEW),
    "Chi": Row(lambda x: sp.shichi(x)[1], mp.chi, FEW),
    "ellipk": Row(sp.ellipk, mp.ellipk, TO_ONE, within=by_one),
    "ellipe": Row(sp.ellipe, mp.ellipe, TO_ONE, within=by_one),
    "ellipkm1": Row(sp.ellipkm1, lambda p: mp.ellipk(1 - p), [1e-5, 0.01, 0.3, 0.6, 0.9, 1.0, 4.0, 30.0]),
    "ellipkinc": Row(
        lambda x: sp.ellipkinc(x, 0.7),
        lambda x: 1 / mp.sqrt(1 - Q(0.7) * mp.sin(x) ** 2),
        [-1.5, 0.0, 0.3, 1.5, 4.0],
        True,
        lambda x: 0.5,
    ),
    "ellipkinc m": Row(
        lambda m: sp.ellipkinc(0.7, m), lambda m: mp.ellipf(Q(0.7), m), TO_ONE, within=lambda m: 2.4 - m
    ),
    "ellipeinc": Row(
        lambda x: sp.ellipeinc(x, 0.7),
        lambda x: mp.sqrt(1 - Q(0.7) * mp.sin(x) ** 2),
        [-1.5, 0.0, 0.3, 1.5, 4.0],
        True,
        lambda x: 0.5,
    ),
    "ellipeinc m": Row(
        lambda m: sp.ellipeinc(0.7, m), lambda m: mp.ellipe(Q(0.7), m), TO_ONE, within=lambda m: 2.4 - m
    ),
    "sn": Row(
        lambda x: sp.ellipj(x, 0.7)[0],
        lambda x: mp.ellipfun("sn", x, m=Q(0.7)),
        [-1.5, 0.0, 0.3, 1.5, 4.0],
        within=lambda x: 1.0,
    ),
    "dn": Row(
        lambda x: sp.ellipj(x, 0.7)[2],
        lambda x: mp.ellipfun("dn", x, m=Q(0.7)),
        [-1.5, 0.0, 0.3, 1.5, 4.0],
        within=lambda x: 1.0,
    ),
    "sn, m": Row(
        lambda m: sp.ellipj(0.7, m)[0], lambda m: mp.ellipfun("sn", Q(0.7), m=m), [0.02, 0.3, 0.6, 0.9], within=unit
    ),
    **{
        f"mathieu_{name}": Row(
            lambda x, name=name, m=m: getattr(sp, f"mathieu_{name}")(m, 1.7, x)[0],
            mathieu(m, 1.7, "s" in name, "mod" in name, getattr(sp, f"mathieu_{name}")(m, 1.7, at)[0], at),
            points,
            within=(lambda x: 1.0) if "mod" in name else (lambda x: 57.0),
        )
        for name, m, at, points in [
            ("cem", 2, 30.0, [-10.0, 0.0, 10.0, 50.0, 80.0, 200.0]),
            ("sem", 3, 30.0, [-10.0, 0.0, 10.0, 50.0, 80.0, 200.0]),
            ("modcem1", 2, 0.4, [0.1, 0.4, 1.0]),
            ("modsem1", 3, 0.4, [0.1, 0.4, 1.0]),
        ]
    },
    "hyp0f1": Row(lambda x: sp.hyp0f1(1.5, x), lambda x: mp.hyp0f1(Q(1.5), x), [-9.0, -1.5, 0.0, *FEW], within=entire),
    "hyp1f1": Row(
        lambda x: sp.hyp1f1(1.5, 2.5, x), lambda x: mp.hyp1f1(Q(1.5), Q(2.5), x), [-30.0, *BOTH], within=entire
    ),
    "hyp2f1": Row(
        lambda x: sp.hyp2f1(0.3, 1.5, 2.5, x), lambda x: mp.hyp2f1(Q(0.3), Q(1.5), Q(2.5), x), TO_ONE, within=by_one
    ),
    "hyperu": Row(lambda x: sp.hyperu(1.5, 2.2, x), lambda x: mp.hyperu(Q(1.5), Q(2.2), x), FEW),
    "legendre": Row(
        lambda x: sp.eval_legendre(7, x), lambda x: mp.legendre(7, x), [-0.9, 0.0, 0.3, 1.5, 4.0], within=entire
    ),
    "jacobi": Row(
        lambda x: sp.eval_jacobi(13, 0.5, 1.5, x),
        lambda x: mp.jacobi(13, Q(0.5), Q(1.5), x),
        [-0.9, 0.0, 0.3, 1.5],
        within=entire,
    ),
    "gegenbauer": Row(
        lambda x: sp.eval_gegenbauer(13, 0.7, x),
        lambda x: mp.gegenbauer(13, Q(0.7), x),
        [-0.9, 0.0, 0.3, 1.5],
        within=entire,
    ),
    "laguerre": Row(
        lambda x: sp.eval_genlaguerre(13, 0.7, x), lambda x: mp.laguerre(13, Q(0.7), x), BOTH, within=entire
    ),
    "chebyt": Row(lambda x: sp.eval_chebyt(13, x), lambda x: mp.chebyt(13, x), [-0.9, 0.0, 0.3, 1.5], within=entire),
    "chebyu": Row(lambda x: sp.eval_chebyu(13, x), lambda x: mp.chebyu(13, x), [-0.9, 0.0, 0.3, 1.5], within=entire),
    "hermite": Row(lambda x: sp.eval_hermite(13, x), lambda x: mp.hermite(13, x), BOTH, within=entire),
    "lpmv": Row(
        lambda x: sp.lpmv(1, 2.5, x),
        lambda x: mp.legenp(Q(2.5), 1, x, type=2),
        [-0.9, 0.0, 0.3, 0.9],
        within=lambda x: 1 - abs(x),
    ),
    "sph_legendre_p": Row(
        lambda x: sp.sph_legendre_p(5, 2, x)[0],
        lambda x: (
            mp.sqrt(mp.mpf(11) / 4 / mp.pi * mp.factorial(3) / mp.factorial(7))
            * 105
            * mp.sin(x) ** 2
            * (3 * mp.cos(x) ** 3 - mp.cos(x))
            / 2
        ),
        [0.0, 0.3, 1.5],
        within=entire,
    ),
    "stdtr": Row(
        lambda x: sp.stdtr(3.0, x),
        lambda t: mp.gamma(2) / mp.sqrt(3 * mp.pi) / mp.gamma(1.5) * (1 + t * t / 3) ** -2,
        [*BOTH, 1e4],
        True,
        lambda x: 1.7 + abs(x),
    ),
    "chdtr": Row(lambda x: sp.chdtr(3.0, x), lambda x: mp.gammainc(1.5, 0, x / 2, regularized=True), FEW),
    "chdtrc": Row(lambda x: sp.chdtrc(3.0, x), lambda x: mp.gammainc(1.5, x / 2, mp.inf, regularized=True), FEW),
    "gdtr a": Row(lambda x: sp.gdtr(x, 2.5, 0.7), lambda x: mp.gammainc(Q(2.5), 0, x * Q(0.7), regularized=True), FEW),
    "pdtr": Row(lambda x: sp.pdtr(2.0, x), lambda x: mp.exp(-x) * (1 + x + x * x / 2), FEW),
    "bdtr": Row(
        lambda x: sp.bdtr(2.0, 5, x),
        lambda x: (1 - x) ** 5 + 5 * x * (1 - x) ** 4 + 10 * x**2 * (1 - x) ** 3,
        INSIDE,
        within=unit,
    ),
    "fdtr": Row(
        lambda x: sp.fdtr(3.0, 4.0, x), lambda x: mp.betainc(1.5, 2, 0, 3 * x / (3 * x + 4), regularized=True), FEW
    ),
    "chndtr": Row(
        lambda x: sp.chndtr(x, 3.0, 1.5),
        lambda x: mp.exp(-(x + Q(1.5)) / 2) / 2 * (x / Q(1.5)) ** Q(0.25) * mp.besseli(0.5, mp.sqrt(Q(1.5) * x)),
        FEW,
        True,
    ),
    "kolmogorov": Row(
        sp.kolmogorov,
        lambda y: (
            2 * mp.nsum(lambda k: (-1) ** (int(k) - 1) * mp.exp(-2 * k * k * y * y), [1, 60], method="d")
            if abs(y) > 0.6
            else 1
            - mp.sqrt(2 * mp.pi) / y * mp.fsum(mp.exp(-(((2 * k - 1) * mp.pi / y) ** 2) / 8) for k in range(1, 20))
        ),
        [0.1, 0.3, 0.5, 0.9, 1.5, 3.0],
    ),
    "tklmbda": Row(
        lambda x: sp.tklmbda(x, 0.7),
        inverse(lambda p: (p ** Q(0.7) - (1 - p) ** Q(0.7)) / Q(0.7), lambda x: sp.tklmbda(x, 0.7)),
        [-0.5, 0.0, 0.3, 1.0],
        within=lambda x: 1.4 - abs(x),
    ),
    "spherical_jn": Row(
        lambda x: sp.spherical_jn(2, x),
        lambda x: mp.sqrt(mp.pi / 2 / x) * mp.besselj(Q(2.5), x),
        FEW,
        within=lambda x: abs(x),
    ),
    "spherical_yn": Row(lambda x: sp.spherical_yn(2, x), lambda x: mp.sqrt(mp.pi / 2 / x) * mp.bessely(Q(2.5), x), FEW),
    "spherical_in": Row(lambda x: sp.spherical_in(2, x), lambda x: mp.sqrt(mp.pi / 2 / x) * mp.besseli(Q(2.5), x), FEW),
    "spherical_kn": Row(lambda x: sp.spherical_kn(2, x), lambda x: mp.sqrt(mp.pi / 2 / x) * mp.besselk(Q(2.5), x), FEW),
    "diric": Row(
        lambda x: sp.diric(x, 5),
        lambda x: mp.sin(5 * x / 2) / mp.sin(x / 2) / 5 if x else mp.mpf(1),
        BOTH,
        within=entire,
    ),
    "multigammaln": Row(
        lambda x: sp.multigammaln(x, 2),
        lambda x: mp.log(mp.pi) / 2 + mp.loggamma(x) + mp.loggamma(x - 0.5),
        [1.5, 4.0, 30.0, 100.0],
        within=lambda x: x - 0.5,
    ),
}


def w_of(z: Any) -> Any:
    """The Faddeeva function."""
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def main(names: list[str], all_of_them: bool) -> None:
    """Print what is off."""
    for name, row in ROWS.items():
        for x in row.points if not names or name in names else []:
            try:
                found, warned = errors(row, x)
            except Exception as error:
                print(f"{name:20s} {x:10.3g} {type(error).__name__}: {str(error)[:90]}", flush=True)
                continue
            off = [(k, v) for k, v in enumerate(found, int(row.of_slope)) if not v < 1e-12]
            if off and (all_of_them or not warned):
                worst = max(v for _, v in off)
                told = "told" if warned else "SILENT"
                print(f"{name:20s} {x:10.3g} {worst:.0e} at most, from order {off[0][0]} on: {told}", flush=True)


if __name__ == "__main__":
    main([a for a in sys.argv[1:] if a != "-a"], "-a" in sys.argv)
