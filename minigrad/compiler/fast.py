"""The program as a Python function made for speed: checks of the arguments, guards, steps, fresh results.

The function returns a `Missed` where it does not hold for what it was given: another structure, shape or dtype, a changed
captured value, a branch taken another way. Whoever calls it then looks for, or makes, another one. It raises where NumPy
finds a division by zero or an invalid operation, which the engine has to settle.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import duck
from minigrad.compiler.passes import OPERATORS, reduction
from minigrad.compiler.render import ATOM, BINARY, Renderer, Text
from minigrad.compiler.stage import (
    GUARDS,
    Program,
    Step,
    Var,
    enter_strict,
    has_shape,
    is_equal,
    is_true,
    leave_strict,
    made_by,
    read_by,
)
from minigrad.compiler.watch import Watched
from minigrad.tree import LEAF, TreeDef, _classify, _parts_of


class Missed:
    """Why a compiled function did not answer."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


OTHER_ARGUMENTS = Missed("other arguments")
CHANGED = Missed("a captured value changed")

UFUNC_OF = {op: ufunc for ufunc, op in OPERATORS.items()}


class FastRenderer(Renderer):
    """Names are short, functions are bound before, reductions skip NumPy's wrappers."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.bound: dict[int, tuple[str, Any]] = {}
        self.names: dict[int, str] = {}
        self.inline: dict[int, Text] = {}  #: numbers that are used once, where they are used
        self.numbers: set[int] = set()  #: variables that are numbers of Python here
        self.weak = False  #: whether the step being written may take them as they are
        super().__init__(self.variable, self.constant_text)

    def variable(self, var: Var) -> Text:
        """A variable."""
        if var.index in self.inline:
            return self.inline[var.index]
        name = self.names.get(var.index) or f"v{var.index}"
        if var.kind == "scalar" and var.index in self.numbers and not self.weak:
            return f"float64({name})", ATOM
        return name, ATOM

    def constant_text(self, value: Any) -> Text:
        """A constant that is no literal."""
        if self.weak and type(value) is np.float64 and math.isfinite(value):
            text = repr(float(value))
            return text, 8 if text[0] == "-" else ATOM
        return self.bind(value), ATOM

    def bind(self, value: Any, key: Any = None) -> str:
        """A global name, in the function's own namespace, of a value; `key` stands for one that is made at every look."""
        key = value if key is None else key
        found = self.bound.get(id(key))
        if found is None:
            found = self.bound[id(key)] = f"k{len(self.bound)}", key
            self.namespace[found[0]] = value
        return found[0]

    def function(self, function: Any) -> str:
        """A function, bound."""
        return self.bind(function)

    def reduce(self, step: Step) -> Text:
        """A reduction, called positionally."""
        x, axes, keepdims = step.args
        axis = "None" if len(axes) == len(x.shape) else axes[0] if len(axes) == 1 else axes
        return (
            f"{self.bind(step.function.ufunc.reduce, step.function)}({self.value(x)}, {axis}, None, None, {keepdims})",
            ATOM,
        )


# ----- the checks of arguments ----------------------------------------------------------------------------------------


