"""The explorer: a program's tape as one page, to step through forward and backward.

The page holds its data, its style and its script, and asks for nothing outside. The data are the columns of `columns`
below; the script (`explorer/*.js`) only shows them. `measured` finds the numbers.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import linecache
import os
import warnings
from collections.abc import Callable, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.show import page as pages
from minigrad.show.measured import GIVEN, Measured, measured
from minigrad.show.page import Html, element
from minigrad.show.sampled import number, sampled
from minigrad.show.tape import constant, parameters, printed

SCRIPTS = ("data", "state", "draw", "program", "list", "entry", "timeline", "controls")  #: in this order
MANY = 20_000  #: entries above which a page is made only on request
BUDGET = 600_000  #: numbers that are shown of all values together, about
PRINTED = 1000  #: so many entries stand in the table for readers without scripts
HEIGHT = 760  #: of the page in a notebook, in pixels


@dataclasses.dataclass(frozen=True)
class Explorer:
    """The page of a tape. In a notebook it shows itself."""

    measured: Measured  #: the numbers on the page, unrounded
    html: Html  #: the whole page
    path: Path | None  #: where it was written

    def save(self, out: str | Path) -> Explorer:
        """Write the page to another file; the result knows its path."""
        pages.write(out, self.html)
        return dataclasses.replace(self, path=Path(out))

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="Tape of '
            f'{escape(self.measured.tape.title)}" style="width:100%;height:{HEIGHT}px;border:1px solid #ccc"></iframe>'
        )

    def __repr__(self) -> str:
        where = "" if self.path is None else f", in {self.path}"
        tape, size = self.measured.tape, len(self.html.encode()) / 1024
        return f"<page of the tape of {tape.title}: {len(tape)} entries, {size:.0f} KiB{where}>"


def explore(
    fun: Callable[..., Any],
    *args: Any,
    out: str | Path | None = "tape.html",
    direction: Any = None,
    order: int = 6,
    deltas: Any = None,
    max_entries: int = MANY,
) -> Explorer:
    """The tape of `fun(*args)` as a page to step through: forward with the values, backward with the cotangents.

    Beside the tape stands the program, with the expression that runs; below it what is kept for the backward sweep. A
    switch shows tangents and Taylor coefficients in place of cotangents.

    Args:
        fun: any function of pytrees, also one that raises, or a derivative such as `grad(f)`: then each row says of
            which row it is the rule. Of `value_and_grad(f)` the tape of f is shown, which has both sweeps.
        *args: its arguments; those that are no numbers are passed on.
        out: the file; `None` writes none.
        direction: a tuple with a tangent for each argument, to show beside those of the inputs one by one.
        order: the highest Taylor coefficient; 0 for none. Of long tapes 3 at most are shown.
        deltas: cotangents that were derived by hand: a dict from names to arrays, or a function of the arguments that
            returns one. A name is one that `minigrad.name` gives, that of a local variable, or the number of an entry,
            "%12". The first that differs, going backward, is shown in red.
        max_entries: how many entries the tape may have.

    Returns:
        An object that shows the page in a notebook; `path` is the file, `html` the page, `measured` the numbers.

    Raises:
        ValueError: if the tape has more entries than `max_entries`, `deltas` names nothing on the tape, or a tangent
            does not fit its argument.
        TypeError: if an argument cannot be differentiated.
        OSError: if the file cannot be written.

    >>> explore(lambda x: np.sin(x) * x, 2.0, out=None)  # doctest: +ELLIPSIS
    <page of the tape of <lambda>: 3 entries, ... KiB>
    """
    if isinstance(order, bool) or not isinstance(order, int) or not 0 <= order <= 20:
        raise ValueError(located(f"explore: order={order!r}: the highest Taylor coefficient is a number from 0 to 20"))
    found = measured(_unwrapped(fun), args, direction=direction, order=order, deltas=deltas, max_entries=max_entries)
    explorer = Explorer(found, page_of(found), None)
    return explorer if out is None else explorer.save(out)


def _unwrapped(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function f of value_and_grad(f), of which the page shows both sweeps."""
    inner = getattr(fun, "__wrapped__", None)
    is_both = getattr(fun, "__name__", "") == f"value_and_grad_{getattr(inner, '__name__', type(inner).__name__)}"
    return inner if inner is not None and is_both else fun


# ----- the page -------------------------------------------------------------------------------------------------------


