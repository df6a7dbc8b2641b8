"""Samples and labels, taken a few at a time from wherever they lie: memory, a memory map, a sparse matrix, blocks."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nn.arrays import Array, Labels

BLOCK = 4096  # samples that are looked at together, where all are looked at
ENTRIES = 2**21  # numbers in a block, at most

Block = tuple[Array, Labels]


def block_size(p: int) -> int:
    """How many samples of p features are looked at together.

    >>> block_size(2), block_size(100_000)
    (4096, 20)
    """
    return max(1, min(BLOCK, ENTRIES // max(p, 1)))


def class_weights(y: Labels, k: int, given: Any) -> Array:
    """The weight of each class, shape (k,), as it was given, or so that all classes count the same ("balanced").

    >>> class_weights(np.array([0, 0, 0, 1]), 2, "balanced")
    array([0.66666667, 2.        ])
    """
    if given is None:
        return np.ones(k)
    if given == "balanced":
        counts = np.bincount(y, minlength=k)
        return y.size / (k * np.maximum(counts, 1))
    weights: Array = np.asarray(given, dtype=np.float64)
    if weights.shape != (k,) or not (np.isfinite(weights).all() and (weights > 0.0).all()):
        raise ValueError(f"class_weight must be {k} positive numbers, one for each class, or 'balanced', not {given!r}")
    return weights


class Samples:
    """Samples, their labels 0..k-1 and their weights.

    Rows are samples inside, so that those of a mini-batch are read in one piece each; what `take` returns has samples
    in columns, as everywhere in `nn`. A memory map stays where it is, and a sparse matrix stays sparse.

    Args:
        x: samples in columns, shape (p, n): an array, a memory map, or a sparse matrix of SciPy.
        y: labels, shape (n,).
        k: the number of classes; the largest label tells if None.

    Raises:
        ValueError: if the shapes or the labels do not fit, or a number is not finite; the first is named.
    """

    def __init__(self, x: Any, y: Labels, k: int | None = None) -> None:
        if x.ndim != 2 or y.shape != x.shape[1:] or y.size == 0:
            raise ValueError(
                f"x must have the shape (features, samples) and y (samples,), with samples, not {x.shape} and {y.shape}"
            )
        if not np.issubdtype(y.dtype, np.integer):
            raise ValueError(f"labels must be a vector of integers, not {y.dtype} of shape {y.shape}")
        k = int(y.max()) + 1 if k is None else k
        if y.min() < 0 or y.max() >= k:
            raise ValueError(f"labels must lie in 0..{k - 1}, found {y.min()}..{y.max()}")
        self.is_sparse = hasattr(x, "tocsr")
        rows: Any = x.T
        if self.is_sparse:
            rows = rows.tocsr()
        elif not isinstance(x, np.memmap):
            rows = np.ascontiguousarray(rows)
        self.rows, self.y, self.k, self.p = rows, y, k, int(x.shape[0])
        self.targets = np.eye(k)
        self.weight = np.ones(k)
        self._refuse_infinite()

    def take(self, part: Labels) -> tuple[Array, Array, Array]:
        """Samples, one-hot targets and weights of these indices: shapes (p, m), (k, m) and (m,)."""
        mine = self.y[part]
        return self._dense(part).T, self.targets[mine].T, self.weight[mine]

    def parts(self, indices: Labels) -> Iterator[Labels]:
        """These indices in the order in which they lie, block by block."""
        ordered, size = np.sort(indices), max(16, block_size(self.p))
        return (ordered[start : start + size] for start in range(0, ordered.size, size))

    def columns(self, indices: Labels) -> tuple[Any, Any, Any]:
        """What `take` returns of these indices, in the order in which they lie, read only where it is sliced."""
        ordered, n = np.sort(indices), indices.size
        return (
            _Columns(lambda part: self._dense(ordered[part]).T, (self.p, n)),
            _Columns(lambda part: self.targets[self.y[ordered[part]]].T, (self.k, n)),
            _Columns(lambda part: self.weight[self.y[ordered[part]]], (n,)),
        )

    def fingerprint(self) -> str:
        """A number that other samples or labels do not have."""
        content = hashlib.sha256(repr((self.rows.shape, self.rows.dtype.str, self.y.dtype.str)).encode())
        content.update(np.ascontiguousarray(self.y).data)
        if self.is_sparse:
            for array in (self.rows.data, self.rows.indices, self.rows.indptr):
                content.update(np.ascontiguousarray(array).data)
        else:
            for start in range(0, self.y.size, BLOCK):
                content.update(np.ascontiguousarray(self.rows[start : start + BLOCK]).data)
        return content.hexdigest()

    def _dense(self, part: Any) -> Array:
        rows = self.rows[part]
        dense: Array = np.asarray(rows.toarray() if self.is_sparse else rows, dtype=np.float64)
        return dense

    def _refuse_infinite(self) -> None:
        first, count = None, 0
        if self.is_sparse and np.isfinite(self.rows.data).all():
            return
        size = block_size(self.p)
        for start in range(0, self.y.size, size):
            rows = self._dense(slice(start, start + size))
            finite = np.isfinite(rows)
            if not finite.all():
                broken = np.argwhere(~finite)
                count += len(broken)
                if first is None:
                    sample, feature = broken[0]
                    first = f"{rows[sample, feature]} in feature {feature} of sample {start + sample}"
        if first is not None:
            raise ValueError(
                f"the data has {first}, and {count} such numbers in all; fill them in, or leave these samples out"
            )


class _Columns:
    """What has the shape of an array, and is one for a slice along its last axis; `minigrad.summed` takes it."""

    def __init__(self, read: Callable[[slice], Array], shape: tuple[int, ...]) -> None:
        self._read, self.shape = read, shape

    def __getitem__(self, key: tuple[slice, ...]) -> Array:
        return self._read(key[-1])


class Moments:
    """Mean and standard deviation of each feature, from blocks of samples one after the other.

    Source:
        T. Chan, G. Golub and R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
        COMPSTAT 1982.

    >>> moments = Moments(1)
    >>> for block in (np.array([[1.0, 2.0]]), np.array([[3.0]]), np.array([[6.0, 8.0]])):
    ...     moments.add(block)
    >>> moments.mean.ravel(), moments.deviation().ravel() ** 2
    (array([4.]), array([6.8]))
    """

    def __init__(self, p: int) -> None:
        self.count, self.mean, self._squares = 0, np.zeros((p, 1)), np.zeros((p, 1))

    def add(self, x: Array) -> None:
        """Take these samples into account, shape (p, m)."""
        m = x.shape[1]
        if not m:
            return
        mean = x.mean(axis=1, keepdims=True)
        total, away = self.count + m, mean - self.mean
        self._squares += np.sum((x - mean) ** 2, axis=1, keepdims=True) + away**2 * (self.count * m / total)
        self.mean = self.mean + away * (m / total)
        self.count = total

    def deviation(self) -> Array:
        """The standard deviation of each feature, shape (p, 1)."""
        spread: Array = np.sqrt(self._squares / max(self.count, 1))
        return spread

    def scaling(self) -> tuple[Array, Array]:
        """The centre c and factor s, both (p, 1), for which s (x - c) has mean 0 and deviation 1.

        The factor of a constant feature is 0, as that of `nn.data.fit_scaling`.
        """
        spread = self.deviation()
        # Rounding leaves a constant feature a deviation of some units in the last place of its mean.
        constant = spread <= 1e-13 * np.abs(self.mean) + 1e-300
        return self.mean, np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, spread))


def spooled(blocks: Iterable[Block], folder: str | Path | None = None) -> tuple[Any, Labels]:
    """All samples of blocks in a memory map of a file without a name, and all labels in memory.

    The file goes when the map does, also when the process is killed.

    Args:
        blocks: pairs of samples, shape (p, m), and labels, shape (m,).
        folder: where the disk has room; the folder for temporary files if None.

    Returns:
        The samples, shape (p, n), and the labels, shape (n,).

    Raises:
        ValueError: if there are no samples, or the numbers of features differ.
        OSError: if the disk is full.

    >>> x, y = spooled((np.full((2, 3), float(j)), np.array([j, j, j])) for j in range(2))
    >>> type(x).__name__, x.shape, y
    ('memmap', (2, 6), array([0, 0, 0, 1, 1, 1]))
    """
    labels: list[Labels] = []
    p = None
    with tempfile.TemporaryFile(dir=folder) as file:
        for x, y in blocks:
            if p is not None and x.shape[0] != p:
                raise ValueError(f"a block has {x.shape[0]} features, and those before it have {p}")
            if x.shape[1:] != y.shape:
                raise ValueError(f"a block has samples of shape {x.shape} and labels of shape {y.shape}")
            p = x.shape[0]
            # Not through the map: a full disk would end the process there.
            file.write(np.ascontiguousarray(x.T, dtype=np.float64).data)
            labels.append(y)
        file.flush()
        n = sum(y.size for y in labels)
        if p is None or n == 0:
            raise ValueError("there are no samples in the blocks")
        rows: Any = np.memmap(file, np.float64, "r+", shape=(n, p)) if p else np.zeros((n, 0))
        return rows.T, np.concatenate(labels)
