"""Operations of your own: declare a function to be a primitive, and give its derivative.

>>> import numpy as np
>>> from minigrad import grad
>>> @primitive
... def logsumexp(x):
...     top = np.max(x)
...     return top + np.log(np.sum(np.exp(x - top)))
>>> defvjp(logsumexp, lambda ans, x: lambda g: g * np.exp(x - ans))
>>> grad(logsumexp)(np.array([1.0, 2.0])).round(4)
array([0.2689, 0.7311])

The names and signatures are those of `autograd.extend`; `minigrad.custom_primitive` is the newer form. A rule is made
of differentiable operations, so it has derivatives itself. A pullback is enough for all modes, and so is a pushforward:
each is found from the other by transposing it, since both are linear. An argument without a rule raises when its
derivative is asked for.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.core.duck_arrays import innermost_duck
from minigrad.core.lines import located
from minigrad.core.nested import is_box
from minigrad.core.primitive import constant
from minigrad.core.tape import Box as Box
from minigrad.core.tape import Node as Node
from minigrad.core.tape import open_part, peel
from minigrad.core.tree import flatten, tree_map
from minigrad.operations.own_rules import (
    all_real,
    check_form,
    check_places,
    check_rule,
    fitted,
    positional_names,
    refuse_nothing,
    signature_of,
)
from minigrad.operations.tree_operation import filled, one_operation, transposed

__all__ = [
    "Box", "Node", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum",
    "defvjp_argnums", "notrace_primitive", "primitive",
]  # fmt: skip


_NO_KEYWORDS: dict[str, Any] = {}


class _Rules:
    """What has been declared for one primitive."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun, self.name = fun, getattr(fun, "__name__", type(fun).__name__)
        self.pull: Callable[..., Any] | None = None  # (argnums, ans, args, kwargs) -> g -> cotangents
        self.push: Callable[..., Any] | None = None  # (argnums, tangents, ans, args, kwargs) -> tangent
        self.apply: Callable[..., Any] = fun  # what "same" applies: the primitive, or its body while transposing

    @functools.cached_property
    def signature(self) -> inspect.Signature | None:
        """The signature of the function; it is asked for when a rule is declared."""
        return signature_of(self.fun)

    @functools.cached_property
    def names(self) -> list[str] | None:
        """The names of the arguments by position."""
        return positional_names(self.signature)

    def missing(self, argnum: Any, use: str) -> NotImplementedError:
        return NotImplementedError(
            located(
                f"{self.name}: argument {argnum} has no derivative rule; declare one with "
                f"minigrad.extend.{use}({self.name}, ..., argnums=({argnum},)), or None for zero"
            )
        )

    def argument(self, k: int) -> str:
        """How messages call an argument."""
        names = self.names
        return f"argument {k}" + (f" ({names[k]})" if names and k < len(names) else "")

    def check_pullback(self, pullback: Any, where: str) -> None:
        """Raise unless what a maker of pullbacks returned is one."""
        if callable(pullback):
            return
        refuse_nothing(self.name, "vjp", pullback, where, "declare None in place of it")
        raise TypeError(
            located(
                f"{self.name}: the vjp{where} returned a {type(pullback).__name__}, and not the function that maps "
                f"the cotangent g to that of the argument: lambda ans, *args: lambda g: ..."
            )
        )

    def check_declared(self, kind: str, rules: Sequence[Any], argnums: Sequence[int], form: str, leading: int) -> None:
        """Raise if rules do not fit the arguments of the function."""
        check_places(self.name, kind, rules, argnums, self.names)
        for rule in rules:
            if rule is not None and not (kind == "jvp" and isinstance(rule, str) and rule == "same"):
                check_rule(self.name, kind, rule, form, leading, self.signature)

    def called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The function as one operation."""
        if not kwargs:  # the usual case: the arguments are flat
            return one_operation(self.name, self.fun, args, self.pulled, self.pushed, opaque=True)
        return one_operation(
            self.name,
            lambda args, kwargs: self.fun(*args, **kwargs),
            (args, kwargs),
            lambda g, ans, primals, wanted: (self.pulled(g, ans, primals[0], wanted[0], primals[1]), None),
            lambda ts, ans, primals: self.pushed(ts[0], ans, *primals),
            opaque=True,
        )

    def pulled(self, g: Any, ans: Any, args: Any, wanted: Any, kwargs: Any = _NO_KEYWORDS) -> tuple[Any, ...]:
        """The cotangents of the arguments, by the pullback, or else by transposing the pushforward."""
        argnums = [k for k, each in enumerate(wanted) if each is True or (each and any(flatten(each)[0]))]
        if self.pull is not None:
            cts: list[Any] = [None] * len(args)
            pullback = self.pull(argnums, ans, args, kwargs)
            self.check_pullback(pullback, "")
            found = pullback(filled(g, ans) if type(ans) is tuple else g)
            refuse_nothing(self.name, "vjp", found, "", "return one None for each argument")
            found = list(found)
            if len(found) != len(argnums):
                raise ValueError(
                    located(
                        f"{self.name}: the vjp returned {len(found)} cotangents for the {len(argnums)} arguments "
                        f"{', '.join(map(str, argnums))}"
                    )
                )
            is_real = all_real(ans)
            for k, ct in zip(argnums, found):
                cts[k] = fitted(self.name, ct, args[k], "vjp", "cotangent", f"for {self.argument(k)}", is_real=is_real)
            return tuple(cts)
        moving = tuple([arg if k in argnums else None for k, arg in enumerate(args)])
        applied, self.apply = self.apply, self.fun  # the primitive itself has no pullback: trace its body
        try:
            found = transposed(lambda ts: self.pushed(ts, ans, args, kwargs), moving, ans, g)
            return tuple(found)
        finally:
            self.apply = applied

    def pushed(self, ts: Any, ans: Any, args: Any, kwargs: Any = _NO_KEYWORDS) -> Any:
        """The tangent of the result, by the pushforward, or else by transposing the pullback."""
        argnums = [k for k, t in enumerate(ts) if flatten(t)[0]]
        if self.push is not None:
            found = self.push(argnums, [ts[k] for k in argnums], ans, args, kwargs)
            return fitted(self.name, found, ans, "jvp", "tangent", "for the result", is_real=True)
        if self.pull is None:
            raise self.missing(argnums[0], "defvjp")
        wanted = [k in argnums for k in range(len(args))]
        return transposed(lambda g: self.pulled(g, ans, args, wanted, kwargs), ans, args, ts)


def primitive(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of plain arrays be one operation on the tape, with a derivative by `defvjp` or `defjvp`.

    Args:
        fun: takes numbers and arrays (and anything else, as constants) and returns a number or an array, or a tuple of
            these; cotangents are then tuples, too.

    Returns:
        A function with the same arguments, which takes traced values too. Keyword arguments are constants.

    Raises:
        NotImplementedError: when a derivative with respect to an argument without a rule is asked for.

    >>> twice = primitive(lambda x: 2.0 * x)
    >>> defjvp(twice, "same")
    >>> from minigrad import grad
    >>> float(grad(twice)(3.0))
    2.0
    """
    rules = _Rules(fun)

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        args = tuple([open_part(arg) for arg in args])
        kwargs = {key: peel(value) for key, value in kwargs.items()}
        if any(map(is_box, args)):
            return rules.called(args, kwargs)
        duck = innermost_duck(args)  # it must not look into the function, whose operations have other derivatives
        return fun(*args, **kwargs) if duck is None else duck.perform(wrapped, args, kwargs)

    rules.apply = wrapped
    wrapped.rules = rules  # type: ignore[attr-defined]
    return wrapped


