"""Fingerprints: has an array changed since it was recorded?"""

from __future__ import annotations

from typing import Any

import numpy as np

COPIED = 1 << 14  # bytes up to which the fingerprint of an array is a copy
_ROW, _COLUMNS = 1021, 1023


def fingerprint(array: np.ndarray) -> Any:
    """A value that changes when the array is written to: for certain if one entry changes or two are swapped.

    Small arrays are copied. The bits of large ones are read as integers, whose sums modulo 2^64 are taken at about
    memory speed: over rows of one length, and over columns of rows of another, so that no permutation of the rows of an
    array preserves both. (Both odd, since a changed sign is a changed top bit, and an even number of these cancel.)
    """
    if array.nbytes <= COPIED:
        return array.tobytes()
    if not array.flags.c_contiguous:
        array = array.T if array.flags.f_contiguous else np.ascontiguousarray(array)
    raw = array.reshape(-1).view(np.uint8)
    words = raw[: raw.size - raw.size % 8].view(np.uint64)
    in_rows, in_columns = words.size - words.size % _ROW, words.size - words.size % _COLUMNS
    rows = np.add.reduce(words[:in_rows].reshape(-1, _ROW), 1)
    columns = np.add.reduce(words[:in_columns].reshape(-1, _COLUMNS), 0)
    return rows.tobytes(), columns.tobytes(), raw[8 * min(in_rows, in_columns) :].tobytes()
