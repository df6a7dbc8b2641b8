"""What runs in the middle of a function without being part of it is not taken for the function's own."""

import asyncio
import builtins
import ctypes
import functools
import gc
import os
import signal
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad

SCALE = [2.0]


def clock(*_: Any) -> None:
    time.perf_counter()


class Clock:
    def __call__(self, *_: Any) -> None:
        clock()

    def method(self, *_: Any) -> None:
        time.perf_counter()


def installed() -> Any:
    """A function of a library."""
    space = {"time": time}
    exec(compile("def look(*_):\n    time.perf_counter()\n", "/opt/site-packages/look.py", "exec"), space)
    return space["look"]


class Garbage:
    """An object that only the collector frees."""

    def __init__(self) -> None:
        self.me = self


class WithFinalizer(Garbage):
    def __del__(self) -> None:
        clock()


class WithFinalizerOfOtherName(Garbage):
    def close(self) -> None:
        time.perf_counter()

    __del__ = close


class WithFailingFinalizer(Garbage):
    def __del__(self) -> None:
        raise ValueError


def suspended() -> Any:
    """A generator that looks at the clock when it is closed."""
    try:
        yield
    finally:
        clock()


def of_a_weak_reference(hook: Any) -> Any:
    return weakref.ref(Garbage(), hook)


def of_a_finalizer(hook: Any) -> Any:
    weakref.finalize(Garbage(), hook)


def of_the_collector(hook: Any) -> Any:
    gc.callbacks.append(hook)


def of_a_signal(hook: Any) -> Any:
    """The signal is sent, without Python's looking for signals at once, when the collector frees an object."""
    signal.signal(signal.SIGUSR1, hook)
    kill = ctypes.CDLL(None).kill
    kill.argtypes = ctypes.c_int, ctypes.c_int, ctypes.py_object
    return weakref.ref(Garbage(), functools.partial(kill, os.getpid(), signal.SIGUSR1))


def of_a_failing_finalizer(hook: Any) -> Any:
    sys.unraisablehook = hook
    WithFailingFinalizer()


HOOKS: dict[str, Any] = {
    "function": clock,
    "method": Clock().method,
    "partial": functools.partial(clock, 1),
    "object": Clock(),
    "lambda": lambda *_: clock(),
    "library": installed(),
}
WAYS = [of_a_weak_reference, of_a_finalizer, of_the_collector, of_a_failing_finalizer]
if hasattr(signal, "SIGUSR1"):
    WAYS.append(of_a_signal)


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Any:
    """The collector leaves alone what was there before these tests."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _hooks_as_before(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    SCALE[0] = 2.0
    callbacks = list(gc.callbacks)
    handler = signal.getsignal(signal.SIGUSR1) if hasattr(signal, "SIGUSR1") else None
    yield
    gc.callbacks[:] = callbacks
    if handler is not None:
        signal.signal(signal.SIGUSR1, handler)


def is_compiled(fun: Callable[[Any], Any], prepare: Callable[[], Any] = lambda: None) -> bool:
    """Whether a function is compiled, and still follows what it reads itself."""
    compiled = minigrad.compile(fun)
    gc.collect()
    gc.disable()
    try:
        kept = prepare()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            first = compiled(0.5)
    finally:
        gc.enable()
    assert first == fun(0.5)
    del kept
    replays = compiled.stats()["replays"]
    SCALE[0] += 1.0
    assert compiled(0.5) == fun(0.5)
    assert compiled(0.5) == fun(0.5)
    return compiled.stats()["replays"] == replays + 1


def collecting(x: Any) -> Any:
    gc.collect()
    return np.sin(x) * SCALE[0]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("way", WAYS)
def test_hooks(way: Callable[[Any], Any], hook: str) -> None:
    assert is_compiled(collecting, lambda: way(HOOKS[hook]))


@pytest.mark.parametrize("kind", [WithFinalizer, WithFinalizerOfOtherName])
def test_finalizers_of_garbage(kind: type) -> None:
    assert is_compiled(collecting, lambda: kind() and None)


@pytest.mark.parametrize("kind", [WithFinalizer, WithFinalizerOfOtherName])
def test_finalizers_of_what_the_function_lets_go(kind: type) -> None:
    def fun(x: Any) -> Any:
        for each in [kind()]:
            each.me = None
        del each
        return x * SCALE[0]

    assert is_compiled(fun)


def test_generators_that_the_collector_closes() -> None:
    def prepare() -> None:
        generator = suspended()
        next(generator)
        ring = [generator]
        ring.append(ring)

    assert is_compiled(collecting, prepare)


def test_a_collection_that_python_decides_on() -> None:
    """One at each object, among them those that the engine makes within the function's lines."""
    refs = []

    def prepare() -> None:
        refs.extend(weakref.ref(Garbage(), HOOKS["library"]) for _ in range(3))
        gc.callbacks.append(HOOKS["partial"])
        gc.set_threshold(1, 1, 1)
        gc.enable()

    before = gc.get_threshold()
    try:
        assert is_compiled(lambda x: np.sin(x * SCALE[0]), prepare)
    finally:
        gc.set_threshold(*before)


def test_an_import_that_is_hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def hooked(*args: Any, **named: Any) -> Any:
        clock()
        return plain(*args, **named)

    def fun(x: Any) -> Any:
        import math

        return x * math.pi * SCALE[0]

    monkeypatch.setattr(builtins, "__import__", hooked)
    assert is_compiled(fun)


def test_another_thread_that_runs_an_event_loop() -> None:
    is_over = threading.Event()

    async def loop() -> None:
        while not is_over.is_set():
            asyncio.get_running_loop()
            clock()
            await asyncio.sleep(0)

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=lambda: asyncio.run(loop()))
    thread.start()
    sys.setswitchinterval(1e-5)
    try:
        assert is_compiled(lambda x: sum(np.sin(x) * SCALE[0] for _ in range(30)))
    finally:
        sys.setswitchinterval(interval)
        is_over.set()
        thread.join()


# ----- what looks like an interruption, and is none -------------------------------------------------------------------

LOST = weakref.ref(Clock())


def scale(*_: Any) -> Any:
    return SCALE[0]


def scale_by_default(_: Any, lost: Any = LOST) -> Any:
    return SCALE[0]


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: x * scale(LOST),
        lambda x: x * sum(map(scale, [LOST])),
        lambda x: x * sum(map(scale, [sys._getframe()])),
        lambda x: x * sum(map(scale_by_default, [1.0])),
    ],
)
def test_dead_references_and_frames_of_the_function_itself(fun: Callable[[Any], Any]) -> None:
    is_compiled(fun)  # or refused: it asserts that the result is never an old one


def test_a_finalizer_that_the_function_calls() -> None:
    class Scaled:
        def __del__(self) -> Any:
            return SCALE[0]

    held = Scaled()
    assert is_compiled(lambda x: x * held.__del__())


def test_callbacks_are_taken_back() -> None:
    before = list(gc.callbacks)
    assert is_compiled(lambda x: x * SCALE[0])
    assert gc.callbacks == before


def test_a_function_that_clears_the_callbacks_is_not_compiled() -> None:
    def fun(x: Any) -> Any:
        gc.callbacks.clear()
        return x * SCALE[0]

    assert not is_compiled(fun)
