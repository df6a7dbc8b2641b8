"""A function recorded on a tape: what every transformation does first.

The selected arguments become leaves, the function runs once, and the recording knows how to sweep its tape and how to
give cotangents and tangents back in the structure of the arguments.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core.adopted import SPARSE, Adopted, adopted, in_kind_of
from minigrad.core.binding import BINDING
from minigrad.core.duck_arrays import Duck, is_array
from minigrad.core.foreign import asked, is_foreign, is_sparse, refuse_foreign
from minigrad.core.lean import LeanTape
from minigrad.core.lines import Line, is_ours, located, user_line
from minigrad.core.observing import WATCHED, passing
from minigrad.core.tape import DUCKS, Box, Tape, open_part, peel, settled, snapshot
from minigrad.core.transformed import Transformed, transformed
from minigrad.core.tree import TreeDef, flatten, tree_map
from minigrad.errors import LostDerivativeError
from minigrad.modes.checks import Argnum, check_differentiable, is_integer_array, is_numeric
from minigrad.modes.cotangents import finished
from minigrad.modes.made import check_exists, check_function, name_of_argument, parameter_names
from minigrad.modes.sweeps import backward, forward
from minigrad.modes.trouble import Trouble
from minigrad.rules.writing import Guarded

#: how a sweep is repeated where it has lost digits: "pull" and "push", by Taylor mode, which is no part of the kernel
AGAIN: dict[str, Callable[..., list[Any]]] = {}

#: "pull", "push", "series", "hessian", "hvp": how a sweep is done that is like many before, by a program, which is no
#: part of the kernel
STRAIGHT: dict[str, Callable[..., list[Any] | None]] = {}


#: Types of leaves and of cotangents that need no second look. Stacks of examples, no part of the kernel, enter theirs.
USUAL: set[Any] = {np.ndarray, np.float64}


class Recording:
    """A function run once on a tape: its tape, what it returned, and the leaves of its selected arguments."""

    __slots__ = ("leaves", "numeric", "operation", "out", "patterns", "tape", "treedef", "trouble")

    def __init__(
        self, operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum, tape: Tape
    ) -> None:
        check_function(operation, fun)
        given, watched = fun, WATCHED.get()
        if watched is not None:
            tape, fun = watched(tape, fun)
        self.operation, self.tape = operation, tape
        self.trouble: Trouble | None = None  # what the sweeps meet, for whoever wants to know; then that is all
        selected = select(operation, args, argnum, fun)
        self.leaves, self.treedef = flatten(selected)
        self.numeric = [True] * len(self.leaves)
        self.patterns: dict[int, Any] | None = None  # the sparse leaves by position; None if all leaves are NumPy's

        tape.retrace = lambda: recorded_again(operation, fun, args, kwargs, argnum).tape
        boxes = self.leaves.copy()
        for position, leaf in enumerate(boxes):
            if type(leaf) not in USUAL or leaf.dtype.kind != "f":
                if not is_numeric(leaf):
                    if is_sparse(leaf) and operation in _OF_STORED_NUMBERS:
                        self.leaves[position], boxes[position] = self._stored(leaf, position)
                        continue
                    if is_foreign(leaf):
                        refuse_foreign(operation, leaf, leaf_name(self.treedef, position, argnum, given))
                    self.numeric[position] = False
                    continue
                leaf = self.leaves[position] = leaf_value(operation, leaf, self.treedef, position, argnum, given)
                if type(leaf) not in USUAL:
                    self.patterns = self.patterns or {}
            boxes[position] = tape.leaf(leaf)
        if boxes and not tape.leaves:
            check_differentiable(operation, self.leaves[0], name_of_argument(argnum, given))
        lost = None
        try:
            with passing("primal", tape.serial, operation):
                self.out = fun(*insert(args, argnum, self.treedef.unflatten(boxes)), **kwargs)
        except (ValueError, SystemError) as error:
            # NumPy hides it behind "setting an array element with a sequence", C code that did not look at an error
            # behind "returned a result with an exception set".
            lost = error.__cause__
            if not isinstance(lost, LostDerivativeError):
                tell_of_refusal(error, tape)
                tell_of_shapes(error)
                raise
            error.__cause__ = None
        except TypeError as error:
            if tape.lost is None or "Iterator operand" not in str(error):
                tell_of_refusal(error, tape)
                raise  # otherwise np.nditer hides what was refused
            lost = LostDerivativeError(
                "np.nditer makes a plain array of a value that is being differentiated: its derivative would be lost. "
                "Write `for v in x.flat` for the entries of an array x, `zip(x.flat, y.flat)` for those of several, "
                "np.ndindex(x.shape) for places" + "".join(tape.lost.rpartition("\n  at ")[1:])
            )
        except Exception as error:
            tell_of_refusal(error, tape)
            raise
        finally:
            tape.close()
        if lost is None and tape.lost is not None:
            raise LostDerivativeError(
                f"{operation}: the function caught this error, as `except Exception` does, and went on without the "
                f"derivative:\n{tape.lost}"
            )
        if lost is not None:  # raised here and not above, where each of the two exceptions would refer to the other
            try:
                raise lost
            finally:
                lost = None  # nor must this frame refer to it, to which its traceback refers

    @classmethod
    def on(
        cls, tape: Tape, leaves: list[Any], treedef: TreeDef, operation: str = "a sweep", trouble: Trouble | None = None
    ) -> Recording:
        """The recording of a function of floats that is on this tape already, without what the function returned."""
        self = cls.__new__(cls)
        self.operation, self.tape, self.leaves, self.treedef, self.trouble = operation, tape, leaves, treedef, trouble
        self.numeric, self.out, self.patterns = [True] * len(leaves), None, None
        return self

    def position(self, out: Any) -> int:
        """The node of an output, -1 if it does not depend on the tape's leaves."""
        while type(out) is Box and out.tape is not self.tape:
            if out.tape.is_iteration:
                settled(out)  # also now, after the tape was closed
            elif not out.tape.is_open:
                out = out.value
            else:
                break
        return out.index if type(out) is Box and out.tape is self.tape else -1

    def value(self, out: Any) -> Any:
        """An output as the user gets it. At numbers it is a number, also where NumPy made an array without axes."""
        value = value_of(out)
        if type(value) is np.float64 or (type(value) in DUCKS and not value.is_array):
            return value  # the usual cases
        if any(is_array(peel(leaf)) for leaf, numeric in zip(self.leaves, self.numeric) if numeric):
            return value
        return as_number(value) if type(out) is Box else tree_map(as_number, value)

    def pull(self, seeds: Sequence[tuple[int, Any]], *, consume: bool = False) -> Any:
        """The cotangents of the selected arguments, in their structure."""
        seeds = [(index, seed) for index, seed in seeds if index >= 0]
        if self.tape.looks is not None:
            self.tape.looks.check_backward(seeds)
        swept = STRAIGHT["pull"](self.tape, seeds) if self.trouble is None and "pull" in STRAIGHT else None
        if swept is None:
            trouble = self.trouble or Trouble()
            swept = backward(self.tape, seeds, consume=consume, trouble=trouble)
            if trouble.has_cancelled and not self.trouble and (tape := self._for_another_sweep(consume)) is not None:
                swept = AGAIN["pull"](tape, self._moving(), seeds, swept)
            taken = {id(seed) for _, seed in seeds}
            swept = [finished(ct, leaf, taken) for ct, leaf in zip(swept, self._moving())]
        found = swept
        if len(swept) < len(self.leaves):
            cotangents = iter(swept)
            found = [next(cotangents) if numeric else leaf for leaf, numeric in zip(self.leaves, self.numeric)]
        if self.patterns is not None or not USUAL.issuperset(map(type, found)):
            found = in_kind_of(found, self.leaves)
            for position, leaf in (self.patterns or {}).items():
                found[position] = SPARSE["with_numbers"](leaf, found[position])
        return self.treedef.unflatten(found)

    def _stored(self, leaf: Any, position: int) -> tuple[Any, Any]:
        """The stored numbers of a sparse leaf, and what the function gets: they are what is differentiated."""
        stored = SPARSE["stored"](leaf)
        numbers = stored.data
        if numbers.dtype.kind not in "fc":
            raise TypeError(
                located(f"{self.operation}: a sparse array of {numbers.dtype} is to be differentiated: A.astype(float)")
            )
        self.patterns = {**(self.patterns or {}), position: leaf}
        return numbers, SPARSE["with_numbers"](stored, self.tape.leaf(numbers))

    def push(self, tangents: Sequence[Any], outputs: Sequence[int], *, consume: bool = False) -> list[Any]:
        """The tangents of output nodes, given one tangent per leaf."""
        moving = [t for t, numeric in zip(tangents, self.numeric) if numeric]
        if self.tape.looks is not None:
            self.tape.looks.check_forward(moving)
        wanted = [i for i in outputs if i >= 0]
        swept = STRAIGHT["push"](self.tape, moving, wanted) if self.trouble is None and "push" in STRAIGHT else None
        if swept is None:
            trouble = self.trouble or Trouble()
            swept = forward(self.tape, moving, wanted, consume=consume, trouble=trouble)
            if trouble.has_cancelled and not self.trouble and (tape := self._for_another_sweep(consume)) is not None:
                swept = AGAIN["push"](tape, self._moving(), moving, wanted)
        reached = iter(swept)
        return [next(reached) if i >= 0 else None for i in outputs]

    def _moving(self) -> list[Any]:
        """The leaves that are on the tape."""
        return [leaf for leaf, numeric in zip(self.leaves, self.numeric) if numeric]

    def _for_another_sweep(self, is_consumed: bool) -> Tape | None:
        """The whole tape; None, and a warning, if arrays of another library take part, for which it is not repeated."""
        tape = self._in_full(is_consumed)
        held = next((node[3] for node in tape.nodes if type(peel(node[3])) is Adopted), None)
        if held is None:
            return tape
        warnings.warn_explicit(
            f"{self.operation}: near a pole terms may cancel, and the derivative lose digits. Where arrays of "
            f"{peel(held).adapter.library} take part it is not computed again, as it is for NumPy's alone. Write the "
            f"function without the quotient near its pole, or differentiate that part apart",
            RuntimeWarning, *user_line()[:2],
        )  # fmt: skip
        return None

    def _in_full(self, is_consumed: bool) -> Tape:
        """The tape with all that was recorded; where something is gone, the function is run once more."""
        if not is_consumed and not isinstance(self.tape, LeanTape):
            return self.tape
        assert self.tape.retrace is not None
        return self.tape.retrace()


