"""NumPy, differentiable: `import minigrad.numpy as np`.

Every name of NumPy is here. Those with a rule are defined below; all others are NumPy's own, and raise when they are
given a box and have no rule. NumPy's own functions work on boxes too, since they dispatch on their arguments (NEP 13
and NEP 18); this module also takes lists of boxes, `np.array([x, y])`, and calls with less overhead.

At the end stand three tables: ufunc to rule, function to rule, and the operators and methods of `Box`.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad import elementwise as _e
from minigrad import linalg as _l
from minigrad import structure as _s
from minigrad.primitive import constant as _constant
from minigrad.structure import array, has_box
from minigrad.tape import Box, LostDerivativeError, located, open_part, peel, peel_all, read_only


def _boxed(x: Any) -> Any:
    """x, or the array of a list that holds boxes."""
    if type(x) is Box or not isinstance(x, (list, tuple)):
        return x
    return array(x) if has_box(x) else x


def _refuse(operation: str, advice: str) -> TypeError:
    return TypeError(located(f"{operation}: {advice}"))


# ----- ufuncs ---------------------------------------------------------------------------------------------------------


def _ufunc(ufunc: _np.ufunc, bind: Callable[..., Any]) -> Callable[..., Any]:
    """The public function of an elementwise rule: NumPy's own on plain values, the rule on boxes."""

    def unary(x: Any, /, *args: Any, **options: Any) -> Any:
        if type(x) is Box and not args and not options:
            return bind(x)
        x = _boxed(x)
        return _call(ufunc, bind, (x,), args, options) if type(x) is Box else ufunc(x, *args, **options)

    def binary(x: Any, y: Any, /, *args: Any, **options: Any) -> Any:
        if (type(x) is Box or type(y) is Box) and not args and not options:
            return bind(x, y)
        x, y = _boxed(x), _boxed(y)
        if type(x) is Box or type(y) is Box:
            return _call(ufunc, bind, (x, y), args, options)
        return ufunc(x, y, *args, **options)

    function = unary if ufunc.nin == 1 else binary
    function.__name__ = function.__qualname__ = ufunc.__name__
    function.__doc__ = f"As `numpy.{ufunc.__name__}`, with a derivative rule."
    UFUNCS[ufunc] = bind
    return function


def _call(ufunc: _np.ufunc, bind: Callable[..., Any], args: Any, more: Any, options: dict[str, Any]) -> Any:
    """A ufunc on boxes with options: those that mean nothing are dropped, a dtype casts, the others are refused."""
    out = more[0] if more else options.get("out")
    if builtins.any(part is not None for part in (out if isinstance(out, tuple) else (out,))):
        raise _refuse(
            ufunc.__name__,
            "a traced value cannot be written into an array (out= or an in-place operator such as a += x). "
            "Write a = a + x instead",
        )
    if options.get("where", True) is not True:
        raise _refuse(ufunc.__name__, "where= is not differentiated: use np.where(mask, f(x), other)")
    unknown = set(options) - {"out", "where", "dtype", "casting", "order", "subok"}
    if unknown:
        raise _refuse(ufunc.__name__, f"unexpected options {sorted(unknown)}")
    ans = bind(*args)
    return _s.cast(ans, options["dtype"]) if options.get("dtype") is not None else ans


UFUNCS: dict[Any, Callable[..., Any]] = {}

for _name in """
    add subtract multiply divide power float_power remainder negative positive reciprocal square sqrt cbrt
    exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2
    sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh arctan2 hypot deg2rad rad2deg
    absolute fabs maximum minimum fmax fmin conjugate matmul
    signbit spacing floor ceil trunc rint floor_divide greater greater_equal less less_equal equal not_equal
    isnan isinf isfinite logical_and logical_or logical_not logical_xor
""".split():  # noqa: SIM905
    globals()[_name] = _ufunc(getattr(_np, _name), _l.matmul if _name == "matmul" else getattr(_e, _name))
divmod = _ufunc(_np.divmod, lambda x, y: (_e.floor_divide(x, y), _e.remainder(x, y)))
sign = _ufunc(_np.sign, _e.sign)
radians, degrees = _ufunc(_np.radians, _e.deg2rad), _ufunc(_np.degrees, _e.rad2deg)
for _alias in """
    abs=absolute pow=power mod=remainder true_divide=divide conj=conjugate acos=arccos acosh=arccosh asin=arcsin
    asinh=arcsinh atan=arctan atanh=arctanh atan2=arctan2
""".split():  # noqa: SIM905
    _name, _meaning = _alias.split("=")
    globals()[_name] = globals()[_meaning]

