"""Progress of long work: a bar on a terminal, and without one a line every few seconds, for a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 5.0  #: between two lines
_last = [float("-inf")]  # when the last line was printed, by whatever work: many short pieces are one long one


class _Lines:
    """What tqdm is on a terminal: says how far the work is, if the last word was long ago."""

    def __init__(self, description: str, unit: str, total: int | None) -> None:
        self.description, self.unit, self.done = description, unit, 0
        self.of = "" if total is None else f" of {total}"
        if _last[0] == float("-inf"):
            _last[0] = time.monotonic()

    def update(self, count: int = 1) -> None:
        self.done += count
        if time.monotonic() - _last[0] > SECONDS:
            _last[0] = time.monotonic()
            print(f"{self.description}: {self.done}{self.of} {self.unit}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is left to be cleared."""


class _Unseen:
    """What stands for a bar where nobody looks."""

    def update(self, count: int = 1) -> None:
        """Nothing is said."""

    def close(self) -> None:
        """Nothing is left to be cleared."""


@contextmanager
def progress(description: str, unit: str, total: int | None = None, show: bool = True) -> Iterator[Any]:
    """A bar of tqdm, where that is installed and the error stream is a terminal; lines in the error stream otherwise.

    Args:
        description: what is being done.
        unit: what is counted, in the plural.
        total: how many there will be, if that is known.
        show: whether anything is to be said at all.

    Yields:
        An object whose `update(count)` says that so many more are done.

    >>> with progress("adding", "numbers", total=3) as bar:
    ...     for k in range(3):
    ...         bar.update()
    """
    bar: Any = None if show else _Unseen()
    if show and sys.stderr.isatty():
        try:
            from tqdm import tqdm  # here because it is an extra

            bar = tqdm(desc=description, unit=f" {unit}", total=total, delay=0.5, leave=False)
        except ImportError:
            pass
    bar = _Lines(description, unit, total) if bar is None else bar
    try:
        yield bar
    finally:
        bar.close()
