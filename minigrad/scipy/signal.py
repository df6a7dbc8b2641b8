"""`scipy.signal`, differentiable: `convolve`, `fftconvolve`, `correlate` of arrays of any number of axes.

A full convolution is bilinear, and its transpose in one argument is the convolution with the other one reversed, cut to
size. The modes "same" and "valid" are parts of the full one.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from scipy import signal as _own  # type: ignore[import-untyped]

from minigrad.core.duck_arrays import Performed
from minigrad.core.lines import located
from minigrad.core.primitive import bilinear as _bilinear
from minigrad.core.tape import refusal
from minigrad.numpy.dispatch import as_array
from minigrad.rules import moving as _moving
from minigrad.rules import products as _products
from minigrad.rules import shapes as _shapes

_plain: Any = Performed(_own)


def _cut(full: Any, starts: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    return full[tuple(slice(a, a + n) for a, n in zip(starts, shape))]


def _transposed_convolution(convolution: Any, g: Any, other: Any, shape: tuple[int, ...]) -> Any:
    full = convolution(g, _shapes.flip(other, axis=None))
    return _cut(full, tuple(n - 1 for n in other.shape), shape)


def _make(name: str, own: Any) -> Any:
    bind: Any = _bilinear(
        name,
        lambda x, y: own(x, y),
        lambda g, _ans, _x, y: _transposed_convolution(bind, g, y, _x.shape),
        lambda g, _ans, x, _y: _transposed_convolution(bind, g, x, _y.shape),
        pattern=lambda p: p.convolved,
    )
    return bind


_direct = _make("convolve", lambda x, y: _plain.convolve(x, y, method="direct"))
_fast = _make("fftconvolve", _plain.fftconvolve)


def _moded(full: Any, x: Any, y: Any, mode: str) -> Any:
    if len(x.shape) != len(y.shape) or not x.shape:
        raise ValueError(located(f"convolve: the arrays need as many axes, at least one; got {x.shape} and {y.shape}"))
    starts, shape = _part(x.shape, y.shape, mode)
    ans = full(x, y)
    return ans if mode == "full" else _cut(ans, starts, shape)


def _part(m: tuple[int, ...], n: tuple[int, ...], mode: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where the part of the full convolution begins that the mode asks for, and its shape."""
    whole = tuple(a + b - 1 for a, b in zip(m, n))
    if mode == "full":
        shape = whole
    elif mode == "same":
        shape = m
    elif mode == "valid":
        if not (all(a >= b for a, b in zip(m, n)) or all(a <= b for a, b in zip(m, n))):
            raise ValueError(located(f"convolve: for mode='valid' one array must fit in the other; got {m}, {n}"))
        shape = tuple(abs(a - b) + 1 for a, b in zip(m, n))
    else:
        raise ValueError(located(f'convolve: mode={mode!r} is unknown; use "full", "same" or "valid"'))
    return tuple((a - b) // 2 for a, b in zip(whole, shape)), shape


def convolve(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto", axes: Any = None, dot_axes: Any = None
) -> Any:
    """The convolution of two arrays with as many axes; with autograd's options, along some of their axes.

    Args:
        in1: An array.
        in2: Another one.
        mode: "full", "same" (the size of `in1`) or "valid".
        method: "direct", "fft" or "auto", as in SciPy.
        axes: Two lists of axes, of `in1` and of `in2`, along which they are convolved, as in `autograd.scipy.signal`;
            None for all.
        dot_axes: Two lists of axes over which the products are summed, as in `np.tensordot`; None for none.

    Returns:
        The convolution. With `axes` or `dot_axes` its axes are those of `in1` that are neither convolved nor summed,
        then those of `in2`, then those of the convolution.

    Raises:
        ValueError: If the arrays, the mode, the method or the axes do not fit.

    >>> convolve([1.0, 2.0], [1.0, 1.0, 1.0])
    array([1., 3., 3., 2.])
    >>> convolve([[1.0, 2.0], [0.0, 1.0]], [1.0, 1.0], axes=([1], [0]))
    array([[1., 3., 2.],
           [0., 1., 1.]])
    """
    x, y = as_array(in1), as_array(in2)
    if method not in ("auto", "direct", "fft"):
        raise ValueError(located(f'convolve: method={method!r} is unknown; use "auto", "direct" or "fft"'))
    if axes is None and dot_axes is None:
        return _moded(_fast if method == "fft" else _direct, x, y, mode)
    return _along(x, y, mode, axes, dot_axes)


def _along(x: Any, y: Any, mode: str, axes: Any, dot_axes: Any) -> Any:
    """The convolution along some axes: a product of a window of the larger array for each place in the smaller one."""
    dots = [_axes("dot_axes", part, a) for part, a in zip(dot_axes or ((), ()), (x, y), strict=True)]
    if axes is None:
        axes = [[k for k in range(len(a.shape)) if k not in part] for a, part in zip((x, y), dots)]
    along = [_axes("axes", part, a) for part, a in zip(axes, (x, y), strict=True)]
    if len(along[0]) != len(along[1]) or [x.shape[k] for k in dots[0]] != [y.shape[k] for k in dots[1]]:
        raise ValueError(
            located(f"convolve: axes={axes!r} and dot_axes={dot_axes!r} do not fit the shapes {x.shape} and {y.shape}")
        )
    if any(set(part) & set(dot) for part, dot in zip(along, dots)):
        raise ValueError(located(f"convolve: an axis is in axes={axes!r} and in dot_axes={dot_axes!r}"))
    rest = [[k for k in range(len(a.shape)) if k not in (*p, *d)] for a, p, d in zip((x, y), along, dots)]
    x = _shapes.transpose(x, axes=(*rest[0], *dots[0], *along[0]))
    y = _shapes.transpose(y, axes=(*rest[1], *dots[1], *along[1]))
    n, summed = len(along[0]), len(dots[0])
    sizes = [a.shape[len(a.shape) - n :] for a in (x, y)]
    starts, shape = _part(sizes[0], sizes[1], mode)
    swap = math.prod(sizes[0]) < math.prod(sizes[1])
    large, small, few = (y, x, sizes[0]) if swap else (x, y, sizes[1])
    padding = [(0, 0)] * (len(large.shape) - n) + [(k - 1, k - 1) for k in few]
    large = _moving.pad(large, pad_width=np.array(padding), mode="constant")
    free = [len(a.shape) - summed - n for a in (large, small)]
    dot = tuple(range(free[0], free[0] + summed)), tuple(range(free[1], free[1] + summed))
    total: Any = None
    for place in itertools.product(*map(range, few)):
        window = tuple([slice(a + k - 1 - p, a + k - 1 - p + size) for a, k, p, size in zip(starts, few, place, shape)])
        part = _products.tensordot(large[(..., *window)], small[(..., *place)], axes=dot)
        total = part if total is None else total + part
    of_large, of_window = list(range(free[0])), list(range(free[0], free[0] + n))
    of_small = list(range(free[0] + n, sum(free) + n))
    order = (of_small + of_large if swap else of_large + of_small) + of_window
    return _shapes.transpose(total, axes=tuple(order))


def _axes(name: str, axes: Any, a: Any) -> list[int]:
    return list(np.lib.array_utils.normalize_axis_tuple(axes, len(a.shape), name))


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """`convolve` by fast Fourier transforms, along all axes."""
    if axes is not None:
        raise refusal(NotImplementedError, "fftconvolve: axes= has no rule; convolve along all axes")
    return _moded(_fast, as_array(in1), as_array(in2), mode)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """The cross-correlation: the convolution with the reversed conjugate of `in2`."""
    y = _shapes.flip(_shapes.conjugate_if_complex(as_array(in2)), axis=None)
    return convolve(in1, y, mode, method)
