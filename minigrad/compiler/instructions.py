"""What each instruction of Python reads of the values that it is about to use: one table, `READERS`.

An instruction that is neither in this table nor among the silent ones is not known; a function in which one is met is
not compiled. The names are those of Python 3.11, 3.12 and 3.13; see the documentation of the module `dis`.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler import pure
from minigrad.compiler.calls import Calls
from minigrad.compiler.frames import Empty, Frame, instructions
from minigrad.compiler.guards import Missing, content
from minigrad.compiler.pure import LIBRARY, is_a, kind_of_code
from minigrad.compiler.reads import is_plain_key
from minigrad.core.duck_arrays import Duck
from minigrad.core.tape import Box

Reader = Callable[[Calls, Frame, int, Any], Any]

# ----- names --------------------------------------------------------------------------------------------------------


def _global(reads: Calls, frame: Frame, _: int, name: str) -> None:
    reads.name(frame, name)


def _name(reads: Calls, frame: Frame, _: int, name: str) -> None:
    space = frame.python.f_locals
    if space is not frame.globals:
        reads.entry(space, name, frame)
        if type(space) is not dict or name in space:
            return
    reads.name(frame, name)


def _stored_name(reads: Calls, frame: Frame, _: int, name: str) -> None:
    reads.entry(frame.python.f_locals, name, frame)


def _stored_global(reads: Calls, frame: Frame, _: int, name: str) -> None:
    reads.add("key", frame.globals, name, frame.globals.get(name, Missing))


_GENERATORS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _cell(reads: Calls, frame: Frame, index: int, name: str) -> None:
    cell = frame.cell(index)
    if type(cell) is not types.CellType or id(cell) in reads.cells:
        return
    if name in frame.code.co_cellvars and not frame.code.co_flags & _GENERATORS:
        reads.cells[id(cell)] = cell  # made when this function was called, and made anew at the next call
    else:
        reads.add("cell", cell, None, content(cell), name)


def _import(reads: Calls, frame: Frame, _: int, name: str) -> None:
    full, level = name, frame.top(2)
    if level:  # a relative import
        space = frame.globals
        package = str(space.get("__package__") or space.get("__name__", "")).split(".")
        full = ".".join([*package[: len(package) - level + 1], *([name] if name else [])])
    if full not in sys.modules:
        reads.may_settle = True
        reads.refuse(f"imports {full}, which is not imported yet", frame.python)
    elif not pure.is_library(full):
        for each in (full, full.partition(".")[0]):
            reads.add("key", sys.modules, each, sys.modules.get(each, Missing))


def _attribute(reads: Calls, frame: Frame, _: int, name: str) -> None:
    reads.attribute(frame.top(), name, frame)


def _attribute_of_super(reads: Calls, frame: Frame, number: int, name: str) -> None:
    function, kind, holder = frame.top(3), frame.top(2), frame.top()
    if function is super:
        reads.attribute(super(kind, holder), name, frame)
    else:
        reads.refuse("calls a function of its own under the name super", frame.python)


# ----- entries and patterns -----------------------------------------------------------------------------------------


def _entry(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.entry(frame.top(2), frame.top(), frame)


def _part(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.entry(frame.top(3), slice(frame.top(2), frame.top()), frame)


def _stored(reads: Calls, frame: Frame, holder: Any, key: Any, value: Any) -> None:
    if is_a(holder, np.ndarray):
        reads.add_array(holder)
    elif not is_a(holder, (Box, Duck)):
        reads.entry(holder, key, frame)
        if type(holder) not in (dict, list):
            reads.deep(holder, frame)
    if type(holder) not in (dict, list):
        reads.deep(value, frame)
    elif type(key) is slice:
        reads.whole(value, frame)  # whose elements go into the list


def _stored_entry(reads: Calls, frame: Frame, *_: Any) -> None:
    _stored(reads, frame, frame.top(2), frame.top(), frame.top(3))


def _stored_part(reads: Calls, frame: Frame, *_: Any) -> None:
    _stored(reads, frame, frame.top(3), slice(frame.top(2), frame.top()), frame.top(4))


def _contains(reads: Calls, frame: Frame, *_: Any) -> None:
    key, holder = frame.top(2), frame.top()
    if type(holder) is dict and is_plain_key(key):
        reads.add("key", holder, key, holder.get(key, Missing))
    elif type(holder) in (set, frozenset) and all(map(is_plain_key, (key, *holder))):
        reads.whole(holder, frame)
    else:
        _two_operands(reads, frame)


def _class_pattern(reads: Calls, frame: Frame, *_: Any) -> None:
    names, kind, subject = frame.top(1), frame.top(2), frame.top(3)
    reads.instance(subject, kind, frame)
    if isinstance(subject, kind):
        reads.attribute(kind, "__match_args__", frame)
        for name in (*getattr(kind, "__match_args__", ()), *names):
            reads.attribute(subject, name, frame)


def _keys_pattern(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.deep(frame.top(2), frame)


def _kind_pattern(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.type_of(frame.top(), frame)


def _length(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.length(frame.top(), frame)


# ----- operators, texts, truth, loops -------------------------------------------------------------------------------


def _operand(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.deep(frame.top(), frame)


def _two_operands(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.deep(frame.top(), frame)
    reads.deep(frame.top(2), frame)


def _members(reads: Calls, frame: Frame, count: int, _: Any) -> None:
    for depth in range(1, count + 1):
        reads.deep(frame.top(depth), frame)


def _keys(reads: Calls, frame: Frame, count: int, _: Any) -> None:
    for depth in range(2, 2 * count + 2, 2):
        reads.deep(frame.top(depth), frame)


def _text(reads: Calls, frame: Frame, flags: int, _: Any) -> None:
    reads.text_of(frame.top(2 if flags & 4 else 1), frame)


def _plain_text(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.text_of(frame.top(), frame)


def _text_in_form(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.text_of(frame.top(2), frame)


def _truth(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.truth(frame.top(), frame)


def _elements(reads: Calls, frame: Frame, *_: Any) -> None:
    reads.whole(frame.top(), frame)


def _intrinsic(reads: Calls, frame: Frame, which: int, _: Any) -> None:
    if which == _PLUS:
        reads.deep(frame.top(), frame)
    elif which not in _MOVING_INTRINSICS:
        unknown(reads, frame)


def _intrinsic_of_two(reads: Calls, frame: Frame, which: int, _: Any) -> None:
    if which not in _PARAMETERS_OF_TYPES:
        unknown(reads, frame)


_PLUS = 5  # the number of the unary operator +
_MOVING_INTRINSICS = (3, 6, 7, 8, 9)  # StopIteration within a generator, a list made a tuple, parameters of types
_PARAMETERS_OF_TYPES = (2, 3, 4, 5)


# ----- calls --------------------------------------------------------------------------------------------------------


def _result(reads: Calls, frame: Frame, *_: Any) -> None:
    if frame.is_entry:  # to code that is not followed
        reads.deep(frame.top(), frame)


def _call(reads: Calls, frame: Frame, count: int, keywords: tuple[str, ...], above: int = 0) -> None:
    given = [frame.top(depth) for depth in range(count + above, above, -1)]
    function, first = frame.top(count + above + 2), frame.top(count + above + 1)
    if function is Empty:  # a plain call, before 3.13
        function = first
    elif first is not Empty:  # of a method, with its object
        given.insert(0, first)
    positional = len(given) - len(keywords)
    reads.call(function, given[:positional], dict(zip(keywords, given[positional:])), frame)


def _call_by_keywords(reads: Calls, frame: Frame, count: int, _: Any) -> None:
    _call(reads, frame, count, frame.top(), above=1)


def _unpacks_as_it_is(given: Any) -> bool:
    """Whether unpacking runs no code of the user's: lists, tuples, named ones too, arrays, traced values."""
    unpack = getattr(type(given), "__iter__", None)
    return unpack in (list.__iter__, tuple.__iter__, np.ndarray.__iter__) or isinstance(given, (Box, Duck))


