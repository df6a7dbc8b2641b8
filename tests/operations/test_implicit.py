"""Roots and fixed points: closed forms, other programs, every mode and order, and what goes wrong."""

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close, difference_gradient, exact_derivative

import minigrad
from minigrad import (
    batched,
    custom_root,
    derivatives,
    fixed_point,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jvp,
    root,
    vjp,
)
from minigrad.errors import NoConvergenceError
from minigrad.operations.solvers import gmres, neumann
from minigrad.test_util import check_equivalent, check_grads

LINEAR = ["dense", "gmres", lambda product, b: np.linalg.solve(np.stack([product(e) for e in np.eye(len(b))], 1), b)]

# ----- closed forms ---------------------------------------------------------------------------------------------------


def square_root(p: Any) -> Any:
    return root(lambda p, x: x * x - p, p, 1.0)


@settings(max_examples=15)
@given(st.floats(0.01, 100.0))
def test_the_square_root_by_newton_to_third_order_in_every_mode(p: float) -> None:
    expected = [p**0.5, 0.5 * p**-0.5, -0.25 * p**-1.5, 0.375 * p**-2.5]
    nested = [square_root(p), grad(square_root)(p), grad(grad(square_root))(p), grad(grad(grad(square_root)))(p)]
    for found in (nested, derivatives(square_root, p, 3)):
        for a, b in zip(found, expected):
            assert_close(a, b, 1e-11, floor=0.0)
    assert_close(jvp(grad(square_root), (p,), (1.0,))[1], expected[2], 1e-11, floor=0.0)
    assert_close(grad(lambda p: jvp(square_root, (p,), (1.0,))[1])(p), expected[2], 1e-11, floor=0.0)


def test_keplers_equation_against_mpmath() -> None:
    mpmath = pytest.importorskip("mpmath")

    def anomaly(e: Any, M: Any) -> Any:
        return root(lambda p, E: E - p[0] * np.sin(E) - p[1], (e, M), np.asarray(1.0) * M)

    exact = lambda M: mpmath.findroot(lambda E: E - mpmath.mpf("0.5") * mpmath.sin(E) - M, 1.5)
    expected = [exact_derivative(exact, 1.0, k, digits=40) for k in range(5)]
    assert_close(derivatives(lambda M: anomaly(0.5, M), 1.0, 4), expected, 1e-12)
    assert_close(grad(grad(anomaly, 1), 1)(0.5, 1.0), expected[2], 1e-12)
    E = anomaly(0.5, 1.0)
    assert_close(grad(anomaly)(0.5, 1.0), np.sin(E) / (1 - 0.5 * np.cos(E)), 1e-13)
    many = np.linspace(0.1, 3.0, 5)
    assert_close(jacobian(anomaly, 1)(0.5, many), np.diag(1 / (1 - 0.5 * np.cos(anomaly(0.5, many)))), 1e-12)


@pytest.mark.parametrize("linear", LINEAR)
def test_linear_systems_against_the_rules_of_solve(linear: Any) -> None:
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(4, 4)) + 4 * np.eye(4), rng.normal(size=4)

    def own(A: Any, b: Any) -> Any:
        start = {"u": np.zeros(4)}
        x = root(lambda p, x: {"u": p["A"] @ x["u"] - p["b"]}, {"A": A, "b": b}, start, linear=linear)
        return np.sum(x["u"] ** 3)

    def plain(A: Any, b: Any) -> Any:
        return np.sum(np.linalg.solve(A, b) ** 3)

    check_equivalent(grad(own, (0, 1))(A, b), grad(plain, (0, 1))(A, b))
    assert_close(hessian(own)(A, b), hessian(plain)(A, b), 1e-10)
    assert_close(jvp(own, (A, b), (A * A, b))[1], jvp(plain, (A, b), (A * A, b))[1], 1e-11)
    check_equivalent(jvp(grad(own), (A, b), (A * A, b))[1], jvp(grad(plain), (A, b), (A * A, b))[1])
    curve = [lambda t, f=f: f(A * t, b * np.sin(t)) for f in (own, plain)]
    assert_close(derivatives(curve[0], 0.7, 4), derivatives(curve[1], 0.7, 4), 1e-10)
    assert_close(grad(grad(grad(curve[0])))(0.7), grad(grad(grad(curve[1])))(0.7), 1e-10)


