"""Steps as Python expressions: operators where NumPy has them, methods and functions of NumPy otherwise."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from keyword import iskeyword
from typing import Any

import numpy as np

from minigrad.compiler.canonical import Reduction
from minigrad.compiler.program import Step, Var
from minigrad.core import duck_arrays as duck
from minigrad.rules import moving
from minigrad.rules.elementwise import tanh_slope_at

# Symbol and precedence of each operator, as in the grammar of Python: what binds more tightly has a larger number.
BINARY: dict[Any, tuple[str, int]] = {
    operator.lt: ("<", 1), operator.le: ("<=", 1), operator.gt: (">", 1), operator.ge: (">=", 1),
    operator.eq: ("==", 1), operator.ne: ("!=", 1), operator.or_: ("|", 2), operator.xor: ("^", 3),
    operator.and_: ("&", 4), operator.add: ("+", 6), operator.sub: ("-", 6), operator.mul: ("*", 7),
    operator.truediv: ("/", 7), operator.floordiv: ("//", 7), operator.mod: ("%", 7), operator.matmul: ("@", 7),
    operator.pow: ("**", 9),
}  # fmt: skip
UNARY: dict[Any, tuple[str, int]] = {operator.neg: ("-", 8), operator.pos: ("+", 8), operator.invert: ("~", 8)}
ATOM = 10
REDUCED = {
    np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min", np.logical_and: "all",
    np.logical_or: "any",
}  # fmt: skip


def given(value: Any) -> Any:
    """The value itself, under the name that it has in a loop: what the first pass is given."""
    return value


def handed_on(value: Any) -> Any:
    """The value itself, under the name that it has in a loop: what a pass hands on to the next one."""
    return value


def kept(value: Any) -> Any:
    """The value itself, under the name that it has in a loop: what the next pass begins with."""
    return value


SAME = {given, handed_on, kept}  #: what gives a value another name

Text = tuple[str, int]  # an expression, and how tightly its outermost operation binds


class UnnameableError(TypeError):
    """Internal signal: a value or function cannot be written as an expression of NumPy alone."""


def path_of(function: Any) -> str:
    """How a function, ufunc, method of a ufunc or type of NumPy is reached from `np`.

    >>> path_of(np.linalg.solve), path_of(np.add.accumulate), path_of(np.float64)
    ('np.linalg.solve', 'np.add.accumulate', 'np.float64')
    """
    if function is round or function is complex:
        return str(function.__name__)
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if type(name) is not str or not name.isidentifier():
        raise UnnameableError(f"{function!r} is no function of NumPy")
    if type(owner) is np.ufunc and hasattr(np.ufunc, name):
        return f"{path_of(owner)}.{name}"
    places = [("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft)]
    if "scipy.special" in sys.modules:
        places.append(("scipy.special", sys.modules["scipy.special"]))
    for prefix, place in places:
        if getattr(place, name, None) is function:
            return f"{prefix}.{name}"
    raise UnnameableError(f"{name} is no function of NumPy")


def quoted(text: str) -> str:
    """A string as ruff writes it, in double quotes; what is not printable is escaped."""
    plain = str.__repr__(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain else plain


class Renderer:
    """How a style of source writes steps. `name` gives the text of a variable, `constant` that of anything else."""

    def __init__(self, name: Callable[[Var], Text], constant: Callable[[Any], Text]) -> None:
        self.name, self.constant = name, constant

    def value(self, value: Any, tight: int = 0) -> str:
        """An argument, in parentheses if it binds less tightly than asked for."""
        text, binds = self.text(value)
        return f"({text})" if binds < tight else text

    def text(self, value: Any) -> Text:
        """An argument and how tightly it binds."""
        kind = type(value)
        if kind is Var:
            return self.name(value)
        if kind is tuple:
            return f"({', '.join(map(self.value, value))}{',' if len(value) == 1 else ''})", ATOM
        if kind is list:
            return f"[{', '.join(map(self.value, value))}]", ATOM
        if kind is slice:
            return f"slice({self.value(value.start)}, {self.value(value.stop)}, {self.value(value.step)})", ATOM
        if kind is dict:
            return "{" + ", ".join(f"{self.value(key)}: {self.value(part)}" for key, part in value.items()) + "}", ATOM
        if kind is bytes:
            return repr(value), ATOM
        if kind is str:
            return quoted(value), ATOM
        if value is None or value is Ellipsis or kind is bool:
            return "..." if value is Ellipsis else repr(value), ATOM
        if kind is int or (kind is float and value == value and abs(value) != np.inf):
            return repr(value), 8 if value < 0 or repr(value)[0] == "-" else ATOM
        if isinstance(value, np.dtype):
            return (
                f"np.{value.name}" if value.isnative and value.kind in "fciub" else f"np.dtype({value.str!r})"
            ), ATOM
        if isinstance(value, type) and issubclass(value, np.generic):
            return path_of(value), ATOM
        if kind is type(np.newaxis):
            return "None", ATOM
        return self.constant(value)

    def index(self, index: Any) -> str:
        """What stands in the brackets."""
        if type(index) is tuple and index:
            return ", ".join(map(self.index, index)) + ("," if len(index) == 1 else "")
        if type(index) is slice:
            start, stop, step = (
                "" if part is None else self.value(part) for part in (index.start, index.stop, index.step)
            )
            return f"{start}:{stop}" + (f":{step}" if step else "")
        return self.value(index)

    def call(self, function: str, args: Any, kwargs: Any) -> Text:
        """A call with these arguments."""
        options = [
            f"{key}={self.value(value)}" if key.isidentifier() and not iskeyword(key) else None
            for key, value in kwargs.items()
        ]
        if None in options:
            raise UnnameableError(f"{function} has an option whose name cannot be written: {list(kwargs)}")
        return f"{function}({', '.join([*map(self.value, args), *map(str, options)])})", ATOM

    def reduce(self, step: Step) -> Text:
        """A reduction."""
        x, axes, keepdims = step.args
        given = [self.value(x)]
        if len(axes) < len(x.shape) or keepdims:
            given.append(f"axis={axes[0] if len(axes) == 1 else axes}")
        if keepdims:
            given.append("keepdims=True")
        return f"np.{REDUCED[step.function.ufunc]}({', '.join(given)})", ATOM

    def function(self, function: Any) -> str:
        """The name of a function."""
        return path_of(function)

    def step(self, step: Step) -> Text:
        """The right-hand side of a step."""
        function, args, kwargs = step.function, step.args, step.kwargs
        if function in SAME:
            return self.text(args[0])
        if function in BINARY and not kwargs:
            symbol, binds = BINARY[function]
            left, right = (binds + 1, binds) if function is operator.pow else (binds, binds + 1)
            if binds == 1:
                left = 2
            return f"{self.value(args[0], left)} {symbol} {self.value(args[1], right)}", binds
        if function in UNARY and not kwargs:
            symbol, binds = UNARY[function]
            return f"{symbol}{self.value(args[0], binds)}", binds
        if type(function) is Reduction:
            return self.reduce(step)
        if function is operator.getitem:
            return f"{self.value(args[0], ATOM)}[{self.index(args[1])}]", ATOM
        if function is duck.reshape:
            text, order = self.value(args[0], ATOM), kwargs.get("order", "C")
            return f"{text}.reshape({self.value(args[1])}{'' if order == 'C' else f', order={order!r}'})", ATOM
        if function is duck.astype:
            return f"{self.value(args[0], ATOM)}.astype({self.value(args[1])})", ATOM
        if function is np.transpose and len(args) == 2 and getattr(args[0], "kind", "array") != "python":
            text = self.value(args[0], ATOM)
            if args[1] == tuple(range(len(args[1])))[::-1]:
                return f"{text}.T", ATOM
            return f"{text}.transpose({self.value(args[1])})", ATOM
        return self.call(self.function(function), args, kwargs)


def unit_axes(old: Sequence[int], new: Sequence[int]) -> str | None:
    """The index that adds, or drops, axes of size 1; None if there is none.

    >>> unit_axes((300,), (1, 300)), unit_axes((1, 300), (300,))
    ('None, :', '0')
    """
    if [n for n in old if n != 1] != [n for n in new if n != 1] or old == new or (1 in old and 1 in new):
        return None
    if 1 in new:
        return ", ".join("None" if n == 1 else ":" for n in new)
    parts = ["0" if n == 1 else ":" for n in old]
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts)


def name_of_helper(text: str) -> str:
    """The name of a function of `HELPERS`."""
    return text.partition("(")[0].removeprefix("def ")


# Functions of the engine that are one step: as a text that runs with NumPy alone.
SCATTER: Any = moving.scattered_sum.__wrapped__  # type: ignore[attr-defined]
WRITTEN: Any = moving.written.__wrapped__  # type: ignore[attr-defined]
ZEROED: Any = moving.zeroed_at.__wrapped__  # type: ignore[attr-defined]
SCATTER_ADD: Any = moving.scattered_add.__wrapped__  # type: ignore[attr-defined]
HELPERS: dict[Any, str] = {
    tanh_slope_at: '''def tanh_slope(t, x):
    """1 / cosh(x)**2 for t = tanh(x): 1 - t * t has no digits in the tails."""
    small = np.exp(-2 * np.sign(np.real(x)) * x)
    s = 1.0 - t * t
    return np.where(np.abs(s) > 0.001, s, 4 * small / (1 + small) ** 2)[()]
''',
    WRITTEN: '''def written(x, *vs, places):
    """A copy of x, with the entries of vs at these places."""
    new = np.array(x)
    np.put(new, places, np.concatenate([np.reshape(v, -1) for v in vs]))
    return new
''',
    ZEROED: '''def zeroed_at(x, places):
    """A copy of x, with zeros at these places."""
    new = np.array(x)
    np.put(new, places, 0)
    return new
''',
    SCATTER: '''def scatter(*parts, indices, shape, dtype):
    """Zeros, with each part added at its index."""
    total = np.zeros(shape, dtype)
    for part, index in zip(parts, indices):
        np.add.at(total, index, part)
    return total[()] if shape == () else total
''',
    SCATTER_ADD: '''def scatter_add(x, index, size):
    """Zeros, with each entry of x added at its index."""
    if x.dtype == np.float64:
        return np.bincount(index, weights=x, minlength=size)
    total = np.zeros(size, x.dtype)
    np.add.at(total, index, x)
    return total
''',
}
