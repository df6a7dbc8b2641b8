"""`source`: a computation as a module to read, its loops rolled up and its formulas simplified on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.compiler.cancelling import reduced
from minigrad.compiler.collecting import without_collections
from minigrad.compiler.emit import Source, module, plainly
from minigrad.compiler.nesting import nested
from minigrad.compiler.passes import optimised
from minigrad.compiler.readable import recognised
from minigrad.compiler.rolled import rolled as with_loops
from minigrad.compiler.statements import user_frame
from minigrad.compiler.traced import Traced, asked_by, traced_for_good
from minigrad.core.tree import flatten
from minigrad.modes.made import check_function

TOLERANCE = 1e-6  #: of a simplified text, relative to the largest entry


def source(fun: Callable[..., Any], *args: Any, rolled: bool = False, exact: bool = True, **kwargs: Any) -> Source:
    """What `fun(*args)` computes, derivatives included, as a module that reads like a derivation by hand.

    Args:
        fun: a function as for `compile`, often a derivative such as `grad(f)`.
        *args: its arguments. They fix the shapes, and the branch taken at each `if` that depends on numbers.
        rolled: find the loops again that the trace has unrolled, and write the recursion: `for r in range(R): ...`;
            also loops within loops, such as the layers of a network within the steps of time.
            The text is run once where it is made; if a bit differs, the loops are not rolled.
        exact: whether the text computes the same bits. If not, formulas are simplified as a person would, where only
            rounding changes: the gradient through the maximum of a stabilised log-sum-exp cancels, for example, and a
            sum that Python adds up entry by entry is `np.sum`.
        **kwargs: its keyword arguments, which are constants.

    Returns:
        The text of a Python module, a `str`. It needs NumPy alone, is formatted as ruff formats, and computes the same
        bits unless `exact` is false. A value has the name of the user's variable, where a line assigns to one; the
        cotangent of `z` is `z_bar`; every block is headed by the user's line. The function has the arguments of `fun`,
        then the captured arrays. `.constants` holds these arrays by name, `.name` is the name of the function, and
        `.function()` is the function itself, with the captured arrays filled in. `.loops` is the number of loops;
        `.fell_back` says why a plainer text was taken than was asked for, and is empty if none was.

    Raises:
        CannotCompileError: as `compile`.
        TypeError: for an operation that is not NumPy's own.

    >>> from minigrad import grad, source, value_and_grad
    >>> def loss(w, x):
    ...     return np.sum(np.arctan(x @ w))
    >>> print(source(grad(loss), np.ones(2), np.ones((3, 2))))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def grad_loss(w, x):
        # primal: return np.sum(np.arctan(x @ w))
        u = x @ w  # (3,)
    <BLANKLINE>
        # pullback of: return np.sum(np.arctan(x @ w))
        u_bar = 1.0 / (1.0 + u * u)  # (3,)
        w_bar = x.T @ u_bar  # (2,)
    <BLANKLINE>
        return w_bar
    <BLANKLINE>

    The layers of a network, as a recursion:

    >>> def network(A, x):
    ...     for r in range(len(A)):
    ...         x = np.arctan(A[r] @ x)
    ...     return np.sum(x * x)
    >>> A = [np.ones((4, 2)), np.ones((3, 4)), np.ones((5, 3)), np.ones((2, 5))]
    >>> text = source(value_and_grad(network), A, np.ones(2), rolled=True)
    >>> text.loops
    2
    >>> print(text[text.index("    for r in reversed") : text.index("    return")])
        for r in reversed(range(R)):
            # pullback of: x = np.arctan(A[r] @ x)
            u_bar = X_bar / (1.0 + u[r] * u[r])
            A_bar[r] = u_bar[..., None] * X[r]
            if r:
                X_bar = A[r].T @ u_bar
    <BLANKLINE>
    <BLANKLINE>
    """
    check_function("source", fun)
    frame = user_frame()
    with asked_by("source"):
        traced = traced_for_good(fun, args, kwargs, keeps_lines=True)
    with without_collections():
        program = optimised(traced.program)
        scopes = frame.f_locals, frame.f_globals
        attempts: list[tuple[Any, Any, float]] = []  # what is asked for first, what is safer after it
        texts: dict[Any, Source] = {}

        def written(each: Any, writing: Any) -> Source:
            key = id(each), writing
            if key not in texts:
                texts[key] = module(traced, each, fun, args, kwargs, scopes, writing)
            return texts[key]

        if not exact:
            simpler = reduced(recognised(program, traced.watched)[0])
            attempts = [
                (simpler, writing, TOLERANCE) for writing in ([nested, with_loops, plainly] if rolled else [plainly])
            ]
            # what cancels in the first pass alone
            if rolled and written(program, nested).count("\n") < written(simpler, nested).count("\n"):
                attempts.insert(0, (program, nested, 0.0))
        if rolled:
            attempts += [(program, nested, 0.0), (program, with_loops, 0.0)]
        fell_back = ""
        for each, writing, tolerance in attempts:
            text = written(each, writing)
            if _agrees(text, args, kwargs, traced, tolerance):
                text.fell_back = fell_back
                return text
            fell_back = "the text gave other results than the function"
        text = module(traced, program, fun, args, kwargs, scopes)
        text.fell_back = fell_back
        return text


def _agrees(text: Source, args: Any, kwargs: Any, traced: Traced, tolerance: float) -> bool:
    """Whether the text, run at these arguments, gives the results of the trace: bit by bit if the tolerance is 0."""
    with np.errstate(all="ignore"):
        found = flatten(text.function()(*args, **kwargs))[0]
    return len(found) == len(traced.results) and all(
        _is_alike(new, old, tolerance) for new, old in zip(found, traced.results)
    )


def _is_alike(new: Any, old: Any, tolerance: float) -> bool:
    new, old = np.asarray(new), np.asarray(old)
    if new.shape != old.shape or new.dtype != old.dtype:
        return False
    if not tolerance or old.dtype.kind not in "fc":
        return new.tobytes() == old.tobytes()
    scale = np.max(np.abs(old), initial=0.0, where=np.isfinite(old))
    return bool(np.allclose(new, old, rtol=tolerance, atol=tolerance * float(scale) + 1e-300, equal_nan=True))
