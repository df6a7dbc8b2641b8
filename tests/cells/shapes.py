"""Cells of functions that move, repeat, cut and join entries, by function and by method."""

from typing import Any

import numpy

from cells import at, cell, distinct, draw, parts

M = numpy.array([[1.3, 0.7, 1.9], [0.6, 1.1, 1.6]])


def one(name: str, fun: Any, shape: Any, note: str) -> None:
    """A cell of one shape."""
    cell(f"numpy.{name}", fun, draw, shapes=(shape,), analytic=True, note=note)


# fmt: off
one("reshape", lambda np, x: np.reshape(x, (3, 2)), (2, 3), "plain")
one("reshape", lambda np, x: np.reshape(x, -1), (2, 3), "-1")
one("reshape", lambda np, x: np.reshape(x, (3, -1), order="F"), (2, 3), "F")
one("reshape", lambda np, x: x.reshape(3, 2), (2, 3), "x.reshape(3, 2)")
one("reshape", lambda np, x: x.reshape((3, 2), order="F"), (2, 3), "x.reshape((3, 2), order)")
one("reshape", lambda np, x: x.reshape(-1), (), "x.reshape(-1)")
one("ravel", lambda np, x: np.ravel(x), (2, 3), "plain")
one("ravel", lambda np, x: np.ravel(x, order="F"), (2, 3), "F")
one("ravel", lambda np, x: x.ravel(), (2, 3), "x.ravel")
one("ndarray.flatten", lambda np, x: x.flatten(), (2, 3), "x.flatten")
one("ndarray.flatten", lambda np, x: x.flatten("F"), (2, 3), "F")
one("ndarray.T", lambda np, x: x.T, (2, 3, 4), "x.T")
one("ndarray.mT", lambda np, x: x.mT, (2, 3, 4), "x.mT")
one("ndarray.T", lambda np, x: x.T, (3,), "of a vector")
one("transpose", lambda np, x: np.transpose(x), (2, 3), "plain")
one("transpose", lambda np, x: np.transpose(x, (1, 2, 0)), (2, 3, 4), "axes")
one("transpose", lambda np, x: np.transpose(x, (-1, 0, 1)), (2, 3, 4), "negative")
one("transpose", lambda np, x: x.transpose(1, 2, 0), (2, 3, 4), "x.transpose(1, 2, 0)")
one("transpose", lambda np, x: x.transpose((2, 0, 1)), (2, 3, 4), "x.transpose((2, 0, 1))")
one("permute_dims", lambda np, x: np.permute_dims(x, (1, 0)), (2, 3), "plain")
one("matrix_transpose", lambda np, x: np.matrix_transpose(x), (2, 3, 4), "plain")
one("moveaxis", lambda np, x: np.moveaxis(x, 0, -1), (2, 3, 4), "plain")
one("moveaxis", lambda np, x: np.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4), "several")
one("swapaxes", lambda np, x: np.swapaxes(x, 0, 2), (2, 3, 4), "plain")
one("swapaxes", lambda np, x: x.swapaxes(-1, 0), (2, 3, 4), "x.swapaxes")
one("rollaxis", lambda np, x: np.rollaxis(x, 2, 1), (2, 3, 4), "plain")
one("expand_dims", lambda np, x: np.expand_dims(x, 1), (2, 3), "plain")
one("expand_dims", lambda np, x: np.expand_dims(x, (0, 3)), (2, 3), "several")
one("squeeze", lambda np, x: np.squeeze(x), (1, 3, 1), "plain")
one("squeeze", lambda np, x: np.squeeze(x, axis=0), (1, 3, 1), "axis")
one("squeeze", lambda np, x: x.squeeze(-1), (1, 3, 1), "x.squeeze")
one("broadcast_to", lambda np, x: np.broadcast_to(x, (4, 2, 3)), (2, 1), "plain")
one("broadcast_to", lambda np, x: np.broadcast_to(x, 3), (), "number")
one("broadcast_arrays", lambda np, x: parts(np, np.broadcast_arrays(x, x[0], 2.0)), (2, 3), "plain")
one("atleast_1d", lambda np, x: np.atleast_1d(x), (), "plain")
one("atleast_2d", lambda np, x: np.atleast_2d(x), (3,), "plain")
one("atleast_3d", lambda np, x: np.atleast_3d(x), (2, 3), "plain")
one("atleast_2d", lambda np, x: parts(np, np.atleast_2d(x, x[0], x[0, 0])), (2, 3), "atleast several")
one("flip", lambda np, x: np.flip(x), (2, 3), "plain")
one("flip", lambda np, x: np.flip(x, axis=1), (2, 3), "axis")
one("flip", lambda np, x: np.flip(x, axis=(0, -1)), (2, 3, 2), "axes")
one("fliplr", lambda np, x: np.fliplr(x), (2, 3), "plain")
one("flipud", lambda np, x: np.flipud(x), (2, 3), "plain")
one("roll", lambda np, x: np.roll(x, 2), (2, 3), "plain")
one("roll", lambda np, x: np.roll(x, -1, axis=1), (2, 3), "axis")
one("roll", lambda np, x: np.roll(x, (1, 2), axis=(0, 1)), (2, 3), "axes")
one("rot90", lambda np, x: np.rot90(x), (2, 3), "plain")
one("rot90", lambda np, x: np.rot90(x, k=3, axes=(1, 2)), (2, 3, 2), "k")
one("tile", lambda np, x: np.tile(x, 2), (2, 3), "number")
one("tile", lambda np, x: np.tile(x, (2, 1, 3)), (2, 3), "plain")
one("tile", lambda np, x: np.tile(x, [1, 4]), (3, 1), "list")
one("tile", lambda np, x: np.tile(x, 3), (), "scalar")
one("repeat", lambda np, x: np.repeat(x, 2), (2, 3), "plain")
one("repeat", lambda np, x: np.repeat(x, 3, axis=1), (2, 3), "axis")
one("repeat", lambda np, x: np.repeat(x, [1, 0, 2], axis=1), (2, 3), "array")
one("repeat", lambda np, x: np.repeat(x, numpy.array([2, 1]), axis=0), (2, 3), "ndarray")
one("repeat", lambda np, x: x.repeat(2, axis=-1), (2, 3), "x.repeat")
one("repeat", lambda np, x: np.repeat(x, 3), (), "scalar")
one("tril", lambda np, x: np.tril(x), (3, 3), "plain")
one("tril", lambda np, x: np.tril(x, -1), (2, 3, 4), "k")
one("triu", lambda np, x: np.triu(x, k=1), (3, 4), "plain")
one("diag", lambda np, x: np.diag(x), (3,), "of vector")
one("diag", lambda np, x: np.diag(x, k=-2), (3,), "of vector k")
one("diag", lambda np, x: np.diag(x), (2, 3), "of matrix")
one("diag", lambda np, x: np.diag(x, 1), (3, 3), "of matrix k")
one("diagonal", lambda np, x: np.diagonal(x), (3, 4), "plain")
one("diagonal", lambda np, x: np.diagonal(x, 1, 0, 2), (3, 2, 4), "offset axes")
one("diagonal", lambda np, x: x.diagonal(-1), (3, 4), "x.diagonal")
one("trace", lambda np, x: np.trace(x), (3, 4), "plain")
one("trace", lambda np, x: np.trace(x, offset=1, axis1=0, axis2=2), (3, 2, 4), "offset axes")
one("trace", lambda np, x: x.trace(), (3, 3), "x.trace")
one("pad", lambda np, x: np.pad(x, 1), (2, 3), "plain")
one("pad", lambda np, x: np.pad(x, ((1, 0), (0, 2))), (2, 3), "widths")
one("pad", lambda np, x: np.pad(x, 2, mode="edge"), (2, 3), "mode edge")
one("pad", lambda np, x: np.pad(x, 1, mode="reflect"), (2, 3), "mode reflect")
one("pad", lambda np, x: np.pad(x, (2, 1), mode="symmetric"), (4,), "mode symmetric")
one("pad", lambda np, x: np.pad(x, 2, mode="wrap"), (4,), "mode wrap")
one("diff", lambda np, x: np.diff(x), (2, 4), "plain")
one("diff", lambda np, x: np.diff(x, n=2, axis=0), (4, 2), "twice")
one("diff", lambda np, x: np.diff(x, n=0), (3,), "n=0")
one("concatenate", lambda np, x: np.concatenate([x, 2 * x]), (2, 3), "plain")
one("concatenate", lambda np, x: np.concatenate((x, M, x * x), axis=-1), (2, 3), "axis")
one("concatenate", lambda np, x: np.concatenate((x, M[0]), axis=None), (2, 3), "None")
one("concatenate", lambda np, x: np.concatenate((x, [1, 2])), (3,), "integers")
one("stack", lambda np, x: np.stack([x, M, x * x]), (2, 3), "plain")
one("stack", lambda np, x: np.stack([x, x * x], axis=1), (2, 3), "axis")
one("stack", lambda np, x: np.stack((x, x * x), axis=-1), (2, 3), "last")
one("append", lambda np, x: np.append(x, x * x), (2, 3), "plain")
one("append", lambda np, x: np.append(x, M, axis=0), (2, 3), "axis")
one("append", lambda np, x: np.append(M, x, axis=0), (2, 3), "constant")
one("vstack", lambda np, x: np.vstack([x, x * x, M[0]]), (3,), "plain")
one("hstack", lambda np, x: np.hstack([x, x * x]), (2, 3), "plain")
one("hstack", lambda np, x: np.hstack([x, x * x, M[0]]), (3,), "vectors")
one("dstack", lambda np, x: np.dstack([x, x * x]), (2, 3), "plain")
one("column_stack", lambda np, x: np.column_stack([x, x * x, M.T]), (3,), "plain")
one("split", lambda np, x: parts(np, np.split(x, 2)), (4, 2), "plain")
one("split", lambda np, x: parts(np, np.split(x, [1, 3], axis=1)), (2, 4), "axis")
one("split", lambda np, x: parts(np, np.split(x, [3, 1])), (4,), "unsorted")
one("array_split", lambda np, x: parts(np, np.array_split(x, 3, axis=-1)), (2, 4), "plain")
one("hsplit", lambda np, x: parts(np, np.hsplit(x, 2)), (2, 4), "plain")
one("hsplit", lambda np, x: parts(np, np.hsplit(x, [1])), (4,), "vector")
one("vsplit", lambda np, x: parts(np, np.vsplit(x, 2)), (2, 4), "plain")
one("dsplit", lambda np, x: parts(np, np.dsplit(x, 2)), (2, 3, 2), "plain")
one("copy", lambda np, x: np.copy(x) * x.copy(), (2, 3), "plain")
cell("numpy.astype", lambda np, x: x.astype(numpy.float64), draw, shapes=((2, 3),), note="plain")
cell("numpy.ndarray.__mul__", lambda np, x: np.zeros_like(x) + np.ones_like(x) * x, draw, shapes=((2, 3),), note="zeros_like, ones_like")
one("ndarray.__iter__", lambda np, x: parts(np, [r * r for r in x]), (2, 3), "iteration")
one("ndarray.__iter__", lambda np, x: np.concatenate([next(iter(x)), [*x][1] * x[0]]), (2, 3), "unpacking")


