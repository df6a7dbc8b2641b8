"""The rules of an operation of one's own against differences of its value: `custom_primitive(...).check`.

Each argument is moved by itself along three random directions d_1, d_2, d_3. So the value becomes a function of three
numbers t, namely x + t_1 d_1 + t_2 d_2 + t_3 d_3, whatever the size of the argument, and either rule says what the
cotangent of t is: sum(d_j * vjp(g)) and sum(g * jvp(d_j)). `check(fun, pulled, kind="vjp")` knows how exact differences
are and whether the value is smooth; three entries are enough to tell a constant factor from another formula.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.checking.claim import largest_finite, random_like
from minigrad.checking.problem import scale_of
from minigrad.checking.records import LeafReport, Report, Verdict
from minigrad.checking.verdict import check
from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.core.tree import flatten, tree_map
from minigrad.modes.taylor.derivatives import jet
from minigrad.operations import custom
from minigrad.operations.tree_operation import has_derivative, is_traced

DIRECTIONS = 3
TOLERANCE = 1e-6  #: a rule may be less exact than differences of the value are, such as one that iterates


def check_rules(owner: custom.CustomPrimitive[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise an AssertionError that names the rule, the argument and the factor, unless all agree."""
    args = tree_map(wide, args)
    split = custom.Split(owner, args, kwargs)
    xs = split.moving(args)
    if owner.vjp is None and owner.jvp is None:
        raise split.no_rule("there is no rule to check")
    if not split.floats:
        raise TypeError(located(f"{owner.name}: there is no float argument to check"))
    out = owner.value(*split.all(xs), **kwargs)
    outs, outdef = flatten(out)
    results = [k for k, y in enumerate(outs) if has_derivative(y)]
    rng = np.random.default_rng(0)
    for i, k in enumerate(split.positions):
        if k not in split.floats or not results:
            continue
        directions = [random_direction(xs[i], rng) for _ in range(DIRECTIONS)]

        def moved(t: Any, i: int = i, directions: Any = directions) -> list[Any]:
            if is_traced(t):
                raise TypeError("the value of an operation of one's own is computed from plain arrays")
            x = xs[i]
            for step, direction in zip(t, directions):
                x = tree_map(lambda leaf, d, step=step: leaf if d is None else leaf + step * d, x, direction)
            new = flatten(owner.value(*split.all([*xs[:i], x, *xs[i + 1 :]]), **kwargs))[0]
            return [new[position] for position in results]

        def pulled(_t: Any, g: list[Any], i: int = i, directions: Any = directions) -> Any:
            full: list[Any] = [None] * len(outs)
            for position, part in zip(results, g):
                full[position] = part
            treedef = flatten(xs[i])[1]
            found = treedef.leaves_of(split.pull(outdef.unflatten(full), out, xs)[i])
            return np.array([pairing(found, treedef.leaves_of(direction)) for direction in directions])

        def pushed(_t: Any, g: list[Any], i: int = i, directions: Any = directions) -> Any:
            still = [tree_map(lambda _: None, x) for x in xs]
            tangents = [split.push((*still[:i], d, *still[i + 1 :]), out, xs) for d in directions]
            rows = [outdef.leaves_of(tangent) or [] for tangent in tangents]
            return np.array([pairing(g, [row[position] for position in results]) for row in rows])

        for rule, by_hand in (("vjp", pulled), ("jvp", pushed)):
            if getattr(owner, rule) is not None:
                judge(f"{owner.name}: the {rule} of {owner.called(k)}", check(moved, by_hand, AT, kind="vjp"))
    if owner.taylor is not None:
        check_taylor(owner, split, kwargs, xs, rng)


AT = np.zeros(DIRECTIONS)


def wide(leaf: Any) -> Any:
    """A leaf in double precision, an array or a number."""
    leaf = peel(leaf)
    if not has_derivative(leaf):
        return leaf
    leaf = np.asarray(leaf)
    return leaf.astype(np.result_type(leaf.dtype, np.float64))[()]


def random_direction(x: Any, rng: np.random.Generator) -> Any:
    """Random numbers of the size of each entry, in the structure of x; `None` for what has no derivative."""
    return tree_map(lambda leaf: (random_like(leaf, rng) * scale_of(leaf))[()] if has_derivative(leaf) else None, x)


