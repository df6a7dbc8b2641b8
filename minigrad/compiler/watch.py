"""What a function reads besides its arguments, seen while it is traced; and what it must not do.

The contract:

1. `compile` runs your function once and notes everything that it reads besides its arguments: globals, closures,
   attributes, entries, the content of arrays.
2. Every call reads exactly these places again. If one differs the function is traced anew; what it did not read may
   change freely.
3. What cannot be watched (random numbers, time, files, the state of objects written in C) is not compiled: the engine
   answers, correctly and more slowly, and `stats()["reasons"]` names the line.
4. A function that changes something outside itself, or prints, is not compiled either.
5. Library code itself is taken to be as it was imported, and memory that another thread changes during a call is your
   affair.
6. What interrupts a function (the collector, finalizers, handlers of signals) is not part of it.

Python tells of every instruction of the user's functions before it runs it (`sys.settrace`), and `frames` shows what
the instruction is about to use. `instructions` says what each kind of instruction reads, `calls` what the functions
read that are called, `reads` by which way, and `guards` makes conditions of it. Python functions that are called are
followed in turn, with properties and special methods. A function written in C reads what it is given: its arguments are
watched whole, if it is one of those that `pure` lists.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from minigrad.compiler.calls import Calls
from minigrad.compiler.copies import Copies
from minigrad.compiler.frames import Frame, is_known, listen, trace_instructions
from minigrad.compiler.guards import content
from minigrad.compiler.instructions import readers
from minigrad.compiler.interruptions import Interruptions
from minigrad.compiler.pure import (
    CLOSED,
    METHODS,
    REPLAY,
    USER,
    home_of,
    is_a,
    is_installed,
    is_made_by_python,
    kind_of_code,
)
from minigrad.core.duck_arrays import Duck
from minigrad.core.tape import Box
from minigrad.core.tree import TreeDef


class Watched(Calls):
    """Everything that a function reads besides its arguments. While it is entered, this thread is watched."""

    def __init__(self, fun: Callable[..., Any], static: Iterable[Any] = ()) -> None:
        super().__init__()
        self.closes_over_box = False
        self.roots: set[int] = set()  #: the code of the functions that the engine will call, by `id`
        self.tables: dict[int, Any] = {}  #: pieces of code, by `id`, with what reads at each of their instructions
        self.before: Any = None  #: what traced this thread before
        self.interruptions = Interruptions()
        self.begin([fun, *static], set())

    def begin(self, values: Iterable[Any], seen: set[int]) -> None:
        """Find the functions that the engine will call, and values that are traced from outside."""
        for value in values:
            if id(value) in seen:
                continue
            seen.add(id(value))
            if type(value) is Box or is_a(value, Duck):
                self.closes_over_box = True
            elif is_a(value, types.FunctionType):
                self.roots.add(id(value.__code__))
                self.begin([content(cell) for cell in value.__closure__ or ()], seen)
            elif is_a(value, types.MethodType):
                self.begin([value.__func__], seen)
            elif is_a(value, functools.partial):
                self.add("dict", value.keywords, None, (tuple(value.keywords), tuple(value.keywords.values())))
                self.begin([value.func, *value.args, *value.keywords.values()], seen)
            elif type(value) in (list, tuple):
                self.begin(value, seen)
            elif home_of(type(value)) == "minigrad" and not is_a(value, type):
                self.begin(getattr(value, "__dict__", {}).values(), seen)

    # ----- following --------------------------------------------------------------------------------------------------

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        if is_known():
            self.interruptions.listen()
            trace_instructions(self.called)

    def __exit__(self, *_: Any) -> None:
        is_traced = sys.gettrace() == self.called
        sys.settrace(self.before)
        if is_known():
            if not is_traced:
                self.refuse("was not watched to its end, since something else traced it")
            if not self.interruptions.leave():
                self.refuse("was not watched to its end, since something else changed gc.callbacks")
        self.tables.clear()
        self.followed.clear()

    def called(self, frame: Any, event: str, _: Any) -> Any:
        """Python tells that a function is called: it is followed, or left alone."""
        code = frame.f_code
        kind = kind_of_code(code.co_filename)
        if kind == CLOSED or event != "call" or self.interruptions.now():
            return None
        if kind == METHODS and code.co_varnames[:1] != ("self",):
            return None
        try:
            if self.interruptions.begins(frame):
                return self.interruptions.heard
            return self.called_from_outside(frame, kind)
        except Exception as error:
            self.refuse(f"could not be watched ({type(error).__name__}: {error})", frame)
            return None

    def called_from_outside(self, frame: Any, kind: int) -> Any:
        """A function is called that is none of the engine's own."""
        if kind == REPLAY:
            watched = getattr(Frame(frame).function, "watched", None)
            if watched is not None and watched.what_changed() is None:  # else it will not answer
                self.merge(watched)
            return None
        back = frame.f_back
        if id(back) not in self.followed and frame.f_code.co_filename == "<string>":
            home = str(frame.f_globals.get("__name__"))
            if home.partition(".")[0] == "minigrad" or home.startswith("namedtuple_"):
                return None  # made by `dataclass` and `namedtuple` for the engine's own classes
        if id(back) not in self.followed and not self.is_called_for(frame, kind):
            return None
        return self.follow(frame, back)

    def is_called_for(self, frame: Any, kind: int) -> bool:
        """Whether a function that no followed one calls is the user's, and part of the trace."""
        if kind != USER and id(frame.f_code) not in self.roots and not is_installed(frame.f_code.co_filename):
            return False
        while frame is not None and id(frame) not in self.followed:
            name = frame.f_code.co_name
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return False
            if name == "__init__" and frame.f_globals.get("__name__") == "minigrad.compiler.traced":
                return True
            frame = frame.f_back
        return frame is not None

    def follow(self, python_frame: Any, back: Any) -> Any:
        """The function that Python calls before each instruction of a frame."""
        frame = Frame(python_frame)
        _, table = self.tables.get(id(frame.code), (None, None))
        if table is None:
            table = readers(frame.code)
            self.tables[id(frame.code)] = frame.code, table
        self.followed.add(id(python_frame))
        function = frame.function
        if kind_of_code(frame.code.co_filename) == USER and type(function) is types.FunctionType:
            found = function.__code__, function.__defaults__, function.__kwdefaults__
            self.add("function", function, None, found)
            if function.__kwdefaults__:
                self.whole(function.__kwdefaults__, frame)
        frame.is_entry |= id(back) not in self.followed
        if frame.is_entry and frame.code.co_argcount:  # as a method, which code that is not followed has looked up
            kind = type(frame.cell(0))
            for base in kind.__mro__ if is_made_by_python(kind) else ():
                for name, value in list(base.__dict__.items()):
                    if getattr(value, "__code__", None) is frame.code:
                        self.look_up(kind, name)
        is_heard = False

        def step(running: Any, event: str, _: Any) -> None:
            nonlocal is_heard
            if event == "opcode":
                is_heard = True
                each = table.get(running.f_lasti)
                if each is None:
                    return
                read, number, value, frame.height = each
                try:
                    read(self, frame, number, value)
                except Exception as error:
                    self.refuse(f"could not be watched ({type(error).__name__}: {error})", running)
            elif event == "exception":
                is_heard = True
            elif event == "return":
                if not is_heard:
                    self.refuse("ran instructions of which Python did not tell", running)
                self.followed.discard(id(running))
                frame.python = frame.function = None  # or the frame would refer to itself, and live on

        listen(python_frame, step)
        return step

    def check_after_trace(
        self, captured: dict[int, tuple[Any, Any]], uses: Counter[int], result: TreeDef, copies: Copies
    ) -> None:
        """Refuse the function if it changed what it did not make, or drew random numbers.

        Args:
            captured: the arrays that operations used.
            uses: how often the program and the results refer to each array, by `id`.
            result: the shape of the result.
            copies: the containers among the arguments.
        """
        self.cells.clear()
        self.forget_temporary(captured, uses, result)
        self.keep(captured, uses)
        for _, message in self.suspects.values():
            self.refusal = self.refusal or message
        changes_arguments = copies.give_back()
        name = "an argument" if changes_arguments else self.what_changed()
        if name is not None and self.refusal is None:
            self.may_settle, self.line = not changes_arguments, None
            self.refusal = f"changes {name}, which it does not make itself"
        outer = getattr(self.before, "__self__", None)
        if isinstance(outer, Watched):  # a compiled function within another
            outer.merge(self)
            if self.refusal is not None and outer.refusal is None:
                outer.refusal, outer.line, outer.may_settle = self.refusal, self.line, self.may_settle
