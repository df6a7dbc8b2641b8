"""`scipy.special`, differentiable: one line per function, with one rule per argument.

A ufunc of SciPy that is in this table also works on boxes as it is, `scipy.special.erf(x)`, once this module has been
imported (which happens by itself the first time that such a ufunc meets a box). A string in the place of a rule names
an argument without one: integer orders, and parameters whose derivative is no function in the library. These are
constants; being asked for their derivative they raise.

The formulas are those of the NIST Digital Library of Mathematical Functions (chapters 5 to 13, 18, 19, 22, 25, 28);
where a textbook formula cancels or is 0/0 at a point, the form that is used there is given in a comment.
"""

# mypy: disable-error-code="has-type, assignment"

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special as _sp  # type: ignore[import-untyped]

from minigrad.core.duck_arrays import Duck, Performed, anywhere, as_plain
from minigrad.core.lines import located
from minigrad.core.nested import has_box
from minigrad.core.primitive import Operation, constant, elementwise
from minigrad.core.tape import Box, peel, refusal
from minigrad.numpy.dispatch import as_array, as_ufunc, boxed, derivative_of, in_place_of
from minigrad.rules import elementwise as _e
from minigrad.rules import reductions as _reductions
from minigrad.rules import shapes as _shapes
from minigrad.rules.elementwise import absolute, cos, cosh, exp, log, sign, sin, sinh, sqrt, where

_plain: Any = Performed(_sp)  # those that are no ufuncs

#: Functions with a pole, a logarithm or another infinite slope at some finite argument.
WITH_POLES = frozenset(
    [
        "gamma",
        "gammaln",
        "loggamma",
        "psi",
        "beta",
        "betaln",
        "poch",
        "binom",
        "zeta",
        "zetac",
        "logit",
        "log1p",
        "cbrt",
        "xlogy",
        "xlog1py",
        "entr",
        "rel_entr",
        "kl_div",
        "boxcox",
        "boxcox1p",
        "powm1",
        "spence",
        "agm",
        "erfinv",
        "erfcinv",
        "ndtri",
        "ndtri_exp",
        "gammaincinv",
        "gammainccinv",
        "betaincinv",
        "betainccinv",
        "stdtrit",
        "chdtri",
        "gdtrix",
        "gdtria",
        "pdtri",
        "bdtri",
        "nbdtri",
        "fdtri",
        "chndtrix",
        "kolmogi",
        "tandg",
        "cotdg",
        "y0",
        "y1",
        "yn",
        "yv",
        "yve",
        "k0",
        "k1",
        "k0e",
        "k1e",
        "kn",
        "kv",
        "kve",
        "jv",
        "jve",
        "hankel1",
        "hankel2",
        "hankel1e",
        "hankel2e",
        "ker",
        "kei",
        "kerp",
        "keip",
        "exp1",
        "expi",
        "expn",
        "sici[1]",
        "shichi[1]",
        "ellipk",
        "ellipe",
        "ellipkm1",
        "ellipkinc",
        "ellipeinc",
        "hyp2f1",
        "hyperu",
        "lpmv",
    ]
)

# ----- how a row of the table is made ---------------------------------------------------------------------------------


def no_rule(name: str, argument: str, nin: int) -> Callable[..., Any]:
    """The rule of an argument that has none: it raises."""

    def fail() -> Any:
        raise refusal(
            NotImplementedError,
            f"scipy.special.{name} has no derivative rule for its argument {argument}; if it is to be a constant, "
            f"take its plain value: minigrad.value({argument})",
        )

    return (
        lambda _g, _ans, _a: fail(),
        lambda _g, _ans, _a, _b: fail(),
        lambda _g, _ans, _a, _b, _c: fail(),
        lambda _g, _ans, _a, _b, _c, _d: fail(),
        lambda _g, _ans, _a, _b, _c, _d, _e: fail(),
    )[nin - 1]


def primitive(name: str, fun: Callable[..., Any], rules: Any, **declared: Any) -> Operation:
    """An elementwise primitive; a string among its rules names an argument that has none."""
    given = [no_rule(name, rule, len(rules)) if isinstance(rule, str) else rule for rule in rules]
    return elementwise(name, fun, *given, noisy=True, amplifies=name in WITH_POLES, **declared)


def ufunc(name: str, *rules: Any, **declared: Any) -> Callable[..., Any]:
    """A ufunc of `scipy.special`."""
    own = getattr(_sp, name)
    return as_ufunc(own, primitive(name, own, rules, **declared), "scipy.special")


def ufunc_of_several(name: str, *outputs: Any) -> tuple[Callable[..., Any], list[Operation]]:
    """A ufunc with several results: the function, and one primitive for each of them."""
    own = getattr(_sp, name)
    parts = [
        primitive(f"{name}[{k}]", lambda *args, k=k: own(*args)[k], rules if isinstance(rules, tuple) else (rules,))
        for k, rules in enumerate(outputs)
    ]
    return as_ufunc(own, lambda *args: tuple([part(*args) for part in parts]), "scipy.special"), parts


