"""Binding: an operation on boxes runs one level down, then records itself.

One function per number of arguments: these are the lines that every traced operation with one result passes through.
Those of operations with several results, and of operations without a derivative, are in `primitive`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.core.duck_arrays import Duck
from minigrad.core.operands import constant_operand, innermost_tape, lifted, operands, watch
from minigrad.core.sharing import shared
from minigrad.core.tape import Box, Tape, open_part


def bind_one(primitive: Any) -> Callable[..., Any]:
    """The function that users call for an operation of one argument."""
    fun = primitive.fun

    def bind(x: Any, **params: Any) -> Any:
        if type(x) is not Box:
            return fun(x, **params)
        value, tape = x.value, x.tape
        if tape.memo is not None and tape.is_open:
            return shared(tape, primitive, (x.index,), (value,), params)
        if type(value) is Box:
            ans = bind(value, **params)
        else:
            ans = fun(value, **params) if params else fun(value)
        if not tape.is_open:
            return ans  # its transformation is over: a constant
        if params:
            watch(params, tape)
        return tape.record(primitive, (x.index,), (value,), ans, params)

    return bind


def bind_two(primitive: Any) -> Callable[..., Any]:
    """The function that users call for an operation of two arguments; the box of the inner tape takes it."""
    fun = primitive.fun
    reads_x, reads_y = 0 not in primitive.residuals((-1, 0))[1], 1 not in primitive.residuals((0, -1))[1]

    def bind(x: Any, y: Any, **params: Any) -> Any:
        if type(x) is Box:
            if not x.tape.is_open:
                return bind(x.value, y, **params)
            tape: Tape = x.tape
            if type(y) is Box:
                if not y.tape.is_open:
                    return bind(x, y.value, **params)
                if tape is y.tape:
                    parents, x, y = (x.index, y.index), x.value, y.value
                elif tape.serial > y.tape.serial:  # x is on the inner tape: y is a constant there
                    parents, x = (x.index, -1), x.value
                else:
                    tape = y.tape
                    parents, y = (-1, y.index), y.value
            else:
                if type(y) is not float:
                    if isinstance(y, Duck) and y.serial > tape.serial:
                        return bind(y.lift(x), y, **params)
                    y = constant_operand(y, tape, reads_y, x)
                parents, x = (x.index, -1), x.value
        elif type(y) is Box:
            if not y.tape.is_open:
                return bind(x, y.value, **params)
            tape = y.tape
            if type(x) is not float:
                if isinstance(x, Duck) and x.serial > tape.serial:
                    return bind(x, x.lift(y), **params)
                x = constant_operand(x, tape, reads_x, y)
            parents, y = (-1, y.index), y.value
        else:
            return fun(x, y, **params)
        if tape.memo is not None:
            return shared(tape, primitive, parents, (x, y), params)
        if type(x) is Box or type(y) is Box:
            ans = bind(x, y, **params)
        else:
            ans = fun(x, y, **params) if params else fun(x, y)
        if params:
            watch(params, tape)
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
        parents, values = operands(args, tape, reads_args)
        if tape.memo is not None:
            return shared(tape, primitive, parents, values, params)
        ans = bind(*values, **params)
        watch(params, tape)
        return tape.record(primitive, parents, values, ans, params)

    return bind
