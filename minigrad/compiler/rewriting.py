"""Tools of the passes: a walk through a program that rewrites its steps, and what is asked of values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.compiler.program import Program, Step, Var, kind_of, made_by, reads, variables
from minigrad.core.nested import mapped

Pass = Callable[[Program], Program]


def renamed(program: Program, rewrite: Callable[[Step], Any], functions: tuple[Any, ...] = ()) -> Program:
    """The program after each step was rewritten.

    `rewrite` gets a step whose arguments are up to date, and returns it or another step; or a variable or constant, by
    which the step's result is to be replaced everywhere; or a list of steps. Where it only changes steps of certain
    `functions`, a program without any of these is not gone through.
    """
    if functions and not any(step.function in functions for step in program.steps):
        return program
    replaced: dict[int, Any] = {}

    def current(value: Any) -> Any:
        return replaced.get(value.index, value) if type(value) is Var else value

    steps: list[Step] = []
    is_changed = False
    for step in program.steps:
        before = step
        if replaced and any(var.index in replaced for var in reads(step)):
            args = tuple([mapped(current, arg) for arg in step.args])
            kwargs = mapped(current, step.kwargs) if step.kwargs else step.kwargs
            step = Step(step.out, step.function, args, kwargs, step.quiet, step.origin)
        new = rewrite(step)
        if type(new) is Step:
            steps.append(new)
            is_changed |= new is not before
            continue
        is_changed = True
        if type(new) is list:
            steps.extend(new)
        else:
            replaced[step.out.index] = new
    if not is_changed:
        return program
    return program._replace(steps=steps, outputs=[current(output) for output in program.outputs])


def made_from(program: Program) -> dict[int, Step]:
    """The step that defines each variable, by index."""
    return {var.index: step for step in program.steps for var in made_by(step)}


def same_type(value: Any, var: Var) -> bool:
    """Whether a variable or constant has the shape, dtype and representation of a variable."""
    if type(value) is Var:
        return value.shape == var.shape and value.dtype == var.dtype and value.kind == var.kind
    return (
        kind_of(value) == var.kind
        and np.shape(value) == var.shape
        and (getattr(value, "dtype", None) or np.dtype(type(value))) == var.dtype
    )


def is_numpys(value: Any) -> bool:
    """Whether a value is an array or number of NumPy: of numbers of Python alone, operators return another type."""
    return value.kind != "python" if type(value) is Var else isinstance(value, (np.ndarray, np.generic))


def kind_of_operand(value: Any) -> str:
    """How a variable or constant is represented."""
    return value.kind if type(value) is Var else kind_of(value)


def makes_rows(out: Var, operands: Sequence[Any], lies_in_rows: Callable[[Any], bool]) -> bool:
    """Whether the result of an operation entry by entry certainly lies in memory by rows, without gaps.

    NumPy takes the order of rows wherever two operands differ in theirs, so one of the result's shape is enough.
    """
    if is_vector(out):
        return True
    for operand in operands:
        if shape_of(operand) == out.shape and lies_in_rows(operand):
            return True
    return all(map(lies_in_rows, operands))


def is_vector(value: Any) -> bool:
    """Whether at most one axis is longer than 1, so that entries have but one order, wherever they lie."""
    shape = shape_of(value)
    return len(shape) - shape.count(1) <= 1


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a variable or constant."""
    return value.shape if type(value) is Var else np.shape(value)


def key_of(value: Any) -> int:
    """What stands for a variable or an array: the index, or a number below zero."""
    return value.index if type(value) is Var else -id(value)


def read_counts(program: Program) -> Counter[int]:
    """How often each variable is read by a step, or is a result, by index."""
    counts = Counter([var.index for step in program.steps for var in reads(step)])
    counts.update([var.index for var in variables(program.outputs)])
    return counts


def like(value: Any, index: int) -> Var:
    """A variable of the kind, shape and dtype of another one, or of an array."""
    var = Var(index, np.float64(0))
    var.shape, var.dtype = value.shape, value.dtype
    var.kind = value.kind if type(value) is Var else "array"
    return var


def beside(step: Step, index: int, function: Any, args: Sequence[Any], shape: tuple[int, ...]) -> Step:
    """A step beside another one, whose result has this number and shape, and the dtype of the other's."""
    var = like(step.out, index)
    var.shape, var.kind = shape, "array" if shape else "scalar"
    return step._replace(out=var, function=function, args=tuple(args), kwargs={})


class Fresh:
    """New numbers for variables."""

    def __init__(self, program: Program) -> None:
        self.program, self.last = program, -1

    def __call__(self) -> int:
        """One more."""
        if self.last < 0:  # many passes need none
            made = [var.index for step in self.program.steps for var in made_by(step)]
            self.last = max([*made, *[var.index for var in self.program.inputs]], default=0)
        self.last += 1
        return self.last
