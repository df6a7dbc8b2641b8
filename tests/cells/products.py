"""Cells of products of arrays with every number of axes."""

from itertools import product
from typing import Any

import numpy

from cells import cell, draw

M = numpy.array([[1.3, 0.7, 1.9], [0.6, 1.1, 1.6]])

# fmt: off
STACKS = (
    ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,)),
    ((2, 4, 3), (3, 2)), ((2, 3), (4, 3, 2)), ((2, 2, 3), (2, 3, 2)), ((1, 2, 3), (4, 3, 2)), ((4, 2, 3), (1, 3, 1)),
    ((2, 1, 2, 3), (3, 3, 2)), ((3,), (2, 2, 3, 2)), ((2, 1, 2, 3), (3,)), ((2, 1, 2, 3), (1, 2, 3, 2)),
    ((2, 3), (2, 2, 3, 1)), ((0,), (0,)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((1, 1), (1, 1)),
)
cell("numpy.matmul", lambda np, x, y: x @ y, draw, draw, shapes=STACKS, analytic=True, note="operator")
cell("numpy.matmul", None, draw, draw, shapes=STACKS, analytic=True, note="stacks")
for s, t in STACKS:
    left, right = numpy.cos(numpy.arange(numpy.prod(s))).reshape(s), numpy.sin(1.0 + numpy.arange(numpy.prod(t))).reshape(t)
    cell("numpy.matmul", lambda np, y, c=left: c @ y, draw, shapes=(t,), analytic=True, note=f"constant {s} @ y {t}")
    cell("numpy.matmul", lambda np, x, c=right: x @ c, draw, shapes=(s,), analytic=True, note=f"x {s} @ constant {t}")
AXES = ((), (3,), (2, 3), (2, 2, 3), (2, 1, 2, 3))
SHAPES = tuple(product(AXES, AXES))
FEW = tuple((s, t) for s, t in SHAPES if len(s) + len(t) <= 4)
cell("numpy.dot", None, draw, draw, shapes=tuple((s, t[:-2] + t[-2:][::-1]) for s, t in SHAPES), analytic=True, note="any axes")
cell("numpy.inner", None, draw, draw, shapes=SHAPES, analytic=True, note="any axes")
cell("numpy.outer", None, draw, draw, shapes=FEW, analytic=True, note="any axes")
cell("numpy.kron", None, draw, draw, shapes=FEW, analytic=True, note="any axes")
cell("numpy.tensordot", lambda np, x, y: np.tensordot(x, y, 0), draw, draw, shapes=FEW, analytic=True, note="any axes")
cell("numpy.dot", lambda np, x, y: x.dot(y), draw, draw, shapes=(((2, 3), (3, 2)),), analytic=True, note="method")
cell("numpy.dot", lambda np, y: np.dot(M, y), draw, shapes=((3,),), analytic=True, note="constant")
cell("numpy.dot", lambda np, y: np.dot([[1.0, 2, 3]], y), draw, shapes=((3,),), analytic=True, note="of lists")
for s, t, axes in (
    ((2, 3), (3, 4), 1), ((2, 3, 4), (3, 4, 2), 2), ((2, 3), (2, 3), 2), ((2, 3, 4), (4, 3), ([2, 1], [0, 1])),
    ((2, 3, 4), (4, 3), ((1, 2), (1, 0))), ((2, 3, 4), (2, 4), ([0, -1], [0, 1])), ((2, 3), (4, 3), (1, 1)),
    ((3,), (3,), 1), ((2, 3, 4), (3, 5, 2), ([1, 0], [0, 2])), ((2, 3), (4,), ([], [])),
):
    cell("numpy.tensordot", lambda np, x, y, a=axes: np.tensordot(x, y, a), draw, draw, shapes=((s, t),), analytic=True, note=f"{s} {t} {axes}")
