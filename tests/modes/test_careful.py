"""First derivatives near a pole, where the terms of a sweep cancel: they are right, or a warning says otherwise.

Every mode is asked for the same derivative, and mpmath for what it is.
"""

import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
from minigrad import (
    batched,
    checkpoint,
    derivatives,
    elementwise_grad,
    errstate,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    sparse_jacobian,
    value_and_grad,
    vjp,
)
from minigrad.extend import defvjp, primitive

#: name, program, its exact counterpart, a point near the pole, and whether all modes have its derivative right
PROGRAMS = [
    ("quotient", lambda x: np.log1p(x) / x, lambda x: mpmath.log1p(x) / x, 1e-15, True),
    ("product with reciprocal", lambda x: np.log1p(x) * np.reciprocal(x), lambda x: mpmath.log1p(x) / x, 1e-15, True),
    ("negative power", lambda x: x**-1 * np.log1p(x), lambda x: mpmath.log1p(x) / x, 1e-15, True),
    ("ufunc", lambda x: np.true_divide(np.sin(x), x), lambda x: mpmath.sin(x) / x, 1e-9, True),
    ("elsewhere", lambda x: np.sin(x - 1) / (x - 1), lambda x: mpmath.sin(x - 1) / (x - 1), 1 + 2e-9, True),
    ("of an inner node", lambda x: np.log1p(1e-6 * x) / (1e-6 * x), lambda x: mpmath.log1p(1e-6 * x) / (1e-6 * x),
     1e-9, True),
    ("two factors", lambda x: np.expm1(x) * np.sinh(x) / x / x, lambda x: mpmath.expm1(x) * mpmath.sinh(x) / x / x,
     1e-10, True),
    ("broadcast", lambda x: np.log1p(x) / (x * np.ones(1))[0], lambda x: mpmath.log1p(x) / x, 1e-15, True),
    ("difference of poles", lambda x: 1 / np.tanh(x) - 1 / x, lambda x: 1 / mpmath.tanh(x) - 1 / x, 1e-9, False),
    ("poles in an array", lambda x: np.dot(np.array([1.0, -1.0]), mnp.array([1 / np.tanh(x), 1 / x])),
     lambda x: 1 / mpmath.tanh(x) - 1 / x, 1e-9, False),
    ("numerator without digits", lambda x: (np.exp(x) - 1) / x, lambda x: (mpmath.exp(x) - 1) / x, 1e-15, False),
    ("numerator with some digits", lambda x: (np.exp(x) - 1) / x, lambda x: (mpmath.exp(x) - 1) / x, 1e-9, False),
    ("square below", lambda x: (1 - np.cos(x)) / x**2, lambda x: (1 - mpmath.cos(x)) / x**2, 1e-4, False),
    ("logarithms", lambda x: np.log(np.sin(x)) - np.log(x), lambda x: mpmath.log(mpmath.sin(x) / x), 1e-7, False),
    ("roots", lambda x: np.sqrt(x + x * x) - np.sqrt(x), lambda x: mpmath.sqrt(x + x * x) - mpmath.sqrt(x), 1e-14,
     False),
]  # fmt: skip


def of_an_entry(f: Any, x: float) -> Any:
    return grad(lambda p: f(p[1]) * p[0])(np.array([1.0, x]))[1]


def of_many(f: Any, x: float) -> Any:
    return grad(lambda p: np.stack([f(v) for v in p])[-1])(np.array([*np.linspace(0.3, 0.6, 20), x]))[-1]


def compiled(function: Callable[[Any], Any], x: float) -> Any:
    """From a program made at a harmless point."""
    replay = minigrad.compile(function)
    for _ in range(3):
        replay(0.4)
    return replay(x)


def checked(f: Any, x: float) -> Any:
    with errstate(nan="raise"):
        return grad(f)(x)