def function(name: str, bind: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `scipy.special` that is no ufunc: SciPy's own on plain values, the rule on boxes."""
    own, plain = getattr(_sp, name), getattr(_plain, name)

    def public(*args: Any, **options: Any) -> Any:
        if has_box(args) or has_box(tuple(options.values())):
            return bind(*map(boxed, args), **{key: boxed(value) for key, value in options.items()})
        return plain(*args, **options)

    # What SciPy 1.15 made of several ufuncs has no name of its own.
    return in_place_of(own, public, "scipy.special", derivative_of(bind), name)


def weak(value: Any) -> Any:
    """A plain scalar as a Python number, which leaves float32 arrays what they are."""
    return value.item() if issubclass(type(value), np.generic) else value


def real_only(name: str, x: Any) -> Any:
    """x; raises if it is complex, where the function is not analytic."""
    if np.iscomplexobj(peel(x)):
        raise refusal(
            NotImplementedError,
            f"scipy.special.{name} of a complex argument is not analytic; scale the unscaled function instead",
        )
    return x


PI, ROOT_PI, ROOT_2, DEGREE = float(np.pi), float(np.sqrt(np.pi)), float(np.sqrt(2.0)), float(np.pi / 180)
ROOT_2PI, TWO_BY_ROOT_PI, LOG_10 = float(np.sqrt(2 * np.pi)), float(2 / np.sqrt(np.pi)), float(np.log(10.0))

# ----- what several rules share ---------------------------------------------------------------------------------------


def far_slope(x: Any, ans: Any, s: float) -> Any:
    """2x ans - 2/√π for erfcx (s = -1), 1 - 2x ans for dawsn (s = 1), which cancel for large x.

    There the asymptotic series Σ s^n (2n-1)!!/(2x²)^n without its first term (DLMF 7.12.1) is used.
    """
    plain = peel(x)
    near = 2.0 * x * ans - TWO_BY_ROOT_PI if s < 0 else 1.0 - 2.0 * x * ans
    if plain.dtype.kind == "c":
        return near
    far = plain > 8.0 if s < 0 else np.abs(plain) > 8.0
    if not np.any(far):
        return near
    z = s / (2.0 * where(far, x, 8.0) ** 2)
    series: Any = 1.0
    for n in range(15, 1, -1):
        series = 1.0 + (2 * n - 1) * z * series
    return where(far, (TWO_BY_ROOT_PI if s < 0 else -1.0) * z * series, near)


def hazard_slope(x: Any, ans: Any) -> Any:
    """The derivative of the hazard: -h (x + h), without its cancellation on the left and its underflow on the right."""
    y = x * (-1 / ROOT_2)
    w = erfcx(y)
    return ans * (far_slope(y, w, -1.0) / w * (1 / ROOT_2))


# φ(x)/Φ(x), the derivative of log Φ, without cancellation in the tail.
hazard = elementwise(
    "hazard", lambda x: (2.0 / ROOT_2PI) / _sp.erfcx(x * (-1 / ROOT_2)), lambda g, ans, x: g * hazard_slope(x, ans)
)


def gamma_density(a: Any, x: Any) -> Any:
    """x^(a-1) e^(-x) / Γ(a), the derivative of gammainc."""
    small = as_plain(peel(a)) <= 20.0
    if np.all(small):
        return x ** (a - 1.0) * exp(-x) * weak(rgamma(a))
    large = exp(xlogy(a - 1.0, x) - x - weak(gammaln(a)))
    if not np.any(small):
        return large
    a = where(small, a, 1.0)
    return where(small, x ** (a - 1.0) * exp(-x) * rgamma(a), large)


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """x^(a-1) (1-x)^(b-1) / B(a, b), the derivative of betainc."""
    small = (as_plain(peel(a)) <= 20.0) & (as_plain(peel(b)) <= 20.0)
    if np.all(small):
        return x ** (a - 1.0) * (1.0 - x) ** (b - 1.0) / weak(beta(a, b))
    large = exp(xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - weak(betaln(a, b)))
    if not np.any(small):
        return large
    a, b = where(small, a, 1.0), where(small, b, 1.0)
    return where(small, x ** (a - 1.0) * (1.0 - x) ** (b - 1.0) / beta(a, b), large)


def f_density(dfn: Any, dfd: Any, x: Any) -> Any:
    """The density of the F distribution."""
    return beta_density(dfn * 0.5, dfd * 0.5, dfn * x / (dfd + dfn * x)) * (dfn * dfd) / (dfd + dfn * x) ** 2


def t_density(df: Any, t: Any) -> Any:
    """The density of Student's t distribution."""
    return exp((df + 1.0) * -0.5 * _e.log1p(t * t / df)) / (weak(sqrt(df)) * weak(beta(df * 0.5, 0.5)))


def noncentral_density(x: Any, df: Any, nc: Any) -> Any:
    """The density of the non-central χ² distribution: that of χ² times e^(-nc/2) 0F1(df/2; nc x/4)."""
    return 0.5 * gamma_density(df * 0.5, x * 0.5) * exp(nc * -0.5) * hyp0f1(df * 0.5, nc * x * 0.25)


def log_by(z: Any) -> Any:
    """log(z)/(z - 1), and 1 at 1: 2F1(1, 1; 2; 1 - z) near it."""
    near = absolute(peel(z) - 1.0) < 0.5
    far = where(near, 2.0, z)
    return where(near, hyp2f1(1.0, 1.0, 2.0, where(near, 1.0 - z, 0.0)), log(far) / (far - 1.0))


def log1p_by_slope(u: Any) -> Any:
    """The derivative of log(1 + u)/u."""
    near = absolute(peel(u)) < 0.5
    far = where(near, 1.0, u)
    series = hyp2f1(2.0, 2.0, 3.0, where(near, -u, 0.0)) * -0.5
    return where(near, series, (1.0 / (1.0 + far) - log(1.0 + far) / far) / far)


def below(n: Any) -> Any:
    """n - 1, the degree of the derivative of a polynomial; 0 stays 0 (its factor is 0, see `positive`)."""
    return n if np.ndim(n) == 0 and n == 0 else n - 1 if np.ndim(n) == 0 else np.where(np.equal(n, 0), n, n - 1)


def positive(n: Any) -> Any:
    """1 where the degree n is not 0, else 0."""
    return float(n != 0) if np.ndim(n) == 0 else np.not_equal(n, 0)


def elliptic_slope(m: Any, a: float) -> Any:
    """dK/dm (a = 1/2) or dE/dm (a = -1/2): the hypergeometric form near 0, where the textbook's is 0/0."""
    near = np.abs(peel(m)) < 0.5
    series = hyp2f1(a + 1.0, 1.5, 2.0, where(near, m, 0.0)) * (a * PI / 4)
    far = where(near, 0.5, m)
    if a > 0:
        return where(near, series, (ellipe(far) - (1.0 - far) * ellipk(far)) / (2.0 * far * (1.0 - far)))
    return where(near, series, (ellipe(far) - ellipk(far)) / (2.0 * far))


def complementary_slope(p: Any, ans: Any) -> Any:
    """dK/dp for p = 1 - m, given K, with the digits of small p."""
    near = np.asarray(peel(p)) > 0.5
    far = where(near, 0.25, p)
    return where(
        near,
        -elliptic_slope(where(near, 1.0 - p, 0.0), 0.5),
        (far * ans - ellipe(1.0 - far)) / (2.0 * far * (1.0 - far)),
    )


def incomplete_slope(phi: Any, m: Any, a: float) -> Any:
    """∂F/∂m (a = 1/2) or ∂E/∂m (a = -1/2), by a series of ∫ sin^2n near m = 0, where the textbook's is 0/0."""
    near = np.abs(peel(m)) < 0.1
    far = where(near, 0.5, m)
    if a > 0:
        s2 = sin(phi) ** 2
        ans = ellipeinc(phi, far) / (2.0 * far * (1.0 - far)) - ellipkinc(phi, far) / (2.0 * far)
        ans = ans - sin(2.0 * phi) / (4.0 * (1.0 - far) * sqrt(1.0 - far * s2))
    else:
        ans = (ellipeinc(phi, far) - ellipkinc(phi, far)) / (2.0 * far)
    if not np.any(near):
        return ans
    z, s, c = where(near, m, 0.0), sin(phi), cos(phi)
    term, coefficient, series = phi, 1.0, 0.0
    for n in range(1, 19):
        term = ((2 * n - 1) * term - s ** (2 * n - 1) * c) / (2 * n)
        coefficient *= (a + n - 1) / n
        series = series + (coefficient * n) * z ** (n - 1) * term
    return where(near, series, ans)


def kolmogorov_slope(y: Any) -> Any:
    """-8y Σ (-1)^(k-1) k² e^(-2k²y²); for small y the theta-transformed series, which converges there."""
    small = peel(y) < 0.8
    x = where(small, 0.8, y)
    terms = sum((-1.0) ** k * k**2 * exp(-2.0 * k**2 * x * x) for k in range(1, 7))
    z = where(small & (peel(y) > 0.04), y, 0.8)
    odd = [(2 * k - 1) ** 2 * PI**2 / 8 for k in range(1, 5)]
    theta = sum(exp(-c / (z * z)) * (1.0 / (z * z) - 2.0 * c / z**4) for c in odd)
    return where(small, where(peel(y) > 0.04, ROOT_2PI * theta, 0.0), 8.0 * x * terms)


def bessel_sum(x: Any, s: float) -> Any:
    """(I0(x) - 1)/x (s = 1) or (1 - J0(x))/x (s = -1), by the power series near 0."""
    near = np.abs(peel(x)) < 4.0  # far enough for high orders, in which the quotient loses a factor 1/x each
    z = where(near, x, 0.0) ** 2 * 0.25
    series: Any = 1.0
    for k in range(26, 1, -1):
        series = 1.0 + (s / k**2) * z * series
    far = where(near, 1.0, x)
    return where(near, x * 0.25 * series, (i0(far) - 1.0 if s > 0 else 1.0 - j0(far)) / far)


def struve_term(v: Any, x: Any) -> Any:
    """(x/2)^v / (√π Γ(v + 3/2)), DLMF 11.4.27."""
    return (x * 0.5) ** v * weak(rgamma(v + 1.5)) / ROOT_PI


def voigt(x: Any, sigma: Any, y: Any) -> Any:
    """The derivative of the Voigt profile along its complex argument."""
    z = (x + 1j * y) / (sigma * ROOT_2)
    return (-2.0 * z * wofz(z) + 1j * TWO_BY_ROOT_PI) / (sigma * sigma * (ROOT_2 * ROOT_2PI))


def polygamma_plain(n: int, x: Any) -> Any:
    """polygamma in the dtype of x, and of complex x too (as the real one: recurrence, then DLMF 5.15.9)."""
    if isinstance(x, Duck):
        return x.perform(_polygamma, (x,), {"n": n})
    x = np.asarray(x)
    if x.dtype.kind != "c":
        return _sp.polygamma(n, x).astype(x.dtype)[()]
    if n == 0:
        return _sp.psi(x)
    factorial = float(_sp.gamma(n + 1))
    z, total = x.astype(complex), np.zeros(x.shape, complex)
    if np.any(z.real < -1000.0):
        raise NotImplementedError(located("scipy.special.psi: the derivative is not implemented left of Re z = -1000"))
    while np.any(low := z.real < 20.0 + n):
        total += np.where(low, factorial * np.where(low, z, 1.0) ** (-n - 1), 0.0)
        z = z + low
    total += factorial / n * z**-n + factorial / 2 * z ** (-n - 1)
    for k, bernoulli in enumerate(_sp.bernoulli(24)[2::2], 1):
        total += bernoulli * _sp.gamma(2 * k + n) / _sp.gamma(2 * k + 1) * z ** (-2 * k - n)
    return ((-1) ** (n + 1) * total).astype(x.dtype)[()]


def digamma_plain(x: Any) -> Any:
    """psi, left of 0 by reflection at the next whole number: SciPy's rounds 1 - x there, and so loses the pole."""
    if isinstance(x, Duck):
        return x.perform(_digamma, (x,), {})
    plain = _sp.psi(x)
    if np.iscomplexobj(plain) or not np.any(low := np.less(x, 0.0)):
        return plain
    z = np.where(low, x, 0.25)
    reflected = _sp.psi(1.0 - z) - PI / np.tan(PI * (z - np.rint(z)))
    return np.where(low, reflected, plain).astype(plain.dtype)[()]


#: psi in the rules of others; the function itself is SciPy's, to the last bit.
_digamma = elementwise("psi", digamma_plain, lambda g, _ans, x: g * _polygamma(x, n=1), amplifies=True, noisy=True)

_polygamma = elementwise(
    "polygamma",
    lambda x, n: polygamma_plain(n, x),
    lambda g, _ans, x, n: g * _polygamma(x, n=n + 1),
    amplifies=True,
)


def reciprocal_gamma_slope(ans: Any, x: Any) -> Any:
    """-ψ(x)/Γ(x), left of 1/2 by reflection: at 0, -1, -2, ... the function is 0 and ψ infinite."""
    low = np.real(peel(x)) < 0.5
    if not np.any(low):
        return -ans * _digamma(x)
    z, high = where(low, x, 0.0), where(low, 1.0, x)
    reflected = gamma(1.0 - z) * (cos(PI * z) - sin(PI * z) / PI * psi(1.0 - z))
    return where(low, reflected, -rgamma(high) * psi(high))


# Zeta, by Euler and Maclaurin with N terms and the Bernoulli numbers to B_20 (DLMF 25.2.10, 25.11.28), term by term.
_BERNOULLI = [float(b / _sp.gamma(2 * k + 1)) for k, b in enumerate(_sp.bernoulli(20)[2::2], 1)]


def zeta_slope(s: Any, q: Any) -> Any:
    """∂ζ(s, q)/∂s for s > -15."""
    if np.any(np.real(peel(s)) < -15.0):
        raise NotImplementedError(located("scipy.special.zeta: the derivative in x is not implemented for x < -15"))
    total = 0.0
    for k in range(12):
        total = total - log(q + k) * (q + k) ** -s
    Q = q + 12.0
    L = log(Q)
    total = total - Q ** (1.0 - s) / (s - 1.0) * (L + 1.0 / (s - 1.0)) - 0.5 * L * Q**-s
    rising, slope = s, 1.0  # s(s+1)...(s+2k-2) and its derivative
    for k, b in enumerate(_BERNOULLI, 1):
        total = total + b * Q ** (1.0 - s - 2 * k) * (slope - rising * L)
        for i in (2 * k - 1, 2 * k):
            rising, slope = rising * (s + i), slope * (s + i) + rising
    return total


def riemann_slope(s: Any) -> Any:
    """ζ'(s): the sum above cancels for s < -1, and there it is the reflection (DLMF 25.4.1)."""
    low = np.real(peel(s)) < -1.0
    if not anywhere(low):
        return zeta_slope(s, 1.0)
    z = where(low, s, -2.0)
    wave, other = sin(z * (PI / 2)), 1.0 - z
    inner = wave * ((log(2.0 * PI) - psi(other)) * zeta(other) - zeta_slope(other, 1.0))
    inner = inner + cos(z * (PI / 2)) * zeta(other) * (PI / 2)
    reflected = exp(z * float(np.log(2.0 * PI))) / PI * gamma(other) * inner
    return where(low, reflected, zeta_slope(where(low, 2.0, s), 1.0))


# ----- Taylor series by recurrence: functions whose derivative is a short expression of themselves and of simpler ones.
# All others are derived from their rule, at order^3 instead of order^2. A recurrence that returns None leaves it to that.


def integral_of_gauss(factor: Any, scale: float) -> Callable[..., Any]:
    """v' = factor exp(scale u^2) u'."""

    def recurrence(s: Any, d: int, ans: Any, u: Any) -> Any:
        square = s.scaled(s.product(u, u, d), scale)
        return s.integral(ans, u, s.exponential(factor * exp(square[0]), square, d - 1), d)

    return recurrence


# A function that decays like a power is not found from a recurrence of differences that nearly cancel: each order loses
# the digits that its terms have in common. Cauchy's integral over a circle of radius |x|/2 about x (and `more`, where no
# singularity is near) loses about one bit for each order, if the function is analytic there. Source: J. N. Lyness and
# C. B. Moler, "Numerical differentiation of analytic functions", SIAM Journal on Numerical Analysis 4, 1967.


def _on_circle(fun: Callable[[Any], Any], x: Any, order: int, more: float) -> Any:
    """The Taylor coefficients 0 to `order` of `fun` at plain x, one row for each."""
    n = 2 * order + 96  # the coefficients that are left out count 2^(-n/2) if the function grows from 0.7 |x| on
    down = (-1,) + (1,) * np.ndim(x)
    radius = 0.5 * np.abs(x) + more
    z = x + radius * np.exp(2j * PI / n * np.arange(n)).reshape(down)
    return np.fft.fft(fun(z), axis=0)[: order + 1] / (n * radius ** np.arange(order + 1).reshape(down))


def _coefficient_at(x: Any, fun: Callable[[Any], Any], k: int, more: float) -> Any:
    if isinstance(x, Duck):
        return x.perform(_coefficient, (x,), {"fun": fun, "k": k, "more": more})
    x = np.asarray(x)
    c = _on_circle(fun, x, k, more)[k]
    return (c if x.dtype.kind == "c" else c.real).astype(x.dtype)[()]


_coefficient = elementwise(
    "taylor_coefficient",
    _coefficient_at,
    lambda g, _ans, x, fun, k, more: g * ((k + 1) * _coefficient(x, fun=fun, k=k + 1, more=more)),
)


def from_circle(x: Any, ans: Any, fun: Callable[[Any], Any], order: int, more: float) -> Any:
    """The series at x, plain or boxed, of a function with the value `ans`, given its continuation off the real axis."""
    if type(x) is Box or isinstance(peel(x), Duck):
        return [ans, *[_coefficient(x, fun=fun, k=k, more=more) for k in range(1, order + 1)]]
    rows = _on_circle(fun, x, order, more)
    return [ans, *(rows if np.iscomplexobj(ans) else rows.real)[1:].astype(peel(ans).dtype)]


def near_and_far(
    far: Any, fun: Callable[[Any], Any], near: Callable[..., Any], more: float = 0.0
) -> Callable[..., Any]:
    """A recurrence: Cauchy's integral of the continuation `fun` where `far(x)`, elsewhere the series `near(s, d, ...)`."""

    def recurrence(s: Any, d: int, ans: Any, u: Any) -> Any:
        x, like = u[0], peel(ans)
        if np.shape(peel(x)) != like.shape:  # there are several orders
            x = _shapes.broadcast_to(x, shape=like.shape)
        away = far(peel(x))
        if not anywhere(away):
            return near(s, d, ans, u)
        there = from_circle(where(away, x, _e.in_dtype_of(8.0, x)), ans, fun, d, more)
        here = near(s, d, ans, [where(away, _e.in_dtype_of(1.0, x), x), 1.0])
        return s.composed([ans, *[where(away, a, b) for a, b in zip(there[1:], here[1:])]], u, d)

    return recurrence


def rgamma_series(s: Any, d: int, ans: Any, u: Any) -> Any:
    """1/Γ, which is entire, over a circle near 0; elsewhere as derived."""
    if not np.all(np.abs(peel(u[0])) < 2.0):
        return None
    return s.composed(from_circle(u[0], ans, _sp.rgamma, d, 2.0), u, d)


def _is_one_number(u: Any) -> bool:
    """Whether an argument is constant, real, and the same for all entries."""
    return len(u) == 1 and not np.ndim(u[0]) and not isinstance(u[0], (Box, Duck)) and not np.iscomplexobj(u[0])


def poch_series(s: Any, d: int, ans: Any, u: Any, m: Any) -> Any:
    """Γ(z + m) / Γ(z) over a circle, where 1/Γ(z) has its zeros nearby; elsewhere as derived."""
    if not _is_one_number(m) or not m[0] >= 0.5 or not np.all((peel(u[0]) >= 0.0) & (peel(u[0]) < 1.0)):
        return None
    p = float(m[0])
    return s.composed(from_circle(u[0], ans, lambda z: _sp.gamma(z + p) * _sp.rgamma(z), d, min(0.7 * p, 2.0)), u, d)


def binom_series(s: Any, d: int, ans: Any, n: Any, k: Any) -> Any:
    """Γ(n + 1) / Γ(k + 1) / Γ(n - k + 1) over a circle, where the inverses have their zeros nearby."""
    if _is_one_number(k):
        low = float(k[0])
        if not np.all((peel(n[0]) >= 0.0) & (np.abs(peel(n[0]) - low + 1.0) < 2.0)):
            return None
        fun = lambda z: _sp.gamma(z + 1.0) * _sp.rgamma(z - low + 1.0) * _sp.rgamma(low + 1.0)
        return s.composed(from_circle(n[0], ans, fun, d, 0.7), n, d)
    at = np.real(peel(k[0])) if not isinstance(peel(k[0]), Duck) else np.inf
    if _is_one_number(n) and n[0] > -1.0 and np.all((at > -1.0) & (at < n[0] + 4.0)):
        if np.any((at < 1.0) | (at > n[0] - 2.0)):
            top, radius = float(n[0]), 2.0  # it is entire
            fun = lambda z: _sp.gamma(top + 1.0) * _sp.rgamma(z + 1.0) * _sp.rgamma(top - z + 1.0)
            return s.composed(from_circle(k[0], ans, fun, d, radius - 0.5 * np.abs(at)), k, d)
    return None


NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)


