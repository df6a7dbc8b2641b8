"""Width or depth: networks of one to five hidden layers with the same number of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from minigrad.show.progress import progress
from nn import plots
from nn.arrays import Array
from nn.mlp import accuracy, parameters
from nn.report import Image, Section, Table
from nn.stations.class_map import probabilities_in
from nn.stations.networks import DEPTHS, Begun, begun
from nn.stations.problem import Problem
from nn.stations.view import percent, picture, short
from nn.train import Result

RESOLUTION = 160  # of the maps
WINDOWS = 100  # a loss curve is smoothed over one percent of the iterations


@dataclass(frozen=True)
class Networks:
    """Networks of one depth, trained from several seeds. Losses are means over the samples.

    Attributes:
        hidden: the number of hidden layers.
        widths: of the layers.
        parameters: how many numbers are learnt.
        loss: the loss before every step and after the last one, shape (seeds, steps + 1).
        final: the loss after the last step, shape (seeds,).
        accuracies: the share of the training samples classified correctly, shape (seeds,).
        held_out: the same for the held-out samples, shape (seeds,).
        median_final, lowest_final, highest_final: of `final`.
        median_accuracy, median_held_out: of `accuracies` and `held_out`.
        probabilities: the class probabilities in the plane of the network whose final loss is the median, shape
            (k, resolution, resolution).
    """

    hidden: int
    widths: list[int]
    parameters: int
    loss: Array
    final: Array
    accuracies: Array
    held_out: Array
    median_final: float
    lowest_final: float
    highest_final: float
    median_accuracy: float
    median_held_out: float
    probabilities: Array


@dataclass(frozen=True)
class Depth:
    """The study of the depth.

    Attributes:
        budget: about how many parameters every network has.
        steps, step: how many steps of gradient descent, and their size.
        seeds: how many networks of every depth.
        networks: those of each depth.
        at: the iterations to which the smoothed losses belong, shape (m,).
        lowest, median, highest: of the smoothed losses over the seeds, each of shape (depths, m).
    """

    budget: int
    steps: int
    step: float
    seeds: int
    networks: tuple[Networks, ...]
    at: Array
    lowest: Array
    median: Array
    highest: Array


def measure(problem: Problem, trainings: Begun | None = None) -> Depth:
    """Train networks of every depth, each from several seeds.

    Args:
        problem: the data and the settings.
        trainings: those that `begun` has begun; by default they are begun here.

    Raises:
        nn.train.DivergedError: if a training diverges.
    """
    if trainings is None:
        with begun(problem) as trainings:
            return measure(problem, trainings)
    settings = problem.settings
    results: list[dict[int, Result]] = [{} for _ in DEPTHS]
    label, total = f"depths {DEPTHS[0]} to {DEPTHS[-1]}", len(DEPTHS) * settings.depth_seeds
    with progress(label, "networks", total, since=trainings.started) as bar:  # all of about the same work
        for call, found in trainings.results:
            i, few = trainings.places[call]
            results[i].update(zip(few, found, strict=True))
            bar.update(len(few))
    networks = tuple(
        _networks(problem, hidden, widths, [of[seed] for seed in sorted(of)])
        for hidden, widths, of in zip(DEPTHS, trainings.widths, results, strict=True)
    )
    smooth = [smoothed(kind.loss) for kind in networks]
    return Depth(
        trainings.budget,
        settings.depth_steps,
        trainings.step,
        settings.depth_seeds,
        networks,
        at=smooth[0][0],
        lowest=np.array([runs.min(axis=0) for _, runs in smooth]),
        median=np.array([np.median(runs, axis=0) for _, runs in smooth]),
        highest=np.array([runs.max(axis=0) for _, runs in smooth]),
    )


def _networks(problem: Problem, hidden: int, widths: list[int], results: Sequence[Result]) -> Networks:
    """The networks of one depth."""
    data = problem.data
    loss = np.array([r.history.loss / data.x_train.shape[1] for r in results])
    final = loss[:, -1]
    accuracies = np.array([r.history.accuracy[-1] for r in results])
    held_out = np.array([accuracy(r.A, r.b, data.x_test, data.y_test) for r in results])
    typical = results[int(np.argsort(final)[(len(results) - 1) // 2])]
    return Networks(
        hidden,
        widths,
        parameters(widths),
        loss,
        final,
        accuracies,
        held_out,
        median_final=float(np.median(final)),
        lowest_final=float(final.min()),
        highest_final=float(final.max()),
        median_accuracy=float(np.median(accuracies)),
        median_held_out=float(np.median(held_out)),
        probabilities=probabilities_in(problem.plane, typical.A, typical.b, RESOLUTION),
    )


def smoothed(runs: Array) -> tuple[Array, Array]:
    """Medians over windows of one percent of the iterations, because the loss of deep networks jitters.

    Args:
        runs: the losses of several trainings, shape (seeds, iterations).

    Returns:
        (at, smooth): the middles of the windows, shape (m,), and the medians, shape (seeds, m).

    >>> at, smooth = smoothed(np.array([[0.0, 5.0, 1.0] * 100]))
    >>> at[:3], smooth[0, :3]
    (array([1., 4., 7.]), array([1., 1., 1.]))
    """
    edges = np.unique(np.linspace(0, runs.shape[1], WINDOWS + 1).astype(int))
    smooth = np.stack([np.median(runs[:, u:v], axis=1) for u, v in pairwise(edges)], axis=1)
    return 0.5 * (edges[:-1] + edges[1:] - 1), smooth


def numbers(measured: Depth) -> dict[str, Any]:
    """The entry in `report.json`."""
    networks = [
        {
            "hidden_layers": kind.hidden,
            "widths": kind.widths,
            "parameters": kind.parameters,
            "last_loss_per_sample": kind.final.tolist(),
            "train_accuracy": kind.accuracies.tolist(),
            "held_out_accuracy": kind.held_out.tolist(),
        }
        for kind in measured.networks
    ]
    return {"steps": measured.steps, "step": measured.step, "seeds": measured.seeds, "networks": networks}


def show(problem: Problem, measured: Depth) -> Section:
    """The maps, the losses, and a table with a row for every depth."""
    section = Section("The influence of the number of layers")
    section.text(
        "Is it better to spend parameters on width or on depth? Five kinds of networks, with 1 to 5 hidden layers of"
        f" equal width, get the same budget: about {measured.budget} parameters, {measured.steps} steps, and the same"
        f" step {measured.step:.3g}. Each is trained {measured.seeds} times from different random parameters on the"
        " same data, because a single run says more about luck than about depth."
    )
    section.parts.append(_maps(problem, measured.networks))
    section.parts.append(_losses(problem, measured))
    section.parts.append(
        Table(
            ("hidden", "widths", "parameters", "median loss", "range", "training", "held out"),
            [_row(kind) for kind in measured.networks],
        )
    )
    section.text(
        "The losses are per sample, the accuracies medians over the seeds"
        f" (held out: {problem.held_out_name}). All of this holds for this data and this"
        " budget only: with more steps the differences shrink, and a larger step helps some depths more than others."
    )
    return section


def _maps(problem: Problem, networks: Sequence[Networks]) -> Image:
    data = problem.data
    titled = [(f"{kind.hidden} hidden: {short(kind.widths)}", kind.probabilities) for kind in networks]
    fig = plots.depth_maps(problem.plane, titled, data.x_train, data.y_train, data.classes)
    alt = "Classification maps of five networks with one to five hidden layers."
    caption = "For every depth the network whose final loss is the median over the seeds."
    return picture(problem, fig, "5-depth-maps.png", alt, caption)


def _losses(problem: Problem, measured: Depth) -> Image:
    fig = plots.depth_losses(
        [str(kind.hidden) for kind in measured.networks],
        measured.at,
        measured.lowest,
        measured.median,
        measured.highest,
        [kind.final for kind in measured.networks],
        [kind.median_final for kind in measured.networks],
        measured.steps,
    )
    alt = "Loss against iteration for the five depths, and the final losses of all seeds."
    caption = (
        "Every run is smoothed by medians over one percent of the iterations. The jitter this hides belongs to deep"
        " networks with a fixed step: they soon reach regions so curved that the step is about as long as it can be."
    )
    return picture(problem, fig, "5-depth-losses.png", alt, caption)


def _row(kind: Networks) -> tuple[str, ...]:
    return (
        str(kind.hidden),
        short(kind.widths),
        str(kind.parameters),
        f"{kind.median_final:.3f}",
        f"{kind.lowest_final:.3f} to {kind.highest_final:.3f}",
        percent(kind.median_accuracy),
        percent(kind.median_held_out),
    )
