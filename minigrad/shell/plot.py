"""`python -m minigrad plot`: options, the function to plot, and the files that are written."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import re
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

import numpy as np

from minigrad.errors import CommandError, ExpressionError
from minigrad.show.curves import Curves, Function, curves, mark
from minigrad.show.draw import LAYOUTS, draw
from minigrad.show.expression import Expression

HIGHEST = 100


def add_options(parser: ArgumentParser) -> None:
    """What the command line of `plot` takes."""
    parser.add_argument(
        "function",
        help="a formula in x, such as 'exp(-x**2)'; or module:function; or path/to/file.py:function, also of a "
        "notebook. A formula that begins with a minus goes into parentheses: '(-x**2)'",
    )
    parser.add_argument("--order", type=int, default=3, metavar="K", help="the highest derivative (default: 3)")
    parser.add_argument(
        "--range", type=float, nargs=2, default=(-5.0, 5.0), metavar=("A", "B"), help="of x (default: -5 5)"
    )
    parser.add_argument("--points", type=int, default=1001, metavar="N", help="equally spaced (default: 1001)")
    parser.add_argument(
        "--out", metavar="FILE", help="the picture: .png, .svg, .pdf, ... (default: named after the function)"
    )
    parser.add_argument(
        "--csv", nargs="?", const="", metavar="FILE", help="write a table of x and all orders; - for the terminal"
    )
    parser.add_argument(
        "--json", nargs="?", const="", metavar="FILE", help="write everything that was found; - for the terminal"
    )
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="auto",
        help="all on one pair of axes, each divided by its largest value, or a panel for each (default: as it fits)",
    )
    parser.add_argument(
        "--mark",
        type=_marks,
        default=(),
        metavar="zeros,extrema",
        help="mark these on every curve, and print them; two of them within one step are not found",
    )
    parser.epilog = (
        "With --csv or --json a picture is drawn only if --out is given. Exit codes: 0 done; 2 wrong usage, a formula "
        "that cannot be read, or a file that cannot be written."
    )
    tell = parser.error

    def error(message: str) -> Any:
        if "required: function" in message:
            message += " (a formula that begins with a minus goes into parentheses, '(-x**2)'; options come after it)"
        tell(message)

    parser.error = error  # type: ignore[method-assign]


def _marks(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if not set(parts) <= {"zeros", "extrema"}:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"{text!r} is not zeros, extrema or zeros,extrema")
    return parts


def run(options: Namespace) -> int:
    """Do what the command line says."""
    try:
        for line in plotted(options):
            print(line, file=sys.stderr if "-" in (options.csv, options.json) else sys.stdout)
    except (CommandError, ExpressionError, ImportError) as error:
        print(f"minigrad: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(f"minigrad: {error.filename or 'the file'} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def plotted(options: Namespace) -> Iterator[str]:
    """Compute, draw and write; yields what there is to say."""
    start, stop = options.range
    if not (math.isfinite(start) and math.isfinite(stop) and start < stop):
        raise CommandError(f"--range needs two numbers, the smaller first; got {start:g} {stop:g}")
    if not 0 <= options.order <= HIGHEST:
        raise CommandError(f"--order must be from 0 to {HIGHEST}, not {options.order}")
    if not 5 <= options.points <= 1_000_000:
        raise CommandError(f"--points must be from 5 to 1000000, not {options.points}")
    if options.csv == options.json == "-":
        raise CommandError("only one of --csv and --json can go to the terminal")
    fun, title, stem = function_of(options.function)
    wants_numbers = options.csv is not None or options.json is not None
    picture = options.out or (None if wants_numbers else f"{stem}.png")
    if picture:
        check_suffix(picture)
    try:
        found = curves(fun, start, stop, options.order, options.points, title)
        mark(found, fun, options.mark)
    except Exception as error:
        raise CommandError(f"{options.function} failed: {_first_line(error)}") from error
    if not np.isfinite(found.values).any():
        raise CommandError(f"{options.function} is not defined anywhere between {start:g} and {stop:g}")
    yield from marks_in_words(found)
    yield from (f"note: {note}" for note in found.notes)
    if picture:
        figure = draw(found, options.layout)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of glyphs that a font lacks, and the like
            figure.savefig(picture)
        yield f"wrote {picture}"
    for path, suffix, write in ((options.csv, "csv", write_csv), (options.json, "json", write_json)):
        if path == "-":
            write(found, options, sys.stdout)
        elif path is not None:
            path = path or f"{stem}.{suffix}"
            with open(path, "w", newline="", encoding="utf-8") as file:
                write(found, options, file)
            yield f"wrote {path}"


def function_of(text: str) -> tuple[Function, str, str]:
    """The function that a text names, its title, and the stem of names of files for it."""
    match = re.fullmatch(r"(?P<place>.*\.(?:py|ipynb)|[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)", text.strip())
    if match is None:
        formula = Expression(text)
        stem = re.sub(r"\(x\)$", "", formula.text)
        stem = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:60] or "plot"
        return formula, f"$f(x) = {formula.mathtext}$", stem
    place, name = match["place"], match["name"]
    with running(text):
        module = _module(place, name)
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            import difflib

            near = difflib.get_close_matches(part, dir(found), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise CommandError(f"{place} has no function {name!r}{hint}") from None
    if not callable(found):
        raise CommandError(f"{text} is a {type(found).__name__}, not a function")
    return found, f"$f$ = {name}", re.sub(r"\W+", "_", name)


@contextmanager
def running(what: str) -> Iterator[None]:
    """Whatever goes wrong in the user's file becomes one line."""
    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(f"{what} cannot be imported: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _module(place: str, name: str) -> Any:
    from minigrad.shell import programs  # here for start-up: most plots are of formulas

    if not place.endswith((".py", ".ipynb")):
        if str(Path.cwd()) not in sys.path and "" not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(place)
    path = Path(place)
    if not path.is_file():
        raise CommandError(f"there is no file {place}")
    if path.suffix == ".ipynb" or programs.is_notebook(path.read_text(encoding="utf-8")):
        return SimpleNamespace(**programs.program(place)([name.partition(".")[0]]))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.resolve().parent))  # as python itself does for a file that it runs
    spec.loader.exec_module(module)
    return module