MODES: dict[str, Callable[[Any, float], Any]] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x)[1],
    "vjp": lambda f, x: vjp(lambda y: (y, f(y)), x)[1]((0.0, 1.0))[0],
    "jvp": lambda f, x: jvp(f, (x,), (1.0,))[1],
    "elementwise_grad": lambda f, x: elementwise_grad(f)(x),
    "jacrev": lambda f, x: jacrev(lambda y: np.stack([f(y), 2 * f(y)]))(x)[0],
    "jacfwd": lambda f, x: jacfwd(lambda y: np.stack([f(y), 2 * f(y)]))(x)[0],
    "sparse_jacobian": lambda f, x: sparse_jacobian(lambda y: np.stack([f(y[0]), y[1]]), np.array([x, 1.0])).toarray()[
        0, 0
    ],
    "batched": lambda f, x: batched(grad(f))(np.array([0.4, x]))[1],
    "derivatives": lambda f, x: derivatives(f, x, 1)[1],
    "checkpoint": lambda f, x: grad(checkpoint(f))(x),
    "checked": checked,
    "an entry": of_an_entry,
    "many entries": of_many,
    "compiled": lambda f, x: compiled(grad(f), x),
    "compiled jvp": lambda f, x: compiled(lambda y: jvp(f, (y,), (1.0,))[1], x),
    "compiled derivatives": lambda f, x: compiled(lambda y: derivatives(f, y, 1)[1], x),
}


