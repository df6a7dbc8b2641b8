"""What a program can follow: functions that choose, look up and order by values, and writes into traced arrays.

Each is called right after its arguments have changed, so that other branches, positions and orders are needed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled import assert_same, assert_trusted
from messages import fails

import minigrad
from minigrad import grad, source
from minigrad.errors import CannotCompileError

TABLE, LARGE, EDGES = np.array([1.0, 4.0, 9.0, 16.0]), np.arange(5.0), np.linspace(0.0, 1.0, 4)[1:]
ONES, GRID = np.ones(4), np.arange(16.0).reshape(4, 4)


def draw(seed: int) -> Any:
    return np.random.default_rng(seed).uniform(0.02, 0.98, 12)


def positive(x: Any) -> Any:
    """A positive definite matrix of nine entries."""
    m = x[:9].reshape(3, 3)
    return m @ m.T + 3.0 * np.eye(3)


BY_VALUES: dict[str, Any] = {
    "select": lambda x: np.sum(np.select([x < 0.3, x < 0.6], [x**2, x**3], 1.0) * x),
    "piecewise": lambda x: np.sum(np.piecewise(x, [x < 0.5, x >= 0.5], [lambda t: t**2, lambda t: 3.0 * t])),
    "choose": lambda x: np.sum(np.choose((x > 0.5).astype(int), [x, x**2])),
    "compress": lambda x: np.sum(np.compress(x > 0.5, x) ** 2),
    "extract": lambda x: np.sum(np.extract(x > 0.5, x) ** 2),
    "interp": lambda x: np.sum(np.interp(x, [0.0, 0.3, 1.0], [1.0, 2.0, 0.5]) ** 2),
    "interp in the values": lambda x: np.interp(0.45, np.linspace(0.0, 1.0, 12), x) ** 2,
    "sort": lambda x: np.sum(np.sort(x) * np.arange(12.0)),
    "argsort": lambda x: np.sum(x[np.argsort(x)] * np.arange(12.0)),
    "quantile": lambda x: np.quantile(x, 0.3) ** 2,
    "median": lambda x: np.median(x) ** 2,
    "histogram": lambda x: np.sum(np.histogram(x, bins=[0.0, 0.5, 1.0], weights=x)[0] ** 2),
    "bincount": lambda x: np.sum(np.bincount((x * 4).astype(int), weights=x, minlength=5) ** 2),
    "a table by digitize": lambda x: np.sum(TABLE[np.digitize(x, EDGES)] * x),
    "a table by searchsorted": lambda x: np.sum(TABLE[np.searchsorted(EDGES, x)] * x),
    "take of a constant": lambda x: np.sum(np.take(LARGE, (x * 4).astype(int)) * x),
    "arange by a number": lambda x: np.arange(3.0)[np.argmax(x) % 3] * x[0],
    "a mask of a constant": lambda x: np.sum(LARGE[x[:5] > 0.5]) * x[0],
    "two positions": lambda x: np.sum(GRID[np.digitize(x, EDGES), np.digitize(x, EDGES)] * x),
    "take_along_axis": lambda x: np.sum(np.take_along_axis(LARGE, (x[:3] * 4).astype(int), 0) * x[:3]),
    "eigenvalues": lambda x: np.sum(np.abs(np.linalg.eigvals((x[:9] - 0.5).reshape(3, 3)))),
}

ORDERS: dict[str, Any] = {
    "ravel": lambda x: np.sum(x.ravel(order="K") ** 2 * np.arange(12.0)),
    "flatten": lambda x: np.sum(x.T.flatten(order="K") ** 2 * np.arange(12.0)),
    "as it is": lambda x: np.sum(x.ravel(order="A") ** 2 * np.arange(12.0)),
    "reshape": lambda x: np.sum(np.reshape(x, (4, 3), order="A") ** 2 * np.arange(12.0).reshape(4, 3)),
}


def agree(fun: Any, points: list[Any]) -> None:
    """Twice at each point: the first call may make a program, the second uses it."""
    compiled = minigrad.compile(fun)
    for x in [*points, *points[::-1]]:
        for _ in range(2):
            assert_same(compiled(x.copy()), fun(x.copy()), rtol=1e-9)
    assert_trusted(compiled)
    assert compiled.stats()["replays"] > 0


@pytest.mark.parametrize("name", BY_VALUES)
def test_what_goes_by_values(name: str) -> None:
    """A program that chooses anew at each call, or one for each choice; never an old one."""
    agree(grad(BY_VALUES[name]), [draw(seed) for seed in range(5)])


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_memory_is_guarded(name: str) -> None:
    points = [draw(seed).reshape(3, 4) for seed in range(2)]
    compiled = minigrad.compile(grad(ORDERS[name]))
    for x in [*points, *map(np.asfortranarray, points), *points]:
        assert_same(compiled(x), grad(ORDERS[name])(x))
    assert list(compiled.stats()["reasons"]) == ["an argument is laid out in memory another way"]


@pytest.mark.parametrize(
    "name", ["expm", "logm", "sqrtm", "sylvester", "banded", "triangular", "lu", "lu_solve", "eigh"]
)
def test_functions_of_scipy_linalg(name: str) -> None:
    pytest.importorskip("scipy")
    from minigrad.scipy import linalg

    fun = {
        "expm": lambda x: np.sum(linalg.expm(positive(x)) ** 2),
        "logm": lambda x: np.sum(linalg.logm(positive(x)) ** 2),
        "sqrtm": lambda x: np.sum(np.abs(linalg.sqrtm((x[:9] - 0.3).reshape(3, 3)))),  # real or complex
        "sylvester": lambda x: np.sum(linalg.solve_sylvester(positive(x), np.eye(3), np.ones((3, 3))) ** 2),
        "banded": lambda x: np.sum(linalg.solve_banded((1, 1), x.reshape(3, 4) + np.eye(3)[:, [1] * 4] * 5, ONES) ** 2),
        "triangular": lambda x: np.sum(linalg.solve_triangular(positive(x), np.ones(3)) ** 2),
        "lu": lambda x: sum(np.sum(part**2 * GRID[:3, :3]) for part in linalg.lu(x[:9].reshape(3, 3))),
        "lu_solve": lambda x: np.sum(linalg.lu_solve(linalg.lu_factor(x[:9].reshape(3, 3)), np.ones(3)) ** 2),
        "eigh": lambda x: np.sum(linalg.eigh(positive(x))[0] ** 3),
    }[name]  # fmt: skip
    agree(grad(fun), [draw(seed) for seed in range(4)])


@pytest.mark.parametrize("name", ["spherical_jn", "legendre_p", "spherical_kn"])
def test_functions_of_scipy_special_that_are_no_ufuncs(name: str) -> None:
    pytest.importorskip("scipy")
    from minigrad.scipy import special

    agree(grad(lambda x: np.sum(getattr(special, name)(2, x) ** 2)), [draw(seed) for seed in range(3)])
    agree(lambda x: getattr(special, name)(2, x), [draw(seed) for seed in range(3)])


def test_numbers_of_python_take_axes_as_the_engine_gives_them() -> None:
    """The cotangent of a determinant, of a transpose of a number."""

    def parts(z: Any) -> Any:
        return np.sum((np.real(z) + np.imag(z)) ** 2)

    for fun in (lambda z: parts(np.linalg.det(z)), lambda z: parts(np.transpose(z[0, 0]))):
        agree(grad(fun), [(draw(seed)[:9] + 0.3j * draw(seed + 1)[:9]).reshape(3, 3) for seed in range(3)])


def test_scipy_itself_is_refused_with_advice() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    compiled = minigrad.compile(lambda x: linalg.expm(positive(x)))
    fails(CannotCompileError, lambda: compiled(draw(0)), "scipy makes a plain array", "minigrad.scipy")


# ----- writes ---------------------------------------------------------------------------------------------------------


def entries(x: Any) -> Any:
    y = x * 1.0
    y[2] = y[3] * 2.0
    y += x
    return y


def views(x: Any) -> Any:
    y = x.copy()
    z = y[1:]
    z *= 2.0
    y.shape = (3, 4)
    return y, z


def methods(x: Any) -> Any:
    y, z, w = x * 1.0, x * 2.0, x * (1.0 + 0.0j)
    y.sort()
    z.fill(x[3])
    w.real, w.imag = x, y
    return y, z, w


def functions(x: Any) -> Any:
    y = x * 1.0
    np.put(y, [0, 1], [x[3], 4.0])
    np.copyto(y[2:4], x[:2])
    np.add.at(y, [0, 0, 1], x[:3])
    np.multiply(y, x, out=y)
    y.flat[3] = 2.0
    return y


def by_mask(x: Any) -> Any:
    y = np.tanh(x)
    y[x > 0.5] = 0.0
    np.place(y, x < 0.2, [0.1])
    return y


@pytest.mark.parametrize("fun", [entries, views, methods, functions, by_mask])
@pytest.mark.parametrize("is_gradient", [False, True])
def test_writing_into_arrays(fun: Any, is_gradient: bool) -> None:
    """What is written, all see who share the memory, in a program too."""

    def total(x: Any) -> Any:
        out = fun(x)
        return sum(np.sum(np.abs(part) ** 2) for part in (out if isinstance(out, tuple) else (out,)))

    if fun is views:
        fun = lambda x: (lambda y: (y[1:].__imul__(2.0), y)[1])(x.copy())
    agree(grad(total) if is_gradient and fun.__name__ != "<lambda>" else fun, [draw(seed) for seed in range(3)])


def test_the_callers_array_is_not_written_to() -> None:
    def f(x: Any) -> Any:
        x[0] = 1.0
        return np.sum(x * x)

    x = draw(0)
    before = x.copy()
    fails(CannotCompileError, lambda: minigrad.compile(f)(x), "writes into an argument", "x = x.copy()", "at ")
    assert np.array_equal(x, before)


def test_what_a_function_changes_outside_is_not_changed_twice() -> None:
    """A function that writes into arrays runs twice while it is traced; not if it keeps a record."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(len(calls))
        y = x.copy()
        y[0] = 1.0
        return y

    with pytest.raises(CannotCompileError, match="cannot be written to"):
        minigrad.compile(f)(draw(0))
    assert calls == [0]


