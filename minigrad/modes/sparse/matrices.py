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

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import Duck
from minigrad.core.foreign import refuse_foreign, refuse_foreign_result
from minigrad.core.lines import located
from minigrad.core.tape import Box, Tape, open_part, peel
from minigrad.core.tree import LEAF
from minigrad.modes.checks import check_outputs, is_numeric
from minigrad.modes.cotangents import finished
from minigrad.modes.recording import Recording, in_library, real_output
from minigrad.modes.reverse import grad
from minigrad.modes.sparse.colouring import Colouring, hessian_colouring, jacobian_colouring, symmetric
from minigrad.modes.sparse.patterns import Pattern, push_patterns, sp

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
        DenseError: a ValueError, if the pattern of an operation may have more than 10^8 entries.

    >>> sparsity(lambda x: x[1:] - x[:-1], np.zeros(4)).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    """
    return _pattern(_record("sparsity", fun, x))


def hessian_sparsity(fun: Callable[..., Any], x: Any) -> Pattern:
    """The sparsity pattern of the Hessian of a function that returns one number.

    Args:
        fun: maps an array to one number.
        x: a float array, as for `sparsity`.

    Returns:
        A symmetric `scipy.sparse.csr_array` of booleans, of shape (entries of x, entries of x).

    Raises:
        DenseError: as `sparsity`.
        ValueError: if `fun` does not return one number.

    >>> hessian_sparsity(lambda x: np.sum(x[1:] * x[:-1]), np.zeros(3)).toarray().astype(int)
    array([[0, 1, 0],
           [1, 0, 1],
           [0, 1, 0]])
    """
    return symmetric(_pattern(_record("hessian_sparsity", grad(fun), x)))


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
    refuse_foreign(operation, x, "x")
    in_library(operation, x)
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
    refuse_foreign_result(operation, record.out)
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
        TypeError: if x is complex or being differentiated, or `fun` returns several arrays.
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
        TypeError: as `sparse_jacobian`.
        ValueError: as `sparse_jacobian`, and if `fun` does not return one number.

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
