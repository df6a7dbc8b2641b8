"""Functions that are known by their names, for the tests of what travels to another process."""

from typing import Any

import numpy as np

import minigrad
from minigrad import compile  # noqa: A004

x = np.array([0.3, -0.7, 1.1])


def loss(x: Any) -> Any:
    """A number."""
    return np.sum(np.sin(x) ** 2)


def curve(x: Any) -> Any:
    """An array."""
    return np.tanh(x) * x


def residual(p: Any, x: Any) -> Any:
    return p * x - 1.0


def analytic(z: Any) -> Any:
    return np.sum(z**2)


def scaled(x: Any, factor: float = 2.0) -> Any:
    return np.sum(x * x) * factor


class Model:
    """An object with a loss."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def loss(self, x: Any) -> Any:
        return np.sum(x * x) * self.scale


# Decorated functions: the name is that of what the transformation returns.


@compile
def compiled_loss(x: Any) -> Any:
    return np.sum(np.cos(x))


@compile(exact=True)
@minigrad.grad
def compiled_gradient(x: Any) -> Any:
    return np.sum(np.cos(x))


@minigrad.grad
def gradient(x: Any) -> Any:
    return np.sum(np.cos(x))


@minigrad.custom_primitive(vjp=lambda g, ans, x: g * np.cos(x))
def own(x: Any) -> Any:
    return np.sin(x)


@minigrad.custom_root(residual)
def solved(p: Any) -> Any:
    return 1.0 / p


@minigrad.checkpoint
def kept(x: Any) -> Any:
    return np.sum(np.sin(x))


own_tanh = minigrad.custom_elementwise(np.tanh, lambda ans, x: 1.0 - ans * ans, name="own_tanh")


class Decorated:
    """A class with a compiled method."""

    @compile
    def loss(self, x: Any) -> Any:
        return np.sum(x * x)


def answer(job: Any) -> Any:
    """What a function answers, wherever this runs."""
    fun, args = job
    return fun(*args)
