"""Write `minigrad/numpy/__init__.pyi`, by which editors and type checkers know the names of `minigrad.numpy`.

Usage: python docs/make_stub.py
"""

from pathlib import Path

import numpy as np

STUB = Path(__file__).resolve().parent.parent / "minigrad" / "numpy" / "__init__.pyi"

OWN = {"fft", "linalg", "random"}  # modules that are not NumPy's

OPENING = '''\
# ruff: noqa: I001
"""What an editor and a type checker know of this module: the names of NumPy {version}, with NumPy's types.

A traced value passes for an array, see `Box.__class__`, so a program is typed as one for NumPy is. The file is written
by docs/make_stub.py.
"""

from numpy import (
'''

CLOSING = """\
)

from minigrad.numpy import fft as fft
from minigrad.numpy import linalg as linalg
from minigrad.numpy import random as random
from minigrad.numpy.functions import logsumexp as logsumexp
from minigrad.numpy.selection import add_at as add_at
from minigrad.numpy.selection import set_at as set_at
"""


def stub() -> str:
    """The text of the stub for the NumPy that is installed."""
    version = ".".join(np.__version__.split(".")[:2])
    names = sorted(set(np.__all__) - OWN)
    return OPENING.format(version=version) + "".join(f"    {name} as {name},\n" for name in names) + CLOSING


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
    print(f"wrote {STUB}")
