"""A flat program: its values, its steps, and what is found within the arguments of a step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.forms import short_text
from minigrad.core.origins import Origin


class Var:
    """One value of a program: what is known of it without computing it."""

    __slots__ = ("dtype", "index", "kind", "shape")

    def __init__(self, index: int, value: Any) -> None:
        self.index = index
        #: "array", "scalar" (of NumPy) or "python" (a number of Python)
        self.kind = "array" if type(value) is np.ndarray else kind_of(value)
        self.shape: tuple[int, ...] = getattr(value, "shape", ())
        self.dtype: Any = value.dtype if hasattr(value, "dtype") else np.dtype(type(value))

    def __repr__(self) -> str:
        return f"%{self.index}"


def kind_of(value: Any) -> str:
    """How a number or array is represented."""
    return "array" if isinstance(value, np.ndarray) else "scalar" if isinstance(value, np.generic) else "python"


class Step(NamedTuple):
    """One operation of a program: `out = function(*args, **kwargs)`, with a `Var` in place of each value."""

    out: Any  #: a `Var`, a tuple of them for several results, or None for a guard
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    quiet: bool  #: whether it runs where divisions by zero and invalid operations are not to be heard
    origin: Origin


class Program(NamedTuple):
    """A flat program: what a function did with its inputs."""

    inputs: list[Var]
    steps: list[Step]
    outputs: list[Any]  #: variables or constants
    origins: dict[int, Origin]  #: of all values, by index
    names: dict[int, str]  #: what the user's variables call values, by index
    arrays: dict[int, tuple[str, Any]]  #: and arrays, by id, with these

    def __str__(self) -> str:
        lines = [f"inputs {', '.join(map(str, self.inputs))}"]
        for step in self.steps:
            name = getattr(step.function, "__name__", str(step.function))
            given = [*map(short_text, step.args), *[f"{key}={short_text(value)}" for key, value in step.kwargs.items()]]
            left = f"{step.out} = " if step.out is not None else ""
            lines.append(f"{left}{name}({', '.join(given)})")
        return "\n".join([*lines, f"return {', '.join(map(short_text, self.outputs))}"])


# ----- finding values within arguments --------------------------------------------------------------------------------


def variables(value: Any) -> list[Var]:
    """The variables within a value."""
    found: list[Var] = []
    _collect((value,), found)
    return found


def reads(step: Step) -> list[Var]:
    """The variables that a step reads."""
    found: list[Var] = []
    _collect(step.args, found)
    if step.kwargs:
        _collect(step.kwargs.values(), found)
    return found


def _collect(values: Iterable[Any], found: list[Var]) -> None:
    for value in values:
        kind = type(value)
        if kind is Var:
            found.append(value)
        elif kind is tuple or kind is list:
            _collect(value, found)
        elif kind is dict:
            _collect(value.values(), found)
        elif kind is slice:
            _collect((value.start, value.stop, value.step), found)


def made_by(step: Step) -> tuple[Var, ...]:
    """The variables that a step defines."""
    out = step.out
    return () if out is None else out if type(out) is tuple else (out,)
