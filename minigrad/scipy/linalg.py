"""`scipy.linalg`, differentiable. Its functions do not dispatch on boxes: import them from here.

The derivative of a matrix function f in a direction E is the upper right block of f([[A, E], [0, A]]), and its
transpose is the same for A^T (N. Higham, "Functions of Matrices", SIAM 2008, section 3.2). Functions that need only
what `numpy.linalg` has are composed from it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as _np
from scipy import linalg as _own  # type: ignore[import-untyped]

from minigrad.core.duck_arrays import Performed, has_duck, whole
from minigrad.core.lines import located
from minigrad.core.nested import has_box
from minigrad.core.primitive import Primitive, general, several
from minigrad.core.tape import peel, refusal
from minigrad.modes.transpose import transpose_of
from minigrad.numpy import functions as _f
from minigrad.numpy import linalg as _nl
from minigrad.numpy.dispatch import as_array, derivative_of, in_place_of
from minigrad.rules import elementwise as _e
from minigrad.rules import moving as _moving
from minigrad.rules import products as _l
from minigrad.rules import shapes as _shapes

_plain: Any = Performed(_own)
_T = _l.matrix_transposed
# Options that change nothing in the result but phases, which are arbitrary; with the values that SciPy takes.
_WITHOUT_EFFECT: dict[str, Any] = {
    **dict.fromkeys(("overwrite_a", "overwrite_b", "overwrite_ab", "check_finite"), None),
    "lapack_driver": ("gesdd", "gesvd"),
}


def as_scipy(rule: Callable[..., Any]) -> Any:
    """The function of SciPy with this name: its arguments in its order, and no option that is silently ignored.

    On plain values it is SciPy's own.

    Options that the rule does not take are refused unless they have their default or no effect on the result.
    """
    own = getattr(_own, rule.__name__)
    code = rule.__code__
    taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @functools.cache
    def defaults() -> dict[str, Any]:
        import inspect  # here for start-up: what SciPy's function takes is asked at the first call

        return {name: parameter.default for name, parameter in inspect.signature(own).parameters.items()}

    def function(*args: Any, **options: Any) -> Any:
        given_now = (args, tuple(options.values()))
        if not has_box(given_now) and not has_duck(given_now):
            return own(*args, **options)
        known = defaults()
        if len(args) > len(known):
            raise TypeError(located(f"{own.__name__}: {len(args)} arguments, but it takes {len(known)}"))
        given = dict(zip(known, args))
        for name, value in options.items():
            if name not in known:
                raise TypeError(located(f"{own.__name__}: there is no option {name}; there are {', '.join(known)}"))
            if name in given:
                raise TypeError(located(f"{own.__name__}: several values of the argument {name}"))
            given[name] = value
        check_finite = given.get("check_finite", known.get("check_finite"))
        for name in [name for name in given if name not in taken]:
            value = given.pop(name)
            allowed = _WITHOUT_EFFECT.get(name, ())
            if allowed is not None and value is not known[name] and value != known[name] and value not in allowed:
                raise refusal(NotImplementedError, f"{own.__name__}: {name}={value!r} has no rule; leave it out")
        if check_finite:
            for plain in map(peel, given.values()):
                if type(plain) is _np.ndarray and not _np.all(_np.isfinite(plain)):
                    raise ValueError(
                        located(f"{own.__name__}: an array of shape {plain.shape} has infinities or NaN (check_finite)")
                    )
        return rule(**given)

    return in_place_of(own, function, "scipy.linalg", derivative_of(rule))


def _block(a: Any, e: Any) -> Any:
    zeros = _np.zeros(a.shape, peel(a).dtype)
    top, below = _moving.concatenate(a, e, axis=-1), _moving.concatenate(zeros, a, axis=-1)
    return _moving.concatenate(top, below, axis=-2)


def _matrix_function(own: Any) -> Any:
    def direction(a: Any, e: Any) -> Any:
        n = a.shape[-1]
        return bind(_block(a, e))[..., :n, n:]

    bind = general(
        own.__name__,
        own,
        [lambda g, _ans, a: direction(_T(a), g)],
        [lambda t, _ans, a: direction(a, t)],
        amplifies=own is _plain.logm,
    )

    def rule(A: Any) -> Any:
        return bind(_moving.cast(as_array(A), _np.result_type(peel(as_array(A)).dtype, _np.float32)))

    rule.__name__ = own.__name__
    rule.__doc__ = f"As `scipy.linalg.{own.__name__}`, with derivatives of every order; a square matrix."
    return as_scipy(rule)


expm, logm = _matrix_function(_plain.expm), _matrix_function(_plain.logm)


# ----- equations ------------------------------------------------------------------------------------------------------


def _sylvester_pull(g: Any, ans: Any, a: Any, b: Any, _q: Any, *, parents: Any) -> list[Any]:
    s = _sylvester(_T(a), _T(b), g)
    return [-(s @ _T(ans)), -(_T(ans) @ s), s]


def _taylor_of_sylvester(_s: Any, order: int, ans: Any, *us: Any) -> list[Any]:
    a, b, q = map(_nl.full_series, us)
    v = [ans]
    for k in range(1, order + 1):
        right = (q[k] if k < len(q) else 0.0) - _nl.cauchy(a, v, k)
        right = right - _nl.cauchy(b, v, k, lambda m, x: x @ m)
        v.append(0.0 * ans if type(right) is float else _sylvester(a[0], b[0], right))
    return v


_sylvester: Any = Primitive(
    "solve_sylvester",
    "general",
    _plain.solve_sylvester,
    jvps=[
        lambda t, ans, a, b, _q: -_sylvester(a, b, t @ ans),
        lambda t, ans, a, b, _q: -_sylvester(a, b, ans @ t),
        lambda t, _ans, a, b, _q: _sylvester(a, b, t),
    ],
    pull=_sylvester_pull,
    taylor=_taylor_of_sylvester,
    amplifies=True,
).bind


@as_scipy
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The solution X of a X + X b = q."""
    return _sylvester(as_array(a), as_array(b), as_array(q))


