"""Looking at a tape: the tape that remembers lines, the printed table, and the cotangents of all nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.lined import LinedTape
from minigrad.core.observing import observed_by
from minigrad.core.tape import peel
from minigrad.core.tree import flatten
from minigrad.modes.recording import Recording
from minigrad.modes.sweeps import backward
from minigrad.rules.expansion import expanded


class TracedTape(LinedTape):
    """A tape to look at: it prints as a table, and its values and cotangents are found by their labels."""

    __slots__ = ("output", "title")

    def __init__(self) -> None:
        super().__init__()
        self.output: Any = None
        self.title = ""

    def __str__(self) -> str:
        return printed(self)

    __repr__ = __str__

    def table(self, cotangents: bool = False) -> str:
        """The tape as text; with the cotangents of the backward sweep beside the values if asked for."""
        return printed(self, cotangents=cotangents)

    def cotangents(self) -> list[Any]:
        """The cotangent of every node: the derivative of the (summed) output with respect to it; `None` is zero."""
        return cotangents(self)

    def __getitem__(self, label: str) -> Any:
        """The value labelled by `minigrad.name`."""
        return self.nodes[self._find(label)][3]

    def cotangent(self, label: str) -> Any:
        """The cotangent of the value labelled by `minigrad.name`; `None` if the output does not depend on it."""
        return self.cotangents()[self._find(label)]

    def _find(self, label: str) -> int:
        for index, name in self.labels.items():
            if name == label:
                return index
        known = ", ".join(repr(name) for name in self.labels.values()) or "none: use minigrad.name(x, 'label')"
        raise KeyError(f"no node is labelled {label!r}; labels on this tape: {known}")


def cotangents(tape: TracedTape) -> list[Any]:
    """The cotangent of every node in its node's shape; the outputs get ones. `None` where nothing depends on a node."""
    kept: list[Any] = []
    seeds = [(index, 1.0) for index in tape.output if index >= 0]
    backward(tape, seeds, keep=kept)
    kept += [None] * (len(tape.nodes) - len(kept))
    return [None if ct is None else expanded(ct, node[3]) for ct, node in zip(kept, tape.nodes)]


def summary(value: Any) -> str:
    """A value in a few characters: small arrays as they are, of others the range and the mean."""
    if value is None:
        return "0"
    if type(value) is tuple:
        return ""
    plain = np.asarray(peel(value))
    if plain.size <= 3:
        text: str = np.array2string(plain, precision=4, suppress_small=False, separator=" ", floatmode="maxprec")
        return text.replace("\n", "")
    if plain.dtype.kind == "c":
        return f"|.| {np.abs(plain).min():.4g} .. {np.abs(plain).max():.4g}"
    return f"{plain.min():.4g} .. {plain.max():.4g}, mean {plain.mean():.4g}"


def kind_of(value: Any) -> str:
    """Shape and dtype: `float64 (2, 300)`."""
    if type(value) is tuple:  # the operation has several results; a row for each of them follows
        return f"{len(value)} results"
    return f"{value.dtype} {tuple(value.shape)}"


def parameters(params: dict[str, Any]) -> str:
    """The parameters of an operation that are not at their default, in a few characters each."""
    shown = []
    for key, value in params.items():
        if key.startswith("_"):
            continue  # how the operation does its work
        if value is None or value is False:
            continue
        text = f"array{value.shape}" if isinstance(value, np.ndarray) else repr(value)
        shown.append(f"{key}={text if len(text) <= 24 else text[:21] + '...'}")
    return ", ".join(shown)


def printed(tape: TracedTape, cotangents: bool = False) -> str:
    """The tape as text, a row per node: number, label, operation, shape and dtype, value, and the user's line."""
    sweep = tape.cotangents() if cotangents else None
    rows = [["", "label", "operation", "dtype shape", "value", *(["cotangent"] if sweep else []), "line"]]
    for i, (primitive, parents, args, ans, params) in enumerate(tape.nodes):
        if primitive is None:
            operation = "input"
        else:
            names = [f"%{p}" if p >= 0 else constant(arg) for p, arg in zip(parents, args)]
            extra = parameters(params)
            operation = f"{primitive.name}({', '.join(names + ([extra] if extra else []))})"
        label = tape.labels.get(i, "") + (" (output)" if i in tape.output and primitive is not None else "")
        row = [f"%{i}", label.strip(), "    " * len(tape.places[i]) + operation, kind_of(ans), summary(ans)]
        rows.append([*row, *([summary(sweep[i])] if sweep else []), "" if primitive is None else str(tape.lines[i])])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return f"tape of {tape.title}: {len(tape.nodes)} nodes, {tape.leaves} of them inputs\n" + "\n".join(lines)


def constant(value: Any) -> str:
    """An operand that is not on the tape."""
    plain = peel(value)
    if np.shape(plain) == ():
        return f"{plain:.4g}" if isinstance(plain, (float, np.floating)) else str(plain)
    return f"array{np.shape(plain)}"


def trace(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> TracedTape:
    """The tape of `fun(*args)`, which prints as a table.

    Args:
        fun: any function of pytrees.
        *args: its arguments; those that are no numbers are passed on.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        The tape. `print(tape.table(cotangents=True))` adds the cotangents of the backward sweep. Operations of
        transformations within `fun` are indented.

    >>> def f(x):
    ...     return np.sin(x) * x
    >>> len(trace(f, 2.0))  # the leaf, sin, multiply
    3
    """
    tape = TracedTape()
    with observed_by(tape.observer):
        record = Recording("trace", fun, args, kwargs, tuple(range(len(args))), tape)
    tape.title = getattr(fun, "__name__", type(fun).__name__)
    for index, path in enumerate(numeric_paths(record, fun)):
        tape.labels.setdefault(index, path)
    outs, _ = flatten(record.out)
    tape.output = [record.position(out) for out in outs]
    return tape


def numeric_paths(record: Recording, fun: Callable[..., Any]) -> list[str]:
    """How each leaf on the tape is reached from the arguments of `fun`: `x`, `P['W'][0]`."""
    code = getattr(fun, "__code__", None)
    names = list(code.co_varnames[hasattr(fun, "__self__") : code.co_argcount]) if code is not None else []
    names += [f"args[{i}]" for i in range(len(names), len(record.treedef.children))]
    paths = [path for child, name in zip(record.treedef.children, names) for path in child.paths(name)]
    return [path for path, numeric in zip(paths, record.numeric) if numeric]
