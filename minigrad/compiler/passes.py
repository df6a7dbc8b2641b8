"""The optimisations, each a small function from program to program that keeps its meaning.

`interpret(program, inputs)` of `stage` gives a program its meaning; every pass keeps the results to the last bit,
except where its docstring says otherwise. `PASSES` is the order in which they are applied.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.stage import GUARDS, Program, Step, Var, kind_of, made_by, reads, variables
from minigrad.core import duck_arrays as duck
from minigrad.core.nested import mapped

Pass = Callable[[Program], Program]

# ----- tools ----------------------------------------------------------------------------------------------------------


def renamed(program: Program, rewrite: Callable[[Step], Any]) -> Program:
    """The program after each step was rewritten.

    `rewrite` gets a step whose arguments are up to date, and returns it or another step; or a variable or constant, by
    which the step's result is to be replaced everywhere; or a list of steps.
    """
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


# ----- one way to say everything --------------------------------------------------------------------------------------

OPERATORS: dict[Any, Any] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.divide: operator.truediv,
    np.floor_divide: operator.floordiv, np.matmul: operator.matmul, np.negative: operator.neg,
    np.less: operator.lt, np.less_equal: operator.le, np.greater: operator.gt, np.greater_equal: operator.ge,
    np.equal: operator.eq, np.not_equal: operator.ne, np.bitwise_and: operator.and_, np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor, np.invert: operator.invert, np.positive: operator.pos,
}  # fmt: skip
REDUCTIONS: dict[Any, Any] = {
    np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum, np.amax: np.maximum,
    np.amin: np.minimum, np.all: np.logical_and, np.any: np.logical_or,
}  # fmt: skip


class Reduction:
    """A reduction by a ufunc over a tuple of axes: `Reduction(np.add)(x, axes, keepdims)`."""

    def __init__(self, ufunc: Any) -> None:
        self.ufunc = ufunc
        self.__name__ = f"{ufunc.__name__}.reduce"

    def __call__(self, x: Any, axes: Any, keepdims: bool) -> Any:
        """The reduction of an array."""
        return self.ufunc.reduce(x, axes, None, None, keepdims)


SUM, PROD, MAX, MIN, ALL, ANY = map(
    Reduction, (np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or)
)
_BY_UFUNC = {each.ufunc: each for each in (SUM, PROD, MAX, MIN, ALL, ANY)}


def canonical(program: Program) -> Program:
    """Ufuncs become operators, all ways to reduce one, all ways to reshape and transpose one each.

    Equal work is then found by comparing steps.
    """
    return renamed(program, _canonical)


def _canonical(step: Step) -> Step:
    function, args, kwargs = step.function, step.args, step.kwargs
    if function in GUARDS:
        return step
    if function in OPERATORS and not kwargs and len(args) <= 2:
        return step._replace(function=OPERATORS[function])
    if function is operator.abs:
        return step._replace(function=np.absolute)
    reduced = _reduction(function, args, kwargs)
    if reduced is not None:
        return step._replace(function=reduced[0], args=reduced[1], kwargs={})
    if function in (duck.reshape, np.reshape, np.ravel) and type(args[0]) is Var and type(step.out) is Var:
        order = kwargs.get("order", args[2] if len(args) > 2 else args[1] if function is np.ravel and args[1:] else "C")
        if order == "C":
            return step._replace(function=duck.reshape, args=(args[0], step.out.shape), kwargs={})
    if function is np.transpose and type(args[0]) is Var and not kwargs:
        n = len(args[0].shape)
        axes = args[1] if len(args) > 1 else None
        axes = tuple(range(n))[::-1] if axes is None else tuple([int(a) % n for a in axes])
        return step._replace(args=(args[0], axes))
    if function is np.swapaxes and type(args[0]) is Var and not kwargs:
        axes = list(range(len(args[0].shape)))
        i, j = args[1], args[2]
        axes[i], axes[j] = axes[j], axes[i]
        return step._replace(function=np.transpose, args=(args[0], tuple(axes)))
    if function is np.square and not kwargs and args[0].dtype.kind in "fc":
        return step._replace(function=operator.mul, args=(args[0], args[0]))
    return step


def _reduction(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The reduction that this call is, with its arguments; None if it is none or a special one."""
    names: tuple[str, ...] = ("axis", "dtype", "out", "keepdims", "initial", "where")
    ufunc = None
    if function in REDUCTIONS:
        ufunc, default = REDUCTIONS[function], None
        if ufunc not in (np.add, np.multiply):
            names = ("axis", "out", "keepdims", "initial", "where")
    elif getattr(function, "__name__", "") == "reduce" and type(getattr(function, "__self__", None)) is np.ufunc:
        ufunc, default = function.__self__, 0
    reduced = _BY_UFUNC.get(ufunc)
    if reduced is None or type(args[0]) is not Var or args[0].kind != "array":
        return None
    given = dict(zip(names, args[1:])) | kwargs
    axis, keepdims = given.pop("axis", default), given.pop("keepdims", False)
    neutral = (None, np._NoValue, True)
    if any(value is not None and not any(value is each for each in neutral) for value in given.values()):
        return None
    n = len(args[0].shape)
    axes = tuple(range(n)) if axis is None else axis if type(axis) is tuple else (axis,)
    if ufunc in (np.logical_and, np.logical_or) and args[0].dtype.kind != "b":
        return None
    return reduced, (args[0], tuple(sorted(int(a) % n for a in axes)) if n else (), keepdims is True), {}


