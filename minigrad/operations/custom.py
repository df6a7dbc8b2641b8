"""Operations of your own: a function on plain arrays, whatever it is made of, with the derivative that you give.

>>> import numpy as np
>>> from minigrad import derivatives, grad, jvp
>>> @custom_primitive(vjp=lambda g, ans, x: g * np.exp(x - ans))
... def logsumexp(x):
...     top = np.max(x)
...     return top + np.log(np.sum(np.exp(x - top)))
>>> x = np.array([1.0, 2.0])
>>> grad(logsumexp)(x).round(4)
array([0.2689, 0.7311])
>>> jvp(logsumexp, (x,), (np.array([1.0, 0.0]),))[1].round(4)  # found from the vjp
np.float64(0.2689)
>>> logsumexp.check(x)  # against finite differences

| you give     | backward          | forward              | Taylor                                |
|--------------|-------------------|----------------------|---------------------------------------|
| `vjp`        | your rule         | transpose of the vjp | from the forward mode, order by order |
| `jvp`        | transpose of it   | your rule            | from the forward mode, order by order |
| `taylor`     | needs one of them | needs one of them    | your rule                             |
| a derivative | `custom_elementwise`: one formula serves all of them                             |||

Both transposes are one backward sweep over the rule, which is linear: the vjp in the cotangent, the jvp in the tangents
(R. Frostig, M. Johnson, D. Maclaurin, A. Paszke, A. Radul, "Decomposing reverse-mode automatic differentiation",
arXiv:2105.09469; for the other direction J. Townsend, "A new trick for calculating Jacobian vector products", 2017).
A rule made of differentiable operations has derivatives itself, so all of this holds at any order.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, overload

import numpy as np

from minigrad.core.duck_arrays import innermost_duck
from minigrad.core.lines import located
from minigrad.core.nested import is_traced
from minigrad.core.primitive import Operation, elementwise
from minigrad.core.tape import peel
from minigrad.core.transformed import reduced
from minigrad.core.tree import flatten, tree_map
from minigrad.modes.checks import is_numeric
from minigrad.modes.made import P, R, check_function
from minigrad.operations.own_rules import (
    all_real,
    check_places,
    check_rule,
    fitted,
    positional_names,
    refuse_nothing,
    signature_of,
)
from minigrad.operations.tree_operation import (
    filled,
    has_derivative,
    one_operation,
    shape_of,
    transposed,
    zeros,
)
from minigrad.rules.shapes import unbroadcast

Rule = Callable[..., Any]

#: What `CustomPrimitive.check` calls: `checking.rules.check_rules`. This module knows nothing of checks, which stand
#: above it; the package `minigrad` puts it here.
check_rules: Callable[[Any, tuple[Any, ...], dict[str, Any]], None] | None = None


_FORMS = {
    "vjp": "lambda g, ans, {}: ...",
    "jvp": "lambda tangents, ans, {}: ...",
    "taylor": "lambda order, ans, {}: ...",
}


class CustomPrimitive(Generic[P, R]):
    """What `custom_primitive` returns: the function, to be called as before, with rules that may be added."""

    def __init__(self, value: Rule, vjp: Any, jvp: Any, taylor: Rule | None, static: Any, check: bool) -> None:
        functools.update_wrapper(self, value)
        self.value, self.vjp, self.jvp, self.taylor = value, vjp, jvp, taylor
        self.name = getattr(value, "__name__", type(value).__name__)
        self.unchecked = check
        self.signature = signature_of(value)
        self.names = [] if self.signature is None else list(self.signature.parameters)
        self.static = set()
        for which in [static] if isinstance(static, (str, int)) else static:
            if isinstance(which, str) and which not in self.names:
                raise ValueError(located(f"{self.name}: static={which!r} is none of its arguments, {self.names}"))
            self.static.add(self.names.index(which) if isinstance(which, str) else which)
        for kind, rules in (("vjp", vjp), ("jvp", jvp), ("taylor", taylor)):
            self.check_declared(kind, rules)

    def check_declared(self, kind: str, rules: Any) -> None:
        """Raise if a rule cannot be called, or if there are more rules than arguments."""
        if rules is None:
            return
        form = _FORMS[kind].format(", ".join(self.names) or "*args")
        kind = "Taylor rule" if kind == "taylor" else kind
        if callable(rules) or kind == "Taylor rule":
            check_rule(self.name, kind, rules, form, 2, self.signature)
            return
        if not isinstance(rules, (list, tuple)):
            raise TypeError(located(f"{self.name}: the {kind} is {rules!r}; give a function, or one for each argument"))
        check_places(self.name, kind, rules, range(len(rules)), positional_names(self.signature))
        for rule in rules:
            if rule is not None:
                form = form.replace("tangents", "tangent")
                check_rule(self.name, kind, rule, form, 2, self.signature)

    def __reduce__(self) -> tuple[Any, ...]:
        rules = self.vjp, self.jvp, self.taylor
        return reduced(self, CustomPrimitive, (self.value, *rules, sorted(self.static), self.unchecked), {})

    # ----- declaring rules --------------------------------------------------------------------------------------------

    def defvjp(self, rule: Rule) -> Rule:
        """Declare the vjp: as the argument of `custom_primitive`, in the form of a decorator."""
        self.check_declared("vjp", rule)
        self.vjp = rule
        return rule

    def defjvp(self, rule: Rule) -> Rule:
        """Declare the jvp."""
        self.check_declared("jvp", rule)
        self.jvp = rule
        return rule

    def deftaylor(self, rule: Rule) -> Rule:
        """Declare the Taylor rule."""
        self.check_declared("taylor", rule)
        self.taylor = rule
        return rule

    # ----- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The value, recorded as one operation."""
        return self.recorded(*self.bound(args, kwargs))

    def recorded(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The value, of arguments in the places that the rules know."""
        fixed_ones: dict[int | str, Any] = {k: args[k] for k in self.static if k < len(args)}
        for which, fixed in (fixed_ones | kwargs).items():
            if any(map(is_traced, flatten(fixed)[0])):
                raise TypeError(
                    located(
                        f"{self.name}: {self.called(which)} is not differentiated, but was given a traced value. "
                        f"Take its plain value, minigrad.stop_gradient(...), or do not declare it static"
                    )
                )
        if self.unchecked and any(map(is_traced, flatten(args)[0])):
            self.unchecked = False  # before the check, which calls the rules, which may call this
            try:
                self.check(*tree_map(peel, args), **tree_map(peel, kwargs))
            except BaseException:
                self.unchecked = True
                raise
        split = Split(self, args, kwargs)
        return one_operation(
            self.name,
            lambda *xs: self.value(*split.all(xs), **kwargs),
            split.moving(args),
            split.pull,
            split.push,
            None if self.taylor is None else split.series,
            opaque=True,
        )

    def bound(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments by position, with their defaults; what can only be passed by keyword stays a dict."""
        if self.signature is None:
            return args, kwargs
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def called(self, which: int | str) -> str:
        """How messages call an argument."""
        if isinstance(which, str):
            return f"argument {which}"
        name = self.names[which] if which < len(self.names) else ""
        return f"argument {which}" + (f" ({name})" if name else "")

    # ----- checking ---------------------------------------------------------------------------------------------------

    def check(self, *args: Any, **kwargs: Any) -> None:
        """Raise unless the rules agree with finite differences of the value, and with each other, at these arguments.

        Every argument is moved by itself in three random directions, so that the message can say which rule is wrong,
        and by what factor. The differences have the error model of `minigrad.check`; a rule may be off by 1e-6 of its
        size, as the rule of a value that is found by iterating may be. float32 is checked in float64. The value is
        called about 40 times for each argument and rule.

        Args:
            *args: the arguments of the function.
            **kwargs: its keyword arguments.

        Raises:
            AssertionError: if a rule is wrong, or the value is not smooth at this point, or too noisy to tell. The
                message names the mode, the argument and the factor.
            ValueError: if a rule returns something of a wrong shape.
        """
        assert check_rules is not None, "import custom_primitive and custom_elementwise from minigrad"
        args, kwargs = self.bound(args, kwargs)
        check_rules(self, args, kwargs)


def _with_zeros(t: Any, x: Any) -> Any:
    """The tangent of an argument as a rule gets it: zeros where nothing moves, also for integers."""
    leaves, treedef = flatten(x)
    parts = treedef.leaves_of(t)
    assert parts is not None

    def part(t: Any, leaf: Any) -> Any:
        if t is not None or not is_numeric(leaf):
            return t
        return zeros(leaf) if has_derivative(leaf) else np.zeros(np.shape(leaf))[()]

    return treedef.unflatten(map(part, parts, leaves))


class Split:
    """One call of a custom primitive: its differentiable arguments, and its rules in the form the tape needs."""

    def __init__(self, owner: CustomPrimitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.owner, self.kwargs = owner, kwargs
        self.positions = [k for k in range(len(args)) if k not in owner.static]  #: those that the rules speak of
        self.floats = [k for k in self.positions if any(map(has_derivative, flatten(args[k])[0]))]
        self.args = [None if k in self.positions else arg for k, arg in enumerate(args)]  # no boxes: no cycles

    def moving(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """The differentiable ones among all arguments."""
        return tuple([args[k] for k in self.positions])

    def all(self, xs: Sequence[Any]) -> list[Any]:
        """All arguments, from the differentiable ones."""
        new = list(self.args)
        for k, x in zip(self.positions, xs):
            new[k] = x
        return new

    def no_rule(self, what: str) -> NotImplementedError:
        """The error of a derivative that cannot be had."""
        return NotImplementedError(
            located(
                f"{self.owner.name}: {what}. Give custom_primitive a vjp=rule(g, ans, *args) or a "
                f"jvp=rule(tangents, ans, *args), or for an elementwise function use custom_elementwise"
            )
        )

    def moved(self, ts: Sequence[Any]) -> list[int]:
        """The positions of the arguments that have a tangent."""
        return [k for k, t in zip(self.positions, ts) if any(part is not None for part in flatten(t)[0])]

    def pull(self, g: Any, out: Any, xs: tuple[Any, ...], wanted: Any = None) -> tuple[Any, ...]:
        """The cotangents of the differentiable arguments, from the vjp, or else by transposing the jvp.

        Args:
            g: the cotangent of the result.
            out: the result.
            xs: the differentiable arguments.
            wanted: a tree of them that is True where a cotangent is asked for; by default everywhere.
        """
        asked = self.floats
        if wanted is not None:
            asked = [k for k, each in zip(self.positions, wanted) if each is True or (each and any(flatten(each)[0]))]
        if self.owner.vjp is not None:
            return self.by_vjp(filled(g, out), out, xs, asked)
        if self.owner.jvp is None:
            raise self.no_rule("it has no derivative rule")
        moving = tuple([x if k in asked else None for k, x in zip(self.positions, xs)])
        found: tuple[Any, ...] = transposed(lambda ts: self.by_jvp(ts, out, xs), moving, out, g)
        return found

    def push(self, ts: Any, out: Any, xs: tuple[Any, ...]) -> Any:
        """The tangents of the results, from the jvp, or else by transposing the vjp."""
        if self.owner.jvp is not None:
            return self.by_jvp(ts, out, xs)
        if self.owner.vjp is None:
            raise self.no_rule("it has no derivative rule")
        moved = self.moved(ts)
        return transposed(lambda g: self.by_vjp(filled(g, out), out, xs, moved), out, xs, ts)

    def by_vjp(self, g: Any, out: Any, xs: tuple[Any, ...], asked: Sequence[int]) -> tuple[Any, ...]:
        """What the vjp rule returns: in the structure of the arguments, with shapes that fit.

        Of a sequence of rules only those of the arguments at the positions `asked` are called.
        """
        owner, rule = self.owner, self.owner.vjp
        args = self.all(xs)
        if callable(rule):
            cts = rule(g, out, *args, **self.kwargs)
            if len(xs) == 1:
                refuse_nothing(owner.name, "vjp", cts, "", "return (None,)")
            if len(xs) == 1 and not (isinstance(cts, tuple) and len(cts) == 1 and not isinstance(xs[0], tuple)):
                cts = (cts,)
            if not isinstance(cts, (tuple, list)) or len(cts) != len(xs):
                given = f"{len(cts)} cotangents" if isinstance(cts, (tuple, list)) else f"a {type(cts).__name__}"
                names = ", ".join(map(owner.called, self.positions))
                raise ValueError(
                    located(
                        f"{owner.name}: the vjp must return a tuple of {len(xs)} cotangents, one for each argument "
                        f"({names}) that is not declared static=, with None for zero; it returned {given}"
                    )
                )
        else:
            for k in asked:
                if k >= len(rule):
                    raise self.no_rule(f"{owner.called(k)} has no vjp; {len(rule)} were given")
            cts = []
            for k in self.positions:
                cts.append(None)
                if k in asked and rule[k] is not None:
                    cts[-1] = rule[k](g, out, *args, **self.kwargs)
                    refuse_nothing(owner.name, "vjp", cts[-1], f" of {owner.called(k)}", "give None in place of it")
        is_real = all_real(out)
        return tuple(
            [
                self.fitted(ct, x, "vjp", "cotangent", f"for {owner.called(k)}", is_real)
                for k, ct, x in zip(self.positions, cts, xs)
            ]
        )

    def by_jvp(self, ts: tuple[Any, ...], out: Any, xs: tuple[Any, ...]) -> Any:
        """What the jvp rule returns: in the structure of the results, with shapes that fit."""
        owner, rule = self.owner, self.owner.jvp
        args = self.all(xs)
        moved = self.moved(ts)
        ts = tuple([_with_zeros(t, x) for t, x in zip(ts, xs)])
        if callable(rule):
            found = rule(ts, out, *args, **self.kwargs)
            if out is not None:
                refuse_nothing(owner.name, "jvp", found, "", "return zeros")
            return self.fitted(found, out, "jvp", "tangent", "for the result", True)
        total: Any = None
        for k, t in zip(self.positions, ts):
            if k not in moved:
                continue
            if k >= len(rule):
                raise self.no_rule(f"{owner.called(k)} has no jvp; {len(rule)} were given")
            if rule[k] is None:
                continue
            part = rule[k](t, out, *args, **self.kwargs)
            refuse_nothing(owner.name, "jvp", part, f" of {owner.called(k)}", "give None in place of it")
            part = self.fitted(part, out, "jvp", "tangent", f"for the result along {owner.called(k)}", True)
            part = filled(part, out)
            total = part if total is None else tree_map(lambda a, b: None if a is None else a + b, total, part)
        return tree_map(lambda _: None, out) if total is None else total

    def fitted(self, found: Any, like: Any, rule: str, what: str, where: str, is_real: bool) -> Any:
        """A tangent or cotangent as a rule returned it, once it is known to fit."""
        return fitted(self.owner.name, found, like, rule, what, where, is_real=is_real)

    def series(self, order: int, curves: list[Any], out: Any) -> list[Any]:
        """The coefficients of the results, by the user's Taylor rule."""
        assert self.owner.taylor is not None
        args = self.all([[x, *[_with_zeros(c[k], x) for c in curves[1:]]] for k, x in enumerate(curves[0])])
        found = self.owner.taylor(order, out, *args, **self.kwargs)
        if not isinstance(found, (list, tuple)) or len(found) != order + 1:
            raise ValueError(
                located(
                    f"{self.owner.name}: the Taylor rule must return a list of {order + 1} coefficients, "
                    f"of orders 0 to {order}"
                )
            )
        return [self.fitted(c, out, "Taylor rule", "coefficient", f"for the result, order {k},", True)
                for k, c in enumerate(found)]  # fmt: skip


@overload
def custom_primitive(
    fun: Callable[P, R],
    *,
    vjp: Rule | Sequence[Rule | None] | None = None,
    jvp: Rule | Sequence[Rule | None] | None = None,
    taylor: Rule | None = None,
    static: int | str | Sequence[int | str] = (),
    check: bool = False,
) -> CustomPrimitive[P, R]: ...
@overload
def custom_primitive(
    fun: None = None,
    *,
    vjp: Rule | Sequence[Rule | None] | None = None,
    jvp: Rule | Sequence[Rule | None] | None = None,
    taylor: Rule | None = None,
    static: int | str | Sequence[int | str] = (),
    check: bool = False,
) -> Callable[[Callable[P, R]], CustomPrimitive[P, R]]: ...
def custom_primitive(
    fun: Rule | None = None,
    *,
    vjp: Rule | Sequence[Rule | None] | None = None,
    jvp: Rule | Sequence[Rule | None] | None = None,
    taylor: Rule | None = None,
    static: int | str | Sequence[int | str] = (),
    check: bool = False,
) -> Any:
    """A decorator that makes a function one operation, with a derivative of your own.

    Args:
        fun: the function. It is run on plain arrays and may do anything: call C code, write in place, iterate. Its
            arguments and its result may be pytrees. Traced values must come as arguments, not through a closure.
        vjp: `rule(g, ans, *args)`, where `ans` is the result and `g` its cotangent, of the same structure and shapes.
            It returns the cotangents of all arguments that are not static: a tuple, in which `None` is zero, or the
            cotangent itself if there is just one. Or a sequence of rules, one per argument, each of which returns one.
        jvp: `rule(tangents, ans, *args)`, with a tuple of the tangents of all arguments that are not static (zeros
            for a constant), returns the tangent of the result. Or a sequence of rules, `rule(tangent, ans, *args)`,
            one per argument, whose results are added up. In a sequence `None` in place of a rule is zero.
        taylor: `rule(order, ans, *args)`, where each argument that is not static is the list of its normalised
            coefficients u[k] = f^(k) / k! of orders 0 to `order`, returns the list of those of the result.
        static: arguments, by position or name, that are not differentiated: the rules get them as they are, and return
            nothing for them (an axis, a flag, a text).
        check: compare the rules with finite differences at the first call that is differentiated, see `check`.

    Returns:
        An object that is called like `fun`. Its methods `defvjp`, `defjvp` and `deftaylor` declare rules later on, as
        decorators, and `check(*args)` compares the rules with finite differences and each other.

    Raises:
        NotImplementedError: when a derivative is asked for, and there is neither a vjp nor a jvp.
        ValueError: if a rule returns something of a wrong shape, structure or number; the message names the argument.
            If there are more rules than arguments.
        TypeError: if a rule returns `None`, integers, or complex numbers for something real; when it is declared, if
            its arguments do not fit. If a static argument is traced, or if `fun` closes over a traced value.

    A rule may use everything that is differentiable. To have derivatives of higher order it must do so; a rule that
    calls C code raises when it is differentiated itself. Rules get all arguments by position, defaults included; what
    can only be passed by keyword is static, and passed on by keyword. Written with `ans`, a rule has cheap derivatives
    of high order; one that calls the operation itself costs twice as much with every order, unless there is a Taylor
    rule.

    >>> from minigrad import grad, hessian
    >>> @custom_primitive(static="n")
    ... def power(x, n=2):
    ...     return x**n
    >>> @power.defjvp
    ... def _(tangents, ans, x, n):
    ...     return tangents[0] * n * power(x, n - 1)
    >>> float(grad(power)(3.0)), float(grad(grad(power))(3.0, n=3))
    (6.0, 18.0)
    >>> power.check(3.0, 4)
    """
    if fun is not None:
        check_function("custom_primitive", fun, makes=True)
    if fun is None:
        return lambda fun: CustomPrimitive(fun, vjp, jvp, taylor, static, check)
    return CustomPrimitive(fun, vjp, jvp, taylor, static, check)


# ----- elementwise ----------------------------------------------------------------------------------------------------


def custom_elementwise(
    fun: Rule,
    *derivative: Rule | None,
    derivatives: Iterable[Rule] | None = None,
    name: str | None = None,
) -> Rule:
    """A function of your own that works entry by entry, with broadcasting, and has derivatives in every mode.

    Args:
        fun: a function of one or more arrays, such as a ufunc. It is run on plain arrays.
        *derivative: for each argument, `formula(ans, *args)` returns the partial derivative at every entry, and is made
            of differentiable operations; `None` if it is zero everywhere. This formula serves all modes.
        derivatives: for a function of one argument instead: the functions of its first, second, ... derivatives, each
            run on plain arrays as well. It has derivatives up to that order, and no further.
        name: its name on the tape and in messages; by default the name of `fun`.

    Returns:
        The function as one operation. Nested `elementwise_grad` collapses to one Taylor pass. Its
        attribute `check(*args)` compares the derivatives with finite differences, as that of `custom_primitive`.

    Raises:
        NotImplementedError: when a derivative is asked for of a higher order than was given.
        ValueError: if neither or both of `derivative` and `derivatives` are given.

    The Taylor series comes from the formula, order by order, or from the list of derivatives by composing polynomials:
    f(u) = sum of f^(k)(u_0) / k! (u - u_0)^k.

    >>> from minigrad import derivatives, grad
    >>> softsign = custom_elementwise(lambda x: x / (1 + abs(x)), lambda ans, x: (1 - abs(ans)) ** 2, name="softsign")
    >>> float(grad(softsign)(1.0)), float(grad(grad(softsign))(1.0))
    (0.25, -0.25)
    >>> from math import e
    >>> cube = custom_elementwise(lambda x: x**3, derivatives=[lambda x: 3 * x**2, lambda x: 6 * x], name="cube")
    >>> derivatives(cube, 2.0, 2)
    array([ 8., 12., 12.])
    """
    name = str(name or getattr(fun, "__name__", type(fun).__name__))
    if (derivatives is None) == (not derivative):
        raise ValueError(
            located(f"{name}: give one derivative per argument, or derivatives=[f1, f2, ...] for a function of one")
        )
    if derivatives is not None:
        functions = [fun, *derivatives]
        chain: list[Rule] = [fun] * len(functions)
        for k in reversed(range(len(functions))):
            chain[k] = _member(chain, k, functions[k], name)
        return _of_module(chain[0], name)

    signature = signature_of(fun)
    check_places(name, "derivative", derivative, range(len(derivative)), positional_names(signature))

    def rule(k: int, formula: Rule | None) -> Rule:
        if formula is None:
            return lambda g, _ans, *_args: g * 0.0
        check_rule(name, "derivative", formula, "lambda ans, *args: ...", 1, signature)

        def times(g: Any, ans: Any, *args: Any) -> Any:
            slope = formula(ans, *args)
            refuse_nothing(name, "derivative", slope, f" of argument {k}", "give None in place of it")
            shape, wanted = shape_of(slope), shape_of(ans)
            if len(shape) > len(wanted) or any(n not in (1, m) for n, m in zip(shape[::-1], wanted[::-1])):
                raise ValueError(
                    located(f"{name}: the derivative of argument {k} has the shape {shape}, the result {wanted}")
                )
            if all_real(ans) and not all_real(slope):
                raise TypeError(
                    located(f"{name}: the derivative of argument {k} is complex, and the result is real; take np.real")
                )
            return g * slope

        return times

    return _of_module(_elementwise(fun, [rule(k, formula) for k, formula in enumerate(derivative)], name), name)


def _of_module(operation: Any, name: str) -> Any:
    """The operation with the name by which it is pickled: that of the module which calls `custom_elementwise`."""
    operation.__module__, operation.__qualname__ = sys._getframe(2).f_globals.get("__name__", "__main__"), name
    return operation


def _elementwise(value: Rule, rules: list[Rule], name: str, taylor: Rule | None = None) -> Operation:
    """An elementwise operation whose result is known to have the shape of its arguments."""

    def entry_by_entry(*args: Any) -> Any:
        duck = innermost_duck(args)
        if duck is not None:
            return duck.perform(operation, args, {})
        ans = value(*args)
        shapes = [getattr(arg, "shape", ()) for arg in args]
        wanted = shapes[0] if len(shapes) == 1 else np.broadcast_shapes(*shapes)
        shape = getattr(ans, "shape", ())
        if shape == wanted:
            return ans if hasattr(ans, "dtype") or not any(hasattr(arg, "dtype") for arg in args) else np.float64(ans)
        if shape == ():  # a derivative that is constant
            return np.full(wanted, ans)
        raise ValueError(
            located(
                f"{name}: an elementwise function must return an array of the shape of its arguments, {wanted}; it "
                f"returned one of shape {shape}. Use custom_primitive for other functions"
            )
        )

    def check(*args: Any) -> None:
        vjps = [lambda g, ans, *xs, r=r, k=k: unbroadcast(r(g, ans, *xs), np.shape(xs[k])) for k, r in enumerate(rules)]
        CustomPrimitive(entry_by_entry, vjps, None, None, (), False).check(*args)

    entry_by_entry.__name__ = name
    if not isinstance(value, np.ufunc):
        entry_by_entry.__wrapped__ = value  # type: ignore[attr-defined]
    operation: Any = elementwise(name, entry_by_entry, *rules, taylor=taylor)
    operation.check = check
    return operation


def _member(chain: list[Rule], order: int, value: Rule, name: str) -> Rule:
    """One function of a chain in which each is the derivative of the one before."""

    def at(k: int) -> Rule:
        if order + k >= len(chain):
            raise NotImplementedError(located(f"{name}: its derivative of order {order + k} was not given"))
        return chain[order + k]

    def composed(s: Any, top: int, ans: Any, u: Any) -> list[Any]:
        v: list[Any] = [at(top)(u[0]) / math.factorial(top)]
        for k in range(top - 1, -1, -1):  # Horner's scheme, in series
            v = s.product(v, [0.0, *u[1:]], top)
            v[0] = v[0] + at(k)(u[0]) / math.factorial(k)
        return [ans, *v[1:]]

    called = name if not order else f"{name}, derivative {order}"
    return _elementwise(value, [lambda g, _ans, x: g * at(1)(x)], called, composed)