def check_suffix(path: str) -> None:
    """Raise unless matplotlib writes this kind of picture."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        raise ImportError("a plot needs matplotlib: pip install matplotlib") from error
    known = FigureCanvasBase.get_supported_filetypes()
    suffix = Path(path).suffix.removeprefix(".").lower()
    if suffix not in known:
        raise CommandError(f"--out {path}: the name must end in one of {', '.join('.' + s for s in sorted(known))}")


def marks_in_words(found: Curves) -> Iterator[str]:
    """The zeros and extrema, one line for each order."""
    names = ["f", "f'", "f''", "f'''"]
    names += [f"f^({k})" for k in range(4, found.order + 1)]
    for k in range(found.order + 1):
        if found.zeros is not None:
            yield f"{names[k]}: zeros at x = {', '.join(f'{z:.12g}' for z in found.zeros[k]) or 'none'}"
        if found.extrema is not None:
            places = ", ".join(f"({at:.12g}, {value:.12g})" for at, value in found.extrema[k])
            yield f"{names[k]}: extrema (x, value) {places or 'none'}"


def write_csv(found: Curves, options: Namespace, file: TextIO) -> None:
    """A table with the columns x and the orders; empty where there is no value."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["x", *range(found.order + 1)])
    for x, row in zip(found.x.tolist(), found.values.T.tolist()):
        writer.writerow([repr(x), *["" if math.isnan(y) else repr(y) for y in row]])


def write_json(found: Curves, options: Namespace, file: TextIO) -> None:
    """Everything as one object; null where there is no value."""
    content: dict[str, Any] = {
        "function": options.function,
        "order": found.order,
        "x": found.x.tolist(),
        "derivatives": [[None if math.isnan(y) else y for y in row] for row in found.values.tolist()],
        "singular": found.singular,
        "notes": found.notes,
    }
    if found.zeros is not None:
        content["zeros"] = found.zeros
    if found.extrema is not None:
        content["extrema"] = [[list(pair) for pair in pairs] for pairs in found.extrema]
    json.dump(content, file, allow_nan=False)
    file.write("\n")
