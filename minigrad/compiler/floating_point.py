"""How NumPy deals with divisions by zero and invalid operations while a function is traced, and when it is replayed."""

from __future__ import annotations

import types
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from minigrad.compiler.answers import Missed
from minigrad.core.lines import user_line

HEARD = "errors of NumPy are heard"
LOUD = ("raise", "call", "print", "log")
STRICT: dict[str, Any] = {"divide": "raise", "invalid": "raise"}
FLOWS: dict[str, Any] = {"over": "ignore", "under": "ignore"}  #: no engine has to resolve them


def is_loud(state: Any) -> bool:
    """Whether NumPy is to do more about an error than to warn of it, as `np.geterr` says.

    A compiled program leaves out what nobody reads, and so the errors in it; then the engine answers. What minigrad
    itself asks to be called for does not count.
    """
    if not any(kind in LOUD for kind in state.values()):
        return False
    is_ours = (getattr(np.geterrcall(), "__module__", None) or "").split(".")[0] == __name__.split(".")[0]
    return any(kind in LOUD and not (kind == "call" and is_ours) for kind in state.values())


def flows_raising() -> dict[str, Any]:
    """The state in which overflows and underflows raise, of which NumPy would warn now."""
    return {kind: "raise" for kind, what in np.geterr().items() if kind in FLOWS and what == "warn"}


def strict_state(warns: bool = True) -> tuple[Callable[[], Any], Callable[[Any], None], Callable[[], bool]]:
    """Three functions: from here on divisions by zero and invalid operations raise; as it was; `errors_are_heard`.

    Unless it `warns`, overflows and underflows of which NumPy would warn raise as well.

    `np.errstate` does this in a microsecond. What it sets is a context variable, and setting that takes a seventh of
    it; where this NumPy keeps it elsewhere, `np.errstate` serves.
    """

    def raising() -> dict[str, Any]:
        return STRICT | ({} if warns else flows_raising())

    try:
        from numpy._core.umath import _extobj_contextvar as variable
        from numpy._core.umath import _make_extobj as make

        remembered: tuple[Any, Any] = (None, None)
        make(**STRICT)
    except Exception:  # another NumPy

        def enter() -> Any:
            if errors_are_heard():
                raise FloatingPointError(HEARD)
            state = np.errstate(**raising())
            state.__enter__()
            return state

        return enter, lambda state: state.__exit__(None, None, None), errors_are_heard

    def enter_quickly() -> Any:
        now = variable.get()
        before, strict = remembered
        return variable.set(strict if now is before else strict_of(now))

    def strict_of(now: Any) -> Any:
        nonlocal remembered
        if now is remembered[1]:
            return now  # a compiled function within another
        if errors_are_heard():
            raise FloatingPointError(HEARD)
        remembered = now, make(**raising())
        return remembered[1]

    def are_heard_quickly() -> bool:
        now = variable.get()
        return not (now is remembered[0] or now is remembered[1]) and errors_are_heard()

    return enter_quickly, variable.reset, are_heard_quickly


def errors_are_heard() -> bool:
    """Whether the engine has to answer, since NumPy was asked to do more about errors than to warn."""
    return is_loud(np.geterr())


def look_at_errors() -> Callable[[], bool]:
    """A function: whether divisions by zero and invalid operations are ignored here."""

    def asked() -> bool:
        state = np.geterr()
        return bool(state["divide"] == state["invalid"] == "ignore")

    try:
        from numpy._core.umath import _extobj_contextvar as variable
    except ImportError:  # another NumPy
        return asked
    latest: tuple[Any, bool] = (None, False)

    def asked_once() -> bool:
        nonlocal latest
        now, known = variable.get(), latest
        if known[0] is not now:
            latest = known = now, asked()
        return known[1]

    return asked_once


def is_flow(error: FloatingPointError) -> bool:
    """Whether NumPy raised it for an overflow or underflow."""
    return "flow encountered" in str(error)


def overflown(error: FloatingPointError, flows: list[Any], function: Any, args: Any, kwargs: Any) -> Any:
    """The result of an operation that ended with this error, if that is an overflow: one more of `flows`.

    The trace warns of these in the end, if it gets there.
    """
    if not is_flow(error):
        raise error
    flows.append((str(error), user_line()))
    with np.errstate(**FLOWS):
        return function(*args, **kwargs)


def hushed(program: Any, *args: Any) -> Any:
    """The result of a program that does not warn of overflows."""
    try:
        return program(*args)
    except FloatingPointError as error:
        if not is_flow(error):
            raise
    with np.errstate(**FLOWS):
        return program(*args)


def aloud(program: Any, error: FloatingPointError, *args: Any) -> Any:
    """The result of a program that ended with this error, if numbers overflow in it and nothing else does happen.

    Only then it warns of these. Where it raises, the engine answers, and the warnings are the engine's.
    """
    if not is_flow(error):
        raise error
    result = hushed(program, *args)
    if type(result) is Missed:
        return result
    warning = {"enter": enter_strict, "leave": leave_strict}
    return types.FunctionType(program.__code__, program.__globals__ | warning)(*args)


errors_are_ignored = look_at_errors()
enter_strict, leave_strict, _ = strict_state()
enter_silent, leave_silent, are_errors_heard = strict_state(warns=False)


def check_calm() -> None:
    """Raise a FloatingPointError where the engine has to answer."""
    if are_errors_heard():
        raise FloatingPointError(HEARD)


def audible() -> Any:
    """A floating-point state in which what is ignored outside of the function differs from what it ignores within.

    Nothing is heard of either; within the function `ignore` then means that the function, or a rule, said so itself.
    """
    state = np.geterr()
    ignored: dict[str, Any] = {kind: "call" for kind in ("divide", "invalid") if state[kind] == "ignore"}
    return np.errstate(**ignored, call=lambda kind, flag: None) if ignored else nullcontext()
