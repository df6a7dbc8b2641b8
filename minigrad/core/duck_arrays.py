"""Duck arrays: values that stand at the bottom, where the engine expects arrays, and answer NumPy's calls themselves.

The engine reads `shape` and `dtype`, uses operators, and calls NumPy's functions; it does not ask what a value is. So
whatever answers all of these can be differentiated like an array: a stack of examples that are computed at once, or a
value that writes down what is done with it. A kind of duck array defines `shape`, `dtype` and one method, `perform`,
which every operator, method and NumPy function ends in.

Source of the two protocols: NumPy Enhancement Proposals 13 (`__array_ufunc__`) and 18 (`__array_function__`).
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from minigrad.core.asking import asked_by
from minigrad.core.foreign import is_sparse
from minigrad.core.lines import PRODUCT, is_left_to_the_other, located
from minigrad.core.tape import DUCKS, Box, keeps_its_class, open_part, peel


def astype(x: Any, dtype: Any) -> Any:
    """`x.astype(dtype)`, as a function."""
    return x.astype(dtype)


def reshape(x: Any, shape: Any, order: Any = "C") -> Any:
    """`x.reshape(shape)`, as a function."""
    return x.reshape(shape, order=order)


def whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays that duck arrays perform as one call, since it writes into an array, which they cannot."""

    @functools.wraps(function)
    def call(*args: Any, **params: Any) -> Any:
        duck = innermost_duck((args, params))
        return function(*args, **params) if duck is None else duck.perform(function, args, params)

    return call


class Performed:
    """The functions of a module that do not ask their arguments: duck arrays that can perform each as one call."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)

        @functools.wraps(function)
        def call(*args: Any, **params: Any) -> Any:
            duck = innermost_duck(args)
            is_plain = duck is None or not duck.performs_any
            return function(*args, **params) if is_plain else duck.perform(function, args, params)

        setattr(self, name, call)
        return call


def as_plain(value: Any, dtype: Any = None) -> Any:
    """`np.asarray`, of a value without boxes; a duck array, which answers NumPy's calls as an array does, stays one."""
    if isinstance(value, Duck):
        value = value if value.is_array else value.as_array()
        return value if dtype is None or value.dtype == dtype else astype(value, dtype)
    if type(value) in (list, tuple) and has_duck(value):
        value = np.stack([as_plain(part) for part in value])
        return value if dtype is None or value.dtype == dtype else astype(value, dtype)
    return np.asarray(value, dtype)


def entries(x: Any, index: Any) -> Any:
    """`x[index]`; where only the index has duck arrays, they perform it, as Python asks x alone."""
    duck = None if isinstance(x, Duck) or type(x) is Box else innermost_duck((index,))
    return x[index] if duck is None else duck.perform(operator.getitem, (x, index), {})


def axes_in_memory(array: Any) -> tuple[int, ...]:
    """The axes, from the one whose entries lie farthest apart in memory to the one whose lie side by side."""
    axes = range(array.ndim)
    return tuple(axes) if array.flags.c_contiguous else tuple(sorted(axes, key=lambda i: -abs(array.strides[i])))


def is_array(value: Any) -> bool:
    """Whether a plain value or a duck array stands for an array rather than for a number."""
    return value.is_array if isinstance(value, Duck) else issubclass(type(value), np.ndarray)


_BINARY: dict[Any, Any] = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.divide,
    operator.floordiv: np.floor_divide, operator.mod: np.remainder, divmod: np.divmod, operator.pow: np.power,
    operator.matmul: np.matmul, operator.and_: np.bitwise_and, operator.or_: np.bitwise_or,
    operator.xor: np.bitwise_xor,
}  # fmt: skip
_COMPARISONS: dict[Any, Any] = {
    operator.lt: np.less, operator.le: np.less_equal, operator.gt: np.greater, operator.ge: np.greater_equal,
    operator.eq: np.equal, operator.ne: np.not_equal,
}  # fmt: skip
_UNARY: dict[Any, Any] = {
    operator.neg: np.negative, operator.pos: np.positive, operator.abs: np.absolute, operator.invert: np.invert,
}  # fmt: skip


def takes_over(other: Any, self: Duck) -> bool:
    """Whether an operator of `self` leaves the operation to the other operand, which has a larger serial.

    A box whose tape is closed takes the operation too, and hands on its value.
    """
    if type(other) is Box:
        return not other.tape.is_open or other.tape.serial > self.serial
    return isinstance(other, Duck) and type(other) is not type(self) and other.serial > self.serial


