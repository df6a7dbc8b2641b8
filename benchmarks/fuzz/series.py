"""Functions of one variable: derivatives of high order against mpmath, with forty digits.

A function is one text, such as `np.sin(np.exp(x))`. For minigrad, `np` is NumPy; for the reference it stands for the
functions of mpmath under NumPy's names. How much a derivative may be off is measured, too: by the change of the exact
one when every intermediate result is off by one part in 10^10.
"""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from benchmarks.fuzz.comparisons import Comparison, Fault, fault, place, refusal

ORDER, DIGITS, NOISE = 7, 40, 1e-10
POINTS = ("0.3", "-0.7", "1.9", "0.001", "-5.0", "12.0", "1e-8", "30.0", "-0.05", "0.0")
LEAVES = ("x", "x", "2.0 * x", "x - 0.4", "-x", "1e3 * x", "1e-3 * x", "0.5 * x")
FUNCTIONS = (
    "np.sin({e})", "np.cos({e})", "np.tan({e})", "np.tanh({e})", "np.sinh({e})", "np.cosh({e})", "np.exp({e})", "np.expm1({e})",
    "np.exp2({e})", "np.log({e})", "np.log1p({e})", "np.log2({e})", "np.log10({e})", "np.sqrt({e})", "np.cbrt({e})", "np.arctan({e})",
    "np.arcsin({e})", "np.arccos({e})", "np.arcsinh({e})", "np.arccosh({e})", "np.arctanh({e})", "np.sinc({e})", "np.reciprocal({e})",
    "np.square({e})", "np.i0({e})", "({e}) ** 2", "({e}) ** 3", "({e}) ** -1", "({e}) ** 0.5", "({e}) ** 2.5", "1.3 ** ({e})",
    "({e}) + ({e})", "({e}) - ({e})", "({e}) * ({e})", "({e}) / ({e})", "({e}) ** ({e})", "np.arctan2({e}, {e})", "np.hypot({e}, {e})",
    "np.logaddexp({e}, {e})", "1.0 / (1.5 + ({e}) ** 2)", "np.exp(-({e}) ** 2)", "np.log(2.0 + np.cos({e}))", "np.where(x > 0.1, {e}, {e})",
    "sp.erf({e})", "sp.erfc({e})", "sp.gamma({e})", "sp.gammaln({e})", "sp.digamma({e})", "sp.expit({e})", "sp.ndtr({e})", "sp.log_ndtr({e})",
    "sp.j0({e})", "sp.j1({e})", "sp.i1({e})", "sp.i0e({e})", "sp.k0({e})", "sp.erfcx({e})", "sp.log_expit({e})", "sp.exprel({e})", "sp.erfi({e})",
    "sp.y0({e})", "sp.lambertw({e}).real", "sp.dawsn({e})", "sp.expi({e})", "sp.shichi({e})[0]", "sp.ellipk(0.3 * np.sin({e}))", "sp.xlogy({e}, {e})",
)  # fmt: skip
# fmt: off
EXACT_NUMPY: dict[str, Callable[..., Any]] = {
    "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan, "tanh": mpmath.tanh, "sinh": mpmath.sinh, "cosh": mpmath.cosh,
    "exp": mpmath.exp, "expm1": mpmath.expm1, "exp2": lambda x: mpmath.mpf(2) ** x, "log": mpmath.log, "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x, 2), "log10": mpmath.log10, "sqrt": mpmath.sqrt, "arctan": mpmath.atan, "arcsin": mpmath.asin,
    "cbrt": lambda x: mpmath.cbrt(x) if mpmath.re(x) > 0 else -mpmath.cbrt(-x), "arccos": mpmath.acos, "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh, "arctanh": mpmath.atanh, "sinc": lambda x: mpmath.sincpi(x), "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x, "i0": lambda x: mpmath.besseli(0, x), "arctan2": mpmath.atan2, "hypot": lambda x, y: mpmath.sqrt(x * x + y * y),
    "logaddexp": lambda x, y: x + mpmath.log1p(mpmath.exp(y - x)), "where": lambda c, a, b: a if c else b,
}
EXACT_SCIPY: dict[str, Callable[..., Any]] = {
    "erf": mpmath.erf, "erfc": mpmath.erfc, "gamma": mpmath.gamma, "gammaln": lambda x: mpmath.log(abs(mpmath.gamma(x))), "digamma": mpmath.digamma,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)), "ndtr": mpmath.ncdf, "log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)),
    "j0": mpmath.j0, "j1": mpmath.j1, "i1": lambda x: mpmath.besseli(1, x), "i0e": lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)),
    "k0": lambda x: mpmath.besselk(0, x), "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x), "log_expit": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "exprel": lambda x: mpmath.expm1(x) / x if x else mpmath.mpf(1), "erfi": mpmath.erfi, "y0": lambda x: mpmath.bessely(0, x), "lambertw": mpmath.lambertw,
    "dawsn": lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x), "expi": mpmath.ei, "shichi": lambda x: (mpmath.shi(x), mpmath.chi(x)),
    "ellipk": mpmath.ellipk, "xlogy": lambda x, y: x * mpmath.log(y),
}
COMPARISONS = (
    Comparison("series", "Taylor mode against mpmath", f"derivatives(f, x, {ORDER})", f"exact(text, x, {ORDER})", 1e-9, ("series",)),
    Comparison("series", "nested reverse mode against mpmath", "[f(x), grad(f)(x), grad(grad(f))(x), grad(grad(grad(f)))(x)]", "exact(text, x, 3)", 1e-9, ("series",)),
    Comparison("series", "nested forward mode against mpmath", "[f(x), jvp(f, (x,), (1.0,))[1], jvp(lambda y: jvp(f, (y,), (1.0,))[1], (x,), (1.0,))[1]]", "exact(text, x, 2)", 1e-9, ("series",)),
    Comparison("series", "a compiled series against mpmath", f"compile(lambda x: derivatives(f, x, {ORDER}))(x)", f"exact(text, x, {ORDER})", 1e-9, ("series",), often=0.2),
)
# fmt: on