# ----- dead code ------------------------------------------------------------------------------------------------------


def without_dead_code(program: Program) -> Program:
    """Without the steps whose results nobody reads. Guards stay: what they promise holds the program together."""
    needed = {var.index for var in variables(program.outputs)}
    steps: list[Step] = []
    for step in reversed(program.steps):
        if step.out is None or any(var.index in needed for var in made_by(step)):
            needed.update([var.index for var in reads(step)])
            steps.append(step)
    return program if len(steps) == len(program.steps) else program._replace(steps=steps[::-1])


# ----- equal work -----------------------------------------------------------------------------------------------------


def key_of(value: Any) -> Any:
    """Something hashable that is equal for equal arguments: constants by type and value, arrays by content."""
    kind = type(value)
    if kind is Var:
        return Var, value.index
    if kind is tuple or kind is list:
        return kind, *[key_of(part) for part in value]
    if kind is dict:
        return kind, *[(name, key_of(part)) for name, part in value.items()]
    if kind is slice:
        return kind, key_of(value.start), key_of(value.stop), key_of(value.step)
    if isinstance(value, np.ndarray):
        small = value.nbytes <= 1 << 14
        return kind, value.shape, value.dtype.str, value.tobytes() if small else id(value)
    if isinstance(value, np.generic):
        return kind, value.tobytes()
    if kind in (float, complex):
        return kind, repr(value)
    try:
        hash(value)
    except TypeError:
        return kind, id(value)
    return kind, value


def shared(program: Program) -> Program:
    """Equal work is done once: steps with the same function and arguments, of sums and products in either order."""
    seen: dict[Any, Any] = {}
    checked: set[Any] = set()

    def rewrite(step: Step) -> Any:
        args: Any = [(Var, arg.index) if type(arg) is Var else key_of(arg) for arg in step.args]
        if step.function in (operator.add, operator.mul):
            x, y = args
            in_order = x[1] <= y[1] if x[0] is Var and y[0] is Var else x[0] is not Var
            args = args if in_order else (y, x)
        args = tuple(args)
        key = (step.function, args, key_of(step.kwargs) if step.kwargs else ())
        if step.out is None:
            if key in checked:
                return []
            checked.add(key)
            return step
        if key in seen and type(step.out) is Var:
            return seen[key]
        if type(step.out) is Var:
            seen[key] = step.out
        return step

    return renamed(program, rewrite)


def reductions_shared(program: Program) -> Program:
    """The same reduction with and without kept axes becomes one reduction and a view of it."""
    found: dict[Any, Var] = {}

    def rewrite(step: Step) -> Any:
        if type(step.function) is not Reduction:
            return step
        x, axes, _ = step.args
        key = (step.function.ufunc, key_of(x), axes)
        if key not in found:
            found[key] = step.out
            return step
        other = found[key]
        if other.kind != "array" or step.out.kind != "array":
            return step
        return step._replace(function=duck.reshape, args=(other, step.out.shape), kwargs={})

    return renamed(program, rewrite)


# ----- constants ------------------------------------------------------------------------------------------------------

LARGEST_FOLD = 1 << 16  # bytes: a larger constant is cheaper to make than to keep


def folded(program: Program) -> Program:
    """What does not depend on the inputs is computed now."""

    def rewrite(step: Step) -> Any:
        if step.out is None:
            constant = not reads(step)
            return [] if constant and step.function(*step.args) else step
        if type(step.out) is not Var or reads(step):
            return step
        if step.out.dtype.itemsize * int(np.prod(step.out.shape)) > LARGEST_FOLD:
            return step
        try:
            with np.errstate(all="raise"):
                return step.function(*step.args, **step.kwargs)
        except Exception:  # let it happen when it is run
            return step

    return renamed(program, rewrite)


# ----- algebra --------------------------------------------------------------------------------------------------------


