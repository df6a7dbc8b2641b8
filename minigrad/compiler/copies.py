"""Containers among the arguments: a trace works on copies of them, with traced values in the place of arrays.

A function that changes them is not compiled, but the trace has run it: what it changed in the copies is then changed in
the user's own.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from minigrad.compiler.guards import attribute
from minigrad.compiler.pure import is_a, is_made_by_python
from minigrad.core.tree import LEAF, TreeDef, classify, parts_of_kind


class Copies:
    """The copies of containers among the arguments that a trace works on, each with the user's own."""

    def __init__(self, treedef: TreeDef, made: Any) -> None:
        self.pairs: list[tuple[Any, Any, list[Any]]] = []  #: copy, original, and the parts that both have
        self.originals: dict[int, Any] = {}
        self._pair(treedef, made)

    def _pair(self, treedef: TreeDef, made: Any) -> None:
        if treedef.example is None:
            return
        parts = parts_within(made)
        self.pairs.append((made, treedef.example, parts))
        self.originals[id(made)] = treedef.example
        for child, part in zip(treedef.children, parts):
            if child is not LEAF:
                self._pair(child, part)

    def fields(self) -> dict[int, frozenset[str]]:
        """The names of the parts of each copy of a class of the user's, by `id`: what a signature has of it."""
        return {
            id(made): frozenset(getattr(type(made), "__dataclass_fields__", ()))
            for made, _, _ in self.pairs
            if is_made_by_python(type(made))
        }

    def uses(self) -> Counter[int]:
        """How often the copies are referred to: from here, and by the copies that they are parts of."""
        inner = {id(part) for _, _, parts in self.pairs for part in parts}
        return Counter({id(made): 3 if id(made) in inner else 1 for made, _, _ in self.pairs})

    def give_back(self) -> bool:
        """Make the changes of the copies in the originals; whether there are any."""
        has_changed = False
        for made, original, before in self.pairs:
            parts = parts_within(made)
            is_same = len(parts) == len(before) and all(a is b for a, b in zip(parts, before))
            if is_a(made, dict):
                is_same = is_same and list(dict.keys(made)) == list(dict.keys(original))
            if is_same or is_a(made, tuple):
                continue
            has_changed = True
            if is_a(made, dict):
                dict.clear(original)
                dict.update(original, {key: self.originals.get(id(part), part) for key, part in dict.items(made)})
            elif is_a(made, list):
                original[:] = [self.originals.get(id(part), part) for part in parts]
            else:
                for name in type(made).__dataclass_fields__:
                    part = attribute(made, name)
                    object.__setattr__(original, name, self.originals.get(id(part), part))
        return has_changed


def parts_within(value: Any) -> list[Any]:
    """The parts of a container among the arguments."""
    kind = type(value)
    return list((parts_of_kind.get(kind) or classify(kind))(value))
