"""Writes a program as the body of one function: statements under headings, with names, for people."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.answers import gives, has_dtype, has_entries, has_shape, has_strides, is_true
from minigrad.compiler.layout import WIDTH, broken, comment
from minigrad.compiler.naming import Names, Ways, input_names, name_by_function, own_names
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.readable import LITERAL, is_factor, needed_for_results, plainer, recognised, uses_of
from minigrad.compiler.render import (
    ATOM,
    HELPERS,
    SCATTER,
    Renderer,
    Text,
    UnnameableError,
    name_of_helper,
    path_of,
    unit_axes,
)  # fmt: skip
from minigrad.compiler.traced import Traced
from minigrad.core import duck_arrays as duck
from minigrad.core.lines import located
from minigrad.core.origins import PLAIN_ORIGIN, Origin
from minigrad.core.tree import LEAF, TreeDef
from minigrad.rules import moving

_VIEWS = {operator.getitem, np.transpose, duck.reshape}
_SUFFIXES = {"pullback": "_bar", "pushforward": "_dot", "series": "_series"}


class ReadableRenderer(Renderer):
    """Expressions for people."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        super().__init__(writer.text_of, writer.constant)

    def function(self, function: Any) -> str:
        """The name of a function; functions of the engine that write into arrays are printed above."""
        helper = HELPERS.get(function)
        if helper is not None:
            self.writer.helpers[name_of_helper(helper)] = helper
            return name_of_helper(helper)
        try:
            name = path_of(function)
        except UnnameableError as error:
            raise TypeError(
                located(f"source: {error}, so a text that runs with NumPy alone cannot call it; minigrad.compile can")
            ) from None
        return name

    def step(self, step: Step) -> Text:
        """The right-hand side, with powers of simple operands written closely."""
        if step.function is duck.reshape and not step.kwargs and step.out.shape:
            unit = unit_axes(step.args[0].shape, step.args[1])
            if unit is not None:
                return f"{self.value(step.args[0], ATOM)}[{unit}]", ATOM
            if len(step.out.shape) == 1:
                return f"{self.value(step.args[0], ATOM)}.reshape({step.out.shape[0]})", ATOM
        if step.function is np.repeat and len(step.args) == 3 and np.size(step.args[1]) == 1:
            x, repeats, axis = step.args
            axis = {} if axis is None else {"axis": axis}
            return self.call("np.repeat", (x, int(np.reshape(repeats, ()))), axis)
        self.writer.beside_float64 = any(var.dtype == np.float64 and var.kind != "python" for var in reads(step))
        text, binds = super().step(step)
        self.writer.beside_float64 = False
        if step.function is operator.pow:
            left, _, right = text.partition(" ** ")
            if re.fullmatch(r"-?[\w.]+", left) and re.fullmatch(r"-?[\w.]+", right):
                return f"{left}**{right}", binds
        return text, binds


