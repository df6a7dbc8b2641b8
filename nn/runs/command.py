"""The commands `train`, `resume` and `predict`: their options, and what they print."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nn.numbers import positive, seed, share

OPTIMIZERS = {"adam": "adam", "momentum": "momentum", "sgd": "sgd", "l-bfgs": "L-BFGS-B", "newton-cg": "Newton-CG"}
RATES = {"adam": 0.005, "momentum": 0.05, "sgd": 0.2}
TRAIN = """\
Train a network on labelled samples, and write a report. The folder gets training.npz (a checkpoint: written at the
start, every few steps and at the end, whole each time), report.html, its pictures, report.json and curves.csv. Samples
are standardised, and a share is kept for the test."""
RESUME = """\
Take up a training that was interrupted, and write its report. The network has the bits of one whose training was never
stopped. A training that has ended only gets its report written again."""
PREDICT = """\
Answer for each sample of a file with the class that the network finds most probable, as a table in CSV. If the file has
labels, say how many answers are right."""
EXIT = """\
exit codes: 0 done; 1 the training diverged; 2 wrong usage, unreadable data, a damaged checkpoint, or files that cannot
be written; 130 interrupted"""
DATA = """\
digits, iris, wine, breast_cancer (they need scikit-learn), spiral, two_arcs, or the path of a file: CSV (the labels are
the column label, class, target or y, or else the last one) or LibSVM text, also .gz or .bz2; it may be larger than
memory"""


def _layers(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(positive(part) for part in text.split(","))


def _class_weight(text: str) -> Any:
    if text == "balanced":
        return text
    pairs = [part.rpartition("=") for part in text.split(",")]
    weights = {name: float(value) for name, equals, value in pairs if equals}
    if len(weights) != len(pairs) or not all(0.0 < value < float("inf") for value in weights.values()):
        raise ValueError
    return weights


_layers.__name__, _class_weight.__name__ = "list of widths", "weights"


def add(commands: Any) -> dict[str, Callable[[argparse.Namespace], str | None]]:
    """Add the commands to a parser; the functions that run them return what is to be printed."""
    train = commands.add_parser("train", help="train a network on data of one's own", description=TRAIN, epilog=EXIT)
    option = train.add_argument
    option("--data", required=True, metavar="NAME|FILE", help=DATA)
    option("--out", type=Path, required=True, metavar="FOLDER", help="where to write; made if missing")
    option(
        "--layers", type=_layers, default=(64,), metavar="N,N", help="widths of hidden layers, or none (default: 64)"
    )
    option(
        "--optimizer",
        type=str.lower,
        choices=OPTIMIZERS,
        default="adam",
        help="adam, momentum or sgd by mini-batches; l-bfgs or newton-cg on all samples (default: adam)",
    )
    option("--epochs", type=positive, default=100, metavar="N", help="of the last two, iterations (default: 100)")
    option("--batch", type=positive, default=64, metavar="N", help="samples in a mini-batch (default: 64)")
    rates = ", ".join(f"{rate:g} for {name}" for name, rate in RATES.items())
    option("--rate", type=float, metavar="R", help=f"the step size at the start (default: {rates})")
    schedules = "steps that go to zero along half a wave, stay, or are halved after each quarter (default: cosine)"
    option("--schedule", choices=("cosine", "constant", "halving"), default="cosine", help=schedules)
    option(
        "--momentum", type=share, default=0.9, metavar="M", help="what momentum keeps of the velocity (default: 0.9)"
    )
    option(
        "--l2", type=float, default=0.001, metavar="L", help="weight of half the squares of weights (default: 0.001)"
    )
    weights = "balanced, or factors of classes such as spam=2,ham=0.5; 1 for a class that is not named"
    option("--class-weight", type=_class_weight, metavar="WEIGHTS", help=weights)
    held = "share held out to find the best parameters, 0 for none (default: 0.1)"
    option("--validation", type=share, default=0.1, metavar="SHARE", help=held)
    option(
        "--patience", type=positive, metavar="N", help="stop after N epochs without a lower loss on held-out samples"
    )
    test = "share of each class that is kept for the report, 0 for none (default: 0.2)"
    option("--test", type=share, default=0.2, metavar="SHARE", help=test)
    option("--seed", type=seed, default=0, metavar="N", help="of everything random (default: 0)")
    option("--every", type=positive, default=100, metavar="N", help="steps between two checkpoints (default: 100)")
    option("--replace", action="store_true", help="replace a training that is in the folder")
    _add_output(train)

    resume = commands.add_parser("resume", help="take up a training", description=RESUME, epilog=EXIT)
    resume.add_argument("folder", type=Path, help="that --out of train has named")
    resume.add_argument("--data", metavar="FILE", help="where the data is now, if it was moved")
    _add_output(resume)

    predict = commands.add_parser("predict", help="let a network answer", description=PREDICT, epilog=EXIT)
    option = predict.add_argument
    option("--model", type=Path, required=True, metavar="FOLDER", help="that --out of train has named")
    option("--data", required=True, metavar="FILE", help="samples of the same kind, with labels or without")
    option("--out", type=Path, metavar="FILE", help="the table; the terminal if it is not given")
    option("--probabilities", action="store_true", help="the probability of each class, too")
    _add_output(predict)
    return {"train": _train, "resume": _resume, "predict": _predict}


def _add_output(command: argparse.ArgumentParser) -> None:
    form = command.add_mutually_exclusive_group()
    form.add_argument("--quiet", action="store_true", help="print nothing but errors")
    form.add_argument("--json", action="store_true", help="print numbers as JSON instead of text")


def _train(options: argparse.Namespace) -> str | None:
    from nn.fit import Settings  # here so that --help is quick
    from nn.runs.problem import RunError
    from nn.runs.training import Options, train

    optimizer = OPTIMIZERS[options.optimizer]
    by_name = isinstance(options.class_weight, dict)
    try:
        settings = Settings(
            hidden=options.layers,
            optimizer=optimizer,  # type: ignore[arg-type]  # the parser lets no other word through
            epochs=options.epochs,
            batch=options.batch,
            rate=RATES.get(optimizer, 1.0) if options.rate is None else options.rate,
            schedule=options.schedule,
            momentum=options.momentum,
            l2=options.l2,
            class_weight=None if by_name else options.class_weight,
            validation=options.validation,
            patience=options.patience,
            seed=options.seed,
        )
    except ValueError as error:
        raise RunError(str(error)) from error
    weights = options.class_weight if by_name else None
    run = Options(options.data, options.out, settings, weights, options.test, options.every, options.replace)
    return _told(options, train(run, show=not options.quiet))


def _resume(options: argparse.Namespace) -> str | None:
    from nn.runs.training import resume  # here so that --help is quick

    return _told(options, resume(options.folder, data=options.data, show=not options.quiet))


def _predict(options: argparse.Namespace) -> str | None:
    from nn.runs.prediction import predict  # here so that --help is quick
    from nn.runs.problem import RunError

    if options.json and options.out is None:
        raise RunError("--json prints numbers where the table would go; say with --out where to write it")
    found = predict(options.model, options.data, options.out, probabilities=options.probabilities)
    if options.out is None:
        if not options.quiet:
            print(found.text(), file=sys.stderr)
        return None
    if options.quiet:
        return None
    return (
        json.dumps(found.numbers(), ensure_ascii=False) if options.json else f"{found.text()}\nWritten: {options.out}"
    )


def _told(options: argparse.Namespace, report: Any) -> str | None:
    if options.quiet:
        return None
    return json.dumps(report.numbers, allow_nan=False, ensure_ascii=False) if options.json else str(report.text())
