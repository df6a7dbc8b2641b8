"""What a compiled function reads besides its arguments is watched, and what cannot be watched is refused."""

import gc
import importlib
import logging
import os
import pathlib
import random
import sys
import time
from collections import deque
from typing import Any

import numpy as np
import pytest
from compiled import assert_same, check

import minigrad
from minigrad import grad, value_and_grad
from minigrad.compiler.traced import Traced
from minigrad.errors import CannotCompileError

rng = np.random.default_rng(3)
X, Y = rng.uniform(-1, 1, (2, 2, 3))

SCALE = 2.0
TABLE = {"w": np.ones(3), "n": 2}


# ----- what the function captured -------------------------------------------------------------------------------------


def test_captured_arrays_that_are_written_to() -> None:
    """Small and large ones, also where the function uses something that it computed from them with plain NumPy."""
    small, large = np.ones(3), np.ones(40_000)
    derived = np.arange(3.0)

    def fun(x: Any) -> Any:
        return x * small + (derived * 2.0) + large[:3] * np.sum(large * x[0])

    gradient = grad(lambda x: np.sum(fun(x) * fun(x)))
    compiled = minigrad.compile(gradient)
    x = np.array([0.1, 0.2, 0.3])
    for k in range(4):
        assert_same(compiled(x), gradient(x))
        assert_same(compiled(x), gradient(x))
        small[k % 3] += 1.0
        large[17 * k] = -3.0
        derived[0] -= 1.0
    assert compiled.stats()["traces"] == 4
    assert compiled.stats()["replays"] == 4


def test_closures_globals_defaults_and_attributes_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    class Config:
        factor = 1.0

    config, offset, layers = Config(), 1.0, [np.ones(3), np.ones(3)]

    def helper(x: Any) -> Any:
        return x * offset

    def fun(x: Any) -> Any:
        for layer in layers:
            x = x + layer * config.factor
        return helper(x) * SCALE + TABLE["w"] * TABLE["n"]

    compiled = minigrad.compile(fun)
    x = np.array([1.0, 2.0, 3.0])
    seen = 0

    def agrees() -> None:
        nonlocal seen
        seen += 1
        assert_same(compiled(x), fun(x))
        assert_same(compiled(x), fun(x))
        assert compiled.stats()["traces"] == seen

    agrees()
    offset = 3.0
    agrees()
    config.factor = 5.0
    agrees()
    Config.other = 1  # type: ignore[attr-defined]  # nobody reads it
    layers.append(np.full(3, 7.0))
    agrees()
    layers[0] = np.zeros(3)
    agrees()
    layers[1][2] = -1.0
    agrees()
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    agrees()
    monkeypatch.setitem(TABLE, "n", 3)
    agrees()
    monkeypatch.setitem(globals(), "TABLE", {"w": np.zeros(3), "n": 1})
    agrees()


def test_objects_whose_methods_and_properties_read_what_changes() -> None:
    """Through methods, properties, slots, other compiled functions, and getattr."""

    class Layer:
        __slots__ = ("w",)

        def __init__(self) -> None:
            self.w = np.ones(3)

    class Model:
        def __init__(self) -> None:
            self.weights, self.layer, self.hidden = np.ones(3), Layer(), 1.0

        @property
        def gain(self) -> Any:
            return self.hidden

        def forward(self, x: Any) -> Any:
            return x * self.weights * self.layer.w * self.gain + getattr(self, "bias", 0.0)

    model = Model()
    inner = minigrad.compile(lambda x: model.forward(x))
    outer = minigrad.compile(lambda x: inner(x) * 2.0)
    x = np.array([1.0, 2.0, 3.0])

    def agrees() -> None:
        for _ in range(2):
            assert_same(inner(x), model.forward(x))
            assert_same(outer(x), model.forward(x) * 2.0)

    agrees()
    model.weights[0] = 5.0
    agrees()
    model.weights = np.full(3, 2.0)
    agrees()
    model.layer.w[1] = -1.0
    agrees()
    model.layer.w = np.zeros(3) + 3.0
    agrees()
    model.hidden = 7.0
    agrees()
    model.layer = Layer()
    agrees()
    assert inner.stats()["traces"] == outer.stats()["traces"] == 7
    assert inner.stats()["replays"] == 7


