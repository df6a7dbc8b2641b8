"""What the explorer shows of a program: one recording, and every sweep over it, as numbers.

Nothing here knows of pages. `measured` runs the function once on a `WatchedTape` and passes over the tape: backward
with every contribution, forward in several directions, and Taylor series along several lines.
"""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.lines import is_ours, located
from minigrad.core.tape import NUMBERS, peel
from minigrad.core.tree import flatten
from minigrad.modes.causes import Cause, bad_entries
from minigrad.modes.contributions import contributions, local_derivative
from minigrad.modes.finite import explained, is_origin
from minigrad.modes.sweeps import backward, forward
from minigrad.modes.taylor.push import push_with_trouble
from minigrad.rules.expansion import expanded
from minigrad.show.cost import operations
from minigrad.show.memory import Kept, kept
from minigrad.show.tape import record_on
from minigrad.show.watched import WatchedTape

SPEEDS = 12  #: so many directions at most are pushed forward apart from each other
LINES = 6  #: so many at most of them have a Taylor series of their own
LONG = 2000  #: entries from which on series are short, and along all inputs together only
TROUBLES = 100  #: so many entries at most are explained that made a NaN or an infinity
CLOSE = 1e-6  #: the relative difference up to which a delta by hand agrees with the cotangent


@dataclasses.dataclass(frozen=True)
class Edge:
    """What one rule sent to one argument in the backward sweep."""

    node: int
    argument: int  #: the position of the argument
    parent: int
    contribution: Any
    local: Any  #: ∂node/∂argument: entry by entry, or a matrix; None if it is too large


@dataclasses.dataclass(frozen=True)
class Direction:
    """A direction in which inputs move, or a line along which they do."""

    name: str
    tangents: tuple[Any, ...]  #: one for each input


@dataclasses.dataclass(frozen=True)
class Delta:
    """A cotangent by hand beside that of the tape."""

    node: int
    label: str
    value: Any  #: as it was given
    difference: float  #: relative to the cotangent, in the Euclidean norm; infinite if the shapes differ
    first: bool  #: whether it is the first one in the backward sweep that does not agree

    @property
    def agrees(self) -> bool:
        """Whether it is the cotangent, up to rounding."""
        return self.difference <= CLOSE


@dataclasses.dataclass(frozen=True)
class Failure:
    """An exception of the function."""

    message: str
    spot: int  #: the number of the expression that raised it, -1 if it is not in the user's program


@dataclasses.dataclass(frozen=True)
class Measured:
    """All that is shown of one program."""

    tape: WatchedTape
    outputs: tuple[int, ...]  #: where the backward sweep starts
    cotangents: tuple[Any, ...]
    edges: tuple[Edge, ...]
    seconds_back: tuple[float, ...]  #: of the rules of each node
    difference: float  #: the largest relative difference between a cotangent and the sum of its contributions
    memory: tuple[Kept, ...]
    flops: tuple[int | None, ...]
    directions: tuple[Direction, ...]
    tangents: tuple[tuple[Any, ...], ...]  #: of all nodes, for each direction
    lines: tuple[Direction, ...]
    order: int
    series: tuple[tuple[tuple[Any, ...], ...], ...]  #: the coefficients 1 to `order` of all nodes, for each line
    deltas: tuple[Delta, ...]
    troubles: dict[int, Cause]  #: entries that made a NaN or an infinity of finite operands: why, and what to do
    failure: Failure | None
    notes: tuple[str, ...]


