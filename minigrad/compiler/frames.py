"""What an instruction of a running function is about to use: the values on the stack of its frame.

Python tells a trace function of every instruction before it runs, but not of its operands. They lie in the frame, at
places that the version of Python fixes; `Frame` reads them there, and never writes. So nothing has to be guessed or
computed twice: which object an attribute is taken of, which function is called with which arguments, is simply seen.
How high the stack is at an instruction follows from the code alone, by what each instruction before it adds or takes.

The places are those of CPython 3.11, 3.12 and 3.13. `is_known` looks, once, whether they hold in the Python that is
running: the version, the sizes, and a small function that is watched while it runs. Where they do not hold nothing is
read, and no function is compiled.
"""

from __future__ import annotations

import ctypes
import dis
import functools
import sys
import types
from itertools import pairwise
from typing import Any, NamedTuple

VERSION = sys.version_info[:2]


class _Places(NamedTuple):
    """Where the content of a frame has what is read of it, in bytes from its start."""

    function: int
    caller: int  # the content of the frame that called it
    owner: int  # a small number: who keeps the content
    entry: int | None = None  # whether C code called it; later versions put a frame of C code before it instead


_KNOWN = {
    (3, 11): _Places(function=0, caller=48, owner=69, entry=68),
    (3, 12): _Places(function=16, caller=8, owner=70),
    (3, 13): _Places(function=16, caller=8, owner=70),
}
_PLACES = _KNOWN.get(VERSION, _KNOWN[3, 11])
_CONTENT = 24  # in a frame object, where it says where its content is
_VALUES = 72  # in the content: the local variables, and above them the stack
_OF_C_CODE = 3  # the owner of a frame that stands for C code
_TYPE_VERSION = 384  # in a type: a number that is another one after each change of the type or of its bases
_MANY = ctypes.py_object * (1 << 24)


class Empty:
    """What stands on the stack where there is no object."""


class Frame:
    """The values of a frame, read when Python tells of an instruction."""

    __slots__ = ("_values", "code", "function", "globals", "height", "is_entry", "python")

    def __init__(self, frame: types.FrameType) -> None:
        address: Any = ctypes.c_void_p.from_address(id(frame) + _CONTENT).value
        self._values = _MANY.from_address(address + _VALUES)
        self.height = 0  #: how many values there are, by the instruction that is about to run
        self.function: Any = ctypes.py_object.from_address(address + _PLACES.function).value
        self.is_entry = _is_called_by_c_code(address)  #: whether C code called it
        self.python: Any = frame
        self.code, self.globals = frame.f_code, frame.f_globals

    def top(self, depth: int = 1) -> Any:
        """The value that lies so deep: 1 is the last."""
        try:
            return self._values[self.height - depth]
        except ValueError:
            return Empty

    def cell(self, index: int) -> Any:
        """A local variable, or the cell of a closure variable."""
        return self._values[index]


def _is_called_by_c_code(address: int) -> bool:
    if _PLACES.entry is not None:
        return ctypes.c_bool.from_address(address + _PLACES.entry).value
    caller: Any = ctypes.c_void_p.from_address(address + _PLACES.caller).value
    return caller is None or ctypes.c_ubyte.from_address(caller + _PLACES.owner).value == _OF_C_CODE


def version_of(kind: type) -> Any:
    """A number at its place in memory, `.value`, which changes with the type and never comes back; 0 if it has none."""
    return ctypes.c_uint.from_address(id(kind) + _TYPE_VERSION)


class Instruction(NamedTuple):
    """One instruction of which Python tells."""

    name: str
    number: Any
    value: Any  #: of the argument: a name, a constant, the names of a call's keywords
    height: int  #: how many values the frame holds before it runs: local variables and the stack


@functools.lru_cache(maxsize=4096)
def instructions(code: types.CodeType) -> dict[int, Instruction]:
    """The instructions of which Python tells, by their places."""
    found: dict[int, Instruction] = {}
    heights = _heights(code)
    start, keywords = None, ()
    for each in dis.get_instructions(code):
        if each.opname == "EXTENDED_ARG":
            start = each.offset if start is None else start
            continue
        value = each.argval
        if each.opname == "KW_NAMES":
            keywords = code.co_consts[each.arg or 0]
        elif each.opname == "CALL":
            value, keywords = keywords, ()
        # Before 3.12 Python tells of the first EXTENDED_ARG, and not of what it belongs to.
        place = each.offset if start is None or VERSION >= (3, 12) else start
        if each.offset in heights:  # else nothing leads there
            found[place] = Instruction(each.opname, each.arg, value, heights[each.offset])
        start = None
    return found


