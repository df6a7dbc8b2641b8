"""A function of pytrees as one operation on the tape: what checkpoints, custom operations and solvers are made of.

The tape keeps the arguments and the results, and nothing of what happens in between. What the derivative is, the caller
says by two rules on pytrees, each of which may be found from the other by transposing it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.primitive import several
from minigrad.tape import Box, located, open_part, peel
from minigrad.transforms import is_numeric, vjp
from minigrad.tree import TreeDef, flatten

Pull = Callable[[Any, Any, tuple[Any, ...]], Any]  #: (cotangents, results, arguments) -> cotangents of the arguments
Push = Callable[[Any, Any, tuple[Any, ...]], Any]  #: (tangents, results, arguments) -> tangents of the results
Taylor = Callable[[int, list[Any], Any], list[Any]]  #: (order, coefficients of the arguments, results) -> those of it


def is_traced(leaf: Any) -> bool:
    """Whether this value is being differentiated."""
    return type(open_part(leaf)) is Box


def has_derivative(leaf: Any) -> bool:
    """Whether a leaf is a float or complex number or array."""
    if isinstance(leaf, (float, complex)):
        return True
    return is_numeric(leaf) and getattr(getattr(leaf, "dtype", None), "kind", "") in ("f", "c")


def typed(leaf: Any) -> Any:
    """A leaf with a dtype: numbers of Python become those of NumPy."""
    return np.asarray(leaf)[()] if isinstance(leaf, (float, complex)) and not hasattr(leaf, "dtype") else leaf


def zeros(leaf: Any) -> Any:
    """The zero tangent or cotangent of a leaf."""
    return np.zeros_like(peel(typed(leaf)))[()]


def refuse_closure(name: str, outs: Sequence[Any]) -> None:
    """Raise if a function that was given plain values returned a traced one: a derivative would be lost."""
    if any(is_traced(out) for out in outs):
        raise TypeError(
            located(f"{name}: the function closes over a traced value; pass that value as an argument of the function")
        )


def one_operation(
    name: str,
    fun: Callable[..., Any],
    args: Sequence[Any],
    pull: Pull,
    push: Push,
    taylor: Taylor | None = None,
) -> Any:
    """`fun(*args)`, recorded as one operation.

    Args:
        name: what the operation is called on the tape and in messages.
        fun: a function of pytrees that returns a pytree. It is run on plain values, whatever is being differentiated.
        args: its arguments. Derivatives are taken with respect to the traced leaves.
        pull, push: the rules. Trees of tangents and cotangents have `None` where they are zero, and may be written
            in this way. Rules must be differentiable themselves.
        taylor: see `minigrad.custom`.

    Returns:
        The result. With respect to outputs that are no floats or complex numbers there are no derivatives.

    Raises:
        TypeError: if `fun` closes over a traced value.
    """
    leaves, treedef = flatten(tuple(args))
    leaves = [open_part(leaf) for leaf in leaves]
    places = [k for k, leaf in enumerate(leaves) if type(leaf) is Box]
    structure: list[tuple[TreeDef, list[int], list[Any]]] = []  # of the result, known once `fun` has run

    def rebuilt(parts: Sequence[Any], rest: Sequence[Any]) -> Any:
        new = list(rest)
        for k, part in zip(places, parts):
            new[k] = part
        return treedef.unflatten(new)

    def result(parts: Sequence[Any], *, blank: bool = False) -> Any:
        outdef, moving, others = structure[0]
        new = [None] * len(others) if blank else list(others)
        for k, part in zip(moving, parts):
            new[k] = part
        return outdef.unflatten(new)

    def run(*xs: Any, **_: Any) -> tuple[Any, ...]:
        outs, outdef = flatten(fun(*rebuilt(xs, leaves)))
        refuse_closure(name, outs)
        outs = [typed(open_part(out)) for out in outs]
        moving = [k for k, out in enumerate(outs) if has_derivative(out)]
        structure[:] = [(outdef, moving, [None if k in moving else out for k, out in enumerate(outs)])]
        return tuple([outs[k] for k in moving])

    if not places:
        return result(run())

    def pull_flat(gs: Any, ans: Any, *xs: Any, parents: Any, **_: Any) -> list[Any]:
        cts = treedef.leaves_of(pull(result(gs, blank=True), result(ans), rebuilt(xs, leaves)))
        assert cts is not None, f"{name}: the pull returned another structure than that of the arguments"
        return [cts[k] if p >= 0 else None for k, p in zip(places, parents)]

    def push_flat(ts: Any, ans: Any, *xs: Any, **_: Any) -> list[Any]:
        outdef, moving, _others = structure[0]
        tangents = rebuilt(ts, [None] * len(leaves))
        outs = outdef.leaves_of(push(tangents, result(ans), rebuilt(xs, leaves)))
        assert outs is not None, f"{name}: the push returned another structure than that of the results"
        return [zeros(a) if outs[k] is None else outs[k] for k, a in zip(moving, ans)]

    def taylor_flat(order: int, ans: Any, us: list[Any], _params: Any) -> list[Any]:
        assert taylor is not None
        padded = [[*u, *[zeros(u[0])] * (order + 1 - len(u))] for u in us]
        curves = [rebuilt([u[j] for u in padded], leaves if j == 0 else blanks) for j in range(order + 1)]
        outdef, moving, _others = structure[0]
        found = [outdef.leaves_of(c) or [] for c in taylor(order, curves, result(ans))]
        return [ans, *[tuple([c[k] for k in moving]) for c in found[1:]]]

    blanks = [zeros(leaf) if has_derivative(leaf) else leaf for leaf in leaves]
    operation: Any = several(name, run, pull_flat, push_flat)
    operation.primitive.taylor = None if taylor is None else taylor_flat
    constants = {f"constant{k}": leaf for k, leaf in enumerate(leaves) if type(leaf) is np.ndarray}  # watched
    return result(operation(*[leaves[k] for k in places], **constants))


def transposed(linear_map: Callable[[Any], Any], like: Any, out_like: Any, weights: Any) -> Any:
    """The transpose of a linear map of pytrees, applied to `weights`: one backward sweep.

    Args:    linear_map: takes a pytree like `like` and returns one like `out_like`.  like, out_like: examples, of which
             structure, shapes and dtypes count.  weights: like `out_like`, with `None` for zero.
    Returns: a pytree like `like`, with `None` for the leaves that are no floats or complex numbers.
    """
    leaves, treedef = flatten(like)
    out_leaves, outdef = flatten(out_like)
    moving = [k for k, leaf in enumerate(leaves) if has_derivative(leaf)]
    given = outdef.leaves_of(weights)
    assert given is not None, f"weights of the structure {flatten(weights)[1]} for results of {outdef}"
    used = [k for k, (w, out) in enumerate(zip(given, out_leaves)) if w is not None and has_derivative(out)]

    def spread(parts: Sequence[Any]) -> Any:
        new: list[Any] = [None] * len(leaves)
        for k, part in zip(moving, parts):
            new[k] = part
        return treedef.unflatten(new)

    def flat(parts: list[Any]) -> list[Any]:
        outs = outdef.leaves_of(linear_map(spread(parts)))
        assert outs is not None, f"the linear map did not return the structure {outdef}"
        return [zeros(out_leaves[k]) if outs[k] is None else outs[k] for k in used]

    if not moving or not used:
        return spread([None] * len(moving))
    pullback = vjp(flat, [zeros(leaves[k]) for k in moving])[1]
    return spread(pullback([given[k] for k in used])[0])


def filled(tangents: Any, like: Any) -> Any:
    """Tangents or cotangents in the structure of `like`, with zeros in place of `None`."""
    leaves, treedef = flatten(like)
    parts = treedef.leaves_of(tangents)
    assert parts is not None, f"tangents of the structure {flatten(tangents)[1]} for {treedef}"
    return treedef.unflatten(
        [zeros(leaf) if part is None and has_derivative(leaf) else part for part, leaf in zip(parts, leaves)]
    )
