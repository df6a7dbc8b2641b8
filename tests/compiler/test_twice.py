"""Second order from one recording: as from two nested ones, by a program and without it."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
from minigrad import (
    batched,
    checkpointed_scan,
    compile,  # noqa: A004 - it is not Python's compile
    custom_elementwise,
    custom_primitive,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
)
from minigrad.compiler import swept
from minigrad.compiler.swept import OFTEN

pytestmark = pytest.mark.usefixtures("nothing_known")


@pytest.fixture
def answers(answers_of: Callable[..., list[bool]]) -> list[bool]:
    """For each Hessian or product, whether a program answered."""
    return answers_of("hessian", "hvp")


def bits(value: Any) -> Any:
    """All numbers of a result to the last bit, with their types, but for the signs of zeros and of NaN."""
    if isinstance(value, dict):
        return {key: bits(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [bits(part) for part in value]
    assert not isinstance(value, np.ndarray) or value.flags.c_contiguous
    return type(value), value.shape, value.dtype, np.where(np.isnan(value), np.nan, value + 0.0).tobytes()


def nested(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The Hessian by two recordings, one within the other."""
    return jacfwd(jacrev(fun))


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


rng = np.random.default_rng(0)
U = np.linspace(0.3, 0.8, 10)
W = [rng.standard_normal(shape) for shape in ((3, 2), (2, 3), (3, 1))]
X = rng.standard_normal((2, 5))


def network(P: Any) -> Any:
    A, B, b = P
    z = B @ np.tanh(A @ X + b)
    return mnp.sum(mnp.logsumexp(z, axis=0)) - np.sum(z[0])


FUNCTIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "Rosenbrock": (rosenbrock, U),
    "a number": (lambda x: x * np.sin(x) / x, np.float64(0.7)),
    "network": (network, W),
    "constant": (lambda x: np.sum(x * x), U),
    "by columns": (lambda x: np.sum(np.sin(x.T @ x)), np.asfortranarray(rng.standard_normal((4, 3)))),
    "products": (lambda x: np.sum((np.outer(U, U) @ np.exp(x)) ** 3) / np.sum(x), U),
    "several outputs": (lambda x: [np.cumsum(x**3), {"last": x[-1] * x[0]}], U),
    "structure": (lambda p: {"out": np.sum(p["a"] ** 2 * p["b"]) + p["b"]}, {"a": U, "b": np.float64(2.0)}),
    "float32": (lambda x: np.sum(np.tanh(x) * x), U.astype(np.float32)),
    "a branch": (lambda x: np.sum(np.where(x > 0.5, np.sqrt(x), x**3)), U),
    "not used": (lambda p: np.sum(p[0] ** 3), [U, U[:2]]),
    "linear": (lambda x: np.sum(3.0 * x), U),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_gives_the_same_hessian(name: str, answers: list[bool]) -> None:
    fun, x = FUNCTIONS[name]
    expected = bits(nested(fun)(x))
    for _ in range(OFTEN + 2):
        assert bits(hessian(fun)(x)) == expected
    assert answers[-1]
    other = moved(x, 1.1)
    assert bits(hessian(fun)(other)) == bits(nested(fun)(other))
    assert answers[-1]


def moved(x: Any, factor: float) -> Any:
    if isinstance(x, dict):
        return {key: moved(part, factor) for key, part in x.items()}
    return [moved(part, factor) for part in x] if isinstance(x, list) else x * x.dtype.type(factor)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ("several outputs", "structure")])
def test_a_program_gives_the_same_product(name: str, answers: list[bool]) -> None:
    fun, x = FUNCTIONS[name]
    v = moved(x, -0.7)
    expected = bits(jvp(grad(fun), (x,), (v,))[1])
    for _ in range(OFTEN + 2):
        assert bits(hvp(fun, x, v)) == expected
    assert answers[-1]


def test_a_result_is_nobody_elses() -> None:
    """A constant Hessian is a new array each time, and so are products."""
    for _ in range(OFTEN + 3):
        H, p = hessian(FUNCTIONS["constant"][0])(U), hvp(FUNCTIONS["constant"][0], U, U)
        np.testing.assert_array_equal(H, 2.0 * np.eye(U.size))
        np.testing.assert_array_equal(p, 2.0 * U)
        H[:], p[:] = 7.0, 7.0
    assert U[0] == 0.3


