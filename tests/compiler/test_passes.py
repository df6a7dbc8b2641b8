"""Each optimisation by itself: the program before and after it, and the same results."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import STEPS, C, inputs, scalar, steps

import minigrad
from minigrad import derivatives, grad, hvp
from minigrad.compiler import algebra, passes, replay, rounding
from minigrad.compiler.explaining import explain
from minigrad.compiler.meaning import GuardedError, interpret
from minigrad.compiler.program import Program
from minigrad.compiler.stage import Trace
from minigrad.compiler.traced import Traced

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


def traced(fun: Any, *args: Any) -> Program:
    return Traced(fun, args, {}).program


def lines(program: Program) -> list[str]:
    return str(program).split("\n")[1:]


def check(each: Any, fun: Any, *args: Any) -> tuple[list[str], list[str]]:
    """The steps before and after a pass, which must not change a bit."""
    program = traced(fun, *args)
    after = each(program)
    for a, b in zip(interpret(program, list(args)), interpret(after, list(args))):
        assert type(a) is type(b)
        assert np.array_equal(a, b)
    return lines(program), lines(after)


def test_dead_code() -> None:
    before, after = check(passes.without_dead_code, lambda x: (np.sin(x), np.exp(x) + 1.0)[0], X)
    assert before == ["%1 = sin(%0)", "%2 = exp(%0)", "%3 = add(%2, 1.0)", "return %1"]
    assert after == ["%1 = sin(%0)", "return %1"]


def test_guards_are_no_dead_code() -> None:
    _, after = check(passes.without_dead_code, lambda x: 2.0 * x if np.sum(x) > 0 else x, X)
    assert after == ["%1 = sum(%0)", "%2 = gt(%1, 0)", "is_true(%2, True)", "%3 = mul(2.0, %0)", "return %3"]


def test_equal_work_is_done_once() -> None:
    before, after = check(passes.shared, lambda x: np.sin(x) * np.cos(x) + np.cos(x) * np.sin(x), X)
    assert len(before) == 8
    assert after == ["%1 = sin(%0)", "%2 = cos(%0)", "%3 = mul(%1, %2)", "%7 = add(%3, %3)", "return %7"]


def test_constants_are_equal_by_content_and_type() -> None:
    _, after = check(passes.shared, lambda x: (x + np.array([1.0, 2.0, 3.0])) * (x + np.array([1.0, 2.0, 3.0])), X)
    assert len(after) == 3
    _, after = check(passes.shared, lambda x: (x * 0.0, x * -0.0, x * 0, x * 1.0, x * 1, x * True), X)
    assert len(after) == 7


def test_what_does_not_depend_on_inputs_is_folded() -> None:
    program = traced(lambda x: x * 2.0, X)
    step = program.steps[0]
    constant = step._replace(args=(np.ones(3), 2.0), out=program.steps[0].out)
    folded = passes.folded(program._replace(steps=[constant]))
    assert folded.steps == []
    assert np.array_equal(folded.outputs[0], [2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("fun", "expected"),
    [
        (lambda x: x * 1.0, "return %0"),
        (lambda x: 1.0 * x, "return %0"),
        (lambda x: x / 1.0, "return %0"),
        (lambda x: x + 0.0, "%1 = add(%0, 0.0)"),  # -0.0 + 0.0 is 0.0
        (lambda x: np.exp(x) + 0.0, "return %1"),
        (lambda x: x - 0.0, "return %0"),
        (lambda x: 0.0 - x, "%1 = sub(0.0, %0)"),
        (lambda x: np.negative(-x), "return %0"),
        (lambda x: -1.0 * x, "%1 = neg(%0)"),
        (lambda x: x + -np.sin(x), "%3 = sub(%0, %1)"),
        (lambda x: x - -np.sin(x), "%3 = add(%0, %1)"),
        (lambda x: x.T.T, "return %0"),
        # x may lie by columns: then the first of them copies it, and one alone would leave it as it lies
        (lambda x: x.reshape(6).reshape(3, 2).reshape(2, 3), "%3 = reshape(%1, (2, 3))"),
        (lambda x: (x @ x.T).reshape(4).reshape(4, 1, 1).reshape(2, 2), "return %2"),
        (lambda x: (x @ x.T).reshape(4).reshape(1, 4), "%4 = reshape(%2, (1, 4))"),
        (lambda x: x.reshape(2, 1, 3).reshape(1, 2, 3), "%2 = reshape(%0, (1, 2, 3))"),
        (lambda x: x.astype(float), "return %0"),
        (lambda x: np.broadcast_to(x, (2, 3)), "return %0"),
        (lambda x: x * np.ones((2, 3)), "return %0"),
        (lambda x: np.sum(x, axis=()), "%1 = add.reduce(%0, (), False)"),  # -0.0 becomes 0.0
        (lambda x: np.sum(np.exp(x), axis=()), "return %1"),
        (lambda x: np.max(x, axis=()), "return %0"),
        (lambda x: (x @ x[0][..., None])[..., 0], "matmul(%0, %1)"),
    ],
)
def test_algebra(fun: Any, expected: str) -> None:
    """After the canonical form."""
    program = traced(fun, X)
    after = passes.without_dead_code(passes.simplified(passes.canonical(program)))
    assert expected in str(after)
    assert np.array_equal(interpret(after, [X])[0], fun(X))


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: x * np.float64(1.0), lambda x: x * np.ones((3, 2, 3)), lambda x: x + np.zeros((1, 2, 3)),
        lambda x: x * (1.0 + 0j), lambda x: x.astype(np.float32), lambda x: x * 0.0, lambda x: 1.0 / x,
        lambda x: x * -1,
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nothing_is_dropped_that_changes_shape_or_dtype(fun: Any, dtype: Any) -> None:
    x = X.astype(dtype)
    program = traced(fun, x)
    result = interpret(passes.optimised(program), [x])[0]
    assert result.dtype == fun(x).dtype
    assert result.shape == fun(x).shape
    assert np.array_equal(result, fun(x))


def test_all_ways_to_say_it_become_one() -> None:
    def fun(x: Any) -> Any:
        return np.add(np.sum(x, axis=0), x.sum(0)) + np.add.reduce(x) + np.sum(x, axis=(-2,)), np.square(x) + x * x

    after = passes.optimised(traced(fun, X))
    assert sum("add.reduce" in line for line in lines(after)) == 1
    assert sum("mul" in line for line in lines(after)) == 1


def test_reductions_with_and_without_kept_axes() -> None:
    before, after = check(
        lambda p: passes.reductions_shared(passes.canonical(p)),
        lambda x: np.sum(x, axis=1, keepdims=True) * np.sum(x, axis=1), X,
    )  # fmt: skip
    assert sum("sum" in line for line in before) == 2
    assert sum("reduce" in line for line in after) == 1
    assert any("reshape" in line for line in after)


def test_broadcasts_that_are_undone() -> None:
    _, after = check(
        lambda p: passes.without_dead_code(passes.narrowed(p)), lambda x: x * np.broadcast_to(x[0], (2, 3)), X
    )
    assert after == ["%1 = getitem(%0, 0)", "%3 = mul(%0, %1)", "return %3"]
    _, after = check(passes.narrowed, lambda x: np.broadcast_to(x[0], (2, 3)) + np.broadcast_to(x[1], (2, 3)), X)
    assert sum("broadcast_to" in line for line in after) >= 1


def test_tiles_that_are_undone() -> None:
    """Where broadcasting does the same, and the result lies in memory as it did."""
    narrow = lambda p: passes.without_dead_code(passes.narrowed(passes.canonical(p)))
    _, after = check(narrow, lambda x: x @ x.T + np.tile(x[:, :1], (1, 2)), X)
    assert not any("tile" in line for line in after)
    for fun in (
        lambda x: x - np.tile(x[:, :1], (1, 3)),  # x may lie by columns
        lambda x: x @ x.T + np.tile(x[:, :1], 2)[:, :1],
        lambda x: np.tile(x[:1, :1], (4, 1)) * np.tile(x[0], 2)[:4, None],
        lambda x: (x @ x.T)[:, :1] + np.tile(x[:, :1], (1, 3)),
    ):
        _, after = check(narrow, fun, X)
        assert any("tile" in line for line in after)


def test_powers_become_products() -> None:
    _, after = check(passes.reduced_strength, lambda x: x**2 + x**1 + x**3, X)
    assert sum("mul" in line for line in after) == 1
    assert sum("pow" in line for line in after) == 1


def test_a_sign_is_lost_in_an_absolute_value() -> None:
    _, after = check(lambda p: passes.without_dead_code(passes.simplified(p)), lambda x: np.abs(-x), X)
    assert after == ["%2 = absolute(%0)", "return %2"]


def test_sums_as_products() -> None:
    x = np.random.default_rng(0).normal(size=(20, 300))

    def fun(x: Any) -> Any:
        return np.sum(x, axis=1), np.sum(x, axis=1, keepdims=True), np.sum(x, axis=0), np.sum(x)

    program = passes.canonical(traced(fun, x))
    after = rounding.sums_as_products(program)
    assert sum("matmul" in line for line in lines(after)) == 3
    for a, b in zip(interpret(after, [x]), fun(x)):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
    one = passes.canonical(traced(lambda x: (np.sum(x, axis=1), np.sum(x, axis=1, keepdims=True)), X[:, :1]))
    assert rounding.sums_as_products(one) == one


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [((50, 5, 4), 2), ((50, 5, 4), 0), ((9, 2, 3, 2), -1), ((30,), 0)], ids=str)
def test_sums_over_a_short_last_axis_or_the_first_one(shape: tuple[int, ...], axis: int, keepdims: bool) -> None:
    """All rows are one matrix, in any order of memory."""
    x = np.random.default_rng(0).normal(size=shape)
    for given_array in (x, np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.astype(np.float32)):
        program = passes.canonical(traced(lambda x: np.sum(x, axis=axis, keepdims=keepdims), given_array))
        after = rounding.sums_as_products(program)
        assert ("add.reduce" not in str(after)) or (len(shape) == 1 and keepdims)
        (found,), (expected,) = interpret(after, [given_array]), interpret(program, [given_array])
        assert (type(found), np.shape(found), found.dtype) == (type(expected), np.shape(expected), expected.dtype)
        np.testing.assert_allclose(found, expected, rtol=1e-4 if found.dtype == np.float32 else 1e-12, atol=1e-5)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("fun", [np.max, np.min], ids=lambda f: f.__name__)
def test_a_maximum_over_a_short_last_axis(fun: Any, keepdims: bool) -> None:
    """Columns are compared where they are slices of rows; NaN stays NaN."""
    x = np.random.default_rng(0).normal(size=(40, 3))
    by_rows = lambda x: fun(np.exp(x) * np.ones((40, 3)), axis=1, keepdims=keepdims)
    _, after = check(lambda program: rounding.maxima_by_columns(passes.canonical(program)), by_rows, x)
    assert not any("reduce" in line for line in after)
    program = rounding.maxima_by_columns(passes.canonical(traced(by_rows, x)))
    x[3, 1] = np.nan
    np.testing.assert_array_equal(*interpret(program, [x]), by_rows(x))
    x[3, 1] = 0.0
    for other in (lambda x: fun(x, axis=1), lambda x: fun(np.exp(x), axis=0), lambda x: fun(np.exp(x[:9]), axis=1)):
        program = passes.canonical(traced(other, x))  # by columns already, or few, or in an order that is not known
        assert rounding.maxima_by_columns(program) is program


@pytest.mark.parametrize(
    ("x", "y", "repeated"),
    [
        ((500, 1, 4), (5, 4), (500, 5, 4)),
        ((500, 5), (500, 1), (500, 5)),
        ((1, 300, 2), (5, 1, 2), (5, 300, 2)),
        ((3,), (300, 3), (300, 3)),
        ((4,), (100, 5, 4), (500, 4)),
        ((1, 500), (3, 500), None),
        ((500, 5, 4), (5, 4), None),
        ((20, 1), (20, 5), None),
        ((1, 4), (500, 1), None),
        ((40, 1, 4, 1), (1, 6, 1, 4), None),
        ((), (500, 3), None),
    ],
    ids=str,
)
def test_short_loops_become_long_ones(x: Any, y: Any, repeated: Any) -> None:
    """An operand is repeated where an operation would stretch it in many short loops, in whatever order it lies."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=x), rng.normal(size=y)
    for change in (np.asarray, np.asfortranarray):
        for fun in (lambda x, y: x - y, lambda x, y: np.maximum(y, x)):
            args = change(one) if x else 0.5, change(other)
            program = passes.canonical(traced(fun, *args))
            after = rounding.long_loops(program)
            assert [step.out.shape for step in after.steps if step.function is np.repeat] == [repeated] * bool(repeated)
            np.testing.assert_array_equal(*interpret(after, list(args)), fun(*args))