def written_checks(treedef: TreeDef, leaves: Sequence[Any], inputs: dict[int, Var], fast: FastRenderer) -> list[str]:
    """Lines that take `args` and `kwargs` apart, and return where they do not look as they did."""
    lines: list[str] = []
    miss = f"return {fast.bind(OTHER_ARGUMENTS)}"
    leaf_positions = iter(range(len(leaves)))
    temporaries = iter(range(1 << 30))

    def take_apart(node: TreeDef, name: str) -> None:
        kind, size = type(node.example), len(node.children)
        wrong = [] if name in ("args", "kwargs") else [f"type({name}) is not {fast.bind(kind)}"]
        if isinstance(node.example, (tuple, list, dict)):
            wrong.append(f"len({name}) != {size}")
        lines.append(f"if {' or '.join(wrong)}: {miss}")
        if isinstance(node.example, dict):
            lines.append(f"if tuple({name}) != {fast.bind(tuple(node.example))}: {miss}")
        parts = [f"t{next(temporaries)}" for _ in node.children]
        if parts:
            parts_of = _parts_of.get(kind) or _classify(kind)
            whole = name if parts_of is iter else f"{fast.bind(parts_of)}({name})"
            unpacking = len(lines)
            lines.append("")
            for k, child in enumerate(node.children):
                if child is LEAF:
                    parts[k] = check_leaf(parts[k], next(leaf_positions))
                else:
                    take_apart(child, parts[k])
            lines[unpacking] = f"{', '.join(parts)}{',' if size == 1 else ''} = {whole}"

    def check_leaf(name: str, position: int) -> str:
        leaf, var = leaves[position], inputs.get(position)
        if var is None:
            lines.append(f"if not {fast.bind(is_same)}({name}, {fast.bind(leaf)}): {miss}")
            return name
        name = f"v{var.index}"
        if var.kind == "array":
            wrong = f"type({name}) is not ndarray or {name}.dtype is not {fast.bind(leaf.dtype)}"
            lines.append(f"if {wrong} or {name}.shape != {tuple(var.shape)}: {miss}")
        else:
            lines.append(f"if type({name}) is not {fast.bind(type(leaf))}: {miss}")
        return name

    args, kwargs = treedef.children
    take_apart(args, "args")
    if kwargs.children:
        take_apart(kwargs, "kwargs")
    else:
        lines.append(f"if kwargs: {miss}")
    return lines


def is_same(value: Any, expected: Any) -> bool:
    """Whether a static value is the one that was traced with."""
    return value is expected or (type(value) is type(expected) and bool(value == expected))


# ----- analyses of the program ----------------------------------------------------------------------------------------

_ARITHMETIC = {operator.add, operator.sub, operator.mul, operator.truediv, operator.neg}


LONGEST = 100  # characters of an expression that is written into another


def numbers_of_python(program: Program) -> set[int]:
    """The float64 numbers that arithmetic makes from inputs alone: floats of Python compute them three times faster.

    They have the same bits; division by zero raises, and whoever calls takes care of that.
    """
    found = {var.index for var in program.inputs if var.kind != "array" and var.dtype == np.float64}
    for step in program.steps:
        if type(step.out) is Var and step.out.kind != "array" and step.out.dtype == np.float64:
            is_simple = step.function in _ARITHMETIC or (step.function is np.float64 and not step.kwargs)
            if is_simple and all(_is_number(arg, found) for arg in step.args):
                found.add(step.out.index)
    return found


def _is_number(value: Any, found: set[int]) -> bool:
    if type(value) is Var:
        return value.index in found
    return type(value) in (int, float, np.float64) and abs(value) < 1e300


def takes_weak(step: Step, comparisons: set[int]) -> bool:
    """Whether a step computes the same from a float of Python as from a float64."""
    if step.function in GUARDS:
        return True
    if type(step.out) is not Var:
        return False
    if step.out.index in comparisons:
        return True
    if step.function is np.float64:
        return True
    is_simple = step.function in _ARITHMETIC or (type(step.function) is np.ufunc and step.function.nin == 1)
    return is_simple and step.out.dtype == np.float64 and all(
        (np.dtype(arg.dtype) == np.float64) if hasattr(arg, "dtype") else type(arg) in (float, int) for arg in step.args
    )  # fmt: skip


def roots(program: Program) -> dict[int, int]:
    """For each variable the index of the one whose memory it may look at: its own, unless it may be a view."""
    root = {var.index: var.index for var in program.inputs}
    for step in program.steps:
        for var in made_by(step):
            read = [] if makes_new(step) else [other for other in read_by(step) if other.kind == "array"]
            root[var.index] = (
                root[read[0].index] if len(read) == 1 else -1 if read or not makes_new(step) else var.index
            )
    return root


_NEW = {
    np.where, np.concatenate, np.stack, np.mean, np.var, np.std, np.tensordot, np.dot, np.vdot, np.cumsum, np.cumprod,
    np.tile, np.repeat, np.roll, np.pad, np.tril, np.triu, np.vstack, np.hstack, np.zeros, np.ones,
}  # fmt: skip


