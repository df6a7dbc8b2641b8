"""minigrad: automatic differentiation on NumPy, small enough to read in an evening.

Record a function once on a flat tape, then sweep the tape: backward for gradients, forward for derivatives in a
direction. Nested transformations are boxes within boxes, so derivatives have any order.

>>> import minigrad.numpy as np
>>> from minigrad import grad
>>> grad(lambda x: np.sum(np.tanh(x) ** 2))(np.array([0.0, 1.0])).round(4)
array([0.    , 0.6397])

Where things are: `tape` (the tape and its boxes), `primitive` (the kinds of rules), `elementwise`, `structure` and
`linalg` (the rules), `numpy` (the namespace), `sweeps` (backward and forward), `transforms` (grad and relatives),
`explore` (the printed tape), `tree` (nested parameters).
"""

from minigrad import numpy as numpy
from minigrad.taylor import derivatives, jet
from minigrad.transforms import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    hessian,
    hessian_vector_product,
    hvp,
    jacobian,
    jvp,
    make_jvp,
    make_vjp,
    name,
    trace,
    value,
    value_and_grad,
    vjp,
)
from minigrad.tree import tree_map

__version__ = "0.1.0"

__all__ = [
    "deriv",
    "derivatives",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "hessian",
    "hessian_vector_product",
    "hvp",
    "jacobian",
    "jet",
    "jvp",
    "make_jvp",
    "make_vjp",
    "name",
    "numpy",
    "trace",
    "tree_map",
    "value",
    "value_and_grad",
    "vjp",
]
