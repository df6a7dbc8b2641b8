"""The chi-squared distribution: `pdf`, `logpdf`, `cdf` (in x)."""

from typing import Any

import numpy as _np

import minigrad.numpy as np
from minigrad.scipy import special

_LOG_2 = float(_np.log(2.0))


def logpdf(x: Any, df: Any) -> Any:
    """The logarithm of the density, x > 0."""
    half = df * 0.5
    return special.xlogy(half - 1.0, x) - x * 0.5 - special.gammaln(half) - half * _LOG_2


def pdf(x: Any, df: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, df))


def cdf(x: Any, df: Any) -> Any:
    """The probability of at most x; differentiable in x."""
    return special.gammainc(df * 0.5, x * 0.5)
