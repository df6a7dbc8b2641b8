"""`checkpoint`: forget what a function computes on the way, and compute it again in the backward sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from minigrad.core.lines import located
from minigrad.core.nested import is_traced
from minigrad.core.tape import read_only
from minigrad.core.tree import flatten, tree_map
from minigrad.modes.made import P, R, transformation
from minigrad.modes.recording import named
from minigrad.operations.tree_operation import one_operation, tree_jvp, tree_series, tree_vjp


@overload
def checkpoint(fun: Callable[P, R]) -> Callable[P, R]: ...
@overload  # of a lambda where any function is wanted, whose types cannot be found
def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]: ...
@transformation
def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function that keeps only its arguments and results; the backward sweep computes the values between them again.

    Args:
        fun: a function of pytrees that returns a pytree of arrays. Traced values must come as arguments, not through a
            closure. It must return the same when it is run again.

    Returns:
        A function with the same values, and the same derivatives of any order.

    Raises:
        TypeError: if `fun` closes over a traced value.

    >>> import numpy as np
    >>> from minigrad import grad
    >>> grad(checkpoint(lambda x: np.sum(np.sin(np.sin(x)))))(np.array([0.5])).round(6)
    array([0.778644])
    """

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not any(map(is_traced, flatten((args, kwargs))[0])):
            return fun(*args, **kwargs)

        def with_keywords(args: Any, kwargs: Any) -> Any:
            # The arrays are the tape's own, and the function is run again: it must find what it has found before.
            args, kwargs = tree_map(read_only, (args, kwargs))
            try:
                return fun(*args, **kwargs)
            except ValueError as error:
                if "read-only" not in str(error):
                    raise
                raise ValueError(
                    located(
                        f"checkpoint: the function writes into its argument ({error}), which would be changed again "
                        "when it is run again. Let it write into a copy: x = x.copy()"
                    )
                ) from error

        return one_operation(
            "checkpoint",
            with_keywords,
            (args, kwargs),
            lambda g, _out, xs, _wanted: tree_vjp(with_keywords, xs, once=True)[1](g),
            lambda ts, _out, xs: tree_jvp(with_keywords, xs, ts)[1],
            lambda order, curves, out: tree_series("checkpoint", with_keywords, curves, order),
        )

    return named(checkpointed, "checkpoint", fun, checkpoint)
