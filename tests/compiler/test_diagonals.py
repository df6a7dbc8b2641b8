"""Matrices with a few diagonals are computed with as vectors: the same numbers up to rounding, and fewer of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import compile, hessian, jacobian  # noqa: A004
from minigrad.compiler import passes
from minigrad.compiler.diagonals import banded, cost, diagonals
from minigrad.compiler.meaning import interpret
from minigrad.compiler.program import Program
from minigrad.compiler.stage import Trace
from minigrad.rules.moving import sum_of_scatters

N = 40
rng = np.random.default_rng(0)
EYE, SHIFTED, WIDE = np.eye(N), np.eye(N, k=2), np.eye(N, N + 3, k=1)
x = rng.uniform(1, 2, N)


def traced(fun: Any, *args: Any) -> Program:
    trace = Trace()
    out = fun(*map(trace.input, args))
    return passes.optimised(trace.close(list(out) if type(out) is tuple else [out]))


def check(fun: Any, *args: Any) -> tuple[Program, Program]:
    before = traced(fun, *args)
    after = diagonals(before)
    for a, b in zip(interpret(after, list(args)), interpret(before, list(args))):
        assert (type(a), a.shape, a.dtype) == (type(b), b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14)
    return before, after


@settings(max_examples=60)
@given(st.data())
def test_random_programs_of_diagonals(data: Any) -> None:
    draw, dtype = data.draw, data.draw(st.sampled_from([np.float64, np.float32]))
    n, m = draw(st.integers(9, 12)), draw(st.integers(9, 12))
    row, column = (draw(st.lists(st.integers(1, 5), min_size=k, max_size=k)) for k in (m, n))
    r, c = np.array(row, dtype), np.array(column, dtype)[:, None]

    def constant(shape: tuple[int, int]) -> np.ndarray:
        return np.eye(*shape, k=draw(st.integers(-3, 3)), dtype=dtype) * dtype(draw(st.integers(1, 3)))

    def fun(r: Any, c: Any) -> Any:
        M: Any = constant((n, m)) * r
        for _ in range(draw(st.integers(1, 5))):
            kind = draw(st.sampled_from(["row", "column", "number", "entry", "over", "neg", "sum", "less", "product"]))
            if kind == "row":
                M = draw(st.sampled_from([M * r, r * M, r[None, :] * M]))
            elif kind == "column":
                M = M * c
            elif kind == "number":
                M = 2.0 * M
            elif kind == "entry":
                M = M * c[3]
            elif kind == "over":
                M = M / r
            elif kind == "neg":
                M = -M
            elif kind == "sum":
                M = M + constant((n, m))
            elif kind == "less":
                M = draw(st.sampled_from([M - constant((n, m)), constant((n, m)) - M * c]))
            else:
                M = M * constant((n, m))
        last = draw(st.sampled_from(["none", "transposed", "left", "right", "scattered", "dense"]))
        if last == "transposed":
            return M.T
        if last == "left":
            return (c.T * np.ones((5, 1), dtype)) @ M, (np.eye(n, dtype=dtype) * c) @ (c * r)
        if last == "right":
            return M @ (r[:, None] * np.ones(4, dtype)), (c * r) @ (np.eye(m, dtype=dtype) * r)
        if last == "scattered":
            indices = ((slice(0, n), slice(2, None)), (slice(1, n + 1), slice(0, m)))
            return sum_of_scatters(M, M * c, indices=indices, shape=(n + 1, m + 2), dtype=dtype)
        return M + c * r if last == "dense" else M

    before = traced(lambda r, c: fun(r, c), r, c)
    after = diagonals(before)
    assert cost(after) <= cost(before)
    for a, b in zip(interpret(after, [r, c]), interpret(before, [r, c])):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5 if dtype is np.float32 else 1e-14)


def test_products_are_with_vectors() -> None:
    _, after = check(lambda x: (EYE * np.sin(x)) * x[:, None] - 3.0 * EYE, x)
    assert max(int(np.prod(step.out.shape)) for step in after.steps[:-1]) == N
    assert after.steps[-1].function is banded


def test_products_of_matrices_are_scalings() -> None:
    A = rng.normal(size=(N, N))
    _, after = check(lambda x: (A @ (EYE * x), (EYE * x) @ A, (EYE * x) @ (SHIFTED * x)), x)
    assert not any("matmul" in getattr(step.function, "__name__", "") for step in after.steps)


def test_a_diagonal_of_one_entry() -> None:
    """A row of the whole width, of which one entry is needed, is no vector of one entry."""
    corner = np.eye(N, k=N - 1)
    _, after = check(lambda x: (corner * x[None, :]) * np.sin(x)[None, :], x)
    assert after.steps[-1].function is banded


def test_an_entry_of_a_factor_is_a_number() -> None:
    _, after = check(lambda x: (EYE * x[3:4]) * np.sin(x), x)
    taken = [step.out for step in after.steps if step.out.shape == ()]
    assert [var.kind for var in taken] == ["scalar"]


def test_what_does_not_pay_stays() -> None:
    for fun in (
        lambda x: np.cos(EYE * x),
        lambda x: rng.normal(size=(N, N)) * x,
        lambda x: (EYE * x)[3],
        lambda x: x[:7] * np.eye(7),
    ):
        before, after = check(fun, x)
        assert cost(after) == cost(before)


def test_shapes_that_are_not_square() -> None:
    _, after = check(lambda x: (WIDE.T * x + np.eye(N + 3, N, k=-2)) * np.cos(x), x)
    assert cost(after) < N * (N + 3) + 12 * 500


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2),
        lambda x: np.sum(np.sin(x) * x**3),
        lambda x: np.sum(x[2:] * x[:-2]) + np.sum(np.exp(x)),
        lambda x: np.sum(x) ** 2 + np.sum(np.log(x)),
        lambda x: np.sum((x[::2] - x[1::2]) ** 4),
    ],
)
def test_hessians(f: Any) -> None:
    derived = compile(hessian(f))
    for point in (x, x[::-1].copy(), x + 0.1):
        np.testing.assert_allclose(derived(point), hessian(f)(point), rtol=1e-13, atol=1e-13)
    assert derived.stats()["replays"] == 2


def test_jacobians() -> None:
    A, B = rng.normal(size=(2, N, N))
    for f in (lambda x: np.tanh(B @ np.tanh(A @ x)), lambda x: np.sin(x) * x, lambda x: np.cumsum(x) * x[::-1]):
        derived = compile(jacobian(f))
        for point in (x, x + 0.1):
            np.testing.assert_allclose(derived(point), jacobian(f)(point), rtol=1e-12, atol=1e-13)


def test_an_exact_program_keeps_its_matrices() -> None:
    derived = compile(hessian(lambda x: np.sum(np.sin(x) * x)), exact=True)
    derived(x)
    assert np.array_equal(derived(x), hessian(lambda x: np.sum(np.sin(x) * x))(x))


def test_seeds_of_a_jacobian_are_not_compared_in_each_call() -> None:
    """They are views of an identity that nobody else has; what the user has is compared, also by a view."""
    mine = np.ones(2 * N)
    part = mine[::2]
    compiled = compile(hessian(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 * part[1:])))
    first = compiled(x)
    np.testing.assert_allclose(compiled(x), first)
    (replay,) = compiled._replays
    assert [array.size for array, *_ in replay.watched.arrays] == [N - 1]
    mine *= 2.0
    np.testing.assert_allclose(compiled(x), 2.0 * first)
    assert compiled.stats()["traces"] == 2


def test_constants_on_a_diagonal_are_written_at_once() -> None:
    """Parts that meet others are added to these."""
    compiled = compile(hessian(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 * 100.0 + (1.0 - x[:-1]) ** 2)))
    plain = hessian(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 * 100.0 + (1.0 - x[:-1]) ** 2))
    for factor in (1.0, -0.5, 2.0):
        np.testing.assert_allclose(compiled(x * factor), plain(x * factor), rtol=1e-13, atol=1e-12)
    assert compiled.stats()["replays"] == 2
