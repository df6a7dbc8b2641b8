"""Straight-line programs for sweeps like many before: the same bits, and whatever the sweep notices is noticed."""

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
from minigrad import (
    batched,
    compile,  # noqa: A004 - it is not Python's compile
    custom_elementwise,
    derivatives,
    elementwise_grad,
    errstate,
    grad,
    hessian,
    hvp,
    jacobian,
    jet,
    jvp,
    trace,
    value_and_grad,
    vjp,
)
from minigrad.compiler import swept
from minigrad.compiler.swept import OFTEN, PATIENCE
from nn import backprop

pytestmark = pytest.mark.usefixtures("nothing_known")


@pytest.fixture
def answers(answers_of: Callable[..., list[bool]]) -> list[bool]:
    """For each sweep of a recording, whether a program answered."""
    return answers_of("pull", "push", "series")


def network(P: Any, x: Any, Y: Any) -> Any:
    A, B, a, b = P
    z = mnp.arctan(B @ mnp.arctan(A @ x + a) + b)
    return mnp.sum(mnp.logsumexp(z, axis=0)) - mnp.sum(z * Y)


rng = np.random.default_rng(0)
P = [rng.standard_normal(shape) for shape in ((5, 2), (3, 5), (5, 1), (3, 1))]
X, Y = rng.standard_normal((2, 7)), np.eye(3)[rng.integers(0, 3, 7)].T
U = np.linspace(0.3, 0.8, 6)

PROGRAMS: dict[str, tuple[Callable[..., Any], Any]] = {
    "network": (lambda P: network(P, X, Y), P),
    "chain": (lambda x: (x * x + 0.1) * x - x / 3.0, np.float64(0.7)),
    "number of Python": (lambda x: x * 2.0, 0.7),
    "rows": (lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2), U),
    "entries": (lambda x: x[0] * x[1] + x[2], U),
    "float32": (lambda x: np.sum(np.tanh(x) * x), U.astype(np.float32)),
    "one of two": (lambda p: np.sum(p[0] * 2.0), [U, U[:2]]),
    "same twice": (lambda p: np.sum(p[0] + p[1]), [U, U + 1.0]),
    "a branch": (lambda x: np.sum(np.where(x > 0.5, np.sqrt(x), 0.0)), U),
    "powers": (lambda x: np.sum(x**3 + x**-1.5 + 2.0**x), U),
    "by columns": (lambda x: np.sum(np.sin(x.T @ x) * np.arange(3.0)), np.asfortranarray(rng.standard_normal((4, 3)))),
    "moved": (lambda x: np.sum(np.cumsum(np.concatenate([x.T, x.T[::-1]]), axis=0) ** 2), rng.standard_normal((3, 4))),
    "softmax": (lambda x: np.sum(np.exp(x) / np.sum(np.exp(x)) * np.arange(6.0)), U),
}


ROWS = np.stack([U, U + 0.1])


def quotient(x: Any) -> Any:
    return (1.0 - np.exp(-x)) / (1.0 + np.exp(-x))


#: Sweeps forward, of many examples at once, and of series.
MATRICES: dict[str, tuple[Callable[..., Any], Any]] = {
    "pushforward": (lambda x: jvp(lambda x: np.sum(x[1:] * np.sin(x[:-1])), (x,), (np.cos(x),)), U),
    "product with a Hessian": (lambda x: hvp(lambda x: np.sum(x**3 * np.sum(x)), x, x[::-1]), U),
    "rows": (jacobian(lambda x: np.tanh(np.outer(np.arange(3.0), x) @ x)), U),
    "columns": (jacobian(lambda x: np.concatenate([np.exp(x), np.sin(x)])), U),
    "of a number": (jacobian(lambda x: np.array([1.0, 2.0]) * x), np.float64(0.7)),
    "Hessian": (hessian(lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2) + x[0] / x[1]), U),
    "gradients of examples": (batched(grad(lambda x: np.sum(np.maximum(x, x * x)) / x[0])), ROWS),
    "Jacobians of examples": (batched(jacobian(lambda x: np.stack([np.sum(np.sin(x) * x[0]), x[1] / x[0]]))), ROWS),
    "Hessians of examples": (batched(hessian(lambda x: np.sum(np.tanh(x) * x[0]))), ROWS),
    "series": (lambda x: derivatives(quotient, x, 6), U),
    "series of a number": (lambda x: derivatives(lambda x: quotient(x) * np.log(x) + x**3, x, 9), np.float64(0.7)),
    "series of float32": (lambda x: derivatives(lambda x: np.exp(-x) * np.sin(x), x, 5), U.astype(np.float32)),
    "series of a sum": (lambda x: jet(lambda x: np.sum(np.tanh(x) * x), (x,), ([x[::-1], x],)), U),
    "second derivative": (elementwise_grad(elementwise_grad(quotient)), U),
    "examples and weights": (lambda X: batched(lambda x: grad(network)(P, x[:, None], Y[:, :1]))(X), X.T),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_program_gives_the_same_bits_of_many_and_forward(name: str, answers: list[bool]) -> None:
    fun, x = MATRICES[name]
    results = [bits(fun(x)) for _ in range(OFTEN + 2)]
    assert all(result == results[0] for result in results)
    assert answers[-1]
    by_program = bits(fun(1.1 * x))
    assert answers[-1]
    swept.forget()
    assert by_program == bits(fun(1.1 * x))