def _call_unpacked(reads: Calls, frame: Frame, flags: int, _: Any) -> None:
    has_keywords = flags & 1
    function, given = frame.top(2 + has_keywords), frame.top(1 + has_keywords)
    if function is Empty:  # since 3.13 it lies below an empty place
        function = frame.top(3 + has_keywords)
    named = frame.top() if has_keywords else {}
    for each in (given, named):
        reads.whole(each, frame)
    if not _unpacks_as_it_is(given) or type(named) is not dict:
        is_followed = is_a(function, types.FunctionType) and kind_of_code(function.__code__.co_filename) <= LIBRARY
        if not is_followed:
            reads.refuse("unpacks arguments of something that is no list, tuple or dict", frame.python)
    else:
        reads.call(function, list(given), named, frame)


READERS: dict[str, Reader] = {
    name: reader
    for reader, names in {
        _global: "LOAD_GLOBAL",
        _name: "LOAD_NAME",
        _stored_name: "STORE_NAME DELETE_NAME",
        _stored_global: "STORE_GLOBAL DELETE_GLOBAL",
        _cell: "LOAD_DEREF LOAD_CLASSDEREF LOAD_FROM_DICT_OR_DEREF STORE_DEREF DELETE_DEREF",
        _import: "IMPORT_NAME",
        _attribute: "LOAD_ATTR LOAD_METHOD STORE_ATTR DELETE_ATTR IMPORT_FROM",
        _attribute_of_super: "LOAD_SUPER_ATTR",
        _entry: "BINARY_SUBSCR DELETE_SUBSCR",
        _part: "BINARY_SLICE",
        _stored_entry: "STORE_SUBSCR",
        _stored_part: "STORE_SLICE",
        _contains: "CONTAINS_OP",
        _class_pattern: "MATCH_CLASS",
        _keys_pattern: "MATCH_KEYS",
        _kind_pattern: "MATCH_MAPPING MATCH_SEQUENCE",
        _length: "GET_LEN",
        _operand: "UNARY_NEGATIVE UNARY_POSITIVE UNARY_INVERT YIELD_VALUE SET_ADD BEFORE_WITH",
        _two_operands: "BINARY_OP COMPARE_OP MAP_ADD",
        _members: "BUILD_SET",
        _keys: "BUILD_MAP",
        _text: "FORMAT_VALUE",
        _plain_text: "FORMAT_SIMPLE CONVERT_VALUE",
        _text_in_form: "FORMAT_WITH_SPEC",
        _truth: "UNARY_NOT TO_BOOL POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE POP_JUMP_FORWARD_IF_FALSE "
        "POP_JUMP_FORWARD_IF_TRUE POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE JUMP_IF_TRUE_OR_POP "
        "JUMP_IF_FALSE_OR_POP",
        _elements: "GET_ITER GET_YIELD_FROM_ITER UNPACK_SEQUENCE UNPACK_EX LIST_EXTEND SET_UPDATE DICT_UPDATE "
        "DICT_MERGE",
        _intrinsic: "CALL_INTRINSIC_1",
        _intrinsic_of_two: "CALL_INTRINSIC_2",
        _result: "RETURN_VALUE",
        _call: "CALL",
        _call_by_keywords: "CALL_KW",
        _call_unpacked: "CALL_FUNCTION_EX",
    }.items()
    for name in names.split()
}

