"""Loops over arrays: what they add up is one operation until something looks, and looking changes nothing."""

import functools
import gc
import itertools
import math
import operator
import sys
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close

import minigrad as mg
from minigrad import compile, grad, hessian, jvp, source, trace, value_and_grad, vjp, vmap  # noqa: A004

rng = np.random.default_rng(0)
X, Y, ROWS = rng.normal(size=7), rng.normal(size=7), rng.normal(size=(5, 3))


def by_index(x: Any) -> Iterator[Any]:
    """The entries, each taken for itself: the reference."""
    return (x[k] for k in range(len(x)))


TERMS: dict[str, Any] = {
    "entry": lambda v, w, k: v,
    "product": lambda v, w, k: v * w,
    "difference": lambda v, w, k: w - v,
    "square of difference": lambda v, w, k: (v - 0.5 * w) * (v - 0.5 * w),
    "quotient": lambda v, w, k: v / 3.0 + 2.0 / w,
    "constants": lambda v, w, k: v * float(Y[k % 7]),
    "array constants": lambda v, w, k: Y[k % 7] * v,
    "function": lambda v, w, k: np.sin(v) * w,
    "constant at last": lambda v, w, k: v if k < 4 else 1.5,
}
LOOKS = [
    "nothing", "value", "print", "branch", "use", "use before", "use entry", "keep", "keep entry", "use term", "break",
    "write", "derive", "start again", "other order", "twice", "leave out",
]  # fmt: skip


def program(entries: Any, op: str, term: str, look: str, at: int, start: Any) -> Any:
    """A loop that adds up, or multiplies, terms; at one turn something else is done with what there is."""

    def fun(x: Any, y: Any) -> Any:
        x, y = x * 1.0, y * 1.0  # arrays of its own, to write into
        s, others, kept = (np.sin(x[0]) if start == "traced" else start), 0.0, []
        for k, (v, w) in enumerate(zip(entries(x), entries(y))):
            part = TERMS[term](v, w, k)
            before = s
            here = look if k == at else ""
            if here == "leave out":
                continue
            if s is None:
                s = part
            elif here == "other order":
                s = part + s if op == "add" else part * s
            else:
                s = s + part if op == "add" else s * part
            if here == "twice":
                s = s + part if op == "add" else s * part
            elif here == "value":
                others = others + float(mg.value(s))
            elif here == "print":
                others = others + len(f"{s} {v}")
            elif here == "branch" and s > 0:
                s = s * 2.0
            elif here == "use":
                others = others + np.tanh(0.1 * s) * s
            elif here == "use before" and before is not None:
                others = others + before * s
            elif here == "use entry":
                others = others + v * np.cos(v)
            elif here == "use term":
                others = others + part * np.cos(part)
            elif here == "keep entry":
                kept.append(v)
            elif here == "derive":
                others = others + mg.grad(lambda t: t * t * t)(1.0 * s) + mg.grad(lambda t, s=s: np.sin(t) * s)(v)
            elif here == "write":
                x[at:] = x[at:] * s
                y[-1] = 3.0
            elif here == "start again":
                others, s = others + s, start if start != "traced" else 0.0
            if look == "keep":
                kept.append(s)
            if here == "break":
                break
        return (0.0 if s is None else s) * 1.0 + others + (sum([t * t for t in kept[::2]]) if kept else 0.0)

    return fun


def same(x: Any, y: Any) -> None:
    """Equal bits; which NaN it is does not count."""
    x, y = np.asarray(x), np.asarray(y)
    assert x.dtype == y.dtype
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(np.signbit(x[~np.isnan(x)]), np.signbit(y[~np.isnan(y)]))


programs = st.tuples(
    st.sampled_from(["add", "add", "multiply"]),
    st.sampled_from(list(TERMS)),
    st.sampled_from(LOOKS),
    st.integers(0, 6),
    st.sampled_from([0, 0.0, -0.0, 1, 1.0, 2.5, np.float64(0.0), np.float64(3.0), np.float32(0), "traced", None]),
)


