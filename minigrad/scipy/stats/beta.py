"""The beta distribution: `pdf`, `logpdf`, `cdf` (in x)."""

from typing import Any

import minigrad.numpy as np
from minigrad.scipy import special


def logpdf(x: Any, a: Any, b: Any) -> Any:
    """The logarithm of the density, 0 < x < 1."""
    return special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -x) - special.betaln(a, b)


def pdf(x: Any, a: Any, b: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, a, b))


def cdf(x: Any, a: Any, b: Any) -> Any:
    """The probability of at most x; differentiable in x."""
    return special.betainc(a, b, x)
