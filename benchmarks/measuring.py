"""Contenders: whether they agree, and how long one call of each takes, measured in turns."""

import importlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

Run = Callable[[], Any]
Contenders = dict[str, Run]  # column of the table -> a call that does the work and returns its result

ALONE = "function alone"  # a column for scale: the function without its derivative, whose result is another one

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = CLOCKS["wall"]  # `cpu` is for one core that others use as well: it counts this process alone

TURN = 2e-3  # least seconds of a turn: a short call is repeated, so that reading the clock costs nothing beside it


class MissingError(Exception):
    """An item cannot be measured here: minigrad, as it is, has no such function, or a package is not installed."""


@dataclass(frozen=True)
class Sample:
    """The times of one contender (or its bytes, or steps): median, quartiles and the least one over its turns."""

    median: float
    low: float
    high: float
    turns: int
    least: float

    @classmethod
    def of(cls, values: list[float]) -> "Sample":
        """The summary of some repeats.

        >>> Sample.of([3.0, 1.0, 2.0, 4.0, 5.0])
        Sample(median=3.0, low=2.0, high=4.0, turns=5, least=1.0)
        """
        low, median, high = np.percentile(values, [25, 50, 75])
        return cls(float(median), float(low), float(high), len(values), min(values))

    @classmethod
    def once(cls, value: float) -> "Sample":
        """What was counted or measured a single time.

        >>> Sample.once(3)
        Sample(median=3.0, low=3.0, high=3.0, turns=1, least=3.0)
        """
        return cls(float(value), float(value), float(value), 1, float(value))


def in_turns(
    contenders: Contenders,
    seconds: float,
    least: int = 5,
    around: Callable[[str], AbstractContextManager[None]] = lambda name: nullcontext(),
) -> dict[str, Sample]:
    """The time of one call of each contender.

    The contender that has had the least time so far has the next turn, until `seconds` are over and every contender
    had `least` turns. So all of them are measured over the same period, long calls and short ones. Each turn is within
    the context `around(name)`, whose time is not counted.
    """
    number, spent = {}, {}
    for name, run in contenders.items():
        with around(name):
            run()  # compiles, fills caches
            number[name] = max(1, round(TURN / max(timed(run, 1), 1e-9)))
        spent[name] = 0.0
    times: dict[str, list[float]] = {name: [] for name in contenders}
    end = time.perf_counter() + seconds
    while True:
        over = time.perf_counter() >= end  # asked once: it may be over a moment later
        waiting = [name for name in contenders if not over or len(times[name]) < least]
        if not waiting:
            break
        name = min(waiting, key=spent.__getitem__)
        with around(name):
            per_call = timed(contenders[name], number[name])
        spent[name] += per_call * number[name]
        times[name].append(per_call)
    return {name: Sample.of(values) for name, values in times.items()}


def timed(run: Run, number: int) -> float:
    """Seconds of one call, the mean of `number` calls in a row."""
    repeats = range(number)
    start = clock()
    for _ in repeats:
        run()
    return (clock() - start) / number


def agree(contenders: Mapping[str, Run], rtol: float = 1e-9) -> None:
    """Check that every contender gives the same numbers, within `rtol` of an entry or of the largest one.

    Raises:
        AssertionError: naming the two contenders that differ.
    """
    results = {name: numbers(run()) for name, run in contenders.items()}
    first, *others = results
    for name in others:
        if len(results[first]) != len(results[name]):
            raise AssertionError(f"{name} returns {len(results[name])} arrays, {first} {len(results[first])}")
        for a, b in zip(results[first], results[name]):
            scale = float(np.max(np.abs(a), initial=0.0))
            np.testing.assert_allclose(b.ravel(), a.ravel(), rtol=rtol, atol=rtol * scale, err_msg=f"{name}, {first}")


def numbers(result: Any) -> list[Any]:
    """The arrays of any library in nested lists and tuples; a sparse matrix gives its pattern and its entries."""
    if isinstance(result, (list, tuple)):
        return [part for item in result for part in numbers(item)]
    if hasattr(result, "tocsr"):
        sparse = result.tocsr()
        sparse.sum_duplicates()
        return [sparse.indptr, sparse.indices, sparse.data]
    if hasattr(result, "detach"):
        result = result.detach()
    return [np.asarray(result)]


def need(module: str) -> ModuleType:
    """A module of another library, or an ImportError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f"this needs {package}: pip install {package}") from error
