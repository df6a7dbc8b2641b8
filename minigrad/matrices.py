"""Matrices of derivatives: all rows, or all columns, of a Jacobian in one sweep.

The tape is recorded once. A backward sweep is linear in its seed, a forward sweep in its tangents, and the rules are
written in operators and functions of NumPy; so a `Batched` seed (see `batching`) takes all unit vectors through one
sweep. Where a rule needs to know values of a cotangent, which differ from row to row, the rows are swept one by one.

| function     | sweeps                                          | of a function from n numbers to m |
|--------------|-------------------------------------------------|-----------------------------------|
| `jacrev`     | backward, one row per output                    | m rows of length n                |
| `jacfwd`     | forward, one column per input                   | n columns of length m             |
| `jacobian`   | whichever has fewer                             | min(m, n) of them                 |
| `hessian`    | forward over backward, one column per input     | n columns of length n             |
| `laplacian`  | Taylor coefficients, of which the last is a sum | n directions, `bilaplacian` n^2   |
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import structure as s
from minigrad.batching import Batched, ExamplesDifferError, Level, as_stack, checked_chunk_size, is_of
from minigrad.linalg import tensordot
from minigrad.primitive import ITEM
from minigrad.series import dot
from minigrad.sweeps import finished, needed, real_part
from minigrad.tape import LeanForwardTape, LeanTape, Tape, located, open_part, peel
from minigrad.taylor import Series, node_series
from minigrad.transforms import (
    Argnum,
    Recording,
    _named,
    _pulled,
    check_outputs,
    is_numeric,
    make_ggnvp,
    real_output,
    select,
)
from minigrad.tree import TreeDef, flatten, tree_map

ROOM = 1 << 25  #: bytes that the largest node of a batched sweep may take, unless the user sets `chunk_size`

# ----- Jacobians ------------------------------------------------------------------------------------------------------


def jacobian(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """All derivatives of all outputs, by one forward or one backward sweep for all of them together.

    Args:
        fun: maps an array of shape `S` to an array of shape `O` (or pytrees of such).
        argnum: what to differentiate.
        chunk_size: how many rows (columns) go through one sweep; by default as many as fit in 32 MB per operation.

    Returns:
        A function whose result has shape `O + S`, with entry [o, s] = ∂fun[o] / ∂x[s]. For pytrees: the structure of
        the output, with the structure of the input at every leaf.

    Raises:
        TypeError: for integer input.

    It is `jacfwd` if there are fewer inputs than outputs and all are real, else `jacrev`.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        record = Recording("jacobian", fun, args, kwargs, argnum, Tape())
        outs, outdef = flatten(record.out)
        check_outputs("jacobian", outs, outdef)
        record.out = None
        inputs = [peel(leaf) for leaf in numeric_leaves(record)]
        outputs = [real_output(peel(out)) for out in outs if is_numeric(out)]
        is_real = all(x.dtype.kind == "f" for x in inputs + outputs)
        if is_real and sum(x.size for x in inputs) < sum(x.size for x in outputs):
            return columns(record, outs, outdef, chunk_size)
        return rows(record, outs, outdef, chunk_size)

    return _named(jacobian_of, "jacobian", fun)


