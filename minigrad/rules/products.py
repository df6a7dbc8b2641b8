"""Rules for products of arrays: matmul, dot, tensordot, einsum and relatives.

A product is bilinear: it pushes forward by applying itself, and each transpose is a product again.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.primitive import Operation, bilinear, multilinear
from minigrad.core.tape import Box, peel, refusal
from minigrad.rules.contractions import LETTERS, computed, planned
from minigrad.rules.elementwise import multiply
from minigrad.rules.moving import diagonal, writable_diagonal
from minigrad.rules.shapes import conjugate_if_complex, reshape, sum_, transpose, unbroadcast


def matrix_transposed(x: Any) -> Any:
    """The last two axes exchanged."""
    n = len(x.shape)
    return transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def _to_shape(g: Any, shape: tuple[int, ...]) -> Any:
    return g if g.shape == shape else unbroadcast(g, shape)


# ----- matmul: stacks of matrices, vectors at either side -------------------------------------------------------------


def _matmul_x(g: Any, _ans: Any, _x: Any, y: Any) -> Any:
    if len(_x.shape) == 2 and len(y.shape) == 2:
        return g @ y.T
    if len(y.shape) == 1:  # ans[..., m] = sum_k x[..., m, k] y[k]
        return g * y if len(_x.shape) == 1 else g[..., None] * y
    if len(_x.shape) == 1:  # ans[..., n] = sum_k x[k] y[..., k, n]
        return _to_shape((y @ g[..., None])[..., 0], _x.shape)
    return _to_shape(g @ matrix_transposed(y), _x.shape)


def _matmul_y(g: Any, _ans: Any, x: Any, _y: Any) -> Any:
    if len(x.shape) == 2 and len(_y.shape) == 2:
        return x.T @ g
    if len(x.shape) == 1:
        return g * x if len(_y.shape) == 1 else _to_shape(x[:, None] * g[..., None, :], _y.shape)
    if len(_y.shape) == 1:
        return _to_shape((matrix_transposed(x) @ g[..., None])[..., 0], _y.shape)
    return _to_shape(matrix_transposed(x) @ g, _y.shape)


matmul = bilinear("matmul", operator.matmul, _matmul_x, _matmul_y, pattern=lambda p: p.matmul)

# ----- vdot: the scalar product of all entries ------------------------------------------------------------------------

flat_dot = bilinear(
    "vdot",
    lambda x, y: np.vdot(x.conj(), y),
    lambda g, _ans, _x, y: g * (y if y.shape == _x.shape else reshape(y, shape=_x.shape)),
    lambda g, _ans, x, _y: g * (x if x.shape == _y.shape else reshape(x, shape=_y.shape)),
    takes_scalar=True,
    pattern=lambda p: p.vdot,
)


def vdot(x: Any, y: Any) -> Any:
    """`np.vdot`: the sum of conj(x) * y over all entries."""
    return flat_dot(conjugate_if_complex(x), y)


# ----- tensordot: contract these axes of x with those axes of y -------------------------------------------------------


def _tensordot(x: Any, y: Any, axes: tuple[tuple[int, ...], tuple[int, ...]]) -> Any:
    ans = np.tensordot(x, y, axes)
    return ans[()] if ans.ndim == 0 else ans


def _free(x: Any, used: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i for i in range(len(x.shape)) if i not in used)


def _argsort(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def _tensordot_x(g: Any, _ans: Any, _x: Any, y: Any, axes: Any) -> Any:
    # g has the free axes of x, then those of y. Contracting the latter leaves those of x and the used axes of y.
    of_x, of_y = axes
    free_x, free_y = _free(_x, of_x), _free(y, of_y)
    n = len(free_x)
    ct = tensordot(g, y, axes=(tuple(range(n, n + len(free_y))), free_y))
    order = free_x + tuple(of_x[of_y.index(j)] for j in sorted(of_y))
    return transpose(ct, axes=_argsort(order))


def _tensordot_y(g: Any, _ans: Any, x: Any, _y: Any, axes: Any) -> Any:
    of_x, of_y = axes
    free_x, free_y = _free(x, of_x), _free(_y, of_y)
    ct = tensordot(x, g, axes=(free_x, tuple(range(len(free_x)))))
    order = tuple(of_y[of_x.index(i)] for i in sorted(of_x)) + free_y
    return transpose(ct, axes=_argsort(order))


tensordot: Operation = bilinear("tensordot", _tensordot, _tensordot_x, _tensordot_y, pattern=lambda p: p.tensordot)


def dot(x: Any, y: Any) -> Any:
    """`np.dot`: a product with a number, of matrices, or of the last axis of x with the last but one of y."""
    nx, ny = len(x.shape), len(y.shape)
    if not nx or not ny:
        return multiply(x, y)
    if nx <= 2 and ny <= 2:
        return matmul(x, y)
    return tensordot(x, y, axes=((nx - 1,), (ny - 2 if ny > 1 else 0,)))


def inner(x: Any, y: Any) -> Any:
    """`np.inner`: the last axis of x with the last axis of y."""
    nx, ny = len(x.shape), len(y.shape)
    return multiply(x, y) if not nx or not ny else tensordot(x, y, axes=((nx - 1,), (ny - 1,)))


def outer(x: Any, y: Any) -> Any:
    """`np.outer`: all products of an entry of x with an entry of y."""
    return multiply(reshape(x, shape=(-1, 1)), reshape(y, shape=(1, -1)))


# ----- einsum ---------------------------------------------------------------------------------------------------------


def _einsum_pull(g: Any, _ans: Any, *args: Any, parents: Any, subscripts: str, optimize: Any = False) -> list[Any]:
    """The transpose of an einsum with respect to operand k is the einsum of g with the other operands.

    A letter of operand k that occurs nowhere else was summed out alone: a vector of ones spreads the cotangent along
    it. A letter that operand k repeats took a diagonal: the second axis gets a letter of its own, tied by an identity.
    Einsums of two operands become products of matrices where that is faster.
    """
    left, out = subscripts.split("->")
    terms = left.split(",")
    cotangents: list[Any] = []
    for k, parent in enumerate(parents):
        if parent < 0:
            cotangents.append(None)
            continue
        spare = (c for c in LETTERS if c not in subscripts)
        sizes = dict(zip(terms[k], args[k].shape))
        dtype = peel(args[k]).dtype
        operands, inputs, wanted = [g], [out], ""
        for j, term in enumerate(terms):
            if j != k:
                operands.append(args[j])
                inputs.append(term)
        for letter in terms[k]:
            if letter in wanted:
                fresh = next(spare)
                operands.append(np.eye(sizes[letter], dtype=dtype))
                inputs.append(letter + fresh)
                wanted += fresh
                continue
            if not any(letter in term for term in inputs):
                operands.append(np.ones(sizes[letter], dtype=dtype))
                inputs.append(letter)
            wanted += letter
        cotangents.append(_contracted(operands, inputs, wanted))
    return cotangents


def _contracted(operands: list[Any], terms: list[str], out: str) -> Any:
    """An einsum that is none of the user's: its sums are added up in any order."""
    subscripts = f"{','.join(terms)}->{out}"
    if len(operands) != 2:
        return einsum_explicit(*operands, subscripts=subscripts, optimize=True)
    x, y = operands
    plan = planned((terms[0], terms[1]), out, (x.shape, y.shape), (x.dtype, y.dtype)) if all(terms) else None
    if plan is None:
        return einsum_explicit(x, y, subscripts=subscripts)
    return computed(
        plan, x, y, lambda v, axes: transpose(v, axes=axes), lambda v, shape: reshape(v, shape=shape), matmul
    )


