"""Products of traced arrays with constant arrays of the library `sparse`, and what is stored where such an array is."""

from typing import Any

import numpy as np
import pytest

import minigrad as mg

sparse = pytest.importorskip("sparse", reason="the library sparse is not installed")
scipy_sparse = pytest.importorskip("scipy.sparse")

rng = np.random.default_rng(3)
DENSE = np.where(rng.random((4, 3)) < 0.6, rng.standard_normal((4, 3)), 0.0)
X, XS, Y = rng.standard_normal(3), rng.standard_normal((3, 2)), rng.standard_normal(4)
CUBE = np.where(rng.random((2, 4, 3)) < 0.5, rng.standard_normal((2, 4, 3)), 0.0)

PRODUCTS: dict[str, Any] = {
    "A @ vector": (lambda A, x: A @ x, DENSE, X),
    "A @ matrix": (lambda A, x: A @ x, DENSE, XS),
    "vector @ A": (lambda A, x: x @ A, DENSE, Y),
    "A.T @ vector": (lambda A, x: A.T @ x, DENSE, Y),
    "x.T @ A": (lambda A, x: x.T @ A, DENSE, Y),
    "np.matmul(x, A)": (lambda A, x: np.matmul(x, A), DENSE, Y),
    "np.dot(x, A)": (lambda A, x: np.dot(x, A), DENSE, Y),
    "A * x": (lambda A, x: np.sum(A * x, axis=0), DENSE, X),
    "x * A": (lambda A, x: (x * A).sum(1, keepdims=True), DENSE, X),
    "A * column": (lambda A, x: (A * x[:, None]).sum(0), DENSE, Y),
    "np.multiply(A, x)": (lambda A, x: np.sum(np.multiply(A, x)), DENSE, X),
    "A / x": (lambda A, x: np.sum(A / x, axis=0), DENSE, X),
    "-(A * x)": (lambda A, x: np.sum(-(A * x), axis=0), DENSE, X),
    "number * A": (lambda A, x: (x[0] * A) @ x, DENSE, X),
    "(A * x) @ y": (lambda A, x: (A * x) @ x, DENSE, X),
    "(A * x).T @ y": (lambda A, x: (A * x).T @ np.ones(4), DENSE, X),
    "x @ (A * x)": (lambda A, x: np.ones(4) @ (A * x), DENSE, X),
    "three axes": (lambda A, x: np.sum(A * x, axis=(0, -1)), CUBE, X),
    "two products": (lambda A, x: np.sum((A * x) * np.exp(x) / 3.0, axis=1), DENSE, X),
}


