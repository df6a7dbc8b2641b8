"""SciPy, differentiable: `special`, `linalg`, `signal`, `stats`, `integrate`.

SciPy is an extra: `pip install scipy`. The ufuncs of `scipy.special` dispatch on boxes by themselves; for
everything else import the functions from here.

>>> from minigrad import grad
>>> from minigrad.scipy import special
>>> round(float(grad(special.erf)(0.5)), 9)
0.878782579
"""

from typing import Any

try:
    import scipy as _scipy  # type: ignore[import-untyped]  # noqa: F401
except ImportError as error:
    raise ImportError("minigrad.scipy needs SciPy: pip install scipy") from error

__all__ = ["integrate", "linalg", "signal", "special", "stats"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        import importlib

        return importlib.import_module(f"minigrad.scipy.{name}")
    raise AttributeError(f"minigrad.scipy has no {name!r}; it has {', '.join(__all__)}")
