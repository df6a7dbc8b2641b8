"""The discrete Fourier transforms of `numpy.fft`, differentiable.

All are linear, and the matrix of a Fourier transform is symmetric: the transpose of a transform is a transform of the
same direction and norm, cut where the transform pads and padded where it cuts. `rfft` is the first half of `fft`.
`irfft` is `ifft` of a Hermitian completion: linear over the reals, each inner frequency counting twice, the imaginary
parts of the first (and, for even lengths, the last) not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad.core.lines import located
from minigrad.core.primitive import linear
from minigrad.core.tape import peel
from minigrad.numpy.dispatch import as_array, as_function, axis_index, check_options
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import shapes as _shapes


def _along(axis: int, index: Any) -> Any:
    return (*(slice(None),) * axis, index)


def _fitted(a: Any, n: int, axis: int) -> Any:
    """Cut, or padded with zeros, to n entries along an axis."""
    size = a.shape[axis]
    if n <= size:
        return a if n == size else a[_along(axis, slice(0, n))]
    zeros = _np.zeros((*a.shape[:axis], n - size, *a.shape[axis + 1 :]), peel(a).dtype)
    return _moving.concatenate(a, zeros, axis=axis)


# ----- the primitives: along one axis, of arrays that have the right length -------------------------------------------

_fft: Any = linear(
    "fft",
    lambda x, axis, norm: _np.fft.fft(x, axis=axis, norm=norm),
    lambda g, _ans, _x, axis, norm: _fft(g, axis=axis, norm=norm),
    pattern=lambda p: p.transformed,
)
_ifft: Any = linear(
    "ifft",
    lambda x, axis, norm: _np.fft.ifft(x, axis=axis, norm=norm),
    lambda g, _ans, _x, axis, norm: _ifft(g, axis=axis, norm=norm),
    pattern=lambda p: p.transformed,
)
_rfft: Any = linear(
    "rfft",
    lambda x, axis, norm: _np.fft.rfft(x, axis=axis, norm=norm),
    lambda g, _ans, _x, axis, norm: _e.real(_fft(_fitted(g, _x.shape[axis], axis), axis=axis, norm=norm)),
    pattern=lambda p: p.transformed,
)


def _irfft_transposed(g: Any, _ans: Any, _x: Any, n: int, axis: int, norm: Any) -> Any:
    counts = _np.full(_x.shape[axis], 2.0, g.dtype)
    counts[0] = 1.0
    if n % 2 == 0:
        counts[n // 2] = 1.0
    half = _fitted(_ifft(g, axis=axis, norm=norm), _x.shape[axis], axis)
    return half * counts.reshape((-1,) + (1,) * (len(_x.shape) - axis - 1))


_irfft: Any = linear(
    "irfft",
    lambda x, n, axis, norm: _np.fft.irfft(x, n, axis, norm),
    _irfft_transposed,
    pattern=lambda p: p.transformed,
)

# ----- the public functions -------------------------------------------------------------------------------------------


def _points(operation: str, n: Any) -> int:
    if n < 1:
        raise ValueError(located(f"{operation}: the number of points must be at least 1, not {n}"))
    return int(n)


def _complex(own: Callable[..., Any], primitive: Callable[..., Any]) -> Callable[..., Any]:
    """fft and ifft along one axis."""

    def rule(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
        check_options(own.__name__, out)
        a = as_array(a)
        axis = axis_index(axis, a)
        n = _points(own.__name__, a.shape[axis] if n is None else n)
        return primitive(_fitted(a, n, axis), axis=axis, norm=norm)

    return as_function(own)(rule)


fft, ifft = _complex(_np.fft.fft, _fft), _complex(_np.fft.ifft, _ifft)


@as_function(_np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    check_options("rfft", out)
    a = as_array(a)
    if peel(a).dtype.kind == "c":
        raise TypeError(located("rfft: the array must be real; use fft, or take np.real(x) first"))
    axis = axis_index(axis, a)
    n = _points("rfft", a.shape[axis] if n is None else n)
    return _rfft(_fitted(a, n, axis), axis=axis, norm=norm)


@as_function(_np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    check_options("irfft", out)
    a = _to_complex(as_array(a))
    axis = axis_index(axis, a)
    n = _points("irfft", 2 * (a.shape[axis] - 1) if n is None else n)
    return _irfft(_fitted(a, n // 2 + 1, axis), n=n, axis=axis, norm=norm)


def _to_complex(a: Any) -> Any:
    dtype = peel(a).dtype
    return a if dtype.kind == "c" else _moving.cast(a, _np.result_type(dtype, _np.complex64))


_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _swapped(norm: Any) -> str:
    if norm not in _SWAPPED:
        raise ValueError(located(f'fft: norm={norm!r} is unknown; use "backward", "ortho" or "forward"'))
    return _SWAPPED[norm]


@as_function(_np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    check_options("hfft", out)
    return irfft(_shapes.conjugate_if_complex(as_array(a)), n, axis, _swapped(norm))


@as_function(_np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    check_options("ihfft", out)
    return _shapes.conjugate_if_complex(rfft(a, n, axis, _swapped(norm)))


def _sizes_and_axes(operation: str, a: Any, s: Any, axes: Any) -> tuple[list[Any], list[int]]:
    """The number of points (None: as many as there are) and the axis of each one-dimensional transform."""
    if axes is None:
        axes = list(range(len(a.shape))) if s is None else list(range(-len(s), 0))
    axes = [axis_index(axis, a) for axis in axes]
    sizes = [None] * len(axes) if s is None else [None if n is None or n == -1 else int(n) for n in s]
    if len(sizes) != len(axes):
        raise ValueError(located(f"{operation}: s has {len(sizes)} entries and axes has {len(axes)}; give as many"))
    return sizes, axes


def _several(own: Callable[..., Any], single: Callable[..., Any], all_axes: Any) -> Callable[..., Any]:
    """fftn, ifftn, fft2 and ifft2: one axis after the other."""

    def rule(a: Any, s: Any = None, axes: Any = all_axes, norm: Any = None, out: Any = None) -> Any:
        check_options(own.__name__, out)
        a = as_array(a)
        for n, axis in reversed(list(zip(*_sizes_and_axes(own.__name__, a, s, axes)))):
            a = single(a, n, axis, norm)
        return a

    return as_function(own)(rule)


fftn, ifftn = _several(_np.fft.fftn, fft, None), _several(_np.fft.ifftn, ifft, None)
fft2, ifft2 = _several(_np.fft.fft2, fft, (-2, -1)), _several(_np.fft.ifft2, ifft, (-2, -1))


def _several_real(own: Callable[..., Any], forwards: bool, all_axes: Any) -> Callable[..., Any]:
    """rfftn, irfftn, rfft2 and irfft2: the last axis is real on one side."""

    def rule(a: Any, s: Any = None, axes: Any = all_axes, norm: Any = None, out: Any = None) -> Any:
        check_options(own.__name__, out)
        a = as_array(a)
        sizes, axes = _sizes_and_axes(own.__name__, a, s, axes)
        if forwards:
            a = rfft(a, sizes[-1], axes[-1], norm)
        for n, axis in zip(sizes[:-1], axes[:-1]):
            a = (fft if forwards else ifft)(a, n, axis, norm)
        return a if forwards else irfft(a, sizes[-1], axes[-1], norm)

    return as_function(own)(rule)


rfftn, irfftn = _several_real(_np.fft.rfftn, True, None), _several_real(_np.fft.irfftn, False, None)
rfft2, irfft2 = _several_real(_np.fft.rfft2, True, (-2, -1)), _several_real(_np.fft.irfft2, False, (-2, -1))


def _shift(own: Callable[..., Any], sign: int) -> Callable[..., Any]:
    def rule(x: Any, axes: Any = None) -> Any:
        x = as_array(x)
        axes = tuple(range(len(x.shape))) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
        shift = tuple(sign * (x.shape[axis] // 2) for axis in axes)
        return _moving.roll(x, shift=shift, axis=axes)

    return as_function(own)(rule)


fftshift, ifftshift = _shift(_np.fft.fftshift, 1), _shift(_np.fft.ifftshift, -1)


def __getattr__(name: str) -> Any:
    return getattr(_np.fft, name)


def __dir__() -> list[str]:
    return dir(_np.fft)