_MOVING = """
    NOP RESUME CACHE PUSH_NULL COPY SWAP POP_TOP LOAD_FAST LOAD_FAST_CHECK LOAD_FAST_AND_CLEAR LOAD_FAST_LOAD_FAST
    STORE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST DELETE_FAST LOAD_CONST LOAD_CLOSURE LOAD_LOCALS MAKE_CELL
    COPY_FREE_VARS MAKE_FUNCTION SET_FUNCTION_ATTRIBUTE JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT
    BUILD_TUPLE BUILD_LIST BUILD_SLICE BUILD_STRING BUILD_CONST_KEY_MAP LIST_APPEND LIST_TO_TUPLE KW_NAMES PRECALL
    POP_EXCEPT PUSH_EXC_INFO RERAISE FOR_ITER END_FOR IS_OP SEND END_SEND CLEANUP_THROW RETURN_GENERATOR RETURN_CONST
    LOAD_BUILD_CLASS LOAD_ASSERTION_ERROR RAISE_VARARGS CHECK_EXC_MATCH WITH_EXCEPT_START POP_JUMP_IF_NONE
    POP_JUMP_IF_NOT_NONE POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_BACKWARD_IF_NONE
    POP_JUMP_BACKWARD_IF_NOT_NONE SETUP_ANNOTATIONS EXTENDED_ARG
"""
SILENT = frozenset(_MOVING.split())  #: instructions that move values about, and read nothing of what they are


def unknown(reads: Calls, frame: Frame, *_: Any) -> None:
    """The reader of an instruction of which nothing is known."""
    reads.refuse("uses an instruction of Python of which nothing is known", frame.python)


@functools.lru_cache(maxsize=4096)
def readers(code: types.CodeType) -> dict[int, tuple[Reader, int, Any, int]]:
    """What reads at each instruction of a piece of code, by its place."""
    return {
        place: (READERS.get(name, unknown), number, value, height)
        for place, (name, number, value, height) in instructions(code).items()
        if name not in SILENT
    }
