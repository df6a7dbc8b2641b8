"""numpy.linalg against autograd and JAX, on stacks of any shape, and what it refuses."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import assert_close

import minigrad.numpy as mnp
from minigrad import grad, jvp, vjp

rng = np.random.default_rng(11)
A = rng.normal(size=(3, 3)) * 0.3 + np.diag([1.0, 2.0, 3.5])
V = rng.normal(size=(2, 6))
PROGRAMS: dict[str, Any] = {
    "inv": lambda np, x: np.linalg.inv(x),
    "det": lambda np, x: np.linalg.det(x),
    "slogdet": lambda np, x: np.linalg.slogdet(x)[1],
    "solve": lambda np, x: np.linalg.solve(x, x @ x + 1.0),
    "cholesky": lambda np, x: np.linalg.cholesky(x @ x.T),
    "eigh": lambda np, x: np.linalg.eigh(x + x.T)[0] * np.linalg.eigh(x + x.T)[1] ** 2,
    "svd": lambda np, x: np.linalg.svd(x, full_matrices=False)[1] * np.linalg.svd(x, full_matrices=False)[0] ** 2,
    "pinv": lambda np, x: np.linalg.pinv(x),
    "norm": lambda np, x: np.linalg.norm(x, axis=1) * np.linalg.norm(x),
    "nuclear": lambda np, x: np.linalg.norm(x, "nuc"),
    "fft": lambda np, x: np.abs(np.fft.fft(x, 4)),
    "ifft": lambda np, x: np.real(np.fft.ifft(x, axis=0)),
    "rfft": lambda np, x: np.abs(np.fft.rfft(x, 4)),  # autograd has even lengths only
    "irfft": lambda np, x: np.fft.irfft(x[:, :3] * (1 + 0.5j)),
    "fft2": lambda np, x: np.imag(np.fft.fft2(x)),
    "fftshift": lambda np, x: np.fft.fftshift(x) * x,
}


@pytest.mark.parametrize("peer", ["autograd", "jax"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_against_a_peer(name: str, peer: str) -> None:
    pytest.importorskip(peer)
    program = PROGRAMS[name]
    ours = grad(lambda x: mnp.sum(mnp.sin(program(mnp, x))))(A)
    if peer == "autograd":
        import autograd
        import autograd.numpy as anp

        theirs = autograd.grad(lambda x: anp.sum(anp.sin(program(anp, x))))(A)
    else:
        import jax
        import jax.numpy as jnp

        with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
            theirs = jax.grad(lambda x: jnp.sum(jnp.sin(program(jnp, x))))(A)
    assert_close(ours, theirs, 1e-11)


@given(
    lead=st.lists(st.integers(0, 2), max_size=2),
    n=st.integers(1, 3),
    columns=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_stacks_of_any_shape(lead: list[int], n: int, columns: int, seed: int) -> None:
    """inv, det and solve: both modes are adjoint, and a stack is its matrices one by one."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(*lead, n, n)) * 0.2 + 2 * np.eye(n)
    b = generator.normal(size=(n, columns))
    for fun in (np.linalg.inv, np.linalg.det, lambda x: np.linalg.solve(x, b), lambda x: np.linalg.slogdet(x)[1]):
        t = generator.normal(size=x.shape)
        out, pullback = vjp(fun, x)
        c = generator.normal(size=np.shape(out))
        tangent = jvp(fun, (x,), (t,))[1]
        assert abs(np.sum(c * tangent) - np.sum(pullback(c)[0] * t)) <= 1e-10
        for index in np.ndindex(*lead):
            assert_close(tangent[index], jvp(fun, (x[index],), (t[index],))[1], 1e-12, floor=1e-3)


def test_what_has_no_derivative_is_refused_or_told() -> None:
    with pytest.raises(NotImplementedError, match="reduced"):
        grad(lambda x: np.sum(np.linalg.qr(x, mode="raw")[0]))(V.T)
    with pytest.raises(np.linalg.LinAlgError):
        grad(lambda x: np.sum(np.linalg.inv(x)))(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="at least 1"):
        grad(lambda x: np.sum(np.abs(np.fft.fft(x, 0))))(np.ones(3))
    with pytest.raises(TypeError, match="real"):
        grad(lambda x: np.sum(np.abs(np.fft.rfft(x * 1j))))(np.ones(3))
    with pytest.warns(RuntimeWarning, match="eigenvalues coincide"):
        grad(lambda x: np.sum(np.linalg.eigh(x)[1]))(np.eye(2))
    assert grad(lambda x: np.sum(np.linalg.eigvalsh(x) ** 2))(np.eye(2)).tolist() == [[2.0, 0.0], [0.0, 2.0]]


def test_the_determinant_of_singular_matrices_to_second_order() -> None:
    """The cofactors, and their derivatives: det is a polynomial, singular or not."""
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    x[2] = 2 * x[0] - x[1]
    v = np.arange(9.0).reshape(3, 3)
    expected = [
        [np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) * (-1) ** (i + j) for j in range(3)] for i in range(3)
    ]
    assert_close(grad(np.linalg.det)(x), expected, 1e-9)
    assert_close(grad(np.linalg.det)(np.zeros((3, 3))), np.zeros((3, 3)), 1e-15)
    second = jvp(grad(np.linalg.det), (np.zeros((3, 3)),), (v,))[1]
    assert_close(second, np.zeros((3, 3)), 1e-15)
    along = grad(lambda t: grad(lambda s: np.linalg.det(np.zeros((2, 2)) + s * v[:2, :2]))(t))(0.0)
    assert along == pytest.approx(2 * np.linalg.det(v[:2, :2]), rel=1e-12)


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, 2, np.inf])
@pytest.mark.parametrize("shape", [(2, 0), (0, 3), (2, 0, 3), (2, 3, 0)])
def test_norms_of_matrices_without_entries(shape: tuple[int, ...], order: Any) -> None:
    """What NumPy has an answer for has a derivative: an array without entries."""
    norm = lambda x: np.linalg.norm(x, order, axis=(-2, -1))
    x = np.zeros(shape)
    try:
        expected = norm(x)
    except ValueError:  # NumPy has none
        return
    value, pullback = vjp(norm, x)
    assert np.array_equal(value, expected)
    assert pullback(np.ones_like(expected))[0].shape == shape


ORDERS = [None, 0, 1, 2, 3, *([np.inf] if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else [])]


@pytest.mark.parametrize("order", ORDERS)
def test_norms_of_vectors_without_entries(order: Any) -> None:
    value, pullback = vjp(lambda x: np.linalg.norm(x, order), np.zeros(0))
    assert value == np.linalg.norm(np.zeros(0), order) == 0.0
    assert pullback(1.0)[0].shape == (0,)
