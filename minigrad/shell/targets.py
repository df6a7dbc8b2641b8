"""What a command works on: a function in a file, its parameters, and the point at which they are."""

from __future__ import annotations

import argparse
import ast
import builtins
import functools
import inspect
import linecache
import math
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad.errors import CommandError
from minigrad.shell.output import spelled
from minigrad.shell.programs import program

MOST = 10**8  #: entries of an array that is drawn, which is 800 MB

# ----- the options of every command that works on a function ----------------------------------------------------------


def add_target_options(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]
) -> Callable[[argparse.Namespace], int]:
    """Add the function F and the options that say at which point; the result is `run`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("function", metavar="F", help="the function: FILE:NAME or FILE:EXPRESSION")
    point = parser.add_mutually_exclusive_group()
    point.add_argument(
        "--at",
        metavar="POINT",
        help="values: '0.5, b=[1, 2]'; or an .npz with an array per parameter, of lists 'A[0]', 'A[1]'",
    )
    point.add_argument(
        "--shapes", type=spelled, help="draw the parameters: 'A=(15,2), b=()', of lists 'A=[(15,2),(3,15)]'"
    )
    point.add_argument(
        "--wrt", type=spelled, metavar="NAMES", help="the parameters, with the values that F's file gives them: A,b"
    )
    parser.add_argument("--dtype", default="float64", help="of the parameters drawn by --shapes (default: float64)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument(
        "--deltas", help="cotangents by hand of what F labels by minigrad.name: a function that returns a dict of them"
    )

    return run


class Problem(NamedTuple):
    """What the options of a command name."""

    fun: Callable[..., Any]  #: the function of its parameters
    values: dict[str, Any]  #: the parameters, in its order
    others: dict[str, Callable[..., Any]]  #: the functions that go with it, by option; those that are not given lack


def problem_of(options: argparse.Namespace, others: Sequence[str] = ()) -> Problem:
    """The function F and its point; `others` are options that name functions of the same parameters."""
    if options.seed < 0:
        raise CommandError(f"--seed must not be negative, not {options.seed}")
    target = target_of(options.function, "F")
    texts = {option: getattr(options, option) for option in others}
    beside = {option: target_of(text, f"--{option}", target.file) for option, text in texts.items() if text}
    in_order, given = placed(options.at) if options.at is not None else ([], {})
    if options.shapes is not None:
        given = drawn(options.shapes, options.dtype, options.seed)
    names = list(given) or names_of(options.wrt)
    scopes = variables_of([target, *beside.values()], names, options.seed)
    if in_order:
        given = named(target, scopes[target.file], in_order, given)
        names = list(given)
    fun, values = function_of_parameters(target, scopes[target.file], given or None, names)
    functions = {
        option: with_same_arguments(each, scopes[each.file], list(values), option) for option, each in beside.items()
    }
    return Problem(fun, values, functions)


# ----- what to call ---------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """A function in a file, by name or as an expression."""

    file: str
    text: str

    @property
    def is_name(self) -> bool:
        """Whether it is a name (perhaps with dots) rather than an expression."""
        return all(part.isidentifier() for part in self.text.split("."))


def target_of(text: str, option: str, file: str | None = None) -> Target:
    """The function that an option names; without a file in `file`."""
    found = re.match(r"(.+?\.(?:py|ipynb)):(.+)", text, re.DOTALL) or re.match(r"([\w.]+):([\w.]+)$", spelled(text))
    if found:
        return Target(found[1], spelled(found[2]).strip())
    if file is None or re.search(r"\.(py|ipynb)$", text):
        raise CommandError(f"{option} is FILE:NAME or FILE:EXPRESSION, such as model.py:loss, not {text!r}")
    return Target(file, spelled(text).lstrip(":").strip())


def names_of(names: str | None) -> list[str]:
    """The names of variables in a list with commas."""
    found = [name.strip() for name in (names or "").split(",") if name.strip()]
    for name in found:
        if not name.isidentifier():
            raise CommandError(f"--wrt takes names of variables, separated by commas, not {name!r}")
    return found


def names_in(target: Target) -> set[str]:
    """The variables that an expression reads."""
    try:
        tree = ast.parse(target.text, mode="eval")
    except SyntaxError as error:
        raise CommandError(f"{target.text!r} is neither a name nor an expression: {error.msg}") from None
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}  # of a lambda
    return {n.id for n in names} - {n.id for n in names if isinstance(n.ctx, ast.Store)} - bound


def variables_of(targets: Sequence[Target], names: Sequence[str], seed: int) -> dict[str, dict[str, Any]]:
    """The variables of every file. Global random numbers are seeded, so that a run can be repeated."""
    import random

    scopes = {}
    for file in dict.fromkeys(target.file for target in targets):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        variables = program(file)
        of_file = [target for target in targets if target.file == file]
        wanted = set(names).union(*[names_in(target) for target in of_file])
        scope = variables(wanted)
        for target in of_file:  # the file may have values for the parameters of a function, too
            if target.is_name:
                wanted |= set(parameters_of(looked_up(target, scope), target.text))
        random.seed(seed)
        np.random.seed(seed % 2**32)
        scopes[file] = variables(wanted)
    return scopes


def looked_up(target: Target, scope: dict[str, Any]) -> Callable[..., Any]:
    """The function of this name."""
    first, *rest = target.text.split(".")
    if first not in scope:
        functions = [n for n, v in scope.items() if callable(v) and not n.startswith("_") and not isinstance(v, type)]
        known = f"; it has {', '.join(sorted(functions)[:12])}" if functions else ""
        raise CommandError(f"{target.file} defines no {first!r}{known}")
    found = functools.reduce(getattr, rest, scope[first])
    if not callable(found):
        raise CommandError(f"{target.text!r} in {target.file} is {type(found).__name__}, not a function")
    function: Callable[..., Any] = found
    return function


def parameters_of(function: Any, name: str) -> dict[str, inspect.Parameter]:
    """The positional parameters of a function."""
    if isinstance(function, np.ufunc):  # before NumPy 2.4 it does not tell them
        names = ["x"] if function.nin == 1 else [f"x{k + 1}" for k in range(function.nin)]
        return {each: inspect.Parameter(each, inspect.Parameter.POSITIONAL_ONLY) for each in names}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise CommandError(f"{name!r} does not tell its parameters: wrap it into a function that does") from None
    return {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }


def function_of_parameters(
    target: Target, scope: dict[str, Any], given: dict[str, Any] | None, names: list[str]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function of its parameters alone, and their values in its order."""
    if not target.is_name:
        if not names:
            raise CommandError(f"say what the parameters of {target.text!r} are: --shapes, --at or --wrt")
        return expression(target, scope, names), values_of(target, scope, given, names)
    function = looked_up(target, scope)
    parameters = parameters_of(function, target.text)
    unknown = [name for name in names if name not in parameters]
    if unknown:
        signature = f"{target.text}({', '.join(parameters)})"
        raise CommandError(
            f"{signature} has no parameter {', '.join(unknown)}: name its own"
            + (f", such as --shapes '{next(iter(parameters))}=...'" if parameters else "")
            + ", or write an expression in place of the name"
        )
    if not names:
        names = [n for n, p in parameters.items() if p.default is p.empty]
    names = [n for n in parameters if n in names]  # in the order of the function
    constants = {}
    for name, parameter in parameters.items():
        if name not in names:
            if name in scope and parameter.default is parameter.empty:
                constants[name] = scope[name]
            elif parameter.default is parameter.empty:
                raise CommandError(
                    f"{target.text} needs {name!r}, which {target.file} does not define: add it to the parameters "
                    f"that --shapes or --at give"
                )

    order = list(parameters)
    leading = names == order[: len(names)]

    @functools.wraps(function)
    def of_parameters(*xs: Any) -> Any:
        if leading and not constants:
            return function(*xs)
        return function(**dict(zip(names, xs)), **constants)

    return of_parameters, values_of(target, scope, given, names)


