"""Is an error of one percent found, whichever rule it is in? Plants it, rule by rule, and runs the cells that use it.

    python tests/planted.py            # all rules: some minutes
    python tests/planted.py tanh norm  # the rules of some primitives

A rule is a pullback or a pushforward in one argument, or one coefficient of a recurrence for Taylor series. What it
returns is multiplied by 1.01; a cell of which a property then fails has found the error. The exit status is 1 if an
error stays hidden, or if an operation has no cell. A sample is part of the test suite (`test_planted.py`).
"""

import contextlib
import gc
import importlib
import os
import pkgutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the matrices are small
    sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]

import pytest
import test_cells
from cells import Case, cases, load

import minigrad
from minigrad.compiler import swept
from minigrad.core.primitive import ITEM, Primitive, Scatter
from minigrad.core.tape import Tape

ERROR = 1.01
ORDERS = (1, 2, 3)  # of the coefficients of a Taylor recurrence in which an error is planted


def scaled(part: Any) -> Any:
    """A cotangent, a tangent or a coefficient that is one percent off."""
    if part is None:
        return None
    if type(part) is Scatter:
        return Scatter(scaled(part.g), part.index)
    return type(part)(scaled(each) for each in part) if type(part) in (tuple, list) else part * ERROR


def scaled_at(parts: Any, k: int) -> list[Any]:
    """A list of them, of which entry k is off, if there is one."""
    return [scaled(part) if i == k else part for i, part in enumerate(parts)]


class Rule:
    """One rule of a primitive. `planted` puts the error into it for a while; `calls` counts how often it was asked."""

    def __init__(self, primitive: Primitive, what: str, k: int) -> None:
        self.primitive, self.what, self.k, self.calls = primitive, what, k, 0

    def __str__(self) -> str:
        return f"{self.primitive.name}.{self.what}[{self.k}]"

    def wrong(self, rule: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **params: Any) -> Any:
            self.calls += 1
            return change(rule(*args, **params))

        return wrapped

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """The primitive with the error. What it has worked out from its rules before is put aside and brought back."""
        primitive, k = self.primitive, self.k
        before = {name: getattr(primitive, name) for name in ("vjps", "jvps", "pull", "push", "taylor", "sweeping")}
        residuals, primitive._residuals = primitive._residuals, {}
        if self.what == "rule":  # of an elementwise operation: one line for both directions
            rules = list(primitive.vjps)
            rules[k] = self.wrong(rules[k], scaled)
            primitive.vjps = primitive.jvps = tuple(rules)
        elif self.what in ("vjp", "jvp"):
            rules = list(before[self.what + "s"])
            rules[k] = self.wrong(rules[k], scaled)
            setattr(primitive, self.what + "s", tuple(rules))
        elif self.what == "push" and primitive.kind == "joint":
            primitive.push = self.wrong(primitive.push, scaled)
        elif self.what in ("pull", "push"):
            setattr(primitive, self.what, self.wrong(before[self.what], lambda parts: scaled_at(parts, k)))
        else:
            primitive.taylor = self.wrong(before["taylor"], lambda us: us if us is None else scaled_at(us, k))
        as_it_comes, broadcasts, _, *rest = before["sweeping"]
        primitive.sweeping = (as_it_comes, broadcasts, None if primitive.pull else primitive.vjps, *rest)
        swept.forget()
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(primitive, name, value)
            primitive._residuals = residuals
            swept.forget()


#: Rules that return zeros: one percent of them is nothing.
ZERO = {"copysign.rule[1]", "heaviside.rule[0]", "nextafter.rule[1]", "tanh_slope.rule[1]"}


def refuses(rule: Callable[..., Any]) -> bool:
    """Whether it is there to say that there is no derivative in this argument."""
    return rule.__qualname__.startswith("no_rule.")


def rules_of(primitive: Primitive, arity: int, results: int) -> list[Rule]:
    """All rules of a primitive, of which calls with so many arguments and results have been seen."""
    found = []
    if primitive.kind == "elementwise":
        found += [Rule(primitive, "rule", k) for k, rule in enumerate(primitive.vjps) if not refuses(rule)]
    else:
        found += [Rule(primitive, "vjp", k) for k in range(len(primitive.vjps) if primitive.pull is None else 0)]
        found += [Rule(primitive, "pull", k) for k in range(arity if primitive.pull is not None else 0)]
        found += [Rule(primitive, "jvp", k) for k in range(len(primitive.jvps))]
        found += [Rule(primitive, "push", k) for k in range(results if primitive.push is not None else 0)]
    found += [Rule(primitive, "taylor", k) for k in ORDERS if primitive.taylor is not None]
    return [rule for rule in found if str(rule) not in ZERO]


