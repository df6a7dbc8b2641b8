"""Memory is freed at once, without the garbage collector."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import grad, hessian, hvp, jacobian, jvp, trace, value_and_grad, vjp
from minigrad.compiler.traced import Traced
from minigrad.core.tape import Tape


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only reference counts free memory."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def tapes() -> int:
    """How many tapes are alive."""
    return sum(issubclass(type(thing), Tape) for thing in gc.get_objects())


class Watch:
    """Weak references to the arrays that appear in a traced function."""

    def __init__(self) -> None:
        self.references: list[Any] = []

    def __call__(self, x: Any) -> Any:
        plain = x
        while hasattr(plain, "tape"):
            plain = plain.value
        if isinstance(plain, np.ndarray):
            self.references.append(weakref.ref(plain))
        return x

    def alive(self) -> int:
        """How many of them still exist."""
        return sum(reference() is not None for reference in self.references)


RUNS: dict[str, Callable[[Callable[[Any], Any], Any], Any]] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x),
    "vjp": lambda f, x: vjp(f, x)[1](1.0),
    "jvp": lambda f, x: jvp(f, (x,), (x,)),
    "hvp": lambda f, x: hvp(f, x, x),
    "jacobian": lambda f, x: jacobian(f)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "grad of grad": lambda f, x: grad(lambda x: np.sum(grad(f)(x) ** 2))(x),
    "trace": lambda f, x: str(trace(f, x)),
    "trace, cotangents": lambda f, x: trace(f, x).table(cotangents=True),
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_memory_is_freed_at_once(run: Callable[..., Any]) -> None:
    """When a transformation returns, all its intermediates and tapes are gone, though no collector runs."""
    watch, before = Watch(), tapes()

    def fun(x: Any) -> Any:
        y = watch(np.tanh(watch(x * 2.0)))
        z = watch(y[::2] + y[[0, 0, 1]])
        return np.sum(watch(np.where(z > 0, z, 0.0))) + watch(np.stack([z, z]))[0, 1]

    result = run(fun, np.linspace(0.1, 1.0, 6))
    assert len(watch.references) >= 5
    assert watch.alive() == 0
    assert tapes() == before
    assert result is not None


FAILURES: dict[str, Callable[[Any], Any]] = {
    "no rule": lambda y: np.fft.fft(y),
    "float": lambda y: float(y[0]),
    "assignment": lambda y: np.zeros(3).__setitem__(0, y[0]),
    "slice assignment": lambda y: np.zeros(6).__setitem__(slice(None), y),
    "list": lambda y: np.array([y[0], y[1]]),
    "shape": lambda y: y @ np.ones((2, 2)),
    "own": lambda y: {}["missing"],
    "not one number": lambda y: y,
    "none": lambda y: None,
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("nested", [False, True], ids=["first order", "second order"])
def test_memory_is_freed_after_an_exception(fail: Callable[[Any], Any], nested: bool) -> None:
    """Once the traceback is dropped nothing is left, at first and second order."""
    watch, before = Watch(), tapes()

    def fun(x: Any) -> Any:
        return fail(watch(np.exp(watch(x * 2.0))))

    def outer(x: Any) -> Any:
        return np.sum(grad(fun)(x))

    raised = None
    try:
        grad(outer if nested else fun)(np.ones(6))
    except Exception as error:  # any of them: what matters is what it leaves behind
        raised = type(error)
    assert raised is not None
    assert len(watch.references) == 2
    assert watch.alive() == 0
    assert tapes() == before


@pytest.mark.usefixtures("no_collector")
def test_a_pullback_holds_its_tape_and_then_lets_go() -> None:
    """Residuals live as long as the pullback does."""
    watch, before = Watch(), tapes()
    _, pullback = vjp(lambda x: np.sum(watch(np.exp(x))), np.ones(5))
    assert watch.alive() == 1
    del pullback
    assert watch.alive() == 0
    assert tapes() == before


@pytest.mark.usefixtures("no_collector")
def test_inputs_and_results_are_not_kept() -> None:
    """Neither the argument nor the gradient is remembered by the engine."""
    x = np.ones(1000)
    g = grad(lambda x: np.sum(x * x))(x)
    references = weakref.ref(x), weakref.ref(g)
    del x, g
    assert [r() for r in references] == [None, None]


def test_what_compile_traced_is_freed(no_collector: None) -> None:
    """Arguments and results of the first call, and all that was computed on the way."""
    watch, x = Watch(), np.linspace(0.1, 0.9, 7)
    argument = weakref.ref(x)
    compiled = minigrad.compile(value_and_grad(lambda x: np.sum(np.sin(x) * x)))
    for result in compiled(x):
        watch(result)
    del x, result
    assert argument() is None
    assert watch.alive() == 0
    assert not any(type(thing) is Traced for thing in gc.get_objects())
    assert compiled.stats()["programs"] == 1