class Ill(Exception):  # noqa: N818 - no error: there is nothing to compare with
    """The exact derivatives do not exist as real numbers, or are too sensitive to rounding."""


@dataclass(frozen=True)
class Series:
    """A function of one variable as a text, and a point."""

    expression: str
    point: str
    templates: frozenset[str]
    kind: str = "series"

    @property
    def text(self) -> str:
        """The module, as it is printed."""
        return (
            "import numpy as np\nimport minigrad.scipy.special as sp\nfrom minigrad import *\n"
            "from minigrad import compile\nfrom benchmarks.fuzz.series import exact\n\n"
            f"text = {self.expression!r}\nx = {self.point}\nf = lambda x: {self.expression}\n"
        )

    def module(self) -> dict[str, Any]:
        """The names that the text defines."""
        names: dict[str, Any] = {}
        exec(self.text, names)
        return names


@st.composite
def functions(draw: Callable[[Any], Any]) -> Series:
    """A function of up to three functions within each other, where it has a value that is not huge."""
    taken: set[str] = set()

    def expression(depth: int) -> str:
        if depth == 0:
            return str(draw(st.sampled_from(LEAVES)))
        template = draw(st.sampled_from(FUNCTIONS))
        taken.add(template)
        text = str(template)
        while "{e}" in text:
            text = text.replace("{e}", expression(draw(st.integers(0, depth - 1))), 1)
        return text

    text = expression(draw(st.integers(1, 3)))
    point = draw(st.sampled_from(POINTS))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = Series(text, point, frozenset()).module()
        try:
            if not 1e-6 < abs(float(value["f"](value["x"]))) < 1e6:
                reject()
        except (ArithmeticError, TypeError, ValueError):
            reject()
    return Series(text, point, frozenset(taken))


