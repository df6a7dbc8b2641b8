"""Loops fused by numba: arithmetic on arrays of one shape becomes one pass over memory. Needs the extra `fast`.

numba, since its loops cost half a microsecond to call, as much as one operation of NumPy, and their text can be read.
Only arithmetic is fused: exponentials, arctangents and the like stay with NumPy, whose vectorised ones took a sixth of
the time of those that numba calls.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compiler.render import BINARY, UNARY
from minigrad.compiler.stage import Program, Step, Var, reads
from minigrad.tape import located

_FUSED = {operator.add, operator.sub, operator.mul, operator.truediv, operator.neg}
PARALLEL = 1 << 17  # entries from which a loop runs on several threads
_loops: dict[tuple[str, bool], Any] = {}


def numba() -> Any:
    """numba, or an error that says how to get it."""
    try:
        import numba
    except ImportError as error:
        raise ImportError(located("compile(..., backend='numba') needs numba: pip install 'minigrad[fast]'")) from error
    return numba


class Kernel:
    """A fused loop: called with arrays and numbers, it returns new arrays.

    It raises FloatingPointError where a result is infinite or NaN, as a replay does at an exceptional operation.
    """

    __name__ = "fused"

    def __init__(self, text: str, shape: tuple[int, ...], dtype: Any, results: int, parallel: bool) -> None:
        self.text, self.shape, self.dtype, self.results = text, shape, dtype, results
        parallel = parallel and int(np.prod(shape)) >= PARALLEL
        key = text, parallel
        if key not in _loops:
            namespace: dict[str, Any] = {"prange": numba().prange if parallel else range}
            exec(text, namespace)
            _loops[key] = numba().njit(namespace["loop"], parallel=parallel, error_model="numpy")
        self.loop = _loops[key]

    def __call__(self, *operands: Any) -> Any:
        """The results for these operands."""
        results = [np.empty(self.shape, self.dtype) for _ in range(self.results)]
        if self.loop(*operands, *results):
            raise FloatingPointError("an infinity or NaN in a fused loop")
        return results[0] if self.results == 1 else tuple(results)


def fused(program: Program) -> Program:
    """Runs of arithmetic on arrays of one shape become single steps. The results keep every bit.

    Loops run on several threads only where no products of matrices do: BLAS and numba would wait for each other.
    """
    parallel = not any(step.function in (operator.matmul, np.dot, np.tensordot, np.einsum) for step in program.steps)
    outside = readers(program)
    steps: list[Step] = []
    clusters: dict[Any, list[Step]] = {}  # the open ones, by shape and dtype: none reads what another one makes
    home: dict[int, Any] = {}  # the open cluster that makes a variable

    def flush(key: Any) -> None:
        cluster = clusters.pop(key)
        for step in cluster:
            del home[step.out.index]
        steps.extend(as_kernel(cluster, outside, parallel) if len(cluster) > 1 or stretches(cluster[0]) else cluster)

    for step in program.steps:
        key = key_of(step)
        for var in reads(step):
            found = home.get(var.index)
            if found is not None and found != key:
                flush(found)
        if key is None:
            steps.append(step)
        else:
            clusters.setdefault(key, []).append(step)
            home[step.out.index] = key
    for key in list(clusters):
        flush(key)
    return program._replace(steps=steps)


def key_of(step: Step) -> Any:
    """The shape and dtype of a step that can be fused; None for all others."""
    out = step.out
    if step.function not in _FUSED or step.quiet or type(out) is not Var or out.kind != "array":
        return None
    if out.dtype not in (np.float64, np.float32) or not 1 <= len(out.shape) <= 3 or 0 in out.shape:
        return None
    for arg in step.args:
        if type(arg) is Var or isinstance(arg, np.ndarray):
            if arg.dtype != out.dtype:
                return None
        elif type(arg) not in (int, float) and not (type(arg) is np.float64 and out.dtype == np.float64):
            return None
    return out.shape, out.dtype


def stretches(step: Step) -> bool:
    """Whether an operand is broadcast, which NumPy takes three times as long for as for one of the full shape."""
    shape = step.out.shape
    return (len(shape) > 1 and any(() != np.shape(arg) != shape for arg in step.args if type(arg) is not Var)) or any(
        arg.shape not in ((), shape) for arg in step.args if type(arg) is Var
    )  # fmt: skip


def readers(program: Program) -> dict[int, list[Any]]:
    """Which steps read each variable; a None stands for the result of the program."""
    found: dict[int, list[Any]] = {}
    for step in program.steps:
        for var in reads(step):
            found.setdefault(var.index, []).append(step)
    for output in program.outputs:
        if type(output) is Var:
            found.setdefault(output.index, []).append(None)
    return found


def as_kernel(cluster: Sequence[Step], outside: dict[int, list[Any]], parallel: bool) -> list[Step]:
    """One step in place of a cluster, and the text of its loop."""
    members = {id(step) for step in cluster}
    inside = {step.out.index for step in cluster}
    results = [
        step.out
        for step in cluster
        if any(reader is None or id(reader) not in members for reader in outside[step.out.index])
    ]
    shape, dtype = cluster[0].out.shape, cluster[0].out.dtype
    operands: dict[Any, tuple[str, Any]] = {}
    counters = [f"i{k}" for k in range(len(shape))]

    def text(arg: Any) -> str:
        if type(arg) is Var and arg.index in inside:
            return f"t{arg.index}"
        if type(arg) in (int, float, np.float64):
            if dtype == np.float64 and np.isfinite(arg):
                return f"({float(arg)!r})"
            return operand(("number", repr(arg)), dtype.type(arg), ())
        key = (Var, arg.index) if type(arg) is Var else id(arg)
        is_number = type(arg) is Var and arg.kind != "array"
        return operand(key, arg, () if is_number else arg.shape, is_number)

    def operand(key: Any, value: Any, own: tuple[int, ...], is_number: bool = False) -> str:
        name = operands.setdefault(key, (f"a{len(operands)}", value))[0]
        if not own:
            return name if is_number or not isinstance(value, (Var, np.ndarray)) else f"{name}[()]"
        return f"{name}[{', '.join('0' if n == 1 else i for n, i in zip(own, counters[len(shape) - len(own) :]))}]"

    body = []
    for step in cluster:
        if step.function in UNARY:
            body.append(f"t{step.out.index} = {UNARY[step.function][0]}{text(step.args[0])}")
        else:
            x, y = map(text, step.args)
            body.append(f"t{step.out.index} = {x} {BINARY[step.function][0]} {y}")
    for k, var in enumerate(results):
        body.append(f"r{k}[{', '.join(counters)}] = t{var.index}")
        body.append(f"row += int(t{var.index} - t{var.index} != 0.0)")
    names = [*[name for name, _ in operands.values()], *[f"r{k}" for k in range(len(results))]]
    lines = [f"def loop({', '.join(names)}):", "    bad = 0"]
    for k, (counter, n) in enumerate(zip(counters, shape)):
        lines.append("    " * (k + 1) + f"for {counter} in {'prange' if k == 0 else 'range'}({n}):")
        if k == 0:
            lines.append("        row = 0")  # the sum over threads has to be a statement of the outermost loop
    lines += ["    " * (len(shape) + 1) + line for line in body]
    lines += ["        bad += row", "    return bad"]
    kernel = Kernel("\n".join(lines), shape, dtype, len(results), parallel)
    out = results[0] if len(results) == 1 else tuple(results)
    args = tuple([value for _, value in operands.values()])
    return [Step(out, kernel, args, {}, False, cluster[-1].origin)]
