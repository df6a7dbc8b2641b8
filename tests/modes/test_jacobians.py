"""Jacobians and Hessians in one sweep: against row by row, differences, closed forms and peers."""

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close, richardson

import minigrad.numpy as mnp
from minigrad import batched, grad, hessian, hvp, jacfwd, jacobian, jacrev, vjp
from minigrad.modes.batching.stack import Batched

X = np.array([0.5, -1.0, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 4.0]])


def cubic(x: Any) -> Any:
    """sum x^3."""
    return np.sum(x**3)


# ----- what each returns ----------------------------------------------------------------------------------------------


def test_jacobian_shapes_and_values() -> None:
    """Output axes first, input axes last; scalars have no axes."""
    assert_close(jacobian(lambda x: A @ x)(X), A, 1e-15)
    j = jacobian(lambda a: a @ X)(A)
    assert_close(j, np.einsum("ik,j->ikj", np.eye(2), X), 1e-15)
    assert jacobian(cubic)(X).shape == (3,)
    assert jacobian(lambda x: x**2)(3.0) == 6.0
    assert np.shape(jacobian(lambda x: x**2)(3.0)) == ()
    assert jacobian(lambda x: np.outer(x, x))(X).shape == (3, 3, 3)
    assert jacobian(lambda x: x[:0])(X).shape == (0, 3)
    assert jacobian(lambda x: x[:0])(X.astype(np.float32)).dtype == np.float32
    assert jacobian(lambda x: np.ones(2))(X).tolist() == [[0.0] * 3] * 2


def test_jacobian_of_pytrees() -> None:
    """The structure of the output, with the structure of the input at every leaf."""
    j = jacobian(lambda p: {"sum": p["a"] + p["b"], "pair": (p["a"] * p["b"],)})({"a": X, "b": 2 * X})
    assert_close(j["sum"]["a"], np.eye(3), 1e-15)
    assert_close(j["pair"][0]["b"], np.diag(X), 1e-15)
    both = jacobian(lambda x, y: x * y, (0, 1))(X, 2 * X)
    assert_close(both[0], np.diag(2 * X), 1e-15)


def test_hessian() -> None:
    """Second derivatives, of shape S + S."""
    assert_close(hessian(cubic)(X), np.diag(6 * X), 1e-15)
    assert_close(hessian(lambda a: np.sum((a @ X) ** 2))(A), 2 * np.einsum("ik,j,l->ijkl", np.eye(2), X, X), 1e-15)
    assert hessian(lambda x: x**3)(2.0) == 12.0


ALL = [jacobian, jacfwd, jacrev]
rng = np.random.default_rng(3)
M = rng.standard_normal((4, 3))


def row_by_row(fun, x):
    """The Jacobian by one pullback per output; two for complex outputs of real arguments."""
    out, pullback = vjp(fun, x)
    shape = np.shape(out)
    size = int(np.prod(shape))
    units = np.eye(size).reshape(size, *shape)
    if np.iscomplexobj(out) and not np.iscomplexobj(x):
        found = [pullback(e)[0] + 1j * pullback(-1j * e)[0] for e in units]
    else:
        found = [pullback(e)[0] for e in units]
    return np.reshape(found, shape + np.shape(x))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    """By hand: tridiagonal."""
    n = x.size
    H = np.zeros((n, n))
    i = np.arange(n - 1)
    H[i, i] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    H[i + 1, i + 1] += 200
    H[i, i + 1] = H[i + 1, i] = -400 * x[:-1]
    return H


