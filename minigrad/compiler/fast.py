"""The program as a Python function made for speed: checks of the arguments, guards, steps, fresh results.

The function returns a `Missed` where it does not hold for what it was given: another structure, shape or dtype, a
captured value that changed, a branch taken another way. Whoever calls it then looks for, or makes, another one. It
raises where NumPy finds a division by zero or an invalid operation, which the engine has to resolve.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.answers import (
    BROKEN,
    CHANGED,
    OTHER_ARGUMENTS,
    gives,
    has_shape,
    is_finite,
    is_true,
    keeps_off_zero,
)
from minigrad.compiler.canonical import Reduction
from minigrad.compiler.columns import product_plus_column
from minigrad.compiler.diagonals import banded
from minigrad.compiler.floating_point import check_calm, enter_silent, leave_silent
from minigrad.compiler.fused import Kernel
from minigrad.compiler.memory import NOBODY, UFUNC_OF, by_rows, makes_new, reused, roots
from minigrad.compiler.passes import numbers_as_arrays
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.render import ATOM, BINARY, SCATTER, Renderer, Text, unit_axes
from minigrad.compiler.rewriting import is_vector
from minigrad.compiler.watch import Watched
from minigrad.compiler.workspace import Workspace
from minigrad.core import duck_arrays as duck
from minigrad.core.tree import LEAF, TreeDef, classify, parts_of_kind

_NAMES = {"np": np, "ndarray": np.ndarray, "float64": np.float64, "errstate": np.errstate}
_NAMES |= {"enter": enter_silent, "leave": leave_silent, "empty": np.empty, "ones": np.ones}


class FastRenderer(Renderer):
    """Names are short, functions are bound before, reductions skip NumPy's wrappers."""

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact
        self.namespace: dict[str, Any] = dict(_NAMES)
        self.bound: dict[int, tuple[str, Any]] = {}
        self.names: dict[int, str] = {}
        self.inline: dict[int, Text] = {}  #: numbers that are used once, where they are used
        self.numbers: set[int] = set()  #: variables that are numbers of Python here
        self.ordered: set[int] = set()  #: inputs that are known to be arrays whose rows lie one after the other
        self.gapless: set[int] = set()  #: all matrices that are, and their transposes
        self.finite: list[str] = []  #: what the kernels returned last, NaN where a division was by zero
        self.weak = False  #: whether the step being written may take them as they are

    def name(self, var: Var) -> Text:
        """A variable."""
        if var.index in self.inline:
            return self.inline[var.index]
        name = self.names.get(var.index) or f"v{var.index}"
        if var.kind == "scalar" and var.index in self.numbers and not self.weak:
            return f"float64({name})", ATOM
        return name, ATOM

    def constant(self, value: Any) -> Text:
        """A constant that is no literal."""
        if self.weak and type(value) is np.float64 and math.isfinite(value):
            text = repr(float(value))
            return text, 8 if text[0] == "-" else ATOM
        return self.bind(value), ATOM

    def bind(self, value: Any, key: Any = None) -> str:
        """A global name of a value, in the function's own namespace; `key` stands for a value that is made anew."""
        key = value if key is None else key
        found = self.bound.get(id(key))
        if found is None:
            found = self.bound[id(key)] = f"k{len(self.bound)}", key
            self.namespace[found[0]] = value
        return found[0]

    def function(self, function: Any) -> str:
        """A function, bound."""
        return self.bind(function)

    def step(self, step: Step) -> Text:
        """The right-hand side; axes of size 1 come and go by indexing, which takes half the time of `reshape`.

        Products of matrices are asked of the method `dot`, which makes the same call of BLAS as `@` with half a
        microsecond less before it. (Where an array has gaps in memory `@` calls no BLAS, and the last bits differ.)
        Entries are repeated by the method, for the same reason.
        """
        is_scalar = step.function is np.vdot and not (self.exact or step.kwargs)
        is_dot = self.is_dot(step) if step.function is operator.matmul else is_scalar and are_vectors(*step.args)
        if is_dot:
            return f"{self.value(step.args[0], ATOM)}.dot({self.value(step.args[1])})", ATOM
        if step.function is duck.reshape and not step.kwargs and step.out.shape and type(step.args[0]) is Var:
            unit = unit_axes(step.args[0].shape, step.args[1])
            if unit is not None:
                return f"{self.value(step.args[0], ATOM)}[{unit}]", ATOM
        if step.function is np.repeat and not step.kwargs and getattr(step.args[0], "kind", "") == "array":
            x, *counts = step.args
            return f"{self.value(x, ATOM)}.repeat({', '.join(map(self.value, counts))})", ATOM
        return super().step(step)

    def is_dot(self, step: Step) -> bool:
        """Whether `dot` does the same as `@`."""
        has_gaps = self.exact and not all(type(x) is Var and x.index in self.gapless for x in step.args)
        return not has_gaps and is_product(*step.args)

    def reduce(self, step: Step, place: str = "None") -> Text:
        """A reduction, called positionally."""
        x, axes, keepdims = step.args
        axis = "None" if len(axes) == len(x.shape) else axes[0] if len(axes) == 1 else axes
        reduce = self.bind(step.function.ufunc.reduce, step.function)
        return f"{reduce}({self.value(x)}, {axis}, None, {place}, {keepdims})", ATOM

    def into(self, step: Step, place: str) -> str:
        """The call that writes the result of a step into an array."""
        if type(step.function) is Reduction:
            return self.reduce(step, place)[0]
        if step.function is operator.matmul and self.is_dot(step):
            return f"{self.value(step.args[0], ATOM)}.dot({self.value(step.args[1])}, {place})"
        ufunc = UFUNC_OF.get(step.function, step.function)
        word = "out=" if ufunc in (np.maximum, np.minimum) else ""  # NumPy asks these two for the name
        return f"{self.bind(ufunc)}({', '.join(map(self.value, step.args))}, {word}{place})"