def incomplete_series(a: float) -> Callable[..., Any]:
    """F(φ, m) (a = 1/2) or E(φ, m) (a = -1/2) of constant φ: the integral over θ of (1 - m sin²θ)^(-a), term by term.

    Its derivatives in m are integrals of positive functions, so that nothing cancels. Where the integrand is nearly
    singular, or φ beyond a quarter turn, the series is derived.
    """

    def recurrence(s: Any, d: int, ans: Any, phi: Any, m: Any) -> Any:
        turn, at = peel(phi[0]), peel(m[0])
        if len(phi) > 1 or not np.all((np.abs(turn) <= 1.58) & (at * np.sin(turn) ** 2 < 0.9) & (at > -3.0)):
            return None
        total: Any = [0.0] * (d + 1)
        for node, weight in zip(NODES.tolist(), WEIGHTS.tolist()):
            square = sin(phi[0] * (0.5 * (1.0 + node))) ** 2
            rest = 1.0 - m[0] * square
            term = phi[0] * (0.5 * weight) * rest**-a
            for k in range(d + 1):
                total[k] = total[k] + term
                term = term * square / rest * ((a + k) / (k + 1))
        return s.composed([ans, *total[1:]], m, d)

    return recurrence


@functools.lru_cache(maxsize=64)
def laguerre_nodes(a: float) -> tuple[Any, Any]:
    """Nodes and weights for the mean of a function in the distribution s^(a-1) exp(-s) / Γ(a)."""
    nodes, weights = _sp.roots_genlaguerre(80, a - 1.0)
    return nodes, weights / np.sum(weights)


def tricomi_series(s: Any, d: int, ans: Any, a: Any, b: Any, u: Any) -> Any:
    """U(a, b, x) for constant a > 0 and b: x^-a times the mean of (1 + s/x)^(b-a-1) (DLMF 13.4.4), term by term.

    The derivatives are means of positive functions, so that nothing cancels. For small x the series is derived; for
    others SciPy's values have 1e-10 of error here and there.
    """
    order, other, at = peel(a[0]), peel(b[0]), peel(u[0])
    if len(a) > 1 or len(b) > 1 or np.ndim(order) or np.ndim(other) or isinstance(order, Duck):
        return None
    if not 0.01 <= order <= 50.0 or abs(other) > 50.0 or np.iscomplexobj(at) or not np.all((at >= 3.0) & (at < 1e8)):
        return None
    total: Any = [0.0] * (d + 1)
    for node, weight in zip(*[each.tolist() for each in laguerre_nodes(float(order))]):
        term = weight * (1.0 + node / u[0]) ** float(other - order - 1.0)
        for k in range(d + 1):
            total[k] = total[k] + term
            term = term * (-node / (k + 1))
    outer = [ans, *[total[k] * u[0] ** -(float(order) + k) for k in range(1, d + 1)]]
    return s.composed(outer, u, d)


def gauss_equation(a: Any, b: Any) -> Callable[..., Any]:
    """v' = (a + b u v) u'."""
    return lambda s, d, ans, u: s.linear_equation(ans, u, d, a, b)


# C_v' = way/2 (C_(v-1) + sign C_(v+1)) for the functions of Bessel: sign and way (DLMF 10.6.1, 10.29.1).
BESSEL = {name: (1.0, 1.0) if name == "iv" else (1.0, -1.0) if name == "kv" else (-1.0, 1.0)
          for name in ("jv", "yv", "iv", "kv", "hankel1", "hankel2", "jve", "yve")}  # fmt: skip


def of_neighbours(name: str) -> Callable[..., Any]:
    """A Bessel function of constant order: its derivatives are sums of functions of other orders (DLMF 10.6.7)."""
    sign, way = BESSEL[name]

    def recurrence(s: Any, d: int, ans: Any, v: Any, u: Any) -> Any:
        if len(v) > 1:
            return None  # there is no rule for it, which will be told
        f, order = globals()[name], weak(v[0])
        terms = [f(order + k, u[0]) for k in range(-d, d + 1)]
        outer = [ans]
        for n in range(1, d + 1):
            total = sum([sign**i * float(_sp.binom(n, i)) * terms[d + 2 * i - n] for i in range(n + 1)])
            outer.append(total * ((0.5 * way) ** n / float(_sp.gamma(n + 1))))
        return s.composed(outer, u, d)

    return recurrence


def scaled_bessel(name: str, continued: Callable[..., Any], rate: Any) -> Callable[..., Any]:
    """A Bessel function times exp(rate u): on a circle where it decays like a power, else as that product."""

    def recurrence(s: Any, d: int, ans: Any, v: Any, u: Any) -> Any:
        if len(v) > 1 or anywhere(peel(u[0]) == 0):
            return None

        def near(s: Any, d: int, ans: Any, u: Any) -> Any:
            x = u[0]
            speed = rate * np.sign(peel(x)) if name == "iv" else rate
            unscaled = of_neighbours(name)(s, d, globals()[name](weak(v[0]), x), v, [x, 1.0])
            factor = s.exponential(exp(speed * x), [speed * x, speed], d)
            return s.composed([ans, *s.product(unscaled, factor, d)[1:]], u, d)

        return near_and_far(lambda x: np.abs(x) > 5.0, lambda z: continued(peel(v[0]), z), near)(s, d, ans, u)

    return recurrence


def far_struve_series(s: Any, d: int, ans: Any, order: float, u: Any) -> Any:
    """Y_v + 2 (u/2)^v / √π / Γ(v + 1/2) times the integral over t of exp(-u t) (1 + t²)^(v - 1/2) (DLMF 11.5.2).

    The derivatives of the integral are of positive functions, so that nothing cancels in them.
    """
    x, y = u[0], float(order)
    total: Any = [0.0] * (d + 1)
    for node, weight in zip(*[each.tolist() for each in laguerre_nodes(1.0)]):
        term = weight * (1.0 + (node / x) ** 2) ** (y - 0.5) / x
        for k in range(d + 1):
            total[k] = total[k] + term
            term = term * (-node / (k + 1)) / x
    half = [x * 0.5, 0.5]
    factor = s.power_by((x * 0.5) ** y, half, [y], d)
    scale = 2.0 / float(np.sqrt(PI) * _sp.gamma(y + 0.5))
    bessel = of_neighbours("yv")(s, d, yv(y, x), [y], [x, 1.0])
    rest = s.product(factor, total, d)
    return s.composed([ans, *[bessel[k] + scale * rest[k] for k in range(1, d + 1)]], u, d)


def struve_series(way: float) -> Callable[..., Any]:
    """A Struve function of constant order as (u/2)^(v+1) times a power series, for |u| < 8 (DLMF 11.2.1, 11.2.2)."""

    def recurrence(s: Any, d: int, ans: Any, v: Any, u: Any) -> Any:
        if way < 0.0 and _is_one_number(v) and -0.4 < v[0] < 20.0 and not np.iscomplexobj(peel(u[0])):
            if np.all(peel(u[0]) > 14.0):
                return far_struve_series(s, d, ans, v[0], u)
        if len(v) > 1 or np.iscomplexobj(peel(u[0])) or not np.all(np.abs(peel(u[0])) < 8.0):
            return None
        order, x = weak(v[0]), u[0]
        half = [x * 0.5, 0.5]
        square = s.product(half, half, d)
        rows = [way**m * weak(_sp.rgamma(m + 1.5) * _sp.rgamma(m + peel(order) + 1.5)) for m in range(40)]
        total = [rows[-1] + 0.0 * x]
        for row in rows[-2::-1]:
            total = s.product(total, square, d)
            total = [total[0] + row, *total[1:]]
        start = s.power_by((x * 0.5) ** (order + 1.0), half, [order + 1.0], d)
        return s.composed([ans, *s.product(start, total, d)[1:]], u, d)

    return recurrence


