"""A function of pytrees as one operation on the tape: what checkpoints, custom operations and solvers are made of.

The tape keeps the arguments and the results, and nothing of what happens in between. What the derivative is, the caller
says by two rules on pytrees, each of which may be found from the other by transposing it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.duck_arrays import Duck, innermost_duck
from minigrad.core.foreign import refuse_foreign_result
from minigrad.core.lean import LeanTape
from minigrad.core.lines import located
from minigrad.core.nested import is_traced
from minigrad.core.primitive import Primitive, several
from minigrad.core.tape import Box, Tape, open_part, peel
from minigrad.core.tree import LEAF, TreeDef, flatten
from minigrad.modes.checks import is_numeric
from minigrad.modes.forward import jvp
from minigrad.modes.recording import Recording
from minigrad.modes.taylor.push import push_series
from minigrad.modes.transpose import transpose_of
from minigrad.rules.expansion import expanded

#: (cotangents, results, arguments, which of these are asked for) -> cotangents of the arguments
Pull = Callable[[Any, Any, tuple[Any, ...], Any], Any]
Push = Callable[[Any, Any, tuple[Any, ...]], Any]  #: (tangents, results, arguments) -> tangents of the results
Taylor = Callable[[int, list[Any], Any], list[Any]]  #: (order, coefficients of the arguments, results) -> those of it


def has_derivative(leaf: Any) -> bool:
    """Whether a leaf is a float or complex number or array."""
    if isinstance(leaf, (float, complex)):
        return True
    return is_numeric(leaf) and getattr(getattr(leaf, "dtype", None), "kind", "") in ("f", "c")


def typed(leaf: Any) -> Any:
    """A leaf with a dtype: numbers of Python become those of NumPy."""
    return np.asarray(leaf)[()] if isinstance(leaf, (float, complex)) and not hasattr(leaf, "dtype") else leaf


def shape_of(leaf: Any) -> tuple[int, ...]:
    """The shape of a leaf, also of a duck array or a number of Python."""
    found: tuple[int, ...] = getattr(peel(leaf), "shape", ())
    return found


def zeros(leaf: Any) -> Any:
    """The zero tangent or cotangent of a leaf."""
    return np.zeros_like(peel(typed(leaf)))[()]


@functools.cache
def flat_tuple(number: int) -> TreeDef:
    """The structure of a tuple of so many leaves."""
    return TreeDef((), (LEAF,) * number)


def empty(treedef: TreeDef) -> TreeDef:
    """The same structure, whose examples do not keep the leaves (boxes among them) alive."""
    example = treedef.example
    if example is None:
        return treedef
    kind = type(example)
    if kind is tuple and treedef.children == (flat := flat_tuple(len(treedef.children))).children:
        return flat
    if kind is not tuple and kind is not list and kind is not dict:
        return flatten(treedef.unflatten([_HOLE] * len(treedef.paths())))[1]
    # Of a tuple or list the type is enough, the parts stand in `children`; of a dict the keys are needed.
    return TreeDef(dict.fromkeys(example) if kind is dict else kind(), tuple(map(empty, treedef.children)))


_HOLE = object()
_PLAIN = (np.ndarray, np.float64)


def is_example(leaf: Any) -> bool:
    """Whether a leaf is a duck array that may be on an inner level, above a box."""
    return isinstance(leaf, Duck) and leaf.serial > 0


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
    opaque: bool = False,
) -> Any:
    """`fun(*args)`, recorded as one operation.

    Args:
        name: what the operation is called on the tape and in messages.
        fun: a function of pytrees that returns a pytree. It is run on plain values, whatever is being differentiated.
        args: its arguments. Derivatives are taken with respect to the traced leaves.
        pull: the rule of the backward sweep. Its last argument is a tree of the arguments that is True where a
            cotangent is asked for. Trees of cotangents have `None` where they are zero, and may be written in this way.
        push: the rule of the forward sweep, of trees of tangents in the same way. Both rules must be differentiable
            themselves.
        taylor: see `custom_primitive`.
        opaque: whether duck arrays must not look into `fun`, since the derivative of what it does is not the one that
            the rules give. They are asked to perform the whole operation instead, example by example.

    Returns:
        The result. With respect to outputs that are no floats or complex numbers there are no derivatives.

    Raises:
        TypeError: if `fun` closes over a traced value.
    """
    leaves, treedef = flatten(tuple(args))
    leaves = [open_part(leaf) for leaf in leaves]
    call = _Call(name, fun, leaves, treedef, pull, push, taylor, opaque)
    if not call.places:
        return call.result(call.run())
    constants = {f"constant{k}": leaf for k, leaf in enumerate(call.leaves) if type(leaf) is np.ndarray}  # watched
    return call.result(_primitive(name)(*[leaves[k] for k in call.places], _call=call, **constants))


class _Call:
    """One call of such a function. It does not hold the traced arguments: nodes that hold it make no cycles."""

    def __init__(
        self,
        name: str,
        fun: Any,
        leaves: list[Any],
        treedef: TreeDef,
        pull: Pull,
        push: Push,
        taylor: Taylor | None,
        opaque: bool,
    ) -> None:
        self.name, self.fun, self.rules, self.series, self.opaque = name, fun, (pull, push), taylor, opaque
        self.places = [k for k, leaf in enumerate(leaves) if type(leaf) is Box]
        if self.places and any(map(is_example, leaves)):
            # An example whose level is inner to these boxes' takes the operation.
            self.places = [k for k, leaf in enumerate(leaves) if type(leaf) is Box or is_example(leaf)]
        self.leaves = list(leaves)
        for k in self.places:
            self.leaves[k] = None
        self.treedef = empty(treedef)
        self.is_flat = self.treedef is flat_tuple(len(leaves))  # the usual case, in which nothing has to be built

    def rebuilt(self, parts: Sequence[Any], *, blank: bool = False) -> Any:
        """All arguments from the traced ones; of the others `None`, if blank."""
        new: list[Any] = [None] * len(self.leaves) if blank else self.leaves.copy()
        for k, part in zip(self.places, parts):
            new[k] = part
        return tuple(new) if self.is_flat else self.treedef.unflatten(new)

    def result(self, parts: Any, *, blank: bool = False) -> Any:
        """The result from its float parts, or from itself if it is one; of the others `None`, if blank."""
        if self.is_one:
            return parts
        new: list[Any] = [None] * len(self.others) if blank else list(self.others)
        for k, part in zip(self.moving, parts):
            new[k] = part
        return self.outdef.unflatten(new)

    def run(self, *xs: Any) -> Any:
        """The float parts of the function on plain values; or the result itself if it is one."""
        args = self.rebuilt(xs)
        duck = innermost_duck(args if self.is_flat else flatten(args)[0]) if self.opaque else None
        if duck is None:
            out = self.fun(*args)
            self.is_one = type(out) in _PLAIN and out.dtype.kind in "fc"
            if self.is_one:  # as below, in fewer steps
                self.outdef = LEAF
                return out
            outs, outdef = flatten(out)
            refuse_closure(self.name, outs)
        else:
            outs, outdef = flatten(self.by_examples(duck, args))
        if xs:
            for out in outs:
                refuse_foreign_result(self.name, out)
        outs = [typed(adopted(open_part(out))) for out in outs]
        self.is_one = outdef is LEAF and has_derivative(outs[0])
        if self.is_one:
            self.outdef = LEAF
            return outs[0]
        self.moving = [k for k, out in enumerate(outs) if has_derivative(out)]
        self.others = [None if has_derivative(out) else out for out in outs]
        self.outdef = empty(outdef)
        return tuple([outs[k] for k in self.moving])

    def by_examples(self, duck: Duck, args: Any) -> Any:
        """The result where a duck array performs the whole operation."""
        leaves, treedef = flatten(args)

        def operation(*leaves: Any) -> Any:
            args = treedef.unflatten(leaves)
            return one_operation(self.name, self.fun, args, *self.rules, self.series, self.opaque)

        structures: list[TreeDef] = []

        def flat(*leaves: Any) -> Any:
            outs, outdef = flatten(operation(*leaves))
            if any(isinstance(open_part(out), Duck) for out in outs):
                what = "closes over a value that is being compiled, or has it as a static argument"
                raise TypeError(located(f"{self.name}: the function {what}; pass it as one that is not static"))
            if not structures:
                structures.append(empty(outdef))
            if str(outdef) != str(structures[0]):
                raise TypeError(located(f"{self.name}: returned {outdef}, and {structures[0]} when it was compiled"))
            return outs[0] if len(outs) == 1 else tuple(outs)

        operation.__name__ = flat.__name__ = self.name
        if is_example(duck):
            return duck.perform(operation, tuple(leaves), {})
        found = duck.perform(flat, tuple(leaves), {})  # a step of a program has a flat tuple of results
        return structures[0].unflatten(found if type(found) is tuple else [found])

    def pull(self, gs: Any, ans: Any, *xs: Any, parents: Any) -> list[Any]:
        """The cotangents of the traced arguments."""
        wanted = self.rebuilt([p >= 0 for p in parents], blank=True)
        cts = self.rules[0](self.result(gs, blank=True), self.result(ans), self.rebuilt(xs), wanted)
        is_flat = self.is_flat and type(cts) is tuple and len(cts) == len(self.leaves)
        parts = cts if is_flat else self.treedef.leaves_of(cts)
        assert parts is not None, f"{self.name}: the pull returned another structure than that of the arguments"
        return [adopted(parts[k]) if p >= 0 else None for k, p in zip(self.places, parents)]

    def push(self, ts: Any, ans: Any, *xs: Any) -> Any:
        """The tangents of the results, or of the one."""
        tangents = self.rules[1](self.rebuilt(ts, blank=True), self.result(ans), self.rebuilt(xs))
        return self.filled_parts(tangents, ans)

    def filled_parts(self, tangents: Any, ans: Any) -> Any:
        """The float parts of tangents of the results, or the tangent of the one."""
        if self.is_one:
            return zeros(ans) if tangents is None else adopted(tangents)
        parts = self.outdef.leaves_of(tangents)
        assert parts is not None, f"{self.name}: the push returned another structure than that of the results"
        return [zeros(a) if parts[k] is None else adopted(parts[k]) for k, a in zip(self.moving, ans)]

    def taylor(self, order: int, ans: Any, us: Sequence[Any]) -> list[Any]:
        """The coefficients of the results, by the Taylor rule."""
        assert self.series is not None
        padded = []
        for value, *moving in us:  # a coefficient may be a number where the value has axes: a rule gets it in full
            full = [expanded(c, typed(value)) for c in moving]
            padded.append([value, *full, *[zeros(value)] * (order - len(moving))])
        curves = [self.rebuilt([u[j] for u in padded], blank=j > 0) for j in range(order + 1)]
        found = self.series(order, curves, self.result(ans))
        parts = [self.filled_parts(c, ans) for c in found[1:]]
        return [ans, *(parts if self.is_one else map(tuple, parts))]


@functools.cache
def _primitive(name: str) -> Callable[..., Any]:
    """The primitive of this name, which asks the call."""

    def run(*xs: Any, _call: _Call, **_: Any) -> Any:
        return _call.run(*xs)

    def pull(gs: Any, ans: Any, *xs: Any, parents: Any, _call: _Call, **_: Any) -> list[Any]:
        return _call.pull(gs, ans, *xs, parents=parents)

    def push(ts: Any, ans: Any, *xs: Any, _call: _Call, **_: Any) -> Any:
        return _call.push(ts, ans, *xs)

    def taylor(_s: Any, order: int, ans: Any, *us: Any, _call: _Call, **_: Any) -> list[Any] | None:
        return None if _call.series is None else _call.taylor(order, ans, us)

    one = Primitive(name, "joint", run, pull=pull, push=push, taylor=taylor)
    return several(name, run, pull, push, taylor=taylor, joint=one)


def transposed(linear_map: Callable[[Any], Any], like: Any, out_like: Any, weights: Any) -> Any:
    """The transpose of a linear map of pytrees, applied to `weights`: one backward sweep.

    Args:
        linear_map: takes a pytree like `like` and returns one like `out_like`.
        like: an example of the argument, of which structure, shapes and dtypes count.
        out_like: an example of the result.
        weights: a pytree like `out_like`, with `None` for zero.

    Returns:
        A pytree like `like`, with `None` for the leaves that are no floats or complex numbers.
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

    def push(parts: list[Any], _ans: Any, *_zeros: Any) -> list[Any]:
        outs = outdef.leaves_of(linear_map(spread(parts)))
        assert outs is not None, f"the linear map did not return the structure {outdef}"
        return [zeros(out_leaves[k]) if outs[k] is None else outs[k] for k in used]

    if not moving or not used:
        return spread([None] * len(moving))
    inputs, outputs = [zeros(leaves[k]) for k in moving], [typed(out_leaves[k]) for k in used]
    return spread(transpose_of(push)([given[k] for k in used], outputs, *inputs, parents=(0,) * len(moving)))


