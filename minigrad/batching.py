"""Many examples in one pass: an array with a hidden axis, and `batched`.

A `Batched` stands for one array per example. Its `shape` is that of one example; the examples lie along a first axis of
its `payload`, which nobody sees. NumPy's functions and operators end in its method `perform`, which runs them on the
payload with the axes shifted by one. A function that does not know of examples is thus computed for all of them in one
pass, and so is a sweep over a tape that is given a `Batched` as seed: all rows of a Jacobian at once.

| what is called                              | what runs                                                   |
|---------------------------------------------|-------------------------------------------------------------|
| ufuncs, `where`, `clip` and the like        | the same on payloads whose axes are lined up (`aligned`)    |
| reductions, shapes, joins, products, linalg | the same with shifted axes (the table `RULES`)              |
| anything else                               | the function for each example, and the results are stacked  |

Where the examples would part ways (an `if` on a value, `float(x)`, a mask of different lengths), no pass can serve all:
`ExamplesDifferError` takes control back to whoever made the batch, who goes through the examples one by one.

**Nesting.** Each batch has a serial from the same counter as the tapes. Of a box and a `Batched` that meet, or two of
these, the one with the larger serial was made further in and takes the operation; the other is its operand. A payload
may therefore be the box of an outer tape, or a `Batched` of an outer batch, and a box may hold a `Batched`.
"""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from minigrad import duck
from minigrad import structure as s
from minigrad.duck import Duck, anywhere
from minigrad.linalg import explicit_subscripts
from minigrad.tape import Box, _serials, located, open_part, peel, stand_in
from minigrad.transforms import is_numeric
from minigrad.tree import LEAF, TreeDef, flatten

# ----- the array ------------------------------------------------------------------------------------------------------


class Level:
    """One batch: how many examples there are, and how far in it stands among tapes and other batches."""

    __slots__ = ("is_open", "serial", "size")

    def __init__(self, size: int) -> None:
        self.size, self.serial, self.is_open = size, next(_serials), True


class ExamplesDifferError(BaseException):
    """One pass cannot serve all examples of `level`. Not an error of the user: it is caught where the batch was made.

    It is no `Exception`, so that a user's `except Exception` does not stop it on its way.
    """

    def __init__(self, level: Level, what: str) -> None:
        super().__init__(what)
        self.level = level


