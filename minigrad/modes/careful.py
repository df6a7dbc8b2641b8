"""First derivatives where a sweep has lost digits: near a pole, where its terms cancel, they are found by Taylor mode.

The sweeps notice it (see `trouble`): in log1p(x) / x at 1e-15 numerator and denominator each contribute 1e15 to a
derivative of -0.5, and nothing is left of that. Taylor mode divides both series by what vanishes, or says that it
cannot. What moves along one direction is a series in one variable, whatever the program; so a pushforward takes one
pass, and a pullback one for each entry of the arguments that has lost digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.core.tape import Tape, peel
from minigrad.modes.cotangents import gathered
from minigrad.modes.recording import AGAIN
from minigrad.modes.sweeps import backward
from minigrad.modes.taylor.push import CANCELLED, Findings, need_numbers, push_with_findings
from minigrad.modes.taylor.rounding import rounded
from minigrad.modes.trouble import LOST, least_told
from minigrad.rules import moving
from minigrad.rules.elementwise import where
from minigrad.rules.expansion import expanded, real_part

MOST = 16  #: entries up to which all are found again; of more, those that rounding errors are seen to move
MOST_MOVED = 64  #: and so many of these; of more the user is told


def pushed(tape: Tape, leaves: Sequence[Any], tangents: Sequence[Any], outputs: Sequence[int]) -> list[Any]:
    """The tangents of these nodes, as from `forward`, by series."""
    need_numbers([*leaves, *tangents])
    found, findings = _along(tape, leaves, tangents, outputs)
    if findings is not None:
        findings.tell(tape)
    return found


def pulled(tape: Tape, leaves: Sequence[Any], seeds: Sequence[tuple[int, Any]], cotangents: Sequence[Any]) -> list[Any]:
    """The cotangents of the leaves, as from `backward`, by series where those have lost digits."""
    need_numbers([*leaves, *[seed for _, seed in seeds]])
    full = [_in_full(ct, leaf) for ct, leaf in zip(cotangents, leaves)]
    entries = [(k, place) for k, leaf in enumerate(leaves) for place in range(int(np.prod(leaf.shape)))]
    if len(entries) > MOST:
        entries = _moved(tape, seeds, [peel(ct) for ct in full])
    if len(entries) > MOST_MOVED:
        if not any(_is_lost(tape, leaves, seeds, entry, full) for entry in entries[:: len(entries) // 3]):
            return full
        findings = Findings()
        index, _ = seeds[0]
        findings.found.append((index, tape.nodes[index][0], tape.nodes[index][3], CANCELLED))
        findings.tell(tape)
        return full
    told: Findings | None = None
    again: dict[int, dict[int, Any]] = {}
    for k, place in entries:
        again.setdefault(k, {})[place], findings_here = _entry(tape, leaves, seeds, k, place)
        told = told or findings_here
    if told is not None:
        told.tell(tape)
    return [_replaced(ct, again[k]) if k in again else ct for k, ct in enumerate(full)]


def _along(
    tape: Tape, leaves: Sequence[Any], tangents: Sequence[Any], outputs: Sequence[int]
) -> tuple[list[Any], Findings | None]:
    """The derivatives of these nodes along a direction; `None` for zero."""
    inputs: list[Any] = [
        [leaf] if t is None else [leaf, t if type(t) is float else expanded(t, leaf)]
        for leaf, t in zip(leaves, tangents)
    ]
    found, findings = push_with_findings(tape, inputs, list(outputs), 1)
    return [series[1] if len(series) > 1 else None for series in found], findings


def _entry(
    tape: Tape, leaves: Sequence[Any], seeds: Sequence[tuple[int, Any]], k: int, place: int
) -> tuple[Any, Findings | None]:
    """One entry of the cotangent of a leaf; of a complex one ∂/∂x - i ∂/∂y."""
    leaf = leaves[k]
    total, findings = _by_unit(tape, leaves, seeds, k, place, 1.0)
    if peel(leaf).dtype.kind == "c":
        other, more = _by_unit(tape, leaves, seeds, k, place, 1j)
        return total - 1j * other, findings or more
    return total, findings


def _by_unit(
    tape: Tape, leaves: Sequence[Any], seeds: Sequence[tuple[int, Any]], k: int, place: int, unit: Any
) -> tuple[Any, Findings | None]:
    plain = peel(leaves[k])
    direction = np.zeros(plain.shape, plain.dtype)
    direction.reshape(-1)[place] = unit
    tangents: list[Any] = [None] * len(leaves)
    tangents[k] = direction[()]
    slopes, findings = _along(tape, leaves, tangents, [index for index, _ in seeds])
    total: Any = 0.0
    for (index, seed), slope in zip(seeds, slopes):
        if slope is not None:
            ans = tape.nodes[index][3]
            total = total + real_part((expanded(seed, ans) * expanded(slope, ans)).sum())
    return total, findings


def _moved(tape: Tape, seeds: Sequence[tuple[int, Any]], full: list[Any]) -> list[tuple[int, int]]:
    """The entries of the cotangents that rounding errors move by more than a hundred-thousandth."""
    moved = [np.zeros(np.shape(ct), bool) for ct in full]
    draw = np.random.default_rng(0)
    plain = [(index, peel(seed)) for index, seed in seeds]
    size = sum([float(np.sum(np.abs(expanded(seed, peel(ans)) * peel(ans)))) for (_, seed), ans in _ends(tape, plain)])
    for _ in range(3):  # the errors of one draw may cancel
        again = rounded(tape, draw, 8.0)  # smaller ones may be rounded to the same
        with np.errstate(all="ignore"):
            others = backward(again, plain)
            for mask, ct, other, node in zip(moved, full, others, again.nodes):
                off = np.abs(ct - _in_full(other, node[3]))
                mask |= off > least_told(off.dtype) * (np.abs(ct) + 1e-3 * size)
    return [(k, int(place)) for k, mask in enumerate(moved) for place in np.flatnonzero(mask)]


def _is_lost(
    tape: Tape, leaves: Sequence[Any], seeds: Sequence[tuple[int, Any]], entry: tuple[int, int], full: list[Any]
) -> bool:
    """Whether an entry is another one, or not to be found, by series."""
    k, place = entry
    total, findings = _entry(tape, leaves, seeds, k, place)
    before = np.ravel(peel(full[k]))[place]
    return findings is not None or bool(abs(peel(total) - before) > LOST * abs(before))


def _ends(tape: Tape, seeds: Sequence[tuple[int, Any]]) -> list[Any]:
    return [((index, seed), tape.nodes[index][3]) for index, seed in seeds]


def _in_full(ct: Any, leaf: Any) -> Any:
    """A cotangent in the shape of its leaf, zeros for `None`."""
    if ct is None:
        return np.zeros_like(peel(leaf))
    return expanded(gathered(ct, leaf) if type(ct) is list else ct, leaf)


def _replaced(ct: Any, entries: dict[int, Any]) -> Any:
    """A cotangent with other entries."""
    if not ct.shape:
        return entries[0]
    mask = np.zeros(ct.shape, bool)
    mask.reshape(-1)[list(entries)] = True
    parts = [entries.get(place, 0.0) for place in range(mask.size)]
    return where(mask, moving.stack(*parts, axis=0).reshape(ct.shape), ct)


AGAIN.update(pull=pulled, push=pushed)
