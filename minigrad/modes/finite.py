"""`errstate`: NaN and infinities are met where they are made, in the function and in the sweeps for its derivative.

Outside of such a block nothing is looked at, and nothing costs time. Within it every recording goes on a tape that
looks at each result, and after a sweep with a NaN in it the sweep is run once more to find the node that made it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator, nullcontext
from typing import Any, Literal

import numpy as np

from minigrad.core.lined import LinedTape
from minigrad.core.lines import Line, located
from minigrad.core.observing import WATCHED, innermost_place, observed_by
from minigrad.core.tape import Box, Tape
from minigrad.modes.causes import (
    NO_SLOPE,
    Cause,
    at_entry,
    bad_entries,
    cause_of_slope,
    cause_of_value,
    has_nan,
    plain_array,
)
from minigrad.modes.sweeps import backward, forward

Action = Literal["ignore", "warn", "raise"]
ACTIONS = ("ignore", "warn", "raise")


class errstate(ContextDecorator):  # noqa: N801 - the name of NumPy's, which works the same way
    """Within this block a NaN (or infinity) that a function or its derivative makes is an error, or a warning, at once.

    `np.errstate` is about NumPy's floating-point events, which matrix products and many functions of SciPy do not give;
    this is about the numbers themselves, in transformations (`grad`, `jvp`, `derivatives`, ...) and in compiled
    functions. A NaN that was in the arguments is not an event; what is made of finite numbers is. It is for looking for
    an error: functions run slower within the block, and the engine runs compiled ones.

    Args:
        nan: what to do about a NaN: "ignore", "warn" or "raise".
        inf: what to do about an infinity, likewise.

    Raises:
        ValueError: if an action is none of these three.
        FloatingPointError: within the block, if the action is "raise"; it names operation, line, cause and cure.

    >>> from minigrad import errstate, grad
    >>> with errstate(nan="raise"), np.errstate(invalid="ignore"):
    ...     grad(lambda x: np.log(x - 2.0))(1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FloatingPointError: log makes NaN: log of -1, a number below 0, does not exist; ...
    """

    def __init__(self, *, nan: Action = "ignore", inf: Action = "ignore") -> None:
        for name, action in (("nan", nan), ("inf", inf)):
            if action not in ACTIONS:
                raise ValueError(located(f"errstate: {name}={action!r}; write 'ignore', 'warn' or 'raise'"))
        self.nan, self.inf = nan, inf
        self._tokens: list[Any] = []

    def __enter__(self) -> errstate:
        is_off = self.nan == self.inf == "ignore"
        self._tokens.append(WATCHED.set(None if is_off else self._watched))
        return self

    def __exit__(self, *_: object) -> None:
        WATCHED.reset(self._tokens.pop())

    def _watched(self, tape: Tape, fun: Callable[..., Any]) -> tuple[Tape, Callable[..., Any]]:
        """The tape that looks at each result, and the function, run so that inner sweeps say where they are."""
        if isinstance(tape, LinedTape):  # to be printed, or to find a line
            return tape, fun
        checked = CheckedTape(self)

        def observed(*args: Any, **kwargs: Any) -> Any:
            with observed_by(checked.observer) if innermost_place() is None else nullcontext():
                return fun(*args, **kwargs)

        return checked, observed

    def action_on(self, value: Any) -> Action:
        """What to do about a value which has bad entries."""
        return max(self.nan if has_nan(value) else "ignore", self.inf if _has_inf(value) else "ignore", key=_strength)

    def tell(self, action: Action, message: str, line: Line | None) -> None:
        """Raise, or warn at the user's line."""
        if action == "raise":
            raise FloatingPointError(located(message, line))
        if line is None:
            warnings.warn(located(message), RuntimeWarning, stacklevel=4)
        else:
            warnings.warn_explicit(located(message, line), RuntimeWarning, line.filename, line.number)


def _strength(action: Action) -> int:
    return ACTIONS.index(action)


def _has_inf(value: Any) -> bool:
    if type(value) is tuple or type(value) is list:
        return any(_has_inf(part) for part in value if part is not None)
    plain = plain_array(value)
    return plain.dtype.kind in "fc" and bool(np.isinf(plain).any())


class SweptTape(LinedTape):
    """A tape of all that happens, forward and backward, with the node that the innermost sweep was passing."""

    __slots__ = ("passing",)

    def __init__(self) -> None:
        super().__init__()
        self.passing: list[tuple[str, Any]] = []

    def leaf(self, value: Any) -> Box:
        """Put one input on the tape."""
        self.passing.append(("primal", None))
        return super().leaf(value)

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, with where the innermost sweep is."""
        place = innermost_place()
        self.passing.append(("primal", None) if place is None else (place.phase, place.node))
        return super().record(primitive, parents, args, ans, params)

    def line_at(self, index: int) -> Line:
        """The user's line of a node; within a sweep that of the node being passed."""
        _, passed = self.passing[index]
        at = -1 if passed is None else self.position_of(passed[3])
        return self.lines[at if at >= 0 else index]

    def position_of(self, value: Any) -> int:
        """The node of this tape behind the result of a node of an inner one; -1 if there is none."""
        if type(value) is tuple:
            return next((found for part in value if (found := self.position_of(part)) >= 0), -1)
        while value is not None:
            if type(value) is Box:
                if value.tape is self:
                    return value.index
                value = value.value
            else:
                value = getattr(value, "payload", None)
        return -1


class CheckedTape(SweptTape):
    """A tape that looks at each result: one that is NaN or infinite though the operands are not is told of."""

    __slots__ = ("state",)

    def __init__(self, state: errstate) -> None:
        super().__init__()
        self.state = state

    @property
    def looks(self) -> CheckedTape:
        """Itself."""
        return self

    def record(self, primitive: Any, parents: tuple[int, ...], args: tuple[Any, ...], ans: Any, params: Any) -> Box:
        """Append one node, and look at its result."""
        box = super().record(primitive, parents, args, ans, params)
        if bad_entries(ans) is not None and is_origin(args, ans):
            action = self.state.action_on(ans)
            if action != "ignore":
                where, operation, line, cause = origin(self, len(self.nodes) - 1)
                what = "NaN" if has_nan(ans) else "an infinity"
                maker = f"the derivative of {operation}" if where == "derivative" else operation
                self.state.tell(action, f"{maker} makes {what}: {cause.why}; {cause.cure}", line)
        return box

    def check_backward(self, seeds: Sequence[tuple[int, Any]]) -> None:
        """Sweep a tape backward for its cotangents alone, and tell of the first one that is NaN or infinite."""
        kept: list[Any] = []
        with np.errstate(all="ignore"):
            backward(self, seeds, keep=kept)
        youngest = {parent: j for j, node in enumerate(self.nodes[: len(kept)]) for parent in node[1]}
        for i in range(len(kept) - 1, -1, -1):
            if kept[i] is None or bad_entries(kept[i]) is None:
                continue
            if _tell_of_slope(self.state, self, youngest.get(i, i), "pullback", kept[i]):
                return

    def check_forward(self, tangents: Sequence[Any]) -> None:
        """Sweep a tape forward for its tangents alone, and tell of the first one that is NaN or infinite."""
        with np.errstate(all="ignore"):
            reached = forward(self, tangents, range(len(self.nodes)))
        for i, tangent in enumerate(reached):
            if tangent is None or bad_entries(tangent) is None:
                continue
            if _tell_of_slope(self.state, self, i, "pushforward", tangent):
                return

    def check_series(self, series: Sequence[Sequence[Any]]) -> None:
        """Tell of the first Taylor coefficient of a node that is NaN or infinite."""
        for i, coefficients in enumerate(series):
            for k, coefficient in enumerate(coefficients):
                if k and bad_entries(coefficient) is not None:
                    if _tell_of_slope(self.state, self, i, f"Taylor coefficient {k}", coefficient):
                        return


def origin(tape: SweptTape, index: int) -> tuple[str, str, Line, Cause]:
    """Of a node that made something bad: "value" or "derivative", the user's operation, its line, and the cause."""
    primitive, _, args, ans, _ = tape.nodes[index]
    _, step = explained(primitive.name, args, ans)
    phase, passed = tape.passing[index]
    if phase == "primal" or passed is None:
        return "value", primitive.name, tape.lines[index], step
    inner, _, inner_args, inner_ans, _ = passed
    cause = cause_of_slope(inner.name, slope_operands(inner_args, inner_ans, ans))
    if cause is None:
        cause = Cause(f"in its rule, {primitive.name} met: {step.why}", step.cure)
    return "derivative", inner.name, tape.line_at(index), cause


def is_origin(args: tuple[Any, ...], ans: Any) -> bool:
    """Whether a result with bad entries was made of finite operands, or a NaN of operands without one."""
    return all(bad_entries(arg) is None for arg in args) or (has_nan(ans) and not any(map(has_nan, args)))


def explained(name: str, args: tuple[Any, ...], ans: Any) -> tuple[tuple[int, ...], Cause]:
    """The first bad entry of a result, NaN before infinities, and why it is bad."""
    part = next((part for part in ans if bad_entries(part) is not None), 0.0) if type(ans) is tuple else ans
    plain = plain_array(part)
    bad = np.isnan(plain) if np.isnan(plain).any() else ~np.isfinite(plain)
    entry = tuple([int(i) for i in np.argwhere(bad)[0]])
    operands = [at_entry(arg, entry, plain.shape) for arg in args]
    is_reduced = any(plain_array(arg).shape not in ((), plain.shape) for arg in args)
    if is_reduced and any(operand is None for operand in operands):
        operands = [_worst(arg) for arg in args]  # a sum, a product: the entry has no operand of its own
    return entry, cause_of_value(name, operands, plain[entry])


def _worst(arg: Any) -> Any:
    """The entry of an operand that is most likely to be to blame: one that is not finite, or else the largest."""
    plain = plain_array(arg).ravel()
    if not plain.size or plain.dtype.kind not in "fc":
        return None
    return plain[np.argmax(np.where(np.isfinite(plain), np.abs(plain), np.inf))]


def _tell_of_slope(state: errstate, tape: CheckedTape, index: int, what: str, bad: Any) -> bool:
    """Tell of a bad derivative of a node, unless that was made of bad operands; true if there was something to tell."""
    primitive, _, args, ans, _ = tape.nodes[index]
    action = state.action_on(bad)
    if action == "ignore" or primitive is None or not is_origin((*args, ans), bad):
        return False
    made = "NaN" if has_nan(bad) else "infinite"
    cause = cause_of_slope(primitive.name, slope_operands(args, ans, bad)) or NO_SLOPE
    state.tell(action, f"the {what} of {primitive.name} is {made}: {cause.why}; {cause.cure}", tape.lines[index])
    return True


def slope_operands(args: tuple[Any, ...], ans: Any, bad: Any) -> list[Any]:
    """The operands of an operation at the entry where its derivative `bad` failed.

    Where that has not the shape of the result, each operand is represented by its number nearest to 0.
    """
    shape = () if type(ans) is tuple else plain_array(ans).shape
    wrong = bad_entries(bad)
    if wrong is not None and wrong.shape == shape:
        entry = tuple([int(i) for i in np.argwhere(wrong)[0]])
        operands = [at_entry(arg, entry, shape) for arg in args]
        if all(operand is not None for operand in operands):
            return operands
    plains = [plain_array(arg) for arg in args]
    return [plain.ravel()[np.argmin(np.abs(plain))] if plain.size else None for plain in plains]
