"""Forward mode: `jvp`, the derivative in a direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import adopted, in_kind_of
from minigrad.core.lean import LeanForwardTape
from minigrad.core.lines import located
from minigrad.core.tape import open_part, peel
from minigrad.core.tree import flatten
from minigrad.modes.checks import Argnum, check_number, check_outputs, is_numeric
from minigrad.modes.cotangents import finished
from minigrad.modes.made import R
from minigrad.modes.recording import Recording, as_float, real_output


def jvp(fun: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any], **kwargs: Any) -> tuple[R, R]:
    """The value of `fun` and its derivative in a direction, in one pass forward, whatever the number of arguments.

    Args:
        fun: any function of pytrees that returns a pytree.
        primals: a tuple with the arguments of `fun`.
        tangents: the direction, a tuple in the structure and shapes of the primals; `None` for an argument that is
            constant.
        **kwargs: keyword arguments of `fun`, which are not differentiated.

    Returns:
        `fun(*primals)` and the tangent of the output, in the structure of the output.

    Raises:
        TypeError: if a primal holds a single integer, truth values or an array of a library that is not known.
        ValueError: if a tangent does not have the structure and shapes of its primal.

    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (np.float64(6.0), np.float64(3.0))
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(located("jvp: primals and tangents are tuples with one entry per argument: jvp(f, (x,), (v,))"))
    if len(primals) != len(tangents):
        raise ValueError(
            located(
                f"jvp: {len(primals)} primals but {len(tangents)} tangents; give one for each, None for an argument "
                f"that does not move"
            )
        )
    return jvp_of("jvp", fun, primals, kwargs, tuple(range(len(primals))), tuple(tangents))


def jvp_of(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum, tangent: Any
) -> tuple[Any, Any]:
    """`jvp` in the arguments `argnum`, for errors in the name of `operation`."""
    record = Recording(operation, fun, args, kwargs, argnum, LeanForwardTape())
    tangents = fitted_tangents(operation, record, tangent)
    outs, outdef = flatten(record.out)
    check_outputs(operation, outs, outdef)
    value = record.value(record.out)
    reached = record.push(tangents, [record.position(out) for out in outs], consume=True)
    taken = {id(t) for t in tangents}
    plain = [real_output(open_part(out)) if is_numeric(out) else out for out in flatten(value)[0]]
    found = [finished(t, out, taken) if is_numeric(out) else out for t, out in zip(reached, plain)]
    return value, outdef.unflatten(in_kind_of(found, plain))


def fitted_tangents(operation: str, record: Recording, tangent: Any) -> list[Any]:
    """One tangent per leaf, each checked against its primal; `None` stands for a whole argument that does not move."""
    tangents = record.treedef.leaves_of(tangent)
    if tangents is None:
        raise ValueError(
            located(f"{operation}: the tangents have another structure than the primals, {record.treedef}")
        )
    for i, (t, leaf, numeric) in enumerate(zip(tangents, record.leaves, record.numeric)):
        if not numeric or t is None:
            tangents[i] = None
            continue
        t = adopted(t)
        check_number(operation, "a tangent", t)
        if np.iscomplexobj(peel(t)) and peel(leaf).dtype.kind != "c":
            raise TypeError(
                located(f"{operation}: a complex tangent of a real primal, whose imaginary part would be lost")
            )
        if np.shape(peel(t)) != peel(leaf).shape:
            raise ValueError(
                located(
                    f"{operation}: a tangent of shape {np.shape(peel(t))} does not fit a primal of shape "
                    f"{peel(leaf).shape}; a direction has the shape of the point"
                )
            )
        tangents[i] = as_float(t)
    return tangents