def ive_continued(v: Any, z: Any) -> Any:
    """`ive` holds |Re z|; this is analytic on either side of 0."""
    return _sp.ive(v, z) * np.exp(-1j * np.sign(z.real) * z.imag)


def of_order(v: int, recurrence: Callable[..., Any]) -> Callable[..., Any]:
    """The recurrence of a function whose order is fixed."""
    return lambda s, d, ans, u: recurrence(s, d, ans, [v], u)


def log_ndtr_series(s: Any, d: int, ans: Any, u: Any) -> Any:
    """v' = h u' with the hazard h, for which h' = -h (u + h); on the left and near 0 log erfcx(-u/√2) - u²/2 - log 2."""

    def near(s: Any, d: int, ans: Any, u: Any) -> Any:
        h = [hazard(u[0])]
        total = [u[0] + h[0]]
        for k in range(d - 1):
            h.append(s.dot(h, total, k) * (-1.0 / (k + 1)))
            total.append(h[-1] if k else h[-1] + 1.0)
        return s.composed([ans, *[c * (1.0 / (k + 1)) for k, c in enumerate(h)]], u, d)

    def on_circle(x: Any) -> Any:
        left = (np.real(x) < -0.5) & (-np.real(x) > np.abs(np.imag(x)))
        return left | (np.abs(x) + np.abs(np.imag(x)) < 0.4)  # further on, the circle crosses the cut of the logarithm

    if not anywhere(on_circle(peel(u[0]))):
        return near(s, d, ans, u)
    away = on_circle(peel(u[0]))
    there = near_and_far(on_circle, lambda z: np.log(_sp.erfcx(z * (-1 / ROOT_2))), near, more=2.0)(s, d, ans, u)
    square = s.scaled(s.product(u, u, d), -0.5)
    return [ans, *[c + where(away, square[k], 0.0) if k < len(square) else c for k, c in enumerate(there)][1:]]


def log_expit_series(s: Any, d: int, ans: Any, u: Any) -> Any:
    """v' = u' / (1 + exp(u))."""
    return s.integral(ans, u, s.logistic(expit(-u[0]), expit(u[0]), s.scaled(u, -1.0), d - 1), d)


def x_log_series(s: Any, d: int, ans: Any, x: Any, y: Any) -> Any:
    """x log y, but for the places where it is 0 by definition."""
    if not np.all(peel(y[0]) > 0):
        return None
    return s.product(x, s.logarithm(log(y[0]), y, d) if len(y) > 1 else [log(y[0])], d, ans)


def entropy_series(s: Any, d: int, ans: Any, u: Any) -> Any:
    """-u log u: v' = -(log u + 1) u'."""
    if not np.all(peel(u[0]) > 0):
        return None
    return s.integral(ans, u, s.shifted(-log(u[0]) - 1.0, s.logarithm(log(u[0]), u, d - 1), -1), d)


def relative_entropy_series(more: float) -> Callable[..., Any]:
    """x log(x/y) - more (x - y): v' = (log(x/y) + 1 - more) x' + (more - x/y) y'."""

    def recurrence(s: Any, d: int, ans: Any, x: Any, y: Any) -> Any:
        if not np.all((peel(x[0]) > 0) & (peel(y[0]) > 0)):
            return None
        parts = []
        if len(x) > 1:
            start = log(x[0] / y[0])
            logs = [s.logarithm(start, u, d - 1) if len(u) > 1 else [start] for u in (x, y)]
            parts.append(s.integral(ans, x, s.shifted(start + (1.0 - more), s.added(start, logs[0], logs[1], -1)), d))
        if len(y) > 1:
            by = s.quotient(x, y, d - 1)
            parts.append(s.integral(ans, y, s.shifted(more - by[0], by, -1), d))
        return parts[0] if len(parts) == 1 else s.added(ans, *parts)

    return recurrence


def inverse_boxcox_series(one: float) -> Callable[..., Any]:
    """(1 + k u)^(1/k), less 1 for the inverse of boxcox1p, for one constant k that is not near 0."""

    def recurrence(s: Any, d: int, ans: Any, u: Any, k: Any) -> Any:
        if len(k) > 1 or np.ndim(peel(k[0])) or type(k[0]) is Box or isinstance(k[0], Duck) or abs(k[0]) < 0.05:
            return None
        p = float(k[0])
        base = s.shifted(1.0 + p * u[0], s.scaled(u, p))
        return s.shifted(ans, s.power(ans + one, base, 1.0 / p, d))

    return recurrence


def exprel_series(s: Any, d: int, ans: Any, u: Any) -> Any:
    """expm1(u) / u: its series in u - u[0], in which that of u - u[0] is put."""
    z, n = u[0], d + s.AHEAD
    top = [expm1(z), *s.exponential(exp(z), [z, 1.0], n)[1:]]
    return s.composed(s.careful_quotient(top, [z, 1.0], n, ans)[0][: d + 1], u, d)


# fmt: off

# ----- error functions ------------------------------------------------------------------------------------------------

erf       = ufunc("erf", lambda g, _ans, x: g * (TWO_BY_ROOT_PI * exp(-(x * x))),
                  taylor=integral_of_gauss(TWO_BY_ROOT_PI, -1.0))
erfc      = ufunc("erfc", lambda g, _ans, x: g * (-TWO_BY_ROOT_PI * exp(-(x * x))),
                  taylor=integral_of_gauss(-TWO_BY_ROOT_PI, -1.0))
erfcx     = ufunc("erfcx", lambda g, ans, x: g * far_slope(x, ans, -1.0),
                  taylor=near_and_far(lambda x: (np.abs(x) > 1.0) & (np.real(x) > -0.25 * np.abs(np.imag(x))),
                                      _sp.erfcx, gauss_equation(-TWO_BY_ROOT_PI, 2.0), more=1.0))
erfi      = ufunc("erfi", lambda g, _ans, x: g * (TWO_BY_ROOT_PI * exp(x * x)),
                  taylor=integral_of_gauss(TWO_BY_ROOT_PI, 1.0))
dawsn     = ufunc("dawsn", lambda g, ans, x: g * far_slope(x, ans, 1.0),
                  taylor=near_and_far(lambda x: (np.abs(x) > 1.0) & (0.25 * np.abs(np.real(x)) > np.abs(np.imag(x))),
                                      lambda z: 0.5j * ROOT_PI * (np.exp(-z * z) - _sp.wofz(z)),
                                      gauss_equation(1.0, -2.0)))
wofz      = ufunc("wofz", lambda g, ans, x: g * (-2.0 * x * ans + 1j * TWO_BY_ROOT_PI),
                  taylor=near_and_far(lambda x: (np.abs(x) > 1.0) & (np.imag(x) > -0.25 * np.abs(np.real(x))),
                                      _sp.wofz, gauss_equation(1j * TWO_BY_ROOT_PI, -2.0)))
erfinv    = ufunc("erfinv", lambda g, ans, _x: g * (0.5 * ROOT_PI * exp(ans * ans)))
erfcinv   = ufunc("erfcinv", lambda g, ans, _x: g * (-0.5 * ROOT_PI * exp(ans * ans)))
ndtr      = ufunc("ndtr", lambda g, _ans, x: g * (exp(-0.5 * x * x) / ROOT_2PI),
                  taylor=integral_of_gauss(1.0 / ROOT_2PI, -0.5))
ndtri     = ufunc("ndtri", lambda g, ans, _x: g * (ROOT_2PI * exp(0.5 * ans * ans)))
log_ndtr  = ufunc("log_ndtr", lambda g, _ans, x: g * hazard(x),
                  taylor=log_ndtr_series)
ndtri_exp = ufunc("ndtri_exp", lambda g, ans, _x: g / hazard(ans))
owens_t   = ufunc("owens_t",
                  lambda g, _ans, h, a: g * (exp(-0.5 * h * h) * erf(a * h / ROOT_2) * (-0.5 / ROOT_2PI)),
                  lambda g, _ans, h, a: g * (exp(-0.5 * h * h * (1.0 + a * a)) / (2.0 * PI * (1.0 + a * a))))
voigt_profile = ufunc("voigt_profile",
                      lambda g, _ans, x, s, y: g * _e.real(voigt(x, s, y)),
                      lambda g, ans, x, s, y: g * -(ans + _e.real((x + 1j * y) * voigt(x, s, y))) / s,
                      lambda g, _ans, x, s, y: g * -_e.imag(voigt(x, s, y)))
fresnel, _ = ufunc_of_several("fresnel",
                              lambda g, _ans, x: g * sin(0.5 * PI * x * x),
                              lambda g, _ans, x: g * cos(0.5 * PI * x * x))

# ----- gamma and relatives --------------------------------------------------------------------------------------------

gamma     = ufunc("gamma", lambda g, ans, x: g * (ans * _digamma(x)))
gammaln   = ufunc("gammaln", lambda g, _ans, x: g * _digamma(x))
loggamma  = ufunc("loggamma", lambda g, _ans, x: g * _digamma(x))
rgamma    = ufunc("rgamma", lambda g, ans, x: g * reciprocal_gamma_slope(ans, x), taylor=rgamma_series)
psi       = ufunc("psi", lambda g, _ans, x: g * _polygamma(x, n=1))
digamma   = psi
gammasgn  = as_ufunc(_sp.gammasgn, constant("gammasgn", _sp.gammasgn), "scipy.special")
beta      = ufunc("beta",
                  lambda g, ans, a, b: g * (ans * (_digamma(a) - _digamma(a + b))),
                  lambda g, ans, a, b: g * (ans * (_digamma(b) - _digamma(a + b))))
betaln    = ufunc("betaln",
                  lambda g, _ans, a, b: g * (_digamma(a) - _digamma(a + b)),
                  lambda g, _ans, a, b: g * (_digamma(b) - _digamma(a + b)))
poch      = ufunc("poch",
                  lambda g, ans, z, m: g * (ans * (_digamma(z + m) - _digamma(z))),
                  lambda g, ans, z, m: g * (ans * _digamma(z + m)), taylor=poch_series)
binom     = ufunc("binom",
                  lambda g, ans, n, k: g * (ans * (_digamma(n + 1.0) - _digamma(n - k + 1.0))),
                  lambda g, ans, n, k: g * (ans * (_digamma(n - k + 1.0) - _digamma(k + 1.0))), taylor=binom_series)
