"""The transformations: functions that make derivatives of functions.

Each opens a tape, puts the selected arguments into boxes, calls the function, and sweeps the tape once or more often.
Arguments may be pytrees; leaves that are not numbers (None, strings, functions) pass through. `argnum` is the position
of the argument to differentiate, or a sequence of positions; keyword arguments are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import linalg, structure
from minigrad.duck import Duck
from minigrad.explore import INNER_CODE, TracedTape
from minigrad.sweeps import backward, finished, forward
from minigrad.tape import (
    Box,
    LeanForwardTape,
    LeanTape,
    LostDerivativeError,
    Tape,
    located,
    open_part,
    peel,
    read_only,
)
from minigrad.tree import LEAF, TreeDef, flatten, tree_map

Argnum = int | Sequence[int]

# ----- recording ------------------------------------------------------------------------------------------------------


class Recording:
    """A function run once on a tape: its tape, what it returned, and the leaves of its selected arguments."""

    __slots__ = ("leaves", "numeric", "operation", "out", "tape", "treedef")

    def __init__(
        self, operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum, tape: Tape
    ) -> None:
        self.operation, self.tape = operation, tape
        selected = select(operation, args, argnum)
        self.leaves, self.treedef = flatten(selected)
        self.numeric = [True] * len(self.leaves)
        tape.retrace = lambda: Recording(operation, fun, args, kwargs, argnum, TracedTape()).tape
        boxes = self.leaves.copy()
        for position, leaf in enumerate(boxes):
            if type(leaf) is not np.ndarray or leaf.dtype.kind != "f":
                if not is_numeric(leaf):
                    self.numeric[position] = False
                    continue
                leaf = self.leaves[position] = leaf_value(operation, leaf, self.treedef, position, argnum)
            boxes[position] = tape.leaf(leaf)
        if boxes and not tape.leaves:
            check_differentiable(operation, self.leaves[0], name_of_argument(argnum))
        lost = None
        try:
            self.out = fun(*insert(args, argnum, self.treedef.unflatten(boxes)), **kwargs)
        except ValueError as error:
            lost = error.__cause__  # NumPy hides it behind "setting an array element with a sequence"
            if not isinstance(lost, LostDerivativeError):
                raise
            error.__cause__ = None
        finally:
            tape.is_open = False
        if lost is not None:  # raised here and not above, where each of the two exceptions would refer to the other
            try:
                raise lost
            finally:
                lost = None  # nor must this frame refer to it, to which its traceback refers

    def position(self, out: Any) -> int:
        """The node of an output, -1 if it does not depend on the tape's leaves."""
        while type(out) is Box and out.tape is not self.tape and not out.tape.is_open:
            out = out.value
        return out.index if type(out) is Box and out.tape is self.tape else -1

    def pull(self, seeds: Sequence[tuple[int, Any]], *, consume: bool = False) -> Any:
        """The cotangents of the selected arguments, in their structure."""
        seeds = [(index, seed) for index, seed in seeds if index >= 0]
        cotangents = iter(backward(self.tape, seeds, consume=consume))
        taken = {id(seed) for _, seed in seeds}
        return self.treedef.unflatten(
            [
                finished(next(cotangents), leaf, taken) if numeric else leaf
                for leaf, numeric in zip(self.leaves, self.numeric)
            ]
        )

    def push(self, tangents: Sequence[Any], outputs: Sequence[int], *, consume: bool = False) -> list[Any]:
        """The tangents of output nodes, given one tangent per leaf."""
        moving = [t for t, numeric in zip(tangents, self.numeric) if numeric]
        reached = iter(forward(self.tape, moving, [i for i in outputs if i >= 0], consume=consume))
        return [next(reached) if i >= 0 else None for i in outputs]


# What a printed tape records while one of these runs inside belongs to an inner transformation: it is indented.
INNER_CODE.update({Recording.__init__.__code__, Recording.pull.__code__, Recording.push.__code__})


