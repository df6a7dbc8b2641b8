"""Errors: of the right type, naming the operation, the shapes and the user's line, and saying what to do.

The user's line is recognised by its text: each program below is written on a line of its own, and a piece of that line
must be found in the message. After every error the engine works on.
"""

import contextlib
import math
import operator
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad.numpy as mnp
from minigrad import (
    elementwise_grad,
    grad,
    grad_and_aux,
    hessian,
    hvp,
    jacobian,
    jvp,
    make_jvp,
    make_vjp,
    trace,
    value_and_grad,
    vjp,
)
from minigrad import value as mg_value

X = np.array([0.5, -1.0, 2.0])
M = np.arange(6.0).reshape(2, 3)


def fails(kind: type[BaseException] | tuple[type[BaseException], ...], run: Callable[[], Any], *pieces: str) -> str:
    """The message of the error that `run` raises; all pieces must be in it, and the engine must work afterwards."""
    with pytest.raises(kind) as caught:
        run()
    message = str(caught.value)
    for piece in pieces:
        assert piece in message, f"{piece!r} is not in: {message}"
    assert grad(lambda x: np.sum(x**2))(X).tolist() == [1.0, -2.0, 4.0]
    return message


def fill(b: Any, x: Any) -> Any:
    """b with its first entry replaced by x."""
    b[0] = x
    return b


def fill_all(b: Any, x: Any) -> Any:
    """b with every entry replaced by x."""
    b[:] = x
    return b


def fill_part(b: Any, x: Any) -> Any:
    """b with a part replaced by x."""
    b[0:2] = x
    return b


def write(x: Any) -> Any:
    """x with its first entry replaced."""
    x[0] = 1.0
    return x


def add_in_place(b: Any, x: Any) -> Any:
    """b += x, where b is a plain array."""
    b += x
    return b


# ----- no rule --------------------------------------------------------------------------------------------------------


NO_RULE: list[tuple[str, Callable[[Any], Any]]] = [
    ("histogram2d", lambda x: np.histogram2d(x, x)),
    ("histogramdd", lambda x: np.histogramdd(x[:, None])),
    ("pad", lambda x: np.pad(x, 1, mode="empty")),
]


@pytest.mark.parametrize(("operation", "fun"), NO_RULE, ids=[f"{k} {o}" for k, (o, _) in enumerate(NO_RULE)])
def test_an_operation_without_a_rule_names_itself(operation: str, fun: Callable[[Any], Any]) -> None:
    """NumPy's functions without a rule raise, under both names of the namespace, and never give wrong zeros."""
    for transform in (grad, jacobian):
        message = fails(NotImplementedError, lambda t=transform: t(lambda x: np.sum(fun(x)))(X), operation, "rule")
        assert "test_errors.py" in message
        assert "lambda x: np." in message  # the line above, as it is written


def test_an_operation_without_a_rule_says_what_to_do() -> None:
    """The nearest names, and how to take a plain value."""
    message = fails(
        NotImplementedError,
        lambda: grad(lambda x: np.sum(np.histogram2d(x, x)[0]))(X),
        "histogram2d",
        "np.histogram2d(x, x)",
    )
    assert "The nearest names that have one: " in message
    assert "minigrad.value(x)" in message


def test_an_unknown_ufunc() -> None:
    """A ufunc of the user's own making."""
    ufunc = np.frompyfunc(lambda x: x, 1, 1)
    fails(NotImplementedError, lambda: grad(lambda x: np.sum(ufunc(x)))(X), "no derivative rule", "np.sum(ufunc(x))")
    fails(NotImplementedError, lambda: grad(lambda x: np.add.at(np.zeros(3), [0], x[0]))(X), "add.at")


def test_lists_of_traced_values_need_the_namespace() -> None:
    """np.array([x, y]) by plain NumPy cannot be seen by the tape; the message names the way out."""
    for fun in (lambda x: np.array([x[0], x[1]]), lambda x: np.sum([x[0], x[1]]), lambda x: np.exp([x[0], 1.0])):
        message = fails(TypeError, lambda f=fun: grad(lambda x: np.sum(f(x)))(X), "minigrad.numpy", "np.array([x, y])")
        assert "lambda x: np.array([x[0], x[1]])" in message
    assert grad(lambda x: np.sum(mnp.array([x[0], x[1]])))(X).tolist() == [1.0, 1.0, 0.0]