@as_scipy
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """The solution X of a X + X a^H = q."""
    a = as_array(a)
    return _sylvester(a, _T(_shapes.conjugate_if_complex(a)), as_array(q))


def _taylor_of_root(_s: Any, order: int, ans: Any, u: Any) -> list[Any]:
    """X X = A."""
    a, v = _nl.full_series(u), [ans]
    for k in range(1, order + 1):
        right = (a[k] if k < len(a) else 0.0) - _nl.cauchy(v, v, k)
        v.append(0.0 * ans if type(right) is float else _sylvester(ans, ans, right))
    return v


_sqrtm = general(
    "sqrtm",
    _plain.sqrtm,
    [lambda g, ans, _a: _sylvester(_T(ans), _T(ans), g)],
    [lambda t, ans, _a: _sylvester(ans, ans, t)],
    taylor=_taylor_of_root,
    amplifies=True,
)


@as_scipy
def sqrtm(A: Any) -> Any:
    """The principal square root X of a matrix: X X = A, so dX solves X dX + dX X = dA."""
    return _sqrtm(as_array(A))


def _triangle(a: Any, lower: bool, unit: bool) -> Any:
    """The entries that a triangular solver reads."""
    return _moving.tril(a, k=-1 if unit else 0) if lower else _moving.triu(a, k=1 if unit else 0)


def _turned(a: Any, trans: int) -> Any:
    return _T(a) if trans else a


def _triangular_pull(g: Any, ans: Any, a: Any, _b: Any, *, parents: Any, trans: int, lower: bool, unit: bool) -> Any:
    of_b = _triangular(a, g, trans=1 - trans, lower=lower, unit=unit)
    of_a = -(ans @ _T(of_b)) if trans else -(of_b @ _T(ans))
    return [_triangle(of_a, lower, unit), of_b]


