"""`Batched`: one array per example, as one array with the examples along a hidden first axis.

Its `shape` is that of one example. Operators and NumPy's functions run for all examples at once, by the table `RULES`
or, where that has no entry, one example at a time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.duck_arrays import Duck, anywhere, certainly, innermost_duck
from minigrad.core.lines import asked_by_a_sparse_matrix, located
from minigrad.core.nested import mapped
from minigrad.core.tape import Box, forget_refusal, open_part, peel, read_only, serials, snapshot
from minigrad.core.tree import flatten
from minigrad.modes.recording import USUAL
from minigrad.rules import moving, shapes

# ----- the array ------------------------------------------------------------------------------------------------------


Rule = Callable[["Level", Callable[..., Any], Any, Any], Any]  #: (level, function, args, kwargs) -> result

RULES: dict[Any, Rule] = {}  #: function of NumPy -> how it runs on a batch; filled by `rules`
UFUNC_METHODS: dict[str, Rule] = {}  #: `reduce`, `accumulate`, `outer` -> how they run; filled by `rules`


class Level:
    """One batch: how many examples there are, and its nesting level among tapes and other batches.

    `parted` says where the examples first parted ways. A program that catches everything stops the signal on its way;
    whoever made the batch then finds it here.
    """

    __slots__ = ("is_open", "parted", "serial", "size")

    def __init__(self, size: int) -> None:
        self.size, self.serial, self.is_open = size, next(serials), True
        self.parted = ""

    def differ(self, what: str) -> ExamplesDifferError:
        """What to raise where the examples part ways."""
        self.parted = self.parted or what
        return ExamplesDifferError(self, what)


class ExamplesDifferError(BaseException):
    """Internal signal: one pass cannot serve all examples of `level`. It is caught where the batch was made.

    It is no `Exception`, so that a user's `except Exception` does not stop it on its way.
    """

    def __init__(self, level: Level, what: str) -> None:
        super().__init__(what)
        self.level = level


def _operand(value: Any) -> Any:
    value = open_part(value)
    return value if type(value) in _KNOWN else adopted(value)


_PLAIN = {np.ndarray, np.float64, float, int, bool, complex, str, type(None), type(Ellipsis)}
_KNOWN = {Box, *_PLAIN}

#: Python's operators that work entry by entry on two operands, each with what does so for a payload.
_BY_ENTRY = {f: done for f, done in Duck.operators.items() if done.nin == 2 and done.nout == 1 and not done.signature}
_BY_ENTRY |= {f: f for f in (operator.add, operator.sub, operator.mul, operator.truediv)}  # quicker, where it is a box


class Batched(Duck):
    """One array per example of a batch. `payload` has the examples along axis 0; size 1 there: the same for all."""

    __slots__ = ("_shape", "dtype", "has_no_axes", "level", "payload", "serial")

    def __init__(self, payload: Any, level: Level, has_no_axes: bool = False) -> None:
        self.payload, self.level, self.serial = payload, level, level.serial
        self._shape, self.dtype = payload.shape[1:], payload.dtype
        self.has_no_axes = has_no_axes  # an array, into which one may write; else a value without axes is a number

    @property
    def is_array(self) -> bool:
        """Whether this stands for arrays, and not for numbers."""
        return bool(self._shape) or self.has_no_axes

    def perform(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a function of NumPy for all examples."""
        level = self.level
        if not are_usual(args, level) or (kwargs and not are_usual(kwargs.values(), level)):
            args = mapped(_operand, args)
            level = innermost_duck((self, args, kwargs)).level
        return self._performed(level, function, args, kwargs)

    @staticmethod
    def _performed(level: Level, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        rule = RULES.get(function)
        try:
            if rule is not None:
                return rule(level, function, args, kwargs)
            if type(function) is np.ufunc:
                return elementwise(level, function, args, kwargs)
            owner = getattr(function, "__self__", None)
            if type(owner) is np.ufunc:
                return UFUNC_METHODS[function.__name__](level, owner, args, kwargs)
        except Exception as error:  # one at a time it works, or NumPy's message is about shapes that the user knows
            forget_refusal(error, [leaf.payload for leaf in flatten((args, kwargs))[0] if type(leaf) is Batched])
        return one_by_one(level, function, args, kwargs)

    def lift(self, value: Any) -> Any:
        """What is the same for all examples, as a `Batched` of this batch."""
        return Batched(own(shapes.reshape(value, shape=(1, *value.shape))), self.level)

    def without_boxes(self) -> Batched:
        """The same without the boxes of outer tapes: a constant for these, too."""
        plain = peel(self.payload)
        return self if plain is self.payload else Batched(plain, self.level)

    def some(self) -> bool:
        """Whether any entry of any example is true."""
        return anywhere(peel(self.payload))

    def some_to_tell(self) -> bool:
        """The same, of what a warning is about."""
        return certainly(peel(self.payload))

    def finite(self) -> bool:
        """Whether all entries of all examples are finite."""
        return not anywhere(~np.isfinite(peel(self.payload)))

    def differ(self, what: str) -> BaseException:
        """What to raise where the examples would part ways."""
        if self.level.is_open:
            return self.level.differ(what)
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
        values = shapes.reshape(self.payload, shape=(-1,))
        plain = peel(values)
        if not plain.shape[0] or (plain.shape[0] > 1 and anywhere(plain != plain[0])):
            raise self.differ(what)
        return values[0]

    @staticmethod
    def shortcut(function: Any, is_reflected: bool, operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Usual operands need no table: one of the same batch, a number, an array."""
        if function not in _BY_ENTRY:
            return operator
        done = _BY_ENTRY[function]
        operation = (lambda x, y: done(y, x)) if is_reflected else done

        def operate(self: Batched, other: Any) -> Any:
            kind, level = type(other), self.level
            try:
                if kind is Batched:
                    if other.level is level:
                        if len(other._shape) == len(self._shape):
                            return Batched(operation(self.payload, other.payload), level)
                        return Batched(operation(*aligned(level, (self, other))), level)
                elif kind is float or kind is int or (kind is np.ndarray and other.ndim <= len(self._shape)):
                    return Batched(operation(self.payload, other), level)
            except Exception:  # the message is to be about the shapes of one example; or only one of them raises
                pass
            return operator(self, other)

        return operate

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Nor is the innermost of them looked for."""
        level = self.level
        if are_usual(args, level) and (not kwargs or ("out" not in kwargs and are_usual(kwargs.values(), level))):
            return self._performed(level, ufunc if method == "__call__" else getattr(ufunc, method), args, kwargs)
        return super().__array_ufunc__(ufunc, method, *args, **kwargs)

    def as_number(self, kind: Callable[[Any], Any]) -> Any:
        """The number that all examples share."""
        if kind is operator.index and self._shape:  # an index of one entry is no number, and picks an array
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return kind(self.common(f"{kind.__name__}()"))

    def __hash__(self) -> int:  # type: ignore[override]
        if self.is_array:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        raise self.differ("a key of a dict, or a member of a set")

    def __array__(self, *_: Any, **__: Any) -> Any:
        if asked_by_a_sparse_matrix():
            return np.array(None)
        raise self.differ("the conversion to a plain array")

    def _written(self, name: str) -> None:
        raise self.differ(f"a new {name}")

    shape = property(operator.attrgetter("_shape"), lambda self, _: self._written("shape"))
    real = property(Duck.real.fget, lambda self, _: self._written("real part"))  # type: ignore[attr-defined]
    imag = property(Duck.imag.fget, lambda self, _: self._written("imaginary part"))  # type: ignore[attr-defined]

    def keeps_order(self, order: str) -> bool:
        """Examples that are to lie in memory by columns are computed one at a time."""
        plain = self.payload if type(self.payload) is np.ndarray else peel(self.payload)
        if len(self.shape) > 1 and not (order != "F" and type(plain) is np.ndarray and plain.flags.c_contiguous):
            raise self.differ(f"the order of memory {order!r}")
        return True

    def lies_by_rows(self) -> None:
        """Where the entries of an example do not, NumPy is asked what is a view: example by example."""
        plain = peel(self.payload)
        if type(plain) is np.ndarray and len(plain) and not plain[0].flags.c_contiguous:
            raise self.differ("whether a new shape is a view")

    def needs_numbers(self, what: str) -> None:
        """The engine looks at the examples one by one."""
        raise self.differ(what)

    def refuse_out(self, name: str) -> None:
        """The examples go their own ways."""
        raise self.differ(f"out= of {name}")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise self.differ("assignment to an entry")

    def _in_place(self, other: Any) -> Any:
        if self.is_array:
            raise self.differ("an in-place operator")
        return NotImplemented  # a number: the name is given to the result

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imod__ = __ifloordiv__ = __imatmul__ = _in_place

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __reduce__(self) -> Any:
        raise self.differ("the pickling")

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


USUAL.add(Batched)


def is_of(value: Any, level: Level) -> bool:
    """Whether this is a `Batched` of that batch."""
    return type(value) is Batched and value.level is level


def are_usual(values: Iterable[Any], level: Level) -> bool:
    """Whether there is nothing among these values, at any depth, but stacks of that batch and plain values."""
    for value in values:
        kind = type(value)
        if kind is slice:
            value, kind = (value.start, value.stop, value.step), tuple
        if kind is tuple:
            if not are_usual(value, level):
                return False
        elif kind not in _PLAIN and (kind is not Batched or value.level is not level):
            return False
    return True


def holds(values: Any, level: Level) -> bool:
    """Whether a `Batched` of that batch is among these values, at any depth."""
    for value in values.values() if type(values) is dict else values:
        kind = type(value)
        if kind is Batched:
            if value.level is level:
                return True
        elif (kind is tuple or kind is list or kind is dict) and holds(value, level):
            return True
    return False


def operand_shape(value: Any) -> Any:
    """The shape of an array of any kind, a number or a list."""
    kind = type(value)
    if kind is float or kind is int:
        return ()  # the usual case
    return value.shape if kind is Batched or hasattr(value, "shape") else np.shape(value)


def as_operand(value: Any) -> Any:
    """A number or a list as an array; arrays of any kind as they are."""
    return value if hasattr(value, "shape") else np.asarray(value)


def as_stack(value: Any, level: Level) -> Any:
    """The array of all examples, along axis 0, where `value` is one example or the same for all."""
    if type(value) is Batched and value.level is level:
        payload = value.payload
        if payload.shape[0] == level.size:
            return payload
        value = payload[0]
    value = as_operand(value)
    spread_out = shapes.broadcast_to(value, shape=(level.size, *value.shape))
    return spread_out.copy() if type(spread_out) is np.ndarray else own(spread_out)


def own(value: Any) -> Any:
    """A box that writes into the user's array do not reach; anything else as it is."""
    return snapshot(value) if type(value) is Box else value


def stacked(level: Level, results: Sequence[Any], what: str) -> Any:
    """The results of all examples, as `Batched` in the structure that each of them has."""
    columns, treedef = [], None
    for result in results:
        leaves, found = flatten(result)
        if treedef is not None and str(found) != str(treedef):
            raise level.differ(what)
        treedef = found
        columns.append(leaves)
    assert treedef is not None
    joined = []
    for parts in zip(*columns):
        if not isinstance(parts[0], (np.ndarray, np.generic, float, int, complex, Duck, Box)):
            if any(part is not parts[0] and part != parts[0] for part in parts):
                raise level.differ(what)
            joined.append(parts[0])
            continue
        if len({operand_shape(part) for part in parts}) > 1 or holds(
            mapped(open_part, parts), level
        ):  # the function closes over more
            raise level.differ(what)
        joined.append(Batched(moving.stack(*parts, axis=0), level))
    return treedef.unflatten(joined)


def one_by_one(level: Level, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function that is not known to the table, for each example in turn."""
    leaves, treedef = flatten((args, kwargs))
    places = [k for k, leaf in enumerate(leaves) if is_of(leaf, level)]
    count = max([leaves[k].payload.shape[0] for k in places], default=0)
    name = getattr(function, "__name__", "a function")
    if not count or function in _IN_PLACE or name == "at":
        raise level.differ(name)
    results, errors = [], []
    for i in range(count):
        new = list(leaves)
        for k in places:
            payload = leaves[k].payload
            new[k] = read_only(payload[i if payload.shape[0] > 1 else 0])
        these, named = treedef.unflatten(new)
        try:
            result = function(*these, **named)
        except NotImplementedError as error:
            if all(type(leaves[k].payload) is np.ndarray for k in places):
                raise
            forget_refusal(error, [leaves[k].payload for k in places])
            raise level.differ(name) from None  # an outer tape lacks a rule
        except Exception as error:
            if isinstance(error, ValueError) and "read-only" in str(error):
                raise level.differ(f"{name} into an array") from None
            errors.append(error)
            continue
        if type(result) is np.ndarray and any(result is leaf for leaf in leaves):
            raise level.differ(f"{name} into an array")
        results.append(result)
    if errors:
        if results or len({type(error) for error in errors}) > 1:  # a handler is to be for those that need it
            raise level.differ(f"a {type(errors[0]).__name__} in {name}")
        raise errors[0]
    return stacked(level, results, name)


_IN_PLACE = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


class NoRuleError(Exception):
    """Internal signal: the table has no rule for this call, which is then done example by example."""


# ----- entry by entry -------------------------------------------------------------------------------------------------


def spread(payload: Any, ndim: int) -> Any:
    """A payload whose examples have `ndim` axes: those that are missing are put in front, after the examples."""
    shape = payload.shape
    missing = ndim + 1 - len(shape)
    return payload.reshape((shape[0],) + (1,) * missing + tuple(shape[1:])) if missing > 0 else payload


def aligned(level: Level, values: Sequence[Any]) -> list[Any]:
    """Operands that broadcast against each other as the examples do, with the examples along one first axis."""
    if len(values) == 1:
        return [values[0].payload]
    ndim = max([len(operand_shape(value)) for value in values])
    return [
        spread(value.payload, ndim) if type(value) is Batched and value.level is level else value for value in values
    ]


def elementwise(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A function that works entry by entry and broadcasts."""
    if getattr(function, "signature", None) is not None:
        raise NoRuleError
    if kwargs:
        if kwargs.get("copy") is False:  # of nan_to_num, which then writes into its argument
            raise level.differ("a function that writes into its argument")
        if "out" in kwargs or "where" in kwargs:
            raise NoRuleError
        names = list(kwargs)
        operands = [kwargs[name] for name in names]
        parts = aligned(level, [*args, *[v if holds((v,), level) else None for v in operands]])
        kwargs = {n: p if holds((v,), level) else v for n, v, p in zip(names, operands, parts[len(args) :])}
        return wrapped(level, function(*parts[: len(args)], **kwargs))
    ans = function(*aligned(level, args))
    return Batched(ans, level) if type(ans) is np.ndarray else wrapped(level, ans)


def wrapped(level: Level, ans: Any) -> Any:
    """A payload, or a tuple or list of payloads, as the user gets it."""
    if isinstance(ans, tuple):
        parts = [wrapped(level, part) for part in ans]
        return type(ans)(*parts) if hasattr(ans, "_fields") else tuple(parts)
    if type(ans) is list:
        return [wrapped(level, part) for part in ans]
    return Batched(ans, level)