def makes_new(step: Step) -> bool:
    """Whether the result is certainly an array of its own."""
    function = step.function
    return (
        type(function) is np.ufunc
        or function in UFUNC_OF
        or (type(function) is reduction and step.args[1] != ())
        or function in _NEW
        or (type(step.out) is Var and step.out.kind != "array")
    )


def reused(program: Program) -> dict[int, Var]:
    """For steps, by position, the operand whose memory the result may take: it is not needed any more.

    It must be an array made by this program, of the shape and dtype of the result, that nothing else looks at.
    """
    root = roots(program)
    made = {var.index for step in program.steps if makes_new(step) for var in made_by(step)}
    last: dict[int, int] = {}  # the last step that reads the memory of each root
    for position, step in enumerate(program.steps):
        for var in read_by(step):
            last[root[var.index]] = position
    forever = len(program.steps)
    for output in program.outputs:
        if type(output) is Var:
            last[root[output.index]] = forever
    unknown = -1 in root.values()
    plan: dict[int, Var] = {}
    for position, step in enumerate(program.steps):
        ufunc = UFUNC_OF.get(step.function, step.function)
        if type(ufunc) is not np.ufunc or ufunc.signature or step.kwargs or type(step.out) is not Var or unknown:
            continue
        if step.out.kind != "array":
            continue
        for var in step.args:
            if (
                type(var) is Var
                and var.index in made
                and root[var.index] == var.index
                and last[var.index] == position
                and var.shape == step.out.shape
                and var.dtype == step.out.dtype
            ):
                plan[position] = var
                break
    return plan


# ----- the function ---------------------------------------------------------------------------------------------------


