"""Arrays and numbers of other libraries: how they are recognised, and what to write instead.

A tape records operations of NumPy. An array of pandas, xarray, JAX, PyTorch, SciPy's sparse matrices and the like has
operations of its own, which it does not see, so such a value can be neither differentiated nor returned. It would pass
for a constant, and its gradient for zero; so it is refused wherever a derivative is asked of it. Arrays that hand
NumPy's functions on (`__array_function__`), as those of Dask and CuPy do, are not meant (see `adopted`).
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from minigrad.core.lines import located
from minigrad.core.tape import WRAPPERS

#: Methods by which a type says that its values are arrays, or can be made one; the last ones are those of numbers.
_PROTOCOLS = ("__array__", "__array_ufunc__", "__array_interface__", "__array_struct__", "__dlpack__")
_KNOWN = (np.ndarray, np.generic, int, float, complex, str, bytes, type)
_NUMBERS = ("__float__", "__complex__")


def is_foreign(value: Any) -> bool:
    """Whether a value is a number or array, but none of NumPy's or Python's.

    Texts, functions and other objects are constants, and no business of the engine.
    """
    kind = type(value)
    if value is None or issubclass(kind, _KNOWN):
        return False
    if hasattr(kind, "__array_function__"):
        return is_sparse(value)
    if any(hasattr(kind, name) for name in (*_PROTOCOLS, *_NUMBERS)):
        return True
    return (asked(value, "dtype") is not None and asked(value, "shape") is not None) or _is_buffer(value)


def asked(value: Any, name: str, default: Any = None) -> Any:
    """An attribute, or the default where there is none: also where a `__getattr__` raises a KeyError."""
    try:
        return getattr(value, name, default)
    except Exception:
        return default


def is_sparse(value: Any) -> bool:
    """Whether this is a sparse matrix, or array: of SciPy, of the library `sparse`, or one with traced numbers."""
    kind = type(value)
    home = str(kind.__module__)
    if home.startswith("scipy.sparse"):
        return hasattr(kind, "tocoo")
    return (home.startswith("sparse.") and hasattr(kind, "todense")) or hasattr(kind, "stored_at")


def performs_ufuncs(value: Any) -> bool:
    """Whether this is an array of xarray, which does NumPy's ufuncs itself, on what it holds: also on a traced value.

    It has no `__array_function__`, so nothing else can be done with it than operators and ufuncs.
    """
    kind = type(value)
    if kind.__module__.partition(".")[0] not in WRAPPERS or hasattr(kind, "__array_function__"):
        return False
    return getattr(kind, "__array_ufunc__", None) is not None


def _is_buffer(value: Any) -> bool:
    """Whether this is a block of numbers, such as `array.array`; bytes are a text."""
    try:
        return memoryview(value).format != "B"
    except TypeError:
        return False


def type_name(value: Any) -> str:
    """The type of a value as users import it: `pandas.Series`, `scipy.sparse.csr_array`."""
    kind = type(value)
    package = str(kind.__module__).partition(".")[0]
    if getattr(sys.modules.get(package), kind.__qualname__, None) is kind and package != "builtins":
        return f"{package}.{kind.__qualname__}"
    public = [part for part in str(kind.__module__).split(".") if not part.startswith("_") and part != "builtins"]
    return ".".join([*public, kind.__qualname__])


def as_plain_code(value: Any, name: str = "x") -> str:
    """The expression that makes a plain array, or number, of a foreign value."""
    kind = type(value)
    if hasattr(kind, "data_vars"):  # a set of arrays, of xarray
        return f"{{key: part.to_numpy() for key, part in {name}.items()}}"
    if hasattr(kind, "to_numpy"):
        return f"{name}.to_numpy()"
    if hasattr(kind, "toarray"):
        return f"{name}.toarray()"
    if is_sparse(value):
        return f"{name}.todense()"
    if hasattr(kind, "numpy"):
        return f"{name}.detach().numpy()" if getattr(value, "requires_grad", False) is True else f"{name}.numpy()"
    is_array = any(hasattr(kind, protocol) for protocol in _PROTOCOLS) or asked(value, "shape") is not None
    if is_array or _is_buffer(value):
        return f"np.asarray({name})"
    return f"float({name})"


def described(value: Any) -> str:
    """A foreign value in a message: its type, and its shape and dtype where it has them."""
    shape, dtype = asked(value, "shape"), asked(value, "dtype")
    facts = [f"shape {shape}"] * isinstance(shape, tuple) + [f"dtype {dtype}"] * (dtype is not None)
    return f"a {type_name(value)}" + (f" ({', '.join(facts)})" if facts else "")


def refuse_foreign(operation: str, value: Any, where: str) -> None:
    """Raise if a value to be differentiated is one of another library."""
    if is_foreign(value):
        raise TypeError(
            located(
                f"{operation}: {where} is {described(value)}, and not an array or number of NumPy: what is done with "
                f"it is not recorded, and its derivative would be lost. Pass {as_plain_code(value)}"
            )
        )


def refuse_foreign_result(operation: str, value: Any) -> None:
    """Raise if a result is a value of another library, through which no derivative flows."""
    if is_foreign(value):
        raise TypeError(
            located(
                f"{operation}: the function returned {described(value)}, and not an array or number of NumPy: what is "
                f"done with it is not recorded, and its derivative would be lost. Within the function use NumPy's "
                f"functions, and plain arrays where it has others: {as_plain_code(value)}"
            )
        )
