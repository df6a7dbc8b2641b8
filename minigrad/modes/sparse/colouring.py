"""Colouring: groups of columns (or rows) of a sparse matrix that one sweep computes together.

Sources: A. Curtis, M. Powell, J. Reid, "On the estimation of sparse Jacobian matrices", IMA Journal of Applied
Mathematics 13(1), 1974; A. Gebremedhin, F. Manne, A. Pothen, "What color is your Jacobian?", SIAM Review 47(4), 2005.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minigrad.core.lines import located
from minigrad.modes.sparse.patterns import Pattern, sp


def symmetric(pattern: Pattern) -> Pattern:
    """The pattern of a symmetric matrix: an entry and its mirror image both count."""
    both = (pattern + pattern.T).tocsr()
    both.sum_duplicates()
    return both


class Places(NamedTuple):
    """Which entries of a pattern, counted in order, each sweep of a colouring yields, and where in its result."""

    lines: Any  #: for each entry its place in the result of a sweep for a group
    groups: Any  #: for each entry its place in the result of a sweep for a line alone
    of_colour: list[Any]  #: the entries of each colour
    of_alone: list[Any]  #: the entries of each line computed alone
    opposite: Any  #: for each entry the one across the diagonal, of a symmetric pattern


def _split(values: Any, wanted: Any) -> list[Any]:
    """For each of the wanted values, in increasing order, the places where it is."""
    order = np.argsort(values, kind="stable")
    starts, stops = (np.searchsorted(values[order], wanted, side) for side in ("left", "right"))
    return [order[start:stop] for start, stop in zip(starts, stops)]


@dataclass(frozen=True, eq=False)
class Colouring:
    """How a sparse matrix is computed: which entries it has, and which of its columns (or rows) one sweep yields.

    `by_rows` says that rows are grouped, not columns. Column j is computed by sweep `colours[j]`; -1 is for one without
    entries. The rows in `alone` (columns, where rows are grouped) are computed one by one by a sweep in the other
    direction.
    """

    pattern: Pattern
    by_rows: bool
    colours: Any
    alone: Any
    is_symmetric: bool = False

    @property
    def sweeps(self) -> int:
        """How many sweeps the matrix takes."""
        return int(self.colours.max(initial=-1)) + 1 + len(self.alone)

    @functools.cached_property
    def places(self) -> Places:
        """Where each entry comes from, sorted once for any number of matrices."""
        m, n = self.pattern.shape
        columns = self.pattern.indices
        rows = np.repeat(np.arange(m), np.diff(self.pattern.indptr))
        lines, groups = (columns, rows) if self.by_rows else (rows, columns)
        lone = np.zeros(n if self.by_rows else m, bool)
        lone[self.alone] = True
        of_sweep = np.where(lone[lines], -1, self.colours[groups])
        opposite = None
        if self.is_symmetric:
            numbers = sp.csr_array((np.arange(columns.size), columns, self.pattern.indptr), shape=(m, n))
            opposite = numbers.T.tocsr().data
        return Places(
            lines,
            groups,
            _split(of_sweep, np.arange(self.colours.max(initial=-1) + 1)),
            _split(np.where(lone[lines], lines, -1), self.alone),
            opposite,
        )

    def __repr__(self) -> str:
        m, n = self.pattern.shape
        return f"<Colouring of a {m} x {n} pattern with {self.pattern.nnz} entries: {self.sweeps} sweeps>"


def jacobian_colouring(pattern: Any) -> Colouring:
    """The groups of columns, or of rows, by which a Jacobian with this pattern takes the fewest sweeps.

    Args:
        pattern: a sparse array or matrix, or a dense array of any dtype. What is stored (or not zero) may be nonzero.

    Returns:
        What `sparse_jacobian` takes as `pattern=`, instead of finding the groups again at every point.

    Greedy, in the given order and by decreasing numbers of entries; a band takes as many sweeps as it is wide. The time
    is proportional to the number of entries.

    >>> jacobian_colouring(np.tri(6) - np.tri(6, k=-2))
    <Colouring of a 6 x 6 pattern with 11 entries: 2 sweeps>
    """
    pattern = _as_pattern(pattern)
    by_columns, by_rows = _grouped(pattern), _grouped(pattern.T.tocsr())
    if by_columns[2] <= by_rows[2]:
        return Colouring(pattern, False, *by_columns[:2])
    return Colouring(pattern, True, *by_rows[:2])


def hessian_colouring(pattern: Any) -> Colouring:
    """The groups of columns by which a Hessian with this pattern takes the fewest sweeps.

    Args:
        pattern: as for `jacobian_colouring`; it is made symmetric.

    Returns:
        What `sparse_hessian` takes as `pattern=`.

    An entry in a dense row is read from the column opposite to it.

    >>> arrow = np.eye(100)
    >>> arrow[0] = arrow[:, 0] = 1
    >>> hessian_colouring(arrow)
    <Colouring of a 100 x 100 pattern with 298 entries: 2 sweeps>
    """
    pattern = _as_pattern(pattern)
    if pattern.shape[0] != pattern.shape[1]:
        raise ValueError(located(f"hessian_colouring: a Hessian is square, and the pattern is {pattern.shape}"))
    pattern = symmetric(pattern)
    colours, alone, _ = _grouped(pattern, is_symmetric=True)
    return Colouring(pattern, False, colours, alone, is_symmetric=True)


def _as_pattern(pattern: Any) -> Pattern:
    if not sp.issparse(pattern):
        pattern = np.asarray(pattern)
        if pattern.ndim != 2 or pattern.dtype.kind not in "biufc":
            raise TypeError(
                located(
                    f"a pattern is a sparse or dense matrix of two axes, not an array of shape {pattern.shape} and "
                    f"dtype {pattern.dtype}"
                )
            )
        pattern = pattern != 0
    pattern = sp.csr_array(pattern, copy=True)
    pattern.data = np.ones(pattern.nnz, bool)  # what is stored may be nonzero
    pattern.sum_duplicates()
    return pattern


def _grouped(pattern: Pattern, is_symmetric: bool = False) -> tuple[Any, Any, int]:
    """The colours of the columns, the rows to be computed alone, and how many sweeps that takes.

    No colouring has fewer colours than the fullest row has entries. So the fullest rows are taken out, as many as
    lower the sum of both numbers most.
    """
    counts = np.diff(pattern.indptr)
    fullest = np.argsort(-counts, kind="stable")
    left = np.append(counts[fullest], 0)  # left[h]: entries of the fullest row once h rows are taken out
    alone = np.sort(fullest[: int(np.argmin(np.arange(left.size) + left))])
    on = np.ones(counts.size, bool)
    on[alone] = False
    rest = sp.diags_array(on, dtype=bool).tocsr() @ pattern
    rest.eliminate_zeros()
    columns = rest.T.tocsr()
    in_column = np.diff(columns.indptr)
    if is_symmetric:  # column j of a row that is computed alone is known from that row
        in_column = np.where(on, in_column, 0)
    best = _coloured(columns, np.flatnonzero(in_column))
    if best.max(initial=-1) >= np.diff(rest.indptr).max(initial=0):
        order = np.argsort(-in_column, kind="stable")
        other = _coloured(columns, order[in_column[order] > 0])
        best = min(best, other, key=np.max)
    return best, alone, int(best.max(initial=-1)) + 1 + alone.size


def _coloured(columns: Pattern, order: Any) -> Any:
    """Give each column, in this order, the first colour that no column before it in one of its rows has.

    Every row remembers the colours of its columns in the bits of one integer.
    """
    starts, rows = columns.indptr.tolist(), columns.indices.tolist()
    used = [0] * columns.shape[1]
    colours = np.full(columns.shape[0], -1)
    chosen = []
    for j in order.tolist():
        own = rows[starts[j] : starts[j + 1]]
        taken = functools.reduce(operator.or_, [used[i] for i in own], 0)
        bit = ~taken & (taken + 1)  # the lowest bit that is not set
        for i in own:
            used[i] |= bit
        chosen.append(bit.bit_length() - 1)
    colours[order] = chosen
    return colours