def select(operation: str, args: Sequence[Any], argnum: Argnum) -> Any:
    """The arguments to differentiate: one, or a tuple of several."""
    try:
        if isinstance(argnum, (int, np.integer)):
            return args[argnum]
        selected = tuple([args[i] for i in argnum])
        if len({i % len(args) for i in argnum}) != len(argnum):
            raise ValueError(located(f"{operation}: argnum={argnum} names an argument twice; name each argument once"))
        return selected
    except IndexError:
        raise TypeError(
            located(
                f"{operation}: argument {argnum} is to be differentiated, but {len(args)} positional arguments were "
                f"given (keyword arguments are passed on as constants)"
            )
        ) from None


def insert(args: Sequence[Any], argnum: Argnum, selected: Any) -> list[Any]:
    """The arguments with the selected ones replaced."""
    new = list(args)
    if isinstance(argnum, (int, np.integer)):
        new[argnum] = selected
    else:
        for i, part in zip(argnum, selected):
            new[i] = part
    return new


def is_numeric(leaf: Any) -> bool:
    """Whether this leaf is one to differentiate; Python flags, strings, functions and other objects are not."""
    return isinstance(leaf, (float, Box, np.ndarray, np.generic, complex)) or (
        isinstance(leaf, int) and not isinstance(leaf, bool)
    ) or hasattr(leaf, "__array_function__")  # fmt: skip


def is_number(x: Any) -> bool:
    """Whether x can serve as a tangent or cotangent."""
    return (
        is_numeric(x) or isinstance(x, bool) or (isinstance(x, (list, tuple)) and np.asarray(x).dtype.kind in "biufc")
    )


def name_of_argument(argnum: Argnum) -> str:
    """How errors call an argument, or several."""
    several = [argnum] if isinstance(argnum, (int, np.integer)) else list(argnum)
    return f"argument{'' if len(several) == 1 else 's'} {', '.join(map(str, several))}"


def leaf_value(operation: str, leaf: Any, treedef: TreeDef, position: int, argnum: Argnum) -> Any:
    """A leaf as it goes on the tape: floats become NumPy's, so that they divide by zero as arrays do."""
    kind = type(leaf)
    if kind is np.ndarray:
        if leaf.dtype.kind in "fc":
            return leaf
    elif kind is float:
        return np.float64(leaf)
    elif kind is Box:
        return open_part(leaf)
    elif kind is complex:
        return np.complex128(leaf)
    elif isinstance(leaf, Duck):
        leaf = leaf.as_leaf()
        if leaf.dtype.kind in "fc":
            return leaf
    path, argument = treedef.paths()[position], argnum
    if not isinstance(argnum, (int, np.integer)):
        first, _, path = path.removeprefix("[").partition("]")
        argument = argnum[int(first)]
    check_differentiable(operation, leaf, name_of_argument(argument) + (f", leaf {path}" if path else ""))
    return leaf


def check_differentiable(operation: str, leaf: Any, where: str) -> None:
    """Raise unless derivatives with respect to this value make sense."""
    dtype = getattr(leaf, "dtype", None)
    what = f"an array of shape {np.shape(leaf)} and dtype {dtype}" if isinstance(leaf, np.ndarray) else repr(leaf)
    if isinstance(leaf, (np.ma.MaskedArray, np.matrix)):
        raise TypeError(located(f"{operation}: {where} is a {type(leaf).__name__}; pass a plain array: np.asarray(x)"))
    if isinstance(leaf, int) or (dtype is not None and getattr(dtype, "kind", "") in "biu"):
        raise TypeError(
            located(
                f"{operation}: {where} is {what}: integers have no derivative. "
                f"Pass floats: 2.0 instead of 2, x.astype(float) instead of x; or, if it is a constant such as a "
                f"number of steps, leave it out of what is differentiated: lambda x: f(x, 3)"
            )
        )
    if dtype is None or getattr(dtype, "kind", "") not in "fc":
        raise TypeError(
            located(
                f"{operation}: {where} is {what} of type {type(leaf).__name__}, which cannot be differentiated. "
                f"Pass a float, a float array, or a tuple, list, dict or dataclass of these"
            )
        )


