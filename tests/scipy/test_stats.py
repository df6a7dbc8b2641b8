"""scipy.stats: densities and distributions."""

import importlib
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.stats
from references import assert_close

from minigrad import LostDerivativeError, grad
from minigrad.test_util import check_grads

rng = np.random.default_rng(3)
A = rng.normal(size=(3, 3)) * 0.3 + np.diag([1.0, 2.0, 3.0])
S = A @ A.T + np.eye(3)
b, M = rng.normal(size=3), rng.normal(size=(3, 2))

STATS: list[tuple[str, str, tuple[Any, ...], tuple[int, ...]]] = [
    *[("norm", f, (np.array([0.3, -1.0]), 0.2, 1.3), (0, 1, 2)) for f in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")],
    *[("beta", f, (np.array([0.3, 0.6]), 1.5, 2.5), (0, 1, 2)) for f in ("pdf", "logpdf")],
    ("beta", "cdf", (np.array([0.3, 0.6]), 1.5, 2.5), (0,)),
    *[("gamma", f, (np.array([0.3, 1.6]), 1.5), (0, 1)) for f in ("pdf", "logpdf")],
    ("gamma", "cdf", (np.array([0.3, 1.6]), 1.5), (0,)),
    *[("chi2", f, (np.array([0.3, 1.6]), 3.0), (0, 1)) for f in ("pdf", "logpdf")],
    ("chi2", "cdf", (np.array([0.3, 1.6]), 3.0), (0,)),
    *[("t", f, (np.array([0.3, -1.6]), 3.0, 0.1, 1.2), (0, 1, 2, 3)) for f in ("pdf", "logpdf")],
    *[("t", f, (np.array([0.3, -1.6]), 3.0, 0.1, 1.2), (0, 2, 3)) for f in ("cdf", "logcdf")],
    *[("poisson", f, (np.array([0, 3]), np.array([1.5, 2.5])), (1,)) for f in ("pmf", "logpmf", "cdf")],
    *[("dirichlet", f, (np.array([0.2, 0.3, 0.5]), np.array([1.5, 2.0, 3.0])), (1,)) for f in ("pdf", "logpdf")],
    *[("multivariate_normal", f, (b, M[:, 0], S), (0, 1)) for f in ("pdf", "logpdf")],
    ("multivariate_normal", "entropy", (b, S), (1,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f", "args", "argnums"), STATS, ids=[f"{row[0]}.{row[1]}" for row in STATS])
def test_stats(name: str, f: str, args: Any, argnums: Any) -> None:
    ours = getattr(importlib.import_module(f"minigrad.scipy.stats.{name}"), f)
    assert_close(ours(*args), getattr(getattr(scipy.stats, name), f)(*args), 1e-12)

    def traced(*xs: Any) -> Any:
        new = list(args)
        for k, x in zip(argnums, xs):
            new[k] = x
        return ours(*new)

    check_grads(traced)(*[args[k] for k in argnums])


def test_the_covariance_of_a_normal_distribution() -> None:
    from minigrad.scipy.stats import multivariate_normal

    check_grads(lambda s: multivariate_normal.logpdf(np.stack([b, -b]), 0.1, s))(S)
    singular = np.outer(b, b)
    ours = multivariate_normal.logpdf(0.5 * b, 0.0 * b, singular, allow_singular=True)
    assert_close(ours, scipy.stats.multivariate_normal.logpdf(0.5 * b, 0.0 * b, singular, allow_singular=True), 1e-9)


def test_samples_of_a_dirichlet_distribution_are_those_of_scipy() -> None:
    from minigrad.scipy.stats import dirichlet

    alpha = np.array([1.5, 2.0, 3.0])
    assert_close(dirichlet.rvs(alpha, 2, 7), scipy.stats.dirichlet.rvs(alpha, 2, 7), 0.0)
    with pytest.raises(LostDerivativeError):  # samples have no derivative
        grad(lambda alpha: np.sum(dirichlet.rvs(alpha)))(alpha)