def recorded_again(
    operation: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnum: Argnum,
    kind: type[Tape] | None = None,
) -> Recording:  # fmt: skip
    """The recording of a function that ran before, on a tape that remembers lines."""
    from minigrad.core.lined import LinedTape  # here, for a fast start-up: few programs ask for lines

    again = (kind or LinedTape)()
    with Guarded(again.serial, lambda: RuntimeError("it would be written to twice")):
        return Recording(operation, fun, args, kwargs, argnum, again)


def tell_of_refusal(error: Exception, tape: Tape) -> None:
    """Add to an error what was refused before it and may be its cause: C code can let an error go by, and go on."""
    if tape.lost is None or isinstance(error, LostDerivativeError) or str(error) == tape.lost:
        return
    note = f"Before this, an operation was refused, and the refusal was caught or ignored:\n{tape.lost}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def tell_of_shapes(error: Exception) -> None:
    """Add to an error of NumPy what its message leaves out: the operation, the shapes, the line, and what to do."""
    text, frames, trace = str(error), [], error.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    if text.startswith("The truth value of an array"):
        note = "To choose entry by entry, write np.where(mask, a, b) in place of `if`; of all entries, np.all or np.any"
    elif "could not be broadcast" in text or "mismatch in its core dimension" in text:
        within = [frame.f_locals for frame, _ in frames if frame.f_code in BINDING]
        if not within:
            return
        args = within[-1].get("args", (within[-1].get("x"), within[-1].get("y")))
        shapes = [np.shape(peel(arg)) for arg in args]
        note = f"{within[-1]['primitive'].name} of the shapes {' and '.join(map(str, shapes))}: {_to_fit(text, shapes)}"
    else:
        return
    own = [(frame.f_code, line) for frame, line in frames if not is_ours(frame.f_code.co_filename)]
    if own and not getattr(error, "__notes__", ()):
        code, line = own[-1]
        error.add_note(located(note, Line(code.co_filename, line, code.co_name)))


