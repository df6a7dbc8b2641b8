"""Functions that a transformation made of another one, and how they travel: to another process, or into a copy.

Python pickles a function by its name alone, which `grad(f)` has not. So what transformations return is an object that
is called like a function, and is pickled as what it was made of: the transformation, `f` and the options.
"""

from __future__ import annotations

import functools
import importlib
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

from minigrad.core.foreign import asked
from minigrad.core.lines import is_ours


class Transformed(functools.partial[Any]):
    """A function that a transformation made of another one, called `transform`, with these options.

    It is a `partial` without arguments, the callable object which costs least to call: 20 nanoseconds.
    """

    made_of: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]  #: what has to be called to make it again
    how: Callable[..., str]
    nesting: Any
    __name__: str
    __qualname__: str

    @property
    def __code__(self) -> types.CodeType:
        """Its code is that of minigrad: by this derivatives are told from the user's functions."""
        return self.func.__code__

    def __get__(self, instance: Any, owner: Any) -> Any:
        """As a method, of functions that are transformed within a class."""
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self, *self.made_of)

    def __repr__(self) -> str:
        return f"<function {self.__qualname__} at {id(self):#x}>"


def is_made_here(fun: Any) -> bool:
    """Whether a function is one of minigrad's, such as a derivative, rather than the user's."""
    code = getattr(fun, "__code__", None)
    return code is not None and is_ours(code.co_filename)


def transformed(
    run: Callable[..., Any], name: str, doc: str, fun: Callable[..., Any], transform: Any, *options: Any, **more: Any
) -> Transformed:
    """The function `run`, made of `fun` by `transform(fun, *options, **more)`; with its name and its docstring."""
    function = Transformed(run)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc.strip()
    function.__wrapped__ = fun  # type: ignore[attr-defined]
    function.made_of = transform, (fun, *options), more
    return function


def reduced(function: Any, make: Any, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """What `pickle` and `copy` make of a function that `make(*args, **options)` makes again.

    Where a transformation was the decorator of a function, that name is now the transformed one's, and the plain one
    has none: so the name is pickled. `cloudpickle` sends what stands in `__main__` to processes in which there is no
    such name, and it sends functions by their content.
    """
    plain = function
    while asked(plain, "__wrapped__") is not None:
        plain = plain.__wrapped__
    module, name = asked(plain, "__module__"), asked(plain, "__qualname__")
    is_by_content = "cloudpickle" in sys._getframe(2).f_globals.get("__name__", "")
    if module in sys.modules and type(name) is str and not (module == "__main__" and is_by_content):
        try:
            if operator.attrgetter(name)(sys.modules[module]) is function:
                return found_by_name, (module, name)
        except AttributeError:  # of a function within a function
            pass
    return remade, (make, args, options)


def found_by_name(module: str, name: str) -> Any:
    """The object of this name in a module."""
    return operator.attrgetter(name)(importlib.import_module(module))


def remade(make: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What is made of these arguments and options."""
    return make(*args, **options)
