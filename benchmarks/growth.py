"""How cost grows: the same work with more operations, samples, parameters, or of a higher order."""

import gc
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks import calculus, measuring, networks, orders
from benchmarks.measuring import Contenders, Sample, agree, in_turns, numbers, timed

FIRST = 10.0  # seconds: a contender leaves when its next first call (JAX compiles in it) is expected to take longer
SLOW = 0.3  # seconds: from here on one repeat is enough

Curves = dict[str, dict[int, Sample]]  # contender -> size -> time


@dataclass(frozen=True)
class Growth:
    """Work in several sizes, done by the same contenders."""

    name: str
    title: str
    axis: str
    sizes: Sequence[int]
    build: Callable[[int], Contenders]
    tiny: Sequence[int]  # for the tests
    error: Callable[[int, Any], float] | None = None  # how wrong a result is; without it contenders must agree
    longest: float = FIRST


@dataclass
class Curve:
    """One contender's results, by size: the time of a call, of the first call, and the error where it is measured."""

    times: dict[int, Sample]
    first: dict[int, float]
    errors: dict[int, float]

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries; an infinite error is None, as JSON has no word for it."""
        errors = {size: error if math.isfinite(error) else None for size, error in self.errors.items()}
        return asdict(self) | {"errors": errors}


def measure(
    growth: Growth,
    seconds: float,
    sizes: Sequence[int] | None = None,
    step: Callable[[str], None] = lambda message: None,
) -> dict[str, Curve]:
    """The curves of all contenders; `seconds` is the time for each size."""
    curves: dict[str, Curve] = {}
    left: set[str] = set()
    sizes = growth.sizes if sizes is None else sizes
    for i, size in enumerate(sizes):
        step(f"{growth.name} {size:,}")
        contenders = {name: run for name, run in growth.build(size).items() if name not in left}
        quick: Contenders = {}
        results: dict[str, Any] = {}
        for name, run in contenders.items():
            curve = curves.setdefault(name, Curve({}, {}, {}))
            start = measuring.clock()
            result = run()
            curve.first[size] = measuring.clock() - start
            if growth.error is None:
                results[name] = result
            else:
                curve.errors[size] = growth.error(size, numbers(result)[0])
            again = timed(run, 1)
            if again > SLOW:
                curve.times[size] = Sample.once(again)
            else:
                quick[name] = run
            if i + 1 < len(sizes):
                grew = curve.first[size] / curve.first[sizes[i - 1]] if i and curve.first[size] > SLOW else 1.0
                if max(curve.first[size] * grew, again * sizes[i + 1] / size) > growth.longest:
                    left.add(name)
        if len(results) > 1:
            agree({name: partial(results.__getitem__, name) for name in results}, 1e-8)
        if quick:
            for name, sample in in_turns(quick, seconds, least=3).items():
                curves[name].times[size] = sample
        del contenders, quick, results
        gc.collect()  # a million samples are gigabytes
    return curves


TENS = [10, 100, 1_000, 10_000, 100_000, 1_000_000]
WIDTHS = {15: 2, 99: 8, 960: 29, 9_999: 98, 99_855: 314, 999_999: 998}  # parameters -> width of both layers

GROWTH = [
    Growth(
        "growth-operations",
        "derivative of a chain of operations on a number",
        "operations",
        TENS,
        lambda n: calculus.chain(n, 0.5),
        [10, 20],
    ),
    Growth(
        "growth-samples",
        "loss and gradient of the network [2, 15, 3]",
        "samples",
        TENS[1:],
        lambda n: networks.network([2, 15, 3], n),
        [5, 10],
    ),
    Growth(
        "growth-parameters",
        "loss and gradient of the network [w, w, 3], 100 samples",
        "parameters",
        list(WIDTHS),
        lambda n: networks.network([WIDTHS[n], WIDTHS[n], 3], 100),
        [15, 99],
    ),
    Growth(
        "growth-compile",
        "tracing, optimising and writing the gradient of a chain of operations on an array",
        "operations",
        TENS[2:5],
        calculus.compiling,
        [10, 20],
        longest=60.0,
    ),
    Growth(
        "growth-order",
        "a derivative of (1 - exp(-x)) / (1 + exp(-x)) at 200 points",
        "order of the derivative",
        [*range(1, 13), 15, 20, 30, 40, 50],
        orders.every_way,
        [1, 2, 3],
        orders.error,
        longest=4.0,
    ),
]
