"""`custom_primitive(...).check`: wrong rules are found whatever the scale, and right ones pass."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from minigrad import custom_primitive

RNG = np.random.default_rng(0)


def sines(factor: float = 1.0, mode: str = "vjp") -> Any:
    """The sum of sines, whose rule is wrong by a factor."""
    if mode == "vjp":
        return custom_primitive(lambda x: np.sum(np.sin(x)), vjp=lambda g, ans, x: factor * g * np.cos(x))
    return custom_primitive(lambda x: np.sum(np.sin(x)), jvp=lambda ts, ans, x: factor * np.sum(ts[0] * np.cos(x)))


@pytest.mark.parametrize("mode", ["vjp", "jvp"])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 30.0])
@pytest.mark.parametrize("size", [1, 10_000])
def test_an_error_of_one_percent_is_found(mode: str, scale: float, size: int) -> None:
    x = scale * np.random.default_rng(size).standard_normal(size)  # the same point in any order of the tests
    sines(mode=mode).check(x)
    with pytest.raises(AssertionError, match=rf"the {mode} of argument 0 \(x\) is wrong: .* by the factor 1.01\b"):
        sines(1.01, mode).check(x)


def test_one_wrong_entry_among_many_is_found() -> None:
    def rule(g: Any, ans: Any, x: Any) -> Any:
        ct = 3 * g * x**2
        ct[77] *= 1.05
        return ct

    with pytest.raises(AssertionError, match="by no constant factor"):
        custom_primitive(lambda x: np.sum(x**3), vjp=rule).check(RNG.standard_normal(1000))


def test_a_rule_may_be_less_exact_than_differences_are() -> None:
    """A solver that stops at 1e-8 has a rule of that accuracy."""
    sines(1 + 1e-7).check(RNG.standard_normal(5))
    with pytest.raises(AssertionError, match="is wrong"):
        sines(1 + 1e-4).check(RNG.standard_normal(5))


def test_a_kink_and_noise_are_named() -> None:
    """Where differences cannot tell, the message says why, and does not blame the rule."""
    with pytest.raises(AssertionError, match=r"cannot be checked here, NOT DIFFERENTIABLE HERE: .*slopes"):
        custom_primitive(lambda x: np.sum(np.abs(x)), vjp=lambda g, ans, x: g * np.sign(x)).check(np.zeros(2))
    noise = np.random.default_rng(1)
    noisy = custom_primitive(
        lambda x: float(np.sin(x[0])) + noise.standard_normal(), vjp=lambda g, ans, x: g * np.cos(x) * [1, 0]
    )
    with pytest.raises(AssertionError, match="cannot be checked here, INCONCLUSIVE"):
        noisy.check(np.ones(2))


def test_the_value_gets_plain_arrays() -> None:
    """It may do what cannot be traced: here, write in place and call C."""

    def value(x: Any) -> Any:
        assert type(x) is np.ndarray
        out = np.empty(3)
        out[:] = np.fft.irfft(np.fft.rfft(x), 3)
        return out

    custom_primitive(value, vjp=lambda g, ans, x: g).check(np.arange(3.0))


def test_results_and_arguments_in_structures() -> None:
    """Trees with parts that have no derivative."""

    def value(p: Any, name: str, n: int) -> Any:
        return {"y": p["a"] * n, "name": name}, p["b"][0] ** 2

    def rule(g: Any, ans: Any, p: Any, name: str, n: int, factor: float = 1.0) -> Any:
        return {"a": g[0]["y"] * n, "b": [2 * factor * g[1] * p["b"][0], None]}

    p = {"a": np.arange(2.0), "b": [np.array([1.0, 2.0]), 7]}
    custom_primitive(value, vjp=rule, static=("name", "n")).check(p, "x", 3)
    wrong = custom_primitive(value, vjp=lambda g, ans, p, name, n: rule(g, ans, p, name, n, 0.9), static=("name", "n"))
    with pytest.raises(AssertionError, match=r"the vjp of argument 0 \(p\) is wrong"):
        wrong.check(p, "x", 3)


def test_complex_results_of_real_arguments() -> None:
    turn = custom_primitive(
        lambda x: np.exp(1j * x),
        vjp=lambda g, ans, x: np.real(g * 1j * ans),
        jvp=lambda ts, ans, x: 1j * ans * ts[0],
    )
    turn.check(RNG.standard_normal(4))
    with pytest.raises(AssertionError, match="wrong sign"):
        custom_primitive(lambda x: np.exp(1j * x), jvp=lambda ts, ans, x: -1j * ans * ts[0]).check(np.ones(2))


def test_the_check_is_loaded_when_it_is_first_used() -> None:
    """Operations stand below checking, and programs that check nothing do not wait for it."""
    program = (
        "import sys, numpy as np; from minigrad import custom_primitive, grad\n"
        "f = custom_primitive(np.sin, vjp=lambda g, ans, x: g * np.cos(x)); grad(f)(0.3)\n"
        "assert 'minigrad.checking' not in sys.modules; f.check(0.3); assert 'minigrad.checking' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_one_difference_that_noise_spoils_refutes_no_better_one() -> None:
    """Rounding of x + h v is odd in h, so the even part of the function does not show it."""
    points = np.random.default_rng(5)
    for _ in range(60):
        x = 30 * points.standard_normal(10_000)
        with pytest.raises(AssertionError, match="is wrong"):
            sines(1.01, "jvp").check(x)
