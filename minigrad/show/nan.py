"""`explain_nan`: which entry of which operation made a NaN or an infinity, at which line, and what to do about it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.core.lines import Line
from minigrad.core.observing import observed_by
from minigrad.core.transformed import is_made_here
from minigrad.core.tree import flatten
from minigrad.modes.causes import bad_entries, has_nan, plain_array
from minigrad.modes.finite import SweptTape, errstate, explained, is_origin, origin
from minigrad.modes.recording import Recording
from minigrad.modes.reverse import vjp
from minigrad.show.tape import numeric_paths


@dataclass(frozen=True)
class NanExplanation:
    """What `explain_nan` found. It prints as a text of a few lines, and is true if there is a NaN or an infinity.

    Attributes:
        title: the name of the function.
        kind: "NaN", "infinity", or "" if all numbers are finite.
        where: "value", "derivative", "argument" or "".
        operation: the primitive that made it, or in whose pullback it was made.
        line: the user's line of that operation.
        entry: the first entry of the result that is bad.
        bad: how many entries are.
        shape: the shape of that result.
        operands: a text for each operand: what it is called, its shape and its range.
        why: the usual cause.
        cure: what to write instead.
        path: what became of it on the way to the result, as texts.
        notes: warnings that were given on the way.
    """

    title: str
    kind: str = ""
    where: str = ""
    operation: str = ""
    line: Line | None = None
    entry: tuple[int, ...] = ()
    bad: int = 0
    shape: tuple[int, ...] = ()
    operands: tuple[str, ...] = ()
    why: str = ""
    cure: str = ""
    path: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.kind)

    def __str__(self) -> str:
        if not self.kind:
            rows = [f"{self.title}: no NaN and no infinity, in its value or in its derivative"]
            return "\n".join([*rows, *[f"  noticed: {note}" for note in self.notes]])
        if self.where == "argument":
            return f"{self.title}: {self.why}\n  cure: {self.cure}"
        what = f"the pullback of {self.operation}" if self.where == "derivative" else self.operation
        rows = [f"{self.title}: the first {self.kind} is in its {self.where}, made by {what}"]
        if self.line is not None:
            text = self.line.text()
            rows.append(f"  at {self.line.place(whole=True)}, in {self.line.function}")
            rows += [f"    {text}"] if text else []
        size = int(np.prod(self.shape))
        if self.shape:
            rows.append(f"  entry: {list(self.entry)} of shape {self.shape}; {self.bad} of {size} entries are bad")
        rows += [f"  operand: {operand}" for operand in self.operands]
        rows += [f"  cause: {self.why}", f"  cure: {self.cure}"]
        rows += [f"  then: {step}" for step in self.path]
        rows += [f"  noticed: {note}" for note in self.notes]
        return "\n".join(rows)

    __repr__ = __str__


def explain_nan(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> NanExplanation:
    """Where the first NaN or infinity of `fun(*args)`, or of its derivative, was made, and why.

    To be asked afterwards: programs that are not asked about pay nothing. The function is run once more with everything
    written down, forward and backward, and the bad numbers of the result are traced back to the operation that made
    them of finite ones.

    Args:
        fun: a function of pytrees, or a derivative (`grad(f)`, `jvp`, ...), compiled or batched too. Of a plain
            function the value is looked at, and then the derivative of the sum of its results. Of a function that
            minigrad made, `grad(f)` for instance, only what it returns.
        *args: its arguments.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        A `NanExplanation`, false if all numbers are finite. An exception that `fun` raises on the way is raised unless
        a bad number was made before it.

    >>> def f(x):
    ...     return np.sum(np.sqrt(x))
    >>> found = explain_nan(f, np.array([4.0, 0.0]))
    >>> found.where, found.operation, found.entry, found.why
    ('derivative', 'sqrt', (1,), 'the slope of sqrt at 0 is infinite')
    """
    title = getattr(fun, "__name__", type(fun).__name__)
    inner = _eager(fun)
    in_argument = _in_argument(title, args)
    if in_argument is not None:
        return in_argument
    found = _explained(title, inner, args, kwargs)
    if found or is_made_here(inner):
        return found
    return _explained(title, _with_derivative(inner), args, kwargs)


def _eager(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a compiled one was made of."""
    kind = type(fun)
    is_compiled = str(kind.__module__).startswith("minigrad.compiler")
    return _eager(fun.fun) if is_compiled else fun  # type: ignore[attr-defined]


