"""`autograd.core`, `autograd.tracer` and `autograd.misc.tracers`: what a program for autograd builds on its engine.

There a node is made while the function runs, by the class of the node it started from. Here the function is recorded on
a tape first, and the nodes are made from it, in the same order and with the same arguments.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

from minigrad.compat.wrapping import subvals, toposort, unary_to_nary
from minigrad.core.lines import located
from minigrad.core.primitive import ITEM
from minigrad.core.tape import Box, Tape, peel, read_only
from minigrad.core.tree import flatten, tree_map
from minigrad.modes.forward import jvp, jvp_of
from minigrad.modes.recording import Recording, leaf_value, value_of
from minigrad.modes.reverse import vjp_of
from minigrad.rules.moving import same


def isbox(x: Any) -> bool:
    """Whether x is a traced value."""
    return type(x) is Box


def getval(x: Any) -> Any:
    """The plain value of a traced x; anything else as it is."""
    return read_only(peel(x)) if type(x) is Box else x


def make_vjp(fun: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """The pullback of a function of one argument at x, and the value there.

    >>> pullback, value = make_vjp(lambda x: x**2, 3.0)
    >>> pullback(1.0), value
    (np.float64(6.0), np.float64(9.0))
    """
    return vjp_of("make_vjp", fun, (x,), {}, 0)


def make_jvp(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], tuple[Any, Any]]:
    """The pushforward of a function of one argument at x: it returns the value and the tangent.

    >>> make_jvp(lambda x: x**2, 3.0)(1.0)
    (np.float64(9.0), np.float64(6.0))
    """
    return lambda tangent: jvp_of("make_jvp", fun, (x,), {}, 0, tangent)


@unary_to_nary
def make_jvp_reversemode(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The tangent of a function, as a function of that of an argument, by transposing the pullback.

    >>> make_jvp_reversemode(lambda x: x**2)(3.0)(1.0)
    np.float64(6.0)
    """
    pullback, value = make_vjp(fun, x)
    return make_vjp(pullback, tree_map(lambda leaf: leaf * 0.0, value))[0]


# ----- nodes ----------------------------------------------------------------------------------------------------------