def page_of(found: Measured) -> Html:
    """The whole page."""
    folder = resources.files("minigrad.show") / "explorer"
    read = lambda name: (folder / name).read_text(encoding="utf-8")
    title = found.tape.title
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        data = columns(found)
        table = element("pre", _plain_table(found))
    body = Html(read("body.html"))  # it has no place to fill in: the script writes the title as text
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    script = "\n".join(read(f"{name}.js") for name in SCRIPTS)
    return pages.application(
        f"Tape of {title}", body, element("noscript", table), style=read("page.css"), script=script, data=text
    )


def _plain_table(found: Measured) -> str:
    """The tape as text, for readers without scripts."""
    more = len(found.tape) - PRINTED
    return printed(found.tape, most=PRINTED) + (f"\n... and {more} more" if more > 0 else "")


# ----- the data -------------------------------------------------------------------------------------------------------


def columns(found: Measured) -> dict[str, Any]:
    """The data of the page: lists with an item for each entry, edge, expression or operation.

    Values are `sampled`. Operations, dtypes with shapes, expressions and levels of nesting are listed once; entries
    refer to them by their number.
    """
    tape = found.tape
    limit = _limit(found)
    show = lambda value: sampled(value, limit)
    operations, types, levels = _Numbering(), _Numbering(), _Numbering()
    entries: list[tuple[Any, ...]] = []
    serials = {serial: k for k, serial in enumerate(sorted({s.serial for p in tape.places for s in p}), start=1)}
    for i, (primitive, parents, args, ans, params) in enumerate(tape.nodes):
        seen = tape.seen[i]
        path = tuple(
            [(phase, serials[serial], tape.observer.operations.get(serial, "")) for phase, serial in tape.places[i]]
        )
        entries.append((
            operations.of(primitive),
            list(parents),
            [constant(arg) if parent < 0 else "" for parent, arg in zip(parents, args)],
            parameters(params),
            types.of(_type(ans)),
            show(ans),
            show(found.cotangents[i]),
            seen.spot,
            levels.of(path),
            seen.passage,
            None if seen.rule is None else list(seen.rule),
            int(seen.adds),
            found.memory[i].nbytes,
            list(found.memory[i].readers),
            found.flops[i],
            _microseconds(seen.seconds),
            _microseconds(found.seconds_back[i]),
        ))  # fmt: skip
    names = (
        "op", "parents", "constants", "params", "type", "value", "cotangent", "spot", "level", "passage", "rule",
        "adds", "bytes", "readers", "flops", "micros", "microsBack",
    )  # fmt: skip
    sources, spots = _program(found)
    failure = found.failure
    return {
        "format": "minigrad-explore/1",
        "title": tape.title,
        "leaves": tape.leaves,
        "outputs": list(found.outputs),
        "labels": {str(k): v for k, v in sorted((tape.names | tape.labels).items())},
        "operations": [_operation(primitive) for primitive in operations.items],
        "types": [list(item) for item in types.items],
        "passages": [list(passage) for passage in tape.passages],
        "levels": [[list(level) for level in path] for path in levels.items],
        "sources": sources,
        "spots": spots,
        "entries": {name: [entry[k] for entry in entries] for k, name in enumerate(names)},
        "edges": {
            "node": [e.node for e in found.edges],
            "argument": [e.argument for e in found.edges],
            "parent": [e.parent for e in found.edges],
            "value": [show(e.contribution) for e in found.edges],
            "local": [show(e.local) for e in found.edges],
        },
        "directions": [{"name": d.name, "given": d.name == GIVEN} for d in found.directions],
        "tangents": [[show(t) for t in row] for row in found.tangents],
        "lines": [line.name for line in found.lines],
        "order": found.order if found.series else 0,
        "series": [[[show(c) for c in row] for row in rows] for rows in found.series],
        "deltas": [
            {"node": d.node, "name": d.label, "value": show(d.value), "agrees": d.agrees, "first": d.first,
             "difference": number(d.difference)}
            for d in found.deltas
        ],
        "troubles": {str(index): [cause.why, cause.cure] for index, cause in found.troubles.items()},
        "failure": None if failure is None else {"message": failure.message[:2000], "spot": failure.spot},
        "difference": number(found.difference),
        "notes": list(found.notes),
    }  # fmt: skip


