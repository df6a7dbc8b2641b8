"""Python code that runs in the middle of a function without being part of it.

The collector of garbage calls its callbacks, finalizers and callbacks of weak references wherever an object is made;
a signal is handled between any two instructions. What such code reads, the function does not read.
"""

from __future__ import annotations

import builtins
import gc
import inspect
import threading
import types
import weakref
from typing import Any

from minigrad.compiler.frames import Frame
from minigrad.compiler.guards import static
from minigrad.compiler.pure import is_a


class Interruptions:
    """Whether something else runs in the middle of the function that is traced in this thread."""

    def __init__(self) -> None:
        self.is_collecting = False
        self.frame: Any = None  #: of the function that interrupts
        self.thread = 0

    def listen(self) -> None:
        """Hear of the collector from now on."""
        self.thread = threading.get_ident()
        gc.callbacks.append(self._stops)  # the last that hears of an end; and present before a start can be heard
        gc.callbacks.insert(0, self._starts)

    def leave(self) -> bool:
        """Hear no more. Returns whether the end of each interruption was heard."""
        for each in (self._starts, self._stops):
            if each not in gc.callbacks:
                return False
            gc.callbacks.remove(each)
        return not self.now()

    def _starts(self, phase: str, _: Any) -> None:
        if phase == "start" and threading.get_ident() == self.thread:
            self.is_collecting = True

    def _stops(self, phase: str, _: Any) -> None:
        if phase == "stop" and threading.get_ident() == self.thread:
            self.is_collecting = False

    def now(self) -> bool:
        """Whether an interruption lasts."""
        return self.is_collecting or self.frame is not None

    def begins(self, frame: types.FrameType) -> bool:
        """Whether an interruption begins with this function, which has just been called."""
        if not _interrupts(frame):
            return False
        self.frame = frame
        frame.f_trace_lines = False
        return True

    def heard(self, frame: types.FrameType, event: str, _: Any) -> None:
        """Python tells of events in the function that interrupts."""
        if event == "return":
            self.frame = None


def _interrupts(frame: types.FrameType) -> bool:
    """Whether Python itself called a function: no other C code may hand on such arguments."""
    content, code = Frame(frame), frame.f_code
    if not content.is_entry:
        return False
    if code is getattr(builtins.__import__, "__code__", None):
        return True
    given = [_argument(content, i) for i in range(code.co_argcount)]
    if given and getattr(static(type(given[0]), "__del__"), "__code__", None) is code:
        return True
    if given and getattr(static(type(given[0]), code.co_name), "__code__", None) is code:
        del given[0]  # a method is about its object
    if code.co_flags & inspect.CO_VARARGS:
        given.extend(_argument(content, code.co_argcount + code.co_kwonlyargcount))
    defaults = set(map(id, getattr(content.function, "__defaults__", None) or ()))
    return any(_is_of_python(each) for each in given if id(each) not in defaults)


def _is_of_python(argument: Any) -> bool:
    """Whether Python hands this to what it calls: of a weak reference, of a signal, of an error in a finalizer."""
    if is_a(argument, weakref.ReferenceType):
        return weakref.ReferenceType.__call__(argument) is None
    return type(argument) is types.FrameType or type(argument).__name__ == "UnraisableHookArgs"


def _argument(content: Frame, index: int) -> Any:
    value = content.cell(index)
    return value.cell_contents if type(value) is types.CellType else value
