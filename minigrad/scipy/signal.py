"""`scipy.signal`, differentiable: `convolve`, `fftconvolve`, `correlate` of arrays of any number of axes.

A full convolution is bilinear, and its transpose in one argument is the convolution with the other one reversed, cut to
size. The modes "same" and "valid" are parts of the full one.
"""

from __future__ import annotations

from typing import Any

from scipy import signal as _own  # type: ignore[import-untyped]

from minigrad.core.lines import located
from minigrad.core.primitive import bilinear
from minigrad.numpy.dispatch import as_array
from minigrad.rules import shapes as _shapes


def _cut(full: Any, starts: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    return full[tuple(slice(a, a + n) for a, n in zip(starts, shape))]


def _transposed(convolution: Any, g: Any, other: Any, shape: tuple[int, ...]) -> Any:
    full = convolution(g, _shapes.flip(other, axis=None))
    return _cut(full, tuple(n - 1 for n in other.shape), shape)


def _make(name: str, own: Any) -> Any:
    bind: Any = bilinear(
        name,
        lambda x, y: own(x, y),
        lambda g, _ans, _x, y: _transposed(bind, g, y, _x.shape),
        lambda g, _ans, x, _y: _transposed(bind, g, x, _y.shape),
        pattern=lambda p: p.convolved,
    )
    return bind


_direct = _make("convolve", lambda x, y: _own.convolve(x, y, method="direct"))
_fast = _make("fftconvolve", _own.fftconvolve)


def _moded(full: Any, x: Any, y: Any, mode: str) -> Any:
    if len(x.shape) != len(y.shape) or not x.shape:
        raise ValueError(located(f"convolve: the arrays need as many axes, at least one; got {x.shape} and {y.shape}"))
    if mode == "full":
        return full(x, y)
    if mode == "same":
        shape = x.shape
    elif mode == "valid":
        if not (all(m >= n for m, n in zip(x.shape, y.shape)) or all(m <= n for m, n in zip(x.shape, y.shape))):
            raise ValueError(
                located(f"convolve: for mode='valid' one array must fit in the other; got {x.shape}, {y.shape}")
            )
        shape = tuple(abs(m - n) + 1 for m, n in zip(x.shape, y.shape))
    else:
        raise ValueError(located(f'convolve: mode={mode!r} is unknown; use "full", "same" or "valid"'))
    ans = full(x, y)
    return _cut(ans, tuple((k - n) // 2 for k, n in zip(ans.shape, shape)), shape)


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto", **unknown: Any) -> Any:
    """The convolution of two arrays with as many axes.

    Args:
        in1: an array.
        in2: an array with as many axes.
        mode: "full", "same" (the size of `in1`) or "valid".
        method: "direct", "fft" or "auto", as in SciPy.

    Raises:
        TypeError: for the options `axes` and `dot_axes` of autograd: write these with `np.einsum` on windows.

    >>> convolve([1.0, 2.0], [1.0, 1.0, 1.0])
    array([1., 3., 3., 2.])
    """
    if unknown:
        raise TypeError(located(f"convolve: the options {sorted(unknown)} have no rule; convolve along all axes"))
    x, y = as_array(in1), as_array(in2)
    return _moded(_fast if method == "fft" else _direct, x, y, mode)


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """`convolve` by fast Fourier transforms, along all axes."""
    if axes is not None:
        raise NotImplementedError(located("fftconvolve: axes= has no rule; convolve along all axes"))
    return _moded(_fast, as_array(in1), as_array(in2), mode)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """The cross-correlation: the convolution with the reversed conjugate of `in2`."""
    y = _shapes.flip(_shapes.conjugate_if_complex(as_array(in2)), axis=None)
    return convolve(in1, y, mode, method)
