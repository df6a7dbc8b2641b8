"""Guards: a program is used for the numbers, shapes and branches that it was written for, and no others."""

import math
from typing import Any

import numpy as np
import pytest
from compiled import assert_same

import minigrad
import minigrad.numpy as mnp
from minigrad import grad, value_and_grad

rng = np.random.default_rng(3)
X, Y = rng.uniform(-1, 1, (2, 2, 3))


# ----- guards ---------------------------------------------------------------------------------------------------------


def test_branches_that_depend_on_numbers() -> None:
    """Each branch gets a program of its own under the same signature; none is taken for another."""

    def fun(x: Any) -> Any:
        if x > 1.0:
            return x * x
        while x < 0.5:
            x = x + 0.25
        return np.sin(x)

    derivative = value_and_grad(fun)
    compiled = minigrad.compile(derivative)
    for x in (2.0, 0.7, 0.3, 0.1, -0.2, 3.0, 0.3, 0.6, float("nan")):
        assert_same(compiled(x), derivative(x))
    stats = compiled.stats()
    assert stats["signatures"] == 1
    assert stats["traces"] == stats["programs"] == 5
    assert stats["replays"] == 3
    assert stats["exceptional"] == 1  # NaN
    assert stats["guard failures"] == 4
    assert list(stats["reasons"]) == ["an `if` that depends on numbers went another way"]


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: x * float(np.max(x)), lambda x: x[: int(x[0] * 10)], lambda x: x[x > 0.3], lambda x: x[np.argmax(x)],
        lambda x: np.array(x[0].item()) + x, lambda x: x * len(np.nonzero(x > 0.3)[0]),
        lambda x: np.unique(np.round(x)),
        lambda x: x[np.argsort(x)], lambda x: sum(x.tolist()) * x, lambda x: x * math.floor(x[1] * 4),
        lambda x: mnp.array([x[0], x[1], 2.0]) if np.any(x > 0.8) else x, lambda x: np.sort(x)[::-1] * np.median(x),
    ],
)  # fmt: skip
def test_what_depends_on_numbers(fun: Any) -> None:
    """Numbers taken out by Python, masks and shapes: a program that does not fit is never used."""
    compiled = minigrad.compile(fun)
    points = [rng.uniform(0.1, 1, 4) for _ in range(5)]
    for x in [*points, *points[::-1]]:
        assert_same(compiled(x), fun(x))


def test_a_number_that_is_always_another_ends_in_eager_calls() -> None:
    """The cache is bounded, and tracing is given up where it never pays; the results stay right."""
    compiled = minigrad.compile(lambda x: x * float(x))
    for k in range(60):
        assert_same(compiled(k / 8), k / 8 * (k / 8))
    stats = compiled.stats()
    assert stats["programs"] <= 8
    assert stats["traces"] < 30
    assert stats["eager"] > 20
    assert list(stats["reasons"]) == ["float(), int(), str(), item() or tolist() took out another number"]


def test_shapes_and_dtypes_have_programs_of_their_own() -> None:
    fun = grad(lambda x: np.sum(np.sin(x) * x))
    compiled = minigrad.compile(fun)
    for x in (X, X[0], X.astype(np.float32), X.T, X, X[0] + 1):
        assert_same(compiled(x), fun(x))
    assert compiled.stats()["traces"] == 4


# ----- texts, signs of zeros, and operators of other duck arrays ------------------------------------------------------


def test_the_text_of_a_number_is_that_of_the_number_and_is_guarded() -> None:
    """str(), format() and %s of a traced number: as eager, and made anew when the number changes."""
    f = lambda x: (x * len(str(x)), f"{x:.2f}", f"{x}", str([x]))
    compiled = minigrad.compile(f)
    for x in (1.0, 1.0, 0.125, 0.125, -0.0, 0.0):
        assert repr(compiled(x)) == repr(f(x))
    gradient = minigrad.compile(grad(lambda x: x * len(str(x))))
    assert [gradient(1.0), gradient(0.125)] == [3.0, 5.0]


