"""A run: programs by the hundred from one seed after another, what they were held to, and what was found, shrunken."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky

from benchmarks.fuzz import comparisons as of_programs
from benchmarks.fuzz import programs, series
from benchmarks.fuzz.comparisons import Comparison, Fault
from benchmarks.fuzz.programs import Program
from benchmarks.fuzz.series import Series

CHUNK = 100  # programs from one seed
KINDS = (*programs.KINDS, "series")  # every fourth seed is one of functions of one variable
COMPARISONS = (*of_programs.COMPARISONS, *series.COMPARISONS)


@dataclass
class Found:
    """A fault in the smallest program that shows it, and the seed that leads there."""

    fault: Fault
    seed: int

    def is_met_by(self, other: Fault) -> bool:
        """Whether the other one is likely the same: the same line fails, or the same operations in the same group."""
        if ": in " in other.message.replace("\nin ", ": in ") and "\nin " in self.fault.message:
            return other.message.rpartition("\nin ")[2] == self.fault.message.rpartition("\nin ")[2]
        mine, others = self.fault, other
        same_group = mine.comparison.group == others.comparison.group
        return same_group and mine.program.templates <= others.program.templates


@dataclass
class Run:
    """What a run did."""

    seed: int
    programs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    seconds: float = 0.0

    def is_known(self, fault: Fault) -> bool:
        return any(found.is_met_by(fault) for found in self.found)


def run(
    number: int | None,
    seed: int,
    minutes: float | None = None,
    *,
    comparisons: Sequence[Comparison] = COMPARISONS,
    kinds: Sequence[str] = KINDS,
    step: Callable[[Run], None] = lambda _: None,
    report: Callable[[Found], None] = lambda _: None,
    most_faults: int | None = None,
    shrinks: bool = True,
) -> Run:
    """Draw programs and hold them to comparisons, until there were `number` of them or `minutes` are over.

    Args:
        number: how many programs; None for no limit.
        seed: of the first hundred; the next hundred has the next seed, so that a fault is found again by its own.
        minutes: when to stop, or None.
        comparisons, kinds: what the programs are held to, and which there are.
        step: is called after each program, report with each fault.
        most_faults: stop after so many.
        shrinks: whether to look for the smallest program that shows a fault.

    Returns:
        The counts and the faults. A fault that is met again is counted, not reported again.
    """
    state, start = Run(seed), time.perf_counter()
    chunk = 0
    while number is None or state.programs < number:
        if minutes is not None and time.perf_counter() - start > 60.0 * minutes:
            break
        size = CHUNK if number is None else min(CHUNK, number - state.programs)
        one_chunk(state, seed + chunk, size, comparisons, kinds, step, report, shrinks)
        chunk += 1
        if most_faults is not None and len(state.found) >= most_faults:
            break
    state.seconds = time.perf_counter() - start
    return state


def one_chunk(
    state: Run,
    seed: int,
    size: int,
    comparisons: Sequence[Comparison],
    kinds: Sequence[str],
    step: Callable[[Run], None],
    report: Callable[[Found], None],
    shrinks: bool = True,
) -> None:
    """The programs of one seed. A fault ends the search, is shrunken, and the search goes on with another seed."""
    shrinking, latest = False, None
    others = [kind for kind in kinds if kind != "series"]
    of_series = "series" in kinds and (not others or seed % 4 == 3)

    @seeded(seed)
    @settings(
        max_examples=size, database=None, deadline=None, derandomize=False, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink][: 2 if shrinks else 1],
    )  # fmt: skip
    @given(series.functions() if of_series else programs.programs(others))
    def attack(program: Program | Series) -> None:
        nonlocal shrinking, latest
        counts: Counter[str] = Counter()
        if not shrinking:
            state.programs += 1
            counts = state.counts
            step(state)
        chance = random.Random(program.text)  # the same program is held to the same comparisons, also when it shrinks
        module = series if isinstance(program, Series) else of_programs
        chosen = [
            c
            for c in comparisons
            if c in module.COMPARISONS and (c.often == 1.0 or shrinking or chance.random() < c.often)
        ]
        try:
            module.compare(program, chosen, counts, state.is_known)  # type: ignore[arg-type]
        except Fault as fault:
            shrinking, latest = True, fault
            raise

    try:
        attack()
    except (Fault, Flaky) as error:  # flaky: it does not fail each time, which is worth a look, too
        fault = error if isinstance(error, Fault) else latest
        assert fault is not None
        found = Found(fault, seed)
        report(found)
        state.found.append(found)
