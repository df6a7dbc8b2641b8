"""Arrays of other libraries under the tape: what kind comes back, that nothing is computed, and what is refused."""

import pathlib
import warnings
from typing import Any

import numpy as np
import pytest
from stand_ins import DEVICE, DeviceArray

import minigrad as mg
from minigrad.core.adopted import LIBRARIES
from minigrad.errors import LostDerivativeError
from minigrad.rules.cupy_arrays import adapter

special = pytest.importorskip("scipy.special")

LIBRARIES.setdefault("stand_ins", lambda: adapter(DEVICE, "stand_ins"))
X = np.linspace(0.3, 1.2, 6)


def loss(x: Any) -> Any:
    return np.sum(np.sin(x) * x)


# ----- on a stand-in: what the engine does ----------------------------------------------------------------------------


def test_derivatives_have_the_kind_of_their_leaf() -> None:
    x, w = DeviceArray(X), np.cos(X)
    value, gradient = mg.value_and_grad(loss)(x)
    assert type(value) is type(gradient) is DeviceArray
    both = mg.grad(lambda p: np.sum(p["x"] * p["w"]))({"x": x, "w": w})
    assert type(both["x"]) is DeviceArray
    assert type(both["w"]) is np.ndarray
    np.testing.assert_array_equal(both["w"], X)
    assert type(mg.grad(lambda x: np.sum(x * w))(x)) is DeviceArray  # of the cotangent, all is NumPy's
    assert type(mg.grad(lambda x: 2.0)(x)) is DeviceArray  # which does not depend on it
    assert type(mg.jvp(lambda x: x * w, (x,), (DeviceArray(w),))[1]) is DeviceArray
    assert type(mg.vjp(np.sin, x)[1](DeviceArray(w))[0]) is DeviceArray
    assert type(mg.grad(lambda w: np.sum(w * x))(0.5)) is np.float64
    assert type(mg.jacobian(lambda w: w * x)(w)) is np.ndarray


def test_the_function_sees_the_librarys_own_values() -> None:
    seen: list[Any] = []
    mg.grad(lambda x: seen.extend([mg.value(x), mg.stop_gradient(x), x > 0.5]) or loss(x))(DeviceArray(X))
    assert type(seen[0]) is type(seen[1]) is DeviceArray
    assert bool(mg.grad(lambda x: loss(x) if np.sum(x) > 1 else 2 * loss(x))(DeviceArray(X)).numbers[0])
    assert mg.grad_and_aux(lambda x: (loss(x), {"half": x / 2}))(DeviceArray(X))[1]["half"].numbers[0] == X[0] / 2


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: mg.grad(lambda x: np.sum(mg.grad(lambda x: np.sum(mg.grad(f)(x) ** 2))(x))),
        lambda f: lambda x: mg.hvp(f, x, x),
        lambda f: mg.grad(lambda x: mg.checkpoint(f)(x)),
        lambda f: mg.elementwise_grad(lambda x: np.sin(x) * x),
        lambda f: mg.grad_named(f, "x"),
        lambda f: mg.compile(mg.grad(f)),
    ],
    ids=["third", "hvp", "checkpoint", "elementwise_grad", "grad_named", "compile"],
)
@pytest.mark.filterwarnings("ignore:compile")
def test_transformations(transform: Any) -> None:
    found = transform(loss)(DeviceArray(X))
    assert type(found) is DeviceArray
    np.testing.assert_allclose(found.numbers, transform(loss)(X), rtol=1e-12)


@pytest.mark.parametrize(
    "transform",
    [
        mg.grad,
        mg.jacobian,
        mg.hessian,
        lambda f: lambda w: mg.batched(mg.grad(f))(np.stack([w, 2 * w])),
        lambda f: lambda w: mg.hvp(f, w, w),
    ],
    ids=["grad", "jacobian", "hessian", "batched", "hvp"],
)
def test_constants_of_a_library(transform: Any) -> None:
    """Derivatives by arrays of NumPy are NumPy's, whatever the function has closed over; a batch is the library's."""
    w = np.cos(X)
    of = lambda x: lambda w: np.sum(np.sin(w * x) * np.exp(w[0] * x))
    found = transform(of(DeviceArray(X)))(w)
    np.testing.assert_allclose(getattr(found, "numbers", found), transform(of(X))(w), rtol=1e-12)


