"""What minigrad promises of CuPy's arrays: what CuPy has under NumPy's names and with NumPy's meaning.

CuPy computes at once, on a graphics processor, and raises no floating-point events. Its functions are reached by their
names, so that an array of NumPy among the arguments, or a lack in one of NumPy's protocols, makes no difference.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.core import duck_arrays
from minigrad.core.adopted import Adapter
from minigrad.rules.elementwise import tanh_slope_at, zero_times_infinity
from minigrad.rules.entrywise import ENTRYWISE, UFUNCS, reductions
from minigrad.rules.moving import names_once, scattered_add, scattered_sum

_BY_NAME: tuple[Any, ...] = (
    *ENTRYWISE,
    np.where, np.sum, np.max, np.min, np.any, np.all, np.var, np.std, np.mean, np.argmax, np.argmin, np.cumsum,
    np.reshape, np.ravel, np.transpose, np.flip, np.roll, np.rot90, np.tile, np.repeat, np.tril, np.triu, np.diag,
    np.diagonal, np.pad, np.broadcast_to, np.concatenate, np.stack, np.zeros_like, np.ones_like, np.full_like, np.copy,
    np.matmul, np.dot, np.vdot, np.tensordot, np.einsum, np.argsort, np.count_nonzero,
)  # fmt: skip
_LINEAR_ALGEBRA: tuple[Any, ...] = (
    np.linalg.cholesky, np.linalg.solve, np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.norm,
    np.linalg.eigh, np.linalg.eigvalsh, np.linalg.qr, np.linalg.svd,
)  # fmt: skip


def table(xp: Any) -> dict[Any, Callable[..., Any]]:
    """What is promised, by the functions of a module that has them under NumPy's names: `cupy`."""

    def of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda arrays, axis=0: function([xp.asarray(array) for array in arrays], axis=axis)

    def entrywise(function: Any) -> Callable[..., Any]:
        """It takes no arrays of NumPy beside its own."""
        return lambda *args, **options: function(
            *[xp.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args], **options
        )

    def scattered(*gs: Any, indices: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
        total = xp.zeros(shape, dtype)
        for g, index in zip(gs, indices):
            if names_once(index):
                total[index] += xp.asarray(g)
            else:
                xp.add.at(total, index, xp.asarray(g))
        return total

    def added(x: Any, index: Any, size: int) -> Any:
        total = xp.zeros(size, x.dtype)
        xp.add.at(total, xp.asarray(index), x)
        return total

    def tanh_slope(t: Any, x: Any) -> Any:
        s, small = 1.0 - t * t, xp.exp(-2.0 * xp.sign(xp.real(x)) * x)
        below = 1.0 + small
        return xp.where(xp.abs(s) > 0.001, s, 4.0 * small / (below * below))

    def zero_times(x: Any, y: Any) -> Any:
        return (xp.isinf(x) & (y == 0)) | ((x == 0) & xp.isinf(y))

    found: dict[Any, Callable[..., Any]] = {}
    for home, functions in ((xp, (*UFUNCS, *_BY_NAME)), (xp.linalg, _LINEAR_ALGEBRA)):
        for function in functions:
            own = getattr(home, function.__name__, None)  # what a version of the library lacks is not promised
            if own is not None:
                found[function] = entrywise(own)
    found |= reductions(xp)
    found |= {np.concatenate: of_arrays(xp.concatenate), np.stack: of_arrays(xp.stack)}
    found |= {
        duck_arrays.astype: lambda x, dtype: x.astype(dtype),
        duck_arrays.reshape: lambda x, shape, order="C": x.reshape(shape, order=order),
        operator.getitem: lambda x, index: x[index],
        tanh_slope_at: tanh_slope,
        zero_times_infinity.__wrapped__: zero_times,  # type: ignore[attr-defined]
        scattered_sum.__wrapped__: scattered,  # type: ignore[attr-defined]
        scattered_add.__wrapped__: added,  # type: ignore[attr-defined]
    }
    return found


def adapter(xp: Any, library: str = "cupy") -> Adapter:
    """The adapter of a module that computes at once, and has NumPy's functions under NumPy's names."""
    return Adapter(
        library=library,
        kind=xp.ndarray,
        functions=table(xp),
        accepts=lambda x: None,
        filled=lambda number, like: xp.full(like.shape, number, np.asarray(number).dtype),
        fitted=lambda array, like: xp.asarray(array),
        plain=lambda values: [xp.asnumpy(value) for value in values],
        passed_on=frozenset({"get", "device"}),
        advice="What is, is listed in minigrad/COVERAGE.md. Write it with these; or move the array before, x.get()",
    )