def test_the_minimum_of_a_quadratic_and_of_ridge_regression() -> None:
    rng = np.random.default_rng(1)
    X, y, Xt, yt = rng.normal(size=(20, 3)), rng.normal(size=20), rng.normal(size=(8, 3)), rng.normal(size=8)

    def loss(p: Any, w: Any) -> Any:
        return np.sum((p["X"] @ w - y) ** 2) + np.exp(p["log penalty"]) * np.sum(w**2)

    @custom_root(grad(loss, 1))
    def ridge(p: Any, unused: str = "") -> Any:
        assert unused == "text"
        return np.linalg.solve(p["X"].T @ p["X"] + np.exp(p["log penalty"]) * np.eye(3), p["X"].T @ y)

    def closed(p: Any) -> Any:
        return np.linalg.solve(p["X"].T @ p["X"] + np.exp(p["log penalty"]) * np.eye(3), p["X"].T @ y)

    p = {"X": X, "log penalty": 0.3}
    held_out = [lambda p, w=w: np.mean((Xt @ w(p) - yt) ** 2) for w in (lambda p: ridge(p, unused="text"), closed)]
    check_equivalent(grad(held_out[0])(p), grad(held_out[1])(p))
    of_penalty = [lambda t, f=f: f({"X": X, "log penalty": t}) for f in held_out]
    assert_close(grad(of_penalty[0])(0.3), difference_gradient(of_penalty[1], [0.3])[0], 1e-9)
    assert_close(grad(grad(of_penalty[0]))(0.3), grad(grad(of_penalty[1]))(0.3), 1e-10)
    assert_close(derivatives(of_penalty[0], 0.3, 3), derivatives(of_penalty[1], 0.3, 3), 1e-10)
    # argmin of x^T Q x / 2 - c^T x is Q^-1 c
    Q, c = X.T @ X, X.T @ y
    argmin = lambda c: root(lambda c, x: grad(lambda x: 0.5 * x @ Q @ x - c @ x)(x), c, np.zeros(3))
    assert_close(jacobian(argmin)(c), np.linalg.inv(Q), 1e-12)


@pytest.mark.parametrize("linear", ["auto", "neumann", "gmres"])
def test_fixed_points_in_every_mode(linear: Any) -> None:
    def cosine(p: Any) -> Any:
        return fixed_point(lambda p, x: np.cos(p * x), p, 1.0, linear=linear)

    x = cosine(1.0)
    assert_close(x, np.cos(x), 1e-12)
    first = -x * np.sin(x) / (1 + np.sin(x))
    assert_close(grad(cosine)(1.0), first, 1e-11)
    assert_close(jvp(cosine, (1.0,), (2.0,))[1], 2 * first, 1e-11)
    by_root = lambda p: root(lambda p, x: x - np.cos(p * x), p, 1.0)
    assert_close(derivatives(cosine, 1.0, 4), derivatives(by_root, 1.0, 4), 1e-10)
    assert_close(grad(grad(grad(cosine)))(1.0), derivatives(by_root, 1.0, 3)[3], 1e-10)


def test_fixed_points_of_structures() -> None:
    W = np.array([[0.2, -0.3], [0.1, 0.4]])

    def layer(p: Any, z: Any) -> Any:
        h = np.tanh(p["W"] @ z["h"] + p["b"])
        return {"h": h, "s": 0.5 * np.sin(z["s"]) + np.sum(h)}

    def own(W: Any, b: Any) -> Any:
        z = fixed_point(layer, {"W": W, "b": b, "name": "text"}, {"h": np.zeros(2), "s": 0.0})
        return np.sum(z["h"] ** 2) + z["s"]

    def unrolled(W: Any, b: Any) -> Any:
        z = {"h": np.zeros(2), "s": 0.0}
        for _ in range(80):
            z = layer({"W": W, "b": b}, z)
        return np.sum(z["h"] ** 2) + z["s"]

    point = W, np.array([0.5, -0.2])
    check_equivalent(grad(own, (0, 1))(*point), grad(unrolled, (0, 1))(*point))
    check_equivalent(jacobian(grad(own))(*point), jacobian(grad(unrolled))(*point))
    check_grads(own, range(len(point)))(*point)


# ----- other solvers, sizes and programs ------------------------------------------------------------------------------


