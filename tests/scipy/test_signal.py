"""scipy.signal: convolutions."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.stats
from messages import fails
from references import assert_close

import minigrad
from minigrad import batched, compile, grad, jvp  # noqa: A004
from minigrad.scipy import signal
from minigrad.test_util import check_grads

rng = np.random.default_rng(3)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shapes", [((5,), (3,)), ((3,), (5,)), ((4, 3), (2, 2))])
def test_signal(mode: str, shapes: Any) -> None:
    x, y = (rng.normal(size=s) for s in shapes)
    for name in ("convolve", "fftconvolve", "correlate"):
        if name == "correlate" and (mode == "valid" or shapes[0] == (3,)):
            continue  # there SciPy turns the result round
        ours, theirs = getattr(signal, name), getattr(scipy.signal, name)
        assert_close(ours(x, y, mode), theirs(x, y, mode), 1e-12)
        check_grads(lambda x, y, f=ours: f(x, y, mode), (0, 1))(x, y)
    z = x + 1j * x[::-1]
    check_grads(lambda z, y: signal.convolve(z, y, mode), (0, 1))(z, y)


def by_loops(x: Any, y: Any, mode: str, axes: Any, dots: Any) -> Any:
    """The convolution along axes, by SciPy's for every place in the other axes; the summed ones by a loop."""
    rest = [[k for k in range(a.ndim) if k not in (*p, *d)] for a, p, d in zip((x, y), axes, dots)]
    x, y = (np.transpose(a, (*r, *d, *p)) for a, r, d, p in zip((x, y), rest, dots, axes))
    total: Any = None
    for place in np.ndindex(*x.shape[len(rest[0]) : len(rest[0]) + len(dots[0])]):
        parts = [
            scipy.signal.convolve(x[(*i, *place)], y[(*j, *place)], mode)
            for i in np.ndindex(*x.shape[: len(rest[0])])
            for j in np.ndindex(*y.shape[: len(rest[1])])
        ]
        shape = (*x.shape[: len(rest[0])], *y.shape[: len(rest[1])], *parts[0].shape)
        part = np.reshape(parts, shape)
        total = part if total is None else total + part
    return total


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(
    ("shapes", "axes", "dots"),
    [
        (((2, 5), (3,)), ([1], [0]), ([], [])),
        (((5, 2), (3, 4)), ([0], [0]), ([], [])),
        (((2, 5), (2, 3)), ([1], [1]), ([0], [0])),
        (((5, 4, 2), (2, 3, 2)), ([0, 1], [1, 2]), ([2], [0])),
        (((2, 3, 4), (3, 4, 2)), ([], []), ([1, 2], [0, 1])),
        (((3, 5), (6, 3)), ([-1], [-2]), ([0], [1])),
    ],
)
def test_convolution_along_axes(shapes: Any, axes: Any, dots: Any, mode: str) -> None:
    """As in autograd: some axes are convolved, some are summed over, the others stay."""
    x, y = (rng.normal(size=shape) for shape in shapes)
    if mode == "valid" and any(x.shape[a] < y.shape[b] for a, b in zip(*axes)):
        x, y, axes, dots = y, x, axes[::-1], dots[::-1]

    def ours(x: Any, y: Any) -> Any:
        return signal.convolve(x, y, mode, axes=axes, dot_axes=dots)

    plain_axes = [[k % a.ndim for k in part] for a, part in zip((x, y), axes)]
    assert_close(ours(x, y), by_loops(x, y, mode, plain_axes, dots) if axes[0] else ours(x, y), 1e-12)
    if not axes[0]:
        assert_close(ours(x, y), np.tensordot(x, y, dots), 1e-12)
    check_grads(ours, (0, 1))(x, y)

    def total(x: Any) -> Any:
        return np.sum(np.tanh(ours(x, y)))

    assert_close(compile(grad(total))(x), grad(total)(x), 1e-12)
    assert_close(batched(grad(total))(np.stack([x, 2.0 * x]))[1], grad(total)(2.0 * x), 1e-12)
    assert_close(minigrad.hvp(total, x, x), jvp(grad(total), (x,), (x,))[1], 1e-12)


def test_the_axes_of_a_convolution_have_to_fit() -> None:
    x, y = np.ones((2, 5)), np.ones((3, 3))
    fails(ValueError, lambda: grad(lambda x: np.sum(signal.convolve(x, y, axes=([1], [0, 1]))))(x), "do not fit")
    fails(ValueError, lambda: grad(lambda x: np.sum(signal.convolve(x, y, dot_axes=([0], [0]))))(x), "do not fit")
    fails(
        ValueError,
        lambda: grad(lambda x: np.sum(signal.convolve(x, x, axes=([1], [1]), dot_axes=([1], [1]))))(x),
        "is in",
    )
    fails(ValueError, lambda: grad(lambda x: np.sum(signal.convolve(x, y, axes=([2], [0]))))(x), "axes")
