"""A page about a function of one number: its derivatives, and its Taylor polynomials at a point that one drags.

The derivatives at all points of the page come from one Taylor pass; the script (`taylor/page.js`) only shows them. The
page is one file and needs no network.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np

from minigrad.show.curves import Function, singularities, table_of
from minigrad.show.page import Html, application, element

POINTS = 401  #: at which a polynomial can be shown
DEGREES = 20  #: the highest order that the page has


def taylor_page(functions: Sequence[tuple[str, Function]], start: float, stop: float) -> Html:
    """The page.

    Args:
        functions: for each its name, and the function of a number.
        start: the first point.
        stop: the last point.

    Returns:
        A whole page of HTML with everything it needs.

    >>> page = taylor_page([("tanh(x)", np.tanh)], -3.0, 3.0)
    >>> "tanh(x)" in page, "https://" in page
    (True, False)
    """
    x = np.linspace(start, stop, POINTS)
    found = [{"name": name, **_data(fun, x)} for name, fun in functions]
    folder = resources.files("minigrad.show") / "taylor"
    text = lambda name: (folder / name).read_text(encoding="utf-8")
    content = {"x": [_digits(number) for number in x.tolist()], "degrees": DEGREES, "functions": found}
    title = " and ".join(name for name, _ in functions)
    return application(
        f"{title}: derivatives and Taylor polynomials",
        element("h1", "Derivatives and Taylor polynomials of ", element("code", title)),
        Html(text("body.html")),
        style=text("page.css"),
        script=text("page.js"),
        data=json.dumps(content, allow_nan=False),
    )


def _data(fun: Function, x: Any) -> dict[str, Any]:
    """The Taylor coefficients at every point, how far they reach, and the singular points of the range."""
    table = table_of(fun, x, DEGREES)
    factorials = np.array([math.factorial(k) for k in range(DEGREES + 1)], float)
    with np.errstate(all="ignore"):
        coefficients = table / factorials[:, None]
    usable = np.logical_and.accumulate(np.isfinite(coefficients), axis=0)
    coefficients = np.where(usable, coefficients, np.nan)
    radii = [radius_of_convergence(column) for column in coefficients.T]
    poles = singularities(fun, x, coefficients[:2])[1]
    return {
        "coefficients": [[_digits(c) for c in row] for row in coefficients.tolist()],
        "radii": [_digits(r) if math.isfinite(r) else ("none" if r > 0 else None) for r in radii],
        "poles": poles,
    }


def _digits(number: float) -> float | None:
    """A number to 12 digits, for JSON; `None` if there is none."""
    return float(f"{number:.12g}") if math.isfinite(number) else None


def radius_of_convergence(coefficients: Any) -> float:
    """About how far a Taylor series converges, as its coefficients tell.

    The quotients of coefficients that follow each other tend to 1/R like (1 + s/k)/R if one singularity is nearest, and
    so do those of Mercer and Roberts if it is a pair of conjugates. A line through them against 1/k is read off at 0;
    the kind that lies on a line tells. Both are asked with all coefficients and without the last four. From C. Domb and
    M. F. Sykes, Proc. R. Soc. A 240 (1957), 214-228, and from G. N. Mercer and A. J. Roberts, SIAM J. Appl. Math. 50
    (1990), 1547-1565, appendix.

    Args:
        coefficients: of orders 0 to n, at least 16.

    Returns:
        The radius; infinity if the quotients vanish, as those of a polynomial or exp do; NaN where they tell nothing.

    >>> round(radius_of_convergence([2.0**k for k in range(21)]), 9)
    0.5
    >>> radius_of_convergence([1.0, 2.0] + [0.0] * 19)
    inf
    """
    c = np.asarray(coefficients, float)
    if not np.isfinite(c).all():
        return math.nan
    all_of_them, fewer = _radius(c), _radius(c[:-4])
    if all_of_them == fewer or abs(all_of_them - fewer) < 0.08 * all_of_them:
        return all_of_them
    return math.nan


def _radius(c: Any) -> float:
    n = len(c) - 1
    if not np.any(c[n // 2 :]):
        return math.inf
    with np.errstate(all="ignore"):
        k = np.arange(n // 2, n + 1)
        one = np.abs(c[k] / c[k - 1])
        j = k[:-1]
        two = np.sqrt(np.abs((c[j + 1] * c[j - 1] - c[j] ** 2) / (c[j] * c[j - 2] - c[j - 1] ** 2)))
    fits = [fit for fit in (_fitted(one, k), _fitted(two, j)) if fit is not None]
    if not fits:
        return math.nan
    misfit, limit, slope = min(fits)
    if slope < -0.4:  # they fall like a power of k, and not to a limit
        return math.inf if all(other[2] < -0.4 or other[0] > 10 * misfit for other in fits) else math.nan
    return 1.0 / limit if limit > 0 and misfit < 0.05 else math.nan


def _fitted(quotients: Any, k: Any) -> tuple[float, float, float] | None:
    """How far quotients lie from a line against 1/k, its value at 0, and their slope in logarithms."""
    usable = np.isfinite(quotients) & (quotients > 0)
    if usable.sum() < 5:
        return None
    q, k = quotients[usable], k[usable]
    columns = np.stack([np.ones(k.size), 1.0 / k], axis=1)
    line = np.linalg.lstsq(columns, q, rcond=None)[0]
    misfit = float(np.max(np.abs(columns @ line - q)) / np.max(q))
    return misfit, float(line[0]), float(np.polyfit(np.log(k), np.log(q), 1)[0])