_triangular: Any = Primitive(
    "solve_triangular",
    "general",
    lambda a, b, trans, lower, unit: _plain.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit),
    jvps=[
        lambda t, ans, a, _b, trans, lower, unit: (
            -_triangular(a, _turned(_triangle(t, lower, unit), trans) @ ans, trans=trans, lower=lower, unit=unit)
        ),
        lambda t, _ans, a, _b, trans, lower, unit: _triangular(a, t, trans=trans, lower=lower, unit=unit),
    ],
    pull=_triangular_pull,
    taylor=_nl.taylor_of_solution(
        lambda: _triangular, lambda a, x, trans, lower, unit: _turned(_triangle(a, lower, unit), trans) @ x
    ),
    amplifies=True,
).bind


@as_scipy
def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """The solution x of a x = b (trans 0 or "N"), a^T x = b (1, "T") or a^H x = b (2, "C") for a triangular matrix."""
    a, b = as_array(a), as_array(b)
    kind = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    if kind not in (0, 1, 2):
        raise ValueError(located(f"solve_triangular: trans is 0, 1, 2, 'N', 'T' or 'C', not {trans!r}"))
    if kind == 2:
        a, kind = _shapes.conjugate_if_complex(a), 1
    x = b[:, None] if len(b.shape) == 1 else b
    x = _triangular(a, x, trans=int(kind), lower=bool(lower), unit=bool(unit_diagonal))
    return x[:, 0] if len(b.shape) == 1 else x


def _shifted(row: Any, d: int) -> Any:
    """Entry j goes to j - d; what is empty is zero. Along the first axis."""
    if d == 0:
        return row
    zeros = _np.zeros((abs(d), *row.shape[1:]), peel(row).dtype)
    return _moving.concatenate(row[d:], zeros, axis=0) if d > 0 else _moving.concatenate(zeros, row[:d], axis=0)


def _transposed_band(ab: Any, low: int, up: int) -> Any:
    rows = [_shifted(ab[up - d], d) for d in range(-low, up + 1)]  # a[i, j] with j - i = d is ab[up - d, j]
    return _moving.stack(*rows[::-1], axis=0)[::-1]


def _band_times(ab: Any, x: Any, low: int, up: int) -> Any:
    total: Any = None
    for d in range(-low, up + 1):
        part = _shifted(ab[up - d][:, None] * x, d)
        total = part if total is None else total + part
    return total


def _banded_pull(g: Any, ans: Any, ab: Any, _b: Any, *, parents: Any, low: int, up: int) -> list[Any]:
    of_b = _banded(_transposed_band(ab, low, up), g, low=up, up=low)
    rows = [-_shapes.sum_(_shifted(of_b, -d) * ans, axis=-1) for d in range(up, -low - 1, -1)]
    return [_moving.stack(*rows, axis=0), of_b]


_banded: Any = Primitive(
    "solve_banded",
    "general",
    lambda ab, b, low, up: _plain.solve_banded((low, up), ab, b),
    jvps=[
        lambda t, ans, ab, _b, low, up: -_banded(ab, _band_times(t, ans, low, up), low=low, up=up),
        lambda t, _ans, ab, _b, low, up: _banded(ab, t, low=low, up=up),
    ],
    pull=_banded_pull,
    taylor=_nl.taylor_of_solution(lambda: _banded, _band_times),
    amplifies=True,
).bind


@as_scipy
def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Any:
    """The solution x of A x = b, with the diagonals of A in the rows of `ab`."""
    ab, b = as_array(ab), as_array(b)
    low, up = l_and_u
    x = _banded(ab, b[:, None] if len(b.shape) == 1 else b, low=int(low), up=int(up))
    return x[:, 0] if len(b.shape) == 1 else x


# ----- factorisations -------------------------------------------------------------------------------------------------


