"""Rules for functions that exist already, as autograd lets them be declared: `autograd.extend` with its own leniency.

There a rule may be given to any function. If it is a primitive, as all of `autograd.numpy`, the rule takes the place of
the one it had; if it is none, the rule is never asked.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np

from minigrad.compat import extend
from minigrad.compat.spaces import vspace
from minigrad.core.lines import located
from minigrad.core.tape import Box

__all__ = [
    "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum", "defvjp_argnums",
    "overridable", "primitive", "primitive_jvps", "primitive_vjps", "primitive_with_deprecation_warnings",
    "register_notrace",
]  # fmt: skip


def overridable(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function of ours that is as it was until a rule is declared for it, and from then on a primitive.

    >>> double = overridable(lambda x: x + x)
    >>> from minigrad import grad
    >>> grad(double)(1.0)
    np.float64(2.0)
    >>> defvjp(double, lambda ans, x: lambda g: 3.0 * g)
    >>> grad(double)(1.0)
    np.float64(3.0)
    """
    as_primitive = extend.primitive(fun)
    rules = as_primitive.rules  # type: ignore[attr-defined]  # `extend.primitive` sets it

    @functools.wraps(fun)
    def function(*args: Any, **kwargs: Any) -> Any:
        if rules.pull is None and rules.push is None:
            return fun(*args, **kwargs)
        return as_primitive(*args, **kwargs)

    function.rules = rules  # type: ignore[attr-defined]  # where `defvjp` looks for it
    return function


def _lenient(declare: Callable[..., None]) -> Callable[..., None]:
    """The same declaration, which has no effect on a function that is no primitive."""

    @functools.wraps(declare)
    def declared(fun: Any, *rules: Any, **options: Any) -> None:
        if hasattr(fun, "rules"):
            declare(fun, *rules, **options)

    return declared


defvjp_argnum = _lenient(extend.defvjp_argnum)
defvjp_argnums = _lenient(extend.defvjp_argnums)
defjvp = _lenient(extend.defjvp)
defjvp_argnum = _lenient(extend.defjvp_argnum)
defjvp_argnums = _lenient(extend.defjvp_argnums)
def_linear = _lenient(extend.def_linear)
defvjp = _lenient(extend.defvjp)


def register_notrace(trace_type: Any, primitive_fun: Any) -> None:
    """Let no derivative flow through a primitive in a kind of trace: `VJPNode` or `JVPNode`.

    The nodes of a tape are for both modes, so the derivative is zero in both.
    """
    defvjp_argnums(
        primitive_fun, lambda argnums, ans, args, kwargs: lambda g: [np.zeros_like(args[k]) for k in argnums]
    )


class _Declared(MutableMapping[Any, Any]):
    """The rules of primitives as a mapping from a function to its rule, in the form of `defvjp_argnums`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __getitem__(self, fun: Any) -> Any:
        rule = getattr(getattr(fun, "rules", None), self.kind, None)
        if rule is None:
            raise KeyError(fun)
        return rule

    def __setitem__(self, fun: Any, rule: Any) -> None:
        setattr(fun.rules, self.kind, rule)

    def __delitem__(self, fun: Any) -> None:
        setattr(fun.rules, self.kind, None)

    def __iter__(self) -> Any:
        raise TypeError("the table of rules is asked for one function at a time")

    __len__ = __iter__


#: They are asked, and changed, as in `primitive_vjps[f]` and `primitive_vjps.pop(f)`.
primitive_vjps, primitive_jvps = _Declared("pull"), _Declared("push")


def _register(cls: Any, value_type: Any) -> None:
    raise NotImplementedError(
        located(
            f"{cls.__name__}.register: values of your own types are not traced. Make {value_type.__name__} a named "
            f"tuple, a dict or a list of arrays: minigrad differentiates with respect to structures of arrays"
        )
    )


Box.register = classmethod(_register)  # type: ignore[attr-defined]  # a name of autograd


# ----- older names ----------------------------------------------------------------------------------------------------


def primitive(fun: Callable[..., Any]) -> Callable[..., Any]:
    """`minigrad.extend.primitive`, whose result also has the older methods `defvjp`, `defvjp_is_zero` and `defgrad`.

    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     twice = primitive(lambda x: 2.0 * x)
    ...     twice.defvjp(lambda g, ans, space, space_of_ans, x: 2.0 * g)
    >>> from minigrad import grad
    >>> grad(twice)(1.0)
    np.float64(2.0)
    """
    function: Any = extend.primitive(fun)
    pullbacks: dict[int, Any] = {}

    def declare(name: str, made: dict[int, Any]) -> None:
        warnings.warn(
            f"the method {name} of a primitive is an older form of minigrad.extend.defvjp", DeprecationWarning, 3
        )
        pullbacks.update(made)
        extend.defvjp(function, *pullbacks.values(), argnums=tuple(pullbacks))

    def defvjp(vjp: Callable[..., Any], argnum: int = 0) -> None:
        def maker(ans: Any, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
            return lambda g: vjp(g, ans, vspace(args[argnum]), vspace(g), *args, **kwargs)

        declare("defvjp", {argnum: maker})

    function.defvjp = defvjp
    function.defgrad = lambda maker, argnum=0: declare("defgrad", {argnum: maker})
    function.defvjp_is_zero = lambda argnums=(0,): declare("defvjp_is_zero", dict.fromkeys(argnums))
    return function


primitive_with_deprecation_warnings = primitive
