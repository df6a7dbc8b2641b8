"""Strategies of hypothesis for programs: a point, a direction and the lines of a function, each tried by NumPy alone."""

import string
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

import minigrad
import minigrad.numpy as mnp
from benchmarks.fuzz import operations

KINDS = ("float64", "float32", "complex", "special", "ties")
SHAPES = ((3,), (), (2, 3), (1,), (2, 2), (4,), (3, 3), (3, 1), (2, 3, 2), (0,), (2, 0))
# No two are equal, no two differ by little, none is a whole number: so kinks are met by design only.
NUMBERS = (0.7, -0.4, 1.1, 0.3, 0.95, -1.2, 0.55, -0.85, 1.35, 0.15, -0.65, 0.45)
SLOPES = (0.6, -0.9, 0.35, 1.0, -0.5, 0.8, -0.25, 0.75, 0.4, -0.7, 0.9, -0.3)
# No part is as large as one of `NUMBERS`: squares of such numbers lie on branch cuts.
IMAGINARY = (0.25, -0.52, 0.78, -0.17, 0.62, -0.93, 0.34, -0.72, 0.12, 0.83, -0.28, 0.58)
CONSTANTS = ("0.5", "-0.3", "2.0", "1.0", "0.0", "-1.5", "2")
SPECIAL = (
    "0.0",
    "-0.0",
    "1.0",
    "-1.0",
    "np.inf",
    "-np.inf",
    "np.nan",
    "0.5",
    "-0.4",
    "1e300",
    "1e-300",
    "-1e-310",
    "2.0",
)
TIES = ("1.0", "0.0", "-1.0", "-0.0", "0.5", "2.0")
LAYOUTS = {
    "as it is": "lambda a: np.array(a)",
    "Fortran": "lambda a: np.array(a, order='F')",
    "every other": "lambda a: np.repeat(a, 2, axis=-1)[..., ::2]",
    "backwards": "lambda a: np.array(a[::-1])[::-1]",
    "transposed": "lambda a: np.array(a.T).T",
    "read-only": "lambda a: np.broadcast_to(a, a.shape)",
    "broadcast": "lambda a: np.broadcast_to(a[:1], a.shape)",
    "a number": "lambda a: a[()]",
    "a Python number": "lambda a: a.item()",
}
LARGEST, LARGE, ROUGH = 60, 30.0, 1e-6
IMPORTS = """import numpy as np
import minigrad.numpy as mnp
from minigrad import *
from minigrad import batched, compile"""
PRELUDE = """
square = custom_elementwise(lambda x: x * x, lambda ans, x: 2.0 * x)


@custom_primitive
def cubed(x):
    return x**3


@cubed.defvjp
def _(g, ans, x):
    return g * 3.0 * x * x
"""


