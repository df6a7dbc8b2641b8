"""What is read of an object: attributes, entries, lengths, elements, and everything where it is not followed further.

Each is noted by the way it was read, so that a program asks for exactly this again: `self.scale` is one attribute of
one object, `settings["rate"]` one entry of one dict. What lies in the class, or what the class or an object does not
have, is noted too. Nothing here runs the user's code.
"""

from __future__ import annotations

import collections
import functools
import gc
import types
from typing import Any

import numpy as np

from minigrad.compiler import pure
from minigrad.compiler.frames import Empty, Frame
from minigrad.compiler.guards import Guards, Missing, attribute, keys_of, static
from minigrad.compiler.pure import CONTAINERS, PLAIN, USER, is_a, kind_of_code
from minigrad.core.duck_arrays import Duck
from minigrad.core.lines import Line, located
from minigrad.core.tape import Box

_ADVICE = {
    "random": "Draw them outside and pass them as an argument",
    "time": "Read it outside and pass it as an argument",
    "print": "Return the value, and print or write it outside",
    "changes": "Return what it computes instead",
}


class Reads(Guards):
    """What a function reads, and why it is not compiled, if it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.refusal: str | None = None  #: why the function is not compiled
        self.line: Line | None = None  #: the line of the refusal
        self.may_settle = False  #: whether it may be compiled at the next call, since caches are filled now
        self.inputs: dict[int, frozenset[str]] = {}  #: the fields of objects among the arguments, which are copies
        self.followed: set[int] = set()  #: the frames that are followed now, by `id`

    def call(self, function: Any, given: list[Any], named: dict[str, Any], frame: Frame) -> None:
        """A function is called; see `Calls`."""
        raise NotImplementedError

    def callback(self, function: Any, frame: Frame) -> None:
        """A function written in C is handed on; see `Calls`."""
        raise NotImplementedError

    # ----- refusals ---------------------------------------------------------------------------------------------------

    def refuse(self, what: str, frame: types.FrameType | None = None) -> None:
        """The function is not compiled, for what it does in this frame."""
        if self.refusal is None:
            inner = frame
            frame = self.located_at(frame)
            if inner is not None and inner is not frame:
                while inner.f_back is not None and inner.f_back is not frame:
                    inner = inner.f_back
                home = str(inner.f_globals.get("__name__", "")).partition(".")[0]
                what = f"calls {home}.{inner.f_code.co_name}(), which {what}"
            self.refusal = what

    def located_at(self, frame: Any) -> Any:
        """The innermost frame of the user's own program: the line of a refusal is there."""
        while frame is not None and kind_of_code(frame.f_code.co_filename) != USER and frame.f_back is not None:
            frame = frame.f_back
        if frame is not None:
            self.line = Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        return frame

    def reason(self) -> str:
        """The refusal and its line, as one line."""
        return f"the function {self.refusal}" + (f", at {self.line}" if self.line is not None else "")

    def message(self) -> str:
        """The refusal, with the line and what to do."""
        advice = next((text for word, text in _ADVICE.items() if word in str(self.refusal)), "Do that outside")
        text = f"compile: the function {self.refusal}. A program would go on with what was found at first: {advice}"
        return located(text, self.line)

    def suspect(self, value: Any, message: str, frame: Frame) -> None:
        """Refuse the function if a value is not one that it has made."""
        self.suspects.setdefault(id(value), (value, message))
        if self.line is None:
            self.located_at(frame.python)

    # ----- names, classes, types --------------------------------------------------------------------------------------

    def name(self, frame: Frame, name: str) -> Any:
        """A global or built-in name is read."""
        space, built_in = frame.globals, frame.python.f_builtins
        is_library = kind_of_code(frame.code.co_filename) != USER
        if name in space:
            found = space[name]
            if not (is_library and is_a(found, _AS_IMPORTED)):
                self.add("key", space, name, found)
            return found
        if is_library:
            return built_in.get(name, Missing)
        self.add("key", space, name, Missing)
        self.add("key", built_in, name, built_in.get(name, Missing))
        return built_in.get(name, Missing)

    def look_up(self, kind: type, name: str, after: type | None = None) -> Any:
        """Something is looked up in a class and its bases."""
        found = static(kind, name, after)
        guard = self.add_class(kind)
        if guard is not None:
            guard.found.setdefault((name, after), found)
            if found is not Missing and type(found) not in PLAIN:
                self.names.setdefault(id(found), name)
        return found

    def specials(self, kind: type, whole: bool = False) -> None:
        """Code written in C may call any special method of an object; code of a library any, if `whole`."""
        guard = self.add_class(kind)
        if guard is not None and (guard.implicit is None or (whole and not guard.is_whole)):
            guard.is_whole |= whole
            guard.implicit = guard.special()

    def type_of(self, value: Any, frame: Frame) -> None:
        """The type of an object is read."""
        if pure.is_made_by_python(type(value)) and not is_a(value, type):
            self.add("type", value, None, type(value))

    def instance(self, value: Any, kinds: Any, frame: Frame) -> None:
        """`isinstance(value, kinds)`."""
        if is_a(value, (Box, Duck)):
            return
        self.type_of(value, frame)
        for kind in kinds if type(kinds) is tuple else (kinds,):
            if type(kind) not in (type, types.UnionType) and not is_a(kind, tuple):
                if static(type(kind), "__instancecheck__") is not static(type, "__instancecheck__"):
                    try:
                        self.add("again", isinstance, (value, kind), isinstance(value, kind))
                    except TypeError:
                        return

    # ----- attributes -------------------------------------------------------------------------------------------------

    def attribute(self, holder: Any, name: str, frame: Frame, is_direct: bool = False) -> None:
        """An attribute of an object is read, written or deleted; `is_direct`: by `object.__getattribute__`."""
        kind = type(holder)
        if kind in PLAIN or is_a(holder, (Box, Duck)) or kind in _CLOSED_TYPES:
            return
        if kind is np.ndarray:
            self.attribute_of_array(holder, name, frame)
        elif kind is types.ModuleType:
            found = holder.__dict__.get(name, Missing)
            if not (is_a(found, _AS_IMPORTED) and pure.is_library(holder.__name__)):
                self.add("key", holder.__dict__, name, found)
                if found is Missing:
                    self.add("type", holder, None, kind)
                    self.add("key", holder.__dict__, "__getattr__", holder.__dict__.get("__getattr__", Missing))
        elif is_a(holder, type):
            self.attribute_of_class(holder, name, frame)
        elif kind is super:
            mine = holder.__self_class__
            self.look_up(mine, name, holder.__thisclass__)
        else:
            self.attribute_of_object(holder, name, frame, is_direct)

    def path(self, value: Any, path: str, frame: Frame) -> None:
        """`operator.attrgetter(path)(value)`."""
        for name in path.split("."):
            self.attribute(value, name, frame)
            value = attribute(value, name)

    def attribute_of_array(self, array: np.ndarray, name: str, frame: Frame) -> None:
        """An attribute of an array is read: a view of it reads the form, not the content."""
        if name == "flat":
            self.add_array(array)  # an iterator, which reads any entry later
        elif name == "flags":
            self.add("flags", array, None, array.flags.num)
        elif name in ("ctypes", "data", "__array_interface__", "__array_struct__", "base"):
            self.refuse(f"reads {name} of an array", frame.python)
        elif not callable(getattr(np.ndarray, name, None)):
            self.form(array)

    def form(self, array: np.ndarray) -> None:
        """The shape, dtype or memory layout of an array is read."""
        self.add("form", array, None, (array.shape, array.strides, array.dtype))

    def attribute_of_class(self, kind: type, name: str, frame: Frame) -> None:
        """An attribute of a class is read: of the class, its bases or its metaclass."""
        meta = type(kind)
        if is_a(meta.__getattribute__, types.FunctionType):
            self.look_up(meta, "__getattribute__")
            return
        if meta is not type:
            found = self.look_up(meta, name)
            self.getter(found, kind, frame)
            if is_a(found, property):
                return
        found = static(kind, name)
        if found is Missing or static(type, name) is not Missing:
            if name == "__dict__":
                return
            if static(type, name) is not Missing and not is_a(static(type, name), _C_METHODS):
                self.add("again", getattr, (kind, name), getattr(kind, name, Missing))
        if pure.is_library(str(kind.__module__)) and is_a(found, _AS_IMPORTED):
            return
        self.look_up(kind, name)
        self.getter(found, kind, frame)

    def attribute_of_object(self, holder: Any, name: str, frame: Frame, is_direct: bool = False) -> None:
        """An attribute of an object is read: its own, or one of its class."""
        kind = type(holder)
        if is_a(kind.__getattribute__, types.FunctionType) and not is_direct:
            self.type_of(holder, frame)
            self.look_up(kind, "__getattribute__")
            self.look_up(kind, "__getattr__")
            return
        found = self.look_up(kind, name)
        if id(holder) in self.inputs and name not in self.inputs[id(holder)]:
            inside = attribute(holder, "__dict__")
            if (found is Missing or (type(inside) is dict and name in inside)) and name != "__class__":
                self.refuse(f"reads {name} of an argument, which is not one of its fields", frame.python)
        if is_a(found, types.FunctionType):
            value = attribute(holder, name)
            if type(value) is types.MethodType and value.__func__ is found:
                self.add("method", holder, name, found, name)
            else:
                self.add("attribute", holder, name, value)
            return
        if name == "__class__":
            self.type_of(holder, frame)
            return
        if found is Missing:
            value = attribute(holder, name)
            if value is not Missing:
                self.add("attribute", holder, name, value)
                return
            self.type_of(holder, frame)
            getter = self.look_up(kind, "__getattr__")
            if type(attribute(holder, "__dict__")) is dict:
                self.add("own", holder, name, False)
            if getter is not Missing and type(getter) is not types.FunctionType:
                self.call(getter, [holder, name], {}, frame)
            return
        if is_a(found, _C_METHODS):
            if type(attribute(holder, "__dict__")) is dict:
                self.add("attribute" if name in attribute(holder, "__dict__") else "own", holder, name,
                         attribute(holder, name) if name in attribute(holder, "__dict__") else False)  # fmt: skip
            return
        if is_a(found, (types.MemberDescriptorType, types.GetSetDescriptorType)):
            if is_a(holder, np.ndarray):
                self.attribute_of_array(holder, name, frame)
            elif is_a(found, types.GetSetDescriptorType) and not pure.is_readable(holder) and kind not in _READABLE:
                self.refuse(f"reads {name} of a {pure.name_of_type(kind)}, an object written in C", frame.python)
            else:
                self.add("attribute", holder, name, attribute(holder, name))
            return
        if is_a(found, (staticmethod, classmethod)):
            self.type_of(holder, frame)
            if type(attribute(holder, "__dict__")) is dict:
                self.add("own", holder, name, name in attribute(holder, "__dict__"))
            if type(attribute(holder, "__dict__")) is dict and name in attribute(holder, "__dict__"):
                self.add("attribute", holder, name, attribute(holder, name))
            return
        if static(type(found), "__get__") is not Missing:  # a property or another descriptor
            self.type_of(holder, frame)
            getter = static(type(found), "__get__")
            if not is_a(getter, types.FunctionType) and not is_known_descriptor(found):
                self.refuse(f"reads {name} of a {pure.name_of_type(kind)}, an object written in C", frame.python)
            is_first = static(type(found), "__set__") is not Missing or static(type(found), "__delete__") is not Missing
            if not is_first and type(attribute(holder, "__dict__")) is dict:
                self.add("own", holder, name, name in attribute(holder, "__dict__"))
                if name in attribute(holder, "__dict__"):
                    self.add("attribute", holder, name, attribute(holder, "__dict__")[name])
                    return
            self.getter(found, holder, frame)
            return
        self.add("attribute", holder, name, attribute(holder, name))

    def getter(self, found: Any, holder: Any, frame: Frame) -> None:
        """A descriptor was found in a class: Python code is followed, C code is called."""
        if is_a(found, property) and found.fget is not None and type(found.fget) is not types.FunctionType:
            self.call(found.fget, [holder], {}, frame)
        elif found is not Missing and is_a(static(type(found), "__get__"), types.FunctionType):
            self.look_up(type(found), "__get__")

    # ----- entries, elements, everything ------------------------------------------------------------------------------

    def entry(self, holder: Any, key: Any, frame: Frame) -> None:
        """`holder[key]` is read, written or deleted."""
        kind = type(holder)
        if is_a(holder, (Box, Duck)):
            self.deep(key, frame)
            return
        if kind in PLAIN:
            return
        if is_a(holder, np.ndarray) and not is_a(static(kind, "__getitem__"), types.FunctionType):
            self.entry_of_array(holder, key, frame)
            return
        if kind is types.MappingProxyType:
            holder = gc.get_referents(holder)[0]
            kind = type(holder)
        if is_a(static(kind, "__getitem__"), types.FunctionType):
            self.type_of(holder, frame)
            self.look_up(kind, "__getitem__")
            if is_a(holder, CONTAINERS):
                self.whole(holder, frame)
            return
        if is_a(holder, dict):
            if is_plain_key(key):
                found = dict.get(holder, key, Missing)
                self.add("key", holder, key, found)
                if found is Missing and kind is collections.defaultdict:
                    self.refuse("reads an entry that a defaultdict makes", frame.python)
                if found is Missing and kind is not dict:
                    self.look_up(kind, "__missing__")
            else:
                self.deep(key, frame)
                self.whole(holder, frame)
            return
        if is_a(holder, (list, tuple)):
            if type(key) is int or is_a(key, (bool, np.integer)):
                if is_a(holder, list) and -len(holder) <= key < len(holder):
                    self.add("item", holder, int(key), list.__getitem__(holder, int(key)))
                    return
                if is_a(holder, tuple):
                    return
            self.deep(key, frame)
            self.whole(holder, frame)
            return
        if is_a(holder, type):
            self.attribute_of_class(holder, "__class_getitem__", frame)
            return
        self.deep(key, frame)
        self.deep(holder, frame)

    def entry_of_array(self, array: np.ndarray, key: Any, frame: Frame) -> None:
        """An entry of an array is read; or a view is taken, which reads the form alone."""
        parts = key if type(key) is tuple else (key,)
        if array.dtype.hasobject or not all(type(part) in _INDICES for part in parts):
            self.deep(key, frame)
            self.deep(array, frame)
            return
        self.form(array)
        count = sum(type(part) in (int, np.int64) for part in parts)
        if count == array.ndim and all(type(part) in (int, np.int64) for part in parts):
            try:
                found = array[key]
            except IndexError:
                return
            if type(found) is np.void:
                self.add_array(array)
            else:
                self.add("item", array, key if type(key) is not tuple else tuple(map(int, key)), found)

    def length(self, value: Any, frame: Frame) -> None:
        """`len(value)`."""
        if is_a(value, CONTAINERS) and static(type(value), "__len__") is static(pure.solid(type(value)), "__len__"):
            if not is_a(value, tuple):
                self.add("length", value, None, len(value))
        elif type(value) is np.ndarray:
            self.form(value)
        else:
            self.deep(value, frame)

    def truth(self, value: Any, frame: Frame) -> None:
        """`if value:`."""
        kind = type(value)
        if kind is bool or kind in PLAIN or value is Empty:
            return
        if kind in (list, dict, set):
            self.add("truth", value, None, bool(value))
        else:
            self.deep(value, frame)

    def text_of(self, value: Any, frame: Frame) -> None:
        """A text is made of a value."""
        if is_a(value, np.ndarray):
            self.refuse("makes a text of an array, which depends on np.set_printoptions", frame.python)
        self.deep(value, frame)

    def whole(self, value: Any, frame: Frame) -> None:
        """The elements of a container are read, but not what is in them."""
        kind = type(value)
        if kind in PLAIN or is_a(value, (Box, Duck)) or value is Empty:
            return
        if kind in pure.VIEWS:
            value = value.mapping
            kind = type(value)
        if kind is types.MappingProxyType:
            value = gc.get_referents(value)[0]
        if is_a(value, dict):
            self.add("dict", value, None, (keys_of(value), tuple(dict.values(value))))
        elif is_a(value, list):
            self.add("sequence", value, None, tuple(list.__iter__(value)))
        elif is_a(value, pure.CONTAINERS[-1]):
            self.add("sequence", value, None, tuple(value))
        elif is_a(value, set):
            self.add("sequence", value, None, tuple(set.__iter__(value)))
        elif is_a(value, (tuple, frozenset)):
            pass
        else:
            self.deep(value, frame)
            return
        name = self.names.get(id(value), "")
        if name:
            for k, each in enumerate(value if not is_a(value, dict) else ()):
                if is_a(each, np.ndarray):
                    self.names.setdefault(id(each), f"{name}{k}")
        if pure.is_made_by_python(kind):
            self.type_of(value, frame)
            self.specials(kind)

    def deep(self, value: Any, frame: Frame, inside: bool = False, seen: set[int] | None = None) -> None:
        """A value goes where it is not followed: to C code, or with `inside` to code of a library."""
        kind = type(value)
        if kind in PLAIN or kind is Box or is_a(value, Duck) or value is Empty:
            return
        if kind is np.ndarray:
            self.add_array(value)
            if value.dtype == object:
                self.deep(value.ravel().tolist(), frame, inside, seen)
            elif value.dtype.hasobject:
                self.refuse("uses an array whose records hold objects", frame.python)
            return
        seen = set() if seen is None else seen
        if id(value) in seen:
            return
        seen.add(id(value))
        if kind in pure.VIEWS or kind is types.MappingProxyType:
            value = gc.get_referents(value)[0]
            kind = type(value)
        if is_a(value, CONTAINERS):
            self.whole(value, frame)
            parts = [*dict.keys(value), *dict.values(value)] if is_a(value, dict) else list(value)
            for part in parts:
                if type(part) not in PLAIN:
                    self.deep(part, frame, inside, seen)
        elif is_a(value, pure.BUFFERS):
            self.add("content", value, None, value[:])
        elif kind is np.void:
            self.add("content", value, None, value.tobytes())
        elif is_a(value, np.ndarray):
            self.add_array(value)
        elif is_a(value, types.MethodType):
            self.deep(value.__func__, frame, inside, seen)
            if not is_a(value.__func__, types.FunctionType):
                self.deep(value.__self__, frame, inside, seen)
            return
        elif is_a(value, functools.partial):
            for part in (value.func, value.args, value.keywords):
                self.deep(part, frame, inside, seen)
        elif kind in pure.ITERATORS:
            self.suspect(value, f"reads {self.names.get(id(value), 'it')}, an iterator that it has not made", frame)
        elif kind is types.GeneratorType:
            if value.gi_frame is not None and id(value.gi_frame) not in self.followed:
                self.suspect(value, f"reads {self.names.get(id(value), 'it')}, an iterator that it has not made", frame)
        elif is_a(value, pure.C_FUNCTIONS):
            self.callback(value, frame)
        elif is_a(value, pure.READERS_BY_NAME):
            self.refuse("hands C code a function that reads by name", frame.python)
        elif kind is functools._lru_cache_wrapper:
            self.refuse("hands C code a cached function", frame.python)
        elif is_a(value, type):
            if not pure.is_made_by_python(value) and pure.why_not_class(value, [0]) is not None:
                self.refuse(f"hands on the class {pure.name_of_type(value)}, which is written in C", frame.python)
            if pure.is_made_by_python(kind):
                self.specials(kind)
            return
        elif not pure.is_readable(value):
            self.refuse(f"uses a {pure.name_of_type(pure.solid(kind))}, an object written in C", frame.python)
        if pure.is_made_by_python(kind) and not is_a(value, type):
            self.type_of(value, frame)
            self.specials(kind, inside)
            if inside or is_a(value, np.ndarray):
                self.deep_object(value, frame, inside, seen)

    def deep_object(self, value: Any, frame: Frame, inside: bool = False, seen: set[int] | None = None) -> None:
        """All attributes of an object are read."""
        kind = type(value)
        if pure.home_of(kind) == "minigrad":
            return
        parts = attribute(value, "__dict__")
        if type(parts) is dict:
            self.add("attribute", value, "__dict__", parts)
            self.deep(parts, frame, inside, seen)
        for base in kind.__mro__:
            for name, member in list(base.__dict__.items()):
                if is_a(member, types.MemberDescriptorType):
                    part = attribute(value, name)
                    self.add("attribute", value, name, part)
                    if part is not Missing:
                        self.deep(part, frame, inside, seen)


