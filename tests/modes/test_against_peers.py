"""Composite programs against HIPS autograd, JAX and PyTorch: gradients and Hessians, to 1e-10 of their largest entry.

The programs are written once, for a namespace: NumPy's functions for minigrad and autograd, jax.numpy for JAX, and a
small namespace with NumPy's names for PyTorch. A peer that is not installed is skipped.
"""

import functools
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from references import assert_close, difference_gradient

import minigrad.numpy
from minigrad import grad, hvp

TOLERANCE = 1e-10
rng = numpy.random.default_rng(12)

W1, B1, W2 = rng.normal(size=(4, 3)), rng.normal(size=(4, 1)), rng.normal(size=(2, 4))
DATA = rng.normal(size=(3, 7))
Y = numpy.eye(2)[rng.integers(0, 2, 7)].T
S = rng.normal(size=(3, 3))


def network(np: Any, w: Any) -> Any:
    """A network with one layer of arctan and the logistic loss."""
    z = W2 @ np.arctan(w @ DATA + B1)
    return np.sum(np.log(np.sum(np.exp(z), 0))) - np.sum(z * Y)


def softmax(np: Any, w: Any) -> Any:
    """Cross-entropy, stabilised by hand."""
    z = np.transpose(w @ DATA)
    e = np.exp(z - np.max(z, 1)[:, None])
    p = e / np.sum(e, 1)[:, None]
    return -np.sum(np.log(p[:, 0] + 0.5) * p[:, 1])


def recurrence(np: Any, w: Any) -> Any:
    """Ten steps of a nonlinear recurrence."""
    h = np.tanh(w[:, 0])
    for _ in range(10):
        h = np.tanh(w[:3] @ h[:3] + 0.1 * w[3])[:3]
    return np.sum(h * h)


def kernel(np: Any, w: Any) -> Any:
    """A Gaussian kernel over all pairs of rows."""
    d = w[:, None, :] - w[None, :, :]
    return np.sum(np.exp(-np.sum(d * d, 2)))


def quadratic(np: Any, w: Any) -> Any:
    """A quadratic form by einsum, with a repeated operand."""
    return np.einsum("ij,jk,ik->", w, S, w) + np.einsum("ij->", w * w * w)


def convolution(np: Any, w: Any) -> Any:
    """Products of shifted slices."""
    return np.sum((w[1:, :-1] * w[:-1, 1:] - w[1:, 1:]) ** 2) + np.sum(w[::2] * w[1::2])


def energy(np: Any, w: Any) -> Any:
    """Lennard-Jones energy of points, by distances."""
    d = w[:, None, :] - w[None, :, :]
    r2 = np.sum(d * d, 2) + numpy.eye(4) * 2.0
    return np.sum((1.0 / r2) ** 6 - (1.0 / r2) ** 3)


def moments(np: Any, w: Any) -> Any:
    """Mean, variance, skewness."""
    m = np.sum(w, 0) / 4
    c = w - m
    v = np.sum(c * c, 0) / 3
    return np.sum(np.sum(c * c * c, 0) / v**1.5 + np.log(v) + np.sqrt(v))


def rosenbrock(np: Any, w: Any) -> Any:
    """The valley of Rosenbrock in twelve dimensions."""
    x = np.reshape(w, (12,))
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def piecewise(np: Any, w: Any) -> Any:
    """Branches, maxima, absolute values."""
    return np.sum(np.where(w > 0.1, np.sin(w), w**2) + np.maximum(w, 0.2) * np.abs(w - 0.05))


def gather(np: Any, w: Any) -> Any:
    """Repeated positions."""
    i, j = numpy.array([0, 1, 1, 3, 0]), numpy.array([2, 0, 0, 1, 2])
    return np.sum(w[i, j] ** 3) + np.sum(w[i] * w[j])


def trigonometry(np: Any, w: Any) -> Any:
    """A chain of elementary functions."""
    u = np.sin(w) * np.cosh(w) + np.tan(0.3 * w) - np.arctan(w * 2)
    return np.sum(np.sqrt(u * u + 1) + np.log1p(u * u) + np.sinh(0.5 * u) * np.exp(-u * u))


def ode(np: Any, w: Any) -> Any:
    """Runge-Kutta steps of a linear oscillator with a cubic term."""
    a, x = w[:3] @ np.transpose(w[:3]), w[3]
    for _ in range(4):
        k1 = -(a @ x) - x**3
        k2 = -(a @ (x + 0.05 * k1)) - (x + 0.05 * k1) ** 3
        x = x + 0.1 * k2
    return np.sum(x * x)


