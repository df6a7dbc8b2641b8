"""Looking at a tape: the tape that remembers lines, the printed table, and the cotangents of all nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import Adopted
from minigrad.core.lined import LinedTape
from minigrad.core.observing import observed_by
from minigrad.core.tape import peel
from minigrad.core.tree import TreeDef, flatten
from minigrad.modes.checks import is_numeric
from minigrad.modes.made import parameter_names
from minigrad.modes.recording import Recording
from minigrad.modes.sweeps import backward
from minigrad.rules.expansion import expanded
from minigrad.show.graph import as_dot, as_mermaid
from minigrad.show.memory import kept


class TracedTape(LinedTape):
    """A tape to look at: it prints as a table, and its values and cotangents are found by their labels."""

    __slots__ = ("output", "title")

    def __init__(self) -> None:
        super().__init__()
        self.output: Any = []
        self.title = ""

    def __str__(self) -> str:
        return printed(self)

    def __repr__(self) -> str:
        return f"<{_counted(self)}>"

    def _repr_html_(self) -> str:
        from minigrad.show.notebook import view  # here, for a fast start-up, of which this module is a part
        from minigrad.show.page import element, paragraph, stacked

        titles, *rows = rows_of(self, False, False, SHOWN)
        found = [[row[0], *[element("code", cell) if cell else "" for cell in row[1:]]] for row in rows]
        more = len(self.nodes) - len(rows)
        hidden = paragraph(f"... and {more:,} more; print(tape) has them all", class_="soft") if more > 0 else ""
        table = stacked(["node", *titles[1:]], found, f"Tape of {self.title}")
        return view(paragraph(_counted(self), class_="soft"), table, hidden)

    def rows(self, cotangents: bool = False, kept: bool = False) -> list[list[str]]:
        """The cells of the table, of which the first row has the titles.

        >>> trace(np.tanh, 0.5).rows()[1][:5]
        ['%0', 'args[0]', 'input', 'float64 ()', '0.5']
        """
        return rows_of(self, cotangents, kept, None)

    def table(self, cotangents: bool = False, kept: bool = False) -> str:
        """The tape as text; on request with the cotangents, and with the bytes kept for the backward sweep.

        >>> print(trace(np.tanh, 0.5).table(kept=True))  # doctest: +ELLIPSIS
        tape of tanh: 2 nodes, 1 of them inputs, 8 bytes kept for the backward sweep
            label     operation  dtype shape  value   kept         line
        ----------------------------------------------------------...
        %0  args[0]   input      float64 ()   0.5     input
        %1  (output)  tanh(%0)   float64 ()   0.4621  8 B for %1  ...
        """
        return printed(self, cotangents, kept)

    @property
    def nbytes(self) -> int:
        """The bytes that the backward sweep needs of what was computed: without the inputs, and shared memory once."""
        return sum(part.nbytes for part in kept(self, self.output))

    def dot(self) -> str:
        """The tape as a graph for Graphviz: `dot -Tsvg`."""
        return as_dot(self, lambda index: boxed(self, index))

    def mermaid(self) -> str:
        """The tape as a graph for Mermaid, which pages of Markdown show."""
        return as_mermaid(self, lambda index: boxed(self, index))

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
    return [ct if ct is None or type(ct) is list else expanded(ct, node[3]) for ct, node in zip(kept, tape.nodes)]


def summary(value: Any) -> str:
    """A value in a few characters: small arrays as they are, of others the range and the mean."""
    if value is None:
        return "0"
    if type(value) is tuple or type(value) is list:
        return ""
    plain = peel(value)
    if type(plain) is Adopted:
        return f"an array of {plain.adapter.library}"
    plain = np.asarray(plain)
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


def operation_of(tape: TracedTape, index: int) -> str:
    """What a node does, with its operands and parameters: `sum(%2, axis=0)`."""
    primitive, parents, args, _, params = tape.nodes[index]
    if primitive is None:
        return "input"
    names = [f"%{p}" if p >= 0 else constant(arg) for p, arg in zip(parents, args)]
    extra = parameters(params)
    return f"{primitive.name}({', '.join(names + ([extra] if extra else []))})"


#: What stands before an operation that an inner transformation does: nothing if it is recorded, else the direction.
MARKS = {"primal": "    ", "pullback": "  ← ", "pushforward": "  → ", "series": "  ~ "}


SHOWN = 200  #: rows of a tape that a notebook shows


def _counted(tape: TracedTape) -> str:
    return f"tape of {tape.title}: {len(tape.nodes)} nodes, {tape.leaves} of them inputs"


def rows_of(tape: TracedTape, cotangents: bool, shows_kept: bool, most: int | None) -> list[list[str]]:
    """A row of titles, and one per node: number, label, operation, shape and dtype, value, and the user's line.

    Of a long tape only the first rows are made if `most` says how many. What inner transformations do is indented. An
    arrow says that a rule is at work, backward or forward; the line is then that of the operation to which the rule
    belongs.
    """
    sweep = tape.cotangents() if cotangents else None
    memory = kept(tape, tape.output) if shows_kept else None
    optional = [*(["cotangent"] if sweep else []), *(["kept"] if memory else [])]
    rows = [["", "label", "operation", "dtype shape", "value", *optional, "line"]]
    for i, (primitive, _parents, _args, ans, _params) in enumerate(tape.nodes[:most]):
        is_output = i in tape.output and primitive is not None
        label = tape.labels.get(i, "") + (" (output)" if is_output else "")
        operation = "".join([MARKS[level.phase] for level in tape.places[i]]) + operation_of(tape, i)
        row = [f"%{i}", label.strip(), operation, kind_of(ans), summary(ans)]
        row += [summary(sweep[i])] if sweep else []
        row += [_kept_in_words(memory[i].nbytes, memory[i].readers, primitive is None)] if memory else []
        rows.append([*row, "" if primitive is None else str(tape.origins[i].where)])
    return rows


def printed(tape: TracedTape, cotangents: bool = False, shows_kept: bool = False, most: int | None = None) -> str:
    """The tape as text, in columns; see `rows_of`."""
    rows = rows_of(tape, cotangents, shows_kept, most)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    total = f", {tape.nbytes:,} bytes kept for the backward sweep" if shows_kept else ""
    return f"{_counted(tape)}{total}\n" + "\n".join(lines)


def _kept_in_words(nbytes: int, readers: tuple[int, ...], is_input: bool) -> str:
    """What is kept of a node, and for the rules of which nodes."""
    if is_input or not readers:
        return "input" if is_input else "-"
    for_whom = ", ".join(f"%{i}" for i in readers[:3]) + (", ..." if len(readers) > 3 else "")
    return f"{nbytes:,} B for {for_whom}" if nbytes else f"a view, for {for_whom}"


def boxed(tape: TracedTape, index: int) -> list[str]:
    """What a graph says of a node: its label and operation, and its shape."""
    label = tape.labels.get(index, "")
    is_output = index in tape.output and tape.nodes[index][0] is not None
    head = f"%{index} {label} = {operation_of(tape, index)}" if label else f"%{index} = {operation_of(tape, index)}"
    return [head, kind_of(tape.nodes[index][3]) + (" (output)" if is_output else "")]


def constant(value: Any) -> str:
    """An operand that is not on the tape."""
    plain = peel(value)
    if np.shape(plain) == ():
        return f"{plain:.4g}" if issubclass(type(plain), (float, np.floating)) else str(plain)
    return f"array{np.shape(plain)}"


def trace(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> TracedTape:
    """The tape of `fun(*args)`, which prints as a table.

    Args:
        fun: any function of pytrees.
        *args: its arguments; those that are no numbers are passed on.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        The tape. `print(tape.table(cotangents=True))` adds the cotangents of the backward sweep, `kept=True` what it
        keeps; `tape.dot()` and `tape.mermaid()` are the tape as a graph. Operations of transformations within `fun`
        are indented, with an arrow where a rule is at work.

    Raises:
        Exception: what `fun` raises. Its attribute `tape` is what was recorded up to there.

    >>> def f(x):
    ...     return np.sin(x) * x
    >>> len(trace(f, 2.0))  # the leaf, sin, multiply
    3
    """
    tape = TracedTape()
    error = record_on(tape, "trace", fun, args, kwargs)
    if error is not None:
        error.tape = tape  # type: ignore[attr-defined]
        if len(tape.nodes) > tape.leaves:
            *_, last = str(tape).splitlines()
            error.add_note(f"trace: recorded up to {last}\n(the exception has it all: error.tape)")
        try:
            raise error
        finally:
            error = None  # this frame must not refer to the exception, to which its traceback refers
    return tape


def record_on(
    tape: TracedTape, operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any
) -> Exception | None:
    """Record `fun(*args)` on a tape to look at; if it raises, the exception, and what was recorded up to there."""
    tape.title = getattr(fun, "__name__", type(fun).__name__)
    treedef = flatten(tuple(args))[1]
    numeric = [is_numeric(leaf) for leaf in flatten(tuple(args))[0]]
    try:
        with observed_by(tape.observer):
            record = Recording(operation, fun, args, kwargs, tuple(range(len(args))), tape)
    except Exception as error:
        if not tape.leaves:  # it is about the arguments, and not from the function
            raise
        return error
    finally:
        for index, path in enumerate(_paths(treedef, numeric, fun)):
            if index < tape.leaves:
                tape.labels.setdefault(index, path)
    tape.output = [record.position(out) for out in flatten(record.out)[0]]
    return None


def numeric_paths(record: Recording, fun: Callable[..., Any]) -> list[str]:
    """How each leaf on the tape is reached from the arguments of `fun`: `x`, `P['W'][0]`."""
    return _paths(record.treedef, record.numeric, fun)


def _paths(treedef: TreeDef, numeric: Sequence[bool], fun: Callable[..., Any]) -> list[str]:
    names = parameter_names(fun, len(treedef.children))
    paths = [path for child, name in zip(treedef.children, names) for path in child.paths(name)]
    return [path for path, is_number in zip(paths, numeric) if is_number]