OPTIONS: list[tuple[str, Callable[[Any], Any]]] = [
    ("out=", lambda x: np.sin(x, out=np.zeros(3))),
    ("out=", lambda x: np.add(x, 1.0, np.zeros(3))),
    ("out=", lambda x: np.sum(x, out=np.zeros(()))),
    ("out=", lambda x: np.dot(x, x, out=np.zeros(()))),
    ("out=", lambda x: np.concatenate([x, x], out=np.zeros(6))),
    ("where=", lambda x: np.sin(x, where=[True, False, True])),
    ("dtype=", lambda x: np.einsum("i,i->", x, x, dtype=float)),
]


@pytest.mark.parametrize(("option", "fun"), OPTIONS, ids=range(len(OPTIONS)))
def test_options_that_cannot_be_differentiated_are_refused(option: str, fun: Callable[[Any], Any]) -> None:
    """Never ignored: an option either works or is named in an error."""
    message = fails(TypeError, lambda: grad(lambda x: np.sum(fun(x)))(X), option)
    assert "lambda x: np." in message


# ----- what the function returns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [grad, value_and_grad])
def test_output_that_is_not_one_number(transform: Callable[..., Any]) -> None:
    """An array, a complex number, None, a tuple, a string: each with the way out."""
    fails(ValueError, lambda: transform(lambda x: x**2)(X), "grad", "(3,)", "np.sum", "jacobian", "elementwise_grad")
    fails(ValueError, lambda: transform(lambda x: np.zeros((2, 0)))(X), "(2, 0)")
    fails(TypeError, lambda: transform(lambda x: np.sum(x) * 1j)(X), "complex", "np.real")
    fails(TypeError, lambda: transform(lambda x: None)(X), "None", "return")
    fails(TypeError, lambda: transform(lambda x: (np.sum(x), x))(X), "tuple", "grad_and_aux")
    fails(TypeError, lambda: transform(lambda x: [np.sum(x)])(X), "list")
    fails(TypeError, lambda: transform(lambda x: {"a": np.sum(x)})(X), "dict")
    fails(TypeError, lambda: transform(lambda x: "text")(X), "str")
    fails(TypeError, lambda: transform(lambda x: object())(X), "object")
    message = fails(ValueError, lambda: transform(lambda x: x * 2.0)(X), "transform(lambda x: x * 2.0)")
    assert "test_output_that_is_not_one_number" in message or "lambda" in message


def test_output_of_the_other_transformations() -> None:
    """grad_and_aux needs a pair with a number first, elementwise_grad a number or array."""
    fails(TypeError, lambda: grad_and_aux(lambda x: np.sum(x))(X), "pair")
    fails(TypeError, lambda: grad_and_aux(lambda x: (1.0, 2.0, 3.0))(X), "pair")
    fails(ValueError, lambda: grad_and_aux(lambda x: (x, 2.0))(X), "grad_and_aux", "(3,)")
    fails(TypeError, lambda: elementwise_grad(lambda x: None)(X), "elementwise_grad", "None")
    fails(TypeError, lambda: elementwise_grad(lambda x: (x, x))(X), "elementwise_grad", "tuple")
    fails(ValueError, lambda: hvp(lambda x: x, X, X), "(3,)")


# ----- what is to be differentiated -----------------------------------------------------------------------------------

TRANSFORMS: list[tuple[str, Callable[[Any], Any]]] = [
    ("grad", lambda x: grad(lambda x: x)(x)),
    ("jacobian", lambda x: jacobian(lambda x: x)(x)),
    ("elementwise_grad", lambda x: elementwise_grad(lambda x: x)(x)),
    ("vjp", lambda x: vjp(lambda x: x, x)),
    ("make_vjp", lambda x: make_vjp(lambda x: x)(x)),
    ("jvp", lambda x: jvp(lambda x: x, (x,), (1.0,))),
    ("trace", lambda x: trace(lambda x: x, x)),
]


