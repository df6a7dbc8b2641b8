"""The influence of depth as an experiment: networks of many depths, widths and activations, each from several seeds.

All networks learn the spiral by gradient descent, with the same number of steps of the same size. The last layer has no
activation, so that every network can reach every score; weights start with a variance that keeps the size of the
signal, biases at zero. Networks that differ in their seed alone are trained in one stack (`nn.stacks`), and stacks in
several processes (`nn.parallel`).

Every finished training is a file of its own, written whole or not at all. A study that is started again makes only the
trainings that are missing, so one that was killed has lost those that were running, and one can be extended.
"""

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.show.page import clear, write
from minigrad.show.progress import progress
from nn.arrays import Array, Labels
from nn.data import load, one_hot
from nn.mlp import ACTIVATIONS, accuracy, init, parameters
from nn.parallel import Call, running
from nn.report import prepare
from nn.stacks import Parameters, in_stacks, train_stack

DATA = "spiral"
TIMES = 40  #: about how often losses and gradients are kept during a training
RUNS = "runs"  #: the folder of the trainings
VERSION = 1  #: of what a training does; another one makes all files out of date


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    Attributes:
        depths: numbers of hidden layers.
        widths: of the hidden layers.
        seeds: how many networks of every kind.
        activations: names from `nn.mlp.ACTIVATIONS`.
        steps: of gradient descent.
        step: their size, on the mean loss of a sample.
        seed: of the data, and with the number of the network of its first parameters.
    """

    depths: tuple[int, ...] = tuple(range(1, 9))
    widths: tuple[int, ...] = (4, 8, 16)
    seeds: int = 5
    activations: tuple[str, ...] = ("arctan", "tanh", "relu")
    steps: int = 3000
    step: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.activations if name not in ACTIVATIONS]
        if unknown:
            raise ValueError(f"there is no activation {unknown[0]!r}; there are {', '.join(ACTIVATIONS)}")
        if not (self.depths and self.widths and self.activations):
            raise ValueError("a study needs at least one depth, one width and one activation")
        if min(*self.depths, *self.widths, self.seeds, self.steps) < 1 or not 0.0 < self.step < math.inf:
            raise ValueError("depths, widths, seeds and steps are at least 1, and the step is positive")

    def kinds(self) -> list[tuple[str, int, int]]:
        """All triples (activation, depth, width); the deepest, which take longest, come first."""
        return list(product(self.activations, sorted(self.depths, reverse=True), self.widths))


@dataclass(frozen=True)
class Run:
    """One training, as its file holds it.

    Attributes:
        activation, depth, width, seed: what was trained.
        parameters: how many numbers were learnt.
        at: numbers of steps, from 0 to the last.
        loss: the mean loss of a training sample after so many steps.
        gradients: the norms of the gradient of the mean loss in the parameters of each layer, at the same times, shape
            (len(at), depth + 1).
        accuracy, held_out: the share of the training samples, and of a second draw of the data, classified correctly.
        diverged: whether the loss grew beyond bounds; the numbers then mean nothing.
    """

    activation: str
    depth: int
    width: int
    seed: int
    parameters: int
    at: list[int]
    loss: list[float]
    gradients: list[list[float]]
    accuracy: float
    held_out: float
    diverged: bool

    @property
    def name(self) -> str:
        """The name of its file."""
        return name_of(self.activation, self.depth, self.width, self.seed)


def name_of(activation: str, depth: int, width: int, seed: int) -> str:
    """The name of the file of a training.

    >>> name_of("relu", 3, 8, 0)
    'relu-depth3-width8-seed0.json'
    """
    return f"{activation}-depth{depth}-width{width}-seed{seed}.json"


def trainings(plan: Plan, out: Path, jobs: int | None = None, client: Any = None) -> list[Run]:
    """All trainings of a plan, in the order of their names: those that have a file, and those that are made now.

    Args:
        plan: what is to be trained.
        out: the folder of the study.
        jobs, client: see `nn.parallel.running`.

    Raises:
        OSError: if a file cannot be written.
    """
    prepare(out / RUNS)
    names = [[name_of(*kind, seed) for seed in range(plan.seeds)] for kind in plan.kinds()]
    clear(out / RUNS, {name for of_kind in names for name in of_kind})
    found: list[Run] = []
    calls: list[Call] = []
    for (activation, depth, width), of_kind in zip(plan.kinds(), names, strict=True):
        known = [read(out / RUNS / name, plan) for name in of_kind]
        found += [one for one in known if one is not None]
        missing = [seed for seed, one in enumerate(known) if one is None]
        for few in in_stacks(len(missing), widths_of(depth, width), samples(plan.seed)[0].shape[1]):
            calls.append((train, (plan, activation, depth, width, [missing[i] for i in few])))
    label = f"depths {min(plan.depths)} to {max(plan.depths)}"
    # Layers are counted, because the deepest networks, which take longest, come first.
    total = sum((depth + 1) * plan.seeds for _, depth, _ in plan.kinds())
    done = sum(one.depth + 1 for one in found)
    with running(calls, jobs, client) as results, progress(label, "layers", total, done=done) as bar:
        for _, runs in results:
            for one in runs:
                save(one, plan, out / RUNS)
            found += runs
            bar.update(sum(one.depth + 1 for one in runs))
    return sorted(found, key=lambda one: (plan.activations.index(one.activation), one.depth, one.width, one.seed))


def shared(plan: Plan) -> dict[str, Any]:
    """What all trainings of a plan have in common: a file of another data, number or size of steps does not count."""
    return {"data": DATA, "seed": plan.seed, "steps": plan.steps, "step": plan.step, "version": VERSION}


def save(one: Run, plan: Plan, folder: Path) -> None:
    """Write the file of a training, whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    entries = {key: known(value) for key, value in asdict(one).items()}
    write(folder / one.name, json.dumps({"plan": shared(plan), "run": entries}, allow_nan=False) + "\n")


