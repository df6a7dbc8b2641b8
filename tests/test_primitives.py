"""Every primitive against NumPy, finite differences and the complex step, in both modes and at second order.

`ROWS` is the table: one row per function, with arguments on its own domain (away from kinks and singularities). Every
test below runs on every row. The functions are written for a namespace `np`, and run with `minigrad.numpy` and, where
no list of traced values is involved, with `numpy` itself.
"""

import itertools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from references import (
    assert_close,
    complex_step_gradient,
    difference_gradient,
    difference_jvp,
    exact_derivative,
    richardson,
    shifted,
)

import minigrad.core.lean
import minigrad.numpy
from minigrad import grad, jvp, vjp

rng = numpy.random.default_rng(20)
DIFFERENCES, MODES = 1e-8, 1e-12  # tolerances: against finite differences, and of one mode against another


@dataclass(frozen=True)
class Row:
    """One function to test: `fun(np, *args)`."""

    name: str
    fun: Callable[..., Any]
    args: tuple[Any, ...]
    complex_step: bool = False  # whether the plain function is analytic, so that the complex step applies
    plain: bool = True  # whether it also works with `numpy` in place of `minigrad.numpy`
    order: int = 2  # up to which order it is tested


ROWS: list[Row] = []


def row(name: str, fun: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Add a row to the table."""
    ROWS.append(Row(name, fun, tuple(numpy.asarray(arg) for arg in args), **options))


def draw(*shape: int, low: float = -1.5, high: float = 1.5) -> Any:
    """Numbers between low and high."""
    return rng.uniform(low, high, shape)


def away(*shape: int) -> Any:
    """Numbers of both signs, away from 0."""
    return rng.uniform(0.4, 1.5, shape) * rng.choice([-1.0, 1.0], shape)


def positive(*shape: int) -> Any:
    """Positive numbers, away from 0."""
    return rng.uniform(0.5, 2.0, shape)


def inside(*shape: int) -> Any:
    """Numbers in (-0.7, 0.7)."""
    return rng.uniform(-0.7, 0.7, shape)


def above_one(*shape: int) -> Any:
    """Numbers in (1.5, 3)."""
    return rng.uniform(1.5, 3.0, shape)


def distinct(*shape: int) -> Any:
    """Numbers of both signs no two of which are close: 0.15 apart at least, and away from 0."""
    size = int(numpy.prod(shape))
    return rng.permutation((numpy.arange(size) - size // 2 + 0.4) * 0.2).reshape(shape)


SHAPES = [(), (0,), (1,), (3,), (2, 3)]

# ----- operators ------------------------------------------------------------------------------------------------------

M = positive(2, 3)
for symbol, op in [("+", operator.add), ("-", operator.sub), ("*", operator.mul), ("/", operator.truediv)]:
    for shape in SHAPES:
        row(f"x {symbol} y {shape}", lambda np, x, y, op=op: op(x, y), away(*shape), away(*shape), complex_step=True)
    row(f"x {symbol} y broadcast", lambda np, x, y, op=op: op(x, y), away(2, 1), away(3), complex_step=True)
    row(f"x {symbol} x", lambda np, x, op=op: op(x, x), away(3), complex_step=True)
    for other in (2, 2.5, numpy.float64(1.5), M, M[0].astype(numpy.float32), numpy.array([1, 2, 3]), numpy.array(2)):
        kind = f"{type(other).__name__}{numpy.shape(other)}"
        row(f"x {symbol} {kind}", lambda np, x, op=op, c=other: op(x, c), away(2, 3), complex_step=True)
        row(f"{kind} {symbol} x", lambda np, x, op=op, c=other: op(c, x), away(2, 3), complex_step=True)

for exponent in (0, 1, 2, 3, -1, -2, 0.5, 2.5, -0.5, 0.0, 1.0, 2.0):
    row(f"x ** {exponent}", lambda np, x, c=exponent: x**c, positive(2, 3), complex_step=True)
for exponent in (2, 3, -1, numpy.array([1, 2, 3]), numpy.array([0.0, 2.0, 3.0])):
    row(f"negative x ** {exponent}", lambda np, x, c=exponent: x**c, -positive(2, 3))
row("x ** array", lambda np, x: x ** numpy.array([0.5, -1.0, 3.0]), positive(2, 3), complex_step=True)
row("2 ** x", lambda np, x: 2**x, draw(2, 3), complex_step=True)
row("2.5 ** x", lambda np, x: 2.5**x, draw(2, 3), complex_step=True)
row("array ** x", lambda np, x: M**x, draw(3), complex_step=True)
row("x ** y", lambda np, x, y: x**y, positive(2, 1), draw(3), complex_step=True)
row("pow(x, y)", lambda np, x, y: pow(x, y), positive(3), draw(3), complex_step=True)
row("x % y", lambda np, x, y: x % y, numpy.array([5.3, -4.4, 7.7]), numpy.array([2.0, 3.0, -2.5]))
row("x % 2", lambda np, x: x % 2, numpy.array([5.3, -4.4, 7.7]))
row("x % 1.5", lambda np, x: x % 1.5, numpy.array([5.3, -4.4, 7.7]))
row("7 % x", lambda np, x: 7 % x, numpy.array([2.7, 3.2, -4.4]))
row("array % x", lambda np, x: numpy.array([5.5, 6.5]) % x, numpy.array([[2.0], [3.5]]))
row("x // 2 * x", lambda np, x: x // 2 * x, numpy.array([5.3, -4.4, 7.7]))
row("7 // x + x", lambda np, x: 7 // x + x, numpy.array([2.7, 3.2, -4.4]))
row("divmod(x, 2)", lambda np, x: divmod(x, 2.0)[0] * x + divmod(x, 2.0)[1], numpy.array([5.3, -4.4]))
row("divmod(7, x)", lambda np, x: divmod(7.0, x)[0] * x + divmod(7.0, x)[1], numpy.array([2.7, 3.2]))
row("np.divmod", lambda np, x: np.divmod(x, 2.0)[1] * x, numpy.array([5.3, -4.4]))
row("-x", lambda np, x: -x, draw(3), complex_step=True)
row("+x", lambda np, x: +x, draw(3), complex_step=True)
row("abs(x)", lambda np, x: abs(x), away(3))
row("builtin sum", lambda np, x: sum(x * x), draw(3), complex_step=True)
row("builtin sum of rows", lambda np, x: sum(x * x), draw(2, 3), complex_step=True)
row("several uses", lambda np, x: x * x + x / (1 + x * x) - x, draw(2, 3), complex_step=True)
row("comparisons", lambda np, x: x * (x > 0) - x * (x <= 0.1) + x * (x == 3) + (x != 3) * x + (x > 0), away(2, 3))

# ----- ufuncs ---------------------------------------------------------------------------------------------------------

UNARY: list[tuple[str, Callable[..., Any], bool]] = [
    ("negative", draw, True), ("positive", draw, False), ("reciprocal", away, True), ("square", draw, True),
    ("sqrt", positive, True), ("cbrt", away, False), ("exp", draw, True), ("exp2", draw, True), ("expm1", draw, True),
    ("log", positive, True), ("log2", positive, True), ("log10", positive, True), ("log1p", positive, True),
    ("sin", draw, True), ("cos", draw, True), ("tan", inside, True), ("sinh", draw, True), ("cosh", draw, True),
    ("tanh", draw, True), ("arcsin", inside, True), ("arccos", inside, True), ("arctan", inside, True),
    ("arcsinh", inside, True), ("arccosh", above_one, True), ("arctanh", inside, True), ("deg2rad", draw, False),
    ("rad2deg", draw, False), ("radians", draw, False), ("degrees", draw, False), ("absolute", away, False),
    ("abs", away, False), ("fabs", away, False), ("sinc", draw, False), ("conjugate", draw, False),
    ("real", draw, False), ("nan_to_num", draw, False),
]  # fmt: skip
for name, domain, analytic in UNARY:
    for shape in SHAPES:
        row(f"np.{name} {shape}", lambda np, x, f=name: getattr(np, f)(x), domain(*shape), complex_step=analytic)
for alias in ("asin", "acos", "atan", "asinh", "atanh"):
    row(f"np.{alias}", lambda np, x, f=alias: getattr(np, f)(x), inside(3), complex_step=True)
row("np.acosh", lambda np, x: np.acosh(x), above_one(3), complex_step=True)
row("np.sinc near 0", lambda np, x: np.sinc(x), numpy.array([0.0, 1e-9, -1e-4, 0.2, 0.3, 1.0, -2.0]))
row("np.angle", lambda np, x: np.angle(x) + x, away(3))
row("np.imag", lambda np, x: np.imag(x) + x, away(3))

BINARY: list[tuple[str, Callable[..., Any], bool]] = [
    ("add", away, True), ("subtract", away, True), ("multiply", away, True), ("divide", away, True),
    ("true_divide", away, True), ("power", positive, True), ("float_power", positive, True), ("pow", positive, True),
    ("logaddexp", draw, False), ("logaddexp2", draw, False), ("arctan2", away, False), ("atan2", away, False),
    ("hypot", away, False),
]  # fmt: skip
for name, domain, analytic in BINARY:
    for shapes in [((), ()), ((3,), (3,)), ((2, 3), ()), ((2, 1), (3,)), ((0,), (1,)), ((1,), (2, 3))]:
        row(
            f"np.{name} {shapes}", lambda np, x, y, f=name: getattr(np, f)(x, y), domain(*shapes[0]),
            domain(*shapes[1]), complex_step=analytic,
        )  # fmt: skip
    row(f"np.{name}, x only", lambda np, x, f=name: getattr(np, f)(x, 1.5), domain(3), complex_step=analytic)
    row(f"np.{name}, y only", lambda np, y, f=name: getattr(np, f)([1.5, 0.5, 2], y), domain(3), complex_step=analytic)
for name in ("maximum", "minimum", "fmax", "fmin"):
    pair = distinct(2, 2, 3)
    row(f"np.{name}", lambda np, x, y, f=name: getattr(np, f)(x, y), pair[0], pair[1])
    row(f"np.{name} broadcast", lambda np, x, y, f=name: getattr(np, f)(x, y), distinct(2, 1), distinct(3) + 0.05)
    row(f"np.{name} constant", lambda np, x, f=name: getattr(np, f)(x, 0.0), distinct(2, 3))
row("np.fmax skips nan", lambda np, x: np.fmax(x, [numpy.nan, 0.3, numpy.nan]), distinct(3))
row("np.mod", lambda np, x, y: np.mod(x, y), numpy.array([5.3, -4.4, 7.7]), numpy.array([2.0, 3.0, -2.5]))
row("np.remainder", lambda np, x: np.remainder(x, 2), numpy.array([5.3, -4.4]))
for name in ("sign", "floor", "ceil", "trunc", "rint", "round", "around", "fix", "argsort", "floor_divide"):
    extra = (2.0,) if name == "floor_divide" else ()
    row(f"np.{name} is constant", lambda np, x, f=name, e=extra: getattr(np, f)(x, *e) * x, away(3) + 0.05)

row("np.add.reduce", lambda np, x: numpy.add.reduce(x, axis=1), draw(2, 3), complex_step=True)
row("np.add.reduce keepdims", lambda np, x: numpy.add.reduce(x, 0, None, None, True), draw(2, 3), complex_step=True)
row("np.multiply.reduce", lambda np, x: numpy.multiply.reduce(x), away(3, 2), complex_step=True)
row("np.maximum.reduce", lambda np, x: numpy.maximum.reduce(x, axis=-1), distinct(3, 2))
row("np.add.accumulate", lambda np, x: numpy.add.accumulate(x, axis=1), draw(3, 2), complex_step=True)
row("np.multiply.outer", lambda np, x, y: numpy.multiply.outer(x, y), draw(2, 2), draw(3), complex_step=True)
row("np.subtract.outer", lambda np, x: numpy.subtract.outer(x, [1.0, 2.0]), draw(2), complex_step=True)
row("np.sin dtype", lambda np, x: np.sin(x, dtype=numpy.float64), draw(2), complex_step=False)

# ----- reductions -----------------------------------------------------------------------------------------------------

AXES: list[Any] = [None, 0, -1, 1, (0, 2), (-1, 1), ()]
REDUCTIONS: list[tuple[str, Callable[..., Any], bool]] = [
    ("sum", draw, True), ("mean", draw, True), ("prod", away, True), ("max", distinct, False),
    ("min", distinct, False), ("amax", distinct, False), ("amin", distinct, False), ("var", draw, False),
    ("std", distinct, False),
]  # fmt: skip
for name, domain, analytic in REDUCTIONS:
    for axis, keep in itertools.product(AXES, (False, True)):
        if axis == () and name == "std":
            continue
        row(
            f"np.{name} axis={axis} keepdims={keep}",
            lambda np, x, f=name, a=axis, k=keep: getattr(np, f)(x, axis=a, keepdims=k), domain(2, 3, 2),
            complex_step=analytic,
        )  # fmt: skip
    row(f"np.{name} vector", lambda np, x, f=name: getattr(np, f)(x), domain(4), complex_step=analytic)
    row(f"np.{name} list axis", lambda np, x, f=name: getattr(np, f)(x, 1), domain(2, 3), complex_step=analytic)
    if name not in ("amax", "amin"):
        row(f"x.{name}()", lambda np, x, f=name: getattr(x, f)(), domain(2, 3), complex_step=analytic)
        row(f"x.{name}(1)", lambda np, x, f=name: getattr(x, f)(1, keepdims=1), domain(2, 3), complex_step=analytic)
for name in ("sum", "mean", "prod", "max", "min"):
    row(f"np.{name} of a number", lambda np, x, f=name: getattr(np, f)(x) * x, draw())
for name in ("sum", "prod"):
    row(f"np.{name} of nothing", lambda np, x, f=name: getattr(np, f)(x), draw(0))
for ddof, axis in [(1, None), (1, 0), (1, (0, 2)), (0.5, -1)]:
    row(f"np.var ddof={ddof} axis={axis}", lambda np, x, d=ddof, a=axis: np.var(x, axis=a, ddof=d), draw(2, 3, 2))
    row(f"np.std ddof={ddof} axis={axis}", lambda np, x, d=ddof, a=axis: np.std(x, axis=a, ddof=d), distinct(2, 3, 2))
row("np.var correction", lambda np, x: np.var(x, correction=1), draw(4))
MASK = numpy.array([[True, False, True], [False, True, True]])
row("np.sum where", lambda np, x: np.sum(x, axis=1, where=MASK), draw(2, 3), complex_step=True)
row("np.sum initial", lambda np, x: np.sum(x, axis=1, initial=2.0), draw(2, 3), complex_step=True)
row("np.prod where", lambda np, x: np.prod(x, axis=1, where=MASK), away(2, 3), complex_step=True)
row("np.max where", lambda np, x: np.max(x, axis=1, where=MASK, initial=-9.0), distinct(2, 3))
row("np.min initial", lambda np, x: np.min(x, axis=1, initial=0.03), distinct(2, 3))
for axis in (None, 0, -1, 1):
    row(f"np.cumsum axis={axis}", lambda np, x, a=axis: np.cumsum(x, axis=a), draw(2, 3), complex_step=True)
row("x.cumsum(1)", lambda np, x: x.cumsum(1), draw(2, 3), complex_step=True)
row("np.prod with a zero", lambda np, x: np.prod(x), numpy.array([1.3, 0.0, -0.7]))
row("np.prod with two zeros", lambda np, x: np.prod(x), numpy.array([1.3, 0.0, -0.7, 0.0]))
row(
    "np.prod with zeros, axes",
    lambda np, x: np.prod(x, axis=(0, 2)),
    draw(2, 2, 2) * [[[1, 0], [1, 1]], [[0, 1], [1, 0]]],
)


def logsumexp(np: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`minigrad.numpy.logsumexp`, and the naive formula for plain arrays."""
    if np is minigrad.numpy:
        return np.logsumexp(x, axis=axis, keepdims=keepdims)
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


for axis, keep in itertools.product(AXES, (False, True)):
    row(
        f"logsumexp axis={axis} keepdims={keep}", lambda np, x, a=axis, k=keep: logsumexp(np, x, a, k),
        draw(2, 3, 2), complex_step=True, plain=False,
    )  # fmt: skip

# ----- shapes ---------------------------------------------------------------------------------------------------------


def total(np: Any, parts: Any) -> Any:
    """Several arrays as one: each with a weight of its own, raveled and joined."""
    return np.concatenate([np.ravel(part) * (k + 1.0) for k, part in enumerate(parts)])


SHAPING: list[tuple[str, Callable[..., Any], tuple[int, ...]]] = [
    ("reshape", lambda np, x: np.reshape(x, (3, 2)), (2, 3)),
    ("reshape -1", lambda np, x: np.reshape(x, -1), (2, 3)),
    ("reshape F", lambda np, x: np.reshape(x, (3, -1), order="F"), (2, 3)),
    ("x.reshape(3, 2)", lambda np, x: x.reshape(3, 2), (2, 3)),
    ("x.reshape((3, 2), order)", lambda np, x: x.reshape((3, 2), order="F"), (2, 3)),
    ("x.reshape(-1)", lambda np, x: x.reshape(-1), ()),
    ("ravel", lambda np, x: np.ravel(x), (2, 3)),
    ("ravel F", lambda np, x: np.ravel(x, order="F"), (2, 3)),
    ("x.ravel", lambda np, x: x.ravel(), (2, 3)),
    ("x.flatten", lambda np, x: x.flatten(), (2, 3)),
    ("x.flatten F", lambda np, x: x.flatten("F"), (2, 3)),
    ("x.T", lambda np, x: x.T, (2, 3, 4)),
    ("x.mT", lambda np, x: x.mT, (2, 3, 4)),
    ("x.T of a vector", lambda np, x: x.T, (3,)),
    ("transpose", lambda np, x: np.transpose(x), (2, 3)),
    ("transpose axes", lambda np, x: np.transpose(x, (1, 2, 0)), (2, 3, 4)),
    ("transpose negative", lambda np, x: np.transpose(x, (-1, 0, 1)), (2, 3, 4)),
    ("x.transpose(1, 2, 0)", lambda np, x: x.transpose(1, 2, 0), (2, 3, 4)),
    ("x.transpose((2, 0, 1))", lambda np, x: x.transpose((2, 0, 1)), (2, 3, 4)),
    ("permute_dims", lambda np, x: np.permute_dims(x, (1, 0)), (2, 3)),
    ("matrix_transpose", lambda np, x: np.matrix_transpose(x), (2, 3, 4)),
    ("moveaxis", lambda np, x: np.moveaxis(x, 0, -1), (2, 3, 4)),
    ("moveaxis several", lambda np, x: np.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4)),
    ("swapaxes", lambda np, x: np.swapaxes(x, 0, 2), (2, 3, 4)),
    ("x.swapaxes", lambda np, x: x.swapaxes(-1, 0), (2, 3, 4)),
    ("rollaxis", lambda np, x: np.rollaxis(x, 2, 1), (2, 3, 4)),
    ("expand_dims", lambda np, x: np.expand_dims(x, 1), (2, 3)),
    ("expand_dims several", lambda np, x: np.expand_dims(x, (0, 3)), (2, 3)),
    ("squeeze", lambda np, x: np.squeeze(x), (1, 3, 1)),
    ("squeeze axis", lambda np, x: np.squeeze(x, axis=0), (1, 3, 1)),
    ("x.squeeze", lambda np, x: x.squeeze(-1), (1, 3, 1)),
    ("broadcast_to", lambda np, x: np.broadcast_to(x, (4, 2, 3)), (2, 1)),
    ("broadcast_to number", lambda np, x: np.broadcast_to(x, 3), ()),
    ("broadcast_arrays", lambda np, x: total(np, np.broadcast_arrays(x, x[0], 2.0)), (2, 3)),
    ("atleast_1d", lambda np, x: np.atleast_1d(x), ()),
    ("atleast_2d", lambda np, x: np.atleast_2d(x), (3,)),
    ("atleast_3d", lambda np, x: np.atleast_3d(x), (2, 3)),
    ("atleast several", lambda np, x: total(np, np.atleast_2d(x, x[0], x[0, 0])), (2, 3)),
    ("flip", lambda np, x: np.flip(x), (2, 3)),
    ("flip axis", lambda np, x: np.flip(x, axis=1), (2, 3)),
    ("flip axes", lambda np, x: np.flip(x, axis=(0, -1)), (2, 3, 2)),
    ("fliplr", lambda np, x: np.fliplr(x), (2, 3)),
    ("flipud", lambda np, x: np.flipud(x), (2, 3)),
    ("roll", lambda np, x: np.roll(x, 2), (2, 3)),
    ("roll axis", lambda np, x: np.roll(x, -1, axis=1), (2, 3)),
    ("roll axes", lambda np, x: np.roll(x, (1, 2), axis=(0, 1)), (2, 3)),
    ("rot90", lambda np, x: np.rot90(x), (2, 3)),
    ("rot90 k", lambda np, x: np.rot90(x, k=3, axes=(1, 2)), (2, 3, 2)),
    ("tile number", lambda np, x: np.tile(x, 2), (2, 3)),
    ("tile", lambda np, x: np.tile(x, (2, 1, 3)), (2, 3)),
    ("tile list", lambda np, x: np.tile(x, [1, 4]), (3, 1)),
    ("tile scalar", lambda np, x: np.tile(x, 3), ()),
    ("repeat", lambda np, x: np.repeat(x, 2), (2, 3)),
    ("repeat axis", lambda np, x: np.repeat(x, 3, axis=1), (2, 3)),
    ("repeat array", lambda np, x: np.repeat(x, [1, 0, 2], axis=1), (2, 3)),
    ("repeat ndarray", lambda np, x: np.repeat(x, numpy.array([2, 1]), axis=0), (2, 3)),
    ("x.repeat", lambda np, x: x.repeat(2, axis=-1), (2, 3)),
    ("repeat scalar", lambda np, x: np.repeat(x, 3), ()),
    ("tril", lambda np, x: np.tril(x), (3, 3)),
    ("tril k", lambda np, x: np.tril(x, -1), (2, 3, 4)),
    ("triu", lambda np, x: np.triu(x, k=1), (3, 4)),
    ("diag of vector", lambda np, x: np.diag(x), (3,)),
    ("diag of vector k", lambda np, x: np.diag(x, k=-2), (3,)),
    ("diag of matrix", lambda np, x: np.diag(x), (2, 3)),
    ("diag of matrix k", lambda np, x: np.diag(x, 1), (3, 3)),
    ("diagonal", lambda np, x: np.diagonal(x), (3, 4)),
    ("diagonal offset axes", lambda np, x: np.diagonal(x, 1, 0, 2), (3, 2, 4)),
    ("x.diagonal", lambda np, x: x.diagonal(-1), (3, 4)),
    ("trace", lambda np, x: np.trace(x), (3, 4)),
    ("trace offset axes", lambda np, x: np.trace(x, offset=1, axis1=0, axis2=2), (3, 2, 4)),
    ("x.trace", lambda np, x: x.trace(), (3, 3)),
    ("pad", lambda np, x: np.pad(x, 1), (2, 3)),
    ("pad widths", lambda np, x: np.pad(x, ((1, 0), (0, 2))), (2, 3)),
    ("pad edge", lambda np, x: np.pad(x, 2, mode="edge"), (2, 3)),
    ("pad reflect", lambda np, x: np.pad(x, 1, mode="reflect"), (2, 3)),
    ("pad symmetric", lambda np, x: np.pad(x, (2, 1), mode="symmetric"), (4,)),
    ("pad wrap", lambda np, x: np.pad(x, 2, mode="wrap"), (4,)),
    ("diff", lambda np, x: np.diff(x), (2, 4)),
    ("diff twice", lambda np, x: np.diff(x, n=2, axis=0), (4, 2)),
    ("diff n=0", lambda np, x: np.diff(x, n=0), (3,)),
    ("concatenate", lambda np, x: np.concatenate([x, 2 * x]), (2, 3)),
    ("concatenate axis", lambda np, x: np.concatenate((x, M, x * x), axis=-1), (2, 3)),
    ("concatenate None", lambda np, x: np.concatenate((x, M[0]), axis=None), (2, 3)),
    ("concatenate integers", lambda np, x: np.concatenate((x, [1, 2])), (3,)),
    ("stack", lambda np, x: np.stack([x, M, x * x]), (2, 3)),
    ("stack axis", lambda np, x: np.stack([x, x * x], axis=1), (2, 3)),
    ("stack last", lambda np, x: np.stack((x, x * x), axis=-1), (2, 3)),
    ("append", lambda np, x: np.append(x, x * x), (2, 3)),
    ("append axis", lambda np, x: np.append(x, M, axis=0), (2, 3)),
    ("append constant", lambda np, x: np.append(M, x, axis=0), (2, 3)),
    ("vstack", lambda np, x: np.vstack([x, x * x, M[0]]), (3,)),
    ("hstack", lambda np, x: np.hstack([x, x * x]), (2, 3)),
    ("hstack vectors", lambda np, x: np.hstack([x, x * x, M[0]]), (3,)),
    ("dstack", lambda np, x: np.dstack([x, x * x]), (2, 3)),
    ("column_stack", lambda np, x: np.column_stack([x, x * x, M.T]), (3,)),
    ("split", lambda np, x: total(np, np.split(x, 2)), (4, 2)),
    ("split axis", lambda np, x: total(np, np.split(x, [1, 3], axis=1)), (2, 4)),
    ("split unsorted", lambda np, x: total(np, np.split(x, [3, 1])), (4,)),
    ("array_split", lambda np, x: total(np, np.array_split(x, 3, axis=-1)), (2, 4)),
    ("hsplit", lambda np, x: total(np, np.hsplit(x, 2)), (2, 4)),
    ("hsplit vector", lambda np, x: total(np, np.hsplit(x, [1])), (4,)),
    ("vsplit", lambda np, x: total(np, np.vsplit(x, 2)), (2, 4)),
    ("dsplit", lambda np, x: total(np, np.dsplit(x, 2)), (2, 3, 2)),
    ("copy", lambda np, x: np.copy(x) * x.copy(), (2, 3)),
    ("astype", lambda np, x: x.astype(numpy.float64), (2, 3)),
    ("zeros_like, ones_like", lambda np, x: np.zeros_like(x) + np.ones_like(x) * x, (2, 3)),
    ("iteration", lambda np, x: total(np, [r * r for r in x]), (2, 3)),
    ("unpacking", lambda np, x: np.concatenate([next(iter(x)), [*x][1] * x[0]]), (2, 3)),
]
for name, shaping, shape in SHAPING:
    row(f"{name}", shaping, draw(*shape), complex_step=name not in ("astype", "zeros_like, ones_like"))
