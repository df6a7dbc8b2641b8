"""What goes through the maximum of a stabilised log-sum-exp cancels: the gradient is the shares alone.

Whoever writes log(sum(exp(x - m))) + m with m = max(x) gets, beside the shares p = e / sum(e) of e = exp(x - m), the
sum of -p and of 1, both times where the maximum is. The sum of p is 1 but for rounding, and nothing remains of it. That
is seen here, and only that: a program in which differences of almost equal numbers are meant keeps them.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.compiler.canonical import MAX, MIN, SUM
from minigrad.compiler.program import Program, Step, Var
from minigrad.compiler.rewriting import made_from, renamed, same_type
from minigrad.core import duck_arrays as duck


def maxima_cancelled(program: Program) -> Program:
    """The program without what is added where a maximum is, and taken off again."""
    if not any(step.function in (MAX, MIN) for step in program.steps):
        return program
    return renamed(program, _Walk(program).rewrite)


class _Walk:
    """Once through a program."""

    def __init__(self, program: Program) -> None:
        self.by = made_from(program)
        self.known: dict[int, float] = {}  #: values that are one number everywhere, since a sum of shares is 1
        self.multiples: dict[int, tuple[float, int]] = {}  #: such a number times the places of a maximum

    def rewrite(self, step: Step) -> Any:
        """The step, or what is left of a sum of two terms."""
        out, function, args = step.out, step.function, step.args
        if type(out) is not Var or step.kwargs or out.dtype.kind != "f":
            return step
        if function is SUM:
            sign = self._sum_of_shares(step)
            if sign is not None:
                self.known[out.index] = sign
        elif function in (duck.reshape, operator.getitem, operator.neg) and type(args[0]) is Var:
            number = self.known.get(args[0].index)
            if number is not None:
                self.known[out.index] = -number if function is operator.neg else number
        elif function in (operator.add, operator.sub, operator.mul):
            return self._of_two(step)
        return step

    def _of_two(self, step: Step) -> Any:
        (x, y), out = step.args, step.out
        is_known = [type(v) is Var and v.index in self.known for v in (x, y)]
        numbers = [self._number(v) for v in (x, y)]
        if any(is_known) and None not in numbers:
            self.known[out.index] = float(step.function(*numbers))
        elif any(is_known) and step.function is operator.mul:
            number, places = (numbers[0], y) if is_known[0] else (numbers[1], x)
            if number is not None and self._is_where_maxima_are(places):
                self.multiples[out.index] = number, places.index
        elif step.function is operator.add:
            for one, other in ((x, y), (y, x)):
                left = self._left(one, other)
                if left is not None and same_type(left, out):
                    return left
        return step

    def _left(self, multiple: Any, other: Any) -> Any:
        """What is left of the sum of a multiple of the places of a maximum, and another term."""
        if type(multiple) is not Var or multiple.index not in self.multiples:
            return None
        number, places = self.multiples[multiple.index]
        if number == 0:
            return other
        inner = self._made(other, operator.add)
        if inner is None or number != -1:
            return None
        rest = [v for v in inner.args if not (type(v) is Var and v.index == places)]
        return rest[0] if len(rest) == 1 else None

    def _sum_of_shares(self, step: Step) -> float | None:
        """1 for sum(p) and -1 for sum(-p), where p = e / sum(e), the same axes."""
        shares, axes, _ = step.args
        negated = self._made(shares, operator.neg)
        shares = shares if negated is None else negated.args[0]
        pairs: list[tuple[Any, Any]] = []  # of a part, and of the whole that it is divided by
        quotient, product = self._made(shares, operator.truediv), self._made(shares, operator.mul)
        if quotient is not None:
            pairs = [quotient.args]
        elif product is not None:
            for part, factor in (product.args, product.args[::-1]):
                inverse = self._made(self._below(factor), operator.truediv)
                if inverse is not None and self._number(inverse.args[0]) == 1:
                    pairs.append((part, inverse.args[1]))
        for part, whole in pairs:
            total = self._made(self._below(whole), SUM)
            if total is not None and total.args[0] is part and total.args[1] == axes:
                return 1.0 if negated is None else -1.0
        return None

    def _is_where_maxima_are(self, value: Any) -> bool:
        """Whether a value is that of a comparison, divided by how often it was true: finite, whatever the numbers."""
        quotient = self._made(value, operator.truediv)
        return quotient is not None and type(quotient.args[0]) is Var and quotient.args[0].dtype == np.bool_

    def _made(self, value: Any, function: Any) -> Step | None:
        step = self.by.get(value.index) if type(value) is Var else None
        return step if step is not None and step.function is function and not step.kwargs else None

    def _below(self, value: Any) -> Any:
        """What a value is a view of that adds or drops axes of length 1."""
        while (step := self._made(value, duck.reshape)) is not None:
            value = step.args[0]
        return value

    def _number(self, value: Any) -> float | None:
        """The number that all entries of a value are, if that is known."""
        if type(value) is Var:
            return self.known.get(value.index)
        if not isinstance(value, (int, float, np.ndarray)) or not 0 < np.size(value) <= 1 << 16:
            return None
        first = np.asarray(value).flat[0]
        return float(first) if first.dtype.kind in "fiu" and bool(np.all(np.asarray(value) == first)) else None