def measured(
    fun: Callable[..., Any],
    args: Sequence[Any],
    *,
    direction: Any = None,
    order: int = 6,
    deltas: Any = None,
    max_entries: int = 20_000,
) -> Measured:
    """Run a function once, and all passes over its tape. The arguments are those of `minigrad.explore`."""
    tape = WatchedTape()
    failure, outputs, notes = _recorded(tape, fun, args)
    if len(tape.nodes) > max_entries:
        raise ValueError(
            located(
                f"explore: the tape has {len(tape.nodes):,} entries, and a page of so many is large. Explore a smaller "
                f"case (fewer steps, fewer samples), or ask for it: max_entries={len(tape.nodes)}"
            )
        )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        cotangents, edges, seconds, difference = _backward(tape, outputs, notes)
        directions = _directions(tape, args, direction)
        tangents = _forward(tape, directions, notes)
        given = [d for d in directions if d.name == GIVEN]
        moving = tape.labels[0] if tape.leaves == 1 else "all inputs"
        lines = [Direction(f"{moving}, with speed 1", _ones(tape)), *given]
        n = len(tape.nodes)
        if 1 < len(directions) - len(given) <= LINES and n <= LONG:
            lines += [d for d in directions if d.name != GIVEN]
        order = order if n <= LONG else min(order, 3)
        series = _series(tape, lines, order, notes)
    by_hand = _deltas(tape, cotangents, deltas, args, failure is not None)
    return Measured(
        tape, tuple(outputs), tuple(cotangents), tuple(edges), tuple(seconds), difference, tuple(kept(tape, outputs)),
        tuple(map(operations, tape.nodes)), tuple(directions) if tangents else (), tangents,
        tuple(lines) if series else (), order, series, by_hand, _troubles(tape), failure, tuple(notes),
    )  # fmt: skip


def _troubles(tape: WatchedTape) -> dict[int, Cause]:
    """Why entries are the first that are not finite, for the first of them."""
    found: dict[int, Cause] = {}
    with np.errstate(all="ignore"):
        for index in range(tape.leaves, len(tape.nodes)):
            primitive, _, args, ans, _ = tape.nodes[index]
            if len(found) < TROUBLES and bad_entries(ans) is not None and is_origin(args, ans):
                found[index] = explained(primitive.name, args, ans)[1]
    return found


def _recorded(
    tape: WatchedTape, fun: Callable[..., Any], args: Sequence[Any]
) -> tuple[Failure | None, list[int], list[str]]:
    """Run the function; where the backward sweep starts, and what there is to say about that."""
    error = record_on(tape, "explore", fun, args, {})
    if error is not None:
        failure = Failure(f"{type(error).__name__}: {error}", _where_raised(tape, error))
        outputs = [len(tape.nodes) - 1] if len(tape.nodes) > tape.leaves else []
        notes = ["The function raised an exception. The backward sweep starts at the last entry before it."]
        return failure, outputs, notes if outputs else ["The function raised an exception before any operation."]
    outputs = list(dict.fromkeys([index for index in tape.output if index >= 0]))
    if not outputs:
        return None, outputs, ["The result does not depend on the inputs: there is nothing to pull back."]
    sizes = [math.prod(np.shape(peel(tape.nodes[index][3]))) for index in outputs]
    if len(outputs) > 1:
        return None, outputs, [f"There are {len(outputs)} results. The backward sweep is that of their sum."]
    if sizes[0] != 1:
        return None, outputs, ["The result is an array. The backward sweep is that of the sum of its entries."]
    return None, outputs, []


def _where_raised(tape: WatchedTape, error: BaseException) -> int:
    """The expression of the user's program that an exception came from."""
    spot, trace = -1, error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not is_ours(code.co_filename):
            spot = tape.spot_of(code, trace.tb_lasti, trace.tb_lineno, spot)
        trace = trace.tb_next
    return spot


def _backward(
    tape: WatchedTape, outputs: list[int], notes: list[str]
) -> tuple[list[Any], list[Edge], list[float], float]:
    edges: list[Edge] = []
    seconds = [0.0] * len(tape.nodes)

    def receive(i: int, k: int, parent: int, ct: Any, took: float) -> None:
        primitive, _, args, ans, params = tape.nodes[i]
        seconds[i] += took
        try:
            local = local_derivative(primitive, k, args, ans, params)
        except Exception:  # a rule that does not take what is not needed of it
            local = None
        if type(args[k]) is tuple:  # one of several results: its cotangent goes to that place
            ct = [ct.g if j == ct.index else None for j in range(len(args[k]))]
        edges.append(Edge(i, k, parent, ct, local))

    try:
        cotangents = contributions(tape, [(i, 1.0) for i in outputs], receive, time.perf_counter)
        swept: list[Any] = []
        backward(tape, [(i, 1.0) for i in outputs], keep=swept)
    except Exception as error:
        notes.append(f"The backward sweep failed: {_in_words(error)}")
        return [None] * len(tape.nodes), [], seconds, 0.0
    return cotangents, edges, seconds, _largest_difference(edges, swept, outputs)


