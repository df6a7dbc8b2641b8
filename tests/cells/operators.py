"""Cells of Python's operators on arrays, with constants of every kind on either side, and of the methods of ufuncs."""

import operator

import numpy

from cells import BINARY, UNARY, at, away, broken, cell, distinct, draw, positive

M = numpy.array([[1.3, 0.7, 1.9], [0.6, 1.1, 1.6]])
CONSTANTS = (2, 2.5, numpy.float64(1.5), M, M[0].astype(numpy.float32), numpy.array([1, 2, 3]), numpy.array(2))
PAIRS = (*((shape, shape) for shape in UNARY), ((2, 1), (3,)))
D = (2, 3)

# fmt: off
for name, op in [("add", operator.add), ("subtract", operator.sub), ("multiply", operator.mul), ("divide", operator.truediv)]:
    cell(f"numpy.{name}", lambda np, x, y, op=op: op(x, y), away, away, shapes=PAIRS, analytic=True, note="operator")
    cell(f"numpy.{name}", lambda np, x, op=op: op(x, x), away, shapes=((3,),), analytic=True, note="of itself")
    cell(f"numpy.{name}", lambda np, x, c, op=op: op(x, c), away, shapes=(D,), over=[(c,) for c in CONSTANTS], analytic=True, note="constant")
    cell(f"numpy.{name}", lambda np, x, c, op=op: op(c, x), away, shapes=(D,), over=[(c,) for c in CONSTANTS], analytic=True, note="to a constant")
for name in ["add", "subtract", "multiply", "divide", "true_divide", "power", "float_power", "pow"]:
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, 1.5), positive, shapes=((3,),), analytic=True, note="x only")
    cell(f"numpy.{name}", lambda np, y, f=name: getattr(np, f)([1.5, 0.5, 2], y), positive, shapes=((3,),), analytic=True, note="y only")
for name in ["logaddexp", "logaddexp2", "arctan2", "atan2", "hypot"]:
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, 1.5), away, shapes=((3,),), note="x only")
    cell(f"numpy.{name}", lambda np, y, f=name: getattr(np, f)([1.5, 0.5, 2], y), away, shapes=((3,),), note="y only")
for name in ["maximum", "minimum", "fmax", "fmin"]:
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, 0.0), distinct, shapes=(D,), note="constant")
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x[0], x[1]), distinct, shapes=((2, 2, 3),), note="entries")
    cell(f"numpy.{name}", lambda np, x, y, f=name: getattr(np, f)(x, y + 0.05), distinct, distinct, shapes=(((2, 1), (3,)),), note="broadcast")
cell("numpy.fmax", lambda np, x: np.fmax(x, [numpy.nan, 0.3, numpy.nan]), distinct, shapes=((3,),), note="skips nan")

# ----- powers

cell("numpy.power", lambda np, x, n: x**n, positive, shapes=(D,), over=(0, 1, 2, 3, -1, -2, 0.5, 2.5, -0.5, 0.0, 1.0, 2.0), analytic=True, note="x ** number")
cell("numpy.power", lambda np, x, n: (-x)**n, positive, shapes=(D,), over=(2, 3, -1, numpy.array([1, 2, 3]), numpy.array([0.0, 2.0, 3.0])), note="negative x")
cell("numpy.power", lambda np, x: x ** numpy.array([0.5, -1.0, 3.0]), positive, shapes=(D,), analytic=True, note="x ** array")
cell("numpy.power", lambda np, x, c: c**x, draw, shapes=(D,), over=(2, 2.5, M), analytic=True, note="constant ** x")
cell("numpy.power", lambda np, x, y: x**y, positive, draw, shapes=(((2, 1), (3,)),), analytic=True, note="x ** y")
cell("numpy.power", lambda np, x, y: pow(x, y), positive, draw, shapes=(((3,), (3,)),), analytic=True, note="pow(x, y)")

# ----- remainders, away from the jumps

