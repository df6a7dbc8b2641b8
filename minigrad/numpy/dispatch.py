"""How a function of NumPy gets a rule: the decorators, and the two tables that dispatch reads."""

from __future__ import annotations

from builtins import any as _any
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.core.adopted import adopted
from minigrad.core.duck_arrays import Duck, axes_in_memory
from minigrad.core.lines import located
from minigrad.core.nested import has_box
from minigrad.core.primitive import Primitive
from minigrad.core.tape import Box, peel, refusal
from minigrad.rules import moving as _moving
from minigrad.rules import shapes as _shapes
from minigrad.rules.moving import array


def boxed(x: Any) -> Any:
    """x, or the array of a list that holds boxes."""
    if type(x) is Box or not isinstance(x, (list, tuple)):
        return x
    return array(x) if has_box(x) else x


def refuse(operation: str, advice: str) -> Exception:
    """The error of an operation that cannot be differentiated as it was asked for, but that NumPy does."""
    return refusal(TypeError, f"{operation}: {advice}")


def shaped(ans: Any, shape: tuple[int, ...]) -> Any:
    """A result in this shape; without axes it is a number, which is immutable, as NumPy's reductions return."""
    ans = _shapes.reshape(ans, shape=shape)
    return ans if shape else ans[()]


def as_array(a: Any) -> Any:
    """A box as it is; anything else, also a list that holds boxes, as an array."""
    return a if type(a) is Box else array(adopted(a))


def as_operand(a: Any) -> Any:
    """As `as_array`, but a plain array is not copied: for operations whose result shares no memory with it."""
    return a if type(a) is np.ndarray else as_array(a)


_VALUES: type = type({}.values())  # NumPy takes them for one object


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
            ans = bind(x, y)
            return ans if ans is not NotImplemented else ufunc(x, y)  # NumPy asks the array of another library
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
    return in_place_of(ufunc, function, home, derivative_of(bind))


FLOWS = "minigrad: differentiable, in every mode and to any order."
_STOPS = "minigrad: of traced values it returns plain ones, through which no derivative flows."


def derivative_of(rule: Any) -> str:
    """The line on the derivative in the docstring of a function: that of its rule, if it has one."""
    is_constant = getattr(getattr(rule, "primitive", None), "kind", "") == "constant"
    return " ".join([_STOPS if is_constant else FLOWS, *(rule.__doc__ or "").split("\n\n")[0].split()])


def documented(name: str, doc: str, line: str) -> str:
    """The docstring of a function of NumPy, with a line of ours behind its first sentence."""
    end = doc.find("\n\n")
    if doc.lstrip().startswith(f"{name}("):  # that of a ufunc begins with its signature
        end = doc.find("\n\n", end + 2)
    first, rest = (doc, "") if end < 0 else (doc[:end], doc[end:])
    indent = "    " if rest.startswith("\n\n    ") or doc.startswith("\n    ") else ""
    return f"{first}\n\n{indent}{line}{rest}"


def in_place_of(own: Any, function: Any, home: str, line: str, name: str | None = None) -> Any:
    """The function, which shows itself as `own` of the module `home`: with its name, signature and docstring.

    The docstring has a line on the derivative. Where `inspect` and `help` follow `__wrapped__` the signature is read
    when somebody asks for it, not at start-up. `name` is for an object that has none of its own.
    """
    name = name or own.__name__
    function.__name__ = function.__qualname__ = name
    function.__module__ = f"minigrad.{home}"
    function.__doc__ = documented(name, own.__doc__ or f"As `{home}.{name}`.", line)
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
    if more or options.get("out") is not None:
        return ufunc(*args, *more, **options)  # NumPy sorts out the arguments, and asks the box
    if options.get("where", True) is not True:
        raise refuse(ufunc.__name__, "where= is not differentiated: use np.where(mask, f(x), other)")
    of_cores = {"axes", "axis", "keepdims"} if ufunc.signature else set()
    unknown = set(options) - {"out", "where", "dtype", "casting", "order", "subok"} - of_cores
    if unknown:
        raise TypeError(located(f"{ufunc.__name__}: unexpected options {sorted(unknown)}"))
    if options.get("dtype") is not None or "casting" in options:
        args = _in_loop(ufunc, args, options.get("dtype"), options.get("casting", "same_kind"))
    ans = _along_axes(ufunc, bind, args, options) if of_cores & set(options) else bind(*args)
    if ans is NotImplemented:
        return ufunc(*args, **options)
    return laid_out(ans, options.get("order", "K"), args)


def _in_loop(ufunc: np.ufunc, args: Any, dtype: Any, casting: str) -> list[Any]:
    """The arguments in the dtypes in which NumPy computes a result of this dtype; NumPy refuses what it refuses."""
    kinds = [peel(as_array(arg)).dtype for arg in args]
    cores = _cores(ufunc) if ufunc.signature else [""] * ufunc.nin
    ones = [np.ones((1,) * len(core.split(",")) if core else (), kind) for core, kind in zip(cores, kinds)]
    with np.errstate(all="ignore"):
        ufunc(*ones, dtype=dtype, casting=casting)
    if dtype is None:
        return list(args)
    can_cast: Any = np.can_cast
    for loop in ufunc.types:
        inputs, results = loop.split("->")
        if results == np.dtype(dtype).char * ufunc.nout and all(map(can_cast, kinds, inputs, [casting] * ufunc.nin)):
            return [_moving.cast(as_array(arg), kind) for arg, kind in zip(args, inputs)]
    return list(args)