class Node:
    """What a trace makes of each operation. A subclass says what it keeps of it."""

    __slots__ = ()

    def __init__(
        self, value: Any, fun: Any, args: tuple[Any, ...], kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not say what it keeps of an operation")

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        """Make this the node of an input."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it keeps of an input")

    @classmethod
    def new_root(cls, *args: Any, **kwargs: Any) -> Any:
        """The node of an input."""
        root = cls.__new__(cls)
        root.initialize_root(*args, **kwargs)
        return root


class VJPNode(Node):
    """A node that knows the pullback of its operation."""

    __slots__ = ("parents", "vjp")

    def __init__(
        self, value: Any, fun: Any, args: tuple[Any, ...], kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        moving = [args[k] for k in parent_argnums]
        self.parents = parents
        self.vjp = _pullback(lambda *xs: fun(*subvals(args, zip(parent_argnums, xs)), **kwargs), moving)

    def initialize_root(self) -> None:
        """Make this the node of an input."""
        self.parents, self.vjp = (), lambda g: ()


def _pullback(fun: Callable[..., Any], moving: list[Any]) -> Callable[[Any], Any]:
    return vjp_of("VJPNode", fun, moving, {}, tuple(range(len(moving))))[0]


class JVPNode(Node):
    """A node that knows its tangent, `g`."""

    __slots__ = ("g",)

    def __init__(
        self, value: Any, fun: Any, args: tuple[Any, ...], kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        moving, tangents = tuple([args[k] for k in parent_argnums]), tuple([parent.g for parent in parents])
        self.g = jvp(lambda *xs: fun(*subvals(args, zip(parent_argnums, xs)), **kwargs), moving, tangents)[1]

    def initialize_root(self, g: Any) -> None:
        """Make this the node of an input with the tangent g."""
        self.g = g


def trace(start_node: Any, fun: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The value of a function at x, and the node of it, which refers to those it was made of.

    Args:
        start_node: the node of x. Its class is called with each operation: the value, the function, its arguments, its
            options, the positions of the traced arguments, and their nodes.
        fun: a function of one argument that returns one array or number.
        x: an array or number; of a pytree all leaves have the node `start_node`.

    Returns:
        The value and its node; the node is `None` if the value does not depend on x.

    >>> class Named(Node):
    ...     def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
    ...         self.text = f"{fun.__name__}({', '.join(parent.text for parent in parents)})"
    ...     def initialize_root(self):
    ...         self.text = "x"
    >>> import numpy as np
    >>> trace(Named.new_root(), lambda x: np.sin(x) * x, 2.0)[1].text
    'multiply(sin(x), x)'
    """
    record = Recording("trace", fun, (x,), {}, 0, Tape())
    made: dict[int, Any] = dict.fromkeys(range(record.tape.leaves), start_node)
    for index, operation in _operations(record.tape):
        primitive, parents, args, ans, params = operation
        argnums = tuple([k for k, parent in enumerate(parents) if parent in made])
        applied = _entry if primitive is ITEM else primitive.bind
        made[index] = type(start_node)(ans, applied, args, params, argnums, tuple([made[parents[k]] for k in argnums]))
    return value_of(record.out), made.get(record.position(record.out))


def _operations(tape: Tape) -> Iterator[tuple[int, Any]]:
    return ((index, tape.nodes[index]) for index in range(tape.leaves, len(tape.nodes)))


def _entry(results: Any, position: int) -> Any:
    """One result of an operation that has several."""
    return results[position]


def backward_pass(g: Any, end_node: Any) -> Any:
    """The cotangent of the input of a trace of `VJPNode`s, given that of its end."""
    waiting = {end_node: g}
    for node in toposort(end_node):
        g = waiting.pop(node)
        for parent, ct in zip(node.parents, node.vjp(g)):
            waiting[parent] = tree_map(operator.add, waiting[parent], ct) if parent in waiting else ct
    return g


# ----- graphs ---------------------------------------------------------------------------------------------------------


def const_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """A function whose first call is recorded, and whose later calls do the recorded operations again.

    What does not depend on the positional arguments is as it was in the first call, and so is every branch that was
    taken. `minigrad.compile` does the same, notices where another branch would have to be taken, and is faster.

    Args:
        fun: a function of arrays, numbers and pytrees of them.
        *args: its first arguments, which are constants.
        **kwargs: its options.

    Returns:
        A function of the remaining arguments, differentiable as `fun`.

    Raises:
        ValueError: (in the first call) if the result does not depend on the arguments.

    >>> double = const_graph(lambda x: x + x)
    >>> double(1.0), double(2.0)
    (np.float64(2.0), np.float64(4.0))
    """
    recorded: list[Recording] = []

    @functools.wraps(fun)
    def replayed(*points: Any) -> Any:
        if not recorded:
            record = Recording("const_graph", lambda xs: fun(*args, *xs, **kwargs), (points,), {}, 0, Tape())
            if record.position(record.out) < 0:
                raise ValueError(located("const_graph: the result does not depend on the arguments"))
            value, record.out = value_of(record.out), record.position(record.out)
            recorded.append(record)
            return value
        [record] = recorded
        leaves, treedef = flatten(points)
        moving = [leaf_value("const_graph", leaf, treedef, k, 0) for k, leaf in enumerate(leaves) if record.numeric[k]]
        return _replay(record.tape, moving, record.out)

    return replayed


def _replay(tape: Tape, leaves: list[Any], stop: int) -> Any:
    """The operations of a tape, done with other leaves."""
    values: list[Any] = [*map(same, leaves), *[None] * (stop + 1 - tape.leaves)]
    for index, (primitive, parents, args, _, params) in _operations(tape):
        if index > stop:
            break
        inputs = [arg if parent < 0 else values[parent] for parent, arg in zip(parents, args)]
        values[index] = _entry(*inputs, **params) if primitive is ITEM else primitive.bind(*inputs, **params)
    return values[stop]


class FullGraphNode(Node):
    """A node that keeps its value, and how it was made: the function, its arguments and options, and the parents."""

    __slots__ = ("recipe", "value")
    recipe: Any

    def __init__(
        self, value: Any, fun: Any, args: tuple[Any, ...], kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.value, self.recipe = value, (fun, args, kwargs, zip(parent_argnums, parents))

    def initialize_root(self) -> None:
        """Make this the node of an input."""
        self.value, self.recipe = None, (same, (), {}, [])


def full_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The node of the result of a function, with those of all that it was made of."""
    return trace(FullGraphNode.new_root(), lambda xs: fun(*xs, **kwargs), args)[1]
