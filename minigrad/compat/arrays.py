"""What modules of rules for autograd import from within `autograd.numpy`: names of boxes, and broadcasting undone."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np

import minigrad.numpy as mnp
from minigrad.compat.extend import primitive
from minigrad.core.lines import located
from minigrad.core.nested import any_within
from minigrad.core.tape import Box, peel
from minigrad.rules import shapes

ArrayBox = Box  #: every traced value here is an array or a number: containers are not boxed

Metadata = tuple[tuple[int, ...], int, Any, bool]


def metadata(A: Any) -> Metadata:
    """The shape, the number of axes, the dtype, and whether it is complex; of an array or number, traced or not."""
    plain = np.asarray(peel(A))
    return plain.shape, plain.ndim, plain.dtype, np.iscomplexobj(plain)


def unbroadcast(x: Any, target_meta: Metadata, broadcast_idx: int = 0) -> Any:
    """The sum over the axes along which an array was stretched; its real part, if the target is real.

    Args:
        x: a cotangent of the result.
        target_meta: the `metadata` of the argument that was stretched.
        broadcast_idx: where the axes stand that the argument does not have: 0 or -1.

    Returns:
        A cotangent of the shape of the argument.
    """
    shape, ndim, _, is_complex = target_meta
    if broadcast_idx == -1 and (more := np.ndim(peel(x)) - ndim) > 0:
        x = mnp.sum(x, axis=tuple(range(-more, 0)))
    if np.shape(peel(x)) != shape:
        x = shapes.unbroadcast(x if hasattr(x, "shape") else np.asarray(x), shape)
    return x if is_complex else shapes.real(x) if np.iscomplexobj(peel(x)) else x


def unbroadcast_f(target: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A pullback that sums over the axes along which `target` was stretched.

    A rule declared by `defvjp` needs it only in autograd: here it is no error to leave it out of elementwise rules that
    are written with `minigrad.custom_elementwise`.

    >>> unbroadcast_f(1.0, lambda g: g * np.ones(3))(2.0)
    np.float64(6.0)
    """
    target_meta = metadata(target)
    return lambda g: unbroadcast(f(g), target_meta)


def repeat_to_match_shape(g: Any, shape: tuple[int, ...], dtype: Any, axis: Any, keepdims: Any) -> tuple[Any, float]:
    """The cotangent of a reduction stretched to the shape of its argument, and how many entries each was made of."""
    if not shape:
        return g, 1.0
    axes = tuple(range(len(shape))) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    axes = tuple([k % len(shape) for k in axes])
    kept = [1 if k in axes else n for k, n in enumerate(shape)]
    return mnp.broadcast_to(mnp.reshape(g, kept), shape), float(np.prod([shape[k] for k in axes]))


def match_complex(target: Any, x: Any) -> Any:
    """The real part of x for a real target; x with an imaginary part of zero for a complex one."""
    is_complex = np.iscomplexobj(peel(x))
    if np.iscomplexobj(peel(target)):
        return x if is_complex else x + 0j
    return mnp.real(x) if is_complex else x


def balanced_eq(x: Any, z: Any, y: Any) -> Any:
    """1 where x is z and y is not, 1/2 where both are, 0 elsewhere."""
    return (x == z) / (1.0 + (x == y))


def replace_zero(x: Any, val: Any) -> Any:
    """The array with another value in place of its zeros."""
    return mnp.where(x, x, val)


def concatenate_args(axis: int, *args: Any) -> Any:
    """`np.concatenate` of several arguments."""
    return mnp.concatenate(args, axis)


def array_from_args(array_args: Any, array_kwargs: Any, *args: Any) -> Any:
    """`np.array` of several arguments, traced or not."""
    return mnp.array(list(args), *array_args, **array_kwargs)


def make_diagonal(D: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Matrices with the last axis of D as their diagonal, in two new axes at the end.

    Raises:
        NotImplementedError: for another diagonal than the main one, or other axes than -1 and -2, as in autograd.
    """
    if offset or {axis1, axis2} != {-1, -2}:
        raise NotImplementedError(located("make_diagonal: offset=0, axis1=-1, axis2=-2 is what there is"))
    return D[..., None] * np.eye(D.shape[-1])


def where(condition: Any, *args: Any, **kwargs: Any) -> Any:
    """`np.where`, which takes its arguments by name too, and returns plain numbers and lists for plain ones.

    >>> where(True, 1, 2), where(condition=[True, False], x=[1, 2], y=[3, 4])
    (1, [1, 4])
    """
    branches = [*args, *[kwargs[name] for name in ("x", "y") if name in kwargs]]
    found = mnp.where(condition, *branches)
    is_plain = type(found) is np.ndarray and not any(map(_has_array, (condition, *branches)))
    return found.tolist() if is_plain and branches else found


def _has_array(value: Any) -> bool:
    return any_within(lambda part: isinstance(part, (np.ndarray, np.generic, Box)), value)


custom_where = where


def add2d(x: Any) -> Any:
    """The array with two more axes at the end."""
    return x[..., None, None]


def T(x: Any) -> Any:
    """The array with its last two axes exchanged."""
    return mnp.swapaxes(x, -1, -2)


_dot = mnp.matmul


class _Integers(type):
    """The type of integer types that take traced values: an integer of NumPy is an instance of them."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.__mro__[1])


def _taking_traced(kind: type) -> type:
    def new(cls: Any, value: Any = 0, *args: Any) -> Any:
        return kind(peel(value), *args)

    return _Integers(
        kind.__name__, (kind,), {"__new__": new, "__doc__": f"`np.{kind.__name__}`, also of a traced value."}
    )


int8, int16, int32, int64 = map(_taking_traced, (np.int8, np.int16, np.int32, np.int64))


def wrap_namespace(old: MutableMapping[str, Any], new: MutableMapping[str, Any]) -> None:
    """Enter the functions of a namespace in another one, each as a `primitive`; numbers and types as they are.

    >>> import math
    >>> wrapped = {}
    >>> wrap_namespace(vars(math), wrapped)
    >>> wrapped["gamma"](5.0)
    24.0
    """
    for name, value in old.items():
        if callable(value) and not isinstance(value, type):
            new[name] = primitive(value)
        elif isinstance(value, (float, int, type)) or value is None:
            new[name] = value
