"""`source`: a traced computation as a module that a person can read, and that runs with NumPy alone."""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.compiler.algebra import simplified
from minigrad.compiler.layout import WIDTH, broken
from minigrad.compiler.naming import Names, input_names, name_by_function, own_names
from minigrad.compiler.passes import optimised, without_dead_code
from minigrad.compiler.render import ATOM, HELPERS, SCATTER, Renderer, Text, UnnameableError, path_of, quoted, unit_axes
from minigrad.compiler.stage import PLAIN_ORIGIN, Origin, Program, Step, Var, has_shape, is_true, made_by, reads
from minigrad.compiler.traced import Traced
from minigrad.compiler.watch import Watched
from minigrad.core import duck_arrays as duck
from minigrad.core.fingerprint import fingerprint
from minigrad.core.lines import located
from minigrad.core.nested import mapped
from minigrad.core.tree import LEAF, TreeDef
from minigrad.rules import moving

LITERAL = 9  # entries up to which an array is written out


def content_of(array: Any) -> Any:
    """What two arrays have in common that are equal bit by bit."""
    return array.shape, array.dtype.str, fingerprint(np.ascontiguousarray(array))


class Source(str):
    """The text of a module. `name` is its function; `constants` are the captured arrays that are its last arguments."""

    name: str
    constants: dict[str, Any]

    def function(self) -> Callable[..., Any]:
        """The function of this text, made in a namespace of its own, with the captured arrays filled in."""
        namespace: dict[str, Any] = {}
        exec(self, namespace)
        return lambda *args: namespace[self.name](*args, **self.constants)


# ----- constants that are the user's ----------------------------------------------------------------------------------


def recognised(program: Program, watched: Watched) -> Program:
    """Constants that the engine made of a captured array are written as what they are: -Y, x.T."""
    made: dict[int, Any] = {}
    steps: list[Step] = []
    count = 1 + max([var.index for step in program.steps for var in made_by(step)], default=0)
    count += 1 + max([var.index for var in program.inputs], default=0)
    known = {id(array) for array, _, _ in watched.arrays}
    like: dict[Any, tuple[Any, Any]] = {}  # captured arrays and what the engine makes of them, by content
    for array, _, _ in watched.arrays:
        if array.size > LITERAL:
            like.setdefault(content_of(array), (array, None))
            if array.dtype.kind in "iufc":
                like.setdefault(content_of(-array), (array, operator.neg))
            like.setdefault(content_of(array.T), (array, np.transpose))

    def known_as(value: Any) -> Any:
        nonlocal count
        if not isinstance(value, np.ndarray) or value.size <= LITERAL or id(value) in known:
            return value
        if id(value) not in made:
            array, function = like.get(content_of(value), (value, None))
            made[id(value)] = array
            if function is not None:
                var = made[id(value)] = Var(count, value)
                args = (array,) if function is operator.neg else (array, tuple(range(array.ndim))[::-1])
                steps.append(Step(var, function, args, {}, False, origin))
                count += 1
        return made[id(value)]

    for step in program.steps:
        origin = step.origin
        args = tuple([mapped(known_as, arg) for arg in step.args])
        steps.append(step._replace(args=args))
    return simplified(program._replace(steps=steps))


# ----- writing --------------------------------------------------------------------------------------------------------


