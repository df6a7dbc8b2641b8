"""Memory and recomputation of a loop: everything on one tape, against `checkpointed_scan` with room for s states.

    python -m benchmarks.memory [--lengths 1000 10000] [--size 200]

Peak memory is that of `tracemalloc` during one gradient, above what was allocated before. Steps are counted by the
step itself: those run forward on plain values, and those recorded, one at a time. Times are ratios to the plain loop.
"""

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import checkpointed_scan, grad
from minigrad.core.tape import Box
from minigrad.operations.schedule import default_snapshots, forward_steps

counts = {"plain": 0, "recorded": 0}


def step(state: Any, t: Any, k: Any) -> Any:
    """Ten operations on the state."""
    counts["recorded" if type(k) is Box else "plain"] += 1
    force = np.sin(state * k + t) - 0.1 * state * state
    return state + 0.01 * force - 0.001 * np.tanh(state), None


def plain(k: Any, state: Any, times: Any) -> Any:
    for t in times:
        state, _ = step(state, t, k)
    return np.sum(state**2)


def scan(k: Any, state: Any, times: Any, snapshots: int) -> Any:
    return np.sum(checkpointed_scan(step, state, times, snapshots=snapshots, args=(k,))[0] ** 2)


def traced(gradient: Callable[..., Any], *args: Any) -> tuple[float, float, int, int]:
    """The gradient, the peak in MB, and the steps run forward and recorded."""
    counts.update(plain=0, recorded=0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    value = float(gradient(*args))
    peak = (tracemalloc.get_traced_memory()[1] - before) / 1e6
    tracemalloc.stop()
    return value, peak, counts["plain"], counts["recorded"]


def medians(gradients: list[Callable[..., Any]], *args: Any, repeats: int) -> list[float]:
    """Seconds of each, taking turns."""
    seconds: list[list[float]] = [[] for _ in gradients]
    for _ in range(repeats):
        for gradient, column in zip(gradients, seconds):
            start = time.perf_counter()
            gradient(*args)
            column.append(time.perf_counter() - start)
    return [statistics.median(column) for column in seconds]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--size", type=int, default=200, help="numbers in the state")
    parser.add_argument("--repeats", type=int, default=5, help="of the timed runs")
    arguments = parser.parse_args(argv)
    print("| steps | states | peak MB | of plain | steps run forward | by the formula | recorded | time, of plain |")
    print("|---|---|---|---|---|---|---|---|")
    for length in arguments.lengths:
        state, times = np.linspace(0.0, 1.0, arguments.size), np.linspace(0.0, 1.0, length)
        sizes = [default_snapshots(length), 40, 20, 10, 5]
        gradients = [grad(plain)] + [grad(lambda *args, s=s: scan(*args, s)) for s in sizes]
        for gradient in gradients:
            gradient(1.3, state, times[:3])  # imports, caches
        results = [traced(gradient, 1.3, state, times) for gradient in gradients]
        seconds = medians(gradients, 1.3, state, times, repeats=arguments.repeats)
        for s, (value, peak, forward, recorded), time_taken in zip([0, *sizes], results, seconds):
            if abs(value - results[0][0]) > 1e-9 * abs(value):
                raise AssertionError(f"the gradients differ: {value} and {results[0][0]}")
            ratios = f"1/{results[0][1] / peak:.0f}" if s else "1"
            formula = forward_steps(length + 1, s) if s else ""
            print(
                f"| {length} | {s or 'one tape'} | {peak:.2f} | {ratios} | {forward} | {formula} | {recorded} "
                f"| {time_taken / seconds[0]:.1f} |"
            )


if __name__ == "__main__":
    main()
