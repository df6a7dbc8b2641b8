"""Arrays of other libraries under the tape: what is asked of them, and the table by which each library answers.

NumPy's two protocols are not enough to differentiate an array of another library: it may lack what a rule needs
(`np.add.reduce`, assignment), and what it has may mean something else (`np.linalg.cholesky` of a dask array is the
upper factor). So such an array is wrapped in a duck array, which performs what stands in the `Adapter` of its library
and refuses everything else by name. Wrapped are the leaves and the constants that meet a traced value; a result is
given back as the library's own array.

An adapter is looked for when an array of its library is met, so nothing of that library is imported before, and
programs of NumPy's arrays never ask.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minigrad.core.duck_arrays import Duck
from minigrad.core.lines import is_ours
from minigrad.core.nested import mapped
from minigrad.core.tape import Box, peel, refusal

#: What is told to whoever listens to NumPy's floating-point events, where numbers are not known: there may be one.
MAYBE = "maybe invalid"


class Adapter(NamedTuple):
    """What minigrad knows of a library of arrays.

    | field       | what it is                                                                                   |
    |-------------|----------------------------------------------------------------------------------------------|
    | `library`   | its name, as it is imported                                                                  |
    | `kind`      | the class of its arrays                                                                      |
    | `functions` | what is promised: a function of NumPy, a pair of a ufunc and the name of one of its methods, |
    |             | or a function of the engine, each with what does it for arrays of this library               |
    | `accepts`   | raises for arrays that cannot be differentiated, with what to do about it                    |
    | `filled`    | `filled(number, like)`: an array of the shape and layout of another                          |
    | `fitted`    | `fitted(array, like)`: an array of this library, or of NumPy, in the layout of another       |
    | `plain`     | NumPy's arrays of several at once, computed together where the library is a lazy one         |
    | `passed_on` | attributes of constants that are the library's own, such as `compute`                        |
    | `advice`    | what to write instead of a function that is not promised                                     |
    """

    library: str
    kind: type
    functions: dict[Any, Callable[..., Any]]
    accepts: Callable[[Any], None]
    filled: Callable[[Any, Any], Any]
    fitted: Callable[[Any, Any], Any]
    plain: Callable[[Sequence[Any]], Sequence[Any]]
    passed_on: frozenset[str]
    advice: str


#: The first part of a module's name -> what loads the adapter of that library.
LIBRARIES: dict[str, Callable[[], Adapter]] = {}

#: How sparse leaves are taken apart ("stored") and put together ("with_numbers"), set by `rules.sparse_products`.
SPARSE: dict[str, Callable[..., Any]] = {}

_ADAPTERS: dict[type, Adapter | None] = {}


def adapter_of(value: Any) -> Adapter | None:
    """The adapter for values of this type, if its library has one."""
    kind = type(value)
    try:
        return _ADAPTERS[kind]
    except KeyError:
        load = LIBRARIES.get(str(kind.__module__).partition(".")[0])
        adapter = load() if load is not None and hasattr(kind, "__array_function__") else None
        if adapter is not None and not issubclass(kind, adapter.kind):
            adapter = None
        _ADAPTERS[kind] = adapter
        return adapter


def adopted(value: Any) -> Any:
    """The value as the engine works with it: an array of a library with an adapter in a duck array, others as is."""
    adapter = adapter_of(value)
    if adapter is None:
        return value
    adapter.accepts(value)
    return Adopted(value, adapter)


def adopt_all(values: Any) -> Any:
    """`adopted`, also within lists, tuples, dicts and slices."""
    return mapped(adopted, values)


def given_back(value: Any) -> Any:
    """The library's own array, if this stands for one; anything else as it is."""
    return value.value if type(value) is Adopted else value


def in_numbers(value: Any) -> Any:
    """NumPy's array of the numbers that this stands for, if it does; anything else as it is."""
    return np.asarray(value.adapter.plain([value.value])[0]) if type(value) is Adopted else value


