"""What a mistake in a hand-written derivative looks like.

Two ways lead to a diagnosis. The plain one compares the leaf with the truth: a constant factor, a sign, a transpose,
entries that changed places, the gradient of another leaf. The other runs the backward sweep again with one thing done
wrong, on a copy of the tape: the local derivative of one operation left out or taken at the wrong place, one path cut,
one sum taken as a mean. If the result is what was written by hand, that is the mistake, and the tape knows the line.
"""

from __future__ import annotations

import inspect
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from minigrad.checking.hypotheses import likely, shifts, unlikely
from minigrad.checking.nodes import Wrong, adds, at, changed, with_rules, without
from minigrad.checking.problem import MISSING
from minigrad.checking.records import Verdict
from minigrad.core.primitive import Primitive
from minigrad.core.tape import peel
from minigrad.rules.products import matmul

SWEEPS = 1500  #: backward sweeps with a mistake in them, at most
SECONDS = 3.0  #: and the time for them, at most
VAGUE = ("only ", "along axis ")  #: how a diagnosis begins that says where the mistake is, and not what
FEW = 2  #: numbers that some mistake explains by chance, so that it has to explain them at a second point, too


def close(a: Any, b: Any, loose: float) -> bool:
    """Whether two arrays are the same up to a part `loose` of their size."""
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(b), initial=0.0))
        return bool(math.isfinite(largest) and np.all(np.abs(a - b) <= loose * np.abs(b) + loose * 1e-3 * largest))


def looseness(manual: Any, numerical: bool) -> float:
    """How far from a pattern a gradient may be and still show it: half of its digits, fewer if f was differenced."""
    eps = float(np.finfo(manual.dtype if manual.dtype.kind in "fc" else float).eps)
    return max(math.sqrt(eps), 1e-4 if numerical else 0.0)


# ----- one leaf against the truth -------------------------------------------------------------------------------------


def of_shape(manual: Any, truth: Any, loose: float) -> str | None:
    """What is wrong with a gradient that has another shape than the parameter."""
    if manual.ndim == 2 and close(manual.T, truth, loose):
        return "it is transposed: take .T"
    if manual.size == truth.size and close(manual.reshape(truth.shape), truth, loose):
        return f"the numbers are right, in another shape: .reshape{truth.shape}"
    for axes in subsets(manual.ndim):
        count = math.prod(manual.shape[axis] for axis in axes)
        for keepdims in (True, False):
            for name, summed in (
                ("sum", manual.sum(axes, keepdims=keepdims)),
                ("mean", manual.mean(axes, keepdims=keepdims)),
            ):
                if summed.size == truth.size and close(summed.reshape(truth.shape), truth, loose):
                    along = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"
                    option = ", keepdims=True" if keepdims and truth.ndim == manual.ndim else ""
                    what = axes[0] if len(axes) == 1 else axes
                    return f"a {name} over {along} (of {count} samples) is missing: .{name}(axis={what}{option})"
    for axes in subsets(truth.ndim):
        if manual.size == truth.sum(axes).size and close(manual.reshape(truth.sum(axes).shape), truth.sum(axes), loose):
            return f"it was summed over axis {axes[0] if len(axes) == 1 else axes} too, which the parameter has"
    return None


def subsets(ndim: int) -> list[tuple[int, ...]]:
    """Every choice of one or two axes, and all of them."""
    ones = [(i,) for i in range(ndim)]
    twos = [(i, j) for i in range(ndim) for j in range(i + 1, ndim)]
    return [*ones, *twos] + ([tuple(range(ndim))] if ndim > 2 else [])