REFUSED: list[Any] = [
    (mg.jacobian(np.sin), TypeError, "jacobian: an argument is an array of stand_ins .* use vjp, jvp or hvp"),
    (mg.hessian(loss), TypeError, "hessian: .*use vjp, jvp or hvp"),
    (lambda x: mg.sparsity(np.sin, x), TypeError, "sparsity: "),
    (mg.batched(np.sin), TypeError, "batched: argument 0 is an array of stand_ins"),
    (lambda x: mg.derivatives(loss, x, 2), TypeError, "derivatives: .*nest grad or jvp"),
    (lambda x: mg.jet(loss, (x,), ([x],)), TypeError, "jet: .*nest grad or jvp"),
    (lambda x: mg.check(loss, mg.grad(loss), x), TypeError, "check: .*arrays of NumPy, of less data"),
    (lambda x: mg.explain_nan(loss, x), TypeError, "explain_nan: .*arrays of NumPy"),
    (
        mg.grad(lambda x: np.median(x)),
        NotImplementedError,
        "bool.x. of an array of stand_ins, which np.median asks for",
    ),
    (mg.grad(lambda x: np.sum(np.unwrap(x))), NotImplementedError, "np.unwrap of an array of stand_ins is not diff"),
    (mg.grad(lambda x: np.sum(special.expit(x))), NotImplementedError, "scipy.special.expit of an array of stand_ins"),
    (mg.grad(lambda x: np.sum(np.asarray(x > 0) * x)), NotImplementedError, "np.asarray of an array"),
]


@pytest.mark.parametrize(("program", "kind", "words"), REFUSED)
def test_what_is_refused(program: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=f"(?s){words}"):
        program(DeviceArray(X))


def added(x: Any) -> Any:
    x += 1.0
    return x


def assigned(x: Any) -> Any:
    x[0] = 1.0
    return x


def copied(x: Any) -> Any:
    np.copyto(x[:2], 3.0)
    return x


@pytest.mark.parametrize(
    ("write", "what"), [(added, "x [+]= y"), (assigned, "x.index. = value"), (copied, "np.copyto")]
)
def test_nothing_is_written_into(write: Any, what: str) -> None:
    """The views of such an array are not known, so a write could go past one of them."""
    with pytest.raises(NotImplementedError, match=f"{what} of an array of stand_ins"):
        mg.grad(lambda x: np.sum(write(x * 2.0)))(DeviceArray(X))


def test_a_factor_of_zero_beside_an_infinite_slope() -> None:
    """NumPy tells of it by a floating-point event; without events it is looked for wherever there may be one."""
    for fun, at in (
        (lambda x: np.sum(x * np.sqrt(x)), [0.0, 4.0]),
        (lambda x: np.sqrt(np.sum(x * x)), [0.0, 0.0]),
        (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), [0.0, 4.0]),
        (lambda x: np.sum(x**1.5 / (1.0 + x)), [0.0, 4.0]),
        (lambda x: np.linalg.norm(x), [0.0, 0.0]),
        (lambda x: np.prod(x), [0.0, 4.0]),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = mg.grad(fun)(np.array(at))
        assert np.all(np.isfinite(expected))
        np.testing.assert_allclose(mg.grad(fun)(DeviceArray(at)).numbers, expected, rtol=1e-12)


def test_a_look_for_nan_is_refused_and_not_answered() -> None:
    x = DeviceArray([np.nan, 1.0])
    with pytest.raises(NotImplementedError, match="a look for NaN of an array of stand_ins"):
        mg.explain_nan(lambda w: np.sum(w * x), 2.0)
    with pytest.raises(NotImplementedError, match="a look for NaN"), mg.errstate(nan="raise"):
        mg.grad(lambda w: np.sum(w * x))(2.0)


def test_digits_lost_near_a_pole_are_told() -> None:
    """With arrays of NumPy the sweep is repeated by Taylor series; here it is not known whether that is needed."""
    x = DeviceArray(X)
    for fun in (lambda w: np.log1p(w[0]) / w[0] + np.sum(w[1] * x), lambda w: np.log1p(w[0]) / w[0] * np.sum(w[1] * x)):
        with pytest.warns(RuntimeWarning, match=r"(?s)near a pole terms may cancel.*stand_ins"):
            mg.grad(fun)(np.array([1e-9, 2.0]))
        mg.grad(fun)(np.array([0.5, 2.0]))


def test_a_tape_prints() -> None:
    assert "an array of stand_ins" in str(mg.trace(loss, DeviceArray(X)))


