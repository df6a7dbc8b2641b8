"""Laplacians by one collapsed Taylor pass: the second coefficients of all directions are added before they are pushed.

Source: F. Dangel and others, "Collapsing Taylor mode automatic differentiation", NeurIPS 2025.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from minigrad.core.foreign import refuse_foreign, refuse_foreign_result
from minigrad.core.lines import located
from minigrad.core.primitive import ITEM
from minigrad.core.tape import PARTS, Tape, open_part, peel
from minigrad.modes.batching.stack import Batched, ExamplesDifferError, Level, is_of
from minigrad.modes.checks import is_numeric
from minigrad.modes.cotangents import finished
from minigrad.modes.jacobians import chunks
from minigrad.modes.made import P, R, name_of_argument, transformation
from minigrad.modes.recording import Recording, named, real_output, select
from minigrad.modes.sweeps import needed
from minigrad.modes.taylor.push import Findings, node_series, push_with_trouble
from minigrad.rules.products import tensordot
from minigrad.rules.series import Series, dot


@overload
def laplacian(fun: Callable[P, R], argnum: int | str = 0, *, chunk_size: int | None = None) -> Callable[P, R]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def laplacian(
    fun: Callable[..., Any], argnum: int | str = 0, *, chunk_size: int | None = None
) -> Callable[..., Any]: ...
@transformation
def laplacian(fun: Callable[..., Any], argnum: int | str = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The sum of the second derivatives ∂²fun / ∂x_i² over all entries of x, without the matrix of them.

    Args:
        fun: a function of a real array of any shape, that returns a number or an array.
        argnum: the position of that array among the arguments.
        chunk_size: how many directions go through one pass, to bound the memory.

    Returns:
        A function with the same arguments, whose result has the shape of that of `fun`. For many points at once:
        `batched(laplacian(fun))`.

    Raises:
        TypeError: if the argument is not one real array, or `fun` returns something else than one array or number.

    This is forward Taylor mode along all unit vectors together. Only the sum of their second coefficients is needed,
    and at each operation it depends linearly on the sums of its arguments. So one sum is propagated in place of n
    coefficients, and a linear operation is applied n + 2 times, not 2 n + 1.

    Source:
        "Collapsing Taylor mode automatic differentiation", NeurIPS 2025.

    >>> float(laplacian(lambda x: np.sum(x**3) + x[0] * x[1])(np.array([1.0, 2.0])))
    18.0
    """

    def laplacian_of(*args: Any, **kwargs: Any) -> Any:
        def directions(n: int) -> tuple[Any, Any]:
            return np.eye(n), np.ones(n)

        return _sum_of_derivatives("laplacian", fun, args, kwargs, argnum, 2, directions, chunk_size)

    return named(laplacian_of, "laplacian", fun, laplacian, argnum, chunk_size=chunk_size)


