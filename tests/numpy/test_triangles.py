"""Functions that read one triangle or cut singular values: the derivative is that of what NumPy computes."""

import itertools
from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad as mg
import minigrad.numpy as mnp
from minigrad import derivatives, grad, jacobian, jvp, vmap
from minigrad.test_util import check_grads

rng = np.random.default_rng(5)
A = rng.normal(size=(3, 3)) * 0.3 + np.diag([1.0, 2.0, 3.5])  # far from symmetric
C = A + 0.3j * rng.normal(size=(3, 3))
W = rng.normal(size=(3, 3))


def by_eigh(np: Any, x: Any, uplo: str = "L") -> Any:
    w, v = np.linalg.eigh(x, uplo)
    return (v * np.sin(w)[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2))


def by_svd(np: Any, x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, hermitian=True)
    return (u * np.sin(s)[..., None, :]) @ vh


READ: dict[str, tuple[Any, bool]] = {  # the program, and whether the lower triangle is read
    "eigvalsh": (lambda np, x: np.linalg.eigvalsh(x), True),
    "eigvalsh U": (lambda np, x: np.linalg.eigvalsh(x, "U"), False),
    "eigvalsh u": (lambda np, x: np.linalg.eigvalsh(x, UPLO="u"), False),
    "eigh": (lambda np, x: by_eigh(np, x), True),
    "eigh U": (lambda np, x: by_eigh(np, x, "U"), False),
    "cholesky": (lambda np, x: np.linalg.cholesky(x), True),
    "cholesky upper": (lambda np, x: np.linalg.cholesky(x, upper=True), False),
    "svd": (lambda np, x: by_svd(np, x), True),
    "svd indefinite": (lambda np, x: by_svd(np, x * np.array([[1.0], [-1.0], [1.0]])), True),
    "svd values": (lambda np, x: np.linalg.svd(x, compute_uv=False, hermitian=True), True),
    "pinv": (lambda np, x: np.linalg.pinv(x, hermitian=True), True),
    "pinv cut": (lambda np, x: np.linalg.pinv(x, rcond=0.4, hermitian=True), True),
}


def differences(fun: Any, x: Any, direction: Any) -> Any:
    """The derivative in a direction by central differences, extrapolated twice."""
    table = [(fun(x + h * direction) - fun(x - h * direction)) / (2 * h) for h in (0.02, 0.01, 0.005)]
    first = [(4 * b - a) / 3 for a, b in itertools.pairwise(table)]
    return (16 * first[1] - first[0]) / 15


@pytest.mark.parametrize("x", [A, C], ids=["real", "complex"])
@pytest.mark.parametrize("name", READ)
def test_single_entries_of_what_is_read(name: str, x: Any) -> None:
    """Every entry perturbed alone: what is not read has the derivative 0, what stands for two entries counts twice."""
    program, lower = READ[name]

    def loss(x: Any) -> Any:
        return mnp.sum(mnp.real(program(mnp, x) * W)) + mnp.sum(mnp.imag(program(mnp, x) * W[::-1]))

    def plain(x: Any) -> Any:
        ans = program(np, x)
        return np.sum(np.real(ans * W)) + np.sum(np.imag(ans * W[::-1]))

    assert_close(loss(x), plain(x), 1e-15)
    found = grad(loss)(x)
    units = np.eye(9).reshape(9, 3, 3)
    expected = np.array([differences(plain, x, unit) for unit in units]).reshape(3, 3)
    if np.iscomplexobj(x):  # this engine's gradient of a real function is that of autograd: conj for descent
        expected = expected - 1j * np.array([differences(plain, x, 1j * unit) for unit in units]).reshape(3, 3)
    assert_close(found, expected, 1e-8)
    assert not np.any((np.triu if lower else np.tril)(found, 1 if lower else -1))
    pushed = [jvp(loss, (x,), (unit.astype(x.dtype),))[1] for unit in units]
    assert_close(np.real(found).ravel(), np.array(pushed), 1e-12)


