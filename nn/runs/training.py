"""Trains a network in a folder, or takes up a training there, and has the report written.

The checkpoint in the folder holds everything: parameters, memory of the optimiser, seed and progress, the scaling of
the features, the names of the classes, and the options. It is written at the start, every so many steps, and at the
end, whole each time. The report follows from it and from the data, so `resume` writes that, too.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.show.page import clear
from minigrad.show.progress import progress
from nn import fit
from nn.arrays import Array
from nn.checkpoint import CheckpointError
from nn.data import BUNDLED, SYNTHETIC, existing
from nn.files import DataError, Form
from nn.fit import Fitted, Settings, State
from nn.mlp import parameters
from nn.report import prepare
from nn.runs import report
from nn.runs.problem import Problem, RunError, load

CHECKPOINT = "training.npz"
MAX_PARAMETERS = 25_000_000  # a training keeps about eight vectors of so many numbers


@dataclass(frozen=True)
class Options:
    """What `python -m nn train` was asked for.

    Attributes:
        data: the name of a set of data, or the path of a file.
        out: the folder.
        settings: how to train; class weights by name are in `class_weight`.
        class_weight: factors for the samples of classes, by the names of these.
        test: share of each class that is kept for the report.
        every: steps between two checkpoints.
        replace: whether a training that is in the folder may be replaced.
    """

    data: str
    out: Path
    settings: Settings
    class_weight: Mapping[str, float] | None = None
    test: float = 0.2
    every: int = 100
    replace: bool = False


@dataclass(frozen=True)
class Model:
    """A network as `python -m nn train` left it.

    Attributes:
        fitted: the network.
        data: the name of the data, or the absolute path of its file.
        test, every: as in `Options`.
        classes, form, centre, factor: as in `Problem`.
    """

    fitted: Fitted
    data: str
    test: float
    every: int
    classes: tuple[str, ...]
    form: Form
    centre: Array
    factor: Array


def train(options: Options, *, show: bool = True) -> report.Report:
    """Train a network and write its report.

    Args:
        options: what to do.
        show: whether to show progress.

    Raises:
        DataError: if the data is no classification problem.
        RunError: if the folder has another training, the options do not fit the data, or the disk is full.
        OSError: if something cannot be read or written.
        DivergedError: if the loss is no longer finite.
        KeyboardInterrupt: after Ctrl-C; it says what is in the folder.
    """
    path = options.out / CHECKPOINT
    if path.exists() and not options.replace:
        advice = f"go on with python -m nn resume {options.out}, name another folder, or say --replace"
        raise RunError(f"{options.out} has a training already; {advice}")
    is_name = options.data in (*SYNTHETIC, *BUNDLED)
    if not is_name:
        existing(options.data)  # before a folder is made for nothing
    _prepare(options.out)
    s = options.settings
    problem = load(options.data, options.test, s.seed, s.validation, options.out, show=show)
    settings = replace(s, class_weight=_weights(options, problem), follow=True)
    _refuse_too_large(settings, problem)
    note = {
        "data": options.data if is_name else str(Path(options.data).resolve()),
        "test": options.test,
        "every": options.every,
        "classes": list(problem.classes),
        "first": problem.form.first,
        "names": list(problem.form.names),
        "centre": problem.centre,
        "factor": problem.factor,
    }
    for name in (CHECKPOINT, *report.FILES):  # an earlier training's: nothing of two trainings shall stand together
        (options.out / name).unlink(missing_ok=True)
    classes = len(problem.classes)

    def run(watch: Callable[[State], None]) -> Fitted:
        return fit.fit(
            problem.x_train,
            problem.y_train,
            settings,
            classes=classes,
            path=path,
            every=options.every,
            watch=watch,
            note=note,
        )

    return _reported(run, problem, settings, 0, options.out, show)


def resume(folder: Path, *, data: str | None = None, show: bool = True) -> report.Report:
    """Take up the training in a folder; the result has the bits of a training that was never stopped.

    Args:
        folder: where `train` was.
        data: where the file with the data is now; where it was if None.
        show: whether to show progress.

    Raises:
        CheckpointError: if there is no training, a damaged one, or one that was begun with other data.
        Others: as `train` does.
    """
    model = load_model(folder)
    settings, source = model.fitted.settings, data or model.data
    _prepare(folder)
    problem = load(source, model.test, settings.seed, settings.validation, folder, show=show)
    if problem.classes != model.classes or problem.form.p != model.form.p:
        raise CheckpointError(f"{folder / CHECKPOINT}: this training was begun with other data than is in {source} now")

    def run(watch: Callable[[State], None]) -> Fitted:
        path = folder / CHECKPOINT
        return fit.resume(path, problem.x_train, problem.y_train, every=model.every, watch=watch)

    return _reported(run, problem, settings, model.fitted.state.step, folder, show)


def load_model(folder: Path) -> Model:
    """The network in a folder, whether its training has ended or not.

    Raises:
        CheckpointError: if there is none, or what is there is damaged or foreign.
        OSError: if it cannot be read.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        raise CheckpointError(f"{folder}: there is no training in this folder; python -m nn train --out writes one")
    fitted = fit.load(path)
    note = fitted.note
    try:
        p = int(note["centre"].shape[0])
        form = Form(p, int(note["first"]), tuple(map(str, note["names"])))
        classes = tuple(map(str, note["classes"]))
        model = Model(
            fitted,
            str(note["data"]),
            float(note["test"]),
            int(note["every"]),
            classes,
            form,
            np.asarray(note["centre"], np.float64),
            np.asarray(note["factor"], np.float64),
        )
        widths = [fitted.A[0].shape[1], fitted.A[-1].shape[0]]
        if [p, len(classes)] != widths or not model.centre.shape == model.factor.shape == (p, 1):
            raise ValueError("its parts do not belong together")
        if not (0.0 <= model.test < 1.0 and model.every >= 1 and form.first in (0, 1)):
            raise ValueError("its options are out of range")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise CheckpointError(
            f"{path}: python -m nn train has not written this checkpoint, or it is damaged ({error})"
        ) from error
    return model


