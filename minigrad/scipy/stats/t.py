"""The Student's distribution: `pdf`, `logpdf`, `cdf`, `logcdf` (in x, loc, scale)."""

from typing import Any

import numpy as _np

import minigrad.numpy as np
from minigrad.scipy import special


def logpdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The logarithm of the density."""
    z = (x - loc) / scale
    half = (df + 1.0) * 0.5
    const = special.gammaln(half) - special.gammaln(df * 0.5) - 0.5 * np.log(df * _np.pi) - np.log(scale)
    return const - half * np.log1p(z * z / df)


def pdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The density."""
    return np.exp(logpdf(x, df, loc, scale))


def cdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The probability of at most x; differentiable in x, loc and scale."""
    return special.stdtr(df, (x - loc) / scale)


def logcdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Its logarithm."""
    return np.log(cdf(x, df, loc, scale))