def is_product(x: Any, y: Any) -> bool:
    """Whether this is a product of matrices, or of a matrix and a vector in either order, of floats that BLAS knows."""
    return numbers_of_axes(x, y) in ((2, 2), (2, 1), (1, 2))


def are_vectors(x: Any, y: Any) -> bool:
    """Whether both are vectors of such floats."""
    return numbers_of_axes(x, y) == (1, 1)


def numbers_of_axes(x: Any, y: Any) -> tuple[int, int] | None:
    """How many axes two arrays of the same floats have, which BLAS knows; None for what else there may be."""
    if not all(type(v) is Var or type(v) is np.ndarray for v in (x, y)):
        return None
    return (len(x.shape), len(y.shape)) if x.dtype == y.dtype in (np.float32, np.float64) else None


# ----- the checks of arguments ----------------------------------------------------------------------------------------


def written_checks(
    treedef: TreeDef, leaves: Sequence[Any], inputs: dict[int, Var], fast: FastRenderer, holders: set[int]
) -> list[str]:
    """Lines that take `args` and `kwargs` apart, and return where they do not look as they did."""
    lines: list[str] = []
    miss = f"return {fast.bind(OTHER_ARGUMENTS)}"
    remaining = list(enumerate(leaves))[::-1]  # empty in the end: garbage would keep what a function closes over alive
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
            parts_of = parts_of_kind.get(kind) or classify(kind)
            whole = name if parts_of is iter else f"{fast.bind(parts_of)}({name})"
            unpacking = len(lines)
            lines.append("")
            for k, child in enumerate(node.children):
                if child is LEAF:
                    parts[k] = check_leaf(parts[k], *remaining.pop())
                else:
                    take_apart(child, parts[k])
            lines[unpacking] = f"{', '.join(parts)}{',' if size == 1 else ''} = {whole}"

    def check_leaf(name: str, position: int, leaf: Any) -> str:
        var = inputs.get(position)
        if var is None:
            is_read = id(leaf) in holders  # what was read of it may differ in objects that are equal
            same = f"{name} is" if is_read else f"{fast.bind(is_same)}({name},"
            lines.append(f"if not ({same} {fast.bind(leaf)}{'' if is_read else ')'}): {miss}")
            return name
        name = f"v{var.index}"
        if var.kind == "array":
            kind = "ndarray" if type(leaf) is np.ndarray else fast.bind(type(leaf))
            dtype = fast.bind(leaf.dtype)  # identity is quick to see; an unpickled array has another object
            wrong = f"type({name}) is not {kind} or {name}.dtype is not {dtype} and {name}.dtype != {dtype}"
            lines.append(f"if {wrong} or {name}.shape != {tuple(var.shape)}: {miss}")
            if kind != "ndarray":
                lines.append(f"{name} = {name}.view(ndarray)")
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
_VIEWS = {np.transpose, duck.reshape}
WEIGHT = 6  # operations of an expression, at most, that is written into another: long ones have more values at once
LARGE = 1 << 16  # bytes of an array that is let go of at once when it is not needed any more


