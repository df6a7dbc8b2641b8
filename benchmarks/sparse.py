"""How long do sparse Jacobians and Hessians take, and which part of it? Against those written by hand, from one run.

    python -m benchmarks.sparse            # about half a minute

Every row is checked against the derivative written by hand. "again" is with a colouring that is given; the ratios are
to one evaluation of the function itself, and to the sparse matrix made by formulas written by hand.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.measuring import in_turns
from minigrad import (
    hessian_colouring,
    hessian_sparsity,
    jacobian,
    jacobian_colouring,
    sparse_hessian,
    sparse_jacobian,
    sparsity,
)


def band(x: Any) -> Any:
    return x[2:] * np.sin(x[1:-1]) - x[:-2] ** 2


def band_by_hand(x: Any) -> Any:
    n = x.size
    diagonals = [-2 * x[:-2], x[2:] * np.cos(x[1:-1]), np.sin(x[1:-1])]
    return sp.diags_array(diagonals, offsets=[0, 1, 2], shape=(n - 2, n)).tocsr()


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_by_hand(x: Any) -> Any:
    middle = np.zeros(x.size)
    middle[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    middle[1:] += 200.0
    side = -400.0 * x[:-1]
    return sp.diags_array([side, middle, side], offsets=[-1, 0, 1]).tocsr()


def arrow(x: Any) -> Any:
    return np.concatenate([np.sum(x**2)[None], x[0] * np.cos(x[1:])])


def arrow_by_hand(x: Any) -> Any:
    n = x.size
    first = sp.csr_array(2 * x[None])
    rest = sp.hstack([sp.csr_array(np.cos(x[1:])[:, None]), sp.diags_array(-x[0] * np.sin(x[1:]))])
    return sp.vstack([first, rest]).tocsr().reshape(n, n)


Function = Callable[..., Any]


def row(name: str, n: int, fun: Function, by_hand: Function, of_hessian: bool) -> str:
    computed, pattern, colouring = (
        (sparse_hessian, hessian_sparsity, hessian_colouring)
        if of_hessian
        else (sparse_jacobian, sparsity, jacobian_colouring)
    )
    x = np.linspace(0.1, 1.0, n)
    difference = abs(computed(fun, x) - by_hand(x))
    assert difference.max() <= 1e-12 * abs(by_hand(x)).max()
    plan = colouring(pattern(fun, x))
    times = medians(
        {
            "first": lambda: computed(fun, x),
            "again": lambda: computed(fun, x, plan, check=False),
            "value": lambda: fun(x),
            "hand": lambda: by_hand(x),
        },
        1.5,
    )
    first, again = times["first"], times["again"]
    return (
        f"| {name} | {n:,} | {plan.sweeps} | {first * 1e3:.1f} ms | {again * 1e3:.2f} ms "
        f"| {again / times['value']:.1f} | {again / times['hand']:.1f} |"
    )


def medians(contenders: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Seconds of each, taking turns."""
    return {name: sample.median for name, sample in in_turns(contenders, seconds).items()}


def main() -> None:
    print("| work | n | sweeps | first time | again | again / one evaluation | again / by hand |")
    print("|---|---|---|---|---|---|---|")
    for n in (1_000, 10_000, 100_000):
        print(row("Jacobian, band of width 3", n, band, band_by_hand, False))
        print(row("Jacobian, arrow", n, arrow, arrow_by_hand, False))
        print(row("Hessian, Rosenbrock", n, rosenbrock, rosenbrock_by_hand, True))
    x = np.linspace(0.1, 1.0, 1_000)
    times = medians({"sparse": lambda: sparse_jacobian(band, x), "dense": lambda: jacobian(band)(x)}, 2.0)
    print(f"\nBand, n = 1,000: the dense jacobian takes {times['dense'] / times['sparse']:.0f} times as long.")
    x = np.linspace(0.1, 1.0, 1_000_000)
    start = time.perf_counter()
    found = sparse_jacobian(band, x)
    print(f"Band, n = 1,000,000: {found.nnz:,} entries in {time.perf_counter() - start:.1f} s, once.")


if __name__ == "__main__":
    main()