def filled(tangents: Any, like: Any) -> Any:
    """Tangents or cotangents in the structure of `like`, with zeros in place of `None`."""
    leaves, treedef = flatten(like)
    parts = treedef.leaves_of(tangents)
    assert parts is not None, f"tangents of the structure {flatten(tangents)[1]} for {treedef}"
    return treedef.unflatten(
        [zeros(leaf) if part is None and has_derivative(leaf) else part for part, leaf in zip(parts, leaves)]
    )


class _Flat:
    """A function of pytrees as one of the list of its float arguments, which returns the list of its float results."""

    def __init__(self, fun: Callable[..., Any], args: Sequence[Any]) -> None:
        self.fun = fun
        self.leaves, self.treedef = flatten(tuple(args))
        self.moving = [k for k, leaf in enumerate(self.leaves) if has_derivative(leaf)]
        self.parts = [self.leaves[k] for k in self.moving]
        self.outs: list[Any] = []

    def __call__(self, parts: Sequence[Any]) -> list[Any]:
        new = list(self.leaves)
        for k, part in zip(self.moving, parts):
            new[k] = part
        outs, outdef = flatten(self.fun(*self.treedef.unflatten(new)))
        self.outdef = empty(outdef)
        outs = [typed(open_part(out)) for out in outs]
        self.results = [k for k, out in enumerate(outs) if has_derivative(out)]
        # No boxes are kept: their tape refers to this function, so that it could run it again, and they to their tape.
        self.outs = [None if has_derivative(out) else out for out in outs]
        return [outs[k] for k in self.results]

    def chosen(self, tree: Any) -> list[Any]:
        """The float parts of tangents of the arguments, with zeros for `None`."""
        parts = self.treedef.leaves_of(tree)
        assert parts is not None
        return [zeros(self.leaves[k]) if parts[k] is None else parts[k] for k in self.moving]

    def joined(self, parts: Sequence[Any], *, blank: bool = True) -> Any:
        """The results, or their tangents, with `None` where there are no floats."""
        new: list[Any] = [None] * len(self.outs) if blank else list(self.outs)
        for k, part in zip(self.results, parts):
            new[k] = part
        return self.outdef.unflatten(new)