for subscripts, shapes in (
    ("ij,jk", ((2, 3), (3, 2))), ("ij,jk->ik", ((2, 3), (3, 2))), ("ij,kj->ki", ((2, 3), (4, 3))),
    ("i,i", ((3,), (3,))), ("i,j->ji", ((2,), (3,))), ("ij->ji", ((2, 3),)), ("ij->", ((2, 3),)),
    ("ij->j", ((2, 3),)), ("ii", ((3, 3),)), ("ii->i", ((3, 3),)), ("iij->j", ((2, 2, 3),)), ("iii->i", ((2, 2, 2),)),
    ("ij,j->", ((2, 3), (3,))), ("ii,i->i", ((3, 3), (3,))), ("ii,jj->ij", ((2, 2), (3, 3))),
    ("ij,kl->", ((2, 3), (2, 2))), ("ij,kl->il", ((2, 3), (2, 2))), ("i,i,i->i", ((3,), (3,), (3,))),
    ("ij,jk,kl->il", ((2, 3), (3, 2), (2, 4))), ("ij,jk,ki", ((2, 3), (3, 2), (2, 2))),
    ("...ij,...jk->...ik", ((2, 2, 3), (2, 3, 2))), ("...ij,...jk", ((4, 2, 3), (3, 2))), ("...i->...", ((2, 3),)),
    ("i...->...i", ((2, 3, 4),)), ("...,...->...", ((2, 3), (3,))), ("...", ((2, 3),)),
    ("bij,bjk->bik", ((2, 2, 3), (2, 3, 2))), ("ij,ij->ij", ((1, 3), (2, 3))), ("ij,ij->", ((2, 1), (2, 3))),
    ("bij,jk->bik", ((2, 2, 3), (3, 1))), ("i,i->", ((1,), (3,))), ("ji", ((2, 3),)), ("ba,cb", ((2, 3), (4, 2))),
    ("Ab,bC", ((2, 3), (3, 2))), (" i j , j k -> i k ", ((2, 3), (3, 2))), (",i->i", ((), (3,))),
    ("ij,,j->i", ((2, 3), (), (3,))), ("ijj->i", ((2, 3, 3),)), ("ab,ab,ab->a", ((2, 3), (2, 3), (1, 3))),
    ("...ii->...i", ((2, 3, 3),)), ("i...,i...->...", ((2, 3), (2, 3))), ("ij,...j->...i", ((2, 3), (4, 3))),
    ("i,j,k->kij", ((2,), (3,), (2,))), ("ii,i->i", ((1, 1), (3,))),
    ("i,ij,j,jk,k->i", ((2,), (2, 3), (3,), (3, 2), (2,))),
):
    shapes = shapes if len(shapes) > 1 else shapes[0]
    cell("numpy.einsum", lambda np, *xs, s=subscripts: np.einsum(s, *xs), *[draw] * (len(shapes) if isinstance(shapes[0], tuple) else 1), shapes=(shapes,), analytic=True, note=f"{subscripts} {shapes}")
cell("numpy.einsum", lambda np, x: np.einsum("ij,kj->ik", x, x), draw, shapes=((2, 3),), analytic=True, note="of x and x")
cell("numpy.einsum", lambda np, x: np.einsum("ij,jk", M, x), draw, shapes=((3, 2),), analytic=True, note="with a constant")
cell("numpy.einsum", lambda np, x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), draw, draw, shapes=(((2, 3), (3, 2)),), analytic=True, note="sublists")
cell("numpy.einsum", lambda np, x, y: np.einsum(x, [7, 1], y, [1, 2]), draw, draw, shapes=(((2, 3), (3, 2)),), analytic=True, note="sublists implicit")
cell("numpy.einsum", lambda np, x: np.einsum(x, [..., 1], [...]), draw, shapes=((2, 3),), analytic=True, note="sublists ellipsis")
cell("numpy.einsum", lambda np, x, y: np.einsum("ij,jk,kl", x, y, x, optimize=True), draw, draw, shapes=(((2, 2), (2, 2)),), analytic=True, note="optimize")

# ----- with complex numbers

PRODUCTS: Any = (((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 2)))
cell("numpy.matmul", None, draw, draw, shapes=(*PRODUCTS, ((2, 1, 2, 3), (2, 3, 1))), dtypes="fdD", analytic=True)
cell("numpy.dot", None, draw, draw, shapes=(*PRODUCTS, ((), (3,)), ((), ())), dtypes="fdD", analytic=True)
cell("numpy.vdot", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (2, 3)), ((), ())), dtypes="fdD")
cell("numpy.inner", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((), (3,))), dtypes="fdD", analytic=True)
cell("numpy.outer", None, draw, draw, shapes=(((3,), (2,)), ((2, 2), (3,)), ((), ())), dtypes="fdD", analytic=True)
cell("numpy.kron", None, draw, draw, shapes=(((3,), (2,)), ((2, 2), (2, 1)), ((2,), (2, 2)), ((), (2,))), dtypes="fdD", analytic=True)
cell("numpy.tensordot", lambda np, x, y: np.tensordot(x, y, axes=((0, 1), (1, 0))), draw, draw, shapes=(((2, 3), (3, 2)), ((2, 3, 2), (3, 2, 2))), dtypes="fdD", analytic=True)
for subscripts, pair in [
    ("ij,jk->ik", ((2, 3), (3, 2))), ("ij,jk", ((2, 3), (3, 2))), ("i,j->", ((2,), (3,))), ("ii,i->i", ((2, 2), (2,))),
    ("...ij,...jk->...ik", ((2, 2, 3), (3, 2))), ("ij,ij->j", ((2, 3), (1, 3))), ("iij,j->", ((2, 2, 3), (3,))),
]:
    cell("numpy.einsum", lambda np, x, y, s=subscripts: np.einsum(s, x, y), draw, draw, shapes=(pair,), dtypes="fdD", analytic=True, note=subscripts)
cell("numpy.einsum", lambda np, x, y: np.einsum("ij,jk,kl,jj->il", x, y, x, np.einsum("ij,jk->ik", y, x), optimize=True), draw, draw, shapes=(((2, 3), (3, 2)),), dtypes="fdD", analytic=True, note="four operands")
cell("numpy.einsum", lambda np, x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), draw, draw, shapes=(((2, 3), (3, 2)),), dtypes="fd", analytic=True, note="axis numbers")
