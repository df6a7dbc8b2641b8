"""minigrad: automatic differentiation on NumPy, small enough to read in an evening.

Record a function once on a flat tape, then sweep the tape: backward for gradients, forward for derivatives in a
direction. Nested transformations are boxes within boxes, so derivatives have any order.

>>> import minigrad.numpy as np
>>> from minigrad import grad
>>> grad(lambda x: np.sum(np.tanh(x) ** 2))(np.array([0.0, 1.0])).round(4)
array([0.    , 0.6397])

Where things are: `tape` (the tape and its boxes), `primitive` (the kinds of rules), `elementwise`, `structure` and
`linalg` (the rules that the rest is made of), `numpy` (the namespace, and its rules in families), `sweeps` (backward
and forward), `taylor` and `series` (derivatives of high order), `transforms` (grad and relatives), `duck`, `batching`
and `matrices` (many examples, Jacobians and Hessians in one pass), `patterns` and `sparse` (sparse ones), `memory`
(checkpoints), `custom` and `implicit` (operations of your own, solutions of equations; `operation` is what these are
made of), `compiler` (programs traced once, their source and their replay), `explore` (the printed tape), `tree` (nested
parameters), `checking`, `testing` and `test_util` (derivatives written by hand, and the tape's own, checked), `scipy`,
`extend` and `misc` (SciPy, the names of autograd), `coverage`, `expression`, `plotting` and `cli` (what has a rule,
formulas as text, pictures, and the commands).
"""

import importlib
from typing import TYPE_CHECKING, Any

from minigrad import numpy as numpy
from minigrad.numpy.selection import add_at, set_at
from minigrad.taylor import derivatives, jet
from minigrad.transforms import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    hvp,
    jvp,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    name,
    tensor_jacobian_product,
    trace,
    value,
    value_and_grad,
    vector_jacobian_product,
    vjp,
)
from minigrad.tree import tree_map

if TYPE_CHECKING:  # what is imported when it is first used, see `_LAZY`
    from minigrad.batching import batched as batched
    from minigrad.batching import vmap as vmap
    from minigrad.checking import Report as Report
    from minigrad.checking import Verdict as Verdict
    from minigrad.checking import check as check
    from minigrad.checking import complex_step as complex_step
    from minigrad.checking import finite_difference as finite_difference
    from minigrad.checking import richardson as richardson
    from minigrad.compiler import compile as compile  # noqa: A004
    from minigrad.compiler import source as source
    from minigrad.custom import custom_elementwise as custom_elementwise
    from minigrad.custom import custom_primitive as custom_primitive
    from minigrad.implicit import custom_root as custom_root
    from minigrad.implicit import fixed_point as fixed_point
    from minigrad.implicit import root as root
    from minigrad.matrices import bilaplacian as bilaplacian
    from minigrad.matrices import ggnvp as ggnvp
    from minigrad.matrices import hessian as hessian
    from minigrad.matrices import jacfwd as jacfwd
    from minigrad.matrices import jacobian as jacobian
    from minigrad.matrices import jacrev as jacrev
    from minigrad.matrices import laplacian as laplacian
    from minigrad.memory import checkpoint as checkpoint
    from minigrad.memory import checkpointed_scan as checkpointed_scan
    from minigrad.memory import stop_gradient as stop_gradient
    from minigrad.sparse import hessian_colouring as hessian_colouring
    from minigrad.sparse import hessian_sparsity as hessian_sparsity
    from minigrad.sparse import jacobian_colouring as jacobian_colouring
    from minigrad.sparse import sparse_hessian as sparse_hessian
    from minigrad.sparse import sparse_jacobian as sparse_jacobian
    from minigrad.sparse import sparsity as sparsity
    from minigrad.test_util import check_grads as check_grads

__version__ = "0.1.0"

# What is imported when it is first used, so that `import minigrad` stays fast: public name -> module.
_LAZY: dict[str, str] = {
    # batched sweeps
    **dict.fromkeys(["batched", "vmap"], "batching"),
    **dict.fromkeys(["bilaplacian", "ggnvp", "hessian", "jacfwd", "jacobian", "jacrev", "laplacian"], "matrices"),
    # sparse Jacobians
    "hessian_colouring": "sparse",
    "hessian_sparsity": "sparse",
    "jacobian_colouring": "sparse",
    "sparse_hessian": "sparse",
    "sparse_jacobian": "sparse",
    "sparsity": "sparse",
    # memory, custom operations, implicit functions
    "checkpoint": "memory",
    "checkpointed_scan": "memory",
    "stop_gradient": "memory",
    "custom_elementwise": "custom",
    "custom_primitive": "custom",
    "custom_root": "implicit",
    "fixed_point": "implicit",
    "root": "implicit",
    # the compiled tape
    "compile": "compiler",
    "source": "compiler",
    # checks of derivatives
    "Report": "checking",
    "Verdict": "checking",
    "check": "checking",
    "check_grads": "test_util",
    "complex_step": "checking",
    "finite_difference": "checking",
    "richardson": "checking",
}


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"minigrad.{module}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "add_at",
    "deriv",
    "derivatives",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "hvp",
    "jet",
    "jvp",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_vjp",
    "multigrad_dict",
    "name",
    "numpy",
    "set_at",
    "tensor_jacobian_product",
    "trace",
    "tree_map",
    "value",
    "value_and_grad",
    "vector_jacobian_product",
    "vjp",
    *_LAZY,
]
