"""Which functions a compiled function may call, and what they read.

Python functions are followed. Of all others the arguments are watched, by what the function does with them: `getattr`
reads one attribute, `list` the elements of a container, a ufunc everything. Functions that `pure` does not list may
read anything, so a function that calls one of them is not compiled.
"""

from __future__ import annotations

import builtins
import contextvars
import functools
import gc
import itertools
import operator
import types
import warnings
from typing import Any

import numpy as np

from minigrad.compiler import pure
from minigrad.compiler.frames import Frame
from minigrad.compiler.guards import Missing, attribute, static
from minigrad.compiler.pure import CLOSED, CONTAINERS, METHODS, PLAIN, USER, is_a, kind_of_code
from minigrad.compiler.reads import Reads
from minigrad.core.transformed import Transformed


class Calls(Reads):
    """What a function reads by the functions that it calls."""

    def call(self, function: Any, given: list[Any], named: dict[str, Any], frame: Frame) -> None:
        """A function is called: what it will read of its arguments is watched, or it is refused."""
        kind = type(function)
        if kind is types.MethodType:
            if id(function) in self.names:
                self.names.setdefault(id(function.__self__), self.names[id(function)])
            self.call(function.__func__, [function.__self__, *given], named, frame)
        elif kind is functools.partial or kind is Transformed:
            self.whole(function.keywords, frame)
            self.call(function.func, [*function.args, *given], {**function.keywords, **named}, frame)
        elif kind is types.FunctionType:
            self.call_python(function, given, named, frame)
        elif id(function) in _READING_EACH and self.read_each(given, named, frame):
            pass
        elif special_for(function) is not None:
            special_for(function)(self, given, named, frame)
        elif kind is functools._lru_cache_wrapper:
            self.call_cached(function, given, named, frame)
        elif kind is staticmethod or kind is classmethod:
            self.call(function.__func__, given, named, frame)
        elif kind is operator.attrgetter:
            for path in function.__reduce__()[1]:
                self.path(given[0], path, frame)
        elif kind is operator.methodcaller:
            name, *rest = function.__reduce__()[1]
            self.attribute(given[0], name, frame)
            method = attribute(given[0], name)
            if method is Missing or is_a(given[0], type):
                self.refuse(f"calls {name} by a methodcaller", frame.python)
            else:
                self.call(method, rest, {}, frame)
        elif kind is operator.itemgetter:
            for key in function.__reduce__()[1]:
                self.entry(given[0], key, frame)
        elif is_a(function, type):
            self.make(function, given, named, frame)
        elif is_a(function, pure.C_FUNCTIONS) or kind.__name__ == "cython_function_or_method":
            self.call_c(function, given, named, frame)
        elif is_a(static(kind, "__call__"), types.FunctionType):
            self.look_up(kind, "__call__")
            if kind_of_code(static(kind, "__call__").__code__.co_filename) == CLOSED:
                self.open(given, named, frame, is_ours=True)
        elif kind.__name__ == "fortran" or str(getattr(function, "__module__", "")).startswith("scipy."):
            self.open(given, named, frame)
        else:
            self.refuse(f"calls an object of type {pure.name_of_type(kind)}, which is written in C", frame.python)

    def read_each(self, given: list[Any], named: dict[str, Any], frame: Frame) -> bool:
        """`sorted(xs, key=attrgetter("a"))` and the like: whether only these attributes of the elements are read."""
        all_given = [*given, *named.values()]
        readers = [each for each in all_given if type(each) is operator.attrgetter]
        others = [each for each in all_given if type(each) is not operator.attrgetter]
        if not readers or not all(type(each) in (list, tuple) or type(each) in PLAIN for each in others):
            return False
        parts = [part for each in others if type(each) in (list, tuple) for part in each]
        for reader in readers:
            for part in parts:
                self.call(reader, [part], {}, frame)
                if type(reader(part)) not in PLAIN:
                    return False
        for each in others:
            self.whole(each, frame)
        return True

    def call_python(self, function: Any, given: list[Any], named: dict[str, Any], frame: Frame) -> None:
        """A Python function is followed, or it is one of a library that reads its arguments."""
        code = function.__code__
        kind = kind_of_code(code.co_filename)
        if kind in (CLOSED, METHODS) and not (kind == METHODS and code.co_varnames[:1] == ("self",)):
            reason = pure.why_not_function(function) if code.co_filename.startswith(pure.NUMPY) else None
            if function.__module__ == "warnings":  # `catch_warnings` puts the filters back
                self.add("key", vars(warnings), "filters", warnings.filters)
                self.whole(warnings.filters, frame)
            if str(function.__module__).startswith("importlib") or code.co_name in ("import_module", "reload"):
                reason = "imports a module by a name that is found at run time"
            if code.co_name == "get_type_hints":
                reason = "reads the annotations of a class"
            if reason is not None:
                self.refuse(reason, frame.python)
            self.open(given, named, frame, is_ours=code.co_filename.startswith(pure.OWN))

    def open(self, given: list[Any], named: dict[str, Any], frame: Frame, is_ours: bool = False) -> None:
        """Code of a library that is not followed may read everything in its arguments.

        What minigrad is given to call it only calls, and then the code of the user's class is followed.
        """
        for each in (*given, *named.values()):
            kind = type(each)
            is_function = is_a(static(kind, "__call__"), types.FunctionType)
            if is_ours and is_function and static(kind, "__dataclass_fields__") is Missing:
                self.type_of(each, frame)
                self.look_up(kind, "__call__")
            else:
                self.deep(each, frame, inside=True)

    def call_cached(self, function: Any, given: list[Any], named: dict[str, Any], frame: Frame) -> None:
        """What a cache or a context variable answers is asked for again."""
        if named or not all(type(each) in PLAIN or type(each).__hash__ is object.__hash__ for each in given):
            self.refuse("calls a cached function with arguments that have a hash of their own", frame.python)
        else:
            self.add("again", function, tuple(given), function(*given))

    def make(self, kind: type, given: list[Any], named: dict[str, Any], frame: Frame) -> None:
        """An object of a class is made."""
        meta = type(kind)
        if meta is not type:
            self.look_up(meta, "__call__")
        if pure.is_made_by_python(kind):
            self.look_up(kind, "__new__")
            self.look_up(kind, "__init__")
        given, named = self.by_name(kind, given, named, frame)
        base = pure.solid(kind)
        reason = pure.why_not_class(kind, [*given, *named.values()])
        if reason is not None:
            self.refuse(reason, frame.python)
        elif base in _HOLDERS:
            for each in (*given, *named.values()):
                self.whole(each, frame)
        elif base is not object:
            if base is str:
                for each in given[:1]:
                    self.text_of(each, frame)
            for each in (*given, *named.values()):
                self.deep(each, frame)

    def by_name(
        self, function: Any, given: list[Any], named: dict[str, Any], frame: Frame
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments without an `attrgetter` that the function calls with each element of a list or tuple."""
        readers = [each for each in (*given, *named.values()) if type(each) is operator.attrgetter]
        others = [each for each in (*given, *named.values()) if type(each) is not operator.attrgetter]
        if not readers or function not in _BY_ELEMENTS or any(type(each) not in (list, tuple, bool) for each in others):
            return given, named
        for reader in readers:
            for each in others:
                for element in each if type(each) is not bool else ():
                    for path in reader.__reduce__()[1]:
                        self.path(element, path, frame)
        return [each for each in given if each not in readers], {k: v for k, v in named.items() if v not in readers}

    def call_c(self, function: Any, given: list[Any], named: dict[str, Any], frame: Frame) -> None:
        """A function written in C reads its arguments, if it is one that is known."""
        name = str(getattr(function, "__name__", ""))
        owner: Any = getattr(function, "__self__", None)
        is_method = is_a(function, (types.MethodDescriptorType, types.WrapperDescriptorType))
        if given and (is_method or pure.name_of_type(type(given[0])) in pure.STATEFUL):
            owner, given = given[0], given[1:]
        if is_a(owner, types.ModuleType):
            owner = None
        if name in ("__getattribute__", "__setattr__", "__delattr__") and given:
            self.attribute(owner, given[0], frame, is_direct=True)
            return
        if type(owner) is contextvars.ContextVar and name == "get":
            self.add("again", owner.get, tuple(given), owner.get(*given))
            return
        if owner is not None and pure.name_of_type(pure.solid(type(owner))) in pure.STATEFUL:
            called = self.names.get(id(owner)) or self.names.get(id(function)) or type(owner).__name__
            what = "uses" if pure.solid(type(owner)).__module__ == "_io" else "draws random numbers from"
            self.suspect(owner, f"{what} {called}", frame)
            return
        if name in ("__reduce_ex__", "__reduce__") and pure.solid(type(owner)) is object:
            self.deep_object(owner, frame)
            return
        if is_a(function, np.ufunc) and name.endswith("(vectorized)"):  # made by np.frompyfunc
            for each in gc.get_referents(function) or [np.frompyfunc]:
                self.deep(each, frame)
        reason = pure.why_not_function(function)
        if name == "default_rng" and given and given[0] is not None:
            reason = None  # with a seed
        if reason is not None:
            if name not in _OF_LIBRARIES or kind_of_code(frame.code.co_filename) == USER:
                self.refuse(reason, frame.python)
            return
        if is_a(function, type(np.sum)):  # written in Python, within
            self.open(given, named, frame)
            return
        given, named = self.by_name(function, given, named, frame)
        if is_a(owner, dict) and name in ("get", "__getitem__", "__contains__", "pop", "setdefault") and given:
            self.entry(owner, given[0], frame)
            if name in ("pop", "setdefault"):
                self.whole(owner, frame)
            return
        if type(owner) is types.MappingProxyType and name in ("get", "__getitem__", "__contains__"):
            self.entry(owner, given[0], frame)
            return
        if is_a(owner, (list, tuple)) and name == "__getitem__":
            self.entry(owner, given[0], frame)
            return
        if is_a(owner, str) and name in ("format", "format_map"):
            if any(mark in owner for mark in (".", "[")) and not all(type(each) in PLAIN for each in given):
                self.refuse("makes a text of attributes that are named in the text", frame.python)
            for each in (*given, *named.values()):
                self.text_of(each, frame)
            return
        if owner is not None:
            if is_a(owner, CONTAINERS) and name in _SHALLOW:
                self.whole(owner, frame)
            elif not is_a(owner, type):
                self.deep(owner, frame)
        if is_a(owner, (list, dict, tuple)) and name in _STORING:
            return
        for each in (*given, *named.values()):
            self.deep(each, frame)

    def callback(self, function: Any, frame: Frame) -> None:
        """C code is handed a function written in C, which it may call with anything."""
        owner: Any = getattr(function, "__self__", None)
        if owner is not None and not is_a(owner, (types.ModuleType, type)):
            if pure.name_of_type(pure.solid(type(owner))) in pure.STATEFUL:
                self.suspect(owner, "draws random numbers", frame)
                return
            self.deep(owner, frame)
        reason = pure.why_not_function(function)
        if reason is None and getattr(function, "__name__", "") in ("__getattribute__", "format", "format_map"):
            reason = "hands C code a function that reads by name"
        if reason is not None:
            self.refuse(reason, frame.python)


# ----- built-in functions that need a word --------------------------------------------------------------------------


def _getattr(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    reads.attribute(given[0], given[1], frame)


def _isinstance(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    reads.instance(given[0], given[1], frame)


def _issubclass(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    reads.add("again", issubclass, tuple(given), issubclass(*given))


def _type(reads: Reads, given: list[Any], named: Any, frame: Frame) -> None:
    if len(given) == 1:
        reads.type_of(given[0], frame)
    else:
        reads.whole(given[2], frame)


def _len(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    reads.length(given[0], frame)


def _iter(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    reads.whole(given[0], frame)
    for each in given[1:]:
        reads.deep(each, frame)


def _next(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    reads.deep(given[0], frame)


def _callable(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    if pure.is_made_by_python(type(given[0])):
        reads.type_of(given[0], frame)
        reads.look_up(type(given[0]), "__call__")


def _nothing(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    pass


def _run(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    for each in given[:1]:
        if type(each) not in (str, types.CodeType):
            reads.refuse("runs a text that is no string", frame.python)


def _vars(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    if given and not is_a(given[0], (type, types.ModuleType)):
        reads.attribute(given[0], "__dict__", frame)


def _bool(reads: Reads, given: list[Any], _: Any, frame: Frame) -> None:
    for each in given:
        reads.truth(each, frame)


def _text(reads: Reads, given: list[Any], named: Any, frame: Frame) -> None:
    for each in given:
        reads.text_of(each, frame)


def _input(reads: Reads, given: list[Any], named: Any, frame: Frame) -> None:
    reads.refuse("calls print()", frame.python)


_SPECIAL: dict[int, Any] = {
    id(function): action
    for functions, action in (
        ((getattr, hasattr, setattr, delattr), _getattr),
        ((isinstance,), _isinstance),
        ((issubclass,), _issubclass),
        ((type,), _type),
        ((len,), _len),
        ((iter,), _iter),
        ((next,), _next),
        (
            (super, globals, locals, object, object.__new__, object.__init__, object.__init_subclass__),
            _nothing,
        ),
        ((callable,), _callable),
        ((eval, exec), _run),
        ((vars,), _vars),
        ((bool,), _bool),
        ((repr, ascii, format), _text),
        ((builtins.print,), _input),
    )
    for function in functions
}


def special_for(function: Any) -> Any:
    """How a call of a built-in function is watched, if it needs a word."""
    return _SPECIAL.get(id(function))


_READING_EACH = frozenset(map(id, (sorted, min, max, map, filter)))
_HOLDERS = {list, tuple, dict, zip, enumerate, reversed, pure.CONTAINERS[-1], types.MethodType, property}
_SHALLOW = {"append", "extend", "insert", "pop", "popleft", "appendleft", "copy", "items", "keys", "values", "update",
            "clear", "reverse", "extendleft", "rotate", "popitem", "__setitem__", "__delitem__",
            "__iter__"}  # fmt: skip
_BY_ELEMENTS = (sorted, min, max, map, filter, itertools.groupby)
_OF_LIBRARIES = {"id", "exc_info", "exception", "getrecursionlimit"}  # what they do with it does not depend on it
_STORING = {"append", "insert", "appendleft", "setdefault"}