FORTRAN = numpy.asfortranarray(draw(2, 3))
for order in "CFAK":
    ROWS.append(Row(f"ravel {order} of F", lambda np, x, o=order: np.ravel(x, order=o), (FORTRAN,)))
    if order != "K":
        ROWS.append(Row(f"reshape {order} of F", lambda np, x, o=order: np.reshape(x, (3, 2), order=o), (FORTRAN,)))
row("concatenate two", lambda np, x, y: np.concatenate([x, y], axis=1), draw(2, 3), draw(2, 1), complex_step=True)
row("stack two", lambda np, x, y: np.stack([x, y], axis=1), draw(2, 3), draw(2, 3), complex_step=True)
row("concatenate empty", lambda np, x, y: np.concatenate([x, y]), draw(0), draw(2), complex_step=True)

# ----- indexing -------------------------------------------------------------------------------------------------------

P, Q = numpy.array([0, 1, 1, 0]), numpy.array([2, 0, 0, 2])
INDICES: list[tuple[str, Any]] = [
    ("1", 1), ("-1", -1), ("np.int64", numpy.int64(1)), ("1, 2", (1, 2)), ("1, -1, 0", (1, -1, 0)),
    ("::2", slice(None, None, 2)),
    ("::-1", slice(None, None, -1)), (":, 1", (slice(None), 1)), ("..., 0", (..., 0)), ("...", ...), ("None", None),
    ("1:, None, 0", (slice(1, None), None, 0)), ("0, ..., None", (0, ..., None)), ("()", ()), ("5:", slice(5, None)),
    ("list", [1, 0]), ("repeated list", [1, 1, 0]), ("array", P), ("P, Q", (P, Q)), ("repeated pairs", (P, Q, 1)),
    ("2-D array", numpy.array([[0, 1], [1, 1]])), ("mixed :, Q", (slice(None), Q)),
    ("mixed P, :, 1", (P, slice(None), 1)),
    ("P, None, Q", (P, None, Q)), ("..., P", (..., P)), ("ix_", numpy.ix_([1, 0], [2, 0], [1, 1])),
    ("mask", rng.random((2, 3, 2)) > 0.4), ("row mask", numpy.array([True, False])), ("mask, 1", (MASK, 1)),
    ("mask of none", numpy.zeros((2, 3, 2), bool)), ("empty list", []), ("list of bools", [True, False]),
    ("negative list", [-1, -2, -1]), (":, list", (slice(None), [0, 2, 0])), ("list, list", ([0, 1], [1, 1])),
    ("tuple of slices", (slice(0, 2), slice(1, 3), slice(None, None, -1))), ("True", True),
]  # fmt: skip
for name, index in INDICES:
    row(f"x[{name}]", lambda np, x, i=index: x[i] * 1.0, draw(2, 3, 2), complex_step=True)
