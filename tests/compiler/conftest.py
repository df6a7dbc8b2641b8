"""What the tests of compiled functions share is in this folder: cases of state that changes, ordinary programs."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minigrad.compiler import swept

sys.path.insert(0, os.path.dirname(__file__))


@pytest.fixture
def nothing_known() -> Iterator[None]:
    """A test begins and ends without programs of sweeps."""
    swept.forget()
    yield
    swept.forget()


@pytest.fixture
def answers_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool]]:
    """For each of some kinds of sweeps from here on, whether a program answered."""

    def noted(*kinds: str) -> list[bool]:
        found: list[bool] = []

        def told(answer: Callable[..., Any]) -> Callable[..., Any]:
            def answering(*args: Any) -> Any:
                result = answer(*args)
                found.append(result is not None)
                return result

            return answering

        for kind in kinds:
            monkeypatch.setitem(swept.recording.STRAIGHT, kind, told(swept.recording.STRAIGHT[kind]))
        return found

    return noted
