"""Sums of products in which one factor grows from term to term, computed from within: Horner's rule.

Reverse mode of a recurrence y[k+1] = f(y[k], x) ends in such a sum: the cotangent g of y[k] grows by a factor for each
step, and g times what the step has of x is added up, from the last step to the first. From within it is the derivative
in x that goes along with the steps, from the first to the last:

    r1 g + r2 (g f1) + r3 (g f1 f2) = g (r1 + f1 (r2 + f2 r3))

That has two operations for each step in place of three, each as soon as its operands are there: of the values of the
recurrence only the last one has to be kept. The results agree to rounding.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

from minigrad.compiler.memory import works_by_entry
from minigrad.compiler.program import Program, Step, Var, made_by
from minigrad.compiler.rewriting import Fresh, like, made_from, read_counts, same_type

FEWEST = 3  #: products in a sum that are worth it
DEEPEST = 8  #: how many steps are moved for one operand


class Group(NamedTuple):
    """Terms of a sum that have a factor in common."""

    factor: Var
    rests: list[Any]  #: by what it is multiplied in each of these terms; 1.0 where the term is the factor
    growth: list[Any]  #: the factors by which it differs from that of the group before


def sums_from_within(program: Program) -> Program:
    """Sums of products whose factors are products of each other, by Horner's rule."""
    return _Walk(program).rewritten()


