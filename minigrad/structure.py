"""Rules for reductions, shapes, indexing and joining: everything that adds entries up or moves them around."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.duck import Duck, anywhere, has_duck, whole
from minigrad.elementwise import conjugate, exp, nonzero_or_one, real
from minigrad.primitive import Rule, Scatter, check_plain, general, linear, linear_in_all
from minigrad.tape import NUMBERS, Box, located, peel

_add: Any = np.add.reduce  # as they are called here (positionally, for speed) their annotations do not fit
_maximum: Any = np.maximum.reduce


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """An axis argument as a tuple of axes counted from the front; `None` means all."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(operator.index(a) % ndim if ndim else operator.index(a) for a in axes)


def kept_shape(x: Any, axis: Any) -> tuple[int, ...]:
    """The shape of a reduction of x had it been asked to keep its dimensions."""
    return _kept(x.shape, axis)


@functools.lru_cache(maxsize=1024)
def _kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    axes = axes_of(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def count(x: Any, axis: Any) -> int:
    """How many entries of x go into one entry of its reduction."""
    total = 1
    for i in axes_of(axis, len(x.shape)):
        total *= x.shape[i]
    return total


def keep(g: Any, x: Any, axis: Any) -> Any:
    """g, of the shape of a reduction of x, as it broadcasts against x."""
    if type(g) in NUMBERS or g.shape == ():
        return g
    shape = kept_shape(x, axis)
    return g if g.shape == shape else reshape(g, shape=shape)


def scaled(g: Any, weights: Any) -> Any:
    """g * weights, where the weights are an array of our own: by the seed 1.0 nothing need be multiplied."""
    return weights if type(g) is float and g == 1.0 else g * weights


def _reduce(ufunc: np.ufunc) -> Callable[..., Any]:
    """A reduction by a ufunc, without the microsecond that np.sum spends before it gets there."""
    reduce: Any = ufunc.reduce

    def fun(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
        return reduce(x, axis, dtype, None, keepdims)

    return fun


def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if x.dtype == np.float16:
        return np.mean(x, axis=axis, keepdims=keepdims)  # sums in float32
    return _add(x, axis, None, None, keepdims) / (count(x, axis) or math.nan)


# ----- reductions -----------------------------------------------------------------------------------------------------

sum_ = linear("sum", _reduce(np.add), lambda g, _ans, _x, axis=None, keepdims=False, dtype=None: keep(g, _x, axis))
mean = linear(
    "mean",
    _mean,
    lambda g, _ans, _x, axis=None, keepdims=False: keep(g, _x, axis) / (count(_x, axis) or math.nan),
)
cumsum: Rule = linear(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda g, _ans, _x, axis: flip(cumsum(flip(g, axis=axis), axis=axis), axis=axis),
)


def _winners(x: Any, ans: Any, axis: Any) -> Any:
    """The weight of each entry in its maximum or minimum: equal shares for those that attain it."""
    x, ans = peel(x), peel(ans)
    attains = np.equal(x, np.reshape(ans, kept_shape(x, axis)))
    if anywhere(np.isnan(ans)):
        attains = attains | np.isnan(x)
    return (attains / np.maximum(np.sum(attains, axis=axis, keepdims=True), 1)).astype(x.dtype)


def _extremum(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    return general(
        name,
        _reduce(ufunc),
        [lambda g, ans, x, axis=None, keepdims=False: keep(g, x, axis) * _winners(x, ans, axis)],
        [lambda t, ans, x, axis=None, keepdims=False: sum_(t * _winners(x, ans, axis), axis=axis, keepdims=keepdims)],
    )


amax = _extremum("max", np.maximum)
amin = _extremum("min", np.minimum)


def _others(x: Any, ans: Any, axis: Any) -> Any:
    """For each entry the product of all the others along the axes.

    ans / x where there is no zero. With zeros (or overflow, or so small a product that it has lost digits) the products
    of all before and of all after are multiplied, each in log2(n) steps of doubling; these are products again, hence
    right for derivatives of any order.
    """
    plain = peel(ans)
    if not anywhere((np.abs(plain) < np.finfo(plain.dtype).tiny) | ~np.isfinite(plain)):
        return keep(ans, x, axis) / x
    axes = axes_of(axis, len(x.shape))
    rest = tuple(i for i in range(len(x.shape)) if i not in axes)
    moved = transpose(x, axes=rest + axes)
    flat = reshape(moved, shape=(*moved.shape[: len(rest)], -1))
    before, after = _products_before(flat), flip(_products_before(flip(flat, axis=-1)), axis=-1)
    back = tuple(int(i) for i in np.argsort(rest + axes))
    return transpose(reshape(before * after, shape=moved.shape), axes=back)


def _products_before(x: Any) -> Any:
    """Along the last axis, the product of all earlier entries."""
    n = x.shape[-1]
    ones = np.ones((*x.shape[:-1], n), dtype=peel(x).dtype)
    products = concatenate(ones[..., :1], x[..., : n - 1], axis=-1) if n else x
    step = 1
    while step < n:
        products = products * concatenate(ones[..., :step], products[..., : n - step], axis=-1)
        step *= 2
    return products


def cumprod(x: Any, axis: int) -> Any:
    """The product of each entry and all before it along one axis: composed, so right at zeros to any order."""
    last = (*(i for i in range(len(x.shape)) if i != axis), axis)
    moved = transpose(x, axes=last)
    return transpose(_products_before(moved) * moved, axes=_inverse(last))


prod = general(
    "prod",
    _reduce(np.multiply),
    [lambda g, ans, x, axis=None, keepdims=False, dtype=None: keep(g, x, axis) * _others(x, ans, axis)],
    [
        lambda t, ans, x, axis=None, keepdims=False, dtype=None: sum_(
            t * _others(x, ans, axis), axis=axis, keepdims=keepdims
        )
    ],
)


def _centred(x: Any, axis: Any) -> Any:
    return x - mean(x, axis=axis, keepdims=True)


def _var_vjp(g: Any, _ans: Any, x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
    return keep(g, x, axis) * (
        (2.0 / (max(count(x, axis) - ddof, 0) or math.nan)) * conjugate_if_complex(_centred(x, axis))
    )


def _var_jvp(t: Any, _ans: Any, x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
    weighted = t * conjugate_if_complex(_centred(x, axis))
    return (2.0 / (max(count(x, axis) - ddof, 0) or math.nan)) * sum_(weighted, axis=axis, keepdims=keepdims)


def conjugate_if_complex(x: Any) -> Any:
    """The conjugate; real values are returned as they are."""
    return conjugate(x) if peel(x).dtype.kind == "c" else x


var = general(
    "var",
    lambda x, axis=None, keepdims=False, ddof=0: np.var(x, axis=axis, keepdims=keepdims, ddof=ddof),
    [_var_vjp],
    [_var_jvp],
)
# d std = d var / (2 std); where all entries are equal the subgradient 0.
std = general(
    "std",
    lambda x, axis=None, keepdims=False, ddof=0: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof),
    [
        lambda g, ans, x, axis=None, keepdims=False, ddof=0: _var_vjp(
            g * (0.5 / nonzero_or_one(ans)), ans, x, axis, keepdims, ddof
        )
    ],
    [
        lambda t, ans, x, axis=None, keepdims=False, ddof=0: (
            _var_jvp(t, ans, x, axis, keepdims, ddof) * (0.5 / nonzero_or_one(ans))
        )
    ],
)


def all_finite(x: Any) -> bool:
    """Whether no entry is infinite or NaN."""
    return x.finite() if isinstance(x, Duck) else math.isfinite(np.vdot(x, x))


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log sum exp x without overflow: the maximum is taken out first (and -inf stays -inf)."""
    top = _maximum(x, axis, None, None, True)
    if not all_finite(top):
        top = np.where(np.isfinite(top), top, 0)
        with np.errstate(divide="ignore"):
            ans = np.log(_add(np.exp(x - top), axis, None, None, keepdims))
    else:
        ans = np.log(_add(np.exp(x - top), axis, None, None, keepdims))
    return ans + top.reshape(ans.shape)


def _softmax(x: Any, axis: Any) -> Any:
    """exp(x) / sum(exp(x)), with the maximum taken out first: exp(x - logsumexp(x)) would lose digits for large x."""
    top = _maximum(peel(x), axis, None, None, True)
    if all_finite(top):
        e = exp(x - top)
        return e / sum_(e, axis=axis, keepdims=True)
    e = exp(x - np.where(np.isneginf(top), 0, top))
    return e / nonzero_or_one(sum_(e, axis=axis, keepdims=True))  # all terms zero: so is this


logsumexp = general(
    "logsumexp",
    _logsumexp,
    [lambda g, _ans, x, axis=None, keepdims=False: scaled(keep(g, x, axis), _softmax(x, axis))],
    [lambda t, ans, x, axis=None, keepdims=False: sum_(t * _softmax(x, axis), axis=axis, keepdims=keepdims)],
)

for _reduction in (sum_, mean, amax, amin, prod, var, std, logsumexp):
    _reduction.primitive.takes_scalar = True  # type: ignore[attr-defined]

# ----- shapes ---------------------------------------------------------------------------------------------------------

reshape: Rule = linear(
    "reshape", lambda x, shape, order="C": x.reshape(shape, order=order),
    lambda g, _ans, _x, shape, order="C": reshape(g, shape=_x.shape, order=order),
)  # fmt: skip


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    back = [0] * len(axes)
    for i, a in enumerate(axes):
        back[a] = i
    return tuple(back)


transpose: Rule = linear(
    "transpose",
    lambda x, axes: x.transpose(axes),
    lambda g, _ans, _x, axes: transpose(g, axes=_inverse(axes)),
)
flip: Rule = linear("flip", lambda x, axis: np.flip(x, axis), lambda g, _ans, _x, axis: flip(g, axis=axis))


@functools.lru_cache(maxsize=1024)
def _stretched(wide: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which `shape` is repeated to fill `wide`."""
    lead = len(wide) - len(shape)
    return tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and wide[i + lead] != 1)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum g over the axes along which `shape` was stretched."""
    wide = g.shape
    axes, keepdims = _stretched(wide, shape), len(wide) == len(shape)
    if type(g) is np.ndarray:
        summed = _add(g, axes, None, None, keepdims)
    else:
        summed = sum_(g, axis=axes, keepdims=keepdims)
    return summed if summed.shape == shape else reshape(summed, shape=shape)


broadcast_to = linear(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    lambda g, _ans, _x, shape: unbroadcast(g, _x.shape),
)


def _astype_transposed(g: Any, _ans: Any, _x: Any, dtype: Any) -> Any:
    real_only = peel(g).dtype.kind == "c" and _x.dtype.kind != "c"
    return astype(real(g) if real_only else g, dtype=_x.dtype)


astype: Rule = linear("astype", lambda x, dtype: x.astype(dtype), _astype_transposed)

# ----- indexing -------------------------------------------------------------------------------------------------------


def is_basic(index: Any) -> bool:
    """Whether this index makes a view: nothing is named twice, so += may be used for adding."""
    parts = index if type(index) is tuple else (index,)
    return all(part is None or part is Ellipsis or type(part) is int or type(part) is slice for part in parts)


@whole
def _sum_of_scatters(*gs: Any, indices: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    total = np.zeros(shape, dtype)
    for g, index in zip(gs, indices):
        if is_basic(index):
            total[index] += g
        else:
            np.add.at(total, index, g)
    return total[()] if shape == () else total


sum_of_scatters = linear_in_all(
    "scatter",
    _sum_of_scatters,
    lambda g, _ans, *_gs, parents, indices, shape, dtype: [g[index] for index in indices],
)

getitem = linear("getitem", lambda x, index: x[index], lambda g, _ans, _x, index: Scatter(g, index))


def plain_index(index: Any, x: Any) -> Any:
    """An index as the tape keeps it: boxes within are refused, lists become arrays, arrays are watched."""
    if type(index) is tuple:
        return tuple([plain_index(part, x) for part in index])
    if type(index) is Box:
        if index.tape.is_open and peel(index).dtype.kind in "fc":
            raise TypeError(
                located(
                    "an array was indexed by a value that is being differentiated; an index has no derivative. "
                    "Use a comparison (x > 0) for a mask, np.argsort or np.argmax for positions, or "
                    "minigrad.value(i).astype(int)"
                )
            )
        return peel(index)
    if type(index) is list:
        index = np.asarray(index) if len(index) else np.zeros(0, dtype=int)
    if type(index) is np.ndarray:
        while type(x) is Box:
            x.tape.capture(index)
            x = x.value
    return index


# ----- moving entries -------------------------------------------------------------------------------------------------


def moves(name: str, fun: Callable[..., Any]) -> Callable[..., Any]:
    """A linear operation that copies entries of its argument to new places, repeats them, or fills with zeros.

    Its transpose is found by letting it move the numbers 1, 2, 3, ...: where number i arrives, entry i came from;
    where a 0 arrives, nothing did.
    """

    def transpose_rule(g: Any, _ans: Any, _x: Any, **params: Any) -> Any:
        size = int(np.prod(_x.shape))
        sources = fun(np.arange(1, size + 1).reshape(_x.shape), **params)
        flat = reshape(g, shape=(-1,))
        filled = scatter_add(flat, index=np.reshape(sources, -1), size=size + 1)
        return reshape(filled[1:], shape=_x.shape)

    return linear(name, fun, transpose_rule)


@whole
def _scatter_add(x: Any, index: Any, size: int) -> Any:
    if x.dtype == np.float64:
        return np.bincount(index, weights=x, minlength=size)
    total = np.zeros(size, x.dtype)
    np.add.at(total, index, x)
    return total


scatter_add: Rule = linear("scatter_add", _scatter_add, lambda g, _ans, _x, index, size: g[index])

roll: Rule = linear(
    "roll",
    lambda x, shift, axis: np.roll(x, shift, axis),
    lambda g, _ans, _x, shift, axis: roll(
        g, shift=tuple(-s for s in shift) if type(shift) is tuple else -shift, axis=axis
    ),
)
tile = moves("tile", lambda x, reps: np.tile(x, reps))
repeat = moves("repeat", lambda x, repeats, axis: np.repeat(x, repeats, axis))
rot90 = moves("rot90", lambda x, k, axes: np.rot90(x, k, axes))
tril = moves("tril", lambda x, k: np.tril(x, k))
triu = moves("triu", lambda x, k: np.triu(x, k))
diag = moves("diag", lambda x, k: np.diag(x, k))
diagonal = moves("diagonal", lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2))
pad = moves("pad", lambda x, pad_width, mode: np.pad(x, pad_width, mode))

# ----- joining --------------------------------------------------------------------------------------------------------


def _concatenate_pull(g: Any, _ans: Any, *_args: Any, parents: Any, axis: int) -> list[Any]:
    start = 0
    cotangents: list[Any] = []
    for arg, parent in zip(_args, parents):
        stop = start + arg.shape[axis]
        index = (slice(None),) * (axis % len(arg.shape)) + (slice(start, stop),)
        cotangents.append(g[index] if parent >= 0 else None)
        start = stop
    return cotangents


def _stack(*args: Any, axis: int) -> Any:
    return np.array(args) if axis == 0 and not has_duck(args) else np.stack(args, axis)


def _stack_pull(g: Any, _ans: Any, *_args: Any, parents: Any, axis: int) -> list[Any]:
    before = (slice(None),) * (axis % len(g.shape))
    return [g[(*before, i)] if parent >= 0 else None for i, parent in enumerate(parents)]


concatenate = linear_in_all("concatenate", lambda *args, axis: np.concatenate(args, axis), _concatenate_pull)
stack = linear_in_all("stack", _stack, _stack_pull)


def same(x: Any) -> Any:
    """x itself: what a pickled box whose transformation is over is read back by."""
    return x


def has_box(values: Any) -> bool:
    """Whether a nested list or tuple holds a box."""
    if type(values) is Box:
        return True
    return isinstance(values, (list, tuple)) and any(has_box(value) for value in values)


def array(values: Any, dtype: Any = None, **options: Any) -> Any:
    """`np.array`, also of nested lists and tuples that hold boxes."""
    if type(values) is Box or isinstance(values, Duck):
        values = values if dtype is None else cast(values, dtype)
        return reshape(values, shape=(1,) * (options.get("ndmin", 0) - len(values.shape)) + tuple(values.shape))
    if not has_box(values) and not has_duck(values):
        if isinstance(values, np.ndarray) and type(values) is not np.ndarray:
            check_plain(values)
        return np.array(values, dtype=dtype, **options)
    ndmin = options.pop("ndmin", 0)
    if ndmin:
        made = array(values, dtype)
        return reshape(made, shape=(1,) * (ndmin - len(made.shape)) + tuple(made.shape))
    parts = [array(value) if isinstance(value, (list, tuple)) else value for value in values]
    shapes = {np.shape(peel(part)) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            located(f"array: the items have different shapes {sorted(shapes)}; pad them, or use np.concatenate")
        )
    made = stack(*parts, axis=0)
    return made if dtype is None else cast(made, dtype)


def cast(x: Any, dtype: Any) -> Any:
    """`x.astype(dtype)`; a dtype that cannot carry a derivative gives a plain array."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc":
        return peel(x).astype(dtype)
    return x if peel(x).dtype == dtype else astype(x, dtype=dtype)
