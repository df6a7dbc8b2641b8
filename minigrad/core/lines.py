"""Where in the user's program we are: the line for errors, warnings and printed tapes."""

from __future__ import annotations

import functools
import linecache
import os
import sys
from typing import Any, NamedTuple

import numpy as np


class Line(NamedTuple):
    """A line of the user's program."""

    filename: str
    number: int
    function: str

    def text(self) -> str:
        """The source text, empty where there is none (an interactive session)."""
        return linecache.getline(self.filename, self.number).strip()

    def __str__(self) -> str:
        text = self.text()
        return f"{os.path.basename(self.filename)}:{self.number}" + (f" `{text}`" if text else "")


_LIBRARIES = (os.path.dirname(os.path.dirname(__file__)) + os.sep, os.path.dirname(np.__file__) + os.sep)


_INSTALLED = ("site-packages", "dist-packages")  #: the folders of libraries


@functools.cache
def is_ours(filename: str) -> bool:
    """Whether a file belongs to minigrad or to NumPy."""
    return filename.startswith(_LIBRARIES)


def user_line() -> Line:
    """The innermost line outside of minigrad and NumPy that is being run."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def is_ours_at_work() -> bool:
    """Whether it is minigrad's own code that called us, by way of NumPy or not, and not the user's."""
    frame: Any = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_LIBRARIES[1]):
        frame = frame.f_back
    return bool(frame.f_code.co_filename.startswith(_LIBRARIES[0]))


def library_at_work() -> str:
    """The package whose code called us, unless that is the user's program: `pandas`, and empty if there is none."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    is_installed = any(f"{os.sep}{folder}{os.sep}" in frame.f_code.co_filename for folder in _INSTALLED)
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] if is_installed else ""


#: The methods by which a sparse matrix of SciPy multiplies. They hand an array of NumPy's to code in C.
_PRODUCTS = ("_matmul_dispatch", "_rmatmul_dispatch", "_mul_dispatch", "_rmul_dispatch")


def is_sparse_product(frame: Any) -> bool:
    """Whether a sparse matrix of SciPy multiplies in this frame."""
    return frame.f_code.co_name in _PRODUCTS and str(frame.f_globals.get("__name__", "")).startswith("scipy.sparse")


def asked_by_a_sparse_matrix() -> bool:
    """Whether a sparse matrix of SciPy is about to multiply, and asks whether the other factor is an array.

    What turns out to be an object without axes it leaves to the other factor, by `NotImplemented`.
    """
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return is_sparse_product(frame)


def located(message: str, line: Line | None = None) -> str:
    """An error message with the user's line at its end: the one that is being run, if no other is given."""
    line = line or user_line()
    text = line.text()
    return f"{message}\n  at {line.filename}:{line.number}, in {line.function}" + (f"\n    {text}" if text else "")
