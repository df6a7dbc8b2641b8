"""Programs in the idiom of autograd: with minigrad, and with `autograd` where it is installed, to equal results."""

import importlib
import tracemalloc
from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad
import minigrad.numpy as mnp
from minigrad import checkpoint, grad, holomorphic_grad, jvp, make_ggnvp, make_hvp, multigrad_dict, value, vjp
from minigrad.extend import (
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    notrace_primitive,
    primitive,
)  # fmt: skip
from minigrad.misc.fixed_points import fixed_point
from minigrad.misc.flatten import flatten, flatten_func
from minigrad.misc.optimizers import adam, rmsprop, sgd
from minigrad.test_util import check_equivalent, check_grads, combo_check

X = np.array([0.3, -0.8, 1.2])


def program_custom_primitive(ag: Any, anp: Any) -> Any:
    extend = importlib.import_module(ag.__name__ + ".extend")

    @extend.primitive
    def logsumexp(x: Any) -> Any:
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    extend.defvjp(logsumexp, lambda ans, x: lambda g: anp.full(x.shape, g) * anp.exp(x - anp.full(x.shape, ans)))
    return ag.grad(lambda x: logsumexp(x**2))(X), ag.hessian(logsumexp)(X)


def program_named(ag: Any, anp: Any) -> Any:
    def fun(x: Any, y: Any, scale: Any = 2.0) -> Any:
        return anp.sum(anp.sin(x) * y) * scale

    module = ag if ag is minigrad else importlib.import_module("autograd.differential_operators")
    found = module.multigrad_dict(fun)(X, 2.0 * X)
    return found["x"], found["y"], found["scale"], module.grad_named(fun, "y")(X, 2.0)


def program_second_order(ag: Any, anp: Any) -> Any:
    def fun(x: Any) -> Any:
        return anp.sum(anp.tanh(x) ** 3) * x[0]

    v = np.array([1.0, 2.0, -1.0])
    hvp = ag.make_hvp(fun)(X)[0]
    return (
        hvp(v), ag.hessian_vector_product(fun)(X, v), ag.hessian_tensor_product(fun)(X, v),
        ag.make_ggnvp(lambda x: anp.sin(x) * x[0])(X)(v), ag.make_jvp(fun)(X)(v)[1],
        ag.tensor_jacobian_product(lambda x: anp.outer(x, x))(X, v), ag.vector_jacobian_product(lambda x: x**2)(X, v),
        ag.checkpoint(fun)(X), ag.grad(ag.checkpoint(fun))(X),
    )  # fmt: skip


def program_flatten(ag: Any, anp: Any) -> Any:
    module = importlib.import_module(ag.__name__ + ".misc.flatten")
    params = {"W": np.arange(6.0).reshape(2, 3), "b": (1.0, np.ones(2))}
    flat, unflatten = module.flatten(params)
    fun, _, start = module.flatten_func(lambda p: anp.sum(p["W"]) ** 2 * p["b"][0], params)
    return flat, unflatten(flat)["b"][1], fun(start), ag.grad(lambda v: fun(v)[0] if np.ndim(flat) else 0.0)(start)


def program_optimizers(ag: Any, anp: Any) -> Any:
    module = importlib.import_module(ag.__name__ + ".misc.optimizers")
    gradient = ag.grad(lambda p, i: anp.sum((p["a"] - 3.0) ** 2) + anp.sum(p["b"] ** 2))
    start = {"a": np.array([0.0, 1.0]), "b": np.array([2.0])}
    results = [getattr(module, name)(gradient, start, num_iters=20) for name in ("sgd", "rmsprop", "adam")]
    return [part for result in results for part in (result["a"], result["b"])]


def program_fixed_points(ag: Any, anp: Any) -> Any:
    module = importlib.import_module(ag.__name__ + ".misc.fixed_points")

    def root(a: Any) -> Any:
        return module.fixed_point(lambda a: lambda x: 0.5 * (x + a / x), a, 1.0, lambda x, y: abs(x - y), 1e-12)

    return root(2.0), ag.grad(root)(2.0), ag.grad(ag.grad(root))(2.0)


