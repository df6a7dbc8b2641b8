"""The tester of rules: one assertion for everything that a rule promises, at a point.

A rule is right if the derivatives are those that differences of the function show, in reverse mode, in forward mode and
in all their combinations up to an order; if no dtype is lost; and if Taylor mode and the batched mode, which may have
rules of their own, give the same numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.checking.claim import largest_finite, random_like
from minigrad.checking.problem import quiet, scale_of
from minigrad.checking.records import Report
from minigrad.checking.verdict import check
from minigrad.core.lines import located
from minigrad.core.primitive import Primitive
from minigrad.core.tape import peel
from minigrad.core.tree import flatten
from minigrad.errors import GradientMismatchError
from minigrad.modes.batching.transform import batched
from minigrad.modes.forward import jvp
from minigrad.modes.reverse import vjp
from minigrad.modes.taylor.derivatives import jet
from minigrad.operations.tree_operation import has_derivative

REAL, COMPLEX = "fdg", "FDG"
EXAMPLES = 3  #: in a batch
TAYLOR = 1e-9  #: what rounding may do to a Taylor coefficient, as a part of the largest one


def assert_rule(
    fun: Callable[..., Any] | Primitive, *args: Any, orders: int = 2, dtypes: str = "fdD", **params: Any
) -> tuple[Report, ...]:
    """Assert that the derivatives of a function are right at a point, in every mode: the test of a new rule.

    Args:
        fun: a function of arrays, numbers and pytrees of them, such as one that a rule was just written for; or a
            primitive.
        *args: where to test it. Floats and complex numbers are differentiated; everything else (an axis, an index) is a
            constant. Choose a point at which the function is smooth.
        orders: the highest order of the derivatives that are tested, in all combinations of reverse and forward mode.
        dtypes: characters of NumPy's dtypes to which the arguments are converted: "f" and "d" for float32 and float64,
            "F" and "D" for complex64 and complex128, for which real arguments become complex. A complex one is left out
            if the function refuses complex numbers by a TypeError.
        **params: keyword arguments of `fun`.

    Returns:
        The reports of `minigrad.check`, one for each dtype of double precision, mode and order.

    Raises:
        GradientMismatchError: an AssertionError whose message is the report, if a derivative is not what differences
            show.
        AssertionError: if the traced value differs from the plain one, if a derivative has another shape or dtype than
            its value, if float32 loses more than half of its digits, or if Taylor mode or the batched mode disagree.
        TypeError: if there is nothing to differentiate.

    Each combination of modes takes about 35 evaluations, and there are `2 * (2**orders - 1)` of them for each dtype of
    double precision.

    >>> import numpy as np
    >>> import minigrad.numpy as mnp
    >>> reports = assert_rule(mnp.tanh, np.array([0.3, -1.2]))
    >>> [str(report.verdict) for report in reports[:6]]
    ['OK', 'OK', 'OK', 'OK', 'OK', 'OK']

    Keyword arguments are handed on, integers are no arguments to differentiate:

    >>> _ = assert_rule(mnp.sum, np.ones((2, 3)), axis=1, dtypes="d")
    >>> _ = assert_rule(mnp.linspace, 0.5, 2.0, 4)
    """
    __tracebackhide__ = True
    call = fun.bind if isinstance(fun, Primitive) else fun
    name = fun.name if isinstance(fun, Primitive) else getattr(fun, "__name__", type(fun).__name__)
    unknown = [kind for kind in dtypes if kind not in REAL + COMPLEX]
    if unknown or not dtypes:
        raise ValueError(located(f"assert_rule: dtypes is made of the characters {REAL + COMPLEX}, not {dtypes!r}"))
    reports: list[Report] = []
    with quiet():
        for kind in dtypes:
            case = Case(call, args, params, kind, f"{name} at dtype {kind!r}")
            if case.is_refused():
                continue
            case.keeps_values_and_dtypes()
            if np.finfo(kind).eps > np.finfo(float).eps:
                case.agrees_with_double()
                continue
            reports += case.derivatives(orders)
            case.taylor_agrees(max(orders, 2) + 1)
            case.batches_agree()
    return tuple(reports)


class Case:
    """A function of its float arguments, as a list of its float results, at one dtype."""

    def __init__(self, call: Any, args: Sequence[Any], params: Any, kind: str, name: str) -> None:
        self.call, self.params, self.kind, self.name = call, params, kind, name
        self.all_leaves, self.treedef = flatten(tuple(args))
        self.places = [k for k, leaf in enumerate(self.all_leaves) if has_derivative(leaf)]
        if not self.places:
            raise TypeError(located("assert_rule: there is no float among the arguments, and nothing to differentiate"))
        self.xs = [converted(self.all_leaves[k], kind) for k in self.places]
        self.rng = np.random.default_rng(0)

    def fun(self, *xs: Any) -> list[Any]:
        """The float results."""
        new = list(self.all_leaves)
        for k, x in zip(self.places, xs):
            new[k] = x
        outs = flatten(self.call(*self.treedef.unflatten(new), **self.params))[0]
        return [out for out in outs if has_derivative(peel(out))]

    def is_refused(self) -> bool:
        """Whether the function does not take complex numbers, and these are some that it was not given."""
        if self.kind in REAL:
            return False
        try:
            self.fun(*self.xs)
        except TypeError:
            return True
        return False

    def fail(self, what: str, *facts: Any) -> None:
        """Raise, with what was found."""
        __tracebackhide__ = True
        raise AssertionError(located(f"{self.name}: {what}{''.join(f'{chr(10)}{fact}' for fact in facts)}"))

    # ----- the properties ---------------------------------------------------------------------------------------------

    def keeps_values_and_dtypes(self) -> None:
        """Tracing changes no value; a tangent has the dtype of its result, a cotangent that of its argument."""
        plain, values, cts, tangents = self.first_derivatives(self.xs)
        for k, (a, b) in enumerate(zip(plain, values)):
            if like(a) != like(b) or not np.allclose(a, b, rtol=4 * eps_of(a), atol=0, equal_nan=True):
                self.fail(f"result {k} is another one when it is traced", f"plain:  {a!r}", f"traced: {b!r}")
        for what, found, owners in (("cotangent of argument", cts, self.xs), ("tangent of result", tangents, plain)):
            for k, (part, owner) in enumerate(zip(found, owners)):
                if like(part) != like(owner):
                    self.fail(
                        f"the {what} {k} has shape {np.shape(part)} and dtype {np.asarray(part).dtype}, instead of "
                        f"shape {np.shape(owner)} and dtype {np.asarray(owner).dtype}"
                    )

    def first_derivatives(self, xs: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        """The plain values, the traced ones, the cotangents for ones, and the tangents along ones."""
        plain = self.fun(*xs)
        values, pullback = vjp(self.fun, *xs)
        tangents = jvp(self.fun, tuple(xs), tuple([np.ones_like(x)[()] for x in xs]))[1]
        return plain, values, list(pullback([np.ones_like(y)[()] for y in plain])), tangents

    def agrees_with_double(self) -> None:
        """Derivatives at single precision keep half of its digits."""
        wide = "d" if self.kind in REAL else "D"
        _, _, *narrow = self.first_derivatives(self.xs)
        _, _, *exact = self.first_derivatives([converted(x, wide) for x in self.xs])
        for what, found, known in zip(("cotangent of argument", "tangent of result"), narrow, exact):
            for k, (a, b) in enumerate(zip(found, known)):
                if not close(a, b, float(np.sqrt(np.finfo(self.kind).eps))):
                    self.fail(
                        f"the {what} {k} has lost its digits",
                        f"found:             {a!r}",
                        f"at double precision: {b!r}",
                    )

    def derivatives(self, orders: int) -> Iterator[Report]:
        """Reverse and forward mode against differences, in all combinations up to the order."""
        __tracebackhide__ = True
        vs = tuple([(random_like(x, self.rng) * scale_of(x))[()] for x in self.xs])
        gs = [random_like(y, self.rng)[()] for y in self.fun(*self.xs)]

        def forward(fun: Any) -> Any:
            return lambda *xs: jvp(fun, xs, vs)[1]

        def reverse(fun: Any, g: Any) -> Any:
            return lambda *xs: list(vjp(fun, *xs)[1](g))

        for order in range(1, orders + 1):
            for before in itertools.product(("forward", "reverse"), repeat=order - 1):
                fun, g = self.fun, gs
                for mode in before:
                    fun = forward(fun) if mode == "forward" else reverse(fun, g)
                    g = g if mode == "forward" else list(vs)
                for mode in ("forward", "reverse"):
                    report = checked(fun, self.xs, mode)
                    if report.verdict != "OK":
                        path = " over ".join([mode, *reversed(before)])
                        raise GradientMismatchError(report, f"{self.name}: {path} mode, order {order}")
                    yield report

    def taylor_agrees(self, order: int) -> None:
        """Taylor mode gives the derivatives along a line that nested forward mode gives."""
        vs = [(random_like(x, self.rng) * scale_of(x))[()] for x in self.xs]
        series = [[v, *[np.zeros_like(v)[()]] * (order - 1)] for v in vs]
        found = jet(self.fun, tuple(self.xs), series)[1]
        fun: Any = self.fun
        size = max([largest_finite(y) for y in self.fun(*self.xs)], default=0.0)
        for k in range(1, order + 1):
            fun = lambda *xs, fun=fun: jvp(fun, xs, tuple(vs))[1]
            for i, (ours, nested) in enumerate(zip(found, fun(*self.xs))):
                size = max(size, largest_finite(nested))
                with np.errstate(invalid="ignore"):
                    agree = (ours[k - 1] == nested) | (np.abs(ours[k - 1] - nested) <= TAYLOR * size)
                if not np.all(agree):
                    self.fail(
                        f"the Taylor rule and nested forward mode disagree from order {k} on, in result {i}",
                        f"Taylor: {ours[k - 1]!r}",
                        f"nested: {nested!r}",
                    )

    def batches_agree(self) -> None:
        """A batch gives what its examples give, values and cotangents; also where only one argument differs."""
        gs = [np.ones_like(y)[()] for y in self.fun(*self.xs)]

        def both(*xs: Any) -> Any:
            values, pullback = vjp(self.fun, *xs)
            return [values, list(pullback(gs))]

        count = len(self.xs)
        choices = [range(count)] + ([[k] for k in range(count)] if count > 1 else [])
        for moving in choices:
            rows = [np.stack([x * (1 + k / 64) for k in range(EXAMPLES)]) for x in self.xs]
            rows = [row if k in moving else x for k, (row, x) in enumerate(zip(rows, self.xs))]
            at_once = flatten(batched(both, tuple([0 if k in moving else None for k in range(count)]))(*rows))[0]
            for example in range(EXAMPLES):
                alone = both(*[row[example] if k in moving else row for k, row in enumerate(rows)])
                for i, (a, b) in enumerate(zip(at_once, flatten(alone)[0])):
                    if not close(a[example], b, 1e-12):
                        what = f"result {i}" if i < len(gs) else f"the cotangent of argument {i - len(gs)}"
                        self.fail(
                            f"{what} is another one in a batch (arguments {list(moving)} differ between examples)",
                            f"batched: {a[example]!r}",
                            f"alone:   {b!r}",
                        )


def checked(fun: Callable[..., Any], xs: Sequence[Any], mode: str) -> Report:
    """One mode of a function against differences of it."""

    def pushed(*args: Any) -> Any:
        return jvp(fun, args[:-1], args[-1])[1]

    def pulled(*args: Any) -> Any:
        return vjp(fun, *args[:-1])[1](args[-1])

    by_mode, kind = (pushed, "jvp") if mode == "forward" else (pulled, "vjp")
    return check(fun, by_mode, *xs, kind=kind, argnum=tuple(range(len(xs))))


def converted(leaf: Any, kind: str) -> Any:
    """A leaf at a dtype; complex ones stay complex, real ones become complex by a turn of 14 degrees."""
    plain = np.asarray(peel(leaf))
    if plain.dtype.kind == "c":
        kind = kind.upper()
    elif kind in COMPLEX:
        plain = plain * (1 + 0.25j)
    return plain.astype(kind)[()]


def like(x: Any) -> tuple[tuple[int, ...], Any]:
    """The shape and the dtype."""
    return np.shape(x), np.asarray(x).dtype


def eps_of(x: Any) -> float:
    """The precision of an array."""
    return float(np.finfo(np.asarray(x).dtype).eps)


def close(a: Any, b: Any, part: float) -> bool:
    """Whether two arrays are the same up to a part of the largest entry."""
    with np.errstate(invalid="ignore"):
        near = np.shape(a) == np.shape(b) and (np.abs(a - b) <= part * largest_finite(b)) | (a == b)
    return bool(np.all(near))
