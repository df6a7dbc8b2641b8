"""`numpy.random` as it is, under the name that programs for `autograd.numpy.random` use."""

from typing import Any

import numpy as _np


def __getattr__(name: str) -> Any:
    return getattr(_np.random, name)


def __dir__() -> list[str]:
    return dir(_np.random)