def test_arrays_that_no_walk_finds() -> None:
    """Kept where the code names nothing of it: what an operation used is watched all the same."""
    hidden = {"a": np.ones(3)}
    box: Any = type("Secret", (), {})()
    box.fetch = hidden.__getitem__
    compiled = minigrad.compile(lambda x: x * box.fetch("a"))
    assert_same(compiled(X[0]), X[0])
    hidden["a"][0] = 4.0
    assert_same(compiled(X[0]), X[0] * hidden["a"])
    temporary = minigrad.compile(lambda x: x * np.arange(3.0) * np.ones(3))
    temporary(X[0])
    assert Traced(temporary.fun, (X[0],), {}).watched.arrays == []


def test_a_captured_array_that_is_changed_at_every_call() -> None:
    """Never wrong, and not traced for ever."""
    batch = np.zeros(3)
    compiled = minigrad.compile(lambda x: x * batch)
    for k in range(40):
        batch[:] = k
        assert_same(compiled(X[0]), X[0] * k)
    assert compiled.stats()["traces"] < 30
    assert "a captured value changed" in compiled.stats()["reasons"]


GENERATOR = np.random.default_rng(0)


# ----- what is refused ------------------------------------------------------------------------------------------------


def _print(x: Any) -> Any:
    print("x")
    return x


def _open(x: Any) -> Any:
    with open(__file__) as file:
        return x * len(file.read())


SEEN: list[int] = []


def _count(x: Any) -> Any:
    SEEN.append(1)
    return x * len(SEEN)


LOADER, QUEUE, NORMAL = iter([1.0] * 20), deque([1.0] * 20), GENERATOR.normal


def _write(x: Any) -> Any:
    TABLE["w"][0] += 1.0  # type: ignore[index]
    return x * 2.0


REFUSED: list[tuple[Any, str]] = [
    (lambda x: x * GENERATOR.normal(), "random numbers from GENERATOR"),
    (lambda x: x * np.random.rand(), "random numbers"),
    (lambda x: x * np.random.default_rng().normal(), "random"),
    (lambda x: x * random.random(), "random"),
    (lambda x: x * random.gauss(0, 1), "random"),
    (lambda x: x * time.time(), r"time\(\)"),
    (lambda x: x * time.perf_counter(), "perf_counter"),
    (lambda x: x * len(os.listdir(".")), "listdir"),
    (_print, "print"),
    (_open, "open"),
    (_count, "changes SEEN"),
    (lambda x: x * next(LOADER), "LOADER, an iterator"),
    (lambda x: x * QUEUE.popleft(), "changes QUEUE"),
    (lambda x: x * NORMAL(), "random numbers from NORMAL"),
    (_write, "changes w"),
]


def called(compiled: Any, times: int) -> None:
    for _ in range(times):
        compiled(X.copy())


@pytest.mark.parametrize(("fun", "message"), REFUSED)
def test_what_a_program_cannot_repeat_is_not_compiled(fun: Any, message: str) -> None:
    """The engine answers; one warning says why, and the reasons name the line."""
    compiled = minigrad.compile(fun)
    with pytest.warns(RuntimeWarning, match=message) as given:
        called(compiled, 4)
    assert len(given) == 1
    assert given[0].filename == __file__
    (reason,) = compiled.stats()["reasons"]
    assert "not compiled: " in reason
    assert compiled.stats()["replays"] == compiled.stats()["traces"] == 0
    assert compiled.stats()["eager"] == 4
    with pytest.raises(CannotCompileError, match=f"source: .*{message}"):
        minigrad.source(fun, X.copy())


@pytest.mark.parametrize(
    ("fun", "message"),
    [
        (lambda x: np.asarray(x) * 2, "np.asarray"),
        (lambda x: np.add(x, x, out=np.ones((2, 3))), "out="),
        (lambda x: x.__setitem__(0, 1.0), "set_at"),
        (lambda x: minigrad.make_vjp(np.sin)(x), "function"),
    ],
)
def test_what_cannot_be_traced_is_refused(fun: Any, message: str) -> None:
    """With a message that says what to do."""
    with pytest.raises(CannotCompileError, match=message):
        minigrad.compile(fun)(X.copy())


