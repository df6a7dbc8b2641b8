"""Derivatives that are infinite or do not exist: what a sweep met, and the warning that names operation and line."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import anywhere
from minigrad.core.lines import located, user_line
from minigrad.core.tape import Tape, peel
from minigrad.rules.elementwise import where


class Trouble:
    """Infinities and NaN that a sweep met. The sweep goes on, and warns at its end."""

    __slots__ = ("events", "found")

    def __init__(self) -> None:
        self.events: list[str] = []  #: what NumPy found since the last look: divisions by zero, invalid operations
        self.found: list[tuple[int, Any, Any, str]] = []

    def watch(self) -> Any:
        """Let NumPy tell of divisions by zero and invalid operations instead of warning of them itself."""
        events = self.events
        return np.errstate(divide="call", invalid="call", call=lambda kind, _flag: events.append(kind))

    def resolve(self, part: Any, moving: Any, rule: Any, index: int, node: Any) -> Any:
        """The result of a rule during which NumPy met an infinity or made a NaN, with 0 times infinity taken as 0.

        That product occurs in x * sqrt(x) at 0, for example. Nothing else is changed.
        """
        primitive, _parents, args, ans, params = node
        what = ""
        if primitive.kind == "elementwise" and anywhere(bad := np.isnan(peel(part))):
            with np.errstate(all="ignore"):
                local = peel(rule(np.ones_like(peel(ans)), ans, *args, **params))
            plain = peel(moving)
            zero = bad & ((np.isinf(local) & np.equal(plain, 0)) | (np.equal(local, 0) & np.isinf(plain)))
            if anywhere(zero):
                part = where(zero, 0.0, part)
                what = "an infinite derivative met a factor of 0; their product is taken as 0"
        self.note(index, primitive, ans, what)
        return part

    def note(self, index: int, primitive: Any, ans: Any, what: str = "") -> None:
        """Remember what happened at a node."""
        is_nan = any("invalid" in event for event in self.events)
        what = what or f"the derivative {'does not exist (NaN)' if is_nan else 'is infinite'} at some entry"
        self.events.clear()
        self.found.append((index, primitive, ans, what))

    def tell(self, tape: Tape) -> None:
        """Warn of the first thing found, with the operation and the user's line; or raise, if the user wants that."""
        index, primitive, ans, what = self.found[0]
        state = np.geterr()["invalid" if "NaN" in what else "divide"]
        if state == "ignore":
            return
        shape = tuple((ans[0] if type(ans) is tuple else ans).shape)
        message = (
            f"{primitive.name} (result of shape {shape}): {what}. Keep away from that point, "
            f"e.g. np.where(ok, f(np.where(ok, x, 1.0)), limit)"
        )
        line = tape.line_of(index, primitive) or user_line()
        message = located(message, line)
        if state == "raise":
            raise FloatingPointError(message)
        warnings.warn_explicit(message, RuntimeWarning, line.filename, line.number)
