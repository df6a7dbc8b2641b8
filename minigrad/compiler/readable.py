"""Passes for people: what a program computes stays the same to the last bit, and reads more like a derivation by hand.

Constants that were made of the user's arrays are written as what they are (-Y, x.T, xs[2], 1.0 - labels), signs come
together, and numbers stand before what they multiply.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.canonical import Reduction
from minigrad.compiler.passes import without_dead_code
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.rewriting import made_from, renamed
from minigrad.core import duck_arrays as duck
from minigrad.core.fingerprint import fingerprint
from minigrad.core.nested import mapped
from minigrad.core.origins import PLAIN_ORIGIN

LITERAL = 9  # entries up to which an array is written out
MOST = 16  # arrays of which it is tried whether another was made of them


# ----- constants that are the user's ----------------------------------------------------------------------------------


def content_of(array: Any) -> Any:
    """What two arrays have in common that are equal bit by bit."""
    return array.shape, array.dtype.str, fingerprint(np.ascontiguousarray(array))


class Recognised:
    """The constants of a program, as expressions of arrays that the user's variables hold."""

    def __init__(self, program: Program, watched: Any) -> None:
        self.count = 1 + max(
            [var.index for var in program.inputs] + [var.index for step in program.steps for var in made_by(step)],
            default=0,
        )
        self.names: dict[int, str] = {}
        self.by_size: dict[tuple[Any, int], list[Any]] = {}
        self.by_content: dict[Any, Any] = {}
        self.by_memory: dict[int, list[Any]] = {}
        self.made: dict[int, Any] = {}  #: by the id of a constant, what stands for it
        self.kept: list[Any] = []  # or ids could be used again
        self.steps: list[Step] = []
        for name, array in program.arrays.values():
            self._hold(array, watched.names.get(id(array), name))  # as it was captured, rather than handed on
        for array, _, name in watched.arrays:
            if name and name != "an array":
                self._hold(array, name)

    def _hold(self, array: Any, name: str) -> None:
        if id(array) in self.names or array.dtype.hasobject:
            return
        self.names[id(array)] = name
        self.made[id(array)] = array
        self.kept.append(array)
        self._offer(array)
        self.by_memory.setdefault(id(_owner(array)), []).append(array)

    def _offer(self, array: Any) -> None:
        """An array of which others may be made."""
        if array.size > LITERAL:
            self.by_size.setdefault((array.dtype, array.size), []).append(array)
            self.by_content.setdefault(content_of(array), array)

    def of(self, value: Any, origin: Any) -> Any:
        """What stands for an operand: itself, an array of the user's, or a variable that is made of one."""
        if not issubclass(type(value), np.ndarray) or value.dtype.hasobject:
            return value
        if id(value) not in self.made:
            self.kept.append(value)
            found = self._part(value, origin)
            if found is None and value.size > LITERAL:
                found = self._copy(value, origin)
            self.made[id(value)] = value if found is None else found
            if value.size > LITERAL and id(value) not in self.names:  # others may be made of it
                self._offer(value)
        return self.made[id(value)]

    def _step(self, function: Any, args: tuple[Any, ...], value: Any, origin: Any) -> Var:
        var = Var(self.count, value)
        self.count += 1
        self.steps.append(Step(var, function, args, {}, False, origin))
        return var

    def _part(self, value: Any, origin: Any) -> Any:
        """Rows, slices, columns and transposes that share memory with an array of the user's."""
        for array in self.by_memory.get(id(_owner(value)), ())[:MOST]:
            if array.dtype != value.dtype or array.base is value:
                continue
            if array.shape == value.shape and array.strides == value.strides and _address(array) == _address(value):
                return array
            if _address(array) == _address(value) and (array.T.shape, array.T.strides) == (value.shape, value.strides):
                return self._step(np.transpose, (array, tuple(range(array.ndim))[::-1]), value, origin)
            index = _index_of(array, value)
            if index is not None and array[index].shape == value.shape and np.array_equal(array[index], value):
                return self._step(operator.getitem, (array, index), value, origin)
        return None

    def _copy(self, value: Any, origin: Any) -> Any:
        """The same numbers as an array of the user's, in another order, or scaled, or taken from a number."""
        if np.all(value == value.flat[0]):
            return None  # equal entries are written as such
        equal = self.by_content.get(content_of(value))
        if equal is not None:
            return self.made.get(id(equal), equal)
        for array in self.by_size.get((value.dtype, value.size), ())[:MOST]:
            same = self.made.get(id(array), array)
            if array.shape == value.shape and np.array_equal(array, value):
                return same
            if array.ndim > 1 and array.T.shape == value.shape and np.array_equal(array.T, value):
                return self._step(np.transpose, (same, tuple(range(array.ndim))[::-1]), value, origin)
            if array.shape != value.shape:
                if np.array_equal(array.reshape(value.shape), value):
                    return self._step(duck.reshape, (same, value.shape), value, origin)
                turned = array.T if array.ndim > 1 and array.T.shape == value.shape else array.reshape(value.shape)
                made = _scaled(turned, value)
                if made is not None:
                    function, args = made
                    if array.ndim > 1 and array.T.shape == value.shape:
                        inner = self._step(np.transpose, (same, tuple(range(array.ndim))[::-1]), turned, origin)
                    else:
                        inner = self._step(duck.reshape, (same, value.shape), turned, origin)
                    return self._step(function, tuple([inner if arg is turned else arg for arg in args]), value, origin)
                continue
            made = _scaled(array, value)
            if made is not None:
                function, args = made
                return self._step(function, tuple([same if arg is array else arg for arg in args]), value, origin)
        return None


