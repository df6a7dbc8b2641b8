"""`source`: a traced computation as a module that a person can read, and that runs with NumPy alone."""

from __future__ import annotations

import ast
import inspect
import symtable
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minigrad.compiler.layout import WIDTH, broken
from minigrad.compiler.naming import Names, identifier, name_of_function
from minigrad.compiler.passes import without_dead_code
from minigrad.compiler.program import Program
from minigrad.compiler.traced import Traced
from minigrad.compiler.writer import Writer
from minigrad.core.lines import located
from minigrad.core.tree import TreeDef


class Source(str):
    """The text of a module. `name` is its function; `constants` are the captured values that are its last arguments."""

    name: str
    constants: dict[str, Any]
    loops: int  #: how many loops were rolled up again
    fell_back: str = ""  #: why this is a plainer text than was asked for
    keywords: dict[str, str]  #: the names of keyword arguments, each with that of its parameter

    def __repr__(self) -> str:
        return f"<source of {self.name}: {len(self.splitlines())} lines>"

    def function(self) -> Callable[..., Any]:
        """The function of this text, made in a namespace of its own, with the captured values filled in."""
        namespace: dict[str, Any] = {}
        exec(self, namespace)

        def call(*args: Any, **kwargs: Any) -> Any:
            named = {self.keywords.get(key, key): value for key, value in kwargs.items()}
            return namespace[self.name](*args, **named, **self.constants)

        return call


# ----- the text -------------------------------------------------------------------------------------------------------


def parameters_of(fun: Any, count: int) -> list[str]:
    """The names of the positional arguments, those of the function that was differentiated."""
    names: list[str] = []
    rest = "arg"
    try:
        for name, parameter in inspect.signature(fun).parameters.items():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                names.append(name)
            elif parameter.kind is parameter.VAR_POSITIONAL:
                rest = name
    except Exception:  # a built-in function without a signature, or one with names that are none
        pass
    names = names[:count]
    return names + [f"{rest}{i}" for i in range(count - len(names))]


def plainly(traced: Traced, program: Program, parameters: Sequence[str], names: Names) -> tuple[Writer, list[str]]:
    """A writer of a program as it is, and its lines."""
    writer = Writer(traced, program, parameters, names)
    return writer, writer.statements()


def module(
    traced: Traced,
    program: Program,
    fun: Any,
    args: Sequence[Any],
    kwargs: Any,
    scopes: Any = (),
    writing: Callable[..., tuple[Writer, list[str]]] = plainly,
) -> Source:
    """The text of a program; `writing` makes a writer and its lines."""
    name = identifier(name_of_function(fun, scopes))
    names = Names()
    names.new(name)
    parameters = [names.new(parameter) for parameter in (*parameters_of(fun, len(args)), *kwargs)]
    writer, body = writing(traced, without_dead_code(program), parameters, names)
    result = writer.result(traced.outdef)
    made = [line for name, text in writer.literals.items() for line in broken(f"{name} = {text}", WIDTH - 4)]
    lines = [*made, *body]
    while lines and not lines[0]:
        lines.pop(0)
    lines += ([""] if body else []) + returned(result, traced.outdef)
    used = names_in("\n".join(lines))
    unpacked = [*unpacking(writer.parts, used), *writer.converted]
    lines = [*unpacked, *([""] if unpacked and lines[0].startswith("#") else []), *lines]
    used |= names_in("\n".join(unpacked))
    constants = {name: value for name, value in writer.constants.items() if name in used}
    text = ["import numpy as np", *(["import scipy.special"] if "scipy" in used else []), ""]
    for helper, written in writer.helpers.items():
        if helper in used:
            text += ["", written.rstrip(), ""]
    text += ["", *_definition(name, [*parameters, *constants])]
    text += [f"    {line}" if line else "" for line in lines]
    found = Source("\n".join(text) + "\n")
    found.name, found.constants, found.loops = name, constants, writer.count
    found.keywords = dict(zip(kwargs, parameters[len(args) :]))
    check(found, {*parameters, *constants}, set(writer.helpers))
    return found


