"""What to say to who makes a plain number or array of a traced value: each cause has its own words.

The value would lose its derivative, so the engine refuses. What the user has to write instead depends on what the line
does, which `called` knows.
"""

from __future__ import annotations

import cmath
import math
import sys
from typing import Any

import numpy as np

from minigrad.core.called import Doing, doing, holds_lists, is_list, is_vectorized, with_stacks
from minigrad.core.lines import library_at_work, own_frame

_OTHER_NAMES = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "pow": "power", "fsum": "sum", "phase": "angle", "sumprod": "dot",
}  # fmt: skip
#: What to write for functions of `math` and `cmath` that NumPy has not, or not with these arguments.
_OTHERWISE = {
    "erf": "scipy.special.erf", "erfc": "scipy.special.erfc", "gamma": "scipy.special.gamma",
    "lgamma": "scipy.special.gammaln", "factorial": "scipy.special.gamma(x + 1)", "comb": "scipy.special.binom",
    "perm": "scipy.special.poch", "dist": "np.linalg.norm(p - q)", "remainder": "x - y * np.round(x / y)",
    "fma": "x * y + z", "polar": "np.abs(z) and np.angle(z)", "rect": "r * np.exp(1j * phi)",
    "isqrt": "np.floor(np.sqrt(x))", "ulp": "np.spacing(minigrad.value(x))",
}  # fmt: skip


def instead_of(function: Any, arguments: str = "") -> str:
    """What to write for a function of `math` or `cmath`.

    >>> instead_of(math.atan), instead_of(math.sin, "(2 * x)"), instead_of(math.lgamma)
    ('np.arctan', 'np.sin(2 * x)', 'scipy.special.gammaln')
    """
    name = function.__name__
    if name == "log" and "," in arguments:
        return "np.log(x) / np.log(base)"
    if name in _OTHERWISE:
        return _OTHERWISE[name]
    return f"np.{_OTHER_NAMES.get(name, name)}{arguments}"


_PLAIN = "For the plain value, as a constant: minigrad.value(x)"
_NAMES = {float: "float()", int: "int()", complex: "complex()"}


def words(operation: str, value: Any, kind: type | None = None) -> str:
    """Why a traced value cannot become a plain number of this kind, or a plain array, and what to write instead.

    Args:
        operation: what is at work, as a prefix, `"compile: "`; may be empty.
        value: the traced value.
        kind: `float`, `int`, `complex`, or None for an array.
    """
    user = own_frame()
    what = f"a value that is being differentiated (shape {value.shape}, {value.dtype})"
    library = library_at_work()
    vectorized = any(map(is_vectorized, _between(user)))
    now = doing(user)
    if vectorized:
        cause = (
            f"np.vectorize hands plain numbers to its function, and is given {what}: the derivative would be lost. "
            "Call the function itself, written in NumPy's functions (np.where for if), or minigrad.vmap(f)(x)"
        )
    elif library:
        cause = _by_library(library, what, kind)
    else:
        cause = _by_call(now, user, what, value) or _by_kind(now, what, kind)
    return f"{operation}{cause}. {_PLAIN}"


def no_index(value: Any) -> str:
    """Why a traced value is no index and no number of steps, and what to write instead."""
    now = doing(own_frame())
    name = f"{now.name}{now.arguments}" if now.name and "…" not in now.name else "this"
    return (
        f"{name} needs a whole number, and is given a value that is being differentiated (shape {value.shape}, "
        f"{value.dtype}). A count or an index has no derivative: write int(minigrad.value(x))"
    )


def _between(user: Any) -> Any:
    frame = sys._getframe(2)
    while frame is not None and frame is not user:
        yield frame
        frame = frame.f_back  # type: ignore[assignment]


def _by_library(library: str, what: str, kind: type | None) -> str:
    if library in sys.stdlib_module_names:
        return (
            f"the module {library} computes with plain numbers, and is given {what}: its derivative would be lost. Use "
            "NumPy's functions, or those of minigrad.scipy"
        )
    if library == "scipy":
        return (
            f"scipy makes a plain {'array' if kind is None else 'number'} of {what}, whose derivative would be lost. "
            "minigrad.scipy has special, linalg, signal, stats and integrate; minigrad.root solves equations; anything "
            "else can be given a rule: minigrad.custom_primitive. Of a sparse matrix use the products, M @ x, or "
            "M.toarray()"
        )
    if library not in ("pandas", "polars", "xarray", "sklearn", "torch", "jax", "tensorflow", "cupy"):
        return (
            f"{library} makes a plain {'array' if kind is None else 'number'} of {what}, whose derivative would be "
            "lost. Compute with NumPy's functions what has a derivative; what is only drawn, stored or printed gets "
            "the plain value"
        )
    advice = "x.to_numpy()" if library in ("pandas", "polars", "xarray") else "np.asarray(x)"
    return (
        f"{library} makes a plain {'array' if kind is None else 'number'} of {what}, whose derivative would be lost. "
        f"Use NumPy's functions, and plain arrays in place of those of {library}: {advice}"
    )