def test_whole_numbers_cannot_be_written_to() -> None:
    def f(n: Any) -> Any:
        n = n.copy()
        n.sort()
        return n

    fails(CannotCompileError, lambda: minigrad.compile(f)(np.arange(3)), "cannot be written to", "n.sort()")
    fails(AttributeError, lambda: minigrad.compile(lambda x: x.nothing)(draw(0)), "compile: ", "no attribute", "at ")


# ----- arguments ------------------------------------------------------------------------------------------------------


def test_an_array_in_a_file(tmp_path: Path) -> None:
    """A memmap is an argument as any array is; what is in the file is read at every call."""
    x = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=(6,))
    x[:] = np.arange(6.0)
    fun = grad(lambda x: np.sum(np.sin(x[1:]) * x[:-1]))
    compiled = minigrad.compile(fun)
    for _ in range(3):
        assert_same(compiled(x), fun(x))
        x *= 0.5
    assert compiled.stats()["replays"] == 2
    assert_same(compiled(np.arange(6.0)), fun(np.arange(6.0)))
    assert_same(source(fun, x).function()(x), fun(x))


def test_the_text_guards_positions_too() -> None:
    f = lambda x: np.sum(TABLE[np.digitize(x, EDGES)] * x)
    text = source(grad(f), draw(0))
    assert np.array_equal(text.function()(draw(0)), grad(f)(draw(0)))
    with pytest.raises(ValueError, match="another branch"):
        text.function()(draw(1))
