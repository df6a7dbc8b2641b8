"""Cells of `numpy.linalg`. Decompositions are tested through what does not depend on signs and phases."""

from typing import Any

import numpy

from cells import MATRICES, SQUARE, cell, distinct, draw

# fmt: off

STACKED: Any = ((2, 2), (2, 2, 2))


def regular(*shape: int) -> Any:
    """Matrices well away from singular ones, with different eigenvalues and singular values."""
    n = shape[-1]
    return draw(*shape) * 0.4 + numpy.diag(numpy.arange(1.5, n + 1.5))


def steady(*shape: int) -> Any:
    """Matrices whose eigenvectors are far from dependent."""
    return draw(*shape) * 0.15 + numpy.diag(numpy.arange(1.5, shape[-1] + 1.5))


def staircase(*shape: int) -> Any:
    """Numbers that increase in steps, so that no two sums of rows or columns are close."""
    return draw(*shape) * 0.05 + numpy.arange(1.0, numpy.prod(shape) + 1.0).reshape(shape) * 0.3


def lopsided(*shape: int) -> Any:
    """Two by two matrices whose rows, columns and inverses differ clearly in size."""
    return draw(*shape) * 0.05 + [[3.0, 1.0], [0.5, 2.0]]


def tall(*shape: int) -> Any:
    """Rectangular matrices of full rank with different singular values."""
    return draw(*shape) * 0.4 + numpy.eye(*shape[-2:]) * numpy.arange(1.5, shape[-1] + 1.5)


def positive_definite(x: Any) -> Any:
    """A Hermitian positive definite matrix made of any matrix near a multiple of the identity."""
    return x @ x.conj().mT + numpy.diag(numpy.arange(1.0, x.shape[-1] + 1.0))


def parts(np: Any, *arrays: Any) -> Any:
    """Several arrays as one: each with a weight of its own, raveled and joined."""
    return np.concatenate([np.ravel(part) * (k + 1.0) for k, part in enumerate(arrays)])


cell("numpy.linalg.inv", None, regular, shapes=SQUARE, dtypes="fdD")
cell("numpy.linalg.det", None, regular, shapes=(*SQUARE, (0, 0)), dtypes="fdD")
cell("numpy.linalg.slogdet", lambda np, x: np.linalg.slogdet(x)[1], regular, shapes=SQUARE, dtypes="fdD")
cell("numpy.linalg.slogdet", lambda np, x: np.linalg.slogdet(x).sign * np.linalg.slogdet(x)[1], regular, shapes=SQUARE, dtypes="fdD", note="sign")
cell("numpy.linalg.solve", None, regular, draw, shapes=(((2, 2), (2,)), ((2, 2), (2, 3)), ((2, 2, 2), (2, 3)), ((2, 2), (3, 2, 1)), ((3, 2, 2), (2,))), dtypes="fdD")
cell("numpy.linalg.cholesky", lambda np, x: np.linalg.cholesky(positive_definite(x)), regular, shapes=SQUARE, dtypes="fdD")
cell("numpy.linalg.cholesky", lambda np, x: np.linalg.cholesky(positive_definite(x), upper=True), regular, shapes=((3, 3),), dtypes="dD", note="upper")
cell("numpy.linalg.qr", lambda np, x: parts(np, *np.linalg.qr(x)), tall, shapes=((1, 1), (3, 3), (4, 2), (2, 3), (2, 3, 2)), dtypes="fdD")
cell("numpy.linalg.qr", lambda np, x: np.linalg.qr(x, mode="r"), tall, shapes=((3, 2), (2, 3)), dtypes="d", note="r")
cell("numpy.linalg.qr", lambda np, x: parts(np, *np.linalg.qr(x, mode="complete")), tall, shapes=((3, 3), (2, 3)), dtypes="d", note="complete")
cell("numpy.linalg.eigvalsh", lambda np, x: np.linalg.eigvalsh(positive_definite(x)), regular, shapes=SQUARE, dtypes="fdD")
cell("numpy.linalg.eigvalsh", lambda np, x: np.linalg.eigvalsh(positive_definite(x), "U"), regular, shapes=((3, 3),), dtypes="dD", note="U")


def by_eigh(np: Any, x: Any) -> Any:
    """The eigenvalues and the matrix sin(A), whatever the signs of the vectors are."""
    w, v = np.linalg.eigh(positive_definite(x))
    return parts(np, w, (v * np.sin(w)[..., None, :]) @ v.conj().mT)


def by_eig(np: Any, x: Any) -> Any:
    """The eigenvalues, the projections on the eigenspaces and the squared sizes of entries of the vectors."""
    w, v = np.linalg.eig(x)
    left = np.linalg.inv(v)
    return parts(np, w, (v * np.sin(w)[..., None, :]) @ left, np.abs(v) ** 2)


