"""The networks of the study of depth, whose training begins first and ends last.

This file needs no matplotlib: other processes train already while this one imports what draws.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nn.mlp import init, parameters, widths_for
from nn.parallel import Results, running
from nn.report import prepare
from nn.stacks import in_stacks, train_each
from nn.stations.problem import Problem, Settings, load_problem

DEPTHS = (1, 2, 3, 4, 5)
WIDTH = 24  # of the shallowest network; its number of parameters is the budget of all
STEP = 0.0003  # for 300 samples, the same at every depth: a little more than the tour's for five layers
FEW = 3_000_000  # steps times samples of all trainings: for fewer, other processes are not worth their start


@dataclass(frozen=True)
class Begun:
    """Trainings that run in other processes while this one does something else.

    Attributes:
        budget: about how many parameters every network has.
        widths: of the networks, for every depth.
        step: the size of the steps.
        places: for every call the index of the depth, and the seeds.
        results: the numbers of calls and what they return, as they finish.
        started: when they began, by `time.monotonic`.
    """

    budget: int
    widths: list[list[int]]
    step: float
    places: list[tuple[int, range]]
    results: Results
    started: float


@contextmanager
def prepared(settings: Settings) -> Iterator[tuple[Problem, Begun]]:
    """The problem of a tour, whose folder can be written to, while its networks are being trained."""
    problem = load_problem(settings)
    prepare(settings.out)
    with begun(problem) as networks:
        yield problem, networks


@contextmanager
def begun(problem: Problem) -> Iterator[Begun]:
    """Begin to train networks of every depth, each from several seeds; the deepest, which take longest, first."""
    started = time.monotonic()
    data, settings = problem.data, problem.settings
    n, seeds, steps = data.x_train.shape[1], settings.depth_seeds, settings.depth_steps
    step = STEP * 300 / n
    budget = parameters([data.p, WIDTH, data.k])
    widths = [widths_for(budget, hidden, data.p, data.k) for hidden in DEPTHS]
    places = [(i, few) for i in reversed(range(len(DEPTHS))) for few in in_stacks(seeds, widths[i], n)]
    calls = []
    for i, few in places:
        networks = [init(widths[i], problem.rng(5, DEPTHS[i], seed)) for seed in few]
        calls.append((train_each, (networks, data.x_train, problem.Y, steps, step, settings.gradient)))
    jobs = 1 if len(DEPTHS) * seeds * steps * n < FEW else settings.jobs
    with running(calls, jobs, joining=True) as results:
        yield Begun(budget, widths, step, places, results, started)
