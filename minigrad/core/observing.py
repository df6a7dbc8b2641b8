"""Who looks on: sweeps tell an observer where they are, so that programs and printed tapes can say so.

Nothing is observed unless somebody asks (`source`, `trace`). Then recordings and sweeps put a `Place` on the
observer's list when they begin, keep it up to date, and take it off when they end: the last place is the innermost.
The observer is a context variable: other threads are not observed, and an exception leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any


class Place:
    """Where one recording or sweep is."""

    __slots__ = ("argument", "index", "node", "phase", "serial")

    def __init__(self, phase: str, serial: int = 0) -> None:
        self.phase = phase  #: "primal" (a function is being recorded), "pullback", "pushforward" or "series"
        self.serial = serial  #: of the tape that is recorded or swept
        self.index = -1  #: position of the node that is being passed
        self.node: Any = None  #: that node; None before the first one, and when results are handed out
        self.argument: Any = None  #: the argument of the node whose cotangent is being computed, where that is known


class Observer:
    """Somebody who wants to know where recordings and sweeps are: a list of places, the innermost one last.

    `operations` says which transformation opened a tape, by the serial of the tape.
    """

    __slots__ = ("operations", "places")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.operations: dict[int, str] = {}


#: Within `errstate`: what makes the tape that looks at each result, and the function to be recorded on it.
WATCHED: ContextVar[Callable[[Any, Any], tuple[Any, Any]] | None] = ContextVar("watched", default=None)

_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Within this block recordings and sweeps tell `observer` where they are."""
    token = _OBSERVER.set(observer)
    try:
        yield
    finally:
        _OBSERVER.reset(token)


def is_observed() -> bool:
    """Whether somebody looks on."""
    return _OBSERVER.get() is not None


def innermost_place() -> Place | None:
    """Where the innermost recording or sweep is, if somebody looks on."""
    observer = _OBSERVER.get()
    return observer.places[-1] if observer is not None and observer.places else None


class _Passing:
    """A recording or sweep that is observed: its place is the last one while it runs."""

    __slots__ = ("phase", "places", "serial")

    def __init__(self, places: list[Place], phase: str, serial: int) -> None:
        self.places, self.phase, self.serial = places, phase, serial

    def __enter__(self) -> Place:
        self.places.append(Place(self.phase, self.serial))
        return self.places[-1]

    def __exit__(self, *_: object) -> None:
        self.places.pop()


class _Unseen:
    """Nobody looks on. (`contextlib.nullcontext` is somebody else's code, which a compiled function looks into.)"""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_UNSEEN = _Unseen()


def passing(phase: str, serial: int = 0, operation: str = "") -> Any:
    """`with passing(phase) as place`: a recording or sweep begins and ends. The place is None if nobody looks on.

    Args:
        phase: see `Place`.
        serial: that of the tape that is recorded or swept.
        operation: in a recording, the transformation that opened the tape.
    """
    observer = _OBSERVER.get()
    if observer is None:
        return _UNSEEN
    if operation:
        observer.operations[serial] = operation
    return _Passing(observer.places, phase, serial)