@settings(max_examples=80)
@given(programs, st.sampled_from("ddfe"), st.integers(2, 7), st.booleans())
def test_loops_are_what_they_are_entry_by_entry(how: Any, dtype: str, n: int, special: bool) -> None:
    x, y = X[:n].astype(dtype), Y[:n].astype(dtype)
    if special:
        x[::2], y[n // 2 :] = -0.0, 1.0
    mine, reference = program(iter, *how), program(by_index, *how)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):  # what a loop does is remembered at its place
            value, slopes = value_and_grad(mine, (0, 1))(x, y)
            expected, expected_slopes = value_and_grad(reference, (0, 1))(x, y)
            same(value, expected)
            same(value, reference(x, y))
            tolerance = {"e": 3e-2, "f": 1e-4, "d": 1e-12}[dtype]
            for a, b in zip(slopes, expected_slopes):
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.max(np.abs(b))))


@settings(max_examples=15)
@given(programs)
def test_loops_in_every_mode(how: Any) -> None:
    mine, reference = program(iter, *how), program(by_index, *how)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out, dot = jvp(mine, (X, Y), (Y, X))
        same(out, reference(X, Y))
        assert_close(dot, jvp(reference, (X, Y), (Y, X))[1], 1e-11)
        assert_close(hessian(mine)(X, Y), hessian(reference)(X, Y), 1e-10)
        line = lambda fun: mg.derivatives(lambda t: fun(X + t * Y, Y), 0.0, 3)
        if how[2] != "derive":
            assert_close(line(mine), line(reference), 1e-9)
        compiled = compile(value_and_grad(mine))
        for _ in range(2):
            value, slope = compiled(X, Y)
            same(value, reference(X, Y))
            assert_close(slope, grad(reference)(X, Y), 1e-11)


@pytest.mark.parametrize("term", ["entry", "product", "constants", "quotient"])
@pytest.mark.parametrize("op", ["add", "multiply"])
def test_loops_in_batches(op: str, term: str) -> None:
    mine = program(iter, op, term, "use", 4, 2.5)
    stacks = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    assert_close(vmap(mine)(*stacks), [mine(x, y) for x, y in zip(*stacks)], 1e-13)
    assert_close(vmap(grad(mine))(*stacks), [grad(mine)(x, y) for x, y in zip(*stacks)], 1e-12)


# ----- how much is recorded -------------------------------------------------------------------------------------------


def added(x: Any) -> Any:
    s = 0.0
    for v in x:
        s += v
    return s


def multiplied(x: Any) -> Any:
    p = 1.0
    for v in x:
        p = v * p
    return p


def two_at_once(x: Any) -> Any:
    s, p = 0.0, 1.0
    for v in x:
        s, p = s + v * v, p * v
    return s * p


def from_a_value(x: Any) -> Any:
    s = np.sin(x[0])
    for v in x:
        s = s + v
    return s


@pytest.mark.parametrize(
    ("fun", "nodes"),
    [
        (added, 3),
        (multiplied, 2),
        (two_at_once, 6),
        (from_a_value, 6),
        (lambda x: sum(v for v in x), 3),
        (lambda x: sum(a * b for a, b in zip(x, x)), 4),
        (lambda x: sum(a * b for a, b in zip(x, Y)), 4),
        (lambda x: sum((a - b) * (a - b) for a, b in zip(x, Y)), 5),
        (lambda x: sum(3.0 * v for v in x), 4),
        (lambda x: functools.reduce(operator.add, x), 2),
        (lambda x: math.prod(x), 2),
        (lambda x: math.prod(v * 0.5 for v in x), 3),
        (lambda x: sum(itertools.islice(x, 4)), 4),
    ],
)
def test_a_loop_is_one_operation(fun: Any, nodes: int) -> None:
    tape = trace(fun, X)
    assert len(tape) <= nodes
    assert [node[0].name for node in tape.nodes[1:]].count("getitem") <= 1
    assert_close(grad(fun)(X), grad(lambda x: fun([x[k] for k in range(7)]))(X), 1e-13)
    assert source(value_and_grad(fun), X).count("\n") < 22 + (7 if nodes > 5 else 0)


