"""Gradients by hand that are infinite, huge, tiny or of integers, and functions that lose their digits."""

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import check, grad

OK, WRONG, KINK, OPEN = "OK", "WRONG", "NOT DIFFERENTIABLE HERE", "INCONCLUSIVE"
x3 = np.array([1.0, -2.0, 0.5])
inf, nan = math.inf, math.nan
BAD = [inf, -inf, nan, 1e308, -1.7e308, 1e300, 1e155, complex(0, inf), complex(inf, inf), complex(1, nan)]


def with_entry(value: Any, where: Any = 1) -> Any:
    """cos(x), with one entry replaced."""

    def gradient(x: Any) -> Any:
        g = np.cos(x).astype(np.result_type(np.asarray(x).dtype, np.asarray(value).dtype))
        g[where] = value
        return g

    return gradient


def sum_of_sines(x: Any) -> Any:
    return np.sum(np.sin(x))


def untraced(x: Any) -> float:
    return sum(math.sin(float(t)) for t in x)


def product(p: Any) -> Any:
    return np.sum(p["a"] * p["b"])


def product_of_unequal(value: Any) -> Any:
    return lambda p: {"a": p["b"], "b": value + 0 * p["a"]}


@pytest.mark.parametrize("value", BAD)
def test_an_infinite_or_huge_entry_is_wrong(value: Any) -> None:
    """Whatever it stands in: one entry or all, a leaf, a Jacobian, a vjp or jvp, with a tape and without."""
    everywhere = lambda x: np.full(np.shape(x), value)
    for f in (sum_of_sines, untraced):
        assert check(f, with_entry(value), x3).verdict == WRONG
        assert check(f, everywhere, x3).verdict == WRONG
    assert check(np.sin, lambda x: value, 1.0).verdict == WRONG
    assert check(np.sin, with_entry(value), x3).verdict == WRONG  # entry by entry
    assert check(np.sin, lambda x: np.diag(with_entry(value)(x)), x3).verdict == WRONG
    assert check(sum_of_sines, with_entry(value)(x3), x3).verdict == WRONG  # given as numbers
    for kind in ("vjp", "jvp"):
        assert check(np.sin, lambda x, c: c * with_entry(value)(x), x3, kind=kind).verdict == WRONG
    assert check(lambda x: 5.0 + 0.0 * np.sum(x), everywhere, x3).verdict == WRONG
    assert check(sum_of_sines, lambda x: (value, np.cos(x)), x3).verdict == WRONG
    z = x3 + 0.5j
    assert check(lambda z: np.sum(np.abs(z) ** 2), with_entry(complex(value)), z).verdict == WRONG


@pytest.mark.parametrize("value", [inf, -inf, nan, 1e308, 1e155])
@pytest.mark.parametrize("f", [product, lambda p: float(product(p))])
def test_an_infinite_leaf_spoils_no_other(value: Any, f: Any) -> None:
    """The leaf beside it is judged by itself."""
    report = check(f, product_of_unequal(value), {"a": x3, "b": x3 + 3})
    assert [leaf.verdict for leaf in report.leaves] == [OK, WRONG]


def test_an_infinite_entry_hides_no_other_mistake() -> None:
    """Beside a root of zero, where the tape is infinite too, an infinite gradient by hand is no agreement."""
    f = lambda x: np.sum(np.sqrt(x))
    for manual in (lambda x: 0.5 / np.sqrt(x), lambda x: -0.5 / np.sqrt(x), lambda x: 1.0 / np.sqrt(x)):
        assert check(f, manual, np.array([0.0, 1.0])).verdict == KINK