def _rules_of(fun: Any) -> _Rules:
    rules = getattr(fun, "rules", None)
    if not isinstance(rules, _Rules):
        raise TypeError(
            located(f"{getattr(fun, '__name__', fun)!r} is no primitive; decorate it with @primitive first")
        )
    return rules


def defvjp(fun: Callable[..., Any], *makers: Any, argnums: Sequence[int] | None = None) -> None:
    """Declare pullbacks: one per argument, `lambda ans, *args, **kwargs: lambda g: cotangent`; None is zero.

    Args:
        fun: what `primitive` returned.
        *makers: the pullbacks, for the arguments 0, 1, ..., or for those that `argnums` lists.
        argnums: the positions of the arguments.
    """
    rules = _rules_of(fun)
    argnums = range(len(makers)) if argnums is None else argnums
    rules.check_declared("vjp", makers, argnums, "lambda ans, *args: lambda g: ...", 1)
    table = dict(zip(argnums, makers))

    def pull(wanted: Sequence[int], ans: Any, args: Any, kwargs: Any) -> Callable[[Any], list[Any]]:
        for k in wanted:
            if k not in table:
                raise rules.missing(k, "defvjp")
        made = {k: table[k](ans, *args, **kwargs) for k in wanted if table[k] is not None}
        for k, each in made.items():
            if not callable(each):
                rules.check_pullback(each, f" of {rules.argument(k)}")

        def pullback(g: Any) -> list[Any]:
            cts = {k: each(g) for k, each in made.items()}
            for k, ct in cts.items():
                if ct is None:
                    refuse_nothing(rules.name, "vjp", ct, f" of {rules.argument(k)}", "declare None in place of it")
            return [cts.get(k) for k in wanted]

        return pullback

    rules.pull = pull


def defvjp_argnums(fun: Callable[..., Any], maker: Callable[..., Any]) -> None:
    """Declare one pullback for several arguments: `maker(argnums, ans, args, kwargs)` returns `g -> cotangents`."""
    rules = _rules_of(fun)
    check_form(rules.name, "vjp", maker, "lambda argnums, ans, args, kwargs: lambda g: [...]", 4)
    rules.pull = maker


