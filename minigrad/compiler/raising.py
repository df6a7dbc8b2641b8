"""Which operations raise exceptions that depend on numbers, and not on shapes and dtypes alone."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

# They find a place by numbers, count by them, or need them to be finite or in order.
_RAISING = {
    np.bincount, np.repeat, np.histogram, np.histogram2d, np.histogramdd,
    np.histogram_bin_edges, np.roots, np.poly, np.polyfit, np.digitize, np.unravel_index, np.ravel_multi_index,
    np.compress, np.delete, np.insert, np.linspace, np.geomspace, np.logspace, np.quantile, np.percentile,
    np.nanquantile, np.nanpercentile,
}  # fmt: skip
_BY_PLACES = {np.take: 1, np.take_along_axis: 1, np.choose: 0}  #: from which argument on
_NEVER_RAISING = {np.linalg.det, np.linalg.slogdet, np.linalg.multi_dot, np.linalg.qr}
_DIVISIONS = {operator.truediv, operator.floordiv, operator.mod}
_HOMES = ("numpy", "numpy.fft", "_operator")


def may_raise(function: Any, args: tuple[Any, ...], kwargs: Any = ()) -> bool:
    """Whether an operation, of operands of these shapes and dtypes, raises an exception for some numbers.

    Solvers do, for singular matrices; so do places that were computed. Divisions by zero of NumPy's numbers do not:
    they are warnings, unless `np.errstate` says otherwise.
    """
    if not callable(getattr(function, "__hash__", None)):
        return True  # a function of the user's
    if function in _DIVISIONS:
        return _is_of_python(args[0]) and _is_of_python(args[1]) and type(args[1]) not in (int, float)
    if function is operator.pow or function is np.power:
        base, exponent = args[:2]
        if _is_of_python(base) and _is_of_python(exponent):
            return True
        return getattr(base, "dtype", np.dtype(int)).kind in "iub" and _may_be_negative(exponent)
    if function is operator.getitem:
        return _reads_whole_numbers(args[1])
    if isinstance(function, np.ufunc) or type(getattr(function, "__self__", None)) is np.ufunc:
        return False
    home = getattr(function, "__module__", None) or ""
    if function in _BY_PLACES:
        return _reads_whole_numbers((args[_BY_PLACES[function] :], kwargs))
    if home in _HOMES:
        return function in _RAISING
    if home.startswith("minigrad.rules"):  # what writes into arrays
        return _reads_whole_numbers((*args, kwargs))
    if home.startswith("minigrad.") and not home.startswith("minigrad.operations"):  # these run the user's functions
        return False
    return function not in _NEVER_RAISING


def _is_of_python(value: Any) -> bool:
    """Whether a value, or what stands for it, is a number of Python."""
    value = getattr(value, "variable", value)
    return getattr(value, "kind", None) == "python" or type(value) in (int, float, complex)


def _may_be_negative(value: Any) -> bool:
    if isinstance(value, (int, float, complex, np.generic, np.ndarray)):
        return bool(np.any(np.real(value) < 0))
    return bool(value.dtype.kind == "i")


def _reads_whole_numbers(value: Any) -> bool:
    """Whether a variable of integers is among values at any depth; constants were right when they were used first."""
    kind = type(value)
    if kind is dict:
        value, kind = tuple(value.values()), tuple
    if kind is tuple or kind is list:
        return any(map(_reads_whole_numbers, value))
    is_constant = isinstance(value, (np.ndarray, np.generic))
    return not is_constant and getattr(getattr(value, "dtype", None), "kind", None) in ("i", "u")
