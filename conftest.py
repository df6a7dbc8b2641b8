"""How the tests run with what is installed: in one process per core with pytest-xdist, and without what is absent.

The suite needs NumPy, pytest and hypothesis. A test that needs another library is skipped where that is not installed.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest

LIBRARIES = ("scipy", "matplotlib", "mpl_toolkits", "sklearn", "tqdm", "rich", "mpmath", "cloudpickle", "joblib",
             "jupytext")  # fmt: skip


def is_installed(name: str) -> bool:
    """Whether there is a library of this name, and not only a folder of tests that is called so."""
    spec = importlib.util.find_spec(name)
    return spec is not None and (spec.origin is not None or name == "mpl_toolkits")


ABSENT = [name for name in LIBRARIES if not is_installed(name)]
collect_ignore = [] if is_installed("dask") else ["minigrad/rules/dask_arrays.py"]  # a module for what is imported
sys.modules.update(dict.fromkeys(ABSENT))  # importing one of them raises, also where a folder of tests has its name


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """What `-n auto` says, unless the command line says another number, or this is one of the processes itself."""
    if getattr(config.option, "numprocesses", 0) is None and "PYTEST_XDIST_WORKER" not in os.environ:
        config.option.numprocesses = "auto"


def pytest_configure(config: pytest.Config) -> None:
    """Loops that Numba compiles are kept among what pytest keeps, and not in the folder of the user."""
    os.environ.setdefault("MINIGRAD_CACHE_DIR", str(config.rootpath / ".pytest_cache" / "minigrad"))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """A file that imports a library that is absent is skipped as a whole."""
    report = yield
    name = absent_in(str(report.longrepr)) if report.outcome == "failed" else None
    if name is not None:
        path = collector.path
        sys.modules.pop(".".join(path.relative_to(collector.config.rootpath).with_suffix("").parts), None)
        report.outcome, report.longrepr = "skipped", (str(path), 0, f"Skipped: {name} is not installed")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """A fixture that imports a library that is absent skips the test."""
    return (yield from skipped_without())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that imports a library that is absent is skipped."""
    return (yield from skipped_without())


def skipped_without() -> Generator[None, Any, Any]:
    """Let a test run; skip it if an import of a library that is absent is what it fails by."""
    try:
        return (yield)
    except Exception as error:
        for each in chain_of(error) if ABSENT else ():
            text = str(each)  # a benchmark says the name of what it misses
            name = text if text in ABSENT else absent_in(text) if isinstance(each, ImportError) else None
            if name is not None:
                pytest.skip(f"{name} is not installed")
        raise


def chain_of(error: Any) -> Iterator[Any]:
    """An error and what it arose from; of a doctest, what its first example raised."""
    while error is not None:
        yield error
        first = getattr(error, "failures", [error])[0]
        inside = getattr(first, "exc_info", (None, None))[1]
        error = inside if inside is not None else error.__cause__ or error.__context__


def absent_in(text: str) -> str | None:
    """The library that is absent, if this is the text of an import that failed for it."""
    found = re.findall(r"import of (\w+) halted|No module named '(\w+)", text)
    return next((name for pair in found for name in pair if name in ABSENT), None)


#: The line of ours in a docstring of NumPy or SciPy, see `minigrad.numpy.dispatch.documented`.
OF_THEIRS = re.compile(r"^\s*minigrad: (differentiable|of a? ?traced value)", re.MULTILINE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the examples of functions of NumPy and SciPy, which their own projects test."""
    texts = [getattr(getattr(item, "dtest", None), "docstring", None) or "" for item in items]
    items[:] = [item for item, text in zip(items, texts) if not OF_THEIRS.search(text)]
