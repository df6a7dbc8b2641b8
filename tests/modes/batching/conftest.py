"""A fixture that tells which operations made examples part ways."""

import pytest

from minigrad.modes.batching.stack import Level


@pytest.fixture
def partings(monkeypatch):
    """What made examples part ways: empty as long as everything was done in one pass."""
    found = []
    differ = Level.differ

    def noted(self, what):
        found.append(what)
        return differ(self, what)

    monkeypatch.setattr(Level, "differ", noted)
    return found
