"""Tests run in one process per core where pytest-xdist is installed, and in one process where it is not."""

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """What `-n auto` says, unless the command line says another number, or this is one of the processes itself."""
    if getattr(config.option, "numprocesses", 0) is None and "PYTEST_XDIST_WORKER" not in os.environ:
        config.option.numprocesses = "auto"
