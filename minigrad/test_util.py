"""Checks of derivatives by finite differences, with the names and signatures of `autograd.test_util`.

>>> import numpy as np
>>> check_grads(lambda x: np.sin(x) * x)(np.array([0.3, 0.8]))

A check returns `None` or raises an AssertionError that names the mode, the order and the numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.transforms import jvp, vjp
from minigrad.tree import flatten, tree_map

RTOL = ATOL = 1e-6


def _moved(x: Any, v: Any, t: float) -> Any:
    return tree_map(lambda a, b: a + t * b, x, v)


def _difference(fun: Callable[..., Any], x: Any, v: Any) -> Any:
    """The directional derivative: central differences at two steps, extrapolated (Richardson)."""

    def central(h: float) -> Any:
        return tree_map(lambda a, b: (a - b) / (2 * h), fun(*_moved(x, v, h)), fun(*_moved(x, v, -h)))

    return tree_map(lambda fine, coarse: (4 * fine - coarse) / 3, central(5e-4), central(1e-3))


def _random_like(x: Any, seed: int) -> Any:
    """Random numbers in the structure of x, complex where x is."""
    rng = np.random.default_rng(seed)

    def draw(leaf: Any) -> Any:
        plain = np.asarray(leaf)
        noise = rng.standard_normal(plain.shape)
        return noise + 1j * rng.standard_normal(plain.shape) if plain.dtype.kind == "c" else noise

    return tree_map(draw, x)


def _pairing(a: Any, b: Any) -> float:
    return float(sum(np.sum(np.real(np.asarray(p) * q)) for p, q in zip(flatten(a)[0], flatten(b)[0])))


def check_equivalent(x: Any, y: Any, what: str = "the values") -> None:
    """Raise unless two pytrees hold the same numbers: 1e-6, relative to the size and absolute."""
    for a, b in zip(flatten(x)[0], flatten(y)[0], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            raise AssertionError(f"{what} have different shapes: {a.shape} and {b.shape}")
        if not np.allclose(a, b, rtol=RTOL, atol=ATOL * max(1.0, float(np.max(np.abs(b), initial=0.0)))):
            raise AssertionError(f"{what} differ:\n{a}\n{b}\nlargest difference {np.max(np.abs(a - b)):.3g}")


def check_jvp(fun: Callable[..., Any], x: tuple[Any, ...], order: int = 1) -> None:
    """Raise unless the forward mode of `fun(*x)` agrees with finite differences."""
    v = _random_like(x, 1)
    check_equivalent(
        jvp(fun, tuple(x), tuple(v))[1], _difference(fun, x, v), f"forward mode at order {order} and finite differences"
    )


def check_vjp(fun: Callable[..., Any], x: tuple[Any, ...], order: int = 1) -> None:
    """Raise unless the reverse mode of `fun(*x)` agrees with finite differences."""
    v = _random_like(x, 2)
    value, pullback = vjp(fun, *x)
    g = _random_like(value, 3)
    check_equivalent(
        _pairing(pullback(g), v),
        _pairing(g, _difference(fun, x, v)),
        f"reverse mode at order {order} and finite differences (in a random direction)",
    )


def check_grads(
    fun: Callable[..., Any], order: int | Sequence[Any] = 2, modes: Sequence[str] = ("fwd", "rev")
) -> Callable[..., None]:
    """A check of the derivatives of `fun` up to `order`, in the modes "fwd" and "rev" and all their combinations.

    Returns: a function of the arguments of `fun` (float or complex arrays, or pytrees of them; keyword arguments are
             constants), which raises an AssertionError if a derivative is wrong.
    Raises:  ValueError for an unknown mode.
    """
    if isinstance(order, (list, tuple)):  # older programs call check_grads(fun, args)
        return check_grads(fun)(*order)  # type: ignore[return-value]
    if set(modes) - {"fwd", "rev"}:
        raise ValueError(f'check_grads: modes are "fwd" and "rev", not {modes}')

    highest: int = order  # type: ignore[assignment]

    def check(*args: Any, **kwargs: Any) -> None:
        _check(lambda *xs: fun(*xs, **kwargs), args, highest, modes, 1)

    return check


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
    """A check over all combinations: each argument is a list of values to try.

    Args: argnums: the positions to differentiate.  options: `order` and `modes`, as for `check_grads`.

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