def _prepare(folder: Path) -> None:
    """Make the folder, and take away halves of files that a killed training has left."""
    prepare(folder)
    clear(folder, (CHECKPOINT, *report.FILES))


def _reported(
    run: Callable[[Callable[[State], None]], Fitted],
    problem: Problem,
    settings: Settings,
    done: int,
    out: Path,
    show: bool,
) -> report.Report:
    """Run a training, of which some steps are done, and write its report."""
    again = f"python -m nn resume {out}"
    try:
        with _watching(problem, settings, done, show) as watch:
            fitted = run(watch)
    except OSError as error:
        advice = f"; the state in {out / CHECKPOINT} is whole, make room and go on with {again}"
        advice = advice if (out / CHECKPOINT).exists() else ""
        raise RunError(f"{error.filename or out}: {error.strerror or error}{advice}") from error
    except DataError as error:
        raise DataError(f"{problem.name}: {error}") from error
    if fitted.interrupted:
        epochs = f"{fitted.state.losses.size} of {settings.epochs} epochs"
        what = f"{epochs} are done, and what was learned is in {out / CHECKPOINT}"
        raise KeyboardInterrupt(f"{what}; go on with {again}")
    left = f"the training is whole in {out / CHECKPOINT}, but its report is not written; {again} writes it"
    try:
        return report.write(fitted, problem, out)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(left) from None
    except OSError as error:
        raise RunError(f"{error.filename or out}: {error.strerror or error}; {left}") from error


@contextmanager
def _watching(problem: Problem, settings: Settings, seen: int, show: bool) -> Iterator[Callable[[State], None]]:
    """What `fit` calls after each step, for a bar that counts them; `seen` of them were made before."""
    unit, total = "iterations", settings.epochs
    if settings.optimizer not in fit.WHOLE:
        unit, total = "steps", total * math.ceil(fit.held_out(problem.y_train, settings)[0].size / settings.batch)
    with progress("training", unit, total, show, done=seen) as bar:

        def watch(state: State) -> None:
            nonlocal seen
            if state.step > seen:  # a search that is taken up begins with what it knows
                bar.update(state.step - seen)
                seen = state.step

        yield watch


def _weights(options: Options, problem: Problem) -> Any:
    if options.class_weight is None:
        return options.settings.class_weight
    unknown = [name for name in options.class_weight if name not in problem.classes]
    if unknown:
        raise RunError(f"--class-weight: {unknown[0]!r} is none of the classes {', '.join(problem.classes)}")
    return tuple(options.class_weight.get(name, 1.0) for name in problem.classes)


def _refuse_too_large(settings: Settings, problem: Problem) -> None:
    p, k = problem.form.p, len(problem.classes)
    count = parameters([p, *settings.hidden, k])
    if count > MAX_PARAMETERS:
        what = f"a network with {p} features, layers of {list(settings.hidden)} and {k} classes"
        raise RunError(f"{what} has {count} parameters, and {MAX_PARAMETERS} fit here; give narrower --layers")
