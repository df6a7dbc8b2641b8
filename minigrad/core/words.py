"""Words of other libraries, and what stands for them here: for messages about names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: Methods and properties of arrays of torch and JAX.
OF_ARRAYS = {
    "backward": "grad(f)(x) returns the gradient of f at x",
    "grad": "grad(f)(x) returns the gradient of f at x",
    "requires_grad": "grad(f)(x) returns the gradient of f at x, and needs no mark on x",
    "requires_grad_": "grad(f)(x) returns the gradient of f at x, and needs no mark on x",
    "detach": "minigrad.stop_gradient(x) is x as a constant",
    "data": "minigrad.stop_gradient(x) is x as a constant",
    "numpy": "leave it out, or take the plain value, as a constant: minigrad.value(x)",
    "cpu": "leave it out",
    "cuda": "leave it out",
    "to": "leave it out; x.astype(dtype) changes the dtype",
    "double": "x.astype(np.float64)",
    "block_until_ready": "leave it out",
    "clone": "x.copy()",
    "at": "minigrad.set_at(x, index, new) and minigrad.add_at(x, index, new) return a new array",
    "unsqueeze": "np.expand_dims(x, axis), or x[None]",
    "permute": "x.transpose(axes)",
    "t": "x.T",
    "dim": "x.ndim",
    "numel": "x.size",
    "expand": "np.broadcast_to(x, shape)",
    "pow": "x**p",
    "mm": "x @ y",
    "bmm": "x @ y",
    "mv": "x @ y",
    "mul": "x * y",
    "div": "x / y",
    "relu": "np.maximum(x, 0.0)",
    "sigmoid": "minigrad.scipy.special.expit(x)",
    "softmax": "minigrad.scipy.special.softmax(x, axis)",
}

#: Functions of torch and of jax.nn that NumPy has not.
OF_NUMPY = {
    "relu": "maximum(x, 0.0)",
    "sigmoid": "expit of minigrad.scipy.special",
    "expit": "expit of minigrad.scipy.special",
    "softmax": "softmax of minigrad.scipy.special",
    "log_softmax": "log_softmax of minigrad.scipy.special",
    "erf": "erf of minigrad.scipy.special",
    "cat": "concatenate",
    "unsqueeze": "expand_dims",
    "mm": "matmul",
    "tensor": "array",
}

#: Names of autograd, torch and JAX as a whole.
OF_PACKAGES = {
    "jit": "compile",
    "tensor": "arrays are those of NumPy: np.array([1.0, 2.0])",
    "Tensor": "arrays are those of NumPy: np.array([1.0, 2.0])",
    "array": "arrays are those of NumPy: np.array([1.0, 2.0])",
    "no_grad": "nothing is recorded outside of a transformation; within one stop_gradient(x) is x as a constant",
    "stop_grad": "stop_gradient",
    "backward": "grad(f)(x) returns the gradient of f at x",
    "gradient": "grad(f)(x) returns the gradient of f at x",
    "autograd": "grad, jacobian, hessian and all others are here",
    "random": "random numbers are those of NumPy: np.random.default_rng(0)",
    "nn": "the network of the tour is the package nn, beside minigrad",
    "pmap": "vmap, in one process",
    "lax": "loops and conditions are those of Python; checkpointed_scan is a loop in little memory",
    "hess": "hessian",
    "linearize": "jvp",
    "custom_vjp": "custom_primitive",
    "custom_jvp": "custom_primitive",
}


def instead(name: str, known: dict[str, str], names: Iterable[str]) -> str:
    """What to write in place of a name that does not exist, as the end of a message; empty if nothing is known.

    >>> instead("jit", OF_PACKAGES, ()), instead("hesian", {}, ["hessian"]), instead("quaternion", {}, ["hessian"])
    ('; here: compile', ". Did you mean 'hessian'?", '')
    """
    if name in known:
        return f"; here: {known[name]}"
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.75)
    return f". Did you mean {near[0]!r}?" if near else ""
