"""What goes through the maximum of a stabilised log-sum-exp cancels: the gradient is the shares alone.

Whoever writes log(sum(exp(x - m))) + m with m = max(x) gets, beside the shares p = e / sum(e) of e = exp(x - m), the
sum of -p and of 1, both times where the maximum is. The sum of p is 1 but for rounding, and nothing remains of it. That
is seen here, and only that: a program in which differences of almost equal numbers are meant keeps them.

The shift by m is there for large x. Where x is an arctan or a tanh, log(sum(exp(x))) is the same up to rounding.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.compiler.canonical import MAX, MIN, SUM
from minigrad.compiler.program import Program, Step, Var, reads, variables
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


# ----- the shift itself -----------------------------------------------------------------------------------------------

BOUNDED = {np.arctan, np.tanh, np.sin, np.cos}  #: functions of whose results exp can be taken as they are


def shifts_left_out(program: Program) -> Program:
    """Without the maximum in log(sum(exp(x - max(x)))) + max(x), and in its shares, where x is small anyway."""
    if not any(step.function is MAX for step in program.steps):
        return program
    shifts = _Shifts(program)
    dropped: dict[int, int] = {}  # which argument stands for each of these sums and differences
    for step in program.steps:
        if step.function is operator.sub:
            dropped |= shifts.dropped(step)

    def rewrite(step: Step) -> Any:
        return step.args[dropped[step.out.index]] if type(step.out) is Var and step.out.index in dropped else step

    return renamed(program, rewrite) if dropped else program


class _Shifts:
    """What is made of differences x - max(x) in a program."""

    def __init__(self, program: Program) -> None:
        self.by = made_from(program)
        self.outputs = {var.index for var in variables(program.outputs)}
        self.readers: dict[int, list[Step]] = {}
        for step in program.steps:
            for var in reads(step):
                self.readers.setdefault(var.index, []).append(step)

    def dropped(self, difference: Step) -> dict[int, int]:
        """A difference and the sums with the maximum, each with its argument that is left; nothing if it is needed."""
        x, shift = difference.args
        top, made = self._source(shift), self._source(x)
        is_shift = top is not None and top.function is MAX and top.args[0] is x and same_type(x, difference.out)
        if top is None or not is_shift or made is None or made.function not in BOUNDED or x.dtype.kind != "f":
            return {}
        found = {difference.out.index: 0}
        for exponential in self._users(difference.out):
            if exponential is None or exponential.function is not np.exp:
                return {}
            for total in self._users(exponential.out):
                if self._is_share(total, exponential.out, top.args[1]):
                    continue
                if total is None or not self._is_sum(total, exponential.out, top.args[1]):
                    return {}
                for logarithm in self._users(total.out):
                    if self._is_share(logarithm, exponential.out, top.args[1]):
                        continue
                    if logarithm is None or logarithm.function is not np.log:
                        return {}
                    for last in self._users(logarithm.out):
                        place = self._place(last, logarithm, top)
                        if last is None or place is None:
                            return {}
                        found[last.out.index] = place
        return found

    def _source(self, value: Any) -> Step | None:
        """The step that makes what a value is a view of."""
        step = self.by.get(value.index) if type(value) is Var else None
        while step is not None and step.function in (duck.reshape, np.transpose):
            step = self.by.get(step.args[0].index)
        return step

    def _users(self, var: Var) -> list[Step | None]:
        """The steps that read a value, or a reshaped one; None for whoever gets the results."""
        found: list[Step | None] = [None] if var.index in self.outputs else []
        for step in self.readers.get(var.index, ()):
            found += self._users(step.out) if step.function is duck.reshape else [step]
        return found

    def _is_sum(self, step: Step | None, exponential: Var, axes: Any) -> bool:
        """Whether a step sums this over these axes."""
        return step is not None and step.function is SUM and step.args[0] is exponential and step.args[1] == axes

    def _is_share(self, step: Step | None, exponential: Var, axes: Any) -> bool:
        """Whether a step divides this by its sum."""
        is_quotient = step is not None and step.function is operator.truediv and step.args[0] is exponential
        return step is not None and is_quotient and self._is_sum(self._source(step.args[1]), exponential, axes)

    def _place(self, step: Step | None, logarithm: Step, top: Step) -> int | None:
        """The place of a logarithm in its sum with the maximum, if the step is that."""
        if step is None or step.function is not operator.add:
            return None
        sources = [self._source(arg) for arg in step.args]
        for k in (0, 1):
            if sources[k] is logarithm and sources[1 - k] is top and same_type(step.args[k], step.out):
                return k
        return None
