"""`numpy.random` as it is, under the name that programs for `autograd.numpy.random` use."""

from typing import Any

import numpy as _np

__all__ = [name for name in dir(_np.random) if not name.startswith("_")]


def __getattr__(name: str) -> Any:
    return getattr(_np.random, name)


def __dir__() -> list[str]:
    return dir(_np.random)
