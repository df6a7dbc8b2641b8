"""Functions out of scripts and notebooks, without running what they do not need.

A module is imported. A notebook (`.ipynb`), or a script that looks like one, also draws, prints and trains: of that,
only the statements are run that the wanted names depend on, found by going backward from the end and keeping whatever
sets a name that is needed later on. Lines that only IPython understands are left out, and `autograd` is read as
`minigrad`.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import importlib.util
import io
import json
import linecache
import os
import re
import runpy
import sys
import types
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.compat.as_autograd import standing_in
from minigrad.errors import CommandError

MAGIC = re.compile(r"\s*([%!?]|run\s+-|.*\?\s*$)")
DISPLAY = {"matplotlib", "pylab", "seaborn", "plotly", "IPython"}


class Statement(NamedTuple):
    """One statement at the top level, and the names it has to do with.

    `sets` are bound or changed by it, `replaces` bound in any case; `reads` are needed when it runs, `later` when the
    functions that it defines are called.
    """

    node: ast.stmt
    filename: str
    sets: frozenset[str]
    replaces: frozenset[str]
    reads: frozenset[str]
    later: frozenset[str]


Variables = Callable[[Collection[str]], dict[str, Any]]


def program(path: str) -> Variables:
    """A script, module or notebook, as a function from names that are wanted to all the variables they depend on.

    Args:
        path: a `.py` or `.ipynb` file, or the dotted name of a module.

    Returns:
        A function from names to the variables that they depend on.

    Raises:
        CommandError: in one line that names the file and the line, also when the result is called.

    A notebook is run, in part, by every call of the result; a script or module once, whatever is wanted.
    """
    file = Path(path)
    if file.suffix not in (".py", ".ipynb"):
        variables = _imported(path)
        return lambda names: variables
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"{path}: {reason}") from None
    if file.suffix == ".ipynb" or is_notebook(text):
        statements = _statements(_cells(path, text) if file.suffix == ".ipynb" else [(path, text)])
        return lambda names: _run(path, _needed(statements, names))
    variables = _executed(path)
    return lambda names: variables


def is_notebook(text: str) -> bool:
    """Whether a script was exported from a notebook, or has lines that only IPython understands."""
    if re.search(r"^# In\[[\d ]*\]:|^# %%|get_ipython\(", text, re.MULTILINE):
        return True
    try:
        ast.parse(text)
    except SyntaxError as error:
        line = text.splitlines()[error.lineno - 1] if error.lineno and error.lineno <= text.count("\n") + 1 else ""
        return bool(MAGIC.match(line))
    return False


# ----- modules --------------------------------------------------------------------------------------------------------


def _imported(name: str) -> dict[str, Any]:
    sys.path.insert(0, "")
    try:
        with _quietly(name):
            return vars(importlib.import_module(name))
    except (Exception, SystemExit) as error:
        raise CommandError(
            f"{name}: {_in_words(error)} (give a .py or .ipynb file, or a module that can be imported)"
        ) from None
    finally:
        sys.path.remove("")


def _executed(path: str) -> dict[str, Any]:
    """A script as a module: `if __name__ == "__main__"` is not run."""
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)
    try:
        with _quietly(path), _ported():
            return runpy.run_path(path, run_name=Path(path).stem)
    except SyntaxError as error:
        raise CommandError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        raise CommandError(f"{_where_raised(error, path)}: {_in_words(error)}") from None
    finally:
        sys.path.remove(folder)


# ----- notebooks ------------------------------------------------------------------------------------------------------


def _cells(path: str, text: str) -> list[tuple[str, str]]:
    """The code cells of a notebook: a name to show in messages, and the text."""
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"{path}: not a notebook in version 4 of the format") from None
    return [
        (f"{path}, cell {number}", source if isinstance(source, str) else "".join(source))
        for number, source in enumerate(sources, start=1)
    ]


def _statements(cells: list[tuple[str, str]]) -> list[Statement]:
    found = []
    displays = {"print", "display"}
    for filename, text in cells:
        if text.lstrip().startswith("%%"):  # a cell in another language, or a magic for the whole of it
            continue
        tree, text = _parsed(filename, text)
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        for node in tree.body:
            displays |= _display_names(node)
            found.append(_statement(node, filename, displays))
    return found


def _parsed(filename: str, text: str) -> tuple[ast.Module, str]:
    """The syntax tree, without the lines that only IPython understands; their numbers stay."""
    lines = text.splitlines()
    while True:
        source = "\n".join(lines)
        try:
            return ast.parse(source, filename), source
        except SyntaxError as error:
            number = (error.lineno or 1) - 1
            if number >= len(lines) or not MAGIC.match(lines[number]):
                raise CommandError(f"{filename}, line {error.lineno}: {error.msg}") from None
            lines[number] = re.match(r"\s*", lines[number]).group() + "pass"  # type: ignore[union-attr]


def _display_names(node: ast.stmt) -> set[str]:
    """Names under which modules that only draw are imported."""
    if isinstance(node, ast.Import):
        return {
            (a.asname or a.name).split(".")[0] for a in node.names if a.name.split(".")[0] in DISPLAY
        }  # fmt: skip
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in DISPLAY:
        return {a.asname or a.name for a in node.names}
    return set()


def _statement(node: ast.stmt, filename: str, displays: set[str]) -> Statement:
    code = compile(ast.Module([node], []), filename, "exec")
    first: dict[str, bool] = {}  # name -> whether it is read before it is bound
    bound: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            first.setdefault(step.argval, True)
        elif step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            first.setdefault(step.argval, False)
            bound.add(step.argval)
    inner = {name for part in code.co_consts if isinstance(part, types.CodeType) for name in _globals_of(part)}
    reads = {name for name, is_read in first.items() if is_read}
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        later = inner
    else:  # a lambda may be called now or later, a comprehension now
        reads, later = reads | (inner - bound), inner
    is_simple = not isinstance(node, (ast.For, ast.While, ast.If, ast.Try, ast.With, ast.AugAssign))
    return Statement(
        node,
        filename,
        frozenset(bound | _changed(node, displays)),
        frozenset(bound if is_simple else ()),
        frozenset(reads),
        frozenset(later),
    )


def _globals_of(code: types.CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname.startswith("LOAD") and step.opname.endswith(("NAME", "GLOBAL", "GLOBALS")):
            yield step.argval
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _globals_of(part)


def _root(node: ast.AST) -> str | None:
    """The variable at the beginning of `a.b[0].c(1)`."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _changed(statement: ast.stmt, displays: set[str]) -> set[str]:
    """Variables whose values a statement may write into: `x[0] = 1`, `A.append(1)`, `shuffle(x)`."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return set()
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found.add(_root(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = _root(node.value.func)
            if function not in displays and function != "get_ipython":
                keywords = [keyword.value for keyword in node.value.keywords]
                found |= {_root(part) for part in (node.value.func, *node.value.args, *keywords)}
    return {name for name in found if name is not None}


def _needed(statements: list[Statement], names: Collection[str]) -> list[Statement]:
    """The statements that the final values of `names` depend on, in their order."""
    at_the_end = set(names)
    while True:
        live, kept, later = set(at_the_end), [], set(at_the_end)
        for statement in reversed(statements):
            if statement.sets & live:
                kept.append(statement)
                live = (live - statement.replaces) | statement.reads
                later |= statement.later
        if later == at_the_end:
            return kept[::-1]
        at_the_end = later  # functions read these when they are called, after everything has run


def _run(path: str, statements: list[Statement]) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": Path(path).stem, "__file__": path}
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)
    try:
        with _quietly(path), _ported(always=True):
            for node, filename, *_ in statements:
                try:
                    exec(compile(ast.Module([node], []), filename, "exec"), scope)
                except (Exception, SystemExit) as error:
                    raise CommandError(f"{filename}, line {node.lineno}: {_in_words(error)}") from None
    finally:
        sys.path.remove(folder)
    return scope


# ----- while it runs --------------------------------------------------------------------------------------------------


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _where_raised(error: BaseException, path: str) -> str:
    """The line of the file that an exception went through."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return path if line is None else f"{path}, line {line}"


@contextlib.contextmanager
def _quietly(path: str) -> Iterator[None]:
    """What a program prints while it is loaded is not part of a report; our arguments do not reach it."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    arguments, sys.argv = sys.argv, [path]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        sys.argv = arguments


@contextlib.contextmanager
def _ported(always: bool = False) -> Iterator[None]:
    """`import autograd` finds minigrad, whose names are the same, in notebooks and where autograd is not installed.

    A script where autograd is installed keeps it: its gradient may be the very thing that is checked.
    """
    if not always and importlib.util.find_spec("autograd") is not None:
        yield
        return
    with standing_in():
        yield