def is_number(value: Any, number: float) -> bool:
    """Whether a constant is this number, with its sign; or an array of it."""
    if isinstance(value, np.ndarray) and 0 < value.size <= 1 << 16 and value.dtype.kind == "f":
        return bool(np.all(value == number)) and bool(np.all(np.signbit(value) == np.signbit(number)))
    return (
        type(value) in (int, float, np.float64, np.float32)
        and value == number
        and bool(np.signbit(value)) == bool(np.signbit(number))
    )


def simplified(program: Program) -> Program:
    """Algebra that changes no bit: x·1, x/1, x - 0, -(-x), views of views, sums over nothing.

    x + 0 is dropped as well: it differs from x where x is -0.0 only, whose sign nothing but a division shows.
    """
    by = made_from(program)

    def definition(value: Any, function: Any) -> Step | None:
        step = by.get(value.index) if type(value) is Var else None
        return step if step is not None and step.function is function else None

    def rewrite(step: Step) -> Any:
        new = _simplified(step, definition)
        if type(new) is Step:
            for var in made_by(new):
                by[var.index] = new
        elif type(new) is not list and not same_type(new, step.out):
            return step
        return new

    return renamed(program, rewrite)


def _simplified(step: Step, definition: Callable[[Any, Any], Step | None]) -> Any:
    function, args, out = step.function, step.args, step.out
    if type(out) is not Var:
        return step
    if function in (operator.mul, operator.truediv, operator.add, operator.sub) and len(args) == 2:
        x, y = args
        neutral = 1.0 if function in (operator.mul, operator.truediv) else 0.0
        has_constant = type(x) is not Var or type(y) is not Var
        if has_constant and is_number(y, neutral) and same_type(x, out):
            return x
        if has_constant and is_number(x, neutral) and function in (operator.mul, operator.add) and same_type(y, out):
            return y
        if function is operator.mul and not has_constant:
            return step
        if function is operator.mul:
            for number, other in ((x, y), (y, x)):
                if is_number(number, -1.0) and type(other) is Var and same_type(other, out):
                    return _simplified(step._replace(function=operator.neg, args=(other,)), definition)
        negated = definition(y, operator.neg)
        if function in (operator.add, operator.sub) and negated is not None:
            other = operator.sub if function is operator.add else operator.add
            return step._replace(function=other, args=(x, negated.args[0]))
        negated = definition(x, operator.neg)
        if function is operator.add and negated is not None:
            return step._replace(function=operator.sub, args=(y, negated.args[0]))
    if function is operator.neg:
        inner = definition(args[0], operator.neg)
        if inner is not None:
            return inner.args[0]
    if function is operator.pos and same_type(args[0], out):
        return args[0]
    if function is np.transpose and len(args) == 2 and type(args[1]) is tuple:
        inner = definition(args[0], np.transpose)
        if inner is not None and len(inner.args) == 2 and type(inner.args[1]) is tuple:
            axes = tuple(inner.args[1][a] for a in args[1])
            return _simplified(step._replace(args=(inner.args[0], axes)), definition)
        if args[1] == tuple(range(len(args[1]))):
            return args[0]
    if function is duck.reshape and not step.kwargs and type(args[0]) is Var:
        inner = definition(args[0], duck.reshape)
        if inner is not None and not inner.kwargs and type(inner.args[0]) is Var:
            return _simplified(step._replace(args=(inner.args[0], args[1])), definition)
        if args[0].shape == out.shape:
            return args[0]
    if function is np.broadcast_to and type(args[0]) is Var and args[0].shape == out.shape:
        return args[0]
    if function is duck.astype and type(args[0]) is Var and args[0].dtype == out.dtype:
        return args[0]
    if function in (np.copy, np.ascontiguousarray, np.asarray) and len(args) == 1 and not step.kwargs:
        return args[0]
    if type(function) is Reduction and args[1] == () and same_type(args[0], out):
        return args[0]
    if function is operator.getitem and _picks(args[1], 0):
        product = definition(args[0], operator.matmul)
        column = definition(product.args[1], operator.getitem) if product is not None else None
        if product is not None and column is not None and _picks(column.args[1], None):
            if len(np.shape(product.args[0])) == 2 and len(np.shape(column.args[0])) == 1:
                return step._replace(function=operator.matmul, args=(product.args[0], column.args[0]))
    if function in (np.real, np.conjugate) and type(args[0]) is Var and args[0].dtype.kind == "f":
        return args[0]
    return step


def _picks(index: Any, last: Any) -> bool:
    """Whether an index is `[..., last]`."""
    return type(index) is tuple and len(index) == 2 and index[0] is Ellipsis and type(index[1]) is type(last) and (
        index[1] == last
    )  # fmt: skip


