"""Checks of the tape's own derivatives by finite differences, with the names and signatures of `autograd.test_util`.

>>> import numpy as np
>>> check_grads(lambda x: np.sin(x) * x)(np.array([0.3, 0.8]))

A check returns `None` or raises an AssertionError that names the mode, the order and the numbers. The tolerance comes
from the error model of `minigrad.checking`, so functions of any scale are held to what differences of them can tell.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.checking.verdict import check
from minigrad.core.tree import flatten, tree_map
from minigrad.errors import GradientMismatchError
from minigrad.modes.forward import jvp
from minigrad.modes.reverse import vjp

RTOL = ATOL = 1e-6


def _random_like(x: Any, seed: int) -> Any:
    """Random numbers in the structure of x, complex where x is."""
    rng = np.random.default_rng(seed)

    def draw(leaf: Any) -> Any:
        plain = np.asarray(leaf)
        noise = rng.standard_normal(plain.shape)
        return noise + 1j * rng.standard_normal(plain.shape) if plain.dtype.kind == "c" else noise

    return tree_map(draw, x)


def check_equivalent(x: Any, y: Any, what: str = "the values") -> None:
    """Raise unless two pytrees hold the same numbers: 1e-6, relative to the size and absolute."""
    leaves, treedef = flatten(x)
    for a, b in zip(leaves, treedef.leaves_of(y) or flatten(y)[0], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            raise AssertionError(f"{what} have different shapes: {a.shape} and {b.shape}")
        if not np.allclose(a, b, rtol=RTOL, atol=ATOL * max(1.0, float(np.max(np.abs(b), initial=0.0)))):
            raise AssertionError(f"{what} differ:\n{a}\n{b}\nlargest difference {np.max(np.abs(a - b)):.3g}")


def check_jvp(fun: Callable[..., Any], x: tuple[Any, ...], order: int = 1) -> None:
    """Raise unless the forward mode of `fun(*x)` agrees with finite differences."""

    def pushed(*args: Any) -> Any:
        return jvp(fun, args[:-1], args[-1])[1]

    _require(check(fun, pushed, *x, kind="jvp", argnum=tuple(range(len(x)))), "forward", order)


def check_vjp(fun: Callable[..., Any], x: tuple[Any, ...], order: int = 1) -> None:
    """Raise unless the reverse mode of `fun(*x)` agrees with finite differences."""

    def pulled(*args: Any) -> Any:
        return vjp(fun, *args[:-1])[1](args[-1])

    _require(check(fun, pulled, *x, kind="vjp", argnum=tuple(range(len(x)))), "reverse", order)


def _require(report: Any, mode: str, order: int) -> None:
    if report.verdict != "OK":
        raise GradientMismatchError(report, f"{mode} mode at order {order} and finite differences: {report.verdict}")


def check_grads(fun: Callable[..., Any], modes: Any = ("fwd", "rev"), order: Any = 2) -> Callable[..., None]:
    """A check of the derivatives of `fun` up to `order`, in the modes "fwd" and "rev" and all their combinations.

    Args:
        fun: returns arrays or pytrees of them.
        modes: the modes to check.
        order: the highest order to check.

    Returns:
        A function of the arguments of `fun`: float or complex arrays, or pytrees of them; keyword arguments are
        constants. It raises an AssertionError, whose message is the report of `minigrad.check`, if a derivative is
        wrong, if there is none because the point is at a kink, or if differences of `fun` cannot tell. It evaluates
        `fun` about 35 times for each mode and order.

    Raises:
        ValueError: if a mode is unknown.

    >>> import numpy as np
    >>> check_grads(np.tanh, modes=["rev"], order=1)(np.array([0.5, 1e-7, 20.0]))
    """
    if isinstance(modes, int):  # check_grads(fun, 1)
        modes, order = ("fwd", "rev") if order == 2 else order, modes
    if isinstance(modes, (list, tuple)) and not all(isinstance(mode, str) for mode in modes):
        return check_grads(fun)(*modes)  # type: ignore[return-value]  # older programs call check_grads(fun, args)
    if set(modes) - {"fwd", "rev"}:
        raise ValueError(f'check_grads: modes are "fwd" and "rev", not {modes}')

    def checked(*args: Any, **kwargs: Any) -> None:
        _check(lambda *xs: fun(*xs, **kwargs), args, order, modes, 1)

    return checked


def _check(fun: Callable[..., Any], x: tuple[Any, ...], order: int, modes: Sequence[str], level: int) -> None:
    if "fwd" in modes:
        check_jvp(fun, x, level)
        if order > 1:
            v = _random_like(x, 4)
            _check(lambda *xs: jvp(fun, xs, v)[1], x, order - 1, modes, level + 1)
    if "rev" in modes:
        check_vjp(fun, x, level)
        if order > 1:
            g = _random_like(fun(*x), 5)
            _check(lambda *xs: vjp(fun, *xs)[1](g), x, order - 1, modes, level + 1)


def combo_check(fun: Callable[..., Any], *argnums: Any, **options: Any) -> Callable[..., None]:
    """A check of derivatives for all combinations of values: each argument is a list of values to try.

    Args:
        fun: as for `check_grads`.
        *argnums: the positions to differentiate.
        **options: `order` and `modes`, as for `check_grads`.

    Returns:
        A function that takes a list of values for each argument of `fun`, and raises as that of `check_grads`.

    >>> import numpy as np
    >>> combo_check(lambda x, y: x * np.sin(y), [0, 1])([1.0, np.ones(2)], [0.5])
    """
    positions = argnums[0] if argnums and not isinstance(argnums[0], int) else argnums

    def check(*lists: Any, **keywords: Any) -> None:
        names = list(keywords)
        for combination in itertools.product(*lists, *keywords.values()):
            args = combination[: len(lists)]
            constants = dict(zip(names, combination[len(lists) :]))

            def traced(*xs: Any, args: Any = args, constants: Any = constants) -> Any:
                new = list(args)
                for k, x in zip(positions, xs):
                    new[k] = x
                return fun(*new, **constants)

            check_grads(traced, **options)(*[args[k] for k in positions])

    return check
