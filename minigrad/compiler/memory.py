"""Whose memory a value of a program may show, which may be written over, and where rows surely lie in order."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.compiler.canonical import OPERATORS, Reduction
from minigrad.compiler.columns import product_plus_column
from minigrad.compiler.diagonals import banded
from minigrad.compiler.fused import Kernel
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.render import SCATTER, SCATTER_ADD
from minigrad.compiler.rewriting import is_vector, makes_rows
from minigrad.core import duck_arrays as duck
from minigrad.rules.elementwise import tanh_slope_at

UFUNC_OF = {op: ufunc for ufunc, op in OPERATORS.items()}


def works_by_entry(function: Any) -> bool:
    """Whether a function works entry by entry, and takes an array for its result after the operands."""
    ufunc = UFUNC_OF.get(function, function)
    return function is tanh_slope_at or (type(ufunc) is np.ufunc and not ufunc.signature)


NOBODY: frozenset[int] = frozenset()
CROWD = frozenset((-1,))  #: stands for more arrays than are told apart
MOST_ROOTS = 16


def roots(program: Program) -> dict[int, frozenset[int]]:
    """For each array those whose memory it may look at: itself, unless it may be a view; none for constants.

    A result of long chains of operations that may return views could look at any array of the chain. From `MOST_ROOTS`
    on all of these are the same crowd, so that the sets do not grow with the program.
    """
    root = {var.index: frozenset((var.index,)) for var in program.inputs if var.kind == "array"}
    for step in program.steps:
        for var in made_by(step):
            if var.kind == "array":
                if makes_new(step):
                    root[var.index] = frozenset((var.index,))
                    continue
                places = NOBODY.union(*[root.get(other.index, NOBODY) for other in reads(step)])
                if len(places) > MOST_ROOTS or places & CROWD:
                    root.update(dict.fromkeys(places - CROWD, CROWD))
                    places = CROWD
                root[var.index] = places
    return root


_NEW = {
    np.where, np.concatenate, np.stack, np.mean, np.var, np.std, np.tensordot, np.dot, np.vdot, np.cumsum, np.cumprod,
    np.tile, np.repeat, np.roll, np.pad, np.tril, np.triu, np.vstack, np.hstack, np.zeros, np.ones, duck.astype,
    SCATTER, SCATTER_ADD, tanh_slope_at, banded, product_plus_column,
}  # fmt: skip
_VIEWS = {np.transpose, duck.reshape, operator.getitem}


def makes_new(step: Step) -> bool:
    """Whether the result certainly shares no memory with another value."""
    function = step.function
    return (
        type(function) is np.ufunc
        or isinstance(function, Kernel)
        or function in UFUNC_OF
        or (type(function) is Reduction and step.args[1] != ())
        or function in _NEW
        or (type(step.out) is Var and step.out.kind != "array")
    )


def only_reads(step: Step) -> bool:
    """Whether a step certainly keeps none of its operands; its result may be a view of them."""
    function = step.function
    is_known = type(function) in (np.ufunc, Reduction) or isinstance(function, Kernel)
    return is_known or step.out is None or function in UFUNC_OF or function in _NEW or function in _VIEWS


def last_reads(program: Program, root: dict[int, frozenset[int]]) -> dict[int, int]:
    """The last step that reads the memory of each root; of outputs one after the end."""
    last: dict[int, int] = {}
    for position, step in enumerate(program.steps):
        for var in reads(step):
            for index in root.get(var.index, NOBODY):
                last[index] = position
    for output in program.outputs:
        if type(output) is Var:
            for index in root.get(output.index, NOBODY):
                last[index] = len(program.steps)
    return last


def reused(program: Program, root: dict[int, frozenset[int]], ordered: set[int]) -> dict[int, Var]:
    """For steps, by position, the operand whose memory the result may take: it is not needed any more.

    It must be an array made by this program, of the shape and dtype of the result, that nothing else looks at. Both are
    `ordered`: NumPy adds entries up in the order of memory, so another order of memory would change last bits.
    """
    made = {var for var, places in root.items() if places == {var}} - {var.index for var in program.inputs}
    if not made:
        return {}
    last = last_reads(program, root)
    plan: dict[int, Var] = {}
    for position, step in enumerate(program.steps):
        if type(step.out) is not Var or step.out.kind != "array" or step.kwargs:
            continue
        if not works_by_entry(step.function):
            continue
        for var in step.args:
            if (
                type(var) is Var
                and var.index in made
                and last[var.index] == position
                and var.shape == step.out.shape
                and var.dtype == step.out.dtype
                and var.index in ordered
                and step.out.index in ordered
            ):
                plan[position] = var
                break
    return plan


def by_rows(program: Program, inputs: set[int]) -> set[int]:
    """The arrays whose rows, as those of `inputs`, surely lie one after the other (in NumPy's words, C-contiguous)."""
    found = set(inputs)

    def fits(value: Any) -> bool:
        if is_vector(value):
            return True
        return value.index in found if type(value) is Var else bool(value.flags.c_contiguous)

    for step in program.steps:
        by_entry = works_by_entry(step.function)
        for var in made_by(step):
            if (
                fits(var)
                or isinstance(step.function, Kernel)
                or step.function in (operator.matmul, product_plus_column, np.zeros, np.ones, np.repeat)
                or (by_entry and not step.kwargs and makes_rows(var, step.args, fits))
            ):
                found.add(var.index)
    return found
