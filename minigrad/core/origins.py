"""Where an operation comes from: the user's line, and which recording or sweep is at work.

Printed tapes, pages and generated source ask this of every operation. In a function that is being
recorded the answer is the line that runs. In a sweep no line of the user's runs but the call of the transformation, so
the answer is the line of the node that is being passed, whose rule is at work.
"""

from __future__ import annotations

import functools
import sys
from types import CodeType
from typing import Any, NamedTuple

from minigrad.core.lines import Line, is_ours
from minigrad.core.observing import Observer


class Origin(NamedTuple):
    """Where an operation comes from, for printed tapes, pages, and the names and comments of generated source."""

    where: Any  #: the user's line (for source the statement), in a sweep that of the node being passed; or None
    phase: str  #: "primal", "pullback", "pushforward" or "series"
    owner: int  #: in a sweep, the value of which the operation computes the cotangent or tangent; else -1
    run: int  #: one number for all operations of one execution of that

    @property
    def statement(self) -> Any:
        """The user's statement, of a step of a program."""
        return self.where


PLAIN_ORIGIN = Origin(None, "primal", -1, -1)


class Onlooker(Observer):
    """An observer that says of each operation, while it is being written down, where it comes from."""

    __slots__ = ("_frame", "_inner", "_instruction", "_where", "run")

    def __init__(self) -> None:
        super().__init__()
        self._where: Any = None
        self.run = 0
        self.forget()

    def forget(self) -> None:
        """Let go of the frames of the user's program, and of what their variables hold."""
        # The frames themselves are compared: a later frame may be at the address of one that is gone.
        self._frame: Any = None
        self._inner: Any = None
        self._instruction = 0

    def index_of(self, value: Any) -> int:
        """The number of a value among those that are written down, -1 if it is none of them."""
        raise NotImplementedError

    def made(self, index: int) -> Origin:
        """Where that value comes from."""
        raise NotImplementedError

    def at(self, frame: Any) -> Any:
        """Where a frame of the user's program is; `None` if it is not a part of what is looked at."""
        return Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)

    def is_same(self, where: Any, other: Any) -> bool:
        """Whether it is still there."""
        return bool(where == other)

    def note(self, frame: Any) -> None:
        """Look at the frame of the user's function that is at work."""

    def origin(self) -> Origin:
        """Where the operation comes from that is being written down. Called once for each."""
        place = self.places[-1] if self.places else None
        if place is None or place.phase == "primal":
            return self._of_frame()
        owner = self.index_of(place.argument)
        if place.node is None:  # a result is being handed out
            return Origin(None, place.phase, owner, self.run)
        node = self.index_of(place.node[3])
        made = self.made(node) if node >= 0 else PLAIN_ORIGIN
        self.forget()
        return Origin(made.where, place.phase, owner if place.phase == "pullback" else node, made.run)

    def _of_frame(self) -> Origin:
        """Of an operation of the user's function."""
        frame: Any = sys._getframe(2)
        inner = frame
        while frame.f_back is not None and is_ours(frame.f_code.co_filename):
            inner, frame = frame, frame.f_back
        where = self.at(frame)
        if where is None:
            return PLAIN_ORIGIN
        if (
            frame is not self._frame
            or not self.is_same(where, self._where)
            or is_again(frame, inner, self._instruction, self._inner)
        ):
            self.run += 1
        self._frame, self._inner, self._instruction, self._where = frame, inner, frame.f_lasti, where
        self.note(frame)
        return Origin(where, "primal", -1, self.run)


def is_again(frame: Any, inner: Any, instruction: int, before: Any) -> bool:
    """Whether a frame has begun another pass of a loop since it was at `instruction` and called the frame `before`.

    It has gone back; or it is at the same instruction of a loop, in another call of the same function: a loop in one
    line. Calls of several functions in turn come from one call that is not in Python, such as `sum` of an array.
    """
    if frame.f_lasti != instruction:
        return bool(frame.f_lasti < instruction)
    is_other_call = inner is not before and before is not None and inner.f_code is before.f_code
    return is_other_call and in_loop(frame.f_code, instruction)


@functools.lru_cache(maxsize=4096)
def in_loop(code: CodeType, instruction: int) -> bool:
    """Whether an instruction may run more than once in a call: whether a later one jumps back to before it."""
    import dis  # here for start-up: only who looks on asks

    jumps = [step for step in dis.get_instructions(code) if "JUMP" in step.opname and type(step.argval) is int]
    return any(step.argval <= instruction <= step.offset for step in jumps)