class _Walk:
    """Once through the sums of a program."""

    def __init__(self, program: Program) -> None:
        self.program, self.by = program, made_from(program)
        self.readers = read_counts(program)
        self.place = {var.index: i for i, step in enumerate(program.steps) for var in made_by(step)}
        self.fresh = Fresh(program)
        self.after: dict[int, list[Step]] = {}  #: new steps, by the position of the step that they come after
        self.instead: dict[int, list[Step]] = {}  #: and in place of one

    def rewritten(self) -> Program:
        """The program with these sums."""
        steps = self.program.steps
        inner: set[int] = set()  # sums that are part of another one
        for position in range(len(steps) - 1, -1, -1):
            step = steps[position]
            if self._is(step, operator.add) and position not in inner and position not in self.instead:
                spine = self._spine(step)
                inner.update([self.place[each.out.index] for each in spine])
                if len(spine) >= FEWEST:
                    self._rewrite(position, spine)
        if not self.instead:
            return self.program
        found = [*self.after.get(-1, ())]
        for position, step in enumerate(steps):
            found += self.instead.get(position, [step])
            found += self.after.get(position, ())
        return self.program._replace(steps=found)

    def _is(self, step: Step | None, function: Any) -> bool:
        """Whether a step is this operation on values of one kind and numbers, and rounds."""
        if step is None or step.function is not function or type(step.out) is not Var or step.out.dtype.kind != "f":
            return False
        return not (step.quiet or step.kwargs) and all(
            same_type(each, step.out) if type(each) is Var else type(each) in (int, float) for each in step.args
        )

    def _product(self, value: Any) -> Step | None:
        """The product that a value is, if it is one."""
        step = self.by.get(value.index) if type(value) is Var else None
        return step if self._is(step, operator.mul) else None

    def _spine(self, step: Step) -> list[Step]:
        """The additions that make a sum, from the first to the last; nothing else reads what is between them."""
        spine = [step]
        while True:
            below = [
                self.by[each.index]
                for each in spine[-1].args
                if type(each) is Var
                and self.readers[each.index] == 1
                and self._is(self.by.get(each.index), operator.add)
            ]
            if not below:
                return spine[::-1]
            spine.append(below[0])

    def _rewrite(self, position: int, spine: list[Step]) -> None:
        """Write a sum from within, if its terms allow it."""
        terms, before = [spine[0].args[0]], spine[0].args[0]
        for step in spine:
            x, y = step.args
            terms.append(x if y is before else y)
            before = step.out
        start = 0
        while start + FEWEST <= len(terms):
            groups, stop = self._groups(terms, start)
            if len(groups) >= FEWEST:
                self._write(position, spine, terms, groups, start, stop)
                return
            start = max(stop, start + 1)

    def _groups(self, terms: list[Any], start: int) -> tuple[list[Group], int]:
        """Groups of terms in a row, each with a factor that is a product with that of the group before; and the end."""
        first = self._product(terms[start])
        grown = self._grown(terms[start + 1], first.args) if first is not None else None
        if first is None or grown is None or self.readers[first.out.index] != 1:
            return [], start
        groups, position = [Group(grown[0], [other(first, grown[0])], [])], start + 1
        while position < len(terms) and (grown := self._grown(terms[position], (groups[-1].factor,))) is not None:
            rests: list[Any] = []
            while position < len(terms) and (rest := self._rest(terms[position], grown[1])) is not None:
                rests.append(rest)
                position += 1
            groups.append(Group(grown[1], rests, grown[2]))
        # Factors that something else reads have to be made anyway, and with them those before.
        needed = [self.readers[group.factor.index] - len(group.rests) - 1 for group in groups[1:]]
        return (groups, position) if needed and needed[-1] == -1 and not any(needed[:-1]) else ([], position)

    def _grown(self, term: Any, factors: Any) -> tuple[Var, Var, list[Any]] | None:
        """One of these factors, a product with it by which a term can be divided, and what this has more."""
        product = self._product(term)
        for candidate in (*(product.args if product is not None else ()), term):
            made = self._product(candidate)
            found = self._path(made, factors) if made is not None else None
            if found is not None:
                return found[0], candidate, found[1]
        return None

    def _path(self, product: Step, factors: Any, depth: int = 0) -> tuple[Var, list[Any]] | None:
        """One of these factors that a product has, or a product within it that nothing else reads; and the others."""
        for factor in factors:
            if type(factor) is Var and any(each is factor for each in product.args):
                return factor, [other(product, factor)]
        for within in product.args if depth < DEEPEST else ():
            made = self._product(within)
            if made is not None and self.readers[within.index] == 1 and (found := self._path(made, factors, depth + 1)):
                return found[0], [*found[1], other(product, within)]
        return None

    def _rest(self, term: Any, factor: Var) -> Any:
        """A term divided by a factor; None where it has no such factor, or is read elsewhere too."""
        if term is factor:
            return 1.0
        product = self._product(term)
        if product is None or self.readers[term.index] != 1 or not any(each is factor for each in product.args):
            return None
        return other(product, factor)

    def _write(
        self, position: int, spine: list[Step], terms: list[Any], groups: list[Group], start: int, stop: int
    ) -> None:
        """Put the sum of these groups, from the last to the first, where its operands are, and the rest last."""
        root = spine[-1]
        first = self.place.get(terms[start].index, position)

        def early(function: Any, x: Any, y: Any) -> Any:
            """The result of one more step, as soon as it can be."""
            if type(x) is not Var and type(y) is not Var:
                return function(x, y)
            if function is operator.mul and 1.0 in (x, y):
                return y if x == 1.0 else x
            step = root._replace(out=like(root.out, self.fresh()), function=function, args=(x, y))
            self._put(step, max(self._hoisted(x, first), self._hoisted(y, first)))
            return step.out

        total: Any = None
        for k in range(len(groups) - 1, -1, -1):
            for rest in groups[k].rests:
                total = rest if total is None else early(operator.add, rest, total)
            for growth in reversed(groups[k].growth):
                total = early(operator.mul, growth, total)
        sums: list[Any] = [(operator.mul, groups[0].factor, total)]
        if start:
            sums.append((operator.add, spine[start - 2].out if start > 1 else terms[0], None))
        sums += [(operator.add, None, term) for term in terms[stop:]]
        steps: list[Step] = []
        for function, x, y in sums:
            before = steps[-1].out if steps else None
            args = before if x is None else x, before if y is None else y
            steps.append(root._replace(out=like(root.out, self.fresh()), function=function, args=args))
        self.instead[position] = [*steps[:-1], steps[-1]._replace(out=root.out)]

    def _put(self, step: Step, position: int) -> None:
        """Have a step come after the one at a position."""
        self.after.setdefault(position, []).append(step)
        self.place[step.out.index] = position

    def _hoisted(self, value: Any, first: int, depth: int = 0) -> int:
        """Where a value is made, after it was put as early as it can be; nothing before the step `first` is moved."""
        position = self.place.get(value.index, -1) if type(value) is Var else -1
        step = self.by.get(value.index) if type(value) is Var else None
        is_late = step is not None and position >= first and depth < DEEPEST
        if step is None or not is_late or not works_by_entry(step.function) or not self._is(step, step.function):
            return position
        place = max([self._hoisted(arg, first, depth + 1) for arg in step.args])
        if place < position:
            self.instead[position] = []
            self._put(step, place)
        return self.place[value.index]


def other(product: Step, factor: Var) -> Any:
    """The other factor of a product."""
    x, y = product.args
    return y if x is factor else x