def test_a_solver_of_scipy() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    sparse = pytest.importorskip("scipy.sparse.linalg")

    def f(p: Any, x: Any) -> Any:
        return np.array([[3.0, 1.0], [1.0, 2.0]]) @ x + p * x**3 - np.array([1.0, 2.0])

    solve = lambda residual, x0: optimize.root(residual, x0, tol=1e-13).x
    linear = lambda product, b: sparse.gmres(
        sparse.LinearOperator((len(b), len(b)), matvec=product), b, rtol=1e-13, atol=0.0
    )[0]
    own = lambda p: np.sum(root(f, p, np.zeros(2), solver=solve, linear=linear) ** 2)
    plain = lambda p: np.sum(root(f, p, np.zeros(2)) ** 2)
    assert_close(derivatives(own, 0.7, 3), derivatives(plain, 0.7, 3), 1e-9)
    assert_close(grad(grad(own))(0.7), grad(grad(plain))(0.7), 1e-9)
    scalar = lambda p: root(
        lambda p, x: x**3 - p, p, 1.0, solver=lambda g, x0: optimize.brentq(g, 0.0, 10.0, xtol=1e-14)
    )
    assert_close(grad(scalar)(8.0), 1 / 12, 1e-12)
    steady = lambda p: fixed_point(lambda p, x: np.cos(p * x), p, 1.0, solver=optimize.fixed_point)
    assert_close(grad(steady)(1.0), grad(lambda p: fixed_point(lambda p, x: np.cos(p * x), p, 1.0))(1.0), 1e-7)


def test_a_large_system_is_solved_without_its_matrix() -> None:
    n = 2000

    def f(p: Any, u: Any) -> Any:  # u + p u^3 - 0.3 (neighbours) = 1, on a ring
        return u + p * u**3 - 0.3 * (np.roll(u, 1) + np.roll(u, -1)) - 1.0

    mean = lambda p, **options: np.mean(root(f, p, np.ones(n), **options))
    one = lambda p: root(lambda p, u: 0.4 * u + p * u**3 - 1.0, p, 1.0)  # all entries are equal
    assert_close(derivatives(mean, 0.5, 3), derivatives(one, 0.5, 3), 1e-9)
    assert_close(grad(grad(mean))(0.5), grad(grad(one))(0.5), 1e-9)


def test_complex_solutions() -> None:
    z = 1.0 + 2.0j
    own = lambda z: root(lambda z, x: x * x - z, z, 1.0 + 1.0j)
    assert_close(own(z), np.sqrt(z), 1e-14)
    assert_close(grad(lambda z: np.real(own(z)))(z), grad(lambda z: np.real(np.sqrt(z)))(z), 1e-13)


@pytest.mark.parametrize("linear", ["dense", "gmres", "neumann"])
def test_single_precision_stays(linear: Any) -> None:
    p, start = np.array([2.0, 3.0], np.float32), np.array([1.4, 1.7], np.float32)
    half, fifth = np.float32(0.5), np.float32(0.2)
    solution = lambda p: root(lambda p, x: half * (x * x - p), p, start, linear=linear)
    steady = lambda p: fixed_point(lambda p, x: fifth * np.cos(p * x), p, start, linear=linear)
    x = steady(p)
    slope = -fifth * np.sin(p * x)
    for f, expected in ((solution, half / np.sqrt(p)), (steady, slope * x / (1 - slope * p))):
        found = grad(lambda p, f=f: np.sum(f(p)))(p)
        assert f(p).dtype == found.dtype == np.float32
        assert_close(found, expected, 1e-5)
    mixed = root(lambda p, x: half * (x * x - p), p.astype(float), start, linear=linear)
    assert mixed.dtype == np.float32
    assert_close(mixed, np.sqrt(p), 1e-6)


def test_against_jax() -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):

        def unrolled(p: Any) -> Any:
            x = jax.numpy.ones(3)
            for _ in range(60):
                x = jax.numpy.cos(p * x) * 0.5
            return (x**2).sum()

        p = jax.numpy.array([0.3, 0.5, 0.7])
        expected = np.asarray(jax.grad(unrolled)(p)), np.asarray(jax.hessian(unrolled)(p))
    own = lambda p: np.sum(fixed_point(lambda p, x: np.cos(p * x) * 0.5, p, np.ones(3)) ** 2)
    assert_close(grad(own)(np.asarray(p)), expected[0], 1e-12)
    assert_close(hessian(own)(np.asarray(p)), expected[1], 1e-12)


def test_one_matrix_serves_all_rows_of_a_jacobian() -> None:
    calls = []

    def f(p: Any, x: Any) -> Any:
        calls.append(1)
        return x * x * x + x - p

    _, pullback = vjp(lambda p: root(f, p, np.zeros(5)), np.arange(5.0))
    pullback(np.ones(5))
    before = len(calls)
    for row in np.eye(5):
        pullback(row)
    assert len(calls) - before <= 2 * 5


