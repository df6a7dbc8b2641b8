"""What the user's line is calling at this moment: the function itself, and its text, for messages about this call.

Python knows for each instruction of which part of the line it was made. The instructions that load the name of what is
called begin where the call begins, so they are found without the source, which an interactive session may not have.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import linecache
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

_LONGEST = 70  #: characters of a call that a message repeats


class Doing(NamedTuple):
    """What a frame is doing."""

    kind: str  #: "call", "write" (`a[i] = x`), "index" (`a[x]`), "text" (`"%f" % x`), or "" if it is something else
    function: Any = None  #: what is called
    owner: Any = None  #: what its last attribute was taken of: `M` in `M.dot(x)`
    name: str = ""  #: as it is written: `np.array`, `M.dot`; of a write the target, `a[i]`
    arguments: str = ""  #: as they are written, with their parentheses: `([x, y])`; empty where there is no text


_WRITES, _READS = ("STORE_SUBSCR", "STORE_SLICE"), ("BINARY_SUBSCR", "BINARY_SLICE")


def doing(frame: Any) -> Doing:
    """What the frame of a user's function is doing, as far as its instructions tell."""
    steps = [step for step in dis.get_instructions(frame.f_code) if step.offset <= frame.f_lasti]
    if not steps:
        return Doing("")
    now, place = steps[-1], steps[-1].positions
    if place is None or place.lineno is None or place.col_offset is None or place.end_lineno is None:
        return Doing("")
    text = _text(frame.f_code, place)
    if now.opname in _WRITES:
        return Doing("write", name=text)
    if now.opname in _READS or (now.opname == "BINARY_OP" and now.argrepr == "[]"):
        return Doing("index", name=text)
    if now.opname == "BINARY_OP" and now.argrepr == "%":
        return Doing("text", name=text)
    if "CALL" not in now.opname:
        return Doing("")
    start = (place.lineno, place.col_offset)
    found = owner = None
    path: list[str] = []
    is_known, method = True, ""
    for step in steps[:-1]:
        at = step.positions
        if at is None or (at.lineno, at.col_offset) != start:
            continue
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            method = step.argval
            owner, found = found, _attribute(found, method) if is_known else None
            path.append(method)
        elif step.opname.startswith("LOAD_") and type(step.argval) is str:
            owner, found, path, method = None, _variable(frame, step.argval), [step.argval], ""
        elif step.opname.startswith(("CALL", "BINARY")) and step.offset < now.offset and _end(at) != _end(place):
            is_known, method = False, ""  # an entry, or the result of a call: f(x).dot(y), M[0].dot(x)
    if not is_known:
        return Doing("call", name=f"….{method}" if method else "")
    name = ".".join(path)
    return Doing("call", found, owner, name, text[len(name) :] if text.startswith(name + "(") else "")


def _end(place: Any) -> tuple[int, int]:
    return place.end_lineno, place.end_col_offset


def _variable(frame: Any, name: str) -> Any:
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if name in scope:
            return scope[name]
    return None


def _attribute(owner: Any, name: str) -> Any:
    """An attribute, unless it is a property of the user's own class, which could do anything."""
    if owner is None or isinstance(inspect.getattr_static(type(owner), name, None), property):
        return None
    return getattr(owner, name, None)


def _text(code: CodeType, place: Any) -> str:
    """A part of the source in one line; empty where there is none, or where it is long."""
    lines = [linecache.getline(code.co_filename, n) for n in range(place.lineno, place.end_lineno + 1)]
    if not all(lines):
        return ""
    lines[-1] = _cut(lines[-1], None, place.end_col_offset)
    lines[0] = _cut(lines[0], place.col_offset, None)
    text = " ".join(line.strip() for line in lines)
    return text if len(text) <= _LONGEST and "#" not in text else ""


def _cut(line: str, start: int | None, end: int | None) -> str:
    """Columns are counted in bytes of UTF-8."""
    return line.encode()[start:end].decode(errors="replace")


def _first(arguments: str, frame: Any) -> tuple[Any, Any]:
    """The first argument of a call as it is written, and its value if it is a variable."""
    try:
        call: Any = ast.parse("f" + arguments, mode="eval").body
        first = call.args[0]
    except (SyntaxError, AttributeError, IndexError):
        return None, None
    return first, _variable(frame, first.id) if isinstance(first, ast.Name) else None


def is_list(arguments: str, frame: Any) -> bool:
    """Whether the first argument of a call, `([x, y])`, is a list, as far as it can be told."""
    first, value = _first(arguments, frame)
    return not isinstance(first, ast.Name) or isinstance(value, (list, tuple))


def holds_lists(arguments: str, frame: Any) -> bool:
    """Whether the first argument of a call, `([[x, y], [y, x]])`, is a list of lists."""
    first, value = _first(arguments, frame)
    if isinstance(value, (list, tuple)):
        return any(isinstance(each, (list, tuple)) for each in value)
    parts = getattr(first, "elts", [getattr(first, "elt", None)])
    return any(isinstance(part, (ast.List, ast.Tuple, ast.ListComp)) for part in parts)


_JOINS = ("stack", "vstack", "hstack", "dstack", "column_stack", "concatenate", "block")  #: these take a list


def with_stacks(name: str, arguments: str, frame: Any) -> str:
    """A call in which lists of values are stacked: `np.sum(np.stack([x, y]))` of `np.sum` and `([x, y])`."""
    try:
        call: Any = ast.parse("f" + arguments, mode="eval").body
        first: Any = call.args[0]
        if name.rpartition(".")[2] in _JOINS and isinstance(first, (ast.List, ast.Tuple)):
            first.elts = [_stacked(arg, frame) for arg in first.elts]
        else:
            call.args = [_stacked(arg, frame) for arg in call.args]
    except (SyntaxError, AttributeError, IndexError):
        return f"{name}(np.stack([x, y]))"
    return f"{name}{ast.unparse(call)[1:]}"


def _stacked(part: ast.expr, frame: Any) -> ast.expr:
    is_list = isinstance(part, (ast.List, ast.Tuple, ast.ListComp))
    if isinstance(part, ast.Name):
        is_list = isinstance(_variable(frame, part.id), (list, tuple))
    if not is_list or not any(isinstance(each, ast.Name) for each in ast.walk(part)):
        return part
    return ast.Call(ast.parse("np.stack", mode="eval").body, [part], [])


def is_vectorized(frame: Any) -> bool:
    """Whether this frame is that of `np.vectorize`, which calls a function entry by entry."""
    return isinstance(frame.f_locals.get("self"), np.vectorize)