def test_infinite_deltas_and_rules_are_wrong() -> None:
    """What is compared with the tape elsewhere: deltas, and the rules of an operation of one's own."""
    f = lambda x: np.sum(minigrad.name(np.sin(x), "s") ** 2)
    for bad in (inf, 1e308, nan):
        report = check(f, lambda x: np.sin(2 * x), x3, deltas={"s": np.where(x3 > 0.9, bad, 2 * np.sin(x3))})
        assert report.verdict == WRONG
        assert report.first_diverging == "s"
        square = minigrad.custom_primitive(lambda x: x * x, vjp=lambda g, ans, x, bad=bad: bad * g)
        with pytest.raises(AssertionError, match=r"wrong|cannot be checked"):
            square.check(x3)


def test_float32_that_overflows() -> None:
    """Infinite where float32 can hold the number is wrong; where it cannot, nobody can tell which number was meant."""
    cube = lambda x: np.sum(x**3)
    report = check(cube, lambda x: 3 * x * x, np.array([1e25, 1.0], np.float32))
    assert report.verdict == OPEN
    assert "beyond the range of float32" in str(report)
    assert check(cube, lambda x: -3 * x * x, np.array([1e25, 1.0], np.float32)).verdict == WRONG
    assert check(cube, lambda x: x + np.float32(inf), np.array([1e25, 1.0], np.float32)).verdict == WRONG
    e = np.array([88.0], np.float32)
    assert check(lambda x: np.sum(np.exp(x)), np.exp, e).verdict == OK
    assert check(lambda x: np.sum(np.exp(x)), lambda x: 10 * np.exp(x), e).verdict == WRONG


def test_gradients_of_integers_booleans_and_nothing() -> None:
    """Their differences neither wrap around nor raise."""
    total = lambda x: np.sum(x)
    assert check(total, lambda x: x != 9, x3).verdict == OK
    assert check(total, lambda x: x > 0, x3).verdict == WRONG
    assert check(lambda x: -np.sum(x), lambda x: np.full(3, 255, np.uint8), x3).verdict == WRONG
    assert check(lambda x: -128.0 * np.sum(x), lambda x: np.full(3, -128, np.int8), x3).verdict == OK
    assert check(total, lambda x: np.full(3, 2**64 - 1, np.uint64), x3).verdict == WRONG
    cut = check(sum_of_sines, lambda x: np.cos(x).astype(int), x3)
    assert cut.verdict == WRONG
    assert "cut to integers (dtype int64)" in str(cut)
    assert cut.leaves[0].manual_dtype == "int64"
    for f in (sum_of_sines, untraced):
        assert check(f, lambda x: None, x3).verdict == WRONG
    assert check(product, lambda p: {"a": p["b"], "b": None}, {"a": x3, "b": x3}).verdict == WRONG


def test_empty_leaves() -> None:
    """A leaf without an entry is right, if its shape is, and says nothing about the others."""
    f = lambda p: np.sum(p[0] * 2) + np.sum(p[1])
    point = [x3, np.zeros(0)]
    assert check(f, lambda p: [np.full(3, 2.0), np.zeros(0)], point).verdict == OK
    assert check(f, lambda p: [np.full(3, 1.0), np.zeros(0)], point).verdict == WRONG
    assert check(f, lambda p: [np.full(3, 2.0), np.zeros(1)], point).verdict == WRONG
    assert check(f, lambda p: [np.full(3, 2.0), None], point).verdict == WRONG
    assert check(np.sum, lambda x: np.zeros(0), np.zeros(0)).verdict == OK