class Writer:
    """Writes one function."""

    count = 0  #: of loops

    def __init__(self, traced: Traced, program: Program, parameters: Sequence[str], names: Names) -> None:
        self.names_taken = names
        self.helpers: dict[str, str] = {}
        self.converted: list[str] = []  #: the lines that convert arguments
        self.constants: dict[str, Any] = {}  #: what the text is given besides the arguments
        self.beside_float64 = False  #: whether a float64 may be written as a float of Python in this step
        self.literals: dict[str, str] = {}  #: arrays that are written out, above the steps
        self.constant_names: dict[int, str] = {}
        self.inline: dict[int, Text] = {}
        self.renderer = ReadableRenderer(self)
        self.ways = Ways(self.given)
        inputs, self.parts = input_names(traced, parameters, names, self.ways)
        self.program, self.array_names = recognised(program, traced.watched)
        self.program = self.prepared(plainer(self.program))
        self.uses = uses_of(self.program)
        self.names = dict(inputs)
        self._name_values(own_names(traced.program))

    def prepared(self, program: Program) -> Program:
        """The program that is written."""
        return program

    def _name_values(self, wanted: dict[int, str]) -> None:
        program = self.program
        primal: dict[int, str] = {}
        for step in program.steps:
            of_constants = step.out is not None and not reads(step)
            for var in made_by(step):
                if self._takes_name_of_input(step):
                    self.names[var.index] = self.names[step.args[0].index]
                elif of_constants and step.function in _VIEWS:
                    continue  # such as x.T, wherever it is read
                elif step.origin.phase == "primal" and var.index in wanted:
                    primal[var.index] = wanted[var.index]
                elif (step.origin.phase == "primal" or of_constants) and self._needs_name(step, var):
                    primal[var.index] = "c" if of_constants else name_by_function(step)
        self.names |= self.names_taken.several(primal)
        needed = needed_for_results(program)
        last = {
            (step.origin.owner, step.origin.phase): step.out.index
            for step in program.steps
            if step.origin.phase != "primal" and step.origin.owner in self.names
            if type(step.out) is Var and step.out.index in needed
        }
        swept = {index: self.names[owner] + _SUFFIXES[phase] for (owner, phase), index in last.items()}
        ordered: dict[int, str] = {}
        for step in program.steps:
            for var in made_by(step):
                if step.origin.phase == "primal" or var.index in self.names:
                    continue
                if var.index in swept:
                    ordered[var.index] = swept[var.index]
                elif self._needs_name(step, var) and (reads(step) or step.function not in _VIEWS):
                    ordered[var.index] = name_by_function(step)
        self.names |= self.names_taken.several(ordered)

    def _needs_name(self, step: Step, var: Var) -> bool:
        return self.uses.get(var.index, 0) > 1 or type(step.out) is tuple

    def _takes_name_of_input(self, step: Step) -> bool:
        """Whether a step but converts an argument, which is read nowhere else: to a number of NumPy."""
        return (
            step.function in (np.float64, np.complex128)
            and type(step.args[0]) is Var
            and step.args[0].kind == "python"
            and self.uses.get(step.args[0].index) == 1
            and any(step.args[0] is var for var in self.program.inputs)
        )

    def given(self, wanted: str, value: Any) -> str:
        """A name under which the text is given a value as an argument."""
        name = self.constant_names.get(id(value))
        if name is None:
            name = self.constant_names[id(value)] = self.names_taken.new(wanted)
            self.constants[name] = value
        return name

    def text_of(self, var: Var) -> Text:
        """A variable: its name, or the expression that is written in its place."""
        if var.index in self.inline:
            return self.inline[var.index]
        return self.names[var.index], ATOM

    def constant(self, value: Any) -> Text:
        """A constant: a literal, or a name for a captured array."""
        if isinstance(value, np.ndarray):
            wanted = self.array_names.get(id(value))
            literal = literal_of(value)
            if literal is None and not wanted:
                literal = _pattern_of(value)
            if literal is None or len(literal) > WIDTH - 20:
                return self.given(wanted or "constant", value), ATOM
            if len(literal) <= 24:
                return literal, ATOM
            name = self.constant_names.get(id(value))
            if name is None:
                name = self.constant_names[id(value)] = self.names_taken.new(wanted or "c")
                self.literals[name] = literal
            return name, ATOM
        if isinstance(value, np.generic):
            number = value.item()
            if type(value) is np.float64 and math.isfinite(number) and self.beside_float64:
                return repr(number), 8 if repr(number)[0] == "-" else ATOM
            if type(number) in (bool, int, float, complex):
                return f"{path_of(type(value))}({_number(number)})", ATOM
        if type(value) in (float, complex):
            return _number(value), ATOM
        if isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
            return self.given("constant", value), ATOM  # of a type that only its own program knows
        return self.renderer.function(value), ATOM

    def statements(self) -> list[str]:
        """The lines of the body."""
        return self.lines_of(self.program.steps)

    def result(self, outdef: TreeDef) -> str:
        """The expression of the result."""
        return written_tree(outdef, iter([self.renderer.value(output) for output in self.program.outputs]), self.ways)

    def lines_of(self, steps: Sequence[Step]) -> list[str]:
        """The lines of some steps; what others read of them gets a name."""
        lines: list[str] = []
        block: Any = None
        run = -1
        reader = {var.index: step for step in reversed(steps) for var in reads(step)}
        quiet = False
        for step in steps:
            if type(step.out) is Var and step.out.index not in self.names:
                later = reader.get(step.out.index)
                text = self.renderer.step(step)
                fits = len(text[0]) <= WIDTH - 30
                if later is not None and later.quiet == step.quiet and fits:
                    self.inline[step.out.index] = text
                    continue
                self.names[step.out.index] = self.names_taken.new(name_by_function(step))
            if self._takes_name_of_input(step):
                self.converted.append(f"{self.names[step.out.index]} = {self.renderer.step(step)[0]}")
                continue
            heading = heading_of(step.origin, block)
            is_next_pass = (
                step.origin.statement is not None and bool(step.origin.statement.text) and step.origin.run != run
            )
            if heading != block or is_next_pass:
                block, run = heading, step.origin.run
                lines += ["", heading]
            indent = ""
            if step.quiet:
                if not quiet:
                    lines.append('with np.errstate(divide="ignore", invalid="ignore"):')
                indent = "    "
            quiet = step.quiet
            lines += [indent + line for line in self._statement(step, WIDTH - 4 - len(indent))]
        return lines

    def _named(self, var: Var, width: int) -> list[str]:
        """Give a value that was to be written within an expression a line of its own after all."""
        text = self.inline.pop(var.index)[0]
        name = "u" if self.program.origins.get(var.index, PLAIN_ORIGIN).phase == "primal" else "g"
        self.names[var.index] = self.names_taken.new(name)
        return broken(f"{self.names[var.index]} = {text}", width)

    def _statement(self, step: Step, width: int) -> list[str]:
        before: list[str] = []
        if step.out is None:
            return self._guard(step)
        made = made_by(step)
        left = ", ".join(self.names[var.index] for var in made)
        if type(step.out) is tuple and len(made) == 1:
            left = f"({left},)"
        if step.function is SCATTER:
            return self._scattered(left, step, width)
        right = self.renderer.step(step)[0]
        line = f"{left} = {right}"
        while len(line) > width:
            longest = max(
                [var for var in reads(step) if var.index in self.inline],
                key=lambda var: len(self.inline[var.index][0]),
                default=None,
            )
            if longest is None or len(self.inline[longest.index][0]) < 12:
                break
            before += self._named(longest, width)
            right = self.renderer.step(step)[0]
            line = f"{left} = {right}"
        shapes = ", ".join(str(tuple(var.shape)) if var.shape else "scalar" for var in made)
        shapes = f"  # {shapes}"
        if len(line) + len(shapes) <= width:
            return [*before, line + shapes]
        return [*before, *broken(line, width)]

    def _scattered(self, left: str, step: Step, width: int) -> list[str]:
        """Zeros, and one line for each part that is added."""
        shape = step.kwargs["shape"]
        lines = [f"{left} = np.zeros({self.renderer.value(shape[0] if len(shape) == 1 else shape)})"]
        dtype = step.kwargs["dtype"]
        if dtype != np.float64:
            lines[0] = f"{lines[0][:-1]}, {self.renderer.value(dtype)})"
        lines[0] += f"  # {shape}"
        for part, index in zip(step.args, step.kwargs["indices"]):
            text = self.renderer.value(part)
            if not moving.is_basic(index):
                lines += broken(f"np.add.at({left}, {self.renderer.value(index)}, {text})", width)
            else:
                sign, text = self._signed(part, text)
                lines += broken(f"{left}[{self.renderer.index(index)}] {sign}= {text}", width)
        return lines

    def _signed(self, part: Any, text: str) -> tuple[str, str]:
        """The sign with which a part is added, and the text of what follows it."""
        step = self.made.get(part.index) if type(part) is Var and part.index in self.inline else None
        if step is not None and step.function is operator.neg:
            return "-", self.renderer.value(step.args[0])
        while step is not None and step.function in (operator.mul, operator.truediv):
            first = step.args[0]
            if is_factor(first):
                return ("-", text[1:]) if first < 0 else ("+", text)
            step = self.made.get(first.index) if type(first) is Var and first.index in self.inline else None
        return "+", text

    @property
    def made(self) -> dict[int, Step]:
        """The step that makes each value."""
        if self._made is None:
            self._made = {var.index: step for step in self.program.steps for var in made_by(step)}
        return self._made

    _made: dict[int, Step] | None = None

    def _guard(self, step: Step) -> list[str]:
        var, expected = step.args
        name = self.renderer.value(var, 1 if step.function is is_true else ATOM)
        if step.function is is_true:
            wrong = f"not {name}" if expected else name
        elif step.function is has_shape:
            wrong = f"{name}.shape != {self.renderer.value(expected)}"
        elif step.function is has_dtype:
            wrong = f"{name}.dtype != {self.renderer.value(expected)}"
        elif step.function is gives:
            wrong = f"{expected.text.replace('{}', name, 1)} != {expected.answer!r}"
        elif step.function is has_strides:
            wrong = f"{name}.strides != {self.renderer.value(expected)}"
        elif step.function is has_entries:
            wrong = f"not np.array_equal({name}, {self.renderer.value(expected)})"
        else:
            wrong = f"{name} != {self.renderer.value(expected)}"
        return [f"if {wrong}:", '    raise ValueError("this program was written for another branch")']


