"""`python -m minigrad plot`: options, the function to plot, and the files that are written."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import warnings
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.errors import CommandError, ExpressionError
from minigrad.shell.output import TERMINAL, spelled
from minigrad.show.curves import Curves, Function, thinned
from minigrad.show.draw import LAYOUTS, draw
from minigrad.show.expression import CONSTANTS, FUNCTIONS, Expression
from minigrad.show.plot import MARKS, nothing_to_draw, shown_curves, wrong_option
from minigrad.show.taylor_page import taylor_page


def add_options(parser: ArgumentParser) -> None:
    """What the command line of `plot` takes."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="FUNCTION",
        help="a formula in x, such as 'exp(-x^2)' or '2|x| sin x'; or module:function; or path/to/file.py:function, "
        "also of a notebook. Several are drawn together. A name with a value, such as a=2, is a parameter of them all",
    )
    parser.add_argument("--functions", action="store_true", help="list the functions and signs that a formula may have")
    orders = parser.add_mutually_exclusive_group()
    orders.add_argument("--order", type=int, default=3, metavar="K", help="the highest derivative (default: 3)")
    orders.add_argument("--orders", type=_orders, metavar="0,2,4", help="these derivatives alone")
    parser.add_argument(
        "--range", type=_bound, nargs=2, default=(-5.0, 5.0), metavar=("A", "B"), help="of x, such as -pi pi (default: "
        "-5 5)",
    )  # fmt: skip
    parser.add_argument(
        "--points",
        type=int,
        default=1001,
        metavar="N",
        help="equally spaced, in a table; at least 1001 are drawn (default: 1001)",
    )
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
        "--page",
        metavar="FILE.html",
        help="write a page on which the order is a slider, and a point that is dragged along the curve shows the "
        "Taylor polynomials there",
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
        "With --csv, --json or --page a picture is drawn only if --out is given. Exit codes: 0 done; 2 wrong usage, a "
        "formula that cannot be read, or a file that cannot be written."
    )


def _orders(text: str) -> list[int]:
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a list of numbers, such as 0,2,4") from None


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        formula = Expression(text)
    except ExpressionError as error:
        raise ArgumentTypeError(f"{text!r} is not a number: {error.problem}") from None
    if formula.depends_on_x:
        raise ArgumentTypeError(f"{text.strip()!r} is not a number: it contains x")
    return float(formula(0.0))


