"""Reverse mode: `grad`, `value_and_grad`, `grad_and_aux`, `vjp`.

A transformation opens a tape, puts the selected arguments into boxes, calls the function, and sweeps the tape once or
more often. Arguments may be pytrees; leaves that are not numbers (None, strings, functions) pass through. `argnum` is
the position of the argument to differentiate, or a sequence of positions; keyword arguments are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, overload

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.foreign import refuse_foreign_result
from minigrad.core.lean import LeanTape
from minigrad.core.lines import located
from minigrad.core.tape import Box, open_part, peel
from minigrad.core.tree import LEAF, TreeDef, flatten
from minigrad.modes.checks import Argnum, check_number, check_scalar
from minigrad.modes.made import P, R, X, transformation
from minigrad.modes.recording import Recording, as_float, named


@overload
def value_and_grad(fun: np.ufunc, argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]: ...
@overload
def value_and_grad(  # type: ignore[overload-overlap]
    fun: Callable[Concatenate[X, P], R], argnum: Literal[0] = 0
) -> Callable[Concatenate[X, P], tuple[R, X]]: ...
@overload
def value_and_grad(fun: Callable[P, R], argnum: Argnum) -> Callable[P, tuple[R, Any]]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def value_and_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]: ...
@transformation
def value_and_grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that returns the value of `fun` and its gradient, at the cost of a small multiple of `fun`.

    Args:
        fun: a function of arrays, numbers and pytrees of them that returns one real number, or an array of one entry.
        argnum: the position of the argument to differentiate, or a sequence of positions.

    Returns:
        A function of the arguments of `fun`, which returns the value and the gradient. The gradient has the structure,
        shapes and dtypes of the argument; for a sequence of positions it is a tuple with one gradient for each.

    Raises:
        TypeError: if the argument holds a single integer, truth values or an array of a library that is not known, or
            `fun` returns a complex number.
        ValueError: if `fun` returns several numbers.

    >>> value, gradient = value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """
    return named(_both(fun, argnum), "value_and_grad", fun, value_and_grad, argnum)


def _both(fun: Callable[..., Any], argnum: Argnum) -> Callable[..., tuple[Any, Any]]:
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        record = Recording("grad", fun, args, kwargs, argnum, LeanTape())
        check_scalar("grad", record.out)
        out, index = record.out, record.position(record.out)
        value = record.value(out)
        record.out = out = None
        return value, record.pull([(index, 1.0)], consume=True)

    return value_and_gradient


