"""Pytrees: nested containers of parameters, flattened to a list of leaves and built up again.

A pytree is a tuple, list, dict, namedtuple, dataclass instance or `None`, nested to any depth; everything else is a
leaf. Dataclasses need no registration and are rebuilt without calling `__init__`.

>>> leaves, treedef = flatten({"A": [1.0, 2.0], "b": (3.0, None)})
>>> leaves
[1.0, 2.0, 3.0]
>>> treedef.unflatten([10.0, 20.0, 30.0])
{'A': [10.0, 20.0], 'b': (30.0, None)}
>>> treedef.paths()
["['A'][0]", "['A'][1]", "['b'][0]"]
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class TreeDef:
    """The shape of a pytree: what is left when its leaves are taken out.

    `example` is the container that was flattened (`None` and leaves have none), `children` are the shapes of its parts.
    """

    __slots__ = ("children", "example")

    def __init__(self, example: Any, children: tuple[TreeDef, ...]) -> None:
        self.example, self.children = example, children

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The pytree of this shape with these leaves.

        >>> flatten((1.0, [2.0]))[1].unflatten([3.0, 4.0])
        (3.0, [4.0])
        """
        return next(iter(leaves)) if self is LEAF else self._build(iter(leaves))

    def _build(self, leaves: Iterator[Any]) -> Any:
        example = self.example
        if example is None:
            return next(leaves) if self is LEAF else None
        parts = [next(leaves) if child is LEAF else child._build(leaves) for child in self.children]
        kind = type(example)
        if kind is list:
            return parts
        if kind is tuple:
            return tuple(parts)
        if kind is dict:
            return dict(zip(example, parts))
        if isinstance(example, tuple):
            return kind(*parts) if hasattr(example, "_fields") else kind(parts)
        if isinstance(example, list):
            return kind(parts)
        new = copy.copy(example)  # keeps what a subclass carries, such as the factory of a defaultdict
        if isinstance(example, dict):
            dict.update(new, zip(example, parts))  # that of a Counter would add
            return new
        for field, part in zip(field_names(kind), parts):
            object.__setattr__(new, field, part)  # also sets the fields of a frozen dataclass
        return new

    def keys(self) -> list[str]:
        """How the parts are reached, written as Python: `[0]`, `['W']`, `.weights`."""
        example = self.example
        if isinstance(example, dict):
            return [f"[{key!r}]" for key in example]
        if hasattr(type(example), "__dataclass_fields__"):
            return [f".{field}" for field in field_names(type(example))]
        if hasattr(example, "_fields"):
            return [f".{field}" for field in example._fields]
        return [f"[{i}]" for i in range(len(self.children))]

    def paths(self, prefix: str = "") -> list[str]:
        """How each leaf is reached from the root, written as Python: `['A'][0]`, `.weights`."""
        if self is LEAF:
            return [prefix]
        parts = zip(self.keys(), self.children)
        return [path for key, child in parts for path in child.paths(prefix + key)]

    def leaves_of(self, tree: Any) -> list[Any] | None:
        """The leaves of another pytree in the order of this one; `None` if it has other containers or keys.

        A `None` in place of a container stands for `None` at all of its leaves.
        """
        if self is LEAF:
            return [tree]
        if self is NONE:
            return [] if tree is None else None
        if tree is None:
            return [None] * len(self.paths())
        if type(tree) is not type(self.example):
            return None
        if isinstance(tree, dict):
            if tree.keys() != self.example.keys():
                return None
            parts = [tree[key] for key in self.example]
        else:
            parts = list(parts_of_kind[type(tree)](tree))
        if len(parts) != len(self.children):
            return None
        found = [child.leaves_of(part) for child, part in zip(self.children, parts)]
        return None if any(leaves is None for leaves in found) else [leaf for leaves in found for leaf in leaves or ()]

    def same_leaves_of(self, tree: Any) -> list[Any] | None:
        """As `leaves_of`, also `None` where the other tree has a container, or `None`, in place of a leaf.

        >>> flatten({"a": 1.0, "b": 2.0})[1].same_leaves_of({"b": 4.0, "a": 3.0})
        [3.0, 4.0]
        >>> flatten({"a": 1.0, "b": 2.0})[1].same_leaves_of({"b": [4.0], "a": 3.0})
        """
        leaves = self.leaves_of(tree)
        return None if leaves is None or any(flatten(leaf)[1] is not LEAF for leaf in leaves) else leaves

    def __str__(self) -> str:
        if self.example is None:
            return "*" if self is LEAF else "None"
        inside = ", ".join(f"{key}: {child}" for key, child in zip(self.keys(), self.children))
        return f"{type(self.example).__name__}({inside})"


LEAF, NONE = TreeDef(None, ()), TreeDef(None, ())


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """The leaves of a pytree from left to right, and its shape. Linear in the number of leaves."""
    if parts_of_kind.get(type(tree)) is _leaf:
        return [tree], LEAF  # the usual case
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> TreeDef:
    kind = type(tree)
    parts_of = parts_of_kind.get(kind) or classify(kind)
    if parts_of is _leaf:
        leaves.append(tree)
        return LEAF
    if tree is None:
        return NONE
    children = []
    for part in parts_of(tree):
        if parts_of_kind.get(type(part)) is _leaf:
            leaves.append(part)
            children.append(LEAF)
        else:
            children.append(_flatten(part, leaves))
    return TreeDef(tree, tuple(children))


def field_names(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass, without its class variables and arguments of `__init__` only."""
    import dataclasses  # who has a dataclass has imported it already

    return tuple([field.name for field in dataclasses.fields(kind)])


def _leaf(tree: Any) -> tuple[Any, ...]:
    return ()


def classify(kind: type) -> Callable[[Any], Iterable[Any]]:
    """How containers of this type are taken apart; remembered, since it is asked for every leaf."""
    parts_of: Callable[[Any], Iterable[Any]] = _leaf
    if issubclass(kind, (list, tuple)):
        parts_of = iter
    elif issubclass(kind, dict):
        parts_of = dict.values
    elif hasattr(kind, "__dataclass_fields__"):
        names = field_names(kind)

        def parts_of(tree: Any) -> Iterable[Any]:
            return [getattr(tree, name) for name in names]

    elif kind is type(None):
        parts_of = iter
    parts_of_kind[kind] = parts_of
    return parts_of


parts_of_kind: dict[type, Callable[[Any], Iterable[Any]]] = {}


def tree_map(fun: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """The tree with `fun` applied to every leaf.

    Args:
        fun: takes a leaf of each tree.
        tree: a pytree: a leaf, or nested tuples, lists, dicts, namedtuples or dataclasses of leaves.
        *rest: further trees of the same structure.

    Returns:
        A tree of the structure of `tree`.

    Raises:
        ValueError: if a tree has another structure.

    >>> tree_map(lambda w, g: w - 0.5 * g, {"w": 1.0}, {"w": 4.0})
    {'w': -1.0}
    """
    leaves, treedef = flatten(tree)
    columns = [leaves]
    for other in rest:
        other_leaves = treedef.leaves_of(other)
        if other_leaves is None:
            raise ValueError(f"tree_map: the trees differ in shape: {treedef} and {flatten(other)[1]}")
        columns.append(other_leaves)
    return treedef.unflatten(fun(*column) for column in zip(*columns))
