"""`list`, `tuple`, `dict`, `isinstance` and `type` as `autograd.builtins` has them.

Containers of traced values need nothing special here, so these are Python's own but for two: a traced value counts as
an instance of `np.ndarray` or `float`, whichever it holds.

>>> from minigrad import grad
>>> import numpy as np
>>> grad(lambda x: x * 2.0 if isinstance(x, float) else x)(1.0)
np.float64(2.0)
"""

import builtins
from typing import Any

from minigrad.tape import peel

list = builtins.list
tuple = builtins.tuple
dict = builtins.dict


def isinstance(value: Any, kinds: Any) -> bool:
    """`isinstance` that sees through a box."""
    return builtins.isinstance(value, kinds) or builtins.isinstance(peel(value), kinds)


def type(value: Any) -> Any:
    """The type of the value within a box."""
    return builtins.type(peel(value))
