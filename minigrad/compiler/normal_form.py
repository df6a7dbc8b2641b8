"""The normal form in which loops are looked for: a pass holds all that it needs."""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.canonical import Reduction
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.render import unit_axes
from minigrad.compiler.rewriting import Fresh, like
from minigrad.core import duck_arrays as duck
from minigrad.core.nested import mapped

# ----- steps with holes -----------------------------------------------------------------------------------------------


def _ignores_shape(step: Step, position: int) -> bool:
    """Whether an argument is a shape, which may differ from pass to pass."""
    return position == 1 and step.function in (duck.reshape, np.broadcast_to)


def _with_holes(step: Step, hole: Any) -> tuple[Any, ...]:
    """The arguments of a step with `hole(value)` in the place of each hole."""

    def walk(value: Any, in_index: bool) -> Any:
        kind = type(value)
        if kind is Var or isinstance(value, (np.ndarray, np.generic)) or kind is float or (kind is int and in_index):
            return hole(value)
        if kind is tuple or kind is list:
            return kind([walk(part, in_index) for part in value])
        if kind is slice:
            return slice(*[walk(part, in_index) for part in (value.start, value.stop, value.step)])
        if kind is dict:
            return {key: walk(part, in_index) for key, part in value.items()}
        return value

    is_index = step.function is operator.getitem
    args = [value if _ignores_shape(step, k) else walk(value, k > 0 and is_index) for k, value in enumerate(step.args)]
    return tuple(args), walk(step.kwargs, False)


def holes_of(step: Step) -> list[Any]:
    """The values in the holes of a step, in order."""
    found: list[Any] = []
    _with_holes(step, found.append)
    return found


def refilled(step: Step, values: Sequence[Any]) -> Step:
    """The step with other values in its holes."""
    following = iter(values)
    args, kwargs = _with_holes(step, lambda _: next(following))
    return step._replace(args=args, kwargs=kwargs)


def likeness(step: Step) -> Any:
    """What steps have in common that may be one step of a loop, as a hashable value."""

    def mark(value: Any) -> str:
        return "a value" if type(value) is Var or isinstance(value, (np.ndarray, np.generic)) else type(value).__name__

    args, kwargs = _with_holes(step, mark)
    shown = ["a shape" if _ignores_shape(step, k) else repr(arg) for k, arg in enumerate(args)]
    function = step.function
    name: Any = ("reduce", function.ufunc) if type(function) is Reduction else function
    try:
        hash(name)
    except TypeError:
        name = id(name)
    outs = type(step.out).__name__, len(made_by(step))
    statement = step.origin.statement
    where = None if statement is None else (statement.filename, statement.span)
    return name, step.quiet, step.origin.phase, where, outs, tuple(shown), repr(kwargs)


def identity(value: Any) -> Any:
    """Something hashable, equal for values that are the same in all passes."""
    if type(value) is Var:
        return "variable", value.index
    if isinstance(value, np.ndarray):
        if value.size <= 64 and value.dtype.kind != "O":
            return "array", value.shape, value.dtype.str, value.tobytes()
        return "array", id(value)
    return type(value).__name__, repr(value)


# ----- normal form ----------------------------------------------------------------------------------------------------


def is_entry(step: Step) -> bool:
    """Whether a step takes an entry, a row or a column out of an array."""
    if (
        step.function is not operator.getitem
        or type(step.out) is not Var
        or type(step.args[0]) not in (Var, np.ndarray)
    ):
        return False
    index = step.args[1]
    parts = index if type(index) is tuple else (index,)
    return all(type(part) is int or part == slice(None) for part in parts)


def is_view(step: Step) -> bool:
    """Whether a step is a transpose, or adds or drops axes of size 1: it is written within the expression it is for."""
    function, args = step.function, step.args
    if type(step.out) is not Var or not args or type(args[0]) not in (Var, np.ndarray):
        return False
    if function is np.transpose:
        return True
    if function is duck.reshape:
        is_unit = type(args[0]) is Var and not step.kwargs and bool(step.out.shape)
        return is_unit and unit_axes(args[0].shape, args[1]) is not None
    index = args[1] if len(args) > 1 else ()
    parts = index if type(index) is tuple else (index,)
    return function is operator.getitem and bool(parts) and all(part is None or part is Ellipsis for part in parts)