class ReadableRenderer(Renderer):
    """Expressions for people."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        super().__init__(writer.text_of, writer.constant)

    def function(self, function: Any) -> str:
        """The name of a function; functions of the engine that write into arrays are printed above."""
        helper = HELPERS.get(function)
        if helper is not None:
            if helper not in self.writer.helpers:
                self.writer.helpers.append(helper)
            return helper.split("(")[0].removeprefix("def ")
        try:
            name = path_of(function)
        except UnnameableError as error:
            raise TypeError(
                located(f"source: {error}, so a text that runs with NumPy alone cannot call it; minigrad.compile can")
            ) from None
        if name.startswith("scipy"):
            self.writer.imports.add("import scipy.special")
        return name

    def step(self, step: Step) -> Text:
        """The right-hand side, with powers of simple operands written closely."""
        if step.function is duck.reshape and not step.kwargs and type(step.args[0]) is Var:
            unit = unit_axes(step.args[0].shape, step.args[1])
            if unit is not None and step.out.shape:
                return f"{self.value(step.args[0], ATOM)}[{unit}]", ATOM
        if step.function is duck.reshape and len(step.out.shape) == 1 and not step.kwargs:
            return f"{self.value(step.args[0], ATOM)}.reshape({step.out.shape[0]})", ATOM
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

    def __init__(self, traced: Traced, program: Program, name: str, parameters: Sequence[str]) -> None:
        self.traced, self.program, self.name, self.parameters = traced, program, name, list(parameters)
        self.helpers: list[str] = []
        self.imports: set[str] = set()
        self.constants: dict[str, Any] = {}
        self.beside_float64 = False  #: whether a float64 may be written as a float of Python in this step
        self.literals: dict[str, str] = {}  #: arrays that are written out, above the steps
        self.constant_names: dict[int, str] = {}
        self.inline: dict[int, Text] = {}
        self.captured: dict[Any, Any] = {}  #: captured arrays by `id`, and the first of equal ones by content
        for array, _, _ in traced.watched.arrays:
            self.captured[id(array)] = array
            self.captured.setdefault(content_of(array), array)
        self.renderer = ReadableRenderer(self)
        self.uses: dict[int, int] = {}
        for step in program.steps:
            for var in reads(step):
                self.uses[var.index] = self.uses.get(var.index, 0) + 1
        for output in program.outputs:
            if type(output) is Var:
                self.uses[output.index] = self.uses.get(output.index, 0) + 2
        inputs, self.parts = input_names(traced, parameters)
        self.names = dict(inputs)
        self._name_values(inputs)

    def _name_values(self, inputs: dict[int, str]) -> None:
        program = self.program
        wanted = own_names(self.traced.program)
        primal: dict[int, str] = {}
        for step in program.steps:
            for var in made_by(step):
                if step.origin.phase != "primal":
                    continue
                if var.index in wanted:
                    primal[var.index] = wanted[var.index]
                elif self.uses.get(var.index, 0) > 1 or type(step.out) is tuple:
                    primal[var.index] = name_by_function(step)
        self.given = Names({*self.parameters, *inputs.values(), self.name, "scatter", "scatter_add", "scipy"})
        self.names |= self.given.numbered(primal)
        last = {
            (step.origin.owner, step.origin.phase): step.out.index
            for step in program.steps
            if step.origin.phase != "primal" and step.origin.owner in self.names and type(step.out) is Var
        }
        suffix = {"pullback": "_bar", "pushforward": "_dot", "series": "_series"}
        swept: dict[int, str] = {index: self.names[owner] + suffix[phase] for (owner, phase), index in last.items()}
        for step in program.steps:
            for var in made_by(step):
                if step.origin.phase != "primal" and var.index not in swept:
                    if self.uses.get(var.index, 0) > 1 or type(step.out) is tuple:
                        swept[var.index] = name_by_function(step)
        ordered = {var.index: swept[var.index] for step in program.steps for var in made_by(step) if var.index in swept}
        self.names |= self.given.numbered(ordered)

    def text_of(self, var: Var) -> Text:
        """A variable: its name, or the expression that is written in its place."""
        if var.index in self.inline:
            return self.inline[var.index]
        return self.names[var.index], ATOM

    def constant(self, value: Any) -> Text:
        """A constant: a literal, or a name for a captured array."""
        if isinstance(value, np.ndarray):
            value = self.same_captured(value)
            literal = literal_of(value)
            if literal is not None and len(literal) <= 24:
                return literal, ATOM
            if literal is not None and len(literal) <= WIDTH - 20:
                name = self.constant_names.get(id(value))
                if name is None:
                    name = self.constant_names[id(value)] = self.given.fresh("c")
                    self.literals[name] = literal
                return name, ATOM
            name = self.constant_names.get(id(value))
            if name is None:
                wanted = self.traced.watched.names.get(id(value)) or self.program.names.get(-id(value)) or "constant"
                wanted = re.sub(r"\W", "_", wanted)
                name = self.constant_names[id(value)] = self.given.fresh(wanted)
                self.constants[name] = value
            return name, ATOM
        if isinstance(value, np.generic):
            number = value.item()
            if type(value) is np.float64 and math.isfinite(number) and self.beside_float64:
                return repr(number), 8 if repr(number)[0] == "-" else ATOM
            return f"{path_of(type(value))}({_number(number)})", ATOM
        if isinstance(value, (float, complex)):
            return _number(value), ATOM
        return self.renderer.function(value), ATOM

    def same_captured(self, array: Any) -> Any:
        """The captured array that this is a copy of, or the array itself."""
        return self.captured.get(content_of(array), array) if id(array) not in self.captured else array

    def statements(self) -> list[str]:
        """The lines of the body."""
        lines: list[str] = []
        block: Any = None
        steps = self.program.steps
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
                self.names[step.out.index] = self.given.fresh(name_by_function(step))
            heading = _heading(step.origin) if step.origin.line is not None else block
            if heading != block:
                block = heading
                if heading:
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
        self.names[var.index] = self.given.fresh(name)
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
        comment = f"  # {shapes}"
        if len(line) + len(comment) <= width:
            return [*before, line + comment]
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
            if moving.is_basic(index):
                lines.append(f"{left}[{self.renderer.index(index)}] += {text}")
            else:
                lines.append(f"np.add.at({left}, {self.renderer.value(index)}, {text})")
        return lines

    def _guard(self, step: Step) -> list[str]:
        var, expected = step.args
        name = self.renderer.value(var, 1 if step.function is is_true else ATOM)
        if step.function is is_true:
            wrong = f"not {name}" if expected else name
        elif step.function is has_shape:
            wrong = f"{name}.shape != {expected}"
        else:
            wrong = f"{name} != {self.renderer.value(expected)}"
        return [f"if {wrong}:", '    raise ValueError("this program was written for another branch")']


def literal_of(array: Any) -> str | None:
    """A small array, or one of equal entries, as an expression."""
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype.name}"
    if array.dtype.kind not in "fiub" or not np.all(np.isfinite(array)):
        return None
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
    default = np.array(array.tolist()).dtype == array.dtype
    return f"np.array({array.tolist()!r}{'' if default else dtype})"


def _number(value: Any) -> str:
    """A number as an expression, NaN and infinities included."""
    if isinstance(value, complex):
        return f"complex({_number(value.real)}, {_number(value.imag)})"
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if value != value else "np.inf" if value > 0 else "(-np.inf)"
    return repr(value)


def _heading(origin: Origin) -> str:
    text = origin.line.text() if origin.line is not None else ""
    if not text:
        return f"# {origin.phase}"
    text = text if len(text) < WIDTH - 24 else text[: WIDTH - 28].rstrip() + " ..."
    return f"# {origin.phase}{'' if origin.phase == 'primal' else ' of'}: {text}"


def written_tree(outdef: TreeDef, parts: Any) -> str:
    """The expression of the result; of containers other than tuples, lists and dicts, a tuple of their parts."""
    if outdef is LEAF:
        return str(next(parts))
    if outdef.example is None:
        return "None"
    inside = [written_tree(child, parts) for child in outdef.children]
    kind = type(outdef.example)
    if kind is list:
        return f"[{', '.join(inside)}]"
    if kind is dict:
        keys = [quoted(key) if isinstance(key, str) else repr(key) for key in outdef.example]
        return f"{{{', '.join(f'{key}: {part}' for key, part in zip(keys, inside))}}}"
    return f"({', '.join(inside)}{',' if len(inside) == 1 else ''})"


# ----- what users call ------------------------------------------------------------------------------------------------


def parameters_of(fun: Any, count: int) -> list[str]:
    """The names of the positional arguments, those of the function that was differentiated."""
    while hasattr(fun, "__wrapped__"):
        fun = fun.__wrapped__
    code = getattr(fun, "__code__", None)
    names = list(code.co_varnames[hasattr(fun, "__self__") : code.co_argcount]) if code is not None else []
    return names[:count] + [f"arg{i}" for i in range(len(names), count)]


def module(traced: Traced, program: Program, fun: Any, args: Sequence[Any], kwargs: Any) -> Source:
    """The text of a program."""
    name = re.sub(r"\W+", "_", getattr(fun, "__name__", type(fun).__name__)).strip("_") or "function"
    name = name.replace("_lambda", "").replace("lambda", "function") or "function"
    if keyword.iskeyword(name):
        name += "_"
    parameters = parameters_of(fun, len(args)) + list(kwargs)
    program = without_dead_code(recognised(program, traced.watched))
    writer = Writer(traced, program, name, parameters)
    body = writer.statements()
    results = iter([writer.renderer.value(output) for output in program.outputs])
    result = written_tree(traced.outdef, results)
    unpacked = unpacking(writer.parts, [*body, result])
    text = ["import numpy as np", *sorted(writer.imports), ""]
    for helper in writer.helpers:
        text += ["", helper.rstrip(), ""]
    text += ["", *_definition(name, [*parameters, *writer.constants])]
    made = [line for name, text in writer.literals.items() for line in broken(f"{name} = {text}", WIDTH - 4)]
    lines = [*unpacked, *made, *body]
    while lines and not lines[0]:
        lines.pop(0)
    lines += ([""] if body else []) + returned(result, traced.outdef)
    text += [f"    {line}" if line else "" for line in lines]
    found = Source("\n".join(text) + "\n")
    found.name, found.constants = name, writer.constants
    return found


def unpacking(parts: Sequence[tuple[str, str]], lines: Sequence[str]) -> list[str]:
    """The lines that take the parts of arguments out of them; those of one list or tuple share a line."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for name, path in parts:
        holder, _, key = path.rpartition("[")
        grouped.setdefault(holder if key[:-1].isdigit() else path, []).append((name, path))
    found: list[str] = []
    used = {word for line in lines if not line.startswith("#") for word in re.findall(r"\w+", line.split("  #")[0])}
    for group in grouped.values():
        group = [(name, path) for name, path in group if name in used]
        if not group:
            continue
        left, right = ", ".join(name for name, _ in group), ", ".join(path for _, path in group)
        found.append(f"{left} = {right}" if len(right) + len(left) < WIDTH - 8 else "")
        if not found[-1]:
            found[-1:] = [f"{name} = {path}" for name, path in group]
    return [re.sub(r"\['([^'\"]*)'\]", r'["\1"]', line) for line in found]


