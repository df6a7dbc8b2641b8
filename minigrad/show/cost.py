"""What an operation costs: its additions and multiplications, estimated from its kind and its shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.core.primitive import ITEM
from minigrad.core.tape import peel
from minigrad.rules import moving, shapes

#: Linear operations that only move entries.
_MOVING = {
    operation.primitive
    for module in (moving, shapes)
    for operation in vars(module).values()
    if hasattr(operation, "primitive") and operation.primitive.kind == "linear"
} - {shapes.sum_.primitive, moving.sum_of_scatters.primitive, moving.scatter_add.primitive} | {ITEM}


def operations(node: Any) -> int | None:
    """About how many arithmetic operations a node took; `None` where its kind and shapes do not tell.

    | kind                   | count                                                                            |
    |------------------------|----------------------------------------------------------------------------------|
    | elementwise            | one for each entry of the result, also for exp                                   |
    | linear                 | one for each entry that is added up; none if entries are only moved              |
    | bilinear, two operands | a matrix product's 2 m n k, found from the sizes: 2 sqrt(m k * k n * m n)        |
    """
    primitive, _, args, ans, _ = node
    if primitive is None or primitive in _MOVING:
        return 0
    if type(ans) is tuple:
        return None
    sizes = [int(np.size(peel(arg))) for arg in args]
    size = int(np.size(peel(ans)))
    if primitive.kind == "elementwise":
        return size
    if primitive.kind == "linear":
        return max(sizes, default=0)
    if primitive.kind == "bilinear" and len(sizes) == 2:
        product = round(math.sqrt(sizes[0] * sizes[1] * size))
        return product if size == sizes[0] * sizes[1] else 2 * product
    return None
