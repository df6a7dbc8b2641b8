"""A recorded program with rounding errors of our own: what they change has no digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core.tape import NUMBERS, PARTS, Tape, peel
from minigrad.rules import elementwise as e

LOG1P = e.log1p.primitive


def rounded(tape: Tape, draw: Any, most: float = 2.0) -> Tape:
    """The same program with a rounding error in the result of every operation, the same in what is done twice.

    `most` is the largest one, in units of the last place.
    """
    again = Tape()
    done: dict[Any, Any] = {}
    again.flat, again.leaves = tape.flat[: PARTS * tape.leaves], tape.leaves
    for primitive, parents, args, _ans, params in tape.nodes[tape.leaves :]:
        args = tuple([again.node(p).ans if p >= 0 else arg for p, arg in zip(parents, args)])
        key = same_work(primitive, parents, args, params) or len(done)
        if key not in done:
            ans = primitive.fun(*args, **params)
            size: Any = most
            if primitive is LOG1P and ans.dtype.kind == "c":  # NumPy adds the one, and the sum is what it rounds
                size = most / np.where(ans == 0, 1.0, np.minimum(np.abs(ans), 1.0))
            done[key] = with_error(ans, draw, size)
        again.record(primitive, parents, args, done[key], params)
    return again


def same_work(primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], params: Any) -> Any:
    """What operations of one tape share that do the same; None where that is not looked for."""
    numbers = tuple([arg if p < 0 else None for p, arg in zip(parents, args)])
    plain = not params and all(n is None or type(n) in NUMBERS for n in numbers)
    return (primitive, parents, numbers) if plain else None


def with_error(value: Any, draw: Any, most: Any) -> Any:
    """A value with a rounding error in every entry, of at most so many units in the last place and at least half."""
    if type(value) is tuple or getattr(value, "dtype", np.dtype(int)).kind not in "fc":
        return value
    error = draw.uniform(-0.5, 0.5, np.shape(value))
    error = np.finfo(value.dtype).eps * most * (error + np.copysign(0.5, error))
    if value.dtype.kind == "c":  # each part has errors of the size of both
        error = error * np.exp(2j * np.pi * draw.uniform(size=np.shape(value)))
    return (value * (1.0 + error)).astype(value.dtype)


def without_boxes(tape: Tape) -> Tape:
    """The same program on plain values."""
    plain = Tape()
    plain.leaves = tape.leaves
    for primitive, parents, args, ans, params in tape.nodes:
        plain.record(primitive, parents, tuple(map(peel, args)), peel(ans), params)
    return plain