def check_scalar(operation: str, out: Any) -> None:
    """Raise unless the function returned one real number."""
    plain = peel(out)
    if type(plain) is np.float64:
        return  # the usual case
    if out is None:
        raise TypeError(located(f"{operation}: the function returned None; did it forget its return statement?"))
    if isinstance(out, (tuple, list, dict)):
        raise TypeError(
            located(
                f"{operation}: the function returned a {type(out).__name__}, not one number. For (loss, extra) use "
                f"grad_and_aux, for several outputs vjp or jacobian"
            )
        )
    shape = np.shape(plain)
    kind = plain.dtype.kind if hasattr(plain, "dtype") else np.asarray(plain).dtype.kind
    if kind not in "biufc":
        raise TypeError(located(f"{operation}: the function returned a {type(plain).__name__}, not a number"))
    if np.size(plain) != 1:
        raise ValueError(
            located(
                f"{operation}: the function returned an array of shape {shape}, but a gradient is that of one number. "
                f"Sum it (np.sum), or use jacobian for all derivatives, or elementwise_grad if entry i of the output "
                f"depends on entry i of the input only"
            )
        )
    if kind == "c":
        raise TypeError(
            located(
                f"{operation}: the function returned a complex number ({plain.dtype}); the gradient is that of a real "
                f"one. Take np.real, np.imag or np.abs of it"
            )
        )


def check_outputs(operation: str, outs: Sequence[Any], outdef: TreeDef) -> None:
    """Raise if the output, or a function in it, cannot have a derivative; other non-numbers in it pass through."""
    for out in outs:
        if callable(out) or (outdef is LEAF and not is_numeric(out) and not isinstance(out, bool)):
            raise TypeError(
                located(
                    f"{operation}: the function returned a {type(out).__name__}, which has no derivative. Return "
                    f"numbers or arrays; differentiate a function of a function at a point: lambda u: f(u)(y)"
                )
            )


def value_of(out: Any, tape: Tape) -> Any:
    """The output, freed of the boxes of this tape, in its structure."""

    return open_part(out) if type(out) is Box else tree_map(open_part, out)


def _named(derivative: Callable[..., Any], name: str, fun: Callable[..., Any]) -> Callable[..., Any]:
    """Give a derived function a name and a docstring that say what it is."""
    inner = getattr(fun, "__name__", type(fun).__name__)
    derivative.__name__ = f"{name}_{inner}"
    derivative.__qualname__ = derivative.__name__
    derivative.__doc__ = f"{name} of {inner}. {getattr(fun, '__doc__', None) or ''}".strip()
    derivative.__wrapped__ = fun  # type: ignore[attr-defined]
    return derivative


# ----- reverse mode ---------------------------------------------------------------------------------------------------


def value_and_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that returns both `fun` and its gradient, at the cost of a small multiple of `fun`.

    Args:    fun: returns one real number (an array of one entry counts).  argnum: what to differentiate.
    Returns: a function of the arguments of `fun`. Its result is the value and the gradient; the gradient has the
             structure, shapes and dtypes of the argument, or is a tuple of such for a sequence of positions.
    Raises:  TypeError for integer or object input and for complex output, ValueError if `fun` returns several numbers.

    >>> value, gradient = value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        record = Recording("grad", fun, args, kwargs, argnum, LeanTape())
        check_scalar("grad", record.out)
        out, index = record.out, record.position(record.out)
        value = value_of(out, record.tape)
        record.out = out = None
        return value, record.pull([(index, 1.0)], consume=True)

    return _named(value_and_gradient, "value_and_grad", fun)


def grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """The gradient of a function that returns one real number.

    See `value_and_grad` for arguments and errors. An argument that `fun` does not use has the gradient zero.

    >>> grad(lambda x, y: x**2 * y)(3.0, 2.0)
    np.float64(12.0)
    >>> grad(grad(grad(np.sin)))(0.0)
    np.float64(-1.0)
    >>> grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 5.0})
    {'a': np.float64(5.0), 'b': np.float64(2.0)}
    """
    both = value_and_grad(fun, argnum)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return _named(gradient, "grad", fun)