def written_tree(outdef: TreeDef, parts: Any, ways: Ways) -> str:
    """The expression of the result; of containers other than tuples, lists and dicts, a tuple of their parts."""
    if outdef is LEAF:
        return str(next(parts))
    return container(outdef, [written_tree(child, parts, ways) for child in outdef.children], ways)


def container(outdef: TreeDef, inside: list[str], ways: Ways) -> str:
    """The expression of one container, given those of what is in it."""
    if outdef.example is None:
        return "None"
    kind = type(outdef.example)
    if kind is list:
        return f"[{', '.join(inside)}]"
    if kind is dict:
        keys = [ways.key(key) for key in outdef.example]
        return f"{{{', '.join(f'{key}: {part}' for key, part in zip(keys, inside))}}}"
    return f"({', '.join(inside)}{',' if len(inside) == 1 else ''})"


def literal_of(array: Any) -> str | None:
    """A small array, or one of equal entries, as an expression."""
    if array.dtype.kind not in "fiub" or not array.dtype.isnative or not np.all(np.isfinite(array)):
        return None
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype.name}"
    if array.size and array.dtype.kind == "f":
        shape = array.shape[0] if array.ndim == 1 else array.shape
        first = array.flat[0]
        if np.all(array == first) and (first or not np.any(np.signbit(array))) and array.size > 1:
            kind = {0.0: "zeros", 1.0: "ones"}.get(float(first))
            if kind:
                return f"np.{kind}({shape}{dtype})"
            return f"np.full({shape}, {float(first)!r}{dtype})"
    if array.size > LITERAL:
        return None
    if not array.size:  # a list does not say how often it has nothing
        return f"np.zeros({array.shape}{dtype})"
    default = np.array(array.tolist()).dtype == array.dtype
    return f"np.array({array.tolist()!r}{'' if default else dtype})"


