"""Arrays that are written to between recording and sweep are noticed; unchanged ones give no alarm."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages import fails

from minigrad import grad, jacobian, jvp, make_vjp, vjp
from minigrad import value as mg_value
from minigrad.core import fingerprint as module
from minigrad.core.fingerprint import COPIED, fingerprint, lengths, sums

X = np.array([0.5, -1.0, 2.0])
PRIMES = [n for n in range(1001, 2000, 2) if all(n % k for k in range(3, 45, 2))]
DRAWN = [tuple(random.Random(seed).sample(PRIMES, 2)) for seed in range(4)]


@pytest.fixture(scope="module", autouse=True)
def the_same_lengths() -> Iterator[None]:
    """`sums` draws its two primes anew in each process, and few of all pairs meet with an accident: not by chance."""
    assert lengths() in {(a, b) for a in PRIMES for b in PRIMES if a != b}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "lengths", lambda: DRAWN[0])
        yield


def change_one(a: Any) -> None:
    """Another value in one place."""
    a.flat[a.size // 2] = not a.flat[a.size // 2] if a.dtype == bool else a.flat[a.size // 2] + 1


def change_all(a: Any) -> None:
    """Another value everywhere."""
    a[...] = ~a if a.dtype == bool else a + 1


def change_sign(a: Any) -> None:
    """All signs flipped: only the top bits change, an even number of them."""
    a[...] = ~a if a.dtype == bool else -a


def change_order(a: Any) -> None:
    """Two different entries exchanged."""
    flat = a.reshape(-1) if a.flags.c_contiguous else a.flat
    j = next(j for j in range(1, a.size) if flat[j] != flat[0])
    flat[0], flat[j] = flat[j], flat[0]


def change_two_signs(a: Any) -> None:
    """Two signs flipped."""
    for i in (3, 7):
        a.flat[i] = not a.flat[i] if a.dtype == bool else -a.flat[i]


rng = np.random.default_rng(5)
CAPTURED: dict[str, Callable[[], Any]] = {
    "small": lambda: rng.normal(size=10),
    "large": lambda: rng.normal(size=10_000),
    "odd size": lambda: rng.normal(size=8191),
    "labels": lambda: np.where(rng.random(10_000) > 0.5, 1.0, -1.0),
    "matrix": lambda: rng.normal(size=(100, 70)),
    "Fortran": lambda: np.asfortranarray(rng.normal(size=(100, 70))),
    "strided": lambda: rng.normal(size=20_000)[::2],
    "transposed part": lambda: rng.normal(size=(200, 100))[::2, 5:75].T,
    "float32": lambda: rng.normal(size=10_001).astype(np.float32),
    "float16": lambda: rng.normal(size=10_001).astype(np.float16),
    "longdouble": lambda: rng.normal(size=5_000).astype(np.longdouble),
    "complex": lambda: rng.normal(size=5_000) + 1j * rng.normal(size=5_000),
    "bool": lambda: rng.random(50_001) > 0.5,
    "int8": lambda: rng.integers(1, 100, 50_001).astype(np.int8),
    "int64": lambda: rng.integers(1, 100, 5_000),
}
CHANGES = [change_one, change_all, change_sign, change_order, change_two_signs]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("kind", CAPTURED)
def test_a_captured_array_that_changed_is_detected(kind: str, change: Callable[[Any], None]) -> None:
    """A constant of every size, layout and dtype, changed in every way between recording and sweep."""
    a = CAPTURED[kind]()
    _, pullback = vjp(lambda x: np.sum(x * a), np.ones(a.shape))
    pullback(a.dtype.type(1) if a.dtype.kind == "c" else 1.0)
    change(a)
    message = fails(RuntimeError, lambda: pullback(1.0), str(a.shape), str(a.dtype), "changed", ".copy()")
    assert "_, pullback = vjp(lambda x: np.sum(x * a), np.ones(a.shape))" in message  # where it was used
    assert "lambda: pullback(1.0)" in message  # where it was needed


@pytest.mark.parametrize("size", [3, 10_000])
@pytest.mark.parametrize("change", [change_one, change_sign], ids=lambda c: c.__name__)
def test_an_input_that_changed_is_detected(size: int, change: Callable[[Any], None]) -> None:
    """The argument itself, also within a container, also by a view."""
    x = np.linspace(1.0, 2.0, size + 5)
    _, pullback = vjp(lambda p: np.sum(p["x"] ** 2), {"x": x})
    change(x[5:])
    fails(RuntimeError, lambda: pullback(1.0), "input", f"({size + 5},)")


def test_indices_and_masks_that_changed_are_detected() -> None:
    """Everything a rule reads again by reference: index arrays, masks of indexing and of where."""
    for make, fun in [
        (lambda: np.array([0, 1]), lambda x, i: np.sum(x[i] ** 2)),
        (lambda: np.array([True, False, True]), lambda x, i: np.sum(x[i])),
        (lambda: np.array([True, False, True]), lambda x, m: np.sum(np.where(m, x, 0.0))),
        (lambda: np.array([0, 2]), lambda x, i: np.sum(x[i, None])),
        (lambda: np.array([0, 1]), lambda x, i: np.sum(np.stack([x, x])[:, i])),
    ]:
        parameter = make()
        _, pullback = vjp(lambda x, f=fun, i=parameter: f(x, i), X)
        parameter[...] = parameter[::-1].copy() if parameter.dtype != bool else ~parameter
        fails(RuntimeError, lambda p=pullback: p(1.0), "changed", str(parameter.dtype))


@pytest.mark.parametrize(
    ("parameter", "fun"),
    [
        (np.array([1, 0, 2]), lambda x, p: np.sum(np.repeat(x, p) ** 2)),
        ([1, 0, 2], lambda x, p: np.sum(np.repeat(x, p) ** 2)),
        ([2, 0], lambda x, p: np.sum(x[p] * X[:2])),
        ([3, 1], lambda x, p: np.sum(np.tile(x, p))),
        ([0, 2], lambda x, p: np.sum(np.pad(x, p) ** 2)),
        ([1, 0], lambda x, p: np.sum(np.transpose(np.outer(x, x), p) * np.outer(X, X**2))),
    ],
    ids=["repeat array", "repeat list", "index list", "tile list", "pad list", "axes list"],
)
def test_parameters_are_copied(parameter: Any, fun: Callable[[Any, Any], Any]) -> None:
    """Counts, widths and lists of positions may change afterwards: the tape has its own."""
    _, pullback = vjp(lambda x: fun(x, parameter), X)
    before = pullback(1.0)[0]
    parameter[:] = list(parameter)[::-1]
    assert np.array_equal(pullback(1.0)[0], before)


def unless_noticed(run: Callable[[], Any]) -> Any:
    """The result of `run`, or None if the engine or NumPy noticed that an array was, or was to be, written to."""
    try:
        return run()
    except (RuntimeError, ValueError) as error:
        if "changed" in str(error) or "read-only" in str(error):
            return None
        raise


@pytest.mark.parametrize("make", [lambda f: vjp(f, X), lambda f: make_vjp(f)(X)[::-1]], ids=["vjp", "make_vjp"])
@pytest.mark.parametrize("fun", [np.exp, np.tanh, np.sqrt], ids=lambda f: f.__name__)
def test_arrays_handed_out_by_vjp_may_not_change_the_gradient(make: Callable[..., Any], fun: Any) -> None:
    """Writing into the returned value is noticed by the pullback, or has no effect on it: never a wrong gradient."""
    out, pullback = make(lambda x: fun(x * x))
    expected = np.array(jacobian(lambda x: fun(x * x))(X).sum(axis=0))
    out *= 100.0
    gradient = unless_noticed(lambda: pullback(np.ones(3)))
    assert gradient is None or np.allclose(gradient, expected, rtol=1e-14)


def test_arrays_handed_out_by_value_may_not_change_the_gradient() -> None:
    """Writing into a plain value taken within the function raises, or has no effect on the traced one."""

    def fun(x: Any) -> Any:
        h = np.exp(x)
        v = mg_value(h)
        v -= np.max(v)
        return np.sum(h) + 0.0 * np.sum(v)

    gradient = unless_noticed(lambda: grad(fun)(X))
    assert gradient is None or np.allclose(gradient, np.exp(X), rtol=1e-14)


def test_a_buffer_that_the_function_reuses_is_detected() -> None:
    """The classic: one work array filled anew in every turn of a loop."""

    def fun(x: Any) -> Any:
        buffer, total = np.zeros(3), 0.0
        for k in range(3):
            buffer[:] = k
            total = total + np.sum(buffer * x)
        return total

    fails(RuntimeError, lambda: grad(fun)(X), "buffer * x", "changed")
    fails(RuntimeError, lambda: jvp(fun, (X,), (X,)), "buffer * x")


def test_an_outer_derivative_detects_changes_too() -> None:
    """An array used at an inner level and changed before the outer sweep."""
    a = np.array([1.0, 2.0, 3.0])

    def fun(x: Any) -> Any:
        inner = grad(lambda y: np.sum(a * y * y * x))(x)
        a[0] += 1.0
        return np.sum(inner)

    fails(RuntimeError, lambda: grad(fun)(X), "changed")


def test_unchanged_and_equally_rewritten_arrays_are_fine() -> None:
    """No false alarm: writing the same values, changing after the sweep, changing what was not captured."""
    a, b = np.ones(3), np.ones(3)
    _, pullback = vjp(lambda x: np.sum(x * a), X)
    a[:] = 1.0
    b[:] = 2.0
    assert pullback(1.0)[0].tolist() == [1.0, 1.0, 1.0]
    g = grad(lambda x: np.sum(x * a))
    g(X)
    a[:] = 5.0
    assert g(X).tolist() == [5.0, 5.0, 5.0]
    w = np.ones(3)
    for _ in range(3):
        w -= 0.1 * grad(lambda w: np.sum(w**2))(w)  # gradient descent in place
    assert np.allclose(w, 0.8**3)


def test_a_buffer_that_no_rule_reads_may_be_used_again() -> None:
    """Sums and joins need only shapes for their derivatives: no false alarm when a buffer is filled anew."""
    buffer = np.zeros(3)

    def fun(x: Any) -> Any:
        for k in range(3):
            buffer[:] = k
            x = x + buffer - np.concatenate([x[:0], buffer])
        return np.sum(x**2)

    assert np.array_equal(grad(fun)(X), 2 * X)


@pytest.mark.parametrize("look", [fingerprint, sums])
def test_fingerprints_of_permuted_rows_differ(look: Any) -> None:
    """Whatever the number of columns."""
    rng = np.random.default_rng(0)
    for columns in (3, 11, 341, 1021, 1022, 1023, 1024):
        labels = np.eye(columns)[rng.integers(0, columns, 9000 + (1 << 17) // columns)]
        for shift in (1, 341, 1021, 1023):
            assert look(labels) != look(np.roll(labels, shift, axis=0))


def exchanged(a: Any, i: Any, j: Any) -> Any:
    """A copy in which two parts have changed places."""
    a = a.copy()
    a[i], a[j] = a[j].copy(), a[i].copy()
    return a


@pytest.mark.parametrize(("look", "drawn"), [(fingerprint, DRAWN[0]), *[(sums, drawn) for drawn in DRAWN]])
def test_no_exchange_of_rows_or_columns_is_overlooked(
    look: Any, drawn: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One-hot labels, identities, signs, small integers as floats: numbers that differ in a few bits only."""
    monkeypatch.setattr(module, "lengths", lambda: drawn)
    rng = np.random.default_rng(0)
    for columns in (1, 2, 3, 10, 93, 341, 1023, 1024, *(drawn if look is fingerprint else ())):
        rows = 2 + 20_000 // columns
        for a in (
            np.eye(columns)[rng.integers(0, columns, rows)], np.sign(rng.standard_normal((rows, columns))),
            rng.integers(0, 3, (rows, columns)).astype(float), rng.integers(0, 2, (rows, columns)).astype(np.float32),
            np.eye(max(columns, 200))[:, :columns],
        ):  # fmt: skip
            before = look(a)
            n = len(a)
            pairs = [(0, 341 % n), (0, columns % n), (1, (1 + 1023) % n), *rng.integers(0, n, (6, 2)).tolist()]
            for i, j in pairs:
                other = exchanged(a, i, j)
                assert (look(other) == before) == np.array_equal(other, a)
                if columns > 1:
                    i, j = i % columns, j % columns
                    other = exchanged(a, (slice(None), i), (slice(None), j))
                    assert (look(other) == before) == np.array_equal(other, a)
            for block in (3, 31, 64, 1023, 1024):
                if 2 * block <= n:
                    other = exchanged(a, slice(0, block), slice(n - block, n))
                    assert (look(other) == before) == np.array_equal(other, a)


