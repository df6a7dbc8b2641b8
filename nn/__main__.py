"""The command line: `python -m nn tour`, `page`, `depth`, `train`, `resume` and `predict`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nn.numbers import positive, seed
from nn.runs import command as runs
from nn.study import command as study

DESCRIPTION = "A small neural network on minigrad, from its data to its gradient."
TOUR = """\
Train networks with automatic differentiation, draw every figure of the tour, and compare the gradient by autodiff with
the one derived by hand. Writes PNG files, report.html (self-contained) and report.json (the numbers) into a folder."""
PAGE = """\
Train a network of each depth, and write one file of HTML that needs nothing else: the trainings can be played back,
with the map of the classes, of every neuron, and the plane on its way through the layers. Points are added with a
click; the page then trains again, with the backpropagation that minigrad wrote, translated to JavaScript."""
EXIT = """\
exit codes: 0 done; 1 the training diverged; 2 wrong usage, unreadable data, or a folder that cannot be written;
130 interrupted"""


def _add_seed(command: argparse.ArgumentParser, of: str) -> None:
    text = f"seed of everything random: {of} (default: 0)"
    command.add_argument("--seed", type=seed, default=0, metavar="N", help=text)


def _add_jobs(command: argparse.ArgumentParser) -> None:
    text = "processes that train networks; with 1, or without joblib, this one does (default: one for each processor)"
    command.add_argument("--jobs", type=positive, metavar="N", help=text)


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m nn", description=DESCRIPTION)
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    tour = commands.add_parser(
        "tour",
        help="train, draw and compare everything; write a report",
        description=TOUR,
        epilog=EXIT,
    )
    tour.add_argument(
        "--out",
        type=Path,
        default=Path("figures"),
        metavar="FOLDER",
        help="where to write; made if missing, files of an earlier run are replaced (default: figures)",
    )
    tour.set_defaults(run=_tour)
    _add_seed(tour, "data, split, initial parameters")
    tour.add_argument(
        "--data",
        default="spiral",
        metavar="NAME|PATH",
        help="spiral, two_arcs, iris, wine, breast_cancer, digits, or the path of a classification problem: a .csv file"
        " (with or without a header; the labels are the column label, class, target or y, or else the last one), or"
        " LibSVM text; also .gz or .bz2 (default: spiral); the sets from iris to digits need scikit-learn",
    )
    tour.add_argument(
        "--steps",
        type=positive,
        metavar="N",
        help="steps of gradient descent; the study of the depth takes half as many for each of its networks"
        " (default: 8000, with --quick 1500; fewer for large data)",
    )
    tour.add_argument(
        "--quick",
        action="store_true",
        help="a few seconds instead of a minute or two: fewer steps, fewer seeds; the accuracies are worse",
    )
    tour.add_argument(
        "--gradient",
        choices=("autodiff", "eager", "backprop"),
        default="autodiff",
        help="train with minigrad, compiled (autodiff) or recorded anew at every step (eager), or with backpropagation"
        " derived by hand; the results agree up to rounding (default: autodiff)",
    )
    _add_jobs(tour)
    shown = commands.add_parser(
        "page",
        help="write a page that plays trainings back, and trains again with points of one's own",
        description=PAGE,
        epilog=EXIT.replace("a folder", "a file"),
    )
    shown.add_argument(
        "--out",
        type=Path,
        default=Path("network.html"),
        metavar="FILE",
        help="the page; its folder is made if missing, a page of an earlier run is replaced (default: network.html)",
    )
    shown.set_defaults(run=_page)
    _add_seed(shown, "data and initial parameters")
    shown.add_argument(
        "--data",
        default="spiral",
        metavar="NAME|PATH",
        help="spiral, two_arcs, or the path of a classification problem with two features, a .csv file or LibSVM text,"
        " also .gz or .bz2 (default: spiral)",
    )
    shown.add_argument(
        "--steps",
        type=positive,
        metavar="N",
        help="steps of gradient descent for each network (default: 4000, with --quick 600)",
    )
    shown.add_argument("--quick", action="store_true", help="fewer steps; the accuracies are worse")
    for name, run in (study.add(commands) | runs.add(commands)).items():
        commands.choices[name].set_defaults(run=run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        from minigrad.shell.output import finished, printable  # here so that `--help` is quick

        printable()
        code = _run(options)
        trouble = finished()
        return _complain(f"the output cannot be written: {trouble}") if trouble else code
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt as interruption:
        left = {
            "tour": "the figures of the stations that were finished are in the folder; the report is that of an earlier"
            " run, if there was one",
            "page": "no page was written",
            "depth": "nothing was trained",
            "train": "no training had begun",
            "resume": "the training is as it was",
            "predict": "nothing was written",
        }
        return _complain(f"interrupted; {str(interruption) or left[options.command]}", code=130)


def _run(options: argparse.Namespace) -> int:
    # Imported here so that `--help` is quick.
    from nn.checkpoint import CheckpointError
    from nn.data import DataError
    from nn.runs.problem import RunError
    from nn.train import DivergedError

    try:
        text = options.run(options)
        if text is not None:
            print(text)
    except ModuleNotFoundError as error:
        return _complain(f"{error.name} is missing: pip install matplotlib scikit-learn tqdm")
    except BrokenPipeError:
        raise
    except OSError as error:
        where = error.filename or "the output cannot be written"
        return _complain(f"{where}: {error.strerror}" if error.strerror else str(error))
    except (CheckpointError, DataError, ImportError, RunError) as error:
        return _complain(str(error))
    except DivergedError as error:
        return _complain(f"the training diverged: {error}", code=1)
    return 0


def _tour(options: argparse.Namespace) -> str:
    from nn.stations.networks import prepared
    from nn.stations.problem import Settings

    o = options
    with prepared(Settings(o.out, o.seed, o.data, o.steps, o.quick, o.gradient, o.jobs)) as (problem, networks):
        from nn.tour import follow, summary  # here, so that others train while this process imports matplotlib

        return summary(follow(problem, networks))


def _page(options: argparse.Namespace) -> str:
    from nn.page import run, summary

    return summary(run(options.out, options.seed, options.data, options.steps, options.quick), options.out)


def _complain(message: str, code: int = 2) -> int:
    print(f"python -m nn: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
