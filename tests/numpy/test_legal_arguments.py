"""Arguments that NumPy takes, with a traced value among them: NumPy's values, and derivatives to second order."""

import itertools
from typing import Any

import numpy
import pytest
import scipy.stats
from references import assert_close

import minigrad
import minigrad.numpy as mnp
from minigrad import batched, grad, jacobian, value, vjp
from minigrad.core.tape import Tape
from minigrad.modes.recording import Recording
from minigrad.scipy import stats
from minigrad.test_util import check_grads

rng = numpy.random.default_rng(0)
X, M = rng.uniform(0.2, 0.9, 3), rng.uniform(0.2, 0.9, (3, 3))
two, three = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
CALLS: dict[str, tuple[Any, Any]] = {
"geomspace axis":(lambda np,x:np.geomspace(x,2*x,4,axis=1),X),
"sum initial traced":(lambda np,x:np.sum(M,initial=x),numpy.float64(.3)),
"sum initial both":(lambda np,x:np.sum(x,initial=x[0]),X),
"max initial":(lambda np,x:np.max(x,initial=x[0]*9),X),
"prod initial":(lambda np,x:np.prod(M,initial=x[0]),X),
"add.reduce initial":(lambda np,x:numpy.add.reduce(x,initial=x[0]),X),
"interp l":(lambda np,x:np.interp(numpy.array([-1.,.5,2]),numpy.array([0.,1]),X[:2],left=x[0],right=x[1]),X),
"interp p":(lambda np,x:np.interp(numpy.array([-1.,.5,2]),numpy.array([0.,1]),numpy.array([3.,4]),period=x[0]),X),
"pad cv":(lambda np,x:np.pad(M,1,constant_values=x[0]),X),
"pad cv2":(lambda np,x:np.pad(x,2,constant_values=(x[0],x[1])),X),
"pad cv3":(lambda np,x:np.pad(M,((1,2),(0,1)),constant_values=((x[0],1.),(2.,x[2]))),X),
"pad ev":(lambda np,x:np.pad(M,2,mode="linear_ramp",end_values=x[0]),X),
"pad ev2":(lambda np,x:np.pad(M,2,mode="linear_ramp",end_values=((x[0],x[1]),(1.,2.))),X),
"pad odd":(lambda np,x:np.pad(x,7,mode="reflect",reflect_type="odd"),X),
"pad odds":(lambda np,x:np.pad(x,(5,8),mode="symmetric",reflect_type="odd"),X),
"pad odd2":(lambda np,x:np.pad(x,((5,8),(1,4)),mode="symmetric",reflect_type="odd"),M),
"pad odd1":(lambda np,x:np.pad(x[:1],(5,8),mode="reflect",reflect_type="odd"),X),
"select default":(lambda np,x:np.select([X>.5],[X],default=x),X),
"select default2":(lambda np,x:np.select([X>.5],[X],x[0]),X),
"polyint k":(lambda np,x:np.polyint(X,m=2,k=[x[0],2.]),X),
"polyint k1":(lambda np,x:np.polyint(X,k=x[0]),X),
"unwrap period":(lambda np,x:np.unwrap(10*X,period=x[0]),X),
"matmul axes":(lambda np,x:np.matmul(x,M,axes=[(1,0),(0,1),(1,0)]),M),
"vecdot axis":(lambda np,x:np.vecdot(x,M,axis=0),M),
"vecdot axes":(lambda np,x:np.vecdot(x,M,axes=[0,1]),M),
"linalg.vecdot axis":(lambda np,x:np.linalg.vecdot(x,M,axis=0),M),
"concat dtype":(lambda np,x:np.concatenate([x,X],dtype=numpy.float32),X),
"trace dtype":(lambda np,x:np.trace(x,dtype=numpy.float32),M),
"cross 2":(lambda np,x:np.cross(x,two+1),two),
"cross 23":(lambda np,x:np.cross(x,three),two),
"cross 32":(lambda np,x:np.cross(three,x),two),
"cross 2 axis":(lambda np,x:np.cross(x.T,three.T,axisa=0,axisb=0,axisc=0),two),
"stack gen":(lambda np,x:np.stack(x*i for i in range(3)),X),
"stack map":(lambda np,x:np.stack(map(x.__mul__, range(3))),X),
"concat gen":(lambda np,x:np.concatenate(x*i for i in range(3)),X),
"vstack map":(lambda np,x:np.vstack(map(x.__mul__, range(3))),X),
"hstack gen":(lambda np,x:np.hstack(x*i for i in range(3)),X),
"column gen":(lambda np,x:np.column_stack(x*i for i in range(3)),X),
"dstack gen":(lambda np,x:np.dstack(x*i for i in range(3)),X),
"r_":(lambda np,x:np.r_[x,0:3,1.],X),
"r_ first":(lambda np,x:np.r_[0:1:4j,x],X),
"r_ str":(lambda np,x:np.r_['0,2',x,[1,2,3]],X),
"r_ 1,2,0":(lambda np,x:np.r_['1,2,0',x,x],X),
"c_":(lambda np,x:np.c_[x,1:4],X),
"c_ mat":(lambda np,x:np.c_[x,X,0:3],M),
"linspace axis":(lambda np,x:np.linspace(x,2*x,4,axis=-1),M),
"r_ -1":(lambda np,x:np.r_["-1",x,M],M),
}  # fmt: skip
if numpy.lib.NumpyVersion(numpy.__version__) >= "2.2.0":
    CALLS["matvec"] = lambda np, x: np.matvec(x, X, axes=[(1, 0), 0, 0]), M