row("x[x > 0]", lambda np, x: x[x > 0], away(2, 3))
row("x[np.argsort(x)]", lambda np, x: x[np.argsort(x)], distinct(5))
row("x[np.argmax(x)]", lambda np, x: x[np.argmax(x)], distinct(5))
row("x[np.nonzero(x > 0)]", lambda np, x: x[np.nonzero(x > 0)], away(2, 3))
row("x[1] and x", lambda np, x: x[1] * x + x[0] + x[1, 2] * x[[0, 1]], draw(2, 3), complex_step=True)
row("x.item()", lambda np, x: x.item() * x, draw(1, 1))
row("x.item(i)", lambda np, x: x.item(2) * x, draw(2, 2))
row("x.flat", lambda np, x: x.flat[1] * x, draw(2, 2))

# ----- choosing -------------------------------------------------------------------------------------------------------

row("where", lambda np, x, y: np.where(MASK, x, y), draw(2, 3), draw(2, 3))
row("where broadcast", lambda np, x, y: np.where(MASK, x, y), draw(3), draw())
row("where wide mask", lambda np, x: np.where(MASK, x, 1.0), draw(1, 3))
row("where integers", lambda np, x: np.where(MASK, 2, x), draw(2, 3))
row("where of itself", lambda np, x: np.where(x > 0, x, x * x), away(2, 3))
row("where list", lambda np, x: np.where([True, False, True], x, [1, 2, 3]), draw(3))
row("clip", lambda np, x: np.clip(x, -0.25, 0.3), distinct(2, 4))
row("clip low", lambda np, x: np.clip(x, -0.25, None), distinct(2, 4))
row("clip high", lambda np, x: np.clip(x, None, 0.3), distinct(2, 4))
row("clip keywords", lambda np, x: np.clip(x, min=-0.25, max=0.3), distinct(2, 4))
row("clip traced bounds", lambda np, x, low, high: np.clip(x, low, high), distinct(2, 4), [-0.3], 0.35)
row("x.clip", lambda np, x: x.clip(-0.25, 0.3), distinct(2, 4))
row("x.clip keywords", lambda np, x: x.clip(max=0.3), distinct(2, 4))
row("nan_to_num constants", lambda np, x: np.nan_to_num(x * [1.0, 2.0, 3.0], nan=1.0, posinf=7.0), draw(3))
row("np.max ties apart", lambda np, x: np.max(x, axis=0) - np.min(x), distinct(4, 2))

