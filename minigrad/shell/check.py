"""The command `python -m minigrad check`: a gradient in a file against the function in that file."""

from __future__ import annotations

import argparse
import ast
import builtins
import dataclasses
import functools
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad.core.tree import flatten
from minigrad.errors import CommandError
from minigrad.shell.programs import program
from minigrad.show.page import write

EXIT = {"OK": 0, "WRONG": 1, "NOT DIFFERENTIABLE HERE": 3, "INCONCLUSIVE": 3}

EPILOG = """\
F and MANUAL are FILE:NAME, a function of the parameters, or FILE:EXPRESSION in them; FILE is a script, a notebook
(.py, .ipynb) or a module, and that of MANUAL may be left out. Of a notebook only what the names need is run, so nothing
is drawn or trained. Arguments of F that are not parameters are looked up in its file by their names. MANUAL returns the
gradient, or (value, gradient); of several parameters a tuple.

examples:
  python -m minigrad check model.py:loss --manual gradient --shapes 'A=(15,2), b=(15,1)'
  python -m minigrad check model.py:loss --manual gradient --at point.npz --html report.html
  python -m minigrad check 'tour.ipynb:lossF(ForwardNN(A,b,x,R)[-1], Y)' \\
      --manual 'BackwardNN(A, b, ForwardNN(A,b,x,R), R)' --wrt A,b

exit codes: 0 OK; 1 WRONG; 3 NOT DIFFERENTIABLE HERE or INCONCLUSIVE; 2 bad input"""


class Target(NamedTuple):
    """A function in a file, by name or as an expression."""

    file: str
    text: str

    @property
    def is_name(self) -> bool:
        """Whether it is a name (perhaps with dots) rather than an expression."""
        return all(part.isidentifier() for part in self.text.split("."))


def register(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Add the options to the parser of the command; the result runs it."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("function", metavar="F", help="the function: FILE:NAME or FILE:EXPRESSION")
    parser.add_argument("--manual", required=True, help="its gradient by hand: [FILE:]NAME or [FILE:]EXPRESSION")
    parser.add_argument(
        "--deltas", help="cotangents by hand of what F labels by minigrad.name: a function that returns a dict of them"
    )
    point = parser.add_mutually_exclusive_group()
    point.add_argument("--at", metavar="POINT", help=".npz with an array per parameter; of lists 'A[0]', 'A[1]'")
    point.add_argument("--shapes", help="draw the parameters: 'A=(15,2), b=()', of lists 'A=[(15,2),(3,15)]'")
    point.add_argument("--wrt", metavar="NAMES", help="the parameters, with the values that F's file gives them: A,b")
    parser.add_argument("--dtype", default="float64", help="of the parameters drawn by --shapes (default: float64)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--html", metavar="FILE", help="write the report as one page")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON")

    def run(options: argparse.Namespace) -> int:
        try:
            return _check(options)
        except CommandError as error:
            print(f"minigrad check: {error}", file=sys.stderr)
            return 2

    return run


def _check(options: argparse.Namespace) -> int:
    import minigrad

    if options.seed < 0:
        raise CommandError(f"--seed must not be negative, not {options.seed}")
    for path in filter(None, (options.html, options.json)):  # known before anything is waited for
        if not Path(path).resolve().parent.is_dir():
            raise CommandError(f"{path}: there is no such folder")
    target = _target(options.function, "F")
    hand = _target(options.manual, "--manual", target.file)
    given = _point(options)
    names = list(given) if given is not None else _split(options.wrt)
    targets = [target, hand] + ([_target(options.deltas, "--deltas", target.file)] if options.deltas else [])
    scopes = _scopes(targets, names, options.seed)
    f, values = _function(target, scopes[target.file], given, names)
    manual = _same_arguments(hand, scopes[hand.file], list(values))
    _numbers(values)
    deltas = None
    if len(targets) == 3:
        deltas = _same_arguments(targets[2], scopes[targets[2].file], list(values))
    counted, bar = _counted(f)
    several = len(values) > 1
    try:
        report = minigrad.check(
            counted,
            _with_tuples(manual) if several else manual,
            *values.values(),
            argnum=tuple(range(len(values))) if several else 0,
            seed=options.seed,
            deltas=deltas,
        )
    except KeyboardInterrupt:
        print("minigrad check: interrupted", file=sys.stderr)
        return 130
    except Exception as error:  # of the functions, or about what they returned
        raise CommandError(_in_one_line(error)) from error
    finally:
        bar.close()
    report = _named(report, list(values), options)
    report.print()
    for path, written in ((options.html, report.to_html), (options.json, lambda p: write(p, report.to_json()))):
        if path is not None:
            try:
                written(path)
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror or error}") from None
    return EXIT[str(report.verdict)]


