"""scipy.linalg, signal, stats and integrate: values as SciPy's, derivatives in both modes at second order."""

import importlib
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.stats
from references import assert_close

import minigrad.numpy as mnp
from minigrad import grad
from minigrad.scipy import integrate, linalg, signal
from minigrad.test_util import check_grads

rng = np.random.default_rng(3)
A = rng.normal(size=(3, 3)) * 0.3 + np.diag([1.0, 2.0, 3.0])
B = rng.normal(size=(3, 3)) * 0.3 + np.diag([4.0, 5.0, 6.0])
S = A @ A.T + np.eye(3)
b, M = rng.normal(size=3), rng.normal(size=(3, 2))
BAND = np.array([[0.0, 1.0, -1.0, 0.5], [3.0, 4.0, 5.0, 6.0], [1.0, -0.5, 0.3, 0.0], [0.2, 0.1, 0.0, 0.0]])

LINALG: list[tuple[str, Any, Any, tuple[Any, ...]]] = [
    ("expm", lambda a: linalg.expm(a), scipy.linalg.expm, (A,)),
    ("expm stacked", lambda a: linalg.expm(a), scipy.linalg.expm, (np.stack([A, B]) * 0.3,)),
    ("expm complex", lambda a: linalg.expm(a), scipy.linalg.expm, (A + 0.3j * B,)),
    ("logm", lambda a: linalg.logm(a), scipy.linalg.logm, (A,)),
    ("sqrtm", lambda a: linalg.sqrtm(a), scipy.linalg.sqrtm, (A,)),
    ("solve_sylvester", linalg.solve_sylvester, scipy.linalg.solve_sylvester, (A, B, A @ B)),
    ("lyapunov", linalg.solve_continuous_lyapunov, scipy.linalg.solve_continuous_lyapunov, (A, S)),
    ("solve", linalg.solve, scipy.linalg.solve, (A, b)),
    ("lu", lambda a: mnp.concatenate(linalg.lu(a)[1:]), lambda a: np.concatenate(scipy.linalg.lu(a)[1:]), (A[::-1],)),
    ("lu permute_l", lambda a: linalg.lu(a, permute_l=True)[0], lambda a: scipy.linalg.lu(a, permute_l=True)[0], (A[::-1],)),
    ("lu_factor", lambda a: linalg.lu_factor(a)[0], lambda a: scipy.linalg.lu_factor(a)[0], (A[::-1],)),
    ("lu_solve", lambda a, y: linalg.lu_solve(linalg.lu_factor(a), y), scipy.linalg.solve, (A[::-1], M)),
    ("lu_solve T", lambda a, y: linalg.lu_solve(linalg.lu_factor(a), y, 1), lambda a, y: np.linalg.solve(a.T, y), (A[::-1], b)),
    ("cholesky", lambda a: linalg.cholesky(a @ a.T), lambda a: scipy.linalg.cholesky(a @ a.T), (A,)),
    ("cho_solve", lambda a, y: linalg.cho_solve(linalg.cho_factor(a @ a.T), y), lambda a, y: np.linalg.solve(a @ a.T, y), (A, M)),
    ("cho_solve lower", lambda a, y: linalg.cho_solve(linalg.cho_factor(a @ a.T, True), y), lambda a, y: np.linalg.solve(a @ a.T, y), (A, b)),
    ("solve_banded", lambda ab, y: linalg.solve_banded((2, 1), ab, y), lambda ab, y: scipy.linalg.solve_banded((2, 1), ab, y), (BAND, rng.normal(size=4))),
    ("solve_banded matrix", lambda ab, y: linalg.solve_banded((2, 1), ab, y), lambda ab, y: scipy.linalg.solve_banded((2, 1), ab, y), (BAND, rng.normal(size=(4, 2)))),
    ("eigh", lambda a: linalg.eigh(a + a.T)[0], lambda a: scipy.linalg.eigh(a + a.T)[0], (A,)),
    ("svd", lambda a: linalg.svd(a)[1], lambda a: scipy.linalg.svd(a)[1], (A,)),
    ("qr", lambda a: mnp.abs(linalg.qr(a, mode="economic")[1]), lambda a: abs(scipy.linalg.qr(a, mode="economic")[1]), (M,)),
    ("toeplitz", linalg.toeplitz, scipy.linalg.toeplitz, (b, M[:, 0])),
    ("hankel", linalg.hankel, scipy.linalg.hankel, (b, np.append(b[-1:], M[:, 0]))),
    ("circulant", linalg.circulant, scipy.linalg.circulant, (b,)),
    ("block_diag", linalg.block_diag, scipy.linalg.block_diag, (A, M)),
]  # fmt: skip
for trans in (0, 1, 2):
    for lower in (False, True):
        for unit in (False, True):
            LINALG.append((
                f"solve_triangular {trans} {lower} {unit}",
                lambda a, y, t=trans, low=lower, u=unit: linalg.solve_triangular(a, y, t, low, u),
                lambda a, y, t=trans, low=lower, u=unit: scipy.linalg.solve_triangular(a, y, trans=t, lower=low, unit_diagonal=u),
                (A + (0.2j * B if trans == 2 else 0), M if unit else b),
            ))  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "args"), [row[1:] for row in LINALG], ids=[row[0] for row in LINALG])
def test_linalg(ours: Any, theirs: Any, args: Any) -> None:
    assert_close(ours(*args), theirs(*args), 1e-12)
    check_grads(ours)(*args)