def written(
    program: Program, treedef: TreeDef, leaves: Sequence[Any], positions: Sequence[int], outdef: TreeDef,
    watched: Watched,
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """The text of the function `replay(args, kwargs)`, and the namespace that it runs in."""
    namespace: dict[str, Any] = {
        "np": np, "ndarray": np.ndarray, "float64": np.float64, "enter": enter_strict, "leave": leave_strict, "errstate": np.errstate,
    }  # fmt: skip
    fast = FastRenderer(namespace)
    inputs = dict(zip(positions, program.inputs))
    lines = written_checks(treedef, leaves, inputs, fast)
    lines += [f"if {wrong}: return {fast.bind(CHANGED)}" for wrong in watched.written(fast.bind)]
    body, has_arrays = written_steps(program, fast)
    results = [written_output(output, program, fast) for output in _marked(program)]
    parts = iter(results)
    result = f"return {written_tree(outdef, parts, fast)}"
    if has_arrays:
        body = ["token = enter()", "try:", *[f"    {line}" for line in [*body, result]], "finally: leave(token)"]
    else:
        body.append(result)
    text = "\n    ".join(["def replay(args, kwargs):", *lines, *body])
    return text, namespace


def written_steps(program: Program, fast: FastRenderer) -> tuple[list[str], bool]:
    """The lines of the steps, and whether NumPy has something to do in them."""
    numbers = fast.numbers = numbers_of_python(program)
    readers: dict[int, list[Step]] = {}
    for step in program.steps:
        for var in read_by(step):
            readers.setdefault(var.index, []).append(step)
    comparisons = {
        step.out.index
        for step in program.steps
        if step.function in BINARY and BINARY[step.function][1] == 1 and step.out.kind == "scalar"
        and all(reader.function is is_true for reader in readers.get(step.out.index, []))
    }  # fmt: skip
    outputs = {output.index for output in program.outputs if type(output) is Var}
    plan = reused(program)
    lines = [
        f"v{var.index} = float(v{var.index})" for var in program.inputs if var.index in numbers and var.kind == "scalar"
    ]
    has_arrays = False
    quiet = False
    for position, step in enumerate(program.steps):
        fast.weak = takes_weak(step, comparisons)
        if type(step.out) is Var and step.out.index in numbers and step.out.index not in outputs:
            once = readers.get(step.out.index, [])
            if len(once) == 1 and type(once[0].out) is Var and once[0].out.index in numbers:
                text = fast.text(step.args[0]) if step.function is np.float64 else fast.step(step)
                if len(text[0]) < LONGEST and sum(var.index == step.out.index for var in read_by(once[0])) == 1:
                    fast.inline[step.out.index] = text
                    continue
        indent = "    " if step.quiet else ""
        if step.quiet and not quiet:
            lines.append("with errstate(divide='ignore', invalid='ignore'):")
        quiet = step.quiet
        if step.out is None:
            lines.append(indent + written_guard(step, fast))
            continue
        names = [fast.names.get(var.index) or f"v{var.index}" for var in made_by(step)]
        target = f"{', '.join(names)}{',' if type(step.out) is tuple and len(names) == 1 else ''}"
        if position in plan:
            place = fast.names.get(plan[position].index) or f"v{plan[position].index}"
            fast.names[step.out.index] = place
            ufunc = UFUNC_OF.get(step.function, step.function)
            text = f"{fast.bind(ufunc)}({', '.join(map(fast.value, step.args))}, {place})"
            lines.append(indent + text)
        else:
            is_same_number = step.function is np.float64 and step.out.index in numbers
            lines.append(f"{indent}{target} = {(fast.text(step.args[0]) if is_same_number else fast.step(step))[0]}")
        if type(step.out) is Var and step.out.index in numbers and step.out.kind == "python":
            continue
        if type(step.out) is Var and step.out.index in numbers:
            leaves_python = step.out.index in outputs or any(
                type(reader.out) is not Var or reader.out.index not in numbers
                for reader in readers.get(step.out.index, [])
            )
            if leaves_python:  # NaN and infinities are made without a word by Python
                lines.append(f"{indent}if {target} - {target} != 0.0: raise FloatingPointError")
        else:
            has_arrays = True
    fast.weak = False
    return lines, has_arrays


def written_guard(step: Step, fast: FastRenderer) -> str:
    """The line that returns where a guard does not hold."""
    var, expected = step.args
    fast.weak = True
    name = fast.value(var)
    missed = f"return {fast.bind(Missed(f'{step.function.__name__} {expected!r}'))}"
    if step.function is is_true:
        return f"if {'not ' if expected else ''}{name}: {missed}"
    if step.function is has_shape:
        return f"if {name}.shape != {expected}: {missed}"
    assert step.function is is_equal
    return f"if not {fast.bind(is_equal)}({name}, {fast.bind(expected)}): {missed}"


def _marked(program: Program) -> list[tuple[Any, bool]]:
    """The outputs, and whether each has to be copied so that it shares memory with nothing."""
    root = roots(program)
    of_program = {var.index for step in program.steps for var in made_by(step)}
    marked: list[tuple[Any, bool]] = []
    taken: set[int] = set()
    for output in program.outputs:
        if type(output) is Var:
            place = root[output.index]
            marked.append((output, place not in of_program or place in taken))
            taken.add(place)
        else:
            marked.append((output, True))
    return marked


def written_output(marked: tuple[Any, bool], program: Program, fast: FastRenderer) -> str:
    """The text of one result."""
    output, is_shared = marked
    text = fast.value(output)
    is_array = output.kind == "array" if type(output) is Var else isinstance(output, np.ndarray)
    return f"{text}.copy()" if is_shared and is_array else text


def written_tree(outdef: TreeDef, parts: Any, fast: FastRenderer) -> str:
    """The expression that builds the result."""
    if outdef is LEAF:
        return str(next(parts))
    example = outdef.example
    if example is None:
        return "None"
    inside = [written_tree(child, parts, fast) for child in outdef.children]
    kind = type(example)
    if kind is tuple:
        return f"({', '.join(inside)}{',' if len(inside) == 1 else ''})"
    if kind is list:
        return f"[{', '.join(inside)}]"
    if kind is dict:
        return "{" + ", ".join(f"{fast.value(key)}: {part}" for key, part in zip(example, inside)) + "}"
    shallow = TreeDef(example, (LEAF,) * len(inside))
    return f"{fast.bind(shallow.unflatten, shallow)}([{', '.join(inside)}])"


__all__ = ["CHANGED", "OTHER_ARGUMENTS", "Missed", "duck", "written"]
