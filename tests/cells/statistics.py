"""Cells of statistics and relatives: order, quantiles, averages, differences, polynomials, I_0."""

from typing import Any

import numpy

import cells
from cells import away, cell, distinct, draw, positive

# fmt: off

D2 = ((4,), (2, 5))
FEW = ((3,), (2, 3))


def with_nan(f: Any) -> Any:
    """A function of an array two of whose entries are made NaN."""

    def fun(np: Any, x: Any) -> Any:
        mask = numpy.zeros(numpy.shape(x), bool)
        mask.reshape(-1)[1::4] = True
        return f(np, np.where(mask, numpy.nan, x))

    return fun


def rising(*shape: int) -> Any:
    """Increasing numbers, near 0.65, 1.3, 1.95, ..."""
    return 0.65 * numpy.arange(1, shape[-1] + 1) + cells.rng.uniform(-0.1, 0.1, shape)


def spread(*shape: int) -> Any:
    """Numbers between those that `rising` makes, and outside."""
    return 0.65 * cells.rng.integers(-1, 5, shape) + cells.rng.uniform(0.2, 0.45, shape)


def within(*shape: int) -> Any:
    """Quantiles of 6 numbers between their ranks."""
    return (cells.rng.integers(0, 5, shape) + cells.rng.uniform(0.4, 0.6, shape)) / 5


# ----- order

cell("numpy.sort", None, distinct, shapes=D2, dtypes="fdD")
cell("numpy.sort", lambda np, x: np.sort(x, axis=0), distinct, shapes=((2, 3),), note="axis 0")
cell("numpy.sort", lambda np, x: np.sort(x, axis=None, stable=True), distinct, shapes=((), (0,), (2, 3)), note="flat")
cell("numpy.partition", lambda np, x: np.partition(x, 2)[..., 2], distinct, shapes=D2)
cell("numpy.partition", lambda np, x: np.sum(np.partition(x, 2, axis=0)[:2] ** 2), distinct, shapes=((5,), (4, 2)), note="lower part")
cell("numpy.sort_complex", None, distinct, shapes=D2, dtypes="D")
cell("numpy.sort_complex", lambda np, x: np.imag(1j * np.sort_complex(x) ** 2), distinct, shapes=D2, note="real")
cell("numpy.unique", None, distinct, shapes=((), (0,), (4,), (2, 3)), dtypes="fdD")
cell("numpy.unique", lambda np, x: np.unique(np.concatenate([x, x]), return_index=True, return_counts=True)[0], distinct, shapes=((3,),), note="repeated")
cell("numpy.unique", lambda np, x: np.unique(x, axis=1), distinct, shapes=((2, 3),), note="axis")
cell("numpy.unique_values", None, distinct, shapes=((0,), (5,), (2, 3)))
cell("numpy.unique_counts", lambda np, x: np.unique_counts(x).values, distinct, shapes=((5,),))
cell("numpy.unique_inverse", lambda np, x: np.unique_inverse(x)[0], distinct, shapes=((5,),))
cell("numpy.unique_all", lambda np, x: np.unique_all(x).values, distinct, shapes=((5,),))
cell("numpy.trim_zeros", lambda np, x: np.trim_zeros(np.concatenate([[0.0, 0.0], x, [0.0]])), away, shapes=((3,),), plain=False, dtypes="d")

# ----- quantiles

WEIGHTS = numpy.arange(1.0, 7).reshape(3, 2)
METHODS = """
    inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen weibull linear
    median_unbiased normal_unbiased lower higher midpoint nearest
""".split()  # noqa: SIM905
for method in METHODS:
    cell("numpy.quantile", lambda np, x, m=method: np.quantile(x, [0.0, 0.23, 0.61, 1.0], method=m), distinct, shapes=((7,),), note=method)
    cell("numpy.nanpercentile", with_nan(lambda np, x, m=method: np.nanpercentile(x, [[12.0, 40.0]], 0, method=m)), distinct, shapes=((7, 2),), note=method)
