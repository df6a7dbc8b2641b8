"""Cells of functions that choose, place, join and repeat entries."""

from typing import Any

import numpy

from cells import VECTORS, away, broken, cell, distinct, draw, inside, positive

# fmt: off

cell("numpy.copysign", None, away, away)
cell("numpy.fmod", lambda np, x, y: np.fmod(5.0 - 0.2 * x, 2.0 + 0.1 * y) * np.fmod(0.2 * x - 5.0, 2.0 + 0.1 * y), inside, inside, shapes=(((), ()), ((3,), (3,)), ((2, 1), (3,))))
cell("numpy.heaviside", lambda np, x, y: np.heaviside(x, y) * x, away, draw)
cell("numpy.heaviside", lambda np, y: np.heaviside([0.0, 1.0, -2.0], y), draw, shapes=((3,), ()), note="at the jump")
cell("numpy.ldexp", lambda np, x: np.ldexp(x, 3), draw)
cell("numpy.ldexp", lambda np, x: np.ldexp(x, numpy.array([[1], [-2]])), draw, shapes=((), (3,), (2, 3)), note="broadcast")
cell("numpy.modf", lambda np, x: np.modf(x)[0] * x + np.modf(x)[1], broken)
cell("numpy.frexp", lambda np, x: np.frexp(x)[0] * x, away)
cell("numpy.nextafter", lambda np, x, y: np.nextafter(x, y) * x, draw, away)
cell("numpy.vecdot", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (3,))), dtypes="fdD")
cell("numpy.matvec", None, draw, draw, shapes=(((2, 3), (3,)), ((2, 2, 3), (2, 3))), dtypes="fdD")
cell("numpy.vecmat", None, draw, draw, shapes=(((2,), (2, 3)), ((2, 2), (2, 2, 3))), dtypes="fdD")

cell("numpy.take_along_axis", lambda np, x: np.take_along_axis(x, numpy.argsort(numpy.real(numpy.arange(x.shape[-1])))[::-1].reshape((1,) * (len(x.shape) - 1) + (-1,)), -1), draw, shapes=VECTORS, dtypes="fdD")
cell("numpy.take_along_axis", lambda np, x: np.take_along_axis(x, numpy.array([[0, 1, 1]]), 0), draw, shapes=((2, 3),), note="axis 0")
cell("numpy.take_along_axis", lambda np, x: np.take_along_axis(x, numpy.array([0, 0, 3]), None), draw, shapes=((2, 3),), note="flat")
cell("numpy.extract", lambda np, x: np.extract(numpy.arange(x.size).reshape(x.shape) % 2 == 0, x), draw, dtypes="fdD")
cell("numpy.choose", lambda np, x, y: np.choose([0, 1, 1], [x, y]), draw, draw, shapes=(((3,), (3,)), ((2, 3), ()), ((), (3,))), dtypes="fdD", plain=False)
cell("numpy.select", lambda np, x, y: np.select([numpy.array([True, False, False]), numpy.array([True, True, False])], [x, y], x[..., :1] * 2), draw, draw, shapes=(((3,), (3,)), ((2, 3), (3,))), dtypes="fdD", plain=False)
cell("numpy.piecewise", lambda np, x: np.piecewise(x, [x < -0.4, x > 0.4], [lambda v: v * v, 3.0, lambda v: -v]), distinct)
cell("numpy.block", lambda np, x, y: np.block([[x, y], [y * 2, x * 3]]), draw, draw, shapes=(((2, 2), (2, 3)), ((1, 2), (1, 2))), dtypes="fdD", plain=False)
cell("numpy.block", lambda np, x, y: np.block([x, y, 1.0]), draw, draw, shapes=(((2,), (3,)), ((), ())), plain=False, note="vectors")
for obj, axis in ((1, 0), (slice(0, 2), 1), ([0, -1], 1), (numpy.array([True, False]), 0), (2, None)):
    cell("numpy.delete", lambda np, x, o=obj, a=axis: np.delete(x, o, a), draw, shapes=((2, 3),), dtypes="fdD", note=f"{obj} {axis}")
for obj, axis in ((1, 0), ([0, 2], 1), (1, None)):
    cell("numpy.insert", lambda np, x, y, o=obj, a=axis: np.insert(x, o, y, a), draw, draw, shapes=(((2, 3), ()),), dtypes="fdD", note=f"{obj} {axis}")