def narrowed(program: Program) -> Program:
    """An elementwise operation does not need an operand that was broadcast or filled: it broadcasts by itself."""
    if not any(step.function is np.broadcast_to for step in program.steps):
        return program
    by = made_from(program)
    elementwise = {operator.add, operator.sub, operator.mul, operator.truediv}

    def rewrite(step: Step) -> Any:
        if step.function not in elementwise or type(step.out) is not Var:
            return step
        args = list(step.args)
        for k in (0, 1):
            made = by.get(args[k].index) if type(args[k]) is Var else None
            if made is not None and made.function is np.broadcast_to and type(made.args[0]) is Var:
                small = made.args[0]
                other = args[1 - k]
                if small.dtype == args[k].dtype and np.broadcast_shapes(small.shape, np.shape(other)) == step.out.shape:
                    args[k] = small
        return step._replace(args=tuple(args))

    return renamed(program, rewrite)


def reduced_strength(program: Program) -> Program:
    """Powers to small whole numbers become products.

    x**2 of an array is x·x to the last bit in NumPy too; of a number, and for the exponent 3, the last bit may differ.
    """

    def rewrite(step: Step) -> Any:
        if step.function not in (operator.pow, np.power) or step.kwargs or type(step.args[0]) is not Var:
            return step
        x, y = step.args
        if isinstance(y, (int, float, np.integer, np.floating)) and same_type(x, step.out) and x.dtype.kind in "fc":
            if y == 1:
                return x
            if y == 2:
                return step._replace(function=operator.mul, args=(x, x))
        return step

    return renamed(program, rewrite)


MOST_TERMS = 4096


def sums_as_products(program: Program) -> Program:
    """Sums over one axis of a matrix become products with ones, which BLAS computes twice as fast.

    They add in another order: the results agree to rounding. Long sums, for which NumPy's pairwise order is more
    accurate, are left alone.
    """

    def rewrite(step: Step) -> Any:
        if type(step.function) is not Reduction or step.function.ufunc is not np.add:
            return step
        x, axes, keepdims = step.args
        if len(x.shape) != 2 or len(axes) != 1 or x.dtype not in (np.float64, np.float32) or 0 in x.shape:
            return step
        n, other = x.shape[axes[0]], x.shape[1 - axes[0]]
        if not 8 <= n <= MOST_TERMS or (axes[0] == 0 and n > other):
            return step
        ones = np.ones((1, n) if axes[0] == 0 else (n, 1), x.dtype) if keepdims else np.ones(n, x.dtype)
        return step._replace(function=operator.matmul, args=(ones, x) if axes[0] == 0 else (x, ones))

    return renamed(program, rewrite)


PASSES: tuple[Pass, ...] = (
    without_dead_code, canonical, reduced_strength, simplified, folded, shared, reductions_shared, simplified, narrowed,
    shared, without_dead_code,
)  # fmt: skip


def numbers_as_arrays(program: Program) -> Program:
    """Numbers beside arrays become arrays without axes, of the array's dtype, which NumPy need not convert each time.

    For speed only: the result is the same, and reads worse.
    """
    made: dict[Any, Any] = {}

    def rewrite(step: Step) -> Any:
        if step.function not in _TAKES_ARRAYS or step.kwargs or len(step.args) != 2 or type(step.out) is not Var:
            return step
        for k, number in enumerate(step.args):
            other = step.args[1 - k]
            if type(number) in (int, float, np.float64) and type(other) is Var and other.kind == "array":
                is_same = type(number) is not np.float64 or other.dtype == np.float64
                if is_same and other.dtype in (np.float64, np.float32) and step.out.dtype in (other.dtype, np.bool_):
                    key = other.dtype, repr(number)
                    if key not in made:
                        with np.errstate(all="ignore"):
                            made[key] = np.array(number, other.dtype)
                    if np.isinf(made[key]):
                        return step  # too large for the dtype: NumPy says so when it runs
                    args = (made[key], other) if k == 0 else (other, made[key])
                    return step._replace(args=args)
        return step

    return renamed(program, rewrite)


_TAKES_ARRAYS = {
    operator.add, operator.sub, operator.mul, operator.truediv, np.maximum, np.minimum, operator.lt, operator.le,
    operator.gt, operator.ge,
}  # fmt: skip

ROUNDING: tuple[Pass, ...] = (*PASSES, sums_as_products)  #: with those that keep results to rounding only


def optimised(program: Program, passes: tuple[Pass, ...] = PASSES) -> Program:
    """The program after all passes; one is not repeated on what it returned itself."""
    returned: dict[Pass, Program] = {}
    for each in passes:
        if returned.get(each) is not program:
            program = returned[each] = each(program)
    return program


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
