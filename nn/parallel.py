"""Independent calls in other processes: those of joblib, those of a dask cluster, or one after another in this one."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

Call = tuple[Callable[..., Any], tuple[Any, ...]]  #: a function at the top level of a module, and its arguments
Results = Iterator[tuple[int, Any]]

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


def processors() -> int:
    """How many processes can run at once here.

    >>> processors() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def running(
    calls: Sequence[Call], jobs: int | None = None, client: Any = None, *, joining: bool = False
) -> Iterator[Results]:
    """Start calls in other processes, and give their results as they finish.

    Args:
        calls: what to call; the first begin first.
        jobs: how many processes; as many as can run at once if None. With one, or where joblib is missing, nothing is
            started, and each call is made here when its result is asked for.
        client: a `dask.distributed.Client`, whose workers take the place of joblib's processes.
        joining: whether this process is one of the `jobs`: when it asks for results, it makes calls itself that no
            other has begun, from the last one on. A cluster does without it.

    Yields:
        An iterator over pairs of the number of a call and its result, in the order in which they finish. What a process
        that died has left behind is done here. When the block is left, also by Ctrl-C or another exception, the
        processes are ended.

    Raises:
        ConnectionError: if the scheduler of the client goes away.
        Exception: what a call has raised, when its result is asked for.

    >>> with running([(max, (1, 2)), (min, (1, 2))], jobs=1) as results:
    ...     list(results)
    [(0, 2), (1, 1)]
    """
    if client is not None:
        executor = client.get_executor(pure=False)
        crew = _Crew(executor, calls, len(calls))
        try:
            yield crew.results(joining=False)
        except CancelledError as error:
            raise ConnectionError("the scheduler of dask has gone away, and has left calls undone") from error
        finally:  # what has not begun is given up
            executor.shutdown(wait=False)
        return
    others = min(processors() if jobs is None else jobs, len(calls)) - joining
    try:
        # Its processes do not import the caller's program, so that a script needs no guard for them. An extra.
        from joblib.externals.loky import ProcessPoolExecutor
    except ImportError:
        others = 0
    if others < 2 - joining:
        yield ((i, function(*arguments)) for i, (function, arguments) in enumerate(calls))
        return
    processes = ProcessPoolExecutor(others, initializer=_quiet, env=ONE_THREAD)
    crew = _Crew(processes, calls, others)
    try:
        yield crew.results(joining=joining)
    finally:
        crew.left.clear()
        # Who is killed may leave semaphores behind, of which Python would warn at its end.
        processes.shutdown(wait=True, kill_workers=not crew.has_ended)


def _quiet() -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that has started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Crew:
    """Calls on their way through an executor, a few at a time, so that an end finds few of them there.

    Attributes:
        left: what nobody has begun; both this process and the threads of the executor take from it.
        done: the number of each finished call, with its future; or with None if no executor would take it.
        has_ended: whether all results have been given.
    """

    def __init__(self, executor: Executor, calls: Sequence[Call], at_once: int) -> None:
        self.executor, self.calls, self.has_ended = executor, calls, False
        self.left = deque(range(len(calls)))
        self.done: SimpleQueue[tuple[int, Future[Any] | None]] = SimpleQueue()
        for _ in range(at_once):
            self.begin()

    def begin(self) -> None:
        """Hand over the next call; the end of it hands over another one."""
        while self.left:
            try:
                i = self.left.popleft()
            except IndexError:  # another thread was faster
                return
            function, arguments = self.calls[i]
            try:
                self.executor.submit(function, *arguments).add_done_callback(partial(self.finished, i))
            except BrokenExecutor:
                self.done.put((i, None))
                continue
            return

    def finished(self, i: int, future: Future[Any]) -> None:
        """Called by a thread of the executor."""
        self.done.put((i, future))
        self.begin()

    def results(self, *, joining: bool) -> Results:
        """The numbers of the calls and what they return."""
        for _ in self.calls:
            i, future = self.next(joining)
            try:
                yield i, self.here(i) if future is None else future.result()
            except BrokenExecutor:
                yield i, self.here(i)
        self.has_ended = True

    def next(self, joining: bool) -> tuple[int, Future[Any] | None]:
        """A finished call, or one to be made here."""
        while True:
            if joining and self.left and self.done.empty():
                with suppress(IndexError):
                    return self.left.pop(), None
            with suppress(Empty):
                return self.done.get(timeout=0.5)  # Ctrl-C waits for the end of this on Windows

    def here(self, i: int) -> Any:
        """What a call returns that is made in this process."""
        function, arguments = self.calls[i]
        return function(*arguments)