FIVE, SEVEN = at(5.3, -4.4, 7.7), at(2.7, 3.2, -4.4)
cell("numpy.remainder", lambda np, x, y: x % y, FIVE, at(2.0, 3.0, -2.5), shapes=(((3,), (3,)),), note="x % y")
cell("numpy.remainder", lambda np, x, c: x % c, FIVE, shapes=((3,),), over=(2, 1.5), note="x % constant")
cell("numpy.remainder", lambda np, x: 7 % x, SEVEN, shapes=((3,),), note="7 % x")
cell("numpy.remainder", lambda np, x: numpy.array([5.5, 6.5]) % x, at(2.0, 3.5), shapes=((2, 1),), note="array % x")
cell("numpy.remainder", lambda np, x: np.remainder(x, 2), FIVE, shapes=((3,),), note="constant")
cell("numpy.mod", None, FIVE, at(2.0, 3.0, -2.5), shapes=(((3,), (3,)),), note="both")
cell("numpy.ndarray.__floordiv__", lambda np, x: x // 2 * x, FIVE, shapes=((3,),))
cell("numpy.ndarray.__rfloordiv__", lambda np, x: 7 // x + x, SEVEN, shapes=((3,),))
cell("numpy.ndarray.__divmod__", lambda np, x: divmod(x, 2.0)[0] * x + divmod(x, 2.0)[1], FIVE, shapes=((3,),))
cell("numpy.ndarray.__rdivmod__", lambda np, x: divmod(7.0, x)[0] * x + divmod(7.0, x)[1], SEVEN, shapes=((3,),))
cell("numpy.divmod", lambda np, x: np.divmod(x, 2.0)[1] * x, FIVE, shapes=((3,),), note="constant")

# ----- the rest

cell("numpy.ndarray.__neg__", lambda np, x: -x, draw, shapes=((3,),), analytic=True)
cell("numpy.ndarray.__pos__", lambda np, x: +x, draw, shapes=((3,),), analytic=True)
cell("numpy.ndarray.__abs__", lambda np, x: abs(x), away, shapes=((3,),))
cell("numpy.ndarray.__radd__", lambda np, x: sum(x * x), draw, shapes=((3,), D), analytic=True, note="Python's sum")
cell("numpy.ndarray.__mul__", lambda np, x: x * x + x / (1 + x * x) - x, draw, shapes=(D,), analytic=True, note="several uses")
cell("numpy.ndarray.__lt__", lambda np, x: x * (x > 0) - x * (x <= 0.1) + x * (x == 3) + (x != 3) * x + (x > 0), away, shapes=(D,), note="comparisons")
cell("numpy.ndarray.__matmul__", lambda np, x: x @ [1.0, 2.0, 3.0] + [[1.0, 2.0]] @ x[:, :2], draw, shapes=(D,), note="lists", analytic=True)
for name in ["sign", "floor", "ceil", "trunc", "rint", "round", "around", "fix", "argsort"]:
    cell(f"numpy.{name}" if name == "sign" else "numpy.ndarray.__mul__", lambda np, x, f=name: getattr(np, f)(x) * x, broken, shapes=((3,),), note=f"{name} is constant")
cell("numpy.ndarray.__mul__", lambda np, x: np.floor_divide(x, 2.0) * x, broken, shapes=((3,),), note="floor_divide is constant")
cell("numpy.angle", lambda np, x: np.angle(x) + x, away, shapes=((3,),), note="plus x")
cell("numpy.imag", lambda np, x: np.imag(x) + x, away, shapes=((3,),), note="plus x")
cell("numpy.real", None, draw, note="alone")
cell("numpy.sin", lambda np, x: np.sin(x, dtype=numpy.float64), draw, shapes=((2,),), note="dtype")
cell("numpy.sinc", None, at(0.0, 1e-9, -1e-4, 0.2, 0.3, 1.0, -2.0), shapes=((7,),), note="at 0")
cell("numpy.reciprocal", None, away, analytic=True, note="both signs")
for name in ("add", "multiply"):
    cell(f"numpy.{name}", None, away, away, shapes=BINARY, analytic=True, note="ufunc")

# ----- methods of ufuncs

cell("numpy.add", lambda np, x: numpy.add.reduce(x, axis=1), draw, shapes=(D,), analytic=True, note="reduce axis")
cell("numpy.add", lambda np, x: numpy.add.reduce(x, 0, None, None, True), draw, shapes=(D,), analytic=True, note="reduce keepdims")
cell("numpy.multiply", lambda np, x: numpy.multiply.reduce(x), away, shapes=((3, 2),), analytic=True, note="reduce rows")
cell("numpy.maximum", lambda np, x: numpy.maximum.reduce(x, axis=-1), distinct, shapes=((3, 2),), note="reduce axis")
cell("numpy.add", lambda np, x: numpy.add.accumulate(x, axis=1), draw, shapes=((3, 2),), analytic=True, note="accumulate axis")
cell("numpy.multiply", lambda np, x, y: numpy.multiply.outer(x, y), draw, draw, shapes=(((2, 2), (3,)),), analytic=True, note="outer of matrix")
cell("numpy.subtract", lambda np, x: numpy.subtract.outer(x, [1.0, 2.0]), draw, shapes=((2,),), analytic=True, note="outer with constant")

# ----- without the part that is constant

for name in ("sum", "mean", "prod", "max", "min"):
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x) * x, draw, shapes=((),), note="of a number")
