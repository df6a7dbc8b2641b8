"""What minigrad is to reach: ratios within one run, each with the item that measures it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """In `item`, `contender` takes at most `limit` times as long as `reference`, whose item is the same by default."""

    item: str
    contender: str
    reference: str
    limit: float
    reference_item: str = ""


COMPILED, FAST, TUNED = "minigrad compiled", "minigrad compiled, fast", "hand-written, tuned"

GOALS = [
    Goal("network", COMPILED, TUNED, 1.0),
    Goal("network-deep", COMPILED, TUNED, 1.0),
    Goal("network-large", COMPILED, TUNED, 1.0),
    Goal("network", FAST, TUNED, 0.65),
    Goal("network-deep", FAST, TUNED, 0.65),
    Goal("first-call", COMPILED, "minigrad", 30.0),
    Goal("chain-number", COMPILED, "hand-written", 1.3),
    Goal("quadratic", COMPILED, "hand-written", 1.5),
    Goal("memory", COMPILED, "hand-written", 1.0),
    Goal("memory", "minigrad", "hand-written", 1.0),
    Goal("order-6", "minigrad", "autograd", 1 / 200),
    Goal("taylor-6", "minigrad", "JAX jit", 4.0),
    Goal("taylor-50", "minigrad", "minigrad", 20.0, "taylor-6"),
    Goal("rosenbrock-hessian", "minigrad", "autograd", 1 / 20),
    Goal("rosenbrock-hvp", "minigrad", "autograd", 1 / 6),
    Goal("jacobian", "minigrad", "row by row", 1 / 10),
]


def reached(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every goal that a run measured, and whether it is met; `results` is item -> contender -> {"median": ...}."""
    found = []
    for goal in GOALS:
        other = results.get(goal.reference_item or goal.item, {}).get(goal.reference)
        mine = results.get(goal.item, {}).get(goal.contender)
        if mine is not None and other is not None:
            ratio = mine["median"] / other["median"]
            reference = goal.reference + (f" in {goal.reference_item}" if goal.reference_item else "")
            found.append(
                {
                    "item": goal.item,
                    "contender": goal.contender,
                    "reference": reference,
                    "at_most": goal.limit,
                    "ratio": ratio,
                    "met": ratio <= goal.limit,
                }
            )
    return found


def growth_reached(
    studies: Mapping[str, Mapping[str, Any]], limit: float = 1.3, last: int = 12
) -> list[dict[str, Any]]:
    """The goal for nested derivatives: from one order to the next their time grows by at most `limit` on average."""
    curves = studies.get("growth-order", {}).get("curves", {})
    times = {
        int(k): v["median"] for k, v in curves.get("minigrad, nested", {}).get("times", {}).items() if int(k) <= last
    }
    if len(times) < 2:
        return []
    first, highest = min(times), max(times)
    ratio = (times[highest] / times[first]) ** (1 / (highest - first))
    goal = {"item": "growth-order", "contender": f"minigrad, nested, orders {first} to {highest}"}
    return [goal | {"reference": "the order before", "at_most": limit, "ratio": ratio, "met": ratio <= limit}]
