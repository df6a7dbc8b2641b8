"""Passes that compute the same with less: neutral elements, signs, views of views, powers, sums as products."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.canonical import OPERATORS, Reduction, is_operator
from minigrad.compiler.program import Program, Step, Var, made_by
from minigrad.compiler.rewriting import is_numpys, is_vector, makes_rows, renamed, same_type, shape_of
from minigrad.core import duck_arrays as duck


def is_number(value: Any, number: float) -> bool:
    """Whether a constant is this number, with its sign; or an array of it."""
    if isinstance(value, np.ndarray) and 0 < value.size <= 1 << 16 and value.dtype.kind == "f":
        return bool(np.all(value == number)) and bool(np.all(np.signbit(value) == np.signbit(number)))
    return (
        type(value) in (int, float, np.float64, np.float32)
        and value == number
        and bool(np.signbit(value)) == bool(np.signbit(number))
    )


class Facts:
    """What is known of the values of a program as it is gone through: who defines them, and what they cannot be."""

    def __init__(self) -> None:
        self.by: dict[int, Step] = {}
        self.unsigned: set[int] = set()  #: float arrays and numbers without a -0.0
        self.in_rows: set[int] = set()  #: arrays whose entries certainly lie by rows in memory, without gaps

    def definition(self, value: Any, function: Any) -> Step | None:
        """The step that defines a value, if it is one of this function."""
        step = self.by.get(value.index) if type(value) is Var else None
        return step if step is not None and step.function is function else None

    def has_no_negative_zero(self, value: Any) -> bool:
        """Whether there is certainly no -0.0 in a value."""
        if type(value) is Var:
            return value.index in self.unsigned or value.dtype.kind in "biu"
        if isinstance(value, (bool, int)):
            return True
        if isinstance(value, (float, np.floating, np.ndarray)) and np.size(value) <= 1 << 16:
            number = np.asarray(value)
            return number.dtype.kind == "f" and not np.any((number == 0) & np.signbit(number))
        return False

    def lies_in_rows(self, value: Any) -> bool:
        """Whether the entries of an array certainly lie one after the other, by rows."""
        return value.index in self.in_rows if type(value) is Var else bool(np.asarray(value).flags.c_contiguous)

    def noting(self, rewrite: Callable[[Step], Any]) -> Callable[[Step], Any]:
        """The same, for `renamed`, which learns from what it makes of each step."""

        def rewriting(step: Step) -> Any:
            new = rewrite(step)
            for each in new if type(new) is list else [new]:
                if type(each) is Step:
                    self.note(each)
            return new

        return rewriting

    def note(self, step: Step) -> None:
        """Learn from one more step."""
        out, function, args = step.out, step.function, step.args
        if type(out) is not Var:
            self.by.update(dict.fromkeys([var.index for var in made_by(step)], step))
            return
        self.by[out.index] = step
        if out.dtype.kind == "f" and self._makes_no_negative_zero(function, args):
            self.unsigned.add(out.index)
        if out.kind == "array" and self._makes_rows(out, function, args, step.kwargs):
            self.in_rows.add(out.index)

    def _makes_no_negative_zero(self, function: Any, args: tuple[Any, ...]) -> bool:
        if function in _WITHOUT_NEGATIVE_ZERO:
            return True
        if function is operator.mul:  # a square
            return type(args[0]) is Var and args[0] is args[1] and args[0].dtype.kind == "f"
        if function is operator.add:  # a + b is -0.0 only if both are
            return any(map(self.has_no_negative_zero, args))
        if function in (operator.sub, np.sqrt) or function in _REARRANGING or _is_sum(function):
            return self.has_no_negative_zero(args[0])
        if function is np.where and len(args) == 3:
            return self.has_no_negative_zero(args[1]) and self.has_no_negative_zero(args[2])
        return False

    def _makes_rows(self, out: Var, function: Any, args: tuple[Any, ...], kwargs: Any) -> bool:
        if function in (operator.matmul, np.ascontiguousarray, np.zeros, np.ones, np.repeat):
            return True
        if type(_UFUNC_OF.get(function, function)) is np.ufunc and not kwargs:
            return makes_rows(out, args, lambda value: is_vector(value) or self.lies_in_rows(value))
        if type(function) is Reduction:
            return is_vector(out)
        return function is duck.reshape and self.lies_in_rows(args[0])


_UFUNC_OF = {function: ufunc for ufunc, function in OPERATORS.items()}
_WITHOUT_NEGATIVE_ZERO = {np.absolute, np.exp, np.exp2, np.cosh, np.hypot, np.square}
_REARRANGING = {np.transpose, duck.reshape, np.broadcast_to, operator.getitem, np.ravel, np.copy}


def _is_sum(function: Any) -> bool:
    return type(function) is Reduction and function.ufunc is np.add


def simplified(program: Program) -> Program:
    """Algebra that changes no bit: x·1, x/1, x - 0, x + (-y), -(-x), |-x|, views of views, sums over nothing.

    The conditions are at the top of `passes`.
    """
    facts = Facts()

    def rewrite(step: Step) -> Any:
        new = _simplified(step, facts)
        if type(new) is not Step and not same_type(new, step.out):
            new = step
        return new

    return renamed(program, facts.noting(rewrite))


def _simplified(step: Step, facts: Facts) -> Any:
    if type(step.out) is not Var:
        return step
    if step.function in _ALGEBRA and len(step.args) == 2:
        return _arithmetic(step, facts)
    return _rearranged(step, facts)


_ALGEBRA = {operator.mul, operator.truediv, operator.add, operator.sub}


def _arithmetic(step: Step, facts: Facts) -> Any:
    """A sum, difference, product or quotient."""
    function, (x, y), out = step.function, step.args, step.out
    kind = out.dtype.kind
    if type(x) is not Var or type(y) is not Var:
        if kind in "fiu" and function in (operator.mul, operator.truediv):
            if is_number(y, 1.0) and same_type(x, out):
                return x
            if is_number(x, 1.0) and function is operator.mul and same_type(y, out):
                return y
            for number, other in ((x, y), (y, x)) if function is operator.mul and kind == "f" else ():
                if is_number(number, -1.0) and type(other) is Var and same_type(other, out):
                    return _simplified(step._replace(function=operator.neg, args=(other,)), facts)
        if function is operator.sub and is_number(y, 0.0) and same_type(x, out):
            return x
        if function is operator.add:
            for number, other in ((x, y), (y, x)):
                if not is_number(number, 0.0) or not same_type(other, out):
                    continue
                if facts.has_no_negative_zero(other):  # -0.0 + 0.0 is 0.0
                    return other
    # Of integers -y wraps around in the dtype of y, not in that of the result; and a complex x less a real y keeps
    # the sign of its imaginary zero, where a sum with -y does not.
    negated = facts.definition(y, operator.neg)
    if function in (operator.add, operator.sub) and negated is not None and _is_alike(negated.args[0], out):
        other = operator.sub if function is operator.add else operator.add
        return step._replace(function=other, args=(x, negated.args[0]))
    negated = facts.definition(x, operator.neg)
    if function is operator.add and negated is not None and _is_alike(negated.args[0], out):
        return step._replace(function=operator.sub, args=(y, negated.args[0]))
    return step


def _is_alike(value: Any, out: Var) -> bool:
    """Whether an operand is negated before a sum as it would be within: both are floats, complex, or of one dtype."""
    return value.dtype == out.dtype or (value.dtype.kind == out.dtype.kind and out.dtype.kind in "fc")


def _rearranged(step: Step, facts: Facts) -> Any:
    """A step that moves entries, or computes nothing."""
    function, args, out = step.function, step.args, step.out
    if function is operator.neg:
        inner = facts.definition(args[0], operator.neg)
        return step if inner is None else inner.args[0]
    if function is np.abs and out.dtype.kind == "f" and not step.kwargs:
        inner = facts.definition(args[0], operator.neg)
        return step if inner is None else step._replace(args=inner.args)
    if function is operator.pos:
        return args[0]
    if function is np.transpose and len(args) == 2 and type(args[1]) is tuple:
        inner = facts.definition(args[0], np.transpose)
        if inner is not None and len(inner.args) == 2 and type(inner.args[1]) is tuple:
            axes = tuple(inner.args[1][a] for a in args[1])
            return _rearranged(step._replace(args=(inner.args[0], axes)), facts)
        if args[1] == tuple(range(len(args[1]))):
            return args[0]
    if function is duck.reshape and not step.kwargs and type(args[0]) is Var:
        inner = facts.definition(args[0], duck.reshape)
        if inner is not None and not inner.kwargs and type(inner.args[0]) is Var and inner.args[0].kind == "array":
            below = inner.args[0]
            # The first of two may have copied what lies by columns: then one alone would leave it as it lies.
            never_copies = is_vector(below) or _long(below.shape) == _long(args[0].shape) == _long(out.shape)
            if never_copies or facts.lies_in_rows(below):
                return _rearranged(step._replace(args=(below, args[1])), facts)
        if args[0].shape == out.shape:
            return args[0]
    if function is np.broadcast_to and type(args[0]) is Var and args[0].shape == out.shape:
        return args[0]
    if function is duck.astype and type(args[0]) is Var and args[0].dtype == out.dtype:
        return args[0]
    if function is np.asarray and len(args) == 1 and not step.kwargs:
        return args[0]
    if function in (np.copy, np.ascontiguousarray, np.ravel) and len(args) == 1 and not step.kwargs:
        if type(args[0]) is Var and args[0].kind == out.kind == "array" and facts.lies_in_rows(args[0]):
            view = step._replace(function=duck.reshape, args=(args[0], out.shape))
            return _rearranged(view, facts)
    if type(function) is Reduction and args[1] == () and same_type(args[0], out):
        if function.ufunc is not np.add or facts.has_no_negative_zero(args[0]):
            return args[0]
    if function is operator.getitem and _picks(args[1], 0):
        product = facts.definition(args[0], operator.matmul)
        column = facts.definition(product.args[1], operator.getitem) if product is not None else None
        if product is not None and column is not None and _picks(column.args[1], None):
            if len(np.shape(product.args[0])) == 2 and len(np.shape(column.args[0])) == 1:
                return product._replace(out=out, args=(product.args[0], column.args[0]), origin=step.origin)
    if function in (np.real, np.conjugate) and type(args[0]) is Var and args[0].dtype.kind == "f":
        return args[0]
    return step


def _long(shape: tuple[int, ...]) -> list[int]:
    return [n for n in shape if n != 1]


def _picks(index: Any, last: Any) -> bool:
    """Whether an index is `[..., last]`."""
    return type(index) is tuple and len(index) == 2 and index[0] is Ellipsis and type(index[1]) is type(last) and (
        index[1] == last
    )  # fmt: skip


def narrowed(program: Program, in_any_order: bool = False) -> Program:
    """An elementwise operation does not need an operand that was broadcast or filled: it broadcasts by itself.

    `in_any_order` says that results may lie in memory in another order, which that of sums follows.
    """
    if not any(step.function in (np.broadcast_to, np.tile) for step in program.steps):
        return program
    facts = Facts()
    by = facts.by
    elementwise = {operator.add, operator.sub, operator.mul, operator.truediv}

    def narrow(step: Step) -> Step:
        if step.function not in elementwise or type(step.out) is not Var:
            return step
        args = list(step.args)
        for k in (0, 1):
            made = by.get(args[k].index) if type(args[k]) is Var else None
            if made is not None and made.function in (np.broadcast_to, np.tile) and type(made.args[0]) is Var:
                small = made.args[0]
                other = args[1 - k]
                # Tiles lie by rows, and so does a result with them; without them it lies as the other operand does.
                stays = in_any_order or _fixes_rows(other, step.out, facts)
                if made.function is np.tile and not (_stretches(small, args[k]) and stays):
                    continue
                if small.kind == "python" and (not is_numpys(other) or other.dtype != step.out.dtype):
                    continue  # beside a number of Python, float32 stays float32
                if small.dtype == args[k].dtype and np.broadcast_shapes(small.shape, np.shape(other)) == step.out.shape:
                    args[k] = small
        return step._replace(args=tuple(args)) if is_operator(_UFUNC_OF[step.function], tuple(args)) else step

    return renamed(program, facts.noting(narrow))


def _stretches(small: Var, tiled: Var) -> bool:
    """Whether tiles repeat axes of length 1 alone, as broadcasting does."""
    axes = zip(reversed(small.shape), reversed(tiled.shape))
    return len(small.shape) <= len(tiled.shape) and all(n in (1, m) for n, m in axes)


def _fixes_rows(value: Any, out: Var, facts: Facts) -> bool:
    """Whether an operand has the shape of the result, and lies by rows."""
    return shape_of(value) == out.shape and (is_vector(value) or facts.lies_in_rows(value))


def reduced_strength(program: Program) -> Program:
    """Powers of arrays to 1 and 2 become the array and a product, as they do within NumPy."""

    def rewrite(step: Step) -> Any:
        if step.function is not operator.pow or type(step.args[0]) is not Var or step.kwargs:
            return step
        x, y = step.args
        if x.dtype.kind == "f" and isinstance(y, (int, float, np.integer, np.floating)) and same_type(x, step.out):
            if y == 1:
                return x
            if y == 2 and x.kind == "array":
                return step._replace(function=operator.mul, args=(x, x))
        return step

    return renamed(program, rewrite, (operator.pow,))


def views_joined(program: Program) -> Program:
    """Axes of size 1 that come and go between transpositions: what is left is one transposition, or none."""
    seen: dict[int, tuple[Var, tuple[int | None, ...]]] = {}  # the base of a view, and its axes; None is a new one

    def rewrite(step: Step) -> Any:
        x, out = step.args[0] if step.args else None, step.out
        if type(x) is not Var or type(out) is not Var or step.kwargs or x.kind != "array" or out.kind != "array":
            return step
        base, axes = seen.get(x.index) or (x, tuple(range(len(x.shape))))
        after = _axes_after(step, axes, x.shape) if 1 not in base.shape else None
        if after is None:
            return step
        if None in after or base is x:
            seen[out.index] = base, after
            return step
        if after == tuple(range(len(after))):
            return base
        seen[out.index] = base, after
        return step._replace(function=np.transpose, args=(base, after))

    return renamed(program, rewrite)


def _axes_after(step: Step, axes: tuple[int | None, ...], shape: tuple[int, ...]) -> tuple[int | None, ...] | None:
    """The axes of a value after a step, if that only moves them and adds and drops new ones; None if it does more."""
    if step.function is np.transpose and len(step.args) == 2 and type(step.args[1]) is tuple:
        return tuple([axes[axis] for axis in step.args[1]])
    if step.function is duck.reshape:
        left = [axis for axis in axes if axis is not None]
        if _long(step.out.shape) != _long(shape):
            return None
        return tuple([None if n == 1 else left.pop(0) for n in step.out.shape])
    if step.function is not operator.getitem or len(step.args) != 2:
        return None
    index = step.args[1] if type(step.args[1]) is tuple else (step.args[1],)
    where = [k for k, part in enumerate(index) if part is Ellipsis] or [len(index)]
    if not all(part is None or part is Ellipsis or type(part) in (slice, int) for part in index):
        return None
    whole = len(axes) - sum(type(part) in (slice, int) for part in index)
    parts = [*index[: where[0]], *[slice(None)] * whole, *index[where[0] + 1 :]]
    left_axes, found = list(axes), list[int | None]()
    for part in parts:
        if part is None:
            found.append(None)
        elif type(part) is slice and part == slice(None):
            found.append(left_axes.pop(0))
        elif type(part) is int and part in (0, -1) and left_axes[0] is None:
            left_axes.pop(0)
        else:
            return None
    return tuple(found)
