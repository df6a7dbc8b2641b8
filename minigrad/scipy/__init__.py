"""SciPy, differentiable: `special`, `linalg`, `signal`, `stats`, `integrate`.

SciPy is an extra: `pip install "minigrad[scipy]"`. The ufuncs of `scipy.special` dispatch on boxes by themselves; for
everything else import the functions from here.

>>> from minigrad import grad
>>> from minigrad.scipy import special
>>> round(float(grad(special.erf)(0.5)), 9)
0.878782579
"""

try:
    import scipy as _scipy  # type: ignore[import-untyped]  # noqa: F401
except ImportError as error:
    raise ImportError('minigrad.scipy needs SciPy: pip install "minigrad[scipy]"') from error

from minigrad.scipy import special

__all__ = ["special"]