def grad_and_aux(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]:
    """The gradient of the first output of `fun`, which returns a pair, and the second output as it is.

    >>> grad_and_aux(lambda x: (x**2, {"half": x / 2}))(3.0)
    (np.float64(6.0), {'half': np.float64(1.5)})
    """

    def gradient_and_aux(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        record = Recording("grad_and_aux", fun, args, kwargs, argnum, Tape())
        if not isinstance(record.out, (tuple, list)) or len(record.out) != 2:
            raise TypeError(located(f"grad_and_aux: the function must return a pair (loss, aux), got {record.out!r}"))
        out, aux = record.out
        check_scalar("grad_and_aux", out)
        aux = value_of(aux, record.tape)
        return record.pull([(record.position(out), 1.0)], consume=True), aux

    return _named(gradient_and_aux, "grad_and_aux", fun)


def elementwise_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """The derivative of a function that works entry by entry, in every entry at once.

    Args:    fun: maps an array of shape `S` to an array whose entry i depends on entry i of the argument only. For any
             other function the result is the gradient of the sum of the outputs.
    Returns: a function with the same arguments whose result has the shape of the argument.
    Raises:  TypeError for integer input, or if `fun` returns something else than an array or number.

    **Higher orders collapse.** `elementwise_grad(elementwise_grad(f))`, to any depth, is one pass of Taylor mode (see
    `minigrad.taylor`), whose cost grows with the square of the order, if every operation of `f` that depends on the
    argument is elementwise and keeps its shape, and the argument is real. Otherwise it is nested reverse mode, whose
    cost grows with a factor of about 2.2 per order; the numbers are the same up to rounding. The attribute
    `how(*args)` of the returned function tells which of the two it is, "taylor" or "nested". From the eighth level of
    nesting on a RuntimeWarning names the cost.

    >>> elementwise_grad(np.tanh)(np.array([0.0, 1.0])).round(4)
    array([1.  , 0.42])
    >>> elementwise_grad(elementwise_grad(np.tanh)).how(1.0)
    'taylor'
    """
    base, order = fun, 1
    inner = getattr(fun, "nesting", None)
    if isinstance(argnum, int) and inner is not None and inner[2] == argnum:
        base, order = inner[0], inner[1] + 1

    def collapsed(*args: Any, **kwargs: Any) -> Any:
        if order == 1:
            return None
        from minigrad.taylor import elementwise_derivative

        return elementwise_derivative(base, order, args, kwargs, argnum)

    def derivative(*args: Any, **kwargs: Any) -> Any:
        ans = collapsed(*args, **kwargs)
        if ans is not None:
            return ans
        record = Recording("elementwise_grad", fun, args, kwargs, argnum, LeanTape())
        if not is_numeric(record.out):
            check_scalar("elementwise_grad", record.out)
        index = record.position(record.out)
        if np.iscomplexobj(peel(record.out)):
            return _pulled(record, index, 1.0, is_complex=True)
        return record.pull([(index, 1.0)], consume=True)

    named: Any = _named(derivative, "elementwise_grad", fun)
    named.nesting = base, order, argnum
    named.how = lambda *args, **kwargs: "nested" if collapsed(*args, **kwargs) is None else "taylor"
    return named


def _pulled(record: Recording, index: int, seed: Any, is_complex: bool) -> Any:
    """The derivative of an output with respect to the arguments, also where a real argument has a complex output.

    The cotangent of a real argument is real: the seed 1 gives the real part of the derivative, -i the imaginary part.
    """
    real_part = record.pull([(index, seed)])
    if not is_complex:
        return real_part
    imaginary_part = record.pull([(index, -1j * seed)])

    def joined(a: Any, b: Any) -> Any:
        return a + 1j * b if is_numeric(a) and peel(a).dtype.kind == "f" else a

    return tree_map(joined, real_part, imaginary_part)


def vjp(fun: Callable[..., Any], *primals: Any, **kwargs: Any) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """The value of `fun` and its pullback, which maps a cotangent of the output to those of the arguments.

    Args:    fun: any function of pytrees that returns a pytree.  primals: the point.
    Returns: `fun(*primals)`, and the pullback: it takes a cotangent in the structure and shapes of the output and
             returns a tuple with one cotangent per primal. It may be called many times.
    Raises:  TypeError for integer input; ValueError (from the pullback) if a cotangent does not fit the output.

    >>> out, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> out, pullback(1.0)
    (np.float64(6.0), (np.float64(3.0), np.float64(2.0)))
    """
    pullback, value = _make_vjp("vjp", fun, primals, kwargs, tuple(range(len(primals))))
    return value, pullback


def make_vjp(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Callable[..., Any], Any]]:
    """As `vjp`, in the form of autograd: `make_vjp(fun)(x)` is the pullback and the value.

    >>> pullback, value = make_vjp(np.sin)(0.0)
    >>> pullback(2.0), value
    (np.float64(2.0), np.float64(0.0))
    """

    def pullback_and_value(*args: Any, **kwargs: Any) -> tuple[Callable[..., Any], Any]:
        return _make_vjp("make_vjp", fun, args, kwargs, argnum)

    return _named(pullback_and_value, "make_vjp", fun)


