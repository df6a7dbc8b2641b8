"""Cells of ufuncs, reductions, shapes, joins and products of `numpy`."""

from typing import Any

import numpy
from cells import above_one, away, cell, distinct, draw, inside, positive

# ----- ufuncs ---------------------------------------------------------------------------------------------------------

for domain, dtypes, names in [
    (draw, "fdD", "negative positive square exp exp2 expm1 sin cos sinh cosh tanh conjugate conj real imag"),
    (draw, "fd", "deg2rad rad2deg radians degrees sinc nan_to_num"),
    (positive, "fdD", "sqrt log log2 log10 log1p reciprocal"),
    (inside, "fdD", "tan arcsin asin arccos acos arctan atan arcsinh asinh arctanh atanh"),
    (above_one, "fdD", "arccosh acosh"),
    (away, "fdD", "absolute abs angle sign"),
    (away, "fd", "cbrt fabs"),
]:
    for name in names.split():
        weigh = name in ("imag", "angle", "sign", "real")  # constant or linear for real x: made to depend on it
        cell(f"numpy.{name}", (lambda np, x, f=name: getattr(np, f)(x) * x) if weigh else None, domain, dtypes=dtypes)
cell("numpy.sinc", None, lambda *shape: draw(*shape) * 0.1, note="near 0")
for domain, dtypes, names in [
    (away, "fdD", "add subtract multiply divide true_divide"),
    (positive, "fdD", "power pow float_power"),
    (away, "fd", "arctan2 atan2 hypot logaddexp logaddexp2"),
]:
    for name in names.split():
        letters = dtypes if name != "float_power" else "dD"
        cell(f"numpy.{name}", None, domain, domain, dtypes=letters)
for name in ("maximum", "minimum", "fmax", "fmin"):
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, 0.03) * getattr(np, f)(-0.5, x), distinct)
    cell(
        f"numpy.{name}",
        lambda np, x, y, f=name: getattr(np, f)(x, y + 4.0) * getattr(np, f)(x + 8.0, y),
        draw,
        draw,
        note="both",
    )
for name in ("remainder", "mod"):
    cell(
        f"numpy.{name}",
        lambda np, x, y, f=name: (
            getattr(np, f)(5.0 - 0.2 * x, 2.0 + 0.1 * y) * getattr(np, f)(0.2 * x - 5.0, y * 0.1 - 2.0)
        ),
        inside,
        inside,
    )
cell("numpy.divmod", lambda np, x, y: np.divmod(5.0 - 0.2 * x, 2.0 + 0.1 * y)[1] * x, inside, inside)
cell(
    "numpy.where",
    lambda np, x, y: np.where(numpy.array([True, False, True]), x, y),
    draw,
    draw,
    shapes=(((), ()), ((3,), (3,)), ((2, 3), ()), ((2, 1), (3,))),
    dtypes="fdD",
)
cell("numpy.clip", lambda np, x: np.clip(x, -0.31, 0.5) * np.clip(x, a_min=None, a_max=0.77), distinct)

# ----- reductions -----------------------------------------------------------------------------------------------------

for name in ("sum", "mean", "prod", "var", "std"):
    shapes: Any = ((3,), (2, 3), (2, 3, 2))
    cell(
        f"numpy.{name}",
        None,
        distinct,
        shapes=(*shapes, (), (1,)) if name in ("sum", "mean", "prod") else shapes,
        dtypes="fdD",
    )
    cell(
        f"numpy.{name}",
        lambda np, x, f=name: getattr(np, f)(x, axis=(0, -1), keepdims=True),
        distinct,
        shapes=((2, 3), (2, 3, 2)),
        dtypes="fdD",
        note="axes",
    )
for name in ("max", "min", "amax", "amin"):
    cell(f"numpy.{name}", None, distinct, shapes=((), (1,), (3,), (2, 3)))
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, axis=0), distinct, shapes=((3,), (2, 3)), note="axis")
for name in ("cumsum", "cumprod"):
    cell(f"numpy.{name}", None, away, dtypes="fdD")
    cell(
        f"numpy.{name}",
        lambda np, x, f=name: getattr(np, f)(x, axis=-1),
        away,
        shapes=((0,), (3,), (2, 3)),
        dtypes="fdD",
        note="axis",
    )

# ----- shapes ---------------------------------------------------------------------------------------------------------

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
    ("astype", ((), (0,), (2, 3)), lambda np, x: np.astype(x, numpy.complex128)),
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
    cell(f"numpy.{name}", call, draw, shapes=shapes, dtypes="fdD" if name != "astype" else "d")
cell("numpy.diff", None, draw, shapes=((1,), (3,), (2, 3)), dtypes="fdD")

# ----- making and joining ---------------------------------------------------------------------------------------------

for name in ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "array"):
    cell(
        f"numpy.{name}",
        lambda np, x, f=name: getattr(np, f)(x * 2.0),
        draw,
        shapes=((3,), (2, 3)),
        dtypes="fdD",
        plain=False,
    )
cell(
    "numpy.array",
    lambda np, x: np.array([[x[0], x[1]], [x[1], 2.0]]),
    draw,
    shapes=((3,),),
    dtypes="dD",
    plain=False,
    note="nested",
)
cell("numpy.full", lambda np, x: np.full((2, 3), x), draw, shapes=((), (3,)), dtypes="fdD", plain=False)
for name in ("concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack"):
    cell(
        f"numpy.{name}",
        lambda np, x, y, f=name: getattr(np, f)([x, y]),
        draw,
        draw,
        shapes=(((3,), (3,)), ((2, 3), (2, 3))),
        dtypes="fdD",
    )