# ----- products -------------------------------------------------------------------------------------------------------

STACKS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,)),
    ((2, 4, 3), (3, 2)), ((2, 3), (4, 3, 2)), ((2, 2, 3), (2, 3, 2)), ((1, 2, 3), (4, 3, 2)), ((4, 2, 3), (1, 3, 1)),
    ((2, 1, 2, 3), (3, 3, 2)), ((3,), (2, 2, 3, 2)), ((2, 1, 2, 3), (3,)), ((2, 1, 2, 3), (1, 2, 3, 2)),
    ((2, 3), (2, 2, 3, 1)),
    ((0,), (0,)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((1, 1), (1, 1)),
]  # fmt: skip
for s, t in STACKS:
    row(f"x @ y {s} {t}", lambda np, x, y: x @ y, draw(*s), draw(*t), complex_step=True)
    row(f"np.matmul {s} {t}", lambda np, x, y: np.matmul(x, y), draw(*s), draw(*t), complex_step=True)
    left, right = draw(*s), draw(*t)
    row(f"constant @ y {s} {t}", lambda np, y, c=left: c @ y, right, complex_step=True)
    row(f"x @ constant {s} {t}", lambda np, x, c=right: x @ c, left, complex_step=True)
DIMENSIONS = {0: (), 1: (3,), 2: (2, 3), 3: (2, 2, 3), 4: (2, 1, 2, 3)}
for nx, ny in itertools.product(range(5), range(5)):
    s, t = DIMENSIONS[nx], DIMENSIONS[ny]
    flipped = t[:-2] + t[-2:][::-1] if len(t) > 1 else t
    row(f"np.dot {s} {flipped}", lambda np, x, y: np.dot(x, y), draw(*s), draw(*flipped), complex_step=True)
    row(f"np.inner {s} {t}", lambda np, x, y: np.inner(x, y), draw(*s), draw(*t), complex_step=True)
    if nx + ny <= 4:
        row(f"np.outer {s} {t}", lambda np, x, y: np.outer(x, y), draw(*s), draw(*t), complex_step=True)
        row(f"np.kron {s} {t}", lambda np, x, y: np.kron(x, y), draw(*s), draw(*t), complex_step=True)
        row(f"tensordot axes=0 {s} {t}", lambda np, x, y: np.tensordot(x, y, 0), draw(*s), draw(*t), complex_step=True)