def fortran(*shape: int) -> Any:
    """Numbers in an array whose columns are contiguous."""
    return numpy.asfortranarray(draw(*shape))


cell("numpy.ravel", lambda np, x, order: np.ravel(x, order=order), fortran, shapes=((2, 3),), over="CF", note="of columns")
cell("numpy.reshape", lambda np, x, order: np.reshape(x, (3, 2), order=order), fortran, shapes=((2, 3),), over="CF", note="of columns")
BY_LAYOUT = ("layouts_do_not_matter", "batches_are_their_examples", "batches_between_two_tapes", "pattern_misses_no_entry")  # other layouts, other results
cell("numpy.ravel", lambda np, x, order: np.ravel(x, order=order), fortran, shapes=((2, 3),), over="AK", without=BY_LAYOUT, note="by layout")
cell("numpy.reshape", lambda np, x: np.reshape(x, (3, 2), order="A"), fortran, shapes=((2, 3),), without=BY_LAYOUT, note="by layout")
cell("numpy.concatenate", lambda np, x, y: np.concatenate([x, y], axis=1), draw, draw, shapes=(((2, 3), (2, 1)),), analytic=True, note="two")
cell("numpy.stack", lambda np, x, y: np.stack([x, y], axis=1), draw, draw, shapes=(((2, 3), (2, 3)),), analytic=True, note="two")
cell("numpy.concatenate", lambda np, x, y: np.concatenate([x, y]), draw, draw, shapes=(((0,), (2,)),), analytic=True, note="empty")