def _largest_difference(edges: list[Edge], cotangents: list[Any], outputs: list[int]) -> float:
    """How far a cotangent of the sweep is from the sum of what came in, relative to the largest entry."""
    sums: dict[int, Any] = {}
    for edge in edges:
        if type(edge.contribution) is not list:
            so_far = sums.get(edge.parent)
            sums[edge.parent] = edge.contribution if so_far is None else so_far + edge.contribution
    worst = 0.0
    for index, total in sums.items():
        if index not in outputs and np.size(peel(total)):
            truth = peel(expanded(cotangents[index], total))
            off = float(np.max(np.abs(peel(total) - truth)))
            size = float(np.max(np.abs(truth)))
            worst = max(worst, off / size) if math.isfinite(off) and size else worst
    return worst


# ----- forward --------------------------------------------------------------------------------------------------------

GIVEN = "the given direction"


def _ones(tape: WatchedTape) -> tuple[Any, ...]:
    return tuple(map(_one, tape.leaf_values()))


def _one(value: Any) -> Any:
    return np.ones_like(peel(value))[()]


def _directions(tape: WatchedTape, args: Sequence[Any], direction: Any) -> list[Direction]:
    """The directions that are pushed one by one: of few numbers each of them, else of each input; and the given one."""
    leaves = tape.leaf_values()
    found = [] if direction is None else [Direction(GIVEN, _fitted(leaves, args, direction))]
    only = lambda index, tangent: tuple([tangent if k == index else None for k in range(len(leaves))])
    if sum(np.size(peel(leaf)) for leaf in leaves) <= SPEEDS and len(tape.nodes) <= LONG:
        for k, leaf in enumerate(leaves):
            plain = peel(leaf)
            for place in np.ndindex(np.shape(plain)):
                unit = np.zeros_like(plain)
                unit[place] = 1
                where = f"[{', '.join(map(str, place))}]" if place else ""
                found.append(Direction(f"{tape.labels[k]}{where}", only(k, unit[()])))
        return found
    each = len(leaves) if len(leaves) <= SPEEDS else SPEEDS - 1
    found += [Direction(tape.labels[k], only(k, _one(leaf))) for k, leaf in enumerate(leaves[:each])]
    if each < len(leaves):
        others = tuple([None if k < each else _one(leaf) for k, leaf in enumerate(leaves)])
        found.append(Direction(f"the other {len(leaves) - each} inputs", others))
    return found


def _fitted(leaves: list[Any], args: Sequence[Any], direction: Any) -> tuple[Any, ...]:
    """A direction in the structure of the arguments, as one tangent for each input."""
    given, structure = flatten(tuple(args))
    direction = direction if isinstance(direction, tuple) and len(direction) == len(args) else (direction,)
    tangents = structure.leaves_of(tuple(direction))
    if tangents is None:
        raise ValueError(located(f"explore: the direction is a tuple with a tangent for each of {len(args)} arguments"))
    moving = [t for t, leaf in zip(tangents, given) if _is_float(leaf)]
    if len(moving) != len(leaves):
        raise ValueError(located(f"explore: the direction has {len(moving)} tangents for {len(leaves)} inputs"))
    for t, leaf in zip(moving, leaves):
        if t is not None and np.shape(peel(t)) != np.shape(peel(leaf)):
            raise ValueError(
                located(f"explore: a tangent of shape {np.shape(peel(t))} for an input of shape {np.shape(peel(leaf))}")
            )
    return tuple([None if t is None else np.asarray(peel(t)).astype(peel(leaf).dtype)[()]
                  for t, leaf in zip(moving, leaves)])  # fmt: skip