def with_same_arguments(
    target: Target, scope: dict[str, Any], names: list[str], option: str = "manual"
) -> Callable[..., Any]:
    """What an option gives by hand, called with the parameters of the function."""
    if not target.is_name:
        evaluated = expression(target, scope, names)
        if not isinstance(ast.parse(target.text, mode="eval").body, ast.Lambda):
            return evaluated
        function = evaluated(*[None] * len(names))  # the lambda itself
        function.__name__ = function.__qualname__ = target.text
    else:
        function = looked_up(target, scope)
    parameters = parameters_of(function, target.text)
    required = [n for n, p in parameters.items() if p.default is p.empty]
    is_open = not isinstance(function, np.ufunc) and any(
        p.kind is p.VAR_POSITIONAL for p in inspect.signature(function).parameters.values()
    )
    most = len(names) if is_open else len(parameters)
    if not len(required) <= len(names) <= most:
        raise CommandError(
            f"{target.text}({', '.join(parameters)}) cannot be called with ({', '.join(names)}): write the call, "
            f"such as --{option} '{target.text}({', '.join([*names, '...'])})'"
        )
    return function


def expression(target: Target, scope: dict[str, Any], names: list[str]) -> Callable[..., Any]:
    """An expression as a function of these variables."""
    missing = names_in(target) - set(names) - scope.keys() - set(dir(builtins))
    if missing:
        raise CommandError(f"{target.text!r} needs {', '.join(sorted(missing))}, which {target.file} does not define")
    filename = f"<{target.text}>"
    linecache.cache[filename] = (len(target.text), None, [target.text], filename)  # for messages and pages
    code = compile(target.text, filename, "eval")

    def of_parameters(*xs: Any) -> Any:
        return eval(code, {**scope, **dict(zip(names, xs))})

    of_parameters.__name__ = of_parameters.__qualname__ = target.text
    return of_parameters


