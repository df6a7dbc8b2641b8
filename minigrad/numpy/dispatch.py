"""How a function of NumPy gets a rule: the decorators, and the two tables that dispatch reads."""

from __future__ import annotations

from builtins import any as _any
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.nested import has_box
from minigrad.core.primitive import Primitive
from minigrad.core.tape import Box
from minigrad.rules import moving as _moving
from minigrad.rules.moving import array


def boxed(x: Any) -> Any:
    """x, or the array of a list that holds boxes."""
    if type(x) is Box or not isinstance(x, (list, tuple)):
        return x
    return array(x) if has_box(x) else x


def refuse(operation: str, advice: str) -> TypeError:
    """The error of an operation that cannot be differentiated as it was asked for."""
    return TypeError(located(f"{operation}: {advice}"))


def as_array(a: Any) -> Any:
    """A box as it is; anything else, also a list that holds boxes, as an array."""
    return a if type(a) is Box else array(a)


# ----- ufuncs ---------------------------------------------------------------------------------------------------------


def as_ufunc(ufunc: np.ufunc, bind: Callable[..., Any], home: str = "numpy") -> Callable[..., Any]:
    """The public function of an elementwise rule: NumPy's own on plain values, the rule on boxes."""

    def unary(x: Any, /, *args: Any, **options: Any) -> Any:
        if type(x) is Box and not args and not options:
            return bind(x)
        x = boxed(x)
        return call_ufunc(ufunc, bind, (x,), args, options) if type(x) is Box else ufunc(x, *args, **options)

    def binary(x: Any, y: Any, /, *args: Any, **options: Any) -> Any:
        if (type(x) is Box or type(y) is Box) and not args and not options:
            return bind(x, y)
        x, y = boxed(x), boxed(y)
        if type(x) is Box or type(y) is Box:
            return call_ufunc(ufunc, bind, (x, y), args, options)
        return ufunc(x, y, *args, **options)

    def of_many(*args: Any, **options: Any) -> Any:
        args, more = tuple(map(boxed, args[: ufunc.nin])), args[ufunc.nin :]
        if _any(type(arg) is Box for arg in args) and len(args) == ufunc.nin:
            return call_ufunc(ufunc, bind, args, more, options)
        return ufunc(*args, *more, **options)

    function = unary if ufunc.nin == 1 else binary if ufunc.nin == 2 else of_many
    UFUNCS[ufunc] = bind
    return in_place_of(ufunc, function, home)


def in_place_of(own: Any, function: Any, home: str, doc: str | None = None) -> Any:
    """The function, which shows itself as `own` of the module `home`: with its name and its signature.

    Where `inspect` and `help` follow `__wrapped__` the signature is read when somebody asks for it, not at start-up.
    """
    function.__name__ = function.__qualname__ = own.__name__
    function.__module__ = f"minigrad.{home}"
    function.__doc__ = doc or f"As `{home}.{own.__name__}`, with a derivative rule."
    function.__wrapped__ = own
    return function


def ufuncs_of(rules: Any) -> dict[str, Callable[..., Any]]:
    """The public functions of all primitives in a module of rules that are called like a ufunc of NumPy."""
    operations = {
        name: bind for name, bind in vars(rules).items() if isinstance(getattr(bind, "primitive", None), Primitive)
    }
    ufuncs = {name: ufunc for name, ufunc in vars(np).items() if type(ufunc) is np.ufunc}
    functions = {ufuncs[name]: as_ufunc(ufuncs[name], bind) for name, bind in operations.items() if name in ufuncs}
    return {name: functions[ufunc] for name, ufunc in ufuncs.items() if ufunc in functions}


def call_ufunc(ufunc: np.ufunc, bind: Callable[..., Any], args: Any, more: Any, options: dict[str, Any]) -> Any:
    """A ufunc on boxes with options: those that mean nothing are dropped, a dtype casts, the others are refused."""
    out = more[0] if more else options.get("out")
    if _any(part is not None for part in (out if isinstance(out, tuple) else (out,))):
        raise refuse(
            ufunc.__name__,
            "a traced value cannot be written into an array (out= or an in-place operator such as a += x). "
            "Write a = a + x instead",
        )
    if options.get("where", True) is not True:
        raise refuse(ufunc.__name__, "where= is not differentiated: use np.where(mask, f(x), other)")
    unknown = set(options) - {"out", "where", "dtype", "casting", "order", "subok"}
    if unknown:
        raise refuse(ufunc.__name__, f"unexpected options {sorted(unknown)}")
    ans = bind(*args)
    return _moving.cast(ans, options["dtype"]) if options.get("dtype") is not None else ans


UFUNCS: dict[Any, Callable[..., Any]] = {}


# ----- functions ------------------------------------------------------------------------------------------------------

FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def as_function(*served: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a rule serve these functions of NumPy: on plain values NumPy's own runs, on boxes the rule does."""
    own = served[0]

    def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            if args and type(args[0]) is Box:
                return rule(*args, **options)
            if has_box(args) or has_box(tuple(options.values())):
                return rule(*args, **options)
            return own(*args, **options)

        for each in served:
            FUNCTIONS[each] = rule
        home = own.__module__ if own.__module__ in ("numpy.linalg", "numpy.fft") else "numpy"
        return in_place_of(own, function, home, rule.__doc__)

    return decorate


def check_options(operation: str, out: Any = None, **defaults: tuple[Any, Any]) -> None:
    """Refuse `out=` and options that have no meaning for boxes unless they have their default."""
    if out is not None:
        raise refuse(operation, "out= cannot be differentiated; use the returned value")
    for name, (value, default) in defaults.items():
        if value is not default:
            raise refuse(operation, f"{name}= is not differentiated; leave it out")


def axis_index(axis: int, a: Any) -> int:
    """One axis counted from the front; NumPy's AxisError if there is none such."""
    return int(np.lib.array_utils.normalize_axis_index(axis, len(a.shape)))


def plain_axis(axis: Any) -> Any:
    """An axis argument that can be hashed: a list becomes a tuple."""
    return tuple(axis) if type(axis) is list else axis
