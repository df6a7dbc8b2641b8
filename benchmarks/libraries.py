"""How each library differentiates: one class each, with the same methods, so that an item is written once.

A function under test takes the library first, `f(lib, ...)`, and says `lib.xp.exp` where NumPy users say `np.exp`.
Every method returns contenders, as one library may run in several ways: minigrad eagerly, compiled, and compiled with
the extra `fast`; JAX compiled and eagerly. Each is called the way that is fastest in that library and that its own
documentation recommends.
"""

import functools
import importlib.util
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minigrad
import minigrad.numpy as mnp
from benchmarks.measuring import Contenders, Run

Loss = Callable[[Any, Any, Any], Any]  # loss(lib, parameters, constants), a number
Function = Callable[[Any, Any], Any]  # f(lib, x)
Arrays = Sequence[np.ndarray]


def plain_loop(step: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Sequence[Any]) -> list[Any]:
    """What the steps of a loop return beside the next state; `inputs` are arrays with one row for each step."""
    outs = []
    for row in zip(*inputs):
        state, out = step(state, row)
        outs.append(out)
    return outs


class Minigrad:
    """minigrad, eagerly and, where it can, compiled."""

    xp = mnp
    loop = staticmethod(plain_loop)

    @staticmethod
    def logsumexp(z: Any, axis: int) -> Any:
        return mnp.logsumexp(z, axis=axis)

    def runs(self, f: Callable[..., Any], *args: Any) -> Contenders:
        """f(*args), as it is and compiled."""
        return {name: functools.partial(make(f), *args) for name, make in compilers().items()}

    def gradient(self, loss: Loss, P: Arrays, C: Arrays) -> Contenders:
        return self.runs(minigrad.value_and_grad(functools.partial(loss, self)), list(P), list(C))

    def elementwise(self, f: Function, x: Any, order: int = 1) -> Contenders:
        return self.runs(nest(minigrad.elementwise_grad, functools.partial(f, self), order), x)

    def hessian(self, f: Function, x: np.ndarray) -> Contenders:
        return self.runs(minigrad.hessian(functools.partial(f, self)), x)

    def hvp(self, f: Function, x: np.ndarray, v: np.ndarray) -> Contenders:
        fun = functools.partial(f, self)
        return self.runs(lambda x, v: minigrad.hvp(fun, x, v), x, v)

    def jacobian(self, f: Function, x: np.ndarray) -> Contenders:
        return self.runs(minigrad.jacobian(functools.partial(f, self)), x)

    columns = jacobian

    def jacobians(self, f: Loss, x: np.ndarray, c: np.ndarray) -> Contenders:
        of_one = minigrad.jacobian(functools.partial(f, self))
        rows = {"row by row": lambda: np.stack([of_one(u, v) for u, v in zip(x, c)])}
        return rows | self.runs(minigrad.batched(of_one), x, c)


class Autograd:
    """HIPS autograd."""

    loop = staticmethod(plain_loop)

    def __init__(self) -> None:
        import autograd
        import autograd.numpy as anp

        self.autograd, self.xp = autograd, anp

    def logsumexp(self, z: Any, axis: int) -> Any:
        top = self.xp.max(z, axis=axis, keepdims=True)
        return self.xp.log(self.xp.sum(self.xp.exp(z - top), axis=axis)) + self.xp.squeeze(top, axis)

    def gradient(self, loss: Loss, P: Arrays, C: Arrays) -> Contenders:
        run = self.autograd.value_and_grad(functools.partial(loss, self))
        return {"autograd": lambda: run(list(P), list(C))}

    def elementwise(self, f: Function, x: Any, order: int = 1) -> Contenders:
        run = nest(self.autograd.elementwise_grad, functools.partial(f, self), order)
        return {"autograd": lambda: run(x)}

    def hessian(self, f: Function, x: np.ndarray) -> Contenders:
        run = self.autograd.hessian(functools.partial(f, self))
        return {"autograd": lambda: run(x)}

    def hvp(self, f: Function, x: np.ndarray, v: np.ndarray) -> Contenders:
        run = self.autograd.hessian_vector_product(functools.partial(f, self))
        return {"autograd": lambda: run(x, v)}

    def jacobian(self, f: Function, x: np.ndarray) -> Contenders:
        run = self.autograd.jacobian(functools.partial(f, self))
        return {"autograd": lambda: run(x)}

    def columns(self, f: Function, x: np.ndarray) -> Contenders:
        push, units = self.autograd.make_jvp(functools.partial(f, self))(x), np.eye(x.size)
        return {"autograd": lambda: np.stack([push(unit)[1] for unit in units], axis=-1)}

    def jacobians(self, f: Loss, x: np.ndarray, c: np.ndarray) -> Contenders:
        of_one = self.autograd.jacobian(functools.partial(f, self))
        return {"autograd": lambda: np.stack([of_one(u, v) for u, v in zip(x, c)])}


