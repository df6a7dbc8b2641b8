"""The report of a training: a page, its pictures and its numbers, written when all of them are made."""

import functools
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minigrad.show.page import write as write_file
from nn import plots
from nn.arrays import Array, Labels
from nn.fit import WHOLE, Fitted, held_out
from nn.plane import Plane, plane_through
from nn.report import Image, Section, Table, csv_text, page, picture
from nn.runs import figures
from nn.runs.measuring import Quality, measure
from nn.runs.problem import Problem
from nn.samples import Samples
from nn.stations.view import percent

PICTURES = ("1-curves.png", "2-confusion.png", "3-calibration.png", "4-map.png")
FILES = (*PICTURES, "curves.csv", "report.json", "report.html")
RESOLUTION = 200  # points on a side of the map
SHOWN = 600  # samples on the map
NUMBERS = 4_000_000  # that the principal directions are computed from
ENDED = {
    "epochs": "all epochs are done",
    "patience": "the held-out loss had not become lower for as many epochs as --patience allows",
    "converged": "the search has converged",
}


@dataclass(frozen=True)
class Report:
    """What a training has come to.

    Attributes:
        out: the folder.
        quality: on samples that were not learned from, if there are such.
        classes: the names.
        numbers: everything, as in report.json.
    """

    out: Path
    quality: Quality
    classes: tuple[str, ...]
    numbers: dict[str, Any]

    def text(self) -> str:
        """What the terminal says in the end."""
        q, training = self.quality, self.numbers["training"]
        lines = [
            f"Network {training['widths']} on {self.numbers['data']['name']}, {training['epochs']} epochs:",
            "",
            _per_class(q, self.classes).text(),
            "",
            f"accuracy           {q.accuracy:.4f}  ({q.n} {q.of})",
            f"loss per sample    {q.loss:.4f}",
            f"calibration error  {q.calibration_error:.4f}",
            "",
            f"The report: {self.out / 'report.html'}",
            f"Ask it:     python -m nn predict --model {self.out} --data FILE",
        ]
        return "\n".join(lines)


def write(fitted: Fitted, problem: Problem, out: Path) -> Report:
    """Measure a network, draw, and write all files; nothing is written before all of it is made.

    Raises:
        OSError: if a file cannot be written.
    """
    k = len(problem.classes)
    of, judges, at = _judges(fitted, problem)
    quality = measure(of, _answers(fitted, judges, at), k)
    state = fitted.state
    best = int(np.argmin(state.validation_losses)) + 1 if state.validation_losses.size else None
    small = functools.partial(picture, dpi=160)
    pictures = [
        small(figures.curves(state, best), PICTURES[0], "Two curves over the epochs: the loss and the accuracy."),
        small(figures.confusion(quality, problem.classes), PICTURES[1], "A matrix: classes against answers."),
        small(
            figures.calibration(quality),
            PICTURES[2],
            "A curve: how often answers are right, against the probability that the network gave them.",
        ),
    ]
    drawn = _map(fitted, problem, judges, at)
    if drawn is not None:
        plane, figure = drawn
        alt = "Regions coloured by the most probable class, with samples on top."
        share = percent(plane.explained) if problem.form.p > 2 else ""
        caption = f"{share} of the variance of the samples lies in this plane." if share else ""
        pictures.append(small(figure, PICTURES[3], alt, caption))
    numbers = _numbers(fitted, problem, quality, best)
    html = page(f"A network for {problem.name}", *_content(fitted, problem, quality, best, pictures, out), out)
    for image in pictures:
        assert image.content is not None
        write_file(out / image.file, image.content)
    write_file(out / "curves.csv", _curves_csv(fitted))
    text = json.dumps(numbers, indent=2, allow_nan=False, ensure_ascii=False)
    write_file(out / "report.json", text + "\n")
    write_file(out / "report.html", html)
    return Report(out, quality, problem.classes, numbers)


def _judges(fitted: Fitted, problem: Problem) -> tuple[str, Samples, Labels]:
    """The samples that judge the network: which these are in words, and the indices of those among some samples."""
    k = len(problem.classes)
    if problem.y_test.size:
        return "samples for the test", Samples(problem.x_test, problem.y_test, k), np.arange(problem.y_test.size)
    learned, held = held_out(problem.y_train, fitted.settings)
    samples = Samples(problem.x_train, problem.y_train, k)
    if not held.size:
        return "samples that it has learned from", samples, learned
    return "samples held out while it was trained", samples, np.sort(held)


def _answers(fitted: Fitted, samples: Samples, indices: Labels) -> Iterator[tuple[Array, Labels]]:
    for part in samples.parts(indices):
        yield fitted.probabilities(samples.take(part)[0]), samples.y[part]


