"""No mode looks a rule up by the name of an operation: a user's operation may bear the name of any of ours.

Every operation here means something else than its name says. It is compared, mode by mode, with the same formula
written out in NumPy's functions.
"""

import importlib.util
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.numpy as mnp
from minigrad import custom_elementwise, custom_primitive, derivatives, grad, hessian, jacobian, jet, jvp, vjp
from minigrad.extend import defjvp, defvjp, primitive

NAMES = """
    abs absolute add arcsin astype at broadcast_to cbrt cholesky concatenate convolve cumsum det diag diagonal divide
    eigh einsum exp fft flip getitem hypot inv item log logsumexp matmul max maximum mean min multiply nan_to_num
    negative norm pad positive power prod qr reduce repeat reshape roll scatter scatter_add slide solve sqrt stack std
    subtract sum svd tanh tensordot tile transpose tril var vdot where
""".split()  # noqa: SIM905
NEEDS_SCIPY = pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="needs SciPy")
N = 5
WEIGHTS = np.linspace(0.5, 1.5, N)
X = np.array([0.3, -0.7, 1.1, 0.2, 0.9])
V = np.array([0.5, 1.0, -0.4, 0.3, 0.8])


def mirrored(x: Any) -> Any:
    """Entry i depends on entry n - 1 - i alone: no operation of ours that keeps the shape does that but `flip`."""
    return WEIGHTS * x[::-1] ** 3 + 1.0


def slope(x: Any) -> Any:
    return WEIGHTS * 3.0 * x[::-1] ** 2


def lopsided(x: Any, y: Any) -> Any:
    """Not the same with x and y exchanged."""
    return x * y**2 + x


def named(name: str, fun: Callable[..., Any]) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        return fun(*args)

    function.__name__ = function.__qualname__ = name
    return function


def by_defvjp(name: str) -> Callable[..., Any]:
    operation = primitive(named(name, mirrored))
    defvjp(operation, lambda _ans, x: lambda g: (g * slope(x))[::-1])
    return operation


def by_defjvp(name: str) -> Callable[..., Any]:
    operation = primitive(named(name, mirrored))
    defjvp(operation, lambda t, _ans, x: slope(x) * t[::-1])
    return operation


def by_vjp(name: str) -> Callable[..., Any]:
    operation: Any = custom_primitive(named(name, mirrored), vjp=lambda g, _ans, x: (g * slope(x))[::-1])
    return operation


def by_jvp(name: str) -> Callable[..., Any]:
    operation: Any = custom_primitive(named(name, mirrored), jvp=lambda t, _ans, x: slope(x) * t[0][::-1])
    return operation


def by_elementwise(name: str) -> Callable[..., Any]:
    return custom_elementwise(lambda x: x**3 + 2.0 * x, lambda _ans, x: 3.0 * x**2 + 2.0, name=name)


def by_derivatives(name: str) -> Callable[..., Any]:
    slopes = [lambda x: 3 * x**2 + 2.0, lambda x: 6 * x, lambda x: 6.0 + 0 * x, *[lambda x: 0 * x] * 3]
    return custom_elementwise(lambda x: x**3 + 2.0 * x, derivatives=slopes, name=name)


def of_two_by_extend(name: str) -> Callable[..., Any]:
    operation = primitive(named(name, lopsided))
    defvjp(operation, lambda _ans, _x, y: lambda g: g * (y**2 + 1.0), lambda _ans, x, y: lambda g: g * 2.0 * x * y)
    return lambda x: operation(x, x[::-1]) - operation(x[::-1], x) * 0.5


def of_two_elementwise(name: str) -> Callable[..., Any]:
    operation = custom_elementwise(lopsided, lambda _a, _x, y: y**2 + 1.0, lambda _a, x, y: 2.0 * x * y, name=name)
    return lambda x: operation(x, x[::-1]) - operation(x[::-1], x) * 0.5


def written_out(x: Any) -> Any:
    return lopsided(x, x[::-1]) - lopsided(x[::-1], x) * 0.5


def cubic(x: Any) -> Any:
    return x**3 + 2.0 * x


#: How an operation is made -> what makes it from a name, and the same in NumPy's functions.
MAKERS: dict[str, tuple[Callable[[str], Callable[..., Any]], Callable[..., Any]]] = {
    "primitive and defvjp": (by_defvjp, mirrored),
    "primitive and defjvp": (by_defjvp, mirrored),
    "custom_primitive with a vjp": (by_vjp, mirrored),
    "custom_primitive with a jvp": (by_jvp, mirrored),
    "custom_elementwise": (by_elementwise, cubic),
    "custom_elementwise by derivatives": (by_derivatives, cubic),
    "primitive of two arguments": (of_two_by_extend, written_out),
    "custom_elementwise of two arguments": (of_two_elementwise, written_out),
}


def program(operation: Callable[..., Any]) -> Callable[[Any], Any]:
    """The operation with others before and behind it, twice."""
    return lambda x: np.sin(operation(np.cos(x))) + operation(x) * x


def total(operation: Callable[..., Any]) -> Callable[[Any], Any]:
    fun = program(operation)
    return lambda x: np.sum(fun(x) ** 2)


CASES = [pytest.param(how, name, id=f"{name}-{how}") for name, how in itertools.product(NAMES, MAKERS)]
FEW = [case for case in CASES if case.values[1] in ("add", "at", "exp", "max", "multiply", "norm", "sum", "where")]


