"""Numerical differentiation: finite differences, Richardson extrapolation and the complex step, over pytrees.

| function            | evaluations per entry     | error                             | good for                      |
|---------------------|---------------------------|-----------------------------------|-------------------------------|
| `finite_difference` | 2 (order 2), 4 (order 4)  | about eps^(2/3), eps^(4/5)        | a quick look                  |
| `richardson`        | 22, more where they differ| about 1e-13, and it is estimated  | reference values              |
| `complex_step`      | 1, with complex arguments | about eps: nothing is subtracted  | analytic code, no abs, no max |

All three are called as `grad` is: `finite_difference(f)(x)`. The result has the structure of `minigrad.jacobian`: for
a function that returns one number it is the gradient, in the structure of the argument. `kind="hessian"` gives second
derivatives in the structure of `minigrad.hessian`.

Where a derivative by differences is itself the goal, look at SciPy and numdifftools first: `scipy.differentiate`
(`derivative`, `jacobian`, `hessian`; SciPy 1.15) chooses its steps entry by entry until a tolerance is met and works on
many points at once, if the function is vectorised; `numdifftools` offers derivatives of any order, and complex and
multicomplex steps with extrapolation. What is here differs in three things: parameters may be pytrees, functions need
not be vectorised, and the entries beside a derivative are never assumed to be smooth at the same scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np

from minigrad.checking.problem import TINY, Problem, quiet, typical_size
from minigrad.core.lines import located
from minigrad.modes.checks import Argnum
from minigrad.modes.made import P, R, transformation
from minigrad.modes.recording import named

EPS = float(np.finfo(float).eps)
SAFETY = 6.0  #: a difference contradicts another one if they differ by this many times its rounding
TABLES = 6  #: tables of extrapolation, at most

#: Central formulas: sum of weight * (f(x + k h) - f(x - k h)) / h over k = 1, 2, ...
_CENTRAL = {2: (1 / 2,), 4: (2 / 3, -1 / 12), 6: (3 / 4, -3 / 20, 1 / 60)}

Entry = tuple[int, int, complex]  # which leaf, which of its entries, and in which direction of the complex plane


@overload
def finite_difference(
    fun: Callable[P, R], argnum: Argnum = 0, *, kind: str = "jacobian", order: int = 2, step: float | None = None
) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def finite_difference(
    fun: Callable[..., Any], argnum: Argnum = 0, *, kind: str = "jacobian", order: int = 2, step: float | None = None
) -> Callable[..., Any]: ...
@transformation
def finite_difference(
    fun: Callable[..., Any], argnum: Argnum = 0, *, kind: str = "jacobian", order: int = 2, step: float | None = None
) -> Callable[..., Any]:
    """The derivative by finite differences of a fixed step.

    Args:
        fun: a function of float or complex arrays, or of pytrees of them.
        argnum: the position of the argument to differentiate, or a sequence of positions.
        kind: "jacobian" (for a scalar function the gradient) or "hessian".
        order: the order of the error in the step: 1 for forward differences, 2, 4 or 6 for central ones; a Hessian has
            order 2.
        step: the step relative to the scale of an entry; by default eps^(1/(order + 1)), and eps^(1/4) for a Hessian.
            The scale is the size of the entry, or the typical size of its leaf. For an entry that is much smaller than
            others of its leaf it may be anything between the two: there it is searched for, by differences of several
            steps.

    Returns:
        A function with the arguments of `fun`, whose result has the structure of `minigrad.jacobian` or
        `minigrad.hessian`, at double precision. Of a complex argument the derivative is du/dx - i du/dy for a real
        function u of z = x + iy; a function with complex values must be holomorphic.

    Raises:
        ValueError: if the kind or the order is unknown, or the step is not positive or too small to change an entry.
        TypeError: if the argument cannot be differentiated.

    **Error.** Truncation and rounding, with |f| the size of the values: h |f''|/2 + 2 eps |f|/h (order 1),
    h^2 |f^(3)|/6 + eps |f|/h (2), h^4 |f^(5)|/30 + 3 eps |f|/(2h) (4), h^6 |f^(7)|/140 + 11 eps |f|/(6h) (6), and
    h^2 |f^(4)|/12 + 4 eps |f|/h^2 for a Hessian. It takes `order` evaluations per entry (one more in all for order 1),
    four for each pair of entries of a Hessian, and two for each power of ten between the size of an entry and the
    typical size of its leaf, if it is the smaller one.

    Source:
        B. Fornberg, "Generation of Finite Difference Formulas on Arbitrarily Spaced Grids", Mathematics of Computation
        51(184), 1988.

    >>> finite_difference(lambda p: p["a"] ** 2 * p["b"])({"a": 3.0, "b": 2.0})["a"].round(6)
    np.float64(12.0)
    """
    _check_kind("finite_difference", kind, step)
    if order not in (1, *_CENTRAL) or (kind == "hessian" and order != 2):
        raise ValueError(located(f"finite_difference: order is 1, 2, 4 or 6, and 2 for a hessian, not {order}"))

    def derivative(*args: Any, **kwargs: Any) -> Any:
        with quiet():
            point = Point("finite_difference", fun, args, kwargs, argnum)
            if kind == "hessian":
                relative = EPS**0.25 if step is None else step
                return point.second(lambda i, j: point.mixed(i, j, relative)[0])
            relative = EPS ** (1 / (order + 1)) if step is None else step
            return point.first(lambda i: point.finite_quotient(i, relative, order, shorten=step is None))

    return named(
        derivative, f"finite_difference_{kind}", fun, finite_difference, argnum, kind=kind, step=step, order=order
    )


@overload
def richardson(
    fun: Callable[P, R],
    argnum: Argnum = 0,
    *,
    kind: str = "jacobian",
    step: float = 0.1,
    levels: int = 8,
    with_error: bool = False,
) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def richardson(
    fun: Callable[..., Any],
    argnum: Argnum = 0,
    *,
    kind: str = "jacobian",
    step: float = 0.1,
    levels: int = 8,
    with_error: bool = False,
) -> Callable[..., Any]: ...
@transformation
def richardson(
    fun: Callable[..., Any],
    argnum: Argnum = 0,
    *,
    kind: str = "jacobian",
    step: float = 0.1,
    levels: int = 8,
    with_error: bool = False,
) -> Callable[..., Any]:
    """The derivative by central differences at steps that are halved, extrapolated to step 0.

    Args:
        fun: as for `finite_difference`.
        argnum: the position of the argument to differentiate, or a sequence of positions.
        kind: "jacobian" (for a scalar function the gradient) or "hessian".
        step: the longest step, relative to the scale of an entry (see `finite_difference`).
        levels: the number of steps in a table.
        with_error: whether to return a pair: the derivative, and an estimate of its error.

    Returns:
        A function with the arguments of `fun`; its result is that of `finite_difference`.

    Raises:
        ValueError: as `finite_difference`, and for fewer than two levels.
        TypeError: if the argument cannot be differentiated.

    **Error.** Column m of the table cancels the powers h^2 .. h^(2m) of the error, so with all levels it is of order
    step^(2 levels) where f is smooth on that scale, plus rounding of eps |f| / h. For each entry the value is taken at
    which neighbours in the table differ least; that difference, with what rounding does to it, is the estimate of the
    error. A table can be steady and wrong, if f oscillates or has a kink within its steps. So differences of three much
    shorter steps are taken too. By as much as they contradict the table, beyond their own rounding, the estimate is
    larger, and another table with shorter steps is made. It takes 2 levels + 6 evaluations per entry for one table, and
    twice as many for each pair of entries of a Hessian.

    Source:
        L. F. Richardson, "The Approximate Arithmetical Solution by Finite Differences", Phil. Trans. A 210, 1911;
        C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Advances in Engineering Software 4(2), 1982.

    >>> value, error = richardson(np.exp, with_error=True)(1.0)
    >>> bool(abs(value - np.e) < 1e-11), bool(error < 1e-10)
    (True, True)
    """
    _check_kind("richardson", kind, step)
    if levels < 2:
        raise ValueError(located(f"richardson: at least two levels are needed to extrapolate, not {levels}"))

    def derivative(*args: Any, **kwargs: Any) -> Any:
        with quiet():
            point = Point("richardson", fun, args, kwargs, argnum)
            errors: list[Any] = []

            def first(i: Entry) -> Any:
                value, error = tables(lambda h: point.quotient(i, h, 2), step, levels, 100.0)
                errors.append(error)
                return value

            def second(i: Entry, j: Entry) -> Any:
                value, error = tables(lambda h: point.mixed(i, j, h), step, levels, 10.0)
                errors.append(error)
                return value

            if kind == "hessian":
                value = point.second(second)
                known = iter(errors)
                return (value, point.second(lambda i, j: next(known))) if with_error else value
            value = point.first(first)
            known = iter(errors)
            return (value, point.first(lambda i: next(known), np.hypot)) if with_error else value

    return named(
        derivative,
        f"richardson_{kind}",
        fun,
        richardson,
        argnum,
        kind=kind,
        step=step,
        levels=levels,
        with_error=with_error,
    )


@overload
def complex_step(
    fun: Callable[P, R], argnum: Argnum = 0, *, kind: str = "jacobian", step: float = 1e-30
) -> Callable[P, Any]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def complex_step(
    fun: Callable[..., Any], argnum: Argnum = 0, *, kind: str = "jacobian", step: float = 1e-30
) -> Callable[..., Any]: ...
@transformation
def complex_step(
    fun: Callable[..., Any], argnum: Argnum = 0, *, kind: str = "jacobian", step: float = 1e-30
) -> Callable[..., Any]:
    """The derivative by a complex step, Im f(x + ih) / h, which is exact to rounding since nothing is subtracted.

    Args:
        fun: a function of real arguments, made of operations that are analytic and take complex numbers: no abs, max,
            real, conjugate or comparison.
        argnum: the position of the argument to differentiate, or a sequence of positions.
        kind: "jacobian" (for a scalar function the gradient) or "hessian".
        step: the step relative to the size of an entry, or of its leaf; by default so small that its square vanishes.

    Returns:
        A function with the arguments of `fun`; its result is that of `finite_difference`.

    Raises:
        TypeError: if an argument is complex, or `fun` is not analytic: it drops the imaginary part, or its derivative
            along the imaginary axis is none along the real one.

    **Error.** h^2 |f^(3)|/6, which vanishes, and the rounding of f itself. A Hessian is the central difference, of step
    k = eps^(1/3), of gradients by complex steps: k^2 |f^(4)|/6 + eps |f'|/k. It takes one evaluation per entry, and two
    for each pair of entries of a Hessian; and some 14, of a Hessian also one per entry, to see whether `fun` is
    analytic. Where differences say nothing with certainty (noise, steps that leave the domain) that is not known.

    Source:
        W. Squire and G. Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions", SIAM Review 40(1),
        1998; J. R. R. A. Martins, P. Sturdza and J. J. Alonso, "The Complex-Step Derivative Approximation", ACM
        Transactions on Mathematical Software 29(3), 2003.

    >>> complex_step(lambda x: np.sum(np.exp(x)))(np.array([0.0, 1.0])) - np.exp([0.0, 1.0])
    array([0., 0.])
    """
    _check_kind("complex_step", kind, step)

    def derivative(*args: Any, **kwargs: Any) -> Any:
        with quiet():
            point = Point("complex_step", fun, args, kwargs, argnum)
            if any(np.asarray(leaf).dtype.kind == "c" for leaf in point.problem.leaves):
                raise TypeError(located("complex_step: the argument is complex; use finite_difference or richardson"))

            def slope(i: Entry, *others: tuple[Entry, float]) -> Any:
                h = max(step * point.shortest(i), 1e-307)  # a normal number
                values = point.at((i, 1j * h), *others)
                if values.dtype.kind != "c":
                    raise TypeError(
                        located(
                            "complex_step: the function dropped the imaginary part of its argument (it returned real "
                            "numbers); use finite_difference or richardson"
                        )
                    )
                return values.imag / h

            columns = {entry[:2]: slope(entry) for k in range(len(point.sizes)) for entry in point.entries(k)}
            _check_analytic(point, columns)
            if kind == "jacobian":
                return point.first(lambda entry: columns[entry[:2]])

            def second(i: Entry, j: Entry) -> Any:
                k = power_of_two(EPS ** (1 / 3) * point.scale(j))
                return (slope(i, (j, k)) - slope(i, (j, -k))) / (2 * k)

            return point.second(second)

    return named(derivative, f"complex_step_{kind}", fun, complex_step, argnum, kind=kind, step=step)


def _check_analytic(point: Point, columns: dict[tuple[int, int], Any]) -> None:
    """Raise if differences along a random direction are certain of another derivative than the complex steps."""
    if not columns or not point.here.size:
        return
    rng = np.random.default_rng(0)
    way = {(k, i): float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.0) * point.shortest((k, i, 1.0))) for k, i in columns}

    def central(h: float) -> tuple[Any, Any]:
        plus, minus = [point.at(*[((*each, 1.0), t * amount) for each, amount in way.items()]) for t in (h, -h)]
        return (plus - minus) / (2 * h), point.rounding(plus, minus) / h

    try:
        value, error = tables(central, 0.1, 4, 100.0)
    except Exception:
        return
    found = sum([columns[each] * amount for each, amount in way.items()])
    size = sum([np.abs(columns[each] * amount) for each, amount in way.items()])
    with np.errstate(invalid="ignore"):
        wrong = np.abs(value - found) > 1e3 * error + 1e-4 * (size + np.abs(value))
    if np.any(wrong):
        k = int(np.argmax(wrong))
        raise TypeError(
            located(
                "complex_step: the function is not analytic: along one direction the complex steps give "
                f"{found[k]:.6g}, differences {value[k]:.6g} (error about {error[k]:.1g}). An absolute value, a "
                "comparison, np.real or a conjugate may have dropped a part of the imaginary one; use richardson"
            )
        )


def _check_kind(operation: str, kind: str, step: float | None) -> None:
    if step is not None and not 0 < step < np.inf:
        raise ValueError(
            located(f"{operation}: step={step}; it is a positive number, relative to the size of an entry")
        )
    if kind == "gradient":
        raise ValueError(located(f"{operation}: the gradient of a scalar function is its jacobian: leave kind out"))
    if kind not in ("jacobian", "hessian"):
        raise ValueError(located(f"{operation}: kind is 'jacobian' or 'hessian', not {kind!r}"))


def tables(at: Callable[[float], tuple[Any, Any]], step: float, levels: int, apart: float) -> tuple[Any, Any]:
    """The limit of differences, entry by entry, from the table whose estimated error is the least; and that estimate.

    Args:
        at: the difference at a step, and what rounding does to it.
        step: the longest step of the first table.
        levels: the number of steps of a table, each half of the one before.
        apart: the ratio of the steps that a table is held against.

    Returns:
        The values and the estimates of their errors, infinite where no difference is finite.
    """
    last = step / 2 ** (levels - 1)
    shorter = [last / apart**k for k in (1, 2, 3) if last / apart**k > 16 * EPS]  # shorter ones change no entry
    seen = {h: at(h) for h in shorter}
    best: Any = None
    least: Any = None
    for table in range(TABLES):
        steps = [step / 2 ** (levels * table + k) for k in range(levels)]
        if table and steps[-1] < last / apart**3:
            break
        seen.update({h: at(h) for h in steps})
        value, error = extrapolated(*zip(*[seen[h] for h in steps]))
        truncation = np.abs(seen[steps[-1]][0] - seen[steps[-2]][0]) / steps[-1] ** 2
        truncation = np.where(np.isfinite(truncation), truncation, 0.0)
        contradiction = np.zeros(np.shape(value))
        for h, (other, rounding) in seen.items():
            if h <= steps[-1]:
                gap = np.abs(value - other) - error - SAFETY * rounding - truncation * h * h
                contradiction = np.fmax(contradiction, gap)  # a NaN contradicts nothing
        total = np.where(np.isfinite(value), error + contradiction, np.inf)
        total = np.where(np.isnan(total), np.inf, total)
        if best is None:
            best, least = value, total
        else:
            best, least = np.where(total < least, value, best), np.minimum(total, least)
        if np.all(contradiction == 0) and np.all(np.isfinite(total)):
            break
    return best, least


def extrapolated(central: Sequence[Any], roundings: Sequence[Any]) -> tuple[Any, Any]:
    """The limit of central differences at halved steps, entry by entry, and an estimate of its error."""
    row = [np.asarray(value) for value in central]
    best, error = row[-1], np.abs(row[-1] - row[-2]) + 2 * roundings[-1]
    for order in range(1, len(row)):
        weight = 4.0**order
        following = [(weight * fine - coarse) / (weight - 1) for coarse, fine in pairwise(row)]
        for value, coarse, fine, noise in zip(following, row, row[1:], roundings[order:]):
            found = np.maximum(np.abs(value - coarse), np.abs(value - fine)) + 2 * noise
            better = (found < error) | np.isnan(error)
            best, error = np.where(better, value, best), np.where(better, found, error)
        row = following
    return best, error


def power_of_two(step: float) -> float:
    """A power of two close to the step, so that x + h loses as little of it as possible."""
    return float(2.0 ** np.round(np.log2(step)))


class Point:
    """A function at a point, whose values are read as one vector, and whose derivatives are put into a pytree."""

    def __init__(
        self, operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum
    ) -> None:
        self.operation = operation
        self.problem = Problem(fun, args, kwargs, argnum, operation)
        self.outs = self.problem.outputs(self.problem.leaves)
        self.outdef = self.problem.outdef
        self.here = flat(self.outs)
        self.typical = [typical_size(leaf) for leaf in self.problem.leaves]
        self.sizes = [np.abs(np.asarray(leaf)).ravel() for leaf in self.problem.leaves]
        self.scales: dict[tuple[Entry, int], float] = {}
        self.known_noise: Any = None

    def scale(self, entry: Entry, order: int = 2) -> float:
        """The distance that steps of an entry are relative to: its size or that of its leaf, or what lies between.

        Entries of a leaf may have unlike scales, which only the function knows: of two numbers 1e6 and 1e-3 the small
        one may be a number of its own, or a residue of the large one. So differences of several steps are compared.
        """
        k, i, _ = entry
        own, typical = float(self.sizes[k][i]), self.typical[k]
        if own >= typical / 8 or not np.any(self.sizes[k] > TINY):
            return max(own, typical)
        if (entry, order) not in self.scales:
            least = own if own > 1e-16 * typical else 1e-8 * typical
            self.scales[entry, order] = self.searched(entry, order, typical, least)
        return self.scales[entry, order]

    def shortest(self, entry: Entry) -> float:
        """The size of an entry; for a zero that of its leaf, if it is less than one."""
        k, i, _ = entry
        own = float(self.sizes[k][i])
        return own if own > TINY else min(self.typical[k], 1.0)

    def searched(self, entry: Entry, order: int, longest: float, least: float) -> float:
        """The scale, a tenth of the one before from the longest to the least, at which a difference errs least.

        A difference errs by its rounding, and by as much as those of shorter steps contradict it beyond theirs.
        """
        scales = [longest / 10.0**k for k in range(int(np.ceil(np.log10(longest / least))) + 1)]
        steps = [power_of_two(EPS ** (1 / (order + 1)) * scale) for scale in scales]
        found = [self.difference(entry, h, order) for h in steps]
        even = [
            np.abs(self.at((entry, entry[2] * h)) / 2 + self.at((entry, -entry[2] * h)) / 2 - self.here) for h in steps
        ]
        noise, is_noise = np.zeros(np.shape(self.here)), np.ones(np.shape(self.here), bool)
        for longer, shorter in zip(
            even[-3::-1], even[:1:-1]
        ):  # from the shortest step on, until it grows with the step
            is_noise &= ~(longer >= 30 * shorter) | (shorter == 0)
            noise = np.where(is_noise, np.fmax(noise, shorter), noise)
        roundings = [np.fmax(rounding, noise / h) for (_, rounding), h in zip(found, steps)]
        errors = []
        for k, (mine, _) in enumerate(found):
            error = roundings[k]
            for (other, _), rounding in zip(found[k + 1 :], roundings[k + 1 :]):
                error = np.fmax(error, np.abs(mine - other) - SAFETY * rounding)
            errors.append(np.where(np.isfinite(mine), error, np.inf))
        best = np.minimum.reduce(errors)
        worst = [float(np.max(np.where(error > best, error / best, 1.0), initial=1.0)) for error in errors]
        return scales[int(np.argmin(worst))]

    def noise(self) -> Any:
        """The noise of each value: its rounding, and what moving the point by a rounding error changes."""
        if self.known_noise is None:
            sizes = np.abs(self.here)
            found = EPS * sizes + np.finfo(float).smallest_subnormal
            rng = np.random.default_rng(0)
            for _ in range(2):
                moved = flat(self.problem.outputs(self.problem.jiggled(rng, self.problem.leaves)))
                if np.shape(moved) == np.shape(found):
                    found = np.fmax(found, np.where(np.isfinite(moved), np.abs(moved - self.here), 0.0))
            self.known_noise = found
        return self.known_noise

    def at(self, *moves: tuple[Entry, complex]) -> Any:
        """The values of the function with some entries moved."""
        leaves = list(self.problem.leaves)
        for (k, i, _), amount in moves:
            like = leaves[k]
            moved = np.array(like, dtype=np.result_type(np.asarray(like).dtype, np.asarray(amount).dtype))
            before = moved.flat[i]  # `flat` counts in the same order and writes, whatever the layout of the array
            moved.flat[i] += amount
            if moved.flat[i] == before and np.isfinite(before):
                raise ValueError(
                    located(f"{self.operation}: a step of {abs(amount)} does not change an entry {before}")
                )
            leaves[k] = moved if type(like) is np.ndarray else moved[()]
        return flat(self.problem.outputs(leaves))

    def quotient(self, entry: Entry, relative: float, order: int) -> tuple[Any, Any]:
        """The difference quotient in one entry, and what rounding does to it."""
        return self.difference(entry, power_of_two(relative * self.scale(entry, order)), order)

    def difference(self, entry: Entry, h: float, order: int) -> tuple[Any, Any]:
        """The difference quotient at a step, and what rounding does to it."""
        turn = entry[2]
        if order == 1:
            plus = self.at((entry, turn * h))
            return (plus - self.here) / h, self.rounding(plus) * 2 / h
        total, size = np.zeros(()), np.zeros(())
        for k, weight in enumerate(_CENTRAL[order], 1):
            plus, minus = self.at((entry, turn * k * h)), self.at((entry, -turn * k * h))
            total = total + weight * (plus - minus)
            size = np.fmax(size, self.rounding(plus, minus))
        return total / h, size / h

    def rounding(self, *values: Any) -> Any:
        """What rounding does to each value, the largest of these."""
        found = self.noise()
        for value in values:
            size = np.abs(value)
            found = np.fmax(found, EPS * np.where(np.isfinite(size), size, 0.0))
        return found

    def finite_quotient(self, entry: Entry, relative: float, order: int, *, shorten: bool) -> Any:
        """The difference quotient, at a shorter step if the function overflows within this one and may be."""
        found, _ = self.quotient(entry, relative, order)
        for k in range(1, 9):
            if not shorten or np.all(np.isfinite(found) | ~np.isfinite(self.here)):
                break
            found = np.where(np.isfinite(found), found, self.quotient(entry, relative / 4**k, order)[0])
        return found

    def mixed(self, i: Entry, j: Entry, relative: float) -> tuple[Any, Any]:
        """The second difference quotient in two entries, and what rounding does to it."""
        h, k = power_of_two(relative * self.scale(i)), power_of_two(relative * self.scale(j))
        if i[:2] == j[:2] and i[2] == j[2]:
            plus, minus = self.at((i, i[2] * h)), self.at((i, -i[2] * h))
            return (plus - 2 * self.here + minus) / (h * h), 4 * self.rounding(plus, minus) / (h * h)
        a, b = i[2] * h, j[2] * k
        corners = [self.at((i, s * a), (j, t * b)) for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
        total = corners[0] - corners[1] - corners[2] + corners[3]
        return total / (4 * h * k), self.rounding(*corners) / (h * k)

    def entries(self, k: int) -> Iterator[Entry]:
        """The entries of one leaf, in the direction of the real axis."""
        return ((k, i, 1.0) for i in range(int(np.size(self.problem.leaves[k]))))

    def first(self, rule: Callable[[Entry], Any], combine: Callable[[Any, Any], Any] | None = None) -> Any:
        """The Jacobian, from a rule for the derivative of all values in one entry.

        `combine` joins the parts along the real and the imaginary axis, to du/dx - i du/dy unless it is given.
        """
        parts = []
        for k, leaf in enumerate(self.problem.leaves):
            columns = []
            for entry in self.entries(k):
                column = rule(entry)
                if np.asarray(leaf).dtype.kind == "c" and self.here.dtype.kind != "c":
                    other = rule((*entry[:2], 1j))
                    column = column - 1j * other if combine is None else combine(column, other)
                columns.append(column)
            parts.append(np.stack(columns, -1) if columns else np.zeros((self.here.size, 0)))
        return self.build([[part] for part in parts], 1)

    def second(self, rule: Callable[[Entry, Entry], Any]) -> Any:
        """The Hessian, from a rule for the second derivative of all values in two entries."""
        if any(np.asarray(leaf).dtype.kind == "c" for leaf in self.problem.leaves):
            raise TypeError(located("a hessian by differences is that of real arguments"))
        count = len(self.problem.leaves)
        entries = [(k, e) for k in range(count) for e in self.entries(k)]
        table = {}
        for p, (_, i) in enumerate(entries):
            for q in range(p + 1):
                table[p, q] = table[q, p] = rule(i, entries[q][1])
        blocks: list[list[Any]] = []
        for k in range(count):
            rows = [p for p, (leaf, _) in enumerate(entries) if leaf == k]
            blocks.append([])
            for other in range(count):
                columns = [q for q, (leaf, _) in enumerate(entries) if leaf == other]
                block = np.zeros((self.here.size, len(rows), len(columns)))
                for r, p in enumerate(rows):
                    for c, q in enumerate(columns):
                        block[:, r, c] = table[p, q]
                blocks[k].append(block)
        return self.build(blocks, 2)

    def build(self, blocks: list[list[Any]], depth: int) -> Any:
        """Blocks of (values, entries of one leaf[, entries of another]) in the structure of the output and input."""
        problem, start = self.problem, 0
        shapes = [np.shape(leaf) for leaf in problem.leaves]
        outs = []
        for out in self.outs:
            rows = slice(start, start + out.size)
            start += out.size
            parts: list[Any] = []
            for k, row in enumerate(blocks):
                if depth == 1:
                    parts.append(row[0][rows].reshape(out.shape + shapes[k])[()])
                else:
                    inner = [b[rows].reshape(out.shape + shapes[k] + s)[()] for b, s in zip(row, shapes)]
                    parts.append(self.fill(inner))
            outs.append(self.fill(parts))
        return self.outdef.unflatten(outs)

    def fill(self, parts: list[Any]) -> Any:
        """One thing per numeric leaf, in the structure of the argument."""
        new = list(self.problem.all_leaves)
        for position, part in zip(self.problem.positions, parts):
            new[position] = part
        return self.problem.treedef.unflatten(new)


def flat(outs: Sequence[Any]) -> Any:
    """The values of all outputs as one vector."""
    return np.concatenate([np.ravel(out) for out in outs]) if outs else np.zeros(0)