def _map(fitted: Fitted, problem: Problem, judges: Samples, at: Labels) -> tuple[Plane, Figure] | None:
    """The class probabilities in the plane of the principal directions; None for too many features."""
    p, k = problem.form.p, len(problem.classes)
    if p * 2 * SHOWN > NUMBERS:
        return None
    samples = Samples(problem.x_train, problem.y_train, k)
    few = np.linspace(0, samples.y.size - 1, min(samples.y.size, NUMBERS // max(p, 1), 10_000)).astype(np.intp)
    learned = np.ascontiguousarray(samples.take(few)[0])
    plane = plane_through(learned)
    # All samples but a few that lie far out: these would make the others small.
    far = float(np.quantile(np.abs(plane.project(learned)), 0.995))
    plane = replace(plane, limit=max(1.2 * far, 1e-9))
    grid, side = [], np.linspace(-plane.limit, plane.limit, RESOLUTION)
    for height in side:  # a row at a time: all points in the space of all features may be many numbers
        row = np.stack([side, np.full(RESOLUTION, height)])
        grid.append(fitted.probabilities(plane.lift(row)))
    probabilities = np.stack(grid, axis=1)
    chosen = at[np.linspace(0, at.size - 1, min(at.size, SHOWN)).astype(np.intp)]
    shown = np.ascontiguousarray(judges.take(chosen)[0])
    title = f"{plots.short(problem.name, 40)}: class probabilities"
    return plane, plots.class_map(plane, probabilities, shown, judges.y[chosen], problem.classes, title)


def _per_class(quality: Quality, classes: tuple[str, ...]) -> Table:
    shown = lambda value: "–" if np.isnan(value) else f"{value:.3f}"
    per_class = zip(classes, quality.confusion.sum(axis=1), quality.precision, quality.recall, quality.f1)
    rows = [(name, str(n), shown(precision), shown(recall), shown(f1)) for name, n, precision, recall, f1 in per_class]
    return Table(("class", "samples", "precision", "recall", "F1"), rows)


def _curves_csv(fitted: Fitted) -> str:
    columns = figures.table(fitted.state)
    epochs = enumerate(zip(*[values.tolist() for _, values in columns]), start=1)
    return csv_text([["epoch", *[name for name, _ in columns]], *[[epoch, *row] for epoch, row in epochs]])


def _numbers(fitted: Fitted, problem: Problem, quality: Quality, best: int | None) -> dict[str, Any]:
    state = fitted.state
    counts = np.bincount(problem.y_train, minlength=len(problem.classes)).tolist()
    return {
        "data": {
            "name": problem.name,
            "features": problem.form.p,
            "classes": list(problem.classes),
            "samples_per_class": counts,
            "test_samples": int(problem.y_test.size),
        },
        "settings": asdict(fitted.settings),
        "versions": {"python": sys.version.split()[0], "numpy": np.__version__},
        "training": {
            "widths": _widths(fitted),
            "epochs": int(state.losses.size),
            "steps": state.step,
            "ended": state.ended,
            "best_epoch": best,
            **{name: values.tolist() for name, values in figures.table(state)},
        },
        "quality": quality.numbers(),
    }


def _widths(fitted: Fitted) -> list[int]:
    return [fitted.A[0].shape[1], *[a.shape[0] for a in fitted.A]]


def _content(
    fitted: Fitted, problem: Problem, quality: Quality, best: int | None, pictures: list[Image], out: Path
) -> tuple[str, list[Section]]:
    """The introduction and the sections of the page."""
    s, state = fitted.settings, fitted.state
    n, test = problem.y_train.size, problem.y_test.size
    introduction = f"""<p>A network with the widths {_widths(fitted)}, trained on <b>{escape(problem.name)}</b>:
{n} samples to learn from{f" and {test} for the test" if test else ""}, {problem.form.p} features,
{len(problem.classes)} classes. Of the {quality.n} {quality.of}, <b>{percent(quality.accuracy, 2)}</b> are classified
correctly. The numbers are in <code>report.json</code> and <code>curves.csv</code> beside this page.</p>"""

    training = Section("The training")
    steps = "iterations" if s.optimizer in WHOLE else f"epochs in batches of {s.batch}"
    held = f", {percent(s.validation, 0)} of the samples held out" if s.validation else ""
    training.text(
        f"Optimiser {escape(s.optimizer)}, {state.losses.size} {steps}{held}, seed {s.seed}. It ended because"
        f" {ENDED.get(state.ended, 'it was stopped')}."
        + (f" The parameters are those after epoch {best}, whose loss on held-out samples is lowest." if best else "")
    )
    training.parts.append(pictures[0])
    settings = asdict(s) | {"hidden": list(s.hidden)}
    told = {name: value for name, value in settings.items() if name not in ("last", "follow") and value is not None}
    training.parts.append(Table(("option", "value"), [(name, str(value)) for name, value in told.items()]))

    classes = Section("Class by class")
    classes.text(
        "Precision is the share of right answers among those that name the class, recall the share of its samples that"
        " were found, and F1 the harmonic mean of both. In the matrix, a row is a class, and a column an answer."
    )
    classes.parts += [_per_class(quality, problem.classes), pictures[1]]

    calibration = Section("Calibration")
    calibration.text(
        "An answer comes with a probability. On the dashed line the network is right as often as it says; below it, it"
        f" is too sure. The mean distance is {quality.calibration_error:.3f}; the loss is {quality.loss:.4f} per"
        f" sample, and the Brier score {quality.brier:.4f}."
    )
    calibration.parts.append(pictures[2])

    plane = Section("The map")
    if len(pictures) > 3:
        plane.text(
            "Colours are mixed by the probabilities of the classes, and thin lines are where the most probable one"
            " changes."
            + (
                " The plane goes through the mean of the samples along the two directions of largest variance; the"
                " samples lie off it, so one of them may sit on a foreign colour and still be classified correctly."
                if problem.form.p > 2
                else " Features are scaled to mean 0 and standard deviation 1."
            )
        )
        plane.parts.append(pictures[3])
    else:
        plane.text(f"With {problem.form.p} features, a map along principal directions would take too long to compute.")

    use = Section("Use it")
    use.text(
        f"<code>python -m nn predict --model {escape(str(out))} --data FILE</code> gives the class of each sample of a"
        " file, with <code>--probabilities</code> the probability of each class. The checkpoint"
        " <code>training.npz</code> holds the network, the scaling of its features and the names of its classes."
    )
    return introduction, [training, classes, calibration, plane, use]
