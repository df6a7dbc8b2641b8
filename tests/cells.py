"""The systematic suite: one cell per public function, with its own domain, exercised on dtypes and shapes.

A contributor who adds a rule adds one line to a family of cells (`tests/cells_*.py`). `test_cells.py` runs every cell
on every dtype and shape that it names, in both modes and at second order, and `test_coverage.py` holds the printed
coverage table to what the cells show.
"""

import importlib
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

rng = numpy.random.default_rng(7)

UNARY: Any = ((), (0,), (1,), (3,), (2, 3))
BINARY: Any = (((), ()), ((3,), (3,)), ((2, 3), ()), ((2, 1), (3,)), ((0,), (1,)), ((1,), (2, 3)))
VECTORS: Any = ((1,), (3,), (2, 3))
SQUARE: Any = ((1, 1), (3, 3), (2, 2, 2))
MATRICES: Any = ((1, 1), (2, 3), (3, 2), (2, 3, 2))


@dataclass(frozen=True)
class Cell:
    """One function: `fun(np, *args)`, where `np` is `numpy` or `minigrad.numpy` (or scipy's, see `modules`).

    `domains` draws each argument from its shape; `shapes` are the shapes to try (a shape per argument, or a single
    shape where there is one argument); `dtypes` are the letters of float32, float64, complex128 ("fdD").
    """

    name: str
    fun: Callable[..., Any]
    domains: tuple[Callable[..., Any], ...]
    shapes: tuple[Any, ...]
    dtypes: str = "fd"
    order: int = 2
    tolerance: float = 1e-8  # against finite differences in float64, relative to the largest entry
    plain: bool = True  # whether plain NumPy (SciPy) dispatches to the rule too
    note: str = ""


CELLS: list[Cell] = []


def cell(name: str, fun: Callable[..., Any] | None, *domains: Any, shapes: Any = None, **options: Any) -> None:
    """Add a cell. `name` is the public name, such as "numpy.linalg.inv"; `fun` of None means `np.name(*args)`."""
    if fun is None:
        path = name.split(".")[1:]

        def fun(np: Any, *args: Any) -> Any:
            for part in path:
                np = getattr(np, part)
            return np(*args)

    if shapes is None:
        shapes = UNARY if len(domains) == 1 else BINARY
    CELLS.append(Cell(name, fun, domains, tuple(shapes), **options))


def draw(*shape: int, low: float = -1.5, high: float = 1.5) -> Any:
    """Numbers between low and high."""
    return rng.uniform(low, high, shape)


def away(*shape: int) -> Any:
    """Numbers of both signs, away from 0."""
    return rng.uniform(0.4, 1.5, shape) * rng.choice([-1.0, 1.0], shape)


def positive(*shape: int) -> Any:
    """Numbers in (0.5, 2)."""
    return rng.uniform(0.5, 2.0, shape)


def inside(*shape: int) -> Any:
    """Numbers in (-0.7, 0.7)."""
    return rng.uniform(-0.7, 0.7, shape)


def above_one(*shape: int) -> Any:
    """Numbers in (1.5, 3)."""
    return rng.uniform(1.5, 3.0, shape)


def distinct(*shape: int) -> Any:
    """Numbers of both signs no two of which are close: 0.15 apart at least, and away from 0."""
    size = int(numpy.prod(shape))
    return rng.permutation((numpy.arange(size) - size // 2 + 0.4) * 0.2).reshape(shape)


def load() -> list[Cell]:
    """All cells of all families."""
    if not CELLS:
        for path in sorted(pathlib.Path(__file__).parent.glob("cells_*.py")):
            importlib.import_module(path.stem)
    return CELLS
