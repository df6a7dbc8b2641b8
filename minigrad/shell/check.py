"""The command `python -m minigrad check`: a gradient in a file against the function in that file."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.checking.page import html as report_page
from minigrad.core.tree import flatten
from minigrad.errors import CommandError
from minigrad.shell.targets import add_target_options, in_one_line, problem_of
from minigrad.show.progress import progress

EXIT = {"OK": 0, "WRONG": 1, "NOT DIFFERENTIABLE HERE": 3, "INCONCLUSIVE": 3}

EPILOG = """\
F and MANUAL are FILE:NAME, a function of the parameters, or FILE:EXPRESSION in them; FILE is a script, a notebook
(.py, .ipynb) or a module, and that of MANUAL may be left out. Of a notebook only what the names need is run, so nothing
is drawn or trained. Arguments of F that are not parameters are looked up in its file by their names. MANUAL returns the
gradient, or (value, gradient); of several parameters a tuple.

examples:
  python -m minigrad check model.py:loss --manual gradient --shapes 'A=(15,2), b=(15,1)'
  python -m minigrad check model.py:loss --manual gradient --at point.npz --html report.html
  python -m minigrad check model.py:distance --manual sign --at 'w=[0.5, -1.0]'
  python -m minigrad check 'tour.ipynb:lossF(ForwardNN(A,b,x,R)[-1], Y)' \\
      --manual 'BackwardNN(A, b, ForwardNN(A,b,x,R), R)' --wrt A,b

exit codes: 0 OK; 1 WRONG; 3 NOT DIFFERENTIABLE HERE or INCONCLUSIVE; 2 bad input"""


def register(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Add the options to the parser of the command; the result runs it."""
    parser.epilog = EPILOG
    run = add_target_options(parser, _check)
    parser.add_argument("--manual", required=True, help="its gradient by hand: [FILE:]NAME or [FILE:]EXPRESSION")
    parser.add_argument("--html", metavar="FILE", help="write the report as one page")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON")
    return run


def _check(options: argparse.Namespace) -> int:
    import minigrad

    output = options.output
    output.goes_to(options.html, options.json)
    f, values, others = problem_of(options, ["manual", "deltas"])
    manual = others["manual"]
    _numbers(values)
    several = len(values) > 1
    with progress("checking", "evaluations") as bar:

        @functools.wraps(f)
        def counted(*xs: Any) -> Any:
            bar.update()
            return f(*xs)

        counted.__signature__ = _signature(list(values))  # type: ignore[attr-defined]  # `inspect` reads it

        try:
            report = minigrad.check(
                counted,
                _with_tuples(manual) if several else manual,
                *values.values(),
                argnum=tuple(range(len(values))) if several else 0,
                seed=options.seed,
                deltas=others.get("deltas"),
            )
        except Exception as error:  # of the functions, or about what they returned
            raise CommandError(in_one_line(error)) from error
    report = _at_point(report, list(values), options)
    with output.instead_of_stdout():
        report.print()
    for path, content in ((options.html, report_page), (options.json, lambda r: r.to_json() + "\n")):
        if path is not None:
            output.write(path, content(report))
    return EXIT[str(report.verdict)]


def _signature(names: list[str]) -> inspect.Signature:
    """Parameters with these names, by which the report calls them."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(name, kind) for name in names])


def _at_point(report: Any, names: list[str], options: argparse.Namespace) -> Any:
    """The report with the point as the command was given it."""
    given = options.at and (f"in {options.at}" if options.at.endswith(".npz") else "as given")
    origin = given or ("drawn at random" if options.shapes else "as in the file")
    point = f"{', '.join(names)} {origin}: {sum(leaf.size for leaf in report.leaves)} numbers"
    return dataclasses.replace(report, point=point)


def _with_tuples(manual: Callable[..., Any]) -> Callable[..., Any]:
    """Of several parameters a list of gradients is as good as a tuple."""

    @functools.wraps(manual)
    def tupled(*xs: Any) -> Any:
        found = manual(*xs)
        return tuple(found) if isinstance(found, list) else found

    return tupled


def _numbers(values: dict[str, Any]) -> None:
    for name, value in values.items():
        for leaf in flatten(value)[0]:
            if np.asarray(leaf).dtype.kind not in "fc":
                raise CommandError(f"the parameter {name} has {np.asarray(leaf).dtype}: gradients are of floats")
