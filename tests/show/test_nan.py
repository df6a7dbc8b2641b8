"""`explain_nan` names the operation that made the first NaN or infinity, its line, and why; `errstate` at once."""

import pickle
import warnings

import numpy as np
import pytest

from minigrad import (
    batched,
    compile,  # noqa: A004
    derivatives,
    errstate,
    explain_nan,
    grad,
    hessian,
    jacobian,
    jvp,
    name,
    value_and_grad,
)


def log_of_difference(x):
    return np.sum(np.log(x - 3.0))


def softmax_as_written(x):
    e = np.exp(x)
    return np.sum(e / np.sum(e))


def root(x):
    return np.sum(2.0 * np.sqrt(x))


def line_of(found):
    return found.line.text()


# (function, argument, where, kind, operation, a word of the cause)
CASES = [
    (log_of_difference, [4.0, 1.0], "value", "NaN", "log", "log of -2"),
    (log_of_difference, [4.0, 3.0], "value", "infinity", "log", "log of 0 is -infinity"),
    (softmax_as_written, [1.0, 800.0], "value", "infinity", "exp", "exp of 800"),
    (root, [4.0, 0.0], "derivative", "infinity", "sqrt", "slope of sqrt at 0"),
    (root, [4.0, -1.0], "value", "NaN", "sqrt", "negative number, -1"),
    (lambda x: np.sum(1.0 / x), [1.0, 0.0], "value", "infinity", "divide", "1 divided by 0"),
    (lambda x: np.sum((x - x) / x), [1.0, 0.0], "value", "NaN", "divide", "0 divided by 0"),
    (lambda x: np.sum(x**-2.0), [1.0, 0.0], "value", "infinity", "power", "negative power"),
    (lambda x: np.sum(x**0.5), [1.0, -2.0], "value", "NaN", "power", "to a fraction"),
    (lambda x: np.sum(x**1.5 * 0.0 + x**0.5), [1.0, 0.0], "derivative", "infinity", "power", "slope of this power"),
    (lambda x: np.sum(np.arccos(x)), [0.0, 1.0], "derivative", "infinity", "arccos", "slope of arccos"),
    (lambda x: np.sum(np.arccos(x)), [0.0, 1.5], "value", "NaN", "arccos", "between -1 and 1"),
    (lambda x: np.sum(np.arctanh(x)), [0.0, 1.0], "value", "infinity", "arctanh", "between -1 and 1"),
    (lambda x: np.sum(np.arccosh(x)), [2.0, 0.5], "value", "NaN", "arccosh", "above 1"),
    (lambda x: np.sum(np.log1p(x)), [2.0, -1.0], "value", "infinity", "log1p", "log1p of -1"),
    (lambda x: np.sum(x * 1e200) ** 2, [1.0, 1e10], "value", "infinity", "power", "overflow"),
    (lambda x: (x * 1e200) @ (x * 1e200), [1.0, 1.0], "value", "infinity", "dot", "overflow"),
    (lambda x: np.sum(x * np.array([1.0, np.inf])), [1.0, 0.0], "value", "NaN", "multiply", "0 times infinity"),
]


@pytest.mark.parametrize(("fun", "x", "where", "kind", "operation", "cause"), CASES)
@pytest.mark.parametrize("transform", [lambda f: f, value_and_grad, lambda f: compile(value_and_grad(f))])
def test_the_operation_and_the_cause(fun, x, where, kind, operation, cause, transform):
    found = explain_nan(transform(fun), np.array(x))
    assert found
    assert (found.where, found.kind) == (where, kind)
    assert found.operation == operation or {found.operation, operation} <= {"dot", "matmul", "inner"}
    assert cause in found.why
    assert found.cure
    assert found.line.filename == __file__
    assert cause in str(found)
    assert pickle.loads(pickle.dumps(found)) == found


def test_line_entry_operands_and_what_became_of_it():
    found = explain_nan(softmax_as_written, np.array([1.0, 2.0, 800.0]))
    assert line_of(found) == "e = np.exp(x)"
    assert (found.entry, found.bad, found.shape) == ((2,), 1, (3,))
    assert found.operands == ("x, float64 (3,): from 1 to 800",)
    assert "infinity divided by infinity" in found.path[0]
    assert "np.sum(e / np.sum(e))" in found.path[0]


def test_in_a_sweep_the_line_is_that_of_the_operation_passed():
    for fun in (root, grad(root), compile(grad(root)), batched(grad(root))):
        x = np.array([[1.0, 0.0], [1.0, 1.0]]) if "batched" in getattr(fun, "__name__", "") else np.array([1.0, 0.0])
        found = explain_nan(fun, x)
        assert line_of(found) == "return np.sum(2.0 * np.sqrt(x))"
        assert found.entry[-1] == 1


def test_second_derivatives():
    found = explain_nan(grad(grad(lambda x: x**1.5)), np.float64(0.0))
    assert (found.where, found.operation) == ("derivative", "power")
    assert not explain_nan(grad(lambda x: x**1.5), np.float64(0.0))  # only what this function returns