def told(call: Callable[[], Any]) -> tuple[Any, bool]:
    """What a call returns, and whether it warned of lost digits."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call()
    return found, any("rounding errors are all that is left" in str(each.message) for each in caught)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "f", "exact", "x", "is_right"), PROGRAMS, ids=[row[0] for row in PROGRAMS])
def test_a_derivative_near_a_pole_is_right_or_told(
    name: str, f: Any, exact: Any, x: float, is_right: bool, mode: str
) -> None:
    found, is_told = told(lambda: MODES[mode](f, x))
    with mpmath.workdps(60):
        expected = float(mpmath.diff(exact, mpmath.mpf(x), h=mpmath.mpf(10) ** -30))
    assert is_told != is_right
    if is_right:
        assert abs(found - expected) <= 1e-6 * abs(expected)


@pytest.mark.parametrize("second", [lambda f: grad(grad(f)), lambda f: hessian(f), lambda f: lambda x: hvp(f, x, 1.0)])
def test_second_derivatives_near_a_pole_are_right(second: Any) -> None:
    found, is_told = told(lambda: second(lambda x: np.log1p(x) / x)(1e-15))
    assert not is_told
    assert abs(found - 2 / 3) < 1e-12


def matrix(*rows: Any) -> Any:
    return np.stack([np.stack(row) for row in rows])


def exponential(a: Any) -> Any:
    """Of a symmetric matrix."""
    w, v = np.linalg.eigh(a)
    return (v * np.exp(w)) @ v.T


#: Poles that no denominator tells of: programs whose derivatives have no digits, and points.
WITHOUT_A_DENOMINATOR: dict[str, tuple[Callable[[Any], Any], float]] = {
    "solve": (lambda x: np.linalg.solve(matrix([x]), np.stack([np.log1p(x)]))[0], 1e-15),
    "solve in one of two": (
        lambda x: np.linalg.solve(matrix([x, 0 * x], [0 * x, 1 + x]), np.stack([np.log1p(x), x]))[0], 1e-15
    ),
    "nearly singular": (
        lambda x: np.linalg.solve(matrix([1 + x, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, x, 2.0]),
                                  np.stack([np.log1p(x), 0 * x, x]))[0], 1e-14
    ),
    "inv": (lambda x: (np.linalg.inv(matrix([x, 0.0], [0.0, 1.0])) @ np.stack([np.exp(x) - 1, x]))[0], 1e-9),
    "slogdet": (lambda x: np.linalg.slogdet(matrix([x, 0.0], [0.0, 1.0]))[1] - np.log(np.sin(x)), 1e-7),
    "eigh": (lambda x: exponential(matrix([1.0, x], [x, 1 + x]))[0, 1], 1e-14),
    "arctan2": (lambda x: np.arctan2(np.log1p(x), x), 1e-12),
    "arctanh": (lambda x: np.arctanh(1 - x) + 0.5 * np.log(x), 1e-13),
    "complex log1p": (lambda x: np.real(np.log1p(x + 0j) / (x + 0j)), 1e-10),
    "complex log1p without a digit": (lambda x: np.real(np.log1p(x + 0j) / (x + 0j)), 1e-15),
}  # fmt: skip
SPECIAL = {
    "gamma": (lambda sp, x: sp.gamma(x) * x, 1e-12),
    "gammaln": (lambda sp, x: sp.gammaln(x) + np.log(x), 1e-13),
    "psi": (lambda sp, x: sp.psi(x) * x, 1e-11),
    "expi": (lambda sp, x: sp.expi(x) - np.log(x), 1e-13),
    "k0": (lambda sp, x: sp.k0(x) + np.log(x), 1e-8),
    "ellipk": (lambda sp, x: sp.ellipk(1 - x) + 0.5 * np.log(x), 1e-13),
}


@pytest.mark.parametrize("mode", ["grad", "jvp", "derivatives", "batched", "compiled"])
@pytest.mark.parametrize("name", WITHOUT_A_DENOMINATOR)
def test_poles_without_a_denominator_are_told(name: str, mode: str) -> None:
    f, x = WITHOUT_A_DENOMINATOR[name]
    assert told(lambda: MODES[mode](f, x))[1]
    assert not told(lambda: MODES[mode](f, 0.3))[1]


@pytest.mark.parametrize("name", SPECIAL)
def test_poles_of_special_functions_are_told(name: str) -> None:
    special = pytest.importorskip("scipy.special")
    f, x = SPECIAL[name]
    for mode in ("grad", "jvp", "derivatives", "batched"):
        assert told(lambda mode=mode: MODES[mode](lambda x: f(special, x), x))[1]  # type: ignore[misc]
        assert not told(lambda mode=mode: MODES[mode](lambda x: f(special, x), 0.3))[1]  # type: ignore[misc]
    assert told(lambda: derivatives(lambda x: f(special, x), x, 2))[1]


def test_at_a_pole_a_second_derivative_is_infinite() -> None:
    """There is nothing to look at more closely: x - 1 is exactly 0."""
    with np.errstate(all="ignore"):
        assert grad(grad(lambda x: (x - 1.0) ** -1))(1.0) == np.inf


def test_of_many_entries_near_a_pole_the_user_is_told() -> None:
    x = np.full(1000, 1e-15)
    found, is_told = told(lambda: grad(lambda p: np.sum(np.log1p(p) / p))(x))
    assert is_told
    assert found.shape == x.shape
    along, is_told = told(lambda: jvp(lambda p: np.log1p(p) / p, (x,), (np.ones(1000),))[1])
    assert not is_told
    np.testing.assert_allclose(along, -0.5, rtol=1e-12)


def lennard_jones(r: Any) -> Any:
    return 1e-21 * ((3e-10 / r) ** 12 - 2 * (3e-10 / r) ** 6)


HONEST = [
    ("minimum in SI units", lennard_jones, 3e-10),
    ("crystal in SI units", lambda x: np.sum(lennard_jones(x[1:] - x[:-1])), 3e-10 * np.arange(1.0, 41.0)),
    ("rational in SI units", lambda x: (1e-30 * x + 2e-20 * x**2 + 1e-10 * x**3) / x, 1e-10),
    ("softmax of low numbers", lambda z: np.sum(np.exp(z) / np.sum(np.exp(z)) * np.arange(3.0)), np.arange(3.0) - 25),
    ("sure network", lambda z: -np.log(np.exp(z[0]) / np.sum(np.exp(z))), np.array([30.0, 0.0, 1.0])),
    ("small deviations", lambda z: np.sum((z - np.mean(z))[0] / np.std(z)), np.array([1e-9, 2e-9, 3.3e-9])),
    ("regularised", lambda g: np.sum(g / (np.sqrt(g * g) + 1e-8)), np.array([1e-12, 1e-3, -1e-9])),
    ("solution in SI units", lambda x: np.linalg.solve(matrix([2 * x, x], [x, 3 * x]), 1e-12 * np.ones(2))[0], 1e-9),
    ("inverse in SI units", lambda x: np.linalg.inv(matrix([2 * x, x], [x, 3 * x]))[0, 1] * 1e-9, 1e-9),
    ("equal eigenvalues", lambda x: np.sum(np.linalg.eigvalsh(matrix([x, 0 * x], [0 * x, x])) ** 2), 0.7),
    ("guarded", lambda x: np.where(x < 1e-4, 1 - x / 2, np.log1p(x) / np.where(x < 1e-4, 1.0, x)), 1e-15),
]


MANNERS: list[Callable[[Any], Callable[[Any], Any]]] = [
    grad,
    hessian,
    lambda f: lambda x: jvp(f, (x,), (np.ones_like(x),)),
    lambda f: minigrad.compile(grad(f)),
]


@pytest.mark.parametrize(("name", "f", "x"), HONEST, ids=[row[0] for row in HONEST])
def test_small_denominators_alone_are_not_told(name: str, f: Any, x: Any) -> None:
    for manner in MANNERS:
        assert not told(lambda manner=manner: manner(f)(x))[1]  # type: ignore[misc]


SECOND: list[tuple[Callable[[Any], Any], float]] = [
    (lambda x: np.arctanh(1 - x) + np.log(x) / 2, 1e-13),
    (lambda x: np.cbrt(np.sin(x)) / np.cbrt(x), 1e-7),
    (lambda x: np.log(np.sin(x)) - np.log(x), 1e-5),
    (lambda x: 1 / np.tanh(x) - 1 / x, 1e-4),
    (lambda x: np.arccosh(1 + x) - np.sqrt(2 * x), 1e-9),
]
ORDERS: dict[str, Callable[[Any, float], Any]] = {
    "reverse over reverse": lambda f, x: grad(grad(f))(x),
    "forward over reverse": lambda f, x: jvp(grad(f), (x,), (1.0,))[1],
    "reverse over forward": lambda f, x: grad(lambda y: jvp(f, (y,), (1.0,))[1])(x),
    "forward over forward": lambda f, x: jvp(lambda y: jvp(f, (y,), (1.0,))[1], (x,), (1.0,))[1],
    "hessian": lambda f, x: hessian(f)(x),
    "batched": lambda f, x: batched(hessian(f))(np.array([0.4, x])),
    "Taylor": lambda f, x: derivatives(f, x, 2)[2],
}


@pytest.mark.parametrize("mode", ORDERS)
@pytest.mark.parametrize(("f", "x"), SECOND)
def test_second_derivatives_without_digits_are_told(f: Any, x: float, mode: str) -> None:
    """Where nothing is lost yet of the first derivative, too: rounding is divided by the distance once more."""
    assert told(lambda: ORDERS[mode](f, x))[1]
    assert not told(lambda: ORDERS[mode](f, 0.3))[1]


def test_inverse_functions_are_as_steep_as_roots() -> None:
    """The slope of arcsin near 1 that a root cancels."""
    for f in (lambda x: np.arcsin(1 - x) + np.sqrt(2 * x), lambda x: np.arccosh(1 + x) + np.arcsin(1 - x)):
        for mode in (MODES["grad"], MODES["jvp"], MODES["derivatives"], MODES["batched"]):
            assert told(lambda mode=mode, f=f: mode(f, 1e-9))[1]
            assert not told(lambda mode=mode, f=f: mode(f, 0.3))[1]


def test_a_second_derivative_of_an_array_near_a_common_zero() -> None:
    """x / (|x| + 1e-8) of arrays: a mask that the outer tape held was written to, and the tape noticed."""
    x = np.array([0.3, 0.5, 0.7]) * 1e-3

    def f(y: Any) -> Any:
        return np.sum(y / (np.sqrt(y * y) + 1e-8))

    expected = -2e-8 / (x + 1e-8) ** 3
    along = jvp(lambda y: jvp(f, (y,), (x,))[1], (x,), (x,))[1]
    assert abs(along - np.sum(expected * x * x)) <= 1e-9 * abs(along)
    np.testing.assert_allclose(hessian(f)(x), np.diag(expected), rtol=1e-9, atol=1e-9)


def test_a_rule_that_calls_its_own_operation_takes_no_time_that_grows_exponentially() -> None:
    """Its orders ahead would double the work each time, as in rules by differences: then digits are told, not found."""
    own = primitive(np.log1p)
    defvjp(own, lambda _ans, x: lambda g: g * np.exp(-(own(x) + own(x)) / 2))
    quotient = lambda x: own(x) / x
    found, is_told = told(lambda: grad(quotient)(1e-15))
    assert is_told
    assert np.isfinite(found)
    assert told(lambda: grad(quotient)(0.3)) == (pytest.approx(grad(lambda x: np.log1p(x) / x)(0.3)), False)


@pytest.mark.parametrize("mode", ["grad", "jvp", "derivatives", "batched", "compiled jvp"])
def test_a_numerator_that_is_0_by_rounding_is_told(mode: str) -> None:
    """(1 - cos(x)) / x**2 at 1e-12: nothing cancels in a forward sweep any more, since it has cancelled before."""
    found, is_told = told(lambda: MODES[mode](lambda x: (1 - np.cos(x)) / x**2, 1e-12))
    assert is_told, found
