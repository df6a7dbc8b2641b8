"""Compiled and transformed functions are pickled, copied, and sent to other processes."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import travellers
from compiled import assert_same
from travellers import Decorated, Model, analytic, answer, curve, loss, scaled, x

import minigrad
from minigrad.core.transformed import Transformed

v = np.array([1.0, 2.0, 3.0])

TRANSFORMED: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "grad": (minigrad.grad(loss), (x,)),
    "grad of the second argument": (minigrad.grad(scaled, 1), (x, 3.0)),
    "grad of several arguments": (minigrad.grad(scaled, argnum=(0, 1)), (x, 3.0)),
    "value_and_grad": (minigrad.value_and_grad(loss), (x,)),
    "grad_and_aux": (minigrad.grad_and_aux(minigrad.value_and_grad(loss)), (x,)),
    "jacobian": (minigrad.jacobian(curve, chunk_size=2), (x,)),
    "jacrev": (minigrad.jacrev(curve), (x,)),
    "jacfwd": (minigrad.jacfwd(curve), (x,)),
    "hessian": (minigrad.hessian(loss), (x,)),
    "elementwise_grad": (minigrad.elementwise_grad(minigrad.elementwise_grad(curve)), (x,)),
    "laplacian": (minigrad.laplacian(loss, chunk_size=1), (x,)),
    "bilaplacian": (minigrad.bilaplacian(loss), (x,)),
    "batched": (minigrad.batched(scaled, in_axes=(0, None)), (np.stack([x, v]), 2.0)),
    "checkpoint": (minigrad.checkpoint(loss), (x,)),
    "deriv": (minigrad.deriv(curve), (2.0,)),
    "hessian_vector_product": (minigrad.hessian_vector_product(loss), (x, v)),
    "hessian_tensor_product": (minigrad.hessian_tensor_product(loss), (x, v)),
    "tensor_jacobian_product": (minigrad.tensor_jacobian_product(curve), (x, v)),
    "multigrad_dict": (minigrad.multigrad_dict(scaled), (x, 3.0)),
    "grad_named": (minigrad.grad_named(scaled, "factor"), (x, 3.0)),
    "holomorphic_grad": (minigrad.holomorphic_grad(analytic), (x + 1j * v,)),
    "finite_difference": (minigrad.finite_difference(loss, order=4), (x,)),
    "richardson": (minigrad.richardson(loss, levels=4, with_error=True), (x,)),
    "complex_step": (minigrad.complex_step(loss), (x,)),
    "nested": (minigrad.batched(minigrad.grad(minigrad.checkpoint(loss))), (np.stack([x, v]),)),
    "compiled": (minigrad.compile(loss), (x,)),
    "compiled exactly": (minigrad.compile(minigrad.grad(loss), exact=True), (x,)),
    "of a compiled function": (minigrad.hessian(minigrad.compile(loss)), (x,)),
    "of a method": (minigrad.compile(minigrad.grad(Model(3.0).loss)), (x,)),
    "decorated: compiled": (travellers.compiled_loss, (x,)),
    "decorated: compiled gradient": (travellers.compiled_gradient, (x,)),
    "decorated: gradient": (travellers.gradient, (x,)),
    "of a decorated function": (minigrad.compile(minigrad.jacobian(travellers.gradient)), (x,)),
    "own operation": (minigrad.jacobian(travellers.own), (x,)),
    "own elementwise operation": (minigrad.jacobian(travellers.own_tanh), (x,)),
    "own solver": (minigrad.grad(travellers.solved), (2.0,)),
    "decorated: checkpoint": (minigrad.grad(travellers.kept), (x,)),
    "a compiled method": (Decorated().loss, (x,)),
}


def options_of(function: Any) -> Any:
    if isinstance(function, minigrad.compiler.replay.Compiled):
        return function.exact, function.backend, options_of(function.fun)
    return function.made_of[2] if type(function) is Transformed else None


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("name", list(TRANSFORMED))
def test_pickle(name: str, protocol: int) -> None:
    """What arrives answers the same, has the same name, documentation and options, and travels again."""
    function, args = TRANSFORMED[name]
    arrived = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(function, protocol)), protocol))
    assert type(arrived) is type(function)
    assert_same(arrived(*args), function(*args))
    assert options_of(arrived) == options_of(function)
    if hasattr(function, "__name__"):
        assert (arrived.__name__, arrived.__doc__) == (function.__name__, function.__doc__)


@pytest.mark.parametrize("name", list(TRANSFORMED))
def test_copy(name: str) -> None:
    function, args = TRANSFORMED[name]
    for copied in (copy.copy(function), copy.deepcopy(function), copy.deepcopy([function])[0]):
        assert_same(copied(*args), function(*args))


def test_a_compiled_function_is_compiled_again_on_arrival() -> None:
    compiled = minigrad.compile(minigrad.grad(loss), exact=True)
    for _ in range(3):
        compiled(x)
    arrived = pickle.loads(pickle.dumps(compiled))
    assert arrived.stats()["traces"] == arrived.stats()["replays"] == 0
    for _ in range(3):
        assert_same(arrived(x), compiled(x))
    assert (arrived.stats()["traces"], arrived.stats()["replays"]) == (1, 2)
    assert repr(arrived).partition(":")[0] == repr(compiled).partition(":")[0] == "<compiled grad_loss"


def test_a_decorated_function_arrives_as_the_one_of_its_module() -> None:
    for function in (travellers.compiled_loss, travellers.gradient, travellers.own, travellers.own_tanh):
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function


def test_a_deep_copy_of_the_gradient_of_a_method_has_an_object_of_its_own() -> None:
    """As that of the method has."""
    model = Model(1.0)
    for transform in (minigrad.grad, lambda fun: minigrad.compile(minigrad.grad(fun))):
        gradient = transform(model.loss)
        copied = copy.deepcopy(gradient)
        model.scale = 5.0
        assert_same(gradient(x), 10.0 * x)
        assert_same(copied(x), 2.0 * x)
        model.scale = 1.0


@pytest.mark.parametrize("name", ["make_vjp", "make_jvp", "make_hvp", "make_ggnvp"])
def test_functions_that_return_functions(name: str) -> None:
    made = getattr(minigrad, name)(loss if name == "make_hvp" else curve)
    arrived = pickle.loads(pickle.dumps(made))
    for function in (arrived, copy.deepcopy(made)):
        found, expected = function(x), made(x)
        if name in ("make_vjp", "make_hvp"):
            found, expected = found[0], expected[0]
        assert_same(found(v), expected(v))


def test_every_transformation_returns_what_travels() -> None:
    """A new one has to be listed above. A check is run where it was made, and a decorator has made nothing yet."""
    for name in set(minigrad.__all__) - {"check_grads", "custom_root"}:
        try:
            made = getattr(minigrad, name)(loss)
        except Exception:  # it takes more than a function
            continue
        if callable(made) and made is not loss:
            pickle.dumps(made)
            is_listed = name in TRANSFORMED or name in ("make_vjp", "make_jvp", "make_hvp", "make_ggnvp")
            assert is_listed or name in ("vmap", "vector_jacobian_product", "custom_primitive", "summed"), name


def test_what_a_function_has_besides_its_result_is_still_there() -> None:
    """Its own name, text, signature and attributes; it can be a method."""
    import inspect

    arrived = pickle.loads(pickle.dumps(minigrad.elementwise_grad(minigrad.elementwise_grad(np.tanh))))
    assert arrived.how(1.0) == "taylor"
    assert pickle.loads(pickle.dumps(minigrad.batched(curve))).how(np.stack([x, v])) == "one pass"
    gradient = minigrad.grad(scaled)
    assert list(inspect.signature(gradient).parameters) == ["x", "factor"]
    assert gradient.__name__ == "grad_scaled"
    assert repr(gradient).startswith("<function grad_scaled at 0x")

    class Own:
        scale = 3.0

        def loss(self, x: Any) -> Any:
            return np.sum(x * x) * self.scale

        gradient = minigrad.grad(loss, argnum=1)

    assert_same(Own().gradient(x), 6.0 * x)


def test_what_has_no_name_cannot_be_pickled() -> None:
    """The message is that of Python, about the function that was differentiated."""
    for make in (minigrad.grad, minigrad.compile):
        with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
            pickle.dumps(make(lambda x: np.sum(x)))


# ----- other processes ------------------------------------------------------------------------------------------------


def jobs() -> list[Any]:
    return [(function, args) for name, (function, args) in TRANSFORMED.items() if "nested" in name or "comp" in name]


@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_multiprocessing(method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.map(answer, jobs())
    for got, job in zip(found, jobs(), strict=True):
        assert_same(got, answer(job))


def test_joblib() -> None:
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    shift = 2.0
    local = minigrad.compile(minigrad.grad(lambda x: np.sum((x - shift) ** 2)))
    work = [*jobs(), (local, (x,))]
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(function)(*args) for function, args in work)
    for got, job in zip(found, work, strict=True):
        assert_same(got, answer(job))


def test_cloudpickle_in_this_process() -> None:
    """It takes functions by their content: a lambda, a closure."""
    cloudpickle = pytest.importorskip("cloudpickle", reason="cloudpickle is not installed")
    shift = 2.0
    compiled = minigrad.compile
    for make in (minigrad.grad, lambda fun: compiled(minigrad.grad(fun)), lambda fun: minigrad.grad(compiled(fun))):
        function = make(lambda x: np.sum((x - shift) ** 2))
        assert_same(cloudpickle.loads(cloudpickle.dumps(function))(x), function(x))


MAIN = """
import sys
import cloudpickle
import numpy as np
import minigrad