def _owner(array: Any) -> Any:
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array if array.base is None else array.base


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _index_of(array: Any, part: Any) -> Any:
    """The index that makes `part`, which lies in the same memory, of an array: a row, a slice of rows or columns."""
    if array.size == 0 or part.size == 0 or not array.strides or 0 in array.strides:
        return None
    offset = _address(part) - _address(array)
    if part.ndim == array.ndim - 1:
        for axis in range(array.ndim):
            rest = array.shape[:axis] + array.shape[axis + 1 :], array.strides[:axis] + array.strides[axis + 1 :]
            position, odd = divmod(offset, array.strides[axis])
            if rest == (part.shape, part.strides) and not odd and 0 <= position < array.shape[axis]:
                return int(position) if axis == 0 else (*[slice(None)] * axis, int(position))
    if part.ndim == array.ndim and part.strides == array.strides:
        for axis in range(array.ndim):
            if array.shape[:axis] + array.shape[axis + 1 :] == part.shape[:axis] + part.shape[axis + 1 :]:
                start, odd = divmod(offset, array.strides[axis])
                stop = start + part.shape[axis]
                if not odd and 0 <= start < stop <= array.shape[axis]:
                    cut = slice(int(start) or None, None if stop == array.shape[axis] else int(stop))
                    return cut if axis == 0 else (*[slice(None)] * axis, cut)
    return None


def _scaled(array: Any, value: Any) -> Any:
    """A function and its arguments that make `value` of a float array of the same shape: -x, c x, x / n, c - x, x - c.

    One entry proposes the number, all have to agree to the last bit.
    """
    if value.dtype.kind != "f" or not np.all(np.isfinite(value)) or not np.all(np.isfinite(array)):
        return None
    place = int(np.argmax(array != 0))
    x, y = array.flat[place].item(), value.flat[place].item()
    if x == 0.0:
        return None
    with np.errstate(all="ignore"):
        tried: list[tuple[Any, tuple[Any, ...]]] = []
        if y == -x:
            tried.append((operator.neg, (array,)))
        if y != 0.0:
            tried += [(operator.mul, (y / x, array)), (operator.truediv, (array, float(round(x / y) or 1)))]
        tried += [(operator.sub, (y + x, array)), (operator.sub, (array, x - y)), (operator.add, (array, y - x))]
        for function, args in tried:
            if all(np.isfinite(arg) for arg in args if type(arg) is float) and np.array_equal(function(*args), value):
                if function is not operator.neg and function in (operator.sub, operator.add) and _is_odd(args):
                    continue
                return function, args
    return None


