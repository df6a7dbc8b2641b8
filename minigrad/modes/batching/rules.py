"""How NumPy's functions run on a batch: the same call with shifted axes, for each kind of function."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from minigrad.core import duck_arrays as duck
from minigrad.core.duck_arrays import Duck
from minigrad.core.lean import stand_in
from minigrad.modes.batching.stack import (
    RULES,
    UFUNC_METHODS,
    Batched,
    Level,
    NoRuleError,
    Rule,
    aligned,
    as_operand,
    as_stack,
    elementwise,
    holds,
    is_of,
    operand_shape,
    spread,
    wrapped,
)
from minigrad.rules import elementwise as _elementwise_rules
from minigrad.rules import moving, shapes
from minigrad.rules.contractions import LETTERS
from minigrad.rules.products import explicit_subscripts


def _where(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    if len(args) != 3:
        raise NoRuleError  # positions, of which the examples have different numbers
    return elementwise(level, function, args, kwargs)


# ----- rules with shifted axes ----------------------------------------------------------------------------------------


def shifted(axis: Any, ndim: int) -> Any:
    """Axes of one example as axes of the payload; None means all."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, (tuple, list)):
        return tuple([a + 1 for a in normalize_axis_tuple(axis, ndim)])
    return normalize_axis_index(operator.index(axis), ndim) + 1


def sole(level: Level, args: Any, kwargs: Any) -> Any:
    """The payload of the first argument, where nothing else is batched."""
    x = args[0]
    if type(x) is not Batched or x.level is not level or holds(args[1:], level) or holds(kwargs, level):
        raise NoRuleError
    return x.payload


