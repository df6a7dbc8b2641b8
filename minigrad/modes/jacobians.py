"""Matrices of derivatives: all rows, or all columns, of a Jacobian in one sweep.

The tape is recorded once, for a Hessian too (see `modes.second`). A backward sweep is linear in its seed, a forward
sweep in its tangents, and the rules are written in operators and functions of NumPy; so a `Batched` seed (see
`modes.batching.stack`) takes all unit vectors through one sweep. Where a rule needs to know values of a cotangent,
which differ from row to row, the rows are swept one by one.

| function     | sweeps                                          | of a function from n numbers to m |
|--------------|-------------------------------------------------|-----------------------------------|
| `jacrev`     | backward, one row per output                    | m rows of length n                |
| `jacfwd`     | forward, one column per input                   | n columns of length m             |
| `jacobian`   | whichever has fewer                             | min(m, n) of them                 |
| `hessian`    | forward over backward, one column per input     | n columns of length n             |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from minigrad.core.adopted import in_numbers
from minigrad.core.lean import LeanForwardTape, LeanTape
from minigrad.core.tape import Tape, open_part, peel
from minigrad.core.tree import TreeDef, flatten, tree_map
from minigrad.modes.batching.stack import Batched, ExamplesDifferError, Level, as_stack
from minigrad.modes.batching.transform import checked_chunk_size
from minigrad.modes.checks import Argnum, check_outputs, is_numeric
from minigrad.modes.cotangents import finished
from minigrad.modes.made import P, R, transformation
from minigrad.modes.recording import STRAIGHT, Recording, named, pulled_complex, real_output
from minigrad.modes.second import on_two_levels, recorded_once
from minigrad.rules import moving, shapes
from minigrad.rules.expansion import real_part

ROOM = 1 << 25  #: bytes that the largest node of a batched sweep may take, unless the user sets `chunk_size`


@overload
def jacobian(fun: Callable[P, R], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def jacobian(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]: ...
@transformation
def jacobian(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The derivatives of all outputs with respect to all inputs, by one forward or one backward sweep.

    Args:
        fun: maps an array of shape `S` to an array of shape `O` (or pytrees of such).
        argnum: the position of the argument to differentiate, or a sequence of positions.
        chunk_size: how many rows (columns) go through one sweep; by default as many as fit in 32 MB per operation.

    Returns:
        A function whose result has shape `O + S`, with entry [o, s] = ∂fun[o] / ∂x[s]. For pytrees: the structure of
        the output, with the structure of the input at every leaf.

    Raises:
        TypeError: if the argument holds a single integer, truth values or an array of another library.

    The sweep is that of `jacfwd` if there are fewer inputs than outputs and all are real, else that of `jacrev`.

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

    return named(jacobian_of, "jacobian", fun, jacobian, argnum, chunk_size=chunk_size)


@overload
def jacrev(fun: Callable[P, R], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def jacrev(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]: ...
@transformation
def jacrev(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The Jacobian by one backward sweep, which suits few outputs of many inputs.

    Args:
        fun: as for `jacobian`.
        argnum: the position of the argument to differentiate, or a sequence of positions.
        chunk_size: how many rows go through one sweep.

    Returns:
        A function with the result of `jacobian`.

    >>> jacrev(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    return named(_jacrev("jacrev", fun, argnum, chunk_size), "jacrev", fun, jacrev, argnum, chunk_size=chunk_size)


@overload
def jacfwd(fun: Callable[P, R], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def jacfwd(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]: ...
@transformation
def jacfwd(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The Jacobian by one forward sweep, which suits many outputs of few inputs.

    Args:
        fun: as for `jacobian`.
        argnum: the position of the argument to differentiate, or a sequence of positions.
        chunk_size: how many columns go through one sweep.

    Returns:
        A function with the result of `jacobian`.

    >>> jacfwd(lambda t: np.array([1.0, 2.0, 3.0]) * t**2)(2.0)
    array([ 4.,  8., 12.])
    """

    return named(_jacfwd("jacfwd", fun, argnum, chunk_size), "jacfwd", fun, jacfwd, argnum, chunk_size=chunk_size)


