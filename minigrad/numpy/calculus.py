"""NumPy's rules for differences, convolutions, interpolation and quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad.core.duck_arrays import entries
from minigrad.core.lines import located
from minigrad.core.primitive import bilinear as _bilinear
from minigrad.core.tape import Box, peel
from minigrad.numpy import functions as _f
from minigrad.numpy.arguments import in_floats, index_along, normalised_axes
from minigrad.numpy.dispatch import as_array, as_function, axis_index, laid_as
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import shapes as _shapes

# ----- convolution ----------------------------------------------------------------------------------------------------
# Both sums run over all j for which the indices exist:
#   _convolve(x, y)[k] = sum_j x[k - j] y[j],    _slide(x, y)[k] = sum_j x[k + j] y[j]  (x is not shorter than y).
# Each is the transpose of the other.

_convolve: Callable[..., Any] = _bilinear(
    "convolve",
    lambda x, y: _np.convolve(x, y),
    lambda g, _ans, _x, y: _slide(g, y),
    lambda g, _ans, x, _y: _slide(g, x),
    pattern=lambda p: p.convolved,
)
_slide: Callable[..., Any] = _bilinear(
    "slide",
    lambda x, y: _np.convolve(x, y[::-1], "valid"),
    lambda g, _ans, _x, y: _convolve(g, y),
    lambda g, _ans, x, _y: _slide(x, g),
    pattern=lambda p: p.slid,
)


@as_function(_np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    return _convolved("convolve", a, v, mode)


@as_function(_np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    v = _f.atleast_1d(as_array(v))
    return _convolved("correlate", a, _shapes.conjugate_if_complex(v)[::-1], mode)


def _convolved(name: str, a: Any, v: Any, mode: str) -> Any:
    a, v = (_f.atleast_1d(as_array(each)) for each in (a, v))
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        raise ValueError(located(f"{name}: two vectors that are not empty, not the shapes {a.shape} and {v.shape}"))
    if mode not in ("full", "same", "valid"):
        raise ValueError(located(f"{name}: the mode is 'full', 'same' or 'valid', not {mode!r}"))
    short, long = sorted((a.size, v.size))
    if mode == "valid":
        return _slide(a, v[::-1]) if a.size == long else _slide(v, a[::-1])
    ans = _convolve(a, v)
    if mode == "full":
        return ans
    before = (short - 1) // 2
    if name == "correlate" and a.size < v.size:
        before = short - 1 - before
    return ans[before : before + long]


# ----- piecewise linear functions and differences ---------------------------------------------------------------------


@as_function(_np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """As `numpy.interp`, in x, xp and fp. At a knot the derivative is that of the piece to its right."""
    x, xp, fp = (_moving.cast(as_array(each), complex if peel(as_array(each)).dtype.kind == "c" else float) for each in
                 (x, xp, fp))  # fmt: skip
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(located(f"interp: xp and fp are vectors of one size, not of shapes {xp.shape} and {fp.shape}"))
    if period is not None:
        if peel(period) == 0:
            raise ValueError(located("interp: the period must not be zero"))
        period, left, right = _e.absolute(period), None, None
        x, xp = x % period, xp % period
        order = _np.argsort(peel(xp))
        xp, fp = xp[order], fp[order]
        xp = _moving.concatenate(xp[-1:] - period, xp, xp[:1] + period, axis=0)
        fp = _moving.concatenate(fp[-1:], fp, fp[:1], axis=0)
    plain, knots = peel(x), peel(xp)
    at = _np.clip(_np.searchsorted(knots, plain, "right") - 1, 0, len(knots) - 1)
    ans = entries(fp, at)
    if len(knots) > 1:
        piece = _np.minimum(at, len(knots) - 2)
        inside = (plain >= knots[0]) & (plain <= knots[-1]) | _np.isnan(plain)
        run = entries(xp, piece + 1) - entries(xp, piece)
        slope = (entries(fp, piece + 1) - entries(fp, piece)) / _e.nonzero_or_one(run)
        ans = ans + slope * _e.where(inside, x - entries(xp, at), 0.0)
    if left is not None:
        ans = _e.where(plain < knots[0], left, ans)
    return ans if right is None else _e.where(plain > knots[-1], right, ans)


@as_function(_np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = as_array(y)
    axis = axis_index(axis, y)
    if x is not None:
        x = as_array(x)
        dx = _f.diff(x, axis=-1 if x.ndim == 1 else axis)
        if x.ndim == 1:
            dx = _shapes.reshape(dx, shape=tuple(-1 if i == axis else 1 for i in range(y.ndim)))
    return _f.sum(dx * (y[index_along(axis, slice(1, None))] + y[index_along(axis, slice(None, -1))]) / 2.0, axis)


@as_function(_np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = _shapes.reshape(as_array(ary), shape=(-1,))
    dtype = peel(ary).dtype
    parts = [None if each is None else _shapes.reshape(as_array(each), shape=(-1,)) for each in (to_begin, to_end)]
    if not all(part is None or _np.can_cast(peel(part).dtype, dtype, "same_kind") for part in parts):
        raise TypeError(located(f"ediff1d: to_begin and to_end do not fit an array of dtype {dtype}; use floats"))
    between = [part if part is None else _moving.cast(part, dtype) for part in parts]
    between.insert(1, ary[1:] - ary[:-1])
    return _moving.concatenate(*[part for part in between if part is not None], axis=0)


@as_function(_np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """As `numpy.gradient`, in f and in the spacings."""
    f = in_floats(f)
    axes = tuple(range(f.ndim)) if axis is None else normalised_axes(axis, f.ndim)
    spacings = [as_array(each) for each in varargs] or [_np.asarray(1.0)]
    if len(spacings) == 1 and not spacings[0].ndim:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError(located(f"gradient: {len(spacings)} spacings for {len(axes)} axes"))
    if edge_order not in (1, 2):
        raise ValueError(located(f"gradient: edge_order is 1 or 2, not {edge_order}"))
    made = [laid_as(_gradient_along(f, h, k, edge_order), f) for h, k in zip(spacings, axes)]
    return made[0] if len(made) == 1 else tuple(made)


def _gradient_along(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(located(f"gradient: axis {axis} of shape {f.shape} has fewer than {edge_order + 1} entries"))
    if h.ndim > 1 or (h.ndim and len(h) != n):
        raise ValueError(located(f"gradient: spacings of shape {h.shape} do not fit axis {axis} of shape {f.shape}"))
    # The widths of the n - 1 gaps as they broadcast; a single one if it is the same for all.
    if h.ndim:
        h = _f.diff(h)
        if type(h) is not Box and _np.all(h == h[0]):
            h = h[0]
    is_uniform = not h.ndim
    if not is_uniform:
        h = _shapes.reshape(h, shape=tuple(-1 if i == axis else 1 for i in range(f.ndim)))

    def at(start: Any, stop: Any, of: Any = f) -> Any:
        return of[index_along(axis, slice(start, stop))]

    def gaps(start: Any, stop: Any) -> Any:
        return h if is_uniform else at(start, stop, h)

    if is_uniform:
        inner = (at(2, None) - at(None, -2)) / (2.0 * h)
    else:  # the slope of the parabola through three points, in its middle
        h1, h2 = gaps(None, -1), gaps(1, None)
        inner = (
            -h2 / (h1 * (h1 + h2)) * at(None, -2)
            + (h2 - h1) / (h1 * h2) * at(1, -1)
            + h1 / (h2 * (h1 + h2)) * at(2, None)
        )
    if edge_order == 1:
        first = (at(1, 2) - at(0, 1)) / gaps(0, 1)
        last = (at(n - 1, n) - at(n - 2, n - 1)) / gaps(n - 2, n - 1)
    else:  # the slope of the same parabola at its end
        h1, h2 = gaps(0, 1), gaps(1, 2)
        first = (
            -(2.0 * h1 + h2) / (h1 * (h1 + h2)) * at(0, 1)
            + (h1 + h2) / (h1 * h2) * at(1, 2)
            - h1 / (h2 * (h1 + h2)) * at(2, 3)
        )
        h1, h2 = gaps(n - 3, n - 2), gaps(n - 2, n - 1)
        last = (
            h2 / (h1 * (h1 + h2)) * at(n - 3, n - 2)
            - (h2 + h1) / (h1 * h2) * at(n - 2, n - 1)
            + (2.0 * h2 + h1) / (h2 * (h1 + h2)) * at(n - 1, n)
        )
    return _moving.cast(_moving.concatenate(first, inner, last, axis=axis), peel(f).dtype)


@as_function(_np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * _np.pi) -> Any:
    p = as_array(p)
    if not p.size:
        return p
    plain, step = peel(p), peel(period)
    smooth = _np.unwrap(plain, peel(discont), axis, period=step)
    turns = _np.rint(_np.where(smooth == plain, 0.0, smooth - plain) / step)
    return p + turns.astype(_np.result_type(plain, step)) * period  # how many turns there are is piecewise constant