def entry_of_base(array: np.ndarray) -> Any:
    """The index that takes an array out of the one that it is a view of, `base[:, t]`; None if there is none."""
    base = array.base
    if not isinstance(base, np.ndarray) or array.ndim != base.ndim - 1:
        return None
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    for axis in range(base.ndim):
        stride = base.strides[axis]
        if (
            base.strides[:axis] + base.strides[axis + 1 :] == array.strides
            and base.shape[:axis] + base.shape[axis + 1 :] == array.shape
            and stride
            and offset % stride == 0
            and 0 <= offset // stride < base.shape[axis]
        ):
            return (slice(None),) * axis + (offset // stride,) if axis else offset // stride
    return None


CHEAP = {operator.add, operator.sub, operator.mul, operator.neg}  #: what may be computed again for a sweep


def normal_form(program: Program, computes_again: bool = False) -> Program:
    """Each reader gets views of its own, directly before it; captured views become entries of what they are views of.

    A pass of a loop then contains all that it needs. With `computes_again` a sweep also gets sums and products of its
    own, which it would else share with one pass of the loop in the function itself.
    """
    fresh = Fresh(program)
    results = {var.index for var in program.outputs if type(var) is Var}
    program = program._replace(steps=_hoisted(program))
    views = {}
    for step in program.steps:
        if (is_view(step) or is_entry(step)) and step.out.index not in results:
            views[step.out.index] = step
    cheap = {}
    if computes_again:
        for step in program.steps:
            if step.function in CHEAP and step.origin.phase == "primal" and type(step.out) is Var and not step.kwargs:
                cheap[step.out.index] = step
    steps: list[Step] = []

    def own(value: Any, origin: Any, again: bool = True) -> Any:
        if type(value) is Var and value.index in views:
            view = views[value.index]
            source = own(view.args[0], origin, again)
            var = like(value, fresh())
            steps.append(view._replace(out=var, args=(source, *view.args[1:]), origin=origin))
            return var
        if again and type(value) is Var and value.index in cheap and origin.phase != "primal":
            var = like(value, fresh())
            args = tuple([own(arg, origin, False) for arg in cheap[value.index].args])
            steps.append(cheap[value.index]._replace(out=var, args=args, origin=origin))
            return var
        if isinstance(value, np.ndarray) and value.base is not None:
            index = entry_of_base(value)
            if index is not None:
                var = like(value, fresh())
                steps.append(Step(var, operator.getitem, (value.base, index), {}, False, origin))
                return var
        return value

    for step in program.steps:
        if type(step.out) is Var and step.out.index in views:
            continue
        own_here = functools.partial(own, origin=step.origin)
        args = tuple([mapped(own_here, arg) for arg in step.args])
        kwargs = mapped(own_here, step.kwargs) if step.kwargs else step.kwargs
        steps.append(step._replace(args=args, kwargs=kwargs))
    return program._replace(steps=steps)


def _hoisted(program: Program) -> list[Step]:
    """The steps; what depends on inputs and constants alone, and is read by at least three steps alike, comes first.

    It was computed in the first pass of a loop and is read in all of them. An index of one integer is that integer.
    """
    steps = []
    readers: dict[int, Counter[Any]] = {}
    for step in program.steps:
        if step.function is operator.getitem and type(step.args[1]) is tuple and len(step.args[1]) == 1:
            if type(step.args[1][0]) is int:
                step = step._replace(args=(step.args[0], step.args[1][0]))
        steps.append(step)
        for index in {var.index for var in reads(step)}:
            readers.setdefault(index, Counter())[likeness(step)] += 1
    for t, step in enumerate(steps):  # what is done where a sweep hands out its results belongs to its last line
        if t and step.origin.statement is None and step.origin.phase == steps[t - 1].origin.phase != "primal":
            steps[t] = step._replace(origin=steps[t - 1].origin._replace(owner=step.origin.owner))
    alike = Counter([likeness(step) for step in steps])
    by = {var.index: t for t, step in enumerate(steps) for var in made_by(step)}
    once: dict[int, bool] = {}  # whether a step, and what it depends on, is no part of what repeats

    def is_once(t: int) -> bool:
        if t not in once:
            once[t] = alike[likeness(steps[t])] == 1 and all(
                is_once(by[v.index]) for v in reads(steps[t]) if v.index in by
            )
        return once[t]

    wanted = [
        t
        for t, step in enumerate(steps)
        if any(max(readers.get(var.index, {0: 0}).values(), default=0) >= 3 for var in made_by(step)) and is_once(t)
    ]
    first: set[int] = set()
    while wanted:
        t = wanted.pop()
        if t not in first:
            first.add(t)
            wanted += [by[var.index] for var in reads(steps[t]) if var.index in by]
    return [steps[t] for t in sorted(first)] + [step for t, step in enumerate(steps) if t not in first]