def _named(report: Any, names: list[str], options: argparse.Namespace) -> Any:
    """The report with the parameters called by their names instead of their positions."""
    leaves = []
    for leaf in report.leaves:
        path = leaf.path
        if len(names) > 1 and (found := re.match(r"\[(\d+)\]", path)):
            leaves.append(dataclasses.replace(leaf, path=names[int(found[1])] + path[found.end() :]))
        else:
            leaves.append(dataclasses.replace(leaf, path=(names[0] if len(names) == 1 else "") + path))
    origin = f"in {options.at}" if options.at else "drawn at random" if options.shapes else "as in the file"
    point = f"{', '.join(names)} {origin}: {sum(leaf.size for leaf in leaves)} numbers"
    return dataclasses.replace(report, leaves=tuple(leaves), point=point)


def _with_tuples(manual: Callable[..., Any]) -> Callable[..., Any]:
    """Of several parameters a list of gradients is as good as a tuple."""

    @functools.wraps(manual)
    def tupled(*xs: Any) -> Any:
        found = manual(*xs)
        return tuple(found) if isinstance(found, list) else found

    return tupled


def _in_one_line(error: Exception) -> str:
    """An exception of the user's code, with the line that raised it."""
    trace, place = error.__traceback__, ""
    own = str(Path(__file__).resolve().parent.parent)
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not str(Path(name).resolve()).startswith(own) and not name.startswith("<"):
            place = f"{name}, line {trace.tb_lineno}: "
        trace = trace.tb_next
    return f"{place}{type(error).__name__}: {' '.join(str(error).split())}"


# ----- what to call ---------------------------------------------------------------------------------------------------


def _target(text: str, option: str, file: str | None = None) -> Target:
    found = re.match(r"(.+?\.(?:py|ipynb)):(.+)", text, re.DOTALL) or re.match(r"([\w.]+):([\w.]+)$", text)
    if found:
        return Target(found[1], found[2].strip())
    if file is None or re.search(r"\.(py|ipynb)$", text):
        raise CommandError(f"{option} is FILE:NAME or FILE:EXPRESSION, such as model.py:loss, not {text!r}")
    return Target(file, text.lstrip(":").strip())


def _split(names: str | None) -> list[str]:
    found = [name.strip() for name in (names or "").split(",") if name.strip()]
    for name in found:
        if not name.isidentifier():
            raise CommandError(f"--wrt takes names of variables, separated by commas, not {name!r}")
    return found


def _names_in(target: Target) -> set[str]:
    try:
        tree = ast.parse(target.text, mode="eval")
    except SyntaxError as error:
        raise CommandError(f"{target.text!r} is neither a name nor an expression: {error.msg}") from None
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return {n.id for n in names} - {n.id for n in names if isinstance(n.ctx, ast.Store)}


def _scopes(targets: Sequence[Target], names: Sequence[str], seed: int) -> dict[str, dict[str, Any]]:
    """The variables of every file. Global random numbers are seeded, so that a run can be repeated."""
    import random

    scopes = {}
    for file in dict.fromkeys(target.file for target in targets):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        variables = program(file)
        of_file = [target for target in targets if target.file == file]
        wanted = set(names).union(*[_names_in(target) for target in of_file])
        scope = variables(wanted)
        for target in of_file:  # the file may have values for the parameters of a function, too
            if target.is_name:
                wanted |= set(_parameters(_looked_up(target, scope), target.text))
        random.seed(seed)
        np.random.seed(seed % 2**32)
        scopes[file] = variables(wanted)
    return scopes


def _looked_up(target: Target, scope: dict[str, Any]) -> Callable[..., Any]:
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


def _parameters(function: Any, name: str) -> dict[str, inspect.Parameter]:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise CommandError(f"{name!r} does not tell its parameters: wrap it into a function that does") from None
    return {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }


def _function(
    target: Target, scope: dict[str, Any], given: dict[str, Any] | None, names: list[str]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function of its parameters alone, and their values in its order."""
    if not target.is_name:
        if not names:
            raise CommandError(f"say what the parameters of {target.text!r} are: --shapes, --at or --wrt")
        return _expression(target, scope, names), _values(target, scope, given, names)
    function = _looked_up(target, scope)
    parameters = _parameters(function, target.text)
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

    return of_parameters, _values(target, scope, given, names)


def _same_arguments(target: Target, scope: dict[str, Any], names: list[str]) -> Callable[..., Any]:
    """The gradient by hand, called with the parameters of the function."""
    if not target.is_name:
        return _expression(target, scope, names)
    function = _looked_up(target, scope)
    parameters = _parameters(function, target.text)
    required = [n for n, p in parameters.items() if p.default is p.empty]
    if not len(required) <= len(names) <= len(parameters):
        raise CommandError(
            f"{target.text}({', '.join(parameters)}) cannot be called with ({', '.join(names)}): write the call, "
            f"such as --manual '{target.text}({', '.join([*names, '...'])})'"
        )
    return function


def _expression(target: Target, scope: dict[str, Any], names: list[str]) -> Callable[..., Any]:
    missing = _names_in(target) - set(names) - scope.keys() - set(dir(builtins))
    if missing:
        raise CommandError(f"{target.text!r} needs {', '.join(sorted(missing))}, which {target.file} does not define")
    code = compile(target.text, f"<{target.text}>", "eval")

    def of_parameters(*xs: Any) -> Any:
        return eval(code, {**scope, **dict(zip(names, xs))})

    of_parameters.__name__ = of_parameters.__qualname__ = target.text
    return of_parameters


def _counted(f: Callable[..., Any]) -> tuple[Callable[..., Any], Any]:
    """The function, and a progress bar that counts its calls; it shows itself after a second, in a terminal."""
    try:
        from tqdm import tqdm
    except ImportError:
        import contextlib

        return f, contextlib.ExitStack()
    bar = tqdm(desc="checking", unit=" evaluations", delay=1.0, leave=False, disable=None)

    @functools.wraps(f)
    def counting(*xs: Any) -> Any:
        bar.update()
        return f(*xs)

    return counting, bar


# ----- where ----------------------------------------------------------------------------------------------------------


def _values(
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


def _numbers(values: dict[str, Any]) -> None:
    for name, value in values.items():
        for leaf in flatten(value)[0]:
            if np.asarray(leaf).dtype.kind not in "fc":
                raise CommandError(f"the parameter {name} has {np.asarray(leaf).dtype}: gradients are of floats")


def _point(options: argparse.Namespace) -> dict[str, Any] | None:
    if options.shapes is not None:
        return _drawn(options.shapes, options.dtype, options.seed)
    return None if options.at is None else _loaded(options.at)


def _drawn(text: str, dtype: str, seed: int) -> dict[str, Any]:
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
    except (SyntaxError, ValueError, AssertionError):
        raise CommandError(f"--shapes is written like 'A=(15,2), b=[(15,1),(3,1)], c=()', not {text!r}") from None
    rng = np.random.default_rng(seed)

    def draw(shape: Any) -> Any:
        if isinstance(shape, int) and not isinstance(shape, bool):
            shape = (shape,)
        if isinstance(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape):
            numbers = rng.standard_normal(shape)
            return np.asarray(numbers + 1j * rng.standard_normal(shape) if kind.kind == "c" else numbers).astype(kind)
        if isinstance(shape, dict):
            return {key: draw(part) for key, part in shape.items()}
        if isinstance(shape, (list, tuple)):
            return type(shape)(draw(part) for part in shape)
        raise CommandError(f"--shapes: {shape!r} is not a shape, nor a list, tuple or dict of shapes")

    return {name: draw(shape) for name, shape in shapes.items()}


def _loaded(path: str) -> dict[str, Any]:
    """The arrays of an .npz file by name; `A[0]`, `A[1]` and `w['bias']` make lists and dicts."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            raise CommandError(f"{path}: one array without a name; write it by np.savez(path, name=array)")
        with found:
            arrays = {key: found[key] for key in found.files}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise CommandError(f"{path}: {reason}") from None
    values: dict[str, Any] = {}
    for key, array in arrays.items():
        try:
            place, node = [], ast.parse(key, mode="eval").body
            while isinstance(node, ast.Subscript):
                place.append(ast.literal_eval(node.slice))
                node = node.value
            if not isinstance(node, ast.Name):
                raise ValueError
        except (SyntaxError, ValueError):
            raise CommandError(f"{path}: {key!r} is not a name, nor one with places such as A[0]") from None
        inside = values
        keys = [node.id, *place[::-1]]
        for part in keys[:-1]:
            inside = inside.setdefault(part, {})
        inside[keys[-1]] = array

    def lists(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        parts = {key: lists(part) for key, part in value.items()}
        if parts and set(parts) == set(range(len(parts))):
            return [parts[k] for k in range(len(parts))]
        return parts

    return {name: lists(value) for name, value in values.items()}