def _marks(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if not set(parts) <= MARKS:
        raise ArgumentTypeError(f"{text!r} is not zeros, extrema or zeros,extrema")
    return parts


def run(options: Namespace) -> int:
    """Do what the command line says."""
    options.output.goes_to(options.csv or None, options.json or None, options.page, options.out)
    try:
        for line in plotted(options):
            options.output.say(line)
    except (ExpressionError, ImportError) as error:
        raise CommandError(str(error)) from error
    return 0


def plotted(options: Namespace) -> Iterator[str]:
    """Compute, draw and write; yields what there is to say."""
    if options.functions:
        yield from functions_in_words()
        return
    names, parameters = _names_and_parameters(options.what)
    start, stop = options.range
    orders = options.orders or list(range(options.order + 1))
    if wrong := wrong_option((start, stop), orders or [options.order], options.points):
        raise CommandError(f"--{wrong}")
    functions = [function_of(name, parameters) for name in names]
    stem = "_".join(stem for _, _, stem in functions)[:60]
    wants_numbers = options.csv is not None or options.json is not None or options.page is not None
    picture = options.out or (None if wants_numbers else f"{stem}.png")
    if picture and picture != TERMINAL:
        check_suffix(picture)
    wrote = lambda path: [f"wrote {path}"] if path != TERMINAL else []
    all_found, all_written = [], []
    for name, (fun, title, _) in zip(names, functions):
        found = _found(name, fun, title, options, orders)
        all_found.append(found)
        if options.csv is not None or options.json is not None:
            found = thinned(found, options.points)
            all_written.append(found)
        which = f"{name}: " if len(names) > 1 else ""
        yield from (which + line for line in marks_in_words(found))
        yield from (f"note: {which}{note}" for note in found.notes)
    if picture:
        figure = draw(all_found, options.layout)
        drawn = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of glyphs that a font lacks, and the like
            figure.savefig(drawn, format=Path(picture).suffix.removeprefix(".").lower() or "png")
        options.output.write(picture, drawn.getvalue())
        yield from wrote(picture)
    if options.page is not None:
        options.output.write(
            options.page, taylor_page([(name, fun) for name, (fun, _, _) in zip(names, functions)], start, stop)
        )
        yield from wrote(options.page)
    for path, suffix, table in ((options.csv, "csv", as_csv), (options.json, "json", as_json)):
        if path is not None:
            path = path or f"{stem}.{suffix}"
            options.output.write(path, table(names, all_written))
            yield from wrote(path)


def _names_and_parameters(what: Sequence[str]) -> tuple[list[str], dict[str, float]]:
    """The functions of the command line, and the parameters between them."""
    names, parameters = [], {}
    for text in what:
        match = re.fullmatch(r"\s*(?P<name>[^\W\d]\w*)\s*=(?!=)(?P<value>.+)", spelled(text))
        if match is None or (match["name"] in ("y", "f", "g", "h") and "x" in match["value"]):
            names.append(text)
        elif match["name"] == "x":
            raise CommandError(f"{text}: x is the variable; --range says where it goes")
        else:
            try:
                parameters[match["name"]] = _bound(match["value"])
            except ArgumentTypeError as error:
                raise CommandError(f"{text}: {error}") from None
    if not names:
        raise CommandError("what is to be plotted? Such as: python -m minigrad plot 'sin(x)/x'")
    return names, parameters


def _found(name: str, fun: Function, title: str, options: Namespace, orders: list[int]) -> Curves:
    try:
        found = shown_curves(fun, options.range, orders, options.points, title, options.mark)
    except Exception as error:
        raise CommandError(f"{name} failed: {_first_line(error)}") from error
    if nothing := nothing_to_draw(found):
        raise CommandError(f"{name} {nothing}")
    return found


def functions_in_words() -> Iterator[str]:
    """What a formula may contain."""
    yield "functions: " + ", ".join(FUNCTIONS)
    yield "numbers:   " + ", ".join([*CONSTANTS, "and parameters, such as a=2 beside the formula"])
    yield "signs:     + - * / ** ^ ( ) |x| x! √x x² and comparisons in where(x > 0, a, b)"
    yield "           2x and x(x+1) are products; sin 2x + 1 is sin(2x) + 1; log is the natural one, lg that of base 10"


def function_of(text: str, parameters: Mapping[str, float] | None = None) -> tuple[Function, str, str]:
    """The function that a text names, its title, and the stem of names of files for it."""
    match = re.fullmatch(r"(?P<place>.*\.(?:py|ipynb)|[A-Za-z_][\w.]*):(?P<name>.+)", text.strip())
    match = match if match and re.fullmatch(r"[^\W\d][\w.]*", spelled(match["name"])) else None
    if match is None:
        formula = Expression(spelled(text), parameters)
        stem = re.sub(r"\(x\)$", "", formula.text)
        stem = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:60] or "plot"
        return formula, f"$f(x) = {formula.mathtext}$", stem
    place, name = match["place"], spelled(match["name"])
    from minigrad.shell.programs import program  # here for start-up: most plots are of formulas

    found: Any = SimpleNamespace(**program(place)([name.partition(".")[0]]))
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


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


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
    for k in found.shown:
        if found.zeros is not None:
            yield f"{names[k]}: zeros at x = {', '.join(f'{z:.12g}' for z in found.zeros[k]) or 'none'}"
        if found.extrema is not None:
            places = ", ".join(f"({at:.12g}, {value:.12g})" for at, value in found.extrema[k])
            yield f"{names[k]}: extrema (x, value) {places or 'none'}"


def as_csv(names: Sequence[str], all_found: Sequence[Curves]) -> str:
    """A table with the columns x and the orders, of several functions side by side; empty where there is no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [f"{name} {k}" if len(names) > 1 else k for name, found in zip(names, all_found) for k in found.shown]
    writer.writerow(["x", *heads])
    columns = [found.values[k] for found in all_found for k in found.shown]
    for x, row in zip(all_found[0].x.tolist(), np.transpose(columns).tolist()):
        writer.writerow([repr(x), *["" if math.isnan(y) else repr(y) for y in row]])
    return text.getvalue()


def as_json(names: Sequence[str], all_found: Sequence[Curves]) -> str:
    """Everything as one object, or a list of them for several functions; null where there is no value."""
    objects = [_as_object(name, found) for name, found in zip(names, all_found)]
    return json.dumps(objects[0] if len(objects) == 1 else objects, allow_nan=False) + "\n"


def _as_object(name: str, found: Curves) -> dict[str, Any]:
    content: dict[str, Any] = {
        "function": name,
        "order": found.order,
        "orders": found.shown,
        "x": found.x.tolist(),
        "derivatives": [[None if math.isnan(y) else y for y in found.values[k].tolist()] for k in found.shown],
        "singular": [found.singular[k] for k in found.shown],
        "jumps": [asdict(jump) for jump in found.jumps],
        "notes": found.notes,
    }
    if found.zeros is not None:
        content["zeros"] = [found.zeros[k] for k in found.shown]
    if found.extrema is not None:
        content["extrema"] = [[list(pair) for pair in found.extrema[k]] for k in found.shown]
    return content
