"""Sparse Jacobians and Hessians: find where the nonzero entries are, and compute many columns with one sweep.

Columns of a matrix that share no row may be computed together: one push of the sum of their directions gives all their
entries, and the pattern tells which entry belongs to which column. So a Jacobian takes as many sweeps as there are
groups of such columns, and finding few groups is a colouring: columns that share a row get different colours. A band of
width 3 takes 3 sweeps, whatever its length. Rows can be grouped likewise, with pulls; and a few dense rows, which would
forbid any grouping of columns, are pulled one by one.

Sources: A. Curtis, M. Powell, J. Reid, "On the estimation of sparse Jacobian matrices", IMA Journal of Applied
Mathematics 13(1), 1974; A. Gebremedhin, F. Manne, A. Pothen, "What color is your Jacobian?", SIAM Review 47(4), 2005.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minigrad.duck import Duck
from minigrad.patterns import Pattern, push_patterns, sp
from minigrad.sweeps import finished
from minigrad.tape import Box, Tape, located, open_part, peel
from minigrad.transforms import Recording, check_outputs, grad, is_numeric, real_output
from minigrad.tree import LEAF

# ----- which entries may differ from zero -----------------------------------------------------------------------------


def sparsity(fun: Callable[..., Any], x: Any) -> Pattern:
    """The sparsity pattern of a Jacobian.

    Args:
        fun: maps an array to an array or number, of any shapes.
        x: a float array. The pattern holds at every point at which `fun` does the same operations with the same
            constants; both branches of `np.where` and both arguments of `np.maximum` are in it.

    Returns:
        A `scipy.sparse.csr_array` of booleans, of shape (entries of the output, entries of x), both counted in order.
        Where it is false the derivative is zero; where it is true it may be zero too.

    Raises:
        ValueError: if an operation on the way makes so many entries (10^8) that nothing is sparse about it.

    >>> sparsity(lambda x: x[1:] - x[:-1], np.zeros(4)).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    """
    return _pattern(_record("sparsity", fun, x))


def hessian_sparsity(fun: Callable[..., Any], x: Any) -> Pattern:
    """The sparsity pattern of the Hessian of a function that returns one number; symmetric. See `sparsity`.

    >>> hessian_sparsity(lambda x: np.sum(x[1:] * x[:-1]), np.zeros(3)).toarray().astype(int)
    array([[0, 1, 0],
           [1, 0, 1],
           [0, 1, 0]])
    """
    return _symmetric(_pattern(_record("hessian_sparsity", grad(fun), x)))


def _record(operation: str, fun: Callable[..., Any], x: Any) -> Recording:
    """Run the function once on a tape, with checks of what goes in and comes out."""
    x = open_part(x)
    if type(x) is Box:
        raise TypeError(
            located(f"{operation}: x is being differentiated, and a sparse matrix cannot be; use jacobian or hessian")
        )
    if isinstance(x, Duck) and not x.serial:
        raise TypeError(
            located(
                f"{operation}: x is being compiled, and a sparse matrix cannot be; use jacobian or hessian, or compile "
                f"the function alone: {operation}(compile(f), x)"
            )
        )
    if np.iscomplexobj(x):
        raise TypeError(
            located(
                f"{operation}: x is complex. Split it: a function of real and imaginary parts has a real derivative; "
                f"or use jacobian"
            )
        )
    record = Recording(operation, fun, (x,), {}, 0, Tape())
    if record.treedef is not LEAF:
        raise TypeError(
            located(
                f"{operation}: x is a {type(x).__name__}; its entries have to be counted, so pass one array "
                f"(minigrad.misc.flatten makes one)"
            )
        )
    if not is_numeric(record.out) and not isinstance(record.out, bool):
        raise TypeError(
            located(
                f"{operation}: the function must return one array or number, not a {type(record.out).__name__}; "
                f"np.concatenate joins several"
            )
        )
    check_outputs(operation, [record.out], LEAF)
    return record


def _pattern(record: Recording) -> Pattern:
    index, shape = record.position(record.out), (np.size(peel(record.out)), record.leaves[0].size)
    if index < 0:
        return sp.csr_array(shape, dtype=bool)
    pattern = push_patterns(record.tape, [index])[0].copy()
    pattern.sum_duplicates()
    return pattern


def _symmetric(pattern: Pattern) -> Pattern:
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


# ----- colouring ------------------------------------------------------------------------------------------------------


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
    """The groups of columns by which a Hessian with this pattern takes the fewest sweeps; see `jacobian_colouring`.

    The pattern is made symmetric. An entry in a dense row is read from the column opposite to it.

    >>> arrow = np.eye(100)
    >>> arrow[0] = arrow[:, 0] = 1
    >>> hessian_colouring(arrow)
    <Colouring of a 100 x 100 pattern with 298 entries: 2 sweeps>
    """
    pattern = _as_pattern(pattern)
    if pattern.shape[0] != pattern.shape[1]:
        raise ValueError(located(f"hessian_colouring: a Hessian is square, and the pattern is {pattern.shape}"))
    pattern = _symmetric(pattern)
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


# ----- computing ------------------------------------------------------------------------------------------------------


def sparse_jacobian(fun: Callable[..., Any], x: Any, pattern: Any = None, check: bool = True) -> Any:
    """The Jacobian of a function as a sparse matrix, by few sweeps.

    Args:
        fun: maps an array of size n to an array of size m; both may have any shape and are counted in order.
        x: a float array.
        pattern: where entries may differ from zero, if that is known: a sparse or dense matrix of shape (m, n), such as
            `sparsity` returns, or a `jacobian_colouring`, which also saves finding the groups. By default it is found.
        check: whether to verify a given pattern by one more sweep in a random direction.

    Returns:
        A `scipy.sparse.csr_array` of shape (m, n). What is stored is the pattern; entries may be zero.

    Raises:
        TypeError: if x is complex, an integer array or being differentiated, or `fun` returns several arrays.
        ValueError: if the given pattern has another shape or misses an entry; if the function is not sparse.

    The cost is that of one sweep per colour of the pattern: of a band its width, of a five-point stencil about 5.

    >>> sparse_jacobian(lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 3.0])).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    record = _record("sparse_jacobian", fun, x)
    given = pattern if isinstance(pattern, Colouring) else None
    plan = given or jacobian_colouring(_pattern(record) if pattern is None else pattern)
    return _computed("sparse_jacobian", record, plan, pattern is not None and check)