SMALL = lambda x: 1e-310 * x
EDGES = [
    ("exp(709)", np.exp, np.exp, 709.0, (OK,)),
    ("exp(709), twice", np.exp, lambda x: 2 * np.exp(x), 709.0, (WRONG,)),
    ("exp(709), 1 % off", np.exp, lambda x: 1.01 * np.exp(x), 709.0, (WRONG,)),
    ("exp(709.7), infinite", np.exp, lambda x: inf, 709.7, (WRONG,)),
    ("exp(-740)", np.exp, np.exp, -740.0, (OK,)),
    ("exp(-740), twice", np.exp, lambda x: 2 * np.exp(x), -740.0, (WRONG, OPEN)),
    ("exp(-740), zero", np.exp, lambda x: 0.0, -740.0, (WRONG, OPEN)),
    ("exp(-760)", np.exp, np.exp, -760.0, (OK,)),
    ("exp(-760), one", np.exp, lambda x: 1.0, -760.0, (WRONG,)),
    ("1e-310 x", SMALL, lambda x: 1e-310, 1.0, (OK,)),
    ("1e-310 x, twice", SMALL, lambda x: 2e-310, 1.0, (WRONG,)),
    ("1e-310 x, zero", SMALL, lambda x: 0.0, 1.0, (WRONG,)),
    ("1e-310 x without a tape, twice", lambda x: 1e-310 * float(x), lambda x: 2e-310, 1.0, (WRONG,)),
    ("3 x at 1e-310", lambda x: 3 * x, lambda x: 3.0, 1e-310, (OK,)),
    ("3 x at 1e-310, wrong", lambda x: 3 * x, lambda x: 4.0, 1e-310, (WRONG,)),
    ("1e307 x^2", lambda x: 1e307 * x**2, lambda x: 2e307 * x, 2.0, (OK,)),
    ("1e307 x^2, half", lambda x: 1e307 * x**2, lambda x: 1e307 * x, 2.0, (WRONG,)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "manual", "x", "expected"), [row[1:] for row in EDGES], ids=[row[0] for row in EDGES])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_values_at_the_ends_of_the_range(f: Any, manual: Any, x: float, expected: tuple[str, ...], seed: int) -> None:
    """Where differences overflow, or are differences of subnormal numbers."""
    report = check(f, manual, x, seed=seed)
    assert report.verdict in expected, str(report)
    assert report.evaluations <= 40


CANCELLING = [
    ("(exp(x) - 1) / x", lambda x: (np.exp(x) - 1) / x, lambda x: 0.5 + x / 3, 1e-9),
    ("log(1 + x) / x", lambda x: np.log(1 + x) / x, lambda x: -0.5 + 2 * x / 3, 1e-10),
    ("(1 - cos x) / x^2", lambda x: (1 - np.cos(x)) / x**2, lambda x: -x / 12, 1e-6),
    ("(sqrt(1 + x) - 1) / x", lambda x: (np.sqrt(1 + x) - 1) / x, lambda x: -1 / 8 + x / 8, 1e-9),
    ("(x - sin x) / x^3", lambda x: (x - np.sin(x)) / x**3, lambda x: -x / 60, 1e-5),
]


@pytest.mark.parametrize(("f", "manual", "x"), [row[1:] for row in CANCELLING], ids=[row[0] for row in CANCELLING])
@pytest.mark.parametrize("seed", range(5))
def test_where_f_cancels_digits_nothing_is_decided(f: Any, manual: Any, x: float, seed: int) -> None:
    """Neither the tape nor the complex step has a digit there: they refute no right formula and confirm no other."""
    for by_hand in (manual, lambda x: 2 * manual(x), grad(f)):
        report = check(f, by_hand, x, seed=seed)
        assert report.verdict == OPEN, str(report)
        assert "f cancels digits" in str(report)
        assert report.evaluations <= 40


@pytest.mark.parametrize("seed", range(5))
def test_lost_digits_excuse_no_mistake_beside_them(seed: int) -> None:
    """An entry that is lost leaves the others to be judged; differences that can tell still do."""
    f = lambda x: np.sum((np.exp(x) - 1) / x)
    x = np.array([1e-9, 1.0, 0.5])
    exact = np.where(x < 1e-3, 0.5 + x / 3, (np.exp(x) * (x - 1) + 1) / x**2)
    assert check(f, exact, x, seed=seed).verdict == OPEN
    assert check(f, exact * np.array([1, 1, 2]), x, seed=seed).verdict == WRONG
    assert check(f, exact, x + 1e-2, seed=seed).verdict == WRONG
