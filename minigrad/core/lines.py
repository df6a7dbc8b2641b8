"""Where in the user's program we are: the line for errors, warnings and printed tapes."""

from __future__ import annotations

import functools
import linecache
import os
import sys
from collections.abc import Iterator
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

    def place(self, *, whole: bool = False) -> str:
        """Where the line is: `train.py:12`, with the `whole` path of the file if wanted; in a notebook its cell."""
        cell = _cell_of(self.filename)
        if cell:
            return f"{cell}, line {self.number}"
        return f"{self.filename if whole else os.path.basename(self.filename)}:{self.number}"

    def __str__(self) -> str:
        text = self.text()
        return self.place() + (f" `{text}`" if text else "")


def _cell_of(filename: str) -> str:
    """The cell of a notebook, or the input of IPython, that a file name stands for: `In [2]`; empty if none."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    known = getattr(getattr(shell, "compile", None), "_filename_map", {})  # which cell has which name, see its compiler
    return f"In [{known[filename]}]" if filename in known else ""


_LIBRARIES = (os.path.dirname(os.path.dirname(__file__)) + os.sep, os.path.dirname(np.__file__) + os.sep)


_INSTALLED = ("site-packages", "dist-packages")  #: the folders of libraries
_STANDARD = os.path.dirname(os.__file__) + os.sep  #: the folder of Python's own


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


@functools.cache
def is_installed(filename: str) -> bool:
    """Whether a file belongs to a library or to Python itself, and not to the user's program."""
    folders = any(f"{os.sep}{folder}{os.sep}" in filename for folder in _INSTALLED)
    return folders or filename.startswith((_STANDARD, "<frozen "))


def library_of(frame: Any) -> str:
    """The package that a frame belongs to, if that is an installed one: `pandas`; else empty."""
    filename = frame.f_code.co_filename
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] if is_installed(filename) else ""


def user_frames() -> Iterator[Any]:
    """What runs, from the innermost outwards: the frames of libraries that are neither minigrad nor NumPy, up to the
    first one of the user's own program.

    A program that consists of libraries alone has no frame of the user's: then it is the innermost one.
    """
    found: list[Any] = []
    frame: Any = sys._getframe(1)
    while frame is not None:
        if not is_ours(frame.f_code.co_filename):
            found.append(frame)
            if not is_installed(frame.f_code.co_filename):
                break
        frame = frame.f_back
    yield from found if frame is not None else found[:1] or [sys._getframe(1)]


def own_frame() -> Any:
    """The frame of the user's own program that is being run."""
    return list(user_frames())[-1]


def library_at_work() -> str:
    """The installed package whose code the user's program has called: `pandas`; empty if there is none."""
    return next((name for frame in user_frames() if (name := library_of(frame))), "")


def own_line() -> Line:
    """The innermost line of the user's own program, also where the code of a library is at work in it."""
    frame = own_frame()
    return Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


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


PRODUCT = "a sparse array and a traced value: write the product with an operator, A @ x or A * x"


def is_left_to_the_other() -> bool:
    """Whether the library `sparse` asks a factor for the value between its stored numbers, before it multiplies.

    If the factor answers `NotImplementedError`, the operator is left to it.
    """
    return str(sys._getframe(2).f_globals.get("__name__", "")).startswith("sparse.")


def located(message: str, line: Line | None = None) -> str:
    """An error message with the user's line at its end: the one that is being run, if no other is given."""
    line = line or own_line()
    text = line.text()
    return f"{message}\n  at {line.place(whole=True)}, in {line.function}" + (f"\n    {text}" if text else "")
