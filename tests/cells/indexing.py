"""Cells of indexing, and of functions that choose by a condition."""

import numpy

from cells import at, away, cell, distinct, draw

P, Q = numpy.array([0, 1, 1, 0]), numpy.array([2, 0, 0, 2])
MASK = numpy.array([[True, False, True], [False, True, True]])
CUBE = numpy.array([[[1, 1], [0, 1], [1, 0]], [[1, 0], [0, 0], [1, 1]]], bool)
ALL = slice(None)

# fmt: off
INDICES = {
    "integers": (1, -1, numpy.int64(1), (1, 2), (1, -1, 0)),
    "slices": (slice(None, None, 2), slice(None, None, -1), (ALL, 1), slice(5, None), (slice(0, 2), slice(1, 3), slice(None, None, -1))),
    "ellipsis and None": ((..., 0), ..., None, (slice(1, None), None, 0), (0, ..., None), ()),
    "lists": ([1, 0], [1, 1, 0], [], [True, False], [-1, -2, -1], (ALL, [0, 2, 0]), ([0, 1], [1, 1])),
    "arrays": (P, (P, Q), (P, Q, 1), numpy.array([[0, 1], [1, 1]]), (ALL, Q), (P, ALL, 1), (P, None, Q), (..., P), numpy.ix_([1, 0], [2, 0], [1, 1])),
    "masks": (CUBE, numpy.array([True, False]), (MASK, 1), numpy.zeros((2, 3, 2), bool), True),
}
for name, indices in INDICES.items():
    cell("numpy.ndarray.__getitem__", lambda np, x, i: x[i] * 1.0, draw, shapes=((2, 3, 2),), over=[(i,) for i in indices], analytic=True, note=name)
ONE_BY_ONE = ("batches_are_their_examples", "batches_between_two_tapes")  # the examples have results of different shapes
cell("numpy.ndarray.__getitem__", lambda np, x: x[x > 0], away, shapes=((2, 3),), without=ONE_BY_ONE, note="x[x > 0]")
cell("numpy.ndarray.__getitem__", lambda np, x: x[np.argsort(x)], distinct, shapes=((5,),), note="x[argsort(x)]")
cell("numpy.ndarray.__getitem__", lambda np, x: x[np.argmax(x)], distinct, shapes=((5,),), note="x[argmax(x)]")
cell("numpy.ndarray.__getitem__", lambda np, x: x[np.nonzero(x > 0)], away, shapes=((2, 3),), without=ONE_BY_ONE, note="x[nonzero(x > 0)]")
cell("numpy.ndarray.__getitem__", lambda np, x: x[1] * x + x[0] + x[1, 2] * x[[0, 1]], draw, shapes=((2, 3),), analytic=True, note="x[1] and x")
cell("numpy.ndarray.item", lambda np, x: x.item() * x, draw, shapes=((1, 1),))
cell("numpy.ndarray.item", lambda np, x: x.item(2) * x, draw, shapes=((2, 2),), note="i")
cell("numpy.ndarray.flat", lambda np, x: x.flat[1] * x, draw, shapes=((2, 2),))

# ----- choosing

cell("numpy.where", lambda np, x, y: np.where(MASK, x, y), draw, draw, shapes=(((2, 3), (2, 3)), ((3,), ())), note="mask")
cell("numpy.where", lambda np, x: np.where(MASK, x, 1.0), draw, shapes=((1, 3),), note="wide mask")
cell("numpy.where", lambda np, x: np.where(MASK, 2, x), draw, shapes=((2, 3),), note="integers")
cell("numpy.where", lambda np, x: np.where(x > 0, x, x * x), away, shapes=((2, 3),), note="of itself")
cell("numpy.where", lambda np, x: np.where([True, False, True], x, [1, 2, 3]), draw, shapes=((3,),), note="list")
cell("numpy.clip", lambda np, x, low, high: np.clip(x, low, high), distinct, shapes=((2, 4),), over=((-0.25, 0.3), (-0.25, None), (None, 0.3)), note="bounds")
if numpy.lib.NumpyVersion(numpy.__version__) >= "2.1.0":
    cell("numpy.clip", lambda np, x: np.clip(x, min=-0.25, max=0.3), distinct, shapes=((2, 4),), note="keywords")
cell("numpy.clip", lambda np, x, low, high: np.clip(x, low, high), distinct, at(-0.3), at(0.35), shapes=(((2, 4), (1,), ()),), note="traced bounds")
cell("numpy.clip", lambda np, x: x.clip(-0.25, 0.3), distinct, shapes=((2, 4),), note="method")
cell("numpy.clip", lambda np, x: x.clip(max=0.3), distinct, shapes=((2, 4),), note="method, keywords")
cell("numpy.nan_to_num", lambda np, x: np.nan_to_num(x * [1.0, 2.0, 3.0], nan=1.0, posinf=7.0), draw, shapes=((3,),), note="constants")
