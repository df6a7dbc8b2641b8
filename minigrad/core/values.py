"""What a traced value is apart from its derivative: its plain value, its label."""

from __future__ import annotations

from typing import Any

from minigrad.core.adopted import given_back
from minigrad.core.tape import Box, peel, read_only, snapshot
from minigrad.core.tree import tree_map


def stop_gradient(x: Any) -> Any:
    """The value of x as a constant, through which no derivative flows, in any mode and at any level of nesting.

    Args:
        x: an array or number, or a pytree of these, traced or not. Leaves that are no numbers stay as they are.

    Returns:
        The plain values. Arrays are read-only, since a sweep may still need them; `.copy()` makes one to write to.

    All transformations stop here, the outer ones too: in `grad(grad(f))` both take the value as a constant, and so do
    `jvp`, `derivatives` and `jacobian`. To hide a value from the inner transformation alone, hand it over as an
    argument: `grad(lambda y: f(y, x))(x)` differentiates the first argument of f and keeps the second, through which
    an outer transformation still differentiates. `minigrad.value` is the same for looking at
    values; it leaves plain arrays as they are.

    >>> from minigrad import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)  # and not 6
    np.float64(3.0)
    >>> grad(grad(lambda x: x**2 * stop_gradient(x)))(3.0)  # 2 * 3, and not 6 * 3
    np.float64(6.0)
    """
    return _stopped(x) if type(x) is Box else tree_map(_stopped, x)


def name(x: Any, label: str) -> Any:
    """The value itself, which from here on has a label on a printed tape and is found by `tape[label]`.

    Outside of a transformation it does nothing, so the label may stay in the program.

    Args:
        x: a traced value; anything else has no label.
        label: the name.

    Returns:
        x itself.

    >>> import numpy as np
    >>> from minigrad import trace
    >>> tape = trace(lambda x: np.sum(name(np.exp(x), "h1")), np.zeros(2))
    >>> tape["h1"], tape.cotangent("h1")
    (array([1., 1.]), array([1., 1.]))
    """
    box = snapshot(x) if type(x) is Box else x
    while type(box) is Box:
        if box.tape.is_open:
            box.tape.labels[box.index] = label
        box = box.value
    return x


def value(x: Any) -> Any:
    """The plain value of a traced x, to print it or to look at it: no derivative flows through it, as `stop_gradient`.

    Args:
        x: an array or number, or a pytree of these, traced or not.

    Returns:
        The plain values, as `stop_gradient`. Traced ones are read-only, since a sweep may still need them; `.copy()`
        makes one to write to. What is plain already is returned as it is.

    >>> from minigrad import grad
    >>> grad(lambda x: x * value(x))(3.0)  # and not 6
    np.float64(3.0)
    """
    return _value(x) if type(x) is Box else tree_map(_value, x)


def _stopped(leaf: Any) -> Any:
    return read_only(given_back(peel(leaf)))


def _value(leaf: Any) -> Any:
    return _stopped(leaf) if type(leaf) is Box else given_back(peel(leaf))
