"""Functions of NumPy with their options: all examples in one pass give what a loop gives."""

import numpy as np
import pytest
from references import assert_close, loop

from minigrad import batched

rng = np.random.default_rng(0)
W = rng.standard_normal((3, 3))

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
