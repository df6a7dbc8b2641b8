"""Minimisation of functions of parameters in any structure; see `minigrad.operations.minimize`."""

from minigrad.operations.minimize import minimize

__all__ = ["minimize"]