def test_examples_of_two_batches_are_told_apart() -> None:
    def both(x: Any, y: Any) -> Any:
        return batched(lambda u: batched(lambda v: grad(lambda w: np.sum(w * u * v))(v))(y))(x)

    expected = ROWS[:, None] * ROWS[None, :]
    for _ in range(OFTEN + 2):
        np.testing.assert_array_equal(both(ROWS, ROWS), expected)


def bits(value: Any) -> Any:
    """All numbers of a result to the last bit, with their types."""
    if isinstance(value, (list, tuple)):
        return [bits(part) for part in value]
    return type(value), value.shape, value.dtype, value.tobytes()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_the_same_bits(name: str, answers: list[bool]) -> None:
    fun, x = PROGRAMS[name]
    gradient = value_and_grad(fun)
    results = [bits(gradient(x)) for _ in range(OFTEN + 2)]
    assert all(result == results[0] for result in results)
    assert answers == [False] * (OFTEN - 1) + [True] * 3
    other = [1.1 * part for part in x] if isinstance(x, list) else 1.1 * x
    by_program = bits(gradient(other))
    assert answers[-1]
    swept.forget()
    assert by_program == bits(gradient(other))
    assert not answers[-1]


def often(run: Callable[[], Any]) -> None:
    for _ in range(OFTEN):
        run()


def test_results_belong_to_who_asked(answers: list[bool]) -> None:
    gradient = grad(lambda p: np.sum(p[0] + p[1]))
    often(lambda: gradient([U, U]))
    a, b = gradient([U, U])
    assert answers[-1]
    a[:] = 7.0
    assert np.all(b == 1.0)
    assert np.all(gradient([U, U])[0] == 1.0)
    seed = np.ones(6)
    _, pullback = vjp(lambda x: x + 1.0, U)
    often(lambda: pullback(seed))
    (ct,) = pullback(seed)
    assert answers[-1]
    assert not np.shares_memory(ct, seed)


def test_an_array_that_was_written_to_is_noticed() -> None:
    weights = np.ones(6)

    def loss(x: Any, spoils: bool) -> Any:
        y = x * weights
        if spoils:
            weights[0] += 1.0
        return np.sum(y)

    often(lambda: grad(loss)(U, False))
    with pytest.raises(RuntimeError, match="was changed between its use"):
        grad(loss)(U, True)


def test_an_infinite_derivative_is_told_as_ever() -> None:
    gradient = grad(lambda x: np.sum(x * np.sqrt(x)))
    often(lambda: gradient(U))
    with pytest.warns(RuntimeWarning, match=r"sqrt .* met a factor of 0(.|\n)*test_swept"):
        assert np.array_equal(gradient(np.array([0.0, 4.0, 1.0, 1.0, 1.0, 1.0]))[:2], [0.0, 3.0])
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="is infinite at some entry"):
        grad(lambda x: np.sum(np.sqrt(x)))(0.0 * U)