def is_plain_key(key: Any) -> bool:
    """Whether looking up a key runs none of the user's code."""
    kind = type(key)
    return kind in PLAIN or (kind is tuple and all(map(is_plain_key, key))) or (
        is_a(key, type) and type(key) is type
    )  # fmt: skip


def is_known_descriptor(found: Any) -> bool:
    """Whether a descriptor that is written in C gives what it holds, or a bound method."""
    return is_a(found, _KNOWN_DESCRIPTORS) or type(found).__name__ == "cython_function_or_method"


_Pair = collections.namedtuple("_Pair", "first")  # for the type of its fields
_KNOWN_DESCRIPTORS = (property, classmethod, staticmethod, functools._lru_cache_wrapper, type(static(_Pair, "first")),
                      types.FunctionType)  # fmt: skip
_AS_IMPORTED = (types.FunctionType, types.ModuleType, type, *pure.C_FUNCTIONS, types.GenericAlias)
_C_METHODS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType,
              types.BuiltinFunctionType)  # fmt: skip
_CLOSED_TYPES = frozenset({types.BuiltinFunctionType, np.ufunc, type(np.sum), types.MethodDescriptorType,
                           types.WrapperDescriptorType, types.MethodWrapperType,
                           type(np.ones(1).flags)})  # fmt: skip
_READABLE: frozenset[type] = frozenset()
_INDICES = {int, np.int64, slice, type(None), type(Ellipsis)}
