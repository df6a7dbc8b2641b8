"""The search for the one mistake on the way back that gives what was written by hand."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.checking.hypotheses import cuts, likely, mistakes, shifts, unlikely
from minigrad.checking.nodes import Wrong, adds, at
from minigrad.checking.patterns import close, looseness, of_factor, ratio
from minigrad.core.tape import PARTS, peel
from minigrad.rules.products import matmul

SWEEPS = 1500  #: backward sweeps with a mistake in them, at most
SECONDS = 3.0  #: and the time for them, at most
VAGUE = ("only ", "along axis ")  #: how a diagnosis begins that says where the mistake is, and not what
FEW = 2  #: numbers that some mistake explains by chance, so that it has to explain them at a second point, too


def by_sweeps(search: Search, sizes: dict[int, str]) -> None:
    """Look for the one mistake on the way back that gives what was written by hand."""
    check, wrong = search.check, search.wrong
    findings, tape = check.findings, check.record.tape
    captured = captured_arrays(check.problem.f)
    in_order = [mistakes, lambda tape: likely(tape, captured)]
    found = any(map(search.through, in_order)) or search.along_paths(sizes) or search.through(unlikely)
    if not found and not search.one_of_many():
        base = shifts(tape, search.changes_nothing)
        if base and not search.is_explained():
            any(search.through(source, base) for source in [*in_order, cuts])
        one_sample(check, [k for k in wrong if k not in search.best and findings[k].diagnosis is None])
    for k, (explained, _, what) in search.best.items():
        said = findings[k].diagnosis
        if said is None or explained > 1 or "zero" in said or said.startswith(VAGUE):
            findings[k].diagnosis = what


def captured_arrays(f: Any) -> list[tuple[str, Any]]:
    """The arrays that a function takes from outside, by name."""
    try:
        scope = inspect.getclosurevars(inspect.unwrap(f))
    except (TypeError, ValueError):
        return []
    return [(n, v) for n, v in {**scope.globals, **scope.nonlocals}.items() if isinstance(v, np.ndarray)]


class Search:
    """The mistakes that were tried on a tape, and for every wrong leaf the one that explains most."""

    def __init__(self, check: Any, wrong: list[int]) -> None:
        self.check, self.wrong = check, wrong
        self.manual: list[Any] = [f.entry.manual if f.entry.fits else None for f in check.findings]
        self.loose = [0.0 if m is None else looseness(m, False) for m in self.manual]
        self.best: dict[int, tuple[int, int, str]] = {}
        self.count, self.deadline = 0, time.perf_counter() + SECONDS
        self.flows: list[tuple[int, str, list[Any]]] = []  # what flows along every path
        self.beside: tuple[Any, list[Any]] | None = None

    def is_explained(self) -> bool:
        """Whether there is a mistake for every wrong leaf."""
        return all(k in self.best for k in self.wrong)

    def through(self, source: Callable[[Any], Iterator[Wrong]], base: dict[int, Any] | None = None) -> bool:
        """Try mistakes one after another, on top of others that change nothing; whether one explains everything."""
        for number, what, leaves in self.swept(source(self.check.record.tape), base or {}):
            if self.consider(what, leaves, functools.partial(self.holds_beside, source, number, base is not None)):
                return True
        return False

    def swept(self, source: Iterator[Wrong], base: dict[int, Any]) -> Iterator[tuple[int, str, list[Any]]]:
        """The number of every mistake, what it is, and the derivative with it."""
        for number, (what, nodes) in enumerate(source):
            if self.count >= SWEEPS or time.perf_counter() > self.deadline:
                return
            self.count += 1
            leaves = leaves_with(self.check, self.check.record, {**base, **nodes})
            if leaves is not None:
                yield number, what, leaves

    def consider(self, what: str, leaves: list[Any], holds: Callable[[], bool]) -> bool:
        """Remember what a mistake explains; whether it explains everything."""
        matches = [m is not None and close(m, np.asarray(x), eps) for m, x, eps in zip(self.manual, leaves, self.loose)]
        explained = [k for k in self.wrong if matches[k]]
        if explained and not holds():
            return False
        for k in explained:
            if k not in self.best or (len(explained), sum(matches)) > self.best[k][:2]:
                self.best[k] = (len(explained), sum(matches), what)
        return len(explained) == len(self.wrong) and all(match or m is None for match, m in zip(matches, self.manual))

    def changes_nothing(self, nodes: dict[int, Any]) -> bool:
        """Whether the derivative stays as it is."""
        leaves = leaves_with(self.check, self.check.record, nodes)
        return leaves is not None and all(
            np.allclose(x, t, rtol=1e-9, atol=1e-12) for x, t in zip(leaves, self.check.tape)
        )

    def holds_beside(self, source: Callable[[Any], Iterator[Wrong]], number: int, shifted: bool) -> bool:
        """Whether a mistake explains a gradient of few numbers at a second point, too: one number fits by chance.

        Where a second point cannot be had, nothing is said of so few numbers.
        """
        if sum(self.manual[k].size for k in self.wrong) > FEW:
            return True
        record, manual = self.second_point()
        if record is None:
            return False
        _, nodes = next(itertools.islice(source(record.tape), number, None), (None, None))
        if nodes is None:
            return False
        base = shifts(record.tape, lambda cut: True) if shifted else {}
        leaves = leaves_with(self.check, record, {**base, **nodes})
        return leaves is not None and all(
            manual[k] is not None and close(manual[k], np.asarray(leaves[k]), self.loose[k]) for k in self.wrong
        )

    def has_same_ratio(self, k: int, truth: Any) -> bool:
        """Whether a leaf is the same multiple of the truth at a second point; also where there is no such point."""
        if self.check.record is None:
            return True
        record, manual = self.second_point()
        if record is None or manual[k] is None:
            return True
        there = np.asarray(self.check.claim.by_tape(record)[k])
        a, b = ratio(self.manual[k], truth), ratio(manual[k], there) if np.any(there) else None
        return b is not None and bool(abs(a - b) <= 1e-3 * abs(a))

    def second_point(self) -> tuple[Any, list[Any]]:
        """A recording of f some way from the point, and what was written by hand there; None if f is undefined."""
        if self.beside is None:
            problem, claim = self.check.problem, self.check.claim
            leaves = problem.moved(claim.v, 0.11)
            try:
                record = problem.trace(leaves, type(self.check.record.tape)())
                manual = claim.again(leaves)
            except Exception:  # f is not defined there
                record, manual = None, None
            self.beside = (None, []) if manual is None else (record, manual)
        return self.beside

    def along_paths(self, sizes: dict[int, str]) -> bool:
        """What flows along one path, missing or by a wrong factor; or of several paths one alone."""
        check, tape_says, flows = self.check, self.check.tape, self.flows
        for number, what, leaves in self.swept(cuts(check.record.tape), {}):
            # The gradient is linear in what flows through one path: one sweep without it shows it for every factor.
            flow = [t - np.asarray(x) for t, x in zip(tape_says, leaves)]
            if any(np.any(flow[k]) for k in self.wrong):
                flows.append((number, what, flow))
        for only_missing in (True, False):  # a path that is missing is likelier than one with a factor
            for number, what, flow in flows:
                for which in [self.wrong, *([k] for k in self.wrong if len(self.wrong) > 1)]:
                    parts = [[self.manual[k] for k in which], [tape_says[k] for k in which], [flow[k] for k in which]]
                    said = path_factor(*parts)
                    if said is None or (only_missing and abs(said) > 10 * max(self.loose)):
                        continue
                    scaled = [t + (said - 1) * d for t, d in zip(tape_says, flow)]
                    holds = lambda number=number, said=said: self.factor_holds_beside(number, said)
                    if self.consider(of_path(said, what, sizes, max(self.loose)), scaled, holds):
                        return True
        if sum(self.manual[k].size for k in self.wrong) <= FEW:
            return self.is_explained()
        for _, one, flow in flows[:40]:
            if not all(close(self.manual[k], 2 * flow[k], self.loose[k]) for k in self.wrong):
                continue
            for _, other, rest in flows[:40]:
                if rest is not flow and all(close(flow[k] + rest[k], tape_says[k], 1e-9) for k in self.wrong):
                    text = f"what flows {one} counts twice, and what flows {other} not at all: a matrix was taken for "
                    return self.consider(text + "symmetric", self.instead([2 * f for f in flow]), lambda: True)
        return self.is_explained()

    def one_of_many(self) -> bool:
        """Of several paths into a leaf one alone."""
        for _, what, flow in self.flows:
            if all(self.manual[k].size > FEW and close(self.manual[k], flow[k], self.loose[k]) for k in self.wrong):
                text = f"only what flows {what} is there; the other contributions to this leaf are missing"
                return self.consider(text, self.instead(flow), lambda: True)
        return False

    def instead(self, leaves: list[Any]) -> list[Any]:
        """The derivative by the tape with these in place of the wrong leaves."""
        return [leaves[k] if k in self.wrong else t for k, t in enumerate(self.check.tape)]

    def factor_holds_beside(self, number: int, factor: float) -> bool:
        """Whether what flows along a path has the same wrong factor at a second point."""
        if sum(self.manual[k].size for k in self.wrong) > FEW and abs(factor * (factor - 2) * (factor + 1)) < 1e-6:
            return True
        record, manual = self.second_point()
        if record is None:
            return False
        _, nodes = next(itertools.islice(cuts(record.tape), number, None), (None, None))
        rest = None if nodes is None else leaves_with(self.check, record, nodes)
        if rest is None:
            return False
        truth = self.check.claim.by_tape(record)
        return all(
            manual[k] is not None and close(manual[k], np.asarray(truth[k] + (factor - 1) * (truth[k] - rest[k])), 1e-5)
            for k in self.wrong
        )


def leaves_with(check: Any, record: Any, nodes: dict[int, Any]) -> list[Any] | None:
    """The derivative by a tape some of whose nodes are replaced, `None` if it cannot be had."""
    tape, kept, captured = record.tape, record.tape.flat, record.tape.captured
    tape.flat, tape.captured = kept.copy(), {}
    for i, node in nodes.items():
        tape.flat[PARTS * i : PARTS * (i + 1)] = node
    try:
        leaves: list[Any] = check.claim.by_tape(record)
        return leaves
    except Exception:  # a mistake that does not even fit the shapes
        return None
    finally:
        tape.flat, tape.captured = kept, captured


def path_factor(manual: list[Any], truth: list[Any], flow: list[Any]) -> float | None:
    """By which factor the flow through one path would have to be wrong, `None` if that explains nothing."""
    flat = [np.concatenate([np.ravel(x) for x in leaves]) for leaves in (manual, truth, flow)]
    length = float(np.vdot(flat[2], flat[2]).real)
    if not length or not math.isfinite(length):
        return None
    factor = 1.0 + float(np.vdot(flat[2], flat[0] - flat[1]).real) / length
    if not math.isfinite(factor):
        return None
    nearest = round(factor, 9)
    if flat[0].size < 3 and nearest not in (0.0, -1.0, 2.0, 0.5):
        return None  # any number could be had by some factor
    return factor


def of_path(factor: float, what: str, sizes: dict[int, str], loose: float) -> str:
    """What a wrong factor of one path is called."""
    if abs(factor) <= 10 * loose:
        return f"a branch is detached: nothing flows {what}"
    if abs(factor - 2) <= 10 * loose:
        return f"a branch is counted twice, the one that flows {what}"
    return f"what flows {what}: {of_factor(factor, sizes, loose)}"


def one_sample(check: Any, open_leaves: list[int]) -> None:
    """A sum over samples that was left out, so that one of them stands for all."""
    if not open_leaves or check.claim.kind in ("jacobian", "jvp"):
        return
    tape, kept = check.record.tape, check.cotangents()
    for k in open_leaves:
        f = check.findings[k]
        for i in range(tape.leaves, len(tape.nodes)):
            primitive, parents, args, ans, _ = tape.nodes[i]
            if k not in parents or kept[i] is None or type(ans) is tuple:
                continue
            g, position = np.broadcast_to(np.asarray(kept[i]), np.shape(ans)), parents.index(k)
            parts = list(samples(primitive, g, [np.asarray(peel(arg)) for arg in args], position, f.entry.shape))
            rest = f.tape - sum(part for _, part in parts)
            for what, part in parts:
                if close(f.entry.manual - rest, part, looseness(f.entry.manual, False)):
                    f.diagnosis = f"the sum over samples is missing: only {what} is there, {at(tape, i)}"
                    break


def samples(
    primitive: Any, g: Any, args: list[Any], position: int, shape: tuple[int, ...]
) -> Iterator[tuple[str, Any]]:
    """What single samples contribute to the cotangent of an operand."""
    if primitive is matmul.primitive and all(x.ndim == 2 for x in args):
        for j in range(min(g.shape[1 - position], 1000)):
            if position == 0:
                yield f"number {j} of {g.shape[1]}", np.outer(g[:, j], args[1][:, j])
            else:
                yield f"number {j} of {g.shape[0]}", np.outer(args[0][j], g[j])
    elif primitive.kind == "elementwise" and g.shape != shape:
        if not adds(primitive):
            return
        local = np.broadcast_to(np.asarray(primitive.vjps[position](g, None, *args)), g.shape)
        for axis in range(g.ndim):
            for j in range(min(g.shape[axis], 1000)):
                part = np.take(local, [j], axis)
                if part.size == math.prod(shape):
                    yield f"number {j} of {g.shape[axis]}", part.reshape(shape)
