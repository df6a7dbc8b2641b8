"""Whether the rules of a custom primitive are right: each of its arguments is moved by itself, and the rules compared
with finite differences.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.tape import peel
from minigrad.core.tree import flatten, tree_map
from minigrad.operations.tree_operation import has_derivative

TRIALS, TOLERANCE, FLOOR = 3, 1e-6, 1e-9


def check_rules(owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise an AssertionError that names the rule, the argument and the factor, unless all agree."""
    from minigrad.operations.custom import Split

    args = tree_map(_wide, args)
    split = Split(owner, args, kwargs)
    xs = split.moving(args)
    if owner.vjp is None and owner.jvp is None:
        raise split.no_rule("there is no rule to check")
    if not split.floats:
        raise TypeError(located(f"{owner.name}: there is no float argument to check"))

    def fun(*xs: Any) -> Any:
        return owner.value(*split.all(xs), **kwargs)

    out = fun(*xs)
    size = max([float(np.max(np.abs(y), initial=0.0)) for y in flatten(out)[0] if has_derivative(y)], default=0.0)
    rng = np.random.default_rng(0)
    for i, k in enumerate(split.positions):
        if k not in split.floats:
            continue
        pulled, pushed = [], []
        for _ in range(TRIALS):
            direction = tuple([_draw(x, rng) if j == i else _draw(x, None) for j, x in enumerate(xs)])
            slope = _difference(fun, xs, direction)
            if owner.vjp is not None:
                g = _draw(out, rng)
                found = _pairing(split.pull(g, out, xs)[i], direction[i])
                pulled.append((found, _pairing(g, slope), FLOOR * size * (1.0 + _pairing(g, g) ** 0.5)))
            if owner.jvp is not None:
                pushed.append((split.push(direction, out, xs), slope, FLOOR * size))
        _judge(owner, k, "vjp", pulled)
        _judge(owner, k, "jvp", pushed)
    if owner.taylor is not None:
        _check_taylor(owner, split, args, kwargs, xs, rng)


def _wide(leaf: Any) -> Any:
    """A leaf in double precision, an array or a number."""
    leaf = peel(leaf)
    if not has_derivative(leaf):
        return leaf
    leaf = np.asarray(leaf)
    return leaf.astype(np.result_type(leaf.dtype, np.float64))[()]


def _draw(tree: Any, rng: Any) -> Any:
    """Random numbers in the structure of a tree, zeros without a generator; `None` where there are no floats."""

    def draw(leaf: Any) -> Any:
        if not has_derivative(leaf):
            return None
        leaf = np.asarray(leaf)
        noise = np.zeros(leaf.shape) if rng is None else rng.standard_normal(leaf.shape)
        if leaf.dtype.kind == "c" and rng is not None:
            noise = noise + 1j * rng.standard_normal(leaf.shape)
        return noise.astype(leaf.dtype)[()]

    return tree_map(draw, tree)


def _difference(fun: Any, xs: Any, direction: Any) -> Any:
    """The directional derivative: central differences at two steps, extrapolated to the step 0."""

    def at(h: float) -> list[Any]:
        moved = tree_map(lambda x, t: x if t is None else x + h * t, xs, direction)
        return [np.asarray(y) for y in flatten(fun(*moved))[0] if has_derivative(y)]

    def central(h: float) -> list[Any]:
        return [(a - b) / (2 * h) for a, b in zip(at(h), at(-h))]

    return [(4 * fine - coarse) / 3 for fine, coarse in zip(central(5e-4), central(1e-3))]


def _parts(tree: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in flatten(tree)[0] if leaf is not None and has_derivative(leaf)]


def _pairing(a: Any, b: Any) -> float:
    """The real part of the sum of all products; a cotangent that is `None` is zero."""
    a, b = _parts(a), _parts(b)
    return float(sum([np.sum(np.real(p * q)) for p, q in zip(a, b)])) if a else 0.0


def _judge(owner: Any, k: int, rule: str, trials: list[tuple[Any, Any, float]]) -> None:
    """Compare what a rule gave with finite differences, in all trials of one argument."""
    ratios, wrong = [], False
    lines = []
    for found, expected, floor in trials:
        a, b = ([np.ravel(p) for p in (_parts(v) if not isinstance(v, float) else [np.asarray(v)])]
                for v in (found, expected))  # fmt: skip
        x, y = (np.concatenate(parts) if parts else np.zeros(1) for parts in (a, b))
        if x.size != y.size:
            x = np.zeros_like(y)  # a rule that says None everywhere
        scale = float(max(np.max(np.abs(x), initial=0.0), np.max(np.abs(y), initial=0.0)))
        error = float(np.max(np.abs(x - y), initial=0.0))
        wrong |= not error <= TOLERANCE * scale + floor
        entry = int(np.argmax(np.abs(y))) if y.size else 0
        ratios.append(complex(x[entry] / y[entry]) if y.size and y[entry] else np.nan)
        lines.append((x[entry], y[entry]))
    if not wrong:
        return
    ratio = ratios[0]
    shown = f"{ratio.real:.6g}" if not abs(ratio.imag) > 1e-6 * abs(ratio) else f"{ratio:.6g}"
    if not np.isfinite(ratio):
        advice = "finite differences find no derivative there"
    elif abs(ratio) < 1e-9:
        advice = "it gives 0 where the derivative is not 0"
    elif max(abs(r - ratio) for r in ratios) <= 1e-4 * abs(ratio):
        advice = f"it is too large by the factor {shown}" if abs(ratio) > 1 else f"it is wrong by the factor {shown}"
        if abs(ratio + 1) < 1e-4:
            advice = "it has the wrong sign (the factor is -1)"
    else:
        advice = "by no constant factor (" + ", ".join(f"{r.real:.4g}" for r in ratios) + "): the formula differs"
    found, expected = lines[0]
    raise AssertionError(
        located(
            f"{owner.name}: the {rule} of {owner.called(k)} is wrong: {advice}. In a random direction the rule gives "
            f"{found:.9g}, finite differences of the value give {expected:.9g}"
        )
    )


def _check_taylor(owner: Any, split: Any, args: Any, kwargs: Any, xs: Any, rng: Any) -> None:
    """Compare the Taylor rule with the series that the vjp or jvp gives."""
    from minigrad.modes.taylor.derivatives import jet
    from minigrad.operations.custom import CustomPrimitive

    plain = CustomPrimitive(owner.value, owner.vjp, owner.jvp, None, sorted(owner.static), False)
    leaves, treedef = flatten(xs)
    moving = [j for j, leaf in enumerate(leaves) if has_derivative(leaf)]
    curves = [[_draw(leaves[j], rng) for _ in range(3)] for j in moving]

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
            scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)), 1.0)
            if not np.max(np.abs(a - b), initial=0.0) <= TOLERANCE * scale:
                raise AssertionError(
                    located(
                        f"{owner.name}: the Taylor rule is wrong from order {order} on: it gives {a}, the "
                        f"{'jvp' if owner.jvp is not None else 'vjp'} gives {b}"
                    )
                )