def _to_fit(text: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """What makes shapes fit: the transpose of the first factor, of the second, or another axis."""
    if "core dimension" not in text:
        return (
            "from the last axis on, two lengths have to be equal, or one of them 1; x[:, None] adds an axis of length 1"
        )
    x, y = shapes
    inner = y[-2:][0]
    if len(x) == 2 and x[0] == inner:
        return "x @ y needs as many columns of x as there are rows of y; x.T @ y fits"
    if len(y) == 2 and x[-1] == y[1]:
        return "x @ y needs as many columns of x as there are rows of y; x @ y.T fits"
    return f"x @ y needs as many columns of x as there are rows of y, and these are {x[-1]} and {inner}"


def select(operation: str, args: Sequence[Any], argnum: Any, fun: Any = None) -> Any:
    """The arguments to differentiate: one, or a tuple of several."""
    try:
        if isinstance(argnum, (int, np.integer)):
            return args[int(argnum)]
        selected = tuple([args[i] for i in argnum])
        if len({i % len(args) for i in argnum}) != len(argnum):
            raise ValueError(located(f"{operation}: argnum={argnum} names an argument twice; name each argument once"))
        return selected
    except IndexError:
        check_exists(operation, argnum, fun)
        raise TypeError(
            located(
                f"{operation}: {name_of_argument(argnum, fun)} is to be differentiated, but {len(args)} positional "
                f"argument{'s were' if len(args) != 1 else ' was'} given. Give it by position: what is given by "
                f"keyword is passed on as a constant"
            )
        ) from None


def insert(args: Sequence[Any], argnum: Any, selected: Any) -> list[Any]:
    """The arguments with the selected ones replaced."""
    new = list(args)
    if isinstance(argnum, (int, np.integer)):
        new[argnum] = selected
    else:
        for i, part in zip(argnum, selected):
            new[i] = part
    return new


def leaf_value(operation: str, leaf: Any, treedef: TreeDef, position: int, argnum: Any, fun: Any = None) -> Any:
    """A leaf as it goes on the tape: floats become NumPy's, so that they divide by zero as arrays do.

    An array of integers becomes one of float64.
    """
    kind = type(leaf)
    if kind is np.ndarray:
        if leaf.dtype.kind in "fc":
            return leaf
    elif kind is float:
        return np.float64(leaf)
    elif kind is Box:
        return open_part(leaf)
    elif kind is complex:
        return np.complex128(leaf)
    elif isinstance(leaf := in_library(operation, leaf), Duck):
        leaf = leaf.as_leaf()
        if leaf.dtype.kind in "fc":
            return leaf
    if is_integer_array(leaf) and not isinstance(leaf, (np.ma.MaskedArray, np.matrix)):
        return leaf.astype(np.float64)
    check_differentiable(operation, leaf, leaf_name(treedef, position, argnum, fun))
    return leaf


#: What takes sparse arrays as leaves, of which the stored numbers are differentiated.
_OF_STORED_NUMBERS = {"grad", "grad_and_aux", "vjp"}

#: What sweeps many rows at once, or looks at numbers: of arrays of other libraries it is not done.
_OF_NUMPY_ALONE = {
    **dict.fromkeys(
        ("jacobian", "jacrev", "jacfwd", "hessian", "laplacian", "bilaplacian", "sparse_jacobian", "sparse_hessian",
         "sparsity", "hessian_sparsity"),
        "use vjp, jvp or hvp, which give the products with it",
    ),
    **dict.fromkeys(("jet", "derivatives"), "nest grad or jvp for higher orders"),
    **dict.fromkeys(("check", "check_grads", "explain_nan", "explore"), "give it arrays of NumPy, of less data"),
}  # fmt: skip


def in_library(operation: str, leaf: Any) -> Any:
    """An array of another library as the engine works with it, if the operation is made for such; others as they are.

    Raises:
        TypeError: if it is not.
    """
    value = adopted(leaf)
    if type(value) is Adopted and operation in _OF_NUMPY_ALONE:
        raise TypeError(
            located(
                f"{operation}: an argument is an array of {value.adapter.library} (shape {value.shape}), for which "
                f"this is not made: {_OF_NUMPY_ALONE[operation]}"
            )
        )
    return value


def leaf_name(treedef: TreeDef, position: int, argnum: Any, fun: Any) -> str:
    """How errors call a leaf of the selected arguments: `argument x`, `argument P['W']`."""
    argument, path = _leaf(treedef.paths()[position], argnum)
    return name_of_argument(argument, fun) + path


def leaf_path(treedef: TreeDef, position: int, argnum: Any, fun: Any) -> str:
    """How reports call a leaf of the selected arguments: `x`, `P['W']`; without names `[0]`, its place among them."""
    whole = treedef.paths()[position]
    argument, path = _leaf(whole, argnum)
    name = parameter_names(fun, argument + 1)[argument]
    return whole if name.startswith("args[") else name + path


def _leaf(path: str, argnum: Any) -> tuple[int, str]:
    if isinstance(argnum, (int, np.integer)):
        return int(argnum), path
    first, _, path = path.removeprefix("[").partition("]")
    return argnum[int(first)], path


def value_of(out: Any) -> Any:
    """The output in its structure, without the boxes of tapes that are closed."""
    return handed_out(out) if type(out) is Box else tree_map(handed_out, out)


def handed_out(out: Any) -> Any:
    """An output as the user gets it: not the box that a tape still refers to."""
    out = open_part(out)
    return snapshot(out) if type(out) is Box else out.value if type(out) is Adopted else out


def as_number(value: Any) -> Any:
    """A number in place of an array without axes; anything else as it is."""
    return value[()] if is_array(value) and not value.shape else value


def named(
    derivative: Callable[..., Any], name: str, fun: Callable[..., Any], transform: Any, *options: Any, **more: Any
) -> Transformed:
    """What `transform(fun, *options, **more)` returns: a derived function, with a name that says what it is."""
    inner = asked(fun, "__name__", type(fun).__name__)
    doc = f"{name} of {inner}. {asked(fun, '__doc__') or ''}"
    return transformed(derivative, f"{name}_{inner}", doc, fun, transform, *options, **more)


def pulled_complex(record: Recording, index: int, seed: Any, is_complex: bool) -> Any:
    """The derivative of an output with respect to the arguments, also where a real argument has a complex output.

    The cotangent of a real argument is real: the seed 1 gives the real part of the derivative, -i the imaginary part.
    """
    real_part = record.pull([(index, seed)])
    if not is_complex:
        return real_part
    imaginary_part = record.pull([(index, -1j * seed)])

    def joined(a: Any, b: Any) -> Any:
        return a + 1j * b if is_numeric(a) and peel(a).dtype.kind == "f" else a

    return tree_map(joined, real_part, imaginary_part)


def as_float(value: Any) -> Any:
    """A cotangent or tangent given by the user: integers are meant as floats here."""
    if type(value) is Box or type(value) is float or type(value) is complex:
        return value
    value = adopted(value) if hasattr(value, "dtype") else np.asarray(value)
    return value.astype(float)[()] if value.dtype.kind in "biu" else value


def real_output(out: Any) -> Any:
    """An output that has a dtype in which a tangent can be written."""
    if type(out) is Box:
        return out
    out = np.asarray(out) if not hasattr(out, "dtype") else adopted(out)
    return out.astype(float)[()] if out.dtype.kind in "biu" else out[()] if out.ndim == 0 else out