def test_the_line_of_a_refusal_is_that_of_the_call() -> None:
    """Also where a function of the standard library does it."""

    def quiet(x: Any) -> Any:
        y = x * 2.0
        logging.getLogger("minigrad.tests").warning("a line")
        return y

    compiled = minigrad.compile(quiet)
    with pytest.warns(RuntimeWarning, match=r"logging\.") as given:
        called(compiled, 2)
    assert "getLogger" in str(given[0].message)
    assert "not compiled" in minigrad.compiler.explain(quiet, X)


def test_a_version_of_python_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed: the engine answers every call. The text of a program needs no guards."""
    monkeypatch.setattr("minigrad.compiler.replay.is_known", lambda: False)
    monkeypatch.setattr("minigrad.compiler.watch.is_known", lambda: False)
    factor = [2.0]
    compiled = minigrad.compile(lambda x: x * factor[0])
    with pytest.warns(RuntimeWarning, match="version of Python"):
        assert called_twice(compiled, 1.0) == 2.0
    factor[0] = 3.0
    assert compiled(1.0) == 3.0
    assert compiled.stats()["traces"] == 0
    assert "2.0 * x" in minigrad.source(lambda x: 2.0 * x, 1.0)


def test_functions_run_once_per_call() -> None:
    """A function that is not compiled has no effect twice, at the first call either."""

    def fun(x: Any) -> Any:
        SEEN.append(1)
        return x * 2.0

    SEEN.clear()
    compiled = minigrad.compile(fun)
    with pytest.warns(RuntimeWarning, match="changes SEEN"):
        called(compiled, 10)
    assert len(SEEN) == 10


def test_the_garbage_collector_is_no_reader_of_the_time() -> None:
    """Its callbacks may look at the clock while a function that mentions one is traced."""

    def callback(phase: str, info: Any) -> None:
        time.perf_counter()

    def fun(x: Any, clock: bool = False) -> Any:
        gc.collect()
        return x * time.perf_counter() if clock else x * 2.0

    gc.callbacks.append(callback)
    try:
        check(fun, (X,), (Y,))
    finally:
        gc.callbacks.remove(callback)


def test_a_seeded_generator_made_within_is_a_constant() -> None:
    check(lambda x: x * np.random.default_rng(7).normal(), (X,), (Y,))


# ----- texts, signs of zeros, and operators of other duck arrays ------------------------------------------------------


def test_a_decorator_with_options() -> None:
    @minigrad.compile(exact=True)
    def fun(x: Any) -> Any:
        return x * 2.0

    assert fun(3.0) == 6.0
    assert fun.stats()["traces"] == 1


# ----- what a function leaves outside ---------------------------------------------------------------------------------


class _Kept:
    last: Any = None
    every: Any = ()
    inner: Any = None


@pytest.mark.filterwarnings("ignore:compile")
@pytest.mark.parametrize("transform", [lambda fun: fun, value_and_grad], ids=["value", "gradient"])
def test_what_a_function_leaves_outside_is_plain(transform: Any) -> None:
    """The first run is that of the trace: no value of it is left in a list, a table, an attribute or a closure."""
    log, table, names, ends, kept, count = [], {}, set(), deque(maxlen=2), _Kept(), None
    inner: list[Any] = []

    def fun(x: Any) -> Any:
        nonlocal count
        y = minigrad.value(np.sum(x * x))
        log.append(y)
        log.append((1, [y], {"y": (y, 2.0)}))
        inner.append(y)
        kept.inner = (inner, (y, (y, inner)))
        table[len(table)], table["y"] = y, [y]
        names.add(y)
        ends.append(y)
        kept.last, kept.every, count = y, (*kept.every, y), y
        return np.sum(x * x)

    compiled = minigrad.compile(transform(fun))
    for _ in range(3):
        compiled(np.ones(3))
    found = [log, table, names, ends, vars(kept), count]
    assert "Staged" not in repr(found)
    assert log[::2] == [3.0] * 3
    assert log[1] == (1, [3.0], {"y": (3.0, 2.0)})
    assert kept.inner[0] is kept.inner[1][1][1] is inner
    assert (names, ends, kept.every, count) == ({3.0}, deque([3.0, 3.0]), (3.0, 3.0, 3.0), 3.0)
    assert all(type(each) is np.float64 for each in (*log[::2], *names, *ends, *kept.every, count, table["y"][0]))


@pytest.mark.filterwarnings("ignore:compile")
def test_a_memo_that_a_function_fills_has_plain_keys_and_values() -> None:
    memo: dict[float, float] = {}

    def fun(x: float) -> float:
        if x not in memo:
            memo[x] = x * 2.0
        return memo[x]

    compiled = minigrad.compile(fun)
    assert [compiled(x) for x in (1.0, 1.0, 2.0, 1.0, 2.0)] == [2.0, 2.0, 4.0, 2.0, 4.0]
    assert {type(each) for each in (*memo, *memo.values(), compiled(2.0))} == {float}


# ----- what a trace leaves behind -------------------------------------------------------------------------------------


def test_effects_are_those_of_the_plain_function_and_hold_no_traced_values() -> None:
    """A function that stores what it computes is not compiled; the trace has run it all the same."""

    class Trainer:
        last: Any = None

    def run(wrap: Any) -> Any:
        trainer, log, table = Trainer(), [], {}

        def fun(x: Any) -> Any:
            trainer.last = x * 2.0
            log.append((x, [np.sin(x)]))
            table["k"] = {"y": x + 1.0}
            return np.sum(x)

        return [wrap(fun)(X), trainer.last, log, table]

    with pytest.warns(RuntimeWarning, match="changes"):
        found = run(lambda fun: lambda x: called_twice(minigrad.compile(fun), x))
    expected = run(lambda fun: lambda x: called_twice(fun, x))
    assert_same(found, expected)
    assert type(found[1]) is type(found[2][0][0]) is type(found[2][0][1][0]) is type(found[3]["k"]["y"]) is np.ndarray


def called_twice(fun: Any, x: Any) -> Any:
    fun(x)
    return fun(x)


def test_containers_among_the_arguments_that_are_changed() -> None:
    def fun(p: Any) -> Any:
        p["w"] = p["w"] * 2.0
        p["seen"].append(1.0)
        return np.sum(p["w"])

    compiled, p, seen = minigrad.compile(fun), {"w": np.ones(2), "seen": [0.0]}, []
    seen = p["seen"]
    with pytest.warns(RuntimeWarning, match="changes an argument"):
        assert [compiled(p), compiled(p), compiled(p)] == [4.0, 8.0, 16.0]
    assert seen is p["seen"]
    assert seen == [0.0, 1.0, 1.0, 1.0]


def test_a_compiled_function_within_another_passes_on_what_it_read() -> None:
    factor = [2.0]
    inner = minigrad.compile(lambda x: x * factor[0])
    outer = minigrad.compile(lambda x: x * inner(3.0))
    for k in range(4):
        factor[0] = float(k // 2)
        assert outer(1.0) == 3.0 * (k // 2)
    assert outer.stats()["replays"] == 2


def test_an_argument_that_equals_another_but_holds_something_else() -> None:
    class Settings:
        def __init__(self, k: float) -> None:
            self.k = k

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Settings)

        def __hash__(self) -> int:
            return 1

    compiled = minigrad.compile(lambda x, settings: x * settings.k)
    first, second = Settings(2.0), Settings(3.0)
    assert [compiled(1.0, first), compiled(1.0, second), compiled(1.0, first), compiled(1.0, second)] == [2, 3, 2, 3]


def test_an_installed_package_may_be_the_users_own(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its objects can be called by the engine alone, and what they read is watched all the same."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    text = "class Loss:\n    scale = 2.0\n    def __call__(self, x):\n        return x * self.scale\n"
    (folder / "installed_losses.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    loss = importlib.import_module("installed_losses").Loss()
    compiled = minigrad.compile(loss)
    assert called_twice(compiled, 1.0) == 2.0
    loss.scale = 3.0
    assert called_twice(compiled, 1.0) == 3.0
    assert compiled.stats()["replays"] == 2


def test_somebody_else_who_traces() -> None:
    def fun(x: Any) -> Any:
        stop_tracing()
        return x * 2.0

    compiled = minigrad.compile(fun)
    with pytest.warns(RuntimeWarning, match="not watched to its end|settrace"):
        compiled(1.0)


def stop_tracing() -> None:
    sys.settrace(None)