def tree_jvp(fun: Callable[..., Any], args: Sequence[Any], tangents: Any) -> tuple[Any, Any]:
    """`fun(*args)` and its tangent; `None` in tangents is zero, or stands where there are no floats."""
    flat = _Flat(fun, args)
    values, found = jvp(flat, (flat.parts,), (flat.chosen(tangents),))
    return flat.joined(values, blank=False), flat.joined(found)


def tree_vjp(fun: Callable[..., Any], args: Sequence[Any], *, once: bool = False) -> tuple[Any, Callable[[Any], Any]]:
    """`fun(*args)` and its pullback, which returns one cotangent per argument; `None` as in `tree_jvp`.

    With `once` the pullback may be called only once: it lets go of what it has passed.
    """
    flat = _Flat(fun, args)
    record = Recording("vjp", flat, (flat.parts,), {}, 0, LeanTape())
    positions = [record.position(out) for out in record.out]
    values = [open_part(out) for out in record.out]
    record.out = None
    out, shapes = flat.joined(values, blank=False), [v.shape for v in values]
    del values

    def pull(g: Any) -> Any:
        parts = flat.outdef.leaves_of(g)
        assert parts is not None
        given = [parts[k] for k in flat.results]
        assert all(ct is None or shape_of(ct) == shape for ct, shape in zip(given, shapes))
        seeds = [(i, ct) for i, ct in zip(positions, given) if ct is not None]
        found = record.pull(seeds, consume=once)
        new: list[Any] = [None] * len(flat.leaves)
        for k, part in zip(flat.moving, found):
            new[k] = part
        return flat.treedef.unflatten(new)

    return out, pull


def tree_series(name: str, fun: Callable[..., Any], curves: Sequence[Any], order: int) -> list[Any]:
    """The coefficients of fun(*args) from those of its arguments: trees of the orders 0, 1, ... up to `order`."""
    flat = _Flat(fun, curves[0])
    record = Recording(name, flat, (flat.parts,), {}, 0, Tape())
    rows = [flat.chosen(c) for c in curves[1 : order + 1]]
    inputs = [[leaf, *[row[k] for row in rows]] for k, leaf in enumerate(record.leaves)]
    positions = [record.position(out) for out in record.out]
    values = [open_part(out) for out in record.out]
    record.out = None
    found = iter(push_series(record.tape, inputs, [i for i in positions if i >= 0], order))
    columns = []
    for i, v in zip(positions, values):
        moving = list(next(found))[1 : order + 1] if i >= 0 else []
        columns.append([v, *[expanded(c, v) for c in moving], *[zeros(v)] * (order - len(moving))])
    return [flat.joined([column[k] for column in columns], blank=k > 0) for k in range(order + 1)]
