"""A constant sparse matrix of SciPy times a traced array, in every mode."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from messages import fails
from references import assert_close

import minigrad
from minigrad import batched, grad, jacobian, source
from minigrad import compile as compiled

rng = np.random.default_rng(5)
DENSE = np.where(rng.random((4, 3)) < 0.6, rng.standard_normal((4, 3)), 0.0)
X, XS, Y, YS = rng.standard_normal(3), rng.standard_normal((3, 2)), rng.standard_normal(4), rng.standard_normal((2, 4))
FORMATS = [
    f"{name}_{kind}" for name in ("csr", "csc", "coo", "dia", "bsr", "lil", "dok") for kind in ("matrix", "array")
]

PRODUCTS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "M @ vector": (lambda M, x: M @ x, X),
    "M @ matrix": (lambda M, x: M @ x, XS),
    "M.dot(vector)": (lambda M, x: M @ x if M is DENSE else M.dot(x), X),
    "vector @ M": (lambda M, x: x @ M, Y),
    "matrix @ M": (lambda M, x: x @ M, YS),
    "M.T @ vector": (lambda M, x: M.T @ x, Y),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_of_every_format_in_every_mode(name: str, kind: str) -> None:
    product, x = PRODUCTS[name]
    M = getattr(scipy.sparse, kind)(DENSE)

    def f(x: Any) -> Any:
        return np.sum(np.tanh(product(M, np.sin(x))) ** 2)

    def g(x: Any) -> Any:
        return np.sum(np.tanh(product(DENSE, np.sin(x))) ** 2)

    v = np.ones_like(x)
    assert_close(f(x), g(x), 1e-13)
    assert_close(grad(f)(x), grad(g)(x), 1e-13)
    if kind not in ("csr_matrix", "coo_array"):
        return
    assert_close(minigrad.jvp(f, (x,), (v,))[1], minigrad.jvp(g, (x,), (v,))[1], 1e-13)
    assert_close(minigrad.hvp(f, x, v), minigrad.hvp(g, x, v), 1e-12)
    assert_close(minigrad.hessian(f)(x), minigrad.hessian(g)(x), 1e-12)
    assert_close(grad(lambda x: np.sum(grad(f)(x) * v))(x), minigrad.hvp(g, x, v), 1e-12)
    along = (lambda t: f(x + t * v)), (lambda t: g(x + t * v))
    assert_close(*[minigrad.derivatives(each, 0.3, 5) for each in along], 1e-10)
    assert_close(compiled(f)(x), g(x), 1e-13)
    assert_close(compiled(grad(f))(x), grad(g)(x), 1e-13)
    both = np.stack([x, 2.0 * x])
    assert_close(batched(f)(both), np.array([g(x), g(2.0 * x)]), 1e-13)
    assert_close(batched(grad(f))(both), np.stack([grad(g)(x), grad(g)(2.0 * x)]), 1e-13)
    assert "import numpy" in source(grad(f), x)
    pattern = minigrad.sparsity(lambda x: product(M, x), x).toarray()
    assert (pattern == (jacobian(lambda x: product(DENSE, x))(x) != 0.0).reshape(pattern.shape)).all()


def test_values_are_those_of_scipy_to_the_last_digit() -> None:
    big = scipy.sparse.random(200, 150, 0.05, "csr", random_state=1)
    x, seen = rng.standard_normal(150), []
    grad(lambda x: np.sum(seen.append(minigrad.value(big @ x)) or big @ x))(x)
    assert (seen[0] == big @ x).all()


def test_integers_complex_numbers_float32_and_entries_stored_twice() -> None:
    twice = scipy.sparse.coo_array((np.array([1, 2, 3]), ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    assert_close(jacobian(lambda x: twice @ x)(np.ones(2)), np.array([[0.0, 3.0], [3.0, 0.0]]), 0.0)
    turn = scipy.sparse.csr_array(np.array([[0.0, 1j], [2.0, 0.0]]))
    f, g = (lambda x: np.sum(np.abs(turn @ x) ** 2)), (lambda x: np.sum(np.abs(turn.toarray() @ x) ** 2))
    assert_close(grad(f)(np.array([1.0 + 1j, 2.0])), grad(g)(np.array([1.0 + 1j, 2.0])), 1e-14)
    assert_close(grad(f)(np.array([1.0, 2.0])), grad(g)(np.array([1.0, 2.0])), 1e-14)
    narrow = scipy.sparse.csr_array(DENSE.astype(np.float32))
    assert grad(lambda x: np.sum(narrow @ x))(X.astype(np.float32)).dtype == np.float32


def test_a_matrix_that_is_written_to_later_counts_with_what_it_had() -> None:
    M = scipy.sparse.csr_array(DENSE)

    def f(x: Any) -> Any:
        y = M @ x
        M.data *= 2.0
        return np.sum(y)

    assert_close(grad(f)(X), DENSE.sum(axis=0), 1e-15)


def test_the_star_of_a_matrix_is_its_product_and_that_of_an_array_is_stored_where_it_is() -> None:
    old, new = scipy.sparse.csr_matrix(DENSE), scipy.sparse.csr_array(DENSE)
    assert_close(jacobian(lambda x: old * x)(X), DENSE, 0.0)
    assert_close(jacobian(lambda y: y * old)(Y), DENSE.T, 0.0)
    for f in (lambda x: old * x, lambda x: x @ old.T):
        assert_close(batched(f)(np.stack([X, 2.0 * X])), np.stack([DENSE @ X, 2.0 * DENSE @ X]), 1e-14)
        assert_close(compiled(f)(X), DENSE @ X, 1e-14)
    for f in (lambda M, x: (x * M) @ x, lambda M, x: (x[0] * M) @ np.sin(x), lambda M, x: x @ (x * M).T):
        assert_close(jacobian(partial(f, new))(X), jacobian(partial(f, DENSE))(X), 1e-13)
        assert_close(compiled(partial(f, new))(X), f(DENSE, X), 1e-13)
    assert_close(jacobian(lambda c: (c * old) @ X)(2.0), DENSE @ X, 1e-13)
    for f, x in ((lambda x: new * x, X), (lambda c: new * c, 2.0)):  # which SciPy does not leave to x
        fails(TypeError, lambda f=f, x=x: grad(lambda x: np.sum(f(x) @ np.ones(3)))(x), "toarray")


def test_shapes_that_do_not_fit_and_operations_that_no_sparse_matrix_takes_part_in() -> None:
    M = scipy.sparse.csr_array(DENSE)
    fails(ValueError, lambda: grad(lambda x: np.sum(M @ x))(Y), "(4, 3)", "(4,)")
    fails(ValueError, lambda: grad(lambda x: np.sum(x @ M))(X), "(3,)", "(4, 3)")
    fails(ValueError, lambda: grad(lambda x: np.sum(M @ x))(np.ones((2, 3, 1))), "vectors and matrices")
    fails(TypeError, lambda: grad(lambda x: np.sum(x + M))(DENSE), "add", "M @ x", "toarray")
    fails(TypeError, lambda: grad(lambda x: np.sum(np.einsum("ij,j", M, x)))(X), "toarray")
    fails(TypeError, lambda: grad(lambda x: np.sum(np.dot(M, x)))(X), "dot", "M @ x")
