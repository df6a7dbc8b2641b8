"""A tape that also keeps the user's line of every node, for printed tapes and for errors."""

from __future__ import annotations

from typing import Any

from minigrad.core.lines import Line, user_line
from minigrad.core.observing import Observer, Place
from minigrad.core.tape import Box, Tape


class LinedTape(Tape):
    """A tape that also keeps the user's line of every node, and in which recording or sweep the node was made.

    `places` has one list for each node: the inner recordings and sweeps that were at work, the innermost one last. It
    is empty for what the function does itself.
    """

    __slots__ = ("lines", "observer", "places")

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.places: list[list[Place]] = []
        self.observer = Observer()

    def leaf(self, value: Any) -> Box:
        """Put one input on the tape, with its line."""
        self.lines.append(user_line())
        self.places.append([])
        return super().leaf(value)

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, with its line and place."""
        self.lines.append(user_line())
        self.places.append(self.observer.places[1:])  # without the recording of this tape itself
        return super().record(primitive, parents, args, ans, params)

    def line_of(self, index: int, primitive: Any) -> Line | None:
        """The user's line that made a node."""
        return self.lines[index]