@as_scipy
def cholesky(a: Any, lower: bool = False) -> Any:
    """The Cholesky factor of a Hermitian matrix, of which one triangle is read: by default the upper one."""
    return _nl.cholesky(as_array(a), upper=not lower)


# In the other triangle SciPy before 1.18 leaves what was there; from then on it writes 0, unless it may overwrite `a`.
_LEAVES_THE_OTHER_TRIANGLE = bool(_plain.cho_factor(_np.array([[2.0, 1.0], [1.0, 2.0]]))[0][1, 0])


@as_scipy
def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False) -> tuple[Any, bool]:
    """The Cholesky factor for `cho_solve`; what is in the triangle that is not read is what SciPy leaves there."""
    a = as_array(a)
    factor = _nl.cholesky(a, upper=not lower)
    if overwrite_a or _LEAVES_THE_OTHER_TRIANGLE:
        factor = _e.where(_nl.triangle_mask(a.shape[-1], bool(lower)), factor, a)
    return factor, lower


@as_scipy
def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """The solution x of A x = b, given the Cholesky factor of A."""
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)


def _lu_push(ts: Any, ans: Any, _a: Any, order: Any) -> list[Any]:
    left, right = ans
    scaled = _nl.solve(left, ts[0][order])
    inner = _T(_nl.solve(_T(right), _T(scaled)))
    return [left @ _moving.tril(inner, k=-1), _moving.triu(inner, k=0) @ right]


_lu = several(
    "lu", lambda a, order: tuple(_plain.lu(a[order], permute_l=False)[1:]), transpose_of(_lu_push), _lu_push
)  # fmt: skip


@as_scipy
def lu(a: Any, permute_l: bool = False, p_indices: bool = False) -> Any:
    """A = P L U with partial pivoting, of one matrix; the permutation is a constant."""
    a = as_array(a)
    if len(a.shape) != 2 or 0 in a.shape:
        raise refusal(NotImplementedError, f"lu: one matrix that is not empty has a rule; got shape {a.shape}")
    p = _plain.lu(peel(a))[0]
    order, n = _np.argmax(p, axis=0), min(a.shape)
    if a.shape[0] == a.shape[1]:
        left, right = _lu(a, order=order)
    else:
        a = a[order]
        left, right = _lu(a[:n, :n], order=_np.arange(n))
        if a.shape[0] > n:  # the rows below: L2 U = A2
            left = _moving.concatenate(left, _T(solve_triangular(right, _T(a[n:]), "T")), axis=0)
        else:  # the columns beside: L U2 = A2
            beside = solve_triangular(left, a[:, n:], lower=True, unit_diagonal=True)
            right = _moving.concatenate(right, beside, axis=1)
    if permute_l:
        return _l.matmul(p, left), right
    return (_np.argmax(p, axis=1) if p_indices else p), left, right


@as_scipy
def lu_factor(a: Any) -> tuple[Any, Any]:
    """L and U in one matrix, and the pivots, for `lu_solve`."""
    a = as_array(a)
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise refusal(NotImplementedError, f"lu_factor: square matrices have a rule; got shape {a.shape}. Use lu")
    _, left, right = lu(a)
    return _moving.tril(left, k=-1) + right, _plain.lu_factor(peel(as_array(a)))[1]


@as_scipy
def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0) -> Any:
    """The solution x of A x = b, given `lu_factor(A)`; of A^T x = b with trans=1."""
    if trans not in (0, 1, 2):
        raise ValueError(located(f"lu_solve: trans is 0, 1 or 2, not {trans!r}"))
    both, piv = lu_and_piv
    order = _np.arange(len(piv))
    for k, other in enumerate(piv):
        order[[k, other]] = order[[other, k]]
    b = as_array(b)
    if trans == 0:
        y = solve_triangular(both, b[order], lower=True, unit_diagonal=True)
        return solve_triangular(both, y)
    y = solve_triangular(both, b, trans)
    return solve_triangular(both, y, trans, lower=True, unit_diagonal=True)[_np.argsort(order)]


