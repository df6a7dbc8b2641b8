"""The command `python -m minigrad explore`: the tape of a function in a file, as a page to step through."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigrad.errors import CommandError
from minigrad.shell.targets import (
    Target,
    drawn,
    function_of_parameters,
    in_one_line,
    looked_up,
    names_of,
    parameters_of,
    placed,
    target_of,
    variables_of,
    with_same_arguments,
)

EPILOG = """\
F is FILE:NAME, a function of the inputs, or FILE:EXPRESSION in them; FILE is a script, a notebook (.py, .ipynb) or a
module. Of a notebook only what the names need is run. Arguments of F that --at does not give are looked up in its file.

examples:
  python -m minigrad explore model.py:f --at 0.5
  python -m minigrad explore model.py:loss --at 'w=[0.5, -1.0]' --out tape.html
  python -m minigrad explore model.py:loss --wrt A,b --deltas my_deltas
  python -m minigrad explore 'model.py:grad(f)(x)' --at x=0.5

exit codes: 0 a page was written; 2 bad input"""


def register(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Add the options to the parser of the command; the result runs it."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("function", metavar="F", help="the function: FILE:NAME or FILE:EXPRESSION")
    point = parser.add_mutually_exclusive_group()
    point.add_argument("--at", metavar="POINT", help="values: '0.5, b=[1, 2]'; or an .npz with an array for each")
    point.add_argument("--shapes", help="draw the inputs: 'A=(15,2), b=()', of lists 'A=[(15,2),(3,15)]'")
    point.add_argument("--wrt", metavar="NAMES", help="the inputs, with the values that F's file gives them: A,b")
    parser.add_argument("--out", metavar="FILE", default="tape.html", help="the page (default: tape.html)")
    parser.add_argument("--deltas", help="cotangents by hand: a function of the inputs that returns a dict of them")
    parser.add_argument("--order", type=int, default=6, help="the highest Taylor coefficient (default: 6)")
    parser.add_argument("--max-entries", type=int, default=20_000, help="how long the tape may be (default: 20000)")
    parser.add_argument("--dtype", default="float64", help="of the inputs drawn by --shapes (default: float64)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")

    def run(options: argparse.Namespace) -> int:
        try:
            return _explore(options)
        except CommandError as error:
            print(f"minigrad explore: {error}", file=sys.stderr)
            return 2

    return run


def _explore(options: argparse.Namespace) -> int:
    from minigrad.show.explore import explore  # here for start-up: help does not need it

    if options.seed < 0:
        raise CommandError(f"--seed must not be negative, not {options.seed}")
    if not Path(options.out).resolve().parent.is_dir():
        raise CommandError(f"{options.out}: there is no such folder")
    target = target_of(options.function, "F")
    targets = [target] + ([target_of(options.deltas, "--deltas", target.file)] if options.deltas else [])
    in_order, given = placed(options.at) if options.at is not None else ([], {})
    if options.shapes is not None:
        given = drawn(options.shapes, options.dtype, options.seed)
    names = list(given) or names_of(options.wrt)
    scopes = variables_of(targets, names, options.seed)
    if in_order:
        given = _named(target, scopes[target.file], in_order, given)
        names = list(given)
    fun, values = function_of_parameters(target, scopes[target.file], given or None, names)
    deltas: Any = None
    if len(targets) == 2:
        deltas = with_same_arguments(targets[1], scopes[targets[1].file], list(values))
    try:
        explorer = explore(
            fun, *values.values(), out=None, deltas=deltas, order=options.order, max_entries=options.max_entries
        )
    except Exception as error:  # about the arguments: a function that raises has a page, too
        raise CommandError(in_one_line(error)) from error
    try:
        explorer = explorer.save(options.out)
    except OSError as error:
        raise CommandError(f"{options.out}: {error.strerror or error}") from None
    found = explorer.measured
    print(f"wrote {options.out}: {len(found.tape)} entries, {found.tape.leaves} of them inputs")
    if found.failure is not None:
        print(f"note: the function raised {found.failure.message.partition(chr(10))[0]}")
    return 0


def _named(target: Target, scope: dict[str, Any], in_order: list[Any], given: dict[str, Any]) -> dict[str, Any]:
    """Values that were given in their order, under the names of the parameters."""
    if not target.is_name:
        raise CommandError(f"say which variables of {target.text!r} the values are for: --at 'x=0.5'")
    names = list(parameters_of(looked_up(target, scope), target.text))
    if len(in_order) > len(names):
        raise CommandError(f"{target.text}({', '.join(names)}) has {len(names)} parameters, not {len(in_order)}")
    return {**dict(zip(names, in_order)), **given}