cell("numpy.quantile", lambda np, x: np.quantile(x, 0.3, axis=(0, -1), keepdims=True), distinct, shapes=((2, 3, 2),), note="axes")
cell("numpy.quantile", lambda np, x: np.quantile(x, 0.3), distinct, shapes=((), (1,), (5,)), note="scalar")
cell("numpy.quantile", lambda np, x: np.quantile(x, [0.2, 0.7], axis=1, weights=numpy.array([[1.0, 2, 0], [3, 1, 1]]), method="inverted_cdf"), distinct, shapes=((2, 3),), note="weights")
cell("numpy.quantile", lambda np, x, q: np.quantile(x, q, axis=0), distinct, within, shapes=(((6,), ()), ((6, 2), (3,)), ((6, 2), (2, 2))), dtypes="d", plain=False, note="in q")
cell("numpy.percentile", lambda np, x: np.percentile(x, [30, 75], axis=0), distinct, shapes=((5,), (4, 2)))
cell("numpy.percentile", lambda np, x, q: np.percentile(x, q, method="weibull"), distinct, lambda *s: cells.rng.uniform(47, 53, s), shapes=(((6,), ()),), dtypes="d", plain=False, note="in q", tolerance=1e-7)
cell("numpy.nanquantile", with_nan(lambda np, x: np.nanquantile(x, [0.3, 0.9], axis=1)), distinct, shapes=((3, 5),))
cell("numpy.nanquantile", with_nan(lambda np, x: np.nanquantile(x, 0.4, axis=0, weights=WEIGHTS, method="inverted_cdf")), distinct, shapes=((3, 2),), note="weights")
cell("numpy.median", None, distinct, shapes=((), (1,), (4,), (5,), (2, 3)), dtypes="fdD")
cell("numpy.median", lambda np, x: np.median(x, axis=(0, 2), keepdims=True), distinct, shapes=((2, 3, 3),), note="axes")
cell("numpy.median", lambda np, x: np.median(x, axis=-1), distinct, shapes=((2, 4), (2, 5)), note="axis")
cell("numpy.nanmedian", with_nan(lambda np, x: np.nanmedian(x, axis=1)), distinct, shapes=((3, 5), (2, 4)))
cell("numpy.nanmedian", lambda np, x: np.nanmedian(x, keepdims=True), distinct, shapes=((3, 5), (4,)), note="no NaN")

# ----- without the NaN

for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"):
    domain = distinct if name in ("nanmax", "nanmin") else away
    dtypes = "fd" if name in ("nanmax", "nanmin") else "fdD"
    cell(f"numpy.{name}", with_nan(lambda np, x, f=name: getattr(np, f)(x)), domain, shapes=((5,),), dtypes=dtypes)
    cell(f"numpy.{name}", with_nan(lambda np, x, f=name: getattr(np, f)(x, axis=1, keepdims=True)), domain, shapes=((2, 4),), dtypes=dtypes, note="axis")
WHERE = numpy.array([[True, False, True, True], [True, True, False, True]])
cell("numpy.nanmean", with_nan(lambda np, x: np.nanmean(x, axis=1, where=WHERE)), draw, shapes=((2, 4),), note="where")
cell("numpy.nanvar", with_nan(lambda np, x: np.nanvar(x, axis=0, ddof=-1, where=WHERE)), draw, shapes=((2, 4),), note="where")
cell("numpy.nancumsum", with_nan(lambda np, x: np.nancumsum(x)), draw, shapes=((5,), (2, 4)), dtypes="fdD")
cell("numpy.nancumsum", with_nan(lambda np, x: np.nancumsum(x, axis=0, dtype="d")), draw, shapes=((2, 4),), note="dtype")
cell("numpy.nancumprod", with_nan(lambda np, x: np.nancumprod(x, axis=-1)), draw, shapes=((5,), (2, 4)), dtypes="fdD")
cell("numpy.nan_to_num", with_nan(lambda np, x: np.nan_to_num(x, nan=2.0)), draw, shapes=((5,),), dtypes="fdD", note="of NaN")

# ----- reductions with options

