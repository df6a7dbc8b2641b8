"""NumPy's rules for polynomials: values, arithmetic, fits and roots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as _np

from minigrad.core.lines import located
from minigrad.core.primitive import general as _general
from minigrad.core.tape import Box, peel, refusal
from minigrad.numpy import functions as _f
from minigrad.numpy import linalg as _linalg
from minigrad.numpy.arguments import in_floats, with_value
from minigrad.numpy.calculus import convolve
from minigrad.numpy.dispatch import as_array, as_function, refuse
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import products as _l

# ----- polynomials ----------------------------------------------------------------------------------------------------


@as_function(_np.polyval)
def polyval(p: Any, x: Any) -> Any:
    p, x = as_array(p), as_array(x)
    y: Any = _np.zeros_like(peel(x))
    for k in range(len(p)):
        y = y * x + p[k]
    return y


@as_function(_np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """As `numpy.poly`; the characteristic polynomial of a matrix comes from traces of powers, not from eigenvalues.

    The algorithm is that of Faddeev and LeVerrier (A. S. Householder, "The Theory of Matrices in Numerical Analysis",
    1964, section 6.7): polynomial in the entries, hence smooth where eigenvalues coincide.
    """
    zeros = in_floats(_f.atleast_1d(as_array(seq_of_zeros)))
    zeros = _moving.cast(zeros, float) if peel(zeros).dtype == _np.float16 else zeros
    dtype = peel(zeros).dtype
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] > 0:
        one = _np.eye(len(zeros), dtype=dtype)
        product, found = zeros, [_np.ones((), dtype)]
        for k in range(1, len(zeros) + 1):
            found.append(-_l.trace(product) / k)
            product = _l.matmul(zeros, product + found[-1] * one)
        return _moving.stack(*found, axis=0)
    if zeros.ndim != 1:
        raise ValueError(located(f"poly: a vector of zeros or a square matrix, not an array of shape {zeros.shape}"))
    if not len(zeros):
        return _np.poly([])
    ans: Any = _np.ones(1, dtype)
    none = _np.zeros(1, dtype)
    for k in range(len(zeros)):
        ans = _moving.concatenate(ans, none, axis=0) - _moving.concatenate(none, zeros[k] * ans, axis=0)
    plain = peel(zeros)
    if dtype.kind == "c" and _np.array_equal(_np.sort(plain), _np.sort(plain.conj())):
        return _e.real(ans)
    return ans


def _padded_sum(a1: Any, a2: Any, sign: float) -> Any:
    a, b = (_f.atleast_1d(as_array(each)) for each in (a1, a2))
    n = max(len(a), len(b))
    a, b = (
        each if len(each) == n else _moving.concatenate(_np.zeros(n - len(each), peel(each).dtype), each, axis=0)
        for each in (a, b)
    )
    return a + b if sign > 0 else a - b


@as_function(_np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    return _padded_sum(a1, a2, 1.0)


@as_function(_np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    return _padded_sum(a1, a2, -1.0)


@as_function(_np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """As `numpy.polymul`, which drops leading coefficients that are zero: they have no derivative."""
    factors = [_f.atleast_1d(as_array(each)) for each in (a1, a2)]
    first = [int((peel(a) != 0).argmax()) if _np.any(peel(a)) else -1 for a in factors]
    return convolve(*[a[k:] if len(a) else _np.zeros(1) for a, k in zip(factors, first)])


@as_function(_np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    u, v = (_f.atleast_1d(in_floats(each)) for each in (u, v))
    if u.ndim != 1 or v.ndim != 1 or not len(u) or not len(v):
        raise ValueError(located(f"polydiv: two vectors of coefficients, not arrays of shapes {u.shape} and {v.shape}"))
    dtype = _np.result_type(peel(u), peel(v))
    rest, n = _moving.cast(u, dtype), len(v)
    quotient: list[Any] = []
    for k in range(len(u) - n + 1):
        quotient.append(rest[k] / v[0])
        rest = _moving.concatenate(rest[:k], rest[k : k + n] - quotient[-1] * v, rest[k + n :], axis=0)
    plain = peel(rest)
    start = 0
    while start < len(plain) - 1 and _np.allclose(plain[start], 0, rtol=1e-14):
        start += 1
    return _moving.stack(*quotient, axis=0) if quotient else _np.zeros(1, dtype), rest[start:]


@as_function(_np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    p = as_array(p)
    if m < 0:
        raise ValueError(located(f"polyder: the order of the derivative is not negative, as {m} is; see polyint"))
    for _ in range(int(m)):
        p = p[:-1] * _np.arange(len(p) - 1, 0, -1)
    return p


@as_function(_np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p, m = as_array(p), int(m)
    if m < 0:
        raise ValueError(located(f"polyint: the order of the integral is not negative, as {m} is; see polyder"))
    k = _np.zeros(m) if k is None else _f.atleast_1d(as_array(k))
    if len(k) < m and len(k) != 1:
        raise ValueError(located(f"polyint: {len(k)} constants of integration for order {m}; one for all, or {m}"))
    for i in range(m):
        constant = k[:1] if len(k) == 1 else k[i : i + 1]
        p = _moving.concatenate(p / _np.arange(len(p), 0, -1), constant, axis=0)
    return p


@as_function(_np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError(located(f"vander: a vector, not an array of shape {x.shape}"))
    x = _moving.cast(x, _np.promote_types(peel(x).dtype, int))
    powers = _np.arange(len(x) if N is None else N, dtype=peel(x).real.dtype)
    return x[:, None] ** (powers if increasing else powers[::-1])


@as_function(_np.polyfit)
def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """As `numpy.polyfit`, in x, y and w, also with cov, and where small singular values are cut.

    With A the Vandermonde matrix and c the solution that NumPy finds, c + (A'A)^-1 A'(y - A c) is the solution whatever
    c is. So c may be taken as a constant, and nothing but rounding is added to it.
    """
    x, y, w = in_floats(x), in_floats(y), None if w is None else in_floats(w)
    if "c" in (peel(x).dtype.kind, "f" if w is None else peel(w).dtype.kind):
        raise refuse("polyfit", "complex abscissas or weights have no rule; complex ordinates do")
    found: Any = _np.polyfit(peel(x), peel(y), deg, rcond, w=peel(w), cov=cov)
    A, b = vander(x, deg + 1), y if y.ndim == 2 else y[:, None]
    if w is not None:
        A, b = A * w[:, None], b * w[:, None]
    plain = peel(A)
    scale = _np.sqrt(_np.sum(plain * plain, 0))
    limit = len(plain) * _np.finfo(peel(x).dtype).eps if rcond is None else rcond
    rank = _np.linalg.matrix_rank(plain / scale, rtol=limit)
    if rank <= deg and (cov or (rcond is None and type(x) is Box)):
        message = f"polyfit: the fit of degree {deg} to {len(plain)} points is not unique; lower the degree"
        raise refusal(NotImplementedError, message)
    if rank <= deg or full:
        scale = _e.sqrt(_f.sum(A * A, 0))  # which solution is the shortest depends on it
        A = A / scale
        c, residues, rank, singular = _linalg.lstsq(A, b, limit)
        c = c / scale[:, None]
        c = c if y.ndim == 2 else c[:, 0]
        return (c, residues, rank, singular, limit) if full else c
    A = A / scale
    transposed = _l.matrix_transposed(A)
    H = _l.matmul(transposed, A)
    c = _np.reshape(found[0] if cov else found, (deg + 1, -1)) * scale[:, None]
    residues = b - _l.matmul(A, c)
    step = _solve(H, _l.matmul(transposed, residues))
    ans = with_value(c, step) / scale[:, None]
    ans = ans if y.ndim == 2 else ans[:, 0]
    if not cov:
        return ans
    residues = residues - _l.matmul(A, step)
    unit = 1.0 if cov == "unscaled" else _f.sum(residues * residues, 0) / (len(plain) - deg - 1)
    inverse = _solve(H, _np.eye(deg + 1)) / scale / scale[:, None]
    return ans, inverse[:, :, None] * unit if y.ndim == 2 else inverse * unit


# The X of A X = B, for matrices: A dX = dB - dA X.
_solve: Callable[..., Any] = _general(
    "solve",
    lambda A, B: _np.linalg.solve(A, B),
    [
        lambda g, ans, A, _B: -_l.matmul(_solve(_l.matrix_transposed(A), g), _l.matrix_transposed(ans)),
        lambda g, _ans, A, _B: _solve(_l.matrix_transposed(A), g),
    ],
    [
        lambda t, ans, A, _B: -_solve(A, _l.matmul(t, ans)),
        lambda t, _ans, A, _B: _solve(A, t),
    ],
    pattern=lambda p: p.matrices,
)


# ----- the roots of a polynomial --------------------------------------------------------------------------------------


def _powers(x: Any, n: int) -> Any:
    """The powers n - 1, ..., 0 of each entry in a row."""
    return x[:, None] ** _np.arange(n - 1, -1, -1)


def _slope_at_roots(p: Any, x: Any) -> Any:
    n = p.shape[0]
    return _powers(x, n - 1) @ (p[:-1] * _np.arange(n - 1, 0, -1).astype(peel(p).dtype))


# p(x) = 0 gives dx = -dp(x) / p'(x), for coefficients that are 0 too; infinite at a repeated root.
_roots: Any = _general(
    "roots",
    _np.roots,
    [lambda g, ans, p: -((g / _slope_at_roots(p, ans)) @ _powers(ans, p.shape[0]))],
    [lambda t, ans, p: -(_powers(ans, p.shape[0]) @ t) / _slope_at_roots(p, ans)],
)


@as_function(_np.roots)
def roots(p: Any) -> Any:
    p = as_array(p)
    if len(p.shape) != 1:
        raise ValueError(located(f"roots: the coefficients must be a vector; got shape {p.shape}"))
    return _roots(p)
