"""`elementwise_grad`, and how nested elementwise derivatives collapse into one Taylor pass."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Concatenate, Literal, overload

import numpy as np

from minigrad.core.lean import LeanTape
from minigrad.core.tape import Box, Tape, peel
from minigrad.modes.checks import Argnum, check_scalar, is_numeric
from minigrad.modes.cotangents import finished
from minigrad.modes.made import P, X, transformation
from minigrad.modes.recording import Recording, named, pulled_complex
from minigrad.modes.taylor.push import push_with_trouble, step_for, times_factorial


def elementwise_derivative(
    fun: Callable[..., Any], order: int, args: tuple[Any, ...], kwargs: dict[str, Any], argnum: Any
) -> Any:
    """The derivative of this order of an elementwise function of one real argument; None if it is not known to be one.

    It is known if every operation on the way from the argument to the result is elementwise and keeps the shape.
    """
    x = args[argnum] if -len(args) <= argnum < len(args) else None
    if not is_numeric(x) or np.iscomplexobj(peel(x)):
        return None
    record = Recording("elementwise_grad", fun, args, kwargs, argnum, Tape())
    if not is_numeric(record.out) or np.iscomplexobj(peel(record.out)):
        return None
    position = record.position(record.out)
    if position < 0:
        return None
    leaf = record.leaves[0]
    for primitive, _parents, _args, ans, _params in islice(record.tape.nodes, 1, position + 1):
        if primitive.kind != "elementwise" or ans.shape != leaf.shape or ans.dtype.kind == "c":
            return None
    step = step_for(order, [leaf])
    series = push_with_trouble(record.tape, [[leaf, step]], [position], order)[0]
    return finished(times_factorial(series, order, step), leaf, {id(leaf)})


@overload
def elementwise_grad(fun: np.ufunc, argnum: Argnum = 0) -> Callable[..., Any]: ...
@overload
def elementwise_grad(
    fun: Callable[Concatenate[X, P], Any], argnum: Literal[0] = 0
) -> Callable[Concatenate[X, P], X]: ...
@overload
def elementwise_grad(fun: Callable[P, Any], argnum: Argnum) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def elementwise_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]: ...
@transformation
def elementwise_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """The derivative of a function that works entry by entry, at every entry at once.

    Args:
        fun: maps an array of shape `S` to an array whose entry i depends on entry i of the argument alone. For any
            other function the result is the gradient of the sum of the outputs.
        argnum: the position of the argument to differentiate, or a sequence of positions.

    Returns:
        A function with the same arguments, whose result has the shape of the argument. Its attribute `how(*args)` says
        how a nested derivative is computed, "taylor" or "nested".

    Raises:
        TypeError: if the argument holds a single integer, truth values or an array of another library, or `fun` returns
            something else than an array or number.

    **Higher orders collapse.** `elementwise_grad(elementwise_grad(fun))`, to any depth, is one pass of Taylor mode, as
    in `minigrad.derivatives`, if the argument is real and every operation that depends on it is elementwise and keeps
    its shape. The cost of that pass grows with the square of the order. Otherwise the derivative is computed by nested
    reverse mode, whose cost grows by a factor of about 2.2 per order, and from the eighth level on a RuntimeWarning
    says so. The numbers are the same up to rounding.

    >>> elementwise_grad(np.tanh)(np.array([0.0, 1.0])).round(4)
    array([1.  , 0.42])
    >>> elementwise_grad(elementwise_grad(np.tanh)).how(1.0)
    'taylor'
    """
    base, order = fun, 1
    inner = getattr(fun, "nesting", None)
    if isinstance(argnum, int) and inner is not None and inner[2] == argnum:
        base, order = inner[0], inner[1] + 1

    def collapsed(*args: Any, **kwargs: Any) -> Any:
        if order == 1:
            return None
        return elementwise_derivative(base, order, args, kwargs, argnum)

    def derivative(*args: Any, **kwargs: Any) -> Any:
        if order > 1 and (ans := collapsed(*args, **kwargs)) is not None:
            return ans
        record = Recording("elementwise_grad", fun, args, kwargs, argnum, LeanTape())
        if not is_numeric(record.out):
            check_scalar("elementwise_grad", record.out)
        index = record.position(record.out)
        if record.out.dtype.kind == "c" if type(record.out) is Box else np.iscomplexobj(peel(record.out)):
            return pulled_complex(record, index, 1.0, is_complex=True)
        return record.pull([(index, 1.0)], consume=True)

    function: Any = named(derivative, "elementwise_grad", fun, elementwise_grad, argnum)
    function.nesting = base, order, argnum
    function.how = lambda *args, **kwargs: "nested" if collapsed(*args, **kwargs) is None else "taylor"
    return function