gammainc     = ufunc("gammainc", "a", lambda g, _ans, a, x: g * gamma_density(a, x))
gammaincc    = ufunc("gammaincc", "a", lambda g, _ans, a, x: -g * gamma_density(a, x))
gammaincinv  = ufunc("gammaincinv", "a", lambda g, ans, a, _y: g / gamma_density(a, ans))
gammainccinv = ufunc("gammainccinv", "a", lambda g, ans, a, _y: -g / gamma_density(a, ans))
betainc      = ufunc("betainc", "a", "b", lambda g, _ans, a, b, x: g * beta_density(a, b, x))
betaincc     = ufunc("betaincc", "a", "b", lambda g, _ans, a, b, x: -g * beta_density(a, b, x))
betaincinv   = ufunc("betaincinv", "a", "b", lambda g, ans, a, b, _y: g / beta_density(a, b, ans))
betainccinv  = ufunc("betainccinv", "a", "b", lambda g, ans, a, b, _y: -g / beta_density(a, b, ans))
zetac        = ufunc("zetac", lambda g, _ans, x: g * riemann_slope(x))

# ----- exponentials and logarithms ------------------------------------------------------------------------------------

expit     = ufunc("expit", lambda g, ans, x: g * (ans * expit(-x)),           # 1 - ans would lose digits in the tail
                  taylor=lambda s, d, ans, u: s.logistic(ans, expit(-u[0]), u, d))
logit     = ufunc("logit", lambda g, _ans, x: g / (x * (1.0 - x)),
                  taylor=lambda s, d, ans, u: s.inverse(ans, u, s.product(u, s.shifted(1.0 - u[0], u, -1), d), d))
log_expit = ufunc("log_expit", lambda g, _ans, x: g * expit(-x), taylor=log_expit_series)
exp2      = ufunc("exp2", lambda g, ans, _x: g * (ans * _e.LOG_2),
                  taylor=lambda s, d, ans, u: s.exponential(ans, s.scaled(u, _e.LOG_2), d))
exp10     = ufunc("exp10", lambda g, ans, _x: g * (ans * LOG_10),
                  taylor=lambda s, d, ans, u: s.exponential(ans, s.scaled(u, LOG_10), d))
expm1     = ufunc("expm1", lambda g, _ans, x: g * exp(x),
                  taylor=lambda s, d, ans, u: s.shifted(ans, s.exponential(exp(u[0]), u, d)))
log1p     = ufunc("log1p", lambda g, _ans, x: g / (1.0 + x),
                  taylor=lambda s, d, ans, u: s.inverse(ans, u, s.shifted(1.0 + u[0], u), d))
cbrt      = ufunc("cbrt", lambda g, ans, _x: g / (3.0 * ans * ans),
                  taylor=lambda s, d, ans, u: s.power(ans, u, 1.0 / 3.0, d))
cosm1     = ufunc("cosm1", lambda g, _ans, x: -g * sin(x),
                  taylor=lambda s, d, ans, u: s.shifted(ans, s.sine_and_cosine(u, d, sin(u[0]), cos(u[0]), -1.0)[1]))
exprel    = ufunc("exprel", lambda g, _ans, x: g * (0.5 * hyp1f1(2.0, 3.0, x)),    # exprel is 1F1(1; 2; x): right at 0
                  taylor=exprel_series)
powm1     = ufunc("powm1",
                  lambda g, _ans, x, y: g * (y * x ** (y - 1.0)),
                  lambda g, ans, x, _y: g * ((ans + 1.0) * log(x)))
xlogy     = ufunc("xlogy",                                                # at (0, 0): -inf in x, and 0 in y
                  lambda g, _ans, _x, y: g * log(y),
                  lambda g, _ans, x, y: g * (x / where((peel(x) == 0) & (peel(y) == 0), 1.0, y)),
                  taylor=x_log_series)
xlog1py   = ufunc("xlog1py",
                  lambda g, _ans, _x, y: g * log1p(y),
                  lambda g, _ans, x, y: g * (x / where((peel(x) == 0) & (peel(y) == -1), 1.0, 1.0 + y)),
                  taylor=lambda s, d, ans, u, v: x_log_series(s, d, ans, u, s.shifted(1.0 + v[0], v)))
entr      = ufunc("entr", lambda g, _ans, x: g * (-log(x) - 1.0),
                  taylor=entropy_series)
rel_entr  = ufunc("rel_entr",
                  lambda g, _ans, x, y: g * (log(x / y) + 1.0),
                  lambda g, _ans, x, y: -g * (x / where((peel(x) == 0) & (peel(y) == 0), 1.0, y)),
                  taylor=relative_entropy_series(0.0))
kl_div    = ufunc("kl_div",
                  lambda g, _ans, x, y: g * log(x / y),
                  lambda g, _ans, x, y: g * (1.0 - x / where((peel(x) == 0) & (peel(y) == 0), 1.0, y)),
                  taylor=relative_entropy_series(1.0))
huber     = ufunc("huber",
                  lambda g, _ans, d, r: g * _e.maximum(absolute(r) - d, 0.0),
                  lambda g, _ans, d, r: g * _e.maximum(_e.minimum(r, d), -d))
pseudo_huber = ufunc("pseudo_huber",
                     lambda g, _ans, d, r: g * (r * r / (_e.hypot(d, r) + d)) ** 2 / _e.hypot(d, r),
                     lambda g, _ans, d, r: g * (r * d / _e.hypot(d, r)))
# In L = log x (or log1p x): boxcox = L exprel(λL), which is smooth at λ = 0; the inverse is exp(y log1p(λy)/(λy)).
boxcox    = ufunc("boxcox",
                  lambda g, _ans, x, k: g * x ** (k - 1.0),
                  lambda g, _ans, x, k: g * (log(x) ** 2 * 0.5 * hyp1f1(2.0, 3.0, k * log(x))))
boxcox1p  = ufunc("boxcox1p",
                  lambda g, _ans, x, k: g * exp((k - 1.0) * log1p(x)),
                  lambda g, _ans, x, k: g * (log1p(x) ** 2 * 0.5 * hyp1f1(2.0, 3.0, k * log1p(x))))
inv_boxcox = ufunc("inv_boxcox",
                   lambda g, ans, _y, k: g * ans ** (1.0 - k),
                   lambda g, ans, y, k: g * (ans * y * y * log1p_by_slope(k * y)), taylor=inverse_boxcox_series(0.0))
inv_boxcox1p = ufunc("inv_boxcox1p",
                     lambda g, ans, _y, k: g * (1.0 + ans) ** (1.0 - k),
                     lambda g, ans, y, k: g * ((1.0 + ans) * y * y * log1p_by_slope(k * y)),
                     taylor=inverse_boxcox_series(1.0))
wrightomega = ufunc("wrightomega", lambda g, ans, _z: g * (ans / (1.0 + ans)))
spence    = ufunc("spence", lambda g, _ans, z: -g * log_by(z))
agm       = ufunc("agm",
                  lambda g, ans, a, b: g * agm_slope(ans, a, b),
                  lambda g, ans, a, b: g * agm_slope(ans, b, a))


def agm_slope(ans: Any, a: Any, b: Any) -> Any:
    """The derivative in a of π/4 (a + b)/K, with the complementary parameter p = 4ab/(a + b)², DLMF 19.8.5."""
    s = a + b
    p = 4.0 * (a / s) * (b / s)
    return ans / s * (1.0 - complementary_slope(p, K := ellipkm1(p)) / K * (4.0 * (b / s) * ((b - a) / s)))


# ----- angles in degrees ----------------------------------------------------------------------------------------------

sindg  = ufunc("sindg", lambda g, _ans, x: g * (DEGREE * cosdg(x)),
               taylor=lambda s, d, ans, u: s.sine_and_cosine(s.scaled(u, DEGREE), d, ans, cosdg(u[0]), -1.0)[0])
cosdg  = ufunc("cosdg", lambda g, _ans, x: g * (-DEGREE * sindg(x)),
               taylor=lambda s, d, ans, u: s.sine_and_cosine(s.scaled(u, DEGREE), d, sindg(u[0]), ans, -1.0)[1])
# SciPy's values have 1e-12 of error near their poles, and their squares twice of that.
tandg  = ufunc("tandg", lambda g, _ans, x: g * (DEGREE / cosdg(x) ** 2),
               taylor=lambda s, d, ans, u: s.shifted(ans, s.tangent(sindg(u[0]) / cosdg(u[0]), s.scaled(u, DEGREE), d)))
cotdg  = ufunc("cotdg", lambda g, _ans, x: g * (-DEGREE / sindg(x) ** 2),
               taylor=lambda s, d, ans, u: s.shifted(ans, s.scaled(
                   s.tangent(-cosdg(u[0]) / sindg(u[0]), s.scaled(u, DEGREE), d), -1.0)))
radian = ufunc("radian",
               lambda g, _ans, _d, _m, _s: g * DEGREE,
               lambda g, _ans, _d, _m, _s: g * (DEGREE / 60),
               lambda g, _ans, _d, _m, _s: g * (DEGREE / 3600),
               taylor=lambda s, d, ans, u, v, w: s.added(
                   ans, s.scaled(u, DEGREE), s.added(ans, s.scaled(v, DEGREE / 60), s.scaled(w, DEGREE / 3600))))
round = as_ufunc(_sp.round, constant("round", _sp.round), "scipy.special")  # noqa: A001

# ----- Bessel functions: C_v' = (C_(v-1) - C_(v+1))/2, right at 0 too (DLMF 10.6.1, 10.29.1) --------------------------

j0   = ufunc("j0", lambda g, _ans, x: -g * j1(x),
             taylor=of_order(0, of_neighbours("jv")))
j1   = ufunc("j1", lambda g, _ans, x: g * (0.5 * (j0(x) - jv(2, x))),
             taylor=of_order(1, of_neighbours("jv")))
y0   = ufunc("y0", lambda g, _ans, x: -g * y1(x),
             taylor=of_order(0, of_neighbours("yv")))
y1   = ufunc("y1", lambda g, _ans, x: g * (0.5 * (y0(x) - yv(2, x))),
             taylor=of_order(1, of_neighbours("yv")))
i0   = ufunc("i0", lambda g, _ans, x: g * i1(x),
             taylor=of_order(0, of_neighbours("iv")))
i1   = ufunc("i1", lambda g, _ans, x: g * (0.5 * (i0(x) + iv(2, x))),
             taylor=of_order(1, of_neighbours("iv")))
k0   = ufunc("k0", lambda g, _ans, x: -g * k1(x),
             taylor=of_order(0, of_neighbours("kv")))
k1   = ufunc("k1", lambda g, _ans, x: g * (-0.5 * (k0(x) + kv(2, x))),
             taylor=of_order(1, of_neighbours("kv")))
i0e  = ufunc("i0e", lambda g, ans, x: g * (i1e(x) - sign(x) * ans),
             taylor=of_order(0, scaled_bessel("iv", ive_continued, -1.0)))
i1e  = ufunc("i1e", lambda g, ans, x: g * (0.5 * (i0e(x) + ive(2, x)) - sign(x) * ans),
             taylor=of_order(1, scaled_bessel("iv", ive_continued, -1.0)))
k0e  = ufunc("k0e", lambda g, ans, x: g * (ans - k1e(x)),
             taylor=of_order(0, scaled_bessel("kv", _sp.kve, 1.0)))
k1e  = ufunc("k1e", lambda g, ans, x: g * (ans - 0.5 * (k0e(x) + kve(2, x))),
             taylor=of_order(1, scaled_bessel("kv", _sp.kve, 1.0)))
