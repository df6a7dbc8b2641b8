"""Many examples in one pass: `batched` against a loop, in every mode and nesting, and what it does when it cannot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close

import minigrad
import minigrad.numpy as mnp
from minigrad import (
    batched,
    bilaplacian,
    checkpoint,
    derivatives,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    laplacian,
    value,
    value_and_grad,
    vjp,
    vmap,
)
from minigrad.core.tree import flatten
from minigrad.modes.batching.stack import Batched

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3))
W = rng.standard_normal((3, 3))


@pytest.fixture
def partings(monkeypatch):
    """What made examples part ways: empty as long as everything was done in one pass."""
    found = []
    differ = Batched.differ

    def noted(self, what):
        found.append(what)
        return differ(self, what)

    monkeypatch.setattr(Batched, "differ", noted)
    return found


def loop(fun, *args, axes=None):
    """`fun` of each example in turn."""
    axes = axes or (0,) * len(args)
    count = next(x.shape[a] for x, a in zip(args, axes) if a is not None)
    results = [fun(*[x if a is None else np.take(x, i, a) for x, a in zip(args, axes)]) for i in range(count)]
    return np.stack([np.asarray(r) for r in results])


# ----- functions of NumPy, with their options -------------------------------------------------------------------------

A = rng.standard_normal((4, 2, 3, 2))
S = rng.standard_normal((4, 3, 3)) + 3 * np.eye(3)
B = np.arange(6.0).reshape(3, 2)

FUNCTIONS = {
    "sum axis": lambda x: np.sum(x, axis=-1),
    "sum keepdims": lambda x: np.sum(x, axis=(0, -1), keepdims=True),
    "method sum": lambda x: x.sum(0) + x.sum(),
    "mean": lambda x: np.mean(x, 1),
    "max method": lambda x: x.max(axis=1),
    "argmax flat": np.argmax,
    "argmin axis": lambda x: np.argmin(x, axis=-2),
    "any all": lambda x: 1.0 * (np.any(x > 1.0, axis=0) | np.all(x < 2.0, axis=0)),
    "cumsum flat": np.cumsum,
    "cumprod axis": lambda x: np.cumprod(x, axis=1),
    "accumulate": lambda x: np.maximum.accumulate(x, axis=1),
    "reduce": lambda x: np.multiply.reduce(x, axis=(0, 2)),
    "outer ufunc": lambda x: np.add.outer(x, np.arange(2.0)),
    "outer both": lambda x: np.subtract.outer(x[0, :, 0], x[:, 0]),
    "sort": np.sort,
    "sort flat": lambda x: np.sort(x, axis=None),
    "argsort": lambda x: np.argsort(x, axis=0),
    "reshape": lambda x: x.reshape(3, -1),
    "reshape F": lambda x: np.reshape(x, (4, 3), order="F"),
    "ravel F": lambda x: np.ravel(x, order="F"),
    "transpose": lambda x: x.T + np.transpose(x, (2, 1, 0)),
    "transpose axes": lambda x: x.transpose(1, 0, -1),
    "moveaxis": lambda x: np.moveaxis(x, (0, 1), (-1, 0)),
    "swapaxes": lambda x: x.swapaxes(0, -1),
    "expand_dims": lambda x: np.expand_dims(x, (0, -1)),
    "squeeze": lambda x: np.squeeze(x[:1, :, :1]),
    "broadcast_to": lambda x: np.broadcast_to(x[0, :, :1], (5, 3, 2)),
    "flip": np.flip,
    "flip axis": lambda x: np.flip(x, axis=1),
    "roll": lambda x: np.roll(x, 3),
    "roll axes": lambda x: np.roll(x, (1, 2), axis=(0, -1)),
    "rot90": np.rot90,
    "tile": lambda x: np.tile(x, (2, 1, 1, 3)),
    "tile one": lambda x: np.tile(x, 2),
    "repeat": lambda x: np.repeat(x, 2, axis=1),
    "repeat flat": lambda x: np.repeat(x, 2),
    "take": lambda x: np.take(x, [2, 0, 2], axis=1),
    "diff": np.diff,
    "pad": lambda x: np.pad(x, ((1, 0), (0, 2), (1, 1))),
    "diagonal": lambda x: np.diagonal(x, 1, axis1=1, axis2=2),
    "trace": lambda x: np.trace(x, axis1=0, axis2=2),
    "concatenate": lambda x: np.concatenate([x, np.ones((2, 1, 2)), x], axis=1),
    "concatenate flat": lambda x: np.concatenate([x, B], axis=None),
    "stack": lambda x: np.stack([x[0], B], axis=-1),
    "vstack": lambda x: np.vstack([x[0], B]),
    "where": lambda x: np.where(x > 0, x, B),
    "where of a constant": lambda x: np.where(B > 2, x, 0.0),
    "clip": lambda x: np.clip(x, None, 0.5) + x.clip(-1.0, 2.0),
    "basic index": lambda x: x[1, ..., None, ::-1],
    "integer arrays": lambda x: x[[0, 1], [2, 0]],
    "arrays apart": lambda x: x[[1, 0], :, [0, 1]],
    "array and slice": lambda x: x[:, [2, 1, 1], 1:],
    "array and integer apart": lambda x: x[0, :, [1, 1, 0]],
    "mask": lambda x: x[:, np.array([True, False, True])],
    "mask of two axes": lambda x: x[0][B > 2],
    "index that differs": lambda x: x[0, np.argmax(x[0, :, 0])],
    "indices that differ": lambda x: x[0][np.argsort(x[0, :, 0])],
    "entries that differ": lambda x: x[0, np.argsort(x[0, :, 0]), 1],
    "matrix @ constant": lambda x: x @ B.T,
    "constant @ matrix": lambda x: B.T @ x,
    "matrix @ vector": lambda x: x @ np.array([1.0, -2.0]),
    "vector @ matrix": lambda x: np.arange(3.0) @ x,
    "constant @ vector": lambda x: B.T @ x[0, :, 0],
    "vector @ vector": lambda x: x[0, :, 0] @ x[1, :, 0],
    "stacks": lambda x: x @ x.swapaxes(-1, -2),
    "matrix @ stack": lambda x: x[0].T @ x,
    "vector @ stack": lambda x: x[0, :, 0] @ x,
    "stack @ vector": lambda x: x @ x[0, 0],
    "dot": lambda x: np.dot(x, B.T) + np.dot(x[0], 2.0).sum(),
    "dot of stacks": lambda x: np.dot(x, x[0].T),
    "inner": lambda x: np.inner(x, x[0]),
    "vdot": lambda x: np.vdot(x[0], B) + np.vdot(x, x),
    "outer": lambda x: np.outer(x[0], B[0]),
    "tensordot": lambda x: np.tensordot(x, B, ((1, 2), (0, 1))),
    "tensordot constant first": lambda x: np.tensordot(B, x, ((0,), (1,))),
    "tensordot both": lambda x: np.tensordot(x, x, ((0, 1), (0, 1))),
    "tensordot number": lambda x: np.tensordot(x, B, 2),
    "einsum": lambda x: np.einsum("ijk,jk,ajk", x, B, x),
    "einsum ellipsis": lambda x: np.einsum("...i,ji->j...", x, B),
    "fft": lambda x: np.real(np.fft.fft(x)),
    "fft axis": lambda x: np.imag(np.fft.ifft(x, axis=1)),
    "fft2": lambda x: np.abs(np.fft.fft2(x)),
    "std": lambda x: np.std(x, axis=1, ddof=1),
    "median": lambda x: np.median(x, axis=(0, 1)),
    "nansum": lambda x: np.nansum(np.where(x > 0, x, np.nan), axis=0),
    "norm": lambda x: np.linalg.norm(x, axis=-1) + np.linalg.norm(x[0]),
    "norms": lambda x: np.linalg.norm(x[0]) + np.linalg.norm(x[0], "nuc") + np.linalg.norm(x[0, 0], 1),
    "norm of the columns": lambda x: np.linalg.norm(x, np.inf, axis=1, keepdims=True),
    "hstack": lambda x: np.hstack([x[0], B, x[1]]) + np.hstack([x[0, 0], 1.0, 2.0, 3.0, 4.0]),
    "vstack of vectors": lambda x: np.vstack([x[0, 0], B[1]]),
    "atleast": lambda x: np.atleast_2d(x[0, 0]) + np.atleast_1d(x[0, 0, 0]),
    "diag": lambda x: np.diag(x[0, 0]) + np.diag(x[0, 1], 0),
    "diag of a matrix": lambda x: np.diag(x[0], -1),
    "diag aside": lambda x: np.diag(x[0, 0], 1),
    "interp": lambda x: np.interp(x, [-1.0, 0.0, 1.0], [1.0, 3.0, -1.0]),
    "interp of values": lambda x: np.interp([0.3, 0.6], [0.0, 1.0], x[0, 0]),
    "searchsorted": lambda x: np.searchsorted([-1.0, 0.0, 1.0], x, "right"),
    "no rule here": lambda x: np.convolve(x[0, :, 0], [1.0, 2.0]),
    "results in a tuple": lambda x: np.divmod(x, 0.7)[1] + np.modf(x)[0],
    "frexp": lambda x: np.ldexp(*np.frexp(x)),
    "comparison": lambda x: 1 * ((x > B) & (x != 0)),
    "float32": lambda x: x.astype(np.float32) * np.float32(2),
    "zeros_like": lambda x: np.zeros_like(x) + np.ones_like(x[0]),
    "len and iteration": lambda x: sum(part.sum() for part in x) * len(x),
    "in": lambda x: x[0, 0] * (7.5 in x),
    "shape": lambda x: x.reshape(np.shape(x)[::-1]) * np.size(x) * x.ndim,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name, partings):
    fun = FUNCTIONS[name]
    got, expected = batched(fun)(A), loop(fun, A)
    assert got.dtype == expected.dtype
    assert_close(got, expected, 1e-13)
    assert not partings


MATRIX_FUNCTIONS = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": lambda x: np.linalg.slogdet(x).logabsdet,
    "cholesky": lambda x: np.linalg.cholesky(x @ x.T),
    "eigvalsh": lambda x: np.linalg.eigvalsh(x + x.T),
    "svd": lambda x: np.linalg.svd(x)[1],
    "svd of a stack": lambda x: np.linalg.svd(np.stack([x, x.T])).S,
    "qr": lambda x: np.linalg.qr(x).R,
    "pinv": np.linalg.pinv,
    "matrix_power": lambda x: np.linalg.matrix_power(x, 3),
    "tril": np.tril,
    "triu": lambda x: np.triu(x, 1),
    "tril of a vector": lambda x: np.tril(x[0]),
    "solve vector": lambda x: np.linalg.solve(x, x[0]),
    "solve matrix": lambda x: np.linalg.solve(x, x.T),
    "solve constant matrix": lambda x: np.linalg.solve(W, x),
    "solve constant matrix, vector": lambda x: np.linalg.solve(W, x[0]),
    "solve constant vector": lambda x: np.linalg.solve(x, np.arange(3.0)),
    "mT": lambda x: x.mT,
}


@pytest.mark.parametrize("name", MATRIX_FUNCTIONS)
def test_matrix_function(name, partings):
    fun = MATRIX_FUNCTIONS[name]
    assert_close(batched(fun)(S), loop(fun, S), 1e-11)
    assert not partings


# ----- all nestings ---------------------------------------------------------------------------------------------------


def f(x):
    return np.sum(np.sin(x) * np.prod(x) + x[0] * x @ W @ x)


def fw(x, w):
    return np.sum(np.tanh(w @ x) ** 2) + np.sum(x**3) * w[0, 0]


def vector(x):
    return np.tanh(W @ x) * x + np.sum(x)


def rows(fun, x):
    """The Jacobian by one pullback per row."""
    out, pullback = vjp(fun, x)
    return np.stack([pullback(e)[0] for e in np.eye(out.size).reshape(-1, *out.shape)]).reshape(out.shape + x.shape)


def hessian_by_columns(fun):
    return lambda x: mnp.stack([hvp(fun, x, e) for e in np.eye(3)])


def trace_of_hessian(fun):
    return lambda x: sum(hvp(fun, x, e)[i] for i, e in enumerate(np.eye(3)))


def masked(x, w):
    return np.sum(np.where(x > 0, w**3, w**2))


def kept_beyond(x):
    kept = []
    gradient = grad(lambda y: (kept.append(y * y), np.sum(y**3))[1])(x)
    return gradient * kept[0]


third = grad(grad(grad(lambda t: np.tanh(t) * t**3)))
two_elementwise = elementwise_grad(elementwise_grad(lambda x: np.tanh(x) * np.sum(x)))
three_elementwise = elementwise_grad(elementwise_grad(elementwise_grad(np.tanh)))
series = lambda x: derivatives(lambda t: np.sin(t) * np.exp(t) / (1 + t**2), x, 5)

NESTINGS = {
    "batched grad": (lambda: batched(grad(f))(X), lambda: loop(grad(f), X)),
    "grad of batched in what is shared": (
        lambda: grad(lambda w: np.sum(batched(fw, (0, None))(X, w) ** 2))(W),
        lambda: grad(lambda w: sum(fw(x, w) ** 2 for x in X))(W),
    ),
    "grad of batched in the examples": (
        lambda: grad(lambda xs: np.sum(batched(f)(xs) ** 2))(X),
        lambda: grad(lambda xs: sum(f(xs[i]) ** 2 for i in range(4)))(X),
    ),
    "grad of batched in a closure": (
        lambda: grad(lambda w: np.sum(batched(lambda x: fw(x, w))(X) ** 2))(W),
        lambda: grad(lambda w: sum(fw(x, w) ** 2 for x in X))(W),
    ),
    "grad of batched of grad": (
        lambda: grad(lambda w: np.sum(batched(grad(fw), (0, None))(X, w) ** 2))(W),
        lambda: grad(lambda w: sum(np.sum(grad(fw)(x, w) ** 2) for x in X))(W),
    ),
    "grad of batched of grad in a closure": (
        lambda: grad(lambda w: np.sum(batched(grad(lambda x: fw(x, w)))(X) ** 2))(W),
        lambda: grad(lambda w: sum(np.sum(grad(fw)(x, w) ** 2) for x in X))(W),
    ),
    "batched hessian": (lambda: batched(hessian(f))(X), lambda: loop(hessian_by_columns(f), X)),
    "hessian": (lambda: hessian(f)(X[0]), lambda: hessian_by_columns(f)(X[0])),
    "hessian of batched": (
        lambda: hessian(lambda w: np.sum(batched(fw, (0, None))(X, w)))(W),
        lambda: rows(grad(lambda w: sum(fw(x, w) for x in X)), W),
    ),
    "third derivatives": (
        lambda: jacobian(hessian(f))(X[0]),
        lambda: rows(hessian_by_columns(f), X[0]),
    ),
    "batched in batched": (
        lambda: batched(lambda x: batched(lambda y: np.sum(x * y) * y)(X * x))(X),
        lambda: np.array([[np.sum(x * y * x) * y * x for y in X] for x in X]),
    ),
    "grad of batched in batched": (
        lambda: grad(lambda w: np.sum(batched(lambda x: batched(lambda y: fw(x, w) * fw(y, w))(X))(X)))(W),
        lambda: grad(lambda w: sum(fw(x, w) for x in X) ** 2)(W),
    ),
    "batched grad of batched": (
        lambda: batched(grad(lambda x: np.sum(batched(lambda y: np.sum(np.sin(x * y)))(X))))(X),
        lambda: loop(grad(lambda x: sum(np.sum(np.sin(x * y)) for y in X)), X),
    ),
    "batched hvp": (
        lambda: batched(lambda x, v: hvp(f, x, v))(X, X[::-1]),
        lambda: loop(lambda x, v: hvp(f, x, v), X, X[::-1]),
    ),
    "jvp of batched": (
        lambda: jvp(batched(vector), (X,), (X[::-1],))[1],
        lambda: loop(lambda x, v: jvp(vector, (x,), (v,))[1], X, X[::-1]),
    ),
    "batched Taylor": (lambda: batched(series)(X), lambda: loop(series, X)),
    "Taylor of batched": (
        lambda: derivatives(batched(lambda x: np.sin(x) * np.exp(x) / (1 + x**2)), X, 5),
        lambda: np.moveaxis(loop(series, X), 1, 0),
    ),
    "batched elementwise_grad, collapsed": (lambda: batched(three_elementwise)(X), lambda: loop(three_elementwise, X)),
    "batched elementwise_grad, nested": (lambda: batched(two_elementwise)(X), lambda: loop(two_elementwise, X)),
    "batched third derivative": (lambda: batched(third)(X[0]), lambda: loop(third, X[0])),
    "laplacian": (lambda: laplacian(f)(X[0]), lambda: trace_of_hessian(f)(X[0])),
    "batched laplacian": (lambda: batched(laplacian(f))(X), lambda: loop(trace_of_hessian(f), X)),
    "grad of laplacian": (lambda: grad(laplacian(f))(X[0]), lambda: grad(trace_of_hessian(f))(X[0])),
    "bilaplacian": (lambda: bilaplacian(f)(X[0]), lambda: trace_of_hessian(trace_of_hessian(f))(X[0])),
    "laplacian of laplacian": (lambda: laplacian(laplacian(f))(X[0]), lambda: bilaplacian(f)(X[0])),
    "batched bilaplacian": (lambda: batched(bilaplacian(f))(X), lambda: loop(bilaplacian(f), X)),
    "value stops a gradient": (
        lambda: grad(lambda w: np.sum(batched(lambda x, w: np.sum(w * x) * value(np.sum(w * x)), (0, None))(X, w)))(W),
        lambda: grad(lambda w: sum(np.sum(w * x) * value(np.sum(w * x)) for x in X))(W),
    ),
    "batched grad of checkpoint": (lambda: batched(grad(checkpoint(f)))(X), lambda: loop(grad(f), X)),
    "grad of batched checkpoint": (
        lambda: grad(lambda w: np.sum(batched(checkpoint(fw), (0, None))(X, w)))(W),
        lambda: grad(lambda w: sum(fw(x, w) for x in X))(W),
    ),
    "grad of a mask that differs": (
        lambda: grad(lambda w: np.sum(batched(lambda x: masked(x, w))(X)))(W[0]),
        lambda: grad(lambda w: sum(masked(x, w) for x in X))(W[0]),
    ),
    "hessian of a mask that differs": (
        lambda: hessian(lambda w: np.sum(batched(lambda x: masked(x, w))(X)))(W[0]),
        lambda: rows(grad(lambda w: sum(masked(x, w) for x in X)), W[0]),
    ),
    "joins of shared and batched": (
        lambda: grad(lambda w: np.sum(batched(lambda x: np.concatenate([w, x, w * x]) ** 2)(X)))(W[0]),
        lambda: grad(lambda w: sum(np.sum(np.concatenate([w, x, w * x]) ** 2) for x in X))(W[0]),
    ),
    "an array of shared and batched numbers": (
        lambda: grad(lambda w: np.sum(batched(lambda x: mnp.array([w[0], x[1], w[1] * x[0]]) ** 2)(X)))(W[0]),
        lambda: grad(lambda w: sum(np.sum(mnp.array([w[0], x[1], w[1] * x[0]]) ** 2) for x in X))(W[0]),
    ),
    "solve with a shared matrix": (
        lambda: grad(lambda w: np.sum(batched(lambda x: np.linalg.solve(w @ w.T + np.eye(3), x))(X) ** 2))(W),
        lambda: grad(lambda w: sum(np.sum(np.linalg.solve(w @ w.T + np.eye(3), x) ** 2) for x in X))(W),
    ),
    "einsum with a shared matrix": (
        lambda: grad(lambda w: np.sum(batched(lambda x: np.einsum("ij,j,k->ik", w, x, x))(X) ** 2))(W),
        lambda: grad(lambda w: sum(np.sum(np.einsum("ij,j,k->ik", w, x, x) ** 2) for x in X))(W),
    ),
    "values kept from an inner transformation": (lambda: batched(kept_beyond)(X), lambda: 3 * X**4),
    "max, min and sort": (
        lambda: batched(grad(lambda x: np.max(x) * np.sort(x)[1] + np.min(x)))(X),
        lambda: loop(grad(lambda x: np.max(x) * np.sort(x)[1] + np.min(x)), X),
    ),
    "an index that differs": (
        lambda: batched(grad(lambda x: x[np.argmax(x)] ** 2))(X),
        lambda: loop(grad(lambda x: x[np.argmax(x)] ** 2), X),
    ),
    "pytrees": (
        lambda: hessian(lambda p: np.sum(p["a"] * p["b"] ** 2))({"a": X[0], "b": X[1]})["a"]["b"],
        lambda: np.diag(2 * X[1]),
    ),
}
for _first in (jacobian, jacfwd, jacrev):
    NESTINGS[f"{_first.__name__}"] = (lambda a=_first: a(vector)(X[0]), lambda: rows(vector, X[0]))
    NESTINGS[f"batched {_first.__name__}"] = (lambda a=_first: batched(a(vector))(X), lambda: loop(jacobian(vector), X))
    NESTINGS[f"{_first.__name__} of batched"] = (
        lambda a=_first: a(batched(vector))(X),
        lambda: rows(lambda xs: mnp.stack([vector(xs[i]) for i in range(4)]), X),
    )
    NESTINGS[f"grad of {_first.__name__}"] = (
        lambda a=_first: grad(lambda x: np.sum(a(vector)(x) ** 2))(X[0]),
        lambda: grad(lambda x: sum(np.sum(jvp(vector, (x,), (e,))[1] ** 2) for e in np.eye(3)))(X[0]),
    )
    for _second in (jacobian, jacfwd, jacrev):
        NESTINGS[f"{_first.__name__} of {_second.__name__}"] = (
            lambda a=_first, b=_second: a(b(f))(X[0]),
            lambda: hessian_by_columns(f)(X[0]),
        )
        NESTINGS[f"batched {_first.__name__} of {_second.__name__}"] = (
            lambda a=_first, b=_second: batched(a(b(vector)))(X),
            lambda: loop(lambda x: rows(lambda y: rows_traced(vector, y), x), X),
        )


def rows_traced(fun, x):
    _, pullback = vjp(fun, x)
    return mnp.stack([pullback(e)[0] for e in np.eye(3)])


@pytest.mark.parametrize("name", NESTINGS)
def test_nesting(name, partings):
    got, expected = NESTINGS[name]
    found = got()
    assert not partings, "it was not done in one pass"
    assert_close(found, expected(), 1e-9, floor=1e-3)


SHARED = {
    "einsum": lambda w, x: np.einsum("ij,jk->ik", w, x),
    "tensordot": lambda w, x: np.tensordot(w, x, 1),
    "matmul": lambda w, x: w @ x + x @ w,
    "solve": lambda w, x: np.linalg.solve(w + 5 * np.eye(3), x) + np.linalg.solve(x + 5 * np.eye(3), w),
    "joins": lambda w, x: np.concatenate([w, x, w]) + np.stack([w, x, x], axis=1).reshape(9, 3),
    "inv": lambda w, x: np.linalg.inv(w + 5 * np.eye(3)) * x,
    "index": lambda w, x: w[[0, 2]][:, [1, 1, 0]] * x[:2],
    "index that differs": lambda w, x: w[0][np.argsort(x[0])] * x,
    "sort": lambda w, x: np.sort(w, axis=0) * x * np.max(w),
    "outer": lambda w, x: np.outer(w[0], x[0]) * np.vdot(w, x) * np.linalg.norm(w),
    "no rule here": lambda w, x: np.convolve(w[0], x[0]),
    "pad": lambda w, x: np.pad(w, 1)[1:-1, 1:-1] * x,
}


@pytest.mark.parametrize("name", SHARED)
def test_operands_that_all_examples_share(name) -> None:
    """A box of an outer tape that meets a batch becomes a part of it, the same for all examples."""

    def fun(w, x):
        return np.sum(np.sin(SHARED[name](np.where(x[0, 0] == x[0, 0], w, 0.0), x)))

    at_once = lambda w: np.sum(batched(lambda x: fun(w, x))(S) ** 2)
    in_turn = lambda w: sum(fun(w, x) ** 2 for x in S)
    assert_close(grad(at_once)(W), grad(in_turn)(W), 1e-11)
    assert_close(hessian(at_once)(W), rows(grad(in_turn), W), 1e-10)


# ----- shapes, axes, structures ---------------------------------------------------------------------------------------

sizes = st.integers(1, 3)


@given(
    count=sizes,
    shapes=st.sampled_from([((), ()), ((2,), ()), ((), (3,)), ((2, 1), (3,)), ((3,), (2, 3)), ((1,), (2, 2, 1))]),
    axes=st.tuples(st.integers(0, 3) | st.none(), st.integers(-4, -1) | st.none()),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_any_axes(count, shapes, axes, seed) -> None:
    """Examples along any axis of either argument, or shared, of any shapes that broadcast."""
    generator = np.random.default_rng(seed)
    args, places = [], []
    for shape, axis in zip(shapes, axes):
        if axis is None:
            args.append(generator.normal(size=shape))
            places.append(None)
            continue
        place = axis % (len(shape) + 1)
        args.append(generator.normal(size=(*shape[:place], count, *shape[place:])))
        places.append(place if axis >= 0 else place - len(shape) - 1)
    if places == [None, None]:
        return

    def fun(x, y):
        return np.sin(x) * y + np.sum(x, axis=-1 if np.ndim(x) else None) if np.ndim(x) < 2 else x * y - np.max(y)

    moved = [x if a is None else np.moveaxis(x, a, 0) for x, a in zip(args, places)]
    fronts = tuple(None if a is None else 0 for a in places)

    def pulled(x, y):
        return vjp(fun, x, y)[1](np.ones(np.shape(value(fun(x, y)))))

    assert_close(batched(fun, tuple(places))(*args), loop(fun, *moved, axes=fronts), 1e-13)
    for k in range(2):
        got = batched(lambda *a, k=k: pulled(*a)[k], tuple(places))(*args)
        assert_close(got, loop(lambda *a, k=k: pulled(*a)[k], *moved, axes=fronts), 1e-12)


def test_structures_in_and_out() -> None:
    parameters = {"w": np.ones((3, 2)), "b": [X[:, :2], np.float64(2.0)]}

    def fun(p, x, label):
        assert label == "text"
        return {"y": x @ p["w"] + p["b"][0] * p["b"][1], "two": (p["b"][1], 3)}

    out = batched(fun, in_axes=({"w": None, "b": [0, None]}, 0, None))(parameters, X, "text")
    assert_close(out["y"], X @ np.ones((3, 2)) + 2 * X[:, :2], 1e-14)
    assert_close(out["two"][0], np.full(4, 2.0), 1e-14)
    assert out["two"][1].tolist() == [3] * 4


def test_keyword_arguments_are_constants() -> None:
    assert_close(batched(lambda x, scale: x * scale)(X, scale=np.arange(3.0)), X * np.arange(3.0), 1e-14)


def test_vmap_is_another_name() -> None:
    assert vmap is batched


def test_names() -> None:
    def energy(x):
        """Of a state."""
        return np.sum(x)

    assert batched(energy).__name__ == "batched_energy"
    assert "Of a state." in batched(energy).__doc__


@pytest.mark.parametrize("chunk_size", [1, 3, 4, 100])
def test_chunks(chunk_size) -> None:
    both = batched(value_and_grad(f), chunk_size=chunk_size)(X)
    assert_close(both[0], loop(f, X), 1e-13)
    assert_close(both[1], loop(grad(f), X), 1e-13)


def test_chunks_of_examples_along_another_axis() -> None:
    assert_close(batched(f, in_axes=1, chunk_size=3)(X.T), loop(f, X), 1e-13)


def test_results_share_no_memory() -> None:
    for fun in (lambda x: x, lambda x: x[:2], lambda x: W, lambda x: (x, x)):
        for out in flatten(batched(fun)(X))[0]:
            assert not np.shares_memory(out, X)
            assert not np.shares_memory(out, W)
            out[...] = 0.0  # it is writeable
    a, b = batched(lambda x: (x, x))(X)
    assert not np.shares_memory(a, b)


def test_arguments_stay_as_they_were() -> None:
    before = X.copy()

    def fun(x):
        x += 1.0
        return x

    assert_close(batched(fun)(X.copy()), before + 1, 1e-14)
    assert (before == X).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes(dtype) -> None:
    x = X.astype(dtype)
    for fun in (lambda x: 2.0 * x * np.float32(3), lambda x: np.sum(x * x), lambda x: np.real(x) ** 2):
        got, expected = batched(fun)(x), loop(fun, x)
        assert got.dtype == expected.dtype
        assert_close(got, expected, 1e-6)
    assert batched(grad(lambda x: np.sum(np.real(x) ** 2)))(x).dtype == dtype


def test_no_examples() -> None:
    assert batched(grad(f))(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match="there are no examples"):
        batched(lambda x: x if x[0] > 0 else -x)(np.zeros((0, 3)))


# ----- examples that part ways ----------------------------------------------------------------------------------------


def filled(x):
    out = np.zeros(3)
    out[0] = x[0]
    return out


def caught(x):
    try:
        return x * 2.0 if x[0] > 0 else x
    except Exception:
        return x * 0.0


PARTINGS = {
    "if": lambda x: x[0] ** 2 if x[0] > 0 else -x[1],
    "float": lambda x: x * float(x[0]),
    "int": lambda x: x * int(x[0] * 10),
    "range": lambda x: sum(x[i] for i in range(1 + (x[0] > 0) + (x[1] > 0))),
    "max of Python": lambda x: max(x[0], x[1]),
    "math": lambda x: __import__("math").sin(x[0]),
    "assignment": filled,
    "array": lambda x: np.array([x[0], x[1]]),
    "item": lambda x: x[0].item(),
    "mask of different lengths": lambda x: np.sum(x[x > 0]),
    "nonzero": lambda x: np.where(x > 0)[0].sum(),
    "index of a constant": lambda x: W[np.argmax(x)],
    "caught by the user": caught,
    "format": lambda x: float(f"{x[0]:.3f}"),
    "list": lambda x: np.sum(x.tolist()),
}


@pytest.mark.parametrize("name", PARTINGS)
def test_examples_that_part_ways(name, partings) -> None:
    fun = PARTINGS[name]
    assert_close(batched(fun)(X), loop(fun, X), 1e-14)
    assert partings


def test_how_it_was_done() -> None:
    assert batched(grad(f)).how(X) == "one pass"
    assert batched(PARTINGS["if"]).how(X) == "one by one, because of bool()"
    assert batched(PARTINGS["array"]).how(X).startswith("one by one, because of the conversion to a plain array")


def test_examples_that_part_ways_under_transformations(partings) -> None:
    fun = PARTINGS["if"]
    assert_close(batched(grad(fun))(X), loop(grad(fun), X), 1e-14)
    assert_close(batched(hessian(fun))(X), loop(hessian(fun), X), 1e-14)
    expected = grad(lambda xs: sum(fun(xs[i]) for i in range(4)))(X)
    assert_close(grad(lambda xs: np.sum(batched(fun)(xs)))(X), expected, 1e-14)
    assert partings


def test_only_the_batch_concerned_is_gone_through_one_by_one() -> None:
    """The inner examples part ways; the outer ones go on together."""
    calls = []

    def outer(x):
        calls.append(x)
        return batched(lambda y: y * 2.0 if y > 0 else y)(np.array([1.0, -1.0])) * np.sum(x)

    assert_close(batched(outer)(X), np.sum(X, 1)[:, None] * [2.0, -1.0], 1e-14)
    assert len(calls) == 1
    calls.clear()

    def differs_outside(x):
        calls.append(x)
        return batched(lambda y: y * 2.0 if x[0] > 0 else y)(np.array([1.0, -1.0]))

    assert_close(batched(differs_outside)(X), np.where(X[:, :1] > 0, 2.0, 1.0) * [1.0, -1.0], 1e-14)
    assert len(calls) == 5


def test_a_value_that_all_examples_share_decides(partings) -> None:
    def fun(x):
        shared = x[0] * 0.0
        return x * 2.0 if shared == 0 and float(shared + 1.0) == 1.0 and range(3)[np.sum(x != np.inf) - 1] == 2 else x

    assert_close(batched(fun)(X), 2 * X, 1e-14)
    assert not partings


def test_a_value_kept_beyond_the_call() -> None:
    kept = []
    batched(lambda x: (kept.append(x * 1.0), x)[1])(X)
    with pytest.raises(RuntimeError, match=r"stood for 4 examples at once, of shape \(3,\) each"):
        np.asarray(kept[0])
    assert repr(kept[0]) == "Batched(4 examples of shape (3,), float64)"


def test_truth_of_an_array_is_ambiguous() -> None:
    with pytest.raises(ValueError, match=r"of shape \(3,\)"):
        batched(lambda x: x if x > 0 else -x)(X)


# ----- operations of the user's own -----------------------------------------------------------------------------------


def test_an_operation_with_a_rule_of_its_own() -> None:
    """The rule is used in every nesting, and not what the function is made of."""
    from minigrad.extend import defvjp, primitive

    @primitive
    def rounded(x):
        return np.round(np.asarray(x))

    defvjp(rounded, lambda ans, x: lambda g: g * 1.0)
    assert_close(batched(rounded)(X), np.round(X), 1e-14)
    assert_close(batched(grad(lambda x: np.sum(rounded(x) * x)))(X), np.round(X) + X, 1e-14)
    assert_close(grad(lambda xs: np.sum(batched(lambda x: rounded(x) * x)(xs)))(X), np.round(X) + X, 1e-14)
    second = batched(lambda x: hvp(lambda y: np.sum(rounded(y) * y), x, np.ones(3)))(X)
    assert_close(second, np.full((4, 3), 2.0), 1e-14)
    twice = grad(lambda xs: np.sum(batched(grad(lambda x: np.sum(rounded(x) * x)))(xs)))(X)
    assert_close(twice, np.full((4, 3), 2.0), 1e-14)


def test_operations_of_ones_own_that_close_over_examples() -> None:
    def own(w, x):
        return minigrad.custom_primitive(lambda x: x * w, vjp=lambda g, ans, x: g * w)(x)

    def elementwise(w, x):
        return minigrad.custom_elementwise(lambda x: x * w, lambda ans, x: w + 0.0 * x, name="scaled")(x)

    def static(w, x):
        return minigrad.custom_primitive(lambda x, n: x * n, vjp=lambda g, ans, x, n: g * n, static="n")(x, w)

    ws = np.arange(4.0)
    for fun in (own, elementwise, static):
        assert_close(batched(fun)(ws, X), ws[:, None] * X, 1e-14)
        pulled = batched(lambda w, x, fun=fun: vjp(lambda x: fun(w, x), x)[1](np.ones(3))[0])(ws, X)
        assert_close(pulled, np.broadcast_to(ws[:, None], X.shape), 1e-14)


# ----- errors ---------------------------------------------------------------------------------------------------------


def test_errors() -> None:
    two = lambda x, y: x * y
    with pytest.raises(ValueError, match=r"different numbers of examples: argument 0: 4, argument 1: 3"):
        batched(two)(X, W)
    with pytest.raises(ValueError, match=r"argument 1 is a number and has no axis 0 with examples.*None if it is the"):
        batched(two)(X, 2.0)
    with pytest.raises(ValueError, match=r"argument 0\['a'\] is an array of shape \(4, 3\) and has no axis 2"):
        batched(lambda p: p["a"], in_axes=2)({"a": X})
    with pytest.raises(TypeError, match=r"in_axes=\(0,\) must be .* each of the 2 arguments"):
        batched(two, in_axes=(0,))(X, X)
    with pytest.raises(TypeError, match=r"in_axes='all'"):
        batched(two, in_axes="all")(X, X)
    with pytest.raises(TypeError, match=r"the entry \{'b': 0\} of in_axes does not fit argument 0"):
        batched(lambda p: p["a"], in_axes=({"b": 0},))({"a": X})
    with pytest.raises(ValueError, match="gives no argument an axis"):
        batched(two, in_axes=None)(X, X)
    with pytest.raises(TypeError, match=r"returned a str; return numbers"):
        batched(lambda x: "text")(X)
    with pytest.raises(ValueError, match=r"different shapes for different examples, \[\(0,\), \(1,\), .*pad them"):
        batched(lambda x: x[x > 0])(np.array([[1.0, 2.0], [1.0, -1.0], [-1.0, -1.0]]))
    with pytest.raises(ValueError, match=r"shapes \(3,\) \(4,\)"):  # those of one example
        batched(lambda x: x + np.ones(4))(X)
    with pytest.raises(IndexError):
        batched(lambda x: x[5])(X)
    with pytest.raises(np.exceptions.AxisError):
        batched(lambda x: np.sum(x, axis=1))(X)
    with pytest.raises(np.linalg.LinAlgError):
        batched(np.linalg.inv)(np.zeros((2, 3, 3)))
    with pytest.raises(TypeError, match="integers have no derivative"):
        batched(grad(lambda x: x * 1.0))(np.arange(3))
    with pytest.raises(ZeroDivisionError):
        batched(lambda x: 1 / 0)(X)


# ----- the network ----------------------------------------------------------------------------------------------------


def test_per_sample_gradients() -> None:
    """Of the network, with samples in columns: their sum is the gradient of the loss of all samples."""
    from nn.backprop import gradient
    from nn.mlp import init
    from nn.train import per_sample_gradients

    A_, b_ = init([2, 15, 3], rng=0)
    x, Y = rng.standard_normal((2, 20)), np.eye(3)[:, rng.integers(0, 3, 20)]
    losses, of_A, of_b = per_sample_gradients(A_, b_, x, Y)
    assert losses.shape == (20,)
    for j in range(20):
        loss, gA, gb = gradient(A_, b_, x[:, [j]], Y[:, [j]])
        assert_close(losses[j], loss, 1e-12)
        for r in range(2):
            assert_close(of_A[r][j], gA[r], 1e-11)
            assert_close(of_b[r][j], gb[r], 1e-11)


@pytest.mark.parametrize("chunk_size", [0, -1, 2.5])
def test_chunks_of_no_size(chunk_size) -> None:
    with pytest.raises(ValueError, match="batched: chunk_size is a whole number of at least 1"):
        batched(f, chunk_size=chunk_size)(X)


def test_the_text_of_a_value_is_that_of_the_example() -> None:
    """str() and format() are read example by example, as float() is."""
    x = np.array([[1.0, 0.125], [1.0, 1.0]])
    for fun in (
        lambda x: np.sum(x) * len(str(x)),
        lambda x: x[1] * len(f"{x[1]}"),
        lambda x: x[0] * len(f"{x[0]:.9f}"),
    ):
        assert_close(batched(fun)(x), loop(fun, x), 0.0)
        assert_close(batched(grad(fun))(x), loop(grad(fun), x), 0.0)
