"""Which functions return arrays whose shape or dtype depends on numbers: programs then ask for those that they met."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

_EMATH = (np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10, np.emath.logn, np.emath.power,
          np.emath.arccos, np.emath.arcsin, np.emath.arctanh)  # fmt: skip

# Functions whose results have shapes that depend on numbers, each with the positions of the arguments that matter.
_SHAPES: dict[Any, tuple[int, ...]] = {
    np.nonzero: (0,), np.flatnonzero: (0,), np.argwhere: (0,), np.unique: (0,), np.compress: (0,), np.extract: (0,),
    np.trim_zeros: (0,), np.union1d: (0, 1), np.intersect1d: (0, 1), np.setdiff1d: (0, 1), np.setxor1d: (0, 1),
    np.bincount: (0,), np.repeat: (1,), np.unique_all: (0,), np.unique_counts: (0,), np.unique_inverse: (0,),
    np.unique_values: (0,), np.delete: (1,), np.insert: (1,),
    np.histogram: (0, 1), np.histogram_bin_edges: (0, 1),  # automatic bins
    np.roots: (0,), np.polymul: (0, 1), np.polydiv: (0, 1), np.poly1d: (0,),  # leading zeros are left out
    np.linalg.lstsq: (0,),  # residuals are left out where the rank is lower
}  # fmt: skip
# Functions that return real or complex numbers, by the numbers that they are given.
_DTYPES: dict[Any, tuple[int, ...]] = {
    np.roots: (0,), np.poly: (0,), np.linalg.eig: (0,), np.linalg.eigvals: (0,), np.real_if_close: (0,),
    **dict.fromkeys(_EMATH, (0, 1)),
}  # fmt: skip
_KNOWN = ("numpy", "numpy.linalg", "numpy.fft", "numpy.lib.scimath", "_operator")


def shape_depends_on_numbers(function: Any, args: tuple[Any, ...]) -> bool:
    """Whether the shape of a result may differ for operands of the same shapes and dtypes."""
    if function is operator.getitem:
        return _reads(args[1], "b")
    if function is np.where:
        return len(args) == 1
    return _depends(function, args, _SHAPES)


def dtype_depends_on_numbers(function: Any, args: tuple[Any, ...]) -> bool:
    """Whether the dtype of a result may differ for operands of the same shapes and dtypes."""
    return _depends(function, args, _DTYPES)


def _depends(function: Any, args: tuple[Any, ...], table: dict[Any, tuple[int, ...]]) -> bool:
    if not callable(getattr(function, "__hash__", None)):
        return True  # a function of the user's
    places = table.get(function)
    if places is not None:
        return len(args) <= max(places) or any(_reads(args[k]) for k in places)
    if isinstance(function, np.ufunc) or type(getattr(function, "__self__", None)) is np.ufunc:
        return False
    home = getattr(function, "__module__", None) or ""
    return not (home in _KNOWN or (home.startswith("minigrad.") and not home.startswith("minigrad.operations")))


def _reads(value: Any, kinds: str = "biufc") -> bool:
    """Whether a variable, of one of these kinds of dtype, is among values at any depth."""
    kind = type(value)
    if kind is dict:
        value, kind = tuple(value.values()), tuple
    if kind is tuple or kind is list:
        return any(_reads(part, kinds) for part in value)
    if kind is slice:
        return _reads((value.start, value.stop, value.step), kinds)
    is_constant = isinstance(value, (np.ndarray, np.generic))
    return not is_constant and getattr(getattr(value, "dtype", None), "kind", "-") in kinds


def short_text(value: Any) -> str:
    """What a printed program calls an operand."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    text = repr(value) if type(value) is str else str(value)
    return text if text.isprintable() else "".join([c if c.isprintable() else " " for c in text])
