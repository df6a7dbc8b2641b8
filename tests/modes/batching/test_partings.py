"""Examples that part ways are gone through one by one, and only where they do."""

import contextlib
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from references import assert_close, loop

from minigrad import batched, custom_primitive, grad, hessian, jacrev

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3))
W = rng.standard_normal((3, 3))


def f(x):
    return np.sum(np.sin(x) * np.prod(x) + x[0] * x @ W @ x)


# ----- examples that part ways ----------------------------------------------------------------------------------------


def filled(x):
    out = np.zeros(3)
    out[0] = x[0]
    return out


def caught(x):
    try:
        return x * 2.0 if x[0] > 0 else x
    except Exception:
        return x * 0.0


PARTINGS = {
    "if": lambda x: x[0] ** 2 if x[0] > 0 else -x[1],
    "float": lambda x: x * float(x[0]),
    "int": lambda x: x * int(x[0] * 10),
    "range": lambda x: sum(x[i] for i in range(1 + (x[0] > 0) + (x[1] > 0))),
    "max of Python": lambda x: max(x[0], x[1]),
    "math": lambda x: __import__("math").sin(x[0]),
    "assignment": filled,
    "array": lambda x: np.array([x[0], x[1]]),
    "item": lambda x: x[0].item(),
    "mask of different lengths": lambda x: np.sum(x[x > 0]),
    "nonzero": lambda x: np.where(x > 0)[0].sum(),
    "index of a constant": lambda x: W[np.argmax(x)],
    "caught by the user": caught,
    "format": lambda x: float(f"{x[0]:.3f}"),
    "list": lambda x: np.sum(x.tolist()),
}


@pytest.mark.parametrize("name", PARTINGS)
def test_examples_that_part_ways(name, partings) -> None:
    fun = PARTINGS[name]
    assert_close(batched(fun)(X), loop(fun, X), 1e-14)
    assert partings


def test_how_it_was_done() -> None:
    assert batched(grad(f)).how(X) == "one pass"
    assert batched(PARTINGS["if"]).how(X) == "one by one, because of bool()"
    assert batched(PARTINGS["array"]).how(X).startswith("one by one, because of the conversion to a plain array")


def test_examples_that_part_ways_under_transformations(partings) -> None:
    fun = PARTINGS["if"]
    assert_close(batched(grad(fun))(X), loop(grad(fun), X), 1e-14)
    assert_close(batched(hessian(fun))(X), loop(hessian(fun), X), 1e-14)
    expected = grad(lambda xs: sum(fun(xs[i]) for i in range(4)))(X)
    assert_close(grad(lambda xs: np.sum(batched(fun)(xs)))(X), expected, 1e-14)
    assert partings


def test_only_the_batch_concerned_is_gone_through_one_by_one() -> None:
    """The inner examples part ways; the outer ones go on together."""
    calls = []

    def outer(x):
        calls.append(x)
        return batched(lambda y: y * 2.0 if y > 0 else y)(np.array([1.0, -1.0])) * np.sum(x)

    assert_close(batched(outer)(X), np.sum(X, 1)[:, None] * [2.0, -1.0], 1e-14)
    assert len(calls) == 1
    calls.clear()

    def differs_outside(x):
        calls.append(x)
        return batched(lambda y: y * 2.0 if x[0] > 0 else y)(np.array([1.0, -1.0]))

    assert_close(batched(differs_outside)(X), np.where(X[:, :1] > 0, 2.0, 1.0) * [1.0, -1.0], 1e-14)
    assert len(calls) == 5


def test_a_value_that_all_examples_share_decides(partings) -> None:
    def fun(x):
        shared = x[0] * 0.0
        return x * 2.0 if shared == 0 and float(shared + 1.0) == 1.0 and range(3)[np.sum(x != np.inf) - 1] == 2 else x

    assert_close(batched(fun)(X), 2 * X, 1e-14)
    assert not partings


def test_a_value_kept_beyond_the_call() -> None:
    kept = []
    batched(lambda x: (kept.append(x * 1.0), x)[1])(X)
    with pytest.raises(RuntimeError, match=r"stood for 4 examples at once, of shape \(3,\) each"):
        np.asarray(kept[0])
    assert repr(kept[0]) == "Batched(4 examples of shape (3,), float64)"


def test_truth_of_an_array_is_ambiguous() -> None:
    with pytest.raises(ValueError, match=r"of shape \(3,\)"):
        batched(lambda x: x if x > 0 else -x)(X)


# ----- the network ----------------------------------------------------------------------------------------------------


def test_the_text_of_a_value_is_that_of_the_example() -> None:
    """str() and format() are read example by example, as float() is."""
    x = np.array([[1.0, 0.125], [1.0, 1.0]])
    for fun in (
        lambda x: np.sum(x) * len(str(x)),
        lambda x: x[1] * len(f"{x[1]}"),
        lambda x: x[0] * len(f"{x[0]:.9f}"),
    ):
        assert_close(batched(fun)(x), loop(fun, x), 0.0)
        assert_close(batched(grad(fun))(x), loop(grad(fun), x), 0.0)