def _by_call(now: Doing, user: Any, what: str, value: Any) -> str:
    """The words for a function that the user's line calls; empty if none is known for it."""
    function, name, given = now.function, now.name, now.arguments
    method = name.removeprefix("….")
    if now.kind == "call" and method != name and hasattr(np.ndarray, method):
        return _by_method(name, method, given, what)
    home = str(getattr(function, "__module__", None) or "").partition(".")[0]
    is_drawing = now.kind == "call" and method != name and hasattr(np.random.Generator, method)
    if now.kind != "call" or (function is None and not is_drawing):
        return ""
    if home in ("math", "cmath") and function in vars(math if home == "math" else cmath).values():
        return (
            f"{name}{given or '()'} computes with plain numbers, and is given {what}: its derivative would be lost. "
            f"Write {instead_of(function, given)}"
        )
    owner = now.owner if now.owner is not None else getattr(function, "__self__", None)
    if is_drawing or isinstance(owner, (np.random.Generator, np.random.RandomState)) or owner is np.random:
        return (
            f"{name or 'a random number'}{given} draws plain numbers, and a parameter of it is {what}: the derivative "
            "would be lost. Draw numbers that do not depend on it, outside of the function, and move and scale them: "
            "mu + sigma * rng.standard_normal(n)"
        )
    if isinstance(owner, np.ndarray):
        return _by_method(name, function.__name__, given, what)
    if isinstance(function, type) and issubclass(function, np.generic):
        return (
            f"{name}{given} makes a plain number of {what}: its derivative would be lost. Leave {name} out; to change "
            f"the dtype write x.astype({name})"
        )
    if home == "numpy" or isinstance(function, np.ufunc):
        return _by_numpy(now, user, what)
    if home in ("torch", "tensorflow", "jax", "jaxlib", "cupy", "pandas", "polars", "xarray", "autograd"):
        return (
            f"{name or function}{given} of {home} makes a plain array of {what}: its derivative would be lost. Use "
            "NumPy's functions on it as it is"
        )
    return ""


def _by_method(name: str, method: str, given: str, what: str) -> str:
    array = name.rpartition(".")[0].replace("…", "") or "M"
    if method in ("fill", "put", "itemset", "__setitem__"):
        return f"{name}{given} writes {what} into a plain array: its derivative would be lost. {_BUILD}"
    arguments = f"({array}, {given[1:]}" if given else f"({array}, x)"
    advice = f"np.{method}{arguments}"
    if method == "dot":
        advice = f"{array} @ {given[1:-1] if given[1:-1].isidentifier() else 'x'}, or {advice}"
    return (
        f"{name}{given} is a method of a plain array, which does not look at what it is given: {what}, whose "
        f"derivative would be lost. Write {advice}"
    )


def _by_numpy(now: Doing, user: Any, what: str) -> str:
    name, given, short = now.name, now.arguments, now.function.__name__
    call, takes = f"{name}{given}", f"import minigrad.numpy as np, whose np.{short} takes"
    if short in ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray"):
        if holds_lists(given, user):
            return (
                f"{call} makes a plain array of lists, which hold {what}: its derivative would be lost. Write {takes} "
                "such lists, or np.stack of rows that are made by np.stack"
            )
        if not is_list(given, user):
            return (
                f"{call} makes a plain array, and is given {what}: its derivative would be lost. A traced value is an "
                f"array already: leave {name}() out. To make an array of a list of traced values write np.stack"
            )
        return (
            f"{call} makes a plain array of a list, which holds {what}: its derivative would be lost. Write "
            f"np.stack{given or '([x, y])'}, or {takes} such lists"
        )
    if short in ("full", "arange"):
        own = (
            "x * np.ones(shape)" if short == "full" else "x * np.linspace(0.0, 1.0, n), with a fixed number of entries"
        )
        return f"{call} makes a plain array, and is given {what}: its derivative would be lost. Write {own}"
    if short in ("fromiter", "frombuffer", "fromfunction"):
        return (
            f"{call} makes a plain array of numbers, and is given {what}: its derivative would be lost. Write np.stack "
            "of a list of them, np.stack([f(i) for i in range(n)])"
        )
    return (
        f"{call} makes a plain array of a list that it is given, which holds {what}: its derivative would be lost. "
        f"Write {with_stacks(name, given, user)}, or {takes} such lists"
    )


_BUILD = (
    "Make an array of its parts, np.stack([x, y]), or of the old and the new one, np.where(mask, new, old) or "
    "minigrad.set_at(a, index, new), which returns a new array; or write into a traced array, such as "
    "a = np.zeros_like(x) + 0.0 * x"
)


def _by_kind(now: Doing, what: str, kind: type | None) -> str:
    if now.kind == "write":
        target = now.name or "an assignment"
        return f"{target} = ... writes {what} into a plain array: its derivative would be lost. {_BUILD}"
    if now.kind == "text":
        return (
            f"{now.name or 'the operator %'} makes a plain number of {what}: its derivative would be lost. To show it "
            'write f"{x:.3f}" or str(x)'
        )
    if now.kind == "index":
        return (
            f"{now.name or 'an index'} takes {what} as an index, which has to be a whole number and has no "
            "derivative. Write int(minigrad.value(x))"
        )
    if kind is None:
        return (
            f"{what} cannot become, or be written into, a plain array: its derivative would be lost. Use NumPy's "
            f"functions on it as it is. {_BUILD}"
        )
    is_written = now.kind == "call" and now.function is kind
    call = f"{now.name}{now.arguments or '()'}" if is_written else _NAMES[kind]
    if not is_written:  # called from C: by map, or by an array that is written to
        return (
            f"{call}, as a function of the math module calls it, or an assignment into a plain array, makes a plain "
            f"number of {what}: its derivative would be lost. Use NumPy's functions on it as it is, np.sin(x) for "
            "math.sin(x), and minigrad.set_at(a, index, x), which returns a new array, for a[index] = x"
        )
    if kind is int:
        return (
            f"{call} makes a whole number of {what}, which has no derivative. For a number of steps or an index write "
            "int(minigrad.value(x)); to round within the computation np.floor(x) or np.round(x), whose slope is 0"
        )
    return (
        f"{call} makes a plain number of {what}: its derivative would be lost. Leave {_NAMES[kind]} out: x "
        "works as it is, in arithmetic and in NumPy's functions, and can be printed"
    )