row("x.dot(y)", lambda np, x, y: x.dot(y), draw(2, 3), draw(3, 2), complex_step=True)
row("array.dot via np", lambda np, y: np.dot(M, y), draw(3), complex_step=True)
row("dot of lists", lambda np, y: np.dot([[1.0, 2, 3]], y), draw(3), complex_step=True)
row("np.vdot", lambda np, x, y: np.vdot(x, y), draw(2, 3), draw(2, 3))
TENSORDOT: list[tuple[tuple[int, ...], tuple[int, ...], Any]] = [
    ((2, 3), (3, 4), 1), ((2, 3, 4), (3, 4, 2), 2), ((2, 3), (2, 3), 2), ((2, 3, 4), (4, 3), ([2, 1], [0, 1])),
    ((2, 3, 4), (4, 3), ((1, 2), (1, 0))), ((2, 3, 4), (2, 4), ([0, -1], [0, 1])), ((2, 3), (4, 3), (1, 1)),
    ((3,), (3,), 1),
    ((2, 3, 4), (3, 5, 2), ([1, 0], [0, 2])), ((2, 3), (4,), ([], [])),
]  # fmt: skip
for s, t, axes in TENSORDOT:
    row(
        f"tensordot {s} {t} {axes}",
        lambda np, x, y, a=axes: np.tensordot(x, y, a),
        draw(*s),
        draw(*t),
        complex_step=True,
    )
EINSUM: list[tuple[str, tuple[tuple[int, ...], ...]]] = [
    ("ij,jk", ((2, 3), (3, 2))), ("ij,jk->ik", ((2, 3), (3, 2))), ("ij,kj->ki", ((2, 3), (4, 3))),
    ("i,i", ((3,), (3,))),
    ("i,j->ji", ((2,), (3,))), ("ij->ji", ((2, 3),)), ("ij->", ((2, 3),)), ("ij->j", ((2, 3),)), ("ii", ((3, 3),)),
    ("ii->i", ((3, 3),)), ("iij->j", ((2, 2, 3),)), ("iii->i", ((2, 2, 2),)), ("ij,j->", ((2, 3), (3,))),
    ("ii,i->i", ((3, 3), (3,))), ("ii,jj->ij", ((2, 2), (3, 3))), ("ij,kl->", ((2, 3), (2, 2))),
    ("ij,kl->il", ((2, 3), (2, 2))),
    ("i,i,i->i", ((3,), (3,), (3,))), ("ij,jk,kl->il", ((2, 3), (3, 2), (2, 4))),
    ("ij,jk,ki", ((2, 3), (3, 2), (2, 2))),
    ("...ij,...jk->...ik", ((2, 2, 3), (2, 3, 2))), ("...ij,...jk", ((4, 2, 3), (3, 2))), ("...i->...", ((2, 3),)),
    ("i...->...i", ((2, 3, 4),)), ("...,...->...", ((2, 3), (3,))), ("...", ((2, 3),)),
    ("bij,bjk->bik", ((2, 2, 3), (2, 3, 2))),
    ("ij,ij->ij", ((1, 3), (2, 3))), ("ij,ij->", ((2, 1), (2, 3))), ("bij,jk->bik", ((2, 2, 3), (3, 1))),
    ("i,i->", ((1,), (3,))),
    ("ji", ((2, 3),)), ("ba,cb", ((2, 3), (4, 2))), ("Ab,bC", ((2, 3), (3, 2))),
    (" i j , j k -> i k ", ((2, 3), (3, 2))),
    (",i->i", ((), (3,))), ("ij,,j->i", ((2, 3), (), (3,))), ("ijj->i", ((2, 3, 3),)),
    ("ab,ab,ab->a", ((2, 3), (2, 3), (1, 3))),
    ("...ii->...i", ((2, 3, 3),)), ("i...,i...->...", ((2, 3), (2, 3))), ("ij,...j->...i", ((2, 3), (4, 3))),
    ("i,j,k->kij", ((2,), (3,), (2,))),
    ("ii,i->i", ((1, 1), (3,))),
]  # fmt: skip
for subscripts, shapes in EINSUM:
    row(
        f"einsum {subscripts} {shapes}", lambda np, *xs, s=subscripts: np.einsum(s, *xs), *[draw(*s) for s in shapes],
        complex_step=True,
    )  # fmt: skip