def _make_vjp(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum
) -> tuple[Callable[..., Any], Any]:
    record = Recording(operation, fun, args, kwargs, argnum, LeanTape())
    outs, outdef = flatten(record.out)
    value = value_of(record.out, record.tape)
    record.out = None
    positions = [record.position(out) for out in outs]
    shapes = [np.shape(peel(out)) for out in outs]
    for out in outs:
        plain = open_part(out)
        if type(out) is Box and type(plain) is np.ndarray:
            record.tape.capture(plain)  # it is handed out, and must not be written to before the sweep

    def pullback(cotangent: Any) -> Any:
        seeds = outdef.leaves_of(cotangent)
        if seeds is None:
            raise ValueError(
                located(
                    f"{operation}: the cotangent has the structure {flatten(cotangent)[1]}, the output has {outdef}"
                )
            )
        for seed, shape in zip(seeds, shapes):
            if not is_number(seed):
                raise TypeError(
                    located(
                        f"{operation}: a cotangent is {seed!r}, a {type(seed).__name__}, and not an array or number"
                    )
                )
            if np.shape(peel(seed)) != shape:
                raise ValueError(
                    located(
                        f"{operation}: a cotangent of shape {np.shape(peel(seed))} does not fit an output of shape "
                        f"{shape}; they must be equal (np.broadcast_to helps)"
                    )
                )
        return record.pull([(i, as_float(seed)) for i, seed in zip(positions, seeds)])

    return pullback, value


def as_float(value: Any) -> Any:
    """A cotangent or tangent given by the user: integers are meant as floats here."""
    if type(value) is Box or type(value) is float or type(value) is complex:
        return value
    value = value if hasattr(value, "dtype") else np.asarray(value)
    return value.astype(float)[()] if value.dtype.kind in "biu" else value


