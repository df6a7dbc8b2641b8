"""Taylor recurrences: against the series derived from the forward rules, at orders and points that are delicate."""

import importlib
import math
import warnings
from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad.numpy as mnp
import minigrad.rules.elementwise
from minigrad import elementwise_grad, grad, holomorphic_grad, jvp
from minigrad.modes.taylor.derivatives import derivatives
from minigrad.numpy.dispatch import UFUNCS


def test_powers_at_zero() -> None:
    """Whole powers hold at 0; a broken one has the derivatives 0 up to its exponent, and none from there on."""
    assert derivatives(lambda x: x**3, 0.0, 5).tolist() == [0.0, 0.0, 0.0, 6.0, 0.0, 0.0]
    assert derivatives(lambda x: x**2.5, 0.0, 2).tolist() == [0.0, 0.0, 0.0]
    with pytest.warns(RuntimeWarning, match=r"power \(result of shape \(\)\): the derivative is infinite"):
        assert derivatives(lambda x: x**2.5, 0.0, 3).tolist() == [0.0, 0.0, 0.0, np.inf]
    assert derivatives(lambda x: x ** np.array([0.0, 1.0, 2.0]), 0.0, 2).T.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 2]]


def test_high_orders_with_broadcasting_equal_those_of_numbers() -> None:
    """From order 6 on the coefficients of arrays are rows of one array; those of numbers are lists."""
    c, x = np.array([[0.3], [-0.7]]), np.array([0.2, 0.5, 1.1])

    def fun(x: Any, c: Any) -> Any:
        y = mnp.sin(x) * c + mnp.sqrt(1.0 + x * x) / (2.0 - c * x)
        return mnp.tanh(mnp.log(3.0 + y) - x**3 * c) + mnp.arctan2(y, x) + mnp.maximum(x, c) * (2.0 + y) ** c

    for order in (5, 6, 9):
        table = derivatives(lambda x: fun(x, c), x, order)
        assert table.shape == (order + 1, 2, 3)
        for i in range(2):
            for j in range(3):
                one = derivatives(lambda x, i=i: fun(x, c[i, 0]), float(x[j]), order)
                assert np.all(np.abs(table[:, i, j] - one) <= 1e-12 * np.maximum.accumulate(np.abs(one)))
        narrow = derivatives(lambda x: fun(x, c.astype(np.float32)), x.astype(np.float32), order)
        assert narrow.dtype == np.float32
        assert np.all(np.abs(narrow[:4] - table[:4]) <= 1e-4 * np.max(np.abs(table[:4])))
    z = derivatives(lambda z: np.exp(z * z) / (1 + z), np.array([0.1 + 0.2j, 0.3 - 0.1j]), 8)
    assert_close(
        z[8], [derivatives(lambda z: np.exp(z * z) / (1 + z), v, 8)[8] for v in (0.1 + 0.2j, 0.3 - 0.1j)], 1e-12
    )


def test_coefficients_of_all_rules_equal_the_derived_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recurrence of an elementwise function of one argument against the series derived from its jvp, order 7."""
    points = {"arccosh": np.array([1.3, 2.2]), "logit": np.array([0.2, 0.6])}
    tested = 0
    for name, bind in {**vars(minigrad.rules.elementwise), **dict(by_name_of_special())}.items():
        primitive = getattr(bind, "primitive", None)
        if getattr(primitive, "taylor", None) is None or len(primitive.vjps) != 1 or name in ("positive", "real"):
            continue
        x = points.get(name, np.array([0.2, 0.7]))
        fun = lambda x, bind=bind: bind(x + 0.3 * x * x - 0.1)
        found = derivatives(fun, x, 7)
        with monkeypatch.context() as patch:
            patch.setattr(primitive, "taylor", None)
            expected = derivatives(fun, x, 7)
        assert np.all(np.abs(found - expected) <= 1e-8 * np.max(np.abs(expected), axis=1, keepdims=True)), name
        tested += 1
    assert tested >= 45


def by_name_of_special() -> list[tuple[str, Any]]:
    """The primitives of `scipy.special`, where it is installed."""
    special = pytest.importorskip("scipy.special")
    importlib.import_module("minigrad.scipy.special")
    return [(ufunc.__name__, bind) for ufunc, bind in UFUNCS.items() if hasattr(special, ufunc.__name__)]


@pytest.mark.parametrize(
    ("fun", "expected"),
    [
        (np.sqrt, [0.0, np.inf, -np.inf, np.inf]),
        (lambda x: x**1.5, [0.0, 0.0, np.inf, -np.inf]),
        (lambda x: np.sqrt(-x), [0.0, -np.inf, -np.inf, -np.inf]),
        (lambda x: 3.0 * (2.0 * x) ** 0.25, [0.0, np.inf, -np.inf, np.inf]),
        (lambda x: x**-0.5, [np.inf, -np.inf, np.inf, -np.inf]),
    ],
)
def test_infinite_derivatives_of_powers_have_their_sign(fun: Any, expected: list[float]) -> None:
    """The limit from the side on which the power is defined, as by nesting."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of infinite derivatives, which is the subject
        assert derivatives(fun, 0.0, 3).tolist() == expected
        assert derivatives(fun, np.zeros(2), 3).tolist() == [[e, e] for e in expected]
        assert elementwise_grad(elementwise_grad(fun))(0.0) == expected[2]