# ----- those of numpy.linalg, and matrices of a structure -------------------------------------------------------------


def _diagonals(a: Any, width: int) -> Any:
    return _moving.triu(_moving.tril(a, k=width), k=-width)


# What is read of a matrix of which this is assumed.
_READ: dict[Any, Callable[[Any, bool], Any]] = {
    **dict.fromkeys((None, "general", "gen", "banded"), lambda a, _: a),
    "diagonal": lambda a, _: _diagonals(a, 0),
    "tridiagonal": lambda a, _: _diagonals(a, 1),
    "upper triangular": lambda a, _: _moving.triu(a, k=0),
    "lower triangular": lambda a, _: _moving.tril(a, k=0),
    **dict.fromkeys(("pos", "positive definite", "her", "hermitian"), lambda a, lower: _nl.from_triangle(a, lower)),
    **dict.fromkeys(("sym", "symmetric"), lambda a, lower: _nl.from_triangle(a, lower, conjugate=False)),
}


# SciPy's inverse knows no other; of a diagonal matrix it does not clear the rest.
_READ_BY_INV = (None, "general", "gen", "upper triangular", "lower triangular", "pos", "sym", "her")


def _as_read(operation: str, a: Any, assume_a: Any, lower: bool) -> Any:
    """The matrix that SciPy reads; one that is assumed to be positive definite must be."""
    if assume_a not in (_READ if operation == "solve" else _READ_BY_INV):
        raise ValueError(located(f"{operation}: assume_a={assume_a!r} is no structure that has a rule"))
    a = _READ[assume_a](a, bool(lower))
    if assume_a in ("pos", "positive definite"):
        _np.linalg.cholesky(peel(a))  # or it raises
    return a


@as_scipy
def solve(a: Any, b: Any, lower: bool = False, assume_a: Any = None, transposed: bool = False) -> Any:
    """The solution x of a x = b, or of a^T x = b. What `assume_a` leaves unread has the derivative 0."""
    a, b = _f.atleast_2d(as_array(a)), _f.atleast_1d(as_array(b))
    if transposed and "c" in (peel(a).dtype.kind, peel(b).dtype.kind):
        raise NotImplementedError(located("solve: transposed=True of complex matrices has no meaning in SciPy"))
    a = _as_read("solve", a, assume_a, lower)
    if a.shape == (1, 1):
        return b / a[0, 0]
    return _nl.solve(_T(a) if transposed else a, b)


@as_scipy
def inv(a: Any, *, assume_a: Any = None, lower: bool = False) -> Any:
    """The inverse. What `assume_a` leaves unread has the derivative 0."""
    return _nl.inv(_as_read("inv", as_array(a), assume_a, lower))


@as_scipy
def det(a: Any) -> Any:
    """The determinant."""
    return _nl.det(as_array(a))


