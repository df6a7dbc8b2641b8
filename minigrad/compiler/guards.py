"""Guards: what was read while a function was traced, as conditions that a program asks before it runs.

A guard says what was read (an attribute of an object, an entry of a dict, the length of a list, the content of an
array) and what was found. Values that never change, such as numbers and strings, are compared by type and value where
they are another object now; everything else is compared by identity. A guard that raises counts as changed.
"""

from __future__ import annotations

import sys
import types
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from functools import partial
from keyword import iskeyword
from operator import is_not
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.frames import version_of
from minigrad.compiler.pure import BUFFERS, ITERATORS, PLAIN, is_a, is_made_by_python
from minigrad.core.fingerprint import fingerprint
from minigrad.core.tree import TreeDef


class Missing:
    """What is found where nothing is."""


class Guard(NamedTuple):
    """One thing that was read: how, of which object, under which name or key, and what was found."""

    kind: str
    holder: Any
    key: Any
    found: Any


def differs(now: Any, found: Any) -> bool:
    """Whether a value is another one than it was: by identity, or for values that never change by type and value."""
    if now is found:
        return False
    kind = type(found)
    if type(now) is not kind:
        return True
    if kind is tuple:
        return len(now) != len(found) or any(map(differs, now, found))
    if kind not in PLAIN:
        return True
    if kind in _NUMBERS:  # 0.0 and -0.0 are equal, NaN is not
        return bool(now != found) if now else repr(now) != repr(found)
    if is_a(found, np.generic):
        return bool(now.tobytes() != found.tobytes())
    return bool(now != found) or (kind is complex and repr(now) != repr(found))


_NUMBERS = {int, bool, float, np.float64}


def static(kind: type, name: str, after: type | None = None) -> Any:
    """What a class or its bases have under a name, as it is written there; only the bases after one, if it is given."""
    line = kind.__mro__
    for base in line if after is None else line[line.index(after) + 1 :]:
        if name in base.__dict__:
            return base.__dict__[name]
    return Missing


def content(cell: Any) -> Any:
    """What is in a cell."""
    try:
        return cell.cell_contents
    except ValueError:
        return Missing


def attribute(holder: Any, name: str) -> Any:
    """An attribute, without running the user's code."""
    try:
        if is_a(holder, type):
            return static(holder, name)
        getter: Any = type(holder).__getattribute__
        return (object.__getattribute__ if is_a(getter, types.FunctionType) else getter)(holder, name)
    except Exception:
        return Missing


def look(array: np.ndarray) -> Any:
    """The content of an array, to be compared."""
    if array.dtype.hasobject:
        return tuple(array.ravel().tolist()) if array.dtype == object else Missing
    return fingerprint(array if type(array) is np.ndarray else np.asarray(array))


def is_other(array: Any, before: Any, shape: Any, dtype: Any) -> bool:
    """Whether an array is not as it was."""
    if array.shape != shape or array.dtype is not dtype:
        return True
    if dtype.hasobject:
        now = look(array)
        return len(now) != len(before) or any(map(is_not, now, before))
    return bool(look(array) != before)


def keys_of(holder: dict[Any, Any]) -> tuple[Any, ...]:
    """The keys of a dict in their order."""
    return tuple(OrderedDict.__iter__(holder) if is_a(holder, OrderedDict) else dict.__iter__(holder))


class ClassGuard:
    """What was looked up in a class. While the version of the class is the same, nothing has to be looked up again."""

    def __init__(self, kind: type) -> None:
        self.kind, self.version = kind, version_of(kind)
        self.found: dict[Any, Any] = {}
        self.implicit: dict[str, Any] | None = None  #: what code that is not followed may look up
        self.is_whole = False  #: whether that is everything, or the special methods
        self.known = -1

    def confirm(self) -> None:
        """From now on, the version stands for what was found."""
        static(self.kind, "__doc__")
        getattr(self.kind, "__mro__", None)
        try:
            _ = self.kind.__module__  # a look-up gives the class a version
        except Exception:
            return
        self.known = self.version.value or -1

    def special(self) -> dict[str, Any]:
        """The special methods of the class and its bases, or all that they have."""
        found: dict[str, Any] = {}
        for base in reversed(self.kind.__mro__):
            if is_made_by_python(base):
                names = [k for k in base.__dict__ if (self.is_whole or k[:2] == "__") and k not in _NO_METHODS]
                found.update({k: base.__dict__[k] for k in names})
        return found

    def moved(self) -> bool:
        """Whether something that was looked up is another one now."""
        for (name, after), found in self.found.items():
            if differs(static(self.kind, name, after), found):
                return True
        if self.implicit is not None:
            now = self.special()
            if len(now) != len(self.implicit) or any(now.get(k, Missing) is not v for k, v in self.implicit.items()):
                return True
        self.confirm()
        return False