# ----- forward mode ---------------------------------------------------------------------------------------------------


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], **kwargs: Any) -> tuple[Any, Any]:
    """The value of `fun` and its derivative in a direction: one pass forward, whatever the number of arguments.

    Args:    fun: any function of pytrees.  primals: a tuple with its arguments.  tangents: the direction, a tuple in
             the same structure and shapes; `None` for an argument that does not move.
    Returns: `fun(*primals)` and the tangent of the output, in the structure of the output.
    Raises:  ValueError if primals and tangents do not fit each other, TypeError for integer primals.

    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (np.float64(6.0), np.float64(3.0))
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(located("jvp: primals and tangents are tuples with one entry per argument: jvp(f, (x,), (v,))"))
    if len(primals) != len(tangents):
        raise ValueError(located(f"jvp: {len(primals)} primals but {len(tangents)} tangents"))
    return _jvp("jvp", fun, primals, kwargs, tuple(range(len(primals))), tuple(tangents))


def make_jvp(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Callable[..., tuple[Any, Any]]]:
    """As `jvp`, in the form of autograd: `make_jvp(fun)(x)(v)` is the value and its tangent.

    >>> make_jvp(np.sin)(0.0)(2.0)
    (np.float64(0.0), np.float64(2.0))
    """

    def at(*args: Any, **kwargs: Any) -> Callable[..., tuple[Any, Any]]:
        return lambda tangent: _jvp("make_jvp", fun, args, kwargs, argnum, tangent)

    return _named(at, "make_jvp", fun)


def _jvp(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum, tangent: Any
) -> tuple[Any, Any]:
    record = Recording(operation, fun, args, kwargs, argnum, LeanForwardTape())
    tangents = fitted_tangents(operation, record, tangent)
    outs, outdef = flatten(record.out)
    check_outputs(operation, outs, outdef)
    value = value_of(record.out, record.tape)
    reached = record.push(tangents, [record.position(out) for out in outs], consume=True)
    taken = {id(t) for t in tangents}
    return value, outdef.unflatten(
        finished(t, real_output(open_part(out)), taken) if is_numeric(out) else out for t, out in zip(reached, outs)
    )


def real_output(out: Any) -> Any:
    """An output that has a dtype in which a tangent can be written."""
    if type(out) is Box:
        return out
    out = np.asarray(out) if not hasattr(out, "dtype") else out
    return out.astype(float)[()] if out.dtype.kind in "biu" else out[()] if out.ndim == 0 else out


def fitted_tangents(operation: str, record: Recording, tangent: Any) -> list[Any]:
    """One tangent per leaf, each checked against its primal; `None` stands for a whole argument that does not move."""
    tangents = record.treedef.leaves_of(tangent)
    if tangents is None:
        raise ValueError(
            located(f"{operation}: the tangents have another structure than the primals, {record.treedef}")
        )
    for i, (t, leaf, numeric) in enumerate(zip(tangents, record.leaves, record.numeric)):
        if not numeric or t is None:
            tangents[i] = None
            continue
        if not is_number(t):
            raise TypeError(
                located(f"{operation}: a tangent is {t!r}, a {type(t).__name__}, and not an array or number")
            )
        if np.iscomplexobj(peel(t)) and peel(leaf).dtype.kind != "c":
            raise TypeError(
                located(f"{operation}: a complex tangent of a real primal, whose imaginary part would be lost")
            )
        if np.shape(peel(t)) != peel(leaf).shape:
            raise ValueError(
                located(
                    f"{operation}: a tangent of shape {np.shape(peel(t))} does not fit a primal of shape "
                    f"{peel(leaf).shape}"
                )
            )
        tangents[i] = as_float(t)
    return tangents


def deriv(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The derivative of a function of one number, which may return an array: one pass forward.

    >>> deriv(lambda t: np.array([1.0, 2.0]) * t**2)(3.0)
    array([ 6., 12.])
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        x = select("deriv", args, argnum)
        ones = tree_map(lambda leaf: np.ones(np.shape(peel(leaf))) if is_numeric(leaf) else leaf, x)
        return _jvp("deriv", fun, args, kwargs, argnum, ones)[1]

    return _named(derivative, "deriv", fun)


# ----- products with the matrix of second derivatives -----------------------------------------------------------------


def hvp(fun: Callable[..., Any], x: Any, v: Any) -> Any:
    """The product of the Hessian of a scalar function with a vector, without forming the Hessian.

    One pushforward of `grad(fun)`: a small multiple of the cost of `fun`, whatever the size of x.

    Args:    fun: maps x, an array of shape `S` or a pytree, to one number.  x: the point.  v: the direction, like x.
    Returns: `H @ v`, like x, with `H[i, j] = ∂²fun / ∂x_i ∂x_j`.
    Raises:  ValueError if `fun(x)` is not one number or v is not shaped like x.
    Source:  B. A. Pearlmutter, "Fast Exact Multiplication by the Hessian", Neural Computation 6(1), 1994.

    >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return jvp(grad(fun), (x,), (v,))[1]