# ----- who uses what --------------------------------------------------------------------------------------------------

PROPERTIES = [
    test_cells.forward_against_references, test_cells.backward_against_references, test_cells.modes_are_adjoint,
    test_cells.second_order_of_a_scalar, test_cells.taylor_series_of_order_3,
]  # fmt: skip


def run(case: Case) -> None:
    """The properties that a wrong rule breaks; raises for the first that does not hold."""
    made = test_cells.Run(case)
    for holds in test_cells.properties(case.cell, case.dtype):
        if holds in PROPERTIES:
            holds(made)


class Uses:
    """Which cases use a primitive, and with how many arguments and results at most."""

    def __init__(self) -> None:
        self.cases: dict[Primitive, list[Case]] = {}
        self.arity: dict[Primitive, int] = {}
        self.results: dict[Primitive, int] = {}

    def see(self, chosen: Iterable[Case], look: Callable[[Case], Any] = run) -> None:
        """Run cases and note what they record."""
        seen: set[Primitive] = set()

        def watched(record: Callable[..., Any]) -> Callable[..., Any]:
            def noted(tape: Any, primitive: Any, parents: Any, args: Any, ans: Any, params: Any) -> Any:
                seen.add(primitive)
                self.arity[primitive] = max(self.arity.get(primitive, 0), len(args))
                self.results[primitive] = max(self.results.get(primitive, 0), len(ans) if type(ans) is tuple else 1)
                return record(tape, primitive, parents, args, ans, params)

            return noted

        with pytest.MonkeyPatch.context() as patch:
            for tape in {Tape, *Tape.__subclasses__()}:
                patch.setattr(tape, "record", watched(tape.record))
            for case in chosen:
                seen.clear()
                look(case)
                for primitive in seen:
                    self.cases.setdefault(primitive, []).append(case)

    def rules(self) -> list[Rule]:
        """All rules of what has been seen; the parts of several results have none of their own."""
        known = sorted((p for p in self.cases if p is not ITEM), key=lambda p: p.name)
        return [rule for p in known for rule in rules_of(p, self.arity[p], self.results[p])]


def is_found(rule: Rule, chosen: Iterable[Case]) -> bool:
    """Whether one of these cases fails when the error is in the rule."""
    with rule.planted():
        for case in chosen:
            try:
                run(case)
            except AssertionError:
                return True
    return False


# ----- the command ----------------------------------------------------------------------------------------------------


def declared() -> list[Primitive]:
    """The primitives of all modules of minigrad."""
    for module in pkgutil.walk_packages(minigrad.__path__, "minigrad."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return [p for p in gc.get_objects() if type(p) is Primitive and hasattr(p, "vjps")]


def main(names: list[str]) -> int:
    """Plant an error in every rule, or in those of the primitives named; print what was not found."""
    start = time.perf_counter()
    warnings.simplefilter("ignore")
    primitives = declared()
    uses = Uses()
    uses.see(case for cell in load() for dtype in cell.dtypes if dtype in "dD" for case in cases(cell, dtype))
    ruled = [p for p in primitives if p.kind != "constant" and (not names or p.name in names)]
    unused = sorted(p.name for p in ruled if p not in uses.cases)
    rules = [rule for rule in uses.rules() if not names or rule.primitive.name in names]
    hidden, unasked = [], []
    for rule in rules:
        if not is_found(rule, sorted(uses.cases[rule.primitive], key=lambda case: case.dtype == "D")):
            (hidden if rule.calls else unasked).append(str(rule))
    print(f"{len(rules)} errors planted in the rules of {len({r.primitive for r in rules})} primitives", end=", ")
    print(f"{len(rules) - len(hidden) - len(unasked)} found, in {time.perf_counter() - start:.0f} s")
    for title, found in [("not found", hidden), ("never asked", unasked), ("primitives without a cell", unused)]:
        if found:
            print(f"{title}: {', '.join(found)}")
    return 1 if hidden or unasked or unused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
