"""`minigrad.optimize.minimize`: pytrees in and out, exact derivatives, clear refusals."""

import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

from minigrad import hvp, summed, value_and_grad
from minigrad.optimize import minimize

optimize = pytest.importorskip("scipy.optimize")

METHODS = ("L-BFGS-B", "BFGS", "CG", "Newton-CG", "trust-ncg")
X = np.random.default_rng(0).standard_normal((50, 3))
Y = np.tanh(X @ np.array([0.5, -1.0, 2.0]) + 0.3)


class Line(NamedTuple):
    w: Any
    b: Any


def loss(p, x, y):
    return np.sum((np.tanh(x @ p.w + p.b) - y) ** 2)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_parameters_of_a_model(method):
    found = minimize(loss, Line(np.zeros(3), 0.0), (X, Y), method=method, tol=1e-9)
    assert type(found.x) is Line
    assert type(found.jac) is Line
    np.testing.assert_allclose(found.x.w, [0.5, -1.0, 2.0], atol=1e-4)
    np.testing.assert_allclose(found.x.b, 0.3, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_the_steps_are_those_of_scipy_with_derivatives_by_hand(method):
    """The first eight, one by one: later ones of CG depend on the last bits of the gradient."""
    start = np.array([-1.2, 1.0, 0.7])
    for steps in range(1, 9):
        by_hand = optimize.minimize(
            optimize.rosen,
            start,
            method=method,
            jac=optimize.rosen_der,
            hessp=optimize.rosen_hess_prod if method in ("Newton-CG", "trust-ncg") else None,
            options={"maxiter": steps},
        )
        found = minimize(rosenbrock, start, method=method, options={"maxiter": steps})
        assert found.nit == by_hand.nit
        np.testing.assert_allclose(found.x, by_hand.x, rtol=1e-8)
    np.testing.assert_allclose(minimize(rosenbrock, start, method=method).x, 1.0, atol=1e-4)
    np.testing.assert_array_equal(start, [-1.2, 1.0, 0.7])


def test_structures_shapes_and_dtypes_come_back():
    params = {"b": np.zeros((2, 1), np.float32), "a": [np.ones(3), 2.0], "name": "layer", "none": None}

    def bowl(p):
        return np.sum((p["b"] - 1.0) ** 2) + np.sum((p["a"][0] * p["a"][1] - 3.0) ** 2) + (p["a"][1] - 2.0) ** 2

    found = minimize(bowl, params)
    assert found.success
    assert list(found.x) == list(params)
    assert found.x["b"].dtype == np.float32
    assert found.x["b"].shape == (2, 1)
    assert found.x["name"] == "layer"
    np.testing.assert_allclose(found.x["b"], 1.0, atol=1e-3)
    np.testing.assert_allclose(found.x["a"][0] * found.x["a"][1], 3.0, atol=1e-3)


@pytest.mark.parametrize("method", ["L-BFGS-B", "Newton-CG", "trust-ncg"])
def test_functions_that_return_their_gradient(method):
    """As sums over blocks of samples do."""
    total = summed(value_and_grad(loss), (None, 0, 0), block=20)
    product = summed(lambda p, v, x, y: hvp(lambda q: loss(q, x, y), p, v), (None, None, 0, 0), block=20)
    found = minimize(total, Line(np.zeros(3), 0.0), (X, Y), method=method, jac=True, hessp=product)
    whole = minimize(loss, Line(np.zeros(3), 0.0), (X, Y), method=method)
    np.testing.assert_allclose(found.x.w, whole.x.w, atol=1e-6)


def test_the_callback_gets_parameters_and_can_stop():
    seen = []

    def watch(p):
        seen.append(p)
        if len(seen) == 2:
            raise StopIteration

    found = minimize(loss, Line(np.zeros(3), 0.0), (X, Y), callback=watch)
    assert found.nit == 2
    assert [type(p) for p in seen] == [Line, Line]
    np.testing.assert_array_equal(seen[1].w, found.x.w)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: minimize(rosenbrock, X[0], method="Powell"), ValueError, "'Powell' is not known; there are L-BFGS-B"),
        (lambda: minimize(lambda x: x * 2.0, X[0]), ValueError, "one number"),
        (lambda: minimize(lambda p: 0.0, {"a": "text"}), ValueError, "there are no parameters"),
        (lambda: minimize(lambda x: np.sum(np.abs(x)), X[0] + 1j), TypeError, "complex"),
        (lambda: minimize(lambda p: np.abs(p["n"]), {"n": 3j}), TypeError, "parameter ['n'] is complex"),
        (lambda: minimize(lambda x: np.sum(x) + np.nan, X[0]), ValueError, "where the search starts, the value is nan"),
        (lambda: minimize(lambda x: (1.0, x), X[0], method="trust-ncg", jac=True), ValueError, "pass hessp"),
        (lambda: minimize(lambda x: 1.0, X[0], jac=True), ValueError, "must return the pair"),
        (lambda: minimize(lambda x: (1.0, x[:2]), X[0], jac=True), ValueError, "structure and shapes"),
        (lambda: minimize(lambda x: (x, x), X[0], jac=True), ValueError, "must be one number"),
    ],
)
def test_what_cannot_be_minimised_says_why(call, kind, words):
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)


def test_importing_the_module_does_not_import_scipy():
    code = "import sys, minigrad.optimize; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_scipy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        minimize(rosenbrock, X[0])
