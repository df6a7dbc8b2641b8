"""The command `python -m minigrad explore`: the tape of a function in a file, as a page to step through."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from minigrad.errors import CommandError
from minigrad.shell.output import TERMINAL
from minigrad.shell.targets import add_target_options, in_one_line, problem_of

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
    parser.epilog = EPILOG
    run = add_target_options(parser, _explore)
    parser.add_argument("--out", metavar="FILE", default="tape.html", help="the page (default: tape.html)")
    parser.add_argument("--order", type=int, default=6, help="the highest Taylor coefficient (default: 6)")
    parser.add_argument("--max-entries", type=int, default=20_000, help="how long the tape may be (default: 20000)")
    return run


def _explore(options: argparse.Namespace) -> int:
    from minigrad.show.explore import explore  # here for start-up: help does not need it

    options.output.goes_to(options.out)
    fun, values, others = problem_of(options, ["deltas"])
    try:
        explorer = explore(
            fun, *values.values(), out=None, order=options.order, max_entries=options.max_entries, **others
        )
    except Exception as error:  # about the arguments: a function that raises has a page, too
        raise CommandError(in_one_line(error)) from error
    options.output.write(options.out, explorer.html)
    found = explorer.measured
    wrote = f"wrote {options.out}: " if options.out != TERMINAL else ""
    options.output.say(f"{wrote}{len(found.tape)} entries, {found.tape.leaves} of them inputs")
    if found.failure is not None:
        options.output.say(f"note: the function raised {found.failure.message.partition(chr(10))[0]}")
    return 0
