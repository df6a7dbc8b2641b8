"""A tape that also keeps the user's line of every node, for printed tapes and for errors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.core.lines import Line, user_line
from minigrad.core.origins import PLAIN_ORIGIN, Onlooker, Origin
from minigrad.core.tape import SHARED, Box, Tape


class Level(NamedTuple):
    """An inner recording or sweep in which a node was made."""

    phase: str  #: "primal" (it was recorded), "pullback", "pushforward" or "series" (a rule was at work)
    serial: int  #: of the inner tape; `observer.operations` says which transformation opened it


class TapeOnlooker(Onlooker):
    """What a tape knows of where its nodes come from."""

    __slots__ = ("origins", "serial")

    def __init__(self, serial: int) -> None:
        super().__init__()
        self.serial = serial
        self.origins: list[Origin] = []

    def index_of(self, value: Any) -> int:
        """The node of a value of an inner tape; of several results that of the first."""
        value = value[0] if type(value) is tuple and value else value
        while type(value) is Box:
            # An array that was written to is asked for what is known of it: to find out now, in the middle of an
            # operation, would be one more operation.
            box = value.value.known() if value.index == SHARED else value
            if box is not None and box.tape.serial == self.serial:
                return box.index if box.index != SHARED else -1
            value = None if box is None else box.value
        return -1

    def made(self, index: int) -> Origin:
        """Where a node comes from."""
        return self.origins[index]


class LinedTape(Tape):
    """A tape that also keeps where every node comes from: the user's line, and which recording or sweep made it.

    `origins` has the answer for each node. `places` has one list for each: the inner recordings and sweeps that were at
    work, the innermost one last. It is empty for what the function does itself.
    """

    __slots__ = ("observer", "origins", "places")

    def __init__(self) -> None:
        super().__init__()
        self.places: list[list[Level]] = []
        self.observer = TapeOnlooker(self.serial)
        self.origins = self.observer.origins

    def leaf(self, value: Any) -> Box:
        """Put one input on the tape, with its line."""
        self.origins.append(PLAIN_ORIGIN._replace(where=user_line()))
        self.places.append([])
        return super().leaf(value)

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, with its line and place."""
        origin, places = self.here()
        self.origins.append(origin)
        self.places.append(places)
        return super().record(primitive, parents, args, ans, params)

    def capture(self, array: np.ndarray, used: Any = "") -> None:
        """As of any tape; and remember the line."""
        super().capture(array, used or user_line())

    def here(self) -> Any:
        """Where the user's program is: the line and the place of a node that is made now."""
        origin = self.observer.origin()
        # Without the recording of this tape itself. A place moves on, so what it says now is written down.
        places = [Level(place.phase, place.serial) for place in self.observer.places[1:]]
        return origin if origin.where else origin._replace(where=user_line()), places

    def came_from(self, index: int, here: Any) -> None:
        """Say of a node, which was recorded after the operation, where the program was then."""
        self.origins[index], self.places[index] = here

    def close(self) -> None:
        """As of any tape; and let go of the frames of the user's program."""
        self.observer.forget()
        super().close()

    @property
    def lines(self) -> list[Line]:
        """The user's line of every node."""
        return [origin.where for origin in self.origins]

    def line_of(self, index: int, primitive: Any) -> Line | None:
        """The user's line that made a node."""
        line: Line = self.origins[index].where
        return line