def test_dicts_of_examples_are_joined_by_key() -> None:
    """Not by the order in which a branch entered the keys: chunks had their values exchanged."""

    def f(x):
        return {"a": x, "b": 2 * x} if np.any(x > 1) else {"b": 2 * x, "a": x}

    x = np.array([0.0, 2.0, 1.0, 3.0])
    for chunk_size in (None, 1, 2, 3):
        found = batched(f, chunk_size=chunk_size)(x)
        assert found["a"].tolist() == x.tolist()
        assert found["b"].tolist() == (2 * x).tolist()
    with pytest.raises(TypeError, match="different structures for different examples"):
        batched(lambda x: {"a": x} if x > 1 else {"b": x}, chunk_size=1)(x)
    with pytest.raises(TypeError, match="different structures for different examples"):
        batched(lambda x: x if x > 1 else (x,), chunk_size=1)(x)


# ----- handlers of exceptions within the function ---------------------------------------------------------------------


def bare(x):
    try:
        return math.sin(x)
    except:  # noqa: E722  (a program that catches everything is the point)
        return 0.0 * x


def base(x):
    try:
        return math.sin(x)
    except BaseException:
        return 0.0 * x


def raises_its_own(x):
    try:
        return math.sin(x)
    except BaseException as error:
        raise ValueError("not a number") from error


def silent(x):
    with contextlib.suppress(BaseException):
        return math.sin(x)
    return 0.0 * x


def finally_returns(x):
    result = 0.0 * x
    try:
        result = math.sin(x)
    finally:
        return result  # noqa: B012


def inverted(a):
    try:
        return np.sum(np.linalg.inv(a))
    except np.linalg.LinAlgError:
        return 3.0 * np.sum(a)


def reciprocal(x):
    with np.errstate(all="raise"):
        try:
            return 1.0 / x
        except FloatingPointError:
            return 100.0 + x


def logarithm(x):
    with np.errstate(all="raise"):
        try:
            return np.log(x)
        except FloatingPointError:
            return 100.0 + x