def of_numbers(
    manual: Any, truth: Any, parameter: Any, others: Sequence[tuple[str, Any]], sizes: dict[int, str], loose: float
) -> str | None:
    """What a gradient of the right shape looks like beside the true one, judged by itself; `None` for no idea."""
    if not np.all(np.isfinite(manual)):
        bad = np.argwhere(~np.isfinite(manual))
        return f"{len(bad)} of its {manual.size} entries are not finite, the first at {as_index(bad[0])}"
    if not np.any(manual):
        return "it is zero everywhere: not filled in, or the path to this leaf is detached"
    if not np.any(truth):
        return "f does not depend on this leaf: its gradient is zero"
    factor = ratio(manual, truth)
    if factor is not None and abs(factor - 1.0) <= loose and close(manual, truth, loose):
        return None  # it is as it should be, to half of its digits: no pattern
    if factor is not None and close(manual, factor * truth, loose) and (manual.size > 1 or is_telling(factor, sizes)):
        return of_factor(factor, sizes, loose)
    if manual.dtype.kind == "c" or truth.dtype.kind == "c":
        if close(np.conj(manual), truth, loose):
            return "it is conjugated: the convention is du/dx - i du/dy for a real function u of z = x + iy"
        factor = ratio(np.conj(manual), truth)
        if factor is not None and close(np.conj(manual), factor * truth, loose):
            return f"it is conjugated, and {of_factor(factor, sizes, loose)}"
    if manual.ndim == 2 and manual.shape[0] == manual.shape[1] and manual.size > 1:
        if close(manual.T, truth, loose):
            return "it is transposed: take .T"
        if close(-manual.T, truth, loose):
            return "it is transposed, and the sign is flipped"
    for path, other in others:
        if close(manual, other, loose):
            return f"it is the gradient of {path or 'another leaf'}: off by one, or exchanged"
    return of_places(manual, truth, loose) or of_difference(manual, truth, parameter, loose)


def ratio(manual: Any, truth: Any) -> Any:
    """The constant that brings the truth closest to what was written by hand, `None` if there is none."""
    scale = float(np.max(np.abs(truth), initial=0.0)) or 1.0
    t, m = truth / scale, manual / scale
    found = np.vdot(t, m) / np.vdot(t, t)
    if np.abs(found.imag) <= 1e-9 * np.abs(found):
        found = found.real
    return found if np.isfinite(found) and found != 0 else None


def is_telling(factor: Any, sizes: dict[int, str]) -> bool:
    """Whether a factor says something of a single number, of which every other number is some multiple."""
    known = [1.0, *range(2, 5), *[n for n in sizes if n > 2]]
    return any(abs(abs(factor) - value) < 1e-6 * value for n in known for value in (n, 1 / n, 1.5, 2 / 3))


def of_factor(factor: Any, sizes: dict[int, str], loose: float) -> str:
    """A constant factor in words."""
    if isinstance(factor, complex) or np.iscomplexobj(factor):
        return f"a constant factor of {complex(factor):.6g}"
    near = lambda value: abs(factor - value) <= 10 * loose * abs(value)
    if near(-1.0):
        return "the sign is flipped"
    sign = "-" if factor < 0 else ""
    for n in sorted(sizes):
        if n > 2 and near(n * math.copysign(1.0, factor)):
            return f"a constant factor of {sign}{n}, {sizes[n]}: a sum in place of a mean"
        if n > 2 and near(math.copysign(1.0, factor) / n):
            return f"a constant factor of {sign}1/{n}, {n} being {sizes[n]}: a mean in place of a sum"
    simple = Fraction(float(factor)).limit_denominator(12)
    if simple != 0 and near(float(simple)):
        return f"a constant factor of {simple}"
    return f"a constant factor of {float(factor):.6g}"


