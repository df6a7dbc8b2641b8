"""Programs in the idiom of autograd: with minigrad, and with `autograd` where it is installed, to equal results."""

import importlib
from typing import Any

import numpy as np
import pytest
from references import assert_close

import minigrad
import minigrad.numpy as mnp
from minigrad import grad, make_ggnvp, make_hvp

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
