"""Who asks for the entries of a value one by one: Python's own `sum`, `max` and `min` are known before they begin.

`sum(x)` asks `x` for an iterator and adds up what it gives. At that moment the frame of the caller is at one
instruction, a call with one argument, and which name is called follows from the code alone. So `x` may give the one
entry that is the sum. Wherever the code does not say it plainly, the entries are given one by one.
"""

from __future__ import annotations

import builtins
from types import CodeType
from typing import Any

_OF_ONE_ARGUMENT = {name: getattr(builtins, name) for name in ("sum", "max", "min")}

_MOST = 1 << 12  #: places that are remembered


class Place:
    """An instruction of the code at which entries are asked for."""

    __slots__ = ("code", "in_vain", "name")

    def __init__(self, code: CodeType, instruction: int) -> None:
        self.code = code
        self.name = _name_called(code, instruction)  #: what it calls with one argument, if that may be one of ours
        self.in_vain = False  #: whether the entries that it got were not added up: what `rules.iterated` found out

    def asked_by(self, frame: Any) -> str:
        """Which of `sum`, `max` and `min` of Python the frame is calling with one argument; "" if none of them."""
        name = self.name
        if not name:
            return ""
        spaces = (frame.f_globals, frame.f_builtins)
        for space in spaces if self.code.co_flags & _OF_A_FUNCTION else (frame.f_locals, *spaces):
            if name in space:
                return name if space[name] is _OF_ONE_ARGUMENT[name] else ""
        return ""


_PLACES: dict[tuple[int, int], Place] = {}


def place_of(frame: Any) -> Place:
    """Where a frame is."""
    code, instruction = frame.f_code, frame.f_lasti
    known = _PLACES.get((id(code), instruction))
    if known is None or known.code is not code:
        if len(_PLACES) >= _MOST:
            _PLACES.clear()
        known = _PLACES[id(code), instruction] = Place(code, instruction)
    return known


def asked_by(frame: Any) -> str:
    """Which of `sum`, `max` and `min` of Python this frame is calling with one argument; "" if that is none of them."""
    return place_of(frame).asked_by(frame)


_OF_A_FUNCTION = 0x01  # inspect.CO_OPTIMIZED, without the time to import inspect


def _name_called(code: CodeType, instruction: int) -> str:
    """The global name that this instruction calls with one argument, if it is one of ours; else ""."""
    import dis  # here for start-up: few programs ask

    steps = [step for step in dis.get_instructions(code) if step.opname != "CACHE"]
    k = next((k for k, step in enumerate(steps) if step.offset == instruction), -1)
    if k < 0 or steps[k].opname not in ("CALL", "PRECALL") or steps[k].arg != 1:
        return ""
    if steps[k - 1].opname == "PRECALL":  # Python 3.11 calls in two parts, and some functions in the first of them
        k -= 1
    height = 0  # of the stack at the call, above what it is before the step that is looked at
    for step in reversed(steps[:k]):
        if step.is_jump_target or "JUMP" in step.opname or step.opname in ("KW_NAMES", "SEND", "YIELD_VALUE"):
            return ""
        height += dis.stack_effect(step.opcode, step.arg)
        if height > 1 and step.opname != "PUSH_NULL":
            is_ours = step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in _OF_ONE_ARGUMENT
            return str(step.argval) if is_ours else ""
    return ""
