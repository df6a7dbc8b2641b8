"""Progress of long work: a bar on a terminal, and without one a line every few seconds, for a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 5.0  #: between two lines
ENOUGH = 3  #: pieces of work from which on the time that is left is told: the first one may have begun slowly
BEAT = 1.0  #: seconds between two looks at the clock, however long one piece of the work takes
_last = [float("-inf")]  # when the last line was printed, by whatever work: many short pieces are one long one


class _Lines:
    """What tqdm is on a terminal: says how far the work is, if the last word was long ago."""

    def __init__(self, description: str, unit: str, total: int | None, done: int, since: float) -> None:
        self.description, self.unit, self.total = description, unit, total
        self.done, self.first, self.since, self.pieces = done, done, since, 0
        if _last[0] == float("-inf"):
            _last[0] = time.monotonic()

    def update(self, count: int = 1) -> None:
        self.done += count
        self.pieces += 1
        self.refresh()

    def refresh(self) -> None:
        now = time.monotonic()
        if now - _last[0] > SECONDS:
            _last[0] = now
            print(f"{self.description}: {self.text(now - self.since)}", file=sys.stderr, flush=True)

    def text(self, seconds: float) -> str:
        """How much is done, and how long the rest takes at this rate."""
        if self.total is None:
            return f"{self.done} {self.unit}"
        left = ""
        if self.pieces >= ENOUGH and self.done > self.first:
            rest = seconds * (self.total - self.done) / (self.done - self.first)
            left = f", {rest:.0f} s left" if rest < 100.0 else f", {rest / 60.0:.0f} min left"
        return f"{self.done} of {self.total} {self.unit}{left}"

    def close(self) -> None:
        """Nothing is left to be cleared."""


class _Unseen:
    """What stands for a bar where nobody looks."""

    def update(self, count: int = 1) -> None:
        """Nothing is said."""


@contextmanager
def progress(
    description: str,
    unit: str,
    total: int | None = None,
    show: bool = True,
    *,
    done: int = 0,
    since: float | None = None,
) -> Iterator[Any]:
    """A bar of tqdm, where that is installed and the error stream is a terminal; lines in the error stream otherwise.

    Both show the time that is left, and go on while one piece of the work takes long.

    Args:
        description: what is being done.
        unit: what is counted, in the plural.
        total: how many there will be, if that is known.
        show: whether anything is to be said at all.
        done: how many were done before the work began, so that they say nothing about its speed.
        since: when it began, by `time.monotonic`; now if None.

    Yields:
        An object whose `update(count)` says that so many more are done.

    >>> with progress("adding", "numbers", total=3) as bar:
    ...     for k in range(3):
    ...         bar.update()
    """
    if not show:
        yield _Unseen()
        return
    now = time.monotonic()
    since = now if since is None else since
    bar: Any = None
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm  # here because it is an extra

            bar = tqdm(desc=description, unit=f" {unit}", total=total, initial=done, delay=0.5, leave=False)
            bar.start_t -= now - since
        except ImportError:
            pass
    bar = _Lines(description, unit, total, done, since) if bar is None else bar
    ended = threading.Event()
    clock = threading.Thread(target=_beat, args=(bar, ended), daemon=True)
    clock.start()
    try:
        yield bar
    finally:
        ended.set()
        clock.join()
        bar.close()


def _beat(bar: Any, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        bar.refresh()
