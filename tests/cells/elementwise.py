"""Cells of ufuncs and of their methods."""

import numpy

from cells import above_one, away, cell, distinct, draw, inside, positive
from minigrad import jvp

# fmt: off
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
        is_analytic = dtypes == "fdD" and name not in ("conjugate", "conj", "real", "absolute", "abs", "sign")
        fun = (lambda np, x, f=name: getattr(np, f)(x) * x) if weigh else None
        cell(f"numpy.{name}", fun, domain, dtypes=dtypes, analytic=is_analytic)
cell("numpy.sinc", None, lambda *shape: draw(*shape) * 0.1, note="near 0")
cell("numpy.tanh", lambda np, x: jvp(np.tanh, (x,), (x * 0.0 + 1.0,))[1], draw, note="slope")
for domain, dtypes, names in [
    (away, "fdD", "add subtract multiply divide true_divide"),
    (positive, "fdD", "power pow float_power"),
    (away, "fd", "arctan2 atan2 hypot logaddexp logaddexp2"),
]:
    for name in names.split():
        letters = dtypes if name != "float_power" else "dD"
        cell(f"numpy.{name}", None, domain, domain, dtypes=letters, analytic="D" in dtypes)
for name in ("maximum", "minimum", "fmax", "fmin"):
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, 0.03) * getattr(np, f)(-0.5, x), distinct)
    cell(f"numpy.{name}", lambda np, x, y, f=name: getattr(np, f)(x, y + 4.0) * getattr(np, f)(x + 8.0, y), draw, draw, note="both")
for name in ("remainder", "mod"):
    cell(f"numpy.{name}", lambda np, x, y, f=name: (getattr(np, f)(5.0 - 0.2 * x, 2.0 + 0.1 * y) * getattr(np, f)(0.2 * x - 5.0, y * 0.1 - 2.0)), inside, inside)
cell("numpy.divmod", lambda np, x, y: np.divmod(5.0 - 0.2 * x, 2.0 + 0.1 * y)[1] * x, inside, inside)
cell("numpy.where", lambda np, x, y: np.where(numpy.array([True, False, True]), x, y), draw, draw, shapes=(((), ()), ((3,), (3,)), ((2, 3), ()), ((2, 1), (3,))), dtypes="fdD", analytic=True)
cell("numpy.clip", lambda np, x: np.clip(x, -0.22, 0.18) * np.clip(x, a_min=None, a_max=0.38), distinct)

# ----- methods of ufuncs

for name in ("add", "multiply", "maximum", "minimum", "logaddexp", "hypot", "subtract"):
    for method in ("reduce", "accumulate"):
        cell(f"numpy.{name}", lambda np, x, f=name, m=method: getattr(getattr(numpy, f), m)(x, axis=-1), distinct, shapes=((3,), (2, 3)), note=method)
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(numpy, f).reduceat(x, [0, 2, 1], axis=0), distinct, shapes=((3,), (4, 2)), note="reduceat")
    cell(f"numpy.{name}", lambda np, x, y, f=name: getattr(numpy, f).outer(x, y + 3.0), draw, draw, shapes=(((3,), (2,)),), note="outer")