FUNCTIONS = {
    "wide": (lambda x: np.tanh(M @ x), (3,)),
    "tall": (lambda x: np.array([1.0, 2.0, 3.0, 4.0]) * np.sin(x[0] * x[1]) + x[0], (2,)),
    "matrix to matrix": (lambda x: np.linalg.inv(x @ x.T + np.eye(2)), (2, 3)),
    "scalar to scalar": (lambda x: np.sin(x) * x, ()),
    "scalar to array": (lambda x: np.arange(3.0) * x**2, ()),
    "array to scalar": (lambda x: np.sum(x**3), (2, 2)),
    "indexing": (lambda x: x[[0, 2, 0, 1]] * x[1:3].sum() + x[::-1][[0, 0, 1, 2]], (3,)),
    "sort and max": (lambda x: np.sort(x) * np.max(x), (4,)),
    "constant output": (lambda x: np.ones((2, 2)), (3,)),
    "part of it constant": (lambda x: np.concatenate([np.ones(2), x[:1] ** 2]), (3,)),
    "nothing out": (lambda x: x[:0], (3,)),
    "nothing in": (lambda x: np.sum(x) + np.ones(2), (0,)),
    "where": (lambda x: np.where(x > 0, np.sqrt(np.abs(x)), x**2), (5,)),
    "linear solve": (lambda x: np.linalg.solve(np.diag(x) + 1.0, x), (3,)),
    "eigenvalues": (lambda x: np.linalg.eigvalsh(np.outer(x, x) + np.diag(x)), (3,)),
    "fft": (lambda x: np.abs(np.fft.fft(x)), (4,)),
    "cumulative": (lambda x: np.cumsum(x) * np.cumprod(x), (4,)),
    "einsum": (lambda x: np.einsum("i,j,ij->ji", x, x, M[:3]), (3,)),
}


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_row_by_row(function, name) -> None:
    fun, shape = FUNCTIONS[name]
    x = np.asarray(np.random.default_rng(1).uniform(0.3, 1.5, shape))
    expected = row_by_row(fun, x)
    got = function(fun)(x)
    assert np.shape(got) == np.shape(expected)
    assert np.asarray(got).dtype == float
    assert_close(got, expected, 1e-12)
    for chunk_size in (1, 2, 100):
        assert_close(function(fun, chunk_size=chunk_size)(x), expected, 1e-12)


@pytest.mark.parametrize("function", ALL)
def test_against_differences(function) -> None:
    x = rng.standard_normal(3)
    J = function(lambda x: np.tanh(M @ x) * np.linalg.norm(x))(x)
    for k, e in enumerate(np.eye(3)):
        expected = richardson(lambda t, e=e: np.tanh(M @ (x + t * e)) * np.linalg.norm(x + t * e))
        assert_close(J[:, k], expected, 1e-9)


@pytest.mark.parametrize("function", ALL)
def test_is_one_sweep(function, monkeypatch) -> None:
    """No examples part ways, and the function runs once."""
    monkeypatch.setattr(Batched, "differ", None)
    calls = []
    J = function(lambda x: (calls.append(0), np.tanh(M @ x) * np.logaddexp(x[0], x[1]))[1])(np.ones(3))
    assert J.shape == (4, 3)
    assert len(calls) == 1


def test_jacobian_takes_the_shorter_side(monkeypatch) -> None:
    """Many outputs of few inputs forward, few outputs of many inputs backward, complex ones backward."""

    from minigrad.modes import jacobians

    monkeypatch.setattr(jacobians, "rows", lambda *_: "backward")
    monkeypatch.setattr(jacobians, "columns", lambda *_: "forward")
    x = np.ones(3)
    assert jacobian(lambda x: np.outer(x, x))(x) == "forward"
    assert jacobian(lambda x: x[:2])(x) == "backward"
    assert jacobian(lambda x: x)(x) == "backward"
    assert jacobian(lambda x: np.outer(x, x) * 1j)(x) == "backward"
    assert jacobian(lambda x, y: np.outer(x, y), (0, 1))(x, x) == "forward"


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.complex64])
def test_dtypes(function, dtype) -> None:
    """The entries have the dtype of the argument; of complex ones the convention is that of `grad`."""
    x = (
        (rng.standard_normal(3) + 1j * rng.standard_normal(3)).astype(dtype)
        if dtype != np.float32
        else M[0].astype("f")
    )
    for fun in (
        lambda x: x * x,
        lambda x: np.real(x) ** 2 + np.imag(x),
        lambda x: np.abs(x),
        lambda x: np.conj(x) * x[0],
    ):
        got = function(fun)(x)
        assert got.dtype == dtype
        assert_close(got, row_by_row(fun, x), 1e-5)


@pytest.mark.parametrize("function", ALL)
def test_complex_outputs_of_real_arguments(function) -> None:
    x = rng.standard_normal(3)
    got = function(lambda x: np.exp(1j * x) * x[0])(x)
    assert got.dtype == complex
    assert_close(got, row_by_row(lambda x: np.exp(1j * x) * x[0], x), 1e-13)
    assert_close(got, row_by_row(lambda x: np.cos(x) * x[0], x) + 1j * row_by_row(lambda x: np.sin(x) * x[0], x), 1e-13)


