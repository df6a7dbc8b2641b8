"""Cells of `scipy.linalg` and `scipy.signal`, of the functions that have rules of their own."""

import importlib
import importlib.util
from typing import Any

import numpy

from cells import cell, draw
from cells.linalg import STACKED, regular, steady

HAS_SCIPY = importlib.util.find_spec("scipy") is not None


def scipy_cell(name: str, fun: Any, *domains: Any, **options: Any) -> None:
    """A cell of a module of SciPy, or of ours for traced arguments; none without SciPy."""
    path, _, _ = name.rpartition(".")

    def call(np: Any, *args: Any) -> Any:
        return fun(importlib.import_module(path if np is numpy else f"minigrad.{path}"), *args)

    if HAS_SCIPY:
        cell(name, call, *domains, plain=False, **options)


# fmt: off
MATRICES: Any = ((1, 1), (3, 3))
def _by_eigh(la: Any, a: Any) -> Any:
    """The matrix sin(A) with the eigenvalues added to its rows, whatever the signs of the vectors are."""
    w, v = la.eigh(a)
    return (v * numpy.sin(w)) @ v.conj().T + w


scipy_cell("scipy.linalg.expm", lambda la, a: la.expm(0.3 * a), regular, shapes=(*MATRICES, *STACKED), dtypes="dD")
scipy_cell("scipy.linalg.logm", lambda la, a: la.logm(a), steady, shapes=MATRICES, dtypes="d")
scipy_cell("scipy.linalg.sqrtm", lambda la, a: la.sqrtm(a), steady, shapes=MATRICES, dtypes="dD")
scipy_cell("scipy.linalg.eigh", _by_eigh, regular, shapes=MATRICES, dtypes="dD")
scipy_cell("scipy.linalg.solve_sylvester", lambda la, a, b, q: la.solve_sylvester(a, b, q), steady, steady, draw, shapes=(((2, 2), (3, 3), (2, 3)),), dtypes="dD")
scipy_cell("scipy.linalg.lu", lambda la, a: la.lu(a[::-1])[1] + 2.0 * la.lu(a[::-1])[2], regular, shapes=MATRICES, dtypes="dD")
for trans in (0, 1, 2):
    for lower in (False, True):
        scipy_cell("scipy.linalg.solve_triangular", lambda la, a, b, t=trans, low=lower: la.solve_triangular(a, b, trans=t, lower=low, unit_diagonal=t == 1), regular, draw, shapes=(((3, 3), (3,)), ((2, 2), (2, 2))), dtypes="dD", note=f"{trans} {lower}")
scipy_cell("scipy.linalg.solve_banded", lambda la, a, b: la.solve_banded((2, 1), a + numpy.array([[0.0], [5.0], [0.0], [0.0]]), b), draw, draw, shapes=(((4, 4), (4,)), ((4, 4), (4, 2))), dtypes="dD")
for mode in ("full", "same", "valid"):
    for name in ("convolve", "fftconvolve"):
        scipy_cell(f"scipy.signal.{name}", lambda signal, x, y, f=name, m=mode: getattr(signal, f)(x, y, m), draw, draw, shapes=(((5,), (3,)), ((4, 3), (2, 2))), dtypes="dD", note=mode)
for assumed in ("sym", "her", "pos", "diagonal", "tridiagonal", "upper triangular", "lower triangular"):
    scipy_cell("scipy.linalg.solve", lambda la, a, b, s=assumed: la.solve(a, b, assume_a=s, lower=s == "her"), regular, draw, shapes=(((3, 3), (3,)),), dtypes="d", note=assumed)
scipy_cell("scipy.linalg.eigvalsh", lambda la, a: la.eigvalsh(a, lower=False, subset_by_index=[1, 2]), regular, shapes=((3, 3),), dtypes="dD", note="upper")
scipy_cell("scipy.linalg.cholesky", lambda la, a: la.cholesky(a + numpy.eye(3)), regular, shapes=((3, 3),), dtypes="dD", note="upper")
scipy_cell("scipy.linalg.cho_factor", lambda la, a: la.cho_factor(a + numpy.eye(3), True)[0], regular, shapes=((3, 3),), dtypes="dD", note="lower")
