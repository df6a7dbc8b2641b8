"""Cells of reductions: every axis, kept or not, by function and by method, and their options."""

from itertools import product
from typing import Any

import numpy

import minigrad.numpy
from cells import at, away, cell, distinct, draw

AXES = (None, 0, -1, 1, (0, 2), (-1, 1), ())
CUBE, D = (2, 3, 2), (2, 3)
MASK = numpy.array([[True, False, True], [False, True, True]])

# fmt: off
for name, domain, is_analytic in [
    ("sum", draw, True), ("mean", draw, True), ("prod", away, True), ("max", distinct, False), ("min", distinct, False),
    ("amax", distinct, False), ("amin", distinct, False), ("var", draw, False), ("std", distinct, False),
]:
    grid = [(a, k) for a, k in product(AXES, (False, True)) if name != "std" or a != ()]
    cell(f"numpy.{name}", lambda np, x, axis, keep, f=name: getattr(np, f)(x, axis=axis, keepdims=keep), domain, shapes=(CUBE,), over=grid, analytic=is_analytic, note="every axis")
    cell(f"numpy.{name}", None, domain, shapes=((4,),), analytic=is_analytic, note="vector")
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, 1), domain, shapes=(D,), analytic=is_analytic, note="positional axis")
    if name not in ("amax", "amin"):
        cell(f"numpy.{name}", lambda np, x, f=name: getattr(x, f)(), domain, shapes=(D,), analytic=is_analytic, note="method")
        cell(f"numpy.{name}", lambda np, x, f=name: getattr(x, f)(1, keepdims=1), domain, shapes=(D,), analytic=is_analytic, note="method, axis")
for name in ("sum", "prod"):
    cell(f"numpy.{name}", None, draw, shapes=((0,),), note="of nothing")
for name, domain in (("var", draw), ("std", distinct)):
    cell(f"numpy.{name}", lambda np, x, ddof, axis, f=name: getattr(np, f)(x, axis=axis, ddof=ddof), domain, shapes=(CUBE,), over=((1, None), (1, 0), (1, (0, 2)), (0.5, -1)), note="ddof")
cell("numpy.var", lambda np, x: np.var(x, correction=1), draw, shapes=((4,),), note="correction")
cell("numpy.sum", lambda np, x: np.sum(x, axis=1, where=MASK), draw, shapes=(D,), analytic=True, note="only where")
cell("numpy.sum", lambda np, x: np.sum(x, axis=1, initial=2.0), draw, shapes=(D,), analytic=True, note="initial")
cell("numpy.prod", lambda np, x: np.prod(x, axis=1, where=MASK), away, shapes=(D,), analytic=True, note="only where")
cell("numpy.max", lambda np, x: np.max(x, axis=1, where=MASK, initial=-9.0), distinct, shapes=(D,), note="where and initial")
cell("numpy.min", lambda np, x: np.min(x, axis=1, initial=0.03), distinct, shapes=(D,), note="initial")
cell("numpy.max", lambda np, x: np.max(x, axis=0) - np.min(x), distinct, shapes=((4, 2),), note="less min")
cell("numpy.cumsum", lambda np, x, axis: np.cumsum(x, axis=axis), draw, shapes=(D,), over=(None, 0, -1, 1), analytic=True, note="every axis")
cell("numpy.cumsum", lambda np, x: x.cumsum(1), draw, shapes=(D,), analytic=True, note="method")
cell("numpy.prod", None, at(1.3, 0.0, -0.7), shapes=((3,),), note="with a zero")
cell("numpy.prod", None, at(1.3, 0.0, -0.7, 0.0), shapes=((4,),), note="with two zeros")
cell("numpy.prod", lambda np, x: np.prod(x, axis=(0, 2)), lambda *shape: draw(*shape) * [[[1, 0], [1, 1]], [[0, 1], [1, 0]]], shapes=((2, 2, 2),), note="with zeros, axes")


def logsumexp(np: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`minigrad.numpy.logsumexp`, and the naive formula for plain arrays."""
    if np is minigrad.numpy:
        return np.logsumexp(x, axis=axis, keepdims=keepdims)
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


cell("scipy.special.logsumexp", logsumexp, draw, shapes=(CUBE,), over=product(AXES, (False, True)), analytic=True, plain=False, note="minigrad.numpy")

# ----- with complex numbers

for name in ("sum", "mean", "prod", "var", "std"):
    shapes: Any = ((3,), (2, 3), (2, 3, 2))
    cell(f"numpy.{name}", None, distinct, shapes=(*shapes, (), (1,)) if name in ("sum", "mean", "prod") else shapes, dtypes="fdD", analytic=name in ("sum", "mean", "prod"))
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, axis=(0, -1), keepdims=True), distinct, shapes=((2, 3), (2, 3, 2)), dtypes="fdD", analytic=name in ("sum", "mean", "prod"), note="axes")
for name in ("max", "min", "amax", "amin"):
    cell(f"numpy.{name}", None, distinct, shapes=((), (1,), (3,), (2, 3)))
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, axis=0), distinct, shapes=((3,), (2, 3)), note="axis")
for name in ("cumsum", "cumprod"):
    cell(f"numpy.{name}", None, away, dtypes="fdD", analytic=True)
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, axis=-1), away, shapes=((0,), (3,), (2, 3)), dtypes="fdD", analytic=True, note="axis")
