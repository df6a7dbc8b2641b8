"""Optimisers in the form of autograd; see `minigrad.compat.optimizers`."""

from minigrad.compat.optimizers import (
    adam,
    rmsprop,
    sgd,
    unflatten_optimizer,
)

__all__ = [
    "adam",
    "rmsprop",
    "sgd",
    "unflatten_optimizer",
]
