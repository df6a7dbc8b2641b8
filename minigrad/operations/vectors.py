"""A structure of arrays as one vector, and back: what optimisers of vectors ask for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad.numpy as mnp
from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.core.tree import flatten as flatten_tree
from minigrad.modes.checks import is_numeric
from minigrad.rules.moving import cast
from minigrad.rules.shapes import reshape


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All numbers of a pytree in one vector, and the function that puts such a vector back into the structure.

    Args:    value: a pytree of float (or complex) arrays and numbers, traced or not; what is no number stays as it is.
    Returns: the vector, of shape (n,), and `unflatten`, which takes a vector of that shape. Both differentiate. The
             parts get back their shapes and dtypes.
    Raises:  ValueError (from `unflatten`) for a vector of another size.

    >>> vector, unflatten = flatten({"A": np.eye(2), "b": 3.0})
    >>> vector
    array([1., 0., 0., 1., 3.])
    >>> unflatten(2 * vector)["b"]
    np.float64(6.0)
    """
    leaves, treedef = flatten_tree(value)
    numeric = [is_numeric(leaf) for leaf in leaves]
    parts = [mnp.ravel(leaf) for leaf, is_one in zip(leaves, numeric) if is_one]
    vector = mnp.concatenate(parts) if parts else np.zeros(0)
    shapes = [np.shape(peel(leaf)) if is_one else () for leaf, is_one in zip(leaves, numeric)]
    dtypes = [np.asarray(peel(leaf)).dtype if is_one else None for leaf, is_one in zip(leaves, numeric)]
    size = vector.shape[0]

    def unflatten(vector: Any) -> Any:
        if np.shape(peel(vector)) != (size,):
            raise ValueError(located(f"unflatten: expected a vector of shape ({size},), got {np.shape(peel(vector))}"))
        start, new = 0, []
        for leaf, shape, dtype, is_one in zip(leaves, shapes, dtypes, numeric):
            if not is_one:
                new.append(leaf)
                continue
            stop = start + int(np.prod(shape))
            part = reshape(vector[start:stop], shape=shape)
            new.append(cast(part, dtype) if dtype is not None and dtype.kind in "fc" else part)
            start = stop
        return treedef.unflatten(
            [part[()] if isinstance(part, np.ndarray) and not part.shape else part for part in new]
        )

    return vector, unflatten


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """A function of a structure (and more arguments) as one of a vector, which returns a vector.

    Returns: the function, `unflatten`, and the vector of the example.

    >>> fun, _, vector = flatten_func(lambda p: {"s": p["a"] * 2.0}, {"a": np.ones(2)})
    >>> fun(vector)
    array([2., 2.])
    """
    vector, unflatten = flatten(example)

    @functools.wraps(func)
    def flattened(vector: Any, *args: Any) -> Any:
        return flatten(func(unflatten(vector), *args))[0]

    return flattened, unflatten, vector
