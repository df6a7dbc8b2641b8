"""The corpus of test cells: one line per function, with its own domain. `tests/README.md` says how to add one.

A cell names a function of NumPy or SciPy, how it is called, and where its arguments are drawn. `test_cells.py` holds
every cell to up to eighteen properties in double precision and to one in float32, with every option and shape that it
names; costly properties are tested on the last shape. `show/test_coverage.py` holds the printed coverage table to the
names of the cells; `planted.py` shows that no rule can be one percent off without a cell that fails.
"""

import importlib
import pathlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy

import minigrad.numpy

rng = numpy.random.default_rng(7)

UNARY: Any = ((), (0,), (1,), (3,), (2, 3))
BINARY: Any = (((), ()), ((3,), (3,)), ((2, 3), ()), ((2, 1), (3,)), ((0,), (1,)), ((1,), (2, 3)))
VECTORS: Any = ((1,), (3,), (2, 3))
SQUARE: Any = ((1, 1), (3, 3), (2, 2, 2))
MATRICES: Any = ((1, 1), (2, 3), (3, 2), (2, 3, 2))


@dataclass(frozen=True)
class Cell:
    """One function: `fun(np, *args, *option)`, where `np` is `numpy` or `minigrad.numpy` (or scipy's, see `special`).

    `domains` draws each argument from its shape; `shapes` are the shapes to try (a shape per argument, or a single
    shape where there is one argument); `over` are the options to try with each shape, tuples that follow the arguments;
    `dtypes` are the letters of float32, float64, complex128 ("fdD").
    """

    name: str
    fun: Callable[..., Any]
    domains: tuple[Callable[..., Any], ...]
    shapes: tuple[Any, ...]
    over: tuple[tuple[Any, ...], ...] = ((),)
    dtypes: str = "fd"
    order: int = 2
    tolerance: float = 1e-8  # against finite differences in float64, relative to the largest entry
    modes: float = 1e-12  # of one mode against another
    narrow: float = 2e-4  # of float32 against float64
    analytic: bool = False  # whether the plain function takes the complex step, which is exact
    plain: bool = True  # whether plain NumPy (SciPy) dispatches to the rule too
    without: tuple[str, ...] = ()  # names of properties that it cannot have; say why
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name}-{self.note}"


@dataclass(frozen=True)
class Case:
    """One call of a cell: at one option, shape and dtype."""

    cell: Cell
    option: tuple[Any, ...]
    shape: Any
    dtype: str

    def __str__(self) -> str:
        return f"{self.cell.name} {self.cell.note} {self.option or ''} {self.shape} {self.dtype}"

    def fun(self, *args: Any) -> Any:
        """The function of `minigrad.numpy`."""
        return self.cell.fun(minigrad.numpy, *args, *self.option)

    def plain(self, *args: Any) -> Any:
        """The function of NumPy."""
        return self.cell.fun(numpy, *args, *self.option)

    @property
    def is_last(self) -> bool:
        """Whether it has the last shape of its cell: what is costly is tested on that one."""
        return self.shape is self.cell.shapes[-1]

    def number(self) -> int:
        """A number of its own, in every run the same: the seed of its arguments."""
        return zlib.crc32(f"{self.cell.name} {self.cell.note} {self.option or ''}{self.shape}".encode())

    def drawn(self, seed: int | None = None) -> list[Any]:
        """The arguments; complex ones get an imaginary part from the same domain."""
        global rng
        shapes = (self.shape,) if len(self.cell.domains) == 1 else self.shape
        rng = numpy.random.default_rng(self.number() if seed is None else seed)
        made = []
        for domain, each in zip(self.cell.domains, shapes, strict=True):
            x = numpy.asarray(domain(*each))
            made.append(numpy.asarray(x + 0.3j * numpy.asarray(domain(*each))) if self.dtype == "D" else x)
        return made


CELLS: list[Cell] = []
MODULES = ("numpy", "numpy.linalg", "numpy.fft", "scipy.special", "scipy.linalg", "scipy.signal")


def exists(name: str) -> bool:
    """Whether the installed NumPy or SciPy has a function of this public name."""
    home, _, function = name.rpartition(".")
    return home not in MODULES or hasattr(importlib.import_module(home), function)


def cell(name: str, fun: Callable[..., Any] | None, *domains: Any, shapes: Any = None, **options: Any) -> None:
    """Add a cell. `name` is the public name, such as "numpy.linalg.inv"; `fun` of None means `np.name(*args)`.

    A function that the installed NumPy or SciPy does not have yet, or has no longer, gets none.
    """
    if not exists(name):
        return
    if fun is None:
        path = name.split(".")[1:]

        def fun(np: Any, *args: Any) -> Any:
            for part in path:
                np = getattr(np, part)
            return np(*args)

    if shapes is None:
        shapes = UNARY if len(domains) == 1 else BINARY
    over = tuple(option if isinstance(option, tuple) else (option,) for option in options.pop("over", ((),)))
    CELLS.append(Cell(name, fun, domains, tuple(shapes), over, **options))


def cases(cell: Cell, dtype: str) -> Iterator[Case]:
    """All calls of a cell in one dtype."""
    for option in cell.over:
        for shape in cell.shapes:
            yield Case(cell, option, shape, dtype)


def parts(np: Any, arrays: Any) -> Any:
    """Several arrays as one: each with a weight of its own, raveled and joined."""
    return np.concatenate([np.ravel(part) * (k + 1.0) for k, part in enumerate(arrays)])


# ----- domains --------------------------------------------------------------------------------------------------------


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


def broken(*shape: int) -> Any:
    """Numbers of both signs away from whole numbers and halves: their fraction is in (0.55, 0.95)."""
    return rng.uniform(0.55, 0.95, shape) + rng.integers(-3, 2, shape)


def at(*numbers: Any) -> Callable[..., Any]:
    """These numbers, whatever the shape asked for."""
    return lambda *shape: numpy.array(numbers, float).reshape(shape)


def load() -> list[Cell]:
    """All cells of all families."""
    if not CELLS:
        for path in sorted(pathlib.Path(__file__).parent.glob("[!_]*.py")):
            importlib.import_module(f"{__name__}.{path.stem}")
    return CELLS