def pairing(a: Any, b: Any) -> float:
    """The real part of the sum of all products of the leaves; `None` is zero."""
    return float(sum(np.sum(np.real(p * q)) for p, q in zip(a, b) if p is not None and q is not None))


def judge(rule: str, report: Report) -> None:
    """Raise unless the report on a rule is good, or the rule is as exact as is asked for."""
    (leaf,) = report.leaves
    if report.verdict is Verdict.OK:
        return
    if report.verdict is not Verdict.WRONG:
        reasons = [kink.detail for kink in report.kinks] or list(leaf.evidence)
        raise AssertionError(
            located(f"{rule} cannot be checked here, {report.verdict}: {'; '.join(reasons)}. Choose another point")
        )
    manual, numerical = numbers(leaf)
    size = max(float(np.max(np.abs(manual))), float(np.max(np.abs(numerical))))
    if np.all(np.isfinite(manual)) and np.max(np.abs(manual - numerical)) <= TOLERANCE * size:
        return
    raise AssertionError(
        located(
            f"{rule} is wrong: {advice(manual, numerical)}. In a random direction the rule gives {manual[0]:.9g}, "
            f"finite differences of the value give {numerical[0]:.9g}"
        )
    )


def numbers(leaf: LeafReport) -> tuple[Any, Any]:
    """What the rule and what differences say along each direction."""
    assert leaf.arrays is not None
    manual, _, numerical = leaf.arrays
    return manual, np.full(manual.shape, np.nan) if numerical is None else numerical


def advice(manual: Any, numerical: Any) -> str:
    """What the mistake is, told from the ratios along the directions."""
    if not np.all(np.isfinite(manual)):
        return "it gives numbers that are not finite"
    with np.errstate(all="ignore"):
        ratios = manual / numerical
    if not np.all(np.isfinite(ratios)):
        return "finite differences find no derivative there"
    ratio = float(ratios[0])
    if abs(ratio) < 1e-9:
        return "it gives 0 where the derivative is not 0"
    if np.max(np.abs(ratios - ratio)) > 1e-4 * abs(ratio):
        return f"by no constant factor ({', '.join(f'{r:.4g}' for r in ratios)}): the formula differs"
    if abs(ratio + 1) < 1e-4:
        return "it has the wrong sign (the factor is -1)"
    return f"it is {'too large' if abs(ratio) > 1 else 'wrong'} by the factor {ratio:.6g}"


def check_taylor(owner: custom.CustomPrimitive[..., Any], split: custom.Split, kwargs: Any, xs: Any, rng: Any) -> None:
    """Compare the Taylor rule with the series that the vjp or jvp gives."""
    plain: Any = custom.CustomPrimitive(owner.value, owner.vjp, owner.jvp, None, sorted(owner.static), False)
    leaves, treedef = flatten(xs)
    moving = [j for j, leaf in enumerate(leaves) if has_derivative(leaf)]
    curves = [[random_like(leaves[j], rng)[()] for _ in range(3)] for j in moving]

    def series(operation: Any) -> Any:
        def fun(*parts: Any) -> Any:
            new = list(leaves)
            for j, part in zip(moving, parts):
                new[j] = part
            out = operation(*split.all(treedef.unflatten(new)), **kwargs)
            return [y for y in flatten(out)[0] if hasattr(peel(y), "dtype")]

        return jet(fun, tuple([leaves[j] for j in moving]), curves)[1]

    for ours, derived in zip(series(owner), series(plain)):
        for order, (a, b) in enumerate(zip(ours, derived), 1):
            scale = max(largest_finite(a), largest_finite(b), 1.0)
            with np.errstate(invalid="ignore"):
                agree = (a == b) | (np.abs(a - b) <= TOLERANCE * scale)
            if not np.all(agree):
                raise AssertionError(
                    located(
                        f"{owner.name}: the Taylor rule is wrong from order {order} on: it gives {a}, the "
                        f"{'jvp' if owner.jvp is not None else 'vjp'} gives {b}"
                    )
                )