cell(
    "numpy.row_stack",
    lambda np, x, y: (np.row_stack if hasattr(np, "logsumexp") else numpy.vstack)([x, y]),
    draw,
    draw,
    shapes=(((3,), (3,)),),
    dtypes="fdD",
    plain=False,
)
cell(
    "numpy.concatenate",
    lambda np, x, y: np.concatenate([x, y], axis=None),
    draw,
    draw,
    shapes=(((2, 3), (2,)),),
    dtypes="fdD",
    note="flat",
)
cell("numpy.append", lambda np, x, y: np.append(x, y), draw, draw, shapes=(((3,), (2,)), ((2, 3), ())), dtypes="fdD")

# ----- products -------------------------------------------------------------------------------------------------------

PRODUCTS: Any = (((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 2)))
cell("numpy.matmul", None, draw, draw, shapes=(*PRODUCTS, ((2, 1, 2, 3), (2, 3, 1))), dtypes="fdD")
cell("numpy.dot", None, draw, draw, shapes=(*PRODUCTS, ((), (3,)), ((), ())), dtypes="fdD")
cell("numpy.vdot", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (2, 3)), ((), ())), dtypes="fdD")
cell("numpy.inner", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((), (3,))), dtypes="fdD")
cell("numpy.outer", None, draw, draw, shapes=(((3,), (2,)), ((2, 2), (3,)), ((), ())), dtypes="fdD")
cell("numpy.kron", None, draw, draw, shapes=(((3,), (2,)), ((2, 2), (2, 1)), ((2,), (2, 2)), ((), (2,))), dtypes="fdD")
cell(
    "numpy.tensordot",
    lambda np, x, y: np.tensordot(x, y, axes=((0, 1), (1, 0))),
    draw,
    draw,
    shapes=(((2, 3), (3, 2)), ((2, 3, 2), (3, 2, 2))),
    dtypes="fdD",
)
for subscripts, pair in [
    ("ij,jk->ik", ((2, 3), (3, 2))), ("ij,jk", ((2, 3), (3, 2))), ("i,j->", ((2,), (3,))), ("ii,i->i", ((2, 2), (2,))),
    ("...ij,...jk->...ik", ((2, 2, 3), (3, 2))), ("ij,ij->j", ((2, 3), (1, 3))), ("iij,j->", ((2, 2, 3), (3,))),
]:  # fmt: skip
    cell(
        "numpy.einsum",
        lambda np, x, y, s=subscripts: np.einsum(s, x, y),
        draw,
        draw,
        shapes=(pair,),
        dtypes="fdD",
        note=subscripts,
    )
cell(
    "numpy.einsum",
    lambda np, x, y: np.einsum("ij,jk,kl,jj->il", x, y, x, np.einsum("ij,jk->ik", y, x), optimize=True),
    draw,
    draw,
    shapes=(((2, 3), (3, 2)),),
    dtypes="fdD",
    note="four operands",
)
cell(
    "numpy.einsum",
    lambda np, x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]),
    draw,
    draw,
    shapes=(((2, 3), (3, 2)),),
    dtypes="fd",
    note="axis numbers",
)
for mode in ("mean", "maximum", "minimum", "median", "linear_ramp", "edge", "symmetric", "wrap", "constant"):
    cell(
        "numpy.pad",
        lambda np, x, m=mode: np.pad(x, ((1, 2), (0, 3)), mode=m),
        distinct,
        shapes=((4, 5),),
        dtypes="fd",
        note=mode,
    )
for mode in ("mean", "maximum", "minimum", "median"):
    cell(
        "numpy.pad",
        lambda np, x, m=mode: np.pad(x, 2, mode=m, stat_length=2),
        distinct,
        shapes=((4, 5),),
        note=f"{mode} stat_length",
    )
cell(
    "numpy.pad",
    lambda np, x: np.pad(x, ((2, 1), (3, 0)), mode="linear_ramp", end_values=((1.0, 2.0), (3.0, 4.0))),
    distinct,
    shapes=((4, 5),),
    note="linear_ramp end_values",
)
for mode in ("reflect", "symmetric"):
    cell(
        "numpy.pad",
        lambda np, x, m=mode: np.pad(x, ((1, 2), (0, 3)), mode=m, reflect_type="odd"),
        draw,
        shapes=((4, 5),),
        dtypes="fdD",
        note=f"{mode} odd",
    )
for name in ("add", "multiply", "maximum", "minimum", "logaddexp", "hypot", "subtract"):
    for method in ("reduce", "accumulate"):
        cell(
            f"numpy.{name}",
            lambda np, x, f=name, m=method: getattr(getattr(numpy, f), m)(x, axis=-1),
            distinct,
            shapes=((3,), (2, 3)),
            note=method,
        )
    cell(
        f"numpy.{name}",
        lambda np, x, f=name: getattr(numpy, f).reduceat(x, [0, 2, 1], axis=0),
        distinct,
        shapes=((3,), (4, 2)),
        note="reduceat",
    )
    cell(
        f"numpy.{name}",
        lambda np, x, y, f=name: getattr(numpy, f).outer(x, y + 3.0),
        draw,
        draw,
        shapes=(((3,), (2,)),),
        note="outer",
    )