# ----- what goes wrong ------------------------------------------------------------------------------------------------


def test_no_convergence_is_told_with_its_history() -> None:
    with pytest.raises(NoConvergenceError, match="fixed_point: x still changes after 50 iterations") as caught:
        fixed_point(lambda p, x: -x + p, 1.0, 0.0, maxiter=50)
    assert caught.value.history == [1.0] * 50
    assert isinstance(caught.value, RuntimeError)
    with pytest.raises(TypeError, match="fixed_point: the function returned None; did it forget its return statement"):
        fixed_point(lambda p, x: None, 1.0, 1.0)
    with pytest.raises(NoConvergenceError, match="the iteration diverges"):
        grad(lambda p: fixed_point(lambda p, x: 2 * x + p, p, 1.0))(1.0)
    with pytest.raises(NoConvergenceError, match="no step makes the residual smaller"):
        root(lambda p, x: x * x + p, 1.0, 2.0)
    with pytest.raises(NoConvergenceError, match=r"not found in 2 iterations; .* sizes by iteration: 99, ") as caught:
        root(lambda p, x: x * x - p, 100.0, 1.0, maxiter=2)
    assert len(caught.value.history) == 3
    with pytest.raises(NoConvergenceError, match="Neumann series does not converge"):
        grad(lambda p: root(lambda p, x: 5.0 * x - p, p, 1.0, solver=lambda f, x: 0.2, linear="neumann"))(1.0)
    with pytest.raises(NoConvergenceError, match="the linear solver that was given left a residual"):
        grad(lambda p: root(lambda p, x: 5.0 * x - p, p, 1.0, linear=lambda product, b: 0.0 * b))(1.0)


