"""Arrays of other libraries are refused in every transformation, with what to write instead.

A tape does not see their operations: such an array would pass for a constant, and come back as its own gradient.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from messages import fails
from stand_ins import STAND_INS, JaxArray, PandasSeries, TorchTensor

import minigrad as mg
import minigrad.numpy as mnp
from minigrad.compat import transforms as compat
from minigrad.compat.extend import defvjp, primitive
from minigrad.core.foreign import is_sparse
from minigrad.misc import flatten
from minigrad.misc.optimizers import adam, sgd

X = np.array([0.5, 2.0])


def squares(x: Any) -> Any:
    return np.sum(x**2)


def real_ones() -> list[Any]:
    """Arrays of the libraries that are installed."""
    found: list[Any] = []
    for library, make in {
        "pandas": lambda m: [m.Series(X), m.DataFrame({"a": X}), m.Index(X), m.array(X)],
        "xarray": lambda m: [m.DataArray(X), m.Dataset({"a": ("t", X)}), m.Variable("t", X)],
        "scipy.sparse": lambda m: [m.csr_array(np.diag(X)), m.coo_matrix(np.diag(X))],
        "polars": lambda m: [m.Series(X), m.DataFrame({"a": X})],
        "torch": lambda m: [m.tensor(X), m.tensor(X, requires_grad=True)],
        "jax.numpy": lambda m: [m.asarray(X)],
    }.items():
        try:
            module = __import__(library, fromlist=["_"])
        except ImportError:
            continue
        found += make(module)
    return found


VALUES = [kind(np.diag(X) if kind.__name__ == "SparseMatrix" else X) for kind in STAND_INS] + real_ones()

#: what is done with the value, the name that the message begins with
MODES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "grad": (lambda v: mg.grad(squares)(v), "grad: argument 0 is"),
    "leaf": (lambda v: mg.grad(lambda p: squares(p["b"][0]))({"b": [X], "a": v}), "grad: argument 0, leaf ['a'] is"),
    "several": (lambda v: mg.grad(lambda x, y: squares(x), (0, 1))(X, v), "grad: argument 1 is"),
    "value_and_grad": (lambda v: mg.value_and_grad(squares)(v), "grad: argument 0 is"),
    "grad_and_aux": (lambda v: mg.grad_and_aux(lambda x: (squares(x), 0))(v), "grad_and_aux: argument 0 is"),
    "vjp": (lambda v: mg.vjp(squares, v), "vjp: argument 0 is"),
    "jvp": (lambda v: mg.jvp(squares, (v,), (X,)), "jvp: argument 0 is"),
    "tangent": (lambda v: mg.jvp(squares, (X,), (v,)), "jvp: a tangent is"),
    "cotangent": (lambda v: mg.vjp(lambda x: x**2, X)[1](v), "vjp: a cotangent is"),
    "jacobian": (lambda v: mg.jacobian(squares)(v), "jacobian: argument 0 is"),
    "jacfwd": (lambda v: mg.jacfwd(squares)(v), "jacfwd: argument 0 is"),
    "jacrev": (lambda v: mg.jacrev(squares)(v), "jacrev: argument 0 is"),
    "hessian": (lambda v: mg.hessian(squares)(v), "hessian: argument 0 is"),
    "hvp": (lambda v: mg.hvp(squares, v, X), "jvp: argument 0 is"),
    "derivatives": (lambda v: mg.derivatives(np.sin, v, 2), "derivatives: argument 0 is"),
    "mixed": (lambda v: mg.derivatives(lambda x, y: x * y, (1.0, v), (1, 1)), "derivatives: argument 1 is"),
    "jet": (lambda v: mg.jet(np.sin, (v,), ([X],)), "jet: argument 0 is"),
    "jet's series": (lambda v: mg.jet(np.sin, (X,), ([v],)), "jet: a derivative in series is"),
    "elementwise_grad": (lambda v: mg.elementwise_grad(np.sin)(v), "elementwise_grad: argument 0 is"),
    "twice": (lambda v: mg.elementwise_grad(mg.elementwise_grad(np.sin))(v), "elementwise_grad: argument 0 is"),
    "batched": (lambda v: mg.batched(lambda x, y: x)(X, v), "batched: argument 1 is"),
    "sparse_jacobian": (lambda v: mg.sparse_jacobian(np.sin, v), "sparse_jacobian: x is"),
    "sparse_hessian": (lambda v: mg.sparse_hessian(squares, v), "sparse_hessian: x is"),
    "sparsity": (lambda v: mg.sparsity(np.sin, v), "sparsity: x is"),
    "compile": (lambda v: mg.compile(squares)(v), "compile: an argument is"),
    "compiled gradient": (lambda v: mg.compile(mg.grad(lambda p: squares(p[0])))([X, v]), "compile: an argument is"),
    "check": (lambda v: mg.check(squares, lambda x: 2 * x, v), "check: argument 0 is"),
    "checked leaf": (lambda v: mg.check(lambda p: squares(p[0]), lambda p: p, [X, v]), "check: argument 0, leaf [1]"),
    "finite_difference": (lambda v: mg.finite_difference(squares)(v), "finite_difference: argument 0 is"),
    "laplacian": (lambda v: mg.laplacian(squares)(v), "laplacian: argument 0 is"),
    "bilaplacian": (lambda v: mg.bilaplacian(squares)(v), "bilaplacian: argument 0 is"),
    "parameter of root": (
        lambda v: mg.grad(lambda p: np.sum(mg.root(lambda p, x: x - p, p, X)))(v), "grad: argument 0 is",
    ),
    "start of root": (lambda v: mg.root(lambda p, x: x - p, X, v), "root: the start x is"),
    "start of fixed_point": (lambda v: mg.fixed_point(lambda p, x: p / 2, X, v), "fixed_point: the start x is"),
    "xs of a scan": (lambda v: mg.checkpointed_scan(lambda c, x: (c, x), 0.0, v), "checkpointed_scan: xs is"),
    "carry of a scan": (
        lambda v: mg.checkpointed_scan(lambda c, x: (c, x), {"c": v}, X), "checkpointed_scan: init['c'] is",
    ),
    "deriv": (lambda v: mg.deriv(squares)(v), "deriv: argument 0 is"),
    "holomorphic_grad": (lambda v: mg.holomorphic_grad(squares)(v), "holomorphic_grad: argument 0 is"),
    "multigrad_dict": (lambda v: mg.multigrad_dict(lambda x, y: squares(x))(X, v), "grad: argument 0, leaf ['y'] is"),
    "trace": (lambda v: mg.trace(lambda x, y: squares(x), X, v), "trace: argument 1 is"),
    "flatten": (lambda v: flatten({"a": X, "b": v}), "flatten: leaf ['b'] is"),
    "sgd": (lambda v: sgd(lambda x, i: x, {"a": X, "b": v}), "flatten: leaf ['b'] is"),
    "result of grad": (lambda v: mg.grad(lambda x: v)(X), "grad: the function returned"),
    "result of vjp": (lambda v: mg.vjp(lambda x: [v, x], X), "vjp: the function returned"),
    "result of jvp": (lambda v: mg.jvp(lambda x: {"a": v}, (X,), (X,)), "jvp: the function returned"),
    "result of jacobian": (lambda v: mg.jacobian(lambda x: v)(X), "jacobian: the function returned"),
    "result of derivatives": (lambda v: mg.derivatives(lambda x: v, X, 1), "derivatives: the function returned"),
    "result of jet": (lambda v: mg.jet(lambda x: v, (X,), ([X],)), "jet: the function returned"),
    "result of batched": (lambda v: mg.batched(lambda x: v)(X), "batched: the function returned"),
    "result of compile": (lambda v: mg.compile(lambda x: v)(X), "compile: the function returned"),
    "result of laplacian": (lambda v: mg.laplacian(lambda x: v)(X), "laplacian: the function returned"),
    "result of sparsity": (lambda v: mg.sparsity(lambda x: v, X), "sparsity: the function returned"),
    "result of checkpoint": (lambda v: mg.grad(mg.checkpoint(lambda x: v))(X), "checkpoint: the function returned"),
    "result of a primitive": (lambda v: mg.grad(with_rule(lambda x: v))(X), "operation: the function returned"),
    "result of a custom primitive": (
        lambda v: mg.grad(mg.custom_primitive(lambda x: v, vjp=lambda g, ans, x: g))(X), "the function returned",
    ),
    "constant": (lambda v: mg.grad(lambda x: np.sum(x + v))(X), "cannot take part in a differentiated operation"),
}  # fmt: skip


#: In these modes a sparse matrix is taken, and its stored numbers are what is differentiated.
OF_STORED_NUMBERS = {
    "grad", "leaf", "several", "value_and_grad", "grad_and_aux", "vjp", "parameter of root", "multigrad_dict",
}  # fmt: skip


def with_rule(fun: Any) -> Any:
    fun.__name__ = "operation"
    operation = primitive(fun)
    defvjp(operation, lambda ans, x: lambda g: g)
    return operation


@pytest.mark.parametrize("mode", MODES)
def test_refused_in_every_mode(mode: str) -> None:
    """The message names the operation, the argument and its type, and says what to pass."""
    run, start = MODES[mode]
    for value in VALUES:
        name = type(value).__name__
        if mode in OF_STORED_NUMBERS and is_sparse(value):
            continue
        advice = ("to_numpy()", "toarray()", "numpy()", "np.asarray(x)")
        message = fails((TypeError, ValueError), lambda value=value: run(value), start, name)
        assert any(each in message for each in advice), message
        assert "integers" not in message


@pytest.mark.parametrize("number", [Decimal("1.5"), Fraction(1, 2)])
def test_other_numbers_are_refused_too(number: Any) -> None:
    """They came back as their own gradient, beside another leaf."""
    fails(TypeError, lambda: mg.grad(lambda p: p[0] ** 2)([3.0, number]), "leaf [1]", "float(x)")
    fails(TypeError, lambda: mg.grad(lambda x: x * number)(3.0), "cannot take part", "float(x)")


def test_what_is_no_number_still_passes_through() -> None:
    """Texts, functions, classes, flags and generators among the parameters are constants."""
    rng = np.random.default_rng(0)
    rest = {"name": "a", "act": np.tanh, "flag": True, "none": None, "kind": np.float64, "rng": rng}
    gradient = mg.grad(lambda p: np.sum(p["act"](p["W"])))({"W": X, **rest})
    assert {key: gradient[key] for key in rest} == rest
    np.testing.assert_allclose(gradient["W"], 1 / np.cosh(X) ** 2)


def test_arguments_that_are_not_asked_for_may_be_anything() -> None:
    """They are constants; the function makes plain arrays of them."""
    data = PandasSeries(X)
    np.testing.assert_array_equal(mg.grad(lambda x, s: np.sum(x * s.to_numpy()))(X, data), X)
    np.testing.assert_array_equal(mg.batched(lambda x, s: x * s.to_numpy(), (0, None))(X, data), np.outer(X, X))
    assert compat.grad_named(lambda n, x, s: n * x**2, "x")(3, 2.0, data) == 12.0
    assert compat.grad_named(lambda n, *, x: n * x**2, "x")(3, x=2.0) == 12.0
    fails(TypeError, lambda: compat.grad_named(lambda n, x: x, "n")(3, 2.0), "'n'", "integers have no derivative")
    fails((TypeError, ValueError), lambda: compat.grad_named(lambda n, x: x, "y")(3, 2.0), "no argument 'y'")


def test_a_tensor_is_not_told_that_it_is_an_integer() -> None:
    fails(TypeError, lambda: mg.grad(squares)(TorchTensor(X)), "TorchTensor", "x.numpy()")


def test_functions_that_make_plain_arrays_of_constants_take_them() -> None:
    """There NumPy means the numbers, and so do we."""
    for value in (JaxArray(X), PandasSeries(X)):
        np.testing.assert_array_equal(mg.grad(lambda x, v=value: np.dot(v, x))(X), X)
        np.testing.assert_array_equal(mg.grad(lambda x, v=value: np.sum(np.where(v, x, 0.0)))(X), [1.0, 1.0])


def test_a_library_that_takes_a_traced_value_apart_is_named() -> None:
    """The message used to speak of assignments."""
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(X)
    fails(TypeError, lambda: mg.grad(lambda x: np.sum(series * x))(X), "pandas makes a plain array", "x.to_numpy()")


def test_a_traced_value_within_an_array_of_xarray_is_not_lost() -> None:
    """xarray wraps any array that hands NumPy's functions on, so the traced value is within what it returns."""
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(X)
    fails(TypeError, lambda: mg.grad(lambda x: np.sum(array * x))(X), "grad: the function returned a xarray.DataArray")
    fails(TypeError, lambda: mg.jvp(lambda x: array * x, (X,), (X,)), "jvp: the function returned a xarray.DataArray")
    np.testing.assert_array_equal(mg.grad(lambda x: np.sum(array * x).data)(X), X)