@overload
def hessian(fun: Callable[P, R], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def hessian(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]: ...
@transformation
def hessian(fun: Callable[..., Any], argnum: Argnum = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The matrix of second derivatives, by forward over backward mode, all columns in one pass.

    Args:
        fun: maps an array of shape `S` to a number (or an array of shape `O`, or pytrees of such).
        argnum: the position of the argument to differentiate, or a sequence of positions.
        chunk_size: how many columns go through one sweep; by default as many as fit in 32 MB per operation.

    Returns:
        A function whose result has shape `S + S` (or `O + S + S`); for pytrees the structure is that of
        `jacobian(jacobian(fun))`. An entry that is zero may be 0.0 or -0.0.

    Raises:
        TypeError: if the argument holds a single integer, truth values or an array of another library.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    on_both = _jacfwd("hessian", _jacrev("hessian", fun, argnum, chunk_size), argnum, chunk_size)

    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        record = recorded_once("hessian", fun, args, kwargs, argnum)
        if record is None:
            return on_both(*args, **kwargs)
        outs, outdef = flatten(record.out)
        check_outputs("hessian", outs, outdef)
        positions = [record.position(out) for out in outs]
        if chunk_size is None and "hessian" in STRAIGHT and min(positions, default=-1) >= 0:
            blocks = STRAIGHT["hessian"](record.tape, positions)
            if blocks is not None:
                rest = iter(blocks)
                block = lambda _: record.treedef.unflatten([next(rest) for _ in record.leaves])
                row = lambda _: record.treedef.unflatten([block(leaf) for leaf in record.leaves])
                return outdef.unflatten([row(out) for out in outs])
        sweep = lambda inner, outs: rows(inner, outs, outdef, chunk_size)
        derivative = on_two_levels(record, fun, argnum, sweep, ("hessian", args, kwargs, argnum))
        return _jacfwd("hessian", derivative, argnum, chunk_size)(*args, **kwargs)

    return named(hessian_of, "hessian", fun, hessian, argnum, chunk_size=chunk_size)


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

    jacobian_of.__wrapped__ = fun  # type: ignore[attr-defined]  # for the names of its parameters
    return jacobian_of


def numeric_leaves(record: Recording) -> list[Any]:
    """The leaves that are differentiated."""
    return [leaf for leaf, numeric in zip(record.leaves, record.numeric) if numeric]


def chunks(count: int, record: Recording, chunk_size: int | None) -> list[tuple[int, int]]:
    """Which unit vectors go through one sweep: pairs (first, number)."""
    if chunk_size is None:
        largest = max([_nbytes(node[3]) for node in record.tape.nodes], default=8)
        chunk_size = max(1, ROOM // max(largest, 1))
    chunk_size = checked_chunk_size(record.operation, chunk_size)
    return [(start, min(chunk_size, count - start)) for start in range(0, count, chunk_size)]


def _nbytes(value: Any) -> int:
    if type(value) is tuple:
        return sum(map(_nbytes, value))
    while hasattr(value, "payload"):  # of a stack of examples all count
        value = value.payload
    return int(getattr(value, "nbytes", 8))


def unit_vectors(first: int, number: int, shape: tuple[int, ...], dtype: Any, factor: Any = 1.0) -> Any:
    """The entries first, first + 1, ... of an array of this shape set to one, each in a separate array."""
    size = int(np.prod(shape))
    units = np.zeros((number, size), np.result_type(dtype, np.complex64) if type(factor) is complex else dtype)
    units[np.arange(number), first + np.arange(number)] = factor
    return units.reshape((number, *shape))


def in_one_sweep(units: Any, sweep: Callable[[Any], Any]) -> Any:
    """`sweep` of all units, stacked: the leaves of its result get a first axis. One by one where they part ways."""
    level = Level(units.shape[0])
    try:
        ans = sweep(Batched(units, level))
        if not level.parted:
            return tree_map(lambda x: in_numbers(as_stack(x, level)) if is_numeric(x) else x, ans)
    except ExamplesDifferError as differ:
        if differ.level is not level:
            raise
    finally:
        level.is_open = False
    each = [sweep(unit if unit.ndim else unit[()]) for unit in units]
    return tree_map(lambda *parts: moving.stack(*parts, axis=0) if is_numeric(parts[0]) else parts[0], *each)


def rows(record: Recording, outs: list[Any], outdef: TreeDef, chunk_size: int | None) -> Any:
    """The Jacobian by backward sweeps."""
    return outdef.unflatten([_rows_of(record, out, chunk_size) if is_numeric(out) else out for out in outs])


def _rows_of(record: Recording, out: Any, chunk_size: int | None) -> Any:
    """The Jacobian of one output array, in the structure of the arguments."""
    index, plain = record.position(out), real_output(peel(out))
    shape, dtype = plain.shape, plain.dtype
    is_complex = dtype.kind == "c"
    if shape == () or index < 0:
        one = pulled_complex(record, index, dtype.type(1.0), is_complex)
        if shape == ():
            return one
        return tree_map(
            lambda x: shapes.broadcast_to(x, shape=shape + tuple(x.shape)).copy() if is_numeric(x) else x, one
        )
    parts = [
        in_one_sweep(unit_vectors(first, n, shape, dtype), lambda unit: pulled_complex(record, index, unit, is_complex))
        for first, n in chunks(plain.size, record, chunk_size)
    ]
    if not parts:
        return tree_map(
            lambda leaf: np.zeros((*shape, *leaf.shape), leaf.dtype) if is_numeric(leaf) else leaf, record.pull([])
        )

    def joined(*parts: Any) -> Any:
        if not is_numeric(parts[0]):
            return parts[0]
        all_rows = parts[0] if len(parts) == 1 else moving.concatenate(*parts, axis=0)
        return shapes.reshape(all_rows, shape=shape + tuple(all_rows.shape[1:]))

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
        columns = parts[0][k] if len(parts) == 1 else moving.concatenate(*[part[k] for part in parts], axis=0)
        if columns.dtype != kind:
            columns = shapes.astype(columns, dtype=kind)
        columns = shapes.reshape(columns, shape=(size, *like.shape))
        turned = shapes.transpose(columns, axes=(*range(1, 1 + len(like.shape)), 0))
        whole_matrix = shapes.reshape(turned, shape=(*like.shape, *shape))
        return whole_matrix.copy()[()] if type(whole_matrix) is np.ndarray else whole_matrix

    return [joined(k, out) if is_numeric(out) else out for k, out in enumerate(outs)]
