"""The gamma distribution: `pdf`, `logpdf`, `cdf` (in x)."""

from typing import Any

import minigrad.numpy as np
from minigrad.scipy import special


def logpdf(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The logarithm of the density, x > loc."""
    z = (x - loc) / scale
    return special.xlogy(a - 1.0, z) - z - special.gammaln(a) - np.log(scale)


def pdf(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The density."""
    return np.exp(logpdf(x, a, loc, scale))


def cdf(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The probability of at most x; differentiable in x, loc and scale."""
    return special.gammainc(a, (x - loc) / scale)