_LEAVING = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"}
_JUMPING = {"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}


def _heights(code: types.CodeType) -> dict[int, int]:
    """How many values the frame holds before each instruction, by its place."""
    cells = [name for name in code.co_cellvars if name not in code.co_varnames]
    bottom = len(code.co_varnames) + len(cells) + len(code.co_freevars)
    table = list(dis.get_instructions(code))
    after = {each.offset: following for each, following in pairwise(table)}
    at = {each.offset: each for each in table}
    found = {0: bottom}
    for entry in dis.Bytecode(code).exception_entries:  # type: ignore[attr-defined]
        found[entry.target] = bottom + entry.depth + entry.lasti + 1
    waiting = [at[place] for place in found]
    while waiting:
        each = waiting.pop()
        ways = []
        if each.opname not in _LEAVING | _JUMPING:
            ways.append((after[each.offset].offset, False))
        if each.opcode in dis.hasjrel or each.opcode in dis.hasjabs:
            ways.append((each.argval, True))
        for place, is_jump in ways:
            height = found[each.offset] + _effect(each, is_jump)
            if place not in found:
                found[place] = height
                waiting.append(at[place])
            elif found[place] != height:
                raise ValueError("the height of the stack is not known")
    return found


def _effect(each: dis.Instruction, is_jump: bool) -> int:
    """How many values more the stack holds after an instruction."""
    if each.opname == "PRECALL":  # what it takes is still there when CALL begins
        return 0
    if each.opname == "CALL":
        return -1 - (each.arg or 0)
    if each.opname == "RETURN_GENERATOR":  # what the generator is sent first
        return 1
    return dis.stack_effect(each.opcode, each.arg, jump=is_jump)


@functools.cache
def is_known() -> bool:
    """Whether the places of values are known for the Python that is running."""
    if sys.implementation.name != "cpython" or VERSION not in _KNOWN:
        return False
    if ctypes.sizeof(ctypes.c_void_p) != 8 or object.__basicsize__ != 16:  # other builds: 32 bits, for debugging
        return False
    return _sees_instructions() and _sees_versions()


def trace_instructions(called: Any) -> None:
    """Let Python tell `called` of each call in this thread, and of instructions where that asks for them."""
    frame = sys._getframe()
    frame.f_trace_opcodes = True  # 3.12 tells of instructions only if some frame had asked before
    sys.settrace(called)
    frame.f_trace_opcodes = False
    del frame  # which would keep itself alive, and with it all callers and what they hold


def listen(frame: Any, step: Any) -> None:
    """Let Python tell `step` of each instruction of a frame."""
    frame.f_trace_lines, frame.f_trace = False, step
    frame.f_trace_opcodes = True  # after `f_trace`, or 3.13 tells nothing at the first call


def _sees_instructions() -> bool:
    seen: list[tuple[str, Any]] = []
    functions: list[Any] = []
    entries: list[bool] = []
    given = object(), [object()]

    def probe(first: Any, second: Any) -> Any:
        for each in second:
            if first == each or second is None:
                break
        return inner(second[0] is not None) and given

    def inner(is_other: bool) -> bool:
        return is_other

    def heard(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code not in (probe.__code__, inner.__code__):
            return None
        content, table = Frame(frame), instructions(frame.f_code)
        functions.append(content.function)
        entries.append(content.is_entry)

        def step(frame: Any, event: str, _: Any) -> None:
            if event == "opcode":
                name, number, _, content.height = table[frame.f_lasti]
                seen.append((name, content.cell(number) if name == "LOAD_DEREF" else content.top()))
            elif event == "return":
                frame.f_trace = None  # the frame, which this function refers to, would not be freed

        listen(frame, step)
        return step

    before = sys.gettrace()
    trace_instructions(heard)
    try:
        list(map(probe, [given[0]], [given[1]]))
    finally:
        sys.settrace(before)
    returned = [value for name, value in seen if name == "RETURN_VALUE"]
    values = dict(seen)
    return (
        functions == [probe, inner]
        and entries == [True, False]
        and values["GET_ITER"] is given[1]
        and values["BINARY_SUBSCR"] == 0
        and values["COMPARE_OP"] is given[1][0]
        and values["LOAD_DEREF"].cell_contents is given
        and len(returned) == 2
        and returned[0] is True
        and returned[1] is given
    )


def _sees_versions() -> bool:
    class Base:
        pass

    class Probe(Base):
        value = 1

    version, seen = version_of(Probe), []
    for base in (Probe, Base, Base):
        assert Probe.value == 1
        seen.append(version.value)
        base.other = len(seen)  # type: ignore[attr-defined]
    assert Probe.value == 1
    seen.append(version.value)
    return 0 not in seen and len(set(seen)) == len(seen)
