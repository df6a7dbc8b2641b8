"""The Poisson distribution: `pmf`, `logpmf`, `cdf`; k is a constant."""

from typing import Any

import minigrad.numpy as np
from minigrad.scipy import special


def logpmf(k: Any, mu: Any) -> Any:
    """The logarithm of the probability of k events."""
    return special.xlogy(k, mu) - special.gammaln(np.asarray(k) + 1.0) - mu


def pmf(k: Any, mu: Any) -> Any:
    """The probability of k events."""
    return np.exp(logpmf(k, mu))


def cdf(k: Any, mu: Any) -> Any:
    """The probability of at most k events."""
    return special.pdtr(k, mu)
