"""The optimisations, each a small function from program to program that keeps its meaning.

`interpret(program, inputs)` of `meaning` says what it does. The passes in `PASSES` keep the results to the last
bit, signs of zeros included and those of NaN excepted; tests run each of them alone, on all dtypes, infinities, NaN,
integers at their ends, and arrays that lie by columns or have gaps. Every rewrite, and when it is exact:

| rewrite                            | holds for                                                                  |
|------------------------------------|----------------------------------------------------------------------------|
| a ufunc to its operator            | an operand that is NumPy's (of numbers of Python operators return another   |
|                                    | type); with complex numbers an array: NumPy's numbers round otherwise       |
| square(x) to x * x                 | floats (a complex product may round otherwise)                             |
| sum, max, all, reduce to one form  | no dtype, initial value, mask or array to write into                       |
| reshape, transpose, swapaxes       | order C; a copy that is asked for is left alone                            |
| x * 1, x / 1 to x; -1 * x to -x    | floats (integers too, but for -x): complex infinities would give NaN       |
| x - 0 to x                         | all: -0.0 - 0.0 is -0.0                                                    |
| x + 0 to x                         | integers, and floats that are certainly no -0.0: exp(x), x * x, abs(x)      |
| x + (-y) to x - y, and so on       | y, not only the sum, is a float; or complex with a complex sum; or an       |
|                                    | integer of the sum's dtype, in which both wrap around alike                |
| -(-x), +x, x.astype(its dtype)     | all                                                                        |
| abs(-x) to abs(x)                  | floats                                                                     |
| real(x), conjugate(x) to x         | floats                                                                     |
| transpose of a transpose           | all                                                                        |
| reshape of a reshape to one        | only axes of length 1 come and go, the entries lie by rows, or x is a       |
|                                    | vector: elsewhere the first may copy, and sums follow the order of memory  |
| new axes that come and go        | between transpositions of arrays without axes of length 1                   |
| copy, ravel, ascontiguousarray     | entries that certainly lie by rows without gaps                            |
| a reduction over no axes to x      | max, min, prod, all, any; a sum of what is no -0.0 (it returns 0.0)        |
| (A @ v[..., None])[..., 0] to A @ v| matrix and vector: one call of BLAS for both                               |
| x**1 to x, x**2 to x * x           | floats; the square of arrays only, where NumPy does the same               |
| a broadcast operand to a small one | the result keeps its dtype and type: float32 beside a number of Python     |
| a tiled operand to a small one     | the same; axes of length 1 alone, and the other operand lies by rows       |
| equal steps to one                 | equal constants bit by bit and in layout; x + y and y + x but for complex  |
|                                    | numbers; a step whose errors are heard stays                               |
| keepdims to a view of the other    | the same reduction, arrays                                                 |
| steps without a reader to nothing  | steps that cannot raise: no solver, no computed place                      |
| a step of constants to its result  | up to `LARGEST_FOLD` bytes, where nothing overflows or is invalid          |
| a number to an array without axes  | beside an array of float64 or float32 whose dtype it takes anyway          |

Those that keep results to rounding only, for `exact=False`, are in `rounding`.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.compiler.algebra import narrowed, reduced_strength, simplified, views_joined
from minigrad.compiler.canonical import Reduction, canonical
from minigrad.compiler.program import Program, Step, Var, reads, variables
from minigrad.compiler.raising import may_raise
from minigrad.compiler.rewriting import Pass, renamed
from minigrad.core import duck_arrays as duck

# ----- dead code ------------------------------------------------------------------------------------------------------


def without_dead_code(program: Program) -> Program:
    """Without the steps whose results nobody reads. Guards stay: what they promise holds the program together.

    So do steps that may raise an exception for some numbers: that exception is the answer for these.
    """
    needed = {var.index for var in variables(program.outputs)}
    steps: list[Step] = []
    for step in reversed(program.steps):
        out = step.out
        is_needed = out is None or (
            out.index in needed if type(out) is Var else any(var.index in needed for var in out)
        )
        if is_needed or may_raise(step.function, step.args, step.kwargs):
            for var in reads(step):
                needed.add(var.index)
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
        small = value.nbytes <= 1 << 14 and not value.dtype.hasobject
        return kind, value.shape, value.strides, value.dtype.str, value.tobytes() if small else id(value)
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
    """Equal work is done once: steps with the same function and arguments, of sums and products in either order.

    In either order not where numbers are complex: NumPy rounds a product of these once for each order. And a step in
    which a division by zero is to be heard does not make way for one in which it is not.
    """
    seen: dict[Any, Any] = {}
    checked: set[Any] = set()

    def rewrite(step: Step) -> Any:
        args: Any = [(Var, arg.index) if type(arg) is Var else key_of(arg) for arg in step.args]
        if step.function in (operator.add, operator.mul) and step.out.dtype.kind in "biuf":
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
        if type(step.out) is Var:
            for is_quiet in (False, True) if step.quiet else (False,):
                if (key, is_quiet) in seen:
                    return seen[key, is_quiet]
            seen[key, step.quiet] = step.out
        return step

    return renamed(program, rewrite)


def reductions_shared(program: Program) -> Program:
    """The same reduction with and without kept axes becomes one reduction and a view of it."""
    found: dict[Any, Var] = {}

    def rewrite(step: Step) -> Any:
        if type(step.function) is not Reduction:
            return step
        x, axes, _ = step.args
        key = (step.function.ufunc, key_of(x), axes, step.quiet)
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


PASSES: tuple[Pass, ...] = (
    without_dead_code, canonical, reduced_strength, simplified, views_joined, folded, shared, reductions_shared,
    simplified, narrowed, shared, without_dead_code,
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


def optimised(program: Program, passes: tuple[Pass, ...] = PASSES) -> Program:
    """The program after all passes; one is not repeated on what it returned itself."""
    returned: dict[Pass, Program] = {}
    for each in passes:
        if returned.get(each) is not program:
            program = returned[each] = each(program)
    return program
