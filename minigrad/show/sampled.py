"""Values as a page shows them: six digits, and of large arrays some of the entries.

The entries are chosen by the shape alone, so what adds up in the arrays adds up in what is shown.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.core.tape import peel


def number(x: Any) -> Any:
    """A number for JSON, to six digits; a text for what is not finite."""
    x = float(x)
    if not math.isfinite(x):
        return "nan" if x != x else "inf" if x > 0 else "-inf"
    short = float(f"{x:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 and math.copysign(1.0, short) > 0 else short


def sampled(value: Any, limit: int) -> Any:
    """A value for the page: a number, an object for an array, a list of these for several results, `None` for zero.

    | key    | what it is                                                               |
    |--------|--------------------------------------------------------------------------|
    | `s`    | the shape                                                                |
    | `v`    | the entries that are shown, row by row                                   |
    | `w`    | the imaginary parts of these, of a complex array                         |
    | `bad`  | how many entries are not finite, if any                                  |
    | `part` | if only some entries are shown: how many rows and columns                |
    | `m`    | then: least, mean and largest of all; of complex ones of absolute values |

    A single complex number is an array without axes.
    """
    if value is None:
        return None
    if type(value) is list or type(value) is tuple:
        return [sampled(part, limit) for part in value]
    array = np.asarray(peel(value))
    if array.dtype.kind not in "fciub":
        return None
    if array.shape == () and array.dtype.kind != "c":
        return number(array)
    found: dict[str, Any] = {"s": list(array.shape)}
    columns = array.shape[-1] if array.ndim else 1
    flat = array.reshape(math.prod(array.shape[:-1]), columns)
    if array.size > limit:
        flat = flat[_places(flat.shape, limit)]
        found["part"] = list(flat.shape)
    finite = np.isfinite(array)
    bad = int(array.size - np.count_nonzero(finite))
    if bad:
        found["bad"] = bad
    if "part" in found:
        good = array[finite] if bad else array
        found["m"] = _ends(np.abs(good) if array.dtype.kind == "c" else good)
    found["v"] = numbers(flat.real)
    if array.dtype.kind == "c":
        found["w"] = numbers(flat.imag)
    return found


def numbers(array: Any) -> list[Any]:
    """The entries of an array as `number` gives them, in a tenth of the time."""
    values = array.ravel().tolist()
    texts = (len(values) * "%.6g " % tuple(values)).split()
    # A whole number has none of the letters and signs of the others; -0 is one of the others.
    return [
        int(text) if text.isdecimal() else number(value) if text[-1] in "nf" else float(text)
        for text, value in zip(texts, values)
    ]


@functools.lru_cache(maxsize=1024)
def _places(shape: tuple[int, int], limit: int) -> Any:
    return np.ix_(*chosen(shape, limit))


def _ends(good: Any) -> list[Any]:
    """The least of some entries, their mean, and the largest."""
    return [number(good.min()), number(good.mean()), number(good.max())] if good.size else ["nan"] * 3


def chosen(shape: tuple[int, ...], limit: int) -> tuple[Any, Any]:
    """Which rows and columns of a matrix are shown, evenly spread, at most `limit` entries.

    >>> [len(part) for part in chosen((300, 1), 64)], [len(part) for part in chosen((300, 300), 64)]
    ([64, 1], [8, 8])
    """
    rows, columns = shape
    height = max(1, min(rows, limit // max(1, min(columns, math.isqrt(limit)))))
    width = max(1, min(columns, limit // height))
    spread = lambda n, k: np.unique(np.linspace(0, n - 1, k).astype(int))
    return spread(rows, height), spread(columns, width)