def defvjp_argnum(fun: Callable[..., Any], maker: Callable[..., Any]) -> None:
    """Declare pullbacks by argument number: `maker(argnum, ans, args, kwargs)` returns `g -> cotangent`."""
    rules = _rules_of(fun)
    check_form(rules.name, "vjp", maker, "lambda argnum, ans, args, kwargs: lambda g: ...", 4)

    def pull(argnums: Sequence[int], *rest: Any) -> Callable[[Any], list[Any]]:
        made = [maker(k, *rest) for k in argnums]
        for k, pullback in zip(argnums, made):
            rules.check_pullback(pullback, f" of {rules.argument(k)}")

        def pullbacks(g: Any) -> list[Any]:
            cts = [pullback(g) for pullback in made]
            for k, ct in zip(argnums, cts):
                refuse_nothing(rules.name, "vjp", ct, f" of {rules.argument(k)}", "return zeros")
            return cts

        return pullbacks

    rules.pull = pull


def defjvp(fun: Callable[..., Any], *rules_given: Any, argnums: Sequence[int] | None = None) -> None:
    """Declare pushforwards: one per argument, `lambda t, ans, *args, **kwargs: tangent`; None is zero.

    Args:
        fun: what `primitive` returned.
        *rules_given: the pushforwards, for the arguments 0, 1, ..., or for those that `argnums` lists. The text "same"
            says that the function is linear in that argument: it is applied to the tangent.
        argnums: the positions of the arguments.
    """
    rules = _rules_of(fun)
    argnums = range(len(rules_given)) if argnums is None else argnums
    rules.check_declared("jvp", rules_given, argnums, 'lambda t, ans, *args: ..., or "same"', 2)
    table = dict(zip(argnums, rules_given))

    def push(moving: Sequence[int], ts: Sequence[Any], ans: Any, args: Any, kwargs: Any) -> Any:
        total: Any = None
        for k, t in zip(moving, ts):
            if k not in table:
                raise rules.missing(k, "defjvp")
            rule = table[k]
            if rule is None:
                continue
            part = (
                rules.apply(*args[:k], t, *args[k + 1 :], **kwargs) if rule == "same" else rule(t, ans, *args, **kwargs)
            )
            refuse_nothing(rules.name, "jvp", part, f" of {rules.argument(k)}", "declare None in place of it")
            total = part if total is None else _added(total, part)
        return tree_map(lambda _: None, ans) if total is None else total

    rules.push = push


def defjvp_argnums(fun: Callable[..., Any], maker: Callable[..., Any]) -> None:
    """Declare one pushforward for several arguments: `maker(argnums, tangents, ans, args, kwargs)`."""
    rules = _rules_of(fun)
    check_form(rules.name, "jvp", maker, "lambda argnums, tangents, ans, args, kwargs: ...", 5)

    def push(*args: Any) -> Any:
        tangent = maker(*args)
        refuse_nothing(rules.name, "jvp", tangent, "", "return zeros")
        return tangent

    rules.push = push


def defjvp_argnum(fun: Callable[..., Any], maker: Callable[..., Any]) -> None:
    """Declare pushforwards by argument number: `maker(argnum, tangent, ans, args, kwargs)`."""
    rules = _rules_of(fun)
    check_form(rules.name, "jvp", maker, "lambda argnum, tangent, ans, args, kwargs: ...", 5)

    def push(argnums: Sequence[int], ts: Sequence[Any], *rest: Any) -> Any:
        parts = [maker(k, t, *rest) for k, t in zip(argnums, ts)]
        for k, part in zip(argnums, parts):
            refuse_nothing(rules.name, "jvp", part, f" of {rules.argument(k)}", "return zeros")
        return functools.reduce(_added, parts)

    rules.push = push


def def_linear(fun: Callable[..., Any]) -> None:
    """Declare that a function is linear in each of its arguments."""
    rules = _rules_of(fun)
    rules.push = lambda argnums, ts, ans, args, kwargs: functools.reduce(
        _added, [rules.apply(*args[:k], t, *args[k + 1 :], **kwargs) for k, t in zip(argnums, ts)]
    )


def _added(a: Any, b: Any) -> Any:
    """The sum of two tangents of the result, which may be a tuple."""
    return tree_map(operator.add, a, b)


def notrace_primitive(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of plain values take traced ones too; no derivative flows through it."""
    return functools.wraps(fun)(constant(getattr(fun, "__name__", "function"), fun))


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"minigrad.extend has no {name!r}; it has {', '.join(__all__)}. Spaces of values (vspace) are not needed: "
        f"cotangents are plain arrays, and minigrad.tree_map maps over structures of them"
    )