@as_scipy
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norms of `numpy.linalg.norm`."""
    return _nl.norm(as_array(a), ord, axis, keepdims)


@as_scipy
def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False) -> Any:
    """The pseudo-inverse; singular values of at most atol + rtol * (the largest) are cut."""
    a = as_array(a)
    s = _np.linalg.svd(peel(a), compute_uv=False)
    largest = _np.max(s, initial=0.0)
    atol = 0.0 if atol is None else peel(atol)
    rtol = max(a.shape) * float(_np.finfo(s.dtype).eps) if rtol is None else peel(rtol)
    if atol < 0.0 or rtol < 0.0:
        raise ValueError(located(f"pinv: atol and rtol are not negative; got {atol} and {rtol}"))
    ans = _nl.pinv(a, rtol=float(rtol + atol / largest) if largest else rtol)
    return (ans, _np.sum(s > atol + rtol * largest)) if return_rank else ans


@as_scipy
def svdvals(a: Any) -> Any:
    """The singular values."""
    return _nl.svdvals(as_array(a))


_eigh = several(
    "eigh", lambda x, lower: tuple(_plain.eigh(x, lower=lower)), _nl.eigh_pull, _nl.eigh_push, amplifies=True
)
_eigvalsh: Any = general(
    "eigvalsh",
    lambda x, lower: _plain.eigvalsh(x, lower=lower),
    [lambda g, _ans, x, lower: _nl.eigh_pull([g, None], _eigh(x, lower=lower), x, parents=(0,))[0]],
    [lambda t, _ans, x, lower: _nl.eigenvalue_rates(t, _eigh(x, lower=lower)[1])],
)


def _to_standard(operation: str, a: Any, b: Any, kind: Any, driver: Any, lower: bool) -> tuple[Any, Any]:
    """The ordinary problem that has the eigenvalues of this one, and its eigenvectors as a function of those.

    With b = L L^H: a v = w b v is C u = w u for C = L^-1 a L^-H and v = L^-H u; the kinds 2, a b v = w v, and 3,
    b a v = w v, have C = L^H a L, with v = L^-H u and v = L u (E. Anderson et al., LAPACK Users' Guide, section 2.3.7).
    """
    drivers = (None, "ev", "evd", "evr", "evx") if b is None else (None, "gv", "gvd", "gvx")
    if driver not in drivers:
        raise ValueError(located(f"{operation}: driver is one of {drivers}, not {driver!r}"))
    if kind not in (1, 2, 3):
        raise ValueError(located(f"{operation}: type is 1, 2 or 3, not {kind!r}"))
    a = _nl.from_triangle(as_array(a), lower)
    if b is None:
        return a, None
    b = _nl.from_triangle(as_array(b), lower)
    if a.shape != b.shape or len(a.shape) != 2:
        raise ValueError(located(f"{operation}: two square matrices of one size, not the shapes {a.shape}, {b.shape}"))
    left = _nl.cholesky(b)
    right = _T(_shapes.conjugate_if_complex(left))
    if kind == 1:
        half = solve_triangular(left, a, lower=True)
        c = solve_triangular(left, _T(_shapes.conjugate_if_complex(half)), lower=True)
    else:
        c = right @ a @ left
    return c, lambda u: left @ u if kind == 3 else solve_triangular(right, u)


@whole
def _vectors(a: Any, b: Any, lower: bool, kind: int) -> Any:
    return _own.eigh(a, b, lower=lower, type=kind)[1]


def _phases(v: Any, own: Any) -> Any:
    """The constants by which each eigenvector is that of SciPy."""
    same = _np.sum(_np.conj(v) * own, axis=-2)
    return same / _np.abs(same)


def _subset(operation: str, w: Any, by_index: Any, by_value: Any) -> Any:
    """Which eigenvalues are asked for, in ascending order: an index."""
    if by_index is not None and by_value is not None:
        raise ValueError(located(f"{operation}: subset_by_index and subset_by_value exclude each other"))
    n = w.shape[-1]
    if by_index is not None:
        first, last = (int(k) for k in by_index)
        if not 0 <= first <= last < n:
            raise ValueError(located(f"{operation}: subset_by_index={by_index!r} is no range in 0, ..., {n - 1}"))
        return slice(first, last + 1)
    if by_value is not None:
        above, below = (float(peel(end)) for end in by_value)
        if not above < below:
            raise ValueError(located(f"{operation}: subset_by_value={by_value!r} is no interval (low, high]"))
        inside = _np.flatnonzero((peel(w) > above) & (peel(w) <= below))
        return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)
    return slice(None)


@as_scipy
def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    type: Any = 1,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    """Eigenvalues and eigenvectors of a Hermitian matrix, of which one triangle is read: by default the lower one.

    With `b`, which is positive definite, those of a v = w b v, or of what `type` says.
    """
    if eigvals_only:
        by: dict[str, Any] = {"subset_by_index": subset_by_index, "subset_by_value": subset_by_value}
        return eigvalsh(a, b, lower=lower, type=type, driver=driver, **by)
    lower = bool(lower)
    c, back = _to_standard("eigh", a, b, type, driver, lower)
    w, v = _eigh(c, lower=lower)
    if back is not None:
        v = back(v)
        v = v * _phases(peel(v), _vectors(peel(as_array(a)), peel(as_array(b)), lower, type))
    part = _subset("eigh", w, subset_by_index, subset_by_value)
    return w[..., part], v[..., part]


@as_scipy
def eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    type: Any = 1,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    """The eigenvalues of a Hermitian matrix, of which one triangle is read: by default the lower one."""
    lower = bool(lower)
    w = _eigvalsh(_to_standard("eigvalsh", a, b, type, driver, lower)[0], lower=lower)
    return w[..., _subset("eigvalsh", w, subset_by_index, subset_by_value)]


@as_scipy
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition."""
    ans = _nl.svd(as_array(a), full_matrices, compute_uv)
    return tuple(ans) if compute_uv else ans


@as_scipy
def qr(a: Any, mode: str = "full", pivoting: bool = False) -> Any:
    """The QR factorisation; mode "full", "economic" or "r", which has the shape of "full". Pivots are constants."""
    a = as_array(a)
    if mode not in ("full", "economic", "r"):
        raise refusal(NotImplementedError, f'qr: mode={mode!r} has no rule; use "full", "economic" or "r"')
    pivots: tuple[Any, ...] = ()
    if pivoting:
        pivots = (_plain.qr(peel(a), mode="r", pivoting=True)[1],)
        a = a[:, pivots[0]]
    q, r = _nl.qr(a, "reduced" if mode == "economic" else "complete")
    return (r, *pivots) if mode == "r" else (q, r, *pivots)


@as_scipy
def toeplitz(c: Any, r: Any = None) -> Any:
    """Constant along diagonals, with this first column and first row; of vectors in stacks, matrices in stacks."""
    c = _f.atleast_1d(as_array(c))
    r = _shapes.conjugate_if_complex(c) if r is None else _f.atleast_1d(as_array(r))
    lead = _np.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    m, n = c.shape[-1], r.shape[-1]
    c, r = (_shapes.broadcast_to(x, shape=(*lead, x.shape[-1])) if lead else x for x in (c, r))
    both = _moving.concatenate(_shapes.flip(r[..., 1:], axis=-1), c, axis=-1)
    return both[..., _np.arange(m)[:, None] - _np.arange(n)[None, :] + n - 1]


@as_scipy
def hankel(c: Any, r: Any = None) -> Any:
    """Constant along anti-diagonals, with this first column and last row."""
    c = _shapes.reshape(as_array(c), shape=(-1,))
    r = c * 0.0 if r is None else _shapes.reshape(as_array(r), shape=(-1,))
    both = _moving.concatenate(c, r[1:], axis=0)
    return both[_np.arange(c.shape[0])[:, None] + _np.arange(r.shape[0])[None, :]]


@as_scipy
def circulant(c: Any) -> Any:
    """Each column is the one before, moved down by one."""
    c = _f.atleast_1d(as_array(c))
    n = c.shape[-1]
    return c[..., (_np.arange(n)[:, None] - _np.arange(n)[None, :]) % n]


def block_diag(*arrs: Any) -> Any:
    """Matrices along the diagonal, zeros elsewhere."""
    parts = [_f.atleast_2d(as_array(a)) for a in arrs]
    width, rows, start = sum(p.shape[1] for p in parts), [], 0
    for part in parts:
        rows.append(
            _moving.pad(part, pad_width=_np.array([[0, 0], [start, width - start - part.shape[1]]]), mode="constant")
        )
        start += part.shape[1]
    return _moving.concatenate(*rows, axis=0)


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"minigrad.scipy.linalg has no {name!r}; for plain arrays use scipy.linalg.{name}, which has no derivative"
    )
