"""A fixture that tells which operations made examples part ways."""

import pytest

from minigrad.modes.batching.stack import Batched


@pytest.fixture
def partings(monkeypatch):
    """What made examples part ways: empty as long as everything was done in one pass."""
    found = []
    differ = Batched.differ

    def noted(self, what):
        found.append(what)
        return differ(self, what)

    monkeypatch.setattr(Batched, "differ", noted)
    return found
