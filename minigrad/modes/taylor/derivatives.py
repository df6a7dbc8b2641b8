"""Derivatives of every order up to a given one, univariate and mixed, and `jet`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.foreign import refuse_foreign, refuse_foreign_result
from minigrad.core.lines import located
from minigrad.core.tape import Box, Tape, peel
from minigrad.core.tree import flatten
from minigrad.modes.checks import check_number
from minigrad.modes.recording import Recording, in_library
from minigrad.modes.taylor.push import (
    compositions,
    full,
    push_series,
    push_with_trouble,
    step_for,
    times_factorial,
)
from minigrad.rules.moving import stack
from minigrad.rules.series import Series

# ----- what users call ------------------------------------------------------------------------------------------------


def derivatives(fun: Callable[..., Any], x: Any, order: Any) -> Any:
    """All derivatives of orders 0 to `order` along the line x + t, in one pass; or mixed ones of several variables.

    Args:
        fun: a function of one number or array that returns one. If it is elementwise, the results are its derivatives
            at every entry of x. In general they are those of fun(x + t) with respect to the number t, at t = 0.
        x: a float or an array of floats (or of complex numbers) of any shape; or a tuple of such, for a function of
            several arguments.
        order: the highest order, 0 or more. For a tuple of variables: a multi-index such as (2, 1), twice in the first
            and once in the second; a list of them; or a whole number, for all up to this order in total.

    Returns:
        An array of shape (order + 1, *shape of fun(x)): entry k is the k-th derivative. For a multi-index an array of
        the shape of fun(x, y), for several a dict from multi-indices to such arrays: the mixed derivatives of
        fun(x + s, y + t) with respect to the numbers s and t, which for an elementwise function are those at every
        entry.

    Raises:
        TypeError: if x is no float array or number, or `fun` returns something else than one array or number.
        ValueError: if the order is negative or above 170, or no order of this number of variables.

    The cost grows with the square of the order; nested `grad` multiplies it with every order. The factorials are
    multiplied in last, so high orders lose no digits. Mixed derivatives of order d in p variables take one pass for
    each of at most (d + p - 1)! / (d! (p - 1)!) directions, over one recording.

    >>> derivatives(np.sin, 0.0, 4) + 0.0
    array([ 0.,  1.,  0., -1.,  0.])
    >>> derivatives(lambda x: x**3, np.array([1.0, 2.0]), 2)
    array([[ 1.,  8.],
           [ 3., 12.],
           [ 6., 12.]])
    >>> derivatives(lambda x, y: x**3 * y**2, (1.0, 2.0), (2, 1))  # d^3 / dx^2 dy = 6 x * 2 y
    np.float64(24.0)
    """
    if isinstance(x, tuple):
        return _mixed_derivatives(fun, x, order)
    if isinstance(x, (list, dict)) or x is None:
        raise TypeError(
            located(
                f"derivatives: x must be one array or number, np.array(x) of a list, or a tuple with one for each "
                f"argument of the function; it is {'None' if x is None else 'a ' + type(x).__name__}"
            )
        )
    check_order("derivatives", order)
    curves = Curves("derivatives", fun, (x,))
    value, coefficients = curves.of_one_result([[1.0]], order)
    step = curves.step
    if type(coefficients) is np.ndarray and len(coefficients) == order + 1:
        return coefficients * _factorials(order, step).reshape(-1, *[1] * len(value.shape)).astype(value.dtype)
    if not issubclass(type(value), (np.ndarray, np.generic)) or any(type(c) is Box for c in coefficients):
        return stack(*[full(times_factorial(coefficients, k, step), value) for k in range(order + 1)], axis=0)
    table = np.zeros((order + 1, *value.shape), value.dtype if value.dtype.kind in "fc" else float)
    for k, c in enumerate(coefficients):
        np.multiply(c, float(math.factorial(k)) / step**k, out=table[k, ...])
    return table


@functools.lru_cache(maxsize=64)
def _factorials(order: int, step: float) -> Any:
    return np.array([float(math.factorial(k)) / step**k for k in range(order + 1)])


# ----- mixed derivatives ----------------------------------------------------------------------------------------------
#
# Series within series: the coefficients of one variable are curves in the next. So every coefficient is found from
# sums and products of its own order in each variable, and has its digits whatever the scales of the variables; the
# mixed derivatives along directions, which cost less in many variables, are differences, and lose them.


def _mixed_derivatives(fun: Callable[..., Any], xs: tuple[Any, ...], order: Any) -> Any:
    indices, one = _multi_indices(order, len(xs))
    Curves("derivatives", lambda *xs: xs, xs)  # raises if one is no array or number, also where its order is 0
    highest = [max([index[k] for index in indices], default=0) for k in range(len(xs))]
    table = _mixed_coefficients(fun, xs, highest)
    found = {index: table[tuple([i for i, most in zip(index, highest) if most][::-1])] for index in indices}
    return found[indices[0]] if one else found


def _mixed_coefficients(fun: Callable[..., Any], xs: tuple[Any, ...], highest: list[int]) -> Any:
    """All mixed derivatives up to an order in each variable: an axis for each whose order is not 0, the last first."""
    last = max([k for k, most in enumerate(highest) if most], default=0)
    before = [*highest[:last], 0, *highest[last + 1 :]]

    def of_last(x: Any) -> Any:
        at = (*xs[:last], x, *xs[last + 1 :])
        return _mixed_coefficients(fun, at, before) if any(before) else fun(*at)

    series = derivatives(of_last, xs[last], highest[last])
    return series if highest[last] else series[0]


def _multi_indices(order: Any, p: int) -> tuple[list[tuple[int, ...]], bool]:
    """The multi-indices that are asked for, and whether it is a single one."""

    def is_whole(n: Any) -> bool:
        return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and bool(n >= 0)

    if is_whole(order):
        check_order("derivatives", order)
        return [i for k in range(order + 1) for i in reversed(compositions(int(k), [int(k)] * p))], False
    one = isinstance(order, tuple) and not any(isinstance(part, tuple) for part in order)
    indices = [order] if one else list(order) if isinstance(order, (list, tuple, set, frozenset)) else [()]
    for index in indices:
        if not isinstance(index, tuple) or len(index) != p or not all(map(is_whole, index)):
            raise ValueError(
                located(
                    f"derivatives: {order!r} is no order of {p} variables: give a tuple of {p} whole numbers of at "
                    f"least 0, a list of such tuples, or one number for all up to that order in total"
                )
            )
    return [tuple(map(int, index)) for index in indices], one


def jet(fun: Callable[..., Any], primals: Sequence[Any], series: Sequence[Sequence[Any]]) -> tuple[Any, Any]:
    """The derivatives of fun(x(t), y(t), ...) at t = 0, given those of the curves x(t), y(t), ...

    Args:
        fun: a function of as many arrays as there are primals, which returns an array or a pytree of them.
        primals: the values of the curves, one float array or number per argument.
        series: for each argument the derivatives of its curve of orders 1, 2, ..., k; each broadcasts to its primal.

    Returns:
        The value of `fun`, and in its structure the lists of the k derivatives of the result, each of the shape and
        dtype of its value.

    Raises:
        TypeError: if primals or series are no sequences, or a primal is no float array or number.
        ValueError: if the numbers of primals and series differ, a series has more than 170 entries, or one of them
            does not broadcast to its primal.

    The name and the convention (derivatives, not normalised coefficients) are those of `jax.experimental.jet`.

    >>> value, (first, second) = jet(lambda x, y: x * y, (2.0, 3.0), ([1.0, 0.0], [1.0, 0.0]))
    >>> float(value), float(first), float(second)
    (6.0, 5.0, 2.0)
    """
    if not isinstance(primals, (list, tuple)) or any(
        not isinstance(part, (list, tuple, np.ndarray)) for part in series
    ):
        raise TypeError(
            located(
                "jet: primals is a tuple with one value per argument, and series one with a list of derivatives for "
                "each of them: jet(f, (x,), ([1.0, 0.0],))"
            )
        )
    if len(primals) != len(series):
        raise ValueError(located(f"jet: {len(primals)} primals and {len(series)} series; give one series per primal"))
    order = max(map(len, series), default=0)
    check_order("jet", order)
    for k, (x, part) in enumerate(zip(primals, series)):
        refuse_foreign("jet", x, f"argument {k}")
        in_library("jet", x)
        for c in part:
            check_number("jet", "a derivative in series", c)
            if not _broadcasts(np.shape(peel(c)), np.shape(peel(x))):
                raise ValueError(
                    located(
                        f"jet: a derivative of shape {np.shape(peel(c))} in series does not fit its primal, of shape "
                        f"{np.shape(peel(x))}"
                    )
                )
    scaled = [[c / math.factorial(k) for k, c in enumerate(derivs, 1)] for derivs in series]
    curves = Curves("jet", fun, tuple(primals))
    found = curves.along(scaled, order)
    values = curves.treedef.unflatten([value for value, _ in found])
    return values, curves.treedef.unflatten(
        [[full(times_factorial(cs, k, curves.step), value) for k in range(1, order + 1)] for value, cs in found]
    )


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(to)))


def check_order(operation: str, order: Any) -> None:
    """Raise unless this is an order."""
    if not isinstance(order, (int, np.integer)) or order < 0:
        raise ValueError(located(f"{operation}: the order must be a whole number of at least 0, not {order!r}"))
    if order > 170:
        raise ValueError(located(f"{operation}: order {order} is too high: 171! exceeds the largest float"))


class Curves:
    """A function recorded once at a point, to be pushed along curves through it."""

    __slots__ = ("operation", "outs", "positions", "record", "step", "treedef")

    def __init__(self, operation: str, fun: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.operation = operation
        self.record = record = Recording(operation, fun, args, {}, tuple(range(len(args))), Tape())
        if len(record.leaves) != len(args):
            raise TypeError(
                located(f"{operation}: every argument must be one array or number, not a structure of them")
            )
        outs, self.treedef = flatten(record.out)
        self.outs = [np.asarray(out)[()] if type(out) in (int, float, complex) else out for out in outs]
        for out in self.outs:
            refuse_foreign_result(operation, out)
            if not hasattr(peel(out), "dtype"):
                raise TypeError(
                    located(f"{operation}: the function must return arrays or numbers, not {type(out).__name__}")
                )
        self.positions = [record.position(out) for out in self.outs]
        self.step = 1.0

    def along(self, directions: Sequence[Series], order: int) -> list[tuple[Any, Series]]:
        """For every output its value and its normalised coefficients, as they come: unexpanded, or fewer than all.

        Each direction lists the coefficients of orders 1, 2, ... of one argument. Those that are returned are in units
        of `self.step`, see `step_for`.
        """
        record, nodes = self.record, self.record.tape.nodes
        self.step = step = step_for(order, record.leaves)
        inputs = [
            [leaf, *[c * step**k if type(c) is float else full(c, leaf) * step**k for k, c in enumerate(direction, 1)]]
            for leaf, direction in zip(record.leaves, directions)
        ]
        if record.tape.looks is not None:
            with np.errstate(all="ignore"):
                record.tape.looks.check_series(push_series(record.tape, inputs, range(len(nodes)), order))
        found = iter(push_with_trouble(record.tape, inputs, [p for p in self.positions if p >= 0], order))
        return [
            (out, [out]) if p < 0 else (nodes[p][3], next(found)[: order + 1])
            for out, p in zip(self.outs, self.positions)
        ]

    def of_one_result(self, directions: Sequence[Series], order: int) -> tuple[Any, Series]:
        """The same for a function that returns one array."""
        if len(self.outs) != 1:
            what = f"a {type(self.record.out).__name__} of {len(self.outs)}; use jet" if self.outs else "nothing"
            raise TypeError(located(f"{self.operation}: the function must return one array or number, not {what}"))
        return self.along(directions, order)[0]