jv   = ufunc("jv", "v", lambda g, _ans, v, x: g * (0.5 * (jv(v - 1, x) - jv(v + 1, x))),
             taylor=of_neighbours("jv"))
yv   = ufunc("yv", "v", lambda g, _ans, v, x: g * (0.5 * (yv(v - 1, x) - yv(v + 1, x))),
             taylor=of_neighbours("yv"))
iv   = ufunc("iv", "v", lambda g, _ans, v, x: g * (0.5 * (iv(v - 1, x) + iv(v + 1, x))),
             taylor=of_neighbours("iv"))
kv   = ufunc("kv", "v", lambda g, _ans, v, x: g * (-0.5 * (kv(v - 1, x) + kv(v + 1, x))),
             taylor=of_neighbours("kv"))
yn   = ufunc("yn", "n", lambda g, _ans, n, x: g * (0.5 * (yv(n - 1, x) - yv(n + 1, x))),
             taylor=of_neighbours("yv"))
kn   = ufunc("kn", "n", lambda g, _ans, n, x: g * (-0.5 * (kv(n - 1, x) + kv(n + 1, x))),
             taylor=of_neighbours("kv"))
jn   = jv
jve  = ufunc("jve", "v", lambda g, _ans, v, x: g * (0.5 * (jve(v - 1, real_only("jve", x)) - jve(v + 1, x))),
             taylor=of_neighbours("jve"))
yve  = ufunc("yve", "v", lambda g, _ans, v, x: g * (0.5 * (yve(v - 1, real_only("yve", x)) - yve(v + 1, x))),
             taylor=of_neighbours("yve"))
ive  = ufunc("ive", "v", lambda g, ans, v, x:
             g * (0.5 * (ive(v - 1, x) + ive(v + 1, x)) - sign(real_only("ive", x)) * ans),
             taylor=scaled_bessel("iv", ive_continued, -1.0))
kve  = ufunc("kve", "v", lambda g, ans, v, x: g * (ans - 0.5 * (kve(v - 1, x) + kve(v + 1, x))),
             taylor=scaled_bessel("kv", _sp.kve, 1.0))
hankel1  = ufunc("hankel1", "v", lambda g, _ans, v, z: g * (0.5 * (hankel1(v - 1, z) - hankel1(v + 1, z))),
             taylor=of_neighbours("hankel1"))
hankel2  = ufunc("hankel2", "v", lambda g, _ans, v, z: g * (0.5 * (hankel2(v - 1, z) - hankel2(v + 1, z))),
             taylor=of_neighbours("hankel2"))
hankel1e = ufunc("hankel1e", "v", lambda g, ans, v, z:
                 g * (0.5 * (hankel1e(v - 1, z) - hankel1e(v + 1, z)) - 1j * ans),
             taylor=scaled_bessel("hankel1", _sp.hankel1e, -1j))
hankel2e = ufunc("hankel2e", "v", lambda g, ans, v, z:
                 g * (0.5 * (hankel2e(v - 1, z) - hankel2e(v + 1, z)) + 1j * ans),
             taylor=scaled_bessel("hankel2", _sp.hankel2e, 1j))
struve    = ufunc("struve", "v", lambda g, _ans, v, x:
                  g * (0.5 * (struve(v - 1, x) - struve(v + 1, x) + struve_term(v, x))), taylor=struve_series(-1.0))
modstruve = ufunc("modstruve", "v", lambda g, _ans, v, x:
                  g * (0.5 * (modstruve(v - 1, x) + modstruve(v + 1, x) + struve_term(v, x))), taylor=struve_series(1.0))
besselpoly = ufunc("besselpoly", lambda g, _ans, a, lmb, nu:
                   g * (besselpoly(a, lmb + 1, nu - 1) - besselpoly(a, lmb + 1, nu + 1)), "lmb", "nu")
wright_bessel = ufunc("wright_bessel", "a", "b", lambda g, _ans, a, b, x: g * wright_bessel(a, a + b, x))
log_wright_bessel = ufunc("log_wright_bessel", "a", "b", lambda g, ans, a, b, x:
                          g * exp(log_wright_bessel(a, a + b, x) - ans))
itstruve0    = ufunc("itstruve0", lambda g, _ans, x: g * struve(0.0, x))
it2struve0   = ufunc("it2struve0", lambda g, _ans, x: -g * (struve(0.0, x) / x))
itmodstruve0 = ufunc("itmodstruve0", lambda g, _ans, x: g * modstruve(0.0, x))
itj0y0, _  = ufunc_of_several("itj0y0", lambda g, _ans, x: g * j0(x), lambda g, _ans, x: g * y0(x))
iti0k0, _  = ufunc_of_several("iti0k0", lambda g, _ans, x: g * i0(x), lambda g, _ans, x: g * k0(x))
it2j0y0, _ = ufunc_of_several("it2j0y0",
                              lambda g, _ans, x: g * bessel_sum(x, -1.0), lambda g, _ans, x: -g * (y0(x) / x))
it2i0k0, _ = ufunc_of_several("it2i0k0",
                              lambda g, _ans, x: g * bessel_sum(x, 1.0), lambda g, _ans, x: -g * (k0(x) / x))

# Kelvin functions: ber + i bei = J0(ωx), ω = e^(3πi/4); ker + i kei = K0(ωx), ω = e^(πi/4). DLMF 10.61.
ber  = ufunc("ber", lambda g, _ans, x: g * berp(x))
bei  = ufunc("bei", lambda g, _ans, x: g * beip(x))
ker  = ufunc("ker", lambda g, _ans, x: g * kerp(x))
kei  = ufunc("kei", lambda g, _ans, x: g * keip(x))
berp = ufunc("berp", lambda g, _ans, x: g * _e.real(0.5j * (jv(0, OMEGA_J * x) - jv(2, OMEGA_J * x))))
beip = ufunc("beip", lambda g, _ans, x: g * _e.imag(0.5j * (jv(0, OMEGA_J * x) - jv(2, OMEGA_J * x))))
kerp = ufunc("kerp", lambda g, _ans, x: g * _e.real(0.5j * (kv(0, OMEGA_K * x) + kv(2, OMEGA_K * x))))
keip = ufunc("keip", lambda g, _ans, x: g * _e.imag(0.5j * (kv(0, OMEGA_K * x) + kv(2, OMEGA_K * x))))
OMEGA_J, OMEGA_K = complex(-1 + 1j) / ROOT_2, complex(1 + 1j) / ROOT_2
kelvin = as_ufunc(_sp.kelvin, lambda x: (ber(x) + 1j * bei(x), ker(x) + 1j * kei(x),
                                         berp(x) + 1j * beip(x), kerp(x) + 1j * keip(x)), "scipy.special")

# ----- Airy, parabolic cylinder and Mathieu functions: y'' from the differential equation -----------------------------

airy, AIRY = ufunc_of_several("airy",
                              lambda g, _ans, x: g * AIRY[1](x), lambda g, _ans, x: g * (x * AIRY[0](x)),
                              lambda g, _ans, x: g * AIRY[3](x), lambda g, _ans, x: g * (x * AIRY[2](x)))
itairy, _  = ufunc_of_several("itairy",
                              lambda g, _ans, x: g * AIRY[0](x), lambda g, _ans, x: g * AIRY[2](x),
                              lambda g, _ans, x: g * AIRY[0](-x), lambda g, _ans, x: g * AIRY[2](-x))
pbdv, PBDV = ufunc_of_several("pbdv",
                              ("v", lambda g, _ans, v, x: g * PBDV[1](v, x)),
                              ("v", lambda g, _ans, v, x: g * ((x * x * 0.25 - v - 0.5) * PBDV[0](v, x))))
pbvv, PBVV = ufunc_of_several("pbvv",
                              ("v", lambda g, _ans, v, x: g * PBVV[1](v, x)),
                              ("v", lambda g, _ans, v, x: g * ((x * x * 0.25 - v - 0.5) * PBVV[0](v, x))))
pbwa, PBWA = ufunc_of_several("pbwa",
                              ("a", lambda g, _ans, a, x: g * PBWA[1](a, x)),
                              ("a", lambda g, _ans, a, x: g * ((a - x * x * 0.25) * PBWA[0](a, x))))


def _mathieu(name: str, characteristic: Any, radial: bool) -> Callable[..., Any]:
    """A Mathieu function and its derivative, in x: degrees for the angular ones, DLMF 28.2.1 and 28.20.1."""
    unit, wave, way = (1.0, cosh, 1.0) if radial else (DEGREE, cos, -1.0)
    public, parts = ufunc_of_several(
        name,
        ("m", "q", lambda g, _ans, m, q, x: g * (unit * parts[1](m, q, x))),
        ("m", "q", lambda g, _ans, m, q, x: g * ((way * unit)
            * (weak(characteristic(m, peel(q))) - 2.0 * q * wave(2.0 * unit * x)) * parts[0](m, q, x))),
    )
    return public


mathieu_cem, mathieu_sem = (_mathieu(f"mathieu_{s}em", a, False) for s, a in (("c", _sp.mathieu_a), ("s", _sp.mathieu_b)))
mathieu_modcem1, mathieu_modcem2 = (_mathieu(f"mathieu_modcem{k}", _sp.mathieu_a, True) for k in (1, 2))
mathieu_modsem1, mathieu_modsem2 = (_mathieu(f"mathieu_modsem{k}", _sp.mathieu_b, True) for k in (1, 2))

# ----- integrals of exponentials and of sin x / x ---------------------------------------------------------------------

exp1 = ufunc("exp1", lambda g, _ans, x: -g * (exp(-x) / x))
expi = ufunc("expi", lambda g, _ans, x: g * (exp(x) / x))
expn = ufunc("expn", "n", lambda g, _ans, n, x: -g * where(
    np.equal(peel(n), 0), exp(-x) * (1.0 + 1.0 / x) / x, expn(below(n), x)))
sici, _ = ufunc_of_several("sici", lambda g, _ans, x: g * over(sin(x), x), lambda g, _ans, x: g * (cos(x) / x))
shichi, _ = ufunc_of_several("shichi", lambda g, _ans, x: g * over(sinh(x), x, 1.0), lambda g, _ans, x: g * (cosh(x) / x))


def over(s: Any, x: Any, way: float = -1.0) -> Any:
    """sin(x)/x, or sinh(x)/x (way = 1), given the numerator; near 0 the power series."""
    near = np.abs(peel(x)) < 4.0  # far enough for high orders, in which the quotient loses a factor 1/x each
    if not np.any(near):
        return s / x
    z = where(near, x, 0.0) ** 2
    series: Any = 1.0
    for n in range(24, 0, -1):
        series = 1.0 + way * z / ((2 * n) * (2 * n + 1)) * series
    return where(near, series, s / where(near, 1.0, x))


# ----- elliptic integrals and functions -------------------------------------------------------------------------------

ellipk    = ufunc("ellipk", lambda g, _ans, m: g * elliptic_slope(m, 0.5))
ellipe    = ufunc("ellipe", lambda g, _ans, m: g * elliptic_slope(m, -0.5))
ellipkm1  = ufunc("ellipkm1", lambda g, ans, p: g * complementary_slope(p, ans))
ellipkinc = ufunc("ellipkinc",
                  lambda g, _ans, phi, m: g / sqrt(1.0 - m * sin(phi) ** 2),
                  lambda g, _ans, phi, m: g * incomplete_slope(phi, m, 0.5), taylor=incomplete_series(0.5))