def test_loops_are_as_long_as_the_order_of_memory_allows() -> None:
    x = np.ones((5, 500))
    program = passes.canonical(traced(lambda x: np.exp(x).T - np.ones((500, 1)) * x[0, 0], x))  # loops of 500 already
    assert not any(step.function is np.repeat for step in rounding.long_loops(program).steps)


def test_systems_with_a_matrix_that_is_inverted_anyway() -> None:
    """One inverse instead of three factorisations; a matrix that is not inverted keeps its systems."""
    rng = np.random.default_rng(0)
    A, B, v = rng.normal(size=(6, 6)) + 6 * np.eye(6), rng.normal(size=(6, 2)), rng.normal(size=6)

    def fun(A: Any, B: Any, v: Any) -> Any:
        solved = np.linalg.solve(A, B)
        return solved, np.linalg.solve(A.T, solved), np.linalg.inv(A), np.linalg.solve(A, v), np.linalg.solve(2 * A, B)

    program = passes.optimised(traced(fun, A, B, v))
    after = rounding.inverses_shared(program)
    assert [sum(name in line for line in lines(after)) for name in ("solve", "inv(")] == [1, 1]
    for a, b in zip(interpret(after, [A, B, v]), interpret(program, [A, B, v])):
        assert (type(a), a.shape, a.dtype) == (type(b), b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    alone = passes.optimised(traced(lambda A, B: np.linalg.solve(A.T, np.linalg.solve(A, B)), A, B))
    assert rounding.inverses_shared(alone) is alone
    gradient = minigrad.grad(lambda A, v: np.linalg.slogdet(A)[1] + v @ np.linalg.solve(A, v), (0, 1))
    compiled = minigrad.compile(gradient)
    for factor in (1.0, 2.0, -0.5):
        for a, b in zip(compiled(factor * A, v), gradient(factor * A, v)):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    assert compiled.stats()["replays"] == 2


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_where_rounding_counts_the_exact_program_answers(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that gives other numbers is no reason not to compile: an inverse that is hardly one might."""
    if backend == "numba":
        pytest.importorskip("numba")

    def with_another_number(program: Program) -> Program:
        steps = [step._replace(args=(*step.args[:-1], 2.0)) for step in program.steps]
        return program._replace(steps=steps)

    for name in ("ROUNDING", "FOR_LOOPS"):
        monkeypatch.setattr(replay, name, (with_another_number,))
    compiled = minigrad.compile(lambda x: np.exp(x) + 3.0, backend=backend)
    for factor in (1.0, 2.0, 3.0):
        np.testing.assert_array_equal(compiled(factor * X), np.exp(factor * X) + 3.0)
    assert compiled.stats()["replays"] == 2
    assert not compiled.stats()["reasons"]


def test_a_sum_with_itself_is_a_scaling() -> None:
    def fun(x: Any, y: Any) -> Any:
        u = -0.5 * x
        return np.sum((u + u) * y, axis=0), (u + u) * 3.0

    program = passes.optimised(traced(fun, X, X))
    after = rounding.scalings(program)
    assert len(after.steps) < len(program.steps)
    for a, b in zip(interpret(after, [X, X + 1.0]), interpret(program, [X, X + 1.0])):
        np.testing.assert_allclose(a, b, rtol=1e-15)


def test_sums_of_products_become_scalar_products() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 3, 30))

    def fun(x: Any, y: Any) -> Any:
        product = x * y
        return (
            np.sum(x * y * 2.0),
            np.sum(x * y[0]),
            np.sum(product),
            product[0],
            np.sum(np.cos(x) * y),
        )

    program = passes.optimised(traced(fun, x, y))
    after = rounding.sums_as_products(program)
    assert sum("vdot" in line for line in lines(after)) == 1  # the last: others broadcast, or are read elsewhere too
    for a, b in zip(interpret(after, [x, y]), fun(x, y)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
        assert type(a) is type(b)
    many = np.ones(rounding.MOST_TERMS + 1)
    long = passes.canonical(traced(lambda x: np.sum(np.cos(x) * x), many))
    assert rounding.sums_as_products(long) == long  # pairwise is more accurate


def test_the_scalar_product_of_integers_or_complex_numbers_stays_a_sum() -> None:
    for x in (np.arange(5), np.arange(5) * 1j):
        program = passes.canonical(traced(lambda x: np.sum(np.conjugate(x) * x), x))
        assert rounding.sums_as_products(program) == program


@settings(max_examples=100)
@given(st.data())
def test_one_operand_by_rows_makes_the_result_lie_by_rows(data: Any) -> None:
    """`makes_rows` of the compiler takes this from NumPy, whatever the layout of the other operand."""
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    axes = data.draw(st.permutations(range(len(shape))))
    steps = [data.draw(st.sampled_from([1, 2, -1, 0])) for _ in shape]  # 0: broadcast
    other = np.zeros([shape[a] * max(abs(steps[a]), 1) if steps[a] else 1 for a in axes])
    other = other[tuple(slice(None, None, steps[a] or 1) for a in axes)].transpose(np.argsort(axes))
    by_rows = np.zeros(shape)
    for ufunc in (np.add, np.hypot):
        assert ufunc(by_rows, other).flags.c_contiguous
        assert ufunc(other, by_rows).flags.c_contiguous


@settings(max_examples=100)
@given(st.data())
def test_views_joined(data: Any) -> None:
    """Random chains of views: the same entries at the same places in memory, in no more steps."""
    x = np.arange(24.0).reshape(2, 3, 4)
    trace = Trace()
    y = trace.input(x)
    for _ in range(data.draw(st.integers(1, 6))):
        kind = data.draw(st.sampled_from(["new", "transposed", "dropped", "reshaped", "entry"]))
        if kind == "new":
            before = (slice(None),) * data.draw(st.integers(0, y.ndim))
            y = y[data.draw(st.sampled_from([(*before, None), (*before, None, ...)]))]
        elif kind == "transposed":
            y = np.transpose(y, data.draw(st.permutations(range(y.ndim))))
        elif kind == "dropped" and 1 in y.shape:
            last = y.shape[::-1].index(1)
            y = y[(..., data.draw(st.sampled_from([0, -1])), *[slice(None)] * last)]
        elif kind == "reshaped":
            y = y.reshape([n for n in y.shape if n != 1] + [1])
        elif kind == "entry" and y.ndim > 1 and y.shape[0] > 1:
            y = y[1]
    program = passes.canonical(trace.close([y]))
    after = passes.without_dead_code(algebra.views_joined(program))
    assert len(after.steps) <= len(program.steps)
    (a,), (b,) = interpret(after, [x]), interpret(program, [x])
    assert (a.shape, a.__array_interface__["data"]) == (b.shape, b.__array_interface__["data"])
    assert np.array_equal(a, b)


def test_axes_that_come_and_go_are_gone() -> None:
    x = np.ones((3, 4))
    _, after = check(lambda p: passes.optimised(p), lambda x: x[:, ..., None].transpose((1, 0, 2))[:, :, 0], x)
    assert len(after) == 2
    assert after[0].endswith("transpose(%0, (1, 0))")
    _, after = check(lambda p: passes.optimised(p), lambda x: x.T[..., None][:, :, 0].T + 1.0, x)
    assert len(after) == 2


def test_factors_meet() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 4))

    def fun(x: Any, y: Any) -> Any:
        return 2.0 * (-(100.0 * x) * y), (3.0 * x) / (2.0 * y) * -2.0, np.sum(-(4.0 * y)), -(-2.0 * y), (2.0 * y) * 5.0

    program = passes.canonical(traced(fun, x, y))
    after = rounding.scalings(program)
    for a, b in zip(interpret(after, [x, y]), fun(x, y)):
        np.testing.assert_allclose(a, b, rtol=1e-15)
        assert (type(a), a.dtype) == (type(b), b.dtype)
    assert lines(after)[:3] == ["%17 = mul(%0, %1)", "%5 = mul(-200.0, %17)", "%7 = mul(2.0, %1)"]
    assert (len(program.steps), len(after.steps)) == (15, 8)


@pytest.mark.parametrize(
    ("fun", "x"),
    [
        (lambda x: -((0.5 * x) * x), np.array([1.5e154])),  # x * x would overflow
        (lambda x: 1e200 * (1e200 * x), np.array([1e-300])),
        (lambda x: 1e-200 * (1e-200 * x), np.array([1e300])),
        (lambda x: np.sum(0.25 * x), np.array([1.2e308, 1.2e308])),
        (lambda x: 2.0 * (x * 3.0), np.array([1, 2])),  # integers
        (lambda x: np.float64(2.0) * (x * np.float64(3.0)), np.array([1.0], np.float32)),  # becomes double precision
        (lambda x: -(2.0 * x) * np.ones((3, 1)), np.ones(2)),  # cheaper on the small array
    ],
)
def test_factors_that_stay_where_they_are(fun: Any, x: Any) -> None:
    program = passes.canonical(traced(fun, x))
    (after,) = interpret(rounding.scalings(program), [x])
    assert np.array_equal(after, fun(x))
    assert after.dtype == fun(x).dtype
    assert np.all(np.isfinite(after))


@settings(max_examples=25)
@given(steps, inputs)
def test_rounding_is_all_that_scalings_change(program: Any, x: Any) -> None:
    fun = scalar(program)
    for derived in (grad(fun), lambda x: hvp(fun, x, C)):
        before = passes.optimised(traced(derived, x))
        after = rounding.scalings(before)
        assert len(after.steps) <= len(before.steps)
        for a, b in zip(interpret(after, [x]), interpret(before, [x])):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.max(np.abs(b), initial=0.0))


def test_sums_of_stacks_as_products() -> None:
    """Each matrix of a stack is summed with the bits of that matrix alone."""
    stack = np.random.default_rng(0).normal(size=(2, 3, 20, 300))

    def fun(x: Any) -> Any:
        return np.sum(x, axis=-1), np.sum(x, axis=-1, keepdims=True), np.sum(x, axis=-2)

    program = rounding.sums_as_products(passes.canonical(traced(fun, stack)))
    assert sum("matmul" in line for line in lines(program)) == 3
    alone = rounding.sums_as_products(passes.canonical(traced(fun, stack[0, 0])))
    for together, one, plain in zip(interpret(program, [stack]), interpret(alone, [stack[1, 2]]), fun(stack)):
        np.testing.assert_array_equal(together[1, 2], one)
        np.testing.assert_allclose(together, plain, rtol=1e-12, atol=1e-13)
    before = passes.canonical(traced(lambda x: (np.sum(x, axis=0), np.sum(x, axis=1), np.sum(x, axis=(2, 3))), stack))
    assert rounding.sums_as_products(before) == before


def test_numbers_beside_arrays() -> None:
    for dtype in (np.float64, np.float32):
        x = X.astype(dtype)
        program = passes.canonical(traced(lambda x: (1.0 + x * 2, x / np.float32(3.0), x > 0, 2.0 - x, x * 1e30), x))
        after = passes.numbers_as_arrays(program)
        assert sum("array()" in line for line in lines(after)) == 5
        for a, b in zip(interpret(after, [x]), interpret(program, [x])):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)


@settings(max_examples=25)
@given(steps, inputs, inputs)
def test_no_pass_changes_a_bit(program: Any, x: Any, other: Any) -> None:
    """One after the other, on gradients and products with Hessians of random programs, at a second point."""
    fun = scalar(program)
    for derived in (grad(fun), lambda x: hvp(fun, x, C), lambda x: derivatives(fun, x, 2)):
        traced_program = traced(derived, x)
        try:
            expected = interpret(traced_program, [other])
        except GuardedError:
            continue
        for each in passes.PASSES:
            after = each(traced_program)
            assert len(after.steps) <= len(traced_program.steps)
            for a, b in zip(interpret(after, [other]), expected):
                assert type(a) is type(b)
                assert np.array_equal(a, b, equal_nan=True)
            traced_program = after


def test_the_view_of_all_passes() -> None:
    text = explain(grad(lambda x: np.sum(STEPS["product"](x, x))), X)
    assert text.startswith("inputs %0")
    assert "shared: Equal work is done once" in text
    assert "without_dead_code" in text


# ----- what goes through a maximum, and what only moves entries in memory ---------------------------------------------


def by_rows_of_a_transpose(z: Any, Y: Any) -> Any:
    S = z.T
    m = np.amax(S, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(S - m), axis=1)) + m[:, 0]) - np.sum(z * Y)


def with_tiles(z: Any, Y: Any) -> Any:
    S = z.T
    m = np.max(S, axis=1, keepdims=True)
    logs = np.log(np.sum(np.exp(S - np.tile(m, (1, S.shape[1]))), axis=1, keepdims=True))
    return np.sum(logs + m) - sum(z.flatten() * Y.flatten())


def by_columns(z: Any, Y: Any) -> Any:
    m = np.max(z, axis=0)
    return np.sum(np.log(np.sum(np.exp(z - m), axis=0)) + m) - np.sum(z * Y)


@pytest.mark.parametrize("fun", [by_rows_of_a_transpose, with_tiles, by_columns], ids=lambda f: f.__name__)
def test_the_gradient_through_a_maximum_cancels(fun: Any) -> None:
    """The shares are left, where there are ties as well; exact programs keep what rounding leaves of it."""
    rng = np.random.default_rng(0)
    z, Y = rng.normal(size=(3, 40)), np.eye(3)[rng.integers(0, 3, 40)].T
    z[:, 3], z[1, 5], z[0, 5] = 0.5, 9.0, 9.0
    program = passes.optimised(traced(minigrad.value_and_grad(fun), z, Y), rounding.ROUNDING)
    assert not any(" eq(" in line or "tile" in line or "cumsum" in line for line in lines(program))
    value, gradient = minigrad.value_and_grad(fun)(z, Y)
    for a, b in zip(interpret(program, [z, Y]), (value, gradient)):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-14)
    compiled, exact = minigrad.compile(minigrad.grad(fun)), minigrad.compile(minigrad.grad(fun), exact=True)
    for factor in (1.0, 3.0, -2.0):
        np.testing.assert_allclose(compiled(factor * z, Y), minigrad.grad(fun)(factor * z, Y), rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(exact(factor * z, Y), minigrad.grad(fun)(factor * z, Y))
    z[0, 0] = np.nan
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(compiled(z, Y), minigrad.grad(fun)(z, Y))


def test_the_sum_of_shares_is_not_taken_for_1_elsewhere() -> None:
    """Somebody may ask for its rounding error, and other sums are no sums of shares."""

    def fun(x: Any, y: Any) -> Any:
        m = np.max(x, axis=1, keepdims=True)
        e = np.exp(x - m)
        p = e / np.sum(e, axis=1, keepdims=True)
        where = (x == m) / np.sum(x == m, axis=1, keepdims=True)
        other = e / np.sum(y, axis=1, keepdims=True)
        return np.sum(p, axis=1) - 1.0, where + p - where * np.sum(other, axis=1, keepdims=True), p - np.sum(p, axis=0)

    x, y = np.random.default_rng(0).uniform(0.5, 1.5, size=(2, 30, 5))
    program = passes.optimised(traced(fun, x, y), rounding.FOR_LOOPS)
    for a, b in zip(interpret(program, [x, y]), fun(x, y)):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
    assert np.count_nonzero(interpret(program, [x, y])[0])


def test_an_order_of_memory_that_is_asked_for_stays() -> None:
    """Copies and tiles go only where nobody can see in which order the entries lie."""
    x = np.asfortranarray(np.random.default_rng(0).normal(size=(4, 5)))
    for fun in (lambda x: np.copy(x, "C").ravel("K") * 2.0, lambda x: (x - np.tile(x[:, :1], (1, 5))).ravel("A")):
        compiled = minigrad.compile(fun)
        for each in (x, 2.0 * x, np.ascontiguousarray(x)):
            np.testing.assert_array_equal(compiled(each), fun(each))
        assert compiled.stats()["replays"] >= 1
    copied = minigrad.compile(lambda x: np.copy(x))
    for each in (x, x + 1.0):
        assert copied(each) is not each
        assert not np.shares_memory(copied(each), each)


def test_sums_of_small_integers_stay_loops() -> None:
    """NumPy adds up their arrays in a larger dtype."""
    for dtype in (np.int8, np.float32, np.float64, np.int64):
        x = np.full(30, 7, dtype)
        for fun in (lambda x: sum(x * x[0]), lambda x: math.prod(x + x[0])):
            compiled = minigrad.compile(fun)
            with np.errstate(over="ignore"):
                for each in (x, x + dtype(1)):
                    found, expected = compiled(each), fun(each)
                    assert type(found) is type(expected)
                    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "index",
    [0, -1, (0, 1), (..., 0), (0, ..., None), (slice(None), 1), (slice(1, 3), None, 0), (0, 1, 2)],
    ids=str,
)
def test_cotangents_of_entries_are_added_to_views(index: Any) -> None:
    """The compiled program writes into zeros what the engine scatters, with the same bits."""
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    x[0, 1, 2] = -0.0
    gradient = minigrad.grad(lambda x: np.sum(x[index] * x[index]) + np.sum(x[index] * x[0, 1, 2]))
    compiled = minigrad.compile(gradient, exact=True)
    for factor in (1.0, -2.0, 0.5):
        found, expected = compiled(factor * x), gradient(factor * x)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
    assert compiled.stats()["replays"] == 2