def numbers_of_python(program: Program) -> set[int]:
    """The float64 numbers that arithmetic makes from inputs alone: floats of Python compute them three times faster.

    They have the same bits; division by zero raises, and whoever calls takes care of that.
    """
    found = {var.index for var in program.inputs if var.kind != "array" and var.dtype == np.float64}
    for step in program.steps:
        out = step.out
        if type(out) is Var and out.kind != "array" and (step.function in _ARITHMETIC or step.function is np.float64):
            if out.dtype == np.float64 and all(_is_number(arg, found) for arg in step.args):
                found.add(out.index)
    return found


def _is_number(value: Any, found: set[int]) -> bool:
    if type(value) is Var:
        return value.index in found
    return type(value) in (int, float, np.float64)


def takes_weak(step: Step, comparisons: set[int], numbers: set[int]) -> bool:
    """Whether a step computes the same from a float of Python as from a float64."""
    out, function = step.out, step.function
    if type(out) is Var and out.index in numbers:
        return True
    if out is None or function is np.float64:
        return True
    if type(out) is not Var:
        return False
    if out.index in comparisons:
        return True
    if function in _ARITHMETIC:
        if out.index not in numbers and all(_is_number(arg, numbers) for arg in step.args):
            return False  # somewhere the result has to become a float64
        if all(getattr(arg, "kind", "python") == "python" and not isinstance(arg, np.ndarray) for arg in step.args):
            return False  # a number of Python that arithmetic did not make, beside a float64
    elif type(function) is not np.ufunc or function.nin != 1:
        return False
    return out.dtype == np.float64 and all(
        arg.dtype == np.float64 if hasattr(arg, "dtype") else type(arg) in (float, int) for arg in step.args
    )


class Layout:
    """Where things are written: which values within the expression of their only reader, and when names are free."""

    def __init__(self, program: Program, numbers: set[int], in_place: dict[int, Var]) -> None:
        steps = program.steps
        self.readers: dict[int, list[int]] = {}
        for position, step in enumerate(steps):
            for var in reads(step):
                self.readers.setdefault(var.index, []).append(position)
        self.outputs = {output.index for output in program.outputs if type(output) is Var}
        self.inlined: set[int] = set()
        weights: dict[int, int] = {}
        for step in steps:
            out = step.out
            if type(out) is not Var or out.index in self.outputs:
                continue
            readers = self.readers.get(out.index, ())
            if len(readers) != 1 or steps[readers[0]].out is None or steps[readers[0]].quiet != step.quiet:
                continue
            reader = steps[readers[0]]
            weight = 1 + sum([weights.get(var.index, 0) for var in reads(step)])
            is_number = out.index in numbers and type(reader.out) is Var and reader.out.index in numbers
            is_number = is_number and not _divides(out, reader)
            if weight <= WEIGHT and (is_number or (step.function in _VIEWS and readers[0] not in in_place)):
                self.inlined.add(out.index)
                weights[out.index] = weight
        self.last: dict[int, int] = {}  #: the last step in whose text each variable is named
        written_at = {position: position for position in range(len(steps))}
        for position in range(len(steps) - 1, -1, -1):
            out = steps[position].out
            if type(out) is Var and out.index in self.inlined:
                written_at[position] = written_at[self.readers[out.index][0]]
            for var in reads(steps[position]):
                self.last[var.index] = max(self.last.get(var.index, -1), written_at[position])
        for index in self.outputs:
            self.last[index] = len(steps)


# ----- the function ---------------------------------------------------------------------------------------------------


