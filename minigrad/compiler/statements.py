"""The statement of the user's program that is being run: its text, and the variable that it assigns to.

Python keeps for every instruction where in the file its expression begins and ends. With the syntax tree of the file
this gives the statement, also where several share a line or one takes several lines, and the body of a lambda within a
line. Only `source` pays for looking.
"""

from __future__ import annotations

import ast
import functools
import linecache
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from minigrad.core.lines import is_ours
from minigrad.core.tape import Box, peel
from minigrad.rules.writing import Share

Span = tuple[int, int, int, int]  # first line and column, last line and column, as Python counts them


class Statement(NamedTuple):
    """A statement of the user's program, or the body of a lambda, with what one of its instructions makes."""

    filename: str
    span: Span
    text: str  #: in one line; of an `if`, a loop and the like their first line
    target: str | None = None  #: the variable to which the value of the instruction is assigned
    returned_by: str | None = None  #: the function whose result it is

    def is_same(self, other: Statement | None) -> bool:
        """Whether another instruction belongs to the same statement."""
        return other is not None and self.span == other.span and self.filename == other.filename


class Statements:
    """Finds statements; it reads each file once."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[list[str], list[_Part]]] = {}
        self._found: dict[tuple[CodeType, int], Statement] = {}

    def at(self, frame: Any) -> Statement:
        """The statement that a frame runs."""
        code, instruction = frame.f_code, frame.f_lasti
        found = self._found.get((code, instruction))
        if found is None:
            found = self._found[code, instruction] = self._look(code, instruction, frame.f_lineno)
        return found

    def _look(self, code: CodeType, instruction: int, line: int) -> Statement:
        lines, parts = self._of_file(code.co_filename)
        span = _span(code, instruction)
        if span is not None:
            around = [part for part in parts if part.span[:2] <= span[:2] and span[2:] <= part.span[2:]]
            if around:
                part = max(around, key=lambda part: (part.span[:2], (-part.span[2], -part.span[3])))
                target, is_returned = target_of(part.node, span)
                function = code.co_name if is_returned and code.co_name.isidentifier() else None
                return Statement(code.co_filename, part.span, _text_of(lines, part), target, function)
        text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        return Statement(code.co_filename, (line, 0, line, 0), text)

    def _of_file(self, filename: str) -> tuple[list[str], list[_Part]]:
        if filename not in self._parts:
            lines = linecache.getlines(filename)
            try:
                parts = list(_parts_of(ast.parse("".join(lines))))
            except (SyntaxError, ValueError, RecursionError):  # no Python, such as a cell with commands of IPython
                parts = []
            self._parts[filename] = lines, parts
        return self._parts[filename]


class _Part(NamedTuple):
    node: Any
    span: Span
    end: tuple[int, int]  # where its text ends: that of a loop ends before its body


def _parts_of(tree: ast.AST) -> Iterator[_Part]:
    """The statements and the bodies of lambdas."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            yield _Part(node.body, _span_of(node.body), _span_of(node.body)[2:])
        elif isinstance(node, ast.stmt):
            span = _span_of(node)
            body = getattr(node, "body", None) or getattr(node, "cases", None)
            if body:
                first = body[0].pattern if isinstance(node, ast.Match) else body[0]
                yield _Part(node, span, (first.lineno, first.col_offset))
            else:
                yield _Part(node, span, span[2:])


def _span_of(node: Any) -> Span:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


@functools.lru_cache(maxsize=256)
def _positions(code: CodeType) -> list[Any]:
    return list(code.co_positions())


def _span(code: CodeType, instruction: int) -> Span | None:
    """Where the expression of an instruction begins and ends."""
    positions = _positions(code)
    if not 0 <= instruction // 2 < len(positions):
        return None
    start, stop, column, last = positions[instruction // 2]
    if start is None or stop is None or column is None or last is None:
        return None
    return start, column, stop, last


def _text_of(lines: list[str], part: _Part) -> str:
    """The text of a statement in one line."""
    (start, column), (stop, last) = part.span[:2], part.end
    found = [line.encode() for line in lines[start - 1 : stop]]
    if not found:
        return ""
    found[-1] = found[-1][:last]
    found[0] = found[0][column:]
    return " ".join(b" ".join(found).decode(errors="replace").split())


def target_of(node: ast.AST, span: Span) -> tuple[str | None, bool]:
    """The variable to which a statement assigns the value of the expression at `span`, and whether it returns it.

    A value that is put into an array or a list, or becomes an attribute, is called like these. The parts of an
    expression have no names: of `z = np.tanh(w @ x)` only the whole has.
    """
    if isinstance(node, ast.Assign):
        target: Any = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            for name, value in zip(target.elts, node.value.elts):
                if _is_whole(value, span):
                    return _name_of(name), False
        return _name_of(target) if _is_whole(node.value, span) else None, False
    if isinstance(node, ast.AnnAssign):
        return _name_of(node.target) if node.value is not None and _is_whole(node.value, span) else None, False
    if isinstance(node, ast.AugAssign):
        return _name_of(node.target) if span == _span_of(node) else None, False
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
        called = node.value.func
        if isinstance(called, ast.Attribute) and called.attr in ("append", "appendleft", "add", "insert"):
            return _name_of(called.value) if _is_whole(node.value.args[-1], span) else None, False
    return None, isinstance(node, ast.Return) and node.value is not None and _is_whole(node.value, span)


def _is_whole(value: Any, span: Span) -> bool:
    """Whether the expression at `span` is all of a value, or all of it in one case."""
    if isinstance(value, ast.IfExp):
        return _is_whole(value.body, span) or _is_whole(value.orelse, span)
    if isinstance(value, ast.NamedExpr):
        return _is_whole(value.value, span)
    return _span_of(value) == span


def _name_of(target: Any) -> str | None:
    while isinstance(target, (ast.Subscript, ast.Starred)):
        target = target.value
    if isinstance(target, ast.Name):
        return target.id
    return target.attr if isinstance(target, ast.Attribute) else None


# ----- where a step of a program comes from -------------------------------------------------------------------------


def user_frame() -> Any:
    """The innermost frame outside of minigrad and NumPy."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def plain_of(value: Any) -> Any:
    """A value without its boxes; of several results the first."""
    return peel(value[0]) if type(value) is tuple and value else peel(value)


def note_names(trace: Any, frame: Any, kind: Any) -> None:
    """What the variables of the user's function call the values of the program, and arrays that it captures."""

    def note(name: str, value: Any) -> None:
        while type(value) is Box:
            value = value.value
            if isinstance(value, Share):  # to ask it now, in the middle of a step, would be one more step
                value = value.known()
        value = peel(value)
        if type(value) is kind:
            trace.names.setdefault(value.variable.index, name)
        elif issubclass(type(value), np.ndarray) and id(value) not in trace.arrays:
            trace.arrays[id(value)] = name, value

    for name, value in list(frame.f_locals.items()):
        if type(value) in (list, tuple) and len(value) <= 64:
            for i, part in enumerate(value):
                note(f"{name}{i}", part)
        else:
            note(name, value)
    code = frame.f_code
    if code not in trace.codes:
        trace.codes.add(code)
        for name in code.co_names:
            note(name, frame.f_globals.get(name))