# ----- arrays made of numbers

PAIR = {"shapes": ((2,),), "plain": False, "analytic": True}
cell("numpy.array", lambda np, x: np.array([x[0] * x[1], x[1]]), draw, **PAIR, note="[a, b]")
cell("numpy.array", lambda np, x: np.array([[x[0], 1.0], [x[1] * x[0], 2]]), draw, **PAIR, note="nested, with numbers")
cell("numpy.array", lambda np, x: np.array([x, M[0], x * x]), draw, shapes=((3,),), plain=False, analytic=True, note="of rows")
cell("numpy.array", lambda np, x: np.array((x[0], (x[1], x[1])[0])), draw, **PAIR, note="of a tuple")
cell("numpy.asarray", lambda np, x: np.asarray([x[0], x[1]]), draw, **PAIR, note="list")
cell("numpy.array", lambda np, x: np.array([x[0], x[1]], dtype=numpy.float64), draw, shapes=((2,),), plain=False, note="dtype")
cell("numpy.array", lambda np, x: np.array([x[0], x[1]], ndmin=2), draw, **PAIR, note="ndmin")
cell("numpy.array", lambda np, x: np.array(x) * np.asarray(x), draw, **PAIR, note="of x")
cell("numpy.full", lambda np, x: np.full((2, 3), x), draw, shapes=((),), plain=False, note="number")
cell("numpy.full_like", lambda np, x: np.full_like(M, x) * x, draw, shapes=((),), plain=False, note="of a constant")
cell("numpy.sum", lambda np, x: np.sum([x[0], x[1] * 2]), draw, **PAIR, note="of a list")
cell("numpy.max", lambda np, x: np.max([x[0], x[1] * 2]), at(0.3, 0.5), shapes=((2,),), plain=False, note="of a list")
cell("numpy.exp", lambda np, x: np.exp([x[0], x[1] * 2]), draw, **PAIR, note="of a list")
cell("numpy.dot", lambda np, x: np.dot(M, [x[0], x[1], 3.0]), draw, **PAIR, note="with a list")
cell("numpy.mean", lambda np, x: np.mean([x[0], x[1]]), draw, **PAIR, note="of a list")
one("stack", lambda np, x: np.stack([x[0], x[1], 2.0]), (2,), "of floats")
one("hstack", lambda np, x: np.hstack([x[0], x[1], 2.0]), (2,), "of numbers")

