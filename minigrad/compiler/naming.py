"""Names for the values of an emitted program: the user's own where they are known, valid and different from each other.

What a user's program calls something may be any text: keys of dicts and of keyword arguments are. Every name in the
emitted text is made here: an identifier as Python reads it, none that the text itself uses, no built-in and no keyword.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.compiler.canonical import Reduction
from minigrad.compiler.program import Program, Step, Var, made_by
from minigrad.compiler.render import HELPERS, REDUCED, name_of_helper, quoted
from minigrad.compiler.traced import Traced
from minigrad.core.tree import LEAF, TreeDef, field_names

LONGEST = 40  # characters of a name

RESERVED = frozenset({*dir(builtins), *keyword.kwlist, "np", "scipy", *map(name_of_helper, HELPERS.values())})


def identifier(text: str) -> str:
    """A text as a name that the emitted program does not use otherwise.

    >>> identifier("learning rate"), identifier("class"), identifier("2nd"), identifier("W=open('/tmp/x')")
    ('learning_rate', 'class_', 'x_2nd', 'W_open_tmp_x')
    """
    normal = unicodedata.normalize("NFKC", text[: 4 * LONGEST])  # as Python reads names
    plain = "".join([c if f"x{c}".isidentifier() else " " for c in normal])
    name = "_".join(plain.split())[:LONGEST].rstrip("_") or "x"
    if name.startswith("__"):  # Python has its own uses for these
        name = name.lstrip("_") or "x"
    if not name.isidentifier():
        name = f"x_{name}"
    name = unicodedata.normalize("NFKC", name)  # once more: what was cut may combine otherwise
    return f"{name}_" if name in RESERVED else name


class Names:
    """The names that are taken in a text, and new ones."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self._following: dict[str, int] = {}

    def new(self, wanted: str) -> str:
        """This name, as an identifier, with a number if it is taken."""
        name = identifier(wanted)
        return self._numbered(name) if name in self.taken else self._take(name)

    def first_of(self, *wanted: str) -> str:
        """The first of these names that is free; the first one with a number if none is."""
        return self.new(next((name for name in wanted if name not in self.taken), wanted[0]))

    def release(self, names: Iterable[str]) -> None:
        """These names are free again."""
        for name in names:
            self.taken.discard(name)
            self._following.pop(re.sub(r"_?\d+$", "", name), None)

    def several(self, wanted: dict[int, str]) -> dict[int, str]:
        """Different names: those that are wanted more than once get numbers from 1."""
        wanted = {index: identifier(name) for index, name in wanted.items()}
        counts: dict[str, int] = {}
        for name in wanted.values():
            counts[name] = counts.get(name, 0) + 1
        return {
            index: self._take(name) if counts[name] == 1 and name not in self.taken else self._numbered(name)
            for index, name in wanted.items()
        }

    def _numbered(self, name: str) -> str:
        k = self._following.get(name, 1)
        separator = "_" if name[-1].isdigit() else ""
        while f"{name}{separator}{k}" in self.taken:
            k += 1
        self._following[name] = k + 1
        return self._take(f"{name}{separator}{k}")

    def _take(self, name: str) -> str:
        self.taken.add(name)
        return name


# ----- values ---------------------------------------------------------------------------------------------------------

_BY_FUNCTION = {np.exp: "e", np.log: "log", np.sqrt: "root", np.where: "chosen", np.concatenate: "joined"}


def name_by_function(step: Step) -> str:
    """A name for a value that the user gave none."""
    if type(step.function) is Reduction:
        return {"sum": "total", "max": "top", "min": "least", "prod": "product"}.get(
            REDUCED[step.function.ufunc], "flag"
        )
    found = _BY_FUNCTION.get(step.function) if callable(getattr(step.function, "__hash__", None)) else None
    if found:
        return found
    return "u" if step.origin.phase == "primal" else "g"


def own_names(program: Program) -> dict[int, str]:
    """The names that values have from the user's program, as it was traced.

    A value has the name of the variable that its statement assigns it to, or of one that held it later; the result of a
    function that no variable held has the name of the function.
    """
    assigned: dict[int, tuple[int, str]] = {}
    returned: dict[int, tuple[int, str]] = {}
    for step in program.steps:
        statement = step.origin.statement
        if step.origin.phase == "primal" and type(step.out) is Var and statement is not None:
            if statement.target:
                assigned[step.origin.run] = step.out.index, statement.target
            elif statement.returned_by:
                returned[step.origin.run] = step.out.index, statement.returned_by
    wanted = dict(assigned.values())
    for step in program.steps:
        if step.origin.phase == "primal":
            for var in made_by(step):
                if var.index in program.names:
                    wanted.setdefault(var.index, program.names[var.index])
    for index, name in returned.values():
        wanted.setdefault(index, name)
    return wanted