def sparse_hessian(fun: Callable[..., Any], x: Any, pattern: Any = None, check: bool = True) -> Any:
    """The Hessian of a function that returns one number, as a sparse matrix, by few Hessian-vector products.

    Args:
        fun: maps an array of size n and any shape to one number.
        x: a float array.
        pattern: as for `sparse_jacobian`: a matrix of shape (n, n), or a `hessian_colouring`.
        check: whether to verify a given pattern by one more product with a random vector.

    Returns:
        A `scipy.sparse.csr_array` of shape (n, n), exactly symmetric.

    Raises:
        TypeError, ValueError: as `sparse_jacobian`; ValueError if `fun` does not return one number.

    >>> sparse_hessian(lambda x: np.sum(x[1:] ** 2 * x[:-1]), np.array([1.0, 2.0, 3.0])).toarray()
    array([[0., 4., 0.],
           [4., 2., 6.],
           [0., 6., 4.]])
    """
    record = _record("sparse_hessian", grad(fun), x)
    given = pattern if isinstance(pattern, Colouring) else None
    plan = given or hessian_colouring(_pattern(record) if pattern is None else pattern)
    if not plan.is_symmetric:
        raise ValueError(located("sparse_hessian: the colouring is one for Jacobians; use hessian_colouring"))
    return _computed("sparse_hessian", record, plan, pattern is not None and check)


def _computed(operation: str, record: Recording, plan: Colouring, check: bool) -> Any:
    """The entries of the pattern, from one sweep per colour."""
    leaf, out = record.leaves[0], real_output(peel(record.out))
    index, shape = record.position(record.out), (out.size, leaf.size)
    if plan.pattern.shape != shape:
        raise ValueError(
            located(f"{operation}: the pattern has the shape {plan.pattern.shape}, the matrix of derivatives {shape}")
        )

    def push(direction: Any) -> Any:
        tangent = np.asarray(direction, leaf.dtype).reshape(leaf.shape)
        if index < 0:
            return np.zeros(out.size, out.dtype)
        return np.reshape(finished(record.push([tangent[()]], [index])[0], out, set()), -1)

    def pull(direction: Any) -> Any:
        seed = np.asarray(direction, out.dtype).reshape(out.shape)[()]
        if index < 0:
            return np.zeros(leaf.size, out.dtype)
        ct = np.reshape(record.pull([(index, seed)]), -1)
        return ct + 1j * np.reshape(record.pull([(index, -1j * seed)]), -1) if out.dtype.kind == "c" else ct

    places = plan.places
    data = np.zeros(plan.pattern.nnz, out.dtype)
    together, single = (pull, push) if plan.by_rows else (push, pull)
    for c, entries in enumerate(places.of_colour):
        data[entries] = together(plan.colours == c)[places.lines[entries]]
    for i, entries in zip(plan.alone, places.of_alone):
        if plan.is_symmetric:
            data[entries] = push(np.arange(leaf.size) == i)[places.groups[entries]]
            data[places.opposite[entries]] = data[entries]
        else:
            data[entries] = single(np.arange(leaf.size if plan.by_rows else out.size) == i)[places.groups[entries]]
    if plan.is_symmetric:
        data = (data + data[places.opposite]) / 2
    pattern = plan.pattern
    found = sp.csr_array((data, pattern.indices.copy(), pattern.indptr.copy()), shape=shape)
    if check:
        _check(operation, found, push)
    return found


def _check(operation: str, found: Any, push: Callable[[Any], Any]) -> None:
    """Raise if a random combination of the columns differs from what one push says it is."""
    direction = np.random.default_rng(0).uniform(0.5, 1.5, found.shape[1]).astype(found.dtype.type(0).real.dtype)
    expected, computed, size = push(direction), found @ direction, abs(found) @ direction
    eps = float(np.finfo(found.dtype).eps)
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(expected) & np.isfinite(size)
        allowed = 100 * eps**0.5 * size + 1e4 * eps * np.max(size[finite], initial=0.0)
        wrong = np.flatnonzero(finite & (abs(expected - computed) > allowed))
    if wrong.size:
        raise ValueError(
            located(
                f"{operation}: the given pattern misses an entry that is not zero, in row {wrong[0]}"
                + (f" and {wrong.size - 1} others" if wrong.size > 1 else "")
                + ". The function may take another branch, or index elsewhere, at this point: leave pattern= out to "
                "find it again"
            )
        )