def test_signs_and_equal_values_anywhere() -> None:
    """Any two signs changed, or any two values put in place of any two others: rows and columns do not cancel."""
    rng = np.random.default_rng(1)
    a = rng.integers(0, 2, 40_000).astype(float)
    before = fingerprint(a)
    for size in (2, 4, 1023, 1024, 40_000):
        for _ in range(20):
            places = rng.choice(a.size, size, replace=False)
            b = a.copy()
            b[places] = -b[places]
            assert fingerprint(b) != before
            b = a.copy()
            b[places] = rng.permutation(b[places])
            assert (fingerprint(b) == before) == np.array_equal(a, b)
            b = a.copy()
            b[places] = 1.0 - b[places]
            assert fingerprint(b) != before


def test_arrays_of_objects() -> None:
    """Small and large: the objects count, even where a new one gets the memory of one that is gone."""
    for size in (4, 40_000):
        a = np.array([float(k) for k in range(size)], dtype=object)
        before = fingerprint(a)
        assert fingerprint(a) == before
        for k in range(5):
            a[1] = k + 0.5
            assert fingerprint(a) != before
            assert sums(a) != before
        structured = np.zeros(size, dtype=[("x", object), ("n", "i4")])
        before = fingerprint(structured)
        structured["n"][size // 2] = 1
        assert fingerprint(structured) != before


# ----- the fingerprint itself -----------------------------------------------------------------------------------------

dtypes = st.sampled_from(["f8", "f4", "f2", "c16", "i8", "i1", "u2", "?"])
sizes = st.sampled_from([1, 7, COPIED // 8, COPIED // 8 + 1, 1024 * 20, 1023 * 17 - 1, 1021 * 1023 // 40, 200_011])
looks = st.sampled_from([fingerprint, sums])


def made(dtype: str, size: int, seed: int) -> Any:
    """An array of any bits, but for what is not a value of the dtype."""
    random = np.random.default_rng(seed)
    return random.integers(0, 2, size).astype(bool) if dtype == "?" else random.integers(-99, 99, size).astype(dtype)


@given(looks, dtypes, sizes, st.integers(0, 99), st.integers(0, 10**9))
def test_one_changed_entry_changes_it(look: Any, dtype: str, size: int, seed: int, place: int) -> None:
    """With certainty, wherever the entry is."""
    a = made(dtype, size, seed)
    before = look(a)
    a[place % size] = not a[place % size] if dtype == "?" else a[place % size] + 1
    assert look(a) != before


@given(looks, dtypes, sizes, st.integers(0, 99), st.integers(0, 10**9), st.integers(0, 10**9))
def test_two_exchanged_entries_change_it(look: Any, dtype: str, size: int, seed: int, i: int, j: int) -> None:
    a = made(dtype, size, seed)
    before, i, j = look(a), i % size, j % size
    equal = a[i] == a[j]
    a[[i, j]] = a[[j, i]]
    assert (look(a) == before) == equal


@given(looks, dtypes, sizes, st.integers(0, 99))
def test_equal_content_has_one_fingerprint(look: Any, dtype: str, size: int, seed: int) -> None:
    a = made(dtype, size, seed)
    assert look(a) == look(a.copy())
    assert look(np.repeat(a, 2)[::2]) == look(a)


@pytest.mark.parametrize("look", [fingerprint, sums])
def test_a_sign_of_zero_and_a_nan_count_as_bits(look: Any) -> None:
    for size in (4, 50_000):
        a = np.zeros(size)
        before = look(a)
        a[size // 2] = -0.0
        assert look(a) != before
        a[size // 2] = np.nan
        assert look(a) == look(a.copy())


def test_of_a_large_array_it_is_small() -> None:
    a = np.zeros(1_000_000)
    assert sum(map(len, fingerprint(a))) < a.nbytes / 100
    assert len(fingerprint(a[: COPIED // 8])) == COPIED
