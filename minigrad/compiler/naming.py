"""Names for the values of an emitted program: the user's own where they are known."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from minigrad.compiler.canonical import Reduction
from minigrad.compiler.render import REDUCED
from minigrad.compiler.stage import Program, Step, Var, made_by
from minigrad.compiler.traced import Traced
from minigrad.core.lines import Line


def target_of(line: Line | None) -> str | None:
    """The variable that a line of the user's assigns to: of `z = f(x)`, `h[i] = ...`, `X.append(...)`, `return ...`.

    A value that is returned is called like its function.
    """
    text = line.text() if line is not None else ""
    found = re.match(r"(?:self\.)?([A-Za-z_]\w*)(?:\[[^=\]]*\])?\s*(?::[^=]+)?(?:[-+*/@]|\*\*|//)?=(?!=)", text)
    if found is None:
        found = re.match(r"([A-Za-z_]\w*)\.append\(", text)
    if found is None and line is not None and text.startswith("return") and line.function.isidentifier():
        return line.function
    return found[1] if found else None


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


def as_identifier(text: str) -> str:
    """A path such as `P['W'][0]` as a name: `W0`."""
    last = unicodedata.normalize("NFKC", re.split(r"\['|\.", text)[-1])  # as Python reads names
    plain = "".join([c if f"x{c}".isidentifier() else " " for c in re.sub(r"'?\]\[?|\[", "_", last)])
    name = re.sub(r"\W+", "_", plain).strip("_")
    name = re.sub(r"_(\d+)", r"\1", name, count=1)
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"x_{name}"


def input_names(traced: Traced, parameters: Sequence[str]) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """The name of every input by index, and the paths of those that are parts of an argument."""
    args, kwargs = traced.treedef.children
    paths: list[str] = []
    for child, parameter in zip(args.children, parameters):
        paths += child.paths(parameter)
    for child, key in zip(kwargs.children, kwargs.example or ()):
        paths += child.paths(key)
    names: dict[int, str] = {}
    taken = set(parameters)
    parts: list[tuple[str, str]] = []
    for position, var in zip(traced.positions, traced.program.inputs):
        path = paths[position]
        if path.isidentifier():
            names[var.index] = path
            continue
        name = as_identifier(path)
        if path.count("[") > 1 and "'" not in path:
            name = traced.program.names.get(var.index, name)
        while name in taken:
            name += "_"
        taken.add(name)
        names[var.index] = name
        parts.append((name, path))
    return names, parts


def own_names(program: Program) -> dict[int, str]:
    """The names that values have from the user's program, as it was traced.

    The last value of each run of a line has the name that the line assigns to; others may have been seen in variables.
    """
    final: dict[int, tuple[int, str]] = {}
    for step in program.steps:
        if step.origin.phase == "primal" and type(step.out) is Var:
            target = target_of(step.origin.line)
            if target:
                final[step.origin.run] = step.out.index, target
    wanted = dict(final.values())
    for step in program.steps:
        if step.origin.phase == "primal":
            for var in made_by(step):
                if var.index in program.names:
                    wanted.setdefault(var.index, program.names[var.index])
    return wanted


class Names:
    """Names that differ from each other: those that are wanted again get numbers.

    One object gives all names of a program, so that each costs the same however many were given before.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self._following: dict[str, int] = {}

    def fresh(self, wanted: str, is_numbered: bool = False) -> str:
        """A name like this one that was not given before; `is_numbered`, with a number in any case."""
        chosen = wanted
        if is_numbered or wanted in self.taken or keyword.iskeyword(wanted) or wanted == "np":
            k = self._following.get(wanted, 1)
            separator = "_" if wanted[-1].isdigit() else ""
            while f"{wanted}{separator}{k}" in self.taken:
                k += 1
            chosen = f"{wanted}{separator}{k}"
            self._following[wanted] = k + 1
        self.taken.add(chosen)
        return chosen

    def numbered(self, wanted: dict[int, str]) -> dict[int, str]:
        """Names for several values at once: those that are wanted more than once are numbered from the first."""
        counts = Counter(wanted.values())
        return {index: self.fresh(name, counts[name] > 1) for index, name in wanted.items()}


def numbered(wanted: dict[int, str], taken: set[str]) -> dict[int, str]:
    """Different names: those that are wanted more than once get numbers."""
    return Names(taken).numbered(wanted)
