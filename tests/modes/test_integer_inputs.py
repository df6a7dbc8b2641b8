"""Integers: an array of them is differentiated as one of float64, in every mode; a single one is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import fails
from references import assert_close

import minigrad as mg
from minigrad.compat import transforms as compat
from minigrad.compat.test_util import check_grads
from minigrad.core.tree import flatten as flatten_tree
from minigrad.misc import flatten
from minigrad.misc.optimizers import sgd

N = np.array([1, 2, 3])


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def cubes_each(x: Any) -> Any:
    return x**3


def leaves_of(tree: Any) -> list[Any]:
    return flatten_tree(tree)[0]


MODES: dict[str, Callable[[Any], Any]] = {
    "grad": lambda n: mg.grad(cubes)(n),
    "value": lambda n: mg.value_and_grad(cubes)(n),
    "leaf": lambda n: mg.grad(lambda p: cubes(p["n"]) * p["x"])({"n": n, "x": 2.0}),
    "nested": lambda n: mg.grad(lambda x: np.sum(mg.grad(cubes)(x) ** 2))(n),
    "vjp": lambda n: mg.vjp(cubes_each, n)[1](np.array([1, 0, 2])),
    "jvp": lambda n: mg.jvp(cubes_each, (n,), (np.array([1, 0, 2]),)),
    "jacobian": lambda n: mg.jacobian(cubes_each)(n),
    "jacfwd": lambda n: mg.jacfwd(cubes_each)(n),
    "hessian": lambda n: mg.hessian(cubes)(n),
    "hvp": lambda n: mg.hvp(cubes, n, n),
    "derivatives": lambda n: mg.derivatives(cubes_each, n, 4),
    "mixed": lambda n: mg.derivatives(lambda x, y: x**3 * y, (n, 0.5), (1, 1)),
    "jet": lambda n: mg.jet(cubes_each, (n,), ([np.array([1, 0, 2]), 0.0],)),
    "elementwise_grad": lambda n: mg.elementwise_grad(cubes_each)(n),
    "elementwise twice": lambda n: mg.elementwise_grad(mg.elementwise_grad(cubes_each))(n),
    "batched": lambda n: mg.batched(mg.grad(cubes))(np.stack([n, 2 * n])),
    "batched, one by one": lambda n: mg.batched(mg.grad(lambda x: cubes(x) if x[0] > 1 else -cubes(x)))(
        np.stack([n, 2 * n])
    ),
    "sparse_jacobian": lambda n: mg.sparse_jacobian(cubes_each, n).toarray(),
    "sparse_hessian": lambda n: mg.sparse_hessian(cubes, n).toarray(),
    "compiled": lambda n: mg.compile(mg.value_and_grad(cubes))(n),
    "compiled twice": lambda n: [compiled(n) for compiled in [mg.compile(mg.grad(cubes))] for _ in range(2)][1],
    "laplacian": lambda n: mg.laplacian(cubes)(n),
    "bilaplacian": lambda n: mg.bilaplacian(lambda x: np.sum(x**4))(n),
    "finite_difference": lambda n: mg.finite_difference(cubes)(n).round(3),
    "richardson": lambda n: mg.richardson(cubes)(n).round(9),
    "root": lambda n: mg.grad(lambda p: np.sum(mg.root(lambda p, x: x**3 - p, p, np.array([2, 2, 2]))))(n).round(9),
    "checkpoint": lambda n: mg.grad(mg.checkpoint(cubes))(n),
    "scan": lambda n: mg.grad(lambda xs: mg.checkpointed_scan(lambda c, x: (c + x**3, None), 0.0, xs)[0])(n),
    "deriv": lambda n: compat.deriv(cubes_each)(n),
    "multigrad_dict": lambda n: mg.multigrad_dict(lambda x, y: cubes(x) * y)(n, 2.0),
    "holomorphic_grad": lambda n: mg.holomorphic_grad(cubes)(n),
    "holomorphic_grad of a complex result": lambda n: mg.holomorphic_grad(lambda x: np.sum(x**2) * 1j)(n),
    "make_vjp": lambda n: mg.make_vjp(cubes)(n)[0](1),
    "make_jvp": lambda n: mg.make_jvp(cubes)(n)(n),
}


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16])
@pytest.mark.parametrize("mode", MODES)
def test_arrays_are_differentiated_as_float64(mode: str, dtype: Any) -> None:
    """The same numbers and dtypes as for `x.astype(float)`, never zeros in silence."""
    found = leaves_of(MODES[mode](N.astype(dtype)))
    expected = leaves_of(MODES[mode](N.astype(float)))
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.any(a)
        np.testing.assert_array_equal(a, b)


def test_the_function_sees_floats() -> None:
    """Also where NumPy means something else for integers: a negative power, an array without axes."""
    assert_close(mg.grad(lambda x: np.sum(x**-1))(np.array([1, 2])), [-1.0, -0.25], 1e-15)
    gradient = mg.grad(lambda x: x * x)(np.array(3))
    assert gradient == 6.0
    assert gradient.dtype == np.float64
    assert mg.value_and_grad(lambda x: np.sum(x))(N)[0].dtype == np.float64


def test_single_integers_and_truth_values_are_refused_everywhere() -> None:
    """Which are more often a number of steps, or a flag, than a parameter."""
    for number in (3, np.int64(3), np.uint8(3)):
        for run in (
            lambda n: mg.grad(lambda x: x * 2.0)(n), lambda n: mg.jvp(lambda x: x * 2.0, (n,), (1.0,)),
            lambda n: mg.derivatives(np.sin, n, 2), lambda n: mg.check(np.sin, np.cos, n),
            lambda n: mg.compile(mg.grad(np.sin))(n), lambda n: mg.sparse_jacobian(np.sin, n),
            lambda n: mg.laplacian(np.sin)(n), lambda n: mg.grad(lambda p: p[0] * 1.0)([1.0, n]),
        ):  # fmt: skip
            fails(TypeError, lambda run=run, number=number: run(number), "integers have no derivative", "2.0 instead")
    fails(TypeError, lambda: mg.batched(mg.grad(np.sin))(N), "integers have no derivative")
    fails(TypeError, lambda: mg.grad(np.sum)(np.array([True, False])), "truth values have no derivative")
    fails(TypeError, lambda: mg.compile(mg.grad(np.sum))(np.array([True, False])), "truth values have no derivative")


def test_a_check_and_check_grads_at_integers() -> None:
    assert mg.check(cubes, lambda x: 3 * x**2, N).verdict == "OK"
    assert mg.check(cubes, lambda x: 2 * x**2, N).verdict == "WRONG"
    check_grads(cubes)(N)


def test_vectors_of_parameters_are_float() -> None:
    """An optimiser starts from whole numbers as often as not."""
    vector, unflatten = flatten({"a": N, "b": np.array([[4]])})
    assert vector.dtype == np.float64
    assert unflatten(vector / 2)["a"].tolist() == [0.5, 1.0, 1.5]
    found = sgd(mg.grad(lambda p, i: np.sum((p["a"] - 0.5) ** 2)), {"a": N}, num_iters=300)
    assert_close(found["a"], [0.5, 0.5, 0.5], 1e-6)