if numpy.lib.NumpyVersion(numpy.__version__) >= "2.5.0":  # cross products are of vectors of three only
    CALLS = {name: call for name, call in CALLS.items() if not name.startswith("cross")}
if numpy.lib.NumpyVersion(numpy.__version__) >= "2.4.0":
    CALLS |= {
        "pad dict": (lambda np, x: np.pad(x, {0: (1, 2)}), M),
        "pad dict mean": (lambda np, x: np.pad(x, {0: (1, 2)}, mode="mean"), M),
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CALLS)
def test_arguments_that_numpy_takes(name: str) -> None:
    fun, x = CALLS[name]
    kept: list[Any] = []
    grad(lambda x: (kept.append(value(fun(mnp, x))), numpy.sum(x))[1])(x)
    if "gen" not in name and "map" not in name:  # which NumPy refuses
        expected = fun(numpy, x)
        assert_close(kept[0], expected, 1e-12 if numpy.asarray(expected).dtype != numpy.float32 else 1e-6)
        assert numpy.asarray(kept[0]).dtype == numpy.asarray(expected).dtype
    if kept[0].dtype != numpy.float32 and "geomspace" not in name:  # whose second derivative is 0, but for rounding
        check_grads(lambda x: fun(mnp, x), order=2)(x)
    assert jacobian(lambda x: fun(mnp, x))(x).shape == kept[0].shape + numpy.shape(x)


def test_quantiles_of_the_normal_distribution() -> None:
    q = numpy.array([1e-8, 0.2, 0.5, 0.9])
    for ours, theirs in ((stats.norm.ppf, scipy.stats.norm.ppf), (stats.norm.isf, scipy.stats.norm.isf)):
        assert_close(ours(q, 0.3, 2.0), theirs(q, 0.3, 2.0), 1e-14)
        check_grads(lambda q, m, s, f=ours: f(q, m, s), argnum=range(3), order=2)(q[1:], 0.3, 2.0)


def test_the_order_of_memory() -> None:
    """What is traced is raveled as NumPy ravels it, for all orders of memory."""
    base = rng.normal(size=(2, 3, 4))
    views = {
        "C": base, "F": numpy.asfortranarray(base), "transposed": base.transpose(1, 2, 0), "strided": base[:, ::2],
        "backward": base.transpose(2, 0, 1)[::-1, :, ::2], "wide": numpy.broadcast_to(base[:, :1], (2, 3, 4)),
    }  # fmt: skip
    makers = [lambda np, x, o=order: np.ravel(x, o) for order in "CFAK"]
    makers += [lambda np, x, o=order: x.flatten(o) for order in "CFAK"]
    makers += [lambda np, x, o=order, p=later: np.ravel(np.copy(x, o), p) for order in "CFAK" for later in "AK"]
    makers += [lambda np, x, o=order: np.ravel(x.copy(o), "K") for order in "CFAK"]
    makers += [lambda np, x: np.ravel(x.copy(), "K"), lambda np, x: np.ravel(np.asfortranarray(x), "K")]
    makers += [lambda np, x, o=order: np.ravel(np.array(x, order=o), "K") for order in "CFAK"]
    makers += [lambda np, x, o=order: np.ravel(np.exp(x, order=o), "K") for order in "CFAK"]
    makers += [lambda np, x: np.ravel(np.exp(x) * 2.0, "K"), lambda np, x: np.ravel(np.moveaxis(x, 0, -1) + 1.0, "K")]
    for (kind, x), (number, make) in itertools.product(views.items(), enumerate(makers)):
        kept: list[Any] = []
        found = grad(lambda x, m=make, k=kept: numpy.sum((k.append(value(m(mnp, x))), m(mnp, x))[1] ** 3))(x)
        assert_close(kept[0], make(numpy, x), 0), (kind, number)
        assert_close(found if number < 24 else found / found, 3 * x**2 if number < 24 else x / x, 1e-13), (kind, number)