@overload
def bilaplacian(fun: Callable[P, R], argnum: int | str = 0, *, chunk_size: int | None = None) -> Callable[P, R]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def bilaplacian(
    fun: Callable[..., Any], argnum: int | str = 0, *, chunk_size: int | None = None
) -> Callable[..., Any]: ...
@transformation
def bilaplacian(fun: Callable[..., Any], argnum: int | str = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The sum of ∂⁴fun / ∂x_i² ∂x_j² over all pairs of entries of x: the Laplacian of the Laplacian.

    Args:
        fun: as for `laplacian`.
        argnum: the position of the array among the arguments.
        chunk_size: how many directions go through one pass, to bound the memory.

    Returns:
        A function with the same arguments, whose result has the shape of that of `fun`.

    Raises:
        TypeError: as `laplacian`.

    Fourth derivatives along n² directions are combined,

        12 ∂_i² ∂_j² f = D⁴f[e_i + e_j] + D⁴f[e_i - e_j] - 2 D⁴f[e_i] - 2 D⁴f[e_j],

    and of the fourth coefficients only the weighted sum is propagated, as in `laplacian`.

    Source:
        A. Griewank, J. Utke and A. Walther, "Evaluating higher derivative tensors by forward propagation of univariate
        Taylor series", Mathematics of Computation 69, 2000.

    >>> round(float(bilaplacian(lambda x: np.sum(x**2) ** 2)(np.array([1.0, 2.0, 3.0]))), 9)
    120.0
    """

    def bilaplacian_of(*args: Any, **kwargs: Any) -> Any:
        def directions(n: int) -> tuple[Any, Any]:
            unit = np.eye(n)
            i, j = np.triu_indices(n, 1)
            vectors = np.concatenate([unit, unit[i] + unit[j], unit[i] - unit[j]])
            return vectors, np.concatenate([np.full(n, 1.0 - (n - 1) / 3.0), np.full(2 * len(i), 1.0 / 6.0)])

        return _sum_of_derivatives("bilaplacian", fun, args, kwargs, argnum, 4, directions, chunk_size)

    return named(bilaplacian_of, "bilaplacian", fun, bilaplacian, argnum, chunk_size=chunk_size)


def _sum_of_derivatives(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Any, order: int,
    directions: Callable[[int], tuple[Any, Any]], chunk_size: int | None,
) -> Any:  # fmt: skip
    """The weighted sum of the derivatives of one order along several directions."""
    x = select(operation, args, argnum, fun)
    refuse_foreign(operation, x, name_of_argument(argnum, fun))
    if not is_numeric(x) or np.iscomplexobj(peel(x)):
        raise TypeError(located(f"{operation}: the argument must be one array of real numbers, not {_kind(x)}"))
    record = Recording(operation, fun, args, kwargs, argnum, Tape())
    refuse_foreign_result(operation, record.out)
    if not is_numeric(record.out):
        raise TypeError(
            located(f"{operation}: the function must return one array or number, not a {type(record.out).__name__}")
        )
    index, out = record.position(record.out), real_output(open_part(record.out))
    leaf = record.leaves[0]
    vectors, weights = directions(peel(leaf).size)
    vectors = vectors.astype(peel(leaf).dtype).reshape((len(vectors), *leaf.shape))
    total: Any = None
    for first, n in chunks(len(vectors) if index >= 0 else 0, record, chunk_size):
        part = _sum_along(record.tape, index, vectors[first : first + n], weights[first : first + n], order)
        total = part if total is None or part is None else total + part
    factorial = float(np.prod(np.arange(1, order + 1)))
    return finished(None if total is None else total * factorial, out, set())


def _kind(x: Any) -> str:
    return f"an array of dtype {np.result_type(peel(x))}" if is_numeric(x) else f"a {type(x).__name__}"


def _sum_along(tape: Tape, index: int, vectors: Any, weights: Any, order: int) -> Any:
    level, findings = Level(len(vectors)), Findings()
    try:
        found = push_collapsed(
            tape, Batched(vectors, level), index, order, lambda c: _weighted(c, weights, level), findings
        )
        if findings.is_near_pole:
            return _carefully(tape, index, vectors, weights, order)
        if not level.parted:
            return found
    except ExamplesDifferError as differ:
        if differ.level is not level:
            raise
    finally:
        level.is_open = False
    total: Any = None
    for vector, weight in zip(vectors, weights):
        part = push_collapsed(tape, vector[()], index, order, functools.partial(operator.mul, weight), findings)
        total = part if total is None or part is None else total + part
    return _carefully(tape, index, vectors, weights, order) if findings.is_near_pole else total


def _carefully(tape: Tape, index: int, vectors: Any, weights: Any, order: int) -> Any:
    """The same near a pole, where digits may be lost: direction by direction, which finds them or tells of it."""
    leaf, total = tape.nodes[0][3], None
    for vector, weight in zip(vectors, weights):
        (series,) = push_with_trouble(tape, [[leaf, vector[()]]], [index], order)
        if len(series) > order:
            part = weight * series[order]
            total = part if total is None else total + part
    return total


def _weighted(coefficient: Any, weights: Any, level: Level) -> Any:
    """The weighted sum of a coefficient over all directions."""
    if not is_of(coefficient, level):
        return coefficient * float(np.sum(weights))  # the same along all of them
    if coefficient.payload.shape[0] == 1:
        return coefficient.payload[0] * float(np.sum(weights))
    weights = weights.astype(coefficient.dtype)
    return tensordot(weights, coefficient.payload, axes=((0,), (0,)))


def push_collapsed(
    tape: Tape, direction: Any, index: int, order: int, collapse: Callable[[Any], Any], findings: Findings
) -> Any:
    """The collapsed coefficient of this order of one node, along the line from the leaf in a direction.

    The coefficients below the order are pushed as always. The last one is linear in the last ones of the arguments: it
    is `collapse` of what the lower ones make of it, plus the derivative of the operation times those.
    """
    flat = tape.flat
    known: list[Any] = [[flat[3], direction], *([None] * index)]
    tops: list[Any] = [None] * (index + 1)
    for i, last in needed(tape, [index]):
        primitive, parents, args, ans, params = node = flat[PARTS * i : PARTS * (i + 1)]
        us = [known[p] if p >= 0 else [arg] for p, arg in zip(parents, args)]
        of_args = [tops[p] if p >= 0 else None for p in parents]
        moving = [k for k, (u, top) in enumerate(zip(us, of_args)) if len(u) > 1 or top is not None]
        if primitive is ITEM:
            position = params["position"]
            known[i] = [c[position] if type(c) is tuple else 0.0 for c in us[0]]
            tops[i] = of_args[0][position] if type(of_args[0]) is tuple else None
        elif not moving:
            known[i] = [ans]
        elif primitive.kind == "elementwise" and len(moving) == 1 and _is_real(ans) and _is_real(args[moving[0]]):
            k = moving[0]
            unit = [[arg, 1.0] if j == k else [arg] for j, arg in enumerate(args)]
            outer = node_series(primitive, unit, args, ans, params, order)
            known[i], tops[i] = composed(outer, us[k], order, of_args[k], collapse)
        else:
            v = node_series(primitive, us, args, ans, params, order)
            known[i] = v[:order]
            if len(v) > order:
                tops[i] = tuple(map(collapse, v[order])) if type(v[order]) is tuple else collapse(v[order])
            if any(top is not None for top in of_args):
                lines = [[arg] if top is None else [arg, top] for arg, top in zip(args, of_args)]
                rate = node_series(primitive, lines, args, ans, params, 1)
                if len(rate) > 1:
                    tops[i] = rate[1] if tops[i] is None else _added(tops[i], rate[1])
        if moving and not findings.is_near_pole and primitive is not ITEM:
            findings.look_for_pole(node, us, known[i], order)
        for p in last:
            known[p] = tops[p] = None
    return tops[index]


def composed(outer: Series, u: Series, order: int, top: Any, collapse: Callable[[Any], Any]) -> tuple[Series, Any]:
    """f(u) from the coefficients of f at u[0]: those below the order, and the collapsed last one.

    `outer` is the same for all directions, so it multiplies a power of u - u[0] after that has been collapsed.
    """
    v, total = [outer[0], *[0.0] * (order - 1)], None if top is None else outer[1] * top if len(outer) > 1 else None
    power = [0.0, *u[1:]]  # the coefficients of (u - u[0])^m
    for m in range(1, min(order, len(outer) - 1) + 1):
        for k in range(m, min(order, len(power))):
            if type(power[k]) is not float:
                v[k] = v[k] + outer[m] * power[k] if type(v[k]) is not float else outer[m] * power[k]
        if len(power) > order and type(power[order]) is not float:
            part = outer[m] * collapse(power[order])
            total = part if total is None else total + part
        power = [dot(power, [0.0, *u[1:]], k, m, k) if k > m else 0.0 for k in range(order + 1)]
    while len(v) > 1 and type(v[-1]) is float:
        v.pop()
    return v, total


def _is_real(x: Any) -> bool:
    return not hasattr(x, "dtype") or x.dtype.kind != "c"


def _added(a: Any, b: Any) -> Any:
    return tuple(map(_added, a, b)) if type(a) is tuple else a + b
