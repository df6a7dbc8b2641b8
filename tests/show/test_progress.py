"""Signs of life: a bar on a terminal, lines every few seconds elsewhere, and nothing for short work."""

import io
import sys
import time
from typing import Any

import pytest

from minigrad.show import progress as module
from minigrad.show.progress import progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "_last", [float("-inf")])
    return clock


def test_without_a_terminal_there_is_a_line_every_few_seconds(clock: Clock, capsys: Any) -> None:
    with progress("training", "steps", total=40) as bar:
        for _ in range(40):
            clock.now += 0.5
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "training: 11 of 40 steps, 14 s left",
        "training: 22 of 40 steps, 9 s left",
        "training: 33 of 40 steps, 4 s left",
    ]


def test_what_was_done_before_says_nothing_about_the_time_that_is_left(clock: Clock, capsys: Any) -> None:
    with progress("training", "steps", total=100, done=80, since=clock.now - 500.0) as bar:
        for count in (2, 3, 5):
            clock.now += 100.0
            bar.update(count)
    lines = ["82 of 100 steps", "85 of 100 steps", "90 of 100 steps, 13 min left"]  # two pieces are too few to tell
    assert capsys.readouterr().err == "".join(f"training: {line}\n" for line in lines)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_work_that_takes_long_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    if is_terminal:
        pytest.importorskip("tqdm")
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(module, "BEAT", 0.01)
    monkeypatch.setattr(module, "SECONDS", 0.02)
    with progress("adding", "numbers", total=3):
        while stream.getvalue().count("adding") < 3:
            time.sleep(0.01)
    assert "0 of 3 numbers" in stream.getvalue() or is_terminal


def test_many_short_pieces_of_work_give_a_sign_together(clock: Clock, capsys: Any) -> None:
    for k in range(6):
        with progress(f"network {k}", "steps") as bar:
            clock.now += 2.0
            bar.update()
    assert capsys.readouterr().err == "network 2: 1 steps\nnetwork 5: 1 steps\n"


def test_short_work_is_silent(capsys: Any, clock: Clock) -> None:
    with progress("adding", "numbers") as bar:
        bar.update()
    assert capsys.readouterr().err == ""


def test_nothing_is_said_where_nobody_looks(capsys: Any, clock: Clock) -> None:
    with progress("adding", "numbers", show=False) as bar:
        clock.now += 100.0
        bar.update()
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("adding", "numbers", total=3) as bar:
        assert isinstance(bar, tqdm.tqdm)
        bar.update(3)
        assert bar.n == 3
