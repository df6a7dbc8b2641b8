"""The table of special points is read from its page and held to every word: each row is evaluated."""

import pathlib
import warnings
from typing import Any

import numpy
import numpy as np
import pytest
from references import assert_close

import minigrad
import minigrad.numpy as mnp
from minigrad import derivatives, grad, jvp

PAGE = pathlib.Path(minigrad.__file__).parent / "SPECIAL_POINTS.md"
ROWS = [
    [part.strip().strip("`") for part in line.strip("|\n").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]


def evaluate(text: str, **names: Any) -> Any:
    """A cell of the page; it is part of this repository."""
    return eval(text, {"np": numpy, "mnp": mnp, **names})


def same(actual: Any, expected: Any) -> None:
    actual, expected = np.asarray(actual), np.asarray(expected, dtype=float)
    finite = np.isfinite(expected)
    assert np.array_equal(actual[~finite], expected[~finite], equal_nan=True)
    assert_close(actual[finite], expected[finite], 1e-13)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} at {row[1]}" for row in ROWS])
def test_special_point(row: list[str]) -> None:
    """The promised derivative and warning, backward, forward, in Taylor mode, and within a second differentiation."""
    expression, point, derivative, *rest = row
    promised = rest[-1].strip("| ") == "yes"
    x, expected = np.asarray(evaluate(point)), np.asarray(evaluate(derivative), dtype=float)

    def fun(x: Any) -> Any:
        return mnp.sum(evaluate(expression, x=x))

    with warnings.catch_warnings(record=True) as of_numpy:
        warnings.simplefilter("always")
        fun(x)  # what the value alone has to say, such as log(0), is not ours
    own = {str(w.message) for w in of_numpy}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same(grad(fun)(x), expected)
        pushed = jvp(fun, (x,), (np.ones_like(x),))[1]
    seen = [w for w in caught if str(w.message) not in own]
    assert bool(seen) == promised, [str(w.message) for w in seen]
    for warning in seen:
        assert warning.category is RuntimeWarning
        assert "result of shape" in str(warning.message)
        assert "at <string>:1" in str(warning.message)
    same(pushed, np.sum(expected))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same(derivatives(fun, x, 1)[1], np.sum(expected))
    assert any(str(w.message) not in own for w in caught) == promised
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is infinite at higher orders
        same(derivatives(fun, x, 4)[1], np.sum(expected))
    nested: list[Any] = []

    def keep(x: Any) -> Any:
        first = grad(fun)(x)
        nested.append(minigrad.value(first))
        return mnp.sum(first)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a second derivative may be infinite where the first was chosen
        grad(keep)(x)
    same(nested[0], expected)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} at {row[1]}" for row in ROWS])
def test_special_point_in_a_batch_and_compiled(row: list[str]) -> None:
    """Many points at once, and a replay, choose the same derivative."""
    expression, point, derivative, *_ = row
    x, expected = np.asarray(evaluate(point)), np.asarray(evaluate(derivative), dtype=float)

    def fun(x: Any) -> Any:
        return mnp.sum(evaluate(expression, x=x))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for found in minigrad.batched(grad(fun))(np.stack([x, x])):
            same(found, expected)
        compiled = minigrad.compile(grad(fun))
        for _ in range(2):
            same(compiled(x), expected)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} at {row[1]}" for row in ROWS])
def test_second_order_at_a_special_point(row: list[str]) -> None:
    """The second derivative along (1, ..., 1): reverse or forward over reverse, forward over forward, Taylor mode."""
    expression, point, *_ = row
    x = np.asarray(evaluate(point))
    ones = np.ones_like(x)

    def fun(x: Any) -> Any:
        return mnp.sum(evaluate(expression, x=x))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [
            np.sum(grad(lambda x: mnp.sum(grad(fun)(x)))(x)),
            np.sum(jvp(grad(fun), (x,), (ones,))[1]),
            jvp(lambda x: jvp(fun, (x,), (ones,))[1], (x,), (ones,))[1],
            derivatives(fun, x, 2)[2],
        ]
    for other in found[1:]:
        same(other, found[0])


