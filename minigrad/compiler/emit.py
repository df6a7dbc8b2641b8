"""`source`: a traced computation as a module that a person can read, and that runs with NumPy alone."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.compiler.layout import WIDTH, broken
from minigrad.compiler.naming import Names, Ways, identifier, name_of_function
from minigrad.compiler.passes import optimised, without_dead_code
from minigrad.compiler.stage import Program
from minigrad.compiler.statements import user_frame
from minigrad.compiler.traced import Traced, asked_by, traced_for_good
from minigrad.compiler.writer import Writer
from minigrad.core.lines import located
from minigrad.core.tree import LEAF, TreeDef


class Source(str):
    """The text of a module. `name` is its function; `constants` are the captured values that are its last arguments."""

    name: str
    constants: dict[str, Any]
    keywords: dict[str, str]  #: the names of keyword arguments, each with that of its parameter

    def function(self) -> Callable[..., Any]:
        """The function of this text, made in a namespace of its own, with the captured values filled in."""
        namespace: dict[str, Any] = {}
        exec(self, namespace)

        def call(*args: Any, **kwargs: Any) -> Any:
            named = {self.keywords.get(key, key): value for key, value in kwargs.items()}
            return namespace[self.name](*args, **named, **self.constants)

        return call


def written_tree(outdef: TreeDef, parts: Any, ways: Ways) -> str:
    """The expression of the result; of containers other than tuples, lists and dicts, a tuple of their parts."""
    if outdef is LEAF:
        return str(next(parts))
    if outdef.example is None:
        return "None"
    inside = [written_tree(child, parts, ways) for child in outdef.children]
    kind = type(outdef.example)
    if kind is list:
        return f"[{', '.join(inside)}]"
    if kind is dict:
        keys = [ways.key(key) for key in outdef.example]
        return f"{{{', '.join(f'{key}: {part}' for key, part in zip(keys, inside))}}}"
    return f"({', '.join(inside)}{',' if len(inside) == 1 else ''})"


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


def module(traced: Traced, program: Program, fun: Any, args: Sequence[Any], kwargs: Any, scopes: Any = ()) -> Source:
    """The text of a program."""
    name = identifier(name_of_function(fun, scopes))
    names = Names()
    names.new(name)
    parameters = [names.new(parameter) for parameter in (*parameters_of(fun, len(args)), *kwargs)]
    writer = Writer(traced, without_dead_code(program), parameters, names)
    body = writer.statements()
    results = iter([writer.renderer.value(output) for output in writer.program.outputs])
    result = written_tree(traced.outdef, results, writer.ways)
    made = [line for name, text in writer.literals.items() for line in broken(f"{name} = {text}", WIDTH - 4)]
    lines = [*made, *body]
    while lines and not lines[0]:
        lines.pop(0)
    lines += ([""] if body else []) + returned(result, traced.outdef)
    used = names_in("\n".join(lines))
    unpacked = [*unpacking(writer.parts, used), *writer.converted]
    lines = [*unpacked, *([""] if unpacked and lines[0].startswith("#") else []), *lines]
    used |= names_in("\n".join(lines))
    constants = {name: value for name, value in writer.constants.items() if name in used}
    text = ["import numpy as np", *(["import scipy.special"] if "scipy" in used else []), ""]
    for helper, written in writer.helpers.items():
        if helper in used:
            text += ["", written.rstrip(), ""]
    text += ["", *_definition(name, [*parameters, *constants])]
    text += [f"    {line}" if line else "" for line in lines]
    found = Source("\n".join(text) + "\n")
    found.name, found.constants = name, constants
    found.keywords = dict(zip(kwargs, parameters[len(args) :]))
    check(found, {*parameters, *constants}, set(writer.helpers))
    return found


def names_in(text: str) -> set[str]:
    """The names that a text reads."""
    tree = ast.parse("def text():\n" + "\n".join([f"    {line}" for line in text.split("\n")]))
    return {node.id for node in ast.walk(tree) if type(node) is ast.Name and type(node.ctx) is ast.Load}


# What the text uses of Python.
_BUILTINS = {"ValueError", "complex", "format", "getattr", "hash", "int", "repr", "round", "slice"}


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
    own = {*parameters, "np", "scipy", *helpers, *_BUILTINS}
    for node in ast.walk(function):
        if type(node) is ast.Name and type(node.ctx) is ast.Store:
            if node.id in {"np", "scipy", *helpers, *_BUILTINS}:
                raise _unsafe(f"it gives {node.id} another meaning")
            own.add(node.id)
    for node in ast.walk(function):
        if type(node) is ast.Name and node.id not in own:
            raise _unsafe(f"it reads {node.id}")
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Lambda, ast.Await, ast.Yield, ast.ClassDef)) or (
            isinstance(node, ast.FunctionDef) and node is not function
        ):
            raise _unsafe(f"it has a {type(node).__name__} within")


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


def source(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Source:
    """What `fun(*args)` computes, derivatives included, as a module that reads like a derivation by hand.

    Args:
        fun: a function as for `compile`, often a derivative such as `grad(f)`.
        *args: its arguments. They fix the shapes, and the branch taken at each `if` that depends on numbers.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        The text of a Python module, a `str`. It needs NumPy alone, is formatted as ruff formats, and computes the same
        bits. A value has the name of the user's variable, where a line assigns to one; the cotangent of `z` is `z_bar`;
        every block is headed by the user's line. The function has the arguments of `fun`, then the captured arrays.
        `.constants` holds these arrays by name, `.name` is the name of the function, and `.function()` is the function
        itself, with the captured arrays filled in.

    Raises:
        CannotCompileError: as `compile`.
        TypeError: for an operation that is not NumPy's own.

    >>> from minigrad import grad, source
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(x @ w))
    >>> print(source(grad(loss), np.ones(2), np.ones((3, 2))))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def grad_loss(w, x):
        # primal: return np.sum(np.tanh(x @ w))
        u = np.tanh(x @ w)  # (3,)
    <BLANKLINE>
        # pullback of: return np.sum(np.tanh(x @ w))
        w_bar = x.T @ (1.0 - u * u)  # (2,)
    <BLANKLINE>
        return w_bar
    <BLANKLINE>
    """
    frame = user_frame()
    with asked_by("source"):
        traced = traced_for_good(fun, args, kwargs, keeps_lines=True)
    return module(traced, optimised(traced.program), fun, args, kwargs, (frame.f_locals, frame.f_globals))
