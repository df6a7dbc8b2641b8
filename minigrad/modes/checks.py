"""What can be differentiated, and the errors that say so: arguments, outputs, tangents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.duck_arrays import Duck
from minigrad.core.foreign import (
    as_plain_code,
    asked,
    described,
    is_foreign,
    is_sparse,
    refuse_foreign,
    refuse_foreign_result,
)
from minigrad.core.lines import located
from minigrad.core.tape import DUCKS, Box, peel
from minigrad.core.tree import LEAF, TreeDef

#: The argument to differentiate, or several: positions, or names of parameters.
Argnum = int | str | Sequence[int | str]


def is_numeric(leaf: Any) -> bool:
    """Whether this leaf is one to differentiate; Python flags, strings, functions and other objects are not."""
    kind = type(leaf)
    return issubclass(kind, (float, Box, np.ndarray, np.generic, complex)) or (
        issubclass(kind, int) and kind is not bool
    ) or (hasattr(kind, "__array_function__") and not is_sparse(leaf))  # fmt: skip


def is_integer_array(leaf: Any) -> bool:
    """Whether this is an array of integers, which is differentiated as one of float64; a single integer is not."""
    if isinstance(leaf, (np.generic, int)) or getattr(asked(leaf, "dtype"), "kind", None) not in ("i", "u"):
        return False
    return not isinstance(leaf, Duck) or leaf.is_array


def is_number(x: Any) -> bool:
    """Whether x can serve as a tangent or cotangent."""
    return (
        is_numeric(x) or isinstance(x, bool) or (isinstance(x, (list, tuple)) and np.asarray(x).dtype.kind in "biufc")
    )


def check_number(operation: str, what: str, x: Any) -> None:
    """Raise unless x can serve as the tangent or cotangent that it was given as."""
    if not is_number(x):
        advice = f"; pass {as_plain_code(x)}" if is_foreign(x) else ""
        shown = described(x) if is_foreign(x) else f"{x!r}, a {type(x).__name__}"
        raise TypeError(located(f"{operation}: {what} is {shown}, and not an array or number{advice}"))


def check_differentiable(operation: str, leaf: Any, where: str) -> None:
    """Raise unless derivatives with respect to this value make sense."""
    refuse_foreign(operation, leaf, where)
    dtype = asked(leaf, "dtype")
    kind = getattr(dtype, "kind", None)
    what = f"an array of shape {np.shape(leaf)} and dtype {dtype}" if isinstance(leaf, np.ndarray) else repr(leaf)
    if isinstance(leaf, (np.ma.MaskedArray, np.matrix)):
        raise TypeError(located(f"{operation}: {where} is a {type(leaf).__name__}; pass a plain array: np.asarray(x)"))
    if isinstance(leaf, bool) or kind == "b":
        raise TypeError(
            located(
                f"{operation}: {where} is {what}: truth values have no derivative. Pass floats: x.astype(float); or, "
                f"if it is a constant such as a mask, leave it out of what is differentiated: lambda x: f(x, mask)"
            )
        )
    if isinstance(leaf, int) or kind in ("i", "u"):
        raise TypeError(
            located(
                f"{operation}: {where} is {what}: integers have no derivative. "
                f"Pass a float: 2.0 instead of 2, float(n) instead of n; or, if it is a constant such as a number of "
                f"steps, leave it out of what is differentiated: lambda x: f(x, 3)"
            )
        )
    if kind not in ("f", "c"):
        raise TypeError(
            located(
                f"{operation}: {where} is {what} of type {type(leaf).__name__}, which cannot be differentiated. "
                f"Pass a float, a float array, or a tuple, list, dict or dataclass of these"
            )
        )


def check_scalar(operation: str, out: Any) -> None:
    """Raise unless the function returned one real number."""
    plain = peel(out)
    if type(plain) is np.float64 or (type(plain) in DUCKS and not plain.shape and plain.dtype.kind == "f"):
        return  # the usual cases
    if out is None:
        raise TypeError(located(f"{operation}: the function returned None; did it forget its return statement?"))
    if isinstance(out, (tuple, list, dict)):
        raise TypeError(
            located(
                f"{operation}: the function returned a {type(out).__name__}, not one number. For (loss, extra) use "
                f"grad_and_aux, for several outputs vjp or jacobian"
            )
        )
    refuse_foreign_result(operation, plain)
    plain = adopted(plain)
    shape = np.shape(plain)
    kind = plain.dtype.kind if hasattr(plain, "dtype") else np.asarray(plain).dtype.kind
    if kind == "b":
        raise TypeError(
            located(
                f"{operation}: the function returned a truth value ({type(plain).__name__}), which has no derivative. "
                f"Return the number of which it says something"
            )
        )
    if isinstance(plain, np.integer):
        raise TypeError(
            located(
                f"{operation}: the function returned a whole number ({plain.dtype}), such as a count or a position, "
                f"which has no derivative. Return the number that it is made of"
            )
        )
    if kind not in "iufc":
        raise TypeError(located(f"{operation}: the function returned a {type(plain).__name__}, not a number"))
    if np.size(plain) != 1:
        raise ValueError(
            located(
                f"{operation}: the function returned an array of shape {shape}, but a gradient is that of one number. "
                f"Sum it (np.sum), or use jacobian for all derivatives, or elementwise_grad if entry i of the output "
                f"depends on entry i of the input only"
            )
        )
    if kind == "c":
        raise TypeError(
            located(
                f"{operation}: the function returned a complex number ({plain.dtype}); the gradient is that of a real "
                f"one. Take np.real, np.imag or np.abs of it"
            )
        )


def check_outputs(operation: str, outs: Sequence[Any], outdef: TreeDef) -> None:
    """Raise if the output, or a function in it, cannot have a derivative; other non-numbers in it pass through."""
    for out in outs:
        refuse_foreign_result(operation, out)
        if callable(out) or (outdef is LEAF and not is_numeric(out) and not isinstance(out, bool)):
            raise TypeError(
                located(
                    f"{operation}: the function returned a {type(out).__name__}, which has no derivative. Return "
                    f"numbers or arrays; differentiate a function of a function at a point: lambda u: f(u)(y)"
                )
            )
