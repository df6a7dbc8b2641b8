"""An einsum of two operands as a product of matrices.

`np.einsum` goes through all combinations of indices in a loop. Where letters are summed over, and each operand has a
letter of its own in the result, this is a product of (stacks of) matrices, which BLAS computes ten times faster and
adds up in another order. What a user asks of `np.einsum` keeps NumPy's digits; the transposes of an einsum are our own
and are computed in this way, as are the einsums of compiled programs that need not be exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

LEAST = 1 << 15  #: multiplications from which a product is faster, with the moves of axes before it and after it
FOUR_KINDS = "fdFD"  #: dtypes that BLAS knows
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  #: string.ascii_letters, without the time to import it


class Operand(NamedTuple):
    """How an operand becomes a stack of matrices: its axes in another order, and then another shape."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]


class Contraction(NamedTuple):
    """A product of two stacks of matrices; `exchanged` if the second operand is the left one."""

    exchanged: bool
    left: Operand
    right: Operand
    result: Operand  #: from the product: first the shape, then the order of axes


def planned(terms: tuple[str, str], out: str, shapes: tuple[Any, Any], dtypes: tuple[Any, Any]) -> Contraction | None:
    """How to compute `np.einsum("{},{}->{}".format(*terms, out))` as a product; None where it is none, or is small.

    >>> import numpy as np
    >>> plan = planned(("ij", "kj"), "ki", ((40, 50), (60, 50)), (np.dtype(float),) * 2)
    >>> plan.exchanged, plan.left.axes, plan.right.axes
    (True, (0, 1), (1, 0))
    """
    sizes = {letter: n for term, shape in zip(terms, shapes) for letter, n in zip(term, shape)}
    if dtypes[0] != dtypes[1] or dtypes[0].char not in FOUR_KINDS or math.prod(sizes.values()) < LEAST:
        return None
    if any(len(set(term)) != len(term) for term in (*terms, out)):
        return None
    x, y, kept = *map(set, terms), set(out)
    if not (x & y) - kept or not (x - y) & kept or not (y - x) & kept or (x ^ y) - kept:
        return None
    exchanged = out[-1] in x and out[-1] not in y  # so that the last axis of the result is the last one in memory
    left, right = terms[::-1] if exchanged else terms
    stack = "".join([c for c in out if c in left and c in right])
    summed = "".join([c for c in right if c in left and c not in kept])
    rows, columns = [
        "".join([c for c in out if c in one and c not in other]) for one, other in ((left, right), (right, left))
    ]

    def size(letters: str) -> int:
        return math.prod([sizes[c] for c in letters])

    def operand(term: str, first: str, second: str) -> Operand:
        axes = tuple([term.index(c) for c in stack + first + second])
        return Operand(axes, (*[sizes[c] for c in stack], size(first), size(second)))

    order = stack + rows + columns
    result = Operand(tuple([order.index(c) for c in out]), tuple([sizes[c] for c in order]))
    return Contraction(exchanged, operand(left, rows, summed), operand(right, summed, columns), result)


def computed(
    plan: Contraction,
    x: Any,
    y: Any,
    transpose: Callable[[Any, Any], Any],
    reshape: Callable[[Any, Any], Any],
    product: Callable[[Any, Any], Any],
) -> Any:
    """The result, with these three operations; they are asked for only where something changes."""

    def moved(value: Any, axes: tuple[int, ...]) -> Any:
        return value if axes == tuple(range(len(axes))) else transpose(value, axes)

    def shaped(value: Any, shape: tuple[int, ...]) -> Any:
        return value if tuple(value.shape) == shape else reshape(value, shape)

    left, right = (y, x) if plan.exchanged else (x, y)
    ans = product(*[shaped(moved(v, to.axes), to.shape) for v, to in ((left, plan.left), (right, plan.right))])
    return moved(shaped(ans, plan.result.shape), plan.result.axes)
