"""Drivers: kernels and small products of matrices in a row become one call of compiled code.

Between Python and compiled code every array costs a fraction of a microsecond each way, which is what small networks
spend their time on. A driver is a function that does what one kernel after the other does, and multiplies small
matrices by loops of its own. Numba takes longer for a function than for its lines: what comes several times is called,
and compiled once for all drivers; the lines of all else are written out.
Products of large matrices stay with NumPy, whose BLAS is faster there.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.fused import BUDGET, Kernel, Readers, is_plain, is_view
from minigrad.compiler.numba_loops import compiled, compiled_loops, function_of, vector_functions
from minigrad.compiler.program import Program, Step, Var, made_by, reads
from minigrad.compiler.rewriting import key_of
from minigrad.core import duck_arrays as duck

SMALL = 1 << 15  #: multiplications up to which loops keep up with BLAS
MOST = 64  #: steps in one driver: Numba's time grows faster than the text
FEW = 4  #: products of one kind that a driver writes out, since Numba takes longer for a function than for its lines


def wide_product(x: Any, y: Any) -> Any:
    """The product of two matrices, with the loop over its columns within.

    >>> wide_product(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    m, k = x.shape
    n = y.shape[1]
    out = np.empty((m, n), np.float64)
    for i in range(m):
        for j in range(n):
            out[i, j] = 0.0
        for c in range(k):
            r = x[i, c]
            for j in range(n):
                out[i, j] += r * y[c, j]
    return out


def long_product(x: Any, y: Any) -> Any:
    """The product of two matrices, with the sum within.

    >>> long_product(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    m, k = x.shape
    n = y.shape[1]
    out = np.empty((m, n), np.float64)
    for i in range(m):
        for j in range(n):
            total = 0.0
            for c in range(k):
                total += x[i, c] * y[c, j]
            out[i, j] = total
    return out


PRODUCTS = {function.__name__: function for function in (wide_product, long_product)}


@functools.cache
def compiled_product(name: str) -> Any:
    """One of the two, compiled."""
    return compiled_loops(PRODUCTS[name], adds_in_any_order=True)


def driven(program: Program) -> Program:
    """The program with a driver in place of each run of steps that compiled code can do."""
    steps: list[Step] = []
    run: list[Step] = []
    readers = Readers(program)
    kernels = [step.function for step in program.steps if isinstance(step.function, Kernel)]
    left = BUDGET - sum({kernel.source: kernel.cost for kernel in kernels}.values())
    seen: set[str] = set()
    for step in [*program.steps, None]:
        if step is not None and fits(step) and len(run) < MOST:
            run.append(step)
            continue
        made = driver_steps(readers, run) if is_worthwhile(run) else []
        cost = made[0].function.cost if made and made[0].function.source not in seen else 0.0
        if made and cost <= left:
            left -= cost
            seen.add(made[0].function.source)
            steps += made
        else:
            steps += run
        run = []
        if step is not None and fits(step):
            run.append(step)
        elif step is not None:
            steps.append(step)
    return program._replace(steps=steps)


def fits(step: Step) -> bool:
    """Whether a step can be part of a driver."""
    if isinstance(step.function, Kernel):
        return type(step.function) is Kernel and not step.function.rows
    if type(step.out) is not Var or step.out.kind != "array" or not all(map(is_plain, (step.out, *step.args[:1]))):
        return False
    if step.function is operator.matmul:
        x, y = step.args
        are_matrices = all(is_plain(v) and v.dtype == np.float64 and len(v.shape) == 2 for v in (x, y))
        return are_matrices and x.shape[0] * x.shape[1] * y.shape[1] <= SMALL
    if type(step.args[0]) is not Var or step.args[0].kind != "array":
        return False  # a number has no views in compiled code
    if step.function is np.transpose:
        return len(step.args) == 2 and step.args[1] == (1, 0)
    return is_view(step) and all(type(n) is int for n in step.out.shape)


def is_worthwhile(run: Sequence[Step]) -> bool:
    """Whether a driver does more than one kernel alone."""
    return sum(isinstance(step.function, Kernel) or step.function is operator.matmul for step in run) > 1


def driver_steps(readers: Readers, run: Sequence[Step]) -> list[Step]:
    """The step that calls the driver, and the views that others need."""
    needed = readers.outside(run)
    views = [step for step in run if type(step.out) is Var and step.function in (np.transpose, duck.reshape)]
    for step in reversed(views):
        if step.out.index in needed:
            needed.update([var.index for var in reads(step)])
    driver = Driver(run, needed)
    call = Step(tuple(driver.outputs), driver, tuple(driver.arguments), {}, False, run[-1].origin)
    return [call, *[step for step in views if step.out.index in needed]]


NAME = re.compile(r"\b(?:[avrnix]\d+|finite|out|total|[xymnkijcr])\b")  #: what the functions below give a name


def written_out(source: str, arguments: Sequence[str], results: Sequence[str], number: int) -> list[str]:
    """The lines of a function, for these names of its arguments and results; all others end in a number."""
    head, *lines = textwrap.dedent(source).rstrip().split("\n")
    lines = [line[4:].partition("  #")[0] for line in lines]
    returned = lines.pop().removeprefix("return ").split(", ")
    names = dict(zip(head[head.index("(") + 1 : -2].split(", "), arguments)) | dict(zip(returned, results))
    return [NAME.sub(lambda found: names.get(found[0]) or f"{found[0]}_{number}", line) for line in lines]


class Driver(Kernel):
    """A kernel that does what others do: it calls those that it needs several times, and has the lines of the rest."""

    __slots__ = ("arguments", "names", "outputs")

    def __init__(self, run: Sequence[Step], needed: set[int]) -> None:
        self.arguments: list[Any] = []
        self.outputs: list[Var] = []
        self.names: dict[int, str] = {}
        self.rows, self.made = 0, []
        self.__name__ = "driver"
        kernels: dict[str, str] = {}  #: their names here, by their sources
        made: set[int] = set()
        lines: list[str] = []
        flags: list[str] = []
        uses = Counter([work_of(step) for step in run])
        for number, step in enumerate(run):
            given = ", ".join([self.name(arg, made) for arg in step.args if type(arg) is not tuple])
            outs = made_by(step)
            made.update([var.index for var in outs])
            results = [self.name(var, made) for var in outs]
            if isinstance(step.function, Kernel):
                flags.append(f"f{len(flags)}")
                if uses[work_of(step)] == 1:
                    lines += written_out(step.function.source, given.split(", "), [*results, flags[-1]], number)
                else:
                    name = kernels.setdefault(step.function.source, f"kernel_{len(kernels)}")
                    lines.append(f"{', '.join([*results, flags[-1]])} = {name}({given})")
            elif step.function is operator.matmul:
                name = work_of(step)
                if uses[name] <= FEW:
                    lines += written_out(text_of_product(name), given.split(", "), results, number)
                else:
                    lines.append(f"{results[0]} = {name}({given})")
            elif step.function is np.transpose:
                lines.append(f"{results[0]} = {given}.T")
            else:
                lines.append(f"{results[0]} = {given}.reshape({step.out.shape})")
            is_alias = step.function in (np.transpose, duck.reshape)
            self.outputs += [var for var in outs if var.index in needed and not is_alias]
        self.scalars = tuple([var.kind == "scalar" for var in self.outputs])
        finite = " + ".join(flags) or "0.0"
        lines.append(f"return {', '.join([*[self.names[var.index] for var in self.outputs], finite])}")
        names = [self.names[key_of(arg)] for arg in self.arguments]
        self.source = "\n    ".join([f"def kernel({', '.join(names)}):", *lines]) + "\n"
        self.run = compiled_driver(self.source, tuple(kernels))
        passed = {source: len(step.args) + len(made_by(step)) for step in run if (source := work_of(step)) in kernels}
        calls = sum([len(step.args) + len(made_by(step)) for step in run])
        self.cost = 0.1 + 0.012 * sum(passed.values()) + 0.005 * calls + 0.01 * len(self.outputs)

    def name(self, value: Any, made: set[int]) -> str:
        """The name of an argument or of a value that was made before."""
        key = key_of(value)
        if key not in self.names:
            self.names[key] = f"v{len(self.names)}"
            if key not in made:
                self.arguments.append(value)
        return self.names[key]


def work_of(step: Step) -> str:
    """What a step does in a driver: the source of its kernel, or the name of its product."""
    if isinstance(step.function, Kernel):
        return str(step.function.source)
    if step.function is not operator.matmul:
        return ""
    return (wide_product if step.args[1].shape[1] >= step.args[0].shape[1] else long_product).__name__


@functools.cache
def text_of_product(name: str) -> str:
    """The lines of one of the two."""
    text = inspect.getsource(PRODUCTS[name])
    body = text[text.rindex('"""') + 3 :]
    return "def kernel(x, y):" + body.replace("total += x[i, c] * y[c, j]", "total = plus(total, x[i, c] * y[c, j])")


@functools.lru_cache(maxsize=512)
def compiled_driver(source: str, kernels: tuple[str, ...]) -> Any:
    """The function of this source, which calls the kernels of those, compiled; once for equal runs of steps."""
    namespace: dict[str, Any] = {f"kernel_{k}": compiled(text) for k, text in enumerate(kernels)}
    namespace |= {"np": np, "math": math, **vector_functions()}
    namespace |= {name: compiled_product(name) for name in PRODUCTS}
    products = map(inspect.getsource, PRODUCTS.values())
    return compiled_loops(function_of(source, namespace, "".join([*products, *kernels])))