def _is_float(leaf: Any) -> bool:
    return type(leaf) in NUMBERS[:2] or getattr(getattr(leaf, "dtype", None), "kind", "") in ("f", "c", "i", "u")


def _forward(tape: WatchedTape, directions: list[Direction], notes: list[str]) -> tuple[tuple[Any, ...], ...]:
    try:
        return tuple([tuple(_in_full(tape, forward(tape, d.tangents, range(len(tape.nodes))))) for d in directions])
    except Exception as error:
        notes.append(f"Tangents could not be pushed: {_in_words(error)}")
        return ()


def _in_full(tape: WatchedTape, tangents: list[Any]) -> list[Any]:
    """Tangents in the shapes of their nodes."""
    return [t if t is None or type(t) is list else expanded(t, node[3]) for t, node in zip(tangents, tape.nodes)]


def _series(
    tape: WatchedTape, lines: list[Direction], order: int, notes: list[str]
) -> tuple[tuple[tuple[Any, ...], ...], ...]:
    if order < 1:
        return ()
    found = []
    try:
        for line in lines:
            inputs = [
                [node[3], tangent if tangent is not None else np.zeros_like(peel(node[3]))[()]]
                for node, tangent in zip(tape.nodes, line.tangents)
            ]
            rows = push_with_trouble(tape, inputs, list(range(len(tape.nodes))), order)
            found.append(tuple([_coefficients(row, node[3], order) for row, node in zip(rows, tape.nodes)]))
    except Exception as error:
        notes.append(f"Taylor series could not be pushed: {_in_words(error)}")
        return ()
    return tuple(found)


def _coefficients(row: Any, ans: Any, order: int) -> tuple[Any, ...]:
    """The coefficients 1 to `order`, in the shape of the node; of several results lists of them."""

    def full(coefficient: Any) -> Any:
        if type(ans) is not tuple:
            return expanded(coefficient, ans)
        return [expanded(c, like) for c, like in zip(coefficient, ans)] if type(coefficient) is tuple else None

    return tuple([full(row[k]) if k < len(row) else None for k in range(1, order + 1)])


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


# ----- deltas by hand -------------------------------------------------------------------------------------------------


def _deltas(
    tape: WatchedTape, cotangents: list[Any], deltas: Any, args: Sequence[Any], failed: bool
) -> tuple[Delta, ...]:
    """Hand-written cotangents beside those of the tape, in the order of the backward sweep."""
    if deltas is None:
        return ()
    given = deltas(*args) if callable(deltas) else dict(deltas)
    places = {label: index for index, label in tape.names.items()} | {
        label: index for index, label in tape.labels.items()
    }
    places |= {f"%{index}": index for index in range(len(tape.nodes))}
    unknown = [label for label in given if label not in places]
    if failed:  # it did not come so far
        given = {label: delta for label, delta in given.items() if label in places}
    elif unknown:
        names = sorted(repr(label) for label in places if label[:1] != "%")
        known = ", ".join(names) or "none: write minigrad.name(x, 'x2') in the function"
        raise ValueError(located(f"explore: deltas has {unknown[0]!r}, which names no entry; the names are: {known}"))
    found: list[Delta] = []
    for label in sorted(given, key=lambda label: -places[label]):
        index = places[label]
        value = given[label](*args) if callable(given[label]) else given[label]
        like = peel(tape.nodes[index][3])
        truth = np.zeros_like(like) if cotangents[index] is None else np.asarray(peel(cotangents[index]))
        plain = np.asarray(peel(value))
        off = math.inf
        if plain.shape == truth.shape:
            size = float(np.linalg.norm(truth.ravel()))
            off = float(np.linalg.norm((plain - truth).ravel()))
            off = off / size if size else off
            off = off if off == off else math.inf
        found.append(Delta(index, label, plain, off, off > CLOSE and all(d.agrees for d in found)))
    return tuple(found)