row("einsum x, x", lambda np, x: np.einsum("ij,kj->ik", x, x), draw(2, 3), complex_step=True)
row("einsum with a constant", lambda np, x: np.einsum("ij,jk", M, x), draw(3, 2), complex_step=True)
row(
    "einsum sublists",
    lambda np, x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]),
    draw(2, 3),
    draw(3, 2),
    complex_step=True,
)
row(
    "einsum sublists implicit",
    lambda np, x, y: np.einsum(x, [7, 1], y, [1, 2]),
    draw(2, 3),
    draw(3, 2),
    complex_step=True,
)
row("einsum sublists ellipsis", lambda np, x: np.einsum(x, [..., 1], [...]), draw(2, 3), complex_step=True)
row(
    "einsum optimize",
    lambda np, x, y: np.einsum("ij,jk,kl", x, y, x, optimize=True),
    draw(2, 2),
    draw(2, 2),
    complex_step=True,
)

# ----- building from lists of traced values ---------------------------------------------------------------------------

row("np.array [a, b]", lambda np, x: np.array([x[0] * x[1], x[1]]), draw(2), plain=False, complex_step=True)
row("np.array nested", lambda np, x: np.array([[x[0], 1.0], [x[1] * x[0], 2]]), draw(2), plain=False, complex_step=True)
row("np.array of rows", lambda np, x: np.array([x, M[0], x * x]), draw(3), plain=False, complex_step=True)
row("np.array of tuple", lambda np, x: np.array((x[0], (x[1], x[1])[0])), draw(2), plain=False, complex_step=True)
row("np.asarray list", lambda np, x: np.asarray([x[0], x[1]]), draw(2), plain=False, complex_step=True)
row("np.array dtype", lambda np, x: np.array([x[0], x[1]], dtype=numpy.float64), draw(2), plain=False)
row("np.array ndmin", lambda np, x: np.array([x[0], x[1]], ndmin=2), draw(2), plain=False, complex_step=True)
row("np.array of x", lambda np, x: np.array(x) * np.asarray(x), draw(2), plain=False, complex_step=True)
row("np.full", lambda np, x: np.full((2, 3), x), draw(), plain=False, complex_step=False)
row("np.full_like", lambda np, x: np.full_like(M, x) * x, draw(), plain=False, complex_step=False)
row("np.sum of list", lambda np, x: np.sum([x[0], x[1] * 2]), draw(2), plain=False, complex_step=True)
row("np.max of list", lambda np, x: np.max([x[0], x[1] * 2]), numpy.array([0.3, 0.5]), plain=False)
row("np.exp of list", lambda np, x: np.exp([x[0], x[1] * 2]), draw(2), plain=False, complex_step=True)
row("np.dot with list", lambda np, x: np.dot(M, [x[0], x[1], 3.0]), draw(2), plain=False, complex_step=True)
row("np.stack of floats", lambda np, x: np.stack([x[0], x[1], 2.0]), draw(2), complex_step=True)
row("np.hstack of numbers", lambda np, x: np.hstack([x[0], x[1], 2.0]), draw(2), complex_step=True)
row("np.mean of list", lambda np, x: np.mean([x[0], x[1]]), draw(2), plain=False, complex_step=True)

# ======================================================================================================================

names = [r.name for r in ROWS]
IDS = [f"{name} #{names[:k].count(name)}" if names[:k].count(name) else name for k, name in enumerate(names)]
every_row = pytest.mark.parametrize("r", ROWS, ids=IDS)


def traced(r: Row, np: Any = minigrad.numpy) -> Callable[..., Any]:
    """The row's function of its arguments alone."""
    return lambda *args: r.fun(np, *args)


def weights(r: Row) -> Any:
    """A random cotangent for the output of the row."""
    return numpy.random.default_rng(1).uniform(0.5, 1.5, numpy.shape(r.fun(numpy, *r.args)))


def direction(r: Row, seed: int = 2) -> tuple[Any, ...]:
    """A random tangent for the arguments of the row."""
    generator = numpy.random.default_rng(seed)
    return tuple(numpy.asarray(generator.uniform(-1, 1, x.shape)) for x in r.args)


def scalar(r: Row, np: Any = minigrad.numpy) -> Callable[..., Any]:
    """A nonlinear function of the output with values in the reals, so that linear rows have second derivatives too."""
    c = weights(r)

    def fun(*args: Any) -> Any:
        out = r.fun(np, *args)
        return np.sum(c * out + 0.5 * c * c * out * out)

    return fun


def packed(r: Row, np: Any = minigrad.numpy) -> Callable[[Any], Any]:
    """`scalar`, as a function of the tuple of arguments."""
    fun = scalar(r, np)
    return lambda args: fun(*args)


def inner(xs: Any, ys: Any) -> Any:
    """The scalar product of two tuples of arrays, traced or not."""
    return sum(minigrad.numpy.sum(x * y) for x, y in zip(xs, ys))


@every_row
def test_value_is_that_of_numpy(r: Row) -> None:
    """A traced function computes what NumPy computes, with its shape and dtype."""
    expected = r.fun(numpy, *r.args)
    value, _ = vjp(traced(r), *r.args)
    assert value.dtype == numpy.asarray(expected).dtype
    assert_close(value, expected, 1e-14)


@every_row
def test_backward_against_differences(r: Row) -> None:
    """The pullback of a random cotangent is the gradient by finite differences."""
    c = weights(r)
    _, pullback = vjp(traced(r), *r.args)
    expected = difference_gradient(lambda *args: numpy.sum(c * r.fun(numpy, *args)), r.args)
    for ct, reference in zip(pullback(c), expected):
        assert_close(ct, reference, DIFFERENCES, floor=1e-3)


@pytest.mark.parametrize("r", [r for r in ROWS if r.complex_step], ids=[i for i, r in zip(IDS, ROWS) if r.complex_step])
def test_backward_against_complex_step(r: Row) -> None:
    """The pullback of a random cotangent is the gradient by the complex step, to rounding."""
    c = weights(r)
    _, pullback = vjp(traced(r), *r.args)
    expected = complex_step_gradient(lambda *args: numpy.sum(c * r.fun(numpy, *args)), r.args)
    for ct, reference in zip(pullback(c), expected):
        assert_close(ct, reference, 1e-13, floor=1e-3)


@every_row
def test_forward_against_differences(r: Row) -> None:
    """The pushforward of a random tangent is the directional derivative by finite differences."""
    t = direction(r)
    value, tangent = jvp(traced(r), r.args, t)
    assert_close(value, r.fun(numpy, *r.args), 1e-14)
    assert_close(tangent, difference_jvp(lambda *args: r.fun(numpy, *args), r.args, t), DIFFERENCES, floor=1e-3)


@every_row
def test_modes_are_adjoint(r: Row) -> None:
    """<c, J t> = <J^T c, t>."""
    c, t = weights(r), direction(r)
    _, tangent = jvp(traced(r), r.args, t)
    _, pullback = vjp(traced(r), *r.args)
    left, right = numpy.sum(c * tangent), inner(pullback(c), t)
    assert abs(left - right) <= MODES * max(1.0, float(numpy.sum(abs(c * tangent))))