def along(position: int = 1, default: Any = None, name: str = "axis", flat: bool = False) -> Rule:
    """A function of one array that takes axes, as argument `position` or by name; `flat`: of None it flattens."""

    def rule(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        payload = sole(level, args, kwargs)
        kwargs, rest = dict(kwargs), list(args[1:])
        if kwargs.get("where", True) is not True or kwargs.get("out") is not None:
            raise NoRuleError
        kwargs.pop("out", None)
        axis = rest[position - 1] if len(rest) >= position else kwargs.pop(name, default)
        ndim = len(payload.shape) - 1
        if axis is None and flat:
            if kwargs.get("keepdims"):
                raise NoRuleError
            payload, axis, ndim = payload.reshape((payload.shape[0], -1)), 0, 1
        axis = shifted(axis, ndim)
        if len(rest) >= position:
            rest[position - 1] = axis
        else:
            kwargs[name] = axis
        return wrapped(level, function(payload, *rest, **kwargs))

    return rule


def on_stacks(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A function that NumPy applies to the last two axes of stacks."""
    payload = sole(level, args, kwargs)
    if len(payload.shape) < 3:
        raise NoRuleError
    return wrapped(level, function(payload, *args[1:], **kwargs))


def of_shape(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A function that looks at shapes and dtypes only."""

    def stood_in(value: Any) -> Any:
        return stand_in(value) if is_of(value, level) else value

    if holds(kwargs, level):
        raise NoRuleError
    return function(*[stood_in(arg) for arg in args], **kwargs)


def like(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """`zeros_like` and relatives: the same for all examples."""
    sole(level, args, kwargs)
    return function(stand_in(args[0]), *args[1:], subok=False, **kwargs)


def _reduce(level: Level, ufunc: Any, args: Any, kwargs: Any) -> Any:
    given = dict(zip(("axis", "dtype", "out", "keepdims"), args[1:])) | kwargs
    payload = sole(level, args[:1], given)
    if given.pop("out", None) is not None or given.get("where", True) is not True:
        raise NoRuleError
    given["axis"] = shifted(given.get("axis", 0), len(payload.shape) - 1)
    if given.get("dtype", 0) is None:
        del given["dtype"]
    return Batched(ufunc.reduce(payload, **given), level)


def _accumulate(level: Level, ufunc: Any, args: Any, kwargs: Any) -> Any:
    given = dict(zip(("axis", "dtype", "out"), args[1:])) | kwargs
    payload = sole(level, args[:1], given)
    if given.pop("out", None) is not None:
        raise NoRuleError
    given["axis"] = shifted(given.get("axis", 0), len(payload.shape) - 1)
    return Batched(ufunc.accumulate(payload, **given), level)


def _outer(level: Level, ufunc: Any, args: Any, kwargs: Any) -> Any:
    x, y = args
    return ufunc(_with_axes_after(level, x, len(operand_shape(y))), y, **kwargs)


def _with_axes_after(level: Level, x: Any, count: int) -> Any:
    x = as_operand(x)
    return shapes.reshape(x, shape=(*x.shape, *(1,) * count))


UFUNC_METHODS.update(reduce=_reduce, accumulate=_accumulate, outer=_outer)


def _interp(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    return Batched(function(sole(level, args, kwargs), *args[1:], **kwargs), level)


def _searchsorted(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    sorted_values, x, *rest = args
    if not is_of(x, level) or holds([sorted_values, rest], level) or holds(kwargs, level):
        raise NoRuleError
    return Batched(function(sorted_values, x.payload, *rest, **kwargs), level)


# ----- shapes


def resolved(shape: Any, size: int) -> tuple[int, ...]:
    """A shape with its -1, if there is one, replaced."""
    shape = tuple(map(operator.index, shape)) if isinstance(shape, (tuple, list)) else (operator.index(shape),)
    if -1 not in shape:
        return shape
    known = 1
    for n in shape:
        known *= n if n != -1 else 1
    return tuple([size // max(known, 1) if n == -1 else n for n in shape])


def _reshape(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, shape, order = args[0], args[1] if len(args) > 1 else kwargs.get("shape", -1), kwargs.get("order", "C")
    if len(args) > 2:
        order = args[2]
    payload, shape = x.payload, resolved(shape, x.size)
    n, ndim = payload.shape[0], len(x.shape)
    if order in ("A", "K") and ndim > 1:
        raise level.differ("the order of memory")  # a stack is laid out otherwise than its examples would be
    if order in ("C", "A", "K", None):
        return Batched(payload.reshape((n, *shape)), level)
    turned = payload.transpose((0, *range(ndim, 0, -1))).reshape((n, *shape[::-1]))
    return Batched(turned.transpose((0, *range(len(shape), 0, -1))), level)


def _ravel(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    order = args[1] if len(args) > 1 else kwargs.get("order", "C")
    return _reshape(level, function, (args[0], -1), {"order": order})


def _transpose(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x = args[0]
    ndim = len(x.shape)
    axes = args[1] if len(args) > 1 else kwargs.get("axes")
    order = range(ndim)[::-1] if axes is None else normalize_axis_tuple(axes, ndim)
    if len(order) != ndim:
        raise NoRuleError
    return Batched(x.payload.transpose((0, *[a + 1 for a in order])), level)


def _moved(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    x, first, second = args
    return Batched(function(payload, shifted(first, len(x.shape)), shifted(second, len(x.shape))), level)


def _expand_dims(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, axis = args[0], args[1] if len(args) > 1 else kwargs["axis"]
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    places = normalize_axis_tuple(axes, len(x.shape) + len(axes))
    sizes = iter(x.shape)
    shape = [1 if k in places else next(sizes) for k in range(len(x.shape) + len(axes))]
    return Batched(x.payload.reshape((x.payload.shape[0], *shape)), level)


def _reshaped_as(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    shape = function(stand_in(args[0]), *args[1:], **kwargs).shape
    return Batched(payload.reshape((payload.shape[0], *shape)), level)


def _broadcast_to(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, shape = args[0], args[1] if len(args) > 1 else kwargs["shape"]
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if len(shape) < len(x.shape):
        raise NoRuleError
    payload = spread(x.payload, len(shape))
    return Batched(np.broadcast_to(payload, (payload.shape[0], *shape)), level)


def _diagonal(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    given = dict(zip(("offset", "axis1", "axis2"), args[1:])) | kwargs
    ndim = len(args[0].shape)
    axes = [shifted(given.pop("axis1", 0), ndim), shifted(given.pop("axis2", 1), ndim)]
    return Batched(function(payload, given.pop("offset", 0), *axes, **given), level)


def _tile(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    reps = args[1] if isinstance(args[1], (tuple, list)) else (args[1],)
    ndim = max(len(reps), len(args[0].shape))
    return Batched(np.tile(spread(payload, ndim), (1,) * (ndim + 1 - len(reps)) + tuple(reps)), level)


def _pad(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    width = np.broadcast_to(args[1], (len(args[0].shape), 2)).tolist()
    if any(isinstance(value, (tuple, list)) for value in kwargs.values()):
        raise NoRuleError  # one per axis
    return Batched(np.pad(payload, [(0, 0), *width], *args[2:], **kwargs), level)


def _roll(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    given = dict(zip(("shift", "axis"), args[1:])) | kwargs
    axis, shape = given.get("axis"), args[0].shape
    if axis is None:
        flat = np.roll(payload.reshape((payload.shape[0], -1)), given["shift"], 1)
        return Batched(flat.reshape((payload.shape[0], *shape)), level)
    return Batched(np.roll(payload, given["shift"], shifted(axis, len(shape))), level)


# ----- joining


def full_payloads(level: Level, values: Sequence[Any], differ: bool = False) -> list[Any]:
    """Payloads that all have the same number of examples: 1 if all are the same for all, unless they are to differ."""
    sizes = {value.payload.shape[0] for value in values if is_of(value, level)}
    count = level.size if differ or level.size in sizes else 1
    made = []
    for value in values:
        payload = value.payload if is_of(value, level) else as_operand(value)
        shape = tuple(payload.shape) if is_of(value, level) else (1, *payload.shape)
        made.append(payload if shape[0] == count else shapes.broadcast_to(payload, shape=(count, *shape[1:])))
    return made


def _concatenate(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    parts, axis = list(args[0]), args[1] if len(args) > 1 else kwargs.get("axis", 0)
    if len(args) > 2 or set(kwargs) - {"axis"}:
        raise NoRuleError
    if axis is None:
        parts, axis = [np.ravel(part) for part in parts], 0
    ndim = len(operand_shape(parts[0]))
    payloads = full_payloads(level, parts)
    if any(len(p.shape) != ndim + 1 for p in payloads):
        raise NoRuleError
    return Batched(np.concatenate(payloads, shifted(axis, ndim)), level)


def _stack(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    parts, axis = list(args[0]), args[1] if len(args) > 1 else kwargs.get("axis", 0)
    if len(args) > 2 or set(kwargs) - {"axis"} or len({tuple(operand_shape(part)) for part in parts}) > 1:
        raise NoRuleError
    return Batched(np.stack(full_payloads(level, parts), shifted(axis, len(operand_shape(parts[0])) + 1)), level)


def _hstack(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    parts = list(map(np.atleast_1d, args[0]))
    return np.concatenate(parts, 0 if len(operand_shape(parts[0])) == 1 else 1, **kwargs)


def _vstack(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    return np.concatenate(list(map(np.atleast_2d, args[0])), 0, **kwargs)


def _diag(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    k = args[1] if len(args) > 1 else kwargs.get("k", 0)
    if len(payload.shape) == 3:
        return Batched(np.diagonal(payload, k, 1, 2), level)
    if len(payload.shape) != 2 or k != 0:
        raise NoRuleError
    mask = np.eye(payload.shape[1], dtype=bool)
    return Batched(np.where(mask, payload[:, :, None], payload.dtype.type(0)), level)


# ----- products


def _norm(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    payload = sole(level, args, kwargs)
    given = dict(zip(("ord", "axis", "keepdims"), args[1:])) | kwargs
    ndim = len(payload.shape) - 1
    if given.get("axis") is None:
        if given.get("keepdims") or not 1 <= ndim <= 2:
            raise NoRuleError
        if given.get("ord") is None:  # of a matrix, too, that of all entries
            payload, ndim = payload.reshape((payload.shape[0], -1)), 1
        given["axis"] = 1 if ndim == 1 else (1, 2)
    else:
        given["axis"] = shifted(given["axis"], ndim)
    return Batched(function(payload, **given), level)


def _matmul(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, y = map(as_operand, args)
    nx, ny = len(x.shape), len(y.shape)
    if kwargs or not nx or not ny:
        raise NoRuleError
    if not is_of(y, level):
        a = x.payload
        if ny == 1:
            return Batched(a @ y, level)
        if ny == 2:  # one product of matrices instead of one per example
            if a.shape[-1] != y.shape[0]:
                raise NoRuleError
            return Batched((a.reshape((-1, y.shape[0])) @ y).reshape((*a.shape[:-1], y.shape[1])), level)
    elif not is_of(x, level) and nx == 2 and ny <= 2:
        b = y.payload
        if b.shape[1] != x.shape[1]:
            raise NoRuleError
        if ny == 1:
            return Batched(b @ x.T, level)
        n, k, j = b.shape
        flat = x @ b.transpose((1, 0, 2)).reshape((k, n * j))
        return Batched(flat.reshape((x.shape[0], n, j)).transpose((1, 0, 2)), level)
    a = x[None, :] if nx == 1 else x
    b = y[:, None] if ny == 1 else y
    if a.shape[-1] != b.shape[-2]:
        raise NoRuleError
    left, right = aligned(level, [a, b])
    ans = left * right if a.shape[-1] == 1 else left @ right
    if ny == 1:
        ans = ans[..., 0]
    if nx == 1:
        ans = ans[..., 0] if ny == 1 else ans[..., 0, :]
    return Batched(ans, level)


def _dot(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, y = args
    nx, ny = len(operand_shape(x)), len(operand_shape(y))
    if not nx or not ny:
        return elementwise(level, np.multiply, args, kwargs)
    if nx <= 2 and ny <= 2:
        return _matmul(level, function, args, kwargs)
    return _tensordot(level, function, (x, y, ((nx - 1,), (ny - 2 if ny > 1 else 0,))), kwargs)


def _inner(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, y = args
    nx, ny = len(operand_shape(x)), len(operand_shape(y))
    if not nx or not ny:
        return elementwise(level, np.multiply, args, kwargs)
    return _tensordot(level, function, (x, y, ((nx - 1,), (ny - 1,))), kwargs)


def _vdot(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, y = [np.ravel(arg) for arg in args]
    if x.dtype.kind == "c":
        x = np.conjugate(x)
    return _matmul(level, function, (x, y), kwargs)


def _product_outer(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, y = [np.ravel(arg) for arg in args]
    return x[:, None] * y[None, :]


def _tensordot(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, y = map(as_operand, args[:2])
    axes = args[2] if len(args) > 2 else kwargs.get("axes", 2)
    nx, ny = len(x.shape), len(y.shape)
    if isinstance(axes, (int, np.integer)):
        axes = (tuple(range(nx - axes, nx)), tuple(range(axes)))
    of_x, of_y = [normalize_axis_tuple(a, n) for a, n in zip(axes, (nx, ny))]
    if not is_of(y, level):
        return Batched(np.tensordot(x.payload, y, (shifted(of_x, nx), of_y)), level)
    if not is_of(x, level):
        ans = np.tensordot(x, y.payload, (of_x, shifted(of_y, ny)))
        return Batched(np.moveaxis(ans, nx - len(of_x), 0), level)
    letters = LETTERS[1:]
    of_left, rest = letters[:nx], letters[nx:]
    of_right = [rest[k] for k in range(ny)]
    for i, j in zip(of_x, of_y):
        if x.shape[i] != y.shape[j]:
            raise NoRuleError
        of_right[j] = of_left[i]
    result = [c for i, c in enumerate(of_left) if i not in of_x] + [c for j, c in enumerate(of_right) if j not in of_y]
    subscripts = f"a{of_left},a{''.join(of_right)}->a{''.join(result)}"
    return Batched(np.einsum(subscripts, x.payload, y.payload), level)


def _einsum(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    subscripts, operands = args[0], list(args[1:])
    if not isinstance(subscripts, str) or set(kwargs) - {"optimize"}:
        raise NoRuleError
    subscripts = explicit_subscripts(subscripts, [len(operand_shape(x)) for x in operands])
    left, result = subscripts.split("->")
    letter = next(c for c in LETTERS if c not in subscripts)
    terms = [letter + term if is_of(x, level) else term for term, x in zip(left.split(","), operands)]
    payloads = [x.payload if is_of(x, level) else x for x in operands]
    return Batched(np.einsum(f"{','.join(terms)}->{letter}{result}", *payloads, **kwargs), level)


def _solve(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    a, b = args
    if len(b.shape) == 1:
        return function(a, b[:, None])[..., 0]
    if not is_of(a, level) and len(a.shape) == 2 and len(b.shape) == 2:  # one factorisation for all
        n, k, j = b.payload.shape
        flat = function(a, b.payload.transpose((1, 0, 2)).reshape((k, n * j)))
        return Batched(flat.reshape((k, n, j)).transpose((1, 0, 2)), level)
    return Batched(function(*aligned(level, [a, b])), level)


# ----- indexing


_BASIC = {int, slice, type(None), type(Ellipsis)}


def batched_index(index: Any, level: Level, count: int) -> tuple[Any, int]:
    """An index of one example as an index of the payload, and where in the result the axis of the examples comes out.

    NumPy puts the axes of index arrays that are not next to each other in front of all others.
    """
    parts = index if type(index) is tuple else (index,)
    if _BASIC.issuperset(map(type, parts)):
        return (slice(None), *parts), 0  # the usual case
    parts = tuple([np.asarray(p) if type(p) is list else p for p in parts])
    if any(isinstance(p, (bool, np.bool_)) or (isinstance(p, Duck) and not is_of(p, level)) for p in parts):
        raise NoRuleError
    if any(is_of(p, level) for p in parts):
        if any(p is None or p is Ellipsis or type(p) is slice or np.result_type(p).kind not in "iu" for p in parts):
            raise NoRuleError
        ndim = max([len(operand_shape(p)) for p in parts])
        return (np.arange(count).reshape((count, *(1,) * ndim)), *aligned(level, parts)), 0
    places = [k for k, p in enumerate(parts) if not (p is None or p is Ellipsis or type(p) is slice)]
    arrays = [p for p in parts if type(p) is np.ndarray]
    if not arrays or places[-1] - places[0] == len(places) - 1:
        return (slice(None), *parts), 0
    return (slice(None), *parts), max([1 if p.dtype == bool else p.ndim for p in arrays])


def _getitem(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, index = args
    if not is_of(x, level):
        raise NoRuleError
    payload = x.payload
    if payload.shape[0] != level.size and holds((index,), level):
        payload = shapes.broadcast_to(payload, shape=(level.size, *x.shape))
    index, place = batched_index(index, level, level.size)
    ans = payload[index]
    if place:
        ans = np.moveaxis(ans, place, 0)
    return Batched(ans, level, len(ans.shape) == 1 and any(part is Ellipsis for part in index))


def _sum_of_scatters(level: Level, rule: Callable[..., Any], gs: Any, params: Any) -> Any:
    payloads = full_payloads(level, gs, holds(params["indices"], level))
    count, shape, indices = payloads[0].shape[0], params["shape"], []
    for k, index in enumerate(params["indices"]):
        index, place = batched_index(index, level, count)
        indices.append(index)
        if place:
            payloads[k] = np.moveaxis(payloads[k], 0, place)
    total = moving.sum_of_scatters(*payloads, indices=tuple(indices), shape=(count, *shape), dtype=params["dtype"])
    return Batched(total, level)


def _scatter_add(level: Level, rule: Callable[..., Any], args: Any, params: Any) -> Any:
    payload, size = args[0].payload, params["size"]
    count = payload.shape[0]
    index = (np.asarray(params["index"]) + size * np.arange(count)[:, None]).reshape(-1)
    total = moving.scatter_add(payload.reshape((-1,)), index=index, size=count * size)
    return Batched(total.reshape((count, size)), level)


def _put(level: Level, rule: Callable[..., Any], args: Any, params: Any) -> Any:
    """`put`, and `zeroed` where nothing is put: the places of each example come after those of the one before."""
    x, *vs = args
    places = params["places"]
    if holds((places,), level):
        raise NoRuleError
    payload = as_stack(x, level)
    starts = math.prod(payload.shape[1:]) * np.arange(level.size)[:, None]
    if not vs:
        return Batched(moving.zeroed(payload, places=(starts + places).reshape(-1)), level)
    ends = np.cumsum([math.prod(operand_shape(v)) for v in vs])
    everywhere = [(starts + part).reshape(-1) for part in np.split(places, ends[:-1])]
    stacks = [as_stack(v, level) for v in vs]
    return Batched(moving.put(payload, *stacks, places=np.concatenate(everywhere)), level)


# ----- the table ------------------------------------------------------------------------------------------------------

RULES.update({
    operator.getitem: _getitem,
    duck.reshape: _reshape, np.reshape: _reshape, np.ravel: _ravel, np.transpose: _transpose,
    duck.astype: lambda level, f, args, kwargs: Batched(args[0].payload.astype(args[1]), level),
    np.moveaxis: _moved, np.swapaxes: _moved, np.expand_dims: _expand_dims, np.squeeze: _reshaped_as,
    np.broadcast_to: _broadcast_to, np.diagonal: _diagonal, np.trace: _diagonal, np.tile: _tile, np.pad: _pad,
    np.roll: _roll, np.concatenate: _concatenate, np.stack: _stack, np.hstack: _hstack, np.vstack: _vstack,
    np.diag: _diag, np.linalg.norm: _norm, np.interp: _interp, np.searchsorted: _searchsorted,
    np.atleast_1d: _reshaped_as, np.atleast_2d: _reshaped_as, np.atleast_3d: _reshaped_as,
    np.matmul: _matmul, np.dot: _dot, np.inner: _inner, np.vdot: _vdot, np.outer: _product_outer,
    np.tensordot: _tensordot, np.einsum: _einsum, np.linalg.solve: _solve,
    moving.written.__wrapped__: _put, moving.zeroed_at.__wrapped__: _put,  # type: ignore[attr-defined]
    moving.scattered_sum.__wrapped__: _sum_of_scatters, moving.scattered_add.__wrapped__: _scatter_add,  # type: ignore[attr-defined]
    _elementwise_rules.tanh_slope_at: lambda level, f, args, kwargs: elementwise(
        level, _elementwise_rules.tanh_slope, args, kwargs),
    np.flip: along(), np.take: along(2, flat=True), np.repeat: along(2, flat=True), np.diff: along(2, -1),
    np.rot90: along(2, (0, 1), "axes"), np.trapezoid: along(3, -1),
})  # fmt: skip
_NAMES: list[tuple[Rule, str]] = [
    (along(), "sum prod mean std var max min any all ptp median count_nonzero"),
    (along(), "nansum nanprod nanmean nanstd nanvar nanmax nanmin"),
    (along(flat=True), "cumsum cumprod argmax argmin nanargmax nanargmin nancumsum nancumprod"),
    (along(default=-1, flat=True), "sort argsort"),
    (along(2, -1), "fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft"),
    (along(2, (-2, -1), "axes"), "fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2"),
    (along(1, None, "axes"), "fft.fftshift fft.ifftshift"),
    (on_stacks, "linalg.inv linalg.det linalg.slogdet linalg.cholesky linalg.eigh linalg.eigvalsh linalg.eig"),
    (on_stacks, "linalg.eigvals linalg.svd linalg.qr linalg.pinv linalg.matrix_power matrix_transpose tril triu"),
    (_where, "where"),
    (elementwise, "clip round around isclose copy fix i0"),
    (of_shape, "shape ndim size iscomplexobj isrealobj result_type can_cast common_type"),
    (like, "zeros_like ones_like empty_like full_like"),
]
for _rule, _names in _NAMES:
    for _name in _names.split():
        RULES[operator.attrgetter(_name)(np)] = _rule
# What works entry by entry says so there: sinc, real, nan_to_num, ...
for _name, _operation in vars(_elementwise_rules).items():
    if hasattr(_operation, "primitive") and hasattr(np, _name):
        RULES.setdefault(getattr(np, _name), elementwise)