def _along_axes(ufunc: np.ufunc, bind: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
    """An operation on the last axes (`matmul`, `vecdot`) with the options axes, axis and keepdims of NumPy."""
    name, cores = ufunc.__name__, [part.count(",") + 1 if part else 0 for part in _cores(ufunc)]
    args = [as_array(arg) for arg in args]
    axes, axis, keepdims = options.get("axes"), options.get("axis"), bool(options.get("keepdims", False))
    if "axes" in options and type(axes) is not list:
        raise TypeError(located(f"{name}: axes={axes!r} is no list"))
    if "axis" in options and axis is None:
        raise TypeError(located(f"{name}: axis=None: a product is along one axis"))
    if axis is not None and (axes is not None or max(cores) != 1 or cores[-1]):
        raise TypeError(located(f"{name}: axis= is for products of vectors, and not beside axes="))
    if keepdims and cores[-1]:
        raise TypeError(located(f"{name}: keepdims=True is for products of vectors that give numbers"))
    if axis is not None or axes is None:
        axes = [-1 if axis is None else axis] * ufunc.nin
    places = [tuple(part) if isinstance(part, (tuple, list)) else (part,) for part in axes]
    if len(places) == ufunc.nin and not cores[-1]:
        places.append(places[0] if keepdims else ())
    if keepdims:
        cores[-1] = 1
    if [len(part) for part in places] != cores or any(len(arg.shape) < n for arg, n in zip(args, cores)):
        shapes = [arg.shape for arg in args]
        raise TypeError(located(f"{name}: axes={axes!r} of arrays of shapes {shapes}: {cores} axes are named"))
    ans = bind(*[_to_the_end(arg, part, False) for arg, part in zip(args, places)])
    return _to_the_end(ans[..., None] if keepdims else ans, places[-1], True)


def _cores(ufunc: np.ufunc) -> list[str]:
    """The axes on which an operation works, as text, for each argument and result: "m,n", "n" and "m" of matvec."""
    return [part.split(")")[0] for part in str(ufunc.signature).split("(")[1:]]


def _to_the_end(a: Any, axes: tuple[int, ...], back: bool) -> Any:
    """The array with these axes moved to the end, or, `back`, the last ones moved to these places."""
    n = len(a.shape)
    moved = list(np.lib.array_utils.normalize_axis_tuple(axes, n))
    order = [k for k in range(n) if k not in moved] + moved
    if order == list(range(n)):
        return a
    return _shapes.transpose(a, axes=_shapes.inverse_permutation(tuple(order)) if back else tuple(order))


def laid_out(a: Any, order: Any, sources: Any = ()) -> Any:
    """The array in this order of memory: C, F, A (F if all sources are so) or K (as it is)."""
    if order == "K":
        return a
    if order not in ("C", "F", "A"):
        raise ValueError(located(f"order must be one of C, F, A and K, not {order!r}"))
    if type(a) is tuple:
        return tuple([laid_out(part, order, sources) for part in a])
    plain = peel(a)
    if order == "A" and (sources or not isinstance(plain, Duck)):
        order = "F" if all(_lies_by_columns(peel(source)) for source in sources or (a,)) else "C"
    if isinstance(plain, Duck) and not plain.keeps_order(order):
        order = "C" if order == "A" else order
        return _shapes.layout(a, order=order) if type(a) is Box else np.copy(plain, order)  # type: ignore[call-overload]
    if type(plain) is not np.ndarray:
        return a
    if plain.flags.c_contiguous if order == "C" else plain.flags.f_contiguous:
        return a
    return _shapes.layout(a, order=order) if type(a) is Box else plain.copy(order)


def _lies_by_columns(plain: Any) -> bool:
    if isinstance(plain, Duck):
        return not plain.keeps_order("C") and plain.keeps_order("F")
    flags = np.asarray(plain).flags
    return flags.f_contiguous and not flags.c_contiguous


def laid_as(a: Any, like: Any) -> Any:
    """The array with its axes in the order of memory of another one, as NumPy's copies have them."""
    plain = peel(like)
    if not isinstance(plain, (np.ndarray, Duck)):
        return a
    axes = plain.axes_in_memory() if isinstance(plain, Duck) else axes_in_memory(plain)
    if axes == tuple(range(len(axes))):
        return laid_out(a, "C")
    rows = laid_out(_shapes.transpose(a, axes=axes), "C")
    return _shapes.transpose(rows, axes=_shapes.inverse_permutation(axes))


UFUNCS: dict[Any, Callable[..., Any]] = {}


# ----- functions ------------------------------------------------------------------------------------------------------

FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def as_function(*served: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a rule serve these functions of NumPy: on plain values NumPy's own runs, on boxes the rule does."""
    own = served[0]

    def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            if options and options.get("out") is not None:
                return own(*args, **options)  # NumPy asks the box
            if args and type(args[0]) is Box:
                return rule(*args, **options)
            if args and (
                hasattr(args[0], "__next__") or type(args[0]) is _VALUES
            ):  # a generator, a map, a dict's values
                args = (list(args[0]), *args[1:])
            if has_box(args) or has_box(tuple(options.values())):
                return rule(*args, **options)
            return own(*args, **options)

        for each in served:
            FUNCTIONS[each] = rule
        home = own.__module__ if own.__module__ in ("numpy.linalg", "numpy.fft") else "numpy"
        return in_place_of(own, function, home, derivative_of(rule))

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