for name in ("mean", "var", "std"):
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, axis=1, where=WHERE), draw, shapes=((2, 4),), dtypes="fdD", note="where")
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, dtype="d"), draw, shapes=((4,), (2, 3)), note="dtype")
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, where=WHERE[0], keepdims=True), draw, shapes=((2, 4),), note="where, all")
cell("numpy.var", lambda np, x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True), ddof=1), draw, shapes=((2, 4),), dtypes="fdD", note="mean")
cell("numpy.std", lambda np, x, m: np.std(x, axis=0, mean=m, correction=1), draw, draw, shapes=(((3, 2), (1, 2)),), plain=False, note="mean")
for name in ("sum", "prod", "max", "min"):
    domain = distinct if name in ("max", "min") else away
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, axis=1, where=WHERE, initial=0.7), domain, shapes=((2, 4),), note="where")
cell("numpy.cumsum", lambda np, x: np.cumsum(x, dtype="d"), draw, shapes=((3,), (2, 3)), note="dtype")
cell("numpy.ptp", None, distinct, shapes=((1,), (4,), (2, 3)))
cell("numpy.ptp", lambda np, x: np.ptp(x, axis=(0, 1), keepdims=True), distinct, shapes=((2, 3, 2),), note="axes")
for name in ("cumulative_sum", "cumulative_prod"):
    cell(f"numpy.{name}", None, draw, shapes=((), (1,), (4,)), dtypes="fdD")
    cell(f"numpy.{name}", lambda np, x, f=name: getattr(np, f)(x, axis=1, include_initial=True), draw, shapes=((2, 3), (2, 2, 2)), dtypes="fdD", note="initial")

# ----- averages and correlations

cell("numpy.average", None, draw, shapes=((), (3,), (2, 3)), dtypes="fdD")
cell("numpy.average", lambda np, x, w: np.average(x, weights=w), draw, positive, plain=False, shapes=(((3,), (3,)), ((2, 3), (2, 3))), dtypes="fdD", note="weights")
cell("numpy.average", lambda np, x, w: np.average(x, 1, w, keepdims=True), draw, positive, shapes=(((2, 3), (3,)), ((2, 3), (2, 3))), note="axis")
cell("numpy.average", lambda np, x, w: np.average(x, (2, 0), w), draw, positive, shapes=(((2, 3, 4), (4, 2)),), note="axes")


def returned(np: Any, x: Any, w: Any) -> Any:
    mean, total = np.average(x, 0, w, returned=True)
    return mean * total**2


cell("numpy.average", returned, draw, positive, shapes=(((3, 2), (3,)),), note="returned")
cell("numpy.cov", None, draw, shapes=((4,), (2, 4), (3, 3)), dtypes="fdD")
cell("numpy.cov", lambda np, x, y: np.cov(x, y, rowvar=False, bias=True), draw, draw, shapes=(((4, 2), (4, 1)), ((4,), (4,))), dtypes="fdD", note="y")
cell("numpy.cov", lambda np, x, w: np.cov(x, fweights=[1, 3, 2, 1], aweights=w), draw, positive, shapes=(((2, 4), (4,)),), dtypes="fd", note="weights")
cell("numpy.cov", lambda np, x, w: np.cov(x, ddof=0, aweights=w), draw, positive, shapes=(((2, 4), (4,)),), dtypes="fd", note="ddof")
cell("numpy.corrcoef", None, draw, shapes=((2, 5), (3, 4)), dtypes="fdD", tolerance=1e-7)
cell("numpy.corrcoef", lambda np, x, y: np.corrcoef(x, y, rowvar=False), draw, draw, shapes=(((4, 2), (4, 2)),), note="y", tolerance=1e-7)

# ----- histograms

