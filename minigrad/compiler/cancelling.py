"""Algebra of real numbers on programs: what a person cancels, though rounding may change.

The passes of `passes` keep every bit (or all but rounding errors of one operation). These do not: they are for texts
and formulas that are to be read, `source(..., exact=False)` and `derivation`. They assume finite values, no division by
0 where the program has none, and sums in any order. The gradient through the maximum of a stabilised log-sum-exp goes
by them, so that softmax(z) - y remains; sums that Python adds up entry by entry become `np.sum`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.canonical import SUM
from minigrad.compiler.passes import PASSES, optimised, without_dead_code
from minigrad.compiler.program import Program, Step, Var, made_by
from minigrad.compiler.rewriting import Fresh, beside, made_from, read_counts, renamed, same_type, shape_of
from minigrad.core import duck_arrays as duck
from minigrad.rules.elementwise import tanh_slope_at

MOST_ROUNDS = 12
MOST_TERMS = 40  #: of a sum that is looked through for equal terms


def reduced(program: Program) -> Program:
    """The program after all algebra, until nothing changes any more."""
    before = program
    for _ in range(MOST_ROUNDS):
        program = sums_in_order(program)
        new = _Algebra(program).rewritten()
        new = without_dead_code(optimised(new, PASSES))
        if len(new.steps) == len(program.steps) and str(new) == str(program):
            break
        program = new
    return without_orphaned_guards(before, program)


# ----- sums written as loops ------------------------------------------------------------------------------------------


def sums_in_order(program: Program) -> Program:
    """p[0] + p[1] + ... + p[n - 1], each part read once, is the sum of p; so is the last of the sums on the way."""
    if not any(step.function is operator.getitem for step in program.steps):
        return program
    by = made_from(program)
    uses = read_counts(program)

    def entry(value: Any) -> tuple[Any, int] | None:
        step = by.get(value.index) if type(value) is Var else None
        if step is None or step.function is not operator.getitem or type(step.args[1]) is not int:
            return None
        return step.args[0], step.args[1]

    sums: dict[int, tuple[Any, int]] = {}  # a partial sum: of which array, and of how many entries
    whole: dict[int, Any] = {}
    for step in program.steps:
        last = entry(step.out) if step.function is operator.getitem else None
        if last is not None and last[1] == -1 and type(last[0]) is Var and last[0].index in by:
            on_the_way = by[last[0].index]
            if on_the_way.function is np.cumsum and on_the_way.kwargs == {"axis": 0}:
                whole[step.out.index] = on_the_way.args[0]
        if step.function is not operator.add or type(step.out) is not Var:
            continue
        x, y = step.args
        part = entry(y)
        if part is None or type(part[0]) is not Var or len(part[0].shape) < 1:
            continue
        array, k = part
        if k < 0:
            k += array.shape[0]
        start = entry(x)
        if type(x) is Var and x.index in sums and uses[x.index] == 1:
            before = sums[x.index]
        elif start is not None and start[1] == 0 and type(start[0]) is Var:
            before = start[0], 1
        elif type(x) in (int, float) and x == 0:
            before = array, 0
        else:
            continue
        if before[0].index != array.index or before[1] != k:
            continue
        sums[step.out.index] = array, k + 1
        if k + 1 == array.shape[0] and array.shape[0] > 1:
            whole[step.out.index] = array

    def rewrite(step: Step) -> Any:
        if type(step.out) is Var and step.out.index in whole and _adds_in(whole[step.out.index].dtype, step.out.dtype):
            return step._replace(function=SUM, args=(whole[step.out.index], (0,), False), kwargs={})
        return step

    return renamed(program, rewrite) if whole else program


def _adds_in(dtype: Any, of_sum: Any) -> bool:
    """Whether the entries of an array are added up in the dtype of the loop: a sum of small integers is in a larger."""
    return bool(dtype == of_sum and np.add.reduce(np.zeros(1, dtype)).dtype == of_sum)


# ----- like terms, quotients, sums of multiples -----------------------------------------------------------------------


class Term(NamedTuple):
    """A factor times a value."""

    factor: float
    value: Any


def plain_number(value: Any) -> float | None:
    """A constant with one value everywhere, as a number."""
    if type(value) is Var or isinstance(value, complex) or not isinstance(value, (int, float, np.generic, np.ndarray)):
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or not array.size:
        return None
    first = float(array.flat[0])
    return first if bool(np.all(array == first)) else None


class _Algebra:
    """One round over a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.by = made_from(program)
        self.fresh = Fresh(program)

    def rewritten(self) -> Program:
        """The program after this round."""
        return renamed(self.program, self._kept)

    def _kept(self, step: Step) -> Any:
        if type(step.out) is not Var or step.kwargs or step.out.dtype.kind != "f":
            return step
        new = self._rewrite(step)
        for each in new if type(new) is list else [new]:
            if type(each) is Step:
                for var in made_by(each):
                    self.by[var.index] = each
        if type(new) in (Step, list) or same_type(new, step.out):
            return new
        if type(new) is Var and new.shape == step.out.shape:
            return step if new.dtype != step.out.dtype or new.kind != step.out.kind else new
        number = plain_number(new)
        if number is None:
            return step
        return np.full(step.out.shape, number) if step.out.kind == "array" else step.out.dtype.type(number)

    def _definition(self, value: Any, *functions: Any) -> Step | None:
        step = self.by.get(value.index) if type(value) is Var else None
        return step if step is not None and step.function in functions and not step.kwargs else None

    def _make(self, step: Step, function: Any, args: Sequence[Any], shape: tuple[int, ...]) -> tuple[Var, Step]:
        """A new step beside one, with a result of this shape."""
        new = beside(step, self.fresh(), function, args, shape)
        self.by[new.out.index] = new
        return new.out, new

    def _behind(self, value: Any) -> Any:
        """What a value is a reshape of."""
        while (step := self._definition(value, duck.reshape)) is not None:
            value = step.args[0]
        return value

    def _rewrite(self, step: Step) -> Any:
        function, args = step.function, step.args
        if function is tanh_slope_at:  # 1 - tanh(x)**2, whose digits in the tails a person does not think of
            square, first = self._make(step, operator.mul, (args[0], args[0]), shape_of(args[0]))
            return [first, step._replace(function=operator.sub, args=(1.0, square))]
        if function is SUM:
            return self._sum(step)
        if function in (operator.mul, operator.truediv) and len(args) == 2:
            return self._product(step) if function is operator.mul else self._quotient(step)
        if function in (operator.add, operator.sub, operator.neg):
            return self._like_terms(step)
        return step

    # ----- sums of multiples ------------------------------------------------------------------------------------------

    def _sum(self, step: Step) -> Any:
        x, axes, keepdims = step.args
        if type(x) is not Var:
            return step
        negated = self._definition(x, operator.neg)
        if negated is not None:  # sum(-x) = -sum(x)
            var, new = self._make(step, SUM, (negated.args[0], axes, keepdims), step.out.shape)
            return [new, step._replace(function=operator.neg, args=(var,))]
        reshaped = self._definition(x, duck.reshape)
        if reshaped is not None and len(axes) == len(x.shape) and not keepdims:  # the sum of all entries
            inner = reshaped.args[0]
            return step._replace(args=(inner, tuple(range(len(inner.shape))), False)) if inner.shape else step
        scaled = self._definition(x, operator.mul, operator.truediv)
        if scaled is not None:
            for k in (0, 1) if scaled.function is operator.mul else (1,):
                constant, rest = scaled.args[k], scaled.args[1 - k]
                if np.shape(rest) == x.shape and type(rest) is Var and self._is_constant_along(constant, axes, x):
                    return self._scaled_sum(step, scaled.function, constant, rest)
        return step

    def _is_constant_along(self, value: Any, axes: Sequence[int], like_array: Var) -> bool:
        shape = shape_of(value)
        shift = len(like_array.shape) - len(shape)
        return all(axis < shift or shape[axis - shift] == 1 for axis in axes)

    def _scaled_sum(self, step: Step, function: Any, constant: Any, rest: Var) -> Any:
        """sum(c x) = c sum(x) where c does not vary along the axes."""
        _, axes, keepdims = step.args
        kept = tuple([1 if axis in axes else n for axis, n in enumerate(rest.shape)])
        total, first = self._make(step, SUM, (rest, axes, True), kept)
        args = (total, constant) if function is operator.truediv else (constant, total)
        if keepdims:
            return [first, step._replace(function=function, args=args)]
        scaled, second = self._make(step, function, args, kept)
        return [first, second, step._replace(function=duck.reshape, args=(scaled, step.out.shape))]

    # ----- products and quotients -------------------------------------------------------------------------------------

    def _product(self, step: Step) -> Any:
        x, y = step.args
        for a, b in ((x, y), (y, x)):
            number = plain_number(a)
            if number == 0:
                return 0.0
            if number == -1 and type(b) is Var and b.shape == step.out.shape:
                return step._replace(function=operator.neg, args=(b,))
            inverse = self._definition(self._behind(a), operator.truediv)
            if inverse is not None and type(inverse.args[1]) is Var:
                divisor = inverse.args[1]
                top = plain_number(inverse.args[0])
                if top is not None and self._is_same(divisor, b):  # (k / t) t = k
                    return top
                if top == 1 and a is not b and type(a) is Var:  # (1 / t) x = x / t
                    if a.shape == divisor.shape:
                        return step._replace(function=operator.truediv, args=(b, divisor))
                    turned, new = self._make(step, duck.reshape, (divisor, a.shape), a.shape)
                    return [new, step._replace(function=operator.truediv, args=(b, turned))]
        reshaped = [self._definition(each, duck.reshape) for each in (x, y)]
        if reshaped[0] is not None and reshaped[1] is not None:
            p, q = reshaped[0].args[0], reshaped[1].args[0]
            if p.shape == q.shape and x.shape == y.shape == step.out.shape and type(p) is Var:
                var, new = self._make(step, operator.mul, (p, q), p.shape)
                return [new, step._replace(function=duck.reshape, args=(var, step.out.shape))]
        return step

    def _quotient(self, step: Step) -> Any:
        x, y = step.args
        if plain_number(x) == 0:
            return 0.0
        return 1.0 if self._is_same(x, y) else step

    def _is_same(self, x: Any, y: Any) -> bool:
        """Whether two values are equal entry by entry, up to axes of size 1."""
        x, y = self._behind(x), self._behind(y)
        if type(x) is not Var or type(y) is not Var:
            return False
        if x.index == y.index:
            return True
        s, t = self._definition(x, SUM), self._definition(y, SUM)
        return s is not None and t is not None and s.args[1] == t.args[1] and self._is_same(s.args[0], t.args[0])

    # ----- like terms -------------------------------------------------------------------------------------------------

    def _like_terms(self, step: Step) -> Any:
        """a + b - a = b: the terms of a sum, of which equal ones are added up."""
        if len(step.args) == 2:
            x, y = step.args
            if self._is_zero(y) and shape_of(x) == step.out.shape:
                return x
            if self._is_zero(x) and shape_of(y) == step.out.shape and type(y) is Var:
                return y if step.function is operator.add else step._replace(function=operator.neg, args=(y,))
            if step.function is operator.add and type(x) is Var and type(y) is Var and x.index == y.index:
                return step._replace(function=operator.mul, args=(2.0, x))
        terms = self._terms(step)
        if len(terms) < 2:
            return step
        totals: dict[Any, float] = {}
        values: dict[Any, Any] = {}
        for term in terms:
            key = term.value.index if type(term.value) is Var else ("constant", id(term.value))
            totals[key] = totals.get(key, 0.0) + term.factor
            values[key] = term.value
        if len(totals) == len(terms):
            return step
        left = [
            Term(factor, values[key]) for key, factor in totals.items() if factor and not self._is_zero(values[key])
        ]
        if len(left) >= len(terms):
            return step
        if not left:
            return 0.0
        numbers = [plain_number(term.value) for term in left]
        if None not in numbers:
            return float(sum(term.factor * number for term, number in zip(left, numbers) if number is not None))
        if not any(shape_of(term.value) == step.out.shape for term in left):
            return step
        return self._added(step, sorted(left, key=lambda term: term.factor < 0))

    def _is_zero(self, value: Any) -> bool:
        return plain_number(value) == 0

    def _terms(self, step: Step, factor: float = 1.0, depth: int = 0) -> list[Term]:
        signs = {operator.add: (1.0, 1.0), operator.sub: (1.0, -1.0), operator.neg: (-1.0,)}[step.function]
        found: list[Term] = []
        for sign, value in zip(signs, step.args):
            inner = self._definition(value, operator.add, operator.sub, operator.neg)
            if inner is not None and depth < MOST_TERMS and inner.out.shape == step.out.shape:
                found += self._terms(inner, factor * sign, depth + 1)
                continue
            scaled = self._definition(value, operator.mul)
            if scaled is not None:
                for number, other in (scaled.args, scaled.args[::-1]):
                    times = plain_number(number)
                    if times is not None and type(other) is Var and other.shape == scaled.out.shape:
                        sign, value = sign * times, other
                        break
            found.append(Term(factor * sign, value))
        return found

    def _added(self, step: Step, terms: list[Term]) -> Any:
        """The sum of terms; the first of them has a positive factor if any has."""
        steps: list[Step] = []
        total: Any = None
        for factor, value in terms:
            size = abs(factor)
            if size != 1:
                value, new = self._make(step, operator.mul, (size, value), shape_of(value))
                steps.append(new)
            if total is None:
                total = value
                if factor < 0:
                    total, new = self._make(step, operator.neg, (value,), shape_of(value))
                    steps.append(new)
                continue
            function = operator.add if factor > 0 else operator.sub
            shape = np.broadcast_shapes(shape_of(total), shape_of(value))
            total, new = self._make(step, function, (total, value), shape)
            steps.append(new)
        if not steps:
            return total
        steps[-1] = steps[-1]._replace(out=step.out)
        return steps


# ----- guards ---------------------------------------------------------------------------------------------------------


def without_orphaned_guards(before: Program, after: Program) -> Program:
    """Without the guards of sweeps whose steps have all gone: the branch that they hold to is not taken any more."""

    def owner(step: Step) -> Any:
        return step.origin.run, step.origin.phase, step.origin.owner

    is_guard = [step.out is None and step.origin.phase != "primal" for step in after.steps]
    unguarded = after._replace(steps=[step for step, guards in zip(after.steps, is_guard) if not guards])
    left = {owner(step) for step in without_dead_code(unguarded).steps}
    gone = {owner(step) for step in before.steps if step.out is not None} - left
    steps = [step for step, guards in zip(after.steps, is_guard) if not (guards and owner(step) in gone)]
    return without_dead_code(after._replace(steps=steps))