LAID: dict[str, Any] = {
    "take": lambda np, x: np.take(x, [[0, 1], [1, 0]], 1), "compress": lambda np, x: np.compress([1, 0], x, 2),
    "delete one": lambda np, x: np.delete(x, 1, 1), "delete several": lambda np, x: np.delete(x, [0, 1], 1),
    "insert": lambda np, x: np.insert(x, 1, 0.5, 1), "sort": lambda np, x: np.sort(x, 0),
    "partition": lambda np, x: np.partition(x, 1, 1), "gradient": lambda np, x: np.gradient(x, axis=2),
    "select": lambda np, x: np.select([x > 0.5], [x]), "stack": lambda np, x: np.stack([x, 2 * x]),
    "piecewise": lambda np, x: np.piecewise(x, [x > 0.5], [lambda v: 2 * v, lambda v: v]),
    "array": lambda np, x: np.array([x[0], x[1]]),
}  # fmt: skip


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2)])
@pytest.mark.parametrize("name", LAID)
def test_results_lie_in_memory_as_numpys(name: str, axes: Any) -> None:
    """`ravel("K")` reads them so; also of axes that are neither in the order C nor in F."""
    shape = tuple(int(n) for n in numpy.array([3, 4, 2])[numpy.argsort(axes)])
    x = rng.uniform(0.2, 0.9, shape)
    found: list[Any] = []

    def f(np: Any, x: Any) -> Any:
        return LAID[name](np, np.transpose(x * 1.0, axes)).ravel("K")

    def kept(x: Any) -> Any:
        found.append(value(f(mnp, x)))
        return mnp.sum(x)

    expected = f(numpy, x)
    grad(kept)(x)
    found = [found[0], batched(lambda x: f(mnp, x))(x[None])[0], minigrad.compile(lambda x: f(mnp, x))(x)]
    weights = rng.uniform(0.2, 0.9, expected.shape)
    slope = grad(lambda x: mnp.sum(f(mnp, x) * weights))
    assert_close(batched(slope)(x[None])[0], slope(x), 1e-14)
    assert_close(minigrad.compile(slope)(x), slope(x), 1e-14)
    for each in found:
        assert_close(each, expected, 1e-14)


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: numpy.moveaxis(numpy.sum(x), [], []),
        lambda x: numpy.apply_along_axis(numpy.sum, -1, x),
        lambda x: numpy.apply_along_axis(numpy.cumsum, 0, x),
    ],
)
def test_an_array_without_axes_has_none_to_move(fun: Any) -> None:
    x = numpy.array([0.5, -1.0, 2.0])
    value, pullback = vjp(fun, x)
    assert numpy.array_equal(value, fun(x))
    assert numpy.allclose(pullback(numpy.ones_like(value))[0], jacobian(fun)(x).reshape(-1, 3).sum(axis=0))


def test_full_like_can_be_written_to() -> None:
    """Also where it has no entries, and a copy of nothing would do."""

    def f(x: Any) -> Any:
        a = numpy.full_like(x, 0.5)
        a[0] = 2.0
        return numpy.sum(a * x)

    for n in (0, 2):
        assert grad(f)(numpy.ones((2, n))).tolist() == [[2.0] * n, [0.5] * n]


def test_a_function_along_an_axis_without_entries() -> None:
    value, pullback = vjp(lambda x: numpy.apply_along_axis(numpy.sum, -1, x), numpy.zeros(0))
    assert value == 0.0
    assert pullback(1.0)[0].shape == (0,)


@pytest.mark.parametrize("name", ["dot", "vdot", "inner", "outer", "tensordot", "kron"])
def test_products_do_not_copy_their_constant_factor(name: str) -> None:
    constant = numpy.arange(3.0)
    options = {"axes": 1} if name == "tensordot" else {}
    product = getattr(numpy, name)
    recorded = Recording("grad", lambda x: product(constant, x, **options), (numpy.ones(3),), {}, 0, Tape())
    assert any(constant is array or constant is array.base for array, *_ in recorded.tape.captured.values())
