"""Matrix functions and decompositions of `numpy.linalg`, differentiable, of stacks of matrices too.

Each primitive has a formula for the forward direction, from differentiating the equation that defines it: A X = I,
A v = w v, A = Q R, ... The backward direction is the transpose of that linear map. It is written out where it is short
and often used; elsewhere it is found by sweeping the forward formula backward (`transpose_of`), so there is one formula
to read and to get right. Sources: M. Giles, "An extended collection of matrix derivative results", Oxford 2008;
I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527; S. Walter and L. Lehmann, "Algorithmic
differentiation of linear algebra functions with application in optimum experimental design", arXiv:1001.1654 (QR);
J. Townsend, "Differentiating the singular value decomposition", 2016; C. Boeddeker et al., arXiv:1701.00392
(eigenvectors).

`cholesky`, `eigh`, `eigvalsh` and whatever is told `hermitian=True` read one triangle of their argument, and so do
their derivatives: the argument is first completed to the Hermitian matrix that this triangle stands for
(`from_triangle`), and the rules are those of Hermitian matrices. So the cotangent lies in the triangle that was read,
and an entry of it that stands for two counts twice. A program that makes its matrix symmetric itself gets the symmetric
gradient.

Eigenvectors and singular vectors are unique up to a phase, and the columns that complete a basis (`full_matrices=True`,
`mode="complete"`) up to a rotation; derivatives hold for all that does not depend on it.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as _np
from numpy.linalg import LinAlgError

from minigrad.core.duck_arrays import anywhere, certainly
from minigrad.core.lines import located
from minigrad.core.primitive import Operation, Primitive, Rule, constant, general, several
from minigrad.core.tape import peel, read_only, refusal
from minigrad.modes.transpose import transpose_of
from minigrad.numpy import functions as _f
from minigrad.numpy.dispatch import as_array, as_function, check_options, plain_axis, shaped
from minigrad.numpy.selection import take_along_axis
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import products as _l
from minigrad.rules import reductions as _reductions
from minigrad.rules import shapes as _shapes
from minigrad.rules.expansion import expanded

_own = _np.linalg
_I = _np.complex64(1j)  # a complex number that does not widen float32
_T = _l.matrix_transposed


def _H(x: Any) -> Any:
    """The conjugate transpose."""
    return _T(_shapes.conjugate_if_complex(x))


def _is_complex(x: Any) -> bool:
    return bool(peel(x).dtype.kind == "c")


def _eye(n: int, like: Any) -> Any:
    return _np.eye(n, dtype=peel(like).dtype)


def _diagonal(x: Any) -> Any:
    return _moving.diagonal(x, offset=0, axis1=-2, axis2=-1)


def _on_diagonal(d: Any) -> Any:
    """A diagonal matrix of each vector."""
    return d[..., None] * _eye(d.shape[-1], d)


def _lower(x: Any) -> Any:
    """The lower triangle with half the diagonal: what added to its conjugate transpose gives a Hermitian x."""
    n = x.shape[-1]
    mask = _np.tril(_np.ones((n, n), peel(x).dtype.type(0).real.dtype)) - 0.5 * _np.eye(n)
    return x * mask.astype(peel(x).dtype.type(0).real.dtype)


@functools.cache
def triangle_mask(n: int, lower: bool) -> Any:
    """The entries of one triangle of an n by n matrix, with the diagonal."""
    mask = _np.tri(n, dtype=bool)
    return read_only(mask if lower else mask.T)


def from_triangle(a: Any, lower: bool = True, conjugate: bool = True) -> Any:
    """The Hermitian (without `conjugate`: symmetric) matrix of which only one triangle is read."""
    if conjugate and _is_complex(a):
        real_diagonal = _e.where(_np.eye(a.shape[-1], dtype=bool), _e.real(a), a)
        return _e.where(triangle_mask(a.shape[-1], lower), real_diagonal, _H(a))
    return _e.where(triangle_mask(a.shape[-1], lower), a, _T(a))


def _is_lower(operation: str, uplo: str) -> bool:
    if str(uplo).upper() not in ("L", "U"):
        raise ValueError(located(f"{operation}: UPLO is 'L' or 'U', the triangle that is read, not {uplo!r}"))
    return str(uplo).upper() == "L"


def _to_shape(g: Any, shape: tuple[int, ...]) -> Any:
    return g if g.shape == shape else _shapes.unbroadcast(g, shape)


def by_push(name: str, fun: Callable[..., Any], push: Rule, **declared: Any) -> Operation:
    """An operation of one result with a jvp for all arguments together; the pull is its transpose."""
    pull_all = transpose_of(lambda ts, ans, *args, **params: [push(ts, ans[0], *args, **params)])

    def pull(g: Any, ans: Any, *args: Any, parents: Any, **params: Any) -> Any:
        return pull_all([g], (ans,), *args, parents=parents, **params)

    def jvp(position: int) -> Rule:
        def rule(t: Any, ans: Any, *args: Any, **params: Any) -> Any:
            return push([t if k == position else None for k in range(len(args))], ans, *args, **params)

        return rule

    count = push.__code__.co_argcount - 2
    return Primitive(name, "general", fun, jvps=[jvp(k) for k in range(count)], pull=pull, **declared).bind


def _warn_equal(operation: str, what: str) -> None:
    warnings.warn(
        located(
            f"{operation}: two {what} coincide; the derivative of their vectors, and second derivatives, do not exist, "
            f"and the terms between them are left out. Functions of the matrix itself (trace, norm, A @ A) have "
            f"derivatives there"
        ),
        RuntimeWarning,
        stacklevel=2,
    )


def _reciprocal_gaps(operation: str, what: str, w: Any) -> Any:
    """1 / (w[j] - w[i]) in row i and column j; 0 where the two coincide to rounding, as on the diagonal."""
    gap = w[..., None, :] - w[..., :, None]
    plain = peel(w)
    n = plain.shape[-1]
    size = _np.max(_np.abs(plain), axis=-1, initial=0.0)[..., None, None]
    equal = _np.abs(peel(gap)) <= n * _np.finfo(plain.dtype).eps * size
    if certainly(equal & ~_np.eye(n, dtype=bool)):
        _warn_equal(operation, what)
    return _e.where(equal, 0.0, 1.0 / _e.where(equal, 1.0, gap))


# ----- Taylor series of solutions -------------------------------------------------------------------------------------
# The coefficients of a product are known but for one term, which holds the unknown: A[0] X[k] = B[k] - (A[1] X[k-1] +
# ...). So a solution costs order^2 products, where a derived series costs order^3.


def full_series(u: Any) -> list[Any]:
    """The coefficients of an argument, each in its full shape."""
    return [u[0], *[expanded(c, u[0]) for c in u[1:]]]


def cauchy(a: Any, v: Any, k: int, times: Callable[..., Any] = operator.matmul, start: int = 1) -> Any:
    """The sum of a[j] @ v[k - j] from j = start on, where both exist; 0.0 if nothing does."""
    total: Any = 0.0
    for j in range(max(start, k - len(v) + 1), min(k, len(a) - 1) + 1):
        part = times(a[j], v[k - j])
        total = part if type(total) is float else total + part
    return total


def _taylor_of_inverse(_s: Any, order: int, ans: Any, u: Any) -> list[Any]:
    a, v = full_series(u), [ans]
    for k in range(1, order + 1):
        v.append(-(ans @ cauchy(a, v, k)))
    return v


def taylor_of_solution(solve: Callable[[], Any], times: Callable[..., Any]) -> Callable[..., Any]:
    """The rule of `solve()(A, B, **params)`, the X with times(A, X, **params) = B."""

    def rule(_s: Any, order: int, ans: Any, u: Any, w: Any, **params: Any) -> list[Any]:
        a, b, v = full_series(u), full_series(w), [ans]
        for k in range(1, order + 1):
            known = cauchy(a, v, k, lambda m, x: times(m, x, **params))
            right = (b[k] if k < len(b) else 0.0) - known
            v.append(0.0 * ans if type(right) is float else solve()(a[0], right, **params))
        return v

    return rule


def _taylor_of_cholesky(_s: Any, order: int, ans: Any, u: Any) -> list[Any]:
    """L L^H = A: the jvp of L at what A[k] leaves for the terms with L[0] and L[k]."""
    a, v = full_series(u), [ans]
    for k in range(1, order + 1):
        inner = cauchy(v, [_H(c) for c in v], k)
        left = (a[k] if k < len(a) else 0.0) - inner
        v.append(0.0 * ans if type(left) is float else _cholesky_jvp(left, ans, a[0]))
    return v


# ----- inverse, solve, determinant ------------------------------------------------------------------------------------

_inv: Any = general(
    "inv",
    _own.inv,
    [lambda g, ans, _x: -(_T(ans) @ g @ _T(ans))],
    [lambda t, ans, _x: -(ans @ t @ ans)],
    taylor=_taylor_of_inverse,
    amplifies=True,
    pattern=lambda p: p.matrices,
)


def _solve_pull(g: Any, ans: Any, a: Any, _b: Any, *, parents: Any) -> list[Any]:
    of_b = _solve(_T(a), g)
    return [
        _to_shape(-(of_b @ _T(ans)), a.shape) if parents[0] >= 0 else None,
        _to_shape(of_b, _b.shape) if parents[1] >= 0 else None,
    ]


_solve: Any = Primitive(
    "solve",
    "general",
    _own.solve,
    jvps=[lambda t, ans, a, _b: -_solve(a, t @ ans), lambda t, _ans, a, _b: _solve(a, _broadcast_stack(t, _ans))],
    pull=_solve_pull,
    taylor=taylor_of_solution(lambda: _solve, operator.matmul),
    amplifies=True,
    pattern=lambda p: p.matrices,
).bind


def _broadcast_stack(t: Any, like: Any) -> Any:
    return t if t.shape == like.shape else _shapes.broadcast_to(t, shape=like.shape)


def _cofactors(x: Any, ans: Any) -> Any:
    """The derivative of the determinant: det(x) inv(x)^T, or the minors where x is singular."""
    if not anywhere(peel(ans) == 0):
        try:
            return ans[..., None, None] * _T(_inv(x))
        except LinAlgError:
            pass
    n = x.shape[-1]
    others = _np.array([[j for j in range(n) if j != i] for i in range(n)], dtype=int).reshape(n, max(n - 1, 0))
    minors = x[..., others[:, None, :, None], others[None, :, None, :]]
    signs = ((-1.0) ** _np.add.outer(_np.arange(n), _np.arange(n))).astype(peel(x).dtype)
    return _det(minors) * signs


def _det_fun(x: Any) -> Any:
    return _own.det(x)


_det: Any = general(
    "det",
    _det_fun,
    [lambda g, ans, x: g[..., None, None] * _cofactors(x, ans)],
    [lambda t, ans, x: _shapes.sum_(t * _cofactors(x, ans), axis=(-2, -1))],
    pattern=lambda p: p.matrices,
)


def _slogdet_push(ts: Any, ans: Any, x: Any) -> list[Any]:
    rate = _shapes.sum_(_T(_inv(x)) * ts[0], axis=(-2, -1))
    if not _is_complex(x):
        return [rate * 0.0, rate]
    return [ans[0] * (_e.imag(rate) * _I), _e.real(rate)]


def _slogdet_pull(gs: Any, ans: Any, x: Any, *, parents: Any) -> list[Any]:
    of_sign, of_log = gs
    weight: Any = 0.0 if of_log is None else of_log
    if _is_complex(x) and of_sign is not None:
        weight = weight + _e.imag(of_sign * ans[0]) * _I
    if type(weight) is float:
        return [None]
    return [weight[..., None, None] * _T(_inv(x))]


_slogdet = several(
    "slogdet",
    lambda x: tuple(_own.slogdet(x)),
    _slogdet_pull,
    _slogdet_push,
    amplifies=True,
    pattern=lambda p: p.matrices,
)


@as_function(_own.inv)
def inv(a: Any) -> Any:
    return _inv(as_array(a))


@as_function(_own.solve)
def solve(a: Any, b: Any) -> Any:
    a, b = as_array(a), as_array(b)
    if len(b.shape) == 1:
        return _solve(a, b[:, None])[..., 0]
    return _solve(a, b)


@as_function(_own.det)
def det(a: Any) -> Any:
    return _det(as_array(a))


@as_function(_own.slogdet)
def slogdet(a: Any) -> Any:
    return _named(_own.slogdet, _slogdet(as_array(a)))


@functools.cache
def _result_type(own: Callable[..., Any]) -> Any:
    """The named tuple that a function of NumPy returns."""
    return type(own(_np.eye(1)))


def _named(own: Callable[..., Any], parts: Any) -> Any:
    return _result_type(own)(*parts)


# ----- factorisations -------------------------------------------------------------------------------------------------


def _cholesky_vjp(g: Any, ans: Any, _x: Any) -> Any:
    middle = _lower(_T(ans) @ g)
    half = _solve(_T(ans), middle)  # L^-T K conj(L)^-1
    return _T(_solve(_H(ans), _T(half)))


def _cholesky_jvp(t: Any, ans: Any, _x: Any) -> Any:
    return ans @ _lower(_H(_solve(ans, _H(_solve(ans, t)))))


_cholesky: Any = general(
    "cholesky",
    _own.cholesky,
    [_cholesky_vjp],
    [_cholesky_jvp],
    taylor=_taylor_of_cholesky,
    amplifies=True,
    pattern=lambda p: p.matrices,
)


@as_function(_own.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    a = as_array(a)
    factor = _cholesky(from_triangle(a, not upper))
    return _H(factor) if upper else factor


def _qr_push(ts: Any, ans: Any, _x: Any, complete: bool) -> list[Any]:
    n = _x.shape[-1]
    q, r = (ans[0][..., :n], ans[1][..., :n, :]) if complete else ans
    scaled = _T(_solve(_T(r), _T(ts[0])))  # dA R^-1
    inner = _H(q) @ scaled
    below = _moving.tril(inner, k=-1)
    turn = below - _H(below)
    if _is_complex(inner):
        turn = turn + _on_diagonal(_e.imag(_diagonal(inner)) * _I)
    dq, dr = q @ turn + scaled - q @ inner, (inner - turn) @ r
    if not complete:
        return [dq, dr]
    nothing = 0.0 * ans[1][..., n:, :]
    return [_completed(dq, q, ans[0][..., n:]), _moving.concatenate(dr, nothing, axis=-2)]


def _completed(dq: Any, q: Any, rest: Any) -> Any:
    """The tangent of a whole basis: the columns `rest` that complete q turn just as much as keeps them orthogonal."""
    return _moving.concatenate(dq, -(q @ (_H(dq) @ rest)), axis=-1)


_qr = several(
    "qr",
    lambda x, complete: tuple(_own.qr(x, "complete" if complete else "reduced")),
    transpose_of(_qr_push),
    _qr_push,
    amplifies=True,
    pattern=lambda p: p.matrices,
)


@as_function(_own.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    a = as_array(a)
    m, n = a.shape[-2:]
    if mode not in ("reduced", "r", "complete"):
        raise refusal(NotImplementedError, f'qr: mode="{mode}" has no rule; use "reduced", "complete" or "r"')
    if m >= n:
        q, r = _qr(a, complete=mode == "complete" and m > n)
    else:  # the first columns determine q
        q, first = _qr(a[..., :m], complete=False)
        r = _f.concatenate([first, _H(q) @ a[..., m:]], axis=-1)
    return r if mode == "r" else _named(_own.qr, (q, r))


# ----- eigenvalues ----------------------------------------------------------------------------------------------------


def eigh_push(ts: Any, ans: Any, _x: Any, **_options: Any) -> list[Any]:
    """dw and dv of A v = w v, for Hermitian dA."""
    w, v = ans
    inner = _H(v) @ ts[0] @ v
    return [_e.real(_diagonal(inner)), v @ (_reciprocal_gaps("eigh", "eigenvalues", w) * inner)]


def eigh_pull(gs: Any, ans: Any, _x: Any, *, parents: Any, **_options: Any) -> list[Any]:
    """The transpose of `eigh_push`."""
    w, v = ans
    of_w, of_v = gs
    middle = 0.0 if of_w is None else _on_diagonal(of_w)
    if of_v is not None:
        middle = middle + _reciprocal_gaps("eigh", "eigenvalues", w) * (_T(v) @ of_v)
    if type(middle) is float:
        return [None]
    return [_shapes.conjugate_if_complex(v) @ middle @ _T(v)]


_eigh = several(
    "eigh",
    lambda x, uplo: tuple(_own.eigh(x, uplo)),
    eigh_pull,
    eigh_push,
    amplifies=True,
    pattern=lambda p: p.matrices,
)
# Eigenvalues alone have a derivative also where they coincide, so they are a primitive of their own.
_eigvalsh: Any = general(
    "eigvalsh",
    lambda x, uplo: _own.eigvalsh(x, uplo),
    [lambda g, _ans, x, uplo: eigh_pull([g, None], _eigh(x, uplo=uplo), x, parents=(0,))[0]],
    [lambda t, _ans, x, uplo: eigenvalue_rates(t, _eigh(x, uplo=uplo)[1])],
    pattern=lambda p: p.matrices,
)


def eigenvalue_rates(t: Any, v: Any) -> Any:
    """The tangents of the eigenvalues of a Hermitian matrix with these eigenvectors."""
    return _e.real(_shapes.sum_(_shapes.conjugate_if_complex(v) * (t @ v), axis=-2))


@as_function(_own.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    lower = _is_lower("eigh", UPLO)
    return _named(_own.eigh, _eigh(from_triangle(as_array(a), lower), uplo=UPLO))


@as_function(_own.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    lower = _is_lower("eigvalsh", UPLO)
    return _eigvalsh(from_triangle(as_array(a), lower), uplo=UPLO)


def _eig_push(ts: Any, ans: Any, _x: Any) -> list[Any]:
    w, v = ans
    inner = _solve(v, ts[0] @ v)
    turned = v @ (_reciprocal_gaps("eig", "eigenvalues", w) * inner)
    stretch = _e.real(_shapes.sum_(_shapes.conjugate_if_complex(v) * turned, axis=-2))  # the vectors keep their length
    return [_diagonal(inner), turned - v * stretch[..., None, :]]


_eig = several(
    "eig",
    lambda x: tuple(_own.eig(x)),
    transpose_of(_eig_push),
    _eig_push,
    amplifies=True,
    pattern=lambda p: p.matrices,
)


def _eigvals_vjp(g: Any, _ans: Any, x: Any) -> Any:
    v = _eig(x)[1]
    return _solve(_T(v), g[..., None] * _T(v))


_eigvals: Any = general(
    "eigvals",
    _own.eigvals,
    [_eigvals_vjp],
    [lambda t, _ans, x: (lambda v: _diagonal(_solve(v, t @ v)))(_eig(x)[1])],
    amplifies=True,
    pattern=lambda p: p.matrices,
)


@as_function(_own.eig)
def eig(a: Any) -> Any:
    return _named(_own.eig, _eig(as_array(a)))


@as_function(_own.eigvals)
def eigvals(a: Any) -> Any:
    return _eigvals(as_array(a))


# ----- singular values ------------------------------------------------------------------------------------------------


def _svd_push(ts: Any, ans: Any, _x: Any, full: bool) -> list[Any]:
    """Townsend 2016, with the phase of complex vectors shared between both sides."""
    u, s, vh = _thin(ans, full)
    t, v = ts[0], _H(vh)
    k, (m, n) = s.shape[-1], _x.shape[-2:]
    inner = _H(u) @ t @ v
    row, column = s[..., None, :], s[..., :, None]
    gaps = _reciprocal_gaps("svd", "singular values", s) / _e.where(
        _nothing(row + column), 1.0, row + column
    )  # 1 / (s[j]^2 - s[i]^2)
    of_u, of_v = gaps * (inner * row + column * _H(inner)), gaps * (column * inner + _H(inner) * row)
    safe = _e.where(_nothing(s), 1.0, s)
    if certainly(_nothing(s)) and (m != n or _is_complex(inner)):
        _warn_equal("svd", "singular values are 0 or")
    if _is_complex(inner):
        phase = _on_diagonal(_e.imag(_diagonal(inner)) / (2.0 * safe) * _I)
        of_u, of_v = of_u + phase, of_v - phase
    du, dv = u @ of_u, v @ of_v
    if m > k:
        du = du + (t @ v - u @ inner) / safe[..., None, :]
    if n > k:
        dv = dv + (_H(t) @ u - v @ _H(inner)) / safe[..., None, :]
    if full and m > k:
        du = _completed(du, u, ans[0][..., k:])
    if full and n > k:
        dv = _completed(dv, v, _H(ans[2][..., k:, :]))
    return [du, _e.real(_diagonal(inner)), _H(dv)]


def _thin(ans: Any, full: bool) -> Any:
    """The decomposition without the vectors that belong to no singular value."""
    u, s, vh = ans
    k = s.shape[-1]
    return (u[..., :k], s, vh[..., :k, :]) if full else ans


def _nothing(s: Any) -> Any:
    return peel(s) == 0


_svd_transposed = transpose_of(_svd_push)


def _svd_pull(gs: Any, ans: Any, x: Any, *, parents: Any, full: bool) -> list[Any]:
    if gs[0] is None and gs[2] is None:
        return [_of_singular_values(gs[1], _thin(ans, full))]
    return _svd_transposed(gs, ans, x, parents=parents, full=full)


def _of_singular_values(g: Any, ans: Any) -> Any:
    u, _, vh = ans
    return _shapes.conjugate_if_complex(u) @ (g[..., None] * _shapes.conjugate_if_complex(vh))


_svd = several(
    "svd",
    lambda x, full: tuple(_own.svd(x, full_matrices=full)),
    _svd_pull,
    _svd_push,
    amplifies=True,
    pattern=lambda p: p.matrices,
)
_svdvals: Any = general(
    "svdvals",
    lambda x: _own.svd(x, compute_uv=False),
    [lambda g, _ans, x: _of_singular_values(g, _svd(x, full=False))],
    [
        lambda t, _ans, x: (
            lambda u, _, vh: _e.real(_shapes.sum_(_shapes.conjugate_if_complex(u) * (t @ _H(vh)), axis=-2))
        )(*_svd(x, full=False))
    ],
    pattern=lambda p: p.matrices,
)


@as_function(_own.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = as_array(a)
    if hermitian:
        return _svd_by_eigenvalues(a, compute_uv)
    if not compute_uv:
        return _svdvals(a)
    m, n = a.shape[-2:]
    return _named(_own.svd, _svd(a, full=bool(full_matrices) and m != n))


def _svd_by_eigenvalues(a: Any, compute_uv: bool) -> Any:
    """The decomposition of a Hermitian matrix, as NumPy makes it: by size, signs with the right vectors."""
    if not compute_uv:
        s = _e.absolute(eigvalsh(a))
        return take_along_axis(s, _np.argsort(peel(s), axis=-1)[..., ::-1], -1)
    w, v = eigh(a)
    order = _np.argsort(_np.abs(peel(w)), axis=-1)[..., ::-1]
    w, u = take_along_axis(w, order, -1), take_along_axis(v, order[..., None, :], -1)
    return _named(_own.svd, (u, _e.absolute(w), _H(u * _np.sign(peel(w))[..., None, :])))


@as_function(_own.svdvals)
def svdvals(x: Any, /) -> Any:
    return _svdvals(as_array(x))


# ----- composed from these --------------------------------------------------------------------------------------------


def _pinv_push(ts: Any, ans: Any, x: Any, *, rtol: Any, hermitian: bool) -> Any:
    """G. Golub and V. Pereyra, SIAM J. Numer. Anal. 10(2), 1973: while the rank does not change."""
    if _cuts(x, rtol):
        return _truncated_push(ts[0], x, rtol)
    t = _H(ts[0])
    left = (ans @ _H(ans)) @ (t - t @ x @ ans)
    right = (t - ans @ x @ t) @ (_H(ans) @ ans)
    return left + right - ans @ ts[0] @ ans


def _kept(s: Any, rtol: Any) -> Any:
    """Which singular values are not cut, by their plain values."""
    return s > _np.asarray(rtol)[..., None] * _np.max(s, axis=-1, keepdims=True, initial=0.0)


def _cuts(x: Any, rtol: Any) -> bool:
    """Whether singular values are cut that are more than rounding."""
    rounding = 16.0 * max(x.shape[-2:]) * float(_np.finfo(peel(x).dtype).eps)
    if not _np.any(_np.asarray(rtol) > rounding):
        return False
    s = peel(_svdvals(x))
    return bool(anywhere(_kept(s, rounding) & ~_kept(s, rtol)))


def _truncated_push(t: Any, x: Any, rtol: Any) -> Any:
    """The tangent of the inverse of the part of x that is kept, where the part that is cut is not zero.

    That part turns, too, and so do the spaces that are kept. With x = U S V^H and F = U f(S) V^H, f(s) = 1/s where s is
    kept and 0 where it is cut, entry ij of U^H dF V is a divided difference of f times entries ij and ji of U^H dx V
    (N. Higham, "Functions of Matrices", 2008, theorem 3.11, for the Hermitian matrix [[0, x], [x^H, 0]]).
    """
    u, s, vh = _svd(x, full=False)
    v, kept = _H(vh), _kept(peel(s), rtol)
    inner, size = _H(u) @ t @ v, _e.where(kept, s, 1.0)
    row, column, in_row, in_column = s[..., :, None], s[..., None, :], kept[..., :, None], kept[..., None, :]
    one = in_row ^ in_column
    big = _e.where(one, _e.where(in_row, row, column), 1.0)
    small = _e.where(one, _e.where(in_row, column, row), 0.0)
    mixed = (inner + _H(inner) * (small / big)) / ((big - small) * (big + small))
    change = _e.where(one, mixed, -_H(inner) / (size[..., :, None] * size[..., None, :]))
    change = u @ _e.where(in_row | in_column, change, 0.0) @ vh
    weight, (m, n) = _e.where(kept, 1.0 / (size * size), 0.0), x.shape[-2:]
    if m > n:
        change = change + (t @ v - u @ inner) * weight[..., None, :] @ vh
    if n > m:
        change = change + u @ (weight[..., :, None] * (_H(u) @ t - inner @ vh))
    return _H(change)


_pinv = by_push(
    "pinv",
    lambda x, rtol, hermitian: _own.pinv(x, rtol, hermitian),
    _pinv_push,
    amplifies=True,
    pattern=lambda p: p.matrices,
)


@as_function(_own.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _np._NoValue) -> Any:
    a, hermitian = as_array(a), bool(hermitian)
    if rcond is not None and rtol is not _np._NoValue:
        raise ValueError(located("pinv: rtol and rcond are two names of one option; give one of them"))
    limit = rcond if rcond is not None else 1e-15 if rtol is _np._NoValue else rtol
    if limit is None:
        limit = max(a.shape[-2:]) * float(_np.finfo(peel(a).dtype).eps)
    return _pinv(from_triangle(a) if hermitian else a, rtol=peel(limit), hermitian=hermitian)


@as_function(_own.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    a, b = as_array(a), as_array(b)
    m, n = a.shape
    _, residuals, rank, _ = _own.lstsq(peel(a), peel(b), rcond)
    eps = float(_np.finfo(peel(a).dtype).eps)
    limit = max(m, n) * eps if rcond is None else eps if rcond < 0 else rcond
    x = pinv(a, limit) @ b
    if residuals.size:
        residuals = _shapes.sum_(_e.square(_e.absolute(b - a @ x)), axis=0, keepdims=len(b.shape) == 1)
    return x, residuals, rank, _svdvals(a)


@as_function(_own.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    a, n = as_array(a), int(n)
    if n < 0:
        a, n = _inv(a), -n
    if n == 0:
        return _own.matrix_power(peel(a), 0)
    ans = None
    while n:
        if n % 2:
            ans = a if ans is None else ans @ a
        n //= 2
        if n:
            a = a @ a
    return ans


@as_function(_own.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    check_options("multi_dot", out)
    parts = [as_array(a) for a in arrays]
    if len(parts) < 2:
        raise ValueError(located("multi_dot: at least two arrays are needed"))
    sizes = [1 if len(parts[0].shape) == 1 else parts[0].shape[0]]
    sizes += [p.shape[0] for p in parts[1:]]
    sizes += [1 if len(parts[-1].shape) == 1 else parts[-1].shape[1]]

    @functools.cache
    def plan(i: int, j: int) -> tuple[int, int]:
        """The cost of multiplying the matrices i to j, and where to split them."""
        if i == j:
            return 0, i
        return min((plan(i, k)[0] + plan(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def multiplied(i: int, j: int) -> Any:
        if i == j:
            return parts[i]
        k = plan(i, j)[1]
        return _l.matmul(multiplied(i, k), multiplied(k + 1, j))

    return multiplied(0, len(parts) - 1)


@as_function(_own.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    a = as_array(a)
    if ind <= 0:
        raise ValueError(located(f"tensorinv: ind must be positive, not {ind}"))
    rows = int(_np.prod(a.shape[ind:]))
    return _shapes.reshape(_inv(_shapes.reshape(a, shape=(rows, -1))), shape=(*a.shape[ind:], *a.shape[:ind]))


@as_function(_own.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = as_array(a), as_array(b)
    if axes is not None:
        order = [k for k in range(len(a.shape)) if k not in axes]
        a = _shapes.transpose(a, axes=(*order, *axes))
    shape = a.shape[len(b.shape) :]
    flat = _shapes.reshape(a, shape=(-1, int(_np.prod(shape))))
    return _shapes.reshape(_solve(flat, _shapes.reshape(b, shape=(-1, 1))), shape=shape)


# ----- norms ----------------------------------------------------------------------------------------------------------


def _direction(x: Any, ans: Any, axis: Any) -> Any:
    return _e.ratio(_shapes.conjugate_if_complex(x), _shapes.keep(ans, x, axis))


# The length of all entries along the axes: at 0 the subgradient 0.
_length = _reductions.reduction(
    "norm",
    lambda x, axis, keepdims: _own.norm(x.reshape(-1) if axis is None and not keepdims else x, None, axis, keepdims),
    _direction,
    singular=lambda ans, _x, **_: ans == 0,
)


def _vector_norm(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    if ord is None or ord == 2:
        return _length(x, axis=axis, keepdims=keepdims)
    size = _e.absolute(x)
    if ord == _np.inf:
        return _largest(size, axis, keepdims)
    if ord == -_np.inf:
        return _reductions.amin(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return _own.norm(peel(x), 0, axis, keepdims)  # a number of entries: constant
    if ord == 1:
        return _shapes.sum_(size, axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise ValueError(
            located(f"norm: ord={ord!r} is for matrices; a vector has the orders None, inf, -inf and numbers")
        )
    total = _shapes.sum_(size**ord, axis=axis, keepdims=keepdims)
    nothing = peel(total) == 0
    if ord < 0 or not anywhere(nothing):
        return total ** (1.0 / ord)
    ans = _e.where(nothing, 0.0, _e.where(nothing, 1.0, total) ** (1.0 / ord))
    return ans if ans.shape else ans[()]


def _largest(x: Any, axis: int, keepdims: bool = False) -> Any:
    """The largest of numbers that are not negative; of none it is 0."""
    if not x.shape[axis]:
        return _shapes.sum_(x, axis=axis, keepdims=keepdims)
    return _reductions.amax(x, axis=axis, keepdims=keepdims)


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    row, column = axes
    if ord is None or ord in ("fro", "f"):
        return _length(x, axis=axes, keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        s = _svdvals(_f.moveaxis(x, axes, (-2, -1)))
        ans = (
            _shapes.sum_(s, axis=-1) if ord == "nuc" else _largest(s, -1) if ord == 2 else _reductions.amin(s, axis=-1)
        )
    elif ord in (1, -1, _np.inf, -_np.inf):
        summed, left = (row, column) if abs(ord) == 1 else (column, row)
        sums = _shapes.sum_(_e.absolute(x), axis=summed, keepdims=True)
        ans = _largest(sums, left, True) if ord > 0 else _reductions.amin(sums, axis=left, keepdims=True)
        ans = shaped(ans, tuple(n for k, n in enumerate(x.shape) if k not in axes))
    else:
        raise ValueError(
            located(f"norm: ord={ord!r} is no norm of matrices; use 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
        )
    return _shapes.reshape(ans, shape=_shapes.kept_shape(x, axes)) if keepdims else ans


@as_function(_own.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x, axis, keepdims = as_array(x), plain_axis(axis), bool(keepdims)
    n = len(x.shape)
    if axis is None:
        if ord is None:
            return _length(x, axis=None, keepdims=keepdims) if n else _e.absolute(x)
        axis = tuple(range(n))
    axes = _shapes.axes_of(axis, n)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2 and axes[0] != axes[1]:
        return _matrix_norm(x, ord, (axes[0], axes[1]), keepdims)
    raise ValueError(
        located(f"norm: axis={axis} of an array of shape {x.shape} must name one axis or two different ones")
    )


@as_function(_own.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x, axis = as_array(x), plain_axis(axis)
    n = len(x.shape)
    axes = tuple(range(n)) if axis is None else _shapes.axes_of(axis, n)
    rest = tuple(k for k in range(n) if k not in axes)
    moved = _shapes.reshape(_shapes.transpose(x, axes=rest + axes), shape=(*[x.shape[k] for k in rest], -1))
    ans = _vector_norm(moved, ord, len(rest), False)
    return _shapes.reshape(ans, shape=_shapes.kept_shape(x, axes)) if keepdims else ans


@as_function(_own.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    x = as_array(x)
    return _matrix_norm(x, ord, (len(x.shape) - 2, len(x.shape) - 1), bool(keepdims))


@as_function(_own.cond)
def cond(x: Any, p: Any = None) -> Any:
    x = as_array(x)
    if p is None or p in (2, -2):
        s = _svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    axes = (len(x.shape) - 2, len(x.shape) - 1)
    return _matrix_norm(x, p, axes, False) * _matrix_norm(_inv(x), p, axes, False)


# ----- names of the array API: those of numpy, on the last axes -------------------------------------------------------


@as_function(_own.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    return _T(as_array(x))


@as_function(_own.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return _f.diagonal(as_array(x), offset, -2, -1)


@as_function(_own.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return _f.trace(as_array(x), offset, -2, -1, dtype)


@as_function(_own.outer)
def outer(x1: Any, x2: Any, /) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    if len(x1.shape) != 1 or len(x2.shape) != 1:
        raise ValueError(located(f"outer: both arguments must be vectors; got shapes {x1.shape} and {x2.shape}"))
    return _l.outer(x1, x2)


@as_function(_own.matmul)
def matmul(x1: Any, x2: Any, /) -> Any:
    return _l.matmul(as_array(x1), as_array(x2))


@as_function(_own.tensordot)
def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return _f.tensordot(x1, x2, axes)


@as_function(_own.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    if axis != -1:
        x1, x2 = _f.moveaxis(x1, axis, -1), _f.moveaxis(x2, axis, -1)
    return _shapes.sum_(_shapes.conjugate_if_complex(x1) * x2, axis=-1)


@as_function(_own.cross)
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    if axis is None:  # which NumPy takes for -1 from 2.5 on
        raise TypeError(located("cross: axis=None is no axis; write axis=-1 for the last one"))
    x1, x2 = _f.moveaxis(as_array(x1), axis, -1), _f.moveaxis(as_array(x2), axis, -1)
    if x1.shape[-1] != 3 or x2.shape[-1] != 3:
        raise ValueError(located(f"cross: both arguments need 3 entries along the axis; got {x1.shape} and {x2.shape}"))
    parts = [
        x1[..., (k + 1) % 3] * x2[..., (k + 2) % 3] - x1[..., (k + 2) % 3] * x2[..., (k + 1) % 3] for k in range(3)
    ]
    return _f.stack(parts, axis)


matrix_rank = as_function(_own.matrix_rank)(constant("matrix_rank", _own.matrix_rank))


def __getattr__(name: str) -> Any:
    return getattr(_own, name)


def __dir__() -> list[str]:
    return dir(_own)
