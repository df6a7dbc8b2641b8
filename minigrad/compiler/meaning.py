"""The meaning of a program, which no pass may change: its results, step by step."""

from __future__ import annotations

from typing import Any

from minigrad.compiler.program import Program, Var
from minigrad.core.nested import mapped


class GuardedError(Exception):
    """Internal signal: a program does not hold for these inputs."""


def interpret(program: Program, inputs: list[Any]) -> list[Any]:
    """The results of a program, step by step: the meaning of a program, which no pass may change."""
    known = dict(zip([var.index for var in program.inputs], inputs))

    def value_of(value: Any) -> Any:
        return known[value.index] if type(value) is Var else value

    for step in program.steps:
        args = [mapped(value_of, arg) for arg in step.args]
        result = step.function(*args, **{key: mapped(value_of, value) for key, value in step.kwargs.items()})
        if step.out is None:
            if not result:
                raise GuardedError(str(step))
        elif type(step.out) is tuple:
            known.update(zip([var.index for var in step.out], result))
        else:
            known[step.out.index] = result
    return [value_of(output) for output in program.outputs]