def in_kind_of(derivatives: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Derivatives, each of the kind and in the layout of its value: those of NumPy's are computed, all together."""
    found, computed = list(derivatives), []
    for k, (derivative, value) in enumerate(zip(derivatives, map(peel, values))):
        if type(value) is Adopted and type(derivative) is not Box:
            found[k] = value.adapter.fitted(given_back(derivative), value.value)
        elif type(derivative) is Adopted:
            found[k] = derivative.value
            computed.append(k)
    if computed:
        plain = derivatives[computed[0]].adapter.plain([found[k] for k in computed])
        for k, numbers in zip(computed, plain):
            found[k] = np.array(numbers) if isinstance(values[k], np.ndarray) else numbers[()]
    return found


class Adopted(Duck):
    """An array of another library. It stands at the bottom, within all boxes, and is a constant as NumPy's arrays are.

    `may_be_infinite`: whether an operation with a pole has made it, or what it was made from. Numbers that are not
    known raise no floating-point events; whoever listens to these is told where there may be one.
    """

    __slots__ = ("adapter", "dtype", "may_be_infinite", "shape", "value")

    is_known: ClassVar[bool] = False

    def __init__(self, value: Any, adapter: Adapter, may_be_infinite: bool = False) -> None:
        self.value, self.adapter, self.may_be_infinite = value, adapter, may_be_infinite
        self.shape, self.dtype = value.shape, value.dtype

    def perform(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a function that is promised for this library; any other one is refused by its name."""
        if function in _FACTS:
            return function(*mapped(_outline, args), **mapped(_outline, kwargs))
        owner = getattr(function, "__self__", None)
        key = (owner, function.__name__) if type(owner) is np.ufunc else function
        performed = self.adapter.functions.get(key)
        if performed is None:
            raise self.refusal(name_of(key))
        seen: list[Any] = []

        def opened(value: Any) -> Any:
            if type(value) is Adopted:
                seen.append(value)
                if value.adapter is not self.adapter:
                    libraries = f"{self.adapter.library} and {value.adapter.library}"
                    raise refusal(TypeError, f"{name_of(key)}: arrays of {libraries} in one operation; convert one")
                return value.value
            return value

        plain = [value if type(value) is float else mapped(opened, value) for value in args]
        result = performed(*plain, **mapped(opened, kwargs))
        is_pole = key in _POLES and not _is_plain_and_far(key, args)
        spreads = any(value.may_be_infinite for value in seen)
        if is_pole or (spreads and key in _PRODUCTS):
            tell_of_an_event()
        return self._wrapped(result, is_pole or spreads)

    def _wrapped(self, result: Any, may_be_infinite: bool) -> Any:
        if issubclass(type(result), self.adapter.kind):
            return Adopted(result, self.adapter, may_be_infinite and result.dtype.kind in "fc")
        if isinstance(result, (tuple, list)):
            parts = [self._wrapped(part, may_be_infinite) for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        return result

    def refusal(self, name: str) -> Exception:
        """The error of what this library does not do here."""
        library, asking = self.adapter.library, _function_at_work()
        by = f", which {asking} asks for," if asking and asking.rpartition(".")[2] != name.rpartition(".")[2] else ""
        return refusal(
            NotImplementedError,
            f"{name} of an array of {library}{by} is not differentiated (shape {self.shape}, dtype {self.dtype}). "
            f"{self.adapter.advice}",
        )

    def as_number(self, kind: Callable[[Any], Any]) -> Any:
        """The number, which a lazy library computes for the user's program, and for no rule of the engine."""
        if is_ours(sys._getframe(2).f_code.co_filename):
            raise self.refusal(f"{kind.__name__}(x)")
        return kind(self.value)

    def lift(self, value: Any) -> Any:
        """As it is: this stands within all boxes."""
        return value

    def some(self) -> bool:
        """Possibly: to know it, a lazy library would have to compute."""
        return True

    def finite(self) -> bool:
        """Possibly not."""
        return False

    def is_anywhere_below(self, bound: float, moving: Any) -> bool:
        """It is not looked for."""
        return False

    def needs_numbers(self, what: str) -> None:
        """Raise, since the numbers are not looked at."""
        raise self.refusal(what)

    def refuse_out(self, name: str) -> None:
        """Raise, since nothing can be written into this value."""
        raise self.refusal(f"{name} with out=")

    def spread_from(self, g: Any) -> Any:
        """A number, or an array of fewer axes, in this shape and layout."""
        if type(g) is Box or np.shape(g):
            return g + Adopted(self.adapter.filled(self.dtype.type(0), self.value), self.adapter)
        return Adopted(self.adapter.filled(g, self.value), self.adapter)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise self.refusal("x[index] = value")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self.refusal("np.asarray")

    def __reduce__(self) -> Any:
        return adopted, (self.value,)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __repr__(self) -> str:
        return repr(self.value)

    def __getattr__(self, name: str) -> Any:
        if name in self.adapter.passed_on:
            return getattr(self.value, name)
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"an array has no attribute {name!r}")
        raise self.refusal(f"x.{name}")


#: Functions that ask for the shape or the dtype alone.
_FACTS = {
    np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast, np.min_scalar_type,
    np.common_type,
}  # fmt: skip


def _outline(value: Any) -> Any:
    """An array of NumPy with the shape and dtype of one that is adopted, which takes no memory."""
    return np.broadcast_to(np.zeros((), value.dtype), value.shape) if type(value) is Adopted else value


_HOMES = {"np": "numpy", "np.linalg": "numpy.linalg", "np.fft": "numpy.fft"}


def _function_at_work() -> str:
    """The function of NumPy that the user's program has called, as far as the engine has one of its own for it."""
    found = ""
    frame: Any = sys._getframe(1)
    while frame is not None and is_ours(frame.f_code.co_filename):
        name = frame.f_code.co_name
        if frame.f_globals.get("__name__", "").startswith("minigrad.numpy."):
            for home, module in _HOMES.items():
                if callable(getattr(sys.modules.get(module), name, None)):
                    found = f"{home}.{name}"
        frame = frame.f_back
    return found


def name_of(key: Any) -> str:
    """What a function is called in messages and tables: `np.linalg.cholesky`, `np.add.reduce`."""
    if type(key) is tuple:
        return f"np.{key[0].__name__}.{key[1]}"
    home, name = str(getattr(key, "__module__", "")), str(getattr(key, "__name__", key))
    if type(key) is np.ufunc:
        return f"np.{name}" if getattr(np, name, None) is key else f"scipy.special.{name}"
    if home == "numpy" or home.startswith("numpy."):
        return f"np{home.removeprefix('numpy')}.{name}"
    return _OURS.get(name, name)


#: What the engine's own functions are for the user.
_OURS = {"written": "x[index] = value", "zeroed_at": "x[index] = value", "getitem": "x[index]", "astype": "x.astype"}


# ----- floating-point events ------------------------------------------------------------------------------------------

#: Functions that may give an infinity for finite numbers, and products, in which it may meet a zero.
_POLES = {
    np.divide, np.power, np.float_power, np.reciprocal, np.log, np.log2, np.log10, np.log1p, np.arctanh, np.arccosh,
    np.arcsin, np.arccos,
}  # fmt: skip
_PRODUCTS = {np.multiply, np.square}


def _is_plain_and_far(key: Any, args: Sequence[Any]) -> bool:
    """Whether a divisor, or an exponent, is a plain number with which nothing happens."""
    other = args[-1]
    if key is np.divide and not isinstance(other, Duck):
        return bool(np.all(np.asarray(other) != 0))
    if key in (np.power, np.float_power) and not isinstance(other, Duck):
        return bool(np.all(np.real(other) >= 0))
    return False


def tell_of_an_event() -> None:
    """Tell whoever listens to floating-point events that there may be one."""
    listener: Any = np.geterrcall()
    if np.geterr()["invalid"] == "call" and listener is not None:
        listener(MAYBE, 0)
