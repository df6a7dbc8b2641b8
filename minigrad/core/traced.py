"""A tape that also keeps the user's line of every node, for printed tapes and for errors."""

from __future__ import annotations

import sys
from typing import Any

from minigrad.core.lines import Line, user_line
from minigrad.core.tape import Box, Tape

INNER_CODE: set[Any] = set()  # the code of the functions that record or sweep; filled by `transforms`


def inner_calls() -> int:
    """How many transformations are recording or sweeping now, told by the call stack: nothing global to maintain."""
    frame: Any = sys._getframe(1)
    calls = 0
    while frame is not None:
        calls += frame.f_code in INNER_CODE
        frame = frame.f_back
    return calls


class LinedTape(Tape):
    """A tape that also keeps the user's line of every node, and how deep in inner transformations it was recorded."""

    __slots__ = ("base", "depths", "lines")

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.depths: list[int] = []
        self.base = inner_calls()

    def leaf(self, value: Any) -> Box:
        """Put one input on the tape, with its line."""
        self.lines.append(user_line())
        self.depths.append(0)
        self.base = inner_calls()
        return super().leaf(value)

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, with its line and depth."""
        self.lines.append(user_line())
        self.depths.append(inner_calls() - self.base)
        return super().record(primitive, parents, args, ans, params)

    def line_of(self, index: int, primitive: Any) -> Line | None:
        """The user's line that made a node."""
        return self.lines[index]