def by_svd(np: Any, x: Any) -> Any:
    """The singular values and a function of the matrix, whatever the signs of the vectors are."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return parts(np, s, (u * np.sin(s)[..., None, :]) @ vh, np.abs(u) ** 2)


cell("numpy.linalg.eigh", by_eigh, regular, shapes=SQUARE, dtypes="fdD")
cell("numpy.linalg.eig", by_eig, steady, shapes=SQUARE, dtypes="fdD", tolerance=1e-7)
cell("numpy.linalg.eig", lambda np, x: np.linalg.eig(x * [[0.1, 1.0], [-1.0, 0.1]])[0], regular, shapes=((2, 2),), dtypes="d", note="complex pairs")
cell("numpy.linalg.eigvals", None, steady, shapes=SQUARE, dtypes="fdD", tolerance=1e-7)
cell("numpy.linalg.svd", by_svd, tall, shapes=MATRICES, dtypes="fdD")
cell("numpy.linalg.svd", lambda np, x: np.linalg.svd(x, compute_uv=False), tall, shapes=MATRICES, dtypes="dD", note="values")
cell("numpy.linalg.svd", lambda np, x: np.linalg.svd(x)[1], tall, shapes=((3, 3),), dtypes="d", note="full")
cell("numpy.linalg.svd", lambda np, x: np.linalg.svd(positive_definite(x), hermitian=True)[1], regular, shapes=((3, 3),), dtypes="dD", note="hermitian")
cell("numpy.linalg.svdvals", None, tall, shapes=MATRICES, dtypes="fdD")
cell("numpy.linalg.pinv", None, tall, shapes=MATRICES, dtypes="fdD")
cell("numpy.linalg.pinv", lambda np, x: np.linalg.pinv(x[:, :1] * x[:1, :]), tall, shapes=((3, 3),), dtypes="dD", note="rank 1", tolerance=1e-7)
cell("numpy.linalg.pinv", lambda np, x: np.linalg.pinv(positive_definite(x), hermitian=True), regular, shapes=((2, 2),), dtypes="dD", note="hermitian")
cell("numpy.linalg.lstsq", lambda np, a, b: parts(np, np.linalg.lstsq(a, b)[0], np.linalg.lstsq(a, b)[1], np.linalg.lstsq(a, b)[3]), tall, draw, shapes=(((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 3), (2,))), dtypes="fdD")
for uplo in "LU":
    cell("numpy.linalg.eigvalsh", lambda np, x, u=uplo: np.linalg.eigvalsh(x, u), regular, shapes=SQUARE, dtypes="fdD", note=f"reads {uplo}")
    cell("numpy.linalg.cholesky", lambda np, x, u=uplo: np.linalg.cholesky(x + numpy.eye(x.shape[-1]), upper=u == "U"), regular, shapes=SQUARE, dtypes="fdD", note=f"reads {uplo}")
cell("numpy.linalg.eigh", lambda np, x: (lambda w, v: (v * np.sin(w)[..., None, :]) @ v.conj().mT)(*np.linalg.eigh(x, "U")), regular, shapes=SQUARE, dtypes="fdD", note="reads U")
cell("numpy.linalg.svd", lambda np, x: (lambda u, s, vh: (u * np.sin(s)[..., None, :]) @ vh)(*np.linalg.svd(x, hermitian=True)), regular, shapes=STACKED, dtypes="fdD", note="reads L")
cell("numpy.linalg.svd", lambda np, x: np.linalg.svd(x)[0][..., 2:] @ np.linalg.svd(x)[0][..., 2:].conj().mT, tall, shapes=((4, 2), (3, 2)), dtypes="dD", note="whole basis")
cell("numpy.linalg.qr", lambda np, x: (lambda q, r: parts(np, q[..., 2:] @ q[..., 2:].conj().mT, r))(*np.linalg.qr(x, "complete")), tall, shapes=((4, 2), (3, 2)), dtypes="dD", note="whole basis")
cell("numpy.linalg.pinv", lambda np, x: np.linalg.pinv(x * numpy.array([1.0, 0.1]), 0.3), tall, shapes=((3, 2), (2, 2)), dtypes="dD", note="cut", tolerance=1e-7)
cell("numpy.linalg.lstsq", lambda np, x, b: np.linalg.lstsq(x * numpy.array([1.0, 0.1]), b, 0.3)[0], tall, draw, shapes=(((3, 2), (3,)),), dtypes="dD", note="cut", tolerance=1e-7)
cell("numpy.linalg.matrix_power", lambda np, x: np.linalg.matrix_power(x, 3), regular, shapes=SQUARE, dtypes="fdD")
for n in (-2, 1, 5):
    cell("numpy.linalg.matrix_power", lambda np, x, n=n: np.linalg.matrix_power(x, n), regular, shapes=STACKED, dtypes="d", note=str(n))
cell("numpy.linalg.multi_dot", lambda np, x, y: np.linalg.multi_dot([x, y, x]), draw, draw, shapes=(((2, 3), (3, 2)),), dtypes="fdD", plain=False)
cell("numpy.linalg.multi_dot", lambda np, x, y: np.linalg.multi_dot([x[0], y, x, y[:, 0]]), draw, draw, shapes=(((2, 3), (3, 2)),), dtypes="d", plain=False, note="vectors")
cell("numpy.linalg.tensorinv", lambda np, x: np.linalg.tensorinv(np.reshape(x, (4, 2, 2)), ind=1), regular, shapes=((4, 4),), dtypes="fdD")
cell("numpy.linalg.tensorsolve", lambda np, x, b: np.linalg.tensorsolve(np.reshape(x, (2, 2, 2, 2)), b), regular, draw, shapes=(((4, 4), (2, 2)),), dtypes="fdD")
for p in (None, 2, -2, "fro", "nuc", 1, -1, numpy.inf, -numpy.inf):
    cell("numpy.linalg.cond", lambda np, x, p=p: np.linalg.cond(x, p), lopsided, shapes=STACKED, dtypes="dD" if p is None else "d", note=str(p))

cell("numpy.linalg.norm", None, draw, shapes=((), (3,), (2, 3), (2, 3, 2)), dtypes="fdD")
for order in (None, 2, 1, 3, 2.5, 0.5, -1, numpy.inf, -numpy.inf, 0):
    for keep in (False, True):
        cell("numpy.linalg.norm", lambda np, x, o=order, k=keep: np.linalg.norm(x, o, axis=-1, keepdims=k) * np.sum(x), distinct, shapes=((3,), (2, 3)), dtypes="dD" if not keep else "d", note=f"vector {order} {keep}")
for order in (None, "fro", "nuc", 2, -2, 1, -1, numpy.inf, -numpy.inf):
    for axis in (None, (0, 2), (-1, 0)):
        cell("numpy.linalg.norm", lambda np, x, o=order, a=axis: np.linalg.norm(x, o, axis=a, keepdims=a == (0, 2)), tall if axis is None else staircase, shapes=((2, 3),) if axis is None else ((2, 2, 3),), dtypes="dD" if axis is None else "d", note=f"matrix {order} {axis}")
for order in (2, 1, 3, numpy.inf):
    cell("numpy.linalg.vector_norm", lambda np, x, o=order: np.linalg.vector_norm(x, axis=(0, 2), ord=o), draw, shapes=((2, 3, 2),), note=str(order))
cell("numpy.linalg.vector_norm", None, draw, shapes=((3,), (2, 3)), dtypes="fdD")
cell("numpy.linalg.vector_norm", lambda np, x: np.linalg.vector_norm(x, axis=1, keepdims=True), draw, shapes=((2, 3),), note="keepdims")
for order in ("fro", "nuc", 2, 1):
    cell("numpy.linalg.matrix_norm", lambda np, x, o=order: np.linalg.matrix_norm(x, ord=o, keepdims=o == 2), tall, shapes=((2, 3), (2, 3, 2)), dtypes="fdD", note=str(order))
cell("numpy.linalg.matrix_transpose", None, draw, shapes=((2, 3), (2, 3, 2)), dtypes="fdD")
cell("numpy.linalg.diagonal", lambda np, x: np.linalg.diagonal(x, offset=1), draw, shapes=((2, 3), (2, 3, 2)), dtypes="fdD")
cell("numpy.linalg.trace", lambda np, x: np.linalg.trace(x, offset=1), draw, shapes=((2, 3), (2, 3, 2)), dtypes="fdD")
cell("numpy.linalg.outer", None, draw, draw, shapes=(((2,), (3,)),), dtypes="fdD")
cell("numpy.linalg.matmul", None, draw, draw, shapes=(((2, 3), (3, 2)), ((2, 2, 3), (3,))), dtypes="fdD")
cell("numpy.linalg.tensordot", lambda np, x, y: np.linalg.tensordot(x, y, axes=((1,), (0,))), draw, draw, shapes=(((2, 3), (3, 2)),), dtypes="fdD")
cell("numpy.linalg.vecdot", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (3,))), dtypes="fdD")
cell("numpy.linalg.vecdot", lambda np, x, y: np.linalg.vecdot(x, y, axis=0), draw, draw, shapes=(((3, 2), (3, 2)),), note="axis")
cell("numpy.linalg.cross", None, draw, draw, shapes=(((3,), (3,)), ((2, 3), (3,))), dtypes="fdD")
cell("numpy.linalg.cross", lambda np, x, y: np.linalg.cross(x, y, axis=0), draw, draw, shapes=(((3, 2), (3, 2)),), note="axis")
cell("numpy.linalg.matmul", lambda np, x, y: np.matmul(x, y, axes=[(1, 0), (0, 1), (1, 0)]), draw, draw, shapes=(((3, 2), (3, 2)),), note="axes")
cell("numpy.linalg.vecdot", lambda np, x, y: np.vecdot(x, y, axis=0), draw, draw, shapes=(((3, 2), (3, 2)),), dtypes="dD", note="of the ufunc")
