"""What an instruction of a running function is about to use: the values on the stack of its frame.

Python tells a trace function of every instruction before it runs, but not of its operands. They lie in the frame, at
places that the version of Python fixes; `Frame` reads them there, and never writes. So nothing has to be guessed or
computed twice: which object an attribute is taken of, which function is called with which arguments, is simply seen.

The places are those of CPython 3.11. `is_known` looks, once, whether they hold in the Python that is running: the
version, the sizes, and a small function that is watched while it runs. Where they do not hold nothing is read, and no
function is compiled.
"""

from __future__ import annotations

import ctypes
import dis
import functools
import sys
import types
from typing import Any

_CONTENT = 24  # in a frame object, where it says where its content is
_FUNCTION, _TOP, _IS_ENTRY, _VALUES = 0, 64, 68, 72  # in the content: function, height of the stack, caller, values
_VERSION = 384  # in a type: a number that is another one after each change of the type or of its bases
_MANY = ctypes.py_object * (1 << 24)


class Empty:
    """What stands on the stack where there is no object."""


class Frame:
    """The values of a frame, read when Python tells of an instruction."""

    __slots__ = ("_top", "_values", "code", "function", "globals", "is_entry", "python")

    def __init__(self, frame: types.FrameType) -> None:
        address: Any = ctypes.c_void_p.from_address(id(frame) + _CONTENT).value
        self._values = _MANY.from_address(address + _VALUES)
        self._top = ctypes.c_int.from_address(address + _TOP)
        self.function: Any = ctypes.py_object.from_address(address + _FUNCTION).value
        self.is_entry = ctypes.c_bool.from_address(address + _IS_ENTRY).value  #: whether C code called it
        self.python: Any = frame
        self.code, self.globals = frame.f_code, frame.f_globals

    def top(self, depth: int = 1) -> Any:
        """The value that lies so deep: 1 is the last."""
        try:
            return self._values[self._top.value - depth]
        except ValueError:
            return Empty

    def cell(self, index: int) -> Any:
        """A local variable, or the cell of a closure variable."""
        return self._values[index]


def version_of(kind: type) -> Any:
    """A number at its place in memory, `.value`, which changes with the type and never comes back; 0 if it has none."""
    return ctypes.c_uint.from_address(id(kind) + _VERSION)


@functools.lru_cache(maxsize=4096)
def instructions(code: types.CodeType) -> dict[int, tuple[str, Any, Any]]:
    """Name, number and value of the argument of each instruction of which Python tells, by its place."""
    found: dict[int, tuple[str, Any, Any]] = {}
    start, keywords = None, ()
    for each in dis.get_instructions(code):
        if each.opname == "EXTENDED_ARG":  # Python tells of this one and not of the next
            start = each.offset if start is None else start
            continue
        value = each.argval
        if each.opname == "KW_NAMES":
            keywords = code.co_consts[each.arg or 0]
        elif each.opname == "CALL":
            value, keywords = keywords, ()
        found[each.offset if start is None else start] = each.opname, each.arg, value
        start = None
    return found


@functools.cache
def is_known() -> bool:
    """Whether the places of values are known for the Python that is running."""
    if sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 11):
        return False
    if ctypes.sizeof(ctypes.c_void_p) != 8 or object.__basicsize__ != 16:  # other builds: 32 bits, for debugging
        return False
    return _sees_instructions() and _sees_versions()


_PROBED = """
    LOAD_FAST GET_ITER FOR_ITER STORE_FAST LOAD_FAST LOAD_FAST COMPARE_OP POP_JUMP_FORWARD_IF_TRUE LOAD_FAST
    POP_JUMP_FORWARD_IF_NOT_NONE JUMP_BACKWARD FOR_ITER LOAD_FAST LOAD_CONST BINARY_SUBSCR LOAD_CONST IS_OP
    JUMP_IF_FALSE_OR_POP LOAD_DEREF RETURN_VALUE
"""


def _sees_instructions() -> bool:
    seen: list[tuple[str, Any]] = []
    functions: list[Any] = []
    given = object(), [object()]

    def probe(first: Any, second: Any) -> Any:
        for each in second:
            if first == each or second is None:
                break
        return (second[0] is not None) and given

    def heard(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code is not probe.__code__:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        content, table = Frame(frame), instructions(frame.f_code)
        functions.append(content.function)

        def step(frame: Any, event: str, _: Any) -> None:
            if event == "opcode":
                name, number, _ = table[frame.f_lasti]
                seen.append((name, content.cell(number) if name == "LOAD_DEREF" else content.top()))

        return step

    before = sys.gettrace()
    sys.settrace(heard)
    try:
        probe(*given)
    finally:
        sys.settrace(before)
    names = [name for name, _ in seen if name not in ("RESUME", "COPY_FREE_VARS", "MAKE_CELL")]
    values = dict(seen)
    return (
        names == _PROBED.split()
        and functions == [probe]
        and values["GET_ITER"] is given[1]
        and values["BINARY_SUBSCR"] == 0
        and values["COMPARE_OP"] is given[1][0]
        and values["RETURN_VALUE"] is given
        and values["LOAD_DEREF"].cell_contents is given
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
