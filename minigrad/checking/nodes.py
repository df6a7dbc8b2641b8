"""Nodes of a tape that make a mistake on the way back: with another rule, or without one of their paths."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.core.primitive import Primitive

Wrong = tuple[str, dict[int, Any]]  # what is wrong, and the nodes that replace those of the tape


def adds(primitive: Primitive) -> bool:
    """Whether an elementwise operation adds or subtracts: its rules read no argument, and give g or -g back."""
    number = len(primitive.vjps)
    if primitive.kind != "elementwise" or primitive.residuals((0,) * number) != (False, tuple(range(number))):
        return False
    without_parameters = [rule for rule in primitive.vjps if rule.__code__.co_argcount == number + 2]
    return len(without_parameters) == number and all(
        rule(1.0, None, *[None] * number) in (1.0, -1.0) for rule in without_parameters
    )


def with_rules(primitive: Primitive, rules: Sequence[Any]) -> Primitive:
    """A copy of a primitive with other rules, for a copy of a tape."""
    other = copy.copy(primitive)
    other.pull, other.vjps = None, tuple(rules)
    other.jvps = other.vjps if other.kind == "elementwise" else primitive.jvps
    other.sweeping = (*primitive.sweeping[:2], other.vjps, other.pole, other.hides_branch)
    return other


def changed(node: Any, change: Callable[..., Any], position: int = 0) -> Any:
    """A node of an elementwise operation, one of whose rules is changed."""
    primitive, parents, args, ans, params = node
    rules = list(primitive.vjps)
    rule = rules[position]
    rules[position] = lambda g, ans, *args, **params: change(rule, g, ans, args, params)
    return with_rules(primitive, rules), parents, args, ans, params


def without(node: Any, operands: Sequence[int]) -> Any:
    """A node whose operands at these positions are constants."""
    primitive, parents, *rest = node
    return (primitive, tuple(-1 if k in operands else p for k, p in enumerate(parents)), *rest)


def at(tape: Any, i: int) -> str:
    """Where a node was made."""
    if i < tape.leaves:
        return f"input {i}"
    label = f" ({tape.labels[i]})" if i in tape.labels else ""
    return f"at {tape.lines[i]}{label}"