# ----- functions ------------------------------------------------------------------------------------------------------

FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def _function(*served: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a rule serve these functions of NumPy: on plain values NumPy's own runs, on boxes the rule does."""
    own = served[0]

    def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            if args and type(args[0]) is Box:
                return rule(*args, **options)
            if has_box(args) or has_box(tuple(options.values())):
                return rule(*args, **options)
            return own(*args, **options)

        function.__name__ = function.__qualname__ = own.__name__
        function.__doc__ = rule.__doc__ or f"As `numpy.{own.__name__}`, with a derivative rule."
        for each in served:
            FUNCTIONS[each] = rule
        return function

    return decorate


def _options(operation: str, out: Any = None, **defaults: tuple[Any, Any]) -> None:
    """Refuse `out=` and options that have no meaning for boxes unless they have their default."""
    if out is not None:
        raise _refuse(operation, "out= cannot be differentiated; use the returned value")
    for name, (value, default) in defaults.items():
        if value is not default:
            raise _refuse(operation, f"{name}= is not differentiated; leave it out")


def _axis_index(axis: int, a: Any) -> int:
    """One axis counted from the front; NumPy's AxisError if there is none such."""
    return int(_np.lib.array_utils.normalize_axis_index(axis, len(a.shape)))


def _axis(axis: Any) -> Any:
    return tuple(axis) if type(axis) is list else axis


# ----- reductions


def _in(dtype: Any, a: Any) -> Any:
    """The array in the dtype in which it is to be summed; one without derivatives is refused."""
    if dtype is not None and _np.dtype(dtype).kind not in "fc":
        raise _refuse("a reduction", f"with dtype={_np.dtype(dtype)} has no derivative; cast the result instead")
    return _boxed(a) if dtype is None else _s.cast(_boxed(a), dtype)


def _masked(a: Any, where: Any, neutral: float) -> Any:
    return a if where is True else _e.where(where, a, neutral)


@_function(_np.sum)
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    if type(a) is Box and axis is None and not keepdims and where is True and initial is dtype is out is None:
        return _s.sum_(a)  # the usual case, and the shortest way to it
    _options("sum", out)
    ans = _s.sum_(_masked(_in(dtype, a), where, 0.0), axis=_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else ans + initial


@_function(_np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    _options("mean", out, where=(where, True))
    return _s.mean(_in(dtype, a), axis=_axis(axis), keepdims=bool(keepdims))


@_function(_np.prod)
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    _options("prod", out)
    ans = _s.prod(_masked(_in(dtype, a), where, 1.0), axis=_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else ans * initial


@_function(_np.max, _np.amax)
def max(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Any:
    _options("max", out)
    if initial is not None and 0 in _np.shape(peel(a)):
        return _np.max(peel(a), axis=axis, keepdims=bool(keepdims), initial=initial)  # of nothing: a constant
    ans = _s.amax(_masked(_boxed(a), where, -_np.inf), axis=_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else _e.maximum(ans, initial)


@_function(_np.min, _np.amin)
def min(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Any:
    _options("min", out)
    if initial is not None and 0 in _np.shape(peel(a)):
        return _np.min(peel(a), axis=axis, keepdims=bool(keepdims), initial=initial)
    ans = _s.amin(_masked(_boxed(a), where, _np.inf), axis=_axis(axis), keepdims=bool(keepdims))
    return ans if initial is None else _e.minimum(ans, initial)


@_function(_np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False,
    *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    _options("var", out, dtype=(dtype, None), where=(where, True), mean=(mean, None))
    ddof = ddof if correction is None else correction
    return _s.var(_boxed(a), axis=_axis(axis), keepdims=bool(keepdims), ddof=ddof)


@_function(_np.std)
def std(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False,
    *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    _options("std", out, dtype=(dtype, None), where=(where, True), mean=(mean, None))
    ddof = ddof if correction is None else correction
    return _s.std(_boxed(a), axis=_axis(axis), keepdims=bool(keepdims), ddof=ddof)


@_function(_np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    _options("cumsum", out, dtype=(dtype, None))
    a = _boxed(a)
    return _s.cumsum(reshape(a, -1), axis=0) if axis is None else _s.cumsum(a, axis=axis)


@_function(_np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    _options("cumprod", out)
    a = _in(dtype, a)
    return _s.cumprod(reshape(a, -1), 0) if axis is None else _s.cumprod(a, _axis_index(axis, a))


def logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(a))) along `axis`, without overflow; -inf entries count as zero.

    Args:    a: an array.  axis: an axis, a tuple of axes, or None for all.  keepdims: keep reduced axes with size 1.
    Returns: an array of the shape that `np.sum(a, axis, keepdims=keepdims)` has.

    >>> float(logsumexp([1000.0, 1000.0]))
    1000.6931471805599
    """
    a = _boxed(a)
    return _s.logsumexp(a if type(a) is Box else _np.asarray(a), axis=_axis(axis), keepdims=bool(keepdims))


# ----- shapes


def _shape_argument(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, list) else shape


def _order(a: Any, order: str) -> str:
    """The order C or F that "A" and "K" mean for this array: that of its memory."""
    if order not in ("A", "K"):
        return order
    flags = _np.asarray(peel(a)).flags
    if order == "K" and not flags.c_contiguous and not flags.f_contiguous:
        raise NotImplementedError(located('order="K" of an array that is not contiguous has no rule; use "C" or "F"'))
    return "F" if flags.f_contiguous and not flags.c_contiguous else "C"


@_function(_np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    a = _boxed(a)
    shape = _shape_argument(shape if shape is not None else newshape)
    return _s.reshape(a, shape=shape, order=_order(a, order))


@_function(_np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    a = _boxed(a)
    return _s.reshape(a, shape=-1, order=_order(a, order))


@_function(_np.transpose, _np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    a = _boxed(a)
    n = len(a.shape)
    return _s.transpose(a, axes=tuple(range(n))[::-1] if axes is None else _checked_axes(axes, n))


def _checked_axes(axes: Any, n: int) -> tuple[int, ...]:
    axes = tuple(int(a) for a in axes)
    if sorted(a % n if n else a for a in axes) != list(range(n)):
        raise ValueError(located(f"transpose: axes {axes} are not a permutation of the {n} axes of the array"))
    return tuple(a % n for a in axes)


@_function(_np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    return _l.transposed(_boxed(x))


def _by_positions(a: Any, function: Callable[..., Any], *args: Any) -> Any:
    """A transposition, found by applying NumPy's function to an array without entries whose sizes are all different."""
    n = len(a.shape)
    labels = _np.empty((0, *range(1, n)))
    moved = function(labels, *args)
    return _s.transpose(a, axes=tuple(int(size) for size in moved.shape))


@_function(_np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return _by_positions(_boxed(a), _np.moveaxis, source, destination)


@_function(_np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return _by_positions(_boxed(a), _np.swapaxes, axis1, axis2)


@_function(_np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    return _by_positions(_boxed(a), _np.rollaxis, axis, start)


def _as_reshaped_by(own: Callable[..., Any]) -> Callable[..., Any]:
    """The rule of a function that only changes the shape; NumPy itself says to which one."""

    def rule(a: Any, *args: Any, **options: Any) -> Any:
        a = _boxed(a)
        return _s.reshape(a, shape=own(_np.broadcast_to(0.0, a.shape), *args, **options).shape)

    return _function(own)(rule)


def _at_least(own: Callable[..., Any]) -> Callable[..., Any]:
    def rule(*arrays: Any) -> Any:
        made = tuple([_s.reshape(a, shape=own(_np.broadcast_to(0.0, a.shape)).shape) for a in map(_asarray, arrays)])
        return made[0] if len(made) == 1 else made

    return _function(own)(rule)


expand_dims, squeeze = _as_reshaped_by(_np.expand_dims), _as_reshaped_by(_np.squeeze)
atleast_1d, atleast_2d, atleast_3d = _at_least(_np.atleast_1d), _at_least(_np.atleast_2d), _at_least(_np.atleast_3d)


@_function(_np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return _s.broadcast_to(_boxed(array), shape=shape)


@_function(_np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = _np.broadcast_shapes(*[_np.shape(peel(a)) for a in args])
    return tuple([_s.broadcast_to(_asarray(a), shape=shape) for a in args])


@_function(_np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    return _s.flip(_boxed(m), axis=_axis(axis))


@_function(_np.flipud)
def flipud(m: Any) -> Any:
    return _s.flip(_boxed(m), axis=0)


@_function(_np.fliplr)
def fliplr(m: Any) -> Any:
    return _s.flip(_boxed(m), axis=1)


@_function(_np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return _s.roll(_boxed(a), shift=tuple(shift) if isinstance(shift, list) else shift, axis=_axis(axis))


@_function(_np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return _s.rot90(_boxed(m), k=k, axes=tuple(axes))


@_function(_np.tile)
def tile(A: Any, reps: Any) -> Any:
    return _s.tile(_boxed(A), reps=_shape_argument(reps))


@_function(_np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    return _s.repeat(_boxed(a), repeats=_np.array(repeats), axis=axis)


@_function(_np.tril)
def tril(m: Any, k: int = 0) -> Any:
    return _s.tril(_boxed(m), k=k)


@_function(_np.triu)
def triu(m: Any, k: int = 0) -> Any:
    return _s.triu(_boxed(m), k=k)


@_function(_np.diag)
def diag(v: Any, k: int = 0) -> Any:
    return _s.diag(_boxed(v), k=k)


@_function(_np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return _s.diagonal(_boxed(a), offset=offset, axis1=axis1, axis2=axis2)


@_function(_np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    _options("trace", out, dtype=(dtype, None))
    return _l.trace(_boxed(a), offset, axis1, axis2)


@_function(_np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0, **options: Any) -> Any:
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap") or options or _np.any(constant_values):
        raise NotImplementedError(
            located("pad: only the modes constant (with zeros), edge, reflect, symmetric and wrap have a rule")
        )
    return _s.pad(_boxed(array), pad_width=_np.array(pad_width), mode=mode)


@_function(_np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    a = _boxed(a)
    _options("diff", prepend=(prepend, None), append=(append, None))
    before = (slice(None),) * _axis_index(axis, a)
    for _ in range(n):
        a = a[(*before, slice(1, None))] - a[(*before, slice(None, -1))]
    return a


# ----- joining and splitting


def _asarray(a: Any) -> Any:
    return a if type(a) is Box else array(a)


@_function(_np.concatenate, _np.concat)
def concatenate(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    _options("concatenate", out, dtype=(dtype, None))
    parts = [_asarray(a) for a in arrays]
    if axis is None:
        parts, axis = [_s.reshape(a, shape=-1) for a in parts], 0
    _same_dimensions("concatenate", parts)
    return _s.concatenate(*parts, axis=int(axis))


def _same_dimensions(operation: str, parts: list[Any]) -> None:
    shapes = [a.shape for a in parts]
    if len({len(shape) for shape in shapes}) != 1 or shapes[0] == ():
        raise ValueError(located(f"{operation}: all arrays need the same number of axes, at least 1; got {shapes}"))


@_function(_np.stack)
def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    _options("stack", out, dtype=(dtype, None))
    parts = [_asarray(a) for a in arrays]
    shapes = [a.shape for a in parts]
    if len(set(shapes)) != 1:
        raise ValueError(located(f"stack: all arrays must have the same shape; got {shapes}"))
    return _s.stack(*parts, axis=int(axis))


@_function(_np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate((arr, values), axis)


@_function(_np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([atleast_2d(_asarray(a)) for a in tup], 0)


@_function(_np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    parts = [atleast_1d(_asarray(a)) for a in tup]
    return concatenate(parts, 0 if len(parts[0].shape) == 1 else 1)


@_function(_np.dstack)
def dstack(tup: Any) -> Any:
    return concatenate([atleast_3d(_asarray(a)) for a in tup], 2)


@_function(_np.column_stack)
def column_stack(tup: Any) -> Any:
    parts = [_asarray(a) for a in tup]
    return concatenate([a if len(a.shape) > 1 else _s.reshape(a, shape=(-1, 1)) for a in parts], 1)


row_stack = vstack


def _splitter(own: Callable[..., Any], axis_of: Callable[[int], int] | None = None) -> Callable[..., Any]:
    """The rule of a way to split: NumPy splits the positions along the axis, then the box is indexed."""
    divide_evenly = own is not _np.array_split

    def rule(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
        ary = _boxed(ary)
        axis = _axis_index(axis if axis_of is None else axis_of(len(ary.shape)), ary)
        positions = _np.arange(ary.shape[axis])
        pieces = (_np.split if divide_evenly else _np.array_split)(positions, indices_or_sections)
        before = (slice(None),) * axis
        return [ary[(*before, slice(int(p[0]), int(p[-1]) + 1) if p.size else slice(0, 0))] for p in pieces]

    return _function(own)(rule)


split, array_split = _splitter(_np.split), _splitter(_np.array_split)
vsplit, dsplit = _splitter(_np.vsplit, lambda ndim: 0), _splitter(_np.dsplit, lambda ndim: 2)
hsplit = _splitter(_np.hsplit, lambda ndim: 0 if ndim == 1 else 1)


# ----- choosing


@_function(_np.where)
def where(condition: Any, *args: Any) -> Any:
    if not args:
        return _np.where(peel(condition))
    x, y = args
    return _e.where(condition, _boxed(x), _boxed(y))


@_function(_np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    _options("take", out, mode=(mode, "raise"))
    a, indices = _boxed(a), _np.asarray(peel(indices))
    return reshape(a, -1)[indices] if axis is None else a[(*(slice(None),) * _axis_index(axis, a), indices)]


@_function(_np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    _options("compress", out)
    return take(a, _np.flatnonzero(peel(condition)), axis)


@_function(_np.clip)
def clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None, **options: Any
) -> Any:
    _options("clip", out)
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ValueError(located("clip: bounds are given as a_min and a_max, or as min and max, not as both"))
    low, high = a_min if a_min is not None else min, a_max if a_max is not None else max
    ans = _boxed(a)
    ans = ans if low is None else _e.maximum(ans, low)
    return ans if high is None else _e.minimum(ans, high)


@_function(_np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return _e.nan_to_num(_boxed(x), nan=nan, posinf=posinf, neginf=neginf)


@_function(_np.sinc)
def sinc(x: Any) -> Any:
    return _e.sinc(_boxed(x))


@_function(_np.real)
def real(val: Any) -> Any:
    return _e.real(_boxed(val))


@_function(_np.imag)
def imag(val: Any) -> Any:
    return _e.imag(_boxed(val))


@_function(_np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    ans = _e.angle(_boxed(z))
    return _e.rad2deg(ans) if deg else ans


@_function(_np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return _boxed(a)  # a box is never written to, so it may be shared


@_function(_np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return _s.cast(x, dtype)


# ----- products


@_function(_np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    _options("dot", out)
    return _l.dot(_asarray(a), _asarray(b))


@_function(_np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    return _l.vdot(_asarray(a), _asarray(b))


@_function(_np.inner)
def inner(a: Any, b: Any, /) -> Any:
    return _l.inner(_asarray(a), _asarray(b))


@_function(_np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    _options("outer", out)
    return _l.outer(_asarray(a), _asarray(b))


@_function(_np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = _asarray(a), _asarray(b)
    nx, ny = len(a.shape), len(b.shape)
    if isinstance(axes, (int, _np.integer)):
        of_a, of_b = tuple(range(nx - int(axes), nx)), tuple(range(int(axes)))
    else:
        of_a, of_b = (_s.axes_of((part,) if isinstance(part, int) else part, n) for part, n in zip(axes, (nx, ny)))
    if [a.shape[i] for i in of_a] != [b.shape[i] for i in of_b]:
        raise ValueError(
            located(f"tensordot: shapes {a.shape} and {b.shape} do not match on the axes {of_a} and {of_b}")
        )
    return _l.tensordot(a, b, axes=(of_a, of_b))


@_function(_np.einsum)
def einsum(*operands: Any, **options: Any) -> Any:
    return _l.einsum(*operands, **options)


@_function(_np.kron)
def kron(a: Any, b: Any) -> Any:
    a, b = _asarray(a), _asarray(b)
    n = builtins.max(len(a.shape), len(b.shape))
    shape_a, shape_b = (1,) * (n - len(a.shape)) + a.shape, (1,) * (n - len(b.shape)) + b.shape
    wide_a = _s.reshape(a, shape=tuple(s for size in shape_a for s in (size, 1)))
    wide_b = _s.reshape(b, shape=tuple(s for size in shape_b for s in (1, size)))
    return _s.reshape(wide_a * wide_b, shape=tuple(i * j for i, j in zip(shape_a, shape_b)))


# ----- no derivative flows through these

_CONSTANTS = """
    all any argmax argmin argpartition argsort argwhere array_equal array_equiv allclose around round
    count_nonzero digitize empty_like fix flatnonzero  isclose iscomplex iscomplexobj isin
    isneginf isposinf isreal isrealobj lexsort may_share_memory min_scalar_type ndim nonzero ones_like result_type
    searchsorted shape shares_memory size zeros_like nanargmax nanargmin array_repr array_str array2string can_cast
    common_type broadcast_shapes tril_indices_from triu_indices_from diag_indices_from
""".split()  # noqa: SIM905
for _name in _CONSTANTS:
    globals()[_name] = _function(getattr(_np, _name))(_constant(_name, getattr(_np, _name)))


def size(a: Any, axis: Any = None) -> int:
    """`np.size`; of a list of arrays with different shapes, how many arrays there are (as NumPy < 1.24 said)."""
    if isinstance(a, (list, tuple)) and axis is None and len({_np.shape(peel(part)) for part in a}) > 1:
        return len(a)
    return int(_np.size(peel(a), axis))


# ----- making arrays


def asarray(a: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
    """`np.asarray`, also of a box or of a list of boxes."""
    return array(a, dtype) if type(a) is Box or has_box(a) else _np.asarray(a, dtype, *args, **options)


asanyarray = ascontiguousarray = asfortranarray = asarray


@_function(_np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    fill = _asarray(fill_value) if has_box(fill_value) else _np.asarray(fill_value)
    ans = _s.broadcast_to(fill, shape=_np.shape(peel(a)) if shape is None else shape)
    return _s.cast(ans, peel(a).dtype if dtype is None else dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> Any:
    """`np.full`, also with a box as the value."""
    if not has_box(fill_value):
        return _np.full(shape, fill_value, dtype=dtype, order="F" if order == "F" else "C")
    ans = broadcast_to(_boxed(fill_value), shape)
    return ans if dtype is None else _s.cast(ans, dtype)


# ----- NumPy's two protocols ------------------------------------------------------------------------------------------


def _array_ufunc(self: Box, ufunc: _np.ufunc, method: str, *args: Any, **options: Any) -> Any:
    """NEP 13: NumPy calls this for every ufunc that meets a box."""
    if not _any_open(args) and not _any_open(options):
        return getattr(ufunc, method)(*peel_all(args), **peel_all(options))
    bind = UFUNCS.get(ufunc)
    if bind is None:
        raise NotImplementedError(located(f"{ufunc.__name__} has no derivative rule. {_nearest(ufunc.__name__)}"))
    if method == "__call__":
        return _call(ufunc, bind, args, (), options) if options else bind(*args)
    if method == "outer":
        x, y = map(_asarray, args)
        wide = _s.reshape(x, shape=x.shape + (1,) * len(y.shape))
        return _call(ufunc, bind, (wide, y), (), options)
    if method == "reduce" and ufunc in _REDUCTIONS:
        axis, keepdims = options.pop("axis", 0), options.pop("keepdims", False)
        return _REDUCTIONS[ufunc](args[0], axis=args[1] if len(args) > 1 else axis, keepdims=keepdims, **options)
    if method == "accumulate" and ufunc in (_np.add, _np.multiply):
        given = dict(zip(("axis", "dtype", "out"), args[1:])) | options
        out = given.pop("out", None)
        return (cumsum if ufunc is _np.add else cumprod)(args[0], given.pop("axis", 0), out=out, **given)
    raise NotImplementedError(
        located(f"np.{ufunc.__name__}.{method} has no derivative rule; write it with np.sum, np.prod or indexing")
    )


_REDUCTIONS: dict[Any, Callable[..., Any]] = {
    _np.add: sum, _np.multiply: prod, _np.maximum: max, _np.minimum: min,
    _np.logical_and: FUNCTIONS[_np.all], _np.logical_or: FUNCTIONS[_np.any],
}  # fmt: skip


def _array_function(self: Box, function: Any, types: Any, args: Any, options: Any) -> Any:
    """NEP 18: NumPy calls this for every other function that meets a box."""
    if not _any_open(args) and not _any_open(options):
        return function(*peel_all(args), **peel_all(options))
    rule = FUNCTIONS.get(function)
    if rule is None:
        name = f"{function.__module__}.{function.__name__}"
        if function.__name__ in ("copyto", "put", "place", "putmask", "fill_diagonal", "put_along_axis"):
            raise _refuse(name, "a traced value cannot be written into an array. " + _ASSIGN_ADVICE)
        raise NotImplementedError(located(f"{name} has no derivative rule. {_nearest(function.__name__)}"))
    return rule(*args, **options)


def _any_open(values: Any) -> bool:
    """Whether something that is being differentiated is among these arguments, at any depth."""
    if type(values) is Box:
        return type(open_part(values)) is Box
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (list, tuple)):
        return False
    return builtins.any(_any_open(value) for value in values)


def _nearest(name: str) -> str:
    """What to do about a function without a rule."""
    import difflib

    known = sorted({f.__name__ for f in FUNCTIONS} | {f.__name__ for f in UFUNCS})
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"The nearest names that have one: {', '.join(near)}. " if near else ""
    return hint + "To treat its argument as a constant, take its plain value: minigrad.value(x)"


# ----- operators and methods of a box ---------------------------------------------------------------------------------

_ASSIGN_ADVICE = (
    "Build the array instead: np.array([x, y]), np.stack, np.concatenate, or np.where(mask, new, old) "
    "(with minigrad.numpy as np for lists of traced values)"
)


def _getitem(self: Box, index: Any) -> Any:
    return _s.getitem(self, index=_s.plain_index(index, self))


def _setitem(self: Box, index: Any, value: Any) -> None:
    raise _refuse("x[index] = value", "a value that is being differentiated cannot be written to. " + _ASSIGN_ADVICE)


def _len(self: Box) -> int:
    if not self.shape:
        raise TypeError(located("len() of a traced value without axes (shape ())"))
    return int(self.shape[0])


def _iter(self: Box) -> Any:
    if not self.shape:
        raise TypeError(located("iteration over a traced value without axes (shape ())"))
    return (self[i] for i in range(self.shape[0]))


def _bool(self: Box) -> bool:
    if self.size != 1:
        raise ValueError(
            located(f"the truth of a traced array of shape {self.shape} is ambiguous; use np.any, np.all or np.where")
        )
    return bool(peel(self))


def _number(name: str) -> Callable[[Box], Any]:
    def convert(self: Box) -> Any:
        if type(open_part(self)) is Box:
            raise LostDerivativeError(
                located(
                    f"{name}() of a value that is being differentiated (shape {self.shape}, {self.dtype}) would lose "
                    f"its derivative without a word; so would a function of the math module, or an assignment into a "
                    f"plain array. Use NumPy's functions on it as it is. {_ASSIGN_ADVICE}. For the plain value: "
                    f"minigrad.value(x)"
                )
            )
        return getattr(builtins, name)(peel(self))

    return convert


def _array(self: Box, dtype: Any = None, copy: Any = None) -> Any:
    if type(open_part(self)) is Box:
        raise LostDerivativeError(
            located(
                f"a value that is being differentiated (shape {self.shape}, {self.dtype}) cannot become, or be written "
                f"into, a plain array: its derivative would be lost. {_ASSIGN_ADVICE}. If it was given to a method of "
                f"a plain array, M.dot(x): write M @ x or np.dot(M, x). For the plain value: minigrad.value(x)"
            )
        )
    plain = read_only(_np.asarray(peel(self), dtype=dtype))  # a pullback may still need it
    return plain.copy() if copy else plain


def _reduce(self: Box) -> Any:
    if type(open_part(self)) is Box:
        raise LostDerivativeError(
            located(
                "a value that is being differentiated cannot be pickled or sent to another process: its derivative "
                "would be lost. Differentiate within each process instead, or send minigrad.value(x)"
            )
        )
    return _s.same, (peel(self),)


def _tolist(self: Box) -> Any:
    return [part.tolist() for part in self] if self.shape else self


def _item(self: Box, *index: Any) -> Any:
    if not index and self.size != 1:
        raise ValueError(
            located(f"item() of a traced array of shape {self.shape}: only an array of size 1 is one number")
        )
    if len(index) > 1 or (index and isinstance(index[0], tuple)):
        return self[index[0] if len(index) == 1 else index]
    return _s.reshape(self, shape=-1)[index[0] if index else 0]


def _in_place(name: str, advice: str) -> Callable[..., Any]:
    def refuse(self: Box, *args: Any, **options: Any) -> Any:
        raise _refuse(f"x.{name}", f"a traced value cannot be changed in place; use {advice}")

    return refuse


def _plain_only(name: str) -> Callable[..., Any]:
    def refuse(self: Box, *args: Any, **options: Any) -> Any:
        plain = open_part(self)
        if type(plain) is not Box:
            return getattr(plain, name)(*args, **options)
        raise _refuse(f"x.{name}", f"it has no derivative; for the plain array use minigrad.value(x).{name}")

    return refuse


def _comparison(bind: Callable[..., Any]) -> Callable[[Box, Any], Any]:
    return lambda self, other: bind(self, other)


def _several(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method that takes a shape or axes as one tuple or as several numbers."""

    def method(self: Box, *args: Any, **options: Any) -> Any:
        if not args:
            return function(self, **options)
        return function(self, args[0] if len(args) == 1 else args, **options)

    return method


_OPERATORS: dict[str, Callable[..., Any]] = {
    "__add__": _e.add, "__radd__": lambda x, y: _e.add(y, x),
    "__sub__": _e.subtract, "__rsub__": lambda x, y: _e.subtract(y, x),
    "__mul__": _e.multiply, "__rmul__": lambda x, y: _e.multiply(y, x),
    "__truediv__": _e.divide, "__rtruediv__": lambda x, y: _e.divide(y, x),
    "__pow__": _e.power, "__rpow__": lambda x, y: _e.power(y, x),
    "__mod__": _e.remainder, "__rmod__": lambda x, y: _e.remainder(y, x),
    "__floordiv__": _comparison(_e.floor_divide), "__rfloordiv__": lambda x, y: _e.floor_divide(y, x),
    "__divmod__": divmod,
    "__rdivmod__": lambda x, y: divmod(y, x),
    "__matmul__": _l.matmul, "__rmatmul__": lambda x, y: _l.matmul(y, x),
    "__neg__": _e.negative, "__pos__": _e.positive, "__abs__": _e.absolute,
    "__lt__": _comparison(_e.less), "__le__": _comparison(_e.less_equal),
    "__gt__": _comparison(_e.greater), "__ge__": _comparison(_e.greater_equal),
    "__eq__": _comparison(_e.equal), "__ne__": _comparison(_e.not_equal),
    "__getitem__": _getitem, "__setitem__": _setitem, "__len__": _len, "__iter__": _iter,
    "__contains__": lambda x, y: bool(_np.any(peel(x) == peel(y))),
    "__bool__": _bool, "__float__": _number("float"), "__complex__": _number("complex"),
    "__int__": _number("int"), "__reduce__": _reduce, "__round__": lambda x, n=0: _np.round(peel(x), n),
    "__array__": _array, "__array_ufunc__": _array_ufunc, "__array_function__": _array_function,
    "__repr__": lambda x: f"Box({peel(x)!r})", "__str__": lambda x: str(peel(x)),
    "__format__": lambda x, spec: format(peel(x), spec),
    "__copy__": lambda x: x, "__deepcopy__": lambda x, memo: x,
}  # fmt: skip

_METHODS: dict[str, Callable[..., Any]] = {
    "sum": sum, "mean": mean,
    "prod": prod, "max": max,
    "min": min, "var": var,
    "std": std, "cumsum": cumsum,
    "cumprod": cumprod, "take": take, "compress": lambda x, where, axis=None: compress(where, x, axis),
    "reshape": _several(reshape), "transpose": _several(transpose), "ravel": ravel, "flatten": ravel,
    "swapaxes": swapaxes, "squeeze": FUNCTIONS[_np.squeeze], "repeat": repeat, "diagonal": diagonal, "trace": trace,
    "dot": dot, "clip": clip, "conj": _s.conjugate_if_complex, "conjugate": _s.conjugate_if_complex,
    "copy": copy, "astype": lambda x, dtype, *_, **__: _s.cast(x, dtype), "item": _item, "tolist": _tolist,
    "all": FUNCTIONS[_np.all], "any": FUNCTIONS[_np.any], "nonzero": FUNCTIONS[_np.nonzero],
    "argmax": FUNCTIONS[_np.argmax], "argmin": FUNCTIONS[_np.argmin], "argsort": FUNCTIONS[_np.argsort],
    "argpartition": FUNCTIONS[_np.argpartition], "searchsorted": FUNCTIONS[_np.searchsorted],
    "round": FUNCTIONS[_np.round], "view": _in_place("view", "astype or reshape"),
    "sort": _in_place("sort", "x[np.argsort(x)]"), "partition": _in_place("partition", "x[np.argsort(x)]"),
    "fill": _in_place("fill", "np.full"), "put": _in_place("put", "np.where"),
    "resize": _in_place("resize", "x.reshape"), "byteswap": _in_place("byteswap", "the values as they are"),
    "setfield": _in_place("setfield", "np.where"), "setflags": _in_place("setflags", "x as it is"),
    "__delitem__": _in_place("__delitem__", "an index that leaves entries out"),
    "tobytes": _plain_only("tobytes"), "tofile": _plain_only("tofile"), "dump": _plain_only("dump"),
    "dumps": _plain_only("dumps"), "choose": _plain_only("choose"), "getfield": _plain_only("getfield"),
}  # fmt: skip

_PROPERTIES: dict[str, Callable[[Box], Any]] = {
    "T": transpose, "mT": _l.transposed, "real": _e.real, "imag": _e.imag, "flat": ravel,
    "nbytes": lambda x: peel(x).nbytes, "itemsize": lambda x: peel(x).itemsize, "device": lambda x: peel(x).device,
    "strides": lambda x: peel(x).strides, "flags": lambda x: peel(x).flags,
}  # fmt: skip

for _name, _attribute in {**_OPERATORS, **_METHODS}.items():
    setattr(Box, _name, _attribute)
for _name, _attribute in _PROPERTIES.items():
    setattr(Box, _name, property(_attribute))
Box.__hash__ = None  # type: ignore[assignment]


__all__ = sorted({*_np.__all__, "logsumexp"})


def __getattr__(name: str) -> Any:
    return getattr(_np, name)


def __dir__() -> list[str]:
    return sorted({name for name in globals() if not name.startswith("_")} | set(dir(_np)))
