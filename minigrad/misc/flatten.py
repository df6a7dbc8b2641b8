"""Pytrees as flat vectors; see `minigrad.operations.vectors`."""

from minigrad.operations.vectors import (
    flatten,
    flatten_func,
)

__all__ = [
    "flatten",
    "flatten_func",
]