@pytest.mark.parametrize(
    "fun",
    [
        lambda np, x, a: x * a,
        lambda np, x, a: np.exp(a * x) - a,
        lambda np, x, a: 2.0 - a / x,
        lambda np, x, a: x**a,
        lambda np, x, a: np.maximum(x * a, 0.5 * x),
        lambda np, x, a: np.add(x, a) * (a * x),
        lambda np, x, a: np.arctan2(x, a),
        lambda np, x, a: np.multiply(a, x).sum(),
    ],
)
@pytest.mark.parametrize("namespace", [np, mnp])
def test_operators_and_ufuncs_of_arrays_of_xarray_are_differentiated(fun: Any, namespace: Any) -> None:
    """Whichever side they stand on, and also when they hold traced values already."""
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(X + 1.5, dims="t")
    found = mg.grad(lambda x: np.sum(fun(namespace, x, array).data))(X + 2.0)
    np.testing.assert_allclose(found, mg.grad(lambda x: np.sum(fun(np, x, X + 1.5)))(X + 2.0))
    fails(TypeError, lambda: mg.grad(lambda x: x @ array)(X), "matmul: a xarray.DataArray", "operators and ufuncs")
    fails(TypeError, lambda: mg.grad(lambda x: mnp.where(x > 0.0, x, array))(X), "where: a xarray.DataArray")


def test_optimisers_of_foreign_parameters() -> None:
    fails(TypeError, lambda: adam(lambda x, i: x, PandasSeries(X)), "flatten: the value is", "to_numpy")
