"""The normal distribution of vectors: `pdf`, `logpdf`, `entropy`."""

from typing import Any

import numpy as _np

import minigrad.numpy as np

_LOG_2_PI = float(_np.log(2.0 * _np.pi))


def logpdf(x: Any, mean: Any, cov: Any, allow_singular: bool = False) -> Any:
    """The logarithm of the density of the vector x, or of each row of x.

    A singular covariance needs `allow_singular=True`, and is then taken on its range.
    """
    gap = np.asarray(x) - mean
    cov = np.asarray(cov)
    if allow_singular:
        w = np.linalg.svd(cov, compute_uv=False)
        kept = np.linalg.matrix_rank(cov)
        log_det, size = np.sum(np.log(w[:kept])), kept
        weighted = gap @ np.linalg.pinv(cov, hermitian=True)
    else:
        log_det, size = np.linalg.slogdet(cov)[1], cov.shape[-1]
        weighted = np.linalg.solve(cov, gap[..., None])[..., 0]
    return -0.5 * (np.sum(gap * weighted, axis=-1) + log_det + size * _LOG_2_PI)


def pdf(x: Any, mean: Any, cov: Any, allow_singular: bool = False) -> Any:
    """The density."""
    return np.exp(logpdf(x, mean, cov, allow_singular))


def entropy(mean: Any, cov: Any) -> Any:
    """The differential entropy."""
    cov = np.asarray(cov)
    return 0.5 * (np.linalg.slogdet(cov)[1] + cov.shape[-1] * (_LOG_2_PI + 1.0))