@pytest.mark.parametrize(
    ("name", "kind"), [*[(name, "COO") for name in PRODUCTS], ("A @ matrix", "GCXS"), ("x * A", "GCXS")]
)
def test_products_in_every_mode(name: str, kind: str) -> None:
    product, dense, x = PRODUCTS[name]
    A = getattr(sparse, kind).from_numpy(dense)
    f = lambda x: np.sum(np.tanh(product(A, np.sin(x))) ** 2)
    g = lambda x: np.sum(np.tanh(product(dense, np.sin(x))) ** 2)
    value, gradient = mg.value_and_grad(f)(x)  # on plain values the library has functions of its own
    np.testing.assert_allclose(value, g(x), rtol=1e-12)
    np.testing.assert_allclose(gradient, mg.grad(g)(x), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(mg.hessian(f)(x), mg.hessian(g)(x), rtol=1e-9, atol=1e-12)
    if kind == "COO":
        along = (lambda t: f(x + t * x)), (lambda t: g(x + t * x))
        np.testing.assert_allclose(*[mg.derivatives(each, 0.3, 3) for each in along], rtol=1e-9)
        both = np.stack([x, 2.0 * x])
        np.testing.assert_allclose(mg.batched(f)(both), [g(x), g(2.0 * x)], rtol=1e-12)


def test_the_dense_array() -> None:
    A = sparse.COO.from_numpy(DENSE)
    np.testing.assert_allclose(mg.jacobian(lambda x: (A * x).todense())(X), mg.jacobian(lambda x: DENSE * x)(X))


FULL = sparse.COO(np.array([[0], [1]]), np.array([2.0]), shape=(3, 4), fill_value=1.0)

REFUSED: list[Any] = [
    (lambda A, x: A + x, TypeError, "add: a sparse.COO .*todense"),
    (lambda A, x: np.exp(A * x), TypeError, "exp: .*TracedSparse.*sums and products"),
    (lambda A, x: (A * x) * A, TypeError, "two sparse arrays"),
    (lambda A, x: (A * x).T @ A, TypeError, "two sparse arrays"),
    (lambda A, x: A * x[:2], ValueError, "does not broadcast"),
    (lambda A, x: np.matmul(A, x), NotImplementedError, "A @ x or A . x"),
    (lambda A, x: x @ FULL, TypeError, "is 1.0 where nothing is stored"),
    (lambda A, x: A * x, TypeError, "returned a .*TracedSparse.*toarray"),
]


@pytest.mark.parametrize(("program", "kind", "words"), REFUSED)
def test_what_is_refused(program: Any, kind: Any, words: str) -> None:
    A = sparse.COO.from_numpy(DENSE)
    with pytest.raises(kind, match=f"(?s){words}"):
        mg.vjp(lambda x: program(A, x), X)


LEAVES = {
    "COO": sparse.COO.from_numpy(DENSE),
    "GCXS": sparse.COO.from_numpy(DENSE).asformat("gcxs"),
    **{
        f"{name}_{kind}": getattr(scipy_sparse, f"{name}_{kind}")(DENSE)
        for name in ("csr", "csc", "coo")
        for kind in ("array", "matrix")
    },
}


@pytest.mark.parametrize("name", LEAVES)
def test_a_gradient_by_a_sparse_array_is_stored_where_that_is(name: str) -> None:
    """The stored numbers are what is differentiated: the entries between them are 0 as a matter of structure."""
    A = LEAVES[name]
    f = lambda A: np.sum(np.tanh(A @ np.sin(X)) ** 2) + np.sum(A.T @ Y)
    value, gradient = mg.value_and_grad(f)(A)
    assert type(gradient) is type(A)
    assert value == pytest.approx(f(DENSE))
    dense = gradient.toarray() if hasattr(gradient, "toarray") else gradient.todense()
    np.testing.assert_allclose(dense, np.where(DENSE != 0, mg.grad(f)(DENSE), 0.0), rtol=1e-12)
    both = mg.grad(lambda p: np.sum(p["A"] @ p["x"]))({"A": A, "x": X})
    assert type(both["A"]) is type(A)
    np.testing.assert_allclose(both["x"], DENSE.sum(axis=0))


def test_the_gradient_of_a_gradient_by_a_sparse_array() -> None:
    A = LEAVES["csr_array"]
    f = lambda A: np.sum((A @ X) ** 3)
    twice = mg.grad(lambda A: np.sum(Y @ mg.grad(f)(A)))(A)
    row = lambda r: Y @ np.where(DENSE != 0, 3 * ((r @ X) ** 2)[:, None] * X, 0.0)
    np.testing.assert_allclose(twice.toarray(), np.where(DENSE != 0, mg.grad(lambda r: np.sum(row(r)))(DENSE), 0.0))


def test_what_takes_no_sparse_leaf() -> None:
    for program in (
        lambda A: mg.jvp(lambda A: A @ X, (A,), (A,)),
        mg.jacobian(lambda A: A @ X),
        mg.batched(lambda A: A),
    ):
        with pytest.raises(TypeError, match=r"(?s)sparse\.COO"):
            program(LEAVES["COO"])
    with pytest.raises(TypeError, match=r"A\.astype\(float\)"):
        mg.grad(lambda A: np.sum(A @ X))(sparse.COO.from_numpy(DENSE.astype(int)))
