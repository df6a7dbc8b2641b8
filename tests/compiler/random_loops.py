"""Random programs with loops, as Python text, so that their lines are seen as a user's are.

`python tests/compiler/random_loops.py 1000` writes the rolled text of as many programs and counts those that differ;
`... 1000 nested` does so for programs with loops within loops.
"""

from __future__ import annotations

import linecache
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

STATEMENTS = [
    "{s} = np.tanh(W @ {s})",
    "{s} = np.tanh(A[r] @ {s} + b[r])",
    "{s} = {s} + 0.1 * np.sin({t})",
    "{s} = {s} * np.cos({t}) - {t}",
    "{s} = {s} + c[r] * {t}",
    "{s} = {s} / (1.0 + np.sum({s} * {s}))",
    "{s} = np.where({s} > 0.1, {s}, 0.5 * {s})",
    "u = W.T @ {s}",
    "{s} = {s} + 0.2 * np.arctan(u)",
    "{s}, {t} = {t}, {s} + 0.3 * {t}",
    "X.append({s} * k)",
    "loss = loss + np.sum({s} * {t})",
    "loss = loss - np.max({s})",
    "{s} = np.stack([{s}[1], {s}[0], {s}[2] * k])",
    "{s} = {s} + xs[r]",
    "{s} = {s} + fixed[r]",
    "{s} = {s} * dts[r]",
    "{s} = np.maximum({s}, -0.9)",
    "{s} = {s} - 0.05 * grad(energy)({s})",
    "{s} = helper({s}, k)",
    "{s} = X[-1] + {s}",
    "{s} = {s} + np.outer({t}, {s}) @ {t}",
]

INNER = [
    "for s in range(S):",
    "for s in reversed(range(S)):",
]

HEADS = ["for r in range(R):", "for r in range(1, R):", "for r in reversed(range(R)):", "for r in range(0, R, 2):"]


def helper(x: Any, k: Any) -> Any:
    """A function that is called within loops."""
    y = np.exp(-x * x)
    return y * k + 0.1 * x


def energy(x: Any) -> Any:
    """A function whose gradient is taken within loops."""
    return np.sum(np.cos(x)) + 0.5 * np.sum(x**2)


def random_loop(seed: int, nested: bool = False) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A function of (x, y, k, W, A, b, xs, c), and arguments for it; `nested` with loops within its loops."""
    from minigrad import grad

    chance = random.Random(seed)
    passes = chance.choice([3, 4, 5] if nested else [2, 3, 4, 5, 7, 9])
    within = chance.choice([2, 3]) if nested else 2
    lines = ["def program(x, y, k, W, A, b, xs, c):", "    X = [x]", "    loss = 0.0", "    u = y"]
    for _ in range(chance.choice([1, 1, 1, 2])):
        lines.append("    " + chance.choice(HEADS))
        for _ in range(chance.randint(1, 5)):
            s, t = chance.sample(["x", "y"], 2)
            lines.append("        " + chance.choice(STATEMENTS).format(s=s, t=t))
        for _ in range(chance.choice([1, 1, 2]) if nested else 0):
            lines.append("        " + chance.choice(INNER))
            for _ in range(chance.randint(1, 4)):
                s, t = chance.sample(["x", "y"], 2)
                statement = chance.choice(STATEMENTS).format(s=s, t=t)
                lines.append("            " + statement.replace("[r]", chance.choice(["[r]", "[s]", "[s]"])))
        if nested and chance.random() < 0.7:
            s, t = chance.sample(["x", "y"], 2)
            lines.append("        " + chance.choice(STATEMENTS).format(s=s, t=t))
    lines.append("    return loss + np.sum(x * y) + np.sum(X[-1]) + np.sum(X[len(X) // 2] * x)")
    text = "\n".join(lines) + "\n"
    name = f"<random loop {seed}{' nested' * nested}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    numbers = np.random.default_rng(seed)
    space: dict[str, Any] = {
        "np": np, "R": passes, "S": within, "grad": grad, "helper": helper, "energy": energy,
        "fixed": numbers.standard_normal((passes, 3)), "dts": numbers.uniform(0.5, 1.5, passes),
    }  # fmt: skip
    exec(compile(text, name, "exec"), space)
    arguments = (
        numbers.standard_normal(3),
        numbers.standard_normal(3),
        0.7,
        0.5 * numbers.standard_normal((3, 3)),
        [0.5 * numbers.standard_normal((3, 3)) for _ in range(passes)],
        [numbers.standard_normal(3) for _ in range(passes)],
        numbers.standard_normal((passes, 3)),
        numbers.uniform(0.5, 1.0, passes),
    )
    return space["program"], arguments


def main(count: int, nested: bool = False) -> None:
    """Roll as many programs, and print what went wrong and how much shorter the texts are."""
    from minigrad import value_and_grad
    from minigrad.compiler.reading import source

    wrong, lines, rolled_lines, loops = 0, 0, 0, 0
    for seed in range(count):
        program, arguments = random_loop(seed, nested)
        fun = value_and_grad(program, tuple(range(8)))
        try:
            plain = source(fun, *arguments)
            text = source(fun, *arguments, rolled=True)
        except FloatingPointError:  # its numbers grow beyond all bounds
            continue
        except Exception as error:
            print(f"program {seed}: {type(error).__name__}: {error}")
            wrong += 1
            continue
        if text.fell_back:
            print(f"program {seed}: another text was taken ({text.fell_back})")
            wrong += 1
        loops += text.loops
        lines, rolled_lines = lines + plain.count("\n"), rolled_lines + text.count("\n")
    print(f"{count} programs, {wrong} wrong, {loops} loops, {lines} lines became {rolled_lines}")


if __name__ == "__main__":
    main(int(sys.argv[1]), "nested" in sys.argv)