_NO_METHODS = {"__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__annotations__", "__slots__",
               "__firstlineno__", "__static_attributes__", "__slotnames__"}  # fmt: skip


def changed(guard: Guard) -> bool:
    """Whether something is not as it was found."""
    try:
        return _changed(*guard)
    except Exception:
        return True


def _changed(kind: str, h: Any, key: Any, found: Any) -> bool:
    if kind == "key":
        get = dict.get if is_a(h, dict) else type(h).get
        return differs(get(h, key, Missing), found)
    if kind == "attribute":
        return differs(attribute(h, key), found)
    if kind == "method":
        return getattr(attribute(h, key), "__func__", None) is not found
    if kind == "own":
        return (key in object.__getattribute__(h, "__dict__")) is not found
    if kind == "flags":
        return bool(h.flags.num != found)
    if kind == "item":
        return differs(h[key], found)
    if kind == "cell":
        return differs(content(h), found)
    if kind == "type":
        return type(h) is not found
    if kind == "length":
        return len(h) != found
    if kind == "truth":
        return bool(h) is not found
    if kind == "sequence":
        return len(h) != len(found) or any(map(differs, h, found))
    if kind == "dict":
        keys, values = found
        return len(h) != len(keys) or any(map(differs, keys_of(h), keys)) or any(map(differs, dict.values(h), values))
    if kind == "content":
        return bool(h != found) if not is_a(h, np.void) else h.tobytes() != found
    if kind == "form":
        return (h.shape, h.strides) != found[:2] or h.dtype != found[2]
    if kind == "again":
        return differs(h(*key), found)
    if kind == "function":
        return h.__code__ is not found[0] or h.__defaults__ is not found[1] or h.__kwdefaults__ is not found[2]
    raise AssertionError(kind)