def pair(how: str, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    make, meaning = MAKERS[how]
    return make(name), meaning


def agree(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("how", "name"), CASES)
def test_backward_forward_and_nested(how: str, name: str) -> None:
    ours, meaning = pair(how, name)
    agree(grad(total(ours))(X), grad(total(meaning))(X))
    agree(jvp(program(ours), (X,), (V,))[1], jvp(program(meaning), (X,), (V,))[1])
    agree(jacobian(program(ours))(X), jacobian(program(meaning))(X))
    agree(hessian(total(ours))(X), hessian(total(meaning))(X))
    third = [grad(lambda x, f=f: grad(lambda y: total(f)(y))(x) @ V)(X) for f in (ours, meaning)]
    agree(*third)


@pytest.mark.parametrize(("how", "name"), CASES)
def test_taylor(how: str, name: str) -> None:
    ours, meaning = pair(how, name)
    found, expected = [derivatives(lambda t, f=f: program(f)(X + t * V), 0.0, 4) for f in (ours, meaning)]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)
    found, expected = [jet(program(f), (X,), ([V, V**2, X],)) for f in (ours, meaning)]
    for a, b in zip(found[1], expected[1]):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("how", "name"), FEW)
def test_batched(how: str, name: str) -> None:
    ours, meaning = pair(how, name)
    rows = np.stack([X, V, X * V])
    expected = np.stack([grad(total(meaning))(row) for row in rows])
    agree(minigrad.batched(grad(total(ours)))(rows), expected)
    agree(minigrad.batched(program(ours))(rows), np.stack([program(meaning)(row) for row in rows]))


@NEEDS_SCIPY
@pytest.mark.parametrize(("how", "name"), CASES)
def test_sparse(how: str, name: str) -> None:
    ours, meaning = pair(how, name)
    expected = jacobian(program(meaning))(X)
    pattern = minigrad.sparsity(program(ours), X).toarray()
    assert np.all(pattern[expected != 0])
    agree(minigrad.sparse_jacobian(program(ours), X).toarray(), expected)
    agree(minigrad.sparse_hessian(total(ours), X).toarray(), hessian(total(meaning))(X))


@pytest.mark.parametrize(("how", "name"), FEW)
def test_compiled(how: str, name: str) -> None:
    ours, meaning = pair(how, name)
    expected = grad(total(meaning))(X)
    compiled = minigrad.compile(grad(total(ours)))
    for _ in range(3):
        agree(compiled(X), expected)
    agree(compiled(X * 0.5), grad(total(meaning))(X * 0.5))


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs Numba")
@pytest.mark.parametrize("how", MAKERS)
@pytest.mark.parametrize("name", ["multiply", "sum", "exp", "where", "max"])
def test_compiled_by_numba(how: str, name: str) -> None:
    ours, meaning = pair(how, name)
    compiled = minigrad.compile(grad(total(ours)), backend="numba")
    for _ in range(3):
        agree(compiled(X), grad(total(meaning))(X))


@pytest.mark.parametrize(("how", "name"), FEW)
def test_checked(how: str, name: str) -> None:
    """A right gradient is found right, at a point where a square root of ours, say, would have a kink."""
    ours, meaning = pair(how, name)
    assert minigrad.check(total(ours), grad(total(meaning)), X).verdict == "OK"


@pytest.mark.parametrize(("how", "name"), FEW)
def test_diagnosed(how: str, name: str) -> None:
    """A wrong gradient is found wrong, and the diagnosis finds out what is wrong with it."""
    ours, meaning = pair(how, name)
    report = minigrad.check(total(ours), lambda x: -grad(total(meaning))(x), X)
    assert report.verdict == "WRONG"
    assert "sign" in str(report)


@pytest.mark.parametrize("name", NAMES)
def test_a_kink_is_told_of_the_operation_that_has_it(name: str) -> None:
    """|x| has a kink at 0, and the user's operation, whatever it is called, has none."""
    ours = by_elementwise(name)
    by_hand = lambda x: np.sign(x) * (3.0 * x**2 + 2.0)
    report = minigrad.check(lambda x: np.sum(np.abs(ours(x))), by_hand, np.array([0.0, 1.0]))
    assert report.verdict == "NOT DIFFERENTIABLE HERE"
    assert {kink.operation for kink in report.kinks} == {"f", "absolute"}  # f is the function as a whole


def test_equal_work_of_one_that_does_not_commute_is_not_shared() -> None:
    """Called `multiply`, f(x, y) and f(y, x) are two operations, also where a tape remembers what it did."""
    for name in ("add", "multiply"):
        f = custom_elementwise(lopsided, lambda _a, _x, y: y**2 + 1.0, lambda _a, x, y: 2.0 * x * y, name=name)
        second = grad(grad(lambda x, f=f: f(x, 2.0 * x) - f(2.0 * x, x)))
        plain = grad(grad(lambda x: lopsided(x, 2.0 * x) - lopsided(2.0 * x, x)))
        agree(second(0.7), plain(0.7))
        agree(vjp(second, 0.7)[1](1.0)[0], vjp(plain, 0.7)[1](1.0)[0])


def test_an_operation_is_called_as_its_author_called_it() -> None:
    f = custom_elementwise(lambda x: x**3, lambda _ans, x: 3.0 * x**2, name="exp")
    assert minigrad.trace(f, 1.0).node(1).primitive.name == "exp"


def test_ours_are_still_ours_beside_them() -> None:
    """A user's `exp` does not change NumPy's."""
    f = custom_elementwise(lambda x: x**3, lambda _ans, x: 3.0 * x**2, name="exp")
    agree(derivatives(lambda x: mnp.exp(x) + f(x), 0.5, 3), np.exp(0.5) + np.array([0.125, 0.75, 3.0, 6.0]))