BINS = numpy.array([-2.0, -0.5, 0.1, 0.2, 1.0])
DATA = numpy.array([[-1.0, 0.15, 0.2], [1.0, -0.5, 7.0]])
cell("numpy.histogram", lambda np, w: np.histogram(DATA, BINS, weights=w)[0], draw, shapes=((2, 3),))
cell("numpy.histogram", lambda np, w: np.histogram(DATA, 3, weights=w, density=True)[0], positive, shapes=((2, 3),), note="density")
cell("numpy.histogram", lambda np, x: np.histogram(x, 3, density=True)[0] * np.histogram(x, 3)[1][1:], draw, shapes=((7,),), note="edges")
cell("numpy.histogram_bin_edges", lambda np, x: np.histogram_bin_edges(x, 4), distinct, shapes=((5,), (2, 3)))
cell("numpy.bincount", lambda np, w: np.bincount([3, 1, 1, 0], w, minlength=6), draw, shapes=((4,),), plain=False)

# ----- convolution

for name in ("convolve", "correlate"):
    for mode in ("full", "same", "valid"):
        cell(f"numpy.{name}", lambda np, x, y, f=name, m=mode: getattr(np, f)(x, y, m), draw, draw, shapes=(((5,), (3,)), ((2,), (5,)), ((4,), (4,)), ((1,), (4,))), dtypes="fdD", note=mode)

# ----- piecewise linear functions and differences

cell("numpy.interp", None, spread, rising, draw, shapes=(((), (4,), (4,)), ((3, 2), (4,), (4,)), ((2,), (2,), (2,))))
cell("numpy.interp", lambda np, x, xp, fp: np.interp(x, xp, fp, left=-1.0, right=2.0), spread, rising, draw, shapes=(((5,), (4,), (4,)),), note="left, right")
cell("numpy.interp", lambda np, x, xp, fp: np.interp(x, xp, fp, period=2.6), spread, rising, draw, shapes=(((5,), (4,), (4,)),), note="period")
cell("numpy.interp", lambda np, fp: np.interp([0.2, 0.9], [0.0, 0.5, 1.0], fp), draw, shapes=((3,),), dtypes="dD", note="complex")
cell("numpy.trapezoid", None, draw, shapes=((1,), (4,), (2, 3)), dtypes="fdD")
cell("numpy.trapezoid", lambda np, y, x: np.trapezoid(y, x, axis=0), draw, draw, shapes=(((4, 2), (4,)), ((3,), (3,)), ((3, 2), (3, 2))), note="x")
cell("numpy.trapezoid", lambda np, y, h: np.trapezoid(y, dx=h), draw, positive, shapes=(((4,), ()),), note="dx", plain=False)
cell("numpy.diff", lambda np, x: np.diff(x, 2, axis=0), draw, shapes=((4,), (4, 2), (1,)), dtypes="fdD", note="n, axis")
cell("numpy.diff", lambda np, x: np.diff(x, prepend=0.0, append=x[..., :1]), draw, shapes=((3,), (2, 3)), dtypes="d", note="ends")
cell("numpy.ediff1d", None, draw, shapes=((), (1,), (4,), (2, 3)), dtypes="fdD")
cell("numpy.ediff1d", lambda np, x, e: np.ediff1d(x, to_begin=e, to_end=[1.0, 2.0]), draw, draw, shapes=(((4,), ()), ((2, 2), (2,))), note="ends")
cell("numpy.gradient", None, draw, shapes=((2,), (5,)), dtypes="fdD")
cell("numpy.gradient", lambda np, f: np.stack(np.gradient(f, edge_order=2)), draw, shapes=((4, 3), (3, 3, 3)), note="axes, edge_order")
for edge in (1, 2):
    cell("numpy.gradient", lambda np, f, x, e=edge: np.gradient(f, x, edge_order=e, axis=0), draw, rising, shapes=(((5,), (5,)), ((4, 2), (4,)), ((3,), (3,))), note=f"coordinates {edge}")
    cell("numpy.gradient", lambda np, f, h, e=edge: np.gradient(f, h, edge_order=e, axis=(-1,)), draw, positive, shapes=(((5,), ()), ((2, 4), ())), note=f"spacing {edge}")
