"""`autograd.wrap_util` and `autograd.util`: transformations of functions of one argument, and what they are made of."""

from __future__ import annotations

import contextlib
import functools
import operator
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minigrad.compat.test_util import check_grads, get_name
from minigrad.modes.checks import Argnum
from minigrad.modes.recording import insert, select


def get_doc(f: Any) -> str:
    """The docstring of a function."""
    return getattr(f, "__doc__", "") or ""


def wraps(fun: Any, namestr: str = "{fun}", docstr: str = "{doc}", **kwargs: Any) -> Callable[[Any], Any]:
    """A decorator that gives a function a name and a docstring, made of those of `fun`.

    Args:
        fun: whose name and docstring stand for `{fun}` and `{doc}`.
        namestr: the name, with these and the names in `kwargs` in braces.
        docstr: the docstring, in the same way.
        **kwargs: more parts of both texts.

    >>> wraps(abs, namestr="half_of_{fun}")(lambda x: abs(x) / 2).__name__
    'half_of_abs'
    """

    def named(function: Any) -> Any:
        with contextlib.suppress(AttributeError, KeyError, ValueError, IndexError):  # a doc may contain braces
            function.__name__ = namestr.format(fun=get_name(fun), **kwargs)
            function.__doc__ = docstr.format(fun=get_name(fun), doc=get_doc(fun), **kwargs)
        return function

    return named


def wrap_nary_f(fun: Callable[..., Any], op: Callable[..., Any], argnum: Argnum) -> Callable[[Any], Any]:
    """A decorator that names a derived function: by the transformation, the function and the position."""
    return wraps(fun, "{op}_of_{fun}_wrt_argnum_{argnum}", "{op} of {fun}. {doc}", op=get_name(op), argnum=argnum)


def unary_to_nary(unary_operator: Callable[..., Any]) -> Callable[..., Any]:
    """A transformation of functions of one argument, as one of functions of any number of arguments.

    Args:
        unary_operator: takes a function of one argument, the point, and perhaps more.

    Returns:
        A transformation: `(fun, argnum=0, *more)` to a function of the arguments of `fun`. With a sequence of positions
        the one argument is the tuple of the arguments there.

    >>> @unary_to_nary
    ... def slope(fun, x):
    ...     return (fun(x + 0.5) - fun(x - 0.5)) / 1.0
    >>> slope(lambda x, y: x * y**2, 1)(3.0, 2.0)
    12.0
    """

    @functools.wraps(unary_operator)
    def nary_operator(fun: Callable[..., Any], argnum: Argnum = 0, *options: Any, **more: Any) -> Any:
        @wrap_nary_f(fun, unary_operator, argnum)
        def nary_function(*args: Any, **kwargs: Any) -> Any:
            @wraps(fun)
            def unary_function(x: Any) -> Any:
                return fun(*insert(args, argnum, x), **kwargs)

            return unary_operator(unary_function, select(get_name(unary_operator), args, argnum), *options, **more)

        return nary_function

    return nary_operator


def subvals(x: Iterable[Any], ivs: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    """A tuple with other values at these positions."""
    changed = list(x)
    for i, value in ivs:
        changed[i] = value
    return tuple(changed)


def subval(x: Iterable[Any], i: int, v: Any) -> tuple[Any, ...]:
    """A tuple with another value at one position."""
    return subvals(x, [(i, v)])


def func(f: Any) -> Any:
    """The function itself; of a method that was looked up in its class, which is one."""
    return f


def toposort(end_node: Any, parents: Callable[[Any], Iterable[Any]] = operator.attrgetter("parents")) -> Iterator[Any]:
    """The nodes that a node was made of, each after all that were made of it; the node itself comes first.

    >>> below = {"sum": ["x", "x²"], "x²": ["x"], "x": []}
    >>> list(toposort("sum", below.__getitem__))
    ['sum', 'x²', 'x']
    """
    uses: Counter[Any] = Counter()
    waiting = [end_node]
    while waiting:
        node = waiting.pop()
        uses[node] += 1
        if uses[node] == 1:
            waiting.extend(parents(node))
    ready = [end_node]
    while ready:
        node = ready.pop()
        yield node
        for parent in parents(node):
            uses[parent] -= 1
            if not uses[parent]:
                ready.append(parent)


def quick_grad_check(
    fun: Callable[..., Any], arg0: Any, extra_args: Iterable[Any] = (), kwargs: Any = None, *_options: Any,
    **_more: Any,
) -> None:  # fmt: skip
    """An older name of `check_grads(fun, modes=["rev"], order=1)`; the remaining options have no effect.

    >>> import numpy as np
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     quick_grad_check(np.sin, 0.5)
    """
    warnings.warn("quick_grad_check is an older name of test_util.check_grads", DeprecationWarning, stacklevel=2)
    check_grads(lambda x: fun(x, *extra_args, **(kwargs or {})), modes=["rev"], order=1)(arg0)
