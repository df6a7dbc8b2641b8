"""What minigrad is to reach, each with the item that measures it: ratios within one run, and a few times.

Times are those of one core of the machine on which the goals were set, an AMD EPYC of 2026. A goal is met if the
smallest times of a run meet it, as they are the ones that nothing else on the machine has added to; the ratio of the
medians is told beside.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """In `item`, `contender` takes at most `limit` times as long as `reference`, whose item is the same by default.

    Or at most so many microseconds, where that is the reference.
    """

    item: str
    contender: str
    reference: str
    limit: float
    reference_item: str = ""


MICROSECONDS = "microseconds"
COMPILED, FAST, TUNED = "minigrad compiled", "minigrad compiled, fast", "hand-written, tuned"

GOALS = [
    Goal("tour", "minigrad", "hand-written", 3.0),
    Goal("tour", COMPILED, "hand-written", 0.7),
    Goal("network", "minigrad", "hand-written", 2.2),
    Goal("network-deep", "minigrad", "hand-written", 1.9),
    Goal("tour", COMPILED, "hand-written", 1.0, "network-deep"),
    Goal("network", COMPILED, TUNED, 0.95),
    Goal("network-deep", COMPILED, TUNED, 0.92),
    Goal("network-large", COMPILED, TUNED, 1.0),
    Goal("network", FAST, TUNED, 0.65),
    Goal("network-deep", FAST, TUNED, 0.65),
    Goal("training", COMPILED, TUNED, 1.05),
    Goal("training-deep", COMPILED, TUNED, 1.05),
    Goal("first-call", COMPILED, "minigrad", 30.0),
    Goal("chain-number", "minigrad", MICROSECONDS, 1.0 * 1000),
    Goal("chain-long", "minigrad", MICROSECONDS, 1.1 * 100_000),
    Goal("chain-number", COMPILED, "hand-written", 1.3),
    Goal("quadratic", COMPILED, "hand-written", 1.5),
    Goal("memory", COMPILED, "hand-written", 1.0),
    Goal("memory", "minigrad", "hand-written", 1.0),
    Goal("order-1", "minigrad", MICROSECONDS, 16.0),
    Goal("order-6", "minigrad", MICROSECONDS, 40.0),
    Goal("order-6", "minigrad", "autograd", 1 / 200),
    Goal("taylor-6", "minigrad", "JAX jit", 4.0),
    Goal("taylor-50", "minigrad", "minigrad", 20.0, "taylor-6"),
    Goal("rosenbrock-hessian", "minigrad", "autograd", 1 / 20),
    Goal("rosenbrock-hessian", "minigrad", "hand-written", 10.0),
    Goal("rosenbrock-hessian", COMPILED, "hand-written", 1.5),
    Goal("rosenbrock-hvp", COMPILED, "hand-written", 1.1),
    Goal("mixture", COMPILED, "JAX jit", 1.0),
    Goal("covariance", COMPILED, "JAX jit", 1.0),
    Goal("jacobian", COMPILED, "JAX jit", 1.0),
    Goal("taylor-50", FAST, "JAX jit", 1.0),
    Goal("rosenbrock-hvp", "minigrad", "autograd", 1 / 6),
    Goal("rosenbrock-hvp", "minigrad", "hand-written", 6.0),
    Goal("batched-one", "minigrad", MICROSECONDS, 35.0),
    Goal("jacobian", "minigrad", "row by row", 1 / 10),
]


@dataclass(frozen=True)
class GroupGoal:
    """Of all items that begin with `items`: the geometric mean of the ratios, or their largest, is at most `limit`."""

    items: str
    contender: str
    reference: str
    limit: float
    largest: bool = False


GROUP_GOALS = [
    GroupGoal("adbench-", "minigrad", "torch", 0.5),
    GroupGoal("adbench-", "minigrad", "torch", 1.0, largest=True),
    GroupGoal("adbench-", "minigrad", "autograd", 1.0, largest=True),
    GroupGoal("index-", "minigrad", "autograd", 1.0, largest=True),
    GroupGoal("adbench-", COMPILED, "JAX jit", 2.0),
    GroupGoal("adbench-", FAST, "JAX jit", 1.0),
]


def reached(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every goal that a run measured, and whether it is met.

    `results` is item -> contender -> {"median": ..., "least": ...}.
    """
    found = []
    for goal in GOALS:
        other = results.get(goal.reference_item or goal.item, {}).get(goal.reference)
        if goal.reference == MICROSECONDS:
            other = {"median": 1e-6, "least": 1e-6}
        mine = results.get(goal.item, {}).get(goal.contender)
        if mine is not None and other is not None:
            ratios = [mine[which] / other[which] for which in ("median", "least")]
            reference = goal.reference + (f" in {goal.reference_item}" if goal.reference_item else "")
            found.append(judged(goal.item, goal.contender, reference, goal.limit, *ratios))
    for group in GROUP_GOALS:
        name, reduced = ("largest", max) if group.largest else ("geometric mean", statistics.geometric_mean)
        of = [
            ratios_of_group(results, group.items, group.contender, group.reference, which).values()
            for which in ("median", "least")
        ]
        if len(of[0]) > 1:
            reference = f"{group.reference}, {name} of {len(of[0])}"
            found.append(judged(f"{group.items}*", group.contender, reference, group.limit, *map(reduced, of)))
    return found


def judged(item: str, contender: str, reference: str, limit: float, ratio: float, least: float) -> dict[str, Any]:
    """A goal with what was measured: the ratio of the medians, and that of the smallest times."""
    goal = {"item": item, "contender": contender, "reference": reference, "at_most": limit}
    return goal | {"ratio": ratio, "least": least, "met": least <= limit}


def ratios_of_group(
    results: Mapping[str, Mapping[str, Any]], items: str, contender: str, reference: str, which: str = "median"
) -> dict[str, float]:
    """By item, the ratio of two contenders, in the items of a group in which both took part."""
    both = {name: row for name, row in results.items() if name.startswith(items) and {contender, reference} <= set(row)}
    return {name: row[contender][which] / row[reference][which] for name, row in both.items()}


def growth_reached(
    studies: Mapping[str, Mapping[str, Any]], limit: float = 1.3, last: int = 12
) -> list[dict[str, Any]]:
    """The goal for nested derivatives: from one order to the next their time grows by at most `limit` on average."""
    curves = studies.get("growth-order", {}).get("curves", {})
    times = {int(k): v for k, v in curves.get("minigrad, nested", {}).get("times", {}).items() if int(k) <= last}
    if len(times) < 2:
        return []
    first, highest = min(times), max(times)
    growth = [(times[highest][which] / times[first][which]) ** (1 / (highest - first)) for which in ("median", "least")]
    contender = f"minigrad, nested, orders {first} to {highest}"
    return [judged("growth-order", contender, "the order before", limit, *growth)]
