"""Ways in which what a function reads can change between two calls, as data.

A case is a function that makes a program with state of its own: `(fun, args, change)`. `change()` changes the state and
returns a function that changes it back. The test runs the program three times, changes the state, runs it, changes the
state back, runs it again, and does all this twice with new state: once plainly, once compiled. Both must give the same
answers, or raise errors of the same type. A fourth entry, where there is one, is called at the end: what it returns
(a log, a counter) must be the same, too.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

Change = Callable[[], Callable[[], Any]]

X = np.array([0.3, -0.7, 1.1])
ABSENT = object()


class Case(NamedTuple):
    """One way to change state, by name and kind; `modes` are the compiled functions in which it is tried."""

    name: str
    kind: str
    modes: tuple[str, ...]
    make: Callable[[], tuple[Any, ...]]


CASES: list[Case] = []


def case(kind: str, modes: str = "value gradient") -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """A decorator that adds a case to the battery."""

    def add(make: Callable[[], Any]) -> Callable[[], Any]:
        known = next((each.make for each in CASES if each.name == make.__name__), None)
        if known is None:
            CASES.append(Case(make.__name__, kind, tuple(modes.split()), make))
        else:  # pytest imports the file under another name, to look for doctests
            assert known.__module__ != make.__module__, f"two cases are called {make.__name__}"
        return make

    return add


# ----- changes --------------------------------------------------------------------------------------------------------


def attribute(holder: Any, name: str, new: Any) -> Change:
    """Set an attribute; back: to what it was, or to nothing if there was none."""

    def change() -> Callable[[], Any]:
        old = vars(holder).get(name, ABSENT) if hasattr(holder, "__dict__") else getattr(holder, name, ABSENT)
        setattr(holder, name, new)
        return lambda: delattr(holder, name) if old is ABSENT else setattr(holder, name, old)

    return change


def replaced(holder: Any, name: str, new: Any) -> Change:
    """Set an attribute that is there, wherever it is stored; back: to what it was."""

    def change() -> Callable[[], Any]:
        old = getattr(holder, name)
        setattr(holder, name, new)
        return lambda: setattr(holder, name, old)

    return change


def no_attribute(holder: Any, name: str) -> Change:
    """Delete an attribute; back: set it again."""

    def change() -> Callable[[], Any]:
        old = vars(holder)[name]
        delattr(holder, name)
        return lambda: setattr(holder, name, old)

    return change


def entry(holder: Any, key: Any, new: Any) -> Change:
    """Set an entry; back: to what it was, or to nothing if there was none."""

    def change() -> Callable[[], Any]:
        try:
            old = holder[key]
            old = old.copy() if isinstance(old, np.ndarray) else old
        except (KeyError, IndexError):
            old = ABSENT
        holder[key] = new
        return lambda: holder.__delitem__(key) if old is ABSENT else holder.__setitem__(key, old)

    return change


def no_entry(holder: Any, key: Any) -> Change:
    """Delete an entry; back: set it again."""

    def change() -> Callable[[], Any]:
        old = holder[key]
        del holder[key]
        return lambda: holder.__setitem__(key, old)

    return change


def both(there: Callable[[], Any], back: Callable[[], Any]) -> Change:
    """Two actions, there and back."""

    def change() -> Callable[[], Any]:
        there()
        return back

    return change


def nothing() -> Change:
    """No change at all: the function's own effects are what matters."""
    return both(lambda: None, lambda: None)


# ----- outcomes -------------------------------------------------------------------------------------------------------


def outcomes(wrapped: Callable[[Any], Any], make: Callable[[], tuple[Any, ...]]) -> list[Any]:
    """What the calls of a case answer, when its function is wrapped: results, or types of errors."""
    fun, args, change, *seen = make()
    called = wrapped(fun)
    back = None

    def outcome() -> Any:
        try:
            result = called(*args)
        except Exception as error:
            return type(error)
        return copy.deepcopy(result)

    try:
        found = [outcome() for _ in range(3)]
        back = change()
        found.append(outcome())
    finally:
        if back is not None:
            back()
    found.append(outcome())
    return found + [each() for each in seen]


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that a compiled function gives the first time that it is not compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
