"""Tapes for sweeps in one direction, which forget large values that no rule of that direction reads."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad.core.tape import PARTS, Box, Tape


class LeanTape(Tape):
    """A tape that only backward sweeps will read: it forgets large values that their rules do not need.

    Each primitive knows which of its values its rules read. The others are replaced by a stand-in that has their
    shape and dtype, and NaN in every entry, so that a rule which reads it by mistake is noticed.
    """

    __slots__ = ()

    LARGE = 1 << 16  #: bytes from which a stand-in is worth its time

    def __init__(self) -> None:
        super().__init__()
        self.small = self.LARGE if type(self) in (LeanTape, LeanForwardTape) else 0

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node without the large values that its rules do not read."""
        kept = ans
        if primitive.shrinks or (type(ans) is np.ndarray and ans.nbytes >= self.LARGE):
            reads_ans, dropped = primitive.residuals(parents)
            if primitive.spares is not None and type(ans) is np.ndarray and primitive.spares(ans):
                dropped = tuple(range(len(args)))
            if not reads_ans and type(ans) is np.ndarray and ans.nbytes >= self.LARGE:
                kept = stand_in(ans)
            for k in dropped:
                arg = args[k]
                if type(arg) is np.ndarray and arg.nbytes >= self.LARGE:
                    args = (*args[:k], stand_in(arg), *args[k + 1 :])
        flat = self.flat
        flat.extend((primitive, parents, args, kept, params))
        return Box(ans, self, len(flat) // PARTS - 1)


class LeanForwardTape(LeanTape):
    """A tape for forward sweeps that forgets large values which no rule reads.

    Elementwise rules serve both directions, and a linear operation is applied to the tangent; of the other kinds the
    forward rules may read what the backward ones do not.
    """

    __slots__ = ()

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, without large values if it is known which ones the forward rules read."""
        largest = args[0] if primitive.shrinks else ans
        if type(largest) is np.ndarray and largest.nbytes >= self.LARGE:
            if primitive.kind in ("elementwise", "linear", "bilinear"):
                return LeanTape.record(self, primitive, parents, args, ans, params)
        flat = self.flat
        flat.extend((primitive, parents, args, ans, params))
        return Box(ans, self, len(flat) // PARTS - 1)


def stand_in(array: Any) -> Any:
    """An array that takes no memory but has this shape and dtype; every entry is NaN where the dtype has one."""
    return _stand_in(array.shape, array.dtype)


@functools.lru_cache(maxsize=4096)
def _stand_in(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.broadcast_to(np.array(np.nan if dtype.kind in "fc" else 0, dtype=dtype), shape)
