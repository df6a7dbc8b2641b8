"""The plugin for pytest: the fixture `grads_match`, a line per kind of verdict in the summary, and reports as pages.

It is a module of its own, and imports minigrad (and NumPy) only when a test asks for the fixture, so that it costs
nothing where it is installed and not used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from minigrad.checking.records import Report

PROPERTY = "gradient check"  # in the properties of a test's report, which travel between processes and into JUnit's XML


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option `--gradient-reports`."""
    group = parser.getgroup("minigrad", "checks of gradients by minigrad")
    group.addoption(
        "--gradient-reports",
        metavar="FOLDER",
        help="write the report of every check by the fixture grads_match that fails, as an HTML page, into this folder",
    )


@pytest.fixture
def grads_match(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """`minigrad.testing.assert_grads_match`, whose verdicts are counted in the summary of the run."""
    from minigrad.testing import GradientMismatchError, assert_grads_match

    folder = request.config.getoption("--gradient-reports", None)

    def check(fun: Callable[..., Any], manual: Any, *args: Any, **options: Any) -> Report:
        __tracebackhide__ = True
        failure = None
        try:
            report = assert_grads_match(fun, manual, *args, **options)
        except GradientMismatchError as error:
            report, failure = error.report, error
        request.node.user_properties.append((PROPERTY, str(report.verdict)))
        if failure is None:
            return report
        if folder is not None:
            name = re.sub(r"[^\w.-]+", "_", request.node.nodeid).strip("_")
            Path(folder).mkdir(parents=True, exist_ok=True)
            report.to_html(str(Path(folder) / f"{name}.html"))
        raise failure

    return check


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line with the verdicts of all checks, if there were any."""
    verdicts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                verdicts.update(value for name, value in report.user_properties if name == PROPERTY)
    if verdicts:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        terminalreporter.write_line(f"gradient checks: {counts}")