@overload
def grad(fun: np.ufunc, argnum: Argnum = 0) -> Callable[..., Any]: ...
@overload
def grad(fun: Callable[Concatenate[X, P], Any], argnum: Literal[0] = 0) -> Callable[Concatenate[X, P], X]: ...
@overload
def grad(fun: Callable[P, Any], argnum: Argnum) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]: ...
@transformation
def grad(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """The gradient of a function that returns one real number.

    An argument that `fun` does not use has the gradient zero.

    Args:
        fun: as for `value_and_grad`.
        argnum: the position of the argument to differentiate, or a sequence of positions.

    Returns:
        A function of the arguments of `fun`, which returns the gradient, in the structure, shapes and dtypes of the
        argument; for a sequence of positions a tuple with one gradient for each.

    Raises:
        TypeError: if the argument holds a single integer, truth values or an array of a library that is not known, or
            `fun` returns a complex number.
        ValueError: if `fun` returns several numbers.

    >>> grad(lambda x, y: x**2 * y)(3.0, 2.0)
    np.float64(12.0)
    >>> grad(grad(grad(np.sin)))(0.0)
    np.float64(-1.0)
    >>> grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 5.0})
    {'a': np.float64(5.0), 'b': np.float64(2.0)}
    """
    both = _both(fun, argnum)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return named(gradient, "grad", fun, grad, argnum)


@overload
def grad_and_aux(fun: np.ufunc, argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]: ...
@overload
def grad_and_aux(  # type: ignore[overload-overlap]
    fun: Callable[Concatenate[X, P], tuple[Any, R]], argnum: Literal[0] = 0
) -> Callable[Concatenate[X, P], tuple[X, R]]: ...
@overload
def grad_and_aux(fun: Callable[P, tuple[Any, R]], argnum: Argnum) -> Callable[P, tuple[Any, R]]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def grad_and_aux(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]: ...
@transformation
def grad_and_aux(fun: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]:
    """The gradient of the first output of a function that returns a pair, and the second output as it is.

    Args:
        fun: returns a pair: one real number, and anything else, which is not differentiated.
        argnum: the position of the argument to differentiate, or a sequence of positions.

    Returns:
        A function of the arguments of `fun`, which returns the gradient, as `grad`, and the second output.

    Raises:
        TypeError: if `fun` does not return a pair; otherwise as `grad`.
        ValueError: if the first output is not one number.

    >>> grad_and_aux(lambda x: (x**2, {"half": x / 2}))(3.0)
    (np.float64(6.0), {'half': np.float64(1.5)})
    """

    def gradient_and_aux(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        record = Recording("grad_and_aux", fun, args, kwargs, argnum, LeanTape())
        if not isinstance(record.out, (tuple, list)) or len(record.out) != 2:
            raise TypeError(located(f"grad_and_aux: the function must return a pair (loss, aux), got {record.out!r}"))
        out, aux = record.out
        check_scalar("grad_and_aux", out)
        aux = record.value(aux)
        return record.pull([(record.position(out), 1.0)], consume=True), aux

    return named(gradient_and_aux, "grad_and_aux", fun, grad_and_aux, argnum)


def vjp(fun: Callable[..., R], *primals: Any, **kwargs: Any) -> tuple[R, Callable[..., tuple[Any, ...]]]:
    """The value of `fun` and its pullback, which maps a cotangent of the output to the cotangents of the arguments.

    Args:
        fun: any function of pytrees that returns a pytree.
        *primals: the arguments of `fun`.
        **kwargs: keyword arguments of `fun`, which are not differentiated.

    Returns:
        `fun(*primals)`, and the pullback. The pullback takes a cotangent in the structure and shapes of the output and
        returns a tuple with one cotangent per primal. It may be called many times.

    Raises:
        TypeError: if a primal holds a single integer, truth values or an array of a library that is not known.
        ValueError: (from the pullback) if a cotangent does not have the structure and shapes of the output.

    >>> out, pullback = vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> out, pullback(1.0)
    (np.float64(6.0), (np.float64(3.0), np.float64(2.0)))
    """
    pullback, value = vjp_of("vjp", fun, primals, kwargs, tuple(range(len(primals))))
    return value, pullback


def vjp_of(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum
) -> tuple[Callable[..., Any], Any]:
    """The pullback in the arguments `argnum`, and the value; errors speak in the name of `operation`."""
    record = Recording(operation, fun, args, kwargs, argnum, LeanTape())
    outs, outdef = flatten(record.out)
    for out in outs:
        refuse_foreign_result(operation, out)
    value = record.value(record.out)
    record.out = None
    positions = [record.position(out) for out in outs]
    shapes = [np.shape(peel(out)) for out in outs]
    kinds = [np.asarray(out).dtype.kind if not hasattr(out, "dtype") else out.dtype.kind for out in outs]
    for out in outs:
        plain = open_part(out)
        if type(out) is Box and type(plain) is np.ndarray:
            record.tape.capture(plain, "as a result that was handed out")  # it must not be written to before the sweep

    def pullback(*cotangents: Any, **named: Any) -> Any:
        if len(cotangents) != 1 or named:
            raise TypeError(located(f"{operation}: {_one_cotangent(outdef, len(cotangents), named)}"))
        seeds = outdef.leaves_of(cotangents[0])
        if seeds is None:
            raise ValueError(
                located(
                    f"{operation}: the cotangent has the structure {flatten(cotangents[0])[1]}, the output has "
                    f"{outdef}; pass one cotangent for each part of the output, zeros for a part that has none"
                )
            )
        seeds = [adopted(seed) for seed in seeds]
        for seed, shape, kind in zip(seeds, shapes, kinds):
            if seed is None:
                raise TypeError(
                    located(f"{operation}: a cotangent is None; for a part that has none pass zeros: np.zeros({shape})")
                )
            check_number(operation, "a cotangent", seed)
            if kind in "biuf" and np.iscomplexobj(peel(seed)):
                raise TypeError(
                    located(f"{operation}: a complex cotangent of a real output, whose imaginary part would be lost")
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


def _one_cotangent(outdef: TreeDef, given: int, named: dict[str, Any]) -> str:
    """What to say of a pullback that was not given one cotangent."""
    takes = "the pullback takes one cotangent, of the shape of the output"
    if outdef is not LEAF:
        takes = f"the pullback takes one cotangent, in the structure of the output, {outdef}"
    if named:
        return f"{takes}, by position: pullback(cotangent), without a name ({', '.join(named)}=...)"
    if not given:
        return f"{takes}, and was given none; for a function that returns one number pass 1.0"
    return f"{takes}, and was given {given} arguments; cotangents of several outputs belong in one: pullback((a, b))"
