"""What all tests share: this folder (for `references` and `programs`) and the one above on the path, and hypothesis."""

import gc
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings, strategies

# The matrices are small: threads of BLAS would only wait for each other, and more so beside other processes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No folder of tests has an `__init__.py`: with one, `tests/nn` would hide the package `nn`, and `tests/numpy` NumPy.
sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]

# Cells are lines of a table, not tests. To look for examples in them pytest 8.0 would import them a second time.
collect_ignore = ["cells"]

quiet = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
# The same examples in every run, so that a red one is about the change at hand; HYPOTHESIS_PROFILE=search tries more.
settings.register_profile("same", max_examples=40, derandomize=True, **quiet)
settings.register_profile("search", max_examples=400, **quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(autouse=True, scope="session")
def hypothesis_has_begun() -> None:
    """Hypothesis asks the collector once who holds its random numbers, which has to be before anything is frozen."""
    given(strategies.none())(lambda _: None)()


@pytest.fixture(autouse=True, scope="module")
def nothing_older_is_searched(hypothesis_has_begun: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """Whoever looks through all objects, as each collection does, looks through those of one module's tests.

    It halves the time of the whole suite. Benchmarks freeze what there is themselves.
    """
    freezes = "benchmarks" not in request.path.parts[-2:]
    if freezes:
        gc.freeze()
    yield
    if freezes:
        gc.unfreeze()
