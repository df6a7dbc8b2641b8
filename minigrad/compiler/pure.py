"""What code that Python does not show may do: functions written in C that read their arguments and nothing else.

Python's own code is followed instruction by instruction. Of C code nothing is seen but its arguments, so only functions
that are listed here may be called by a function that is compiled: those that compute their result from what their
arguments hold. All others (clocks, files, random numbers, the environment, objects of libraries written in C) may read
anything, and a function that calls one of them is not compiled.
"""

from __future__ import annotations

import collections
import datetime
import fractions
import functools
import gc
import itertools
import operator
import os
import re
import sys
import types
from typing import Any

import numpy as np

from minigrad.core.duck_arrays import Duck
from minigrad.core.tape import Box

OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep
NUMPY = os.path.dirname(np.__file__) + os.sep
_SCIPY = os.path.join(os.path.dirname(os.path.dirname(np.__file__)), "scipy") + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = tuple([f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages")])
_CLOSED = (
    *[_STANDARD + name for name in ("importlib" + os.sep, "abc.py", "typing.py", "linecache.py", "warnings.py")],
    _STANDARD + "re" + os.sep,
    *["<frozen importlib", "<frozen zipimport", "<frozen abc", "<__array_function__ internals>"],
    os.path.join(NUMPY, "_core", "_ufunc_config.py"),
)
_READERS_OF_FILES = tuple(
    [NUMPY + os.path.join("lib", name) for name in ("_npyio_impl", "_datasource", "_format_impl")]
    + [_SCIPY + name for name in ("io", "datasets", "stats", "odr")]
)

USER, LIBRARY, METHODS, CLOSED, REPLAY = range(5)


@functools.lru_cache(maxsize=8192)
def kind_of_code(filename: str) -> int:
    """Whose code a file holds.

    USER: always followed. LIBRARY: followed where a followed function calls it. METHODS: of NumPy and SciPy, where only
    methods of objects are followed then, since functions read their arguments. CLOSED: never. REPLAY: a program.
    """
    if filename == "<compiled>":
        return REPLAY
    if filename.startswith((OWN, *_CLOSED)):
        return CLOSED
    if filename.startswith(_READERS_OF_FILES):
        return LIBRARY
    if filename.startswith((NUMPY, _SCIPY)):
        return METHODS
    if filename.startswith((_STANDARD, "<frozen ")) or any(part in filename for part in _INSTALLED):
        return LIBRARY
    return USER


@functools.lru_cache(maxsize=4096)
def is_installed(filename: str) -> bool:
    """Whether a file belongs to a package that is installed: it may be the user's own, and the engine calls none."""
    return any(part in filename for part in _INSTALLED) and kind_of_code(filename) == LIBRARY


@functools.lru_cache(maxsize=4096)
def is_library(name: str) -> bool:
    """Whether a module belongs to Python, or is installed: not the user's own program."""
    module = sys.modules.get(name)
    if name == "__main__" or type(module) is not types.ModuleType:
        return False
    filename = getattr(module, "__file__", None)
    if filename is None:
        return name in sys.builtin_module_names
    return kind_of_code(filename) != USER or filename.endswith((".so", ".pyd"))


#: values that never change, and that hold nothing
PLAIN: frozenset[Any] = frozenset(
    {int, float, complex, str, bytes, bool, type(None), range, slice, type(Ellipsis), type(NotImplemented), np.dtype,
     datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone, fractions.Fraction,
     re.Pattern, re.Match, types.CodeType, np.errstate}
    | {kind for kind in np.sctypeDict.values() if kind not in (np.void, np.object_)}
    | {type(np.dtype(kind)) for kind in np.sctypeDict.values()}
)  # fmt: skip
CONTAINERS = (list, tuple, dict, set, frozenset, collections.deque)
BUFFERS: tuple[type, ...] = (bytearray, __import__("array").array)
VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_ITERABLE: list[Any] = [[], (), {}, set(), "", b"", range(1), {}.values(), {}.items(), np.ones(1)]
_REVERSIBLE: list[Any] = [[], {}, {}.values(), {}.items()]
ITERATORS: frozenset[type] = frozenset(
    {type(iter(each)) for each in _ITERABLE}
    | {type(reversed(each)) for each in _REVERSIBLE}
    | {type(iter(range(1 << 70))), type(iter("é")), type(iter(collections.deque())), type(iter(int, 0))}
    | {zip, map, filter, enumerate, reversed, np.flatiter, np.nditer, np.broadcast}
    | {each for each in vars(itertools).values() if isinstance(each, type)}
)
#: objects whose methods change them: a function may use one that it has made, and no other
STATEFUL = {"_random.Random", "random.Random", "_io.StringIO", "_io.BytesIO", "numpy.random.mtrand.RandomState"} | {
    f"numpy.random.{name}" for name in ("_generator.Generator", "_pcg64.PCG64", "_pcg64.PCG64DXSM", "_mt19937.MT19937",
    "_philox.Philox", "_sfc64.SFC64", "bit_generator.SeedSequence", "bit_generator.BitGenerator")
}  # fmt: skip
LOCKS: tuple[type, ...] = (type(__import__("_thread").allocate_lock()), __import__("_thread").RLock)

_MODULES = {"math", "cmath", "operator", "_operator", "itertools", "_bisect", "_heapq", "_statistics", "_struct",
            "binascii", "zlib", "unicodedata", "_string", "_json", "_collections", "_functools", "_abc"}  # fmt: skip
_BUILTINS = {"abs", "all", "any", "ascii", "bin", "callable", "chr", "divmod", "format", "hex", "isinstance", "len",
             "issubclass", "max", "min", "oct", "ord", "pow", "repr", "round", "sorted", "sum", "compile", "hash",
             "__build_class__"}  # fmt: skip
_NUMPY_READS = {"fromfile", "memmap", "frombuffer", "_get_extobj_dict", "_make_extobj", "geterr", "geterrcall", "load",
                "getbufsize", "get_printoptions", "loadtxt", "genfromtxt", "array2string", "array_repr", "array_str",
                "set_printoptions", "seterr", "seterrcall", "setbufsize", "save", "savez", "savetxt", "show_config",
                "info", "fromregex", "open_memmap", "default_rng", "printoptions", "from_dlpack", "may_share_memory",
                "shares_memory", "byte_bounds", "savez_compressed"}  # fmt: skip
_ARRAY_READS = {"tofile", "dump", "dumps", "setflags", "__array_interface__", "__dlpack__", "__reduce__",
                "__reduce_ex__", "__repr__", "__str__"}  # fmt: skip
#: classes written in C whose objects hold what they are given
CLASSES: frozenset[Any] = frozenset(
    {int, float, complex, str, bytes, bool, list, tuple, dict, set, frozenset, range, slice, zip, map, filter,
     enumerate, reversed, super, object, property, type, classmethod, staticmethod, bytearray, collections.deque,
     collections.OrderedDict, collections.defaultdict, functools.partial, operator.attrgetter, operator.itemgetter,
     operator.methodcaller, types.SimpleNamespace, types.MethodType, types.FunctionType, types.CellType, np.ndarray,
     types.MappingProxyType, types.GenericAlias, functools._lru_cache_wrapper, np.ufunc, type(None),
     datetime.date, datetime.time, datetime.datetime, datetime.timedelta, *BUFFERS, *ITERATORS, *LOCKS}
)  # fmt: skip
_METHODS_OF: tuple[type, ...] = (*CONTAINERS, *BUFFERS, *VIEWS, int, float, complex, str, bytes, bool, range, slice,
                np.ndarray, np.generic, np.dtype, re.Pattern, re.Match, datetime.date, datetime.time,
                datetime.timedelta, property, object, type(None), BaseException, types.SimpleNamespace, np.ufunc,
                types.GeneratorType, functools.partial, type, types.FunctionType, *LOCKS)  # fmt: skip
_TYPE_METHODS = {"__new__", "fromkeys", "fromhex", "from_bytes", "maketrans", "from_iterable", "__init_subclass__",
                 "__subclasshook__", "__prepare__", "fromisoformat", "fromordinal", "combine", "strptime"}  # fmt: skip
_CLOCKS = {"now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp"}
C_FUNCTIONS = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, np.ufunc,
               types.MethodWrapperType, types.ClassMethodDescriptorType, type(np.sum))  # fmt: skip
READERS_BY_NAME = (operator.attrgetter, operator.methodcaller)


def is_a(value: Any, kinds: Any) -> bool:
    """Whether a value has one of these types itself; `isinstance` would ask the user's `__getattr__` for one, too."""
    return issubclass(type(value), kinds)


_OF_PYTHON = (types.FunctionType, property, classmethod, staticmethod)


def is_made_by_python(kind: type) -> bool:
    """Whether a class was made by a class statement (and may be changed), not written in C."""
    return bool(kind.__flags__ & (1 << 9)) and not kind.__flags__ & (1 << 8) and (
        "__dict__" in kind.__dict__ or "__slots__" in kind.__dict__ or "__weakref__" in kind.__dict__
        or any(is_a(value, _OF_PYTHON) for value in kind.__dict__.values()) or issubclass(kind, BaseException)
        or issubclass(kind, type)
        or is_made_by_python(kind.__base__ or object)
    )  # fmt: skip


def solid(kind: type) -> type:
    """The first class of the line that is written in C."""
    while is_made_by_python(kind):
        kind = kind.__base__ or object
    return kind


def home_of(kind: type) -> str:
    """The package that a class belongs to."""
    return str(kind.__module__).partition(".")[0]  # of some classes that are written in C it is no string


def name_of_type(kind: type) -> str:
    """`module.name`."""
    return f"{kind.__module__}.{kind.__qualname__}"


def why_not_function(function: Any) -> str | None:
    """Why a function written in C may not be called; None if it may."""
    name = str(getattr(function, "__name__", "?"))
    owner: Any = getattr(function, "__self__", None)
    if is_a(function, np.ufunc):
        return None
    if is_a(function, (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType)):
        return why_not_method(function.__objclass__, name)
    if is_a(owner, type):
        is_pure = name in _TYPE_METHODS or (owner in CLASSES and name not in _CLOCKS)
        return None if is_pure else f"calls {owner.__name__}.{name}()"
    if owner is None or is_a(owner, types.ModuleType):
        home = str(getattr(function, "__module__", None) or getattr(owner, "__name__", ""))
        top = home.partition(".")[0]
        if function is gc.collect:
            return None
        if top == "builtins":
            return None if name in _BUILTINS else f"calls {name}()"
        if top in ("numpy", "scipy") and not home.startswith(("numpy.random", "scipy.io", "scipy.stats")):
            return f"calls np.{name}(), which reads more than its arguments" if name in _NUMPY_READS else None
        if top in _MODULES or top == "minigrad":
            return None
        return f"calls {home + '.' if home not in ('None', '') else ''}{name}()"
    return why_not_method(type(owner), name)


def why_not_method(kind: type, name: str) -> str | None:
    """Why a method of a type written in C may not be called."""
    base = solid(kind)
    if issubclass(base, np.ndarray) and name in _ARRAY_READS:
        return f"calls {name}() of an array"
    if base is object or issubclass(base, _METHODS_OF) or base in ITERATORS or base in PLAIN:
        if name in ("astimezone", "timestamp", "__subclasses__", "__sizeof__"):  # the time zone, classes to come
            return f"calls {name}()"
        if base is object and name in ("__reduce__", "__reduce_ex__", "__dir__", "__sizeof__"):
            return f"calls {name}()"
        if issubclass(base, LOCKS) and name == "locked":
            return "asks whether a lock is held"
        return None
    if base.__module__ == "_operator":
        return None
    return f"calls {name}() of a {name_of_type(base)}, an object written in C"


def why_not_class(kind: type, args: Any) -> str | None:
    """Why an object of a class may not be made."""
    base = solid(kind)
    if name_of_type(base) in STATEFUL:
        if name_of_type(base).startswith("_io") or (args and args[0] is not None):
            return None
        return "draws random numbers"
    if base in (datetime.datetime, datetime.date, np.datetime64) or base in CLASSES or base in PLAIN:
        if any(type(each) is str and each.lower() in ("now", "today") for each in args):
            return "reads the time"
        return None
    if issubclass(base, (BaseException, np.generic, np.dtype)):
        return None
    return f"makes a {name_of_type(base)}, an object written in C"


def is_readable(value: Any) -> bool:
    """Whether what C code reads of a value is watched with the value."""
    base = solid(type(value))
    return (
        base is object or base in PLAIN or base in ITERATORS or issubclass(base, (*CONTAINERS, *BUFFERS, np.ndarray))
        or is_a(value, (Box, Duck, np.generic, np.dtype, type, types.FunctionType, types.MethodType, *VIEWS))
        or is_a(value, (*C_FUNCTIONS, functools.partial, types.ModuleType, types.CellType, property, *LOCKS))
        or is_a(value, (types.SimpleNamespace, types.MappingProxyType, types.GeneratorType, BaseException))
        or is_a(value, (classmethod, staticmethod, functools._lru_cache_wrapper, types.GenericAlias))
        or is_a(value, (operator.attrgetter, operator.itemgetter, operator.methodcaller, types.UnionType))
        or is_a(value, (types.GetSetDescriptorType, types.MemberDescriptorType))
    )  # fmt: skip