def returned(result: str, outdef: TreeDef) -> list[str]:
    """The last statement; a tuple is written without its parentheses where it fits in a line."""
    bare = type(ast.parse(result, mode="eval").body) is ast.Tuple and len(outdef.children) > 1
    line = f"return {result[1:-1] if bare else result}"
    return [line] if len(line) <= WIDTH - 4 else broken(f"return {result}", WIDTH - 4)


def _definition(name: str, parameters: Sequence[str]) -> list[str]:
    line = f"def {name}({', '.join(parameters)}):"
    if len(line) <= WIDTH:
        return [line]
    inner = f"    {', '.join(parameters)}"
    if len(inner) <= WIDTH:
        return [f"def {name}(", inner, "):"]
    return [f"def {name}(", *[f"    {parameter}," for parameter in parameters], "):"]


def source(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Source:
    """What `fun(*args)` computes, derivatives included, as a module that reads like a derivation by hand.

    Args:
        fun: a function as for `compile`, often a derivative such as `grad(f)`.
        *args: its arguments. They fix the shapes, and the branch taken at each `if` that depends on numbers.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        The text of a Python module, a `str`. It needs NumPy alone, is formatted as ruff formats, and computes the same
        bits. A value has the name of the user's variable, where a line assigns to one; the cotangent of `z` is `z_bar`;
        every block is headed by the user's line. The function has the arguments of `fun`, then the captured arrays.
        `.constants` holds these arrays by name, `.name` is the name of the function, and `.function()` is the function
        itself, with the captured arrays filled in.

    Raises:
        CannotCompileError: as `compile`.
        TypeError: for an operation that is not NumPy's own.

    >>> from minigrad import grad, source
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(x @ w))
    >>> print(source(grad(loss), np.ones(2), np.ones((3, 2))))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def grad_loss(w, x):
        # primal: return np.sum(np.tanh(x @ w))
        u = np.tanh(x @ w)  # (3,)
    <BLANKLINE>
        # pullback of: return np.sum(np.tanh(x @ w))
        w_bar = x.T @ (1.0 - u * u)  # (2,)
    <BLANKLINE>
        return w_bar
    <BLANKLINE>
    """
    pass

    traced = Traced(fun, args, kwargs, keeps_lines=True)
    return module(traced, optimised(traced.program), fun, args, kwargs)
