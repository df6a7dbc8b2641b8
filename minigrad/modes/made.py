"""What is looked at when a derivative is made, before it is called: the function, and which of its arguments.

Parameters have names, by which `argnum` may give them and by which messages and reports call them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import numpy as np

from minigrad.core.foreign import described, is_foreign
from minigrad.core.lines import located
from minigrad.core.tape import Box

Make = TypeVar("Make", bound=Callable[..., Any])

#: The types of a function to differentiate: its parameters, what it returns, and its first argument, in whose type its
#: gradient is. The bound tells pyright that a function without annotations may do anything with its argument.
P = ParamSpec("P")
R = TypeVar("R")
X = TypeVar("X", bound=Any)

#: Options of other libraries, and what stands for them here.
_ELSEWHERE = {
    "argnums": "argnums= is JAX's word: write argnum=0, argnum=(0, 1) or argnum='x'",
    "has_aux": "has_aux= is JAX's word: write grad_and_aux(f), of which the function returns (loss, aux)",
    "holomorphic": "holomorphic= is JAX's word: write holomorphic_grad(f)",
    "allow_int": "allow_int= is JAX's word: integers have no derivative here; pass floats",
    "order": "order= is none of its options: derivatives(f, x, order) gives all orders up to this one",
    "create_graph": "create_graph= is torch's word: derivatives can always be differentiated, grad(grad(f))",
    "out_axes": "out_axes= is JAX's word: examples are along the first axis of the results, move it with np.moveaxis",
    "static_argnums": "static_argnums= is JAX's word: whatever is no float and no array is static here",
    "static_argnames": "static_argnames= is JAX's word: whatever is no float and no array is static here",
}


def transformation(make: Make) -> Make:
    """A function that makes a derivative, with a look at what it is made of.

    The first parameter of `make` is the function. If it has one called `argnum`, names of parameters are resolved.
    """
    operation: str = make.__name__
    code = make.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    takes_argnum = "argnum" in names[:2]

    @functools.wraps(make)
    def made(*args: Any, **options: Any) -> Any:
        if not options and len(args) == 1 and callable(args[0]):
            return make(*args)  # the usual case
        for word in options:
            if word in _ELSEWHERE and word not in names:
                raise TypeError(located(f"{operation}: {_ELSEWHERE[word]}"))
        fun = args[0] if args else options.get("fun")
        if args or "fun" in options:
            check_function(operation, fun, makes=True)
        if takes_argnum:
            if len(args) > code.co_argcount:
                raise not_an_argnum(operation, fun, args[1:])
            if len(args) > 1:
                args = (fun, checked_argnum(operation, fun, args[1]), *args[2:])
            elif "argnum" in options:
                options["argnum"] = checked_argnum(operation, fun, options["argnum"])
        return make(*args, **options)

    return made  # type: ignore[return-value]


def check_function(operation: str, fun: Any, *, makes: bool = False) -> None:
    """Raise unless this is a function, as it has to be for what is called `operation(f, x)`.

    One that `makes` a function is called `operation(f)(x)`.
    """
    if callable(fun):
        return
    right, wrong = (f"{operation}(f)(x)", f"{operation}(f(x))") if makes else (f"{operation}(f, ...)", "")
    is_plain = type(fun) is Box or isinstance(fun, (int, float, complex, np.ndarray, np.generic))
    if isinstance(fun, str):
        shown = f"the text {fun!r}"
        advice = f"Write {operation}(lambda x: {fun.strip() or 'x**2'}{'' if makes else ', ...'})"
    elif is_plain or (is_foreign(fun) and not inspect.ismodule(fun)):
        number = f"the number {fun}" if np.ndim(fun) == 0 else f"an array of shape {np.shape(fun)}"
        shown = f"{number if is_plain else described(fun)}, perhaps the value of one"
        advice = f"Hand over the function itself: {right}" + (f" in place of {wrong}" if makes else "")
    else:
        shown, advice = f"{fun!r}, a {type(fun).__name__}", f"Write {right}"
    raise TypeError(located(f"{operation} takes a function, and was given {shown}. {advice}"))


@contextmanager
def called_with(operation: str, fun: Callable[..., Any], *names: str) -> Iterator[None]:
    """A TypeError within, if it comes of a function that cannot be called with arguments of these names, says so."""
    try:
        yield
    except TypeError:
        try:
            signature = inspect.signature(fun)
        except (TypeError, ValueError):
            signature = None
        try:
            if signature is not None:
                signature.bind(*names)
        except TypeError:
            given = ", ".join(names)
            raise TypeError(
                located(
                    f"{operation} calls the function with ({given}), and it takes {signature}. "
                    f"Write lambda {given}: ..."
                )
            ) from None
        raise


def checked_argnum(operation: str, fun: Any, argnum: Any) -> Any:
    """A position, or a sequence of positions, of arguments; names of parameters become positions."""
    if type(argnum) is int or isinstance(argnum, np.integer) or argnum is None:
        return argnum
    if isinstance(argnum, str):
        return position_of(operation, fun, argnum)
    if isinstance(argnum, (tuple, list, range)) and all(isinstance(i, (int, np.integer, str)) for i in argnum):
        if any(isinstance(i, str) for i in argnum):
            return tuple([position_of(operation, fun, i) if isinstance(i, str) else i for i in argnum])
        return argnum
    raise not_an_argnum(operation, fun, [argnum])


def not_an_argnum(operation: str, fun: Any, given: Sequence[Any]) -> TypeError:
    """The error of a call `grad(f, x)`, in which a point stands in the place of `argnum`."""
    name = getattr(fun, "__name__", "f")
    name = name if name.isidentifier() else "f"
    shown = ", ".join([repr(x) if isinstance(x, (int, float)) else "xyzuvw"[k % 6] for k, x in enumerate(given)])
    what = repr(given[0]) if np.ndim(given[0]) == 0 else f"an array of shape {np.shape(given[0])}"
    what = f"{what} is" if len(given) == 1 else f"{what} and more are"
    return TypeError(
        located(
            f"{operation}: {what} given where argnum belongs, the position of an argument. {operation} takes a "
            f"function and returns one, which takes the point: write {operation}({name})({shown})"
        )
    )


def position_of(operation: str, fun: Any, name: str) -> int:
    """The position of a parameter among the arguments of a function."""
    try:
        parameters = inspect.signature(fun).parameters
    except (TypeError, ValueError):
        raise TypeError(
            located(f"{operation}: the names of the parameters of {fun!r} are not known: write argnum=0 for its first")
        ) from None
    positional = [key for key, each in parameters.items() if each.kind in _POSITIONAL]
    if name in positional:
        return positional.index(name)
    if name in parameters and parameters[name].kind is inspect.Parameter.KEYWORD_ONLY:
        raise TypeError(
            located(
                f"{operation}: {name} is given by keyword, and derivatives are taken in arguments that are given by "
                f"position: write {operation}(lambda {name}: f(..., {name}={name}))"
            )
        )
    known = ", ".join(parameters) or "none"
    raise TypeError(located(f"{operation}: the function has no parameter {name!r}; its parameters are: {known}"))


def check_exists(operation: str, argnum: Any, fun: Any) -> None:
    """Raise if a function has so few parameters that the position of an argument is none of its own."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return
    if any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters):
        return
    names = [each.name for each in parameters if each.kind in _POSITIONAL]
    for i in [argnum] if isinstance(argnum, (int, np.integer)) else argnum:
        if not -len(names) <= i < len(names):
            known = f"{', '.join(names)}, at {'position' if len(names) == 1 else 'positions'} " + (
                "0" if len(names) == 1 else f"0 to {len(names) - 1}"
            )
            raise TypeError(
                located(f"{operation}: argnum={i} is the position of no argument. The function takes {known}")
            )


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def parameter_names(fun: Any, count: int) -> list[str]:
    """What the first arguments of a function are called, `args[1]` those beyond its parameters.

    >>> parameter_names(lambda x, *rest: x, 3)
    ['x', 'rest[0]', 'rest[1]']
    """
    try:
        is_ufunc = isinstance(inspect.unwrap(fun), np.ufunc)  # its parameters are known since NumPy 2.3
        parameters = [] if is_ufunc else list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [each.name for each in parameters if each.kind in _POSITIONAL][:count]
    rest = next((each.name for each in parameters if each.kind is inspect.Parameter.VAR_POSITIONAL), None)
    given = len(names)
    return names + [f"{rest}[{i - given}]" if rest else f"args[{i}]" for i in range(given, count)]


def name_of_argument(argnum: Any, fun: Any = None) -> str:
    """How errors call an argument, or several: `argument x`, `arguments 0, 1` where the names are not known."""
    several = [argnum] if isinstance(argnum, (int, np.integer)) else list(argnum)
    names: list[Any] = list(several)
    if fun is not None and all(i >= 0 for i in several):
        known = parameter_names(fun, max(several, default=-1) + 1)
        names = [i if known[i].startswith("args[") else known[i] for i in several]
    return f"argument{'' if len(several) == 1 else 's'} {', '.join(map(str, names))}"