def _einsum(*args: Any, subscripts: str, optimize: Any = False) -> Any:
    ans = np.einsum(subscripts, *args, optimize=optimize)
    return ans[()] if ans.ndim == 0 else ans


einsum_explicit: Operation = multilinear("einsum", _einsum, _einsum_pull, pattern=lambda p: p.einsum)


def einsum(*operands: Any, out: Any = None, optimize: Any = False, **options: Any) -> Any:
    """`np.einsum` in every form: implicit or explicit output, ellipsis, repeated letters, lists of axis numbers.

    The value is NumPy's, which adds up as `optimize` says. Derivatives are computed as products where that is faster.
    """
    if out is not None or options:
        raise refusal(TypeError, "einsum: out=, dtype=, order= and casting= are not differentiated; leave them out")
    if not isinstance(operands[0], str):
        subscripts, args = _from_sublists(operands)
    else:
        subscripts, args = operands[0], list(operands[1:])
    shapes = [np.shape(peel(arg)) for arg in args]
    try:
        subscripts = explicit_subscripts(subscripts, [len(shape) for shape in shapes])
    except ValueError as error:
        raise ValueError(located(f"einsum: {error}; operand shapes {shapes}")) from None
    terms, result = subscripts.split("->")[0].split(","), subscripts.split("->")[1]
    # A size of 1 that meets a larger one broadcasts; taking the axis out keeps the rule free of that case.
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes):
        for letter, n in zip(term, shape):
            sizes[letter] = max(n, sizes.get(letter, 0)) if n != 0 else 0
    for i, (term, shape) in enumerate(zip(terms, shapes)):
        stretched = [letter for letter, n in zip(term, shape) if n == 1 and sizes[letter] != 1]
        if stretched:
            kept = [j for j, letter in enumerate(term) if letter not in stretched]
            args[i] = reshape(args[i], shape=tuple(shape[j] for j in kept))
            terms[i] = "".join(term[j] for j in kept)
    if len(args) == 1 and type(args[0]) is Box and set(terms[0]) == set(result):
        return _entries(args[0], terms[0], result)
    planning = {"optimize": optimize} if optimize is not False else {}
    return einsum_explicit(*args, subscripts=f"{','.join(terms)}->{result}", **planning)


