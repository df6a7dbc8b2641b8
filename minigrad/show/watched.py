"""A tape that watches the user's program while it is recorded: the expression of every node, not only its line."""

from __future__ import annotations

import dataclasses
import linecache
import sys
import time
from types import CodeType
from typing import Any

from minigrad.core.lines import is_ours
from minigrad.core.origins import is_again
from minigrad.core.tape import Box
from minigrad.modes.cotangents import accumulate
from minigrad.show.tape import TracedTape

MANY = 64  #: a list or dict with more parts is not searched for names


@dataclasses.dataclass(frozen=True)
class Spot:
    """An expression of the user's program, and from where its function was called."""

    code: CodeType
    line: int  #: the line that runs
    first: int  #: first line of the expression
    last: int  #: its last line
    start: int  #: column in the first line, in characters; -1 if it is not known
    stop: int  #: column in the last line
    caller: int  #: the number of the spot from which the function was called, -1 for none


@dataclasses.dataclass(frozen=True)
class Seen:
    """Where one node was made."""

    spot: int = -1  #: the number of its spot; in a sweep that of the node whose rule is at work
    call: int = 0  #: which call of its function, counted over all functions
    turn: int = 0  #: which pass of a loop within that call
    passage: int = -1  #: the number of that pass, which also knows from which pass the function was called
    rule: tuple[int, int] | None = None  #: in a sweep: the node whose rule is at work, and the one it leads to
    adds: bool = False  #: whether contributions are added up here
    seconds: float = 0.0  #: since the node before: the operation, and Python around it


class WatchedTape(TracedTape):
    """A tape to look at, which also knows the expression, the call and the pass of a loop that made each node.

    `names` are those of local variables, for the nodes that the user's program gave one to.
    """

    __slots__ = ("_base", "_calls", "_frames", "_spans", "_stamp", "names", "passages", "seen", "spots", "spots_known")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self.spots: list[Spot] = []
        self.names: dict[int, str] = {}
        self.passages: dict[tuple[int, int, int], int] = {}  # (call, turn, passage of the caller): its number
        self.spots_known: dict[Spot, int] = {}
        self._spans: dict[tuple[CodeType, int], tuple[int, int, int, int]] = {}
        self._frames: dict[Any, tuple[int, int, int, Any]] = {}  # of each frame at work: call, turn, instruction, inner
        self._calls = 0
        self._base: Any = None  # the frame below the user's program
        self._stamp = 0.0

    def leaf(self, value: Any) -> Box:
        """Put one input on the tape."""
        self.seen.append(Seen())
        self._base = sys._getframe(1)
        box = super().leaf(value)
        self._stamp = time.perf_counter()
        return box

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, with what is seen of the program."""
        seconds = time.perf_counter() - self._stamp
        self.seen.append(self._look(sys._getframe(1), seconds))
        box = super().record(primitive, parents, args, ans, params)
        self._stamp = time.perf_counter()
        return box

    def close(self) -> None:
        """As of any tape; and let go of the frames of the user's program."""
        self._frames, self._base = {}, None
        super().close()

    def _look(self, frame: Any, seconds: float) -> Seen:
        places = self.observer.places
        place = places[-1] if places else None
        if place is not None and place.phase != "primal" and place.node is not None:
            node, argument = self.observer.index_of(place.node[3]), self.observer.index_of(place.argument)
            if node >= 0:
                made = self.seen[node]
                rule = node, argument
                return Seen(made.spot, made.call, made.turn, made.passage, rule, adds_up(frame), seconds)
        return self._look_at_program(frame, seconds)

    def _look_at_program(self, frame: Any, seconds: float) -> Seen:
        stack: list[tuple[Any, Any]] = []  # the user's frames, the innermost first, each with what it has called
        inner = frame
        while frame is not None and frame is not self._base:
            if not is_ours(frame.f_code.co_filename):
                stack.append((frame, inner))
            inner, frame = frame, frame.f_back
        if not stack:
            return Seen(seconds=seconds)
        frames, spot, passage, call, turn = {}, -1, -1, 0, 0
        for user, called in reversed(stack):
            known = self._frames.get(user)
            if known is None:
                self._calls += 1
                call, turn = self._calls, 0
            else:
                call, turn, instruction, before = known
                turn += is_again(user, called, instruction, before)
            frames[user] = call, turn, user.f_lasti, called
            passage = self.passages.setdefault((call, turn, passage), len(self.passages))
            spot = self.spot_of(user.f_code, user.f_lasti, user.f_lineno, spot)
        self._frames = frames  # those that are not at work any more are forgotten
        self._note_names(stack[0][0])
        return Seen(spot, call, turn, passage, None, False, seconds)

    def spot_of(self, code: CodeType, instruction: int, line: int, caller: int) -> int:
        """The number of an expression."""
        span = self._spans.get((code, instruction))
        if span is None:
            span = self._spans[code, instruction] = span_of(code, instruction, line)
        spot = Spot(code, line, *span, caller)
        number = self.spots_known.setdefault(spot, len(self.spots))
        if number == len(self.spots):
            self.spots.append(spot)
        return number

    def _note_names(self, frame: Any) -> None:
        """What the local variables of the user's function call the nodes."""
        for name, value in list(frame.f_locals.items()):
            if not name.isidentifier():
                continue  # of a comprehension
            kind = type(value)
            if kind is Box:
                self._note(name, value)
            elif (kind is list or kind is tuple) and len(value) <= MANY:
                for k, part in enumerate(value):
                    self._note(f"{name}[{k}]", part)
            elif kind is dict and len(value) <= MANY:
                for key, part in list(value.items()):
                    self._note(f"{name}[{key!r}]", part)

    def _note(self, name: str, value: Any) -> None:
        if type(value) is Box and (index := self.observer.index_of(value)) >= self.leaves:
            self.names.setdefault(index, name)


def adds_up(frame: Any) -> bool:
    """Whether a sweep is adding contributions up, as seen from a frame of the engine."""
    while frame is not None and is_ours(frame.f_code.co_filename):
        if frame.f_code is accumulate.__code__:
            return True
        frame = frame.f_back
    return False


def span_of(code: CodeType, instruction: int, line: int) -> tuple[int, int, int, int]:
    """The lines and columns of the expression that an instruction computes. Columns are in characters."""
    positions = list(code.co_positions())
    first, last, start, stop = positions[instruction // 2] if instruction >= 0 else (None, None, None, None)
    if first is None or last is None or start is None or stop is None:
        return line, line, -1, -1
    return first, last, _characters(code, first, start), _characters(code, last, stop)


def _characters(code: CodeType, line: int, column: int) -> int:
    """A column in characters: Python counts the bytes of UTF-8."""
    text = linecache.getline(code.co_filename, line).encode()
    return len(text[:column].decode(errors="replace")) if text else column