# ----- with complex numbers

UP: Any = ((2, 3), (2, 3, 2))
for name, shapes, call in [
    ("reshape", ((0,), (3,), (2, 3)), lambda np, x: np.reshape(x, (-1, 1), order="F")),
    ("ravel", ((), (0,), (2, 3)), lambda np, x: np.ravel(x, order="F")),
    ("transpose", ((), (3,), (2, 3), (2, 3, 2)), None),
    ("permute_dims", UP, lambda np, x: np.permute_dims(x, (*range(1, x.ndim), 0))),
    ("matrix_transpose", UP, None),
    ("moveaxis", UP, lambda np, x: np.moveaxis(x, 0, -1)),
    ("swapaxes", UP, lambda np, x: np.swapaxes(x, 0, -1)),
    ("rollaxis", UP, lambda np, x: np.rollaxis(x, 1)),
    ("expand_dims", ((), (0,), (2, 3)), lambda np, x: np.expand_dims(x, 0)),
    ("squeeze", ((1,), (1, 3), (2, 1, 3)), None),
    ("broadcast_to", ((), (1,), (3,), (1, 3)), lambda np, x: np.broadcast_to(x, (2, 2, 3))),
    ("broadcast_arrays", ((1,), (3,), (2, 3)), lambda np, x: np.broadcast_arrays(x, x[..., :1], 2.0)[1]),
    ("atleast_1d", ((), (3,)), None),
    ("atleast_2d", ((), (3,), (2, 3)), None),
    ("atleast_3d", ((), (3,), (2, 3)), None),
    ("flip", ((0,), (3,), (2, 3)), None),
    ("flipud", ((3,), (2, 3)), None),
    ("fliplr", UP, None),
    ("roll", ((3,), (2, 3)), lambda np, x: np.roll(x, (1, 2), axis=(0, -1))),
    ("rot90", UP, lambda np, x: np.rot90(x, k=3)),
    ("tile", ((), (3,), (2, 3)), lambda np, x: np.tile(x, (2, 1, 3))),
    ("repeat", ((), (3,), (2, 3)), lambda np, x: np.repeat(x, 2)),
    ("tril", UP, lambda np, x: np.tril(x, -1)),
    ("triu", UP, lambda np, x: np.triu(x, 1)),
    ("diag", ((3,), (3, 3), (2, 3)), lambda np, x: np.diag(x, 1)),
    ("diagonal", UP, lambda np, x: np.diagonal(x, 1)),
    ("trace", UP, lambda np, x: np.trace(x, offset=1)),
    ("copy", ((), (0,), (2, 3)), None),
    # NumPy 2.0 does not cast numbers.
    ("astype", ((0,), (2, 3)) if numpy.lib.NumpyVersion(numpy.__version__) < "2.1.0" else ((), (0,), (2, 3)), lambda np, x: np.astype(x, numpy.complex128)),
    ("full_like", ((), (3,)), lambda np, x: np.full_like(x, x) * x),
    ("split", ((3,), (3, 2)), lambda np, x: np.split(x, 3)[1] * np.split(x, [1])[0]),
    ("array_split", ((3,), (5, 2)), lambda np, x: np.array_split(x, 2)[0]),
    ("vsplit", ((3, 2),), lambda np, x: np.vsplit(x, 3)[1]),
    ("hsplit", ((3,), (2, 3)), lambda np, x: np.hsplit(x, 3)[2]),
    ("dsplit", ((2, 2, 3),), lambda np, x: np.dsplit(x, 3)[0]),
    ("take", ((3,), (2, 3)), lambda np, x: np.take(x, [[0, -1], [1, 0]], axis=-1)),
    ("compress", ((3,), (2, 3)), lambda np, x: np.compress([True, False], x, axis=0)),
    ("pad", ((3,), (2, 3)), lambda np, x: np.pad(x, 2, mode="reflect") if 1 not in x.shape else x),
]:
    cell(f"numpy.{name}", call, draw, shapes=shapes, dtypes="fdD" if name != "astype" else "d", analytic=name != "astype")