ellipeinc = ufunc("ellipeinc",
                  lambda g, _ans, phi, m: g * sqrt(1.0 - m * sin(phi) ** 2),
                  lambda g, _ans, phi, m: g * incomplete_slope(phi, m, -0.5), taylor=incomplete_series(-0.5))
# In m: F(ph, m) = u, so the amplitude ph moves by -∂F/∂m dn; sn = sin ph, cn = cos ph, dn = sqrt(1 - m sn²).
ellipj, ELLIPJ = ufunc_of_several("ellipj",
    (lambda g, _ans, u, m: g * (ELLIPJ[1](u, m) * ELLIPJ[2](u, m)),
     lambda g, _ans, u, m: g * (ELLIPJ[1](u, m) * amplitude_slope(u, m))),
    (lambda g, _ans, u, m: -g * (ELLIPJ[0](u, m) * ELLIPJ[2](u, m)),
     lambda g, _ans, u, m: -g * (ELLIPJ[0](u, m) * amplitude_slope(u, m))),
    (lambda g, _ans, u, m: -g * (m * ELLIPJ[0](u, m) * ELLIPJ[1](u, m)),
     lambda g, ans, u, m: -g * (ELLIPJ[0](u, m) * (0.5 * ELLIPJ[0](u, m) / ans
                                                  + m * ELLIPJ[1](u, m) * amplitude_slope(u, m) / ans))),
    (lambda g, _ans, u, m: g * ELLIPJ[2](u, m), lambda g, _ans, u, m: g * amplitude_slope(u, m)))


def amplitude_slope(u: Any, m: Any) -> Any:
    """The derivative of the Jacobi amplitude in m."""
    return -ELLIPJ[2](u, m) * incomplete_slope(ELLIPJ[3](u, m), m, 0.5)


# ----- hypergeometric functions (DLMF 13.3.15, 15.5.1, 13.3.22) -------------------------------------------------------

hyp0f1 = ufunc("hyp0f1", "v", lambda g, _ans, v, z: g * (hyp0f1(v + 1.0, z) / v))
hyp1f1 = ufunc("hyp1f1", "a", "b", lambda g, _ans, a, b, x: g * (a / b * hyp1f1(a + 1.0, b + 1.0, x)))
hyp2f1 = ufunc("hyp2f1", "a", "b", "c", lambda g, _ans, a, b, c, z:
               g * (a * b / c * hyp2f1(a + 1.0, b + 1.0, c + 1.0, z)))
hyperu = ufunc("hyperu", "a", "b", lambda g, _ans, a, b, x: -g * (a * hyperu(a + 1.0, b + 1.0, x)),
               taylor=tricomi_series)

# ----- orthogonal polynomials (DLMF 18.9.15 and following) ------------------------------------------------------------

eval_jacobi     = ufunc("eval_jacobi", "n", "alpha", "beta", lambda g, _ans, n, a, b, x: g * (
    positive(n) * (0.5 * (n + a + b + 1.0)) * eval_jacobi(below(n), a + 1.0, b + 1.0, x)))
eval_sh_jacobi  = ufunc("eval_sh_jacobi", "n", "p", "q", lambda g, _ans, n, p, q, x: g * (
    n * eval_sh_jacobi(below(n), p + 2.0, q + 1.0, x)))
eval_gegenbauer = ufunc("eval_gegenbauer", "n", "alpha", lambda g, _ans, n, a, x: g * (
    positive(n) * (2.0 * a) * eval_gegenbauer(below(n), a + 1.0, x)))
eval_genlaguerre = ufunc("eval_genlaguerre", "n", "alpha", lambda g, _ans, n, a, x: g * (
    -positive(n) * eval_genlaguerre(below(n), a + 1.0, x)))
eval_legendre   = ufunc("eval_legendre", "n", lambda g, _ans, n, x: g * (
    positive(n) * eval_gegenbauer(below(n), 1.5, x)))
eval_chebyt     = ufunc("eval_chebyt", "n", lambda g, _ans, n, x: g * (n * eval_chebyu(below(n), x)))
eval_chebyu     = ufunc("eval_chebyu", "n", lambda g, _ans, n, x: g * (
    2.0 * positive(n) * eval_gegenbauer(below(n), 2.0, x)))
eval_chebyc     = ufunc("eval_chebyc", "n", lambda g, _ans, n, x: g * (n * eval_chebys(below(n), x)))
eval_chebys     = ufunc("eval_chebys", "n", lambda g, _ans, n, x: g * (
    positive(n) * eval_gegenbauer(below(n), 2.0, 0.5 * x)))
eval_sh_legendre = ufunc("eval_sh_legendre", "n", lambda g, _ans, n, x: g * (
    2.0 * positive(n) * eval_gegenbauer(below(n), 1.5, 2.0 * x - 1.0)))
eval_sh_chebyt  = ufunc("eval_sh_chebyt", "n", lambda g, _ans, n, x: g * (2.0 * n * eval_sh_chebyu(below(n), x)))
eval_sh_chebyu  = ufunc("eval_sh_chebyu", "n", lambda g, _ans, n, x: g * (
    4.0 * positive(n) * eval_gegenbauer(below(n), 2.0, 2.0 * x - 1.0)))
eval_laguerre   = ufunc("eval_laguerre", "n", lambda g, _ans, n, x: g * (
    -positive(n) * eval_genlaguerre(below(n), 1.0, x)))
eval_hermite    = ufunc("eval_hermite", "n", lambda g, _ans, n, x: g * (2.0 * n * eval_hermite(below(n), x)))
eval_hermitenorm = ufunc("eval_hermitenorm", "n", lambda g, _ans, n, x: g * (n * eval_hermitenorm(below(n), x)))
lpmv            = ufunc("lpmv", "m", "v", lambda g, ans, m, v, x: g * (          # DLMF 14.10.4; not at x = ±1
    (v * x * ans - (v + m) * lpmv(m, v - 1, x)) / (x * x - 1.0)))

# ----- distributions --------------------------------------------------------------------------------------------------

stdtr    = ufunc("stdtr", "df", lambda g, _ans, df, t: g * t_density(df, t))
stdtrit  = ufunc("stdtrit", "df", lambda g, ans, df, _p: g / t_density(df, ans))
chdtr    = ufunc("chdtr", "v", lambda g, _ans, v, x: g * (0.5 * gamma_density(v * 0.5, x * 0.5)))
chdtrc   = ufunc("chdtrc", "v", lambda g, _ans, v, x: g * (-0.5 * gamma_density(v * 0.5, x * 0.5)))
chdtri   = ufunc("chdtri", "v", lambda g, ans, v, _p: g / (-0.5 * gamma_density(v * 0.5, ans * 0.5)))
gdtr     = ufunc("gdtr", lambda g, _ans, a, b, x: g * (x * gamma_density(b, a * x)), "b",
                 lambda g, _ans, a, b, x: g * (a * gamma_density(b, a * x)))
gdtrc    = ufunc("gdtrc", lambda g, _ans, a, b, x: -g * (x * gamma_density(b, a * x)), "b",
                 lambda g, _ans, a, b, x: -g * (a * gamma_density(b, a * x)))
gdtrix   = ufunc("gdtrix", lambda g, ans, a, _b, _p: -g * (ans / a), "b",
                 lambda g, ans, a, b, _p: g / (a * gamma_density(b, a * ans)))
gdtria   = ufunc("gdtria", lambda g, ans, _p, b, x: g / (x * gamma_density(b, ans * x)), "b",
                 lambda g, ans, _p, _b, x: -g * (ans / x))
pdtr     = ufunc("pdtr", "k", lambda g, _ans, k, m: -g * gamma_density(np.floor(peel(k)) + 1.0, m))
pdtrc    = ufunc("pdtrc", "k", lambda g, _ans, k, m: g * gamma_density(np.floor(peel(k)) + 1.0, m))
pdtri    = ufunc("pdtri", "k", lambda g, ans, k, _y: -g / gamma_density(k + 1.0, ans))
bdtr     = ufunc("bdtr", "k", "n", lambda g, _ans, k, n, p: -g * beta_density(np.floor(k) + 1.0, n - np.floor(k), p))
bdtrc    = ufunc("bdtrc", "k", "n", lambda g, _ans, k, n, p: g * beta_density(np.floor(k) + 1.0, n - np.floor(k), p))
bdtri    = ufunc("bdtri", "k", "n", lambda g, ans, k, n, _y: -g / beta_density(np.floor(k) + 1.0, n - np.floor(k), ans))
nbdtr    = ufunc("nbdtr", "k", "n", lambda g, _ans, k, n, p: g * beta_density(n, k + 1.0, p))
nbdtrc   = ufunc("nbdtrc", "k", "n", lambda g, _ans, k, n, p: -g * beta_density(n, k + 1.0, p))
nbdtri   = ufunc("nbdtri", "k", "n", lambda g, ans, k, n, _y: g / beta_density(n, k + 1.0, ans))
fdtr     = ufunc("fdtr", "dfn", "dfd", lambda g, _ans, a, b, x: g * f_density(a, b, x))
fdtrc    = ufunc("fdtrc", "dfn", "dfd", lambda g, _ans, a, b, x: -g * f_density(a, b, x))
fdtri    = ufunc("fdtri", "dfn", "dfd", lambda g, ans, a, b, _p: g / f_density(a, b, ans))
chndtr   = ufunc("chndtr", lambda g, _ans, x, df, nc: g * noncentral_density(x, df, nc), "df",
                 lambda g, _ans, x, df, nc: -g * noncentral_density(x, df + 2.0, nc))
chndtrix = ufunc("chndtrix", lambda g, ans, _p, df, nc: g / noncentral_density(ans, df, nc), "df",
                 lambda g, ans, _p, df, nc: g * (noncentral_density(ans, df + 2.0, nc)
                                                 / noncentral_density(ans, df, nc)))
nrdtrimn = ufunc("nrdtrimn",
                 lambda g, _ans, p, s, _x: -g * (s * ROOT_2PI * exp(0.5 * ndtri(p) ** 2)),
                 lambda g, _ans, p, _s, _x: -g * ndtri(p),
                 lambda g, _ans, _p, _s, _x: g)
nrdtrisd = ufunc("nrdtrisd",
                 lambda g, _ans, _m, p, _x: -g / ndtri(p),
                 lambda g, ans, _m, p, _x: -g * (ans / ndtri(p) * (ROOT_2PI * exp(0.5 * ndtri(p) ** 2))),
                 lambda g, _ans, _m, p, _x: g / ndtri(p))
kolmogorov = ufunc("kolmogorov", lambda g, _ans, y: g * kolmogorov_slope(y))
kolmogi  = ufunc("kolmogi", lambda g, ans, _p: g / kolmogorov_slope(ans))
tklmbda  = ufunc("tklmbda", lambda g, ans, _x, k: g * tukey_density(ans, k), "lmbda")


def tukey_density(p: Any, k: Any) -> Any:
    """1/(p^(λ-1) + (1-p)^(λ-1)), the reciprocal of the slope of the quantile function; 0 outside of the support."""
    inside = (peel(p) > 0) & (peel(p) < 1)
    p = where(inside, p, 0.5)
    return where(inside, 1.0 / (p ** (k - 1.0) + (1.0 - p) ** (k - 1.0)), 0.0)