def test_the_text_of_an_array_is_guarded() -> None:
    """The program holds as long as the text is the same, also where NumPy's printing options change."""
    f = lambda x: x * len(f"{x}") + len(repr(x))
    compiled = minigrad.compile(f)
    for x in (np.ones(2), np.ones(2), np.array([1.0, 0.125]), np.array([1.0, 0.126])):
        assert_same(compiled(x), f(x))
    with np.printoptions(precision=1):
        assert_same(compiled(np.array([1.0, 0.126])), f(np.array([1.0, 0.126])))
    assert compiled.stats()["replays"] == 1


def test_a_zero_that_is_taken_out_has_its_sign() -> None:
    """0.0 == -0.0, but a program that was written for one does not hold for the other."""
    compiled = minigrad.compile(lambda x: np.copysign(1.0, float(x)))
    assert [float(compiled(x)) for x in (0.0, 0.0, -0.0, -0.0)] == [1.0, 1.0, -1.0, -1.0]


# ----- shapes and dtypes that depend on numbers -----------------------------------------------------------------------

_HISTOGRAMS = (np.linspace(0.0, 1.0, 30), np.concatenate([np.zeros(20), np.linspace(0.0, 1.0, 10)]))
_REAL, _ROTATION = np.diag([2.0, 3.0]), np.array([[0.0, 1.0], [-1.0, 0.0]])
EIGENVALUES_BY_NUMBERS = np.linalg.eigvals(_REAL).dtype == np.float64  # from NumPy 2.5 on they are always complex
_FORMS: dict[str, tuple[Any, tuple[Any, ...], tuple[Any, ...]]] = {
    "roots": (
        lambda p: len(np.roots(p)) * p + np.sum(np.abs(np.roots(p))), (np.array([1.0, 2.0, -3.0]),),
        (np.array([0.0, 2.0, 3.0]),),
    ),
    "complex roots": (lambda p: np.real(np.roots(p)), (np.array([1.0, 2.0, -3.0]),), (np.array([1.0, 2.0, 3.0]),)),
    "eigenvalues": (lambda A: np.real(np.linalg.eigvals(A)), (_REAL,), (_ROTATION,)),
    "eigenvectors": (lambda A: np.conjugate(np.linalg.eig(A)[1]) * 2.0, (_REAL,), (_ROTATION,)),
    "residuals": (
        lambda A, b: len(np.linalg.lstsq(A, b, rcond=None)[1]) * b,
        (np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]), np.ones(3)), (np.ones((3, 2)), np.ones(3)),
    ),
    "automatic bins": (lambda x: len(np.histogram(x, bins="auto")[0]) * x, *[(x,) for x in _HISTOGRAMS]),
    "edges of bins": (lambda x: len(np.histogram_bin_edges(x, bins="auto")) * x, *[(x,) for x in _HISTOGRAMS]),
    "leading zeros": (
        lambda a, b: len(np.polymul(a, b)) * a, (np.array([1.0, 2.0]), np.ones(2)), (np.array([0.0, 2.0]), np.ones(2))
    ),
    "complex roots of numbers": (lambda x: np.real(np.emath.sqrt(x)), (np.ones(2),), (-np.ones(2),)),
    "real if close": (lambda z: np.real(np.real_if_close(z)) + np.real_if_close(z), (np.ones(2) + 0j,),
                      (1j * np.ones(2),)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(_FORMS))
@pytest.mark.parametrize("exact", [False, True])
def test_shapes_and_dtypes_that_depend_on_numbers(name: str, exact: bool) -> None:
    """A program is asked again for those that it met; for others there is another one."""
    fun, first, second = _FORMS[name]
    compiled = minigrad.compile(fun, exact=exact)
    for args in (first, first, second, second, first, second):
        assert_same(compiled(*args), fun(*args))
    programs = 2 if EIGENVALUES_BY_NUMBERS or not name.startswith("eigen") else 1
    assert (compiled.stats()["traces"], compiled.stats()["replays"]) == (programs, 6 - programs)


def test_a_dtype_is_asked_for_in_the_text() -> None:
    text = minigrad.source(lambda p: np.real(np.roots(p)), np.array([1.0, 2.0, -3.0]))
    assert ".dtype != np.float64" in text
    with pytest.raises(ValueError, match="another branch"):
        text.function()(np.array([1.0, 2.0, 3.0]))