def hessian_vector_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """As `hvp`, in the form of autograd: `hessian_vector_product(fun)(x, v)`, the vector last.

    >>> hessian_vector_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        *args, vector = args  # type: ignore[assignment]
        return make_jvp(grad(fun, argnum), argnum)(*args, **kwargs)(vector)[1]

    return _named(product, "hessian_vector_product", fun)


# ----- looking at a tape ----------------------------------------------------------------------------------------------


# ----- more names that users of autograd know -------------------------------------------------------------------------


def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The gradients in all arguments at once, as a dict from argument names to gradients.

    Args:    fun: a scalar function.
    Returns: a function with the same arguments that returns a dict. Defaults count as arguments; those collected by
             `*args` and `**kwargs` have these names, as a tuple and a dict.

    >>> multigrad_dict(lambda x, y=2.0: x * y)(3.0)
    {'x': np.float64(2.0), 'y': np.float64(3.0)}
    """
    import inspect  # here, since it takes longer to import than this package

    signature = inspect.signature(fun)

    def gradients(*args: Any, **kwargs: Any) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()

        def by_name(values: dict[str, Any]) -> Any:
            bound.arguments.update(values)
            return fun(*bound.args, **bound.kwargs)

        found: dict[str, Any] = grad(by_name)(dict(bound.arguments))
        return found

    return _named(gradients, "multigrad_dict", fun)


def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]:
    """The gradient in the argument of this name.

    >>> grad_named(lambda x, y: x * y**2, "y")(3.0, 2.0)
    np.float64(12.0)
    """
    gradients = multigrad_dict(fun)
    return _named(lambda *args, **kwargs: gradients(*args, **kwargs)[argname], "grad_named", fun)