def test_linalg_errors() -> None:
    with pytest.raises(NotImplementedError, match="square"):
        grad(lambda a: np.sum(linalg.lu(a)[1]))(M)
    with pytest.raises(NotImplementedError, match="generalised"):
        linalg.eigh(S, S)
    with pytest.raises(AttributeError, match=r"scipy\.linalg\.funm"):
        linalg.funm  # noqa: B018


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shapes", [((5,), (3,)), ((3,), (5,)), ((4, 3), (2, 2))])
def test_signal(mode: str, shapes: Any) -> None:
    x, y = (rng.normal(size=s) for s in shapes)
    for name in ("convolve", "fftconvolve", "correlate"):
        if name == "correlate" and (mode == "valid" or shapes[0] == (3,)):
            continue  # there SciPy turns the result round
        ours, theirs = getattr(signal, name), getattr(scipy.signal, name)
        assert_close(ours(x, y, mode), theirs(x, y, mode), 1e-12)
        check_grads(lambda x, y, f=ours: f(x, y, mode))(x, y)
    z = x + 1j * x[::-1]
    check_grads(lambda z, y: signal.convolve(z, y, mode))(z, y)


STATS: list[tuple[str, str, tuple[Any, ...], tuple[int, ...]]] = [
    *[("norm", f, (np.array([0.3, -1.0]), 0.2, 1.3), (0, 1, 2)) for f in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")],
    *[("beta", f, (np.array([0.3, 0.6]), 1.5, 2.5), (0, 1, 2)) for f in ("pdf", "logpdf")],
    ("beta", "cdf", (np.array([0.3, 0.6]), 1.5, 2.5), (0,)),
    *[("gamma", f, (np.array([0.3, 1.6]), 1.5), (0, 1)) for f in ("pdf", "logpdf")],
    ("gamma", "cdf", (np.array([0.3, 1.6]), 1.5), (0,)),
    *[("chi2", f, (np.array([0.3, 1.6]), 3.0), (0, 1)) for f in ("pdf", "logpdf")],
    ("chi2", "cdf", (np.array([0.3, 1.6]), 3.0), (0,)),
    *[("t", f, (np.array([0.3, -1.6]), 3.0, 0.1, 1.2), (0, 1, 2, 3)) for f in ("pdf", "logpdf")],
    *[("t", f, (np.array([0.3, -1.6]), 3.0, 0.1, 1.2), (0, 2, 3)) for f in ("cdf", "logcdf")],
    *[("poisson", f, (np.array([0, 3]), np.array([1.5, 2.5])), (1,)) for f in ("pmf", "logpmf", "cdf")],
    *[("dirichlet", f, (np.array([0.2, 0.3, 0.5]), np.array([1.5, 2.0, 3.0])), (1,)) for f in ("pdf", "logpdf")],
    *[("multivariate_normal", f, (b, M[:, 0], S), (0, 1)) for f in ("pdf", "logpdf")],
    ("multivariate_normal", "entropy", (b, S), (1,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f", "args", "argnums"), STATS, ids=[f"{row[0]}.{row[1]}" for row in STATS])
def test_stats(name: str, f: str, args: Any, argnums: Any) -> None:
    ours = getattr(importlib.import_module(f"minigrad.scipy.stats.{name}"), f)
    assert_close(ours(*args), getattr(getattr(scipy.stats, name), f)(*args), 1e-12)

    def traced(*xs: Any) -> Any:
        new = list(args)
        for k, x in zip(argnums, xs):
            new[k] = x
        return ours(*new)

    check_grads(traced)(*[args[k] for k in argnums])


def test_the_covariance_of_a_normal_distribution() -> None:
    from minigrad.scipy.stats import multivariate_normal

    check_grads(lambda s: multivariate_normal.logpdf(np.stack([b, -b]), 0.1, s))(S)
    singular = np.outer(b, b)
    ours = multivariate_normal.logpdf(0.5 * b, 0.0 * b, singular, allow_singular=True)
    assert_close(ours, scipy.stats.multivariate_normal.logpdf(0.5 * b, 0.0 * b, singular, allow_singular=True), 1e-9)


def test_odeint_by_the_adjoint() -> None:
    """The pendulum with friction, in the start, the times and a structure of parameters."""

    def pendulum(y: Any, t: Any, p: Any) -> Any:
        return mnp.stack([y[1], -p["g"] * mnp.sin(y[0]) - p["k"][0] * y[1] + 0.1 * t])

    def end(y0: Any, t: Any, g: Any, k: Any) -> Any:
        return integrate.odeint(pendulum, y0, t, ({"g": g, "k": (k,)},))

    point = (np.array([0.5, 0.1]), np.array([0.0, 0.4, 1.0]), 2.0, 0.3)
    check_grads(end, order=1, modes=["rev"])(*point)
    check_grads(lambda g: end(*point[:2], g, 0.3)[-1, 0], order=2, modes=["rev"])(2.0)
    exact = grad(lambda r: integrate.odeint(lambda y, t, r: -r * y, np.ones(1), np.array([0.0, 2.0]), (r,))[-1, 0])(0.5)
    assert exact == pytest.approx(-2.0 * np.exp(-1.0), rel=1e-8)


def test_solve_ivp() -> None:
    def last(r: Any) -> Any:
        times = np.array([0.5, 1.0])
        return integrate.solve_ivp(lambda t, y, r: r * y, (0.0, 1.0), np.ones(2), times, (r,)).y

    assert_close(last(0.7), np.exp(0.7 * np.array([[0.5, 1.0]] * 2)), 1e-8)
    assert grad(lambda r: last(r)[0, 1])(0.7) == pytest.approx(np.exp(0.7), rel=1e-7)
    assert integrate.solve_ivp(lambda t, y: y, (0.0, 1.0), np.ones(1)).y.shape == (1, 2)