EVEN: dict[str, tuple[Any, Any]] = {
    "abs": (lambda x: np.abs(x) ** 2, np.array(0.0)),
    "fabs": (lambda x: np.fabs(x) ** 2, np.array(0.0)),
    "cos": (lambda x: np.cos(np.abs(x)), np.array(0.0)),
    "complex abs": (lambda x: np.abs(x + 0j) ** 2, np.array(0.0)),
    "std": (lambda x: np.std(x) ** 2, np.ones(3)),
    "norm": (lambda x: np.linalg.norm(x) ** 2, np.zeros(3)),
    "hypot": (lambda x: np.hypot(x, 0.0 * x) ** 2, np.array(0.0)),
    "maximum": (lambda x: np.maximum(x, -x) ** 2, np.array(0.0)),
    "fmin": (lambda x: np.cos(np.fmin(x, -x)), np.array(0.0)),
    "max": (lambda x: np.max(np.stack([x, -x])) ** 2, np.array(0.0)),
    "ptp": (lambda x: np.ptp(np.stack([x, -x])) ** 2, np.array(0.0)),
    "two halves": (lambda x: (np.maximum(x, 0.0) + np.maximum(-x, 0.0)) ** 2, np.array(0.0)),
    "a parabola": (lambda x: np.maximum(x * x, 0.0), np.array(0.0)),
}


@pytest.mark.parametrize("name", EVEN)
def test_even_functions_of_a_length_warn_at_second_order(name: str) -> None:
    """Their second derivative is finite, but the chain rule multiplies subgradients that are 0: the user is told."""
    fun, x = EVEN[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing to tell at first order
        assert not np.any(grad(fun)(x))
    for second in (
        lambda: grad(lambda x: mnp.sum(grad(fun)(x)))(x),
        lambda: jvp(grad(fun), (x,), (np.ones_like(x),)),
        lambda: derivatives(fun, x, 2),
    ):
        with pytest.warns(RuntimeWarning, match=r"(a length \(|two arguments of)(.|\n)*test_special_points.py"):
            second()


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize("order", range(1, 7))
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_integer_powers_at_zero_to_every_order(n: int, order: int) -> None:
    """The k-th derivative of x^n at 0 is n! where k = n, else 0."""
    for power in (n, float(n), np.int64(n), np.array(n)):
        fun: Any = lambda x, power=power: x**power
        for _ in range(order):
            fun = grad(fun)
        expected = float(np.prod(np.arange(1, n + 1))) if order == n else 0.0
        assert fun(0.0) == expected


@pytest.mark.parametrize("power", [lambda x, y: x**y, np.power, np.float_power])
def test_an_exponent_that_passes_zero_has_all_its_derivatives(power: Any) -> None:
    """At y = 0 the slope y x^(y-1) in x is 0, but its derivative in y is 1/x."""
    x = 1.5
    fun = lambda t: power(x + np.sin(t), t)
    exact = lambda t: np.exp(t * np.log(x + np.sin(t)))
    second = (
        grad(grad(fun))(0.0),
        jvp(grad(fun), (0.0,), (1.0,))[1],
        grad(lambda t: jvp(fun, (t,), (1.0,))[1])(0.0),
        jvp(lambda t: jvp(fun, (t,), (1.0,))[1], (0.0,), (1.0,))[1],
        derivatives(fun, 0.0, 2)[2],
    )
    assert np.allclose(second, derivatives(exact, 0.0, 2)[2], rtol=1e-14)
    assert np.isclose(grad(grad(grad(fun)))(0.0), derivatives(exact, 0.0, 3)[3], rtol=1e-13)
    mixed = grad(lambda y: np.sum(grad(lambda x: np.sum(power(x, y)))(np.array([x, 2.0]))))(np.zeros(2))
    assert np.allclose(mixed, [1 / x, 0.5], rtol=1e-14)


def test_nan_takes_the_derivative_of_a_maximum() -> None:
    """The value is that NaN, so the derivative is not 0."""
    assert grad(np.maximum, (0, 1))(np.nan, 1.0) == (1.0, 0.0)


def test_variance_of_too_few_entries() -> None:
    """As NumPy: NaN, and no ZeroDivisionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(grad(lambda x: np.var(x, ddof=1))(np.ones(1))).all()
        assert grad(lambda x: np.mean(x))(np.ones(0)).shape == (0,)