def test_the_function_runs_once(answers: list[bool]) -> None:
    calls = 0

    def fun(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return rosenbrock(x)

    for k in range(OFTEN + 3):
        hessian(fun)(U)
        hvp(fun, U, U)
        assert calls == 2 * (k + 1)
    assert answers[-2:] == [True, True]


#: Where the sweeps meet something, or the function takes another way: after many calls at a usual point.
POINTS: dict[str, tuple[Callable[..., Any], Any, Any]] = {
    "division by zero": (lambda x: np.sum(1.0 / x), U, np.append(0.0, U[1:])),
    "zero times infinity": (lambda x: np.sum(x * np.sqrt(x)), U, np.append(0.0, U[1:])),
    "overflow": (lambda x: np.sum(np.exp(x)), U, np.append(800.0, U[1:])),
    "infinite": (rosenbrock, U, np.append(np.inf, U[1:])),
    "infinite in the end": (rosenbrock, U, np.append(U[1:], -np.inf)),
    "NaN": (rosenbrock, U, np.append(np.nan, U[1:])),
    "near a pole": (lambda x: x * x / x, np.float64(0.7), np.float64(1e-9)),
    "another branch": (lambda x: np.sum(x**3) if x[0] < 0.5 else np.sum(x**2), U, U + 1.0),
    "a mask": (lambda x: np.sum(np.where(x > 0.5, x**3, x**2)), U, U[::-1].copy()),
    "strides": (rosenbrock, U, np.repeat(U, 2)[::2]),
    "zeros": (rosenbrock, U, np.zeros(10)),
}


@pytest.mark.parametrize("name", POINTS)
def test_what_a_program_does_not_know_is_told_as_before(name: str, answers: list[bool]) -> None:
    fun, usual, x = POINTS[name]
    for _ in range(OFTEN + 2):
        hessian(fun)(usual)
        hvp(fun, usual, usual)
    assert answers[-2:] == [True, True]
    calls: list[Callable[[], Any]] = [lambda: hessian(fun)(x), lambda: hvp(fun, x, usual)]
    with_programs = [told(call) for call in calls]
    swept.forget()
    assert with_programs == [told(call) for call in calls]
    twice_recorded = [told(lambda: nested(fun)(x)), told(lambda: jvp(grad(fun), (x,), (usual,))[1])]
    for (result, messages), (expected, others) in zip(with_programs, twice_recorded):
        assert result == expected
        assert [text.partition("\n")[0] for text in messages] == [text.partition("\n")[0] for text in others]


def told(call: Callable[[], Any]) -> Any:
    """The bits of a result, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = bits(call())
    return result, [str(each.message) for each in caught]


def test_another_constant_gives_another_result() -> None:
    for k in range(OFTEN + 5):
        np.testing.assert_allclose(np.diag(hessian(lambda x, k=k: np.sum(x**3 * (1.0 + k)))(U)), 6.0 * U * (1.0 + k))


def test_an_array_that_was_written_to_is_noticed(answers: list[bool]) -> None:
    c = np.ones(10)

    def fun(x: Any) -> Any:
        out = np.sum(x**3 * c)
        if is_written:
            c[0] += 1.0
        return out

    is_written = False
    for is_written in [False] * (OFTEN + 2) + [True]:
        if is_written:
            assert answers[-1]
            with pytest.raises(RuntimeError, match="was changed between its use"):
                hessian(fun)(U)
            with pytest.raises(RuntimeError, match="was changed between its use"):
                hvp(fun, U, U)
        else:
            hessian(fun)(U)


@custom_primitive(vjp=lambda g, ans, x: g * 3.0 * x**2)
def cube(x: Any) -> Any:
    return x**3


sinus = custom_elementwise(lambda x: np.sin(x), lambda ans, x: np.cos(x), name="sinus")


def written_to(x: Any) -> Any:
    y = x * x
    y[1] = y[0] * x[2]
    y[3:] *= y[1]
    return np.sum(y**2)


def closed_over(x: Any) -> Any:
    y = np.sin(x)
    own = custom_primitive(lambda z: z * 2.0, vjp=lambda g, ans, z: g * 2.0 * y / y)
    ours = custom_primitive(lambda z: z * np.sin(np.asarray(U)), vjp=lambda g, ans, z: g * y)
    return np.sum(own(x) * ours(x**2))


def loop(x: Any) -> Any:
    return np.sum(checkpointed_scan(lambda c, t: (c * np.sin(c) * t, c), x[:2], x)[1])


#: What is lifted, and is no plain operation of NumPy with one result.
LIFTED: dict[str, Callable[..., Any]] = {
    "rule of the user's": lambda x: np.sum(cube(x) * x),
    "entry by entry": lambda x: np.sum(sinus(x) * x),
    "written to": written_to,
    "a rule closes over a traced value": closed_over,
    "loop": loop,
    "several results": lambda x: np.sum(np.linalg.eigh(np.outer(x, x) + np.diag(np.arange(10.0)))[0] ** 2 * x),
    "entries one by one": lambda x: sum([entry * entry * x[0] for entry in x]) + max(x),
    "entries added up": lambda x: sum(x * x) * x[1],
    "derivatives within": lambda x: np.sum(grad(lambda y: np.sum(y**3 * x))(x) * x),
    "twice within": lambda x: np.sum(grad(lambda z: np.sum(grad(lambda y: np.sum(np.exp(y * z)))(x) * z))(x) * x),
    "a Hessian within": lambda x: np.sum(hessian(lambda y: np.sum(y**3 * x[0]))(x[:3])),
    "a constant": lambda x: np.sum(np.arange(10.0)),
    "no array of NumPy's": lambda x: 3.0,
    "integers": lambda x: np.sum(x ** np.arange(10)),
}


@pytest.mark.parametrize("name", LIFTED)
def test_what_is_lifted_is_as_recorded_twice(name: str) -> None:
    fun = LIFTED[name]
    assert bits(hessian(fun)(U)) == bits(nested(fun)(U))
    assert bits(hvp(fun, U, U[::-1].copy())) == bits(jvp(grad(fun), (U,), (U[::-1].copy(),))[1])


def test_a_constant_may_be_traced_from_outside() -> None:
    """Before there are programs, and when there are some for plain constants."""

    def matrix(c: Any) -> Any:
        return hessian(lambda x: np.sum(x**3 * c))(U)

    def product(c: Any) -> Any:
        return hvp(lambda x: np.sum(x**3 * c), U, U)

    for _ in range(2):
        np.testing.assert_allclose(grad(lambda c: np.sum(matrix(c)))(2.0), np.sum(6.0 * U))
        np.testing.assert_allclose(grad(lambda c: np.sum(product(c)))(2.0), np.sum(6.0 * U * U))
        np.testing.assert_allclose(batched(matrix)(U)[1], np.diag(6.0 * U * U[1]))
        np.testing.assert_allclose(compile(matrix)(U[2]), np.diag(6.0 * U * U[2]))
        for _ in range(OFTEN + 2):
            matrix(2.0)
            product(2.0)


def test_values_that_were_kept_are_plain_afterwards() -> None:
    kept = []

    def fun(x: Any) -> Any:
        kept.append(np.sin(x))
        return np.sum(kept[-1] ** 2)

    hessian(fun)(U)
    hvp(fun, U, U)
    for each in kept:
        np.testing.assert_array_equal(np.asarray(each * 1.0), np.sin(U))
        assert grad(lambda x, each=each: np.sum(x * each))(U).tobytes() == np.sin(U).tobytes()


def test_directions_are_checked_as_without_a_program() -> None:
    for _ in range(OFTEN + 2):
        with pytest.raises(ValueError, match="does not fit a primal"):
            hvp(rosenbrock, U, U[:1])
    np.testing.assert_array_equal(hvp(lambda x: x**3, 2.0, 1), 12.0)


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: np.sum(np.maximum(x, x[::-1]) ** 2),
        lambda x: np.sum(np.sin(x) * np.max(np.abs(x[::-1]) + np.abs(x))),
        lambda x: np.sum(np.abs(x - x * x[0] / x[0]) * x),
        lambda x: np.sum(np.hypot(x, x - x)) + np.linalg.norm(x - x),
    ],
    ids=["maximum", "max", "abs", "norm"],
)
@pytest.mark.parametrize("derivative", [lambda f, x: hessian(f)(x), lambda f, x: hvp(f, x, x)], ids=["hessian", "hvp"])
def test_a_kink_is_told_in_every_call(fun: Callable[..., Any], derivative: Callable[..., Any]) -> None:
    """Where each tape of a structure has one, as well as where some have."""
    for k in range(2 * OFTEN):
        with pytest.warns(RuntimeWarning, match="is 0 at some entry|are equal at some entry"):
            derivative(fun, np.array([1.0 + k, 2.0, 3.0]))


def test_a_kink_is_told_where_a_program_would_answer(answers: list[bool]) -> None:
    fun = hessian(lambda x: np.sum(np.maximum(x, 1.0) ** 2))
    for k in range(OFTEN + 1):
        fun(np.array([2.0, 3.0 + k]))
    assert answers[-1]
    with pytest.warns(RuntimeWarning, match="are equal at some entry"):
        fun(np.array([2.0, 1.0]))
    assert not answers[-1]