def stacked(np: Any, w: Any) -> Any:
    """Joining, tiling by broadcasting, batches of products."""
    pair = np.stack([w, w * w])
    both = np.concatenate([pair, pair[:, ::1] + 1.0], 1)
    return np.sum(np.matmul(np.transpose(both, (0, 2, 1)), both) ** 2) / 100


PROGRAMS: list[Callable[[Any, Any], Any]] = [
    network, softmax, recurrence, kernel, quadratic, convolution, energy, moments, rosenbrock, piecewise, gather,
    trigonometry, ode, stacked,
]  # fmt: skip
programs = pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
W = rng.uniform(0.2, 1.0, (4, 3)) * rng.choice([-1.0, 1.0], (4, 3))
V = rng.normal(size=(4, 3))


@functools.cache
def ours(program: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """Gradient and Hessian-vector product by minigrad."""

    def fun(w: Any) -> Any:
        return program(minigrad.numpy, w)

    return grad(fun)(W), hvp(fun, W, V)


@programs
def test_against_differences(program: Callable[[Any, Any], Any]) -> None:
    """Without any peer: finite differences of the program in plain NumPy."""
    (expected,) = difference_gradient(lambda w: program(numpy, w), (W,), step=0.004)
    assert_close(ours(program)[0], expected, 1e-8)


@programs
def test_against_autograd(program: Callable[[Any, Any], Any]) -> None:
    """HIPS autograd."""
    autograd = pytest.importorskip("autograd", reason="autograd is not installed")
    import autograd.numpy as anp

    def fun(w: Any) -> Any:
        return program(anp, w)

    assert_close(ours(program)[0], autograd.grad(fun)(W), TOLERANCE)
    assert_close(ours(program)[1], autograd.hessian_vector_product(fun)(W, V), TOLERANCE)


@programs
def test_against_jax(program: Callable[[Any, Any], Any]) -> None:
    """JAX in double precision, on the CPU."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jax.config.update("jax_enable_x64", True)

    # Constants in JAX's own arrays, so that `constant @ traced` is JAX's operation in every version.
    def fun(w: Any) -> Any:
        return program(jax.numpy, w)

    # One compilation for both: the gradient, and its derivative in the direction V.
    gradient, product = jax.jit(lambda w, v: jax.jvp(jax.grad(fun), (w,), (v,)))(W, V)
    assert_close(ours(program)[0], gradient, TOLERANCE)
    assert_close(ours(program)[1], product, TOLERANCE)


def torch_namespace(torch: Any) -> Any:
    """PyTorch under NumPy's names, as far as the programs need them."""

    def transpose(x: Any, axes: Any = None) -> Any:
        return x.permute(*(axes or reversed(range(x.ndim))))

    names = [
        "exp",
        "log",
        "log1p",
        "sqrt",
        "sin",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "arctan",
        "abs",
        "where",
        "stack",
        "concatenate",
        "reshape",
        "matmul",
        "einsum",
    ]
    namespace = SimpleNamespace(**{name: getattr(torch, name) for name in names})
    namespace.sum = lambda x, axis=None: torch.sum(x) if axis is None else torch.sum(x, axis)
    namespace.max = lambda x, axis: torch.amax(x, axis)
    namespace.maximum = lambda x, y: torch.clamp(x, min=y)
    namespace.transpose = transpose
    return namespace


@programs
def test_against_torch(program: Callable[[Any, Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch; constants become tensors, since its products take nothing else."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for constant in ("W1", "B1", "W2", "DATA", "Y", "S"):
        monkeypatch.setitem(program.__globals__, constant, torch.tensor(globals()[constant]))
    if program is energy:
        monkeypatch.setattr(numpy, "eye", lambda n: torch.eye(n, dtype=torch.float64))
    namespace = torch_namespace(torch)
    w, v = torch.tensor(W, requires_grad=True), torch.tensor(V)
    (gradient,) = torch.autograd.grad(program(namespace, w), w, create_graph=True)
    (product,) = torch.autograd.grad(torch.sum(gradient * v), w)
    monkeypatch.undo()
    assert_close(ours(program)[0], gradient.detach().numpy(), TOLERANCE)
    assert_close(ours(program)[1], product.numpy(), TOLERANCE)