def read(path: Path, plan: Plan) -> Run | None:
    """The training in a file; None if there is none, or one of another plan, or a damaged file.

    Raises:
        OSError: if a file is there and cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["plan"] != shared(plan):
            return None
        entries: dict[str, Any] = {key: _mapped(_or_nan, value) for key, value in content["run"].items()}
        one = Run(**entries)
        return one if one.name == path.name and len(one.loss) == len(one.at) == len(one.gradients) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The function of every entry of nested lists."""
    return [_mapped(function, one) for one in value] if isinstance(value, list) else function(value)


def known(value: Any) -> Any:
    """A number, or nested lists of numbers, for JSON, which has no NaN and no infinity: these become null."""
    return _mapped(_or_none, value)


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _or_nan(value: Any) -> Any:
    return math.nan if value is None else value


@functools.cache
def samples(seed: int) -> tuple[Array, Labels, Array, Array, Labels]:
    """The training samples x, their labels and one-hot targets, and samples and labels of a second draw."""
    data = load(DATA, rng=seed)
    return data.x_train, data.y_train, one_hot(data.y_train, data.k), data.x_test, data.y_test


def widths_of(depth: int, width: int) -> list[int]:
    """The widths of all layers for the spiral.

    >>> widths_of(3, 8)
    [2, 8, 8, 8, 3]
    """
    return [2, *[width] * depth, 3]


def first_parameters(activation: str, depth: int, width: int, seed: Sequence[int]) -> Parameters:
    """Random weights with the variance 1 / d for d inputs, for ReLU 2 / d, and biases of zero.

    Source:
        He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015, for ReLU; LeCun, Bottou, Orr and Müller,
        "Efficient backprop", 1998, for the others.

    >>> A, b = first_parameters("relu", 2, 100, [0])
    >>> bool(0.018 < np.var(A[1]) < 0.022), float(np.max(b[1]))
    (True, 0.0)
    """
    A, b = init(widths_of(depth, width), np.random.default_rng([*seed, depth, width]))
    variance = 2.0 if activation == "relu" else 1.0
    return [a * math.sqrt(variance / a.shape[1]) for a in A], [0.0 * c for c in b]


def times(steps: int) -> list[int]:
    """After how many steps losses and gradients are kept: often in the beginning, where most happens.

    >>> times(3)
    [0, 1, 2, 3]
    """
    return sorted({round(steps * (k / TIMES) ** 2) for k in range(TIMES + 1)})


def train(plan: Plan, activation: str, depth: int, width: int, seeds: Sequence[int]) -> list[Run]:
    """Train the networks of one kind in a stack, one for each seed."""
    x, y, Y, x_test, y_test = samples(plan.seed)
    n, rho, at = x.shape[1], ACTIVATIONS[activation], times(plan.steps)
    losses, norms, wanted = [], [], set(at)

    def watch(taken: int, loss: Array, gA: list[Array], gb: list[Array]) -> None:
        if taken in wanted:
            losses.append(loss / n)
            squares = [np.sum(a * a, axis=(1, 2)) + np.sum(c * c, axis=(1, 2)) for a, c in zip(gA, gb, strict=True)]
            norms.append(np.sqrt(squares) / n)

    networks = [first_parameters(activation, depth, width, [plan.seed, seed]) for seed in seeds]
    stack = train_stack(networks, x, Y, plan.steps, plan.step / n, last=False, rho=rho, watch=watch)
    runs = []
    for i, seed in enumerate(seeds):
        A, b = stack.network(i)
        learnt = accuracy(A, b, x, y, last=False, rho=rho)
        held_out = accuracy(A, b, x_test, y_test, last=False, rho=rho)
        loss, gradients = [float(of_all[i]) for of_all in losses], [g[:, i].tolist() for g in norms]
        count = parameters(widths_of(depth, width))
        wild = bool(stack.diverged[i])
        runs.append(Run(activation, depth, width, seed, count, at, loss, gradients, learnt, held_out, wild))
    return runs
