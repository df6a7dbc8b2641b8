"""The operands of an operation as the tape keeps them: boxes opened, sequences made arrays, arrays watched."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.duck_arrays import innermost_duck
from minigrad.core.foreign import as_plain_code, described, is_foreign, is_sparse, performs_ufuncs
from minigrad.core.lines import located
from minigrad.core.tape import SHARED, Box, Tape, open_part, peel, refusal, settled, snapshot


def lifted(args: Sequence[Any], tape: Tape) -> Any:
    """The arguments with their boxes as constants of the innermost duck array; None if a tape is innermost."""
    inner = innermost_duck(args)
    if inner is None or inner.serial < tape.serial:
        return None
    return [inner.lift(arg) if type(arg) is Box else arg for arg in args]


def operands(args: Sequence[Any], tape: Tape, are_read: bool) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """The parents and the values one level down of what a node on `tape` is made from."""
    parents, values = [], []
    for arg in map(open_part, args):
        if type(arg) is Box and arg.tape is tape:
            parents.append(arg.index)
            values.append(arg.value)
        else:
            parents.append(-1)
            values.append(snapshot(arg) if type(arg) is Box else constant_operand(arg, tape, are_read))
    return tuple(parents), tuple(values)


def current(args: Sequence[Any]) -> list[Any] | None:
    """The arguments with what arrays hold that were written to, and with nodes for all; None if they are that."""
    if all(type(arg) is not Box or (arg.index != SHARED and not arg.tape.is_iteration) for arg in args):
        return None
    args = [settled(arg) if type(arg) is Box else arg for arg in args]
    return [arg.value.current() if type(arg) is Box and arg.index == SHARED else arg for arg in args]


def innermost_tape(args: Sequence[Any]) -> Tape | None:
    """The open tape with the largest serial among these arguments."""
    tape: Tape | None = None
    for arg in map(open_part, args):
        if type(arg) is Box and (tape is None or arg.tape.serial > tape.serial):
            tape = arg.tape
    return tape


def watch(params: dict[str, Any], tape: Tape) -> None:
    """Watch arrays among the parameters (a mask, numbers of repeats) for changes."""
    for value in params.values():
        if type(value) is np.ndarray:
            tape.capture(value)


class SparseOperandError(Exception):
    """Internal signal: an operand is a sparse matrix, or an array of xarray.

    Who has a rule for it goes on, everybody else refuses it.
    """


def with_sparse(primitive: Any, *args: Any) -> Any:
    """The result of an operation with a sparse matrix among its arguments, if there is one.

    An array of xarray does ufuncs itself, when NumPy asks it, and operators, when Python does: `NotImplemented`.
    """
    if any(map(performs_ufuncs, args)):
        if isinstance(primitive.fun, np.ufunc):
            return primitive.fun(*args)
        if primitive.kind == "elementwise" and primitive.fun.__module__ == "_operator":
            return NotImplemented
    if primitive.by_sparse is not None and any(map(is_sparse, args)):
        return primitive.by_sparse(*args)
    value = next(arg for arg in args if is_sparse(arg) or performs_ufuncs(arg))
    but = "products, M @ x, x @ M and M * x" if is_sparse(value) else "operators and ufuncs"
    raise refusal(
        TypeError,
        f"{primitive.name}: {described(value)} cannot take part in a differentiated operation, but for {but}; pass an "
        f"array: {as_plain_code(value)}",
    )


def constant_operand(value: Any, tape: Tape, is_read: bool, other: Any = None) -> Any:
    """A plain operand as the tape keeps it: sequences become arrays; arrays that a rule reads are watched."""
    kind = type(value)
    if kind is int or kind is float or kind is np.float64:
        return value
    if kind is complex and type(peel(other)) is np.float64:
        return np.complex128(value)  # 1j * np.float64(2) would be a complex of Python, without a dtype
    if kind is list or kind is tuple:
        value, kind = np.asarray(value), np.ndarray
    if not issubclass(kind, np.ndarray):
        if not issubclass(kind, (np.generic, int, float, complex)) and not hasattr(value, "__array_function__"):
            if is_sparse(value) or performs_ufuncs(value):
                raise SparseOperandError
            message = f"{described(value)} cannot take part in a differentiated operation; pass a number or an array"
            if is_foreign(value):
                raise refusal(TypeError, f"{message}: {as_plain_code(value)}")
            raise TypeError(located(message))  # as NumPy does
        if is_sparse(value):
            raise SparseOperandError
        return adopted(value)
    if kind is not np.ndarray:
        check_plain(value)
    if value.dtype.kind not in "biufc":
        message = (
            f"an array of dtype {value.dtype} cannot take part in a differentiated operation. Convert it first: "
            f"x.astype(float)"
        )
        if value.dtype.kind == "O" and all(isinstance(each, Number) for each in value.flat):
            raise refusal(TypeError, message)
        raise TypeError(located(message))  # as NumPy does
    if is_read:
        tape.capture(value)
    return value


def check_plain(value: Any) -> None:
    """Refuse the arrays whose operators or functions mean something else, or that hide entries."""
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        raise refusal(
            TypeError,
            f"{type(value).__name__} operands are not differentiated: pass a plain array, np.asarray(x)"
            + (", and leave masked entries out with np.where(mask, 0.0, x)" if type(value) is not np.matrix else ""),
        )
