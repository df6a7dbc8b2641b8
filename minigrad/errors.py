"""The errors that minigrad defines, in one tree. All derive from `MinigradError`, most from an error of Python too.

    MinigradError
    ├── LostDerivativeError (TypeError)         a traced value was to become a plain number
    ├── CannotCompileError (TypeError)          `compile`, `source`: a program cannot repeat what the function does
    ├── DenseError (ValueError)                 sparse derivatives: the pattern is too full to be called sparse
    ├── NoConvergenceError (RuntimeError)       `root`, `fixed_point`: no solution was found; has `history`
    ├── GradientMismatchError (AssertionError)  `minigrad.testing`: a derivative by hand is not right; has `report`
    ├── ExpressionError (ValueError)            a formula in x cannot be read; has `problem`, `text` and `place`
    └── CommandError                            `python -m minigrad`: the options or the file do not make sense

So `except MinigradError` catches what minigrad alone can raise, and `except TypeError` still catches a lost derivative.
Arguments that do not fit raise Python's `TypeError` and `ValueError` themselves, as in NumPy. An operation without a
rule raises `NotImplementedError`, an array that was written to before the sweep `RuntimeError`, a label that is not on
the tape `KeyError`, a matrix without an inverse NumPy's `LinAlgError`, and a missing package `ImportError`. Infinite
derivatives raise `FloatingPointError` within `np.errstate(divide="raise")`, and only warn otherwise. `nn` adds
`CheckpointError`, `DataError`, `DivergedError` and `UntranslatableError`. All of these errors can be pickled, with
their attributes, so that they travel between processes.

This module is the lowest of all and imports nothing of minigrad.

>>> import minigrad
>>> try:
...     minigrad.grad(lambda x: float(x) ** 2)(3.0)
... except minigrad.MinigradError as error:
...     print(type(error).__name__, isinstance(error, TypeError))
LostDerivativeError True
"""

import copyreg
from collections.abc import Sequence
from typing import Any

__all__ = [
    "CannotCompileError",
    "CommandError",
    "DenseError",
    "ExpressionError",
    "GradientMismatchError",
    "LostDerivativeError",
    "MinigradError",
    "NoConvergenceError",
]


class MinigradError(Exception):
    """The base of all errors that minigrad defines."""

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is unpickled by calling its class with its `args`, the message, which is not what the classes
        # with attributes take. This makes the object without calling `__init__` and restores its attributes.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class LostDerivativeError(MinigradError, TypeError):
    """A traced value was about to become a plain number or to be written into a plain array."""


class CannotCompileError(MinigradError, TypeError):
    """The function does something that a program cannot repeat."""


class DenseError(MinigradError, ValueError):
    """A sparsity pattern would have so many entries that it is not sparse."""


class NoConvergenceError(MinigradError, RuntimeError):
    """A solver gave up.

    Attributes:
        history: the size of the residual, or of the step, after each iteration.
    """

    def __init__(self, message: str, history: Sequence[float]) -> None:
        super().__init__(message)
        self.history = list(history)


class GradientMismatchError(MinigradError, AssertionError):
    """A derivative that a check did not find right. The message is a title, if there is one, and the report.

    Attributes:
        report: the `minigrad.Report`, which has more than its text.
    """

    def __init__(self, report: Any, title: str = "") -> None:
        super().__init__(f"{title}\n{report}" if title else str(report))
        self.report = report


class ExpressionError(MinigradError, ValueError):
    """A formula that is refused: why, the formula, and a caret below the place.

    Attributes:
        problem: the reason, in one line.
        text: the formula.
        place: the index of the character in `text`.
    """

    def __init__(self, problem: str, text: str, place: int) -> None:
        start = max(0, place - 60)
        shown = ("…" if start else "") + text[start : start + 100]
        where = f"\n  {shown}\n  {' ' * (place - start + bool(start))}^" if text else ""
        super().__init__(problem + where)
        self.problem, self.text, self.place = problem, text, place


class CommandError(MinigradError):
    """What a command cannot do with its options or with the file that it was given; the message is one line."""