def holomorphic_grad(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The complex derivative f'(z) of a holomorphic function, summed over outputs; right for real input too.

    Args:    fun: holomorphic in its argument `argnum`, a float or complex array or number.
    Returns: a function with the same arguments; its result is complex and has the shape of the argument.

    >>> holomorphic_grad(lambda z: z**2)(1.0 + 2.0j)
    np.complex128(2+4j)
    >>> holomorphic_grad(lambda x: 1j * x)(3.0)
    np.complex128(1j)
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        z = args[argnum]
        dtype = np.asarray(peel(z)).dtype
        if dtype.kind not in "fc":
            check_differentiable("holomorphic_grad", z, name_of_argument(argnum))
        if dtype.kind != "c":
            z = z * np.result_type(dtype, np.complex64).type(1.0)
        record = Recording("holomorphic_grad", fun, insert(args, argnum, z), kwargs, argnum, LeanTape())
        if not is_numeric(record.out):
            check_scalar("holomorphic_grad", record.out)
        return record.pull([(record.position(record.out), 1.0)], consume=True)

    return _named(derivative, "holomorphic_grad", fun)


def make_hvp(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """At a point: the function v -> H v, and the gradient. The gradient is recorded once for any number of products.

    >>> product, gradient = make_hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    >>> product(np.array([1.0, 0.0])), gradient
    (array([6., 0.]), array([ 3., 12.]))
    """
    return _named(make_vjp(grad(fun, argnum), argnum), "make_hvp", fun)


def make_ggnvp(
    f: Callable[..., Any], g: Callable[..., Any] | None = None, f_argnum: int = 0
) -> Callable[..., Callable[[Any], Any]]:
    """At a point: v -> J^T H J v, the product with the generalised Gauss-Newton matrix of g(f(x)).

    Args:    f: maps x to an array.  g: maps that array to a number; by default half its sum of squares.
    Returns: a function of the arguments of `f`, which returns the product.
    Source:  N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural
             Computation 14(7), 2002.

    >>> make_ggnvp(lambda x: x**2)(np.array([1.0, 2.0]))(np.array([1.0, 1.0]))
    array([ 4., 16.])
    """

    def at(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        def inner(x: Any) -> Any:
            return f(*insert(args, f_argnum, x), **kwargs)

        x = args[f_argnum]
        value, pullback = vjp(inner, x)
        curvature = vjp(grad(_half_square if g is None else g), value)[1]

        def product(v: Any) -> Any:
            return pullback(curvature(jvp(inner, (x,), (v,))[1])[0])[0]

        return product

    return at


def _half_square(x: Any) -> Any:
    return structure.sum_(x * x) * 0.5


def tensor_jacobian_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The Jacobian contracted from the left: its last argument is a tensor that meets the first axes of the output.

    Returns: a function of the arguments of `fun` and a tensor of k axes; the result has the shape of the remaining axes
             of the output, then those of the argument.

    >>> tensor_jacobian_product(lambda x: x**2)(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([ 2., 40.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        *point, tensor = args
        axes = tuple(range(np.ndim(peel(tensor))))

        def contracted(*point: Any) -> Any:
            return linalg.tensordot(tensor, fun(*point, **kwargs), axes=(axes, axes))

        from minigrad.matrices import jacobian  # it is made of what is here

        return jacobian(contracted, argnum)(*point)

    return _named(product, "tensor_jacobian_product", fun)


vector_jacobian_product = tensor_jacobian_product


def hessian_tensor_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The Hessian of a scalar function contracted with a tensor of the argument's shape, its last argument.

    >>> hessian_tensor_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    gradient = grad(fun, argnum)

    def product(*args: Any, **kwargs: Any) -> Any:
        *point, tensor = args

        def along(x: Any) -> Any:
            return gradient(*insert(point, argnum, x), **kwargs)

        return jvp(along, (point[argnum],), (tensor,))[1]

    return _named(product, "hessian_tensor_product", fun)


def trace(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> TracedTape:
    """Run `fun` on a tape and return the tape, which prints as a table.

    `print(tape.table(cotangents=True))` adds the cotangents of the backward sweep. Operations of transformations within
    `fun` are indented. Arguments that are no numbers are passed on.

    >>> def f(x):
    ...     return np.sin(x) * x
    >>> len(trace(f, 2.0))  # the leaf, sin, multiply
    3
    """
    tape = TracedTape()
    record = Recording("trace", fun, args, kwargs, tuple(range(len(args))), tape)
    tape.title = getattr(fun, "__name__", type(fun).__name__)
    for index, path in enumerate(numeric_paths(record, fun)):
        tape.labels.setdefault(index, path)
    outs, _ = flatten(record.out)
    tape.output = [record.position(out) for out in outs]
    return tape


def numeric_paths(record: Recording, fun: Callable[..., Any]) -> list[str]:
    """How each leaf on the tape is reached from the arguments of `fun`: `x`, `P['W'][0]`."""
    code = getattr(fun, "__code__", None)
    names = list(code.co_varnames[hasattr(fun, "__self__") : code.co_argcount]) if code is not None else []
    names += [f"args[{i}]" for i in range(len(names), len(record.treedef.children))]
    paths = [path for child, name in zip(record.treedef.children, names) for path in child.paths(name)]
    return [path for path, numeric in zip(paths, record.numeric) if numeric]


def name(x: Any, label: str) -> Any:
    """Label a value, so that it is found on a printed tape and by `tape[label]`; returns x itself.

    Outside of a transformation it does nothing, so the label may stay in the program.

    >>> tape = trace(lambda x: np.sum(name(np.exp(x), "h1")), np.zeros(2))
    >>> tape["h1"], tape.cotangent("h1")
    (array([1., 1.]), array([1., 1.]))
    """
    box = x
    while type(box) is Box:
        if box.tape.is_open:
            box.tape.labels[box.index] = label
        box = box.value
    return x


def value(x: Any) -> Any:
    """The plain value of a traced x, a constant from here on: no derivative flows through it (as by `stop_gradient`).

    x may be a pytree. The array of a traced value is read-only, since the sweep will need it; `.copy()` makes one to
    write into.

    >>> grad(lambda x: x * value(x))(3.0)  # and not 6
    np.float64(3.0)
    """
    return read_only(peel(x)) if type(x) is Box else tree_map(lambda leaf: read_only(peel(leaf)), x)