def _binary(function: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def left(self: Duck, other: Any) -> Any:
        return NotImplemented if takes_over(other, self) else self.perform(function, (self, other), {})

    def right(self: Duck, other: Any) -> Any:
        return NotImplemented if takes_over(other, self) else self.perform(function, (other, self), {})

    return left, right


def _or_sparse(operate: Callable[..., Any], product: str) -> Callable[..., Any]:
    """An operator of a product, which a sparse matrix takes part in."""

    def operate_with(self: Duck, other: Any) -> Any:
        if is_sparse(other):
            by = getattr(self, product)
            return by(other, self) if operate.__name__ == "right" else by(self, other)
        return operate(self, other)

    return operate_with


def _method(function: Any) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: self.perform(function, (self, *args), kwargs)


def _clip(self: Any, min: Any = None, max: Any = None, **options: Any) -> Any:  # noqa: A002
    return self.perform(np.clip, (self, min, max), options)  # by position, as every version of NumPy has them


class Duck:
    """The base class of all duck arrays.

    `serial`: nesting level, shared with the tapes; of two operands the one with the larger serial handles the
    operation. 0 is the bottom, within all boxes.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    shape: tuple[int, ...]
    dtype: Any
    serial: int = 0
    by_sparse: ClassVar[Any]  #: its product with a sparse matrix of SciPy, set by `rules.sparse_products`
    by_star: ClassVar[Any]  #: and what `*` makes of such a matrix
    by_slash: ClassVar[Any]  #: and `/`

    #: whether it performs any function of arrays, and not only those of NumPy
    performs_any: ClassVar[bool] = False

    #: whether its numbers are known; if not, `some` and `finite` answer for the worst case
    is_known: ClassVar[bool] = True

    #: what `perform` is given for each of Python's operators
    operators: ClassVar[dict[Any, Any]] = {**_BINARY, **_COMPARISONS, **_UNARY}

    def __init_subclass__(cls) -> None:
        DUCKS.add(cls)
        for function, performed in cls.operators.items():
            name = function.__name__.strip("_")
            if function in _UNARY:
                setattr(cls, f"__{name}__", _method(performed))
                continue
            left, right = _binary(performed)
            if function in (operator.matmul, operator.mul):
                product = "by_sparse" if function is operator.matmul else "by_star"
                left, right = _or_sparse(left, product), _or_sparse(right, product)
            setattr(cls, f"__{name}__", cls.shortcut(function, False, left))
            if function in _BINARY:
                setattr(cls, f"__r{name}__", cls.shortcut(function, True, right))

    @staticmethod
    def shortcut(function: Any, is_reflected: bool, operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The operator of the class for `function`, given the one that ends in `perform`: a quicker one if there is."""
        return operator

    def perform(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of `function(*args, **kwargs)`, where this value, or another of its kind, is among the arguments.

        `function` is a ufunc, a method of one (`np.add.reduce`), another function of NumPy, `operator.getitem`, or
        `astype` or `reshape` of this module.
        """
        raise NotImplementedError

    def as_number(self, kind: Callable[[Any], Any]) -> Any:
        """This value as a number of Python; `kind` is bool, int, float, complex or `operator.index`."""
        raise NotImplementedError

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class of the array or number that this stands for: `isinstance` is answered as for it."""
        return type(self) if keeps_its_class() else np.ndarray if self.is_array else self.dtype.type

    @property
    def is_array(self) -> bool:
        """Whether this stands for an array, and not for a number; arrays without axes exist too."""
        return bool(self.shape)

    def as_array(self) -> Any:
        """As an array, if this stands for a number."""
        return self

    def as_leaf(self) -> Any:
        """The value that is differentiated in place of this one."""
        return self

    def refuse_out(self, name: str) -> None:
        """Raise, since nothing can be written into this value."""
        raise TypeError(located(f"{name}: out= names a value that stands for others; write x = np.{name}(...)"))

    def lies_by_rows(self) -> None:
        """Raise if the entries do not lie in memory row by row, so that a new shape is no view where it should be."""

    def keeps_order(self, order: str) -> bool:
        """Whether the entries lie in memory in this order (C, F, or A, which is either), or that does not matter."""
        return True

    def axes_in_memory(self) -> tuple[int, ...]:
        """The axes, from the one whose entries lie farthest apart in memory to the one whose lie side by side."""
        return tuple(range(len(self.shape))) if self.keeps_order("C") else axes_in_memory(self)

    def finite(self) -> bool:
        """Whether all entries are finite."""
        return bool(np.all(np.isfinite(self)))

    def is_anywhere_below(self, bound: float, moving: Any) -> bool:
        """Whether any entry is smaller than a bound, up to its sign, but not 0, where that is moving which is not 0.

        The engine asks where to look closer, and for no other decision.
        """
        return anywhere((np.abs(self) < bound) & (self != 0) & (moving != 0))

    @property
    def fill_value(self) -> Any:
        """No attribute: an array of the library `sparse` asks for it before it multiplies."""
        if is_left_to_the_other():
            raise NotImplementedError(PRODUCT)
        raise AttributeError("an array has no attribute 'fill_value'")

    def needs_numbers(self, what: str) -> None:
        """Raise if this stands for numbers that are not known, where the engine has to look at them."""

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        total = 1
        for n in self.shape:
            total *= n
        return total

    @property
    def itemsize(self) -> int:
        """The size in memory of an entry."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """The size in memory of an array of this shape and dtype."""
        return self.size * int(self.dtype.itemsize)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if (ufunc is np.multiply or ufunc is np.divide) and is_sparse(args[0]):  # whose operator asks NumPy
            return self.by_star(*args) if ufunc is np.multiply else self.by_slash(*args)
        inner = innermost(args)
        if type(inner) is not type(self):
            if inner is None:  # plain arguments, and this is what `out=` names
                self.refuse_out(ufunc.__name__)
            return NotImplemented  # a box of an inner tape takes the call, and records it
        return self.perform(ufunc if method == "__call__" else getattr(ufunc, method), args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if type(innermost((args, kwargs))) is not type(self):
            return NotImplemented
        return self.perform(function, args, kwargs)

    def lift(self, value: Any) -> Any:
        """A box of an outer tape, as a duck array of this kind."""
        raise NotImplementedError

    def without_boxes(self) -> Any:
        """This value as a constant: without the boxes of outer tapes that it may be made of."""
        return self

    def some(self) -> bool:
        """Whether any entry is true, in any of the arrays that this value stands for."""
        return bool(self.perform(np.any, (self,), {}))

    def some_to_tell(self) -> bool:
        """The same, of what a warning is about."""
        return self.is_known and self.some()

    def __getitem__(self, index: Any) -> Any:
        return self.perform(operator.getitem, (self, index), {})

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        asked = asked_by(sys._getframe(1))
        one = reduced_for(asked, self, sum_in_order) if asked else None
        return (self[i] for i in range(len(self))) if one is None else iter((one,))

    def __round__(self, ndigits: int = 0) -> Any:
        return self.perform(np.round, (self, ndigits), {})

    def __str__(self) -> str:
        return self.__format__("")

    def __copy__(self) -> Duck:
        return self

    def __deepcopy__(self, memo: Any) -> Duck:
        return self

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        """As of an array."""
        return self.perform(reshape, (self, shape[0] if len(shape) == 1 else shape), {"order": order})

    def transpose(self, *axes: Any) -> Any:
        """As of an array."""
        order = axes[0] if len(axes) == 1 else axes or None
        return self.perform(np.transpose, (self, order), {})

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """As of an array."""
        if casting != "unsafe" or order not in ("K", "A", "C", "F"):
            np.zeros(1, self.dtype).astype(dtype, order, casting)  # type: ignore[call-overload]  # or NumPy's own error
        if copy or self.dtype != dtype:
            ans = self.perform(astype, (self, np.dtype(dtype)), {})
        else:
            ans = self
        if order == "K" or ans.keeps_order(order):
            return ans
        return np.copy(ans, "F" if order == "F" else "C")

    def view(self, dtype: Any = None, type: Any = None) -> Any:  # noqa: A002  (NumPy's names)
        """As of an array, with the same numbers."""
        if {dtype, type} <= {None, np.ndarray}:
            return self[...] if self.shape else self
        raise TypeError(
            located("x.view: it looks at the same bytes in another way; write x.reshape(shape) or x.astype(dtype)")
        )

    @property
    def T(self) -> Any:
        """As of an array."""
        return self.transpose()

    @property
    def mT(self) -> Any:
        """As of an array."""
        return self.transpose((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    @property
    def real(self) -> Any:
        """As of an array."""
        return self.perform(np.real, (self,), {}) if self.dtype.kind == "c" else self

    @property
    def imag(self) -> Any:
        """As of an array."""
        return self.perform(np.imag, (self,), {})


def innermost(values: Any) -> Any:
    """Of the open boxes and duck arrays among these values, at any depth, the one with the largest serial; or None."""
    kind = type(values)
    if kind is Box:
        values = open_part(values)
        return values if type(values) is Box else innermost(values)
    if kind is dict:
        values, kind = tuple(values.values()), tuple
    if kind is tuple or kind is list:
        found: Any = None
        for value in values:
            other = innermost(value)
            if other is not None and (found is None or serial_of(other) > serial_of(found)):
                found = other
        return found
    return values if kind in DUCKS else None


def innermost_duck(values: Any) -> Any:
    """Of the duck arrays among these values, at any depth and in closed boxes, the one with the largest serial."""
    found: Any = None
    for value in values:
        kind = type(value)
        if kind is Box:
            value = open_part(value)
            kind = type(value)
        if kind is tuple or kind is list:
            value = innermost_duck(value)
        elif kind is dict:
            value = innermost_duck(value.values())
        elif kind not in DUCKS:
            continue
        if value is not None and (found is None or value.serial > found.serial):
            found = value
    return found


def has_duck(values: Any) -> bool:
    """Whether there is a duck array among these values, at any depth."""
    return innermost_duck((values,)) is not None


def serial_of(value: Any) -> int:
    """The serial of an open box or a duck array; -1 for anything else."""
    if type(value) is Box:
        value = open_part(value)
        if type(value) is Box:
            return value.tape.serial
    return value.serial if isinstance(value, Duck) else -1


def anywhere(mask: Any) -> bool:
    """Whether any entry is true. Rules use it only to skip work, never to decide a result."""
    return mask.some() if isinstance(mask, Duck) else bool(np.any(mask))


def certainly(mask: Any) -> bool:
    """Whether any entry is true, as far as that is known: what a warning is about."""
    return mask.some_to_tell() if isinstance(mask, Duck) else bool(np.any(mask))


# ----- what Python's functions want of the entries ------------------------------------------------------------------


def reduced_for(name: str, x: Any, sum_of: Callable[[Any], Any]) -> Any:
    """The one entry that Python's `sum`, `max` or `min` of x has to see; None if it has to see them all."""
    if not x.shape or not x.shape[0]:
        return None
    if name == "sum":
        return sum_of(x)
    if len(x.shape) > 1 or x.dtype.kind != "f":
        return None
    return x[place_of_first(name, peel(x))]


def sum_in_order(x: Any) -> Any:
    """What Python's `sum` adds to the 0 that it starts from: the entries along the first axis, one after the other."""
    if type(x) is not np.ndarray:
        return np.cumsum(x, axis=0, **as_in_a_loop(x))[-1]
    if x.ndim == 1:
        return _ACCUMULATE(x)[-1]
    if x.nbytes <= SMALL * len(x):
        return _ACCUMULATE(x, 0)[-1]
    total = x[0].copy()  # of large rows the sums on the way would take as much memory as all rows
    for row in x[1:]:
        total += row
    return total


def as_in_a_loop(x: Any) -> dict[str, Any]:
    """The dtype for sums and products on the way: of small integers NumPy makes larger ones, a loop does not."""
    return {"dtype": x.dtype} if getattr(x.dtype, "kind", "") in ("i", "u") and x.dtype.itemsize < 8 else {}


SMALL = 1 << 11  #: bytes of a row
_ACCUMULATE: Any = np.add.accumulate


def place_of_first(name: str, x: Any) -> Any:
    """Where the entry is that Python's `max` or `min` finds in a vector: the first one of those that are equal.

    Each is compared with the one that was best so far, and is taken if the comparison is true. So NaN is never taken,
    and stays where it comes first.
    """
    best, worst = (np.argmax, -np.inf) if name == "max" else (np.argmin, np.inf)
    place: Any = best(x)
    if anywhere(np.isnan(x[place])):
        place = np.where(np.isnan(x[0]), 0, best(np.where(np.isnan(x), worst, x)))
    return place if isinstance(place, Duck) else int(place)


_METHODS: tuple[str, ...] = (
    "sum", "mean", "prod", "max", "min", "any", "all", "argmax", "argmin", "argsort", "cumsum", "cumprod",
    "conj", "conjugate", "copy", "diagonal", "dot", "ravel", "repeat", "round", "squeeze", "std", "swapaxes", "take",
    "trace", "var", "nonzero", "searchsorted", "argpartition",
)  # fmt: skip

for _kind in (bool, int, float, complex, operator.index):
    setattr(Duck, f"__{_kind.__name__}__", lambda self, kind=_kind: self.as_number(kind))
for _name in _METHODS:
    setattr(Duck, _name, _method(getattr(np, _name)))
Duck.compress = lambda self, condition, axis=None: np.compress(condition, self, axis)  # type: ignore[attr-defined]
Duck.clip = _clip  # type: ignore[attr-defined]
Duck.flatten = lambda self, order="C": self.ravel(order).copy()  # type: ignore[attr-defined]
