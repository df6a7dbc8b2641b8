"""Python's names that see through traced values; see `minigrad.compat.builtins`."""

from minigrad.compat.builtins import dict, isinstance, list, tuple, type  # noqa: A004

__all__ = ["dict", "isinstance", "list", "tuple", "type"]
