"""Densities and distribution functions of `scipy.stats`, differentiable in all their arguments that have a derivative.

Each distribution is a module with functions named as SciPy's: `norm.logpdf(x, loc, scale)`, `poisson.logpmf(k, mu)`.
They are composed from `minigrad.numpy` and `minigrad.scipy.special`; arguments broadcast.

>>> from minigrad import grad
>>> from minigrad.scipy.stats import norm
>>> float(grad(norm.logpdf)(1.0, 0.0, 2.0))
-0.25
"""

from minigrad.scipy.stats import beta, chi2, dirichlet, gamma, multivariate_normal, norm, poisson, t

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]