def _is_odd(args: tuple[Any, ...]) -> bool:
    """Whether a number that is added or subtracted is none that somebody would write: it was found by chance."""
    numbers = [arg for arg in args if type(arg) is float]
    return any(float(f"{number:.6g}") != number for number in numbers)


def recognised(program: Program, watched: Any) -> tuple[Program, dict[int, str]]:
    """The program with constants written as what they were made of, and the names of arrays by id."""
    known = Recognised(program, watched)
    steps: list[Step] = []
    for step in program.steps:

        def of(value: Any, origin: Any = step.origin) -> Any:
            return known.of(value, origin)

        args = tuple([mapped(of, arg) for arg in step.args])
        kwargs = mapped(of, step.kwargs) if step.kwargs else step.kwargs
        steps += known.steps
        known.steps.clear()
        steps.append(step._replace(args=args, kwargs=kwargs))
    outputs = [known.of(output, PLAIN_ORIGIN) for output in program.outputs]
    steps += known.steps
    return program._replace(steps=steps, outputs=outputs), known.names


# ----- signs and factors ----------------------------------------------------------------------------------------------


def uses_of(program: Program) -> dict[int, int]:
    """How often each variable is read; a result counts twice."""
    uses: dict[int, int] = {}
    for step in program.steps:
        for var in reads(step):
            uses[var.index] = uses.get(var.index, 0) + 1
    for output in program.outputs:
        if type(output) is Var:
            uses[output.index] = uses.get(output.index, 0) + 2
    return uses


def needed_for_results(program: Program) -> set[int]:
    """The variables on which the results depend, whatever the guards read."""
    needed = {output.index for output in program.outputs if type(output) is Var}
    for step in reversed(program.steps):
        if any(var.index in needed for var in made_by(step)):
            needed.update([var.index for var in reads(step)])
    return needed


def is_factor(value: Any) -> bool:
    """Whether a constant is a number that can take a sign."""
    return type(value) in (float, int, np.float64) and value == value and value != 0


def signs_joined(program: Program) -> Program:
    """Signs come together: -(-u * 2.0) is 2.0 * u, and a + (-2.0) * b is a - 2.0 * b; to the last bit."""
    by, uses = made_from(program), uses_of(program)

    def definition(value: Any) -> Step | None:
        """The step that makes a real value which is read once."""
        if type(value) is not Var or value.dtype.kind != "f" or uses.get(value.index, 0) != 1:
            return None
        return by.get(value.index)

    def rewrite(step: Step) -> Any:
        new = _joined(step, definition)
        for var in made_by(new) if type(new) is Step else ():
            by[var.index] = new
        return new

    return without_dead_code(renamed(program, rewrite))