# ----- arguments and results ------------------------------------------------------------------------------------------


def literal_key(key: Any) -> str | None:
    """A key of a dict as an expression; None for an object that has none.

    Numbers and texts of NumPy are equal to those of Python, which are written in their place.
    """
    if key is None or type(key) in (bool, int, bytes, complex):
        return repr(key)
    if type(key) is tuple:
        parts = [literal_key(part) for part in key]
        return None if None in parts else f"({', '.join(map(str, parts))}{',' if len(parts) == 1 else ''})"
    if type(key) in (str, np.str_):
        return quoted(str(key))
    if isinstance(key, (np.bool_, np.integer)):
        return repr(key.item())
    if type(key) in (float, np.float64) and np.isfinite(key):
        return repr(float(key))
    return None


class Ways:
    """How the parts of arguments are reached, as expressions, and what they are called."""

    def __init__(self, constant: Callable[[str, Any], str]) -> None:
        self.constant = constant  #: a name under which the text is given an object

    def to_leaves(self, treedef: TreeDef, way: str, name: str) -> list[tuple[str, str, bool]]:
        """The expression and the name of every leaf, and whether the name is but a row of numbers."""
        return self._to_leaves(treedef, way, name, 0)

    def _to_leaves(self, treedef: TreeDef, way: str, name: str, numbers: int) -> list[tuple[str, str, bool]]:
        if treedef is LEAF:
            return [(way, name, numbers > 1)]
        found: list[tuple[str, str, bool]] = []
        for position, (key, child) in enumerate(zip(self._keys(treedef), treedef.children)):
            label, number = None, position
            if key is None:
                access: str | None = f"[{position}]"
            elif type(key) is str:
                access, label = f".{key}" if _is_attribute(key) else None, key
            else:
                access = f"[{self.key(key[0])}]"
                if type(key[0]) is int and key[0] >= 0:
                    number = key[0]
                elif isinstance(key[0], str) and identifier(key[0]) != "x":
                    label = key[0]
            inner = f"getattr({way}, {quoted(key)})" if access is None else f"{way}{access}"
            if label is not None:
                found += self._to_leaves(child, inner, label, 0)
            else:
                separator = "_" if name[-1:].isdigit() else ""
                found += self._to_leaves(child, inner, f"{name}{separator}{number}", numbers + 1)
        return found

    def _keys(self, treedef: TreeDef) -> list[Any]:
        """Of dicts a tuple of the key, of classes the name of the attribute, else None."""
        example = treedef.example
        if isinstance(example, dict):
            return [(key,) for key in example]
        if hasattr(type(example), "__dataclass_fields__"):
            return list(field_names(type(example)))
        if hasattr(example, "_fields"):
            return list(example._fields)
        return [None] * len(treedef.children)

    def key(self, key: Any) -> str:
        """A key of a dict as an expression: a literal, or a name under which the text is given the key."""
        literal = literal_key(key)
        if literal is not None:
            return literal
        called = getattr(key, "name", None)
        return self.constant(called if type(called) is str else f"key_{type(key).__name__}", key)


def _is_attribute(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and unicodedata.normalize("NFKC", name) == name


def input_names(
    traced: Traced, parameters: Sequence[str], names: Names, ways: Ways
) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """The name of every input by index, and the name and way of those that are parts of an argument."""
    args, kwargs = traced.treedef.children
    found: list[tuple[str, str, bool]] = []
    for child, parameter in zip((*args.children, *kwargs.children), parameters):
        found += ways.to_leaves(child, parameter, parameter)
    inputs: dict[int, str] = {}
    parts: list[tuple[str, str]] = []
    for position, var in zip(traced.positions, traced.program.inputs):
        way, name, is_row = found[position]
        if way in parameters:
            inputs[var.index] = way
            continue
        if is_row:
            name = traced.program.names.get(var.index, name)
        inputs[var.index] = names.new(name)
        parts.append((inputs[var.index], way))
    return inputs, parts


def name_of_function(fun: Any, variables: Iterable[dict[str, Any]]) -> str:
    """The name of a function; a lambda has that of a variable that holds it, or is called `f`."""
    inner = fun
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    name = getattr(fun, "__name__", None) or getattr(getattr(fun, "func", None), "__name__", None)
    if not isinstance(name, str):
        name = type(fun).__name__
    if "<lambda>" in name:
        held = [key for scope in variables for key, value in list(scope.items()) if value is inner]
        name = name.replace("<lambda>", next((key for key in held if key.isidentifier() and key[0] != "_"), "f"))
    return re.sub(r"<\w+>", "f", name)