def jacrev(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """As `jacobian`, always by a backward sweep: right for few outputs of many inputs.

    >>> jacrev(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    return _named(_jacrev("jacrev", fun, argnum, chunk_size), "jacrev", fun)


def jacfwd(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """As `jacobian`, always by a forward sweep: right for many outputs of few inputs.

    >>> jacfwd(lambda t: np.array([1.0, 2.0, 3.0]) * t**2)(2.0)
    array([ 4.,  8., 12.])
    """

    return _named(_jacfwd("jacfwd", fun, argnum, chunk_size), "jacfwd", fun)


def hessian(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The matrix of second derivatives: forward over backward mode, all columns in one pass.

    For a scalar function of an array of shape `S` the result has shape `S + S`; for arguments and options see
    `jacobian`, of which it is the second application.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    inner = _jacrev("hessian", fun, argnum, chunk_size)
    return _named(_jacfwd("hessian", inner, argnum, chunk_size), "hessian", fun)


def _jacrev(operation: str, fun: Callable[..., Any], argnum: Argnum, chunk_size: int | None) -> Callable[..., Any]:
    return _swept(operation, fun, argnum, chunk_size, LeanTape, rows)


def _jacfwd(operation: str, fun: Callable[..., Any], argnum: Argnum, chunk_size: int | None) -> Callable[..., Any]:
    return _swept(operation, fun, argnum, chunk_size, LeanForwardTape, columns)


def _swept(
    operation: str, fun: Callable[..., Any], argnum: Argnum, chunk_size: int | None, tape: type[Tape],
    matrix: Callable[..., Any],
) -> Callable[..., Any]:  # fmt: skip
    """The Jacobian by one kind of sweep, and the tape that suits it."""

    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        record = Recording(operation, fun, args, kwargs, argnum, tape())
        outs, outdef = flatten(record.out)
        check_outputs(operation, outs, outdef)
        record.out = None
        return matrix(record, outs, outdef, chunk_size)

    return jacobian_of


def numeric_leaves(record: Recording) -> list[Any]:
    """The leaves that are differentiated."""
    return [leaf for leaf, numeric in zip(record.leaves, record.numeric) if numeric]


def chunks(count: int, record: Recording, chunk_size: int | None) -> list[tuple[int, int]]:
    """Which unit vectors go through one sweep: pairs (first, number)."""
    if chunk_size is None:
        largest = max([_nbytes(node[3]) for node in record.tape.nodes if node is not None], default=8)
        chunk_size = max(1, ROOM // max(largest, 1))
    chunk_size = checked_chunk_size(record.operation, chunk_size)
    return [(start, min(chunk_size, count - start)) for start in range(0, count, chunk_size)]


def _nbytes(value: Any) -> int:
    return sum(map(_nbytes, value)) if type(value) is tuple else int(getattr(value, "nbytes", 8))


def unit_vectors(first: int, number: int, shape: tuple[int, ...], dtype: Any, factor: Any = 1.0) -> Any:
    """The entries first, first + 1, ... of an array of this shape set to one, each in an array of its own."""
    size = int(np.prod(shape))
    units = np.zeros((number, size), np.result_type(dtype, np.complex64) if type(factor) is complex else dtype)
    units[np.arange(number), first + np.arange(number)] = factor
    return units.reshape((number, *shape))


def in_one_sweep(units: Any, sweep: Callable[[Any], Any]) -> Any:
    """`sweep` of all units, stacked: the leaves of its result get a first axis. One by one where they part ways."""
    level = Level(units.shape[0])
    try:
        ans = sweep(Batched(units, level))
        return tree_map(lambda x: as_stack(x, level) if is_numeric(x) else x, ans)
    except ExamplesDifferError as differ:
        if differ.level is not level:
            raise
    finally:
        level.is_open = False
    each = [sweep(unit if unit.ndim else unit[()]) for unit in units]
    return tree_map(lambda *parts: s.stack(*parts, axis=0) if is_numeric(parts[0]) else parts[0], *each)


def rows(record: Recording, outs: list[Any], outdef: TreeDef, chunk_size: int | None) -> Any:
    """The Jacobian by backward sweeps."""
    return outdef.unflatten([_rows_of(record, out, chunk_size) if is_numeric(out) else out for out in outs])


def _rows_of(record: Recording, out: Any, chunk_size: int | None) -> Any:
    """The Jacobian of one output array, in the structure of the arguments."""
    index, plain = record.position(out), real_output(peel(out))
    shape, dtype = plain.shape, plain.dtype
    is_complex = dtype.kind == "c"
    if shape == () or index < 0:
        one = _pulled(record, index, dtype.type(1.0), is_complex)
        if shape == ():
            return one
        return tree_map(lambda x: s.broadcast_to(x, shape=shape + tuple(x.shape)).copy() if is_numeric(x) else x, one)
    parts = [
        in_one_sweep(unit_vectors(first, n, shape, dtype), lambda unit: _pulled(record, index, unit, is_complex))
        for first, n in chunks(plain.size, record, chunk_size)
    ]
    if not parts:
        return tree_map(
            lambda leaf: np.zeros((*shape, *leaf.shape), leaf.dtype) if is_numeric(leaf) else leaf, record.pull([])
        )

    def joined(*parts: Any) -> Any:
        if not is_numeric(parts[0]):
            return parts[0]
        all_rows = parts[0] if len(parts) == 1 else s.concatenate(*parts, axis=0)
        return s.reshape(all_rows, shape=shape + tuple(all_rows.shape[1:]))

    return tree_map(joined, *parts)


def columns(record: Recording, outs: list[Any], outdef: TreeDef, chunk_size: int | None) -> Any:
    """The Jacobian by forward sweeps: one batch of columns per leaf of the arguments."""
    positions = [record.position(out) for out in outs]
    by_leaf: list[list[Any]] = []  # for each leaf the blocks of all outputs
    for place, (leaf, numeric) in enumerate(zip(record.leaves, record.numeric)):
        by_leaf.append(_columns_of(record, outs, positions, place, leaf, chunk_size) if numeric else [leaf] * len(outs))
    blocks = zip(*by_leaf)
    return outdef.unflatten(
        [record.treedef.unflatten(block) if is_numeric(out) else out for out, block in zip(outs, blocks)]
    )


def _columns_of(
    record: Recording, outs: list[Any], positions: list[int], place: int, leaf: Any, chunk_size: int | None
) -> list[Any]:
    """The derivatives of all outputs in one leaf."""
    shape, dtype = tuple(leaf.shape), peel(leaf).dtype
    size = int(np.prod(shape))

    def pushed(unit: Any) -> list[Any]:
        tangents: list[Any] = [None] * len(record.leaves)
        tangents[place] = unit
        reached = record.push(tangents, positions)
        likes = [real_output(open_part(out)) if is_numeric(out) else None for out in outs]
        taken = {id(unit)}
        return [finished(t, like, taken) if like is not None else 0.0 for t, like in zip(reached, likes)]

    parts = []
    for first, n in chunks(size, record, chunk_size):
        part = in_one_sweep(unit_vectors(first, n, shape, dtype), pushed)
        if dtype.kind == "c":  # the derivative of the real part: ∂/∂x - i ∂/∂y, as of a backward sweep
            other = in_one_sweep(unit_vectors(first, n, shape, dtype, 1j), pushed)
            part = [real_part(a) - 1j * real_part(b) for a, b in zip(part, other)]
        parts.append(part)

    def joined(k: int, out: Any) -> Any:
        like = real_output(peel(out))
        kind = dtype if like.dtype.kind != "c" else np.result_type(dtype, np.complex64)
        if not parts:
            return np.zeros((*like.shape, *shape), kind)
        columns = parts[0][k] if len(parts) == 1 else s.concatenate(*[part[k] for part in parts], axis=0)
        if columns.dtype != kind:
            columns = s.astype(columns, dtype=kind)
        columns = s.reshape(columns, shape=(size, *like.shape))
        turned = s.transpose(columns, axes=(*range(1, 1 + len(like.shape)), 0))
        whole_matrix = s.reshape(turned, shape=(*like.shape, *shape))
        return whole_matrix.copy()[()] if type(whole_matrix) is np.ndarray else whole_matrix

    return [joined(k, out) if is_numeric(out) else out for k, out in enumerate(outs)]


# ----- Laplacians: sums of directional derivatives --------------------------------------------------------------------


def laplacian(fun: Callable[..., Any], argnum: int = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
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

    Forward Taylor mode along all unit vectors together. Only the sum of their second coefficients is wanted, and it
    depends linearly on the sums of the second coefficients before: so one sum is propagated in place of n coefficients,
    and a linear operation costs n + 2 applications, not 2 n + 1.

    Source: "Collapsing Taylor mode automatic differentiation", NeurIPS 2025.

    >>> float(laplacian(lambda x: np.sum(x**3) + x[0] * x[1])(np.array([1.0, 2.0])))
    18.0
    """

    def laplacian_of(*args: Any, **kwargs: Any) -> Any:
        def directions(n: int) -> tuple[Any, Any]:
            return np.eye(n), np.ones(n)

        return _sum_of_derivatives("laplacian", fun, args, kwargs, argnum, 2, directions, chunk_size)

    return _named(laplacian_of, "laplacian", fun)


def bilaplacian(fun: Callable[..., Any], argnum: int = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The sum of ∂⁴fun / ∂x_i² ∂x_j² over all pairs of entries of x: the Laplacian of the Laplacian.

    Arguments, result and errors are as those of `laplacian`. Fourth derivatives along n² directions are combined,

        12 ∂_i² ∂_j² f = D⁴f[e_i + e_j] + D⁴f[e_i - e_j] - 2 D⁴f[e_i] - 2 D⁴f[e_j],

    and of the fourth coefficients only the weighted sum is propagated, as in `laplacian`.

    Source: A. Griewank, J. Utke and A. Walther, "Evaluating higher derivative tensors by forward propagation of
    univariate Taylor series", Mathematics of Computation 69, 2000.

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

    return _named(bilaplacian_of, "bilaplacian", fun)


def _sum_of_derivatives(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: int, order: int,
    directions: Callable[[int], tuple[Any, Any]], chunk_size: int | None,
) -> Any:  # fmt: skip
    """The weighted sum of the derivatives of one order along several directions."""
    x = select(operation, args, argnum)
    if not is_numeric(x) or np.iscomplexobj(peel(x)):
        raise TypeError(located(f"{operation}: the argument must be one array of real numbers, not {_kind(x)}"))
    record = Recording(operation, fun, args, kwargs, argnum, Tape())
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
    level = Level(len(vectors))
    try:
        return push_collapsed(tape, Batched(vectors, level), index, order, lambda c: _weighted(c, weights, level))
    except ExamplesDifferError as differ:
        if differ.level is not level:
            raise
    finally:
        level.is_open = False
    total: Any = None
    for vector, weight in zip(vectors, weights):
        part = push_collapsed(tape, vector[()], index, order, functools.partial(operator.mul, weight))
        total = part if total is None or part is None else total + part
    return total


def _weighted(coefficient: Any, weights: Any, level: Level) -> Any:
    """The weighted sum of a coefficient over all directions."""
    if not is_of(coefficient, level):
        return coefficient * float(np.sum(weights))  # the same along all of them
    if coefficient.payload.shape[0] == 1:
        return coefficient.payload[0] * float(np.sum(weights))
    weights = weights.astype(coefficient.dtype)
    return tensordot(weights, coefficient.payload, axes=((0,), (0,)))


def push_collapsed(tape: Tape, direction: Any, index: int, order: int, collapse: Callable[[Any], Any]) -> Any:
    """The collapsed coefficient of this order of one node, along the line from the leaf in a direction.

    The coefficients below the order are pushed as always. The last one is linear in the last ones of the arguments: it
    is `collapse` of what the lower ones make of it, plus the derivative of the operation times those.
    """
    nodes = tape.nodes
    known: list[Any] = [[nodes[0][3], direction], *([None] * index)]
    tops: list[Any] = [None] * (index + 1)
    for i, last in needed(tape, [index]):
        primitive, parents, args, ans, params = nodes[i]
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


# ----- products -------------------------------------------------------------------------------------------------------


def ggnvp(f: Callable[..., Any], x: Any, v: Any, g: Callable[..., Any] | None = None) -> Any:
    """The product with the generalised Gauss-Newton matrix of g(f(x)): J^T H J v, see `make_ggnvp`.

    Args:    f: maps x to an array.  x: the point.  v: the direction, like x.  g: maps f(x) to a number; by default half
             its sum of squares, for which it is J^T J v.
    Returns: the product, like x. The matrix is positive semi-definite if g is convex.

    >>> ggnvp(lambda x: x**2, np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 4., 16.])
    """
    return make_ggnvp(f, g)(x)(v)
