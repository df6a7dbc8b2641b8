"""Gradients written by hand in a test suite: an assertion that explains itself, and points to try it at.

>>> import numpy as np
>>> report = assert_grads_match(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, 2.0]))
>>> report.verdict == "OK"
True

`arrays` and `pytrees` are strategies for hypothesis (`pip install hypothesis`). The plugin for pytest,
`pytest_minigrad`, has the assertion as the fixture `grads_match` and sums up all of a run's checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.checking.records import Report
from minigrad.checking.verdict import check
from minigrad.errors import GradientMismatchError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def assert_grads_match(
    fun: Callable[..., Any], manual: Any, *args: Any, expect: str | Sequence[str] = "OK", **options: Any
) -> Report:
    """Assert that a gradient written by hand is right at a point; the message of the failure is the report.

    Args:
        fun: as for `minigrad.check`.
        manual: the derivative by hand, as for `minigrad.check`.
        *args: the point.
        expect: the verdict, or the verdicts, that pass: "OK", "WRONG", "NOT DIFFERENTIABLE HERE", "INCONCLUSIVE".
        **options: the options of `minigrad.check`.

    Returns:
        The report.

    Raises:
        GradientMismatchError: an AssertionError, for any other verdict.
        Exception: whatever `minigrad.check` raises.

    >>> import numpy as np
    >>> f = lambda x: np.sum(np.abs(x))
    >>> assert_grads_match(f, np.sign, np.array([1.0, 0.0]), expect="NOT DIFFERENTIABLE HERE").seed
    0
    """
    __tracebackhide__ = True
    report = check(fun, manual, *args, **options)
    if str(report.verdict) not in ((expect,) if isinstance(expect, str) else tuple(expect)):
        raise GradientMismatchError(report)
    return report


# ----- points for hypothesis ------------------------------------------------------------------------------------------


def _strategies() -> Any:
    """The strategies of hypothesis, which is imported when a strategy is made: not everybody who tests has it."""
    try:
        from hypothesis import strategies
    except ImportError:
        raise ImportError("strategies for points need hypothesis: pip install hypothesis") from None
    return strategies


def arrays(
    shape: tuple[int, ...] | SearchStrategy[tuple[int, ...]] | None = None,
    dtype: Any = np.float64,
    *,
    low: float = -3.0,
    high: float = 3.0,
    away_from: Sequence[float] = (),
    distinct: bool = False,
    margin: float = 0.05,
) -> SearchStrategy[Any]:
    """A strategy for arrays to check a gradient at, away from kinks by construction, so that none is rejected.

    Args:
        shape: the shape, or a strategy for it; by default up to two dimensions of up to 4.
        dtype: a floating dtype, or a complex one, of which the real and imaginary parts are drawn alike.
        low: the lower bound of the entries.
        high: the upper bound.
        away_from: places to which no entry comes closer than `margin`: `[0.0]` for `abs` and `relu`, `[-1.0, 1.0]` for
            `clip(x, -1, 1)`.
        distinct: whether no two entries are closer than `margin`, for `max`, `sort` and `median`. They may then exceed
            the bounds, if there are too many for them.
        margin: the least distance from these places, or of two entries.

    Returns:
        A strategy of hypothesis.

    Raises:
        ImportError: if hypothesis is missing.
        ValueError: if nothing is left between the bounds.
        TypeError: if the dtype is not of floats or complex numbers, or complex entries are to be distinct, for they
            have no order.

    >>> from hypothesis import given
    >>> @given(arrays((3,), away_from=[0.0]))
    ... def test_abs(x):
    ...     assert_grads_match(lambda x: np.sum(np.abs(x)), np.sign, x)
    >>> test_abs()
    """
    st = _strategies()
    from hypothesis.extra import numpy as extra

    kind = np.dtype(dtype)
    if kind.kind not in "fc":
        raise TypeError(f"arrays: gradients are taken at floats or complex numbers, not {kind}")
    if distinct and (kind.kind == "c" or away_from):
        raise TypeError("arrays: distinct entries are real, and `away_from` does not go with them")
    pieces = _pieces(low, high, away_from, margin)
    shapes = extra.array_shapes(min_dims=0, max_dims=2, max_side=4) if shape is None else shape
    if distinct:  # of a grid of cells as wide as the margin every entry has its own, all at the same place in theirs
        chosen = shapes if not isinstance(shapes, tuple) else st.just(shapes)
        cells = chosen.flatmap(
            lambda found: extra.arrays(
                np.int64, found, elements=st.integers(0, _last_cell(found, low, high, margin)), unique=True
            )
        )
        numbers = st.builds(lambda cell, place: low + margin * (cell + place), cells, st.floats(0.0, 1.0))
    else:
        entry = st.one_of([st.floats(a, b) for a, b in pieces])
        elements = entry if kind.kind == "f" else st.builds(complex, entry, entry)
        wide = np.float64 if kind.kind == "f" else np.complex128
        numbers = extra.arrays(wide, shapes, elements=elements, fill=st.nothing())  # every entry is drawn by itself
    strategy: SearchStrategy[Any] = numbers.map(lambda x: x.astype(kind))
    return strategy


def _last_cell(shape: tuple[int, ...], low: float, high: float, margin: float) -> int:
    """The last cell of the grid for distinct entries: there are at least twice as many cells as entries."""
    return max(int((high - low) / margin) - 1, 2 * int(np.prod(shape, dtype=int)))


def _pieces(low: float, high: float, away_from: Sequence[float], margin: float) -> list[tuple[float, float]]:
    """What is left of [low, high] without the places and what is near them."""
    pieces, start = [], low
    for place in sorted(away_from):
        pieces.append((start, place - margin))
        start = max(start, place + margin)
    pieces.append((start, high))
    left = [(a, min(b, high)) for a, b in pieces if a <= min(b, high)]
    if not left:
        raise ValueError(f"arrays: nothing of [{low}, {high}] is {margin} away from {list(away_from)}")
    return left


def pytrees(leaves: SearchStrategy[Any] | None = None, *, max_leaves: int = 5) -> SearchStrategy[Any]:
    """A strategy for nested tuples, lists and dicts of arrays, as parameters of models are.

    Args:
        leaves: a strategy for the leaves; by default `arrays()`.
        max_leaves: about how many leaves there are at most.

    Returns:
        A strategy of hypothesis.

    Raises:
        ImportError: if hypothesis is missing.

    >>> from hypothesis import given
    >>> from minigrad import tree_map
    >>> from minigrad.core.tree import flatten
    >>> @given(pytrees())
    ... def test_of_all_leaves(p):
    ...     f = lambda p: sum([np.sum(np.sin(x)) for x in flatten(p)[0]])
    ...     assert_grads_match(f, lambda p: tree_map(np.cos, p), p)
    >>> test_of_all_leaves()
    """
    st = _strategies()
    leaves = arrays() if leaves is None else leaves

    def containers(parts: Any) -> Any:
        keys = st.sampled_from(["w", "b", "scale", "layers"])
        return st.one_of(
            st.lists(parts, min_size=1, max_size=3),
            st.lists(parts, min_size=1, max_size=3).map(tuple),
            st.dictionaries(keys, parts, min_size=1, max_size=3),
        )

    strategy: SearchStrategy[Any] = st.recursive(containers(leaves), containers, max_leaves=max_leaves)
    return strategy