def test_rows_are_added_up() -> None:
    def total(R: Any) -> Any:
        return np.sum(sum(row for row in R) ** 2)

    def loop(R: Any) -> Any:
        s = np.zeros(3)
        for row in R:
            s = s + 2.0 * row
        return np.sum(s**2)

    def in_place(R: Any) -> Any:
        s = np.zeros(3) * R[0]
        for row in R:
            s += row
        return np.sum(s**2)

    for fun in (total, loop, in_place):
        by_rows = lambda R, fun=fun: fun([R[k] for k in range(5)])
        same(value_and_grad(fun)(ROWS)[0], fun(ROWS))
        assert_close(grad(fun)(ROWS), grad(by_rows)(ROWS), 1e-14)
        assert_close(hessian(fun)(ROWS), hessian(by_rows)(ROWS), 1e-14)
    assert len(trace(total, ROWS)) == 5


def test_rows_are_views() -> None:
    """What is written to a row that a loop gave is seen in the array, and the other way round."""

    def writes(R: Any) -> Any:
        R = R * 1.0
        s = 0.0
        for k, row in enumerate(R):
            row[1] = row[0] * row[2]
            if k == 2:
                R[4] = row
            s = s + row
        return np.sum(s * s) + np.sum(R**3)

    def by_rows(R: Any) -> Any:
        R = R * 1.0
        s = 0.0
        for k in range(5):
            row = R[k]
            row[1] = row[0] * row[2]
            if k == 2:
                R[4] = row
            s = s + row
        return np.sum(s * s) + np.sum(R**3)

    for _ in range(2):
        same(value_and_grad(writes)(ROWS)[0], by_rows(ROWS.copy()))
        assert_close(grad(writes)(ROWS), grad(by_rows)(ROWS), 1e-13)

    def written_later(R: Any) -> Any:
        R = R * 1.0
        s, kept = 0.0, []
        for row in R:
            s = s + row
            kept.append(row)
        R[0] = s
        return np.sum(kept[0] * kept[1])

    assert_close(
        grad(written_later)(ROWS), grad(lambda R: np.sum((R[0] + R[1] + R[2] + R[3] + R[4]) * R[1]))(ROWS), 1e-13
    )


# ----- what is kept, and what is not ----------------------------------------------------------------------------------


def test_entries_and_sums_may_be_kept_and_handed_out() -> None:
    kept: list[Any] = []

    def keeps(x: Any) -> Any:
        s = 0.0
        for v in x:
            s = s + v
            kept.extend([v, s])
        return s

    assert grad(keeps)(X).tolist() == [1.0] * 7
    assert [float(part) for part in kept[1::2]] == np.cumsum(X).tolist()
    assert [float(part) for part in kept[::2]] == X.tolist()
    assert float(kept[3] * 2.0) == 2.0 * (X[0] + X[1])

    def unfinished(x: Any) -> Any:
        entries = zip(x, x)
        a, b = next(entries)
        c, d = next(entries)
        return a * b + c * d, (a, a * b), [a + c]

    value, pull = vjp(unfinished, X)
    assert_close(pull(value)[0][:3], [2 * X[0] ** 3 + 2 * X[0] * X[1] ** 2 + X[0] + 2 * X[0] ** 3 + X[0] + X[1],
                                      2 * X[1] * (X[0] ** 2 + X[1] ** 2) + X[0] + X[1], 0.0], 1e-13)  # fmt: skip
    assert grad(lambda x: next(iter(x)))(X).tolist() == [1.0] + [0.0] * 6
    assert grad(lambda x: max(itertools.accumulate(x)))(np.ones(3)).tolist() == [1.0, 1.0, 1.0]


