"""`explain`: a program as it was traced, and what each pass made of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from minigrad.compiler.program import Program
from minigrad.compiler.rewriting import Pass
from minigrad.compiler.rounding import ROUNDING
from minigrad.compiler.traced import Traced, asked_by


def explain(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """What `compile` makes of `fun(*args)`: the program as it was traced, and what each pass removes and adds.

    Args:
        fun: a function as for `compile`.
        *args: its arguments.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        Text: the traced program, the lines that each pass changes, with - and +, and the program that is left. If
        `compile` does not use the program, since the function does what a program cannot repeat, the first line says
        why.

    >>> import numpy as np
    >>> print(explain(lambda x: (x * 1.0 - 0.0) @ x.T.T, np.ones(2)))
    inputs %0
    %1 = mul(%0, 1.0)
    %2 = sub(%1, 0.0)
    %3 = transpose(%0, None)
    %4 = transpose(%3, None)
    %5 = matmul(%2, %4)
    return %5
    <BLANKLINE>
    canonical: Ufuncs become operators, all ways to reduce one, all ways to reshape and transpose one each.
        -%3 = transpose(%0, None)
        -%4 = transpose(%3, None)
        +%3 = transpose(%0, (0,))
        +%4 = transpose(%3, (0,))
    <BLANKLINE>
    simplified: Algebra that changes no bit: x·1, x/1, x - 0, x + (-y), -(-x), |-x|, views of views, sums over nothing.
        -%1 = mul(%0, 1.0)
        -%2 = sub(%1, 0.0)
        -%3 = transpose(%0, (0,))
        -%4 = transpose(%3, (0,))
        -%5 = matmul(%2, %4)
        +%5 = matmul(%0, %0)
    <BLANKLINE>
    inputs %0
    %5 = matmul(%0, %0)
    return %5
    """
    with asked_by("explain"):
        traced = Traced(fun, args, kwargs)
        if traced.watched.may_settle:  # it filled caches
            traced = Traced(fun, args, kwargs)
    text = explained(traced.program)
    return text if traced.watched.refusal is None else f"not compiled: {traced.watched.reason()}\n\n{text}"


def explained(program: Program, passes: tuple[Pass, ...] = ROUNDING) -> str:
    """What each pass does to a program: the lines that it takes out, and those that it puts in."""
    text = [f"{program}\n"]
    for each in passes:
        before, program = str(program), each(program)
        changes = list(difflib.unified_diff(before.split("\n"), str(program).split("\n"), n=0, lineterm=""))[2:]
        if changes:
            doc = (each.__doc__ or "").strip().split("\n")[0]
            changes = [line for line in changes if not line.startswith("@@")]
            text.append("\n".join([f"{each.__name__}: {doc}", *[f"    {line}" for line in changes], ""]))
    return "\n".join([*text, str(program)])
