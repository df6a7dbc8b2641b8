"""Repeated lines of a kernel as loops: what does the same a thousand times compiles like what does it once.

A loop of Python that works on arrays leaves a program of many equal steps, and its gradient two or three of them. The
body of the kernel then repeats a few lines again and again, except that each time they read and write other values. If
values are numbered in the order in which they are made, the numbers grow (or shrink) by the same amount from one turn
to the next: y[k + 1] = y[k] * x. So the values of the body become rows of an array, and the lines the body of a loop.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LONGEST = 16  #: lines in one turn
FEWEST = 4  #: turns of a loop
WIDTH = 64  #: entries that are computed together, so that all values of a long body stay in the cache
VALUE = re.compile(r"\bv\d+\b")
ASSIGNED = re.compile(r"(v\d+) = ")


class Line(NamedTuple):
    """A line: its text with a hole for each value, where the values stand in the first turn, and how far they move."""

    text: str
    first: tuple[int, ...]
    growth: tuple[int, ...]

    def written(self, column: str) -> str:
        """The line as text, within a loop whose turns are counted by t."""
        places = [
            f"{a} + {b} * t" if b > 0 else f"{a} - {-b} * t" if b else str(a) for a, b in zip(self.first, self.growth)
        ]
        return self.text.format(*[f"w[{place}, {column}]" for place in places])


class Block(NamedTuple):
    """Lines that are repeated a number of times."""

    turns: int
    lines: list[Line]


def blocks_of(body: Sequence[str], outside: Sequence[str] = ()) -> tuple[list[Block], int]:
    """The body as loops, and how many values it has; no loops if it cannot be written so.

    Args:
        body: lines such as `v2 = v1 * x0[i0]`, each value assigned once.
        outside: lines before the body, whose values it must not assign: such a value is added up over the body.

    >>> blocks, values = blocks_of([f"v{k + 1} = v{k} * x" for k in range(1, 9)] + ["a[i0] = v9"])
    >>> [(block.turns, [line.written("i0") for line in block.lines]) for block in blocks]
    [(1, ['w[0, i0] = v1 * x']), (7, ['w[1 + 1 * t, i0] = w[0 + 1 * t, i0] * x']), (1, ['a[i0] = w[7, i0]'])]
    """
    made: dict[str, int] = {}
    taken = {name for line in outside for name in ASSIGNED.findall(line)}
    for line in body:
        if "{" in line:
            return [], 0
        if found := ASSIGNED.match(line):
            if found[1] in made or found[1] in taken:
                return [], 0
            made[found[1]] = len(made)
    lines = []
    for line in body:
        names = [name for name in VALUE.findall(line) if name in made]
        text = VALUE.sub(lambda found: "{}" if found[0] in made else found[0], line)
        lines.append((text, tuple([made[name] for name in names])))
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        turns, period = max(
            [(turns_of(lines, at, period), period) for period in range(1, LONGEST + 1)],
            key=lambda found: (found[0] * found[1] if found[0] >= FEWEST else 0, -found[1]),
        )
        if turns < FEWEST:
            turns, period = 1, 1
        once = lines[at : at + period]
        after = lines[at + period : at + 2 * period] if turns > 1 else once
        growths = [tuple([b - a for a, b in zip(places, later)]) for (_, places), (_, later) in zip(once, after)]
        blocks.append(Block(turns, [Line(*line, growth) for line, growth in zip(once, growths)]))
        at += turns * period
    return blocks, len(made)


def turns_of(lines: Sequence[tuple[str, tuple[int, ...]]], at: int, period: int) -> int:
    """How many times the lines from here on are repeated, this time included."""
    growth: list[tuple[int, ...]] = []
    k = period
    while at + k < len(lines):
        (text, places), (before, earlier) = lines[at + k], lines[at + k - period]
        if text != before:
            break
        step = tuple([b - a for a, b in zip(earlier, places)])
        if k < 2 * period:
            growth.append(step)
        elif step != growth[k % period]:
            break
        k += 1
    return k // period


def loops(blocks: Sequence[Block], start: str, end: str, counter: str) -> list[str]:
    """The innermost loop of a nest, over the entries from `start` to `end`, `WIDTH` of them at a time."""
    text = [f"for b in range({start}, {end}, {WIDTH}):", f"    e = min(b + {WIDTH}, {end})"]
    for turns, lines in blocks:
        indent = "    "
        if turns > 1:
            text.append(f"    for t in range({turns}):")
            indent = "        "
        for line in lines:
            text += [f"{indent}for {counter} in range(b, e):", f"{indent}    {line.written(f'{counter} - b')}"]
    return text
