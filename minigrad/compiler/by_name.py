"""What is known of NumPy's functions by name, without looking at numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

# What depends on shapes and dtypes only.
FACTS = {
    np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast, np.zeros_like,
    np.ones_like, np.empty_like, np.common_type,
}  # fmt: skip

#: Methods of Python's numbers that are read.
METHODS_OF_NUMBERS = ("is_integer", "as_integer_ratio", "hex")

# What writes into its first argument.
WRITING_METHODS = {"fill", "itemset", "partition", "put", "resize", "setfield", "sort"}
WRITERS = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


def writes(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call of NumPy's writes into its first argument."""
    if function is np.nan_to_num:
        return kwargs.get("copy") is False or any(arg is False for arg in args[1:2])
    is_method = type(getattr(function, "__self__", None)) is np.ufunc and function.__name__ == "at"
    return function is np.ufunc.at or is_method or function in WRITERS


def has_out(kwargs: dict[str, Any]) -> bool:
    """Whether a call of NumPy's is given arrays for its results."""
    out = kwargs.get("out")
    return any(part is not None for part in out) if isinstance(out, tuple) else out is not None