def test_a_singular_derivative_is_no_derivative() -> None:
    for linear in ("dense", "gmres"):
        with pytest.raises((np.linalg.LinAlgError, NoConvergenceError), match="singular"):
            grad(lambda p, linear=linear: root(lambda p, x: x**3 * p, p, 0.0, linear=linear))(1.0)
    M = np.array([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(np.linalg.LinAlgError, match=r"matrix of shape \(2, 2\), is singular"):
        grad(lambda p: np.sum(root(lambda p, x: M @ x * p, p, np.zeros(2))))(1.0)


def test_a_result_that_is_no_root_is_refused() -> None:
    wrong = lambda p: root(lambda p, x: x * x - p, p, 1.0, solver=lambda f, x0: 1.5)
    assert wrong(2.0) == 1.5  # a solver's business; but its derivative would be wrong
    with pytest.raises(NoConvergenceError, match=r"what the solver returned is no root: the residual .* 0\.25"):
        grad(wrong)(2.0)

    @custom_root(lambda p, x: x - p)
    def solver(p: Any) -> Any:
        return p + 1.0

    with pytest.raises(NoConvergenceError, match="solver: what the solver returned is no root"):
        jvp(solver, (1.0,), (1.0,))


def test_errors_of_use() -> None:
    with pytest.raises(TypeError, match="root: the function closes over a traced value"):
        grad(lambda p: root(lambda q, x: x - p, 1.0, 1.0))(2.0)
    with pytest.raises(TypeError, match="fixed_point: the function closes over a traced value"):
        grad(lambda p: fixed_point(lambda q, x: 0.5 * x + p, p, 1.0))(2.0)
    with pytest.raises(ValueError, match=r"root: the residual has shape \(3,\) for x of shape \(\)"):
        root(lambda p, x: np.ones(3) * p, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"the function returned the structure list\(\[0\]: \*\), but x has \*"):
        fixed_point(lambda p, x: [x], 1.0, 1.0)
    with pytest.raises(TypeError, match="the start x is 1; it must be made of floats"):
        root(lambda p, x: x - p, 1.0, 1)
    with pytest.raises(TypeError, match="holds no numbers"):
        root(lambda p, x: x, 1.0, [])
    with pytest.raises(ValueError, match="linear='lu'"):
        root(lambda p, x: x - p, 1.0, 1.0, linear="lu")
    # the start moves nothing
    assert grad(lambda x0: root(lambda p, x: x * x - p, 2.0, x0))(1.0) == 0.0


# ----- linear solvers -------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(1, 90), st.integers(0, 1000))
def test_gmres_solves_what_is_well_conditioned(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = np.eye(n) + 0.4 * rng.normal(size=(n, n)) / np.sqrt(n)
    b = rng.normal(size=n)
    assert_close(gmres(lambda v: A @ v, b), np.linalg.solve(A, b), 1e-10)
    assert_close(gmres(lambda v: A @ v, np.zeros(n)), np.zeros(n), 1e-10)
    small = np.eye(n) + 0.1 * (A - np.eye(n))
    assert_close(neumann(lambda v: small @ v, b), np.linalg.solve(small, b), 1e-11)


def test_gmres_stops_at_a_singular_matrix_and_takes_complex_ones() -> None:
    with pytest.raises(NoConvergenceError, match="GMRES did not solve"):
        gmres(lambda v: np.array([[1.0, 0.0], [0.0, 0.0]]) @ v, np.ones(2))
    A = np.array([[1.0 + 1j, 0.2], [0.1j, 2.0]])
    b = np.array([1.0, 1j])
    assert_close(gmres(lambda v: A @ v, b), np.linalg.solve(A, b), 1e-12)


@pytest.mark.parametrize("linear", ["dense", "gmres"])
def test_a_solution_of_which_only_some_leaves_are_used(linear: Any) -> None:
    """The cotangents of the other leaves are zero; also in the derivative of the linear solve, at second order."""

    def residual(p: Any, x: Any) -> Any:
        return {"u": x["u"] ** 3 * p["b"] - p["a"], "w": (x["w"][0] - x["u"][0],)}

    def f(p: Any) -> Any:
        return root(residual, p, {"u": np.ones(3), "w": (1.0,)}, linear=linear)["w"][0]

    def exact(p: Any) -> Any:
        return np.cbrt(p["a"][0] / p["b"])

    p = {"a": np.array([1.0, 2.0, 3.0]), "b": 2.0}
    found, expected = grad(f)(p), grad(exact)(p)
    assert_close(found["a"], expected["a"], 1e-9)
    assert_close(found["b"], expected["b"], 1e-9)

    def along(t: Any, of: Any) -> Any:
        return of({"a": p["a"] * (1.0 + t), "b": p["b"] + t * t})

    for outer, inner in itertools.product((grad, jacfwd), repeat=2):
        assert_close(outer(inner(lambda t: along(t, f)))(0.1), grad(grad(lambda t: along(t, exact)))(0.1), 1e-8)
    for inner in (grad, jacfwd):
        found = derivatives(inner(lambda t: along(t, f)), 0.1, 2)
        assert_close(found, derivatives(grad(lambda t: along(t, exact)), 0.1, 2), 1e-7)


# ----- digits that are lost -------------------------------------------------------------------------------------------

LOSING = {  # a residual, where it loses the digits of a derivative, and the order from which on it does
    "a quotient that cancels": (lambda p, x: x - (np.exp(p) - 1.0) / p, 1e-9, 1),
    "what is divided vanishes": (lambda p, x: p * x - (np.exp(p) - 1.0), 1e-9, 1),
    "the root is a root of noise": (lambda p, x: x * x - 2.0 * (1.0 - np.cos(p)), 1e-7, 1),
    "the slope in x cancels": (lambda p, x: np.exp(x) - 1.0 - x - p * p, 1e-5, 2),
    "the root itself is rounded": (lambda p, x: p * x - np.expm1(p), 1e-9, 2),
}


CASES = [(name, k) for name in LOSING for k in (1, 2) if "quotient" not in name or k < 2]  # that one takes seconds


@pytest.mark.parametrize(("name", "order"), CASES)
def test_rounding_in_the_residual_is_told_in_every_mode(name: str, order: int) -> None:
    residual, p, first = LOSING[name]

    def f(p: Any) -> Any:
        return root(residual, p, 1e-7 if "noise" in name else 1e-5 if "slope" in name else 0.5)

    modes = [
        (lambda f: lambda p: batched(grad(f))(np.array([p, 2.0 * p]))) if order == 1 else lambda f: grad(grad(f)),
        (lambda f: jacfwd(jacfwd(f))) if order == 2 else jacfwd,
        (lambda f: jacfwd(grad(f))) if order == 2 else grad,
        (lambda f: grad(jacfwd(f))) if order == 2 else lambda f: minigrad.compile(grad(f)),
        lambda f: lambda p: derivatives(f, p, order),
    ]
    for mode in modes:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            mode(f)(p)
        told = [w for w in caught if "rounding errors" in str(w.message)]
        assert bool(told) == (order >= first)
        assert all(w.filename == __file__ or w.filename == "<compiled>" for w in told)