def _limit(found: Measured) -> int:
    """How many entries of an array are shown, so that the page stays within its budget."""
    sizes = [max(1, int(np.size(peel(node[3])))) if type(node[3]) is not tuple else 1 for node in found.tape.nodes]
    each = 2 + len(found.directions) + len(found.series) * found.order
    edges = [sizes[edge.parent] for edge in found.edges]
    for limit in (400, 256, 144, 64, 48, 32, 24, 16, 12):
        if each * sum(min(s, limit) for s in sizes) + 2 * sum(min(s, limit) for s in edges) <= BUDGET:
            return limit
    return 8


class _Numbering:
    """Things that occur often, each listed once."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._known: dict[Any, int] = {}

    def of(self, item: Any) -> int:
        """The number of an item."""
        number = self._known.setdefault(item, len(self.items))
        if number == len(self.items):
            self.items.append(item)
        return number


def _microseconds(seconds: float) -> float:
    return round(seconds * 1e6, 1)


def _type(ans: Any) -> tuple[Any, ...]:
    if type(ans) is tuple:
        return f"{len(ans)} results", ()
    return str(getattr(ans, "dtype", "")), tuple(map(int, getattr(ans, "shape", ())))


def _operation(primitive: Any) -> list[Any]:
    """Name, kind, and the text of the rules; of one rule for all arguments that alone."""
    if primitive is None:
        return ["input", "input", []]
    rules = primitive.vjps if primitive.pull is None else (primitive.pull,)
    return [primitive.name, primitive.kind, list(map(rule_text, rules))]


def rule_text(rule: Any) -> str:
    """The formula of a rule as it stands in the table; empty where it is not one expression.

    >>> from minigrad.rules.elementwise import arctan
    >>> rule_text(arctan.primitive.vjps[0])
    'g / (1.0 + x * x)'
    """
    code = getattr(rule, "__code__", None)
    if code is None:
        return ""
    if code.co_name != "<lambda>":
        try:
            lines = [line.strip() for line in inspect.getsource(rule).splitlines()]
        except (OSError, TypeError):
            return ""
        found = [line.removeprefix("return ") for line in lines if line.startswith("return ")]
        return found[0] if len(found) == 1 and len(found[0]) < 90 else ""
    spans = [span for span in code.co_positions() if None not in span and span[2:] != (0, 0)]
    if not spans:
        return ""
    first, start = min((a, c) for a, _, c, _ in spans)
    last, stop = max((b, d) for _, b, _, d in spans)
    assert first is not None and last is not None  # noqa: PT018
    lines = [linecache.getline(code.co_filename, k).rstrip("\n") for k in range(first, last + 1)]
    lines[-1] = lines[-1].encode()[:stop].decode(errors="replace")
    lines[0] = lines[0].encode()[start:].decode(errors="replace")
    return " ".join(line.strip() for line in lines)


# ----- the user's program ---------------------------------------------------------------------------------------------


def _program(found: Measured) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """The functions that made entries, and the expressions in them, each with the number of its function."""
    codes = list(dict.fromkeys(spot.code for spot in found.tape.spots))
    texts = {code: _source(code) for code in codes}
    outer = {code: _enclosing(code, codes, texts) for code in codes}
    shown = [code for code in codes if outer[code] is code]
    sources = [
        {
            "file": os.path.basename(code.co_filename),
            "function": _function_name(code),
            "first": texts[code][1],
            "lines": texts[code][0],
        }
        for code in shown
    ]
    spots = [
        [shown.index(outer[s.code]), _function_name(s.code), s.line, s.first, s.last, s.start, s.stop, s.caller]
        for s in found.tape.spots
    ]
    return sources, spots


def _function_name(code: CodeType) -> str:
    name = code.co_qualname.rpartition("<locals>.")[2]
    return "the program" if name == "<module>" else name


def _source(code: CodeType) -> tuple[list[str], int]:
    try:
        lines, first = inspect.getsourcelines(code)
    except (OSError, TypeError, IndexError, SyntaxError):
        return [], code.co_firstlineno
    return [line.rstrip("\n") for line in lines], max(first, 1)


def _enclosing(code: CodeType, codes: Sequence[CodeType], texts: dict[CodeType, tuple[list[str], int]]) -> CodeType:
    """The function whose text contains that of another one, such as a lambda; itself if there is none."""
    lines, first = texts[code]
    for other in codes:
        theirs, start = texts[other]
        inside = start <= first and first + len(lines) <= start + len(theirs)
        if other.co_filename == code.co_filename and inside and lines and (len(theirs), -codes.index(other)) > (
            len(lines), -codes.index(code)
        ):  # fmt: skip
            return _enclosing(other, codes, texts)
    return code