def written(
    program: Program, treedef: TreeDef, leaves: Sequence[Any], positions: Sequence[int], outdef: TreeDef,
    watched: Watched, exact: bool = False,
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """The text of the function `replay(args, kwargs)`, and the namespace that it runs in."""
    program = numbers_as_arrays(program)
    fast = FastRenderer(exact)
    inputs = dict(zip(positions, program.inputs))
    lines = written_checks(treedef, leaves, inputs, fast, watched.holders())
    lines += watched.lines(fast.bind, f"return {fast.bind(CHANGED)}")
    spaces: list[Any] = []
    fast.namespace |= {"take": spaces.pop, "give": spaces.append}
    return written_function("replay(args, kwargs)", lines, program, outdef, fast, has_space=True), fast.namespace


def written_function(
    head: str, lines: list[str], program: Program, outdef: TreeDef, fast: FastRenderer, has_space: bool = False
) -> str:
    """The text of a function: lines that give the inputs their names, the steps, and the results.

    One that `has_space` keeps the arrays in which it computes for its next call, see `workspace`.
    """
    root = roots(program)
    body, has_arrays, space = written_steps(program, fast, root, has_space)
    parts = iter([written_output(output, is_shared, fast) for output, is_shared in marked_outputs(program, root)])
    body.append(f"return {written_tree(outdef, parts, fast)}")
    if not has_arrays and any(var.kind == "scalar" for step in program.steps for var in made_by(step)):
        lines.append(f"{fast.bind(check_calm)}()")
    if has_arrays:
        body = ["token = enter()", "try:", *[f"    {line}" for line in body], "finally: leave(token)"]
    if not space.parts:
        return "\n    ".join([f"def {head}:", *lines, *body])
    fast.namespace["bytes_of_workspace"] = space.size
    return "\n    ".join([f"def {head}:", *lines, *space.around(body)]) + f"\n{space.text()}"


def written_steps(
    program: Program, fast: FastRenderer, root: dict[int, frozenset[int]], has_space: bool
) -> tuple[list[str], bool, Workspace]:
    """The lines of the steps, whether NumPy has something to do in them, and the arrays in which it does it."""
    steps = program.steps
    numbers = fast.numbers = numbers_of_python(program)
    ordered = by_rows(program, fast.ordered)
    in_place = reused(program, root, ordered)
    turned = {step.out.index for step in steps if step.function is np.transpose and step.args[0].index in ordered}
    found = ordered | turned
    fast.gapless = {v.index for step in steps for v in reads(step) if v.index in found and not is_vector(v)}
    layout = Layout(program, numbers, in_place)
    space = Workspace()
    if has_space:
        space.plan(program, root, in_place, ordered)
    comparisons = {
        step.out.index
        for step in steps
        if step.function in BINARY and BINARY[step.function][1] == 1 and step.out.kind == "scalar"
        and step.out.index in layout.readers and step.out.index not in layout.outputs
        and all(steps[reader].function is is_true for reader in layout.readers[step.out.index])
    }  # fmt: skip
    lines = [
        f"v{var.index} = float(v{var.index})" for var in program.inputs if var.index in numbers and var.kind == "scalar"
    ]
    expiring: dict[int, list[tuple[str, int]]] = {}  # the names that are free after a step, and whose they are
    owners = {f"v{var.index}": var.index for var in program.inputs}  # who holds each name
    for name, index in owners.items():
        expiring.setdefault(layout.last.get(index, -1), []).append((name, index))
    free = [name for name, _ in expiring.pop(-1, ())]
    has_arrays = quiet = False
    for position, step in enumerate(steps):
        out = step.out
        fast.weak = takes_weak(step, comparisons, numbers)
        is_one = type(out) is Var
        space.release(position - 1)
        text, place = "", "" if position in in_place else space.place(step, position)
        if step.function is np.float64 and is_one and out.index in numbers:
            text, binds = fast.text(step.args[0])
        elif out is not None and position not in in_place and not place and step.function is not product_plus_column:
            text, binds = fast.step(step)
        kept = fast.names[in_place[position].index] if position in in_place else ""
        for name, index in expiring.pop(position, ()):
            if owners[name] == index and name != kept:
                free.append(name)
        if view := view_in(space, step, text, fast):
            fast.names[out.index] = view
            continue
        if is_one and out.index in layout.inlined:
            fast.inline[out.index] = text, binds
            continue
        indent = "    " if step.quiet else ""
        if step.quiet and not quiet:
            lines.append("with errstate(divide='ignore', invalid='ignore'):")
        quiet = step.quiet
        if out is None:
            lines.append(indent + written_guard(step, fast))
            has_arrays |= step.args[0].index not in numbers
        elif position in in_place:
            lines.append(indent + fast.into(step, kept))
            fast.names[out.index] = kept  # the name goes on, as that of the result
            if not space.hand_on(in_place[position], out, position):
                owners[kept] = out.index
                expiring.setdefault(max(layout.last.get(out.index, -1), position + 1), []).append((kept, out.index))
            has_arrays = True
        elif place:
            is_product = step.function is product_plus_column
            into = written_product(step, place, fast, space, False) if is_product else [fast.into(step, place)]
            lines += [indent + line for line in into]
            fast.names[out.index] = place
            has_arrays = True
        else:
            made = made_by(step)
            is_loop = isinstance(step.function, Kernel)
            scatters = step.function is SCATTER and out.kind == "array"
            scatters = scatters and all(gives_view(index, out.shape) for index in step.kwargs["indices"])
            is_banded = step.function is banded
            is_product = step.function is product_plus_column
            is_new = scatters or is_loop or is_banded or is_product  # written to while operands are read
            names = [free.pop() if free and not is_new else f"v{var.index}" for var in made]
            for var, name in zip(made, names):
                fast.names[var.index], owners[name] = name, var.index
                expiring.setdefault(max(layout.last.get(var.index, -1), position + 1), []).append((name, var.index))
            if is_loop:
                lines += [indent + line for line in written_kernel(step, names, text, fast)]
            elif scatters or is_banded:
                write = written_scatter if scatters else written_banded
                lines += [indent + line for line in write(step, names[0], fast)]
            elif is_product:
                lines += [indent + line for line in written_product(step, names[0], fast, space)]
            else:
                lines.append(f"{indent}{', '.join(names)}{',' if not is_one and len(names) == 1 else ''} = {text}")
            if not is_one or out.index not in numbers:
                has_arrays = True
            elif out.kind == "scalar" and (
                out.index in layout.outputs
                or any(
                    _is_outside(steps[reader], numbers) or _divides(out, steps[reader])
                    for reader in layout.readers.get(out.index, ())
                )
            ):  # NaN and infinities are made without a word by Python; divided by, an infinity is not seen any more
                lines.append(f"{indent}if {names[0]} - {names[0]} != 0.0: raise FloatingPointError")
    fast.weak = False
    if fast.finite:
        lines.append(f"if {' + '.join(fast.finite)} != 0.0: raise FloatingPointError")
    return lines, has_arrays, space


def view_in(space: Workspace, step: Step, text: str, fast: FastRenderer) -> str:
    """The name of a step's result, where that is always the same view of an array of the workspace; or nothing."""
    base = fast.names.get(step.args[0].index, "") if step.function in _VIEWS and type(step.args[0]) is Var else ""
    if base not in space.parts or not text.startswith(base):
        return ""
    is_view = step.function is np.transpose or text[-1] == "]" or step.args[0].index in fast.ordered
    return space.view(base, text.removeprefix(base)) if is_view else ""


def written_product(step: Step, name: str, fast: FastRenderer, space: Workspace, is_new: bool = True) -> list[str]:
    """A `product_plus_column`, as one product where the workspace has room for its operands.

    Into a new array, or the one of this name.
    """
    matrix, x, column = step.args
    lines, product = space.product(step, fast.value)
    plain = product or f"{fast.value(matrix, ATOM)}.dot({fast.value(x)}"
    lines.append(f"{name} = {plain})" if is_new else f"{plain}, {name})")
    return lines if product else [*lines, f"{fast.bind(np.add)}({name}, {fast.value(column)}, {name})"]


def written_kernel(step: Step, names: Sequence[str], text: str, fast: FastRenderer) -> list[str]:
    """The lines of fused loops; what they say of divisions by zero is looked at once, in the end."""
    kernel = step.function
    if kernel.rows:
        return [f"{', '.join(names)}, = {text}"]
    fast.finite.append(f"f{len(fast.finite)}")
    arguments = text[text.index("(") :]
    return [
        f"{', '.join([*names, fast.finite[-1]])} = {fast.bind(kernel.run)}{arguments}",
        *[f"{name} = float64({name})" for name, is_scalar in zip(names, kernel.scalars) if is_scalar],
    ]


def gives_view(index: Any, shape: tuple[int, ...]) -> bool:
    """Whether an index of an array of this shape surely gives a view: slices, and fewer positions than axes."""
    parts = index if type(index) is tuple else (index,)
    if not all(part is None or part is Ellipsis or type(part) in (int, slice) for part in parts):
        return False
    return Ellipsis in parts or sum(type(part) is int for part in parts) < len(shape)


def written_scatter(step: Step, name: str, fast: FastRenderer) -> list[str]:
    """Zeros, and each part added to a view of them."""
    zeros, add = fast.bind(np.zeros), fast.bind(np.add)
    lines = [f"{name} = {zeros}({step.kwargs['shape']}, {fast.bind(step.kwargs['dtype'])})"]
    for part, index in zip(step.args, step.kwargs["indices"]):
        lines.append(f"view = {name}[{fast.index(index)}]")
        lines.append(f"{add}(view, {fast.value(part)}, view)")
    return lines


def written_banded(step: Step, name: str, fast: FastRenderer) -> list[str]:
    """Zeros, and the parts on their diagonals: written where there was none before, added elsewhere."""
    (rows, columns), dtype = step.kwargs["shape"], fast.bind(step.kwargs["dtype"])
    lines = [f"{name} = {fast.bind(np.zeros)}({(rows, columns)}, {dtype})", f"flat = {name}.reshape({rows * columns})"]
    covered: dict[int, list[range]] = {}
    for part, (row, column) in zip(step.args, step.kwargs["starts"]):
        length = part.shape[0]
        place = slice(row * columns + column, row * columns + column + (length - 1) * (columns + 1) + 1, columns + 1)
        before = covered.setdefault(column - row, [])
        if any(row < other.stop and other.start < row + length for other in before):
            lines.append(f"view = flat[{fast.bind(place)}]")
            lines.append(f"{fast.bind(np.add)}(view, {fast.value(part)}, view)")
        else:
            lines.append(f"flat[{fast.bind(place)}] = {fast.value(part)}")
        before.append(range(row, row + length))
    return lines


def _divides(var: Var, reader: Step) -> bool:
    """Whether a number of NumPy is what a step divides by."""
    return reader.function is operator.truediv and reader.args[1] is var and var.kind == "scalar"


def _is_outside(reader: Step, numbers: set[int]) -> bool:
    return type(reader.out) is not Var or reader.out.index not in numbers


def written_guard(step: Step, fast: FastRenderer) -> str:
    """The line that returns where a guard does not hold."""
    var, expected = step.args
    fast.weak = step.function is not gives  # the text of a float64 is another one
    name = fast.value(var)
    missed = f"return {fast.bind(BROKEN[step.function])}"
    if step.function is is_true:
        return f"if {'not ' if expected else ''}{name}: {missed}"
    if step.function is has_shape:
        return f"if {name}.shape != {expected}: {missed}"
    if step.function is is_finite and var.kind == "array" and len(var.shape) == 1:
        return f"if not {fast.bind(math.isfinite)}({name}.dot({name})): {missed}"
    if step.function is keeps_off_zero:
        close = f"abs({name}) < {expected!r}"
        return f"if {close if var.kind != 'array' else f'{fast.bind(np.count_nonzero)}({close})'}: {missed}"
    return f"if not {fast.bind(step.function)}({name}, {fast.bind(expected)}): {missed}"


def marked_outputs(program: Program, root: dict[int, frozenset[int]]) -> list[tuple[Any, bool]]:
    """The outputs, and whether each has to be copied so that it shares memory with nothing."""
    of_program = {var.index for step in program.steps if makes_new(step) for var in made_by(step)}
    odd = {
        var.index
        for step in program.steps
        if not makes_new(step) and step.function not in _VIEWS and step.function is not operator.getitem
        for var in made_by(step)
    }  # views that may be read-only or have entries in common
    marked: list[tuple[Any, bool]] = []
    taken: set[int] = set()
    for output in program.outputs:
        if type(output) is Var:
            places = root.get(output.index, NOBODY)
            marked.append(
                (output, output.index in odd or not places or not places <= of_program or bool(places & taken))
            )
            taken |= places
        else:
            marked.append((output, True))
    return marked


def written_output(output: Any, is_shared: bool, fast: FastRenderer) -> str:
    """The text of one result."""
    is_array = output.kind == "array" if type(output) is Var else isinstance(output, np.ndarray)
    return f"{fast.value(output, ATOM)}.copy()" if is_shared and is_array else fast.value(output)


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


__all__ = ["duck", "written"]
