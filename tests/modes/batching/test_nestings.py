"""Stacks of examples within and around every other mode."""

import numpy as np
import pytest
from references import assert_close, loop

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
    vjp,
)

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3))
W = rng.standard_normal((3, 3))
S = rng.standard_normal((4, 3, 3)) + 3 * np.eye(3)


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


def test_a_way_that_is_not_taken_is_no_refusal_that_was_caught():
    """The table of batches tries SciPy's own ufunc, which has no rule; example by example there is one."""
    pytest.importorskip("scipy")
    from minigrad.scipy import special

    x = np.array([1.5, 2.5, 4.0])

    def total(t):
        return np.sum(batched(lambda s: special.zeta(2.0, t * s))(x))

    expected = -2.0 * sum(s * special.zeta(3.0, 2.0 * s) for s in x)
    np.testing.assert_allclose(grad(total)(2.0), expected, rtol=1e-12)