def test_two_libraries_do_not_mix() -> None:
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    with pytest.raises(TypeError, match=r"arrays of stand_ins and dask\.array in one operation"):
        mg.grad(lambda x: np.sum(x * da.ones(6)))(DeviceArray(X))


# ----- dask -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def da() -> Any:
    dask = pytest.importorskip("dask", reason="dask is not installed")
    found = pytest.importorskip("dask.array", reason="dask.array is not installed")
    with dask.config.set(scheduler="synchronous"):
        yield found


def refusing(*_: Any, **__: Any) -> Any:
    raise AssertionError("it was computed")


def test_nothing_is_computed(da: Any) -> None:
    """Chunks that cannot be computed, of 8 TB in all."""
    n = 1_000_000_000_000
    x = da.map_blocks(refusing, chunks=((n // 10,) * 10,), dtype=float, meta=np.empty(0))
    f = lambda x: np.std(np.tanh(x) * x / (1.0 + x * x)) + np.max(x) + np.sum(x[5:10]) + np.linalg.norm(x)
    value, gradient = mg.value_and_grad(f)(x)
    assert gradient.chunks == x.chunks
    assert mg.jvp(mg.grad(f), (x,), (x,))[1].shape == x.shape
    with pytest.raises(AssertionError, match="it was computed"):
        value.compute()


def test_dtypes_and_chunks_are_those_of_the_leaf(da: Any) -> None:
    x = da.from_array(np.arange(7, dtype=np.float32), chunks=((3, 4),))
    for fun in (loss, lambda x: np.sum(x), lambda x: np.sum(x.reshape(7, 1) @ np.ones((1, 2))), lambda x: x[3]):
        gradient = mg.grad(fun)(x)
        assert (gradient.dtype, gradient.chunks) == (np.float32, x.chunks)
    assert mg.grad(loss)(x.astype(int)).dtype == np.float64
    with pytest.raises(TypeError, match="truth values have no derivative"):
        mg.grad(loss)(x > 2)


def test_what_dask_would_lose_is_refused(da: Any) -> None:
    x, w = da.from_array(X, chunks=4), np.cos(X)
    with pytest.raises(LostDerivativeError, match=r"np\.sum for da\.sum"):
        mg.grad(lambda w: da.sum(w * x))(w)
    with pytest.raises(LostDerivativeError, match="a function of dask was given a value"):
        mg.grad(lambda w: np.sum(da.from_array(w) * x))(w)
    assert mg.grad(lambda w: np.sum(x * da.exp(w)))(w) == pytest.approx(X * np.exp(w))  # a ufunc asks the traced value
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        mg.grad(loss)(x[x > 0.5])
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        mg.grad(lambda w: np.sum(w * x[x > 0.5]))(2.0)
    with pytest.raises(NotImplementedError, match="the index is a dask array"):
        mg.grad(lambda x: np.sum(x[x > 0.5]))(x)


def log_likelihood(p: Any, x: Any, y: Any) -> Any:
    """The log marginal likelihood of a Gaussian process with a squared exponential kernel."""
    gaps = (x[:, None] - x[None, :]) / p["length"]
    kernel = p["height"] ** 2 * np.exp(-0.5 * gaps**2) + p["noise"] ** 2 * np.eye(len(x))
    lower = np.linalg.cholesky(kernel)
    half = np.linalg.solve(lower, y)
    return -0.5 * np.sum(half**2) - np.sum(np.log(np.diagonal(lower))) - 0.5 * len(x) * np.log(2 * np.pi)


P = {"length": 0.4, "height": 1.2, "noise": 0.3}


def test_a_gaussian_process(da: Any) -> None:
    """No sum over samples: the factor of a matrix in blocks, of which the last ones are smaller."""
    x = np.sort(np.random.default_rng(0).uniform(0, 1, 10))
    y = np.sin(6 * x)
    lazy = da.from_array(x, chunks=4), da.from_array(y, chunks=4)
    value, gradient = mg.value_and_grad(log_likelihood)(P, x, y)
    found, parts = mg.value_and_grad(log_likelihood)(P, *lazy)
    assert found.compute() == pytest.approx(value, rel=1e-12)
    assert parts == pytest.approx(gradient, rel=1e-9)
    assert {type(part) for part in parts.values()} == {np.float64}
    by_x = mg.grad(log_likelihood, 1)(P, *lazy)
    assert by_x.chunks == ((4, 4, 2),)
    np.testing.assert_allclose(by_x.compute(), mg.grad(log_likelihood, 1)(P, x, y), rtol=1e-8)


def test_a_matrix_that_cannot_be_solved_by_blocks_says_so(da: Any) -> None:
    """dask exchanges no rows between chunks, and this one needs it."""
    a = np.array([[1e-18, 0, 1, 2], [0, 1e-18, 3, 1], [1, 3, 0, 1], [2, 1, 1, 0.0]])
    b = np.ones(4)
    f = lambda a: np.sum(np.linalg.solve(a, b))
    with pytest.raises(np.linalg.LinAlgError, match=r"a\.rechunk"), np.errstate(all="ignore"):
        mg.grad(f)(da.from_array(a, chunks=2)).compute()
    np.testing.assert_allclose(mg.grad(f)(da.from_array(a, chunks=4)).compute(), mg.grad(f)(a), rtol=1e-12)


def test_a_factor_is_solved_for_as_the_triangle_that_it_is(da: Any) -> None:
    """Also where it was transposed, by whichever order of the axes; without exchanges of rows it is stable."""
    a = np.array([[1e-6, 2.0, 1.0, 3.0]] * 4) * np.eye(4) + np.eye(4)[::-1] * 1e-9
    a = a @ a.T + np.diag([1e-3, 1.0, 2.0, 1e-3])
    b = np.arange(1.0, 5.0)
    for turn in (lambda c: c, lambda c: c.T, lambda c: np.transpose(c, (0, 1)), lambda c: np.transpose(c.T, (-1, 0))):
        f = lambda a, turn=turn: np.sum(np.sin(np.linalg.solve(turn(np.linalg.cholesky(a)), b)))
        value, gradient = mg.value_and_grad(f)(da.from_array(a, chunks=2))
        np.testing.assert_allclose(value.compute(), f(a), rtol=1e-10)
        np.testing.assert_allclose(gradient.compute(), mg.grad(f)(a), rtol=1e-8)


def network(weights: Any, x: Any, y: Any) -> Any:
    """The mean square error of a network whose layers are normalised over the batch."""
    for w, scale in weights[:-1]:
        h = x @ w
        x = np.tanh(scale * (h - np.mean(h, axis=0)) / np.sqrt(np.var(h, axis=0) + 1e-5))
    return np.mean((x @ weights[-1] - y) ** 2)


def test_a_network_with_batch_statistics(da: Any) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal((30, 1))
    weights = [(rng.standard_normal((3, 4)), np.ones(4)), (rng.standard_normal((4, 4)), np.ones(4)), np.ones((4, 1))]
    lazy = da.from_array(x, chunks=(7, 3)), da.from_array(y, chunks=(7, 1))
    value, gradient = mg.value_and_grad(network)(weights, x, y)
    found, parts = mg.value_and_grad(network)(weights, *lazy)
    assert float(found) == pytest.approx(value, rel=1e-12)
    for a, b in zip(mg.tree_map(lambda a, b: np.max(np.abs(a - b)), parts, gradient)[:2], [(0.0, 0.0)] * 2):
        assert a == pytest.approx(b, abs=1e-12)
    assert {type(parts[0][0]), type(parts[2])} == {np.ndarray}
    tangent = mg.tree_map(np.ones_like, weights)
    product = mg.jvp(lambda w: mg.grad(network)(w, *lazy), (weights,), (tangent,))[1]
    expected = mg.jvp(lambda w: mg.grad(network)(w, x, y), (weights,), (tangent,))[1]
    np.testing.assert_allclose(product[1][0], expected[1][0], rtol=1e-9, atol=1e-12)


def test_the_example_of_the_how_to_guide(da: Any) -> None:
    page = (pathlib.Path(mg.__file__).parents[1] / "docs" / "how-to.md").read_text(encoding="utf-8")
    block = page.partition("## Differentiate by arrays of dask")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(block.replace("300, chunks=100", "12, chunks=4"), names)
    x = np.linspace(0.0, 1.0, 12)
    value, slopes = mg.value_and_grad(names["log_likelihood"])({"length": 0.3, "noise": 0.1}, x, np.sin(6 * x))
    assert float(names["value"]) == pytest.approx(value, rel=1e-10)
    assert names["slopes"] == pytest.approx(slopes, rel=1e-8)
