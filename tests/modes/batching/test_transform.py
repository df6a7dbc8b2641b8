"""`batched`: axes, structures, chunks, dtypes, operations of one's own, and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import assert_close, loop

import minigrad
from minigrad import batched, grad, hvp, value, value_and_grad, vjp, vmap
from minigrad.core.tree import flatten

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3))
W = rng.standard_normal((3, 3))


def f(x):
    return np.sum(np.sin(x) * np.prod(x) + x[0] * x @ W @ x)


sizes = st.integers(1, 3)


# ----- shapes, axes, structures ---------------------------------------------------------------------------------------


@given(
    count=sizes,
    shapes=st.sampled_from([((), ()), ((2,), ()), ((), (3,)), ((2, 1), (3,)), ((3,), (2, 3)), ((1,), (2, 2, 1))]),
    axes=st.tuples(st.integers(0, 3) | st.none(), st.integers(-4, -1) | st.none()),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_any_axes(count, shapes, axes, seed) -> None:
    """Examples along any axis of either argument, or shared, of any shapes that broadcast."""
    generator = np.random.default_rng(seed)
    args, places = [], []
    for shape, axis in zip(shapes, axes):
        if axis is None:
            args.append(generator.normal(size=shape))
            places.append(None)
            continue
        place = axis % (len(shape) + 1)
        args.append(generator.normal(size=(*shape[:place], count, *shape[place:])))
        places.append(place if axis >= 0 else place - len(shape) - 1)
    if places == [None, None]:
        return

    def fun(x, y):
        return np.sin(x) * y + np.sum(x, axis=-1 if np.ndim(x) else None) if np.ndim(x) < 2 else x * y - np.max(y)

    moved = [x if a is None else np.moveaxis(x, a, 0) for x, a in zip(args, places)]
    fronts = tuple(None if a is None else 0 for a in places)

    def pulled(x, y):
        return vjp(fun, x, y)[1](np.ones(np.shape(value(fun(x, y)))))

    assert_close(batched(fun, tuple(places))(*args), loop(fun, *moved, axes=fronts), 1e-13)
    for k in range(2):
        got = batched(lambda *a, k=k: pulled(*a)[k], tuple(places))(*args)
        assert_close(got, loop(lambda *a, k=k: pulled(*a)[k], *moved, axes=fronts), 1e-12)


def test_structures_in_and_out() -> None:
    parameters = {"w": np.ones((3, 2)), "b": [X[:, :2], np.float64(2.0)]}

    def fun(p, x, label):
        assert label == "text"
        return {"y": x @ p["w"] + p["b"][0] * p["b"][1], "two": (p["b"][1], 3)}

    out = batched(fun, in_axes=({"w": None, "b": [0, None]}, 0, None))(parameters, X, "text")
    assert_close(out["y"], X @ np.ones((3, 2)) + 2 * X[:, :2], 1e-14)
    assert_close(out["two"][0], np.full(4, 2.0), 1e-14)
    assert out["two"][1].tolist() == [3] * 4


def test_keyword_arguments_are_constants() -> None:
    assert_close(batched(lambda x, scale: x * scale)(X, scale=np.arange(3.0)), X * np.arange(3.0), 1e-14)


def test_vmap_is_another_name() -> None:
    assert vmap is batched


def test_names() -> None:
    def energy(x):
        """Of a state."""
        return np.sum(x)

    assert batched(energy).__name__ == "batched_energy"
    assert "Of a state." in batched(energy).__doc__


@pytest.mark.parametrize("chunk_size", [1, 3, 4, 100])
def test_chunks(chunk_size) -> None:
    both = batched(value_and_grad(f), chunk_size=chunk_size)(X)
    assert_close(both[0], loop(f, X), 1e-13)
    assert_close(both[1], loop(grad(f), X), 1e-13)


def test_chunks_of_examples_along_another_axis() -> None:
    assert_close(batched(f, in_axes=1, chunk_size=3)(X.T), loop(f, X), 1e-13)


def test_results_share_no_memory() -> None:
    for fun in (lambda x: x, lambda x: x[:2], lambda x: W, lambda x: (x, x)):
        for out in flatten(batched(fun)(X))[0]:
            assert not np.shares_memory(out, X)
            assert not np.shares_memory(out, W)
            out[...] = 0.0  # it is writeable
    a, b = batched(lambda x: (x, x))(X)
    assert not np.shares_memory(a, b)


def test_arguments_stay_as_they_were() -> None:
    before = X.copy()

    def fun(x):
        x += 1.0
        return x

    assert_close(batched(fun)(X.copy()), before + 1, 1e-14)
    assert (before == X).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes(dtype) -> None:
    x = X.astype(dtype)
    for fun in (lambda x: 2.0 * x * np.float32(3), lambda x: np.sum(x * x), lambda x: np.real(x) ** 2):
        got, expected = batched(fun)(x), loop(fun, x)
        assert got.dtype == expected.dtype
        assert_close(got, expected, 1e-6)
    assert batched(grad(lambda x: np.sum(np.real(x) ** 2)))(x).dtype == dtype


def test_no_examples() -> None:
    assert batched(grad(f))(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match="there are no examples"):
        batched(lambda x: x if x[0] > 0 else -x)(np.zeros((0, 3)))


# ----- operations of the user's own -----------------------------------------------------------------------------------


def test_an_operation_with_a_rule_of_its_own() -> None:
    """The rule is used in every nesting, and not what the function is made of."""
    from minigrad.extend import defvjp, primitive

    @primitive
    def rounded(x):
        return np.round(np.asarray(x))

    defvjp(rounded, lambda ans, x: lambda g: g * 1.0)
    assert_close(batched(rounded)(X), np.round(X), 1e-14)
    assert_close(batched(grad(lambda x: np.sum(rounded(x) * x)))(X), np.round(X) + X, 1e-14)
    assert_close(grad(lambda xs: np.sum(batched(lambda x: rounded(x) * x)(xs)))(X), np.round(X) + X, 1e-14)
    second = batched(lambda x: hvp(lambda y: np.sum(rounded(y) * y), x, np.ones(3)))(X)
    assert_close(second, np.full((4, 3), 2.0), 1e-14)
    twice = grad(lambda xs: np.sum(batched(grad(lambda x: np.sum(rounded(x) * x)))(xs)))(X)
    assert_close(twice, np.full((4, 3), 2.0), 1e-14)


def test_operations_of_ones_own_that_close_over_examples() -> None:
    def own(w, x):
        return minigrad.custom_primitive(lambda x: x * w, vjp=lambda g, ans, x: g * w)(x)

    def elementwise(w, x):
        return minigrad.custom_elementwise(lambda x: x * w, lambda ans, x: w + 0.0 * x, name="scaled")(x)

    def static(w, x):
        return minigrad.custom_primitive(lambda x, n: x * n, vjp=lambda g, ans, x, n: g * n, static="n")(x, w)

    ws = np.arange(4.0)
    for fun in (own, elementwise, static):
        assert_close(batched(fun)(ws, X), ws[:, None] * X, 1e-14)
        pulled = batched(lambda w, x, fun=fun: vjp(lambda x: fun(w, x), x)[1](np.ones(3))[0])(ws, X)
        assert_close(pulled, np.broadcast_to(ws[:, None], X.shape), 1e-14)


# ----- errors ---------------------------------------------------------------------------------------------------------


def test_errors() -> None:
    two = lambda x, y: x * y
    with pytest.raises(ValueError, match=r"different numbers of examples: argument 0: 4, argument 1: 3"):
        batched(two)(X, W)
    with pytest.raises(ValueError, match=r"argument 1 is a number and has no axis 0 with examples.*None if it is the"):
        batched(two)(X, 2.0)
    with pytest.raises(ValueError, match=r"argument 0\['a'\] is an array of shape \(4, 3\) and has no axis 2"):
        batched(lambda p: p["a"], in_axes=2)({"a": X})
    with pytest.raises(TypeError, match=r"in_axes=\(0,\) must be .* each of the 2 arguments"):
        batched(two, in_axes=(0,))(X, X)
    with pytest.raises(TypeError, match=r"in_axes='all'"):
        batched(two, in_axes="all")(X, X)
    with pytest.raises(TypeError, match=r"the entry \{'b': 0\} of in_axes does not fit argument 0"):
        batched(lambda p: p["a"], in_axes=({"b": 0},))({"a": X})
    with pytest.raises(ValueError, match="gives no argument an axis"):
        batched(two, in_axes=None)(X, X)
    with pytest.raises(TypeError, match=r"returned a str; return numbers"):
        batched(lambda x: "text")(X)
    with pytest.raises(ValueError, match=r"different shapes for different examples, \[\(0,\), \(1,\), .*pad them"):
        batched(lambda x: x[x > 0])(np.array([[1.0, 2.0], [1.0, -1.0], [-1.0, -1.0]]))
    with pytest.raises(ValueError, match=r"shapes \(3,\) \(4,\)"):  # those of one example
        batched(lambda x: x + np.ones(4))(X)
    with pytest.raises(IndexError):
        batched(lambda x: x[5])(X)
    with pytest.raises(np.exceptions.AxisError):
        batched(lambda x: np.sum(x, axis=1))(X)
    with pytest.raises(np.linalg.LinAlgError):
        batched(np.linalg.inv)(np.zeros((2, 3, 3)))
    with pytest.raises(TypeError, match="integers have no derivative"):
        batched(grad(lambda x: x * 1.0))(np.arange(3))
    with pytest.raises(ZeroDivisionError):
        batched(lambda x: 1 / 0)(X)


# ----- the network ----------------------------------------------------------------------------------------------------


def test_per_sample_gradients() -> None:
    """Of the network, with samples in columns: their sum is the gradient of the loss of all samples."""
    from nn.backprop import gradient
    from nn.mlp import init
    from nn.train import per_sample_gradients

    A_, b_ = init([2, 15, 3], rng=0)
    x, Y = rng.standard_normal((2, 20)), np.eye(3)[:, rng.integers(0, 3, 20)]
    losses, of_A, of_b = per_sample_gradients(A_, b_, x, Y)
    assert losses.shape == (20,)
    for j in range(20):
        loss, gA, gb = gradient(A_, b_, x[:, [j]], Y[:, [j]])
        assert_close(losses[j], loss, 1e-12)
        for r in range(2):
            assert_close(of_A[r][j], gA[r], 1e-11)
            assert_close(of_b[r][j], gb[r], 1e-11)


@pytest.mark.parametrize("chunk_size", [0, -1, 2.5])
def test_chunks_of_no_size(chunk_size) -> None:
    with pytest.raises(ValueError, match="batched: chunk_size is a whole number of at least 1"):
        batched(f, chunk_size=chunk_size)(X)
