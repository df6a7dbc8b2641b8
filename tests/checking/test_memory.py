"""What a check has used is freed with its last reference: nothing waits for the garbage collector."""

import gc
import math
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import check, complex_step, finite_difference, richardson
from minigrad.test_util import check_grads
from minigrad.testing import assert_grads_match, assert_rule


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Called:
    """A function that can be referred to weakly."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fun(*args, **kwargs)


def remains(run: Callable[[Any, Any, Any], Any], f: Any, manual: Any) -> list[str]:
    """What is alive after a run whose result was dropped: f, what was written by hand, the point, or the result."""
    f, manual, x = Called(f), Called(manual), np.full(3, 0.7)
    alive = {"f": weakref.ref(f), "manual": weakref.ref(manual), "x": weakref.ref(x)}
    try:
        result = run(f, manual, x)
        if result is not None:
            alive["result"] = weakref.ref(result)
        del result
    except (ValueError, AssertionError):  # what `fails` raises, and what says that a derivative is wrong
        pass
    del f, manual, x
    return [name for name, reference in alive.items() if reference() is not None]


def sines(x: Any) -> Any:
    return np.sum(np.sin(x))


def fails(x: Any) -> Any:
    raise ValueError("no")


CHECKED = {
    "right": (sines, np.cos),
    "wrong": (sines, lambda x: 2 * np.cos(x)),
    "infinite": (sines, lambda x: x + math.inf),
    "untraced": (lambda x: sum(math.sin(float(t)) for t in x), np.cos),
    "kink": (lambda x: np.sum(np.abs(x - 0.7)), np.sign),
    "f raises": (fails, np.cos),
    "manual raises": (sines, fails),
    "f raises beside the point": (lambda x: np.sum(x) if x[0] == 0.7 else fails(x), np.ones_like),
    "cancelling": (lambda x: np.sum((np.exp(1e-9 * x) - 1) / x), np.ones_like),
}


@pytest.mark.parametrize(("f", "manual"), CHECKED.values(), ids=CHECKED)
def test_a_report_keeps_neither_functions_nor_tapes(f: Any, manual: Any) -> None:
    assert remains(check, f, manual) == []
    assert remains(lambda f, manual, x: str(check(f, manual, x)) and None, f, manual) == []
    assert remains(assert_grads_match, f, manual) == []


def test_a_page_keeps_no_report(tmp_path: Path) -> None:
    """Who draws its pictures leaves no cycle, in which the frames of all callers would be kept."""
    pytest.importorskip("matplotlib")
    page = lambda f, manual, x: check(f, manual, x).to_html(tmp_path / "report.html")
    assert remains(page, sines, lambda x: 1.1 * np.cos(x)) == []


def test_other_kinds_of_checks_leave_nothing() -> None:
    assert (
        remains(lambda f, manual, x: check(f, manual, x, kind="jacobian"), np.sin, lambda x: np.diag(np.cos(x))) == []
    )
    assert remains(lambda f, manual, x: check(f, manual, x, kind="vjp"), np.sin, lambda x, c: c * np.cos(x)) == []
    assert remains(lambda f, manual, x: check(f, manual, x, kind="jvp"), np.sin, lambda x, v: v * np.cos(x)) == []
    labelled = lambda x: np.sum(minigrad.name(np.sin(x), "s") ** 2)
    assert remains(lambda f, manual, x: check(f, manual, x, deltas={"s": x}), labelled, lambda x: np.sin(2 * x)) == []
    for factor in (2, 3):
        rule = lambda f, manual, x: minigrad.custom_primitive(f, vjp=manual).check(x)
        assert remains(rule, lambda x: x * x, lambda g, ans, x, factor=factor: factor * g * x) == []
    assert remains(lambda f, manual, x: list(assert_rule(f, x) or []) and None, np.sin, np.cos) == []
    assert remains(lambda f, manual, x: check_grads(f)(x), np.sin, np.cos) == []


@pytest.mark.parametrize("derivative", [finite_difference, richardson, complex_step])
def test_differences_leave_nothing(derivative: Any) -> None:
    for f in (sines, fails):
        assert remains(lambda f, manual, x: derivative(f)(x), f, np.cos) == []
        assert remains(lambda f, manual, x: derivative(f, kind="hessian")(x), f, np.cos) == []
