"""What a function reads besides its arguments: closures, globals, attributes, captured arrays; and what it must not do.

A compiled function is right only as long as what it captured is as it was. All of it is found once, by walking from the
function through its closure, the globals and attributes that its code names, and the functions and containers found
there. Each call compares identities, and the content of arrays: a copy for small ones, a fingerprint for large ones.
"""

from __future__ import annotations

import copy
import functools
import gc
import os
import random
import sys
import types
from array import array as number_array
from collections import Counter, deque
from collections.abc import Callable, Iterable
from operator import is_not
from typing import Any, NamedTuple

import numpy as np

from minigrad.core.duck_arrays import Duck
from minigrad.core.fingerprint import fingerprint
from minigrad.core.lines import located
from minigrad.core.tape import Box
from minigrad.errors import CannotCompileError

_PLAIN = (
    int,
    float,
    complex,
    str,
    bytes,
    bool,
    type(None),
    np.generic,
    np.dtype,
    range,
    slice,
    type(Ellipsis),
    frozenset,
)
_LIBRARIES = (os.path.dirname(os.path.dirname(__file__)) + os.sep, os.path.dirname(np.__file__) + os.sep)
_STANDARD = os.path.dirname(os.__file__) + os.sep
_MOST = 4000  # objects that are looked at


class Place(NamedTuple):
    """One thing that was read: a text with `{}` for the object that holds it, and what was found there."""

    text: str
    holder: Any
    found: Any
    name: str