def in_one_line(error: Exception) -> str:
    """An exception of the user's code, with the line that raised it."""
    trace, place = error.__traceback__, ""
    own = str(Path(__file__).resolve().parent.parent)
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not str(Path(name).resolve()).startswith(own) and not name.startswith("<"):
            place = f"{name}, line {trace.tb_lineno}: "
        trace = trace.tb_next
    message = str(error).partition("\n  at <frozen ")[0]  # a line of Python's own is no place of the user's
    return f"{place}{type(error).__name__}: {' '.join(message.split())}"


# ----- where ----------------------------------------------------------------------------------------------------------


def values_of(
    target: Target, scope: dict[str, Any], given: dict[str, Any] | None, names: Sequence[str]
) -> dict[str, Any]:
    """The parameters' values: those given, or those of the file."""
    if given is not None:
        return {name: given[name] for name in names}
    missing = [name for name in names if name not in scope]
    if missing:
        raise CommandError(
            f"{target.file} gives no value to {', '.join(missing)}: say where to check, "
            f"--shapes '{missing[0]}=(3,)' or --at"
        )
    return {name: scope[name] for name in names}


def drawn(text: str, dtype: str, seed: int) -> dict[str, Any]:
    """Standard normal arrays of the given shapes: `A=(15,2), b=[(15,1),(3,1)]`."""
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise CommandError(f"--dtype {dtype!r} is no dtype of NumPy") from None
    if kind.kind not in "fc":
        raise CommandError(f"--dtype {dtype} is not a floating or complex dtype")
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call)
        if call.args or not call.keywords or any(k.arg is None for k in call.keywords):
            raise ValueError
        shapes = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, AssertionError, MemoryError, RecursionError):
        raise CommandError(f"--shapes is written like 'A=(15,2), b=[(15,1),(3,1)], c=()', not {text!r}") from None
    if len(shapes) < len(call.keywords):
        raise CommandError(f"--shapes gives a parameter two shapes: {text}")
    rng = np.random.default_rng(seed)

    def draw(shape: Any) -> Any:
        if isinstance(shape, int) and not isinstance(shape, bool):
            shape = (shape,)
        if isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape):
            if math.prod(shape) > MOST:
                raise CommandError(f"--shapes: {shape} has {math.prod(shape):.3g} entries, more than {MOST:.0e}")
            try:
                numbers = rng.standard_normal(shape)
            except ValueError as error:  # too many axes
                raise CommandError(f"--shapes: {shape}: {error}") from None
            return np.asarray(numbers + 1j * rng.standard_normal(shape) if kind.kind == "c" else numbers).astype(kind)
        if isinstance(shape, dict):
            return {key: draw(part) for key, part in shape.items()}
        if isinstance(shape, list) or (isinstance(shape, tuple) and not any(isinstance(n, int) for n in shape)):
            return type(shape)(draw(part) for part in shape)
        raise CommandError(f"--shapes: {shape!r} is not a shape, nor a list, tuple or dict of shapes")

    return {name: draw(shape) for name, shape in shapes.items()}