@dataclass(frozen=True)
class Program:
    """A program: texts all of it, so that what is printed is what was run."""

    kind: str
    point: str
    direction: str
    layout: str
    body: tuple[str, ...]
    needs: str = ""
    templates: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The module: the point `x(t)` on a line, the direction `v`, and the function `f`."""
        body = "\n".join("    " + line for statement in self.body for line in statement.split("\n"))
        return (
            f"{IMPORTS}\n{PRELUDE if 'square(' in body or 'cubed(' in body else ''}\n"
            f"X = {self.point}\nV = {self.direction}\nlayout = {self.layout}\n"
            f"x = lambda t=0.0: layout(X + np.asarray(t, X.real.dtype) * V)\nv = layout(V)\n{self.needs}\n\n"
            f"def f(x):\n{body}\n"
        )

    def module(self) -> dict[str, Any]:
        """The names that the text defines."""
        names: dict[str, Any] = {}
        exec(compile(self.text, "<program>", "exec"), names)
        return names


_NAMES = {**{name: getattr(minigrad, name) for name in minigrad.__all__}, "np": np, "mnp": mnp}
exec(PRELUDE, _NAMES)
_parser = string.Formatter()


class Slots(dict[str, str]):
    """What stands in the slots of a line. A slot is drawn when it is first asked for, and fits what was drawn before."""

    def __init__(self, draw: Callable[[Any], Any], values: dict[str, Any]) -> None:
        self.draw, self.values = draw, values
        self.first: Any = None

    def __missing__(self, slot: str) -> str:
        draw = self.draw
        if slot in ("a", "v", "m"):
            found = self.pick(lambda x: np.ndim(x) >= {"a": 0, "v": 1, "m": 2}[slot])
        elif slot == "b":
            if draw(st.integers(0, 5)) == 5:
                return draw(st.sampled_from((*CONSTANTS, "C", "N", "N.T", "np.float32(0.3)")))
            return self.pick(lambda x: fits(self.first, x), again=True)
        elif slot == "s":
            found = self.pick(lambda x: np.shape(x) == np.shape(self.first), again=True)
        elif slot == "E":
            return self.expression(2)
        else:
            found = self.option(slot)
        self[slot] = found
        return found

    def pick(self, suits: Callable[[Any], bool], again: bool = False) -> str:
        """The name of a value; the last ones come first, so that programs become chains when they shrink."""
        names = [name for name, value in reversed(self.values.items()) if suits(value)]
        if not names:
            raise LookupError
        name: str = self.draw(st.sampled_from(names))
        if not again:
            self.first = self.values[name]
        return name

    def expression(self, depth: int) -> str:
        choices = operations.EXPRESSIONS if depth else ("u", "{s}")
        text: str = self.draw(st.sampled_from(choices))
        while "{E}" in text:
            text = text.replace("{E}", self.expression(depth - 1), 1)
        return text.format_map(self)

    def option(self, slot: str) -> str:
        draw, ndim = self.draw, np.ndim(self.first) if self.first is not None else 1
        shape = np.shape(self.first) if self.first is not None else (3,)
        axes = ["-1", *map(str, range(max(ndim, 1)))]
        if slot == "axes":
            return draw(st.sampled_from(["None", *axes, "()", *(["(0, -1)", "(1, 0)"] if ndim > 1 else [])]))
        if slot == "permutation":
            return str(tuple(draw(st.permutations(range(ndim)))))
        if slot == "basic":
            pieces = ["0", "1:", "::2", "::-1", "-1", "...", ":", "None", ":-1", "1", "5:"]
            return ", ".join(draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=max(ndim, 1))))
        if slot == "index":
            last = shape[0] - 1 if shape else 0
            pieces = [
                "0",
                "1:",
                "[0, 0]",
                "[-1, 0]",
                "::-1",
                "...",
                f"np.array([{last}, 0])",
                "-1",
                "[True] + [False] * " + str(last),
            ]
            pieces += (
                ["0, ::2", ":, [0, 0]", "[0, -1], [0, 0]", "..., 0", "None, 0", "[[0], [-1]], [0, 0]"]
                if ndim > 1
                else []
            )
            return draw(st.sampled_from(pieces))
        table: dict[str, Sequence[str]] = {
            "axis": axes,
            "keep": ("False", "True"),
            "order": ("'C'", "'F'", "'A'", "'K'"),
            "c": CONSTANTS,
            "n": ("2", "1", "0", "3"),
            "k": ("0", "1", "2"),
            "norm": ("2", "1", "np.inf", "-np.inf", "3", "0", "2.5"),
            "matrix_norm": ("'fro'", "'nuc'", "2", "1", "np.inf", "-1", "-2"),
            "mode": ("'edge'", "'reflect'", "'symmetric'", "'wrap'", "'linear_ramp'", "'mean'", "'maximum'"),
            "new": [name for name in "abcdefghijk" if name not in self.values][:1],
        }
        return draw(st.sampled_from(table[slot]))


def fits(first: Any, x: Any) -> bool:
    try:
        np.broadcast_shapes(np.shape(first), np.shape(x))
    except ValueError:
        return False
    return True


def moderate(value: Any, kind: str) -> bool:
    """Whether a value may be used further on: numbers, not too many and not too large."""
    value = np.asarray(value)
    if value.dtype.kind not in "fc" or value.size > LARGEST or value.ndim > 4:
        return False
    return kind == "special" or not value.size or bool(np.max(np.abs(value)) < LARGE)


class Drawing:
    """A program while it is drawn: its lines, and the values that NumPy has after them."""

    def __init__(self, program: Program) -> None:
        self.program, self.lines, self.templates = program, list[str](), set[str]()
        self.restart()

    def restart(self) -> None:
        """Run all lines so far: after a line that failed half-way."""
        self.scope: dict[str, Any] = dict(_NAMES)
        names = replace(self.program, body=("return x",)).module()
        self.scope.update({name: names[name] for name in ("C", "N", "M")})
        self.values: dict[str, Any] = {"x": names["x"]()}
        self.start = np.asarray(self.values["x"]).tobytes()
        for line in self.lines:
            self.run(line)

    def run(self, line: str) -> None:
        self.scope.update(self.values)
        states = {"over": "raise", "invalid": "raise", "divide": "raise"}
        if self.program.kind == "special":
            states = dict.fromkeys(states, "ignore")
        with np.errstate(**states), warnings.catch_warnings():  # type: ignore[arg-type]
            warnings.simplefilter("error" if self.program.kind != "special" else "ignore")
            exec(line, self.scope)
        made = {name: self.scope[name] for name in "abcdefghijk" if name in self.scope}
        self.values = {"x": self.scope["x"], **made}
        if not all(moderate(value, self.program.kind) for value in self.values.values()):
            raise ArithmeticError
        x = self.values["x"]  # `ufunc.at` of NumPy writes into arrays that are read-only
        if isinstance(x, np.ndarray) and not x.flags.writeable and x.tobytes() != self.start:
            raise ArithmeticError

    def take(self, line: str) -> bool:
        """Whether the line could be added."""
        try:
            self.run(line)
        except Exception:
            self.restart()
            return False
        self.lines.append(line)
        return True


@st.composite
def points(draw: Callable[[Any], Any], kinds: Sequence[str] = KINDS) -> Program:
    """A program without lines: the point in a layout and dtype, and a direction."""
    kind = draw(st.sampled_from(kinds))
    shape = draw(st.sampled_from(SHAPES))
    size = int(np.prod(shape))
    dtype = {"float32": "np.float32", "complex": "complex"}.get(kind, "float")
    numbers = list(draw(st.permutations(NUMBERS)))[:size]
    slopes = (
        list(SLOPES[:size])
        if size < 2 or kind in ("special", "ties") or draw(st.booleans())
        else [0.0] * (size - 1) + [1.0]
    )
    if kind == "special":
        numbers = [draw(st.sampled_from(SPECIAL)) for _ in range(size)]
    elif kind == "ties":
        numbers = [draw(st.sampled_from(TIES)) for _ in range(size)]
    elif kind == "complex":
        numbers = [f"{a}{b:+}j" for a, b in zip(numbers, IMAGINARY)]
        slopes = [f"{a}{b:+}j" for a, b in zip(slopes, SLOPES[3:] + SLOPES[:3])]
    layouts = ["as it is"]
    if shape:
        layouts += ["Fortran", "every other", "backwards", "transposed", "read-only", *(["broadcast"] if size else [])]
    else:
        layouts += ["a number", *(["a Python number"] if kind in ("float64", "special") else [])]
    layout = LAYOUTS[draw(st.sampled_from(layouts))]
    constants = np.resize([0.25, -1.5, 0.6, 1.25], shape).tolist()
    needs = (
        f"C = np.array({constants})\nN = np.arange({size}).reshape({shape})\n"
        f"M = N % 2 == 0  # constants that lines may use"
    )
    return Program(kind, written(numbers, shape, dtype), written(slopes, shape, dtype), layout, (), needs)


def written(numbers: list[Any], shape: tuple[int, ...], dtype: str) -> str:
    """An array as a text."""
    entries = ", ".join(map(str, numbers))
    if shape == ():
        return f"np.array({entries}, {dtype})"
    return f"np.array([{entries}], {dtype})" + (f".reshape{shape}" if len(shape) > 1 else "")


#: The groups of lines, and how often each is drawn from.
GROUPS = (
    [operations.UNARY] * 4 + [operations.BINARY] * 4 + [operations.REDUCTIONS] * 3 + [operations.SHAPES] * 3
    + [operations.VIEWS] * 3 + [operations.WRITES] * 5 + [operations.NESTED] * 2 + [operations.LINALG, operations.FFT]
    + [operations.BLOCKS] * 2
)  # fmt: skip


@st.composite
def programs(draw: Callable[[Any], Any], kinds: Sequence[str] = KINDS, most: int = 7) -> Program:
    """A program of up to `most` lines and a return."""
    start = draw(points(kinds))
    drawing = Drawing(start)
    for _ in range(draw(st.integers(1, most))):
        group = draw(st.sampled_from(GROUPS))
        if group is operations.LINALG and (start.kind in ("special", "ties") or "broadcast" in start.layout):
            continue  # LAPACK prints its complaints about NaN; a matrix of equal rows has no second derivatives of its SVD
        template = draw(st.sampled_from(group))
        if "float32" in template and "item" in start.layout:
            continue  # a float of Python is differentiated as one of float64, which is not weak
        slots = Slots(draw, drawing.values)
        try:
            line = template.format_map(slots)
        except LookupError:
            continue
        if group not in (operations.WRITES, operations.BLOCKS):
            line = f"{draw_name(draw, drawing)} = {line}"
        if drawing.take(line):
            drawing.templates.add(template)
    last = next(reversed(drawing.values))
    if len(drawing.values) > 1 and draw(st.booleans()):
        other = draw(st.sampled_from([name for name in drawing.values if name != last]))
        last = f"np.concatenate([np.ravel({last}), np.ravel({other})])"
    if not drawing.lines:
        reject()
    return replace(start, body=(*drawing.lines, f"return {last}"), templates=frozenset(drawing.templates))


def draw_name(draw: Callable[[Any], Any], drawing: Drawing) -> str:
    """A new name, or now and then one that is taken."""
    taken = [name for name in drawing.values if name != "x"]
    if taken and draw(st.integers(0, 6)) == 6:
        return str(draw(st.sampled_from(taken)))
    return next(name for name in "abcdefghijk" if name not in drawing.values)