def reference(text: str, x: float, order: int, noise: float = 0.0) -> list[Any]:
    """The derivatives of orders 0 to `order` by mpmath, all intermediate results off by a relative `noise`."""
    count = 0

    def noisy(fun: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            nonlocal count
            count += 1
            factor = 1 + noise * mpmath.cos(count)
            found = fun(*args)
            return tuple(part * factor for part in found) if isinstance(found, tuple) else found * factor

        return wrapped

    spaces = [
        SimpleNamespace(**{name: noisy(fun) for name, fun in table.items()}) for table in (EXACT_NUMPY, EXACT_SCIPY)
    ]
    code = compile(text, "<exact>", "eval")

    def fun(x: Any) -> Any:
        nonlocal count
        count = 0
        return eval(code, {"np": spaces[0], "sp": spaces[1], "x": x * (1 + noise)})

    with mpmath.workdps(DIGITS):
        return list(mpmath.diffs(fun, mpmath.mpf(x), order))[: order + 1]


def exact(text: str, x: float, order: int) -> list[float]:
    """The derivatives of orders 0 to `order`, by mpmath; raises `Ill` where they are no finite real numbers."""
    try:
        found = reference(text, x, order)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise Ill from error
    if any(
        not mpmath.isfinite(c) or abs(c) > 1e60 or abs(mpmath.im(c)) > 1e-20 * (1 + abs(mpmath.re(c))) for c in found
    ):
        raise Ill
    return [float(mpmath.re(c)) for c in found]


def allowed(text: str, x: float, found: Sequence[float]) -> list[float]:
    """By how much each derivative may be off: its sensitivity to rounding, and 1e-9 of the size of the series."""
    order = len(found) - 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        moved = reference(text, x, order, NOISE)
    sensitive = [abs(float(mpmath.re(m)) - c) / NOISE for m, c in zip(moved, found)]
    normal = [abs(c) / math.factorial(k) for k, c in enumerate(found)]
    largest = max(normal[0], 1e-300)
    radius = 1.0 / max([(c / largest) ** (1.0 / k) for k, c in enumerate(normal) if k and c > 0], default=1.0)
    allowances = []
    for k in range(order + 1):
        size = max(c * radius ** (j - k) for j, c in enumerate(normal)) * math.factorial(k)
        rounding = (
            1e4
            * np.finfo(float).eps
            * max(s * radius ** (j - k) * math.factorial(k) / math.factorial(j) for j, s in enumerate(sensitive))
        )
        allowances.append(1e-9 * size + rounding + 1e-12 * largest * max(1.0, 1.0 / abs(x or 1.0)) ** k)
    return allowances


def compare(
    program: Series,
    chosen: Sequence[Comparison] = COMPARISONS,
    counts: Counter[str] | None = None,
    is_known: Callable[[Fault], bool] = lambda _: False,
) -> None:
    """Hold a function to mpmath; raises a `Fault` for the first comparison that fails, unless it is known."""
    counts = Counter() if counts is None else counts
    with warnings.catch_warnings(record=True) as told, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        names = program.module()
        try:
            expected = exact(program.expression, names["x"], ORDER)
            bounds = allowed(program.expression, names["x"], expected)
        except (Ill, ArithmeticError, ValueError, TypeError):
            counts["without a reference"] += 1
            return
        for comparison in chosen:
            try:
                hold(program, comparison, names, expected, bounds, counts, told)
            except Fault as found:
                if not is_known(found):
                    raise
                counts["met again"] += 1


def hold(
    program: Series,
    comparison: Comparison,
    names: dict[str, Any],
    expected: list[float],
    bounds: list[float],
    counts: Counter[str],
    told: list[Any],
) -> None:
    """Hold a function to one comparison. A derivative that minigrad warns of may be wrong."""
    told.clear()
    try:
        found = eval(comparison.left, names)
    except Exception as error:
        if (why := refusal(error)) is None:
            raise fault(program, comparison, f"{type(error).__name__}: {error}\nin {place(error)}") from error
        counts[f"refused: {why}"] += 1
        return
    if any("minigrad" in str(w.message) or "result of shape" in str(w.message) for w in told):
        counts["warned"] += 1
        return
    counts["series"] += 1
    for k, (a, b, bound) in enumerate(zip(found, expected, bounds)):
        if not np.isfinite(a):  # NaN tells that there is no number
            counts["not finite"] += 1
            return
        if abs(float(a) - b) > bound:
            message = f"derivative {k}: {float(a)!r}, exactly {b!r}; {bound:.1e} is allowed"
            raise fault(program, comparison, message)


__all__ = ["COMPARISONS", "Series", "compare", "exact", "functions"]
