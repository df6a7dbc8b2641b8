"""Fixed points in the form of autograd; see `minigrad.compat.fixed_points`."""

from minigrad.compat.fixed_points import (
    fixed_point,
)

__all__ = [
    "fixed_point",
]