def names_in(text: str) -> set[str]:
    """The names that a text reads."""
    body = "\n".join([f"    {line}" for line in text.split("\n")])
    found: set[str] = set()
    tables = [symtable.symtable(f"def text():\n    pass\n{body}", "<text>", "exec")]
    while tables:  # the table of names is made without a syntax tree in Python, which takes five times as long
        table = tables.pop()
        found.update([symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()])
        tables += table.get_children()
    return found


# What the text uses of Python.
_BUILTINS = {
    "ValueError", "complex", "format", "getattr", "hash", "int", "len", "range", "repr", "reversed", "round", "slice",
}  # fmt: skip


def check(text: Source, parameters: set[str], helpers: set[str]) -> None:
    """Parse a text before it is given away: it is one function, and all names in it are its own or those of NumPy.

    Names, keys and lines of the user's go into it, each made harmless where it is written. This is the second bolt.
    """
    tree = ast.parse(text)
    *above, function = tree.body
    are_known = all(
        isinstance(node, ast.Import) or (isinstance(node, ast.FunctionDef) and node.name in helpers) for node in above
    )
    if not (are_known and isinstance(function, ast.FunctionDef) and function.name == text.name):
        raise _unsafe("it is more than one function")
    taken = {"np", "scipy", *helpers, *_BUILTINS}
    stored: set[str] = set()
    read: set[str] = set()
    for node in _nodes(function):
        kind = type(node)
        if kind is ast.Name:
            (stored if type(node.ctx) is ast.Store else read).add(node.id)
        elif kind in _FORBIDDEN and node is not function:
            raise _unsafe(f"it has a {kind.__name__} within")
    for name in stored & taken:
        raise _unsafe(f"it gives {name} another meaning")
    for name in read - stored - taken - parameters:
        raise _unsafe(f"it reads {name}")


_FORBIDDEN = {
    ast.Import, ast.ImportFrom, ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom, ast.ClassDef, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.Global, ast.Nonlocal,
}  # fmt: skip


def _nodes(node: ast.AST) -> Iterator[Any]:
    """All nodes of a syntax tree but those that say how a name is used; `ast.walk` takes three times as long."""
    stack: list[Any] = [node]
    while stack:
        node = stack.pop()
        yield node
        kind = type(node)
        if kind is ast.Name or kind is ast.Constant:
            continue
        for field in kind._fields:
            value = getattr(node, field, None)
            if type(value) is list:
                stack += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                stack.append(value)


def _unsafe(what: str) -> Exception:
    return RuntimeError(located(f"source: the text that was written is not used, since {what}; an error of minigrad"))


def unpacking(parts: Sequence[tuple[str, str]], used: set[str]) -> list[str]:
    """The lines that take the parts of arguments out of them; those of one list or tuple share a line."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for name, way in parts:
        holder, _, key = way.rpartition("[")
        if name in used:
            grouped.setdefault(holder if key[:-1].isdigit() else way, []).append((name, way))
    found: list[str] = []
    for group in grouped.values():
        left, right = ", ".join(name for name, _ in group), ", ".join(way for _, way in group)
        if len(right) + len(left) < WIDTH - 8:
            found.append(f"{left} = {right}")
        else:
            found += [line for name, way in group for line in broken(f"{name} = {way}", WIDTH - 4)]
    return found


def returned(result: str, outdef: TreeDef) -> list[str]:
    """The last statement; a tuple is written without its parentheses where it fits in a line."""
    bare = type(ast.parse(result, mode="eval").body) is ast.Tuple and len(outdef.children) > 1
    line = f"return {result[1:-1] if bare else result}"
    return [line] if len(line) <= WIDTH - 4 else broken(f"return {result}", WIDTH - 4)


def _definition(name: str, parameters: Sequence[str]) -> list[str]:
    line = f"def {name}({', '.join(parameters)}):"
    if len(line) <= WIDTH:
        return [line]
    inner = f"    {', '.join(parameters)}"
    if len(inner) <= WIDTH:
        return [f"def {name}(", inner, "):"]
    return [f"def {name}(", *[f"    {parameter}," for parameter in parameters], "):"]
