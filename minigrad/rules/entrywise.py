"""Of what the tables of the libraries are made: functions that each applies entry by entry, and reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

UFUNCS: tuple[np.ufunc, ...] = (
    np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.remainder, np.fmod, np.power, np.float_power,
    np.negative, np.positive, np.absolute, np.fabs, np.sign, np.square, np.sqrt, np.cbrt, np.reciprocal,
    np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.logaddexp, np.logaddexp2,
    np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2, np.hypot, np.deg2rad, np.rad2deg,
    np.degrees, np.radians, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh, np.conjugate,
    np.maximum, np.minimum, np.fmax, np.fmin, np.copysign, np.heaviside, np.nextafter,
    np.ldexp, np.spacing, np.signbit, np.floor, np.ceil, np.trunc, np.rint,
    np.isnan, np.isinf, np.isfinite, np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor,
    np.invert,
)  # fmt: skip

ENTRYWISE: tuple[Any, ...] = (
    np.real, np.imag, np.angle, np.sinc, np.nan_to_num, np.isneginf, np.isposinf, np.fix, np.round, np.around, np.clip,
)  # fmt: skip

#: What reduces by a ufunc in a library that has no `ufunc.reduce`.
REDUCTIONS: dict[np.ufunc, str] = {
    np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min", np.logical_and: "all",
    np.logical_or: "any",
}  # fmt: skip


def as_reduce(reduction: Callable[..., Any]) -> Callable[..., Any]:
    """`ufunc.reduce`, with its arguments in its order, by the function of a library."""

    def reduce(x: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        options = {} if dtype is None else {"dtype": dtype}
        return reduction(x, axis=axis, keepdims=bool(keepdims), **options)

    return reduce


def reductions(module: Any) -> dict[Any, Callable[..., Any]]:
    """The rows of a table for `ufunc.reduce`, by the functions of a module that has them under NumPy's names."""
    return {(ufunc, "reduce"): as_reduce(getattr(module, name)) for ufunc, name in REDUCTIONS.items()}
