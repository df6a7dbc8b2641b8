"""Tools around derivatives: flat vectors of parameters, optimisers, fixed points."""

from minigrad.misc.flatten import flatten

__all__ = ["flatten"]
