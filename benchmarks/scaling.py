"""How time and memory grow with what a program has more of: operations, leaves, levels, outputs, examples, orders.

    python -m benchmarks scaling                # a few minutes, minigrad alone

Each row divides the time and the peak memory of a call by what they are expected to be proportional to: the number of
operations, of leaves, of outputs. So a column that does not grow is linear growth. `exponent` is that of the time over
the last step of sizes, less the expected one: above `LIMIT` it counts as too fast.
"""

import functools
import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
import minigrad.numpy as mnp
from benchmarks import measuring, tables
from benchmarks.footprint import traced_peaks
from benchmarks.measuring import Run

LIMIT = 0.5  # above the expected exponent: memory that leaves the caches costs up to 0.4
SLOW = 0.5  # seconds of a call from which its memory is not measured
ENOUGH = 0.3  # seconds of repeats; at least three, unless a single call takes longer


@dataclass(frozen=True)
class Axis:
    """What grows, in which sizes, and the call for a size; time is expected to grow like `size ** power`."""

    name: str
    what: str
    sizes: Sequence[int]
    build: Callable[[int], Run]
    power: float = 1.0


def chain(operations: int) -> Run:
    """The gradient of a chain of operations on a number."""

    def fun(x: Any) -> Any:
        for _ in range(operations // 2):
            x = x * 0.999 + 0.001
        return x

    return functools.partial(minigrad.grad(fun), 0.5)


def chain_of_arrays(operations: int) -> Run:
    """The gradient of a chain of operations on three numbers."""

    def fun(x: Any) -> Any:
        for _ in range(operations // 2):
            x = x * 0.999 + 0.001
        return mnp.sum(x)

    return functools.partial(minigrad.grad(fun), np.array([0.1, 0.5, 0.9]))


def leaves(number: int) -> Run:
    """The gradient in the entries of a list of vectors, each of which is used once."""

    def fun(parts: Any) -> Any:
        total = 0.0
        for part in parts:
            total = total + mnp.sum(part * part)
        return total

    return functools.partial(minigrad.grad(fun), [np.array([0.5, k]) for k in map(float, range(number))])


def unused_leaves(number: int) -> Run:
    """The same where the function reads one of them only."""
    parts = [np.array([0.5, k]) for k in map(float, range(number))]
    return functools.partial(minigrad.grad(lambda parts: mnp.sum(parts[0] ** 2)), parts)


def entries(number: int) -> Run:
    """The gradient of a function that takes an array apart entry by entry."""

    def fun(x: Any) -> Any:
        total = 0.0
        for k in range(number):
            total = total + x[k] * x[k]
        return total

    return functools.partial(minigrad.grad(fun), np.linspace(0.1, 0.9, number))


def levels(depth: int) -> Run:
    """Gradients within gradients of a product; every level adds the same few operations."""

    def fun(x: Any, level: int) -> Any:
        if level == 0:
            return x * x
        return x * minigrad.grad(lambda y: fun(x, level - 1) * y)(0.5)

    return functools.partial(minigrad.grad(lambda x: fun(x, depth)), 1.5)


def outputs(number: int) -> Run:
    """All rows of a Jacobian with respect to a thousand inputs; the unit vectors of the outputs have m^2 entries."""
    matrix = np.linspace(-1.0, 1.0, number * 1000).reshape(number, 1000)
    return functools.partial(minigrad.jacrev(lambda x: mnp.tanh(matrix @ mnp.sin(x))), np.linspace(0.1, 0.9, 1000))


def examples(number: int) -> Run:
    """The gradients of a batch of examples."""
    x = np.linspace(-1.0, 1.0, 10 * number).reshape(number, 10)
    return functools.partial(minigrad.batched(minigrad.grad(lambda v: mnp.sum(mnp.tanh(v) ** 2))), x)


def orders(order: int) -> Run:
    """All derivatives up to an order; a recurrence needs order^2 products."""
    x = np.linspace(-1.0, 1.0, 2000)
    return functools.partial(minigrad.derivatives, lambda x: mnp.exp(-x) / (1.0 + x * x), x, order)


def compiled(operations: int) -> Run:
    """Tracing, optimising and writing a compiled gradient of a chain whose operations are all different."""
    rng = np.random.default_rng(0)
    numbers = rng.uniform(0.9, 1.1, operations)

    def fun(x: Any) -> Any:
        for number in numbers[: operations // 2]:
            x = mnp.sin(x) * number
        return mnp.sum(x)

    return lambda: minigrad.compile(minigrad.grad(fun))(np.array([0.1, 0.5]))


POWERS_OF_TEN = [1_000, 10_000, 100_000, 1_000_000]
AXES = [
    Axis("operations", "operation on a number", POWERS_OF_TEN, chain),
    Axis("operations-arrays", "operation on three numbers", POWERS_OF_TEN[:3], chain_of_arrays),
    Axis("leaves", "leaf", [1, 10, 100, 1_000, 10_000], leaves),
    Axis("leaves-unused", "leaf that is not read", [1, 10, 100, 1_000, 10_000], unused_leaves),
    Axis("entries", "entry taken from an array", [10, 100, 1_000, 10_000], entries),
    Axis("levels", "level of nested gradients", [1, 2, 4, 8, 16, 32], levels),
    Axis("outputs", "output squared, dense Jacobian", [1, 10, 100, 1_000], outputs, power=2.0),
    Axis("examples", "example of a batch", [1, 10, 100, 1_000, 10_000, 100_000], examples),
    Axis("order", "order squared, Taylor series", [4, 8, 16, 32, 64], orders, power=2.0),
    Axis("compiling", "operation of a compiled gradient", POWERS_OF_TEN[:2], compiled),
]


def measured(axes: Sequence[Axis] = AXES, step: Callable[[str], None] = lambda name: None) -> Iterator[dict[str, Any]]:
    """A row for each size of each axis: seconds and bytes of a call, per unit, and the exponent."""
    for axis in axes:
        before: tuple[int, float] | None = None
        for size in axis.sizes:
            step(f"{axis.name} {size:,}")
            seconds = of_call(axis.build(size))
            peak = None  # where a call takes seconds, following its memory takes minutes
            if seconds < SLOW:
                peak = traced_peaks({"minigrad": axis.build(size)})["minigrad"].median
            exponent = math.log(seconds / before[1]) / math.log(size / before[0]) - axis.power if before else None
            before = size, seconds
            yield {
                "axis": axis.name,
                "what": axis.what,
                "size": size,
                "seconds": seconds,
                "seconds_per_unit": seconds / size**axis.power,
                "bytes_per_unit": None if peak is None else peak / size**axis.power,
                "exponent": exponent,
                "too_fast": size == axis.sizes[-1] and exponent is not None and exponent > LIMIT,
            }
            gc.collect()


def of_call(run: Run) -> float:
    """The least time of a call, of a few."""
    run()
    times: list[float] = []
    end = time.perf_counter() + ENOUGH
    while len(times) < 3 or time.perf_counter() < end:
        times.append(measuring.timed(run, 1))
        if times[0] > ENOUGH:
            break
    return min(times)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table, and what grows too fast."""
    lines = ["| per | size | time of a call | time each | bytes each | exponent |", "|---|---|---|---|---|---|"]
    for row in rows:
        exponent = "" if row["exponent"] is None else f"{row['exponent']:+.2f}"
        size = "" if row["bytes_per_unit"] is None else f"{row['bytes_per_unit']:,.0f}"
        each = [tables.seconds(row["seconds_per_unit"]), size]
        cells = [row["what"], f"{row['size']:,}", tables.seconds(row["seconds"]), *each, exponent]
        lines.append(f"| {' | '.join(cells)} |")
    too_fast = [row["axis"] for row in rows if row["too_fast"]]
    text = f"Grows faster than expected: {', '.join(too_fast)}." if too_fast else "Nothing grows faster than expected."
    return "\n".join([*lines, "", text])
