"""Tracing: a function is run once on values that write down what NumPy is asked to do with them.

A `Staged` value is a duck array at the bottom, under all boxes: it holds an array, and the place of that array in a
flat program. The engine and the user's function compute with it as with the array; every operation ends in one
`Step` of the program. Derivatives of any order are NumPy operations too, so they need no rules of their own.

What the program cannot follow becomes a *guard*: where Python asks for the truth of a value, or for its number, the
answer is written down, and the program holds only for inputs that give the same answer.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from minigrad.compiler import answers, by_name
from minigrad.compiler.floating_point import (
    are_errors_heard,
    enter_silent,
    errors_are_ignored,
    is_flow,
    leave_silent,
    overflown,
)
from minigrad.compiler.forms import dtype_depends_on_numbers, shape_depends_on_numbers
from minigrad.compiler.program import Program, Step, Var, made_by
from minigrad.compiler.raising import may_raise
from minigrad.compiler.statements import Statements, note_names, plain_of, user_frame
from minigrad.core.duck_arrays import Duck
from minigrad.core.fingerprint import fingerprint
from minigrad.core.foreign import described
from minigrad.core.lines import asked_by_a_sparse_matrix, is_ours_at_work, library_at_work, located
from minigrad.core.nested import mapped
from minigrad.core.origins import PLAIN_ORIGIN, Onlooker, Origin
from minigrad.errors import CannotCompileError

# ----- the trace ------------------------------------------------------------------------------------------------------

#: types of arguments that hold no other values, and never change
PLAIN = frozenset({int, float, complex, bool, str, type(None), np.float64, np.float32, np.int64, type(np._NoValue)})
USUAL = frozenset(Duck.operators) - {divmod}  #: whose results have shapes and dtypes that follow from the operands'
new_step: Any = tuple.__new__  #: `Step(...)` without a call in Python, which is watched


class TransparentError(Exception):
    """Internal signal: the function computes with a value that is traced from outside, so it is run as it is."""


class WritesError(CannotCompileError):
    """Internal signal: the function writes into a traced array, which boxes know how to do."""


class ExceptionalError(FloatingPointError):
    """Internal signal: a division by zero or an invalid operation in a program, after which the engine answers."""


class Trace(Onlooker):
    """The program while it is being written. It observes the sweeps whose steps it writes down."""

    __slots__ = (
        "arrays", "caller", "captured", "codes", "count", "filters", "flows", "has_layouts", "inputs", "is_open",
        "is_strict", "keeps_lines", "names", "origins", "statements", "steps", "stopped", "tells", "values",
    )  # fmt: skip

    def __init__(self, keeps_lines: bool = False, tells: bool = False) -> None:
        super().__init__()
        self.inputs: list[Var] = []
        self.values: list[Any] = []  # of the inputs
        self.has_layouts = False  # whether their layouts are guarded
        self.steps: list[Step] = []
        self.origins: dict[int, Origin] = {}
        self.captured: dict[int, tuple[Any, Any]] = {}  # constant arrays, with how they looked when they were used
        self.count = 0
        self.flows: list[Any] = []  # overflows of which to warn, with their lines
        self.filters = warnings.filters  # `catch_warnings` puts another list in its place
        self.is_open = True
        self.is_strict = False  # while an operation runs, whose parts may be performed too
        self.stopped: Exception | None = None  # why there can be no program, if the function caught the exception
        self.keeps_lines = keeps_lines
        self.tells = tells  # whether each call has to warn as the engine does: no program does
        self.statements = Statements()
        self.caller = id(user_frame()) if keeps_lines else 0  # who asked for the program is no part of it
        self.names: dict[int, str] = {}  # what the user's variables call values, by index
        self.arrays: dict[int, tuple[str, Any]] = {}  # and arrays, by id, with these
        self.codes: set[Any] = set()  # the functions whose global variables were looked at

    def index_of(self, value: Any) -> int:
        """The place of a value in the program, -1 for a constant."""
        plain = plain_of(value)
        return plain.variable.index if type(plain) is Staged and plain.tracer is self else -1

    def made(self, index: int) -> Origin:
        """Where a value of the program comes from."""
        return self.origins.get(index, PLAIN_ORIGIN)

    def at(self, frame: Any) -> Any:
        """The statement that a frame of the user's function runs."""
        return None if id(frame) == self.caller else self.statements.at(frame)

    def is_same(self, where: Any, other: Any) -> bool:
        """Whether it is the same statement."""
        return bool(where.is_same(other))

    def note(self, frame: Any) -> None:
        """What the variables of the user's function call the values of the program."""
        note_names(self, frame, Staged)

    def stop(self, message: str, kind: type[Exception] = CannotCompileError) -> Exception:
        """The exception that says why there can be no program; `close` raises it if the function caught it."""
        error = kind(message)
        self.stopped = self.stopped or kind(message)  # another one, without the frames that this one will refer to
        return error

    def new(self, value: Any) -> Staged:
        """A value with a place of its own in the program."""
        var = Var(self.count, value)
        self.count += 1
        return Staged(value, var, self)

    def input(self, value: Any) -> Staged:
        """An input of the program."""
        staged = self.new(value)
        self.inputs.append(staged.variable)
        self.values.append(value)
        return staged

    def perform(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operation on the plain values, and write it down."""
        is_usual = type(function) is np.ufunc or function in USUAL
        if not is_usual and function in by_name.FACTS:
            return function(*mapped(unstaged, args), **mapped(unstaged, kwargs))
        if not is_usual and by_name.writes(function, args, kwargs):
            raise self.stop(
                located(
                    f"compile: np.{_name(function)} writes into a traced array, which other names of it would not see. "
                    "Use minigrad.set_at, minigrad.add_at or np.where, which make a new array"
                ),
                WritesError,
            )
        if kwargs and by_name.has_out(kwargs):
            raise self.stop(
                located(
                    f"compile: {_name(function)} is to write a traced value into an array (out= or an operator such "
                    "as a += x). Write a = a + x instead"
                ),
                WritesError,
            )
        plain_args = []
        for arg in args:
            kind = type(arg)
            is_plain = kind in PLAIN or kind is np.ndarray
            plain_args.append(arg.value if kind is Staged else arg if is_plain else mapped(unstaged, arg))
        plain_kwargs = kwargs
        if kwargs and not PLAIN.issuperset(map(type, kwargs.values())):
            plain_kwargs = mapped(unstaged, kwargs)
        quiet = errors_are_ignored()
        is_heard = not self.is_strict and (are_errors_heard() or warnings.filters is not self.filters)
        if is_heard:  # the first answer is right; a program would leave out what nobody reads, and what it warns of
            self.stop("errors or warnings of NumPy are turned into something else", ExceptionalError)
        try:
            if quiet or is_heard or self.is_strict:
                result = function(*plain_args, **plain_kwargs)
            else:
                token, self.is_strict = enter_silent(), True
                try:
                    result = function(*plain_args, **plain_kwargs)
                except FloatingPointError as error:
                    result = overflown(error, self.flows, function, plain_args, plain_kwargs)
                finally:
                    self.is_strict = False
                    leave_silent(token)
        except FloatingPointError as error:
            if self.is_strict and is_flow(error):
                raise
            raise self.stop(str(error), ExceptionalError) from None
        except Exception as error:
            by_shapes = isinstance(error, TypeError) or (
                isinstance(error, ValueError) and not may_raise(function, args, kwargs)
            )
            if not by_shapes:  # if it is caught, a program would go on in the handler for all numbers
                self.stop(f"{_name(function)} raised a {type(error).__name__}", ExceptionalError)
            raise
        if not self.is_open:
            return result
        origin = self.origin() if self.keeps_lines else PLAIN_ORIGIN
        if type(result) is np.ndarray or type(result) is np.float64:  # as `_staged` does it, with two calls less
            staged = Staged(result, Var(self.count, result), self)
            self.origins[self.count] = origin
            self.count += 1
        else:
            staged = self._staged(result, origin)
        out = staged.variable if type(staged) is Staged else tuple([getattr(part, "variable", part) for part in staged])
        operands = []
        for arg in args:
            kind = type(arg)
            if kind is Staged and arg.tracer is self:
                operands.append(arg.variable)
            else:
                operands.append(arg if kind in PLAIN else mapped(self._operand, arg))
        kwargs = kwargs if plain_kwargs is kwargs else mapped(self._operand, kwargs)
        given = tuple(operands)
        self.steps.append(new_step(Step, (out, function, given, kwargs, quiet, origin)))
        if not is_usual:
            self.guard_form(function, given)
        return staged

    def _staged(self, result: Any, origin: Origin) -> Any:
        if issubclass(type(result), (np.ndarray, np.generic, int, float, complex)):
            staged = self.new(result)
            self.origins[staged.variable.index] = origin
            return staged
        if isinstance(result, tuple) and hasattr(result, "_fields"):
            return type(result)(*[self._staged(part, origin) for part in result])
        if isinstance(result, (tuple, list)):
            return type(result)([self._staged(part, origin) for part in result])
        if isinstance(result, Duck):
            raise self.stop("", TransparentError)
        raise self.stop(
            located(f"compile: an operation on a traced value returned {described(result)}, not an array of NumPy")
        )

    def _operand(self, value: Any) -> Any:
        kind = type(value)
        if kind is Staged:
            if value.tracer is self:
                return value.variable
            if value.tracer.is_open:
                raise self.stop("", TransparentError)
            return value.value
        if issubclass(kind, np.ndarray) and id(value) not in self.captured:
            self.captured[id(value)] = (value, fingerprint(value))
        return value

    def guard(self, check: Callable[..., bool], var: Var, expected: Any) -> None:
        """From here on the program holds only if the check does."""
        if self.is_open:
            origin = self.origin() if self.keeps_lines else PLAIN_ORIGIN
            self.steps.append(new_step(Step, (None, check, (var, expected), {}, False, origin)))

    def guard_form(self, function: Any, args: tuple[Any, ...]) -> None:
        """From here on the program holds only if the shapes and dtypes of the last results are these again."""
        by_shape, by_dtype = shape_depends_on_numbers(function, args), dtype_depends_on_numbers(function, args)
        for var in made_by(self.steps[-1]) if by_shape or by_dtype else ():
            if by_shape and var.kind == "array":
                self.guard(answers.has_shape, var, var.shape)
            if by_dtype and var.kind != "python":
                self.guard(answers.has_dtype, var, var.dtype)

    def guard_layouts(self) -> None:
        """From here on the program holds only for arguments that are laid out in memory as these are."""
        if not self.has_layouts:
            self.has_layouts = True
            for var, value in zip(self.inputs, self.values):
                if var.kind == "array" and var.shape:
                    self.guard(answers.has_strides, var, value.strides)

    def close(self, outputs: list[Any]) -> Program:
        """The program that was written, with these results."""
        self.is_open = False
        self.forget()
        if self.stopped is not None:
            raise self.stopped
        for array, before in self.captured.values():
            if fingerprint(array) != before:
                raise RuntimeError(
                    located(
                        f"compile: an array of shape {array.shape} and dtype {array.dtype} was changed while the "
                        "function ran, after its use in an operation. Hand a copy to the operation: a.copy()"
                    )
                )
        outputs = [v.variable if type(v) is Staged and v.tracer is self else unstaged(v) for v in outputs]
        return Program(self.inputs, self.steps, outputs, self.origins, self.names, self.arrays)


def _name(function: Any) -> str:
    return getattr(function, "__name__", str(function))


def unstaged(value: Any) -> Any:
    """The array or number of a staged value; anything else as it is."""
    while type(value) is Staged:
        value = value.value
    return value


# ----- staged values --------------------------------------------------------------------------------------------------


class Staged(Duck):
    """A number or array, and its place in a program."""

    __slots__ = ("_shape", "dtype", "tracer", "value", "variable")

    performs_any = True

    #: written down as they are: on numbers they are faster than the ufuncs, and a power has other digits
    operators: ClassVar[dict[Any, Any]] = {function: function for function in Duck.operators if function is not divmod}

    def __init__(self, value: Any, var: Var, trace: Trace) -> None:
        self.value, self.variable, self.tracer = value, var, trace
        self._shape, self.dtype = var.shape, var.dtype

    def _reshaped(self, shape: Any) -> None:
        raise self.tracer.stop(
            located("compile: the shape of a traced array cannot be set. Use x = x.reshape(shape)"), WritesError
        )

    shape = property(operator.attrgetter("_shape"), _reshaped)

    def perform(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the operation on the arrays, and write it down in the innermost trace."""
        return self.tracer.perform(function, args, kwargs)

    @staticmethod
    def shortcut(function: Any, is_reflected: bool, operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Usual operands need no look at who operates. (Calls in Python are watched, which takes longer than they.)"""

        def operate(self: Staged, other: Any) -> Any:
            if type(other) is Staged or type(other) in PLAIN or type(other) is np.ndarray:
                return self.tracer.perform(function, (other, self) if is_reflected else (self, other), {})
            return operator(self, other)

        return operator if function is divmod else operate

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Nor is that of a function of one operand."""
        if len(args) == 1 and args[0] is self and method == "__call__" and not kwargs:
            return self.tracer.perform(ufunc, args, kwargs)
        return super().__array_ufunc__(ufunc, method, *args, **kwargs)

    @property
    def is_array(self) -> bool:
        """Whether this stands for an array, and not for a number."""
        return self.variable.kind == "array"

    def as_number(self, kind: Callable[[Any], Any]) -> Any:
        """The number, from here on a constant of the program: with a guard of its truth or of its bits."""
        if kind is bool:
            return self._answer(answers.is_true, bool(self.value))
        if kind is operator.index:
            return self._answer(answers.is_equal, operator.index(self.value))
        if kind is int:
            return self._read(int, "int({})")
        number = kind(self.value)  # it raises what it raises for an array
        self._number()
        return number

    def _answer(self, check: Callable[..., bool], answer: Any, expected: Any = None) -> Any:
        self.tracer.guard(check, self.variable, answer if expected is None else expected)
        return answer

    def __trunc__(self) -> Any:
        return self._read(math.trunc, "int({})")

    def __floor__(self) -> Any:
        return self._read(math.floor, "int(np.floor({}))")

    def __ceil__(self) -> Any:
        return self._read(math.ceil, "int(np.ceil({}))")

    def __round__(self, ndigits: int | None = None) -> Any:
        if self.is_array:
            return round(self.value)  # which raises
        if ndigits is None:
            return self._read(round, "round({})")
        return self.perform(round, (self, ndigits), {})

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.value) if self.is_array else int(self._read(hash, "hash({})"))  # of an array it raises

    def _read(self, function: Callable[..., Any], text: str, *args: Any) -> Any:
        """What a function of Python makes of the value, with a guard of that; where it raises, of the number."""
        try:
            answer = function(self.value, *args)
        except TypeError:  # for any number
            raise
        except Exception:
            self._number()
            raise
        return self._answer(answers.gives, answer, answers.Reading(function, args, text, answer))

    def _number(self) -> Any:
        """The value as a number of Python, with a guard."""
        return self._answer(answers.is_equal, self.value.item() if hasattr(self.value, "item") else self.value)

    def item(self, *index: Any) -> Any:
        """The number, as one of Python: from here on a constant of the program, with a guard."""
        part = self[np.unravel_index(index[0], self.shape) if len(index) == 1 else index] if index else self
        return part._answer(answers.is_equal, np.asarray(part.value).item())

    def tolist(self) -> Any:
        """As of an array: its numbers become constants of the program, each with a guard."""
        return [part.tolist() for part in self] if self.shape else self.item()

    def some_to_tell(self) -> bool:
        """Whether any entry is true; where it is and each call warns of it, the engine answers."""
        if (answer := self.some()) and self.tracer.tells:
            raise self.tracer.stop("a warning", ExceptionalError)
        return answer

    def is_anywhere_below(self, bound: float, moving: Any) -> bool:
        """Whether any entry is smaller than a bound; if it is, what comes of it has guards of its own."""
        answer = bool(np.any((np.abs(self.value) < bound) & (unstaged(moving) != 0)))
        if not answer and not self.tracer.keeps_lines:
            self._answer(answers.keeps_off_zero, bound)
        return answer

    def needs_numbers(self, what: str) -> None:
        """The engine answers."""
        raise self.tracer.stop(what, ExceptionalError)

    def finite(self) -> bool:
        """Whether all entries are finite; no guard if they are.

        The engine asks before it subtracts a value from others. With an infinite one the difference would be invalid,
        and a program stops where NumPy finds an invalid operation.
        """
        answer = bool(np.all(np.isfinite(self.value)))
        return answer if answer else bool(np.all(np.isfinite(self)))

    def __format__(self, spec: str) -> str:
        if not self.tracer.is_open:
            return format(self.value, spec)
        return str(self._read(format, f"format({{}}, {str.__repr__(spec)})", spec))

    def as_array(self) -> Any:
        """As an array: one without axes for a number."""
        return self.perform(np.asarray, (self,), {})

    def as_leaf(self) -> Any:
        """As the engine differentiates it: a number of NumPy instead of one of Python."""
        return self.perform(np.float64 if type(self.value) is float else np.complex128, (self,), {}) if (
            type(self.value) in (float, complex)
        ) else self  # fmt: skip

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if not self.tracer.is_open:
            return np.array(self.value, dtype=dtype)
        if asked_by_a_sparse_matrix():
            return np.array(None)
        if self.dtype.kind in "biu" or is_ours_at_work():  # positions and masks; what a rule of ours looks at
            return np.array(self._answer(answers.has_entries, np.array(self.value)), dtype=dtype)
        library = library_at_work()
        if library:
            raise self.tracer.stop(
                located(
                    f"compile: {library} makes a plain array of a traced value (shape {self.shape}, {self.dtype}). Use "
                    + ("minigrad.scipy in place of scipy" if library == "scipy" else "NumPy's functions")
                )
            )
        raise self.tracer.stop(
            located(
                f"compile: a traced value (shape {self.shape}, {self.dtype}) cannot become, or be written into, a "
                "plain array: leave np.asarray out, build arrays with np.stack or np.where (or minigrad.numpy.array "
                "of a list), and use minigrad.set_at for x[index] = value. To a solver or an operation of your own it "
                "has to come as an argument, not through a closure"
            )
        )

    def __getitem__(self, index: Any) -> Any:
        is_number = self.variable.kind == "python" and type(index) is tuple  # for new axes one of NumPy
        return self.perform(operator.getitem, (self.as_array() if is_number else self, index), {})

    def refuse_out(self, name: str) -> None:
        """Refused as any other write."""
        self[...] = name

    def lies_by_rows(self) -> None:
        """Whether a new shape is a view is up to the memory: the program holds for arguments that lie by rows."""
        trace = self.tracer
        if not trace.is_open or not self.is_array:
            return
        if not (answers.is_by_rows(self.value) and all(map(answers.is_by_rows, trace.values))):
            raise trace.stop(
                located(
                    "compile: an array is written to whose entries do not lie in memory row by row, so that NumPy "
                    "makes a copy where a new shape would be a view, or the other way round. Write into x.copy()"
                )
            )
        trace.guard_layouts()

    def keeps_order(self, order: str) -> bool:
        """Whether the array lies so, here and where the program is used; otherwise a copy is a step of the program."""
        if self.is_array and len(self.shape) > 1:
            self.tracer.guard_layouts()
        return not self.is_array or answers.lies_in_order(self.value, order)

    def __getattr__(self, name: str) -> Any:
        if name in by_name.METHODS_OF_NUMBERS and hasattr(self.value, name):
            return lambda: self._read(lambda value: getattr(value, name)(), f"({{}}).{name}()")
        if name in by_name.WRITING_METHODS and self.is_array:
            return self._written_to
        known = f"np.{name}(x)" if callable(getattr(np, name, None)) else "a function of NumPy"
        raise AttributeError(
            located(f"compile: a value that is being compiled has no attribute {name!r}; use {known} instead")
        )

    def _written_to(self, *_: Any, **__: Any) -> Any:
        raise self.tracer.stop(
            located("compile: a traced value cannot be written to. Use minigrad.set_at(x, index, value), or np.where"),
            WritesError,
        )

    __setitem__ = _written_to

    def _set_part(self, value: Any) -> None:
        self[...] = value  # refused as any other write

    real = property(Duck.real.fget, _set_part)  # type: ignore[attr-defined]
    imag = property(Duck.imag.fget, _set_part)  # type: ignore[attr-defined]

    def _in_place(self, other: Any) -> Any:
        if not self.is_array:
            return NotImplemented  # a number: the name is given to the result
        raise self.tracer.stop(
            located(
                "compile: a traced array cannot be written to by an operator such as x += y, since other names of it "
                "would not see it. Write x = x + y"
            ),
            WritesError,
        )

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imod__ = __ifloordiv__ = __imatmul__ = _in_place

    def __repr__(self) -> str:
        if self.tracer.is_open:  # as in the text of a list of numbers
            return str(self._read(repr, "repr({})"))
        return f"Staged({self.value!r})"

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def conjugate(self) -> Any:
        """As of an array or number."""
        if self.dtype.kind != "c":
            return self
        is_of_python = type(self.value) is complex
        return self.perform(complex, (self.real, -self.imag), {}) if is_of_python else np.conjugate(self)

    @property
    def flags(self) -> Any:
        """As of the array. It has a layout that depends on those of the arguments, which are guarded from here on."""
        self.tracer.guard_layouts()
        return np.asarray(self.value).flags

    @property
    def strides(self) -> tuple[int, ...]:
        """As of the array, with a guard as `flags`."""
        self.tracer.guard_layouts()
        return np.asarray(self.value).strides

    @property
    def mT(self) -> Any:
        """As of an array."""
        return self.perform(np.matrix_transpose, (self,), {})

    @property
    def flat(self) -> Any:
        """As of an array, to read; where it is written to, the values have to be boxes."""
        return self.ravel()