def _entries(x: Box, term: str, result: str) -> Any:
    """What NumPy makes a view, since nothing is added up: diagonals, as by `ii->i`, and axes in another order."""
    while len(term) > len(result):
        twice = next(letter for letter in term if term.count(letter) > 1)
        i, j = term.index(twice), term.rindex(twice)
        x = writable_diagonal(x, axis1=i, axis2=j)
        term = term[:i] + term[i + 1 : j] + term[j + 1 :] + twice
    return transpose(x, axes=tuple(map(term.index, result)))


def _from_sublists(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """`einsum(x, [0, 1], y, [1, 2], [0, 2])` as subscripts."""
    letters = LETTERS.swapcase()

    def term(axes: Any) -> str:
        return "".join("..." if axis is Ellipsis else letters[axis] for axis in axes)

    pairs = len(operands) // 2
    args = [operands[2 * i] for i in range(pairs)]
    subscripts = ",".join(term(operands[2 * i + 1]) for i in range(pairs))
    return (subscripts + "->" + term(operands[-1]) if len(operands) % 2 else subscripts), args


def explicit_subscripts(subscripts: str, ndims: list[int]) -> str:
    """Subscripts with the output written out and every ellipsis replaced by letters.

    >>> explicit_subscripts("ij,jk", [2, 2])
    'ij,jk->ik'
    >>> explicit_subscripts("...i->...", [3])
    'abi->ab'
    """
    subscripts = subscripts.replace(" ", "")
    left, arrow, out = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"'{subscripts}' names {len(terms)} operands, {len(ndims)} were given")
    spare = [c for c in LETTERS if c not in subscripts]
    hidden = [n - len(term.replace("...", "")) for term, n in zip(terms, ndims)]
    for term, n, extra in zip(terms, ndims, hidden):
        if extra < 0 or (extra > 0 and "..." not in term):
            raise ValueError(f"the subscripts '{term}' do not fit an operand of {n} dimensions")
    widest = max([extra for term, extra in zip(terms, hidden) if "..." in term], default=0)
    ellipsis = "".join(spare[:widest])
    expanded = [term.replace("...", ellipsis[widest - extra :] if extra else "") for term, extra in zip(terms, hidden)]
    if arrow:
        result = out.replace("...", ellipsis)
    else:
        joined = "".join(term.replace("...", "") for term in terms)
        result = ellipsis + "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    return f"{','.join(expanded)}->{result}"


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """`np.trace`: the sum along a diagonal."""
    return sum_(diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axis=-1)