def of_places(manual: Any, truth: Any, loose: float) -> str | None:
    """The right numbers in other places, or all but a few of them right."""
    if manual.size < 2:
        return None
    for axis in range(manual.ndim):
        if manual.shape[axis] > 1 and close(np.flip(manual, axis), truth, loose):
            return f"it is reversed along axis {axis}"
        for shift in (1, -1):
            if manual.shape[axis] > 2 and close(np.roll(manual, shift, axis), truth, loose):
                return f"it is shifted by one along axis {axis}"
    limit = loose * np.abs(truth) + loose * 1e-3 * float(np.max(np.abs(truth)))
    differ = np.argwhere(np.abs(manual - truth) > limit)
    if manual.dtype.kind != "c" and close(np.sort(manual, axis=None), np.sort(truth, axis=None), loose):
        if len(differ) == 2:
            return f"the entries {as_index(differ[0])} and {as_index(differ[1])} are swapped"
        return f"the numbers are right but {len(differ)} of them are in other places (swapped or permuted)"
    if len(differ) <= max(1, manual.size // 20) and manual.size >= 3:
        if len(differ) == 1:
            return f"only entry {as_index(differ[0])} is wrong"
        return f"only {len(differ)} of {manual.size} entries are wrong, the first at {as_index(differ[0])}"
    for axis in range(manual.ndim):
        rest = tuple(i for i in range(manual.ndim) if i != axis)
        wrong = np.any(np.abs(manual - truth) > limit, axis=rest)
        rows = np.flatnonzero(wrong)
        if manual.shape[axis] > 2 and len(rows) <= manual.shape[axis] // 2:
            empty = not np.any(np.take(manual, rows, axis))
            which = f"{int(rows[0])}" if len(rows) == 1 else f"{int(rows[0])} to {int(rows[-1])}"
            return f"along axis {axis} only {which} {'is zero' if empty else 'is wrong'}, the others are right"
    return None


def of_difference(manual: Any, truth: Any, parameter: Any, loose: float) -> str | None:
    """A term that is missing, or one too many: a regulariser."""
    if parameter is None or np.shape(parameter) != manual.shape or manual.size < 2:
        return None
    difference = manual - truth
    plain = np.asarray(parameter)
    for term, name in ((plain, "the parameter"), (np.ones_like(plain), "ones"), (np.sign(plain), "its sign")):
        if not np.any(term) or (manual.size < 3 and name == "ones"):
            continue
        weight = ratio(difference, term)
        if weight is None or not close(difference, weight * term, max(loose, 1e-6)):
            continue
        value = complex(weight).real
        what = "is missing: the regulariser" if value < 0 else "is there once too often: the regulariser"
        what = "was subtracted or added: a constant shift" if name == "ones" else what
        return f"a term of {abs(value):.6g} times {name} {what}"
    return None


def as_index(index: Any) -> str:
    """An index as `[1, 2]`."""
    return str([int(i) for i in index])


# ----- the backward sweep with a mistake in it ------------------------------------------------------------------------


def mistakes(tape: Any) -> Iterator[Wrong]:
    """Mistakes that can be made on the way back over a tape, likely ones first."""
    nodes = tape.nodes
    unary = [
        i for i in range(tape.leaves, len(nodes))
        if nodes[i][0].kind == "elementwise" and len(nodes[i][1]) == 1 and not adds(nodes[i][0])
    ]  # fmt: skip
    groups: dict[Primitive, list[int]] = {}
    for i in unary:
        groups.setdefault(nodes[i][0], []).append(i)
    for primitive, members in groups.items():
        name = primitive.name
        for what, change in _ACTIVATION:
            if len(members) > 1:
                yield (
                    f"the derivative of {name} is {what}, at all {len(members)} places",
                    {i: changed(nodes[i], change) for i in members},
                )
            for i in members:
                yield f"the derivative of {name} is {what}, {at(tape, i)}", {i: changed(nodes[i], change)}
    for i in range(tape.leaves, len(nodes)):
        primitive, parents = nodes[i][:2]
        if primitive.kind == "elementwise" and len(parents) == 2 and not adds(primitive):
            what = "factor" if primitive.chooses is None else "derivative"
            for k, parent in enumerate(parents):
                if parent >= 0:
                    yield (
                        f"the {what} of {primitive.name} is missing, {at(tape, i)}",
                        {i: changed(nodes[i], _missing, k)},
                    )
        if primitive is matmul.primitive:
            yield from products(tape, i)
    yield from elsewhere(tape, unary)


def _missing(rule: Any, g: Any, ans: Any, args: Any, params: Any) -> Any:
    return g * np.ones(np.shape(ans))


_ACTIVATION: list[tuple[str, Callable[..., Any]]] = [
    ("missing", _missing),
    ("taken at its output instead of its input", lambda rule, g, ans, args, params: rule(g, ans, ans, **params)),
    ("taken at its input instead of its output", lambda rule, g, ans, args, params: rule(g, args[0], *args, **params)),
    ("applied twice", lambda rule, g, ans, args, params: rule(rule(g, ans, *args, **params), ans, *args, **params)),
    (
        "divided by instead of multiplied with",
        lambda rule, g, ans, args, params: g / rule(np.ones(np.shape(ans)), ans, *args, **params),
    ),
]


def cuts(tape: Any) -> Iterator[Wrong]:
    """Every path back over a tape, cut: nothing flows into one operand of one operation, or into any of them."""
    for i in range(tape.leaves, len(tape.nodes)):
        primitive, parents = tape.nodes[i][:2]
        moving = [k for k, parent in enumerate(parents) if parent >= 0]
        if len(moving) > 1:
            yield f"back through {primitive.name}, {at(tape, i)}", {i: without(tape.nodes[i], moving)}
        for k in moving:
            operand = f" into operand {k + 1} of" if len(parents) > 1 else ""
            yield f"back{operand or ' through'} {primitive.name}, {at(tape, i)}", {i: without(tape.nodes[i], [k])}


def products(tape: Any, i: int) -> Iterator[Wrong]:
    """A product of matrices pulled back with a factor that is not transposed, or with the value of another layer."""
    primitive, parents, args, ans, params = tape.nodes[i]
    plain = [np.asarray(peel(arg)) for arg in args]
    if any(x.ndim != 2 for x in plain):
        return
    for k, parent in enumerate(parents):
        if parent < 0:
            continue
        other = plain[1 - k]
        candidates = (
            [(f"the other factor is not transposed, {at(tape, i)}", other.T)]
            if other.shape[0] == other.shape[1]
            else []
        )
        seen = {id(args[1 - k])}
        for j, node in enumerate(tape.nodes):
            for value in (node[3], *node[2]):
                if np.shape(value) == other.shape and id(value) not in seen and type(value) is np.ndarray:
                    seen.add(id(value))
                    what = tape.labels.get(j) or (f"the result of {node[0].name}" if node[0] else "an input")
                    candidates.append(
                        (f"it is made with the wrong layer: with {what} ({at(tape, j)}), {at(tape, i)}", value)
                    )
        for what, value in candidates[:12]:
            rules = list(primitive.vjps)
            push = (lambda g, value: g @ value.T) if k == 0 else (lambda g, value: value.T @ g)
            rules[k] = lambda g, ans, *args, value=value, push=push, **params: push(g, value)
            yield what, {i: (with_rules(primitive, rules), parents, args, ans, params)}


def elsewhere(tape: Any, unary: list[int]) -> Iterator[Wrong]:
    """The derivative of an activation taken at the value of another layer."""
    for i in unary:
        primitive, parents, args, ans, _ = tape.nodes[i]
        seen: set[int] = {id(args[0])}
        for j, node in enumerate(tape.nodes[tape.leaves :], tape.leaves):
            value = node[3]
            if j in (i, parents[0]) or np.shape(value) != np.shape(ans) or id(value) in seen or type(value) is tuple:
                continue
            seen.add(id(value))
            change = lambda rule, g, ans, args, params, v=value, p=primitive: rule(g, p.fun(v, **params), v, **params)
            other = f"that of {node[0].name} ({at(tape, j)})"
            yield (
                f"the derivative of {primitive.name} is taken at the wrong value, {other}, {at(tape, i)}",
                {i: changed(tape.nodes[i], change)},
            )


# ----- all leaves -----------------------------------------------------------------------------------------------------


def sizes_of(tape: Any, leaves: Sequence[Any], args: Sequence[Any]) -> dict[int, str]:
    """The sizes that a factor of n could come from, and what they are the size of."""
    found: dict[int, str] = {}
    for k, arg in enumerate(args):
        if isinstance(arg, np.ndarray):
            for axis, n in enumerate(arg.shape):
                found.setdefault(n, f"the length of axis {axis} of argument {k}")
            found.setdefault(arg.size, f"the size of argument {k}")
    if tape is not None:
        for primitive, _parents, values, ans, _params in tape.nodes:
            name = "an input" if primitive is None else f"the result of {primitive.name}"
            for value, what in [(ans, name), *[(v, f"an operand of {primitive.name}") for v in values if primitive]]:
                if type(value) is tuple:
                    continue
                shape = np.shape(peel(value))
                for axis, n in enumerate(shape):
                    found.setdefault(n, f"the length of axis {axis} of {what}")
                found.setdefault(math.prod(shape), f"the size of {what}")
    for leaf in leaves:
        found.setdefault(int(np.size(leaf)), "the size of a leaf")
    return found


def fits(check: Any, k: int) -> bool:
    """Whether what was written for a leaf has its shape."""
    return bool(check.findings[k].entry.fits)


def diagnose(check: Any) -> None:
    """Give the wrong leaves of a check a diagnosis, where there is one."""
    wrong = [k for k, f in enumerate(check.findings) if f.verdict is Verdict.WRONG and f.entry.manual is not MISSING]
    # What agrees with the tape to rounding is not the mistake, whatever f says.
    wrong = [k for k in wrong if check.findings[k].tape is None or check.findings[k].exceeds or not fits(check, k)]
    if not wrong:
        return
    problem, findings = check.problem, check.findings
    tape = None if check.record is None else check.record.tape
    sizes = sizes_of(tape, problem.leaves, problem.args)
    for k in wrong:
        f = findings[k]
        truth = f.tape if f.tape is not None else f.numerical
        if truth is None or not np.all(np.isfinite(truth)):
            continue
        loose = looseness(f.entry.manual, f.tape is None)
        if not f.entry.fits:
            f.diagnosis = of_shape(f.entry.manual, truth, loose)
            continue
        parameter = problem.leaves[k] if check.claim.kind not in ("jacobian", "jvp") else None
        others = [
            (findings[j].entry.path, findings[j].tape)
            for j in range(len(findings))
            if j != k and findings[j].tape is not None and np.shape(findings[j].tape) == f.entry.manual.shape
            and not close(findings[j].tape, truth, loose)
        ]  # fmt: skip
        if f.entry.given.kind in "iub" and np.array_equal(f.entry.manual, np.trunc(truth)):
            f.diagnosis = f"it was cut to integers (dtype {f.entry.given}): make the array float"
            continue
        f.diagnosis = of_numbers(f.entry.manual, truth, parameter, others, sizes, loose)
    if tape is None:
        return
    open_leaves = [k for k in wrong if findings[k].entry.fits]
    diagnoses = {findings[k].diagnosis for k in open_leaves}
    vague = any(d is None or "zero" in d or d.startswith(VAGUE) for d in diagnoses)
    if open_leaves and (vague or len(diagnoses) > 1):
        by_sweeps(check, open_leaves, sizes)


def by_sweeps(check: Any, wrong: list[int], sizes: dict[int, str]) -> None:
    """Look for the one mistake on the way back that gives what was written by hand."""
    findings, tape = check.findings, check.record.tape
    search = Search(check, wrong)
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
        self.manual = [f.entry.manual if f.entry.fits else None for f in check.findings]
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
            if self.consider(what, leaves, lambda number=number: self.holds_beside(source, number, base is not None)):
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
        for (_, one, flow), (_, other, rest) in itertools.permutations(flows[:40], 2):
            if all(close(self.manual[k], 2 * flow[k], self.loose[k]) for k in self.wrong):
                if all(close(flow[k] + rest[k], tape_says[k], 1e-9) for k in self.wrong):
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
    tape, kept, captured = record.tape, record.tape.nodes, record.tape.captured
    tape.nodes, tape.captured = list(kept), {}
    for i, node in nodes.items():
        tape.nodes[i] = node
    try:
        leaves: list[Any] = check.claim.by_tape(record)
        return leaves
    except Exception:  # a mistake that does not even fit the shapes
        return None
    finally:
        tape.nodes, tape.captured = kept, captured


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
