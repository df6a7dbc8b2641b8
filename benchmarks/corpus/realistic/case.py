"""What a realistic mistake is, and how a field collects its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Built = tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """A function with a gradient by hand that can be right or wrong, and what is to be said of the mistake."""

    name: str
    field: str
    why: str
    says: str
    build: Callable[[bool], Built]


@dataclass
class Field:
    """The cases of one field. An instance is called `case` and used as a decorator of `build(wrong)`."""

    title: str
    cases: dict[str, Case] = field(default_factory=dict)

    def __call__(self, says: str) -> Callable[[Callable[[bool], Built]], Callable[[bool], Built]]:
        """A decorator that adds a case; its docstring is the mistake."""

        def enter(build: Callable[[bool], Built]) -> Callable[[bool], Built]:
            why = " ".join((build.__doc__ or "").split())
            self.cases[build.__name__] = Case(build.__name__, self.title, why, says, build)
            return build

        return enter


def normal(*shape: int, seed: int = 0) -> Any:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


def onehot(n: int, k: int, seed: int = 0) -> Any:
    """Random classes, a row for each sample."""
    return np.eye(k)[np.random.default_rng(seed).integers(0, k, n)]


def softmax(z: Any, axis: int = 1) -> Any:
    """The soft-max along an axis."""
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(z: Any) -> Any:
    """The logistic function."""
    return 1.0 / (1.0 + np.exp(-z))