@pytest.mark.parametrize("function", ALL)
def test_structures_and_argnum(function) -> None:
    def fun(p, y, label="text"):
        return {"out": p["a"] * y, "sum": (np.sum(p["b"]) * y[0], None)}

    p, y = {"a": np.arange(3.0), "b": np.ones((2, 2)), "name": "text"}, np.array([1.0, 2.0, 3.0])
    J = function(fun)(p, y, label="other")
    assert_close(J["out"]["a"], np.diag(y), 1e-14)
    assert_close(J["out"]["b"], np.zeros((3, 2, 2)), 1e-14)
    assert_close(J["sum"][0]["b"], np.ones((2, 2)), 1e-14)
    assert J["sum"][1] is None
    assert J["out"]["name"] == "text"
    J = function(fun, argnum=(1, 0))(p, y)
    assert_close(J["out"][0], np.diag(p["a"]), 1e-14)
    assert_close(J["out"][1]["a"], np.diag(y), 1e-14)


@pytest.mark.parametrize("function", ALL)
def test_names_and_errors(function) -> None:
    def model(x):
        """Of a thing."""
        return x

    assert function(model).__name__ == f"{function.__name__}_model"
    assert "Of a thing." in function(model).__doc__
    with pytest.raises(TypeError, match=f"{function.__name__}: argument x .* integers have no derivative"):
        function(model)(np.int64(3))
    with pytest.raises(TypeError, match="returned a str"):
        function(lambda x: "text")(1.0)
    with pytest.raises(ValueError, match="chunk_size is a whole number of at least 1, not 0"):
        function(model, chunk_size=0)(np.ones(3))


@pytest.mark.parametrize("function", ALL)
def test_results_are_arrays_of_their_own(function) -> None:
    x, constant = np.ones(3), np.ones((3, 3))
    for fun in (lambda x: x, lambda x: constant @ x, lambda x: constant[0], lambda x: x[0]):
        J = function(fun)(x)
        assert J.flags.writeable
        assert not np.shares_memory(J, x)
        assert not np.shares_memory(J, constant)


@pytest.mark.parametrize("function", ALL)
def test_values_that_rows_do_not_share(function) -> None:
    """A rule that asks for values of the cotangent or tangent: row by row, with the same result."""
    from minigrad.extend import defjvp, defvjp, primitive

    @primitive
    def squared(x):
        return x * x

    defvjp(squared, lambda ans, x: lambda g: 2.0 * x * g if g[0] > 0.5 else (x + x) * g)
    defjvp(squared, lambda t, ans, x: 2.0 * x * t if t[0] > 0.5 else (x + x) * t)
    x = np.array([1.0, 2.0, 3.0])
    assert_close(function(lambda x: squared(x) * x)(x), np.diag(3 * x**2), 1e-13)


def test_special_points_warn_as_row_by_row() -> None:
    with pytest.warns(RuntimeWarning, match="sqrt"):
        J = jacrev(lambda x: np.sqrt(x))(np.array([0.0, 1.0]))
    assert_close(J[1], [0.0, 0.5], 1e-14)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        one_by_one = row_by_row(np.sqrt, np.array([0.0, 1.0]))
    assert found
    np.testing.assert_array_equal(J, one_by_one)