def _joined(step: Step, definition: Callable[[Any], Step | None]) -> Any:
    function, args, out = step.function, step.args, step.out
    if type(out) is not Var or out.dtype.kind != "f" or step.kwargs:
        return step
    if function is operator.mul and is_factor(args[1]) and type(args[0]) is Var and step.origin.phase != "primal":
        step = step._replace(args=args[::-1])  # the number first
        args = step.args
    if function in (operator.add, operator.sub):
        negated = definition(args[1])
        if negated is not None and negated.function is operator.neg:
            other = operator.sub if function is operator.add else operator.add
            return step._replace(function=other, args=(args[0], negated.args[0]))
        negated = definition(args[0])
        if negated is not None and negated.function is operator.neg and function is operator.add:
            return step._replace(function=operator.sub, args=(args[1], negated.args[0]))
    if function in (operator.mul, operator.truediv):
        for k in (0, 1):
            inner, other = definition(args[k]), args[1 - k]
            if inner is not None and inner.function is operator.neg:
                if is_factor(other) and (function is operator.mul or k == 1):
                    pair = (inner.args[0], -other) if k == 0 else (-other, inner.args[0])
                    return _joined(step._replace(args=pair), definition)
                outer = definition(other)
                if outer is not None and outer.function is operator.neg:
                    pair = (inner.args[0], outer.args[0]) if k == 0 else (outer.args[0], inner.args[0])
                    return step._replace(args=pair)
    if function is operator.neg:
        inner = definition(args[0])
        if inner is not None and inner.function in (operator.mul, operator.truediv) and not inner.kwargs:
            for k in (0, 1):
                if is_factor(inner.args[k]) and (inner.function is operator.mul or k == 0):
                    pair = (-inner.args[0], inner.args[1]) if k == 0 else (inner.args[0], -inner.args[1])
                    return step._replace(function=inner.function, args=pair)
            for k in (0, 1):
                deeper = definition(inner.args[k])
                if deeper is not None and deeper.function is operator.neg:
                    pair = (deeper.args[0], inner.args[1]) if k == 0 else (inner.args[0], deeper.args[0])
                    return step._replace(function=inner.function, args=pair)
    return step


def signs_subtracted(program: Program) -> Program:
    """What is added with a negative factor is subtracted with a positive one; to the last bit."""
    by, uses = made_from(program), uses_of(program)
    turned: dict[int, Step] = {}

    def positive(value: Any) -> Step | None:
        """The step to be written otherwise so that a value, a product that begins with a sign, changes its sign."""
        step = by.get(value.index) if type(value) is Var and uses.get(value.index) == 1 else None
        if step is None or step.kwargs or value.dtype.kind != "f" or value.index in turned:
            return None
        if step.function not in (operator.mul, operator.truediv):
            return None
        first, second = step.args
        if is_factor(first):
            return step._replace(args=(-first, second)) if first < 0 else None
        inner = by.get(first.index) if type(first) is Var and uses.get(first.index) == 1 else None
        if inner is not None and inner.function is operator.neg:
            return step._replace(args=(inner.args[0], second))
        return positive(first)

    for step in program.steps:
        if step.function in (operator.add, operator.sub) and type(step.out) is Var and step.out.dtype.kind == "f":
            x, y = step.args
            found = positive(y)
            if found is not None:
                other = operator.sub if step.function is operator.add else operator.add
                turned[step.out.index] = step._replace(function=other)
            elif step.function is operator.add and (found := positive(x)) is not None:
                turned[step.out.index] = step._replace(function=operator.sub, args=(y, x))
            if found is not None:
                turned[found.out.index] = found
    if not turned:
        return program
    steps = [turned.get(step.out.index, step) if type(step.out) is Var else step for step in program.steps]
    return without_dead_code(program._replace(steps=steps))


def axes_dropped(program: Program) -> Program:
    """A sum whose axes are kept and then dropped is one that does not keep them."""
    by, uses = made_from(program), uses_of(program)

    def rewrite(step: Step) -> Any:
        if step.function is not duck.reshape or step.kwargs or type(step.args[0]) is not Var or not step.out.shape:
            return step
        inner = by.get(step.args[0].index)
        if inner is None or type(inner.function) is not Reduction or uses.get(step.args[0].index) != 1:
            return step
        x, axes, keepdims = inner.args
        rest = tuple([n for k, n in enumerate(x.shape) if k not in axes])
        if keepdims and rest == step.out.shape:
            return step._replace(function=inner.function, args=(x, axes, False))
        return step

    return without_dead_code(renamed(program, rewrite))


def plainer(program: Program) -> Program:
    """All of these passes."""
    return signs_subtracted(signs_joined(axes_dropped(program)))