class Guards:
    """Everything that was read, once."""

    def __init__(self) -> None:
        self.guards: dict[Any, Guard] = {}
        self.classes: dict[int, ClassGuard] = {}
        self.contents: dict[int, tuple[Any, Any, Any, Any, str]] = {}  #: array, content, shape, dtype, name
        self.suspects: dict[int, tuple[Any, str]] = {}  #: objects that were used and cannot be watched, and a message
        self.names: dict[int, str] = {}  #: what the user calls an object, by `id`
        self.cells: dict[int, Any] = {}  #: closure variables of functions that were called while all was watched

    @property
    def arrays(self) -> list[tuple[Any, Any, str]]:
        """The arrays whose content is watched."""
        return [(array, before, name) for array, before, _, _, name in self.contents.values()]

    def holders(self) -> set[int]:
        """The objects of which something was read, by `id`."""
        return {id(guard.holder) for guard in self.guards.values()}

    def add(self, kind: str, holder: Any, key: Any, found: Any, name: str = "") -> None:
        """Something was read."""
        self.guards.setdefault((kind, id(holder), key), Guard(kind, holder, key, found))
        if type(found) not in PLAIN:
            name = name or (key if type(key) is str else self.names.get(id(holder), ""))
            if name.isidentifier():
                self.names.setdefault(id(found), name)
                if type(found) is types.MethodType:
                    self.names.setdefault(id(found.__self__), name)

    def add_class(self, kind: type) -> ClassGuard | None:
        """The guard of a class; None if the class never changes."""
        if kind.__flags__ & (1 << 8):
            return None
        return self.classes.setdefault(id(kind), ClassGuard(kind))

    def add_array(self, array: Any) -> None:
        """The content of an array was read."""
        if id(array) not in self.contents:
            name = self.names.get(id(array), "")
            self.contents[id(array)] = array, look(array), array.shape, array.dtype, name

    def merge(self, other: Guards) -> None:
        """What another one has read was read here, too."""
        self.guards.update({key: guard for key, guard in other.guards.items() if key not in self.guards})
        self.contents.update({key: each for key, each in other.contents.items() if key not in self.contents})
        for key, each in other.classes.items():
            mine = self.classes.setdefault(key, each)
            if mine is not each:
                mine.found |= {k: v for k, v in each.found.items() if k not in mine.found}
                if each.implicit is not None:
                    mine.is_whole |= each.is_whole
                    mine.implicit = mine.special()

    # ----- after the trace --------------------------------------------------------------------------------------------

    def forget_temporary(self, captured: dict[int, tuple[Any, Any]], uses: Counter[int], result: TreeDef) -> None:
        """Objects that the trace made and that nobody else has need no guard: no call will see them again.

        Args:
            captured: the arrays that operations used.
            uses: how often the program and the leaves of the result refer to each array, by `id`.
            result: the shape of the result, which holds the containers that the function returned.
        """
        while True:
            ours: Counter[int] = Counter()
            for guard in self.guards.values():
                ours[id(guard.holder)] += 1
                ours[id(guard.found)] += 1
                if guard.kind in ("sequence", "dict", "again", "function"):
                    parts = guard.key if guard.kind == "again" else guard.found
                    for part in (*parts[0], *parts[1]) if guard.kind == "dict" else parts:
                        ours[id(part)] += 1
            for array, _, _, _, _ in self.contents.values():
                ours[id(array)] += 1
            for array, before, _, _, _ in self.contents.values():
                if type(before) is tuple and array.dtype == object:
                    for part in before:
                        ours[id(part)] += 1
            for holder, _ in self.suspects.values():
                ours[id(holder)] += 1
            for array, _ in captured.values():
                ours[id(array)] += 1
            self._count_bases(captured, uses, ours)
            array = holder = guard = part = None  # type: ignore[assignment]
            _count_examples(result, ours, 0)
            gone = [
                key
                for key, guard in self.guards.items()
                if sys.getrefcount(guard.holder) <= ours[id(guard.holder)] + uses[id(guard.holder)] + 1
                and _may_be_temporary(guard.holder)
                and not _is_view_of_another(guard.holder, ours, uses)
            ]
            lost = [
                key
                for key, (array, *_) in self.contents.items()
                if sys.getrefcount(array) <= ours[key] + uses[key] + 2 and not _is_view_of_another(array, ours, uses)
            ]
            freed = [key for key, (each, _) in self.suspects.items() if sys.getrefcount(each) <= ours[key] + 2]
            array = guard = None  # type: ignore[assignment]
            if not gone and not lost and not freed:
                return
            for key in gone:
                del self.guards[key]
            for key in lost:
                del self.contents[key]
            for key in freed:
                del self.suspects[key]

    def _count_bases(self, captured: dict[int, tuple[Any, Any]], uses: Counter[int], ours: Counter[int]) -> None:
        """Count the references of views that nobody else has to the arrays whose memory they show."""
        arrays: list[tuple[Any, ...]] = [*self.contents.values(), *captured.values()]
        arrays += [guard[1:] for guard in self.guards.values()]
        views = {id(a): a for a, *_ in arrays if is_a(a, np.ndarray) and a.base is not None}
        arrays = []
        for key in list(views):
            if sys.getrefcount(views[key]) <= ours[key] + uses[key] + 2:
                ours[id(views[key].base)] += 1

    def keep(self, captured: dict[int, tuple[Any, Any]], uses: Counter[int]) -> None:
        """Also watch the arrays that operations used, unless nobody else has them."""
        alone = {key for key, (array, _) in captured.items() if sys.getrefcount(array) <= uses[key] + 3}
        bases = Counter([id(captured[key][0].base) for key in alone])
        for key, (array, before) in captured.items():
            if key in self.contents or id(array.base) in self.contents:
                continue
            base = array.base
            is_view = base is not None and not (
                # An array that views alone refer to, which nobody else has either.
                type(base) is np.ndarray and base.base is None and sys.getrefcount(base) <= bases[id(base)] + 2
            )
            if is_view or key not in alone:
                name = self.names.get(key, "an array")
                self.contents[key] = array, before, array.shape, array.dtype, name

    def what_changed(self) -> str | None:
        """The name of something that is not as it was found, if there is one."""
        for guard in self.guards.values():
            if changed(guard):
                name = guard.key if type(guard.key) is str else self.names.get(id(guard.holder), "")
                return name or self.names.get(id(guard.holder)) or f"a {type(guard.holder).__name__}"
        for array, before, shape, dtype, name in self.contents.values():
            if is_other(array, before, shape, dtype):
                return name or "an array"
        for each in self.classes.values():
            if each.version.value != each.known and each.moved():
                return each.kind.__name__
        return None

    # ----- as text ----------------------------------------------------------------------------------------------------

    def lines(self, bind: Callable[[Any], str], missed: str) -> list[str]:
        """The lines that run `missed` where something is not as it was, or can no longer be read."""
        conditions = self.written(bind)
        if not conditions:
            return []
        return ["try:", *[f"    if {wrong}: {missed}" for wrong in conditions], f"except Exception: {missed}"]

    def written(self, bind: Callable[[Any], str]) -> list[str]:
        """Python conditions, true where something is not as it was. `bind` gives a value a name."""
        for each in self.classes.values():
            each.confirm()
        lines = [self._condition(guard, bind) for guard in self.guards.values()]
        for each in self.classes.values():
            if each.found or each.implicit is not None:
                name = bind(each)
                lines.append(f"{bind(each.version)}.value != {name}.known and {name}.moved()")
        for array, before, shape, dtype, _ in self.contents.values():
            name = bind(array)
            if not array.flags.writeable and array.base is None and not dtype.hasobject:
                lines.append(f"{name}.flags.writeable")  # nobody can write to it
            elif type(before) is bytes and type(array) is np.ndarray:
                form = f"{name}.shape != {shape} or {name}.dtype is not {bind(dtype)}"
                lines.append(f"{name}.tobytes() != {bind(before)} or {form}")
            else:
                lines.append(f"{bind(is_other)}({name}, {bind(before)}, {shape}, {bind(dtype)})")
        return lines

    def _condition(self, guard: Guard, bind: Callable[[Any], str]) -> str:
        kind, holder, key, found = guard
        h = bind(holder)
        simple = ""
        if found is not Missing:
            if kind == "key" and type(holder) is dict:
                simple = f"{h}[{repr(key) if type(key) in (str, int) else bind(key)}]"
            elif kind == "item":
                simple = f"{h}[{key!r}]" if type(key) is int else ""
            elif kind == "cell":
                simple = f"{h}.cell_contents"
            elif kind == "attribute" and _is_simple(holder, key):
                simple = f"{h}.{key}"
        elif kind == "key" and type(holder) is dict:
            return f"{repr(key) if type(key) is str else bind(key)} in {h}"
        if simple:
            f = bind(found)
            either = (type(found) in PLAIN and found is not None) or type(found) is tuple
            return f"{simple} is not {f}" + (f" and {bind(differs)}({simple}, {f})" if either else "")
        if kind == "method" and _is_simple(holder, key):
            return f"{h}.{key}.__func__ is not {bind(found)}"
        if kind == "dict" and type(holder) is dict and not found[0]:
            return h
        if kind == "type":
            return f"type({h}) is not {bind(found)}"
        if kind == "length":
            return f"len({h}) != {found}"
        if kind == "sequence" and not any(type(each) in PLAIN or type(each) is tuple for each in found):
            return f"len({h}) != {len(found)} or any(map({bind(is_not)}, {h}, {bind(found)}))"
        if kind == "own" and _is_simple(holder, "__dict__"):
            return f"{key!r} {'not ' if found else ''}in {h}.__dict__"
        if kind == "function":
            code, defaults, keywords = found
            lines = f"{h}.__code__ is not {bind(code)} or {h}.__defaults__ is not {bind(defaults)}"
            return f"{lines} or {h}.__kwdefaults__ is not {bind(keywords)}"
        return f"{bind(changed)}({bind(guard)})"