def test_a_kept_history_takes_linear_time() -> None:
    """Each running sum that was kept is one more operation, and not a sum of all before it."""

    def keeps(x: Any) -> Any:
        s, history = 0.0, []
        for v in x:
            s = s + v
            history.append(s)
        return sum([t * t for t in history])

    lengths = [len(trace(keeps, np.ones(n))) for n in (20, 40, 80)]
    assert lengths[2] - lengths[1] == 2 * (lengths[1] - lengths[0])
    assert_close(grad(keeps)(X), np.cumsum(2 * np.cumsum(X)[::-1])[::-1], 1e-14)


def test_names_and_nesting() -> None:
    def named(x: Any) -> Any:
        s = 0.0
        for k, v in enumerate(x):
            s = s + v
            if k == 2:
                mg.name(s, "three")
        return s

    assert float(trace(named, X)["three"]) == X[0] + X[1] + X[2]

    def nested(x: Any) -> Any:
        s = 0.0
        for v in x:
            s = s + grad(lambda t, v=v: t * t * v)(v)
        return s

    assert_close(grad(nested)(X), 4 * X, 1e-14)

    def within(x: Any) -> Any:
        return sum(a * b for a, b in zip(x, grad(lambda y: sum(v * w * w for v, w in zip(y, y)))(x)))

    assert_close(grad(within)(X), 9 * X**2, 1e-13)
    assert_close(hessian(within)(X), np.diag(18 * X), 1e-12)
    assert_close(grad(grad(lambda t: sum(v * t * t for v in t * X)))(2.0), 6 * 2.0 * np.sum(X), 1e-12)


def test_changed_constants_are_as_they_were() -> None:
    start, weights = np.zeros(3), np.ones(5)

    def changes(R: Any) -> Any:
        s = start
        for k, (row, w) in enumerate(zip(R, weights)):
            s = s + w * row
            if k == 0:
                start[:] = 100.0
                weights[:] = 2.0
        return np.sum(s * s)

    value = value_and_grad(changes)(ROWS)[0]
    assert_close(value, np.sum(np.sum(ROWS * [[1.0], [2.0], [2.0], [2.0], [2.0]], axis=0) ** 2), 1e-13)


def test_errors_name_the_line() -> None:
    with pytest.raises(Exception, match="test_iterated"):
        grad(lambda x: sum(float(v) for v in x))(X)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        grad(lambda x: sum(v * 1e300 for v in x))(np.full(3, 1e300))
    heard = []
    for derive in (lambda fun: fun, value_and_grad):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            derive(lambda x: sum(v * 1e10 for v in x))(np.full(3, 1e307))
        heard.append([str(each.message) for each in found])
    assert heard[0] == heard[1]  # and not once more of the reduction
    assert "overflow" in heard[0][0]


def test_memory_is_freed() -> None:
    gc.collect()
    gc.disable()
    try:
        seen = []

        def watched(x: Any) -> Any:
            y = x * 2.0
            seen.append(weakref.ref(y))
            s = 0.0
            for k, v in enumerate(y):
                s = s + v
                if k == 3:
                    break
            for a, b in zip(y, x):
                s = s + a * b
            return s

        grad(watched)(X)
        assert seen[0]() is None
    finally:
        gc.enable()


def test_a_place_is_remembered_where_nothing_is_added_up() -> None:
    """After its first run such a loop records as if nobody cared; the tapes are the same."""

    def plain(x: Any) -> Any:
        total = 0.0
        for v in x:
            total = total + np.sin(v)
        a, *_ = x
        return total * a

    texts = [str(trace(plain, X)) for _ in range(3)]
    assert texts[0] == texts[1] == texts[2]
    assert sys.getrefcount(plain) < 10
