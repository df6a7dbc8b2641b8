"""Operations of your own in the form of autograd; see `minigrad.compat.extend`."""

from minigrad.compat.extend import (
    Box,
    Node,
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    notrace_primitive,
    primitive,
)
from minigrad.compat.extend import __getattr__ as __getattr__

__all__ = [
    "Box",
    "Node",
    "def_linear",
    "defjvp",
    "defjvp_argnum",
    "defjvp_argnums",
    "defvjp",
    "defvjp_argnum",
    "defvjp_argnums",
    "notrace_primitive",
    "primitive",
]