class Torch:
    """PyTorch on the processor, eagerly."""

    loop = staticmethod(plain_loop)

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
        self.torch = self.xp = torch

    def logsumexp(self, z: Any, axis: int) -> Any:
        return self.torch.logsumexp(z, axis)

    def array(self, value: Any, grad: bool = False) -> Any:
        array = np.asarray(value)
        return self.torch.tensor(array if array.flags.writeable else array.copy(), requires_grad=grad)

    def gradient(self, loss: Loss, P: Arrays, C: Arrays) -> Contenders:
        tensors, constants = [self.array(p, grad=True) for p in P], [self.array(c) for c in C]

        def run() -> Any:
            value = loss(self, tensors, constants)
            return [value, *self.torch.autograd.grad(value, tensors)]

        return {"torch": run}

    def elementwise(self, f: Function, x: Any, order: int = 1) -> Contenders:
        tensor = self.array(x, grad=True)

        def run() -> Any:
            y = f(self, tensor)
            for k in range(order):
                (y,) = self.torch.autograd.grad(y.sum(), tensor, create_graph=k + 1 < order)
            return y

        return {"torch": run}

    def hessian(self, f: Function, x: np.ndarray) -> Contenders:
        run, tensor = self.torch.func.hessian(functools.partial(f, self)), self.array(x)
        return {"torch": lambda: run(tensor)}

    def hvp(self, f: Function, x: np.ndarray, v: np.ndarray) -> Contenders:
        tensor, direction = self.array(x, grad=True), self.array(v)

        def run() -> Any:
            (g,) = self.torch.autograd.grad(f(self, tensor), tensor, create_graph=True)
            return self.torch.autograd.grad(g, tensor, direction)

        return {"torch": run}

    def jacobian(self, f: Function, x: np.ndarray) -> Contenders:
        run, tensor = self.torch.func.jacrev(functools.partial(f, self)), self.array(x)
        return {"torch": lambda: run(tensor)}

    def columns(self, f: Function, x: np.ndarray) -> Contenders:
        run, tensor = self.torch.func.jacfwd(functools.partial(f, self)), self.array(x)
        return {"torch": lambda: run(tensor)}

    def jacobians(self, f: Loss, x: np.ndarray, c: np.ndarray) -> Contenders:
        run = self.torch.func.vmap(self.torch.func.jacrev(functools.partial(f, self)))
        tensors = self.array(x), self.array(c)
        return {"torch": lambda: run(*tensors)}