@pytest.mark.parametrize("name", READ)
def test_all_modes_of_what_is_read(name: str) -> None:
    """Second order, Taylor series, batches and the compiled program, at matrices that are not symmetric."""
    program, _ = READ[name]

    def loss(x: Any) -> Any:
        return mnp.sum(program(mnp, x) * W)

    check_grads(loss, order=2)(A)
    direction = rng.normal(size=(3, 3))
    along = derivatives(lambda t: loss(A + t * direction), 0.0, 3)
    second = grad(grad(grad(lambda t: loss(A + t * direction))))(0.0)
    assert_close(along[3], second, 1e-9)
    stack = np.stack([A, A + 0.1 * direction])
    assert_close(vmap(grad(loss))(stack), np.stack([grad(loss)(x) for x in stack]), 1e-12)
    replay = mg.compile(grad(loss))
    replay(A)
    assert_close(replay(stack[1]), grad(loss)(stack[1]), 1e-12)


def test_the_other_triangle_may_be_anything() -> None:
    """NumPy does not look at it; NaN there is neither seen nor spread."""
    x = A @ A.T
    x[0, 1] = x[0, 2] = x[1, 2] = np.nan
    for fun in (lambda x: np.sum(np.linalg.cholesky(x)), lambda x: np.sum(np.linalg.eigvalsh(x) ** 2)):
        assert np.all(np.isfinite(grad(fun)(x)))


def test_a_symmetrised_argument_has_the_symmetric_gradient() -> None:
    gradient = grad(lambda x: np.sum(np.log(np.diag(np.linalg.cholesky((x + x.T) / 2)))))(A)
    assert_close(gradient, np.linalg.inv((A + A.T) / 2) / 2, 1e-13)


def test_of_autograd() -> None:
    """The gradients of autograd's own tests: of the eigenvalues of a matrix of which one triangle is read."""
    autograd = pytest.importorskip("autograd")
    import autograd.numpy as anp

    x = A + A.T
    for uplo in "LU":
        ours = grad(lambda x, u=uplo: np.sum(np.linalg.eigvalsh(x, u) ** 3))(x)
        theirs = autograd.grad(lambda x, u=uplo: anp.sum(anp.linalg.eigh(x, u)[0] ** 3))(x)
        assert_close(ours, theirs, 1e-12)


def test_an_unknown_triangle() -> None:
    for fun in (np.linalg.eigh, np.linalg.eigvalsh):
        with pytest.raises(ValueError, match="UPLO"):
            grad(lambda x, f=fun: np.sum(f(x, "M")[0]))(A)


# ----- singular values that are cut -----------------------------------------------------------------------------------


def rotated(shape: tuple[int, int], *values: float) -> Any:
    """A matrix of these singular values."""
    u, v = (np.linalg.qr(rng.normal(size=(n, n)))[0] for n in shape)
    s = np.zeros(shape)
    np.fill_diagonal(s, values)
    return u @ s @ v


CUT = [
    (rotated((3, 3), 3.0, 2.0, 0.5), 0.3),
    (rotated((4, 3), 3.0, 0.6, 0.5), 0.3),
    (rotated((3, 4), 3.0, 2.0, 0.5), 0.3),
    (rotated((3, 3), 2.0, 2.0, 0.5), 0.3),  # two equal ones are kept
    (rotated((4, 4), 3.0, 2.0, 0.5, 0.5), 0.3),  # two equal ones are cut
    (rotated((4, 4), 3.0, 2.0, 0.5, 0.0), 0.3),
    (np.stack([rotated((3, 2), 3.0, 2.5), rotated((3, 2), 3.0, 0.6)]), 0.3),
    (np.stack([rotated((3, 2), 3.0, 2.5), rotated((3, 2), 3.0, 0.9)]), np.array([0.9, 0.05])),
]


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("number", range(len(CUT)))
def test_pinv_with_values_that_are_cut(number: int, kind: str) -> None:
    x, rtol = CUT[number]
    if kind == "complex":
        x = x * np.exp(0.3j)
    direction = rng.normal(size=x.shape) + (0.2j * rng.normal(size=x.shape) if kind == "complex" else 0.0)
    pushed = jvp(lambda x: np.linalg.pinv(x, rtol), (x,), (direction,))
    assert_close(pushed[0], np.linalg.pinv(x, rtol), 1e-15)
    assert_close(pushed[1], differences(lambda x: np.linalg.pinv(x, rtol), x, direction), 1e-7)
    weight = rng.normal(size=pushed[0].shape)
    pulled = grad(lambda x: np.sum(np.real(np.linalg.pinv(x, rtol)) * weight))(x)
    assert_close(np.sum(np.real(pulled * direction)), np.sum(np.real(pushed[1]) * weight), 1e-11)


