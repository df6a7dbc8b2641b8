"""Pytrees as flat vectors; see `minigrad.operations.vectors`."""

from minigrad.operations.vectors import (
    flatten_func,
)
from minigrad.operations.vectors import to_vector as flatten

__all__ = [
    "flatten",
    "flatten_func",
]