def warned(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.sqrt(x)
        except RuntimeWarning:
            return 100.0 + x


def positive(x):
    try:
        return np.linalg.cholesky(x)[0, 0] * x[1, 1]
    except Exception:
        return x[0, 0] ** 3


NUMBERS = np.array([2.0, 0.0, -1.0, 3.0])
MATRICES = np.stack([np.eye(2), np.zeros((2, 2)), -np.eye(2), np.array([[1.0, 2.0], [3.0, 7.0]])])

HANDLERS = {
    "bare": (bare, NUMBERS), "BaseException": (base, NUMBERS), "suppress": (silent, NUMBERS),
    "an error of its own": (raises_its_own, NUMBERS), "finally": (finally_returns, NUMBERS),
    "LinAlgError": (inverted, MATRICES), "FloatingPointError of an operator": (reciprocal, NUMBERS),
    "FloatingPointError of a ufunc": (logarithm, NUMBERS), "warning": (warned, NUMBERS),
    "cholesky": (positive, MATRICES),
}  # fmt: skip


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_is_for_the_examples_that_need_it(name, partings) -> None:
    """The signal that examples part ways was caught as well, or an error of one example was that of all of them."""
    fun, xs = HANDLERS[name]
    assert_close(batched(fun)(xs), loop(fun, xs), 1e-14)
    assert_close(batched(fun, chunk_size=3)(xs), loop(fun, xs), 1e-14)
    assert_close(batched(batched(fun))(np.stack([xs, 2 * xs])), [loop(fun, xs), loop(fun, 2 * xs)], 1e-14)
    assert partings


@pytest.mark.parametrize("name", ["LinAlgError", "FloatingPointError of an operator", "cholesky"])
def test_handlers_under_transformations(name) -> None:
    fun, xs = HANDLERS[name]
    assert_close(batched(grad(fun))(xs), loop(grad(fun), xs), 1e-13)
    expected = np.stack([grad(fun)(x) for x in xs])
    assert_close(grad(lambda xs: np.sum(batched(fun)(xs)))(xs), expected, 1e-13)


def test_an_error_of_all_examples_is_theirs_in_one_pass() -> None:
    assert batched(inverted).how(MATRICES[[1, 1]]) == "one pass"
    assert_close(batched(inverted)(MATRICES[[1, 1]]), [0.0, 0.0], 0.0)
    with pytest.raises(np.linalg.LinAlgError):
        batched(np.linalg.inv)(MATRICES)
    with pytest.raises(np.linalg.LinAlgError):
        batched(np.linalg.inv)(MATRICES[[1, 1]])


def test_rows_of_a_jacobian_whose_rule_catches_everything() -> None:
    """The rule is given all rows at once, and would go on in its handler."""

    def rule(g, ans, x):
        try:
            return math.fsum([float(part) for part in g]) * np.array([1.0, 0.0]) + g
        except BaseException:
            return 0.0 * g

    twice = custom_primitive(lambda x: x * 2.0, vjp=rule)
    x = np.array([1.0, 2.0])
    assert_close(jacrev(twice)(x), [[2.0, 0.0], [1.0, 1.0]], 1e-15)


def test_divmod_of_examples() -> None:
    a, b = np.array([5.0, -7.0, 6.5]), np.array([3.0, 2.0, -4.0])
    for found, expected in (
        (batched(lambda a, b: divmod(a, b))(a, b), np.divmod(a, b)),
        (batched(lambda a: divmod(a, 2.0))(a), np.divmod(a, 2.0)),
        (batched(lambda a: divmod(7.0, a))(a), np.divmod(7.0, a)),
        (batched(lambda a: divmod(np.array([1.0, 9.0]), a))(a), np.divmod([[1.0, 9.0]], a[:, None])),
        (batched(lambda a: np.divmod(a, np.array([2.0, 3.0])))(np.stack([a[:2], b[:2]])),
         np.divmod(np.stack([a[:2], b[:2]]), [2.0, 3.0])),
    ):  # fmt: skip
        assert_close(found[0], expected[0], 0.0)
        assert_close(found[1], expected[1], 0.0)

    def both(a, b):
        quotient, rest = divmod(a, b)
        return quotient * a + rest * b

    assert batched(both).how(a, b) == "one pass"
    assert_close(batched(grad(both, 1))(a, b), [grad(both, 1)(x, y) for x, y in zip(a, b)], 1e-15)


ORDERS = {
    "ravel of a transpose": lambda a: np.ravel(a.T * 2.0, order="K"),
    "ravel of a view": lambda a: a.T.ravel("K"),
    "ravel of a copy in another order": lambda a: a.copy(order="F").ravel("A"),
    "flatten": lambda a: a.T.flatten("K"),
    "reshape": lambda a: np.reshape(a.T + a.T, -1, order="A"),
    "a vector": lambda a: np.ravel(a[0] * 2.0, order="K"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_of_memory_is_that_of_each_example(name):
    """The examples of a stack lie beside each other, otherwise than each would by itself."""
    fun, weights = ORDERS[name], np.arange(9.0)
    stack = np.stack([np.arange(9.0).reshape(3, 3), np.ones((3, 3))])

    def weighed(a):
        flat = fun(a)
        return flat @ weights[: flat.size]

    assert (batched(weighed)(stack) == [weighed(a) for a in stack]).all()
    slopes = batched(grad(weighed))(stack)
    assert (slopes == np.stack([grad(weighed)(a) for a in stack])).all()


def test_the_size_in_memory_is_that_of_one_example() -> None:
    def fun(a):
        return np.sum(a) * a.nbytes * a.itemsize * a.size

    assert (batched(fun)(X) == [fun(x) for x in X]).all()
    assert (batched(grad(fun))(X) == np.stack([grad(fun)(x) for x in X])).all()


WRITES: list[Callable[[Any], None]] = [
    lambda x: np.put_along_axis(x, np.argsort(x)[:1], 0.5, 0),
    lambda x: np.put(x, np.argsort(x)[:1], x[:1] ** 2),
    lambda x: np.add.at(x, np.argsort(x)[:1], x[:1] ** 2),
    lambda x: x.__setitem__(np.argsort(x)[:1], 3.0 * x[:1]),
    lambda x: x.__setitem__(np.argmax(x), x[0] ** 2),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("n", [1, 3])
def test_places_that_differ_may_be_written_to(write: Any, n: int) -> None:
    """Also where there is but one entry, of which the place is the same in all examples."""

    def f(x: Any) -> Any:
        y = x * 1.0
        write(y)
        return np.sum(y * y * np.arange(1.0, n + 1.0))

    xs = np.array([[0.7, 0.2, 0.5], [0.3, 0.9, 0.1]])[:, :n]
    np.testing.assert_allclose(batched(grad(f))(xs), np.stack([grad(f)(x) for x in xs]))


@pytest.mark.parametrize("i", [lambda b: np.argmax(b), lambda b: np.argsort(b.ravel())[0] % len(b)])
def test_a_row_at_a_place_that_differs_is_a_view(i: Any) -> None:
    """What is written into it is written into the whole, as in NumPy, and the other way round."""

    def f(x: Any) -> Any:
        a = np.sin(x)
        row = a[i(a[:, 0])]
        row[0] *= 2.0
        a[:, 1] += row[0]
        return np.sum(a**2) + np.sum(row)

    xs = np.cos(np.arange(12.0)).reshape(2, 3, 2)
    np.testing.assert_allclose(batched(grad(f))(xs), np.stack([grad(f)(x) for x in xs]))
