"""NumPy, differentiable: `import minigrad.numpy as np`.

Every name of NumPy is here. Those with a rule are defined in the modules beside this one; all others are NumPy's own,
and raise when they are given a box and have no rule. NumPy's own functions work on boxes too, since they dispatch on
their arguments (NEP 13 and NEP 18); this module also takes lists of boxes, `np.array([x, y])`, and calls with less
overhead.

`dispatch` holds the two tables (ufunc to rule, function to rule), `box` the operators and methods of a box.
"""

from typing import TYPE_CHECKING, Any

import numpy as _np

from minigrad.numpy import box as _box  # noqa: F401  (gives boxes their operators)
from minigrad.numpy import calculus as _calculus
from minigrad.numpy import functions as _functions
from minigrad.numpy import linalg as linalg
from minigrad.numpy import order as _order
from minigrad.numpy import polynomials as _polynomials
from minigrad.numpy import selection as _selection
from minigrad.numpy import special as _special
from minigrad.numpy import statistics as _statistics

if TYPE_CHECKING:
    from minigrad.numpy import fft as fft

_PUBLIC = {*dir(_np), "logsumexp"}  # NumPy lacks the latter
_CALLED = {name for name in _PUBLIC if name[0] != "_"} | {"add_at", "set_at"}  # minigrad alone shows the last two
for _module in (_functions, _selection, _statistics, _order, _calculus, _polynomials, _special):
    globals().update({name: value for name, value in vars(_module).items() if name in _CALLED})

__all__ = sorted({*_np.__all__, "logsumexp"})


def __getattr__(name: str) -> Any:
    if name == "fft":
        import minigrad.numpy.fft as fft  # here, for a fast start-up: NumPy's own is imported when it is used, too

        return fft
    if hasattr(_np, name) or name.startswith("_"):
        return getattr(_np, name)
    from minigrad.core.words import OF_NUMPY, instead  # here, for a fast start-up: only mistakes need it

    raise AttributeError(f"module 'minigrad.numpy' has no attribute {name!r}" + instead(name, OF_NUMPY, _PUBLIC))


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