def test_whole_powers_of_zero_above_32() -> None:
    """x^40 has its 40th derivative at 0, 40!, and no other."""
    found = derivatives(lambda x: x**40, np.array([0.0, 1.0]), 41)
    assert not found[:40, 0].any()
    assert found[40].tolist() == pytest.approx([math.factorial(40)] * 2, rel=1e-13)
    assert found[41].tolist() == [0.0, 0.0]


COMPLEX: dict[str, Any] = {
    **{
        f.__name__: f
        for f in (
            *(np.arccos, np.arccosh, np.arcsin, np.arcsinh, np.arctan, np.arctanh, np.cosh, np.exp, np.exp2, np.expm1),
            *(np.log, np.log10, np.log1p, np.log2, np.reciprocal, np.sin, np.sinh, np.sqrt, np.square, np.tan, np.tanh),
        )
    },
    "z ** 1.5": lambda z: z**1.5,
    "z ** -2": lambda z: z**-2,
    "z ** w": lambda z: z ** (0.3 + 1j),
    "w ** z": lambda z: (0.3 + 1j) ** z,
    "z ** z": lambda z: z**z,
}
QUADRANTS = [x + y * 1j for a, b in ((1.3, 0.4), (0.2, 1.7), (0.3, 0.2), (3.0, 0.05)) for x in (a, -a) for y in (b, -b)]


@pytest.mark.parametrize("name", COMPLEX)
@pytest.mark.parametrize("z", QUADRANTS, ids=str)
def test_complex_functions_in_all_quadrants(name: str, z: complex) -> None:
    """Taylor, forward and reverse mode against Cauchy's integral over a small circle, on every side of the cuts."""
    fun, r, n = COMPLEX[name], 0.01, 16
    roots = np.exp(2j * np.pi * np.arange(n) / n)
    expected = [np.mean(fun(z + r * roots) * roots**-k) / r**k * math.factorial(k) for k in range(4)]
    found = derivatives(fun, z, 3)
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6 * np.max(np.abs(expected)))
    assert abs(jvp(fun, (z,), (1.0 + 0j,))[1] - found[1]) <= 1e-12 * abs(found[1])
    assert abs(holomorphic_grad(fun)(z) - found[1]) <= 1e-12 * abs(found[1])


def test_an_argument_that_stays_at_a_singular_point() -> None:
    """0 times an infinite derivative is 0 to every order, as in the other modes, and the user is told."""
    for fun in (np.arccos, np.arcsin, np.arccosh, lambda x: np.sqrt(x - 1.0), lambda x: np.log(x - 1.0 + 0.0 * x)):
        with np.errstate(divide="ignore"):
            at = fun(np.ones(3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = derivatives(lambda x, fun=fun: fun(1.0 + 0.0 * x), np.array([0.3, 0.5, 0.7]), 4)
        assert np.array_equal(found[0], at)
        assert not found[1:].any()
    with pytest.warns(RuntimeWarning, match="an infinite derivative met a factor of 0"):
        derivatives(lambda x: np.arccos(1.0 + 0.0 * x), 0.3, 1)
    with pytest.warns(RuntimeWarning, match="an infinite derivative met a factor of 0"):
        mixed = derivatives(lambda x: np.arccos(mnp.where(x > 0.4, 1.0, x)), np.array([0.3, 0.5]), 2)
    assert_close(mixed[:, 0], derivatives(np.arccos, 0.3, 2), 1e-14)
    assert not mixed[1:, 1].any()


def test_a_power_of_no_entries() -> None:
    """An empty array of exponents gives an empty array."""
    assert derivatives(lambda x: x ** np.ones((2, 0)), 0.5, 3).shape == (4, 2, 0)


def test_a_tie_of_infinities_has_no_curvature() -> None:
    """As by nesting: beside an infinity nothing else counts."""
    fun = lambda t: np.logaddexp(np.inf + t, np.inf)
    assert derivatives(fun, 0.3, 3).tolist() == [np.inf, 0.5, 0.0, 0.0]
    assert grad(grad(fun))(0.3) == 0.0
