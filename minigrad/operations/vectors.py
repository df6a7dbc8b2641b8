"""A structure of arrays as one vector, and back: what optimisers of vectors ask for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad.numpy as mnp
from minigrad.core.foreign import refuse_foreign
from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.core.tree import LEAF, TreeDef, flatten
from minigrad.modes.checks import is_numeric
from minigrad.rules.moving import cast
from minigrad.rules.shapes import reshape


def _canonical_order(treedef: TreeDef) -> list[int]:
    """The leaves by position, with those of a dict in the order of its sorted keys.

    Two dicts are equal whatever the order in which their keys were entered, so their vectors have to be equal too: a
    gradient by hand is rarely written in the order of the parameters.
    """
    positions = itertools.count()

    def walk(node: TreeDef) -> list[int]:
        if node is LEAF:
            return [next(positions)]
        parts = [walk(child) for child in node.children]
        if isinstance(node.example, dict):
            of_key = dict(zip(node.example, parts))
            try:
                keys = sorted(of_key)
            except TypeError:  # of several types, such as 1 and "a"
                keys = sorted(of_key, key=lambda key: (type(key).__name__, repr(key)))
            parts = [of_key[key] for key in keys]
        return [position for part in parts for position in part]

    return walk(treedef)


def to_vector(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All numbers of a pytree in one vector, and the function that puts such a vector back into the structure.

    Args:
        value: a pytree of float (or complex) arrays and numbers, traced or not. Leaves that are no numbers stay as they
            are.

    Returns:
        The vector, of shape (n,), and `unflatten`, which takes a vector of that shape. Both are differentiable. The
        parts get back their shapes and dtypes; integers become floats. The keys of a dict are sorted, so that equal
        dicts have equal vectors.

    Raises:
        ValueError: (from `unflatten`) if a vector has another size.

    >>> vector, unflatten = to_vector({"A": np.eye(2), "b": 3.0})
    >>> vector
    array([1., 0., 0., 1., 3.])
    >>> unflatten(2 * vector)["b"]
    np.float64(6.0)
    """
    leaves, treedef = flatten(value)
    order = _canonical_order(treedef)
    numeric = [is_numeric(leaf) for leaf in leaves]
    for leaf, path, is_one in zip(leaves, treedef.paths(), numeric):
        if not is_one:
            refuse_foreign("flatten", leaf, f"leaf {path}" if path else "the value")
    parts = [mnp.ravel(leaves[k]) for k in order if numeric[k]]
    vector = mnp.concatenate(parts) if parts else np.zeros(0)
    if vector.dtype.kind in "biu":
        vector = vector.astype(np.float64)
    shapes = [np.shape(peel(leaf)) if is_one else () for leaf, is_one in zip(leaves, numeric)]
    dtypes = [np.asarray(peel(leaf)).dtype if is_one else None for leaf, is_one in zip(leaves, numeric)]
    size = vector.shape[0]

    def unflatten(vector: Any) -> Any:
        if np.shape(peel(vector)) != (size,):
            raise ValueError(located(f"unflatten: expected a vector of shape ({size},), got {np.shape(peel(vector))}"))
        start, new = 0, list(leaves)
        for k in order:
            if not numeric[k]:
                continue
            shape, dtype = shapes[k], dtypes[k]
            stop = start + int(np.prod(shape))
            part = reshape(vector[start:stop], shape=shape)
            new[k] = cast(part, dtype) if dtype is not None and dtype.kind in "fc" else part
            start = stop
        return treedef.unflatten(
            [part[()] if isinstance(part, np.ndarray) and not part.shape else part for part in new]
        )

    return vector, unflatten


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """A function of a structure (and more arguments) as one of a vector, which returns a vector.

    Args:
        func: a function of a pytree, and of any other arguments, which returns a pytree. The name is autograd's.
        example: a pytree of the structure that `func` takes.

    Returns:
        The function, `unflatten`, and the vector of the example.

    >>> fun, _, vector = flatten_func(lambda p: {"s": p["a"] * 2.0}, {"a": np.ones(2)})
    >>> fun(vector)
    array([2., 2.])
    """
    vector, unflatten = to_vector(example)

    @functools.wraps(func)
    def flattened(vector: Any, *args: Any) -> Any:
        return to_vector(func(unflatten(vector), *args))[0]

    return flattened, unflatten, vector
