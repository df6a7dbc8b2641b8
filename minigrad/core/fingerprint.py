"""Fingerprints: has an array changed since it was recorded?

A program that was compiled is used again or not by what the fingerprints of captured arrays say, so these have to be
strong. A tape only looks for mistakes: whether an array was written to between its use and the sweep. For that `sums`
are enough, at half the price, which every recording of large arrays pays.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np

COPIED = 1 << 17  # bytes up to which the fingerprint of an array is a copy
_ROW = 1024  # words in a row
_BLOCK = 64  # rows that are in the processor's own memory together
_HALF = np.uint64(32)


def fingerprint(array: np.ndarray) -> Any:
    """A value that changes when the array is written to.

    An array of up to `COPIED` bytes is copied. The bits of a larger one are read as rows of 1024 words x[j] of 64 bits,
    and of each row one word is kept, the sum over j of w[j] * x[j] + u[j] * (x[j] >> 32) modulo 2^64. The weights w and
    u are random, and drawn once in each process. So two contents that differ, in whatever way, have the same
    fingerprint with a probability of at most 2^-33: if some x[j] >> 32 differ, by less than 2^32, then a multiple of
    u[j] by less than 2^32 has to hit one number; else some x[j] differ by less than 2^32, and a multiple of w[j] has
    to. (With w alone, numbers that differ in their first bits only, such as 0.0 and 1.0, would collide often.) This
    is a bound for each row that differs: rows are kept apart, so that n of them collide with at most 2^-33n.

    It takes 0.6 nanoseconds a word. Of arrays of objects, the objects count, not what they hold.
    """
    if array.dtype.hasobject:
        return Objects(array)
    if array.nbytes <= COPIED:
        return array.tobytes()
    raw = bytes_of(array)
    n = raw.size // (8 * _ROW)
    words = raw[: n * 8 * _ROW].view(np.uint64).reshape(n, _ROW)
    w, u = weights()
    sums, high = np.empty((2, n), np.uint64), np.empty((min(n, _BLOCK), _ROW), np.uint64)
    for k in range(0, n, _BLOCK):
        block = words[k : k + _BLOCK]
        np.einsum("ij,j->i", block, w, out=sums[0, k : k + _BLOCK])
        np.einsum("ij,j->i", np.right_shift(block, _HALF, high[: len(block)]), u, out=sums[1, k : k + _BLOCK])
    return np.add(*sums).tobytes(), raw[n * 8 * _ROW :].tobytes()


@functools.cache
def weights() -> tuple[np.ndarray, np.ndarray]:
    """Two rows of random words, the same as long as the process lives."""
    w, u = np.frombuffer(os.urandom(16 * _ROW), np.uint64).reshape(2, _ROW)
    return w, u


def sums(array: np.ndarray) -> Any:
    """A value that changes when the array is written to, unless it is meant to deceive, or by a rare accident.

    For certain if one entry changes or two are swapped. The words of large arrays are added up modulo 2^64 over rows of
    one length, and over columns of rows of another. An exchange of entries that are a multiple of both lengths apart
    could preserve both, so the lengths are primes, which no data has for a width, and differ from process to process.
    (Both odd, since a changed sign is a changed top bit, and an even number of these cancel.)
    """
    if array.dtype.hasobject:
        return Objects(array)
    if array.nbytes <= COPIED:
        return array.tobytes()
    raw = bytes_of(array)
    words = raw[: raw.size - raw.size % 8].view(np.uint64)
    row, columns = lengths()
    in_rows, in_columns = words.size - words.size % row, words.size - words.size % columns
    rows = np.add.reduce(words[:in_rows].reshape(-1, row), 1)
    of_columns = np.add.reduce(words[:in_columns].reshape(-1, columns), 0)
    return rows.tobytes(), of_columns.tobytes(), raw[8 * min(in_rows, in_columns) :].tobytes()


@functools.cache
def lengths() -> tuple[int, int]:
    """Two primes between 1000 and 2000, the same as long as the process lives."""
    primes = [n for n in range(1001, 2000, 2) if all(n % k for k in range(3, 45, 2))]
    first = int.from_bytes(os.urandom(4), "little") % len(primes)
    second = int.from_bytes(os.urandom(4), "little") % (len(primes) - 1)
    return primes[first], primes[second + (second >= first)]


def bytes_of(array: np.ndarray) -> np.ndarray:
    """The bytes of an array in the order of memory, without a copy where it has no gaps."""
    if not array.flags.c_contiguous:
        array = array.T if array.flags.f_contiguous else np.ascontiguousarray(array)
    return np.asarray(array).reshape(-1).view(np.uint8)


class Objects:
    """The objects of an array: which they are. It keeps them, so that no other object can have their place."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("kept", "places")

    def __init__(self, array: np.ndarray) -> None:
        self.kept = array.copy()
        self.places = array.tobytes()

    def __eq__(self, other: object) -> bool:
        return type(other) is Objects and other.places == self.places
