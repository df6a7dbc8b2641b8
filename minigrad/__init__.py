"""minigrad: automatic differentiation on NumPy, whose kernel can be read in an evening.

Record a function once on a flat tape, then sweep the tape: backward for gradients, forward for derivatives in a
direction. Nested transformations are boxes within boxes, so derivatives have any order.

>>> import minigrad.numpy as np
>>> from minigrad import grad
>>> grad(lambda x: np.sum(np.tanh(x) ** 2))(np.array([0.0, 1.0])).round(4)
array([0.    , 0.6397])

The folders show the idea. `core` is what is recorded: the tape, its boxes, the primitives. `rules` says how each
operation is differentiated. `modes` are the passes over the tape: backward, forward, Taylor, batched, sparse. `numpy`
and `scipy` are the names that users call, `operations` those that they make, `compiler` the tape as a program, `show`
what one looks at, `checking` the verdicts on derivatives by hand, `compat` what programs for autograd import, and
`shell` the commands. Imports run one way, in this order: errors, core, rules, modes, numpy and compiler, operations,
scipy, show, checking, compat, shell.
"""

import importlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any


def _interrupted(kind: Any, error: Any, trace: Any) -> None:
    """Say of Ctrl-C, while the command is being imported, what the command would say."""
    if issubclass(kind, KeyboardInterrupt):
        print("minigrad: interrupted; nothing was written", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if sys.argv[:1] == ["-m"] and "minigrad" in sys.orig_argv:  # `python -m minigrad` is on its way
    sys.excepthook = _interrupted

from minigrad import errors as errors
from minigrad import numpy as numpy
from minigrad.core.tree import tree_map
from minigrad.core.values import name, stop_gradient, value
from minigrad.errors import (
    CannotCompileError,
    CommandError,
    DenseError,
    ExpressionError,
    GradientMismatchError,
    LostDerivativeError,
    MinigradError,
    NoConvergenceError,
)
from minigrad.modes import recording as _recording
from minigrad.modes.forward import jvp
from minigrad.modes.reverse import grad, grad_and_aux, value_and_grad, vjp
from minigrad.numpy.selection import add_at, set_at

if TYPE_CHECKING:  # what is imported when it is first used, see `_LAZY`
    from minigrad.checking import Report as Report
    from minigrad.checking import Verdict as Verdict
    from minigrad.checking import check as check
    from minigrad.checking import complex_step as complex_step
    from minigrad.checking import finite_difference as finite_difference
    from minigrad.checking import richardson as richardson
    from minigrad.compat.test_util import check_grads as check_grads
    from minigrad.compat.transforms import deriv as deriv
    from minigrad.compat.transforms import grad_named as grad_named
    from minigrad.compat.transforms import hessian_tensor_product as hessian_tensor_product
    from minigrad.compat.transforms import hessian_vector_product as hessian_vector_product
    from minigrad.compat.transforms import holomorphic_grad as holomorphic_grad
    from minigrad.compat.transforms import make_hvp as make_hvp
    from minigrad.compat.transforms import make_jvp as make_jvp
    from minigrad.compat.transforms import make_vjp as make_vjp
    from minigrad.compat.transforms import multigrad_dict as multigrad_dict
    from minigrad.compat.transforms import tensor_jacobian_product as tensor_jacobian_product
    from minigrad.compat.transforms import vector_jacobian_product as vector_jacobian_product
    from minigrad.modes.batching.transform import batched as batched
    from minigrad.modes.batching.transform import vmap as vmap
    from minigrad.modes.curvature import ggnvp as ggnvp
    from minigrad.modes.curvature import hvp as hvp
    from minigrad.modes.curvature import make_ggnvp as make_ggnvp
    from minigrad.modes.finite import errstate as errstate
    from minigrad.modes.jacobians import hessian as hessian
    from minigrad.modes.jacobians import jacfwd as jacfwd
    from minigrad.modes.jacobians import jacobian as jacobian
    from minigrad.modes.jacobians import jacrev as jacrev
    from minigrad.modes.sparse.colouring import hessian_colouring as hessian_colouring
    from minigrad.modes.sparse.colouring import jacobian_colouring as jacobian_colouring
    from minigrad.modes.sparse.matrices import hessian_sparsity as hessian_sparsity
    from minigrad.modes.sparse.matrices import sparse_hessian as sparse_hessian
    from minigrad.modes.sparse.matrices import sparse_jacobian as sparse_jacobian
    from minigrad.modes.sparse.matrices import sparsity as sparsity
    from minigrad.modes.taylor.collapse import elementwise_grad as elementwise_grad
    from minigrad.modes.taylor.derivatives import derivatives as derivatives
    from minigrad.modes.taylor.derivatives import jet as jet
    from minigrad.modes.taylor.laplacians import bilaplacian as bilaplacian
    from minigrad.modes.taylor.laplacians import laplacian as laplacian
    from minigrad.operations.checkpoint import checkpoint as checkpoint
    from minigrad.operations.custom import custom_elementwise as custom_elementwise
    from minigrad.operations.custom import custom_primitive as custom_primitive
    from minigrad.operations.implicit import custom_root as custom_root
    from minigrad.operations.implicit import fixed_point as fixed_point
    from minigrad.operations.implicit import root as root
    from minigrad.operations.scan import checkpointed_scan as checkpointed_scan
    from minigrad.operations.summed import summed as summed
    from minigrad.show.coverage import coverage as coverage
    from minigrad.show.derivation import Derivation as Derivation
    from minigrad.show.derivation import derivation as derivation
    from minigrad.show.displays import compile as compile  # noqa: A004 - ours, not Python's
    from minigrad.show.displays import source as source
    from minigrad.show.explore import Explorer as Explorer
    from minigrad.show.explore import explore as explore
    from minigrad.show.nan import NanExplanation as NanExplanation
    from minigrad.show.nan import explain_nan as explain_nan
    from minigrad.show.plot import plot as plot
    from minigrad.show.tape import trace as trace

__version__ = "0.1.0"

# What is imported when it is first used, so that `import minigrad` stays fast: public name -> module.
_LAZY: dict[str, str] = {
    **dict.fromkeys(["Report", "Verdict", "check", "complex_step", "finite_difference", "richardson"], "checking"),
    "check_grads": "compat.test_util",
    **dict.fromkeys(["deriv", "grad_named", "hessian_tensor_product", "hessian_vector_product"], "compat.transforms"),
    **dict.fromkeys(["holomorphic_grad", "make_hvp", "make_jvp", "make_vjp", "multigrad_dict"], "compat.transforms"),
    **dict.fromkeys(["tensor_jacobian_product", "vector_jacobian_product"], "compat.transforms"),
    **dict.fromkeys(["batched", "vmap"], "modes.batching.transform"),
    **dict.fromkeys(["ggnvp", "hvp", "make_ggnvp"], "modes.curvature"),
    "errstate": "modes.finite",
    **dict.fromkeys(["hessian", "jacfwd", "jacobian", "jacrev"], "modes.jacobians"),
    **dict.fromkeys(["hessian_colouring", "jacobian_colouring"], "modes.sparse.colouring"),
    **dict.fromkeys(["hessian_sparsity", "sparse_hessian", "sparse_jacobian", "sparsity"], "modes.sparse.matrices"),
    "elementwise_grad": "modes.taylor.collapse",
    **dict.fromkeys(["derivatives", "jet"], "modes.taylor.derivatives"),
    **dict.fromkeys(["bilaplacian", "laplacian"], "modes.taylor.laplacians"),
    "checkpoint": "operations.checkpoint",
    **dict.fromkeys(["custom_elementwise", "custom_primitive"], "operations.custom"),
    **dict.fromkeys(["custom_root", "fixed_point", "root"], "operations.implicit"),
    "checkpointed_scan": "operations.scan",
    "summed": "operations.summed",
    "coverage": "show.coverage",
    **dict.fromkeys(["Derivation", "derivation"], "show.derivation"),
    **dict.fromkeys(["compile", "source"], "show.displays"),
    **dict.fromkeys(["Explorer", "explore"], "show.explore"),
    **dict.fromkeys(["NanExplanation", "explain_nan"], "show.nan"),
    "plot": "show.plot",
    "trace": "show.tape",
}


def _later(table: dict[str, Any], word: str, module: str, sweeps: int) -> Callable[..., Any]:
    """What stands in a table of recordings under a word until the module is imported, which then enters itself.

    That is after so many sweeps, for which it answers None.
    """
    first = iter(range(sweeps))

    def call(*args: Any) -> Any:
        if next(first, None) is not None:
            return None
        importlib.import_module(f"minigrad.{module}")
        return table[word](*args)

    return call


for _word in ("pull", "push"):  # of sweeps that have lost digits
    _recording.AGAIN[_word] = _later(_recording.AGAIN, _word, "modes.careful", 0)
for _word in ("pull", "push", "series"):  # of sweeps like many before, of which a program that takes few has none
    _recording.STRAIGHT[_word] = _later(_recording.STRAIGHT, _word, "compiler.swept", 8)
for _word in ("hessian", "hvp"):  # of two sweeps at once
    _recording.STRAIGHT[_word] = _later(_recording.STRAIGHT, _word, "compiler.twice", 8)


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if name in ("compat", "compiler", "show"):
        return importlib.import_module(f"minigrad.{name}")  # here for the start-up, too
    if module is None:
        if name.startswith("_"):
            raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
        from minigrad.core.words import OF_PACKAGES, instead  # here, for a fast start-up: only mistakes need it

        raise AttributeError(f"module 'minigrad' has no attribute {name!r}" + instead(name, OF_PACKAGES, __dir__()))
    home = importlib.import_module(f"minigrad.{module}")
    if module == "operations.custom":
        home.check_rules = _check_rules  # type: ignore[attr-defined]
    found = globals()[name] = getattr(home, name)
    return found


def _check_rules(owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """What `custom_primitive(...).check` does: operations do not know of checks, which stand above them."""
    from minigrad.checking.rules import check_rules  # here, for a fast start-up: few programs check a rule

    check_rules(owner, args, kwargs)


def __dir__() -> list[str]:
    faces = [face for face in _FACES if face in globals()]
    return sorted({*__all__, *_NOT_BOUND_BY_A_STAR, *faces, *[name for name in globals() if name.startswith("__")]})


# The modules that users import, and the names that `from minigrad import *` leaves out: Python has a `compile`, and
# a module called `numpy` is best imported by its own name.
_FACES = ("builtins", "compiler", "errors", "extend", "misc", "optimize", "scipy", "test_util", "testing")
_NOT_BOUND_BY_A_STAR = ("compile", "numpy")

__all__ = [
    "CannotCompileError",
    "CommandError",
    "DenseError",
    "Derivation",
    "Explorer",
    "ExpressionError",
    "GradientMismatchError",
    "LostDerivativeError",
    "MinigradError",
    "NanExplanation",
    "NoConvergenceError",
    "Report",
    "Verdict",
    "add_at",
    "batched",
    "bilaplacian",
    "check",
    "check_grads",
    "checkpoint",
    "checkpointed_scan",
    "complex_step",
    "coverage",
    "custom_elementwise",
    "custom_primitive",
    "custom_root",
    "deriv",
    "derivation",
    "derivatives",
    "elementwise_grad",
    "errstate",
    "explain_nan",
    "explore",
    "finite_difference",
    "fixed_point",
    "ggnvp",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_colouring",
    "hessian_sparsity",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacobian_colouring",
    "jacrev",
    "jet",
    "jvp",
    "laplacian",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_vjp",
    "multigrad_dict",
    "name",
    "plot",
    "richardson",
    "root",
    "set_at",
    "source",
    "sparse_hessian",
    "sparse_jacobian",
    "sparsity",
    "stop_gradient",
    "summed",
    "tensor_jacobian_product",
    "trace",
    "tree_map",
    "value",
    "value_and_grad",
    "vector_jacobian_product",
    "vjp",
    "vmap",
]