class Batched(Duck):
    """One array per example of a batch. `payload` has the examples along axis 0; size 1 there: the same for all."""

    __slots__ = ("dtype", "level", "payload", "serial", "shape")

    def __init__(self, payload: Any, level: Level) -> None:
        self.payload, self.level, self.serial = payload, level, level.serial
        self.shape, self.dtype = payload.shape[1:], payload.dtype

    def perform(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a function of NumPy for all examples."""
        args = opened(args)
        level = innermost_level(kwargs, innermost_level(args, self.level))
        rule = RULES.get(function)
        try:
            if rule is not None:
                return rule(level, function, args, kwargs)
            if type(function) is np.ufunc:
                return elementwise(level, function, args, kwargs)
            owner = getattr(function, "__self__", None)
            if type(owner) is np.ufunc:
                return _METHODS[function.__name__](level, owner, args, kwargs)
        except Exception:  # one example at a time it works, or NumPy's message is about the shapes that the user knows
            pass
        return one_by_one(level, function, args, kwargs)

    @property
    def nbytes(self) -> int:
        """The size in memory, of all examples together."""
        return int(self.payload.nbytes)

    def lift(self, value: Any) -> Any:
        """What is the same for all examples, as a `Batched` of this batch."""
        return Batched(s.reshape(value, shape=(1, *value.shape)), self.level)

    def without_boxes(self) -> Batched:
        """The same without the boxes of outer tapes: a constant for these, too."""
        plain = peel(self.payload)
        return self if plain is self.payload else Batched(plain, self.level)

    def some(self) -> bool:
        """Whether any entry of any example is true."""
        return anywhere(peel(self.payload))

    def finite(self) -> bool:
        """Whether all entries of all examples are finite."""
        return not anywhere(~np.isfinite(peel(self.payload)))

    def differ(self, what: str) -> BaseException:
        """What to raise where the examples would part ways."""
        if self.level.is_open:
            return ExamplesDifferError(self.level, what)
        return RuntimeError(
            located(
                f"{what} of a value that stood for {self.level.size} examples at once, of shape {self.shape} each, and "
                f"was kept beyond the call that computed them. Return it from the function instead"
            )
        )

    def common(self, what: str) -> Any:
        """The one value that all examples share."""
        if self.size != 1:
            raise ValueError(located(f"{what} of an array of shape {self.shape}: only an array of size 1 is one value"))
        values = s.reshape(self.payload, shape=(-1,))
        plain = peel(values)
        if not plain.shape[0] or (plain.shape[0] > 1 and anywhere(plain != plain[0])):
            raise self.differ(what)
        return values[0]

    def __bool__(self) -> bool:
        return bool(self.common("bool()"))

    def __float__(self) -> float:
        return float(self.common("float()"))

    def __complex__(self) -> complex:
        return complex(self.common("complex()"))

    def __int__(self) -> int:
        return int(self.common("int()"))

    def __index__(self) -> int:
        return operator.index(self.common("index()"))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self.differ("the conversion to a plain array")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise self.differ("assignment to an entry")

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __copy__(self) -> Batched:
        return self

    def __deepcopy__(self, memo: Any) -> Batched:
        return self

    def __reduce__(self) -> Any:
        raise self.differ("the pickling")

    def __str__(self) -> str:
        return self.__format__("")

    def __format__(self, spec: str) -> str:
        if not self.level.is_open:
            return repr(self)
        if self.shape:
            raise self.differ("the text")
        return format(self.common("the text"), spec)

    def __repr__(self) -> str:
        return f"Batched({self.level.size} examples of shape {self.shape}, {self.dtype})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"an array has no attribute {name!r}")
        raise self.differ(f"the attribute {name}")


def opened(values: Any) -> Any:
    """The arguments without boxes whose transformation is over: their values may be of this batch."""
    kind = type(values)
    if kind is Box:
        return open_part(values)
    if kind is tuple or kind is list:
        return kind([opened(value) for value in values])
    return values


def _operator(operation: Callable[[Any, Any], Any], general: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator. Usual operands need no table: one of the same batch with as many axes, a number, a small array."""

    def operate(self: Batched, other: Any) -> Any:
        kind = type(other)
        try:
            if kind is Batched:
                if other.level is self.level and len(other.shape) == len(self.shape):
                    return Batched(operation(self.payload, other.payload), self.level)
            elif kind is float or (kind is np.ndarray and other.ndim <= len(self.shape)):
                return Batched(operation(self.payload, other), self.level)
        except ValueError:  # the message is to be about the shapes of one example
            pass
        return general(self, other)

    return operate


def _reflected(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: operation(y, x)


for _name in ("add", "sub", "mul", "truediv"):
    _forward = getattr(operator, _name)
    setattr(Batched, f"__{_name}__", _operator(_forward, getattr(Duck, f"__{_name}__")))
    setattr(Batched, f"__r{_name}__", _operator(_reflected(_forward), getattr(Duck, f"__r{_name}__")))


def is_of(value: Any, level: Level) -> bool:
    """Whether this is a `Batched` of that batch."""
    return type(value) is Batched and value.level is level


def innermost_level(values: Any, level: Level) -> Level:
    """The batch furthest in among these values, at any depth."""
    for value in values.values() if type(values) is dict else values:
        kind = type(value)
        if kind is Batched:
            if value.serial > level.serial:
                level = value.level
        elif kind is list or kind is tuple:
            level = innermost_level(value, level)
    return level


def holds(values: Any, level: Level) -> bool:
    """Whether a `Batched` of that batch is among these values, at any depth."""
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (list, tuple)):
        return is_of(values, level)
    return any(holds(value, level) for value in values)


def shape_of(value: Any) -> Any:
    """The shape of an array of any kind, a number or a list."""
    return value.shape if hasattr(value, "shape") else np.shape(value)


def as_array(value: Any) -> Any:
    """A number or a list as an array; arrays of any kind as they are."""
    return value if hasattr(value, "shape") else np.asarray(value)


def as_stack(value: Any, level: Level) -> Any:
    """The array of all examples, along axis 0, where `value` is one example or the same for all."""
    if is_of(value, level):
        payload = value.payload
        if payload.shape[0] == level.size:
            return payload
        value = payload[0]
    value = as_array(value)
    spread_out = s.broadcast_to(value, shape=(level.size, *value.shape))
    return spread_out.copy() if type(spread_out) is np.ndarray else spread_out


def stacked(level: Level, results: Sequence[Any], what: str) -> Any:
    """The results of all examples, as `Batched` in the structure that each of them has."""
    columns, treedef = [], None
    for result in results:
        leaves, found = flatten(result)
        if treedef is not None and str(found) != str(treedef):
            raise Batched(np.zeros(1), level).differ(what)
        treedef = found
        columns.append(leaves)
    assert treedef is not None
    joined = []
    for parts in zip(*columns):
        if not isinstance(parts[0], (np.ndarray, np.generic, float, int, complex, Duck, Box)):
            if any(part is not parts[0] and part != parts[0] for part in parts):
                raise Batched(np.zeros(1), level).differ(what)
            joined.append(parts[0])
            continue
        if len({shape_of(part) for part in parts}) > 1 or holds(opened(parts), level):  # the function closes over more
            raise Batched(np.zeros(1), level).differ(what)
        joined.append(Batched(s.stack(*parts, axis=0), level))
    return treedef.unflatten(joined)


def one_by_one(level: Level, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function that is not known to the table, for each example in turn."""
    leaves, treedef = flatten((args, kwargs))
    places = [k for k, leaf in enumerate(leaves) if is_of(leaf, level)]
    count = max([leaves[k].payload.shape[0] for k in places], default=0)
    name = getattr(function, "__name__", "a function")
    if not count or function in _IN_PLACE or name == "at":
        raise Batched(np.zeros(1), level).differ(name)
    results = []
    for i in range(count):
        new = list(leaves)
        for k in places:
            payload = leaves[k].payload
            new[k] = payload[i if payload.shape[0] > 1 else 0]
        these, named = treedef.unflatten(new)
        try:
            result = function(*these, **named)
        except NotImplementedError:
            if all(type(leaves[k].payload) is np.ndarray for k in places):
                raise
            raise Batched(np.zeros(1), level).differ(name) from None  # an outer tape lacks a rule
        if type(result) is np.ndarray and any(result is leaf for leaf in leaves):
            raise Batched(np.zeros(1), level).differ(f"{name} into an array")
        results.append(result)
    return stacked(level, results, name)


_IN_PLACE = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


class NoRuleError(Exception):
    """The table has no rule for this call: it is done one by one."""


# ----- entry by entry -------------------------------------------------------------------------------------------------


def spread(payload: Any, ndim: int) -> Any:
    """A payload whose examples have `ndim` axes: those that are missing are put in front, after the examples."""
    shape = payload.shape
    missing = ndim + 1 - len(shape)
    return payload.reshape((shape[0],) + (1,) * missing + tuple(shape[1:])) if missing > 0 else payload


def aligned(level: Level, values: Sequence[Any]) -> list[Any]:
    """Operands that broadcast against each other as the examples do, with the examples along one first axis."""
    ndim = max([len(shape_of(value)) for value in values])
    return [spread(value.payload, ndim) if is_of(value, level) else value for value in values]


def elementwise(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A function that works entry by entry and broadcasts."""
    if kwargs:
        if "out" in kwargs or "where" in kwargs or getattr(function, "signature", None) is not None:
            raise NoRuleError
        names = list(kwargs)
        operands = [kwargs[name] for name in names]
        parts = aligned(level, [*args, *[v if holds(v, level) else None for v in operands]])
        kwargs = {n: p if holds(v, level) else v for n, v, p in zip(names, operands, parts[len(args) :])}
        return wrapped(level, function(*parts[: len(args)], **kwargs))
    if getattr(function, "signature", None) is not None:
        raise NoRuleError
    return wrapped(level, function(*aligned(level, args)))


def _where(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    if len(args) != 3:
        raise NoRuleError  # positions, of which the examples have different numbers
    return elementwise(level, function, args, kwargs)


def wrapped(level: Level, ans: Any) -> Any:
    """A payload, or a tuple or list of payloads, as the user gets it."""
    if isinstance(ans, tuple):
        parts = [wrapped(level, part) for part in ans]
        return type(ans)(*parts) if hasattr(ans, "_fields") else tuple(parts)
    if type(ans) is list:
        return [wrapped(level, part) for part in ans]
    return Batched(ans, level)


# ----- rules with shifted axes ----------------------------------------------------------------------------------------

Rule = Callable[[Level, Callable[..., Any], Any, Any], Any]


def shifted(axis: Any, ndim: int) -> Any:
    """Axes of one example as axes of the payload; None means all."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, (tuple, list)):
        return tuple([a + 1 for a in normalize_axis_tuple(axis, ndim)])
    return normalize_axis_index(operator.index(axis), ndim) + 1


def sole(level: Level, args: Any, kwargs: Any) -> Any:
    """The payload of the first argument, where nothing else is batched."""
    if not is_of(args[0], level) or holds(args[1:], level) or holds(kwargs, level):
        raise NoRuleError
    return args[0].payload


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

    def plain(value: Any) -> Any:
        return stand_in(value) if is_of(value, level) else value

    if holds(kwargs, level):
        raise NoRuleError
    return function(*[plain(arg) for arg in args], **kwargs)


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
    return ufunc(_with_axes_after(level, x, len(shape_of(y))), y, **kwargs)


def _with_axes_after(level: Level, x: Any, count: int) -> Any:
    x = as_array(x)
    return s.reshape(x, shape=(*x.shape, *(1,) * count))


_METHODS: dict[str, Callable[..., Any]] = {"reduce": _reduce, "accumulate": _accumulate, "outer": _outer}


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
        payload = value.payload if is_of(value, level) else as_array(value)
        shape = tuple(payload.shape) if is_of(value, level) else (1, *payload.shape)
        made.append(payload if shape[0] == count else s.broadcast_to(payload, shape=(count, *shape[1:])))
    return made


def _concatenate(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    parts, axis = list(args[0]), args[1] if len(args) > 1 else kwargs.get("axis", 0)
    if len(args) > 2 or set(kwargs) - {"axis"}:
        raise NoRuleError
    if axis is None:
        parts, axis = [np.ravel(part) for part in parts], 0
    ndim = len(shape_of(parts[0]))
    payloads = full_payloads(level, parts)
    if any(len(p.shape) != ndim + 1 for p in payloads):
        raise NoRuleError
    return Batched(np.concatenate(payloads, shifted(axis, ndim)), level)


def _stack(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    parts, axis = list(args[0]), args[1] if len(args) > 1 else kwargs.get("axis", 0)
    if len(args) > 2 or set(kwargs) - {"axis"} or len({tuple(shape_of(part)) for part in parts}) > 1:
        raise NoRuleError
    return Batched(np.stack(full_payloads(level, parts), shifted(axis, len(shape_of(parts[0])) + 1)), level)


def _hstack(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    parts = list(map(np.atleast_1d, args[0]))
    return np.concatenate(parts, 0 if len(shape_of(parts[0])) == 1 else 1, **kwargs)


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
    x, y = map(as_array, args)
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
    nx, ny = len(shape_of(x)), len(shape_of(y))
    if not nx or not ny:
        return elementwise(level, np.multiply, args, kwargs)
    if nx <= 2 and ny <= 2:
        return _matmul(level, function, args, kwargs)
    return _tensordot(level, function, (x, y, ((nx - 1,), (ny - 2 if ny > 1 else 0,))), kwargs)


def _inner(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x, y = args
    nx, ny = len(shape_of(x)), len(shape_of(y))
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
    x, y = map(as_array, args[:2])
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
    letters = string.ascii_letters[1:]
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
    subscripts = explicit_subscripts(subscripts, [len(shape_of(x)) for x in operands])
    left, result = subscripts.split("->")
    letter = next(c for c in string.ascii_letters if c not in subscripts)
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


def batched_index(index: Any, level: Level, count: int) -> tuple[Any, int]:
    """An index of one example as an index of the payload, and where in the result the axis of the examples comes out.

    NumPy puts the axes of index arrays that are not next to each other in front of all others.
    """
    parts = index if type(index) is tuple else (index,)
    parts = tuple([np.asarray(p) if type(p) is list else p for p in parts])
    if any(isinstance(p, (bool, np.bool_)) or (isinstance(p, Duck) and not is_of(p, level)) for p in parts):
        raise NoRuleError
    if any(is_of(p, level) for p in parts):
        if any(p is None or p is Ellipsis or type(p) is slice or np.result_type(p).kind not in "iu" for p in parts):
            raise NoRuleError
        ndim = max([len(shape_of(p)) for p in parts])
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
    if holds(index, level) and payload.shape[0] != level.size:
        payload = s.broadcast_to(payload, shape=(level.size, *x.shape))
    index, place = batched_index(index, level, level.size)
    ans = payload[index]
    return Batched(np.moveaxis(ans, place, 0) if place else ans, level)


def _sum_of_scatters(level: Level, rule: Callable[..., Any], gs: Any, params: Any) -> Any:
    payloads = full_payloads(level, gs, holds(params["indices"], level))
    count, shape, indices = payloads[0].shape[0], params["shape"], []
    for k, index in enumerate(params["indices"]):
        index, place = batched_index(index, level, count)
        indices.append(index)
        if place:
            payloads[k] = np.moveaxis(payloads[k], 0, place)
    total = s.sum_of_scatters(*payloads, indices=tuple(indices), shape=(count, *shape), dtype=params["dtype"])
    return Batched(total, level)


def _scatter_add(level: Level, rule: Callable[..., Any], args: Any, params: Any) -> Any:
    payload, size = args[0].payload, params["size"]
    count = payload.shape[0]
    index = (np.asarray(params["index"]) + size * np.arange(count)[:, None]).reshape(-1)
    total = s.scatter_add(payload.reshape((-1,)), index=index, size=count * size)
    return Batched(total.reshape((count, size)), level)


# ----- the table ------------------------------------------------------------------------------------------------------

RULES: dict[Any, Rule] = {
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
    s._sum_of_scatters.__wrapped__: _sum_of_scatters, s._scatter_add.__wrapped__: _scatter_add,  # type: ignore[attr-defined]
    np.flip: along(), np.take: along(2, flat=True), np.repeat: along(2, flat=True), np.diff: along(2, -1),
    np.rot90: along(2, (0, 1), "axes"), np.trapezoid: along(3, -1),
}  # fmt: skip
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
    (elementwise, "clip nan_to_num real imag angle round around sinc isclose copy fix i0"),
    (of_shape, "shape ndim size iscomplexobj isrealobj result_type can_cast common_type"),
    (like, "zeros_like ones_like empty_like full_like"),
]
for _rule, _names in _NAMES:
    for _name in _names.split():
        RULES[operator.attrgetter(_name)(np)] = _rule


# ----- what users call ------------------------------------------------------------------------------------------------


def checked_chunk_size(operation: str, chunk_size: Any) -> int:
    """Raise unless so many examples, or rows, can go through at once."""
    if not isinstance(chunk_size, (int, np.integer)) or chunk_size < 1:
        raise ValueError(located(f"{operation}: chunk_size is a whole number of at least 1, not {chunk_size!r}"))
    return int(chunk_size)


def batched(fun: Callable[..., Any], in_axes: Any = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """A function of one example, applied to many of them in one pass.

    Args:
        fun: a function of one example, of arrays, numbers and pytrees of them, that returns arrays or numbers or a
            pytree of them. It must depend on its arguments alone: random numbers drawn in it are shared.
        in_axes: along which axis of the arguments the examples lie: one axis for all of them, or a tuple with one entry
            per argument. None: the argument is the same for all examples. For an argument that is a pytree the entry is
            one axis for all of its leaves, or a pytree of axes.
        chunk_size: how many examples to compute at once, to bound the memory; by default all.

    Returns:
        A function with the same arguments, whose results have the examples along a new axis 0. Keyword arguments are
        passed on as they are.

    Raises:
        ValueError: if an argument has no such axis, or if the numbers of examples differ.
        TypeError: if `in_axes` does not fit the arguments, or `fun` returns something else than arrays and numbers.

    It takes any function written in NumPy and every transformation of this package, within and around. Where examples
    part ways (`if` on a value that differs, `float(x)`, assignment to entries of an array), `fun` is called again for
    each example: slower, with the same results. The attribute `how(*args)` of the returned function tells which of the
    two it is. Known elsewhere as `vmap`, which is another name of it.

    >>> import numpy as np
    >>> batched(np.linalg.norm)(np.array([[3.0, 4.0], [6.0, 8.0]]))
    array([ 5., 10.])
    >>> batched(lambda w, x: w @ x, in_axes=(None, 1))(np.array([1.0, 10.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([31., 42.])
    >>> signs = batched(lambda x: 1.0 if x > 0 else -1.0)
    >>> signs(np.array([3.0, -2.0])), signs.how(np.array([3.0, -2.0]))
    (array([ 1., -1.]), 'one by one, because of bool()')
    """

    def run(args: tuple[Any, ...], kwargs: Any, partings: list[str]) -> Any:
        leaves, treedef = flatten(args)
        axes = _axes_of_leaves(args, in_axes)
        fronts, size = _fronts(leaves, axes, treedef)
        step = max(1, size) if chunk_size is None else checked_chunk_size("batched", chunk_size)
        parts = []
        for i in range(0, max(size, 1), step):
            chunk = [x if axis is None else x[i : i + step] for x, axis in zip(fronts, axes)]
            parts.append(_some_examples(fun, chunk, axes, treedef, min(step, size - i), kwargs, partings))
        if len(parts) == 1:
            return parts[0]
        columns, outdef = [flatten(part)[0] for part in parts], flatten(parts[0])[1]
        return outdef.unflatten(s.concatenate(*column, axis=0) for column in zip(*columns))

    def batched_fun(*args: Any, **kwargs: Any) -> Any:
        return run(args, kwargs, [])

    def how(*args: Any, **kwargs: Any) -> str:
        partings: list[str] = []
        run(args, kwargs, partings)
        return f"one by one, because of {partings[0]}" if partings else "one pass"

    name = getattr(fun, "__name__", type(fun).__name__)
    batched_fun.__name__ = batched_fun.__qualname__ = f"batched_{name}"
    batched_fun.__doc__ = f"{name}, for many examples. {getattr(fun, '__doc__', None) or ''}".strip()
    batched_fun.__wrapped__, batched_fun.how = fun, how  # type: ignore[attr-defined]
    return batched_fun


vmap = batched


def _some_examples(
    fun: Callable[..., Any], fronts: list[Any], axes: list[int | None], treedef: TreeDef, size: int, kwargs: Any,
    partings: list[str],
) -> Any:  # fmt: skip
    """One chunk of examples in one pass, or one by one where they part ways."""
    level = Level(size)
    try:
        new = [x if axis is None else Batched(x, level) for x, axis in zip(fronts, axes)]
        outs, outdef = flatten(fun(*treedef.unflatten(new), **kwargs))
        taken = {id(x) for x in fronts}
        return outdef.unflatten([_result(out, level, taken) for out in outs])
    except ExamplesDifferError as differ:
        if differ.level is not level:
            raise
        what = str(differ)
    except ValueError as error:  # NumPy hides the cause behind "setting an array element with a sequence"
        cause = error.__cause__
        if not isinstance(cause, ExamplesDifferError) or cause.level is not level:
            raise
        what = str(cause)
    finally:
        level.is_open = False
    if not size:
        raise ValueError(located(f"batched: there are no examples, and {what} needs one"))
    partings.append(what)
    results = []
    for i in range(size):
        leaves = [x if axis is None else x[i] for x, axis in zip(fronts, axes)]
        results.append(flatten(fun(*treedef.unflatten(leaves), **kwargs)))
    outdef = results[0][1]
    if any(str(found) != str(outdef) for _, found in results):
        raise TypeError(located("batched: the function returned different structures for different examples"))
    return outdef.unflatten([_joined(column) for column in zip(*[outs for outs, _ in results])])


def _result(out: Any, level: Level, taken: set[int]) -> Any:
    """One output for all examples, an array of its own."""
    out = open_part(out)
    inner = peel(out)
    if type(out) is Box and type(inner) is Batched and inner.serial >= level.serial:
        raise ExamplesDifferError(level, "a tape further out")
    _check_output(out)
    ans = as_stack(out, level)
    if type(ans) is np.ndarray and (ans.base is not None or id(ans) in taken):
        ans = ans.copy()
    taken.add(id(ans))
    return ans


def _check_output(out: Any) -> None:
    if not is_numeric(out) and not isinstance(out, (bool, int)):
        raise TypeError(
            located(
                f"batched: the function returned a {type(out).__name__}; return numbers, arrays, or a pytree of these"
            )
        )


def _joined(parts: Sequence[Any]) -> Any:
    for part in parts:
        _check_output(part)
    shapes = {tuple(shape_of(part)) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            located(
                f"batched: the function returned arrays of different shapes for different examples, "
                f"{sorted(shapes)}; pad them to one shape"
            )
        )
    return s.stack(*[open_part(part) for part in parts], axis=0)


def _axes_of_leaves(args: tuple[Any, ...], in_axes: Any) -> list[int | None]:
    """The axis of the examples for every leaf."""
    if in_axes is None or isinstance(in_axes, (int, np.integer)):
        in_axes = (in_axes,) * len(args)
    if not isinstance(in_axes, (tuple, list)) or len(in_axes) != len(args):
        raise TypeError(
            located(
                f"batched: in_axes={in_axes!r} must be an axis, None, or a tuple with one entry for each of the "
                f"{len(args)} arguments"
            )
        )
    axes: list[int | None] = []
    for k, (arg, axis) in enumerate(zip(args, in_axes)):
        _spread_axis(arg, axis, axes, f"argument {k}")
    return axes


def _spread_axis(tree: Any, axis: Any, axes: list[int | None], where: str) -> None:
    leaves, treedef = flatten(tree)
    if axis is None or isinstance(axis, (int, np.integer)):
        axes.extend([None if axis is None or not is_numeric(leaf) else int(axis) for leaf in leaves])
        return
    keys = treedef.keys() if treedef is not LEAF and treedef.example is not None else []
    same = type(axis) is type(tree) or (isinstance(axis, (tuple, list)) and isinstance(tree, (tuple, list)))
    if same and isinstance(tree, dict) and axis.keys() == tree.keys():
        parts = [(tree[key], axis[key]) for key in tree]
    elif same and isinstance(tree, (tuple, list)) and len(axis) == len(tree):
        parts = list(zip(tree, axis))
    else:
        raise TypeError(
            located(
                f"batched: the entry {axis!r} of in_axes does not fit {where}, "
                f"{'an array or number' if treedef is LEAF else treedef}; give an axis, None, or axes in that structure"
            )
        )
    for key, (part, each) in zip(keys, parts):
        _spread_axis(part, each, axes, where + key)


def _fronts(leaves: list[Any], axes: list[int | None], treedef: TreeDef) -> tuple[list[Any], int]:
    """The leaves with the examples along axis 0, and their number."""
    paths = treedef.paths()
    sizes: dict[str, int] = {}
    fronts = []
    for leaf, axis, path in zip(leaves, axes, paths):
        if axis is None:
            fronts.append(leaf)
            continue
        where = f"argument {path.replace('[', '', 1).replace(']', '', 1)}"
        leaf = open_part(leaf)
        shape = tuple(shape_of(leaf))
        if not -len(shape) <= axis < len(shape):
            what = f"an array of shape {shape}" if shape else "a number"
            raise ValueError(
                located(
                    f"batched: {where} is {what} and has no axis {axis} with examples. Give its entry of in_axes "
                    f"another axis, or None if it is the same for all examples"
                )
            )
        axis %= len(shape)
        sizes[where] = shape[axis]
        fronts.append(leaf if axis == 0 else np.moveaxis(leaf, axis, 0))
    if not sizes:
        raise ValueError(located("batched: in_axes gives no argument an axis with examples; call the function itself"))
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{where}: {n}" for where, n in sizes.items())
        raise ValueError(located(f"batched: the arguments have different numbers of examples: {found}"))
    return fronts, next(iter(sizes.values()))
