"""A function traced once: its program, its results, and what it read besides its arguments."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from minigrad.compiler.copies import Copies
from minigrad.compiler.floating_point import audible
from minigrad.compiler.leaks import let_go
from minigrad.compiler.program import Program, Var
from minigrad.compiler.stage import ExceptionalError, Staged, Trace, TransparentError, WritesError, unstaged
from minigrad.compiler.watch import Watched
from minigrad.core.duck_arrays import Duck
from minigrad.core.foreign import as_plain_code, described, is_foreign, refuse_foreign_result
from minigrad.core.lines import located
from minigrad.core.nested import mapped
from minigrad.core.observing import observed_by
from minigrad.core.tape import Box, Tape, open_part
from minigrad.core.tree import flatten
from minigrad.errors import CannotCompileError, LostDerivativeError

_CONSTANT_RESULTS = (int, float, complex, str, bytes, bool, np.generic, np.ndarray, np.dtype)


class Traced:
    """A function run once: its program, and what belongs to it."""

    __slots__ = ("flows", "leaves", "outdef", "positions", "program", "results", "treedef", "watched")

    def __init__(self, fun: Callable[..., Any], args: Any, kwargs: Any, keeps_lines: bool = False) -> None:
        try:
            self._trace(fun, args, kwargs, keeps_lines, writes=False)
            return
        except WritesError as refusal:
            words = refusal.args
        self.watched.forget_temporary({}, Counter(), self.treedef)
        if self.watched.what_changed() is not None:  # it must not change a second time
            raise CannotCompileError(*words)
        try:
            self._trace(fun, args, kwargs, keeps_lines, writes=True)
        except WritesError:
            raise CannotCompileError(*words) from None
        except CannotCompileError:
            raise
        except (LostDerivativeError, TypeError, AttributeError):
            raise CannotCompileError(*words) from None
        except ValueError as error:
            if isinstance(error.__cause__, LostDerivativeError):  # hidden by NumPy, in an assignment into a plain array
                raise CannotCompileError(*words) from None
            raise

    def _trace(self, fun: Callable[..., Any], args: Any, kwargs: Any, keeps_lines: bool, writes: bool) -> None:
        """Run the function; `writes`: on boxes, which know how traced arrays are written to."""
        self.leaves, self.treedef = flatten((args, kwargs))
        self.positions = [k for k, leaf in enumerate(self.leaves) if is_input(leaf)]
        inputs = set(self.positions)
        self.watched = Watched(fun, [leaf for k, leaf in enumerate(self.leaves) if k not in inputs])
        if self.watched.closes_over_box:
            raise TransparentError
        trace = Trace(keeps_lines)
        staged = list(self.leaves)
        for k in self.positions:
            leaf = self.leaves[k]
            staged[k] = trace.input(leaf.view(np.ndarray) if type(leaf) is np.memmap else leaf)
        tape = Tape() if writes else None
        boxes = boxed(tape, staged) if tape is not None else {}
        new_args, new_kwargs = made = self.treedef.unflatten([boxes.get(k, leaf) for k, leaf in enumerate(staged)])
        copies = Copies(self.treedef, made)
        self.watched.inputs = copies.fields()
        try:
            with audible(), self.watched, observed_by(trace) if keeps_lines else nullcontext():
                out = fun(*new_args, **new_kwargs)
        except BaseException as error:
            trace.is_open = False
            if not isinstance(error, TransparentError):
                let_go(trace)
            if trace.stopped is not None and type(error) is not type(trace.stopped):
                raise trace.stopped from error  # the exception of a handler: without compiling it would not come there
            raise
        if tape is not None:
            tape.close()
            check_arguments(boxes, staged)
        outs, self.outdef = flatten(out)
        outs = [checked_result(open_part(each)) for each in outs]
        self.results = [unstaged(each) for each in outs]
        self.program: Program = trace.close(outs)
        self.flows = trace.flows
        del (
            new_args,
            new_kwargs,
            made,
            staged,
            boxes,
            out,
            outs,
        )  # what the trace made nobody has
        uses = used(self.program) + Counter(map(id, self.results)) + copies.uses()
        self.watched.check_after_trace(trace.captured, uses, self.outdef, copies)
        if self.watched.refusal is not None:
            let_go(trace)

    def answer(self) -> Any:
        """The results of the trace, as the function returned them. Of overflows there is a warning."""
        for text, line in self.flows:
            warnings.warn_explicit(text, RuntimeWarning, line.filename, line.number)
        return self.outdef.unflatten([each.copy() if type(each) is np.ndarray else each for each in self.results])


def boxed(tape: Tape, staged: list[Any]) -> dict[int, Any]:
    """Boxes of the traced arrays of floats: what is written into these, all see who share their memory."""
    return {
        k: tape.leaf(value)
        for k, value in enumerate(staged)
        if type(value) is Staged and value.is_array and value.dtype.kind in "fc"
    }


def check_arguments(boxes: dict[int, Any], staged: list[Any]) -> None:
    """Raise if an argument was written to, which a program does not do to arrays of the caller."""
    for k, box in boxes.items():
        if box.value is not staged[k]:
            raise CannotCompileError(
                located(
                    f"compile: the function writes into an argument, an array of shape {staged[k].shape}, which "
                    "belongs to the caller. Write into a copy, x = x.copy(), or use minigrad.set_at, which makes one"
                )
            )


def traced_for_good(fun: Callable[..., Any], args: Any, kwargs: Any, keeps_lines: bool = False) -> Traced:
    """A function traced, for a text that is written once: one more time if it filled caches at the first.

    Raises:
        CannotCompileError: if it does what a program cannot repeat.
    """
    traced = Traced(fun, args, kwargs, keeps_lines)
    if traced.watched.may_settle:
        traced = Traced(fun, args, kwargs, keeps_lines)
    if traced.watched.refusal is not None:
        raise CannotCompileError(traced.watched.message())
    return traced


@contextmanager
def asked_by(operation: str) -> Iterator[None]:
    """Refusals name the operation that the user called."""
    try:
        yield
    except TransparentError:
        raise CannotCompileError(
            located(
                f"{operation}: the function computes with a value that another transformation is following. Call "
                f"{operation} outside of it, with plain numbers and arrays"
            )
        ) from None
    except ExceptionalError as error:
        raise ExceptionalError(
            located(
                f"{operation}: {error or 'a division by zero or an invalid operation'}; a program is made for "
                "arguments at which all numbers exist. Choose others"
            )
        ) from None
    except CannotCompileError as error:
        if error.args and str(error.args[0]).startswith("compile:"):
            error.args = (f"{operation}:{str(error.args[0])[8:]}", *error.args[1:])
        raise


def used(program: Program) -> Counter[int]:
    """How often a program refers to each array, by `id`."""
    counts: Counter[int] = Counter()

    def count(value: Any) -> None:
        if isinstance(value, np.ndarray):
            counts[id(value)] += 1

    for step in program.steps:
        for arg in (*step.args, *step.kwargs.values()):
            if type(arg) is not Var:
                mapped(count, arg)
    mapped(count, program.outputs)
    return counts


def is_input(leaf: Any) -> bool:
    """Whether a leaf of the arguments is an input of the program, not a static value of the signature."""
    if issubclass(type(leaf), np.ndarray):
        if type(leaf) not in (np.ndarray, np.memmap) or leaf.dtype.kind not in "biufc":
            raise CannotCompileError(
                located(f"compile: an argument is a {type(leaf).__name__} of dtype {leaf.dtype}; pass a plain array")
            )
        return True
    if type(leaf) in (float, complex) or issubclass(type(leaf), (np.number, np.bool_)):
        return True
    if is_foreign(leaf):
        raise CannotCompileError(
            located(
                f"compile: an argument is {described(leaf)}, whose operations are not recorded. Pass "
                f"{as_plain_code(leaf)}"
            )
        )
    return False


def checked_result(value: Any) -> Any:
    """A leaf of the result, if it can be one of a compiled function."""
    if type(value) is Box or (isinstance(value, Duck) and type(value) is not Staged):
        raise TransparentError
    if type(value) is Staged or isinstance(value, _CONSTANT_RESULTS):
        return value
    refuse_foreign_result("compile", value)
    raise CannotCompileError(
        located(
            f"compile: the function returned a {type(value).__name__}; a compiled function returns numbers and arrays, "
            "in tuples, lists, dicts and dataclasses. Call what it returned (a pullback) within the function"
        )
    )
