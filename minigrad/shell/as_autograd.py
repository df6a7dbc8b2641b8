"""`python -m minigrad as-autograd`: run a program that was written for autograd as it is."""

from __future__ import annotations

import argparse
import importlib.util
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from minigrad.compat.as_autograd import install_as_autograd
from minigrad.errors import CommandError


def register(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Add the options; what is returned runs the program."""
    parser.usage = "python -m minigrad as-autograd [-h] (-m MODULE | SCRIPT.py) [ARGUMENTS ...]"
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help="a module to run, and its arguments")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="a script to run, and its arguments")

    def command(options: argparse.Namespace) -> int:
        try:
            return run(options.script, options.module)
        except CommandError as error:
            print(f"minigrad: {error}", file=sys.stderr)
            return 2
        except BrokenPipeError:
            raise
        except OSError:  # of the program, and not of a file that this command would write
            traceback.print_exc()
            return 1

    return command


def run(script: list[str], module: list[str] | None = None) -> int:
    """Run a script, or a module, as Python does: with its `sys.argv`, as `__main__`, from its folder.

    Args:
        script: the path of a script and its arguments.
        module: or the name of a module and its arguments.

    Returns:
        0, unless the program exits with another code.

    Raises:
        CommandError: if there is no such program.

    Processes that the program starts find minigrad as well.
    """
    if module:
        sys.path[0] = str(Path.cwd())
    elif script:
        if not Path(script[0]).exists():
            raise CommandError(f"{script[0]}: there is no such file")
        sys.path[0] = str(Path(script[0]).resolve().parent)
    else:
        raise CommandError("as-autograd: name a script, or a module after -m")
    install_as_autograd()
    paths = [str(Path(__file__).parents[1] / "compat" / "ported"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    sys.argv = list(module or script)
    if not module:
        runpy.run_path(script[0], run_name="__main__")
        return 0
    try:
        is_there = importlib.util.find_spec(module[0]) is not None
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        raise CommandError(f"{module[0]}: there is no such module")
    runpy.run_module(module[0], run_name="__main__", alter_sys=True)
    return 0