@every_row
def test_second_order(r: Row) -> None:
    """The Hessian-vector product in all four combinations of the modes, and by differences of the gradient."""
    fun, v, w = packed(r), direction(r), direction(r, 3)
    gradient = grad(fun)
    reverse_reverse = grad(lambda p: inner(gradient(p), v))(r.args)
    _, forward_reverse = jvp(gradient, (r.args,), (v,))
    reverse_forward = grad(lambda p: jvp(fun, (p,), (v,))[1])(r.args)
    _, forward_forward = jvp(lambda p: jvp(fun, (p,), (v,))[1], (r.args,), (w,))
    for k, x in enumerate(r.args):
        expected = richardson(lambda t, k=k: gradient(tuple(shifted(r.args, v, t)))[k])
        assert_close(reverse_reverse[k], expected, DIFFERENCES, floor=1e-2)
        assert_close(forward_reverse[k], reverse_reverse[k], MODES, floor=1e-3)
        assert_close(reverse_forward[k], reverse_reverse[k], MODES, floor=1e-3)
        assert reverse_reverse[k].shape == x.shape
    size = sum(float(numpy.sum(abs(h * u))) for h, u in zip(reverse_reverse, w))
    assert abs(inner(reverse_reverse, w) - forward_forward) <= MODES * max(1.0, size)


@pytest.mark.parametrize("r", [r for r in ROWS if r.plain], ids=[i for i, r in zip(IDS, ROWS) if r.plain])
def test_numpy_dispatches(r: Row) -> None:
    """The same program written with `numpy` gives the same derivatives, to the last bit."""
    ours, theirs = vjp(traced(r), *r.args), vjp(traced(r, numpy), *r.args)
    c = weights(r)
    assert numpy.array_equal(ours[0], theirs[0])
    for a, b in zip(ours[1](c), theirs[1](c)):
        assert numpy.array_equal(a, b)
    assert numpy.array_equal(jvp(traced(r), r.args, direction(r))[1], jvp(traced(r, numpy), r.args, direction(r))[1])


@every_row
def test_float32_stays(r: Row) -> None:
    """A float32 argument has a float32 gradient, close to that in float64."""
    narrow = tuple(x.astype(numpy.float32) for x in r.args)
    wide = tuple(x.astype(numpy.float64) for x in narrow)
    for a, b in zip(grad(packed(r))(narrow), grad(packed(r))(wide)):
        assert a.dtype == numpy.float32
        assert_close(a, b, 2e-4, floor=1e-2)
    _, tangents = jvp(traced(r), narrow, tuple(t.astype(numpy.float32) for t in direction(r)))
    assert tangents.dtype == numpy.asarray(jvp(traced(r), narrow, direction(r))[0]).dtype


@every_row
def test_lean_tape_forgets_nothing_needed(r: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """When every unneeded value is dropped, whatever its size, gradients stay the same to the last bit."""
    expected = grad(packed(r))(r.args)
    monkeypatch.setattr(minigrad.core.lean.LeanTape, "LARGE", 0)
    for a, b in zip(grad(packed(r))(r.args), expected):
        assert numpy.array_equal(a, b)


@every_row
def test_results_are_fresh_arrays(r: Row) -> None:
    """Gradients and tangents have the shape and dtype of their argument and share memory with nothing."""
    c, t = weights(r), direction(r)
    _, pullback = vjp(traced(r), *r.args)
    results = [*pullback(c), *pullback(c), jvp(traced(r), r.args, t)[1]]
    for ct, x in zip(results, r.args * 2):
        assert isinstance(ct, numpy.ndarray)
        assert ct.shape == x.shape
        assert ct.dtype == x.dtype
        assert ct.flags.writeable
    arrays = [a for a in (*results, *r.args, *t, c) if isinstance(a, numpy.ndarray)]
    for a, b in itertools.combinations(arrays, 2):
        if any(a is x or b is x for x in results):
            assert not numpy.shares_memory(a, b)


# ----- broadcasting, with shapes found by hypothesis ------------------------------------------------------------------

OPERATIONS = {
    "add": numpy.add, "subtract": numpy.subtract, "multiply": numpy.multiply, "divide": numpy.divide,
    "power": numpy.power, "arctan2": numpy.arctan2, "hypot": numpy.hypot, "logaddexp": numpy.logaddexp,
    "maximum": numpy.maximum, "minimum": numpy.minimum, "remainder": numpy.remainder,
}  # fmt: skip


def folded(g: Any, shape: tuple[int, ...]) -> Any:
    """The sum of g over the axes along which `shape` was stretched, one entry at a time."""
    ans = numpy.zeros(shape)
    sources = numpy.broadcast_to(numpy.arange(ans.size).reshape(shape), g.shape)
    for source, entry in zip(sources.ravel(), g.ravel()):
        ans.ravel()[source] += entry
    return ans


@pytest.mark.parametrize("name", OPERATIONS)
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3), seed=st.integers(0, 99))
def test_broadcasting(name: str, shapes: Any, seed: int) -> None:
    """The gradient through broadcasting is that of the operation on full arrays, folded back; and modes agree."""
    op, generator = OPERATIONS[name], numpy.random.default_rng(seed)
    x, y = (numpy.asarray(generator.uniform(0.5, 2.0, s)) for s in shapes.input_shapes)
    c = numpy.asarray(generator.normal(size=shapes.result_shape))
    full = [numpy.array(numpy.broadcast_to(v, c.shape)) for v in (x, y)]
    out, pullback = vjp(op, x, y)
    assert out.shape == shapes.result_shape
    for ct, wide, v in zip(pullback(c), vjp(op, *full)[1](c), (x, y)):
        assert_close(ct, folded(wide, v.shape), 1e-13, floor=1e-2)
    t = tuple(numpy.asarray(generator.normal(size=v.shape)) for v in (x, y))
    _, tangent = jvp(op, (x, y), t)
    assert tangent.shape == c.shape
    assert abs(numpy.sum(c * tangent) - inner(pullback(c), t)) <= 1e-11
    alone = grad(lambda v: numpy.sum(c * op(v, y)))(x)
    assert_close(alone, pullback(c)[0], 1e-13, floor=1e-2)


@given(shapes=mutually_broadcastable_shapes(num_shapes=3, max_dims=3, min_side=0, max_side=3), seed=st.integers(0, 99))
def test_broadcasting_where(shapes: Any, seed: int) -> None:
    """`where` with a condition and two branches of three shapes."""
    generator = numpy.random.default_rng(seed)
    mask, x, y = (numpy.asarray(generator.normal(size=s)) for s in shapes.input_shapes)
    c = numpy.asarray(generator.normal(size=shapes.result_shape))
    out, pullback = vjp(lambda x, y: numpy.where(mask > 0, x, y), x, y)
    assert numpy.array_equal(out, numpy.where(mask > 0, x, y))
    of_x, of_y = pullback(c)
    assert_close(of_x, folded(numpy.where(mask > 0, c, 0), x.shape), 1e-13, floor=1e-2)
    assert_close(of_y, folded(numpy.where(mask > 0, 0, c), y.shape), 1e-13, floor=1e-2)


@given(
    shapes=mutually_broadcastable_shapes(signature="(n,k),(k,m)->(n,m)", max_dims=2, min_side=1, max_side=3),
    seed=st.integers(0, 99),
)
def test_broadcasting_matmul(shapes: Any, seed: int) -> None:
    """Stacks of matrices: both modes are adjoint, and the gradient is that of the sum of products."""
    generator = numpy.random.default_rng(seed)
    x, y = (generator.normal(size=s) for s in shapes.input_shapes)
    c = generator.normal(size=shapes.result_shape)
    expected = complex_step_gradient(lambda x, y: numpy.sum(c * (x @ y)), (x, y))
    for ct, reference in zip(vjp(operator.matmul, x, y)[1](c), expected):
        assert_close(ct, reference, 1e-12, floor=1e-2)


# ----- third derivatives against mpmath -------------------------------------------------------------------------------