cell("numpy.insert", lambda np, x, y: np.insert(x, 1, y, axis=1), draw, draw, shapes=(((2, 3), (2,)),), note="column")
cell("numpy.insert", lambda np, x, y: np.insert(x, [0, 1], y), draw, draw, shapes=(((3,), (2,)),), note="several")
cell("numpy.resize", lambda np, x: np.resize(x, (3, 3)), draw, shapes=((), (2, 3), (12,)), dtypes="fdD")
cell("numpy.unstack", lambda np, x: np.unstack(x, axis=-1)[0] * np.unstack(x)[0].sum(), draw, shapes=((3,), (2, 3)), dtypes="fdD")
cell("numpy.diagflat", lambda np, x: np.diagflat(x, 1), draw, shapes=((1,), (3,), (2, 2)), dtypes="fdD")


def grids(np: Any, x: Any, y: Any, **options: Any) -> Any:
    """The product of two grids, whatever their shapes."""
    a, b = np.meshgrid(x, y, **options)
    return a * a * b


cell("numpy.meshgrid", grids, draw, draw, shapes=(((2,), (3,)), ((), (2,))), dtypes="fdD")
cell("numpy.meshgrid", lambda np, x, y: grids(np, x, y, sparse=True, indexing="ij"), draw, draw, shapes=(((2,), (3,)),), note="sparse ij")
cell("numpy.cross", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (3,))), dtypes="fdD")
cell("numpy.cross", lambda np, x, y: np.cross(x, y, axisa=0, axisc=0), draw, draw, shapes=(((3, 2), (2, 3)),), note="axes")
cell("numpy.linspace", lambda np, x, y: np.linspace(x, y, 4), draw, draw, shapes=(((), ()), ((2,), (2,)), ((2, 1), (3,))), dtypes="dD")
cell("numpy.linspace", lambda np, x, y: (np.linspace(x, y, 3, endpoint=False, retstep=True, axis=-1)[0] * np.linspace(x, y, 3, retstep=True)[1]), draw, draw, shapes=(((), ()),), dtypes="d", note="open")
cell("numpy.logspace", lambda np, x, y: np.logspace(x, y, 4), draw, draw, shapes=(((), ()), ((2,), ())), dtypes="d")
cell("numpy.logspace", lambda np, x, y: np.logspace(0.3, x, 3, base=y), draw, positive, shapes=(((), ()),), dtypes="d", note="base")
cell("numpy.geomspace", lambda np, x, y: np.geomspace(x, y, 4), positive, positive, shapes=(((), ()), ((2,), ())), dtypes="d")
cell("numpy.geomspace", lambda np, x, y: np.geomspace(-x, -y, 4, endpoint=False), positive, positive, shapes=(((), ()),), dtypes="d", note="negative")
cell("numpy.real_if_close", lambda np, x: np.real_if_close(x) * x, draw, dtypes="fdD")
cell("numpy.apply_along_axis", lambda np, x: np.apply_along_axis(lambda v: np.cumsum(v) * v[0], 0, x), draw, shapes=((3,), (2, 3)), dtypes="fdD")
cell("numpy.apply_along_axis", lambda np, x: np.apply_along_axis(lambda v: np.sum(v * v), 1, x), draw, shapes=((2, 3, 2),), note="to numbers")
cell("numpy.apply_over_axes", lambda np, x: np.apply_over_axes(np.sum, x, [0, -1]), draw, shapes=((2, 3), (2, 3, 2)), dtypes="fdD")
cell("numpy.require", lambda np, x: np.require(x * 2, float), draw, dtypes="d", plain=False)
cell("numpy.asarray_chkfinite", lambda np, x: np.asarray_chkfinite(x), draw, plain=False)

# ----- writing


def copied_to(np: Any, x: Any, v: Any) -> Any:
    """An array whose first row is read, overwritten and scaled in place."""
    h = x * 1.0
    first = h[0] * 2.0
    np.copyto(h[:1], v)
    h *= 3.0
    return h * h + first


def written(np: Any, x: Any, index: Any, v: Any, is_added: bool) -> Any:
    """`set_at` or `add_at` of minigrad.numpy; for plain arrays, a copy that is written into."""
    if np is not numpy:
        return (np.add_at if is_added else np.set_at)(x, index, v)
    new = numpy.array(x)
    if is_added:
        numpy.add.at(new, index, v)
    else:
        new[index] = v
    return new


for index in (1, (0, slice(1, 3)), numpy.array([0, 2])):
    cell("minigrad.numpy.set_at", lambda np, x, v, i=index: written(np, x, i, v, False), draw, draw, shapes=(((3, 3), ()),), dtypes="fdD", plain=False, analytic=True, note=str(index))
cell("numpy.copyto", copied_to, draw, draw, shapes=(((3, 3), (3,)), ((3,), ())), dtypes="dD")
cell("minigrad.numpy.add_at", lambda np, x, v: written(np, x, numpy.array([0, 2, 0]), v, True), draw, draw, shapes=(((3,), (3,)), ((3, 2), (3, 2))), dtypes="fdD", plain=False, analytic=True)