def _with_derivative(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The value of a function, and the pullback of ones."""

    def both(*args: Any, **kwargs: Any) -> Any:
        value, pullback = vjp(fun, *args, **kwargs)
        ones = [np.ones_like(plain_array(leaf)) for leaf in flatten(value)[0]]
        return value, pullback(flatten(value)[1].unflatten(ones))

    return both


def _in_argument(title: str, args: Sequence[Any]) -> NanExplanation | None:
    leaves, treedef = flatten(tuple(args))
    for leaf, path in zip(leaves, treedef.paths()):
        if issubclass(type(leaf), (float, complex, np.ndarray, np.generic)) and bad_entries(leaf) is not None:
            kind = "NaN" if has_nan(leaf) else "infinity"
            bad = bad_entries(leaf)
            assert bad is not None
            entry = tuple([int(i) for i in np.argwhere(bad)[0]])
            first, _, rest = path.removeprefix("[").partition("]")
            name = f"argument {first}" + (f", leaf {rest}" if rest else "")
            spot = f" at {list(entry)}" if entry else ""
            return NanExplanation(
                title, kind, "argument", entry=entry, bad=int(bad.sum()), shape=bad.shape,
                why=f"{name} holds {'NaN' if kind == 'NaN' else 'an infinity'}{spot}; nothing made it on the way",
                cure="look at where the argument comes from",
            )  # fmt: skip
    return None


def _explained(title: str, fun: Callable[..., Any], args: Sequence[Any], kwargs: Any) -> NanExplanation:
    """Run a function on a tape, and trace what is bad in its results back to its origin."""
    tape = SweptTape()
    failure: Exception | None = None
    outputs: list[int] = []
    with warnings.catch_warnings(record=True) as caught, errstate(), np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            with observed_by(tape.observer), np.errstate(divide="warn", invalid="warn"):
                record = Recording("explain_nan", fun, args, kwargs, tuple(range(len(args))), tape)
            tape.labels.update(enumerate(numeric_paths(record, fun)))
            outputs = [record.position(out) for out in flatten(record.out)[0]]
        except Exception as error:
            failure = error
            outputs = list(range(len(tape.nodes)))
    first = _first_bad(tape, outputs)
    notes = tuple(dict.fromkeys([str(each.message).partition("\n")[0] for each in caught if _is_note(each)]))
    if first is None:
        if failure is not None:
            raise failure
        return NanExplanation(title, notes=notes)
    return _described(title, tape, first)


def _is_note(warning: Any) -> bool:
    return issubclass(warning.category, RuntimeWarning) and "(result of shape" in str(warning.message)


def _first_bad(tape: SweptTape, outputs: list[int]) -> int | None:
    """The first node with a bad result among those which the bad outputs come from."""
    waiting = [i for i in outputs if i >= 0 and bad_entries(tape.nodes[i][3]) is not None]
    seen: set[int] = set()
    while waiting:
        i = waiting.pop()
        if i not in seen:
            seen.add(i)
            waiting += [p for p in tape.nodes[i][1] if p >= 0 and bad_entries(tape.nodes[p][3]) is not None]
    return min(seen, default=None)


def _described(title: str, tape: SweptTape, index: int) -> NanExplanation:
    _, parents, args, ans, _ = tape.nodes[index]
    kind = "NaN" if has_nan(ans) else "infinity"
    where, operation, line, cause = origin(tape, index)
    named: Any = [(_called(tape, parent), arg) for parent, arg in zip(parents, args)]
    if where == "derivative":
        named = [(_called(tape, tape.position_of(arg)), arg) for arg in tape.passing[index][1][2]]
    bad = bad_entries(ans)
    assert bad is not None
    return NanExplanation(
        title,
        kind,
        where,
        operation,
        line,
        tuple([int(i) for i in np.argwhere(bad)[0]]),
        int(bad.sum()),
        bad.shape,
        tuple([f"{name}{_range(value)}" for name, value in named]),
        cause.why,
        cause.cure,
        tuple(_path(tape, index, kind)),
    )


def _called(tape: SweptTape, index: int) -> str:
    """What a value is called: its label, or the operation that made it."""
    if index < 0:
        return "a constant, "
    if index in tape.labels:
        return f"{tape.labels[index]}, "
    primitive = tape.nodes[index][0]
    return "an argument, " if primitive is None else f"the result of {primitive.name}, "


def _range(value: Any) -> str:
    plain = plain_array(value)
    kind = f"{plain.dtype} {plain.shape}"
    if plain.dtype.kind == "c":
        plain = np.abs(plain)
        kind = f"modulus of {kind}"
    if plain.dtype.kind not in "fiub" or not plain.size:
        return kind
    if plain.size == 1:
        return f"{kind}: {plain.item():.6g}"
    with np.errstate(all="ignore"):
        low, high = np.nanmin(plain), np.nanmax(plain)
    return f"{kind}: from {low:.6g} to {high:.6g}"


def _path(tape: SweptTape, start: int, kind: str) -> list[str]:
    """Where an infinity became NaN, if it did: the next nodes that made a NaN of operands without one."""
    if kind == "NaN":
        return []
    for i in range(start + 1, len(tape.nodes)):
        primitive, parents, args, ans, _ = tape.nodes[i]
        if primitive is not None and any(p >= start for p in parents) and has_nan(ans) and is_origin(args, ans):
            _, cause = explained(primitive.name, args, ans)
            return [f"it became NaN in {primitive.name}: {cause.why} ({tape.line_at(i)})"]
    return []