def _pattern_of(array: Any) -> str | None:
    """Counted numbers and the identity."""
    if array.ndim == 1 and array.dtype in (np.float64, np.int64):
        kind = float if array.dtype == np.float64 else int
        first, step = kind(array[0]), kind(array[1] - array[0])
        if step == 1 and np.array_equal(array, np.arange(first, first + array.size)):
            return f"np.arange({f'{first!r}, ' if first else ''}{first + array.size!r})"
    if array.ndim == 2 and array.dtype == np.float64 and array.shape[0] == array.shape[1]:
        if np.array_equal(array, np.eye(len(array))) and not np.any(np.signbit(array)):
            return f"np.eye({len(array)})"
    return None


def _number(value: Any) -> str:
    """A number as an expression, NaN and infinities included."""
    if isinstance(value, complex):
        return f"complex({_number(value.real)}, {_number(value.imag)})"
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if value != value else "np.inf" if value > 0 else "(-np.inf)"
    return repr(value)


_HANDED_OUT = {
    "pullback": "# cotangents of the arguments", "pushforward": "# tangents of the results",
    "series": "# series of the results",
}  # fmt: skip


def heading_of(origin: Origin, block: str | None) -> str:
    """The comment above the steps of one statement, in one phase; `block` is that of the step before."""
    if origin.statement is None:
        if origin.phase == "primal" or (block or "").startswith(f"# {origin.phase}"):
            return block or "# primal"
        return _HANDED_OUT[origin.phase]
    phase = f"{origin.phase}{'' if origin.phase == 'primal' else ' of'}"
    return comment(f"{phase}: {origin.statement.text}" if origin.statement.text else phase, WIDTH - 8)