cell("numpy.gradient", lambda np, f, h: np.stack(np.gradient(f, h, numpy.array([0.0, 0.1, 0.5]))), draw, positive, shapes=(((4, 3), ()),), note="mixed")
JUMPS = numpy.array([0.0, 5.0, 0.5, -6.0, 1.0])
cell("numpy.unwrap", lambda np, p: np.unwrap(0.1 * p + JUMPS), draw, shapes=((5,), (2, 5)))
cell("numpy.unwrap", lambda np, p: np.unwrap(0.1 * p + JUMPS[:, None], discont=3.5, axis=0, period=3.0), draw, shapes=((5, 2), (5, 1)), note="period")

# ----- polynomials

cell("numpy.polyval", None, draw, draw, shapes=(((3,), ()), ((4,), (3,)), ((1,), (2, 3)), ((0,), (2,))), dtypes="fdD")
cell("numpy.poly", None, draw, shapes=((1,), (3,), (2, 2), (3, 3)), dtypes="fdD")
for name in ("polyadd", "polysub", "polymul"):
    cell(f"numpy.{name}", None, away, away, shapes=(((3,), (3,)), ((2,), (4,)), ((4,), (1,))), dtypes="fdD")
cell("numpy.polydiv", lambda np, u, v: np.concatenate(np.polydiv(u, v)), away, away, shapes=(((4,), (2,)), ((5,), (3,)), ((2,), (3,)), ((3,), (1,))), dtypes="dD", tolerance=1e-6)
cell("numpy.polyder", lambda np, p: np.polyder(p, 2), draw, shapes=((1,), (4,)), dtypes="fdD")
cell("numpy.polyint", None, draw, shapes=((1,), (4,)), dtypes="fdD")
cell("numpy.polyint", lambda np, p, k: np.polyint(p, 2, k), draw, draw, shapes=(((3,), (2,)), ((3,), ())), plain=False, note="k")
cell("numpy.vander", None, away, shapes=((1,), (3,)), dtypes="fdD")
cell("numpy.vander", lambda np, x: np.vander(x, 4, increasing=True), away, shapes=((3,),), dtypes="fdD", note="increasing")
cell("numpy.polyfit", lambda np, x, y: np.polyfit(x, y, 2), rising, draw, shapes=(((5,), (5,)), ((4,), (4, 2))), dtypes="d", tolerance=1e-7)
cell("numpy.polyfit", lambda np, x, y, w: np.polyfit(x, y, 1, w=w), rising, draw, positive, shapes=(((4,), (4,), (4,)),), dtypes="d", tolerance=1e-7, note="w")
cell("numpy.polyfit", lambda np, x, y, w: np.polyfit(x, y, 1, w=w, cov=True)[1], rising, draw, positive, shapes=(((4,), (4,), (4,)), ((4,), (4, 2), (4,))), dtypes="d", tolerance=1e-7, note="cov")

# ----- I_0

cell("numpy.i0", None, draw, shapes=((), (0,), (3,)))
cell("numpy.i0", lambda np, x: np.i0(9.0 * x), away, shapes=((2, 3),), note="larger")
cell("numpy.kaiser", lambda np, beta: np.kaiser(6, beta), positive, shapes=((),), plain=False, dtypes="d")
# ----- options of the moves

cell("numpy.pad", lambda np, x: np.pad(x, 1, constant_values=2.0), draw, shapes=((3,), (2, 2)), dtypes="fdD", note="constants")
cell("numpy.pad", lambda np, x, c: np.pad(x, ((1, 2),), constant_values=c), draw, draw, shapes=(((2, 2), ()), ((3,), (1, 2))), note="traced constants", plain=False)
cell("numpy.take", lambda np, x: np.take(x, [-1, 5, 1], axis=0, mode="wrap"), draw, shapes=((3,), (3, 2)), note="wrap")
cell("numpy.take", lambda np, x: np.take(x, [-1, 5, 1], mode="clip"), draw, shapes=((3,), (3, 2)), note="clip")

# ----- roots of polynomials

cell("numpy.roots", lambda np, p: np.roots(p * 0.1 + numpy.array([1.0, -6.0, 11.0, -6.0])), draw, shapes=((4,),), dtypes="fd")
cell("numpy.roots", lambda np, p: np.roots(p * 0.1 + numpy.array([2.0, 1.0, 3.0])), draw, shapes=((3,),), dtypes="dD", note="complex")