def test_a_program_that_cannot_be_made_warns_of_nothing() -> None:
    rows = jacobian(lambda x: np.stack([np.sum(np.arcsin(x)), np.sum(np.arcsin(2.0 * x))]))
    for _ in range(OFTEN - 1):
        rows(0.5 * U)
    with np.errstate(under="raise"), pytest.warns(RuntimeWarning) as told:
        rows(np.full(6, 0.5))
    assert len(told) == 1


def test_numbers_of_python_are_not_divided_by_zero(answers: list[bool]) -> None:
    gradient = grad(lambda x, y: x / (y * y))
    often(lambda: gradient(2.0, np.float64(3.0)))
    assert answers[-1]
    with pytest.warns(RuntimeWarning):
        assert gradient(2.0, np.float64(1e-200)) == np.inf


def test_digits_lost_near_a_pole_are_found_again(answers: list[bool]) -> None:
    gradient = grad(lambda x: np.log1p(x) / x)
    often(lambda: gradient(0.5))
    assert answers[-1]
    assert gradient(1e-15) == pytest.approx(-0.5, rel=1e-12)
    powers = grad(lambda x, p: np.sum(np.log1p(x) * x**p))
    often(lambda: powers(U, np.full(6, 2.0)))
    assert not answers[-1]  # whether there is a pole depends on the powers
    with pytest.warns(RuntimeWarning, match="terms cancel"):
        powers(np.full(6, 1e-15), np.full(6, -1.0))


def test_digits_lost_in_series_are_found_again(answers: list[bool]) -> None:
    """A program for other points is none where numerator and denominator vanish, or where numbers are too large."""
    rates = lambda x: derivatives(lambda x: np.expm1(x) / np.sinh(x) * np.exp(x * x), x, 4)
    often(lambda: rates(U + 1.0))
    assert answers[-1]
    for x in (np.full(6, 1e-12), np.full(6, 1e-3), np.full(6, 26.6)):
        found: list[Any] = []
        told = warned(lambda x=x, found=found: found.append(bits(rates(x))))
        assert not answers[-1]
        with errstate():  # who looks on gets no program
            assert told == warned(lambda x=x, found=found: found.append(bits(rates(x))))
        assert found[0] == found[1]
    often(lambda: derivatives(lambda x: np.sin(x) / x, U + 1.0, 4))
    assert not answers[-1]  # on numbers a pass looks more closely where the denominator is a line


def test_an_untaken_branch_does_not_leak() -> None:
    gradient = grad(lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)))
    often(lambda: gradient(U))
    assert np.array_equal(gradient(np.array([0.0, 4.0, 1.0, 1.0, 1.0, 1.0]))[:3], [0.0, 0.25, 0.5])


def test_branches_shapes_and_numbers_make_other_structures() -> None:
    def loss(x: Any, n: Any) -> Any:
        return np.sum(x * n) if x[0] < 1.0 else np.sum(x**3)

    often(lambda: grad(loss)(U, 2.0))
    assert grad(loss)(U, 3.0)[0] == 3.0
    assert grad(loss)(U, -0.0)[0] == 0.0
    assert np.signbit(grad(loss)(U, -0.0)[0])
    assert grad(loss)(U, np.float64(5.0))[0] == 5.0
    assert grad(loss)(U[:2], 2.0).shape == (2,)
    assert grad(loss)(U + 1.0, 2.0)[0] == 3.0 * 1.3 * 1.3
    assert np.array_equal(grad(loss)(U.astype(np.float32), 2.0), np.full(6, 2.0, np.float32))


def test_parameters_make_other_structures() -> None:
    """Also where the first tape with these operations has none."""
    x = np.arange(4.0).reshape(2, 2)
    for axis in (None, 0, 1):
        for _ in range(OFTEN + 2):
            out, tangent = jvp(lambda x, axis=axis: x.sum(axis), (x,), (x,))
            np.testing.assert_array_equal(out, x.sum(axis))
            np.testing.assert_array_equal(tangent, x.sum(axis))