def test_labels_name_the_operands():
    found = explain_nan(lambda x: np.log(name(x - 1.0, "gap")), 0.5)
    assert found.operands[0].startswith("gap, ")


def test_in_an_argument():
    found = explain_nan(lambda p: p["a"] * p["b"][1], {"a": 1.0, "b": [np.ones(2), np.array([[1.0, np.nan]])]})
    assert found.where == "argument"
    assert "['b'][1]" in found.why
    assert found.entry == (0, 1)


@pytest.mark.parametrize(
    ("fun", "x"),
    [
        (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), [1.0, 0.0]),  # the branch that is not taken
        (lambda x: np.sum(np.exp(-np.exp(x))), [1.0, 800.0]),  # an infinity that vanishes again
        (lambda x: np.max(x), [1.0, 2.0]),
        (lambda x: 3.0, [1.0]),
    ],
)
def test_finite_results_need_no_explanation(fun, x):
    found = explain_nan(fun, np.array(x))
    assert not found
    assert "no NaN and no infinity" in str(found)


def test_a_function_that_raises_afterwards_is_explained_all_the_same():
    def fun(x):
        np.log(x)
        raise ValueError("too late")

    assert explain_nan(fun, np.zeros(2)).operation == "log"
    with pytest.raises(ValueError, match="too late"):
        explain_nan(fun, np.ones(2))


def test_nothing_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert explain_nan(root, np.zeros(2))


# ----- errstate -------------------------------------------------------------------------------------------------------

MODES = [
    ("grad", lambda f, x: grad(f)(x), "pullback"),
    ("jvp", lambda f, x: jvp(f, (x,), (np.ones_like(x),)), "pushforward"),
    ("jacobian", lambda f, x: jacobian(f)(x), "pullback"),
    ("batched", lambda f, x: batched(grad(f))(np.stack([x, x])), "pullback"),
    ("compile", lambda f, x: compile(grad(f))(x), "pullback"),
    ("derivatives", lambda f, x: derivatives(f, x, 2), "Taylor coefficient 1"),
    ("hessian", lambda f, x: hessian(f)(x), "sqrt"),
]


@pytest.mark.parametrize(("mode", "run", "word"), MODES)
def test_raise_in_every_mode(mode, run, word):
    x = np.array([1.0, 0.0])
    with errstate(inf="raise"), pytest.raises(FloatingPointError, match=word) as caught:
        run(root, x)
    assert "slope of sqrt at 0" in str(caught.value)
    assert "np.sqrt(x)" in str(caught.value)
    loud = pytest.raises(FloatingPointError, match="log makes an infinity")
    with errstate(inf="raise"), np.errstate(all="ignore"), loud as caught:
        run(log_of_difference, np.array([4.0, 3.0]))
    assert "np.sum(np.log(x - 3.0))" in str(caught.value)


@pytest.mark.parametrize(("mode", "run", "word"), MODES)
def test_finite_programs_give_the_same_within(mode, run, word):
    x = np.array([0.5, 2.0])
    plain = run(root, x)
    with errstate(nan="raise", inf="raise"):
        within = run(root, x)
    for a, b in zip(np.atleast_1d(plain[0]), np.atleast_1d(within[0])):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "transform", [grad, hessian, lambda f: lambda x: batched(grad(f))(x[None]), lambda f: compile(grad(f))]
)
@pytest.mark.parametrize(
    "f",
    [
        lambda M: np.linalg.slogdet(M)[1],
        lambda M: np.sum(np.linalg.qr(M)[1]),
        lambda M: np.sum(np.linalg.eigh(M)[0]),
        lambda M: np.sum(np.modf(M)[0] ** 2),
    ],
)
def test_of_several_results_one_may_be_left_aside(f, transform):
    x = np.array([[2.3, 0.4], [0.4, 1.2]])
    expected = transform(f)(x)
    with errstate(nan="raise", inf="raise"):
        np.testing.assert_array_equal(transform(f)(x), expected)


def test_nan_alone_and_warnings():
    x = np.array([1.0, 0.0])
    with errstate(nan="raise"), np.errstate(all="ignore"):
        np.testing.assert_array_equal(grad(root)(x), [1.0, np.inf])
    with (
        errstate(nan="warn"),
        np.errstate(all="ignore"),
        pytest.warns(RuntimeWarning, match="log makes NaN: log of -2"),
    ):
        grad(log_of_difference)(np.array([1.0, 4.0]))


def test_a_nan_of_the_arguments_is_no_event():
    with errstate(nan="raise"):
        assert np.isnan(grad(lambda x: x * x)(np.nan))


def test_as_a_decorator_nested_and_after_an_exception():
    @errstate(nan="raise")
    def guarded():
        return grad(np.log)(-1.0)

    with pytest.raises(FloatingPointError, match="log makes NaN"), np.errstate(all="ignore"):
        guarded()
    with errstate(nan="raise"), errstate(), np.errstate(all="ignore"):
        assert grad(np.log)(-1.0) == -1.0
    with np.errstate(all="ignore"):
        assert grad(np.log)(-1.0) == -1.0


def test_unknown_actions_are_refused():
    with pytest.raises(ValueError, match="errstate: nan='stop'"):
        errstate(nan="stop")