EXACT: list[tuple[str, Any, float]] = [
    ("exp", mpmath.exp, 0.7), ("exp2", lambda x: mpmath.mpf(2) ** x, 0.7), ("expm1", mpmath.expm1, 0.3),
    ("log", mpmath.log, 1.7),
    ("log2", lambda x: mpmath.log(x, 2), 1.7), ("log10", mpmath.log10, 1.7), ("log1p", mpmath.log1p, 0.3),
    ("sqrt", mpmath.sqrt, 1.3),
    ("cbrt", mpmath.cbrt, 1.3), ("square", lambda x: x * x, 1.3), ("reciprocal", lambda x: 1 / x, 1.3),
    ("sin", mpmath.sin, 0.4),
    ("cos", mpmath.cos, 0.4), ("tan", mpmath.tan, 0.4), ("arcsin", mpmath.asin, 0.4), ("arccos", mpmath.acos, 0.4),
    ("arctan", mpmath.atan, 0.4), ("sinh", mpmath.sinh, 0.4), ("cosh", mpmath.cosh, 0.4), ("tanh", mpmath.tanh, 0.4),
    ("arcsinh", mpmath.asinh, 0.4), ("arccosh", mpmath.acosh, 1.7), ("arctanh", mpmath.atanh, 0.4),
    ("sinc", lambda x: mpmath.sincpi(x), 0.1), ("sinc", lambda x: mpmath.sincpi(x), 0.6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "exact", "x"), EXACT, ids=[f"{name} at {x}" for name, _, x in EXACT])
def test_derivatives_1_to_4_against_mpmath(name: str, exact: Any, x: float) -> None:
    """Derivatives of orders 1 to 4 of every analytic ufunc, by nesting grad, to near rounding."""
    fun: Callable[..., Any] = getattr(numpy, name)
    for order in range(1, 5):
        fun = grad(fun)
        assert_close(fun(x), exact_derivative(exact, x, order), 2e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_sinc_at_its_removable_singularity(order: int) -> None:
    """Derivatives of sinc at 0: 0 for odd orders, (-1)^m pi^2m / (2m + 1) for order 2m."""
    fun: Callable[..., Any] = numpy.sinc
    for _ in range(order):
        fun = grad(fun)
    m = order // 2
    expected = 0.0 if order % 2 else (-1) ** m * numpy.pi**order / (order + 1)
    assert abs(fun(0.0) - expected) <= 1e-10 * max(1.0, abs(expected))


# ----- special points: the documented subgradients --------------------------------------------------------------------

SPECIAL: list[tuple[str, Callable[..., Any], Any, Any]] = [
    ("abs at 0", lambda x: numpy.abs(x), 0.0, 0.0),
    ("fabs at 0", lambda x: numpy.fabs(x), 0.0, 0.0),
    ("hypot at 0", lambda x: numpy.hypot(x[0], x[1]), [0.0, 0.0], [0.0, 0.0]),
    ("maximum at a tie", lambda x: numpy.maximum(x[0], x[1]), [1.0, 1.0], [0.5, 0.5]),
    ("minimum at a tie", lambda x: numpy.minimum(x[0], x[1]), [1.0, 1.0], [0.5, 0.5]),
    ("max with three ties", lambda x: numpy.max(x), [2.0, 1.0, 2.0, 2.0], [1 / 3, 0.0, 1 / 3, 1 / 3]),
    ("std of equal entries", lambda x: numpy.std(x), [1.0, 1.0], [0.0, 0.0]),
    ("x ** 0 at 0", lambda x: x**0, 0.0, 0.0),
    ("x ** 0.0 at 0", lambda x: x**0.0, 0.0, 0.0),
    ("x ** 1 at 0", lambda x: x**1, 0.0, 1.0),
    ("x ** 2 at 0", lambda x: x**2, 0.0, 0.0),
    ("x ** array at 0", lambda x: numpy.sum(x ** numpy.array([0.0, 1.0, 2.0])), 0.0, 1.0),
    ("0 ** y", lambda y: 0.0**y, 2.0, 0.0),
    ("0.0 array ** y", lambda y: numpy.sum(numpy.array([0.0, 2.0]) ** y), 2.0, 4 * numpy.log(2.0)),
    ("prod with one zero", lambda x: numpy.prod(x), [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    ("prod with two zeros", lambda x: numpy.prod(x), [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ("sinc at 0", lambda x: numpy.sinc(x), 0.0, 0.0),
    ("logsumexp with -inf", lambda x: minigrad.numpy.logsumexp(x), [0.0, -numpy.inf], [1.0, 0.0]),
    ("logsumexp of large", lambda x: minigrad.numpy.logsumexp(x), [-2000.0, 1000.0], [0.0, 1.0]),
    ("logaddexp of large", lambda x: numpy.logaddexp(x[0], x[1]), [-2000.0, 1000.0], [0.0, 1.0]),
    ("nan_to_num", lambda x: numpy.sum(numpy.nan_to_num(x) * x[0]), [2.0, numpy.nan, 3.0], [2 * 2.0 + 3, 0.0, 2.0]),
    ("1.0 % 0.1", lambda y: 1.0 % y, 0.1, -9.0),
    ("relu at 0", lambda x: numpy.maximum(x, 0.0), 0.0, 0.5),
]


@pytest.mark.parametrize(("fun", "x", "expected"), [s[1:] for s in SPECIAL], ids=[s[0] for s in SPECIAL])
def test_special_points(fun: Any, x: Any, expected: Any) -> None:
    """Finite derivatives where a subgradient exists, in both modes, and without a warning."""
    x = numpy.asarray(x)
    assert_close(grad(fun)(x), expected, 1e-14)
    unit = numpy.ones_like(x)
    assert_close(jvp(fun, (x,), (unit,))[1], numpy.sum(expected), 1e-14)


def test_logsumexp_of_large_numbers_keeps_its_digits() -> None:
    """Softmax loses no more than the rounding of its arguments: eps times their size."""
    x = numpy.array([1000.0, 1000.0])
    assert_close(grad(minigrad.numpy.logsumexp)(x), [0.5, 0.5], 1000 * 2.3e-16)


@pytest.mark.parametrize("mode", ["backward", "forward"])
@pytest.mark.parametrize("root", [lambda x: numpy.sqrt(x), lambda x: x**0.5], ids=["sqrt", "power"])
def test_nothing_leaks_from_the_branch_of_where_not_taken(mode: str, root: Any) -> None:
    """sqrt has an infinite slope at 0; behind a `where` that does not take it, the derivative is 0, with no warning."""
    x = numpy.array([0.0, 4.0])

    def guarded(x: Any) -> Any:
        return numpy.where(x > 0, root(x), 0.0)

    if mode == "backward":
        assert_close(grad(lambda x: numpy.sum(guarded(x)))(x), [0.0, 0.25], 1e-15)
        hessian_row = grad(lambda x: numpy.sum(grad(lambda x: numpy.sum(guarded(x)))(x)))(x)
        assert_close(hessian_row, [0.0, -1 / 32], 1e-14)
    else:
        assert_close(jvp(guarded, (x,), (numpy.ones(2),))[1], [0.0, 0.25], 1e-15)
        tangent = jvp(grad(lambda x: numpy.sum(guarded(x))), (x,), (numpy.ones(2),))[1]
        assert_close(tangent, [0.0, -1 / 32], 1e-14)


def test_third_order_of_a_product_with_two_zeros() -> None:
    """d3/dx0 dx1 dx2 of prod(x) is the product of the others, also where it was 0 before."""
    x = numpy.array([0.0, 0.0, 0.0, 5.0])
    e = numpy.eye(4)

    def along(fun: Any, v: Any) -> Any:
        return lambda x: jvp(fun, (x,), (v,))[1]

    assert along(along(along(numpy.prod, e[0]), e[1]), e[2])(x) == 5.0
    reverse = grad(lambda x: grad(lambda x: grad(lambda x: numpy.prod(x))(x)[0])(x)[1])(x)
    assert numpy.array_equal(reverse, [0.0, 0.0, 5.0, 0.0])
