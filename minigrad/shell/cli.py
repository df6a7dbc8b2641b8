"""The commands: `python -m minigrad COMMAND`. One function per command adds its options and says what runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

import minigrad
from minigrad.errors import CommandError
from minigrad.shell.output import Output, finished, printable


def _coverage(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """What has a derivative: every public callable of NumPy and scipy.special."""
    from minigrad.show import coverage  # here for start-up: a command loads what it runs, and not the others

    parser.add_argument("name", nargs="?", default="", help="show only names that contain this text")
    parser.add_argument("--module", choices=coverage.MODULES, help="show only this module")
    parser.add_argument("--missing", action="store_true", help="show only what has no derivative yet")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print a page")
    form.add_argument("--json", action="store_true", help="print a list of objects with name, status and note")

    def run(options: argparse.Namespace) -> int:
        entries = coverage.entries((options.module,) if options.module else coverage.MODULES)
        if not entries:
            return _fail(f"{options.module} needs SciPy: pip install scipy")
        entries = [e for e in entries if options.name in e.name]
        if not entries:
            return _fail(f"no public callable has {options.name!r} in its name")
        if options.missing:
            entries = [e for e in entries if e.status == coverage.NOT_YET]
        if options.json:
            print(json.dumps([asdict(e) for e in entries], indent=1))
        elif options.markdown:
            print(coverage.as_markdown(entries), end="")
        else:
            print(coverage.as_text(entries))
        return 0

    return run


def _as_autograd(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Run a program that was written for autograd as it is, on minigrad."""
    from minigrad.shell import as_autograd  # here for start-up, as above

    return as_autograd.register(parser)


def _check(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Check a gradient written by hand against the tape and against differences, and say where it is wrong."""
    from minigrad.shell import check as command  # here for start-up, as above

    return command.register(parser)


def _explore(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Write the tape of a function as a page to step through, forward and backward."""
    from minigrad.shell import explore as command  # here for start-up, as above

    return command.register(parser)


def _plot(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Draw a function and its derivatives, and write them as a table."""
    from minigrad.shell import plot  # here for start-up, as above

    plot.add_options(parser)
    return plot.run


def _with_values(arguments: Sequence[str]) -> list[str]:
    """The arguments, those that begin with a minus and are no option marked as values by a space in front.

    `argparse` takes `-1e-3`, `-pi` and `-x^2` for options. The short options are `-h`, and that of `as-autograd`.
    """
    is_value = lambda text: len(text) > 1 and text[0] == "-" != text[1] and text != "-h"
    if list(arguments[:1]) == ["as-autograd"]:  # what follows is for the program
        return list(arguments)
    return [f" {text}" if is_value(text) else text for text in arguments]


def _fail(message: str) -> int:
    print(f"minigrad: {message}", file=sys.stderr)
    return 2


COMMANDS: dict[str, Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]] = {
    "as-autograd": _as_autograd,
    "check": _check,
    "coverage": _coverage,
    "explore": _explore,
    "plot": _plot,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, or 2 for bad input, 130 if interrupted, or what the command says."""
    given, output = list(sys.argv[1:] if arguments is None else arguments), Output()
    name = " ".join(["minigrad", *[word for word in given[:1] if word in COMMANDS]])
    try:
        code = _done(given, output)
        trouble = finished()
    except KeyboardInterrupt:
        print(f"{name}: interrupted; {output.left()}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except CommandError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        trouble = error.strerror or str(error)
    return _fail(f"the output cannot be written: {trouble}") if trouble else code


def _done(arguments: list[str], output: Output) -> int:
    """The exit code of the command that these arguments name, which is imported and run."""
    parser = argparse.ArgumentParser(prog="python -m minigrad", description="Automatic differentiation on NumPy.")
    parser.add_argument("--version", action="version", version=f"minigrad {minigrad.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        text = (command.__doc__ or "").strip()
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=command(sub))
    printable()
    options = parser.parse_args(_with_values(arguments))
    options.output = output
    return int(options.run(options))
