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
from minigrad.core.lines import located
from minigrad.core.tree import flatten, tree_map
from minigrad.errors import GradientMismatchError
from minigrad.modes.forward import jvp
from minigrad.modes.recording import insert, select
from minigrad.modes.reverse import vjp

RTOL = TOL = 1e-6
EPS = 1e-6  #: the step of differences


def scalar_close(a: Any, b: Any) -> bool:
    """Whether two numbers are equal to 1e-6, absolute or relative to their sum."""
    return bool(abs(a - b) < TOL or abs(a - b) / abs(a + b) < RTOL)


def make_numerical_jvp(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The tangent of a function of one argument at x by a central difference, as a function of that of x.

    >>> round(float(make_numerical_jvp(np.sin, 0.0)(2.0)), 6)
    2.0
    """

    def at(v: Any, part: float) -> Any:
        return f(tree_map(lambda leaf, t: leaf + part * EPS * t, x, v))

    return lambda v: tree_map(lambda ahead, behind: (ahead - behind) / EPS, at(v, 0.5), at(v, -0.5))


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
        if not np.allclose(a, b, rtol=RTOL, atol=TOL * max(1.0, float(np.max(np.abs(b), initial=0.0)))):
            raise AssertionError(f"{what} differ:\n{a}\n{b}\nlargest difference {np.max(np.abs(a - b)):.3g}")


def check_jvp(fun: Callable[..., Any], x: tuple[Any, ...], order: int = 1, is_last: bool = True) -> None:
    """Raise unless the forward mode of `fun(*x)` agrees with finite differences."""

    def pushed(*args: Any) -> Any:
        return jvp(fun, args[:-1], args[-1])[1]

    report = check(fun, pushed, *x, kind="jvp", argnum=tuple(range(len(x))))
    _require(report, "forward mode (JVP)", order, is_last, fun, x)


def check_vjp(fun: Callable[..., Any], x: tuple[Any, ...], order: int = 1, is_last: bool = True) -> None:
    """Raise unless the reverse mode of `fun(*x)` agrees with finite differences."""

    def pulled(*args: Any) -> Any:
        return vjp(fun, *args[:-1])[1](args[-1])

    report = check(fun, pulled, *x, kind="vjp", argnum=tuple(range(len(x))))
    _require(report, "reverse mode (VJP)", order, is_last, fun, x)


def get_name(fun: Any) -> str:
    """The name of a function, or of its type where it has none."""
    return str(getattr(fun, "__name__", type(fun).__name__))


def _require(report: Any, mode: str, order: int, is_last: bool, fun: Callable[..., Any], x: tuple[Any, ...]) -> None:
    is_open = report.verdict == "INCONCLUSIVE" or (report.verdict == "NOT DIFFERENTIABLE HERE" and is_last)
    if report.verdict == "OK" or (is_open and _as_by_central_differences(fun, x)):
        return
    title = f"{mode} check of {get_name(fun)} failed at order {order} against finite differences: {report.verdict}"
    raise GradientMismatchError(report, title)


def _as_by_central_differences(fun: Callable[..., Any], x: tuple[Any, ...]) -> bool:
    """Whether both modes have the slope of the central difference along a random direction, to 1e-6.

    This is the test of autograd. It decides where `check` leaves the matter open: at a kink it holds the derivative
    that was chosen to the mean of both sides (0 for `abs`), and it does not mind a jump that is further away.
    """
    v, step = _random_like(x, 6), EPS
    ahead, behind = (fun(*tree_map(lambda a, t, h=h: a + h * t, x, v)) for h in (step / 2, -step / 2))
    out, pushed = jvp(fun, x, v)
    g = _random_like(out, 7)

    def dot(a: Any, b: Any) -> float:
        """The real scalar product, in the convention of cotangents: not conjugated."""
        pairs = zip(flatten(a)[0], flatten(b)[0], strict=True)
        return float(sum(np.sum(np.real(np.asarray(p) * q)) for p, q in pairs))

    numeric = (dot(g, ahead) - dot(g, behind)) / step
    found = dot(g, pushed), dot(vjp(fun, *x)[1](g), v)
    return all(abs(slope - numeric) <= TOL + RTOL * abs(slope) for slope in found)


def check_grads(
    fun: Callable[..., Any], argnum: int | Sequence[int] = 0, modes: Sequence[str] | None = None, order: int = 2
) -> Callable[..., None]:
    """A check of the derivatives of `fun` up to `order`, in the modes "fwd" and "rev" and all their combinations.

    Args:
        fun: returns arrays or pytrees of them.
        argnum: the position of the argument to check, or a sequence of positions; the others are constants.
        modes: the modes to check, by default both.
        order: the highest order to check.

    Returns:
        A function of the arguments of `fun`: float or complex arrays, or pytrees of them; keyword arguments are
        constants. It raises an AssertionError, whose message is the report of `minigrad.check`, if a derivative is
        wrong. Where the check leaves the matter open, the derivative has to be that of a central difference with the
        step 1e-6, as in autograd; so has one of the highest order at a kink. It evaluates `fun` about 35 times for each
        mode and order.

    Raises:
        TypeError: if `argnum` is neither a position nor a sequence of positions.
        ValueError: if a mode is unknown.

    Derivatives of the second order are those of the pullback in its cotangent, too, and of the pushforward in its
    tangent: a rule that is right but whose own derivative is not is found.

    >>> import numpy as np
    >>> check_grads(np.tanh, modes=["rev"], order=1)(np.array([0.5, 1e-7, 20.0]))
    >>> check_grads(lambda x, n: x**n)(2.0, 3)
    >>> check_grads(lambda x, y: x * np.sin(y), (0, 1), order=1)(2.0, 3.0)
    """
    positions = [argnum] if isinstance(argnum, (int, np.integer)) else argnum
    if not isinstance(positions, (list, tuple, range)) or not all(isinstance(k, (int, np.integer)) for k in positions):
        raise TypeError(
            located(
                f"check_grads: argnum is {argnum!r}, which is no position of an argument, nor a sequence of "
                f'them; write check_grads(f, argnum=0, modes=["fwd", "rev"], order=2)(x)'
            )
        )
    chosen_modes = ("fwd", "rev") if modes is None else tuple(modes)
    if set(chosen_modes) - {"fwd", "rev"}:
        raise ValueError(located(f'check_grads: modes are "fwd" and "rev", not {modes}'))

    def checked(*args: Any, **kwargs: Any) -> None:
        def of_chosen(*xs: Any) -> Any:
            return fun(*insert(args, positions, xs), **kwargs)

        of_chosen.__name__ = get_name(fun)
        _check(of_chosen, select("check_grads", args, positions), order, chosen_modes, 1)

    return checked


def _check(fun: Callable[..., Any], x: tuple[Any, ...], order: int, modes: Sequence[str], level: int) -> None:
    def pushed(*args: Any) -> Any:
        return jvp(fun, args[:-1], args[-1])[1]

    def pulled(*args: Any) -> Any:
        return vjp(fun, *args[:-1])[1](args[-1])

    pushed.__name__, pulled.__name__ = f"jvp_{get_name(fun)}", f"vjp_{get_name(fun)}"
    if "fwd" in modes:
        check_jvp(fun, x, level, order == 1)
        if order > 1:
            _check(pushed, (*x, _random_like(x, 4)), order - 1, modes, level + 1)
    if "rev" in modes:
        check_vjp(fun, x, level, order == 1)
        if order > 1:
            _check(pulled, (*x, _random_like(fun(*x), 5)), order - 1, modes, level + 1)


def combo_check(fun: Callable[..., Any], *argnums: Any, **options: Any) -> Callable[..., None]:
    """A check of derivatives for all combinations of values: each argument is a list of values to try.

    Args:
        fun: as for `check_grads`.
        *argnums: the positions to differentiate, by default the first.
        **options: `order` and `modes`, as for `check_grads`.

    Returns:
        A function that takes a list of values for each argument of `fun`, and raises as that of `check_grads`.

    >>> import numpy as np
    >>> combo_check(lambda x, y: x * np.sin(y), [0, 1])([1.0, np.ones(2)], [0.5])
    """
    positions = argnums[0] if argnums and not isinstance(argnums[0], int) else argnums or (0,)

    def check(*lists: Any, **keywords: Any) -> None:
        names = list(keywords)
        for combination in itertools.product(*lists, *keywords.values()):
            args = combination[: len(lists)]
            constants = dict(zip(names, combination[len(lists) :]))

            check_grads(fun, argnum=positions, **options)(*args, **constants)

    return check