@pytest.mark.parametrize("number", [3, 4])
def test_second_derivatives_at_equal_singular_values_are_told(number: int) -> None:
    """Where some are cut, the vectors of equal ones are differentiated one by one, and have no derivative."""
    x, rtol = CUT[number]
    gradient = grad(lambda x: mnp.sum(mnp.sin(mnp.linalg.pinv(x, rtol))))
    for second in (lambda: hvp_of(gradient, x), lambda: grad(lambda x: mnp.sum(gradient(x) * x))(x)):
        with pytest.warns(RuntimeWarning, match="two singular values coincide"):
            second()


def hvp_of(gradient: Any, x: Any) -> Any:
    return jvp(gradient, (x,), (np.ones_like(x),))[1]


def test_pinv_that_cuts_in_all_modes() -> None:
    x, rtol = CUT[1]

    def loss(x: Any) -> Any:
        return mnp.sum(mnp.sin(mnp.linalg.pinv(x, rtol)))

    check_grads(loss, order=2)(x)
    direction = rng.normal(size=x.shape)
    along = derivatives(lambda t: loss(x + t * direction), 0.0, 2)
    assert_close(along[2], grad(grad(lambda t: loss(x + t * direction)))(0.0), 1e-9)
    replay = mg.compile(grad(loss))
    replay(x)
    other = rotated((4, 3), 3.0, 2.0, 1.5)  # nothing is cut here
    assert_close(replay(other), grad(loss)(other), 1e-12)
    stack = np.stack([x, other])
    assert_close(vmap(grad(loss))(stack), np.stack([grad(loss)(each) for each in stack]), 1e-12)


def test_lstsq_with_values_that_are_cut() -> None:
    x, b = CUT[1][0], rng.normal(size=(4, 2))
    direction = rng.normal(size=x.shape)

    def solution(x: Any) -> Any:
        return np.linalg.lstsq(x, b, 0.3)[0]

    pushed = jvp(solution, (x,), (direction,))
    assert_close(pushed[0], solution(x), 1e-13)
    assert_close(pushed[1], differences(solution, x, direction), 1e-7)
    assert_close(jacobian(lambda b: np.linalg.lstsq(x, b, 0.3)[0])(b[:, 0]), np.linalg.pinv(x, 0.3), 1e-12)


def test_pinv_cuts_where_numpy_does() -> None:
    """The default is 1e-15 for a call without rtol, and a matter of the shape for rtol=None."""
    x = np.diag([1.0, 4e-16, 1e-17])
    for options in ({}, {"rtol": None}, {"rcond": 1e-16}, {"rtol": 1e-18}):
        found = jvp(lambda x, o=options: np.linalg.pinv(x, **o), (x,), (0 * x,))[0]
        assert_close(found, np.linalg.pinv(x, **options), 0)
    with pytest.raises(ValueError, match="rtol and rcond"):
        grad(lambda x: np.sum(np.linalg.pinv(x, 0.1, rtol=0.1)))(x)


# ----- whole bases ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 5, 3)])
def test_whole_bases(shape: tuple[int, ...]) -> None:
    """`svd` and `qr` with all vectors: of those that are arbitrary, the space that they span has a derivative."""
    x = rng.normal(size=shape)

    def of_svd(np: Any, x: Any) -> Any:
        u, s, vh = np.linalg.svd(x)
        k = s.shape[-1]
        return np.concatenate([np.ravel(part) for part in (
            u[..., k:] @ np.swapaxes(u[..., k:], -1, -2), np.swapaxes(vh[..., k:, :], -1, -2) @ vh[..., k:, :], s,
            (u[..., :k] * s[..., None, :]) @ vh[..., :k, :])])  # fmt: skip

    def of_qr(np: Any, x: Any) -> Any:
        q, r = np.linalg.qr(x, "complete")
        k = min(q.shape[-1], r.shape[-1])
        rest = q[..., k:]
        return np.concatenate([np.ravel(part) for part in (rest @ np.swapaxes(rest, -1, -2), q[..., :k], r)])

    for fun in (of_svd, of_qr):
        assert_close(fun(mnp, x), fun(np, x), 1e-15)
        check_grads(lambda x, f=fun: f(mnp, x), order=2)(x)
        direction = rng.normal(size=shape)
        assert_close(
            jvp(lambda x, f=fun: f(mnp, x), (x,), (direction,))[1],
            differences(lambda x, f=fun: f(np, x), x, direction * 0.1) * 10,
            1e-7,
        )
