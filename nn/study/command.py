"""The command `depth`: its options, and what it prints."""

import argparse
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nn.numbers import positive, seed

DEPTH = """\
Train networks of many depths, widths and activations on the spiral, each from several seeds, and say what depth does:
report.html, its figures, runs.csv with a line for every training, study.json with means, spreads and conclusions. Every
finished training is a file in the folder. The same command makes only the trainings that are missing, so an interrupted
study goes on where it was."""
EXIT = """\
exit codes: 0 done; 2 wrong usage, a folder that cannot be written, or a cluster that cannot be reached;
130 interrupted"""


def _numbers(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        found |= set(range(int(first), int(last if dash else first) + 1))
    if not found or min(found) < 1:
        raise ValueError
    return tuple(sorted(found))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.split(",")))


# argparse names the type in its message: "invalid list of numbers value"
_numbers.__name__ = "list of numbers"


def add(commands: Any) -> dict[str, Callable[[argparse.Namespace], str | None]]:
    """Add the command to a parser; the function that runs it returns what is to be printed."""
    depth = commands.add_parser(
        "depth", help="train networks of many depths, and say what depth does", description=DEPTH, epilog=EXIT
    )
    option = depth.add_argument
    option("--out", type=Path, default=Path("study"), metavar="FOLDER", help="where to write (default: study)")
    option("--depths", type=_numbers, default="1-8", metavar="LIST", help="hidden layers, as in 1-4,8 (default: 1-8)")
    option("--widths", type=_numbers, default="4,8,16", metavar="LIST", help="of hidden layers (default: 4,8,16)")
    option("--seeds", type=positive, default=5, metavar="N", help="networks of every kind (default: 5)")
    option(
        "--activations",
        type=_names,
        default="arctan,tanh,relu",
        metavar="LIST",
        help="names out of arctan, tanh and relu (default: all)",
    )
    option("--steps", type=positive, default=3000, metavar="N", help="of gradient descent (default: 3000)")
    option("--step", type=float, default=0.1, metavar="SIZE", help="on the mean loss (default: 0.1)")
    option("--seed", type=seed, default=0, metavar="N", help="of data and parameters (default: 0)")
    option(
        "--jobs",
        type=positive,
        metavar="N",
        help="processes that train; with 1, or without joblib, this one does (default: one for each processor)",
    )
    option(
        "--client",
        metavar="ADDRESS",
        help="of a scheduler of dask, whose workers train; they need minigrad and nn of this version",
    )
    return {"depth": run}


def run(options: argparse.Namespace) -> str:
    """Train what is missing, write the report, and return the conclusions.

    Raises:
        OSError: if a file cannot be written, or the cluster cannot be reached.
        nn.data.DataError: if the options make no study.
        ImportError: if dask.distributed is asked for and missing.
        KeyboardInterrupt: with a message that says how many trainings are done.
    """
    # Imported here so that `--help` is quick.
    from nn.data import DataError
    from nn.study.findings import findings
    from nn.study.report import publish
    from nn.study.trainings import RUNS, Plan, trainings

    started = time.perf_counter()
    o = options
    try:
        plan = Plan(o.depths, o.widths, o.seeds, o.activations, o.steps, o.step, o.seed)
    except ValueError as error:
        raise DataError(str(error)) from error
    client = connected(o.client) if o.client else None
    try:
        found = findings(plan, trainings(plan, o.out, o.jobs, client))
        publish(found, o.out, time.perf_counter() - started)
    except KeyboardInterrupt as interruption:
        message = f"every finished training is a file in {o.out / RUNS}, and the same command goes on from there"
        raise KeyboardInterrupt(message) from interruption
    except Exception as error:
        if client is None or isinstance(error, OSError):
            raise
        raise OSError(f"the cluster cannot train; has it minigrad and nn of this version? ({error})") from error
    finally:
        if client is not None:
            client.close()
    said = "\n".join(f"- {sentence}" for sentence in found.sentences)
    return f"{said}\n\nThe report: {o.out / 'report.html'}  (numbers: {o.out / 'study.json'}, {o.out / 'runs.csv'})"


def connected(address: str) -> Any:
    """A client of the scheduler at this address.

    Raises:
        OSError: if nobody answers there.
        ImportError: if dask.distributed is missing.
    """
    try:
        from distributed import Client  # an extra
    except ImportError as error:
        raise ImportError("--client needs dask.distributed: pip install distributed") from error
    for name in ("distributed", "distributed.client"):  # what goes wrong ends in one line here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise OSError(f"no scheduler of dask answers at {address} ({error})") from error
