"""The tour: a network from the data to its gradient, computed, drawn and explained in one run.

It goes through the same stations as the tour on neural networks in Gabriel Peyré's "Numerical Tours", with the
corrections listed in `nn.data`; the networks are trained with the gradient of `minigrad` unless asked otherwise.
`run` writes the figures as PNG files, `report.html` with all of them in one file, and `report.json` with the numbers.
Each station is a file in `nn.stations`, which measures first and shows afterwards.
"""

import json
import sys
import time
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol, TypeVar

import numpy

from minigrad.show.page import write
from nn.report import Section, page
from nn.stations import (
    activation,
    class_map,
    comparison,
    data,
    depth,
    derivatives,
    quadratic,
    recursion,
    tape,
    training,
)
from nn.stations.networks import Begun, prepared
from nn.stations.problem import Problem, Settings
from nn.stations.view import method

__all__ = ["Settings", "Tour", "follow", "run", "summary"]

M = TypeVar("M")
Shown = TypeVar("Shown", contravariant=True)


class Station(Protocol[Shown]):
    """A module that shows what it has measured."""

    def show(self, problem: Problem, measured: Shown) -> Section:
        """The section of the report; writes its figures."""


@dataclass(frozen=True)
class Tour:
    """A finished run: the problem, what the summary tells of it, and all its numbers as in `report.json`."""

    problem: Problem
    training: training.Training
    derivatives: derivatives.Derivatives
    comparison: comparison.Comparison
    seconds: float
    numbers: dict[str, Any]


def run(settings: Settings) -> Tour:
    """Run the whole tour and write its files.

    Raises:
        OSError: if the folder or a file cannot be written, or the data cannot be read.
        nn.data.DataError: if the data is no classification problem.
        nn.train.DivergedError: if a training diverges.
        ImportError: if the data needs scikit-learn and it is missing.
    """
    with prepared(settings) as (problem, networks):
        return follow(problem, networks)


def follow(problem: Problem, networks: Begun) -> Tour:
    """The tour while the networks of the study of depth are being trained."""
    settings = problem.settings
    sections: list[Section] = []

    def shown(station: Station[M], measured: M) -> M:
        """Show a station before the next one is measured: its figures are there while the run goes on."""
        sections.append(station.show(problem, measured))
        return measured

    samples = shown(data, data.measure(problem))
    arctan = shown(activation, activation.measure(problem))
    trained = shown(training, training.measure(problem))
    shown(class_map, class_map.measure(problem, trained))
    place = len(sections)
    tanh = shown(derivatives, derivatives.measure(problem))
    norm = shown(quadratic, quadratic.measure(problem))
    compared = shown(comparison, comparison.measure(problem))
    recorded = shown(tape, tape.measure(problem))
    loops = shown(recursion, recursion.measure(problem))
    depths = depth.measure(problem, networks)
    sections.insert(place, depth.show(problem, depths))

    seconds = round(time.monotonic() - networks.started, 1)
    numbers = {
        "settings": {
            "data": settings.data,
            "seed": settings.seed,
            "steps": settings.training_steps,
            "quick": settings.quick,
            "gradient": settings.gradient,
        },
        "versions": {"python": sys.version.split()[0], "numpy": numpy.__version__},
        "seconds": seconds,
        "data": data.numbers(samples),
        "activation": activation.numbers(arctan),
        "training": training.numbers(trained),
        "depth": depth.numbers(depths),
        "tanh": derivatives.numbers(tanh),
        "quadratic": quadratic.numbers(norm),
        "comparison": comparison.numbers(compared),
        "tape": tape.numbers(recorded),
        "recursion": recursion.numbers(loops),
    }
    title = f"A neural network and its gradient: {problem.data.name}"
    html = page(title, _introduction(problem), sections, settings.out)
    write(settings.out / "report.html", html)
    text = json.dumps(numbers, indent=2, allow_nan=False, ensure_ascii=False)
    write(settings.out / "report.json", text + "\n")
    return Tour(problem, trained, tanh, compared, seconds, numbers)


def _introduction(problem: Problem) -> str:
    s, d = problem.settings, problem.data
    how = method(s.gradient, by_hand="the gradient derived by hand")
    return f"""<p>This page follows a small neural network from its data to its gradient. Every derivative on it was
computed by <code>minigrad</code>, an automatic differentiation engine for NumPy code; the networks were trained with
{how}. Data: <b>{escape(d.name)}</b>, {d.x_train.shape[1]} samples to learn from and {d.x_test.shape[1]} held
out, {d.p} features, {d.k} classes; seed {s.seed}.</p>
<p>Throughout, a column is a sample: the data <i>x</i> has the shape ({d.p}, n), and the target <i>Y</i> of shape
({d.k}, n) has a one in the row of the class. The numbers are in <code>report.json</code> beside this page.</p>"""


def summary(tour: Tour) -> str:
    """What the terminal says in the end."""
    trained, compared, settings = tour.training, tour.comparison, tour.problem.settings
    by = method(trained.gradient, autodiff="autodiff", by_hand="backpropagation by hand")
    last = tour.derivatives.orders[-1]
    accuracy, held_out = _held_out(tour)
    return f"""\
The gradient of the network {compared.widths}, autodiff against backpropagation by hand:

{comparison.table(compared, digits=9, times="x").text()}

Network {trained.widths} on {tour.problem.data.name}, {trained.steps} steps, trained with {by}:
  loss per sample    {trained.loss_per_sample[-1]:.4f}
  training accuracy  {trained.accuracy:.4f}
  held-out accuracy  {accuracy:.4f}  ({held_out})
Derivative {last.order} of tanh: error {last.error:.1e} of its largest value
Took {tour.seconds:.0f} s.

The report: {settings.out / "report.html"}  (numbers: {settings.out / "report.json"})"""


def _held_out(tour: Tour) -> tuple[float, str]:
    """The held-out accuracy to believe, and what it was measured on."""
    trained, validation = tour.training, tour.training.validation
    if validation is None:
        return trained.held_out_accuracy, f"{tour.problem.held_out_name}: {trained.held_out_samples}"
    return validation.accuracy, (
        f"{training.FOLDS}-fold cross-validation, each of {validation.samples} samples held out once;\n"
        f"                     {trained.held_out_accuracy:.4f}  for the {trained.held_out_samples} of the split in the"
        " figures"
    )