@pytest.mark.parametrize(
    "entries", [lambda x, i: x[i], lambda x, i: x[None][0, i], lambda x, i: np.take(x, i)], ids=["[]", "[,]", "take"]
)
def test_a_program_keeps_an_index_that_the_user_writes_into_later(
    entries: Callable[..., Any], answers: list[bool]
) -> None:
    def gradient(index: Any) -> Any:
        return grad(lambda x: np.sum(entries(x, index) ** 2))(U)

    index = np.array([0, 1, 2])
    often(lambda: gradient(index))
    index[:] = [3, 4, 5]
    assert np.array_equal(gradient(np.array([0, 1, 2])), [*2.0 * U[:3], 0.0, 0.0, 0.0])
    assert answers[-1]
    assert np.array_equal(gradient(index), [0.0, 0.0, 0.0, *2.0 * U[3:]])


def test_rules_of_others_are_asked_every_time() -> None:
    asked: list[float] = []

    def slope(ans: Any, x: Any) -> Any:
        asked.append(1.0)
        return float(len(asked))

    own = custom_elementwise(lambda x: 2.0 * x, slope)
    assert [grad(own)(1.0) for _ in range(OFTEN + 3)] == [float(k + 1) for k in range(OFTEN + 3)]


def test_who_looks_on_sees_the_sweep(answers: list[bool]) -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.tanh(x) * x)

    often(lambda: grad(loss)(U))
    assert answers[-1]
    inner = trace(grad(loss), U)
    assert len(inner) > 5
    with errstate(nan="raise"):
        grad(loss)(U)
    assert not answers[-1]
    np.testing.assert_allclose(jvp(grad(loss), (U,), (U,))[1], hessian(loss)(U) @ U, rtol=1e-12)


def test_long_and_large_tapes_and_those_that_never_come_again_are_let_be(answers: list[bool]) -> None:
    def long(x: Any) -> Any:
        for _ in range(swept.MOST_NODES):
            x = x * 1.1
        return x

    often(lambda: grad(long)(1.0))
    often(lambda: grad(lambda x: np.sum(x * x))(np.ones(20_000)))
    for k in range(3 * PATIENCE):
        grad(lambda x, k=k: np.sum(x * float(k)))(U)
    assert not any(answers)
    kinds = swept._ALIKE.values()
    assert sum([len(layout.programs) for alike in kinds for layout in alike.layouts]) < 2 * PATIENCE


def test_threads_share_programs() -> None:
    expected = backprop.gradient(P[:2], P[2:], X, Y)[1][0]
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(3 * OFTEN):
            found = grad(network)(P, X, Y)[0]
            if not np.allclose(found, expected, rtol=1e-12):
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_warnings_that_are_errors_come_from_the_sweep() -> None:
    gradient = grad(lambda x: np.sum(np.exp(x) * np.exp(x)))
    often(lambda: gradient(U))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="overflow"):
            gradient(U + 400.0)


def warned(run: Callable[[], Any]) -> list[str]:
    """The warnings of a call, all that come."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run()
    return [str(each.message).split("(")[0] for each in told]


@pytest.mark.parametrize("is_known", [False, True], ids=["before", "with a program"])
def test_what_numpy_warns_of_is_told_once(is_known: bool) -> None:
    """A program that gives up says nothing of what the sweep, which then answers, meets again."""
    large, tiny, ones = np.full(6, 1e200), np.full(6, 1e-300), np.ones(6)
    gradient = grad(lambda p: np.sum(np.sqrt(p[1])) + np.sum(p[0] * large * p[2]))
    for _ in range(2 * OFTEN if is_known else OFTEN - 1):
        gradient([tiny, ones, ones])
    overflow = "overflow encountered in multiply"
    assert warned(lambda: gradient([tiny, 0.0 * ones, large])) == [overflow, "sqrt "]
    assert warned(lambda: gradient([tiny, ones, large])) == [overflow]
    with np.errstate(over="ignore"):
        assert warned(lambda: gradient([tiny, ones, large])) == []


def test_a_program_within_a_compiled_function_is_none_of_the_function() -> None:
    """The watcher of `compile` took it for the user's code, which asks for the state of NumPy's errors."""
    inner = grad(lambda x: np.sum(np.sin(x) * x))
    point = np.ones(3)
    for _ in range(2 * OFTEN):
        inner(point)
    compiled = compile(lambda x: x * inner(point))
    for _ in range(3):
        np.testing.assert_array_equal(compiled(point), point * inner(point))
    assert compiled.stats()["reasons"] == {}
    assert compiled.stats()["replays"] == 2