class Watched:
    """Everything that a function reads besides its arguments."""

    def __init__(self, fun: Callable[..., Any], static: Iterable[Any] = ()) -> None:
        roots = [("the function", fun), *[("an argument", value) for value in static]]
        names: set[str] = set()
        while True:  # until all code is known that names attributes: usually twice where there are objects, else once
            self.places: list[Place] = []
            self.arrays: list[tuple[Any, Any, str]] = []
            self.generators: list[tuple[Any, Any, str]] = []
            self.closes_over_box = False
            self.is_suspicious = False  #: whether its code names something that may be random, the time or a file
            self.names: dict[int, str] = {}  #: what the user calls an array, by `id`
            self._seen: dict[int, Any] = {}
            self._watched: set[tuple[str, int]] = set()
            self._attributes, self._found, self._has_objects = frozenset(names), set[str](), False
            for name, value in roots:
                self._walk(value, name)
            if not self._has_objects or self._found <= names:
                break
            names |= self._found

    def _walk(self, value: Any, name: str) -> None:
        """Look at one value, and at what is reached from it."""
        if isinstance(value, _PLAIN) or id(value) in self._seen or len(self._seen) > _MOST:
            return
        self._seen[id(value)] = value
        if isinstance(value, np.ndarray):
            self.arrays.append((value, fingerprint(value), name))
            self.names.setdefault(id(value), name)
        elif type(value) is Box or isinstance(value, Duck):
            self.closes_over_box = True
        elif isinstance(value, types.FunctionType):
            self._walk_function(value)
        elif isinstance(value, types.MethodType):
            self._walk(value.__func__, name)
            self._walk(value.__self__, name)
        elif isinstance(value, functools.partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self._walk(part, name)
        elif hasattr(type(value), "__next__"):
            raise _refused(f"captures {name}, an iterator", "pass what it yields as an argument")
        elif isinstance(value, (list, tuple, deque)):
            if not isinstance(value, tuple):
                self._watch(
                    "len({0}) != " + str(len(value)) + " or any(map(is_not, {0}, {1}))", value, list(value), name
                )
            for i, part in enumerate(value):
                self._walk(part, f"{name}{i}")
        elif isinstance(value, dict):
            self._watch("tuple({0}) != {1}", value, tuple(value), name)
            self._watch("any(map(is_not, {0}.values(), {1}))", value, list(value.values()), name)
            for key, part in value.items():
                self._walk(part, str(key) if str(key).isidentifier() else name)
        elif isinstance(value, (set, bytearray, number_array)):
            self._watch("{0} != {1}", value, copy.copy(value), name)
        elif isinstance(value, (np.random.Generator, np.random.RandomState, random.Random)):
            self.generators.append((value, _state(value), name))
        elif isinstance(value, types.ModuleType):
            if not _is_library(value.__name__):
                self._has_objects = True
                self._walk_names(vars(value), self._attributes)
        elif isinstance(value, type):
            self._walk_class(value, None)
        elif not isinstance(getattr(value, "__self__", None), (types.ModuleType, type(None))):
            self._walk(value.__self__, name)  # a method of a built-in type, such as `rng.normal`
        else:
            self._has_objects = True
            self._walk_object(value, name)

    def _walk_function(self, function: types.FunctionType) -> None:
        code = function.__code__
        names = _names_in(code)
        is_own = code.co_filename.startswith(_LIBRARIES)
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            try:
                content = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            if not is_own:  # the closures of `grad` and its like do not change, nor do the engine's globals
                self._watch("{0}.cell_contents is not {1}", cell, content, name)
            self._walk(content, name)
        if is_own:
            return
        self._found |= names
        if not _SUSPICIOUS.isdisjoint(names):
            self.is_suspicious = True
        self._watch("{0}.__code__ is not {1}", function, code, function.__name__)
        for name, default in zip(code.co_varnames, function.__defaults__ or ()):
            self._walk(default, name)
        for name, default in (function.__kwdefaults__ or {}).items():
            self._walk(default, name)
        self._walk_names(function.__globals__, names)

    def _walk_names(self, holder: dict[str, Any], names: frozenset[str]) -> None:
        for name in sorted(names & holder.keys()):
            found = holder[name]
            if isinstance(found, types.ModuleType) and _is_library(found.__name__):
                self.is_suspicious |= found.__name__.partition(".")[0] not in _HARMLESS
                continue
            home = getattr(found, "__module__", None) or ""
            if callable(found) and home.partition(".")[0] not in _HARMLESS and _is_library(home):
                self.is_suspicious = True
            self._watch("{0}.get(" + _literal(name) + ") is not {1}", holder, found, name)
            self._walk(found, name)

    def _walk_object(self, value: Any, name: str) -> None:
        """The attributes that code names, of the object and of its class; of the engine's own objects all of them."""
        kind = type(value)
        inside: dict[str, Any] = getattr(value, "__dict__", {})
        if kind.__module__.partition(".")[0] == "minigrad":
            for part in [value.__wrapped__] if hasattr(value, "__wrapped__") else list(inside.values()):
                self._walk(part, name)
            return
        if not _is_library(kind.__module__):
            self._walk_class(kind, value)
        is_dynamic = not _DYNAMIC.isdisjoint(self._attributes)
        self._walk_names(inside, frozenset(inside) if is_dynamic else self._attributes)

    def _walk_class(self, kind: type, value: Any) -> None:
        """The attributes of a class that code names, and those of one of its objects that are kept in slots."""
        if _is_library(kind.__module__):
            return
        self._has_objects = True
        names = self._attributes | {"__call__", "__init__", "__post_init__"}
        for base in kind.__mro__[:-1]:
            for attribute in sorted(names & base.__dict__.keys()):
                found = base.__dict__[attribute]
                if isinstance(found, types.MemberDescriptorType):
                    if value is not None and hasattr(value, attribute):
                        self._watch("{0}." + attribute + " is not {1}", value, getattr(value, attribute), attribute)
                        self._walk(getattr(value, attribute), attribute)
                    continue
                if value is not None and attribute not in getattr(value, "__dict__", {attribute: None}):
                    self._watch(_literal(attribute) + " in {0}", value.__dict__, None, attribute)
                self._watch("{0}.__dict__.get(" + _literal(attribute) + ") is not {1}", base, found, attribute)
                if isinstance(found, property):
                    found = found.fget
                self._walk(getattr(found, "__func__", found), attribute)

    def keep(self, captured: Iterable[tuple[Any, Any]], uses: Counter[int]) -> None:
        """Also watch the arrays that operations used and the walk did not find, unless nobody else has them."""
        for array, before in captured:
            if id(array) in self._seen or id(array.base) in self._seen:
                continue
            if array.base is not None or sys.getrefcount(array) > uses[id(array)] + 3:
                self.arrays.append((array, before, "an array"))

    def _watch(self, text: str, holder: Any, found: Any, name: str) -> None:
        if (text, id(holder)) not in self._watched:
            self._watched.add((text, id(holder)))
            self.places.append(Place(text, holder, found, name))

    def written(self, bind: Callable[[Any], str]) -> list[str]:
        """Python conditions, true where something is not as it was. `bind` gives a value a name."""
        bind(is_not)
        conditions = []
        for place in self.places:
            text = place.text.replace("is_not", bind(is_not))
            conditions.append(text.format(bind(place.holder), bind(place.found)))
        for array, before, _ in self.arrays:
            if not array.flags.writeable and array.base is None:
                continue  # nobody can write to it
            if type(before) is bytes:
                conditions.append(f"{bind(array)}.tobytes() != {bind(before)}")
            else:
                conditions.append(f"{bind(fingerprint)}({bind(array)}) != {bind(before)}")
        return conditions

    def check_after_trace(self) -> None:
        """Raise if the function drew random numbers, or changed what it captured."""
        for generator, before, name in self.generators:
            if _state(generator) != before:
                raise _refused(f"draws random numbers from {name}", _RANDOM_ADVICE)
        for place in self.places:
            if _condition(place.text)(place.holder, place.found):
                raise _refused(
                    f"changes {place.name}, which it captures",
                    "a compiled function is run by Python once only. Return what it computes instead",
                )
        for array, before, name in self.arrays:
            if fingerprint(array) != before:
                raise _refused(f"writes into the captured array {name}", "return what it computes instead")


def _literal(name: str) -> str:
    """A name as a literal within a text with places to fill."""
    return repr(name).replace("{", "{{").replace("}", "}}")


@functools.lru_cache(maxsize=1024)
def _condition(text: str) -> Callable[[Any, Any], Any]:
    condition: Callable[[Any, Any], Any] = eval(
        f"lambda holder, found: {text.format('holder', 'found')}", {"is_not": is_not}
    )
    return condition


def _state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return str(generator.bit_generator.state)
    if isinstance(generator, np.random.RandomState):
        state: Any = generator.get_state()
        return state[0], state[1].tobytes(), *state[2:]
    return generator.getstate()


@functools.lru_cache(maxsize=4096)
def _names_in(code: Any) -> frozenset[str]:
    """The globals and attributes that a piece of code names, with those of the code within it."""
    if code is None:
        return frozenset()
    within = [_names_in(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return frozenset(code.co_names).union(*within)


_DYNAMIC = {"getattr", "vars", "__dict__", "asdict", "astuple", "eval", "exec"}


def _is_library(name: str) -> bool:
    """Whether a module belongs to Python, to NumPy, to this package, or is installed: not the user's own program."""
    module = sys.modules.get(name)
    if name == "__main__" or module is None:
        return False
    filename = getattr(module, "__file__", None)
    if filename is None:
        return name in sys.builtin_module_names
    return filename.startswith((*_LIBRARIES, _STANDARD)) or f"{os.sep}site-packages{os.sep}" in filename


_RANDOM_ADVICE = "draw them outside and pass them as an argument"
_ADVICE = {
    "random": _RANDOM_ADVICE,
    "time": "read it outside and pass it as an argument",
    "input": "read outside and pass the data as an argument",
    "output": "return the value, and print or write it outside",
}
_RANDOM = {"random", "getrandbits", "urandom", "seed", "shuffle", "randbytes"}
_TIME = {
    "time",
    "time_ns",
    "perf_counter",
    "perf_counter_ns",
    "monotonic",
    "monotonic_ns",
    "process_time",
    "now",
    "today",
}
_FORBIDDEN = {**dict.fromkeys(_RANDOM, "random"), **dict.fromkeys(_TIME | {"utcnow", "localtime"}, "time"),
              **dict.fromkeys(("open", "input", "listdir", "scandir"), "input"), "print": "output"}  # fmt: skip
_HOMES = {"time", "_random", "posix", "nt", "builtins", "io", "_io", "random", "datetime", None}
_SYSTEM = {"linecache", "tokenize", "warnings", "importlib._bootstrap", "importlib._bootstrap_external"}


def _refused(what: str, advice: str) -> CannotCompileError:
    return CannotCompileError(
        located(f"compile: the function {what}. A compiled function would go on with what it found at first: {advice}")
    )


_HARMLESS = {"numpy", "minigrad", "scipy", "math", "operator", "functools", "itertools", "collections", "dataclasses",
             "typing", "builtins", "cmath"}  # fmt: skip
_SUSPICIOUS = {*_FORBIDDEN, "default_rng", "Random", "SystemRandom", "uniform", "gauss", "choice", "randint", "read",
               "write", "read_text", "write_text", "import_module", "sleep"}  # fmt: skip


def _is_systems_own(frame: Any) -> bool:
    """Whether a call comes from the import system, from a warning, or from a callback of the garbage collector."""
    if frame.f_globals.get("__name__") in _SYSTEM:
        return True
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks:
            return True
        frame = frame.f_back
    return False


class Purity:
    """While it is entered, calls of this thread that read random numbers, the time or files are noticed.

    Python then tells of every call, which triples the time of a trace: this is done only for a function whose code
    names something of the kind, or uses other libraries than NumPy's.
    """

    def __init__(self, is_suspicious: bool) -> None:
        self.is_suspicious = is_suspicious

    def __enter__(self) -> None:
        self.before: Any = sys.getprofile() if self.is_suspicious else NotImplemented
        self.found: tuple[str, str] | None = None
        self.legacy = _state(np.random.mtrand._rand)
        if self.before is None or callable(self.before):  # a profiler written in C could not be put back
            sys.setprofile(self._heard)

    def _heard(self, frame: Any, event: str, function: Any) -> None:
        if event == "c_call":
            name = function.__name__
            if name in _FORBIDDEN and self.found is None:
                if getattr(function, "__module__", None) in _HOMES and not _is_systems_own(frame):
                    self.found = _FORBIDDEN[name], name

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if self.before is None or callable(self.before):
            sys.setprofile(self.before)
        if kind is not None and issubclass(kind, (CannotCompileError, FloatingPointError)) and self.found is None:
            return
        if self.found is not None:
            what, name = self.found
            raise _refused(f"calls {name}()", _ADVICE[what])
        if _state(np.random.mtrand._rand) != self.legacy:
            raise _refused("draws random numbers from np.random", _RANDOM_ADVICE)
