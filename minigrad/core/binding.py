"""Binding: an operation on boxes runs one level down, then records itself.

One function per number of arguments: these are the lines that every traced operation with one result passes through.
Those of operations with several results, and of operations without a derivative, are in `primitive`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np

from minigrad.core.adopted import Adopted
from minigrad.core.duck_arrays import Duck, has_duck
from minigrad.core.operands import (
    SparseOperandError,
    constant_operand,
    current,
    innermost_tape,
    lifted,
    operands,
    watch,
    with_sparse,
)
from minigrad.core.sharing import detour
from minigrad.core.tape import (
    DUCKS,
    NO_PARAMS,
    PARTS,
    SHARED,
    Box,
    Tape,
    link,
    open_part,
    peel,
    read_only,
    settled,
    snapshot,
)


def bind_one(primitive: Any) -> Callable[..., Any]:
    """The function that users call for an operation of one argument."""
    fun, is_kept = primitive.fun, not primitive.shrinks

    def bind(x: Any, **params: Any) -> Any:
        if type(x) is not Box:
            return fun(x, **params)
        value, tape = x.value, x.tape
        if tape.detours and tape.is_open:
            return detour(tape, primitive, (x.index,), (value,), params)
        if type(value) is Box:
            ans = bind(value, **params)
        else:
            ans = fun(value, **params) if params else fun(value)
        if not tape.is_open:
            return ans  # its transformation is over: a constant
        if params:
            watch(params, tape)
        elif is_kept and tape.small and (type(ans) is not np.ndarray or ans.nbytes < tape.small):
            flat = tape.flat  # as `record` does
            flat.extend((primitive, (x.index,), (value,), ans, NO_PARAMS))
            return Box(ans, tape, len(flat) // PARTS - 1)
        return tape.record(primitive, (x.index,), (value,), ans, params)

    return bind


def bind_view(primitive: Any) -> Callable[..., Any]:
    """As `bind_one`, for an operation whose result NumPy makes a view if it can: the two boxes are linked.

    NumPy decides what is a view, by the base of its result. The operation without the link is `unlinked`.
    """
    fun, unlinked = primitive.fun, bind_one(primitive)

    def bind(x: Any, **params: Any) -> Any:
        if type(x) is not Box:
            return fun(x, **params)
        value, tape = x.value, x.tape
        if tape.detours or type(value) is not np.ndarray or not tape.is_open:
            return _viewed(x, primitive, params)
        ans = fun(value, **params)
        watch(params, tape)
        box = tape.record(primitive, (x.index,), (value,), ans, params)
        if type(ans) is np.ndarray and (base := ans.base) is not None and (base is value or base is value.base):
            return link(box, x, primitive, params)
        return box

    bind.unlinked = unlinked  # type: ignore[attr-defined]
    return bind


def _viewed(x: Box, primitive: Any, params: dict[str, Any]) -> Any:
    """What `bind_view` does where the value is no plain array, or was written to, or its tape is closed."""
    if not x.tape.is_open:
        now = open_part(x)
        if type(now) is not Box:
            ans = primitive.bind(now, **params)
            return read_only(ans) if type(ans) is np.ndarray and ans.base is not None else ans  # the tape's own memory
        x.value, x.tape, x.index = now.value, now.tape, now.index
    if x.tape.is_iteration:
        return primitive.bind(settled(x), **params)
    if x.index == SHARED:
        return x.link.viewed(x, primitive, params)
    ans = primitive.bind.unlinked(x, **params)
    if type(ans) is Box:
        if x.link is not None and type(x.link) not in (tuple, list):
            x.link.joined(ans, primitive, params)
        elif is_view(ans, x, primitive, params):
            link(ans, x, primitive, params)
    return ans


def is_view(ans: Box, of: Box, primitive: Any, params: dict[str, Any]) -> bool:
    """Whether NumPy makes a result of this kind a view."""
    new, old = peel(ans), peel(of)
    if type(old) in DUCKS:  # which have no memory that one could ask: as arrays of this shape would
        if type(old) is Adopted or not old.is_array:  # which is not written into; a number
            return False
        if has_duck(params):  # an index that differs from example to example: of whole numbers NumPy makes a view
            return new.is_array and all(map(_is_basic, _index_of(params)))
        old = _shadow(of)
        new = primitive.fun(old, **params)
    if type(new) is not np.ndarray or type(old) is not np.ndarray or new.base is None:
        return False
    return new.base is old or new.base is old.base


def _index_of(params: dict[str, Any]) -> tuple[Any, ...]:
    index = params.get("index")
    return index if type(index) is tuple else (index,)


def _is_basic(part: Any) -> bool:
    if type(part) in DUCKS:
        return part.shape == () and part.dtype.kind in "iu"
    return part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer))


def _shadow(box: Box) -> Any:
    if type(box.link) is tuple:
        _, parent, primitive, params = box.link
        return primitive.fun(_shadow(parent), **params)
    return np.empty(box.shape, np.int8)


def bind_two(primitive: Any) -> Callable[..., Any]:
    """The function that users call for an operation of two arguments; the box of the inner tape takes it."""
    fun, is_kept = primitive.fun, not primitive.shrinks
    reads_x, reads_y = 0 not in primitive.residuals((-1, 0))[1], 1 not in primitive.residuals((0, -1))[1]

    def bind(x: Any, y: Any, **params: Any) -> Any:
        if type(x) is Box:
            tape: Tape = x.tape
            if not tape.is_open:
                return bind(x.value, y, **params)
            if type(y) is Box:
                if y.tape is tape:
                    parents, x, y = (x.index, y.index), x.value, y.value
                elif not y.tape.is_open:
                    return bind(x, y.value, **params)
                elif tape.serial > y.tape.serial:  # x is on the inner tape: y is a constant there
                    parents, x, y = (x.index, -1), x.value, snapshot(y)
                else:
                    tape = y.tape
                    parents, x, y = (-1, y.index), snapshot(x), y.value
            else:
                if type(y) is not float and type(y) is not int:
                    if isinstance(y, Duck) and y.serial > tape.serial:
                        return bind(y.lift(x), y, **params)
                    try:
                        y = constant_operand(y, tape, reads_y, x)
                    except SparseOperandError:
                        return with_sparse(primitive, x, y)
                parents, x = (x.index, -1), x.value
        elif type(y) is Box:
            tape = y.tape
            if not tape.is_open:
                return bind(x, y.value, **params)
            if type(x) is not float and type(x) is not int:
                if isinstance(x, Duck) and x.serial > tape.serial:
                    return bind(x, x.lift(y), **params)
                try:
                    x = constant_operand(x, tape, reads_x, y)
                except SparseOperandError:
                    return with_sparse(primitive, x, y)
            parents, y = (-1, y.index), y.value
        else:
            return fun(x, y, **params)
        if tape.detours:
            return detour(tape, primitive, parents, (x, y), params)
        if type(x) is Box or type(y) is Box:
            ans = bind(x, y, **params)
        else:
            ans = fun(x, y, **params) if params else fun(x, y)
        if params:
            watch(params, tape)
        elif is_kept and tape.small and (type(ans) is not np.ndarray or ans.nbytes < tape.small):
            flat = tape.flat  # as `record` does
            flat.extend((primitive, parents, (x, y), ans, NO_PARAMS))
            return Box(ans, tape, len(flat) // PARTS - 1)
        return tape.record(primitive, parents, (x, y), ans, params)

    return bind


def bind_many(primitive: Any) -> Callable[..., Any]:
    """The function that users call for an operation of any number of arguments."""
    fun = primitive.fun
    reads_args = not primitive.residuals((0,))[1]

    def bind(*args: Any, **params: Any) -> Any:
        tape = innermost_tape(args)
        if tape is None:
            return fun(*map(open_part, args), **params)
        inner = lifted(args, tape)
        if inner is not None:
            return bind(*inner, **params)
        if tape.detours and (now := current(args)):
            return bind(*now, **params)
        try:
            parents, values = operands(args, tape, reads_args)
        except SparseOperandError:
            return with_sparse(primitive, *args)
        if tape.detours:
            return detour(tape, primitive, parents, values, params)
        ans = bind(*values, **params)
        watch(params, tape)
        return tape.record(primitive, parents, values, ans, params)

    return bind


#: The code of the functions above: an error that comes out of one of them is about its `primitive` and arguments.
BINDING = {
    code
    for make in (bind_one, bind_view, bind_two, bind_many)
    for code in make.__code__.co_consts
    if isinstance(code, CodeType)
}