@pytest.mark.parametrize(("operation", "run"), TRANSFORMS, ids=[t[0] for t in TRANSFORMS])
def test_input_that_has_no_derivative(operation: str, run: Callable[[Any], Any]) -> None:
    """Integers, bools, objects, strings, masked arrays, matrices: refused, with what to pass instead."""
    fails(TypeError, lambda: run(3), operation, "argument", "integers have no derivative", "2.0 instead of 2")
    fails(TypeError, lambda: run(np.arange(3)), operation, "(3,)", "int64", "astype(float)")
    fails(TypeError, lambda: run(np.int32(3)), operation, "integers")
    fails(TypeError, lambda: run(np.array([True])), operation, "bool")
    fails(TypeError, lambda: run(True), operation)
    fails(TypeError, lambda: run(np.array([1.0, None])), operation, "object")
    fails(TypeError, lambda: run(np.array(["a"])), operation, "<U1")
    fails(TypeError, lambda: run("text"), operation, "str")
    fails(TypeError, lambda: run(object()), operation, "object")
    fails(TypeError, lambda: run(np.ma.masked_array([1.0], [True])), operation, "MaskedArray", "np.asarray")
    fails(TypeError, lambda: run([1.0, {"a": 2}]), operation, "[1]['a']")
    if hasattr(np, "matrix"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            matrix = np.matrix([[1.0]])
        fails(TypeError, lambda: run(matrix), operation, "matrix", "np.asarray")
    message = fails(TypeError, lambda: run(np.arange(3)), "test_errors.py")
    assert "lambda x: " in message


def test_argument_positions() -> None:
    """Too few arguments, or the differentiated one given by keyword."""
    fails(TypeError, lambda: grad(lambda x: x, 1)(2.0), "argument 1", "1 positional argument")
    fails(TypeError, lambda: grad(lambda x: x)(x=2.0), "argument 0", "keyword")
    fails(TypeError, lambda: grad(lambda x, y: x, (0, 2))(2.0, 3.0), "2 positional")
    fails((TypeError, ValueError), lambda: grad(lambda x, y: x * y, (0, 0))(2.0, 3.0), "argument twice")
    fails((TypeError, ValueError), lambda: grad(lambda x, y: x * y, (0, -2))(2.0, 3.0), "argument")


def test_operands_that_are_no_numbers() -> None:
    """A traced value meets an object, a string, a masked array, None."""
    fails(TypeError, lambda: grad(lambda x: np.sum(x * np.array([1, None, 2])))(X), "object")
    fails(TypeError, lambda: grad(lambda x: np.sum(x + "text"))(X), "str")
    fails(TypeError, lambda: grad(lambda x: np.sum(x + None))(X), "NoneType")
    fails(TypeError, lambda: grad(lambda x: np.sum(x * {}))(X), "dict")
    masked = np.ma.masked_array([1.0, 2.0, 3.0], [True, False, False])
    fails(TypeError, lambda: grad(lambda x: np.sum(x * masked))(X), "MaskedArray")
    fails(TypeError, lambda: grad(lambda x: np.sum(x * np.array(["a", "b", "c"])))(X), "dtype")


# ----- becoming a plain value -----------------------------------------------------------------------------------------

LOSING: list[Callable[[Any], Any]] = [
    lambda x: float(x[0]), lambda x: complex(x[0]), lambda x: math.sin(x[0]), lambda x: np.asarray(x),
    lambda x: fill(np.zeros(3), x[0]), lambda x: fill_all(np.zeros(3), x), lambda x: fill_part(np.zeros(3), x[:2]),
    lambda x: fill_all(np.zeros(3), x[0]), lambda x: np.copyto(np.zeros(3), x),
    lambda x: np.put(np.zeros(3), [0], x[0]),
    lambda x: add_in_place(np.zeros(3), x), lambda x: np.fill_diagonal(np.zeros((3, 3)), x),
    lambda x: operator.imul(np.ones(3), x), lambda x: np.float64(x[0]), lambda x: float(x[1]),
    lambda x: np.array([float(v) for v in x]), lambda x: np.fromiter(x, float), lambda x: np.full(3, x[0]),
]  # fmt: skip


@pytest.mark.parametrize("fun", LOSING, ids=range(len(LOSING)))
def test_a_derivative_is_never_lost_in_silence(fun: Callable[[Any], Any]) -> None:
    """float(), math functions and assignment into plain arrays raise, at first and second order and in both modes."""
    for transform in (grad, lambda f: grad(grad(f)), lambda f: lambda x: jvp(f, (x,), (x,))):
        message = fails(TypeError, lambda t=transform: t(lambda x: np.sum(fun(x)) + np.sum(x))(X))
        assert "derivative" in message or "traced" in message
        assert "np.stack" in message or "a = a + x" in message or "minigrad.value" in message
        assert "test_errors.py" in message


ASSIGNMENTS: list[Callable[[Any], Any]] = [
    write, lambda x: operator.setitem(x, slice(None), 0.0), lambda x: x.sort(), lambda x: x.fill(1.0),
    lambda x: x.put(0, 1.0),
    lambda x: x.resize(2), lambda x: x.partition(1), lambda x: x.view(int),
]  # fmt: skip


@pytest.mark.parametrize("fun", ASSIGNMENTS, ids=range(len(ASSIGNMENTS)))
def test_a_traced_value_is_not_written_to(fun: Callable[[Any], Any]) -> None:
    """Assignment into a box and methods that work in place raise and name a way that returns a new array."""
    message = fails(TypeError, lambda: grad(lambda x: np.sum(fun(x)))(X))
    assert "np." in message or "x.reshape" in message or "astype" in message


def test_in_place_operators_on_traced_names_make_new_values() -> None:
    """`x += 1` rebinds the local name: it works, and leaves the caller's array alone."""

    def fun(x: Any) -> Any:
        y = x
        y += 1.0
        y *= x
        return np.sum(y)

    x = X.copy()
    assert np.allclose(grad(fun)(x), 2 * X + 1)
    assert np.array_equal(x, X)


def test_the_line_of_an_assignment_is_shown() -> None:
    """The message ends with the file, the line number and the text of the user's own line."""

    def fun(x: Any) -> Any:
        result = np.zeros(3)
        for i in range(3):
            result[i] = x[i] ** 2
        return np.sum(result)

    message = fails(TypeError, lambda: grad(fun)(X), "result[i] = x[i] ** 2", "in fun")
    line = int(re.search(r"test_errors\.py:(\d+)", message).group(1))  # type: ignore[union-attr]
    assert line == fun.__code__.co_firstlineno + 3


def test_truth_length_and_iteration() -> None:
    """Where NumPy refuses, so do boxes, with NumPy's types."""
    fails(ValueError, lambda: grad(lambda x: np.sum(x) if x > 0 else x[0])(X), "ambiguous")
    fails(ValueError, lambda: grad(lambda x: np.sum(x) if x else x[0])(X), "truth", "(3,)", "np.any")
    fails(ValueError, lambda: grad(lambda x: x[0] if x == X else 0.0)(X), "ambiguous")
    fails(TypeError, lambda: grad(lambda x: len(x))(2.0), "len", "()")
    fails(TypeError, lambda: grad(lambda x: sum(x))(2.0), "iter", "()")
    fails(TypeError, lambda: grad(lambda x: [*x])(2.0), "iter")
    fails(TypeError, lambda: grad(lambda x: hash(x[0]))(X), "unhashable")
    fails(IndexError, lambda: grad(lambda x: x[3])(X), "out of bounds")
    fails(IndexError, lambda: grad(lambda x: x[0, 0])(X), "too many indices")


def test_an_index_has_no_derivative() -> None:
    """Indexing by a traced value."""
    message = fails(TypeError, lambda: grad(lambda x: x[x])(X), "index")
    assert "np.argsort" in message
    fails(TypeError, lambda: grad(lambda x: x[x[0]])(X), "index")
    fails(TypeError, lambda: grad(lambda x: x[0, x[1]])(X), "index")
    fails(TypeError, lambda: grad(lambda x: np.sum(x[: x[2]]))(X))
    assert grad(lambda x: x[int(mg_value(x[2]))])(X).tolist() == [0.0, 0.0, 1.0]


# ----- shapes that do not fit -----------------------------------------------------------------------------------------

SHAPES: list[tuple[type[BaseException], str, Callable[[Any], Any]]] = [
    (ValueError, "broadcast", lambda x: x + np.ones(2)),
    (ValueError, "broadcast", lambda x: np.ones((3, 2)) * x),
    (ValueError, "matmul", lambda x: np.ones((2, 2)) @ x),
    (ValueError, "matmul", lambda x: x @ np.float64(2.0)),
    (ValueError, "", lambda x: np.dot(np.ones((2, 2)), x)),
    (ValueError, "", lambda x: np.inner(np.ones((2, 2)), x)),
    (ValueError, "tensordot", lambda x: np.tensordot(np.ones((2, 2)), x, 1)),
    (ValueError, "einsum", lambda x: np.einsum("ij,jk", np.ones((2, 2)), x)),
    (ValueError, "", lambda x: np.einsum("ij,j", np.ones((2, 2)), x)),
    (ValueError, "einsum", lambda x: np.einsum("i,i,i", x, x)),
    (ValueError, "reshape", lambda x: x.reshape(2, 2)),
    (ValueError, "concatenate", lambda x: np.concatenate([x, np.ones((2, 2))])),
    (ValueError, "stack", lambda x: np.stack([x, np.ones(2)])),
    (ValueError, "", lambda x: np.split(x, 2)),
    (ValueError, "axis", lambda x: np.sum(x, axis=1)),
    (ValueError, "axis", lambda x: np.cumsum(x, axis=1)),
    (ValueError, "axis", lambda x: np.diff(x, axis=1)),
    (ValueError, "axis", lambda x: np.diff(x, axis=-2)),
    (ValueError, "axis", lambda x: np.flip(x, axis=1)),
    (ValueError, "axis", lambda x: np.max(x, axis=(0, 1))),
    (ValueError, "axis", lambda x: np.swapaxes(x, 0, 1)),
    (ValueError, "", lambda x: np.transpose(x, (0, 1))),
    (ValueError, "", lambda x: np.squeeze(x, axis=0)),
    (ValueError, "broadcast", lambda x: np.broadcast_to(x, (2, 2))),
    (ValueError, "broadcast", lambda x: np.where(np.ones(2) > 0, x, 1.0)),
    (ValueError, "different shapes", lambda x: mnp.array([x, np.ones(2)])),
]


@pytest.mark.parametrize(("kind", "text", "fun"), SHAPES, ids=range(len(SHAPES)))
def test_shape_errors_are_those_of_numpy(kind: type[BaseException], text: str, fun: Callable[[Any], Any]) -> None:
    """Raised at the operation that does not fit, not later in the sweep; the type is NumPy's."""
    with pytest.raises(kind):
        fun(X)
    fails(kind, lambda: grad(lambda x: np.sum(fun(x)))(X), text)
    fails(kind, lambda: jvp(fun, (X,), (X,)), text)
    fails(kind, lambda: hessian(lambda x: np.sum(fun(x)))(X), text)


def test_cotangents_that_do_not_fit() -> None:
    """A pullback checks shape and structure."""
    _, pullback = vjp(lambda x: (x, np.sum(x)), X)
    fails(ValueError, lambda: pullback((np.ones(2), 1.0)), "(2,)", "(3,)", "vjp")
    fails(ValueError, lambda: pullback((np.ones((1, 3)), 1.0)), "(1, 3)", "(3,)")
    fails(ValueError, lambda: pullback(np.ones(3)), "structure")
    fails(ValueError, lambda: pullback((np.ones(3), 1.0, 1.0)), "structure")
    fails(ValueError, lambda: pullback([np.ones(3), 1.0]), "structure")
    fails(ValueError, lambda: vjp(lambda x: {"a": x}, X)[1]({"b": X}), "structure")
    assert pullback((np.ones(3), 1.0))[0].tolist() == [2.0, 2.0, 2.0]


def test_tangents_that_do_not_fit() -> None:
    """jvp and its relatives check shape, structure and number."""
    fails(ValueError, lambda: jvp(lambda x: x, (X,), (np.ones(2),)), "(2,)", "(3,)", "jvp")
    fails(ValueError, lambda: jvp(lambda x: x, (X,), (1.0,)), "()", "(3,)")
    fails(ValueError, lambda: jvp(lambda x, y: x, (X, X), (X,)), "2 primals", "1 tangent")
    fails(TypeError, lambda: jvp(lambda x: x, X, X), "tuple")
    fails(ValueError, lambda: jvp(lambda p: p["a"], ({"a": X},), ({"b": X},)), "structure")
    fails(ValueError, lambda: jvp(lambda p: p[0], ([X],), ((X,),)), "structure")
    fails(ValueError, lambda: hvp(lambda x: np.sum(x**2), X, np.ones(2)), "(2,)", "(3,)")
    fails(ValueError, lambda: make_jvp(lambda x: x)(X)(np.ones(2)), "make_jvp", "(2,)")


# ----- arrays that change before the sweep ----------------------------------------------------------------------------


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


# ----- after errors, and without ------------------------------------------------------------------------------------


def test_an_error_in_the_users_function_passes_through() -> None:
    """Of its own type and message, also from within nested derivatives; the same function works next time."""

    class OwnError(Exception):
        pass

    switch = [True]

    def fun(x: Any) -> Any:
        y = grad(lambda z: z**3)(x)
        if switch[0]:
            raise OwnError("mine")
        return y

    for transform in (grad, elementwise_grad, jacobian, lambda f: grad(grad(f))):
        switch[0] = True
        with pytest.raises(OwnError, match=r"^mine$"):
            transform(fun)(2.0)
        switch[0] = False
        assert transform(fun)(2.0) in (6.0, 12.0)
    assert grad(fun)(2.0) == 12.0


def test_errors_caught_inside_the_function() -> None:
    """try/except within the differentiated function, around an inner derivative or a conversion."""

    def fun(x: Any) -> Any:
        with contextlib.suppress(ValueError):
            grad(lambda y: y * x * np.ones(2))(1.0)
        try:
            float(x)
        except TypeError:
            return x**2
        return x

    assert grad(fun)(3.0) == 6.0
    assert grad(grad(fun))(3.0) == 2.0


def test_no_warnings_in_good_cases() -> None:
    """Common programs, in both modes and at second order, with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fun in (
            lambda x: np.sum(np.maximum(x, 0) ** 2),
            lambda x: mnp.logsumexp(x * 1000),
            lambda x: np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0)),
            lambda x: np.sum(np.clip(x, 0, 1)),
            lambda x: np.std(x) + np.var(x) + np.prod(x),
            lambda x: np.sum(np.tile(x, (2, 1)) @ x),
        ):
            grad(fun)(X)
            hessian(fun)(X)
            hvp(fun, X, X)
            assert np.all(np.isfinite(jvp(fun, (X,), (X,))[1]))


def test_the_message_shows_the_line_inside_a_helper() -> None:
    """The innermost line of the user's own, not the line of the call of grad."""

    def helper(x: Any) -> Any:
        return np.histogram2d(x, x)  # the culprit

    fails(
        NotImplementedError,
        lambda: grad(lambda x: np.sum(helper(x)))(X),
        "np.histogram2d(x, x)  # the culprit",
        "in helper",
    )


def test_a_buffer_that_no_rule_reads_may_be_used_again() -> None:
    """Sums and joins need only shapes for their derivatives: no false alarm when a buffer is filled anew."""
    buffer = np.zeros(3)

    def fun(x: Any) -> Any:
        for k in range(3):
            buffer[:] = k
            x = x + buffer - np.concatenate([x[:0], buffer])
        return np.sum(x**2)

    assert np.array_equal(grad(fun)(X), 2 * X)
