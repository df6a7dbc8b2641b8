"""One way to say everything: the first pass, after which equal work looks equal."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.compiler.answers import GUARDS
from minigrad.compiler.program import Program, Step, Var
from minigrad.compiler.rewriting import is_numpys, kind_of_operand, renamed
from minigrad.core import duck_arrays as duck

OPERATORS: dict[Any, Any] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.divide: operator.truediv,
    np.floor_divide: operator.floordiv, np.matmul: operator.matmul, np.negative: operator.neg,
    np.less: operator.lt, np.less_equal: operator.le, np.greater: operator.gt, np.greater_equal: operator.ge,
    np.equal: operator.eq, np.not_equal: operator.ne, np.bitwise_and: operator.and_, np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor, np.invert: operator.invert, np.positive: operator.pos,
}  # fmt: skip
REDUCTIONS: dict[Any, Any] = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum, np.amax: np.maximum,
    np.amin: np.minimum, np.all: np.logical_and, np.any: np.logical_or,
}  # fmt: skip


class Reduction:
    """A reduction by a ufunc over a tuple of axes: `Reduction(np.add)(x, axes, keepdims)`."""

    def __init__(self, ufunc: Any) -> None:
        self.ufunc = ufunc
        self.__name__ = f"{ufunc.__name__}.reduce"

    def __call__(self, x: Any, axes: Any, keepdims: bool) -> Any:
        """The reduction of an array."""
        return self.ufunc.reduce(x, axes, None, None, keepdims)


SUM, PROD, MAX, MIN, ALL, ANY = map(
    Reduction, (np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or)
)
_BY_UFUNC = {each.ufunc: each for each in (SUM, PROD, MAX, MIN, ALL, ANY)}


def canonical(program: Program) -> Program:
    """Ufuncs become operators, all ways to reduce one, all ways to reshape and transpose one each.

    Equal work is then found by comparing steps.
    """
    return renamed(program, _canonical)


def is_operator(function: Any, args: tuple[Any, ...]) -> bool:
    """Whether an operator does the same as this ufunc: with complex numbers, not arrays, it has rounding of its own."""
    if function not in OPERATORS or len(args) > 2 or not any(map(is_numpys, args)):
        return False
    has_complex = any(type(arg) is complex or (type(arg) is Var and arg.dtype.kind == "c") for arg in args)
    return not has_complex or any(kind_of_operand(arg) == "array" for arg in args)


def _canonical(step: Step) -> Step:
    function, args, kwargs = step.function, step.args, step.kwargs
    if function in GUARDS:
        return step
    if not kwargs and is_operator(function, args):
        return step._replace(function=OPERATORS[function])
    if function is operator.abs and is_numpys(args[0]) and (args[0].kind == "array" or args[0].dtype.kind != "c"):
        return step._replace(function=np.absolute)
    reduced = _reduction(function, args, kwargs)
    if reduced is not None:
        return step._replace(function=reduced[0], args=reduced[1], kwargs={})
    if function in (duck.reshape, np.reshape) and type(args[0]) is Var and args[0].kind == "array":
        order = kwargs.get("order", args[2] if len(args) > 2 else "C")
        if order == "C" and kwargs.keys() <= {"order"} and type(step.out) is Var:
            return step._replace(function=duck.reshape, args=(args[0], step.out.shape), kwargs={})
    if function is np.transpose and type(args[0]) is Var and not kwargs:
        if args[0].kind == "python":
            return step._replace(args=args[:1])  # a number of Python has no method for it
        n = len(args[0].shape)
        axes = args[1] if len(args) > 1 else None
        axes = tuple(range(n))[::-1] if axes is None else tuple([int(a) % n for a in axes])
        return step._replace(args=(args[0], axes))
    if function is np.swapaxes and type(args[0]) is Var and not kwargs:
        axes = list(range(len(args[0].shape)))
        i, j = args[1], args[2]
        axes[i], axes[j] = axes[j], axes[i]
        return step._replace(function=np.transpose, args=(args[0], tuple(axes)))
    if function is np.square and not kwargs and args[0].dtype.kind == "f" and is_numpys(args[0]):
        return step._replace(function=operator.mul, args=(args[0], args[0]))
    return step


def _reduction(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The reduction that this call is, with its arguments; None if it is none or a special one."""
    names: tuple[str, ...] = ("axis", "dtype", "out", "keepdims", "initial", "where")
    ufunc = None
    if function in REDUCTIONS:
        ufunc, default = REDUCTIONS[function], None
        if ufunc not in (np.add, np.multiply):
            names = ("axis", "out", "keepdims", "initial", "where")
    elif getattr(function, "__name__", "") == "reduce" and type(getattr(function, "__self__", None)) is np.ufunc:
        ufunc, default = function.__self__, 0
    reduced = _BY_UFUNC.get(ufunc)
    if reduced is None or type(args[0]) is not Var or args[0].kind != "array":
        return None
    given = dict(zip(names, args[1:])) | kwargs
    axis, keepdims = given.pop("axis", default), given.pop("keepdims", False)
    neutral = (None, np._NoValue, True)
    if any(value is not None and not any(value is each for each in neutral) for value in given.values()):
        return None
    n = len(args[0].shape)
    axes = tuple(range(n)) if axis is None else axis if type(axis) is tuple else (axis,)
    keepdims = keepdims is not np._NoValue and bool(keepdims)
    if ufunc in (np.logical_and, np.logical_or) and args[0].dtype.kind != "b":
        return None
    return reduced, (args[0], tuple(sorted(int(a) % n for a in axes)) if n else (), keepdims), {}
