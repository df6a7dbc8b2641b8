"""Arguments of NumPy's functions in one form: axes, weights, floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.numpy.dispatch import as_array
from minigrad.rules import shapes as _shapes

normalised_axes: Callable[..., tuple[int, ...]] = _np.lib.array_utils.normalize_axis_tuple


def with_value(value: Any, x: Any) -> Any:
    """x with this plain value: it has the derivatives of x."""
    return value + (x - peel(x))


def index_along(axis: int, *index: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, *index)


def in_floats(a: Any) -> Any:
    """An array of floating or complex numbers; integers become float64."""
    a = as_array(a)
    return a if peel(a).dtype.kind in "fc" else a.astype(float)


def spread(weights: Any, a: Any, axes: tuple[int, ...]) -> Any:
    """Weights in the shape of `a`, or given along some of its axes, as they broadcast against it."""
    weights = as_array(weights)
    if weights.shape == a.shape:
        return weights
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError(
            located(
                f"weights of shape {weights.shape} fit neither the array of shape {a.shape} nor its axes {axes}; "
                f"name the axis that they belong to"
            )
        )
    weights = _shapes.transpose(weights, axes=tuple(int(i) for i in _np.argsort(axes)))
    return _shapes.reshape(weights, shape=tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))