# fmt: on

# ----- functions that are no ufuncs -----------------------------------------------------------------------------------

_hurwitz = primitive(
    "zeta", _sp.zeta, (lambda g, _ans, x, q: g * zeta_slope(x, q), lambda g, _ans, x, q: -g * (x * zeta(x + 1.0, q)))
)
_riemann = primitive("zeta", _sp.zeta, (lambda g, _ans, x: g * riemann_slope(x),))
zeta = function("zeta", lambda x, q=None: _riemann(x) if q is None else _hurwitz(x, q))


@lambda bind: function("polygamma", bind)
def polygamma(n: Any, x: Any) -> Any:
    """One order n, a plain integer."""
    if type(n) is Box or np.ndim(n):
        raise refusal(NotImplementedError, "scipy.special.polygamma: the order n must be one plain integer")
    return _polygamma(as_array(x), n=int(n))


@lambda bind: function("multigammaln", bind)
def multigammaln(a: Any, d: int) -> Any:
    """log Γ_d(a), composed of gammaln (DLMF 35.3.4)."""
    return sum((gammaln(a - 0.5 * j) for j in range(int(d))), d * (d - 1) * 0.25 * float(np.log(np.pi)))


# 1 + W near the branch point -1/e, in p = sqrt(2 e z + 2), from (u - 1) exp(u) = e z for u = 1 + W (DLMF 4.13.6). The
# series converges for |p| < sqrt(2); the point itself has 32 digits, since the distance from it is what counts.
E_HIGH, E_LOW = float(np.exp(-1.0)), -1.2428753672788363e-17  # their sum is 1/e


@functools.cache
def gap_coefficients() -> list[float]:
    """The coefficients of 1 + W in p, order by order."""
    u = [0.0, 1.0]
    for n in range(2, 40):
        power, total = [1.0], 0.0
        for k in range(1, n + 2):  # the coefficient of p^(n + 1) in (u - 1) exp(u) + 1 = sum of u^k (k - 1) / k!
            power = np.convolve(power, u)[: n + 2].tolist()
            total += (k - 1) / float(_sp.gamma(k + 1)) * (power[n + 1] if n + 1 < len(power) else 0.0)
        u.append(-total)
    return u


def gap_plain(z: Any, k: int, tol: float) -> Any:
    """1 + W(z), where it nearly vanishes from its series."""
    if isinstance(z, Duck):
        return z.perform(_gap, (z,), {"k": k, "tol": tol})
    found = 1.0 + _sp.lambertw(z, k, tol)
    upper = np.imag(z) >= 0.0
    sign = np.where(upper if k == -1 else ~upper, -1.0, 1.0) if k else 1.0
    p = sign * np.sqrt((2.0 * np.e) * ((z + E_HIGH) + E_LOW + 0j))
    is_near = (np.abs(p) < 0.3) & ((k == 0) | ((k == -1) & upper) | ((k == 1) & ~upper))
    if not np.any(is_near):
        return found
    series: Any = 0.0
    for c in gap_coefficients()[:0:-1]:
        series = (series + c) * np.where(is_near, p, 0.0)
    series = np.where(np.isnan(found), 0.0, series)  # of the number next to -1/e SciPy has no value
    return np.where(is_near, series, found)[()]


_gap = elementwise(
    "lambertw_gap",
    gap_plain,
    lambda g, ans, _z, **_: g * lambertw_slope(ans),
    amplifies=True,
)
_lambertw = elementwise(
    "lambertw",
    lambda z, k, tol: _sp.lambertw(z, k, tol),
    lambda g, _ans, z, **branch: g * lambertw_slope(_gap(z, **branch)),
    amplifies=True,
    noisy=True,
)


def lambertw_slope(u: Any) -> Any:
    """The derivative of W, given u = 1 + W."""
    return exp(1.0 - u) / u


lambertw = function("lambertw", lambda z, k=0, tol=1e-8: _lambertw(z, k=k, tol=tol))


@lambda bind: function("logsumexp", bind)
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """log Σ b exp(a). Entries of -inf have no weight; return_sign is refused."""
    if return_sign:
        raise refusal(
            NotImplementedError,
            "scipy.special.logsumexp: return_sign=True has no derivative rule; split b by its sign instead",
        )
    axis, a = tuple(axis) if isinstance(axis, list) else axis, as_array(a)
    if b is None:
        return _reductions.logsumexp(a, axis=axis, keepdims=keepdims)
    b = as_array(b)
    if type(b) is not Box:
        a, b = where(b == 0, -np.inf, a), np.where(b == 0, 1.0, b).astype(b.dtype)
    wide = a + 0.0 * peel(b)
    top = np.max(peel(wide), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0).astype(top.dtype)
    total = _shapes.sum_(b * exp(wide - top), axis=axis, keepdims=keepdims)
    return log(total) + np.reshape(top, np.shape(peel(total)))


@lambda bind: function("softmax", bind)
def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) / Σ exp(x)."""
    return _reductions.softmax(as_array(x), axis=axis)


@lambda bind: function("log_softmax", bind)
def log_softmax(x: Any, axis: Any = None) -> Any:
    """x - log Σ exp(x)."""
    return _reductions.log_softmax(as_array(x), axis=axis)


softplus = function("softplus", lambda x: _e.logaddexp(0.0, x))
sinc = function("sinc", _e.sinc)


@lambda bind: function("diric", bind)
def diric(x: Any, n: Any) -> Any:
    """sin(nx/2) / (n sin(x/2)), as the mean of the cosines that it is: no singular points (DLMF 1.15.8)."""
    if type(n) is Box or np.ndim(n) or n != int(n) or n < 1:
        raise refusal(NotImplementedError, "scipy.special.diric: n must be one plain positive integer")
    x = as_array(x)
    frequencies = (0.5 * np.arange(1 - int(n), int(n), 2)).astype(peel(x).dtype)
    return _reductions.mean(cos(x[..., None] * frequencies), axis=-1)


def _spherical(name: str, slope: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A spherical Bessel function of integer order, and its derivative (DLMF 10.51.2, 10.51.5)."""
    own = getattr(_plain, name)
    bind = primitive(name, lambda n, z: own(n, z), ("n", lambda g, _ans, n, z: g * slope(n, z)))
    return function(name, lambda n, z, derivative=False: slope(n, z) if derivative else bind(n, z)), bind


def _neighbours(f: Callable[..., Any], n: Any, z: Any, before: float, after: float) -> Any:
    """(before n f_(n-1) + after (n+1) f_(n+1)) / (2n+1): no division by z."""
    return (before * n * f(below(n), z) + after * (n + 1) * f(n + 1, z)) / (2 * n + 1)


spherical_jn, _ = _spherical("spherical_jn", lambda n, z: _neighbours(spherical_jn, n, z, 1.0, -1.0))
spherical_yn, _ = _spherical("spherical_yn", lambda n, z: _neighbours(spherical_yn, n, z, 1.0, -1.0))
spherical_in, _ = _spherical("spherical_in", lambda n, z: _neighbours(spherical_in, n, z, 1.0, 1.0))
spherical_kn, _ = _spherical("spherical_kn", lambda n, z: _neighbours(spherical_kn, n, z, -1.0, -1.0))


def _prime(name: str, f: Callable[..., Any], s: float, t: float) -> Callable[..., Any]:
    """The n-th derivative of a Bessel function, t^n Σ s^i binom(n, i) f(v - n + 2i) / 2^n (DLMF 10.6.7, 10.29.5)."""
    return function(
        name,
        lambda v, z, n=1: sum(t**n * s**i * float(_sp.binom(n, i)) / 2**n * f(v - n + 2 * i, z) for i in range(n + 1)),
    )


jvp, yvp = _prime("jvp", jv, -1.0, 1.0), _prime("yvp", yv, -1.0, 1.0)
ivp, kvp = _prime("ivp", iv, 1.0, 1.0), _prime("kvp", kv, 1.0, -1.0)
h1vp, h2vp = _prime("h1vp", hankel1, -1.0, 1.0), _prime("h2vp", hankel2, -1.0, 1.0)
assoc_laguerre = function("assoc_laguerre", lambda x, n, k=0.0: eval_genlaguerre(n, k, x))


def _step(n: Any, m: Any, s: int) -> Any:
    """√((n - sm)(n + sm + 1)), the factor of the ladder operator that takes order m to m + s; 0 at the end."""
    return weak(np.sqrt(np.maximum((n - s * m) * (n + s * m + 1.0), 0.0)))


_sph_harm_y = primitive(
    "sph_harm_y",
    lambda n, m, theta, phi: _plain.sph_harm_y(n, m, theta, phi),
    (
        "n",
        "m",
        # ∂θ is half the difference of the ladder operators, without the cot θ of the textbook (DLMF 14.30, 18.22).
        lambda g, _ans, n, m, theta, phi: (
            g
            * 0.5
            * (
                _step(n, m, 1) * exp(-1j * phi) * _sph_harm_y(n, m + 1, theta, phi)
                - _step(n, m, -1) * exp(1j * phi) * _sph_harm_y(n, m - 1, theta, phi)
            )
        ),
        lambda g, ans, n, m, _theta, _phi: g * (1j * m) * ans,
    ),
)
_sph_legendre_p = primitive(
    "sph_legendre_p",
    lambda n, m, theta: _plain.sph_legendre_p(n, m, theta),
    (
        "n",
        "m",
        lambda g, _ans, n, m, theta: (
            g
            * 0.5
            * (_step(n, m, 1) * _sph_legendre_p(n, m + 1, theta) - _step(n, m, -1) * _sph_legendre_p(n, m - 1, theta))
        ),
    ),
)
_assoc_legendre_p = primitive(
    "assoc_legendre_p",
    lambda n, m, z: _plain.assoc_legendre_p(n, m, z),
    (
        "n",
        "m",
        lambda g, ans, n, m, z: g * ((n * z * ans - (n + m) * _assoc_legendre_p(n - 1, m, z)) / (z * z - 1.0)),
    ),
)
_legendre_p = primitive(
    "legendre_p",
    lambda n, z: _plain.legendre_p(n, z),
    ("n", lambda g, _ans, n, z: g * (positive(n) * eval_gegenbauer(below(n), 1.5, z))),
)


def _default(name: str, bind: Callable[..., Any], **defaults: Any) -> Callable[..., Any]:
    """A function whose options have a rule at their defaults only."""

    def checked(*args: Any, **options: Any) -> Any:
        changed = [key for key, value in options.items() if key not in defaults or value != defaults[key]]
        if changed:
            raise refusal(
                NotImplementedError,
                f"scipy.special.{name} has a derivative rule for the default of {', '.join(changed)} only",
            )
        return bind(*args)

    return function(name, checked)


sph_harm_y = _default("sph_harm_y", _sph_harm_y, diff_n=0)
sph_legendre_p = _default("sph_legendre_p", _sph_legendre_p, diff_n=0)
assoc_legendre_p = _default("assoc_legendre_p", _assoc_legendre_p, branch_cut=2, norm=False, diff_n=0)
legendre_p = _default("legendre_p", _legendre_p, branch_cut=2, diff_n=0)


def __getattr__(name: str) -> Any:
    return getattr(_sp, name)


def __dir__() -> list[str]:
    return dir(_sp)