@given(
    shape_in=st.sampled_from([(), (1,), (3,), (2, 2)]),
    shape_out=st.sampled_from([(), (1,), (2,), (2, 3)]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_modes_agree(shape_in, shape_out, seed) -> None:
    generator = np.random.default_rng(seed)
    n, m = int(np.prod(shape_in)), int(np.prod(shape_out))
    weights, x = generator.normal(size=(2, m, n)), generator.normal(size=shape_in)

    def fun(x):
        flat = mnp.reshape(x, (-1,))
        return mnp.reshape(np.sin(weights[0] @ flat) * (weights[1] @ flat**2), shape_out)

    reference = row_by_row(fun, x)
    for function in ALL:
        assert_close(function(fun)(x), reference, 1e-11, floor=1e-6)


# ----- second derivatives ---------------------------------------------------------------------------------------------


def test_hessian_of_rosenbrock(monkeypatch) -> None:
    """In one pass, and the function is called once."""
    monkeypatch.setattr(Batched, "differ", None)
    calls = []
    x = np.linspace(-1.0, 1.0, 30)
    H = hessian(lambda x: (calls.append(0), rosenbrock(x))[1])(x)
    assert_close(H, rosenbrock_hessian(x), 1e-13)
    assert len(calls) == 1
    v = rng.standard_normal(30)
    assert_close(hvp(rosenbrock, x, v), H @ v, 1e-12)


def test_hessian_of_arrays_and_structures() -> None:
    x = rng.standard_normal((2, 2))
    H = hessian(lambda x: x @ x)(x)
    assert H.shape == (2, 2, 2, 2, 2, 2)
    assert_close(H, jacrev(jacrev(lambda x: x @ x))(x), 1e-12)
    H = hessian(lambda p, q: np.sum(p["a"] ** 2 * q), (0, 1))({"a": np.ones(2)}, np.arange(2.0))
    assert_close(H[0]["a"][0]["a"], np.diag(2 * np.arange(2.0)), 1e-14)
    assert_close(H[0]["a"][1], np.diag([2.0, 2.0]), 1e-14)
    assert_close(H[1][1], np.zeros((2, 2)), 1e-14)
    for chunk_size in (1, 3):
        assert_close(hessian(rosenbrock, chunk_size=chunk_size)(np.ones(5)), rosenbrock_hessian(np.ones(5)), 1e-13)


def test_hessian_is_symmetric_and_converges() -> None:
    """Newton's method finds the minimum of Rosenbrock's function."""
    x = np.full(10, 1.2)
    for _ in range(30):
        x = x - np.linalg.solve(hessian(rosenbrock)(x), grad(rosenbrock)(x))
    assert_close(x, np.ones(10), 1e-12)


def test_complex_hessian() -> None:
    z = np.array([1.0 + 2.0j, 0.5 - 1.0j])
    assert_close(hessian(lambda z: np.real(z[0] ** 2 * z[1]))(z), [[2 * z[1], 2 * z[0]], [2 * z[0], 0]], 1e-13)


@pytest.mark.parametrize("name", ["autograd", "jax"])
def test_against_peers(name) -> None:
    peer = pytest.importorskip(name)
    np_ = pytest.importorskip(f"{name}.numpy")
    if name == "jax":
        peer.config.update("jax_enable_x64", True)
    x = rng.standard_normal(4)

    def model(np):
        return lambda x: np.tanh(M.T @ x) * np.sum(np.sin(x)) + x[:3] ** 3

    assert_close(jacobian(model(np))(x), np.asarray(peer.jacobian(model(np_))(x)), 1e-12)
    loss = lambda np: lambda x: np.sum(np.exp(-(x**2)) * np.prod(x)) + np.max(x) ** 2
    assert_close(hessian(loss(np))(x), np.asarray(peer.hessian(loss(np_))(x)), 1e-12)
    if name == "jax":
        xs = rng.standard_normal((5, 4))
        assert_close(batched(grad(loss(np)))(xs), np.asarray(peer.vmap(peer.grad(loss(np_)))(xs)), 1e-12)
        assert_close(batched(hessian(loss(np)))(xs), np.asarray(peer.vmap(peer.hessian(loss(np_)))(xs)), 1e-11)


# ----- memory ---------------------------------------------------------------------------------------------------------


def test_chunks_bound_the_memory() -> None:
    """Of a Jacobian of few outputs with large intermediate values the sweep is the larger part."""

    def fun(x):
        wide = np.sin(np.outer(np.arange(1.0, 2001.0), x))
        return np.sum(wide * wide, axis=0)

    x = np.ones(40)
    peaks = []
    for chunk_size in (40, 2):
        tracemalloc.start()
        jacrev(fun, chunk_size=chunk_size)(x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] / 3


def test_many_rows_are_swept_in_chunks(monkeypatch) -> None:
    """By default no batched operation takes more than a fixed number of bytes."""
    from minigrad.modes import jacobians
    from minigrad.modes.batching import stack

    sizes = []
    level = stack.Level
    monkeypatch.setattr(jacobians, "Level", lambda size: (sizes.append(size), level(size))[1])
    monkeypatch.setattr(jacobians, "ROOM", 8 * 100 * 30)
    assert_close(jacrev(lambda x: x * x)(np.ones(100)), 2 * np.eye(100), 1e-14)
    assert sizes == [30, 30, 30, 10]
    sizes.clear()
    assert_close(batched(jacrev(lambda x: x * x))(np.ones((3, 100))), np.stack([2 * np.eye(100)] * 3), 1e-14)
    assert sizes == [10] * 10  # of three examples each
