"""The Dirichlet distribution: `pdf`, `logpdf`, and samples by SciPy, `rvs`, which have no derivative."""

from typing import Any

import minigrad.numpy as np
from minigrad.scipy import special


def logpdf(x: Any, alpha: Any) -> Any:
    """The logarithm of the density; x has as many entries as alpha and sums to 1."""
    alpha = np.asarray(alpha)
    return (
        np.sum(special.xlogy(alpha - 1.0, x), axis=-1)
        - np.sum(special.gammaln(alpha), axis=-1)
        + special.gammaln(np.sum(alpha, axis=-1))
    )


def pdf(x: Any, alpha: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, alpha))


def rvs(alpha: Any, size: Any = 1, random_state: Any = None) -> Any:
    """Samples, one a row; alpha is a constant."""
    from scipy.stats import dirichlet  # type: ignore[import-untyped]  # here for start-up: it takes half a second

    return dirichlet.rvs(alpha, size, random_state)
