"""Calls in other processes: results and errors come back, dead workers are survived, and no process is left behind."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nn.parallel import running

ROOT = Path(__file__).parents[2]


def script(text):
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def test_calls_are_made_one_by_one_without_joblib(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib.externals.loky", None)
    made = []
    with running([(made.append, (k,)) for k in range(3)], jobs=2, joining=True) as results:
        assert made == []
        assert next(results) == (0, None)
        assert made == [0]
        assert [i for i, _ in results] == [1, 2]


# A script without a guard, as many people write them: its processes must not run it again.
UNGUARDED = """
from nn.parallel import running
print("once")
with running([(divmod, (7, k)) for k in (1, 2, 3)], jobs=2, joining=True) as results:
    print(sorted(results))
try:
    with running([(divmod, (1, 1)), (divmod, (1, 0))], jobs=2) as results:
        print(sorted(results))
except ZeroDivisionError as error:
    print("raised")
"""


def test_an_unguarded_script():
    pytest.importorskip("joblib")
    out, error = script(UNGUARDED).communicate(timeout=120)
    assert error == b""
    assert out.decode().splitlines() == ["once", "[(0, (7, 0)), (1, (3, 1)), (2, (2, 1))]", "raised"]


@pytest.mark.parametrize("many", [3, 1])
def test_processes_are_killed_only_where_results_are_left(many, monkeypatch):
    """Who is killed may leave semaphores behind, of which Python warns at its end."""
    loky = pytest.importorskip("joblib.externals.loky")
    told = []

    class Threads(ThreadPoolExecutor):
        def __init__(self, count, **_):
            super().__init__(count)

        def shutdown(self, wait, kill_workers):
            told.append(kill_workers)
            super().shutdown(wait)

    monkeypatch.setattr(loky, "ProcessPoolExecutor", Threads)
    with running([(abs, (k,)) for k in range(3)], jobs=2) as results:
        for _, _ in zip(range(many), results, strict=False):
            pass
        assert many == 1 or next(results, None) is None
    assert told == [many == 1]


DYING = """
import os
from nn.parallel import running
here = os.getpid()
def end():
    if os.getpid() != here:
        os._exit(9)
    return "done here"
with running([(end, ()), (divmod, (7, 2))], jobs=2) as results:
    print(sorted(results))
"""


def test_what_a_dead_process_leaves_behind_is_done_here():
    pytest.importorskip("joblib")
    out, error = script(DYING).communicate(timeout=120)
    assert out.decode().splitlines() == ["[(0, 'done here'), (1, (3, 1))]"], error


INTERRUPTED = r"""
import os, signal, time
from nn.parallel import running
signal.signal(signal.SIGINT, signal.default_int_handler)
def working():
    os.write(1, b"%d\n" % os.getpid())  # at once, so that two lines do not mix
    time.sleep(60)
try:
    with running([(working, ()), (working, ())], jobs=2) as results:
        list(results)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to a single child")
def test_no_process_is_left_after_an_interruption():
    pytest.importorskip("joblib")
    child = script(INTERRUPTED)
    pids = [int(child.stdout.readline()) for _ in range(2)]
    child.send_signal(signal.SIGINT)
    out, error = child.communicate(timeout=60)
    assert (out, error) == (b"interrupted\n", b"")
    deadline = time.monotonic() + 10.0
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, pids))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
