"""A function with rounding errors of our own: what it loses of its digits is seen where they change its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.tape import Box, Tape, open_part, peel
from minigrad.core.tree import flatten, tree_map
from minigrad.modes.checks import is_numeric
from minigrad.modes.taylor.push import EXACT
from minigrad.modes.taylor.rounding import same_work, with_error

MOST = 4.0  #: the largest error, in units of the last place; the smallest is half of it


class ErringTape(Tape):
    """A tape with a rounding error in the result of every operation that rounds, the same in what is done twice.

    The values on it may be boxes of outer tapes: the errors are factors, which their derivatives get too.
    """

    __slots__ = ("done", "draw")

    def __init__(self) -> None:
        super().__init__()
        self.draw = np.random.default_rng(0)  # each time the same: value and derivatives are of one function
        self.done: dict[Any, Any] = {}

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, with an error in its result."""
        if type(ans) is not tuple and primitive.kind != "linear" and primitive not in EXACT:
            key = same_work(primitive, parents, args, params) or len(self)
            if key not in self.done:
                plain = peel(ans)
                self.done[key] = with_error(np.ones(plain.shape, np.finfo(plain.dtype).dtype)[()], self.draw, MOST)
            ans = ans * self.done[key]
        return super().record(primitive, parents, args, ans, params)


def erring(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function with these errors, to be differentiated in any mode.

    >>> bool(erring(lambda x: x * x - 2.0)(np.sqrt(2.0)) != np.sqrt(2.0) * np.sqrt(2.0) - 2.0)
    True
    """

    def found(*args: Any) -> Any:
        leaves, treedef = flatten(args)
        tape = ErringTape()
        boxes = [tape.leaf(leaf) if is_numeric(leaf) else leaf for leaf in leaves]
        try:
            out = fun(*treedef.unflatten(boxes))
        finally:
            tape.close()
        return tree_map(open_part, out)

    return found
