"""Loops that begin like all their passes: where the first pass has an addition less, zero is added.

What grows or is handed on from pass to pass has nothing to be added to in the first one, and a cotangent that is one
is not multiplied by. So that pass would have to be told apart; a person writes `c_bar = np.zeros(4)` before the loop.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.normal_form import holes_of, likeness, refilled
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.rewriting import Fresh, like
from minigrad.compiler.rolling import stretches

NEUTRAL: dict[Any, float] = {operator.add: 0.0, operator.sub: 0.0, operator.mul: 1.0}


def with_whole_passes(program: Program) -> tuple[Program, dict[int, Any]]:
    """The first pass of each stretch that repeats gets the additions, and multiplications by one, that it lacks.

    Returns:
        The program, and what was put in: for the index of each result the term that it is equal to.
    """
    steps, fresh = list(program.steps), Fresh(program)
    by = {var.index: t for t, step in enumerate(steps) for var in made_by(step)}
    tokens, found = stretches(steps)
    put: dict[int, list[Step]] = {}
    stands_for: dict[int, Any] = {}
    claimed: list[tuple[int, int]] = []  # the steps of stretches with the passes before them
    for start, period, length in found:
        end = start + length
        if any(a <= start < b for a, b in claimed):
            continue
        before = max([b for _, b in claimed if b <= start], default=0)
        head = _Head(steps, tokens.tolist(), by, before, start, period, length)
        sums: dict[int, Var] = {}  # by the step of the next pass that has the addition
        lacking = head.lacking()
        if len(head.first) < max(3, len(lacking)):  # alike by chance
            continue
        claimed.append((min(head.first.values(), default=start), end))
        for t in head.first.values():
            steps[t] = head.wide.get(t, steps[t])
        for example, (place, term, equal) in sorted(lacking.items()):
            step = steps[example]
            maker = by.get(step.args[place].index, -1)
            var = sums[example] = like(equal, fresh())
            other = step.args[1 - place]
            neutral = NEUTRAL[step.function]
            constant = full_like(other, neutral)
            origin = steps[by[equal.index]].origin  # so that it is called like its term, if that is of this pass
            origin = origin if origin.statement == step.origin.statement else step.origin
            args = tuple([sums.get(maker, term) if k == place else constant for k in (0, 1)])
            put.setdefault(head.before[example], []).append(step._replace(out=var, args=args, origin=origin))
            stands_for[var.index] = equal
        inside = [(t, t + period) for t in range(start, end - period)]
        for t, other in [*[(t, other) for other, t in head.first.items()], *inside] if sums else []:
            makers = [by.get(value.index, -1) if type(value) is Var else -1 for value in holes_of(steps[other])]
            if not sums.keys().isdisjoint(makers):
                values = [sums.get(maker, value) for maker, value in zip(makers, holes_of(steps[t]))]
                steps[t] = refilled(steps[t], values)
    new: list[Step] = []
    for t, step in enumerate(steps):
        new += [*put.get(t, []), step]
    return program._replace(steps=new), stands_for


def full_like(var: Var, number: float) -> Any:
    """This number as an array or a number of NumPy, of the shape and dtype of a value."""
    return np.full(var.shape, number, var.dtype) if var.kind == "array" else var.dtype.type(number)


class _Head:
    """The pass before a stretch that repeats, step by step beside the first pass within it, which is the example."""

    def __init__(
        self,
        steps: Sequence[Step],
        tokens: Sequence[int],
        by: dict[int, int],
        end: int,
        start: int,
        period: int,
        length: int,
    ) -> None:
        self.steps, self.tokens, self.by = steps, tokens, by
        self.first: dict[int, int] = {}  #: by steps of the example: the same step of the first pass
        self.before: dict[int, int] = {}  #: by what is lacking: the step before which it belongs
        self.negated: dict[int, int] = {}  #: by subtractions that are lacking: the step that negates the term instead
        self.wide: dict[int, Step] = {}  #: steps of the first pass with an array in the place of a number
        t, example = start - 1, start + period - 1
        while t >= end and example >= start:
            step = steps[example]
            if tokens[t] == tokens[example] or self._with_number(t, example):
                self.first[example] = t
                t -= 1
            elif step.function in NEUTRAL and type(step.out) is Var and not step.kwargs:
                self.before[example] = t + 1
                if steps[t].function is operator.neg and step.function is operator.sub:
                    self.negated[example] = t
                    t -= 1
            else:
                break
            example -= 1
        self.readers: dict[int, list[tuple[int, int]]] = {}  # steps that read a value, with the same one a pass before
        for t in range(start, start + length):
            before = self.first.get(t, -1) if t < start + period else t - period
            for var in reads(steps[t]):
                self.readers.setdefault(var.index, []).append((t, before))

    def _with_number(self, t: int, example: int) -> bool:
        """Whether a step differs but in that it has a number where the example has an array: 1.0 + W.T @ u."""
        step, other = self.steps[t], self.steps[example]
        if step.function is not other.function or step.function not in NEUTRAL or step.kwargs or other.kwargs:
            return False
        pairs = list(zip(step.args, other.args))
        where = [k for k, (a, b) in enumerate(pairs) if type(a) is float and type(b) is Var and b.kind != "python"]
        if len(where) != 1 or step.out.shape != other.out.shape or step.out.dtype != other.out.dtype:
            return False
        k = where[0]
        full = (*step.args[:k], other.args[k], *step.args[k + 1 :])
        if likeness(step._replace(args=full)) != likeness(other):
            return False
        constant = full_like(other.args[k], step.args[k])
        self.wide[t] = step._replace(args=(*step.args[:k], constant, *step.args[k + 1 :]))
        return True

    def lacking(self) -> dict[int, tuple[int, Any, Any]]:
        """What the first pass lacks: which operand it has, that value, and what readers have in place of the result."""
        found: dict[int, tuple[int, Any, Any]] = {}
        for example in sorted(self.before, reverse=True):
            step = self.steps[example]
            equal = self._in_first(step.out, found)
            if type(equal) is not Var or equal.shape != step.out.shape or equal.dtype != step.out.dtype:
                break
            term = equal
            if step.function is operator.sub:
                if self.by.get(equal.index, -1) != self.negated.get(example):
                    break
                term = self.steps[self.negated[example]].args[0]
            places = [k for k, arg in enumerate(step.args) if type(arg) is Var and self._is_alike(arg, term)]
            if step.function is operator.sub:
                places = [k for k in places if k == 1]
            if not places or type(step.args[1 - places[-1]]) is not Var:
                break
            found[example] = places[-1], term, equal
        else:
            return found
        self.first = {other: t for other, t in self.first.items() if other > example}  # before it the passes differ
        return found

    def _in_first(self, var: Var, found: dict[int, tuple[int, Any, Any]]) -> Any:
        """What stands in the first pass where the example has this value."""
        for reader, before in self.readers.get(var.index, ()):
            if reader in found and self.steps[reader].args[found[reader][0]] is var:
                return found[reader][1]
            if before >= 0:
                for value, other in zip(holes_of(self.steps[reader]), holes_of(self.steps[before])):
                    if type(value) is Var and value.index == var.index:
                        return other
        return None

    def _is_alike(self, value: Var, term: Any) -> bool:
        makers = self.by.get(value.index, -1), self.by.get(term.index, -1)
        return min(makers) >= 0 and self.tokens[makers[0]] == self.tokens[makers[1]]
