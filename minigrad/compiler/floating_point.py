"""How NumPy deals with divisions by zero and invalid operations while a function is traced, and when it is replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def strict_state() -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Two functions: from here on divisions by zero and invalid operations raise; as it was before.

    `np.errstate` does this in a microsecond. What it sets is a context variable, and setting that takes a seventh of
    it; where this NumPy keeps it elsewhere, `np.errstate` serves.
    """
    try:
        from numpy._core.umath import _extobj_contextvar as variable
        from numpy._core.umath import _make_extobj as make

        remembered = variable.get(), make(divide="raise", invalid="raise")
    except Exception:  # another NumPy

        def enter() -> Any:
            state = np.errstate(divide="raise", invalid="raise")
            state.__enter__()
            return state

        return enter, lambda state: state.__exit__(None, None, None)

    def enter_quickly() -> Any:
        nonlocal remembered
        now = variable.get()
        before, strict = remembered
        if now is not before:
            strict = make(divide="raise", invalid="raise")
            remembered = now, strict
        return variable.set(strict)

    return enter_quickly, variable.reset


enter_strict, leave_strict = strict_state()


def audible() -> Any:
    """A floating-point state in which what is ignored outside of the function differs from what it ignores within.

    Nothing is heard of either; within the function `ignore` then means that the function, or a rule, said so itself.
    """
    state = np.geterr()
    ignored: dict[str, Any] = {kind: "call" for kind in ("divide", "invalid") if state[kind] == "ignore"}
    return np.errstate(**ignored, call=lambda kind, flag: None) if ignored else np.errstate()