def program_rnn(ag: Any, anp: Any) -> Any:
    params = {"W": np.eye(2) * 0.5, "U": np.ones((2, 1)) * 0.3, "h": np.zeros(2)}

    def loss(params: Any, xs: Any) -> Any:
        h = params["h"]
        for x in xs:
            h = anp.tanh(anp.dot(params["W"], h) + anp.dot(params["U"], x))
        return anp.sum(h**2)

    found = ag.grad(loss)(params, [np.array([1.0]), np.array([-0.5])])
    return found["W"], found["U"], found["h"]


PROGRAMS = [
    program_custom_primitive, program_named, program_second_order, program_flatten, program_optimizers,
    program_fixed_points, program_rnn,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_program_runs_with_its_import_changed(program: Any) -> None:
    ours = program(minigrad, mnp)
    assert all(np.all(np.isfinite(np.asarray(part, dtype=float))) for part in ours)
    autograd = pytest.importorskip("autograd")
    try:
        theirs = program(autograd, importlib.import_module("autograd.numpy"))
    except ModuleNotFoundError as error:
        pytest.skip(f"this function of autograd needs a package that it does not require: {error.name}")
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b, 1e-10)


# ----- primitives of one's own ----------------------------------------------------------------------------------------


def cube(kind: str) -> Any:
    """x^3 y as an opaque function, its rules declared in one of many ways."""

    @primitive
    def fun(x: Any, y: Any, scale: float = 1.0) -> Any:
        return np.asarray(x) ** 3 * np.asarray(y) * scale

    if kind == "defvjp":
        defvjp(
            fun, lambda ans, x, y, scale=1.0: lambda g: g * 3 * x**2 * y * scale,
            lambda ans, x, y, scale=1.0: lambda g: g * x**3 * scale,
        )  # fmt: skip
    elif kind == "defjvp":
        defjvp(
            fun,
            lambda t, ans, x, y, scale=1.0: t * 3 * x**2 * y * scale,
            lambda t, ans, x, y, scale=1.0: t * x**3 * scale,
        )
    elif kind == "both":
        defjvp(
            fun,
            lambda t, ans, x, y, scale=1.0: t * 3 * x**2 * y * scale,
            lambda t, ans, x, y, scale=1.0: t * x**3 * scale,
        )
        defvjp_argnum(fun, lambda k, ans, args, kw: lambda g: g * _slope(k, args, kw))
    elif kind == "argnums":
        defvjp_argnums(fun, lambda argnums, ans, args, kw: lambda g: [g * _slope(k, args, kw) for k in argnums])
        defjvp_argnums(
            fun, lambda argnums, ts, ans, args, kw: sum(t * _slope(k, args, kw) for k, t in zip(argnums, ts))
        )
    else:
        defjvp_argnum(fun, lambda k, t, ans, args, kw: t * _slope(k, args, kw))
    return fun


def _slope(k: int, args: Any, kw: Any) -> Any:
    x, y = args
    scale = kw.get("scale", 1.0)
    return x**3 * scale if k else 3 * x**2 * y * scale


@pytest.mark.parametrize("kind", ["defvjp", "defjvp", "both", "argnums", "argnum"])
def test_a_primitive_of_ones_own_in_every_mode_and_at_third_order(kind: str) -> None:
    """Each of the two directions is derived from the other where it is not given."""
    fun = cube(kind)
    y = np.array([2.0, -1.0, 0.5])
    check_grads(lambda x, y: fun(x, y, scale=1.5), order=2)(X, y)
    assert_close(grad(lambda x: np.sum(fun(x, y)))(X), 3 * X**2 * y, 1e-14)
    third = grad(grad(grad(lambda x: fun(x, 2.0))))
    assert third(0.7) == pytest.approx(12.0, rel=1e-13)
    assert_close(minigrad.derivatives(lambda x: fun(x, 2.0), 0.5, 3), [0.25, 1.5, 6.0, 12.0], 1e-13)
    outer = grad(lambda a: np.sum(grad(lambda x: np.sum(fun(x * a, y)))(X)))(2.0)
    assert outer == pytest.approx(float(np.sum(3 * X**2 * y * 3 * 2.0**2)), rel=1e-12)