class Jax:
    """JAX in float64, compiled and eagerly."""

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        self.jax, self.xp = jax, jnp

    def logsumexp(self, z: Any, axis: int) -> Any:
        return self.jax.scipy.special.logsumexp(z, axis=axis)

    def array(self, value: Any) -> Any:
        return self.xp.asarray(value)

    def loop(self, step: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Sequence[Any]) -> Any:
        """`plain_loop` as JAX's documentation asks for it: the body is compiled once."""
        return self.jax.lax.scan(step, state, inputs)[1]

    def runs(self, f: Callable[..., Any], *args: Any) -> Contenders:
        wait = self.jax.block_until_ready
        args, compiled = self.jax.tree_util.tree_map(self.array, args), self.jax.jit(f)
        return {"JAX jit": lambda: wait(compiled(*args)), "JAX eager": lambda: wait(f(*args))}

    def gradient(self, loss: Loss, P: Arrays, C: Arrays) -> Contenders:
        return self.runs(self.jax.value_and_grad(functools.partial(loss, self)), list(P), list(C))

    def elementwise(self, f: Function, x: Any, order: int = 1) -> Contenders:
        def transform(f: Any) -> Any:
            return self.jax.grad(lambda x: self.xp.sum(f(x)))

        return self.runs(nest(transform, functools.partial(f, self), order), x)

    def hessian(self, f: Function, x: np.ndarray) -> Contenders:
        return self.runs(self.jax.hessian(functools.partial(f, self)), x)

    def hvp(self, f: Function, x: np.ndarray, v: np.ndarray) -> Contenders:
        gradient = self.jax.grad(functools.partial(f, self))
        return self.runs(lambda x, v: self.jax.jvp(gradient, (x,), (v,))[1], x, v)

    def jacobian(self, f: Function, x: np.ndarray) -> Contenders:
        return self.runs(self.jax.jacrev(functools.partial(f, self)), x)

    def columns(self, f: Function, x: np.ndarray) -> Contenders:
        return self.runs(self.jax.jacfwd(functools.partial(f, self)), x)

    def jacobians(self, f: Loss, x: np.ndarray, c: np.ndarray) -> Contenders:
        return self.runs(self.jax.vmap(self.jax.jacrev(functools.partial(f, self))), x, c)


def nest(transform: Callable[..., Any], function: Callable[..., Any], order: int) -> Callable[..., Any]:
    """The transformation of the transformation of ... the function."""
    for _ in range(order):
        function = transform(function)
    return function


@functools.cache
def libraries() -> list[Any]:
    """minigrad and every peer that is installed; MINIGRAD_BENCHMARK_PEERS in the environment names fewer."""
    wanted = os.environ.get("MINIGRAD_BENCHMARK_PEERS", "autograd torch jax").split()
    peers = {name: peer for name, peer in [("autograd", Autograd), ("torch", Torch), ("jax", Jax)] if name in wanted}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what peers say about their own dependencies
        return [Minigrad(), *(make() for module, make in peers.items() if importlib.util.find_spec(module))]


def installed(kind: type) -> Any:
    """The library of this class, or None if it is not installed."""
    return next((library for library in libraries() if isinstance(library, kind)), None)


def compilers() -> dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """Ways to run a function of minigrad: as it is, and compiled as far as this version and its extras can."""
    return _compilers()[0]


def missing_columns() -> dict[str, str]:
    """The ways that are missing here, and why."""
    return _compilers()[1]


@functools.cache
def _compilers() -> tuple[dict[str, Any], dict[str, str]]:
    found: dict[str, Any] = {"minigrad": lambda f: f}
    missing: dict[str, str] = {}
    make: Any = getattr(minigrad, "compile", None)
    ways = {"minigrad compiled": {}, "minigrad compiled, fast": {"backend": "numba"}}
    for name, settings in ways.items():
        if make is None:
            missing[name] = "minigrad.compile is not in this version"
            continue
        try:
            make(np.sin, **settings)(np.ones(3))
        except (TypeError, ValueError, ImportError) as error:
            missing[name] = str(error)
        else:
            found[name] = functools.partial(make, **settings)
    return found, missing


def all_of(method: str, *args: Any, by_hand: Run | None = None, **hand: Run | None) -> Contenders:
    """The contenders of every library for a method: `all_of("hvp", f, x, v, by_hand=...)`, by hand first."""
    contenders: Contenders = {} if by_hand is None else {"hand-written": by_hand}
    contenders |= {name: run for name, run in hand.items() if run is not None}
    for library in libraries():
        contenders |= getattr(library, method)(*args)
    return contenders