def loaded(path: str) -> dict[str, Any]:
    """The arrays of an .npz file by name; `A[0]`, `A[1]` and `w['bias']` make lists and dicts."""
    try:
        with open(path, "rb") as file:
            if file.read(6) == b"\x93NUMPY":
                raise CommandError(f"{path}: one array without a name; write it by np.savez(path, name=array)")
            if not zipfile.is_zipfile(file):
                raise CommandError(f"{path}: this is no .npz file, or not the whole of one")
            file.seek(0)
            found = np.load(file, allow_pickle=False)
            arrays = {key: found[key] for key in found.files}
    except CommandError:
        raise
    except Exception as error:  # a damaged file can make zipfile, zlib and NumPy raise almost anything
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise CommandError(f"{path}: {reason}") from None
    values: dict[str, Any] = {}
    for key, array in arrays.items():
        try:
            place, node = [], ast.parse(key, mode="eval").body
            while isinstance(node, ast.Subscript):
                place.append(ast.literal_eval(node.slice))
                node = node.value
            if not isinstance(node, ast.Name) or not all(isinstance(part, (int, str)) for part in place):
                raise ValueError
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise CommandError(f"{path}: {key!r} is not a name, nor one with places such as A[0]") from None
        inside = values
        keys = [node.id, *place[::-1]]
        for part in keys[:-1]:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise CommandError(f"{path}: {key!r} is a part of what is an array of its own in the file")
        inside[keys[-1]] = array

    def lists(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        parts = {key: lists(part) for key, part in value.items()}
        if parts and set(parts) == set(range(len(parts))):
            return [parts[k] for k in range(len(parts))]
        return parts

    return {name: lists(value) for name, value in values.items()}


def placed(text: str) -> tuple[list[Any], dict[str, Any]]:
    """A point as it is written in a call: arguments in their order, and by name. Lists of numbers are arrays.

    >>> placed("0.5, A=[[1, 2], [3, 4]], b=([1.0], 2)")
    ([0.5], {'A': array([[1., 2.],
           [3., 4.]]), 'b': (array([1.]), 2.0)})
    """
    if text.strip().endswith(".npz"):
        return [], loaded(text.strip())
    text = spelled(text)
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
            raise ValueError
        values = [_numbers(ast.literal_eval(arg)) for arg in call.args]
        return values, {str(k.arg): _numbers(ast.literal_eval(k.value)) for k in call.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise CommandError(f"--at is an .npz file, or values such as '0.5, b=[1.0, 2.0]', not {text!r}") from None


def named(target: Target, scope: dict[str, Any], in_order: list[Any], given: dict[str, Any]) -> dict[str, Any]:
    """Values that were given in their order, under the names of the parameters."""
    if not target.is_name:
        raise CommandError(f"say which variables of {target.text!r} the values are for: --at 'x=0.5'")
    names = list(parameters_of(looked_up(target, scope), target.text))
    if len(in_order) > len(names):
        raise CommandError(f"{target.text}({', '.join(names)}) has {len(names)} parameters, not {len(in_order)}")
    return {**dict(zip(names, in_order)), **given}


def _numbers(value: Any) -> Any:
    """Whole numbers as floats, and lists of numbers as arrays, also nested ones of equal lengths."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, list):
        parts = [_numbers(part) for part in value]
        if parts and all(isinstance(part, (float, complex, np.ndarray)) for part in parts):
            if len({np.shape(part) for part in parts}) == 1:
                return np.array(parts)
        return parts
    if isinstance(value, tuple):
        return tuple(map(_numbers, value))
    return {key: _numbers(part) for key, part in value.items()} if isinstance(value, dict) else value