def test_rules_that_are_none_same_linear_or_missing() -> None:
    half = primitive(lambda x, y: x * 0.5 + 0 * np.asarray(y))
    defvjp(half, lambda ans, x, y: lambda g: g * 0.5, None)
    assert grad(half, 1)(1.0, 2.0) == 0.0
    twice = primitive(lambda x: 2 * x)
    defjvp(twice, "same")
    assert grad(twice)(3.0) == 2.0
    both = primitive(lambda x, y: 2 * x - y)
    def_linear(both)
    assert jvp(both, (1.0, 2.0), (1.0, 1.0))[1] == 1.0
    first = primitive(lambda x, y: x * y)
    defvjp(first, lambda ans, x, y: lambda g: g * y)
    with pytest.raises(NotImplementedError, match=r"argument 1 has no derivative rule.*\n.*test_autograd_surface"):
        grad(first, 1)(1.0, 2.0)
    with pytest.raises(NotImplementedError, match="has no derivative rule"):
        grad(primitive(np.sin))(1.0)
    with pytest.raises(TypeError, match="no primitive"):
        defvjp(np.sin, None)
    assert notrace_primitive(lambda x: int(x > 0))(1.0) == 1
    assert grad(lambda x: notrace_primitive(np.floor)(x) * x)(2.5) == 2.0
    import minigrad.extend

    with pytest.raises(AttributeError, match="vspace"):
        minigrad.extend.vspace  # noqa: B018


# ----- checkpoint -----------------------------------------------------------------------------------------------------


def test_checkpoint_keeps_values_and_derivatives_and_needs_less_memory() -> None:
    def block(h: Any, p: Any) -> Any:
        for _ in range(10):
            h = np.sin(h * p["a"]) + p["b"]
        return h

    def loss(p: Any, step: Any) -> Any:
        h = x
        for _ in range(8):
            h = step(h, p)
        return np.sum(h * h)

    x = np.linspace(0.0, 1.0, 20_000)
    params = {"a": 1.1, "b": np.float64(0.1)}
    peaks, results = [], []
    for step in (block, checkpoint(block)):
        tracemalloc.start()
        results.append(grad(loss)(params, step))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    check_equivalent(results[0], results[1])
    assert peaks[1] < 0.45 * peaks[0]
    x = x[:5]
    check_grads(lambda a: checkpoint(block)(x, {"a": a, "b": 0.2}))(1.1)
    assert_close(
        grad(grad(lambda a: np.sum(checkpoint(block)(x, {"a": a, "b": a}))))(0.9),
        grad(grad(lambda a: np.sum(block(x, {"a": a, "b": a}))))(0.9), 1e-12,
    )  # fmt: skip


def test_checkpoint_of_structures_and_its_error() -> None:
    pair = checkpoint(lambda x, n, name: {"sum": np.sum(x) * n, "same": (x, name)})
    out, pullback = vjp(lambda x: pair(x, 3, "text")["sum"] + pair(x, 3, "text")["same"][0][0], X)
    assert pullback(1.0)[0].tolist() == [4.0, 3.0, 3.0]
    assert value(out) == pytest.approx(3 * X.sum() + X[0])
    with pytest.raises(TypeError, match="closes over"):
        grad(lambda x: np.sum(checkpoint(lambda y: y * x)(x)))(X)


# ----- the rest -------------------------------------------------------------------------------------------------------


def test_holomorphic_grad_also_of_real_input() -> None:
    z = 0.3 + 0.4j
    assert_close(holomorphic_grad(lambda z: np.exp(1j * z))(z), 1j * np.exp(1j * z), 1e-14)
    assert_close(holomorphic_grad(lambda x: np.exp(1j * x))(0.3), 1j * np.exp(0.3j), 1e-14)
    assert_close(holomorphic_grad(lambda x: x**2 * (1 + 2j))(X), 2 * X * (1 + 2j), 1e-14)
    assert holomorphic_grad(lambda x: 1j * x)(np.float32(1.0)).dtype == np.complex64
    assert_close(holomorphic_grad(lambda y, z: y * z**3, 1)(2.0, z), 6 * z**2, 1e-14)
    with pytest.raises(TypeError):
        holomorphic_grad(lambda z: z)(3)


def test_multigrad_dict_names_everything() -> None:
    found = multigrad_dict(lambda x, *args, k=1.0, **kwargs: x * args[0] * k * kwargs["c"])(2.0, 3.0, c=5.0)
    assert found == {"x": 15.0, "args": (10.0,), "k": 30.0, "kwargs": {"c": 6.0}}