def _count_examples(tree: TreeDef, ours: Counter[int], by_parent: int) -> None:
    """Count the references to the containers of a result: by its shape, and by containers that nobody else has."""
    if tree.example is not None:
        ours[id(tree.example)] += 1 + by_parent
        is_ours = sys.getrefcount(tree.example) <= ours[id(tree.example)] + 1
        for child in tree.children:
            _count_examples(child, ours, int(is_ours))


def _is_view_of_another(array: Any, ours: Counter[int], uses: Counter[int]) -> bool:
    """Whether an array shows memory of something that somebody else has."""
    if not is_a(array, np.ndarray) or array.base is None:
        return False
    known = ours[id(array.base)] + uses[id(array.base)]
    return not is_a(array.base, np.ndarray) or sys.getrefcount(array.base) > known + 1


def _may_be_temporary(holder: Any) -> bool:
    """Whether an object holds what it has itself, and is no view of another."""
    if is_a(holder, _TEMPORARY) or type(holder) in ITERATORS:
        return True
    return is_made_by_python(type(holder)) and not is_a(holder, (type, types.ModuleType))


_TEMPORARY = (list, dict, set, deque, types.CellType, types.FunctionType, np.ndarray, types.SimpleNamespace,
              partial, *BUFFERS)  # fmt: skip


def _is_simple(holder: Any, name: str) -> bool:
    """Whether `holder.name` runs none of the user's code."""
    if not (name.isascii() and name.isidentifier()) or iskeyword(name) or is_a(holder, type):
        return False
    kind = type(holder)
    return not is_a(kind.__getattribute__, types.FunctionType) and static(kind, "__getattr__") is Missing