cell("numpy.diff", None, draw, shapes=((1,), (3,), (2, 3)), dtypes="fdD", analytic=True)
for name in ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "array"):
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x * 2.0), draw, shapes=((3,), (2, 3)), dtypes="fdD", analytic=True, plain=False)
cell("numpy.array", lambda np, x: np.array([[x[0], x[1]], [x[1], 2.0]]), draw, shapes=((3,),), dtypes="dD", analytic=True, plain=False, note="nested")
cell("numpy.full", lambda np, x: np.full((2, 3), x), draw, shapes=((), (3,)), dtypes="fdD", analytic=True, plain=False)
for name in ("concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack"):
    cell(f"numpy.{name}", lambda np, x, y, f=name: getattr(np, f)([x, y]), draw, draw, shapes=(((3,), (3,)), ((2, 3), (2, 3))), dtypes="fdD", analytic=True)
cell("numpy.row_stack", lambda np, x, y: (np.row_stack if hasattr(np, "logsumexp") else numpy.vstack)([x, y]), draw, draw, shapes=(((3,), (3,)),), dtypes="fdD", analytic=True, plain=False)
cell("numpy.concatenate", lambda np, x, y: np.concatenate([x, y], axis=None), draw, draw, shapes=(((2, 3), (2,)),), dtypes="fdD", analytic=True, note="flat")
cell("numpy.append", lambda np, x, y: np.append(x, y), draw, draw, shapes=(((3,), (2,)), ((2, 3), ())), dtypes="fdD", analytic=True)

# ----- padding

for mode in ("mean", "maximum", "minimum", "median", "linear_ramp", "edge", "symmetric", "wrap", "constant"):
    cell("numpy.pad", lambda np, x, m=mode: np.pad(x, ((1, 2), (0, 3)), mode=m), distinct, shapes=((4, 5),), dtypes="fd", note=mode)
for mode in ("mean", "maximum", "minimum", "median"):
    cell("numpy.pad", lambda np, x, m=mode: np.pad(x, 2, mode=m, stat_length=2), distinct, shapes=((4, 5),), note=f"{mode} stat_length")
cell("numpy.pad", lambda np, x: np.pad(x, ((2, 1), (3, 0)), mode="linear_ramp", end_values=((1.0, 2.0), (3.0, 4.0))), distinct, shapes=((4, 5),), note="linear_ramp end_values")
for mode in ("reflect", "symmetric"):
    cell("numpy.pad", lambda np, x, m=mode: np.pad(x, ((1, 2), (0, 3)), mode=m, reflect_type="odd"), draw, shapes=((4, 5),), dtypes="fdD", analytic=True, note=f"{mode} odd")