def test_flatten_keeps_dtypes_and_differentiates() -> None:
    params = {"a": np.float32([1.0, 2.0]), "n": None, "b": [np.eye(2), 3.0]}
    vector, unflatten = flatten(params)
    again = unflatten(vector)
    assert again["a"].dtype == np.float32
    assert again["n"] is None
    assert again["b"][1] == 3.0
    assert grad(lambda v: np.sum(unflatten(v)["b"][0] ** 2))(vector).tolist() == [0, 0, 2, 0, 0, 2, 0]
    assert grad(lambda p: np.sum(flatten(p)[0] ** 2))({"a": 2.0}) == {"a": 4.0}
    with pytest.raises(ValueError, match=r"shape \(7,\), got \(2,\)"):
        unflatten(np.ones(2))
    fun, _, start = flatten_func(lambda p: {"s": np.sum(p["a"])}, {"a": np.ones(3)})
    assert fun(start).tolist() == [3.0]


def test_optimisers_call_back_with_structures() -> None:
    seen: list[Any] = []
    for optimise in (sgd, rmsprop, adam):
        optimise(lambda p, i: {"a": 2 * p["a"]}, {"a": np.ones(2)}, lambda p, i, g: seen.append((p["a"], i, g["a"])), 3)
    assert [i for _, i, _ in seen] == [0, 1, 2] * 3
    assert np.array_equal(seen[0][2], 2 * seen[0][0])


def test_fixed_points_of_vectors_and_their_error() -> None:
    A = np.array([[0.2, 0.1], [0.0, 0.3]])

    def solve(b: Any) -> Any:
        return fixed_point(
            lambda b: lambda x: A @ np.sin(x) + b, b, np.zeros(2), lambda x, y: np.max(np.abs(value(x - y))), 1e-14
        )

    check_grads(solve)(np.array([0.5, 1.0]))
    with pytest.raises(RuntimeError, match="does the map contract"):
        fixed_point(lambda a: lambda x: -x + a, 1.0, 0.0, lambda x, y: abs(x - y), 1e-12)


def test_the_checks_find_a_wrong_rule() -> None:
    wrong = primitive(lambda x: x**2)
    defvjp(wrong, lambda ans, x: lambda g: g * x)
    with pytest.raises(AssertionError, match="finite differences"):
        check_grads(wrong)(3.0)
    combo_check(lambda x, y, n=1: x * np.sin(y) * n, [0, 1])([1.0, X], [0.5], n=[1, 2])
    with pytest.raises(ValueError, match="modes"):
        check_grads(np.sin, modes=["sideways"])
    with pytest.raises(AssertionError, match="different shapes"):
        check_equivalent(X, X[:2])


def test_names_of_numpy_submodules() -> None:
    import minigrad.numpy.fft
    import minigrad.numpy.linalg
    import minigrad.numpy.random as npr
    from minigrad.builtins import isinstance as sees
    from minigrad.builtins import type as kind

    assert npr.RandomState(0).randn(2).shape == (2,)
    assert minigrad.numpy.linalg.norm([3.0, 4.0]) == 5.0
    found: list[Any] = []

    def fun(x: Any) -> Any:
        found.append((sees(x, np.ndarray), kind(x)))
        return np.sum(x)

    grad(fun)(X)
    assert found == [(True, np.ndarray)]
    assert make_hvp(np.sum)(X)[0](X).tolist() == [0.0, 0.0, 0.0]
    assert make_ggnvp(lambda x: x)(X)(X).tolist() == X.tolist()


def test_isinstance_of_what_stands_in_for_an_array() -> None:
    """Compiled and batched functions take the branch that the value itself would take."""
    from minigrad import batched, compile  # noqa: A004
    from minigrad.builtins import isinstance as sees

    def f(x: Any) -> Any:
        kinds = (float, np.ndarray)
        return sum(2.0**k * x for k, kind in enumerate(kinds) if sees(x, kind))

    compiled = compile(f)
    for x in (1.0, np.float64(1.0), np.ones(2)):
        for _ in range(2):
            assert np.array_equal(compiled(x), f(x))
    assert np.array_equal(batched(f)(np.ones((2, 3))), 2.0 * np.ones((2, 3)))
    assert np.array_equal(batched(f)(np.ones(2)), np.ones(2))