@minigrad.compile
@minigrad.grad
def gradient(x):
    return np.sum(x ** 3)

def loss(x):
    return np.sum(gradient(x) * x)

with open(sys.argv[1], "wb") as file:
    cloudpickle.dump([gradient, minigrad.compile(minigrad.grad(loss))], file)
"""


def test_cloudpickle_takes_functions_of_the_main_module_along(tmp_path: Path) -> None:
    """They arrive in a process whose main module does not have them."""
    pytest.importorskip("cloudpickle", reason="cloudpickle is not installed")
    path = str(tmp_path / "functions")
    root = str(Path(minigrad.__file__).parents[1])
    start = f"import sys; sys.path.insert(0, {root!r})\n"
    subprocess.run([sys.executable, "-c", start + MAIN, path], check=True, cwd=tmp_path)
    with open(path, "rb") as file:
        first, second = pickle.load(file)
    assert_same(first(v), 3.0 * v**2)
    assert_same(second(v), 9.0 * v**2)


def test_arguments_that_have_travelled_take_the_same_program() -> None:
    """An unpickled array has another object for its dtype, which is equal to that of other arrays."""
    compiled = minigrad.compile(minigrad.grad(loss))
    for _ in range(2):
        compiled(x)
    before = compiled.stats()
    for _ in range(3):
        other = pickle.loads(pickle.dumps(x))
        assert other.dtype is not x.dtype
        assert_same(compiled(other), compiled(x))
    assert compiled.stats()["traces"] == before["traces"]
    assert compiled.stats()["replays"] == before["replays"] + 6
